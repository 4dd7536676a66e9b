/* Over builds, along two axes, and sweeps. */
#include "harness/search/covering.h"
#include "test_search_sim.h"

#include <criterion/criterion.h>

/* What builds show: '.' pass, 'x' the failure, 'o' another one, '-' cannot be tried. */
static const struct tl_search_result *over(const char *builds, struct tl_search_options *o,
                                           struct tl_search **s)
{
    *s = tl_search_builds(strlen(builds), o);
    cr_assert_not_null(*s);
    struct tl_search_request q[64];
    while (!tl_search_done(*s)) {
        size_t n = tl_search_ask(*s, q, 64);
        for (size_t i = 0; i < n; i++) {
            char c = builds[q[i].index[0]];
            tl_search_tell(*s, q[i].id,
                           c == 'x' || c == 'o' ? TL_TOLD_FAIL
                           : c == '-'           ? TL_TOLD_UNSUPPORTED
                                                : TL_TOLD_PASS,
                           c == 'o' ? "another" : "asked-for");
        }
    }
    return tl_search_result(*s);
}

Test(search_builds, known_answers)
{
    static const struct {
        const char *builds;
        size_t good, first, last, fixed, before, after;
    } rows[] = {
        {".....xxxxx", 4, 5, 9, SIZE_MAX, 0, 0},
        {"xxxxxxxxxx", SIZE_MAX, 0, 9, SIZE_MAX, 0, 0},
        {".........x", 8, 9, 9, SIZE_MAX, 0, 0},
        {"x", SIZE_MAX, 0, 0, SIZE_MAX, 0, 0},
        {"....--xxxx", 3, 6, 9, SIZE_MAX, 2, 0},
        {"....-x-xx-", 3, 5, 8, SIZE_MAX, 1, 1},
        {"...xxxx...", 2, 3, 6, 7, 0, 0},
        {"...xxxx--.", 2, 3, 6, 9, 0, 2},
        {"...ooxx...", 4, 5, 6, 7, 0, 0},
        {"--xxx-----", SIZE_MAX, 2, 4, SIZE_MAX, 2, 5},
        {".x.", 0, 1, 1, 2, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int exhaustive = 0; exhaustive < 2; exhaustive++) {
            struct tl_search_options o = {.exhaustive = exhaustive, .signature = "asked-for"};
            struct tl_search *s;
            const struct tl_search_result *r = over(rows[i].builds, &o, &s);
            cr_assert(r->reproduced && r->complete && !r->flaky, "%s", rows[i].builds);
            cr_assert_eq(r->n_ranges, 1);
            const struct tl_search_build_range *g = &r->ranges[0];
            cr_assert(g->good_before == rows[i].good && g->first_bad == rows[i].first &&
                          g->last_bad == rows[i].last && g->fixed == rows[i].fixed &&
                          g->unsupported_before == rows[i].before && g->unsupported_after == rows[i].after,
                      "%s: %zu %zu %zu %zu, gaps %zu %zu", rows[i].builds, g->good_before, g->first_bad,
                      g->last_bad, g->fixed, g->unsupported_before, g->unsupported_after);
            cr_assert(g->confidence_before >= 0.99);
            tl_search_free(s);
        }
    }
}

Test(search_builds, several_ranges)
{
    struct tl_search_options o = {.exhaustive = true};
    struct tl_search *s;
    const struct tl_search_result *r = over("..xx-x...x..--xx", &o, &s);
    cr_assert_eq(r->n_ranges, 3);
    cr_assert(r->ranges[0].first_bad == 2 && r->ranges[0].last_bad == 5 && r->ranges[0].fixed == 6);
    cr_assert(r->ranges[1].first_bad == 9 && r->ranges[1].last_bad == 9);
    cr_assert(r->ranges[2].first_bad == 14 && r->ranges[2].good_before == 11 &&
              r->ranges[2].unsupported_before == 2);
    cr_assert_eq(r->n_unsupported_builds, 3);
    tl_search_free(s);
}

Test(search_builds, nothing_fails)
{
    for (int exhaustive = 0; exhaustive < 2; exhaustive++) {
        struct tl_search_options o = {.exhaustive = exhaustive};
        struct tl_search *s;
        const struct tl_search_result *r = over("..-.......", &o, &s);
        cr_assert(!r->reproduced && r->n_ranges == 0 && tl_search_has_note(r, TL_NOTE_NOT_REPRODUCED));
        tl_search_free(s);
    }
    struct tl_search_options o = {.bad_known = true, .bad = 1};
    struct tl_search *s;
    const struct tl_search_result *r = over(".-..", &o, &s);
    cr_assert(!r->reproduced && tl_search_has_note(r, TL_NOTE_FAILING_UNSUPPORTED));
    tl_search_free(s);
}

Test(search_builds, few_runs)
{
    char builds[257] = {0};
    uint64_t trials = 0;
    for (size_t first = 1; first < 256; first += 7) {
        memset(builds, '.', first);
        memset(builds + first, 'x', 256 - first);
        struct tl_search_options o = {0};
        struct tl_search *s;
        const struct tl_search_result *r = over(builds, &o, &s);
        cr_assert_eq(r->ranges[0].first_bad, first);
        trials += r->trials;
        tl_search_free(s);
    }
    cr_assert(trials <= 37 * 18, "%llu", (unsigned long long)trials);
}

/* Random unsupported builds, and a flaky failure. */
Test(search_builds, random)
{
    size_t right = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct sim *m = sim_new(1, seed);
        size_t n = 20 + (size_t)sim_random(m, 100), bad = n / 2 + (size_t)sim_random(m, n / 2);
        size_t first = 1 + (size_t)sim_random(m, bad), fixed = bad + 1 + (size_t)sim_random(m, n - bad);
        bool gone[128];
        for (size_t i = 0; i < n; i++)
            gone[i] = i != bad && sim_random(m, 5) == 0;
        struct tl_search_options o = {.bad_known = true, .bad = bad, .reproduce_most = 60};
        struct tl_search *s = tl_search_builds(n, &o);
        struct tl_search_request q[64];
        while (!tl_search_done(s)) {
            size_t k = tl_search_ask(s, q, 64);
            for (size_t i = 0; i < k; i++) {
                size_t b = (size_t)q[i].index[0];
                bool fails = b >= first && b < fixed && sim_uniform(m) < 0.6;
                cr_assert(!gone[b] || q[i].repeat == 0);
                tl_search_tell(s, q[i].id,
                               gone[b] ? TL_TOLD_UNSUPPORTED
                               : fails ? TL_TOLD_FAIL
                                       : TL_TOLD_PASS,
                               "it");
            }
        }
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->reproduced && r->complete && r->n_ranges == 1);
        while (gone[first])
            first++;
        size_t last = fixed - 1;
        while (gone[last])
            last--;
        right += r->ranges[0].first_bad == first && r->ranges[0].last_bad == last;
        tl_search_free(s);
        free(m);
    }
    cr_assert(right >= 485, "%zu of 500", right);
}

Test(search_builds, budget)
{
    char builds[257] = {0};
    memset(builds, '.', 100);
    memset(builds + 100, 'x', 156);
    for (uint64_t budget = 1; budget < 20; budget++) {
        struct tl_search_options o = {.max_trials = budget};
        struct tl_search *s;
        const struct tl_search_result *r = over(builds, &o, &s);
        cr_assert(r->trials <= budget && (r->complete || tl_search_has_note(r, TL_NOTE_BUDGET)));
        if (r->n_ranges > 0)
            cr_assert(r->ranges[0].first_bad >= 100 && (r->complete || r->ranges[0].good_before == SIZE_MAX));
        tl_search_free(s);
    }
}

static bool staircase(const uint64_t *index, int shape)
{
    uint64_t a = index[0], b = index[2];
    switch (shape) {
    case 0:
        return a * b >= 1000;
    case 1:
        return a >= 40 && b >= 70;
    case 2:
        return a + b >= 127;
    case 3:
        return true;
    default:
        return (a >= 10 && b >= 90) || (a >= 60 && b >= 30) || a >= 120;
    }
}

Test(search_frontier, whole_boundary)
{
    for (int shape = 0; shape < 5; shape++) {
        struct tl_search_axis axes[3] = {{true, 128, "a"}, {false, 3, NULL}, {true, 128, "b"}};
        struct tl_search_space space = {.n_axes = 3, .axes = axes};
        uint64_t failing[3] = {127, 2, 127};
        struct tl_search *s = tl_search_frontier(&space, failing, 0, 2, NULL);
        struct tl_search_request q[64];
        uint64_t trials = 0;
        while (!tl_search_done(s)) {
            size_t n = tl_search_ask(s, q, 64);
            cr_assert(tl_search_left(s) >= n);
            for (size_t i = 0; i < n; i++, trials++) {
                cr_assert_eq(q[i].index[1], 2);
                tl_search_tell(s, q[i].id, staircase(q[i].index, shape) ? TL_TOLD_FAIL : TL_TOLD_PASS, "it");
            }
        }
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->complete && r->n_corners > 0);
        /* The corners say for every point of the grid whether it fails. */
        for (uint64_t a = 0; a < 128; a++) {
            for (uint64_t b = 0; b < 128; b++) {
                bool says = false;
                for (size_t i = 0; i < r->n_corners; i++)
                    says = says || (a >= r->corners[i].a && b >= r->corners[i].b);
                uint64_t index[3] = {a, 2, b};
                cr_assert_eq(says, staircase(index, shape), "shape %d at %d, %d", shape, (int)a, (int)b);
            }
        }
        /* All of them would be 16384. A diagonal has 255 points that have to be seen, whatever the method. */
        cr_assert(trials <= (shape == 2 ? 340 : shape == 0 ? 260 : 90), "shape %d: %d", shape, (int)trials);
        tl_search_free(s);
    }
}

Test(search_frontier, not_monotone_is_said)
{
    struct tl_search_axis axes[2] = {{true, 64, "a"}, {true, 64, "b"}};
    struct tl_search_space space = {.n_axes = 2, .axes = axes};
    uint64_t failing[2] = {63, 63};
    struct tl_search *s = tl_search_frontier(&space, failing, 0, 1, NULL);
    struct tl_search_request q[64];
    while (!tl_search_done(s)) {
        size_t n = tl_search_ask(s, q, 64);
        for (size_t i = 0; i < n; i++)
            tl_search_tell(s, q[i].id, (q[i].index[0] ^ q[i].index[1]) % 2 == 0 ? TL_TOLD_FAIL : TL_TOLD_PASS,
                           "it");
    }
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(!r->complete && tl_search_has_note(r, TL_NOTE_NON_MONOTONE));
    tl_search_free(s);
}

static bool no_two_alike(void *context, const uint64_t *index)
{
    return index[0] != 0 && index[0] == index[1];
}

static void check_covering(const struct tl_search_space *space, size_t most_rows, uint64_t impossible)
{
    struct tl_covering c, again;
    cr_assert_eq(tl_covering_pairs(space, 7, &c), 0);
    cr_assert(c.n_rows <= most_rows, "%zu rows", c.n_rows);
    uint64_t missing = 0;
    for (size_t i = 0; i < space->n_axes; i++)
        for (size_t j = i + 1; j < space->n_axes; j++)
            for (uint64_t vi = 0; vi < space->axes[i].count; vi++)
                for (uint64_t vj = 0; vj < space->axes[j].count; vj++) {
                    bool found = false;
                    for (size_t k = 0; k < c.n_rows && !found; k++)
                        found = c.rows[k][i] == vi && c.rows[k][j] == vj;
                    missing += !found;
                }
    cr_assert(missing == impossible && c.impossible == impossible);
    for (size_t k = 0; k < c.n_rows; k++)
        cr_assert(space->forbidden == NULL || !space->forbidden(space->context, c.rows[k]));
    cr_assert_eq(tl_covering_pairs(space, 7, &again), 0);
    cr_assert_eq(again.n_rows, c.n_rows);
    for (size_t k = 0; k < c.n_rows; k++)
        cr_assert_arr_eq(again.rows[k], c.rows[k], space->n_axes * sizeof **c.rows);
    tl_covering_free(&again);
    tl_covering_free(&c);
}

Test(search_covering, pairs)
{
    struct tl_search_axis axes[20];
    struct tl_search_space space = {.n_axes = 20, .axes = axes};
    for (size_t i = 0; i < 20; i++)
        axes[i] = (struct tl_search_axis){.count = i < 10 ? 4 : 2};
    check_covering(&space, 36, 0); /* at least 16 */
    space.n_axes = 10;
    check_covering(&space, 32, 0);
    space.forbidden = no_two_alike;
    check_covering(&space, 34, 3);
    space.n_axes = 2;
    check_covering(&space, 16, 3);
    space.forbidden = NULL;
    space.n_axes = 1;
    struct tl_covering c;
    cr_assert_eq(tl_covering_pairs(&space, 1, &c), 0);
    cr_assert_eq(c.n_rows, 4);
    tl_covering_free(&c);
    axes[0].count = UINT64_MAX;
    cr_assert_eq(tl_covering_pairs(&space, 1, &c), -1);
}
