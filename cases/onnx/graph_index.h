/* Who makes and who reads each value of one graph or function, and the order in which its nodes can run. */
#ifndef TL_ONNX_GRAPH_INDEX_H
#define TL_ONNX_GRAPH_INDEX_H

#include "cases/onnx/graph_model.h"
#include "cases/onnx/graph_names.h"

struct tl_onnx_indexed_value {
    const char *name;
    size_t
        producer; /* place of a node in its list; TL_ONNX_NO_NAME: an input, an initializer, or from outside */
    size_t output;              /* of that node */
    size_t n_readers, *readers; /* nodes that read it, in themselves or in a body; each once, ascending */
    bool input, initializer, graph_output;
    bool constant; /* a node Constant makes it: like an initializer it is wherever it is read */
};
struct tl_onnx_index {
    struct tl_arena *arena;
    struct tl_onnx_names names;
    size_t n_values, n_nodes;
    struct tl_onnx_indexed_value *values;
    size_t *n_uses, **uses; /* of each node: values that it reads, in itself or in a body, each once */
    size_t *order;          /* nodes as they can run; as they stand, where that is possible */
    size_t cycle;           /* a node that needs its own output; TL_ONNX_NO_NAME: there is none */
};

struct tl_onnx_index *tl_onnx_index_new(struct tl_onnx_body body);
void tl_onnx_index_free(struct tl_onnx_index *x);

/* Marks the nodes that the marked values need, and all values on the way; n_values and n_nodes flags. */
void tl_onnx_index_ancestors(const struct tl_onnx_index *x, bool *values, bool *nodes);

/* Names that a node reads, those that its bodies take from outside of them too; each may come several times. Stops at once
 * when the function answers other than 0, and returns that. */
int tl_onnx_each_use(const tl_onnx_node_pb *n, int (*use)(void *arg, const char *name), void *arg);

#endif
