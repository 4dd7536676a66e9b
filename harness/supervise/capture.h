/* Stacks of a process at a fatal signal or at a deadline. */
#ifndef TL_CAPTURE_H
#define TL_CAPTURE_H

#include "harness/base/record.h"
#include "harness/stack/unwind.h"
#include "harness/supervise/trace.h"

#include <uv.h>

/* A capture that waits for threads to stop. */
struct tl_pending_capture {
    struct tl_capture capture;
    struct tl_unwind *unwind;
    size_t waiting; /* threads that were interrupted and have not stopped */
    bool last_try;  /* it is not put off any more */
    bool settled;   /* the action is known for good */
    bool shielded;  /* the kernel is not going to take the default action */
    uv_timer_t *timer;
    pid_t first; /* the thread that took the signal and is held; 0 for a hang */
};

bool tl_capture_hang(struct tl_trial *t); /* of all its processes; true when captures are under way */

/* On Linux only: */
void tl_capture_signal(struct tl_tracee *t, int signal); /* t is at a fatal signal */
/* t is at the stop at its end, which is a death by this signal. Returns whether it stays there for a capture. */
bool tl_capture_leaving(struct tl_tracee *t, int signal);
void tl_capture_thread_stopped(struct tl_process *p); /* one that a capture of p waits for */
void tl_capture_finish(struct tl_process *p);         /* with what has stopped so far */
void tl_capture_give_up(struct tl_process *p);        /* the same, of a process that is gone */

#endif
