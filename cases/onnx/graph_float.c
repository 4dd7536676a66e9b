#include "cases/onnx/graph_float.h"
#include "cases/inputs.h"
#include "cases/onnx/graph_elements.h"
#include "cases/onnx/graph_names.h"
#include "cases/onnx/graph_part.h"
#include "cases/onnx/graph_tensor.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

struct widening {
    struct tl_onnx_editing *x;
    int from, to;
    struct tl_onnx_names kept; /* values that keep their type */
    size_t n_kept;
};

static bool stays(const struct widening *w, const char *name)
{
    return w->n_kept && name && *name && tl_onnx_names_get(&w->kept, name) != TL_ONNX_NO_NAME;
}

/* Of the elements of a tensor; false: one of them is none of the other type. */
static bool recast(const struct widening *w, struct tl_tensor_pb *all)
{
    enum tl_dtype to = (enum tl_dtype)w->to;
    size_t size = tl_dtype_size(to);
    char *data = tl_calloc((size_t)all->elements + 1, size);
    bool fits = true;
    for (uint64_t i = 0; i < all->elements && fits; i++) {
        if (to == TL_DTYPE_FLOAT32) {
            tl_store_real(to, data + i * size, tl_element_value((enum tl_dtype)w->from, all->data, i));
            continue;
        }
        int64_t v;
        memcpy(&v, all->data + i * sizeof v, sizeof v);
        fits = v >= INT32_MIN && v <= INT32_MAX;
        tl_store_integer(to, data + i * size, (uint64_t)v);
    }
    free(all->data);
    all->data = (unsigned char *)data;
    all->type = tl_element_type_number(w->to);
    return fits;
}

#define PIECE ((uint64_t)1 << 18) /* elements that are looked at together */

/* One that is beside the model stays there. */
static int widen_beside(const struct widening *w, tl_onnx_tensor_pb *t)
{
    const char *directory = w->x->sources ? w->x->sources->directory : NULL;
    struct tl_onnx_data_part p = {.kind = TL_ONNX_PART_CAST, .type = w->to};
    uint64_t elements = 0;
    int rc = 0;
    tl_onnx_tensor_elements(t, &elements);
    int64_t *numbers = w->to == TL_DTYPE_INT32 ? tl_calloc(PIECE, sizeof *numbers) : NULL;
    for (uint64_t first = 0; numbers && rc == 0 && first < elements; first += PIECE) {
        uint64_t n = elements - first < PIECE ? elements - first : PIECE;
        rc = tl_onnx_data_piece(w->x->m, t, directory, first, n, (unsigned char *)numbers, w->x->error);
        for (uint64_t i = 0; rc == 0 && i < n; i++)
            if (numbers[i] < INT32_MIN || numbers[i] > INT32_MAX)
                rc = tl_onnx_edit_fail(w->x, "tensor %u holds a number of more than 32 bits",
                                       tl_onnx_tensor_number(t));
    }
    free(numbers);
    rc = rc ? -1 : tl_onnx_part_add(w->x->m, t, &p, directory, w->x->error);
    if (rc == 0)
        t->data_type = w->to;
    return rc;
}

static int widen_tensor(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    const struct widening *w = arg;
    struct tl_tensor_pb all;
    if (t->data_type != w->from || stays(w, node ? (node->n_output ? node->output[0] : "") : t->name))
        return 0;
    if (tl_onnx_stays_beside(t))
        return widen_beside(w, t);
    if (tl_onnx_tensor_take(w->x->m, t, w->x->sources ? w->x->sources->directory : NULL, &all, w->x->error))
        return -1;
    int rc = recast(w, &all) ? tl_onnx_tensor_set(w->x->m, t, &all, w->x->error)
                             : tl_onnx_edit_fail(w->x, "tensor %u holds a number of more than 32 bits",
                                                 tl_onnx_tensor_number(t));
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
            t->tensor_type->elem_type = w->to;
        return;
    case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE:
        if (t->sparse_tensor_type->elem_type == w->from)
            t->sparse_tensor_type->elem_type = w->to;
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
        if (!stays(w, values[i]->name))
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
                a->i = w->to;
        }
    return 0;
}

int tl_onnx_float32(struct tl_onnx_editing *x, const json_t *value)
{
    struct widening w = {.x = x, .from = (int)json_integer_value(value), .to = TL_DTYPE_FLOAT32};
    if (w.from != TL_DTYPE_FLOAT16 && w.from != TL_DTYPE_BFLOAT16 && w.from != TL_DTYPE_FLOAT64)
        return tl_onnx_edit_form(x, "10 (float16), 11 (float64) or 16 (bfloat16)");
    if (tl_onnx_each_tensor(x->m, widen_tensor, &w))
        return -1;
    tl_onnx_each_body(x->m, widen_body, &w);
    return 0;
}

/* --- whole numbers --- */

/* Operands that ONNX wants as int64 whatever the others are: shapes, counts and places in several dimensions. */
static const struct {
    const char *operator;
    uint32_t operand;
} whole[] = {
    {"AffineGrid", 1},   {"CenterCropPad", 1},   {"ConstantOfShape", 0}, {"Expand", 1},     {"GatherND", 1},
    {"Loop", 0},         {"MaxUnpool", 1},       {"MaxUnpool", 2},       {"Pad", 1},        {"Reshape", 1},
    {"Resize", 3},       {"ScatterND", 1},       {"Split", 1},           {"Squeeze", 1},    {"Tile", 1},
    {"TopK", 1},         {"Trilu", 1},           {"Unsqueeze", 1},       {"ReduceL1", 1},   {"ReduceL2", 1},
    {"ReduceLogSum", 1}, {"ReduceLogSumExp", 1}, {"ReduceMax", 1},       {"ReduceMean", 1}, {"ReduceMin", 1},
    {"ReduceProd", 1},   {"ReduceSum", 1},       {"ReduceSumSquare", 1},
};

static int keep_whole(void *arg, struct tl_onnx_body body)
{
    struct widening *w = arg;
    for (size_t i = 0; i < *body.n; i++) {
        const tl_onnx_node_pb *n = (*body.nodes)[i];
        for (size_t k = 0; k < TL_COUNT(whole); k++)
            if (whole[k].operand < n->n_input && tl_onnx_is(n, whole[k].operator) &&
                tl_onnx_names_add(&w->kept, n->input[whole[k].operand], w->n_kept))
                w->n_kept++;
    }
    return 0;
}

int tl_onnx_int32(struct tl_onnx_editing *x, const json_t *value)
{
    struct widening w = {.x = x, .from = TL_DTYPE_INT64, .to = TL_DTYPE_INT32};
    if (!json_is_true(value))
        return tl_onnx_edit_form(x, "true");
    tl_onnx_each_body(x->m, keep_whole, &w);
    int rc = tl_onnx_each_tensor(x->m, widen_tensor, &w);
    if (rc == 0)
        tl_onnx_each_body(x->m, widen_body, &w);
    tl_onnx_names_free(&w.kept);
    return rc;
}
