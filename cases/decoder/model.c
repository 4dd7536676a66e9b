/* The frame of the model: inputs, what all layers share (index of the cache write, masks, rotary tables),
 * outputs.
 *
 *   inputs    x; position_ids; the index of the cache write (begin, or history, or seqlens_k and
 *             total_sequence_length); mask and mask_sliding; past_key_N and past_value_N of each layer N
 *   outputs   y; present_key_N and present_value_N
 *
 * The index of the cache write is none, a constant, the length of an input (history) or the value of an
 * input, as the axis begin_index says. A dimension that the config makes symbolic has a name instead of a
 * length, and what depends on it is computed in the graph (Shape, Range). */
#include "cases/decoder/model.h"

#include <math.h>
#include <stdlib.h>

const char *const tl_model_symbols[] = {"past", "query", "total", "history"};
enum { SYMBOL_PAST = -1, SYMBOL_QUERY = -2, SYMBOL_TOTAL = -3, SYMBOL_HISTORY = -4 };

int64_t tl_model_past(const struct tl_model *m)
{
    return m->c->shapes ? SYMBOL_PAST : tl_decoder_past_length(m->c);
}

int64_t tl_model_query(const struct tl_model *m)
{
    return m->c->query ? SYMBOL_QUERY : m->c->seq;
}

int64_t tl_model_total(const struct tl_model *m)
{
    bool grows = m->c->query && m->c->kv_write == TL_DECODER_CONCAT;
    return m->c->shapes || grows ? SYMBOL_TOTAL : tl_decoder_present_length(m->c);
}

/* A scalar of at most 3, made once. */
static const char *scalar(struct tl_model *m, int64_t value)
{
    static const char *const names[] = {"zero", "one", "two", "three"};
    if (!m->scalar[value])
        m->scalar[value] =
            tl_graph_initializer(&m->g, names[value], TL_DTYPE_INT64, 0, NULL, &value, sizeof value);
    return m->scalar[value];
}

/* first, first + 1, … count of them, as an initializer. */
static const char *counting(struct tl_model *m, const char *name, int64_t count)
{
    int64_t *values =
        tl_graph_initializer_space(&m->g, name, TL_DTYPE_INT64, 1, &count, (size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = i;
    return name;
}

/* 0, 1, … as many as a dimension of a value says. */
static const char *counting_dimension(struct tl_model *m, const char *name, const char *value,
                                      int64_t dimension)
{
    struct tl_graph *g = &m->g;
    const char *shape = tl_graph_op(g, "Shape", tl_graph_format(g, "%s.shape", name), value, NULL);
    const char *count =
        tl_graph_op(g, "Gather", tl_graph_format(g, "%s.count", name), shape, scalar(m, dimension));
    const char *inputs[] = {scalar(m, 0), count, scalar(m, 1)};
    return tl_graph_result(tl_graph_add(g, NULL, "Range", name, 3, inputs));
}

static void inputs(struct tl_model *m)
{
    const struct tl_decoder_config *c = m->c;
    struct tl_graph *g = &m->g;
    int64_t query = tl_model_query(m), one = 1;
    int64_t x[] = {c->batch, query, c->hidden};
    tl_graph_input(g, "x", m->type, 3, x, tl_model_symbols);
    if (tl_decoder_has_positions(c))
        tl_graph_input(g, "position_ids", TL_DTYPE_INT64, 2, x, tl_model_symbols);
    if (c->begin_index == TL_DECODER_BEGIN_TENSOR)
        tl_graph_input(g, "begin", TL_DTYPE_INT64, 1, &one, tl_model_symbols);
    if (c->begin_index == TL_DECODER_BEGIN_SHAPE) {
        int64_t history = c->shapes ? SYMBOL_HISTORY : c->begin + c->begin_error;
        tl_graph_input(g, "history", TL_DTYPE_UINT8, 1, &history, tl_model_symbols);
    }
    if (tl_decoder_has_seqlens(c))
        tl_graph_input(g, "seqlens_k", TL_DTYPE_INT32, 1, &c->batch, tl_model_symbols);
    if (tl_decoder_has_total(c))
        tl_graph_input(g, "total_sequence_length", TL_DTYPE_INT32, 1, &one, tl_model_symbols);
    int64_t mask[] = {c->batch, 1, query, tl_model_total(m)};
    if (tl_decoder_has_mask(c))
        tl_graph_input(g, "mask", m->type, 4, mask, tl_model_symbols);
    if (tl_decoder_has_sliding_mask(c))
        tl_graph_input(g, "mask_sliding", m->type, 4, mask, tl_model_symbols);
    for (int64_t i = 0; i < c->layers; i++) {
        int64_t past[] = {c->batch, c->kv_heads, tl_model_past(m),
                          tl_decoder_head_dim(c, tl_decoder_is_full(c, i))};
        tl_graph_input(g, tl_graph_format(g, "past_key_%lld", (long long)i), m->type, 4, past,
                       tl_model_symbols);
        tl_graph_input(g, tl_graph_format(g, "past_value_%lld", (long long)i), m->type, 4, past,
                       tl_model_symbols);
    }
}

static void outputs(struct tl_model *m)
{
    const struct tl_decoder_config *c = m->c;
    struct tl_graph *g = &m->g;
    int64_t y[] = {c->batch, tl_model_query(m), c->hidden};
    tl_graph_output(g, "y", m->type, 3, y, tl_model_symbols);
    for (int64_t i = 0; i < c->layers; i++) {
        int64_t present[] = {c->batch, c->kv_heads, tl_model_total(m),
                             tl_decoder_head_dim(c, tl_decoder_is_full(c, i))};
        tl_graph_output(g, tl_graph_format(g, "present_key_%lld", (long long)i), m->type, 4, present,
                        tl_model_symbols);
        tl_graph_output(g, tl_graph_format(g, "present_value_%lld", (long long)i), m->type, 4, present,
                        tl_model_symbols);
    }
}

static void query_length(struct tl_model *m)
{
    struct tl_graph *g = &m->g;
    int64_t one = 1, two = 2;
    m->query_length = m->c->query
                          ? tl_graph_slice(g, "query_length", tl_graph_op(g, "Shape", "x.shape", "x", NULL),
                                           tl_graph_integers(g, 1, &one), tl_graph_integers(g, 1, &two), 0)
                          : tl_graph_integers(g, 1, &m->c->seq);
}

static void begin(struct tl_model *m)
{
    if (m->c->attention == TL_DECODER_GQA && m->c->begin_index == TL_DECODER_BEGIN_CONSTANT && !m->c->query)
        return; /* seqlens_k is the constant */
    int64_t given = m->c->begin + m->c->begin_error;
    if (m->c->begin_index == TL_DECODER_BEGIN_CONSTANT)
        m->begin = tl_graph_integers(&m->g, 1, &given);
    else if (m->c->begin_index == TL_DECODER_BEGIN_SHAPE)
        m->begin = tl_graph_op(&m->g, "Shape", "begin_of_history", "history", NULL);
    else if (m->c->begin_index == TL_DECODER_BEGIN_TENSOR)
        m->begin = "begin";
}

/* The positions that ScatterND writes: for each row of each head (batch, head, begin + row). */
static void scatter_indices(struct tl_model *m)
{
    const struct tl_decoder_config *c = m->c;
    struct tl_graph *g = &m->g;
    const char *rows = c->query ? counting_dimension(m, "rows", "x", 1) : counting(m, "rows", c->seq);
    const char *positions = m->begin ? tl_graph_op(g, "Add", "write_positions", rows, m->begin) : rows;
    int64_t around[] = {0, 1, 3}, heads[] = {c->batch, c->kv_heads, 1, 2}, one = 1;
    int64_t *values = tl_graph_initializer_space(g, "batch_and_head", TL_DTYPE_INT64, 4, heads,
                                                 (size_t)(c->batch * c->kv_heads * 2) * sizeof *values);
    for (int64_t i = 0; i < c->batch * c->kv_heads; i++) {
        values[2 * i] = i / c->kv_heads;
        values[2 * i + 1] = i % c->kv_heads;
    }
    query_length(m);
    const char *size = m->query_length; /* of both parts: batch, kv_heads, seq, then 1 or 2 */
    size = tl_graph_concat(g, "indices.head_size", tl_graph_integers(g, 2, heads), size, 0);
    size = tl_graph_concat(g, "indices.size", size, tl_graph_integers(g, 1, &one), 0);
    const char *column = tl_graph_unsqueeze(g, "indices.column", positions, 3, around);
    const char *third = tl_graph_op(g, "Expand", "indices.position", column, size);
    const char *first = tl_graph_op(g, "Expand", "indices.head", "batch_and_head", size);
    m->indices = tl_graph_concat(g, "indices", first, third, 3);
}

static void write_indices(struct tl_model *m)
{
    m->write_indices = m->begin;
    if (m->begin && m->c->batch > 1)
        m->write_indices = tl_graph_op(&m->g, "Expand", "write_indices", m->begin,
                                       tl_graph_integers(&m->g, 1, &m->c->batch));
}

/* seqlens_k is the last position of each row of the batch: begin + seq - 1. */
static void gqa_lengths(struct tl_model *m)
{
    const struct tl_decoder_config *c = m->c;
    struct tl_graph *g = &m->g;
    m->total = "total_sequence_length";
    if (!tl_decoder_has_total(c)) {
        int32_t total = (int32_t)(c->begin + c->seq);
        tl_graph_initializer(g, m->total, TL_DTYPE_INT32, 1, (const int64_t[]){1}, &total, sizeof total);
    }
    m->seqlens = "seqlens_k";
    if (tl_decoder_has_seqlens(c))
        return;
    if (c->begin_index == TL_DECODER_BEGIN_CONSTANT && !c->query) {
        int32_t *values = tl_graph_initializer_space(g, m->seqlens, TL_DTYPE_INT32, 1, &c->batch,
                                                     (size_t)c->batch * sizeof *values);
        for (int64_t i = 0; i < c->batch; i++)
            values[i] = (int32_t)tl_decoder_seqlens(c);
        return;
    }
    int64_t one = 1;
    query_length(m);
    const char *end = tl_graph_op(g, "Add", "end_of_query", m->begin, m->query_length);
    const char *last = tl_graph_op(g, "Sub", "last_of_query", end, tl_graph_integers(g, 1, &one));
    last = tl_graph_cast(g, "last_of_query.int32", last, TL_DTYPE_INT32);
    m->seqlens = tl_graph_op(g, "Expand", "seqlens_k", last, tl_graph_integers(g, 1, &c->batch));
}

/* A key may be seen when it is less than window positions behind the query. */
static const char *derived_mask(struct tl_model *m)
{
    struct tl_graph *g = &m->g;
    int64_t around[] = {1, 3};
    const char *keys = tl_model_total(m) < 0 ? counting_dimension(m, "key_positions", "mask", 3)
                                             : counting(m, "key_positions", tl_model_total(m));
    const char *queries = tl_graph_unsqueeze(g, "query_positions", "position_ids", 2, around);
    const char *behind = tl_graph_op(g, "Sub", "positions_behind", queries, keys);
    const char *inside =
        tl_graph_op(g, "Less", "inside_window", behind, tl_graph_integers(g, 1, &m->c->window));
    const float zero = 0, masked = TL_DECODER_MASKED;
    const char *choice[] = {inside, tl_graph_floats(g, "visible", m->type, 0, NULL, &zero),
                            tl_graph_floats(g, "masked", m->type, 0, NULL, &masked)};
    const char *window = tl_graph_result(tl_graph_add(g, NULL, "Where", "window", 3, choice));
    return tl_graph_op(g, "Add", "mask_in_window", "mask", window);
}

static void masks(struct tl_model *m)
{
    m->mask[1] = "mask";
    m->mask[0] = tl_decoder_has_sliding_mask(m->c) ? "mask_sliding"
                 : tl_decoder_derives_window(m->c) ? derived_mask(m)
                                                   : NULL;
    int64_t one = 1;
    for (int full = 0; full < 2; full++) {
        int64_t heads = tl_decoder_heads(m->c, full);
        bool used = full ? tl_decoder_full_layers(m->c) > 0 : tl_decoder_full_layers(m->c) < m->c->layers;
        if (used && m->c->kv_heads != 1 && m->c->kv_heads != heads)
            m->mask5[full] = tl_graph_unsqueeze(&m->g, full ? "mask.groups" : "mask_sliding.groups",
                                                m->mask[full], 1, &one);
    }
}

static void rope(struct tl_model *m, bool full)
{
    struct tl_graph *g = &m->g;
    static const char *const names[2][2] = {{"cos_sliding", "sin_sliding"}, {"cos", "sin"}};
    int64_t shape[] = {m->c->context, tl_decoder_head_dim(m->c, full) / 2}, one = 1;
    for (int sine = 0; sine < 2; sine++) {
        const char *name = names[full][sine], *rows = NULL;
        float *values = tl_decoder_rope_table(m->c, full, sine);
        const char *table = tl_graph_floats(g, name, m->type, 2, shape, values);
        free(values);
        if (m->c->rope == TL_DECODER_ROPE_PRIMITIVES) {
            rows = tl_graph_op(g, "Gather", tl_graph_format(g, "%s.rows", name), table, "position_ids");
            rows = tl_graph_unsqueeze(g, tl_graph_format(g, "%s.rows4", name), rows, 1, &one);
        }
        *(sine ? &m->sin[full] : &m->cos[full]) = table;
        *(sine ? &m->sin_rows[full] : &m->cos_rows[full]) = rows;
    }
}

static void shared(struct tl_model *m)
{
    const struct tl_decoder_config *c = m->c;
    struct tl_graph *g = &m->g;
    const float epsilon = TL_DECODER_EPSILON;
    m->epsilon = tl_graph_floats(g, "epsilon", m->type, 0, NULL, &epsilon);
    begin(m);
    if (c->attention == TL_DECODER_GQA) {
        gqa_lengths(m);
    } else {
        masks(m);
        if (c->kv_write == TL_DECODER_SCATTER)
            scatter_indices(m);
        else if (c->kv_write == TL_DECODER_TENSOR_SCATTER)
            write_indices(m);
    }
    for (int full = 0; full < 2; full++) {
        if ((full ? tl_decoder_full_layers(c) : c->layers - tl_decoder_full_layers(c)) == 0)
            continue;
        float scale = tl_decoder_scale(c, full);
        if (c->attention == TL_DECODER_SDPA)
            m->scale[full] = tl_graph_floats(g, full ? "scale" : "scale_sliding", m->type, 0, NULL, &scale);
        if (c->rope)
            rope(m, full);
    }
}

int tl_decoder_build(const struct tl_decoder_config *c, uint8_t **model, size_t *size, struct tl_error *e)
{
    const char *why = tl_decoder_constraint(c);
    if (why)
        return tl_fail(e, TL_ERROR_INPUT, "cannot build the decoder model", NULL, "%s", why);
    struct tl_model m = {.c = c, .type = c->activation ? TL_DTYPE_FLOAT16 : TL_DTYPE_FLOAT32};
    tl_graph_init(&m.g, tl_decoder_opset(c));
    inputs(&m);
    outputs(&m);
    shared(&m);
    const char *x = "x";
    for (int64_t i = 0; i < c->layers; i++)
        x = tl_model_layer(
            &m, i, x, i + 1 == c->layers ? "y" : tl_graph_format(&m.g, "layer%lld/output", (long long)i));
    int result = tl_graph_pack(&m.g, model, size, e);
    tl_graph_free(&m.g);
    return result;
}
