/* Flaky failures: rates, bands, and how sure one can be. */
#include "harness/search/noise.h"
#include "test_search_sim.h"

#include <criterion/criterion.h>
#include <math.h>

Test(search_noise, wilson)
{
    double low, high;
    /* Values of the closed formula. */
    tl_wilson(5, 10, 0.95, &low, &high);
    cr_assert(fabs(low - 0.2366) < 0.0005 && fabs(high - 0.7634) < 0.0005);
    tl_wilson(0, 21, 0.99, &low, &high);
    cr_assert(low <= 0 && fabs(high - 0.2401) < 0.0005);
    tl_wilson(5, 5, 0.99, &low, &high);
    cr_assert(high >= 1 && fabs(low - 0.4297) < 0.0005);
    tl_wilson(0, 0, 0.99, &low, &high);
    cr_assert(low <= 0 && high >= 1);
    /* What it says holds for the share of samples it promises. */
    struct sim *m = sim_new(1, 5);
    size_t held = 0;
    for (int i = 0; i < 4000; i++) {
        uint64_t k = 0;
        for (int j = 0; j < 40; j++)
            k += sim_uniform(m) < 0.3;
        tl_wilson(k, 40, 0.99, &low, &high);
        held += low <= 0.3 && 0.3 <= high;
    }
    cr_assert(held > 3900);
    free(m);
}

Test(search_noise, belief)
{
    struct tl_rate_belief b;
    tl_rate_belief_init(&b);
    double sum = 0;
    for (size_t i = 0; i < TL_RATES; i++)
        sum += b.weight[i];
    cr_assert(fabs(sum - 1) < 1e-9);
    tl_rate_belief_update(&b, 500, 500);
    uint32_t n = tl_rate_belief_passes(&b, 0.01);
    cr_assert(n >= 6 && n <= 8); /* 0.5^7 < 0.01 */
    tl_rate_belief_init(&b);
    tl_rate_belief_update(&b, 0, 100000); /* underflows without logarithms */
    cr_assert(b.weight[0] > 0.99);
    cr_assert(tl_rate_belief_passes(&b, 0.01) > 400);
}

Test(search_noise, line_of_any_length)
{
    struct tl_rate_belief b;
    tl_rate_belief_init(&b);
    struct tl_noise z;
    tl_noise_init(&z, 0, UINT64_MAX, &b);
    cr_assert(fabs(tl_noise_above(&z, UINT64_MAX / 2) - 0.5) < 1e-9);
    uint64_t t = 0xfedcba9876543210u, fails = UINT64_MAX;
    for (int i = 0; i < 300 && tl_noise_above(&z, fails - 1) < 0.99; i++) {
        uint64_t p = tl_noise_next(&z);
        tl_noise_observe(&z, p, p >= t);
        if (p >= t && p < fails)
            fails = p;
    }
    cr_assert_eq(fails, t);
    tl_noise_free(&z);
}

/* The confidence that is stated holds: over many random lines and rates the answer is right at least so
 * often. */
Test(search_noise, builds_are_right_as_often_as_stated)
{
    static const struct {
        double rate, right, runs;
    } rows[] = {{1, 1, 10}, {0.5, 0.985, 32}, {0.2, 0.97, 90}};
    for (size_t i = 0; i < 3; i++) {
        size_t right = 0, problems = 1000;
        uint64_t runs = 0;
        for (uint64_t seed = 0; seed < problems; seed++) {
            struct sim *m = sim_new(1, seed + 99);
            m->axes[0].count = 256;
            m->n_failures = 1;
            m->failures[0] = (struct sim_failure){.signature = "flaky", .n = 1, .rate = rows[i].rate};
            m->failures[0].needs[0].from = 1 + sim_random(m, 255);
            /* Its rate was measured before. */
            struct tl_search_options o = {
                .bad_known = true, .bad = 255, .signature = "flaky", .known_runs = 200};
            for (uint32_t n = 0; n < o.known_runs; n++)
                o.known_failed += sim_uniform(m) < rows[i].rate;
            struct tl_search *s = tl_search_builds(256, &o);
            sim_run(m, s, false);
            const struct tl_search_result *r = tl_search_result(s);
            cr_assert(r->complete && r->ranges[0].confidence_before >= 0.99);
            right += r->ranges[0].first_bad == m->failures[0].needs[0].from;
            runs += m->runs;
            tl_search_free(s);
            free(m);
        }
        double share = (double)right / (double)problems, mean = (double)runs / (double)problems;
        cr_assert(share >= rows[i].right && mean <= rows[i].runs, "rate %.1f: right in %.4f, %.1f runs",
                  rows[i].rate, share, mean);
    }
}

/* One problem over 256 builds of which the last fails, at a rate that is not known. Returns whether the first
 * bad one was found. */
static bool first_bad(uint64_t seed, double rate, uint64_t *runs, double *said)
{
    struct sim *m = sim_new(1, seed);
    m->axes[0].count = 256;
    m->n_failures = 1;
    m->failures[0] = (struct sim_failure){.signature = "flaky", .n = 1, .rate = rate};
    m->failures[0].needs[0].from = 1 + sim_random(m, 255);
    struct tl_search_options o = {.bad_known = true, .bad = 255};
    struct tl_search *s = tl_search_builds(256, &o);
    sim_run(m, s, false);
    const struct tl_search_result *r = tl_search_result(s);
    bool right = r->n_ranges == 1 && r->ranges[0].first_bad == m->failures[0].needs[0].from;
    *said = r->complete ? r->ranges[0].confidence_before : 0;
    *runs += m->runs;
    tl_search_free(s);
    free(m);
    return right;
}

/* The rate is learned on the way. Right counts among all problems, those not reproduced included. */
Test(search_noise, builds_at_a_rate_that_is_not_known)
{
    static const struct {
        double rate, right, runs;
        uint64_t problems;
    } rows[] = {{1, 1, 15, 2000},
                {0.9, 0.995, 19.5, 2000},
                {0.5, 0.99, 44, 10000},
                {0.2, 0.97, 124, 10000},
                {0.1, 0.96, 260, 2000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t right = 0, runs = 0, n = rows[i].problems;
        double said;
        for (uint64_t seed = 0; seed < n; seed++)
            right += first_bad(seed, rows[i].rate, &runs, &said);
        double share = (double)right / (double)n, mean = (double)runs / (double)n;
        cr_assert(share >= rows[i].right && mean <= rows[i].runs,
                  "rate %.1f, seeds 0 to %llu: right in %.4f, %.1f runs", rows[i].rate,
                  (unsigned long long)n - 1, share, mean);
    }
}

/* Over all rates the answers that are given are right as often as they say. */
Test(search_noise, builds_are_calibrated)
{
    struct sim *m = sim_new(1, 4711);
    uint64_t given = 0, right = 0, runs = 0;
    double sum = 0;
    for (uint64_t seed = 0; seed < 10000; seed++) {
        double said, rate = sim_random(m, 4) == 0 ? 1 : 0.05 + 0.95 * sim_uniform(m);
        bool found = first_bad(1000000 + seed, rate, &runs, &said);
        if (said <= 0)
            continue;
        cr_assert(said >= 0.99);
        given++;
        right += found;
        sum += said;
    }
    cr_assert(given > 9900 && (double)right >= sum - 2.5 * sqrt(sum * 0.01) && right * 100 >= given * 99,
              "seeds from 1000000: right in %llu of %llu, said %.4f", (unsigned long long)right,
              (unsigned long long)given, sum / (double)given);
    free(m);
}

/* Flaky isolation over axes: right nearly always, and said to be flaky. */
static void isolate_flaky(double rate, uint64_t problems, double least)
{
    size_t right = 0, wrongly_minimal = 0, reproduced = 0;
    for (uint64_t seed = 0; seed < problems; seed++) {
        struct sim *m = sim_new(10, seed + 1);
        for (size_t i = 0; i < 10; i++) {
            m->axes[i].ordered = i < 3;
            m->axes[i].count = i < 3 ? 64 : 2;
            m->failing[i] = m->axes[i].count - 1;
        }
        sim_plant(m, 0, "flaky", 2);
        m->failures[0].rate = rate;
        struct tl_search_options o = {.seed = seed};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        sim_run(m, s, true);
        const struct tl_search_result *r = tl_search_result(s);
        if (r->reproduced) {
            reproduced++;
            bool same = r->n_triggers == 2;
            for (size_t i = 0; i < 2; i++)
                same = same && r->minimal[m->failures[0].needs[i].axis] == m->failures[0].needs[i].from;
            right += same && r->complete;
            bool band = false;
            for (size_t i = 0; i < r->n_triggers; i++)
                band = band || r->triggers[i].band.is_band;
            wrongly_minimal += r->complete && !same && !band;
            cr_assert(sim_chance(&m->failures[0], r->minimal) > 0);
            if (rate < 0.9)
                cr_assert(r->flaky && tl_search_has_note(r, TL_NOTE_FLAKY));
            if (r->flaky && r->complete) {
                cr_assert(r->rate[1] >= 5 && r->rate_low < r->rate_high);
                cr_assert(r->confidence >= 0.95, "%f", r->confidence);
            }
        }
        tl_search_free(s);
        free(m);
    }
    cr_assert((double)reproduced >= 0.95 * (double)problems);
    cr_assert(wrongly_minimal * 300 <= problems, "rate %.1f: %zu of %zu wrongly minimal", rate,
              wrongly_minimal, reproduced);
    cr_assert((double)right >= least * (double)reproduced, "rate %.1f: %zu of %zu, %zu wrongly minimal", rate,
              right, reproduced, wrongly_minimal);
}

Test(search_noise, isolate_0_9)
{
    isolate_flaky(0.9, 300, 0.98);
}
Test(search_noise, isolate_0_5)
{
    isolate_flaky(0.5, 300, 0.98);
}
Test(search_noise, isolate_0_2)
{
    isolate_flaky(0.2, 150, 0.97);
}

struct claims {
    size_t band, exact, wrong, neither, incomplete, reproduced;
};

/* Thresholds of one shape on a range of a million values, with three other axes of which one is needed. What
 * is claimed of them, and that what is said of a band is true. */
static struct claims thresholds(int shape, uint64_t ramp, double rate, uint64_t first, uint64_t problems)
{
    struct claims c = {0};
    for (uint64_t seed = first; seed < first + problems; seed++) {
        struct sim *m = sim_new(4, seed);
        m->axes[1].ordered = true;
        m->axes[1].count = 1000001;
        for (size_t i = 0; i < 4; i++)
            m->failing[i] = 1;
        uint64_t from = 1 + sim_random(m, 900000 - ramp);
        m->failing[1] = from + ramp + sim_random(m, 100000);
        m->n_failures = 1;
        m->failures[0] = (struct sim_failure){.signature = "slope", .n = 2, .rate = rate};
        m->failures[0].needs[0] = (struct sim_need){.axis = 1, .from = from, .ramp = ramp, .shape = shape};
        m->failures[0].needs[1] = (struct sim_need){.axis = 3, .from = 1};
        struct tl_search_options o = {.seed = seed};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        sim_run(m, s, true);
        const struct tl_search_result *r = tl_search_result(s);
        c.reproduced += r->reproduced;
        c.incomplete += r->reproduced && !r->complete;
        for (size_t i = 0; i < r->n_triggers && r->complete; i++) {
            const struct tl_search_trigger *t = &r->triggers[i];
            if (t->axis != 1)
                continue;
            c.band += t->band.is_band;
            c.exact += t->threshold;
            c.wrong += t->threshold && t->value != from;
            c.neither += !t->threshold && !t->band.is_band;
            if (!t->band.is_band)
                continue;
            cr_assert(tl_search_has_note(r, TL_NOTE_BAND) && !t->threshold);
            cr_assert(t->band.always.runs >= 16 && t->band.n_samples >= 2);
            uint64_t index[4] = {1, t->band.always.value, 1, 1};
            cr_assert(sim_chance(&m->failures[0], index) > rate / 4, "seed %llu", (unsigned long long)seed);
            if (!t->band.has_never)
                continue;
            cr_assert(t->band.never.failed == 0 && t->band.never.runs >= 2);
            index[1] = t->band.never.value;
            cr_assert(t->band.never.value < t->band.always.value &&
                          sim_chance(&m->failures[0], index) <= 0.65 * rate,
                      "seed %llu", (unsigned long long)seed);
        }
        tl_search_free(s);
        free(m);
    }
    return c;
}

/* A threshold that is not sharp is never given as a number. */
Test(search_noise, slopes)
{
    static const struct {
        int shape;
        uint64_t ramp;
        double rate;
    } rows[] = {{SIM_LINEAR, 8, 1},          {SIM_LINEAR, 20, 1},     {SIM_LINEAR, 200, 1},
                {SIM_LINEAR, 5000, 1},       {SIM_LINEAR, 200000, 1}, {SIM_LINEAR, 20, 0.5},
                {SIM_LINEAR, 5000, 0.5},     {SIM_LOG, 20, 1},        {SIM_LOG, 200, 1},
                {SIM_LOG, 5000, 1},          {SIM_LOG, 200, 0.5},     {SIM_STEP, 200, 1},
                {SIM_STEP, 5000, 1},         {SIM_STEP, 5000, 0.5},   {SIM_STEP_AND_RAMP, 200, 1},
                {SIM_STEP_AND_RAMP, 5000, 1}};
    size_t wrong = 0, problems = 0, incomplete = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct claims c = thresholds(rows[i].shape, rows[i].ramp, rows[i].rate, i * 1000, 100);
        cr_assert(c.reproduced >= 99 && c.band >= 96 && c.neither == 0,
                  "shape %d over %llu at %.1f: %zu bands, %zu exact, %zu neither", rows[i].shape,
                  (unsigned long long)rows[i].ramp, rows[i].rate, c.band, c.exact, c.neither);
        wrong += c.wrong;
        incomplete += c.incomplete;
        problems += 100;
    }
    cr_assert(wrong == 0, "%zu false thresholds in %zu", wrong, problems);
    cr_assert(incomplete * 100 <= problems, "%zu of %zu not complete", incomplete, problems);
}

/* A sharp threshold is found, and not taken for a band, whatever the rate. */
Test(search_noise, sharp_at_any_rate)
{
    static const double rates[] = {1, 0.95, 0.9, 0.7, 0.5, 0.3};
    size_t bands = 0, wrong = 0, problems = 0;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct claims c = thresholds(SIM_LINEAR, 0, rates[i], 100000 + i * 1000, 250);
        cr_assert(c.exact >= 245, "rate %.2f: %zu exact, %zu bands", rates[i], c.exact, c.band);
        bands += c.band;
        wrong += c.wrong;
        problems += 250;
    }
    cr_assert(bands * 100 <= problems && wrong * 400 <= problems, "%zu bands, %zu wrong of %zu", bands, wrong,
              problems);
}

Test(search_noise, rate_too_low)
{
    size_t said = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sim *m = sim_new(10, seed);
        for (size_t i = 0; i < 10; i++)
            m->failing[i] = 1;
        m->n_failures = 1;
        m->failures[0] = (struct sim_failure){.signature = "rare", .n = 1, .rate = 0.1};
        m->failures[0].needs[0].from = 1;
        struct tl_search_options o = {.seed = seed, .max_trials = 60};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        sim_run(m, s, false);
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(!r->complete && m->runs <= 60);
        if (r->reproduced) {
            cr_assert(tl_search_has_note(r, TL_NOTE_RATE_TOO_LOW));
            cr_assert(sim_chance(&m->failures[0], r->minimal) > 0);
            said++;
        } else {
            cr_assert(tl_search_has_note(r, TL_NOTE_NOT_REPRODUCED));
        }
        tl_search_free(s);
        free(m);
    }
    cr_assert(said > 60);
}

/* What is known of the rate from before is used from the start. */
Test(search_noise, known_rate)
{
    size_t reproduced = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim *m = sim_new(3, seed);
        for (size_t i = 0; i < 3; i++)
            m->failing[i] = 1;
        m->n_failures = 1;
        m->failures[0] = (struct sim_failure){.signature = "rare", .n = 1, .rate = 0.1};
        m->failures[0].needs[0].from = 1;
        struct tl_search_options o = {.seed = seed, .known_failed = 20, .known_runs = 200};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        sim_run(m, s, false);
        const struct tl_search_result *r = tl_search_result(s);
        reproduced += r->reproduced;
        if (r->reproduced)
            cr_assert(r->flaky && r->minimal[0] == 1);
        tl_search_free(s);
        free(m);
    }
    /* Without it one in nine is given up after 21 passes. */
    cr_assert(reproduced >= 194, "%zu of 200", reproduced);
}
