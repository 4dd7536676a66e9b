/* repro.sh is run where it was written, and its control: as a trial each, from an empty directory, and as on another machine
 * (elsewhere.c), for what it finds in this home or in this shell's variables nobody else has. Where it does not once do as
 * reported then, it is looked for which of the two it lacks, and that is said: it is in no bundle. A phone is of this machine,
 * and known in this home. */
#include "reports/bundle/parts.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/limits.h"
#include "harness/base/plural.h"
#include "reports/bundle/elsewhere.h"
#include "reports/members.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOT_RUN "RESULT: not run" /* templates/repro.sh */
#define CONTROL_RUNS 3
#define SLOW_SECONDS 300 /* a trial that takes longer is run once */
#define WORDS_MOST 200
#define VARIABLES_MOST 6 /* that are named */
#define QUICK_SECONDS 5  /* a run that takes no longer is made a few times more, to find a variable */

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

/* Its status is all that tells it from a pass, and another failure may have the same. */
static bool says_by_exit(const struct tl_trial_record *r)
{
    int n;
    return r->outcome == TL_OUTCOME_ERROR && !r->signal && r->error_code &&
           sscanf(r->error_code, "exit %d", &n) == 1;
}

/* The programs of steps that bear no tracer bear none here. */
static bool is_untraced(const struct tl_case *c)
{
    bool untraced = false;
    for (size_t i = 0; i < c->n_steps; i++)
        untraced = untraced || c->steps[i].untraced;
    return untraced;
}

/* What is run of one side, and how. */
struct side {
    struct tl_bundle *b;
    const char *name; /* in what is proved */
    const char *command[5], *shown[4];
    struct tl_proof_request q;
    unsigned has;          /* enum tl_elsewhere_has: of this machine, in all runs */
    const json_t *without; /* … but these variables; NULL: none */
    double seconds;
};

static int run_with(struct side *s, unsigned has, const json_t *without, unsigned runs, struct tl_proof *p,
                    struct tl_error *e)
{
    struct tl_elsewhere x = {.b = s->b, .command = s->command, .has = has, .without = without};
    tl_elsewhere_begin(&x);
    s->q.argv = (const char *const *)x.argv;
    s->q.environment = (const char *const *)x.environment;
    s->q.runs = runs;
    int rc = s->b->o->prove(&s->q, p, e);
    tl_elsewhere_end(&x);
    return rc;
}

/* One run that has more of this machine: 1 as it is to be, 0 another, -1 with *e. */
static int is_right_with(struct side *s, unsigned has, const json_t *without, struct tl_error *e)
{
    struct tl_proof proof;
    int rc = run_with(s, has, without, 1, &proof, e);
    rc = rc ? -1 : proof.as_expected == proof.runs;
    tl_proof_free(&proof);
    return rc;
}

/* The same with the first so many of the names alone. */
static int is_right_with_first(struct side *s, unsigned has, const json_t *names, size_t n,
                               struct tl_error *e)
{
    json_t *without = json_array();
    for (; n < json_array_size(names); n++)
        json_array_append(without, json_array_get(names, n));
    int rc = is_right_with(s, has, without, e);
    json_decref(without);
    return rc;
}

/* Puts those names first without which it is not as it is to be, each found by halving: how many they are, 0 when there are too
 * many, -1 with *e. */
static int find_variables(struct side *s, unsigned has, json_t *names, struct tl_error *e)
{
    size_t found = 0, most = json_array_size(names);
    while (found < VARIABLES_MOST) {
        int is = is_right_with_first(s, has, names, found, e);
        if (is)
            return is < 0 ? -1 : (int)found;
        size_t low = found, high = most; /* with the first `low` it is not, with the first `high` it is */
        while (high - low > 1) {
            size_t middle = low + (high - low) / 2;
            is = is_right_with_first(s, has, names, middle, e);
            if (is < 0)
                return -1;
            *(is ? &high : &low) = middle;
        }
        if (high <= found)
            return 0;
        json_t *needed = json_incref(json_array_get(names, high - 1));
        json_array_remove(names, high - 1);
        json_array_insert_new(names, found++, needed);
        most = high; /* the others were not needed beside it */
    }
    return 0;
}

static char *variables_words(const json_t *names, size_t n)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!n)
        return tl_strdup("variables of this shell");
    tl_buffer_printf(&b, "the variable%s ", tl_plural(n));
    for (size_t i = 0; i < n; i++)
        tl_buffer_printf(&b, "%s%s", i ? ", " : "", json_string_value(json_array_get(names, i)));
    return tl_buffer_take(&b);
}

/* Says what it needs of this machine: beside the runs, in what is left out, and at the head of the script. */
static int say_needed(struct side *s, json_t *seen, unsigned has, const json_t *names, size_t n,
                      unsigned runs, struct tl_error *e)
{
    static const char head[] = "\n# It needs ";
    char *of = variables_words(names, n),
         *what = tl_format("%s%s%s", has & TL_ELSEWHERE_HOME ? "something below this home directory" : "",
                           has == (TL_ELSEWHERE_HOME | TL_ELSEWHERE_VARIABLES) ? ", and " : "",
                           has & TL_ELSEWHERE_VARIABLES ? of : "");
    char *note =
        tl_format("It needs %s, which is not in the bundle: with another home, and without the variables of "
                  "this shell, it did as reported in 0 of %u",
                  what, runs);
    json_object_set_new(seen, "note", json_string(note));
    tl_bundle_leave_out(s->b, tl_format("what repro.sh needs of the machine where it was written: %s", what));
    size_t size;
    char *path = tl_format("%s/repro.sh", s->b->stage), *text = tl_read_file(path, SIZE_MAX / 2, &size),
         *at = text ? strstr(text, head) : NULL, *end = at ? strchr(at + 1, '\n') : NULL;
    int result = 0;
    if (end) {
        bool nothing = !strncmp(at + strlen(head), "nothing", strlen("nothing"));
        char *script = tl_format("%.*s\n# Where it was written it did as reported only with %s.%s",
                                 (int)((nothing ? at : end) - text), text, what, end);
        result = tl_bundle_write_text(s->b, "repro.sh", script, NULL, e);
        free(script);
    }
    free(text);
    free(path);
    free(note);
    free(what);
    free(of);
    return result;
}

/* Whether it is known what repro.sh needs of this machine. */
static bool is_said(const struct tl_bundle *b)
{
    const json_t *entry;
    size_t i;
    bool is = false;
    json_array_foreach(b->proved, i, entry)
        is = is || tl_member_text(entry, "note");
    return is;
}

/* With what it needs, so that what is said of its runs is not what becomes of any script that lacks something. */
static int run_again(struct side *s, json_t *seen, unsigned runs, struct tl_error *e)
{
    struct tl_proof proof;
    int rc = run_with(s, s->has, s->without, runs, &proof, e);
    if (rc)
        return -1;
    tl_bundle_clean_line(s->b, &proof);
    json_t *again = tl_proof_json(&proof, "repro.sh", s->name, s->shown);
    json_object_clear(seen);
    json_object_update(seen, again);
    json_decref(again);
    tl_proof_free(&proof);
    return 0;
}

/* Which of the two it lacks, where it never is as it is to be on another machine. */
static int look_for_needs(struct side *s, json_t *seen, unsigned runs, struct tl_error *e)
{
    static const unsigned tries[] = {TL_ELSEWHERE_HOME, TL_ELSEWHERE_VARIABLES,
                                     TL_ELSEWHERE_HOME | TL_ELSEWHERE_VARIABLES};
    for (size_t i = 0; i < TL_COUNT(tries); i++) {
        int rc = is_right_with(s, tries[i], NULL, e);
        if (rc < 0)
            return -1;
        if (!rc)
            continue;
        json_t *names = tl_elsewhere_variables();
        int n = 0;
        if (tries[i] & TL_ELSEWHERE_VARIABLES && s->seconds <= QUICK_SECONDS)
            n = find_variables(s, tries[i], names, e);
        s->has = s->b->has_here = tries[i];
        s->without = s->b->without_here = json_array();
        for (size_t k = n > 0 ? (size_t)n : json_array_size(names); k < json_array_size(names); k++)
            json_array_append(s->b->without_here, json_array_get(names, k));
        rc = n < 0 ? -1 : run_again(s, seen, runs, e);
        if (!rc)
            rc = say_needed(s, seen, tries[i], names, (size_t)n, runs, e);
        json_decref(names);
        return rc;
    }
    return 0;
}

/* What fails only while it is traced fails nowhere else: it is run once more without a tracer. */
static int prove_alone(struct side *s, json_t *seen, struct tl_error *e)
{
    struct tl_proof proof;
    s->q.untraced = true;
    s->q.expected = (struct tl_proof_expected){.outcome = TL_OUTCOME_ERROR, .exit_status = -1};
    int rc = run_with(s, s->has, s->without, 1, &proof, e);
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

/* Files that scripts name by their places here are still there. */
static void say_places(const struct side *s, json_t *seen)
{
    if (s->b->named_by_path && !tl_member_text(seen, "note"))
        json_object_set_new(
            seen, "note",
            json_string("Files that scripts of the case name by their places on this machine were "
                        "still there, so that this says nothing about another one."));
}

/* Why it does not show every time, although the report's own runs may all have failed, and where it does. */
static void say_band(const struct side *s, const struct tl_proof *p)
{
    const char *axis = "";
    const json_t *band = tl_bundle_band(s->b, &axis),
                 *value = json_object_get(json_object_get(band, "always"), "value");
    if (!value || tl_bundle_is_flaky(s->b) || !p->as_expected || p->as_expected == p->runs)
        return;
    char *text =
             json_is_string(value) ? tl_strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY),
         *sentence = tl_format(
             "repro.sh is at the edge of a band of %s, in which the failure shows in a part of the runs: "
             "it did as reported in %u of %u; with %s=%s the search saw it every time",
             axis, p->as_expected, p->runs, axis, text ? text : "");
    json_object_set_new(json_object_get(s->b->report, "bundle"), "stayed", json_string(sentence));
    free(sentence);
    free(text);
}

static int prove_runs(struct side *s, bool control, unsigned runs, struct tl_error *e)
{
    const struct tl_trial_record *r = s->b->source->failing;
    struct tl_proof proof;
    int rc = run_with(s, s->has, s->without, runs, &proof, e);
    tl_bundle_clean_line(s->b, &proof);
    const char *line = proof.line ? proof.line : "";
    if (rc == 0 && !strncmp(line, NOT_RUN, sizeof NOT_RUN - 1)) {
        line += sizeof NOT_RUN - 1;
        not_proved(s->b, s->name, s->shown, line + strspn(line, ": "));
    } else if (rc == 0) {
        json_t *seen = tl_proof_json(&proof, "repro.sh", s->name, s->shown);
        if (!control && r->outcome == TL_OUTCOME_HANG && proof.as_expected)
            json_object_set_new(seen, "outcome", json_string(tl_outcome_name(r->outcome)));
        json_array_append_new(s->b->proved, seen);
        /* What does not end lacks nothing. */
        if (!proof.as_expected && proof.outcome != TL_OUTCOME_HANG && !s->has && s->seconds <= SLOW_SECONDS &&
            !is_said(s->b))
            rc = look_for_needs(s, seen, runs, e);
        else if (!control && !s->q.untraced && proof.as_expected == proof.runs &&
                 r->outcome != TL_OUTCOME_HANG)
            rc = prove_alone(s, seen, e);
        if (!control) {
            say_places(s, seen);
            say_band(s, &proof);
        }
    }
    tl_proof_free(&proof);
    return rc;
}

static int prove_side(struct tl_bundle *b, bool control, const struct tl_proof_expected *expected,
                      struct tl_error *e)
{
    const struct tl_case *c = b->o->c;
    const struct tl_trial_record *r = b->source->failing;
    char *stage = realpath(b->stage, NULL), *script = tl_format("%s/repro.sh", stage ? stage : b->stage);
    struct side s = {
        .b = b,
        .name = control ? "control" : "failing",
        /* What it made is kept until the trial has ended: frames of a program that it compiled are named by its
                        file. */
        .command = {"/bin/sh", script, "--keep", control ? "--control" : NULL},
        .shown = {"sh", "repro.sh", control ? "--control" : NULL},
        .q = {.limits = c->limits, .expected = *expected},
        .has = is_on_device(r) ? TL_ELSEWHERE_HOME | TL_ELSEWHERE_VARIABLES : b->has_here,
        .without = b->without_here,
        .seconds = r->wall_seconds};
    double most = c->limits.timeout_s;
    for (size_t i = 0; i < c->n_steps; i++)
        most = fmax(most, c->steps[i].timeout_s);
    if (is_untraced(c)) { /* its programs bear no tracer: what is seen of their end is the exit status */
        s.q.untraced = true;
        s.q.expected.exit_status = expected->signal ? 128 + expected->signal : expected->exit_status;
        s.q.expected.signal = 0;
    }
    s.q.limits.timeout_s = most * (double)(c->n_steps + 1) + TL_BUNDLE_MARGIN_SECONDS;
    int rc = prove_runs(&s, control,
                        !control                         ? tl_bundle_runs(b, r->wall_seconds)
                        : r->wall_seconds > SLOW_SECONDS ? 1
                                                         : CONTROL_RUNS,
                        e);
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
                                        .words = said ? words : NULL,
                                        .ends_alike = !said && !device && says_by_exit(r)},
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
