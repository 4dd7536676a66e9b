/* What a sanitizer reported that did not end the process by a signal.
 *
 * A report begins in a line that names the sanitizer, or a place in the source and "runtime error", and ends in a
 * summary of one line, which names the function too. The first report counts: others may follow from it. */
#include "harness/base/last_words_impl.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"

#include <string.h>

/* "file.c:12:3: runtime error: …", of UndefinedBehaviorSanitizer, which always knows line and column. */
static bool is_undefined_behaviour(const char *s)
{
    const char *error = strstr(s, ": runtime error: "), *p = error;
    for (int numbers = 0; p && numbers < 2; numbers++) {
        const char *end = p;
        while (p > s && tl_is_digit(p[-1]))
            p--;
        if (p == end || p == s || p[-1] != ':')
            return false;
        p--;
    }
    return error && p > s;
}

static bool is_minimal(const char *s)
{
    return starts(s, "ubsan: ") && tl_is_letter(s[7]) && (strchr(s + 7, '-') || strstr(s + 7, " by 0x"));
}

/* "==1==ERROR: XSanitizer: …", "WARNING: ThreadSanitizer: …": what follows the level; NULL. */
static const char *head_of_report(const char *s)
{
    static const char *const levels[] = {"ERROR: ", "WARNING: "};
    for (size_t i = 0; i < TL_COUNT(levels); i++) {
        const char *p = strstr(s, levels[i]);
        const char *name = p ? p + strlen(levels[i]) : NULL, *end = name ? strstr(name, "Sanitizer: ") : NULL;
        if (end && !memchr(name, ' ', (size_t)(end - name)) && (p == s || p[-1] == '='))
            return name;
    }
    return NULL;
}

static const char *summary(const struct tl_lines *t, size_t from)
{
    for (size_t i = from; i < t->n && !head_of_report(t->line[i]); i++)
        if (starts(t->line[i], "SUMMARY: ") && strstr(t->line[i], "Sanitizer: "))
            return t->line[i] + 9;
    return NULL;
}

char *tl_find_sanitizer_report(const char *text, size_t size)
{
    struct tl_lines t;
    char *message = NULL;
    if (!text || !size ||
        (!memmem(text, size, "Sanitizer: ", 11) && !memmem(text, size, "runtime error: ", 15) &&
         !memmem(text, size, "ubsan: ", 7)))
        return NULL;
    tl_lines_cut(text, size, &t);
    for (size_t i = 0; i < t.n && !message; i++) {
        const char *head = head_of_report(t.line[i]), *says = head ? summary(&t, i + 1) : NULL;
        if (head)
            message = tl_strdup(says ? says : head);
        else if (is_undefined_behaviour(t.line[i]) || is_minimal(t.line[i]))
            message = tl_strdup(t.line[i]);
    }
    tl_lines_free(&t);
    return message;
}
