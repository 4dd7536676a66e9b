/* The opset and the version of the format: from the newest to the oldest with which it fails.
 *
 * A version is taken to fail from some one on to some other one, the model's own being between them, and both ends are bisected.
 * Operators change from opset to opset, so that outside of these a model is mostly none; the runtime judges. The oldest is kept,
 * the newest only said. */
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"

#include <stdlib.h>
#include <string.h>

#define OPSET_OLDEST 7 /* that ONNX Runtime promises to read */
#define OPSET_NEWEST 28
#define IR_OLDEST 3  /* of the first release of ONNX */
#define IR_WEIGHTS 4 /* from which on weights need not be inputs, too */
#define IR_NEWEST 14
#define SLOW_S 5.0 /* seconds of a trial in the mean: what is only said is then not looked for */

static json_t *value_of(const char *kind, json_int_t version)
{
    return !strcmp(kind, "ir") ? json_integer(version)
                               : json_pack("{s:s,s:I}", "domain", "", "version", version);
}

/* From what fails towards what may not, which is tried first when it is the oldest. */
static int bisect(struct tl_reduce_state *s, const struct tl_reduce_candidate *whole, const char *kind,
                  json_int_t *fails, json_int_t beyond, struct tl_reduce_candidate *best, struct tl_error *e)
{
    const json_int_t step = beyond < *fails ? -1 : 1;
    json_int_t to = step < 0 ? beyond + 1 : *fails + 1;
    int result = 0;
    while (!result && !s->stopped && (beyond - *fails) * step > 1) {
        struct tl_reduce_candidate k = tl_reduce_copy(whole);
        enum tl_reduce_verdict verdict;
        result = tl_reduce_one_more(s, &k, kind, value_of(kind, to), &verdict, e);
        if (!result && verdict == TL_REDUCE_FAIL) {
            *fails = to;
            if (best)
                tl_reduce_take(best, &k);
        } else {
            beyond = to;
        }
        tl_reduce_drop(&k);
        to = *fails + (beyond - *fails) / 2;
    }
    return result;
}

static int range_of(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                    const char *kind, json_int_t now, json_int_t below, json_int_t above, struct tl_error *e)
{
    const struct tl_reduce_candidate whole = tl_reduce_copy(k);
    json_int_t oldest = now, newest = now;
    int result = 0;
    if (now > below)
        result = bisect(s, &whole, kind, &oldest, below, k, e);
    /* By what trials took when they ran: those that are known take no time, and are to come to the same. */
    bool slow = s->lasted > SLOW_S * (double)s->n_lasted;
    if (!result && now < above && !v->second && !slow)
        result = bisect(s, &whole, kind, &newest, above, NULL, e);
    struct tl_reduce_candidate used = whole;
    tl_reduce_drop(&used);
    if (!result && !s->stopped)
        json_object_set_new(v->versions, kind,
                            json_pack("{s:I,s:I,s:o}", "original", now, "oldest", oldest, "newest",
                                      v->second || slow ? json_null() : json_integer(newest)));
    return result;
}

int tl_reduce_versions(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                       struct tl_error *e)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    json_t *opsets = m ? tl_onnx_opsets(m) : NULL;
    json_int_t opset = json_integer_value(json_object_get(opsets, "ai.onnx")),
               ir = m ? tl_onnx_ir_version(m) : 0;
    struct tl_onnx_weight *weights = NULL;
    size_t n = 0;
    int result = 0;
    if (m)
        tl_onnx_weights(m, &weights, &n);
    free(weights);
    json_decref(opsets);
    tl_onnx_model_free(m);
    if (opset)
        result = range_of(s, k, v, "opset", opset, OPSET_OLDEST - 1, OPSET_NEWEST + 1, e);
    if (ir && !result && !s->stopped)
        result = range_of(s, k, v, "ir", ir, (n ? IR_WEIGHTS : IR_OLDEST) - 1, IR_NEWEST + 1, e);
    return result;
}
