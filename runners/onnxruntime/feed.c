/* Inputs of a session: from a list or from a family. Memory of tensors is the runtime's own, so that one that is too large
 * gets the runtime's own refusal. */
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

void tl_ort_feed_put(struct tl_ort_feed *feed, const char *name, struct tl_ort_value *value)
{
    feed->names = tl_realloc(feed->names, feed->n + 1, sizeof *feed->names);
    feed->values = tl_realloc(feed->values, feed->n + 1, sizeof *feed->values);
    feed->names[feed->n] = tl_strdup(name);
    feed->values[feed->n++] = value;
}

int tl_ort_tensor_new(const struct tl_ort *ort, int dtype, size_t rank, const int64_t *dims,
                      struct tl_ort_value **value, void **data, struct tl_error *e)
{
    static const char doing[] = "cannot make an input";
    struct tl_ort_allocator *allocator = NULL;
    static const int64_t none = 0;
    *data = NULL;
    *value = NULL;
    if (tl_ort_check(ort, ort->api.GetAllocatorWithDefaultOptions(&allocator), doing, e) != 0 ||
        tl_ort_check(ort, ort->api.CreateTensorAsOrtValue(allocator, rank ? dims : &none, rank, dtype, value),
                     doing, e) != 0)
        return -1;
    if (dtype == TL_ORT_STRING) /* strings are filled one by one */
        return 0;
    return tl_ort_check(ort, ort->api.GetTensorMutableData(*value, data), doing, e);
}

/* A new tensor in the feed, and where its elements are. */
static int add(const struct tl_ort *ort, struct tl_ort_feed *feed, const char *name, int dtype, size_t rank,
               const int64_t *dims, void **data, struct tl_error *e)
{
    struct tl_ort_value *value;
    int rc = tl_ort_tensor_new(ort, dtype, rank, dims, &value, data, e);
    if (value)
        tl_ort_feed_put(feed, name, value);
    return rc;
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
