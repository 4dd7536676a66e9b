/* Of what kind a failure is: what failures at different places in the code have in common. Pure. */
#ifndef TL_KIND_H
#define TL_KIND_H

#include "harness/base/record.h"

#include <stdbool.h>

/* What wide matching compares: outcome, phase and signal; of an error also its message without numbers, domain
 * and code; of a wrong result how it differs. A new string, the caller's; NULL for an outcome that is no failure. */
char *tl_failure_kind(const struct tl_trial_record *r);

/* Whether two failures of one kind are. What is missing is unknown and matches: an error without a message is of
 * the kind of every error of its phase. */
bool tl_failure_same_kind(const struct tl_trial_record *a, const struct tl_trial_record *b);

/* Whether the stacks of two failures of the same files share the faulting function or its caller: the runtime's
 * two innermost frames, by name or by where the function starts. False where a stack is missing, and of a caller that
 * is the outermost function of the runtime: everything is called from there. */
bool tl_failure_shares_place(const struct tl_trial_record *a, const struct tl_trial_record *b);

#endif
