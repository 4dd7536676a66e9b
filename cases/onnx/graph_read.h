/* A model of ONNX for editing: read, checked, written.
 *
 * What was read from bytes is written as the same bytes where whoever wrote them keeps to the order of the fields, as all
 * usual writers do; fields that are not known here survive. */
#ifndef TL_ONNX_GRAPH_READ_H
#define TL_ONNX_GRAPH_READ_H

#include "harness/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct tl_onnx_model;

/* Unpacks and checks a model. `name` is the file's, for messages. What is wrong is said with its place, as offset in the file
 * and as path of fields ("graph.node[17].attribute[2]"). The bytes are not needed afterwards. Release with
 * tl_onnx_model_free. */
int tl_onnx_model_read(const void *bytes, size_t size, const char *name, struct tl_onnx_model **m,
                       struct tl_error *e);
void tl_onnx_model_free(struct tl_onnx_model *m);

/* The SHA-256 of the bytes that it was read from, in hexadecimal digits. */
const char *tl_onnx_model_hash(const struct tl_onnx_model *m);

/* The bytes of a model as it is now, the caller's to free. -1: it is larger than a file of protobuf can be. */
int tl_onnx_model_write(const struct tl_onnx_model *m, uint8_t **bytes, size_t *size, struct tl_error *e);
/* The same to a file that is open for writing, without holding it all. */
int tl_onnx_model_write_to(const struct tl_onnx_model *m, int fd, const char *path, struct tl_error *e);

#endif
