/* Runs a variant once on each of several units, and says which failure is the gravest.
 *
 * The first run is alone: should the variant take the machine down, no other trial is lost with it, and the
 * next start finds it. */
#include "harness/campaign/scan.h"

/* The gravest outcome wins when several builds fail in different ways and nobody said which is meant. */
static int gravity(enum tl_outcome o)
{
    static const enum tl_outcome order[] = {TL_OUTCOME_FALLBACK, TL_OUTCOME_ERROR, TL_OUTCOME_WRONG,
                                            TL_OUTCOME_HANG,     TL_OUTCOME_OOM,   TL_OUTCOME_CRASH};
    for (int i = 0; i < 6; i++)
        if (order[i] == o)
            return i + 1;
    return 0;
}

static void on_scanned(void *arg, const struct tl_trial_record *r, bool cached,
                       const struct tl_error *failure)
{
    struct tl_driver_trial *t = arg;
    (void)cached;
    if (!failure)
        *t = tl_driver_trial_of(r);
}

int tl_scan_run(struct tl_campaign_isolation *s, const size_t *at, size_t n, struct tl_driver_trial *seen,
                size_t *gravest, struct tl_error *e)
{
    int result = 0;
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
        result = tl_executor_submit(s->x, &q, on_scanned, &seen[i], e);
        if (!result && i == 0) /* alone, in case it takes the machine down */
            result = tl_executor_finish(s->x, e);
    }
    if (!result)
        result = tl_executor_finish(s->x, e);
    for (size_t i = 0; i < n && !result; i++)
        if (gravity(seen[i].outcome) &&
            (*gravest == SIZE_MAX || gravity(seen[i].outcome) >= gravity(seen[*gravest].outcome)))
            *gravest = i;
    return result;
}
