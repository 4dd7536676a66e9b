/* One layer of the model:
 *
 *   x -+- norm1 - wq, wk, wv - rope - cache write - attention - wo - (+) -+- norm2 - mlp - (+) - output
 *      |                                                              |   |                 |
 *      +--------------------------------------------------------------+   +-----------------+
 *
 * Attention comes in two forms. From primitives (sdpa) each step above is an operator or several, and the
 * tensors between them are [batch, heads, seq, head_dim]. GroupQueryAttention (gqa) is one operator of the
 * runtime that writes the cache, rotates and attends; its tensors are [batch, seq, heads * head_dim]. The
 * second half is there with an mlp only. */
#include "cases/decoder/model.h"

#include <stdlib.h>

#define CONTRIB "com.microsoft"

static const char *const matrix_names[TL_DECODER_MATRICES] = {"wq",    "wk",  "wv",   "wo",
                                                              "wgate", "wup", "wdown"};

tl_graph_node *tl_model_add_output(struct tl_model *m, const char *domain, const char *op, const char *name,
                                   int n, const char *const *inputs)
{
    const char *prefix = m->g.prefix;
    m->g.prefix = "";
    tl_graph_node *node = tl_graph_add(&m->g, domain, op, name, n, inputs);
    m->g.prefix = prefix;
    return node;
}

/* x / sqrt(mean(x * x) + epsilon) * w, over the last dimension. */
static const char *norm(struct tl_model *m, int64_t layer, int which, const char *x)
{
    struct tl_graph *g = &m->g;
    const char *n = which == 0 ? "norm1" : "norm2";
    int64_t last = -1;
    float *values = tl_decoder_norm_weights(m->c, layer, which);
    const char *w = tl_graph_floats(g, tl_graph_format(g, "%s%s.weight", g->prefix, n), m->type, 1,
                                    &m->c->hidden, values);
    free(values);
    const char *square = tl_graph_op(g, "Mul", tl_graph_format(g, "%s.square", n), x, x);
    const char *axes = g->opset >= 18 ? tl_graph_integers(g, 1, &last) : NULL;
    tl_graph_node *mean = tl_graph_add(g, NULL, "ReduceMean", tl_graph_format(g, "%s.mean", n), 2,
                                       (const char *[]){square, axes});
    if (!axes)
        tl_graph_ints(g, mean, "axes", 1, &last);
    tl_graph_int(g, mean, "keepdims", 1);
    const char *sum =
        tl_graph_op(g, "Add", tl_graph_format(g, "%s.sum", n), tl_graph_result(mean), m->epsilon);
    const char *root = tl_graph_op(g, "Sqrt", tl_graph_format(g, "%s.root", n), sum, NULL);
    const char *unit = tl_graph_op(g, "Div", tl_graph_format(g, "%s.unit", n), x, root);
    return tl_graph_op(g, "Mul", n, unit, w);
}

/* The initializers of a stored matrix. */
struct stored_names {
    const char *data, *scales, *zero_points;
};

static struct stored_names add_stored(struct tl_model *m, const char *name, const struct tl_decoder_stored *s)
{
    const struct tl_decoder_config *c = m->c;
    struct tl_graph *g = &m->g;
    struct stored_names names = {NULL, NULL, NULL};
    int64_t blocks = (s->k + c->block_size - 1) / c->block_size;
    int64_t matrix[] = {s->k, s->n}, nbits[] = {s->n, blocks, c->block_size / 2},
            flat[] = {(int64_t)s->data_size};
    const int64_t *shape = c->weights == TL_DECODER_INT4_BLOCK      ? nbits
                           : c->weights == TL_DECODER_INT4_CODEBOOK ? flat
                                                                    : matrix;
    int rank = c->weights == TL_DECODER_INT4_BLOCK ? 3 : c->weights == TL_DECODER_INT4_CODEBOOK ? 1 : 2;
    names.data = tl_graph_initializer(g, name, s->dtype, rank, shape, s->data, s->data_size);
    int64_t count = (int64_t)s->n_scales;
    if (count > 0)
        names.scales =
            tl_graph_floats(g, tl_graph_format(g, "%s.scale", name),
                            c->weights == TL_DECODER_INT8 ? TL_DTYPE_FLOAT32 : m->type, 1, &count, s->scales);
    count = (int64_t)s->n_zero_points;
    if (count > 0)
        names.zero_points = tl_graph_initializer(g, tl_graph_format(g, "%s.zero", name), s->dtype, 1, &count,
                                                 s->zero_points, s->n_zero_points);
    return names;
}

/* x times a matrix, however it is stored. */
static const char *linear(struct tl_model *m, int64_t layer, enum tl_decoder_matrix which, const char *x)
{
    const struct tl_decoder_config *c = m->c;
    struct tl_graph *g = &m->g;
    struct tl_decoder_stored s;
    tl_decoder_store(c, layer, which, &s);
    const char *name = tl_graph_format(g, "%s%s", g->prefix, matrix_names[which]);
    struct stored_names w = add_stored(m, name, &s);
    const char *result = tl_graph_format(g, "%s.matmul", matrix_names[which]);
    tl_graph_node *node = NULL;
    if (c->weights == TL_DECODER_INT4_BLOCK || c->weights == TL_DECODER_INT4_CODEBOOK) {
        bool block = c->weights == TL_DECODER_INT4_BLOCK;
        const char *inputs[] = {x, w.data, w.scales, w.zero_points};
        node = tl_graph_add(g, CONTRIB, block ? "MatMulNBits" : "MatMulBnb4", result, 4, inputs);
        tl_graph_int(g, node, "K", s.k);
        tl_graph_int(g, node, "N", s.n);
        tl_graph_int(g, node, "block_size", c->block_size);
        tl_graph_int(g, node, block ? "bits" : "quant_type", block ? 4 : 1);
        if (block) /* also 0: 1.16, which has an earlier form of the operator, must not take it for its own */
            tl_graph_int(g, node, "accuracy_level", c->accuracy_level);
    } else {
        const char *value = w.data;
        if (c->weights == TL_DECODER_INT8) {
            node = tl_graph_add(g, NULL, "DequantizeLinear",
                                tl_graph_format(g, "%s.values", matrix_names[which]), 3,
                                (const char *[]){w.data, w.scales, w.zero_points});
            tl_graph_int(g, node, "axis", 0);
            value = tl_graph_result(node);
        }
        enum tl_dtype have = c->weights == TL_DECODER_FP16 ? TL_DTYPE_FLOAT16 : TL_DTYPE_FLOAT32;
        if (have != m->type)
            value = tl_graph_cast(g, tl_graph_format(g, "%s.cast", matrix_names[which]), value, m->type);
        node = tl_graph_add(g, NULL, "MatMul", result, 2, (const char *[]){x, value});
    }
    tl_decoder_stored_free(&s);
    return tl_graph_result(node);
}

/* [batch, seq, heads * head_dim] to [batch, heads, seq, head_dim]. */
static const char *split_heads(struct tl_model *m, const char *name, const char *x, int64_t heads,
                               int64_t head_dim)
{
    int64_t shape[] = {0, 0, heads, head_dim}, order[] = {0, 2, 1, 3};
    const char *split = tl_graph_reshape(&m->g, tl_graph_format(&m->g, "%s.split", name), x, 4, shape);
    return tl_graph_transpose(&m->g, tl_graph_format(&m->g, "%s.heads", name), split, 4, order);
}

static const char *join_heads(struct tl_model *m, const char *name, const char *x, int64_t heads,
                              int64_t head_dim)
{
    int64_t shape[] = {0, 0, heads * head_dim}, order[] = {0, 2, 1, 3};
    const char *turned = tl_graph_transpose(&m->g, tl_graph_format(&m->g, "%s.turned", name), x, 4, order);
    return tl_graph_reshape(&m->g, tl_graph_format(&m->g, "%s.joined", name), turned, 3, shape);
}

/* Rotation of [batch, heads, seq, head_dim]: the first half of a head with the second. */
static const char *rope_primitives(struct tl_model *m, const char *name, const char *x, bool full)
{
    struct tl_graph *g = &m->g;
    int64_t head_dim = tl_decoder_head_dim(m->c, full), half = head_dim / 2, zero = 0;
    const char *begin = tl_graph_integers(g, 1, &zero), *middle = tl_graph_integers(g, 1, &half);
    const char *end = tl_graph_integers(g, 1, &head_dim);
    const char *a = tl_graph_slice(g, tl_graph_format(g, "%s.rope.a", name), x, begin, middle, 3);
    const char *b = tl_graph_slice(g, tl_graph_format(g, "%s.rope.b", name), x, middle, end, 3);
    const char *ac = tl_graph_op(g, "Mul", tl_graph_format(g, "%s.rope.ac", name), a, m->cos_rows[full]);
    const char *bs = tl_graph_op(g, "Mul", tl_graph_format(g, "%s.rope.bs", name), b, m->sin_rows[full]);
    const char *bc = tl_graph_op(g, "Mul", tl_graph_format(g, "%s.rope.bc", name), b, m->cos_rows[full]);
    const char *as = tl_graph_op(g, "Mul", tl_graph_format(g, "%s.rope.as", name), a, m->sin_rows[full]);
    const char *first = tl_graph_op(g, "Sub", tl_graph_format(g, "%s.rope.first", name), ac, bs);
    const char *second = tl_graph_op(g, "Add", tl_graph_format(g, "%s.rope.second", name), bc, as);
    return tl_graph_concat(g, tl_graph_format(g, "%s.rope", name), first, second, 3);
}

static const char *rope_fused(struct tl_model *m, const char *name, const char *x, bool full)
{
    struct tl_graph *g = &m->g;
    const char *inputs[] = {x, "position_ids", m->cos[full], m->sin[full]};
    return tl_graph_result(
        tl_graph_add(g, CONTRIB, "RotaryEmbedding", tl_graph_format(g, "%s.rope", name), 4, inputs));
}

/* The query, key or value of a layer before attention. SDPA wants it split into heads, GroupQueryAttention
 * not. */
static const char *project(struct tl_model *m, int64_t layer, enum tl_decoder_matrix which, const char *x)
{
    bool full = tl_decoder_is_full(m->c, layer), gqa = m->c->attention == TL_DECODER_GQA;
    int64_t heads = which == TL_DECODER_WQ ? tl_decoder_heads(m->c, full) : m->c->kv_heads;
    int64_t head_dim = tl_decoder_head_dim(m->c, full);
    int64_t rope = which == TL_DECODER_WV ? TL_DECODER_ROPE_NONE : m->c->rope;
    const char *name = which == TL_DECODER_WQ ? "query" : which == TL_DECODER_WK ? "key" : "value";
    const char *value = linear(m, layer, which, x);
    if (rope == TL_DECODER_ROPE_FUSED && !gqa)
        value = rope_fused(m, name, value, full);
    if (!gqa || rope == TL_DECODER_ROPE_PRIMITIVES)
        value = split_heads(m, name, value, heads, head_dim);
    if (rope == TL_DECODER_ROPE_PRIMITIVES)
        value = rope_primitives(m, name, value, full);
    if (gqa && rope == TL_DECODER_ROPE_PRIMITIVES)
        value = join_heads(m, name, value, heads, head_dim);
    return value;
}

/* Writes new rows into the cache of a layer and returns what the cache is then. */
static const char *write_cache(struct tl_model *m, int64_t layer, const char *which, const char *rows)
{
    struct tl_graph *g = &m->g;
    const char *past = tl_graph_format(g, "past_%s_%lld", which, (long long)layer);
    const char *present = tl_graph_format(g, "present_%s_%lld", which, (long long)layer);
    tl_graph_node *node;
    if (m->c->kv_write == TL_DECODER_SCATTER) {
        node =
            tl_model_add_output(m, NULL, "ScatterND", present, 3, (const char *[]){past, m->indices, rows});
    } else if (m->c->kv_write == TL_DECODER_TENSOR_SCATTER) {
        node = tl_model_add_output(m, NULL, "TensorScatter", present, 3,
                                   (const char *[]){past, rows, m->write_indices});
        tl_graph_int(g, node, "axis", 2);
    } else {
        int64_t zero = 0;
        if (m->begin) /* the cache has room; what is in it ends at the index */
            past = tl_graph_slice(g, tl_graph_format(g, "%s.kept", which), past,
                                  tl_graph_integers(g, 1, &zero), m->begin, 2);
        node = tl_model_add_output(m, NULL, "Concat", present, 2, (const char *[]){past, rows});
        tl_graph_int(g, node, "axis", 2);
    }
    return tl_graph_result(node);
}

/* softmax(q k' scale + mask) v. Query heads that share a key head get a dimension of their own, unless all of
 * them share the only one or none do. */
static const char *sdpa(struct tl_model *m, int64_t layer, const char *q, const char *k, const char *v)
{
    struct tl_graph *g = &m->g;
    bool full = tl_decoder_is_full(m->c, layer);
    int64_t heads = tl_decoder_heads(m->c, full), head_dim = tl_decoder_head_dim(m->c, full),
            kv = m->c->kv_heads;
    bool grouped = kv != 1 && kv != heads;
    int64_t turn4[] = {0, 1, 3, 2}, turn5[] = {0, 1, 2, 4, 3}, two = 2;
    if (grouped) {
        int64_t groups[] = {0, kv, heads / kv, -1, head_dim};
        q = tl_graph_reshape(g, "query.groups", q, 5, groups);
        k = tl_graph_unsqueeze(g, "key.groups", k, 1, &two);
        v = tl_graph_unsqueeze(g, "value.groups", v, 1, &two);
    }
    const char *turned = tl_graph_transpose(g, "key.turned", k, grouped ? 5 : 4, grouped ? turn5 : turn4);
    const char *scores = tl_graph_op(g, "MatMul", "scores", q, turned);
    scores = tl_graph_op(g, "Mul", "scores.scaled", scores, m->scale[full]);
    scores = tl_graph_op(g, "Add", "scores.masked", scores, grouped ? m->mask5[full] : m->mask[full]);
    tl_graph_node *softmax = tl_graph_add(g, NULL, "Softmax", "probabilities", 1, &scores);
    tl_graph_int(g, softmax, "axis", -1);
    const char *result = tl_graph_op(g, "MatMul", "attended", tl_graph_result(softmax), v);
    int64_t shape[] = {0, heads, -1, head_dim};
    if (grouped)
        result = tl_graph_reshape(g, "attended.heads", result, 4, shape);
    return join_heads(m, "attended", result, heads, head_dim);
}

static const char *gqa(struct tl_model *m, int64_t layer, const char *q, const char *k, const char *v)
{
    struct tl_graph *g = &m->g;
    const struct tl_decoder_config *c = m->c;
    bool full = tl_decoder_is_full(c, layer), rotary = c->rope == TL_DECODER_ROPE_FUSED;
    long long l = (long long)layer;
    const char *inputs[] = {q,
                            k,
                            v,
                            tl_graph_format(g, "past_key_%lld", l),
                            tl_graph_format(g, "past_value_%lld", l),
                            m->seqlens,
                            m->total,
                            rotary ? m->cos[full] : NULL,
                            rotary ? m->sin[full] : NULL};
    tl_graph_node *node = tl_graph_add(g, CONTRIB, "GroupQueryAttention", "attended", 9, inputs);
    tl_graph_more_output(g, node, tl_graph_format(g, "present_key_%lld", l));
    tl_graph_more_output(g, node, tl_graph_format(g, "present_value_%lld", l));
    tl_graph_int(g, node, "num_heads", tl_decoder_heads(c, full));
    tl_graph_int(g, node, "kv_num_heads", c->kv_heads);
    if (rotary)
        tl_graph_int(g, node, "do_rotary", 1);
    if (!full)
        tl_graph_int(g, node, "local_window_size", c->window);
    return tl_graph_result(node);
}

static const char *attend(struct tl_model *m, int64_t layer, const char *x)
{
    const char *q = project(m, layer, TL_DECODER_WQ, x);
    const char *k = project(m, layer, TL_DECODER_WK, x);
    const char *v = project(m, layer, TL_DECODER_WV, x);
    if (m->c->attention == TL_DECODER_GQA)
        return gqa(m, layer, q, k, v);
    k = write_cache(m, layer, "key", k);
    v = write_cache(m, layer, "value", v);
    return sdpa(m, layer, q, k, v);
}

/* down(silu(gate(x)) * up(x)) */
static const char *mlp(struct tl_model *m, int64_t layer, const char *x)
{
    struct tl_graph *g = &m->g;
    const char *gate = linear(m, layer, TL_DECODER_WGATE, x);
    const char *up = linear(m, layer, TL_DECODER_WUP, x);
    const char *sigmoid = tl_graph_op(g, "Sigmoid", "mlp.sigmoid", gate, NULL);
    const char *silu = tl_graph_op(g, "Mul", "mlp.silu", gate, sigmoid);
    return linear(m, layer, TL_DECODER_WDOWN, tl_graph_op(g, "Mul", "mlp.gated", silu, up));
}

const char *tl_model_layer(struct tl_model *m, int64_t layer, const char *x, const char *output)
{
    struct tl_graph *g = &m->g;
    g->prefix = tl_graph_format(g, "layer%lld/", (long long)layer);
    const char *attended = attend(m, layer, norm(m, layer, 0, x));
    const char *inputs[] = {x, linear(m, layer, TL_DECODER_WO, attended)};
    if (!m->c->mlp)
        return tl_graph_result(tl_model_add_output(m, NULL, "Add", output, 2, inputs));
    x = tl_graph_op(g, "Add", "residual", inputs[0], inputs[1]);
    const char *sum[] = {x, mlp(m, layer, norm(m, layer, 1, x))};
    return tl_graph_result(tl_model_add_output(m, NULL, "Add", output, 2, sum));
}
