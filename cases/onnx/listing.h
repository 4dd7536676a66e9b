/* A model of ONNX in a few lines, for somebody who does not have it: what goes in and out, and its operators. */
#ifndef TL_ONNX_LISTING_H
#define TL_ONNX_LISTING_H

#include <jansson.h>
#include <stddef.h>

#define TL_LISTING_NODES 20 /* of a model with more the operators are counted and no node is listed */
#define TL_LISTING_MODEL (512u << 20) /* bytes of a model that is read */

/* {"format": "onnx", "ir_version", "producer", "opsets": {DOMAIN: VERSION}, "inputs": [LINE], "outputs": [LINE],
 * "initializers": [LINE], "nodes": [LINE], "node_count", "initializer_count", "operators": {TYPE: COUNT}, "subgraphs",
 * "functions"}, of a few KiB whatever the model is. A new reference; NULL when the bytes are no model with an operator in it,
 * for which the model may be built to look so: nothing of it is believed. */
json_t *tl_onnx_listing(const void *bytes, size_t size);

#endif
