/* What the processes of a trial wrote of its end. Pure. Strings are new. */
#ifndef TL_SAID_H
#define TL_SAID_H

#include "harness/base/record.h"

/* The message with which a process ended itself, on its stderr, or else on its stdout; NULL. What a process
 * ends by abort() or a trap, or by an exit status, it may have explained in words of its own; a fault comes
 * unannounced. */
char *tl_said_last(const struct tl_trial_record *r, int status);
char *tl_said_complaint(const struct tl_trial_record *r); /* the error that was written last; NULL */
char *tl_said_sanitizer(const struct tl_trial_record *r); /* what a sanitizer reported; NULL */
/* Whether nothing that was written complains of anything but of memory. */
bool tl_said_nothing_else(const struct tl_trial_record *r);

#endif
