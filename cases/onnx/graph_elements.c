#include "cases/onnx/graph_elements.h"
#include "cases/onnx/graph_external.h"
#include "cases/onnx/graph_tensor.h"
#include "cases/onnx/graph_wire.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

char *tl_onnx_check_tensor(const tl_onnx_tensor_pb *t)
{
    uint64_t elements, bytes;
    if (!tl_onnx_tensor_elements(t, &elements))
        return tl_strdup("a tensor has a dimension that is negative, or more elements than can be counted");
    if (t->data_type == 0)
        return tl_strdup("a tensor says no type of its elements");
    if (tl_onnx_tensor_is_external(t))
        return tl_onnx_data_check(t);
    const struct tl_element_type *type = tl_element_type_number(t->data_type);
    if (!type) /* of a format that is newer than this */
        return NULL;
    if (type->kind == TL_ELEMENT_STRING)
        return t->n_string_data == elements
                   ? NULL
                   : tl_format("a tensor has %zu texts, and %llu elements by its shape", t->n_string_data,
                               (unsigned long long)elements);
    if (!tl_onnx_tensor_bytes(t, &bytes))
        return tl_strdup("a tensor has more elements than can be counted");
    uint64_t held = tl_onnx_tensor_held(t);
    return held == bytes ? NULL
                         : tl_format("a tensor has %llu bytes, and %llu by its type and shape",
                                     (unsigned long long)held, (unsigned long long)bytes);
}

int tl_onnx_tensor_take(const struct tl_onnx_model *m, const tl_onnx_tensor_pb *t, const char *directory,
                        struct tl_tensor_pb *elements, struct tl_error *e)
{
    char why[256];
    tl_onnx_tensor_pb inside = *t;
    unsigned char *data = NULL;
    if (tl_onnx_tensor_is_external(t)) {
        size_t size;
        if (tl_onnx_data_read(m, t, directory, &data, &size, e))
            return -1;
        inside.has_raw_data = 1;
        inside.raw_data = (ProtobufCBinaryData){size, data};
        inside.n_external_data = 0;
        inside.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT;
    }
    int rc = tl_tensor_pb_take(&inside, elements, why, sizeof why);
    free(data);
    return rc ? tl_fail(e, TL_ERROR_INPUT, "cannot read a tensor of the model", m->name, "%s: %s",
                        t->name ? t->name : "", why)
              : 0;
}

static void *allocate(void *arg, size_t size)
{
    return tl_onnx_alloc(arg, 1, size);
}

static void release_nothing(void *arg, void *p)
{
}

int tl_onnx_tensor_unpack(struct tl_onnx_model *m, const void *bytes, size_t size, const char *name,
                          tl_onnx_tensor_pb **t, struct tl_error *e)
{
    ProtobufCAllocator memory = {allocate, release_nothing, m};
    if (tl_onnx_wire_check(bytes, size, &onnx__tensor_proto__descriptor, "a recorded tensor", e))
        return -1;
    const tl_onnx_tensor_pb *read = onnx__tensor_proto__unpack(&memory, size, bytes);
    if (!read)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot read a recorded tensor", name,
                       "there is not enough memory for it");
    char *why = tl_onnx_tensor_is_external(read) ? tl_strdup("its elements are in another file")
                                                 : tl_onnx_check_tensor(read);
    if (why) {
        tl_fail(e, TL_ERROR_INPUT, "cannot read a recorded tensor", name, "%s", why);
        free(why);
        return -1;
    }
    *t = tl_onnx_new_tensor(m, name);
    char *own = (*t)->name;
    **t = *read;
    (*t)->name = own;
    return 0;
}
