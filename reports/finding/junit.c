/* A finding as JUnit XML: the minimal variant is a test, and so is every variant that was measured next to it. Those
 * that fail are failures; those whose passes may be luck are skipped, and so is what could not be tried, and a failure
 * that is known. */
#include "reports/junit.h"
#include "harness/base/plural.h"
#include "reports/finding/axes.h"
#include "reports/finding/figures.h"
#include "reports/finding/finding.h"
#include "reports/finding/members.h"
#include "reports/finding/rows.h"
#include "reports/finding/words.h"
#include "reports/known.h"

#include <stdlib.h>
#include <string.h>

/* The words of the report, the message and the stack. */
static char *body_of(const json_t *report)
{
    const json_t *f = json_object_get(report, "finding");
    struct tl_buffer b = TL_BUFFER_INIT;
    char *summary = tl_inline_plain(tl_words_summary(f));
    tl_buffer_printf(&b, "%s\n", summary);
    free(summary);
    tl_junit_add_trial(&b, tl_member_text(f, "message"), json_object_get(report, "failing_trial"));
    return tl_buffer_take(&b);
}

/* Of a trial that stands for a side: how long it took. 0: it is not known. */
static double seconds_of(const json_t *trial)
{
    return json_number_value(json_object_get(trial, "wall_s"));
}

/* "3 of 4 runs failed in this way, 1 passed" */
static char *counted(const json_t *row)
{
    const long long match = (long long)tl_member_integer(row, "match"),
                    other = (long long)tl_member_integer(row, "other"),
                    pass = (long long)tl_member_integer(row, "pass");
    return tl_format("%lld of %lld run%s failed in this way, %lld in another one, and %lld passed", match,
                     match + other + pass, tl_plural((unsigned long long)(match + other + pass)), other,
                     pass);
}

static char *why_skipped(const json_t *f, const json_t *row)
{
    if (tl_member_integer(row, "pass") > 0)
        return tl_format("not seen to fail so far, which may be luck: %lld passes in a row would be evidence",
                         (long long)tl_finding_enough(f));
    if (tl_member_integer(row, "unsupported") > 0) {
        const char *why = tl_member_text(f, "message");
        return tl_format("it could not be tried: it is not supported%s%s",
                         why && !tl_member_true(f, "reproduced") ? ": " : "",
                         why && !tl_member_true(f, "reproduced") ? why : "");
    }
    return tl_strdup(tl_member_integer(row, "lost") > 0 ? "its trials were lost: none came to its end"
                                                        : "it was not run");
}

/* The row of the minimal variant has no axis; over builds the axis is the build, and no part of a variant. */
static void add_row(struct tl_junit *j, const json_t *report, const json_t *row)
{
    const json_t *f = json_object_get(report, "finding"), *value = json_object_get(row, "value");
    const char *axis = tl_member_text(row, "axis"), *title = tl_member_text(report, "title"),
               *outcome = tl_member_text(f, "outcome");
    bool match = tl_member_integer(row, "match") > 0, other = tl_member_integer(row, "other") > 0,
         pass = tl_member_integer(row, "pass") > 0,
         build = axis && !strcmp(axis, "build") && tl_finding_over_builds(f);
    json_t *variant = json_copy((json_t *)tl_report_variant(f));
    struct tl_junit_test t = {.case_name = tl_member_text(f, "case"), .unit = tl_member_text(f, "unit")};
    char *text = NULL, *message = NULL, *word = build ? tl_value_word(value) : NULL,
         *with = build ? tl_format("build=%s", word) : NULL;
    variant = variant ? variant : json_object();
    if (axis && !build)
        json_object_set(variant, axis, (json_t *)value);
    t.variant = variant;
    t.with = with;
    if (match &&
        json_is_object(json_object_get(f, "known"))) { /* somebody has judged it: it is nothing new */
        char *known = tl_inline_plain(tl_known_words(json_object_get(f, "known")));
        t.result = TL_JUNIT_SKIPPED;
        t.message = message = tl_format("%s: %s", known, title ? title : "");
        free(known);
    } else if (match || other) {
        t.result = TL_JUNIT_FAILURE;
        t.type = match && outcome ? outcome : "another failure";
        t.message = match && title ? title : "failed in another way";
        text = match && !axis ? body_of(report) : counted(row);
        t.body = text;
        t.seconds = match && !axis ? seconds_of(json_object_get(report, "failing_trial")) : 0;
    } else if (!pass || (axis && !tl_words_row_passes(f, row))) {
        t.result = TL_JUNIT_SKIPPED;
        t.message = message = why_skipped(f, row);
    } else if (json_equal(variant, json_object_get(json_object_get(report, "control_trial"), "variant"))) {
        t.seconds = seconds_of(json_object_get(report, "control_trial"));
    }
    tl_junit_test(j, &t);
    json_decref(variant);
    free(with);
    free(word);
    free(text);
    free(message);
}

static void add_properties(struct tl_junit *j, const json_t *report)
{
    const json_t *f = json_object_get(report, "finding"), *build = json_object_get(f, "build"),
                 *trial = json_object_get(report, "failing_trial"),
                 *nodes = json_object_get(json_object_get(f, "reduction"), "nodes");
    tl_junit_property(j, "finding", tl_member_text(f, "finding"));
    tl_junit_property(j, "unit", tl_member_text(f, "unit"));
    tl_junit_property(j, "build", tl_member_text(build, "version"));
    tl_junit_property(j, "commit", tl_member_text(build, "commit"));
    tl_junit_property(j, "signature", tl_member_text(json_object_get(f, "signature"), "title"));
    tl_junit_property(j, "observed", tl_member_text(trial, "observed"));
    if (json_array_size(nodes) == 2) {
        char *left = tl_format("%lld of %lld", tl_integer_at(nodes, 1), tl_integer_at(nodes, 0));
        tl_junit_property(j, "nodes_left", left);
        free(left);
    }
    tl_junit_environment(j, json_object_get(f, "environment"));
}

char *tl_report_junit(const json_t *report)
{
    const json_t *f = json_object_get(report, "finding"), *row;
    json_t *rows = tl_report_rows(f);
    struct tl_junit j;
    size_t i;
    if (!json_array_size(rows)) /* over builds, or nothing failed: what was run as a whole */
        json_array_append_new(rows, json_pack("{s:i}",
                                              tl_member_true(f, "reproduced")                 ? "match"
                                              : tl_finding_has_note(f, "failing-unsupported") ? "unsupported"
                                                                                              : "pass",
                                              1));
    tl_junit_begin(&j);
    tl_junit_suite(&j, tl_member_or(f, "case", "trapline"), tl_member_integer(f, "created_us"),
                   json_number_value(json_object_get(f, "elapsed_s")));
    add_properties(&j, report);
    json_array_foreach(rows, i, row)
        add_row(&j, report, row);
    json_decref(rows);
    return tl_junit_end(&j);
}
