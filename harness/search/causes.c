/* Other triggers of the same failure: "or".
 *
 * A failure may have two causes, and F may hold both. M shows one of them then, and resets of what only the
 * other one needs look as if that did not matter. So F is tried with each axis of the trigger at its baseline,
 * one at a time: what fails then fails without M's trigger. So does every draw that broke the trigger and failed
 * all the same. From each of these variants that no known cause explains, another cause is isolated by the steps
 * that found M, with one run of each neighbour and of each other choice at the end. Where that finds one, the variant that it began with is
 * tried without each axis of it in turn: a third cause that F holds shows when both others are broken.
 *
 * That finds both causes where F holds both. Where F holds one only, another is found as far as the draws meet
 * it: what is reported is what was found so far.
 *
 * An isolation from another variant has its own F, M and state. They take the place of the search's while a step
 * of it runs. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define MOST_CAUSES 4

static void add_known(struct tl_search *s, struct tl_causes_state *c)
{
    struct tl_search_answer *known = TL_GROW(c->known, c->n_known);
    *known = (struct tl_search_answer){0};
    tl_answer_make(s, known);
}

static void add_start(struct tl_search *s, struct tl_causes_state *c, const uint64_t *index)
{
    *TL_GROW(c->starts, c->n_starts) = tl_index_copy(s, index);
}

/* A variant with one axis of a trigger at its baseline, or with its set broken in each way; what fails is a start where
 * that is wished. Returns whether an outcome is missing. */
static bool try_broken(struct tl_search *s, struct tl_causes_state *c, uint64_t *index, size_t axis,
                       uint64_t value, bool starts)
{
    uint64_t own = index[axis];
    size_t ways = tl_is_set(s, axis) ? tl_set_ways(s, axis, value) : 1;
    bool pending = false;
    for (size_t i = 0; i < ways; i++) {
        index[axis] = tl_is_set(s, axis) ? tl_set_broken(s, axis, own, value, i) : 0;
        enum tl_judgement j = tl_judge(s, index, 1, false, 0.05, TL_SEARCH_CAUSE, axis, 0, 0);
        pending = pending || j == TL_JUDGE_PENDING;
        if (starts && j == TL_JUDGE_FAIL)
            add_start(s, c, index);
        index[axis] = own;
    }
    return pending;
}

/* F without one axis of the trigger, for each of them; then the draws. */
static enum tl_search_progress find_starts(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    struct tl_causes_state *c = &z->causes;
    uint64_t *index = tl_index_copy(s, s->failing);
    bool pending = false;
    for (int pass = 0; pass < 2 && !pending; pass++) {
        for (size_t a = 0; a < s->n; a++) {
            if (s->best[a] == 0)
                continue;
            pending = try_broken(s, c, index, a, s->best[a], pass == 1) || pending;
        }
    }
    free(index);
    for (size_t i = 0; i < z->n_broken && !pending; i++)
        if (tl_point_verdict(tl_point_get(s, z->broken[i])) == TL_JUDGE_FAIL)
            add_start(s, c, z->broken[i]);
    return pending ? TL_PENDING : TL_DONE;
}

/* Whether a variant holds the trigger of a cause, as far as its values are known. */
static bool explains(const struct tl_search *s, const struct tl_search_answer *cause, const uint64_t *index)
{
    for (size_t i = 0; i < cause->n_triggers; i++) {
        const struct tl_search_trigger *t = &cause->triggers[i];
        uint64_t v = index[t->axis];
        bool meets = v == t->value || (s->space->axes[t->axis].ordered && v > t->value) ||
                     (tl_is_set(s, t->axis) && tl_set_contains(s, t->axis, v, t->value));
        for (size_t k = 0; k < t->n_fails && !meets; k++)
            meets = t->fails_with[k] == v;
        if (!meets)
            return false;
    }
    return true;
}

/* One step of the isolation from another variant, in the place of the search's own. */
static enum tl_search_progress sub_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    enum tl_search_progress p = TL_DONE;
    struct tl_neighbours_tried t = {.once = true, .choices = true};
    switch (z->step) {
    case TL_STEP_AXES:
        p = tl_axes_step(s);
        z->step = p == TL_DONE ? TL_STEP_CHOICES : z->step;
        break;
    case TL_STEP_CHOICES:
        p = tl_choices_step(s);
        z->step = p == TL_DONE ? TL_STEP_THRESHOLDS : z->step;
        break;
    case TL_STEP_THRESHOLDS:
        p = tl_thresholds_step(s);
        z->step = p == TL_DONE ? TL_STEP_CONFIRM : z->step;
        break;
    case TL_STEP_CONFIRM:
        t.tied = tl_calloc(s->n + 1, sizeof *t.tied);
        tl_neighbours_find(s);
        tl_neighbours_try(s, &t);
        if (t.pending)
            p = TL_PENDING;
        else if (t.failed != NULL)
            tl_neighbour_take(s, &t);
        else
            z->step = TL_STEP_END;
        free(t.failed);
        free(t.tied);
        break;
    default:
        return TL_DONE;
    }
    return p == TL_DONE ? TL_AGAIN : p;
}

static void swap(struct tl_search *s, struct tl_causes_state *c, struct tl_isolate_state **own)
{
    struct tl_isolate_state *state = s->isolate;
    uint64_t *failing = s->failing, *best = s->best;
    s->isolate = *own;
    *own = state;
    s->failing = c->failing;
    c->failing = failing;
    s->best = c->best;
    c->best = best;
}

/* Isolates the cause of one variant. */
static enum tl_search_progress isolate(struct tl_search *s, const uint64_t *start)
{
    struct tl_causes_state *c = &s->isolate->causes;
    if (c->sub == NULL) {
        c->sub = tl_isolate_new(s);
        c->sub->step = TL_STEP_AXES;
        c->failing = tl_index_copy(s, start);
        c->best = tl_index_copy(s, start);
        c->search_trials = s->search_trials;
    }
    struct tl_isolate_state *own = c->sub;
    bool complete = s->complete;
    swap(s, c, &own);
    enum tl_search_progress p;
    do
        p = sub_step(s);
    while (p == TL_AGAIN);
    if (p == TL_DONE) {
        s->complete = true;
        add_known(s, c);
    }
    swap(s, c, &own);
    s->complete = complete;
    s->mixed = false;
    if (p == TL_DONE) {
        s->search_trials = c->search_trials;
        tl_isolate_free(s, c->sub);
        free(c->failing);
        free(c->best);
        c->sub = NULL;
        c->failing = c->best = NULL;
    }
    return p;
}

/* The variant at which the last cause was found, without one axis of that cause, for each of them. */
static enum tl_search_progress split(struct tl_search *s)
{
    struct tl_causes_state *c = &s->isolate->causes;
    const struct tl_search_answer *cause = &c->known[c->n_known - 1];
    uint64_t *index = tl_index_copy(s, c->starts[c->at]);
    bool pending = false;
    for (int pass = 0; pass < 2 && !pending; pass++) {
        for (size_t i = 0; i < cause->n_triggers; i++) {
            size_t a = cause->triggers[i].axis;
            pending = try_broken(s, c, index, a, cause->triggers[i].value, pass == 1) || pending;
        }
    }
    free(index);
    return pending ? TL_PENDING : TL_DONE;
}

enum tl_search_progress tl_causes_step(struct tl_search *s)
{
    struct tl_causes_state *c = &s->isolate->causes;
    if (!s->options.causes)
        return TL_DONE;
    if (c->n_known == 0) {
        if (find_starts(s) == TL_PENDING)
            return TL_PENDING;
        add_known(s, c); /* M's own */
    }
    for (; c->at < c->n_starts && c->n_known <= MOST_CAUSES; c->at++) {
        bool known = false;
        for (size_t i = 0; i < c->n_known && c->sub == NULL && !c->split; i++)
            known = known || explains(s, &c->known[i], c->starts[c->at]);
        if (known)
            continue;
        if (!c->split && isolate(s, c->starts[c->at]) == TL_PENDING)
            return TL_PENDING;
        c->split = true;
        if (split(s) == TL_PENDING)
            return TL_PENDING;
        c->split = false;
    }
    return TL_DONE;
}
