/* The model under construction, shared by model.c (the frame) and layers.c (what a layer is made of). */
#ifndef TL_DECODER_MODEL_H
#define TL_DECODER_MODEL_H

#include "cases/decoder/graph.h"
#include "cases/decoder/internal.h"

struct tl_model {
    struct tl_graph g;
    const struct tl_decoder_config *c;
    enum tl_dtype type;        /* of activations */
    const char *epsilon;       /* of the normalisations */
    const char *query_length;  /* int64[1]: tokens per call */
    const char *begin;         /* int64[1]: the index of the cache write; NULL for none */
    const char *indices;       /* of ScatterND: int64[batch, kv_heads, seq, 3] */
    const char *write_indices; /* of TensorScatter: int64[batch]; NULL for none */
    const char *seqlens;       /* of GroupQueryAttention: int32[batch] */
    const char *total;         /* of GroupQueryAttention: int32[1] */
    const char *scalar[4];     /* int64 0 to 3; NULL until one is needed */
    /* For each kind of layer, sliding and full: */
    const char *mask[2], *mask5[2]; /* as [batch, 1, seq, total], and with one more dimension before seq */
    const char *cos[2], *sin[2];    /* tables */
    const char *cos_rows[2], *sin_rows[2]; /* of this call: [batch, 1, seq, head_dim / 2] */
    const char *scale[2];
};

/* Dimensions of the graph's inputs and outputs, symbolic where the config says so. */
int64_t tl_model_past(const struct tl_model *m);
int64_t tl_model_query(const struct tl_model *m);
int64_t tl_model_total(const struct tl_model *m);
extern const char *const tl_model_symbols[];

/* One layer; returns its output, which is called `output`. */
const char *tl_model_layer(struct tl_model *m, int64_t layer, const char *x, const char *output);
/* As tl_graph_add, but the result is called `name` as it is. */
tl_graph_node *tl_model_add_output(struct tl_model *m, const char *domain, const char *op, const char *name,
                                   int n, const char *const *inputs);

#endif
