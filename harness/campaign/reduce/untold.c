/* Values of which a model says no type, and what a refusal of one says (types.c has the theory). */
#include "harness/campaign/reduce/parts.h"

#include "cases/onnx/graph_declared.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static bool is_declared(const struct tl_onnx_declared *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].name, name))
            return true;
    return false;
}

size_t tl_reduce_untold(struct tl_onnx_model *m, const char ***names)
{
    struct tl_onnx_node_facts *nodes = NULL;
    struct tl_onnx_declared *declared = NULL;
    size_t n = 0, n_declared = 0, count = 0;
    *names = NULL;
    tl_onnx_nodes(m, &nodes, &n);
    tl_onnx_declared(m, &declared, &n_declared);
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < nodes[i].n_outputs && nodes[i].parent == TL_ONNX_NOWHERE; o++)
            if (*nodes[i].outputs[o] && !is_declared(declared, n_declared, nodes[i].outputs[o]))
                *TL_GROW(*names, count) = nodes[i].outputs[o];
    free(declared);
    free(nodes);
    return count;
}

static bool has_untold_output(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_declared *declared = NULL;
    const char **outputs = NULL;
    size_t n = 0, n_declared = 0;
    bool has = false;
    if (m) {
        tl_onnx_outputs(m, &outputs, &n);
        tl_onnx_declared(m, &declared, &n_declared);
    }
    for (size_t i = 0; i < n; i++)
        has = has || !is_declared(declared, n_declared, outputs[i]);
    free(declared);
    free(outputs);
    tl_onnx_model_free(m);
    return has;
}

void tl_reduce_look_at_types(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                             enum tl_reduce_verdict *v)
{
    if (!s->judged || s->takes_untold || *v == TL_REDUCE_STOPPED || !has_untold_output(s, k))
        return;
    if (*v == TL_REDUCE_PASS || *v == TL_REDUCE_FAIL) {
        s->takes_untold = true;
        s->n_untold = 0;
        return;
    }
    *v = TL_REDUCE_INVALID;
    s->n_untold++;
}
