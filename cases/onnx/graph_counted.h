/* Statistics of tensors in files beside models, which are counted once for each state of a file: a reduction makes the same
 * gigabytes random in each of its variants. */
#ifndef TL_ONNX_GRAPH_COUNTED_H
#define TL_ONNX_GRAPH_COUNTED_H

#include "cases/onnx/graph_external.h"
#include "cases/onnx/graph_fill.h"

/* Where the elements are, and of which type. The file is looked at when this is made; a key without a text knows nothing. */
struct tl_onnx_counted_key {
    char *text;
};
struct tl_onnx_counted_key tl_onnx_counted_key(const char *directory, const struct tl_onnx_data_place *place,
                                               int type, uint64_t elements);
void tl_onnx_counted_key_free(struct tl_onnx_counted_key *key);

/* False: they are not known. A histogram stays theirs. */
bool tl_onnx_counted_find(const struct tl_onnx_counted_key *key, struct tl_onnx_statistics *s);
/* Keeps them, until so many others were counted that they are forgotten. */
void tl_onnx_counted_put(const struct tl_onnx_counted_key *key, const struct tl_onnx_statistics *s);

#endif
