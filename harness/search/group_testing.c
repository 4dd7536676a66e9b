/* How many elements of a row are needed, and where to split it next.
 *
 * Elements stand in a row, and the first so many of them are decided. A test takes away a group, the next ones of
 * the row, and asks whether the failure is still there. In the words of group testing [1] the needed elements are
 * the defective items, and a group is contaminated when it holds one.
 *
 * Bisection in the middle is best only when exactly one element is needed. A test tells most when both outcomes
 * are equally likely, so the row is split where the chance that the first part is contaminated is one half.
 * (Hwang [2] chooses the size of a group so when the number of defectives is given.) Here that number is not
 * known. It gets a prior: k elements are needed with a chance proportional to 0.35^k, which prefers few, and to
 * that comes 0.1 / n for every k alike, so that many are possible too (and 0.01 for none). Given k, all
 * places of the needed elements in the row are equally likely. What was found so far turns it into a posterior:
 * of the elements that are decided, `found` were needed, and the rest may be known to be contaminated. With few
 * needed elements that comes to FIC_BS [3], its last test included; where about a third or more turn out to be
 * needed it comes to one element at a time.
 *
 * Rows may be long. Each of the two parts of the prior, times the chance of what was found, is log-concave in r, the
 * number of needed elements that are left. So each has one peak, and what is below e^-45 of the higher one is left
 * out: the window is found by bisection, and is narrow as soon as something is known.
 *
 * [1] R. Dorfman: The detection of defective members of large populations. Ann. Math. Statist. 14(4), 1943.
 * [2] F. K. Hwang: A method for detecting all defective members in a population by group testing. JASA 67, 1972.
 * [3] Z. Zhang, J. Zhang: Characterizing failure-causing parameter interactions by adaptive testing. ISSTA 2011. */
#include "harness/search/group_testing.h"

#include "harness/base/buffer.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define FEW 0.35 /* k needed elements are as likely as that to the power of k … */
#define MANY 0.1 /* … and this, divided by n, comes to every k */
#define NONE_AT_ALL 0.01
#define NEGLIGIBLE 45 /* of the logarithm, below the highest weight */
#define SHORT 2048    /* a row of so many is weighed whole */

void tl_group_init(struct tl_group_belief *b, size_t n)
{
    *b = (struct tl_group_belief){.left = SIZE_MAX};
    b->log_factorial = tl_calloc(n + 2, sizeof *b->log_factorial);
    b->weights = tl_calloc(n + 2, sizeof *b->weights);
    for (size_t i = 2; i <= n; i++)
        b->log_factorial[i] = b->log_factorial[i - 1] + log((double)i);
}

void tl_group_free(struct tl_group_belief *b)
{
    free(b->log_factorial);
    free(b->weights);
    *b = (struct tl_group_belief){0};
}

/* The logarithm of C(left, r) / C(n, k): all places of k needed elements among n are equally likely. */
static double places(const struct tl_group_belief *b, size_t r)
{
    const double *lf = b->log_factorial;
    size_t k = b->found + r;
    return lf[b->left] - lf[r] - lf[b->left - r] - lf[b->n] + lf[k] + lf[b->n - k];
}

static double log_weight(const struct tl_group_belief *b, size_t r)
{
    const double *lf = b->log_factorial;
    size_t k = b->found + r;
    double prior = k == 0 ? NONE_AT_ALL : pow(FEW, (double)k) + MANY / (double)b->n;
    return log(prior) + lf[b->left] - lf[r] - lf[b->left - r] - lf[b->n] + lf[k] + lf[b->n - k];
}

/* One of the two parts of the prior: its logarithm is `base` + r * `slope`, and that of the places. */
struct part {
    double base, slope;
    size_t peak;
    double top;
};

static double part_weight(const struct tl_group_belief *b, const struct part *p, size_t r)
{
    return p->base + p->slope * (double)r + places(b, r);
}

static struct part part_make(const struct tl_group_belief *b, double base, double slope)
{
    struct part p = {.base = base, .slope = slope};
    size_t low = 0, high = b->left;
    while (low < high) { /* the first r behind which it does not rise */
        size_t r = low + (high - low) / 2;
        if (part_weight(b, &p, r + 1) <= part_weight(b, &p, r))
            high = r;
        else
            low = r + 1;
    }
    p.peak = low;
    p.top = part_weight(b, &p, low);
    return p;
}

/* Makes the window wide enough for a part. */
static void include(struct tl_group_belief *b, const struct part *p, double floor)
{
    if (p->top < floor)
        return;
    size_t low = 0, high = p->peak;
    while (low < high) {
        size_t r = low + (high - low) / 2;
        if (part_weight(b, p, r) >= floor)
            high = r;
        else
            low = r + 1;
    }
    if (low < b->least)
        b->least = low;
    low = p->peak;
    high = b->left;
    while (low < high) {
        size_t r = high - (high - low) / 2;
        if (part_weight(b, p, r) >= floor)
            low = r;
        else
            high = r - 1;
    }
    if (low > b->most)
        b->most = low;
}

static void find_window(struct tl_group_belief *b)
{
    if (b->n <= SHORT) {
        b->least = 0;
        b->most = b->left;
        return;
    }
    struct part few = part_make(b, (double)b->found * log(FEW), log(FEW));
    struct part many = part_make(b, log(MANY / (double)b->n), 0);
    double floor = fmax(few.top, many.top) - NEGLIGIBLE;
    b->least = b->left;
    b->most = 0;
    include(b, &few, floor);
    include(b, &many, floor);
}

void tl_group_weigh(struct tl_group_belief *b, size_t n, size_t left, size_t found)
{
    if (b->n == n && b->left == left && b->found == found)
        return;
    b->n = n;
    b->left = left;
    b->found = found;
    find_window(b);
    double top = -INFINITY, sum = 0;
    for (size_t r = b->least; r <= b->most; r++) {
        double w = log_weight(b, r);
        b->weights[r - b->least] = w;
        if (w > top)
            top = w;
    }
    for (size_t i = 0; i <= b->most - b->least; i++) {
        b->weights[i] = exp(b->weights[i] - top);
        sum += b->weights[i];
    }
    for (size_t i = 0; i <= b->most - b->least; i++)
        b->weights[i] /= sum;
}

double tl_group_none(const struct tl_group_belief *b, size_t g)
{
    size_t m = b->left;
    if (b->least + g > m)
        return 0;
    double sum = 0, none = 1;
    if (b->least > 0) {
        const double *lf = b->log_factorial;
        none = exp(lf[m - g] - lf[m - g - b->least] - lf[m] + lf[m - b->least]);
    }
    for (size_t r = b->least; r <= b->most && r + g <= m; r++) {
        sum += b->weights[r - b->least] * none;
        none *= (double)(m - g - r) / (double)(m - r > 0 ? m - r : 1);
        if (none < 1e-12)
            break;
    }
    return sum;
}

double tl_group_none_of(const struct tl_group_belief *b, size_t contaminated, size_t g)
{
    double given = contaminated > 0 ? tl_group_none(b, contaminated) : 0;
    return 1 - given < 1e-12 ? 0.5 : (tl_group_none(b, g) - given) / (1 - given);
}

size_t tl_group_split(const struct tl_group_belief *b, size_t contaminated, double *none)
{
    double given = contaminated > 0 ? tl_group_none(b, contaminated) : 0;
    size_t low = 1, high = contaminated > 0 ? contaminated - 1 : b->left;
    *none = 0.5;
    if (1 - given < 1e-12) /* what is known was all but impossible, and says nothing of the place */
        return (high + 1) / 2;
    while (low < high) { /* the first g that is needed to have at least half a chance */
        size_t g = low + (high - low) / 2;
        if ((tl_group_none(b, g) - given) / (1 - given) <= 0.5)
            high = g;
        else
            low = g + 1;
    }
    double here = (tl_group_none(b, low) - given) / (1 - given);
    if (low > 1) {
        double before = (tl_group_none(b, low - 1) - given) / (1 - given);
        if (fabs(before - 0.5) < fabs(here - 0.5)) {
            low--;
            here = before;
        }
    }
    *none = here;
    return low;
}
