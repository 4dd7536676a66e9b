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
 * the same calls of the runtime. */
bool tl_failure_related(const struct tl_trial_record *a, const struct tl_trial_record *b);

#endif
