/* The elements of tensors, wherever they stand: checked, read, and brought into a model. */
#ifndef TL_ONNX_GRAPH_ELEMENTS_H
#define TL_ONNX_GRAPH_ELEMENTS_H

#include "cases/onnx/graph_model.h"
#include "cases/onnx/tensor_pb.h"

/* NULL, or what is wrong with a tensor, the caller's to free. */
char *tl_onnx_check_tensor(const tl_onnx_tensor_pb *t);

/* Its elements one by one, read from beside the model where they are there: `directory` is the model's, or NULL. Release with
 * tl_tensor_pb_free. */
int tl_onnx_tensor_take(const struct tl_onnx_model *m, const tl_onnx_tensor_pb *t, const char *directory,
                        struct tl_tensor_pb *elements, struct tl_error *e);

/* A tensor of the model from the bytes of a TensorProto, under a name. */
int tl_onnx_tensor_unpack(struct tl_onnx_model *m, const void *bytes, size_t size, const char *name,
                          tl_onnx_tensor_pb **t, struct tl_error *e);

#endif
