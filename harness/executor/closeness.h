/* The elements of an output against those that are expected. */
#ifndef TL_CLOSENESS_H
#define TL_CLOSENESS_H

#include "cases/tolerance.h"
#include "harness/base/error.h"
#include "harness/executor/values.h"

/* How an output differs. The words are stored, and are a part of a failure's kind and title. */
#define TL_DIFFERS_MISSING "missing"       /* an output that is expected */
#define TL_DIFFERS_UNEXPECTED "unexpected" /* an output that is not */
#define TL_DIFFERS_TYPE "type"
#define TL_DIFFERS_SHAPE "shape"
#define TL_DIFFERS_NOT_FINITE "not finite" /* where another value is expected */
#define TL_DIFFERS_ALL_ZERO "all zero"     /* where something else is expected */
#define TL_DIFFERS_VALUES "differs"

#define TL_CLOSENESS_SHOWN 12 /* elements */

/* An element that is not what is expected. */
struct tl_far_element {
    uint64_t at;               /* index in C order */
    json_t *expected, *got;    /* references of its own */
    double absolute, relative; /* NAN: it has none */
};

struct tl_closeness {
    const char *how; /* NULL: close enough */
    bool exact;      /* its elements had to be equal */
    double error;    /* largest difference relative to the largest magnitude; INFINITY: without bound */
    double absolute; /* largest difference */
    uint64_t apart;  /* elements that are too far, where the output is */
    size_t n_worst;  /* elements that differ, the worst first: where they are, and what they are */
    struct tl_far_element worst[TL_CLOSENESS_SHOWN];
};

/* Compares all elements. -1 with *e: one of them cannot be read. Release *c with tl_closeness_free. */
int tl_closeness_find(struct tl_values *expected, struct tl_values *got, const struct tl_tolerance *tolerance,
                      struct tl_closeness *c, struct tl_error *e);
void tl_closeness_free(struct tl_closeness *c);

#endif
