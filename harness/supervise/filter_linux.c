/* Filters of system calls, and the one that every traced program has.
 *
 * What a filter stops for the tracer fails in a process that is not traced, so none of those may have one. A program
 * that hides a child from its tracer (CLONE_UNTRACED) has made one that is not traced, with the filters of its own: the
 * call stops, too, and hiding_linux.c takes the flag out. clone3 has its flags in memory, where no filter can look.
 *
 * One needs either CAP_SYS_ADMIN or PR_SET_NO_NEW_PRIVS. The latter takes nothing away: a program that is traced gains
 * no privileges by exec in any case. Without SPEC_ALLOW older kernels would slow the whole program down against leaks
 * through speculation. */
#include "harness/supervise/filter.h"

#include "harness/base/buffer.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

void tl_filter_install(const struct sock_filter *program, unsigned short n)
{
    const struct sock_fprog filter = {n, (struct sock_filter *)(uintptr_t)program}; /* only read */
    for (int tries = 0; tries < 2; tries++)
        if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter) ||
            errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
            return;
}

void tl_filter_watch(void)
{
    const struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TL_FILTER_ARCH, 0, 5), /* else: let it through */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 4, 0), /* stop */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)), /* the low half */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_UNTRACED, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
    };
    tl_filter_install(program, TL_COUNT(program));
}
