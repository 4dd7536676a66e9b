/* Theory of operation. A process that finds a mistake prints what it found, and aborts. Checks are made by a few functions
 * for everybody (what loads a module, what verifies a graph), so two failures of one function may be as different as two
 * mistakes of a program that one compiler finds. What tells them apart is what was printed. So of such failures the words
 * count before the stack:
 *
 *   the same function asserted   one failure, whatever of its conditions it was
 *   most words are the same      one failure: they name other things (a type, an axis)
 *   hardly a word is             two failures
 *
 * and in between they say nothing. Of a message only what names the cause is compared: an assertion that always says the same
 * ("… (x.mm:975: failed assertion `original module failed verification')") is left away where a cause stands before it.
 * What an allocator, a sanitizer or the library of a language says ("free(): invalid pointer") is said of any mistake of
 * this kind, and differs from run to run of one: it says nothing here. */
#include "harness/verdict/own_words.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/base/last_words.h"
#include "harness/verdict/normalise.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MOST 200
#define WORDS_LEAST 2 /* of a cause that can be told from another */

static bool says_nothing_of_cause(const char *m)
{
    static const char *const parts[] = {
        "free()",
        "malloc",
        "realloc()",
        "calloc()",
        "double free",
        "corrupted ",
        "munmap_chunk",
        "unaligned tcache",
        "invalid pointer",
        "invalid size",
        "pointer being freed",
        "Incorrect guard value",
        "heap corruption",
        "smashing detected",
        "buffer overflow detected",
        "pure virtual method",
        "without an active exception",
        "Sanitizer",
        "bad_alloc",
        "abort() called",
        "unlink",
        "terminate called recursively",
        "SIGABRT",
        "core dumped",
    };
    for (size_t i = 0; i < TL_COUNT(parts); i++)
        if (strstr(m, parts[i]))
            return true;
    return tl_message_says_nothing(m);
}

/* The message of a process that ended itself, normalised; NULL. */
static char *cause_of(const struct tl_trial_record *r)
{
    bool raised = r->outcome == TL_OUTCOME_CRASH &&
                  (r->signal == SIGABRT || r->signal == SIGTRAP || r->signal == SIGILL);
    if (!raised || !r->message || !*r->message || says_nothing_of_cause(r->message))
        return NULL;
    char *m = tl_normalise_message(r->message);
    char *always = strstr(m, "failed assertion `"), *open = NULL;
    for (char *p = m; always && (p = strstr(p, " (")) && p < always; p++)
        open = p;
    if (open && open > m)
        *open = '\0';
    return m;
}

/* The function that a message names as the one that asserted: of "F: Assertion `C' failed." and of "function F, file". */
static const char *asserting(const char *m, size_t *n)
{
    const char *darwin = strstr(m, ", function "), *libc = strstr(m, ": Assertion `"), *from = m;
    if (darwin) {
        darwin += strlen(", function ");
        *n = strcspn(darwin, ",(");
        return *n ? darwin : NULL;
    }
    if (!libc)
        return NULL;
    for (const char *p; (p = strstr(from, ": ")) && p < libc;)
        from = p + 2;
    const char *open = memchr(from, '(', (size_t)(libc - from)), *end = open ? open : libc;
    for (const char *p = from; p < end; p++) /* without its type */
        from = *p == ' ' ? p + 1 : from;
    *n = (size_t)(end - from);
    return *n ? from : NULL;
}

static bool is_same(const char *a, size_t n, const char *b, size_t m)
{
    return n == m && !strncmp(a, b, n);
}

struct words {
    size_t n;
    struct {
        const char *at;
        size_t n;
    } list[WORDS_MOST];
};

static void split(const char *text, struct words *w)
{
    w->n = 0;
    for (const char *p = text; *p && w->n < WORDS_MOST;) {
        size_t n = 0;
        while (tl_is_word(p[n]) || (unsigned char)p[n] >= 128)
            n++;
        if (n) {
            w->list[w->n].at = p;
            w->list[w->n++].n = n;
        }
        p += n ? n : 1;
    }
}

/* How many words of a are in b, each once. */
static size_t common(const struct words *a, const struct words *b)
{
    bool taken[WORDS_MOST] = {false};
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b->n; k++)
            if (!taken[k] && is_same(a->list[i].at, a->list[i].n, b->list[k].at, b->list[k].n)) {
                taken[k] = true;
                n++;
                break;
            }
    return n;
}

static enum tl_words_say compare(const char *a, const char *b)
{
    size_t n = 0, m = 0;
    const char *of_a = asserting(a, &n), *of_b = asserting(b, &m);
    if (of_a && of_b && is_same(of_a, n, of_b, m))
        return TL_WORDS_SAY_SAME;
    struct words x, y;
    split(a, &x);
    split(b, &y);
    size_t most = x.n > y.n ? x.n : y.n, least = x.n < y.n ? x.n : y.n, shared = common(&x, &y);
    if (least < WORDS_LEAST)
        return TL_WORDS_SAY_NOTHING;
    if (4 * shared >= 3 * most)
        return TL_WORDS_SAY_SAME;
    return 2 * shared < most ? TL_WORDS_SAY_OTHER : TL_WORDS_SAY_NOTHING;
}

enum tl_words_say tl_failure_compare_words(const struct tl_trial_record *a, const struct tl_trial_record *b)
{
    char *x = cause_of(a), *y = cause_of(b);
    enum tl_words_say say = x && y && a->signal == b->signal ? compare(x, y) : TL_WORDS_SAY_NOTHING;
    free(x);
    free(y);
    return say;
}
