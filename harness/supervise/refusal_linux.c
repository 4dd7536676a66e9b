/* Allocations that the kernel refuses a trial for its memory limit.
 *
 * Theory of operation. RLIMIT_DATA makes mmap fail, and what a program makes of that is its own business: it
 * aborts, throws, exits with "MemoryError", or goes another way. None of these prove that the limit was the
 * reason, and by then what it held may be freed again, so the limit is no longer near. The refusal itself is
 * the evidence. It cannot be seen from outside but in the call: a seccomp filter stops mmap and mremap of
 * private writable memory of a MiB and more (others cost nothing), and the kernel's own sum is done again:
 * data + new > limit. A smaller allocation that fails ends up here, too: an allocator whose heap cannot grow
 * asks for a mapping of at least a MiB.
 *
 * A program may also exit and say nothing. Then the refusal counts when it was the last such call of the process
 * that exits, and what it wanted is still not to be had: one that went on with less has lived with it.
 *
 * A filter needs either CAP_SYS_ADMIN or PR_SET_NO_NEW_PRIVS. The latter takes nothing away: a program that is
 * traced gains no privileges by exec in any case. */
#include "harness/supervise/refusal.h"

#include "harness/base/buffer.h"
#include "harness/supervise/trial.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LARGE (1u << 20)

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0 /* no architecture's: every call is let through */
#endif

#define FIELD(field) ((unsigned)offsetof(struct seccomp_data, field))
#define LOW(n) (FIELD(args) + 8 * (n)) /* of an argument, on a little-endian machine */
#define HIGH(n) (LOW(n) + 4)
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
#define WHEN(test, value, yes, no) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, yes, no)

void tl_refusal_watch(void)
{
    enum { MMAP = 6, MREMAP = 12, LET = 16 }; /* places in the program; a jump counts from the next one */
    struct sock_filter program[] = {
        /* 0 */ LOAD(FIELD(arch)),
        /* 1 */ WHEN(BPF_JEQ, ARCH, 0, LET - 2),
        /* 2 */ LOAD(FIELD(nr)),
        /* 3 */ WHEN(BPF_JEQ, SYS_mmap, MMAP - 4, 0),
        /* 4 */ WHEN(BPF_JEQ, SYS_mremap, MREMAP - 5, 0),
        /* 5 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        /* 6: mmap(address, size, protection, flags, …) */ LOAD(LOW(2)),
        /* 7 */ WHEN(BPF_JSET, PROT_WRITE, 0, LET - 8),
        /* 8 */ LOAD(LOW(3)),
        /* 9 */ WHEN(BPF_JSET, MAP_PRIVATE, 0, LET - 10),
        /* 10 */ LOAD(HIGH(1)),
        /* 11 */ WHEN(BPF_JEQ, 0, 2, LET + 1 - 12),
        /* 12: mremap(address, old size, new size, …) */ LOAD(LOW(2)),
        /* 13 */ WHEN(BPF_JGE, LARGE, LET + 1 - 14, LET - 14),
        /* 14: of mmap, less than 4 GiB */ LOAD(LOW(1)),
        /* 15 */ WHEN(BPF_JGE, LARGE, 1, 0),
        /* 16 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        /* 17 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
    };
    const struct sock_fprog filter = {TL_COUNT(program), program};
    /* Without SPEC_ALLOW older kernels would slow the whole program down against leaks through speculation. */
    for (int tries = 0; tries < 2; tries++) {
        if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter) ||
            errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
            return;
    }
}

void tl_refusal_look(const struct tl_tracee *t)
{
    struct tl_trial *trial = t->process ? t->process->trial : NULL;
    uint64_t limit = trial ? trial->child_limits.memory_mb << 20 : 0;
    struct __ptrace_syscall_info call = {0};
    if (!limit || ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof call, &call) <= 0 ||
        call.op != PTRACE_SYSCALL_INFO_SECCOMP)
        return;
    bool moved = call.seccomp.nr == SYS_mremap;
    uint64_t size = call.seccomp.args[moved ? 2 : 1], old = moved ? call.seccomp.args[1] : 0;
    uint64_t data = tl_process_data_bytes(t->process->pid);
    if (!data || size <= old)
        return;
    bool refused = data + (size - old) > limit && size - old <= tl_limits_most_wanted(limit);
    t->process->refused_bytes = refused ? size - old : 0; /* it goes on with what it is granted now */
    if (!refused)
        return;
    trial->refused_bytes = size;
    trial->data_when_refused = data;
}

void tl_refusal_left(struct tl_process *p, int status)
{
    uint64_t limit = p->trial ? p->trial->child_limits.memory_mb << 20 : 0;
    bool failed = WIFEXITED(status) && WEXITSTATUS(status);
    if (failed && tl_process_data_bytes(p->pid) + p->refused_bytes > limit)
        p->left_refused = true;
}
