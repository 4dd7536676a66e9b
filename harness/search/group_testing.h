/* How many elements of a row are needed, and where to split it next: adaptive group testing. group_testing.c has the theory. */
#ifndef TL_GROUP_TESTING_H
#define TL_GROUP_TESTING_H

#include <stddef.h>

/* What is believed of how many are needed. */
struct tl_group_belief {
    double *log_factorial; /* of 0 to the most elements of a row */
    double *weights;       /* [r - least]: the chance that r of those that are not decided are needed */
    size_t least, most;    /* the r whose chance is not negligible */
    size_t n, left, found; /* what the weights are for */
};
void tl_group_init(struct tl_group_belief *b, size_t n); /* for rows of at most n elements */
void tl_group_free(struct tl_group_belief *b);
/* Of n elements in a row `left` are not decided, and `found` of the others were needed. */
void tl_group_weigh(struct tl_group_belief *b, size_t n, size_t left, size_t found);
/* The chance that none of the next g elements is needed. */
double tl_group_none(const struct tl_group_belief *b, size_t g);
/* The same where one of the first `contaminated`, which are more than g, is known to be needed (0: it is not known). */
double tl_group_none_of(const struct tl_group_belief *b, size_t contaminated, size_t g);
/* How many elements to take next, so that one of them is needed with a chance of about one half. When one of the
 * first `contaminated` is known to be needed it is fewer than that (0: it is not known). *none: the chance that none of
 * these is needed. */
size_t tl_group_split(const struct tl_group_belief *b, size_t contaminated, double *none);

#endif
