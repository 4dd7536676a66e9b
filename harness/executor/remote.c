/* Theory of operation. What is submitted with a fleet is never run here: no generator, reference or child. The whole job goes out, as
 * tl_executor_submit was asked for it, and the worker's own executor does with it what this one would have done. Its record comes in
 * through the loop, is given the identity that was asked for, and is stored as if the trial had run here, in the environment that the worker
 * tells of.
 *
 * What was asked for is in the database, durable, before it goes out, and goes out of it with the trial that answers it. So a record that comes
 * after its command was killed is taken by the next one that listens, and what has left neither a record nor a message on the server, because
 * somebody swallowed it or the server lost it, is sent again: by the same id, so that it is one trial however often it is run.
 *
 * The link waits for a server that is away, so nothing here does. */
#include "harness/executor/remote.h"

#include "db/asked.h"
#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/executor/remote_files.h"
#include "harness/executor/remote_job.h"
#include "harness/fleet/link.h"
#include "harness/verdict/classify.h"

#include <stdlib.h>
#include <string.h>

#define ASK_MS 10000
#define LOOK_NS UINT64_C(30000000000) /* between two looks after what is not answered */
#define EARLIER_US 3600000000         /* of clocks that differ */
#define SILENT_US 35000000            /* of a machine that announces itself every ten seconds */

struct tl_remote {
    struct tl_fleet_link *link; /* borrowed */
    uv_poll_t poll;
    json_t *machines;               /* as the link told them; NULL: not asked yet */
    uint64_t asked;                 /* jobs so far */
    json_t *sent;                   /* contents that the server has, by their hash */
    const struct tl_case *files_of; /* and the files of the case that was asked for last */
    json_t *files;
    bool unsent;      /* there are jobs that wait to be sent */
    uint64_t look_ns; /* when, by the monotonic clock, it is looked after them next */
};

static struct tl_job *find_job(struct tl_executor *x, const char *id)
{
    for (struct tl_job *j = x->alive; id && j; j = j->newer)
        if (j->remote_id[0] && !strcmp(j->remote_id, id))
            return j;
    return NULL;
}

/* What was asked for; what came of it is read into it. */
static void take_record(struct tl_job *j, const char *machine, const struct tl_frame_in *f)
{
    struct tl_executor *x = j->x;
    struct tl_trial_record *r = &j->ready;
    struct tl_error e, named;
    tl_job_prepare(j);
    int result = tl_remote_record_read(x->store, f->body, f->size, j->remote_id, r, &e);
    if (tl_asked_done(x->store, j->remote_id, &named)) {
        tl_executor_fail_all(x, &named);
    } else if (!result && tl_verdict_is_given(r)) {
        tl_job_add_metrics(j, r);
        tl_job_answer(j, r, true);
        return;
    } else if (!result) {
        tl_fail(&named, TL_ERROR_ENVIRONMENT, "another machine cannot run a trial", machine, "%s",
                r->message ? r->message : "it does not say why");
    } else {
        tl_fail(&named, e.kind, e.what, e.where, "%s says: %s", machine, e.why);
    }
    tl_trial_record_free(r);
    *r = (struct tl_trial_record){0};
    tl_job_cannot(j, &named);
}

/* A record for a command that is gone. */
struct late {
    struct tl_executor *x;
    const struct tl_frame_in *f;
    struct tl_trial_record r;
    char session_id[TL_UUID_SIZE];
    bool is_trial;
};

/* What it had asked for says whose it is. */
static int take_earlier(void *arg, const struct tl_asked *a, struct tl_error *e)
{
    struct late *k = arg;
    struct tl_trial_record *r = &k->r;
    struct tl_error why;
    (void)e;
    snprintf(r->id, sizeof r->id, "%s", a->trial_id);
    snprintf(r->case_hash, sizeof r->case_hash, "%s", a->case_hash);
    snprintf(r->variant_hash, sizeof r->variant_hash, "%s", a->variant_hash);
    snprintf(k->session_id, sizeof k->session_id, "%s", a->session_id);
    r->case_name = tl_strdup(a->case_name);
    r->variant = tl_strdup(a->variant);
    r->unit = tl_strdup(a->unit);
    k->is_trial = !tl_remote_record_read(k->x->store, k->f->body, k->f->size, a->job_id, r, &why) &&
                  tl_verdict_is_given(r);
    return 0;
}

static void take_late_record(struct tl_executor *x, const char *id, const struct tl_frame_in *f)
{
    struct late k = {.x = x, .f = f};
    struct tl_error e;
    size_t n = 0;
    int result = tl_asked_each(x->store, id, take_earlier, &k, &n, &e);
    /* None: the second record of a job that was run twice. */
    if (!result && n)
        result = k.is_trial ? tl_asked_answer(x->store, id, k.session_id, &k.r, &e)
                            : tl_asked_done(x->store, id, &e);
    tl_trial_record_free(&k.r);
    if (result)
        tl_executor_fail_all(x, &e);
}

/* --- what nothing is heard of --------------------------------------------------------------------------- */

static int look_after(void *arg, const struct tl_asked *a, struct tl_error *e)
{
    struct tl_executor *x = arg;
    return tl_fleet_link_send(
        x->remote->link, json_pack("{s:s,s:s,s:s}", "look", a->job_id, "kind", a->kind, "device", a->device),
        NULL, 0, e);
}

static int send_again(void *arg, const struct tl_asked *a, struct tl_error *e)
{
    struct tl_executor *x = arg;
    if (!a->job) /* damaged: nobody can know any more what it was */
        return 0;
    return tl_fleet_link_send(
        x->remote->link,
        json_pack("{s:s,s:s,s:s,s:b}", "job", a->job_id, "kind", a->kind, "device", a->device, "again", 1),
        a->job, strlen(a->job), e);
}

/* The server has no trace of a job, or nobody is going to run it. Of one that is waited for the record may be on its way, so a second look is taken. */
static void on_missing(struct tl_executor *x, const char *id)
{
    struct tl_job *j = find_job(x, id);
    struct tl_error e;
    if (j && ++j->missed < 2)
        return;
    if (j)
        j->missed = 0;
    if (tl_asked_each(x->store, id, send_again, x, NULL, &e))
        tl_executor_fail_all(x, &e);
}

static void on_caught_up(struct tl_executor *x)
{
    struct tl_error e;
    if (tl_asked_each(x->store, NULL, look_after, x, NULL, &e))
        tl_executor_fail_all(x, &e);
}

/* --- frames --------------------------------------------------------------------------------------------- */

static void on_refused(struct tl_executor *x, const char *id, const json_t *failed)
{
    struct tl_job *j = find_job(x, id);
    struct tl_error e, ignored;
    tl_frame_take_error(failed, &e);
    if (!j)
        return;
    tl_asked_done(x->store, id, &ignored);
    tl_job_cannot(j, &e);
}

static void on_frame(struct tl_executor *x, const struct tl_frame_in *f)
{
    const json_t *failed = json_object_get(f->head, "failed");
    const char *id = json_string_value(json_object_get(f->head, "record")),
               *refused = json_string_value(json_object_get(f->head, "refused")),
               *looked = json_string_value(json_object_get(f->head, "looked")),
               *machine = json_string_value(json_object_get(f->head, "machine"));
    struct tl_job *j = find_job(x, id);
    struct tl_error e;
    if (id && j) {
        take_record(j, machine ? machine : "a worker", f);
    } else if (id) {
        take_late_record(x, id, f);
    } else if (refused) {
        on_refused(x, refused, failed);
    } else if (looked && !json_is_true(json_object_get(f->head, "there"))) {
        on_missing(x, looked);
    } else if (json_object_get(f->head, "caught_up")) {
        on_caught_up(x);
    } else if (failed) {
        tl_frame_take_error(failed, &e);
        tl_executor_fail_all(x, &e);
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct tl_executor *x = poll->data;
    struct tl_frame_in f;
    struct tl_error e;
    int got;
    (void)status;
    (void)events;
    while ((got = tl_fleet_link_next(x->remote->link, 0, &f, &e)) > 0) {
        on_frame(x, &f);
        tl_frame_in_free(&f);
    }
    if (got < 0) {
        uv_poll_stop(poll);
        tl_executor_fail_all(x, &e);
    }
}

static int note_first(void *arg, const struct tl_asked *a, struct tl_error *e)
{
    int64_t *first = arg;
    (void)e;
    if (!*first)
        *first = a->asked_us;
    return 0;
}

/* From the first thing on that is not answered, whoever asked for it. */
static int listen_from(struct tl_executor *x, struct tl_error *e)
{
    int64_t first_us = 0;
    if (tl_asked_each(x->store, NULL, note_first, &first_us, NULL, e))
        return -1;
    return tl_fleet_link_send(x->remote->link,
                              json_pack("{s:s,s:I}", "listen", tl_store_database_id(x->store), "since_us",
                                        (json_int_t)(first_us ? first_us - EARLIER_US : 0)),
                              NULL, 0, e);
}

int tl_remote_begin(struct tl_executor *x, struct tl_fleet_link *link, struct tl_error *e)
{
    struct tl_remote *remote = x->remote = tl_calloc(1, sizeof *remote);
    remote->link = link;
    remote->sent = json_object();
    int err = uv_poll_init(&x->loop, &remote->poll, tl_fleet_link_fd(link));
    if (err) {
        json_decref(remote->sent);
        free(remote);
        x->remote = NULL;
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, -err, "cannot listen to the fleet", "", NULL);
    }
    remote->poll.data = x;
    remote->look_ns = tl_monotonic_ns() + LOOK_NS;
    return listen_from(x, e);
}

static void on_closed(uv_handle_t *handle)
{
    struct tl_executor *x = handle->data;
    json_decref(x->remote->machines);
    json_decref(x->remote->sent);
    json_decref(x->remote->files);
    free(x->remote);
    x->remote = NULL;
}

void tl_remote_end(struct tl_executor *x)
{
    if (x->remote)
        uv_close((uv_handle_t *)&x->remote->poll, on_closed);
}

/* --- units ---------------------------------------------------------------------------------------------- */

/* Records of earlier commands may come before the answer. */
static int wait_for_machines(struct tl_executor *x, struct tl_frame_in *f, struct tl_error *e)
{
    uint64_t since = tl_monotonic_ns();
    if (tl_fleet_link_send(x->remote->link, json_pack("{s:i}", "machines", 1), NULL, 0, e))
        return -1;
    while ((tl_monotonic_ns() - since) / 1000000 < ASK_MS) {
        int got = tl_fleet_link_next(x->remote->link, ASK_MS, f, e);
        if (got < 0)
            return -1;
        if (got && json_object_get(f->head, "machines"))
            return 0;
        if (got)
            on_frame(x, f);
        tl_frame_in_free(f);
        if (x->failed) {
            *e = x->failure;
            return -1;
        }
    }
    return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot reach the fleet", "", "no answer within %d s",
                   ASK_MS / 1000);
}

/* Asked once. */
static int ask_machines(struct tl_executor *x, struct tl_error *e)
{
    struct tl_frame_in f;
    if (x->remote->machines)
        return 0;
    if (wait_for_machines(x, &f, e))
        return -1;
    json_t *list = json_array(), *one;
    size_t i;
    json_array_foreach(json_object_get(f.head, "machines"), i, one) {
        const char *text = json_string_value(json_object_get(one, "announcement"));
        json_t *announced = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
        bool here = tl_wall_us() - json_integer_value(json_object_get(one, "at_us")) < SILENT_US;
        if (here && json_integer_value(json_object_get(announced, "protocol")) == TL_REMOTE_PROTOCOL)
            json_array_append(list, announced);
        json_decref(announced);
    }
    x->remote->machines = list;
    tl_frame_in_free(&f);
    uv_poll_start(&x->remote->poll, UV_READABLE, on_readable);
    return 0;
}

static const json_t *unit_in(const json_t *machine, const char *text)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(machine, "units"), i, one) {
        const char *unit = json_string_value(json_object_get(one, "unit"));
        if (unit && !strcmp(unit, text))
            return one;
    }
    return NULL;
}

/* How many trials machines of a kind run at a time. */
static unsigned places_of(const struct tl_executor *x, const char *text, const char *kind)
{
    unsigned places = 0;
    json_t *machine;
    size_t i;
    json_array_foreach(x->remote->machines, i, machine) {
        const char *its = json_string_value(json_object_get(unit_in(machine, text), "kind"));
        json_int_t n = json_integer_value(json_object_get(machine, "places"));
        if (its && kind && !strcmp(its, kind))
            places += n > 0 && n < 4096 ? (unsigned)n : 1;
    }
    return places;
}

static int no_machine(const struct tl_executor *x, const char *text, struct tl_error *e)
{
    struct tl_buffer known = TL_BUFFER_INIT;
    json_t *machine, *one;
    size_t i, k;
    json_array_foreach(x->remote->machines, i, machine)
        json_array_foreach(json_object_get(machine, "units"), k, one) {
            const char *unit = json_string_value(json_object_get(one, "unit"));
            if (unit && !strstr(known.data ? known.data : "", unit))
                tl_buffer_printf(&known, "%s%.64s", known.size ? ", " : "", unit);
        }
    int result = tl_fail(e, TL_ERROR_INPUT, "no machine of the fleet has this unit", text,
                         known.size ? "there are: %s" : "no worker is there; `trapline worker` starts one%s",
                         known.size ? known.data : "");
    tl_buffer_free(&known);
    return result;
}

int tl_remote_unit(struct tl_executor *x, struct tl_unit *u, struct tl_error *e)
{
    const json_t *best = NULL;
    unsigned most = 0;
    json_t *machine;
    size_t i;
    if (ask_machines(x, e))
        return -1;
    json_array_foreach(x->remote->machines, i, machine) {
        const json_t *one = unit_in(machine, u->text);
        const char *kind = json_string_value(json_object_get(one, "kind"));
        unsigned places = kind ? places_of(x, u->text, kind) : 0;
        if (places > most) {
            most = places;
            best = one;
        }
    }
    if (!best)
        return no_machine(x, u->text, e);
    u->kind = tl_strdup(json_string_value(json_object_get(best, "kind")));
    u->runner_version = tl_strdup(json_string_value(json_object_get(best, "runner_version")));
    u->can_serve = json_is_true(json_object_get(best, "serve"));
    u->os_build = tl_strdup(json_string_value(json_object_get(best, "os_build")));
    u->os = tl_strdup(json_string_value(json_object_get(best, "os")));
    u->model = tl_strdup(json_string_value(json_object_get(best, "model")));
    u->axes =
        json_is_array(json_object_get(best, "axes")) ? json_incref(json_object_get(best, "axes")) : NULL;
    u->usable = true;
    if (most > x->jobs)
        x->jobs = most;
    return 0;
}

/* --- jobs ----------------------------------------------------------------------------------------------- */

/* A job is known by what it asks for. Each repetition of a run is a trial of its own, as it would be here. */
static void name_job(struct tl_job *j)
{
    char *text = tl_format("job 1 %s %s %s %s %s %llu", j->c->hash, j->variant_hash, j->unit->text,
                           j->unit->kind, j->id, (unsigned long long)++j->x->remote->asked);
    tl_content_id(text, strlen(text), j->remote_id);
    free(text);
}

/* The files of a case go before its first job. */
static int send_files(struct tl_executor *x, const struct tl_case *c, struct tl_error *e)
{
    struct tl_remote *r = x->remote;
    json_t *one;
    size_t i;
    if (r->files_of == c)
        return 0;
    json_decref(r->files);
    r->files_of = NULL;
    if (!(r->files = tl_remote_files_of(c, e)))
        return -1;
    json_array_foreach(r->files, i, one) {
        const char *sha = json_string_value(json_object_get(one, "sha256"));
        char *path = tl_format("%s/%s", c->directory, json_string_value(json_object_get(one, "name")));
        int result = json_object_get(r->sent, sha)
                         ? 0
                         : tl_fleet_link_send(r->link,
                                              json_pack("{s:s,s:s,s:O}", "file", sha, "path", path, "size",
                                                        json_object_get(one, "size")),
                                              NULL, 0, e);
        free(path);
        if (result)
            return -1;
        json_object_set_new(r->sent, sha, json_true());
    }
    r->files_of = c;
    return 0;
}

int tl_remote_submit(struct tl_job *j, struct tl_error *e)
{
    struct tl_executor *x = j->x;
    char *text;
    name_job(j);
    if (send_files(x, j->c, e))
        return -1;
    const struct tl_remote_wish wish = {
        .id = j->remote_id,
        .trial_id = j->id,
        .submitter = tl_store_database_id(x->store),
        .kind = j->unit->kind,
        .c = j->c,
        .variant = &j->variant,
        .unit = j->unit->text,
        .files = x->remote->files,
        .fresh = j->fresh,
        .new_server = j->new_server,
        .timeout_s = j->timeout_s,
    };
    if (j->keep_outputs || j->model || j->inputs || j->own_reference_place)
        return tl_fail(e, TL_ERROR_INPUT, "this cannot be run by a fleet yet", j->c->path,
                       "outputs stay on the machine that made them; run it without --fleet");
    if (tl_remote_job_write(&wish, &text, e))
        return -1;
    const struct tl_asked asked = {
        .job_id = j->remote_id,
        .trial_id = j->id,
        .case_name = j->c->name,
        .case_hash = j->c->hash,
        .variant = j->variant_json,
        .variant_hash = j->variant_hash,
        .unit = j->unit->text,
        .kind = j->unit->kind,
        .device = j->unit->device,
        .asked_us = tl_wall_us(),
        .job = text,
    };
    if (tl_asked_put(x->store, &asked, e)) {
        free(text);
        return -1;
    }
    j->remote_text = text;
    x->remote->unsent = true;
    return 0;
}

/* The list begins with the newest, and the oldest goes first. */
static int send_unsent(struct tl_executor *x, struct tl_error *e)
{
    struct tl_job **list = NULL;
    size_t n = 0;
    int result = 0;
    for (struct tl_job *j = x->alive; j; j = j->newer)
        if (j->remote_text)
            *TL_GROW(list, n) = j;
    while (n-- > 0 && !result) {
        struct tl_job *j = list[n];
        result = tl_fleet_link_send(
            x->remote->link,
            json_pack("{s:s,s:s,s:s}", "job", j->remote_id, "kind", j->unit->kind, "device", j->unit->device),
            j->remote_text, strlen(j->remote_text), e);
        free(j->remote_text);
        j->remote_text = NULL;
    }
    free(list);
    return result;
}

int tl_remote_turn(struct tl_executor *x, struct tl_error *e)
{
    struct tl_remote *r = x->remote;
    uint64_t now = tl_monotonic_ns();
    if (x->failed)
        return 0;
    if (r->unsent && (tl_store_flush(x->store, e) || send_unsent(x, e))) /* one sync for all of them */
        return -1;
    r->unsent = false;
    if (now < r->look_ns)
        return 0;
    r->look_ns = now + LOOK_NS;
    return tl_asked_each(x->store, NULL, look_after, x, NULL, e); /* of commands that are gone, too */
}

void tl_remote_withdraw(struct tl_executor *x)
{
    struct tl_error ignored;
    for (struct tl_job *j = x->alive; j; j = j->newer) {
        if (!j->remote_id[0])
            continue;
        /* Where the server cannot be told, what comes of it is wanted still. */
        json_t *head = json_pack("{s:s,s:s,s:s}", "withdraw", j->remote_id, "kind", j->unit->kind, "device",
                                 j->unit->device);
        if (!tl_fleet_link_send(x->remote->link, head, NULL, 0, &ignored))
            tl_asked_done(x->store, j->remote_id, &ignored);
    }
}
