/* The lines of what a program wrote, freed from what others put around them.
 *
 * Theory of operation. Between a program and its reader stand loggers, launchers and progress bars, and each
 * adds something to a line that has nothing to do with what went wrong: the time, the rank of the process, how
 * far it got. It is taken off here, once, so that nothing else needs to know of it; what a logger says of a
 * line (that it is an error, or a warning) is kept beside it. Only a prefix that is surely one is taken off: a
 * time of day or a date must come first, or a form that nobody writes by chance. */
#include "harness/base/last_words_impl.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MOST (1u << 20) /* only the end of a longer text is looked at */
#define LEVEL_FAR 80         /* bytes between the time and the level of a line, at most */

/* "12:34:56.789", "2024-05-20", "05/20/2024-12:34:56", "2024-05-20T12:34:56Z": its length, or 0. */
static size_t time_length(const char *s)
{
    size_t n = strspn(s, "0123456789-/:.,+TZ"), digits = 0, colons = 0;
    for (size_t i = 0; i < n; i++) {
        digits += tl_is_digit(s[i]);
        colons += s[i] == ':';
    }
    bool date = digits >= 8 && tl_is_digit(s[3]) && strchr("-/", s[4]) && strchr("-/", s[7]);
    return tl_is_digit(*s) && digits >= 5 && (colons >= 2 || date) ? n : 0;
}

/* "May 20 ", of a line of syslog. */
static size_t month_length(const char *s)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (size_t i = 0; i < 36; i += 3)
        if (!strncmp(s, months + i, 3) && s[3] == ' ') {
            size_t n = strspn(s + 4, "0123456789");
            return n && s[4 + n] == ' ' ? 5 + n : 0;
        }
    return 0;
}

static const struct {
    const char *name;
    char level;
} levels[] = {{"CRITICAL", 'F'}, {"FATAL", 'F'},   {"PANIC", 'F'}, {"SEVERE", 'E'}, {"ERROR", 'E'},
              {"ERR", 'E'},      {"WARNING", 'W'}, {"WARN", 'W'},  {"NOTICE", 'I'}, {"INFO", 'I'},
              {"DEBUG", 'D'},    {"TRACE", 'D'},   {"F", 'F'},     {"E", 'E'},      {"W", 'W'},
              {"I", 'I'},        {"D", 'D'},       {"V", 'D'}};

/* The level that stands here as a word of its own, and its length; 0. */
static size_t level_length(const char *s, bool any_case, char *level)
{
    for (size_t i = 0; i < TL_COUNT(levels); i++) {
        size_t n = strlen(levels[i].name);
        bool same = any_case && n > 1 ? !strncasecmp(s, levels[i].name, n) : !strncmp(s, levels[i].name, n);
        if (same && !tl_is_letter(s[n]) && !tl_is_digit(s[n])) {
            *level = levels[i].level;
            return n;
        }
    }
    return 0;
}

/* What follows a time: who wrote the line, and its level. "E converter - ", "[ERROR] [launch.py:325] ",
 * "- converter - ERROR - ", "ort[123:456] " */
static char *strip_level(char *s, char *level)
{
    char *p = s + strspn(s, " -|:");
    size_t n = level_length(p + (*p == '['), true, level);
    if (n && (*p != '[' || p[1 + n] == ']')) {
        p += n + (*p == '[' ? 2 : 0);
        return p + strspn(p, " -|:");
    }
    if (n && *p == '[') /* "[E:onnxruntime:, graph.cc:3 Graph] …": the rest says where */
        return p;
    *level = 0;
    for (char *q = p; *q && q < p + LEVEL_FAR; q++)
        if (q > p && !tl_is_letter(q[-1]) && (n = level_length(q, false, level)) > 2 && strchr(" ]:|-", q[n]))
            return q + n + strspn(q + n, " ]-|:");
    *level = 0;
    size_t word = strcspn(p, " [");
    size_t id = p[word] == '[' ? strspn(p + word + 1, "0123456789:") : 0;
    if (word && id && p[word + 1 + id] == ']') {
        p += word + id + 2;
        return p + strspn(p, " :");
    }
    return p;
}

/* A record of fields: level=error msg="…", {"level":"error","msg":"…"}. The message, or NULL. */
static char *strip_record(char *s, char *level)
{
    static const char *const keys[] = {"\"level\":\"", "\"severity\":\"", "level=", "\"levelname\":\""};
    static const char *const messages[] = {"msg=\"", "\"msg\":\"", "\"message\":\"", "msg="};
    for (size_t i = 0; i < TL_COUNT(keys); i++) {
        char *at = strstr(s, keys[i]), said = 0;
        if (!at || !level_length(at + strlen(keys[i]), true, &said))
            continue;
        for (size_t k = 0; k < TL_COUNT(messages); k++) {
            char *from = strstr(s, messages[k]);
            if (!from)
                continue;
            from += strlen(messages[k]);
            char *end = from;
            while (*end && (*end != '"' || end[-1] == '\\'))
                end++;
            *end = '\0';
            *level = said;
            return from;
        }
    }
    return NULL;
}

/* What a launcher of several processes puts before each line: "[rank0]: ", "[1,0]<stderr>:", "(f pid=7) ". */
static char *strip_rank(char *s)
{
    size_t n = starts(s, "[rank") ? 5 + strspn(s + 5, "0123456789") : 0;
    if (n > 5 && starts(s + n, "]:"))
        return s + n + 2 + (s[n + 2] == ' ');
    n = *s == '[' ? 1 + strspn(s + 1, "0123456789,") : 0;
    if (n > 1 && starts(s + n, "]<std"))
        return s + n + strcspn(s + n, ":") + (strchr(s + n, ':') != NULL);
    char *pid = *s == '(' ? strstr(s, "pid=") : NULL, *end = pid ? strstr(pid, ") ") : NULL;
    return pid && tl_is_digit(pid[4]) && end && end - s < 80 ? end + 2 : s;
}

/* A progress bar has no end of line when something else is written. */
static char *strip_progress(char *s)
{
    static const char *const ends[] = {"it/s]", "s/it]", "B/s]"};
    char *bar = strstr(s, "%|"), *last = NULL;
    for (size_t i = 0; bar && i < TL_COUNT(ends); i++)
        for (char *p = bar; (p = strstr(p, ends[i])); p++)
            last = p + 5 - (i == 2) > last ? p + 5 - (i == 2) : last;
    return last ? last : s;
}

static char *strip(char *s, char *level)
{
    s = strip_rank(strip_progress(s));
    size_t pid = starts(s, "==") ? 2 + strspn(s + 2, "0123456789") : 0;
    if (pid > 2 && starts(s + pid, "== ")) /* valgrind */
        s += pid + 3;
    char *record = strip_record(s, level);
    if (record)
        return record;
    size_t name =
        level_length(s, false, level); /* "E 00:00:01.2 a:b.cpp:3] …", "ERROR 05-20 12:34:56 a.py:3] …" */
    size_t date = name && s[name] == ' ' ? strspn(s + name + 1, "0123456789-") : 0;
    bool dated = date && s[name + 1 + date] == ' ' && time_length(s + name + 2 + date);
    if (name && s[name] == ' ' && (time_length(s + name + 1) || dated))
        return strstr(s, "] ") ? strstr(s, "] ") + 2 : s + name + 1 + time_length(s + name + 1);
    *level = 0;
    char *unit = s + strspn(s, "0123456789."); /* "0.3ms [ ERROR ] …" */
    if (unit > s && (starts(unit, "ms [") || starts(unit, "s [")))
        s = strchr(unit, '[');
    char *p = s + (*s == '[');
    size_t month = month_length(p), time = time_length(p + month);
    if (time) {
        p += month + time;
        if (*p == ' ') { /* a date, and the time of day; and a zone */
            p += 1 + time_length(p + 1);
            p += starts(p, "UTC") ? 3 : *p == '+' ? 1 + strspn(p + 1, "0123456789") : 0;
        }
        if (*s != '[' || *p == ']') {
            p += *p == ']';
            if (month) /* the host, and who wrote it */
                p += strcspn(p + (*p == ' '), " ") + (*p == ' ');
            return strip_level(p, level);
        }
    }
    if (starts(s, "npm ERR! ") || starts(s, "npm error ")) {
        *level = 'E';
        return s + (s[5] == 'R' ? 9 : 10);
    }
    if (starts(s, "# ")) /* the box in which virtual machines put their last words */
        return s + 2;
    size_t day = strchr("IWEF", *s) && *s ? strspn(s + 1, "0123456789") : 0;
    if ((day == 4 || day == 8) && s[1 + day] == ' ' && tl_is_digit(s[2 + day])) { /* glog */
        *level = *s;
        char *end = strstr(s, "] "), *file = end;
        while (file && file > s && file[-1] != ' ')
            file--;
        return *s == 'E' && file ? file : s;
    }
    size_t n = *s == '[' ? level_length(s + 1 + (s[1] == ' '), true, level) : 0;
    if (n && !strchr("] ", s[1 + (s[1] == ' ') + n]))
        *level = 0;
    return s;
}

void tl_lines_cut(const char *from, size_t size, struct tl_lines *t)
{
    if (size > TEXT_MOST) {
        from += size - TEXT_MOST;
        size = TEXT_MOST;
    }
    struct tl_buffer raw = TL_BUFFER_INIT;
    tl_buffer_add(&raw, from, size);
    for (size_t i = 0; i + 1 < raw.size; i++) /* a line that was written over is lines of its own */
        if (raw.data[i] == '\r' && raw.data[i + 1] != '\n')
            raw.data[i] = '\n';
    *t = (struct tl_lines){.clean = tl_clean_text(raw.data, raw.size, true)};
    tl_buffer_free(&raw);
    size_t capacity = 0;
    for (char *s = t->clean; s;) {
        char *newline = strchr(s, '\n');
        if (newline)
            *newline = '\0';
        if (t->n == capacity) {
            capacity = capacity ? capacity * 2 : 256;
            t->line = tl_realloc(t->line, capacity, sizeof *t->line);
            t->level = tl_realloc(t->level, capacity, 1);
        }
        t->level[t->n] = 0;
        t->line[t->n] = strip(s, &t->level[t->n]);
        t->n++;
        s = newline ? newline + 1 : NULL;
    }
}

void tl_lines_free(struct tl_lines *t)
{
    free(t->line);
    free(t->level);
    free(t->clean);
}

/* --- kinds of lines ------------------------------------------------------------------------------------- */

bool tl_line_is_of_a_stack(const char *s)
{
    const char *p = s + strspn(s, " ");
    bool indented = p > s;
    size_t digits = strspn(p + (*p == '#'), "0123456789");
    const char *after = p + (*p == '#') + digits, *hex = strstr(after, "0x");
    if (digits && (*p == '#' ? *after == ' ' : indented && starts(after, ": ")))
        return true;
    if (digits && *after == ' ' && hex && tl_is_letter(after[1])) /* "3 libggml.dylib 0x1 f + 12" */
        return true;
    static const char *const heads[] = {"at ", "@ 0x",       "frame #",    "File \"",
                                        "[0x", "goroutine ", "--- End of", "0x"};
    for (size_t i = 0; i < TL_COUNT(heads); i++)
        if (starts(p, heads[i]) && (i || indented))
            return true;
    if ((starts(p, "... ") && tl_is_digit(p[4])) || strstr(p, ", called at "))
        return true;
    if (indented && (starts(p, "from ") || strstr(p, ": in ")))
        return true;
    if (*p == '[' && tl_is_digit(p[1 + strspn(p + 1, " ")]) && starts(p + strcspn(p, "]"), "] "))
        return true;
    size_t n = strlen(p);
    return n && p[n - 1] == ']' && strstr(p, ") [0x"); /* as backtrace_symbols writes them */
}

/* Where a line first says that it is a warning, or less; NULL. */
const char *tl_line_warning(const struct tl_lines *t, size_t i)
{
    static const char *const words[] = {"warning", "note", "info",   "debug",
                                        "hint",    "help", "remark", "deprecation"};
    const char *s = t->line[i], *first = NULL;
    if (t->level[i])
        return strchr("EF", t->level[i]) ? NULL : s;
    for (size_t k = 0; k < TL_COUNT(words); k++) {
        size_t n = strlen(words[k]);
        for (const char *p = s; (p = strcasestr(p, words[k])); p += n) {
            bool whole = k == 0 || p == s || !tl_is_letter(p[-1]); /* "UserWarning:", but no "footnote:" */
            bool ends = p[n] == ':' || p[n] == ']' || (k == 0 && (p == s || *p == 'W') && p[n] == ' ');
            if (whole && ends && (!first || p < first))
                first = p;
        }
    }
    /* A log's tag "[W …]"; and the line with which Python shows a warning. */
    if (!first && (starts(s, "[W ") || starts(s, "[W:") || starts(s, "npm WARN") || starts(s, "[notice] ") ||
                   starts(s + strspn(s, " "), "warnings.warn(")))
        first = s;
    return *s ? first : NULL;
}

/* The length of what follows "error" when it ends there: ":", "]", "[E0308]", " C2065:", "(13):". */
static bool ends_the_word(const char *p, bool first, bool panicked)
{
    if (*p == ':' || *p == ']' || (*p == '[' && (p[1] == 'E' || tl_is_digit(p[1]))) || starts(p, " : ") ||
        starts(p, " [ERR_"))
        return true;
    if (*p != ' ' && *p != '(')
        return false;
    size_t n = 1 + strspn(p + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), digits = strspn(p + n, "0123456789");
    bool code = digits && n <= 8 && strchr(*p == '(' ? ")" : ":", p[n + digits]);
    return code || (*p == ' ' && (first || panicked));
}

/* Where a line names an error: "error: …", "ValueError: …", "[ERROR] …": said of an error, and not only about
 * errors ("2 errors generated"). NULL when it does not. */
static const char *names_error(const char *s)
{
    static const char *const words[] = {"error", "fatal", "exception", "panicked"};
    static const char *const phrases[] = {"Error Domain=",
                                          "terminated due to signal",
                                          "undefined reference to ",
                                          "Undefined symbols for ",
                                          "undefined symbol:",
                                          "symbol lookup error",
                                          "error while loading shared",
                                          "CMake Error",
                                          " exception=",
                                          "Unhandled exception"};
    static const char *const codes[] = {
        "INVALID_ARGUMENT",    "NOT_FOUND",    "UNAVAILABLE",   "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED", "DEADLINE_EXCEEDED",
        "PERMISSION_DENIED",   "INTERNAL",     "DATA_LOSS"};
    const char *first = NULL;
    for (size_t i = 0; i < TL_COUNT(words); i++) {
        size_t n = strlen(words[i]);
        for (const char *p = s; (p = strcasestr(p, words[i])); p += n)
            if (ends_the_word(p + n, p == s || (p > s + 1 && p[-1] == ' ' && p[-2] == ':'), i == 3) &&
                (!first || p < first))
                first = p;
    }
    for (size_t i = 0; i < TL_COUNT(phrases); i++) {
        const char *p = strstr(s, phrases[i]);
        if (p && (!first || p < first))
            first = p;
    }
    for (size_t i = 0; i < TL_COUNT(codes); i++) {
        const char *p = strstr(s, codes[i]);
        if (p && strchr(";:", p[strlen(codes[i])]) && p[strlen(codes[i])] && (!first || p < first))
            first = p;
    }
    return first;
}

bool tl_line_names_error(const struct tl_lines *t, size_t i)
{
    if (t->level[i])
        return strchr("EF", t->level[i]) && *t->line[i];
    if (tl_line_is_advice(t->line[i]))
        return false;
    const char *error = names_error(t->line[i]);
    if (!error)
        error = tl_line_failed_test(t->line[i]);
    const char *warning = error ? tl_line_warning(t, i) : NULL;
    return error && !(warning && warning < error);
}

bool tl_line_complains(const char *s)
{
    /* A "not" by itself says what a thing is, as a banner does: "simulated, not a real runtime". */
    static const char *const words[] = {
        "fail",        "cannot",        "can't",         "could not",       "couldn't",       "unable",
        "must ",       "unexpected",    "invalid",       "illegal",         "unknown",        "missing",
        "corrupt",     "fatal",         "abort",         "assert",          "exceed",         "refused",
        "denied",      "unhandled",     "no such",       "out of range",    "overflow",       "violat",
        "mismatch",    "bad ",          "deadlock",      "impossible",      "crash",          "error",
        "unsupported", "is not ",       "are not ",      "was not ",        "were not ",      "does not ",
        "do not ",     "did not ",      "has not ",      "have not ",       "may not ",       "will not ",
        "should not ", "not found",     "not supported", "not implemented", "not enough",     "not available",
        "not allowed", "not permitted", "not valid",     "not a valid",     "not compatible", "not equal",
        "not present", "not match"};
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (strcasestr(s, words[i]))
            return true;
    return false;
}

/* Lines that tell the reader what to do, or about the program; they never say why. */
bool tl_line_is_advice(const char *s)
{
    static const char *const heads[] = {"Please ",
                                        "PLEASE ",
                                        "See <",
                                        "For more information",
                                        "For debugging",
                                        "If you would",
                                        "To work around",
                                        "Thread model:",
                                        "InstalledDir:",
                                        "Target: ",
                                        "Set TORCH",
                                        "You can ",
                                        "Compile with ",
                                        "An error report file",
                                        "Node.js v",
                                        "exit status ",
                                        "Stop.",
                                        "note: ",
                                        "(C) ",
                                        "Copyright ",
                                        "Usage: ",
                                        "usage: ",
                                        "Try '",
                                        "Run with ",
                                        "stack backtrace:",
                                        "Stack dump",
                                        "Stack trace:",
                                        "Backtrace:",
                                        "No symbol table is",
                                        "The program is not being run",
                                        "end of query stack",
                                        "stack traceback:",
                                        "Stacktrace:",
                                        "CallStack ",
                                        "ERROR SUMMARY",
                                        "Default GSL",
                                        "+ ",
                                        "Exception raised from ",
                                        "error: called from",
                                        "compilation terminated",
                                        "clang version ",
                                        "****",
                                        "----",
                                        "====",
                                        "make: Leaving"};
    static const char *const anywhere[] = {
        "et a breakpoint ", "symbolic breakpoint ",
        "sending SIGSTOP to help with debugging"}; /* of the libraries of macOS */
    const char *p = s + strspn(s, " ");
    for (size_t i = 0; i < TL_COUNT(heads); i++)
        if (starts(p, heads[i]))
            return true;
    for (size_t i = 0; i < TL_COUNT(anywhere); i++)
        if (strstr(p, anywhere[i]))
            return true;
    return tl_line_is_summary(p);
}
