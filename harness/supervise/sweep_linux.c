/* Theory of operation. A process is not traced when it was made with CLONE_UNTRACED: by a runner, for a step that is
 * not to be traced, or by a program of its own accord. The kernel then tells nothing of it, nor of what it makes. It is
 * found in two other ways.
 *
 *   cgroup      whatever is in the cgroup of the trial's slot and is not a tracee. All are killed at once
 *               (cgroup.kill), whether any was counted or not: of processes that each make the next one and end, a count
 *               may see none.
 *   children    we are the subreaper, so what has lost its parent becomes our own child. A child of ours in another
 *               session than ours that is no tracee comes from a trial. With a cgroup it is one that has left it, as
 *               root can, and is killed whichever trial it is of: it has the filters that every trial has, and we
 *               have not (a program that was there before us, as in a container whose first process became trapline,
 *               has none of ours). Without one it is asked from which trial it comes, but only when there are several:
 *               its session may be that of the trial, or its environment names the trial's scratch directory. Of one
 *               that hides both, nobody knows; it is killed when no other trial runs.
 *
 * Where the cgroup does not do it there is a warden (warden_linux.c), which does all of that for a trial of its own
 * process; of one that is served, what is left are the children of the server and of its warden. Only where a program
 * has killed its warden are they looked for among our own children.
 *
 * A child that a fork server has made for the next trial is traced, though we may not have heard of it yet: who traces a
 * process is asked before it is killed. The children of what is killed are found the same way afterwards, so it is asked
 * again until nothing is left. What goes on for ever below a fork server ends with that server. */
#include "harness/supervise/sweep.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/supervise/process.h"
#include "harness/supervise/server.h"
#include "harness/supervise/trace.h"
#include "harness/supervise/trial.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MOST 64
#define SERVER_SWEEPS 25 /* after which the server below which something goes on is ended */
#define SWEEP_MS 4       /* between two looks */
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

/* Whether it is ours to trace, and so is going to be told of. */
static bool is_traced(struct tl_supervisor *s, pid_t pid)
{
    return tl_trace_knows(s, pid) || tl_process_number(pid, "\nTracerPid:") == (uint64_t)getpid();
}

/* Whether it waits for nothing but its parent, which may be a server that asks for its children now and then. */
static bool is_over(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *text = tl_read_file(path, 1 << 16, NULL);
    bool over = !text || strstr(text, "\nState:\tZ") || strstr(text, "\nState:\tX");
    free(text);
    return over;
}

/* Of a child of ours: whether it has left the cgroup of its trial. */
static bool has_left(const struct tl_trial *t, pid_t pid)
{
    static const char key[] = "\nSeccomp_filters:";
    struct tl_supervisor *s = t->supervisor;
    pid_t session = getsid(pid);
    if (pid <= 0 || session == getsid(0) || is_traced(s, pid) || tl_cgroup_has(s->cgroups, pid))
        return false;
    return tl_process_number(pid, key) > tl_process_number(getpid(), key) || session == t->main_pid ||
           is_marked(t, pid);
}

static bool is_of(const struct tl_trial *t, pid_t pid)
{
    struct tl_supervisor *s = t->supervisor;
    pid_t session = getsid(pid);
    if (pid <= 0 || session == getsid(0) || is_traced(s, pid))
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

/* The same of all threads of a process. */
static void each_thread(pid_t pid, void (*found)(void *arg, pid_t child), void *arg)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.')
            each_child(pid, (pid_t)atoi(e->d_name), found, arg);
    if (d)
        closedir(d);
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
    if (w->trial->slot->cgroup.used ? !has_left(w->trial, pid) : !is_of(w->trial, pid))
        return;
    w->found++;
    kill(pid, SIGKILL);
}

static void on_member(void *arg, pid_t pid)
{
    struct sweep *w = arg;
    if (is_traced(w->trial->supervisor, pid) || is_over(pid))
        return;
    w->found++;
    kill(pid, SIGKILL);
}

static void on_sweeper(uv_timer_t *timer)
{
    tl_trial_maybe_end(timer->data);
}

static void again(struct tl_trial *t)
{
    t->sweeps++;
    if (!t->sweeper)
        t->sweeper = tl_timer_new(t->supervisor, t);
    uv_timer_start(t->sweeper, on_sweeper, SWEEP_MS, 0);
}

bool tl_sweep(struct tl_trial *t)
{
    struct sweep w = {.trial = t};
    if (t->warden.pid && t->sweeps < SWEEPS_MOST) {
        tl_warden_end(&t->warden);
        again(t);
        return true;
    }
    if (t->warden.clean || !t->main_pid || t->sweeps >= SWEEPS_MOST)
        return false;
    struct tl_slot *slot = t->slot;
    if (t->below && t->below->warden.pid) {
        each_child(t->below->warden.pid, t->below->warden.pid, on_member, &w);
        each_thread(t->below->pid, on_member, &w);
    }
    if (slot->cgroup.used) {
        /* With a server, and in a slot that it has left to the next trial, it is not alone. */
        if (!slot->server && !t->leaving)
            tl_cgroup_kill(&slot->cgroup);
        tl_cgroup_members(&slot->cgroup, on_member, &w);
    }
    each_child(getpid(), getpid(), on_orphan, &w);
    if (!w.found)
        return false;
    if (t->sweeps == SERVER_SWEEPS && slot->server && !t->leaving)
        tl_server_kill(slot->server);
    again(t);
    return true;
}

static void add_process(void *arg, pid_t pid)
{
    struct sweep *w = arg;
    if (w->depth >= DEPTH_MOST)
        return;
    if (!tl_trace_knows(w->trial->supervisor, pid))
        w->sum += w->bytes(pid);
    w->depth++;
    each_thread(pid, add_process, w);
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
    if (t->warden.pid) {
        each_child(t->warden.pid, t->warden.pid, add_process, &w);
        return w.sum;
    }
    add_process(&w, t->main_pid);
    each_child(getpid(), getpid(), add_orphan, &w);
    return w.sum;
}
