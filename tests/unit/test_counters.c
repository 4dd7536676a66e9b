/* What is counted in output, and how long that may take. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/counters.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *as_it_is(const char *text, const char *scratch)
{
    (void)scratch;
    return tl_strdup(text);
}

struct counted {
    json_t *counts, *markers;
    struct tl_counters counters;
    struct tl_buffer phases;
};

static void begins(void *arg, const char *phase)
{
    struct counted *c = arg;
    tl_buffer_printf(&c->phases, "%s ", phase);
}

static void init(struct counted *c, json_t *counts, json_t *markers)
{
    *c = (struct counted){.counts = counts, .markers = markers, .phases = TL_BUFFER_INIT};
    tl_buffer_add_string(&c->phases, "");
    const char *wrong = tl_counters_init(&c->counters, counts, markers, "", as_it_is);
    cr_assert_null(wrong, "%s", wrong);
    c->counters.begins = begins;
    c->counters.arg = c;
}

static void clear(struct counted *c)
{
    tl_counters_free(&c->counters);
    json_decref(c->counts);
    json_decref(c->markers);
    tl_buffer_free(&c->phases);
}

/* What is told after these bytes of a stream, which arrive in pieces of a size. */
static void told_is(struct counted *c, const char *text, size_t size, size_t piece, const char *expected)
{
    struct tl_counted_lines lines;
    cr_assert_eq(tl_counted_lines_init(&lines), 0);
    for (size_t at = 0; at < size; at += piece)
        tl_counted_lines_feed(&lines, &c->counters, text + at, size - at < piece ? size - at : piece);
    tl_counted_lines_end(&lines, &c->counters);
    json_t *all = tl_counters_json(&c->counters);
    char *told = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
    cr_expect_str_eq(told, expected, "%s", told);
    free(told);
    json_decref(all);
}

Test(counters, counts)
{
    static const char text[] = "step 3\nx step 17 step\nstep 5x\n\nstep y";
    for (size_t piece = 1; piece < sizeof text; piece += 5) {
        struct counted c;
        init(&c,
             json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "name", "at", "number", "step ([0-9]+)",
                       "name", "steps", "regex", "step", "name", "none", "number", "stop (.)", "name",
                       "empty", "regex", "^$"),
             json_pack("{s:s,s:[s,s]}", "load", "step 3", "execute", "x s.*7", "(no expression"));
        told_is(&c, text, sizeof text - 1, piece, "{\"at\":5,\"empty\":1,\"steps\":5}");
        cr_expect(strstr(c.phases.data, "load "), "%s", c.phases.data);
        cr_expect(strstr(c.phases.data, "execute "), "%s", c.phases.data);
        cr_expect_null(tl_counters_stopped(&c.counters));
        clear(&c);
    }
}

/* Expressions that engines try for ever, on lines of 64 KiB, one after the other: each is stopped, and its count is not
 * told. That of a cheap one beside it is. */
Test(counters, hostile, .timeout = 120)
{
    static const char *const patterns[] = {"(a+)+[bd]c|x", "(a|aa)+!$", "(.*)*(.*)*b$", "^(a|a|a|b?a)*d",
                                           "(?:a*a*a*a*a*)[xyz]"};
    size_t size = 4 * TL_LINE_MOST;
    char *text = tl_calloc(1, size);
    memset(text, 'a', size);
    for (size_t at = 1000; at < size; at += 1000) /* what they ask for is there, in another order */
        memcpy(text + at - 4, "cbd!", 4);
    for (size_t at = TL_LINE_MOST - 1; at < size; at += TL_LINE_MOST)
        text[at] = '\n';
    for (size_t i = 0; i < TL_COUNT(patterns); i++) {
        struct counted c;
        init(&c,
             json_pack("[{s:s,s:s},{s:s,s:s}]", "name", "it", "regex", patterns[i], "name", "lines", "regex",
                       "^a"),
             json_pack("{s:s}", "load", patterns[i]));
        uint64_t began = tl_monotonic_ns();
        told_is(&c, text, size, TL_LINE_MOST, "{\"lines\":4}");
        double took = tl_seconds_since(began);
        const struct tl_counter *stopped = tl_counters_stopped(&c.counters);
        cr_expect(stopped && !strcmp(stopped->name, "it"), "%s", patterns[i]);
        cr_expect_str_eq(c.phases.data, "", "%s", c.phases.data);
        cr_expect_lt(took, 20, "%s: %g s", patterns[i], took); /* a busy machine, sanitizers */
        cr_log_info("%s: %g s", patterns[i], took);
        clear(&c);
    }
    free(text);
}

/* One that stays within the bound of a line is stopped as well, when there is no end of lines. */
Test(counters, endless, .timeout = 120)
{
    size_t size = 4096;
    char *text = tl_calloc(1, size);
    struct counted c;
    memset(text, 'a', size);
    text[size - 1] = '\n';
    init(&c, json_pack("[{s:s,s:s}]", "name", "it", "regex", "a*[bc]"), NULL);
    size_t lines = 0;
    for (; lines < 1000 && !tl_counters_stopped(&c.counters); lines++)
        tl_counters_line(&c.counters, text, size - 1, true);
    cr_expect(lines > 1 && lines < 1000, "%zu lines", lines);
    clear(&c);
    free(text);
}
