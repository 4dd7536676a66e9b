/* Edits of constants: nodes Constant as initializers and back, and other elements in tensors. */
#ifndef TL_ONNX_GRAPH_CONSTANTS_H
#define TL_ONNX_GRAPH_CONSTANTS_H

#include "cases/onnx/graph_editing.h"

int tl_onnx_constants_fold(struct tl_onnx_editing *x, const json_t *fold);
int tl_onnx_constants_fill(struct tl_onnx_editing *x, const json_t *value);

#endif
