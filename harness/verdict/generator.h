/* What a generator that did not make its model says: that it will not, or that it cannot even run. Pure. */
#ifndef TL_GENERATOR_VERDICT_H
#define TL_GENERATOR_VERDICT_H

#include "harness/base/record.h"

#define TL_REFUSED_STATUS 77 /* with which test programs have always said "skipped" */

/* Why it refused: its exit status is 77, or the last line of its stdout is {"unsupported": WHY}. A new string;
 * NULL when it did not refuse. */
char *tl_generator_refused(const struct tl_trial_record *r);

/* The line that says that its program, or something that it needs to run, is not there: a module that cannot be
 * imported, a script that cannot be opened, a command that is not found. That is nothing about the variant, and
 * is mended by installing it. A new string; NULL when it failed in another way or not at all. */
char *tl_generator_lacks(const struct tl_trial_record *r);

#endif
