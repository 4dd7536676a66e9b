/* A report as Markdown, HTML and JUnit. The first two are made from one page of blocks (page.h), so that they
 * say the same. In JUnit every variant that was measured next to the minimal one is a test. */
#include "reports/finding.h"
#include "reports/finding_figures.h"
#include "reports/finding_members.h"
#include "reports/finding_page.h"
#include "reports/finding_rows.h"
#include "reports/finding_words.h"

#include <stdlib.h>
#include <string.h>

static char *markdown(const json_t *report, enum tl_extent extent)
{
    json_t *page = tl_report_page(report, extent);
    char *text = tl_page_markdown_within(page, extent == TL_EXTENT_FULL ? 0 : TL_EXTENT_WIDTH);
    json_decref(page);
    return text;
}

static char *html(const json_t *report, enum tl_extent extent)
{
    json_t *page = tl_report_page(report, extent);
    const char *title = tl_member_text(report, "title");
    char *text = tl_page_html(page, title ? title : "trapline");
    json_decref(page);
    return text;
}

char *tl_report_markdown(const json_t *report)
{
    return markdown(report, TL_EXTENT_PAGE);
}

char *tl_report_markdown_short(const json_t *report)
{
    return markdown(report, TL_EXTENT_SHORT);
}

char *tl_report_markdown_full(const json_t *report)
{
    return markdown(report, TL_EXTENT_FULL);
}

char *tl_report_html(const json_t *report)
{
    return html(report, TL_EXTENT_PAGE);
}

char *tl_report_html_short(const json_t *report)
{
    return html(report, TL_EXTENT_SHORT);
}

char *tl_report_html_full(const json_t *report)
{
    return html(report, TL_EXTENT_FULL);
}

/* The stack of the thread that took the signal, and the message: the body of a failure. */
static void add_details(struct tl_buffer *b, const json_t *report)
{
    const json_t *f = json_object_get(report, "finding"), *frame,
                 *trial = json_object_get(report, "failing_trial"),
                 *threads = json_object_get(json_object_get(trial, "capture"), "threads");
    char *summary = tl_inline_plain(tl_words_summary(f));
    size_t i;
    tl_add_escaped(b, summary);
    tl_buffer_add_string(b, "\n");
    if (tl_member_text(f, "message")) {
        tl_add_escaped(b, tl_member_text(f, "message"));
        tl_buffer_add_string(b, "\n");
    }
    json_array_foreach(json_object_get(json_array_get(threads, 0), "frames"), i, frame) {
        tl_add_escaped(b, json_string_value(frame));
        tl_buffer_add_string(b, "\n");
    }
    free(summary);
}

char *tl_report_junit(const json_t *report)
{
    const json_t *f = json_object_get(report, "finding"), *row;
    json_t *rows = tl_report_rows(f);
    const char *unit = tl_member_text(f, "unit"), *name = tl_member_text(f, "case"),
               *title = tl_member_text(report, "title"), *outcome = tl_member_text(f, "outcome");
    struct tl_buffer b = TL_BUFFER_INIT, cases = TL_BUFFER_INIT;
    size_t i, tests = 0, failures = 0, skipped = 0;
    if (!json_array_size(rows)) /* over builds, or nothing failed: what was run as a whole */
        json_array_append_new(rows, json_pack("{s:i}",
                                              tl_member_true(f, "reproduced")                 ? "match"
                                              : tl_finding_has_note(f, "failing-unsupported") ? "unsupported"
                                                                                              : "pass",
                                              1));
    json_array_foreach(rows, i, row) {
        const char *axis = tl_member_text(row, "axis");
        bool match = tl_member_integer(row, "match") > 0, other = tl_member_integer(row, "other") > 0,
             pass = tl_member_integer(row, "pass") > 0;
        struct tl_buffer what = TL_BUFFER_INIT;
        tl_inline_text(&what, name ? name : "unknown");
        tl_buffer_add_string(&what, axis ? ": minimal variant with " : ": minimal variant");
        if (axis)
            tl_words_setting(&what, axis, json_object_get(row, "value"));
        tl_inline_plain(what.data);
        tests++;
        tl_buffer_add_string(&cases, "    <testcase");
        tl_add_attribute(&cases, "classname", unit ? unit : "unknown");
        tl_add_attribute(&cases, "name", what.data);
        tl_buffer_free(&what);
        if (match || other) {
            failures++;
            tl_buffer_add_string(&cases, ">\n      <failure");
            tl_add_attribute(&cases, "type", match && outcome ? outcome : "another failure");
            tl_add_attribute(&cases, "message", match && title ? title : "failed in another way");
            tl_buffer_add_string(&cases, ">");
            if (match && !axis)
                add_details(&cases, report);
            tl_buffer_add_string(&cases, "</failure>\n    </testcase>\n");
        } else if (!pass) {
            skipped++;
            tl_buffer_add_string(&cases, "><skipped/></testcase>\n");
        } else if (axis && !tl_words_row_passes(f, row)) {
            skipped++;
            tl_buffer_printf(
                &cases,
                "><skipped message=\"not seen to fail so far, which may be luck: %lld passes in a row would "
                "be evidence\"/></testcase>\n",
                (long long)tl_finding_enough(f));
        } else {
            tl_buffer_add_string(&cases, "/>\n");
        }
    }
    tl_buffer_printf(&b,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
                     "  <testsuite tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\"",
                     tests, failures, skipped, json_number_value(json_object_get(f, "elapsed_s")));
    tl_add_attribute(&b, "name", title ? title : "trapline");
    tl_buffer_printf(&b, ">\n%s  </testsuite>\n</testsuites>\n", cases.data ? cases.data : "");
    tl_buffer_free(&cases);
    json_decref(rows);
    return tl_buffer_take(&b);
}
