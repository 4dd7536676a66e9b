/* Weights that lie in files beside the model. A runtime takes those in another way than what is in the model's own file, and may fail
 * of that alone. So edits leave them where they are, and whether the failure hangs on it is a question of its own: those that need
 * not lie there are put into the model, which is then one file. What is too large for that stays until its sizes are smaller. */
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <stdlib.h>

#define INSIDE_MOST (UINT64_C(64) << 20) /* bytes of a model as one file */

struct lying {
    struct tl_onnx_model *m;        /* that names them */
    struct tl_onnx_weight *weights; /* those that lie in files */
    size_t n;
    uint64_t bytes;
};

static struct lying lying_of(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct lying l = {0};
    struct tl_error ignored;
    size_t n = 0;
    if ((l.m = tl_reduce_load(s, k, &ignored)))
        tl_onnx_weights(l.m, &l.weights, &n);
    for (size_t i = 0; i < n; i++)
        if (l.weights[i].location && l.weights[i].bytes) {
            l.bytes += l.weights[i].bytes;
            l.weights[l.n++] = l.weights[i];
        }
    return l;
}

static void release(struct lying *l)
{
    free(l->weights);
    tl_onnx_model_free(l->m);
}

/* Those that are in none of the ranges are put into the model. */
static bool put_inside(const void *arg, const struct tl_subset_range *ranges, size_t n,
                       struct tl_reduce_candidate *k)
{
    const struct lying *l = arg;
    struct tl_buffer set = TL_BUFFER_INIT;
    for (size_t i = 0, range = 0; i < l->n; i++) {
        while (range < n && ranges[range].last < i)
            range++;
        if (range == n || ranges[range].first > i)
            tl_buffer_printf(&set, "%s%u", set.size ? "," : "", l->weights[i].number);
    }
    const bool any = set.size > 0;
    if (any)
        tl_onnx_edits_add(&k->edits, "inside", json_string(set.data));
    tl_buffer_free(&set);
    return any;
}

bool tl_reduce_put_inside(const struct tl_reduce_state *s, struct tl_reduce_candidate *k)
{
    const struct tl_subset_range none = {0, 0};
    struct lying l = lying_of(s, k);
    const bool any = l.bytes <= INSIDE_MOST && put_inside(&l, &none, 0, k);
    release(&l);
    return any;
}

int tl_reduce_in_files(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                       struct tl_error *e)
{
    struct lying l = lying_of(s, k);
    bool minimal = false;
    int result = 0;
    if (l.n && l.bytes <= INSIDE_MOST && !v->in_files && !tl_reduce_other_graph(s)) {
        tl_reduce_step(s, "weights inside");
        tl_reduce_tell(s, "");
        result = tl_reduce_least(s, k, l.n, put_inside, &l, &minimal, e);
        struct lying left = lying_of(s, k);
        for (size_t i = 0; i < left.n && minimal; i++) {
            v->in_files = v->in_files ? v->in_files : json_array();
            json_array_append_new(
                v->in_files, json_pack("{s:s}", "name", left.weights[i].name ? left.weights[i].name : ""));
        }
        release(&left);
    }
    release(&l);
    return result;
}
