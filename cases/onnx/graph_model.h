/* Inside of the editing of models: a model that was unpacked, and how its messages are made, copied and found.
 *
 * The messages are protobuf-c's own structures. All of them, and every text and list in them, lie in the memory of the model
 * and are released with it alone, so that an edit may put one message in two places and leave what it no longer needs. A list
 * that an edit changes is made anew in that memory or is shortened in place.
 *
 * Nodes and tensors have numbers, which edits name them by: names are optional for nodes, and may occur twice. Each is the
 * first part of a larger structure, which holds the number; reading makes them so, and tl_onnx_new_node does. A tensor that
 * stands in a sparse one or in a list of an attribute has none. */
#ifndef TL_ONNX_GRAPH_MODEL_H
#define TL_ONNX_GRAPH_MODEL_H

#include "cases/arena.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/hash.h"
#include "onnx.pb-c.h"

#include <stdbool.h>

typedef Onnx__NodeProto tl_onnx_node_pb;
typedef Onnx__GraphProto tl_onnx_graph_pb;
typedef Onnx__TensorProto tl_onnx_tensor_pb;
typedef Onnx__AttributeProto tl_onnx_attribute_pb;
typedef Onnx__ValueInfoProto tl_onnx_value_pb;
typedef Onnx__FunctionProto tl_onnx_function_pb;

struct tl_onnx_node_part {
    tl_onnx_node_pb pb;
    uint32_t number, origin; /* origin: of the node that it was copied from; the same where it was not */
    const char *name;        /* that it had when the model was read; "" */
};
struct tl_onnx_tensor_part {
    tl_onnx_tensor_pb pb;
    uint32_t number;
};

struct tl_onnx_block {
    struct tl_onnx_block *next;
    _Alignas(16) unsigned char bytes[];
};

/* Where the nodes of a graph or of a function are, which are edited in the same way. */
struct tl_onnx_body {
    tl_onnx_graph_pb *graph;       /* NULL: of a function */
    tl_onnx_function_pb *function; /* NULL: of a graph */
    size_t *n;
    tl_onnx_node_pb ***nodes;
};

struct tl_onnx_model {
    Onnx__ModelProto *pb;
    struct tl_arena *arena;
    struct tl_onnx_block *blocks; /* what is too large for the arena */
    char hash[TL_SHA256_SIZE];
    char *name; /* of the file, for messages */
    uint32_t n_nodes, n_tensors;
    bool
        keeps_unread; /* nodes in bodies whose results nobody reads stay; those of the main graph are outputs */
    struct tl_onnx_data_part *parts; /* of the file beside the model (graph_part.h) */
    size_t n_parts;
    uint64_t part_bytes;
    char *part_location;
    bool (*over)(void *arg); /* nobody waits for that file any more; NULL */
    void *of_over;
};

/* Without any messages yet; to be released with tl_onnx_model_free. */
struct tl_onnx_model *tl_onnx_model_new(const char *name);

/* Zeroed memory of the model. A large piece may be NULL. */
void *tl_onnx_alloc(struct tl_onnx_model *m, size_t n, size_t size);
char *tl_onnx_text(struct tl_onnx_model *m, const char *s); /* a copy; NULL gives NULL */
char *tl_onnx_text_format(struct tl_onnx_model *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

uint32_t tl_onnx_node_number(const tl_onnx_node_pb *n);
uint32_t tl_onnx_tensor_number(const tl_onnx_tensor_pb *t);

/* A node with a new number. Its lists may be changed in place. */
tl_onnx_node_pb *tl_onnx_new_node(struct tl_onnx_model *m, const char *domain, const char *op,
                                  size_t n_inputs, size_t n_outputs);
tl_onnx_attribute_pb *tl_onnx_new_attribute(struct tl_onnx_model *m, tl_onnx_node_pb *n, const char *name,
                                            int type);
void tl_onnx_set_int(struct tl_onnx_model *m, tl_onnx_node_pb *n, const char *name, int64_t value);
void tl_onnx_set_ints(struct tl_onnx_model *m, tl_onnx_node_pb *n, const char *name, size_t count,
                      const int64_t *values);
tl_onnx_tensor_pb *tl_onnx_new_tensor(struct tl_onnx_model *m, const char *name);
/* Of one dimension, or of none where n is 0: then a scalar of the first value. */
tl_onnx_tensor_pb *tl_onnx_integers(struct tl_onnx_model *m, const char *name, size_t n,
                                    const int64_t *values);
tl_onnx_value_pb *tl_onnx_new_value(struct tl_onnx_model *m, const char *name);

/* A copy of a node and of its bodies, whose nodes and tensors get new numbers. */
tl_onnx_node_pb *tl_onnx_copy_node(struct tl_onnx_model *m, const tl_onnx_node_pb *n);
tl_onnx_attribute_pb *tl_onnx_copy_attribute(struct tl_onnx_model *m, const tl_onnx_attribute_pb *a);

tl_onnx_attribute_pb *tl_onnx_attribute(const tl_onnx_node_pb *n, const char *name); /* NULL: it has none */
int64_t tl_onnx_int(const tl_onnx_node_pb *n, const char *name, int64_t absent);
bool tl_onnx_is(const tl_onnx_node_pb *n, const char *op); /* an operator of ONNX itself */
bool tl_onnx_standard_domain(const char *domain);
Onnx__OperatorSetIdProto *tl_onnx_import_of(const struct tl_onnx_model *m,
                                            const char *domain);          /* NULL: none */
int64_t tl_onnx_opset(const struct tl_onnx_model *m, const char *domain); /* 0: it imports none */

/* The bodies of a node: each graph in its attributes. NULL at the end; *at is 0 at first. */
tl_onnx_graph_pb *tl_onnx_next_body(const tl_onnx_node_pb *n, size_t *at);

struct tl_onnx_body tl_onnx_body_of_graph(tl_onnx_graph_pb *g);
struct tl_onnx_body tl_onnx_body_of_function(tl_onnx_function_pb *f);

/* Calls for each graph and function of a model, outer ones before what is in them. Stops where it answers other than 0, and
 * returns that. */
typedef int (*tl_onnx_visit)(void *arg, struct tl_onnx_body body);
int tl_onnx_each_below(struct tl_onnx_body body, tl_onnx_visit visit,
                       void *arg); /* this one, and those in it */
int tl_onnx_each_body(struct tl_onnx_model *m, tl_onnx_visit visit, void *arg);

/* Where a node stands; false: there is no node of this number (any more). */
bool tl_onnx_find_node(struct tl_onnx_model *m, uint32_t number, struct tl_onnx_body *body, size_t *at);

/* Where tensors with numbers are: initializers, and what attributes hold one by one. */
typedef int (*tl_onnx_visit_tensor)(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node,
                                    tl_onnx_tensor_pb *t);
int tl_onnx_each_tensor(struct tl_onnx_model *m, tl_onnx_visit_tensor visit, void *arg);

/* Puts nodes into a list in front of `at`, in the place of `replaced` nodes that stand there. */
void tl_onnx_insert(struct tl_onnx_model *m, struct tl_onnx_body body, size_t at, size_t replaced, size_t n,
                    tl_onnx_node_pb *const *nodes);
void tl_onnx_add_initializer(struct tl_onnx_model *m, tl_onnx_graph_pb *g, tl_onnx_tensor_pb *t);

/* One more pointer at the end of a list of the model: *TL_ONNX_ADD(m, g->n_input, g->input) = value. */
#define TL_ONNX_ADD(m, n, list)                                                                              \
    ((list) = tl_onnx_longer(m, (void *const *)(list), n, 1), (n)++, &(list)[(n)-1])
void *tl_onnx_longer(struct tl_onnx_model *m, void *const *list, size_t n, size_t more);

#endif
