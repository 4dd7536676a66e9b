#include "harness/executor/remote_job.h"

#include "cases/load.h"
#include "db/trial_document.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/executor/remote_files.h"
#include "harness/executor/remote_named.h"
#include "harness/executor/remote_outputs.h"
#include "harness/executor/remote_reference.h"
#include "harness/verdict/signature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MOST (30.0 * 86400)
#define DELIVERED_MOST 1000

static const char cannot_travel[] = "this case cannot be run by a fleet yet";
static const char refused[] = "a job is refused";

/* --- of who asks ---------------------------------------------------------------------------------------- */

int tl_remote_job_write(const struct tl_remote_wish *w, char **text, struct tl_error *e)
{
    *text = NULL;
    json_t *job = json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:f,s:O,s:s,s:o,s:O}", "trapline_job",
                            TL_REMOTE_PROTOCOL, "id", w->id, "trial", w->trial_id, "submitter", w->submitter,
                            "kind", w->kind, "unit", w->unit, "fresh", w->fresh, "new_server", w->new_server,
                            "timeout_s", w->timeout_s, "case", w->c->document, "case_hash", w->c->hash,
                            "variant", tl_variant_object(w->c, w->variant), "files", w->files);
    if (w->outputs)
        json_object_set_new(job, "outputs", json_true());
    *text = job ? json_dumps(job, JSON_COMPACT) : NULL;
    json_decref(job);
    return *text ? 0
                 : tl_fail(e, TL_ERROR_INPUT, cannot_travel, w->c->path, "the name of its unit is no UTF-8");
}

/* Machines had it, and none of them has answered. */
static void take_lost(const json_t *machines, struct tl_trial_record *r)
{
    struct tl_buffer names = TL_BUFFER_INIT;
    json_t *name;
    size_t i;
    json_array_foreach(machines, i, name)
        tl_buffer_printf(&names, "%s%.32s", i ? " and " : "",
                         json_is_string(name) ? json_string_value(name) : "?");
    r->outcome = TL_OUTCOME_LOST;
    r->phase = TL_PHASE_START;
    r->started_us = tl_wall_us();
    r->exit_status = -1;
    r->message = tl_format("%s began it, and did not come back with an outcome",
                           names.size ? names.data : "another machine");
    for (int k = 0; k < TL_PHASE_COUNT; k++)
        r->phase_seconds[k] = -1;
    tl_buffer_free(&names);
}

/* Machines of one kind give the same outcomes: all that an environment has but name, cores and memory of the machine. */
static void kind_of(const json_t *place, char id[TL_ID_SIZE])
{
    static const char *const of_machine[] = {"arch", "cpu", "os"};
    static const char *const of_environment[] = {"os_build",        "driver",         "device",
                                                 "runner",          "runner_version", "runtime_sha256",
                                                 "runtime_version", "versions"};
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "kind 1");
    for (size_t i = 0; i < TL_COUNT(of_machine) + TL_COUNT(of_environment); i++) {
        bool machine = i < TL_COUNT(of_machine);
        const json_t *object = json_object_get(place, machine ? "machine" : "environment");
        const char *text = json_string_value(
            json_object_get(object, machine ? of_machine[i] : of_environment[i - TL_COUNT(of_machine)]));
        tl_buffer_add(&b, "", 1);
        tl_buffer_add_string(&b, text ? text : "");
    }
    tl_content_id(b.data, b.size, id);
    tl_buffer_free(&b);
}

void tl_remote_came_free(struct tl_remote_came *came)
{
    json_decref(came->more);
    json_decref(came->outputs);
}

bool tl_remote_kind_tells(const json_t *document)
{
    return !json_object_get(document, "versions") &&
           !json_object_get(json_object_get(document, "model"), "steps");
}

/* kind may be that of a class of jobs (remote_allow.h). */
static int check_kind(const json_t *place, const char *kind, const char *id, struct tl_error *e)
{
    char is[TL_ID_SIZE];
    kind_of(place, is);
    return !kind || !strncmp(is, kind, TL_ID_SIZE - 1)
               ? 0
               : tl_fail(e, TL_ERROR_INPUT, "a record from another machine is refused", id,
                         "it is of another unit, or of a machine of another kind, than was asked: system, "
                         "device, runner or runtime differ");
}

int tl_remote_record_read(struct tl_store *s, const char *text, size_t size, const char *id, const char *kind,
                          struct tl_trial_record *r, struct tl_remote_came *came, struct tl_error *e)
{
    static const char what[] = "a record from another machine is refused";
    json_t *j = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL), *failed = json_object_get(j, "failed");
    const char *of = json_string_value(json_object_get(j, "job")),
               *why = json_string_value(json_object_get(failed, "why"));
    json_int_t protocol = json_integer_value(json_object_get(j, "trapline_record"));
    const json_t *lost = json_object_get(j, "lost");
    json_int_t delivered = json_integer_value(json_object_get(j, "delivered"));
    int result = 0;
    *came = (struct tl_remote_came){.delivered = delivered > 0 && delivered < DELIVERED_MOST ? delivered : 1};
    if (!j || !of || strcmp(of, id))
        result = tl_fail(e, TL_ERROR_INPUT, what, id, "it is none of this job");
    else if (protocol != TL_REMOTE_PROTOCOL)
        result = tl_fail(e, TL_ERROR_INPUT, what, id,
                         "it has protocol %lld, and this trapline knows %d: install the same version on both "
                         "machines",
                         (long long)protocol, TL_REMOTE_PROTOCOL);
    else if (failed) {
        json_int_t sort = json_integer_value(json_object_get(failed, "kind"));
        const char *what_failed = json_string_value(json_object_get(failed, "what"));
        tl_fail(e, sort == TL_ERROR_INPUT ? TL_ERROR_INPUT : TL_ERROR_ENVIRONMENT,
                what_failed && *what_failed ? what_failed : "another machine cannot run a trial",
                json_string_value(json_object_get(failed, "where")), "%s",
                why && *why ? why : "it does not say why");
        result = 1;
    } else if (json_object_get(j, "file")) {
        result = tl_fail(e, TL_ERROR_INPUT, what, id, "the server has not all parts of it any more");
    } else if (json_is_array(lost)) {
        take_lost(lost, r);
        came->delivered += (int64_t)json_array_size(lost);
    } else {
        result = tl_trial_document_read(json_object_get(j, "trial"), r, e) ||
                         check_kind(json_object_get(j, "place"), kind, id, e) ||
                         tl_place_document_put(s, json_object_get(j, "place"), r->environment_id,
                                               came->session_id, e)
                     ? -1
                     : 0;
        came->is_trial = !result;
        came->more = json_incref(json_object_get(j, "more"));
        came->outputs = json_incref(json_object_get(j, "outputs"));
    }
    if (!result)
        tl_signature_make(r); /* of what it says happened, not what it calls that */
    json_decref(j);
    return result;
}

struct tl_case *tl_remote_metrics_of(const char *text)
{
    json_t *job = text ? json_loads(text, 0, NULL) : NULL;
    const json_t *document = json_object_get(job, "case"), *metrics = json_object_get(document, "metrics");
    struct tl_case *c = NULL;
    struct tl_mistakes m = {0};
    struct tl_error ignored;
    if (metrics) {
        /* A model that no axis is checked against, and nothing that would have to be here. */
        json_t *bare =
            json_pack("{s:i,s:s,s:{s:[s,s]},s:O*,s:O}", "trapline", 1, "name", "metrics", "model", "generate",
                      "x", "{model}", "axes", json_object_get(document, "axes"), "metrics", metrics);
        char *copy = bare ? json_dumps(bare, JSON_COMPACT) : NULL;
        if (copy && tl_case_parse(copy, strlen(copy), "/metrics.json", &c, &m, &ignored))
            c = NULL;
        free(copy);
        json_decref(bare);
    }
    tl_mistakes_free(&m);
    json_decref(job);
    return c;
}

/* --- of who runs it ------------------------------------------------------------------------------------- */

/* All of it: it comes to be a part of paths and of subjects. */
static bool is_uuid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (!text || strlen(text) != sizeof form - 1 || !tl_uuid7_ms(text))
        return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
            return false;
    return true;
}

static bool is_content_id(const char *text)
{
    return text && strlen(text) == TL_ID_SIZE - 1 && strspn(text, "0123456789abcdef") == TL_ID_SIZE - 1;
}

/* Before any of it is looked at closer: a check of a case opens the files that it names. */
static int check_case(const json_t *document, unsigned allow, const struct tl_remote_job *job,
                      struct tl_error *e)
{
    const json_t *model = json_object_get(document, "model");
    const char *file = json_string_value(json_object_get(model, "file"));
    unsigned needs = tl_remote_needs(document);
    if (!needs)
        return tl_fail(e, TL_ERROR_INPUT, refused, job->id, "its case has no model that is known here");
    if (needs & ~allow)
        return tl_fail(
            e, TL_ERROR_INPUT, refused, job->id,
            "its case needs %s, and this worker runs %s only; `trapline worker --allow` there says what "
            "others may have it run",
            tl_remote_allow_text(needs & ~allow), tl_remote_allow_text(allow));
    if (tl_remote_files_check(job->files, e) || tl_remote_named_check(document, job->id, e))
        return -1;
    if (!(needs & TL_ALLOW_PROGRAMS) && tl_remote_files_archive(job->files))
        return tl_fail(e, TL_ERROR_INPUT, refused, job->id, "it brings an archive, and runs no programs");
    /* The model is one of the files that came, or a directory of them, and nothing of this machine. */
    json_t *one;
    char *wanted = file && *file != '/' ? tl_remote_file_name(file) : NULL;
    size_t i, n = wanted ? strlen(wanted) : 0;
    bool came = !file;
    json_array_foreach(job->files, i, one) {
        const char *name = json_string_value(json_object_get(one, "name"));
        came = came || (!json_object_get(one, "archive") && n && !strncmp(name, wanted, n) &&
                        (!name[n] || name[n] == '/'));
    }
    free(wanted);
    return came ? 0 : tl_fail(e, TL_ERROR_INPUT, refused, job->id, "its model did not come with it");
}

/* What came as an archive has the case in it, as whoever wrote it did. */
static int write_case(const struct tl_remote_job *job, const char *directory, const char *path,
                      const char *text, struct tl_error *e)
{
    if (tl_remote_files_archive(job->files))
        return tl_remote_files_place(job->files, directory, e);
    if (tl_make_directories(directory, 0700) || tl_keep_file(path, text, strlen(text), 0600, false))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot keep a case", path, NULL);
    return tl_remote_files_place(job->files, directory, e);
}

int tl_remote_job_load(struct tl_remote_job *job, const char *below, struct tl_error *e)
{
    char *text = json_dumps(job->document, JSON_INDENT(2));
    char *directory = tl_format("%s/%s", below, job->place), *path = tl_format("%s/case.json", directory);
    struct tl_mistakes m = {0};
    int result =
        write_case(job, directory, path, text, e) || tl_case_parse(text, strlen(text), path, &job->c, &m, e)
            ? -1
            : 0;
    if (result && m.n)
        tl_fail(e, TL_ERROR_INPUT, refused, job->id,
                "its case has a mistake at %.64s: %.400s was expected; the same version of trapline on both "
                "machines "
                "reads it alike",
                m.list[0].path, m.list[0].expected);
    else if (!result && strcmp(job->case_hash, job->c->hash))
        result = tl_fail(
            e, TL_ERROR_INPUT, refused, job->id,
            "its case reads as another one here: install the same version of trapline on both machines");
    if (!result)
        result = tl_variant_from_json(job->c, job->values, &job->variant, e);
    tl_mistakes_free(&m);
    free(text);
    free(path);
    free(directory);
    return result;
}

/* By all that is in it: what another job has left in a directory is nothing that this one could come upon. */
static void name_place(struct tl_remote_job *job)
{
    char *files = json_dumps(job->files, JSON_COMPACT | JSON_SORT_KEYS),
         *all = tl_format("case directory 1 %s %s", job->case_hash, files);
    tl_content_id(all, strlen(all), job->place);
    free(files);
    free(all);
}

static int read_job(const json_t *j, unsigned allow, struct tl_remote_job *job, struct tl_error *e)
{
    const char *trial = json_string_value(json_object_get(j, "trial")),
               *hash = json_string_value(json_object_get(j, "case_hash"));
    json_int_t protocol = json_integer_value(json_object_get(j, "trapline_job"));
    const char *id = json_string_value(json_object_get(j, "id")),
               *submitter = json_string_value(json_object_get(j, "submitter"));
    /* They become parts of the subject of the answer. */
    job->id = is_content_id(id) ? tl_strdup(id) : NULL;
    job->submitter = is_uuid(submitter) ? tl_strdup(submitter) : NULL;
    job->unit = tl_strdup(json_string_value(json_object_get(j, "unit")));
    job->fresh = json_is_true(json_object_get(j, "fresh"));
    job->new_server = json_is_true(json_object_get(j, "new_server"));
    job->outputs = json_is_true(json_object_get(j, "outputs"));
    job->timeout_s = json_number_value(json_object_get(j, "timeout_s"));
    if (!job->id || !job->submitter)
        return tl_fail(e, TL_ERROR_INPUT, refused, "", "it does not say whose it is");
    if (protocol != TL_REMOTE_PROTOCOL)
        return tl_fail(
            e, TL_ERROR_INPUT, refused, job->id,
            "it has protocol %lld, and this worker knows %d: install the same version of trapline on both "
            "machines",
            (long long)protocol, TL_REMOTE_PROTOCOL);
    if (!is_uuid(trial) || !job->unit || !(job->timeout_s >= 0 && job->timeout_s < TIMEOUT_MOST))
        return tl_fail(e, TL_ERROR_INPUT, refused, job->id, "it is none: id, unit or time make no sense");
    if (!is_content_id(hash))
        return tl_fail(e, TL_ERROR_INPUT, refused, job->id, "it does not say which case it is of");
    memcpy(job->trial_id, trial, sizeof job->trial_id);
    memcpy(job->case_hash, hash, sizeof job->case_hash);
    job->document = json_incref(json_object_get(j, "case"));
    job->values = json_incref(json_object_get(j, "variant"));
    job->files = json_incref(json_object_get(j, "files"));
    if (check_case(job->document, allow, job, e))
        return -1;
    name_place(job);
    return 0;
}

int tl_remote_job_read(const char *text, size_t size, unsigned allow, struct tl_remote_job *job,
                       struct tl_error *e)
{
    *job = (struct tl_remote_job){0};
    json_t *j = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    int result = json_is_object(j) ? read_job(j, allow, job, e)
                                   : tl_fail(e, TL_ERROR_INPUT, refused, "", "it is no JSON object");
    json_decref(j);
    return result;
}

void tl_remote_job_free(struct tl_remote_job *job)
{
    tl_variant_free(&job->variant);
    tl_case_free(job->c);
    json_decref(job->document);
    json_decref(job->values);
    json_decref(job->files);
    free(job->id);
    free(job->submitter);
    free(job->unit);
    free(job->outputs_place);
    *job = (struct tl_remote_job){0};
}

/* Or why they do not come: the trial does all the same. */
static void add_outputs(const struct tl_remote_job *job, const struct tl_trial_record *r, json_t *record)
{
    struct tl_error e;
    char *directory = tl_format("%s/%s", job->outputs_place, r->id);
    json_t *outputs = tl_remote_outputs_write(directory, r->result, &e);
    json_object_set_new(record, "outputs",
                        outputs ? outputs : json_pack("{s:s%}", "why", e.why, strlen(e.why)));
    tl_remove_tree(directory);
    free(directory);
}

char *tl_remote_record_write(struct tl_executor *x, const struct tl_remote_job *job,
                             const struct tl_trial_record *r, struct tl_error *e)
{
    json_t *place;
    if (tl_place_document(tl_executor_store(x), tl_executor_machine(x), r->environment_id, &place, e))
        return NULL;
    json_t *j =
        json_pack("{s:i,s:s,s:I,s:o,s:o}", "trapline_record", TL_REMOTE_PROTOCOL, "job", job->id, "delivered",
                  (json_int_t)job->delivered + 1, "place", place, "trial", tl_trial_document(r));
    json_t *more = tl_remote_reference_write(x, job);
    if (more)
        json_object_set_new(j, "more", json_pack("[o]", more));
    if (job->outputs_place)
        add_outputs(job, r, j);
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return text;
}

char *tl_remote_refusal_write(const struct tl_remote_job *job, const struct tl_error *why)
{
    json_t *j =
        json_pack("{s:i,s:s,s:{s:i,s:s,s:s,s:s}}", "trapline_record", TL_REMOTE_PROTOCOL, "job", job->id,
                  "failed", "kind", (int)why->kind, "what", why->what, "where", why->where, "why", why->why);
    if (!j) /* a text of a case that was cut in the middle of a letter */
        j = json_pack("{s:i,s:s,s:{s:i,s:s}}", "trapline_record", TL_REMOTE_PROTOCOL, "job", job->id,
                      "failed", "kind", (int)why->kind, "why",
                      "the worker's own database has why, and so has its log");
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return text;
}

char *tl_remote_lost_write(const struct tl_remote_job *job, const json_t *machines)
{
    json_t *j =
        json_pack("{s:i,s:s,s:O}", "trapline_record", TL_REMOTE_PROTOCOL, "job", job->id, "lost", machines);
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return text;
}

/* --- of both -------------------------------------------------------------------------------------------- */

static json_t *unit_of(struct tl_executor *x, const struct tl_unit *u, json_t **machine, struct tl_error *e)
{
    json_t *place;
    char kind[TL_ID_SIZE];
    if (tl_place_document(tl_executor_store(x), tl_executor_machine(x), u->environment_id, &place, e))
        return NULL;
    kind_of(place, kind);
    json_t *one =
        json_pack("{s:s,s:s,s:s,s:s?,s:b,s:i,s:s?,s:s?,s:s?,s:O?,s:O}", "unit", u->text, "device", u->device,
                  "kind", kind, "runner_version", u->runner_version, "serve", u->can_serve, "slots",
                  (int)u->slots, "os_build", u->os_build, "os", u->os, "model", u->model, "axes", u->axes,
                  "environment", json_object_get(place, "environment"));
    json_decref(*machine);
    *machine = json_incref(json_object_get(place, "machine"));
    json_decref(place);
    return one;
}

json_t *tl_remote_announcement(struct tl_executor *x, const struct tl_unit *const *units, size_t n,
                               unsigned allow, struct tl_error *e)
{
    json_t *list = json_array(), *machine = NULL;
    for (size_t i = 0; i < n; i++) {
        json_t *one = unit_of(x, units[i], &machine, e);
        if (!one) {
            json_decref(list);
            json_decref(machine);
            return NULL;
        }
        json_array_append_new(list, one);
    }
    return json_pack("{s:i,s:s,s:o,s:i,s:o,s:o}", "protocol", TL_REMOTE_PROTOCOL, "trapline", TL_VERSION,
                     "machine", machine, "places", (int)tl_executor_jobs(x), "allow",
                     tl_remote_allow_list(allow), "units", list);
}
