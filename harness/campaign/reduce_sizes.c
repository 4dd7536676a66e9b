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

/* Sizes from which it is known that it fails, and does not. */
struct between {
    int64_t passes, fails;
};

static int64_t next_size(const struct between *b, bool first)
{
    return first ? 1 : b->passes + (b->fails - b->passes) / 2;
}

struct ahead {
    const struct tl_reduce_state *s;
    const struct tl_reduce_candidate *whole;
    struct between now;
    int64_t size, to;
};

/* The digits of i + 2 are answers, as they are for a prefix (reduce_cut.c). */
static int guess_size(void *arg, size_t i, struct tl_reduce_candidate *k)
{
    const struct ahead *a = arg;
    struct between b = a->now;
    int64_t to = a->to;
    size_t answers = i + 2, digit = 1;
    while (digit * 2 <= answers)
        digit *= 2;
    while (digit > 1) {
        digit /= 2;
        if (answers & digit)
            b.passes = to;
        else
            b.fails = to;
        if (b.fails <= b.passes + 1)
            return 0;
        to = next_size(&b, false);
    }
    *k = tl_reduce_copy(a->whole);
    return resize(a->s, k, a->size, to);
}

static int shrink(struct tl_reduce_state *s, struct tl_reduce_candidate *k, int64_t size, struct tl_error *e)
{
    const struct tl_reduce_candidate whole = tl_reduce_copy(k);
    struct between b = {0, size};
    int64_t to = next_size(&b, true);
    int result = 0;
    while (!result && !s->stopped && b.fails > b.passes + 1) {
        struct tl_reduce_candidate smaller = tl_reduce_copy(&whole);
        enum tl_reduce_verdict v = TL_REDUCE_INVALID;
        if (!resize(s, &smaller, size, to)) {
            tl_reduce_drop(&smaller);
            break;
        }
        struct ahead ahead = {s, &whole, b, size, to};
        tl_reduce_guesses(s, guess_size, &ahead);
        result = tl_reduce_try(s, &smaller, &v, e);
        if (!result && v == TL_REDUCE_FAIL) {
            b.fails = to;
            tl_reduce_take(k, &smaller);
        } else {
            b.passes = to;
        }
        tl_reduce_drop(&smaller);
        to = next_size(&b, false);
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
