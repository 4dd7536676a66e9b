/* ONNX's TensorProto, read.
 *
 * A tensor has its elements in one of two ways: as bytes (raw_data, little endian), or as numbers in a field
 * that is wider than they are: float_data, double_data, int64_data, uint64_data, and int32_data for everything
 * small, where a float of 16 or 8 bits stands as its bits. Types of fewer than 8 bits are packed, the first
 * element in the lowest bits, in raw_data as in each entry of int32_data. */
#include "cases/onnx/tensor_pb.h"

#include "harness/base/buffer.h"
#include "onnx.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(char *why, size_t size, const char *text)
{
    snprintf(why, size, "%s", text);
    return -1;
}

static int take_shape(const Onnx__TensorProto *p, struct tl_tensor_pb *t, char *why, size_t size)
{
    uint64_t bytes = t->type->size ? t->type->size : 1;
    if (p->n_dims > TL_RANK_MAX)
        return refuse(why, size, "it has more than 16 dimensions");
    t->rank = p->n_dims;
    t->elements = 1;
    for (size_t i = 0; i < p->n_dims; i++) {
        t->dims[i] = p->dims[i];
        if (p->dims[i] < 0 || __builtin_mul_overflow(t->elements, (uint64_t)p->dims[i], &t->elements))
            return refuse(why, size, "its shape makes no sense");
    }
    if (__builtin_mul_overflow(bytes, t->elements, &bytes) || bytes > TL_INPUT_BYTES_MAX)
        return refuse(why, size, "its shape is too large");
    return 0;
}

/* How many elements one byte holds, and a byte for each of them. */
static int unpack(const uint8_t *bytes, size_t n, struct tl_tensor_pb *t, char *why, size_t size)
{
    unsigned bits = t->type->bits, each = 8 / bits;
    if (n != (t->elements + each - 1) / each)
        return refuse(why, size, "it has not as many elements as its shape needs");
    for (uint64_t i = 0; i < t->elements; i++)
        t->data[i] = (uint8_t)(bytes[i / each] >> (i % each * bits) & ((1u << bits) - 1));
    return 0;
}

static int take_raw(const Onnx__TensorProto *p, struct tl_tensor_pb *t, char *why, size_t size)
{
    if (t->type->bits < 8)
        return unpack(p->raw_data.data, p->raw_data.len, t, why, size);
    if (p->raw_data.len != t->elements * t->type->size)
        return refuse(why, size, "it has not as many elements as its shape needs");
    if (p->raw_data.len)
        memcpy(t->data, p->raw_data.data, p->raw_data.len);
    return 0;
}

/* Entries of a field, each of which gives its lowest bytes. */
static int take_entries(const void *entries, size_t n, size_t wide, struct tl_tensor_pb *t, char *why,
                        size_t size)
{
    size_t narrow = t->type->size < wide ? t->type->size : wide, per = t->type->size / narrow;
    if (t->type->bits < 8) {
        uint8_t *bytes = tl_malloc(n + 1);
        for (size_t i = 0; i < n; i++)
            bytes[i] = *((const uint8_t *)entries + i * wide);
        int status = unpack(bytes, n, t, why, size);
        free(bytes);
        return status;
    }
    if (n % per || n / per != t->elements)
        return refuse(why, size, "it has not as many elements as its shape needs");
    for (size_t i = 0; i < n; i++)
        memcpy(t->data + i * narrow, (const uint8_t *)entries + i * wide, narrow);
    return 0;
}

static int take_texts(const Onnx__TensorProto *p, struct tl_tensor_pb *t, char *why, size_t size)
{
    if (p->n_string_data != t->elements)
        return refuse(why, size, "it has not as many elements as its shape needs");
    t->texts = tl_calloc(p->n_string_data + 1, sizeof *t->texts);
    t->sizes = tl_calloc(p->n_string_data + 1, sizeof *t->sizes);
    for (size_t i = 0; i < p->n_string_data; i++) {
        t->sizes[i] = p->string_data[i].len;
        t->texts[i] = tl_malloc(t->sizes[i] + 1);
        if (t->sizes[i])
            memcpy(t->texts[i], p->string_data[i].data, t->sizes[i]);
    }
    return 0;
}

static int take_elements(const Onnx__TensorProto *p, struct tl_tensor_pb *t, char *why, size_t size)
{
    if (t->type->kind == TL_ELEMENT_STRING)
        return take_texts(p, t, why, size);
    /* A shape may say more than the message holds, so that memory is taken for what is there. */
    uint64_t held = p->raw_data.len + p->n_int32_data + p->n_int64_data + p->n_uint64_data + p->n_float_data +
                    p->n_double_data;
    if (t->elements > held * 8)
        return refuse(why, size, "it has not as many elements as its shape needs");
    t->data = tl_calloc((size_t)t->elements + 1, t->type->size);
    if (p->has_raw_data)
        return take_raw(p, t, why, size);
    switch (t->type->number) {
    case 1:
    case 14:
        return take_entries(p->float_data, p->n_float_data, 4, t, why, size);
    case 11:
    case 15:
        return take_entries(p->double_data, p->n_double_data, 8, t, why, size);
    case 7:
        return take_entries(p->int64_data, p->n_int64_data, 8, t, why, size);
    case 12:
    case 13:
        return take_entries(p->uint64_data, p->n_uint64_data, 8, t, why, size);
    default:
        return take_entries(p->int32_data, p->n_int32_data, 4, t, why, size);
    }
}

int tl_tensor_pb_take(const Onnx__TensorProto *p, struct tl_tensor_pb *t, char *why, size_t why_size)
{
    *t = (struct tl_tensor_pb){0};
    int status = -1;
    t->type = tl_element_type_number(p->data_type);
    if (!t->type)
        snprintf(why, why_size, "its element type is number %d, which is none that is known%s", p->data_type,
                 p->has_data_type ? "" : " (a sequence or a map is no tensor)");
    else if (p->n_external_data || p->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        refuse(why, why_size, "its elements are in another file; save it with them inside");
    else if (!take_shape(p, t, why, why_size))
        status = take_elements(p, t, why, why_size);
    if (status)
        tl_tensor_pb_free(t);
    return status;
}

int tl_tensor_pb_read(const void *bytes, size_t size, struct tl_tensor_pb *t, char *why, size_t why_size)
{
    *t = (struct tl_tensor_pb){0};
    Onnx__TensorProto *p = onnx__tensor_proto__unpack(NULL, size, bytes);
    if (!p)
        return refuse(why, why_size, "it is no TensorProto of ONNX");
    int status = tl_tensor_pb_take(p, t, why, why_size);
    onnx__tensor_proto__free_unpacked(p, NULL);
    return status;
}

void tl_tensor_pb_free(struct tl_tensor_pb *t)
{
    for (uint64_t i = 0; t->texts && i < t->elements; i++)
        free(t->texts[i]);
    free(t->texts);
    free(t->sizes);
    free(t->data);
    *t = (struct tl_tensor_pb){0};
}
