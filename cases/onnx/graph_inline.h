/* The edit that puts what a function holds in the place of its call. */
#ifndef TL_ONNX_GRAPH_INLINE_H
#define TL_ONNX_GRAPH_INLINE_H

#include "cases/onnx/graph_editing.h"

int tl_onnx_inline(struct tl_onnx_editing *x, const json_t *list);

#endif
