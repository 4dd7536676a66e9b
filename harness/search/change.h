/* Has something changed between two sets of trials of the same variant? Rates are compared by a Bayes factor,
 * measurements by the rank-sum test; change.c has the theory. */
#ifndef TL_CHANGE_H
#define TL_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_CHANGE_ODDS 500    /* a Bayes factor from which on a change is said to be one */
#define TL_CHANGE_MIXED 1500  /* where it failed now and then before */
#define TL_CHANGE_LEAST 3     /* trials that it takes in any case */
#define TL_CHANGE_SEEN 2      /* of them, that show the new: once is chance, whatever the odds */
#define TL_CHANGE_MORE 30     /* trials that are added at most to settle it */
#define TL_CHANGE_LEVEL 0.002 /* of the rank-sum test, one-sided */

/* How often something was seen in how many trials. */
struct tl_change_count {
    uint64_t k, n;
};

/* The Bayes factor for a change; 1 says nothing, above it speaks for one. */
double tl_change_odds(struct tl_change_count before, struct tl_change_count now);

enum tl_change {
    TL_CHANGE_NONE, /* nothing speaks for one */
    TL_CHANGE_MORE_OFTEN,
    TL_CHANGE_LESS_OFTEN,
    TL_CHANGE_OPEN,    /* it looks like one, and more trials of now can settle it */
    TL_CHANGE_UNCLEAR, /* it looks like one, and no number of trials that is worth it can settle it */
};
/* added: trials among now.n that were made to settle it. */
enum tl_change tl_change_judge(struct tl_change_count before, struct tl_change_count now, uint64_t added);

/* The chance that values as these would rank so high (so low when `lower`) if nothing had changed; 1 when one
 * side is empty. Lists in ascending order. */
double tl_change_rank_sum(const double *before, size_t n_before, const double *now, size_t n_now, bool lower);

#endif
