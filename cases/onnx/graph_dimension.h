/* The edit that gives dimensions another size, wherever they are said. */
#ifndef TL_ONNX_GRAPH_DIMENSION_H
#define TL_ONNX_GRAPH_DIMENSION_H

#include "cases/onnx/graph_editing.h"

int tl_onnx_dimension(struct tl_onnx_editing *x, const json_t *value);

#endif
