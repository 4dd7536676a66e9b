/* Theory of operation. A thread that faults stands still until its tracer has been scheduled and has taken the stop
 * from the kernel. Another thread that exits in the meantime (exit_group) kills it there, and nothing is left that
 * tells of the fault: neither wait nor /proc. On a busy machine that is a matter of milliseconds, in which a
 * program that dies of its fault whenever nobody looks would end with status 0. When the exit is reported (as
 * PTRACE_EVENT_EXIT) it is too late.
 *
 * So the exit itself stops, before it does anything: a seccomp filter lets all other calls through. What the kernel
 * had to tell at that moment is then read to the end, and the exit goes on only after that. A fault that came before it is
 * seen, captured, and let go first (alone_linux.c). A process of one thread goes on at once. */
#include "harness/supervise/exits.h"

#include "harness/base/buffer.h"
#include "harness/supervise/filter.h"
#include "harness/supervise/supervisor_impl.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

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

bool tl_exits_hold(struct tl_supervisor *s, struct tl_tracee *t)
{
    struct tl_process *p = t->process;
    unsigned long message = 0;
    if (ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &message) || message != EXIT_MESSAGE)
        return false;
    if (p && p->alone == t->tid) /* a handler that exits: it does so alone */
        ptrace(PTRACE_CONT, t->tid, 0, 0);
    else if (p && p->tracees && p->tracees->next_in_process) {
        t->exiting = true;
        s->exits_held = true;
    } else {
        tl_tracee_go_on(t, 0, false);
    }
    return true;
}

void tl_exits_go_on(struct tl_supervisor *s)
{
    if (!s->exits_held)
        return;
    s->exits_held = false;
    for (size_t i = 0; i < TL_COUNT(s->table); i++)
        for (struct tl_tracee *t = s->table[i]; t; t = t->next_in_table)
            if (t->exiting) {
                t->exiting = false;
                tl_tracee_go_on(t, 0, false);
            }
}
