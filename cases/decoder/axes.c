/* The axes of the decoder family and the combinations of them that make no sense.
 *
 * An axis that does not concern a variant (the block size of weights that are not in blocks) has no effect
 * and is no mistake, so that a search can change one axis at a time. Only contradictions are refused. */
#include "cases/decoder/internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const attention_values[] = {"sdpa", "gqa", NULL};
static const char *const begin_index_values[] = {"none", "constant", "shape", "tensor", NULL};
static const char *const kv_write_values[] = {"concat", "scatter", "tensor_scatter", NULL};
static const char *const weights_values[] = {"fp32", "fp16", "int8", "int4_block", "int4_codebook", NULL};
static const char *const no_yes_values[] = {"no", "yes", NULL};
static const char *const activation_values[] = {"fp32", "fp16", NULL};
static const char *const static_dynamic_values[] = {"static", "dynamic", NULL};
static const char *const one_two_values[] = {"one", "two", NULL};
static const char *const rope_values[] = {"none", "primitives", "fused", NULL};
static const char *const mlp_values[] = {"none", "silu", NULL};

#define LONGEST (INT64_C(1) << 20) /* positions */

#define ROW(...)                                                                                             \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define INTEGER(name, least, most, baseline, about)                                                          \
    ROW(#name, TL_VALUE_INTEGER, least, most, NULL, baseline, about)
#define STRING(name, values, baseline, about) ROW(#name, TL_VALUE_STRING, 0, 0, values, baseline, about)

static const struct tl_family_axis axes[] = {
    INTEGER(layers, 1, 96, "1", "number of decoder layers"),
    STRING(attention, attention_values, "sdpa", "attention from primitives, or GroupQueryAttention"),
    STRING(begin_index, begin_index_values, "none", "where the index of the KV-cache write comes from"),
    STRING(kv_write, kv_write_values, "concat", "how new keys and values get into the cache"),
    INTEGER(begin, 0, LONGEST, "0", "position written, which is the number of tokens in the cache"),
    INTEGER(begin_error, 0, INT32_MAX, "0", "added to the index that the runtime is given"),
    STRING(weights, weights_values, "fp32", "encoding of the weight matrices"),
    INTEGER(block_size, 16, 256, "16", "weights that share a scale, for the int4 encodings; a power of two"),
    INTEGER(accuracy_level, 0, 4, "0", "least accuracy that MatMulNBits is asked for; 0: none in particular"),
    STRING(zero_points, no_yes_values, "no", "zero points for int8 and int4_block weights"),
    STRING(activation, activation_values, "fp32", "type of the activations and of the cache"),
    STRING(shapes, static_dynamic_values, "static", "whether the lengths of cache and mask are symbolic"),
    STRING(query, static_dynamic_values, "static", "whether the number of tokens per call is symbolic"),
    INTEGER(seq, 0, 65536, "1", "tokens per call"),
    INTEGER(context, 1, LONGEST, "32", "positions the cache has room for"),
    INTEGER(batch, 1, 64, "1", "sequences per call"),
    INTEGER(hidden, 1, 16384, "32", "width of the residual stream"),
    INTEGER(heads, 1, 256, "2", "query heads of a layer"),
    INTEGER(kv_heads, 1, 256, "1", "key and value heads of a layer"),
    INTEGER(head_dim, 1, 1024, "16", "width of a head"),
    INTEGER(full_every, 1, 96, "1", "every n-th layer attends to everything, the others to a window"),
    INTEGER(window, 1, LONGEST, "8", "positions that a sliding layer attends to"),
    INTEGER(full_head_dim, 0, 1024, "0", "head_dim of the full layers; 0: the same"),
    INTEGER(full_heads, 0, 256, "0", "heads of the full layers; 0: the same"),
    STRING(masks, one_two_values, "one", "one attention mask, or one for each kind of layer"),
    STRING(rope, rope_values, "none", "rotary position embedding"),
    STRING(mlp, mlp_values, "none", "feed-forward part of a layer"),
    INTEGER(weight_seed, 0, INT64_MAX, "1", "seed of the weights"),
    INTEGER(input_seed, 0, INT64_MAX, "1", "seed of the inputs"),
};

#define N_AXES (sizeof axes / sizeof axes[0])
#define FIELD(name) offsetof(struct tl_decoder_config, name)

/* The field of each axis, in the same order. */
static const size_t fields[] = {
    FIELD(layers),         FIELD(attention),   FIELD(begin_index),   FIELD(kv_write),
    FIELD(begin),          FIELD(begin_error), FIELD(weights),       FIELD(block_size),
    FIELD(accuracy_level), FIELD(zero_points), FIELD(activation),    FIELD(shapes),
    FIELD(query),          FIELD(seq),         FIELD(context),       FIELD(batch),
    FIELD(hidden),         FIELD(heads),       FIELD(kv_heads),      FIELD(head_dim),
    FIELD(full_every),     FIELD(window),      FIELD(full_head_dim), FIELD(full_heads),
    FIELD(masks),          FIELD(rope),        FIELD(mlp),           FIELD(weight_seed),
    FIELD(input_seed),
};
_Static_assert(sizeof fields / sizeof fields[0] == N_AXES, "one field for each axis");

static int string_index(const struct tl_family_axis *a, const char *text, int64_t *index)
{
    for (int64_t i = 0; a->values[i]; i++)
        if (strcmp(a->values[i], text) == 0) {
            *index = i;
            return 0;
        }
    return -1;
}

static int read_axis(const struct tl_family_axis *a, const json_t *value, int64_t *field)
{
    if (a->type == TL_VALUE_STRING) {
        const char *text = value ? json_string_value(value) : a->baseline;
        return text ? string_index(a, text, field) : -1;
    }
    if (!value) {
        *field = strtoll(a->baseline, NULL, 10);
        return 0;
    }
    if (!json_is_integer(value))
        return -1;
    *field = json_integer_value(value);
    return *field >= a->least && *field <= a->most ? 0 : -1;
}

int tl_decoder_config_read(const json_t *variant, struct tl_decoder_config *c, const char **axis)
{
    for (size_t i = 0; i < N_AXES; i++) {
        int64_t *field = (int64_t *)((char *)c + fields[i]);
        if (read_axis(&axes[i], json_object_get(variant, axes[i].name), field) != 0) {
            *axis = axes[i].name;
            return -1;
        }
    }
    return 0;
}

bool tl_decoder_is_full(const struct tl_decoder_config *c, int64_t layer)
{
    return (layer + 1) % c->full_every == 0;
}

int64_t tl_decoder_full_layers(const struct tl_decoder_config *c)
{
    return c->layers / c->full_every;
}

int64_t tl_decoder_first_full(const struct tl_decoder_config *c)
{
    return c->full_every <= c->layers ? c->full_every - 1 : -1;
}

int64_t tl_decoder_heads(const struct tl_decoder_config *c, bool full)
{
    return full && c->full_heads != 0 ? c->full_heads : c->heads;
}

int64_t tl_decoder_head_dim(const struct tl_decoder_config *c, bool full)
{
    return full && c->full_head_dim != 0 ? c->full_head_dim : c->head_dim;
}

int64_t tl_decoder_past_length(const struct tl_decoder_config *c)
{
    bool exact = c->kv_write == TL_DECODER_CONCAT &&
                 (c->attention == TL_DECODER_GQA || c->begin_index == TL_DECODER_BEGIN_NONE);
    return exact ? c->begin : c->context;
}

int64_t tl_decoder_present_length(const struct tl_decoder_config *c)
{
    return c->kv_write == TL_DECODER_CONCAT ? c->begin + c->seq : c->context;
}

static int64_t layers_of(const struct tl_decoder_config *c, bool full)
{
    int64_t n = tl_decoder_full_layers(c);
    return full ? n : c->layers - n;
}

static uint64_t activation_size(const struct tl_decoder_config *c)
{
    return c->activation ? 2 : 4;
}

uint64_t tl_decoder_attention_bytes(const struct tl_decoder_config *c, bool full)
{
    if (layers_of(c, full) == 0)
        return 0;
    return (uint64_t)c->batch * (uint64_t)tl_decoder_heads(c, full) * (uint64_t)c->seq *
           (uint64_t)tl_decoder_present_length(c) * activation_size(c);
}

int tl_decoder_matrices(const struct tl_decoder_config *c)
{
    return c->mlp ? TL_DECODER_MATRICES : TL_DECODER_WO + 1;
}

void tl_decoder_matrix_size(const struct tl_decoder_config *c, bool full, enum tl_decoder_matrix m,
                            int64_t *k, int64_t *n)
{
    int64_t query = tl_decoder_heads(c, full) * tl_decoder_head_dim(c, full);
    int64_t key = c->kv_heads * tl_decoder_head_dim(c, full);
    *k = m == TL_DECODER_WO ? query : m == TL_DECODER_WDOWN ? 2 * c->hidden : c->hidden;
    *n = c->hidden;
    if (m == TL_DECODER_WQ)
        *n = query;
    else if (m == TL_DECODER_WK || m == TL_DECODER_WV)
        *n = key;
    else if (m == TL_DECODER_WGATE || m == TL_DECODER_WUP)
        *n = 2 * c->hidden;
}

static uint64_t matrix_bytes(const struct tl_decoder_config *c, uint64_t k, uint64_t n)
{
    uint64_t blocks = (k + (uint64_t)c->block_size - 1) / (uint64_t)c->block_size; /* of a column */
    switch (c->weights) {
    case TL_DECODER_FP32:
        return 4 * k * n;
    case TL_DECODER_FP16:
        return 2 * k * n;
    case TL_DECODER_INT8:
        return k * n + 4 * k + (c->zero_points ? k : 0);
    case TL_DECODER_INT4_BLOCK:
        return n * (blocks * (uint64_t)c->block_size / 2 + blocks * activation_size(c) +
                    (c->zero_points ? (blocks + 1) / 2 : 0));
    default:
        return (k * n + 1) / 2 + (k * n / (uint64_t)c->block_size + 1) * activation_size(c);
    }
}

uint64_t tl_decoder_weight_bytes(const struct tl_decoder_config *c)
{
    uint64_t bytes = 0;
    for (int full = 0; full < 2; full++) {
        uint64_t layers = (uint64_t)layers_of(c, full);
        for (int m = 0; m < tl_decoder_matrices(c); m++) {
            int64_t k, n;
            tl_decoder_matrix_size(c, full, m, &k, &n);
            bytes += layers * matrix_bytes(c, (uint64_t)k, (uint64_t)n);
        }
        bytes += layers * 2 * (uint64_t)c->hidden * activation_size(c);
        if (c->rope && layers > 0) /* tables of cosines and sines, shared by the layers of a kind */
            bytes += (uint64_t)c->context * (uint64_t)tl_decoder_head_dim(c, full) * activation_size(c);
    }
    return bytes;
}

uint64_t tl_decoder_input_bytes(const struct tl_decoder_config *c)
{
    uint64_t rows = (uint64_t)c->batch * (uint64_t)c->kv_heads * (uint64_t)tl_decoder_past_length(c);
    uint64_t values = 0;
    for (int full = 0; full < 2; full++)
        values += (uint64_t)layers_of(c, full) * 2 * rows * (uint64_t)tl_decoder_head_dim(c, full);
    values += (uint64_t)c->batch * (uint64_t)c->seq * (uint64_t)c->hidden;
    if (c->attention == TL_DECODER_SDPA)
        values += 2 * (uint64_t)c->batch * (uint64_t)c->seq * (uint64_t)tl_decoder_present_length(c);
    return values * activation_size(c) +
           (c->begin_index == TL_DECODER_BEGIN_SHAPE ? (uint64_t)(c->begin + c->begin_error) : 0);
}

int64_t tl_decoder_opset(const struct tl_decoder_config *c)
{
    return c->kv_write == TL_DECODER_TENSOR_SCATTER ? 24 : 13;
}

static const char *head_constraint(const struct tl_decoder_config *c, int64_t heads, int64_t head_dim)
{
    if (heads % c->kv_heads != 0)
        return "heads (and full_heads) must be a multiple of kv_heads";
    if (c->rope != TL_DECODER_ROPE_NONE && head_dim % 2 != 0)
        return "rotary embedding needs an even head_dim (and full_head_dim)";
    if (c->attention != TL_DECODER_GQA)
        return NULL;
    if (head_dim % 8 != 0)
        return "GroupQueryAttention needs a head_dim (and full_head_dim) divisible by 8";
    if (c->rope == TL_DECODER_ROPE_FUSED && head_dim % 16 != 0)
        return "GroupQueryAttention with its own rotary embedding needs a head_dim (and full_head_dim) "
               "divisible by 16";
    return NULL;
}

static const char *gqa_constraint(const struct tl_decoder_config *c)
{
    if (c->kv_write == TL_DECODER_TENSOR_SCATTER)
        return "GroupQueryAttention writes the cache itself: kv_write must be concat (the cache grows) or "
               "scatter (it "
               "has room)";
    if (c->seq == 0)
        return "GroupQueryAttention needs at least one token";
    if (c->seq > 1 && c->begin > 0 && c->batch > 1)
        return "GroupQueryAttention continues a prompt only for batch 1";
    if (c->begin + c->seq - 1 + c->begin_error > INT32_MAX)
        return "the index given to GroupQueryAttention must fit 32 bits: begin + begin_error + seq is too "
               "large";
    return NULL;
}

/* Larger models have no serialised form (protobuf's limit), larger inputs no use. */
#define MODEL_MOST (((uint64_t)1 << 31) - (1u << 24)) /* less room for the nodes */
#define INPUT_MOST ((uint64_t)1 << 32)

const char *tl_decoder_constraint(const struct tl_decoder_config *c)
{
    if ((c->block_size & (c->block_size - 1)) != 0)
        return "block_size must be a power of two";
    if (c->begin + c->seq > c->context)
        return "begin + seq must not be larger than context";
    if (c->begin_index == TL_DECODER_BEGIN_NONE && c->kv_write != TL_DECODER_CONCAT && c->begin > 0 &&
        c->attention == TL_DECODER_SDPA)
        return "without an index, scatter and tensor_scatter write at 0: begin must be 0";
    const char *why = NULL;
    for (int full = 0; full < 2 && !why; full++)
        if (layers_of(c, full) > 0)
            why = head_constraint(c, tl_decoder_heads(c, full), tl_decoder_head_dim(c, full));
    if (!why && c->attention == TL_DECODER_GQA)
        why = gqa_constraint(c);
    if (why)
        return why;
    if (tl_decoder_weight_bytes(c) > MODEL_MOST)
        return "the model would be larger than 2 GiB, which ONNX cannot hold in one file";
    if (tl_decoder_input_bytes(c) > INPUT_MOST)
        return "the inputs would be larger than 4 GiB";
    return NULL;
}

static const char *constraint(const json_t *variant)
{
    struct tl_decoder_config c;
    const char *axis;
    if (tl_decoder_config_read(variant, &c, &axis) != 0)
        return "an axis of the decoder family has a value that it does not know";
    return tl_decoder_constraint(&c);
}

/* What the names of values do not say by themselves. */
static const struct tl_family_value values[] = {
    {"begin_index", "none", "no index: new entries go to the end of the cache, or to 0"},
    {"begin_index", "constant", "an index that is a constant of the model"},
    {"begin_index", "shape", "an index that is computed from the shape of an input"},
    {"begin_index", "tensor", "an index that is an input of the model, known when it runs"},
    {"kv_write", "concat", "Concat of the cache and the new entries: it grows with every call"},
    {"kv_write", "scatter", "ScatterND into a cache that has room for all positions"},
    {"kv_write", "tensor_scatter", "ONNX's TensorScatter into a cache that has room for all positions"},
    {"weights", "int4_block", "MatMulNBits: 4 bits each, with a scale for every block of weights"},
    {"weights", "int4_codebook", "MatMulBnb4: 4 bits each, which are places in NF4's table of 16 values"},
    {"rope", "primitives", "rotary position embedding by Mul, Add and Concat"},
    {"rope", "fused", "rotary position embedding as one operator of com.microsoft"},
};

const struct tl_family tl_family_decoder = {
    .name = "decoder",
    .about = "a decoder-only transformer as an ONNX model",
    .axes = axes,
    .n_axes = N_AXES,
    .values = values,
    .n_values = sizeof values / sizeof values[0],
    .constraint = constraint,
};
