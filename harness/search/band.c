/* Thresholds that are not sharp: is it a band, and where are its two edges?
 *
 * A failure may happen always far from its threshold and ever more seldom towards it (memory pressure,
 * races). Along the axis the rate then is a monotone curve that climbs over a range of values, and not a
 * step. A bisection ends somewhere on that slope, at a value that another search would not find again. So
 * when the search is noisy, no value counts as a threshold until it was shown to fail as often as F's value
 * does.
 *
 * For that M's value and F's are run side by side, all else as in M, until one of two things is shown.
 * Either M's rate is lower, by Fisher's exact test [1]: the threshold is a band. Or it is not much lower,
 * which is a test of non-inferiority: the lower limit, with 99 %, of the ratio of the two rates, from the
 * normal approximation of its logarithm [2], is above three quarters. The number of runs is doubled from
 * look to look. Every look is a chance to be wrong, so a look has a level of its own, 0.05 %, and only the
 * last one 0.3 % (5 % for values on the slope, which are run less often).
 *
 * The band's upper edge is the first value that fails as often as F's, the lower one is above the last value
 * that never failed. As the curve is monotone both can be bisected, each value being classified by its own
 * test. Most bands are much narrower than the range of the axis, so the bisection begins like an exponential
 * search [3]: from M outwards in steps that grow, as long as they are shorter than half of what is left.
 * Where F always fails a single pass puts a value on the slope, and the edges are found to the value. Where
 * it does not, an edge is the place where two rates can no longer be told apart, and it is found to a part
 * of the width.
 *
 * Where the failure hangs on what happens to lie in memory the rate may go up and down instead: it fails always
 * at one value, seldom at a larger one, and always again further on. A value at which it fails always may be an
 * island then, and another process would not fail there. So a threshold of a flaky failure beyond which some value
 * passes is a band too, an uneven one: it ends at the first value from which on all that was tried fails in every
 * run, with values in between tried for it.
 *
 * [1] R. A. Fisher: On the interpretation of chi-square from contingency tables, and the calculation of P.
 *     J. R. Statist. Soc. 85(1), 1922.
 * [2] D. Katz and others: Obtaining confidence intervals for the risk ratio in cohort studies. Biometrics
 *     34(3), 1978. Half a failure and half a run are added, so that a rate of none has a logarithm.
 * [3] J. L. Bentley, A. C. Yao: An almost optimal algorithm for unbounded searching. Inform. Process. Lett.
 *     5(3), 1976. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The chance to call one rate lower than another though they are equal: at each look, and at the last one. */
#define SIGNIFICANT 0.0005
#define SIGNIFICANT_LAST 0.003
/* Two rates are the same when, with 99 %, one is more than this part of the other. */
#define SAME_PART 0.75
#define MOST_RUNS 256
/* Values on the slope are run less often. */
#define MOST_SLOPE_RUNS 64
/* The edges of a band of flaky values are found to this part of its width. */
#define RESOLUTION 16

/* One-sided: the chance of at most k1 failures in the first n1 runs, were both rates the same. */
static double fisher(uint32_t k1, uint32_t n1, uint32_t k2, uint32_t n2)
{
    double sum = 0;
    uint32_t k = k1 + k2, n = n1 + n2;
    for (uint32_t i = 0; i <= k1; i++) {
        if (k - i > n2)
            continue;
        double l = lgamma(n1 + 1.0) - lgamma(i + 1.0) - lgamma(n1 - i + 1.0) + lgamma(n2 + 1.0) -
                   lgamma(k - i + 1.0) - lgamma(n2 - (k - i) + 1.0) - lgamma(n + 1.0) + lgamma(k + 1.0) +
                   lgamma(n - k + 1.0);
        sum += exp(l);
    }
    return sum;
}

static struct tl_point *measure(struct tl_search *s, size_t axis, uint64_t value, uint32_t runs)
{
    return tl_want(s, tl_search_beside(s, axis, value), runs, false, TL_SEARCH_BAND, axis, 0, 0);
}

static uint32_t matches(const struct tl_point *p)
{
    return p->seen[TL_SEARCH_MATCH];
}

static double rate_of(const struct tl_point *p)
{
    return (matches(p) + 0.5) / (p->told + 1.0);
}

/* How many runs of each of two rates tell whether they are the same: the rarer the failure, the more. */
static uint32_t most_runs(const struct tl_search *s, const struct tl_point *v, const struct tl_point *f)
{
    double rate = fmin(rate_of(v), rate_of(f)), n = 100 * (1 - rate) / rate;
    uint32_t least = s->options.band_runs, most = least > MOST_RUNS ? least : MOST_RUNS;
    return n < least ? least : n > most ? most : (uint32_t)n;
}

enum compared { COMPARE_PENDING, COMPARE_LOWER, COMPARE_SAME };

/* Does a value of the axis, all else as in M, fail more rarely than F's? */
static enum compared compare(struct tl_search *s, size_t axis, uint64_t value, bool slope)
{
    for (uint32_t n = s->options.band_runs;;) {
        const struct tl_point *f = measure(s, axis, s->failing[axis], n);
        const struct tl_point *v = measure(s, axis, value, n);
        if (f == NULL || v == NULL)
            return COMPARE_PENDING;
        if (v == f || tl_point_closed(f))
            return COMPARE_SAME;
        if (tl_point_closed(v))
            return COMPARE_LOWER;
        double p = fisher(matches(v), v->told, matches(f), f->told);
        if (p <= SIGNIFICANT)
            return COMPARE_LOWER;
        if (matches(v) == v->told && matches(f) == f->told)
            return COMPARE_SAME;
        double kv = matches(v) + 0.5, nv = v->told + 0.5, kf = matches(f) + 0.5, nf = f->told + 0.5;
        double deviation = sqrt(1 / kv - 1 / nv + 1 / kf - 1 / nf);
        if (log(kv / nv) - log(kf / nf) - 2.33 * deviation > log(SAME_PART))
            return COMPARE_SAME;
        uint32_t most = most_runs(s, v, f);
        if (slope && most > MOST_SLOPE_RUNS)
            most = MOST_SLOPE_RUNS;
        if (n >= most)
            return p <= (slope ? 0.05 : SIGNIFICANT_LAST) ? COMPARE_LOWER : COMPARE_SAME;
        n = 2 * n < most ? 2 * n : most;
    }
}

/* Is this value on the far side of the edge that is looked for? Of the upper one: it fails as often as F's.
 * Of the lower one: it fails at all. A value with a quarter of F's rate would be seen. */
static int classify(struct tl_search *s, uint64_t value, bool lower, bool *result)
{
    size_t a = s->isolate->band_axis;
    const struct tl_point *f = measure(s, a, s->failing[a], s->options.band_runs);
    if (f == NULL)
        return -1;
    const struct tl_point *known = tl_point_get(s, tl_search_beside(s, a, value));
    if (!lower && matches(f) == f->told && matches(known) < known->told) {
        *result = false;
        return 0;
    }
    if (!lower) {
        /* F fails always, as far as is known: one pass is enough to say that this value does not. */
        uint32_t portion = known->told + 4 < s->options.band_runs ? known->told + 4 : s->options.band_runs;
        if (matches(f) == f->told && !tl_point_closed(known) && measure(s, a, value, portion) == NULL)
            return -1;
        if (matches(f) == f->told && known->told < s->options.band_runs && !tl_point_closed(known))
            return classify(s, value, lower, result);
        enum compared c = compare(s, a, value, true);
        *result = c == COMPARE_SAME;
        return c == COMPARE_PENDING ? -1 : 0;
    }
    if (matches(known) > 0 || tl_point_closed(known)) {
        *result = matches(known) > 0;
        return 0;
    }
    uint32_t runs = tl_passes_at(rate_of(f) / 4, 0.01);
    runs = runs > MOST_SLOPE_RUNS ? MOST_SLOPE_RUNS : runs;
    runs = runs < s->options.band_runs ? s->options.band_runs : runs;
    if (known->told < runs) {
        measure(s, a, value, known->told + 4 < runs ? known->told + 4 : runs);
        return -1;
    }
    *result = false;
    return 0;
}

static struct tl_search_rate rate_at(struct tl_search *s, size_t axis, uint64_t value)
{
    const struct tl_point *p = tl_point_get(s, tl_search_beside(s, axis, value));
    return (struct tl_search_rate){value, matches(p), p->told};
}

static void keep(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    size_t a = z->band_axis;
    struct tl_search_band *b = &z->bands[a];
    tl_search_samples(s, a);
    b->is_band = true;
    b->always = rate_at(s, a, z->band_upper);
    b->has_never = z->band_high > 0;
    if (b->has_never)
        b->never = rate_at(s, a, z->band_high - 1);
    s->best[a] = z->band_upper;
    z->threshold_done[a] = z->band_upper;
    z->gap_below[a] = UINT64_MAX;
    tl_search_note(s, TL_NOTE_BAND);
}

/* How exactly the edge that is looked for is found. Where F always fails it is cheap to find it to the value;
 * else it is the place where two rates can no longer be told apart, and a part of the width will do. */
static uint64_t edge_width(struct tl_search *s)
{
    const struct tl_isolate_state *z = s->isolate;
    size_t a = z->band_axis;
    uint64_t least = z->band_state == TL_BAND_UPPER ? 1 : 0,
             upper = z->band_state == TL_BAND_UPPER ? z->band_high : z->band_upper;
    const struct tl_point *f = measure(s, a, s->failing[a], 0);
    uint64_t width = f == NULL || matches(f) == f->told ? 0 : (upper - s->best[a]) / RESOLUTION;
    return width > least ? width : least;
}

/* Whether M, at the upper edge of a band, passed after all, where F never did: the edge lies further up. */
static bool edge_is_above(struct tl_search *s, size_t axis)
{
    const struct tl_search_band *b = &s->isolate->bands[axis];
    if (!b->is_band || b->uneven || b->moves || s->best[axis] >= s->failing[axis] || tl_counted_axis(s, axis))
        return false;
    const struct tl_point *m = tl_point_get(s, s->best),
                          *f = tl_point_get(s, tl_search_beside(s, axis, s->failing[axis]));
    return f->told >= s->options.band_runs && matches(f) == f->told && matches(m) < m->told;
}

enum tl_search_progress tl_band_step(struct tl_search *s, bool *found)
{
    struct tl_isolate_state *z = s->isolate;
    *found = false;
    if (!s->noisy)
        return TL_DONE;
    for (;;) {
        size_t a = z->band_axis;
        bool result;
        switch (z->band_state) {
        case TL_BAND_NEXT:
            for (a = 0; a < s->n && !edge_is_above(s, a); a++)
                ;
            if (a < s->n) {
                z->band_axis = a;
                z->band_low = s->best[a];
                z->band_high = s->failing[a];
                z->band_step = 1;
                z->band_state = TL_BAND_UPPER;
                break;
            }
            for (a = 0; a < s->n; a++)
                if (s->space->axes[a].ordered && s->best[a] != 0 && s->best[a] < s->failing[a] &&
                    !z->bands[a].is_band && z->band_checked[a] != s->best[a] && !tl_counted_axis(s, a))
                    break;
            if (a == s->n)
                return TL_DONE;
            z->band_axis = a;
            z->band_state = TL_BAND_COMPARE;
            break;
        case TL_BAND_COMPARE:
            switch (compare(s, a, s->best[a], false)) {
            case COMPARE_PENDING:
                return TL_PENDING;
            case COMPARE_LOWER:
                z->band_low = s->best[a];
                z->band_high = s->failing[a];
                z->band_step = 1;
                z->band_state = TL_BAND_UPPER;
                break;
            case COMPARE_SAME:
                z->band_checked[a] = s->best[a];
                z->band_state = TL_BAND_NEXT;
                break;
            }
            break;
        case TL_BAND_UPPER:
        case TL_BAND_LOWER:
            if (z->band_high - z->band_low <= edge_width(s)) {
                if (z->band_state == TL_BAND_UPPER) {
                    z->band_upper = z->band_high;
                    z->band_low = 0;
                    z->band_high = s->best[a];
                    z->band_step = 1;
                    z->band_state = TL_BAND_LOWER;
                    break;
                }
                keep(s);
                z->band_state = TL_BAND_NEXT;
                *found = true;
                /* M is now at a value where it fails as often as F does; what was found on the slope is open
                 * again. */
                s->noisy =
                    tl_point_get(s, s->failing)->seen[TL_SEARCH_MATCH] < tl_point_get(s, s->failing)->told;
                return TL_DONE;
            }
            /* From M outwards in growing steps, which are cheap, as long as they are shorter than half of
             * what is left: most bands are much narrower than the range of the axis. */
            uint64_t half = (z->band_high - z->band_low) / 2, d = half;
            if (z->band_step < half)
                d = z->band_step;
            uint64_t mid = z->band_state == TL_BAND_LOWER && d < half ? z->band_high - d : z->band_low + d;
            if (classify(s, mid, z->band_state == TL_BAND_LOWER, &result) != 0)
                return TL_PENDING;
            if (result == (z->band_state == TL_BAND_LOWER))
                z->band_step *= 4;
            if (result)
                z->band_high = mid;
            else
                z->band_low = z->band_state == TL_BAND_UPPER ? mid : mid + 1;
            break;
        }
    }
}

/* ---- where the rate goes up and down ---- */

/* Whether a value fails in all of its runs, of which there have to be enough. */
static enum compared fails_surely(struct tl_search *s, size_t axis, uint64_t value, uint32_t runs)
{
    const struct tl_point *known = tl_point_get(s, tl_search_beside(s, axis, value));
    if (matches(known) < known->told || tl_point_closed(known))
        return COMPARE_LOWER;
    if (known->told >= runs)
        return COMPARE_SAME;
    uint32_t portion = known->told + 4 < runs ? known->told + 4 : runs;
    measure(s, axis, value, portion);
    return COMPARE_PENDING;
}

/* The largest value below F's that did not always fail. */
static uint64_t last_unsure(struct tl_search *s, size_t axis)
{
    size_t n;
    uint64_t last = s->best[axis];
    const struct tl_point **list = tl_search_along(s, axis, &n);
    for (size_t i = 0; i < n; i++) {
        uint64_t value = list[i]->index[axis];
        bool unsure = !tl_point_closed(list[i]) && matches(list[i]) < list[i]->told;
        if (unsure && value > last && value < s->failing[axis])
            last = value;
    }
    free(list);
    return last;
}

/* The smallest value that was tried above another one; F's, if there is none. */
static uint64_t next_tried(struct tl_search *s, size_t axis, uint64_t above)
{
    size_t n;
    uint64_t next = s->failing[axis];
    const struct tl_point **list = tl_search_along(s, axis, &n);
    for (size_t i = 0; i < n; i++) {
        uint64_t value = list[i]->index[axis];
        if (value > above && value < next && list[i]->told > 0 && !tl_point_closed(list[i]))
            next = value;
    }
    free(list);
    return next;
}

/* Values between the one that is to be handed on and F's that have to fail as well. */
#define BETWEEN 6

enum tl_search_progress tl_band_uneven(struct tl_search *s, size_t axis, bool *uneven)
{
    struct tl_isolate_state *z = s->isolate;
    struct tl_search_band *b = &z->bands[axis];
    uint64_t from, to = s->failing[axis];
    /* One of many values may pass by chance: it has to fail more seldom than F's. */
    enum compared at_counterexample = COMPARE_LOWER;
    if (z->counterexample[axis] > s->best[axis])
        at_counterexample = compare(s, axis, z->counterexample[axis], true);
    *uneven = at_counterexample == COMPARE_LOWER;
    if (at_counterexample != COMPARE_LOWER)
        return at_counterexample == COMPARE_PENDING ? TL_PENDING : TL_DONE;
    for (;;) {
        from = next_tried(s, axis, last_unsure(s, axis));
        if (from >= to)
            break;
        enum compared c = fails_surely(s, axis, from, s->options.band_runs);
        for (uint64_t i = 1; i < BETWEEN && c == COMPARE_SAME; i++)
            c = fails_surely(s, axis, from + (uint64_t)((double)(to - from) * (double)i / BETWEEN), 4);
        if (c == COMPARE_PENDING)
            return TL_PENDING;
        if (c == COMPARE_SAME)
            break;
    }
    if (measure(s, axis, from, s->options.band_runs) == NULL)
        return TL_PENDING;
    tl_search_samples(s, axis);
    b->is_band = b->uneven = true;
    b->has_never = s->best[axis] > 0;
    if (b->has_never)
        b->never = rate_at(s, axis, s->best[axis] - 1);
    b->always = rate_at(s, axis, from);
    s->best[axis] = from;
    z->threshold_done[axis] = from;
    z->gap_below[axis] = UINT64_MAX;
    tl_search_note(s, TL_NOTE_BAND);
    s->noisy = tl_point_get(s, s->failing)->seen[TL_SEARCH_MATCH] < tl_point_get(s, s->failing)->told;
    return TL_DONE;
}

void tl_band_move(struct tl_search *s, size_t axis, uint64_t value)
{
    struct tl_isolate_state *z = s->isolate;
    struct tl_search_band *b = &z->bands[axis];
    if (!b->is_band) {
        b->has_never = s->best[axis] > 0;
        if (b->has_never)
            b->never = rate_at(s, axis, s->best[axis] - 1);
    }
    free(b->samples);
    b->samples = NULL;
    b->n_samples = 0;
    b->is_band = b->moves = true;
    tl_search_samples(s, axis);
    b->always = rate_at(s, axis, value);
    s->best[axis] = value;
    z->threshold_done[axis] = value;
    z->gap_below[axis] = UINT64_MAX;
    z->moved[axis]++;
    tl_search_note(s, TL_NOTE_BAND);
}
