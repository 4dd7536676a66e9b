#include "cases/onnx/graph_sweep.h"
#include "cases/onnx/graph_functions.h"
#include "cases/onnx/graph_index.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

struct kept {
    const struct tl_onnx_index *x;
    const bool *values;
};

static bool is_kept(const struct kept *k, const char *name)
{
    size_t v = name ? tl_onnx_names_get(&k->x->names, name) : TL_ONNX_NO_NAME;
    return v != TL_ONNX_NO_NAME && k->values[v];
}

static void sweep_initializers(tl_onnx_graph_pb *g, const struct kept *k)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_initializer; i++)
        if (is_kept(k, g->initializer[i]->name))
            g->initializer[n++] = g->initializer[i];
    g->n_initializer = n;
    n = 0;
    for (size_t i = 0; i < g->n_sparse_initializer; i++)
        if (is_kept(k, g->sparse_initializer[i]->values->name))
            g->sparse_initializer[n++] = g->sparse_initializer[i];
    g->n_sparse_initializer = n;
}

/* What is said about values that are no more. */
static void sweep_words(tl_onnx_graph_pb *g, const struct kept *k)
{
    struct tl_onnx_names said = {0}; /* what came out of a body may be said for the second time */
    size_t n = 0;
    for (size_t i = 0; i < g->n_value_info; i++)
        if (is_kept(k, g->value_info[i]->name) && tl_onnx_names_add(&said, g->value_info[i]->name, i))
            g->value_info[n++] = g->value_info[i];
    g->n_value_info = n;
    tl_onnx_names_free(&said);
    n = 0;
    for (size_t i = 0; i < g->n_quantization_annotation; i++)
        if (is_kept(k, g->quantization_annotation[i]->tensor_name))
            g->quantization_annotation[n++] = g->quantization_annotation[i];
    g->n_quantization_annotation = n;
}

/* The values of a node that stays are kept, read or not. */
static void sweep(struct tl_onnx_model *m, struct tl_onnx_body body)
{
    struct tl_onnx_index *x = tl_onnx_index_new(body);
    bool *values = tl_calloc(x->n_values + 1, sizeof *values),
         *nodes = tl_calloc(x->n_nodes + 1, sizeof *nodes);
    size_t n = 0;
    for (size_t v = 0; v < x->n_values; v++)
        values[v] = x->values[v].graph_output;
    tl_onnx_index_ancestors(x, values, nodes);
    for (size_t v = 0; v < x->n_values; v++)
        values[v] |= x->values[v].producer != TL_ONNX_NO_NAME && nodes[x->values[v].producer];
    for (size_t i = 0; i < x->n_nodes; i++)
        if (nodes[i])
            (*body.nodes)[n++] = (*body.nodes)[i];
    *body.n = n;
    struct kept k = {x, values};
    if (body.graph) {
        sweep_initializers(body.graph, &k);
        sweep_words(body.graph, &k);
    }
    if (body.graph == m->pb->graph) {
        n = 0;
        for (size_t i = 0; i < body.graph->n_input; i++)
            if (is_kept(&k, body.graph->input[i]->name))
                body.graph->input[n++] = body.graph->input[i];
        body.graph->n_input = n;
    }
    free(values);
    free(nodes);
    tl_onnx_index_free(x);
}

/* What a body no longer reads of the graphs around it is not needed there either: inner ones first. */
static void sweep_below(struct tl_onnx_model *m, struct tl_onnx_body body)
{
    for (size_t i = 0; i < *body.n && !m->keeps_unread; i++) {
        size_t at = 0;
        for (tl_onnx_graph_pb *g; (g = tl_onnx_next_body((*body.nodes)[i], &at));)
            sweep_below(m, tl_onnx_body_of_graph(g));
    }
    if (!m->keeps_unread || body.graph == m->pb->graph)
        sweep(m, body);
}

void tl_onnx_sweep(struct tl_onnx_model *m)
{
    sweep_below(m, tl_onnx_body_of_graph(m->pb->graph));
    for (size_t i = 0; i < m->pb->n_functions; i++)
        sweep_below(m, tl_onnx_body_of_function(m->pb->functions[i]));
    tl_onnx_drop_functions(m);
}
