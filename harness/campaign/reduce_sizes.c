/* Sizes: every number that is an extent of an input becomes smaller wherever the model says it (graph_edit.h, "dimension"). The
 * runtime judges whether what comes of it is a model. */
#include "harness/campaign/reduce_parts.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MOST 20
#define SIZES_MOST 8

static const json_t *input_now(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                               const char *name)
{
    const json_t *own = json_object_get(k->instead, name);
    return own ? own : json_object_get(s->inputs, name);
}

/* Extents of the inputs that are more than 1, the largest first. */
static size_t extents(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k, int64_t *sizes)
{
    json_t *names = tl_reduce_inputs(s, k), *name, *dim;
    size_t n = 0, i, d;
    json_array_foreach(names, i, name)
        json_array_foreach(json_object_get(input_now(s, k, json_string_value(name)), "shape"), d, dim) {
            int64_t size = json_integer_value(dim);
            size_t at = 0;
            while (at < n && sizes[at] > size)
                at++;
            if (size < 2 || (at < n && sizes[at] == size) || n == SIZES_MOST)
                continue;
            memmove(&sizes[at + 1], &sizes[at], (n - at) * sizeof *sizes);
            sizes[at] = size;
            n++;
        }
    json_decref(names);
    return n;
}

/* Makes one size another. False: an input holds recorded values, which have no other size. */
static bool resize(const struct tl_reduce_state *s, struct tl_reduce_candidate *k, int64_t size, int64_t to)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    json_t *places = m ? tl_onnx_places_of_size(m, size) : NULL, *pair;
    size_t i;
    bool can = json_array_size(json_object_get(places, "inputs")) > 0;
    tl_onnx_model_free(m);
    json_array_foreach(json_object_get(places, "inputs"), i, pair) {
        const char *name = json_string_value(json_array_get(pair, 0));
        size_t axis = (size_t)json_integer_value(json_array_get(pair, 1));
        const json_t *input = input_now(s, k, name);
        if (!input || !json_object_get(input, "fill")) {
            can = false;
            break;
        }
        json_t *smaller = json_deep_copy(input);
        json_array_set_new(json_object_get(smaller, "shape"), axis, json_integer(to));
        k->instead = k->instead ? k->instead : json_object();
        json_object_set_new(k->instead, name, smaller);
    }
    if (can) {
        json_object_set_new(places, "to", json_integer(to));
        tl_onnx_edits_add(&k->edits, "dimension", places);
    } else {
        json_decref(places);
    }
    return can;
}

static int shrink(struct tl_reduce_state *s, struct tl_reduce_candidate *k, int64_t size, struct tl_error *e)
{
    const struct tl_reduce_candidate whole = tl_reduce_copy(k);
    int64_t passes = 0, fails = size, to = 1;
    int result = 0;
    while (!result && !s->stopped && fails > passes + 1) {
        struct tl_reduce_candidate smaller = tl_reduce_copy(&whole);
        enum tl_reduce_verdict v = TL_REDUCE_INVALID;
        if (!resize(s, &smaller, size, to)) {
            tl_reduce_drop(&smaller);
            break;
        }
        result = tl_reduce_try(s, &smaller, &v, e);
        if (!result && v == TL_REDUCE_FAIL) {
            fails = to;
            tl_reduce_take(k, &smaller);
        } else {
            passes = to;
        }
        tl_reduce_drop(&smaller);
        to = passes + (fails - passes) / 2;
    }
    struct tl_reduce_candidate used = whole;
    tl_reduce_drop(&used);
    return result;
}

int tl_reduce_sizes(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_error *e)
{
    int64_t sizes[SIZES_MOST + 1];
    int result = 0;
    if (tl_reduce_count(s, k) > NODES_MOST)
        return 0;
    tl_reduce_step(s, "sizes");
    tl_reduce_tell(s, "");
    size_t n = extents(s, k, sizes);
    for (size_t i = 0; i < n && !result && !s->stopped; i++)
        result = shrink(s, k, sizes[i], e);
    return result;
}
