/* Bayesian binary search under one-sided noise, and what is believed of a rate of failure.
 *
 * The model
 * ---------
 * The failure can be seen from an unknown position t of a line on. A run at p fails with an unknown rate r
 * when p >= t, and never when p < t. A failure at p therefore proves t <= p. A pass at p makes t > p more
 * likely, by a factor of 1 / (1 - r). In the words of information theory a run is a use of a Z-channel: one
 * of its two symbols always arrives, the other one is lost with a chance of 1 - r. To repeat each trial of a
 * plain bisection a fixed number of times is wasteful where r is high and wrong where it is low. So position
 * and rate are estimated together, by Bayes' rule, from every single run.
 *
 * The rate
 * --------
 * A rate would have a Beta posterior if it were all that is unknown. Here it is coupled with t, and crashes
 * are not spread over all rates alike: most of them show every time. So it is one of a grid of 26 rates,
 * with a prior that gives a quarter to the rate of 1 and spreads the rest evenly. Then all integrals are
 * sums. tl_rate_belief_passes is the size of a test that accepts only passes: the smallest n for which the
 * chance of n passes of something that fails, the mean of (1 - r)^n over the posterior, is at most alpha.
 *
 * The position
 * ------------
 * The posterior of t is a step function: only positions that were tried are borders of it. So it is held as
 * segments, each with a weight for every rate, and a line of 2^64 positions costs no more than one of ten.
 *
 * The next run
 * ------------
 * The next run is made at the position whose outcome has the largest mutual information with t [1]: the
 * entropy of the outcome less the mean of what it would be if t were known. Within a segment that is a
 * concave function of the position, whose maximum a ternary search finds. With a rate of 1 this is
 * bisection. For symmetric noise the scheme is known as probabilistic bisection [2], and for tests that fail
 * now and then it was used in [3] and [4]. A part of the weight (TEACH) goes to the information about t and
 * r together. Without it the search only asks where t might be, and pays at the end, by many more passes
 * than the rate would need.
 *
 * The search ends when the chance of t > p for the closest simpler position p reaches the confidence that
 * was asked for. That is for whoever drives it to decide (threshold.c, builds.c).
 *
 * [1] D. V. Lindley: On a measure of the information provided by an experiment. Ann. Math. Statist. 27(4),
 *     1956.
 * [2] M. Horstein: Sequential transmission using noiseless feedback. IEEE Trans. Inform. Theory 9(3), 1963.
 * [3] BBChop, a program that bisects histories for failures that do not show every time.
 * [4] T. A. D. Henderson and others: Flake aware culprit finding. ICST 2023. */
#include "harness/search/noise.h"

#include "harness/base/buffer.h"
#include "harness/search/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const double tl_rates[TL_RATES] = {0.01, 0.02, 0.03, 0.05, 0.07, 0.10, 0.13, 0.16, 0.20,
                                   0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60, 0.65,
                                   0.70, 0.75, 0.80, 0.85, 0.90, 0.95, 0.98, 1.00};

void tl_rate_belief_init(struct tl_rate_belief *b)
{
    /* Every rate is as likely as any other, but for failures that show every time: those are frequent. */
    for (size_t i = 0; i < TL_RATES; i++)
        b->weight[i] = i + 1 == TL_RATES ? 0.25 : 0.75 * (tl_rates[i] - (i > 0 ? tl_rates[i - 1] : 0)) / 0.98;
}

void tl_rate_belief_update(struct tl_rate_belief *b, uint64_t failed, uint64_t passed)
{
    double logs[TL_RATES], top = -INFINITY, sum = 0;
    for (size_t i = 0; i < TL_RATES; i++) {
        double r = tl_rates[i];
        logs[i] = log(b->weight[i]) + (double)failed * log(r);
        if (passed > 0)
            logs[i] += (double)passed * log(1 - r);
        if (logs[i] > top)
            top = logs[i];
    }
    for (size_t i = 0; i < TL_RATES; i++) {
        b->weight[i] = exp(logs[i] - top);
        sum += b->weight[i];
    }
    for (size_t i = 0; i < TL_RATES; i++)
        b->weight[i] /= sum;
}

double tl_rate_belief_miss(const struct tl_rate_belief *b, uint32_t n)
{
    double miss = 0;
    for (size_t i = 0; i < TL_RATES; i++)
        miss += b->weight[i] * pow(1 - tl_rates[i], n);
    return miss;
}

uint32_t tl_rate_belief_passes(const struct tl_rate_belief *b, double alpha)
{
    uint32_t low = 1, high = 4096;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (tl_rate_belief_miss(b, mid) <= alpha)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

uint32_t tl_passes_at(double rate, double alpha)
{
    return (uint32_t)ceil(log(alpha) / log(1 - rate));
}

static double entropy(double p)
{
    if (p <= 0 || p >= 1)
        return 0;
    return -p * log2(p) - (1 - p) * log2(1 - p);
}

static void summarise(struct tl_noise *z)
{
    double total = 0, doubts[TL_RATES];
    for (size_t j = 0; j < TL_RATES; j++)
        doubts[j] = entropy(tl_rates[j]);
    for (size_t i = 0; i < z->n; i++) {
        struct tl_noise_segment *s = &z->segments[i];
        s->sum = 0;
        s->rate = 0;
        s->doubt = 0;
        for (size_t j = 0; j < TL_RATES; j++) {
            s->sum += s->weight[j];
            s->rate += s->weight[j] * tl_rates[j];
            s->doubt += s->weight[j] * doubts[j];
        }
        s->rate = s->sum > 0 ? s->rate / s->sum : 0;
        s->doubt = s->sum > 0 ? s->doubt / s->sum : 0;
        total += s->sum;
    }
    if (!(total > 0))
        return;
    for (size_t i = 0; i < z->n; i++) {
        struct tl_noise_segment *s = &z->segments[i];
        s->sum /= total;
        for (size_t j = 0; j < TL_RATES; j++)
            s->weight[j] /= total;
    }
}

static void reserve(struct tl_noise *z, size_t n)
{
    if (n <= z->capacity)
        return;
    z->capacity = n > 2 * z->capacity ? n : 2 * z->capacity;
    z->segments = tl_realloc(z->segments, z->capacity, sizeof *z->segments);
}

void tl_noise_init(struct tl_noise *z, uint64_t least, uint64_t most, const struct tl_rate_belief *rates)
{
    *z = (struct tl_noise){0};
    reserve(z, 16);
    z->n = 1;
    z->segments[0].first = least;
    z->segments[0].last = most;
    memcpy(z->segments[0].weight, rates->weight, sizeof rates->weight);
    summarise(z);
}

void tl_noise_init_prior(struct tl_noise *z, const double *prior, size_t n,
                         const struct tl_rate_belief *rates)
{
    *z = (struct tl_noise){0};
    reserve(z, n);
    z->n = n;
    for (size_t i = 0; i < n; i++) {
        z->segments[i].first = z->segments[i].last = i;
        for (size_t j = 0; j < TL_RATES; j++)
            z->segments[i].weight[j] = prior[i] * rates->weight[j];
    }
    summarise(z);
}

void tl_noise_free(struct tl_noise *z)
{
    free(z->segments);
    *z = (struct tl_noise){0};
}

static double length(const struct tl_noise_segment *s)
{
    return (double)(s->last - s->first) + 1;
}

/* Makes a border between position and position + 1, where there is none. */
static void split(struct tl_noise *z, uint64_t position)
{
    for (size_t i = 0; i < z->n; i++) {
        struct tl_noise_segment *s = &z->segments[i];
        if (position < s->first || position >= s->last)
            continue;
        reserve(z, z->n + 1);
        s = &z->segments[i];
        memmove(s + 2, s + 1, (z->n - i - 1) * sizeof *s);
        s[1] = s[0];
        double share = ((double)(position - s->first) + 1) / length(s);
        for (size_t j = 0; j < TL_RATES; j++) {
            s[1].weight[j] = s[0].weight[j] * (1 - share);
            s[0].weight[j] *= share;
        }
        s[0].last = position;
        s[1].first = position + 1;
        z->n++;
        return;
    }
}

void tl_noise_favour(struct tl_noise *z, uint64_t t, double factor)
{
    if (t > 0)
        split(z, t - 1);
    split(z, t);
    for (size_t i = 0; i < z->n; i++)
        if (z->segments[i].first == t && z->segments[i].last == t)
            for (size_t j = 0; j < TL_RATES; j++)
                z->segments[i].weight[j] *= factor;
    summarise(z);
}

void tl_noise_observe(struct tl_noise *z, uint64_t position, bool failed)
{
    split(z, position);
    size_t kept = 0;
    for (size_t i = 0; i < z->n; i++) {
        struct tl_noise_segment *s = &z->segments[i];
        if (s->first > position) {
            if (failed)
                continue; /* a failure proves t <= position */
        } else {
            for (size_t j = 0; j < TL_RATES; j++)
                s->weight[j] *= failed ? tl_rates[j] : 1 - tl_rates[j];
        }
        z->segments[kept++] = *s;
    }
    z->n = kept;
    summarise(z);
}

/* What a run at a position of a segment would tell, in bits, given the sums over those below: about t, and
 * for TEACH of it about t and the rate together. Without that a search whose rate is not known only asks
 * where t might be, and pays at the end with many more passes than the rate would need. */
#define TEACH 0.15
struct sum {
    double fails, known;
};

static struct sum plus(struct sum below, const struct tl_noise_segment *s, double part)
{
    double weight = s->sum * part;
    below.fails += weight * s->rate;
    below.known += weight * ((1 - TEACH) * entropy(s->rate) + TEACH * s->doubt);
    return below;
}

static double information(struct sum below, const struct tl_noise_segment *s, uint64_t position)
{
    struct sum all = plus(below, s, ((double)(position - s->first) + 1) / length(s));
    return entropy(all.fails) - all.known;
}

uint64_t tl_noise_next(const struct tl_noise *z)
{
    double best = -1;
    uint64_t position = z->n > 0 ? z->segments[0].first : 0;
    struct sum below = {0, 0};
    for (size_t i = 0; i < z->n; i++) {
        const struct tl_noise_segment *s = &z->segments[i];
        /* Within a segment the information is a concave function of the position: ternary search. */
        uint64_t low = s->first, high = s->last;
        while (high - low > 2) {
            uint64_t third = (high - low) / 3, a = low + third, b = high - third;
            if (information(below, s, a) < information(below, s, b))
                low = a + 1;
            else
                high = b - 1;
        }
        for (uint64_t p = low;; p++) {
            double bits = information(below, s, p);
            if (bits > best) {
                best = bits;
                position = p;
            }
            if (p == high)
                break;
        }
        below = plus(below, s, 1);
    }
    return position;
}

double tl_noise_above(const struct tl_noise *z, uint64_t position)
{
    double above = 0;
    for (size_t i = 0; i < z->n; i++) {
        const struct tl_noise_segment *s = &z->segments[i];
        if (s->first > position)
            above += s->sum;
        else if (s->last > position)
            above += s->sum * (double)(s->last - position) / length(s);
    }
    return above;
}

/* The standard normal quantile: bisection of erfc is exact enough and needs no table. */
static double normal_quantile(double p)
{
    double low = -40, high = 40;
    for (int i = 0; i < 100; i++) {
        double mid = (low + high) / 2;
        if (0.5 * erfc(-mid / sqrt(2.0)) < p)
            low = mid;
        else
            high = mid;
    }
    return (low + high) / 2;
}

void tl_wilson(uint64_t k, uint64_t n, double confidence, double *low, double *high)
{
    if (n == 0) {
        *low = 0;
        *high = 1;
        return;
    }
    double z = normal_quantile(0.5 + confidence / 2), nn = (double)n, p = (double)k / nn;
    double middle = (p + z * z / (2 * nn)) / (1 + z * z / nn);
    double half = z / (1 + z * z / nn) * sqrt(p * (1 - p) / nn + z * z / (4 * nn * nn));
    *low = k == 0 ? 0 : fmax(0, middle - half);
    *high = k == n ? 1 : fmin(1, middle + half);
}
