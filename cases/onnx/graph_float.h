/* The edits that make floats of 16 or 64 bits floats of 32, and whole numbers of 64 bits ones of 32, wherever a model speaks
 * of them. */
#ifndef TL_ONNX_GRAPH_FLOAT_H
#define TL_ONNX_GRAPH_FLOAT_H

#include "cases/onnx/graph_editing.h"

int tl_onnx_float32(struct tl_onnx_editing *x, const json_t *value);
int tl_onnx_int32(struct tl_onnx_editing *x, const json_t *value);

#endif
