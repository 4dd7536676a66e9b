/* Regular expressions over lines of text that nobody vouches for. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/line_regex.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct seen {
    struct tl_buffer all;
    size_t n, most;
};

/* The first group, or the whole; an empty one is passed by. */
static bool see(void *arg, const struct tl_line_match *m)
{
    struct seen *s = arg;
    const char *text = m->group ? m->group : m->text;
    size_t size = m->group ? m->group_size : m->size;
    if (!size)
        return true;
    tl_buffer_printf(&s->all, "%s%.*s", s->n++ ? "|" : "", (int)size, text);
    return s->n < s->most;
}

static void matches_are(const char *pattern, const char *text, size_t most, const char *expected)
{
    char *why;
    struct tl_line_regex *x = tl_line_regex_new(pattern, &why);
    struct seen s = {.all = TL_BUFFER_INIT, .most = most};
    cr_assert_not_null(x, "%s: %s", pattern, why);
    tl_buffer_add_string(&s.all, "");
    cr_expect(tl_line_regex_each(x, text, strlen(text), see, &s));
    cr_expect_str_eq(s.all.data, expected, "%s on %s: %s", pattern, text, s.all.data);
    tl_buffer_free(&s.all);
    tl_line_regex_free(x);
}

Test(line_regex, matches)
{
    matches_are("([0-9.]+) tok/s", "a 12.5 tok/s, 13 tok/s\n7 tok/s", 9, "12.5|13|7");
    matches_are("[0-9]+", "1 2\n3", 2, "1|2");
    matches_are("a.*b", "a\nb ab", 9, "ab"); /* not beyond a line */
    matches_are("(x)?y", "y xy", 9, "y|x");  /* a group that took no part */
    matches_are("x*", "axxa", 9, "xx");      /* empty ones are passed by */
    matches_are("offset (\\d+) .* total (\\d+)", "offset 198400 + x total 212992", 9, "198400");
    matches_are("n=(\\d+)$", "n=1\nn=2\n", 9, "1|2");
    matches_are("^n=(\\d+)", " n=1\nn=2", 9, "2");
    matches_are("\\K", "abc", 9, "");
}

Test(line_regex, bytes)
{
    static const char text[] = "\xff\x00 7 ms\n\xe2\x82 8 ms";
    char *why;
    struct tl_line_regex *x = tl_line_regex_new("(\\d) ms", &why);
    struct seen s = {.all = TL_BUFFER_INIT, .most = 9};
    cr_expect(tl_line_regex_each(x, text, sizeof text - 1, see, &s));
    cr_expect_str_eq(s.all.data, "7|8");
    tl_buffer_free(&s.all);
    tl_line_regex_free(x);
}

Test(line_regex, none)
{
    static const char *const patterns[] = {"(", "[z-a]", "a{2,1}", "\\C", "(*UTF)x", "(?<n>a)(?<n>b)"};
    for (size_t i = 0; i < TL_COUNT(patterns); i++) {
        char *why;
        cr_expect_null(tl_line_regex_new(patterns[i], &why), "%s", patterns[i]);
        cr_expect(why && !strncmp(why, "at byte ", 8), "%s", why);
        free(why);
    }
}

Test(line_regex, cheap_and_dear)
{
    static const struct {
        const char *pattern;
        bool cheap;
    } all[] = {{"([0-9.]+) tok/s", true},
               {"offset ([0-9]+) \\+ size ([0-9]+) exceeds heap total ([0-9]+)", true},
               {".*: +(\\d+(?:\\.\\d+)?) *ms", true},
               {"(\\d+)[0-9]x", true},
               {"(a+)+$", false},
               {"(\\d+)*x", false},
               {"(.*)*(.*)*z$", false},
               {"^(([a-z])+.)+[A-Z]([a-z])+$", false},
               {"( +)+:", false},
               {"(a|aa)+b\\1", false},
               {"(?:.*.*.*.*.*)=x", false},
               {"(x+)+y", false},
               {"(#|##)+;", false},
               {"^ *(\\d+) +layers? .*in +([0-9.]+) *ms$", true}};
    for (size_t i = 0; i < TL_COUNT(all); i++)
        cr_expect_eq(tl_line_regex_is_cheap(all[i].pattern), all[i].cheap, "%s", all[i].pattern);
}

static bool count(void *arg, const struct tl_line_match *m)
{
    (void)m;
    ++*(size_t *)arg;
    return true;
}

static size_t number_of(const char *pattern, const char *text, size_t size)
{
    char *why;
    size_t n = 0;
    struct tl_line_regex *x = tl_line_regex_new(pattern, &why);
    cr_assert_not_null(x, "%s: %s", pattern, why);
    cr_expect(tl_line_regex_each(x, text, size, count, &n), "%s", pattern);
    tl_line_regex_free(x);
    return n;
}

/* Empty matches and lines are there; a line that is looked at in parts begins once and ends once. */
Test(line_regex, places)
{
    char *text = tl_calloc(1, 65536);
    cr_expect_eq(number_of("^$", "", 0), 1);
    cr_expect_eq(number_of("^$", "\n\nx\n", 4), 2);
    cr_expect_eq(number_of("x*", "axb", 3), 4);
    memset(text, 'a', 65536);
    cr_expect_eq(number_of("^a", text, 65536), 1);
    cr_expect_eq(number_of("a$", text, 65536), 1);
    cr_expect_eq(number_of("^a+$", text, 4096), 1);
    cr_expect_eq(number_of("a", text, 65536), 65536);
    text[4096] = '\n';
    cr_expect_eq(number_of("^a", text, 65536), 2);
    free(text);
}

Test(line_regex, group)
{
    static const struct {
        const char *pattern;
        bool there;
    } all[] = {{"a", false}, {"(?:a)", false}, {"(a)", true}, {"(?<n>a)|b", true}};
    for (size_t i = 0; i < TL_COUNT(all); i++) {
        char *why;
        struct tl_line_regex *x = tl_line_regex_new(all[i].pattern, &why);
        cr_expect_eq(tl_line_regex_has_group(x), all[i].there, "%s", all[i].pattern);
        tl_line_regex_free(x);
    }
}

/* Whatever the expression, 64 KiB of whatever text take no seconds; and one that was stopped says so. */
Test(line_regex, bounded, .timeout = 60)
{
    static const char *const patterns[] = {"(a+)+$", "([0-9a]+) tok/s", "a*a*a*a*a*c"};
    char *text = tl_calloc(1, 65536);
    for (size_t i = 0; i < TL_COUNT(patterns); i++)
        for (int lines = 0; lines < 2; lines++) {
            char *why;
            struct tl_line_regex *x = tl_line_regex_new(patterns[i], &why);
            struct seen s = {.all = TL_BUFFER_INIT, .most = 1};
            memset(text, 'a', 65536);
            memcpy(text + 65536 - 16, "=b!c=x tok/s=xc!", 16);
            for (size_t at = 0; lines && at < 65536; at += 100)
                text[at] = '\n';
            uint64_t began = tl_monotonic_ns();
            bool whole = tl_line_regex_each(x, text, 65536, see, &s);
            double took = tl_seconds_since(began);
            cr_expect_lt(took, 10, "%s: %g s", patterns[i], took); /* a busy machine, sanitizers */
            cr_log_info("%s: %g s, %s", patterns[i], took, whole ? "whole" : "stopped");
            tl_buffer_free(&s.all);
            tl_line_regex_free(x);
        }
    free(text);
}
