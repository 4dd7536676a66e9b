/* The way of one job: its model is generated, its reference computed, its trial run, its outputs compared.
 *
 * This file is part of the circle that executor.c speaks of. */
#include "harness/executor/executor_impl.h"

#include "cases/metrics.h"
#include "cases/written_files.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/program.h"
#include "harness/executor/identity.h"
#include "harness/executor/reference.h"
#include "harness/verdict/classify.h"
#include "harness/verdict/generator.h"
#include "harness/verdict/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What goes before a trial on a device, such as the copy of its model, may take longer than the case says that a phase
 * may. */
#define DEVICE_TIMEOUT_MOST_S 900

/* Numbers that the case is told of a trial go into its result, which one that failed may not have. Those in its message
 * tell no failures apart. */
void tl_record_add_metrics(const struct tl_case *c, struct tl_trial_record *r)
{
    json_t *metrics = tl_metrics_of(c, r), *units = metrics ? tl_metrics_units(c, metrics) : NULL;
    if (r->result) { /* what is no number of a name goes */
        json_object_del(r->result, "metrics");
        json_object_del(r->result, "metric_units");
    }
    if (metrics && !r->result)
        r->result = json_object();
    if (metrics)
        json_object_set_new(r->result, "metrics", metrics);
    if (units)
        json_object_set_new(r->result, "metric_units", units);
    char *masked = tl_metrics_masked(c, r->message), *message = r->message;
    if (!masked)
        return;
    r->message = masked;
    tl_signature_make(r);
    r->message = message;
    free(masked);
}

static void on_trial(void *arg, struct tl_trial_record *r, bool *taken)
{
    struct tl_job *j = arg;
    struct tl_error e;
    (void)taken;
    double generating = r->phase_seconds[TL_PHASE_GENERATE]; /* of a step */
    if (j->generate_seconds >= 0)
        r->phase_seconds[TL_PHASE_GENERATE] = j->generate_seconds + (generating > 0 ? generating : 0);
    bool has_outputs = r->outputs && json_object_get(r->result, "outputs");
    if (j->is_reference)
        tl_job_keep_outputs(j, r);
    else if (j->compares && r->outcome == TL_OUTCOME_PASS)
        tl_job_compare(j, r);
    if (has_outputs && j->keep_outputs) {
        char *to = tl_format("%s/%s", j->keep_outputs, r->id);
        if (tl_outputs_copy(r->outputs, to, r->result, &e))
            tl_executor_fail_all(j->x, &e);
        free(to);
    }
    if (!j->is_reference)
        tl_record_add_metrics(j->c, r);
    if (j->ended && !j->x->failed && tl_verdict_is_given(r))
        j->ended(j->arg, r);
    tl_job_answer(j, r, tl_verdict_is_given(r));
}

/* The inputs list of a case, written once by content: runners get a path. */
static char *inputs_file(const struct tl_case *c, struct tl_error *e)
{
    char *text = json_dumps(c->inputs, JSON_INDENT(1));
    char id[TL_ID_SIZE];
    tl_content_id(text, strlen(text), id);
    char *dir = tl_cache_home("inputs");
    char *path = dir ? tl_format("%s/%s.json", dir, id) : NULL;
    if (path) {
        if (tl_make_parents(path, 0700) || tl_keep_file(path, text, strlen(text), 0600, true)) {
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write the inputs of a trial", path,
                          "free some space, or set XDG_CACHE_HOME to another place");
            free(path);
            path = NULL;
        }
    } else {
        tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for the inputs of a trial", "",
                "set HOME or XDG_CACHE_HOME");
    }
    free(dir);
    free(text);
    return path;
}

/* What the runner is started with anyway: who reads the request later can do the same. */
static json_t *environment_of(const struct tl_job *j)
{
    json_t *all = json_object();
    for (size_t i = 0; j->settings[i]; i++) {
        char *name = tl_format("%.*s", (int)strcspn(j->settings[i], "="), j->settings[i]);
        json_object_set_new(all, name, json_string(j->settings[i] + strlen(name) + 1));
        free(name);
    }
    return all;
}

/* The list that the generator left, where the case has none of its own. */
static void take_generated_inputs(const struct tl_job *j, char **inputs)
{
    if (!*inputs && j->generated.inputs && !access(j->generated.inputs, R_OK))
        *inputs = tl_strdup(j->generated.inputs);
}

#define TOLD_MOST                                                                                            \
    4096 /* bytes of written files that a request, which has 64 KiB for everything, holds as well */

/* Files that are written for the trial. Its runner finds them; who reads the request later can write them again, unless they are
 * large. */
static void add_files(const struct tl_job *j, json_t *r)
{
    json_t *files = tl_written_files(j->c, &j->variant), *file;
    size_t i, size = 0;
    json_array_foreach(files, i, file)
        size += json_string_length(json_object_get(file, "text"));
    json_array_foreach(files, i, file)
        if (size > TOLD_MOST)
            json_object_del(file, "text");
    if (files)
        json_object_set_new(r, "files", files);
}

/* Steps, and what made their model: who reads the request later can do both. */
static int add_steps(const struct tl_job *j, json_t *r, char **inputs, struct tl_error *e)
{
    take_generated_inputs(j, inputs);
    json_t *steps = tl_step_requests(j, *inputs, e);
    if (!steps)
        return -1;
    json_object_set_new(r, "steps", steps);
    add_files(j, r);
    if (j->generated.model) {
        json_object_set_new(r, "model", json_string(j->generated.model));
        json_object_set_new(r, "generate", tl_generator_request(j));
    }
    return 0;
}

static json_t *request_of(struct tl_job *j, const struct tl_unit *u, struct tl_error *e)
{
    const struct tl_case *c = j->c;
    json_t *r = json_pack("{s:i,s:s,s:o,s:s}", "trial", 1, "case", c->name, "variant", tl_job_variant(j),
                          "device", u->device);
    char *inputs = NULL;
    bool failed = false;
    if (u->build_object)
        json_object_set(r, "build", u->build_object);
    if (u->alias)
        json_object_update_new(r, json_pack("{s:s,s:s}", "runner", u->runner, "on", u->alias));
    if (j->compares || j->is_reference || j->keep_outputs)
        json_object_set_new(r, "outputs", json_true()); /* the supervisor puts the directory here */
    if (j->settings)
        json_object_set_new(r, "environment", environment_of(j));
    if (j->inputs)
        inputs = tl_strdup(j->inputs);
    else if (c->inputs)
        failed = !(inputs = inputs_file(c, e));
    switch (c->model_kind) {
    case TL_MODEL_FAMILY:
        json_object_set_new(r, "family", json_string(c->family));
        break;
    case TL_MODEL_FILE:
        json_object_set_new(r, "model", json_string(j->model ? j->model : c->model_file));
        break;
    case TL_MODEL_GENERATE:
        json_object_set_new(r, "model", json_string(j->generated.model));
        take_generated_inputs(j, &inputs);
        break;
    case TL_MODEL_STEPS:
        failed = failed || add_steps(j, r, &inputs, e);
        break;
    }
    if (inputs)
        json_object_set_new(r, "inputs", json_string(inputs));
    free(inputs);
    if (failed) {
        json_decref(r);
        return NULL;
    }
    return r;
}

static void fill_spec(const struct tl_job *j, const struct tl_unit *u, struct tl_trial_spec *spec)
{
    spec->limits = j->c->limits;
    if (j->timeout_s > 0 && (spec->limits.timeout_s <= 0 || j->timeout_s < spec->limits.timeout_s))
        spec->limits.timeout_s = j->timeout_s;
    for (size_t i = 0; i < j->c->n_steps; i++) {
        if (j->c->steps[i].timeout_s > spec->timeout_most)
            spec->timeout_most = j->c->steps[i].timeout_s;
        spec->untraced |= j->c->steps[i].untraced;
    }
    if (u->alias && spec->timeout_most < DEVICE_TIMEOUT_MOST_S)
        spec->timeout_most = DEVICE_TIMEOUT_MOST_S;
    spec->case_name = j->c->name;
    spec->case_hash = j->unrecorded ? "" : j->c->hash; /* such a one has no intent */
    spec->variant = j->variant_json;
    spec->variant_hash = j->variant_hash;
    spec->unit = u->text;
    spec->environment_id = j->environment_id;
    spec->env = (const char *const *)j->settings;
}

/* What a fork server hands on to its children is what it was started with. */
static char *key_of_server(const struct tl_job *j, const struct tl_unit *u)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, u->text);
    for (size_t i = 0; j->settings && j->settings[i]; i++)
        tl_buffer_printf(&b, "\n%s", j->settings[i]);
    return tl_buffer_take(&b);
}

/* After what came before it was stopped, nothing is begun. */
static int check_time(const struct tl_job *j, struct tl_error *e)
{
    return j->x->interrupted || j->x->out_of_time
               ? tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", j->unit->text, "before it ran")
               : 0;
}

static int submit_on(struct tl_job *j, struct tl_error *e)
{
    const struct tl_unit *u = j->unit;
    if (check_time(j, e))
        return -1;
    const char *argv[] = {u->path, NULL};
    json_t *request = request_of(j, u, e), *serve = NULL;
    if (!request)
        return -1;
    char *key = NULL;
    struct tl_trial_spec spec = {
        .argv = argv,
        .protocol = true,
        .request = request,
        .elsewhere = u->alias != NULL,
        .device = u->slots_of ? u->slots_of : u->text,
        .device_slots = u->slots,
        .device_asked = u->device,
        .has_reference = j->is_reference || j->c->reference.text,
    };
    json_t *watch = tl_watch_request(j), *files = tl_written_files(j->c, &j->variant);
    spec.watch = watch;
    spec.files = files;
    memcpy(spec.id, j->id, sizeof spec.id);
    fill_spec(j, u, &spec);
    if (u->can_serve && !j->fresh) {
        serve = json_pack("{s:i,s:s}", "serve", 1, "device", u->device);
        if (u->build_object)
            json_object_set(serve, "build", u->build_object);
        spec.server_key = key = key_of_server(j, u);
        spec.server_request = serve;
        spec.new_server = j->new_server;
    }
    int result = tl_supervisor_submit(j->x->supervisor, &spec, on_trial, j, e);
    json_decref(request);
    json_decref(serve);
    json_decref(watch);
    json_decref(files);
    free(key);
    return result;
}

int tl_job_submit_trial(struct tl_job *j, struct tl_error *e)
{
    return submit_on(j, e);
}

static int submit_trial(struct tl_job *j, struct tl_error *e)
{
    int result = j->compares ? tl_job_submit_reference(j, e) : 1;
    return result > 0 ? submit_on(j, e) : result;
}

/* A model that was kept before and is not to be used gives way. */
static int keep_model(struct tl_job *j, struct tl_error *e)
{
    if (!tl_executor_may_use(j->x, j->generated.directory) && !access(j->generated.making_model, R_OK))
        tl_remove_tree(j->generated.directory);
    tl_executor_made(j->x, j->generated.directory);
    return tl_generated_keep(&j->generated, e);
}

/* A generator that fails in some of its runs is run each time: that it made the model once says nothing of the next
 * trial. */
static void note_failure(struct tl_job *j)
{
    struct tl_executor *x = j->x;
    x->unsure = x->unsure ? x->unsure : json_object();
    json_object_set_new_nocheck(x->unsure, j->generated.directory, json_true());
}

static void after_generator(struct tl_job *j, struct tl_trial_record *r)
{
    struct tl_error e;
    char *lacks = tl_generator_lacks(r);
    tl_verdict_of_generator(r);
    if (r->outcome == TL_OUTCOME_PASS && !lacks) {
        if (keep_model(j, &e)) {
            tl_job_cannot(j, &e);
        } else {
            j->generate_seconds = r->wall_seconds;
            if (submit_trial(j, &e))
                tl_job_fail(j, &e);
        }
        return;
    }
    tl_generated_drop(&j->generated);
    if (tl_outcome_is_failure(r->outcome))
        note_failure(j);
    if (lacks && r->outcome == TL_OUTCOME_ERROR) {
        tl_fail(&e, TL_ERROR_INPUT, "the generator cannot run", j->generated.argv[0],
                "%s; install what is missing, or name another program in $.model.generate", lacks);
        tl_job_cannot(j, &e);
    } else {
        tl_job_answer(j, r, tl_verdict_is_given(r));
    }
    free(lacks);
}

static int submit_with_model(struct tl_job *j, struct tl_error *e);

/* The model is there now, or the first of them makes it, and the others wait again. */
static void go_on(struct tl_job *followers)
{
    struct tl_error e;
    while (followers) {
        struct tl_job *j = followers;
        followers = j->next;
        j->next = NULL;
        if (submit_with_model(j, &e))
            tl_job_fail(j, &e);
    }
}

static void on_generated(void *arg, struct tl_trial_record *r, bool *taken)
{
    struct tl_job *j = arg, *followers = j->followers, **at = &j->x->making;
    struct tl_executor *x = j->x;
    (void)taken;
    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    j->next = j->followers = NULL;
    after_generator(j, r);
    if (!x->interrupted && !x->closing && !x->failed) /* else they are freed with the executor */
        go_on(followers);
}

static int submit_generator(struct tl_job *j, struct tl_error *e)
{
    if (check_time(j, e) || tl_generated_prepare(&j->generated, e))
        return -1;
    struct tl_trial_spec spec = {
        .argv = (const char *const *)j->generated.argv,
        .directory = j->c->directory,
        .writable = j->generated.making,
        .phase = TL_PHASE_GENERATE,
    };
    memcpy(spec.id, j->id, sizeof spec.id);
    fill_spec(j, j->unit, &spec);
    if (tl_supervisor_submit(j->x->supervisor, &spec, on_generated, j, e)) {
        tl_generated_drop(&j->generated);
        return -1;
    }
    j->next = j->x->making;
    j->x->making = j;
    return 0;
}

/* A model is made once: jobs that want the same one at the same time wait for the first of them. */
static int submit_with_model(struct tl_job *j, struct tl_error *e)
{
    bool unsure = json_object_get(j->x->unsure, j->generated.directory) && j->generate_seconds < 0;
    if (!unsure && tl_executor_has(j->x, j->generated.directory) && tl_generated_exists(&j->generated))
        return submit_trial(j, e);
    for (struct tl_job *m = j->x->making; m; m = m->next)
        if (!strcmp(m->generated.directory, j->generated.directory)) {
            struct tl_job **at = &m->followers;
            while (*at)
                at = &(*at)->next;
            *at = j;
            return 0;
        }
    return submit_generator(j, e);
}

int tl_job_submit(struct tl_job *j, struct tl_error *e)
{
    if (!j->c->generate.n)
        return submit_trial(j, e);
    if (tl_identity_plan(j->x, j->c, &j->variant, &j->generated, e))
        return -1;
    return submit_with_model(j, e);
}
