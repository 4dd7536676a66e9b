/* NumPy's .npy files, versions 1 to 3, little endian, C order; nothing in one is trusted. */
#ifndef TL_NPY_H
#define TL_NPY_H

#include "cases/dtype.h"
#include "harness/base/error.h"

struct tl_npy {
    enum tl_dtype dtype;
    size_t rank;
    int64_t dims[TL_RANK_MAX];
    uint64_t elements;
    uint64_t bytes;  /* of the data */
    uint64_t offset; /* of the data in the file */
    size_t item;     /* bytes of one element */
    char letter; /* of a type that is no dtype: 'U' UTF-32 text, 'S' bytes, 'V' raw, 'c' complex; else 0 */
};
/* Reads a header from the first `size` bytes of a file of `file_size`; -1 with why filled when it is not one.
 */
int tl_npy_header(const void *data, size_t size, uint64_t file_size, struct tl_npy *h, char *why,
                  size_t why_size);
/* The same, with types that an input cannot have: dtype is TL_DTYPE_NONE then, and letter is set. */
int tl_npy_header_any(const void *data, size_t size, uint64_t file_size, struct tl_npy *h, char *why,
                      size_t why_size);
#define TL_NPY_HEADER_MAX 65548 /* bytes of a file that are enough for any header */

/* The header of a file, its size checked. */
int tl_npy_open(const char *path, struct tl_npy *h, struct tl_error *e);
int tl_npy_open_any(const char *path, struct tl_npy *h, struct tl_error *e); /* as tl_npy_header_any */
/* The whole data of a file whose header *h is; size must be h->bytes. */
int tl_npy_read(const char *path, const struct tl_npy *h, void *buffer, size_t size, struct tl_error *e);
/* Writes version 1. */
int tl_npy_write(const char *path, enum tl_dtype dtype, size_t rank, const int64_t *dims, const void *data,
                 struct tl_error *e);
/* The same for elements of `item` bytes each of any type that a header can say, as descr says it: "|V1". */
int tl_npy_write_any(const char *path, const char *descr, size_t item, size_t rank, const int64_t *dims,
                     const void *data, struct tl_error *e);

#endif
