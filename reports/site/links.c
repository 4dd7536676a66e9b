/* What leads to the page of a case, unit or signature. A name that has no page is shown without a link. */
#include "reports/site/links.h"

#include "reports/page/page.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

size_t tl_site_case_of(const struct tl_site *w, const char *name)
{
    size_t low = 0, high = w->n_cases;
    while (name && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, w->cases[middle].name);
        if (!order)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return SIZE_MAX;
}

size_t tl_site_unit_of(const struct tl_site *w, const char *name)
{
    const json_t *at = name ? json_object_get(w->unit_numbers, name) : NULL;
    return at ? (size_t)json_integer_value(at) : SIZE_MAX;
}

bool tl_site_has_signature(const struct tl_site *w, const char *id)
{
    return id && json_object_get(w->signatures, id);
}

void tl_site_case_link(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *name)
{
    size_t i = tl_site_case_of(w, name);
    if (i == SIZE_MAX) {
        tl_site_html(w, b, name, 200);
        return;
    }
    tl_buffer_printf(b, "<a href=\"%scase/%s.html\">", up, w->cases[i].page);
    tl_add_escaped(b, w->cases[i].text);
    tl_buffer_add_string(b, "</a>");
}

void tl_site_signature_link(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *id,
                            const char *title)
{
    bool has = tl_site_has_signature(w, id);
    if (has) {
        char *page = tl_site_slug(id);
        tl_buffer_printf(b, "<a href=\"%ssignature/%s.html\">", up, page);
        free(page);
    }
    tl_site_html(w, b, title && *title ? title : id, 240);
    tl_buffer_add_string(b, has ? "</a>" : "");
}
