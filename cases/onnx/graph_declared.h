/* What a model itself says of the types of its values. */
#ifndef TL_ONNX_GRAPH_DECLARED_H
#define TL_ONNX_GRAPH_DECLARED_H

#include "cases/dtype.h"

#include <stddef.h>
#include <stdint.h>

struct tl_onnx_model;

struct tl_onnx_declared {
    const char *name;
    enum tl_dtype dtype;
    size_t rank;
    int64_t dims[TL_RANK_MAX];        /* -1: it has a name, or is not said */
    const char *symbols[TL_RANK_MAX]; /* that name, or NULL */
};
/* Tensors among the values and outputs of the main graph whose type and rank are said. The list is the caller's, to be released
 * with free; texts in it are the model's. */
void tl_onnx_declared(const struct tl_onnx_model *m, struct tl_onnx_declared **list, size_t *n);

#endif
