/* Runs of a variant in processes of its own, and in those that have more memory at hand than it needs. */
#include "harness/campaign/reduce/run.h"

#include "harness/base/buffer.h"

#define RUNS 3
#define SECONDS_LONG 5.0 /* of what takes longer one run has to do */

unsigned tl_reduce_sure_runs(const struct tl_reduce_state *s)
{
    return s->longest > SECONDS_LONG ? 1 : RUNS;
}

int tl_reduce_run_once(struct tl_reduce_state *s, const struct tl_case *roomy, uint64_t number,
                       const struct tl_reduce_files *files, unsigned repeat, enum tl_reduce_verdict *verdict,
                       struct tl_error *e)
{
    struct tl_reduce_answer a = {0};
    struct tl_variant variant = {0};
    int result = 0;
    if (roomy) {
        json_t *values = tl_variant_object(s->r->c, s->r->failing);
        result = tl_variant_from_json(roomy, values, &variant, e);
        json_decref(values);
    }
    const struct tl_reduce_run one = {.unit = s->r->unit,
                                      .c = roomy,
                                      .variant = &variant,
                                      .number = number,
                                      .files = files,
                                      .fresh = true,
                                      .repeat = repeat};
    result = result || tl_reduce_run_begin(s, &one, &a, e) || tl_reduce_run_take(s, &a, e) ? -1 : 0;
    s->stopped = s->stopped || (!result && a.stopped);
    *verdict = a.stopped ? TL_REDUCE_STOPPED : a.verdict;
    tl_reduce_answer_release(&a);
    tl_variant_free(&variant);
    return result;
}

int tl_reduce_fails_with_room(struct tl_reduce_state *s, uint64_t number, const struct tl_reduce_files *files,
                              enum tl_reduce_verdict *v, struct tl_error *e)
{
    return s->roomy ? tl_reduce_run_once(s, s->roomy, number, files, 0, v, e) : 0;
}
