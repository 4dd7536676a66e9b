/* Tensors in a model: how large they are, and elements put in. */
#ifndef TL_ONNX_GRAPH_TENSOR_H
#define TL_ONNX_GRAPH_TENSOR_H

#include "cases/onnx/graph_model.h"
#include "cases/onnx/tensor_pb.h"

bool tl_onnx_tensor_elements(const tl_onnx_tensor_pb *t, uint64_t *n); /* false: the shape makes no sense */
/* Of its elements, as they are stored; false: more than can be counted, or not known. */
bool tl_onnx_tensor_bytes(const tl_onnx_tensor_pb *t, uint64_t *bytes);
uint64_t tl_onnx_tensor_held(const tl_onnx_tensor_pb *t); /* bytes of elements that are in the message */
bool tl_onnx_tensor_is_external(const tl_onnx_tensor_pb *t);

/* Gives a tensor other elements, type and shape; its name stays. */
int tl_onnx_tensor_set(struct tl_onnx_model *m, tl_onnx_tensor_pb *t, const struct tl_tensor_pb *elements,
                       struct tl_error *e);
/* Takes away where its elements stand, inside and beside. */
void tl_onnx_tensor_clear(tl_onnx_tensor_pb *t);

#endif
