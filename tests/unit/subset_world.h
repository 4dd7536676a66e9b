/* A simulated runtime for the search for a set: which elements make it fail, which parts cannot be tried. What comes of
 * a run hangs on the part and the number of the run alone. */
#ifndef SUBSET_WORLD_H
#define SUBSET_WORLD_H

#include "harness/search/subset.h"

#define WORLD_NEEDED 64

enum world_rule {
    WORLD_ANY,      /* every part can be tried, … */
    WORLD_RANDOM,   /* … or but a share of them, at random, … */
    WORLD_PREFIX,   /* … or only if each element has the one before it, … */
    WORLD_SUFFIX,   /* … the one behind it, … */
    WORLD_TREE,     /* … the one it hangs on, somewhere before it, … */
    WORLD_BLOCKS,   /* … its block, … */
    WORLD_AT_LEAST, /* … or only if there are at least so many. */
};

struct world {
    size_t n, k;
    uint32_t needed[WORLD_NEEDED]; /* ascending */
    double rate;
    enum world_rule rule;
    double invalid;   /* the share of WORLD_RANDOM */
    size_t least;     /* of WORLD_AT_LEAST; elements of a block of WORLD_BLOCKS */
    double otherwise; /* the share of parts that pass which fail in another way */
    double contrary;  /* the share of parts that ought to fail which pass: not monotone */
    uint64_t seed;
    size_t runs, invalid_runs;
};

/* k needed elements of n, at random, by a seed. */
void world_make(struct world *w, size_t n, size_t k, uint64_t seed);
uint64_t world_random(uint64_t seed, uint64_t a);
double world_uniform(uint64_t seed, uint64_t a);
enum tl_subset_outcome world_run(struct world *w, const struct tl_subset_range *ranges, size_t n_ranges,
                                 uint32_t run);
bool world_has(const struct tl_subset_range *ranges, size_t n_ranges, uint32_t element);

/* Runs a search to its end, `jobs` tests at once, which end in an order that hangs on `order`. Returns how many rounds
 * it took, were all tests of one length. */
size_t world_drive(struct world *w, struct tl_subset *s, unsigned jobs, uint64_t order);
/* Whether the answer fails and, when it is called minimal, does not without any one of its elements. */
bool world_honest(struct world *w, const struct tl_subset_result *r);
bool world_right(const struct world *w, const struct tl_subset_result *r); /* it is the needed elements */

#endif
