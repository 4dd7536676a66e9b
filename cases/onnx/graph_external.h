/* Where the elements of a tensor are that stand in a file beside the model. */
#ifndef TL_ONNX_GRAPH_EXTERNAL_H
#define TL_ONNX_GRAPH_EXTERNAL_H

#include "cases/onnx/graph_model.h"

struct tl_onnx_data_place {
    const char *location;
    uint64_t offset,
        length; /* length: of the tensor's own type and shape where none is said and that is known */
};
/* NULL, or what is wrong with where a tensor says its elements are; the caller's. */
char *tl_onnx_data_check(const tl_onnx_tensor_pb *t);
struct tl_onnx_data_place tl_onnx_data_place_of(const tl_onnx_tensor_pb *t); /* of one that was checked */
void tl_onnx_data_set_place(struct tl_onnx_model *m, tl_onnx_tensor_pb *t, struct tl_onnx_data_place place);
/* The elements of one tensor, the caller's. */
int tl_onnx_data_read(const struct tl_onnx_model *m, const tl_onnx_tensor_pb *t, const char *directory,
                      unsigned char **data, size_t *size, struct tl_error *e);
/* Some of them; 1: they have no bytes of their own. */
int tl_onnx_data_piece(const struct tl_onnx_model *m, const tl_onnx_tensor_pb *t, const char *directory,
                       uint64_t first, uint64_t n, unsigned char *to, struct tl_error *e);
/* Some bytes of a file beside the model. */
int tl_onnx_data_read_at(const char *directory, const char *location, uint64_t offset, void *to, size_t size,
                         struct tl_error *e);
/* Whether a file beside the model has these bytes at all; -1 with the error set where it does not. */
int tl_onnx_data_is_there(const char *directory, const char *location, uint64_t offset, size_t size,
                          struct tl_error *e);

#endif
