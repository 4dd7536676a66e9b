/* Doing what a rule of a profile says. */
#ifndef TL_SIM_FAIL_H
#define TL_SIM_FAIL_H

#include "runners/protocol.h"
#include "runners/sim/model.h"

/* In front of everything that a simulated runtime says. */
#define TL_SIM_MARK "[simulated] "

/* The rule's message on stderr, its delay, then its failure. Comes back after an error has been sent, and for
 * a rule that changes the result only: then true. */
bool tl_sim_fail(struct tl_run *run, const json_t *rule, const struct tl_sim_model *model);

#endif
