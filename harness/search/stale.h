/* Do stored trials still say what a variant does? stale.c has the theory. */
#ifndef TL_STALE_H
#define TL_STALE_H

#include <stddef.h>

#define TL_STALE_MOST 10   /* trials that are made at most to settle it */
#define TL_STALE_ODDS 500  /* a change is as likely as that against none: said at once */
#define TL_STALE_LEAST 200 /* and that, when TL_STALE_MOST trials are made */

enum tl_stale {
    TL_STALE_NONE, /* nothing speaks against them */
    TL_STALE_OPEN, /* it looks otherwise than before: one more trial */
    TL_STALE_SURE, /* what is older than the change is no answer any more */
};

/* outcomes: the trials of one variant on one unit, oldest first, equal numbers for equal outcomes; the last n_new
 * of them were made just now, to see. *change: of TL_STALE_SURE, the place of the first trial after the change. */
enum tl_stale tl_stale_judge(const unsigned *outcomes, size_t n, size_t n_new, size_t *change);

#endif
