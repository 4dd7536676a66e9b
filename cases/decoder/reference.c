/* The reference engine: the same model in plain C, sums in double.
 *
 * With fp32 activations nothing is rounded between the operators; with fp16 a value is rounded where the
 * graph's tensors are fp16. It works on the weights as they are stored, so that an encoding costs no
 * accuracy.
 *
 * What the cache write does with an index that begin_error has made wrong is the operator's own, and is done
 * here as well:
 *
 *   sdpa, scatter   rows begin + begin_error .. + seq are replaced
 *   sdpa, concat    what comes before the index is kept
 *                   In both, masks and positions go by begin alone, as they do in the graph.
 *   gqa             The first call (begin 0) looks at no cache. A later one takes the rows before the index
 *                   from the cache, and the rows behind those it wrote are 0. */
#include "cases/decoder/internal.h"
#include "cases/half.h"
#include "harness/base/buffer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct engine {
    const struct tl_decoder_config *c;
    int64_t rows;    /* batch * seq */
    int64_t written; /* the row of the cache that the first new row goes to */
    int64_t past, present;
    double *x;           /* rows * hidden */
    float *tables[2][2]; /* [full][sine] */
};

static double rounded(const struct engine *r, double x)
{
    return r->c->activation ? (double)tl_half_to_float(tl_half_from_float((float)x)) : x;
}

static double *new_doubles(int64_t n)
{
    return tl_calloc(n > 0 ? (size_t)n : 1, sizeof(double));
}

/* What accuracy_level 4 allows: each block of a row as 8-bit integers with one scale. */
static void quantise_row(const struct tl_decoder_config *c, double *row, int64_t k)
{
    for (int64_t first = 0; first < k; first += c->block_size) {
        int64_t last = first + c->block_size < k ? first + c->block_size : k;
        float most = 0;
        for (int64_t i = first; i < last; i++)
            most = fmaxf(most, fabsf((float)row[i]));
        float scale = most / 127, inverse = most > 0 ? 127 / most : 0;
        for (int64_t i = first; i < last; i++)
            row[i] = (double)nearbyintf((float)row[i] * inverse) * (double)scale;
    }
}

/* rows * k times k * n; the caller's to free. */
static double *linear(const struct engine *r, int64_t layer, enum tl_decoder_matrix m, const double *x)
{
    bool block = r->c->weights == TL_DECODER_INT4_BLOCK, native = block && m <= TL_DECODER_WO;
    bool moved = m == TL_DECODER_WQ || m == TL_DECODER_WK || m == TL_DECODER_WV;
    struct tl_decoder_stored s;
    tl_decoder_store(r->c, layer, m, &s);
    float *w = tl_decoder_stored_values(r->c, &s);
    int64_t k = s.k, n = s.n;
    tl_decoder_stored_free(&s);
    double *out = new_doubles(r->rows * n), *row = new_doubles(k);
    for (int64_t i = 0; i < r->rows; i++) {
        memcpy(row, x + i * k, (size_t)k * sizeof *row);
        for (int64_t a = 0; native && a < k; a++)
            row[a] = rounded(r, row[a]);
        if (block && r->c->accuracy_level == 4)
            quantise_row(r->c, row, k);
        for (int64_t a = 0; a < k; a++)
            for (int64_t b = 0; b < n; b++)
                out[i * n + b] += row[a] * (double)w[a * n + b];
    }
    for (int64_t i = 0; (native || moved) && i < r->rows * n; i++)
        out[i] = rounded(r, out[i]);
    free(row);
    free(w);
    return out;
}

static double *norm(const struct engine *r, int64_t layer, int which)
{
    int64_t n = r->c->hidden;
    float *w = tl_decoder_norm_weights(r->c, layer, which);
    double *out = new_doubles(r->rows * n), epsilon = tl_decoder_round(r->c, TL_DECODER_EPSILON);
    for (int64_t i = 0; i < r->rows; i++) {
        double sum = 0;
        for (int64_t j = 0; j < n; j++)
            sum += r->x[i * n + j] * r->x[i * n + j];
        double root = sqrt(sum / (double)n + epsilon);
        for (int64_t j = 0; j < n; j++)
            out[i * n + j] = r->x[i * n + j] / root * (double)w[j];
    }
    free(w);
    return out;
}

/* In place, on rows of heads * head_dim. */
static void rope(const struct engine *r, double *x, int64_t heads, bool full, bool moved)
{
    const struct tl_decoder_config *c = r->c;
    if (c->rope == TL_DECODER_ROPE_NONE)
        return;
    int64_t dim = tl_decoder_head_dim(c, full), half = dim / 2;
    bool inside = c->attention == TL_DECODER_GQA && c->rope == TL_DECODER_ROPE_FUSED;
    for (int64_t i = 0; i < r->rows; i++) {
        int64_t position = (inside ? r->written : c->begin) + i % c->seq;
        const float *cosines = r->tables[full][0] + position * half,
                    *sines = r->tables[full][1] + position * half;
        for (int64_t h = 0; h < heads; h++) {
            double *v = x + (i * heads + h) * dim;
            for (int64_t j = 0; j < half; j++) {
                double a = v[j], b = v[j + half];
                v[j] = a * (double)cosines[j] - b * (double)sines[j];
                v[j + half] = b * (double)cosines[j] + a * (double)sines[j];
            }
        }
    }
    for (int64_t i = 0; moved && i < r->rows * heads * dim; i++)
        x[i] = rounded(r, x[i]);
}

/* The cache [batch, kv_heads, rows, head_dim] after new rows were written. */
static void write_cache(const struct engine *r, const struct tl_decoder_tensor *past, const double *rows,
                        int64_t dim, float *present)
{
    const struct tl_decoder_config *c = r->c;
    bool all = c->attention == TL_DECODER_SDPA && c->kv_write != TL_DECODER_CONCAT;
    for (int64_t head = 0; head < c->batch * c->kv_heads; head++) {
        float *to = present + head * r->present * dim;
        for (int64_t i = 0; i < (all ? r->past : r->written) * dim; i++) {
            size_t at = (size_t)(head * r->past * dim + i);
            to[i] = past->dtype == TL_DTYPE_FLOAT16 ? tl_half_to_float(((const uint16_t *)past->data)[at])
                                                    : ((const float *)past->data)[at];
        }
        for (int64_t s = 0; s < c->seq; s++)
            for (int64_t d = 0; d < dim; d++) {
                int64_t row = head / c->kv_heads * c->seq + s;
                to[(r->written + s) * dim + d] =
                    (float)rows[(row * c->kv_heads + head % c->kv_heads) * dim + d];
            }
    }
}

/* One query against the keys first .. last of one head. */
static void attend_one(const struct engine *r, const double *q, const float *keys, const float *values,
                       int64_t first, int64_t last, int64_t dim, double scale, double *weights, double *out)
{
    double most = -INFINITY, sum = 0;
    for (int64_t k = first; k <= last; k++) {
        double dot = 0;
        for (int64_t d = 0; d < dim; d++)
            dot += q[d] * (double)keys[k * dim + d];
        weights[k] = dot * scale;
        most = fmax(most, weights[k]);
    }
    for (int64_t k = first; k <= last; k++)
        sum += weights[k] = exp(weights[k] - most);
    for (int64_t d = 0; d < dim; d++)
        out[d] = 0;
    for (int64_t k = first; k <= last; k++) {
        double p = weights[k] / sum;
        for (int64_t d = 0; d < dim; d++)
            out[d] += p * (double)values[k * dim + d];
    }
    for (int64_t d = 0; d < dim; d++)
        out[d] = rounded(r, out[d]);
}

static double *attend(const struct engine *r, const double *q, const float *keys, const float *values,
                      bool full)
{
    const struct tl_decoder_config *c = r->c;
    int64_t heads = tl_decoder_heads(c, full), dim = tl_decoder_head_dim(c, full);
    int64_t query_position = c->attention == TL_DECODER_GQA ? r->written : c->begin;
    double scale = (double)tl_decoder_scale(c, full);
    if (c->attention == TL_DECODER_SDPA)
        scale = rounded(r, scale);
    double *out = new_doubles(r->rows * heads * dim), *weights = new_doubles(r->present);
    for (int64_t i = 0; i < r->rows; i++)
        for (int64_t h = 0; h < heads; h++) {
            int64_t head = i / c->seq * c->kv_heads + h / (heads / c->kv_heads);
            int64_t last = query_position + i % c->seq, first = 0;
            if (!full && last - c->window + 1 > 0)
                first = last - c->window + 1;
            attend_one(r, q + (i * heads + h) * dim, keys + head * r->present * dim,
                       values + head * r->present * dim, first, last, dim, scale, weights,
                       out + (i * heads + h) * dim);
        }
    free(weights);
    return out;
}

static void add_to_x(struct engine *r, double *y)
{
    for (int64_t i = 0; i < r->rows * r->c->hidden; i++)
        r->x[i] += y[i];
    free(y);
}

static void mlp(struct engine *r, int64_t layer)
{
    double *h = norm(r, layer, 1);
    double *gate = linear(r, layer, TL_DECODER_WGATE, h), *up = linear(r, layer, TL_DECODER_WUP, h);
    for (int64_t i = 0; i < r->rows * 2 * r->c->hidden; i++)
        gate[i] *= up[i] / (1 + exp(-gate[i]));
    add_to_x(r, linear(r, layer, TL_DECODER_WDOWN, gate));
    free(h);
    free(gate);
    free(up);
}

static const struct tl_decoder_tensor *input(const struct tl_decoder_tensors *inputs, const char *name)
{
    for (size_t i = 0; i < inputs->n; i++)
        if (strcmp(inputs->list[i].name, name) == 0)
            return &inputs->list[i];
    return NULL;
}

/* Adds present_key_N or present_value_N to the outputs and returns its data. */
static float *cache(const struct engine *r, const struct tl_decoder_tensors *inputs, const char *which,
                    int64_t layer, const double *rows, struct tl_decoder_tensors *outputs)
{
    const struct tl_decoder_config *c = r->c;
    int64_t dim = tl_decoder_head_dim(c, tl_decoder_is_full(c, layer));
    int64_t shape[] = {c->batch, c->kv_heads, r->present, dim};
    char name[40];
    snprintf(name, sizeof name, "present_%s_%lld", which, (long long)layer);
    struct tl_decoder_tensor *t = tl_decoder_tensor_add(
        outputs, name, c->activation ? TL_DTYPE_FLOAT16 : TL_DTYPE_FLOAT32, sizeof(float), 4, shape);
    snprintf(name, sizeof name, "past_%s_%lld", which, (long long)layer);
    write_cache(r, input(inputs, name), rows, dim, t->data);
    return t->data;
}

static void do_layer(struct engine *r, int64_t layer, const struct tl_decoder_tensors *inputs,
                     struct tl_decoder_tensors *outputs)
{
    const struct tl_decoder_config *c = r->c;
    bool full = tl_decoder_is_full(c, layer);
    double *h = norm(r, layer, 0);
    double *q = linear(r, layer, TL_DECODER_WQ, h), *k = linear(r, layer, TL_DECODER_WK, h);
    double *v = linear(r, layer, TL_DECODER_WV, h);
    int64_t heads = tl_decoder_heads(c, full);
    bool grouped = c->kv_heads != 1 && c->kv_heads != heads;
    bool primitives = c->attention == TL_DECODER_SDPA && c->rope == TL_DECODER_ROPE_PRIMITIVES;
    rope(r, q, heads, full, grouped || !primitives);
    rope(r, k, c->kv_heads, full, true);
    float *keys = cache(r, inputs, "key", layer, k, outputs);
    float *values = cache(r, inputs, "value", layer, v, outputs);
    double *attended = attend(r, q, keys, values, full);
    add_to_x(r, linear(r, layer, TL_DECODER_WO, attended));
    if (c->mlp)
        mlp(r, layer);
    free(h);
    free(q);
    free(k);
    free(v);
    free(attended);
}

/* The index that the runtime is given. */
static int64_t given_index(const struct tl_decoder_config *c)
{
    bool given = c->attention == TL_DECODER_GQA || c->begin_index != TL_DECODER_BEGIN_NONE;
    return c->begin + (given ? c->begin_error : 0);
}

const char *tl_decoder_no_answer(const struct tl_decoder_config *c)
{
    int64_t index = given_index(c);
    if (c->attention == TL_DECODER_SDPA && c->kv_write == TL_DECODER_CONCAT && index != c->begin)
        return "with this begin_error the cache would not have the length of the mask";
    if (index + c->seq > tl_decoder_present_length(c))
        return "with this begin_error rows outside the cache would be written";
    return NULL;
}

int tl_decoder_reference(const struct tl_decoder_config *c, struct tl_decoder_tensors *outputs,
                         struct tl_error *e)
{
    *outputs = (struct tl_decoder_tensors){0};
    const char *why = tl_decoder_no_answer(c);
    if (why)
        return tl_fail(e, TL_ERROR_INPUT, "the reference has no answer", "begin_error", "%s", why);
    bool first_call = c->attention == TL_DECODER_GQA && c->begin == 0;
    struct engine r = {.c = c, .rows = c->batch * c->seq, .written = first_call ? 0 : given_index(c)};
    r.past = tl_decoder_past_length(c);
    r.present = tl_decoder_present_length(c);
    struct tl_decoder_tensors inputs;
    if (tl_decoder_inputs(c, &inputs, e) != 0)
        return -1;
    for (int i = 0; c->rope && i < 4; i++)
        r.tables[i / 2][i % 2] = tl_decoder_rope_table(c, i / 2, i % 2);
    const struct tl_decoder_tensor *x = input(&inputs, "x");
    r.x = new_doubles((int64_t)x->count);
    for (size_t i = 0; i < x->count; i++)
        r.x[i] = x->dtype == TL_DTYPE_FLOAT16 ? (double)tl_half_to_float(((const uint16_t *)x->data)[i])
                                              : (double)((const float *)x->data)[i];
    tl_decoder_tensor_add(outputs, "y", x->dtype, sizeof(float), 3, x->shape);
    for (int64_t i = 0; i < c->layers; i++)
        do_layer(&r, i, &inputs, outputs);
    for (size_t i = 0; i < outputs->list[0].count; i++)
        ((float *)outputs->list[0].data)[i] = (float)rounded(&r, r.x[i]);
    free(r.x);
    for (int i = 0; i < 4; i++)
        free(r.tables[i / 2][i % 2]);
    tl_decoder_tensors_free(&inputs);
    return 0;
}
