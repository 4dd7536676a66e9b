/* The kinds of lines in which a process says why it ends itself.
 *
 * Theory of operation. Every line is shown to each matcher in turn; a matcher that knows the line returns the
 * message without what changes from run to run (program names, dates, thread names), and may look at the
 * lines that follow. Which of several messages counts is the business of last_words.c. */
#include "harness/base/last_words_impl.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define LINES_MOST 8    /* lines of a message that goes on */
#define INTERLEAVED 4   /* lines of others that may stand within a message */
#define JOINED_MOST 600 /* bytes of one that goes on in lines of its own */

/* ---- matchers: a new string, or NULL ---- */

/* "PROGRAM: FILE:LINE: …" without the program: it is trapline's runner, not part of what went wrong. */
static const char *without_program(const char *s)
{
    const char *first = strstr(s, ": "), *second = first ? strstr(first + 2, ": ") : NULL;
    if (!second || memchr(s, ' ', (size_t)(first - s)))
        return s;
    const char *digits = second;
    while (digits > first + 2 && tl_is_digit(digits[-1]))
        digits--;
    return digits < second && digits[-1] == ':' ? first + 2 : s;
}

/* A message in quotes that is not closed on its line goes on until it is. */
static char *join_quoted(const struct tl_lines *t, size_t i, const char *from, char close, size_t *end)
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
        *end = k + 1;
    }
    return tl_buffer_take(&b);
}

/* "GGML_ASSERT(x) failed", "DCHECK(x) failed", "NVTE_CHECK_CUDA(x) … failed": a macro of anybody's. */
static bool is_failed_macro(const char *s)
{
    static const char *const kinds[] = {"ASSERT",  "CHECK",  "VERIFY",    "ENFORCE",
                                        "REQUIRE", "EXPECT", "guarantee", "assert"};
    const char *last = NULL; /* a line may hold any number of macros: nothing in it is read once for each */
    for (const char *p = s; (p = strcasestr(p, "fail")); p++)
        last = p;
    for (size_t k = 0; last && k < TL_COUNT(kinds); k++)
        for (const char *p = s, *end; (p = strstr(p, kinds[k])); p = end) {
            end = p + strlen(kinds[k]);
            while ((*end >= 'A' && *end <= 'Z') || tl_is_digit(*end) || *end == '_')
                end++;
            if (*end == '(' && end < last)
                return true;
        }
    return false;
}

/* "file.cpp:12: fatal error", "file.cu:70: ROCm error": a macro that aborts, with few words or none. */
static bool is_bare_fatal_error(const char *s)
{
    size_t place = strcspn(s, " "), n = strlen(s);
    bool line = place > 2 && s[place - 1] == ':' && tl_is_digit(s[place - 2]);
    return line && n > 6 && !strcmp(s + n - 6, " error");
}

/* "assertion x failed", "Assertion 'x' failed", "assertion `x` failed: why": the words in this order. */
static bool is_failed_assertion(const char *s)
{
    const char *p = strcasestr(s, "assertion ");
    return p && (!strncasecmp(p + 10, "fail", 4) || strstr(p + 10, " fail"));
}

static char *match_assertion(const struct tl_lines *t, size_t i, size_t *end)
{
    const char *s = t->line[i];
    const char *metal = strstr(s, "failed assertion ");
    if (metal)
        return metal[17] == '`' ? join_quoted(t, i, without_program(s), '\'', end)
                                : tl_strdup(without_program(s));
    if (starts(s, "Debug Assertion Failed")) /* of the C runtime of Windows, in a block of fields */
        for (size_t k = i + 1; k < t->n && k < i + LINES_MOST + 2; k++)
            if (starts(t->line[k], "Expression: ")) {
                *end = k + 1;
                return tl_format("Debug Assertion Failed: %s", t->line[k] + 12);
            }
    if (starts(s, "Process terminated. ") && i + 1 < t->n && !tl_line_is_of_a_stack(t->line[i + 1])) {
        *end = i + 2;
        return tl_format("%s %s", s + 20, t->line[i + 1]);
    }
    if (starts(s, "Error: attempt to ") && i + 1 < t->n && *t->line[i + 1]) { /* of libstdc++ */
        *end = i + 2;
        return tl_format("%s %s", s, t->line[i + 1]);
    }
    static const char *const words[] = {
        "assert failed",        "check failed",       "precondition failed", "internal assert failed",
        "unreachable executed", "assert failure in ", "assertion \""};
    for (size_t k = 0; k < TL_COUNT(words); k++)
        if (strcasestr(s, words[k]))
            return tl_strdup(without_program(s));
    if (starts(s, "ASSERT: \""))
        return tl_strdup(s);
    if (is_failed_assertion(s) || is_failed_macro(s) || is_bare_fatal_error(s))
        return tl_strdup(without_program(s));
    return NULL;
}

/* "F0520 12:34:56.789012 1234 file.cc:56] message", "[FATAL:file.cc(56)] message" */
static char *match_log(const struct tl_lines *t, size_t i, size_t *end)
{
    const char *s = t->line[i];
    if (starts(s, "[") && strstr(s, ":FATAL:") && strstr(s, ")] "))
        return tl_strdup(strstr(s, ":FATAL:") + 7);
    if (starts(s, "[FATAL:") && strstr(s, ")] "))
        return tl_strdup(s + 7);
    const char *raw = *s == '[' ? strstr(s, "] RAW: ") : NULL;
    if (raw && (strstr(raw, "ailed") || strstr(raw, "eadlock") || strstr(raw, "atal")))
        return tl_format("%.*s: %s", (int)strcspn(s + 1, " ]"), s + 1, raw + 7);
    if (t->level[i] == 'F' && *s != 'F')
        return *s ? tl_strdup(s) : NULL;
    size_t digits = *s == 'F' ? strspn(s + 1, "0123456789") : 0;
    const char *close = strstr(s, "] ");
    if ((digits != 4 && digits != 8) || s[1 + digits] != ' ' || !close)
        return NULL;
    const char *file = close;
    while (file > s && file[-1] != ' ')
        file--;
    return tl_format("%.*s: %s", (int)(close - file), file, close + 2);
}

/* "NAME(PID,THREAD) malloc: message", of the allocator of macOS: what it says when memory is damaged; NULL. */
static const char *of_damaged_heap(const char *s)
{
    static const char *const words[] = {"freed",       "double free",       "corrupt",
                                        "damage",      "checksum",          "guard value",
                                        "Non-aligned", "was not allocated", "out of bounds"};
    const char *p = strstr(s, ") malloc: ");
    if (!p)
        p = strstr(s, "] malloc: ");
    for (size_t k = 0; p && k < TL_COUNT(words); k++)
        if (strstr(p, words[k]) && !tl_line_is_advice(s))
            return p + 2;
    return NULL;
}

static char *match_heap(const struct tl_lines *t, size_t i, size_t *end)
{
    static const char *const phrases[] = {
        "double free or corruption",
        "corrupted size vs. prev_size",
        "corrupted double-linked list",
        "malloc: *** error for object",
        "malloc: Heap corruption detected",
        "break adjusted to free malloc space",
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
    if ((p = of_damaged_heap(s)))
        return tl_strdup(p);
    for (size_t k = 0; k < TL_COUNT(functions); k++) {
        p = strstr(s, functions[k]);
        if (!p || (p > s && tl_is_word(p[-1]) && strcmp(functions[k], "free(): "))) /* also "50%free(): …" */
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

static char *match_cplusplus(const struct tl_lines *t, size_t i, size_t *end)
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
        for (size_t w = i + 1; k == 0 && w < t->n && w <= i + INTERLEAVED; w++) {
            const char *what = skip_blanks(t->line[w]);
            if (!starts(what, "what():"))
                continue;
            *end = w + 1;
            what = skip_blanks(what + 7);
            size_t n = strlen(what);
            bool more = w + 1 < t->n && *t->line[w + 1] && (!n || what[n - 1] == ':');
            *end += more;
            struct tl_buffer b = TL_BUFFER_INIT;
            tl_buffer_printf(&b, "%s: %s%s%s", p, what, more && n ? " " : "",
                             more ? skip_blanks(t->line[w + 1]) : "");
            while (*end < t->n && starts(t->line[*end], "> ") &&
                   b.size < JOINED_MOST) /* quoted by who caught it */
                tl_buffer_printf(&b, " %s", t->line[(*end)++] + 2);
            return tl_buffer_take(&b);
        }
        return tl_strdup(p);
    }
    return NULL;
}

/* "thread 'main' panicked at src/main.rs:2:5:" and the message below, or, before Rust 1.73,
 * "thread 'main' panicked at 'message', src/main.rs:2:5" */
static char *match_rust(const struct tl_lines *t, size_t i, size_t *end)
{
    const char *s = t->line[i];
    const char *thread = strstr(s, "thread "), *at = thread ? strstr(thread, " panicked at ") : NULL;
    if (!at) {
        const char *panic =
            thread == s ? strstr(s, " panic: ") : NULL; /* Zig's has a thread, Go's has none */
        if (panic)
            return tl_strdup(panic + 1);
        char *go = tl_go_panic(t, i);
        if (go)
            return go;
        if (starts(s, "panic({0x") || starts(s, "panic(0x")) /* the first frame of the stack that Go prints */
            return NULL;
        return starts(s, "panic: ") || starts(s, "panic(") || starts(s, "fatal error: ") ||
                       starts(s, "fatal runtime error: ")
                   ? tl_strdup(s)
                   : NULL;
    }
    at++;
    size_t n = strlen(at);
    if (at[n - 1] != ':' || i + 1 >= t->n)
        return tl_strdup(at);
    *end = i + 2;
    return tl_format("%s %s", at, skip_blanks(t->line[i + 1]));
}

/* What was being run when an exception without words came: the last line of source in a traceback. */
static const char *source_line(const struct tl_lines *t, size_t from, size_t to)
{
    const char *source = NULL;
    for (size_t k = from; k < to; k++) {
        const char *s = skip_blanks(t->line[k]);
        if (starts(s, "File \"") && k + 1 < to && !starts(skip_blanks(t->line[k + 1]), "File \""))
            source = skip_blanks(t->line[k + 1]);
    }
    return source;
}

/* An exception's message whose first line only announces more: what follows, without stacks and rules. */
static void add_announced(struct tl_buffer *b, const struct tl_lines *t, size_t k, size_t *end)
{
    for (size_t blank = 0; ++k < t->n && b->size < JOINED_MOST && blank < 2;) {
        const char *s = t->line[k];
        if (starts(s, "Traceback (most") || starts(s, "During handling") || tl_line_is_advice(s)) {
            if (strspn(s, "-=*") < 4)
                break;
            continue; /* a rule */
        }
        blank = *s ? 0 : blank + 1;
        *end = k + 1;
        if (!*s || tl_line_is_of_a_stack(s))
            continue;
        tl_buffer_printf(b, "%s%s", b->size && b->data[b->size - 1] != ' ' ? " " : "", skip_blanks(s));
        if (s[strlen(s) - 1] != ':' && *s != ' ' && !starts(s, "Node: "))
            break;
    }
}

/* The exception that ends a traceback: the first line after it that is not indented. */
static char *match_python(const struct tl_lines *t, size_t i, size_t *end)
{
    const char *s = t->line[i];
    if (starts(s, "Fatal Python error: "))
        return tl_strdup(s);
    size_t ignored = tl_python_ignored(t, i);
    if (ignored) { /* Python went on after that one */
        *end = ignored;
        return tl_strdup("");
    }
    if (!starts(s, "Traceback (most recent call last)") && !starts(s, "Traceback of TorchScript"))
        return NULL;
    for (size_t k = i + 1; k < t->n; k++) {
        s = t->line[k];
        if (!*s || *s == ' ')
            continue;
        /* A qualified name, alone or before a colon. What else stands here is not a traceback's end. */
        size_t name = 0;
        while (tl_is_word(s[name]) || s[name] == '.')
            name++;
        if (!name || (s[name] && s[name] != ':'))
            return NULL;
        *end = k + 1;
        size_t n = strlen(s);
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_add_string(&b, s);
        const char *source = s[name] ? NULL : source_line(t, i, k);
        if (source)
            tl_buffer_printf(&b, ": %s", source);
        else if (s[n - 1] == ':')
            add_announced(&b, t, k, end);
        /* More lines of the same message: they say how, and not why. */
        while (*end < t->n && *t->line[*end] && !t->level[*end] && !starts(t->line[*end], "Traceback") &&
               !tl_python_ignored(t, *end) && !starts(t->line[*end], "Fatal "))
            ++*end;
        size_t block = *end;
        return tl_message_with_block(t, k, tl_buffer_take(&b), &block);
    }
    return NULL;
}

/* "Exception in thread "main" A: …" of Java and "Unhandled exception. A: …" of .NET: the exception that it came
 * from says more, and comes later. */
static char *match_managed(const struct tl_lines *t, size_t i, size_t *end)
{
    static const char *const heads[] = {"Exception in thread \"", "Unhandled exception. ",
                                        "Unhandled Exception: ", "Fatal error. "};
    static const char *const causes[] = {"Caused by: ", "---> "};
    const char *s = NULL, *inner = NULL;
    for (size_t k = 0; k < TL_COUNT(heads); k++)
        if (starts(t->line[i], heads[k]))
            s = t->line[i] + strlen(heads[k]);
    if (!s)
        return NULL;
    if (starts(t->line[i], heads[0]) && strstr(s, "\" "))
        s = strstr(s, "\" ") + 2;
    for (size_t k = i + 1; k < t->n; k++) {
        const char *line = skip_blanks(t->line[k]);
        bool cause = false;
        for (size_t c = 0; c < TL_COUNT(causes); c++)
            if (starts(line, causes[c])) {
                inner = line + strlen(causes[c]);
                cause = true;
            }
        if (!cause && !tl_line_is_of_a_stack(t->line[k]))
            break;
        *end = k + 1;
    }
    return inner ? tl_format("%s (%s)", inner, s) : tl_strdup(s);
}

static char *match_sanitizer(const struct tl_lines *t, size_t i, size_t *end)
{
    const char *s = t->line[i], *p;
    if ((p = strstr(s, "Sanitizer CHECK failed: ")))
        return tl_strdup(strstr(p, ": ") + 2);
    if ((p = strstr(s, "SUMMARY: ")) && strstr(p, "Sanitizer: "))
        return tl_strdup(p + 9);
    if ((p = strstr(s, "ERROR: ")) && strstr(p, "Sanitizer: "))
        return tl_strdup(p + 7);
    if (strstr(s, ": runtime error: "))
        return tl_strdup(s);
    return NULL;
}

/* "dyld[123]: Library not loaded: …", "objc[123]: …": the loader and the Objective-C runtime of macOS. */
/* "BUG IN CLIENT OF LIBDISPATCH: …", "BUG IN LIBPTHREAD: …": how the libraries of macOS abort. */
static const char *bug_in(const char *s)
{
    const char *p = strstr(s, "BUG IN ");
    size_t of = p && starts(p + 7, "CLIENT OF ") ? 17 : 7;
    size_t name = p ? strcspn(p + of, ": ") : 0;
    return name && starts(p + of + name, ": ") && has_letter(p + of + name) ? p : NULL;
}

/* What a process left for its crash report, where a program prints that: on the line, or on those below it. */
static char *match_left_words(const struct tl_lines *t, size_t i, size_t *end)
{
    static const char *const heads[] = {"Application Specific Information:",
                                        "Application Specific Signatures:"};
    const char *s = t->line[i], *bug = bug_in(s);
    if (bug)
        return tl_strdup(bug);
    for (size_t h = 0; h < TL_COUNT(heads); h++) {
        if (!starts(s, heads[h]))
            continue;
        const char *words = skip_blanks(s + strlen(heads[h]));
        if (*words)
            return tl_strdup(tl_message_says_nothing(words) ? "" : words);
        struct tl_buffer b = TL_BUFFER_INIT;
        for (size_t k = i + 1; k < t->n && k < i + LINES_MOST && *t->line[k]; k++) {
            words = bug_in(t->line[k]);
            words = words ? words : skip_blanks(t->line[k]);
            if (!tl_message_says_nothing(words) && !tl_line_is_of_a_stack(t->line[k]))
                tl_buffer_printf(&b, "%s%s", b.size ? " " : "", words);
            *end = k + 1;
        }
        return b.size ? tl_buffer_take(&b) : NULL;
    }
    return NULL;
}

static char *match_loader(const struct tl_lines *t, size_t i, size_t *end)
{
    const char *s = t->line[i];
    if (starts(s, "dyld: "))
        return tl_strdup(s);
    if (!starts(s, "dyld[") && !starts(s, "objc["))
        return NULL;
    size_t digits = strspn(s + 5, "0123456789");
    return digits && starts(s + 5 + digits, "]: ") ? tl_format("%.4s: %s", s, s + 8 + digits) : NULL;
}

static char *match_gtest(const struct tl_lines *t, size_t i, size_t *end)
{
    const char *s = t->line[i];
    size_t n = strlen(s);
    char *go = tl_go_test_failure(t, i, end);
    if (go)
        return go;
    if (starts(s, "FAILED ") && strstr(s, "::") && strstr(s, " - ")) /* of pytest's summary */
        return tl_strdup(s + 7);
    if (n > 9 && !strcmp(s + n - 9, ": FAILED:") && i + 1 < t->n) { /* of Catch2 */
        *end = i + 2;
        return tl_format("%s %s", s, skip_blanks(t->line[i + 1]));
    }
    if (n < 9 || (strcmp(s + n - 9, ": Failure") && !strstr(s, ": Failure ")))
        return NULL;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, s);
    for (size_t k = i + 1; k < t->n && k < i + LINES_MOST && *t->line[k] && *t->line[k] != '['; k++)
        tl_buffer_printf(&b, " %s", skip_blanks(t->line[k]));
    return tl_buffer_take(&b);
}

static char *match_other(const struct tl_lines *t, size_t i, size_t *end)
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
        "This application failed to start because",
        "The futex facility returned an unexpected",
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

/* "file.cpp:12: unsupported type 9": what a macro that aborts says. A source file's place, then a complaint. */
static char *match_place(const struct tl_lines *t, size_t i, size_t *end)
{
    const char *s = t->line[i];
    (void)end;
    size_t place = strcspn(s, " "), digits = place;
    if (place < 4 || s[place - 1] != ':' || !s[place] || tl_line_warning(t, i) || tl_line_names_error(t, i))
        return NULL;
    for (digits = place - 1; digits > 0 && tl_is_digit(s[digits - 1]);)
        digits--;
    size_t dot = digits > 1 && s[digits - 1] == ':' ? digits - 1 : 0;
    while (dot && s[dot - 1] != '.')
        dot--;
    size_t extension = dot ? strcspn(s + dot, ":") : 0;
    bool it = digits < place - 1 && extension && extension <= 4 && tl_line_complains(s + place);
    return it ? tl_strdup(s) : NULL;
}

char *tl_last_words_known(const struct tl_lines *t, size_t i, size_t *end)
{
    static char *(*const matchers[])(const struct tl_lines *, size_t, size_t *) = {
        match_heap,    match_left_words, match_cplusplus, match_rust,      match_python,
        match_managed, match_sanitizer,  match_log,       match_assertion, match_loader,
        match_gtest,   match_other,      match_place,
    };
    for (size_t k = 0; k < TL_COUNT(matchers); k++) {
        char *message = matchers[k](t, i, end);
        if (message)
            return message;
    }
    return NULL;
}
