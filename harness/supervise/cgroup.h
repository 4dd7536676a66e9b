/* One cgroup for each slot, kept from trial to trial: making one costs more than a trial's fork. On a pure
 * cgroup v2 machine a slot is one directory; on a hybrid machine (v1 controllers beside a v2 tree) it has one
 * directory in each tree that can be written. Everything here is optional: without it, trapline still counts
 * processes and watches memory itself, and sweeps what is left. */
#ifndef TL_CGROUP_H
#define TL_CGROUP_H

#include "harness/base/error.h"
#include "harness/base/limits.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct tl_cgroup_root;

struct tl_cgroup {
    char *kill_dir;   /* v2 directory (cgroup.kill); NULL when there is none */
    char *pids_dir;   /* the same in pure v2; v1 directory in hybrid; NULL */
    char *memory_dir; /* likewise */
    int procs[3];     /* open cgroup.procs of the distinct directories; -1 */
    int kill;         /* open cgroup.kill, where it is used; -1 */
    bool v1_memory, v1_pids;
    uint64_t pids_set, memory_set; /* limits as last written; 0: none */
    bool used;
};

/* Finds and makes the directories of this process. NULL when no cgroup can be written; why is then filled. */
struct tl_cgroup_root *tl_cgroup_root_new(char *why, size_t why_size);
void tl_cgroup_root_free(struct tl_cgroup_root *r); /* removes the directories; they must be empty */
const char *tl_cgroup_root_path(const struct tl_cgroup_root *r);
bool tl_cgroup_root_has(const struct tl_cgroup_root *r, const char *what); /* "kill", "pids", "memory" */

int tl_cgroup_open(struct tl_cgroup_root *r, unsigned slot, struct tl_cgroup *c, struct tl_error *e);
void tl_cgroup_limit(struct tl_cgroup *c, const struct tl_limits *limits);
int tl_cgroup_join(const struct tl_cgroup *c); /* the calling process; 0, or -1 with errno */
void tl_cgroup_kill(struct tl_cgroup *c);      /* SIGKILL to everything in it, at once */
/* Calls back for every process in it that lives. */
void tl_cgroup_members(const struct tl_cgroup *c, void (*found)(void *arg, pid_t pid), void *arg);
uint64_t tl_cgroup_oom_kills(const struct tl_cgroup *c); /* so far */
/* Whether a process is in one of the cgroups of r, whichever slot's. */
bool tl_cgroup_has(const struct tl_cgroup_root *r, pid_t pid);
void tl_cgroup_close(struct tl_cgroup *c); /* kills what is in it, and removes its directories */

#endif
