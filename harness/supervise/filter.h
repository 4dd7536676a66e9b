/* Filters of system calls (seccomp) that a child takes upon itself before it runs anything else. Linux only. */
#ifndef TL_FILTER_H
#define TL_FILTER_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#if defined(__x86_64__)
#define TL_FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define TL_FILTER_ARCH AUDIT_ARCH_AARCH64
#else
#define TL_FILTER_ARCH 0 /* no architecture's: every call is let through */
#endif

/* In a child, before it executes its program: makes exits of it and its descendants, and calls that would hide a child
 * from the tracer, stop as PTRACE_EVENT_SECCOMP. The tracer has to have set PTRACE_O_TRACESECCOMP, or they fail. */
void tl_filter_watch(void);

/* Between fork and exec: async-signal-safe. Where the kernel refuses it the child goes on without. */
void tl_filter_install(const struct sock_filter *program, unsigned short n);

#endif
