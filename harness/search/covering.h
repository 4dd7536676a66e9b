/* Pairwise covering arrays with constraints: few variants that together hold every pair of values of every
 * two axes. For a sweep that looks for a failing variant when none is known. */
#ifndef TL_COVERING_H
#define TL_COVERING_H

#include "harness/search/search.h"

struct tl_covering {
    size_t n_rows;
    uint64_t **rows;     /* n_rows variants, none of them forbidden */
    uint64_t pairs;      /* pairs that are covered */
    uint64_t impossible; /* pairs for which no allowed variant was found */
};

/* Makes one, the same for the same seed. Each axis needs at least one value; ranges should be cut down to a
 * few levels before. Returns -1 when there are more than 2^24 pairs or an axis has no value. */
int tl_covering_pairs(const struct tl_search_space *space, uint64_t seed, struct tl_covering *c);
void tl_covering_free(struct tl_covering *c);

#endif
