/* Edits of constants: nodes Constant as initializers and back, other elements in tensors, and tensors
 * that stand beside the model put into it. */
#ifndef TL_ONNX_GRAPH_CONSTANTS_H
#define TL_ONNX_GRAPH_CONSTANTS_H

#include "cases/onnx/graph_editing.h"

int tl_onnx_constants_fold(struct tl_onnx_editing *x, const json_t *fold);
int tl_onnx_constants_fill(struct tl_onnx_editing *x, const json_t *value);
int tl_onnx_constants_inside(struct tl_onnx_editing *x, const json_t *set);

#endif
