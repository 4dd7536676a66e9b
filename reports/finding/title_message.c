/* What a message says, in as few of its own words as tell it from another one.
 *
 * Messages are wrapped: by the step that was checked, by the place in the source, by the signature of the function
 * that asserted, by the exception that carried it, by the framework that caught it. Each wrapping has a form of its
 * own, written by a macro or a library and not by whoever found the mistake, and it stands in front of what they
 * wrote. The forms are taken off one after the other, until none fits. A function or an operator that a form names is kept
 * as the place. */
#include "reports/finding/title_message.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FORMS_MOST 8      /* wrappings around one message */
#define SENTENCE_LEAST 16 /* characters of a sentence that is worth to stand alone */

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* Keeps what begins at `from`, in place. */
static void keep_from(char *text, const char *from)
{
    memmove(text, from, strlen(from) + 1);
}

/* Behind FILE.EXT:LINE: at the beginning of a text; NULL where there is none. A path has no blank. */
static const char *behind_place(const char *text)
{
    const char *p = text + strcspn(text, " :");
    if (p == text + 1 && *p == ':' && tl_is_letter(*text)) /* C:\ */
        p += 1 + strcspn(p + 1, " :");
    const char *dot = p;
    while (dot > text && *dot != '.' && *dot != '/')
        dot--;
    if (*p != ':' || *dot != '.' || p - dot > 7 || !tl_is_digit(p[1]))
        return NULL;
    do {
        p++;
        while (tl_is_digit(*p))
            p++;
    } while (*p == ':' && tl_is_digit(p[1]));
    p += *p == ':';
    return p + strspn(p, " ");
}

/* Behind the parenthesis that closes the one at `open`; NULL where none does. */
static const char *behind_parenthesis(const char *open)
{
    int depth = 0;
    for (const char *p = open; *p; p++) {
        depth += (*p == '(') - (*p == ')');
        if (!depth)
            return p + 1;
    }
    return NULL;
}

/* --- forms: each takes off one wrapping, and returns whether there was one ------------------------------- */

/* "step 2 of 3 (compile, coreai-build) exited with status 1; 0 was expected: WORDS", and what else is said of a step. */
static bool take_step(char *text)
{
    const char *rest = begins(text, "the runner ") ? text + strlen("the runner ") : NULL, *p;
    if (begins(text, "step ") && (p = strchr(text, '(')) && p - text < 32 && (p = behind_parenthesis(p)))
        rest = p + strspn(p, ": ");
    if (!rest)
        return false;
    if (begins(rest, "exited with status ")) {
        const char *expected = strstr(rest, " was expected"),
                   *colon = expected ? strstr(expected, ": ") : NULL;
        if (colon && colon == expected + strlen(" was expected"))
            keep_from(text, colon + 2);
        else {
            char *words =
                tl_format("exit status %.*s", (int)strspn(rest + 19, "0123456789"), rest + 19); /* shorter */
            keep_from(text, words);
            free(words);
        }
        return true;
    }
    /* The text that was looked for says it; the line in which it stood repeats it. */
    if (begins(rest, "fell back: "))
        rest += strlen("fell back: ");
    const char *quote = begins(rest, "it wrote \"") ? rest + strlen("it wrote \"") : NULL;
    if (quote && (p = strstr(quote, "\": "))) {
        keep_from(text, quote);
        text[p - quote] = '\0';
        return true;
    }
    keep_from(text, rest);
    if ((p = strstr(text, ", which was expected")) || (p = strstr(text, ", which it should not")))
        text[p - text] = '\0';
    return true;
}

static bool take_leads(char *text)
{
    static const char *const leads[] = {
        "Exception during initialization: ",
        "libc++abi: terminating due to uncaught exception of type ",
        "libc++abi: terminating with uncaught exception of type ",
        "terminating due to uncaught exception of type ",
        "terminate called after throwing an instance of ",
        "*** Terminating app due to uncaught exception ",
        "Terminating app due to uncaught exception ",
        "LLVM ERROR: ",
        "Fatal error: ",
        "Uncaught exception: ",
        "Unhandled exception: ",
        "error: ",
        "Error: ",
        "ERROR: ",
        "Error = ",
        "what(): ",
    };
    for (size_t i = 0; i < TL_COUNT(leads); i++)
        if (begins(text, leads[i]) && text[strlen(leads[i])]) {
            keep_from(text, text + strlen(leads[i]));
            return true;
        }
    return false;
}

/* loc("x"): of MLIR, FILE:LINE: of everybody. */
static bool take_place(char *text)
{
    const char *rest = begins(text, "loc(") ? behind_parenthesis(text + 3) : behind_place(text);
    if (!rest || !*rest)
        return false;
    rest += strspn(rest, ": ");
    if (!*rest)
        return false;
    keep_from(text, rest);
    return true;
}

/* "CAUSE (FILE:LINE: failed assertion `what is always said')": the cause stands alone. */
static bool take_trailing_place(char *text)
{
    for (char *p = text; (p = strstr(p, " (")); p += 2)
        if (p > text && behind_place(p + 2)) {
            *p = '\0';
            return true;
        }
    return false;
}

/* "WHERE: failed assertion `WORDS'". */
static bool take_failed_assertion(char *text)
{
    static const char mark[] = "failed assertion `";
    const char *p = strstr(text, mark);
    if (!p)
        return false;
    keep_from(text, p + sizeof mark - 1);
    char *end = strrchr(text, '\'');
    if (end && (!end[1] || strspn(end + 1, " .") == strlen(end + 1)))
        *end = '\0';
    return *text != '\0';
}

/* "-[Class selector:] Error: WORDS", "[Class, selector:] error: WORDS": the class is the place. */
static bool take_selector(char *text, char **place)
{
    const char *p = text + (*text == '-' || *text == '+');
    const char *end = *p == '[' ? strchr(p, ']') : NULL;
    if (!end || (end[1] != ' ' && end[1] != ':') || !end[2])
        return false;
    size_t n = strcspn(p + 1, " ,]");
    if (!n || !strchr(" ,", p[1 + n])) /* "[METAL] words" is no selector */
        return false;
    free(*place);
    *place = tl_format("%.*s", (int)n, p + 1);
    end += 1 + strspn(end + 1, ": ");
    keep_from(text, end);
    return true;
}

/* "SIGNATURE: Assertion `EXPRESSION' failed." of libc and of libstdc++. */
static bool take_libc_assertion(char *text, char **place)
{
    char *p = strstr(text, "Assertion ");
    char quote = p ? p[strlen("Assertion ")] : '\0';
    if (!p || (quote != '`' && quote != '\''))
        return false;
    const char *expression = p + strlen("Assertion ") + 1, *end = strstr(expression, "' failed");
    if (!end)
        return false;
    size_t before = (size_t)(p - text);
    while (before && strchr(": ", text[before - 1]))
        before--;
    if (before) {
        /* of "program: file.c:12: f" the last part is the function */
        const char *from = text;
        for (const char *q; (q = strstr(from, ": ")) && q < text + before;)
            from = q + 2;
        free(*place);
        *place = tl_title_function(from, (size_t)(text + before - from));
    }
    char *words = tl_format("%.*s failed", (int)(end - expression), expression);
    keep_from(text, words); /* is shorter than what it was made of */
    free(words);
    return true;
}

/* "Assertion failed: (EXPRESSION && "WORDS"), function F, file X, line N." of Darwin. */
static bool take_darwin_assertion(char *text, char **place)
{
    static const char mark[] = "Assertion failed: (";
    if (!begins(text, mark))
        return false;
    const char *open = text + sizeof mark - 2, *end = behind_parenthesis(open);
    if (!end)
        return false;
    const char *function = strstr(end, "function ");
    if (function) {
        function += strlen("function ");
        free(*place);
        *place = tl_title_function(function, strcspn(function, ","));
    }
    const char *quoted = strstr(open, "&& \""), *close = quoted ? strchr(quoted + 4, '"') : NULL;
    char *words = quoted && close && close < end ? tl_format("%.*s", (int)(close - quoted - 4), quoted + 4)
                                                 : tl_format("%.*s failed", (int)(end - open - 2), open + 1);
    keep_from(text, words); /* is shorter */
    free(words);
    return true;
}

/* "Non-zero status code returned while running Slice node. Name:'x' Status Message: WORDS" */
static bool take_node(char *text, char **place)
{
    static const char mark[] = "Non-zero status code returned while running ", status[] = "Status Message: ";
    const char *words = strstr(text, status), *name = text + sizeof mark - 1;
    if (!begins(text, mark) || !words || !words[sizeof status - 1])
        return false;
    free(*place);
    *place = tl_format("%.*s", (int)strcspn(name, " "), name);
    keep_from(text, words + sizeof status - 1);
    return true;
}

/* "int ns::f(const T&, bool) CONDITION was false. WORDS", as macros write it that know where they stand. */
static bool take_signature(char *text, char **place)
{
    const char *open = strchr(text, '('), *scope = strstr(text, "::");
    const char *end = open && scope && scope < open ? behind_parenthesis(open) : NULL;
    const char *colon = strstr(text, ": ");
    if (!end || *end != ' ' || open == text || open[-1] == ' ' || (colon && colon < open))
        return false;
    static const char *const behind[] = {" const", " noexcept", " mutable"};
    for (size_t i = 0; i < TL_COUNT(behind); i++)
        if (begins(end, behind[i]))
            end += strlen(behind[i]);
    if (begins(end, " [with ")) {
        const char *close = strchr(end, ']');
        end = close ? close + 1 : end;
    }
    end += strspn(end, ": ");
    if (!*end)
        return false;
    free(*place);
    *place = tl_title_function(text, (size_t)(open - text));
    const char *rest = strstr(end, " was false. ");
    keep_from(text, rest && rest[strlen(" was false. ")] ? rest + strlen(" was false. ") : end);
    return true;
}

/* "Load model from PATH failed:WORDS", "This is an invalid model. WORDS", "[SomethingError] WORDS": as ONNX Runtime passes on what
 * went wrong while a session was made. */
static bool take_session(char *text)
{
    static const char load[] = "Load model from ",
                      failed[] = " failed:", invalid[] = "This is an invalid model. ", error[] = "Error] ";
    const char *rest = begins(text, load) ? strstr(text, failed) : NULL, *tag = strchr(text, ']');
    if (rest)
        rest += sizeof failed - 1;
    else if (begins(text, invalid))
        rest = text + sizeof invalid - 1;
    else if (*text == '[' && tag && (size_t)(tag - text) == strcspn(text, " ]") && tag - text > 6 &&
             begins(tag - 5, error))
        rest = tag + 2;
    if (!rest || !rest[strspn(rest, " ")])
        return false;
    keep_from(text, rest + strspn(rest, " "));
    return true;
}

/* "Node (NAME) Op (OPERATOR) WORDS", "In Node, ("NAME", OPERATOR, "DOMAIN", -1) : (…) -> (…) , Error WORDS". */
static bool take_named_node(char *text, char **place)
{
    static const char node[] = "Node (", op[] = " Op (", in_node[] = "In Node, (\"", error[] = ", Error ";
    const char *words = NULL, *operator_ = NULL, *end;
    if (begins(text, node) && (end = behind_parenthesis(text + sizeof node - 2)) && begins(end, op) &&
        (words = behind_parenthesis(end + sizeof op - 2)))
        operator_ = end + sizeof op - 1;
    if (begins(text, in_node) && (words = strstr(text, error)) &&
        (end = strstr(text + sizeof in_node - 1, "\", "))) {
        words += sizeof error - 1;
        operator_ = end + 3;
    }
    if (!words || !operator_ || operator_ > words || !words[strspn(words, " ")])
        return false;
    free(*place);
    *place = tl_format("%.*s", (int)strcspn(operator_, "),"), operator_);
    keep_from(text, words + strspn(words, " "));
    return true;
}

/* "'NSGenericException', reason: 'WORDS'" */
static bool take_reason(char *text)
{
    static const char mark[] = "reason: '";
    const char *p = strstr(text, mark);
    if (!p || !p[sizeof mark - 1])
        return false;
    keep_from(text, p + sizeof mark - 1);
    char *end = strrchr(text, '\'');
    if (end && !end[1])
        *end = '\0';
    return true;
}

/* "Error Domain=D Code=C "WORDS" UserInfo={…}": words first, and what is searched for behind them. */
static bool take_nserror(char *text)
{
    const char *domain = begins(text, "Error Domain=") ? text + strlen("Error Domain=") : NULL,
               *code = domain ? strstr(domain, " Code=") : NULL;
    if (!code)
        return false;
    const char *number = code + strlen(" Code="), *quote = strchr(number, '"'),
               *close = quote ? strchr(quote + 1, '"') : NULL;
    int n = (int)strspn(number, "-0123456789");
    char *words;
    if (close && close > quote + 1) {
        const char *from = quote + 1;
        size_t selector = strcspn(from, " "); /* "f:...: WORDS" */
        if (selector > 1 && from[selector - 1] == ':' && memchr(from, ':', selector - 1) && from[selector])
            from += selector + 1;
        words = tl_format("%.*s", (int)(close - from), from);
        char *aside = strstr(words, " (");
        if (aside)
            *aside = '\0';
        char *all = tl_format("%s (Code=%.*s)", words, n, number);
        free(words);
        words = all;
    } else {
        words = tl_format("%.*s %.*s", (int)(code - domain), domain, n, number);
    }
    if (strlen(words) > strlen(text))
        words[tl_utf8_cut(words, strlen(text))] = '\0';
    keep_from(text, words);
    free(words);
    return true;
}

static bool take_any(char *text, char **place)
{
    return take_step(text) || take_trailing_place(text) || take_leads(text) || take_place(text) ||
           take_failed_assertion(text) || take_selector(text, place) || take_darwin_assertion(text, place) ||
           take_libc_assertion(text, place) || take_node(text, place) || take_signature(text, place) ||
           take_reason(text) || take_nserror(text) || take_session(text) || take_named_node(text, place);
}

/* Its first line, and the next one where the first only leads to it. */
static char *first_line(const char *message)
{
    size_t n = strcspn(message, "\n"), end = n;
    while (end && strchr(" \t\r", message[end - 1]))
        end--;
    if (end && message[end - 1] == ':' && message[n])
        n += 1 + strcspn(message + n + 1, "\n");
    return tl_clean_text(message, n, false);
}

static void trim(char *text)
{
    size_t n = strlen(text);
    while (n && strchr(" .:;,", text[n - 1]))
        text[--n] = '\0';
    if (n > 2 && text[0] == text[n - 1] && strchr("'\"", *text) && !memchr(text + 1, *text, n - 2)) {
        text[n - 1] = '\0';
        keep_from(text, text + 1);
    }
}

void tl_title_message_find(const char *message, struct tl_title_message *m)
{
    m->words = first_line(message ? message : "");
    m->place = NULL;
    for (int i = 0; i < FORMS_MOST && take_any(m->words, &m->place); i++)
        ;
    trim(m->words);
    if (m->place && !*m->place) {
        free(m->place);
        m->place = NULL;
    }
}

void tl_title_message_free(struct tl_title_message *m)
{
    free(m->words);
    free(m->place);
    *m = (struct tl_title_message){NULL, NULL};
}

/* --- names ------------------------------------------------------------------------------------------------ */

/* Whether an operator's own angle brackets or parentheses stand here: operator<, operator->, operator(). */
static size_t operator_at(const char *text, size_t at, size_t size)
{
    static const char *const operators[] = {
        "operator()", "operator[]", "operator->", "operator<<", "operator>>",
        "operator<=", "operator>=", "operator<",  "operator>"};
    for (size_t i = 0; i < TL_COUNT(operators); i++) {
        size_t n = strlen(operators[i]);
        if (at + n <= size && !strncmp(text + at, operators[i], n))
            return n;
    }
    return 0;
}

char *tl_title_function(const char *signature, size_t size)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t begin = 0;
    int angles = 0;
    tl_buffer_add_string(&b, "");
    for (size_t i = 0, n; i < size; i += n) {
        n = operator_at(signature, i, size);
        if (n && !angles) {
            tl_buffer_add(&b, signature + i, n);
            continue;
        }
        n = 1;
        char c = signature[i];
        if (c == '<' || c == '>') {
            angles += c == '<' ? 1 : angles > 0 ? -1 : 0;
            continue;
        }
        if (angles)
            continue;
        if (c == '(' && !strncmp(signature + i, "(anonymous namespace)", 21)) {
            n = 21;
            continue;
        }
        if (c == '(')
            break;
        if (strchr(" *&", c))
            begin = b.size;
        else
            tl_buffer_add(&b, &c, 1);
    }
    char *name = tl_strdup(b.data + begin), *p;
    while ((p = strstr(name, "{anonymous}::")) || (p = begins(name, "::") ? name : NULL))
        keep_from(p, p + (*p == '{' ? strlen("{anonymous}::") : 2));
    tl_buffer_free(&b);
    return name;
}

size_t tl_title_characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Where the first `most` characters end. */
static size_t bytes_of(const char *text, size_t most)
{
    size_t i = 0;
    for (; text[i]; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80 && !most--)
            break;
    return i;
}

/* Where a sentence ends within the first n bytes; 0: none that is worth it. */
static size_t sentence_end(const char *text, size_t n)
{
    size_t found = 0;
    for (size_t i = 1; i < n; i++) {
        bool ends = (strchr(".;", text[i]) && text[i + 1] == ' ') || (text[i] == ' ' && text[i + 1] == '(');
        if (ends && 2 * i >= n && i >= SENTENCE_LEAST)
            found = i;
    }
    return found;
}

/* Without a last word that only begins something, an article or a number. */
static size_t without_beginning(const char *text, size_t n)
{
    static const char *const words[] = {"the", "a",  "an", "of", "for", "to", "in", "at", "by",  "and",
                                        "or",  "is", "on", "be", "not", "as", "it", "if", "with"};
    for (;;) {
        while (n && strchr(" .,:;(=-", text[n - 1]))
            n--;
        size_t from = n;
        while (from && text[from - 1] != ' ')
            from--;
        char *word = tl_format("%.*s", (int)(n - from), text + from);
        bool begins_something = from && (tl_is_one_of(word, words, TL_COUNT(words)) || tl_is_digit(*word));
        free(word);
        if (!begins_something)
            return n;
        n = from;
    }
}

char *tl_title_cut(const char *text, size_t most)
{
    if (tl_title_characters(text) <= most)
        return tl_strdup(text);
    if (most < 2)
        return NULL;
    size_t n = bytes_of(text, most), end = sentence_end(text, n);
    if (end)
        return tl_format("%.*s", (int)end, text);
    n = bytes_of(text, most - 1);
    while (n && text[n] != ' ')
        n--;
    n = without_beginning(text, n);
    return n ? tl_format("%.*s…", (int)n, text) : NULL;
}

char *tl_title_fit(const char *text, size_t most)
{
    char *cut = tl_title_cut(text, most);
    return cut ? cut : tl_format("%.*s…", (int)bytes_of(text, most ? most - 1 : 0), text);
}

char *tl_title_name(const char *name, size_t most)
{
    for (const char *p = name, *next; p; p = next) {
        if (tl_title_characters(p) <= most)
            return tl_strdup(p);
        next = strstr(p, "::");
        next = next ? next + 2 : NULL;
        if (next && begins(next, "operator")) /* of what, says the part before */
            next = NULL;
    }
    return NULL;
}
