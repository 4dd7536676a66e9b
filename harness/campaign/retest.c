/* The retest of a finding.
 *
 * The minimal variant and its control are run a few times each, in fresh processes, and nothing of it is taken from what is
 * stored: what is asked is whether it fails now. Failures count as the reported one when they are of its kind
 * (harness/verdict/kind.h), for the wording and the place change from build to build. A failure that showed in
 * every run before is gone when it passes TL_RETEST_RUNS times; one that did not always show is run as often as it
 * takes for luck not to explain it, within reason. The control says whether a pass means anything: where it fails
 * too, something else is wrong there. */
#include "harness/campaign/retest.h"

#include "cases/expected.h"
#include "harness/base/buffer.h"
#include "harness/verdict/kind.h"

#include <stdlib.h>
#include <string.h>

#define KINDS_MOST 8 /* different failures that are told of */

/* What was seen of one side. */
struct side {
    struct tl_retest *t;
    size_t ended, passed, failed, refused, same, as_expected, unsupported, lost;
    json_t *failures, *trials; /* as a night has them; ids */
    char *why;                 /* of what could not be tried */
    struct tl_error failure;   /* of trapline itself; kind 0 for none */
    bool broken;
};

struct tl_retest_sides {
    struct side failing, control;
    struct tl_retest_sides *next;
};

static const char *text(const json_t *j, const char *member)
{
    return json_string_value(json_object_get(j, member));
}

static bool equal(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

/* Whether it is the failure that was reported. */
static bool is_same(const struct tl_retest *t, const struct tl_trial_record *r)
{
    const char *signal = text(t->finding, "signal");
    if (t->before)
        return tl_failure_same_kind(t->before, r);
    return equal(text(t->finding, "outcome"), tl_outcome_name(r->outcome)) &&
           equal(text(t->finding, "phase"), tl_phase_name(r->phase)) &&
           (r->signal ? equal(signal, tl_signal_name(r->signal)) : !signal);
}

static json_t *failure_json(const struct tl_trial_record *r, bool same)
{
    return json_pack("{s:s,s:s,s:s?,s:s,s:s?,s:s?,s:s,s:i,s:b}", "outcome", tl_outcome_name(r->outcome),
                     "phase", tl_phase_name(r->phase), "signal", r->signal ? tl_signal_name(r->signal) : NULL,
                     "coarse", r->signature.coarse_id, "title", r->signature.title, "message", r->message,
                     "trial", r->id, "trials", 1, "same", (int)same);
}

/* Adds a failure to those of its signature. What is the reported one comes first. */
static void count_failure(struct side *s, const struct tl_trial_record *r, bool same)
{
    json_t *one;
    size_t i;
    json_array_foreach(s->failures, i, one)
        if (equal(text(one, "coarse"), r->signature.coarse_id) &&
            json_is_true(json_object_get(one, "same")) == same) {
            json_object_set_new(one, "trials",
                                json_integer(json_integer_value(json_object_get(one, "trials")) + 1));
            return;
        }
    json_t *new = failure_json(r, same);
    if (new &&same)
        json_array_insert_new(s->failures, 0, new);
    else if (new &&json_array_size(s->failures) < KINDS_MOST)
        json_array_append_new(s->failures, new);
    else
        json_decref(new);
}

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct side *s = arg;
    (void)cached;
    s->ended++;
    if (failure) {
        if (!s->broken)
            s->failure = *failure;
        s->broken = true;
        return;
    }
    json_array_append_new(s->trials, json_string(r->id));
    enum tl_standing standing = tl_expected_of_record(s->t->c->expected, r, NULL);
    if (r->outcome == TL_OUTCOME_LOST || r->outcome == TL_OUTCOME_UNSUPPORTED) {
        s->lost += r->outcome == TL_OUTCOME_LOST;
        s->unsupported += r->outcome == TL_OUTCOME_UNSUPPORTED;
        if (!s->why && r->message)
            s->why = tl_strdup(r->message);
    } else if (!tl_standing_is_failure(standing, r->outcome)) {
        s->passed++;
        s->as_expected += r->outcome != TL_OUTCOME_PASS;
    } else if (r->outcome == TL_OUTCOME_PASS) { /* where something else was right */
        s->failed++;
        count_failure(s, r, false);
    } else {
        bool same = is_same(s->t, r);
        s->refused += tl_outcome_is_refusal(r->outcome, r->signal);
        s->failed += !tl_outcome_is_refusal(r->outcome, r->signal);
        s->same += same;
        count_failure(s, r, same);
    }
}

/* Whether the control, which passed when the failure was found, now ends as the failing variant does: a file that is gone, or
 * a tool that was replaced, and nothing that tells of the failure. */
static bool control_ends_alike(const struct side *failing, const struct side *control)
{
    return !failing->same && !control->passed && (control->failed || control->refused) &&
           equal(text(json_array_get(control->failures, 0), "coarse"),
                 text(json_array_get(failing->failures, 0), "coarse"));
}

static const char *verdict_of(const struct tl_retest *t, const struct side *s, const struct side *control)
{
    if (control_ends_alike(s, control))
        return "not-judged";
    bool was_error =
        equal(text(t->finding, "outcome"), tl_outcome_name(TL_OUTCOME_ERROR)) && !text(t->finding, "signal");
    if (!s->passed && !s->failed && !s->refused)
        return "not-tried";
    if (s->same)
        return was_error ? "still-refused" : "still-fails";
    if (s->failed || (s->refused && was_error))
        return "fails-otherwise";
    if (s->refused)
        return "clean-error";
    if (s->as_expected == s->passed)
        return "as-expected";
    return s->passed >= t->evidence ? "passes" : "not-seen";
}

static int submit(struct tl_retest *t, const struct tl_unit *u, const struct tl_variant *v, unsigned n,
                  struct side *s, struct tl_error *e)
{
    const struct tl_request q = {
        .c = t->c, .variant = v, .unit = u, .fresh = !t->forked, .new_server = t->forked};
    for (unsigned i = 0; i < n; i++)
        if (tl_executor_submit(t->x, &q, on_done, s, e))
            return -1;
    return 0;
}

/* Whether the control of what is tried on a unit is the same variant on another one. */
static bool has_good_unit(const struct tl_retest *t, const struct tl_unit *u)
{
    return !t->has_control && t->good && strcmp(t->good->text, u->text) != 0;
}

static int run(struct tl_retest *t, const struct tl_unit *u, struct side *failing, struct side *control,
               struct tl_error *e)
{
    bool good = has_good_unit(t, u);
    unsigned total = t->runs + (t->has_control || good ? TL_RETEST_RUNS : 0);
    if (submit(t, u, &t->failing, t->runs, failing, e) ||
        (t->has_control && submit(t, u, &t->control, TL_RETEST_RUNS, control, e)) ||
        (good && submit(t, t->good, &t->failing, TL_RETEST_RUNS, control, e)))
        return -1;
    while (tl_executor_pending(t->x) && !tl_executor_interrupted(t->x)) {
        if (tl_executor_step(t->x, e)) {
            if (failing->broken && failing->failure.kind == TL_ERROR_INPUT)
                *e = failing->failure;
            return -1;
        }
        tl_watch_line(t->watch, "retest: %s, %zu of %u trials", u->text, failing->ended + control->ended,
                      total);
    }
    if (tl_executor_interrupted(t->x))
        return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", u->text, "what had ended is stored");
    if (failing->broken || control->broken) {
        *e = failing->broken ? failing->failure : control->failure;
        return -1;
    }
    return 0;
}

/* On what it is tried, and on what it was found. */
static json_t *retest_json(const struct tl_retest *t, const struct tl_unit *u, const struct side *s,
                           const struct side *control)
{
    const json_t *environment = json_object_get(t->finding, "environment");
    const struct tl_machine *m = tl_executor_machine(t->x);
    const char *build = text(u->build_object, "version"),
               *was = text(json_object_get(t->finding, "build"), "version"),
               *runner = strrchr(u->runner, '/'), *unit = text(t->finding, "unit");
    const char *os = u->alias ? u->os : m->os, *os_build = u->alias ? u->os_build : m->os_build,
               *os_was = text(u->alias ? json_object_get(environment, "target") : environment, "os"),
               *os_build_was =
                   text(u->alias ? json_object_get(environment, "target") : environment, "os_build");
    build = build ? build : u->build;
    json_t *j = json_pack("{s:s,s:s,s:s?,s:s?,s:s?,s:s?}", "verdict", verdict_of(t, s, control), "name",
                          runner ? runner + 1 : u->runner, "build", build, "os", os, "os_build", os_build,
                          "kernel", u->alias ? NULL : m->kernel);
    struct tl_buffer found = TL_BUFFER_INIT;
    bool other_build = build && was && strcmp(build, was) != 0,
         other_os = os_build && os_build_was && strcmp(os_build, os_build_was) != 0;
    if (other_build)
        tl_buffer_printf(&found, "%s", was);
    if (other_os)
        tl_buffer_printf(&found, "%s%s (%s)", found.size ? ", " : "", os_was ? os_was : "an OS",
                         os_build_was);
    if (!found.size && unit && strcmp(unit, u->text) != 0 && !other_build && !equal(build, was))
        tl_buffer_add_string(&found, unit);
    if (found.size)
        json_object_set_new(j, "was", json_string(found.data));
    tl_buffer_free(&found);
    return j;
}

/* The failure as it was reported, as the entries of a night have what was before. */
static json_t *before_json(const struct tl_retest *t)
{
    const json_t *f = t->finding, *rate = json_object_get(f, "rate"), *s = json_object_get(f, "signature");
    json_int_t failed = json_integer_value(json_array_get(rate, 0)),
               runs = json_integer_value(json_array_get(rate, 1));
    bool error = equal(text(f, "outcome"), tl_outcome_name(TL_OUTCOME_ERROR));
    return json_pack("{s:[{s:s?,s:s?,s:s?,s:s?}],s:I,s:I,s:I}", "failures", "outcome", text(f, "outcome"),
                     "phase", text(f, "phase"), "signal", text(f, "signal"), "title", text(s, "title"),
                     "passed", runs > failed ? runs - failed : (json_int_t)0, "failed",
                     error ? (json_int_t)0 : failed, "refused", error ? failed : (json_int_t)0);
}

static void add_counts(json_t *j, const struct side *s)
{
    const struct {
        const char *name;
        size_t n;
    } counts[] = {{"passed", s->passed}, {"failed", s->failed},           {"refused", s->refused},
                  {"same", s->same},     {"unsupported", s->unsupported}, {"lost", s->lost}};
    for (size_t i = 0; i < TL_COUNT(counts); i++)
        json_object_set_new(j, counts[i].name, json_integer((json_int_t)counts[i].n));
    json_object_set(j, "failures", s->failures);
    json_object_set(j, "trials", s->trials);
    if (s->why && !s->passed && !s->failed && !s->refused)
        json_object_set_new(j, "why", json_string(s->why));
}

int tl_retest_run(struct tl_retest *t, const struct tl_unit *u, json_t **entry, struct tl_error *e)
{
    struct tl_retest_sides *sides = tl_calloc(1, sizeof *sides);
    struct side *failing = &sides->failing, *control = &sides->control;
    *failing = *control = (struct side){.t = t};
    failing->failures = json_array();
    failing->trials = json_array();
    control->failures = json_array();
    control->trials = json_array();
    sides->next = t->sides;
    t->sides = sides;
    int result = run(t, u, failing, control, e);
    *entry = NULL;
    if (!result) {
        json_t *j = json_pack("{s:s,s:s,s:o,s:o,s:o}", "case", t->c->name, "unit", u->text, "variant",
                              tl_variant_object(t->c, &t->failing), "before", before_json(t), "retest",
                              retest_json(t, u, failing, control));
        add_counts(j, failing);
        if (t->has_control) {
            json_t *other = json_pack("{s:o}", "variant", tl_variant_object(t->c, &t->control));
            add_counts(other, control);
            json_object_set_new(j, "control", other);
        }
        if (has_good_unit(t, u)) {
            const char *version = text(t->good->build_object, "version");
            json_t *other = json_pack("{s:o,s:s,s:s}", "variant", tl_variant_object(t->c, &t->failing),
                                      "unit", t->good->text, "build", version ? version : t->good->text);
            add_counts(other, control);
            json_object_set_new(j, "control", other);
        }
        *entry = j;
    }
    return result;
}

static void side_free(struct side *s)
{
    json_decref(s->failures);
    json_decref(s->trials);
    free(s->why);
}

void tl_retest_release(struct tl_retest *t)
{
    for (struct tl_retest_sides *s = t->sides, *next; s; s = next) {
        next = s->next;
        side_free(&s->failing);
        side_free(&s->control);
        free(s);
    }
    t->sides = NULL;
    tl_variant_free(&t->failing);
    tl_variant_free(&t->control);
}
