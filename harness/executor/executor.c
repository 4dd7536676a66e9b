/* Theory of operation. A request becomes a job:
 *
 *   forbidden? -> unsupported          cached? -> that outcome
 *   model to be generated? -> a trial of the generator, phase generate; when it fails, that is the outcome
 *   the trial -> record -> store -> done
 *
 * A case with a reference: before the first trial of a variant the reference unit runs it, as a trial of its
 * own, and its outputs are kept; then the outputs of every trial that passes are compared with them, or with files
 * that the case names (job_reference.c).
 *
 * Jobs whose outcome needs no child are answered from an idle callback, so that `done` is never called from
 * inside submit. The id of a trial is one from its intent to its row, whether or not a generator ran first.
 *
 * executor.c, executor_trial.c and executor_units.c call each other in a circle, and stay so: a job that was
 * submitted (executor.c) goes its way (executor_trial.c) through callbacks that answer it (executor.c), and a
 * unit is needed to submit, while to describe one takes a turn of the same loop (executor_units.c). */
#include "harness/executor/executor_impl.h"

#include "db/query.h"
#include "db/ran_on.h"
#include "db/started.h"
#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/jobs.h"
#include "harness/executor/identity.h"
#include "harness/executor/kept.h"
#include "harness/executor/lent_model.h"
#include "harness/executor/remote.h"
#include "harness/executor/remote_impl.h"
#include "harness/verdict/classify.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_S 3 /* so long a trial is waited for without a word */

/* --- set-up --------------------------------------------------------------------------------------------- */

static void stop_all(struct tl_executor *x)
{
    tl_supervisor_cancel(x->supervisor);
    if (x->remote)
        tl_remote_stop(x);
}

static void on_interrupt(uv_signal_t *handle, int signal)
{
    struct tl_executor *x = handle->data;
    (void)signal;
    bool again = x->interrupted;
    x->interrupted = true;
    if (again || !x->drains)
        stop_all(x);
}

static void on_deadline(uv_timer_t *timer);

static void wait_until(struct tl_executor *x, uint64_t now)
{
    uv_update_time(&x->loop);
    uv_timer_start(&x->deadline, on_deadline, (x->deadline_ns - now) / 1000000 + 1, 0);
}

/* The timer's clock may have gone on while this process, or the machine, was asleep. */
static void on_deadline(uv_timer_t *timer)
{
    struct tl_executor *x = timer->data;
    uint64_t now = tl_awake_ns();
    if (now < x->deadline_ns) {
        wait_until(x, now);
        return;
    }
    x->out_of_time = true;
    stop_all(x);
}

void tl_executor_deadline(struct tl_executor *x, uint64_t at_ns)
{
    uint64_t now = tl_awake_ns();
    x->out_of_time = at_ns && at_ns <= now;
    x->deadline_ns = at_ns;
    uv_timer_stop(&x->deadline);
    if (at_ns > now)
        wait_until(x, now);
    else if (at_ns)
        stop_all(x);
}

bool tl_executor_out_of_time(const struct tl_executor *x)
{
    return x->out_of_time;
}

static void on_step(uv_timer_t *timer)
{
    (void)timer; /* ends the wait of uv_run */
}

/* The timer also keeps the loop alive: the signals of children alone do not, and it would not look at them.
 */
void tl_executor_turn(struct tl_executor *x, uint64_t most_ms)
{
    uv_timer_start(&x->step, on_step, most_ms, 0);
    tl_awake_ns(); /* a look before and after each wait */
    uv_run(&x->loop, UV_RUN_ONCE);
    tl_awake_ns();
    tl_content_session_beat(&x->content);
    uv_timer_stop(&x->step);
}

/* The intent of every trial that belongs to a case is on disk before its child runs. */
static int on_begin(void *arg, const struct tl_trial_record *record, struct tl_error *e)
{
    struct tl_executor *x = arg;
    if (!*record->case_hash)
        return 0;
    x->ran = true;
    tl_content_session_keep(&x->content);
    return tl_store_begin(x->store, &record, 1, e);
}

int tl_executor_new(struct tl_executor **out, const struct tl_executor_options *options, struct tl_error *e)
{
    struct tl_executor *x = tl_calloc(1, sizeof *x);
    x->answered_tail = &x->answered;
    x->anew = options->anew;
    x->yields = options->yields;
    x->warn = options->warn;
    x->waits = options->waits;
    tl_machine_read(&x->machine);
    int opened = tl_store_open_watched(options->db_path, TL_STORE_WRITE, options->watch, &x->store, e);
    x->started_us = tl_wall_us(); /* what is older was known before */
    if (opened ||
        tl_store_session_begin(x->store, &x->machine.machine, TL_VERSION, options->command, NULL, e) ||
        (options->started && tl_started_session(x->store, options->started, e))) {
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
        .warn = options->warn,
        .no_cgroup = options->no_cgroup,
        .sandbox = options->sandbox,
    };
    supervise.sandbox.database = tl_store_path(x->store);
    if (tl_supervisor_new(&x->supervisor, &x->loop, &supervise, e)) {
        uv_loop_close(&x->loop);
        tl_store_close(x->store, NULL);
        free(x);
        return -1;
    }
    tl_supervisor_on_begin(x->supervisor, on_begin, x);
    if (options->sandbox.wanted)
        x->sandbox = tl_format("%s the network%s%s", options->sandbox.network ? "with" : "without",
                               options->sandbox.user ? ", as " : "",
                               options->sandbox.user ? options->sandbox.user : "");
    x->goes_on = options->goes_on;
    x->drains = options->drains;
    x->jobs_asked = options->jobs;
    x->jobs = options->jobs ? options->jobs : options->fleet ? 1 : tl_jobs_default(); /* a fleet has places */
    static const int signals[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&x->loop, &x->interrupts[i]);
        x->interrupts[i].data = x;
        uv_signal_start(&x->interrupts[i], on_interrupt, signals[i]);
        uv_unref((uv_handle_t *)&x->interrupts[i]);
    }
    uv_timer_init(&x->loop, &x->step);
    uv_timer_init(&x->loop, &x->deadline);
    x->deadline.data = x;
    uv_unref((uv_handle_t *)&x->deadline);
    *out = x;
    if (options->fleet && tl_remote_begin(x, options->fleet, options->own_each, e)) {
        tl_executor_free(x, NULL);
        *out = NULL;
        return -1;
    }
    x->fleet = options->fleet;
    return 0;
}

uv_loop_t *tl_executor_loop(struct tl_executor *x)
{
    return &x->loop;
}

/* What could not be seen so far, each once. */
static void tell_notes(struct tl_executor *x)
{
    const char *text;
    json_t *said;
    json_object_foreach(x->content.notes, text, said) {
        if (!json_is_true(said) && x->warn)
            x->warn(text);
        json_object_set_new_nocheck(x->content.notes, text, json_true());
    }
}

json_t *tl_executor_counted(struct tl_executor *x)
{
    json_t *counted = tl_identity_variables();
    json_object_update(counted, x->content.counted);
    return counted;
}

void tl_executor_warn(struct tl_executor *x, const char *text)
{
    if (x->warn)
        x->warn(text);
}

int tl_executor_free(struct tl_executor *x, struct tl_error *e)
{
    if (!x)
        return 0;
    x->closing = true;
    tl_supervisor_free(x->supervisor);
    if (x->remote)
        tl_remote_withdraw(x);
    while (x->alive) /* stopped before they were answered */
        tl_job_free(x->alive);
    uv_close((uv_handle_t *)&x->interrupts[0], NULL);
    uv_close((uv_handle_t *)&x->interrupts[1], NULL);
    tl_remote_end(x);
    uv_close((uv_handle_t *)&x->step, NULL);
    uv_close((uv_handle_t *)&x->deadline, NULL);
    uv_run(&x->loop, UV_RUN_DEFAULT);
    uv_loop_close(&x->loop);
    tl_fleet_link_close(x->fleet);
    tell_notes(x);
    tl_content_end(&x->content, x->ran);
    free(x->sandbox);
    json_decref(x->versions);
    json_decref(x->made);
    json_decref(x->whole);
    json_decref(x->unsure);
    int result = tl_store_close(x->store, e);
    if (!result && x->failed) {
        result = -1;
        if (e)
            *e = x->failure;
    }
    while (x->units) {
        struct unit_entry *u = x->units;
        x->units = u->next;
        tl_unit_free(&u->unit);
        free(u->name);
        free(u);
    }
    free(x);
    return result;
}

bool tl_executor_may_use(const struct tl_executor *x, const char *directory)
{
    return !x->anew || json_object_get(x->made, directory);
}

void tl_executor_made(struct tl_executor *x, const char *directory)
{
    x->made = x->made ? x->made : json_object();
    json_object_set_new_nocheck(x->made, directory, json_true());
}

bool tl_executor_has(struct tl_executor *x, const char *directory)
{
    x->whole = x->whole ? x->whole : json_object();
    return tl_executor_may_use(x, directory) && tl_kept_is_whole(directory, x->whole);
}

json_t *tl_executor_versions(struct tl_executor *x, const struct tl_case *c)
{
    bool failed;
    struct tl_error ignored;
    const char *text = tl_identity_versions(x, c, &failed, &ignored);
    return text ? json_loads(text, 0, NULL) : NULL;
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

const struct tl_machine *tl_executor_machine_of(const struct tl_executor *x, const struct tl_unit *u)
{
    return u && u->place ? &u->place->machine : &x->machine.machine;
}

bool tl_executor_environment_is(const struct tl_executor *x, const char *wanted, const char *id)
{
    return !strcmp(wanted, id) || (x->remote && tl_kind_is(x->store, wanted, id));
}

struct tl_supervisor *tl_executor_supervisor(struct tl_executor *x)
{
    return x->supervisor;
}

/* --- answers -------------------------------------------------------------------------------------------- */

void tl_job_free(struct tl_job *j)
{
    if (j->remote_id[0])
        tl_remote_leave(j);
    *j->to_this = j->newer;
    if (j->newer)
        j->newer->to_this = j->to_this;
    tl_trial_record_free(&j->ready);
    tl_variant_free(&j->variant);
    tl_variant_free(&j->reference_variant);
    tl_generated_free(&j->generated);
    free(j->keep_outputs);
    if (j->lent)
        tl_remove_tree(j->lent);
    free(j->lent);
    free(j->model);
    free(j->inputs);
    free(j->reference_model);
    free(j->reference_inputs);
    free(j->reference_place);
    free(j->reference_note);
    tl_strings_free(j->settings);
    free(j->variant_json);
    free(j->elements);
    free(j->remote_text);
    free(j);
}

void tl_executor_fail_all(struct tl_executor *x, const struct tl_error *e)
{
    if (!x->failed) {
        x->failed = true;
        x->failure = *e;
        tl_supervisor_cancel(x->supervisor);
    }
}

/* Stores a record (unless it came from the store, or is no verdict) and tells who asked. */
void tl_job_answer(struct tl_job *j, const struct tl_trial_record *r, bool verdict)
{
    struct tl_executor *x = j->x;
    struct tl_error e;
    const struct tl_error *failure = NULL;
    x->pending--;
    if (x->failed &&
        r->outcome == TL_OUTCOME_LOST) { /* with a command that has failed, and not in its trial */
        /* One that had begun has a row all the same; where there is no room for it, the intent stays and says it. */
        if (verdict && !j->cached)
            tl_store_trial(x->store, r, NULL);
        else if (!j->cached)
            tl_store_withdraw(x->store, r->id);
        verdict = false;
    } else if (!verdict && !j->cached) {
        tl_store_withdraw(x->store, r->id);
    }
    if (!verdict) {
        bool stopped = x->interrupted || x->failed || x->out_of_time;
        tl_fail(&e, stopped ? TL_ERROR_INTERRUPTED : TL_ERROR_ENVIRONMENT, "cannot run a trial", r->unit,
                "%s", r->message ? r->message : "");
        failure = &e;
        if (!stopped)
            tl_executor_fail_all(x, &e);
    } else if (!j->cached &&
               ((x->anew && r->outcome != TL_OUTCOME_LOST && tl_store_anew(x->store, r, x->started_us, &e)) ||
                tl_store_trial(x->store, r, &e))) {
        failure = &e;
        tl_executor_fail_all(x, &e);
    } else if (!j->cached && tl_verdict_is_own_failure(r)) {
        tl_fail(&e, TL_ERROR_ENVIRONMENT, "cannot follow a trial", r->unit, "%s", r->message);
        failure = &e;
        tl_executor_fail_all(x, &e);
    }
    j->done(j->arg, r, j->cached, failure);
    tl_job_free(j);
}

/* The record of a job that no child is needed for. */
void tl_job_prepare(struct tl_job *j)
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

void tl_job_fail(struct tl_job *j, const struct tl_error *e)
{
    tl_job_prepare(j);
    tl_verdict_not_run(tl_error_text(e), &j->ready);
    tl_job_answer(j, &j->ready, false);
}

/* Of many trials one ends the command: it is said which, as it can be run alone. Nobody reads hundreds of axes. */
static void name_variant(const struct tl_job *j, const struct tl_error *e, struct tl_error *named)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    json_t *variant = json_loads(j->variant_json, 0, NULL), *value;
    const char *axis;
    json_object_foreach(variant, axis, value) {
        char *text = json_is_string(value) ? tl_strdup(json_string_value(value))
                                           : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        if (b.size > sizeof named->why / 2) {
            tl_buffer_add_string(&b, " \xe2\x80\xa6");
            free(text);
            break;
        }
        tl_buffer_printf(&b, " %s=%.*s", axis, 200, text ? text : "?");
        free(text);
    }
    *named = *e;
    if (b.size)
        tl_fail(named, e->kind, e->what, e->where, "in the variant%s on %s: %s", b.data, j->unit->text,
                e->why);
    tl_buffer_free(&b);
    json_decref(variant);
}

void tl_job_cannot(struct tl_job *j, const struct tl_error *e)
{
    struct tl_error named;
    name_variant(j, e, &named);
    tl_job_prepare(j);
    tl_verdict_not_run(tl_error_text(e), &j->ready);
    tl_store_withdraw(j->x->store, j->id);
    j->x->pending--;
    if (!j->x->goes_on)
        tl_executor_fail_all(j->x, &named);
    j->done(j->arg, &j->ready, false, &named);
    tl_job_free(j);
}

static void queue_answer(struct tl_job *j)
{
    *j->x->answered_tail = j;
    j->x->answered_tail = &j->next;
}

static void answer_unsupported(struct tl_job *j, enum tl_phase phase, const char *why)
{
    tl_job_prepare(j);
    tl_verdict_unsupported(phase, tl_strdup(why), &j->ready);
    queue_answer(j);
}

static void deliver_answers(struct tl_executor *x)
{
    while (x->answered) {
        struct tl_job *j = x->answered;
        x->answered = j->next;
        if (!x->answered)
            x->answered_tail = &x->answered;
        tl_job_answer(j, &j->ready, tl_verdict_is_given(&j->ready));
    }
}

/* 1: there is an answer, 0: none, -1: that cannot be told, which is no reason to run it again. */
static int answer_from_cache(struct tl_job *j, unsigned repeat, struct tl_error *e)
{
    struct tl_cached *list;
    size_t n;
    if (tl_store_cached(j->x->store, j->c->hash, j->variant_hash, j->unit->text, j->environment_id, 10000,
                        &list, &n, e))
        return -1;
    size_t usable = 0, wanted = SIZE_MAX;
    /* Oldest first. A fork server's child confirms nothing, and no table is of both kinds of process. */
    bool fresh = j->fresh || !j->unit->can_serve;
    for (size_t i = n; i-- > 0;)
        if (list[i].outcome != TL_OUTCOME_LOST && list[i].fresh == fresh && usable++ == repeat)
            wanted = i;
    int found = wanted == SIZE_MAX ? 0 : tl_query_trial(j->x->store, list[wanted].id, &j->ready, e) ? -1 : 1;
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
    char *name = strcmp(c->path, "-") ? tl_strdup(tl_base_name(c->path)) : tl_format("%s.json", c->name),
         *path = tl_format("%s/%s", c->directory, name);
    result = result || tl_started_case_place(x->store, c->hash, path, e) ? -1 : 0;
    free(path);
    free(name);
    if (!result)
        memcpy(x->case_put, c->hash, sizeof x->case_put);
    return result;
}

struct tl_job *tl_job_new(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                          const struct tl_unit *u, tl_executor_done done, void *arg)
{
    struct tl_job *j = tl_calloc(1, sizeof *j);
    j->x = x;
    j->to_this = &x->alive;
    j->newer = x->alive;
    if (j->newer)
        j->newer->to_this = &j->newer;
    x->alive = j;
    j->c = c;
    j->unit = u;
    j->done = done;
    j->arg = arg;
    j->generate_seconds = -1;
    tl_uuid7(j->id);
    j->variant = tl_variant_copy(c, v);
    j->settings = tl_case_environment(c, &j->variant);
    j->variant_json = tl_variant_json(c, &j->variant);
    tl_variant_hash(c, &j->variant, j->variant_hash);
    return j;
}

int tl_job_identify(struct tl_job *j, struct tl_error *e)
{
    bool stored = !j->unrecorded;
    return tl_job_write_elements(j, e) || (stored && put_case(j->x, j->c, e)) ||
                   (stored && tl_store_put_variant(j->x->store, j->variant_hash, j->variant_json, e)) ||
                   tl_executor_environment(j->x, j->c, &j->variant, j->unit, j->environment_id, e)
               ? -1
               : 0;
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
    struct tl_job *j = tl_job_new(x, c, request->variant, u, done, arg);
    if (request->id)
        snprintf(j->id, sizeof j->id, "%s", request->id);
    j->has_id = request->id != NULL;
    snprintf(j->reference_id, sizeof j->reference_id, "%s",
             request->reference_id ? request->reference_id : "");
    j->fresh = request->fresh;
    j->new_server = request->new_server;
    j->unrecorded = j->cached = request->unrecorded;
    j->timeout_s = request->timeout_s;
    j->keep_outputs = tl_strdup(request->keep_outputs);
    j->ended = request->ended;
    j->model = tl_strdup(request->model);
    j->inputs = tl_strdup(request->inputs);
    j->reference_model = tl_strdup(request->reference_model);
    j->reference_inputs = tl_strdup(request->reference_inputs);
    j->reference_place = tl_strdup(request->reference_place);
    j->own_reference_place = request->reference_place != NULL;
    int result = tl_job_identify(j, e) || (!u->kind && tl_job_find_reference(j, e)) ? -1 : 0;
    tell_notes(x);
    if (result) {
        tl_job_free(j);
        return -1;
    }
    x->pending++;
    char *why = tl_variant_forbidden(c, &j->variant);
    if (why || !u->usable) {
        answer_unsupported(j, TL_PHASE_START, why ? why : u->why);
        free(why);
        return 0;
    }
    int known = request->use_cache ? answer_from_cache(j, request->repeat, e) : 0;
    if (known < 0) {
        x->pending--;
        tl_job_free(j);
        return -1;
    }
    if (known) {
        j->cached = true;
        queue_answer(j);
        return 0;
    }
    if (x->out_of_time) {
        tl_job_prepare(j);
        tl_verdict_not_run(tl_strdup("no time was left"), &j->ready);
        queue_answer(j);
        return 0;
    }
    if (u->kind) {
        if (x->interrupted && !x->drains)
            tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", u->text, "before it ran");
        else if (!tl_remote_submit(j, e))
            return 0;
        x->pending--;
        tl_job_free(j);
        return -1;
    }
    if (x->lend_below && !j->model && c->model_file)
        result = tl_lent_model(x->lend_below, c->model_file, &j->lent, &j->model, e);
    result = result || tl_job_submit(j, e) ? -1 : 0;
    if (result) {
        x->pending--;
        tl_job_free(j);
    }
    return result;
}

void tl_executor_lend(struct tl_executor *x, const char *below)
{
    x->lend_below = below;
}

bool tl_executor_unsaved(const struct tl_executor *x)
{
    return x->failed || tl_store_due_ns(x->store);
}

size_t tl_executor_pending(const struct tl_executor *x)
{
    return x->pending;
}

size_t tl_executor_in_flight(const struct tl_executor *x)
{
    size_t n = tl_supervisor_in_flight(x->supervisor);
    for (const struct tl_job *j = x->remote ? x->alive : NULL; j; j = j->newer)
        n += j->remote_id[0] != '\0';
    return n;
}

/* --- the loop ------------------------------------------------------------------------------------------- */

static int step(struct tl_executor *x, bool waits, struct tl_error *e)
{
    struct tl_error why;
    deliver_answers(x);
    if (x->remote && tl_remote_turn(x, &why))
        tl_executor_fail_all(x, &why);
    tl_executor_turn(x, waits ? TL_STEP_MS : 0);
    uint64_t due = tl_store_due_ns(x->store);
    if (due && tl_monotonic_ns() >= due && tl_store_flush(x->store, &why))
        tl_executor_fail_all(x, &why);
    if (x->failed && !tl_supervisor_in_flight(x->supervisor)) {
        *e = x->failure;
        return -1;
    }
    return 0;
}

int tl_executor_step(struct tl_executor *x, struct tl_error *e)
{
    return step(x,
                tl_supervisor_waiting(x->supervisor) || tl_supervisor_in_flight(x->supervisor) ||
                    (x->remote && x->pending),
                e);
}

int tl_executor_serve(struct tl_executor *x, struct tl_error *e)
{
    return step(x, !x->answered, e);
}

void tl_executor_tell_wait(const struct tl_executor *x, uint64_t since_ns)
{
    const struct tl_job *j = x->alive;
    double seconds = tl_awake_since(since_ns);
    if (!j || seconds < QUIET_S)
        return;
    while (j->newer) /* what was submitted before it */
        j = j->newer;
    double most = j->c->limits.timeout_s;
    if (j->timeout_s > 0 && (most <= 0 || j->timeout_s < most))
        most = j->timeout_s;
    char limit[64] = "";
    if (most > 0)
        snprintf(limit, sizeof limit, " (each phase may take %.0f s, the case's timeout_s)", most);
    tl_watch_line(x->waits, "%s on %s: nothing has ended for %.0f s%s", j->c->name, j->unit->text, seconds,
                  limit);
}

int tl_executor_finish(struct tl_executor *x, struct tl_error *e)
{
    uint64_t since = tl_awake_ns();
    for (size_t pending = x->pending; x->pending;) {
        if (x->interrupted && !tl_supervisor_in_flight(x->supervisor))
            break;
        if (tl_executor_step(x, e))
            return -1;
        if (x->pending != pending)
            since = tl_awake_ns();
        pending = x->pending;
        tl_executor_tell_wait(x, since);
    }
    if (x->failed)
        *e = x->failure;
    return x->failed ? -1 : 0;
}

bool tl_executor_look(struct tl_executor *x)
{
    tl_executor_turn(x, 0);
    return x->interrupted;
}

bool tl_executor_interrupted(const struct tl_executor *x)
{
    return x->interrupted;
}
