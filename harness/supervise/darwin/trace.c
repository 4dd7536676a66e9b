/* What tracing does on Linux, done on macOS without it: descendants, and waiting for crash reports and
 * samples. Written from documentation; it has not been run on a
 * Mac.
 *
 *   main process        our child: wait4 tells its end.
 *
 *   descendants         not ours to wait for, and init's when their parent is gone. Found by looking at all
 *                       processes, every watch and when the main process ends: by session, by parent and,
 *                       for daemons, by the scratch directory that their environment names. Killed by
 *                       looking again until none is left.
 *
 *   stack of a crash    the report that the system writes some seconds after a process has died.
 *
 *   stack of a hang     /usr/bin/sample, a child of the supervisor.
 *
 * A process that awaits one of the last two has a struct tl_wait. It stays in the list of its trial, also
 * after its death, and a trial ends when all in that list are gone and none waits; other trials go on
 * meanwhile. Descendants that are gone stay there too, so that a report can be known to be theirs.
 *
 * What this cannot do: a daemon that cleared its environment before it executed another program is not
 * found, and when trapline itself is killed its trials go on. */
#include "harness/supervise/trace.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/paths.h"
#include "harness/crash_report/ips.h"
#include "harness/crash_report/sample.h"
#include "harness/supervise/capture.h"
#include "harness/supervise/darwin/attach.h"
#include "harness/supervise/darwin/process_tree.h"
#include "harness/supervise/darwin/report_wait.h"
#include "harness/supervise/refusal.h"
#include "harness/supervise/sweep.h"
#include "harness/supervise/trial.h"
#include "harness/verdict/classify.h"

#include <errno.h>
#include <fcntl.h>
#include <libproc.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define SWEEP_MS 10
#define SAMPLE_MS 20000   /* sample takes one second, and several more to find the symbols */
#define HANG_PROCESSES 16 /* of a hanging trial, how many processes are looked at */

struct tl_platform {
    uv_timer_t *sweep;
    bool sweeping;
    unsigned reports_missed; /* in succession */
    char *report_directories[3];
};

struct tl_wait {
    struct tl_process *process;
    uv_timer_t *timer;
    uint64_t since_ns;
    /* for a report */
    struct tl_report_wanted wanted;
    struct tl_report_seen seen;
    struct tl_system_report kept;
    struct tl_report_helpers helpers;
    int *descendants; /* what wanted.descendants points to */
    unsigned patience_ms;
    /* for a sample; 0 for a report */
    pid_t sampler;
    char *file;
};

static unsigned elapsed_ms(uint64_t since_ns)
{
    return (unsigned)((tl_monotonic_ns() - since_ns) / 1000000);
}

/* --- processes ------------------------------------------------------------------------------------------ */

static struct tl_process *process_new(struct tl_trial *t, pid_t pid, uint64_t born_us)
{
    struct tl_process *p = tl_calloc(1, sizeof *p);
    p->pid = pid;
    p->trial = t;
    p->born_us = born_us;
    p->claimed = true;
    p->next = t->processes;
    t->processes = p;
    t->n_processes++;
    tl_trial_record_joined(&t->record, pid);
    return p;
}

static struct tl_process *main_process(struct tl_trial *t)
{
    struct tl_process *p = t->processes;
    while (p && !p->is_main)
        p = p->next;
    return p;
}

static bool any_descendant_lives(const struct tl_trial *t)
{
    for (const struct tl_process *p = t->processes; p; p = p->next)
        if (!p->is_main && !p->gone)
            return true;
    return false;
}

/* Ends the trial when nothing of it is left and nothing more is to come: it is freed then, and its callback
 * may have changed the list of those in flight. */
static bool end_if_done(struct tl_trial *t)
{
    if (!t->main_ended)
        return false;
    for (const struct tl_process *p = t->processes; p; p = p->next)
        if (!p->gone || p->wait)
            return false;
    while (t->processes) {
        struct tl_process *p = t->processes;
        t->processes = p->next;
        free(p);
    }
    t->n_processes = 0;
    tl_trial_maybe_end(t);
    return true;
}

static bool is_known(const struct tl_trial *t, const struct tl_process_entry *r)
{
    for (const struct tl_process *p = t->processes; p; p = p->next)
        if (p->pid == r->pid && (p->born_us == r->born_us || p->is_main))
            return true;
    return false;
}

/* A daemon: it has left its session and its parent, but TMPDIR still names the scratch directory of its
 * trial. */
static bool is_marked(const struct tl_trial *t, pid_t pid)
{
    char *setting = tl_format("TMPDIR=%s", t->scratch.path);
    bool marked = tl_process_tree_has(pid, setting);
    free(setting);
    return marked;
}

static bool descends(const struct tl_trial *t, const struct tl_process *first,
                     const struct tl_process_entry *r)
{
    if (r->born_us < first->born_us || r->pid == getpid())
        return false;
    if (r->parent == 1 && is_marked(t, r->pid))
        return true;
    for (const struct tl_process *p = t->processes; p; p = p->next)
        if ((r->session == p->pid && (p->is_main || !p->gone)) || (r->parent == p->pid && !p->gone))
            return true;
    return false;
}

static void mark_gone(struct tl_trial *t, const struct tl_process_entry *list, size_t n)
{
    for (struct tl_process *p = t->processes; p; p = p->next) {
        if (p->is_main || p->gone) /* wait4 tells of the main process */
            continue;
        size_t i = 0;
        while (i < n && (list[i].pid != p->pid || list[i].born_us != p->born_us))
            i++;
        if (i == n) {
            p->gone = true;
            t->n_processes--;
        }
    }
}

static void adopt(struct tl_trial *t, const struct tl_process_entry *r)
{
    struct tl_process *p = process_new(t, r->pid, r->born_us);
    if (t->state == TL_TRIAL_KILLING) {
        p->killed = true;
        tl_process_tree_kill(p->pid, p->born_us);
    } else if (t->limits.processes && t->n_processes > t->limits.processes) {
        tl_trial_kill(t, TL_KILL_PROCESSES);
    }
}

static void update(struct tl_trial *t, const struct tl_process_entry *list, size_t n)
{
    const struct tl_process *first = main_process(t);
    /* Once nobody is left, the number of the session may be used again by strangers. */
    if (!first || (first->gone && !any_descendant_lives(t)))
        return;
    mark_gone(t, list, n);
    for (bool more = true; more;) { /* a child may be listed before its parent */
        more = false;
        for (size_t i = 0; i < n; i++)
            if (!is_known(t, &list[i]) && descends(t, first, &list[i])) {
                adopt(t, &list[i]);
                more = true;
            }
    }
}

/* Brings the lists of all trials up to date. Ends none. */
static void look_around(struct tl_supervisor *s)
{
    struct tl_process_entry *list;
    size_t n;
    if (!s->flying || tl_process_tree_list(&list, &n))
        return;
    for (struct tl_trial *t = s->flying; t; t = t->next)
        update(t, list, n);
    free(list);
}

static void end_those_done(struct tl_supervisor *s)
{
    for (struct tl_trial *t = s->flying; t;)
        t = end_if_done(t) ? s->flying : t->next;
}

static void on_sweep(uv_timer_t *timer)
{
    struct tl_supervisor *s = timer->data;
    bool left = false;
    look_around(s);
    for (struct tl_trial *t = s->flying; t; t = t->next) {
        if (t->state != TL_TRIAL_KILLING || !any_descendant_lives(t))
            continue;
        left = true;
        for (struct tl_process *p = t->processes; p; p = p->next)
            if (!p->is_main && !p->gone)
                tl_process_tree_kill(p->pid, p->born_us);
    }
    if (!left) {
        uv_timer_stop(timer);
        s->platform->sweeping = false;
    }
    end_those_done(s);
}

void tl_trace_kill(struct tl_process *list)
{
    if (!list)
        return;
    struct tl_supervisor *s = list->trial->supervisor;
    for (struct tl_process *p = list; p; p = p->next) {
        p->killed = true;
        if (p->gone)
            continue;
        if (p->is_main) /* not reaped, so the pid is its own; SIGKILL also ends one that waits at its gate */
            kill(p->pid, SIGKILL);
        else
            tl_process_tree_kill(p->pid, p->born_us);
    }
    if (!s->platform->sweeping) {
        s->platform->sweeping = true;
        uv_timer_start(s->platform->sweep, on_sweep, 1, SWEEP_MS);
    }
}

/* Not needed: a child is spawned, and what is counted of it is its own. */
uint64_t tl_process_charged_bytes(pid_t pid)
{
    return tl_process_rss_bytes(pid);
}

uint64_t tl_process_peak_bytes(pid_t pid)
{
    (void)pid;
    return 0;
}

uint64_t tl_process_rss_bytes(pid_t pid)
{
    struct rusage_info_v2 info;
    /* The footprint counts what is compressed, and what is given to the GPU, as the system's own limit does.
     */
    return proc_pid_rusage(pid, RUSAGE_INFO_V2, (rusage_info_t *)&info) ? 0 : info.ri_phys_footprint;
}

/* --- waiting for something about a process -------------------------------------------------------------- */

static struct tl_wait *wait_new(struct tl_process *p)
{
    struct tl_wait *w = tl_calloc(1, sizeof *w);
    w->process = p;
    w->since_ns = tl_monotonic_ns();
    w->timer = tl_timer_new(p->trial->supervisor, w);
    p->wait = w;
    return w;
}

static void wait_free(struct tl_wait *w)
{
    w->process->wait = NULL;
    tl_timer_free(&w->timer);
    tl_report_seen_free(&w->seen);
    tl_system_report_free(&w->kept);
    tl_report_helpers_free(&w->helpers);
    free(w->descendants);
    if (w->file)
        unlink(w->file);
    free(w->file);
    free(w);
}

/* The signal of which a report is expected: what the process died of, or what a wrapper (a shell, xcrun) says
 * that its child died of. */
static int reported_signal(const struct tl_trial *t, int status)
{
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : WIFEXITED(status) ? WEXITSTATUS(status) - 128 : 0;
    return t->killed == TL_KILL_NONE && tl_signal_is_crash(signal) ? signal : 0;
}

static void take_report(struct tl_process *p, struct tl_wait *w, struct tl_ips *ips)
{
    struct tl_trial *t = p->trial;
    struct tl_crash_report *report = &ips->report;
    if (!w->wanted.pid) { /* of a descendant: one more capture, beside which the report has a message */
        report->capture.is_main = false;
        t->descendant_signals[report->signal]++;
        tl_trial_captured(t, &report->capture);
    }
    tl_darwin_keep_report(t, &w->kept);
    t->report = tl_calloc(1, sizeof *t->report);
    *t->report = *report;
    *report = (struct tl_crash_report){0};
    tl_ips_free(ips);
}

static void on_report_time(uv_timer_t *timer)
{
    struct tl_wait *w = timer->data;
    struct tl_process *p = w->process;
    struct tl_trial *t = p->trial;
    struct tl_platform *platform = t->supervisor->platform;
    struct tl_ips ips;
    if (tl_report_find((const char *const *)platform->report_directories, &w->wanted, &w->seen, &ips)) {
        take_report(p, w, &ips);
        platform->reports_missed = 0;
    } else {
        unsigned next = tl_report_next_look_ms(elapsed_ms(w->since_ns), w->patience_ms);
        if (next) {
            uv_timer_start(timer, on_report_time, next, 0);
            return;
        }
        platform->reports_missed++;
    }
    tl_darwin_keep_helpers(t, &w->helpers);
    wait_free(w);
    end_if_done(t);
}

static void await_report(struct tl_process *p, int status, int signal)
{
    struct tl_trial *t = p->trial;
    struct tl_wait *w = wait_new(p);
    size_t n;
    w->descendants = tl_darwin_descendants(t, &n);
    /* The signal of a Mach exception may be told otherwise in the report: of a process that is known it is
     * not asked. */
    w->wanted = (struct tl_report_wanted){
        .pid = WIFSIGNALED(status) ? p->pid : 0,
        .parent = p->pid,
        .descendants = w->descendants,
        .n_descendants = n,
        .signal = WIFSIGNALED(status) ? 0 : signal,
        .launched_us = (int64_t)p->born_us,
        .ended_us = tl_wall_us(),
        .kept = &w->kept,
        .helpers = &w->helpers,
    };
    w->patience_ms = tl_report_patience_ms(t->supervisor->platform->reports_missed);
    uv_timer_start(w->timer, on_report_time, tl_report_next_look_ms(0, w->patience_ms), 0);
}

/* --- hangs ---------------------------------------------------------------------------------------------- */

static int start_sampler(struct tl_process *p, const char *file, pid_t *pid)
{
    char number[16];
    char program[] = "/usr/bin/sample", seconds[] = "1", early[] = "-mayDie", to[] = "-file";
    char *path = tl_strdup(file);
    char *argv[] = {program, number, seconds, early, to, path, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    snprintf(number, sizeof number, "%d", (int)p->pid);
    int rc = posix_spawn_file_actions_init(&actions);
    if (!rc && (rc = posix_spawnattr_init(&attributes)))
        posix_spawn_file_actions_destroy(&actions);
    if (!rc) {
        for (int fd = 0; fd < 3 && !rc; fd++)
            rc = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
        if (!rc)
            rc = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_CLOEXEC_DEFAULT);
        if (!rc)
            rc = posix_spawn(pid, program, &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
    }
    free(path);
    return rc;
}

/* The sampler has ended, or is not waited for any longer. */
static void finish_sample(struct tl_wait *w, bool ended)
{
    struct tl_process *p = w->process;
    struct tl_trial *t = p->trial;
    struct tl_capture c;
    struct tl_error ignored;
    size_t size;
    char *text = ended ? tl_read_file(w->file, TL_SAMPLE_MOST, &size) : NULL;
    if (text && !tl_sample_parse(text, size, &c, &ignored)) {
        c.pid = p->pid;
        c.is_main = p->is_main;
        c.capture_ns = tl_monotonic_ns() - w->since_ns;
        for (size_t i = 0; i < c.n_threads; i++)
            c.threads[i].pid = p->pid;
        tl_trial_captured(t, &c);
    }
    free(text);
    if (!ended)
        kill(w->sampler, SIGKILL); /* reaped like any child that is not known */
    wait_free(w);
    tl_trial_hang_captured(t);
    end_if_done(t);
}

static void on_sample_time_over(uv_timer_t *timer)
{
    finish_sample(timer->data, false);
}

bool tl_capture_hang(struct tl_trial *t)
{
    unsigned n = 0;
    look_around(t->supervisor);
    if (t->state != TL_TRIAL_RUNNING) /* it has just been found to have too many processes */
        return false;
    for (struct tl_process *p = t->processes; p && n < HANG_PROCESSES; p = p->next) {
        pid_t sampler;
        if (p->gone || p->wait)
            continue;
        char *file = tl_format("%s/sample-%d.txt", t->supervisor->scratch_root, (int)p->pid);
        if (start_sampler(p, file, &sampler)) {
            free(file);
            continue;
        }
        struct tl_wait *w = wait_new(p);
        w->sampler = sampler;
        w->file = file;
        uv_timer_start(w->timer, on_sample_time_over, SAMPLE_MS, 0);
        n++;
    }
    t->hang_waiting = n;
    return n > 0;
}

/* --- what the supervisor calls -------------------------------------------------------------------------- */

/* Every descendant is found by looking, and none is hidden. */
bool tl_sweep(struct tl_trial *t)
{
    (void)t;
    return false;
}

uint64_t tl_sweep_sum(const struct tl_trial *t, uint64_t (*bytes)(pid_t pid))
{
    (void)t;
    (void)bytes;
    return 0;
}

/* Nothing is refused here: memory is watched. */
void tl_refusal_begin(struct tl_process *p, uint64_t limit)
{
    (void)p;
    (void)limit;
}

void tl_trace_open(struct tl_supervisor *s)
{
    struct tl_platform *p = tl_calloc(1, sizeof *p);
    char *own = tl_home("Library/Logs/DiagnosticReports");
    size_t n = 0;
    if (own)
        p->report_directories[n++] = own;
    p->report_directories[n] = tl_strdup("/Library/Logs/DiagnosticReports");
    p->sweep = tl_timer_new(s, s);
    s->platform = p;
}

void tl_trace_close(struct tl_supervisor *s)
{
    struct tl_platform *p = s->platform;
    tl_timer_free(&p->sweep);
    uv_run(s->loop, UV_RUN_NOWAIT); /* a handle is freed by the loop */
    for (size_t i = 0; p->report_directories[i]; i++)
        free(p->report_directories[i]);
    free(p);
    s->platform = NULL;
}

pid_t tl_trace_wait(struct tl_supervisor *s, int *status, struct rusage *usage)
{
    (void)s;
    return wait4(-1, status, WNOHANG, usage); /* stops are not asked for: the one at the gate is no event */
}

int tl_trace_attach(struct tl_supervisor *s, pid_t pid, struct tl_trial *t, struct tl_server *server,
                    struct tl_error *e)
{
    struct tl_process_entry r;
    (void)s;
    (void)server;
    if (!t)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot start a fork server", "",
                       "macOS does not allow fork without exec");
    bool found = tl_process_tree_find(pid, &r);
    struct tl_process *p = process_new(t, pid, found ? r.born_us : (uint64_t)tl_wall_us());
    p->is_main = true;
    t->executed = true; /* posix_spawn has made it the program already */
    return 0;
}

static struct tl_process *find(struct tl_supervisor *s, pid_t pid, bool sampler)
{
    for (struct tl_trial *t = s->flying; t; t = t->next)
        for (struct tl_process *p = t->processes; p; p = p->next)
            if (sampler ? p->wait && p->wait->sampler == pid : p->is_main && !p->gone && p->pid == pid)
                return p;
    return NULL;
}

void tl_trace_event(struct tl_supervisor *s, pid_t pid, int status, const struct rusage *usage)
{
    struct tl_process *p = find(s, pid, true);
    if (p) {
        finish_sample(p->wait, true);
        return;
    }
    p = find(s, pid, false);
    if (!p || WIFSTOPPED(status))
        return; /* a sampler that took too long */
    struct tl_trial *t = p->trial;
    look_around(s); /* while the session is still known to be ours */
    int signal = reported_signal(t, status);
    if (signal && !p->wait && !s->freeing)
        await_report(p, status, signal);
    else if (!signal && (status || t->got_error) && !s->freeing)
        tl_darwin_find_helpers(p, (const char *const *)s->platform->report_directories);
    p->gone = true;
    tl_trial_main_ended(t, status, usage);
    end_if_done(t);
}

void tl_trace_hurry(struct tl_supervisor *s)
{
    for (struct tl_trial *t = s->flying; t; t = t->next)
        for (struct tl_process *p = t->processes; p; p = p->next)
            if (p->wait && !p->wait->sampler)
                wait_free(p->wait);
    end_those_done(s);
}

/* Whoever has died is found by looking, not by being told. */
void tl_trace_overdue(struct tl_supervisor *s)
{
    (void)s;
}

/* Every watch: who has been born, who has died. */
void tl_trace_orphans(struct tl_supervisor *s, bool now)
{
    look_around(s);
    end_those_done(s);
    if (now)
        tl_trace_hurry(s);
}

/* A fork server is never started here (tl_child_can_fork), so none has a child to give or to let go. */
void tl_trace_release(struct tl_supervisor *s, struct tl_process *p)
{
    (void)s;
    (void)p;
}

void tl_process_give(struct tl_process *p, struct tl_trial *t)
{
    (void)p;
    (void)t;
}
