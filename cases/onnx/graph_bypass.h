/* The edit that takes nodes out: who reads an output of one reads an input of it. */
#ifndef TL_ONNX_GRAPH_BYPASS_H
#define TL_ONNX_GRAPH_BYPASS_H

#include "cases/onnx/graph_editing.h"

int tl_onnx_bypass(struct tl_onnx_editing *x, const json_t *list);

#endif
