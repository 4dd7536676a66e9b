/* The edit that puts the branch of an If that ran in its place. */
#ifndef TL_ONNX_GRAPH_BRANCH_H
#define TL_ONNX_GRAPH_BRANCH_H

#include "cases/onnx/graph_editing.h"

int tl_onnx_branch(struct tl_onnx_editing *x, const json_t *list);

#endif
