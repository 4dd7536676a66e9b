/* The thread that took a signal goes on before the others.
 *
 * Theory of operation. While a process is captured all its threads stand still, and clocks do not: timers of the
 * others run out meanwhile. Let go all at once, a thread that wanted to exit a millisecond after the fault would
 * do so before the signal has had its effect, and a process that dies of its fault whenever nobody looks would
 * end with status 0. So the thread that took the signal goes first, and alone:
 *
 *   nothing handles the signal   the kernel kills the process, which the others see as their own end
 *   a handler runs               until it has done what it does: it may put the default action back and return,
 *                                so that the same fault comes again, or raise the signal. That thread is
 *                                followed from call to call. Those by which handlers end a process may be made
 *                                alone; before any other, which may wait for another thread, the others go too
 *
 * No thread that is kept back can be what a handler waits for in such a call, but a handler may wait without any
 * call (a spin lock), and so all has an end when the thread has run for ALONE_NS: by its own clock, since a busy machine
 * may let it wait for long.
 *
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/supervise/alone.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/supervise/capture.h"
#include "harness/supervise/shield.h"
#include "harness/supervise/supervisor_impl.h"
#include "harness/supervise/trial.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#define ALONE_NS 20000000u
#define RETURNED_NS 2000000u /* from the end of the handler to the same fault */
#define ALONE_WALL_NS 2000000000u
#define ASK_MS 5

/* How long a thread has run, in nanoseconds; 0 when it cannot be read. */
static uint64_t run_time(const struct tl_process *p)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)p->pid, (int)p->alone);
    char *text = tl_read_file(path, 128, NULL);
    uint64_t ns = text ? strtoull(text, NULL, 10) : 0;
    free(text);
    return ns;
}

static void on_time(uv_timer_t *timer)
{
    struct tl_process *p = timer->data;
    uint64_t ran = run_time(p);
    if (!ran || ran - p->alone_from_ns >= p->alone_most_ns ||
        tl_monotonic_ns() - p->alone_since_ns > ALONE_WALL_NS)
        tl_alone_over(p);
}

/* It may run for so long from now on. */
static void set_time(struct tl_process *p, uint64_t most_ns)
{
    struct tl_supervisor *s = p->trial->supervisor;
    p->alone_most_ns = most_ns;
    p->alone_from_ns = run_time(p);
    if (p->alone_timer)
        return;
    p->alone_timer = tl_timer_new(s, p);
    p->alone_since_ns = tl_monotonic_ns();
    uv_update_time(s->loop);
    uv_timer_start(p->alone_timer, on_time, ASK_MS, ASK_MS);
}

void tl_alone_begin(struct tl_tracee *t, bool shielded)
{
    struct tl_process *p = t->process;
    p->alone = t->tid;
    set_time(p, ALONE_NS);
    if (shielded && !tl_shield_drop(t))
        return;
    t->held = false;
    tl_tracee_restart(t, PTRACE_SYSCALL, t->held_signal);
}

void tl_alone_forget(struct tl_process *p)
{
    p->alone = 0;
    tl_timer_free(&p->alone_timer);
}

/* One of the others may stand at a fatal signal itself. It is looked at now, and the rest waits for that. */
void tl_alone_over(struct tl_process *p)
{
    bool look = p->trial && p->trial->state == TL_TRIAL_RUNNING && !p->leaving_ns;
    tl_alone_forget(p);
    for (struct tl_tracee *t = p->tracees; t && look; t = t->next_in_process)
        if (t->held && t->unseen) {
            t->held = t->unseen = false;
            tl_capture_signal(t, t->held_signal);
            if (p->pending || p->alone)
                return;
        }
    for (struct tl_tracee *t = p->tracees; t; t = t->next_in_process)
        if (t->held)
            tl_tracee_let_go(t);
}

bool tl_alone_holds(struct tl_tracee *t)
{
    struct tl_process *p = t->process;
    if (!p || !p->alone)
        return false;
    if (p->alone != t->tid)
        return true;
    tl_alone_over(p);
    return true;
}

/* Calls by which handlers end a process or leave, none of which waits for another thread. */
static bool is_made_alone(uint64_t call)
{
    static const long calls[] = {
        SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_getpid,
        SYS_gettid,       SYS_kill,           SYS_tkill,        SYS_tgkill,      SYS_rt_sigqueueinfo,
        SYS_exit_group,   SYS_exit,           SYS_write,
    };
    for (size_t i = 0; i < TL_COUNT(calls); i++)
        if (call == (uint64_t)calls[i])
            return true;
    return false;
}

void tl_alone_call(struct tl_tracee *t)
{
    struct tl_process *p = t->process;
    struct __ptrace_syscall_info call = {0};
    if (!p || p->pending || p->alone != t->tid ||
        ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof call, &call) <= 0 ||
        (call.op == PTRACE_SYSCALL_INFO_ENTRY && !is_made_alone(call.entry.nr))) {
        tl_tracee_go_on(t, 0, false);
        return;
    }
    if (call.op == PTRACE_SYSCALL_INFO_ENTRY && call.entry.nr == SYS_rt_sigreturn)
        set_time(p, RETURNED_NS);
    tl_tracee_restart(t, PTRACE_SYSCALL, 0);
}
