#include "harness/supervise/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

void tl_filter_install(struct sock_filter *program, size_t n)
{
    const struct sock_fprog filter = {(unsigned short)n, program};
    /* Without SPEC_ALLOW older kernels would slow the whole program down against leaks through speculation. */
    for (int tries = 0; tries < 2; tries++) {
        if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter) ||
            errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
            return;
    }
}
