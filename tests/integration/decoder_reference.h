/* A covering set of the decoder family: variants in which every pair of axis values that makes sense occurs.
 */
#ifndef TL_TEST_DECODER_REFERENCE_H
#define TL_TEST_DECODER_REFERENCE_H

#include <jansson.h>
#include <stddef.h>

struct tl_decoder_coverage {
    size_t pairs;      /* of values of two axes, of those the set draws from */
    size_t covered;    /* by at least one variant */
    size_t impossible; /* for which no variant was found that makes sense */
};

/* At least at_least variants that have a right answer, as objects that name every axis; always the same. The
 * reference is the caller's. */
json_t *tl_decoder_covering_set(size_t at_least, struct tl_decoder_coverage *coverage);

#endif
