/* What a report says, section by section. Every field that a good report holds is there or says "unknown",
 * and no sentence claims more than was measured: numbers stand beside what they were counted over. */
#include "reports/finding_page.h"

#include "harness/base/time_text.h"
#include "reports/finding_answers.h"
#include "reports/finding_axes.h"
#include "reports/finding_figures.h"
#include "reports/finding_members.h"
#include "reports/finding_rows.h"
#include "reports/finding_sections.h"
#include "reports/finding_values.h"
#include "reports/frontier_svg.h"
#include "reports/search_svg.h"

#include <stdlib.h>
#include <string.h>

/* "`8355`: 0 of 22 (0 % to 23 %)" */
static void add_rate(struct tl_buffer *b, const json_t *rate)
{
    const json_t *interval = json_object_get(rate, "interval");
    tl_inline_value(b, json_object_get(rate, "value"));
    tl_buffer_printf(b, ": %lld of %lld", (long long)tl_member_integer(rate, "failed"),
                     (long long)tl_member_integer(rate, "runs"));
    if (json_array_size(interval) == 2)
        tl_buffer_printf(b, " (%.0f %% to %.0f %%)", 100 * json_number_value(json_array_get(interval, 0)),
                         100 * json_number_value(json_array_get(interval, 1)));
}

static void add_band(struct tl_buffer *b, const json_t *band)
{
    const json_t *never = json_object_get(band, "never"), *always = json_object_get(band, "always"), *s;
    size_t i;
    bool inside = !json_is_object(never), first = true;
    tl_buffer_add_string(b, " a band of values, and no sharp threshold");
    if (json_is_object(never)) {
        tl_buffer_add_string(b, "; its lower edge, the last value that never failed in this way, is ");
        add_rate(b, never);
    } else {
        tl_buffer_add_string(b, "; a lower edge was not found, for no value was seen never to fail");
    }
    if (json_is_object(always)) {
        bool certain = json_equal(json_object_get(always, "failed"), json_object_get(always, "runs"));
        tl_buffer_add_string(b, certain
                                    ? "; its upper edge, from which on it always failed, is "
                                    : "; its upper edge, the first value that fails as often as the failing "
                                      "variant, is ");
        add_rate(b, always);
    }
    tl_buffer_add_string(b, tl_member_true(band, "uneven") ? ". Between the edges the rate goes up and down."
                                                           : ". Between the edges it comes and goes.");
    if (tl_member_true(band, "moves"))
        tl_buffer_add_string(b, " Where the band lies depends on axes that are not in the trigger.");
    tl_buffer_add_string(b, " Intervals are Wilson's, with confidence 0.99.");
    /* What was measured between the two; one run tells no rate. */
    json_array_foreach(json_object_get(band, "samples"), i, s) {
        bool end = json_equal(json_object_get(s, "value"), json_object_get(always, "value"));
        if (end)
            break;
        if (inside && tl_member_integer(s, "runs") > 1) {
            tl_buffer_add_string(b, first ? " Measured between them: " : ", ");
            first = false;
            add_rate(b, s);
        }
        inside = inside || json_equal(json_object_get(s, "value"), json_object_get(never, "value"));
    }
    if (!first)
        tl_buffer_add_string(b, ".");
}

static bool is_ordered(const json_t *finding, const char *name)
{
    const char *kind = tl_member_text(tl_axis_named(finding, name, NULL), "kind");
    return kind && strcmp(kind, "choices") != 0;
}

/* An axis of which every value was tried, and not all from some value on fail. */
static void add_set(struct tl_buffer *b, const json_t *f, const json_t *t)
{
    const json_t *axis = tl_axis_named(f, tl_member_text(t, "axis"), NULL);
    struct tl_buffer text = TL_BUFFER_INIT;
    tl_words_condition(&text, f, t, false);
    tl_inline_code(b, text.data);
    tl_buffer_add_string(b, ": not monotone. Every value was tried, and the others");
    if (json_array_size(json_object_get(t, "passes_with"))) {
        tl_buffer_clear(&text);
        tl_words_set(&text, axis, json_object_get(t, "passes_with"), 16);
        tl_buffer_add_string(b, ", ");
        tl_inline_code(b, text.data);
        tl_buffer_add_string(b, ",");
    }
    tl_buffer_add_string(b, " pass.");
    tl_buffer_free(&text);
}

/* A value that is further out than one that fails, and passes, or the other way round. */
static void add_not_monotone(struct tl_buffer *b, const json_t *t)
{
    const json_t *odd = json_object_get(t, "non_monotone");
    bool fails = tl_list_holds(json_object_get(t, "fails_with"), odd),
         passes = tl_list_holds(json_object_get(t, "passes_with"), odd);
    tl_buffer_add_string(b, " It is not monotone: ");
    tl_words_setting(b, tl_member_text(t, "axis"), odd);
    tl_buffer_add_string(b, fails    ? " fails, and a value between passes."
                            : passes ? " passes, and a simpler value fails."
                                     : " does not behave as this threshold says.");
}

static void add_thresholds(const struct tl_sections *r)
{
    const json_t *t, *joint;
    json_t *rows = tl_report_rows(r->finding);
    size_t i, n = 0;
    tl_page_heading(r->page, 2, "Threshold");
    json_array_foreach(json_object_get(r->finding, "trigger"), i, t) {
        const json_t *threshold = json_object_get(t, "threshold"), *band = json_object_get(t, "band"),
                     *odd = json_object_get(t, "non_monotone");
        const char *axis = tl_member_text(t, "axis");
        struct tl_buffer b = TL_BUFFER_INIT;
        if (!axis || (!threshold && !json_is_object(band) && !odd && !is_ordered(r->finding, axis)))
            continue;
        n++;
        if (tl_member_true(t, "set")) {
            add_set(&b, r->finding, t);
        } else if (threshold) {
            tl_words_setting(&b, axis, threshold);
            tl_buffer_add_string(&b, " fails (");
            tl_words_runs(&b, rows, NULL, NULL, "match");
            tl_buffer_add_string(&b, ")");
            const json_t *below = json_array_get(json_object_get(t, "passes_with"), 0);
            if (below) {
                tl_buffer_add_string(&b, tl_member_true(t, "gap")
                                             ? "; the next simpler value that can be tried, "
                                             : "; the next simpler value, ");
                tl_words_setting(&b, axis, below);
                tl_buffer_add_string(&b, ", passes (");
                tl_words_runs(&b, rows, axis, below, "pass");
                tl_buffer_add_string(&b, ")");
            }
            tl_buffer_add_string(&b, ".");
        } else {
            tl_inline_code(&b, axis);
            tl_buffer_add_string(&b, ":");
            if (!json_is_object(band))
                tl_buffer_add_string(&b, " none is known, for the next simpler value was not seen to pass.");
        }
        if (json_is_object(band))
            add_band(&b, band);
        if (odd && !tl_member_true(t, "set"))
            add_not_monotone(&b, t);
        tl_page_item(r->page, tl_buffer_take(&b));
    }
    json_array_foreach(json_object_get(r->finding, "joint"), i, joint) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_add_string(&b, "Thresholds depend on each other: with ");
        tl_inline_code(&b, tl_member_text(joint, "more"));
        tl_buffer_add_string(&b, " further out, ");
        tl_inline_code(&b, tl_member_text(joint, "less"));
        tl_buffer_add_string(&b, " fails below its threshold; seen with ");
        tl_words_difference(&b, r->finding, json_object_get(joint, "witness"),
                            json_object_get(r->finding, "minimal"));
        tl_buffer_add_string(&b, ".");
        tl_page_item(r->page, tl_buffer_take(&b));
        n++;
    }
    json_decref(rows);
    char *frontier = tl_frontier_svg(r->finding);
    if (frontier)
        tl_page_words(r->page, "A boundary over two axes; its corners are in the table above.");
    else if (!n)
        tl_page_words(r->page, json_is_object(json_object_get(r->finding, "minimal"))
                                   ? "None: no ordered axis is part of the trigger."
                                   : "Unknown.");
    tl_page_figure(
        r->page, frontier,
        "The boundary between what passes (rings) and what fails (dots, and all that is filled). Values "
        "stand in their order, at even distances.");
}

/* The decisive pair whose passing side is the control; the first one when none is. NULL when no pair's passes
 * are more than luck. */
static const json_t *control_pair(const struct tl_sections *r)
{
    const json_t *pairs = json_object_get(r->finding, "decisive"), *pair, *found = NULL;
    const char *control = tl_member_text(json_object_get(r->finding, "evidence"), "control");
    json_t *rows = tl_report_rows(r->finding);
    size_t i;
    json_array_foreach(pairs, i, pair) {
        const char *trial = tl_member_text(pair, "passes_trial");
        if (!tl_words_pair_counts(r->finding, rows, pair))
            continue;
        if (!found || (control && trial && !strcmp(control, trial)))
            found = pair;
    }
    json_decref(rows);
    return found;
}

static void add_expected(const struct tl_sections *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *pair = control_pair(r);
    const char *outcome = tl_member_text(r->finding, "outcome"), *axis = tl_member_text(pair, "axis");
    tl_page_heading(r->page, 2, "Expected");
    bool said = tl_words_about(r, "expected_text");
    if (said)
        ;
    else if (outcome && !strcmp(outcome, "error"))
        tl_buffer_add_string(&b, "That the model runs, or that the error says what of it is not allowed.");
    else if (outcome && !strcmp(outcome, "wrong"))
        tl_buffer_add_string(&b, "Outputs that agree with the reference.");
    else if (outcome && !strcmp(outcome, "fallback"))
        tl_buffer_add_string(
            &b, "That the model runs on the device asked for, or that this is refused with an error.");
    else
        tl_buffer_add_string(&b,
                             "That the model runs, or is refused with an error that the caller can handle.");
    if (axis) {
        tl_buffer_printf(&b, "%sThe same with ", said ? "" : " ");
        tl_words_side(&b, pair, "passes");
        tl_buffer_add_string(&b, " passed.");
    }
    if (b.size)
        tl_page_paragraph(r->page, tl_buffer_take(&b));
    tl_buffer_free(&b);
}

static void add_others(const struct tl_sections *r)
{
    const char *head[] = {"failure", "outcome", "seen",
                          json_is_object(json_object_get(r->finding, "minimal"))
                              ? "first with (against the minimal variant)"
                              : "first with"};
    const json_t *others = json_object_get(r->finding, "others"), *o;
    size_t i;
    tl_page_heading(r->page, 2, "Other failures seen");
    if (!json_array_size(others)) {
        tl_page_words(r->page, "None in this search.");
        return;
    }
    json_t *rows = tl_page_table(r->page, TL_COUNT(head), head);
    json_array_foreach(others, i, o) {
        struct tl_buffer title = TL_BUFFER_INIT, outcome = TL_BUFFER_INIT, where = TL_BUFFER_INIT;
        tl_inline_code(&title, tl_member_or(o, "title", tl_member_text(o, "signature")));
        tl_inline_text(&outcome, tl_member_or(o, "outcome", "unknown"));
        if (tl_member_text(o, "signal")) {
            tl_buffer_add_string(&outcome, ", ");
            tl_inline_text(&outcome, tl_member_text(o, "signal"));
        }
        if (tl_member_text(o, "phase")) {
            tl_buffer_add_string(&outcome, " in ");
            tl_inline_text(&outcome, tl_member_text(o, "phase"));
        }
        tl_words_difference(&where, r->finding, json_object_get(o, "variant"),
                            json_object_get(r->finding, "minimal"));
        if (tl_member_text(o, "relation")) {
            struct tl_buffer relation = TL_BUFFER_INIT;
            tl_words_relation(&relation, r->finding, o);
            tl_buffer_add_string(&where, " (");
            tl_inline_text(&where, relation.data);
            tl_buffer_add_string(&where, ")");
            tl_buffer_free(&relation);
        }
        long long seen = tl_member_integer(o, "seen");
        char *cells[] = {tl_buffer_take(&title), tl_buffer_take(&outcome),
                         seen == 1 ? tl_strdup("once") : tl_format("%lld times", seen),
                         tl_buffer_take(&where)};
        tl_page_row(rows, false, TL_COUNT(cells), cells);
    }
}

/* Over builds: one that passes, not only fails in another way. */
static bool add_passing_build(struct tl_buffer *b, const json_t *f)
{
    json_t *rows = tl_report_rows(f), *row;
    size_t i;
    bool found = false;
    json_array_foreach(rows, i, row) {
        const char *axis = tl_member_text(row, "axis");
        if (found || !axis || strcmp(axis, "build") || !tl_row_passes(row) ||
            !tl_finding_is_evidence(f, tl_row_passes(row)))
            continue;
        tl_buffer_add_string(b, "The same variant passed on build ");
        tl_inline_value(b, json_object_get(row, "value"));
        tl_buffer_add_string(b, " in ");
        tl_words_runs(b, rows, axis, json_object_get(row, "value"), "pass");
        tl_buffer_add_string(b, ".");
        found = true;
    }
    json_decref(rows);
    return found;
}

/* Of a band only the lower edge passes, which no pair of neighbours shows. */
static size_t add_lower_edges(const struct tl_sections *r)
{
    const json_t *t;
    size_t i, n = 0;
    json_array_foreach(json_object_get(r->finding, "trigger"), i, t) {
        const json_t *never = json_object_get(json_object_get(t, "band"), "never");
        const char *axis = tl_member_text(t, "axis");
        struct tl_buffer b = TL_BUFFER_INIT;
        if (!axis || !json_is_object(never) ||
            !tl_finding_is_evidence(r->finding, tl_member_integer(never, "runs")))
            continue;
        tl_words_setting(&b, axis, json_object_get(never, "value"));
        tl_buffer_add_string(&b, ", the lower edge of the band, instead of ");
        tl_words_setting(&b, axis, json_object_get(t, "value"));
        tl_page_item(r->page, tl_buffer_take(&b));
        n++;
    }
    return n;
}

static void add_workarounds(const struct tl_sections *r, const json_t *rows)
{
    const json_t *pair;
    size_t i, n = 0, lucky = 0;
    tl_page_heading(r->page, 2, "Possible workaround");
    json_array_foreach(json_object_get(r->finding, "decisive"), i, pair) {
        struct tl_buffer b = TL_BUFFER_INIT;
        if (!tl_words_pair_counts(r->finding, rows, pair)) {
            lucky += !tl_finding_is_evidence(r->finding, tl_member_integer(pair, "n_passes"));
            continue;
        }
        tl_words_side(&b, pair, "passes");
        tl_buffer_add_string(&b, " instead of ");
        tl_words_side(&b, pair, "fails");
        tl_page_item(r->page, tl_buffer_take(&b));
        n++;
    }
    n += add_lower_edges(r);
    tl_page_words(r->page, n ? "Each is a nearest variant that passed. Measured on the minimal variant only."
                           : lucky ? "None is known."
                                   : "Unknown.");
    if (lucky)
        tl_page_paragraph(r->page,
                          tl_format("%zu other variant%s next to it %s not seen to fail, which may be luck: "
                                    "%lld passes in a row would be evidence.",
                                    lucky, lucky == 1 ? "" : "s", lucky == 1 ? "was" : "were",
                                    (long long)tl_finding_enough(r->finding)));
}

static void add_control(const struct tl_sections *r)
{
    const json_t *pair = control_pair(r);
    json_t *rows = tl_report_rows(r->finding);
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *axis = tl_member_text(pair, "axis"),
               *trial = tl_member_text(json_object_get(r->finding, "evidence"), "control");
    tl_page_heading(r->page, 2, "A control that works");
    if (axis) {
        tl_buffer_add_string(&b, "The minimal variant with ");
        tl_words_side(&b, pair, "passes");
        tl_buffer_add_string(&b, " passed in ");
        tl_words_runs(&b, rows, axis, json_object_get(json_object_get(pair, "passes"), axis), "pass");
        if (trial) {
            tl_buffer_add_string(&b, " (trial ");
            tl_inline_code(&b, trial);
            tl_buffer_add_string(&b, ")");
        }
        tl_buffer_add_string(&b, ".");
    } else if (!add_passing_build(&b, r->finding)) {
        tl_buffer_add_string(&b, "None is known.");
    }
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    add_workarounds(r, rows);
    json_decref(rows);
}

static void add_builds(const struct tl_sections *r)
{
    static const char *const head[] = {"fails from", "to", "newest before it that does not fail in this way",
                                       "oldest after it that does not fail in this way"};
    static const char *const names[] = {"first_bad", "last_bad", "good_before", "fixed"};
    const json_t *builds = json_object_get(r->finding, "builds"), *range;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i, k;
    tl_page_heading(r->page, 2, "Builds");
    if (!json_is_object(builds)) {
        tl_page_words(r->page, "Unknown: this search used one build.");
        return;
    }
    if (json_array_size(json_object_get(builds, "ranges"))) {
        json_t *rows = tl_page_table(r->page, TL_COUNT(head), head);
        json_array_foreach(json_object_get(builds, "ranges"), i, range) {
            char *cells[TL_COUNT(names)];
            for (k = 0; k < TL_COUNT(names); k++) {
                tl_inline_code(&b, tl_member_text(range, names[k]));
                cells[k] = b.size ? tl_buffer_take(&b) : tl_strdup("none found");
            }
            tl_page_row(rows, false, TL_COUNT(names), cells);
        }
    }
    tl_buffer_add_string(&b, "Builds considered: ");
    tl_words_names(&b, json_object_get(builds, "list"));
    if (json_array_size(json_object_get(builds, "unsupported"))) {
        tl_buffer_add_string(&b, ". Could not be tried: ");
        tl_words_names(&b, json_object_get(builds, "unsupported"));
    }
    tl_buffer_add_string(&b, ". Between the ends of a range a build may not have been tried itself.");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}

static void add_elsewhere(const struct tl_sections *r)
{
    static const char *const head[] = {"unit", "outcome", "trials"};
    const json_t *o;
    size_t i;
    tl_page_heading(r->page, 2, "Other units, devices and builds");
    if (!json_array_size(r->elsewhere)) {
        tl_page_words(r->page, "Unknown: the database has no trial of this variant on another unit.");
        return;
    }
    tl_page_words(r->page, "The same variant of the same case, as the database has it:");
    json_t *rows = tl_page_table(r->page, TL_COUNT(head), head);
    json_array_foreach(r->elsewhere, i, o) {
        struct tl_buffer unit = TL_BUFFER_INIT, outcome = TL_BUFFER_INIT;
        tl_inline_code(&unit, tl_member_or(o, "unit", "unknown"));
        tl_inline_text(&outcome, tl_member_or(o, "outcome", "unknown"));
        if (tl_member_text(o, "title")) {
            tl_buffer_add_string(&outcome, ": ");
            tl_inline_code(&outcome, tl_member_text(o, "title"));
        }
        char *cells[] = {tl_buffer_take(&unit), tl_buffer_take(&outcome),
                         tl_format("%lld", (long long)tl_member_integer(o, "trials"))};
        tl_page_row(rows, false, TL_COUNT(cells), cells);
    }
}

/* What of the answer was known before it was asked for, and how to have it run anew. */
static void add_stored(struct tl_buffer *b, const json_t *f)
{
    tl_words_stored(b, f, TL_TIME_MINUTES);
    if (b->size)
        tl_buffer_add_string(b, ". " TL_CODE_ON "trapline isolate --no-cache" TL_CODE_OFF
                                " with the same case and unit runs all of them anew.");
}

static void add_measured_rate(struct tl_buffer *b, const json_t *f)
{
    const json_t *interval = json_object_get(f, "rate_interval");
    struct tl_finding_runs r = tl_finding_runs(f);
    if (r.runs > 0)
        tl_buffer_printf(b, "Rate: %lld of %lld", (long long)r.failed, (long long)r.runs);
    else
        tl_buffer_add_string(b, "Rate: unknown");
    if (json_array_size(interval) == 2)
        tl_buffer_printf(
            b, ", from which the true rate lies between %.2f and %.2f at the confidence of the search",
            json_number_value(json_array_get(interval, 0)), json_number_value(json_array_get(interval, 1)));
}

static void add_search(const struct tl_sections *r)
{
    const json_t *f = r->finding, *note;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    json_int_t found = tl_member_integer(f, "created_us");
    char *when = found ? tl_time_format(found, TL_TIME_MINUTES) : NULL;
    tl_page_heading(r->page, 2, "How this was found");
    tl_buffer_printf(&b, "%lld trials (", (long long)tl_member_integer(f, "trials"));
    if (json_is_object(json_object_get(f, "minimal")))
        tl_buffer_printf(&b, "%lld of them to find the minimal variant, ",
                         (long long)tl_member_integer(f, "search_trials"));
    tl_buffer_printf(&b, "%lld known from before) in %.1f s, %s%s. ",
                     (long long)tl_member_integer(f, "cached"),
                     json_number_value(json_object_get(f, "elapsed_s")), when ? "on " : "at an unknown time",
                     when ? when : "");
    free(when);
    add_measured_rate(&b, f);
    tl_buffer_add_string(&b, ". Finding ");
    tl_inline_code(&b, tl_member_or(f, "finding", "unknown"));
    tl_buffer_add_string(&b, ", case ");
    tl_inline_code(&b, tl_member_or(f, "case", "unknown"));
    tl_buffer_add_string(&b, " with content ");
    tl_inline_code(&b, tl_member_or(f, "case_hash", "unknown"));
    if (tl_member_text(f, "source")) {
        tl_buffer_add_string(&b, ", which comes from: ");
        tl_inline_text(&b, tl_member_text(f, "source"));
    }
    tl_buffer_add_string(&b, ".");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    add_stored(&b, f);
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    json_array_foreach(json_object_get(f, "notes"), i, note) {
        tl_inline_text(&b, tl_member_text(note, "text"));
        tl_page_item(r->page, tl_buffer_take(&b));
    }
    tl_page_figure(
        r->page, tl_report_svg(f),
        "Every trial of the search, in order from left to right. A line for each axis: the higher, the "
        "further from its simplest value.");
}

/* What is in the bundle that this report is part of. */
static void add_attached(const struct tl_sections *r)
{
    const json_t *file, *text;
    size_t i;
    if (!json_is_object(r->bundle))
        return;
    tl_page_heading(r->page, 2, "Attached");
    json_array_foreach(json_object_get(r->bundle, "files"), i, file) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_inline_code(&b, tl_member_text(file, "name"));
        tl_buffer_add_string(&b, ": ");
        tl_inline_text(&b, tl_member_text(file, "about"));
        tl_page_item(r->page, tl_buffer_take(&b));
    }
    json_array_foreach(json_object_get(r->bundle, "left_out"), i, text) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_add_string(&b, "Left out: ");
        tl_inline_text(&b, json_string_value(text));
        tl_page_item(r->page, tl_buffer_take(&b));
    }
}

json_t *tl_report_page(const json_t *report)
{
    struct tl_sections r = {
        .page = json_array(),
        .finding = json_object_get(report, "finding"),
        .failing = json_object_get(report, "failing_trial"),
        .control = json_object_get(report, "control_trial"),
        .elsewhere = json_object_get(report, "elsewhere"),
        .bundle = json_object_get(report, "bundle"),
    };
    const char *title = tl_member_text(report, "title"), *about = tl_member_text(r.finding, "title");
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_page_heading(r.page, 1, title ? title : "unknown");
    tl_page_paragraph(r.page, tl_words_summary(r.finding));
    if (tl_member_true(r.finding, "reproduced") && !tl_member_true(r.finding, "complete") &&
        !json_is_object(json_object_get(r.finding, "builds")))
        tl_page_words(r.page, json_is_object(json_object_get(r.finding, "frontier"))
                                  ? TL_BOLD_ON "Not shown to be the whole boundary." TL_BOLD_OFF
                                               " There may be corners that were not found."
                                  : TL_BOLD_ON "Not shown to be minimal." TL_BOLD_OFF
                                               " There may be a simpler variant that fails in the same way.");
    if (about) {
        tl_buffer_add_string(&b, "About the case: ");
        tl_inline_text(&b, about);
        tl_buffer_add_string(&b, ".");
        tl_page_paragraph(r.page, tl_buffer_take(&b));
    }
    tl_section_about(&r, "Impact", "impact");
    tl_section_about(&r, "Notes", "notes");
    tl_section_environment(&r);
    tl_section_reproduce(&r);
    tl_section_observed(&r);
    tl_section_decisive(&r);
    add_thresholds(&r);
    tl_section_needs(&r);
    tl_section_causes(&r);
    tl_section_metrics(&r);
    tl_section_failure(&r);
    tl_section_places(&r);
    tl_section_stacks(&r);
    add_expected(&r);
    tl_section_independent(&r);
    add_others(&r);
    add_control(&r);
    tl_section_about(&r, "Tried, and did not help", "tried");
    add_builds(&r);
    add_elsewhere(&r);
    tl_section_about(&r, "Related", "related");
    add_attached(&r);
    add_search(&r);
    return r.page;
}
