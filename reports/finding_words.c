/* The title of a report, and words for variants and runs. The title is the only line that many readers see, and
 * holds nothing that the document does not: where it lacks something it says unknown. */
#include "reports/finding_words.h"

#include "reports/finding_answers.h"
#include "reports/finding_axes.h"
#include "reports/finding_figures.h"
#include "reports/finding_members.h"
#include "reports/finding_rows.h"
#include "reports/finding_values.h"

#include <stdlib.h>
#include <string.h>

#define TITLE_SETTINGS 8
#define TITLE_SIZE 140 /* bytes after which no setting is begun */

void tl_words_names(struct tl_buffer *b, const json_t *names)
{
    const json_t *name;
    size_t i;
    json_array_foreach(names, i, name) {
        tl_buffer_add_string(b, i ? ", " : "");
        tl_inline_code(b, json_string_value(name));
    }
}

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

void tl_words_difference(struct tl_buffer *b, const json_t *f, const json_t *variant, const json_t *from)
{
    const char *axis, *separator = "";
    json_t *value;
    bool unread = false;
    json_object_foreach((json_t *)variant, axis, value) {
        if (json_equal(value, json_object_get(from, axis)))
            continue;
        if (tl_finding_unread(f, axis)) {
            unread = true;
            continue;
        }
        tl_buffer_add_string(b, separator);
        tl_words_setting(b, axis, value);
        separator = ", ";
    }
    if (!*separator)
        tl_buffer_add_string(b, unread ? "the same variant but for axes that nothing reads"
                                       : "the same variant");
}

void tl_words_runs(struct tl_buffer *b, const json_t *rows, const char *axis, const json_t *value,
                   const char *outcome)
{
    const json_t *row = tl_report_row(rows, axis, value);
    json_int_t n =
        tl_member_integer(row, "match") + tl_member_integer(row, "other") + tl_member_integer(row, "pass");
    if (row)
        tl_buffer_printf(b, "%lld of %lld run%s", (long long)tl_member_integer(row, outcome), (long long)n,
                         n == 1 ? "" : "s");
    else
        tl_buffer_add_string(b, "an unknown number of runs");
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

/* In a band nothing passes for certain, however often it did. */
static bool in_band(const json_t *f, const char *axis, const json_t *value)
{
    const json_t *t, *of = tl_axis_named(f, axis, NULL);
    size_t i;
    json_array_foreach(json_object_get(f, "trigger"), i, t) {
        const json_t *band = json_object_get(t, "band"),
                     *never = json_object_get(json_object_get(band, "never"), "value");
        if (json_is_object(band) && !strcmp(tl_member_or(t, "axis", ""), axis))
            return !never || tl_axis_place(of, value) > tl_axis_place(of, never);
    }
    return false;
}

bool tl_words_row_passes(const json_t *f, const json_t *row)
{
    const char *axis = tl_member_text(row, "axis");
    return tl_row_passes(row) && tl_finding_is_evidence(f, tl_row_passes(row)) &&
           (!axis || (!tl_finding_unread(f, axis) && !in_band(f, axis, json_object_get(row, "value"))));
}

bool tl_words_pair_counts(const json_t *f, const json_t *rows, const json_t *pair)
{
    const char *axis = tl_member_text(pair, "axis");
    const json_t *value = axis ? json_object_get(json_object_get(pair, "passes"), axis) : NULL,
                 *row = axis ? tl_report_row(rows, axis, value) : NULL;
    if (!axis || row)
        return axis && tl_words_row_passes(f, row);
    return tl_finding_is_evidence(f, tl_member_integer(pair, "n_passes")) && !tl_finding_unread(f, axis) &&
           !in_band(f, axis, value);
}

char *tl_report_title(const json_t *f)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *trigger, *builds = tl_finding_over_builds(f) ? json_object_get(f, "builds") : NULL,
                           *range = json_array_get(json_object_get(builds, "ranges"), 0);
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
        tl_buffer_add_string(&b, json_is_false(json_object_get(f, "judged")) ? " could not be judged"
                                 : tl_finding_has_note(f, "failing-unsupported")
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
        if (i == TITLE_SETTINGS || (i && b.size > TITLE_SIZE)) {
            tl_buffer_add_string(&b, ", …");
            break;
        }
        tl_buffer_add_string(&b, i ? ", " : " with ");
        tl_words_condition(&b, f, trigger, true);
    }
    return tl_buffer_take(&b);
}

void tl_words_stored(struct tl_buffer *b, const json_t *f, enum tl_time_form form)
{
    const json_t *from = json_object_get(f, "cached_from");
    json_int_t n = tl_member_integer(f, "cached");
    int64_t oldest = tl_time_of(json_string_value(json_array_get(from, 0))),
            newest = tl_time_of(json_string_value(json_array_get(from, 1)));
    if (n <= 0)
        return;
    tl_buffer_printf(b, "%lld of %lld trials %s", (long long)n, (long long)tl_member_integer(f, "trials"),
                     n == 1 ? "is a stored outcome" : "are stored outcomes");
    if (!oldest || !newest) /* of an earlier version */
        return;
    char *first = tl_time_format(oldest, form), *last = tl_time_format(newest, form);
    if (strcmp(first, last) != 0)
        tl_buffer_printf(b, " of runs from %s to %s", first, last);
    else
        tl_buffer_printf(b, " of %s on %s", n == 1 ? "a run" : "runs", first);
    free(first);
    free(last);
}

/* "in every fresh process (5 of 5)", "never in a forked child (0 of 12)" */
static void add_kind_of_process(struct tl_buffer *b, const json_t *counted, const char *one, const char *many)
{
    long long failed = tl_integer_at(counted, 0), runs = tl_integer_at(counted, 1);
    if (failed == runs)
        tl_buffer_printf(b, "in every %s (%lld of %lld)", one, failed, runs);
    else if (!failed)
        tl_buffer_printf(b, "never in a %s (0 of %lld)", one, runs);
    else
        tl_buffer_printf(b, "in %lld of %lld %s", failed, runs, many);
}

void tl_words_processes(struct tl_buffer *b, const json_t *finding)
{
    const json_t *processes = json_object_get(finding, "processes");
    const json_t *forked = json_object_get(processes, "forked"), *fresh = json_object_get(processes, "fresh");
    if (json_array_size(forked) != 2 || json_array_size(fresh) != 2)
        return;
    tl_buffer_add_string(b, "It fails ");
    if (tl_integer_at(fresh, 0)) {
        add_kind_of_process(b, fresh, "fresh process", "fresh processes");
        tl_buffer_add_string(b, tl_integer_at(forked, 0) ? " and " : ", ");
    }
    add_kind_of_process(b, forked, "forked child", "forked children, each of another server");
    if (!tl_integer_at(fresh, 0)) {
        tl_buffer_add_string(b, ", ");
        add_kind_of_process(b, fresh, "fresh process", "fresh processes");
    }
    tl_buffer_printf(b, ". All of this is about %s",
                     !strcmp(tl_member_or(processes, "isolated", "fresh"), "forked") ? "such children"
                                                                                     : "fresh processes");
}
