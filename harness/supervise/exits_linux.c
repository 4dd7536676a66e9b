/* Processes that are about to exit.
 *
 * Theory of operation. A fault of one thread is reported when we come to ask for it, and another thread may exit in the
 * meantime: the kernel then ends the first one where it stands, and what it stood at is never told. Where nobody looks
 * the process would have died of the fault long before. So exit_group is stopped by a filter of calls (filter_linux.c), and what the
 * other threads stand at is taken first. A process of one thread goes on at once.
 *
 * Of two that exit the first one gives the status. Which one was is not in the order of what wait4 tells; the time at which
 * each ran last shows it. Where the kernel keeps that to itself: wait4 asks the newer threads first, so where an older one
 * was told of and a newer one exits too by now, the older one was the first.
 *
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/supervise/exits.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/supervise/alone.h"
#include "harness/supervise/supervisor_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

bool tl_exits_is_one(const struct tl_tracee *t)
{
    struct __ptrace_syscall_info call = {0};
    return t->process && ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof call, &call) > 0 &&
           call.op == PTRACE_SYSCALL_INFO_SECCOMP && call.seccomp.nr == SYS_exit_group;
}

/* Of a thread, as wait4 tells it. */
struct event {
    pid_t tid;
    int status;
    struct rusage usage;
};

/* What has happened to other threads and has not been reported. Returns how many events, at most `most`. */
static size_t take_events(const struct tl_tracee *t, struct event *events, size_t most)
{
    size_t n = 0;
    for (const struct tl_tracee *x = t->process->tracees; x && n < most; x = x->next_in_process)
        if (x != t && !x->held && !x->leaving &&
            wait4(x->tid, &events[n].status, WNOHANG | __WALL, &events[n].usage) == x->tid)
            events[n++].tid = x->tid;
    return n;
}

/* When a thread ran last, in milliseconds; 0 where the kernel does not say it. */
static double ran_last(pid_t pid, pid_t tid)
{
    static const char key[] = "se.exec_start";
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/sched", (int)pid, (int)tid);
    char *text = tl_read_file(path, 1 << 14, NULL);
    const char *at = text ? strstr(text, key) : NULL;
    at = at ? strchr(at, ':') : NULL;
    double ms = at ? strtod(at + 1, NULL) : 0;
    free(text);
    return ms;
}

static bool is_older(const struct tl_tracee *t, const struct tl_tracee *x)
{
    const struct tl_tracee *older = x->next_in_process;
    while (older && older != t)
        older = older->next_in_process;
    return older;
}

/* Whether it is the exit of a thread that came to it later than t. That one is held: t ends it with the process. */
static bool stays_behind(struct tl_supervisor *s, const struct tl_tracee *t, const struct event *e)
{
    struct tl_tracee *x = tl_trace_find(s, e->tid);
    if (!x || x->process != t->process || !WIFSTOPPED(e->status) || e->status >> 16 != PTRACE_EVENT_SECCOMP ||
        !tl_exits_is_one(x))
        return false;
    double its = ran_last(t->process->pid, x->tid), ours = ran_last(t->process->pid, t->tid);
    if (its > 0 && ours > 0 ? its < ours : !is_older(t, x))
        return false;
    x->seen_stop = x->held = true;
    x->held_signal = 0;
    return true;
}

/* What its children are told of it, by a signal or by the end of a pipe, they are told after this. */
static void begins_to_end(struct tl_process *p, const struct tl_tracee *t)
{
    p->exiting = t->tid;
    if (!p->leaving_ns)
        p->leaving_ns = tl_monotonic_ns();
}

void tl_exits_stopped(struct tl_supervisor *s, struct tl_tracee *t)
{
    struct tl_process *p = t->process;
    struct event events[64];
    if (p->exiting && p->exiting != t->tid) { /* that one ends this one, too */
        t->held = true;
        t->held_signal = 0;
        return;
    }
    if (p->alone == t->tid) { /* it ends the process before the others go on */
        begins_to_end(p, t);
        tl_tracee_restart(t, PTRACE_CONT, 0);
        return;
    }
    if (p->pending || p->alone || !(p->tracees != t || t->next_in_process)) {
        tl_tracee_go_on(t, 0, false);
        return;
    }
    size_t n = take_events(t, events, TL_COUNT(events));
    t->held = true;
    t->held_signal = 0;
    for (size_t i = 0; i < n; i++)
        if (!stays_behind(s, t, &events[i]))
            tl_trace_event(s, events[i].tid, events[i].status, &events[i].usage);
    if (t->held && !p->pending && !p->alone) {
        if (!p->exiting)
            begins_to_end(p, t);
        if (p->exiting == t->tid)
            tl_tracee_let_go(t);
    }
}
