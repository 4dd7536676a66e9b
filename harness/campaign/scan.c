/* Runs a variant once on each of several units, and says which failure is the gravest.
 *
 * The first run is alone: should the variant take the machine down, no other trial is lost with it, and the
 * next start finds it. */
#include "harness/campaign/scan.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

/* The gravest outcome wins when several builds fail in different ways and nobody said which is meant. */
static int gravity(const struct tl_driver_trial *t)
{
    return t->standing != TL_STANDING_EXPECTED ? tl_outcome_gravity(t->outcome) : 0;
}

struct call_context {
    const struct tl_case *c;
    struct tl_driver_trial *seen;
};

static void on_scanned(void *arg, const struct tl_trial_record *r, bool cached,
                       const struct tl_error *failure)
{
    struct call_context *context = arg;
    (void)cached;
    if (!failure)
        *context->seen = tl_driver_trial_of(context->c, r);
}

int tl_scan_run(struct tl_campaign_isolation *s, const size_t *at, size_t n, struct tl_driver_trial *seen,
                size_t *gravest, struct tl_error *e)
{
    int result = 0;
    struct call_context *contexts = tl_calloc(n + 1, sizeof *contexts);
    *gravest = SIZE_MAX;
    for (size_t i = 0; i < n && !result; i++) {
        struct tl_request q = {.c = s->c,
                               .variant = &s->failing,
                               .unit = s->units[at[i]],
                               .fresh = true,
                               .use_cache = !s->wishes.no_cache};
        for (size_t k = 0; k < i; k++)
            q.repeat += at[k] == at[i];
        seen[i] = (struct tl_driver_trial){0};
        contexts[i] = (struct call_context){s->c, &seen[i]};
        result = tl_executor_submit(s->x, &q, on_scanned, &contexts[i], e);
        if (!result && i == 0) /* alone, in case it takes the machine down */
            result = tl_executor_finish(s->x, e);
    }
    if (!result)
        result = tl_executor_finish(s->x, e);
    for (size_t i = 0; i < n && !result; i++)
        if (gravity(&seen[i]) && (*gravest == SIZE_MAX || gravity(&seen[i]) >= gravity(&seen[*gravest])))
            *gravest = i;
    free(contexts); /* of an interrupted one nothing runs any more, and nobody is told */
    return result;
}
