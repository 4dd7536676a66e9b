/* Theory of operation. What is submitted with a fleet is never run here: no generator, reference or child. The whole job goes out, as
 * tl_executor_submit was asked for it, and the worker's own executor does with it what this one would have done. Its record comes in
 * through the loop, is given the identity that was asked for, and is stored as if the trial had run here, in the environment that the worker
 * tells of.
 *
 * The link waits for a server that is away, so nothing here does. */
#include "harness/executor/remote.h"

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
#define SILENT_US 35000000 /* of a machine that announces itself every ten seconds */

struct tl_remote {
    struct tl_fleet_link *link; /* borrowed */
    uv_poll_t poll;
    json_t *machines;               /* as the link told them; NULL: not asked yet */
    uint64_t asked;                 /* jobs so far */
    json_t *sent;                   /* contents that the server has, by their hash */
    const struct tl_case *files_of; /* and the files of the case that was asked for last */
    json_t *files;
};

static struct tl_job *find_job(struct tl_executor *x, const char *id)
{
    for (struct tl_job *j = x->alive; id && j; j = j->newer)
        if (j->remote_id[0] && !strcmp(j->remote_id, id))
            return j;
    return NULL;
}

/* What was asked for; what came of it is read into it. */
static void take_record(struct tl_job *j, const char *machine, const char *text, size_t size)
{
    struct tl_executor *x = j->x;
    struct tl_trial_record *r = &j->ready;
    struct tl_error e, named;
    tl_job_prepare(j);
    int result = tl_remote_record_read(x->store, text, size, j->remote_id, r, &e);
    if (!result && tl_verdict_is_given(r)) {
        tl_job_add_metrics(j, r);
        tl_job_answer(j, r, true);
        return;
    }
    if (!result)
        tl_fail(&named, TL_ERROR_ENVIRONMENT, "another machine cannot run a trial", machine, "%s",
                r->message ? r->message : "it does not say why");
    else
        tl_fail(&named, e.kind, e.what, e.where, "%s says: %s", machine, e.why);
    tl_trial_record_free(r);
    *r = (struct tl_trial_record){0};
    tl_job_cannot(j, &named);
}

static void on_frame(struct tl_executor *x, const struct tl_frame_in *f)
{
    const json_t *failed = json_object_get(f->head, "failed");
    const char *id = json_string_value(json_object_get(f->head, "record")),
               *refused = json_string_value(json_object_get(f->head, "refused")),
               *machine = json_string_value(json_object_get(f->head, "machine"));
    struct tl_job *j = find_job(x, id ? id : refused);
    struct tl_error e;
    if (failed && !id && !refused) {
        tl_frame_take_error(failed, &e);
        tl_executor_fail_all(x, &e);
        return;
    }
    if (!j) /* of another process with this database, or the second one of a job that was run twice */
        return;
    if (id) {
        take_record(j, machine ? machine : "a worker", f->body, f->size);
    } else if (failed) {
        tl_frame_take_error(failed, &e);
        tl_job_cannot(j, &e);
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
    return tl_fleet_link_send(link, json_pack("{s:s}", "listen", tl_store_database_id(x->store)), NULL, 0, e);
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

/* Asked once, before anything is submitted: nothing else can come over the link then. */
static int ask_machines(struct tl_executor *x, struct tl_error *e)
{
    struct tl_frame_in f;
    if (x->remote->machines)
        return 0;
    if (tl_fleet_link_send(x->remote->link, json_pack("{s:i}", "machines", 1), NULL, 0, e) ||
        tl_fleet_link_answer(x->remote->link, "machines", ASK_MS, &f, e))
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
    int result = tl_fleet_link_send(
        x->remote->link,
        json_pack("{s:s,s:s,s:s}", "job", j->remote_id, "kind", j->unit->kind, "device", j->unit->device),
        text, strlen(text), e);
    free(text);
    return result;
}
