/* The search for the smallest part of a set that fails, on simulated problems whose answer is known. bench_subset has more
 * of them, larger ones, and all that others need. */
#include "tests/unit/subset_peers.h"
#include "tests/unit/subset_world.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct tl_subset *steady(const struct world *w)
{
    struct tl_subset_options o = {.n = w->n, .rate = 1, .seed = w->seed};
    return tl_subset_new(&o);
}

static double choose_bits(size_t n, size_t k)
{
    return (lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1)) / log(2);
}

Test(subset, a_monotone_failure_ends_in_what_is_needed_with_as_few_tests_as_any)
{
    static const size_t rows[][2] = {{10, 1},  {10, 2},  {10, 3},  {10, 5},   {50, 1},   {50, 3},
                                     {50, 20}, {200, 1}, {200, 3}, {200, 20}, {1000, 3}, {1000, 20}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = rows[i][0], k = rows[i][1], problems = 40;
        double mean = 0, best[3] = {0};
        for (uint64_t seed = 0; seed < problems; seed++) {
            struct world w;
            world_make(&w, n, k, 1000 * i + seed);
            struct tl_subset *s = steady(&w);
            world_drive(&w, s, 1, 0);
            const struct tl_subset_result *r = tl_subset_result(s);
            cr_assert(r->done && r->minimal && world_right(&w, r), "%zu of %zu, seed %llu", k, n,
                      (unsigned long long)seed);
            cr_assert(!r->noisy && !r->not_monotone && r->confidence == 1 && r->wasted == 0);
            cr_assert(r->final <= k && r->search + r->final + r->repeats == w.runs);
            mean += (double)r->search / (double)problems;
            tl_subset_free(s);
            best[0] += (double)peer_ficbs(n, w.needed, k) / (double)problems;
            best[1] += (double)peer_probdd(n, w.needed, k) / (double)problems;
            best[2] += n > 200 ? INFINITY : (double)peer_ddmin(n, w.needed, k) / (double)problems;
        }
        double peer = fmin(best[0], fmin(best[1], best[2]));
        cr_assert_leq(mean, 1.1 * peer, "%zu of %zu: %.1f, a peer %.1f", k, n, mean, peer);
        cr_assert_leq(mean, 1.2 * choose_bits(n, k) + 5, "%zu of %zu: %.1f", k, n, mean);
    }
}

Test(subset, the_ends)
{
    for (size_t n = 0; n <= 130; n += n < 5 ? 1 : 25) {
        for (size_t k = 0; k <= n && k <= WORLD_NEEDED; k += k < 2 ? 1 : 20) {
            struct world w;
            world_make(&w, n, k, n);
            struct tl_subset *s = steady(&w);
            world_drive(&w, s, 1, 0);
            const struct tl_subset_result *r = tl_subset_result(s);
            cr_assert(r->minimal && world_right(&w, r), "%zu of %zu", k, n);
            cr_assert(k > 0 || w.runs <= 1);
            cr_assert_leq(r->search, 2 * n + 2 * (size_t)ceil(log2((double)n + 1)) + 5, "%zu of %zu: %llu", k,
                          n, (unsigned long long)r->search);
            tl_subset_free(s);
        }
    }
}

Test(subset, what_never_fails_is_not_reproduced)
{
    struct world w;
    world_make(&w, 20, 1, 1);
    w.rate = 1e-9;
    struct tl_subset_options o = {.n = 20};
    struct tl_subset *s = tl_subset_new(&o);
    world_drive(&w, s, 1, 0);
    const struct tl_subset_result *r = tl_subset_result(s);
    cr_assert(r->done && !r->reproduced && !r->minimal && r->kept == 20 && w.runs == 21);
    tl_subset_free(s);
}

/* Everything that a result says but what looking ahead costs. */
static void same(const struct tl_subset_result *a, const struct tl_subset_result *b, unsigned jobs)
{
    cr_assert_eq(a->n_ranges, b->n_ranges);
    cr_assert_arr_eq(a->ranges, b->ranges, a->n_ranges * sizeof *a->ranges);
    cr_assert_eq(a->n_untried_ranges, b->n_untried_ranges);
    cr_assert(a->minimal == b->minimal && a->noisy == b->noisy && a->not_monotone == b->not_monotone);
    cr_assert(a->search == b->search && a->final == b->final && a->repeats == b->repeats, "%u jobs", jobs);
    cr_assert(a->other == b->other && a->invalid == b->invalid);
    cr_assert(a->rate == b->rate && a->confidence == b->confidence);
}

Test(subset, neither_the_number_of_jobs_nor_the_order_in_which_they_end_matters)
{
    static const unsigned jobs[] = {2, 4, 17};
    size_t alone = 0, four = 0;
    for (uint64_t seed = 0; seed < 36; seed++) {
        struct world w;
        world_make(&w, seed % 2 == 0 ? 60 : 300, 1 + seed % 5, seed);
        w.rate = seed % 3 == 0 ? 0.5 : 1;
        w.rule = seed % 4 < 2 ? WORLD_ANY : WORLD_RANDOM;
        w.invalid = 0.3;
        w.otherwise = 0.2;
        w.contrary = seed % 6 == 5 ? 0.2 : 0;
        struct tl_subset_options o = {.n = w.n, .rate = seed % 5 == 0 ? 0 : w.rate, .seed = seed};
        struct tl_subset *one = tl_subset_new(&o);
        size_t rounds = world_drive(&w, one, 1, 0);
        for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
            struct tl_subset *s = tl_subset_new(&o);
            size_t these = world_drive(&w, s, jobs[i], seed + 1);
            same(tl_subset_result(one), tl_subset_result(s), jobs[i]);
            if (jobs[i] == 4) {
                alone += rounds;
                four += these;
            }
            tl_subset_free(s);
        }
        tl_subset_free(one);
    }
    cr_assert_lt(2 * four, alone + alone / 4, "%zu rounds of 4, %zu of 1", four, alone);
}

Test(subset, a_share_of_parts_that_cannot_be_tried_costs_its_share)
{
    static const double shares[] = {0, 0.1, 0.3, 0.5};
    double none = 0;
    for (size_t i = 0; i < 4; i++) {
        double mean = 0;
        size_t problems = 100, right = 0;
        for (uint64_t seed = 0; seed < problems; seed++) {
            struct world w;
            world_make(&w, seed % 4 == 3 ? 192 : 200, 3, seed);
            w.rule = WORLD_RANDOM;
            w.invalid = shares[i];
            struct tl_subset *s = steady(&w);
            world_drive(&w, s, 1, 0);
            const struct tl_subset_result *r = tl_subset_result(s);
            cr_assert(world_honest(&w, r));
            cr_assert(!r->minimal || world_right(&w, r), "share %g, seed %llu", shares[i],
                      (unsigned long long)seed);
            right += r->minimal;
            mean += (double)r->search / (double)problems;
            tl_subset_free(s);
        }
        none = i == 0 ? mean : none;
        cr_assert_leq(mean, 1.3 / (1 - shares[i]) * none, "share %g: %.1f, %.1f without", shares[i], mean,
                      none);
        cr_assert_geq(right, problems - 3, "share %g: %zu", shares[i], right);
    }
}

/* How many elements a part that can be tried and fails has at least. */
static size_t least(const struct world *w)
{
    bool *has = calloc(w->n, sizeof *has);
    size_t count = 0, first = w->n, last = 0;
    for (size_t i = 0; i < w->k; i++) {
        uint64_t e = w->needed[i];
        first = e < first ? e : first;
        last = e > last ? e : last;
        has[e] = true;
        for (uint64_t mate = e - e % w->least;
             w->rule == WORLD_BLOCKS && mate < w->n && mate / w->least == e / w->least; mate++)
            has[mate] = true;
        while (w->rule == WORLD_TREE && e > 0) {
            e = world_random(w->seed + 17, e) % e;
            has[e] = true;
        }
    }
    for (size_t i = 0; i < w->n; i++)
        count += has[i];
    free(has);
    switch (w->rule) {
    case WORLD_PREFIX:
        return last + 1;
    case WORLD_SUFFIX:
        return w->n - first;
    case WORLD_AT_LEAST:
        return count > w->least ? count : w->least;
    default:
        return count;
    }
}

Test(subset, rules_of_what_goes_with_what_are_kept_to_and_what_was_not_tried_is_said)
{
    for (enum world_rule rule = WORLD_PREFIX; rule <= WORLD_AT_LEAST; rule++) {
        for (uint64_t seed = 0; seed < 30; seed++) {
            struct world w;
            world_make(&w, 100, 1 + seed % 3, seed);
            w.rule = rule;
            w.least = rule == WORLD_BLOCKS ? 2 + seed % 11 : 40;
            struct tl_subset *s = steady(&w);
            world_drive(&w, s, 1, 0);
            const struct tl_subset_result *r = tl_subset_result(s);
            cr_assert(r->done && r->reproduced && world_honest(&w, r));
            cr_assert(r->minimal == (r->n_untried == 0));
            cr_assert_eq(r->kept, least(&w), "rule %d, seed %llu: %zu, not %zu", rule,
                         (unsigned long long)seed, r->kept, least(&w));
            cr_assert_leq(w.runs, 600, "rule %d, seed %llu: %zu", rule, (unsigned long long)seed, w.runs);
            tl_subset_free(s);
        }
    }
}

Test(subset, what_is_not_monotone_is_never_called_minimal_when_it_is_not)
{
    size_t said = 0, minimal = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct world w;
        world_make(&w, 20 + seed, seed % 6, seed);
        w.contrary = seed % 2 == 0 ? 0.1 : 0.5;
        w.rule = seed % 3 == 0 ? WORLD_RANDOM : WORLD_ANY;
        w.invalid = 0.2;
        struct tl_subset_options o = {
            .n = w.n, .rate = seed % 4 == 0 ? 0 : 1, .known_failed = 3, .known_runs = 3};
        struct tl_subset *s = tl_subset_new(&o);
        world_drive(&w, s, 1, 0);
        const struct tl_subset_result *r = tl_subset_result(s);
        cr_assert(r->done && !r->noisy && world_honest(&w, r), "seed %llu", (unsigned long long)seed);
        said += r->not_monotone;
        minimal += r->minimal;
        tl_subset_free(s);
    }
    cr_assert_geq(said, 10);
    cr_assert_geq(minimal, 80);
}

/* How many of so many problems are right. */
static size_t flaky(double rate, struct tl_subset_options o, size_t problems, double *runs)
{
    size_t right = 0;
    *runs = 0;
    for (uint64_t seed = 0; seed < problems; seed++) {
        struct world w;
        world_make(&w, seed % 2 == 0 ? 30 : 120, 1 + seed % 4, seed);
        w.rate = rate;
        o.n = w.n;
        struct tl_subset *s = tl_subset_new(&o);
        world_drive(&w, s, 1, 0);
        const struct tl_subset_result *r = tl_subset_result(s);
        right += r->minimal && world_right(&w, r);
        cr_assert(!r->minimal || r->confidence > 0.9);
        *runs += (double)w.runs / (double)problems;
        tl_subset_free(s);
    }
    return right;
}

Test(subset, failures_that_do_not_always_show)
{
    double runs;
    cr_assert_geq(flaky(0.5, (struct tl_subset_options){.rate = 0.5}, 100, &runs), 99);
    cr_assert_lt(runs, 150);
    cr_assert_geq(flaky(0.2, (struct tl_subset_options){.rate = 0.2}, 50, &runs), 49);
    /* The rate is learned: from runs that were made before, and from runs of its own. */
    cr_assert_geq(flaky(0.5, (struct tl_subset_options){.known_failed = 6, .known_runs = 12}, 100, &runs),
                  98);
    cr_assert_geq(flaky(0.5, (struct tl_subset_options){.rate = 0}, 100, &runs), 98);
    cr_assert_geq(flaky(0.9, (struct tl_subset_options){.rate = 0}, 100, &runs), 98);
}

Test(subset, failures_that_do_not_always_show_where_not_every_part_can_be_tried)
{
    size_t right = 0, wrong = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct world w;
        world_make(&w, 60, 1 + seed % 4, seed);
        w.rate = 0.5;
        w.rule = WORLD_RANDOM;
        w.invalid = 0.3;
        struct tl_subset_options o = {.n = 60, .rate = 0.5, .seed = seed};
        struct tl_subset *s = tl_subset_new(&o);
        world_drive(&w, s, 1, 0);
        const struct tl_subset_result *r = tl_subset_result(s);
        right += r->minimal && world_right(&w, r);
        wrong += r->minimal && !world_right(&w, r);
        tl_subset_free(s);
    }
    cr_assert(right >= 96 && wrong <= 1, "%zu right, %zu wrong", right, wrong);
}

Test(subset, a_rate_that_is_not_what_was_said_is_learned_where_it_shows)
{
    size_t noticed = 0, right = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct world w;
        world_make(&w, 50, 2, seed);
        w.rate = 0.2;
        struct tl_subset_options o = {.n = 50, .rate = 0.9};
        struct tl_subset *s = tl_subset_new(&o);
        world_drive(&w, s, 1, 0);
        const struct tl_subset_result *r = tl_subset_result(s);
        if (r->rate < 0.6) {
            noticed++;
            right += r->minimal && world_right(&w, r);
        }
        tl_subset_free(s);
    }
    cr_assert_geq(noticed, 30, "%zu", noticed);
    cr_assert_geq(20 * right, 19 * noticed, "%zu of %zu", right, noticed);
}

Test(subset, another_failure_is_a_pass_and_is_counted)
{
    struct world w;
    world_make(&w, 80, 2, 5);
    w.otherwise = 0.5;
    struct tl_subset *s = steady(&w);
    world_drive(&w, s, 1, 0);
    const struct tl_subset_result *r = tl_subset_result(s);
    cr_assert(r->minimal && world_right(&w, r) && r->other > 0);
    tl_subset_free(s);
}

Test(subset, a_search_that_was_killed_goes_on_from_the_outcomes_that_were_kept)
{
    for (size_t stop = 1; stop < 60; stop += 7) {
        struct world w;
        world_make(&w, 500, 3, stop);
        w.rate = stop % 2 == 0 ? 1 : 0.5;
        struct tl_subset_options o = {.n = 500, .rate = w.rate};
        struct {
            struct tl_subset_range ranges[64];
            size_t n;
            uint32_t run;
            enum tl_subset_outcome outcome;
        } *kept = calloc(1000, sizeof *kept);
        size_t n_kept = 0, made[2] = {0};
        for (int attempt = 0; attempt < 2; attempt++) {
            struct tl_subset *s = tl_subset_new(&o);
            struct tl_subset_test test;
            while ((attempt > 0 || made[0] < stop) && tl_subset_next(s, &test) == TL_SUBSET_TEST) {
                size_t i = 0;
                while (i < n_kept &&
                       (kept[i].n != test.n_ranges || kept[i].run != test.run ||
                        memcmp(kept[i].ranges, test.ranges, test.n_ranges * sizeof *test.ranges) != 0))
                    i++;
                if (i == n_kept) {
                    cr_assert(test.n_ranges <= 64 && n_kept < 1000);
                    memcpy(kept[i].ranges, test.ranges, test.n_ranges * sizeof *test.ranges);
                    kept[i].n = test.n_ranges;
                    kept[i].run = test.run;
                    kept[i].outcome = world_run(&w, test.ranges, test.n_ranges, test.run);
                    n_kept++;
                    made[attempt]++;
                }
                cr_assert_eq(tl_subset_tell(s, test.id, kept[i].outcome), 0);
            }
            const struct tl_subset_result *r = tl_subset_result(s);
            if (attempt == 0)
                cr_assert(!r->minimal || r->done);
            else
                cr_assert(r->minimal && world_right(&w, r) &&
                          made[0] + made[1] == r->search + r->final + r->repeats);
            tl_subset_free(s);
        }
        free(kept);
    }
}

Test(subset, the_heaviest_are_taken_away_first)
{
    double weights[64];
    for (size_t i = 0; i < 64; i++)
        weights[i] = (double)(i * 37 % 64);
    struct tl_subset_options o = {.n = 64, .weights = weights, .rate = 1, .empty_passes = true};
    struct tl_subset *s = tl_subset_new(&o);
    struct tl_subset_test test;
    cr_assert_eq(tl_subset_next(s, &test), TL_SUBSET_TEST);
    cr_assert(test.kept > 0 && test.kept < 64 && test.purpose == TL_SUBSET_SEARCH && test.run == 0 &&
              !test.ahead);
    for (uint32_t i = 0; i < 64; i++)
        cr_assert_eq(world_has(test.ranges, test.n_ranges, i), weights[i] < (double)test.kept);
    cr_assert_eq(tl_subset_undecided(s), 64);
    tl_subset_free(s);
}

/* Half of what is likely is spread over all, the other half over some: those that are needed, or some beside them. */
static double with_chances(size_t n, size_t k, size_t some, bool right, double *most)
{
    double mean = 0;
    *most = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct world w;
        world_make(&w, n, k, seed);
        double *chances = calloc(n, sizeof *chances), *weights = calloc(n, sizeof *weights);
        size_t first = world_random(seed, 1000) % (n - some);
        for (size_t i = 0; i < n; i++) {
            const bool likely = i >= first && i < first + some;
            chances[i] = 0.5 / (double)n + (likely ? 0.5 / (double)some : 0);
            weights[i] = likely ? 0 : 1;
        }
        for (size_t i = 0; i < k && right; i++)
            w.needed[i] = (uint32_t)(first + i * some / k);
        struct tl_subset_options o = {
            .n = n, .rate = 1, .seed = seed, .chances = chances, .weights = weights};
        struct tl_subset *s = tl_subset_new(&o);
        free(chances);
        free(weights);
        world_drive(&w, s, 1, 0);
        const struct tl_subset_result *r = tl_subset_result(s);
        cr_assert(r->minimal && world_right(&w, r), "%zu of %zu, %zu likely, seed %llu", k, n, some,
                  (unsigned long long)seed);
        mean += (double)r->search / 60;
        *most = fmax(*most, (double)r->search);
        tl_subset_free(s);
    }
    return mean;
}

Test(subset, what_is_likelier_is_found_sooner_and_what_is_not_costs_little_more)
{
    static const size_t rows[][3] = {{500, 1, 1}, {800, 1, 20}, {800, 2, 20}, {1100, 3, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const size_t n = rows[i][0], k = rows[i][1], some = rows[i][2];
        double most, mean = with_chances(n, k, some, true, &most);
        cr_assert_leq(mean, choose_bits(some, k) + 2.0 * (double)k + 3, "%zu of %zu: %.1f", k, n, mean);
        mean = with_chances(n, k, some, false, &most);
        cr_assert_leq(mean, 1.15 * choose_bits(n, k) + 5, "%zu of %zu: %.1f", k, n, mean);
        cr_assert(k > 1 || most <= ceil(log2((double)n)) + 4, "%zu of %zu: %.0f", k, n, most);
    }
}

Test(subset, what_is_not_wanted_any_more_is_known)
{
    struct tl_subset_options o = {.n = 100, .rate = 1, .empty_passes = true};
    struct tl_subset *s = tl_subset_new(&o);
    struct tl_subset_test test[3];
    for (int i = 0; i < 3; i++)
        cr_assert_eq(tl_subset_next(s, &test[i]), TL_SUBSET_TEST);
    cr_assert(!test[0].ahead && test[1].ahead && test[2].ahead);
    cr_assert(tl_subset_wanted(s, test[0].id) && tl_subset_wanted(s, test[1].id) &&
              tl_subset_wanted(s, test[2].id));
    cr_assert_eq(tl_subset_tell(s, 99, TL_SUBSET_PASS), -1);
    cr_assert_eq(tl_subset_tell(s, test[0].id, TL_SUBSET_FAIL), 0);
    cr_assert_eq(tl_subset_tell(s, test[0].id, TL_SUBSET_FAIL), -1);
    /* One was for a failure, the other one for a pass. */
    cr_assert(tl_subset_wanted(s, test[1].id) != tl_subset_wanted(s, test[2].id));
    tl_subset_free(s);
    tl_subset_free(NULL);
}
