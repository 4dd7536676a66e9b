/* What was seen to work: the control, and ways around the failure. */
#include "reports/finding/control.h"

#include "harness/base/plural.h"
#include "reports/finding/edges.h"
#include "reports/finding/figures.h"
#include "reports/finding/members.h"
#include "reports/finding/rows.h"

#include <string.h>

#define AROUND_MOST 3 /* workarounds on a page */

/* The row of the variant that is the control: the passing side of a decisive pair, or else the first that passed, for
 * where the baseline itself fails no search looks for pairs. NULL when no passes are more than luck. */
const json_t *tl_control_row(const struct tl_sections *r, const json_t *rows)
{
    const json_t *pair, *row, *found = NULL;
    if (tl_finding_over_builds(r->finding)) /* rows are builds there */
        return NULL;
    const char *control = tl_member_text(json_object_get(r->finding, "evidence"), "control");
    size_t i;
    json_array_foreach(json_object_get(r->finding, "decisive"), i, pair) {
        const char *trial = tl_member_text(pair, "passes_trial"), *axis = tl_member_text(pair, "axis");
        if (!tl_words_pair_counts(r->finding, rows, pair))
            continue;
        if (!found || (control && trial && !strcmp(control, trial)))
            found = tl_report_row(rows, axis, json_object_get(json_object_get(pair, "passes"), axis));
    }
    json_array_foreach(rows, i, row) {
        if (!found && tl_member_text(row, "axis") && tl_words_row_passes(r->finding, row))
            found = row;
    }
    return found;
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

/* "`a=1` instead of `a=3` (0 of 4 runs failed)" */
static void add_instead(struct tl_buffer *b, const json_t *f, const json_t *rows, const json_t *row)
{
    const char *axis = tl_member_text(row, "axis");
    const json_t *value = json_object_get(row, "value");
    tl_words_setting(b, axis, value);
    tl_buffer_add_string(b, " instead of ");
    tl_words_setting(b, axis, json_object_get(json_object_get(f, "minimal"), axis));
    tl_buffer_add_string(b, " (");
    tl_words_runs(b, rows, axis, value, "pass");
    tl_buffer_add_string(b, " passed)");
}

/* "Edges, and no workarounds: …" */
static void add_edges(const struct tl_sections *r, const json_t *edges)
{
    const json_t *row;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i, n = json_array_size(edges);
    json_array_foreach(edges, i, row) {
        tl_buffer_add_string(&b, i       ? ", "
                                 : n > 1 ? "Edges, and no workarounds: "
                                         : "An edge, and no workaround: ");
        tl_words_setting(&b, tl_member_text(row, "axis"), json_object_get(row, "value"));
    }
    if (!n)
        return;
    tl_buffer_add_string(&b, n > 1 ? " passed, each next to a value that fails."
                                   : " passed, next to a value that fails.");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}

/* Of a band the lower edge is known, and no row of the table where it was measured with other values. */
static void add_lower_edges(const struct tl_sections *r, const json_t *rows)
{
    const json_t *t;
    size_t i;
    json_array_foreach(json_object_get(r->finding, "trigger"), i, t) {
        const json_t *never = json_object_get(json_object_get(t, "band"), "never"),
                     *value = json_object_get(never, "value");
        const char *axis = tl_member_text(t, "axis");
        struct tl_buffer b = TL_BUFFER_INIT;
        if (!axis || !json_is_object(never) || tl_report_row(rows, axis, value) ||
            !tl_finding_is_evidence(r->finding, tl_member_integer(never, "runs")))
            continue;
        tl_words_setting(&b, axis, value);
        tl_buffer_printf(
            &b, " never failed in %lld run%s, and is the lower edge of a band: an edge, and no workaround.",
            (long long)tl_member_integer(never, "runs"),
            tl_plural((unsigned long long)tl_member_integer(never, "runs")));
        tl_page_item(r->page, tl_buffer_take(&b));
    }
}

/* Passing variants whose passes may be luck. */
static size_t count_lucky(const struct tl_sections *r, const json_t *rows)
{
    const json_t *row;
    size_t i, lucky = 0;
    json_array_foreach(rows, i, row) {
        lucky += tl_member_text(row, "axis") && tl_row_passes(row) > 0 &&
                 !tl_finding_is_evidence(r->finding, tl_row_passes(row));
    }
    return lucky;
}

static void add_lucky(const struct tl_sections *r, size_t lucky)
{
    if (lucky)
        tl_page_paragraph(r->page,
                          tl_format("%zu other variant%s next to it %s not seen to fail, which may be luck: "
                                    "%lld passes in a row would be evidence.",
                                    lucky, tl_plural(lucky), tl_one_or_many(lucky, "was", "were"),
                                    (long long)tl_finding_enough(r->finding)));
}

/* "Workaround: `a=1` (4 of 4 runs passed), or …": each alone, in the minimal variant. */
static void add_around_briefly(const struct tl_sections *r, const json_t *rows, const json_t *around)
{
    const json_t *row;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    json_array_foreach(around, i, row) {
        tl_buffer_add_string(&b, !i ? TL_BOLD_ON "Workaround:" TL_BOLD_OFF " " : ", or ");
        if (i == AROUND_MOST) {
            tl_buffer_add_string(&b, "another");
            break;
        }
        const char *axis = tl_member_text(row, "axis");
        tl_words_setting(&b, axis, json_object_get(row, "value"));
        tl_buffer_add_string(&b, " (");
        tl_words_runs(&b, rows, axis, json_object_get(row, "value"), "pass");
        tl_buffer_add_string(&b, " passed)");
    }
    tl_buffer_add_string(&b, b.size ? "." : "");
    tl_page_item(r->page, tl_buffer_take(&b));
}

void tl_section_workarounds(const struct tl_sections *r)
{
    json_t *rows = tl_report_rows(r->finding), *around, *edges;
    struct tl_sections own = *r;
    const json_t *row;
    size_t i, lucky = count_lucky(r, rows);
    own.page = json_array();
    if (tl_finding_over_builds(r->finding)) /* rows are builds there */
        json_array_clear(rows);
    tl_rows_around(r->finding, rows, &around, &edges);
    if (r->extent != TL_EXTENT_FULL) {
        add_around_briefly(r, rows, around);
        json_array_clear(rows);
        json_array_clear(around);
        json_array_clear(edges);
        lucky = 0;
    }
    json_array_foreach(around, i, row) {
        struct tl_buffer b = TL_BUFFER_INIT;
        add_instead(&b, r->finding, rows, row);
        tl_page_item(own.page, tl_buffer_take(&b));
    }
    add_lower_edges(&own, rows);
    if (json_array_size(around))
        tl_page_words(own.page, "Each changes one thing. Measured on the minimal variant only.");
    add_edges(&own, edges);
    add_lucky(&own, lucky);
    const char *heading = json_array_size(around) ? "Possible workaround" : "No workaround is known";
    if (r->extent != TL_EXTENT_FULL) { /* it goes on in the list below the table */
        json_array_extend(r->page, own.page);
        json_decref(own.page);
    } else {
        tl_page_under(r->page, heading, own.page);
    }
    json_decref(around);
    json_decref(edges);
    json_decref(rows);
}

void tl_section_control(const struct tl_sections *r)
{
    json_t *rows = tl_report_rows(r->finding);
    const json_t *row = tl_control_row(r, rows);
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *axis = tl_member_text(row, "axis"),
               *trial = tl_member_text(json_object_get(r->finding, "evidence"), "control");
    if (axis) {
        tl_buffer_add_string(&b, "The minimal variant with ");
        tl_words_setting(&b, axis, json_object_get(row, "value"));
        tl_buffer_add_string(&b, " passed in ");
        tl_words_runs(&b, rows, axis, json_object_get(row, "value"), "pass");
        if (trial) {
            tl_buffer_add_string(&b, " (trial ");
            tl_inline_code(&b, trial);
            tl_buffer_add_string(&b, ")");
        }
        tl_buffer_add_string(&b, ".");
    } else {
        add_passing_build(&b, r->finding);
    }
    if (b.size)
        tl_page_heading(r->page, 2, "A control that works");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    json_decref(rows);
}
