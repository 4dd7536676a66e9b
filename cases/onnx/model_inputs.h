/* The inputs that an ONNX model declares, read from the model's own bytes: a runtime that refuses the model tells none. Nothing
 * in a model is trusted. */
#ifndef TL_ONNX_MODEL_INPUTS_H
#define TL_ONNX_MODEL_INPUTS_H

#include "cases/dtype.h"

struct tl_onnx_input {
    char *name;
    bool sequence; /* of tensors of this type */
    bool optional; /* it may be absent */
    bool shaped;   /* it says a shape: else any rank will do, and what follows is empty */
    int dtype;     /* TensorProto.DataType */
    size_t rank;
    int64_t dims[TL_RANK_MAX];  /* -1: not known */
    char *symbols[TL_RANK_MAX]; /* the name of one that is not known; NULL */
};
struct tl_onnx_inputs {
    size_t n;
    struct tl_onnx_input *list; /* in the order of the model; without those that an initializer gives */
};

/* -1 with why filled: it is no ONNX model, or declares an input of a kind that cannot be made (a map). Release with
 * tl_onnx_inputs_free, in any case. */
int tl_onnx_inputs_read(const void *model, size_t size, struct tl_onnx_inputs *inputs, char *why,
                        size_t why_size);
void tl_onnx_inputs_free(struct tl_onnx_inputs *inputs);

#endif
