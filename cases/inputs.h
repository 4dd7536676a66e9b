/* Input tensors as data: the inputs list of a case or of a generator, checked, resolved for one variant, and
 * turned into bytes. The same list gives the same bytes on every machine. A runner links this part alone; it
 * knows nothing of case files.
 *
 * An input is {"name", "dtype", "shape", and one of "fill", "data", "npy"} (docs/case-files.md). */
#ifndef TL_INPUTS_H
#define TL_INPUTS_H

#include "cases/dtype.h"
#include "harness/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_INPUTS_MAX 1024                      /* inputs of one model */
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

/* The 64 bits that a random element is made of: a mix of seed and place alone. */
uint64_t tl_random_bits(uint64_t seed, uint64_t i);
/* One element: of a type of floats, rounded; of integers or booleans, the low bytes. */
void tl_store_real(enum tl_dtype t, char *at, double v);
void tl_store_integer(enum tl_dtype t, char *at, uint64_t v);

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

#endif
