/* The captures of a trial: which of them are kept, and which of them a process died of. */
#ifndef TL_CAPTURES_H
#define TL_CAPTURES_H

#include "harness/base/record.h"
#include "harness/supervise/deaths.h"

#define TL_CAPTURES_MOST 24

/* Adds a capture to the record. Takes its contents. When there are too many already, one that matters least gives
 * way. */
void tl_captures_add(struct tl_trial_record *r, const struct tl_deaths *d, struct tl_capture *c);

/* A process has ended with a wait status: marks what it died of, and returns the status to judge it by. That is a
 * death by a signal, too, where nothing was going to handle the signal and another thread exited first. */
int tl_captures_end(struct tl_trial_record *r, int pid, int status);

/* Whether the death of a process by a signal has been captured. */
bool tl_captures_have_death(const struct tl_trial_record *r, int pid, int signal);

/* A process has taken a signal that is captured no more: the captures of that signal are of places that it lived on
 * from. */
void tl_captures_outlived(struct tl_trial_record *r, int pid, int signal);

/* A process has become another program. What was going to happen to the old one is no business of the new one. */
void tl_captures_exec(struct tl_trial_record *r, int pid);

#endif
