/* Input tensors as data: the inputs list of a case or of a generator, checked, resolved for one variant, and
 * turned into bytes. The same list gives the same bytes on every machine. A runner links this part alone; it
 * knows nothing of case files.
 *
 * An input is {"name", "dtype", "shape", and one of "fill", "data", "npy"} (docs/case-files.md). */
#ifndef TL_INPUTS_H
#define TL_INPUTS_H

#include "harness/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Element types. The numbers are those of ONNX (TensorProto.DataType), which ONNX Runtime uses too. */
enum tl_dtype {
    TL_DTYPE_NONE = 0,
    TL_DTYPE_FLOAT32 = 1,
    TL_DTYPE_UINT8 = 2,
    TL_DTYPE_INT8 = 3,
    TL_DTYPE_UINT16 = 4,
    TL_DTYPE_INT16 = 5,
    TL_DTYPE_INT32 = 6,
    TL_DTYPE_INT64 = 7,
    TL_DTYPE_BOOL = 9,
    TL_DTYPE_FLOAT16 = 10,
    TL_DTYPE_FLOAT64 = 11,
    TL_DTYPE_UINT32 = 12,
    TL_DTYPE_UINT64 = 13,
    TL_DTYPE_BFLOAT16 = 16,
};

const char *tl_dtype_name(enum tl_dtype t);     /* "float32"; NULL for a number that is none of them */
enum tl_dtype tl_dtype_parse(const char *name); /* TL_DTYPE_NONE when it is none */
size_t tl_dtype_size(enum tl_dtype t);          /* bytes of one element; 0 for none */
bool tl_dtype_is_float(enum tl_dtype t);
double tl_half_to_double(uint16_t bits); /* IEEE binary16 */
uint16_t tl_half_from_double(double v);  /* to nearest, ties to even; overflow gives infinity */
double tl_bfloat16_to_double(uint16_t bits);
uint16_t tl_bfloat16_from_double(double v);
double tl_element_value(enum tl_dtype t, const void *data, uint64_t index); /* one element as a double */

#define TL_RANK_MAX 16
#define TL_INPUTS_MAX 1024                      /* inputs of one model */
#define TL_INPUT_BYTES_MAX (UINT64_C(1) << 34)  /* bytes of one input */
#define TL_INPUTS_FILE_MAX (UINT64_C(64) << 20) /* bytes of an inputs file */

enum tl_fill { TL_FILL_RANDOM, TL_FILL_CONSTANT, TL_FILL_RANGE, TL_FILL_DATA, TL_FILL_NPY };

struct tl_input {
    char *name;
    enum tl_dtype dtype;
    size_t rank;
    int64_t dims[TL_RANK_MAX];
    uint64_t elements;
    uint64_t bytes;
    enum tl_fill fill;
    uint64_t seed; /* random */
    json_t *start; /* constant: the value; range: the first one */
    json_t *step;  /* range */
    json_t *data;  /* data: the flat list */
    char *npy;     /* npy: path, with the directory in front when it was relative */
};

/* Reads a list for one variant (a JSON object, or NULL for none): "{axis}" in a shape is the variant's value.
 * directory is what relative npy paths refer to; NULL: the working directory. Release with tl_inputs_free. */
int tl_inputs_parse(const json_t *list, const char *directory, const json_t *variant,
                    struct tl_input **inputs, size_t *n, struct tl_error *e);
/* The same from a file that holds the list; relative paths in it refer to its directory. */
int tl_inputs_load(const char *path, const json_t *variant, struct tl_input **inputs, size_t *n,
                   struct tl_error *e);
void tl_inputs_free(struct tl_input *inputs, size_t n);

/* Writes the elements of an input, little endian, into buffer; size must be input->bytes. */
int tl_input_fill(const struct tl_input *input, void *buffer, size_t size, struct tl_error *e);

/* Checking without a variant, every mistake reported: what a case file needs. */
struct tl_inputs_place {
    long input;         /* -1: the list itself */
    const char *key;    /* of the input; NULL: the input itself */
    const char *subkey; /* inside "fill"; else NULL */
    long element;       /* inside a list; else -1 */
    bool value;         /* the value that is found there is what is wrong */
};
typedef void (*tl_inputs_report)(void *arg, const struct tl_inputs_place *where, const char *expected);
/* The least and greatest value of an axis. -1 with why filled when it cannot be a dimension. */
typedef int (*tl_inputs_axis)(void *arg, const char *name, int64_t *least, int64_t *most, char *why,
                              size_t size);
void tl_inputs_check(const json_t *list, const char *directory, tl_inputs_axis axis, tl_inputs_report report,
                     void *arg);

/* NumPy's .npy files, versions 1 to 3, little endian, C order; nothing in one is trusted. */
struct tl_npy {
    enum tl_dtype dtype;
    size_t rank;
    int64_t dims[TL_RANK_MAX];
    uint64_t elements;
    uint64_t bytes;  /* of the data */
    uint64_t offset; /* of the data in the file */
};
/* Reads a header from the first `size` bytes of a file of `file_size`. -1 with why filled when it is not one.
 */
int tl_npy_header(const void *data, size_t size, uint64_t file_size, struct tl_npy *h, char *why,
                  size_t why_size);
int tl_npy_open(const char *path, struct tl_npy *h,
                struct tl_error *e); /* the header of a file, its size checked */
/* The whole data of a file whose header *h is; size must be h->bytes. */
int tl_npy_read(const char *path, const struct tl_npy *h, void *buffer, size_t size, struct tl_error *e);
/* Writes version 1. */
int tl_npy_write(const char *path, enum tl_dtype dtype, size_t rank, const int64_t *dims, const void *data,
                 struct tl_error *e);

#endif
