#include "cases/onnx/graph_constants.h"
#include "cases/onnx/graph_elements.h"
#include "cases/onnx/graph_external.h"
#include "cases/onnx/graph_names.h"
#include "cases/onnx/graph_part.h"
#include "cases/onnx/graph_tensor.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* --- fold --- */

static tl_onnx_tensor_pb *numbers(struct tl_onnx_model *m, int type, bool list, size_t n, const void *data,
                                  size_t size)
{
    tl_onnx_tensor_pb *t = tl_onnx_new_tensor(m, NULL);
    t->has_data_type = 1;
    t->data_type = type;
    t->n_dims = list;
    t->dims = tl_arena_alloc(m->arena, 1, sizeof *t->dims);
    t->dims[0] = (int64_t)n;
    t->has_raw_data = 1;
    t->raw_data.len = n * size;
    t->raw_data.data = tl_arena_alloc(m->arena, n + 1, size);
    if (n && size)
        memcpy(t->raw_data.data, data, n * size);
    return t;
}

static tl_onnx_tensor_pb *texts(struct tl_onnx_model *m, bool list, size_t n, ProtobufCBinaryData *data)
{
    tl_onnx_tensor_pb *t = numbers(m, 8, list, n, NULL, 0);
    t->has_raw_data = 0;
    t->raw_data = (ProtobufCBinaryData){0, NULL};
    t->n_string_data = n;
    t->string_data = tl_arena_alloc(m->arena, n + 1, sizeof *data);
    memcpy(t->string_data, data, n * sizeof *data);
    return t;
}

/* What a node Constant makes; NULL: it is none, or sparse. */
static tl_onnx_tensor_pb *constant_of(struct tl_onnx_model *m, const tl_onnx_node_pb *n)
{
    if (!tl_onnx_is(n, "Constant") || n->n_output != 1 || !*n->output[0] || n->n_attribute != 1)
        return NULL;
    tl_onnx_attribute_pb *a = n->attribute[0];
    if (a->ref_attr_name && *a->ref_attr_name)
        return NULL;
    if (!strcmp(a->name, "value"))
        return a->t;
    if (!strcmp(a->name, "value_int"))
        return numbers(m, TL_DTYPE_INT64, false, 1, &a->i, sizeof a->i);
    if (!strcmp(a->name, "value_ints"))
        return numbers(m, TL_DTYPE_INT64, true, a->n_ints, a->ints, sizeof *a->ints);
    if (!strcmp(a->name, "value_float"))
        return numbers(m, TL_DTYPE_FLOAT32, false, 1, &a->f, sizeof a->f);
    if (!strcmp(a->name, "value_floats"))
        return numbers(m, TL_DTYPE_FLOAT32, true, a->n_floats, a->floats, sizeof *a->floats);
    if (!strcmp(a->name, "value_string"))
        return texts(m, false, 1, &a->s);
    if (!strcmp(a->name, "value_strings") && a->n_strings)
        return texts(m, true, a->n_strings, a->strings);
    return NULL;
}

/* An output of a graph stays what a node makes. In the first versions of the format an initializer is an input, too. */
static int fold(void *arg, struct tl_onnx_body body)
{
    struct tl_onnx_model *m = arg;
    tl_onnx_graph_pb *g = body.graph;
    struct tl_onnx_names outputs = {0};
    size_t kept = 0, n = 0;
    if (!g)
        return 0;
    for (size_t i = 0; i < g->n_output; i++)
        tl_onnx_names_add(&outputs, g->output[i]->name, i);
    tl_onnx_tensor_pb **tensors = tl_calloc(g->n_node + 1, sizeof *tensors);
    for (size_t i = 0; i < g->n_node; i++) {
        tl_onnx_node_pb *node = g->node[i];
        bool output = node->n_output && tl_onnx_names_get(&outputs, node->output[0]) != TL_ONNX_NO_NAME;
        tl_onnx_tensor_pb *t = output ? NULL : constant_of(m, node);
        if (t) {
            t->name = node->output[0];
            tensors[n++] = t;
        } else
            g->node[kept++] = node;
    }
    g->n_node = kept;
    if (n) {
        g->initializer = tl_onnx_longer(m, (void *const *)g->initializer, g->n_initializer, n);
        memcpy(g->initializer + g->n_initializer, tensors, n * sizeof *tensors);
        g->n_initializer += n;
    }
    free(tensors);
    tl_onnx_names_free(&outputs);
    return 0;
}

static int unfold(void *arg, struct tl_onnx_body body)
{
    struct tl_onnx_model *m = arg;
    tl_onnx_graph_pb *g = body.graph;
    struct tl_onnx_names inputs = {0};
    size_t kept = 0, n = 0;
    if (!g)
        return 0;
    for (size_t i = 0; i < g->n_input; i++)
        tl_onnx_names_add(&inputs, g->input[i]->name, i);
    tl_onnx_node_pb **nodes = tl_calloc(g->n_initializer + 1, sizeof *nodes);
    for (size_t i = 0; i < g->n_initializer; i++) {
        tl_onnx_tensor_pb *t = g->initializer[i];
        if (tl_onnx_tensor_is_external(t) || tl_onnx_names_get(&inputs, t->name) != TL_ONNX_NO_NAME)
            g->initializer[kept++] = t;
        else
            nodes[n++] = tl_onnx_constant_node(m, t->name, t);
    }
    g->n_initializer = kept;
    tl_onnx_insert(m, body, 0, 0, n, nodes);
    free(nodes);
    tl_onnx_names_free(&inputs);
    return 0;
}

int tl_onnx_constants_fold(struct tl_onnx_editing *x, const json_t *value)
{
    if (!json_is_boolean(value))
        return tl_onnx_edit_form(x, "true or false");
    if (json_is_true(value) && x->m->pb->ir_version && x->m->pb->ir_version < 4)
        return tl_onnx_edit_fail(
            x,
            "in version %lld of the format an initializer is an input too; set the version to 4 before (ir)",
            (long long)x->m->pb->ir_version);
    tl_onnx_each_body(x->m, json_is_true(value) ? fold : unfold, x->m);
    return 0;
}

/* --- fill --- */

struct filling {
    struct tl_onnx_editing *x;
    struct tl_onnx_range *set, *keep;
    size_t n_set, n_keep;
    enum tl_onnx_fill_kind kind;
    uint64_t seed;
    uint64_t done;
};

static struct tl_onnx_fill fill_of(const struct filling *f, uint32_t number)
{
    /* Tensors of one seed must not begin with the same elements. */
    return (struct tl_onnx_fill){.kind = f->kind,
                                 .seed = f->seed + (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15),
                                 .keep = f->keep,
                                 .n_keep = f->n_keep};
}

/* What is kept of a tensor beside the model is read there when the file is written. */
static int fill_beside(struct filling *f, tl_onnx_tensor_pb *t)
{
    struct tl_onnx_data_part p = {.fill = fill_of(f, tl_onnx_tensor_number(t))};
    return tl_onnx_part_add(f->x->m, t, &p, f->x->sources ? f->x->sources->directory : NULL, f->x->error);
}

static int fill_inside(struct filling *f, tl_onnx_tensor_pb *t)
{
    struct tl_onnx_fill fill = fill_of(f, tl_onnx_tensor_number(t));
    struct tl_tensor_pb all;
    if (tl_onnx_tensor_take(f->x->m, t, f->x->sources ? f->x->sources->directory : NULL, &all, f->x->error))
        return -1;
    if (f->kind == TL_ONNX_RANDOM)
        tl_onnx_statistics_of(&all, &fill.statistics);
    tl_onnx_fill_tensor(&fill, &all);
    int rc = tl_onnx_tensor_set(f->x->m, t, &all, f->x->error);
    tl_onnx_statistics_free(&fill.statistics);
    tl_tensor_pb_free(&all);
    return rc;
}

static int fill(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    struct filling *f = arg;
    uint64_t elements;
    if (!tl_onnx_in_set(f->set, f->n_set, tl_onnx_tensor_number(t)))
        return 0;
    f->done++;
    if (!tl_onnx_tensor_elements(t, &elements))
        return tl_onnx_edit_fail(f->x, "tensor %u has no shape", tl_onnx_tensor_number(t));
    if (f->n_keep && f->keep[f->n_keep - 1].last >= elements)
        return tl_onnx_edit_fail(f->x, "tensor %u has %llu elements", tl_onnx_tensor_number(t),
                                 (unsigned long long)elements);
    return tl_onnx_stays_beside(t) ? fill_beside(f, t) : fill_inside(f, t);
}

static int fill_kind(const char *name)
{
    for (int i = 0; name && tl_onnx_fill_names[i]; i++)
        if (!strcmp(tl_onnx_fill_names[i], name))
            return i;
    return -1;
}

int tl_onnx_constants_fill(struct tl_onnx_editing *x, const json_t *value)
{
    struct filling f = {.x = x, .seed = (uint64_t)json_integer_value(json_object_get(value, "seed"))};
    const json_t *keep = json_object_get(value, "keep");
    int kind = fill_kind(json_string_value(json_object_get(value, "with"))), rc = 0;
    uint64_t wanted = 0;
    if (kind < 0)
        return tl_onnx_edit_form(x, "with: \"zeros\", \"ones\" or \"random\"");
    f.kind = (enum tl_onnx_fill_kind)kind;
    if (tl_onnx_edit_set(x, json_object_get(value, "tensors"), &f.set, &f.n_set))
        return -1;
    if (keep)
        rc = tl_onnx_edit_set(x, keep, &f.keep, &f.n_keep);
    for (size_t i = 0; i < f.n_set; i++)
        wanted += f.set[i].last - f.set[i].first + 1;
    if (rc == 0)
        rc = tl_onnx_each_tensor(x->m, fill, &f);
    if (rc == 0 && f.done != wanted)
        rc = tl_onnx_edit_fail(x, "the model has only %llu of these %llu tensors (any more)",
                               (unsigned long long)f.done, (unsigned long long)wanted);
    free(f.set);
    free(f.keep);
    return rc;
}

/* --- inside --- */

static int put_inside(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    struct filling *f = arg;
    struct tl_tensor_pb all;
    if (!tl_onnx_in_set(f->set, f->n_set, tl_onnx_tensor_number(t)) || !tl_onnx_tensor_is_external(t))
        return 0;
    if (tl_onnx_tensor_take(f->x->m, t, f->x->sources ? f->x->sources->directory : NULL, &all, f->x->error))
        return -1;
    int rc = tl_onnx_tensor_set(f->x->m, t, &all, f->x->error);
    tl_tensor_pb_free(&all);
    return rc;
}

int tl_onnx_constants_inside(struct tl_onnx_editing *x, const json_t *set)
{
    struct filling f = {.x = x};
    int rc = tl_onnx_edit_set(x, set, &f.set, &f.n_set) || tl_onnx_each_tensor(x->m, put_inside, &f) ? -1 : 0;
    free(f.set);
    return rc;
}

/* --- a tensor alone --- */

static int fill_alone(struct tl_onnx_model *m, const void *tensor, size_t size, struct tl_onnx_fill *fill,
                      uint8_t **bytes, size_t *n, struct tl_error *e)
{
    tl_onnx_tensor_pb *t;
    struct tl_tensor_pb all;
    if (tl_onnx_tensor_unpack(m, tensor, size, NULL, &t, e) || tl_onnx_tensor_take(m, t, NULL, &all, e))
        return -1;
    int rc = 0;
    for (size_t i = 0; i < fill->n_keep; i++)
        if (fill->keep[i].last >= all.elements || fill->keep[i].first > fill->keep[i].last)
            rc = tl_fail(e, TL_ERROR_INPUT, "cannot fill a tensor", m->name,
                         "it has not the elements that are to be kept");
    if (rc == 0 && fill->kind == TL_ONNX_RANDOM)
        tl_onnx_statistics_of(&all, &fill->statistics);
    if (rc == 0) {
        tl_onnx_fill_tensor(fill, &all);
        rc = tl_onnx_tensor_set(m, t, &all, e);
    }
    if (rc == 0) {
        *n = onnx__tensor_proto__get_packed_size(t);
        *bytes = tl_malloc(*n + 1);
        onnx__tensor_proto__pack(t, *bytes);
    }
    tl_onnx_statistics_free(&fill->statistics);
    tl_tensor_pb_free(&all);
    return rc;
}

int tl_onnx_tensor_fill(const void *tensor, size_t size, const char *with, uint64_t seed,
                        const uint64_t *keep, size_t n_keep, uint8_t **bytes, size_t *n, struct tl_error *e)
{
    int kind = fill_kind(with);
    *bytes = NULL;
    if (kind < 0)
        return tl_fail(e, TL_ERROR_INPUT, "cannot fill a tensor", with,
                       "\"zeros\", \"ones\" or \"random\" is expected");
    struct tl_onnx_range *ranges = tl_calloc(n_keep + 1, sizeof *ranges);
    for (size_t i = 0; i < n_keep; i++)
        ranges[i] = (struct tl_onnx_range){keep[2 * i], keep[2 * i + 1]};
    struct tl_onnx_fill fill = {
        .kind = (enum tl_onnx_fill_kind)kind, .seed = seed, .keep = ranges, .n_keep = n_keep};
    struct tl_onnx_model *m = tl_onnx_model_new("a recorded tensor");
    int rc = fill_alone(m, tensor, size, &fill, bytes, n, e);
    tl_onnx_model_free(m);
    free(ranges);
    return rc;
}
