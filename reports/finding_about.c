/* What the case file of a finding says for people: a text, of which an empty line ends a paragraph, or a list of
 * texts. */
#include "reports/finding_sections.h"

#include <string.h>

static void add_paragraphs(json_t *page, const char *text)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t n = end ? (size_t)(end - text) : strlen(text);
        char *part = tl_format("%.*s", (int)n, text);
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_inline_text(&b, part);
        if (n)
            tl_page_paragraph(page, tl_buffer_take(&b));
        tl_buffer_free(&b);
        free(part);
        text += n + (end ? 2 : 0);
    }
}

bool tl_words_about(const struct tl_sections *r, const char *name)
{
    const json_t *said = json_object_get(json_object_get(r->finding, "about"), name), *text;
    size_t i;
    if (json_is_string(said))
        add_paragraphs(r->page, json_string_value(said));
    json_array_foreach(said, i, text) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_inline_text(&b, json_is_string(text) ? json_string_value(text) : "");
        tl_page_item(r->page, tl_buffer_take(&b));
    }
    return json_is_string(said) || json_array_size(said);
}

void tl_section_about(const struct tl_sections *r, const char *heading, const char *name)
{
    if (!json_object_get(json_object_get(r->finding, "about"), name))
        return;
    tl_page_heading(r->page, 2, heading);
    tl_words_about(r, name);
}
