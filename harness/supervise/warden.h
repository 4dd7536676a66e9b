/* The small process below which a trial lives where no cgroup holds it, or in which its sandbox is made. Linux only. */
#ifndef TL_WARDEN_H
#define TL_WARDEN_H

#include "harness/base/error.h"
#include "harness/supervise/cgroup.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct tl_supervisor;

enum tl_warden_kind {
    TL_WARDEN_NONE,
    TL_WARDEN_SCOPE,     /* a scope of signals */
    TL_WARDEN_NAMESPACE, /* the first process of a pid namespace */
    TL_WARDEN_WALK,      /* nothing but its being the parent of orphans */
};

struct tl_warden {
    enum tl_warden_kind kind; /* asked for before the fork */
    unsigned long more;       /* namespaces of clone(2) besides, of a sandbox */
    bool own_user;            /* of a namespace: in a user namespace, as who is not root needs it */
    pid_t pid;                /* 0: there is none, or no more */
    int line;                 /* by which it hears that it is over: also of our end; -1 */
    uint64_t asked_ns;        /* when it was asked to end, by the monotonic clock; 0: not yet */
    bool clean;               /* it has ended, and nothing is left of what was below it */
};

/* Begins w, which may have been anything: of the kind that a trial in this cgroup needs. keeps_privileges: nothing may
 * take set-user-ID from what it executes. wanted: the kind where the cgroup does not do it, for tests; none: the best that
 * is to be had. */
void tl_warden_want(struct tl_warden *w, const struct tl_cgroup *cgroup, bool keeps_privileges,
                    enum tl_warden_kind wanted);

/* What is done below the warden: `furnish`, of a namespace, by it before there is a child (NULL: /proc anew), -1 with
 * errno and the words of what failed; `run` by the child, and does not return. */
struct tl_warden_work {
    int (*furnish)(void *argument, const char **what);
    void (*run)(void *argument);
    void *argument;
};

/* Makes a warden of the kind that w says, and its child, whose number in our pid namespace is *pid. To be called with
 * all signals blocked. The caller stands still, with its loop, until the child is there: where a mount hangs, for about 20
 * seconds at most. -1 with *e: neither is there then. */
int tl_warden_fork(struct tl_warden *w, const struct tl_warden_work *work, pid_t *pid, struct tl_error *e);

/* Has it kill all that is below it, and end; its end is told by wait4. */
void tl_warden_end(struct tl_warden *w);
void tl_warden_forget(
    struct tl_warden *w); /* what remains of it for us when its end was told, or is not awaited */

/* Whether it was asked to end long ago: something below it cannot be killed. */
bool tl_warden_is_stuck(const struct tl_warden *w);

/* A child of ours that nobody traces has ended: whether it was a warden. Moves on what waited for that. */
bool tl_warden_ended(struct tl_supervisor *s, pid_t pid, int status);

/* Whether a process that is told to have number `told`, by one that may be in another pid namespace, is `pid`. */
bool tl_warden_means(pid_t pid, pid_t told);

/* Whether this user may have namespaces as a warden needs them: tried once, by making one. *why: what it failed at, and
 * lies in here; NULL: not wanted. */
bool tl_warden_can_have_namespaces(const char **why);

#endif
