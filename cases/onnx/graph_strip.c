/* What a model says of itself and no runtime reads: documentation, metadata, producers, what parts mean (denotations), how it was
 * quantised and trained, and fields that are not known here. All of it is in the words of its owner. */
#include "cases/onnx/graph_plain.h"

#include <string.h>

/* With fields of later versions of ONNX, as the annotations for several devices are. */
#define FORGET(message) ((message)->base.n_unknown_fields = 0)

static void strip_shape(Onnx__TensorShapeProto *shape)
{
    for (size_t i = 0; shape && i < shape->n_dim; i++)
        shape->dim[i]->denotation = NULL;
}

/* Types are as deep as the reader lets them be. */
static void strip_type(Onnx__TypeProto *t)
{
    if (!t)
        return;
    t->denotation = NULL;
    FORGET(t);
    switch (t->value_case) {
    case ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE:
        strip_shape(t->tensor_type->shape);
        return;
    case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE:
        strip_shape(t->sparse_tensor_type->shape);
        return;
    case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
        strip_type(t->sequence_type->elem_type);
        return;
    case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
        strip_type(t->optional_type->elem_type);
        return;
    case ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
        strip_type(t->map_type->value_type);
        return;
    default:
        return;
    }
}

static void strip_values(tl_onnx_value_pb *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        values[i]->doc_string = NULL;
        values[i]->n_metadata_props = 0;
        strip_type(values[i]->type);
        FORGET(values[i]);
    }
}

/* Where a tensor stands in another file is needed, and nothing else that is said of it. */
static void strip_location(tl_onnx_tensor_pb *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n_external_data; i++) {
        const char *key = t->external_data[i]->key;
        if (key && (!strcmp(key, "location") || !strcmp(key, "offset") || !strcmp(key, "length")))
            t->external_data[kept++] = t->external_data[i];
    }
    t->n_external_data = kept;
}

static void strip_tensor(tl_onnx_tensor_pb *t, bool named)
{
    if (!t)
        return;
    t->doc_string = NULL;
    t->n_metadata_props = 0;
    if (!named)
        t->name = NULL;
    strip_location(t);
    FORGET(t);
}

static void strip_sparse(Onnx__SparseTensorProto *t, bool named)
{
    strip_tensor(t->values, named);
    strip_tensor(t->indices, false);
    FORGET(t);
}

static void strip_attribute(tl_onnx_attribute_pb *a)
{
    a->doc_string = NULL;
    FORGET(a);
    strip_type(a->tp);
    for (size_t i = 0; i < a->n_type_protos; i++)
        strip_type(a->type_protos[i]);
    strip_tensor(a->t, false);
    for (size_t i = 0; i < a->n_tensors; i++)
        strip_tensor(a->tensors[i], false);
    if (a->sparse_tensor)
        strip_sparse(a->sparse_tensor, false);
    for (size_t i = 0; i < a->n_sparse_tensors; i++)
        strip_sparse(a->sparse_tensors[i], false);
}

static void strip_graph(tl_onnx_graph_pb *g)
{
    g->doc_string = NULL;
    g->n_metadata_props = 0;
    g->n_quantization_annotation = 0;
    FORGET(g);
    strip_values(g->input, g->n_input);
    strip_values(g->output, g->n_output);
    strip_values(g->value_info, g->n_value_info);
    for (size_t i = 0; i < g->n_initializer; i++)
        strip_tensor(g->initializer[i], true);
    for (size_t i = 0; i < g->n_sparse_initializer; i++)
        strip_sparse(g->sparse_initializer[i], true);
}

static void strip_function(tl_onnx_function_pb *f)
{
    f->doc_string = NULL;
    f->n_metadata_props = 0;
    FORGET(f);
    strip_values(f->value_info, f->n_value_info);
    for (size_t i = 0; i < f->n_attribute_proto; i++)
        strip_attribute(f->attribute_proto[i]);
}

static int strip_body(void *arg, struct tl_onnx_body body)
{
    if (body.graph)
        strip_graph(body.graph);
    else
        strip_function(body.function);
    for (size_t i = 0; i < *body.n; i++) {
        tl_onnx_node_pb *n = (*body.nodes)[i];
        n->doc_string = NULL;
        n->n_metadata_props = 0;
        FORGET(n);
        for (size_t k = 0; k < n->n_attribute; k++)
            strip_attribute(n->attribute[k]);
    }
    return 0;
}

int tl_onnx_plain_strip(struct tl_onnx_editing *x, const json_t *value)
{
    Onnx__ModelProto *pb = x->m->pb;
    if (!json_is_true(value))
        return tl_onnx_edit_form(x, "true");
    pb->doc_string = pb->producer_name = pb->producer_version = pb->domain = NULL;
    pb->has_model_version = 0;
    pb->n_metadata_props = 0;
    FORGET(pb);
    tl_onnx_each_body(x->m, strip_body, NULL);
    return 0;
}
