/* The main graph of a variant as values, who makes and reads them, and what a node could hand on when it leaves. Only the
 * passes of a reduction include this. */
#ifndef TL_CAMPAIGN_REDUCE_GRAPH_H
#define TL_CAMPAIGN_REDUCE_GRAPH_H

#include "cases/onnx/graph_names.h"
#include "cases/onnx/graph_query.h"
#include "harness/campaign/reduce/parts.h"

struct tl_reduce_value {
    const char *name;
    size_t maker; /* place of a node, or TL_ONNX_NO_NAME: an input, or a tensor of the model */
    bool fixed;   /* it hangs on tensors of the model alone: sessions compute it when they are made */
    size_t n_readers;
    size_t *readers; /* places of nodes */
    char *type;      /* and shape, as recorded; NULL */
    char *content;   /* what tells equal values, as recorded; NULL */
};

struct tl_reduce_graph {
    struct tl_onnx_model *m;
    size_t n;                       /* nodes of the main graph, in the order in which they run */
    struct tl_onnx_node_facts *all; /* those in bodies, too */
    size_t n_all;
    const struct tl_onnx_node_facts **nodes;
    size_t n_values;
    struct tl_reduce_value *values; /* in the order in which they are made, then the inputs */
    struct tl_onnx_names places;    /* of values */
    /* For each value the one that is handed on in its place, or NULL: its node cannot leave in this way. */
    const struct tl_reduce_value **ways;
    bool
        typed; /* types and shapes are known; else the first operand that may be is tried, and the runtime judges */
};

int tl_reduce_graph_read(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                         struct tl_reduce_graph *g, struct tl_error *e);
void tl_reduce_graph_free(struct tl_reduce_graph *g);
/* Types, shapes and contents from what is recorded, and from these the ways. */
void tl_reduce_graph_learn(const struct tl_reduce_state *s, struct tl_reduce_graph *g, bool typed);
const struct tl_reduce_value *tl_reduce_graph_value(const struct tl_reduce_graph *g, const char *name);
/* Whether a node hands on, for all that is read of it, what holds the very same elements: nothing behind it sees that it left. */
bool tl_reduce_graph_neutral(const struct tl_reduce_graph *g, size_t node);
/* How likely each of n nodes is needed (likely.c), and what has the search take the least likely ones away first. */
void tl_reduce_likely(const struct tl_reduce_graph *g, const size_t *elements, size_t n, double *chances,
                      double *weights);
/* Other values of an earlier place that a node could hand on in the place of its output, most promising first; at most
 * `most`. How many. Those of another shape come last: where the readers take any, that fits. */
size_t tl_reduce_graph_others(const struct tl_reduce_graph *g, const struct tl_reduce_value *made,
                              const struct tl_reduce_value **others, size_t most);

#endif
