#include "runners/sim/output.h"

#include "cases/inputs.h"
#include "harness/base/buffer.h"
#include "harness/base/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 8

/* The values in the type that the runtime's tensor has. The caller's to free. */
static void *in_its_type(const struct tl_decoder_tensor *t, size_t *size)
{
    const float *values = t->data;
    *size = t->count * tl_decoder_dtype_size(t->dtype);
    void *bytes = tl_malloc(*size ? *size : 1);
    if (t->dtype == TL_DECODER_FLOAT16)
        for (size_t i = 0; i < t->count; i++)
            ((uint16_t *)bytes)[i] = tl_half_from_double((double)values[i]);
    else
        memcpy(bytes, values, *size);
    return bytes;
}

static json_t *figure(float v)
{
    return isfinite(v) ? json_real((double)v) : json_string(isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
}

static json_t *describe(const struct tl_decoder_tensor *t, const void *bytes, size_t size)
{
    const float *values = t->data;
    float least = 0, most = 0;
    double sum = 0;
    size_t finite = 0;
    char id[TL_ID_SIZE];
    json_t *shape = json_array(), *first = json_array();
    for (size_t i = 0; i < t->count; i++) {
        if (i < FIRST)
            json_array_append_new(first, figure(values[i]));
        if (!isfinite(values[i]))
            continue;
        least = finite && least < values[i] ? least : values[i];
        most = finite && most > values[i] ? most : values[i];
        sum += (double)values[i];
        finite++;
    }
    for (int i = 0; i < t->rank; i++)
        json_array_append_new(shape, json_integer(t->shape[i]));
    tl_content_id(bytes, size, id);
    return json_pack("{s:s, s:s, s:o, s:s, s:b, s:o, s:o, s:o, s:o}", "name", t->name, "dtype",
                     tl_decoder_dtype_name(t->dtype), "shape", shape, "hash", id, "finite",
                     finite == t->count, "min", finite ? figure(least) : json_null(), "max",
                     finite ? figure(most) : json_null(), "mean",
                     finite ? json_real(sum / (double)finite) : json_null(), "first", first);
}

json_t *tl_sim_outputs(const struct tl_decoder_tensors *t, const char *directory, struct tl_error *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->n; i++) {
        const struct tl_decoder_tensor *x = &t->list[i];
        size_t size;
        void *bytes = in_its_type(x, &size);
        json_t *output = describe(x, bytes, size);
        char *file = tl_format("%zu.npy", i), *path = tl_format("%s/%s", directory ? directory : "", file);
        int failed = directory &&
                     tl_npy_write(path, x->dtype == TL_DECODER_FLOAT16 ? TL_DTYPE_FLOAT16 : TL_DTYPE_FLOAT32,
                                  (size_t)x->rank, x->shape, bytes, e);
        if (directory)
            json_object_set_new(output, "npy", json_string(file));
        json_array_append_new(list, output);
        free(file);
        free(path);
        free(bytes);
        if (failed) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
