/* Theory of operation. An ONNX graph is a list of nodes. Values have no objects of their own: a node names
 * the values that it takes and makes, and two nodes are connected when one names what the other made. So the
 * functions here hand names about, and a list of nodes in the order in which they were added is a valid graph
 * as long as every name was made before it is taken, which the callers get by using what a call returned.
 *
 *   names         A new value is called g->prefix + name. The prefix is the layer's ("layer0/"), which makes
 *                 names unique and tells where a node belongs. Weights and inputs are called as given.
 *   inputs        Operators know their inputs by position. One that is left out is an empty name; at the
 *                 end of the list it is not there at all.
 *   initializers  These are constants: weights, shapes, axes. The same few integers are wanted again and
 *                 again (a shape in each layer), so a list of integers is named by its content
 *                 ("int64_0_2") and made once.
 *   raw_data      Tensors are stored as bytes, little endian, and not as lists of protobuf numbers. Large
 *                 ones are filled in place (tl_graph_initializer_space), without a copy.
 *
 * Everything is built as the structures that protobuf-c makes of onnx.proto, in one arena, and serialised at
 * the end. protobuf counts bytes in 31 bits, so a model of 2 GiB or more is refused before it is packed. */
#include "cases/decoder/graph.h"
#include "cases/half.h"
#include "harness/base/buffer.h"
#include "onnx.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tl_graph_init(struct tl_graph *g, int64_t opset)
{
    *g = (struct tl_graph){.arena = tl_arena_new(), .prefix = "", .opset = opset};
}

void tl_graph_free(struct tl_graph *g)
{
    tl_arena_free(g->arena);
    free(g->nodes.items);
    free(g->initializers.items);
    free(g->inputs.items);
    free(g->outputs.items);
    *g = (struct tl_graph){0};
}

void *tl_graph_alloc(struct tl_graph *g, size_t size)
{
    return tl_arena_alloc(g->arena, 1, size);
}

static char *copy(struct tl_graph *g, const char *prefix, const char *s)
{
    size_t a = strlen(prefix), b = strlen(s);
    char *p = tl_graph_alloc(g, a + b + 1);
    memcpy(p, prefix, a);
    memcpy(p + a, s, b);
    return p;
}

const char *tl_graph_format(struct tl_graph *g, const char *format, ...)
{
    char text[160];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return copy(g, "", text);
}

static void push(struct tl_graph_array *a, void *item)
{
    if (a->n == a->capacity) {
        a->capacity = a->capacity ? 2 * a->capacity : 64;
        a->items = tl_realloc(a->items, a->capacity, sizeof *a->items);
    }
    a->items[a->n++] = item;
}

tl_graph_node *tl_graph_add(struct tl_graph *g, const char *domain, const char *op, const char *name, int n,
                            const char *const *inputs)
{
    Onnx__NodeProto *node = tl_graph_alloc(g, sizeof *node);
    onnx__node_proto__init(node);
    node->op_type = copy(g, "", op);
    node->domain = domain ? copy(g, "", domain) : NULL;
    g->contrib |= domain != NULL;
    while (n > 0 && !inputs[n - 1])
        n--;
    node->n_input = (size_t)n;
    node->input = tl_graph_alloc(g, (size_t)(n + 1) * sizeof *node->input);
    for (int i = 0; i < n; i++)
        node->input[i] = copy(g, "", inputs[i] ? inputs[i] : "");
    node->output = tl_graph_alloc(g, 4 * sizeof *node->output);
    node->output[node->n_output++] = copy(g, g->prefix, name);
    node->name = node->output[0];
    node->attribute = tl_graph_alloc(g, 8 * sizeof *node->attribute);
    push(&g->nodes, node);
    return node;
}

const char *tl_graph_result(const tl_graph_node *node)
{
    return node->output[0];
}

void tl_graph_more_output(struct tl_graph *g, tl_graph_node *node, const char *name)
{
    node->output[node->n_output++] = copy(g, "", name);
}

static Onnx__AttributeProto *attribute(struct tl_graph *g, tl_graph_node *node, const char *name,
                                       Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *a = tl_graph_alloc(g, sizeof *a);
    onnx__attribute_proto__init(a);
    a->name = copy(g, "", name);
    a->has_type = 1;
    a->type = type;
    node->attribute[node->n_attribute++] = a;
    return a;
}

void tl_graph_int(struct tl_graph *g, tl_graph_node *node, const char *name, int64_t value)
{
    Onnx__AttributeProto *a = attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    a->has_i = 1;
    a->i = value;
}

void tl_graph_ints(struct tl_graph *g, tl_graph_node *node, const char *name, int n, const int64_t *values)
{
    Onnx__AttributeProto *a = attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    a->n_ints = (size_t)n;
    a->ints = tl_graph_alloc(g, (size_t)n * sizeof *a->ints);
    memcpy(a->ints, values, (size_t)n * sizeof *a->ints);
}

const char *tl_graph_op(struct tl_graph *g, const char *op, const char *name, const char *a, const char *b)
{
    return tl_graph_result(tl_graph_add(g, NULL, op, name, b ? 2 : 1, (const char *[]){a, b}));
}

const char *tl_graph_cast(struct tl_graph *g, const char *name, const char *value, enum tl_dtype to)
{
    tl_graph_node *node = tl_graph_add(g, NULL, "Cast", name, 1, &value);
    tl_graph_int(g, node, "to", to);
    return tl_graph_result(node);
}

const char *tl_graph_concat(struct tl_graph *g, const char *name, const char *a, const char *b, int64_t axis)
{
    tl_graph_node *node = tl_graph_add(g, NULL, "Concat", name, 2, (const char *[]){a, b});
    tl_graph_int(g, node, "axis", axis);
    return tl_graph_result(node);
}

const char *tl_graph_transpose(struct tl_graph *g, const char *name, const char *value, int n,
                               const int64_t *order)
{
    tl_graph_node *node = tl_graph_add(g, NULL, "Transpose", name, 1, &value);
    tl_graph_ints(g, node, "perm", n, order);
    return tl_graph_result(node);
}

const char *tl_graph_slice(struct tl_graph *g, const char *name, const char *value, const char *begin,
                           const char *end, int64_t axis)
{
    const char *inputs[] = {value, begin, end, tl_graph_integers(g, 1, &axis)};
    return tl_graph_result(tl_graph_add(g, NULL, "Slice", name, 4, inputs));
}

const char *tl_graph_reshape(struct tl_graph *g, const char *name, const char *value, int n,
                             const int64_t *shape)
{
    return tl_graph_op(g, "Reshape", name, value, tl_graph_integers(g, n, shape));
}

const char *tl_graph_unsqueeze(struct tl_graph *g, const char *name, const char *value, int n,
                               const int64_t *axes)
{
    return tl_graph_op(g, "Unsqueeze", name, value, tl_graph_integers(g, n, axes));
}

void *tl_graph_initializer_space(struct tl_graph *g, const char *name, enum tl_dtype t, int rank,
                                 const int64_t *shape, size_t size)
{
    Onnx__TensorProto *tensor = tl_graph_alloc(g, sizeof *tensor);
    onnx__tensor_proto__init(tensor);
    tensor->name = copy(g, "", name);
    tensor->has_data_type = 1;
    tensor->data_type = t;
    tensor->n_dims = (size_t)rank;
    tensor->dims = tl_graph_alloc(g, (size_t)(rank + 1) * sizeof *tensor->dims);
    if (rank > 0)
        memcpy(tensor->dims, shape, (size_t)rank * sizeof *tensor->dims);
    tensor->has_raw_data = 1;
    tensor->raw_data.len = size;
    tensor->raw_data.data = tl_graph_alloc(g, size + 1);
    push(&g->initializers, tensor);
    return tensor->raw_data.data;
}

const char *tl_graph_initializer(struct tl_graph *g, const char *name, enum tl_dtype t, int rank,
                                 const int64_t *shape, const void *data, size_t size)
{
    memcpy(tl_graph_initializer_space(g, name, t, rank, shape, size), data, size);
    return ((Onnx__TensorProto *)g->initializers.items[g->initializers.n - 1])->name;
}

const char *tl_graph_integers(struct tl_graph *g, int n, const int64_t *values)
{
    struct tl_buffer name = TL_BUFFER_INIT;
    tl_buffer_add_string(&name, "int64");
    for (int i = 0; i < n; i++)
        tl_buffer_printf(&name, "_%lld", (long long)values[i]);
    const char *found = NULL;
    for (size_t i = 0; i < g->initializers.n && !found; i++) {
        const Onnx__TensorProto *t = g->initializers.items[i];
        if (strcmp(t->name, name.data) == 0)
            found = t->name;
    }
    if (!found)
        found = tl_graph_initializer(g, name.data, TL_DTYPE_INT64, 1, (const int64_t[]){n}, values,
                                     (size_t)n * sizeof *values);
    tl_buffer_free(&name);
    return found;
}

const char *tl_graph_floats(struct tl_graph *g, const char *name, enum tl_dtype t, int rank,
                            const int64_t *shape, const float *values)
{
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= (size_t)shape[i];
    if (t == TL_DTYPE_FLOAT32)
        return tl_graph_initializer(g, name, t, rank, shape, values, count * sizeof *values);
    uint16_t *halves = tl_graph_initializer_space(g, name, t, rank, shape, count * sizeof *halves);
    for (size_t i = 0; i < count; i++)
        halves[i] = tl_half_from_float(values[i]);
    return ((Onnx__TensorProto *)g->initializers.items[g->initializers.n - 1])->name;
}

static Onnx__ValueInfoProto *value_info(struct tl_graph *g, const char *name, enum tl_dtype t, int rank,
                                        const int64_t *shape, const char *const *symbols)
{
    Onnx__TensorShapeProto *s = tl_graph_alloc(g, sizeof *s);
    onnx__tensor_shape_proto__init(s);
    s->n_dim = (size_t)rank;
    s->dim = tl_graph_alloc(g, (size_t)(rank + 1) * sizeof *s->dim);
    for (int i = 0; i < rank; i++) {
        s->dim[i] = tl_graph_alloc(g, sizeof *s->dim[i]);
        onnx__tensor_shape_proto__dimension__init(s->dim[i]);
        if (shape[i] < 0) {
            s->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            s->dim[i]->dim_param = copy(g, "", symbols[-1 - shape[i]]);
        } else {
            s->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            s->dim[i]->dim_value = shape[i];
        }
    }
    Onnx__TypeProto__Tensor *tensor = tl_graph_alloc(g, sizeof *tensor);
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = 1;
    tensor->elem_type = t;
    tensor->shape = s;
    Onnx__TypeProto *type = tl_graph_alloc(g, sizeof *type);
    onnx__type_proto__init(type);
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    Onnx__ValueInfoProto *v = tl_graph_alloc(g, sizeof *v);
    onnx__value_info_proto__init(v);
    v->name = copy(g, "", name);
    v->type = type;
    return v;
}

void tl_graph_input(struct tl_graph *g, const char *name, enum tl_dtype t, int rank, const int64_t *shape,
                    const char *const *symbols)
{
    push(&g->inputs, value_info(g, name, t, rank, shape, symbols));
}

void tl_graph_output(struct tl_graph *g, const char *name, enum tl_dtype t, int rank, const int64_t *shape,
                     const char *const *symbols)
{
    push(&g->outputs, value_info(g, name, t, rank, shape, symbols));
}

int tl_graph_pack(struct tl_graph *g, uint8_t **model, size_t *size, struct tl_error *e)
{
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    graph.name = (char *)"decoder";
    graph.n_node = g->nodes.n;
    graph.node = (Onnx__NodeProto **)g->nodes.items;
    graph.n_initializer = g->initializers.n;
    graph.initializer = (Onnx__TensorProto **)g->initializers.items;
    graph.n_input = g->inputs.n;
    graph.input = (Onnx__ValueInfoProto **)g->inputs.items;
    graph.n_output = g->outputs.n;
    graph.output = (Onnx__ValueInfoProto **)g->outputs.items;

    Onnx__OperatorSetIdProto onnx = ONNX__OPERATOR_SET_ID_PROTO__INIT,
                             contrib = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    onnx.domain = (char *)"";
    onnx.has_version = contrib.has_version = 1;
    onnx.version = g->opset;
    contrib.domain = (char *)"com.microsoft";
    contrib.version = 1;
    Onnx__OperatorSetIdProto *imports[] = {&onnx, &contrib};

    Onnx__ModelProto m = ONNX__MODEL_PROTO__INIT;
    m.has_ir_version = 1;
    m.ir_version = 7; /* of opset 13; the oldest builds refuse more than 8 */
    m.producer_name = (char *)"trapline";
    m.graph = &graph;
    m.n_opset_import = g->contrib ? 2 : 1;
    m.opset_import = imports;

    *size = onnx__model_proto__get_packed_size(&m);
    if (*size > INT32_MAX)
        return tl_fail(e, TL_ERROR_INPUT, "cannot build the decoder model", NULL,
                       "it would have %zu bytes; a serialised model can have at most 2 GiB", *size);
    *model = malloc(*size + 1);
    if (!*model)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot build the decoder model", NULL,
                       "no memory for its %zu bytes", *size);
    onnx__model_proto__pack(&m, *model);
    return 0;
}
