/* Has something changed between two sets of trials of the same variant?
 *
 * A night is compared with those before it. A failure that shows now and then must not be called new in one
 * night and fixed in the next, and one that shows always is to be said after a few trials.
 *
 * Rates are compared by a Bayes factor [1]: how much more likely the trials of both sides are if each has a rate of
 * its own than if both have the same. What a rate is, before anything is known, is said by a prior with three parts,
 * as crashes are: never (0.6), always (0.3), or anything between with equal chances (0.1). The likelihood of k
 * failures in n trials over the last part is the Beta function B(k + 1, n - k + 1), and the others only speak where k
 * is 0 or n. As nearly all failures show always or never, a few trials on both sides settle those, and a flaky one
 * needs many. A factor above 150 is called very strong evidence in [1]; 500 is asked for here, and 1,500 where it
 * failed now and then before: such a cell is asked night after night, and each time may look changed by chance, while
 * one that never failed does not.
 *
 * What was never seen in thousands of trials and is seen once makes for long odds, as none of the three parts
 * explains a failure in ten thousand trials. Machines do fail as rarely as that, so a change must have been seen
 * twice.
 *
 * That a change is open means that more trials of tonight would settle it, if they went on as they began; it
 * is unclear when no number of them that is worth it would.
 *
 * Measurements are compared by the rank-sum test of Mann and Whitney [2], which assumes nothing of their
 * distribution. For small samples its tail is counted out over all orders, by their recurrence on the
 * largest value; for large ones it is the normal approximation.
 *
 * [1] R. E. Kass, A. E. Raftery: Bayes factors. JASA 90, 1995.
 * [2] H. B. Mann, D. R. Whitney: On a test of whether one of two random variables is stochastically larger
 *     than the other. Ann. Math. Statist. 18(1), 1947. */
#include "harness/search/change.h"

#include "harness/base/buffer.h"

#include <math.h>
#include <stdlib.h>

/* Chances of a rate before anything is known. */
#define NEVER 0.6
#define ALWAYS 0.3
#define BETWEEN 0.1

#define EXACT_MOST 400 /* pairs of values up to which the rank sum is counted out */

/* log(exp(a) + exp(b)) */
static double log_add(double a, double b)
{
    double top = a > b ? a : b, low = a > b ? b : a;
    return isinf(top) && top < 0 ? top : top + log1p(exp(low - top));
}

/* The log of the chance of seeing this, in one order, over all rates. */
static double evidence(struct tl_change_count s)
{
    double k = (double)s.k, n = (double)s.n;
    double all = log(BETWEEN) + lgamma(k + 1) + lgamma(n - k + 1) - lgamma(n + 2);
    if (s.k == 0)
        all = log_add(all, log(NEVER));
    if (s.k == s.n)
        all = log_add(all, log(ALWAYS));
    return all;
}

static double log_odds(struct tl_change_count before, struct tl_change_count now)
{
    const struct tl_change_count both = {before.k + now.k, before.n + now.n};
    return evidence(before) + evidence(now) - evidence(both);
}

double tl_change_odds(struct tl_change_count before, struct tl_change_count now)
{
    return exp(log_odds(before, now));
}

/* One side shows it never (or always), and the other one otherwise. */
static bool looks_changed(struct tl_change_count a, struct tl_change_count b)
{
    bool never = a.k == 0 && b.k > 0, always = a.k == a.n && b.k < b.n;
    return never || always;
}

enum tl_change tl_change_judge(struct tl_change_count before, struct tl_change_count now, uint64_t added)
{
    bool mixed = before.k > 0 && before.k < before.n;
    const double enough = log(mixed ? TL_CHANGE_MIXED : TL_CHANGE_ODDS);
    if (before.n == 0 || now.n == 0)
        return TL_CHANGE_NONE;
    double b = (double)before.k / (double)before.n, r = (double)now.k / (double)now.n;
    bool once = (r > b ? now.k : now.n - now.k) < TL_CHANGE_SEEN;
    if (now.n >= TL_CHANGE_LEAST && !once && log_odds(before, now) >= enough)
        return r > b ? TL_CHANGE_MORE_OFTEN : TL_CHANGE_LESS_OFTEN;
    if (!looks_changed(before, now) && !looks_changed(now, before))
        return TL_CHANGE_NONE;
    /* What it would come to if all trials that may be added were as those so far. */
    uint64_t left = added < TL_CHANGE_MORE ? TL_CHANGE_MORE - added : 0;
    struct tl_change_count then = {now.k + (uint64_t)lround(r * (double)left), now.n + left};
    if (left && log_odds(before, then) >= enough)
        return TL_CHANGE_OPEN;
    /* A flaky failure that shows as often as before is none: it is unclear only when it looks like one. */
    bool few = before.n < TL_CHANGE_LEAST, constant = before.k == 0 || before.k == before.n;
    return (few ? constant : log_odds(before, now) > 0) ? TL_CHANGE_UNCLEAR : TL_CHANGE_NONE;
}

/* How many pairs (now, before) have now above before; a tie is half a pair. */
static double pairs_above(const double *before, size_t n_before, const double *now, size_t n_now)
{
    double above = 0;
    for (size_t i = 0; i < n_now; i++)
        for (size_t j = 0; j < n_before; j++)
            above += now[i] > before[j] ? 1 : now[i] < before[j] ? 0 : 0.5;
    return above;
}

/* The share of all orders of n + m values in which at least u pairs are above: by the recurrence of Mann and
 * Whitney on the largest value. */
static double exact_tail(size_t n, size_t m, double u)
{
    size_t width = n * m + 1; /* a row for each number of values of now, a column for each number of pairs */
    double *counts = tl_calloc((n + 1) * width, sizeof *counts), sum = 0, all = 0;
    for (size_t i = 0; i <= n; i++)
        counts[i * width] = 1; /* with none of the other side there is one order, and no pair */
    for (size_t j = 1; j <= m; j++) {
        double *next = tl_calloc((n + 1) * width, sizeof *next);
        next[0] = 1;
        /* The largest of all is one of now, above all j of before, or it is one of before. */
        for (size_t i = 1; i <= n; i++)
            for (size_t p = 0; p < width; p++)
                next[i * width + p] = (p >= j ? next[(i - 1) * width + p - j] : 0) + counts[i * width + p];
        free(counts);
        counts = next;
    }
    for (size_t p = 0; p < width; p++) {
        all += counts[n * width + p];
        sum += (double)p + 1e-9 >= u ? counts[n * width + p] : 0;
    }
    free(counts);
    return sum / all;
}

double tl_change_rank_sum(const double *before, size_t n_before, const double *now, size_t n_now, bool lower)
{
    if (!n_before || !n_now)
        return 1;
    double above = pairs_above(before, n_before, now, n_now), n = (double)n_now, m = (double)n_before;
    double u = lower ? n * m - above : above;
    if (n * m <= EXACT_MOST)
        return exact_tail(n_now, n_before, u);
    double z = (u - n * m / 2 - 0.5) / sqrt(n * m * (n + m + 1) / 12);
    return 0.5 * erfc(z / sqrt(2.0));
}
