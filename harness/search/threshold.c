/* Thresholds on a line of positions: bisection, and the Bayesian search of noise.c when the failure is
 * flaky.
 *
 * A line has positions of which those from an unknown t on fail. It serves for the values of an ordered
 * axis, for the rows of axes in ficbs.c and for the columns of frontier.c, which differ only in the variant
 * that a position stands for and in where they want it split.
 *
 * Bisection keeps tmin <= t <= tmax, where tmax was seen to fail, and tries a position in between until the
 * two meet: log2 of the length. Every position that fails is adopted as M, so what is found is good even
 * when the search ends in the middle of it.
 *
 * A position that cannot be tried says nothing about either side. The closest one that can be is taken
 * instead. When none is left between the last pass and the first failure, t is known but for a gap, and the
 * line is through. It is also through after a number of positions that turned out to be untryable: each of
 * them costs a trial.
 *
 * A device that runs several trials at once would idle in a bisection, where each split depends on the one
 * before. So the splits that may follow are asked for along with it, a tree of them, breadth first
 * (speculative bisection): a batch of 2^d - 1 trials advances d splits. It takes more trials and less time,
 * and decides the same. */
#include "harness/search/internal.h"

#include <string.h>

void tl_search_line_init(struct tl_search *s, struct tl_search_line *line, uint64_t tmin, uint64_t tmax)
{
    *line = (struct tl_search_line){.tmin = tmin, .tmax = tmax, .noisy = s->noisy};
    if (line->noisy) {
        struct tl_rate_belief rates;
        tl_search_rates(s, &rates);
        tl_noise_init(&line->noise, tmin, tmax, &rates);
    }
}

void tl_search_line_free(struct tl_search_line *line)
{
    tl_noise_free(&line->noise);
}

static void make(struct tl_search *s, const struct tl_search_line_use *use, uint64_t position)
{
    use->make(s, use->context, position, s->scratch);
}

static bool open_at(struct tl_search *s, const struct tl_search_line *line,
                    const struct tl_search_line_use *use, uint64_t position)
{
    for (size_t i = 0; i < line->n_blocked; i++)
        if (line->blocked[i] == position)
            return false;
    make(s, use, position);
    return !tl_point_closed(tl_point_get(s, s->scratch));
}

/* The position in [least, most] that is nearest to ideal and can be tried. Looks at every one nearby, and
 * further off at ever larger distances. */
static bool nearest(struct tl_search *s, const struct tl_search_line *line,
                    const struct tl_search_line_use *use, uint64_t least, uint64_t most, uint64_t ideal,
                    uint64_t *position)
{
    ideal = ideal < least ? least : ideal > most ? most : ideal;
    uint64_t below = ideal - least, above = most - ideal;
    for (uint64_t d = 0; d <= below || d <= above;) {
        if (d <= below && open_at(s, line, use, ideal - d)) {
            *position = ideal - d;
            return true;
        }
        if (d > 0 && d <= above && open_at(s, line, use, ideal + d)) {
            *position = ideal + d;
            return true;
        }
        if (d < 256)
            d++;
        else if (d > UINT64_MAX / 2)
            break;
        else
            d += d / 8;
    }
    return false;
}

static uint64_t ideal_of(struct tl_search *s, const struct tl_search_line *line,
                         const struct tl_search_line_use *use)
{
    if (use->ideal != NULL)
        return use->ideal(s, use->context, line);
    return line->tmin + (line->tmax - 1 - line->tmin) / 2;
}

static void block(struct tl_search_line *line, uint64_t position)
{
    size_t kept = 0;
    for (size_t i = 0; i < line->n_blocked; i++)
        if (line->blocked[i] >= line->tmin && line->blocked[i] < line->tmax)
            line->blocked[kept++] = line->blocked[i];
    line->n_blocked = kept;
    if (kept < TL_LINE_BLOCKED)
        line->blocked[line->n_blocked++] = position;
}

/* The device can run several trials at once: also asks for the splits that may follow. What is decided, and
 * in which order, stays the same. */
static void look_ahead(struct tl_search *s, const struct tl_search_line *line,
                       const struct tl_search_line_use *use, uint64_t p)
{
    enum { MOST = 15 };
    struct {
        uint64_t tmin, tmax, p;
    } tree[MOST];
    size_t n = 1, asked = 1;
    tree[0].tmin = line->tmin;
    tree[0].tmax = line->tmax;
    tree[0].p = p;
    for (size_t i = 0; i < n; i++) {
        for (int side = 0; side < 2; side++) {
            struct tl_search_line next = *line;
            next.tmin = side == 0 ? tree[i].tmin : tree[i].p + 1;
            next.tmax = side == 0 ? tree[i].p : tree[i].tmax;
            uint64_t q;
            if (n == MOST || asked == s->options.width || next.tmin >= next.tmax ||
                !nearest(s, &next, use, next.tmin, next.tmax - 1, ideal_of(s, &next, use), &q))
                continue;
            make(s, use, q);
            const struct tl_point *point = tl_point_get(s, s->scratch);
            if (point->asked == 0 && point->told == 0) {
                asked++;
                tl_want(s, s->scratch, 1, false, use->purpose, use->axis, 0, 0);
            }
            tree[n].tmin = next.tmin;
            tree[n].tmax = next.tmax;
            tree[n++].p = q;
        }
    }
}

static enum tl_search_progress sharp_step(struct tl_search *s, struct tl_search_line *line,
                                          const struct tl_search_line_use *use)
{
    while (line->tmin < line->tmax) {
        uint64_t p;
        if (line->n_blocked == TL_LINE_BLOCKED ||
            !nearest(s, line, use, line->tmin, line->tmax - 1, ideal_of(s, line, use), &p)) {
            line->gap = true;
            return TL_DONE;
        }
        make(s, use, p);
        enum tl_judgement j =
            use->passes != NULL && use->passes(s, s->scratch)
                ? TL_JUDGE_PASS
                : tl_judge(s, s->scratch, 1, false, 0, use->purpose, use->axis, line->tmax - p, line->tmax);
        switch (j) {
        case TL_JUDGE_PENDING:
            if (s->options.width > 2)
                look_ahead(s, line, use, p);
            return TL_PENDING;
        case TL_JUDGE_FAIL:
            tl_search_adopt(s, s->scratch);
            line->tmax = p;
            break;
        case TL_JUDGE_PASS:
        case TL_JUDGE_OTHER:
            line->tmin = p + 1;
            break;
        case TL_JUDGE_UNRESOLVED:
            block(line, p);
            break;
        }
    }
    return TL_DONE;
}

/* The runs that a line takes at most. What is above one position fails at one rate, so every run tells a part of a
 * bit about it; a line that takes many times what that amounts to is no threshold, and it would go on for as long
 * as anybody runs it. */
static uint64_t most_runs(const struct tl_search_line *line)
{
    double rate = 0, sum = 0;
    for (size_t i = 0; i < line->noise.n; i++) {
        rate += line->noise.segments[i].sum * line->noise.segments[i].rate;
        sum += line->noise.segments[i].sum;
    }
    rate = sum > 0 && rate / sum > 0.01 ? rate / sum : 0.01;
    unsigned bits = tl_log2_ceil(line->tmax - line->tmin + 1) + 4;
    return 128 + (uint64_t)(32 * bits / rate);
}

static enum tl_search_progress noisy_step(struct tl_search *s, struct tl_search_line *line,
                                          const struct tl_search_line_use *use)
{
    for (;;) {
        if (line->asked) {
            make(s, use, line->position);
            struct tl_point *p = tl_want(s, s->scratch, line->want, false, use->purpose, use->axis,
                                         line->tmax - line->position, line->tmax);
            if (p == NULL || tl_point_open(s, p))
                return TL_PENDING;
            line->asked = false;
            line->runs += tl_runs_seen(p->seen) - tl_runs_seen(line->seen);
            if (tl_point_closed(p))
                block(line, line->position);
            /* There may be less of them than before: what was a match is judged to be another bug meanwhile. */
            uint32_t failed = p->rarer ? 0 : p->seen[TL_SEARCH_MATCH], before = line->seen[TL_SEARCH_MATCH];
            for (uint32_t i = before; i < failed; i++)
                tl_noise_observe(&line->noise, line->position, true);
            if (failed > before && line->position < line->tmax) {
                tl_search_adopt(s, s->scratch);
                line->tmax = line->position;
            }
            uint32_t passes = p->seen[TL_SEARCH_PASS] + p->seen[TL_SEARCH_OTHER];
            for (uint32_t i = line->seen[TL_SEARCH_PASS] + line->seen[TL_SEARCH_OTHER]; i < passes; i++)
                tl_noise_observe(&line->noise, line->position, false);
        }
        if (line->tmin == line->tmax)
            return TL_DONE;
        if (line->runs > most_runs(line)) {
            line->spent = true;
            return TL_DONE;
        }
        /* t is as good as known when it is above the next position that can be tried. */
        uint64_t below;
        if (line->n_blocked == TL_LINE_BLOCKED ||
            !nearest(s, line, use, line->tmin, line->tmax - 1, line->tmax - 1, &below)) {
            line->gap = true;
            return TL_DONE;
        }
        if (tl_noise_above(&line->noise, below) >= s->options.confidence) {
            line->gap = below + 1 < line->tmax;
            line->tmin = below + 1;
            return TL_DONE;
        }
        uint64_t p = tl_noise_next(&line->noise);
        if (!nearest(s, line, use, line->tmin, line->tmax - 1, p, &line->position))
            line->position = below;
        make(s, use, line->position);
        const struct tl_point *point = tl_point_get(s, s->scratch);
        for (int i = 0; i < TL_SEARCH_OUTCOME_COUNT; i++)
            line->seen[i] = point->seen[i];
        line->want = point->told + s->options.width;
        line->asked = true;
    }
}

enum tl_search_progress tl_search_line_step(struct tl_search *s, struct tl_search_line *line,
                                            const struct tl_search_line_use *use)
{
    return line->noisy ? noisy_step(s, line, use) : sharp_step(s, line, use);
}

static void make_threshold(struct tl_search *s, void *context, uint64_t position, uint64_t *index)
{
    const size_t *axis = context;
    for (size_t i = 0; i < s->n; i++)
        index[i] = s->best[i];
    index[*axis] = position;
}

/* The rate far from the threshold, which is that of every value down to it if it is sharp. It is measured
 * first: were it learned on the way, a failure that gets rarer towards its threshold would look like one that
 * is rare, and the search would follow it down to values where it hardly ever happens. Whether it is as
 * frequent at the threshold is looked at afterwards (band.c). */
static enum tl_search_progress far_rates(struct tl_search *s, size_t axis, struct tl_rate_belief *rates)
{
    const struct tl_point *far = tl_want(s, tl_search_beside(s, axis, s->failing[axis]), s->options.band_runs,
                                         false, TL_SEARCH_BAND, axis, 0, 0);
    if (far == NULL)
        return TL_PENDING;
    uint32_t failed = far->seen[TL_SEARCH_MATCH];
    if (failed == 0) {
        tl_search_rates(s, rates);
        return TL_DONE;
    }
    tl_search_rates_known(s, rates);
    tl_rate_belief_update(rates, failed, far->told - failed);
    return TL_DONE;
}

enum tl_search_progress tl_thresholds_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    if (tl_counted_step(s) == TL_PENDING)
        return TL_PENDING;
    for (;;) {
        if (!z->line_open) {
            size_t a = 0;
            while (a < s->n &&
                   (!s->space->axes[a].ordered || s->best[a] == 0 || z->threshold_done[a] == s->best[a] ||
                    z->bands[a].is_band || z->pinned[a] || tl_counted_axis(s, a)))
                a++;
            if (a == s->n)
                return TL_DONE;
            z->line_axis = a;
            /* The axis is needed, so its baseline does not fail; that is confirmed later. */
            struct tl_rate_belief rates;
            if (s->noisy && far_rates(s, a, &rates) == TL_PENDING)
                return TL_PENDING;
            tl_search_line_init(s, &z->line, 1, s->best[a]);
            if (s->noisy) {
                tl_noise_free(&z->line.noise);
                tl_noise_init(&z->line.noise, 1, s->best[a], &rates);
            }
            z->line_open = true;
        }
        struct tl_search_line_use use = {.make = make_threshold,
                                         .context = &z->line_axis,
                                         .purpose = TL_SEARCH_THRESHOLD,
                                         .axis = z->line_axis};
        if (tl_search_line_step(s, &z->line, &use) == TL_PENDING)
            return TL_PENDING;
        z->threshold_done[z->line_axis] = s->best[z->line_axis];
        if (z->line.spent) {
            z->counter[z->line_axis] = true;
            z->counterexample[z->line_axis] = s->best[z->line_axis];
        }
        z->gap_below[z->line_axis] = z->line.gap ? z->line.tmin - 1 : UINT64_MAX;
        tl_search_line_free(&z->line);
        z->line_open = false;
    }
}
