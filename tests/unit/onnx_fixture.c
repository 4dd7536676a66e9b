#include "onnx_fixture.h"
#include "cases/onnx/graph_functions.h"
#include "cases/onnx/graph_model.h"
#include "cases/onnx/graph_query.h"
#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void *new_message(const ProtobufCMessageDescriptor *kind)
{
    void *made = tl_calloc(1, kind->sizeof_message);
    protobuf_c_message_init(kind, made);
    return made;
}

static char **names_of(const char *text, size_t *n)
{
    char **list = NULL, *copy = tl_strdup(text), *state;
    *n = 0;
    for (char *s = strtok_r(copy, " ", &state); s; s = strtok_r(NULL, " ", &state))
        *TL_GROW(list, *n) = tl_strdup(strcmp(s, "-") ? s : "");
    free(copy);
    return list;
}

void fixture_begin(struct fixture *f, int64_t opset)
{
    onnx__model_proto__init(&f->model);
    f->graph = new_message(&onnx__graph_proto__descriptor);
    f->graph->name = tl_strdup("test");
    f->model.graph = f->graph;
    f->model.has_ir_version = 1;
    f->model.ir_version = 8;
    Onnx__OperatorSetIdProto *o = new_message(&onnx__operator_set_id_proto__descriptor);
    o->domain = tl_strdup("");
    o->has_version = 1;
    o->version = opset;
    *TL_GROW(f->model.opset_import, f->model.n_opset_import) = o;
}

static Onnx__NodeProto *node(const char *op, const char *inputs, const char *outputs)
{
    Onnx__NodeProto *n = new_message(&onnx__node_proto__descriptor);
    n->op_type = tl_strdup(op);
    n->name = tl_format("the %s of %s", op, outputs);
    n->input = names_of(inputs, &n->n_input);
    n->output = names_of(outputs, &n->n_output);
    return n;
}

Onnx__NodeProto *fixture_node(Onnx__GraphProto *g, const char *op, const char *inputs, const char *outputs)
{
    return *TL_GROW(g->node, g->n_node) = node(op, inputs, outputs);
}

Onnx__NodeProto *fixture_function_node(Onnx__FunctionProto *f, const char *op, const char *inputs,
                                       const char *outputs)
{
    return *TL_GROW(f->node, f->n_node) = node(op, inputs, outputs);
}

Onnx__AttributeProto *fixture_attribute(Onnx__NodeProto *n, const char *name, int type)
{
    Onnx__AttributeProto *a = new_message(&onnx__attribute_proto__descriptor);
    a->name = tl_strdup(name);
    a->has_type = 1;
    a->type = (Onnx__AttributeProto__AttributeType)type;
    return *TL_GROW(n->attribute, n->n_attribute) = a;
}

void fixture_int(Onnx__NodeProto *n, const char *name, int64_t value)
{
    Onnx__AttributeProto *a = fixture_attribute(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    a->has_i = 1;
    a->i = value;
}

void fixture_output(Onnx__GraphProto *g, const char *name)
{
    Onnx__ValueInfoProto *v = new_message(&onnx__value_info_proto__descriptor);
    v->name = tl_strdup(name);
    *TL_GROW(g->output, g->n_output) = v;
}

Onnx__GraphProto *fixture_body(Onnx__NodeProto *n, const char *name, const char *outputs)
{
    Onnx__AttributeProto *a = fixture_attribute(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH);
    size_t count;
    char **names = names_of(outputs, &count);
    a->g = new_message(&onnx__graph_proto__descriptor);
    for (size_t i = 0; i < count; i++)
        fixture_output(a->g, names[i]);
    return a->g;
}

void fixture_input(Onnx__GraphProto *g, const char *name, size_t rank, const int64_t *dims)
{
    Onnx__ValueInfoProto *v = new_message(&onnx__value_info_proto__descriptor);
    v->name = tl_strdup(name);
    v->type = new_message(&onnx__type_proto__descriptor);
    v->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    v->type->tensor_type = new_message(&onnx__type_proto__tensor__descriptor);
    v->type->tensor_type->has_elem_type = 1;
    v->type->tensor_type->elem_type = 1;
    v->type->tensor_type->shape = new_message(&onnx__tensor_shape_proto__descriptor);
    for (size_t i = 0; i < rank; i++) {
        Onnx__TensorShapeProto__Dimension *d = new_message(&onnx__tensor_shape_proto__dimension__descriptor);
        d->value_case = dims[i] < 0 ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
                                    : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        if (dims[i] < 0)
            d->dim_param = tl_strdup("batch");
        else
            d->dim_value = dims[i];
        *TL_GROW(v->type->tensor_type->shape->dim, v->type->tensor_type->shape->n_dim) = d;
    }
    *TL_GROW(g->input, g->n_input) = v;
}

static Onnx__TensorProto *tensor(Onnx__GraphProto *g, const char *name, int type, int64_t n)
{
    Onnx__TensorProto *t = new_message(&onnx__tensor_proto__descriptor);
    t->name = tl_strdup(name);
    t->has_data_type = 1;
    t->data_type = type;
    *TL_GROW(t->dims, t->n_dims) = n;
    if (g)
        *TL_GROW(g->initializer, g->n_initializer) = t;
    return t;
}

Onnx__TensorProto *fixture_floats(Onnx__GraphProto *g, const char *name, size_t n, const float *values)
{
    Onnx__TensorProto *t = tensor(g, name, 1, (int64_t)n);
    t->n_float_data = n;
    t->float_data = memcpy(tl_malloc(n * sizeof *values + 1), values, n * sizeof *values);
    return t;
}

Onnx__TensorProto *fixture_ints(Onnx__GraphProto *g, const char *name, size_t n, const int64_t *values)
{
    Onnx__TensorProto *t = tensor(g, name, 7, (int64_t)n);
    t->has_raw_data = 1;
    t->raw_data.len = n * sizeof *values;
    t->raw_data.data = memcpy(tl_malloc(n * sizeof *values + 1), values, n * sizeof *values);
    return t;
}

static void entry(Onnx__TensorProto *t, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *x = new_message(&onnx__string_string_entry_proto__descriptor);
    x->key = tl_strdup(key);
    x->value = tl_strdup(value);
    *TL_GROW(t->external_data, t->n_external_data) = x;
}

Onnx__TensorProto *fixture_external(Onnx__GraphProto *g, const char *name, int64_t n, const char *location,
                                    const char *offset)
{
    Onnx__TensorProto *t = tensor(g, name, 1, n);
    t->has_data_location = 1;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    entry(t, "location", location);
    if (offset)
        entry(t, "offset", offset);
    return t;
}

Onnx__FunctionProto *fixture_function(struct fixture *f, const char *domain, const char *name,
                                      const char *inputs, const char *outputs)
{
    Onnx__FunctionProto *x = new_message(&onnx__function_proto__descriptor);
    x->domain = tl_strdup(domain);
    x->name = tl_strdup(name);
    x->input = names_of(inputs, &x->n_input);
    x->output = names_of(outputs, &x->n_output);
    return *TL_GROW(f->model.functions, f->model.n_functions) = x;
}

uint8_t *fixture_pack(const struct fixture *f, size_t *size)
{
    *size = onnx__model_proto__get_packed_size(&f->model);
    uint8_t *bytes = tl_malloc(*size + 1);
    onnx__model_proto__pack(&f->model, bytes);
    return bytes;
}

struct tl_onnx_model *fixture_read(const struct fixture *f)
{
    size_t size;
    struct tl_onnx_model *m;
    struct tl_error e = {0};
    uint8_t *bytes = fixture_pack(f, &size);
    cr_assert_eq(tl_onnx_model_read(bytes, size, "test.onnx", &m, &e), 0, "%s", e.why);
    free(bytes);
    return m;
}

const char *fixture_refused(const struct fixture *f)
{
    static struct tl_error e;
    size_t size;
    struct tl_onnx_model *m;
    uint8_t *bytes = fixture_pack(f, &size);
    e = (struct tl_error){0};
    if (!tl_onnx_model_read(bytes, size, "test.onnx", &m, &e))
        tl_onnx_model_free(m);
    free(bytes);
    return e.why;
}

/* --- as text --- */

static void add_names(struct tl_buffer *b, char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        tl_buffer_printf(b, "%s%s", i ? "," : "", *names[i] ? names[i] : "-");
}

static void add_nodes(struct tl_buffer *b, Onnx__NodeProto *const *nodes, size_t n);

static void add_graph(struct tl_buffer *b, const Onnx__GraphProto *g, bool inner)
{
    for (size_t i = 0; i < g->n_input; i++)
        tl_buffer_printf(b, "%s%s", i ? "," : "", g->input[i]->name);
    if (g->n_input || !inner)
        tl_buffer_add_string(b, "; ");
    for (size_t i = 0; i < g->n_initializer; i++)
        tl_buffer_printf(b, "%s%s", i ? "," : "", g->initializer[i]->name);
    if (g->n_initializer || !inner)
        tl_buffer_add_string(b, ": ");
    add_nodes(b, g->node, g->n_node);
    tl_buffer_add_string(b, ": ");
    for (size_t i = 0; i < g->n_output; i++)
        tl_buffer_printf(b, "%s%s", i ? "," : "", g->output[i]->name);
}

static void add_nodes(struct tl_buffer *b, Onnx__NodeProto *const *nodes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        tl_buffer_printf(b, "%s%s(", i ? ", " : "", nodes[i]->op_type);
        add_names(b, nodes[i]->input, nodes[i]->n_input);
        tl_buffer_add_string(b, ")->");
        add_names(b, nodes[i]->output, nodes[i]->n_output);
        size_t at = 0;
        for (Onnx__GraphProto *g; (g = tl_onnx_next_body(nodes[i], &at));) {
            tl_buffer_add_string(b, "{");
            add_graph(b, g, true);
            tl_buffer_add_string(b, "}");
        }
    }
}

const char *fixture_text(const struct tl_onnx_model *m)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    add_graph(&b, m->pb->graph, false);
    for (size_t i = 0; i < m->pb->n_functions; i++) {
        tl_buffer_printf(&b, " | %s: ", m->pb->functions[i]->name);
        add_nodes(&b, m->pb->functions[i]->node, m->pb->functions[i]->n_node);
    }
    return tl_buffer_take(&b);
}

static struct tl_onnx_model *apply(const struct fixture *f, const char *list,
                                   const struct tl_onnx_sources *sources, struct tl_error *e)
{
    struct tl_onnx_model *m = fixture_read(f);
    struct tl_onnx_edits edits;
    char *text = tl_format("{\"original\":\"%s\",\"edits\":%s}", tl_onnx_model_hash(m), list);
    cr_assert_eq(tl_onnx_edits_parse(text, &edits, e), 0, "%s", e->why);
    int rc = tl_onnx_edits_apply(&edits, m, sources, e);
    free(text);
    tl_onnx_edits_free(&edits);
    if (!rc)
        return m;
    cr_assert_eq(e->kind, TL_ERROR_INPUT);
    tl_onnx_model_free(m);
    return NULL;
}

struct tl_onnx_model *fixture_apply(const struct fixture *f, const char *list,
                                    const struct tl_onnx_sources *sources)
{
    struct tl_error e = {0};
    struct tl_onnx_model *m = apply(f, list, sources, &e);
    cr_assert(m, "%s: %s", list, e.why);
    return m;
}

const char *fixture_edited(const struct fixture *f, const char *list)
{
    static struct tl_error e;
    uint8_t *bytes;
    size_t size;
    struct tl_onnx_model *m, *again;
    e = (struct tl_error){0};
    m = apply(f, list, NULL, &e);
    if (!m)
        return e.why;
    cr_assert_eq(tl_onnx_model_write(m, &bytes, &size, &e), 0, "%s", e.why);
    tl_onnx_model_free(m);
    cr_assert_eq(tl_onnx_model_read(bytes, size, "edited.onnx", &again, &e), 0, "%s: %s", list, e.why);
    free(bytes);
    const char *text = fixture_text(again);
    tl_onnx_model_free(again);
    return text;
}

struct tl_tensor_pb tensor_of(struct tl_onnx_model *m, uint32_t number)
{
    struct tl_tensor_pb t;
    struct tl_error e = {0};
    uint8_t *bytes;
    size_t size;
    char why[256];
    cr_assert_eq(tl_onnx_weight_read(m, number, ".", &bytes, &size, &e), 0, "%s", e.why);
    cr_assert_eq(tl_tensor_pb_read(bytes, size, &t, why, sizeof why), 0, "%s", why);
    free(bytes);
    return t;
}

double at(const struct tl_tensor_pb *t, size_t i)
{
    return tl_element_value((enum tl_dtype)t->type->number, t->data, i);
}
