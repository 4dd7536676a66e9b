/* What a model that was unpacked means, and whether it can: names, types of attributes, tensors, functions. */
#ifndef TL_ONNX_GRAPH_CHECK_H
#define TL_ONNX_GRAPH_CHECK_H

#include "cases/onnx/graph_model.h"

/* -1 with the place of the first thing that is wrong; the bytes are those that the model was unpacked from. Afterwards: every
 * name that is read is there, in its graph or in one around it; a value has one producer; nodes have no cycle; a function does
 * not call itself; an attribute holds what its type says; a tensor has the elements of its shape, or says in which file below
 * the model's directory they are. Order is not asked for. */
int tl_onnx_check(struct tl_onnx_model *m, const void *bytes, size_t size, struct tl_error *e);

#endif
