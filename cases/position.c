/* Where in a JSON text each value stands.
 *
 * jansson reads a text and keeps no lines; a message about a mistake needs one. So the same text is walked
 * once more, after jansson has accepted it, and this walk knows nothing but lines: it counts a value at each
 * brace, bracket, string, number or word that is not a key. The text is known to be JSON, so the walk can be
 * crude: commas and colons need no grammar, a number ends where blanks or punctuation begin, and in a string
 * only the backslash matters.
 *
 * Values are numbered in the order of the text, the outermost first, and each knows the number of the first
 * one behind it: stepping over a value is one look-up. jansson lists the members of an object in the order of
 * the file, too (duplicate keys, which would break that, are refused). So the two can be followed side by
 * side: the first member of value n is value n + 1, and the next sibling of value m is the end of m (tl_first
 * and tl_next in mistakes.c). The number of a value is also what mistakes are sorted by.
 *
 * The stack of open lists and objects has a fixed depth, so that no input makes it grow. */
#include "cases/position.h"
#include "harness/base/buffer.h"

#include <stdbool.h>
#include <string.h>

struct open {
    size_t node;
    bool object;
};

static void add(struct tl_positions *p, size_t *capacity, int line)
{
    if (p->n == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 256;
        p->list = tl_realloc(p->list, *capacity, sizeof *p->list);
    }
    p->list[p->n] = (struct tl_position){line, p->n + 1};
    p->n++;
}

int tl_positions_scan(const char *text, size_t size, struct tl_positions *p)
{
    struct open open[TL_CASE_DEPTH_MAX];
    size_t depth = 0, capacity = 0;
    int line = 1, key_line = 0;
    bool key_next = false; /* the next string is a key */
    *p = (struct tl_positions){0};
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '\n')
            line++;
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ':')
            continue;
        if (c == ',') {
            key_next = depth && open[depth - 1].object;
            continue;
        }
        if (c == '}' || c == ']') {
            if (depth)
                p->list[open[--depth].node].end = p->n;
            key_next = false;
            continue;
        }
        if (c == '"' && key_next) {
            key_line = line;
            key_next = false;
        } else {
            add(p, &capacity, key_line ? key_line : line);
            key_line = 0;
        }
        if (c == '{' || c == '[') {
            if (depth == TL_CASE_DEPTH_MAX)
                return line;
            open[depth].node = p->n - 1;
            open[depth++].object = key_next = c == '{';
        } else if (c == '"') {
            while (++i < size && text[i] != '"')
                i += text[i] == '\\';
        } else { /* a number or a word: up to what ends it */
            while (i + 1 < size && !strchr(" \t\r\n,]}", text[i + 1]))
                i++;
        }
    }
    return 0;
}
