/* Theory of operation. A request becomes a job:
 *
 *   forbidden? -> unsupported          cached? -> that outcome
 *   model to be generated? -> a trial of the generator, phase generate; when it fails, that is the outcome
 *   the trial -> record -> store -> done
 *
 *
 * A case with a reference: before the first trial of a variant the reference unit runs it, as a trial of its
 * own, and its outputs are kept; then the outputs of every trial that passes are compared with them.
 *
 * Jobs whose outcome needs no child are answered from an idle callback, so that `done` is never called from
 * inside submit. The id of a trial is one from its intent to its row, whether or not a generator ran first.
 */
#include "harness/supervise/executor.h"

#include "db/machine.h"
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/supervise/generate.h"
#include "harness/supervise/paths.h"
#include "harness/supervise/reference.h"
#include "harness/supervise/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DESCRIBE_SECONDS 60
#define STEP_MS 200

struct job {
    struct tl_executor *x;
    struct job *next;             /* of the list it waits in: answered, making or another's followers */
    struct job *newer, **to_this; /* all that live */
    const struct tl_case *c;
    const struct tl_unit *unit;
    struct tl_variant variant;
    bool fresh;
    tl_executor_done done;
    void *arg;
    char id[TL_UUID_SIZE];
    char *variant_json;
    char variant_hash[TL_ID_SIZE];
    char environment_id[TL_ID_SIZE];
    struct tl_generated generated;
    struct job *followers; /* wait for the model that this one's generator makes */
    char *keep_outputs;
    const struct tl_unit *reference;        /* NULL: nothing to compare with */
    char *reference_place, *reference_note; /* note: why it cannot be compared */
    double generate_seconds;                /* negative: nothing was generated */
    struct tl_trial_record ready;           /* the answer of a job that needs no child */
    bool cached;
};

static void job_free(struct job *j);

struct unit_entry {
    struct tl_unit unit;
    struct unit_entry *next;
};

struct tl_executor {
    uv_loop_t loop;
    struct tl_supervisor *supervisor;
    struct tl_store *store;
    struct tl_machine_text machine;
    unsigned jobs;
    int64_t started_us;
    struct unit_entry *units;
    struct job *alive, *making;
    struct job *answered, **answered_tail;
    size_t pending;
    char case_put[TL_ID_SIZE]; /* hash of the case that was stored last */
    uv_signal_t interrupts[2];
    uv_timer_t step;
    bool interrupted, closing, failed;
    struct tl_error failure;
};

/* --- set-up --------------------------------------------------------------------------------------------- */

static void on_interrupt(uv_signal_t *handle, int signal)
{
    struct tl_executor *x = handle->data;
    (void)signal;
    x->interrupted = true;
    tl_supervisor_cancel(x->supervisor);
}

static void on_step(uv_timer_t *timer)
{
    (void)timer; /* ends the wait of uv_run */
}

/* The timer also keeps the loop alive: the signals of children alone do not, and it would not look at them.
 */
static void turn(struct tl_executor *x, uint64_t most_ms)
{
    uv_timer_start(&x->step, on_step, most_ms, 0);
    uv_run(&x->loop, UV_RUN_ONCE);
    uv_timer_stop(&x->step);
}

/* The intent of every trial that belongs to a case is on disk before its child runs. */
static int on_begin(void *arg, const struct tl_trial_record *record, struct tl_error *e)
{
    struct tl_executor *x = arg;
    if (!*record->case_hash)
        return 0;
    return tl_store_begin(x->store, &record, 1, e);
}

int tl_executor_new(struct tl_executor **out, const struct tl_executor_options *options, struct tl_error *e)
{
    struct tl_executor *x = tl_calloc(1, sizeof *x);
    x->answered_tail = &x->answered;
    x->started_us = tl_wall_us();
    tl_machine_read(&x->machine);
    if (tl_store_open(options->db_path, TL_STORE_WRITE, &x->store, e) ||
        tl_store_session_begin(x->store, &x->machine.machine, TL_VERSION, options->command, NULL, e)) {
        tl_store_close(x->store, NULL);
        free(x);
        return -1;
    }
    int err = uv_loop_init(&x->loop);
    if (err) {
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, -err, "cannot begin", "",
                      "raise the limit of open files (ulimit -n)");
        tl_store_close(x->store, NULL);
        free(x);
        return -1;
    }
    struct tl_supervisor_options supervise = {
        .jobs = options->jobs,
        .keep_scratch = options->keep_scratch,
        .no_cgroup = options->no_cgroup,
    };
    if (tl_supervisor_new(&x->supervisor, &x->loop, &supervise, e)) {
        uv_loop_close(&x->loop);
        tl_store_close(x->store, NULL);
        free(x);
        return -1;
    }
    tl_supervisor_on_begin(x->supervisor, on_begin, x);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    x->jobs = options->jobs ? options->jobs : cores > 0 ? (unsigned)cores : 1;
    static const int signals[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&x->loop, &x->interrupts[i]);
        x->interrupts[i].data = x;
        uv_signal_start(&x->interrupts[i], on_interrupt, signals[i]);
        uv_unref((uv_handle_t *)&x->interrupts[i]);
    }
    uv_timer_init(&x->loop, &x->step);
    *out = x;
    return 0;
}

int tl_executor_free(struct tl_executor *x, struct tl_error *e)
{
    if (!x)
        return 0;
    x->closing = true;
    tl_supervisor_free(x->supervisor);
    while (x->alive) /* stopped before they were answered */
        job_free(x->alive);
    uv_close((uv_handle_t *)&x->interrupts[0], NULL);
    uv_close((uv_handle_t *)&x->interrupts[1], NULL);
    uv_close((uv_handle_t *)&x->step, NULL);
    uv_run(&x->loop, UV_RUN_DEFAULT);
    uv_loop_close(&x->loop);
    int result = tl_store_close(x->store, e);
    while (x->units) {
        struct unit_entry *u = x->units;
        x->units = u->next;
        tl_unit_free(&u->unit);
        free(u);
    }
    free(x);
    return result;
}

unsigned tl_executor_jobs(const struct tl_executor *x)
{
    return x->jobs;
}

struct tl_store *tl_executor_store(struct tl_executor *x)
{
    return x->store;
}

int64_t tl_executor_started_us(const struct tl_executor *x)
{
    return x->started_us;
}

const struct tl_machine *tl_executor_machine(const struct tl_executor *x)
{
    return &x->machine.machine;
}

struct tl_supervisor *tl_executor_supervisor(struct tl_executor *x)
{
    return x->supervisor;
}

/* --- what a record says --------------------------------------------------------------------------------- */

/* Otherwise trapline itself could not run it. */
static bool is_verdict(const struct tl_trial_record *r)
{
    return !(r->outcome == TL_OUTCOME_LOST && r->error_domain && !strcmp(r->error_domain, "trapline"));
}

/* The last words of a program that failed, for the one line that says why. */
static char *last_line(const struct tl_output *o)
{
    const char *text = o->tail_size ? o->tail : o->head;
    size_t n = o->tail_size ? o->tail_size : o->head_size;
    while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
        n--;
    size_t start = n;
    while (start && text[start - 1] != '\n' && n - start < 300)
        start--;
    return n > start ? tl_format("%.*s", (int)(n - start), text + start) : NULL;
}

/* --- units ---------------------------------------------------------------------------------------------- */

struct description {
    bool ended;
    struct tl_trial_record record;
};

static void on_described(void *arg, struct tl_trial_record *record, bool *taken)
{
    struct description *d = arg;
    d->ended = true;
    d->record = *record;
    *taken = true;
}

static int describe(struct tl_executor *x, const struct tl_unit *u, json_t **answer, struct tl_error *e)
{
    const char *argv[] = {u->path, NULL};
    struct description d = {0};
    json_t *request = json_pack("{s:i,s:s}", "describe", 1, "device", u->device);
    if (u->build_object)
        json_object_set(request, "build", u->build_object);
    struct tl_trial_spec spec = {
        .argv = argv,
        .protocol = true,
        .request = request,
        .limits = tl_limits_default,
        .unit = u->text,
    };
    spec.limits.timeout_s = DESCRIBE_SECONDS;
    int result = tl_supervisor_submit(x->supervisor, &spec, on_described, &d, e);
    json_decref(request);
    if (result)
        return -1;
    while (!d.ended && (tl_supervisor_in_flight(x->supervisor) || tl_supervisor_waiting(x->supervisor)))
        turn(x, STEP_MS);
    if (x->interrupted)
        tl_trial_record_free(&d.record);
    if (x->interrupted || !d.ended)
        return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", u->text,
                       "while its runner was asked what it can do");
    *answer = d.record.result ? json_loads(d.record.result, 0, NULL) : NULL;
    if (*answer && !json_is_array(json_object_get(*answer, "devices"))) {
        json_decref(*answer);
        *answer = NULL;
    }
    if (!*answer && !is_verdict(&d.record)) {
        tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot ask a runner what it can do", u->path, "%s",
                d.record.message ? d.record.message : "");
    } else if (!*answer) {
        char *said = last_line(&d.record.err);
        const char *why = d.record.message  ? d.record.message
                          : d.record.signal ? tl_signal_name(d.record.signal)
                                            : "it answered something else";
        tl_fail(e, TL_ERROR_INPUT, "a runner does not say what it can do", u->path,
                "%s: %s%s%s%s; it must answer {\"describe\":1} with name, version and devices",
                tl_outcome_name(d.record.outcome), why, said ? " (it wrote: " : "", said ? said : "",
                said ? ")" : "");
        free(said);
    }
    tl_trial_record_free(&d.record);
    return *answer ? 0 : -1;
}

static int take_description(struct tl_unit *u, const json_t *answer, struct tl_error *e)
{
    const char *version = json_string_value(json_object_get(answer, "version"));
    /* Its content belongs to it: another build of the same version may do things otherwise. */
    char sha[TL_SHA256_SIZE];
    if (tl_hash_file(u->path, sha))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read a runner", u->path, " ");
    u->runner_version = tl_format("%s (%.12s)", version ? version : "unknown", sha);
    u->can_serve = json_is_true(json_object_get(answer, "serve"));
    struct tl_buffer known = TL_BUFFER_INIT;
    json_t *device;
    size_t i;
    json_array_foreach(json_object_get(answer, "devices"), i, device)
    {
        const char *name = json_string_value(json_object_get(device, "name"));
        if (!name)
            continue;
        tl_buffer_printf(&known, "%s%s", known.size ? ", " : "", name);
        if (strcmp(name, u->device))
            continue;
        const char *why = json_string_value(json_object_get(device, "why"));
        json_int_t slots = json_integer_value(json_object_get(device, "slots"));
        u->usable = !json_is_false(json_object_get(device, "usable"));
        u->why = tl_strdup(why ? why : "its runner does not say why");
        /* A CPU takes as many as asked for; another device one, unless its runner knows better. */
        u->slots = slots > 0 && slots < 4096                       ? (unsigned)slots
                   : !strcmp(name, "cpu") || !strcmp(name, "host") ? 0
                                                                   : 1;
        tl_buffer_free(&known);
        return 0;
    }
    tl_fail(e, TL_ERROR_INPUT, "no such device", u->text, "runner %s has: %s", u->runner,
            known.size ? known.data : "none");
    tl_buffer_free(&known);
    return -1;
}

/* What outcomes of this unit depend on; programs: what the steps of a case run, or NULL. */
static int environment_of(struct tl_executor *x, const struct tl_unit *u, const char *programs,
                          char id[TL_ID_SIZE], struct tl_error *e)
{
    char sha[TL_SHA256_SIZE] = "";
    const char *path = json_string_value(json_object_get(u->build_object, "path"));
    const char *version = json_string_value(json_object_get(u->build_object, "version"));
    const char *known = json_string_value(json_object_get(u->build_object, "sha256"));
    if (programs)
        memcpy(sha, programs, sizeof sha);
    else if (known && strlen(known) == 64)
        memcpy(sha, known, sizeof sha);
    else if (tl_hash_file(path ? path : u->path, sha))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the runtime", path ? path : u->path, " ");
    struct tl_environment v = {
        .machine_id = x->machine.id,
        .os_build = x->machine.machine.os_build,
        .device = u->device,
        .runner = u->runner,
        .runner_version = u->runner_version ? u->runner_version : "",
        .runtime_path = path ? path : u->path,
        .runtime_sha256 = sha,
        .runtime_version = version,
    };
    return tl_store_put_environment(x->store, &v, id, e);
}

const struct tl_unit *tl_executor_unit(struct tl_executor *x, const char *text, struct tl_error *e)
{
    for (struct unit_entry *u = x->units; u; u = u->next)
        if (!strcmp(u->unit.text, text))
            return &u->unit;
    struct unit_entry *u = tl_calloc(1, sizeof *u);
    json_t *answer = NULL;
    int result = tl_unit_parse(text, &u->unit, e) || tl_unit_resolve(&u->unit, e);
    if (!result && u->unit.build_missing) {
        u->unit.why = tl_strdup(u->unit.build_missing);
    } else if (!result) {
        result = describe(x, &u->unit, &answer, e) || take_description(&u->unit, answer, e);
        json_decref(answer);
    }
    if (result || (!u->unit.build_missing && environment_of(x, &u->unit, NULL, u->unit.environment_id, e))) {
        tl_unit_free(&u->unit);
        free(u);
        return NULL;
    }
    u->next = x->units;
    x->units = u;
    return &u->unit;
}

/* --- answers -------------------------------------------------------------------------------------------- */

static void job_free(struct job *j)
{
    *j->to_this = j->newer;
    if (j->newer)
        j->newer->to_this = j->to_this;
    tl_trial_record_free(&j->ready);
    tl_variant_free(&j->variant);
    tl_generated_free(&j->generated);
    free(j->keep_outputs);
    free(j->reference_place);
    free(j->reference_note);
    free(j->variant_json);
    free(j);
}

static void fail_all(struct tl_executor *x, const struct tl_error *e)
{
    if (!x->failed) {
        x->failed = true;
        x->failure = *e;
        tl_supervisor_cancel(x->supervisor);
    }
}

/* Stores a record (unless it came from the store, or is no verdict) and tells who asked. */
static void answer(struct job *j, const struct tl_trial_record *r, bool verdict)
{
    struct tl_executor *x = j->x;
    struct tl_error e;
    const struct tl_error *failure = NULL;
    x->pending--;
    if (!verdict) {
        bool stopped = x->interrupted || x->failed;
        tl_fail(&e, stopped ? TL_ERROR_INTERRUPTED : TL_ERROR_ENVIRONMENT, "cannot run a trial", r->unit,
                "%s", r->message ? r->message : "");
        failure = &e;
        if (!stopped)
            fail_all(x, &e);
    } else if (!j->cached && tl_store_trial(x->store, r, &e)) {
        failure = &e;
        fail_all(x, &e);
    }
    j->done(j->arg, r, j->cached, failure);
    job_free(j);
}

/* The record of a job that no child is needed for. */
static void prepare_answer(struct job *j)
{
    struct tl_trial_record *r = &j->ready;
    memcpy(r->id, j->id, sizeof r->id);
    r->started_us = tl_wall_us();
    r->case_name = tl_strdup(j->c->name);
    memcpy(r->case_hash, j->c->hash, sizeof r->case_hash);
    r->variant = tl_strdup(j->variant_json);
    memcpy(r->variant_hash, j->variant_hash, sizeof r->variant_hash);
    r->unit = tl_strdup(j->unit->text);
    memcpy(r->environment_id, j->environment_id, sizeof r->environment_id);
    r->exit_status = -1;
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        r->phase_seconds[i] = -1;
}

static void queue_answer(struct job *j)
{
    *j->x->answered_tail = j;
    j->x->answered_tail = &j->next;
}

static void answer_unsupported(struct job *j, enum tl_phase phase, const char *why)
{
    prepare_answer(j);
    j->ready.outcome = TL_OUTCOME_UNSUPPORTED;
    j->ready.phase = phase;
    j->ready.message = tl_strdup(why);
    queue_answer(j);
}

static void deliver_answers(struct tl_executor *x)
{
    while (x->answered) {
        struct job *j = x->answered;
        x->answered = j->next;
        if (!x->answered)
            x->answered_tail = &x->answered;
        answer(j, &j->ready, true);
    }
}

/* --- trials --------------------------------------------------------------------------------------------- */

/* Where a trial left its outputs; NULL when none were wanted. The caller's to free. */
static char *outputs_directory(const struct tl_trial_record *r)
{
    json_t *request = r->request ? json_loads(r->request, 0, NULL) : NULL;
    char *path = tl_strdup(json_string_value(json_object_get(request, "outputs")));
    json_decref(request);
    return path;
}

static void note(struct tl_trial_record *r, char *message)
{
    free(r->message);
    r->message = message;
}

/* The last word on a trial that passed so far. */
static void compare_outputs(struct job *j, struct tl_trial_record *r, const char *directory, json_t *result)
{
    struct tl_error e;
    if (j->reference_note) {
        note(r, tl_format("not compared: %s", j->reference_note));
        return;
    }
    json_t *found =
        tl_reference_compare(j->reference_place, directory, result, j->reference->text, j->c->tolerance, &e);
    if (!found) {
        note(r, tl_format("not compared: %s: %s", e.where, e.why));
        return;
    }
    if (!json_is_true(json_object_get(found, "equal"))) {
        const char *why = json_string_value(json_object_get(found, "why"));
        const json_t *error = json_object_get(found, "max_error");
        r->outcome = TL_OUTCOME_WRONG;
        note(r, why ? tl_format("not what %s says: %s", j->reference->text, why)
                : json_is_real(error)
                    ? tl_format("not what %s says: the largest error is %.3g of the largest magnitude, the "
                                "tolerance %g",
                                j->reference->text, json_real_value(error), j->c->tolerance)
                    : tl_format("not what %s says: values are not finite where they should be",
                                j->reference->text));
        tl_signature_make(r);
    }
    json_object_set_new(result, "reference", found);
    free(r->result);
    r->result = json_dumps(result, JSON_COMPACT | JSON_SORT_KEYS);
}

static void on_trial(void *arg, struct tl_trial_record *r, bool *taken)
{
    struct job *j = arg;
    struct tl_error e;
    (void)taken;
    if (j->generate_seconds >= 0)
        r->phase_seconds[TL_PHASE_GENERATE] = j->generate_seconds;
    char *directory = r->result ? outputs_directory(r) : NULL;
    json_t *result = directory ? json_loads(r->result, 0, NULL) : NULL;
    if (result && j->reference && r->outcome == TL_OUTCOME_PASS)
        compare_outputs(j, r, directory, result);
    if (result && j->keep_outputs) {
        char *to = tl_format("%s/%s", j->keep_outputs, r->id);
        if (tl_outputs_copy(directory, to, result, &e))
            fail_all(j->x, &e);
        free(to);
    }
    json_decref(result);
    free(directory);
    answer(j, r, is_verdict(r));
}

/* The inputs list of a case, written once by content: runners get a path. */
static char *inputs_file(const struct tl_case *c, struct tl_error *e)
{
    char *text = json_dumps(c->inputs, JSON_INDENT(1));
    char id[TL_ID_SIZE];
    tl_content_id(text, strlen(text), id);
    char *dir = tl_cache_home("inputs");
    char *path = dir ? tl_format("%s/%s.json", dir, id) : NULL;
    if (path && access(path, R_OK)) {
        char unique[TL_UUID_SIZE];
        tl_uuid7(unique);
        char *part = tl_format("%s/%s", dir, unique);
        int fd = tl_make_directories(dir) ? -1 : open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        size_t size = strlen(text);
        bool bad = fd < 0 || write(fd, text, size) != (ssize_t)size;
        int err = errno;
        if (fd >= 0)
            bad |= close(fd) != 0;
        bad = bad || rename(part, path);
        if (bad) {
            unlink(part);
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot write the inputs of a trial", path,
                          "free some space, or set XDG_CACHE_HOME to another place");
            free(path);
            path = NULL;
        }
        free(part);
    } else if (!path) {
        tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for the inputs of a trial", "",
                "set HOME or XDG_CACHE_HOME");
    }
    free(dir);
    free(text);
    return path;
}

static json_t *steps_of(const struct job *j, struct tl_error *e)
{
    const struct tl_case *c = j->c;
    json_t *steps = json_array();
    for (size_t i = 0; i < c->n_steps; i++) {
        const struct tl_step *s = &c->steps[i];
        json_t *argv = json_array(), *text = json_array(), *no_text = json_array(), *files = json_array();
        char *program = NULL;
        for (size_t k = 0; k < s->n_argv; k++) {
            char *word = tl_case_substitute(c, &j->variant, s->argv[k], NULL, NULL, "{scratch}");
            bool made = !strncmp(word, "{scratch}/", 10); /* by an earlier step: its runner will see */
            if (!k && !(program = made ? tl_strdup(word) : tl_program_find(c->directory, word, e))) {
                free(word);
                json_decref(argv);
                json_decref(text);
                json_decref(no_text);
                json_decref(files);
                json_decref(steps);
                return NULL;
            }
            json_array_append_new(argv, json_string(k ? word : program));
            free(word);
        }
        free(program);
        const struct {
            size_t n;
            const char **list;
            json_t *to;
        } lists[] = {{s->expect.n_text, s->expect.text, text},
                     {s->expect.n_no_text, s->expect.no_text, no_text},
                     {s->expect.n_files, s->expect.files, files}};
        for (size_t l = 0; l < 3; l++)
            for (size_t k = 0; k < lists[l].n; k++) {
                char *word = tl_case_substitute(c, &j->variant, lists[l].list[k], NULL, NULL, "{scratch}");
                json_array_append_new(lists[l].to, json_string(word));
                free(word);
            }
        json_t *expect = json_pack("{s:o,s:o,s:o}", "text", text, "no_text", no_text, "files", files);
        json_object_set_new(expect, "exit_status",
                            s->expect.exit_status < 0 ? json_string("any")
                                                      : json_integer(s->expect.exit_status));
        json_t *step = json_pack("{s:s,s:o,s:o}", "phase", tl_phase_name((enum tl_phase)s->phase), "argv",
                                 argv, "expect", expect);
        if (s->timeout_s > 0)
            json_object_set_new(step, "timeout_s", json_real(s->timeout_s));
        json_array_append_new(steps, step);
    }
    return steps;
}

static json_t *request_of(struct job *j, const struct tl_unit *u, struct tl_error *e)
{
    const struct tl_case *c = j->c;
    json_t *r = json_pack("{s:i,s:s,s:o,s:s}", "trial", 1, "case", c->name, "variant",
                          json_loads(j->variant_json, 0, NULL), "device", u->device);
    char *inputs = NULL;
    bool failed = false;
    if (u->build_object)
        json_object_set(r, "build", u->build_object);
    if (j->reference || j->keep_outputs)
        json_object_set_new(r, "outputs", json_true()); /* the supervisor puts the directory here */
    if (c->inputs)
        failed = !(inputs = inputs_file(c, e));
    switch (c->model_kind) {
    case TL_MODEL_FAMILY:
        json_object_set_new(r, "family", json_string(c->family));
        break;
    case TL_MODEL_FILE:
        json_object_set_new(r, "model", json_string(c->model_file));
        break;
    case TL_MODEL_GENERATE:
        json_object_set_new(r, "model", json_string(j->generated.model));
        if (!inputs && !access(j->generated.inputs, R_OK))
            inputs = tl_strdup(j->generated.inputs);
        break;
    case TL_MODEL_STEPS: {
        json_t *steps = steps_of(j, e);
        if (steps)
            json_object_set_new(r, "steps", steps);
        failed |= !steps;
        break;
    }
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

static void fill_spec(const struct job *j, const struct tl_unit *u, struct tl_trial_spec *spec)
{
    spec->limits = j->c->limits;
    for (size_t i = 0; i < j->c->n_steps; i++)
        if (j->c->steps[i].timeout_s > spec->timeout_most)
            spec->timeout_most = j->c->steps[i].timeout_s;
    spec->case_name = j->c->name;
    spec->case_hash = j->c->hash;
    spec->variant = j->variant_json;
    spec->variant_hash = j->variant_hash;
    spec->unit = u->text;
    spec->environment_id = u == j->unit ? j->environment_id : u->environment_id;
}

/* Submits the job's variant on a unit: its own, or the reference's. */
static int submit_on(struct job *j, const struct tl_unit *u, const char *id, tl_trial_done done,
                     struct tl_error *e)
{
    const char *argv[] = {u->path, NULL};
    json_t *request = request_of(j, u, e), *serve = NULL;
    if (!request)
        return -1;
    struct tl_trial_spec spec = {
        .argv = argv,
        .protocol = true,
        .request = request,
        .device = u->text,
        .device_slots = u->slots,
        .device_asked = u->device,
    };
    if (id)
        memcpy(spec.id, id, sizeof spec.id);
    fill_spec(j, u, &spec);
    if (u->can_serve && !j->fresh) {
        serve = json_pack("{s:i,s:s}", "serve", 1, "device", u->device);
        if (u->build_object)
            json_object_set(serve, "build", u->build_object);
        spec.server_key = u->text;
        spec.server_request = serve;
    }
    int result = tl_supervisor_submit(j->x->supervisor, &spec, done, j, e);
    json_decref(request);
    json_decref(serve);
    return result;
}

static void fail_job(struct job *j, const struct tl_error *e);

static void on_reference(void *arg, struct tl_trial_record *r, bool *taken)
{
    struct job *j = arg;
    struct tl_error e;
    (void)taken;
    char *directory = outputs_directory(r);
    json_t *result = r->result ? json_loads(r->result, 0, NULL) : NULL;
    if (r->outcome != TL_OUTCOME_PASS || !directory || !result)
        j->reference_note =
            tl_format("the reference %s gave %s%s%s", j->reference->text, tl_outcome_name(r->outcome),
                      r->message ? ": " : "", r->message ? r->message : "");
    else if (tl_reference_keep(j->reference_place, directory, result, &e))
        j->reference_note = tl_format("%s: %s", e.where, e.why);
    json_decref(result);
    free(directory);
    if (!is_verdict(r)) {
        answer(j, r, false);
    } else if (tl_store_trial(j->x->store, r, &e) || submit_on(j, j->unit, j->id, on_trial, &e)) {
        fail_job(j, &e);
    }
}

static int submit_trial(struct job *j, struct tl_error *e)
{
    if (!j->reference || j->reference_note || tl_reference_known(j->reference_place))
        return submit_on(j, j->unit, j->id, on_trial, e);
    return submit_on(j, j->reference, NULL, on_reference, e);
}

static void fail_job(struct job *j, const struct tl_error *e)
{
    prepare_answer(j);
    j->ready.outcome = TL_OUTCOME_LOST;
    j->ready.message = tl_format("%s%s%s: %s", e->what, *e->where ? ": " : "", e->where, e->why);
    answer(j, &j->ready, false);
}

static void after_generator(struct job *j, struct tl_trial_record *r)
{
    struct tl_error e;
    if (r->outcome == TL_OUTCOME_PASS) {
        j->generate_seconds = r->wall_seconds;
        if (tl_generated_keep(&j->generated, &e)) {
            r->outcome = TL_OUTCOME_UNSUPPORTED;
            free(r->message);
            r->message = tl_format("%s: %s", e.what, e.why);
        } else if (!submit_trial(j, &e)) {
            return;
        } else {
            fail_job(j, &e);
            return;
        }
    } else {
        tl_generated_drop(&j->generated);
    }
    if (r->outcome == TL_OUTCOME_ERROR) { /* it refused: that is no failure of the runtime */
        char *said = last_line(&r->err);
        char *message = tl_format("the generator refused (%s)%s%s", r->message ? r->message : "",
                                  said ? ": " : "", said ? said : "");
        free(said);
        free(r->message);
        r->message = message;
        r->outcome = TL_OUTCOME_UNSUPPORTED;
        tl_signature_make(r);
    }
    r->phase = TL_PHASE_GENERATE;
    answer(j, r, is_verdict(r));
}

static int submit_with_model(struct job *j, struct tl_error *e);

/* The model is there now, or the first of them makes it, and the others wait again. */
static void go_on(struct job *followers)
{
    struct tl_error e;
    while (followers) {
        struct job *j = followers;
        followers = j->next;
        j->next = NULL;
        if (submit_with_model(j, &e))
            fail_job(j, &e);
    }
}

static void on_generated(void *arg, struct tl_trial_record *r, bool *taken)
{
    struct job *j = arg, *followers = j->followers, **at = &j->x->making;
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

static int submit_generator(struct job *j, struct tl_error *e)
{
    if (tl_generated_prepare(&j->generated, e))
        return -1;
    struct tl_trial_spec spec = {
        .argv = (const char *const *)j->generated.argv,
        .directory = j->c->directory,
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
static int submit_with_model(struct job *j, struct tl_error *e)
{
    if (tl_generated_exists(&j->generated))
        return submit_trial(j, e);
    for (struct job *m = j->x->making; m; m = m->next)
        if (!strcmp(m->generated.directory, j->generated.directory)) {
            struct job **at = &m->followers;
            while (*at)
                at = &(*at)->next;
            *at = j;
            return 0;
        }
    return submit_generator(j, e);
}

int tl_executor_environment(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                            const struct tl_unit *u, char id[TL_ID_SIZE], struct tl_error *e)
{
    struct tl_hash h;
    char sha[TL_SHA256_SIZE];
    memcpy(id, u->environment_id, TL_ID_SIZE);
    if (c->model_kind != TL_MODEL_STEPS)
        return 0;
    /* A case of steps depends on the programs it runs, not on the runner that runs them. */
    if (tl_hash_begin(&h))
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot hash the steps of a case", c->path, "no memory");
    for (size_t i = 0; i < c->n_steps; i++) {
        const struct tl_step *s = &c->steps[i];
        char **words = tl_calloc(s->n_argv + 1, sizeof *words);
        struct tl_error ignored;
        for (size_t k = 0; k < s->n_argv; k++)
            words[k] = tl_case_substitute(c, v, s->argv[k], "", "", "");
        char *program = tl_program_find(c->directory, words[0], &ignored);
        if (program) {
            free(words[0]);
            words[0] = program;
        }
        tl_hash_program(&h, c->directory, words);
        for (size_t k = 0; k < s->n_argv; k++)
            free(words[k]);
        free(words);
    }
    tl_hash_end(&h, sha);
    return environment_of(x, u, sha, id, e);
}

static bool answer_from_cache(struct job *j, unsigned repeat, struct tl_error *e)
{
    struct tl_cached *list;
    size_t n;
    if (tl_store_cached(j->x->store, j->c->hash, j->variant_hash, j->unit->text, j->environment_id, 10000,
                        &list, &n, e))
        return false;
    size_t usable = 0, wanted = SIZE_MAX;
    for (size_t i = n; i-- > 0;) /* oldest first; a fork server's child confirms nothing */
        if (list[i].outcome != TL_OUTCOME_LOST && (list[i].fresh || !j->fresh) && usable++ == repeat)
            wanted = i;
    bool found = wanted != SIZE_MAX && !tl_query_trial(j->x->store, list[wanted].id, &j->ready, e);
    free(list);
    return found;
}

/* The document of a case, once for all its trials in a row. */
static int put_case(struct tl_executor *x, const struct tl_case *c, struct tl_error *e)
{
    if (!strcmp(x->case_put, c->hash))
        return 0;
    char *document = json_dumps(c->document, JSON_COMPACT | JSON_SORT_KEYS);
    int result = tl_store_put_case(x->store, c->hash, c->name, document, e);
    free(document);
    if (!result)
        memcpy(x->case_put, c->hash, sizeof x->case_put);
    return result;
}

int tl_executor_submit(struct tl_executor *x, const struct tl_request *request, tl_executor_done done,
                       void *arg, struct tl_error *e)
{
    const struct tl_case *c = request->c;
    const struct tl_unit *u = request->unit;
    if (x->failed) {
        *e = x->failure;
        return -1;
    }
    if ((c->model_kind == TL_MODEL_STEPS) != !strcmp(u->runner, "command"))
        return tl_fail(e, TL_ERROR_INPUT, "this case does not run on this unit", u->text,
                       c->model_kind == TL_MODEL_STEPS ? "a case with steps runs on command:host"
                                                       : "command:host runs cases with steps only");
    const struct tl_unit *reference = NULL;
    if (c->reference_unit && strcmp(c->reference_unit, u->text) && c->model_kind != TL_MODEL_STEPS &&
        !(reference = tl_executor_unit(x, c->reference_unit, e)))
        return -1;
    struct job *j = tl_calloc(1, sizeof *j);
    j->x = x;
    j->to_this = &x->alive;
    j->newer = x->alive;
    if (j->newer)
        j->newer->to_this = &j->newer;
    x->alive = j;
    j->c = c;
    j->unit = u;
    j->fresh = request->fresh;
    j->done = done;
    j->arg = arg;
    j->generate_seconds = -1;
    tl_uuid7(j->id);
    j->variant = tl_variant_copy(c, request->variant);
    j->variant_json = tl_variant_json(c, &j->variant);
    tl_variant_hash(c, &j->variant, j->variant_hash);
    j->keep_outputs = tl_strdup(request->keep_outputs);
    if (reference) {
        j->reference = reference;
        if (!reference->usable)
            j->reference_note = tl_format("%s cannot be used here: %s", reference->text, reference->why);
        j->reference_place = tl_reference_place(c->hash, j->variant_hash, reference->environment_id, e);
    }
    int result = (j->reference && !j->reference_place) || put_case(x, c, e) ||
                 tl_store_put_variant(x->store, j->variant_hash, j->variant_json, e) ||
                 tl_executor_environment(x, c, &j->variant, u, j->environment_id, e);
    if (result) {
        job_free(j);
        return -1;
    }
    x->pending++;
    char *why = tl_variant_forbidden(c, &j->variant);
    if (why || !u->usable) {
        answer_unsupported(j, TL_PHASE_START, why ? why : u->why);
        free(why);
        return 0;
    }
    if (request->use_cache && answer_from_cache(j, request->repeat, e)) {
        j->cached = true;
        queue_answer(j);
        return 0;
    }
    if (c->model_kind == TL_MODEL_GENERATE) {
        result = tl_generated_plan(c, &j->variant, &j->generated, e) || submit_with_model(j, e) ? -1 : 0;
    } else {
        result = submit_trial(j, e);
    }
    if (result) {
        x->pending--;
        job_free(j);
    }
    return result;
}

size_t tl_executor_pending(const struct tl_executor *x)
{
    return x->pending;
}

/* --- the loop ------------------------------------------------------------------------------------------- */

int tl_executor_step(struct tl_executor *x, struct tl_error *e)
{
    deliver_answers(x);
    bool busy = tl_supervisor_waiting(x->supervisor) || tl_supervisor_in_flight(x->supervisor);
    turn(x, busy ? STEP_MS : 0);
    uint64_t due = tl_store_due_ns(x->store);
    struct tl_error why;
    if (due && tl_monotonic_ns() >= due && tl_store_flush(x->store, &why))
        fail_all(x, &why);
    if (x->failed && !tl_supervisor_in_flight(x->supervisor)) {
        *e = x->failure;
        return -1;
    }
    return 0;
}

int tl_executor_finish(struct tl_executor *x, struct tl_error *e)
{
    while (x->pending && !(x->interrupted && !tl_supervisor_in_flight(x->supervisor)))
        if (tl_executor_step(x, e))
            return -1;
    return 0;
}

bool tl_executor_interrupted(const struct tl_executor *x)
{
    return x->interrupted;
}
