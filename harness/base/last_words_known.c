/* The kinds of lines in which a process says why it ends itself.
 *
 * Theory of operation. Every line is shown to each matcher in turn; a matcher that knows the line returns the
 * message without what changes from run to run (program names, dates, thread names), and may look at the
 * lines that follow. Which of several messages counts is the business of last_words.c. */
#include "harness/base/last_words_impl.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define LINES_MOST 8 /* lines of a message that goes on */

static bool starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static const char *skip_blanks(const char *s)
{
    while (*s == ' ')
        s++;
    return s;
}

/* ---- matchers: a new string, or NULL ---- */

/* "PROGRAM: FILE:LINE: …" without the program: it is trapline's runner, not part of what went wrong. */
static const char *without_program(const char *s)
{
    const char *first = strstr(s, ": "), *second = first ? strstr(first + 2, ": ") : NULL;
    if (!second || memchr(s, ' ', (size_t)(first - s)))
        return s;
    const char *digits = second;
    while (digits > first + 2 && digits[-1] >= '0' && digits[-1] <= '9')
        digits--;
    return digits < second && digits[-1] == ':' ? first + 2 : s;
}

/* A message in quotes that is not closed on its line goes on until it is. */
static char *join_quoted(const struct tl_lines *t, size_t i, const char *from, char close)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, from);
    size_t last = strlen(from);
    for (size_t k = i + 1; k < t->n && k < i + LINES_MOST; k++) {
        if (last && from[last - 1] == close)
            break;
        from = skip_blanks(t->line[k]);
        last = strlen(from);
        tl_buffer_printf(&b, " %s", from);
    }
    return tl_buffer_take(&b);
}

/* "GGML_ASSERT(x) failed", "DCHECK(x) failed", "NVTE_CHECK_CUDA(x) … failed": a macro of anybody's. */
static bool is_failed_macro(const char *s)
{
    static const char *const kinds[] = {"ASSERT", "CHECK", "VERIFY", "ENFORCE", "REQUIRE", "EXPECT"};
    for (size_t k = 0; k < TL_COUNT(kinds); k++)
        for (const char *p = s; (p = strstr(p, kinds[k])); p++) {
            const char *end = p + strlen(kinds[k]);
            while ((*end >= 'A' && *end <= 'Z') || (*end >= '0' && *end <= '9') || *end == '_')
                end++;
            if (*end == '(' && strcasestr(end, "fail"))
                return true;
        }
    return false;
}

/* "file.cpp:12: fatal error" and no word more: GGML_ABORT without a text of its own. */
static bool is_bare_fatal_error(const char *s)
{
    static const char end[] = ": fatal error";
    size_t n = strlen(s), k = sizeof end - 1;
    return n > k && !strcmp(s + n - k, end) && s[n - k - 1] >= '0' && s[n - k - 1] <= '9';
}

static char *match_assertion(const struct tl_lines *t, size_t i)
{
    const char *s = t->line[i];
    const char *metal = strstr(s, "failed assertion ");
    if (metal)
        return metal[17] == '`' ? join_quoted(t, i, without_program(s), '\'') : tl_strdup(without_program(s));
    static const char *const words[] = {
        "assertion `",         "assertion '",         "assertion fail", "assert failed",
        "check failed",        "precondition failed", "assertion \"",   "internal assert failed",
        "unreachable executed"};
    for (size_t k = 0; k < TL_COUNT(words); k++)
        if (strcasestr(s, words[k])) {
            if (k < 2 && !strstr(s, "fail"))
                continue;
            return tl_strdup(without_program(s));
        }
    return is_failed_macro(s) || is_bare_fatal_error(s) ? tl_strdup(without_program(s)) : NULL;
}

/* "F0520 12:34:56.789012 1234 file.cc:56] message", "[FATAL:file.cc(56)] message" */
static char *match_log(const struct tl_lines *t, size_t i)
{
    const char *s = t->line[i];
    if (starts(s, "[") && strstr(s, ":FATAL:") && strstr(s, ")] "))
        return tl_strdup(strstr(s, ":FATAL:") + 7);
    if (starts(s, "[FATAL:") && strstr(s, ")] "))
        return tl_strdup(s + 7);
    size_t digits = *s == 'F' ? strspn(s + 1, "0123456789") : 0;
    const char *end = strstr(s, "] ");
    if ((digits != 4 && digits != 8) || s[1 + digits] != ' ' || !end)
        return NULL;
    const char *file = end;
    while (file > s && file[-1] != ' ')
        file--;
    return tl_format("%.*s: %s", (int)(end - file), file, end + 2);
}

static char *match_heap(const struct tl_lines *t, size_t i)
{
    static const char *const phrases[] = {
        "double free or corruption",
        "corrupted size vs. prev_size",
        "corrupted double-linked list",
        "malloc: *** error for object",
        "malloc: Heap corruption detected",
        "break adjusted to free malloc space",
        "BUG IN CLIENT OF LIBMALLOC",
        "BUG IN CLIENT OF LIBPLATFORM",
        "Fatal glibc error: ",
        "glibc detected",
    };
    static const char *const functions[] = {
        "free(): ",
        "malloc(): ",
        "realloc(): ",
        "calloc(): ",
        "munmap_chunk(): ",
        "mremap_chunk(): ",
        "malloc_consolidate(): ",
        "tcache_thread_shutdown(): ",
    };
    static const char *const words[] = {"invalid",  "double free", "corrupt",  "memory corruption",
                                        "smallbin", "largebin",    "unsorted", "unaligned",
                                        "mismatch", "too many",    "unlink",   "top size"};
    const char *s = t->line[i], *p;
    for (size_t k = 0; k < TL_COUNT(phrases); k++)
        if ((p = strstr(s, phrases[k])))
            return tl_strdup(p);
    for (size_t k = 0; k < TL_COUNT(functions); k++) {
        p = strstr(s, functions[k]);
        if (!p || (p > s && is_word(p[-1]) && strcmp(functions[k], "free(): "))) /* also "50%free(): …" */
            continue;
        const char *what = p + strlen(functions[k]);
        for (size_t w = 0; w < TL_COUNT(words); w++)
            if (starts(what, words[w]))
                return tl_strdup(p);
    }
    if ((p = strstr(s, "*** ")) && strstr(p, " detected ***"))
        return tl_strdup(p);
    if ((p = strstr(s, "*** longjmp causes")) || (p = strstr(s, "*** Error in `")))
        return tl_strdup(p);
    return NULL;
}

static char *match_cplusplus(const struct tl_lines *t, size_t i)
{
    static const char *const heads[] = {
        "terminate called after throwing",
        "libc++abi: terminating",
        "libc++abi.dylib: terminating",
        "terminating due to uncaught exception",
        "terminating with uncaught",
        "terminate called recursively",
        "terminate called without an active",
        "pure virtual method called",
        "libc++abi: Pure virtual function called",
        "uncaught exception of type",
    };
    for (size_t k = 0; k < TL_COUNT(heads); k++) {
        const char *p = strstr(t->line[i], heads[k]);
        if (!p)
            continue;
        if (k == 0 && i + 1 < t->n) {
            const char *what = skip_blanks(t->line[i + 1]);
            if (starts(what, "what():"))
                return tl_format("%s: %s", p, skip_blanks(what + 7));
        }
        return tl_strdup(p);
    }
    return NULL;
}

/* "thread 'main' panicked at src/main.rs:2:5:" and the message below, or, before Rust 1.73,
 * "thread 'main' panicked at 'message', src/main.rs:2:5" */
static char *match_rust(const struct tl_lines *t, size_t i)
{
    const char *s = t->line[i];
    const char *thread = strstr(s, "thread "), *at = thread ? strstr(thread, " panicked at ") : NULL;
    if (!at)
        return starts(s, "panic: ") || starts(s, "fatal error: ") ? tl_strdup(s) : NULL;
    at++;
    size_t n = strlen(at);
    if (at[n - 1] != ':' || i + 1 >= t->n)
        return tl_strdup(at);
    return tl_format("%s %s", at, skip_blanks(t->line[i + 1]));
}

/* The exception that ends a traceback: the first line after it that is not indented. */
static char *match_python(const struct tl_lines *t, size_t i)
{
    const char *s = t->line[i];
    if (starts(s, "Fatal Python error: "))
        return tl_strdup(s);
    if (!starts(s, "Traceback (most recent call last)"))
        return NULL;
    if (i && starts(t->line[i - 1], "Exception ignored in"))
        return NULL; /* Python went on after that one */
    for (size_t k = i + 1; k < t->n; k++) {
        s = t->line[k];
        if (!*s || *s == ' ')
            continue;
        /* A qualified name, alone or before a colon. What else stands here is not a traceback's end. */
        size_t name = 0;
        while (is_word(s[name]) || s[name] == '.')
            name++;
        return name && (!s[name] || s[name] == ':') ? tl_strdup(s) : NULL;
    }
    return NULL;
}

static char *match_sanitizer(const struct tl_lines *t, size_t i)
{
    const char *s = t->line[i], *p;
    if ((p = strstr(s, "SUMMARY: ")) && strstr(p, "Sanitizer: "))
        return tl_strdup(p + 9);
    if ((p = strstr(s, "ERROR: ")) && strstr(p, "Sanitizer: "))
        return tl_strdup(p + 7);
    if (strstr(s, ": runtime error: "))
        return tl_strdup(s);
    return NULL;
}

/* "dyld[123]: Library not loaded: …", "objc[123]: …": the loader and the Objective-C runtime of macOS. */
static char *match_loader(const struct tl_lines *t, size_t i)
{
    const char *s = t->line[i];
    if (starts(s, "dyld: "))
        return tl_strdup(s);
    if (!starts(s, "dyld[") && !starts(s, "objc["))
        return NULL;
    size_t digits = strspn(s + 5, "0123456789");
    return digits && starts(s + 5 + digits, "]: ") ? tl_format("%.4s: %s", s, s + 8 + digits) : NULL;
}

static char *match_gtest(const struct tl_lines *t, size_t i)
{
    const char *s = t->line[i];
    size_t n = strlen(s);
    if (n < 9 || (strcmp(s + n - 9, ": Failure") && !strstr(s, ": Failure ")))
        return NULL;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, s);
    for (size_t k = i + 1; k < t->n && k < i + LINES_MOST && *t->line[k] && *t->line[k] != '['; k++)
        tl_buffer_printf(&b, " %s", skip_blanks(t->line[k]));
    return tl_buffer_take(&b);
}

static char *match_other(const struct tl_lines *t, size_t i)
{
    static const char *const anywhere[] = {
        "Fatal error: ",
        "LLVM ERROR: ",
        "FATAL ERROR: ",
        "*** Terminating app due to",
        "*** Assertion failure",
        "MLIR pass manager failed",
        "fatal error: error in backend",
        "Internal error: Oops",
    };
    const char *s = t->line[i];
    for (size_t k = 0; k < TL_COUNT(anywhere); k++) {
        const char *p = strstr(s, anywhere[k]);
        if (!p)
            continue;
        /* Swift's "file.swift:12: Fatal error: …": the file is part of the message. */
        const char *file = without_program(s);
        return tl_strdup(k == 0 && file == s && !memchr(s, ' ', (size_t)(p - s > 0 ? p - s - 1 : 0)) ? s : p);
    }
    return NULL;
}

char *tl_last_words_known(const struct tl_lines *t, size_t i)
{
    static char *(*const matchers[])(const struct tl_lines *, size_t) = {
        match_heap, match_cplusplus, match_rust,   match_python, match_sanitizer,
        match_log,  match_assertion, match_loader, match_gtest,  match_other,
    };
    for (size_t k = 0; k < TL_COUNT(matchers); k++) {
        char *message = matchers[k](t, i);
        if (message)
            return message;
    }
    return NULL;
}
