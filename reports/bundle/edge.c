/* Away from the edge.
 *
 * The minimal variant is as near to passing as it can be. Of a memory error that is the worst place to be: what is read
 * or written one byte too far belongs to the process as often as not, and another program of the same calls has other
 * neighbours there. A reproducer that passes at the edge is written for a variant farther from it.
 *
 * What fails goes towards the failing variant that the search began with, along one ordered axis of the trigger, at
 * distances that grow as powers: what is twice or ten times as far is surer to fail. The first one that fails every time is
 * taken. Where runs are short it then comes back by a few steps of bisection, halved as ratios, for a distance of a hundred
 * million may need but sixty-four. If no axis alone helps, all of them go to the failing variant's values at once. What
 * passes goes the other way, towards the simplest value of the axis in which the two differ.
 *
 * Each try costs a trial and some runs, and one may take a minute: there are so many tries and so much time for a bundle,
 * and the report says what was not found in them. */
#include "reports/bundle/ort.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "reports/finding/axes.h"
#include "reports/members.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RUNS 8 /* every one of which has to be right */
#define RUNS_SLOW 4
#define SLOW_SECONDS 3  /* of one run; each of those that look for a better variant is then worth more */
#define QUICK_SECONDS 1 /* one that takes longer is not worth coming back for */
#define TRIES 7         /* along an axis, the farthest among them */
#define TRIES_ALL 24
#define SEARCH_SECONDS 150 /* in which a try may begin */
#define STEPS 3            /* of bisection */
#define NEAR 1.5           /* it stops when the distances differ by no more than this */

struct walk {
    struct tl_bundle_ort *o;
    struct tl_bundle_side *side;
    const json_t *variant; /* at the edge */
    json_t *best;          /* the nearest variant that is right every time; NULL */
    json_t *farthest;      /* that was tried; NULL */
    unsigned tries;
    bool out_of_time;
    struct tl_trial_record record; /* of it */
};

static json_t *value_at(const json_t *axis, double place)
{
    const json_t *range = json_object_get(axis, "range"), *values = json_object_get(axis, "values");
    if (json_array_size(range) != 2)
        return json_incref(json_array_get(values, (size_t)place));
    json_int_t first = json_integer_value(json_array_get(range, 0)),
               last = json_integer_value(json_array_get(range, 1));
    return json_integer(last < first ? first - (json_int_t)place : first + (json_int_t)place);
}

/* Whether the trial of a variant ended as it has to. */
static bool ends_right(const struct walk *w, const struct tl_trial_record *r)
{
    const struct tl_trial_record *f = w->o->b->source->failing;
    return w->side->must_pass ? r->outcome == TL_OUTCOME_PASS
                              : r->outcome == f->outcome && r->signal == f->signal;
}

static unsigned runs_of(const struct walk *w)
{
    return w->o->run_seconds > SLOW_SECONDS ? RUNS_SLOW : RUNS;
}

/* Whether another try may begin. */
static bool may_try(struct walk *w)
{
    w->out_of_time =
        w->out_of_time || w->tries >= TRIES_ALL || (double)w->o->search_spent_ns > SEARCH_SECONDS * 1e9;
    return !w->out_of_time;
}

/* Whether a reproducer of this variant is right in every run. -1 with *e. Takes the record. */
static int run(struct walk *w, const json_t *variant, struct tl_trial_record *record, struct tl_error *e)
{
    const unsigned runs = runs_of(w);
    struct tl_bundle_ort *o = w->o;
    struct tl_bundle_side s = {
        .where = "", .whose = w->side->whose, .trial = record, .must_pass = w->side->must_pass};
    const struct tl_bundle_run run = {.must_pass = s.must_pass, .runs = runs, .until_other = true};
    struct tl_proof p = {0};
    char *reason = NULL;
    int rc = 0;
    if (ends_right(w, record)) {
        tl_bundle_side_write(o, &s);
        rc = s.model ? tl_bundle_write_programs(o, s.place, &s, NULL, e) : 0;
        if (rc == 0 && s.model)
            rc = tl_bundle_prove_c(o, s.place, &run, &p, &reason, e);
    }
    if (rc > 0 && p.as_expected < runs)
        rc = 0;
    if (rc > 0) {
        if (w->best)
            tl_trial_record_free(&w->record);
        json_decref(w->best);
        w->best = json_deep_copy(variant);
        w->record = *record;
    } else {
        tl_trial_record_free(record);
    }
    tl_proof_free(&p);
    free(reason);
    tl_bundle_side_free(&s);
    return rc;
}

/* Says what is tried; *e when somebody wants it to stop. */
static int tell(const struct walk *w, const json_t *variant, struct tl_error *e)
{
    const char *name;
    json_t *value;
    bool stop = false;
    json_object_foreach((json_t *)variant, name, value) {
        if (json_equal(value, json_object_get(w->variant, name)))
            continue;
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        stop = tl_watch_line(w->o->b->o->watch,
                             "repro.c%s at the edge is not the same every time: try %u, %s=%s",
                             w->side->must_pass ? " --control" : "", w->tries, name, text ? text : "") ||
               stop;
        free(text);
    }
    return stop ? tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", "--bundle", "while a variant was looked for")
                : 0;
}

/* The same, with a trial of the variant first. 0 as well when there is no time for it. */
static int try(struct walk *w, const json_t *variant, struct tl_error *e)
{
    struct tl_trial_record record;
    struct tl_error why;
    if (!may_try(w))
        return 0;
    w->tries++;
    json_decref(w->farthest);
    w->farthest = json_deep_copy(variant);
    if (tell(w, variant, e))
        return -1;
    uint64_t begun = tl_monotonic_ns();
    int rc = 0;
    if (!w->o->b->o->trial(w->o->b->o->arg, variant, &record, &why))
        rc = run(w, variant, &record, e);
    else if (why.kind == TL_ERROR_INTERRUPTED) {
        *e = why;
        rc = -1;
    }
    w->o->search_spent_ns += tl_monotonic_ns() - begun;
    return rc;
}

static int try_value(struct walk *w, const json_t *axis, double place, struct tl_error *e)
{
    json_t *variant = json_deep_copy(w->variant);
    json_object_set_new(variant, tl_member_or(axis, "name", ""), value_at(axis, place));
    int rc = try(w, variant, e);
    json_decref(variant);
    return rc;
}

/* Back towards the edge, as far as it is right every time. -1 with *e. */
static int come_back(struct walk *w, const json_t *axis, double edge, double sign, double wrong, double right,
                     struct tl_error *e)
{
    for (unsigned step = 0; step < STEPS && right > wrong + 1 && right > NEAR * wrong; step++) {
        double middle = floor(sqrt(wrong > 1 ? wrong * right : right));
        middle = middle > wrong ? middle : wrong + 1;
        if (!may_try(w))
            break;
        int rc = try_value(w, axis, edge + sign * middle, e);
        if (rc < 0)
            return -1;
        if (rc)
            right = middle;
        else
            wrong = middle;
    }
    return 0;
}

/* From the edge to a place, until it is right every time. 1: it is somewhere. */
static int walk_along(struct walk *w, const json_t *axis, double edge, double to, struct tl_error *e)
{
    const double sign = to < edge ? -1 : 1, most = fabs(to - edge);
    double factor = pow(most, 1.0 / (TRIES - 1)), wrong = 0;
    factor = factor > 2 ? factor : 2;
    for (double distance = 1; wrong < most; distance *= factor) {
        double right = floor(distance) > wrong ? floor(distance) : wrong + 1;
        right = right < most ? right : most;
        int rc = try_value(w, axis, edge + sign * right, e);
        if (rc > 0 && w->o->run_seconds < QUICK_SECONDS)
            return come_back(w, axis, edge, sign, wrong, right, e) < 0 ? -1 : 1;
        if (rc)
            return rc;
        if (w->out_of_time)
            break;
        wrong = right;
    }
    return 0;
}

/* Every ordered axis of the trigger at the value of the failing variant. */
static int walk_all(struct walk *w, const json_t *finding, struct tl_error *e)
{
    json_t *variant = json_deep_copy(w->variant);
    const json_t *trigger, *value;
    size_t i, moved = 0;
    json_array_foreach(json_object_get(finding, "trigger"), i, trigger) {
        const char *name = tl_member_or(trigger, "axis", "");
        value = json_object_get(json_object_get(finding, "failing"), name);
        if (tl_axis_is_ordered(tl_axis_named(finding, name, NULL)) && value &&
            !json_equal(value, json_object_get(variant, name))) {
            json_object_set(variant, name, (json_t *)value);
            moved++;
        }
    }
    int rc = moved > 1 ? try(w, variant, e) : 0;
    json_decref(variant);
    return rc;
}

static int walk_failing(struct walk *w, const json_t *finding, struct tl_error *e)
{
    const json_t *trigger;
    size_t i;
    int rc = 0;
    json_array_foreach(json_object_get(finding, "trigger"), i, trigger) {
        const char *name = tl_member_or(trigger, "axis", "");
        const json_t *axis = tl_axis_named(finding, name, NULL);
        double edge = tl_axis_place(axis, json_object_get(w->variant, name)),
               to = tl_axis_place(axis, json_object_get(json_object_get(finding, "failing"), name));
        if (!tl_axis_is_ordered(axis) || edge < 0 || to < 0 || to == edge)
            continue;
        rc = walk_along(w, axis, edge, to, e);
        if (rc)
            return rc;
    }
    return walk_all(w, finding, e);
}

/* Towards the simplest value of the one axis in which it differs from what fails. */
static int walk_control(struct walk *w, const json_t *finding, struct tl_error *e)
{
    json_t *failing = json_loads(w->o->b->source->failing->variant, 0, NULL), *value;
    const json_t *axis = NULL;
    const char *name;
    size_t differ = 0;
    json_object_foreach((json_t *)w->variant, name, value)
        if (!json_equal(value, json_object_get(failing, name))) {
            axis = tl_axis_named(finding, name, NULL);
            differ++;
        }
    double edge = axis ? tl_axis_place(axis, json_object_get(w->variant, tl_member_or(axis, "name", ""))) : 0,
           other = axis ? tl_axis_place(axis, json_object_get(failing, tl_member_or(axis, "name", ""))) : 0;
    json_decref(failing);
    return differ == 1 && tl_axis_is_ordered(axis) && edge > 0 && other > edge
               ? walk_along(w, axis, edge, 0, e)
               : 0;
}

static void add_value(struct tl_buffer *b, const json_t *value)
{
    char *text =
        json_is_string(value) ? tl_strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);
    tl_buffer_printf(b, "%s%s", b->size ? ", " : "", text ? text : "");
    free(text);
}

/* {"axis","from","to","why"} of every axis that is another now. */
static json_t *moved_json(const struct walk *w, unsigned right, unsigned runs)
{
    const unsigned every = runs_of(w);
    struct tl_buffer axis = TL_BUFFER_INIT, from = TL_BUFFER_INIT, to = TL_BUFFER_INIT;
    const char *name;
    const json_t *one = NULL, *other = NULL;
    json_t *value;
    size_t n = 0;
    json_object_foreach(w->best, name, value) {
        const json_t *was = json_object_get(w->variant, name);
        if (json_equal(value, was))
            continue;
        one = was;
        other = value;
        n++;
        tl_buffer_printf(&axis, "%s%s", axis.size ? ", " : "", name);
        add_value(&from, was);
        add_value(&to, value);
    }
    char *why =
        right == runs
            ? tl_format("what fails had to leave the edge; there it passed in %u of %u runs", every, every)
            : tl_format(
                  "at the edge repro.c %s in %u of %u runs, and there in %u of %u: %s is another thing in "
                  "every program",
                  w->side->must_pass ? "passed" : "failed as reported", right, runs, every, every,
                  w->o->repro.stack_limit_kb ? "how much is left of a stack" : "what a memory error meets");
    json_t *j = json_pack("{s:s,s:s}", "axis", axis.data ? axis.data : "", "why", why);
    json_object_set_new(j, "from",
                        n == 1 ? json_incref((json_t *)one) : json_string(from.data ? from.data : ""));
    json_object_set_new(j, "to", n == 1 ? json_incref((json_t *)other) : json_string(to.data ? to.data : ""));
    free(why);
    tl_buffer_free(&axis);
    tl_buffer_free(&from);
    tl_buffer_free(&to);
    return j;
}

/* That it stayed, as a sentence: a reader is to know that the edge is where it is. */
static void say_stayed(const struct walk *w, unsigned right, unsigned runs)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *member = w->side->must_pass ? "control_stayed" : "stayed", *name;
    json_t *value;
    tl_buffer_printf(&b,
                     "repro.c%s was as it is to be in %u of %u runs, and stays at the edge: %u variants "
                     "farther from it were tried",
                     w->side->must_pass ? " --control" : "", right, runs, w->tries);
    struct tl_buffer at = TL_BUFFER_INIT;
    json_object_foreach(w->farthest, name, value)
        if (!json_equal(value, json_object_get(w->variant, name))) {
            tl_buffer_printf(&at, "%s%s=", at.size ? ", " : "", name);
            char *text = json_is_string(value) ? tl_strdup(json_string_value(value))
                                               : json_dumps(value, JSON_ENCODE_ANY);
            tl_buffer_add_string(&at, text ? text : "");
            free(text);
        }
    if (at.size)
        tl_buffer_printf(&b, ", the last with %s", at.data);
    tl_buffer_add_string(&b, w->out_of_time ? ", none was right in every run, and there was no time for more"
                                            : ", and none was right in every run");
    json_object_set_new(json_object_get(w->o->b->report, "bundle"), member, json_string(b.data));
    tl_buffer_free(&at);
    tl_buffer_free(&b);
}

static void take(struct tl_bundle_ort *o, struct tl_bundle_side *s, struct walk *w, unsigned right,
                 unsigned runs)
{
    json_object_set_new(json_object_get(o->b->report, "bundle"), s->must_pass ? "control_moved" : "moved",
                        moved_json(w, right, runs));
    tl_bundle_side_take_back(o, s);
    tl_bundle_side_free(s);
    s->own = w->record;
    s->has_own = true;
    s->trial = &s->own;
    tl_bundle_side_write(o, s);
}

int tl_bundle_leave_edge(struct tl_bundle_ort *o, struct tl_bundle_side *s, unsigned right, unsigned runs,
                         struct tl_error *e)
{
    const json_t *finding = o->b->source->finding;
    if (!o->b->o->trial || !s->trial || !s->trial->variant)
        return 0;
    json_t *variant = json_loads(s->trial->variant, 0, NULL);
    struct walk w = {.o = o, .side = s, .variant = variant};
    int rc = !variant ? 0 : s->must_pass ? walk_control(&w, finding, e) : walk_failing(&w, finding, e);
    if (rc > 0)
        take(o, s, &w, right, runs);
    else if (w.best)
        tl_trial_record_free(&w.record);
    if (rc == 0 && w.tries && right < runs)
        say_stayed(&w, right, runs);
    json_decref(w.best);
    json_decref(w.farthest);
    json_decref(variant);
    return rc;
}
