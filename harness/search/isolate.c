/* The isolation: the steps from a failing variant F to a minimal one, and what confirms it.
 *
 * At every moment the search holds M, the simplest variant that is known to fail in the same way. M starts
 * as F and is only ever replaced by a variant that was seen to fail with the same signature: nothing is
 * concluded about M without a trial. The steps are:
 *
 *   reproduce    run F three times: the signature and the rate. F that never fails ends the search
 *   baseline     run the baseline: if it fails in the same way it is M, and there is no trigger
 *   axes         which of the axes where M is not at the baseline are needed          ficbs.c
 *   choices      every simpler value of every choice axis that is needed
 *   thresholds   bisection of every ordered axis that is needed                       threshold.c
 *   band         where the rate climbs slowly: the two edges of the slope             band.c
 *   confirm      M and everything next to it, in fresh processes
 *   probe        values off the path: is it monotone, do thresholds move each other   generalise.c
 *   generalise   hold the trigger, or break it, and draw the rest at random           generalise.c
 *
 * The goal is that of delta debugging [1]: a variant that is 1-minimal, of which no single axis can be made
 * simpler with the failure still there (an ordered one by a step or to its baseline, a choice to any simpler
 * value). The steps up to the band find a candidate, and they take few trials because they believe that the
 * failure is monotone. `confirm` believes nothing. It tries every neighbour of M; one that fails after all
 * becomes M, and the steps from `choices` on are done again. So the result is 1-minimal for failures of any
 * shape, and the earlier steps only save trials.
 *
 * As soon as one variant is seen to fail and to pass, the search is noisy: a failure still proves, a pass
 * only makes likely. It begins again from M with the axes. Bisections become Bayesian (noise.c), and each of
 * the n neighbours of M has to pass so often that it would be wrong with a chance of at most a tenth of 1 -
 * confidence over n (Bonferroni's correction: the chance that any of them is wrong is no larger than the
 * sum).
 *
 * A failure with another signature is no match. It counts as "does not fail in this way" and is kept among
 * result.others, so the search cannot slip from one failure to another. What is forbidden, unsupported or
 * lost is neither a pass nor a failure: the search goes around it.
 *
 * This file and generalise.c call each other. The two are halves of one state machine: `probe` and
 * `generalise` may find a simpler variant, or noise, and then send the isolation back to an earlier step,
 * which throws away what they have made. Handing functions over would hide that circle, and not undo it.
 *
 * [1] A. Zeller, R. Hildebrandt: Simplifying and isolating failure-inducing input. IEEE TSE 28(2), 2002. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ROUNDS 64
/* More runs of the value below a threshold: what seems exact may be a value on a slope that happened to fail,
 * where the one below it happened to pass. */
#define EXACT_PASSES 3
/* To call M minimal is what the whole answer rests on: the chance that it is not is kept that much smaller
 * than that of a noisy line to end at the wrong place, which is found out here. */
#define SURER 10

static void end(struct tl_search *s)
{
    s->isolate->step = TL_STEP_END;
}

static enum tl_search_progress reproduce_step(struct tl_search *s)
{
    const struct tl_search_options *o = &s->options;
    /* One first: a trial that takes the machine down must not be one of three. */
    struct tl_point *p = tl_want(s, s->failing, 1, false, TL_SEARCH_REPRODUCE, TL_NO_AXIS, 0, 0);
    if (p != NULL && !tl_point_closed(p))
        p = tl_want(s, s->failing, o->reproduce_runs, false, TL_SEARCH_REPRODUCE, TL_NO_AXIS, 0, 0);
    if (p == NULL)
        return TL_PENDING;
    tl_search_learn(s);
    uint32_t failed = p->seen[TL_SEARCH_MATCH], most = o->reproduce_most;
    bool known_flaky = o->known_failed > 0 && o->known_failed < o->known_runs;
    if (known_flaky) {
        struct tl_rate_belief b;
        tl_search_rates_known(s, &b);
        uint32_t need = tl_rate_belief_passes(&b, 1 - o->confidence);
        most = need > most ? need : most;
    }
    bool enough = failed == p->told || failed >= 3 || p->told >= most || tl_point_closed(p);
    if (!enough) {
        uint32_t n = p->told + 3 < most ? p->told + 3 : most;
        tl_want(s, s->failing, n, false, TL_SEARCH_REPRODUCE, TL_NO_AXIS, 0, 0);
        return TL_PENDING;
    }
    p->counted = p->told;
    if (failed == 0) {
        if (p->seen[TL_SEARCH_OTHER] > 0)
            tl_search_note(s, TL_NOTE_FAILS_OTHERWISE);
        else if (tl_point_closed(p))
            tl_search_note(s, p->seen[TL_SEARCH_LOST] > 0 ? TL_NOTE_LOST : TL_NOTE_FAILING_UNSUPPORTED);
        else
            tl_search_note(s, TL_NOTE_NOT_REPRODUCED);
        end(s);
        return TL_DONE;
    }
    s->reproduced = true;
    if (p->seen[TL_SEARCH_OTHER] > 0)
        tl_search_note(s, TL_NOTE_SEVERAL_SIGNATURES);
    if (failed < p->told || known_flaky) {
        s->noisy = true;
        tl_search_note(s, TL_NOTE_FLAKY);
        struct tl_rate_belief b;
        tl_search_rates(s, &b);
        /* Not even one pass of the baseline and of one neighbour could be believed. */
        if (2 * (uint64_t)tl_rate_belief_passes(&b, 1 - o->confidence) > tl_search_budget_left(s)) {
            tl_search_note(s, TL_NOTE_RATE_TOO_LOW);
            end(s);
        }
    }
    return TL_DONE;
}

static enum tl_search_progress baseline_step(struct tl_search *s)
{
    uint64_t *zero = tl_calloc(s->n + 1, sizeof *zero);
    enum tl_judgement j =
        tl_judge(s, zero, 1, false, 1 - s->options.confidence, TL_SEARCH_BASELINE, TL_NO_AXIS, 0, 0);
    if (j == TL_JUDGE_FAIL) {
        tl_search_adopt(s, zero);
        s->isolate->step = TL_STEP_CONFIRM;
        tl_search_note(s, TL_NOTE_BASELINE_FAILS);
    } else if (j == TL_JUDGE_OTHER) {
        tl_search_note(s, TL_NOTE_BASELINE_OTHER);
    } else if (j == TL_JUDGE_UNRESOLVED) {
        tl_search_note(s, TL_NOTE_BASELINE_UNSUPPORTED);
    }
    free(zero);
    return j == TL_JUDGE_PENDING ? TL_PENDING : TL_DONE;
}

/* How many simpler values of a choice axis are tried besides the baseline's. */
static uint64_t simpler_choices(const struct tl_search *s, uint64_t value)
{
    uint64_t n = value - 1;
    return n < s->options.widen_most ? n : s->options.widen_most;
}

static enum tl_search_progress choices_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    for (size_t a = 0; a < s->n; a++) {
        if (s->space->axes[a].ordered || s->best[a] <= 1 || z->choice_done[a] == s->best[a])
            continue;
        bool pending = false;
        uint64_t simplest = s->best[a], n = simpler_choices(s, s->best[a]);
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

void tl_isolate_noisy(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    s->noisy = true;
    s->mixed = false;
    tl_search_note(s, TL_NOTE_FLAKY);
    memset(z->choice_done, 0, s->n * sizeof *z->choice_done);
    memset(z->threshold_done, 0, s->n * sizeof *z->threshold_done);
    tl_probe_reset(z);
    tl_generalise_reset(z);
    s->complete = false;
    z->band_then_axes = true;
    z->step = TL_STEP_BAND;
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

/* Everything next to M that decides whether it is minimal, simplest first, and the other choices for the
 * report. */
static void find_neighbours(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    z->n_neighbours = 0;
    for (size_t a = 0; a < s->n; a++) {
        uint64_t v = s->best[a], count = s->space->axes[a].count;
        if (v == 0)
            continue;
        add_neighbour(z, a, 0, true);
        if (!s->space->axes[a].ordered) {
            uint64_t n = simpler_choices(s, v);
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
    }
}

/* Axes of which no simpler value can be tried alone: two at once, as a constraint may tie them together. */
static enum tl_search_progress pairs(struct tl_search *s, const bool *tied, bool *found, size_t *resolved)
{
    uint64_t *index = tl_index_copy(s, s->best);
    uint64_t *failed = NULL;
    bool pending = false;
    size_t tries = 0;
    for (size_t a = 0; a < s->n; a++) {
        for (size_t b = 0; b < s->n && tied[a]; b++) {
            if (b == a || s->best[b] == 0 || (b < a && tied[b]) || tries > 64)
                continue;
            index[a] = index[b] = 0;
            if (!tl_point_closed(tl_point_get(s, index))) {
                tries++;
                enum tl_judgement j = tl_judge(s, index, 1, false, 0.05, TL_SEARCH_NEIGHBOUR, a, 0, 0);
                pending = pending || j == TL_JUDGE_PENDING;
                *resolved += j == TL_JUDGE_PASS || j == TL_JUDGE_OTHER;
                if (j == TL_JUDGE_FAIL && failed == NULL)
                    failed = tl_index_copy(s, index);
            }
            index[a] = s->best[a];
            index[b] = s->best[b];
        }
    }
    *found = !pending && failed != NULL;
    if (*found)
        tl_search_adopt(s, failed);
    free(failed);
    free(index);
    return pending ? TL_PENDING : TL_DONE;
}

void tl_isolate_again(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    tl_probe_reset(z);
    s->complete = false;
    z->step = TL_STEP_CHOICES;
    if (++z->rounds > MOST_ROUNDS) {
        tl_search_note(s, TL_NOTE_NOT_CONVERGED);
        end(s);
    }
}

/* How often M is run in fresh processes until it is said that it does not fail there. */
static uint32_t confirm_most(struct tl_search *s)
{
    uint32_t most = s->options.reproduce_most;
    if (s->noisy) {
        /* What M did in other processes: its fresh ones are in question. */
        const struct tl_point *m = tl_point_get(s, s->best);
        uint32_t failed = m->seen[TL_SEARCH_MATCH] - m->seen_fresh[TL_SEARCH_MATCH];
        struct tl_rate_belief b;
        tl_search_rates_known(s, &b);
        tl_rate_belief_update(&b, failed, m->told - m->told_fresh - failed);
        uint32_t need = tl_rate_belief_passes(&b, (1 - s->options.confidence) / 2);
        need = need < 256 ? need : 256;
        most = need > most ? need : most;
    }
    return most;
}

/* M never failed in a fresh process so far: either F does, or the failure depends on how it is run. */
static enum tl_search_progress not_confirmed(struct tl_search *s, const struct tl_point *m)
{
    uint32_t most = confirm_most(s);
    if (!tl_point_closed(m) && m->told_fresh < most) {
        tl_want(s, s->best, most, true, TL_SEARCH_CONFIRM, TL_NO_AXIS, 0, 0);
        return TL_PENDING;
    }
    if (!s->noisy) {
        const struct tl_point *f =
            tl_want(s, s->failing, s->options.reproduce_runs, true, TL_SEARCH_CONFIRM, TL_NO_AXIS, 0, 0);
        if (f == NULL)
            return TL_PENDING;
        if (f->seen_fresh[TL_SEARCH_MATCH] > 0) {
            /* M is a value where it hardly ever happens. */
            tl_isolate_noisy(s);
            return TL_AGAIN;
        }
    }
    tl_search_note(s, TL_NOTE_NOT_CONFIRMED);
    end(s);
    return TL_AGAIN;
}

/* How often a neighbour that has to pass is run, at least. The last value of an ordered axis stands for all
 * that are simpler. */
static uint32_t times(const struct tl_search *s, size_t i)
{
    const struct tl_isolate_state *z = s->isolate;
    const struct tl_neighbour *n = &z->neighbours[i];
    bool ordered = s->space->axes[n->axis].ordered, edge = ordered && n->value > 0;
    bool last = ordered && (i + 1 == z->n_neighbours || z->neighbours[i + 1].axis != n->axis);
    uint32_t runs = s->options.neighbour_runs + (edge ? EXACT_PASSES : last);
    if (edge && z->bands[n->axis].is_band && runs < s->options.band_runs)
        runs = s->options.band_runs;
    return runs;
}

/* What came of M's neighbours. */
struct tried {
    bool pending;
    size_t simpler, resolved; /* neighbours that decide whether M is minimal; of them could be tried */
    bool *tied, any_tied;     /* by axis: its baseline cannot be tried */
    uint64_t *failed;         /* the first simpler one that fails, or NULL */
    const struct tl_neighbour *failed_at;
};

static void try_neighbours(struct tl_search *s, struct tried *t)
{
    struct tl_isolate_state *z = s->isolate;
    double alpha = (1 - s->options.confidence) / SURER / (double)(t->simpler > 0 ? t->simpler : 1);
    for (size_t i = 0; i < z->n_neighbours; i++) {
        const struct tl_neighbour *n = &z->neighbours[i];
        const uint64_t *index = tl_search_beside(s, n->axis, n->value);
        enum tl_judgement j =
            tl_judge(s, index, n->simpler ? times(s, i) : 1, true, n->simpler ? alpha : 0.05,
                     n->simpler ? TL_SEARCH_NEIGHBOUR : TL_SEARCH_WIDEN, n->axis, 0, 0);
        t->pending = t->pending || j == TL_JUDGE_PENDING;
        if (!n->simpler)
            continue;
        if (j == TL_JUDGE_FAIL && t->failed == NULL) {
            t->failed = tl_index_copy(s, index);
            t->failed_at = n;
        }
        if (j == TL_JUDGE_UNRESOLVED && n->value == 0)
            t->tied[n->axis] = t->any_tied = true;
        t->resolved += j != TL_JUDGE_UNRESOLVED && j != TL_JUDGE_PENDING;
    }
}

/* A neighbour fails after all. */
static void take_neighbour(struct tl_search *s, const struct tried *t)
{
    struct tl_search_band *b = &s->isolate->bands[t->failed_at->axis];
    if (t->failed_at->value > 0 && b->is_band) {
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

/* What M and its neighbours, all told, say about M. */
static enum tl_search_progress decide(struct tl_search *s, const struct tl_point *m, const struct tried *t)
{
    if (m->seen_fresh[TL_SEARCH_MATCH] == 0)
        return not_confirmed(s, m);
    if (!s->noisy && (s->mixed || m->seen[TL_SEARCH_MATCH] < m->told)) {
        tl_isolate_noisy(s);
        return TL_AGAIN;
    }
    if (t->failed != NULL) {
        take_neighbour(s, t);
        return TL_AGAIN;
    }
    bool found = false;
    size_t resolved_pairs = 0;
    if (t->any_tied && pairs(s, t->tied, &found, &resolved_pairs) == TL_PENDING)
        return TL_PENDING;
    if (found) {
        tl_isolate_again(s);
        return TL_AGAIN;
    }
    bool shown = t->resolved + resolved_pairs > 0;
    s->complete = t->simpler == 0 || shown;
    if (t->resolved < t->simpler)
        tl_search_note(s, shown ? TL_NOTE_NEIGHBOUR_UNSUPPORTED : TL_NOTE_NEIGHBOURS_UNSUPPORTED);
    if (s->options.no_generalise)
        end(s);
    return TL_DONE;
}

static enum tl_search_progress confirm_step(struct tl_search *s)
{
    const struct tl_search_options *o = &s->options;
    find_neighbours(s);
    uint32_t runs = s->noisy && o->band_runs > o->confirm_runs ? o->band_runs : o->confirm_runs;
    const struct tl_point *m = tl_want(s, s->best, runs, true, TL_SEARCH_CONFIRM, TL_NO_AXIS, 0, 0);
    if (s->noisy && m == NULL)
        return TL_PENDING; /* its rate says how often the neighbours have to pass */
    struct tried t = {.pending = m == NULL, .tied = tl_calloc(s->n + 1, sizeof *t.tied)};
    for (size_t i = 0; i < s->isolate->n_neighbours; i++)
        t.simpler += s->isolate->neighbours[i].simpler;
    try_neighbours(s, &t);
    enum tl_search_progress p = t.pending ? TL_PENDING : decide(s, m, &t);
    free(t.failed);
    free(t.tied);
    return p;
}

/* Axes that a band made unneeded, or that were taken for needed before the search became noisy, are looked
 * for again. */
static enum tl_search_progress band_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    bool found;
    if (tl_band_step(s, &found) == TL_PENDING)
        return TL_PENDING;
    if (found || z->band_then_axes) {
        z->band_then_axes = false;
        tl_axes_reset(&z->axes);
        z->step = TL_STEP_AXES;
    }
    return TL_DONE;
}

/* A step that is through is followed by the next one, unless it has chosen another itself. */
static const struct {
    enum tl_search_progress (*run)(struct tl_search *s);
    enum tl_isolate_step next;
} steps[] = {
    [TL_STEP_REPRODUCE] = {reproduce_step, TL_STEP_BASELINE},
    [TL_STEP_BASELINE] = {baseline_step, TL_STEP_AXES},
    [TL_STEP_AXES] = {tl_axes_step, TL_STEP_CHOICES},
    [TL_STEP_CHOICES] = {choices_step, TL_STEP_THRESHOLDS},
    [TL_STEP_THRESHOLDS] = {tl_thresholds_step, TL_STEP_BAND},
    [TL_STEP_BAND] = {band_step, TL_STEP_CONFIRM},
    [TL_STEP_CONFIRM] = {confirm_step, TL_STEP_PROBE},
    [TL_STEP_PROBE] = {tl_probe_step, TL_STEP_GENERALISE},
    [TL_STEP_GENERALISE] = {tl_generalise_step, TL_STEP_END},
};

static enum tl_search_progress isolate_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    enum tl_isolate_step now = z->step;
    if (now == TL_STEP_END)
        return TL_DONE;
    enum tl_search_progress p = steps[now].run(s);
    if (p == TL_DONE && z->step == now)
        z->step = steps[now].next;
    return p == TL_DONE ? TL_AGAIN : p;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Every axis that M still has away from the baseline may turn out to be needed. */
static uint64_t isolate_left(const struct tl_search *s)
{
    const struct tl_isolate_state *z = s->isolate;
    const struct tl_search_options *o = &s->options;
    uint64_t left = 0, ordered = 0, step = (uint64_t)z->step;
    uint64_t ahead = o->width > 2 ? o->width : 1; /* trials for each step of a bisection */
    for (size_t a = 0; a < s->n; a++) {
        uint64_t v = s->best[a];
        if (v == 0)
            continue;
        uint64_t others = s->space->axes[a].count - 1 - v;
        if (others > o->widen_most)
            others = o->widen_most;
        if (s->space->axes[a].ordered) {
            ordered++;
            if (step <= TL_STEP_THRESHOLDS && z->threshold_done[a] != v)
                left = plus(left, ahead * tl_log2_ceil(v));
            if (step < TL_STEP_CONFIRM)
                left = plus(left, 2 * o->neighbour_runs + EXACT_PASSES);
        } else {
            if (step <= TL_STEP_CHOICES && z->choice_done[a] != v)
                left = plus(left, simpler_choices(s, v));
            if (step < TL_STEP_CONFIRM)
                left = plus(left, (simpler_choices(s, v) + 1) * o->neighbour_runs + others);
        }
    }
    if (step < TL_STEP_CONFIRM)
        left = plus(left, o->confirm_runs);
    if (step <= TL_STEP_AXES)
        left = plus(left, ahead * tl_axes_left(s));
    if (step < TL_STEP_BASELINE)
        left = plus(left, 1 + o->reproduce_runs - 1);
    if (!o->no_generalise) {
        if (step < TL_STEP_PROBE)
            left = plus(left, ordered * 17 + ordered * ordered);
        if (step < TL_STEP_GENERALISE)
            left = plus(left, 2 * o->generalise_runs + 2);
    }
    return left;
}

static void isolate_release(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    tl_axes_reset(&z->axes);
    tl_search_line_free(&z->line);
    tl_probe_reset(z);
    tl_generalise_reset(z);
    free(z->choice_done);
    free(z->threshold_done);
    free(z->gap_below);
    for (size_t a = 0; a < s->n; a++)
        free(z->bands[a].samples);
    free(z->bands);
    free(z->band_checked);
    free(z->neighbours);
    free(z->counter);
    free(z->counterexample);
    free(z->varied);
    free(z);
}

struct tl_search *tl_search_isolate(const struct tl_search_space *space, const uint64_t *failing,
                                    const struct tl_search_options *options)
{
    struct tl_search *s = tl_search_create(space, failing, options);
    if (s == NULL)
        return NULL;
    struct tl_isolate_state *z = s->isolate = tl_calloc(1, sizeof *z);
    size_t n = s->n + 1;
    z->choice_done = tl_calloc(n, sizeof *z->choice_done);
    z->threshold_done = tl_calloc(n, sizeof *z->threshold_done);
    z->gap_below = tl_malloc(n * sizeof *z->gap_below);
    for (size_t i = 0; i < n; i++)
        z->gap_below[i] = UINT64_MAX;
    z->bands = tl_calloc(n, sizeof *z->bands);
    z->band_checked = tl_calloc(n, sizeof *z->band_checked);
    z->counter = tl_calloc(n, sizeof *z->counter);
    z->counterexample = tl_calloc(n, sizeof *z->counterexample);
    z->varied = tl_calloc(n, sizeof *z->varied);
    s->step = isolate_step;
    s->left = isolate_left;
    s->report = tl_isolate_report;
    s->release = isolate_release;
    return s;
}
