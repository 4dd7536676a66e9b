/* The supervisor's queue, slots and loop.
 *
 *   submit -> queue -> slot -> trial.c (own process) or server.c (child of a fork server)
 *   SIGCHLD -> wait4 until nothing is left -> trace_linux.c -> trial.c -> record -> callback -> next
 *
 * libuv's own child handling is not used anywhere in this process: it would swallow ptrace-stops.
 *
 * The files of this folder:
 *
 *   supervisor.c      queue, slots, the loop, the watch over memory and scratch
 *   trial.c           one trial from request to record: phases, deadlines, end; trial_messages.c: what it says
 *   server.c          fork servers
 *   child_linux.c     makes a child: pipes, gate, session, limits
 *   trace_linux.c     ptrace: every stop of every thread of every descendant
 *   wait_linux.c      wait4, in the loop or, of a program that stops again and again, instead of it
 *   capture_linux.c   stacks at a fatal signal or a deadline
 *   action_linux.c    whether anything is going to handle a signal
 *   alone_linux.c     the thread that took the signal goes on before the others
 *   exits_linux.c     a process is about to exit, and another thread of it stands at a fault
 *   overdue_linux.c   what was killed and does not end
 *   shield_linux.c    the first process of a pid namespace, which signals do not kill while it is traced
 *   captures.c        which captures are kept, and which of them is a death; deaths.c: of whose death a trial failed
 *   sweep_linux.c     what was left behind and never traced
 *   loose_linux.c     threads that live on faults are let go for a while, under a guard (guard_linux.c); again.c: a trial
 *                     that died meanwhile is run once more
 *   elsewhere.c       a trial whose model runs on another machine
 *   cgroup_linux.c    limits and kills for all processes of a slot at once
 *   loop_clock.c      the time that deadlines count in
 *   disk_watch.c      the limit of the disk; held_files_linux.c: what has no name and takes room
 *   message.c output_ends.c scratch.c sanitized.c   serve the others, and call none of them
 *   darwin/           the same for macOS, which has no tracing: stacks come from the system's reports
 *
 * supervisor.c, trial.c, server.c, trace_linux.c, capture_linux.c and the five after it but action_linux.c call each
 * other in a circle, and stay so: they are one machine whose parts are woken by the loop. An event of a child (trace) moves its trial on
 * (trial), which frees a slot (supervisor), which starts a trial (trial or server), which makes a child that
 * is traced; with callbacks between them the circle would be the same, and harder to see. */
#include "harness/supervise/supervisor.h"

#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/jobs.h"
#include "harness/supervise/again.h"
#include "harness/supervise/disk_watch.h"
#include "harness/supervise/elsewhere.h"
#include "harness/supervise/sanitized.h"
#include "harness/supervise/scratch.h"
#include "harness/supervise/server.h"
#include "harness/supervise/sweep.h"
#include "harness/supervise/trace.h"
#include "harness/supervise/trial.h"
#include "harness/verdict/classify.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WATCH_MS 200
#define EVENTS_PER_TURN 2048 /* of children, before others get a turn */

/* --- small things the other files use ------------------------------------------------------------------- */

char **tl_strings_copy(const char *const *list)
{
    if (!list)
        return NULL;
    size_t n = 0;
    while (list[n])
        n++;
    char **copy = tl_calloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = tl_strdup(list[i]);
    return copy;
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

uv_timer_t *tl_timer_new(struct tl_supervisor *s, void *data)
{
    uv_timer_t *t = tl_calloc(1, sizeof *t);
    uv_timer_init(s->loop, t);
    t->data = data;
    return t;
}

void tl_timer_free(uv_timer_t **t)
{
    if (*t)
        uv_close((uv_handle_t *)*t, free_handle);
    *t = NULL;
}

int tl_stream_open(struct tl_supervisor *s, struct tl_stream *io, int fd, uv_poll_cb cb, void *data)
{
    io->fd = fd;
    io->poll = tl_calloc(1, sizeof *io->poll);
    if (uv_poll_init(s->loop, io->poll, fd)) {
        free(io->poll);
        io->poll = NULL;
        return -1;
    }
    io->poll->data = data;
    return uv_poll_start(io->poll, UV_READABLE | UV_DISCONNECT, cb) ? -1 : 0;
}

void tl_stream_close(struct tl_stream *io)
{
    if (io->poll) {
        uv_poll_stop(io->poll);
        uv_close((uv_handle_t *)io->poll, free_handle);
        io->poll = NULL;
    }
    if (io->fd >= 0)
        close(io->fd);
    io->fd = -1;
}

/* --- the queue ------------------------------------------------------------------------------------------ */

static unsigned flying_on(const struct tl_supervisor *s, const char *device)
{
    unsigned n = 0;
    for (const struct tl_trial *t = s->flying; t; t = t->next)
        n += t->device && !strcmp(t->device, device);
    return n;
}

static bool may_start(const struct tl_supervisor *s, const struct tl_trial *t)
{
    return !t->device || !t->device_slots || flying_on(s, t->device) < t->device_slots;
}

static bool wants_server(const struct tl_supervisor *s, const struct tl_trial *t)
{
    return tl_child_can_fork && t->server_key && t->server_failures < 3 &&
           !tl_server_refused(s, t->server_key);
}

/* A free slot: for a served trial one whose server has loaded the same, else one without a server, else any.
 */
static struct tl_slot *free_slot(struct tl_supervisor *s, const char *key)
{
    struct tl_slot *best = NULL;
    int best_score = -1;
    for (unsigned i = 0; i < s->jobs; i++) {
        struct tl_slot *slot = &s->slots[i];
        if (slot->busy)
            continue;
        int score = slot->server ? (key && !strcmp(slot->server->key, key) ? 2 : 0) : 1;
        if (score > best_score) {
            best = slot;
            best_score = score;
        }
    }
    return best;
}

static void start(struct tl_supervisor *s, struct tl_trial *t, struct tl_slot *slot, bool served)
{
    struct tl_error e;
    slot->busy = true;
    t->next = s->flying;
    s->flying = t;
    /* A trial may have closed its streams and be beyond its deadline: its end is still waited for. */
    if (s->n_flying++ == 0)
        uv_ref((uv_handle_t *)&s->watch);
    if (s->cgroups && !slot->cgroup.used && tl_cgroup_open(s->cgroups, slot->index, &slot->cgroup, &e))
        slot->cgroup = (struct tl_cgroup){.procs = {-1, -1, -1}};
    t->slot = slot;
    if (served ? tl_server_run(s, slot, t, &e) : tl_trial_start(t, &e))
        tl_trial_fail_to_start(t, &e);
}

void tl_supervisor_schedule(struct tl_supervisor *s)
{
    if (s->scheduling)
        return;
    s->scheduling = true;
    for (struct tl_trial **at = &s->queue; *at && s->n_flying - s->n_leaving < s->jobs;) {
        struct tl_trial *t = *at;
        if (!may_start(s, t)) {
            at = &t->next;
            continue;
        }
        bool served = wants_server(s, t);
        struct tl_slot *slot = free_slot(s, served ? t->server_key : NULL);
        if (!slot)
            break;
        *at = t->next;
        if (!*at)
            s->queue_tail = at;
        s->n_waiting--;
        start(s, t, slot, served);
        at = &s->queue; /* a start that fails at once calls back, and may have changed the queue */
    }
    s->scheduling = false;
}

/* The child for the next trial is forked while this one runs: by a slot's server, when a trial that it could
 * serve is among those that are started next. That one is made ready, too, but for its intent. */
static void make_spares(struct tl_supervisor *s)
{
    struct tl_error e;
    for (unsigned i = 0; i < s->jobs; i++) {
        struct tl_slot *slot = &s->slots[i];
        if (!slot->busy || !slot->server)
            continue;
        unsigned n = 0;
        for (struct tl_trial *t = s->queue; t && n < s->jobs; t = t->next, n++)
            if (wants_server(s, t) && !t->new_server && !strcmp(t->server_key, slot->server->key)) {
                if (tl_server_make_spare(slot->server) && !s->sandbox) /* there it lies with its server */
                    tl_trial_prepare(t, &e); /* what fails here fails again when it starts */
                break;
            }
    }
}

static void leave_flight(struct tl_supervisor *s, struct tl_trial *t)
{
    struct tl_trial **at = &s->flying;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    t->next = NULL;
    if (--s->n_flying == 0 && !s->freeing)
        uv_unref((uv_handle_t *)&s->watch);
    if (t->leaving)
        s->n_leaving--; /* its slot has been another's since */
    else if (t->slot)
        t->slot->busy = false;
    t->leaving = false;
}

static void put_first(struct tl_supervisor *s, struct tl_trial *t)
{
    t->next = s->queue;
    if (!s->queue)
        s->queue_tail = &t->next;
    s->queue = t;
    s->n_waiting++;
    tl_supervisor_kick(s);
}

void tl_supervisor_requeue(struct tl_supervisor *s, struct tl_trial *t)
{
    leave_flight(s, t);
    t->slot = NULL;
    if (t->scratch.path)
        tl_scratch_remove(&s->scratch_left, t->scratch.path);
    t->prepared = false;
    t->scratch_base = NULL;
    t->state = TL_TRIAL_WAITING;
    put_first(s, t);
}

void tl_supervisor_trial_leaves(struct tl_supervisor *s, struct tl_trial *t)
{
    t->slot->busy = false;
    s->n_leaving++;
    if (!s->freeing)
        tl_supervisor_schedule(s);
}

void tl_supervisor_trial_ended(struct tl_supervisor *s, struct tl_trial *t)
{
    bool taken = false;
    struct tl_trial *again = s->freeing ? NULL : tl_again(t);
    leave_flight(s, t);
    if (again) {
        put_first(s, again);
        tl_trial_free(t);
        return;
    }
    tl_again_settle(t);
    /* The next one starts while this one's outcome is stored and its scratch directory removed. */
    if (!s->freeing)
        tl_supervisor_schedule(s);
    if (t->done)
        t->done(t->done_arg, &t->record, &taken);
    if (taken)
        memset(&t->record, 0, sizeof t->record);
    tl_trial_free(t);
    tl_supervisor_kick(s);
}

/* --- the loop ------------------------------------------------------------------------------------------- */

static bool drain_children(struct tl_supervisor *s)
{
    for (int i = 0; i < EVENTS_PER_TURN; i++) {
        int status;
        struct rusage usage;
        pid_t tid = tl_trace_wait(s, &status, &usage);
        if (tid < 0 && errno == EINTR)
            continue;
        if (tid <= 0)
            return false;
        tl_trace_event(s, tid, status, &usage);
    }
    return true; /* there may be more */
}

static void on_kick(uv_idle_t *idle)
{
    struct tl_supervisor *s = idle->data;
    uv_idle_stop(idle);
    bool more = drain_children(s);
    if (!s->freeing) {
        tl_supervisor_schedule(s);
        make_spares(s);
    }
    if (more)
        tl_supervisor_kick(s);
}

void tl_supervisor_kick(struct tl_supervisor *s)
{
    uv_idle_start(&s->kick, on_kick);
}

static void on_sigchld(uv_signal_t *handle, int signal)
{
    struct tl_supervisor *s = handle->data;
    (void)signal;
    if (drain_children(s))
        tl_supervisor_kick(s);
    if (!s->freeing)
        tl_supervisor_schedule(s);
}

static uint64_t memory_of(const struct tl_trial *t, uint64_t (*bytes)(pid_t pid))
{
    uint64_t total = 0;
    for (const struct tl_process *p = t->processes; p; p = p->next)
        total += p->gone ? 0 : bytes(p->pid);
    return total + tl_sweep_sum(t, bytes);
}

bool tl_supervisor_look_at_memory(struct tl_trial *t)
{
    if (!t->limits.memory_mb || t->slot->cgroup.memory_dir)
        return false;
    uint64_t total = memory_of(t, tl_process_rss_bytes);
    /* What is shared, by fork or by name, was counted for each of them, and the pages of files are the system's
     * to take back. The exact sum costs more. */
    if (total > tl_limits_kill_bytes(&t->limits))
        total = memory_of(t, tl_process_charged_bytes);
    if (total > t->peak_rss_watched)
        t->peak_rss_watched = total;
    if (total <= tl_limits_kill_bytes(&t->limits))
        return false;
    tl_trial_kill(t, TL_KILL_MEMORY);
    return true;
}

/* Limits that no kernel mechanism holds here: memory without a cgroup, and the scratch directory. */
static void watch_trial(struct tl_trial *t)
{
    if (t->state != TL_TRIAL_RUNNING || tl_awake_ns() - t->started_ns < WATCH_MS * 1000000ull)
        return;
    if (tl_supervisor_look_at_memory(t))
        return;
    tl_scratch_look(t->scratch.path, &t->scratch_full, &t->filled_scratch);
    tl_disk_watch(t);
}

static void on_watch(uv_timer_t *timer)
{
    struct tl_supervisor *s = timer->data;
    tl_loop_clock_now(&s->clock);
    for (struct tl_trial *t = s->flying, *next; t; t = next) {
        next = t->next;
        watch_trial(t);
    }
    tl_scratch_try_again(&s->scratch_left);
    for (struct tl_server *v = s->servers, *next; v; v = next) {
        next = v->next;
        tl_server_look(v);
    }
    tl_trace_orphans(s, s->freeing);
    tl_trace_overdue(s);
    if (drain_children(s))
        tl_supervisor_kick(s);
}

/* --- public --------------------------------------------------------------------------------------------- */

static void free_supervisor(uv_handle_t *handle)
{
    free(handle->data);
}

int tl_supervisor_new(struct tl_supervisor **out, uv_loop_t *loop,
                      const struct tl_supervisor_options *options, struct tl_error *e)
{
    struct tl_supervisor *s = tl_calloc(1, sizeof *s);
    s->loop = loop;
    s->options = *options;
    s->queue_tail = &s->queue;
    s->scratch_lock = -1;
    s->jobs = options->jobs ? options->jobs : tl_jobs_default();
    int err = uv_signal_init(loop, &s->sigchld); /* makes the pipe that all signals of the loop go through */
    if (err) {
        free(s);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, -err, "cannot watch for children", "",
                             "raise the limit of open files (ulimit -n)");
    }
    char *left = NULL;
    s->scratch_root = tl_scratch_root_new(options->scratch_root, &s->scratch_lock, &left, e);
    if (left && options->warn)
        options->warn(left);
    free(left);
    if (!s->scratch_root) {
        s->sigchld.data = s;
        uv_close((uv_handle_t *)&s->sigchld, free_supervisor);
        uv_run(loop, UV_RUN_NOWAIT);
        return -1;
    }
    if (options->sandbox.wanted && !(s->sandbox = tl_sandbox_new(&options->sandbox, s->scratch_root, e))) {
        tl_remove_tree(s->scratch_root);
        close(s->scratch_lock);
        free(s->scratch_root);
        s->sigchld.data = s;
        uv_close((uv_handle_t *)&s->sigchld, free_supervisor);
        uv_run(loop, UV_RUN_NOWAIT);
        return -1;
    }
    char why[256];
    if (!options->no_cgroup)
        s->cgroups = tl_cgroup_root_new(why, sizeof why);
    s->slots = tl_calloc(s->jobs, sizeof *s->slots);
    for (unsigned i = 0; i < s->jobs; i++) {
        s->slots[i].index = i;
        s->slots[i].cgroup = (struct tl_cgroup){.procs = {-1, -1, -1}};
    }
    s->unwinder = tl_unwinder_new();
    s->symboliser = tl_symboliser_new();
    tl_trace_open(s);
    uv_timer_init(loop, &s->watch);
    uv_idle_init(loop, &s->kick);
    s->sigchld.data = s->watch.data = s->kick.data = s;
    uv_signal_start(&s->sigchld, on_sigchld, SIGCHLD);
    uv_timer_start(&s->watch, on_watch, WATCH_MS, WATCH_MS);
    uv_unref((uv_handle_t *)&s->sigchld);
    uv_unref((uv_handle_t *)&s->watch);
    *out = s;
    return 0;
}

void tl_supervisor_on_begin(struct tl_supervisor *s, tl_trial_begin begin, void *arg)
{
    s->begin = begin;
    s->begin_arg = arg;
}

static int check_spec(const struct tl_trial_spec *spec, struct tl_error *e)
{
    if (!spec->argv && !spec->entry)
        return tl_fail(e, TL_ERROR_INPUT, "cannot run a trial", spec->unit,
                       "it names neither a program nor a function");
    if (spec->argv && (!spec->argv[0] || !*spec->argv[0]))
        return tl_fail(e, TL_ERROR_INPUT, "cannot run a trial", spec->unit, "its program has no name");
    if (spec->argv && access(spec->argv[0], X_OK))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot run a trial", spec->argv[0],
                             "an executable file was expected");
    if (spec->protocol && !spec->request)
        return tl_fail(e, TL_ERROR_INPUT, "cannot run a trial", spec->unit,
                       "it has no request for its runner");
    return 0;
}

/* Most trials in a row run the same program. */
static bool is_sanitized(struct tl_supervisor *s, const char *program)
{
    if (!s->program || strcmp(s->program, program)) {
        free(s->program);
        s->program = tl_strdup(program);
        s->program_sanitized = tl_is_sanitized(program);
    }
    return s->program_sanitized;
}

int tl_supervisor_submit(struct tl_supervisor *s, const struct tl_trial_spec *spec, tl_trial_done done,
                         void *arg, struct tl_error *e)
{
    if (check_spec(spec, e))
        return -1;
    struct tl_trial *t = tl_calloc(1, sizeof *t);
    struct tl_trial_record *r = &t->record;
    t->supervisor = s;
    t->argv = tl_strings_copy(spec->argv);
    t->env = tl_strings_copy(spec->env);
    t->entry = spec->entry;
    t->argument = spec->argument;
    t->directory = tl_strdup(spec->directory);
    t->writable = tl_strdup(spec->writable);
    t->protocol = spec->protocol;
    t->request = spec->request ? json_copy(spec->request) : NULL; /* more is added to our own copy */
    t->server_key = tl_strdup(spec->server_key);
    t->new_server = spec->new_server;
    t->server_request = spec->server_request ? json_incref(spec->server_request) : NULL;
    t->device = tl_strdup(spec->device);
    t->device_asked = tl_strdup(spec->device_asked);
    t->has_reference = spec->has_reference;
    t->files = json_incref((json_t *)spec->files);
    t->watch = json_incref((json_t *)spec->watch);
    t->untraced = spec->untraced;
    t->elsewhere = spec->elsewhere;
    t->device_slots = spec->device_slots;
    t->limits = t->child_limits = spec->limits;
    /* A cgroup, or the watch, still holds its memory. */
    if (t->untraced || (t->argv && is_sanitized(s, t->argv[0])))
        t->child_limits.memory_mb = 0;
    const char *slash = t->argv ? strrchr(t->argv[0], '/') : NULL;
    t->runs_steps = slash && !strcmp(slash, "/trapline-command");
    t->timeout_most = spec->timeout_most;
    t->phase = spec->protocol ? TL_PHASE_START : spec->phase;
    t->done = done;
    t->done_arg = arg;
    tl_trial_begin_record(t);
    if (*spec->id)
        memcpy(r->id, spec->id, sizeof r->id);
    else
        tl_uuid7(r->id);
    r->case_name = tl_strdup(spec->case_name ? spec->case_name : "");
    r->variant = tl_strdup(spec->variant ? spec->variant : "{}");
    r->unit = tl_strdup(spec->unit ? spec->unit : "");
    strncpy(r->case_hash, spec->case_hash ? spec->case_hash : "", sizeof r->case_hash - 1);
    strncpy(r->variant_hash, spec->variant_hash ? spec->variant_hash : "", sizeof r->variant_hash - 1);
    strncpy(r->environment_id, spec->environment_id ? spec->environment_id : "",
            sizeof r->environment_id - 1);
    *s->queue_tail = t;
    s->queue_tail = &t->next;
    s->n_waiting++;
    tl_supervisor_kick(s);
    return 0;
}

size_t tl_supervisor_waiting(const struct tl_supervisor *s)
{
    return s->n_waiting;
}

size_t tl_supervisor_in_flight(const struct tl_supervisor *s)
{
    return s->n_flying;
}

/* A trial that waits will not be run: whoever asked is told so. */
static void drop(struct tl_trial *t)
{
    struct tl_trial_record *r = &t->record;
    bool taken = false;
    tl_verdict_not_run(tl_strdup("stopped before it ran"), r);
    tl_again_settle(t);
    if (t->done)
        t->done(t->done_arg, r, &taken);
    if (taken)
        memset(r, 0, sizeof *r);
    tl_trial_free(t);
}

void tl_supervisor_cancel(struct tl_supervisor *s)
{
    for (struct tl_server *v = s->servers; v; v = v->next)
        if (v->trial) { /* it has no process of its own yet */
            struct tl_trial *t = v->trial;
            v->trial = NULL;
            tl_server_kill(v);
            leave_flight(s, t);
            t->next = s->queue;
            s->queue = t;
        }
    while (s->queue) {
        struct tl_trial *t = s->queue;
        s->queue = t->next;
        drop(t);
    }
    s->queue_tail = &s->queue;
    s->n_waiting = 0;
    for (struct tl_trial *t = s->flying; t; t = t->next)
        if (t->state == TL_TRIAL_RUNNING && !tl_elsewhere_stop(t, TL_KILL_CANCEL))
            tl_trial_kill(t, TL_KILL_CANCEL);
}

static void on_handle_closed(uv_handle_t *handle)
{
    bool *closed = handle->data;
    *closed = true;
}

void tl_supervisor_free(struct tl_supervisor *s)
{
    if (!s)
        return;
    s->freeing = true;
    tl_supervisor_cancel(s);
    for (struct tl_server *v = s->servers; v; v = v->next)
        tl_server_kill(v);
    uv_ref((uv_handle_t *)&s->watch); /* it looks for orphans, and keeps the loop turning */
    while (s->flying || s->servers || s->n_orphans)
        uv_run(s->loop, UV_RUN_ONCE);
    uv_signal_stop(&s->sigchld);
    bool closed[3] = {false, false, false};
    uv_handle_t *handles[] = {(uv_handle_t *)&s->sigchld, (uv_handle_t *)&s->watch, (uv_handle_t *)&s->kick};
    for (size_t i = 0; i < 3; i++) {
        handles[i]->data = &closed[i];
        uv_close(handles[i], on_handle_closed);
    }
    while (!closed[0] || !closed[1] || !closed[2])
        uv_run(s->loop, UV_RUN_NOWAIT);
    for (unsigned i = 0; i < s->jobs; i++)
        tl_cgroup_close(&s->slots[i].cgroup);
    tl_cgroup_root_free(s->cgroups);
    free(s->slots);
    while (s->unservable) {
        struct tl_unservable *u = s->unservable;
        s->unservable = u->next;
        free(u->key);
        free(u);
    }
    tl_trace_close(s);
    tl_sandbox_free(s->sandbox);
    tl_unwinder_free(s->unwinder);
    tl_symboliser_free(s->symboliser);
    char *left = tl_scratch_root_end(s->scratch_root, &s->scratch_left);
    if (left && s->options.warn)
        s->options.warn(left);
    free(left);
    if (s->scratch_lock >= 0)
        close(s->scratch_lock);
    free(s->scratch_root);
    free(s->scratch_spare.path);
    free(s->program);
    free(s);
}

void tl_supervisor_isolation(const struct tl_supervisor *s, struct tl_isolation *i)
{
    *i = (struct tl_isolation){0};
    struct tl_warden warden;
    const struct tl_cgroup held = {.used = s->cgroups && tl_cgroup_root_has(s->cgroups, "kill"),
                                   .kill_dir = ""};
    tl_warden_want(&warden, &held, false, s->options.warden);
    i->warden = warden.kind;
    i->sandbox = tl_sandbox_try(s->scratch_root, i->sandbox_why, sizeof i->sandbox_why);
    if (!s->cgroups) {
        strncpy(i->cgroup_why, s->options.no_cgroup ? "not wanted" : "no cgroup can be written by this user",
                sizeof i->cgroup_why - 1);
        return;
    }
    strncpy(i->cgroup, tl_cgroup_root_path(s->cgroups), sizeof i->cgroup - 1);
    i->cgroup_kill = tl_cgroup_root_has(s->cgroups, "kill");
    i->cgroup_pids = tl_cgroup_root_has(s->cgroups, "pids");
    i->cgroup_memory = tl_cgroup_root_has(s->cgroups, "memory");
}
