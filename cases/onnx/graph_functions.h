/* The functions that a model brings, found by the nodes that call them. */
#ifndef TL_ONNX_GRAPH_FUNCTIONS_H
#define TL_ONNX_GRAPH_FUNCTIONS_H

#include "cases/onnx/graph_model.h"
#include "cases/onnx/graph_names.h"

struct tl_onnx_functions {
    struct tl_onnx_model *model;
    struct tl_onnx_names names;
    char **keys;
    size_t n;
    size_t twice; /* one that has the name of an earlier one; TL_ONNX_NO_NAME */
};

void tl_onnx_functions_begin(struct tl_onnx_functions *f, struct tl_onnx_model *m);
void tl_onnx_functions_end(struct tl_onnx_functions *f);
size_t tl_onnx_functions_of(const struct tl_onnx_functions *f,
                            const tl_onnx_node_pb *n); /* TL_ONNX_NO_NAME: an operator */
size_t
tl_onnx_functions_cycle(const struct tl_onnx_functions *f); /* one that calls itself; TL_ONNX_NO_NAME */

/* Takes those away that nothing calls any more. */
void tl_onnx_drop_functions(struct tl_onnx_model *m);

#endif
