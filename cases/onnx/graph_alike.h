/* Two models of the same nodes, wired in the same way, whose values have other names: two exports of one network. */
#ifndef TL_ONNX_GRAPH_ALIKE_H
#define TL_ONNX_GRAPH_ALIKE_H

#include <stdbool.h>

struct tl_onnx_model;

/* Where that is so, and inputs and outputs have the same names, the values of the first one get the names of the second. */
bool tl_onnx_take_names(struct tl_onnx_model *m, struct tl_onnx_model *from);

#endif
