/* trapline worker: runs what a fleet asks for, on the units of this machine.
 *
 * Theory of operation. The connection is another process's (harness/fleet/link.h), so this one traces as `run` does. A job becomes a trial of
 * the executor, by the id that who asked gave it. What came of it is in the database of this machine, and durable, before the record is
 * published; the job is done when the server has the record. So a job that is given out twice is answered a second time from the database,
 * and one that was lost here is not run again, for it may be what took this machine down: another one is to try it, or to say what came of it
 * there, and only when that comes to nothing it is lost.
 *
 * SIGTERM or SIGINT: nothing new is taken, what runs ends, and what was published is waited for. */
#include "harness/cli/worker.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/paths.h"
#include "harness/base/plural.h"
#include "harness/cli/begin.h"
#include "harness/cli/units.h"
#include "harness/executor/remote_files.h"
#include "harness/executor/remote_reference.h"
#include "harness/executor/unit_list.h"
#include "harness/fleet/subjects.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FREE_LATER_MS 5000 /* until a machine that could not run something takes anything again */
#define LEFT_MOST 3        /* so often it is left to others: then nobody has room for it */
#define CACHE_GB 20

static void free_work(struct tl_work *k)
{
    struct tl_work **at = &k->w->alive;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    tl_remote_job_free(&k->job);
    json_decref(k->before);
    free(k->record);
    free(k);
}

/* begun: and it was begun here at some time. */
static void give_back(struct tl_work *k, bool begun)
{
    struct tl_worker *w = k->w;
    tl_worker_tell(w, json_pack("{s:I,s:b}", "give_back", (json_int_t)k->token, "begun", begun), NULL);
    free_work(k);
    if (tl_worker_takes(w))
        tl_worker_tell(w, json_pack("{s:i}", "free", 1), NULL);
}

/* Nobody can be told that it is none, and nobody is to try it. */
static void drop(struct tl_work *k)
{
    struct tl_worker *w = k->w;
    tl_worker_tell(w, json_pack("{s:I}", "drop", (json_int_t)k->token), NULL);
    free_work(k);
    if (tl_worker_takes(w))
        tl_worker_tell(w, json_pack("{s:i}", "free", 1), NULL);
}

/* Something is wrong with this machine alone: another one is to have it, and this one takes none for a while. */
static void leave_to_others(struct tl_work *k)
{
    tl_worker_tell(k->w, json_pack("{s:I,s:i}", "give_back", (json_int_t)k->token, "free_ms", FREE_LATER_MS),
                   NULL);
    free_work(k);
}

static void refuse(struct tl_work *k, const struct tl_error *why)
{
    char *text = tl_error_text(why);
    tl_cli_note("%s", text);
    free(text);
    if (k->job.id && k->job.submitter)
        k->record = tl_remote_refusal_write(&k->job, why);
    else
        drop(k);
}

/* A frame has an end, and so has what a server keeps for others. */
static int write_record(struct tl_work *k, const struct tl_trial_record *r, struct tl_error *e)
{
    char *text = tl_remote_record_write(k->w->x, &k->job, r, e);
    size_t size = text ? strlen(text) : 0;
    if (size > TL_FRAME_BODY_MOST) {
        free(text);
        text = NULL;
        tl_fail(e, TL_ERROR_ENVIRONMENT, "a record is too large", r->id,
                "it has %zu MiB, and %u MiB go over to another machine; the worker's own database has it",
                size >> 20, TL_FRAME_BODY_MOST >> 20);
    }
    k->record = text;
    return text ? 0 : -1;
}

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct tl_work *k = arg;
    struct tl_error e;
    (void)cached;
    if (failure && failure->kind == TL_ERROR_INTERRUPTED) {
        give_back(k, false); /* it was not begun, or stopped by who wants this worker to end */
        return;
    }
    if (!failure) {
        k->w->lost += r->outcome == TL_OUTCOME_LOST;
        tl_health_saw(k->w, r);
    }
    if (failure) {
        refuse(k, failure);
    } else if (write_record(k, r, &e)) {
        refuse(k, &e);
    }
}

/* 1: this machine has had it before, and still has what came of it. 2: it was lost here, which others may know better. */
static int answer_from_store(struct tl_work *k, struct tl_error *e)
{
    struct tl_trial_record r = {0};
    struct tl_error unknown;
    if (tl_query_trial(tl_executor_store(k->w->x), k->job.trial_id, &r, &unknown))
        return 0;
    bool same = !strcmp(r.case_hash, k->job.c->hash),
         leave = same && r.outcome == TL_OUTCOME_LOST && !k->last;
    if (same && !leave)
        write_record(k, &r, e);
    else if (!same)
        tl_fail(e, TL_ERROR_INPUT, "a job is refused", k->job.id, "its trial has the id of another one");
    tl_trial_record_free(&r);
    if (leave)
        return 2;
    return same && k->record ? 1 : -1;
}

static const struct tl_unit *unit_named(const struct tl_worker *w, const char *text, struct tl_error *e)
{
    for (size_t i = 0; i < w->n_units; i++)
        if (!strcmp(w->units[i]->text, text))
            return w->units[i];
    tl_fail(e, TL_ERROR_INPUT, "a job is refused", text, "this machine has no such unit");
    return NULL;
}

/* All that it needs is here. */
static void run_job(struct tl_work *k)
{
    struct tl_worker *w = k->w;
    struct tl_error e;
    const struct tl_unit *unit = NULL;
    int result = tl_remote_job_load(&k->job, w->cases, &e) || !(unit = unit_named(w, k->job.unit, &e))
                     ? -1
                     : answer_from_store(k, &e);
    if (result > 1) {
        give_back(k, true);
        return;
    }
    if (!result && json_array_size(k->before) >= TL_FLEET_TRIED_MOST) {
        k->record = tl_remote_lost_write(&k->job, k->before);
        return;
    }
    if (!result) {
        char reference_id[TL_UUID_SIZE];
        k->job.outputs_place = k->job.outputs ? tl_cache_home("fleet/outputs") : NULL;
        tl_remote_reference_id(k->job.trial_id, reference_id);
        const struct tl_request q = {
            .c = k->job.c,
            .variant = &k->job.variant,
            .unit = unit,
            .fresh = k->job.fresh,
            .new_server = k->job.new_server,
            .timeout_s = k->job.timeout_s,
            .id = k->job.trial_id,
            .reference_id = reference_id,
            .keep_outputs = k->job.outputs_place,
        };
        k->begun_ns = tl_monotonic_ns();
        w->counted = true;
        result = tl_executor_submit(w->x, &q, on_done, k, &e);
    }
    if (result < 0 && e.kind == TL_ERROR_INTERRUPTED)
        give_back(k, false); /* this worker ends */
    else if (result < 0)
        refuse(k, &e);
}

static bool waits_for(const struct tl_work *k, const char *sha)
{
    json_t *one;
    size_t i;
    json_array_foreach(k->job.files, i, one)
        if (!strcmp(json_string_value(json_object_get(one, "sha256")), sha))
            return k->files > 0;
    return false;
}

static bool is_on_its_way(const struct tl_work *k, const char *sha)
{
    for (const struct tl_work *other = k->w->alive; other; other = other->next)
        if (other != k && waits_for(other, sha))
            return true;
    return false;
}

/* Whether an earlier file of the same job has the same content. */
static bool is_repeated(const struct tl_work *k, size_t at, const char *sha)
{
    for (size_t i = 0; i < at; i++)
        if (!strcmp(json_string_value(json_object_get(json_array_get(k->job.files, i), "sha256")), sha))
            return true;
    return false;
}

/* The case of a job that is not answered, or a file of one; names of those that are being made are longer. */
static bool is_in_use(void *arg, const char *kind, const char *name)
{
    const struct tl_worker *w = arg;
    json_t *one;
    size_t i;
    for (const struct tl_work *k = w->alive; k; k = k->next) {
        if (!strcmp(kind, TL_REMOTE_CACHE_CASES) && !strncmp(name, k->job.place, TL_ID_SIZE - 1))
            return true;
        json_array_foreach(k->job.files, i, one)
            if (!strcmp(kind, TL_REMOTE_CACHE_FILES) &&
                !strncmp(name, json_string_value(json_object_get(one, "sha256")), TL_SHA256_SIZE - 1))
                return true;
    }
    return false;
}

/* Room for the files that are not here, where there can be any. */
static int make_room(const struct tl_work *k, struct tl_error *e)
{
    struct tl_worker *w = k->w;
    json_t *one;
    size_t i;
    uint64_t bytes = 0;
    tl_remote_cache_used(&w->cache, TL_REMOTE_CACHE_CASES, k->job.place);
    json_array_foreach(k->job.files, i, one) {
        tl_remote_cache_used(&w->cache, TL_REMOTE_CACHE_FILES,
                             json_string_value(json_object_get(one, "sha256")));
        if (!tl_remote_file_is_here(one))
            bytes += (uint64_t)json_integer_value(json_object_get(one, "size"));
    }
    return bytes ? tl_remote_cache_make_room(&w->cache, bytes, is_in_use, w, e) : 0;
}

/* Asks for the files that are not here; a model of gigabytes comes once, whoever waits for it. */
static void ask_files(struct tl_work *k)
{
    json_t *one;
    size_t i, n = 0;
    json_array_foreach(k->job.files, i, one) {
        const char *sha = json_string_value(json_object_get(one, "sha256"));
        char *path = tl_remote_file_is_here(one) ? NULL : tl_remote_file_path(sha);
        n += path != NULL;
        if (path && !is_repeated(k, i, sha) && !is_on_its_way(k, sha)) {
            unlink(path); /* of another size: it is none */
            tl_worker_tell(
                k->w,
                json_pack("{s:s,s:s,s:O}", "get", sha, "path", path, "size", json_object_get(one, "size")),
                NULL);
        }
        free(path);
    }
    k->files = n;
}

static void begin_job(struct tl_worker *w, const struct tl_frame_in *f)
{
    struct tl_work *k = tl_calloc(1, sizeof *k);
    struct tl_error e;
    k->w = w;
    k->token = json_integer_value(json_object_get(f->head, "token"));
    k->before = json_incref(json_object_get(f->head, "before"));
    k->delivered = json_integer_value(json_object_get(f->head, "delivered"));
    k->last = json_is_true(json_object_get(f->head, "last"));
    k->next = w->alive;
    w->alive = k;
    if (!tl_worker_takes(w) || tl_executor_interrupted(w->x)) {
        give_back(k, false); /* it was on its way */
    } else if (tl_remote_job_read(f->body, f->size, w->allow, &k->job, &e) || make_room(k, &e)) {
        refuse(k, &e);
    } else {
        k->job.delivered = json_array_size(k->before);
        ask_files(k);
        if (!k->files)
            run_job(k);
    }
}

/* A file has come, or cannot. Each who asked is answered, in the order of the questions: the first answer of a content is as good as all. */
static void on_file(struct tl_worker *w, const char *sha, const json_t *failed, bool own_fault)
{
    struct tl_error e;
    for (struct tl_work *k = w->alive, *next; k; k = next) {
        next = k->next;
        if (!waits_for(k, sha))
            continue;
        k->files = 0;
        json_t *one;
        size_t i;
        json_array_foreach(k->job.files, i, one)
            k->files += !tl_remote_file_is_here(one);
        if (failed) {
            k->files = 0;
            tl_frame_take_error(failed, &e);
            if (own_fault && k->delivered <= LEFT_MOST) {
                tl_print_error(&e);
                tl_cli_note("it is left to others");
                leave_to_others(k);
            } else {
                refuse(k, &e);
            }
        } else if (!k->files) {
            run_job(k);
        }
    }
}

static void note_waiting(const json_t *told)
{
    struct tl_error e;
    tl_frame_take_error(told, &e);
    char *text = tl_error_text(&e);
    tl_cli_note("worker: %s", text);
    free(text);
}

static void on_frame(struct tl_worker *w, const struct tl_frame_in *f)
{
    const json_t *stored = json_object_get(f->head, "stored"), *failed = json_object_get(f->head, "failed");
    struct tl_error e;
    if (json_object_get(f->head, "job"))
        begin_job(w, f);
    else if (json_is_string(json_object_get(f->head, "control")))
        tl_worker_take_control(w, f);
    else if (json_object_get(f->head, "waiting"))
        note_waiting(json_object_get(f->head, "waiting"));
    const char *got = json_string_value(json_object_get(f->head, "got"));
    if (got) {
        on_file(w, got, failed, json_is_true(json_object_get(f->head, "here")));
        return;
    }
    if (failed && !stored && !w->ended) {
        tl_frame_take_error(failed, &w->e);
        w->ended = true;
    }
    if (!stored)
        return;
    if (failed) {
        tl_frame_take_error(failed, &e);
        tl_print_error(&e);
    }
    for (struct tl_work *k = w->alive; k; k = k->next)
        if (k->token == json_integer_value(stored)) {
            w->done++;
            w->counted = true;
            free_work(k);
            if (tl_worker_takes(w))
                tl_worker_tell(w, json_pack("{s:i}", "free", 1), NULL);
            return;
        }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct tl_worker *w = poll->data;
    struct tl_frame_in f;
    int got = 0;
    (void)status;
    (void)events;
    while (!w->ended && (got = tl_fleet_link_next(w->link, 0, &f, &w->e)) > 0) {
        on_frame(w, &f);
        tl_frame_in_free(&f);
    }
    w->ended = w->ended || got < 0;
    if (w->ended)
        uv_poll_stop(poll);
}

/* What the link has not read yet, since it waits for the server, goes when it does: trials are looked after meanwhile. */
static void listen_to_link(struct tl_worker *w)
{
    int events = UV_READABLE | (tl_fleet_link_is_behind(w->link) ? UV_WRITABLE : 0);
    if (!w->ended && events != w->events && !uv_poll_start(&w->poll, events, on_readable))
        w->events = events;
}

/* What the database has for good may be told. */
static int publish(struct tl_worker *w, struct tl_error *e)
{
    bool any = false;
    for (struct tl_work *k = w->alive; k; k = k->next)
        any = any || (k->record && !k->published);
    if (!any)
        return 0;
    if (tl_store_flush(tl_executor_store(w->x), e))
        return -1;
    for (struct tl_work *k = w->alive; k; k = k->next)
        if (k->record && !k->published) {
            k->published = true;
            tl_worker_tell(w,
                           json_pack("{s:s,s:s,s:I}", "record", k->job.id, "submitter", k->job.submitter,
                                     "token", (json_int_t)k->token),
                           k->record);
        }
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
}

static int serve(struct tl_worker *w, struct tl_error *e)
{
    int err = uv_poll_init(tl_executor_loop(w->x), &w->poll, tl_fleet_link_fd(w->link)), result = 0;
    if (err)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, -err, "cannot listen to the fleet", "", NULL);
    w->poll.data = w;
    listen_to_link(w);
    result = tl_worker_announce(w, e) || tl_health_begin(w, e) ? -1 : 0;
    for (bool ends = false; !result && !w->ended && !(ends && !w->alive && !tl_executor_pending(w->x));) {
        listen_to_link(w);
        result = tl_executor_serve(w->x, e) || publish(w, e) ? -1 : 0;
        tl_health_turn(w);
        w->ending = tl_executor_interrupted(w->x);
        tl_worker_turn(w);
        ends = w->ending || w->want == TL_WANT_DRAINED;
    }
    if (!w->ended)
        tl_worker_say_end(w);
    if (!result && w->ended) {
        *e = w->e;
        result = -1;
    }
    uv_close((uv_handle_t *)&w->poll, on_closed);
    return result;
}

/* Only those that can be used: of the others nobody could make use either. */
static int find_units(struct tl_worker *w, struct tl_unit_list *names, struct tl_error *e)
{
    w->units = tl_calloc(names->n + 1, sizeof *w->units);
    if (tl_executor_units(w->x, (const char *const *)names->list, names->n, w->units, e))
        return -1;
    for (size_t i = 0; i < names->n; i++)
        if (w->units[i]->usable)
            w->units[w->n_units++] = w->units[i];
        else
            tl_cli_note("%s cannot be used: %s", w->units[i]->text, w->units[i]->why);
    return w->n_units ? 0
                      : tl_fail(e, TL_ERROR_INPUT, "this machine has nothing for a fleet", "",
                                "no unit can be used; `trapline list units` says why");
}

static int list_units(struct tl_worker *w, struct tl_unit_list *names, struct tl_error *e)
{
    json_t *all = w->o->n_units ? NULL : tl_cli_units(), *u;
    int result = 0;
    size_t i;
    for (i = 0; i < w->o->n_units && !result; i++)
        result = tl_unit_list_add(names, w->o->units[i], e);
    json_array_foreach(all, i, u)
        if (!result && json_is_true(json_object_get(u, "usable")))
            result = tl_unit_list_add(names, json_string_value(json_object_get(u, "unit")), e);
    json_decref(all);
    return result;
}

static int worker_command(struct tl_options *o)
{
    struct tl_worker w = {.o = o, .allow = TL_ALLOW_DEFAULT};
    struct tl_unit_list names = {0};
    struct tl_error e, closing;
    if (o->uninstall && !o->n_args)
        return tl_worker_uninstall(o);
    if (o->n_args != 1 || !o->key)
        return tl_usage_error(&tl_command_worker,
                              "a URL and --key FILE were expected, as `trapline fleet invite` prints them");
    if (o->allow && tl_remote_allow_parse(o->allow, &w.allow, &e))
        return tl_print_error(&e);
    if (o->install)
        return tl_worker_install(o);
    const struct tl_fleet_link_wish wish = {o->args[0], o->key, TL_FLEET_WORKER};
    /* The link first: what asks runners becomes the parent of all that is left alone. */
    if (tl_fleet_link_open(&wish, &w.link, &e) || list_units(&w, &names, &e)) {
        tl_fleet_link_close(w.link);
        tl_unit_list_free(&names);
        return tl_print_error(&e);
    }
    int result = tl_cli_executor(&tl_command_worker, o, &w.x, &e);
    if (!result)
        result = tl_remote_cache_open(&w.cache, (o->cache_gb ? o->cache_gb : CACHE_GB) << 30, &e);
    w.cases = tl_cache_home("fleet/" TL_REMOTE_CACHE_CASES);
    result = result || find_units(&w, &names, &e) ? -1 : 0;
    if (!result) {
        tl_cli_note(
            "worker: %zu unit%s for %s, which may have it run %s; SIGTERM or Ctrl-C ends it after what runs",
            w.n_units, tl_plural(w.n_units), o->args[0], tl_remote_allow_text(w.allow));
        result = serve(&w, &e);
    }
    int closed = tl_executor_free(w.x, &closing);
    while (w.alive)
        free_work(w.alive);
    tl_fleet_link_close(w.link);
    tl_unit_list_free(&names);
    tl_health_free(w.health);
    json_decref(w.announcement);
    free(w.why);
    free(w.units);
    free(w.cases);
    tl_remote_cache_close(&w.cache);
    if (result || closed)
        return tl_print_error(result ? &e : &closing);
    tl_cli_note("worker: ended after %llu job%s", (unsigned long long)w.done, tl_plural(w.done));
    return tl_finish_output(TL_EXIT_OK);
}

const struct tl_command tl_command_worker = {
    .name = "worker",
    .arguments = "URL --key FILE [-u UNIT]… [--allow WHAT] [--cache-gb N] [--install] | --uninstall",
    .about = "run what a fleet asks for, on the units of this machine",
    .options = "unit key allow cache-gb known-good unhealthy-after recover install uninstall keep-scratch "
               "no-cgroup sandbox "
               "network user",
    .unattended = true,
    .goes_on = true,
    .drains = true,
    .run = worker_command,
};
