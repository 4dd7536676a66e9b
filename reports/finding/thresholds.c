/* From which value on the failure shows: thresholds, sets of values, bands, and where thresholds depend on each other. */
#include "reports/finding/sections.h"

#include "reports/finding/axes.h"
#include "reports/finding/members.h"
#include "reports/finding/rows.h"
#include "reports/finding/values.h"
#include "reports/frontier_svg.h"

#include <stdint.h>
#include <string.h>

#define SAMPLES_MOST 8 /* rates inside a band on a page */

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

static void add_band(struct tl_buffer *b, const json_t *band, size_t most)
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
            if (!most--) {
                tl_buffer_add_string(b, "…");
                break;
            }
            add_rate(b, s);
        }
        inside = inside || json_equal(json_object_get(s, "value"), json_object_get(never, "value"));
    }
    if (!first)
        tl_buffer_add_string(b, ".");
}

static bool is_ordered(const json_t *finding, const char *name)
{
    return tl_axis_is_ordered(tl_axis_named(finding, name, NULL));
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

/* A threshold of which both sides stand in the table: the last value that passes, and the first that fails. */
static bool is_in_table(const json_t *t, const json_t *rows)
{
    const json_t *below = json_array_get(json_object_get(t, "passes_with"), 0);
    const char *axis = tl_member_text(t, "axis");
    return axis && below && json_object_get(t, "threshold") && !tl_member_true(t, "set") &&
           !json_object_get(t, "non_monotone") && !json_is_object(json_object_get(t, "band")) &&
           tl_row_passes(tl_report_row(rows, axis, below)) > 0;
}

static void add_thresholds(const struct tl_sections *r)
{
    const json_t *t, *joint;
    json_t *rows = tl_report_rows(r->finding);
    size_t i;
    json_array_foreach(json_object_get(r->finding, "trigger"), i, t) {
        const json_t *threshold = json_object_get(t, "threshold"), *band = json_object_get(t, "band"),
                     *odd = json_object_get(t, "non_monotone");
        const char *axis = tl_member_text(t, "axis");
        struct tl_buffer b = TL_BUFFER_INIT;
        if (!axis || (!threshold && !json_is_object(band) && !odd && !is_ordered(r->finding, axis)) ||
            (r->extent != TL_EXTENT_FULL && is_in_table(t, rows)))
            continue;
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
        } else if (json_is_object(band) || odd) { /* else none is known, and that is nothing to say */
            tl_inline_code(&b, axis);
            tl_buffer_add_string(&b, ":");
        }
        if (json_is_object(band))
            add_band(&b, band, r->extent == TL_EXTENT_FULL ? SIZE_MAX : SAMPLES_MOST);
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
    }
    json_decref(rows);
    char *frontier = tl_frontier_svg(r->finding);
    if (frontier)
        tl_page_words(r->page, "A boundary over two axes; its corners are in the table above.");
    tl_page_figure(
        r->page, frontier,
        "The boundary between what passes (rings) and what fails (dots, and all that is filled). Values "
        "stand in their order, at even distances.");
}

void tl_section_thresholds(const struct tl_sections *r)
{
    struct tl_sections own = *r;
    own.page = json_array();
    add_thresholds(&own);
    tl_page_under(r->page, "Threshold", own.page);
}
