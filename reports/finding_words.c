/* The title of a report and its two sentences: what happens, and when. They are the only words that many
 * readers see, and hold nothing that the document does not: where it lacks something they say unknown. */
#include "reports/finding_words.h"

#include <stdlib.h>
#include <string.h>

#define TITLE_SETTINGS 4

void tl_words_setting(struct tl_buffer *b, const char *axis, const json_t *value)
{
    struct tl_buffer text = TL_BUFFER_INIT;
    tl_inline_text(&text, axis);
    tl_buffer_add_string(&text, "=");
    tl_inline_value(&text, value);
    tl_inline_code(b, text.data);
    tl_buffer_free(&text);
}

void tl_words_side(struct tl_buffer *b, const json_t *pair, const char *side)
{
    const char *axis = tl_member_text(pair, "axis");
    tl_words_setting(b, axis, json_object_get(json_object_get(pair, side), axis));
}

void tl_words_variant(struct tl_buffer *b, const json_t *variant)
{
    const char *axis, *separator = "";
    json_t *value;
    json_object_foreach((json_t *)variant, axis, value) {
        tl_buffer_add_string(b, separator);
        tl_words_setting(b, axis, value);
        separator = ", ";
    }
    if (!json_object_size(variant))
        tl_buffer_add_string(b, "unknown");
}

void tl_words_difference(struct tl_buffer *b, const json_t *variant, const json_t *from)
{
    const char *axis, *separator = "";
    json_t *value;
    json_object_foreach((json_t *)variant, axis, value) {
        if (json_equal(value, json_object_get(from, axis)))
            continue;
        tl_buffer_add_string(b, separator);
        tl_words_setting(b, axis, value);
        separator = ", ";
    }
    if (!*separator)
        tl_buffer_add_string(b, "the same variant");
}

void tl_words_runs(struct tl_buffer *b, const json_t *rows, const char *axis, const json_t *value,
                   const char *outcome)
{
    const json_t *row;
    size_t i;
    json_array_foreach(rows, i, row) {
        const char *name = tl_member_text(row, "axis");
        if (axis ? !name || strcmp(name, axis) || !json_equal(json_object_get(row, "value"), value) : !!name)
            continue;
        json_int_t n = tl_member_integer(row, "match") + tl_member_integer(row, "other") +
                       tl_member_integer(row, "pass");
        tl_buffer_printf(b, "%lld of %lld run%s", (long long)tl_member_integer(row, outcome), (long long)n,
                         n == 1 ? "" : "s");
        return;
    }
    tl_buffer_add_string(b, "an unknown number of runs");
}

/* What happens, as a verb with what belongs to it. signal may be NULL. */
static void add_verb(struct tl_buffer *b, const char *outcome, const char *signal)
{
    if (!outcome)
        tl_buffer_add_string(b, "fails");
    else if (!strcmp(outcome, "crash"))
        tl_buffer_printf(b, "crashes with %s", signal ? signal : "an unknown signal");
    else if (!strcmp(outcome, "hang"))
        tl_buffer_add_string(b, "does not come to an end within its time limit");
    else if (!strcmp(outcome, "oom"))
        tl_buffer_add_string(b, "runs out of the memory it is allowed");
    else if (!strcmp(outcome, "error"))
        tl_buffer_add_string(b, "ends with an error");
    else if (!strcmp(outcome, "wrong"))
        tl_buffer_add_string(b, "gives wrong outputs");
    else if (!strcmp(outcome, "fallback"))
        tl_buffer_add_string(b, "runs on another device than the one asked for");
    else
        tl_buffer_printf(b, "ends with the outcome %s", outcome);
}

static void add_short(struct tl_buffer *b, const json_t *f)
{
    const char *outcome = tl_member_text(f, "outcome"), *signal = tl_member_text(f, "signal"),
               *phase = tl_member_text(f, "phase");
    tl_inline_text(b, signal ? signal : outcome ? outcome : "failure");
    if (phase) {
        tl_buffer_add_string(b, " in ");
        tl_inline_text(b, phase);
    }
}

bool tl_words_has_note(const json_t *f, const char *code)
{
    const json_t *note;
    size_t i;
    json_array_foreach(json_object_get(f, "notes"), i, note) {
        const char *name = tl_member_text(note, "code");
        if (name && !strcmp(name, code))
            return true;
    }
    return false;
}

char *tl_report_title(const json_t *f)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *trigger,
        *range = json_array_get(json_object_get(json_object_get(f, "builds"), "ranges"), 0);
    const char *runner = tl_member_text(f, "runner"), *device = tl_member_text(f, "device"),
               *version = tl_member_text(json_object_get(f, "build"), "version");
    size_t i;
    tl_inline_text(&b, runner ? runner : tl_member_or(f, "unit", "unknown"));
    if (version && !range) {
        tl_buffer_add_string(&b, " ");
        tl_inline_text(&b, version);
    }
    if (device) {
        tl_buffer_add_string(&b, ", ");
        tl_inline_text(&b, device);
    }
    tl_buffer_add_string(&b, ": ");
    if (!tl_member_true(f, "reproduced")) {
        tl_inline_text(&b, tl_member_or(f, "case", "unknown"));
        tl_buffer_add_string(&b, tl_words_has_note(f, "failing-unsupported")
                                     ? " could not be tried"
                                     : " did not fail as it was said to");
        return tl_buffer_take(&b);
    }
    add_short(&b, f);
    const json_t *frontier = json_object_get(f, "frontier");
    if (json_is_object(frontier)) {
        tl_buffer_add_string(&b, " beyond a boundary over ");
        tl_inline_text(&b, tl_member_or(frontier, "a", "unknown"));
        tl_buffer_add_string(&b, " and ");
        tl_inline_text(&b, tl_member_or(frontier, "b", "unknown"));
    }
    if (range) {
        tl_buffer_add_string(&b, " from ");
        tl_inline_text(&b, tl_member_or(range, "first_bad", "unknown"));
        tl_buffer_add_string(&b, " to ");
        tl_inline_text(&b, tl_member_or(range, "last_bad", "unknown"));
    }
    json_array_foreach(json_object_get(f, "trigger"), i, trigger) {
        if (i == TITLE_SETTINGS) {
            tl_buffer_add_string(&b, ", …");
            break;
        }
        tl_buffer_add_string(&b, i ? ", " : " with ");
        tl_inline_text(&b, tl_member_or(trigger, "axis", "unknown"));
        tl_buffer_add_string(&b, "=");
        tl_inline_value(&b, json_object_get(trigger, "value"));
    }
    return tl_buffer_take(&b);
}

static void add_when(struct tl_buffer *b, const json_t *f)
{
    const json_t *triggers = json_object_get(f, "trigger"), *trigger;
    size_t i, n = json_array_size(triggers);
    if (!n) {
        if (json_is_object(json_object_get(f, "builds")))
            return;
        if (json_is_object(json_object_get(f, "frontier"))) {
            tl_buffer_add_string(b, " with ");
            tl_words_variant(b, json_object_get(f, "failing"));
            return;
        }
        tl_buffer_add_string(b, json_equal(json_object_get(f, "minimal"), json_object_get(f, "baseline"))
                                    ? " already with every axis at its simplest value"
                                    : "");
        return;
    }
    tl_buffer_add_string(b, " when ");
    json_array_foreach(triggers, i, trigger) {
        if (i)
            tl_buffer_add_string(b, i + 1 == n ? " and " : ", ");
        tl_words_setting(b, tl_member_or(trigger, "axis", "unknown"), json_object_get(trigger, "value"));
    }
}

/* Runs of the minimal variant that were processes of their own, not forked by a fork server, and told
 * something. */
static json_int_t fresh_runs(const json_t *f)
{
    const json_t *minimal = json_object_get(f, "minimal"), *step;
    json_int_t n = 0;
    size_t i;
    json_array_foreach(json_object_get(f, "path"), i, step) {
        const char *outcome = tl_member_text(step, "outcome");
        n += tl_member_true(step, "fresh") && outcome &&
             json_equal(json_object_get(step, "variant"), minimal) &&
             (!strcmp(outcome, "match") || !strcmp(outcome, "pass") || !strcmp(outcome, "other"));
    }
    return n;
}

static void add_rate(struct tl_buffer *b, const json_t *f)
{
    const json_t *rate = json_object_get(f, "rate");
    json_int_t k = tl_integer_at(rate, 0), n = tl_integer_at(rate, 1);
    if (n > 0)
        tl_buffer_printf(b, ": %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " runs of %s%s did", k, n,
                         json_is_object(json_object_get(f, "minimal")) ? "the minimal variant"
                         : json_is_object(json_object_get(f, "builds"))
                             ? "this variant on the builds that fail"
                             : "this variant",
                         fresh_runs(f) == n ? ", each in a process of its own," : "");
}

static void add_since(struct tl_buffer *b, const json_t *f)
{
    const json_t *builds = json_object_get(f, "builds"), *ranges = json_object_get(builds, "ranges"), *range;
    size_t i;
    if (!json_is_object(builds)) {
        tl_buffer_add_string(b, " Since which build it does was not measured.");
        return;
    }
    if (!json_array_size(ranges)) {
        tl_buffer_printf(b, " None of the builds that were tried failed in this way.");
        return;
    }
    json_array_foreach(ranges, i, range) {
        const char *before = tl_member_text(range, "good_before"), *fixed = tl_member_text(range, "fixed");
        tl_buffer_add_string(b, i ? "; it also fails from " : " Of the builds tried, it fails from ");
        tl_inline_code(b, tl_member_or(range, "first_bad", "unknown"));
        tl_buffer_add_string(b, " to ");
        tl_inline_code(b, tl_member_or(range, "last_bad", "unknown"));
        tl_buffer_add_string(b, before ? " (" : " (no older one was found that does not fail in this way");
        tl_inline_code(b, before);
        tl_buffer_add_string(b, before ? " before it does not fail in this way" : "");
        tl_buffer_add_string(b, fixed ? ", and " : ", and no newer one was found that does not");
        tl_inline_code(b, fixed);
        tl_buffer_add_string(b, fixed ? " after it no longer does)" : ")");
    }
    tl_buffer_add_string(b, ".");
}

char *tl_words_summary(const json_t *f)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *name = tl_member_or(f, "case", "unknown"), *phase = tl_member_or(f, "phase", "unknown");
    tl_buffer_add_string(&b, "On ");
    tl_inline_code(&b, tl_member_or(f, "unit", "unknown"));
    tl_buffer_add_string(&b, ", ");
    if (!tl_member_true(f, "reproduced")) {
        const json_t *rate = json_object_get(f, "rate");
        tl_buffer_add_string(&b, "the case ");
        tl_inline_code(&b, name);
        if (tl_words_has_note(f, "failing-unsupported"))
            tl_buffer_add_string(&b, " could not be tried with ");
        else
            tl_buffer_printf(&b, " did not fail in the way that was looked for: %lld of %lld runs did, with ",
                             tl_integer_at(rate, 0), tl_integer_at(rate, 1));
        tl_words_variant(&b, json_object_get(f, "failing"));
        tl_buffer_add_string(&b, ".");
        return tl_buffer_take(&b);
    }
    bool no_model = !strcmp(phase, "generate"); /* what fails is a generator, not the runtime */
    tl_buffer_add_string(&b, no_model ? "making the model of the case " : "the model of the case ");
    tl_inline_code(&b, name);
    tl_buffer_add_string(&b, " ");
    add_verb(&b, tl_member_text(f, "outcome"), tl_member_text(f, "signal"));
    tl_buffer_add_string(&b, " in the phase ");
    tl_inline_code(&b, phase);
    add_when(&b, f);
    add_rate(&b, f);
    tl_buffer_add_string(&b, no_model ? ". The runtime had no model to run by then." : ".");
    add_since(&b, f);
    return tl_buffer_take(&b);
}
