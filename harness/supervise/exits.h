/* Exits of processes, seen before they happen. Linux only. */
#ifndef TL_EXITS_H
#define TL_EXITS_H

#include "harness/supervise/trace.h"

/* In a child, before it executes its program: exit_group of it and its descendants stops as PTRACE_EVENT_SECCOMP. Its
 * tracer has to have set PTRACE_O_TRACESECCOMP, or no process could exit. */
void tl_exits_watch(void);

/* A thread has stopped at a call that a filter stops: whether it is an exit, and so dealt with here. */
bool tl_exits_look(struct tl_supervisor *s, struct tl_tracee *t);

#endif
