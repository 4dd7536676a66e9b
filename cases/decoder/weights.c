/* The values of the weights, and their encodings.
 *
 * Every matrix starts as the same fp32 values, uniform with variance 1/k, whatever its encoding. An encoding
 * is what the operator defines, byte for byte:
 *
 *   int8            DequantizeLinear: one scale (and zero point) for each row, data k x n. Not for each
 *                   column: newer builds of ONNX Runtime replace that form, at high optimisation levels, by
 *                   a kernel that rounds the activations to 8 bits as well, so that there would be two right
 *                   answers.
 *   int4_block      MatMulNBits: column after column, in blocks along k, the low nibble first. The last
 *                   block of a column is filled up. A value is (q - zero) * scale, zero being 8 unless
 *                   packed zero points say otherwise.
 *   int4_codebook   MatMulBnb4 with NF4: columns one after the other, the high nibble first; blocks run on
 *                   across columns. A value is nf4[q] * scale. */
#include "cases/decoder/internal.h"
#include "cases/half.h"
#include "harness/base/buffer.h"

#include <math.h>
#include <stdlib.h>

static const float nf4[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

/* SplitMix64. */
static uint64_t next(struct tl_decoder_random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

struct tl_decoder_random tl_decoder_random(int64_t seed, int64_t layer, int stream)
{
    struct tl_decoder_random r = {(uint64_t)seed};
    r.state = next(&r) ^ ((uint64_t)layer << 8 | (uint64_t)stream);
    r.state = next(&r);
    return r;
}

float tl_decoder_uniform(struct tl_decoder_random *r)
{
    return (float)(int64_t)(next(r) >> 40) * 0x1p-23f - 1.0f;
}

float tl_decoder_round(const struct tl_decoder_config *c, float x)
{
    return c->activation ? tl_half_to_float(tl_half_from_float(x)) : x;
}

static float *matrix_values(const struct tl_decoder_config *c, int64_t layer, enum tl_decoder_matrix m,
                            int64_t k, int64_t n)
{
    float *w = tl_realloc(NULL, (size_t)(k * n), sizeof *w);
    float scale = sqrtf(3.0f / (float)k);
    if (m == TL_DECODER_WO || m == TL_DECODER_WDOWN)
        scale /= sqrtf(2.0f * (float)c->layers);
    struct tl_decoder_random r = tl_decoder_random(c->weight_seed, layer, m);
    for (int64_t i = 0; i < k * n; i++)
        w[i] = tl_decoder_uniform(&r) * scale;
    return w;
}

static int clamp(float x, int least, int most)
{
    float r = nearbyintf(x);
    return r < (float)least ? least : r > (float)most ? most : (int)r;
}

/* Least and largest of count values that lie step apart, 0 included. */
static void extent(const float *w, int64_t count, int64_t step, float *least, float *most)
{
    *least = *most = 0;
    for (int64_t i = 0; i < count; i++) {
        float x = w[i * step];
        *least = x < *least ? x : *least;
        *most = x > *most ? x : *most;
    }
}

static void store_float(const float *w, bool half, struct tl_decoder_stored *s)
{
    size_t count = (size_t)(s->k * s->n);
    s->dtype = half ? TL_DTYPE_FLOAT16 : TL_DTYPE_FLOAT32;
    s->data_size = count * (half ? 2 : 4);
    s->data = tl_malloc(s->data_size);
    if (!half) {
        memcpy(s->data, w, s->data_size);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t h = tl_half_from_float(w[i]);
        memcpy(s->data + 2 * i, &h, 2);
    }
}

static void store_int8(const struct tl_decoder_config *c, const float *w, struct tl_decoder_stored *s)
{
    s->dtype = TL_DTYPE_INT8;
    s->data_size = (size_t)(s->k * s->n);
    s->data = tl_malloc(s->data_size);
    s->n_scales = (size_t)s->k;
    s->scales = tl_calloc(s->n_scales, sizeof *s->scales);
    if (c->zero_points) {
        s->n_zero_points = (size_t)s->k;
        s->zero_points = tl_calloc(s->n_zero_points, 1);
    }
    for (int64_t i = 0; i < s->k; i++) {
        float least, most;
        extent(w + i * s->n, s->n, 1, &least, &most);
        float scale = c->zero_points ? (most - least) / 255 : fmaxf(-least, most) / 127;
        scale = scale > 0 ? scale : 1;
        int zero = c->zero_points ? clamp(-128 - least / scale, -128, 127) : 0;
        s->scales[i] = scale;
        if (c->zero_points)
            s->zero_points[i] = (uint8_t)zero;
        for (int64_t j = i * s->n; j < (i + 1) * s->n; j++)
            s->data[j] = (uint8_t)clamp(w[j] / scale + (float)zero, -128, 127);
    }
}

static void set_nibble(uint8_t *data, int64_t index, bool high_first, int value)
{
    data[index / 2] |= (uint8_t)(value << (((index & 1) != 0) != high_first ? 4 : 0));
}

static int get_nibble(const uint8_t *data, int64_t index, bool high_first)
{
    return data[index / 2] >> (((index & 1) != 0) != high_first ? 4 : 0) & 15;
}

static void store_block(const struct tl_decoder_config *c, const float *w, struct tl_decoder_stored *s)
{
    int64_t size = c->block_size, blocks = (s->k + size - 1) / size, zero_row = (blocks + 1) / 2;
    s->dtype = TL_DTYPE_UINT8;
    s->data_size = (size_t)(s->n * blocks * size / 2);
    s->data = tl_calloc(s->data_size, 1);
    s->n_scales = (size_t)(s->n * blocks);
    s->scales = tl_calloc(s->n_scales, sizeof *s->scales);
    if (c->zero_points) {
        s->n_zero_points = (size_t)(s->n * zero_row);
        s->zero_points = tl_calloc(s->n_zero_points, 1);
    }
    for (int64_t j = 0; j < s->n; j++)
        for (int64_t b = 0; b < blocks; b++) {
            int64_t first = b * size, count = s->k - first < size ? s->k - first : size;
            float least, most;
            extent(w + first * s->n + j, count, s->n, &least, &most);
            /* Without zero points the end of larger magnitude becomes -8, the one value that has no
             * counterpart. */
            float scale = c->zero_points ? (most - least) / 15 : (most > -least ? most : least) / -8;
            scale = tl_decoder_round(c, scale);
            scale = scale != 0 ? scale : 1;
            int zero = c->zero_points ? clamp(-least / scale, 0, 15) : 8;
            s->scales[j * blocks + b] = scale;
            if (c->zero_points)
                set_nibble(s->zero_points + j * zero_row, b, false, zero);
            for (int64_t i = 0; i < size; i++) {
                float x = i < count ? w[(first + i) * s->n + j] : 0;
                set_nibble(s->data, (j * blocks + b) * size + i, false,
                           clamp(x / scale + (float)zero, 0, 15));
            }
        }
}

static int nearest_nf4(float x)
{
    int q = 0;
    for (int step = 8; step > 0; step /= 2)
        if (x > (nf4[q + step - 1] + nf4[q + step]) / 2)
            q += step;
    return q;
}

static void store_codebook(const struct tl_decoder_config *c, const float *w, struct tl_decoder_stored *s)
{
    int64_t count = s->k * s->n, size = c->block_size, blocks = (count + size - 1) / size, at = 0;
    s->dtype = TL_DTYPE_UINT8;
    s->data_size = (size_t)((count + 1) / 2);
    s->data = tl_calloc(s->data_size, 1);
    s->n_scales = (size_t)blocks;
    s->scales = tl_calloc(s->n_scales, sizeof *s->scales);
    for (int64_t j = 0; j < s->n; j++)
        for (int64_t i = 0; i < s->k; i++, at++)
            s->scales[at / size] = fmaxf(s->scales[at / size], fabsf(w[i * s->n + j]));
    for (int64_t b = 0; b < blocks; b++)
        s->scales[b] = tl_decoder_round(c, s->scales[b]);
    at = 0;
    for (int64_t j = 0; j < s->n; j++)
        for (int64_t i = 0; i < s->k; i++, at++) {
            float scale = s->scales[at / size];
            set_nibble(s->data, at, true, nearest_nf4(scale > 0 ? w[i * s->n + j] / scale : 0));
        }
}

void tl_decoder_store(const struct tl_decoder_config *c, int64_t layer, enum tl_decoder_matrix m,
                      struct tl_decoder_stored *s)
{
    *s = (struct tl_decoder_stored){0};
    tl_decoder_matrix_size(c, tl_decoder_is_full(c, layer), m, &s->k, &s->n);
    float *w = matrix_values(c, layer, m, s->k, s->n);
    if (c->weights == TL_DECODER_INT8)
        store_int8(c, w, s);
    else if (c->weights == TL_DECODER_INT4_BLOCK)
        store_block(c, w, s);
    else if (c->weights == TL_DECODER_INT4_CODEBOOK)
        store_codebook(c, w, s);
    else
        store_float(w, c->weights == TL_DECODER_FP16, s);
    free(w);
}

void tl_decoder_stored_free(struct tl_decoder_stored *s)
{
    free(s->data);
    free(s->scales);
    free(s->zero_points);
    *s = (struct tl_decoder_stored){0};
}

static float stored_value(const struct tl_decoder_config *c, const struct tl_decoder_stored *s, int64_t i,
                          int64_t j)
{
    int64_t at = i * s->n + j;
    if (c->weights == TL_DECODER_INT8) {
        int zero = s->zero_points ? (int8_t)s->zero_points[i] : 0;
        return (float)((int8_t)s->data[at] - zero) * s->scales[i];
    }
    if (c->weights == TL_DECODER_INT4_BLOCK) {
        int64_t size = c->block_size, blocks = (s->k + size - 1) / size, b = i / size;
        int zero = s->zero_points ? get_nibble(s->zero_points + j * ((blocks + 1) / 2), b, false) : 8;
        int q = get_nibble(s->data, (j * blocks + b) * size + i % size, false);
        return (float)(q - zero) * s->scales[j * blocks + b];
    }
    if (c->weights == TL_DECODER_INT4_CODEBOOK) {
        at = j * s->k + i;
        return nf4[get_nibble(s->data, at, true)] * s->scales[at / c->block_size];
    }
    if (c->weights == TL_DECODER_FP16) {
        uint16_t h;
        memcpy(&h, s->data + 2 * at, 2);
        return tl_half_to_float(h);
    }
    float f;
    memcpy(&f, s->data + 4 * at, 4);
    return f;
}

float *tl_decoder_stored_values(const struct tl_decoder_config *c, const struct tl_decoder_stored *s)
{
    float *w = tl_realloc(NULL, (size_t)(s->k * s->n), sizeof *w);
    /* What the graph casts to the activations' type is rounded; what the int4 operators hold inside is not.
     */
    bool cast = c->weights == TL_DECODER_FP32;
    for (int64_t i = 0; i < s->k; i++)
        for (int64_t j = 0; j < s->n; j++) {
            float x = stored_value(c, s, i, j);
            w[i * s->n + j] = cast ? tl_decoder_round(c, x) : x;
        }
    return w;
}

float *tl_decoder_norm_weights(const struct tl_decoder_config *c, int64_t layer, int which)
{
    float *w = tl_calloc((size_t)c->hidden, sizeof *w);
    struct tl_decoder_random r = tl_decoder_random(c->weight_seed, layer, TL_DECODER_MATRICES + which);
    for (int64_t i = 0; i < c->hidden; i++)
        w[i] = tl_decoder_round(c, 1 + 0.125f * tl_decoder_uniform(&r));
    return w;
}

float *tl_decoder_rope_table(const struct tl_decoder_config *c, bool full, bool sine)
{
    int64_t half = tl_decoder_head_dim(c, full) / 2;
    float *table = tl_calloc((size_t)(c->context * half), sizeof *table);
    for (int64_t position = 0; position < c->context; position++)
        for (int64_t i = 0; i < half; i++) {
            double angle = (double)position * pow(10000, -(double)i / (double)half);
            table[position * half + i] = tl_decoder_round(c, (float)(sine ? sin(angle) : cos(angle)));
        }
    return table;
}
