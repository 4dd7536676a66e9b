/* One output tensor as a result tells it: name, dtype, shape, hash, whether all values are finite, minimum,
 * maximum, mean, the first values; and its bytes as a .npy file where they are asked for. */
#ifndef TL_OUTPUTS_H
#define TL_OUTPUTS_H

#include "cases/dtype.h"
#include "harness/base/error.h"

#include <jansson.h>

/* directory NULL: no file; otherwise INDEX.npy is written there and named as "npy". A new reference, or NULL.
 */
json_t *tl_output_json(const char *name, enum tl_dtype dtype, size_t rank, const int64_t *dims,
                       const void *data, const char *directory, size_t index, struct tl_error *e);

/* The same of values that were computed as float32 and that the model has as dtype, float32 or float16. */
json_t *tl_output_json_of_floats(const char *name, enum tl_dtype dtype, size_t rank, const int64_t *dims,
                                 const float *values, const char *directory, size_t index,
                                 struct tl_error *e);

#endif
