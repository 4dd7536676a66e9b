/* What was seen to work: the control, and ways around the failure. */
#include "reports/finding_control.h"

#include "reports/finding_figures.h"
#include "reports/finding_rows.h"

#include <string.h>

/* The decisive pair whose passing side is the control; the first one when none is. NULL when no pair's passes
 * are more than luck. */
const json_t *tl_control_pair(const struct tl_sections *r)
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

static void add_lucky(const struct tl_sections *r, size_t lucky)
{
    if (lucky)
        tl_page_paragraph(r->page,
                          tl_format("%zu other variant%s next to it %s not seen to fail, which may be luck: "
                                    "%lld passes in a row would be evidence.",
                                    lucky, lucky == 1 ? "" : "s", lucky == 1 ? "was" : "were",
                                    (long long)tl_finding_enough(r->finding)));
}

void tl_section_workarounds(const struct tl_sections *r)
{
    json_t *rows = tl_report_rows(r->finding);
    struct tl_sections own = *r;
    const json_t *pair;
    size_t i, n = 0, lucky = 0;
    own.page = json_array();
    json_array_foreach(json_object_get(r->finding, "decisive"), i, pair) {
        struct tl_buffer b = TL_BUFFER_INIT;
        if (!tl_words_pair_counts(r->finding, rows, pair)) {
            lucky += !tl_finding_is_evidence(r->finding, tl_member_integer(pair, "n_passes"));
            continue;
        }
        tl_words_side(&b, pair, "passes");
        tl_buffer_add_string(&b, " instead of ");
        tl_words_side(&b, pair, "fails");
        tl_page_item(own.page, tl_buffer_take(&b));
        n++;
    }
    n += add_lower_edges(&own);
    if (n)
        tl_page_words(own.page, "Each is a nearest variant that passed. Measured on the minimal variant only.");
    add_lucky(&own, lucky);
    tl_page_under(r->page, "Possible workaround", own.page);
    json_decref(rows);
}

void tl_section_control(const struct tl_sections *r)
{
    const json_t *pair = tl_control_pair(r);
    json_t *rows = tl_report_rows(r->finding);
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *axis = tl_member_text(pair, "axis"),
               *trial = tl_member_text(json_object_get(r->finding, "evidence"), "control");
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
    } else {
        add_passing_build(&b, r->finding);
    }
    if (b.size)
        tl_page_heading(r->page, 2, "A control that works");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    json_decref(rows);
}
