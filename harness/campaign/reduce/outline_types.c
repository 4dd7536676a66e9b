/* Types and shapes of values between nodes, once types and sizes are no longer those of the original: what a run of the original had
 * is wrong then, so the nodes before the last one are run once more with all that they make as outputs. */
#include "harness/campaign/reduce/outline.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "db/query.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MOST 40

static bool has_edit(const struct tl_reduce_candidate *k, const char *kind)
{
    const json_t *edit;
    size_t i;
    json_array_foreach(k->edits.list, i, edit)
        if (json_object_get(edit, kind))
            return true;
    return false;
}

bool tl_reduce_retyped(const struct tl_reduce_candidate *k)
{
    return has_edit(k, "float32") || has_edit(k, "int32");
}

bool tl_reduce_resized(const struct tl_reduce_candidate *k)
{
    return has_edit(k, "dimension");
}

/* What all nodes of the main graph make but the last one, at which the failure may end. */
static size_t made_before_last(struct tl_onnx_model *m, const char ***names)
{
    struct tl_onnx_node_facts *nodes = NULL;
    uint32_t *order = NULL;
    size_t n = 0, n_order = 0, count = 0;
    *names = NULL;
    tl_onnx_nodes(m, &nodes, &n);
    tl_onnx_order(m, &order, &n_order);
    for (size_t i = 0; i + 1 < n_order && n_order <= NODES_MOST; i++)
        for (size_t k = 0; k < n; k++)
            for (size_t o = 0; nodes[k].number == order[i] && o < nodes[k].n_outputs; o++)
                if (*nodes[k].outputs[o])
                    *TL_GROW(*names, count) = nodes[k].outputs[o];
    free(order);
    free(nodes);
    return count;
}

static void take_outputs(const json_t *result, json_t *types)
{
    const json_t *output;
    size_t i;
    json_array_foreach(json_object_get(result, "outputs"), i, output) {
        const char *name = json_string_value(json_object_get(output, "name"));
        json_t *type = json_object_get(output, "dtype"), *shape = json_object_get(output, "shape");
        if (name && json_is_string(type) && json_is_array(shape))
            json_object_set_new(types, name, json_pack("{s:O,s:O}", "type", type, "shape", shape));
    }
}

int tl_reduce_outline_types(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, json_t **types,
                            struct tl_error *e)
{
    struct tl_error ignored;
    const char **names = NULL;
    char id[TL_UUID_SIZE] = "";
    enum tl_reduce_verdict v;
    *types = json_object();
    if (s->judged || s->stopped || (!tl_reduce_retyped(k) && !tl_reduce_resized(k)))
        return 0;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    size_t n = m ? made_before_last(m, &names) : 0;
    int result = 0;
    if (n) {
        struct tl_reduce_candidate shown = tl_reduce_copy(k);
        struct tl_trial_record r = {0};
        tl_onnx_edit_outputs(&shown.edits, names, n);
        const struct tl_reduce_other other = {.k = &shown, .once = true};
        result = tl_reduce_try_on(s, &other, &v, id, e);
        if (!result && *id && !tl_query_trial(tl_executor_store(s->r->x), id, &r, &ignored)) {
            take_outputs(r.result, *types);
            tl_trial_record_free(&r);
        }
        tl_reduce_drop(&shown);
    }
    free(names);
    tl_onnx_model_free(m);
    if (result) {
        json_decref(*types);
        *types = NULL;
    }
    return result;
}
