/* Most failures need one value or two together, so the variants of a covering array, in which every pair of
 * values of every two axes occurs at least once, are tried one after the other. The first of them that fails
 * is taken, whichever ends first: what is found does not depend on how many run side by side. */
#include "harness/campaign/sweep.h"

#include "harness/base/buffer.h"
#include "harness/campaign/levels.h"

#include <stdlib.h>

#define SWEEP_TRIALS 2000 /* at most, when the user sets no budget */

struct call_context {
    struct tl_sweep *w;
    size_t row;
};

static void on_swept(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct call_context *context = arg;
    struct tl_sweep *w = context->w;
    (void)cached;
    w->ended++;
    w->unsupported += !failure && r->outcome == TL_OUTCOME_UNSUPPORTED;
    if (!failure && tl_outcome_is_failure(r->outcome) && r->outcome != TL_OUTCOME_LOST &&
        (!w->found || context->row < w->at)) {
        w->found = true;
        w->at = context->row;
    }
    free(context);
}

static void set_variant(const struct tl_case *c, const uint64_t *row, struct tl_variant *v)
{
    for (size_t i = 0; i < c->n_axes; i++)
        v->index[i] = tl_levels_index(&c->axes[i], row[i]);
}

static bool is_forbidden(void *context, const uint64_t *row)
{
    const struct tl_case *c = context;
    struct tl_variant v = tl_variant_baseline(c);
    set_variant(c, row, &v);
    char *why = tl_variant_forbidden(c, &v);
    tl_variant_free(&v);
    free(why);
    return why != NULL;
}

int tl_sweep_plan(struct tl_sweep *w, const struct tl_campaign_isolation *s, struct tl_error *e)
{
    const struct tl_case *c = s->c;
    struct tl_search_axis *axes = tl_calloc(c->n_axes, sizeof *axes);
    for (size_t i = 0; i < c->n_axes; i++) {
        axes[i].count = tl_levels_count(&c->axes[i]);
        axes[i].name = c->axes[i].name;
    }
    const struct tl_search_space space = {c->n_axes, axes, is_forbidden, (void *)c};
    *w = (struct tl_sweep){0};
    int result = tl_covering_pairs(&space, 1, &w->variants);
    free(axes);
    if (result)
        return tl_fail(e, TL_ERROR_INPUT, "cannot look for a failing variant", c->path,
                       "the case has too many values to cover; name a failing variant with -s AXIS=VALUE");
    uint64_t budget = s->wishes.max_trials, most = budget && budget < SWEEP_TRIALS ? budget : SWEEP_TRIALS;
    w->n = w->variants.n_rows < most ? w->variants.n_rows : (size_t)most;
    return 0;
}

int tl_sweep_run(struct tl_sweep *w, struct tl_campaign_isolation *s, struct tl_error *e)
{
    struct tl_variant v = tl_variant_baseline(s->c);
    size_t next = 0;
    int result = 0;
    while (!result && (next < w->n || tl_executor_pending(s->x)) && !tl_executor_interrupted(s->x)) {
        while (!result && next < w->n && !w->found && !tl_isolation_out_of_time(s) &&
               tl_executor_pending(s->x) < 2 * (size_t)tl_executor_jobs(s->x)) {
            struct call_context *context = tl_malloc(sizeof *context);
            *context = (struct call_context){w, next};
            set_variant(s->c, w->variants.rows[next++], &v);
            struct tl_request q = {
                .c = s->c, .variant = &v, .unit = s->units[0], .use_cache = !s->wishes.no_cache};
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
    if (!result && w->found)
        set_variant(s->c, w->variants.rows[w->at], &s->failing);
    tl_variant_free(&v);
    return result;
}

void tl_sweep_free(struct tl_sweep *w)
{
    tl_covering_free(&w->variants);
}
