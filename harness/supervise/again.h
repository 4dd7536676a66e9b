/* A trial that is run once more, because it died while nobody looked. */
#ifndef TL_AGAIN_H
#define TL_AGAIN_H

#include "harness/supervise/trial.h"

/* The same trial once more, when t, which has ended, died where its stack was not seen; NULL: t has seen all there is. What
 * t was asked for, and its record, are the new one's. */
struct tl_trial *tl_again(struct tl_trial *t);

/* Of a trial whose record is complete, whatever came of it: the record of the run before that counts, unless this one has
 * died in the same way. */
void tl_again_settle(struct tl_trial *t);

void tl_trial_begin_record(struct tl_trial *t); /* what a trial is before it has begun */

#endif
