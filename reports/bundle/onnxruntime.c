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

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define ROUNDS 3
#define SLOW_SECONDS 3 /* of one run; each of those that look for a better variant is then worth more */
#define DEEP 200       /* frames of a stack that may be one that ended */

/* A stack that is so deep may have ended, which is a matter of how large it is here: in KiB. 0: it is not deep, or has no
 * end. */
static uint64_t stack_limit(const struct tl_trial_record *r)
{
    struct rlimit limit;
    const struct tl_thread *t = r->n_captures && r->captures[0].n_threads ? &r->captures[0].threads[0] : NULL;
    bool deep = r->outcome == TL_OUTCOME_CRASH && t && t->n_frames + t->omitted >= DEEP;
    if (!deep || getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return 0;
    return (uint64_t)limit.rlim_cur / 1024;
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
                    .trial = b->source->control,
                    .must_pass = true}};
    o->title = tl_strdup(tl_member_or(b->report, "title", ""));
    o->summary = tl_inline_plain(tl_words_summary(finding));
    o->reference = unit ? tl_redact(&b->redaction, unit) : NULL;
    o->environment = environment_of(b);
    o->library = library && access(library, R_OK) == 0 ? tl_strdup(library) : NULL;
    o->compiler = tl_program_find(".", "cc", &none);
    o->repro = (struct tl_repro){
        .title = o->title,
        .summary = o->summary,
        .version = tl_member_text(json_object_get(finding, "build"), "version"),
        .reference = o->reference,
        .environment = o->environment,
        .judge_finite = !json_object_get(document, "reference"),
    };
    if (b->source->failing) {
        o->repro.stack_limit_kb = stack_limit(b->source->failing);
        if (b->source->failing->outcome == TL_OUTCOME_OOM)
            o->repro.memory_mb = tl_bundle_memory_mb(b);
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
    free(o->compiler);
    free(o->library);
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

static int prove_both(struct tl_bundle_ort *o, struct seen seen[2], struct tl_error *e)
{
    unsigned runs = tl_bundle_runs(o->b, o->b->source->failing->wall_seconds);
    uint64_t start = tl_monotonic_ns();
    for (int side = 0; side < 2; side++) {
        forget(&seen[side]);
        if (side && !o->control.model)
            continue;
        const struct tl_bundle_run run = {
            .control = side, .must_pass = side, .runs = side ? TL_BUNDLE_RUNS : runs};
        seen[side].ran = tl_bundle_prove_c(o, o->b->stage, &run, &seen[side].p, &seen[side].why, e);
        if (seen[side].ran < 0)
            return -1;
    }
    o->slow = (double)(tl_monotonic_ns() - start) > SLOW_SECONDS * 1e9 * (seen[0].p.runs + seen[1].p.runs);
    return 0;
}

/* A failure that shows within the limit of memory that its trials had. */
static int try_memory_limit(struct tl_bundle_ort *o, struct seen seen[2], struct tl_error *e)
{
    if (o->repro.memory_mb || o->repro.stack_limit_kb) /* it is known what it lacks */
        return 0;
    o->repro.memory_mb = tl_bundle_memory_mb(o->b);
    if (tl_bundle_write_programs(o, o->b->stage, &o->failing, &o->control, e) || prove_both(o, seen, e))
        return -1;
    if (seen[0].p.as_expected == seen[0].p.runs && is_right(o, &seen[1], true))
        return 1;
    o->repro.memory_mb = 0;
    return 0;
}

static int put(struct tl_bundle_ort *o, struct tl_bundle_side *s, struct tl_error *e)
{
    return s->model ? tl_bundle_side_put(o, s, e) : 0;
}

/* Writes the programs, runs them, and does what it can for those that do not do as they are to. */
static int settle(struct tl_bundle_ort *o, struct seen seen[2], struct tl_error *e)
{
    for (int round = 0; round < ROUNDS; round++) {
        int moved = 0, rc = 0;
        if (tl_bundle_write_programs(o, o->b->stage, &o->failing, &o->control, e) || prove_both(o, seen, e))
            return -1;
        bool failing = is_right(o, &seen[0], false), control = is_right(o, &seen[1], true);
        const unsigned right[] = {seen[0].p.as_expected, seen[1].p.as_expected},
                       runs[] = {seen[0].p.runs, seen[1].p.runs};
        if (failing && control)
            return 0;
        if (!failing && (rc = try_memory_limit(o, seen, e)) != 0)
            return rc < 0 ? -1 : 0;
        if (!failing && (rc = tl_bundle_leave_edge(o, &o->failing, right[0], runs[0], e)) > 0)
            rc = put(o, &o->failing, e) ? -1 : 1;
        moved = rc;
        /* A pass next to a failure that is not one everywhere is none either. */
        if (rc >= 0 && o->control.model && (!control || (moved && !o->control.has_own)) &&
            (rc = tl_bundle_leave_edge(o, &o->control, right[1], runs[1], e)) > 0)
            rc = put(o, &o->control, e) ? -1 : 1;
        if (rc < 0)
            return -1;
        if (!moved && !rc)
            break;
    }
    /* Whatever was tried last, what is there now is what was run. */
    return tl_bundle_write_programs(o, o->b->stage, &o->failing, &o->control, e) || prove_both(o, seen, e)
               ? -1
               : 0;
}

static void add_proof(struct tl_bundle_ort *o, const char *program, bool control, const struct seen *s)
{
    const bool c = !strcmp(program, "repro.c");
    const char *const words[] = {c ? "./a.out" : "python3", c ? "/path/to/libonnxruntime.so" : "repro.py",
                                 control ? "--control" : NULL, NULL};
    const char *side = control ? "control" : "failing";
    json_array_append_new(o->b->proved, s->ran == 1 ? tl_proof_json(&s->p, program, side, words)
                                                    : tl_proof_not_run_json(program, side, words, s->why));
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
    for (int side = 0; rc == 0 && side < (o->control.model ? 2 : 1); side++)
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
