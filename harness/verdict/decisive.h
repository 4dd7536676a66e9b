/* Which of the captures of a trial tells what it failed of. Pure. */
#ifndef TL_DECISIVE_H
#define TL_DECISIVE_H

#include "harness/base/record.h"
#include "harness/verdict/classify.h"

/* Of a death by a signal: of the trial's own process, or, where passed is not NULL, of a descendant. The index of
 * the capture, which is marked as fatal; -1 when none is of that death. */
int tl_decisive_of_crash(const struct tl_trial_record *r, int signal, const struct tl_passed_on *passed);

/* Of a hang; -1 when nothing was captured of it. */
int tl_decisive_of_hang(const struct tl_trial_record *r);

/* Whether a capture is of the runner of steps, which only waits for its step: it is never what hangs. */
bool tl_runs_steps(const struct tl_capture *c);

#endif
