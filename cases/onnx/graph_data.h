/* Weights beside a model, in files that it names ("external data"): which they are, and what has to be where a variant of the
 * model is. Every name is relative to the model's directory and stays below it; anything else is refused when a model is
 * read, as newer runtimes do. */
#ifndef TL_ONNX_GRAPH_DATA_H
#define TL_ONNX_GRAPH_DATA_H

#include "harness/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_onnx_model;

struct tl_onnx_data_file {
    char *location; /* as the model says it */
    uint64_t size;  /* bytes that the file needs to have for this model */
    bool made; /* it is not the original's: tl_onnx_data_write makes it; else link the original's file here */
};
/* What has to be beside a model as it is now. Each file once, in the order of the model. Release with tl_onnx_data_files_free. */
void tl_onnx_data_files(struct tl_onnx_model *m, struct tl_onnx_data_file **files, size_t *n);
void tl_onnx_data_files_free(struct tl_onnx_data_file *files, size_t n);

/* The bytes of the tensors that are in files of the original's, which are in `directory`. Packed, they are in the file that is
 * made instead, without what nobody needs; nothing is to be edited then any more. */
uint64_t tl_onnx_data_kept(struct tl_onnx_model *m);
int tl_onnx_data_pack(struct tl_onnx_model *m, const char *directory, struct tl_error *e);
/* Lets the name of the file that is made begin with a text, for a directory in which another model has one. */
void tl_onnx_data_name(struct tl_onnx_model *m, const char *prefix);

/* Asked while that file is written: where it says so, writing ends with TL_ERROR_INTERRUPTED. */
void tl_onnx_data_patience(struct tl_onnx_model *m, bool (*over)(void *arg), void *arg);

/* Writes the file that is `made`, with holes where it is zeros; `directory` is where the original's data is. */
int tl_onnx_data_write(struct tl_onnx_model *m, const char *directory, int fd, const char *path,
                       struct tl_error *e);

#endif
