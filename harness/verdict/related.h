/* Which failures with different signatures are one all the same. Pure. */
#ifndef TL_RELATED_H
#define TL_RELATED_H

#include "harness/base/record.h"

#include <stdbool.h>

/* Whether two failures of the same files are one failure although their signatures differ: both end of the
 * same signal in the same phase, in code of which only the unwind tables are known, one of them in a function
 * and the other in that function or in something it called, and what led there is the same. A wild address
 * often takes a kernel down a few calls earlier or later. Never true for functions with names, nor for
 * failures that a message tells apart. Or both are hangs in the same phase, caught at different points below
 * the same calls of the runtime.
 *
 * A crash or hang of which nothing is known but outcome, phase and signal (tl_failure_is_bare) may be any of
 * them, and is related to all that agree in these: a missing stack is unknown, not another failure. Whoever
 * joins failures must not join two that are known by way of one that is not. */
bool tl_failure_related(const struct tl_trial_record *a, const struct tl_trial_record *b);

/* Whether a crash or hang left no stack (ptrace was refused, the system's report came late), nor a message
 * where it is the message that tells such failures apart. */
bool tl_failure_is_bare(const struct tl_trial_record *r);

#endif
