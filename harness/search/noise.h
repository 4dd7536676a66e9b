/* Flaky failures: the Bayesian search for the position from which on one shows, in an unknown part of the
 * runs only, and how many passes rule luck out. noise.c has the theory. */
#ifndef TL_NOISE_H
#define TL_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_RATES 26
extern const double tl_rates[TL_RATES]; /* the grid; the last one is 1 */

/* What is believed of a rate: weights of the rates of the grid, which sum to 1. */
struct tl_rate_belief {
    double weight[TL_RATES];
};
void tl_rate_belief_init(struct tl_rate_belief *b); /* the prior */
/* By so many independent runs of something that fails. */
void tl_rate_belief_update(struct tl_rate_belief *b, uint64_t failed, uint64_t passed);
/* The chance of n passes in a row. */
double tl_rate_belief_miss(const struct tl_rate_belief *b, uint32_t n);
/* The smallest number of passes in a row whose chance is at most alpha; at most 4096. */
uint32_t tl_rate_belief_passes(const struct tl_rate_belief *b, double alpha);
uint32_t tl_passes_at(double rate, double alpha); /* the same for a rate that is known, between 0 and 1 */

struct tl_noise_segment {
    uint64_t first, last; /* values of t */
    double weight[TL_RATES];
    double sum, rate; /* over the weights; mean rate */
    double doubt;     /* mean entropy of one run, in bits, were the rate known */
};
struct tl_noise {
    size_t n, capacity;
    struct tl_noise_segment *segments; /* ascending */
};

/* t is one of least..most, all equally likely. Release with tl_noise_free. */
void tl_noise_init(struct tl_noise *z, uint64_t least, uint64_t most, const struct tl_rate_belief *rates);
/* t is one of 0..n-1 with a prior, which need not sum to 1. */
void tl_noise_init_prior(struct tl_noise *z, const double *prior, size_t n,
                         const struct tl_rate_belief *rates);
void tl_noise_favour(struct tl_noise *z, uint64_t t, double factor); /* multiplies the chance of one value */
void tl_noise_observe(struct tl_noise *z, uint64_t position, bool failed); /* one run */
uint64_t tl_noise_next(const struct tl_noise *z); /* the position whose outcome tells most */
double tl_noise_above(const struct tl_noise *z, uint64_t position); /* the chance that t > position */
void tl_noise_free(struct tl_noise *z);

#endif
