/* One bug at several places, or two bugs: for what failure M is minimal.
 *
 * A bug may show at several places in the code, each with a signature of its own, and which one it is often
 * depends on axes that have nothing to do with the bug: the data type that chose a kernel, the size that
 * unrolled a loop. By signature alone these axes get into the trigger, as their reset "fails in another way".
 * To match by the kind of failure from the beginning would be no better: it slips to any other bug of that
 * kind.
 *
 * So M is first made minimal by signature. Where none of its simpler neighbours fails in another way of the
 * same kind, it is the answer, and nothing was spent. Otherwise the axes whose reset does so are masked. From
 * now on a failure of the kind matches too, unless its signature was judged to be another bug, and W is
 * looked for: M with all masked axes reset at once, else one by one, and from there to 1-minimality by the
 * steps that follow.
 *
 * A value may crash for its own sake, in any variant: then the other signature needs what M does not have,
 * and dropping the axis would name the wrong bug. So there is a guard. For every axis that is simpler in W
 * than in M other values are tried at W. Where the axis does not matter all of them fail. One that passes
 * shows that the failure at W depends on the axis: the signature that W shows is another bug, or, where it is
 * M's own, the axis stays as it is in M. Then W is looked for again.
 *
 * The other signature may also need what was reset long before, and M shows without it. So F is tried with what
 * was dropped between M and W, and later every variant that is drawn with W's trigger and passes: when it fails
 * with what was dropped put back as it is in M, then M's failure does not need what makes W's go away, and W is
 * refuted in the same way.
 *
 * What no outcome can tell is whether a bug that needs a part of M's trigger hides behind it: that takes the
 * caller's judgement of the two signatures (by their stacks, or by the builds in which they fail). Where it is
 * not known the answer says that it may be two bugs.
 *
 * Where F itself shows several signatures of one kind they are the same bug, as they come from one variant,
 * and the kind is matched from the beginning. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* One value of dozens that passes refutes W. Of a failure that does not show every time, the chance that a pass is luck
 * is kept as small as that demands. */
#define REFUTES 0.0002

/* A rate says how often something has to pass. Of M, or W, it is measured first, as `confirm` would do next. */
static bool rate_known(struct tl_search *s)
{
    return !s->noisy ||
           tl_want(s, s->best, s->options.band_runs, true, TL_SEARCH_CONFIRM, TL_NO_AXIS, 0, 0) != NULL;
}

/* M's simpler neighbours, one run each: they are those that `confirm` runs again. */
static enum tl_search_progress look(struct tl_search *s, bool *simpler)
{
    struct tl_isolate_state *z = s->isolate;
    struct tl_neighbours_tried t = {.once = true, .tied = tl_calloc(s->n + 1, sizeof *t.tied)};
    bool any = false;
    tl_neighbours_find(s);
    if (rate_known(s))
        tl_neighbours_try(s, &t);
    else
        t.pending = true;
    memset(z->masked, 0, s->n * sizeof *z->masked);
    for (size_t i = 0; i < z->n_neighbours && !t.pending; i++) {
        const struct tl_neighbour *n = &z->neighbours[i];
        const struct tl_point *p = tl_point_get(s, tl_search_beside(s, n->axis, n->value));
        /* A failure that does not show every time passes there, too, in between. */
        if (n->simpler && p->seen[TL_SEARCH_MATCH] == 0 && p->shows != NULL)
            z->masked[n->axis] = any = true;
    }
    /* One that fails by signature is taken by `confirm`, which runs M again, too: M may be on a slope. */
    *simpler = !t.pending && t.failed != NULL;
    if (!t.pending && !*simpler && any) {
        z->strict = tl_index_copy(s, s->best);
        tl_answer_make(s, &z->answer);
        tl_search_rematch(s, true);
        z->headline = TL_HEADLINE_WIDEN;
    } else if (!t.pending && !*simpler) {
        z->headline = TL_HEADLINE_NONE;
    }
    free(t.failed);
    free(t.tied);
    return t.pending ? TL_PENDING : TL_AGAIN;
}

/* In a quick search: no neighbour is tried for that. */
static void look_quickly(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    memset(z->masked, 0, s->n * sizeof *z->masked);
    if (!tl_quick_masked(s, z->masked)) {
        z->headline = TL_HEADLINE_NONE;
        return;
    }
    z->strict = tl_index_copy(s, s->best);
    tl_answer_make(s, &z->answer);
    tl_search_rematch(s, true);
    z->headline = TL_HEADLINE_WIDEN;
}

static enum tl_judgement place(struct tl_search *s, const uint64_t *index)
{
    return tl_judge(s, index, 1, false, 0.05, TL_SEARCH_PLACE, TL_NO_AXIS, 0, 0);
}

/* W: the baseline if that was seen to fail so, else M with all masked axes reset, else one after the other. */
static enum tl_search_progress widen(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    uint64_t *w = tl_calloc(s->n + 1, sizeof *w);
    size_t n_pinned = 0, n_masked = 0;
    for (size_t a = 0; a < s->n; a++) {
        n_pinned += z->pinned[a];
        n_masked += z->masked[a] && !z->pinned[a];
    }
    enum tl_judgement j = TL_JUDGE_PASS;
    if (n_pinned == 0 && tl_point_get(s, w)->told > 0)
        j = place(s, w);
    if (j != TL_JUDGE_FAIL && j != TL_JUDGE_PENDING && n_masked > 1) {
        for (size_t a = 0; a < s->n; a++)
            w[a] = z->masked[a] && !z->pinned[a] ? 0 : z->strict[a];
        j = place(s, w);
    }
    if (j != TL_JUDGE_FAIL) {
        if (s->n > 0)
            memcpy(w, z->strict, s->n * sizeof *w);
        for (size_t a = 0; a < s->n && j != TL_JUDGE_PENDING; a++) {
            if (!z->masked[a] || z->pinned[a])
                continue;
            w[a] = 0;
            j = place(s, w);
            if (j != TL_JUDGE_FAIL)
                w[a] = z->strict[a];
        }
    }
    if (j != TL_JUDGE_PENDING) {
        tl_search_adopt(s, w);
        /* What is masked and stays may be simpler by the wide match. */
        for (size_t a = 0; a < s->n; a++)
            if (z->masked[a])
                z->choice_done[a] = z->threshold_done[a] = 0;
    }
    free(w);
    return j == TL_JUDGE_PENDING ? TL_PENDING : TL_DONE;
}

/* Tries a value of an axis that was dropped. */
static void guard_value(struct tl_search *s, size_t axis, uint64_t value, bool *pending, bool *passes)
{
    if (value == s->best[axis] || (value >= s->space->axes[axis].count && !tl_is_set(s, axis)))
        return;
    enum tl_judgement j =
        tl_judge(s, tl_search_beside(s, axis, value), 1, false, REFUTES, TL_SEARCH_GUARD, axis, 0, 0);
    *pending = *pending || j == TL_JUDGE_PENDING;
    *passes = *passes || j == TL_JUDGE_PASS;
}

/* Values of an axis that is simpler in W than in M: of a choice all, of a range its ends, M's and powers of
 * four. */
static void guard_axis(struct tl_search *s, size_t axis, bool *pending, bool *passes)
{
    uint64_t count = s->space->axes[axis].count, m = s->isolate->strict[axis];
    if (!s->space->axes[axis].ordered) {
        for (uint64_t v = 0; v < count && v <= s->options.widen_most; v++)
            guard_value(s, axis, v, pending, passes);
        guard_value(s, axis, m, pending, passes);
        return;
    }
    uint64_t values[2 + 32] = {m, count - 1};
    size_t n = 2;
    for (unsigned bits = 0; bits < 64 && (uint64_t)1 << bits < count; bits += 2)
        values[n++] = (uint64_t)1 << bits;
    for (size_t i = 0; i < n; i++) {
        bool again = false;
        for (size_t k = 0; k < i; k++)
            again = again || values[k] == values[i];
        if (!again)
            guard_value(s, axis, values[i], pending, passes);
    }
}

/* W is another failure than M: its signature is another bug, whatever it was judged to be, as outcomes tell
 * more than stacks. Where W shows M's own signature the axes that were found to matter stay as they are in M,
 * and where none was found all that were dropped. */
static void refute(struct tl_search *s, const bool *matters)
{
    struct tl_isolate_state *z = s->isolate;
    struct tl_point *w = tl_point_get(s, s->best);
    if (w->exact == 0 && w->shows != NULL) {
        if (!w->shows->refuted)
            w->shows->judged = w->shows->relation;
        w->shows->refuted = true;
        w->shows->relation = TL_RELATION_OTHER;
    } else {
        bool any = false;
        for (size_t a = 0; a < s->n; a++)
            any = any || (matters[a] && !z->pinned[a]);
        for (size_t a = 0; a < s->n; a++)
            z->pinned[a] = z->pinned[a] || (any ? matters[a] : s->best[a] < z->strict[a]);
    }
    z->headline = TL_HEADLINE_WIDEN;
    tl_search_rematch(s, true);
}

/* What is tried to refute W costs nothing where one bug shows at several places: it fails at once. */
static enum tl_judgement guard_judge(struct tl_search *s, const uint64_t *index)
{
    return tl_judge(s, index, 1, false, REFUTES, TL_SEARCH_GUARD, TL_NO_AXIS, 0, 0);
}

/* Whether a variant that passes with W's trigger fails with what was dropped put back, alone or together. */
static enum tl_search_progress refutes(struct tl_search *s, const uint64_t *passes, bool *refuted,
                                       bool *matters)
{
    struct tl_isolate_state *z = s->isolate;
    uint64_t *back = tl_index_copy(s, passes);
    for (size_t a = 0; a < s->n; a++)
        if (s->best[a] < z->strict[a])
            back[a] = z->strict[a];
    enum tl_judgement j = guard_judge(s, back);
    bool pending = j == TL_JUDGE_PENDING;
    *refuted = j == TL_JUDGE_FAIL;
    for (size_t a = 0; a < s->n && *refuted; a++) {
        if (s->best[a] >= z->strict[a])
            continue;
        memcpy(back, passes, s->n * sizeof *back);
        back[a] = z->strict[a];
        j = guard_judge(s, back);
        pending = pending || j == TL_JUDGE_PENDING;
        matters[a] = j == TL_JUDGE_FAIL;
    }
    free(back);
    *refuted = *refuted && !pending;
    return pending ? TL_PENDING : TL_DONE;
}

/* F with what was dropped between M and W. */
static enum tl_search_progress guard_failing(struct tl_search *s, bool *refuted, bool *matters)
{
    const struct tl_isolate_state *z = s->isolate;
    uint64_t *index = tl_index_copy(s, s->failing);
    bool dropped = false;
    for (size_t a = 0; a < s->n; a++) {
        if (s->best[a] < z->strict[a]) {
            index[a] = s->best[a];
            dropped = true;
        }
    }
    *refuted = false;
    enum tl_search_progress p = TL_DONE;
    enum tl_judgement j = dropped ? guard_judge(s, index) : TL_JUDGE_FAIL;
    if (j == TL_JUDGE_PENDING)
        p = TL_PENDING;
    else if (j == TL_JUDGE_PASS)
        p = refutes(s, index, refuted, matters);
    free(index);
    return p;
}

/* Whether W is the same failure as M, as far as other variants tell. */
static enum tl_search_progress guard(struct tl_search *s, bool *refuted)
{
    struct tl_isolate_state *z = s->isolate;
    *refuted = false;
    if (!tl_index_equal(s, s->best, z->strict) && !rate_known(s))
        return TL_PENDING;
    bool *matters = tl_calloc(s->n + 1, sizeof *matters);
    bool pending = guard_failing(s, refuted, matters) == TL_PENDING;
    for (size_t a = 0; a < s->n && !pending && !*refuted; a++)
        if (s->best[a] < z->strict[a] && !z->pinned[a])
            guard_axis(s, a, &pending, &matters[a]);
    for (size_t a = 0; a < s->n; a++)
        *refuted = *refuted || matters[a];
    *refuted = *refuted && !pending;
    if (*refuted)
        refute(s, matters);
    free(matters);
    return pending ? TL_PENDING : TL_DONE;
}

enum tl_search_progress tl_headline_check(struct tl_search *s, uint64_t *const *held, size_t n, bool *refuted)
{
    struct tl_isolate_state *z = s->isolate;
    *refuted = false;
    if (z->headline != TL_HEADLINE_GUARD || tl_index_equal(s, s->best, z->strict))
        return TL_DONE;
    bool *matters = tl_calloc(s->n + 1, sizeof *matters);
    enum tl_search_progress p = TL_DONE;
    for (size_t i = 0; i < n && p == TL_DONE && !*refuted; i++)
        if (tl_point_verdict(tl_point_get(s, held[i])) == TL_JUDGE_PASS)
            p = refutes(s, held[i], refuted, matters);
    if (*refuted)
        refute(s, matters);
    free(matters);
    return p;
}

enum tl_search_progress tl_headline_step(struct tl_search *s, bool *taken)
{
    struct tl_isolate_state *z = s->isolate;
    *taken = false;
    if (!s->options.widen || s->target_kind == NULL)
        return TL_DONE;
    for (;;) {
        bool refuted, simpler;
        switch (z->headline) {
        case TL_HEADLINE_LOOK:
            if (s->options.quick) {
                look_quickly(s);
                break;
            }
            if (look(s, &simpler) == TL_PENDING)
                return TL_PENDING;
            if (simpler)
                return TL_DONE;
            break;
        case TL_HEADLINE_WIDEN:
            if (widen(s) == TL_PENDING)
                return TL_PENDING;
            z->headline = TL_HEADLINE_GUARD;
            *taken = true;
            return TL_DONE;
        case TL_HEADLINE_GUARD:
            if (s->options.quick)
                return TL_DONE;
            if (guard(s, &refuted) == TL_PENDING)
                return TL_PENDING;
            if (!refuted)
                return TL_DONE;
            break;
        case TL_HEADLINE_NONE:
        case TL_HEADLINE_WIDE:
            return TL_DONE;
        }
    }
}
