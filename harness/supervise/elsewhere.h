/* A trial whose model runs on another machine: the supervisor sees its runner only, which speaks for it. */
#ifndef TL_ELSEWHERE_H
#define TL_ELSEWHERE_H

#include "harness/supervise/trial.h"

/* Its runner says that it has ended there: it died, or its machine went away. */
void tl_elsewhere_ended(struct tl_trial *t, const struct tl_message *m);
/* Asks its runner to end it there; the trial is killed when that takes too long. False when it is a trial of this
 * machine: it is to be killed. */
bool tl_elsewhere_stop(struct tl_trial *t, enum tl_kill_reason why);
/* Reads the report of its death that its runner has left, if it has. */
void tl_elsewhere_take_report(struct tl_trial *t);
/* Its processes are those there: numbers of this machine mean nothing in a report of that one. */
void tl_elsewhere_take_pids(struct tl_trial *t);

#endif
