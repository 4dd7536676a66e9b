/* What else a word of a configuration may be. Nobody says so as often as the program that reads it: it looks the word up in a table,
 * finds it in a list, or compares it with the others, one after another. A guess, which costs a trial where it is wrong. */
#include "cases/init/config.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MOST ((size_t)1 << 20)
#define BRACKET_MOST 4000 /* bytes between brackets that are looked at */
#define WORD_MOST 40

struct found {
    json_t *list;
    const char *word;
    size_t most;
};

static void add(struct found *f, const char *word, size_t n)
{
    char text[WORD_MOST + 1];
    const json_t *one;
    size_t i;
    if (!n || n > WORD_MOST)
        return;
    for (i = 0; i < n; i++)
        if (!isalnum((unsigned char)word[i]) && !strchr("_.+-", word[i]))
            return;
    memcpy(text, word, n);
    text[n] = '\0';
    if (!strcmp(text, f->word) || json_array_size(f->list) >= f->most)
        return;
    json_array_foreach(f->list, i, one)
        if (!strcmp(json_string_value(one), text))
            return;
    json_array_append_new(f->list, json_string(text));
}

/* The end of a quoted text that begins at a place: that of its last quote. The text has an end. */
static const char *end_of_text(const char *at)
{
    const char *end = at + 1;
    while (*end && *end != *at && *end != '\n')
        end += *end == '\\' && end[1] ? 2 : 1;
    return end;
}

static char behind(const char *end) /* what comes next, blanks aside */
{
    for (end++; isspace((unsigned char)*end);)
        end++;
    return *end;
}

/* Texts between the brackets around a place, those that are keys where that one is a key, else those that are none. */
static void between_brackets(struct found *f, const char *text, const char *at)
{
    const char *begin = at;
    int depth = 0;
    bool is_key = behind(end_of_text(at)) == ':';
    for (; begin > text && at - begin < BRACKET_MOST; begin--) {
        depth += strchr(")]}", begin[-1]) ? 1 : strchr("([{", begin[-1]) ? -1 : 0;
        if (depth < 0)
            break;
    }
    if (depth >= 0)
        return;
    const char *before = at; /* the value of a key: other values mean something else */
    while (before > begin && isspace((unsigned char)before[-1]))
        before--;
    if (!is_key && before > begin && before[-1] == ':')
        return;
    depth = 0;
    for (const char *s = begin; *s && depth >= 0 && s - begin < BRACKET_MOST; s++) {
        if (strchr("([{", *s)) {
            depth++;
        } else if (strchr(")]}", *s)) {
            depth--;
        } else if (*s == '"' || *s == '\'') {
            const char *end = end_of_text(s);
            if (*end == *s && !depth && (behind(end) == ':') == is_key)
                add(f, s + 1, (size_t)(end - s - 1));
            s = *end ? end : end - 1;
        }
    }
}

/* The variable before "==" before a place; its size, 0: there is none. */
static size_t compared(const char *text, const char *at, const char **name)
{
    while (at > text && isspace((unsigned char)at[-1]))
        at--;
    if (at - text < 3 || at[-1] != '=' || at[-2] != '=')
        return 0;
    at -= 2 + (at[-3] == '=');
    while (at > text && isspace((unsigned char)at[-1]))
        at--;
    const char *end = at;
    while (at > text && (isalnum((unsigned char)at[-1]) || strchr("_.[]'\"", at[-1])))
        at--;
    *name = at;
    return (size_t)(end - at);
}

/* Texts with which the same variable is compared elsewhere. */
static void by_comparison(struct found *f, const char *text, const char *at)
{
    const char *name, *other;
    size_t n = compared(text, at, &name);
    for (const char *s = n ? strstr(text, "==") : NULL; s; s = strstr(s + 2, "==")) {
        const char *quote = s + 2 + (s[2] == '=');
        while (isblank((unsigned char)*quote))
            quote++;
        if (*quote != '"' && *quote != '\'')
            continue;
        const char *end = end_of_text(quote);
        if (*end == *quote && compared(text, quote, &other) == n && !strncmp(name, other, n))
            add(f, quote + 1, (size_t)(end - quote - 1));
    }
}

static void look(struct found *f, const char *text)
{
    size_t n = strlen(f->word);
    for (const char *at = text; (at = strstr(at, f->word)); at += n) {
        if (at == text || (at[-1] != '"' && at[-1] != '\'') || at[n] != at[-1])
            continue;
        by_comparison(f, text, at - 1);
        between_brackets(f, text, at - 1);
    }
}

json_t *tl_init_alternatives(const struct tl_init *p, const char *word, size_t most)
{
    struct found f = {json_array(), word, most};
    for (size_t i = 0; *word && i < p->n_files; i++) {
        size_t size;
        char *text = p->files[i].from && !tl_init_config_is(p->files[i].from)
                         ? tl_read_file(p->files[i].from, SCRIPT_MOST, &size)
                         : NULL;
        if (text && strlen(text) == size)
            look(&f, text);
        free(text);
    }
    return f.list;
}
