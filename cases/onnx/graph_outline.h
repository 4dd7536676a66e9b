/* What is in a model, as a document for those who draw it or tell of it, and read no protobuf:
 *
 *   {"inputs": [{"name","type"?,"shape"?}], "weights": [the same, "number"?], "outputs": [{"name"}],
 *    "values": {NAME: {"type"?,"shape"?}},           what the model declares of values that nodes make
 *    "nodes": [{"number","operator","domain"?,"name"?,"inputs":[NAME],"outputs":[NAME],
 *               "bodies"?: [{"attribute", and the members of a graph}]}]}
 *
 * "type" is a word ("float32", "sequence"), "shape" a list of whole numbers and of names of dimensions, null being neither.
 * Nodes stand in an order in which they can run. */
#ifndef TL_ONNX_GRAPH_OUTLINE_H
#define TL_ONNX_GRAPH_OUTLINE_H

#include <jansson.h>
#include <stddef.h>

struct tl_onnx_model;

/* At most so many nodes, those in bodies too: of more the last ones, which is said by "left_out": N. A new reference. */
json_t *tl_onnx_outline(struct tl_onnx_model *m, size_t most);

#endif
