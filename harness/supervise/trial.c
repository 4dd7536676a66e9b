/* One trial, from its request to its record.
 *
 * Theory of operation. It runs until its main process has ended; then what is left of it is swept, and when
 * its last process is gone its streams are read to the end and the record is made. Whatever ends it (itself,
 * a deadline, a limit, the user) goes this one way.
 *
 *   waiting -> (forking: a fork server makes its process) -> running -> killing -> record
 *
 * The phases come from the runner's messages (trial_messages.c); each has a deadline, and one that is entered again goes on with
 * what it had left. At a deadline the stacks are captured before anything is killed. What came of it all is
 * the business of verdict/: this file hands on what was seen.
 *
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/supervise/trial.h"

#include "harness/base/ascii.h"
#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/program.h"
#include "harness/crash_report/ips.h"
#include "harness/supervise/capture.h"
#include "harness/supervise/captures.h"
#include "harness/supervise/elsewhere.h"
#include "harness/supervise/refusal.h"
#include "harness/supervise/scratch.h"
#include "harness/supervise/segments.h"
#include "harness/supervise/server.h"
#include "harness/supervise/sweep.h"
#include "harness/supervise/trace.h"
#include "harness/supervise/trial_environment.h"
#include "harness/verdict/fault.h"
#include "runners/protocol.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAVING_BYTES (64u << 20)

static void on_deadline(void *arg);

/* timeout_s: a deadline of this entry's own, heeded where the specification allows it (the steps of a case
 * have theirs); 0: the case's. */
void tl_trial_enter_phase(struct tl_trial *t, enum tl_phase phase, double timeout_s)
{
    uint64_t now = t->main_ended ? t->ended_ns : tl_awake_ns(); /* its last words may be read later */
    uint64_t counted = tl_loop_clock_now(&t->supervisor->clock);
    t->phase_spent_ns[t->phase] += now - t->phase_since_ns;
    t->phase_counted_ns[t->phase] += counted - t->phase_counted_since_ns;
    t->phase_since_ns = now;
    t->phase_counted_since_ns = counted;
    t->phase = phase;
    t->record.phase_seconds[phase] = 0; /* entered */
    if (timeout_s > t->timeout_most)
        timeout_s = t->timeout_most;
    t->deadline_s = timeout_s > 0 ? timeout_s : t->limits.timeout_s;
    if (t->deadline_s <= 0 || t->state != TL_TRIAL_RUNNING || t->killed != TL_KILL_NONE)
        return;
    /* A phase that is entered again goes on with what it has left, so that a runner cannot put off its
     * deadline. */
    double left = timeout_s > 0 ? timeout_s : t->limits.timeout_s - (double)t->phase_counted_ns[phase] * 1e-9;
    tl_deadline_set(&t->deadline, t->supervisor->loop, &t->supervisor->clock, left, on_deadline, t);
}

/* --- the beginning -------------------------------------------------------------------------------------- */

int tl_trial_connect(struct tl_trial *t, struct tl_streams *ours, struct tl_error *e)
{
    int fds[] = {ours->protocol, ours->out, ours->err};
    int result = 0;
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0 && tl_stream_open(t->supervisor, &t->io[i], fds[i], tl_trial_readable, t))
            result = tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot watch a stream of a trial", "",
                             "the loop refuses it");
    return result;
}

static int write_files(const struct tl_trial *t, struct tl_error *e)
{
    const json_t *file;
    size_t i;
    int result = 0;
    json_array_foreach(t->files, i, file) {
        const json_t *text = json_object_get(file, "text");
        char *path = tl_format("%s/%s", t->scratch.path, json_string_value(json_object_get(file, "name")));
        if (!result &&
            (tl_make_parents(path, 0700) ||
             tl_write_new_file(path, json_string_value(text), json_string_length(text), 0600, false)))
            result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write a file of a trial", path,
                                   "free some space, or name another place with TMPDIR");
        free(path);
    }
    return result;
}

int tl_trial_prepare(struct tl_trial *t, struct tl_error *e)
{
    if (t->prepared)
        return 0;
    struct tl_supervisor *s = t->supervisor;
    char name[40];
    if (s->options.keep_scratch) /* whose it is is to be seen */
        snprintf(name, sizeof name, "%.36s%s", t->record.id, t->first ? "-2" : "");
    else
        snprintf(name, sizeof name, "%llu", (unsigned long long)++s->n_scratch);
    struct tl_scratch none = {0};
    if (t->scratch_base ? tl_scratch_take(&none, t->scratch_base, name, &t->scratch)
                        : tl_scratch_take(&s->scratch_spare, s->scratch_root, name, &t->scratch))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a scratch directory",
                             t->scratch.path, "free some space, or name another place with TMPDIR");
    if (write_files(t, e))
        return -1;
    json_t *command = json_array();
    for (size_t i = 0; t->argv && t->argv[i] && !t->argv_given; i++)
        if (strstr(t->argv[i], "{scratch}"))
            t->argv_given = tl_strings_copy((const char *const *)t->argv);
    for (size_t i = 0; t->argv && t->argv[i]; i++) {
        char *text = tl_scratch_replace(t->argv[i], t->scratch.path);
        free(t->argv[i]);
        t->argv[i] = text;
        json_array_append_new(command, json_string(text));
    }
    free(t->record.command);
    t->record.command = json_dumps(command, JSON_COMPACT);
    json_decref(command);
    if (t->request) {
        json_object_set_new(t->request, "id", json_string(t->record.id));
        json_object_set_new(t->request, "scratch", json_string(t->scratch.path));
        if (json_object_get(t->request, "outputs")) { /* wanted: only here is it known where they can go */
            free(t->record.outputs);
            t->record.outputs = tl_format("%s/outputs", t->scratch.path);
            json_object_set_new(t->request, "outputs", json_string(t->record.outputs));
            if (mkdir(t->record.outputs, 0700))
                return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a scratch directory",
                                     t->scratch.path, "free some space, or name another place with TMPDIR");
        }
        free(t->record.request);
        t->record.request = json_dumps(t->request, JSON_COMPACT);
    }
    if (s->sandbox && (tl_sandbox_give(s->sandbox, t->scratch.path, e) ||
                       (t->writable && tl_sandbox_give(s->sandbox, t->writable, e))))
        return -1;
    if (!t->watched)
        t->watched = tl_watched_new(t->watch, t->scratch.path, tl_trial_marker, t);
    t->prepared = true;
    return 0;
}

int tl_trial_announce(struct tl_trial *t, struct tl_error *e)
{
    struct tl_supervisor *s = t->supervisor;
    if (t->announced)
        return 0;
    t->record.started_us = tl_wall_us();
    if (s->begin && s->begin(s->begin_arg, &t->record, e))
        return -1;
    t->announced = true;
    return 0;
}

/* The clock starts here: what comes before is the supervisor's own time. */
int tl_trial_began(struct tl_trial *t, struct tl_error *e)
{
    if (tl_trial_announce(t, e))
        return -1;
    t->state = TL_TRIAL_RUNNING;
    t->started_ns = t->phase_since_ns = tl_awake_ns();
    t->phase_counted_since_ns = tl_loop_clock_now(&t->supervisor->clock);
    tl_trial_enter_phase(t, t->phase, 0);
    return 0;
}

static int begin_child(struct tl_trial *t, pid_t pid, struct tl_streams *ours, struct tl_error *e)
{
    struct tl_supervisor *s = t->supervisor;
    if (tl_trace_attach(s, pid, t, NULL, e))
        return -1;
    t->main_pid = pid;
    tl_refusal_begin(t->processes, t->child_limits.memory_mb << 20);
    if (t->request && tl_send_line(ours->protocol, t->request, NULL, 0))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot send the request of a trial", t->record.unit,
                             "a request has at most %d bytes", TL_MESSAGE_MAX);
    return tl_trial_began(t, e);
}

int tl_trial_start(struct tl_trial *t, struct tl_error *e)
{
    if (tl_trial_prepare(t, e))
        return -1;
    char **env = t->argv ? tl_trial_environment(t->env, t->scratch.path) : NULL;
    tl_warden_want(&t->warden, &t->slot->cgroup, t->untraced, t->supervisor->options.warden);
    const struct tl_sandbox_place place = {.sandbox = t->supervisor->sandbox,
                                           .scratch = t->scratch.path,
                                           .writable = t->writable,
                                           .memory_mb = t->limits.memory_mb};
    if (place.sandbox)
        tl_sandbox_want(place.sandbox, &t->warden);
    struct tl_child_request request = {
        .argv = t->argv,
        .env = env,
        .entry = t->entry,
        .argument = t->argument,
        .directory = t->directory ? t->directory : t->scratch.path,
        .cgroup = &t->slot->cgroup,
        .warden = &t->warden,
        .place = place.sandbox ? &place : NULL,
        .protocol = t->protocol,
        .watch_calls = !t->untraced,
        .untraced = t->untraced,
        .watch_memory = t->child_limits.memory_mb > 0,
        .limits = t->child_limits,
    };
    pid_t pid;
    int gate;
    struct tl_streams ours;
    t->record.fresh = true;
    tl_cgroup_limit(&t->slot->cgroup, &t->limits);
    t->forked_with = tl_child_first_bytes();
    int result = tl_child_spawn(&request, &pid, &gate, &ours, e);
    tl_strings_free(env);
    if (result)
        return -1;
    result = begin_child(t, pid, &ours, e);
    if (tl_child_release(pid, gate, !result))
        result =
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot let a child go", "", "its gate is closed");
    if (!result) /* while it begins: nothing that it writes is lost meanwhile */
        result = tl_trial_connect(t, &ours, e);
    else
        tl_streams_close(&ours);
    return result;
}

/* --- the end -------------------------------------------------------------------------------------------- */

static void on_deadline(void *arg)
{
    struct tl_trial *t = arg;
    if (t->state != TL_TRIAL_RUNNING || t->ending_hang)
        return;
    t->ending_hang = true;
    t->killed = TL_KILL_DEADLINE;
    if (!tl_elsewhere_stop(t, TL_KILL_DEADLINE) && !tl_capture_hang(t))
        tl_trial_kill(t, TL_KILL_DEADLINE);
}

void tl_trial_hang_captured(struct tl_trial *t)
{
    if (t->hang_waiting && --t->hang_waiting == 0)
        tl_trial_kill(t, TL_KILL_DEADLINE);
}

void tl_trial_kill(struct tl_trial *t, enum tl_kill_reason why)
{
    if (t->killed == TL_KILL_NONE)
        t->killed = why;
    t->state = TL_TRIAL_KILLING;
    tl_trace_kill(t->processes);
    tl_warden_end(&t->warden);
    /* A fork server lives in the same cgroup, and what a trial forks there is killed as it appears. One that
     * is leaving has left its slot to another. */
    if (!t->leaving && !t->slot->server)
        tl_cgroup_kill(&t->slot->cgroup);
}

void tl_trial_joined(struct tl_trial *t, pid_t pid)
{
    tl_trial_record_joined(&t->record, pid);
    if (t->n_pids < TL_TRIAL_PIDS_MOST)
        *TL_GROW(t->pids, t->n_pids) = pid;
}

void tl_trial_captured(struct tl_trial *t, struct tl_capture *c)
{
    tl_captures_add(&t->record, &t->deaths, c);
}

int tl_trial_process_ended(struct tl_trial *t, const struct tl_process *p, int status)
{
    int judged = tl_captures_end(&t->record, p->pid, status);
    if (judged != status && t->runs_steps && p->parent == t->main_pid && !t->in_hand.signal) {
        t->in_hand = (struct tl_passed_on){p->pid, WTERMSIG(judged), -1};
        t->in_hand_phase = t->phase;
    }
    return judged;
}

/* What the next one finds still taken of its memory must be within what the cgroup's limit leaves above the
 * limit that an allocation meets first (tl_limits_kill_bytes). A device that takes one at a time takes one.
 */
void tl_trial_leaves(struct tl_trial *t, uint64_t rss)
{
    if (t->leaving || t->state != TL_TRIAL_RUNNING || t->ending_hang || t->n_processes != 1 ||
        t->device_slots || (t->limits.memory_mb && rss > LEAVING_BYTES))
        return;
    tl_trial_read(t, 0, 1 << 20);
    if (!t->got_result)
        return;
    t->leaving = true;
    tl_supervisor_trial_leaves(t->supervisor, t);
}

void tl_trial_main_ended(struct tl_trial *t, int status, const struct rusage *usage)
{
    t->main_ended = true;
    t->main_status = status;
    t->main_usage = *usage;
    t->ended_ns = tl_awake_ns();
    tl_deadline_stop(&t->deadline);
    t->state = TL_TRIAL_KILLING;
    if (t->n_processes > 1) {
        tl_trace_kill(t->processes);
        if (!t->slot->server)
            tl_cgroup_kill(&t->slot->cgroup);
    }
    tl_warden_end(&t->warden);
}

static double seconds_of(struct timeval v)
{
    return (double)v.tv_sec + (double)v.tv_usec * 1e-6;
}

static void take_measures(struct tl_trial *t)
{
    struct tl_trial_record *r = &t->record;
    t->phase_spent_ns[t->phase] += t->ended_ns - t->phase_since_ns;
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        if (r->phase_seconds[i] >= 0)
            r->phase_seconds[i] = (double)t->phase_spent_ns[i] * 1e-9;
    r->phase = t->phase;
    r->wall_seconds = (double)(t->ended_ns - t->started_ns) * 1e-9;
    r->user_seconds = seconds_of(t->main_usage.ru_utime);
    r->system_seconds = seconds_of(t->main_usage.ru_stime);
    /* What the kernel counts of a process begins with what it was forked with, and that is us. */
    uint64_t counted = tl_child_peak_bytes(&t->main_usage);
    r->peak_rss = t->peak_rss_ended;
    if (!r->fresh || !r->peak_rss || counted > t->forked_with)
        r->peak_rss = counted > r->peak_rss ? counted : r->peak_rss;
    if (t->peak_rss_watched > r->peak_rss)
        r->peak_rss = t->peak_rss_watched;
}

static enum tl_end end_of(const struct tl_trial *t)
{
    switch (t->killed) {
    case TL_KILL_DEADLINE:
        return TL_END_DEADLINE;
    case TL_KILL_MEMORY:
        return TL_END_MEMORY;
    case TL_KILL_DISK:
        return TL_END_DISK;
    case TL_KILL_PROCESSES:
        return TL_END_PROCESSES;
    case TL_KILL_CANCEL:
        return TL_END_CANCELLED;
    case TL_KILL_BEGIN:
        return TL_END_NOT_BEGUN;
    case TL_KILL_NONE:
        break;
    }
    return TL_END_BY_ITSELF;
}

/* How often the kernel killed for the memory limit during this trial. Looked up only where something was
 * killed: the count of a slot is what was seen of it the last time. */
static uint64_t oom_kills(struct tl_trial *t)
{
    bool by_kill = WIFSIGNALED(t->main_status) && WTERMSIG(t->main_status) == SIGKILL;
    if (!by_kill && !t->descendant_signals[SIGKILL] && !t->untraced)
        return 0;
    uint64_t before = t->slot->oom_kills;
    t->slot->oom_kills = tl_cgroup_oom_kills(&t->slot->cgroup);
    return t->slot->oom_kills - before;
}

/* What was counted is part of the result, and the only part of one that a trial without an answer has. */
static void keep_counts(struct tl_trial *t, const json_t *counts)
{
    json_t *all = t->counts ? json_copy(t->counts) : json_object();
    json_object_update(all, (json_t *)counts);
    if (json_object_size(all)) {
        t->record.result = t->record.result ? t->record.result : json_object();
        json_object_set(t->record.result, "counts", all);
    }
    json_decref(all);
}

/* So is the operator that was in flight when it ended. */
static void keep_operator(struct tl_trial *t)
{
    if (!t->in_flight || t->record.outcome == TL_OUTCOME_PASS)
        return;
    t->record.result = t->record.result ? t->record.result : json_object();
    json_object_set(t->record.result, "operator", t->in_flight);
}

/* A directory that is gone by then, with another name in every run, is told as a case names it. */
static void name_scratch(char **message, const char *scratch)
{
    size_t n = strlen(scratch);
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *from = *message, *at = from;
    while (from && (at = strstr(at, scratch))) {
        bool whole = !tl_is_word(at[n]) && at[n] != '-' && (at == *message || !tl_is_word(at[-1]));
        tl_buffer_add(&b, from, (size_t)(at - from) + (whole ? 0 : n));
        if (whole)
            tl_buffer_add_string(&b, "{scratch}");
        at += n;
        from = at;
    }
    if (from == *message)
        return;
    tl_buffer_add_string(&b, from);
    free(*message);
    *message = tl_buffer_take(&b);
}

static void conclude(struct tl_trial *t)
{
    struct tl_trial_record *r = &t->record;
    struct tl_watched_end watched = tl_watched_end(t->watched);
    tl_output_ends_take(&t->out, &r->out);
    tl_output_ends_take(&t->err, &r->err);
    tl_elsewhere_take_report(t);
    tl_elsewhere_take_pids(t);
    const struct tl_death *death = tl_deaths_passed_on(&t->deaths, t->main_pid);
    enum tl_left left = t->left ? t->left : death ? death->left : TL_LEFT_OTHERWISE;
    /* Room that it did not miss does not matter. */
    if (t->main_status || t->killed != TL_KILL_NONE || (t->protocol && !t->got_result))
        tl_scratch_look(t->scratch.path, &t->scratch_full, &t->filled_scratch);
    const struct tl_process_facts facts = {
        .end = end_of(t),
        .status = t->main_status,
        .protocol = t->protocol,
        .executed = t->executed || t->entry || !r->fresh,
        .got_result = t->got_result,
        .got_error = t->got_error,
        .got_unsupported = t->got_unsupported,
        .violation = t->violation,
        .descendant_signals = t->descendant_signals,
        .passed_on = death ? (struct tl_passed_on){death->pid, death->signal, death->exit_status}
                           : (struct tl_passed_on){0},
        .in_hand = t->in_hand,
        .in_hand_phase = t->in_hand_phase,
        .cgroup_oom_kills = oom_kills(t),
        .memory_limit = t->limits.memory_mb << 20,
        /* Where it was not limited no allocation failed for it (a sanitizer's shadow counts as well). */
        .data_at_crash = t->child_limits.memory_mb ? t->data_at_crash : 0,
        .most_wanted = tl_limits_most_wanted(t->limits.memory_mb << 20),
        .refused_bytes = t->refused_bytes,
        .data_when_refused = t->data_when_refused,
        .left_refused = left != TL_LEFT_OTHERWISE,
        .left_full = left == TL_LEFT_FULL,
        .refused_at_crash = t->child_limits.memory_mb ? t->refused_at_crash : 0,
        .killed = *t->killed_name ? t->killed_name : NULL,
        .file_limit = t->file_limit,
        .disk_limit = t->limits.disk_mb << 20,
        .disk_over =
            (t->main_status || t->got_error) && tl_scratch_is_over(t->scratch.path, t->limits.disk_mb << 20),
        .filled_scratch = t->filled_scratch,
        .full_scratch = t->scratch_full ? t->supervisor->scratch_root : NULL,
        .untraced = t->untraced,
        .elsewhere = t->elsewhere,
        .got_died = t->got_died,
        .died_signal = t->died_signal,
        .got_lost = t->got_lost,
        .timeout_s = t->deadline_s,
        .device_asked = t->device_asked,
        .has_reference = t->has_reference,
        .unmet_code = watched.code,
        .unmet = watched.error,
        .fallback = watched.fallback,
        .report = t->report,
    };
    if (!t->supervisor->options.no_symbols)
        for (size_t i = 0; i < r->n_captures; i++)
            tl_symbolise(t->supervisor->symboliser, &r->captures[i]);
    tl_verdict_of_process(&facts, r);
    tl_verdict_faults(r);
    keep_counts(t, watched.counts);
    keep_operator(t);
    free(watched.error);
    free(watched.fallback);
    json_decref(watched.counts);
    if (t->left_behind) {
        char *message =
            tl_format("%s%s%s", r->message ? r->message : "", r->message ? "; " : "", t->left_behind);
        free(r->message);
        r->message = message;
    }
    if (t->scratch.path && !t->supervisor->options.keep_scratch)
        name_scratch(&r->message, t->scratch.path);
}

void tl_trial_maybe_end(struct tl_trial *t)
{
    if (!t->main_ended || t->n_processes || tl_sweep(t))
        return;
    tl_segments_remove(t->pids, t->n_pids, t->record.started_us);
    tl_trial_read_all(t);
    take_measures(t);
    conclude(t);
    tl_supervisor_trial_ended(t->supervisor, t);
}

/* It could not be started, or its intent not be recorded. A child that exists is killed at its gate, and the
 * trial ends when it has been reaped. */
void tl_trial_fail_to_start(struct tl_trial *t, const struct tl_error *e)
{
    tl_verdict_not_run(tl_error_text(e), &t->record);
    t->killed = TL_KILL_BEGIN;
    if (!t->started_ns)
        t->started_ns = t->phase_since_ns = tl_awake_ns();
    if (t->n_processes) {
        tl_trial_kill(t, TL_KILL_BEGIN);
        return;
    }
    t->main_ended = true;
    t->ended_ns = tl_awake_ns();
    tl_trial_maybe_end(t);
}

void tl_trial_lose(struct tl_trial *t, const struct tl_error *e)
{
    if (t->killed == TL_KILL_NONE)
        tl_verdict_lost(tl_error_text(e), &t->record);
    tl_trial_kill(t, TL_KILL_BEGIN);
}

void tl_trial_free(struct tl_trial *t)
{
    for (int i = 0; i < 3; i++)
        tl_stream_close(&t->io[i]);
    tl_deadline_close(&t->deadline);
    tl_timer_free(&t->sweeper);
    tl_warden_forget(&t->warden);
    tl_line_reader_free(&t->reader);
    tl_output_ends_free(&t->out);
    tl_output_ends_free(&t->err);
    tl_watched_free(t->watched);
    json_decref(t->counts);
    json_decref(t->in_flight);
    json_decref(t->files);
    json_decref(t->watch);
    if (t->scratch.path) {
        /* Only a cgroup tells for certain that nothing of it is left. */
        bool sure = t->prepared && !t->scratch_base && !t->untraced && t->slot && t->slot->cgroup.used;
        if (!t->supervisor->options.keep_scratch)
            tl_scratch_leave(&t->supervisor->scratch_spare, &t->supervisor->scratch_left, &t->scratch, sure);
        free(t->scratch.path);
    }
    tl_server_trial_ended(t); /* whose directory goes with it */
    tl_strings_free(t->argv);
    tl_strings_free(t->argv_given);
    tl_strings_free(t->env);
    free(t->directory);
    free(t->writable);
    free(t->server_key);
    free(t->device);
    free(t->device_asked);
    free(t->pids);
    free(t->violation);
    free(t->report_name);
    free(t->left_behind);
    if (t->report)
        tl_crash_report_free(t->report);
    free(t->report);
    json_decref(t->request);
    json_decref(t->server_request);
    tl_trial_record_free(&t->record);
    free(t);
}
