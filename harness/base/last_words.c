/* Which of the lines that a process wrote says why it failed.
 *
 * Theory of operation. The text is cleaned and cut into lines, and looked through from its end: what a
 * process says last is what it died of. Three kinds of lines are not the reason, although they come last:
 *
 *   epilogues  only announce the end ("terminate called without an active exception" after a pure virtual
 *              call). They count when there is nothing else.
 *   warnings   and notes never count as an error.
 *   verdicts   say that something failed and not what: "MLIR pass manager failed", "ANECCompile() FAILED".
 *              Two failures that have nothing to do with each other end in the same ones. What belongs to
 *              such a line is looked for: the block after it (an ErrorList, an internal error of the
 *              compiler, indented lines), or the nearest error before it. The message then holds both, the
 *              cause first when it came first.
 *
 * A program that exits has more ways to say why than one that aborts: there every line that names an error
 * counts, not only those of a known kind. */
#include "harness/base/last_words_impl.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MOST (1u << 20) /* only the end of a longer text is looked at */
#define MESSAGE_MOST 2000    /* bytes of a message */
#define CAUSE_MOST 600       /* bytes of a cause that a verdict is joined with */
#define CONTEXT_LINES 60     /* how far from a verdict its cause may stand */
#define BLOCK_LINES 8        /* lines of a message that goes on, indented */
#define FOLLOWING_LINES 4    /* lines after one that is given whatever they say */

/* --- lines ---------------------------------------------------------------------------------------------- */

static bool starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool has_letter(const char *s)
{
    while (*s && !is_letter(*s))
        s++;
    return *s != '\0';
}

static const char *skip_blanks(const char *s)
{
    while (*s == ' ')
        s++;
    return s;
}

static bool contains_any(const char *s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(s, words[i]))
            return true;
    return false;
}
#define CONTAINS(s, words) contains_any(s, words, TL_COUNT(words))

/* Cleaned, with a line that was written over ("10%\r20%") as lines of its own. Both are released with
 * lines_free. */
struct text {
    struct tl_lines lines;
    char *clean;
};

static void text_cut(const char *from, size_t size, struct text *t)
{
    if (size > TEXT_MOST) {
        from += size - TEXT_MOST;
        size = TEXT_MOST;
    }
    struct tl_buffer raw = TL_BUFFER_INIT;
    tl_buffer_add(&raw, from, size);
    for (size_t i = 0; i + 1 < raw.size; i++)
        if (raw.data[i] == '\r' && raw.data[i + 1] != '\n')
            raw.data[i] = '\n';
    *t = (struct text){.clean = tl_clean_text(raw.data, raw.size, true)};
    tl_buffer_free(&raw);
    size_t capacity = 0;
    for (char *s = t->clean; s;) {
        char *newline = strchr(s, '\n');
        if (newline)
            *newline = '\0';
        if (t->lines.n == capacity) {
            capacity = capacity ? capacity * 2 : 256;
            t->lines.line = tl_realloc(t->lines.line, capacity, sizeof *t->lines.line);
        }
        t->lines.line[t->lines.n++] = s;
        s = newline ? newline + 1 : NULL;
    }
}

static void text_free(struct text *t)
{
    free(t->lines.line);
    free(t->clean);
}

/* --- kinds of lines ------------------------------------------------------------------------------------- */

bool tl_message_says_nothing(const char *message)
{
    static const char *const known[] = {"abort() called",         "Aborted",
                                        "Aborted (core dumped)",  "Abort trap: 6",
                                        "Segmentation fault",     "Bus error",
                                        "Illegal instruction",    "Floating point exception",
                                        "Trace/BPT trap: 5",      "Trace/breakpoint trap",
                                        "Segmentation fault: 11", "Bus error: 10",
                                        "Illegal instruction: 4", "Segmentation fault (core dumped)"};
    const char *s = message;
    if (starts(s, "Fatal Python error: "))
        s += 20;
    s = skip_blanks(s);
    for (size_t k = 0; k < TL_COUNT(known); k++)
        if (!strcmp(s, known[k]))
            return true;
    return !has_letter(s) && !strchr(s, '_');
}

/* Lines that announce the end and not its reason: they count only when there is nothing better. */
static bool is_epilogue(const char *s)
{
    static const char *const known[] = {
        "terminate called without an active",
        "panic in a function that cannot unwind",
        "panic in a destructor",
        "thread caused non-unwinding panic",
        "exception of type NSException",
        "terminate called recursively",
    };
    return CONTAINS(s, known) || tl_message_says_nothing(s);
}

/* An error of a compiler about itself that only names the signal it got. */
static bool is_bare_internal_error(const char *s)
{
    static const char *const signals[] = {"Segmentation fault",  "Aborted",   "Illegal instruction",
                                          "Floating point exce", "Bus error", "Killed"};
    const char *p = strstr(s, "internal compiler error: ");
    for (size_t i = 0; p && i < TL_COUNT(signals); i++)
        if (starts(p + 25, signals[i]))
            return true;
    return false;
}

/* Lines that say that something failed and not what. */
static bool is_verdict(const char *s)
{
    static const char *const known[] = {
        "original module failed verification",
        "module failed verification",
        "MLIR pass manager failed",
        "pass manager failed",
        "Failed to infer result type",
        "failed to infer returned types",
        "failed to legalize operation",
        "ANECCompile() FAILED",
        "ANECCompileOffline() failed",
        "Error occurred when loading ANE module",
        "exited with error status",
        "command failed due to signal",
        "unable to execute command",
        "linker command failed",
        "ld returned ",
        "returned non-zero exit status",
        "aborting due to",
        "could not compile",
        "See root cause above",
        "see above for details",
        "exited with code",
        "Process completed with exit code",
        "subprocess-exited-with-error",
        "error: command failed",
        "Error: Command failed",
        "Lowering failed",
        "Compilation failed",
        "compilation failed",
        "Failed to compile",
    };
    return CONTAINS(s, known) || is_bare_internal_error(s);
}

/* Where a line first says that it is a warning, or less; NULL. */
static const char *warning_in(const char *s)
{
    static const char *const words[] = {"warning", "note", "info", "debug", "hint", "help", "remark"};
    const char *first = NULL;
    for (size_t i = 0; i < TL_COUNT(words); i++) {
        size_t n = strlen(words[i]);
        for (const char *p = s; (p = strcasestr(p, words[i])); p += n) {
            bool whole = i == 0 || p == s || !is_letter(p[-1]); /* "UserWarning:", but no "footnote:" */
            bool ends = p[n] == ':' || p[n] == ']' || (i == 0 && (p == s || *p == 'W') && p[n] == ' ');
            if (whole && ends && (!first || p < first))
                first = p;
        }
    }
    /* A log's tag: "W0520 12:34:56 …", "[W …]", "[W]"; and the line with which Python shows a warning. */
    if (!first && ((strchr("IW", *s) && is_digit(s[1]) && is_digit(s[2])) || starts(s, "[W ") ||
                   starts(s, "[W]") || starts(s, "npm WARN") || starts(skip_blanks(s), "warnings.warn(")))
        first = s;
    return *s ? first : NULL;
}

/* Where a line names an error: "error: …", "fatal error: …", "ValueError: …", "[ERROR] …": said of an error,
 * and not only about errors ("2 errors generated"). NULL when it does not. */
static const char *error_in(const char *s)
{
    static const char *const words[] = {"error", "fatal", "exception", "panicked"};
    static const char *const phrases[] = {"Error Domain=",
                                          "terminated due to signal",
                                          "undefined reference to ",
                                          "Undefined symbols for ",
                                          "undefined symbol:",
                                          "symbol lookup error",
                                          "error while loading shared"};
    const char *first = NULL;
    for (size_t i = 0; i < TL_COUNT(words); i++) {
        size_t n = strlen(words[i]);
        for (const char *p = s; (p = strcasestr(p, words[i])); p += n) {
            bool ends = p[n] == ':' || p[n] == ']' || (p[n] == '[' && p[n + 1] == 'E') ||
                        (p[n] == ' ' && (i == 3 || p == s));
            if (ends && (!first || p < first))
                first = p;
        }
    }
    for (size_t i = 0; i < TL_COUNT(phrases); i++) {
        const char *p = strstr(s, phrases[i]);
        if (p && (!first || p < first))
            first = p;
    }
    return first;
}

static bool names_error(const char *s)
{
    const char *error = error_in(s), *warning = error ? warning_in(s) : NULL;
    return error && !(warning && warning < error);
}

/* Whether a line that names an error ends before it has said which. */
static bool is_unfinished(const char *s)
{
    size_t n = strlen(s);
    const char *code = strstr(s, "Error Domain=") ? strstr(s, " Code=") : NULL;
    if (code && !code[6 + strspn(code + 6, "-0123456789")]) /* an NSError, described on the next line */
        return true;
    return n && (s[n - 1] == ':' || s[n - 1] == '{' || s[n - 1] == '(' || s[n - 1] == '=');
}

/* --- what belongs to a line ----------------------------------------------------------------------------- */

static void add_words(struct tl_buffer *b, const char *s)
{
    s = skip_blanks(s);
    if (*s && b->size < CAUSE_MOST)
        tl_buffer_printf(b, "%s%s", b->size ? " " : "", s);
}

static char *take_words(struct tl_buffer *b)
{
    if (b->size)
        return tl_buffer_take(b);
    tl_buffer_free(b);
    return NULL;
}

/* The lines below a line that are indented; NULL when there are none that say something. */
static char *indented_block(const struct tl_lines *t, size_t i)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t k = i + 1; k < t->n && k <= i + BLOCK_LINES && t->line[k][0] == ' '; k++)
        if (has_letter(t->line[k]))
            add_words(&b, t->line[k]);
    return take_words(&b);
}

/* What an NSArray that was printed holds: "ErrorList = (", a line for each element, ")". NULL: nothing. */
static char *error_list(const struct tl_lines *t, size_t at)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *open = strchr(strstr(t->line[at], "ErrorList"), '(');
    if (open && has_letter(open))
        add_words(&b, open + 1);
    for (size_t k = at + 1; open && !strchr(open, ')') && k < t->n && k < at + BLOCK_LINES; k++) {
        const char *s = skip_blanks(t->line[k]);
        if (*s == ')')
            break;
        if (has_letter(s))
            add_words(&b, s);
    }
    return take_words(&b);
}

/* Which pass of a compiler it was, and the first function of the stack that it printed. */
static char *internal_error_place(const struct tl_lines *t, size_t i)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t k = i > 2 ? i - 2 : 0; k < i + 3 && k < t->n; k++)
        if (starts(t->line[k], "during ") && strstr(t->line[k], " pass: "))
            add_words(&b, t->line[k]);
    for (size_t k = i + 1; k < t->n && k < i + CONTEXT_LINES; k++) {
        const char *s = t->line[k];
        size_t digits = starts(s, "0x") ? 2 + strspn(s + 2, "0123456789abcdef") : 0;
        if (!digits || s[digits] != ' ')
            continue;
        s += digits + 1;
        if (starts(s, "crash_signal") || starts(s, "internal_error") || starts(s, "diagnostic"))
            continue;
        tl_buffer_printf(&b, "%sin %.*s", b.size ? ", " : "", (int)strcspn(s, "("), s);
        break;
    }
    return take_words(&b);
}

/* Whether a line belongs to the block that the lines before it began. */
static bool goes_on(const char *s)
{
    return *s == ' ' || (is_unfinished(s) && !names_error(s));
}

/* The block after a verdict that says what failed. */
static char *cause_after(const struct tl_lines *t, size_t i, bool known)
{
    if (is_bare_internal_error(t->line[i]))
        return internal_error_place(t, i);
    for (size_t k = i; k < t->n && k < i + CONTEXT_LINES; k++) {
        char *list = strstr(t->line[k], "ErrorList") ? error_list(t, k) : NULL;
        if (list)
            return list;
        const char *internal = k > i ? strstr(t->line[k], "Compiler internal error") : NULL;
        if (internal)
            return tl_strdup(internal);
        if (k > i && has_letter(t->line[k]) && !goes_on(t->line[k]) && !starts(t->line[k], "Error"))
            break;
    }
    return known ? NULL : indented_block(t, i);
}

static char *error_message(const struct tl_lines *t, size_t i);

/* The nearest error before a verdict. */
static char *cause_before(const struct tl_lines *t, size_t i)
{
    for (size_t k = i; k-- > 0 && k + CONTEXT_LINES >= i;) {
        const char *s = t->line[k];
        if (is_verdict(s) || is_epilogue(s) || warning_in(s))
            continue;
        char *cause = tl_last_words_known(t, k);
        if (!cause && names_error(s))
            cause = error_message(t, k);
        if (cause)
            return cause;
    }
    return NULL;
}

/* Joins a verdict with its cause. Takes the message. */
static char *with_cause(const struct tl_lines *t, size_t i, char *message, bool known)
{
    char *after = cause_after(t, i, known), *before = after ? NULL : cause_before(t, i);
    char *cause = after ? after : before;
    if (!cause || strstr(message, cause)) {
        free(cause);
        return message;
    }
    cause[tl_utf8_cut(cause, CAUSE_MOST)] = '\0';
    char *both = after ? tl_format("%s: %s", message, cause) : tl_format("%s (%s)", cause, message);
    free(cause);
    free(message);
    return both;
}

/* The message of a line that names an error, in words that are nobody's assertion: a new string. */
static char *error_message(const struct tl_lines *t, size_t i)
{
    char *below = is_unfinished(t->line[i]) ? indented_block(t, i) : NULL;
    char *message =
        below ? tl_format("%s %s", skip_blanks(t->line[i]), below) : tl_strdup(skip_blanks(t->line[i]));
    free(below);
    return message;
}

/* An error that stands in an indented block belongs to the error above the block, when that says too little.
 */
static size_t head_of_block(const struct tl_lines *t, size_t i)
{
    size_t k = i;
    while (k > 0 && t->line[k][0] == ' ' && i - k < BLOCK_LINES)
        k--;
    const char *s = t->line[k];
    return k < i && names_error(s) && (is_verdict(s) || is_unfinished(s)) ? k : i;
}

/* --- choosing ------------------------------------------------------------------------------------------- */

/* The last message of a known kind; else, of a program that exited, the last line that names an error. */
static char *choose(const struct tl_lines *t, bool exited)
{
    char *best = NULL;
    for (size_t i = t->n; i-- > 0;) {
        char *message = tl_last_words_known(t, i);
        bool known = message, error = !known && exited && names_error(t->line[i]);
        size_t at = error ? head_of_block(t, i) : i;
        if (error)
            message = error_message(t, at);
        if (!message)
            continue;
        if (!is_epilogue(message)) {
            free(best);
            return is_verdict(t->line[at]) || is_verdict(message) ? with_cause(t, at, message, known)
                                                                  : message;
        }
        if (best || error)
            free(message);
        else
            best = message;
    }
    if (best && tl_message_says_nothing(best)) {
        free(best);
        best = NULL;
    }
    return best;
}

static char *cut(char *message)
{
    if (message)
        message[tl_utf8_cut(message, MESSAGE_MOST)] = '\0';
    return message;
}

char *tl_find_abort_message(const char *text, size_t size)
{
    struct text t;
    if (!text || !size)
        return NULL;
    text_cut(text, size, &t);
    char *message = choose(&t.lines, false);
    text_free(&t);
    return cut(message);
}

/* What a shell, or our own runner of steps, says of the death of its child. */
static bool says_who(const char *s)
{
    return starts(s, "trapline-command: ") || strstr(s, " Aborted") || tl_message_says_nothing(s);
}

char *tl_find_closing_error(const char *text, size_t size)
{
    struct text t;
    if (!text || !size)
        return NULL;
    text_cut(text, size, &t);
    const struct tl_lines *l = &t.lines;
    char *message = NULL;
    size_t i = l->n;
    while (i > 0 && (!has_letter(l->line[i - 1]) || warning_in(l->line[i - 1]) || says_who(l->line[i - 1])))
        i--;
    size_t lowest = i > BLOCK_LINES ? i - BLOCK_LINES : 0;
    while (i > lowest && goes_on(l->line[i - 1]))
        i--;
    if (i-- > 0 && names_error(l->line[i])) {
        message = error_message(l, i);
        if (is_verdict(l->line[i]))
            message = with_cause(l, i, message, false);
    }
    text_free(&t);
    return cut(message);
}

char *tl_find_complaint(const char *text, size_t size, bool only_error)
{
    struct text t;
    if (!text || !size)
        return NULL;
    text_cut(text, size, &t);
    char *message = choose(&t.lines, true);
    for (size_t i = t.lines.n; !message && !only_error && i-- > 0;)
        if (has_letter(t.lines.line[i]) && !warning_in(t.lines.line[i]))
            message = tl_strdup(skip_blanks(t.lines.line[i]));
    text_free(&t);
    return cut(message);
}

char *tl_find_first_words(const char *text, size_t size)
{
    struct text t;
    if (!text || !size)
        return NULL;
    text_cut(text, size, &t);
    const struct tl_lines *l = &t.lines;
    char *list = is_verdict(l->line[0]) ? cause_after(l, 0, false) : NULL;
    struct tl_buffer b = TL_BUFFER_INIT;
    add_words(&b, l->line[0]);
    if (list)
        tl_buffer_printf(&b, ": %s", list);
    for (size_t k = 1; !list && k < l->n && k <= FOLLOWING_LINES && has_letter(l->line[k]); k++)
        add_words(&b, l->line[k]);
    free(list);
    text_free(&t);
    return cut(take_words(&b));
}
