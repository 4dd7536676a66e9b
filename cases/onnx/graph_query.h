/* What is in a model: nodes in an order in which they can run, values and who makes and reads them, weights, operators. Lists
 * are the caller's, to be released with free or with the function that is named; texts in them are the model's. */
#ifndef TL_ONNX_GRAPH_QUERY_H
#define TL_ONNX_GRAPH_QUERY_H

#include "cases/dtype.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_onnx_model;
struct tl_onnx_index;
struct tl_error;

#define TL_ONNX_NOWHERE UINT32_MAX

struct tl_onnx_node_facts {
    uint32_t number; /* that edits name it by */
    uint32_t
        origin; /* the node of the original that it was copied from; its own number where it is that or new */
    uint32_t parent;                  /* the node in whose body it stands, or TL_ONNX_NOWHERE */
    const char *function;             /* that it stands in, or NULL */
    const char *name, *original_name; /* now, and in the original; "" */
    const char *op_type, *domain;     /* domain: "" for ONNX's own */
    size_t n_inputs, n_outputs, n_attributes, n_bodies;
    char *const *inputs, *const *outputs; /* "": left out */
};
/* All nodes: those of the main graph in their order, each followed by what is in its bodies; then those of functions. */
void tl_onnx_nodes(struct tl_onnx_model *m, struct tl_onnx_node_facts **nodes, size_t *n);
/* The one of them with a number, or NULL. */
const struct tl_onnx_node_facts *tl_onnx_node_numbered(const struct tl_onnx_node_facts *nodes, size_t n,
                                                       uint32_t number);
/* The names of a node's attributes, those that are bodies excepted. */
void tl_onnx_attributes(struct tl_onnx_model *m, uint32_t node, const char ***names, size_t *n);
/* The nodes of the main graph alone: what "prefix" counts. */
void tl_onnx_order(struct tl_onnx_model *m, uint32_t **numbers, size_t *n);
/* Those of the main graph, in that order, which some of its values need; a name that is none needs nothing. */
void tl_onnx_ancestors(struct tl_onnx_model *m, const char *const *names, size_t n_names, uint32_t **numbers,
                       size_t *n);
/* Those that read a value, in themselves or in a body. */
void tl_onnx_readers(struct tl_onnx_model *m, const char *name, uint32_t **numbers, size_t *n);
/* The same for all values at once: who reads what, each once, in the order of the nodes as they stand. */
struct tl_onnx_use {
    const char *name;
    uint32_t node;
};
void tl_onnx_uses(struct tl_onnx_model *m, struct tl_onnx_use **uses, size_t *n);
/* The one that makes it, or TL_ONNX_NOWHERE: an input, an initializer, or no value. */
uint32_t tl_onnx_maker(struct tl_onnx_model *m, const char *name);
/* The same of many values, with an index that is made once, for as long as the model is not changed. */
struct tl_onnx_index *tl_onnx_index_of(struct tl_onnx_model *m);
void tl_onnx_index_done(struct tl_onnx_index *x);
void tl_onnx_readers_in(const struct tl_onnx_model *m, const struct tl_onnx_index *x, const char *name,
                        uint32_t **numbers, size_t *n);
uint32_t tl_onnx_maker_in(const struct tl_onnx_model *m, const struct tl_onnx_index *x, const char *name);
/* Values of the main graph that the first nodes make and those behind read, or that are its outputs: what "prefix" exposes. What
 * a node Constant makes is none of them: it stands wherever it is read. */
void tl_onnx_live(struct tl_onnx_model *m, size_t place, const char ***names, size_t *n);
/* Values that the nodes from a place on need and do not make: what a model that begins there has to be given. Initializers and
 * nodes Constant come along. */
void tl_onnx_needed(struct tl_onnx_model *m, size_t place, const char ***names, size_t *n);
/* The names of the main graph's outputs, and of its inputs. */
void tl_onnx_outputs(struct tl_onnx_model *m, const char ***names, size_t *n);
void tl_onnx_inputs(struct tl_onnx_model *m, const char ***names, size_t *n);
/* How many values a Loop or Scan carries from one iteration to the next: so many of its last inputs but those that it goes
 * through, and of its first outputs. */
size_t tl_onnx_carried(struct tl_onnx_model *m, uint32_t node);

struct tl_onnx_weight {
    uint32_t number;  /* that edits name it by */
    uint32_t node;    /* in whose attribute it stands, or TL_ONNX_NOWHERE: an initializer */
    const char *name; /* of an initializer; else the node's first output */
    int type;         /* ONNX's number */
    size_t rank;
    const int64_t *dims;
    uint64_t elements, bytes; /* bytes: 0 where the type does not say */
    const char *location;     /* of the file beside the model, or NULL */
    uint64_t offset;
};
void tl_onnx_weights(struct tl_onnx_model *m, struct tl_onnx_weight **weights, size_t *n);
/* Some elements of a weight that stands beside the model, without the others; 1: it stands in it, or its elements have no bytes of
 * their own. */
int tl_onnx_weight_piece(struct tl_onnx_model *m, uint32_t number, const char *directory, uint64_t first,
                         uint64_t n, unsigned char *to, struct tl_error *e);
/* The bytes of a TensorProto that holds one of them, wherever it stood: the caller's. */
int tl_onnx_weight_read(struct tl_onnx_model *m, uint32_t number, const char *directory, uint8_t **bytes,
                        size_t *size, struct tl_error *e);

/* Numbers that stand in attributes, as those of trees and of linear models do. */
struct tl_onnx_float_list {
    uint32_t node;
    const char *name;
    size_t n;
    const float *values;
};
void tl_onnx_float_lists(struct tl_onnx_model *m, struct tl_onnx_float_list **lists, size_t *n);

/* The names of what holds sparse tensors, or tensors in a list: initializers, and the outputs of nodes with such attributes. They
 * have no numbers, and no edit changes them. */
void tl_onnx_unnumbered(struct tl_onnx_model *m, const char ***names, size_t *n);

/* {"DOMAIN": {"OPERATOR": COUNT}} over all bodies and functions, "ai.onnx" being ONNX's own; and {"DOMAIN": VERSION}. */
json_t *tl_onnx_operators(struct tl_onnx_model *m);
json_t *tl_onnx_opsets(struct tl_onnx_model *m);
int64_t tl_onnx_ir_version(const struct tl_onnx_model *m);

/* Every place that says a size, as an edit "dimension" has them (without "to"): dimensions of inputs and tensors, elements of
 * short lists of whole numbers, and attributes. Some of them may say the same by chance. */
json_t *tl_onnx_places_of_size(struct tl_onnx_model *m, int64_t size);

#endif
