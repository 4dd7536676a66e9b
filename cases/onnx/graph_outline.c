#include "cases/onnx/graph_outline.h"

#include "cases/element.h"
#include "cases/onnx/graph_index.h"

#include <stdint.h>
#include <string.h>

static json_t *text(const char *s)
{
    json_t *made = json_string(s ? s : "");
    return made ? made : json_string("?"); /* it is not UTF-8 */
}

/* --- types ------------------------------------------------------------------------------------------------- */

static void set_element(json_t *o, int type)
{
    const struct tl_element_type *known = tl_element_type_number(type);
    json_object_set_new(o, "type", known ? json_string(known->name) : json_sprintf("type %d", type));
}

static void set_shape(json_t *o, const Onnx__TensorShapeProto *shape)
{
    json_t *list = json_array();
    for (size_t i = 0; i < shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *d = shape->dim[i];
        if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
            json_array_append_new(list, json_integer(d->dim_value));
        else if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM && *d->dim_param)
            json_array_append_new(list, text(d->dim_param));
        else
            json_array_append_new(list, json_null());
    }
    json_object_set_new(o, "shape", list);
}

static void set_type(json_t *o, const Onnx__TypeProto *t)
{
    switch (t ? t->value_case : ONNX__TYPE_PROTO__VALUE__NOT_SET) {
    case ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE:
        set_element(o, t->tensor_type->elem_type);
        if (t->tensor_type->shape)
            set_shape(o, t->tensor_type->shape);
        break;
    case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE:
        json_object_set_new(o, "type", json_string("sparse tensor"));
        break;
    case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
        json_object_set_new(o, "type", json_string("sequence"));
        break;
    case ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
        json_object_set_new(o, "type", json_string("map"));
        break;
    case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
        json_object_set_new(o, "type", json_string("optional"));
        break;
    default:
        break;
    }
}

static json_t *declared(const tl_onnx_value_pb *v)
{
    json_t *o = json_pack("{s:o}", "name", text(v->name));
    set_type(o, v->type);
    return o;
}

static json_t *weight(const char *name, int type, size_t rank, const int64_t *dims)
{
    json_t *o = json_pack("{s:o}", "name", text(name)), *shape = json_array();
    if (type)
        set_element(o, type);
    for (size_t i = 0; i < rank; i++)
        json_array_append_new(shape, json_integer(dims[i]));
    json_object_set_new(o, "shape", shape);
    return o;
}

/* --- graphs ------------------------------------------------------------------------------------------------- */

struct outline {
    size_t total, skipped; /* nodes; those that come first and are left out */
    size_t seen;
};

static void add_nodes(struct outline *o, json_t *graph, struct tl_onnx_body body);

static void add_body(struct outline *o, json_t *node, const char *attribute, tl_onnx_graph_pb *g);

static json_t *node_of(struct outline *o, const tl_onnx_node_pb *n)
{
    json_t *inputs = json_array(), *outputs = json_array();
    for (size_t i = 0; i < n->n_input; i++)
        json_array_append_new(inputs, text(n->input[i]));
    for (size_t i = 0; i < n->n_output; i++)
        json_array_append_new(outputs, text(n->output[i]));
    json_t *node = json_pack("{s:I,s:o,s:o,s:o}", "number", (json_int_t)tl_onnx_node_number(n), "operator",
                             text(n->op_type), "inputs", inputs, "outputs", outputs);
    if (n->name && *n->name)
        json_object_set_new(node, "name", text(n->name));
    if (!tl_onnx_standard_domain(n->domain))
        json_object_set_new(node, "domain", text(n->domain));
    for (size_t i = 0; i < n->n_attribute; i++) {
        const tl_onnx_attribute_pb *a = n->attribute[i];
        if (a->g)
            add_body(o, node, a->name, a->g);
        for (size_t k = 0; k < a->n_graphs; k++)
            add_body(o, node, a->name, a->graphs[k]);
    }
    return node;
}

static void add_declared(json_t *graph, const tl_onnx_graph_pb *g)
{
    json_t *inputs = json_array(), *weights = json_array(), *outputs = json_array(), *values = json_object();
    for (size_t i = 0; i < g->n_initializer; i++) {
        const tl_onnx_tensor_pb *t = g->initializer[i];
        json_t *w = weight(t->name, t->data_type, t->n_dims, t->dims);
        json_object_set_new(w, "number", json_integer((json_int_t)tl_onnx_tensor_number(t)));
        json_array_append_new(weights, w);
    }
    for (size_t i = 0; i < g->n_sparse_initializer; i++)
        if (g->sparse_initializer[i]->values)
            json_array_append_new(weights,
                                  weight(g->sparse_initializer[i]->values->name,
                                         g->sparse_initializer[i]->values->data_type,
                                         g->sparse_initializer[i]->n_dims, g->sparse_initializer[i]->dims));
    for (size_t i = 0; i < g->n_input; i++) {
        bool is_weight = false; /* old models name their weights as inputs, too */
        for (size_t k = 0; k < g->n_initializer && !is_weight; k++)
            is_weight = g->initializer[k]->name && g->input[i]->name &&
                        !strcmp(g->initializer[k]->name, g->input[i]->name);
        if (!is_weight)
            json_array_append_new(inputs, declared(g->input[i]));
    }
    for (size_t i = 0; i < g->n_value_info; i++)
        json_object_set_new(values, g->value_info[i]->name ? g->value_info[i]->name : "",
                            declared(g->value_info[i]));
    for (size_t i = 0; i < g->n_output; i++) {
        json_array_append_new(outputs, json_pack("{s:o}", "name", text(g->output[i]->name)));
        json_object_set_new(values, g->output[i]->name ? g->output[i]->name : "", declared(g->output[i]));
    }
    json_object_set_new(graph, "inputs", inputs);
    json_object_set_new(graph, "weights", weights);
    json_object_set_new(graph, "outputs", outputs);
    json_object_set_new(graph, "values", values);
}

static void add_body(struct outline *o, json_t *node, const char *attribute, tl_onnx_graph_pb *g)
{
    json_t *bodies = json_object_get(node, "bodies"),
           *body = json_pack("{s:o}", "attribute", text(attribute));
    if (!bodies) {
        bodies = json_array();
        json_object_set_new(node, "bodies", bodies);
    }
    add_declared(body, g);
    add_nodes(o, body, tl_onnx_body_of_graph(g));
    json_array_append_new(bodies, body);
}

/* A node that is left out is so with what is in it. */
static size_t count_in(const tl_onnx_node_pb *n)
{
    size_t total = 1, at = 0;
    for (tl_onnx_graph_pb *g; (g = tl_onnx_next_body(n, &at));)
        for (size_t i = 0; i < g->n_node; i++)
            total += count_in(g->node[i]);
    return total;
}

static void add_nodes(struct outline *o, json_t *graph, struct tl_onnx_body body)
{
    json_t *nodes = json_array();
    struct tl_onnx_index *x = tl_onnx_index_new(body);
    for (size_t i = 0; i < x->n_nodes; i++) {
        const tl_onnx_node_pb *n = (*body.nodes)[x->order[i]];
        if (o->seen++ >= o->skipped)
            json_array_append_new(nodes, node_of(o, n));
        else
            o->seen += count_in(n) - 1;
    }
    tl_onnx_index_free(x);
    json_object_set_new(graph, "nodes", nodes);
}

json_t *tl_onnx_outline(struct tl_onnx_model *m, size_t most)
{
    json_t *graph = json_object();
    tl_onnx_graph_pb *g = m->pb->graph;
    struct outline o = {0};
    for (size_t i = 0; i < g->n_node; i++)
        o.total += count_in(g->node[i]);
    o.skipped = o.total > most ? o.total - most : 0;
    add_declared(graph, g);
    add_nodes(&o, graph, tl_onnx_body_of_graph(g));
    if (o.skipped)
        json_object_set_new(graph, "left_out", json_integer((json_int_t)o.skipped));
    return graph;
}
