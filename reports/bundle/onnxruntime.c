/* The part of a bundle that is for ONNX Runtime: model, options and inputs of both variants as the runner wrote them down, and
 * programs that run them.
 *
 * The programs are run before they are handed out. When one does not do as it is to, what it lacks is looked for: a limit of
 * memory that trials have, or distance from an edge (edge.c). What is seen in the end is said, whatever it is. */
#include "reports/bundle/ort.h"

#include "harness/base/clock.h"
#include "harness/base/program.h"
#include "reports/finding/words.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define ROUNDS 3
#define DEEP 200 /* frames of a stack that may be one that ended */

/* A stack that is so deep may have ended, which is a matter of how large it is here: in KiB. 0: it is not deep, or has no
 * end. */
static uint64_t stack_limit(const struct tl_trial_record *r)
{
    struct rlimit limit;
    const struct tl_thread *t = r->n_captures && r->captures[0].n_threads ? &r->captures[0].threads[0] : NULL;
    bool deep = r->outcome == TL_OUTCOME_CRASH && t && t->n_frames + t->omitted >= DEEP,
         ended = r->signature.title && !strncmp(r->signature.title, "stack overflow", 14);
    if ((!deep && !ended) || getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return 0;
    return (uint64_t)limit.rlim_cur / 1024;
}

/* The titles of the places at which the same failure was seen. */
static const char **titles_of(const json_t *finding)
{
    const json_t *places = json_object_get(finding, "places"), *place;
    const char **titles = tl_calloc(json_array_size(places) + 1, sizeof *titles);
    size_t i, n = 0;
    json_array_foreach(places, i, place)
        if (tl_member_text(place, "title"))
            titles[n++] = tl_member_text(place, "title");
    return titles;
}

/* The trial of the neighbour that passed. Over builds that is the same variant on another build: no variant passes. */
static const struct tl_trial_record *control_of(const struct tl_bundle *b)
{
    const struct tl_trial_record *failing = b->source->failing, *control = b->source->control;
    bool same = failing && control && failing->variant && control->variant &&
                !strcmp(failing->variant, control->variant);
    return same ? NULL : control;
}

/* Variables that the case sets. Paths in them are of this machine. */
static json_t *environment_of(struct tl_bundle *b)
{
    json_t *request = b->source->failing && b->source->failing->request
                          ? json_loads(b->source->failing->request, 0, NULL)
                          : NULL,
           *variables = json_incref(json_object_get(request, "environment"));
    if (variables && !b->source->keep_paths) {
        json_t *redacted = tl_redact_json(&b->redaction, variables);
        json_decref(variables);
        variables = redacted;
    }
    json_decref(request);
    return variables;
}

static void begin(struct tl_bundle_ort *o, struct tl_bundle *b)
{
    const json_t *finding = json_object_get(b->report, "finding"), *document = b->o->case_document,
                 *reference =
                     json_object_get(b->source->failing ? b->source->failing->result : NULL, "reference");
    const char *library = tl_member_text(b->o->build_object, "path"),
               *unit = tl_member_text(reference, "unit");
    struct tl_error none;
    *o = (struct tl_bundle_ort){
        .b = b,
        .failing = {.where = "", .whose = "the minimal variant", .trial = b->source->failing},
        .control = {.where = "control/",
                    .whose = "the neighbour that passed",
                    .trial = control_of(b),
                    .must_pass = true}};
    o->title = tl_strdup(tl_member_or(b->report, "title", ""));
    o->summary = tl_inline_plain(tl_words_summary(finding));
    o->reference = unit ? tl_redact(&b->redaction, unit) : NULL;
    o->environment = environment_of(b);
    o->library = library && access(library, R_OK) == 0 ? tl_strdup(library) : NULL;
    o->good_library = b->o->good_build && b->o->good_library && access(b->o->good_library, R_OK) == 0
                          ? tl_strdup(b->o->good_library)
                          : NULL;
    o->titles = titles_of(b->source->finding);
    o->compiler = tl_program_find(".", "cc", &none);
    o->repro = (struct tl_repro){
        .title = o->title,
        .summary = o->summary,
        .version = tl_member_text(json_object_get(finding, "build"), "version"),
        .reference = o->reference,
        .environment = o->environment,
        .good_build = b->o->good_build,
        .judge_finite = !json_object_get(document, "reference"),
    };
    if (b->source->failing) {
        o->repro.stack_limit_kb = stack_limit(b->source->failing);
        if (b->source->failing->outcome == TL_OUTCOME_OOM)
            o->repro.memory_mb = tl_bundle_memory_mb(b);
        if (b->source->failing->outcome == TL_OUTCOME_HANG) {
            o->too_long = tl_format("RESULT: did not end in %s", tl_phase_name(b->source->failing->phase));
            o->repro.timeout_s = (uint64_t)ceil(tl_bundle_timeout_s(b));
        }
    }
}

static void end(struct tl_bundle_ort *o)
{
    tl_bundle_side_free(&o->failing);
    tl_bundle_side_free(&o->control);
    json_decref(o->environment);
    free(o->title);
    free(o->summary);
    free(o->reference);
    free(o->too_long);
    free(o->compiler);
    free(o->compiler_fails);
    free(o->library);
    free(o->good_library);
    free(o->titles);
}

/* The two sides of what one program was seen to do. */
struct seen {
    int ran; /* as tl_bundle_prove_c answers */
    struct tl_proof p;
    char *why;
};

static void forget(struct seen *s)
{
    tl_proof_free(&s->p);
    free(s->why);
    *s = (struct seen){0};
}

/* A failure that does not show every time is not expected to. */
static bool is_right(const struct tl_bundle_ort *o, const struct seen *s, bool control)
{
    if (s->ran != 1)
        return true; /* nothing is known */
    return !control && tl_bundle_is_flaky(o->b) ? s->p.as_expected > 0 : s->p.as_expected == s->p.runs;
}

static bool has_control(const struct tl_bundle_ort *o)
{
    return o->control.model || o->good_library;
}

static int prove_both(struct tl_bundle_ort *o, struct seen seen[2], struct tl_error *e)
{
    unsigned runs = tl_bundle_runs(o->b, o->b->source->failing->wall_seconds);
    uint64_t start = tl_monotonic_ns();
    for (int side = 0; side < 2; side++) {
        forget(&seen[side]);
        if (side && !has_control(o))
            continue;
        const struct tl_bundle_run run = {.control = side && o->control.model,
                                          .must_pass = side,
                                          .good_build = side && !o->control.model,
                                          .runs = side ? TL_BUNDLE_RUNS : runs};
        tl_watch_line(o->b->o->watch, "repro.c%s: %u runs", side ? ", its control" : "", run.runs);
        seen[side].ran = tl_bundle_prove_c(o, o->b->stage, &run, &seen[side].p, &seen[side].why, e);
        if (seen[side].ran < 0)
            return -1;
    }
    unsigned all = seen[0].p.runs + seen[1].p.runs;
    o->run_seconds = all ? (double)(tl_monotonic_ns() - start) / 1e9 / all : 0;
    return 0;
}

/* A failure that shows within the limit of memory that its trials had. */
static int try_memory_limit(struct tl_bundle_ort *o, struct seen seen[2], struct tl_error *e)
{
    if (o->repro.memory_mb || o->repro.stack_limit_kb) /* it is known what it lacks */
        return 0;
    const struct tl_bundle_run run = {.runs = TL_BUNDLE_RUNS, .until_other = true};
    struct seen limited = {0};
    o->repro.memory_mb = tl_bundle_memory_mb(o->b);
    if (tl_bundle_write_programs(o, o->b->stage, &o->failing, &o->control, e))
        return -1;
    limited.ran = tl_bundle_prove_c(o, o->b->stage, &run, &limited.p, &limited.why, e);
    bool shows = limited.ran == 1 && limited.p.as_expected == TL_BUNDLE_RUNS, stopped = limited.ran < 0;
    forget(&limited);
    if (stopped || (shows && prove_both(o, seen, e)))
        return -1;
    if (shows && seen[0].p.as_expected == seen[0].p.runs && is_right(o, &seen[1], true))
        return 1;
    o->repro.memory_mb = 0;
    return 0;
}

static int put(struct tl_bundle_ort *o, struct tl_bundle_side *s, struct tl_error *e)
{
    return s->model ? tl_bundle_side_put(o, s, e) : 0;
}

static int write_and_prove(struct tl_bundle_ort *o, struct seen seen[2], struct tl_error *e)
{
    return tl_bundle_write_programs(o, o->b->stage, &o->failing, &o->control, e) || prove_both(o, seen, e)
               ? -1
               : 0;
}

/* A side that is not right goes away from its edge: 1 when it did. */
static int leave_edge(struct tl_bundle_ort *o, struct tl_bundle_side *s, const struct seen *seen,
                      struct tl_error *e)
{
    int rc = tl_bundle_leave_edge(o, s, seen->p.as_expected, seen->p.runs, e);
    return rc > 0 && put(o, s, e) ? -1 : rc;
}

/* Writes the programs, runs them, and does what it can for those that do not do as they are to. In the end what is there is
 * what was run. */
static int settle(struct tl_bundle_ort *o, struct seen seen[2], struct tl_error *e)
{
    for (int round = 0; round < ROUNDS; round++) {
        int moved = 0, other = 0;
        if (write_and_prove(o, seen, e))
            return -1;
        bool failing = is_right(o, &seen[0], false), control = is_right(o, &seen[1], true);
        if (failing && control)
            return 0;
        if (!failing) {
            bool limited = !o->repro.memory_mb && !o->repro.stack_limit_kb;
            int rc = try_memory_limit(o, seen, e);
            if (rc)
                return rc < 0 ? -1 : 0;
            moved = leave_edge(o, &o->failing, &seen[0], e);
            if (moved == 0 && limited &&
                tl_bundle_write_programs(o, o->b->stage, &o->failing, &o->control, e))
                return -1;
        }
        /* A pass next to a failure that is not one everywhere is none either. */
        if (moved >= 0 && o->control.model && (!control || (moved && !o->control.has_own)))
            other = leave_edge(o, &o->control, &seen[1], e);
        if (moved < 0 || other < 0)
            return -1;
        if (!moved && !other)
            return 0;
    }
    return write_and_prove(o, seen, e);
}

static void add_proof(struct tl_bundle_ort *o, const char *program, bool control, const struct seen *s)
{
    const bool c = !strcmp(program, "repro.c"), build = control && !o->control.model;
    const char *const words[] = {c ? "./a.out" : "python3",
                                 !c      ? "repro.py"
                                 : build ? "/path/to/another/libonnxruntime.so"
                                         : "/path/to/libonnxruntime.so",
                                 control && !build ? "--control" : NULL, NULL};
    const char *side = control ? "control" : "failing";
    json_t *proof = s->ran == 1 ? tl_proof_json(&s->p, program, side, words)
                                : tl_proof_not_run_json(program, side, words, s->why);
    if (build)
        json_object_set_new(proof, "build", json_string(o->b->o->good_build));
    json_array_append_new(o->b->proved, proof);
}

static int prove_python(struct tl_bundle_ort *o, struct tl_error *e)
{
    for (int side = 0; side < (o->control.model ? 2 : 1); side++) {
        struct seen s = {0};
        s.ran = tl_bundle_prove_python(o, o->b->stage, side, &s.p, &s.why, e);
        if (s.ran >= 0 && !(side && s.ran == 0)) /* why it was not run is said once */
            add_proof(o, "repro.py", side, &s);
        bool failed = s.ran < 0;
        forget(&s);
        if (failed)
            return -1;
    }
    return 0;
}

static int write_all(struct tl_bundle_ort *o, struct tl_error *e)
{
    struct seen seen[2] = {{0}, {0}};
    int rc = put(o, &o->failing, e) || put(o, &o->control, e) || settle(o, seen, e) ? -1 : 0;
    for (int side = 0; rc == 0 && side < (has_control(o) ? 2 : 1); side++)
        if (!(side && seen[side].ran == 0))
            add_proof(o, "repro.c", side, &seen[side]);
    if (rc == 0)
        rc = prove_python(o, e);
    forget(&seen[0]);
    forget(&seen[1]);
    return rc;
}

int tl_bundle_write_onnxruntime(struct tl_bundle *b, bool *written, struct tl_error *e)
{
    struct tl_bundle_ort o;
    begin(&o, b);
    tl_bundle_side_write(&o, &o.failing);
    tl_bundle_side_write(&o, &o.control);
    *written = o.failing.model;
    int rc = o.failing.model ? write_all(&o, e) : put(&o, &o.control, e);
    if (rc == 0) {
        tl_bundle_side_list(&o, &o.failing);
        if (o.control.trial || o.control.model || !o.repro.good_build) /* else no variant is */
            tl_bundle_side_list(&o, &o.control);
    }
    if (rc == 0 && o.failing.model) {
        tl_bundle_have(b, "repro.c", "runs the model with ONNX Runtime's library and nothing else");
        tl_bundle_have(b, "repro.py", "the same with Python's onnxruntime");
        json_object_set_new(json_object_get(b->report, "bundle"), "repro", json_true());
        b->inputs = json_incref(o.failing.inputs);
        b->expected = json_incref(o.failing.expected);
    }
    end(&o);
    return rc;
}
