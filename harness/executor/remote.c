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
#include "db/query.h"
#include "db/ran_on.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/plural.h"
#include "harness/executor/remote_announced.h"
#include "harness/executor/remote_files.h"
#include "harness/executor/remote_impl.h"
#include "harness/executor/remote_job.h"
#include "harness/executor/remote_outputs.h"
#include "harness/executor/remote_reference.h"
#include "harness/verdict/classify.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_NS UINT64_C(30000000000) /* between two looks after what is not answered */
#define EARLIER_US 3600000000         /* of clocks that differ */
#define CATCH_UP_MS 20000
#define WITHDRAW_MS 3000 /* that a server is given to say what had begun */
#define REFUSED_MOST 3   /* records of one job that are none */

struct tl_job *tl_remote_find(struct tl_executor *x, const char *id)
{
    for (struct tl_job *j = x->alive; id && j; j = j->newer)
        if (j->remote_id[0] && !strcmp(j->remote_id, id))
            return j;
    return NULL;
}

/* What is asked of the link about a job. */
static json_t *about(const char *what, const struct tl_asked *a)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s*}", what, a->job_id, "kind", a->kind, "device", a->device, "trial",
                     a->trial_id, "machine", a->machine && *a->machine ? a->machine : NULL);
}

static json_t *about_job(const char *what, const struct tl_job *j)
{
    const struct tl_asked a = {.job_id = j->remote_id,
                               .trial_id = j->id,
                               .kind = j->remote_class,
                               .device = j->unit->device,
                               .machine = j->on};
    return about(what, &a);
}

/* --- records -------------------------------------------------------------------------------------------- */

/* Where it ran, and that its environment is of the kind that was asked. A clock that goes wrong elsewhere does not make a trial older than the
 * question. */
int tl_remote_place(struct tl_executor *x, const struct tl_remote_question *q,
                    const struct tl_remote_came *came, struct tl_trial_record *r, struct tl_error *e)
{
    const struct tl_ran_on on = {q->machine, came->delivered, q->job_id, came->session_id};
    int64_t now = tl_wall_us();
    r->started_us = r->started_us < q->asked_us ? q->asked_us : r->started_us > now ? now : r->started_us;
    if (came->is_trial && q->stands_for && *q->stands_for &&
        tl_kind_has(x->store, q->stands_for, r->environment_id, e))
        return -1;
    return tl_ran_on_put(x->store, r->id, &on, e);
}

void tl_remote_warn(struct tl_executor *x, const struct tl_error *e)
{
    char *text = tl_error_text(e);
    tl_executor_warn(x, text);
    free(text);
}

/* Of a job whose record is none there may be a right one still, for whoever has a key can send records of any job: one that it was not given.
 * Where it was given to who sent that, the server has it no more, and it is asked for again. */
static bool waits_on(struct tl_job *j, const struct tl_error *e)
{
    struct tl_error why;
    if (e->kind != TL_ERROR_INPUT || ++j->refused >= REFUSED_MOST)
        return false;
    tl_remote_warn(j->x, e);
    j->missed = 1;
    return !tl_fleet_link_send(j->x->remote->link, about_job("look", j), NULL, 0, &why);
}

/* Where nothing is said of them the machine has none: it has answered from its database. */
static int take_outputs(const struct tl_job *j, const struct tl_remote_came *came,
                        const struct tl_trial_record *r, struct tl_error *e)
{
    const char *why = json_string_value(json_object_get(came->outputs, "why"));
    if (!j->keep_outputs || !came->outputs || !json_object_get(r->result, "outputs"))
        return 0;
    if (why)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "outputs of a trial cannot be brought here", r->id, "%s",
                       why);
    char *directory = tl_format("%s/%s", j->keep_outputs, r->id);
    int result = tl_remote_outputs_take(came->outputs, directory, r->result, e);
    free(directory);
    return result;
}

/* What was asked for; what came of it is read into it. */
static void take_record(struct tl_job *j, const char *machine, const struct tl_frame_in *f)
{
    struct tl_executor *x = j->x;
    struct tl_trial_record *r = &j->ready;
    struct tl_remote_came came;
    const struct tl_remote_question q = {j->remote_id, machine, j->stands_for, j->asked_us};
    struct tl_error e, named;
    tl_job_prepare(j);
    int result =
        tl_remote_record_read(x->store, f->body, f->size, j->remote_id,
                              tl_remote_kind_tells(j->c->document) ? j->unit->kind : NULL, r, &came, &e);
    if (result < 0) {
        tl_fail(&named, e.kind, "a record of a machine of the fleet is refused", machine, "%s%s%s", e.where,
                *e.where ? ": " : "", e.why);
        e = named;
    }
    if (result < 0 && waits_on(j, &e)) {
        tl_remote_came_free(&came);
        tl_trial_record_free(r);
        *r = (struct tl_trial_record){0};
        return;
    }
    if (result < 0 && e.kind != TL_ERROR_INPUT) {
        /* Of this machine: it stays asked for, and the next command takes what came of it. */
        tl_remote_came_free(&came);
        j->remote_id[0] = '\0';
        tl_executor_fail_all(x, &e);
        return;
    }
    bool given = !result && tl_verdict_is_given(r);
    bool failed = tl_asked_done(x->store, j->remote_id, &named) ||
                  (given && (tl_remote_place(x, &q, &came, r, &named) ||
                             tl_remote_reference_take(j, machine, came.more, &named) ||
                             take_outputs(j, &came, r, &named)));
    tl_remote_came_free(&came);
    if (failed) {
        tl_executor_fail_all(x, &named);
    } else if (given) {
        tl_record_add_metrics(j->c, r);
        tl_job_answer(j, r, true);
        return;
    } else if (!result) {
        tl_fail(&named, TL_ERROR_ENVIRONMENT, "another machine cannot run a trial", machine, "%s",
                r->message ? r->message : "it does not say why");
    } else if (result > 0) {
        tl_fail(&named, e.kind, e.what, e.where, "%s says: %s", machine, e.why);
    } else {
        named = e;
    }
    tl_trial_record_free(r);
    *r = (struct tl_trial_record){0};
    tl_job_cannot(j, &named);
}

/* --- what nothing is heard of --------------------------------------------------------------------------- */

static int look_after(void *arg, const struct tl_asked *a, struct tl_error *e)
{
    struct tl_executor *x = arg;
    return tl_fleet_link_send(x->remote->link, about("look", a), NULL, 0, e);
}

/* Notes which these are, and looks after them. */
struct look {
    struct tl_executor *x;
    json_t *asked;
};

static int look_after_each(void *arg, const struct tl_asked *a, struct tl_error *e)
{
    struct look *k = arg;
    json_object_set_new(k->asked, a->job_id, json_true());
    return look_after(k->x, a, e);
}

/* One that is waited for and not asked for any more: another command of this database has taken the record, which need not be on the server by
 * now. */
static void answer_recorded(struct tl_executor *x, const json_t *asked)
{
    struct tl_error ignored;
    for (struct tl_job *j = x->alive, *next; j; j = next) {
        next = j->newer;
        if (!j->remote_id[0] || j->remote_text || j->withdrawn || json_object_get(asked, j->remote_id) ||
            tl_query_trial(x->store, j->id, &j->ready, &ignored))
            continue;
        tl_job_answer(j, &j->ready, true);
        next = x->alive; /* who was told may have freed others, and asked for more */
    }
}

static int look_after_all(struct tl_executor *x, struct tl_error *e)
{
    struct look k = {x, json_object()};
    int result =
        tl_asked_each(x->store, NULL, look_after_each, &k, NULL, e); /* of commands that are gone, too */
    if (!result)
        answer_recorded(x, k.asked);
    json_decref(k.asked);
    return result;
}

static int send_again(void *arg, const struct tl_asked *a, struct tl_error *e)
{
    struct tl_executor *x = arg;
    if (!a->job) /* damaged: nobody can know any more what it was */
        return 0;
    json_t *head = about("job", a);
    json_object_set_new(head, "again", json_true());
    return tl_fleet_link_send(x->remote->link, head, a->job, strlen(a->job), e);
}

/* The server has no trace of a job, or nobody is going to run it. Of one that is waited for the record may be on its way, so a second look is taken. */
static void on_missing(struct tl_executor *x, const char *id)
{
    struct tl_job *j = tl_remote_find(x, id);
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
    x->remote->caught_up = true;
    if (tl_asked_each(x->store, NULL, look_after, x, NULL, &e))
        tl_executor_fail_all(x, &e);
}

/* --- frames --------------------------------------------------------------------------------------------- */

static void on_refused(struct tl_executor *x, const char *id, const json_t *failed)
{
    struct tl_job *j = tl_remote_find(x, id);
    struct tl_error e, ignored;
    tl_frame_take_error(failed, &e);
    if (!j)
        return;
    tl_asked_done(x->store, id, &ignored);
    tl_job_cannot(j, &e);
}

/* Of one that has begun the record is wanted still, by the next command. */
static void on_withdrawn(struct tl_executor *x, const char *id, bool begun)
{
    struct tl_error e;
    x->remote->withdrawn++;
    x->remote->begun += begun;
    if (!begun && tl_asked_done(x->store, id, &e))
        tl_executor_fail_all(x, &e);
}

static void tell_waiting(struct tl_executor *x, const json_t *told)
{
    struct tl_error e;
    tl_frame_take_error(told, &e);
    char *text = tl_error_text(&e);
    tl_executor_warn(x, text);
    free(text);
}

static void on_frame(struct tl_executor *x, const struct tl_frame_in *f)
{
    const json_t *failed = json_object_get(f->head, "failed");
    const char *id = json_string_value(json_object_get(f->head, "record")),
               *refused = json_string_value(json_object_get(f->head, "refused")),
               *looked = json_string_value(json_object_get(f->head, "looked")),
               *withdrawn = json_string_value(json_object_get(f->head, "withdrawn")),
               *machine = json_string_value(json_object_get(f->head, "machine"));
    struct tl_job *j = x->closing ? NULL : tl_remote_find(x, id);
    struct tl_error e;
    json_int_t number = json_integer_value(json_object_get(f->head, "number"));
    if (id && number > x->remote->last)
        x->remote->last = number;
    if (id && j) {
        take_record(j, machine ? machine : "a worker", f);
    } else if (id) {
        tl_remote_take_late(x, id, machine ? machine : "a worker", f);
    } else if (withdrawn) {
        on_withdrawn(x, withdrawn, json_is_true(json_object_get(f->head, "begun")));
    } else if (refused) {
        on_refused(x, refused, failed);
    } else if (looked && !json_is_true(json_object_get(f->head, "there"))) {
        on_missing(x, looked);
    } else if (json_object_get(f->head, "waiting")) {
        tell_waiting(x, json_object_get(f->head, "waiting"));
    } else if (json_object_get(f->head, "caught_up")) {
        on_caught_up(x);
    } else if (failed) {
        tl_frame_take_error(failed, &e);
        tl_executor_fail_all(x, &e);
    }
}

/* Frames that the link has not read yet go when it does. */
static void poll_for(struct tl_executor *x)
{
    struct tl_remote *r = x->remote;
    int events = UV_READABLE | (tl_fleet_link_is_behind(r->link) ? UV_WRITABLE : 0);
    if (r->events && r->events != events && !uv_poll_start(&r->poll, events, r->poll_cb))
        r->events = events;
}

static void on_ready(uv_poll_t *poll, int status, int events)
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
        x->remote->events = 0;
        tl_executor_fail_all(x, &e);
    } else {
        poll_for(x);
    }
}

void tl_remote_listen(struct tl_executor *x)
{
    x->remote->poll_cb = on_ready;
    x->remote->events = UV_READABLE;
    uv_poll_start(&x->remote->poll, UV_READABLE, on_ready);
    poll_for(x);
}

static int went_wrong(const struct tl_executor *x, struct tl_error *e)
{
    if (x->failed)
        *e = x->failure;
    return x->failed ? -1 : 0;
}

/* Records of earlier commands may come before the answer. */
int tl_remote_wait_for(struct tl_executor *x, const char *key, int wait_ms, struct tl_frame_in *f,
                       struct tl_error *e)
{
    uint64_t since = tl_monotonic_ns();
    while ((tl_monotonic_ns() - since) / 1000000 < (uint64_t)wait_ms) {
        int got = tl_fleet_link_next(x->remote->link, wait_ms, f, e);
        if (got < 0)
            return -1;
        if (got && json_object_get(f->head, key))
            return 0;
        if (got)
            on_frame(x, f);
        tl_frame_in_free(f);
        if (went_wrong(x, e))
            return -1;
    }
    return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot reach the fleet", "", "no answer within %d s",
                   wait_ms / 1000);
}

int tl_remote_catch_up(struct tl_executor *x, struct tl_error *e)
{
    uint64_t since = tl_monotonic_ns();
    struct tl_frame_in f;
    while (!x->remote->caught_up && (tl_monotonic_ns() - since) / 1000000 < CATCH_UP_MS) {
        int got = tl_fleet_link_next(x->remote->link, 200, &f, e);
        if (got > 0)
            on_frame(x, &f);
        tl_frame_in_free(&f);
        if (got < 0 || went_wrong(x, e))
            return -1;
    }
    return 0;
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
                              json_pack("{s:s,s:I,s:b}", "listen", tl_store_database_id(x->store), "since_us",
                                        (json_int_t)(first_us ? first_us - EARLIER_US : 0), "low", x->yields),
                              NULL, 0, e);
}

int tl_remote_begin(struct tl_executor *x, struct tl_fleet_link *link, bool own_each, struct tl_error *e)
{
    struct tl_remote *remote = x->remote = tl_calloc(1, sizeof *remote);
    remote->link = link;
    if (x->anew)
        tl_uuid7(remote->own_generation);
    remote->generation = own_each ? NULL : remote->own_generation;
    remote->sent = json_object();
    remote->repeats = json_object();
    int err = uv_poll_init(&x->loop, &remote->poll, tl_fleet_link_fd(link));
    if (err) {
        json_decref(remote->sent);
        json_decref(remote->repeats);
        free(remote);
        x->remote = NULL;
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, -err, "cannot listen to the fleet", "", NULL);
    }
    remote->poll.data = x;
    remote->look_ns = tl_monotonic_ns() + LOOK_NS;
    return listen_from(x, e);
}

/* Whoever asked is answered, so they were sent. */
static void end_archives(struct tl_remote *r)
{
    for (size_t i = 0; i < r->n_archives; i++) {
        unlink(r->archives[i]);
        free(r->archives[i]);
    }
    free(r->archives);
}

static void on_closed(uv_handle_t *handle)
{
    struct tl_executor *x = handle->data;
    json_decref(x->remote->machines);
    json_decref(x->remote->away);
    json_decref(x->remote->sent);
    json_decref(x->remote->repeats);
    json_decref(x->remote->files);
    free(x->remote->on);
    end_archives(x->remote);
    free(x->remote);
    x->remote = NULL;
}

/* The server need not keep what is in the database for good. */
static int tell_recorded(struct tl_executor *x, struct tl_error *e)
{
    struct tl_remote *r = x->remote;
    if (r->last <= r->recorded || tl_executor_unsaved(x))
        return 0;
    r->recorded = r->last;
    return tl_fleet_link_send(r->link, json_pack("{s:I}", "recorded", r->recorded), NULL, 0, e);
}

void tl_remote_end(struct tl_executor *x)
{
    struct tl_error ignored;
    if (x->remote && !x->failed && x->remote->last > x->remote->recorded &&
        !tl_store_flush(x->store, &ignored))
        tell_recorded(x, &ignored);
    if (x->remote)
        uv_close((uv_handle_t *)&x->remote->poll, on_closed);
}

/* --- jobs ----------------------------------------------------------------------------------------------- */

/* The files of a case go before its first job. */
int tl_remote_send_files(struct tl_executor *x, const struct tl_case *c, struct tl_error *e)
{
    struct tl_remote *r = x->remote;
    char *archive;
    json_t *one;
    size_t i;
    if (r->files_of == c)
        return 0;
    json_decref(r->files);
    r->files_of = NULL;
    if (!(r->files = tl_remote_files_all(c, &archive, e)))
        return -1;
    if (archive)
        *TL_GROW(r->archives, r->n_archives) = archive;
    json_array_foreach(r->files, i, one) {
        const char *sha = json_string_value(json_object_get(one, "sha256"));
        char *path = one == tl_remote_files_archive(r->files)
                         ? tl_strdup(archive)
                         : tl_format("%s/%s", c->directory, json_string_value(json_object_get(one, "name")));
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

/* Asks for it, unless that was done before and it is not answered yet. */
static int ask(struct tl_job *j, struct tl_error *e)
{
    struct tl_executor *x = j->x;
    struct tl_remote *r = x->remote;
    char *text;
    const struct tl_remote_wish wish = {
        .id = j->remote_id,
        .trial_id = j->id,
        .submitter = tl_store_database_id(x->store),
        .kind = j->remote_class,
        .c = j->c,
        .variant = &j->variant,
        .unit = j->unit->text,
        .files = r->files,
        .fresh = j->fresh,
        .new_server = j->new_server,
        .outputs = j->keep_outputs != NULL,
        .timeout_s = j->timeout_s,
    };
    if (tl_remote_job_write(&wish, &text, e))
        return -1;
    tl_remote_choose(j);
    j->asked_us = tl_wall_us();
    const struct tl_asked asked = {
        .job_id = j->remote_id,
        .trial_id = j->id,
        .case_name = j->c->name,
        .case_hash = j->c->hash,
        .variant = j->variant_json,
        .variant_hash = j->variant_hash,
        .unit = j->unit->text,
        .kind = j->remote_class,
        .device = j->unit->device,
        .asked_us = j->asked_us,
        .stands_for = j->stands_for,
        .machine = *j->on ? j->on : NULL,
        .job = text,
    };
    if (tl_asked_put(x->store, &asked, e)) {
        free(text);
        return -1;
    }
    j->remote_text = text;
    r->unsent = true;
    return 0;
}

int tl_remote_submit(struct tl_job *j, struct tl_error *e)
{
    bool known;
    if (j->model || j->inputs || j->own_reference_place)
        return tl_fail(e, TL_ERROR_INPUT, "this cannot be run by a fleet", j->c->path,
                       "it needs files that are made here; run it without --fleet");
    memcpy(j->stands_for, j->unit->place->stands_for, sizeof j->stands_for);
    unsigned needs = tl_remote_needs(j->c->document);
    tl_remote_class(j->unit->kind, needs, j->remote_class);
    if (tl_remote_check_allowed(j, needs, e) || tl_remote_send_files(j->x, j->c, e) ||
        tl_remote_name(j, &known, e))
        return -1;
    return known ? 0 : ask(j, e);
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
        result = tl_fleet_link_send(x->remote->link, about_job("job", j), j->remote_text,
                                    strlen(j->remote_text), e);
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
    if (tell_recorded(x, e))
        return -1;
    if (now >= r->look_ns) {
        r->look_ns = now + LOOK_NS;
        if (look_after_all(x, e))
            return -1;
    }
    poll_for(x);
    return 0;
}

/* --- what is not waited for any more -------------------------------------------------------------------- */

/* What is to be withdrawn is told to the link. Where the server cannot be asked, what comes of it is wanted still. */
static size_t withdraw_all(struct tl_executor *x)
{
    struct tl_error ignored;
    size_t n = 0;
    for (struct tl_job *j = x->alive; j; j = j->newer) {
        if (!j->remote_id[0] || j->withdrawn)
            continue;
        j->withdrawn = true;
        if (j->remote_text) /* it never went */
            tl_asked_done(x->store, j->remote_id, &ignored);
        else
            n += !tl_fleet_link_send(x->remote->link, about_job("withdraw", j), NULL, 0, &ignored);
    }
    return n;
}

void tl_remote_withdraw(struct tl_executor *x)
{
    struct tl_remote *r = x->remote;
    uint64_t since = tl_monotonic_ns();
    size_t n = r->withdrawing += withdraw_all(x);
    struct tl_frame_in f;
    struct tl_error ignored;
    while (r->withdrawn < n && (tl_monotonic_ns() - since) / 1000000 < WITHDRAW_MS) {
        int got = tl_fleet_link_next(r->link, 100, &f, &ignored);
        if (got > 0)
            on_frame(x, &f);
        tl_frame_in_free(&f);
        if (got < 0)
            break;
    }
    size_t left = r->begun + n - r->withdrawn;
    if (left) {
        char *text = tl_format(
            "%zu trial%s %s on other machines still: the next command with --fleet records what comes of %s",
            left, tl_plural(left), left == 1 ? "runs" : "run", left == 1 ? "it" : "them");
        tl_executor_warn(x, text);
        free(text);
    }
}

void tl_remote_stop(struct tl_executor *x)
{
    struct tl_remote *r = x->remote;
    r->withdrawing += withdraw_all(x);
    for (struct tl_job *j = x->alive, *next; j; j = next) {
        next = j->newer;
        if (!j->remote_id[0])
            continue;
        tl_job_prepare(j);
        tl_verdict_not_run(tl_strdup("it was not waited for any longer"), &j->ready);
        tl_job_answer(j, &j->ready, false);
        next = x->alive; /* who was told may have freed others, and asked for more */
    }
}
