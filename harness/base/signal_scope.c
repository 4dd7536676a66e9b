/* Theory of operation. kill(-1) reaches every process of the user, and as root every process at all: whoever
 * started trapline, the other trials, and trapline. kill(0) and killpg stay within a session of the child's own;
 * for the rest the kernel has to be asked. Landlock (from its version 6 on) has a scope of signals: a thread that
 * enters it, with all that it makes, can signal only threads that are in the scope. kill(-1) passes over the
 * others and succeeds, as it does over another user's; a signal to one of them by its number is refused (EPERM).
 * Scopes nest, and signals from outside come in.
 *
 * Of the rest only the scope of abstract sockets is asked for, of a sandbox. It has one effect besides: what is inside can trace, and read the memory
 * and the private files in /proc of, only what is inside as well.
 *
 * The kernel's header may be older than the kernel, so its three numbers stand here. */
#include "harness/base/signal_scope.h"

#ifdef __linux__
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

struct ruleset {
    uint64_t handled_access_fs, handled_access_net, scoped;
};
enum { SCOPE_ABSTRACT_SOCKETS = 1, SCOPE_SIGNAL = 2 };

int tl_signal_scope_open(bool sockets)
{
    const struct ruleset wanted = {.scoped = SCOPE_SIGNAL | (sockets ? SCOPE_ABSTRACT_SOCKETS : 0)};
    return (int)syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted, 0);
}

bool tl_signal_scope_enter(int scope, bool may_bind)
{
    if (scope < 0)
        return false;
    if (!syscall(SYS_landlock_restrict_self, scope, 0))
        return true;
    /* Without CAP_SYS_ADMIN. */
    return errno == EPERM && may_bind && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
           !syscall(SYS_landlock_restrict_self, scope, 0);
}

#else

int tl_signal_scope_open(bool sockets)
{
    (void)sockets;
    return -1;
}

bool tl_signal_scope_enter(int scope, bool may_bind)
{
    (void)scope;
    (void)may_bind;
    return false;
}

#endif
