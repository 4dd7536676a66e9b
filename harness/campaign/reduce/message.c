/* Messages of failures without what differs between variants of one model: a variant has other names, or has other ones in it. */
#include "harness/campaign/reduce/parts.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define TOLD_ANYWHERE 5 /* letters of a name that is one within a word, too: runtimes make names of names */
#define NAMED_MOST (1 << 16) /* bytes of a message in which names are looked for */

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

/* v5, n12: as `rename` gives them. Runtimes make names of these, too, as in "InsertedCast_v5for". */
static bool is_made(const char *word)
{
    return (*word == 'v' || *word == 'n') && word[1] && strspn(word + 1, "0123456789") == strlen(word + 1);
}

/* Whether the n letters at this place of a text stand for the name, and are not a part of another word. */
static bool stands_alone(const char *text, const char *at, const char *word, size_t n)
{
    char before = at == text ? ' ' : at[-1], after = at[n];
    if (n >= TOLD_ANYWHERE)
        return true;
    if (is_made(word))
        return (!is_word(before) || before == '_') && !(after >= '0' && after <= '9');
    return (!is_word(before) || !is_word(*word)) && (!is_word(after) || !is_word(word[n - 1]));
}

/* A node with bodies quotes what went wrong in one of them, level by level. The failure is the innermost one, wherever it stands. */
static char *innermost(char *message)
{
    static const char quoting[] = "Non-zero status code returned while running ";
    char *last = NULL;
    for (char *at = message; at && (at = strstr(at, quoting)); at++)
        last = at;
    if (last)
        memmove(message, last, strlen(last) + 1);
    return message;
}

/* A message without the names of nodes and values: the variant has others than the original, or other ones are in it. */
char *tl_reduce_without_names(const struct tl_reduce_state *s, const char *message)
{
    if (!message || strlen(message) > NAMED_MOST)
        return tl_strdup(message);
    char *text = tl_strdup(message);
    json_t *name;
    size_t i;
    json_array_foreach(s->names, i, name) {
        const char *word = json_string_value(name);
        size_t n = json_string_length(name);
        for (char *at = text; (at = strstr(at, word)); at++)
            if (stands_alone(text, at, word, n)) {
                *at = '*';
                memmove(at + 1, at + n, strlen(at + n) + 1);
            }
    }
    /* A node that has no name is called '', and n1 where names are new ones. */
    struct tl_buffer b = TL_BUFFER_INIT;
    for (const char *at = text; *at; at++) {
        tl_buffer_add(&b, at, 1);
        if (at[0] == '\'' && at[1] == '\'')
            tl_buffer_add_string(&b, "*");
    }
    free(text);
    return b.data ? tl_buffer_take(&b) : tl_strdup("");
}

char *tl_reduce_bare_message(const struct tl_reduce_state *s, const char *message)
{
    return innermost(tl_reduce_without_names(s, message));
}
