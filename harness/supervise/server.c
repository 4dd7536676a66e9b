/* Fork servers: a runner that has loaded its runtime once and forks one child for each trial.
 *
 * A slot keeps its server from trial to trial, so a server has at most one child to make at a time. Its
 * children are traced from their first instruction because the server is. A child is held until both have
 * come: the kernel's word that the server forked, and the server's word of which pid serves the trial. Then
 * it is an ordinary trial, which outlives its server.
 *
 * A fork takes a good part of the time of a small trial. While a trial runs and another one waits for the
 * same server, the next child is therefore forked already: the spare. It makes itself ready, waits for its
 * request, and belongs to the server, whose end is its end. Nothing of it is known to a trial, so it takes
 * any: its streams were made for it alone, and limits, scratch directory and intent come when it is given
 * away.
 *
 * A server that dies, hangs or lies is killed; the trial that waited for it goes back to the head of the
 * queue and gets a new server, and after SERVER_TRIES of those a process of its own.
 *
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/supervise/server.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/supervise/refusal.h"
#include "harness/supervise/scratch.h"
#include "harness/supervise/trace.h"
#include "harness/supervise/trial.h"
#include "harness/supervise/trial_environment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __WALL
#define __WALL 0 /* macOS, where there are no fork servers */
#endif
#define SERVER_TRIES 3
#define FORK_TIME_S 10

static void server_maybe_free(struct tl_server *v)
{
    struct tl_supervisor *s = v->supervisor;
    if (!v->ended || v->processes || v->n_trials)
        return;
    if (v->warden.pid && !tl_warden_is_stuck(&v->warden)) { /* its end calls again, and the watch */
        tl_warden_end(&v->warden);
        return;
    }
    struct tl_server **at = &s->servers;
    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
    for (int i = 0; i < 3; i++)
        tl_stream_close(&v->io[i]);
    tl_deadline_close(&v->deadline);
    tl_line_reader_free(&v->reader);
    tl_output_ends_free(&v->out);
    tl_output_ends_free(&v->err);
    tl_warden_forget(&v->warden);
    if (v->scratch)
        tl_scratch_remove(&s->scratch_left, v->scratch);
    free(v->scratch);
    free(v->key);
    free(v);
}

void tl_server_look(struct tl_server *v)
{
    if (tl_warden_is_stuck(&v->warden))
        server_maybe_free(v);
}

void tl_server_kill(struct tl_server *v)
{
    v->killed = true;
    if (v->slot && v->slot->server == v)
        v->slot->server = NULL;
    tl_trace_kill(v->processes);
}

void tl_server_trial_ended(struct tl_trial *t)
{
    struct tl_server *v = t->below;
    t->below = NULL;
    if (v) {
        v->n_trials--;
        server_maybe_free(v);
    }
}

bool tl_server_refused(const struct tl_supervisor *s, const char *key)
{
    for (const struct tl_unservable *u = s->unservable; u; u = u->next)
        if (!strcmp(u->key, key))
            return true;
    return false;
}

static void refuse(struct tl_supervisor *s, const char *key)
{
    if (tl_server_refused(s, key))
        return;
    struct tl_unservable *u = tl_calloc(1, sizeof *u);
    u->key = tl_strdup(key);
    u->next = s->unservable;
    s->unservable = u;
}

/* The child that is being made, or the spare, is nobody's any more. As long as it lives it stays in the
 * server's list, and is killed with it. */
static void forget_child(struct tl_server *v)
{
    tl_streams_close(&v->handed);
    v->asked = false;
    v->new_child = NULL;
    v->told = 0;
}

/* The trial that waits for a child of this server goes back to the queue. */
static void give_up(struct tl_server *v)
{
    struct tl_trial *t = v->trial;
    v->trial = NULL;
    forget_child(v);
    tl_server_kill(v);
    if (!t)
        return;
    if (++t->server_failures >= SERVER_TRIES && !v->ready)
        refuse(v->supervisor, v->key);
    tl_supervisor_requeue(v->supervisor, t);
}

static void on_deadline(void *arg)
{
    give_up(arg);
}

static void set_deadline(struct tl_server *v, double seconds)
{
    tl_deadline_set(&v->deadline, v->supervisor->loop, &v->supervisor->clock, seconds, on_deadline, v);
}

/* Asks for a child for v->trial, or for a spare. */
static void ask_for_child(struct tl_server *v)
{
    struct tl_streams theirs;
    struct tl_error e;
    if (tl_streams_make(&v->handed, &theirs, true, &e)) {
        struct tl_trial *t = v->trial;
        v->trial = NULL;
        if (t)
            tl_trial_fail_to_start(t, &e);
        return;
    }
    v->asked = true;
    int fds[] = {theirs.protocol, theirs.out, theirs.err};
    json_t *message = json_pack("{s:i}", "fork", 1);
    int result = tl_send_line(v->io[0].fd, message, fds, 3);
    json_decref(message);
    tl_streams_close(&theirs);
    if (result)
        give_up(v);
    else
        set_deadline(v, FORK_TIME_S);
}

/* The child becomes the trial's. */
static void give_child(struct tl_server *v)
{
    struct tl_trial *t = v->trial;
    struct tl_process *p = v->new_child;
    struct tl_streams ours = v->handed;
    struct tl_error e;
    v->trial = NULL;
    v->handed = (struct tl_streams){-1, -1, -1};
    forget_child(v);
    tl_process_give(p, t);
    t->below = v;
    v->n_trials++;
    t->main_pid = p->pid;
    t->executed = true;
    t->record.fresh = false;
    tl_child_limits(p->pid, &t->child_limits);
    tl_refusal_begin(p, t->child_limits.memory_mb << 20);
    int result = tl_trial_connect(t, &ours, &e);
    if (!result && tl_send_line(t->io[0].fd, t->request, NULL, 0))
        result = tl_fail_errno(&e, TL_ERROR_INPUT, errno, "cannot send the request of a trial",
                               t->record.unit, NULL);
    if (!result)
        result = tl_trial_began(t, &e);
    if (result)
        tl_trial_fail_to_start(t, &e);
    tl_trace_release(v->supervisor, p);
    tl_supervisor_kick(v->supervisor); /* it is time for a spare */
}

static bool has_child(const struct tl_server *v)
{
    return v->new_child && v->told;
}

static void maybe_give_child(struct tl_server *v)
{
    if (!has_child(v)) /* both words must be in */
        return;
    if (!tl_warden_means(v->new_child->pid, v->told)) {
        give_up(v);
        return;
    }
    tl_deadline_stop(&v->deadline);
    if (v->trial)
        give_child(v);
    else
        tl_trace_release(v->supervisor, v->new_child);
}

void tl_server_forked(struct tl_server *v, struct tl_process *child)
{
    if (v->new_child || !v->asked) { /* a second one, or unasked: its own affair */
        child->claimed = true;
        return;
    }
    v->new_child = child;
    maybe_give_child(v);
}

void tl_server_process_ends(struct tl_server *v, const struct tl_process *p)
{
    if (v->new_child != p)
        return;
    v->new_child = NULL;
    if (v->told) /* the spare: the next trial asks again. Else the server's word is still to come */
        forget_child(v);
}

void tl_server_process_gone(struct tl_server *v, bool was_main)
{
    if (was_main) {
        v->ended = true;
        give_up(v);
    }
    server_maybe_free(v);
}

static void on_line(struct tl_server *v, const char *line, size_t length)
{
    struct tl_message m;
    struct tl_error e;
    if (tl_message_parse(line, length, &m, &e)) {
        give_up(v);
        return;
    }
    if (m.kind == TL_MESSAGE_SERVING && !v->ready) {
        v->ready = true;
        tl_deadline_stop(&v->deadline);
        if (v->trial)
            ask_for_child(v);
    } else if (m.kind == TL_MESSAGE_FORKED && v->asked && !v->told) {
        v->told = m.pid;
        maybe_give_child(v);
    } else if (m.kind != TL_MESSAGE_PHASE) { /* it refuses, or says what it should not */
        if (m.kind == TL_MESSAGE_ERROR && !v->ready)
            refuse(v->supervisor, v->key);
        give_up(v);
    }
    tl_message_free(&m);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    static char block[1 << 16];
    struct tl_server *v = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < 3; i++) {
        if (v->io[i].poll != poll)
            continue;
        ssize_t n = read(v->io[i].fd, block, sizeof block);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            tl_stream_close(&v->io[i]);
            return;
        }
        if (i) {
            tl_output_ends_feed(i == 1 ? &v->out : &v->err, block, (size_t)n);
            return;
        }
        const char *bytes = block, *line;
        size_t size = (size_t)n, length;
        enum tl_line kind;
        while (!v->killed &&
               (kind = tl_line_next(&v->reader, &bytes, &size, &line, &length)) != TL_LINE_NONE) {
            if (kind == TL_LINE_TOO_LONG)
                give_up(v);
            else
                on_line(v, line, length);
        }
        return;
    }
}

/* One that never ran. */
static int drop_server(struct tl_server *v)
{
    v->ended = true;
    server_maybe_free(v);
    return -1;
}

static int start_server(struct tl_supervisor *s, struct tl_slot *slot, struct tl_trial *t, struct tl_error *e)
{
    struct tl_server *v = tl_calloc(1, sizeof *v);
    v->supervisor = s;
    v->key = tl_strdup(t->server_key);
    v->handed = (struct tl_streams){-1, -1, -1};
    tl_warden_want(&v->warden, &slot->cgroup, false, s->options.warden);
    v->io[0].fd = v->io[1].fd = v->io[2].fd = -1;
    /* Its name is its own: the server before it in this slot may still have to end, and its directory to
     * go. */
    v->scratch = tl_format("%s/server-%zu", s->scratch_root, ++s->n_servers);
    v->next = s->servers;
    s->servers = v;
    if (mkdir(v->scratch, 0700)) {
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a scratch directory", v->scratch, NULL);
        return drop_server(v);
    }
    if (s->sandbox && tl_sandbox_give(s->sandbox, v->scratch, e))
        return drop_server(v);
    if (s->sandbox) {
        tl_sandbox_want(s->sandbox, &v->warden);
        t->scratch_base = v->scratch;
    }
    if (tl_trial_prepare(t, e))
        return drop_server(v);
    const struct tl_sandbox_place place = {
        .sandbox = s->sandbox, .scratch = v->scratch, .memory_mb = t->limits.memory_mb};
    char **env = tl_trial_environment(t->env, v->scratch);
    struct tl_child_request request = {
        .argv = t->argv,
        .env = env,
        .directory = v->scratch,
        .cgroup = &slot->cgroup,
        .warden = &v->warden,
        .place = s->sandbox ? &place : NULL,
        .protocol = true,
        .watch_calls = true,
        .watch_memory = true, /* not every trial of it needs to have the same limit */
        .limits = t->child_limits,
    };
    struct tl_streams ours;
    int gate;
    tl_cgroup_limit(&slot->cgroup, &t->limits);
    int spawned = tl_child_spawn(&request, &v->pid, &gate, &ours, e);
    tl_strings_free(env);
    if (spawned)
        return drop_server(v);
    if (tl_trace_attach(s, v->pid, NULL, v, e)) {
        tl_streams_close(&ours);
        tl_child_release(v->pid, gate, false);
        tl_warden_end(&v->warden);
        return drop_server(v);
    }
    tl_refusal_begin(v->processes, t->child_limits.memory_mb << 20);
    v->slot = slot;
    slot->server = v;
    v->trial = t;
    int fds[] = {ours.protocol, ours.out, ours.err};
    for (int i = 0; i < 3; i++)
        tl_stream_open(s, &v->io[i], fds[i], on_readable, v);
    set_deadline(v, t->limits.timeout_s > 0 ? t->limits.timeout_s : 3600);
    bool sent = !tl_send_line(v->io[0].fd, t->server_request, NULL, 0);
    if (tl_child_release(v->pid, gate, sent) || !sent)
        give_up(v);
    return 0;
}

/* Whether a child is dead, though its end has not come round to us. */
static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) && info.si_pid == pid;
}

int tl_server_run(struct tl_supervisor *s, struct tl_slot *slot, struct tl_trial *t, struct tl_error *e)
{
    if (slot->server && (t->new_server || strcmp(slot->server->key, t->server_key) != 0))
        tl_server_kill(slot->server);
    t->state = TL_TRIAL_FORKING;
    if (!slot->server)
        return start_server(s, slot, t, e);
    struct tl_server *v = slot->server;
    t->scratch_base = s->sandbox ? v->scratch : NULL;
    tl_cgroup_limit(&slot->cgroup, &t->limits);
    if (has_child(v) && has_ended(v->new_child->pid))
        forget_child(v);
    v->trial = t;
    if (!v->asked)
        ask_for_child(v);
    /* While it forks: what the child needs, and the intent. It is held until both are there. */
    if (v->trial == t && (tl_trial_prepare(t, e) || tl_trial_announce(t, e))) {
        v->trial = NULL;
        tl_server_kill(v); /* with the child that it was asked for */
        return -1;
    }
    if (v->trial == t && has_child(v))
        give_child(v);
    return 0;
}

bool tl_server_make_spare(struct tl_server *v)
{
    if (!v->ready || v->killed || v->trial || v->asked)
        return false;
    ask_for_child(v);
    return true;
}
