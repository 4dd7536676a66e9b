/* The report of a finding: which sections it has, and in which order. No sentence claims more than was measured: numbers
 * stand beside what they were counted over. */
#include "reports/finding_page.h"

#include "reports/finding_members.h"
#include "reports/finding_sections.h"

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
    tl_section_newest(&r);
    tl_page_paragraph(r.page, tl_words_summary(r.finding));
    tl_section_meanings(&r);
    if (tl_member_true(r.finding, "reproduced") && !tl_member_true(r.finding, "complete") &&
        !tl_finding_over_builds(r.finding))
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
    tl_section_thresholds(&r);
    tl_section_needs(&r);
    tl_section_causes(&r);
    tl_section_metrics(&r);
    tl_section_failure(&r);
    tl_section_places(&r);
    tl_section_stacks(&r);
    tl_section_expected(&r);
    tl_section_independent(&r);
    tl_section_others(&r);
    tl_section_control(&r);
    tl_section_about(&r, "Tried, and did not help", "tried");
    tl_section_builds(&r);
    tl_section_elsewhere(&r);
    tl_section_about(&r, "Related", "related");
    tl_section_attached(&r);
    tl_section_search(&r);
    return r.page;
}
