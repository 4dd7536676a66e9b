/* Everything next to M: what decides whether it is minimal, and other values for the report.
 *
 * A neighbour differs from M in one axis. The simpler ones decide: one that fails becomes M. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

/* To call M minimal is what the whole answer rests on: the chance that it is not is kept that much smaller
 * than that of a noisy line to end at the wrong place, which is found out here. */
#define SURER 10

#define MANY_ELEMENTS 8 /* of a set */

/* Other values are many, and one that passes makes a set of those that fail. */
#define BEYOND 0.0005

/* How many simpler values of a choice axis are tried besides the baseline's. */
uint64_t tl_simpler_choices(const struct tl_search *s, uint64_t value)
{
    uint64_t n = value - 1;
    return n < s->options.widen_most ? n : s->options.widen_most;
}

enum tl_search_progress tl_choices_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    if (tl_sets_step(s) == TL_PENDING)
        return TL_PENDING;
    for (size_t a = 0; a < s->n; a++) {
        if (tl_is_set(s, a) || s->space->axes[a].ordered || s->best[a] <= 1 ||
            z->choice_done[a] == s->best[a] || z->pinned[a])
            continue;
        bool pending = false;
        uint64_t simplest = s->best[a], n = tl_simpler_choices(s, s->best[a]);
        for (uint64_t v = 1; v <= n; v++) {
            enum tl_judgement j =
                tl_judge(s, tl_search_beside(s, a, v), 1, false, 0.05, TL_SEARCH_CHOICES, a, 0, 0);
            pending = pending || j == TL_JUDGE_PENDING;
            if (j == TL_JUDGE_FAIL && v < simplest)
                simplest = v;
        }
        if (pending)
            return TL_PENDING;
        tl_search_adopt(s, tl_search_beside(s, a, simplest));
        z->choice_done[a] = simplest;
    }
    return TL_DONE;
}

static void add_neighbour(struct tl_isolate_state *z, size_t axis, uint64_t value, bool simpler)
{
    *TL_GROW(z->neighbours, z->n_neighbours) = (struct tl_neighbour){axis, value, simpler};
}

/* The next simpler value that is not known to be impossible: what was in the way of another M need not be in
 * the way of this one. After a few that cannot be tried, the far side of the gap that the bisection found. */
static uint64_t next_below(struct tl_search *s, size_t axis)
{
    uint64_t v = s->best[axis], gap = s->isolate->gap_below[axis];
    for (uint64_t below = v - 1; below > 0; below--) {
        if (!tl_point_closed(tl_point_get(s, tl_search_beside(s, axis, below))))
            return below;
        if (gap < below && v - below >= 16)
            return gap;
        if (v - below >= 256)
            break;
    }
    return 0;
}

/* Whether a variant that fails is as simple as one that passes, or simpler, in every axis. */
static bool contradicts(const struct tl_search *s, const uint64_t *fails)
{
    for (size_t i = 0; i < s->n_buckets; i++) {
        for (const struct tl_point *p = s->buckets[i]; p != NULL; p = p->next) {
            bool simpler = p->told > 0 && tl_point_verdict(p) == TL_JUDGE_PASS;
            for (size_t a = 0; a < s->n && simpler; a++)
                simpler = fails[a] == p->index[a] || fails[a] == 0 ||
                          (s->space->axes[a].ordered && fails[a] < p->index[a]);
            if (simpler)
                return true;
        }
    }
    return false;
}

bool tl_every_value(const struct tl_search *s, size_t axis)
{
    return s->options.every_value && s->space->axes[axis].count <= s->options.widen_most &&
           !s->isolate->bands[axis].is_band && !s->isolate->pinned[axis];
}

/* Everything next to M that decides whether it is minimal, simplest first, and the other choices for the
 * report. */
void tl_neighbours_find(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    z->n_neighbours = 0;
    for (size_t a = 0; a < s->n; a++) {
        uint64_t v = s->best[a], count = s->space->axes[a].count;
        if (v == 0)
            continue;
        add_neighbour(z, a, 0, true);
        for (size_t i = 0; tl_is_set(s, a) && i < tl_set_neighbours(s, a, v); i++)
            add_neighbour(z, a, tl_set_remove(s, a, v, v, i), true);
        if (tl_is_set(s, a))
            continue;
        if (!s->space->axes[a].ordered) {
            uint64_t n = tl_simpler_choices(s, v);
            for (uint64_t i = 1; i <= n; i++)
                add_neighbour(z, a, i, true);
            for (uint64_t i = v + 1; i < count && i - v <= s->options.widen_most; i++)
                add_neighbour(z, a, i, false);
            continue;
        }
        uint64_t below = next_below(s, a);
        if (z->bands[a].is_band)
            below = z->bands[a].has_never ? z->bands[a].never.value : 0;
        if (below > 0 && below < v)
            add_neighbour(z, a, below, true);
        for (uint64_t i = 1; i < count && tl_every_value(s, a); i++)
            if (i != v && i != below)
                add_neighbour(z, a, i, false);
    }
}

/* How often a neighbour that has to pass is run, at least. The last value of an ordered axis stands for all
 * that are simpler. */
static uint32_t times(const struct tl_search *s, size_t i)
{
    const struct tl_isolate_state *z = s->isolate;
    const struct tl_neighbour *n = &z->neighbours[i];
    if (tl_is_set(s, n->axis) && tl_set_neighbours(s, n->axis, s->best[n->axis]) > MANY_ELEMENTS)
        return 1; /* each of them was taken away alone already, in the search for the set */
    bool ordered = s->space->axes[n->axis].ordered, edge = ordered && n->value > 0;
    bool last = ordered && (i + 1 == z->n_neighbours || z->neighbours[i + 1].axis != n->axis);
    uint32_t runs = s->options.neighbour_runs + (edge ? TL_EXACT_PASSES : last);
    if (edge && z->bands[n->axis].is_band && runs < s->options.band_runs)
        runs = s->options.band_runs;
    return runs;
}

void tl_neighbours_try(struct tl_search *s, struct tl_neighbours_tried *t)
{
    struct tl_isolate_state *z = s->isolate;
    double alpha = (1 - s->options.confidence) / SURER / (double)(t->simpler > 0 ? t->simpler : 1);
    for (size_t i = 0; i < z->n_neighbours; i++) {
        const struct tl_neighbour *n = &z->neighbours[i];
        if (t->once && !n->simpler && !(t->choices && !s->space->axes[n->axis].ordered))
            continue;
        const uint64_t *index = tl_search_beside(s, n->axis, n->value);
        uint32_t runs = n->simpler && !t->once ? times(s, i) : 1;
        enum tl_judgement j = tl_judge(s, index, runs, true, n->simpler ? alpha : BEYOND,
                                       n->simpler ? TL_SEARCH_NEIGHBOUR : TL_SEARCH_WIDEN, n->axis, 0, 0);
        t->pending = t->pending || j == TL_JUDGE_PENDING;
        /* A value further below that fails after all is simpler, too. */
        if (!n->simpler && (j != TL_JUDGE_FAIL || n->value > s->best[n->axis]))
            continue;
        /* A pinned axis stays, whatever its simpler values show at other places. */
        if (j == TL_JUDGE_FAIL && z->pinned[n->axis] && tl_point_get(s, index)->exact == 0)
            j = TL_JUDGE_OTHER;
        if (j == TL_JUDGE_FAIL && t->failed == NULL) {
            t->failed = tl_index_copy(s, index);
            t->failed_at = n;
        }
        if (j == TL_JUDGE_UNRESOLVED && n->value == 0)
            t->tied[n->axis] = t->any_tied = true;
        if (!n->simpler)
            continue;
        t->resolved += j != TL_JUDGE_UNRESOLVED && j != TL_JUDGE_PENDING;
    }
}

/* A neighbour fails after all. */
void tl_neighbour_take(struct tl_search *s, const struct tl_neighbours_tried *t)
{
    struct tl_search_band *b = &s->isolate->bands[t->failed_at->axis];
    if (t->failed_at->value > 0 && tl_counted_axis(s, t->failed_at->axis)) {
        ; /* the edges follow from what it counted */
    } else if (t->failed_at->value > 0 && b->is_band) {
        /* The band reaches further down than was measured. */
        uint64_t more = (b->always.value - b->never.value) / 4 + 1;
        b->never.value = b->never.value > more ? b->never.value - more : 0;
    } else {
        if (!s->noisy && contradicts(s, t->failed))
            tl_search_note(s, TL_NOTE_NON_MONOTONE);
        tl_search_adopt(s, t->failed);
    }
    tl_isolate_again(s);
}
