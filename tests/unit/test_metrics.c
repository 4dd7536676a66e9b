/* Numbers that trials tell: from output, from results, and out of the way of signatures. */
#include "cases/load.h"
#include "cases/metrics.h"
#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct tl_case *load(const char *metrics, char **mistakes)
{
    struct tl_case *c;
    struct tl_mistakes m = {0};
    struct tl_error e;
    struct tl_buffer all = TL_BUFFER_INIT;
    char *text = tl_format(
        "{\"trapline\": 1, \"name\": \"m\", \"model\": {\"family\": \"selftest\"},\n\"metrics\": %s}",
        metrics);
    tl_case_parse(text, strlen(text), "m.json", &c, &m, &e);
    for (size_t i = 0; i < m.n; i++)
        tl_buffer_printf(&all, "%s: %s\n", m.list[i].path, m.list[i].expected);
    tl_buffer_add_string(&all, "");
    if (mistakes)
        *mistakes = tl_buffer_take(&all);
    else
        cr_assert_not_null(c, "%s", all.data);
    tl_buffer_free(&all);
    tl_mistakes_free(&m);
    free(text);
    return c;
}

static void has_mistake(const char *metrics, const char *expected)
{
    char *mistakes;
    struct tl_case *c = load(metrics, &mistakes);
    cr_expect_null(c, "%s", metrics);
    cr_expect(strstr(mistakes, expected), "%s in: %s", expected, mistakes);
    free(mistakes);
}

Test(metrics, mistakes)
{
    has_mistake("{}", "$.metrics: expected");
    has_mistake("[{}]", "$.metrics[0]");
    has_mistake("[{\"name\": \"\"}]", "$.metrics[0].name");
    has_mistake("[{\"name\": \"9a\"}]", "$.metrics[0].name: expected letters");
    has_mistake("[{\"name\": \"a b\"}]", "$.metrics[0].name: expected letters");
    has_mistake("[{\"name\": \"a\"}, {\"name\": \"a\"}]",
                "$.metrics[1].name: expected a name that no metric before");
    has_mistake("[{\"name\": \"a\", \"regex\": \"(\"}]",
                "$.metrics[0].regex: expected a regular expression (PCRE2)");
    has_mistake("[{\"name\": \"a\", \"regex\": \"(x+)+y\"}]",
                "$.metrics[0].regex: expected a regular expression that is "
                "done with a line soon");
    has_mistake("[{\"name\": \"a\", \"regexp\": \"x\"}]", "did you mean \"regex\"?");
    has_mistake("[{\"name\": \"a\", \"unit\": 3}]", "$.metrics[0].unit");
    struct tl_buffer many = TL_BUFFER_INIT;
    for (int i = 0; i < 33; i++)
        tl_buffer_printf(&many, "%s{\"name\": \"a%d\"}", i ? "," : "[", i);
    tl_buffer_add_string(&many, "]");
    has_mistake(many.data, "$.metrics: expected");
    tl_buffer_free(&many);
}

Test(metrics, no_part_of_the_identity)
{
    struct tl_case *a = load("[]", NULL), *b = load("[{\"name\": \"a\", \"regex\": \"([0-9]+) ms\"}]", NULL);
    cr_expect_str_eq(a->hash, b->hash, "what is known stays known when a metric is written down");
    tl_case_free(a);
    tl_case_free(b);
}

Test(metrics, numbers)
{
    static const struct {
        const char *text;
        bool is;
        double number;
    } rows[] = {{"12.5", true, 12.5},
                {"-4 MB", true, -4},
                {"+.5", true, .5},
                {"1e-3s", true, 1e-3},
                {"0x1f", true, 31},
                {" 7", true, 7},
                {"198,400", true, 198400},
                {"1,234,567.5", true, 1234567.5},
                {"1,2", true, 1},
                {"1,2345", true, 1},
                {"16KB", true, 16},
                {"inf", false, 0},
                {"nan", false, 0},
                {"-", false, 0},
                {"", false, 0},
                {"x1", false, 0},
                {"1e999", false, 0}};
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        double number = 0;
        cr_expect_eq(tl_metric_number(rows[i].text, strlen(rows[i].text), &number), rows[i].is, "%s",
                     rows[i].text);
        if (rows[i].is)
            cr_expect_float_eq(number, rows[i].number, 1e-12, "%s: %g", rows[i].text, number);
    }
}

/* result: JSON or NULL. */
static void metrics_are(const char *list, const char *out, const char *tail, const char *err,
                        const char *result, const char *expected)
{
    struct tl_case *c = load(list, NULL);
    struct tl_trial_record r = {.result = result ? json_loads(result, 0, NULL) : NULL};
    r.out = (struct tl_output){
        .head = (char *)out, .head_size = strlen(out), .tail = (char *)tail, .tail_size = strlen(tail)};
    r.err = (struct tl_output){.head = (char *)err, .head_size = strlen(err)};
    json_t *metrics = tl_metrics_of(c, &r);
    char *text = metrics ? json_dumps(metrics, JSON_COMPACT) : tl_strdup("none");
    cr_expect_str_eq(text, expected, "%s: %s", list, text);
    free(text);
    json_decref(metrics);
    json_decref(r.result);
    tl_case_free(c);
}

#define SPEED "[{\"name\": \"tok_s\", \"regex\": \"([0-9.]+) tok/s\", \"unit\": \"tok/s\"}]"

Test(metrics, from_output)
{
    metrics_are(SPEED, "prompt 80.5 tok/s\ndecode 12.25 tok/s\n", "", "", NULL, "{\"tok_s\":12.25}");
    metrics_are(SPEED, "80.5 tok/s\n", "9 tok/s", "7 tok/s", NULL, "{\"tok_s\":9}");
    metrics_are(SPEED, "80.5 tok/s\n", "the end", "7 tok/s", NULL, "{\"tok_s\":80.5}");
    metrics_are(SPEED, "nothing", "", "7 tok/s\n", NULL, "{\"tok_s\":7}");
    metrics_are(SPEED, "... tok/s\n", "", "", NULL, "none");
    metrics_are(SPEED, "", "", "", NULL, "none");
    metrics_are("[{\"name\": \"offset\", \"regex\": \"offset (\\\\d+)\"}, {\"name\": \"heap\", \"regex\": "
                "\"heap total "
                "(\\\\d+)\"}]",
                "", "",
                "allocateMTLBufferFromMTLHeap: offset 198400 + size 16384 exceeds heap total 212992\n", NULL,
                "{\"offset\":198400,\"heap\":212992}");
}

Test(metrics, from_results)
{
    metrics_are(SPEED, "5 tok/s", "", "", "{\"metrics\": {\"tok_s\": 6, \"loaded\": 2.5}}",
                "{\"tok_s\":6,\"loaded\":2.5}");
    metrics_are("[{\"name\": \"a\"}]", "a 5", "", "", "{\"metrics\": {\"a\": 1}}", "{\"a\":1}");
    metrics_are("[{\"name\": \"a\"}]", "a 5", "", "", NULL, "none");
    metrics_are(SPEED, "5 tok/s", "", "",
                "{\"metrics\": {\"tok_s\": \"fast\", \"x\": [1], \"\": 3, \"t\": true}}", "{\"tok_s\":5}");
    metrics_are("[]", "", "", "", "{\"metrics\": [1, 2]}", "none");
    metrics_are("[]", "", "", "", "{\"metrics\": 7}", "none");
}

static void masked_is(const char *list, const char *message, const char *expected)
{
    struct tl_case *c = load(list, NULL);
    char *masked = tl_metrics_masked(c, message);
    cr_expect_str_eq(masked ? masked : "none", expected, "%s", masked);
    free(masked);
    tl_case_free(c);
}

Test(metrics, tell_no_failures_apart)
{
    static const char code[] = "[{\"name\": \"c\", \"regex\": \"code (\\\\d+)\"}]";
    masked_is(code, "refused with code 17 at node 3", "refused with code <n> at node 3");
    masked_is(code, "code 1 then code 22", "code <n> then code <n>");
    masked_is(code, "nothing of it", "none");
    masked_is(code, NULL, "none");
    masked_is(code, "a \x01 code 9", "a \x01 code <n>");
    masked_is("[{\"name\": \"k\", \"regex\": \"kv([0-9a-z]+)\"}]", "bad kv16k_x", "bad kv<n>_x");
    masked_is("[{\"name\": \"k\", \"regex\": \"heap (.*)\"}]", "heap 12 of 13", "heap <n> of 13");
    masked_is("[{\"name\": \"k\"}]", "code 12", "none");
}
