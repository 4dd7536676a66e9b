/* Models of the small families. Arithmetic and slice are put together by the decoder family's graph; that
 * makes no functions, so the model with nested ones is protobuf-c's structures, filled in by hand. */
#include "cases/decoder/graph.h"
#include "cases/operators/operators.h"
#include "harness/base/buffer.h"
#include "onnx.pb-c.h"

#include <stdlib.h>
#include <string.h>

#define RANK_MAX 8

void tl_operator_model_free(struct tl_operator_model *m)
{
    for (size_t i = 0; i < m->n_inputs; i++)
        free(m->inputs[i].data);
    free(m->model);
    memset(m, 0, sizeof *m);
}

/* The value of an axis that the family has, checked against its bounds. */
static int integer_axis(const struct tl_family *f, const json_t *variant, const char *name, int64_t *value,
                        struct tl_error *e)
{
    const json_t *v = json_object_get(variant, name);
    for (size_t i = 0; i < f->n_axes; i++) {
        const struct tl_family_axis *a = &f->axes[i];
        if (strcmp(a->name, name) != 0)
            continue;
        *value = v ? json_integer_value(v) : strtoll(a->baseline, NULL, 10);
        if ((!v || json_is_integer(v)) && *value >= a->least && *value <= a->most)
            return 0;
        return tl_fail(e, TL_ERROR_INPUT, "cannot build the model", name,
                       "an integer from %lld to %lld is expected", (long long)a->least, (long long)a->most);
    }
    return tl_fail(e, TL_ERROR_INPUT, "cannot build the model", name, "the family %s has no such axis",
                   f->name);
}

/* The index of the value of a string axis among those that it can have. */
static int string_axis(const struct tl_family *f, const json_t *variant, const char *name, size_t *value,
                       struct tl_error *e)
{
    const json_t *v = json_object_get(variant, name);
    for (size_t i = 0; i < f->n_axes; i++) {
        const struct tl_family_axis *a = &f->axes[i];
        if (strcmp(a->name, name) != 0)
            continue;
        const char *text = v ? json_string_value(v) : a->baseline;
        for (*value = 0; text && a->values[*value]; (*value)++) {
            if (!strcmp(a->values[*value], text))
                return 0;
        }
    }
    return tl_fail(e, TL_ERROR_INPUT, "cannot build the model", name,
                   "it has none of the values of the family %s", f->name);
}

static struct tl_operator_input *add_input(struct tl_operator_model *m, const char *name, int dtype,
                                           size_t rank, const int64_t *dims, size_t bytes)
{
    struct tl_operator_input *input = &m->inputs[m->n_inputs++];
    *input = (struct tl_operator_input){.name = name, .dtype = dtype, .rank = rank, .bytes = bytes};
    memcpy(input->dims, dims, rank * sizeof *dims);
    input->data = tl_calloc(bytes + 1, 1);
    return input;
}

static void store_integer(enum tl_dtype t, void *data, int64_t i, int64_t value)
{
    if (t == TL_DTYPE_INT64)
        ((int64_t *)data)[i] = value;
    else
        ((int32_t *)data)[i] = (int32_t)value;
}

static int build_arithmetic(const json_t *variant, struct tl_operator_model *m, struct tl_error *e)
{
    const struct tl_family *f = &tl_family_arithmetic;
    size_t op, wide, from_input;
    int64_t divisor, size;
    if (string_axis(f, variant, "op", &op, e) != 0 || string_axis(f, variant, "dtype", &wide, e) != 0 ||
        integer_axis(f, variant, "divisor", &divisor, e) != 0 ||
        string_axis(f, variant, "divisor_from", &from_input, e) != 0 ||
        integer_axis(f, variant, "size", &size, e) != 0)
        return -1;
    enum tl_dtype t = wide ? TL_DTYPE_INT64 : TL_DTYPE_INT32;
    size_t bytes = (size_t)size * (wide ? 8 : 4);
    int64_t *divisors = tl_malloc(bytes);
    for (int64_t i = 0; i < size; i++)
        store_integer(t, divisors, i, i == size - 1 ? divisor : 1);

    struct tl_graph g;
    tl_graph_init(&g, 13);
    tl_graph_input(&g, "dividend", t, 1, &size, NULL);
    struct tl_operator_input *dividend = add_input(m, "dividend", (int)t, 1, &size, bytes);
    for (int64_t i = 0; i < size; i++)
        store_integer(t, dividend->data, i, i + 7);
    if (from_input) {
        tl_graph_input(&g, "divisor", t, 1, &size, NULL);
        memcpy(add_input(m, "divisor", (int)t, 1, &size, bytes)->data, divisors, bytes);
    } else {
        tl_graph_initializer(&g, "divisor", t, 1, &size, divisors, bytes);
    }
    tl_graph_add(&g, NULL, op ? "Mod" : "Div", "result", 2, (const char *const[]){"dividend", "divisor"});
    tl_graph_output(&g, "result", t, 1, &size, NULL);
    int rc = tl_graph_pack(&g, &m->model, &m->size, e);
    tl_graph_free(&g);
    free(divisors);
    return rc;
}

static int build_slice(const json_t *variant, struct tl_operator_model *m, struct tl_error *e)
{
    const struct tl_family *f = &tl_family_slice;
    static const int64_t one = 1, begin = 1, end = 3;
    static const char *const symbols[] = {"d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"};
    int64_t rank, axis, dims[RANK_MAX], unknown[RANK_MAX];
    size_t from_input, elements = 1;
    if (integer_axis(f, variant, "rank", &rank, e) != 0 || integer_axis(f, variant, "axis", &axis, e) != 0 ||
        string_axis(f, variant, "axis_from", &from_input, e) != 0)
        return -1;
    for (int64_t i = 0; i < rank; i++) {
        dims[i] = 4;
        unknown[i] = -1 - i;
        elements *= 4;
    }
    struct tl_graph g;
    tl_graph_init(&g, 13);
    tl_graph_input(&g, "data", TL_DTYPE_FLOAT32, (int)rank, dims, NULL);
    struct tl_operator_input *data =
        add_input(m, "data", TL_DTYPE_FLOAT32, (size_t)rank, dims, elements * sizeof(float));
    for (size_t i = 0; i < elements; i++)
        ((float *)data->data)[i] = (float)i;
    tl_graph_initializer(&g, "begin", TL_DTYPE_INT64, 1, &one, &begin, sizeof begin);
    tl_graph_initializer(&g, "end", TL_DTYPE_INT64, 1, &one, &end, sizeof end);
    if (from_input) {
        tl_graph_input(&g, "axis", TL_DTYPE_INT64, 1, &one, NULL);
        memcpy(add_input(m, "axis", TL_DTYPE_INT64, 1, &one, sizeof axis)->data, &axis, sizeof axis);
    } else {
        tl_graph_initializer(&g, "axis", TL_DTYPE_INT64, 1, &one, &axis, sizeof axis);
    }
    tl_graph_add(&g, NULL, "Slice", "result", 4, (const char *const[]){"data", "begin", "end", "axis"});
    tl_graph_output(&g, "result", TL_DTYPE_FLOAT32, (int)rank, unknown, symbols);
    int rc = tl_graph_pack(&g, &m->model, &m->size, e);
    tl_graph_free(&g);
    return rc;
}

/* --- functions: y = f0(x), fN(a) = fN+1(a), and the last one is Identity --- */

struct function_parts {
    Onnx__FunctionProto function;
    Onnx__NodeProto node;
    Onnx__NodeProto *nodes[1];
    Onnx__OperatorSetIdProto *opsets[2];
    char name[24], callee[24];
};

static char argument_name[] = "a", result_name[] = "b", own_domain[] = "trapline.nested", onnx_domain[] = "",
            identity[] = "Identity";
static char *function_inputs[] = {argument_name}, *function_outputs[] = {result_name};

static void set_node(Onnx__NodeProto *node, char *op, char *domain, char **input, char **output)
{
    onnx__node_proto__init(node);
    node->n_input = node->n_output = 1;
    node->input = input;
    node->output = output;
    node->op_type = op;
    node->domain = domain;
}

static void set_value(Onnx__ValueInfoProto *value, Onnx__TypeProto *type, Onnx__TypeProto__Tensor *tensor,
                      Onnx__TensorShapeProto *shape, Onnx__TensorShapeProto__Dimension **dimensions,
                      char *name)
{
    onnx__value_info_proto__init(value);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    onnx__tensor_shape_proto__init(shape);
    onnx__tensor_shape_proto__dimension__init(dimensions[0]);
    dimensions[0]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    dimensions[0]->dim_value = 1;
    shape->n_dim = 1;
    shape->dim = dimensions;
    tensor->has_elem_type = 1;
    tensor->elem_type = TL_DTYPE_FLOAT32;
    tensor->shape = shape;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    value->name = name;
    value->type = type;
}

static int build_functions(const json_t *variant, struct tl_operator_model *m, struct tl_error *e)
{
    static char input_name[] = "x", output_name[] = "y", graph_name[] = "nested", first_function[] = "f0";
    static const int64_t one = 1;
    int64_t depth;
    if (integer_axis(&tl_family_functions, variant, "depth", &depth, e) != 0)
        return -1;
    Onnx__OperatorSetIdProto onnx_opset, own_opset, *opsets[] = {&onnx_opset, &own_opset};
    onnx__operator_set_id_proto__init(&onnx_opset);
    onnx_opset.domain = onnx_domain;
    onnx_opset.has_version = 1;
    onnx_opset.version = 13;
    onnx__operator_set_id_proto__init(&own_opset);
    own_opset.domain = own_domain;
    own_opset.has_version = 1;
    own_opset.version = 1;

    struct function_parts *parts = tl_calloc((size_t)depth, sizeof *parts);
    Onnx__FunctionProto **functions = tl_calloc((size_t)depth, sizeof *functions);
    for (int64_t i = 0; i < depth; i++) {
        struct function_parts *p = &parts[i];
        bool last = i == depth - 1;
        snprintf(p->name, sizeof p->name, "f%lld", (long long)i);
        snprintf(p->callee, sizeof p->callee, "f%lld", (long long)i + 1);
        set_node(&p->node, last ? identity : p->callee, last ? onnx_domain : own_domain, function_inputs,
                 function_outputs);
        p->nodes[0] = &p->node;
        memcpy(p->opsets, opsets, sizeof opsets);
        onnx__function_proto__init(&p->function);
        p->function.name = p->name;
        p->function.domain = own_domain;
        p->function.n_input = p->function.n_output = 1;
        p->function.input = function_inputs;
        p->function.output = function_outputs;
        p->function.n_node = 1;
        p->function.node = p->nodes;
        p->function.n_opset_import = 2;
        p->function.opset_import = p->opsets;
        functions[i] = &p->function;
    }

    char *node_inputs[] = {input_name}, *node_outputs[] = {output_name};
    Onnx__NodeProto call, *nodes[] = {&call};
    set_node(&call, first_function, own_domain, node_inputs, node_outputs);
    Onnx__ValueInfoProto in, out, *ins[] = {&in}, *outs[] = {&out};
    Onnx__TypeProto types[2];
    Onnx__TypeProto__Tensor tensors[2];
    Onnx__TensorShapeProto shapes[2];
    Onnx__TensorShapeProto__Dimension extents[2], *in_extent[] = {&extents[0]}, *out_extent[] = {&extents[1]};
    set_value(&in, &types[0], &tensors[0], &shapes[0], in_extent, input_name);
    set_value(&out, &types[1], &tensors[1], &shapes[1], out_extent, output_name);
    Onnx__GraphProto graph;
    onnx__graph_proto__init(&graph);
    graph.name = graph_name;
    graph.n_node = graph.n_input = graph.n_output = 1;
    graph.node = nodes;
    graph.input = ins;
    graph.output = outs;
    Onnx__ModelProto model;
    onnx__model_proto__init(&model);
    model.has_ir_version = 1;
    model.ir_version = 8; /* the first with functions */
    model.graph = &graph;
    model.n_opset_import = 2;
    model.opset_import = opsets;
    model.n_functions = (size_t)depth;
    model.functions = functions;

    m->size = onnx__model_proto__get_packed_size(&model);
    m->model = tl_malloc(m->size);
    onnx__model_proto__pack(&model, m->model);
    free(functions);
    free(parts);
    float x = 0.5f;
    memcpy(add_input(m, "x", TL_DTYPE_FLOAT32, 1, &one, sizeof x)->data, &x, sizeof x);
    return 0;
}

int tl_operator_build(const char *family, const json_t *variant, struct tl_operator_model *m,
                      struct tl_error *e)
{
    int rc;
    memset(m, 0, sizeof *m);
    if (!strcmp(family, "arithmetic"))
        rc = build_arithmetic(variant, m, e);
    else if (!strcmp(family, "slice"))
        rc = build_slice(variant, m, e);
    else if (!strcmp(family, "functions"))
        rc = build_functions(variant, m, e);
    else
        rc = tl_fail(e, TL_ERROR_INPUT, "cannot build the model", family, "there is no such family");
    if (rc != 0)
        tl_operator_model_free(m);
    return rc;
}
