/* Edits that make a model plainer: attributes away, other types and versions, no documentation, short names. */
#ifndef TL_ONNX_GRAPH_PLAIN_H
#define TL_ONNX_GRAPH_PLAIN_H

#include "cases/onnx/graph_editing.h"

int tl_onnx_plain_attribute(struct tl_onnx_editing *x, const json_t *list);
int tl_onnx_plain_opset(struct tl_onnx_editing *x, const json_t *value);
int tl_onnx_plain_ir(struct tl_onnx_editing *x, const json_t *value);
int tl_onnx_plain_strip(struct tl_onnx_editing *x, const json_t *value);
int tl_onnx_plain_rename(struct tl_onnx_editing *x, const json_t *value);

/* A part of the last one (graph_function_names.c). */
void tl_onnx_rename_functions(struct tl_onnx_model *m);

#endif
