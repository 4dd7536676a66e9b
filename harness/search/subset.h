/* The smallest part of a set that still fails: nodes of a graph, tensors, calls of a sequence. subset.c has the theory.
 *
 * The engine is asked for tests and told their outcomes. A test is a part of the elements, which are numbers; what they
 * are, and how a part of them is run, is the caller's. What it asks next hangs on the options and on the outcome of each
 * test alone, never on the order in which they end or on how many run at once. So a caller that keeps outcomes by set
 * and number of run (or by what it makes of them) goes on after a kill -9: the same options, and the outcomes that it
 * has, lead to where it was, with no test run twice.
 *
 * A part is ranges of numbers, ascending: a sequence keeps its order without more ado. */
#ifndef TL_SUBSET_H
#define TL_SUBSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_SUBSET_MOST 16777216 /* elements */

struct tl_subset_options {
    size_t n;              /* elements, numbered from 0, at most TL_SUBSET_MOST. All of them together fail */
    const double *weights; /* of each: the heavier are taken away first. NULL: from the first on */
    const double *chances; /* of each, above 0: how likely it is needed, beside the others. NULL: all alike */
    double rate; /* the part of its runs in which what fails does so, at least 0.01; 1: all. 0: learned */
    uint32_t known_failed,
        known_runs;    /* with rate 0: runs of all elements that were made before; else they are made */
    bool empty_passes; /* it is known that no element at all does not fail */
    uint64_t seed;
};

enum tl_subset_outcome {
    TL_SUBSET_FAIL,    /* in the same way */
    TL_SUBSET_PASS,    /* it does not */
    TL_SUBSET_OTHER,   /* it fails in another way: counts as a pass, and is counted */
    TL_SUBSET_INVALID, /* this part cannot be tried: neither */
    TL_SUBSET_LOST,    /* nothing came of it: it is asked for again */
};

struct tl_subset_range {
    uint32_t first, last;
};

enum tl_subset_purpose {
    TL_SUBSET_REPRODUCE, /* all elements: do they fail, and how often */
    TL_SUBSET_SEARCH,    /* which are needed */
    TL_SUBSET_CHECK,     /* runs of what fails, for its rate */
    TL_SUBSET_FINAL,     /* one element of the answer taken away: where a fresh process counts */
};

struct tl_subset_test {
    uint64_t id;
    size_t kept, n_ranges;
    const struct tl_subset_range *ranges; /* of the elements that are kept; until the next call */
    uint32_t run;                         /* tells the runs of this very part apart; not always in a row */
    enum tl_subset_purpose purpose;
    bool ahead; /* it may turn out not to be needed: asked for because a slot is free */
};

enum tl_subset_next {
    TL_SUBSET_TEST, /* one more is to be run */
    TL_SUBSET_WAIT, /* none, before one of those that run has ended */
    TL_SUBSET_DONE,
};

struct tl_subset_result {
    bool done;
    bool reproduced; /* false: all elements together never failed */
    /* Done, and each element of the answer was taken away alone, or where that cannot be tried with others put back, and
     * then it did not fail. */
    bool minimal;
    bool noisy;        /* it does not always show, as was said or seen */
    bool not_monotone; /* an element that seemed to be needed was not, or the other way round */
    size_t kept, n_ranges;
    const struct tl_subset_range *ranges; /* the smallest part that failed so far */
    /* Elements of it that could not be taken away alone: nothing that can be tried was found, or only with others put
     * back, and then it failed. Whether they are needed for the failure, or only for a part that can be tried, is open. */
    size_t n_untried, n_untried_ranges;
    const struct tl_subset_range *untried;
    double rate;       /* of the answer: given, or the mean of what is believed */
    double confidence; /* when minimal: the chance that every element is needed, were the failure monotone */
    /* Tests that counted, every run by itself: of the search, of the removals one by one at the end, and of what fails
     * for its rate. Of them failed in another way, could not be tried. Asked for ahead and not needed: wasted. */
    uint64_t search, final, repeats, other, invalid, wasted;
};

struct tl_subset;
struct tl_subset *tl_subset_new(const struct tl_subset_options *options); /* copies what it needs */
void tl_subset_free(struct tl_subset *s);
enum tl_subset_next tl_subset_next(struct tl_subset *s, struct tl_subset_test *test);
/* What came of a test; once for each, in any order. Returns 0, or -1 for an id that is not running. */
int tl_subset_tell(struct tl_subset *s, uint64_t id, enum tl_subset_outcome outcome);
/* Whether a test that runs may still be needed: one that is not may be stopped, and told or not. */
bool tl_subset_wanted(struct tl_subset *s, uint64_t id);
/* The result as it stands: at any time, for a search that ends early. Valid until the next call. */
const struct tl_subset_result *tl_subset_result(struct tl_subset *s);
size_t tl_subset_undecided(const struct tl_subset *s); /* elements that may still go, in the search */

#endif
