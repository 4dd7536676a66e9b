/* macOS has neither namespaces nor a parent of orphans that could be chosen: what is left is found in the list of all
 * processes (trace.c). Not run on a Mac. */
#include "harness/supervise/warden.h"

void tl_warden_want(struct tl_warden *w, const struct tl_cgroup *cgroup, bool keeps_privileges,
                    enum tl_warden_kind wanted)
{
    (void)cgroup;
    (void)wanted;
    (void)keeps_privileges;
    *w = (struct tl_warden){.line = -1};
}

void tl_warden_end(struct tl_warden *w)
{
    (void)w;
}

bool tl_warden_is_stuck(const struct tl_warden *w)
{
    (void)w;
    return false;
}

void tl_warden_forget(struct tl_warden *w)
{
    (void)w;
}

bool tl_warden_means(pid_t pid, pid_t told)
{
    return pid == told;
}
