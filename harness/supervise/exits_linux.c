/* Theory of operation. A thread that faults stands still until its tracer has been scheduled and has taken the stop
 * from the kernel. Another thread that exits in the meantime (exit_group) kills it there, and nothing is left that
 * tells of the fault: neither wait nor /proc. On a busy machine that is a matter of milliseconds, in which a
 * program that dies of its fault whenever nobody looks would end with status 0. When the exit is reported (as
 * PTRACE_EVENT_EXIT) it is too late.
 *
 * So the exit itself stops, before it does anything: a seccomp filter lets all other calls through. Then each other
 * thread of the process is asked for the stop that it may be in, and the exit goes on only after that. A fault that
 * came before it is seen, captured, and let go first (alone_linux.c). */
#include "harness/supervise/exits.h"

#include "harness/base/buffer.h"
#include "harness/supervise/filter.h"
#include "harness/supervise/supervisor_impl.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define EXIT_MESSAGE 1 /* of the event; allocations have 0 */

void tl_exits_watch(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TL_FILTER_ARCH, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | EXIT_MESSAGE),
    };
    tl_filter_install(program, TL_COUNT(program));
}

/* Handles the stops of the other threads. What they lead to may end any thread, and the process. */
static void look_at_others(struct tl_supervisor *s, const struct tl_tracee *t)
{
    size_t n = 0;
    pid_t *others = NULL;
    for (const struct tl_tracee *x = t->process->tracees; x; x = x->next_in_process)
        if (x != t && !x->held && !x->exiting)
            *TL_GROW(others, n) = x->tid;
    for (size_t i = 0; i < n; i++) {
        int status;
        struct rusage usage;
        if (wait4(others[i], &status, WNOHANG | __WALL, &usage) > 0)
            tl_trace_event(s, others[i], status, &usage);
    }
    free(others);
}

bool tl_exits_look(struct tl_supervisor *s, struct tl_tracee *t)
{
    struct tl_process *p = t->process;
    pid_t tid = t->tid;
    unsigned long message = 0;
    if (ptrace(PTRACE_GETEVENTMSG, tid, 0, &message) || message != EXIT_MESSAGE)
        return false;
    if (p && p->alone == tid) { /* a handler that exits: it does so alone */
        ptrace(PTRACE_CONT, tid, 0, 0);
        return true;
    }
    if (p && p->tracees && p->tracees->next_in_process) {
        t->exiting = true;
        look_at_others(s, t);
        t = tl_tracee_find(s, tid);
        if (!t || !t->exiting)
            return true;
        t->exiting = false;
    }
    tl_tracee_go_on(t, 0, false);
    return true;
}
