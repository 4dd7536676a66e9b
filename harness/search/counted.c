/* What trials counted, as evidence about all values of an axis.
 *
 * A model that is run a thousand times and dies at the 147th says more than that a thousand are too many: with 147 it
 * would have died as well, and with 146 it would have passed. Where an axis sets what trials count, a trial that
 * failed thus answers for every value, and one that passed for every value below its own. Each such answer is put to
 * every variant that differs in this axis only, as if that had been run: no figure about a value knows less than all
 * trials tell about it.
 *
 * The trials of one variant are then a sample of the place T at which it dies, in some of them censored: one that passed
 * with N says that T is above N. The rate at a value x is P(T <= x), of which k of n is the empirical distribution
 * function [1]. Two values of it follow from the sample alone: no trial failed below its least element, and all failed
 * from the greatest one on (from the value after the last one that passed, where that is greater). These are the edges,
 * they are made anew from all trials whenever they are looked at, and so no trial contradicts them. Where F itself
 * passes at times no value always fails; the upper edge is the greatest element then, from which on the rate is F's.
 *
 * That an edge is an extreme of the very sample that is counted beside it does not weaken what the count says. The rate
 * just below the least of n elements exceeds p only if all n lie above the place where it reaches p, which has a chance
 * of (1 - p)^n at most; and likewise above the greatest. With 21 trials, and a confidence of 99 %, fewer than one in five
 * further ones fall outside of an edge [2]. It holds for each edge. The counts at other values come from the same trials
 * and depend on each other: their curve is monotone by itself, and is no more certain for being at many values.
 *
 * So nothing is bisected. F's value is run, which tells of all values below it: three times, and where it died at
 * different places 21 times. M is the upper edge and is confirmed by trials of its own. One of those that passes moves the
 * edge: M goes after it, once some more have been run with F's value, so that it does not creep.
 *
 * A trial that died at c with N tells of a value above N as well, and one that passed with N does not. Between the edges
 * this makes the rate seem greater where many trials were run with smaller values; few are, as those that measure are
 * F's.
 *
 * [1] E. L. Kaplan, P. Meier: Nonparametric estimation from incomplete observations. J. Am. Stat. Assoc. 53, 1958.
 * [2] S. S. Wilks: Determination of sample sizes for setting tolerance limits. Ann. Math. Stat. 12(1), 1941. */
#include "harness/search/internal.h"

#include <stdlib.h>
#include <string.h>

/* The share of further trials that may fall outside of an edge. */
#define OUTSIDE 0.2
/* More runs with F's value for each time that the edge moved. */
#define MORE 8
/* Values between the edges at which the rate is reported. */
#define BETWEEN 7

bool tl_counted_axis(struct tl_search *s, size_t axis)
{
    const struct tl_isolate_state *z = s->isolate;
    return s->options.counted && z != NULL && axis == s->options.counted_axis && s->best[axis] != 0 &&
           s->best[axis] <= s->failing[axis] && !z->bands[axis].moves && !z->pinned[axis] &&
           tl_counted_row(s, s->best) && tl_counted_far(s, s->best) != NULL;
}

struct edges {
    uint64_t first;  /* value at which one failed */
    uint64_t always; /* from here on all failed, or as many as with F's value */
    bool passes;     /* with F's value, at times */
};

/* By all trials beside M. */
static struct edges edges_of(struct tl_search *s)
{
    size_t a = s->options.counted_axis;
    struct edges e = {.first = UINT64_MAX};
    uint64_t last = 0, after_pass = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        const struct tl_search_run *run = &s->runs[i];
        if (!run->told || run->purpose == TL_SEARCH_JUDGE ||
            !tl_counted_beside(s, run->point->index, s->best))
            continue;
        uint64_t own = run->point->index[a], from = run->counts ? run->from : own;
        if (run->outcome == TL_SEARCH_MATCH) {
            e.first = from < e.first ? from : e.first;
            last = run->counts && from > last ? from : last;
        } else if (run->outcome == TL_SEARCH_PASS || run->outcome == TL_SEARCH_OTHER) {
            after_pass = own + 1 > after_pass ? own + 1 : after_pass;
        }
    }
    e.passes = after_pass > s->failing[a];
    e.always = e.passes || last > after_pass ? last : after_pass;
    while (e.always < s->failing[a] && tl_point_closed(tl_point_get(s, tl_search_beside(s, a, e.always))))
        e.always++;
    return e;
}

/* The last value that can be tried below the first that failed. */
static bool last_never(struct tl_search *s, const struct edges *e, uint64_t *value)
{
    size_t a = s->options.counted_axis;
    for (uint64_t below = e->first; below > 0; below--)
        if (!tl_point_closed(tl_point_get(s, tl_search_beside(s, a, below - 1)))) {
            *value = below - 1;
            return true;
        }
    return false;
}

static struct tl_search_rate rate_at(struct tl_search *s, uint64_t value)
{
    const struct tl_point *p = tl_point_get(s, tl_search_beside(s, s->options.counted_axis, value));
    return (struct tl_search_rate){value, p->seen[TL_SEARCH_MATCH], p->told};
}

static void keep(struct tl_search *s, const struct edges *e)
{
    size_t a = s->options.counted_axis;
    struct tl_search_band *b = &s->isolate->bands[a];
    uint64_t never = 0;
    b->is_band = e->first < e->always;
    b->uneven = false;
    if (!b->is_band)
        return;
    b->has_never = last_never(s, e, &never);
    b->never = b->has_never ? rate_at(s, never) : (struct tl_search_rate){0};
    b->always = rate_at(s, e->always);
    tl_search_note(s, TL_NOTE_BAND);
    tl_search_note(s, TL_NOTE_FLAKY);
}

enum tl_search_progress tl_counted_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    size_t a = s->options.counted_axis;
    if (!s->options.counted || !tl_counted_axis(s, a))
        return TL_DONE;
    uint32_t runs = s->noisy ? s->options.band_runs : s->options.reproduce_runs;
    struct edges e = edges_of(s);
    if (e.first < e.always || (s->noisy && e.passes)) {
        uint32_t sample = tl_passes_at(OUTSIDE, 1 - s->options.confidence) + MORE * z->counted_moves;
        runs = sample > runs ? sample : runs;
    }
    const uint64_t *far = tl_search_beside(s, a, s->failing[a]);
    const struct tl_point *f = tl_want(s, far, runs, false, TL_SEARCH_BAND, a, 0, 0);
    if (f == NULL)
        return TL_PENDING;
    struct edges now = edges_of(s);
    if (now.first < now.always && !(e.first < e.always))
        return tl_counted_step(s); /* a band, as it turns out: it takes more of them */
    bool known = z->bands[a].is_band;
    keep(s, &now);
    if (z->threshold_done[a] != 0 && now.always != s->best[a])
        z->counted_moves++;
    z->threshold_done[a] = now.always;
    z->gap_below[a] = UINT64_MAX;
    tl_search_adopt(s, tl_search_beside(s, a, now.always));
    /* M is at a value where it fails as often as F does. Should something else be flaky, that shows again. */
    if (z->bands[a].is_band && !known && !now.passes)
        s->noisy = tl_point_get(s, s->failing)->seen[TL_SEARCH_MATCH] < tl_point_get(s, s->failing)->told;
    return TL_DONE;
}

bool tl_counted_contradicted(struct tl_search *s)
{
    size_t a = s->options.counted_axis;
    if (!s->options.counted || !tl_counted_axis(s, a) || s->isolate->threshold_done[a] == 0)
        return false;
    return edges_of(s).always != s->best[a];
}

bool tl_counted_between(struct tl_search *s, const struct tl_point *p)
{
    size_t a = s->options.counted_axis;
    if (!s->options.counted || !tl_counted_axis(s, a) || !tl_counted_beside(s, p->index, s->best))
        return false;
    return p->index[a] < edges_of(s).always;
}

void tl_counted_report(struct tl_search *s)
{
    size_t a = s->options.counted_axis;
    if (!s->options.counted || !s->done || !tl_counted_axis(s, a))
        return;
    struct tl_search_band *b = &s->isolate->bands[a];
    struct edges e = edges_of(s);
    keep(s, &e);
    if (!b->is_band)
        return;
    uint64_t width = e.always - e.first, most = BETWEEN;
    for (uint64_t i = 0; i < most; i++)
        tl_point_get(s,
                     tl_search_beside(s, a, e.first + (uint64_t)((double)width * (double)i / (double)most)));
    tl_search_samples(s, a);
}
