/* The nodes of a body or of a function in the place of the node that they belong to. */
#ifndef TL_ONNX_GRAPH_SPLICE_H
#define TL_ONNX_GRAPH_SPLICE_H

#include "cases/onnx/graph_editing.h"
#include "cases/onnx/graph_rename.h"

struct tl_onnx_bound { /* an input of the body, and what it is outside; "" where it was left out */
    const char *inside;
    char *outside;
};
struct tl_onnx_result { /* an output of the body, and what it is called outside; "" where nobody reads it */
    const char *inside;
    char *outside;
    bool stacked; /* outside it has one more dimension, of size 1, at this axis */
    int64_t axis;
};
struct tl_onnx_piece {
    tl_onnx_node_pb **nodes; /* renamed in place: of a function they are copies */
    size_t n_nodes;
    tl_onnx_graph_pb *graph; /* whose nodes they are, with initializers; NULL: of a function */
    const struct tl_onnx_bound *bound;
    size_t n_bound;
    const struct tl_onnx_result *results;
    size_t n_results;
};

/* Puts a piece in the place of node `at`. What it makes gets other names where the model has them elsewhere already. */
int tl_onnx_splice(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, struct tl_onnx_body body,
                   size_t at, const struct tl_onnx_piece *piece);

#endif
