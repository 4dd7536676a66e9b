/* A message that is written over several lines: "RuntimeError: {", what it is about, "}".
 *
 * Theory of operation. Dictionaries, lists, objects of JSON and structures are printed with a bracket at the end of the first line, a
 * field or an element on each line, indented, and the closing bracket at the margin. The field that is a description in
 * words says why: it comes first, and the other fields after it, as they may tell two failures apart. */
#include "harness/base/last_words_impl.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLOCK_MOST 24   /* lines of a block */
#define FIELDS_MOST 8   /* fields that are kept beside the one that says why */
#define BLOCK_BYTES 600 /* of those */

/* The fields that describe an error, the one that says most first. */
static const char *const describing[] = {"NSLocalizedDescription",
                                         "NSDebugDescription",
                                         "NSLocalizedFailureReason",
                                         "message",
                                         "msg",
                                         "reason",
                                         "description",
                                         "detail",
                                         "error_message",
                                         "what",
                                         "error",
                                         "ErrorDescription",
                                         "NSUnderlyingError"};

static bool opens(const char *s)
{
    size_t n = strlen(s);
    return n && strchr("{([", s[n - 1]);
}

static bool closes(const char *s)
{
    return *s && strchr("})]", *s) && !has_letter(s);
}

/* The value of a field `key: value,` or `"key" = "value";` without its quotes: a new string; NULL when the line is none of that key,
 * or its value says nothing. */
static char *value_of(const char *s, const char *key)
{
    s = skip_blanks(s);
    s += *s == '"' || *s == '\'';
    size_t n = strlen(key);
    if (strncasecmp(s, key, n) || tl_is_word(s[n]))
        return NULL;
    s = skip_blanks(s + n + (s[n] == '"' || s[n] == '\''));
    if (*s != ':' && *s != '=')
        return NULL;
    s = skip_blanks(s + 1);
    n = strlen(s);
    while (n && strchr(" ,;", s[n - 1]))
        n--;
    if (n > 1 && strchr("\"'", *s) && s[n - 1] == *s) {
        s++;
        n -= 2;
    }
    char *value = tl_format("%.*s", (int)n, s);
    if (has_letter(value) && !opens(value))
        return value;
    free(value);
    return NULL;
}

/* The line after the block that line `at` opens. */
static size_t end_of_block(const struct tl_lines *t, size_t at)
{
    for (size_t k = at + 1; k < t->n && k <= at + BLOCK_MOST; k++) {
        const char *s = t->line[k];
        if (closes(s))
            return k + 1;
        if (*s && *s != ' ')
            return k;
    }
    return at + BLOCK_MOST < t->n ? at + BLOCK_MOST : t->n;
}

/* Which line of a block describes the error in words that its head does not hold: *value, a new string; else 0 and NULL. */
static size_t describing_line(const struct tl_lines *t, size_t at, size_t end, char **value)
{
    for (size_t i = 0; i < TL_COUNT(describing); i++)
        for (size_t k = at + 1; k < end; k++) {
            *value = value_of(t->line[k], describing[i]);
            if (*value && !strstr(t->line[at], *value))
                return k;
            free(*value);
        }
    *value = NULL;
    return 0;
}

char *tl_message_with_block(const struct tl_lines *t, size_t at, char *message, size_t *end)
{
    size_t n = strlen(message), line = strlen(t->line[at]);
    if (!opens(message) || n > line + 200 || message[n - 1] != t->line[at][line ? line - 1 : 0])
        return message;
    size_t last = end_of_block(t, at), fields = 0;
    char *value;
    size_t why = describing_line(t, at, last, &value);
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t k = at + 1; k < last && fields < FIELDS_MOST && b.size < BLOCK_BYTES; k++) {
        const char *s = skip_blanks(t->line[k]);
        if (k == why || !has_letter(s) || tl_line_is_of_a_stack(t->line[k]) || (why && opens(s)))
            continue;
        tl_buffer_printf(&b, "%s%s", b.size ? " " : "", s);
        fields++;
    }
    if (!value && !b.size)
        return message;
    size_t head = n - 1; /* without the bracket, and the name of the dictionary */
    while (value && head && strchr(" =", message[head - 1]))
        head--;
    if (value && head > 9 && starts(message + head - 9, " UserInfo"))
        head -= 9;
    char *rest = b.size ? tl_buffer_take(&b) : NULL, *whole;
    if (!value)
        whole = tl_format("%s %s", message, rest);
    else
        whole = tl_format("%.*s%s%s%s%s%s", (int)head, message, head && message[head - 1] == ':' ? " " : ": ",
                          value, rest ? " (" : "", rest ? rest : "", rest ? ")" : "");
    free(rest);
    free(value);
    free(message);
    if (last > *end)
        *end = last;
    return whole;
}

/* A value in quotes that is a sentence, and no file: a new string; NULL. */
static char *sentence(const char *s)
{
    const char *from = strchr(s, '"'), *to = strrchr(s, '"');
    if (!from || to < from + 2 || from[1] == '/' || !memchr(from, ' ', (size_t)(to - from)))
        return NULL;
    return tl_format("%.*s", (int)(to - from - 1), from + 1);
}

/* Whether a field holds where something is, which differs from run to run and says no reason. */
static bool is_a_file(const char *s)
{
    const char *value = strpbrk(s, "=:");
    while (value && *value && strchr("=: \"'", *value))
        value++;
    return value && (*value == '/' || starts(value, "file:"));
}

char *tl_block_reason(const struct tl_lines *t, size_t at)
{
    if (!opens(t->line[at]))
        return NULL;
    size_t end = end_of_block(t, at), fields = 0;
    char *value;
    if (describing_line(t, at, end, &value))
        return value;
    for (size_t k = at + 1; k < end; k++)
        if ((value = sentence(t->line[k])))
            return value;
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t k = at + 1; k < end && fields < FIELDS_MOST; k++) {
        const char *s = skip_blanks(t->line[k]);
        if (!has_letter(s) || opens(s) || is_a_file(s) || tl_line_is_of_a_stack(t->line[k]))
            continue;
        tl_buffer_printf(&b, "%s%s", b.size ? " " : "", s);
        fields++;
    }
    if (b.size)
        return tl_buffer_take(&b);
    tl_buffer_free(&b);
    return NULL;
}

char *tl_head_of_block(const char *s)
{
    s = skip_blanks(s);
    size_t n = strlen(s);
    if (opens(s)) {
        for (n--; n && s[n - 1] == ' ';)
            n--;
        if (n && s[n - 1] == '=') /* and its name */
            for (n--; n && (tl_is_word(s[n - 1]) || s[n - 1] == ' ');)
                n--;
        while (n && strchr(" ,:", s[n - 1]))
            n--;
    }
    return tl_format("%.*s", (int)n, s);
}
