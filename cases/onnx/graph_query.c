#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_elements.h"
#include "cases/onnx/graph_external.h"
#include "cases/onnx/graph_index.h"
#include "cases/onnx/graph_tensor.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* --- nodes --- */

struct nodes {
    struct tl_onnx_node_facts *list;
    size_t n, capacity;
};

static void add_nodes(struct nodes *all, struct tl_onnx_body body, uint32_t parent, const char *function)
{
    struct tl_onnx_index *x = tl_onnx_index_new(body);
    for (size_t i = 0; i < x->n_nodes; i++) {
        const tl_onnx_node_pb *n = (*body.nodes)[x->order[i]];
        const struct tl_onnx_node_part *part = (const struct tl_onnx_node_part *)n;
        struct tl_onnx_node_facts f = {.number = part->number,
                                       .origin = part->origin,
                                       .parent = parent,
                                       .function = function,
                                       .name = n->name ? n->name : "",
                                       .original_name = part->name,
                                       .op_type = n->op_type,
                                       .domain = tl_onnx_standard_domain(n->domain) ? "" : n->domain,
                                       .n_inputs = n->n_input,
                                       .n_outputs = n->n_output,
                                       .n_attributes = n->n_attribute,
                                       .inputs = n->input,
                                       .outputs = n->output};
        if (all->n == all->capacity) {
            all->capacity = all->capacity ? all->capacity * 2 : 64;
            all->list = tl_realloc(all->list, all->capacity, sizeof *all->list);
        }
        size_t own = all->n++, at = 0;
        all->list[own] = f;
        for (tl_onnx_graph_pb *g; (g = tl_onnx_next_body(n, &at));)
            add_nodes(all, tl_onnx_body_of_graph(g), f.number, function);
        all->list[own].n_bodies = at;
    }
    tl_onnx_index_free(x);
}

void tl_onnx_nodes(struct tl_onnx_model *m, struct tl_onnx_node_facts **nodes, size_t *n)
{
    struct nodes all = {0};
    add_nodes(&all, tl_onnx_body_of_graph(m->pb->graph), TL_ONNX_NOWHERE, NULL);
    for (size_t i = 0; i < m->pb->n_functions; i++)
        add_nodes(&all, tl_onnx_body_of_function(m->pb->functions[i]), TL_ONNX_NOWHERE,
                  m->pb->functions[i]->name);
    *nodes = all.list;
    *n = all.n;
}

const struct tl_onnx_node_facts *tl_onnx_node_numbered(const struct tl_onnx_node_facts *nodes, size_t n,
                                                       uint32_t number)
{
    /* They ascend, but where edits put some in between. */
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (nodes[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < n && nodes[low].number == number)
        return &nodes[low];
    for (size_t i = 0; i < n; i++)
        if (nodes[i].number == number)
            return &nodes[i];
    return NULL;
}

void tl_onnx_attributes(struct tl_onnx_model *m, uint32_t node, const char ***names, size_t *n)
{
    struct tl_onnx_body body;
    size_t at;
    *names = NULL;
    *n = 0;
    if (!tl_onnx_find_node(m, node, &body, &at))
        return;
    const tl_onnx_node_pb *p = (*body.nodes)[at];
    *names = tl_calloc(p->n_attribute + 1, sizeof **names);
    for (size_t i = 0; i < p->n_attribute; i++)
        if (!p->attribute[i]->g && !p->attribute[i]->n_graphs)
            (*names)[(*n)++] = p->attribute[i]->name;
}

static struct tl_onnx_index *main_index(struct tl_onnx_model *m)
{
    return tl_onnx_index_new(tl_onnx_body_of_graph(m->pb->graph));
}

struct tl_onnx_index *tl_onnx_index_of(struct tl_onnx_model *m)
{
    return main_index(m);
}

void tl_onnx_index_done(struct tl_onnx_index *x)
{
    tl_onnx_index_free(x);
}

static uint32_t number_at(const struct tl_onnx_model *m, size_t place)
{
    return tl_onnx_node_number(m->pb->graph->node[place]);
}

void tl_onnx_order(struct tl_onnx_model *m, uint32_t **numbers, size_t *n)
{
    struct tl_onnx_index *x = main_index(m);
    *n = x->n_nodes;
    *numbers = tl_calloc(*n + 1, sizeof **numbers);
    for (size_t i = 0; i < *n; i++)
        (*numbers)[i] = number_at(m, x->order[i]);
    tl_onnx_index_free(x);
}

void tl_onnx_ancestors(struct tl_onnx_model *m, const char *const *names, size_t n_names, uint32_t **numbers,
                       size_t *n)
{
    struct tl_onnx_index *x = main_index(m);
    bool *values = tl_calloc(x->n_values + 1, sizeof *values),
         *nodes = tl_calloc(x->n_nodes + 1, sizeof *nodes);
    for (size_t i = 0; i < n_names; i++) {
        size_t v = tl_onnx_names_get(&x->names, names[i]);
        if (v != TL_ONNX_NO_NAME)
            values[v] = true;
    }
    tl_onnx_index_ancestors(x, values, nodes);
    *numbers = tl_calloc(x->n_nodes + 1, sizeof **numbers);
    *n = 0;
    for (size_t i = 0; i < x->n_nodes; i++)
        if (nodes[x->order[i]])
            (*numbers)[(*n)++] = number_at(m, x->order[i]);
    free(values);
    free(nodes);
    tl_onnx_index_free(x);
}

void tl_onnx_readers_in(const struct tl_onnx_model *m, const struct tl_onnx_index *x, const char *name,
                        uint32_t **numbers, size_t *n)
{
    size_t v = tl_onnx_names_get(&x->names, name);
    *n = v == TL_ONNX_NO_NAME ? 0 : x->values[v].n_readers;
    *numbers = tl_calloc(*n + 1, sizeof **numbers);
    for (size_t i = 0; i < *n; i++)
        (*numbers)[i] = number_at(m, x->values[v].readers[i]);
}

void tl_onnx_readers(struct tl_onnx_model *m, const char *name, uint32_t **numbers, size_t *n)
{
    struct tl_onnx_index *x = main_index(m);
    tl_onnx_readers_in(m, x, name, numbers, n);
    tl_onnx_index_free(x);
}

void tl_onnx_uses(struct tl_onnx_model *m, struct tl_onnx_use **uses, size_t *n)
{
    struct tl_onnx_index *x = main_index(m);
    size_t total = 0;
    for (size_t i = 0; i < x->n_nodes; i++)
        total += x->n_uses[i];
    *uses = tl_calloc(total + 1, sizeof **uses);
    *n = 0;
    for (size_t i = 0; i < x->n_nodes; i++)
        for (size_t k = 0; k < x->n_uses[i]; k++)
            (*uses)[(*n)++] = (struct tl_onnx_use){x->values[x->uses[i][k]].name, number_at(m, i)};
    tl_onnx_index_free(x);
}

size_t tl_onnx_carried(struct tl_onnx_model *m, uint32_t node)
{
    struct tl_onnx_body body;
    size_t at;
    if (!tl_onnx_find_node(m, node, &body, &at))
        return 0;
    const tl_onnx_node_pb *p = (*body.nodes)[at];
    int64_t others = tl_onnx_is(p, "Loop")   ? 2
                     : tl_onnx_is(p, "Scan") ? tl_onnx_int(p, "num_scan_inputs", 0)
                                             : -1;
    return others < 0 || (uint64_t)others > p->n_input ? 0 : p->n_input - (size_t)others;
}

uint32_t tl_onnx_maker_in(const struct tl_onnx_model *m, const struct tl_onnx_index *x, const char *name)
{
    size_t v = tl_onnx_names_get(&x->names, name);
    size_t p = v == TL_ONNX_NO_NAME ? TL_ONNX_NO_NAME : x->values[v].producer;
    return p == TL_ONNX_NO_NAME ? TL_ONNX_NOWHERE : number_at(m, p);
}

uint32_t tl_onnx_maker(struct tl_onnx_model *m, const char *name)
{
    struct tl_onnx_index *x = main_index(m);
    uint32_t number = tl_onnx_maker_in(m, x, name);
    tl_onnx_index_free(x);
    return number;
}

/* --- cuts --- */

static bool *front_of(const struct tl_onnx_index *x, size_t place)
{
    bool *front = tl_calloc(x->n_nodes + 1, sizeof *front);
    for (size_t i = 0; i < place && i < x->n_nodes; i++)
        front[x->order[i]] = true;
    return front;
}

static bool read_behind(const struct tl_onnx_index *x, const struct tl_onnx_indexed_value *v,
                        const bool *front)
{
    for (size_t i = 0; i < v->n_readers; i++)
        if (!front[v->readers[i]])
            return true;
    return false;
}

void tl_onnx_live(struct tl_onnx_model *m, size_t place, const char ***names, size_t *n)
{
    struct tl_onnx_index *x = main_index(m);
    bool *front = front_of(x, place);
    *names = tl_calloc(x->n_values + 1, sizeof **names);
    *n = 0;
    for (size_t i = 0; i < x->n_values; i++) {
        const struct tl_onnx_indexed_value *v = &x->values[i];
        bool read = !v->constant && read_behind(x, v, front);
        if (v->producer != TL_ONNX_NO_NAME && front[v->producer] && (v->graph_output || read))
            (*names)[(*n)++] = v->name;
    }
    free(front);
    tl_onnx_index_free(x);
}

void tl_onnx_needed(struct tl_onnx_model *m, size_t place, const char ***names, size_t *n)
{
    struct tl_onnx_index *x = main_index(m);
    bool *front = front_of(x, place);
    *names = tl_calloc(x->n_values + 1, sizeof **names);
    *n = 0;
    for (size_t i = 0; i < x->n_values; i++) {
        const struct tl_onnx_indexed_value *v = &x->values[i];
        bool made_before = v->producer == TL_ONNX_NO_NAME ? v->input && !v->initializer : front[v->producer];
        if (made_before && !v->constant && read_behind(x, v, front))
            (*names)[(*n)++] = v->name;
    }
    free(front);
    tl_onnx_index_free(x);
}

void tl_onnx_outputs(struct tl_onnx_model *m, const char ***names, size_t *n)
{
    *n = m->pb->graph->n_output;
    *names = tl_calloc(*n + 1, sizeof **names);
    for (size_t i = 0; i < *n; i++)
        (*names)[i] = m->pb->graph->output[i]->name;
}

void tl_onnx_inputs(struct tl_onnx_model *m, const char ***names, size_t *n)
{
    *n = m->pb->graph->n_input;
    *names = tl_calloc(*n + 1, sizeof **names);
    for (size_t i = 0; i < *n; i++)
        (*names)[i] = m->pb->graph->input[i]->name;
}

/* --- weights --- */

struct weights {
    struct tl_onnx_weight *list;
    size_t n, capacity;
};

static int add_weight(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    struct weights *all = arg;
    struct tl_onnx_weight w = {.number = tl_onnx_tensor_number(t),
                               .node = node ? tl_onnx_node_number(node) : TL_ONNX_NOWHERE,
                               .name = node ? (node->n_output ? node->output[0] : "") : t->name,
                               .type = t->data_type,
                               .rank = t->n_dims,
                               .dims = t->dims};
    tl_onnx_tensor_elements(t, &w.elements);
    if (!tl_onnx_tensor_bytes(t, &w.bytes))
        w.bytes = 0;
    if (tl_onnx_tensor_is_external(t)) {
        struct tl_onnx_data_place p = tl_onnx_data_place_of(t);
        w.location = p.location;
        w.offset = p.offset;
    }
    if (all->n == all->capacity) {
        all->capacity = all->capacity ? all->capacity * 2 : 64;
        all->list = tl_realloc(all->list, all->capacity, sizeof *all->list);
    }
    all->list[all->n++] = w;
    return 0;
}

void tl_onnx_weights(struct tl_onnx_model *m, struct tl_onnx_weight **weights, size_t *n)
{
    struct weights all = {0};
    tl_onnx_each_tensor(m, add_weight, &all);
    *weights = all.list;
    *n = all.n;
}

struct wanted {
    uint32_t number;
    const tl_onnx_tensor_pb *found;
};

static int find_tensor(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    struct wanted *w = arg;
    w->found = t;
    return tl_onnx_tensor_number(t) == w->number;
}

int tl_onnx_weight_piece(struct tl_onnx_model *m, uint32_t number, const char *directory, uint64_t first,
                         uint64_t n, unsigned char *to, struct tl_error *e)
{
    struct wanted w = {.number = number};
    if (tl_onnx_each_tensor(m, find_tensor, &w) != 1 || !tl_onnx_tensor_is_external(w.found))
        return 1;
    return tl_onnx_data_piece(m, w.found, directory, first, n, to, e);
}

int tl_onnx_weight_read(struct tl_onnx_model *m, uint32_t number, const char *directory, uint8_t **bytes,
                        size_t *size, struct tl_error *e)
{
    struct wanted w = {.number = number};
    unsigned char *data = NULL;
    *bytes = NULL;
    if (tl_onnx_each_tensor(m, find_tensor, &w) != 1)
        return tl_fail(e, TL_ERROR_INPUT, "cannot read a tensor of the model", m->name,
                       "there is none with the number %u", number);
    tl_onnx_tensor_pb t = *w.found;
    t.name = NULL;
    if (tl_onnx_tensor_is_external(&t)) {
        size_t n;
        if (tl_onnx_data_read(m, &t, directory, &data, &n, e))
            return -1;
        tl_onnx_tensor_clear(&t);
        t.has_raw_data = 1;
        t.raw_data = (ProtobufCBinaryData){n, data};
    }
    *size = onnx__tensor_proto__get_packed_size(&t);
    *bytes = tl_malloc(*size + 1);
    onnx__tensor_proto__pack(&t, *bytes);
    free(data);
    return 0;
}

struct unnumbered {
    const char **names;
    size_t n;
};

static int add_unnumbered(void *arg, struct tl_onnx_body body)
{
    struct unnumbered *all = arg;
    for (size_t i = 0; body.graph && i < body.graph->n_sparse_initializer; i++)
        *TL_GROW(all->names, all->n) = body.graph->sparse_initializer[i]->values->name;
    for (size_t i = 0; i < *body.n; i++)
        for (size_t k = 0; k < (*body.nodes)[i]->n_attribute; k++) {
            const tl_onnx_attribute_pb *a = (*body.nodes)[i]->attribute[k];
            if ((a->sparse_tensor || a->n_sparse_tensors || a->n_tensors) && (*body.nodes)[i]->n_output)
                *TL_GROW(all->names, all->n) = (*body.nodes)[i]->output[0];
        }
    return 0;
}

void tl_onnx_unnumbered(struct tl_onnx_model *m, const char ***names, size_t *n)
{
    struct unnumbered all = {0};
    tl_onnx_each_body(m, add_unnumbered, &all);
    *names = all.names;
    *n = all.n;
}

struct float_lists {
    struct tl_onnx_float_list *list;
    size_t n;
};

static int add_float_lists(void *arg, struct tl_onnx_body body)
{
    struct float_lists *all = arg;
    for (size_t i = 0; i < *body.n; i++)
        for (size_t k = 0; k < (*body.nodes)[i]->n_attribute; k++) {
            const tl_onnx_attribute_pb *a = (*body.nodes)[i]->attribute[k];
            if (a->n_floats)
                *TL_GROW(all->list, all->n) =
                    (struct tl_onnx_float_list){.node = tl_onnx_node_number((*body.nodes)[i]),
                                                .name = a->name,
                                                .n = a->n_floats,
                                                .values = a->floats};
        }
    return 0;
}

void tl_onnx_float_lists(struct tl_onnx_model *m, struct tl_onnx_float_list **lists, size_t *n)
{
    struct float_lists all = {0};
    tl_onnx_each_body(m, add_float_lists, &all);
    *lists = all.list;
    *n = all.n;
}

/* --- operators --- */

static int count_operators(void *arg, struct tl_onnx_body body)
{
    json_t *all = arg;
    for (size_t i = 0; i < *body.n; i++) {
        const tl_onnx_node_pb *n = (*body.nodes)[i];
        const char *domain = tl_onnx_standard_domain(n->domain) ? "ai.onnx" : n->domain;
        json_t *of = json_object_get(all, domain);
        if (!of) {
            of = json_object();
            json_object_set_new(all, domain, of);
        }
        json_object_set_new(of, n->op_type,
                            json_integer(json_integer_value(json_object_get(of, n->op_type)) + 1));
    }
    return 0;
}

json_t *tl_onnx_operators(struct tl_onnx_model *m)
{
    json_t *all = json_object();
    tl_onnx_each_body(m, count_operators, all);
    return all;
}

json_t *tl_onnx_opsets(struct tl_onnx_model *m)
{
    json_t *all = json_object();
    for (size_t i = 0; i < m->pb->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *o = m->pb->opset_import[i];
        json_object_set_new(all, tl_onnx_standard_domain(o->domain) ? "ai.onnx" : o->domain,
                            json_integer(o->version));
    }
    return all;
}

int64_t tl_onnx_ir_version(const struct tl_onnx_model *m)
{
    return m->pb->ir_version;
}

/* --- sizes --- */

#define SHAPE_MOST 16 /* elements of a list that may be a shape */

struct places {
    int64_t size;
    json_t *tensors, *elements, *attributes;
};

static int tensor_places(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    struct places *p = arg;
    json_int_t number = tl_onnx_tensor_number(t);
    struct tl_tensor_pb all;
    char why[256];
    uint64_t n;
    for (size_t i = 0; i < t->n_dims; i++)
        if (t->dims[i] == p->size)
            json_array_append_new(p->tensors, json_pack("[I,I]", number, (json_int_t)i));
    bool whole = t->data_type == TL_DTYPE_INT64 || t->data_type == TL_DTYPE_INT32;
    if (!whole || t->n_dims > 1 || !tl_onnx_tensor_elements(t, &n) || n > SHAPE_MOST ||
        tl_onnx_tensor_is_external(t) || tl_tensor_pb_take(t, &all, why, sizeof why))
        return 0;
    for (uint64_t i = 0; i < n; i++) {
        int64_t v = 0;
        int32_t narrow;
        if (all.type->size == 8)
            memcpy(&v, all.data + i * 8, 8);
        else {
            memcpy(&narrow, all.data + i * 4, 4);
            v = narrow;
        }
        if (v == p->size)
            json_array_append_new(p->elements, json_pack("[I,I]", number, (json_int_t)i));
    }
    tl_tensor_pb_free(&all);
    return 0;
}

static int attribute_places(void *arg, struct tl_onnx_body body)
{
    static const char *const sizes[] = {"shape",         "split",       "hidden_size",  "output_shape",
                                        "sizes",         "value_ints",  "value_int",    "output_width",
                                        "output_height", "num_heads",   "kv_num_heads", "q_num_heads",
                                        "head_size",     "group",       "num_groups",   "kernel_shape",
                                        "axis_size",     "num_outputs", "batch_size"};
    struct places *p = arg;
    for (size_t i = 0; i < *body.n; i++)
        for (size_t k = 0; k < (*body.nodes)[i]->n_attribute; k++) {
            const tl_onnx_attribute_pb *a = (*body.nodes)[i]->attribute[k];
            json_int_t number = tl_onnx_node_number((*body.nodes)[i]);
            if (!tl_is_one_of(a->name, sizes, TL_COUNT(sizes)))
                continue;
            if (a->has_i && a->i == p->size)
                json_array_append_new(p->attributes, json_pack("[I,s,i]", number, a->name, 0));
            for (size_t j = 0; j < a->n_ints; j++)
                if (a->ints[j] == p->size)
                    json_array_append_new(p->attributes,
                                          json_pack("[I,s,I]", number, a->name, (json_int_t)j));
        }
    return 0;
}

static json_t *input_places(const tl_onnx_graph_pb *g, int64_t size)
{
    json_t *inputs = json_array();
    for (size_t i = 0; i < g->n_input; i++) {
        const Onnx__TypeProto *t = g->input[i]->type;
        const Onnx__TensorShapeProto *s =
            t && t->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? t->tensor_type->shape : NULL;
        for (size_t k = 0; s && k < s->n_dim; k++)
            if (s->dim[k]->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
                s->dim[k]->dim_value == size)
                json_array_append_new(inputs, json_pack("[s,I]", g->input[i]->name, (json_int_t)k));
    }
    return inputs;
}

json_t *tl_onnx_places_of_size(struct tl_onnx_model *m, int64_t size)
{
    struct places p = {size, json_array(), json_array(), json_array()};
    tl_onnx_each_tensor(m, tensor_places, &p);
    tl_onnx_each_body(m, attribute_places, &p);
    return json_pack("{s:o, s:o, s:o, s:o}", "inputs", input_places(m->pb->graph, size), "tensors", p.tensors,
                     "elements", p.elements, "attributes", p.attributes);
}
