#include "cases/onnx/graph_alike.h"
#include "cases/onnx/graph_model.h"
#include "cases/onnx/graph_names.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* Each name of the one has one of the other, wherever it stands: so no name of a body can hide another one. */
struct names {
    struct tl_onnx_names own, others; /* each with the place of its pair */
    size_t n, capacity;
    char **to;
};

static bool pair(struct names *x, const char *own, char *other)
{
    if (!own || !other || !*own || !*other)
        return (!own || !*own) && (!other || !*other);
    size_t at = tl_onnx_names_get(&x->own, own), there = tl_onnx_names_get(&x->others, other);
    if (at != TL_ONNX_NO_NAME || there != TL_ONNX_NO_NAME)
        return at == there;
    if (x->n == x->capacity) {
        x->capacity = x->capacity ? x->capacity * 2 : 64;
        x->to = tl_realloc(x->to, x->capacity, sizeof *x->to);
    }
    tl_onnx_names_add(&x->own, own, x->n);
    tl_onnx_names_add(&x->others, other, x->n);
    x->to[x->n++] = other;
    return true;
}

static bool pair_all(struct names *x, char *const *own, size_t n, char *const *others, size_t m)
{
    bool alike = n == m;
    for (size_t i = 0; i < n && alike; i++)
        alike = pair(x, own[i], others[i]);
    return alike;
}

static bool pair_values(struct names *x, tl_onnx_value_pb *const *own, size_t n,
                        tl_onnx_value_pb *const *others, size_t m)
{
    bool alike = n == m;
    for (size_t i = 0; i < n && alike; i++)
        alike = pair(x, own[i]->name, others[i]->name);
    return alike;
}

static bool pair_bodies(struct names *x, const tl_onnx_graph_pb *a, const tl_onnx_graph_pb *b)
{
    bool alike = a->n_node == b->n_node && pair_values(x, a->input, a->n_input, b->input, b->n_input);
    for (size_t i = 0; i < a->n_node && alike; i++) {
        const tl_onnx_node_pb *n = a->node[i], *o = b->node[i];
        size_t at = 0, there = 0;
        alike = n->op_type && o->op_type && !strcmp(n->op_type, o->op_type) &&
                !strcmp(n->domain ? n->domain : "", o->domain ? o->domain : "") &&
                pair_all(x, n->input, n->n_input, o->input, o->n_input) &&
                pair_all(x, n->output, n->n_output, o->output, o->n_output);
        while (alike) {
            tl_onnx_graph_pb *in = tl_onnx_next_body(n, &at), *other = tl_onnx_next_body(o, &there);
            alike = !in == !other;
            if (!in || !other)
                break;
            alike = pair_bodies(x, in, other);
        }
    }
    return alike && pair_values(x, a->output, a->n_output, b->output, b->n_output);
}

static bool same_names(tl_onnx_value_pb *const *own, tl_onnx_value_pb *const *others, size_t n)
{
    bool same = true;
    for (size_t i = 0; i < n && same; i++)
        same = !strcmp(own[i]->name ? own[i]->name : "", others[i]->name ? others[i]->name : "");
    return same;
}

struct taking {
    struct tl_onnx_model *m;
    const struct names *names;
};

static void take(const struct taking *t, char **name)
{
    size_t at = *name && **name ? tl_onnx_names_get(&t->names->own, *name) : TL_ONNX_NO_NAME;
    if (at != TL_ONNX_NO_NAME)
        *name = tl_onnx_text(t->m, t->names->to[at]);
}

static void take_values(const struct taking *t, tl_onnx_value_pb *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        take(t, &values[i]->name);
}

static int take_body(void *arg, struct tl_onnx_body body)
{
    const struct taking *t = arg;
    tl_onnx_graph_pb *g = body.graph;
    if (!g)
        return 0;
    for (size_t i = 0; i < g->n_node; i++) {
        for (size_t k = 0; k < g->node[i]->n_input; k++)
            take(t, &g->node[i]->input[k]);
        for (size_t k = 0; k < g->node[i]->n_output; k++)
            take(t, &g->node[i]->output[k]);
    }
    take_values(t, g->input, g->n_input);
    take_values(t, g->output, g->n_output);
    take_values(t, g->value_info, g->n_value_info);
    for (size_t i = 0; i < g->n_initializer; i++)
        take(t, &g->initializer[i]->name);
    for (size_t i = 0; i < g->n_sparse_initializer; i++)
        take(t, &g->sparse_initializer[i]->values->name);
    for (size_t i = 0; i < g->n_quantization_annotation; i++) {
        Onnx__TensorAnnotation *a = g->quantization_annotation[i];
        take(t, &a->tensor_name);
        for (size_t k = 0; k < a->n_quant_parameter_tensor_names; k++)
            take(t, &a->quant_parameter_tensor_names[k]->value);
    }
    return 0;
}

bool tl_onnx_take_names(struct tl_onnx_model *m, struct tl_onnx_model *from)
{
    struct names x = {.n = 0};
    const tl_onnx_graph_pb *a = m->pb->graph, *b = from->pb->graph;
    const struct taking taking = {m, &x};
    /* What is in functions has names of its own. */
    bool alike = !m->pb->n_functions && !from->pb->n_functions && pair_bodies(&x, a, b) &&
                 same_names(a->input, b->input, a->n_input) && same_names(a->output, b->output, a->n_output);
    if (alike)
        tl_onnx_each_body(m, take_body, (void *)(uintptr_t)&taking);
    tl_onnx_names_free(&x.own);
    tl_onnx_names_free(&x.others);
    free(x.to);
    return alike;
}
