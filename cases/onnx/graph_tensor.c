#include "cases/onnx/graph_tensor.h"
#include "cases/onnx/graph_edit.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

bool tl_onnx_tensor_elements(const tl_onnx_tensor_pb *t, uint64_t *n)
{
    *n = 1;
    bool none = false;
    for (size_t i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 0)
            return false;
        none |= t->dims[i] == 0;
    }
    for (size_t i = 0; !none && i < t->n_dims; i++)
        if (__builtin_mul_overflow(*n, (uint64_t)t->dims[i], n))
            return false;
    *n = none ? 0 : *n;
    return true;
}

bool tl_onnx_tensor_bytes(const tl_onnx_tensor_pb *t, uint64_t *bytes)
{
    const struct tl_element_type *type = tl_element_type_number(t->data_type);
    uint64_t n;
    if (!type || type->kind == TL_ELEMENT_STRING || !tl_onnx_tensor_elements(t, &n))
        return false;
    if (type->bits < 8)
        *bytes = n / (8 / type->bits) + (n % (8 / type->bits) != 0);
    else if (__builtin_mul_overflow(n, (uint64_t)type->size, bytes))
        return false;
    return true;
}

uint64_t tl_onnx_tensor_held(const tl_onnx_tensor_pb *t)
{
    const struct tl_element_type *type = tl_element_type_number(t->data_type);
    if (t->has_raw_data)
        return t->raw_data.len;
    uint64_t bytes =
        4 * (uint64_t)t->n_float_data + 8 * (uint64_t)t->n_double_data + 8 * (uint64_t)t->n_int64_data;
    bytes += (t->data_type == 12 ? 4 : 8) * (uint64_t)t->n_uint64_data;
    return bytes + (type && type->size && type->size < 4 ? type->size : 4) * (uint64_t)t->n_int32_data;
}

bool tl_onnx_tensor_is_external(const tl_onnx_tensor_pb *t)
{
    return t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

void tl_onnx_tensor_clear(tl_onnx_tensor_pb *t)
{
    t->n_float_data = t->n_int32_data = t->n_int64_data = t->n_string_data = t->n_double_data =
        t->n_uint64_data = 0;
    t->has_raw_data = 0;
    t->raw_data = (ProtobufCBinaryData){0, NULL};
    t->n_external_data = 0;
    t->has_data_location = 0;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT;
}

static void pack_bits(const struct tl_tensor_pb *from, unsigned char *to)
{
    unsigned bits = from->type->bits, each = 8 / bits;
    for (uint64_t i = 0; i < from->elements; i++)
        to[i / each] |= (unsigned char)((from->data[i] & ((1u << bits) - 1)) << i % each * bits);
}

static int set_texts(struct tl_onnx_model *m, tl_onnx_tensor_pb *t, const struct tl_tensor_pb *from)
{
    t->n_string_data = (size_t)from->elements;
    t->string_data = tl_onnx_alloc(m, t->n_string_data + 1, sizeof *t->string_data);
    for (size_t i = 0; t->string_data && i < t->n_string_data; i++) {
        t->string_data[i].len = from->sizes[i];
        t->string_data[i].data = tl_onnx_alloc(m, from->sizes[i] + 1, 1);
        if (!t->string_data[i].data)
            return -1;
        memcpy(t->string_data[i].data, from->texts[i], from->sizes[i]);
    }
    return t->string_data ? 0 : -1;
}

static int set_elements(struct tl_onnx_model *m, tl_onnx_tensor_pb *t, const struct tl_tensor_pb *from)
{
    uint64_t bytes;
    if (from->type->kind == TL_ELEMENT_STRING)
        return set_texts(m, t, from);
    if (!tl_onnx_tensor_bytes(t, &bytes))
        return -1;
    unsigned char *data = tl_onnx_alloc(m, (size_t)bytes + 1, 1);
    if (!data)
        return -1;
    if (from->type->bits < 8)
        pack_bits(from, data);
    else if (bytes)
        memcpy(data, from->data, (size_t)bytes);
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){(size_t)bytes, data};
    return 0;
}

int tl_onnx_tensor_set(struct tl_onnx_model *m, tl_onnx_tensor_pb *t, const struct tl_tensor_pb *from,
                       struct tl_error *e)
{
    tl_onnx_tensor_clear(t);
    t->has_data_type = 1;
    t->data_type = from->type->number;
    t->n_dims = from->rank;
    t->dims = tl_arena_alloc(m->arena, from->rank + 1, sizeof *t->dims);
    memcpy(t->dims, from->dims, from->rank * sizeof *t->dims);
    if (set_elements(m, t, from))
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot change a tensor of the model", m->name,
                       "there is not enough memory for it");
    return 0;
}

int tl_onnx_tensor_make(int type, size_t rank, const int64_t *dims, const void *data, size_t size,
                        uint8_t **bytes, size_t *n, struct tl_error *e)
{
    tl_onnx_tensor_pb t = ONNX__TENSOR_PROTO__INIT;
    int64_t own[TL_RANK_MAX];
    uint64_t wanted;
    *bytes = NULL;
    if (rank > TL_RANK_MAX)
        return tl_fail(e, TL_ERROR_INPUT, "cannot make a tensor", NULL, "it has more than %d dimensions",
                       TL_RANK_MAX);
    if (rank)
        memcpy(own, dims, rank * sizeof *own);
    t.has_data_type = 1;
    t.data_type = type;
    t.n_dims = rank;
    t.dims = own;
    if (!tl_onnx_tensor_bytes(&t, &wanted) || wanted != size)
        return tl_fail(e, TL_ERROR_INPUT, "cannot make a tensor", NULL,
                       "its %zu bytes are not those of its type and shape", size);
    t.has_raw_data = 1;
    t.raw_data.len = size;
    t.raw_data.data = (uint8_t *)(uintptr_t)data; /* protobuf-c only reads it */
    *n = onnx__tensor_proto__get_packed_size(&t);
    *bytes = tl_malloc(*n + 1);
    onnx__tensor_proto__pack(&t, *bytes);
    return 0;
}
