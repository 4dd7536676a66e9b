/* What the stacks of failures that show at several places have in common. Pure. */
#ifndef TL_COMMON_FRAME_H
#define TL_COMMON_FRAME_H

#include "harness/base/record.h"

/* The innermost frame of the runtime that all these failures have on their stacks, as a title names it: a new
 * string; NULL when there is none, or a stack is missing. distance[i] is how many of the runtime's frames of
 * list[i] lie further in: 0 is the faulting function, 1 its caller. */
char *tl_failure_common_frame(const struct tl_trial_record *const *list, size_t n, size_t *distance);

#endif
