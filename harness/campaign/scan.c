#include "harness/campaign/scan.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

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

struct scanned {
    size_t at;
    struct tl_scan *scan;
};
static void on_scanned(void *arg, const struct tl_trial_record *r, bool cached,
                       const struct tl_error *failure)
{
    struct scanned *one = arg;
    (void)cached;
    if (!failure) {
        one->scan->outcome[one->at] = r->outcome;
        memcpy(one->scan->coarse[one->at], r->signature.coarse_id, TL_ID_SIZE);
        memcpy(one->scan->signature[one->at], r->signature.id, TL_ID_SIZE);
        memcpy(one->scan->trial[one->at], r->id, TL_UUID_SIZE);
    }
    free(one);
}

int tl_scan_run(struct tl_campaign_isolation *s, const size_t *at, size_t n, struct tl_scan *scan,
                size_t *gravest, struct tl_error *e)
{
    int result = 0;
    *gravest = SIZE_MAX;
    for (size_t i = 0; i < n && !result; i++) {
        struct scanned *one = tl_malloc(sizeof *one);
        *one = (struct scanned){i, scan};
        struct tl_request q = {.c = s->c,
                               .variant = &s->failing,
                               .unit = s->units[at[i]],
                               .fresh = true,
                               .use_cache = !s->wishes.no_cache};
        for (size_t k = 0; k < i; k++)
            q.repeat += at[k] == at[i];
        result = tl_executor_submit(s->x, &q, on_scanned, one, e);
        if (result)
            free(one);
        else if (i == 0) /* alone, in case it takes the machine down */
            result = tl_executor_finish(s->x, e);
    }
    if (!result)
        result = tl_executor_finish(s->x, e);
    for (size_t i = 0; i < n && !result; i++)
        if (gravity(scan->outcome[i]) &&
            (*gravest == SIZE_MAX || gravity(scan->outcome[i]) >= gravity(scan->outcome[*gravest])))
            *gravest = i;
    return result;
}
