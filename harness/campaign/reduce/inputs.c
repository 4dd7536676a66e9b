/* Inputs that are made of others. In the list of a variant an input may say how it comes of another one, so that a variant stays
 * a short text however large its inputs are; a file is made of it when the variant is written.
 *
 *   from   the other one, which may be such an input again
 *   with   zeros, ones or random: what all elements become, but for
 *   keep   a set of places in the flat list of elements, which stay
 *   set    [[PLACE, NUMBER]…]: single elements
 *   picks  [[AXIS, SET]…]: only what is at these places along an axis
 *
 * in this order; then its elements become those of its own type. */
#include "harness/campaign/reduce/values.h"

#include "cases/inputs.h"
#include "cases/npy.h"
#include "cases/onnx/tensor_pb.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MADE "made-inputs"

static const char what[] = "cannot make an input";

/* "0-4,7" as pairs, ascending. False: it is none, or names a place from `most` on. */
static bool read_set(const char *text, uint64_t most, uint64_t **pairs, size_t *n)
{
    *pairs = NULL;
    *n = 0;
    for (const char *at = text; at && *at; at += *at == ',') {
        char *end;
        uint64_t first = strtoull(at, &end, 10), last = first;
        if (end != at && *end == '-')
            last = strtoull(at = end + 1, &end, 10);
        if (end == at || (*end && *end != ',') || last < first || last >= most)
            return false;
        uint64_t *pair = TL_GROW(*pairs, *n);
        pair[0] = first;
        *TL_GROW(*pairs, *n) = last;
        at = end;
    }
    return text != NULL;
}

static int fill(struct tl_reduce_elements *t, const char *with, uint64_t seed, const char *keep,
                struct tl_error *e)
{
    uint64_t *pairs = NULL;
    size_t n = 0, size, filled;
    uint8_t *before = NULL, *after = NULL;
    struct tl_tensor_pb all;
    char why[256];
    if (keep && !read_set(keep, t->elements, &pairs, &n)) {
        free(pairs);
        return tl_fail(e, TL_ERROR_INPUT, what, "keep", "a set of its elements was expected");
    }
    int result = tl_onnx_tensor_make((int)t->dtype, t->rank, t->dims, t->data,
                                     (size_t)t->elements * tl_dtype_size(t->dtype), &before, &size, e) ||
                         tl_onnx_tensor_fill(before, size, with, seed, pairs, n / 2, &after, &filled, e)
                     ? -1
                     : 0;
    if (!result && tl_tensor_pb_read(after, filled, &all, why, sizeof why)) {
        result = tl_fail(e, TL_ERROR_INPUT, what, with, "%s", why);
    } else if (!result) {
        memcpy(t->data, all.data, (size_t)t->elements * tl_dtype_size(t->dtype));
        tl_tensor_pb_free(&all);
    }
    free(before);
    free(after);
    free(pairs);
    return result;
}

static void store(const struct tl_reduce_elements *t, uint64_t place, const json_t *value)
{
    char *at = t->data + place * tl_dtype_size(t->dtype);
    if (tl_dtype_is_float(t->dtype))
        tl_store_real(t->dtype, at, json_number_value(value));
    else
        tl_store_integer(t->dtype, at, (uint64_t)json_integer_value(value));
}

static int pick(struct tl_reduce_elements *t, size_t axis, const char *set, struct tl_error *e)
{
    uint64_t *pairs = NULL, outer = 1, n = 0;
    size_t count = 0, row = tl_dtype_size(t->dtype);
    if (axis >= t->rank || !read_set(set, (uint64_t)t->dims[axis], &pairs, &count)) {
        free(pairs);
        return tl_fail(e, TL_ERROR_INPUT, what, "picks", "places along one of its axes were expected");
    }
    for (size_t i = 0; i < count; i += 2)
        n += pairs[i + 1] - pairs[i] + 1;
    for (size_t d = 0; d < t->rank; d++) {
        outer *= d < axis ? (uint64_t)t->dims[d] : 1;
        row *= d > axis ? (size_t)t->dims[d] : 1;
    }
    uint64_t old = (uint64_t)t->dims[axis];
    char *data = tl_malloc((size_t)(outer * n) * row + 1), *to = data;
    for (uint64_t o = 0; o < outer; o++)
        for (size_t i = 0; i < count; i += 2) {
            size_t bytes = (size_t)(pairs[i + 1] - pairs[i] + 1) * row;
            memcpy(to, t->data + (o * old + pairs[i]) * row, bytes);
            to += bytes;
        }
    free(t->data);
    t->data = data;
    t->dims[axis] = (int64_t)n;
    t->elements = outer * n;
    for (size_t d = axis + 1; d < t->rank; d++)
        t->elements *= (uint64_t)t->dims[d];
    free(pairs);
    return 0;
}

static void recast(struct tl_reduce_elements *t, enum tl_dtype to)
{
    size_t size = tl_dtype_size(to);
    char *data = tl_calloc((size_t)t->elements + 1, size);
    for (uint64_t i = 0; i < t->elements; i++) {
        if (tl_dtype_is_float(to)) {
            tl_store_real(to, data + i * size, tl_element_value(t->dtype, t->data, i));
        } else {
            int64_t v = 0;
            memcpy(&v, t->data + i * tl_dtype_size(t->dtype), tl_dtype_size(t->dtype));
            tl_store_integer(to, data + i * size, (uint64_t)v); /* little endian */
        }
    }
    free(t->data);
    t->data = data;
    t->dtype = to;
}

/* One that stands as lists of inputs have it. */
static int plain(const struct tl_reduce_state *s, const json_t *input, struct tl_reduce_elements *t,
                 struct tl_error *e)
{
    static const char *const members[] = {"dtype", "shape", "fill", "data", "npy"};
    json_t *one = json_pack("{s:s}", "name", "x"), *list = json_pack("[o]", one);
    struct tl_input *parsed = NULL;
    size_t n = 0;
    for (size_t i = 0; i < TL_COUNT(members); i++)
        if (json_object_get(input, members[i]))
            json_object_set(one, members[i], json_object_get(input, members[i]));
    int result = tl_inputs_parse(list, s->directory, NULL, &parsed, &n, e);
    if (!result) {
        *t = (struct tl_reduce_elements){
            .dtype = parsed->dtype, .rank = parsed->rank, .elements = parsed->elements};
        memcpy(t->dims, parsed->dims, sizeof t->dims);
        t->data = tl_calloc((size_t)parsed->bytes + 1, 1);
        result = parsed->bytes ? tl_input_fill(parsed, t->data, (size_t)parsed->bytes, e) : 0;
    }
    tl_inputs_free(parsed, n);
    json_decref(list);
    return result;
}

int tl_reduce_elements(const struct tl_reduce_state *s, const json_t *input, struct tl_reduce_elements *t,
                       struct tl_error *e)
{
    const json_t *from = json_object_get(input, "from"), *one;
    const char *with = json_string_value(json_object_get(input, "with"));
    size_t i;
    *t = (struct tl_reduce_elements){0};
    if (!from)
        return plain(s, input, t, e);
    int result = tl_reduce_elements(s, from, t, e);
    if (!result && with)
        result = fill(t, with, (uint64_t)json_integer_value(json_object_get(input, "seed")),
                      json_string_value(json_object_get(input, "keep")), e);
    json_array_foreach(json_object_get(input, "set"), i, one) {
        uint64_t place = (uint64_t)json_integer_value(json_array_get(one, 0));
        if (!result && place < t->elements)
            store(t, place, json_array_get(one, 1));
    }
    json_array_foreach(json_object_get(input, "picks"), i, one)
        result = result || pick(t, (size_t)json_integer_value(json_array_get(one, 0)),
                                json_string_value(json_array_get(one, 1)), e)
                     ? -1
                     : 0;
    enum tl_dtype own = tl_dtype_parse(json_string_value(json_object_get(input, "dtype")));
    if (!result && own != TL_DTYPE_NONE && own != t->dtype)
        recast(t, own);
    return result;
}

void tl_reduce_elements_free(struct tl_reduce_elements *t)
{
    free(t->data);
    *t = (struct tl_reduce_elements){0};
}

int tl_reduce_make_inputs(const struct tl_reduce_state *s, json_t *list, const char *directory,
                          struct tl_error *e)
{
    static const char *const own[] = {"from", "with", "seed", "keep", "set", "picks"};
    json_t *input;
    size_t i;
    int result = 0;
    json_array_foreach(list, i, input) {
        struct tl_reduce_elements t;
        struct tl_error unfit;
        if (!json_object_get(input, "from") || result)
            continue;
        char *below = tl_format("%s/" MADE, directory), *path = tl_format("%s/%zu.npy", below, i);
        if (tl_reduce_elements(s, input, &t, &unfit))
            result = 1;
        else if (tl_make_directories(below, 0700))
            result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", below,
                                   "free some space");
        else
            result = tl_npy_write(path, t.dtype, t.rank, t.dims, t.data, e);
        for (size_t k = 0; k < TL_COUNT(own); k++)
            json_object_del(input, own[k]);
        json_object_set_new(input, "npy", json_string(path));
        tl_reduce_elements_free(&t);
        free(path);
        free(below);
    }
    return result;
}

bool tl_reduce_holds(const json_t *input)
{
    const json_t *from = json_object_get(input, "from");
    if (json_object_get(input, "with") && !json_object_get(input, "keep"))
        return false;
    return from ? tl_reduce_holds(from) : !json_object_get(input, "fill");
}

void tl_reduce_remove_made_inputs(const char *directory)
{
    char *below = tl_format("%s/" MADE, directory);
    tl_remove_tree(below);
    free(below);
}
