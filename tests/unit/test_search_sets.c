/* Isolations with an axis whose values are sets: on simulated failures that need some elements of it, and something of
 * another axis. */
#include "harness/base/buffer.h"
#include "harness/search/search.h"
#include "subset_world.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SET, LAYERS, MODE, AXES };

/* Every set that was met, by index; 0 is the empty one. */
struct known_set {
    struct tl_subset_range *ranges;
    size_t n;
};

struct problem {
    struct world needs, other; /* other.k > 0: a second cause */
    uint64_t least_layers;     /* 0: layers do not matter */
    struct tl_search_axis axes[AXES];
    struct tl_search_space space;
    struct known_set *sets;
    size_t n_sets;
    uint32_t hidden;    /* without this element it fails in another way; UINT32_MAX: there is none such */
    uint32_t necessary; /* without this one nothing can be tried, but the empty set; UINT32_MAX */
    uint64_t runs;
};

static uint64_t part(void *context, size_t axis, const struct tl_subset_range *ranges, size_t n)
{
    struct problem *p = context;
    cr_assert_eq(axis, (size_t)SET);
    for (size_t i = 0; i < n; i++)
        cr_assert(ranges[i].first <= ranges[i].last && ranges[i].last < p->needs.n &&
                  (i == 0 || ranges[i - 1].last + 1 < ranges[i].first));
    for (size_t i = 0; i < p->n_sets; i++)
        if (p->sets[i].n == n && (n == 0 || memcmp(p->sets[i].ranges, ranges, n * sizeof *ranges) == 0))
            return i;
    struct known_set *set = TL_GROW(p->sets, p->n_sets);
    *set = (struct known_set){tl_calloc(n + 1, sizeof *ranges), n};
    for (size_t i = 0; i < n; i++)
        set->ranges[i] = ranges[i];
    return p->n_sets - 1;
}

static struct tl_subset_range *ranges_of(void *context, size_t axis, uint64_t index, size_t *n)
{
    struct problem *p = context;
    cr_assert(axis == SET && index < p->n_sets);
    struct tl_subset_range *copy = tl_calloc(p->sets[index].n + 1, sizeof *copy);
    *n = p->sets[index].n;
    for (size_t i = 0; i < *n; i++)
        copy[i] = p->sets[index].ranges[i];
    return copy;
}

static void make(struct problem *p, size_t n, size_t k, uint64_t seed)
{
    *p = (struct problem){.axes = {{.set = true, .count = 2, .name = "quantised"},
                                   {.ordered = true, .count = 12, .name = "layers"},
                                   {.count = 3, .name = "mode"}},
                          .hidden = UINT32_MAX,
                          .necessary = UINT32_MAX};
    world_make(&p->needs, n, k, seed);
    p->needs.rate = 1;
    p->space = (struct tl_search_space){
        .n_axes = AXES, .axes = p->axes, .context = p, .part = part, .ranges = ranges_of};
    struct tl_subset_range all = {0, (uint32_t)n - 1};
    part(p, SET, NULL, 0);
    part(p, SET, &all, 1);
}

static void release(struct problem *p)
{
    for (size_t i = 0; i < p->n_sets; i++)
        free(p->sets[i].ranges);
    free(p->sets);
}

static void tell(struct problem *p, struct tl_search *s, const struct tl_search_request *q)
{
    const struct known_set *set = &p->sets[q->index[SET]];
    bool fails = world_run(&p->needs, set->ranges, set->n, q->repeat) == TL_SUBSET_FAIL ||
                 (p->other.k > 0 && world_run(&p->other, set->ranges, set->n, q->repeat) == TL_SUBSET_FAIL);
    p->runs++;
    if (p->necessary != UINT32_MAX && set->n > 0 && !world_has(set->ranges, set->n, p->necessary))
        tl_search_tell(s, q->id, TL_TOLD_UNSUPPORTED, NULL);
    else if (p->hidden != UINT32_MAX && set->n > 0 && !world_has(set->ranges, set->n, p->hidden))
        tl_search_tell(s, q->id, TL_TOLD_FAIL, "another");
    else if (fails && q->index[LAYERS] >= p->least_layers)
        tl_search_tell(s, q->id, TL_TOLD_FAIL, "asked-for");
    else
        tl_search_tell(s, q->id, TL_TOLD_PASS, NULL);
}

static const uint64_t failing[AXES] = {1, 11, 2};

static const struct tl_search_result *run(struct problem *p, struct tl_search **s,
                                          const struct tl_search_options *options)
{
    struct tl_search_request q[16];
    *s = tl_search_isolate(&p->space, failing, options);
    cr_assert_not_null(*s);
    for (size_t n; (n = tl_search_ask(*s, q, 16)) > 0;)
        for (size_t i = n; i-- > 0;) /* they end in any order */
            tell(p, *s, &q[i]);
    cr_assert(tl_search_done(*s));
    return tl_search_result(*s);
}

static bool is_set_of(const struct problem *p, uint64_t index, const uint32_t *elements, size_t k)
{
    size_t n = 0;
    for (size_t i = 0; i < p->sets[index].n; i++)
        n += p->sets[index].ranges[i].last - p->sets[index].ranges[i].first + 1;
    bool all = n == k;
    for (size_t i = 0; i < k && all; i++)
        all = world_has(p->sets[index].ranges, p->sets[index].n, elements[i]);
    return all;
}

static void right(const struct problem *p, const struct tl_search_result *r)
{
    cr_assert(r->reproduced && r->complete);
    cr_assert(is_set_of(p, r->minimal[SET], p->needs.needed, p->needs.k));
    cr_assert_eq(r->minimal[LAYERS], p->least_layers);
    cr_assert_eq(r->minimal[MODE], 0);
    cr_assert_eq(r->n_triggers, 1 + (p->least_layers > 0));
    cr_assert_eq(r->triggers[0].axis, (size_t)SET);
}

/* One pair for each element: M fails, and passes without it. */
static void pairs_of_elements(const struct problem *p, const struct tl_search_result *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_decisive; i++) {
        const struct tl_search_pair *d = &r->decisive[i];
        if (d->axis != SET)
            continue;
        n++;
        cr_assert_eq(d->fails[SET], r->minimal[SET]);
        size_t kept = 0;
        for (size_t k = 0; k < p->needs.k; k++)
            kept += world_has(p->sets[d->passes[SET]].ranges, p->sets[d->passes[SET]].n, p->needs.needed[k]);
        cr_assert(kept + 1 == p->needs.k && d->n_fails > 0 && d->n_passes > 0);
    }
    cr_assert_eq(n, p->needs.k);
}

static double log2_choose(size_t n, size_t k)
{
    return (lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1)) / log(2);
}

/* The trials that find the elements, without those that take each of them away at the end. */
static double mean_of_search(size_t n, size_t k, unsigned problems, unsigned width)
{
    uint64_t sum = 0;
    for (uint64_t seed = 0; seed < problems; seed++) {
        struct problem p;
        struct tl_search *s;
        make(&p, n, k, seed);
        const struct tl_search_options o = {.seed = seed, .width = width, .no_generalise = true};
        const struct tl_search_result *r = run(&p, &s, &o);
        right(&p, r);
        pairs_of_elements(&p, r);
        sum += r->by_purpose[TL_SEARCH_ELEMENTS];
        tl_search_free(s);
        release(&p);
    }
    return (double)sum / problems;
}

Test(search_sets, the_needed_elements_in_few_trials)
{
    static const size_t sizes[][2] = {{2, 1}, {10, 1}, {10, 5}, {50, 3}, {494, 3}, {1000, 20}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i][0], k = sizes[i][1];
        double mean = mean_of_search(n, k, n > 100 ? 10 : 40, 1);
        cr_assert_leq(mean, 1.2 * log2_choose(n, k) + 5, "%zu of %zu: %f trials", k, n, mean);
        cr_assert_geq(mean, 0.8 * log2_choose(n, k) - 1, "%zu of %zu: %f trials", k, n, mean);
    }
    mean_of_search(50, 3, 20, 4); /* several at once lead to the same */
}

Test(search_sets, a_hundred_thousand_elements)
{
    double mean = mean_of_search(100000, 3, 2, 1);
    cr_assert_leq(mean, 1.2 * log2_choose(100000, 3) + 5);
}

Test(search_sets, together_with_another_axis)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct problem p;
        struct tl_search *s;
        make(&p, 30, 1 + seed % 4, seed);
        p.least_layers = 1 + seed % 11;
        const struct tl_search_options o = {
            .seed = seed, .width = 1 + seed % 3, .needs = true, .causes = true};
        const struct tl_search_result *r = run(&p, &s, &o);
        right(&p, r);
        cr_assert(r->triggers[1].threshold && r->triggers[1].value == p.least_layers);
        cr_assert(r->n_independent == 1 && r->independent[0] == MODE);
        cr_assert_eq(r->broken[0], 0);
        cr_assert_eq(r->n_causes, 0);
        tl_search_free(s);
        release(&p);
    }
}

Test(search_sets, a_set_that_does_not_matter)
{
    struct problem p;
    struct tl_search *s;
    make(&p, 30, 1, 7);
    p.needs.k = 0; /* it fails with any set */
    p.least_layers = 4;
    const struct tl_search_options o = {.needs = true};
    const struct tl_search_result *r = run(&p, &s, &o);
    cr_assert(r->complete && r->minimal[SET] == 0 && r->minimal[LAYERS] == 4);
    cr_assert(r->n_triggers == 1 && r->by_purpose[TL_SEARCH_ELEMENTS] == 0);
    tl_search_free(s);
    release(&p);
}

/* Without one element it fails in another way: that must not be taken for the failure that is asked for. */
Test(search_sets, another_failure_is_no_match)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct problem p;
        struct tl_search *s;
        make(&p, 40, 3, seed);
        p.hidden = p.needs.needed[seed % 3];
        const struct tl_search_options o = {.signature = "asked-for", .no_generalise = true};
        const struct tl_search_result *r = run(&p, &s, &o);
        cr_assert(r->complete && is_set_of(&p, r->minimal[SET], p.needs.needed, 3));
        cr_assert(r->n_others == 1 && strcmp(r->others[0].signature, "another") == 0);
        tl_search_free(s);
        release(&p);
    }
}

/* An element that has to be there for anything to be tried is not said to be needed for the failure. */
Test(search_sets, parts_that_cannot_be_tried)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct problem p;
        struct tl_search *s;
        make(&p, 40, 2, seed);
        p.necessary = (uint32_t)(seed * 2);
        const struct tl_search_options o = {.seed = seed, .no_generalise = true};
        const struct tl_search_result *r = run(&p, &s, &o);
        const struct known_set *set = &p.sets[r->minimal[SET]];
        cr_assert(world_has(set->ranges, set->n, p.necessary));
        bool needed = p.necessary == p.needs.needed[0] || p.necessary == p.needs.needed[1];
        cr_assert_eq(tl_search_has_note(r, TL_NOTE_NEIGHBOUR_UNSUPPORTED), true);
        uint32_t all[3] = {p.needs.needed[0], p.needs.needed[1], p.necessary};
        cr_assert(is_set_of(&p, r->minimal[SET], all, needed ? 2 : 3));
        tl_search_free(s);
        release(&p);
    }
}

Test(search_sets, failures_that_do_not_always_show)
{
    unsigned wrong = 0;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct problem p;
        struct tl_search *s;
        make(&p, 60, 2, seed);
        p.needs.rate = 0.5;
        const struct tl_search_options o = {.seed = seed, .no_generalise = true};
        const struct tl_search_result *r = run(&p, &s, &o);
        cr_assert(r->reproduced);
        cr_assert(!r->complete || r->flaky);
        wrong += !r->complete || !is_set_of(&p, r->minimal[SET], p.needs.needed, 2);
        tl_search_free(s);
        release(&p);
    }
    cr_assert_leq(wrong, 1, "%u of 30 are wrong", wrong);
}

Test(search_sets, a_second_cause_in_the_same_set)
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct problem p;
        struct tl_search *s;
        make(&p, 30, 2, seed);
        p.other = p.needs; /* they share one element */
        p.other.needed[1] = (p.needs.needed[1] + 1) % 30;
        while (p.other.needed[1] == p.needs.needed[0] || p.other.needed[1] == p.needs.needed[1])
            p.other.needed[1] = (p.other.needed[1] + 1) % 30;
        if (p.other.needed[1] < p.other.needed[0]) {
            uint32_t first = p.other.needed[1];
            p.other.needed[1] = p.other.needed[0];
            p.other.needed[0] = first;
        }
        const struct tl_search_options o = {.seed = seed, .needs = true, .causes = true};
        const struct tl_search_result *r = run(&p, &s, &o);
        cr_assert(r->complete && r->n_causes == 1, "%zu causes", r->n_causes);
        uint64_t a = r->minimal[SET], b = r->causes[0].minimal[SET];
        cr_assert((is_set_of(&p, a, p.needs.needed, 2) && is_set_of(&p, b, p.other.needed, 2)) ||
                  (is_set_of(&p, b, p.needs.needed, 2) && is_set_of(&p, a, p.other.needed, 2)));
        tl_search_free(s);
        release(&p);
    }
}

/* With too few trials it says so, and what it has is a part that fails. */
Test(search_sets, a_budget)
{
    for (uint64_t most = 1; most < 40; most += 3) {
        struct problem p;
        struct tl_search *s;
        make(&p, 200, 3, most);
        const struct tl_search_options o = {.max_trials = most, .no_generalise = true};
        const struct tl_search_result *r = run(&p, &s, &o);
        cr_assert(p.runs <= most);
        cr_assert(r->complete || tl_search_has_note(r, TL_NOTE_BUDGET));
        if (r->reproduced) {
            const struct known_set *set = &p.sets[r->minimal[SET]];
            cr_assert_eq(world_run(&p.needs, set->ranges, set->n, 0), TL_SUBSET_FAIL);
        }
        tl_search_free(s);
        release(&p);
    }
}

/* What one run asked for, another one with the same seed asks for again: so stored outcomes continue it. */
Test(search_sets, it_asks_for_the_same_again)
{
    struct problem p[2];
    struct tl_search *s[2];
    const struct tl_search_result *r[2];
    const struct tl_search_options o = {.seed = 5, .width = 3, .needs = true};
    for (int i = 0; i < 2; i++) {
        make(&p[i], 100, 3, 9);
        p[i].least_layers = 3;
        r[i] = run(&p[i], &s[i], &o);
    }
    cr_assert_eq(r[0]->n_path, r[1]->n_path);
    for (size_t i = 0; i < r[0]->n_path; i++) {
        cr_assert_eq(memcmp(r[0]->path[i].index, r[1]->path[i].index, AXES * sizeof(uint64_t)), 0);
        cr_assert_eq(r[0]->path[i].repeat, r[1]->path[i].repeat);
    }
    for (int i = 0; i < 2; i++) {
        tl_search_free(s[i]);
        release(&p[i]);
    }
}
