/* A range may have more values than can be tried: then a few that are spread over it stand for all. */
#ifndef TL_LEVELS_H
#define TL_LEVELS_H

#include "cases/case.h"

uint64_t tl_levels_count(const struct tl_axis *a); /* values that are tried */
uint64_t tl_levels_index(const struct tl_axis *a,
                         uint64_t level); /* which they are: the ends are among them */

#endif
