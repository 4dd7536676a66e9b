/* Words for variants, runs and processes. */
#include "reports/finding/words.h"

#include "harness/base/plural.h"
#include "reports/finding/answers.h"
#include "reports/finding/axes.h"
#include "reports/finding/figures.h"
#include "reports/finding/members.h"
#include "reports/finding/rows.h"

#include <stdlib.h>
#include <string.h>

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

void tl_words_error(struct tl_buffer *b, const json_t *failure)
{
    const char *signal = tl_member_text(failure, "signal");
    tl_buffer_add_string(b, signal ? "is ended by " : "ends with an error");
    if (signal)
        tl_inline_text(b, signal);
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
        tl_buffer_add_string(b, json_is_object(variant) ? "the case as it is, which has no axes" : "unknown");
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
                         tl_plural((unsigned long long)n));
    else
        tl_buffer_add_string(b, "an unknown number of runs");
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

void tl_words_stored(struct tl_buffer *b, const json_t *f, enum tl_time_form form)
{
    const json_t *from = json_object_get(f, "cached_from");
    json_int_t n = tl_member_integer(f, "cached");
    int64_t oldest = tl_time_of(json_string_value(json_array_get(from, 0))),
            newest = tl_time_of(json_string_value(json_array_get(from, 1)));
    if (n <= 0)
        return;
    tl_buffer_printf(b, "%lld of %lld trial%s %s", (long long)n, (long long)tl_member_integer(f, "trials"),
                     tl_plural((unsigned long long)tl_member_integer(f, "trials")),
                     tl_one_or_many((unsigned long long)n, "is a stored outcome", "are stored outcomes"));
    if (!oldest || !newest) /* of an earlier version */
        return;
    char *first = tl_time_format(oldest, form), *last = tl_time_format(newest, form);
    if (strcmp(first, last) != 0)
        tl_buffer_printf(b, " of runs from %s to %s", first, last);
    else
        tl_buffer_printf(b, " of %s on %s", tl_one_or_many((unsigned long long)n, "a run", "runs"), first);
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
