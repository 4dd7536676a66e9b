/* Whether anything reads an axis of a case on a unit: the case, its model, the runner, or the reference. */
#ifndef TL_EXECUTOR_READING_H
#define TL_EXECUTOR_READING_H

#include "harness/executor/executor.h"

enum tl_reading {
    TL_READING_YES,
    TL_READING_DIMENSION, /* only if the model has a symbolic dimension of its name, which is not known yet */
    TL_READING_NO,
};

/* v: a variant whose model may have been made already; NULL: none was. A unit that could not be described may
 * read anything. */
enum tl_reading tl_executor_reading(struct tl_executor *x, const struct tl_case *c,
                                    const struct tl_variant *v, const struct tl_unit *u, size_t axis);

#endif
