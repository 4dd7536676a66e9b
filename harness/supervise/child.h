/* A child of the supervisor: its streams, its gate, its limits. Each system has a source of its own for
 * it. */
#ifndef TL_CHILD_H
#define TL_CHILD_H

#include "harness/base/error.h"
#include "harness/base/limits.h"
#include "harness/supervise/cgroup.h"
#include "harness/supervise/sandbox.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* One end of each of a child's streams; -1 when it is closed or handed on. */
struct tl_streams {
    int protocol, out, err;
};

/* Makes both ends; the protocol socket only when it is wanted. Ours do not block, all are closed on exec. */
int tl_streams_make(struct tl_streams *ours, struct tl_streams *theirs, bool protocol, struct tl_error *e);
void tl_streams_close(struct tl_streams *s);

struct tl_child_request {
    char *const *argv;
    char *const *env;
    int (*entry)(void *); /* called in the child when argv is NULL; its value is the exit status */
    void *argument;
    const char *directory;
    struct tl_cgroup *cgroup; /* that it joins before anything else; its limits are set */
    struct tl_warden
        *warden; /* below which it lives, of the kind that stands in it; NULL, or of none: below us */
    const struct tl_sandbox_place *place; /* what that makes for it; NULL: no sandbox */
    bool protocol;
    bool watch_calls;  /* exits, and calls that would hide a child, stop for the tracer (filter.h) */
    bool untraced;     /* something of it is not to be traced (struct tl_trial_spec) */
    bool watch_memory; /* large allocations stop for the tracer (refusal.h) */
    struct tl_limits limits;
};

/* Makes a child that waits at its gate. tl_child_release is called once for it. */
int tl_child_spawn(const struct tl_child_request *r, pid_t *pid, int *gate, struct tl_streams *ours,
                   struct tl_error *e);
/* Lets it go, or only forgets the gate of one that is killed (go is false). 0, or -1 with errno. */
int tl_child_release(pid_t pid, int gate, bool go);
void tl_child_limits(pid_t pid, const struct tl_limits *limits); /* pid 0: the calling process */
uint64_t
tl_child_first_bytes(void); /* the memory that a child begins with, at most: what we have ourselves */
uint64_t tl_child_peak_bytes(const struct rusage *usage); /* the most memory that it had */
extern const bool tl_child_can_fork; /* whether runners may be fork servers on this system */

#endif
