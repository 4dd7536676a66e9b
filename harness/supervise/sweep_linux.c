/* Theory of operation. A process is not traced when it was made with CLONE_UNTRACED: by a runner, for a step that is
 * not to be traced, or by a program of its own accord. The kernel then tells nothing of it, nor of what it makes. It is
 * found in two other ways.
 *
 *   cgroup      whatever is in the cgroup of the trial's slot and is not a tracee. That is exact, and all are
 *               killed at once (cgroup.kill).
 *   children    without a cgroup: we are the subreaper, so what has lost its parent becomes our own child. A child of
 *               ours in another session than ours that is no tracee comes from a trial. From which one is asked only
 *               when there are several: its session may be that of the trial, or its environment names the trial's
 *               scratch directory. Of one that hides both, nobody knows; it is killed when no other trial runs.
 *
 * The children of what is killed are found the same way afterwards, so it is asked again until nothing is left. */
#include "harness/supervise/sweep.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/supervise/trace.h"
#include "harness/supervise/trial.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MOST 64
#define SWEEP_MS 4 /* between two looks */
#define SWEEPS_MOST 500

/* Whether a process was started with TMPDIR in the scratch directory of a trial. */
static bool is_marked(const struct tl_trial *t, pid_t pid)
{
    char path[64];
    size_t size = 0;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    char *text = tl_read_file(path, 1 << 20, &size), *setting = tl_format("TMPDIR=%s", t->scratch.path);
    bool marked = false;
    for (const char *at = text; at && at < text + size && !marked; at += strlen(at) + 1)
        marked = !strcmp(at, setting);
    free(setting);
    free(text);
    return marked;
}

static bool is_of(const struct tl_trial *t, pid_t pid)
{
    struct tl_supervisor *s = t->supervisor;
    pid_t session = getsid(pid);
    if (pid <= 0 || tl_trace_knows(s, pid) || session == getsid(0))
        return false;
    return (s->flying == t && !t->next && !s->servers) || session == t->main_pid || is_marked(t, pid);
}

/* Calls back for every child of a thread. */
static void each_child(pid_t pid, pid_t tid, void (*found)(void *arg, pid_t child), void *arg)
{
    char path[80];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)tid);
    char *text = tl_read_file(path, 1 << 20, NULL), *end;
    for (const char *at = text; at && *at; at = end) {
        long child = strtol(at, &end, 10);
        if (end == at)
            break;
        found(arg, (pid_t)child);
    }
    free(text);
}

struct sweep {
    const struct tl_trial *trial;
    unsigned found, depth;
    uint64_t (*bytes)(pid_t pid);
    uint64_t sum;
};

static void on_orphan(void *arg, pid_t pid)
{
    struct sweep *w = arg;
    if (!is_of(w->trial, pid))
        return;
    w->found++;
    kill(pid, SIGKILL);
}

static void on_member(void *arg, pid_t pid)
{
    struct sweep *w = arg;
    if (tl_trace_knows(w->trial->supervisor, pid))
        return;
    w->found++;
    kill(pid, SIGKILL);
}

static void on_sweeper(uv_timer_t *timer)
{
    tl_trial_maybe_end(timer->data);
}

bool tl_sweep(struct tl_trial *t)
{
    struct sweep w = {.trial = t};
    /* One that has left its slot had nothing but its process. */
    if (!t->main_pid || t->leaving || t->sweeps >= SWEEPS_MOST)
        return false;
    if (t->slot->cgroup.used) {
        tl_cgroup_members(&t->slot->cgroup, on_member, &w);
        if (w.found && !t->slot->server)
            tl_cgroup_kill(&t->slot->cgroup);
    } else {
        each_child(getpid(), getpid(), on_orphan, &w);
    }
    if (!w.found)
        return false;
    t->sweeps++;
    if (!t->sweeper)
        t->sweeper = tl_timer_new(t->supervisor, t);
    uv_timer_start(t->sweeper, on_sweeper, SWEEP_MS, 0);
    return true;
}

static void add_process(void *arg, pid_t pid)
{
    struct sweep *w = arg;
    char path[64];
    if (w->depth >= DEPTH_MOST)
        return;
    if (!tl_trace_knows(w->trial->supervisor, pid))
        w->sum += w->bytes(pid);
    w->depth++;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.')
            each_child(pid, (pid_t)atoi(e->d_name), add_process, w);
    if (d)
        closedir(d);
    w->depth--;
}

static void add_orphan(void *arg, pid_t pid)
{
    struct sweep *w = arg;
    if (is_of(w->trial, pid))
        add_process(w, pid);
}

uint64_t tl_sweep_sum(const struct tl_trial *t, uint64_t (*bytes)(pid_t pid))
{
    struct sweep w = {.trial = t, .bytes = bytes};
    if (!t->untraced || !t->main_pid)
        return 0;
    add_process(&w, t->main_pid);
    each_child(getpid(), getpid(), add_orphan, &w);
    return w.sum;
}
