/* Threads that are let go from being traced for a while, because they live on faults that they handle. Linux only. */
#ifndef TL_LOOSE_H
#define TL_LOOSE_H

#include "harness/supervise/trace.h"

/* t stands at a signal of which no capture is wanted any more, unless it is a death. Returns whether it has gone on. */
bool tl_loose_look(struct tl_tracee *t, int signal, const siginfo_t *info);
void tl_loose_call(struct tl_tracee *t);   /* t, which is watched, has stopped at a call */
void tl_loose_return(struct tl_tracee *t); /* traced again from here on, if it was let go */
void tl_loose_close(struct tl_process *p); /* the same for all threads of a process */
void tl_loose_free(struct tl_process *p);  /* of a process that is gone */

#endif
