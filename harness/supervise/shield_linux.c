/* The first process of a pid namespace.
 *
 * Theory of operation. It is the namespace's init, and signals whose action is the default do nothing to it. A fault
 * of its own ends it all the same: the kernel takes the shield away as it forces the signal; but not while the
 * process is traced, so that debuggers can look at an init and it lives. It would fault at the same instruction for
 * ever. So after the capture its thread is let go from being traced, without the signal. It faults once more, and
 * nothing is different any more from a process that nobody has looked at. A signal that was sent is ignored in
 * either case.
 *
 * A thread that was detached tells us nothing of its end. Where it is the first one of its process nobody else does
 * either, but for a descriptor of the process, which becomes readable then.
 *
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/supervise/shield.h"

#include "harness/base/buffer.h"
#include "harness/supervise/action.h"
#include "harness/supervise/supervisor_impl.h"
#include "harness/supervise/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct tl_shield {
    struct tl_process *process;
    struct tl_stream end; /* a descriptor of the process */
    int signal;           /* that it is going to die of */
};

bool tl_shield_is_there(const struct tl_tracee *t)
{
    return t->process->doomed == t->tid || tl_is_first_of_namespace(t->process->pid, t->tid);
}

/* What comes from outside of the namespace stops it; the kernel names no sender there that it could know. */
bool tl_shield_stays(const struct tl_tracee *t)
{
    siginfo_t info;
    return t->process && tl_is_first_of_namespace(t->process->pid, t->tid) &&
           !ptrace(PTRACE_GETSIGINFO, t->tid, 0, &info) && info.si_code <= 0 && info.si_pid;
}

void tl_shield_free(struct tl_process *p)
{
    if (!p->shield)
        return;
    tl_stream_close(&p->shield->end);
    free(p->shield);
    p->shield = NULL;
}

static void on_end(uv_poll_t *poll, int status, int events)
{
    struct tl_shield *shield = poll->data;
    pid_t pid = shield->process->pid;
    struct rusage usage = {0};
    struct tl_supervisor *s = shield->process->trial->supervisor;
    int how;
    (void)status;
    (void)events;
    /* Its parent may have become us. */
    if (wait4(pid, &how, WNOHANG | __WALL, &usage) != pid)
        how = shield->signal;
    tl_shield_free(shield->process);
    tl_trace_event(s, pid, how, &usage);
}

static int watch(struct tl_process *p, int signal)
{
    int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    if (fd < 0)
        return -1;
    p->shield = tl_calloc(1, sizeof *p->shield);
    p->shield->process = p;
    p->shield->signal = signal;
    if (!tl_stream_open(p->trial->supervisor, &p->shield->end, fd, on_end, p->shield))
        return 0;
    tl_shield_free(p);
    return -1;
}

/* After a breakpoint and after a call that a filter has refused the instruction pointer is behind the instruction, which
 * has to be executed once more. */
static void step_back(pid_t tid, int signal)
{
#ifdef __x86_64__
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, tid, 0, &registers))
        return;
    unsigned length = signal == SIGSYS ? 2 : 1;
    errno = 0;
    long code = ptrace(PTRACE_PEEKTEXT, tid, (void *)(uintptr_t)(registers.rip - length), 0);
    if (!errno && (signal == SIGSYS ? (code & 0xffff) == 0x050f : (code & 0xff) == 0xcc)) {
        registers.rip -= length;
        registers.orig_rax = (unsigned long long)-1; /* no call that could be restarted */
        ptrace(PTRACE_SETREGS, tid, 0, &registers);
    }
#else
    (void)tid;
    (void)signal;
#endif
}

int tl_shield_drop(struct tl_tracee *t)
{
    struct tl_process *p = t->process;
    if (p->shield || (t->tid == p->pid && watch(p, t->held_signal)))
        return -1;
    if (t->held_signal == SIGTRAP || t->held_signal == SIGSYS)
        step_back(t->tid, t->held_signal);
    if (ptrace(PTRACE_DETACH, t->tid, 0, 0)) {
        tl_shield_free(p);
        return -1;
    }
    t->held = false;
    return 0;
}
