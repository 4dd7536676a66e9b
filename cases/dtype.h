/* Element types of tensors, and what a tensor can be at most. */
#ifndef TL_DTYPE_H
#define TL_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_RANK_MAX 16                         /* dimensions */
#define TL_INPUT_BYTES_MAX (UINT64_C(1) << 34) /* bytes of one input */

/* The numbers are those of ONNX (TensorProto.DataType), which ONNX Runtime uses too. */
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
int tl_dtype_precision(enum tl_dtype t); /* of a float: significant bits, the implied one too; else 0 */
bool tl_dtype_is_float(enum tl_dtype t);
double tl_half_to_double(uint16_t bits); /* IEEE binary16 */
uint16_t tl_half_from_double(double v);  /* to nearest, ties to even; overflow gives infinity */
double tl_bfloat16_to_double(uint16_t bits);
uint16_t tl_bfloat16_from_double(double v);
double tl_element_value(enum tl_dtype t, const void *data, uint64_t index); /* one element as a double */

#endif
