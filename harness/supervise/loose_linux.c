/* A thread that lives on faults is let go for a while.
 *
 * Theory of operation. Each signal of a traced thread stops it, whatever is going to become of the signal, and the stop
 * costs four times what the signal does (wait_linux.c). A virtual machine that makes exceptions of faults has them by the
 * hundred thousand, and no capture of them is wanted any more. So a thread that has handled LET_GO_AFTER faults, at least
 * one in each GAP_NS on the average (or of a process that has, AGAIN_AFTER), is detached as it stands at the next one, and goes on as if alone; after
 * WINDOW_MS it is seized again, and let go again when that goes on.
 *
 * What would go unseen meanwhile is done by calls, and those bring it back before they are made: its process has a guard
 * (guard_linux.c). So it is traced when it makes a thread or a process, executes, exits, changes what is done with a
 * signal, or sends one: abort(), and a handler that takes the default action back to let the fault kill. All threads of
 * a process are seized when one of it is captured, and at a deadline. What is left is a signal that kills a thread by
 * itself, without any call: a fault of a kind that it does not handle, or one in its handler. Its wait status tells of
 * it, and the trial is run once more for the stack, with all threads kept (again.c).
 *
 * A thread that makes such calls between its faults would gain nothing. So its calls between the last of those that are
 * counted are watched, and one that makes any is not let go; nor is any of a process whose windows end at once. Signals that are sent are none of the processor's faults,
 * and take no part in this.
 *
 * The end of a process is told to its parent and its tracer. Where its first thread is let go and it is not our own
 * child, a descriptor of the process tells it, and with what status (PIDFD_INFO_EXIT, Linux 6.15; without it such
 * threads stay).
 *
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/supervise/loose.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/supervise/action.h"
#include "harness/supervise/guard.h"
#include "harness/supervise/keeper.h"
#include "harness/supervise/process.h"
#include "harness/supervise/supervisor_impl.h"
#include "harness/supervise/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define LET_GO_AFTER 1000
#define AGAIN_AFTER 8 /* where all threads of the process together have handled so many */
#define WATCHED 8     /* of these, the last ones: which calls it makes */
#define GAP_NS 1000000u
#define PATIENCE_NS 50000000u /* a busy machine may let it wait for so long */
#define WINDOW_MS 50
#define WINDOW_MOST_MS 1000
#define DISTURBED_MOST 8 /* windows that ended by a call at once, before no more are opened */
#define SHORT_NS 2000000u
#define THREADS_MOST 1 /* of a process that is let go: another thread of it may end it unseen */
#define LOOSE_MOST                                                                                           \
    64 /* threads of a process at a time: more are in each other's way, and all are to be seized again */

/* The kernel's header may be older than the kernel. */
struct pidfd_info {
    uint64_t mask, cgroup;
    uint32_t ids[11];
    int32_t exit_code;
};
#define PIDFD_INFO_EXIT (1u << 3)
#define PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info)

struct tl_loose {
    struct tl_process *process;
    uv_timer_t *timer;
    unsigned length_ms;
    uint64_t since_ns;
    unsigned disturbed, faults; /* in all of its threads */
    unsigned n_loose;
    bool guarded, never, kept;
    struct tl_stream end; /* a descriptor of the process; -1 */
};

static struct tl_supervisor *supervisor_of(const struct tl_process *p)
{
    return p->trial->supervisor;
}

static struct tl_loose *window_of(struct tl_process *p)
{
    if (!p->loose) {
        p->loose = tl_calloc(1, sizeof *p->loose);
        p->loose->process = p;
        p->loose->length_ms = WINDOW_MS;
        p->loose->end.fd = -1;
        p->loose->guarded = p->guarded;
    }
    return p->loose;
}

void tl_loose_free(struct tl_process *p)
{
    if (!p->loose)
        return;
    tl_timer_free(&p->loose->timer);
    tl_stream_close(&p->loose->end);
    if (p->loose->kept)
        tl_keeper_remove(supervisor_of(p), p->pid);
    free(p->loose);
    p->loose = NULL;
}

static bool kernel_tells_exits(void)
{
    struct utsname name;
    unsigned major = 0, minor = 0;
    return !uname(&name) && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 15));
}

/* Of a process that has ended: of one whose parent has not asked yet, and of one whose has. */
static bool exit_status(pid_t pid, int pidfd, int *status)
{
    struct pidfd_info info = {.mask = PIDFD_INFO_EXIT};
    if (tl_exit_of_unreaped(pid, status))
        return true;
    if (ioctl(pidfd, PIDFD_GET_INFO, &info) || !(info.mask & PIDFD_INFO_EXIT))
        return false;
    *status = info.exit_code;
    return true;
}

static void on_end(uv_poll_t *poll, int status, int events)
{
    struct tl_loose *w = poll->data;
    struct tl_process *p = w->process;
    struct tl_supervisor *s = supervisor_of(p);
    struct rusage usage = {0};
    pid_t pid = p->pid;
    int how = 0;
    (void)status;
    (void)events;
    /* Its parent may have become us. */
    if (wait4(pid, &how, WNOHANG | __WALL, &usage) != pid)
        exit_status(pid, w->end.fd, &how);
    tl_stream_close(&w->end);
    tl_trace_event(s, pid, how, &usage);
}

/* Whether the end of a process can be seen when its first thread is not traced. */
static bool end_is_seen(struct tl_process *p)
{
    struct tl_loose *w = p->loose;
    if (w->end.fd >= 0 || (p->is_main && p->trial->record.fresh))
        return true;
    int fd = kernel_tells_exits() ? (int)syscall(SYS_pidfd_open, p->pid, 0) : -1;
    if (fd < 0)
        return false;
    if (!tl_stream_open(supervisor_of(p), &w->end, fd, on_end, w))
        return true;
    tl_stream_close(&w->end);
    return false;
}

static void begin_count(struct tl_tracee *t)
{
    t->faults = 0;
    t->fault_ns = tl_monotonic_ns();
}

void tl_loose_return(struct tl_tracee *t)
{
    struct tl_process *p = t->process;
    struct tl_loose *w = p ? p->loose : NULL;
    if (!t->loose)
        return;
    if (tl_trace_seize(t->tid)) /* it is at its end, or somebody else traces it */
        return;
    t->loose = false;
    if (w && w->n_loose)
        w->n_loose--;
    begin_count(t);
    t->unread = 0;
    if (w && t->fault_ns - w->since_ns < SHORT_NS)
        w->never = ++w->disturbed >= DISTURBED_MOST;
    if (w && t->tid == p->pid)
        tl_stream_close(&w->end);
}

void tl_loose_close(struct tl_process *p)
{
    if (!p->loose)
        return;
    tl_timer_free(&p->loose->timer);
    for (struct tl_tracee *t = p->tracees; t; t = t->next_in_process)
        tl_loose_return(t);
}

static void on_time(uv_timer_t *timer)
{
    struct tl_loose *w = timer->data;
    tl_loose_close(w->process);
    if (w->length_ms < WINDOW_MOST_MS)
        w->length_ms *= 2;
}

static bool let_go(struct tl_tracee *t, int signal)
{
    struct tl_process *p = t->process;
    struct tl_loose *w = p->loose;
    w->kept = w->kept || tl_keeper_add(supervisor_of(p), p->pid);
    if (!w->kept || (t->tid == p->pid && !end_is_seen(p))) {
        w->never = true;
        return false;
    }
    if (!w->guarded) {
        w->never = true;
        if (tl_guard_lay(t, signal)) /* t may be gone by now, and so may p */
            return true;
        w->never = false;
        w->guarded = p->guarded = true;
        signal = 0;
    }
    if (ptrace(PTRACE_DETACH, t->tid, 0, (void *)(intptr_t)signal))
        return !tl_tracee_stays(t->tid); /* it is being killed, or it stays traced */
    t->loose = true;
    w->n_loose++;
    p->trial->let_go = true;
    w->since_ns = tl_monotonic_ns();
    if (!w->timer) {
        struct tl_supervisor *s = supervisor_of(p);
        w->timer = tl_timer_new(s, w);
        uv_update_time(s->loop);
        uv_timer_start(w->timer, on_time, w->length_ms, 0);
    }
    return true;
}

static bool is_crowded(const struct tl_process *p)
{
    size_t n = 0;
    for (const struct tl_tracee *t = p->tracees; t && n <= THREADS_MOST; t = t->next_in_process)
        n++;
    return n > THREADS_MOST;
}

bool tl_loose_look(struct tl_tracee *t, int signal, const siginfo_t *info)
{
    struct tl_process *p = t->process;
    struct tl_loose *w = window_of(p);
    uint64_t now = tl_monotonic_ns();
    t->watched = false;
    /* Of a process whose own end is not judged a death could go unseen, where its parent tells it in its own way. */
    bool judged = p->is_main || (p->trial->runs_steps && p->parent == p->trial->main_pid);
    if (!judged || w->never || w->n_loose >= LOOSE_MOST || p->trial->first || info->si_code <= 0 ||
        signal == SIGTRAP || signal == SIGSYS || p->shield || p->doomed ||
        now - t->fault_ns > PATIENCE_NS + (uint64_t)t->faults * GAP_NS) {
        begin_count(t);
        return false;
    }
    unsigned enough = ++w->faults >= LET_GO_AFTER ? AGAIN_AFTER : LET_GO_AFTER;
    if (++t->faults + WATCHED < enough || (t->faults < enough && p->guarded))
        return false;
    if (t->faults < enough) {
        t->watched = true;
        t->held = false;
        tl_tracee_restart(t, PTRACE_SYSCALL, signal);
        return true;
    }
    begin_count(t);
    if (tl_action_of(&supervisor_of(p)->action_file, p->pid, t->tid, signal) != TL_ACTION_HANDLED ||
        tl_is_first_of_namespace(p->pid, t->tid) || is_crowded(p))
        return false;
    return let_go(t, signal);
}

void tl_loose_call(struct tl_tracee *t)
{
    struct __ptrace_syscall_info call = {0};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof call, &call) > 0 &&
        call.op == PTRACE_SYSCALL_INFO_ENTRY && tl_guard_heeds(call.entry.nr) && t->process &&
        t->process->loose)
        t->process->loose->never = true;
    if (t->process && t->process->loose && !t->process->loose->never && !t->process->pending &&
        !t->process->alone) {
        tl_tracee_restart(t, PTRACE_SYSCALL, 0);
        return;
    }
    t->watched = false;
    tl_tracee_go_on(t, 0, false);
}
