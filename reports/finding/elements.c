/* Which elements of a set the failure needs. Their text in the trigger may be one of places, where it would be long. */
#include "reports/finding/sections.h"

#include "reports/finding/axes.h"
#include "reports/members.h"
#include "reports/page/page.h"

#define LISTED_MOST 100
#define LISTED_FULL 2000

void tl_words_elements(struct tl_buffer *b, const json_t *finding, const json_t *entry, size_t most)
{
    const json_t *elements = json_object_get(entry, "elements"), *one;
    const json_t *axis = tl_axis_named(finding, tl_member_or(entry, "axis", ""), NULL);
    size_t n = json_array_size(elements), i;
    tl_buffer_printf(b, "%zu of %lld elements%s: ", n, (long long)tl_member_integer(entry, "of"),
                     !tl_member_true(finding, "complete")        ? " so far"
                     : n > 1 && tl_member_true(axis, "sequence") ? ", in this order"
                     : n > 1                                     ? " together"
                                                                 : "");
    json_array_foreach(elements, i, one) {
        if (i == most)
            break;
        char *word = tl_value_word(one);
        tl_buffer_add_string(b, i > 0 ? ", " : "");
        tl_inline_code(b, word);
        free(word);
    }
    if (n > most)
        tl_buffer_printf(b, ", and %zu more, which stand in \"elements\" of the finding's document",
                         n - most);
}

void tl_section_elements(const struct tl_sections *r)
{
    const json_t *t;
    json_t *blocks = json_array();
    size_t i;
    json_array_foreach(json_object_get(r->finding, "trigger"), i, t) {
        struct tl_buffer b = TL_BUFFER_INIT;
        if (!json_array_size(json_object_get(t, "elements")))
            continue;
        tl_inline_code(&b, tl_member_or(t, "axis", "?"));
        tl_buffer_add_string(&b, ": ");
        tl_words_elements(&b, r->finding, t, r->extent == TL_EXTENT_FULL ? LISTED_FULL : LISTED_MOST);
        tl_buffer_add_string(&b, ".");
        tl_page_item(blocks, tl_buffer_take(&b));
    }
    tl_page_under(r->page, "Elements", blocks);
}
