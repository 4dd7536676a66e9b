/* What the case file of a finding says for people: a text, or a list of texts. An empty line ends a paragraph in
 * either. */
#include "reports/finding/sections.h"

#include <stdlib.h>
#include <string.h>

/* The end of the paragraph that text begins with: an empty line, or one of blanks, or the end. next: what is behind. */
static size_t paragraph_length(const char *text, const char **next)
{
    const char *end = text;
    while ((end = strchr(end, '\n'))) {
        size_t blank = strspn(end, " \t\r\n");
        if (memchr(end + 1, '\n', blank - 1)) {
            *next = end + blank;
            return (size_t)(end - text);
        }
        end++;
    }
    *next = text + strlen(text);
    return strlen(text);
}

/* NULL at the end. Empty ones are passed over. */
static char *next_paragraph(const char **text)
{
    char *part = NULL;
    *text += strspn(*text, " \t\r\n");
    if (**text) {
        const char *from = *text;
        size_t n = paragraph_length(from, text);
        part = tl_format("%.*s", (int)n, from);
    }
    return part;
}

static void add_paragraphs(json_t *page, const char *text)
{
    for (char *part; (part = next_paragraph(&text)); free(part)) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_inline_text(&b, part);
        tl_page_paragraph(page, tl_buffer_take(&b));
    }
}

static void add_item(json_t *page, const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (char *part; (part = next_paragraph(&text)); free(part)) {
        tl_buffer_add_string(&b, b.size ? TL_PARAGRAPH : "");
        tl_inline_text(&b, part);
    }
    if (b.size)
        tl_page_item(page, tl_buffer_take(&b));
}

bool tl_words_about(const struct tl_sections *r, const char *name)
{
    const json_t *said = json_object_get(json_object_get(r->finding, "about"), name), *text;
    size_t i;
    if (json_is_string(said))
        add_paragraphs(r->page, json_string_value(said));
    json_array_foreach(said, i, text)
        add_item(r->page, json_is_string(text) ? json_string_value(text) : "");
    return json_is_string(said) || json_array_size(said);
}

void tl_section_about(const struct tl_sections *r, const char *heading, const char *name)
{
    if (!json_object_get(json_object_get(r->finding, "about"), name))
        return;
    tl_page_heading(r->page, 2, heading);
    tl_words_about(r, name);
}
