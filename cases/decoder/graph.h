/* Puts an ONNX graph together: nodes, initializers, inputs and outputs, then one serialised ModelProto.
 *
 * Everything lives in the graph's own arena until tl_graph_free. Value names are strings of that arena; a
 * function that adds a node returns the name of its (first) output. */
#ifndef TL_DECODER_GRAPH_H
#define TL_DECODER_GRAPH_H

#include "cases/arena.h"
#include "cases/decoder/decoder.h"

typedef struct Onnx__NodeProto tl_graph_node;

struct tl_graph_array {
    size_t n, capacity;
    void **items;
};

struct tl_graph {
    struct tl_arena *arena;
    struct tl_graph_array nodes, initializers, inputs, outputs;
    bool contrib;       /* an operator of com.microsoft is used */
    const char *prefix; /* of the names of new values: "layer0/" */
    int64_t opset;
};

void tl_graph_init(struct tl_graph *g, int64_t opset);
void tl_graph_free(struct tl_graph *g);
void *tl_graph_alloc(struct tl_graph *g, size_t size); /* zeroed */
const char *tl_graph_format(struct tl_graph *g, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A node with n inputs (NULL for one left out) whose output is prefix + name. domain: NULL for ONNX's own. */
tl_graph_node *tl_graph_add(struct tl_graph *g, const char *domain, const char *op, const char *name, int n,
                            const char *const *inputs);
const char *tl_graph_result(const tl_graph_node *node);
void tl_graph_more_output(struct tl_graph *g, tl_graph_node *node,
                          const char *name); /* as is, without prefix */
void tl_graph_int(struct tl_graph *g, tl_graph_node *node, const char *name, int64_t value);
void tl_graph_ints(struct tl_graph *g, tl_graph_node *node, const char *name, int n, const int64_t *values);

/* The usual forms. */
const char *tl_graph_op(struct tl_graph *g, const char *op, const char *name, const char *a, const char *b);
const char *tl_graph_cast(struct tl_graph *g, const char *name, const char *value, enum tl_dtype to);
const char *tl_graph_concat(struct tl_graph *g, const char *name, const char *a, const char *b, int64_t axis);
const char *tl_graph_transpose(struct tl_graph *g, const char *name, const char *value, int n,
                               const int64_t *order);
const char *tl_graph_slice(struct tl_graph *g, const char *name, const char *value, const char *begin,
                           const char *end, int64_t axis);
const char *tl_graph_reshape(struct tl_graph *g, const char *name, const char *value, int n,
                             const int64_t *shape);
const char *tl_graph_unsqueeze(struct tl_graph *g, const char *name, const char *value, int n,
                               const int64_t *axes);

/* Initializers, named as they are given (no prefix); the data is copied. A list of integers is made once. */
const char *tl_graph_initializer(struct tl_graph *g, const char *name, enum tl_dtype t, int rank,
                                 const int64_t *shape, const void *data, size_t size);
void *tl_graph_initializer_space(struct tl_graph *g, const char *name, enum tl_dtype t, int rank,
                                 const int64_t *shape, size_t size); /* to be filled in */
const char *tl_graph_integers(struct tl_graph *g, int n, const int64_t *values);
/* Values of a floating type t, from floats. */
const char *tl_graph_floats(struct tl_graph *g, const char *name, enum tl_dtype t, int rank,
                            const int64_t *shape, const float *values);

/* Dimensions below 0 are symbolic: -1 - i stands for symbols[i]. */
void tl_graph_input(struct tl_graph *g, const char *name, enum tl_dtype t, int rank, const int64_t *shape,
                    const char *const *symbols);
void tl_graph_output(struct tl_graph *g, const char *name, enum tl_dtype t, int rank, const int64_t *shape,
                     const char *const *symbols);

int tl_graph_pack(struct tl_graph *g, uint8_t **model, size_t *size, struct tl_error *e);

#endif
