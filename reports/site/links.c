/* What leads to the page of a case, unit or failure. A name that has no page is shown without a link. */
#include "reports/site/links.h"

#include "reports/page/page.h"
#include "reports/site/failures.h"
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

void tl_site_failure_link(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *case_name,
                          const char *signature_id, const char *title)
{
    const struct tl_site_failure *f = tl_site_failure_of(w, case_name, signature_id);
    bool has = f && f->page;
    if (has)
        tl_buffer_printf(b, "<a href=\"%sfailure/%s.html\">", up, f->page);
    tl_site_html(w, b, title && *title ? title : signature_id, 240);
    tl_buffer_add_string(b, has ? "</a>" : "");
}
