/* Has a measurement moved to another level? Times and sizes of nights, against those of the nights before;
 * level.c has the theory. */
#ifndef TL_LEVEL_H
#define TL_LEVEL_H

#include <stddef.h>

#define TL_LEVEL_NIGHTS 5  /* nights at most in which a change is looked for, tonight among them */
#define TL_LEVEL_ODDS 5000 /* a Bayes factor from which on it is one */

/* What is known of a kind of measurement before any is made. Shares are of nights; the rest are normal. */
struct tl_level_kind {
    double sigma;       /* of the log of a night's median, as one may expect it to be */
    double sigma_least; /* none is believed to be steadier than this */
    double burdened;    /* share of nights that are up to `burden` times as high and mean nothing */
    double burden;
    double wild; /* share that can be anything */
};
extern const struct tl_level_kind tl_level_time, tl_level_memory;

/* One night's measurements in ascending order, all above 0. */
struct tl_level_night {
    const double *list;
    size_t n;
};

struct tl_level_change {
    size_t nights; /* the newest so many are the ones that differ; 0: none do */
    double ratio;  /* their median to that of the others */
    double odds;   /* a Bayes factor, the largest of those nights whose ratio would do; 0: there are none */
};
/* nights: the newest first. A change is a ratio of at least `least`, or of at most 1 / least. */
struct tl_level_change tl_level_judge(const struct tl_level_kind *kind, const struct tl_level_night *nights,
                                      size_t n, double least);

#endif
