/* Inputs that nobody gives: made from the types that a model declares.
 *
 * A session tells them, and of what is no tensor, or when there is no session, the model's own file. Either way an input
 * of the same type at the same place is the same: the reproducer of a model that is refused is given what a session would
 * be given. An optional input is there, and a sequence has one tensor. */
#include "cases/inputs.h"
#include "cases/onnx/model_inputs.h"
#include "runners/onnxruntime/tensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char doing[] = "cannot derive an input";

/* A tensor that is wanted. */
struct wanted {
    const char *name;
    size_t index; /* of the input: the seed of its elements */
    int dtype;
    size_t rank;
    int64_t dims[TL_RANK_MAX];
    const char *symbols[TL_RANK_MAX];
};

static int fill_strings(const struct tl_ort *ort, struct tl_ort_value *value, uint64_t elements,
                        struct tl_error *e)
{
    const char **strings = tl_calloc((size_t)elements + 1, sizeof *strings);
    for (uint64_t i = 0; i < elements; i++)
        strings[i] = i % 2 ? "one" : "zero";
    int rc = tl_ort_check(ort, ort->api.FillStringTensor(value, strings, (size_t)elements),
                          "cannot make an input", e);
    free(strings);
    return rc;
}

/* Symbolic extents are 1, or the variant's axis of that name. */
static int resolve(struct wanted *w, const json_t *variant, uint64_t *elements, struct tl_error *e)
{
    *elements = 1;
    for (size_t i = 0; i < w->rank; i++) {
        const json_t *axis = w->symbols[i] && *w->symbols[i] ? json_object_get(variant, w->symbols[i]) : NULL;
        if (w->dims[i] < 0)
            w->dims[i] = json_is_integer(axis) ? json_integer_value(axis) : 1;
        if (w->dims[i] < 0)
            return tl_fail(e, TL_ERROR_INPUT, doing, w->name, "the axis \"%s\" gives it a negative extent",
                           w->symbols[i]);
        if (w->dims[i] && *elements > TL_INPUT_BYTES_MAX / (uint64_t)w->dims[i])
            return tl_fail(e, TL_ERROR_INPUT, doing, w->name, "it would be larger than %llu bytes",
                           (unsigned long long)TL_INPUT_BYTES_MAX);
        *elements *= (uint64_t)w->dims[i];
    }
    return 0;
}

static int make(const struct tl_ort *ort, struct wanted *w, const json_t *variant,
                struct tl_ort_value **value, enum tl_ort_fault *fault, struct tl_error *e)
{
    struct tl_input input = {
        .dtype = (enum tl_dtype)w->dtype, .rank = w->rank, .fill = TL_FILL_RANDOM, .seed = w->index};
    const unsigned bits = tl_ort_dtype_bits(w->dtype);
    void *at;
    *value = NULL;
    *fault = TL_ORT_FAULT_INPUTS;
    if (resolve(w, variant, &input.elements, e))
        return -1;
    if (!bits && w->dtype != TL_ORT_STRING)
        return tl_fail(e, TL_ERROR_INPUT, doing, w->name, "its element type is %s",
                       tl_ort_dtype_name(w->dtype));
    *fault = TL_ORT_FAULT_RUNTIME;
    if (tl_ort_tensor_new(ort, w->dtype, w->rank, w->dims, value, &at, e) != 0)
        return -1;
    if (w->dtype == TL_ORT_STRING)
        return fill_strings(ort, *value, input.elements, e);
    *fault = TL_ORT_FAULT_INPUTS;
    memcpy(input.dims, w->dims, sizeof input.dims);
    input.bytes = input.elements * tl_dtype_size(input.dtype);
    if (tl_dtype_size(input.dtype))
        return input.bytes ? tl_input_fill(&input, at, (size_t)input.bytes, e) : 0;
    if (input.elements) /* small floats, packed integers and complex numbers: every element zero */
        memset(at, 0, (size_t)((input.elements * bits + 7) / 8));
    return 0;
}

/* One input: the tensor, or a sequence of it. */
static int derive(const struct tl_ort *ort, struct tl_ort_feed *feed, struct wanted *w, bool sequence,
                  const json_t *variant, enum tl_ort_fault *fault, struct tl_error *e)
{
    struct tl_ort_value *value, *whole = NULL;
    int rc = make(ort, w, variant, &value, fault, e);
    if (rc == 0 && sequence) {
        const struct tl_ort_value *const list[] = {value};
        *fault = TL_ORT_FAULT_RUNTIME;
        rc = tl_ort_check(ort, ort->api.CreateValue(list, 1, TL_ORT_KIND_SEQUENCE, &whole), doing, e);
        ort->api.ReleaseValue(value);
        value = whole;
    }
    if (value)
        tl_ort_feed_put(feed, w->name, value);
    return rc;
}

static int wanted_of_session(const struct tl_ort *ort, const struct tl_ort_tensor_info *info,
                             struct wanted *w, enum tl_ort_fault *fault, struct tl_error *e)
{
    *fault = TL_ORT_FAULT_RUNTIME;
    if (tl_ort_check(ort, ort->api.GetTensorElementType(info, &w->dtype), doing, e) != 0 ||
        tl_ort_check(ort, ort->api.GetDimensionsCount(info, &w->rank), doing, e) != 0)
        return -1;
    *fault = TL_ORT_FAULT_INPUTS;
    if (w->rank > TL_RANK_MAX)
        return tl_fail(e, TL_ERROR_INPUT, doing, w->name, "it has %zu dimensions; %d can be made", w->rank,
                       TL_RANK_MAX);
    *fault = TL_ORT_FAULT_RUNTIME;
    if (!w->rank)
        return 0;
    return tl_ort_check(ort, ort->api.GetDimensions(info, w->dims, w->rank), doing, e) ||
                   tl_ort_check(ort, ort->api.GetSymbolicDimensions(info, w->symbols, w->rank), doing, e)
               ? -1
               : 0;
}

static int derive_of_session(const struct tl_ort *ort, struct tl_ort_feed *feed,
                             const struct tl_ort_session *session, size_t i, const json_t *variant,
                             enum tl_ort_fault *fault, struct tl_error *e)
{
    struct tl_ort_allocator *allocator = NULL;
    struct tl_ort_type_info *type = NULL;
    const struct tl_ort_tensor_info *info = NULL;
    char *name = NULL;
    int kind = TL_ORT_KIND_UNKNOWN;
    *fault = TL_ORT_FAULT_RUNTIME;
    int rc = tl_ort_check(ort, ort->api.GetAllocatorWithDefaultOptions(&allocator), doing, e);
    if (rc == 0)
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
    struct wanted w = {.name = name, .index = i};
    if (rc == 0)
        rc = wanted_of_session(ort, info, &w, fault, e);
    if (rc == 0)
        rc = derive(ort, feed, &w, false, variant, fault, e);
    if (type)
        ort->api.ReleaseTypeInfo(type);
    if (name) /* a status here would say nothing that matters */
        tl_ort_check(ort, ort->api.AllocatorFree(allocator, name), doing, NULL);
    return rc;
}

int tl_ort_feed_derive(const struct tl_ort *ort, struct tl_ort_feed *feed,
                       const struct tl_ort_session *session, const json_t *variant, enum tl_ort_fault *fault,
                       struct tl_error *e)
{
    size_t n = 0;
    *fault = TL_ORT_FAULT_RUNTIME;
    int rc = tl_ort_check(ort, ort->api.SessionGetInputCount(session, &n), doing, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = derive_of_session(ort, feed, session, i, variant, fault, e);
    return rc;
}

/* The declared inputs of a file; an error of the kind of its bytes. */
static int read_declared(const char *path, struct tl_onnx_inputs *inputs, struct tl_error *e)
{
    struct stat st;
    char why[512];
    void *data = MAP_FAILED;
    *inputs = (struct tl_onnx_inputs){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int err = errno;
    if (fd >= 0)
        close(fd);
    if (data == MAP_FAILED)
        return tl_fail_errno(e, TL_ERROR_INPUT, err, doing, path, "the model cannot be read");
    int rc = tl_onnx_inputs_read(data, (size_t)st.st_size, inputs, why, sizeof why);
    munmap(data, (size_t)st.st_size);
    return rc ? tl_fail(e, TL_ERROR_INPUT, doing, path, "%s", why) : 0;
}

int tl_ort_feed_declared(const struct tl_ort *ort, struct tl_ort_feed *feed, const char *model,
                         const json_t *variant, enum tl_ort_fault *fault, struct tl_error *e)
{
    struct tl_onnx_inputs inputs;
    *fault = TL_ORT_FAULT_INPUTS;
    int rc = read_declared(model, &inputs, e);
    for (size_t i = 0; rc == 0 && i < inputs.n; i++) {
        const struct tl_onnx_input *x = &inputs.list[i];
        struct wanted w = {.name = x->name, .index = i, .dtype = x->dtype, .rank = x->rank};
        memcpy(w.dims, x->dims, sizeof w.dims);
        for (size_t k = 0; k < x->rank; k++)
            w.symbols[k] = x->symbols[k];
        rc = derive(ort, feed, &w, x->sequence, variant, fault, e);
    }
    tl_onnx_inputs_free(&inputs);
    return rc;
}
