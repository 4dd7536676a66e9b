/* Allocations that the kernel refuses a trial for its memory limit. Linux only. */
#ifndef TL_REFUSAL_H
#define TL_REFUSAL_H

#include "harness/supervise/trace.h"

/* In a child, before it executes its program: large allocations of it and its descendants stop as
 * PTRACE_EVENT_SECCOMP. Its tracer has to have set PTRACE_O_TRACESECCOMP, or they fail. Where the kernel has
 * no filters nothing stops, and nothing is known. */
void tl_refusal_watch(void);

/* A thread is about to allocate: notes when that will be refused. It is left stopped. */
void tl_refusal_look(const struct tl_tracee *t);

/* A process is about to end with this wait status: notes when it fails without what it was refused. */
void tl_refusal_left(struct tl_process *p, int status);

#endif
