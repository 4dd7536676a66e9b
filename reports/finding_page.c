/* What a report says, section by section. Every field that a good report holds is there or says "unknown",
 * and no sentence claims more than was measured: numbers stand beside what they were counted over. */
#include "reports/finding_page.h"

#include "harness/base/time_text.h"
#include "reports/finding_axes.h"
#include "reports/finding_rows.h"
#include "reports/finding_sections.h"
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
    tl_buffer_add_string(b, " There is no sharp threshold: the rate climbs over a range of values");
    if (json_is_object(never)) {
        tl_buffer_add_string(b, "; the last value that never failed in this way is ");
        add_rate(b, never);
    }
    if (json_is_object(always)) {
        bool certain = json_equal(json_object_get(always, "failed"), json_object_get(always, "runs"));
        tl_buffer_add_string(b, certain ? "; the first that always failed is "
                                        : "; the first that fails as often as the failing variant is ");
        add_rate(b, always);
    }
    tl_buffer_add_string(b, ". Intervals are Wilson's, with confidence 0.99.");
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
        if (threshold) {
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
        if (odd) {
            tl_buffer_add_string(&b, " It is not monotone: ");
            tl_words_setting(&b, axis, odd);
            tl_buffer_add_string(&b, " does not behave as this threshold says.");
        }
        tl_page_item(r->page, tl_buffer_take(&b));
    }
    json_array_foreach(json_object_get(r->finding, "joint"), i, joint) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_add_string(&b, "Thresholds depend on each other: with ");
        tl_inline_code(&b, tl_member_text(joint, "more"));
        tl_buffer_add_string(&b, " further out, ");
        tl_inline_code(&b, tl_member_text(joint, "less"));
        tl_buffer_add_string(&b, " fails below its threshold; seen with ");
        tl_words_difference(&b, json_object_get(joint, "witness"), json_object_get(r->finding, "minimal"));
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

/* The decisive pair whose passing side is the control; the first one when none is. */
static const json_t *control_pair(const struct tl_sections *r)
{
    const json_t *pairs = json_object_get(r->finding, "decisive"), *pair;
    const char *control = tl_member_text(json_object_get(r->finding, "evidence"), "control");
    size_t i;
    json_array_foreach(pairs, i, pair) {
        const char *trial = tl_member_text(pair, "passes_trial");
        if (control && trial && !strcmp(control, trial))
            return pair;
    }
    return json_array_get(pairs, 0);
}

static void add_expected(const struct tl_sections *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *pair = control_pair(r);
    const char *outcome = tl_member_text(r->finding, "outcome"), *axis = tl_member_text(pair, "axis");
    tl_page_heading(r->page, 2, "Expected");
    if (outcome && !strcmp(outcome, "error"))
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
        tl_buffer_add_string(&b, " The same with ");
        tl_words_side(&b, pair, "passes");
        tl_buffer_add_string(&b, " passed.");
    }
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}

static void add_names(struct tl_buffer *b, const json_t *names, const json_t *without)
{
    const json_t *name, *other;
    size_t i, k, n = 0;
    json_array_foreach(names, i, name) {
        bool left_out = false;
        json_array_foreach(without, k, other)
            left_out |= json_equal(name, other);
        if (left_out || !json_is_string(name))
            continue;
        tl_buffer_add_string(b, n++ ? ", " : "");
        tl_inline_code(b, json_string_value(name));
    }
}

static void add_independent(const struct tl_sections *r)
{
    const json_t *f = r->finding, *independent = json_object_get(f, "independent"),
                 *g = json_object_get(f, "generalises"), *held = json_object_get(g, "held"),
                 *broken = json_object_get(g, "broken");
    long long k = tl_integer_at(held, 0), n = tl_integer_at(held, 1), l = tl_integer_at(broken, 0),
              m = tl_integer_at(broken, 1);
    struct tl_buffer b = TL_BUFFER_INIT, needless = TL_BUFFER_INIT;
    const char *held_words = json_array_size(json_object_get(f, "trigger")) ? "with the trigger held, " : "";
    tl_page_heading(r->page, 2, "Independent of");
    add_names(&b, independent, NULL);
    if (b.size && k == n && n > 0)
        tl_buffer_printf(&b,
                         ": %sthey were drawn at random, and %lld of %lld such variant%s failed in the same "
                         "way.",
                         held_words, k, n, n == 1 ? "" : "s");
    else if (n > 0) {
        tl_buffer_clear(&b);
        tl_buffer_printf(&b,
                         "Nothing is shown to be: %sthe other axes were drawn at random, and %lld of %lld "
                         "such variant%s failed in the same way",
                         held_words, k, n, n == 1 ? "" : "s");
        if (json_is_object(json_object_get(f, "not_held"))) {
            tl_buffer_add_string(&b, "; it did not with ");
            tl_words_difference(&b, json_object_get(f, "not_held"), json_object_get(f, "minimal"));
        }
        tl_buffer_add_string(&b, ".");
    } else {
        tl_buffer_clear(&b);
        tl_buffer_add_string(&b, "Unknown: no variants were drawn at random.");
    }
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    if (m > 0) {
        tl_buffer_printf(&b,
                         "With the trigger broken and the other axes drawn at random, %lld of %lld variant%s "
                         "failed in the "
                         "same way",
                         l, m, m == 1 ? "" : "s");
        if (json_is_object(json_object_get(f, "also"))) {
            tl_buffer_add_string(&b, ": there is another trigger, seen with ");
            tl_words_difference(&b, json_object_get(f, "also"), json_object_get(f, "minimal"));
        }
        tl_buffer_add_string(&b, ".");
        tl_page_paragraph(r->page, tl_buffer_take(&b));
    }
    /* One run of each would show nothing, and 8 of 8 is no rate. */
    if (tl_member_true(f, "flaky") && (n > 0 || m > 0))
        tl_page_words(r->page, "Since it does not fail in this way every time, each of these "
                               "variants was run until it did, or until it had not so often "
                               "that it is believed not to.");
    const json_t *reset = json_object_get(f, "reset"); /* findings of earlier versions have irrelevant */
    add_names(&needless, reset ? reset : json_object_get(f, "irrelevant"),
              k == n && n > 0 ? independent : NULL);
    if (needless.size) {
        tl_buffer_add_string(
            &b, "Not needed (the minimal variant fails with them at their simplest value; other values "
                "were not shown to make no difference): ");
        tl_buffer_add_string(&b, needless.data);
        tl_buffer_add_string(&b, ".");
        tl_page_paragraph(r->page, tl_buffer_take(&b));
    }
    tl_buffer_free(&needless);
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
        tl_words_difference(&where, json_object_get(o, "variant"), json_object_get(r->finding, "minimal"));
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
        if (found || !axis || strcmp(axis, "build") || tl_member_integer(row, "match") ||
            tl_member_integer(row, "other") || !tl_member_integer(row, "pass"))
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

static void add_control(const struct tl_sections *r)
{
    const json_t *pair = control_pair(r);
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *axis = tl_member_text(pair, "axis"),
               *trial = tl_member_text(json_object_get(r->finding, "evidence"), "control");
    size_t i;
    tl_page_heading(r->page, 2, "A control that works");
    if (axis) {
        tl_buffer_add_string(&b, "The minimal variant with ");
        tl_words_side(&b, pair, "passes");
        tl_buffer_add_string(&b, " passed in ");
        json_t *rows = tl_report_rows(r->finding);
        tl_words_runs(&b, rows, axis, json_object_get(json_object_get(pair, "passes"), axis), "pass");
        json_decref(rows);
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
    tl_page_heading(r->page, 2, "Possible workaround");
    json_array_foreach(json_object_get(r->finding, "decisive"), i, pair) {
        if (!(axis = tl_member_text(pair, "axis")))
            continue;
        tl_words_side(&b, pair, "passes");
        tl_buffer_add_string(&b, " instead of ");
        tl_words_side(&b, pair, "fails");
        tl_page_item(r->page, tl_buffer_take(&b));
    }
    tl_page_words(r->page, axis ? "Each is a nearest variant that passed. Measured on the minimal variant "
                                  "only."
                                : "Unknown.");
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
    add_names(&b, json_object_get(builds, "list"), NULL);
    if (json_array_size(json_object_get(builds, "unsupported"))) {
        tl_buffer_add_string(&b, ". Could not be tried: ");
        add_names(&b, json_object_get(builds, "unsupported"), NULL);
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

static void add_search(const struct tl_sections *r)
{
    const json_t *f = r->finding, *note, *interval = json_object_get(f, "rate_interval"),
                 *rate = json_object_get(f, "rate");
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
    if (json_array_size(rate) == 2 && tl_integer_at(rate, 1) > 0)
        tl_buffer_printf(&b, "Rate: %lld of %lld", tl_integer_at(rate, 0), tl_integer_at(rate, 1));
    else
        tl_buffer_add_string(&b, "Rate: unknown");
    if (json_array_size(interval) == 2)
        tl_buffer_printf(
            &b, ", from which the true rate lies between %.2f and %.2f at the confidence of the search",
            json_number_value(json_array_get(interval, 0)), json_number_value(json_array_get(interval, 1)));
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
    tl_section_environment(&r);
    tl_section_reproduce(&r);
    tl_section_observed(&r);
    tl_section_decisive(&r);
    add_thresholds(&r);
    tl_section_failure(&r);
    tl_section_stacks(&r);
    add_expected(&r);
    add_independent(&r);
    add_others(&r);
    add_control(&r);
    add_builds(&r);
    add_elsewhere(&r);
    add_attached(&r);
    add_search(&r);
    return r.page;
}
