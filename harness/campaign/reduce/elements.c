/* Which elements of a tensor have to keep their values, where a failure depends on some of them.
 *
 * A tensor has rows, channels, pages: along each axis first, the places along it are minimised as a set (search/subset.h), those
 * of the other axes being what they are by then. What is left is a block, of which single elements are minimised in the same
 * way. One element of n is found in about log2(n) trials, k of them in k times as many; a block that is needed as a whole
 * would take a trial for each of its elements, so there is a most of trials and of time for a tensor, after which what is left
 * is called not shown to be minimal.
 *
 * The others become zeros, ones or random ones, whichever fails: until something failed for the first time each part is tried
 * with all three, and from then on with the one that did. */
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/tensor_pb.h"
#include "harness/base/buffer.h"
#include "harness/search/subset.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TRIALS_MOST 120                /* of one tensor */
#define ALL_MOST 400                   /* of all of a model */
#define READ_MOST (UINT64_C(64) << 20) /* bytes of a tensor whose values are told */
#define SECONDS_MOST 600               /* of all */
#define SHOWN_MOST 16                  /* elements whose places and values are told */
#define AXIS_MOST (INT64_C(1) << 26)   /* places along an axis that are told apart */
#define PLACES_MOST 4194304 /* that are searched; of more of them all that it needs is too much memory */
#define RANGES_MOST (UINT64_C(1) << 16) /* of elements that are kept: what a list of edits can say */
#define MOVED_MOST 1024                 /* … that are followed when sizes change */

struct block {
    struct tl_reduce_tensor *t;
    bool *kept[TL_RANK_MAX]; /* places along each axis */
    uint64_t *flat;          /* the elements of the block, once single ones are looked at */
    size_t n_flat;
    int with; /* -1: none has failed yet */
    uint64_t began;
    bool over;      /* the most trials, or the longest time */
    bool scattered; /* what is kept is in more pieces than can be said */
};

static void add_range(struct tl_reduce_tensor *t, uint64_t first, uint64_t last, size_t *capacity)
{
    t->n_kept += last - first + 1;
    if (t->n_keep && t->keep[2 * t->n_keep - 1] + 1 == first) {
        t->keep[2 * t->n_keep - 1] = last;
        return;
    }
    if (t->n_keep == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 16;
        t->keep = tl_realloc(t->keep, *capacity * 2, sizeof *t->keep);
    }
    t->keep[2 * t->n_keep] = first;
    t->keep[2 * t->n_keep + 1] = last;
    t->n_keep++;
}

/* Whether all is kept along an axis and those behind it. */
static bool is_full(const struct block *b, size_t axis)
{
    for (; axis < b->t->rank; axis++)
        for (int64_t i = 0; i < b->t->dims[axis]; i++)
            if (!b->kept[axis][i])
                return false;
    return true;
}

/* The block as ranges of the flat list: from one axis on, at a place of those before it. full: the axis from which on all is
 * kept. */
static void add_block(const struct block *b, size_t axis, uint64_t at, size_t full, size_t *capacity)
{
    struct tl_reduce_tensor *t = b->t;
    uint64_t inner = 1;
    if (axis == full) {
        for (size_t d = axis; d < t->rank; d++)
            inner *= (uint64_t)t->dims[d];
        if (inner)
            add_range(t, at * inner, at * inner + inner - 1, capacity);
        return;
    }
    for (int64_t i = 0; i < t->dims[axis]; i++)
        if (b->kept[axis][i])
            add_block(b, axis + 1, at * (uint64_t)t->dims[axis] + (uint64_t)i, full, capacity);
}

static void keep_none(struct block *b)
{
    free(b->t->keep);
    b->t->keep = NULL;
    b->t->n_keep = 0;
    b->t->n_kept = 0;
    b->scattered = false;
}

/* How many ranges the block is: those of the last axis that is not full, for each place of those before it. */
static uint64_t ranges_of(const struct block *b, size_t full)
{
    uint64_t n = 1;
    for (size_t d = 0; d < full; d++) {
        uint64_t kept = 0;
        bool last = d + 1 == full;
        for (int64_t i = 0; i < b->t->dims[d]; i++)
            kept += b->kept[d][i] && (!last || !i || !b->kept[d][i - 1]);
        if (__builtin_mul_overflow(n, kept, &n))
            return UINT64_MAX;
    }
    return n;
}

static void keep_block(struct block *b)
{
    size_t capacity = 0, full = b->t->rank;
    while (full && is_full(b, full - 1))
        full--;
    keep_none(b);
    b->scattered = ranges_of(b, full) > RANGES_MOST;
    if (!b->scattered)
        add_block(b, 0, 0, full, &capacity);
}

static void keep_flat(struct block *b, const struct tl_subset_range *ranges, size_t n)
{
    size_t capacity = 0;
    keep_none(b);
    for (size_t i = 0; i < n; i++)
        for (size_t x = ranges[i].first; x <= ranges[i].last; x++)
            add_range(b->t, b->flat[x], b->flat[x], &capacity);
}

/* With the elements that are kept now; none of them: the tensor as a whole, which is known not to fail. */
static int try_kept(struct tl_reduce_state *s, struct tl_reduce_values *v, struct block *b,
                    enum tl_reduce_verdict *verdict, struct tl_error *e)
{
    int first = b->with < 0 ? tl_reduce_first_fill(s) : b->with,
        last = b->with >= 0   ? b->with
               : b->t->random ? 1
                              : 2,
        result = 0;
    *verdict = b->scattered ? TL_REDUCE_INVALID : TL_REDUCE_PASS;
    if (!b->t->n_keep)
        return 0;
    for (int f = first; f <= last && !result && !s->stopped && *verdict != TL_REDUCE_FAIL; f++) {
        enum tl_reduce_verdict one = TL_REDUCE_INVALID;
        b->t->with = f;
        struct tl_reduce_candidate k = tl_reduce_values_make(s, v);
        result = tl_reduce_try(s, &k, &one, e);
        tl_reduce_drop(&k);
        if (f == first || one == TL_REDUCE_FAIL || *verdict == TL_REDUCE_INVALID)
            *verdict = one;
        if (one == TL_REDUCE_FAIL)
            b->with = f;
    }
    b->t->with = -1;
    return result;
}

static uint64_t trials(const struct tl_reduce_state *s)
{
    return (uint64_t)json_integer_value(json_object_get(s->step, "trials"));
}

static bool is_over(const struct tl_reduce_state *s, const struct tl_reduce_values *v, struct block *b)
{
    b->over =
        trials(s) - b->began >= TRIALS_MOST || trials(s) >= ALL_MOST || s->lasted - v->began > SECONDS_MOST;
    return b->over;
}

/* Minimises the places along an axis, or with axis == rank the single elements. *minimal: it was not ended early. */
static int minimise(struct tl_reduce_state *s, struct tl_reduce_values *v, struct block *b, size_t axis,
                    bool *minimal, struct tl_error *e)
{
    struct tl_reduce_tensor *t = b->t;
    bool single = axis == t->rank;
    size_t n = single ? b->n_flat : (size_t)t->dims[axis];
    const struct tl_subset_options options = {.n = n, .rate = 1, .empty_passes = true, .seed = 1};
    struct tl_subset *set = tl_subset_new(&options);
    struct tl_subset_test test;
    int result = 0;
    while (!result && !s->stopped && !is_over(s, v, b) && tl_subset_next(set, &test) == TL_SUBSET_TEST) {
        enum tl_reduce_verdict verdict = TL_REDUCE_FAIL;
        char more[200];
        snprintf(more, sizeof more, "%.80s: %zu of %zu %s kept", t->name, test.kept, n,
                 single ? "elements" : "places along an axis");
        tl_reduce_tell(s, more);
        if (single)
            keep_flat(b, test.ranges, test.n_ranges);
        for (size_t i = 0; !single && i < n; i++)
            b->kept[axis][i] = false;
        for (size_t r = 0; !single && r < test.n_ranges; r++)
            for (size_t x = test.ranges[r].first; x <= test.ranges[r].last; x++)
                b->kept[axis][x] = true;
        if (!single)
            keep_block(b);
        if (test.kept < n)
            result = try_kept(s, v, b, &verdict, e);
        if (!result && !s->stopped)
            tl_subset_tell(set, test.id, tl_reduce_subset_outcome(verdict));
    }
    const struct tl_subset_result *r = tl_subset_result(set);
    *minimal = r->done && r->minimal;
    if (single)
        keep_flat(b, r->ranges, r->n_ranges);
    for (size_t i = 0; !single && i < n; i++)
        b->kept[axis][i] = false;
    for (size_t i = 0; !single && i < r->n_ranges; i++)
        for (size_t x = r->ranges[i].first; x <= r->ranges[i].last; x++)
            b->kept[axis][x] = true;
    if (!single)
        keep_block(b);
    tl_subset_free(set);
    return result;
}

/* --- what is told of them ------------------------------------------------------------------------------------- */

json_t *tl_reduce_number_json(const struct tl_element_type *type, const unsigned char *at)
{
    struct tl_element x;
    tl_element_read(type, at, &x);
    if (type->kind == TL_ELEMENT_INTEGER && x.magnitude > INT64_MAX &&
        !x.negative) { /* JSON's end before uint64 does */
        char text[24];
        snprintf(text, sizeof text, "%" PRIu64, x.magnitude);
        return json_string(text);
    }
    if (type->kind == TL_ELEMENT_INTEGER) /* the smallest of all has no positive counterpart */
        return json_integer(x.negative ? (json_int_t)(0 - x.magnitude) : (json_int_t)x.magnitude);
    if (type->kind == TL_ELEMENT_BOOL)
        return json_boolean(x.magnitude != 0);
    if (type->kind != TL_ELEMENT_FLOAT)
        return json_null();
    return isfinite(x.real) ? json_real(x.real)
                            : json_string(isnan(x.real) ? "nan"
                                          : x.real > 0  ? "inf"
                                                        : "-inf");
}

/* Those of a weight beside the model, without reading the rest of it. */
static bool read_pieces(const struct tl_reduce_state *s, struct tl_onnx_model *m,
                        const struct tl_reduce_tensor *t, const struct tl_element_type *type, json_t *values)
{
    struct tl_error ignored;
    bool read = m && type && type->size;
    for (size_t i = 0; read && i < t->n_keep; i++) {
        uint64_t first = t->keep[2 * i], n = t->keep[2 * i + 1] - first + 1;
        unsigned char *piece = tl_malloc((size_t)n * type->size + 1);
        read = !tl_onnx_weight_piece(m, t->number, s->directory, first, n, piece, &ignored);
        for (uint64_t x = 0; read && x < n; x++)
            json_array_append_new(values, tl_reduce_number_json(type, piece + x * type->size));
        free(piece);
    }
    if (!read)
        json_array_clear(values);
    return read;
}

static void read_values(const struct tl_reduce_state *s, const struct tl_reduce_values *v,
                        struct tl_reduce_tensor *t)
{
    struct tl_error ignored;
    struct tl_reduce_elements own = {0};
    struct tl_tensor_pb all = {0};
    uint8_t *bytes = NULL;
    size_t size;
    char why[256];
    const unsigned char *data = NULL;
    const struct tl_element_type *type = tl_element_type_number(t->type);
    int with = t->with;
    t->with = -1;
    struct tl_reduce_candidate before = tl_reduce_values_make(s, v);
    t->with = with;
    struct tl_onnx_model *m = t->weight ? tl_reduce_load(s, &before, &ignored) : NULL;
    t->values = json_array();
    if (read_pieces(s, m, t, type, t->values))
        ; /* that is all */
    else if (m && !tl_onnx_weight_read(m, t->number, s->directory, &bytes, &size, &ignored) &&
             !tl_tensor_pb_read(bytes, size, &all, why, sizeof why))
        data = all.data;
    else if (t->attribute)
        data = (const unsigned char *)(t->random ? NULL : t->numbers);
    else if (!t->weight && !tl_reduce_elements(s, tl_reduce_input_now(s, &before, t->name), &own, &ignored))
        data = (const unsigned char *)own.data;
    for (size_t i = 0; data && type && type->size && i < t->n_keep; i++)
        for (uint64_t x = t->keep[2 * i]; x <= t->keep[2 * i + 1]; x++)
            json_array_append_new(t->values, tl_reduce_number_json(type, data + x * type->size));
    tl_tensor_pb_free(&all);
    tl_reduce_elements_free(&own);
    free(bytes);
    tl_onnx_model_free(m);
    tl_reduce_drop(&before);
}

static void coordinates(const struct tl_reduce_tensor *t, uint64_t flat, int64_t *at)
{
    for (size_t d = t->rank; d-- > 0; flat /= (uint64_t)t->dims[d])
        at[d] = (int64_t)(flat % (uint64_t)t->dims[d]);
}

static void follow(struct tl_reduce_tensor *t)
{
    size_t n = 0;
    if (t->n_kept > MOVED_MOST)
        return;
    t->at = tl_calloc((size_t)t->n_kept * t->rank + 1, sizeof *t->at);
    for (size_t i = 0; i < t->n_keep; i++)
        for (uint64_t x = t->keep[2 * i]; x <= t->keep[2 * i + 1]; x++)
            coordinates(t, x, t->at + t->rank * n++);
}

int tl_reduce_elements_of(struct tl_reduce_state *s, struct tl_reduce_values *v, struct tl_reduce_tensor *t,
                          struct tl_error *e)
{
    struct block b = {.t = t, .with = -1, .began = trials(s)};
    size_t axes = 0;
    bool minimal = true;
    int result = 0;
    for (size_t d = 0; d < t->rank; d++) /* a model can say any size */
        if (t->dims[d] > AXIS_MOST)
            return 0;
    for (size_t d = 0; d < t->rank; d++) {
        b.kept[d] = tl_malloc((size_t)t->dims[d] + 1);
        memset(b.kept[d], 1, (size_t)t->dims[d]);
        axes += t->dims[d] > 1;
    }
    if (t->elements > 1)
        keep_block(&b);
    for (size_t d = 0; d < t->rank && t->n_keep && !result && !s->stopped; d++)
        if (t->dims[d] > 1 && t->dims[d] <= PLACES_MOST)
            result = minimise(s, v, &b, d, &minimal, e);
    if (axes > 1 && t->n_kept > 1 && t->n_kept <= PLACES_MOST && !result && !s->stopped &&
        !is_over(s, v, &b)) {
        size_t n = 0;
        b.flat = tl_calloc((size_t)t->n_kept + 1, sizeof *b.flat);
        for (size_t i = 0; i < t->n_keep; i++)
            for (uint64_t x = t->keep[2 * i]; x <= t->keep[2 * i + 1]; x++)
                b.flat[n++] = x;
        b.n_flat = n;
        result = minimise(s, v, &b, t->rank, &minimal, e);
    }
    if (b.with >= 0 && t->n_kept < t->elements) {
        t->with = b.with;
        t->minimal = (minimal || t->n_kept == 1) && !s->stopped && !b.over && s->failed == s->runs;
        follow(t);
        if (t->n_kept <= SHOWN_MOST && t->elements <= READ_MOST / 4)
            read_values(s, v, t);
    } else {
        t->n_keep = 0;
        t->n_kept = 0;
        if (t->elements <= SHOWN_MOST) { /* all of them */
            keep_block(&b);
            follow(t);
            read_values(s, v, t);
        }
    }
    for (size_t d = 0; d < t->rank; d++)
        free(b.kept[d]);
    free(b.flat);
    return result;
}

json_t *tl_reduce_values_left(const struct tl_reduce_values *v)
{
    json_t *left = json_array();
    for (size_t i = 0; i < v->n; i++)
        if (tl_reduce_values_keeps(&v->list[i]))
            json_array_append_new(left, json_string(v->list[i].name));
    return left;
}

/* Of the values that are told: those that were chosen, by their places among them; NULL: the tensor keeps none of the original's,
 * or none was. */
static json_t *chosen_of(const struct tl_reduce_tensor *t)
{
    json_t *list = json_array();
    for (size_t i = 0; t->chosen && i < json_array_size(t->values); i++)
        if (t->chosen[i])
            json_array_append_new(list, json_integer((json_int_t)i));
    if (json_array_size(list) && tl_reduce_values_keeps(t))
        return list;
    json_decref(list);
    return NULL;
}

static json_t *places_of(const struct tl_reduce_tensor *t)
{
    json_t *places = json_array();
    for (size_t i = 0, n = 0; i < t->n_keep; i++)
        for (uint64_t x = t->keep[2 * i]; x <= t->keep[2 * i + 1] && n < SHOWN_MOST; x++, n++) {
            int64_t at[TL_RANK_MAX];
            json_t *place = json_array();
            coordinates(t, x, at);
            for (size_t d = 0; d < t->rank; d++)
                json_array_append_new(place, json_integer(at[d]));
            json_array_append_new(places, place);
        }
    return places;
}

/* Of each axis the places of what is kept, where that is all of what is at these places; NULL: it is not. */
static json_t *block_of(const struct tl_reduce_tensor *t)
{
    bool *flags[TL_RANK_MAX];
    uint64_t all = 1;
    json_t *block = json_array();
    for (size_t d = 0; d < t->rank; d++)
        flags[d] = tl_calloc((size_t)t->dims[d] + 1, sizeof **flags);
    for (size_t i = 0; i < t->n_keep; i++)
        for (uint64_t x = t->keep[2 * i]; x <= t->keep[2 * i + 1]; x++) {
            int64_t at[TL_RANK_MAX];
            coordinates(t, x, at);
            for (size_t d = 0; d < t->rank; d++)
                flags[d][at[d]] = true;
        }
    for (size_t d = 0; d < t->rank; d++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        uint64_t n = 0;
        for (int64_t i = 0; i < t->dims[d]; i++) {
            int64_t last = i;
            if (!flags[d][i])
                continue;
            while (last + 1 < t->dims[d] && flags[d][last + 1])
                last++;
            tl_buffer_printf(&b, "%s%" PRId64, b.size ? "," : "", i);
            if (last > i)
                tl_buffer_printf(&b, "-%" PRId64, last);
            n += (uint64_t)(last - i + 1);
            i = last;
        }
        char *text = b.data ? tl_buffer_take(&b) : tl_strdup("");
        json_array_append_new(block, json_string(text));
        all *= n;
        free(text);
        free(flags[d]);
    }
    if (t->n_keep && all == t->n_kept)
        return block;
    json_decref(block);
    return NULL;
}

json_t *tl_reduce_values_kept(const struct tl_reduce_values *v)
{
    json_t *all = json_array();
    for (size_t i = 0; i < v->n; i++) {
        const struct tl_reduce_tensor *t = &v->list[i];
        const bool texts = t->attribute && !t->numbers;
        json_t *shape = json_array();
        for (size_t d = 0; d < t->rank; d++)
            json_array_append_new(shape, json_integer(t->dims[d]));
        if ((t->with >= 0 || (!t->elements && t->fixed)) && !t->n_keep) {
            json_decref(shape);
            continue;
        }
        json_t *kept = json_pack("{s:s,s:s,s:b,s:o,s:I,s:I,s:s?,s:b,s:o?,s:o,s:o}", "name", t->name, "kind",
                                 t->attribute ? "attribute"
                                 : t->weight  ? "weight"
                                              : "input",
                                 "owner", !t->random && !t->named && !tl_reduce_values_chosen(t), "shape",
                                 shape, "elements", (json_int_t)t->elements, "kept",
                                 (json_int_t)(t->with < 0 && !texts ? t->elements : t->n_kept), "others",
                                 texts         ? (t->n_kept < t->elements ? "s1, s2 …" : NULL)
                                 : t->with < 0 ? NULL
                                               : tl_reduce_fills[t->with],
                                 "minimal", (int)t->minimal, "block", block_of(t), "places", places_of(t),
                                 "values", t->values ? json_incref(t->values) : json_array());
        json_t *chosen = chosen_of(t);
        if (chosen)
            json_object_set_new(kept, "chosen", chosen);
        if (t->left)
            json_object_set_new(kept, "left", json_integer((json_int_t)t->left));
        json_array_append_new(all, kept);
    }
    return all;
}
