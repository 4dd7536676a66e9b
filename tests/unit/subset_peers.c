/* ddmin: A. Zeller, R. Hildebrandt: Simplifying and isolating failure-inducing input. IEEE TSE 28(2), 2002. With a
 * cache, as it is meant.
 * ProbDD: G. Wang, R. Shen, J. Chen, Y. Xiong, L. Zhang: Probabilistic delta debugging. ESEC/FSE 2021. Its first chance is
 * 0.1 as there, and 10 / n above 200 elements, where 0.1 would only ask for groups of ten.
 * FIC_BS: Z. Zhang, J. Zhang: Characterizing failure-causing parameter interactions by adaptive testing. ISSTA 2011. */
#include "tests/unit/subset_peers.h"

#include "tests/unit/subset_world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- ddmin --------------------------------------------------------------------------------------------- */

struct ddmin {
    const uint8_t *needed; /* by element */
    size_t k, tests;
    uint64_t *cache; /* names of parts that were tried: a hash table */
    size_t slots;
};

/* Elements of a list, without those from..to-1, or only those. */
static int ddmin_fails(struct ddmin *d, const uint32_t *list, size_t n, size_t from, size_t to, int only)
{
    uint64_t h = 0;
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if ((i >= from && i < to) == (only != 0)) {
            h += world_random(1, list[i]); /* the sum: whatever the order */
            found += d->needed[list[i]];
        }
    h |= 1;
    size_t i = h % d->slots;
    while (d->cache[i] != 0 && d->cache[i] != h)
        i = (i + 1) % d->slots;
    d->tests += d->cache[i] == 0;
    d->cache[i] = h;
    return found == d->k;
}

size_t peer_ddmin(size_t n, const uint32_t *needed, size_t k)
{
    uint8_t *is_needed = calloc(n, 1);
    for (size_t i = 0; i < k; i++)
        is_needed[needed[i]] = 1;
    struct ddmin d = {.needed = is_needed, .k = k, .slots = 1 << 17};
    d.cache = calloc(d.slots, sizeof *d.cache);
    uint32_t *list = calloc(n, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = (uint32_t)i;
    for (size_t parts = 2; n >= 2;) {
        int reduced = 0;
        for (size_t i = 0; i < parts && !reduced; i++) {
            size_t from = n * i / parts, to = n * (i + 1) / parts;
            if (ddmin_fails(&d, list, n, from, to, 1)) {
                memmove(list, list + from, (to - from) * sizeof *list);
                n = to - from;
                parts = 2;
                reduced = 1;
            }
        }
        for (size_t i = 0; i < parts && !reduced; i++) {
            size_t from = n * i / parts, to = n * (i + 1) / parts;
            if (ddmin_fails(&d, list, n, from, to, 0)) {
                memmove(list + from, list + to, (n - to) * sizeof *list);
                n -= to - from;
                parts = parts > 2 ? parts - 1 : 2;
                reduced = 1;
            }
        }
        if (reduced)
            continue;
        if (parts >= n)
            break;
        parts = 2 * parts < n ? 2 * parts : n;
    }
    free(list);
    free(d.cache);
    free(is_needed);
    return d.tests;
}

/* --- ProbDD -------------------------------------------------------------------------------------------- */

/* Elements in a row that have the same chance to be needed. */
struct block {
    double chance;
    size_t first, n;
};

static int likelier_gone(const void *a, const void *b)
{
    const struct block *x = a, *y = b;
    if (x->chance != y->chance)
        return x->chance < y->chance ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static int holds(const struct block *b, const uint32_t *needed, size_t k)
{
    for (size_t i = 0; i < k; i++)
        if (needed[i] >= b->first && needed[i] < b->first + b->n)
            return 1;
    return 0;
}

size_t peer_probdd(size_t n, const uint32_t *needed, size_t k)
{
    size_t n_blocks = 1, tests = 0;
    struct block *blocks = calloc(n + 1, sizeof *blocks);
    blocks[0] = (struct block){n > 200 ? 10.0 / (double)n : 0.1, 0, n};
    for (;;) {
        qsort(blocks, n_blocks, sizeof *blocks, likelier_gone);
        if (n_blocks == 0 || blocks[0].chance > 1 - 1e-9)
            break;
        /* The elements least likely to be needed, as many as make the expected gain largest. */
        size_t size = 0, taken = 0;
        double none = 1;
        while (taken < n_blocks && blocks[taken].chance < 1 - 1e-9) {
            struct block *b = &blocks[taken];
            double best = (double)size * none;
            size_t most = 0, guess = 0;
            double peak = -1 / log(1 - b->chance) - (double)size;
            if (peak > 0)
                guess = peak < (double)b->n ? (size_t)peak : b->n;
            for (size_t t = guess > 0 ? guess - 1 : 0; t <= guess + 1 && t <= b->n; t++) {
                double gain = (double)(size + t) * none * pow(1 - b->chance, (double)t);
                if (gain > best) {
                    best = gain;
                    most = t;
                }
            }
            if (most == 0)
                break;
            if (most < b->n) {
                blocks[n_blocks++] = (struct block){b->chance, b->first + most, b->n - most};
                b = &blocks[taken];
                b->n = most;
            }
            size += most;
            none *= pow(1 - b->chance, (double)most);
            taken++;
            if (taken < n_blocks && blocks[n_blocks - 1].first == b->first + b->n &&
                blocks[n_blocks - 1].chance == b->chance)
                break; /* only a part of the block was worth it */
        }
        int contaminated = 0;
        for (size_t i = 0; i < taken; i++)
            contaminated = contaminated || holds(&blocks[i], needed, k);
        tests++;
        if (contaminated) {
            for (size_t i = 0; i < taken; i++)
                blocks[i].chance = fmin(1, blocks[i].chance / (1 - none));
        } else {
            memmove(blocks, blocks + taken, (n_blocks - taken) * sizeof *blocks);
            n_blocks -= taken;
        }
    }
    free(blocks);
    return tests;
}

/* --- FIC_BS -------------------------------------------------------------------------------------------- */

size_t peer_ficbs(size_t n, const uint32_t *needed, size_t k)
{
    size_t tests = 0;
    for (size_t found = 0, from = 0; from < n; found++) {
        tests++; /* all of the rest */
        if (found == k)
            break;
        /* The first needed one is in from..n-1. */
        size_t low = from, high = n - 1;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            tests++;
            if (needed[found] <= middle)
                high = middle;
            else
                low = middle + 1;
        }
        from = low + 1;
    }
    return tests;
}
