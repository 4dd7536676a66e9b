/* The decoder family: a decoder-only transformer as an ONNX model, its inputs, and a reference engine for it.
 *
 * A config is one variant, checked. Everything else is a pure function of the config: the model's bytes, the
 * inputs, the outputs that are expected. docs/decoder.md says what every axis means. */
#ifndef TL_DECODER_H
#define TL_DECODER_H

#include "cases/dtype.h"
#include "cases/family.h"
#include "harness/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tl_decoder_attention { TL_DECODER_SDPA, TL_DECODER_GQA };
enum tl_decoder_begin_index {
    TL_DECODER_BEGIN_NONE,
    TL_DECODER_BEGIN_CONSTANT,
    TL_DECODER_BEGIN_SHAPE,
    TL_DECODER_BEGIN_TENSOR,
};
enum tl_decoder_kv_write { TL_DECODER_CONCAT, TL_DECODER_SCATTER, TL_DECODER_TENSOR_SCATTER };
enum tl_decoder_weights {
    TL_DECODER_FP32,
    TL_DECODER_FP16,
    TL_DECODER_INT8,
    TL_DECODER_INT4_BLOCK,
    TL_DECODER_INT4_CODEBOOK,
};
enum tl_decoder_rope { TL_DECODER_ROPE_NONE, TL_DECODER_ROPE_PRIMITIVES, TL_DECODER_ROPE_FUSED };

/* One variant: every axis, a string axis as the index of its value. */
struct tl_decoder_config {
    int64_t layers;
    int64_t attention;   /* enum tl_decoder_attention */
    int64_t begin_index; /* enum tl_decoder_begin_index */
    int64_t kv_write;    /* enum tl_decoder_kv_write */
    int64_t begin, begin_error;
    int64_t weights; /* enum tl_decoder_weights */
    int64_t block_size, accuracy_level;
    int64_t zero_points; /* 0 no, 1 yes */
    int64_t activation;  /* 0 fp32, 1 fp16 */
    int64_t shapes;      /* 0 static, 1 dynamic */
    int64_t query;       /* 0 static, 1 dynamic */
    int64_t seq, context, batch;
    int64_t hidden, heads, kv_heads, head_dim;
    int64_t full_every, window, full_head_dim, full_heads;
    int64_t masks; /* 0 one, 1 two */
    int64_t rope;  /* enum tl_decoder_rope */
    int64_t mlp;   /* 0 none, 1 silu */
    int64_t weight_seed, input_seed;
};

extern const struct tl_family tl_family_decoder;

/* Reads a variant: axes it leaves out are at their baseline, axes of others (a runner's, the case's own) are
 * passed over. Checks types and bounds only; returns -1 with *axis the name of the first bad one. */
int tl_decoder_config_read(const json_t *variant, struct tl_decoder_config *c, const char **axis);
/* NULL when the combination makes sense, else why not (a static string). */
const char *tl_decoder_constraint(const struct tl_decoder_config *c);
/* Both of the above. */
int tl_decoder_config_parse(const json_t *variant, struct tl_decoder_config *c, struct tl_error *e);

/* Quantities of the model. */
bool tl_decoder_is_full(const struct tl_decoder_config *c, int64_t layer);
int64_t tl_decoder_full_layers(const struct tl_decoder_config *c);
int64_t tl_decoder_first_full(const struct tl_decoder_config *c); /* -1 when no layer is a full one */
int64_t tl_decoder_heads(const struct tl_decoder_config *c, bool full);
int64_t tl_decoder_head_dim(const struct tl_decoder_config *c, bool full);
int64_t tl_decoder_past_length(const struct tl_decoder_config *c); /* rows of the KV cache that goes in */
int64_t
tl_decoder_present_length(const struct tl_decoder_config *c); /* rows of the KV cache that comes out */
/* Bytes of the attention scores, the largest intermediate of a layer of that kind: 0 when there is no such
 * layer. */
uint64_t tl_decoder_attention_bytes(const struct tl_decoder_config *c, bool full);
uint64_t tl_decoder_weight_bytes(const struct tl_decoder_config *c); /* of all matrices as they are stored */
uint64_t tl_decoder_input_bytes(const struct tl_decoder_config *c);
int64_t tl_decoder_opset(const struct tl_decoder_config *c); /* lowest that has every operator */

/* The model as a serialised ModelProto, the caller's to free. Fails when it would pass protobuf's 2 GiB. */
int tl_decoder_build(const struct tl_decoder_config *c, uint8_t **model, size_t *size, struct tl_error *e);

struct tl_decoder_tensor {
    char name[40];
    enum tl_dtype dtype; /* of the runtime's tensor */
    int rank;
    int64_t shape[4];
    size_t count; /* of elements */
    void *data;   /* an input: count elements of dtype; an output: count floats, whatever dtype is */
};
struct tl_decoder_tensors {
    size_t n;
    struct tl_decoder_tensor *list;
};
void tl_decoder_tensors_free(struct tl_decoder_tensors *t);

/* The inputs, in the order of the graph's. */
int tl_decoder_inputs(const struct tl_decoder_config *c, struct tl_decoder_tensors *inputs,
                      struct tl_error *e);
/* The list that a runner reads (docs/case-files.md, "inputs"), as JSON. Data is in the list itself, a long
 * run of one value as a fill. The reference is the caller's. */
json_t *tl_decoder_inputs_json(const struct tl_decoder_tensors *inputs);

/* NULL when the model has a right answer, else why not (a static string): the index that the runtime is
 * given, which begin_error has changed, lies outside the cache. */
const char *tl_decoder_no_answer(const struct tl_decoder_config *c);
/* What the model must answer, in the order of the graph's outputs. Fails with TL_ERROR_INPUT where there is
 * no right answer. */
int tl_decoder_reference(const struct tl_decoder_config *c, struct tl_decoder_tensors *outputs,
                         struct tl_error *e);
/* Largest difference of two tensors relative to the largest magnitude of the first; INFINITY when one of them
 * has a value that is not finite where the other has not the same. */
double tl_decoder_difference(const float *expected, const float *got, size_t count);

#endif
