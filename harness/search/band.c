/* Thresholds that are not sharp.
 *
 * A failure may fail always far from its threshold and ever more seldom near it (memory pressure, races). A
 * bisection ends somewhere on that slope, at a value that another run would not give. So when the search is
 * noisy, every ordered axis that is needed is measured at M's value and at F's. If F's fails significantly
 * more often (Fisher's exact test), it is a band, and its two edges are bisected: the first value that fails
 * as often as F does, and the last one that never failed. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIGNIFICANT 0.002

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
    memcpy(s->scratch, s->best, s->n * sizeof *s->scratch);
    s->scratch[axis] = value;
    return tl_want(s, s->scratch, runs, false, TL_SEARCH_BAND, axis, 0, 0);
}

/* Runs a value until it is clear whether it fails as rarely as `never` (0 of runs), or as often as F. */
static int classify(struct tl_search *s, uint64_t value, bool lower, bool *result)
{
    size_t a = s->isolate->band_axis;
    const struct tl_point *f = measure(s, a, s->failing[a], s->options.band_runs);
    bool always = f != NULL && f->seen[TL_SEARCH_MATCH] == f->told;
    memcpy(s->scratch, s->best, s->n * sizeof *s->scratch);
    s->scratch[a] = value;
    const struct tl_point *known = tl_point_get(s, s->scratch);
    uint32_t told = known->told, failed = known->seen[TL_SEARCH_MATCH];
    if (lower && failed > 0) {
        *result = true;
        return 0;
    }
    if (!lower && always && failed < told) {
        *result = false;
        return 0;
    }
    if (tl_point_closed(known)) {
        *result = false;
        return 0;
    }
    if (told < s->options.band_runs) {
        uint32_t n = told + 4 < s->options.band_runs ? told + 4 : s->options.band_runs;
        measure(s, a, value, n);
        return -1;
    }
    *result =
        lower ? failed > 0 : f != NULL && fisher(failed, told, f->seen[TL_SEARCH_MATCH], f->told) > 0.05;
    return 0;
}

static struct tl_search_rate rate_at(struct tl_search *s, size_t axis, uint64_t value)
{
    memcpy(s->scratch, s->best, s->n * sizeof *s->scratch);
    s->scratch[axis] = value;
    const struct tl_point *p = tl_point_get(s, s->scratch);
    return (struct tl_search_rate){value, p->seen[TL_SEARCH_MATCH], p->told};
}

static int by_value(const void *a, const void *b)
{
    const struct tl_search_rate *x = a, *y = b;
    return x->value < y->value ? -1 : x->value > y->value;
}

/* Everything that was measured along the axis, all else as in M. */
static void keep_samples(struct tl_search *s, size_t axis)
{
    struct tl_search_band *b = &s->isolate->bands[axis];
    for (size_t i = 0; i < s->n_buckets; i++) {
        for (const struct tl_point *p = s->buckets[i]; p != NULL; p = p->next) {
            bool same = p->told > 0 && !tl_point_closed(p);
            for (size_t j = 0; j < s->n && same; j++)
                same = j == axis || p->index[j] == s->best[j];
            if (!same)
                continue;
            b->samples = tl_realloc(b->samples, b->n_samples + 1, sizeof *b->samples);
            b->samples[b->n_samples++] =
                (struct tl_search_rate){p->index[axis], p->seen[TL_SEARCH_MATCH], p->told};
        }
    }
    qsort(b->samples, b->n_samples, sizeof *b->samples, by_value);
}

static void keep(struct tl_search *s)
{
    struct tl_isolate *z = s->isolate;
    size_t a = z->band_axis;
    struct tl_search_band *b = &z->bands[a];
    keep_samples(s, a);
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

enum tl_progress tl_band_step(struct tl_search *s, bool *found)
{
    struct tl_isolate *z = s->isolate;
    *found = false;
    if (!s->noisy)
        return TL_DONE;
    for (;;) {
        size_t a = z->band_axis;
        bool result;
        switch (z->band_state) {
        case 0: /* the next axis to look at */
            for (a = 0; a < s->n; a++)
                if (s->space->axes[a].ordered && s->best[a] != 0 && s->best[a] < s->failing[a] &&
                    !z->bands[a].is_band && z->band_checked[a] != s->best[a])
                    break;
            if (a == s->n)
                return TL_DONE;
            z->band_axis = a;
            z->band_state = 1;
            break;
        case 1: { /* does F's value fail more often than M's? */
            uint32_t n = s->options.band_runs;
            for (;; n *= 2) {
                const struct tl_point *m = measure(s, a, s->best[a], n);
                const struct tl_point *f = measure(s, a, s->failing[a], n);
                if (m == NULL || f == NULL)
                    return TL_PENDING;
                double p = fisher(m->seen[TL_SEARCH_MATCH], m->told, f->seen[TL_SEARCH_MATCH], f->told);
                if (p <= SIGNIFICANT) {
                    z->band_low = s->best[a];
                    z->band_high = s->failing[a];
                    z->band_state = 2;
                    break;
                }
                if (p > 0.2 || n >= 4 * s->options.band_runs || tl_point_closed(m) || tl_point_closed(f)) {
                    z->band_checked[a] = s->best[a];
                    z->band_state = 0;
                    break;
                }
            }
            break;
        }
        case 2: /* the upper edge: band_low fails too seldom, band_high as often as F */
        case 3: /* the lower edge: band_low never fails, band_high was seen to */
            if (z->band_high - z->band_low <= (z->band_state == 2 ? 1u : 0u)) {
                if (z->band_state == 2) {
                    z->band_upper = z->band_high;
                    z->band_low = 0;
                    z->band_high = s->best[a];
                    z->band_state = 3;
                    break;
                }
                keep(s);
                z->band_state = 0;
                *found = true;
                /* M is now at a value where it fails as often as F does; what was found on the slope is open
                 * again. */
                s->noisy =
                    tl_point_get(s, s->failing)->seen[TL_SEARCH_MATCH] < tl_point_get(s, s->failing)->told;
                return TL_DONE;
            }
            uint64_t mid = z->band_low + (z->band_high - z->band_low) / 2;
            if (classify(s, mid, z->band_state == 3, &result) != 0)
                return TL_PENDING;
            if (result)
                z->band_high = mid;
            else
                z->band_low = z->band_state == 2 ? mid : mid + 1;
            break;
        }
    }
}
