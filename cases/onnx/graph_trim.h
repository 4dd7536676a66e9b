/* The edits "omit", "unused" and "element": single operands, what nothing needs, and single elements. */
#ifndef TL_ONNX_GRAPH_TRIM_H
#define TL_ONNX_GRAPH_TRIM_H

#include "cases/onnx/graph_editing.h"

int tl_onnx_trim_omit(struct tl_onnx_editing *x, const json_t *list);
int tl_onnx_trim_unused(struct tl_onnx_editing *x, const json_t *value);
int tl_onnx_trim_element(struct tl_onnx_editing *x, const json_t *list);

#endif
