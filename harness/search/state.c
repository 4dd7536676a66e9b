/* The state of an isolation: making it, releasing it, and sending it back to an earlier step.
 *
 * Any step may find that M is not what it seemed to be: a simpler variant fails, or one that failed passes.
 * What was concluded from M is thrown away then; the outcomes are kept, so that nothing is run twice. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ROUNDS 64

void tl_isolate_end(struct tl_search *s)
{
    s->isolate->step = TL_STEP_END;
}

void tl_probe_reset(struct tl_isolate_state *z)
{
    for (size_t i = 0; i < z->n_probes; i++)
        free(z->probes[i].index);
    free(z->probes);
    free(z->joint);
    z->probes = NULL;
    z->joint = NULL;
    z->n_probes = z->n_joint = 0;
    z->probes_made = false;
}

void tl_generalise_reset(struct tl_isolate_state *z)
{
    for (size_t i = 0; i < z->n_held; i++)
        free(z->held[i]);
    for (size_t i = 0; i < z->n_broken; i++)
        free(z->broken[i]);
    free(z->held);
    free(z->broken);
    free(z->broken_axis);
    z->held = z->broken = NULL;
    z->broken_axis = NULL;
    z->n_held = z->n_broken = 0;
    z->drawn = false;
}

static void need_free(struct tl_search_need *need)
{
    for (size_t i = 0; i < need->n; i++) {
        free(need->any_of[i].fails_with);
        free(need->any_of[i].passes_with);
    }
    free(need->any_of);
}

void tl_needs_reset(struct tl_isolate_state *z)
{
    struct tl_needs_state *d = &z->needs;
    for (size_t i = 0; i < d->n_needs; i++)
        need_free(&d->needs[i]);
    for (size_t i = 0; i < d->n_local; i++)
        need_free(&d->local[i]);
    for (size_t i = 0; i < d->n_draws; i++)
        free(d->draws[i]);
    free(d->local);
    free(d->needs);
    free(d->draws);
    free(d->held);
    *d = (struct tl_needs_state){0};
}

void tl_causes_reset(struct tl_search *s, struct tl_isolate_state *z)
{
    struct tl_causes_state *c = &z->causes;
    for (size_t i = 0; i < c->n_known; i++)
        tl_answer_clear(&c->known[i]);
    for (size_t i = 0; i < c->n_starts; i++)
        free(c->starts[i]);
    free(c->known);
    free(c->starts);
    tl_isolate_free(s, c->sub);
    free(c->failing);
    free(c->best);
    *c = (struct tl_causes_state){0};
}

static void begin_again(struct tl_search *s, enum tl_isolate_step step)
{
    struct tl_isolate_state *z = s->isolate;
    z->step = step;
    if (++z->rounds > MOST_ROUNDS) {
        tl_search_note(s, TL_NOTE_NOT_CONVERGED);
        tl_isolate_end(s);
    }
}

void tl_isolate_again(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    tl_probe_reset(z);
    s->complete = false;
    begin_again(s, TL_STEP_CHOICES);
}

/* What single runs said of the places of a failure that was taken for one that shows every time is forgotten. */
static void forget_places(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    if (z->headline == TL_HEADLINE_WIDE)
        return;
    for (size_t i = 0; i < s->n_places; i++) {
        struct tl_known_place *k = s->places[i];
        k->relation = k->refuted ? k->judged : k->relation;
        k->refuted = false;
    }
    memset(z->pinned, 0, s->n * sizeof *z->pinned);
    if (z->strict != NULL)
        tl_search_adopt(s, z->strict);
    free(z->strict);
    z->strict = NULL;
    tl_answer_clear(&z->answer);
    z->headline = TL_HEADLINE_LOOK;
    tl_search_rematch(s, false);
}

/* What was concluded from M. */
static void forget_steps(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    s->mixed = false;
    memset(z->choice_done, 0, s->n * sizeof *z->choice_done);
    memset(z->threshold_done, 0, s->n * sizeof *z->threshold_done);
    tl_set_free(z);
    tl_probe_reset(z);
    tl_generalise_reset(z);
    tl_needs_reset(z);
    tl_causes_reset(s, z);
    s->complete = false;
}

void tl_isolate_noisy(struct tl_search *s)
{
    s->noisy = true;
    tl_search_note(s, TL_NOTE_FLAKY);
    forget_steps(s);
    if (s->options.widen)
        forget_places(s);
    s->isolate->band_then_axes = true;
    begin_again(s, TL_STEP_BAND);
}

void tl_isolate_steady(struct tl_search *s)
{
    /* What was said of the M that is given up. */
    static const enum tl_search_note of_m[] = {TL_NOTE_BASELINE_FAILS,
                                               TL_NOTE_BAND,
                                               TL_NOTE_NON_MONOTONE,
                                               TL_NOTE_NOT_INDEPENDENT,
                                               TL_NOTE_OTHER_TRIGGER,
                                               TL_NOTE_JOINT,
                                               TL_NOTE_NEEDS_OPEN,
                                               TL_NOTE_NEIGHBOUR_UNSUPPORTED,
                                               TL_NOTE_NEIGHBOURS_UNSUPPORTED,
                                               TL_NOTE_ELEMENTS_OPEN};
    struct tl_isolate_state *z = s->isolate;
    tl_point_get(s, s->best)->rarer = true;
    s->steady++;
    s->noisy = false;
    for (size_t i = 0; i < sizeof of_m / sizeof *of_m; i++)
        s->notes[of_m[i]] = false;
    tl_search_note(s, TL_NOTE_RARER);
    forget_steps(s);
    if (s->options.widen)
        forget_places(s);
    memset(z->counter, 0, s->n * sizeof *z->counter);
    memset(z->band_checked, 0, s->n * sizeof *z->band_checked);
    for (size_t a = 0; a < s->n; a++) {
        free(z->bands[a].samples);
        z->bands[a] = (struct tl_search_band){0};
        z->gap_below[a] = UINT64_MAX;
    }
    z->band_then_axes = false;
    z->suspects = TL_SUSPECTS_OPEN;
    tl_search_adopt(s, s->failing);
    tl_axes_reset(&z->axes);
    begin_again(s, TL_STEP_AXES);
}

struct tl_isolate_state *tl_isolate_new(const struct tl_search *s)
{
    struct tl_isolate_state *z = tl_calloc(1, sizeof *z);
    size_t n = s->n + 1;
    z->choice_done = tl_calloc(n, sizeof *z->choice_done);
    z->threshold_done = tl_calloc(n, sizeof *z->threshold_done);
    z->gap_below = tl_malloc(n * sizeof *z->gap_below);
    for (size_t i = 0; i < n; i++)
        z->gap_below[i] = UINT64_MAX;
    z->bands = tl_calloc(n, sizeof *z->bands);
    z->band_checked = tl_calloc(n, sizeof *z->band_checked);
    z->moved = tl_calloc(n, sizeof *z->moved);
    z->counter = tl_calloc(n, sizeof *z->counter);
    z->counterexample = tl_calloc(n, sizeof *z->counterexample);
    z->varied = tl_calloc(n, sizeof *z->varied);
    z->masked = tl_calloc(n, sizeof *z->masked);
    z->pinned = tl_calloc(n, sizeof *z->pinned);
    return z;
}

void tl_isolate_free(struct tl_search *s, struct tl_isolate_state *z)
{
    if (z == NULL)
        return;
    tl_axes_reset(&z->axes);
    tl_search_line_free(&z->line);
    tl_set_free(z);
    tl_probe_reset(z);
    tl_generalise_reset(z);
    tl_needs_reset(z);
    tl_causes_reset(s, z);
    free(z->choice_done);
    free(z->threshold_done);
    free(z->gap_below);
    for (size_t a = 0; a < s->n; a++)
        free(z->bands[a].samples);
    free(z->bands);
    free(z->band_checked);
    free(z->neighbours);
    free(z->moved);
    free(z->counter);
    free(z->counterexample);
    free(z->varied);
    free(z->strict);
    free(z->masked);
    free(z->pinned);
    tl_answer_clear(&z->answer);
    free(z);
}

void tl_isolate_release(struct tl_search *s)
{
    tl_isolate_free(s, s->isolate);
    s->isolate = NULL;
}
