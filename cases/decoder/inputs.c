/* The inputs of a decode call, as tensors and as the list that a runner reads. Their order is the graph's.
 * Random ones have a stream of their own each, so that none changes when another one is added or grows. */
#include "cases/decoder/internal.h"
#include "cases/half.h"
#include "harness/base/buffer.h"

#include <stdio.h>

/* Streams of random inputs. */
enum { STREAM_X, STREAM_KEY, STREAM_VALUE };

static void set_float(struct tl_decoder_tensor *t, size_t i, float x)
{
    if (t->dtype == TL_DTYPE_FLOAT16)
        ((uint16_t *)t->data)[i] = tl_half_from_float(x);
    else
        ((float *)t->data)[i] = x;
}

static struct tl_decoder_tensor *add(struct tl_decoder_tensors *list, const char *name, enum tl_dtype dtype,
                                     int rank, const int64_t *shape)
{
    return tl_decoder_tensor_add(list, name, dtype, tl_dtype_size(dtype), rank, shape);
}

static void add_random(struct tl_decoder_tensors *list, const char *name, const struct tl_decoder_config *c,
                       int64_t layer, int stream, int rank, const int64_t *shape)
{
    struct tl_decoder_tensor *t =
        add(list, name, c->activation ? TL_DTYPE_FLOAT16 : TL_DTYPE_FLOAT32, rank, shape);
    struct tl_decoder_random r = tl_decoder_random(c->input_seed, layer, stream);
    for (size_t i = 0; i < t->count; i++)
        set_float(t, i, tl_decoder_uniform(&r));
}

static void add_mask(struct tl_decoder_tensors *list, const char *name, const struct tl_decoder_config *c,
                     bool sliding)
{
    int64_t total = tl_decoder_present_length(c), shape[] = {c->batch, 1, c->seq, total};
    struct tl_decoder_tensor *t =
        add(list, name, c->activation ? TL_DTYPE_FLOAT16 : TL_DTYPE_FLOAT32, 4, shape);
    size_t i = 0;
    for (int64_t b = 0; b < c->batch; b++)
        for (int64_t s = 0; s < c->seq; s++)
            for (int64_t k = 0; k < total; k++) {
                int64_t behind = c->begin + s - k;
                bool seen = behind >= 0 && (!sliding || behind < c->window);
                set_float(t, i++, seen ? 0 : TL_DECODER_MASKED);
            }
}

static void add_integers(struct tl_decoder_tensors *list, const char *name, enum tl_dtype dtype,
                         int64_t count, int64_t value)
{
    struct tl_decoder_tensor *t = add(list, name, dtype, 1, &count);
    for (int64_t i = 0; i < count; i++)
        if (dtype == TL_DTYPE_INT32)
            ((int32_t *)t->data)[i] = (int32_t)value;
        else
            ((int64_t *)t->data)[i] = value;
}

int tl_decoder_inputs(const struct tl_decoder_config *c, struct tl_decoder_tensors *inputs,
                      struct tl_error *e)
{
    *inputs = (struct tl_decoder_tensors){0};
    const char *why = tl_decoder_constraint(c);
    if (why)
        return tl_fail(e, TL_ERROR_INPUT, "cannot make inputs for the decoder model", NULL, "%s", why);
    int64_t x[] = {c->batch, c->seq, c->hidden};
    add_random(inputs, "x", c, 0, STREAM_X, 3, x);
    if (tl_decoder_has_positions(c)) {
        struct tl_decoder_tensor *t = add(inputs, "position_ids", TL_DTYPE_INT64, 2, x);
        for (size_t i = 0; i < t->count; i++)
            ((int64_t *)t->data)[i] = c->begin + (int64_t)i % c->seq;
    }
    if (c->begin_index == TL_DECODER_BEGIN_TENSOR)
        add_integers(inputs, "begin", TL_DTYPE_INT64, 1, c->begin + c->begin_error);
    int64_t history = c->begin + c->begin_error;
    if (c->begin_index == TL_DECODER_BEGIN_SHAPE)
        add(inputs, "history", TL_DTYPE_UINT8, 1, &history);
    if (tl_decoder_has_seqlens(c))
        add_integers(inputs, "seqlens_k", TL_DTYPE_INT32, c->batch, tl_decoder_seqlens(c));
    if (tl_decoder_has_total(c))
        add_integers(inputs, "total_sequence_length", TL_DTYPE_INT32, 1, c->begin + c->seq);
    if (tl_decoder_has_mask(c))
        add_mask(inputs, "mask", c, false);
    if (tl_decoder_has_sliding_mask(c))
        add_mask(inputs, "mask_sliding", c, true);
    for (int64_t i = 0; i < c->layers; i++) {
        int64_t past[] = {c->batch, c->kv_heads, tl_decoder_past_length(c),
                          tl_decoder_head_dim(c, tl_decoder_is_full(c, i))};
        char name[40];
        snprintf(name, sizeof name, "past_key_%lld", (long long)i);
        add_random(inputs, name, c, i, STREAM_KEY, 4, past);
        snprintf(name, sizeof name, "past_value_%lld", (long long)i);
        add_random(inputs, name, c, i, STREAM_VALUE, 4, past);
    }
    return 0;
}

static json_t *element(const struct tl_decoder_tensor *t, size_t i)
{
    double v = tl_element_value(t->dtype, t->data, i); /* its integers are positions and lengths: exact */
    return tl_dtype_is_float(t->dtype) ? json_real(v) : json_integer((json_int_t)v);
}

static bool constant(const struct tl_decoder_tensor *t)
{
    size_t size = tl_dtype_size(t->dtype);
    return t->count > 1 && memcmp(t->data, (const char *)t->data + size, (t->count - 1) * size) == 0;
}

json_t *tl_decoder_inputs_json(const struct tl_decoder_tensors *inputs)
{
    json_t *list = json_array();
    for (size_t i = 0; i < inputs->n; i++) {
        const struct tl_decoder_tensor *t = &inputs->list[i];
        json_t *shape = json_array();
        for (int d = 0; d < t->rank; d++)
            json_array_append_new(shape, json_integer(t->shape[d]));
        json_t *input =
            json_pack("{s:s, s:s, s:o}", "name", t->name, "dtype", tl_dtype_name(t->dtype), "shape", shape);
        if (constant(t)) {
            json_object_set_new(input, "fill", json_pack("{s:o}", "constant", element(t, 0)));
        } else {
            json_t *data = json_array();
            for (size_t k = 0; k < t->count; k++)
                json_array_append_new(data, element(t, k));
            json_object_set_new(input, "data", data);
        }
        json_array_append_new(list, input);
    }
    return list;
}
