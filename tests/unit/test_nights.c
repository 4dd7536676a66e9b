/* A thousand nights of eight cases in a simulated world (nights_world.h): what is said that is not so, and how soon
 * what is so is said. TRAPLINE_NIGHTS_SEEDS=FROM,TO runs all of these seeds under each kind of noise, or the one that
 * TRAPLINE_NIGHTS_NOISE names, and prints what came of each; TRAPLINE_NIGHTS_LOG=FILE gets every event and false
 * alarm. */
#include "harness/campaign/nightly.h"
#include "tests/unit/nights_world.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct noise noises[] = {
    {.name = "usual",
     .trial = 0.08,
     .night = 0.05,
     .cell = 0.03,
     .busy_trial = 0.05,
     .busy_night = 0.01,
     .busy_factor = 3,
     .memory = 0.02,
     .odd = 1e-5},
    {.name = "loud",
     .trial = 0.2,
     .night = 0.08,
     .cell = 0.05,
     .busy_trial = 0.1,
     .busy_night = 0.03,
     .busy_factor = 3,
     .memory = 0.05,
     .memory_jump = 0.02,
     .odd = 1e-4},
    {.name = "calm", .trial = 0.02, .busy_factor = 1, .memory = 0.002},
    {.name = "bursts",
     .trial = 0.1,
     .night = 0.05,
     .cell = 0.05,
     .busy_cell = 0.04,
     .busy_factor = 3,
     .memory = 0.03,
     .odd = 1e-4},
};
#define N_NOISES (sizeof noises / sizeof *noises)
enum { USUAL, LOUD };

static struct plan plan(uint64_t seed, unsigned nights)
{
    return (struct plan){.seed = seed,
                         .nights = nights,
                         .repeat = 3,
                         .quiet_least = 12,
                         .quiet_most = 40,
                         .flake = 0.1,
                         .factor = 1.5};
}

static struct result run(struct plan p, const struct noise *n)
{
    struct result r;
    simulate(&p, n, &r, NULL);
    result_print(n->name, &r, stdout);
    return r;
}

/* What a break, or what a fix is, shows in three trials. */
static void expect_sure_events(const struct result *r)
{
    static const enum event at_once[] = {EVENT_BREAK, EVENT_REFUSE, EVENT_OTHER, EVENT_FIX, EVENT_CLEAN};
    for (size_t i = 0; i < sizeof at_once / sizeof *at_once; i++) {
        cr_assert_gt(r->planted[at_once[i]], 0);
        cr_assert_eq(event_late(r, at_once[i], 1), 0, "%s: not said in its night", event_names[at_once[i]]);
    }
    cr_assert_eq(r->wrong_cells, 0);
}

Test(nights, a_day_in_the_life, .timeout = 600)
{
    struct result r = run(plan(1, 1000), &noises[USUAL]);
    cr_assert_eq(r.case_nights, 8000);
    cr_assert_leq(r.false_alarms, 8);
    expect_sure_events(&r);
    cr_assert_gt(r.interrupted, 5);
    cr_assert_gt(r.untried, 3);
    cr_assert_gt(r.elsewhere, 50);
    cr_assert_gt(r.planted[EVENT_FLAKE], 10);
    cr_assert_leq(event_late(&r, EVENT_FLAKE, 5), 1);
    for (enum event e = EVENT_SLOWER; e < EVENT_COUNT; e++) {
        cr_assert_gt(r.planted[e], 3);
        cr_assert_leq(event_late(&r, e, 3), r.planted[e] / 6, "%s", event_names[e]);
        cr_assert_leq(event_late(&r, e, 6), 1, "%s", event_names[e]);
    }
}

/* Where the clean error is what the case expects it is a pass, and stays fixed. */
Test(nights, a_crash_that_becomes_what_is_expected_is_fixed, .timeout = 600)
{
    struct plan p = plan(2, 200);
    p.clean_is_expected = true;
    struct result r = run(p, &noises[USUAL]);
    expect_sure_events(&r);
    cr_assert_leq(r.false_alarms, 2);
}

Test(nights, a_loud_machine_raises_no_alarms, .timeout = 600)
{
    struct result r = run(plan(3, 200), &noises[LOUD]);
    expect_sure_events(&r);
    cr_assert_leq(r.false_alarms, 4);
}

Test(nights, as_many_as_are_asked_for, .timeout = 36000)
{
    const char *seeds = getenv("TRAPLINE_NIGHTS_SEEDS"), *file = getenv("TRAPLINE_NIGHTS_LOG"),
               *only = getenv("TRAPLINE_NIGHTS_NOISE");
    if (!seeds)
        cr_skip("TRAPLINE_NIGHTS_SEEDS is not set");
    unsigned from, to;
    cr_assert_eq(sscanf(seeds, "%u,%u", &from, &to), 2);
    FILE *log = file ? fopen(file, "w") : NULL;
    for (size_t k = 0; k < N_NOISES; k++)
        for (unsigned seed = from; seed <= to && (!only || !strcmp(only, noises[k].name)); seed++) {
            struct plan p = plan(seed, 1000);
            struct result r;
            char name[64];
            snprintf(name, sizeof name, "%s, seed %u", noises[k].name, seed);
            if (log)
                fprintf(log, "---- %s\n", name);
            simulate(&p, &noises[k], &r, log);
            result_print(name, &r, stdout);
            fflush(stdout);
        }
    if (log)
        fclose(log);
}

static json_t *night_without(const char *unit)
{
    return json_pack("{s:b,s:i,s:[{s:s,s:{s:i},s:s}]}", "complete", 1, "could_not_be_tried", 1, "untried",
                     "case", "kv", "variant", "layers", 1, "unit", unit);
}

/* As many cells as the night before, of which one is back and another one is gone; a new build alone is no news. */
Test(nights, other_cells_that_could_not_be_tried_are_news)
{
    json_t *before = night_without("sim@1.0:gpu"), *build = night_without("sim@2.0:gpu"),
           *other = night_without("sim@2.0:ane"), *none = tl_nightly_news(build, before),
           *news = tl_nightly_news(other, before);
    cr_expect_eq(json_array_size(none), 0);
    cr_expect_str_eq(json_string_value(json_array_get(news, 0)), "1 could not be tried, before 1 others");
    json_decref(before);
    json_decref(build);
    json_decref(other);
    json_decref(none);
    json_decref(news);
}
