#include "cases/onnx/graph_float.h"
#include "cases/onnx/graph_elements.h"
#include "cases/onnx/graph_tensor.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

struct widening {
    struct tl_onnx_editing *x;
    int from;
};

static int widen_tensor(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    const struct widening *w = arg;
    struct tl_tensor_pb all;
    if (t->data_type != w->from)
        return 0;
    if (tl_onnx_tensor_take(w->x->m, t, w->x->sources ? w->x->sources->directory : NULL, &all, w->x->error))
        return -1;
    unsigned char *data = tl_calloc((size_t)all.elements + 1, sizeof(float));
    for (uint64_t i = 0; i < all.elements; i++) {
        float v = (float)tl_element_value((enum tl_dtype)w->from, all.data, i);
        memcpy(data + i * sizeof v, &v, sizeof v);
    }
    free(all.data);
    all.data = data;
    all.type = tl_element_type_number(TL_DTYPE_FLOAT32);
    int rc = tl_onnx_tensor_set(w->x->m, t, &all, w->x->error);
    tl_tensor_pb_free(&all);
    return rc;
}

/* Types are as deep as the reader lets them be. */
static void widen_type(const struct widening *w, Onnx__TypeProto *t)
{
    if (!t)
        return;
    switch (t->value_case) {
    case ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE:
        if (t->tensor_type->elem_type == w->from)
            t->tensor_type->elem_type = TL_DTYPE_FLOAT32;
        return;
    case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE:
        if (t->sparse_tensor_type->elem_type == w->from)
            t->sparse_tensor_type->elem_type = TL_DTYPE_FLOAT32;
        return;
    case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
        widen_type(w, t->sequence_type->elem_type);
        return;
    case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
        widen_type(w, t->optional_type->elem_type);
        return;
    case ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
        widen_type(w, t->map_type->value_type);
        return;
    default:
        return;
    }
}

static void widen_values(const struct widening *w, tl_onnx_value_pb *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        widen_type(w, values[i]->type);
}

static int widen_body(void *arg, struct tl_onnx_body body)
{
    static const char *const types[] = {"to", "dtype", "output_dtype"}; /* attributes that are a type */
    const struct widening *w = arg;
    if (body.graph) {
        widen_values(w, body.graph->input, body.graph->n_input);
        widen_values(w, body.graph->output, body.graph->n_output);
        widen_values(w, body.graph->value_info, body.graph->n_value_info);
    } else
        widen_values(w, body.function->value_info, body.function->n_value_info);
    for (size_t i = 0; i < *body.n; i++)
        for (size_t k = 0; k < (*body.nodes)[i]->n_attribute; k++) {
            tl_onnx_attribute_pb *a = (*body.nodes)[i]->attribute[k];
            widen_type(w, a->tp);
            if (a->has_i && a->i == w->from && tl_is_one_of(a->name, types, TL_COUNT(types)))
                a->i = TL_DTYPE_FLOAT32;
        }
    return 0;
}

int tl_onnx_float32(struct tl_onnx_editing *x, const json_t *value)
{
    struct widening w = {x, (int)json_integer_value(value)};
    if (w.from != TL_DTYPE_FLOAT16 && w.from != TL_DTYPE_BFLOAT16)
        return tl_onnx_edit_form(x, "10 (float16) or 16 (bfloat16)");
    if (tl_onnx_each_tensor(x->m, widen_tensor, &w))
        return -1;
    tl_onnx_each_body(x->m, widen_body, &w);
    return 0;
}
