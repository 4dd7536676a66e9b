/* Inputs of a session: from a list, from a family, or derived from the model. Memory of tensors is the
 * runtime's own, so that one that is too large gets the runtime's own refusal. */
#include "cases/inputs.h"
#include "runners/onnxruntime/tensors.h"

#include <stdlib.h>
#include <string.h>

void tl_ort_feed_free(const struct tl_ort *ort, struct tl_ort_feed *feed)
{
    for (size_t i = 0; i < feed->n; i++) {
        if (feed->values[i])
            ort->api.ReleaseValue(feed->values[i]);
        free(feed->names[i]);
    }
    free(feed->names);
    free(feed->values);
    memset(feed, 0, sizeof *feed);
}

/* A new tensor in the feed, and where its elements are. */
static int add(const struct tl_ort *ort, struct tl_ort_feed *feed, const char *name, int dtype, size_t rank,
               const int64_t *dims, void **data, struct tl_error *e)
{
    static const char doing[] = "cannot make an input";
    struct tl_ort_allocator *allocator = NULL;
    struct tl_ort_value *value = NULL;
    static const int64_t none = 0;
    *data = NULL;
    if (tl_ort_check(ort, ort->api.GetAllocatorWithDefaultOptions(&allocator), doing, e) != 0 ||
        tl_ort_check(ort,
                     ort->api.CreateTensorAsOrtValue(allocator, rank ? dims : &none, rank, dtype, &value),
                     doing, e) != 0)
        return -1;
    feed->names = tl_realloc(feed->names, feed->n + 1, sizeof *feed->names);
    feed->values = tl_realloc(feed->values, feed->n + 1, sizeof *feed->values);
    feed->names[feed->n] = tl_strdup(name);
    feed->values[feed->n++] = value;
    if (dtype == 8 /* strings are filled one by one */)
        return 0;
    return tl_ort_check(ort, ort->api.GetTensorMutableData(value, data), doing, e);
}

int tl_ort_feed_add(const struct tl_ort *ort, struct tl_ort_feed *feed, const char *name, int dtype,
                    size_t rank, const int64_t *dims, const void *data, size_t bytes, struct tl_error *e)
{
    void *at;
    if (add(ort, feed, name, dtype, rank, dims, &at, e) != 0)
        return -1;
    if (bytes)
        memcpy(at, data, bytes);
    return 0;
}

static int add_input(const struct tl_ort *ort, struct tl_ort_feed *feed, const struct tl_input *input,
                     enum tl_ort_fault *fault, struct tl_error *e)
{
    void *at;
    *fault = TL_ORT_FAULT_RUNTIME;
    if (add(ort, feed, input->name, (int)input->dtype, input->rank, input->dims, &at, e) != 0)
        return -1;
    *fault = TL_ORT_FAULT_INPUTS;
    return input->bytes ? tl_input_fill(input, at, (size_t)input->bytes, e) : 0;
}

int tl_ort_feed_file(const struct tl_ort *ort, struct tl_ort_feed *feed, const char *path,
                     const json_t *variant, enum tl_ort_fault *fault, struct tl_error *e)
{
    struct tl_input *inputs = NULL;
    size_t n = 0;
    *fault = TL_ORT_FAULT_INPUTS;
    int rc = tl_inputs_load(path, variant, &inputs, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add_input(ort, feed, &inputs[i], fault, e);
    tl_inputs_free(inputs, n);
    return rc;
}

static int add_strings(const struct tl_ort *ort, struct tl_ort_feed *feed, const char *name, size_t rank,
                       const int64_t *dims, uint64_t elements, struct tl_error *e)
{
    void *unused;
    if (add(ort, feed, name, 8, rank, dims, &unused, e) != 0)
        return -1;
    const char **strings = tl_calloc((size_t)elements + 1, sizeof *strings);
    for (uint64_t i = 0; i < elements; i++)
        strings[i] = i % 2 ? "one" : "zero";
    int rc =
        tl_ort_check(ort, ort->api.FillStringTensor(feed->values[feed->n - 1], strings, (size_t)elements),
                     "cannot make an input", e);
    free(strings);
    return rc;
}

/* The extents of an input with symbolic ones resolved. */
static int shape_of(const struct tl_ort *ort, const struct tl_ort_tensor_info *info, const char *name,
                    const json_t *variant, size_t *rank, int64_t dims[TL_RANK_MAX], uint64_t *elements,
                    enum tl_ort_fault *fault, struct tl_error *e)
{
    static const char doing[] = "cannot derive an input";
    const char *symbols[TL_RANK_MAX] = {NULL};
    *fault = TL_ORT_FAULT_RUNTIME;
    if (tl_ort_check(ort, ort->api.GetDimensionsCount(info, rank), doing, e) != 0)
        return -1;
    *fault = TL_ORT_FAULT_INPUTS;
    if (*rank > TL_RANK_MAX)
        return tl_fail(e, TL_ERROR_INPUT, doing, name, "it has %zu dimensions; %d can be made", *rank,
                       TL_RANK_MAX);
    *fault = TL_ORT_FAULT_RUNTIME;
    if (*rank && (tl_ort_check(ort, ort->api.GetDimensions(info, dims, *rank), doing, e) != 0 ||
                  tl_ort_check(ort, ort->api.GetSymbolicDimensions(info, symbols, *rank), doing, e) != 0))
        return -1;
    *fault = TL_ORT_FAULT_INPUTS;
    *elements = 1;
    for (size_t i = 0; i < *rank; i++) {
        const json_t *axis = symbols[i] && *symbols[i] ? json_object_get(variant, symbols[i]) : NULL;
        if (dims[i] < 0)
            dims[i] = json_is_integer(axis) ? json_integer_value(axis) : 1;
        if (dims[i] < 0)
            return tl_fail(e, TL_ERROR_INPUT, doing, name, "the axis \"%s\" gives it a negative extent",
                           symbols[i]);
        if (dims[i] && *elements > TL_INPUT_BYTES_MAX / (uint64_t)dims[i])
            return tl_fail(e, TL_ERROR_INPUT, doing, name, "it would be larger than %llu bytes",
                           (unsigned long long)TL_INPUT_BYTES_MAX);
        *elements *= (uint64_t)dims[i];
    }
    return 0;
}

static int derive_tensor(const struct tl_ort *ort, struct tl_ort_feed *feed,
                         const struct tl_ort_tensor_info *info, char *name, size_t index,
                         const json_t *variant, enum tl_ort_fault *fault, struct tl_error *e)
{
    static const char doing[] = "cannot derive an input";
    struct tl_input input = {.name = name, .fill = TL_FILL_RANDOM, .seed = index};
    int dtype = 0;
    *fault = TL_ORT_FAULT_RUNTIME;
    if (tl_ort_check(ort, ort->api.GetTensorElementType(info, &dtype), doing, e) != 0 ||
        shape_of(ort, info, name, variant, &input.rank, input.dims, &input.elements, fault, e) != 0)
        return -1;
    if (dtype == 8) {
        *fault = TL_ORT_FAULT_RUNTIME;
        return add_strings(ort, feed, name, input.rank, input.dims, input.elements, e);
    }
    input.dtype = (enum tl_dtype)dtype;
    if (tl_dtype_size(input.dtype)) {
        input.bytes = input.elements * tl_dtype_size(input.dtype);
        return add_input(ort, feed, &input, fault, e);
    }
    unsigned bits = tl_ort_dtype_bits(dtype);
    if (!bits)
        return tl_fail(e, TL_ERROR_INPUT, doing, name, "its element type is %s", tl_ort_dtype_name(dtype));
    /* Small floats, packed integers and complex numbers: every element zero. */
    void *at;
    *fault = TL_ORT_FAULT_RUNTIME;
    if (add(ort, feed, name, dtype, input.rank, input.dims, &at, e) != 0)
        return -1;
    if (input.elements)
        memset(at, 0, (size_t)((input.elements * bits + 7) / 8));
    return 0;
}

int tl_ort_feed_derive(const struct tl_ort *ort, struct tl_ort_feed *feed,
                       const struct tl_ort_session *session, const json_t *variant, enum tl_ort_fault *fault,
                       struct tl_error *e)
{
    static const char doing[] = "cannot derive an input";
    struct tl_ort_allocator *allocator = NULL;
    size_t n = 0;
    *fault = TL_ORT_FAULT_RUNTIME;
    int rc = tl_ort_check(ort, ort->api.GetAllocatorWithDefaultOptions(&allocator), doing, e);
    if (rc == 0)
        rc = tl_ort_check(ort, ort->api.SessionGetInputCount(session, &n), doing, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct tl_ort_type_info *type = NULL;
        const struct tl_ort_tensor_info *info = NULL;
        char *name = NULL;
        int kind = TL_ORT_KIND_UNKNOWN;
        *fault = TL_ORT_FAULT_RUNTIME;
        rc = tl_ort_check(ort, ort->api.SessionGetInputName(session, i, allocator, &name), doing, e);
        if (rc == 0)
            rc = tl_ort_check(ort, ort->api.SessionGetInputTypeInfo(session, i, &type), doing, e);
        if (rc == 0)
            rc = tl_ort_check(ort, ort->api.GetOnnxTypeFromTypeInfo(type, &kind), doing, e);
        if (rc == 0 && kind == TL_ORT_KIND_TENSOR)
            rc = tl_ort_check(ort, ort->api.CastTypeInfoToTensorInfo(type, &info), doing, e);
        if (rc == 0 && !info) {
            *fault = TL_ORT_FAULT_INPUTS;
            rc = tl_fail(e, TL_ERROR_INPUT, doing, name, "the model wants a %s; only tensors can be made",
                         tl_ort_kind_name(kind));
        }
        if (rc == 0)
            rc = derive_tensor(ort, feed, info, name, i, variant, fault, e);
        if (type)
            ort->api.ReleaseTypeInfo(type);
        if (name) /* a status here would say nothing that matters */
            tl_ort_check(ort, ort->api.AllocatorFree(allocator, name), doing, NULL);
    }
    return rc;
}
