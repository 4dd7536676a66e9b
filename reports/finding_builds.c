/* Since when it fails, and where else: builds, units and devices. */
#include "reports/finding_sections.h"

void tl_section_builds(const struct tl_sections *r)
{
    static const char *const head[] = {"fails from", "to", "newest before it that does not fail in this way",
                                       "oldest after it that does not fail in this way"};
    static const char *const names[] = {"first_bad", "last_bad", "good_before", "fixed"};
    const json_t *builds = json_object_get(r->finding, "builds"), *range;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i, k;
    if (!json_is_object(builds))
        return;
    tl_page_heading(r->page, 2, "Builds");
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

void tl_section_elsewhere(const struct tl_sections *r)
{
    static const char *const head[] = {"unit", "outcome", "trials"};
    const json_t *o;
    size_t i;
    if (!json_array_size(r->elsewhere))
        return;
    tl_page_heading(r->page, 2, "Other units, devices and builds");
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
