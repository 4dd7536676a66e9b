/* The steps of an isolation, and what confirms it. See search.h for the theory of operation. */
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
        s->isolate->baseline_fails = true;
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
    z->neighbours = tl_realloc(z->neighbours, z->n_neighbours + 1, sizeof *z->neighbours);
    z->neighbours[z->n_neighbours++] = (struct tl_neighbour){axis, value, simpler};
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

/* The value just below a threshold that was bisected. */
static bool is_edge(const struct tl_search *s, size_t i)
{
    const struct tl_neighbour *n = &s->isolate->neighbours[i];
    return s->space->axes[n->axis].ordered && n->value > 0;
}

enum tl_search_progress tl_confirm_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    const struct tl_search_options *o = &s->options;
    find_neighbours(s);
    size_t n_simpler = 0;
    for (size_t i = 0; i < z->n_neighbours; i++)
        n_simpler += z->neighbours[i].simpler;
    uint32_t runs = s->noisy && o->band_runs > o->confirm_runs ? o->band_runs : o->confirm_runs;
    const struct tl_point *m = tl_want(s, s->best, runs, true, TL_SEARCH_CONFIRM, TL_NO_AXIS, 0, 0);
    bool pending = m == NULL;
    if (s->noisy && pending)
        return TL_PENDING; /* its rate says how often the neighbours have to pass */

    bool *tied = tl_calloc(s->n + 1, sizeof *tied), any_tied = false;
    size_t resolved = 0, resolved_pairs = 0;
    uint64_t *index = tl_index_copy(s, s->best), *failed = NULL;
    const struct tl_neighbour *failed_at = NULL;
    double alpha = (1 - o->confidence) / SURER / (double)(n_simpler > 0 ? n_simpler : 1);
    for (size_t i = 0; i < z->n_neighbours; i++) {
        const struct tl_neighbour *n = &z->neighbours[i];
        index[n->axis] = n->value;
        enum tl_judgement j;
        if (n->simpler) {
            bool last = s->space->axes[n->axis].ordered &&
                        (i + 1 == z->n_neighbours || z->neighbours[i + 1].axis != n->axis);
            uint32_t times = o->neighbour_runs + (is_edge(s, i) ? EXACT_PASSES : last);
            if (is_edge(s, i) && z->bands[n->axis].is_band && times < o->band_runs)
                times = o->band_runs;
            j = tl_judge(s, index, times, true, alpha, TL_SEARCH_NEIGHBOUR, n->axis, 0, 0);
            if (j == TL_JUDGE_FAIL && failed == NULL) {
                failed = tl_index_copy(s, index);
                failed_at = n;
            }
            if (j == TL_JUDGE_UNRESOLVED && n->value == 0)
                tied[n->axis] = any_tied = true;
            resolved += j != TL_JUDGE_UNRESOLVED && j != TL_JUDGE_PENDING;
        } else {
            j = tl_judge(s, index, 1, true, 0.05, TL_SEARCH_WIDEN, n->axis, 0, 0);
        }
        pending = pending || j == TL_JUDGE_PENDING;
        index[n->axis] = s->best[n->axis];
    }
    free(index);
    enum tl_search_progress progress = TL_AGAIN;
    bool found = false;
    uint32_t most = confirm_most(s);
    if (pending) {
        progress = TL_PENDING;
    } else if (m->seen_fresh[TL_SEARCH_MATCH] == 0 && !tl_point_closed(m) && m->told_fresh < most) {
        tl_want(s, s->best, most, true, TL_SEARCH_CONFIRM, TL_NO_AXIS, 0, 0);
        progress = TL_PENDING;
    } else if (m->seen_fresh[TL_SEARCH_MATCH] == 0 && !s->noisy &&
               tl_want(s, s->failing, o->reproduce_runs, true, TL_SEARCH_CONFIRM, TL_NO_AXIS, 0, 0) == NULL) {
        progress = TL_PENDING;
    } else if (m->seen_fresh[TL_SEARCH_MATCH] == 0 && !s->noisy &&
               tl_point_get(s, s->failing)->seen_fresh[TL_SEARCH_MATCH] > 0) {
        /* F does fail in fresh processes: M is a value where it hardly ever happens. */
        tl_isolate_noisy(s);
    } else if (m->seen_fresh[TL_SEARCH_MATCH] == 0) {
        tl_search_note(s, TL_NOTE_NOT_CONFIRMED);
        end(s);
    } else if (!s->noisy && (s->mixed || m->seen[TL_SEARCH_MATCH] < m->told)) {
        tl_isolate_noisy(s);
    } else if (failed != NULL && failed_at->value > 0 && z->bands[failed_at->axis].is_band) {
        /* The band reaches further down than was measured. */
        struct tl_search_band *b = &z->bands[failed_at->axis];
        uint64_t more = (b->always.value - b->never.value) / 4 + 1;
        b->never.value = b->never.value > more ? b->never.value - more : 0;
        tl_isolate_again(s);
    } else if (failed != NULL) {
        if (!s->noisy && contradicts(s, failed))
            tl_search_note(s, TL_NOTE_NON_MONOTONE);
        tl_search_adopt(s, failed);
        tl_isolate_again(s);
    } else if (any_tied && pairs(s, tied, &found, &resolved_pairs) == TL_PENDING) {
        progress = TL_PENDING;
    } else if (found) {
        tl_isolate_again(s);
    } else {
        bool shown = resolved + resolved_pairs > 0;
        s->complete = n_simpler == 0 || shown;
        if (resolved < n_simpler)
            tl_search_note(s, shown ? TL_NOTE_NEIGHBOUR_UNSUPPORTED : TL_NOTE_NEIGHBOURS_UNSUPPORTED);
        z->step = o->no_generalise ? TL_STEP_END : TL_STEP_PROBE;
    }
    free(failed);
    free(tied);
    return progress;
}

static enum tl_search_progress isolate_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    enum tl_search_progress p = TL_DONE;
    bool found = false;
    switch (z->step) {
    case TL_STEP_REPRODUCE:
        p = reproduce_step(s);
        if (p == TL_DONE && z->step == TL_STEP_REPRODUCE)
            z->step = TL_STEP_BASELINE;
        break;
    case TL_STEP_BASELINE:
        p = baseline_step(s);
        if (p == TL_DONE)
            z->step = z->baseline_fails ? TL_STEP_CONFIRM : TL_STEP_AXES;
        break;
    case TL_STEP_AXES:
        p = tl_axes_step(s);
        if (p == TL_DONE)
            z->step = TL_STEP_CHOICES;
        break;
    case TL_STEP_CHOICES:
        p = choices_step(s);
        if (p == TL_DONE)
            z->step = TL_STEP_THRESHOLDS;
        break;
    case TL_STEP_THRESHOLDS:
        p = tl_thresholds_step(s);
        if (p == TL_DONE)
            z->step = TL_STEP_BAND;
        break;
    case TL_STEP_BAND:
        p = tl_band_step(s, &found);
        if (p == TL_DONE) {
            bool again = found || z->band_then_axes;
            z->step = again ? TL_STEP_AXES : TL_STEP_CONFIRM;
            z->band_then_axes = false;
            if (again)
                tl_axes_reset(&z->axes);
        }
        break;
    case TL_STEP_CONFIRM:
        p = tl_confirm_step(s);
        break;
    case TL_STEP_PROBE:
        p = tl_probe_step(s);
        if (p == TL_DONE)
            z->step = TL_STEP_GENERALISE;
        break;
    case TL_STEP_GENERALISE:
        p = tl_generalise_step(s);
        if (p == TL_DONE)
            z->step = TL_STEP_END;
        break;
    case TL_STEP_END:
        return TL_DONE;
    }
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
