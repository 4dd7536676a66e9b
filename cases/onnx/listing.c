/* Lines are made of texts of the model, each cleaned and cut, so that a listing has a bounded size. Values are shown of what
 * is small enough to be a shape, an axis or a scale; they decide what an operator does as much as its attributes. */
#include "cases/onnx/listing.h"

#include "cases/element.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"
#include "listing.pb-c.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MOST 112
#define NODE_MOST                                                                                            \
    448 /* bytes of a node: who reads of a failure looks for the inputs and attributes of the one at fault */
#define NAME_MOST 40
#define VALUES_MOST 8
#define LINES_MOST 16     /* of inputs, of outputs, of initialisers */
#define OPERATORS_MOST 40 /* types that are counted by name */
#define RANK_MOST 8

static void add_name(struct tl_buffer *b, const char *name)
{
    char *clean = tl_clean_text(name ? name : "", name ? strlen(name) : 0, false);
    size_t n = tl_utf8_cut(clean, NAME_MOST);
    tl_buffer_printf(b, "%.*s%s", (int)n, clean, clean[n] ? "…" : "");
    free(clean);
}

static void add_bytes(struct tl_buffer *b, const ProtobufCBinaryData *bytes)
{
    char *clean = tl_clean_text((const char *)bytes->data, bytes->len, false);
    size_t n = tl_utf8_cut(clean, NAME_MOST);
    tl_buffer_printf(b, "\"%.*s%s\"", (int)n, clean, clean[n] ? "…" : "");
    free(clean);
}

/* Takes the text; cut where it is too long. */
static void append_text(json_t *list, struct tl_buffer *b, size_t most)
{
    size_t n = b->size ? tl_utf8_cut(b->data, most) : 0;
    char *line = tl_format("%.*s%s", (int)n, b->size ? b->data : "", n < b->size ? "…" : "");
    json_array_append_new(list, json_string(line));
    free(line);
    tl_buffer_free(b);
}

static void append_line(json_t *list, struct tl_buffer *b)
{
    append_text(list, b, LINE_MOST);
}

static const char *type_name(int number)
{
    const struct tl_element_type *t = tl_element_type_number(number);
    return t ? t->name : "unknown type";
}

static void add_dims(struct tl_buffer *b, const int64_t *dims, size_t n)
{
    tl_buffer_add_string(b, "[");
    for (size_t i = 0; i < n && i < RANK_MOST; i++)
        tl_buffer_printf(b, "%s%" PRId64, i ? "," : "", dims[i]);
    tl_buffer_add_string(b, n > RANK_MOST ? ",…]" : "]");
}

/* The elements of a small tensor of integers or floats. */
static void add_values(struct tl_buffer *b, const OnnxListing__Tensor *t)
{
    const struct tl_element_type *type = tl_element_type_number(t->data_type);
    bool whole = type && (type->number == 6 || type->number == 7), real = type && type->number == 1;
    size_t n = t->n_int64_data + t->n_int32_data + t->n_float_data;
    if (t->raw_data.len && type && type->size)
        n = t->raw_data.len / type->size;
    if (!n || n > VALUES_MOST || (!whole && !real) || t->n_dims > 1)
        return;
    tl_buffer_add_string(b, t->n_dims ? " = [" : " = ");
    for (size_t i = 0; i < n; i++) {
        struct tl_element v = {0};
        if (t->raw_data.len)
            tl_element_read(type, t->raw_data.data + i * type->size, &v);
        else if (real)
            v.real = i < t->n_float_data ? (double)t->float_data[i] : 0;
        else {
            int64_t x = i < t->n_int64_data ? t->int64_data[i] : i < t->n_int32_data ? t->int32_data[i] : 0;
            v.negative = x < 0;
            v.magnitude = x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
        }
        tl_buffer_add_string(b, i ? "," : "");
        if (real)
            tl_buffer_printf(b, "%.6g", v.real);
        else
            tl_buffer_printf(b, "%s%" PRIu64, v.negative ? "-" : "", v.magnitude);
    }
    tl_buffer_add_string(b, t->n_dims ? "]" : "");
}

static void add_tensor(struct tl_buffer *b, const OnnxListing__Tensor *t)
{
    tl_buffer_add_string(b, type_name(t->data_type));
    add_dims(b, t->dims, t->n_dims);
    add_values(b, t);
}

static void add_tensor_type(struct tl_buffer *b, const OnnxListing__TensorType *t)
{
    tl_buffer_add_string(b, type_name(t->elem_type));
    if (!t->shape) {
        tl_buffer_add_string(b, " of any shape");
        return;
    }
    tl_buffer_add_string(b, "[");
    for (size_t i = 0; i < t->shape->n_dim && i < RANK_MOST; i++) {
        const OnnxListing__Dimension *d = t->shape->dim[i];
        tl_buffer_add_string(b, i ? "," : "");
        if (d->has_dim_value)
            tl_buffer_printf(b, "%" PRId64, d->dim_value);
        else if (d->dim_param && *d->dim_param)
            add_name(b, d->dim_param);
        else
            tl_buffer_add_string(b, "?");
    }
    tl_buffer_add_string(b, t->shape->n_dim > RANK_MOST ? ",…]" : "]");
}

static void add_type(struct tl_buffer *b, const OnnxListing__Type *t)
{
    if (t && t->tensor_type)
        add_tensor_type(b, t->tensor_type);
    else if (t && t->sparse_tensor_type) {
        tl_buffer_add_string(b, "sparse ");
        add_tensor_type(b, t->sparse_tensor_type);
    } else
        tl_buffer_add_string(b, !t                     ? "unknown type"
                                : t->has_sequence_type ? "a sequence"
                                : t->has_map_type      ? "a map"
                                : t->has_optional_type ? "an optional"
                                                       : "unknown type");
}

static json_t *values_json(OnnxListing__Value **values, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n && i < LINES_MOST; i++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        add_name(&b, values[i]->name);
        tl_buffer_add_string(&b, ": ");
        add_type(&b, values[i]->type);
        append_line(list, &b);
    }
    if (n > LINES_MOST) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_printf(&b, "… and %zu more", n - LINES_MOST);
        append_line(list, &b);
    }
    return list;
}

static json_t *initializers_json(const OnnxListing__Graph *g)
{
    json_t *list = json_array();
    for (size_t i = 0; i < g->n_initializer && i < LINES_MOST; i++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        add_name(&b, g->initializer[i]->name);
        tl_buffer_add_string(&b, ": ");
        add_tensor(&b, g->initializer[i]);
        append_line(list, &b);
    }
    if (g->n_initializer > LINES_MOST) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_printf(&b, "… and %zu more", g->n_initializer - LINES_MOST);
        append_line(list, &b);
    }
    return list;
}

/* Of a list the first few. */
#define ADD_LIST(b, n, add_one)                                                                              \
    do {                                                                                                     \
        tl_buffer_add_string(b, "[");                                                                        \
        for (size_t k = 0; k < (n) && k < VALUES_MOST; k++) {                                                \
            tl_buffer_add_string(b, k ? "," : "");                                                           \
            add_one;                                                                                         \
        }                                                                                                    \
        tl_buffer_add_string(b, (n) > VALUES_MOST ? ",…]" : "]");                                            \
    } while (0)

static void add_attribute(struct tl_buffer *b, const OnnxListing__Attribute *a)
{
    tl_buffer_add_string(b, " ");
    add_name(b, a->name);
    tl_buffer_add_string(b, "=");
    if (a->has_g || a->n_graphs)
        tl_buffer_add_string(b, a->n_graphs > 1 ? "(graphs)" : "(a graph)");
    else if (a->t)
        add_tensor(b, a->t);
    else if (a->n_tensors)
        tl_buffer_printf(b, "(%zu tensors)", a->n_tensors);
    else if (a->n_ints)
        ADD_LIST(b, a->n_ints, tl_buffer_printf(b, "%" PRId64, a->ints[k]));
    else if (a->n_floats)
        ADD_LIST(b, a->n_floats, tl_buffer_printf(b, "%.6g", (double)a->floats[k]));
    else if (a->n_strings)
        ADD_LIST(b, a->n_strings, add_bytes(b, &a->strings[k]));
    else if (a->has_i)
        tl_buffer_printf(b, "%" PRId64, a->i);
    else if (a->has_f)
        tl_buffer_printf(b, "%.6g", (double)a->f);
    else if (a->has_s)
        add_bytes(b, &a->s);
    else /* a list without elements, or nothing */
        tl_buffer_add_string(b, a->type > 5 ? "[]" : "0");
}

static void add_names(struct tl_buffer *b, char *const *names, size_t n)
{
    for (size_t i = 0; i < n && i < VALUES_MOST; i++) {
        tl_buffer_add_string(b, i ? ", " : "");
        if (*names[i])
            add_name(b, names[i]);
        else
            tl_buffer_add_string(b, "-"); /* an optional one that is not there */
    }
    if (n > VALUES_MOST)
        tl_buffer_add_string(b, ", …");
}

static char *operator_name(const OnnxListing__Node *n)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (n->domain && *n->domain && strcmp(n->domain, "ai.onnx")) {
        add_name(&b, n->domain);
        tl_buffer_add_string(&b, ".");
    }
    add_name(&b, n->op_type && *n->op_type ? n->op_type : "(no type)");
    return tl_buffer_take(&b);
}

static json_t *nodes_json(const OnnxListing__Graph *g)
{
    json_t *list = json_array();
    for (size_t i = 0; i < g->n_node && g->n_node <= TL_LISTING_NODES; i++) {
        const OnnxListing__Node *n = g->node[i];
        struct tl_buffer b = TL_BUFFER_INIT;
        char *name = operator_name(n);
        tl_buffer_printf(&b, "%s(", name);
        free(name);
        add_names(&b, n->input, n->n_input);
        tl_buffer_add_string(&b, ") -> ");
        add_names(&b, n->output, n->n_output);
        for (size_t k = 0; k < n->n_attribute && b.size < NODE_MOST; k++)
            add_attribute(&b, n->attribute[k]);
        append_text(list, &b, NODE_MOST);
    }
    return list;
}

/* The most frequent ones by name, the others together. */
static json_t *operators_json(const OnnxListing__Graph *g)
{
    json_t *all = json_object(), *kept = json_object(), *count;
    for (size_t i = 0; i < g->n_node; i++) {
        char *name = operator_name(g->node[i]);
        json_object_set_new(all, name, json_integer(json_integer_value(json_object_get(all, name)) + 1));
        free(name);
    }
    const char *name;
    json_int_t others = 0;
    while (json_object_size(all) && json_object_size(kept) < OPERATORS_MOST) {
        const char *most = NULL;
        json_object_foreach(all, name, count)
            if (!most || json_integer_value(count) > json_integer_value(json_object_get(all, most)))
                most = name;
        char *taken = tl_strdup(most);
        json_object_set(kept, taken, json_object_get(all, taken));
        json_object_del(all, taken);
        free(taken);
    }
    json_object_foreach(all, name, count)
        others += json_integer_value(count);
    if (others)
        json_object_set_new(kept, "others", json_integer(others));
    json_decref(all);
    return kept;
}

static size_t count_subgraphs(const OnnxListing__Graph *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_node; i++)
        for (size_t k = 0; k < g->node[i]->n_attribute; k++)
            n += (g->node[i]->attribute[k]->has_g ? 1 : 0) + g->node[i]->attribute[k]->n_graphs;
    return n;
}

static json_t *opsets_json(const OnnxListing__Model *m)
{
    json_t *opsets = json_object();
    for (size_t i = 0; i < m->n_opset_import && i < LINES_MOST; i++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        const char *domain = m->opset_import[i]->domain;
        add_name(&b, domain && *domain ? domain : "ai.onnx");
        json_object_set_new(opsets, b.data, json_integer(m->opset_import[i]->version));
        tl_buffer_free(&b);
    }
    return opsets;
}

static char *producer_of(const OnnxListing__Model *m)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (m->producer_name && *m->producer_name)
        add_name(&b, m->producer_name);
    if (b.size && m->producer_version && *m->producer_version) {
        tl_buffer_add_string(&b, " ");
        add_name(&b, m->producer_version);
    }
    return b.size ? tl_buffer_take(&b) : NULL;
}

static json_t *listing_of(const OnnxListing__Model *m)
{
    const OnnxListing__Graph *g = m->graph;
    char *producer = producer_of(m);
    json_t *j = json_pack("{s:s,s:I,s:o}", "format", "onnx", "ir_version", (json_int_t)m->ir_version,
                          "opsets", opsets_json(m));
    if (producer)
        json_object_set_new(j, "producer", json_string(producer));
    free(producer);
    json_object_set_new(j, "inputs", values_json(g->input, g->n_input));
    json_object_set_new(j, "outputs", values_json(g->output, g->n_output));
    json_object_set_new(j, "initializers", initializers_json(g));
    json_object_set_new(j, "initializer_count",
                        json_integer((json_int_t)(g->n_initializer + g->n_sparse_initializer)));
    json_object_set_new(j, "nodes", nodes_json(g));
    json_object_set_new(j, "node_count", json_integer((json_int_t)g->n_node));
    json_object_set_new(j, "operators", operators_json(g));
    json_object_set_new(j, "subgraphs", json_integer((json_int_t)count_subgraphs(g)));
    json_object_set_new(j, "functions", json_integer((json_int_t)m->n_functions));
    return j;
}

json_t *tl_onnx_listing(const void *bytes, size_t size)
{
    if (!size || size > TL_LISTING_MODEL)
        return NULL;
    OnnxListing__Model *m = onnx_listing__model__unpack(NULL, size, bytes);
    json_t *j = m && m->graph && m->graph->n_node && m->n_opset_import ? listing_of(m) : NULL;
    if (m)
        onnx_listing__model__free_unpacked(m, NULL);
    return j;
}
