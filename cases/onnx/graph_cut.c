#include "cases/onnx/graph_cut.h"
#include "cases/element.h"
#include "cases/onnx/graph_index.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_rename.h"
#include "cases/onnx/graph_sweep.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* Whether a value of the main graph may be an output: it is made by one of the first n nodes in their order, or by none. */
static int check_output(struct tl_onnx_editing *x, const struct tl_onnx_index *index, const char *name)
{
    size_t v = name && *name ? tl_onnx_names_get(&index->names, name) : TL_ONNX_NO_NAME;
    if (!name)
        return tl_onnx_edit_form(x, "a list of names");
    if (v == TL_ONNX_NO_NAME)
        return tl_onnx_edit_fail(x, "the main graph has no value with the name %.100s", name);
    return 0;
}

tl_onnx_value_pb *tl_onnx_output_value(struct tl_onnx_model *m, const char *name)
{
    tl_onnx_graph_pb *g = m->pb->graph;
    for (size_t i = 0; i < g->n_output; i++)
        if (!strcmp(g->output[i]->name, name))
            return g->output[i];
    tl_onnx_value_pb *v = tl_onnx_new_value(m, name);
    for (size_t i = 0; i < g->n_value_info; i++)
        if (g->value_info[i]->name && !strcmp(g->value_info[i]->name, name))
            v->type = g->value_info[i]->type;
    for (size_t i = 0; i < g->n_input; i++)
        if (!strcmp(g->input[i]->name, name))
            v->type = g->input[i]->type;
    return v;
}

/* The outputs are those of a list, each once. */
static int set_outputs(struct tl_onnx_editing *x, const json_t *names, const struct tl_onnx_index *index)
{
    tl_onnx_graph_pb *g = x->m->pb->graph;
    struct tl_onnx_names seen = {0};
    size_t n = json_array_size(names), kept = 0;
    int rc = n ? 0 : tl_onnx_edit_form(x, "a list of at least one name");
    tl_onnx_value_pb **outputs = tl_arena_alloc(x->m->arena, n + 1, sizeof *outputs);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        rc = check_output(x, index, name);
        if (rc == 0 && tl_onnx_names_add(&seen, name, i))
            outputs[kept++] = tl_onnx_output_value(x->m, name);
    }
    tl_onnx_names_free(&seen);
    if (rc)
        return -1;
    g->output = outputs;
    g->n_output = kept;
    return 0;
}

int tl_onnx_cut_outputs(struct tl_onnx_editing *x, const json_t *names)
{
    struct tl_onnx_index *index = tl_onnx_index_new(tl_onnx_body_of_graph(x->m->pb->graph));
    int rc = set_outputs(x, names, index);
    tl_onnx_index_free(index);
    if (rc == 0)
        tl_onnx_sweep(x->m);
    return rc;
}

int tl_onnx_cut_expose(struct tl_onnx_editing *x, const json_t *names)
{
    tl_onnx_graph_pb *g = x->m->pb->graph;
    struct tl_onnx_index *index = tl_onnx_index_new(tl_onnx_body_of_graph(g));
    json_t *all = json_array(), *name;
    size_t i;
    for (i = 0; i < g->n_output; i++)
        json_array_append_new(all, json_string(g->output[i]->name));
    json_array_foreach(names, i, name)
        json_array_append(all, name);
    int rc = json_is_array(names) ? set_outputs(x, all, index) : tl_onnx_edit_form(x, "a list of names");
    json_decref(all);
    tl_onnx_index_free(index);
    return rc;
}

void tl_onnx_show_unread(struct tl_onnx_model *m)
{
    tl_onnx_graph_pb *g = m->pb->graph;
    if (!m->keeps_unread)
        return;
    struct tl_onnx_index *x = tl_onnx_index_new(tl_onnx_body_of_graph(g));
    tl_onnx_value_pb **outputs = tl_arena_alloc(m->arena, g->n_output + x->n_values + 1, sizeof *outputs);
    size_t n = g->n_output;
    memcpy(outputs, g->output, n * sizeof *outputs);
    for (size_t i = 0; i < x->n_nodes; i++) {
        const tl_onnx_node_pb *node = g->node[x->order[i]];
        bool read = false;
        for (size_t k = 0; k < node->n_output; k++) {
            size_t v = tl_onnx_names_get(&x->names, node->output[k]);
            read |= v != TL_ONNX_NO_NAME && (x->values[v].n_readers || x->values[v].graph_output);
        }
        for (size_t k = 0; !read && k < node->n_output; k++)
            if (*node->output[k])
                outputs[n++] = tl_onnx_output_value(m, node->output[k]);
    }
    g->output = outputs;
    g->n_output = n;
    tl_onnx_index_free(x);
}

int tl_onnx_cut_unread(struct tl_onnx_editing *x, const json_t *value)
{
    if (!json_is_true(value))
        return tl_onnx_edit_form(x, "true");
    x->m->keeps_unread = true;
    tl_onnx_show_unread(x->m);
    return 0;
}

/* --- prefix --- */

/* What is made in front and read behind, or an output: the model's own outputs first, as they stand there. */
static json_t *live_names(const struct tl_onnx_index *index, const tl_onnx_graph_pb *g, const bool *front)
{
    json_t *names = json_array();
    for (size_t i = 0; i < g->n_output; i++) {
        size_t v = tl_onnx_names_get(&index->names, g->output[i]->name);
        if (index->values[v].producer != TL_ONNX_NO_NAME && front[index->values[v].producer])
            json_array_append_new(names, json_string(index->values[v].name));
    }
    for (size_t i = 0; i < index->n_nodes; i++) {
        const tl_onnx_node_pb *n = g->node[index->order[i]];
        for (size_t k = 0; front[index->order[i]] && k < n->n_output; k++) {
            size_t v = tl_onnx_names_get(&index->names, n->output[k]);
            bool live = false;
            for (size_t r = 0; v != TL_ONNX_NO_NAME && r < index->values[v].n_readers; r++)
                live |= !front[index->values[v].readers[r]];
            if (live && !index->values[v].graph_output && !index->values[v].constant)
                json_array_append_new(names, json_string(n->output[k]));
        }
    }
    return names;
}

static int check_in_front(struct tl_onnx_editing *x, const struct tl_onnx_index *index, const bool *front,
                          const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (check_output(x, index, name))
            return -1;
        size_t p = index->values[tl_onnx_names_get(&index->names, name)].producer;
        if (p != TL_ONNX_NO_NAME && !front[p])
            return tl_onnx_edit_fail(x, "the value %.100s is made behind this place", name);
    }
    return 0;
}

int tl_onnx_cut_prefix(struct tl_onnx_editing *x, const json_t *value)
{
    tl_onnx_graph_pb *g = x->m->pb->graph;
    const json_t *given = json_object_get(value, "outputs");
    uint32_t place;
    if (tl_onnx_edit_number(x, json_object_get(value, "place"), &place))
        return -1;
    if (!place || place > g->n_node)
        return tl_onnx_edit_fail(x, "the place is %u, and the main graph has %zu nodes", place, g->n_node);
    struct tl_onnx_index *index = tl_onnx_index_new(tl_onnx_body_of_graph(g));
    bool *front = tl_calloc(index->n_nodes + 1, sizeof *front);
    for (size_t i = 0; i < place; i++)
        front[index->order[i]] = true;
    json_t *names = given ? json_deep_copy(given) : live_names(index, g, front);
    int rc = check_in_front(x, index, front, names);
    if (rc == 0 && !given && !json_array_size(names))
        rc = tl_onnx_edit_fail(x, "nothing that is made by the first %u nodes is read behind them", place);
    if (rc == 0)
        rc = set_outputs(x, names, index);
    json_decref(names);
    free(front);
    tl_onnx_index_free(index);
    if (rc == 0)
        tl_onnx_sweep(x->m);
    return rc;
}

/* --- begin --- */

static int set_shape(struct tl_onnx_editing *x, Onnx__TypeProto__Tensor *t, const json_t *shape)
{
    size_t n = json_array_size(shape);
    if (!json_is_array(shape) || n > TL_RANK_MAX)
        return tl_onnx_edit_form(x, "the shape as a list of at most 16 numbers, names or nulls");
    t->shape = tl_arena_alloc(x->m->arena, 1, sizeof *t->shape);
    onnx__tensor_shape_proto__init(t->shape);
    t->shape->n_dim = n;
    t->shape->dim = tl_arena_alloc(x->m->arena, n + 1, sizeof *t->shape->dim);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(shape, i);
        Onnx__TensorShapeProto__Dimension *d = tl_arena_alloc(x->m->arena, 1, sizeof *d);
        onnx__tensor_shape_proto__dimension__init(d);
        t->shape->dim[i] = d;
        if (json_is_integer(v) && json_integer_value(v) >= 0) {
            d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            d->dim_value = json_integer_value(v);
        } else if (json_is_string(v)) {
            d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            d->dim_param = tl_onnx_text(x->m, json_string_value(v));
        } else if (!json_is_null(v))
            return tl_onnx_edit_form(x, "a dimension as a number that is not negative, a name or null");
    }
    return 0;
}

static int make_input(struct tl_onnx_editing *x, const json_t *one, const char *name,
                      tl_onnx_value_pb **value)
{
    const char *type_name = json_string_value(json_object_get(one, "type"));
    const struct tl_element_type *type = type_name ? tl_element_type_find(type_name) : NULL;
    if (!type)
        return tl_onnx_edit_form(x, "the type of an input, as \"float32\",");
    Onnx__TypeProto *t = tl_arena_alloc(x->m->arena, 1, sizeof *t);
    onnx__type_proto__init(t);
    t->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    t->tensor_type = tl_arena_alloc(x->m->arena, 1, sizeof *t->tensor_type);
    onnx__type_proto__tensor__init(t->tensor_type);
    t->tensor_type->has_elem_type = 1;
    t->tensor_type->elem_type = type->number;
    const json_t *shape = json_object_get(one, "shape");
    if (shape && set_shape(x, t->tensor_type, shape))
        return -1;
    if (json_is_true(json_object_get(one, "sequence"))) {
        Onnx__TypeProto *sequence = tl_arena_alloc(x->m->arena, 1, sizeof *sequence);
        onnx__type_proto__init(sequence);
        sequence->value_case = ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE;
        sequence->sequence_type = tl_arena_alloc(x->m->arena, 1, sizeof *sequence->sequence_type);
        onnx__type_proto__sequence__init(sequence->sequence_type);
        sequence->sequence_type->elem_type = t;
        t = sequence;
    }
    *value = tl_onnx_new_value(x->m, name);
    (*value)->type = t;
    return 0;
}

int tl_onnx_cut_declare(struct tl_onnx_editing *x, const json_t *list)
{
    tl_onnx_graph_pb *g = x->m->pb->graph;
    if (!json_array_size(list))
        return tl_onnx_edit_form(x, "a list of outputs");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(one, "name"));
        size_t at = 0;
        if (!name)
            return tl_onnx_edit_form(x, "the name of an output");
        while (at < g->n_output && strcmp(g->output[at]->name, name) != 0)
            at++;
        if (at == g->n_output && tl_onnx_maker(x->m, name) == TL_ONNX_NOWHERE)
            return tl_onnx_edit_fail(x, "there is no value with the name %.100s", name);
        if (at == g->n_output) { /* one on the way: what says so may be an output later */
            tl_onnx_value_pb *value;
            if (make_input(x, one, name, &value))
                return -1;
            g->value_info = tl_onnx_longer(x->m, (void *const *)g->value_info, g->n_value_info, 1);
            g->value_info[g->n_value_info++] = value;
        } else if (make_input(x, one, name, &g->output[at])) {
            return -1;
        }
    }
    return 0;
}

/* Nobody makes this value any more: its node makes one that nothing reads. */
static void take_away(struct tl_onnx_model *m, const struct tl_onnx_index *index, struct tl_onnx_taken *taken,
                      size_t v)
{
    tl_onnx_graph_pb *g = m->pb->graph;
    const struct tl_onnx_indexed_value *value = &index->values[v];
    size_t n = 0;
    if (value->producer != TL_ONNX_NO_NAME)
        g->node[value->producer]->output[value->output] = tl_onnx_fresh(m, taken, value->name);
    for (size_t i = 0; i < g->n_input; i++)
        if (strcmp(g->input[i]->name, value->name) != 0)
            g->input[n++] = g->input[i];
    g->n_input = n;
    n = 0;
    for (size_t i = 0; i < g->n_initializer; i++)
        if (strcmp(g->initializer[i]->name, value->name) != 0)
            g->initializer[n++] = g->initializer[i];
    g->n_initializer = n;
    n = 0;
    for (size_t i = 0; i < g->n_sparse_initializer; i++)
        if (strcmp(g->sparse_initializer[i]->values->name, value->name) != 0)
            g->sparse_initializer[n++] = g->sparse_initializer[i];
    g->n_sparse_initializer = n;
    n = 0;
    for (size_t i = 0; i < g->n_value_info; i++)
        if (!g->value_info[i]->name || strcmp(g->value_info[i]->name, value->name) != 0)
            g->value_info[n++] = g->value_info[i];
    g->n_value_info = n;
}

/* There an initializer had to be an input, too. */
static bool first_versions(const struct tl_onnx_model *m)
{
    return m->pb->ir_version > 0 && m->pb->ir_version < 4;
}

static int begin_one(struct tl_onnx_editing *x, const json_t *one, const struct tl_onnx_index *index,
                     struct tl_onnx_taken *taken)
{
    tl_onnx_graph_pb *g = x->m->pb->graph;
    const char *name = json_string_value(json_object_get(one, "name"));
    const json_t *tensor = json_object_get(one, "tensor");
    if (check_output(x, index, name))
        return -1;
    size_t v = tl_onnx_names_get(&index->names, name);
    tl_onnx_value_pb *input = NULL;
    tl_onnx_tensor_pb *t = NULL;
    if (tensor ? tl_onnx_edit_tensor(x, tensor, name, &t) : make_input(x, one, name, &input))
        return -1;
    take_away(x->m, index, taken, v);
    if (input)
        *TL_ONNX_ADD(x->m, g->n_input, g->input) = input;
    else if (json_is_true(json_object_get(one, "constant")) || first_versions(x->m)) {
        tl_onnx_node_pb *n = tl_onnx_constant_node(x->m, name, t);
        *TL_ONNX_ADD(x->m, g->n_node, g->node) = n; /* in front in the end: the index goes by places */
    } else
        tl_onnx_add_initializer(x->m, g, t);
    return 0;
}

int tl_onnx_cut_begin(struct tl_onnx_editing *x, const json_t *list)
{
    tl_onnx_graph_pb *g = x->m->pb->graph;
    struct tl_onnx_index *index = tl_onnx_index_new(tl_onnx_body_of_graph(g));
    struct tl_onnx_names seen = {0};
    struct tl_onnx_taken taken;
    size_t old = g->n_node;
    int rc = json_array_size(list) ? 0 : tl_onnx_edit_form(x, "a list of values");
    tl_onnx_taken_begin(&taken, x->m);
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        rc = begin_one(x, json_array_get(list, i), index, &taken);
        if (rc == 0 &&
            !tl_onnx_names_add(&seen, json_string_value(json_object_get(json_array_get(list, i), "name")), i))
            rc = tl_onnx_edit_fail(x, "a value is named twice");
    }
    tl_onnx_names_free(&seen);
    tl_onnx_taken_end(&taken);
    tl_onnx_index_free(index);
    if (rc)
        return -1;
    size_t new = g->n_node - old;
    if (new) {
        tl_onnx_node_pb **constants = tl_arena_alloc(x->m->arena, new, sizeof *constants);
        memcpy(constants, g->node + old, new * sizeof *constants);
        g->n_node = old;
        tl_onnx_insert(x->m, tl_onnx_body_of_graph(g), 0, 0, new, constants);
    }
    tl_onnx_sweep(x->m);
    return 0;
}

/* --- constant --- */

static int constant_one(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, const json_t *one)
{
    struct tl_onnx_body body;
    size_t at;
    uint32_t output;
    tl_onnx_tensor_pb *t;
    if (!json_is_array(one) || json_array_size(one) != 3)
        return tl_onnx_edit_form(x, "[NODE, OUTPUT, TENSOR]");
    if (tl_onnx_edit_node(x, json_array_get(one, 0), &body, &at) ||
        tl_onnx_edit_number(x, json_array_get(one, 1), &output))
        return -1;
    tl_onnx_node_pb *n = (*body.nodes)[at];
    if (output >= n->n_output || !*n->output[output])
        return tl_onnx_edit_fail(x, "node %u has no output %u", tl_onnx_node_number(n), output);
    char *name = n->output[output];
    if (tl_onnx_edit_tensor(x, json_array_get(one, 2), name, &t))
        return -1;
    n->output[output] = tl_onnx_fresh(x->m, taken, name);
    tl_onnx_node_pb *constant = tl_onnx_constant_node(x->m, name, t);
    tl_onnx_insert(x->m, body, at, 0, 1, &constant);
    return 0;
}

int tl_onnx_cut_constant(struct tl_onnx_editing *x, const json_t *list)
{
    int rc = tl_onnx_edit_each(x, list, "a list of [NODE, OUTPUT, TENSOR]", constant_one);
    if (rc == 0)
        tl_onnx_sweep(x->m);
    return rc;
}
