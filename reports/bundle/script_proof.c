/* repro.sh is run where it was written, and its control: as a trial each, from an empty directory, with the
 * programs that are here in PATH. */
#include "reports/bundle/parts.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/limits.h"
#include "harness/base/places.h"
#include "reports/members.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOT_RUN "RESULT: not run" /* templates/repro.sh */
#define CONTROL_RUNS 3
#define SLOW_SECONDS 300 /* a trial that takes longer is run once */
#define MARGIN_SECONDS 60
#define WORDS_MOST 200

static bool wrote(const struct tl_output *o, const char *text)
{
    size_t n = strlen(text);
    return (o->head && memmem(o->head, o->head_size, text, n)) ||
           (o->tail && memmem(o->tail, o->tail_size, text, n));
}

/* A crash of which no step died: a driver says so with a status of its own, or of a program on another device in words. */
static bool tells_of_death(const struct tl_trial_record *r)
{
    return r->outcome == TL_OUTCOME_CRASH && r->signal && r->exit_status == 0;
}

/* The end of the message is what the program itself wrote last: two steps may end with the same status. NULL: it says nothing
 * that was written. */
static char *words_of(const struct tl_trial_record *r)
{
    static const char mark[] = " was expected: ";
    const char *at = r->message ? strstr(r->message, mark) : NULL;
    if (!at && !tells_of_death(r))
        return NULL;
    at = at ? at + sizeof mark - 1 : r->message ? r->message : "";
    size_t n = strcspn(at, "\n[");
    while (n && at[n - 1] == ' ')
        n--;
    char *end = tl_format("%.*s", (int)(n < WORDS_MOST ? n : WORDS_MOST), at),
         *words = tl_bundle_lasting_words(end);
    free(end);
    if (words && (wrote(&r->out, words) || wrote(&r->err, words)))
        return words;
    free(words);
    return NULL;
}

/* Its process is one of another device: here nothing dies, and a status alone tells of it. */
static bool is_on_device(const struct tl_trial_record *r)
{
    json_t *request = r->request ? json_loads(r->request, 0, NULL) : NULL;
    bool is = tl_member_text(request, "on");
    json_decref(request);
    return is;
}

/* What repro.sh says by its exit status (templates/repro.sh). */
static int status_of(const struct tl_trial_record *r)
{
    const char *code = r->error_code ? r->error_code : "";
    int n;
    if (r->outcome == TL_OUTCOME_FALLBACK || r->outcome == TL_OUTCOME_WRONG)
        return 3;
    if (r->outcome == TL_OUTCOME_HANG)
        return 124;
    if (r->outcome != TL_OUTCOME_ERROR || r->signal)
        return -1;
    if (sscanf(code, "exit %d", &n) == 1 && n > 0)
        return n;
    if (r->phase == TL_PHASE_GENERATE)
        return -1;
    return r->error_domain && strcmp(r->error_domain, "limit") != 0 && strcmp(r->error_domain, "exit") != 0
               ? 1
               : -1;
}

/* The programs of steps that bear no tracer bear none here. */
static bool is_untraced(const struct tl_case *c)
{
    bool untraced = false;
    for (size_t i = 0; i < c->n_steps; i++)
        untraced = untraced || c->steps[i].untraced;
    return untraced;
}

/* What fails only while it is traced fails nowhere else: it is run once more without a tracer. */
static int prove_alone(struct tl_bundle *b, struct tl_proof_request *q, json_t *seen, struct tl_error *e)
{
    struct tl_proof proof;
    q->untraced = true;
    q->runs = 1;
    q->expected = (struct tl_proof_expected){.outcome = TL_OUTCOME_ERROR, .exit_status = -1};
    int rc = b->o->prove(q, &proof, e);
    if (rc == 0 && !proof.as_expected && proof.exit_status == 0)
        json_object_set_new(
            seen, "note",
            json_string("In a run that was not traced it passed: what fails may be what a tracer "
                        "changes (docs/tracing.md of trapline)."));
    tl_proof_free(&proof);
    return rc;
}

static void not_proved(struct tl_bundle *b, const char *side, const char *const *command, const char *why)
{
    json_array_append_new(b->proved, tl_proof_not_run_json("repro.sh", side, command, why));
}

/* PATH=… with what the script names by its name alone and that stands elsewhere here: a tool of a virtual environment. */
static char *path_setting(const struct tl_bundle *b)
{
    const char *own = getenv("PATH");
    struct tl_buffer list = TL_BUFFER_INIT;
    const json_t *tool;
    size_t i;
    tl_buffer_add_string(&list, "PATH=");
    json_array_foreach(json_object_get(b->o->files, "tools"), i, tool) {
        const char *path = json_string_value(tool);
        if (!tl_place_is_of_system(path))
            tl_buffer_printf(&list, "%.*s:", (int)(tl_base_name(path) - path - 1), path);
    }
    tl_buffer_add_string(&list, own ? own : "/usr/bin:/bin");
    return tl_buffer_take(&list);
}

static int prove_side(struct tl_bundle *b, bool control, const struct tl_proof_expected *expected,
                      struct tl_error *e)
{
    const struct tl_case *c = b->o->c;
    const struct tl_trial_record *r = b->source->failing;
    char *stage = realpath(b->stage, NULL), *script = tl_format("%s/repro.sh", stage ? stage : b->stage);
    const char *argv[] = {"/bin/sh", script, control ? "--control" : NULL, NULL},
               *command[] = {"sh", "repro.sh", control ? "--control" : NULL, NULL};
    double most = c->limits.timeout_s;
    for (size_t i = 0; i < c->n_steps; i++)
        most = fmax(most, c->steps[i].timeout_s);
    char *runner = b->runner_elsewhere ? tl_format("RUNNER=%s", b->runner_elsewhere) : NULL;
    char *tools = path_setting(b);
    const char *const environment[] = {"PYTHONDONTWRITEBYTECODE=1", tools, runner, NULL}; /* in the bundle */
    struct tl_proof_request q = {.argv = argv,
                                 .environment = environment,
                                 .limits = c->limits,
                                 .runs = !control                         ? tl_bundle_runs(b, r->wall_seconds)
                                         : r->wall_seconds > SLOW_SECONDS ? 1
                                                                          : CONTROL_RUNS,
                                 .expected = *expected};
    struct tl_proof proof;
    if (is_untraced(c)) { /* its programs bear no tracer: what is seen of their end is the exit status */
        q.untraced = true;
        q.expected.exit_status = expected->signal ? 128 + expected->signal : expected->exit_status;
        q.expected.signal = 0;
    }
    q.limits.timeout_s = most * (double)(c->n_steps + 1) + MARGIN_SECONDS;
    int rc = b->o->prove(&q, &proof, e);
    tl_bundle_clean_line(b, &proof);
    const char *line = proof.line ? proof.line : "";
    if (rc == 0 && !strncmp(line, NOT_RUN, sizeof NOT_RUN - 1)) {
        line += sizeof NOT_RUN - 1;
        not_proved(b, control ? "control" : "failing", command, line + strspn(line, ": "));
    } else if (rc == 0) {
        json_t *seen = tl_proof_json(&proof, "repro.sh", control ? "control" : "failing", command);
        if (!control && r->outcome == TL_OUTCOME_HANG && proof.as_expected)
            json_object_set_new(seen, "outcome", json_string(tl_outcome_name(r->outcome)));
        json_array_append_new(b->proved, seen);
        if (!control && !q.untraced && proof.as_expected == proof.runs && r->outcome != TL_OUTCOME_HANG)
            rc = prove_alone(b, &q, seen, e);
    }
    tl_proof_free(&proof);
    free(tools);
    free(runner);
    free(script);
    free(stage);
    return rc;
}

int tl_bundle_prove_script(struct tl_bundle *b, struct tl_error *e)
{
    const struct tl_trial_record *r = b->source->failing;
    if (!b->o->prove || !r)
        return 0;
    if (!tl_outcome_is_failure(r->outcome) || r->outcome == TL_OUTCOME_LOST) {
        static const char *const command[] = {"sh", "repro.sh", NULL};
        not_proved(b, "failing", command, "the report is about no failure");
        return 0;
    }
    bool device = is_on_device(r) && r->signal;
    char *said = device ? NULL : r->outcome == TL_OUTCOME_ERROR || tells_of_death(r) ? words_of(r) : NULL;
    const char *words[] = {said, NULL};
    struct tl_proof_expected failing = {.outcome =
                                            r->outcome == TL_OUTCOME_HANG ? TL_OUTCOME_ERROR : r->outcome,
                                        .signal = r->signal,
                                        .exit_status = status_of(r),
                                        .as = r,
                                        .words = said ? words : NULL},
                             control = {.outcome = TL_OUTCOME_PASS};
    if (r->outcome == TL_OUTCOME_HANG || tells_of_death(r))
        failing.signal = 0;
    if (device) {
        failing.signal = 0;
        failing.exit_status = 128 + r->signal;
    }
    int rc = prove_side(b, false, &failing, e);
    const json_t *seen = json_array_get(b->proved, json_array_size(b->proved) - 1);
    if (rc == 0 && b->source->control && json_integer_value(json_object_get(seen, "runs")) > 0)
        rc = prove_side(b, true, &control, e);
    tl_bundle_sweep(b);
    free(said);
    return rc;
}
