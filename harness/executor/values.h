/* The elements of one output, wherever they stand: in a .npy file, in ONNX's own form, or in a result. They are
 * read a block at a time, so that an output of many gigabytes takes no memory. */
#ifndef TL_VALUES_H
#define TL_VALUES_H

#include "cases/onnx/tensor_pb.h"
#include "harness/base/error.h"

#include <jansson.h>

struct tl_values {
    const struct tl_element_type *type; /* NULL: nothing is open */
    size_t rank;
    int64_t dims[TL_RANK_MAX];
    uint64_t elements;
    /* One of: a file, a tensor, a list. */
    int fd;
    uint64_t offset;
    size_t item;
    char letter; /* of struct tl_npy */
    unsigned char *block;
    uint64_t block_first, block_count;
    char *text; /* the element that was read last, where it is a text in UTF-32 */
    struct tl_tensor_pb tensor;
    const json_t *list;
};

/* From a .npy file in a directory, which may be a descriptor of AT_FDCWD. type: what its elements are said to
 * be, which a file of raw bytes does not know; NULL: what the file says. strict: the file was left by a runner,
 * and may be anything: only a plain file of its own is read. */
int tl_values_open_npy(struct tl_values *v, int directory, const char *path,
                       const struct tl_element_type *type, bool strict, struct tl_error *e);
int tl_values_open_pb(struct tl_values *v, const char *path, struct tl_error *e);
/* From "first" of an output in a result, when that holds all elements: 0. Borrows the output. -1: it does not,
 * or something in it is no value of the type; *broken: it holds more elements than there are, or such values. */
int tl_values_of_first(struct tl_values *v, const json_t *output, bool *broken);
void tl_values_close(struct tl_values *v);

/* Element i. Its text is valid until the next call. -1: the file cannot be read any more. */
int tl_values_get(struct tl_values *v, uint64_t i, struct tl_element *element);

#endif
