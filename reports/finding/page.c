/* The report of a finding: which sections it has, and in which order. No sentence claims more than was measured: numbers
 * stand beside what they were counted over.
 *
 * The order is that of the questions of somebody who gets it: what fails, how do I see it, what should have
 * happened, what decides and what does not, since when, where in the code, on what. Of how it was found only who doubts wants
 * to read. */
#include "reports/finding/page.h"

#include "reports/finding/members.h"
#include "reports/finding/sections.h"
#include "reports/page/fit.h"

#include <stdlib.h>
#include <string.h>

/* Elements of a set of which it is open whether they are needed. */
static void add_open_elements(const struct tl_sections *r)
{
    const json_t *t;
    size_t i;
    json_array_foreach(json_object_get(r->finding, "trigger"), i, t) {
        const json_t *open = json_object_get(t, "not_shown");
        struct tl_buffer b = TL_BUFFER_INIT;
        if (!open)
            continue;
        tl_buffer_add_string(&b, TL_BOLD_ON "Not shown to be minimal." TL_BOLD_OFF
                                            " Without any one of these elements of ");
        tl_inline_code(&b, tl_member_or(t, "axis", "?"));
        tl_buffer_add_string(
            &b, " it fails in another way, or cannot be tried, so that they may not be needed: ");
        char *value = tl_value_word(json_object_get(open, "value"));
        tl_inline_code(&b, value);
        free(value);
        tl_buffer_printf(&b, " (%lld).", (long long)tl_member_integer(open, "n"));
        tl_page_paragraph(r->page, tl_buffer_take(&b));
    }
}

static void add_caveat(const struct tl_sections *r)
{
    if (tl_member_true(r->finding, "complete"))
        add_open_elements(r);
    if (!tl_member_true(r->finding, "reproduced") || tl_member_true(r->finding, "complete") ||
        tl_finding_over_builds(r->finding))
        return;
    tl_page_words(r->page, json_is_object(json_object_get(r->finding, "frontier"))
                               ? TL_BOLD_ON "Not shown to be the whole boundary." TL_BOLD_OFF
                                            " There may be corners that were not found."
                               : TL_BOLD_ON "Not shown to be minimal." TL_BOLD_OFF
                                            " There may be a simpler variant that fails in the same way.");
    if (!strcmp(tl_member_or(r->finding, "effort", ""), "quick"))
        tl_page_words(r->page,
                      "This was a quick search: each step rests on one run, and what it found was confirmed "
                      "by one more at most. The same command without `--quick` goes on from there.");
}

/* With what the case file calls itself. */
static void add_summary(const struct tl_sections *r)
{
    const char *about = tl_member_text(r->finding, "title");
    struct tl_buffer b = TL_BUFFER_INIT;
    char *summary = tl_words_summary(r->finding);
    tl_buffer_add_string(&b, summary);
    free(summary);
    if (about && !json_is_object(json_object_get(r->finding, "reduction"))) { /* that has a section */
        tl_buffer_add_string(&b, " About the case: ");
        tl_inline_text(&b, about);
        tl_buffer_add_string(&b, ".");
    }
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}

/* What all extents begin with. */
static void add_beginning(const struct tl_sections *r, const char *title)
{
    tl_page_heading(r->page, 1, title);
    tl_section_newest(r);
    add_summary(r);
    add_caveat(r);
}

static void add_short(const struct tl_sections *r)
{
    tl_section_reduced(r);
    tl_section_reproduce(r);
    tl_section_expected(r);
    tl_section_wrong(r);
    tl_section_observed(r);
    tl_section_indifferent(r);
    tl_section_builds(r);
    tl_section_stacks(r);
    tl_section_machine(r);
    tl_section_environment(r);
}

/* Below another heading. */
static void lower(json_t *blocks)
{
    json_t *block;
    size_t i;
    json_array_foreach(blocks, i, block)
        if (json_is_integer(json_object_get(block, "level")))
            json_object_set_new(block, "level", json_integer(3));
}

static void add_how_it_was_found(const struct tl_sections *r)
{
    struct tl_sections folded = *r;
    folded.page = tl_page_fold_open(r->page, tl_strdup("How this was found"));
    tl_section_search(&folded);
    tl_section_run(&folded);
    tl_section_draws(&folded);
    tl_section_also_tried(&folded);
    tl_section_others(&folded);
    lower(folded.page);
    tl_page_fold_close(r->page);
}

static void add_page(const struct tl_sections *r)
{
    tl_section_meanings(r);
    tl_section_about(r, "Impact", "impact");
    tl_section_reproduce(r);
    tl_section_expected(r);
    tl_section_wrong(r);
    tl_section_difference(r);
    tl_section_reduction(r);
    tl_section_observed(r);
    tl_section_decisive(r);
    tl_section_indifferent(r);
    tl_section_workarounds(r);
    tl_section_elements(r);
    tl_section_thresholds(r);
    tl_section_needs(r);
    tl_section_causes(r);
    tl_section_metrics(r);
    tl_section_builds(r);
    tl_section_elsewhere(r);
    tl_section_stacks(r);
    tl_section_machine(r);
    tl_section_model(r);
    tl_section_places(r);
    tl_section_about(r, "Notes", "notes");
    tl_section_about(r, "Tried, and did not help", "tried");
    tl_section_about(r, "Related", "related");
    tl_section_environment(r);
    tl_section_attached(r);
    add_how_it_was_found(r);
}

static void add_everything(const struct tl_sections *r)
{
    tl_section_meanings(r);
    tl_section_about(r, "Impact", "impact");
    tl_section_reproduce(r);
    tl_section_expected(r);
    tl_section_wrong(r);
    tl_section_difference(r);
    tl_section_reduction(r);
    tl_section_observed(r);
    tl_section_decisive(r);
    tl_section_elements(r);
    tl_section_thresholds(r);
    tl_section_needs(r);
    tl_section_causes(r);
    tl_section_independent(r);
    tl_section_metrics(r);
    tl_section_builds(r);
    tl_section_elsewhere(r);
    tl_section_control(r);
    tl_section_workarounds(r);
    tl_section_failure(r);
    tl_section_stacks(r);
    tl_section_machine(r);
    tl_section_model(r);
    tl_section_places(r);
    tl_section_others(r);
    tl_section_about(r, "Notes", "notes");
    tl_section_about(r, "Tried, and did not help", "tried");
    tl_section_about(r, "Related", "related");
    tl_section_environment(r);
    tl_section_attached(r);
    tl_section_search(r);
}

static json_t *page_of(const json_t *report, enum tl_extent extent, size_t frames)
{
    struct tl_sections r = {
        .page = json_array(),
        .finding = json_object_get(report, "finding"),
        .failing = json_object_get(report, "failing_trial"),
        .control = json_object_get(report, "control_trial"),
        .elsewhere = json_object_get(report, "elsewhere"),
        .bundle = json_object_get(report, "bundle"),
        .extent = extent,
        .frames = frames,
    };
    add_beginning(&r, tl_member_or(report, "title", "unknown"));
    if (extent == TL_EXTENT_SHORT)
        add_short(&r);
    else if (extent == TL_EXTENT_PAGE)
        add_page(&r);
    else
        add_everything(&r);
    return r.page;
}

/* Of the short page, from one that says all to one that says what an issue cannot do without: its title and summary, the
 * commands, what decides, since when. What stands beside those is left away before anything of them is cut. The last has
 * at most 60 lines whatever it is of: 1 of the title, 9 of the summary, 17 of the commands, 20 of the table, 8 of the
 * builds. */
static const char *const without_elements[] = {"How it is wrong", NULL};
static const char *const without_environment[] = {"Environment", "How it is wrong", NULL};
static const char *const bare[] = {"Environment", "Stack", "How it is wrong", "Expected and got", NULL};
static const struct {
    size_t frames;
    struct tl_page_limits limits;
} shorter[] = {
    {6, {8, 8, 24, 4, 13, 8, 6, NULL}},
    {4, {6, 6, 16, 3, 13, 6, 5, NULL}},
    {4, {6, 4, 16, 3, 13, 6, 5, NULL}},
    {2, {6, 3, 12, 2, 13, 5, 4, NULL}},
    {2, {6, 3, 12, 2, 13, 5, 4, without_elements}},
    {2, {5, 2, 10, 2, 13, 4, 3, without_environment}},
    {2, {5, 2, 10, 2, 13, 4, 3, bare}},
    {2, {3, 2, 10, 2, 11, 4, 3, bare}},
    {2, {2, 2, 8, 1, 6, 3, 3, bare}},
    {2, {2, 2, 6, 1, 5, 3, 2, bare}},
};

static json_t *short_page(const json_t *report)
{
    json_t *whole = page_of(report, TL_EXTENT_SHORT, shorter[0].frames), *page = json_incref(whole);
    size_t longest, n = tl_page_lines(page, TL_EXTENT_WIDTH, &longest);
    for (size_t i = 0; i < TL_COUNT(shorter) && (n > TL_EXTENT_LINES || longest > TL_EXTENT_WIDTH + 2); i++) {
        if (i && shorter[i].frames != shorter[i - 1].frames) {
            json_decref(whole);
            whole = page_of(report, TL_EXTENT_SHORT, shorter[i].frames);
        }
        json_decref(page);
        page = json_deep_copy(whole);
        tl_page_fit(page, &shorter[i].limits, TL_EXTENT_WIDTH);
        n = tl_page_lines(page, TL_EXTENT_WIDTH, &longest);
    }
    json_decref(whole);
    return page;
}

json_t *tl_report_page(const json_t *report, enum tl_extent extent)
{
    return extent == TL_EXTENT_SHORT ? short_page(report) : page_of(report, extent, 0);
}
