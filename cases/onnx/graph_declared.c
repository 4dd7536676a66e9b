#include "cases/onnx/graph_declared.h"
#include "cases/onnx/graph_model.h"
#include "harness/base/buffer.h"

static void add(const Onnx__ValueInfoProto *v, struct tl_onnx_declared **list, size_t *n)
{
    const Onnx__TypeProto *type = v->type;
    const Onnx__TypeProto__Tensor *tensor =
        type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? type->tensor_type : NULL;
    if (!v->name || !*v->name || !tensor || !tensor->shape || tensor->shape->n_dim > TL_RANK_MAX ||
        !tl_dtype_name((enum tl_dtype)tensor->elem_type))
        return;
    struct tl_onnx_declared one = {
        .name = v->name, .dtype = (enum tl_dtype)tensor->elem_type, .rank = tensor->shape->n_dim};
    for (size_t i = 0; i < one.rank; i++) {
        const Onnx__TensorShapeProto__Dimension *d = tensor->shape->dim[i];
        bool known =
            d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && d->dim_value >= 0;
        one.dims[i] = known ? d->dim_value : -1;
        if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM && *d->dim_param)
            one.symbols[i] = d->dim_param;
    }
    *TL_GROW(*list, *n) = one;
}

void tl_onnx_declared(const struct tl_onnx_model *m, struct tl_onnx_declared **list, size_t *n)
{
    const tl_onnx_graph_pb *g = m->pb->graph;
    *list = NULL;
    *n = 0;
    for (size_t i = 0; i < g->n_value_info; i++)
        add(g->value_info[i], list, n);
    for (size_t i = 0; i < g->n_output; i++)
        add(g->output[i], list, n);
}
