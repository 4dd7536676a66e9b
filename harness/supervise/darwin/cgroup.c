/* macOS has no cgroups: trapline counts processes, watches memory and sweeps by itself. Not run on a Mac. */
#include "harness/supervise/cgroup.h"

#include <errno.h>
#include <stdio.h>

struct tl_cgroup_root *tl_cgroup_root_new(char *why, size_t why_size)
{
    snprintf(why, why_size, "macOS has no cgroups");
    return NULL;
}

void tl_cgroup_root_free(struct tl_cgroup_root *r)
{
    (void)r;
}

const char *tl_cgroup_root_path(const struct tl_cgroup_root *r)
{
    (void)r;
    return "";
}

bool tl_cgroup_root_has(const struct tl_cgroup_root *r, const char *what)
{
    (void)r;
    (void)what;
    return false;
}

int tl_cgroup_open(struct tl_cgroup_root *r, unsigned slot, struct tl_cgroup *c, struct tl_error *e)
{
    (void)r;
    (void)slot;
    *c = (struct tl_cgroup){.procs = {-1, -1, -1}};
    return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot make a cgroup", "", "macOS has none");
}

void tl_cgroup_limit(struct tl_cgroup *c, const struct tl_limits *limits)
{
    (void)c;
    (void)limits;
}

int tl_cgroup_join(const struct tl_cgroup *c)
{
    (void)c;
    errno = ENOTSUP;
    return -1;
}

void tl_cgroup_kill(struct tl_cgroup *c)
{
    (void)c;
}

bool tl_cgroup_has(const struct tl_cgroup_root *r, pid_t pid)
{
    (void)r;
    (void)pid;
    return false;
}

void tl_cgroup_members(const struct tl_cgroup *c, void (*found)(void *arg, pid_t pid), void *arg)
{
    (void)c;
    (void)found;
    (void)arg;
}

uint64_t tl_cgroup_oom_kills(const struct tl_cgroup *c)
{
    (void)c;
    return 0;
}

void tl_cgroup_close(struct tl_cgroup *c)
{
    (void)c;
}
