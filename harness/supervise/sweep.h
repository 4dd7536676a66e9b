/* What a trial leaves behind that was never traced. */
#ifndef TL_SWEEP_H
#define TL_SWEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct tl_trial;

/* Of a trial of which no traced process is left: kills what there is of it besides. Returns whether there was
 * something, which may take its time to go, and may have left children: tl_trial_maybe_end is called again then. */
bool tl_sweep(struct tl_trial *t);

/* What the untraced processes of a running trial have of something, bytes. */
uint64_t tl_sweep_sum(const struct tl_trial *t, uint64_t (*bytes)(pid_t pid));

#endif
