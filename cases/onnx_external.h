/* The data files that an ONNX model refers to by name. */
#ifndef TL_ONNX_EXTERNAL_H
#define TL_ONNX_EXTERNAL_H

#include "harness/base/hash.h"

#include <jansson.h>

/* Their paths, as they are from the model's directory on: an object whose keys they are, or NULL when the file
 * refers to none, is no ONNX model or cannot be read. The caller's. */
json_t *tl_onnx_external(const char *model);

/* Adds their names and what they hold. One that is missing is the model's fault, and counts as that. */
void tl_onnx_hash_external(struct tl_hash *h, const char *model);

/* The identifier of what a model holds, with those files, wherever it stands. 0, or -1 with errno set. */
int tl_onnx_content_id(const char *model, char id[TL_ID_SIZE]);

#endif
