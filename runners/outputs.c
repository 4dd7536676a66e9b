/* Output tensors that are plain memory, described: for the runners that compute them themselves. */
#include "runners/outputs.h"

#include "cases/npy.h"
#include "harness/base/buffer.h"
#include "harness/base/hash.h"

#include <math.h>
#include <stdlib.h>

#define FIRST 8 /* values told */

static json_t *value_json(double v)
{
    return isfinite(v) ? json_real(v) : json_string(isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
}

json_t *tl_output_json(const char *name, enum tl_dtype dtype, size_t rank, const int64_t *dims,
                       const void *data, const char *directory, size_t index, struct tl_error *e)
{
    uint64_t n = 1;
    json_t *shape = json_array(), *first = json_array();
    for (size_t i = 0; i < rank; i++) {
        n *= (uint64_t)dims[i];
        json_array_append_new(shape, json_integer(dims[i]));
    }
    double least = 0, greatest = 0, sum = 0;
    uint64_t numbers = 0, nan = 0, inf = 0, at = 0;
    for (uint64_t i = 0; i < n; i++) {
        double v = tl_element_value(dtype, data, i);
        if (i < FIRST)
            json_array_append_new(first, value_json(v));
        if (!isfinite(v)) {
            at = nan || inf ? at : i;
            nan += isnan(v);
            inf += !isnan(v);
            continue;
        }
        least = !numbers || v < least ? v : least;
        greatest = !numbers || v > greatest ? v : greatest;
        sum += v;
        numbers++;
    }
    char id[TL_ID_SIZE];
    tl_content_id(data, (size_t)n * tl_dtype_size(dtype), id);
    json_t *out = json_pack("{s:s,s:s,s:o,s:s,s:b,s:o}", "name", name, "dtype", tl_dtype_name(dtype), "shape",
                            shape, "hash", id, "finite", numbers == n, "first", first);
    if (nan || inf)
        json_object_set_new(
            out, "not_finite",
            json_pack("{s:I,s:I,s:I}", "nan", (json_int_t)nan, "inf", (json_int_t)inf, "at", (json_int_t)at));
    json_object_set_new(out, "min", numbers ? json_real(least) : json_null());
    json_object_set_new(out, "max", numbers ? json_real(greatest) : json_null());
    json_object_set_new(out, "mean", numbers ? json_real(sum / (double)numbers) : json_null());
    if (directory) {
        char *file = tl_format("%zu.npy", index), *path = tl_format("%s/%s", directory, file);
        int failed = tl_npy_write(path, dtype, rank, dims, data, e);
        json_object_set_new(out, "npy", json_string(file));
        free(path);
        free(file);
        if (failed) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

json_t *tl_output_json_of_floats(const char *name, enum tl_dtype dtype, size_t rank, const int64_t *dims,
                                 const float *values, const char *directory, size_t index, struct tl_error *e)
{
    if (dtype != TL_DTYPE_FLOAT16)
        return tl_output_json(name, dtype, rank, dims, values, directory, index, e);
    size_t n = 1;
    for (size_t i = 0; i < rank; i++)
        n *= (size_t)dims[i];
    uint16_t *bits = tl_calloc(n + 1, sizeof *bits);
    for (size_t i = 0; i < n; i++)
        bits[i] = tl_half_from_double((double)values[i]);
    json_t *output = tl_output_json(name, dtype, rank, dims, bits, directory, index, e);
    free(bits);
    return output;
}
