/* Allocations that the kernel refuses a trial for its memory limit, and memory that is only reserved, which does not
 * count for it. On Linux only; elsewhere tl_refusal_begin does nothing, and there is no other. */
#ifndef TL_REFUSAL_H
#define TL_REFUSAL_H

#include "harness/supervise/trace.h"

/* In a child, before it executes its program: large allocations of it and its descendants stop as
 * PTRACE_EVENT_SECCOMP. Its tracer has to have set PTRACE_O_TRACESECCOMP, or they fail. Where the kernel has
 * no filters nothing stops, and nothing is known. */
void tl_refusal_watch(void);

/* The limit of a process's private memory, bytes (0: none), which has been set: it holds from here on, also for what
 * the process makes. */
void tl_refusal_begin(struct tl_process *p, uint64_t limit);
void tl_refusal_executed(struct tl_process *p); /* nothing of what it had is left */
uint64_t
tl_refusal_used_bytes(struct tl_process *p); /* of its private memory, without what it has only reserved */

/* The same as a filter that does this (SECCOMP_RET_…) with them, and lets all else be made. Returns its length. */
#define TL_REFUSAL_FILTER 32
struct sock_filter;
size_t tl_refusal_filter(struct sock_filter *filter, uint32_t what);

/* A thread is about to make a call: notes when that is an allocation that will be refused. */
void tl_refusal_call(struct tl_process *p, long call, const uint64_t *arguments);

/* A thread is about to allocate: notes when that will be refused. It is left stopped. */
void tl_refusal_look(const struct tl_tracee *t);

/* A process is about to end with this wait status: notes when it fails without what it was refused. */
void tl_refusal_left(struct tl_process *p, int status);

#endif
