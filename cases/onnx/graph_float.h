/* The edit that makes floats of 16 bits floats of 32, wherever a model speaks of them. */
#ifndef TL_ONNX_GRAPH_FLOAT_H
#define TL_ONNX_GRAPH_FLOAT_H

#include "cases/onnx/graph_editing.h"

int tl_onnx_float32(struct tl_onnx_editing *x, const json_t *value);

#endif
