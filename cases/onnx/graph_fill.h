/* Elements in the place of those that a tensor has: zeros, ones, or random ones of the same statistics; all of them, or all but
 * some that are kept. Nothing of the data is left in what is random but those statistics. */
#ifndef TL_ONNX_GRAPH_FILL_H
#define TL_ONNX_GRAPH_FILL_H

#include "cases/element.h"
#include "cases/onnx/tensor_pb.h"
#include "harness/base/error.h"

enum tl_onnx_fill_kind { TL_ONNX_ZEROS, TL_ONNX_ONES, TL_ONNX_RANDOM };
extern const char *const tl_onnx_fill_names[]; /* "zeros", …; ends with NULL */

struct tl_onnx_range {
    uint64_t first, last;
};

/* Of the elements of a tensor; the last four of those that are finite and not zero. */
struct tl_onnx_statistics {
    uint64_t elements, zeros, nans, infinite, negative_infinite;
    double mean, deviation, least, most;
    uint64_t *histogram; /* of a type of at most 8 bits: how often each of 256 patterns is there; else NULL */
    uint64_t
        numbers; /* while they are counted: how many of those there were, and their sums around the first */
    double shift, sum, squares;
};

struct tl_onnx_fill {
    enum tl_onnx_fill_kind kind;
    uint64_t seed;
    struct tl_onnx_statistics statistics; /* of what was there; for random ones */
    const struct tl_onnx_range *keep;     /* ascending, by places in the flat list of elements */
    size_t n_keep;
};

/* In pieces, so that a tensor of any size takes no memory: begun with the number of its elements, which are added as they are
 * where each has bytes of its own. Release with tl_onnx_statistics_free. */
void tl_onnx_statistics_begin(struct tl_onnx_statistics *s, const struct tl_element_type *type,
                              uint64_t elements);
void tl_onnx_statistics_add(struct tl_onnx_statistics *s, const struct tl_element_type *type,
                            const unsigned char *data, uint64_t n);
void tl_onnx_statistics_end(struct tl_onnx_statistics *s);
/* Of a whole one. */
void tl_onnx_statistics_of(const struct tl_tensor_pb *t, struct tl_onnx_statistics *s);
void tl_onnx_statistics_free(struct tl_onnx_statistics *s);

/* Fills the elements of a tensor in place. */
void tl_onnx_fill_tensor(const struct tl_onnx_fill *fill, struct tl_tensor_pb *t);

/* Elements from the one at `first` on, as they are stored: several in a byte where ONNX does so; first is a multiple of those. */
typedef int (*tl_onnx_read_elements)(void *arg, uint64_t first, uint64_t n, unsigned char *to,
                                     struct tl_error *e);
/* Those of a tensor that is filled; what is kept is read. */
int tl_onnx_fill_piece(const struct tl_onnx_fill *fill, const struct tl_element_type *type,
                       tl_onnx_read_elements read, void *arg, uint64_t first, uint64_t n, unsigned char *to,
                       struct tl_error *e);

#endif
