/* The file beside a model that edits make, and the parts of it. */
#ifndef TL_ONNX_GRAPH_PART_H
#define TL_ONNX_GRAPH_PART_H

#include "cases/onnx/graph_fill.h"

/* Are the elements of this tensor, which are beside the model, in that file? */
bool tl_onnx_is_made(const struct tl_onnx_model *m, const tl_onnx_tensor_pb *t);

/* Gives a tensor whose elements are beside the model a part of the file, of which all but the offset is filled in; the
 * statistics of a random one are counted here, in `directory`. */
int tl_onnx_part_add(struct tl_onnx_model *m, tl_onnx_tensor_pb *t, struct tl_onnx_data_part *part,
                     const char *directory, struct tl_error *e);

#endif
