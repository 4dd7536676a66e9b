/* Of each axis of a case the values that are to be tried, and the variants that are made of them. */
#ifndef TL_CHOICE_H
#define TL_CHOICE_H

#include "cases/case.h"

#include <stddef.h>

struct tl_choice {
    const struct tl_case *c;
    struct tl_choice_values {
        size_t n;
        uint64_t *list; /* indices, each once, in the order in which they were added */
    } * axes;
};

void tl_choice_begin(struct tl_choice *h, const struct tl_case *c); /* no values yet */
void tl_choice_free(struct tl_choice *h);
void tl_choice_add(struct tl_choice *h, size_t axis, uint64_t index);
/* All values; of a range that has more than a table should, a few that are spread over it. */
void tl_choice_add_spread(struct tl_choice *h, size_t axis);
bool tl_choice_is_spread(const struct tl_axis *a); /* whether those would not be all */

/* A new variant of the values at these places. */
struct tl_variant tl_choice_variant(const struct tl_choice *h, const uint64_t *places);
/* New variants, none of them forbidden, that hold every pair of values of every two axes; *impossible: pairs
 * that no allowed one holds. -1: there are too many values. */
int tl_choice_pairs(const struct tl_choice *h, struct tl_variant **variants, size_t *n, uint64_t *impossible);

#endif
