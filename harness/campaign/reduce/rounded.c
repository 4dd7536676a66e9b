/* Inputs whose last digits are others. */
#include "harness/campaign/reduce/difference.h"

#include "cases/inputs.h"
#include "cases/npy.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Some units of the last place: what a few operations round. */
#define OF_FLOAT 1e-6f
#define OF_DOUBLE 1e-14

/* Up or down, as if by chance and always alike. */
static bool is_up(size_t i)
{
    uint64_t x = (uint64_t)i * UINT64_C(0x9E3779B97F4A7C15);
    return (x ^ x >> 29) >> 31 & 1;
}

/* False: values of this type are not rounded. */
static bool round_values(enum tl_dtype dtype, void *data, size_t bytes)
{
    float *f = data;
    double *g = data;
    uint16_t *h = data;
    switch (dtype) {
    case TL_DTYPE_FLOAT32:
        for (size_t i = 0; i < bytes / sizeof *f; i++)
            f[i] *= is_up(i) ? 1 + OF_FLOAT : 1 - OF_FLOAT;
        return true;
    case TL_DTYPE_FLOAT64:
        for (size_t i = 0; i < bytes / sizeof *g; i++)
            g[i] *= is_up(i) ? 1 + OF_DOUBLE : 1 - OF_DOUBLE;
        return true;
    case TL_DTYPE_FLOAT16: /* the next one that is nearer to zero: never an infinity */
        for (size_t i = 0; i < bytes / sizeof *h; i++)
            h[i] = (uint16_t)(h[i] - (is_up(i) && h[i] & 0x7fff && (h[i] & 0x7c00) != 0x7c00));
        return true;
    default:
        return false;
    }
}

static json_t *in_file(const struct tl_input *input, const char *path)
{
    json_t *shape = json_array();
    for (size_t k = 0; k < input->rank; k++)
        json_array_append_new(shape, json_integer(input->dims[k]));
    return json_pack("{s:s,s:s,s:o,s:s}", "name", input->name, "dtype", tl_dtype_name(input->dtype), "shape",
                     shape, "npy", path);
}

/* Both as files: so nothing but the last digits differs, whoever makes random values. */
static int round_input(const struct tl_input *input, const char *own, const char *others, bool *rounded,
                       struct tl_error *e)
{
    void *data = tl_malloc((size_t)input->bytes + 1);
    int result = input->bytes ? tl_input_fill(input, data, (size_t)input->bytes, e) : 0;
    result = result || tl_npy_write(own, input->dtype, input->rank, input->dims, data, e) ? -1 : 0;
    *rounded = !result && input->bytes && round_values(input->dtype, data, (size_t)input->bytes);
    if (*rounded)
        result = tl_npy_write(others, input->dtype, input->rank, input->dims, data, e);
    free(data);
    return result;
}

static int write_list(const json_t *list, const char *path, struct tl_error *e)
{
    return json_dump_file(list, path, JSON_INDENT(1))
               ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", path,
                               "free some space, or set XDG_CACHE_HOME to another place")
               : 0;
}

int tl_reduce_round_inputs(const struct tl_reduce_state *s, struct tl_reduce_files *f, struct tl_error *e)
{
    struct tl_input *inputs = NULL;
    size_t n = 0, n_rounded = 0;
    json_t *list = f->inputs ? json_load_file(f->inputs, 0, NULL) : NULL, *own = json_array(),
           *others = json_array(), *variant = tl_variant_object(s->r->c, s->r->failing);
    int result = list ? tl_inputs_parse(list, s->directory, variant, &inputs, &n, e) : 0;
    for (size_t i = 0; i < n && !result; i++) {
        char *path = tl_format("%s/own-%zu.npy", f->directory, i),
             *other = tl_format("%s/others-%zu.npy", f->directory, i);
        bool rounded;
        result = round_input(&inputs[i], path, other, &rounded, e);
        json_array_append_new(own, in_file(&inputs[i], path));
        json_array_append_new(others, in_file(&inputs[i], rounded ? other : path));
        n_rounded += rounded;
        free(path);
        free(other);
    }
    if (!result && n_rounded) {
        free(f->inputs);
        f->reference_inputs = tl_format("%s/own.json", f->directory);
        f->inputs = tl_format("%s/others.json", f->directory);
        result = write_list(own, f->reference_inputs, e) || write_list(others, f->inputs, e) ? -1 : 0;
    }
    tl_inputs_free(inputs, n);
    json_decref(variant);
    json_decref(own);
    json_decref(others);
    json_decref(list);
    return result ? -1 : n_rounded ? 0 : 1;
}
