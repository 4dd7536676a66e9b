/* The isolation: the steps from a failing variant F to a minimal one, and what confirms it.
 *
 * At every moment the search holds M, the simplest variant that is known to fail in the same way. M starts
 * as F and is only ever replaced by a variant that was seen to fail with the same signature: nothing is
 * concluded about M without a trial. The steps are:
 *
 *   reproduce    run F three times: the signature and the rate. F that never fails ends the search
 *   baseline     run the baseline: if it fails in the same way it is M, and there is no trigger
 *   suspects     are the axes that somebody believes in the trigger                   suspects.c
 *   axes         which of the axes where M is not at the baseline are needed          ficbs.c
 *   choices      every simpler value of every choice axis that is needed, and the smallest part
 *                of every set                                                      set_axis.c
 *   thresholds   bisection of every ordered axis that is needed                       threshold.c
 *   band         where the rate climbs slowly: the two edges of the slope             band.c
 *   headline     is what a neighbour of M shows the same bug at another place         headline.c
 *   confirm      M and everything next to it, in fresh processes
 *   probe        values off the path: is it monotone, do thresholds move each other   generalise.c
 *   needs        what else has to stay as it is                                       needs.c
 *   generalise   hold the trigger, or break it, and draw the rest at random           generalise.c
 *
 *   causes       what else triggers it                                                causes.c
 *
 * A quick search ends with quick.c instead of the steps from confirm on.
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
 * sum). But where M fails much more rarely than F, which nearly always does, it is no flaky failure that was found but
 * another one that was met by chance, or what is left of it: the search goes back to F (rates.c).
 *
 * A failure with another signature is no match, unless options.widen is set and headline.c finds it to be the
 * same bug at another place. It counts as "does not fail in this way" and is kept among
 * result.others, so the search cannot slip from one failure to another. What is forbidden, unsupported or
 * lost is neither a pass nor a failure: the search goes around it.
 *
 * `probe` and `generalise` may find a simpler variant, or noise, and then send the isolation back to an earlier
 * step, which throws away what they have made (state.c).
 *
 * [1] A. Zeller, R. Hildebrandt: Simplifying and isolating failure-inducing input. IEEE TSE 28(2), 2002. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

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
    if (o->widen && !s->wide && tl_search_several_places(s, p)) {
        tl_search_rematch(s, true);
        s->isolate->headline = TL_HEADLINE_WIDE;
    }
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
    s->search_trials += o->quick ? p->told - p->counted : 0;
    p->counted = p->told;
    if (failed == 0) {
        if (p->seen[TL_SEARCH_OTHER] > 0)
            tl_search_note(s, TL_NOTE_FAILS_OTHERWISE);
        else if (tl_point_closed(p))
            tl_search_note(s, p->seen[TL_SEARCH_LOST] > 0 ? TL_NOTE_LOST : TL_NOTE_FAILING_UNSUPPORTED);
        else
            tl_search_note(s, TL_NOTE_NOT_REPRODUCED);
        tl_isolate_end(s);
        return TL_DONE;
    }
    s->reproduced = true;
    if (p->seen[TL_SEARCH_OTHER] > 0)
        tl_search_note(s, TL_NOTE_SEVERAL_SIGNATURES);
    if (failed < p->told || known_flaky) {
        s->noisy = true;
        tl_search_note(s, TL_NOTE_FLAKY);
        if (o->quick)
            tl_quick_flaky(s);
        struct tl_rate_belief b;
        tl_search_rates(s, &b);
        /* Not even one pass of the baseline and of one neighbour could be believed. */
        if (2 * (uint64_t)tl_rate_belief_passes(&b, 1 - o->confidence) > tl_search_budget_left(s)) {
            tl_search_note(s, TL_NOTE_RATE_TOO_LOW);
            tl_isolate_end(s);
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
    tl_isolate_end(s);
    return TL_AGAIN;
}

/* What M and its neighbours, all told, say about M. */
static enum tl_search_progress decide(struct tl_search *s, struct tl_point *m,
                                      const struct tl_neighbours_tried *t)
{
    if (m->seen_fresh[TL_SEARCH_MATCH] == 0)
        return not_confirmed(s, m);
    if (s->options.widen && !s->wide && tl_search_several_places(s, m)) {
        tl_search_rematch(s, true);
        s->isolate->headline = TL_HEADLINE_WIDE;
        return TL_AGAIN;
    }
    if (tl_counted_contradicted(s)) {
        s->mixed = false;
        tl_isolate_again(s);
        return TL_AGAIN;
    }
    if (!s->noisy && (s->mixed || m->seen[TL_SEARCH_MATCH] < m->told)) {
        tl_isolate_noisy(s);
        return TL_AGAIN;
    }
    if (t->failed != NULL) {
        tl_neighbour_take(s, t);
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
        tl_isolate_end(s);
    return TL_DONE;
}

static enum tl_search_progress confirm_step(struct tl_search *s)
{
    const struct tl_search_options *o = &s->options;
    if (o->quick)
        return tl_quick_step(s);
    tl_neighbours_find(s);
    uint32_t runs = s->noisy && o->band_runs > o->confirm_runs ? o->band_runs : o->confirm_runs;
    struct tl_point *m = tl_want(s, s->best, runs, true, TL_SEARCH_CONFIRM, TL_NO_AXIS, 0, 0);
    if (s->noisy && m == NULL)
        return TL_PENDING; /* its rate says how often the neighbours have to pass */
    struct tl_neighbours_tried t = {.pending = m == NULL, .tied = tl_calloc(s->n + 1, sizeof *t.tied)};
    for (size_t i = 0; i < s->isolate->n_neighbours; i++)
        t.simpler += s->isolate->neighbours[i].simpler;
    tl_neighbours_try(s, &t);
    enum tl_search_progress p = t.pending ? TL_PENDING : decide(s, m, &t);
    free(t.failed);
    free(t.tied);
    return p;
}

/* How often the search goes back to F. Where rates have no shape there is always another variant to be met by chance. */
#define MOST_STEADY 4

static bool fails_in(const struct tl_point *p, uint32_t eighths)
{
    return 8 * p->seen[TL_SEARCH_MATCH] >= eighths * tl_runs_seen(p->seen);
}

/* Whether M fails much more rarely than F, which nearly always does (in seven of eight runs, and while they are few in
 * five of eight), and not because of where it stands on its ranges: that is a band's matter. */
static enum tl_search_progress compare_with_failing(struct tl_search *s, bool *rarer)
{
    uint32_t runs = s->options.band_runs;
    const struct tl_point *f = tl_point_get(s, s->failing);
    *rarer = false;
    if (!fails_in(f, 5) || tl_index_equal(s, s->best, s->failing))
        return TL_DONE;
    const struct tl_point *m = tl_want(s, s->best, runs, true, TL_SEARCH_CONFIRM, TL_NO_AXIS, 0, 0);
    if (m == NULL)
        return TL_PENDING;
    if (tl_point_rarely(s, m) == TL_RARELY_NOT)
        return TL_DONE;
    f = tl_want(s, s->failing, runs, true, TL_SEARCH_REPRODUCE, TL_NO_AXIS, 0, 0);
    if (f == NULL)
        return TL_PENDING;
    if (!fails_in(f, 7))
        return TL_DONE;
    if (tl_point_rarely(s, m) == TL_RARELY_OPEN && !tl_point_closed(m)) {
        tl_want(s, s->best, m->told_fresh + 8, true, TL_SEARCH_CONFIRM, TL_NO_AXIS, 0, 0);
        return TL_PENDING;
    }
    uint64_t *further = tl_index_copy(s, s->best);
    for (size_t a = 0; a < s->n; a++)
        if (s->space->axes[a].ordered && s->best[a] != 0)
            further[a] = s->failing[a];
    const struct tl_point *beyond = tl_want(s, further, runs, true, TL_SEARCH_CONFIRM, TL_NO_AXIS, 0, 0);
    free(further);
    if (beyond == NULL)
        return TL_PENDING;
    *rarer = tl_point_rarely(s, m) == TL_RARELY && !fails_in(beyond, 4);
    return TL_DONE;
}

/* Axes that a band made unneeded, or that were taken for needed before the search became noisy, are looked
 * for again. */
static enum tl_search_progress band_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    bool found, rarer = false;
    if (tl_counted_step(s) == TL_PENDING)
        return TL_PENDING;
    if (s->noisy && s->steady < MOST_STEADY && z->band_state == TL_BAND_NEXT &&
        compare_with_failing(s, &rarer) == TL_PENDING)
        return TL_PENDING;
    if (rarer) {
        tl_isolate_steady(s);
        return TL_AGAIN;
    }
    if (tl_band_step(s, &found) == TL_PENDING)
        return TL_PENDING;
    if (found || z->band_then_axes) {
        z->band_then_axes = false;
        tl_axes_reset(&z->axes);
        z->step = TL_STEP_AXES;
    }
    return TL_DONE;
}

/* M by signature, and then by the kind of failure. */
static enum tl_search_progress headline_step(struct tl_search *s)
{
    bool taken;
    enum tl_search_progress p = tl_headline_step(s, &taken);
    if (p == TL_DONE && taken && s->isolate->step == TL_STEP_HEADLINE)
        tl_isolate_again(s);
    return p;
}

/* M turned out to be another failure: it is looked for again, and what was counted is forgotten. */
static void again_from_strict(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    tl_generalise_reset(z);
    tl_needs_reset(z);
    s->notes[TL_NOTE_NOT_INDEPENDENT] = s->notes[TL_NOTE_OTHER_TRIGGER] = s->notes[TL_NOTE_NEEDS_OPEN] =
        false;
    tl_isolate_again(s);
    if (z->step != TL_STEP_END && z->headline == TL_HEADLINE_WIDEN)
        z->step = TL_STEP_HEADLINE;
}

/* What is counted from here on is counted by kind. */
static enum tl_search_progress needs_step(struct tl_search *s)
{
    bool refuted;
    if (s->isolate->headline == TL_HEADLINE_NONE && !s->wide)
        tl_search_rematch(s, true);
    enum tl_search_progress p = tl_needs_step(s, &refuted);
    if (p == TL_DONE && refuted) {
        again_from_strict(s);
    } else if (p == TL_DONE && s->mixed && !s->noisy) {
        tl_isolate_noisy(s);
        return TL_AGAIN;
    }
    return p;
}

static enum tl_search_progress generalise_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    bool refuted = false;
    enum tl_search_progress p = tl_generalise_step(s);
    if (p == TL_DONE && z->step == TL_STEP_GENERALISE)
        p = tl_headline_check(s, z->held, z->n_held, &refuted);
    if (p == TL_DONE && refuted)
        again_from_strict(s);
    return p;
}

/* A step that is through is followed by the next one, unless it has chosen another itself. */
static const struct {
    enum tl_search_progress (*run)(struct tl_search *s);
    enum tl_isolate_step next;
} steps[] = {
    [TL_STEP_REPRODUCE] = {reproduce_step, TL_STEP_BASELINE},
    [TL_STEP_BASELINE] = {baseline_step, TL_STEP_SUSPECTS},
    [TL_STEP_SUSPECTS] = {tl_suspects_step, TL_STEP_AXES},
    [TL_STEP_AXES] = {tl_axes_step, TL_STEP_CHOICES},
    [TL_STEP_CHOICES] = {tl_choices_step, TL_STEP_THRESHOLDS},
    [TL_STEP_THRESHOLDS] = {tl_thresholds_step, TL_STEP_BAND},
    [TL_STEP_BAND] = {band_step, TL_STEP_HEADLINE},
    [TL_STEP_HEADLINE] = {headline_step, TL_STEP_CONFIRM},
    [TL_STEP_CONFIRM] = {confirm_step, TL_STEP_PROBE},
    [TL_STEP_PROBE] = {tl_probe_step, TL_STEP_NEEDS},
    [TL_STEP_NEEDS] = {needs_step, TL_STEP_GENERALISE},
    [TL_STEP_GENERALISE] = {generalise_step, TL_STEP_CAUSES},
    [TL_STEP_CAUSES] = {tl_causes_step, TL_STEP_END},
};

static enum tl_search_progress isolate_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    enum tl_isolate_step now = z->step;
    if (now == TL_STEP_END)
        return TL_DONE;
    enum tl_search_progress p = steps[now].run(s);
    if (p == TL_DONE && z->step == now) {
        z->step = steps[now].next;
        if (z->step == TL_STEP_END && tl_counted_contradicted(s))
            tl_isolate_again(s);
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
    bool confirms = step < TL_STEP_CONFIRM && !o->quick;
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
            if (confirms)
                left = plus(left, 2 * o->neighbour_runs + TL_EXACT_PASSES);
        } else if (tl_is_set(s, a)) {
            uint64_t size = tl_set_size(s, a, v);
            if (step <= TL_STEP_CHOICES && z->choice_done[a] != v)
                left = plus(left, 4 * tl_log2_ceil(size) + 4);
            if (confirms)
                left = plus(left, (tl_set_neighbours(s, a, v) + 1) * o->neighbour_runs);
        } else {
            if (step <= TL_STEP_CHOICES && z->choice_done[a] != v)
                left = plus(left, tl_simpler_choices(s, v));
            if (confirms)
                left = plus(left, (tl_simpler_choices(s, v) + 1) * o->neighbour_runs + others);
        }
    }
    if (confirms)
        left = plus(left, o->confirm_runs);
    if (step <= TL_STEP_AXES)
        left = plus(left, ahead * tl_axes_left(s));
    if (step < TL_STEP_BASELINE)
        left = plus(left, 1 + o->reproduce_runs - 1);
    if (step <= TL_STEP_SUSPECTS && s->suspects != NULL)
        left = plus(left, 2);
    if (o->quick) {
        for (size_t a = 0; a < s->n && o->widen && step <= TL_STEP_HEADLINE; a++)
            left = plus(left, 1 + (s->best[a] != 0));
        return plus(left, tl_quick_left(s, left));
    }
    if (!o->no_generalise) {
        if (step < TL_STEP_PROBE)
            left = plus(left, ordered * 17 + ordered * ordered);
        if (step < TL_STEP_GENERALISE)
            left = plus(left, 2 * o->generalise_runs + 2);
        if (step <= TL_STEP_NEEDS && o->needs)
            left = plus(left, s->n + o->generalise_runs);
        if (step <= TL_STEP_CAUSES && o->causes)
            left = plus(left, s->n);
    }
    return left;
}

struct tl_search *tl_search_isolate(const struct tl_search_space *space, const uint64_t *failing,
                                    const struct tl_search_options *options)
{
    struct tl_search *s = tl_search_create(space, failing, options);
    if (s == NULL)
        return NULL;
    s->isolate = tl_isolate_new(s);
    s->step = isolate_step;
    s->left = isolate_left;
    s->report = tl_isolate_report;
    s->release = tl_isolate_release;
    return s;
}
