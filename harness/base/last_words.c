/* Which of the lines that a process wrote says why it failed.
 *
 * Theory of operation. The text is cut into lines (last_words_lines.c) and read once from its beginning: each
 * line that says why, alone or with lines that belong to it, becomes an event (last_words_known.c has the known
 * kinds). The last event counts, as what a process says last is what it died of, but for these:
 *
 *   epilogues  only announce the end ("terminate called without an active exception" after a pure virtual
 *              call). They count when there is nothing else.
 *   warnings   and notes never count as an error.
 *   verdicts   say that something failed and not what: "MLIR pass manager failed", "ANECCompile() FAILED",
 *              "make: *** [all] Error 1". Two failures that have nothing to do with each other end in the same
 *              ones. What belongs to such a line is looked for: the block after it (an ErrorList, an internal
 *              error of the compiler, indented lines), or the nearest error before it. The message then holds
 *              both, the cause first when it came first.
 *   cascades   An error is passed up, and each level says in its own words that it failed. Of errors that were
 *              written one after the other the first is the cause.
 *
 * A program that exits has more ways to say why than one that aborts: there every line that names an error
 * counts, not only those of a known kind. */
#include "harness/base/last_words_impl.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE_MOST 2000 /* bytes of a message */
#define CAUSE_MOST 600    /* bytes of a cause that a verdict is joined with */
#define CONTEXT_LINES 60  /* how far from a verdict its cause may stand, without stacks */
#define BLOCK_LINES 8     /* lines of a message that goes on, indented */
#define FOLLOWING_LINES 4 /* lines after one that is given whatever they say */
#define NEAR_LINES 6      /* how far a line that names no error may be from its verdict */

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
        if (has_letter(t->line[k]) && !tl_line_is_of_a_stack(t->line[k]))
            add_words(&b, t->line[k]);
    return take_words(&b);
}

/* The lines below one that announces them: each up to the first that announces nothing more. */
static char *announced(const struct tl_lines *t, size_t i)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t k = i + 1; k < t->n && k <= i + BLOCK_LINES && *t->line[k]; k++) {
        if (tl_line_is_of_a_stack(t->line[k]) || tl_line_warning(t, k))
            break;
        add_words(&b, t->line[k]);
        if (!tl_message_is_unfinished(t->line[k]))
            break;
    }
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

/* Which pass LLVM's dump of its own stack names, the innermost one: "4. Running pass 'X' on function '@f'". */
static char *dumped_pass(const struct tl_lines *t)
{
    const char *pass = NULL;
    for (size_t i = 0; i < t->n; i++) {
        const char *s = skip_blanks(t->line[i]);
        size_t digits = strspn(s, "0123456789");
        if (!digits || s[digits] != '.' || s[digits + 1] != ' ')
            continue;
        s = skip_blanks(s + digits + 1);
        if (strstr(s, "unning pass ") || (!pass && starts(s, "While ")))
            pass = s;
    }
    const char *on = pass ? strstr(pass, " on ") : NULL;
    return pass ? tl_format("%.*s", (int)(on ? (size_t)(on - pass) : strlen(pass)), pass) : NULL;
}

/* Whether a line belongs to the block that the lines before it began. */
static bool goes_on(const struct tl_lines *t, size_t i)
{
    return t->line[i][0] == ' ' || (tl_message_is_unfinished(t->line[i]) && !tl_line_names_error(t, i));
}

/* The block after a verdict that says what failed. */
static char *cause_after(const struct tl_lines *t, size_t i, bool known)
{
    if (tl_message_is_bare_internal_error(t->line[i]))
        return internal_error_place(t, i);
    for (size_t k = i; k < t->n && k < i + CONTEXT_LINES; k++) {
        char *list = strstr(t->line[k], "ErrorList") ? error_list(t, k) : NULL;
        if (list)
            return list;
        const char *internal = k > i ? strstr(t->line[k], "Compiler internal error") : NULL;
        if (internal)
            return tl_strdup(internal);
        if (k > i && has_letter(t->line[k]) && !goes_on(t, k) && !starts(t->line[k], "Error"))
            break;
    }
    return known ? NULL : indented_block(t, i);
}

/* The message of a line that names an error, in words that are nobody's assertion: a new string. */
static char *error_message(const struct tl_lines *t, size_t i)
{
    size_t end = i;
    char *whole = tl_message_with_block(t, i, tl_strdup(skip_blanks(t->line[i])), &end);
    if (end > i)
        return whole;
    free(whole);
    char *below = tl_message_is_unfinished(t->line[i]) ? indented_block(t, i) : NULL;
    if (!below && tl_message_is_unfinished(t->line[i]))
        below = announced(t, i);
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
    return k < i && tl_line_names_error(t, k) && (tl_message_is_verdict(s) || tl_message_is_unfinished(s))
               ? k
               : i;
}

/* --- events --------------------------------------------------------------------------------------------- */

struct event {
    size_t at;     /* its first line */
    char *message; /* owned */
    bool known;    /* of a kind that only the end of a process has; else a line that names an error */
};

struct events {
    struct event *list;
    size_t n;
};

/* The last of the lines below "Caused by:", which is where an error in Rust came from. Takes the message. */
static char *with_root(const struct tl_lines *t, char *message, size_t *end)
{
    size_t k = *end + (*end < t->n && !*t->line[*end]);
    if (k >= t->n || strcmp(skip_blanks(t->line[k]), "Caused by:"))
        return message;
    const char *root = NULL;
    for (k++; k < t->n && t->line[k][0] == ' '; *end = ++k)
        if (has_letter(t->line[k]) && !tl_line_warning(t, k))
            root = skip_blanks(t->line[k]);
    if (!root)
        return message;
    size_t digits = strspn(root, "0123456789");
    char *both = tl_format("%s (%s)", root + (starts(root + digits, ": ") ? digits + 2 : 0), message);
    free(message);
    return both;
}

static void find_events(const struct tl_lines *t, struct events *e)
{
    *e = (struct events){0};
    for (size_t i = 0, end; i < t->n; i = end) {
        end = i + 1;
        if (!*t->line[i])
            continue;
        struct event one = {.at = i, .message = tl_last_words_known(t, i, &end)};
        one.known = one.message;
        if (one.known && *one.message && end == i + 1)
            one.message = tl_message_with_block(t, i, one.message, &end);
        if (!one.known && tl_line_names_error(t, i)) {
            one.at = head_of_block(t, i);
            if (one.at == i || !e->n || e->list[e->n - 1].at != one.at)
                one.message = error_message(t, one.at);
        }
        if (!one.message)
            continue;
        if (!*one.message) {
            free(one.message);
            continue;
        }
        one.message = with_root(t, one.message, &end);
        *TL_GROW(e->list, e->n) = one;
    }
}

static void free_events(struct events *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->list[i].message);
    free(e->list);
}

/* How many lines that are no stack's stand between two lines. */
static size_t distance(const struct tl_lines *t, size_t from, size_t to)
{
    size_t n = 0;
    for (size_t k = from + 1; k < to; k++)
        n += !tl_line_is_of_a_stack(t->line[k]);
    return n;
}

/* Whether nothing but stacks, notes and further complaints stands between two lines. */
static bool is_one_cascade(const struct tl_lines *t, size_t from, size_t to)
{
    for (size_t k = from + 1; k < to; k++) {
        const char *s = t->line[k];
        if (!tl_line_is_of_a_stack(s) && *s != ' ' && !tl_line_warning(t, k) && !tl_line_complains(s))
            return false;
    }
    return true;
}

/* The first of the errors that were written directly before this one, with this one. */
static char *with_first_of_cascade(const struct tl_lines *t, const struct events *e, size_t which)
{
    size_t first = which;
    while (first > 0 && which - first < BLOCK_LINES && !e->list[first - 1].known &&
           is_one_cascade(t, e->list[first - 1].at, e->list[first].at))
        first--;
    while (first < which && tl_message_is_verdict(e->list[first].message))
        first++;
    const char *a = e->list[first].message, *b = e->list[which].message;
    return first == which || !strcmp(a, b) ? tl_strdup(b) : tl_format("%s (%s)", a, b);
}

/* What a verdict leaves unsaid: the nearest error before it that says something; else the nearest line that
 * has a word of failing. NULL when there is none. */
static char *cause_before(const struct tl_lines *t, const struct events *e, size_t which)
{
    size_t at = e->list[which].at;
    for (size_t k = which; k-- > 0;) {
        const struct event *c = &e->list[k];
        if (distance(t, c->at, at) > CONTEXT_LINES)
            break;
        if (!tl_message_is_verdict(c->message) && !tl_message_is_epilogue(c->message))
            return c->known ? tl_strdup(c->message) : with_first_of_cascade(t, e, k);
    }
    bool unreachable = strstr(e->list[which].message, "UNREACHABLE executed");
    size_t left = NEAR_LINES;
    for (size_t k = at; k-- > 0 && left > 0;) {
        const char *s = t->line[k];
        if (!has_letter(s) || tl_line_is_of_a_stack(s) || tl_line_is_advice(s) || tl_line_warning(t, k))
            continue;
        left--;
        if (!tl_message_is_verdict(s) && !tl_message_is_epilogue(s) && (unreachable || tl_line_complains(s)))
            return tl_strdup(skip_blanks(s));
    }
    return NULL;
}

/* Joins a verdict with its cause: a new string; *found tells whether there is one. */
static char *with_cause(const struct tl_lines *t, const struct events *e, size_t which, bool *found)
{
    const struct event *v = &e->list[which];
    const char *message = v->message;
    char *after = cause_after(t, v->at, v->known);
    char *before = after ? NULL : cause_before(t, e, which);
    if (!after && !before)
        before = dumped_pass(t);
    char *cause = after ? after : before;
    *found = cause;
    if (!cause || strstr(message, cause)) {
        free(cause);
        return tl_strdup(message);
    }
    cause[tl_utf8_cut(cause, CAUSE_MOST)] = '\0';
    char *both = after ? tl_format("%s: %s", message, cause) : tl_format("%s (%s)", cause, message);
    free(cause);
    return both;
}

/* --- choosing ------------------------------------------------------------------------------------------- */

/* The last message of a known kind; of a program that exited, the last line that names an error too. A verdict
 * whose cause is not told is no `sure` one. */
static char *choose(const struct tl_lines *t, bool exited, bool *sure)
{
    struct events e;
    find_events(t, &e);
    char *best = NULL, *epilogue = NULL;
    *sure = true;
    for (size_t i = e.n; !best && i-- > 0;) {
        const struct event *one = &e.list[i];
        if (!one->known && !exited)
            continue;
        if (tl_message_is_epilogue(one->message)) {
            if (!epilogue && one->known)
                epilogue = tl_strdup(one->message);
        } else if (tl_message_is_verdict(one->message) ||
                   (!one->known && tl_message_is_verdict(t->line[one->at]))) {
            best = with_cause(t, &e, i, sure);
        } else {
            best = one->known ? tl_strdup(one->message) : with_first_of_cascade(t, &e, i);
        }
    }
    free_events(&e);
    if (!best && epilogue && !tl_message_says_nothing(epilogue))
        return epilogue;
    free(epilogue);
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
    struct tl_lines t;
    bool sure;
    if (!text || !size)
        return NULL;
    tl_lines_cut(text, size, &t);
    char *message = choose(&t, false, &sure);
    tl_lines_free(&t);
    return cut(message);
}

/* What a shell, or our own runner of steps, says of the death of its child. */
static bool says_who(const char *s)
{
    return starts(s, "trapline-command: ") || strstr(s, " Aborted") || tl_message_says_nothing(s);
}

/* Whether a line at the end of a text is passed over in the search for the error before it. */
static bool is_after_the_end(const struct tl_lines *t, size_t i)
{
    const char *s = t->line[i];
    return !has_letter(s) || tl_line_is_of_a_stack(s) || tl_line_is_advice(s) || tl_line_warning(t, i) ||
           says_who(s);
}

/* Where the dump of Python's faulthandler begins that ends a text; t->n when there is none. trapline turns it on
 * itself, and what was the last line before it says why. */
static size_t before_dump(const struct tl_lines *t)
{
    static const char head[] = "Fatal Python error: ";
    static const char *const signals[] = {"Aborted", "Segmentation fault", "Bus error", "Illegal instruction",
                                          "Floating point exception"};
    for (size_t i = t->n; i-- > 0;) {
        for (size_t k = 0; starts(t->line[i], head) && k < TL_COUNT(signals); k++)
            if (!strcmp(t->line[i] + strlen(head), signals[k]))
                return i;
        const char *s = skip_blanks(t->line[i]);
        bool of_it = !*s || starts(s, "File \"") || starts(s, "Thread 0x") ||
                     starts(s, "Current thread 0x") || starts(s, "Extension modules: ") || starts(s, "...") ||
                     starts(s, "<no Python frame>");
        if (!of_it && !is_after_the_end(t, i))
            break;
    }
    return t->n;
}

/* The end of a text without what is passed over there, and without exceptions that Python ignored, unless there is nothing else. */
static size_t before_ignored(const struct tl_lines *t, size_t end)
{
    size_t whole = 0;
    for (size_t i = end, last = 0;; i = last) {
        while (i > 0 && is_after_the_end(t, i - 1))
            i--;
        whole = whole ? whole : i;
        last = i;
        for (size_t k = i; last == i && k-- > 0 && i - k < CONTEXT_LINES;)
            if (tl_python_ignored(t, k) >= i)
                last = k;
        if (last == i)
            return i ? i : whole;
    }
}

/* "specialization failed: AIModelError(code: 3)", "fatal error: …": final, also when the program has a word or two to say while it
 * ends itself. */
static bool is_final(const char *s)
{
    const char *fatal = strcasestr(s, "fatal error: "), *failed = strstr(s, "failed: ");
    if (fatal && (fatal == s || fatal[-1] == ' '))
        return true;
    const char *type = failed ? strstr(failed, "Error") : NULL;
    return type && (type[5] == '(' || type[5] == '.') &&
           !memchr(failed + 8, ' ', (size_t)(type - failed - 8));
}

/* The final line that stands before at most so many that complain of nothing; NULL. */
static const char *final_line(const struct tl_lines *t, size_t end)
{
    for (size_t i = end, left = FOLLOWING_LINES; i-- > 0 && left > 0; left--) {
        if (is_final(t->line[i]) && !tl_line_warning(t, i))
            return t->line[i];
        if (tl_line_complains(t->line[i]))
            break;
    }
    return NULL;
}

char *tl_find_closing_error(const char *text, size_t size)
{
    struct tl_lines t;
    if (!text || !size)
        return NULL;
    tl_lines_cut(text, size, &t);
    char *message = NULL;
    size_t i = before_ignored(&t, before_dump(&t));
    size_t last = i, lowest = i > BLOCK_LINES ? i - BLOCK_LINES : 0;
    while (i > lowest && goes_on(&t, i - 1))
        i--;
    if (i > 0 && tl_line_names_error(&t, i - 1)) {
        struct events e;
        find_events(&t, &e);
        for (size_t k = e.n; !message && k-- > 0;) {
            bool found;
            if (e.list[k].at == i - 1)
                message = tl_message_is_verdict(t.line[i - 1]) ? with_cause(&t, &e, k, &found)
                                                               : tl_strdup(e.list[k].message);
        }
        free_events(&e);
    }
    if (!message && last && t.line[last - 1][0] != ' ' && tl_line_complains(t.line[last - 1]))
        message = tl_strdup(t.line[last - 1]);
    const char *final = message ? NULL : final_line(&t, last);
    if (final)
        message = tl_strdup(final);
    tl_lines_free(&t);
    return cut(message);
}

/* The last line that says something, for want of a better one: that complains, that is no part of a block, or
 * any. */
static char *last_line(const struct tl_lines *t)
{
    enum { COMPLAINS, STANDS_ALONE, ANY, WAYS };
    for (int way = 0; way < WAYS; way++)
        for (size_t i = t->n, left = CONTEXT_LINES; i-- > 0 && left > 0;) {
            const char *s = t->line[i];
            if (!has_letter(s) || tl_line_warning(t, i))
                continue;
            bool fit = !tl_message_is_verdict(s) && *s != ' ' && !tl_line_is_advice(s) &&
                       !tl_line_is_of_a_stack(s) && !tl_message_says_nothing(s);
            left -= way == COMPLAINS && fit;
            if (way == ANY || (fit && (way == STANDS_ALONE || tl_line_complains(s))))
                return tl_strdup(skip_blanks(s));
        }
    return NULL;
}

char *tl_find_complaint(const char *text, size_t size, bool only_error)
{
    struct tl_lines t;
    bool sure;
    if (!text || !size)
        return NULL;
    tl_lines_cut(text, size, &t);
    char *message = choose(&t, true, &sure);
    if (!message && !only_error)
        message = last_line(&t);
    tl_lines_free(&t);
    return cut(message);
}

char *tl_find_complaint_of(const char *err, size_t err_size, const char *out, size_t out_size)
{
    struct tl_lines t;
    bool sure = false;
    char *message = NULL, *line = NULL;
    if (err && err_size) {
        tl_lines_cut(err, err_size, &t);
        message = choose(&t, true, &sure);
        line = message ? NULL : last_line(&t);
        tl_lines_free(&t);
    }
    if (message && sure)
        return cut(message);
    bool says_why =
        line && tl_line_complains(line) && !tl_message_is_verdict(line) && !tl_message_says_nothing(line);
    char *other = says_why ? NULL : tl_find_complaint(out, out_size, true);
    if (!message) {
        message = line;
        line = NULL;
    }
    if (other && message && tl_message_is_verdict(message)) {
        char *both = tl_format("%s (%s)", other, message);
        free(other);
        other = both;
    }
    if (other) {
        free(message);
        message = other;
    }
    free(line);
    return cut(message);
}

/* What the first line leaves to those below it: the errors that are listed there, else what its block says. */
static char *first_reason(const struct tl_lines *t)
{
    const char *first = t->line[0];
    bool block = tl_message_is_unfinished(first) && first[strlen(first) - 1] != ':';
    char *cause = block || tl_message_is_verdict(first) ? cause_after(t, 0, block) : NULL;
    if (block && (!cause || strchr(cause, '='))) { /* the elements are dictionaries themselves */
        char *said = tl_block_reason(t, 0);
        if (said) {
            free(cause);
            return said;
        }
    }
    size_t n = cause ? strlen(cause) : 0;
    if (n > 2 && *cause == '"' && strchr(cause + 1, '"') == cause + n - 1) { /* a single one */
        memmove(cause, cause + 1, n - 2);
        cause[n - 2] = '\0';
    }
    return cause;
}

char *tl_find_first_words(const char *text, size_t size)
{
    struct tl_lines t;
    if (!text || !size)
        return NULL;
    tl_lines_cut(text, size, &t);
    char *head = tl_head_of_block(t.line[0]), *cause = first_reason(&t);
    bool block = strcmp(head, skip_blanks(t.line[0]));
    struct tl_buffer b = TL_BUFFER_INIT;
    if (cause && block && *head)
        tl_buffer_printf(&b, "%s (%s)", cause, head);
    else
        tl_buffer_printf(&b, "%s%s%s", head, cause ? ": " : "", cause ? cause : "");
    for (size_t k = 1; !cause && !block && k < t.n && k <= FOLLOWING_LINES && has_letter(t.line[k]); k++)
        add_words(&b, t.line[k]);
    free(cause);
    free(head);
    tl_lines_free(&t);
    return cut(take_words(&b));
}
