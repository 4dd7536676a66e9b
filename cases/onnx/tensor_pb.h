/* A tensor in ONNX's own form, a TensorProto, as in the output_0.pb of its test data; nothing in one is
 * trusted. */
#ifndef TL_TENSOR_PB_H
#define TL_TENSOR_PB_H

#include "cases/dtype.h"
#include "cases/element.h"

struct tl_tensor_pb {
    const struct tl_element_type *type;
    size_t rank;
    int64_t dims[TL_RANK_MAX];
    uint64_t elements;
    unsigned char
        *data;    /* type->size bytes for each, also where ONNX packs several into a byte; not of texts */
    char **texts; /* of a tensor of strings, with their sizes */
    size_t *sizes;
};

/* 0, and *t is to be released with tl_tensor_pb_free; -1 with why filled. */
int tl_tensor_pb_read(const void *bytes, size_t size, struct tl_tensor_pb *t, char *why, size_t why_size);
/* The same from one that is unpacked. */
struct Onnx__TensorProto;
int tl_tensor_pb_take(const struct Onnx__TensorProto *p, struct tl_tensor_pb *t, char *why, size_t why_size);
void tl_tensor_pb_free(struct tl_tensor_pb *t);

#endif
