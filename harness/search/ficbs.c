/* FIC_BS: which axes are needed, by adaptive group testing.
 *
 * The axes in which M is away from the baseline stand in a row. A test resets a group of them, the first so
 * many that are not decided yet, and asks whether the failure is still there. In the words of group testing
 * [1] the needed axes are the defective items, and a group is contaminated when it holds one. For a failure
 * that is monotone there is a first axis whose reset makes the failure go away. It is needed, and those
 * before it are not. Then the same is done with what stands behind it, until resetting all that is left
 * leaves the failure in place. To search for that first axis by bisection is FIC_BS [2]: about log2 of what
 * is left for each needed axis, and one test to see that no more is needed; for k of n that is about k log2
 * n, where resetting one axis at a time takes n.
 *
 * Where the row is split next is said by group_testing.c: where the chance that the first part holds a needed axis is one
 * half, given how many were found so far. With few needed axes that comes to FIC_BS, its last test included; where
 * about a third or more turn out to be needed it comes to one axis at a time. A bound makes sure of the worst case,
 * whatever the prior of that is worth: never more than twice the tests of one at a time, and a few.
 *
 * In a noisy search the same posterior, as chances of the place of the first needed axis, is the prior of
 * the Bayesian search of noise.c.
 *
 * [1] R. Dorfman: The detection of defective members of large populations. Ann. Math. Statist. 14(4), 1943.
 * [2] Z. Zhang, J. Zhang: Characterizing failure-causing parameter interactions by adaptive testing. ISSTA
 *     2011. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

void tl_axes_reset(struct tl_axes_state *a)
{
    free(a->order);
    tl_group_free(&a->belief);
    free(a->values);
    tl_search_line_free(&a->line);
    *a = (struct tl_axes_state){0};
}

static void begin(struct tl_search *s)
{
    struct tl_axes_state *a = &s->isolate->axes;
    tl_axes_reset(a);
    a->order = tl_calloc(s->n + 1, sizeof *a->order);
    a->values = tl_index_copy(s, s->best);
    a->said = s->isolate->suspects;
    s->isolate->suspects = TL_SUSPECTS_OPEN; /* of M as it is now: later rows are others */
    /* Suspects that are useless keep their places, although M has them at their baseline already: so the row is split
     * where it would have been without them. */
    for (size_t i = 0; i < s->n; i++)
        if ((s->best[i] != 0 || (a->said == TL_SUSPECTS_USELESS && s->suspects[i] && s->failing[i] != 0)) &&
            !s->isolate->pinned[i])
            a->order[a->n++] = i;
    tl_group_init(&a->belief, a->n);
    uint64_t *zero = tl_calloc(s->n + 1, sizeof *zero);
    const struct tl_point *baseline = tl_point_get(s, zero);
    free(zero);
    a->contaminated =
        baseline->told > 0 && !tl_point_closed(baseline) && baseline->seen[TL_SEARCH_MATCH] == 0;
    for (size_t i = 0; i < s->n; i++)
        a->contaminated = a->contaminated && !s->isolate->pinned[i];
    a->limit = 2 * a->n + 2 * tl_log2_ceil(a->n) + 4;
    a->spent = s->search_trials;
    a->begun = true;
}

/* Positions of the line: the number of undecided axes that keep their value. It fails from t on, where t is
 * the place of the first needed axis, counted from the end; t = 0 when no more is needed. */
static uint64_t ideal(struct tl_search *s, void *context, const struct tl_search_line *line)
{
    struct tl_axes_state *a = context;
    size_t m = (size_t)line->tmax, most = (size_t)(line->tmax - line->tmin);
    if (s->search_trials - a->spent + m + 2 >= a->limit || a->said == TL_SUSPECTS_ENOUGH)
        return line->tmax - 1;
    tl_group_weigh(&a->belief, a->n, m, a->found);
    double none;
    return line->tmax - tl_group_split(&a->belief, line->tmin > 0 ? most + 1 : 0, &none);
}

static void make(struct tl_search *s, void *context, uint64_t position, uint64_t *index)
{
    const struct tl_axes_state *a = context;
    memcpy(index, s->best, s->n * sizeof *index);
    /* M changes while the line is searched, but only by what position says anyway. */
    for (size_t i = a->scanned; i < a->n; i++)
        index[a->order[i]] = a->n - i > position ? 0 : a->values[a->order[i]];
}

static void open_line(struct tl_search *s)
{
    struct tl_axes_state *a = &s->isolate->axes;
    size_t m = a->n - a->scanned;
    tl_search_line_init(s, &a->line, a->contaminated ? 1 : 0, m);
    if (s->noisy) {
        struct tl_rate_belief rates;
        tl_search_rates(s, &rates);
        double *prior = tl_calloc(m + 1, sizeof *prior);
        tl_group_weigh(&a->belief, a->n, m, a->found);
        if (!a->contaminated)
            prior[0] = tl_group_none(&a->belief, m);
        for (size_t j = 1; j <= m; j++)
            prior[m - j + 1] = tl_group_none(&a->belief, j - 1) - tl_group_none(&a->belief, j);
        tl_noise_free(&a->line.noise);
        tl_noise_init_prior(&a->line.noise, prior, m + 1, &rates);
        free(prior);
    }
    a->line_open = true;
}

/* Between a failure and a pass nothing can be tried: the axes in between one at a time. */
static enum tl_search_progress one_at_a_time(struct tl_search *s, size_t end)
{
    struct tl_axes_state *a = &s->isolate->axes;
    for (; a->scanned < end; a->scanned++) {
        size_t axis = a->order[a->scanned];
        const uint64_t *without = tl_search_beside(s, axis, 0);
        enum tl_judgement j = tl_judge(s, without, 1, false, 0.05, TL_SEARCH_AXES, axis, 1, a->n);
        if (j == TL_JUDGE_PENDING)
            return TL_PENDING;
        if (j == TL_JUDGE_FAIL) {
            tl_search_adopt(s, without);
        } else {
            a->found++;
        }
    }
    return TL_DONE;
}

enum tl_search_progress tl_axes_step(struct tl_search *s)
{
    struct tl_axes_state *a = &s->isolate->axes;
    if (!a->begun)
        begin(s);
    if (a->said == TL_SUSPECTS_ALL && tl_suspects_needed(s, a) == TL_PENDING)
        return TL_PENDING;
    struct tl_search_line_use use = {.make = make,
                                     .ideal = ideal,
                                     .passes = tl_suspects_pass,
                                     .context = a,
                                     .purpose = TL_SEARCH_AXES,
                                     .axis = TL_NO_AXIS};
    while (a->scanned < a->n) {
        if (!a->line_open)
            open_line(s);
        if (!a->line.gap || a->line.tmin == a->line.tmax) {
            if (tl_search_line_step(s, &a->line, &use) == TL_PENDING)
                return TL_PENDING;
        }
        if (a->line.gap && a->line.tmin < a->line.tmax) {
            /* Axes up to the failing position are not needed; those up to the passing one have to be looked
             * at. */
            size_t end = a->n - (size_t)(a->line.tmin > 0 ? a->line.tmin - 1 : 0);
            if (a->scanned < a->n - (size_t)a->line.tmax)
                a->scanned = a->n - (size_t)a->line.tmax;
            if (one_at_a_time(s, end) == TL_PENDING)
                return TL_PENDING;
        } else {
            size_t t = (size_t)a->line.tmax;
            a->scanned = a->n - t;
            if (t > 0) {
                a->scanned++;
                a->found++;
            }
        }
        tl_search_line_free(&a->line);
        a->line_open = false;
        a->contaminated = false;
    }
    return TL_DONE;
}

uint64_t tl_axes_left(const struct tl_search *s)
{
    const struct tl_axes_state *a = &s->isolate->axes;
    if (!a->begun) {
        uint64_t n = 0;
        for (size_t i = 0; i < s->n; i++)
            n += s->best[i] != 0;
        return 2 * n + 2 * tl_log2_ceil(n) + 4;
    }
    uint64_t spent = s->search_trials - a->spent;
    return spent < a->limit ? a->limit - spent : 0;
}
