/* seccomp filters of trials. Linux only. */
#ifndef TL_FILTER_H
#define TL_FILTER_H

#include <linux/audit.h>
#include <stddef.h>

struct sock_filter;

#if defined(__x86_64__)
#define TL_FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define TL_FILTER_ARCH AUDIT_ARCH_AARCH64
#else
#define TL_FILTER_ARCH 0 /* no architecture's: every call is let through */
#endif

/* In a child, for it and what it starts. Where the kernel has no filters nothing happens.
 *
 * It needs either CAP_SYS_ADMIN or PR_SET_NO_NEW_PRIVS. The latter takes nothing away: a program that is traced gains
 * no privileges by exec in any case. */
void tl_filter_install(struct sock_filter *program, size_t n);

#endif
