/* Filters of system calls.
 *
 * One needs either CAP_SYS_ADMIN or PR_SET_NO_NEW_PRIVS. The latter takes nothing away: a program that is traced gains
 * no privileges by exec in any case. Without SPEC_ALLOW older kernels would slow the whole program down against leaks
 * through speculation. */
#include "harness/supervise/filter.h"

#include <errno.h>
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
