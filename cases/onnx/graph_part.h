/* The file beside a model that edits make, and the parts of it.
 *
 * A part says how its elements come of others: those of a file of the original's, or those of a part that an edit before has
 * made. They are made when the file is written, a piece at a time, so that a tensor of any size takes no memory. */
#ifndef TL_ONNX_GRAPH_PART_H
#define TL_ONNX_GRAPH_PART_H

#include "cases/onnx/graph_external.h"
#include "cases/onnx/graph_fill.h"

/* Tensors beside the model of which several elements stand in a byte stay beside it from this number of bytes on. */
#define TL_ONNX_PACKED_BESIDE_FROM (UINT64_C(1) << 20)

enum tl_onnx_part_kind {
    TL_ONNX_PART_FILLED,
    TL_ONNX_PART_ROWS,   /* some of the places along an axis */
    TL_ONNX_PART_NUMBER, /* one of them is another one */
    TL_ONNX_PART_CAST,   /* the same numbers in another type */
};

struct tl_onnx_data_part {
    enum tl_onnx_part_kind kind;
    uint64_t offset, elements;
    int type;
    struct tl_onnx_fill fill; /* of what is filled */
    uint64_t inner, before,
        now; /* of rows: the elements of one place along the axis; how many there are of them */
    const uint64_t *places;   /* … and which: `now` of them; NULL: the first ones, again and again */
    uint64_t place;           /* of a number */
    unsigned char number[16]; /* … as it is stored */
    struct tl_onnx_data_place source; /* what it is made of */
    bool of_part;                     /* that is a part itself */
    int source_type;
    uint64_t source_elements;
    unsigned depth; /* how many parts it is made of, one of the other */
};

/* Whether what edits make of its elements stays beside the model, as they are: a failure may hang on their being there. */
bool tl_onnx_stays_beside(const tl_onnx_tensor_pb *t);

/* Gives a tensor whose elements are beside the model a part of the file that is made of them. What is said of the part is its
 * kind and what that needs; type and dimensions of the tensor become other ones after this. The statistics of a random one are
 * counted here, in `directory`. Elements that a file there does not have are refused: a model may say that it has any number. */
int tl_onnx_part_add(struct tl_onnx_model *m, tl_onnx_tensor_pb *t, struct tl_onnx_data_part *part,
                     const char *directory, struct tl_error *e);

/* --- graph_beside.c */
/* Are the elements of this tensor, which are beside the model, in that file? */
bool tl_onnx_is_made(const struct tl_onnx_model *m, const tl_onnx_tensor_pb *t);
/* Some elements of a part, as they are stored. */
int tl_onnx_part_read(const struct tl_onnx_model *m, const struct tl_onnx_data_part *p, const char *directory,
                      uint64_t first, uint64_t n, unsigned char *to, struct tl_error *e);
/* … of what it is made of. */
int tl_onnx_part_read_source(const struct tl_onnx_model *m, const struct tl_onnx_data_part *p,
                             const char *directory, uint64_t first, uint64_t n, unsigned char *to,
                             struct tl_error *e);
/* The part in which elements are that begin there; NULL: there is none. */
const struct tl_onnx_data_part *tl_onnx_part_at(const struct tl_onnx_model *m, uint64_t offset,
                                                uint64_t elements);

#endif
