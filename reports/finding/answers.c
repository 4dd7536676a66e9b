/* The words keep to what was measured. That any failure of a kind needs only W is true of the trials; that it
 * is one bug is not known unless stacks or builds say so, and nobody here knows whether one fix mends all. A
 * place "was seen only with" values when every trial that showed it had them, which says nothing of trials
 * that were not run. */
#include "reports/finding/answers.h"

#include "harness/base/plural.h"
#include "reports/finding/axes.h"
#include "reports/finding/members.h"
#include "reports/finding/values.h"
#include "reports/finding/words.h"

#include <stdlib.h>
#include <string.h>

#define ONLY_MOST 6 /* values of an axis that a place was seen with */

static void add_condition(struct tl_buffer *b, const json_t *f, const json_t *entry)
{
    struct tl_buffer text = TL_BUFFER_INIT;
    tl_words_condition(&text, f, entry, false);
    tl_inline_code(b, text.data);
    tl_buffer_free(&text);
}

void tl_words_trigger(struct tl_buffer *b, const json_t *f, const json_t *trigger)
{
    const json_t *t;
    size_t i, n = json_array_size(trigger);
    json_array_foreach(trigger, i, t) {
        tl_buffer_add_string(b, !i ? "" : i + 1 == n ? " and " : ", ");
        add_condition(b, f, t);
    }
}

static void add_code_set(struct tl_buffer *b, const json_t *axis, const json_t *values)
{
    struct tl_buffer text = TL_BUFFER_INIT;
    tl_words_set(&text, axis, values, 8);
    tl_inline_code(b, text.data);
    tl_buffer_free(&text);
}

/* Whether the failing variant has the axis at its baseline, so that nothing could be reset. */
static bool at_baseline(const json_t *f, const json_t *x)
{
    const char *axis = tl_member_text(x, "axis");
    const json_t *simplest = axis ? json_object_get(json_object_get(f, "baseline"), axis) : NULL;
    return simplest && json_equal(json_object_get(json_object_get(f, "failing"), axis), simplest);
}

/* What is known of one axis of a need: its value, those that fail too, and those that pass. */
static void add_need_values(struct tl_buffer *b, const json_t *f, const json_t *x)
{
    const json_t *axis = tl_axis_named(f, tl_member_text(x, "axis"), NULL),
                 *passes = json_object_get(x, "passes_with"), *fails = json_object_get(x, "fails_with");
    const char *separator = " (";
    if (tl_words_up_to(f, x)) {
        tl_buffer_add_string(b, " (it is ");
        tl_inline_value(b, json_object_get(x, "value"));
        tl_buffer_add_string(b, " in the minimal variant");
        separator = "; ";
        if (json_array_size(fails) > 1) {
            tl_buffer_add_string(b, "; fails with ");
            add_code_set(b, axis, fails);
        }
    }
    if (json_array_size(passes)) {
        tl_buffer_printf(b, "%spasses with ", separator);
        add_code_set(b, axis, passes);
        separator = "; ";
    }
    tl_buffer_add_string(b, *separator == ';' ? ")" : "");
}

void tl_words_need(struct tl_buffer *b, const json_t *f, const json_t *need)
{
    const json_t *any_of = json_object_get(need, "any_of"), *x;
    size_t i, n = json_array_size(any_of);
    tl_buffer_add_string(b, n > 1 ? "one of these: " : "");
    json_array_foreach(any_of, i, x) {
        tl_buffer_add_string(b, i ? "; " : "");
        add_condition(b, f, x);
        tl_buffer_add_string(b, at_baseline(f, x) ? ", which the failing variant has at its baseline" : "");
        add_need_values(b, f, x);
    }
}

/* "one of (`a=1`, `b=2`)" */
static void add_need(struct tl_buffer *b, const json_t *f, const json_t *need)
{
    const json_t *any_of = json_object_get(need, "any_of"), *x;
    size_t i, n = json_array_size(any_of);
    tl_buffer_add_string(b, n > 1 ? "one of (" : "");
    json_array_foreach(any_of, i, x) {
        tl_buffer_add_string(b, i ? ", " : "");
        add_condition(b, f, x);
    }
    tl_buffer_add_string(b, n > 1 ? ")" : "");
}

/* Those of which each axis is at its baseline in the failing variant, or the others. Returns how many. */
static size_t add_needs(struct tl_buffer *b, const json_t *f, const json_t *needs, bool simplest)
{
    const json_t *need, *x;
    size_t i, k, n = 0;
    json_array_foreach(needs, i, need) {
        bool all = true;
        json_array_foreach(json_object_get(need, "any_of"), k, x) {
            all = all && at_baseline(f, x);
        }
        if (all != simplest)
            continue;
        tl_buffer_add_string(b, n++ ? ", " : "");
        add_need(b, f, need);
    }
    return n;
}

void tl_words_needs(struct tl_buffer *b, const json_t *f, const json_t *needs)
{
    struct tl_buffer simplest = TL_BUFFER_INIT, others = TL_BUFFER_INIT;
    size_t n = add_needs(&simplest, f, needs, true), m = add_needs(&others, f, needs, false);
    if (n)
        tl_buffer_printf(b, "%s, which the failing variant has at %s baseline", simplest.data,
                         tl_one_or_many((unsigned long long)n, "its", "their"));
    if (m)
        tl_buffer_printf(b, "%s%s", n ? "; and " : "", others.data);
    tl_buffer_free(&simplest);
    tl_buffer_free(&others);
}

bool tl_words_cause_place(struct tl_buffer *b, const json_t *f, const json_t *cause)
{
    const char *signature = tl_member_text(cause, "signature");
    const json_t *place;
    size_t i;
    json_array_foreach(json_object_get(f, "places"), i, place) {
        if (!signature || strcmp(tl_member_or(place, "signature", ""), signature))
            continue;
        tl_buffer_add_string(b, "at ");
        tl_inline_code(b, tl_member_or(place, "title", signature));
        if (strcmp(tl_member_or(place, "relation", ""), "same"))
            tl_buffer_add_string(b, ", which may be another bug");
        return true;
    }
    return false;
}

void tl_words_cause(struct tl_buffer *b, const json_t *f, const json_t *cause)
{
    const json_t *needs = json_object_get(cause, "needs"), *rate = json_object_get(cause, "rate");
    if (json_array_size(json_object_get(cause, "trigger")))
        tl_words_trigger(b, f, json_object_get(cause, "trigger"));
    else
        tl_words_difference(b, f, json_object_get(cause, "minimal"), json_object_get(f, "baseline"));
    if (json_array_size(needs)) {
        tl_buffer_add_string(b, ", where it also needs ");
        tl_words_needs(b, f, needs);
    }
    if (tl_integer_at(rate, 1) > 0)
        tl_buffer_printf(b, " (%lld of %lld run%s)", tl_integer_at(rate, 0), tl_integer_at(rate, 1),
                         tl_plural((unsigned long long)tl_integer_at(rate, 1)));
    struct tl_buffer place = TL_BUFFER_INIT;
    if (tl_words_cause_place(&place, f, cause))
        tl_buffer_printf(b, ", %s", place.data);
    tl_buffer_free(&place);
}

void tl_words_kind(struct tl_buffer *b, const json_t *f)
{
    const char *outcome = tl_member_text(f, "outcome"), *signal = tl_member_text(f, "signal");
    if (signal)
        tl_buffer_add_string(b, signal);
    else if (outcome && !strcmp(outcome, "error"))
        tl_buffer_add_string(b, "error with this text");
    else if (outcome && !strcmp(outcome, "wrong"))
        tl_buffer_add_string(b, "wrong output of this kind");
    else
        tl_buffer_add_string(b, outcome ? outcome : "failure of this kind");
    tl_buffer_printf(b, " in %s", tl_member_or(f, "phase", "an unknown phase"));
}

/* One of the same kind that is another bug is no part of "any". */
void tl_words_any(struct tl_buffer *b, const json_t *f)
{
    const json_t *other;
    bool any = true;
    size_t i;
    json_array_foreach(json_object_get(f, "others"), i, other) {
        any = any && strcmp(tl_member_or(other, "relation", ""), "other") != 0;
    }
    tl_buffer_add_string(b, any ? "any " : "");
    tl_words_kind(b, f);
    tl_buffer_add_string(b, any ? "" : " at any of these places");
}

size_t tl_finding_places(const json_t *f)
{
    return json_array_size(json_object_get(f, "places"));
}

/* The signature of the strict answer is that of its minimal variant, which is a trial of the path; where that
 * is not there, the list begins with it. */
const json_t *tl_finding_first_place(const json_t *f)
{
    const json_t *places = json_object_get(f, "places"), *place, *step,
                 *minimal = json_object_get(json_object_get(f, "strict"), "minimal");
    size_t i, k;
    json_array_foreach(json_object_get(f, "path"), i, step) {
        const char *signature = tl_member_text(step, "signature");
        if (!signature || !minimal || !json_equal(json_object_get(step, "variant"), minimal))
            continue;
        json_array_foreach(places, k, place) {
            if (!strcmp(tl_member_or(place, "signature", ""), signature))
                return place;
        }
    }
    return json_array_get(places, 0);
}

static bool in_trigger(const json_t *trigger, const char *axis)
{
    const json_t *t;
    size_t i;
    json_array_foreach(trigger, i, t) {
        const char *name = tl_member_text(t, "axis");
        if (axis && name && !strcmp(name, axis))
            return true;
    }
    return false;
}

/* The values of an axis with which a signature was seen: a new array. */
static json_t *seen_with(const json_t *f, const char *signature, const char *axis)
{
    json_t *values = json_array(), *v;
    const json_t *step;
    size_t i, k;
    json_array_foreach(json_object_get(f, "path"), i, step) {
        json_t *value = json_object_get(json_object_get(step, "variant"), axis);
        if (!value || strcmp(tl_member_or(step, "signature", ""), signature) != 0)
            continue;
        bool known = false;
        json_array_foreach(values, k, v) {
            known |= json_equal(v, value);
        }
        if (!known)
            json_array_append(values, value);
    }
    return values;
}

/* "`size` from 2 to 64": of many values of an ordered axis both ends say enough. */
static void add_seen(struct tl_buffer *b, const json_t *axis, const char *name, const json_t *values)
{
    struct tl_buffer text = TL_BUFFER_INIT;
    const json_t *v, *first = json_array_get(values, 0), *last = first;
    size_t i;
    json_array_foreach(values, i, v) {
        first = tl_axis_place(axis, v) < tl_axis_place(axis, first) ? v : first;
        last = tl_axis_place(axis, v) > tl_axis_place(axis, last) ? v : last;
    }
    bool ends = i > ONLY_MOST && tl_axis_is_ordered(axis);
    tl_inline_text(&text, name);
    if (ends) {
        tl_buffer_add_string(&text, " from ");
        tl_inline_value(&text, first);
        tl_buffer_add_string(&text, " to ");
        tl_inline_value(&text, last);
    } else {
        tl_buffer_add_string(&text, i == 1 ? "=" : " in ");
        tl_words_set(&text, axis, values, ONLY_MOST);
    }
    tl_inline_code(b, text.data);
    tl_buffer_free(&text);
}

bool tl_words_only_with(struct tl_buffer *b, const json_t *f)
{
    const json_t *t, *strict = json_object_get(json_object_get(f, "strict"), "trigger");
    const char *signature = tl_member_text(tl_finding_first_place(f), "signature");
    size_t i, n = 0;
    json_array_foreach(strict, i, t) {
        const char *name = tl_member_text(t, "axis");
        const json_t *axis = tl_axis_named(f, name, NULL);
        if (!signature || !axis || in_trigger(json_object_get(f, "trigger"), name))
            continue;
        json_t *values = seen_with(f, signature, name);
        if (json_array_size(values)) {
            tl_buffer_add_string(b, n++ ? ", " : "with ");
            add_seen(b, axis, name, values);
        }
        json_decref(values);
    }
    return n > 0;
}

#define ARROW " ← "

/* Where a frame stands in a title, which names frames from the fault on with arrows between; -1. */
static int frame_at(const char *title, const char *frame, size_t size)
{
    int at = 0;
    for (const char *p = title; p; at++) {
        const char *end = strstr(p, ARROW);
        size_t n = end ? (size_t)(end - p) : strlen(p);
        if (n == size && !strncmp(p, frame, n))
            return at;
        p = end ? end + strlen(ARROW) : NULL;
    }
    return -1;
}

/* How near and how far from the fault a frame is at all places; false when one does not have it. */
static bool everywhere(const json_t *places, const char *frame, size_t size, int *near, int *far)
{
    const json_t *place;
    size_t i;
    *near = *far = -1;
    json_array_foreach(places, i, place) {
        int at = frame_at(tl_member_or(place, "title", ""), frame, size);
        if (at < 0)
            return false;
        *near = *near < 0 || at < *near ? at : *near;
        *far = at > *far ? at : *far;
    }
    return true;
}

static void add_distance(struct tl_buffer *b, long long near, long long far)
{
    if (far == 0)
        tl_buffer_add_string(b, ", in which the fault is");
    else if (near == far)
        tl_buffer_printf(b, ", %lld frame%s from the fault", far, tl_plural((unsigned long long)far));
    else
        tl_buffer_printf(b, ", %lld to %lld frames from the fault", near, far);
}

/* The document has it since stacks are compared; of an older one the titles are. */
static bool add_known_frame(struct tl_buffer *b, const json_t *f)
{
    const json_t *common = json_object_get(f, "common_frame"), *place;
    const char *frame = tl_member_text(common, "frame");
    long long near = tl_member_integer(common, "distance"), far = near;
    size_t i;
    if (!frame)
        return false;
    json_array_foreach(json_object_get(f, "places"), i, place) {
        long long at = tl_member_integer(place, "distance");
        far = at > far ? at : far;
    }
    tl_inline_code(b, frame);
    add_distance(b, near, far);
    return true;
}

bool tl_words_common_frame(struct tl_buffer *b, const json_t *f)
{
    const json_t *places = json_object_get(f, "places");
    if (json_object_get(f, "common_frame"))
        return json_array_size(places) > 1 && add_known_frame(b, f);
    const char *first = tl_member_text(json_array_get(places, 0), "title");
    int near, far;
    if (json_array_size(places) < 2 || !first || !strstr(first, ARROW))
        return false;
    for (const char *p = first; p;) {
        const char *end = strstr(p, ARROW);
        size_t n = end ? (size_t)(end - p) : strlen(p);
        if (everywhere(places, p, n, &near, &far)) {
            char *frame = tl_format("%.*s", (int)n, p);
            tl_inline_code(b, frame);
            add_distance(b, near, far);
            free(frame);
            return true;
        }
        p = end ? end + strlen(ARROW) : NULL;
    }
    return false;
}

/* ": it fails on 1.24.3 and not on 1.25.1, as that one does" */
static void add_judgement(struct tl_buffer *b, const json_t *place, bool same)
{
    const json_t *builds = json_object_get(place, "builds");
    const char *by = tl_member_or(place, "judged_by", "");
    if (!strcmp(by, "builds") && tl_member_text(builds, "fails_on") && tl_member_text(builds, "passes_on"))
        tl_buffer_printf(b,
                         same ? ": it comes and goes with the same builds, %s and %s"
                              : ": it does not come and go with the same builds, %s and %s",
                         tl_member_text(builds, "fails_on"), tl_member_text(builds, "passes_on"));
    else if (!strcmp(by, "builds"))
        tl_buffer_printf(b, ": it %s with the same builds", same ? "comes and goes" : "does not come and go");
    else if (!strcmp(by, "words"))
        tl_buffer_add_string(b, same ? ": the same check found it" : ": its message names another cause");
    else if (!strcmp(by, "stack"))
        tl_buffer_add_string(b, ": the stacks share the faulting function or its caller");
    else if (!strcmp(by, "variant"))
        tl_buffer_add_string(b, ": one variant showed both");
    else if (!strcmp(by, "values"))
        tl_buffer_add_string(b, ": other values make it come and go");
}

void tl_words_relation(struct tl_buffer *b, const json_t *f, const json_t *place)
{
    const char *relation = tl_member_or(place, "relation", "");
    bool same = !strcmp(relation, "same");
    if (place == tl_finding_first_place(f)) {
        tl_buffer_add_string(b, "isolated first");
    } else if (same || !strcmp(relation, "other")) {
        tl_buffer_add_string(b, same ? "the same failure" : "another failure");
        add_judgement(b, place, same);
    } else {
        tl_buffer_add_string(b, tl_finding_is_error(f)
                                    ? "not known: its text is the same but for names and numbers"
                                    : "not known");
    }
}

const char *tl_words_may_be_two(const json_t *f)
{
    static const char
        judged[] = "This may be two bugs: the minimal variant fails at another place than the one that was "
                   "isolated first, and no build tells whether one fix mends both.",
        quick[] = "This may be two bugs: the minimal variant fails at another place than the one that was "
                  "isolated first, and a quick search does not find out whether one fix mends both.";
    if (!tl_finding_has_note(f, "may-be-two"))
        return NULL;
    return strcmp(tl_member_or(f, "effort", ""), "quick") ? judged : quick;
}
