/* Several inputs: each variant is run with all of them, and fails where it does with one. */
#include "harness/campaign/reduce/difference.h"

#include "cases/npy.h"
#include "cases/onnx/given_inputs.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char what[] = "--sample";

/* DIR/NAME.npy, where a name may hold what no name of a file does, or DIR/0.npy. A new string; NULL: neither is there. */
static char *file_of(const char *directory, const char *name, size_t place)
{
    char *own = tl_strdup(name);
    for (char *at = own; *at; at++)
        *at = *at == '/' ? '_' : *at;
    char *path = tl_format("%s/%s.npy", directory, own), *real = realpath(path, NULL);
    free(path);
    free(own);
    if (real)
        return real;
    path = tl_format("%s/%zu.npy", directory, place);
    real = realpath(path, NULL);
    free(path);
    return real;
}

/* Every sample has the types and shapes of the first: a model that begins in the middle declares those. */
static int check_form(const json_t *first, const json_t *input, const char *path, struct tl_error *e)
{
    if (!first || (json_equal(json_object_get(first, "shape"), json_object_get(input, "shape")) &&
                   json_equal(json_object_get(first, "dtype"), json_object_get(input, "dtype"))))
        return 0;
    char *shape = json_dumps(json_object_get(first, "shape"), JSON_COMPACT);
    tl_fail(e, TL_ERROR_INPUT, what, path,
            "expected %s of the shape %s, as in the first sample: all samples have the same form",
            json_string_value(json_object_get(first, "dtype")), shape);
    free(shape);
    return -1;
}

static int read_sample(const struct tl_reduce_state *s, const struct tl_onnx_inputs *declared,
                       const char *directory, json_t *sample, struct tl_error *e)
{
    for (size_t i = 0; i < declared->n; i++) {
        const char *name = declared->list[i].name;
        char *path = file_of(directory, name, i);
        struct tl_npy h;
        if (!path)
            return tl_fail(e, TL_ERROR_INPUT, what, directory,
                           "it has neither %s.npy nor %zu.npy for an input of the model", name, i);
        if (tl_npy_open(path, &h, e)) {
            free(path);
            return -1;
        }
        json_t *shape = json_array();
        for (size_t k = 0; k < h.rank; k++)
            json_array_append_new(shape, json_integer(h.dims[k]));
        json_t *input = json_pack("{s:s,s:s,s:o,s:s}", "name", name, "dtype", tl_dtype_name(h.dtype), "shape",
                                  shape, "npy", path);
        json_object_set_new(sample, name, input);
        int result =
            tl_onnx_input_check(&declared->list[i], input, what, path, e)
                ? -1
                : check_form(s->n_samples ? json_object_get(s->samples[0], name) : NULL, input, path, e);
        free(path);
        if (result)
            return -1;
    }
    return 0;
}

int tl_reduce_samples_read(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_onnx_inputs declared = {0};
    char why[512];
    int result = 0;
    if (!s->r->n_samples)
        return 0;
    if (tl_onnx_inputs_read(s->bytes, s->size, &declared, why, sizeof why))
        result = tl_fail(e, TL_ERROR_INPUT, "cannot reduce it", s->r->c->model_file, "%s", why);
    s->samples = tl_calloc(s->r->n_samples, sizeof *s->samples);
    for (size_t i = 0; !result && i < s->r->n_samples; i++) {
        json_t *sample = json_object();
        result = read_sample(s, &declared, s->r->samples[i], sample, e);
        s->samples[s->n_samples++] = sample;
    }
    tl_onnx_inputs_free(&declared);
    if (s->n_samples) { /* they stand in the place of what was there */
        json_decref(s->inputs);
        s->inputs = s->samples[0];
    }
    s->derives = s->derives && !s->n_samples;
    return result;
}

int tl_reduce_samples_choose(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                             struct tl_error *e)
{
    int result = 0;
    enum tl_reduce_verdict v = TL_REDUCE_PASS;
    json_t *before = s->inputs;
    for (size_t i = 0; i < s->n_samples && !result && !s->stopped && v != TL_REDUCE_FAIL; i++) {
        s->inputs = s->samples[i];
        result = tl_reduce_try_one(s, k, &v, e);
    }
    if (v != TL_REDUCE_FAIL)
        s->inputs = before;
    return result;
}
