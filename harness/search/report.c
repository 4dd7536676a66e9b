/* The result of an isolation, from all that is known of the minimal variant (M) and of what differs from it
 * in one axis. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

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

static void trigger(struct tl_search *s, size_t axis, const struct tl_point *m)
{
    const struct tl_isolate_state *z = s->isolate;
    struct tl_search_result *r = &s->result;
    struct tl_search_trigger *t = &r->triggers[r->n_triggers++];
    size_t n;
    const struct tl_point **list = tl_search_along(s, axis, &n), *pass = NULL;
    bool ordered = s->space->axes[axis].ordered, simpler_other = false, simpler_pass = false;
    t->axis = axis;
    t->value = s->best[axis];
    for (size_t i = 0; i < n; i++) {
        uint64_t value = list[i]->index[axis];
        bool simpler = value < t->value;
        switch (tl_point_verdict(list[i])) {
        case TL_JUDGE_FAIL:
            if (!ordered || !simpler)
                add(&t->fails_with, &t->n_fails, value);
            break;
        case TL_JUDGE_PASS:
            if (ordered && !simpler)
                break;
            add(&t->passes_with, &t->n_passes, value);
            simpler_pass = simpler_pass || simpler;
            if (simpler && (ordered || pass == NULL))
                pass = list[i];
            break;
        case TL_JUDGE_OTHER:
            add(&t->other_with, &t->n_other, value);
            simpler_other = simpler_other || simpler;
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
    t->unresolved = !simpler_pass && !simpler_other;
    t->masked = simpler_other && !simpler_pass;
    if (t->masked && !tl_search_has_note(r, TL_NOTE_MASKED))
        r->notes[r->n_notes++] = TL_NOTE_MASKED;
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
        t->gap = passes + 1 < t->value;
        t->threshold = z->gap_below[axis] == passes || all_closed(list, n, axis, passes + 1, t->value);
    }
    if (pass != NULL)
        r->decisive[r->n_decisive++] = (struct tl_search_pair){.axis = axis,
                                                               .fails = m->index,
                                                               .passes = pass->index,
                                                               .n_fails = m->seen[TL_SEARCH_MATCH],
                                                               .n_passes = pass->seen[TL_SEARCH_PASS]};
    free(list);
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

void tl_isolate_report(struct tl_search *s)
{
    const struct tl_isolate_state *z = s->isolate;
    struct tl_search_result *r = &s->result;
    const struct tl_point *m = tl_point_get(s, s->best);
    r->reproduced = r->reproduced || m->seen[TL_SEARCH_MATCH] > 0;
    const uint32_t *seen = m->told_fresh > 0 ? m->seen_fresh : m->seen;
    r->rate[0] = seen[TL_SEARCH_MATCH];
    r->rate[1] = tl_runs_seen(seen);
    tl_wilson(r->rate[0], r->rate[1], s->options.confidence, &r->rate_low, &r->rate_high);
    if (!r->reproduced)
        return;
    r->minimal = m->index;
    r->triggers = tl_calloc(s->n + 1, sizeof *r->triggers);
    r->decisive = tl_calloc(s->n + 1, sizeof *r->decisive);
    r->irrelevant = tl_calloc(s->n + 1, sizeof *r->irrelevant);
    bool all_held = z->held_count[1] > 0 && z->held_count[0] == z->held_count[1] && z->step == TL_STEP_END;
    for (size_t a = 0; a < s->n; a++) {
        if (s->best[a] != 0)
            trigger(s, a, m);
        else if (s->failing[a] != 0 || (all_held && z->varied[a]))
            r->irrelevant[r->n_irrelevant++] = (struct tl_search_irrelevant){a, all_held && z->varied[a]};
    }
    r->joint = tl_calloc(z->n_joint + 1, sizeof *r->joint);
    for (size_t i = 0; i < z->n_joint; i++)
        r->joint[r->n_joint++] = z->joint[i];
    for (int i = 0; i < 2; i++) {
        r->held[i] = z->held_count[i];
        r->broken[i] = z->broken_count[i];
    }
    r->not_held = z->not_held;
    r->also = z->also;
    if (s->noisy && s->complete)
        r->confidence = certainty(s);
}
