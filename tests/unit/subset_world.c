#include "tests/unit/subset_world.h"

#include <stdlib.h>
#include <string.h>

uint64_t world_random(uint64_t seed, uint64_t a)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + a * 0xd1342543de82ef95u + 0x2545f4914f6cdd1du;
    for (int i = 0; i < 2; i++) {
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        x ^= x >> 31;
    }
    return x;
}

double world_uniform(uint64_t seed, uint64_t a)
{
    return (double)(world_random(seed, a) >> 11) / 9007199254740992.0;
}

static int ascending(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

void world_make(struct world *w, size_t n, size_t k, uint64_t seed)
{
    *w = (struct world){.n = n, .k = k, .rate = 1, .seed = seed};
    for (size_t i = 0, draw = 0; i < k; draw++) {
        uint32_t e = (uint32_t)(world_random(seed, draw) % n);
        bool again = false;
        for (size_t j = 0; j < i; j++)
            again = again || w->needed[j] == e;
        if (!again)
            w->needed[i++] = e;
    }
    qsort(w->needed, k, sizeof w->needed[0], ascending);
}

bool world_has(const struct tl_subset_range *ranges, size_t n_ranges, uint32_t element)
{
    size_t low = 0, high = n_ranges;
    while (low < high) {
        size_t i = low + (high - low) / 2;
        if (ranges[i].last < element)
            low = i + 1;
        else
            high = i;
    }
    return low < n_ranges && ranges[low].first <= element;
}

static bool is_needed(const struct world *w, const struct tl_subset_range *ranges, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        for (uint64_t e = ranges[i].first; e <= ranges[i].last; e++)
            if (at >= w->k || e != w->needed[at++])
                return false;
    return at == w->k;
}

static bool all_needed(const struct world *w, const struct tl_subset_range *ranges, size_t n)
{
    for (size_t i = 0; i < w->k; i++)
        if (!world_has(ranges, n, w->needed[i]))
            return false;
    return true;
}

static size_t total(const struct tl_subset_range *ranges, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ranges[i].last - ranges[i].first + 1;
    return sum;
}

static uint64_t name(const struct world *w, const struct tl_subset_range *ranges, size_t n)
{
    uint64_t h = w->seed;
    for (size_t i = 0; i < n; i++)
        h = world_random(h, (uint64_t)ranges[i].first << 32 | ranges[i].last);
    return h;
}

/* The next one of the same block; of the last one the first. */
static uint64_t block_mate(const struct world *w, uint64_t e)
{
    return (e + 1) % w->least == 0 || e + 1 == w->n ? e - e % w->least : e + 1;
}

static bool has_all_it_needs(const struct world *w, const struct tl_subset_range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (uint64_t e = ranges[i].first; e <= ranges[i].last; e++) {
            uint64_t other = w->rule == WORLD_PREFIX   ? e - (e > 0)
                             : w->rule == WORLD_SUFFIX ? e + (e + 1 < w->n)
                             : w->rule == WORLD_TREE   ? (e > 0 ? world_random(w->seed + 17, e) % e : 0)
                                                       : block_mate(w, e);
            if (!world_has(ranges, n, (uint32_t)other))
                return false;
        }
    return true;
}

static bool can_be_tried(const struct world *w, const struct tl_subset_range *ranges, size_t n, uint64_t h)
{
    size_t kept = total(ranges, n);
    switch (w->rule) {
    case WORLD_ANY:
        return true;
    case WORLD_RANDOM: /* all elements can be tried, and so can the answer: else there would be none */
        return kept == w->n || world_uniform(h, 1) >= w->invalid || is_needed(w, ranges, n);
    case WORLD_AT_LEAST:
        return kept >= w->least;
    default:
        return has_all_it_needs(w, ranges, n);
    }
}

enum tl_subset_outcome world_run(struct world *w, const struct tl_subset_range *ranges, size_t n,
                                 uint32_t run)
{
    uint64_t h = name(w, ranges, n);
    w->runs++;
    if (!can_be_tried(w, ranges, n, h)) {
        w->invalid_runs++;
        return TL_SUBSET_INVALID;
    }
    bool fails = all_needed(w, ranges, n);
    if (w->contrary > 0 && total(ranges, n) < w->n && world_uniform(h, 2) < w->contrary)
        fails = false;
    if (fails && (w->rate >= 1 || world_uniform(h, 1000 + (uint64_t)run) < w->rate))
        return TL_SUBSET_FAIL;
    return world_uniform(h, 3) < w->otherwise ? TL_SUBSET_OTHER : TL_SUBSET_PASS;
}

size_t world_drive(struct world *w, struct tl_subset *s, unsigned jobs, uint64_t order)
{
    struct {
        uint64_t id;
        enum tl_subset_outcome outcome;
    } running[64];
    size_t n = 0, ended = 0;
    for (;;) {
        struct tl_subset_test test;
        enum tl_subset_next next = TL_SUBSET_WAIT;
        while (n < jobs && (next = tl_subset_next(s, &test)) == TL_SUBSET_TEST) {
            running[n].id = test.id;
            running[n++].outcome = world_run(w, test.ranges, test.n_ranges, test.run);
        }
        if (next == TL_SUBSET_DONE)
            return (ended + jobs - 1) / jobs;
        if (n == 0)
            abort(); /* it waits for nothing */
        size_t i = world_random(order, ended) % n;
        enum tl_subset_outcome outcome = running[i].outcome;
        if (order != 0 && world_random(order + 1, ended) % 16 == 0)
            outcome = TL_SUBSET_LOST;
        if (tl_subset_tell(s, running[i].id, outcome) != 0)
            abort();
        running[i] = running[--n];
        ended++;
    }
}

bool world_right(const struct world *w, const struct tl_subset_result *r)
{
    return r->kept == w->k && is_needed(w, r->ranges, r->n_ranges);
}

bool world_honest(struct world *w, const struct tl_subset_result *r)
{
    struct tl_subset_range *part = calloc(r->n_ranges + 2, sizeof *part);
    bool honest = world_run(w, r->ranges, r->n_ranges, 0) == TL_SUBSET_FAIL || w->rate < 1;
    for (size_t i = 0; i < r->n_ranges && r->minimal; i++)
        for (uint64_t e = r->ranges[i].first; e <= r->ranges[i].last; e++) {
            size_t n = 0;
            for (size_t j = 0; j < r->n_ranges; j++) {
                if (j != i) {
                    part[n++] = r->ranges[j];
                    continue;
                }
                if (e > r->ranges[j].first)
                    part[n++] = (struct tl_subset_range){r->ranges[j].first, (uint32_t)e - 1};
                if (e < r->ranges[j].last)
                    part[n++] = (struct tl_subset_range){(uint32_t)e + 1, r->ranges[j].last};
            }
            honest = honest && world_run(w, part, n, 0) != TL_SUBSET_FAIL;
        }
    free(part);
    return honest;
}
