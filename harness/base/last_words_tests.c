/* What programs that test write: which line says that something failed, and which only counts.
 *
 * Every kind of them has a line for a test that failed, and ends in a summary. A summary says how many failed and not what, also
 * when that is none: it is known by its words, which are all words for counting. */
#include "harness/base/last_words_impl.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD_MOST 16

static bool is_counting_word(const char *word, size_t n)
{
    static const char *const words[] = {
        "test",         "tests",      "case",       "cases",    "suite",     "suites",        "file",
        "files",        "check",      "checks",     "pass",     "passed",    "passes",        "passing",
        "fail",         "failed",     "fails",      "failing",  "failure",   "failures",      "error",
        "errors",       "errored",    "warning",    "warnings", "skip",      "skipped",       "skips",
        "broken",       "total",      "totals",     "xfail",    "xfailed",   "xpass",         "xpassed",
        "expected",     "unexpected", "ok",         "ignored",  "measured",  "filtered",      "out",
        "of",           "in",         "and",        "with",     "assertion", "assertions",    "generated",
        "summary",      "result",     "results",    "run",      "ran",       "timeout",       "timeouts",
        "timed",        "s",          "ms",         "sec",      "seconds",   "completed",     "found",
        "crashed",      "disabled",   "deselected", "pending",  "todo",      "success",       "succeeded",
        "unsuccessful", "status",     "conf",       "hard",     "not",       "were",          "was",
        "is",           "snapshots",  "time",       "steps",    "scenarios", "untrustworthy", "metrics",
        "notrun",       "doctest",    "pytest",     "there"};
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (strlen(words[i]) == n && !strncasecmp(words[i], word, n))
            return true;
    return false;
}

/* Counting words and numbers, nothing else. "error: 5" may be the number of an error, "error: 0" is none. */
static bool is_count(const char *s)
{
    size_t words = 0, numbers = 0;
    bool zero = true, error = false;
    while (*s) {
        size_t n = 0;
        if (tl_is_letter(*s)) {
            while (tl_is_letter(s[n]))
                n++;
            if (n > WORD_MOST || !is_counting_word(s, n))
                return false;
            error |= (n == 5 && !strncasecmp(s, "error", n)) || (n == 7 && !strncasecmp(s, "failure", n));
            words++;
        } else if (tl_is_digit(*s)) {
            n = strspn(s, "0123456789.");
            numbers++;
            zero &= strspn(s, "0.") >= n;
        } else if (strchr(" #=:,;|()[]-*!%/+", *s) || *s == '.') {
            n = 1;
        } else {
            return false;
        }
        s += n;
    }
    return words && numbers && !(error && words == 1 && numbers == 1 && !zero);
}

/* "FAIL example.com/sum 0.002s", of go test about a package. */
static bool is_package(const char *s)
{
    size_t n = strlen(s);
    return starts(s, "FAIL ") && n > 8 && s[n - 1] == 's' && tl_is_digit(s[n - 2]) && strchr(s, '.');
}

bool tl_line_is_summary(const char *s)
{
    static const char *const heads[] = {"Summary:",
                                        "SUMMARY OF ",
                                        "Looks like you ",
                                        "Errors while running CTest",
                                        "The following tests FAILED",
                                        "test result: ",
                                        "Failed Tests (",
                                        "Total Discovered Tests",
                                        "tests passed, "};
    s = skip_blanks(s);
    s += starts(s, "# ") ? 2 : 0;
    for (size_t i = 0; i < TL_COUNT(heads); i++)
        if (starts(s, heads[i]))
            return true;
    const char *end =
        starts(s, "[ ") ? strchr(s, ']') : NULL; /* of gtest: "[  FAILED  ] 2 tests, listed below:" */
    if (end && end[1] == ' ' && tl_is_digit(*skip_blanks(end + 1)) && strstr(end, " test"))
        return true;
    return is_package(s) || is_count(s);
}

/* Where a line says that a test failed: "a.c:3: TFAIL: …", "not ok 2 - …", "FAIL: …", "--- FAIL: …", or why no more were tried; NULL. */
const char *tl_line_failed_test(const char *s)
{
    static const char *const heads[] = {"FAIL: ",    "FAILED: ", "--- FAIL: ",  "FAIL ./", "FAIL src/",
                                        "FAIL test", "XPASS: ",  "[ FAILED ] ", "fail: ",  "Fail: "};
    static const char *const anywhere[] = {"TFAIL: ",    "TBROK: ",   "TFAIL : ",  "TBROK : ",
                                           ": FAIL: ",   ": fail: ",  "***Failed", "***Exception",
                                           "***Timeout", "***Not Run"};
    static const char *const marks[] = {"\xe2\x9c\x97 ", "\xe2\x9c\x96 ", "\xe2\x9c\x95 ", "\xe2\x9c\x98 ",
                                        "\xe2\x97\x8f "};
    if (tl_line_is_summary(s))
        return NULL;
    s = skip_blanks(s);
    s += starts(s, "# ") ? 2 : 0;
    for (size_t i = 0; i < TL_COUNT(heads); i++)
        if (starts(s, heads[i]))
            return s;
    for (size_t i = 0; i < TL_COUNT(marks); i++)
        if (starts(s, marks[i]))
            return s;
    for (size_t i = 0; i < TL_COUNT(anywhere); i++) {
        const char *p = strstr(s, anywhere[i]);
        if (p)
            return p;
    }
    if (starts(s, "Bail out! ")) /* of TAP: nothing more is tried */
        return s + 10;
    if (starts(s, "not ok ") && (tl_is_digit(s[7]) || s[7] == '-' || tl_is_letter(s[7])))
        return strcasestr(s, "# TODO") || strcasestr(s, "# SKIP") ? NULL : s;
    size_t n = strlen(s), of = strspn(s, "0123456789");
    if (starts(s, "test ") && n > 11 && !strcmp(s + n - 11, " ... FAILED")) /* of cargo */
        return s;
    bool counted = of && s[of] == '/' && tl_is_digit(s[of + 1]); /* of meson: "2/9 reads   FAIL   0.01s" */
    return counted && (strstr(s, " FAIL ") || strstr(s, " TIMEOUT ")) ? s : NULL;
}
