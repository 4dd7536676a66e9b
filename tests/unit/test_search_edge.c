/* Where a threshold is none: rates that go up and down, edges that hang on other axes, and failures without any
 * shape; and variants that fail more rarely than others. What is handed on fails surely, and the search ends. */
#include "test_search_sim.h"

#include <criterion/criterion.h>

/* The rate of failure of a variant. */
typedef double rate_fn(const uint64_t *index);

static struct tl_search *run(struct sim *m, const struct tl_search_options *o, rate_fn *rate)
{
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, o);
    struct tl_search_request q[64];
    while (!tl_search_done(s)) {
        size_t n = tl_search_ask(s, q, 64);
        for (size_t i = 0; i < n; i++, m->runs++) {
            double r = rate(q[i].index);
            bool fails = r >= 1 || (r > 0 && sim_uniform(m) < r);
            tl_search_tell(s, q[i].id, fails ? TL_TOLD_FAIL : TL_TOLD_PASS, "it");
        }
    }
    return s;
}

static const struct tl_search_trigger *trigger_of(const struct tl_search_result *r, size_t axis)
{
    for (size_t i = 0; i < r->n_triggers; i++)
        if (r->triggers[i].axis == axis)
            return &r->triggers[i];
    return NULL;
}

/* Always on an island, then in two of five runs, then always. */
static double island(const uint64_t *index)
{
    uint64_t v = index[0];
    return v < 600 ? 0 : v < 700 || v >= 2500 ? 1 : 0.4;
}

Test(search_edge, no_island_is_handed_on)
{
    enum { PROBLEMS = 200 };
    size_t sure = 0, uneven = 0;
    for (uint64_t seed = 0; seed < PROBLEMS; seed++) {
        struct sim *m = sim_new(4, seed);
        m->axes[0] = (struct tl_search_axis){.ordered = true, .count = 4096};
        m->failing[0] = 4000;
        m->failing[1] = 1;
        struct tl_search_options o = {.seed = seed, .needs = true, .causes = true, .every_value = true};
        struct tl_search *s = run(m, &o, island);
        const struct tl_search_result *r = tl_search_result(s);
        const struct tl_search_trigger *t = trigger_of(r, 0);
        cr_assert(r->reproduced && t != NULL && r->n_triggers == 1, "seed %llu", (unsigned long long)seed);
        cr_assert(r->trials < 1500, "seed %llu: %llu trials", (unsigned long long)seed,
                  (unsigned long long)r->trials);
        sure += t->value >= 2500;
        uneven += t->band.is_band && t->band.never.value < 600;
        for (size_t i = 0; i < t->n_passes; i++)
            cr_assert(!t->band.is_band || t->passes_with[i] <= t->band.never.value);
        tl_search_free(s);
        free(m);
    }
    cr_assert(sure * 100 >= PROBLEMS * 95, "%zu of %d are sure", sure, PROBLEMS);
    cr_assert(uneven * 100 >= PROBLEMS * 95, "%zu of %d are bands", uneven, PROBLEMS);
}

/* Never up to 99, always from 200 on. */
static double ramp(const uint64_t *index)
{
    return index[0] == 1 && index[1] >= 100 ? (double)(index[1] - 99) / 101 : 0;
}

Test(search_edge, upper_edge_of_a_band_fails_surely)
{
    enum { PROBLEMS = 100 };
    size_t sure = 0;
    for (uint64_t seed = 0; seed < PROBLEMS; seed++) {
        struct sim *m = sim_new(4, seed);
        m->axes[1] = (struct tl_search_axis){.ordered = true, .count = 1000};
        m->failing[0] = m->failing[2] = 1;
        m->failing[1] = 999;
        struct tl_search_options o = {.seed = seed, .needs = true, .causes = true, .every_value = true};
        struct tl_search *s = run(m, &o, ramp);
        const struct tl_search_result *r = tl_search_result(s);
        const struct tl_search_trigger *t = trigger_of(r, 1);
        cr_assert(r->reproduced && t != NULL && trigger_of(r, 0) != NULL && r->n_triggers == 2);
        sure += t->band.is_band && t->value >= 190;
        cr_assert(t->n_passes > 0 && t->passes_with[0] <= t->band.never.value);
        tl_search_free(s);
        free(m);
    }
    cr_log_info("%zu of %d are sure", sure, PROBLEMS);
    cr_assert(sure * 100 >= PROBLEMS * 90, "%zu of %d are sure", sure, PROBLEMS);
}

/* The threshold hangs on what else lies in memory, and its first values fail in half of the runs. */
static double layout(const uint64_t *index)
{
    if (index[0] != 1)
        return 0;
    uint64_t edge = 1000 + 300 * index[2] + 200 * index[3];
    return index[1] < edge ? 0 : index[1] < edge + 8 ? 0.5 : 1;
}

Test(search_edge, value_beyond_an_edge_that_moves)
{
    enum { PROBLEMS = 100 };
    size_t sure = 0, plain = 0;
    for (uint64_t seed = 0; seed < PROBLEMS; seed++) {
        struct sim *m = sim_new(6, seed);
        m->axes[1] = (struct tl_search_axis){.ordered = true, .count = 1000000};
        for (size_t i = 2; i < 6; i++)
            m->axes[i].count = 4;
        m->failing[0] = 1;
        m->failing[1] = 900000;
        m->failing[4] = 2;
        struct tl_search_options o = {.seed = seed, .needs = true, .causes = true, .every_value = true};
        struct tl_search *s = run(m, &o, layout);
        const struct tl_search_result *r = tl_search_result(s);
        const struct tl_search_trigger *t = trigger_of(r, 1);
        cr_assert(r->reproduced && t != NULL && trigger_of(r, 0) != NULL && r->n_triggers == 2);
        /* Whatever the other axes are. */
        bool exact = !tl_search_has_note(r, TL_NOTE_FLAKY);
        sure += exact || t->value >= 1000 + 300 * 3 + 200 * 3 + 8;
        plain += r->n_needs == 0 || exact;
        cr_assert(exact || t->value <= 900000);
        tl_search_free(s);
        free(m);
    }
    cr_assert(sure * 100 >= PROBLEMS * 90, "%zu of %d are sure", sure, PROBLEMS);
    cr_assert(plain * 100 >= PROBLEMS * 90, "%zu of %d name no need", plain, PROBLEMS);
}

/* A kernel has to fit, which it does not next to the smallest size. */
static double fits(const uint64_t *index)
{
    return index[0] == 1 && index[1] == 0 && index[3] <= index[2] + 1 ? 1 : 0;
}

Test(search_edge, needed_next_to_the_minimal_variant_only)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim *m = sim_new(6, seed);
        m->axes[1].count = 3;
        m->axes[2] = (struct tl_search_axis){.ordered = true, .count = 11};
        m->axes[3] = (struct tl_search_axis){.ordered = true, .count = 7};
        m->failing[0] = 1;
        m->failing[2] = 10;
        struct tl_search_options o = {.seed = seed, .needs = true, .causes = true};
        struct tl_search *s = run(m, &o, fits);
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->complete && r->n_triggers == 1 && r->n_needs == 1 && r->n_local_needs == 1);
        cr_assert(r->needs[0].n == 1 && r->needs[0].any_of[0].axis == 1 &&
                  r->needs[0].any_of[0].n_passes == 2);
        const struct tl_search_need_axis *x = &r->local_needs[0].any_of[0];
        cr_assert(r->local_needs[0].n == 1 && x->axis == 3 && x->fails_with[0] == 0 &&
                  x->passes_with[0] >= 2);
        for (size_t i = 0; i < r->n_independent + r->n_reset; i++) {
            size_t axis = i < r->n_independent ? r->independent[i] : r->reset[i - r->n_independent];
            cr_assert(axis != 1 && axis != 3);
        }
        tl_search_free(s);
        free(m);
    }
}

/* Two causes: what one of them needs stays a need of it, although the failing variant fails by the other. */
static double two_causes(const uint64_t *index)
{
    return (index[0] == 1 && index[1] == 0) || (index[2] == 1 && index[3] == 1) ? 1 : 0;
}

Test(search_edge, need_of_one_of_two_causes)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim *m = sim_new(6, seed);
        m->failing[0] = m->failing[2] = m->failing[3] = 1;
        struct tl_search_options o = {.seed = seed, .needs = true, .causes = true};
        struct tl_search *s = run(m, &o, two_causes);
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->complete && r->n_triggers == 1 + (r->triggers[0].axis == 2) && r->n_causes == 1);
        cr_assert(r->n_local_needs == 0);
        cr_assert(r->triggers[0].axis != 0 || (r->n_needs == 1 && r->needs[0].any_of[0].axis == 1));
        tl_search_free(s);
        free(m);
    }
}

/* Every variant has a rate of its own: there is nothing to find. */
static double chaos(const uint64_t *index)
{
    uint64_t x = index[0] * 0x9e3779b97f4a7c15u ^ (index[1] + 77) * 0xbf58476d1ce4e5b9u ^ index[2] * 1234567u;
    x ^= x >> 29;
    x *= 0x94d049bb133111ebu;
    x ^= x >> 32;
    return index[0] == 0 && index[1] == 0 ? 0 : (double)(x % 8) / 7;
}

Test(search_edge, ends_where_there_is_no_shape)
{
    uint64_t most = 0, sum = 0;
    enum { PROBLEMS = 100 };
    for (uint64_t seed = 0; seed < PROBLEMS; seed++) {
        struct sim *m = sim_new(4, seed);
        for (size_t i = 0; i < 2; i++) {
            m->axes[i] = (struct tl_search_axis){.ordered = true, .count = 100000};
            m->failing[i] = 1 + sim_random(m, 99999);
        }
        m->axes[2].count = 5;
        m->failing[2] = sim_random(m, 5);
        struct tl_search_options o = {.seed = seed,
                                      .needs = true,
                                      .causes = true,
                                      .every_value = true,
                                      .max_trials = seed % 2 == 0 ? 3000 : 0};
        struct tl_search *s = run(m, &o, chaos);
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->trials <= (seed % 2 == 0 ? 3000u : 100000u), "seed %llu: %llu trials",
                  (unsigned long long)seed, (unsigned long long)r->trials);
        most = r->trials > most ? r->trials : most;
        sum += r->trials;
        tl_search_free(s);
        free(m);
    }
    cr_log_info("%.0f trials, at most %llu", (double)sum / PROBLEMS, (unsigned long long)most);
}

/* What fails always needs two axes; whatever has one of them (or nothing, in some problems) fails seldom. */
static double mostly = 1, seldom;
static bool seldom_anywhere;
static double mostly_the_trigger(const uint64_t *index)
{
    if (index[1] == 1 && index[4] >= 5)
        return mostly;
    return index[1] == 1 || seldom_anywhere ? seldom : 0;
}

Test(search_edge, what_fails_more_rarely_is_not_taken)
{
    enum { PROBLEMS = 300 };
    /* At 0.35 some variants look as if they failed in more than half of their runs; at 0.97 F itself passes now and then.
     * Reached are 291 there, and 269. */
    static const struct {
        double mostly, seldom;
        size_t right;
        unsigned trials;
    } rows[] = {{1, 0.03, 299, 200}, {1, 0.05, 299, 250}, {1, 0.1, 299, 300},
                {1, 0.2, 299, 350},  {1, 0.35, 285, 700}, {0.97, 0.05, 250, 500}};
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        size_t right = 0, met = 0, told = 0;
        uint64_t most = 0, sum = 0;
        mostly = rows[i / 2].mostly;
        seldom = rows[i / 2].seldom;
        seldom_anywhere = i % 2 == 1;
        for (uint64_t seed = 0; seed < PROBLEMS; seed++) {
            struct sim *m = sim_new(10, seed);
            m->axes[4] = (struct tl_search_axis){.ordered = seed % 3 > 0, .count = seed % 3 == 2 ? 1000 : 9};
            for (size_t a = 0; a < 10; a++)
                m->failing[a] = a == 4 ? m->axes[4].count - 1 : a % 3 != 0 || sim_random(m, 2);
            struct tl_search_options o = {.seed = seed,
                                          .needs = true,
                                          .causes = true,
                                          .every_value = true,
                                          .widen = seed % 2 == 0,
                                          .max_trials = 3000};
            struct tl_search *s = run(m, &o, mostly_the_trigger);
            const struct tl_search_result *r = tl_search_result(s);
            cr_assert(r->reproduced);
            right += r->minimal[1] == 1 && r->minimal[4] == 5 && r->n_triggers == 2;
            met += tl_search_has_note(r, TL_NOTE_RARER);
            bool band = false;
            for (size_t k = 0; k < r->n_triggers; k++) {
                told += r->triggers[k].n_rarer > 0;
                band = band || r->triggers[k].band.is_band;
            }
            /* Nothing is left of what was said of another M. */
            cr_assert_eq(tl_search_has_note(r, TL_NOTE_BAND), band, "seed %llu", (unsigned long long)seed);
            cr_assert(!tl_search_has_note(r, TL_NOTE_BASELINE_FAILS) || r->n_triggers == 0);
            for (size_t k = 0; k < r->n_decisive; k++)
                cr_assert_gt(r->decisive[k].n_passes, 0);
            most = r->trials > most ? r->trials : most;
            sum += r->trials;
            tl_search_free(s);
            free(m);
        }
        cr_log_info("%.2f, seldom %.2f%s: %zu of %d right, %zu met one, %zu lists, %.0f trials, at most %llu",
                    mostly, seldom, seldom_anywhere ? " anywhere" : "", right, PROBLEMS, met, told,
                    (double)sum / PROBLEMS, (unsigned long long)most);
        cr_assert_geq(right, rows[i / 2].right, "%zu of %d are right", right, PROBLEMS);
        cr_assert_lt(sum, (uint64_t)rows[i / 2].trials * PROBLEMS);
    }
}
