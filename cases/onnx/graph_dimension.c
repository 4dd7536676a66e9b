/* A size stands at many places of a model, and which of them belong together only the operators say. So the edit is told the
 * places, and tl_onnx_places_of_size (graph_query.h) tells those at which a size is found; whether a choice of them makes a
 * model is judged by the runtime. What was said about shapes in between goes, for it would be wrong. */
#include "cases/onnx/graph_dimension.h"
#include "cases/onnx/graph_elements.h"
#include "cases/onnx/graph_part.h"
#include "cases/onnx/graph_tensor.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

struct change {
    struct tl_onnx_editing *x;
    int64_t to;
    const char *symbol;
    uint64_t *places; /* along the axis, whose elements stay: `to` of them; NULL: the first ones */
};

static void set_dimension(Onnx__TensorShapeProto__Dimension *d, int64_t to)
{
    d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    d->dim_value = to;
}

static Onnx__TensorShapeProto *shape_of(const Onnx__TypeProto *t)
{
    while (t && (t->value_case == ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE ||
                 t->value_case == ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE))
        t = t->value_case == ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE ? t->sequence_type->elem_type
                                                                   : t->optional_type->elem_type;
    return t && t->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? t->tensor_type->shape : NULL;
}

static void set_symbol(const struct change *c, tl_onnx_value_pb *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        Onnx__TensorShapeProto *s = shape_of(values[i]->type);
        for (size_t k = 0; s && k < s->n_dim; k++)
            if (s->dim[k]->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
                !strcmp(s->dim[k]->dim_param, c->symbol))
                set_dimension(s->dim[k], c->to);
    }
}

static int set_symbols(void *arg, struct tl_onnx_body body)
{
    if (body.graph) {
        set_symbol(arg, body.graph->input, body.graph->n_input);
        set_symbol(arg, body.graph->output, body.graph->n_output);
        set_symbol(arg, body.graph->value_info, body.graph->n_value_info);
    }
    return 0;
}

static int forget_shapes(void *arg, struct tl_onnx_body body)
{
    struct tl_onnx_model *m = arg;
    if (body.function)
        body.function->n_value_info = 0;
    if (!body.graph)
        return 0;
    body.graph->n_value_info = 0;
    for (size_t i = 0; i < body.graph->n_output; i++) {
        tl_onnx_value_pb *v = body.graph->output[i];
        if (v->type && v->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
            v->type->tensor_type->shape) {
            Onnx__TypeProto *type = tl_arena_alloc(m->arena, 1, sizeof *type);
            Onnx__TypeProto__Tensor *tensor = tl_arena_alloc(m->arena, 1, sizeof *tensor);
            *type = *v->type;
            *tensor = *v->type->tensor_type;
            tensor->shape = NULL;
            type->tensor_type = tensor;
            v->type = type;
        }
    }
    return 0;
}

static int set_input(struct change *c, const json_t *one)
{
    const char *name = json_string_value(json_array_get(one, 0));
    const tl_onnx_graph_pb *g = c->x->m->pb->graph;
    uint32_t axis;
    if (!name || tl_onnx_edit_number(c->x, json_array_get(one, 1), &axis))
        return tl_onnx_edit_form(c->x, "inputs: [NAME, AXIS]");
    for (size_t i = 0; i < g->n_input; i++) {
        Onnx__TensorShapeProto *s = shape_of(g->input[i]->type);
        if (strcmp(g->input[i]->name, name) != 0)
            continue;
        if (!s || axis >= s->n_dim)
            return tl_onnx_edit_fail(c->x, "the input %.100s has no axis %u", name, axis);
        set_dimension(s->dim[axis], c->to);
        return 0;
    }
    return tl_onnx_edit_fail(c->x, "there is no input with the name %.100s", name);
}

struct wanted {
    uint32_t number;
    tl_onnx_tensor_pb *found;
};

static int find_tensor(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    struct wanted *w = arg;
    if (tl_onnx_tensor_number(t) != w->number)
        return 0;
    w->found = t;
    return 1;
}

/* A tensor and the second number of [TENSOR-NUMBER, …]. */
static int find(struct change *c, const json_t *one, tl_onnx_tensor_pb **t, uint32_t *second)
{
    struct wanted w = {0};
    if (tl_onnx_edit_number(c->x, json_array_get(one, 0), &w.number) ||
        tl_onnx_edit_number(c->x, json_array_get(one, 1), second))
        return -1;
    if (tl_onnx_each_tensor(c->x->m, find_tensor, &w) != 1)
        return tl_onnx_edit_fail(c->x, "there is no tensor with the number %u (any more)", w.number);
    *t = w.found;
    return 0;
}

static const char *directory_of(const struct change *c)
{
    return c->x->sources ? c->x->sources->directory : NULL;
}

static int take(const struct change *c, const tl_onnx_tensor_pb *t, struct tl_tensor_pb *elements)
{
    return tl_onnx_tensor_take(c->x->m, t, directory_of(c), elements, c->x->error);
}

/* Along the axis the first elements stay, or those that were chosen; where there are to be more, they are gone through again. */
static int resize(struct change *c, struct tl_tensor_pb *t, uint32_t axis)
{
    uint64_t outer = 1, inner = 1, old = (uint64_t)t->dims[axis], new = (uint64_t)c->to, elements, bytes;
    for (size_t i = 0; i < t->rank; i++)
        if (i != axis)
            *(i < axis ? &outer : &inner) *= (uint64_t)t->dims[i];
    if (!old && new)
        return tl_onnx_edit_fail(c->x, "a tensor without elements cannot be made longer");
    if (__builtin_mul_overflow(outer * inner, new, &elements) ||
        __builtin_mul_overflow(elements, (uint64_t)t->type->size, &bytes) || bytes > TL_INPUT_BYTES_MAX)
        return tl_onnx_edit_fail(c->x, "a tensor would be too large");
    size_t row = (size_t)inner * t->type->size;
    unsigned char *data = calloc((size_t)bytes + 1, 1);
    if (!data)
        return tl_onnx_edit_fail(c->x, "there is not enough memory for a tensor of this size");
    for (uint64_t o = 0; row && o < outer; o++)
        for (uint64_t i = 0; i < new; i++)
            memcpy(data + (o * new + i) * row,
                   t->data + (o * old + (c->places ? c->places[i] : i) % old) * row, row);
    free(t->data);
    t->data = data;
    t->elements = elements;
    t->dims[axis] = c->to;
    return 0;
}

/* One that is beside the model stays there, and is read when it is written; what has no elements any more is put into it. */
static int resize_beside(struct change *c, tl_onnx_tensor_pb *t, uint32_t axis)
{
    struct tl_onnx_data_part p = {.kind = TL_ONNX_PART_ROWS, .inner = 1, .now = (uint64_t)c->to};
    struct tl_tensor_pb all;
    uint64_t outer = 1;
    if (axis >= t->n_dims)
        return tl_onnx_edit_fail(c->x, "tensor %u has no axis %u that can be changed",
                                 tl_onnx_tensor_number(t), axis);
    for (size_t i = 0; i < t->n_dims; i++)
        if (i != axis)
            *(i < axis ? &outer : &p.inner) *= (uint64_t)t->dims[i];
    p.before = (uint64_t)t->dims[axis];
    size_t size = tl_element_type_number(t->data_type)->size;
    if (__builtin_mul_overflow(outer * p.inner, p.now, &p.elements) || p.elements > TL_INPUT_BYTES_MAX / size)
        return tl_onnx_edit_fail(c->x, "a tensor would be too large");
    if (c->places) {
        uint64_t *places = tl_arena_alloc(c->x->m->arena, (size_t)p.now + 1, sizeof *places);
        memcpy(places, c->places, (size_t)p.now * sizeof *places);
        p.places = places;
    }
    if (p.elements && tl_onnx_part_add(c->x->m, t, &p, directory_of(c), c->x->error))
        return -1;
    int64_t *dims = tl_arena_alloc(c->x->m->arena, t->n_dims, sizeof *dims);
    memcpy(dims, t->dims, t->n_dims * sizeof *dims);
    dims[axis] = c->to;
    t->dims = dims;
    if (!p.elements)
        tl_onnx_tensor_clear(t);
    if (tl_onnx_stays_beside(t))
        return 0;
    if (take(c, t, &all))
        return -1;
    int rc = tl_onnx_tensor_set(c->x->m, t, &all, c->x->error);
    tl_tensor_pb_free(&all);
    return rc;
}

static int set_tensor(struct change *c, const json_t *one)
{
    struct tl_tensor_pb all;
    tl_onnx_tensor_pb *t;
    uint32_t axis;
    if (find(c, one, &t, &axis))
        return -1;
    if (tl_onnx_stays_beside(t))
        return resize_beside(c, t, axis);
    if (take(c, t, &all))
        return -1;
    int rc = 0;
    if (axis >= all.rank || all.type->kind == TL_ELEMENT_STRING)
        rc = tl_onnx_edit_fail(c->x, "tensor %u has no axis %u that can be changed", tl_onnx_tensor_number(t),
                               axis);
    if (rc == 0)
        rc = resize(c, &all, axis);
    if (rc == 0)
        rc = tl_onnx_tensor_set(c->x->m, t, &all, c->x->error);
    tl_tensor_pb_free(&all);
    return rc;
}

static int set_element(struct change *c, const json_t *one)
{
    struct tl_tensor_pb all;
    tl_onnx_tensor_pb *t;
    uint32_t place;
    uint64_t elements = 0;
    if (find(c, one, &t, &place))
        return -1;
    const struct tl_element_type *type = tl_element_type_number(t->data_type);
    if (tl_onnx_stays_beside(t) && tl_onnx_tensor_elements(t, &elements) && place < elements &&
        type->kind == TL_ELEMENT_INTEGER && type->size >= 4 && type->bits >= 8) {
        struct tl_onnx_data_part p = {.kind = TL_ONNX_PART_NUMBER, .place = place};
        memcpy(p.number, &c->to, type->size); /* little endian */
        return tl_onnx_part_add(c->x->m, t, &p, directory_of(c), c->x->error);
    }
    if (take(c, t, &all))
        return -1;
    int rc = 0;
    if (place >= all.elements || all.type->kind != TL_ELEMENT_INTEGER || all.type->size < 4)
        rc = tl_onnx_edit_fail(c->x, "tensor %u has no whole number at place %u", tl_onnx_tensor_number(t),
                               place);
    else
        memcpy(all.data + (size_t)place * all.type->size, &c->to, all.type->size); /* little endian */
    if (rc == 0)
        rc = tl_onnx_tensor_set(c->x->m, t, &all, c->x->error);
    tl_tensor_pb_free(&all);
    return rc;
}

static int set_attribute(struct change *c, const json_t *one)
{
    struct tl_onnx_body body;
    size_t at;
    uint32_t place;
    const char *name = json_string_value(json_array_get(one, 1));
    if (!name || tl_onnx_edit_node(c->x, json_array_get(one, 0), &body, &at) ||
        tl_onnx_edit_number(c->x, json_array_get(one, 2), &place))
        return name ? -1 : tl_onnx_edit_form(c->x, "attributes: [NODE, NAME, PLACE]");
    tl_onnx_attribute_pb *a = tl_onnx_attribute((*body.nodes)[at], name);
    if (a && a->has_i && !place)
        a->i = c->to;
    else if (a && place < a->n_ints) {
        int64_t *ints =
            tl_arena_alloc(c->x->m->arena, a->n_ints, sizeof *ints); /* a copy of the node may share them */
        memcpy(ints, a->ints, a->n_ints * sizeof *ints);
        ints[place] = c->to;
        a->ints = ints;
    } else
        return tl_onnx_edit_fail(c->x, "there is no whole number %.60s[%u]", name, place);
    return 0;
}

/* The places that a set names one by one, where it has as many as are wanted. */
static int choose_places(struct change *c, const json_t *set)
{
    struct tl_onnx_range *ranges;
    uint64_t n = 0, at = 0;
    size_t count;
    if (tl_onnx_edit_set(c->x, set, &ranges, &count))
        return -1;
    for (size_t i = 0; i < count; i++)
        n += ranges[i].last - ranges[i].first + 1;
    if (n == (uint64_t)c->to && n <= TL_INPUT_BYTES_MAX) {
        c->places = tl_calloc((size_t)n + 1, sizeof *c->places);
        for (size_t i = 0; i < count; i++)
            for (uint64_t p = ranges[i].first; p <= ranges[i].last; p++)
                c->places[at++] = p;
    }
    free(ranges);
    return c->places ? 0 : tl_onnx_edit_fail(c->x, "take: as many places as `to` says");
}

static int set_places(struct change *c, const json_t *value, bool *changed)
{
    static const struct {
        const char *key;
        int (*set)(struct change *c, const json_t *one);
    } places[] = {{"inputs", set_input},
                  {"tensors", set_tensor},
                  {"elements", set_element},
                  {"attributes", set_attribute}};
    for (size_t k = 0; k < TL_COUNT(places); k++) {
        const json_t *list = json_object_get(value, places[k].key);
        for (size_t i = 0; i < json_array_size(list); i++, *changed = true)
            if (places[k].set(c, json_array_get(list, i)))
                return -1;
    }
    return 0;
}

int tl_onnx_dimension(struct tl_onnx_editing *x, const json_t *value)
{
    struct change c = {.x = x, .to = json_integer_value(json_object_get(value, "to"))};
    const json_t *symbols = json_object_get(value, "symbols"), *take = json_object_get(value, "take");
    bool changed = false;
    if (!json_is_integer(json_object_get(value, "to")) || c.to < 0)
        return tl_onnx_edit_form(x, "to: a whole number that is not negative");
    for (size_t i = 0; i < json_array_size(symbols); i++) {
        c.symbol = json_string_value(json_array_get(symbols, i));
        if (!c.symbol)
            return tl_onnx_edit_form(x, "symbols: a list of names");
        tl_onnx_each_body(x->m, set_symbols, &c);
    }
    int rc = take && choose_places(&c, take) ? -1 : set_places(&c, value, &changed);
    free(c.places);
    if (rc == 0 && changed)
        tl_onnx_each_body(x->m, forget_shapes, x->m);
    return rc;
}
