/* Pairwise covering arrays, for a sweep of a space in which no failing variant is known.
 *
 * A covering array of strength two is a list of variants, its rows, in which every pair of values of every
 * two axes stands in at least one row. Most failures need one or two particular values, and each of those is
 * met by such a list, whose length grows with the product of the two longest axes and only with the
 * logarithm of the number of axes.
 *
 * To find the shortest one is hard, so it is built greedily, in the way of AETG [1], a row at a time. A row
 * starts from a pair that is not covered yet. The other axes follow in random order, each with the value
 * that covers most new pairs together with those that are set. Of several such candidates the one with the
 * most new pairs is taken.
 *
 * The constraint of the space can only be asked about whole variants. A candidate that it forbids is
 * repaired by random changes outside the pair from which it started. A pair for which nothing helps is tried
 * once more, with all else simplest and then at random, and is counted as impossible after that; it is
 * likely to be so, but that is not proved.
 *
 * [1] D. M. Cohen, S. R. Dalal, M. L. Fredman, G. C. Patton: The AETG system: an approach to testing based
 *     on combinatorial design. IEEE TSE 23(7), 1997. */
#include "harness/search/covering.h"

#include "harness/base/buffer.h"
#include "harness/search/internal.h"

#include <stdlib.h>
#include <string.h>

#define CANDIDATES 12
#define REPAIRS 200
#define LAST_TRIES 2000

struct work {
    const struct tl_search_space *space;
    size_t n;
    size_t *first; /* of the pair of axes i < j at i * n + j: its first pair of values */
    size_t total;
    bool *covered;
    uint64_t random;
    uint64_t *row, *best;
    bool *assigned;
    size_t *order;
};

static uint64_t draw(struct work *w, uint64_t below)
{
    return tl_random_below(&w->random, below);
}

static bool *pair(const struct work *w, size_t i, uint64_t vi, size_t j, uint64_t vj)
{
    if (i > j)
        return pair(w, j, vj, i, vi);
    return &w->covered[w->first[i * w->n + j] + vi * w->space->axes[j].count + vj];
}

static bool forbidden(const struct work *w, const uint64_t *row)
{
    return w->space->forbidden != NULL && w->space->forbidden(w->space->context, row);
}

/* How many pairs of the axis with those that are assigned would be new. */
static size_t gain(const struct work *w, size_t axis, uint64_t value)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        if (i != axis && w->assigned[i])
            n += !*pair(w, i, w->row[i], axis, value);
    return n;
}

static size_t row_gain(const struct work *w, const uint64_t *row)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        for (size_t j = i + 1; j < w->n; j++)
            n += !*pair(w, i, row[i], j, row[j]);
    return n;
}

static bool repair(struct work *w, size_t a, size_t b)
{
    for (int tries = 0; forbidden(w, w->row); tries++) {
        if (tries == REPAIRS || w->n <= 2)
            return false;
        size_t axis = draw(w, w->n);
        if (axis == a || axis == b)
            continue;
        w->row[axis] = draw(w, w->space->axes[axis].count);
    }
    return true;
}

/* A row with a pair of values, into w->row; false when the constraint seems to forbid all. */
static bool candidate(struct work *w, size_t a, uint64_t va, size_t b, uint64_t vb)
{
    memset(w->assigned, 0, w->n * sizeof *w->assigned);
    w->row[a] = va;
    w->row[b] = vb;
    w->assigned[a] = w->assigned[b] = true;
    for (size_t i = 0; i < w->n; i++)
        w->order[i] = i;
    for (size_t i = w->n; i > 1; i--) {
        size_t j = draw(w, i), swap = w->order[i - 1];
        w->order[i - 1] = w->order[j];
        w->order[j] = swap;
    }
    for (size_t i = 0; i < w->n; i++) {
        size_t axis = w->order[i];
        if (w->assigned[axis])
            continue;
        uint64_t count = w->space->axes[axis].count, start = draw(w, count), value = start;
        size_t most = gain(w, axis, start);
        for (uint64_t k = 1; k < count; k++) {
            size_t g = gain(w, axis, (start + k) % count);
            if (g > most) {
                most = g;
                value = (start + k) % count;
            }
        }
        w->row[axis] = value;
        w->assigned[axis] = true;
    }
    return repair(w, a, b);
}

/* The last attempts for a pair: everything else simplest, then at random. */
static bool last_try(struct work *w, size_t a, uint64_t va, size_t b, uint64_t vb)
{
    for (int tries = 0; tries < LAST_TRIES; tries++) {
        for (size_t i = 0; i < w->n; i++)
            w->row[i] = tries == 0 ? 0 : draw(w, w->space->axes[i].count);
        w->row[a] = va;
        w->row[b] = vb;
        if (!forbidden(w, w->row))
            return true;
    }
    return false;
}

static void take(struct work *w, struct tl_covering *c, const uint64_t *row)
{
    c->rows = tl_realloc(c->rows, c->n_rows + 1, sizeof *c->rows);
    uint64_t *copy = tl_calloc(w->n + 1, sizeof *copy);
    memcpy(copy, row, w->n * sizeof *copy);
    c->rows[c->n_rows++] = copy;
    for (size_t i = 0; i < w->n; i++) {
        for (size_t j = i + 1; j < w->n; j++) {
            bool *p = pair(w, i, row[i], j, row[j]);
            c->pairs += !*p;
            *p = true;
        }
    }
}

static void cover(struct work *w, struct tl_covering *c, size_t a, uint64_t va, size_t b, uint64_t vb)
{
    size_t most = 0;
    for (int i = 0; i < CANDIDATES; i++) {
        if (!candidate(w, a, va, b, vb))
            continue;
        size_t g = row_gain(w, w->row);
        if (g > most) {
            most = g;
            memcpy(w->best, w->row, w->n * sizeof *w->row);
        }
    }
    if (most == 0 && last_try(w, a, va, b, vb)) {
        most = 1;
        memcpy(w->best, w->row, w->n * sizeof *w->row);
    }
    if (most > 0) {
        take(w, c, w->best);
    } else {
        *pair(w, a, va, b, vb) = true;
        c->impossible++;
    }
}

/* Fewer than two axes have no pairs: every value of the only one. */
static void cover_single(struct work *w, struct tl_covering *c)
{
    for (uint64_t v = 0; w->n == 1 && v < w->space->axes[0].count; v++) {
        w->row[0] = v;
        if (!forbidden(w, w->row))
            take(w, c, w->row);
    }
}

int tl_covering_pairs(const struct tl_search_space *space, uint64_t seed, struct tl_covering *c)
{
    *c = (struct tl_covering){0};
    size_t n = space->n_axes;
    const uint64_t most = (uint64_t)1 << 24;
    struct work w = {.space = space, .n = n, .random = seed};
    w.first = tl_calloc(n * n + 1, sizeof *w.first);
    bool fits = true;
    for (size_t i = 0; i < n; i++)
        fits = fits && space->axes[i].count > 0 && space->axes[i].count <= most;
    for (size_t i = 0; i < n && fits; i++) {
        for (size_t j = i + 1; j < n && fits; j++) {
            w.first[i * n + j] = w.total;
            uint64_t pairs = space->axes[i].count * space->axes[j].count;
            fits = pairs <= most && w.total + pairs <= most;
            w.total += (size_t)pairs;
        }
    }
    if (!fits) {
        free(w.first);
        return -1;
    }
    w.covered = tl_calloc(w.total + 1, sizeof *w.covered);
    w.row = tl_calloc(n + 1, sizeof *w.row);
    w.best = tl_calloc(n + 1, sizeof *w.best);
    w.assigned = tl_calloc(n + 1, sizeof *w.assigned);
    w.order = tl_calloc(n + 1, sizeof *w.order);
    cover_single(&w, c);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            for (uint64_t vi = 0; vi < space->axes[i].count; vi++)
                for (uint64_t vj = 0; vj < space->axes[j].count; vj++)
                    if (!*pair(&w, i, vi, j, vj))
                        cover(&w, c, i, vi, j, vj);
    free(w.first);
    free(w.covered);
    free(w.row);
    free(w.best);
    free(w.assigned);
    free(w.order);
    return 0;
}

void tl_covering_free(struct tl_covering *c)
{
    for (size_t i = 0; i < c->n_rows; i++)
        free(c->rows[i]);
    free(c->rows);
    *c = (struct tl_covering){0};
}
