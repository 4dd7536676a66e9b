/* A program that makes a child with CLONE_UNTRACED would have one that nobody sees: no stack of its death, and filters
 * whose stops nobody answers, so that not even its exit would succeed. The flag is taken out of the call before it is
 * made: nothing that is not a tracer can tell the difference. */
#include "harness/supervise/hiding.h"

#include <elf.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

/* The first argument of the call that a thread has stopped at. */
static void set_argument(pid_t tid, uint64_t value)
{
    struct user_regs_struct regs;
    struct iovec all = {&regs, sizeof regs};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &all))
        return;
#if defined(__x86_64__)
    regs.rdi = value;
#elif defined(__aarch64__)
    regs.regs[0] = value;
#endif
    ptrace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &all);
}

void tl_hiding_prevent(const struct tl_tracee *t)
{
    struct __ptrace_syscall_info call = {0};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof call, &call) > 0 &&
        call.op == PTRACE_SYSCALL_INFO_SECCOMP && call.seccomp.nr == SYS_clone &&
        (call.seccomp.args[0] & CLONE_UNTRACED))
        set_argument(t->tid, call.seccomp.args[0] & ~(uint64_t)CLONE_UNTRACED);
}
