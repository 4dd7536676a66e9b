/* Which of many outputs. What does not lead to one that is needed goes with the others, so each trial halves the model as well, and
 * the search for its end begins with what is left. Of few outputs that end is found as fast without. */
#include "harness/campaign/reduce/parts.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <stdlib.h>

#define MANY 256

static int try_some(struct tl_reduce_state *s, const char *const *names, size_t n, bool *fails,
                    struct tl_error *e)
{
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    char more[64];
    unsigned left = 1;
    for (size_t open = n; open > 1; open /= 2)
        left++;
    snprintf(more, sizeof more, "%zu of the outputs", n);
    tl_reduce_tell_cost(s, more, left, false);
    tl_onnx_edit_outputs(&k.edits, names, n);
    int result = tl_reduce_try(s, &k, &v, e);
    *fails = !result && v == TL_REDUCE_FAIL;
    if (*fails)
        tl_reduce_take(&s->now, &k);
    tl_reduce_drop(&k);
    s->nodes = tl_reduce_count(s, &s->now);
    return result;
}

int tl_reduce_outputs(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_onnx_model *m = tl_reduce_load(s, &s->now, e);
    const char **names = NULL;
    size_t first = 0, n = 0;
    bool fails = true;
    int result = 0;
    if (!m)
        return -1;
    tl_onnx_outputs(m, &names, &n);
    if (n > MANY)
        tl_reduce_step(s, "outputs");
    else
        n = 0;
    while (n > 1 && fails && !result && !s->stopped) {
        const size_t half = n / 2;
        result = try_some(s, names + first, half, &fails, e);
        if (!fails && !result && !s->stopped) {
            result = try_some(s, names + first + half, n - half, &fails, e);
            first += half;
            n -= half;
        } else {
            n = half;
        }
    }
    free(names);
    tl_onnx_model_free(m);
    return result;
}
