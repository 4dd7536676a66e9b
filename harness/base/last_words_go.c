/* What a program in Go says at its end: a panic or a fatal error, then the stacks of its goroutines, each frame in two lines (the
 * function with its arguments, and below, indented, its place). The first stack is that of what failed. Its innermost
 * frames are the runtime's own; the first that is not, and not of the standard library either, is the function that is at fault. */
#include "harness/base/last_words_impl.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_LINES 60  /* between the panic and the stack: which signal it was, what was deferred */
#define FRAMES_MOST 64 /* of a stack */

static bool is_of_the_runtime(const char *function)
{
    static const char *const heads[] = {"runtime.", "runtime/", "panic(",  "internal/",
                                        "syscall.", "reflect.", "testing."};
    for (size_t i = 0; i < TL_COUNT(heads); i++)
        if (starts(function, heads[i]))
            return true;
    return false;
}

/* A file of the standard library, where Go is usually installed. */
static bool is_of_the_library(const char *place)
{
    static const char *const roots[] = {"/go/src/", "/lib/go", "/libexec/src/"};
    for (size_t i = 0; i < TL_COUNT(roots); i++)
        if (strstr(place, roots[i]) && strstr(place, "/src/"))
            return true;
    return false;
}

/* The function at fault, without its arguments: a new string, or NULL. */
static char *function_at_fault(const struct tl_lines *t, size_t from)
{
    size_t k = from;
    while (k < t->n && k < from + HEAD_LINES && !starts(t->line[k], "goroutine "))
        k++;
    if (k >= t->n || !starts(t->line[k], "goroutine "))
        return NULL;
    const char *first = NULL, *own = NULL;
    for (size_t frames = 0; ++k + 1 < t->n && *t->line[k] && frames < FRAMES_MOST && !own; frames++) {
        const char *s = t->line[k], *place = t->line[k + 1];
        if (*place != ' ' || !strrchr(s, '('))
            continue;
        k++;
        if (is_of_the_runtime(s))
            continue;
        first = first ? first : s;
        if (!is_of_the_library(place))
            own = s;
    }
    own = own ? own : first;
    return own ? tl_format("%.*s", (int)(strrchr(own, '(') - own), own) : NULL;
}

char *tl_go_panic(const struct tl_lines *t, size_t i)
{
    const char *s = t->line[i];
    bool fault =
        starts(s, "SIG") && strstr(s, ": ") && i + 1 < t->n && starts(t->line[i + 1], "PC=0x"); /* in C */
    if (!fault && !starts(s, "panic: ") && !starts(s, "fatal error: "))
        return NULL;
    char *function = function_at_fault(t, i + 1);
    char *message =
        function || fault ? tl_format("%s%s%s", s, function ? " in " : "", function ? function : "") : NULL;
    free(function);
    return message;
}

/* "--- FAIL: TestSum (0.00s)" with what the test said, which stands indented below, or above where the output came as it
 * was made. A new string; NULL when it is none of go test. */
char *tl_go_test_failure(const struct tl_lines *t, size_t i, size_t *end)
{
    const char *s = skip_blanks(t->line[i]), *said = NULL;
    if (!starts(s, "--- FAIL: "))
        return NULL;
    for (size_t k = i + 1; k < t->n && t->line[k][0] == ' ' && !said; k++)
        if (strstr(t->line[k], "_test.go:")) {
            said = skip_blanks(t->line[k]);
            *end = k + 1;
        }
    for (size_t k = i; k-- > 0 && t->line[k][0] == ' ' && !said;)
        if (strstr(t->line[k], "_test.go:"))
            said = skip_blanks(t->line[k]);
    size_t name = strcspn(s + 10, " ");
    return said ? tl_format("%s (%.*s)", said, (int)name, s + 10) : tl_format("%.*s", (int)(10 + name), s);
}
