/* The result of an isolation, from all that is known of the minimal variant (M) and of what differs from it
 * in one axis. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

#define LUCK 0.01     /* a pass that is more likely to be luck says nothing */
#define LEAST_DRAWS 8 /* that an axis is called independent on */

static void add(uint64_t **list, size_t *n, uint64_t value)
{
    *TL_GROW(*list, *n) = value;
}

/* The rate at a value of the axis, with the runs that came after it was measured. */
static struct tl_search_rate rate_of(const struct tl_point **list, size_t n, size_t axis,
                                     struct tl_search_rate known)
{
    for (size_t i = 0; i < n; i++)
        if (list[i]->index[axis] == known.value && list[i]->told > known.runs)
            return (struct tl_search_rate){known.value, list[i]->seen[TL_SEARCH_MATCH], list[i]->told};
    return known;
}

/* Whether it is known of each value from first to end - 1 that it cannot be tried. */
static bool all_closed(const struct tl_point **list, size_t n, size_t axis, uint64_t first, uint64_t end)
{
    uint64_t closed = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t value = list[i]->index[axis];
        closed += value >= first && value < end && tl_point_verdict(list[i]) == TL_JUDGE_UNRESOLVED;
    }
    return closed == end - first;
}

/* What one variant next to M says; PENDING: it passed, but so seldom that it may be luck. An axis that is pinned was
 * kept because its other values show another bug. */
static enum tl_judgement verdict(struct tl_search *s, size_t axis, const struct tl_point *p)
{
    enum tl_judgement j = tl_point_verdict(p);
    if (j == TL_JUDGE_PASS && s->noisy) {
        struct tl_rate_belief b;
        tl_search_rates(s, &b);
        j = tl_rate_belief_miss(&b, p->told) < LUCK ? j : TL_JUDGE_PENDING;
    }
    bool elsewhere = s->isolate->pinned[axis] && p->exact == 0 && p->index[axis] < s->best[axis];
    return j == TL_JUDGE_FAIL && elsewhere ? TL_JUDGE_OTHER : j;
}

/* One axis of the trigger; the simplest variant that passes, or NULL. */
static const struct tl_point *trigger(struct tl_search *s, size_t axis, struct tl_search_trigger *t)
{
    const struct tl_isolate_state *z = s->isolate;
    size_t n;
    const struct tl_point **list = tl_search_along(s, axis, &n), *pass = NULL;
    bool ordered = s->space->axes[axis].ordered, simpler_other = false, simpler_pass = false,
         simpler_rarer = false;
    t->axis = axis;
    t->value = s->best[axis];
    t->every = ordered && tl_every_value(s, axis) && n >= s->space->axes[axis].count;
    for (size_t i = 0; i < n; i++) {
        uint64_t value = list[i]->index[axis];
        bool simpler = value < t->value;
        if (tl_is_set(s, axis) && value != t->value) {
            if (!tl_is_next_set(s, axis, value))
                continue; /* the way to it says nothing of the answer */
            simpler = true;
        }
        /* What lies within a band neither passes nor fails: its rates say what it does. */
        if (z->bands[axis].is_band && simpler && value > z->bands[axis].never.value)
            continue;
        if (list[i]->rarer) {
            add(&t->rarer_with, &t->n_rarer, value);
            simpler_rarer = simpler_rarer || simpler;
            continue;
        }
        switch (verdict(s, axis, list[i])) {
        case TL_JUDGE_FAIL:
            if (!ordered || !simpler)
                add(&t->fails_with, &t->n_fails, value);
            break;
        case TL_JUDGE_PASS:
            t->set = t->set || (ordered && !simpler && t->every);
            if (ordered && !simpler)
                break;
            add(&t->passes_with, &t->n_passes, value);
            simpler_pass = simpler_pass || simpler;
            /* One that is shown has to have a trial of its own. */
            if (simpler && (ordered || pass == NULL || (tl_is_set(s, axis) && pass->index[axis] == 0)) &&
                list[i]->told > list[i]->shared)
                pass = list[i];
            break;
        case TL_JUDGE_OTHER:
            add(&t->other_with, &t->n_other, value);
            simpler_other = simpler_other || simpler;
            break;
        case TL_JUDGE_PENDING:
            break;
        default:
            add(&t->unsupported_with, &t->n_unsupported, value);
        }
    }
    if (ordered) { /* the nearest first */
        for (size_t i = 0; i < t->n_passes / 2; i++) {
            uint64_t swap = t->passes_with[i];
            t->passes_with[i] = t->passes_with[t->n_passes - 1 - i];
            t->passes_with[t->n_passes - 1 - i] = swap;
        }
    }
    for (size_t i = 0; i < n && t->every; i++)
        if (list[i]->index[axis] > t->value && !list[i]->rarer && verdict(s, axis, list[i]) == TL_JUDGE_PASS)
            add(&t->passes_with, &t->n_passes, list[i]->index[axis]);
    if (tl_is_set(s, axis))
        t->open = tl_set_open(s, axis, list, n, &t->n_open);
    t->unresolved = !simpler_pass && !simpler_other && !simpler_rarer;
    t->masked = simpler_other && !simpler_pass;
    t->non_monotone = z->counter[axis];
    t->counterexample = z->counterexample[axis];
    t->band = z->bands[axis];
    t->band.samples = NULL;
    t->band.n_samples = 0;
    if (t->band.is_band) {
        t->band.n_samples = z->bands[axis].n_samples;
        t->band.samples = tl_calloc(t->band.n_samples + 1, sizeof *t->band.samples);
        for (size_t i = 0; i < t->band.n_samples; i++)
            t->band.samples[i] = rate_of(list, n, axis, z->bands[axis].samples[i]);
        t->band.never = rate_of(list, n, axis, t->band.never);
        t->band.always = rate_of(list, n, axis, t->band.always);
        t->band.has_never = t->band.never.runs > 0 && t->band.never.failed == 0;
    } else if (ordered && pass != NULL) {
        uint64_t passes = pass->index[axis];
        t->gap = passes + 1 < t->value && !simpler_rarer;
        t->threshold = z->gap_below[axis] == passes || all_closed(list, n, axis, passes + 1, t->value);
    }
    free(list);
    return pass;
}

static struct tl_search_pair pair(size_t axis, const struct tl_point *fails, const struct tl_point *passes)
{
    return (struct tl_search_pair){.axis = axis,
                                   .fails = fails->index,
                                   .passes = passes->index,
                                   .n_fails = fails->seen[TL_SEARCH_MATCH],
                                   .n_passes = passes->seen[TL_SEARCH_PASS]};
}

/* M, and M with another value of an axis, where that passes. */
static void add_pair(struct tl_search *s, size_t axis, uint64_t value, struct tl_search_pair *decisive,
                     size_t *n)
{
    const struct tl_point *p = tl_point_get(s, tl_search_beside(s, axis, value));
    if (p->told > 0 && verdict(s, axis, p) == TL_JUDGE_PASS)
        decisive[(*n)++] = pair(axis, tl_point_get(s, s->best), p);
}

/* How many pairs there may be. */
static size_t most_pairs(const struct tl_search *s)
{
    size_t n = s->n + 1;
    for (size_t a = 0; a < s->n; a++)
        n += tl_is_set(s, a) ? tl_set_neighbours(s, a, s->best[a]) : 0;
    return n;
}

static void make(struct tl_search *s, struct tl_search_answer *answer, struct tl_search_pair *decisive,
                 size_t *n_decisive)
{
    const struct tl_point *m = tl_point_get(s, s->best);
    *answer = (struct tl_search_answer){.minimal = m->index, .complete = s->complete};
    answer->rate[0] = m->seen[TL_SEARCH_MATCH];
    answer->rate[1] = tl_runs_seen(m->seen);
    answer->elsewhere = m->exact == 0 && m->shows != NULL ? m->shows->signature : NULL;
    answer->triggers = tl_calloc(s->n + 1, sizeof *answer->triggers);
    for (size_t a = 0; a < s->n; a++) {
        if (s->best[a] == 0)
            continue;
        const struct tl_point *pass = trigger(s, a, &answer->triggers[answer->n_triggers++]);
        size_t before = n_decisive != NULL ? *n_decisive : 0;
        for (size_t i = 0; decisive != NULL && tl_is_set(s, a) && i < tl_set_neighbours(s, a, s->best[a]);
             i++)
            add_pair(s, a, tl_set_remove(s, a, s->best[a], s->best[a], i), decisive, n_decisive);
        if (pass != NULL && decisive != NULL && *n_decisive == before)
            decisive[(*n_decisive)++] = pair(a, m, pass);
    }
}

void tl_answer_make(struct tl_search *s, struct tl_search_answer *answer)
{
    tl_answer_clear(answer);
    make(s, answer, NULL, NULL);
}

/* The chance that every neighbour of M that passed would not fail after all, given how often M fails. */
static double certainty(struct tl_search *s)
{
    struct tl_rate_belief b;
    tl_search_rates(s, &b);
    double wrong = 0;
    for (size_t i = 0; i < s->isolate->n_neighbours; i++) {
        const struct tl_neighbour *n = &s->isolate->neighbours[i];
        if (!n->simpler)
            continue;
        const struct tl_point *p = tl_point_get(s, tl_search_beside(s, n->axis, n->value));
        if (!tl_point_closed(p))
            wrong += tl_rate_belief_miss(&b, p->told);
    }
    return wrong < 1 ? 1 - wrong : 0;
}

static void add_note(struct tl_search_result *r, enum tl_search_note n, bool holds)
{
    if (holds && !tl_search_has_note(r, n))
        r->notes[r->n_notes++] = n;
}

/* What was another failure by its signature turned out to be the answer. */
static void baseline_is_the_answer(struct tl_search_result *r)
{
    for (size_t i = 0; i < r->n_notes; i++)
        if (r->notes[i] == TL_NOTE_BASELINE_OTHER)
            r->notes[i] = TL_NOTE_BASELINE_FAILS;
}

/* Whether nothing tells if what M shows is the same bug as what was isolated by signature. */
static bool may_be_two(const struct tl_search *s, const struct tl_point *m)
{
    const struct tl_isolate_state *z = s->isolate;
    return z->strict != NULL && s->wide && m->exact == 0 && m->shows != NULL &&
           m->shows->relation != TL_RELATION_SAME;
}

/* Every signature that counts as the failure that is isolated. */
static void add_places(struct tl_search *s)
{
    struct tl_search_result *r = &s->result;
    r->places = tl_calloc(s->n_places + 1, sizeof *r->places);
    r->places[r->n_places++] = (struct tl_search_place){s->target, TL_RELATION_SAME, NULL, 0};
    for (size_t i = 0; i < s->n_runs; i++) {
        const struct tl_search_run *run = &s->runs[i];
        if (run->outcome != TL_SEARCH_MATCH)
            continue;
        size_t j = 0;
        while (j < r->n_places && r->places[j].signature != run->place->signature)
            j++;
        if (j == r->n_places)
            r->places[r->n_places++] =
                (struct tl_search_place){run->place->signature, run->place->relation, NULL, 0};
        if (r->places[j].seen++ == 0)
            r->places[j].index = run->point->index;
    }
}

/* Whether another cause than M's needs the axis. */
static bool in_cause(const struct tl_isolate_state *z, size_t axis)
{
    for (size_t i = 1; i < z->causes.n_known; i++)
        for (size_t k = 0; k < z->causes.known[i].n_triggers; k++)
            if (z->causes.known[i].triggers[k].axis == axis)
                return true;
    return false;
}

/* The axes that are at their baseline in M, by what is known of them. */
static void add_independent(struct tl_search *s)
{
    const struct tl_isolate_state *z = s->isolate;
    struct tl_search_result *r = &s->result;
    bool shown = z->held_count[0] == z->held_count[1] && z->step >= TL_STEP_CAUSES &&
                 (z->held_count[1] >= LEAST_DRAWS || (z->all_drawn && z->held_count[1] > 0));
    r->independent = tl_calloc(s->n + 1, sizeof *r->independent);
    r->reset = tl_calloc(s->n + 1, sizeof *r->reset);
    for (size_t a = 0; a < s->n; a++) {
        uint64_t count = s->space->axes[a].count;
        if (s->best[a] != 0 || in_cause(z, a) || (z->needs.held != NULL && z->needs.held[a]))
            continue;
        if (shown && count > 1 && (z->varied[a] >= 3 || z->varied[a] == count))
            r->independent[r->n_independent++] = a;
        else if (s->failing[a] != 0)
            r->reset[r->n_reset++] = a;
    }
}

void tl_isolate_report(struct tl_search *s)
{
    const struct tl_isolate_state *z = s->isolate;
    struct tl_search_result *r = &s->result;
    tl_counted_report(s);
    add_note(r, TL_NOTE_QUICK, s->options.quick);
    const struct tl_point *m = tl_point_get(s, s->best);
    r->reproduced = r->reproduced || m->seen[TL_SEARCH_MATCH] > 0;
    const uint32_t *seen = m->told_fresh > 0 ? m->seen_fresh : m->seen;
    r->rate[0] = seen[TL_SEARCH_MATCH];
    r->rate[1] = tl_runs_seen(seen);
    tl_wilson(r->rate[0], r->rate[1], s->options.confidence, &r->rate_low, &r->rate_high);
    if (!r->reproduced)
        return;
    struct tl_search_answer answer;
    r->decisive = tl_calloc(most_pairs(s), sizeof *r->decisive);
    make(s, &answer, r->decisive, &r->n_decisive);
    r->minimal = answer.minimal;
    r->triggers = answer.triggers;
    r->n_triggers = answer.n_triggers;
    if (z->answer.minimal != r->minimal)
        r->strict = z->answer;
    for (size_t i = 0; i < r->n_triggers; i++) {
        add_note(r, TL_NOTE_MASKED, r->triggers[i].masked);
        add_note(r, TL_NOTE_ELEMENTS_OPEN, s->complete && r->triggers[i].n_open > 0);
    }
    add_note(r, TL_NOTE_MAY_BE_TWO, may_be_two(s, m));
    if (s->wide && r->n_triggers == 0 && m->seen[TL_SEARCH_MATCH] > 0)
        baseline_is_the_answer(r);
    add_places(s);
    r->n_causes = z->causes.n_known > 0 ? z->causes.n_known - 1 : 0;
    r->causes = r->n_causes > 0 ? &z->causes.known[1] : NULL;
    r->n_needs = z->needs.n_needs;
    r->needs = z->needs.needs;
    r->n_local_needs = z->needs.n_local;
    r->local_needs = z->needs.local;
    add_independent(s);
    r->joint = tl_calloc(z->n_joint + 1, sizeof *r->joint);
    for (size_t i = 0; i < z->n_joint; i++)
        r->joint[r->n_joint++] = z->joint[i];
    for (int i = 0; i < 2; i++) {
        r->held[i] = z->held_count[i];
        r->broken[i] = z->broken_count[i];
    }
    r->held_exact = z->held_exact;
    r->broken_exact = z->broken_exact;
    r->not_held = z->not_held;
    r->also = z->also;
    if (s->noisy && s->complete)
        r->confidence = certainty(s);
}
