/* Where a program in Python was when a signal ended it: what its faulthandler wrote last. After "Fatal Python error: …" come the stacks
 * of its threads, the innermost call first; the one of the "Current thread" took the signal. */
#include "harness/base/last_words_impl.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MOST 80

/* '  File "/a/b.py", line 3 in f': "f (b.py:3)". A new string; NULL when it is none. */
static char *place(const char *s)
{
    const char *file = starts(skip_blanks(s), "File \"") ? skip_blanks(s) + 6 : NULL;
    const char *end = file ? strstr(file, "\", line ") : NULL, *line = end ? end + 8 : NULL;
    size_t digits = line ? strspn(line, "0123456789") : 0;
    if (!digits || !starts(line + digits, " in "))
        return NULL;
    for (const char *p = file; p < end; p++)
        if (*p == '/')
            file = p + 1;
    return tl_format("%.*s (%.*s:%.*s)", NAME_MOST, line + digits + 4,
                     end - file > NAME_MOST ? NAME_MOST : (int)(end - file), file, (int)digits, line);
}

static bool is_of_the_library(const char *s)
{
    return strstr(s, "/lib/python") || strstr(s, "\"<frozen") || strstr(s, ".framework/Versions/");
}

char *tl_find_python_place(const char *text, size_t size)
{
    struct tl_lines t;
    char *places = NULL;
    if (!text || !size || !memmem(text, size, "Current thread 0x", 17))
        return NULL;
    tl_lines_cut(text, size, &t);
    for (size_t i = t.n; i-- > 0 && !places;) {
        if (!starts(t.line[i], "Current thread 0x") || !strstr(t.line[i], "(most recent call first)"))
            continue;
        for (size_t k = i + 1; k < t.n;
             k++) { /* the innermost, and the innermost that is the program's own */
            char *at = place(t.line[k]);
            if (!at)
                break;
            char *both = places ? tl_format("%s ← %s", places, at) : NULL;
            bool own = !is_of_the_library(t.line[k]);
            if (!places) {
                places = at;
            } else {
                free(at);
                if (own) {
                    free(places);
                    places = both;
                } else {
                    free(both);
                }
            }
            if (own)
                break;
        }
        break;
    }
    tl_lines_free(&t);
    return places;
}

static bool is_head_of_ignored(const char *s)
{
    static const char *const heads[] = {"Exception ignored in",     "Exception ignored on ",
                                        "Exception ignored while ", "Error in atexit._run_exitfuncs",
                                        "Error in sys.excepthook",  "Exception ignored from "};
    for (size_t i = 0; i < TL_COUNT(heads); i++)
        if (starts(s, heads[i]))
            return true;
    return false;
}

/* The qualified name of an exception, alone or before a colon. */
static bool is_exception(const char *s)
{
    size_t n = 0;
    while (tl_is_word(s[n]) || s[n] == '.')
        n++;
    return n && (!s[n] || s[n] == ':') && *s >= 'A' && !starts(s, "Traceback");
}

size_t tl_python_ignored(const struct tl_lines *t, size_t i)
{
    static const char traceback[] = "Traceback (most recent call last)";
    size_t k = i + 1;
    if (!is_head_of_ignored(t->line[i]))
        return 0;
    for (;;) {
        bool traced = k < t->n && starts(t->line[k], traceback);
        for (k += traced; traced && k < t->n && (!*t->line[k] || t->line[k][0] == ' ');)
            k++;
        if (k < t->n && is_exception(t->line[k]))
            for (k++; traced && k < t->n && (t->line[k][0] == ' ' || strspn(t->line[k], "})]"));)
                k++;
        size_t next = k;
        while (next < t->n && !*t->line[next])
            next++;
        if (next >= t->n || (!starts(t->line[next], "During handling of the above") &&
                             !starts(t->line[next], "The above exception was")))
            return k;
        for (next++; next < t->n && !*t->line[next];)
            next++;
        k = next;
    }
}
