/* Edits that cut: which outputs there are, where a model ends and where it begins. */
#ifndef TL_ONNX_GRAPH_CUT_H
#define TL_ONNX_GRAPH_CUT_H

#include "cases/onnx/graph_editing.h"

int tl_onnx_cut_outputs(struct tl_onnx_editing *x, const json_t *names);
int tl_onnx_cut_expose(struct tl_onnx_editing *x, const json_t *names);
int tl_onnx_cut_unread(struct tl_onnx_editing *x, const json_t *value);
/* In a model that keeps what is unread: what nobody reads in the main graph becomes outputs of it, after those that it has. */
void tl_onnx_show_unread(struct tl_onnx_model *m);
int tl_onnx_cut_prefix(struct tl_onnx_editing *x, const json_t *value);
int tl_onnx_cut_begin(struct tl_onnx_editing *x, const json_t *list);
int tl_onnx_cut_declare(struct tl_onnx_editing *x, const json_t *list);
int tl_onnx_cut_constant(struct tl_onnx_editing *x, const json_t *list);

/* What is said of a value as an output of the main graph: what the model says of it, which may be no type at all. */
tl_onnx_value_pb *tl_onnx_output_value(struct tl_onnx_model *m, const char *name);

#endif
