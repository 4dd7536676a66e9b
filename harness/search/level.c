/* Has a measurement moved to another level?
 *
 * Trials of one night are not independent of each other: the machine was warm, or busy, for all of them. So
 * what is compared is nights, each by the log of its median, and no number of trials of one night can show
 * what only several nights can. A night's median is
 *
 *     y = m + e,   e of a mixture:  most nights        normal, sigma s
 *                                   some               burdened: up to four times as high, any such factor alike
 *                                   a few              wild: anything within a factor of twenty
 *
 * s has two parts. What the trials of a night differ by is seen within the nights, from the lower half of each,
 * for load only makes slower; it counts less the more trials a night has. What nights differ by is the rest of the
 * spread of their medians (of those within three sigmas), drawn towards what is usual while there are few.
 *
 * That the newest k nights are on another level is the hypothesis that they have m + d, with any of a few d from 1.3
 * to 10 alike. Its Bayes factor [1] is the mean over d of the product of f(y - m - d) / f(y - m), and it is asked for
 * each k up to five, for higher and for lower. Because a burdened night explains any single high value, one night
 * never suffices for a time; two or three in succession do, as long as such nights are not the rule. The share of
 * them is learned from the nights before; and that so many of these were burdened that the level itself is wrong is
 * part of "nothing has changed": after few nights nothing is called faster. If nothing has changed, the chance that a
 * factor reaches an odds of A is at most 1 in A, for each k and direction [2].
 *
 * [1] R. E. Kass, A. E. Raftery: Bayes factors. JASA 90, 1995.
 * [2] J. Ville: Étude critique de la notion de collectif. 1939. For trials that go on until they decide. */
#include "harness/search/level.h"

#include "harness/base/buffer.h"
#include "harness/base/quantile.h"

#include <math.h>
#include <stdlib.h>

#define PRIOR_NIGHTS 3.0  /* how many nights what is usual counts for */
#define SHARE_NIGHTS 20.0 /* likewise, of the share of burdened nights */
#define DOUBT_NIGHTS 4.0  /* by which the doubt about how much nights differ is a third each */
#define WILD_SPAN 6.0     /* of the log: a factor of twenty either way */
#define CORE 1.027        /* variance of all, to that of what is within three sigmas */
#define MEDIAN_COST 1.57  /* variance of a median, to that of a mean: pi / 2 */

const struct tl_level_kind tl_level_time = {
    .sigma = 0.1, .sigma_least = 0.02, .burdened = 0.05, .burden = 4, .wild = 0.002};
const struct tl_level_kind tl_level_memory = {
    .sigma = 0.03, .sigma_least = 0.005, .burdened = 0.002, .burden = 2, .wild = 0.002};

static const double shifts[] = {1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.5, 3, 4, 6, 10};

static double normal_density(double z)
{
    return exp(-z * z / 2) / sqrt(2 * 3.14159265358979323846);
}

static double normal_below(double z)
{
    return 0.5 * erfc(-z / sqrt(2.0));
}

/* The density of a night that is y above the level. */
static double density(const struct tl_level_kind *k, double share, double y, double sigma)
{
    double span = log(k->burden), most = 1 - share - k->wild;
    double burdened = (normal_below(y / sigma) - normal_below((y - span) / sigma)) / span;
    return most * normal_density(y / sigma) / sigma + share * burdened + k->wild / WILD_SPAN;
}

/* What the trials of these nights differ by, from how far the lowest of each is below its median. */
static double within(const struct tl_level_night *nights, size_t n)
{
    double sum = 0, weights = 0;
    for (size_t i = 0; i < n; i++) {
        if (nights[i].n < 2)
            continue;
        /* How many sigmas the lowest of so many normal values is below their median: a fit for 2 to 64. */
        double expected = 0.236 + 0.559 * log((double)nights[i].n);
        double below = log(tl_median(nights[i].list, nights[i].n) / nights[i].list[0]);
        sum += (double)nights[i].n * below / expected;
        weights += (double)nights[i].n;
    }
    return weights > 0 ? sum / weights : 0;
}

struct level {
    size_t n;        /* nights it was learned from */
    double burdened; /* share of nights */
    double at;       /* log */
    double between;  /* sigma of nights, without that of their trials */
    double within;   /* sigma of trials */
    double of_at;    /* sigma of `at` */
};

/* The variance of what is not far out, of distances in ascending order: those within three sigmas, by their median. */
static double core_variance(const double *away, size_t n)
{
    double most = 3 * 1.4826 * tl_median(away, n), sum = 0;
    size_t k = 0;
    while (k < n && away[k] <= most) {
        sum += away[k] * away[k];
        k++;
    }
    return CORE * sum / (double)(k > 1 ? k - 1 : 1);
}

static struct level learn(const struct tl_level_kind *k, const struct tl_level_night *nights, size_t n)
{
    double *y = tl_calloc(n, sizeof *y), *away = tl_calloc(n, sizeof *away), trials = 0, high = 0;
    struct level l = {.n = n, .within = within(nights, n)};
    for (size_t i = 0; i < n; i++) {
        y[i] = log(tl_median(nights[i].list, nights[i].n));
        trials += MEDIAN_COST * l.within * l.within / (double)nights[i].n / (double)n;
    }
    tl_sort(y, n);
    l.at = tl_median(y, n);
    for (size_t i = 0; i < n; i++)
        away[i] = fabs(y[i] - l.at);
    tl_sort(away, n);
    double spread = core_variance(away, n);
    double rest = spread > trials ? spread - trials : 0;
    double usual = k->sigma * k->sigma;
    double between = (PRIOR_NIGHTS * usual + (double)n * rest) / (PRIOR_NIGHTS + (double)n);
    l.between = sqrt(between > k->sigma_least * k->sigma_least ? between : k->sigma_least * k->sigma_least);
    l.of_at = sqrt(MEDIAN_COST * (l.between * l.between + trials) / (double)n);
    for (size_t i = 0; i < n; i++)
        high += y[i] - l.at > 3 * sqrt(l.between * l.between + trials);
    l.burdened = (SHARE_NIGHTS * k->burdened + high) / (SHARE_NIGHTS + (double)n);
    free(away);
    free(y);
    return l;
}

/* The chance that at least half of n nights are burdened. */
static double half_burdened(double share, size_t n)
{
    double sum = 0, N = (double)n;
    for (size_t i = (n + 1) / 2; i <= n; i++) {
        double k = (double)i;
        sum +=
            exp(lgamma(N + 1) - lgamma(k + 1) - lgamma(N - k + 1) + k * log(share) + (N - k) * log1p(-share));
    }
    return sum < 1 ? sum : 1;
}

/* The chance of the first k nights with the level so far above what was learned. */
static double chance(const struct tl_level_kind *kind, const double *y, const double *of_trials, size_t k,
                     const struct level *l, double sigma, double above)
{
    double product = 1;
    for (size_t i = 0; i < k; i++)
        product *= density(kind, l->burdened, y[i] - above, sqrt(sigma * sigma + of_trials[i]));
    return product;
}

/* The log of the Bayes factor for the first k nights being on a higher (lower: sign -1) level. What is not known of the
 * nights before is summed over, on both sides alike: where their level is, and how much nights differ. */
static double log_odds(const struct tl_level_kind *kind, const struct tl_level_night *nights, size_t k,
                       const struct level *l, double sign)
{
    static const double at[] = {-2.2, -1.1, 0, 1.1, 2.2}, scales[] = {1, 1.6, 2.5};
    double y[TL_LEVEL_NIGHTS], of_trials[TL_LEVEL_NIGHTS], same = 0, other = 0;
    for (size_t i = 0; i < k; i++) {
        y[i] = log(tl_median(nights[i].list, nights[i].n)) - l->at;
        of_trials[i] = MEDIAN_COST * l->within * l->within / (double)nights[i].n;
    }
    double doubt = exp(-(double)l->n / DOUBT_NIGHTS), wrong = half_burdened(l->burdened, l->n),
           span = log(kind->burden);
    const double weights[] = {1 - 0.5 * doubt, 0.35 * doubt, 0.15 * doubt};
    for (size_t c = 0; c < TL_COUNT(scales); c++)
        for (size_t a = 0; a < TL_COUNT(at); a++) {
            double sigma = l->between * scales[c], off = at[a] * l->of_at * scales[c];
            double weight = weights[c] * normal_density(at[a]);
            same += weight * (1 - wrong) * chance(kind, y, of_trials, k, l, sigma, off);
            for (int b = 0; b < 6; b++) /* what was before was burdened: by any factor */
                same +=
                    weight * wrong / 6 * chance(kind, y, of_trials, k, l, sigma, off - span * (b + 0.5) / 6);
            for (size_t s = 0; s < TL_COUNT(shifts); s++)
                other += weight / (double)TL_COUNT(shifts) *
                         chance(kind, y, of_trials, k, l, sigma, off + sign * log(shifts[s]));
        }
    return log(other / same);
}

static double ratio_of(const struct tl_level_night *nights, size_t k, const struct level *l)
{
    double y[TL_LEVEL_NIGHTS];
    for (size_t i = 0; i < k; i++)
        y[i] = log(tl_median(nights[i].list, nights[i].n));
    tl_sort(y, k);
    return exp(tl_median(y, k) - l->at);
}

struct tl_level_change tl_level_judge(const struct tl_level_kind *kind, const struct tl_level_night *nights,
                                      size_t n, double least)
{
    struct tl_level_change best = {0, 1, 0};
    for (size_t k = 1; k <= TL_LEVEL_NIGHTS && k < n; k++) {
        struct level l = learn(kind, nights + k, n - k);
        double ratio = ratio_of(nights, k, &l);
        if (ratio < least && ratio > 1 / least)
            continue;
        double odds = exp(fmin(log_odds(kind, nights, k, &l, ratio > 1 ? 1 : -1), 700));
        if (odds > best.odds)
            best = (struct tl_level_change){odds >= TL_LEVEL_ODDS ? k : 0, ratio, odds};
    }
    return best;
}
