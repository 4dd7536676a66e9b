/* Looks for a failing variant when none is given.
 *
 * Most failures need one value or two together, so the variants of a covering array, in which every pair of
 * values of every two axes occurs at least once, are tried one after the other. The first of them that fails
 * is taken, whichever ends first: what is found does not depend on how many run side by side.
 *
 * A failure that is known from before, or a pass where nothing failed, is tried again (stored.h). */
#include "harness/campaign/sweep.h"

#include "harness/base/buffer.h"
#include "harness/campaign/choice.h"
#include "harness/campaign/stored.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 4          /* times that it is done anew after a contradiction */
#define SWEEP_TRIALS 2000 /* at most, when the user sets no budget */

struct call_context {
    struct tl_sweep *w;
    size_t at;
};

static void on_swept(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct call_context *context = arg;
    struct tl_sweep *w = context->w;
    bool known = cached && !failure && r->started_us < tl_executor_started_us(w->x);
    if (!failure && r->outcome == TL_OUTCOME_LOST && tl_executor_out_of_time(w->x)) {
        free(context); /* it was stopped, and says nothing */
        return;
    }
    w->ended++;
    w->unsupported += !failure && r->outcome == TL_OUTCOME_UNSUPPORTED;
    if (!failure && tl_outcome_is_not_judged(r->outcome, r->phase) && !w->not_judged++)
        w->why_not_judged = tl_strdup(r->message);
    if (!failure && tl_outcome_is_failure(r->outcome) && r->outcome != TL_OUTCOME_LOST &&
        (!w->found || context->at < w->at)) {
        w->found = true;
        w->at = context->at;
        w->known = known;
        w->fresh = r->fresh;
    } else if (!w->found && known && r->outcome == TL_OUTCOME_PASS) {
        w->at = context->at;
        w->known = true;
        w->fresh = r->fresh;
    }
    free(context);
}

int tl_sweep_plan(struct tl_sweep *w, const struct tl_campaign_isolation *s, struct tl_error *e)
{
    struct tl_choice values;
    uint64_t impossible, budget = s->wishes.max_trials;
    *w = (struct tl_sweep){0};
    tl_choice_begin(&values, s->c);
    for (size_t i = 0; i < s->c->n_axes; i++)
        tl_choice_add_spread(&values, i);
    int result = tl_choice_pairs(&values, &w->variants, &w->n_variants, &impossible);
    tl_choice_free(&values);
    if (result)
        return tl_fail(e, TL_ERROR_INPUT, "cannot look for a failing variant", s->c->path,
                       "the case has too many values to cover; name a failing variant with -s AXIS=VALUE");
    budget = budget && budget < SWEEP_TRIALS ? budget : SWEEP_TRIALS;
    w->n = w->n_variants < budget ? w->n_variants : (size_t)budget;
    return 0;
}

static int run_once(struct tl_sweep *w, struct tl_campaign_isolation *s, struct tl_error *e)
{
    size_t next = 0;
    int result = 0;
    w->x = s->x;
    free(w->why_not_judged);
    w->why_not_judged = NULL;
    w->ended = w->unsupported = w->not_judged = 0;
    w->found = w->known = false;
    while (!result && (next < w->n || tl_executor_pending(s->x)) && !tl_executor_interrupted(s->x)) {
        while (!result && next < w->n && !w->found && !tl_isolation_out_of_time(s) &&
               tl_executor_pending(s->x) < 2 * (size_t)tl_executor_jobs(s->x)) {
            struct call_context *context = tl_malloc(sizeof *context);
            *context = (struct call_context){w, next};
            struct tl_request q = {.c = s->c,
                                   .variant = &w->variants[next++],
                                   .unit = s->units[0],
                                   .use_cache = !s->wishes.no_cache};
            result = tl_executor_submit(s->x, &q, on_swept, context, e);
            if (result)
                free(context);
        }
        if (!result && (w->found || tl_isolation_out_of_time(s)) && !tl_executor_pending(s->x))
            break;
        if (!result)
            result = tl_executor_step(s->x, e);
        tl_watch_line(s->watch, "sweep: %zu of %zu variants", w->ended, w->n);
    }
    return result;
}

int tl_sweep_run(struct tl_sweep *w, struct tl_campaign_isolation *s, struct tl_error *e)
{
    bool again = true;
    int result = 0;
    for (int round = 0; round < ROUNDS && again && !result; round++) {
        again = false;
        result = run_once(w, s, e);
        if (result || !w->known || tl_executor_interrupted(s->x) || tl_isolation_out_of_time(s))
            break;
        const struct tl_stored_cell cell = {s->c, &w->variants[w->at], s->units[0]};
        result = tl_stored_try(s->x, &cell, w->fresh, tl_executor_started_us(s->x), &w->aside, &again, e);
    }
    if (!result && w->found)
        memcpy(s->failing.index, w->variants[w->at].index, s->c->n_axes * sizeof *s->failing.index);
    return result;
}

void tl_sweep_free(struct tl_sweep *w)
{
    free(w->why_not_judged);
    for (size_t i = 0; i < w->n_variants; i++)
        tl_variant_free(&w->variants[i]);
    free(w->variants);
}
