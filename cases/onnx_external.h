/* The data files that an ONNX model refers to by name. */
#ifndef TL_ONNX_EXTERNAL_H
#define TL_ONNX_EXTERNAL_H

#include <jansson.h>

/* Their paths, as they are from the model's directory on: an object whose keys they are, or NULL when the file
 * refers to none, is no ONNX model or cannot be read. The caller's. */
json_t *tl_onnx_external(const char *model);

#endif
