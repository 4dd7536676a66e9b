/* Trials as a table: the newest of a case or of a failure. */
#include "db/query.h"
#include "reports/page/page.h"
#include "reports/site/links.h"
#include "reports/site/outcomes.h"
#include "reports/site/page.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

static void add_variant(const struct tl_site *w, struct tl_buffer *b, const char *text)
{
    char *variant = tl_site_clean_exact(w, text ? text : "", text ? strlen(text) : 0, 300);
    json_t *j = json_loads(variant, 0, NULL), *value;
    const char *axis, *glue = "";
    json_object_foreach(j, axis, value) {
        tl_buffer_add_string(b, glue);
        tl_add_setting(b, axis, value);
        glue = " ";
    }
    if (!j)
        tl_add_escaped(b, variant);
    json_decref(j);
    free(variant);
}

static void add_trial(struct tl_site *w, struct tl_buffer *b, const char *up, const struct tl_filter *f,
                      const struct tl_trial_line *x)
{
    char *id = tl_site_clean(w, x->id, strlen(x->id), 64),
         *unit = tl_site_clean_exact(w, x->unit ? x->unit : "", x->unit ? strlen(x->unit) : 0, 120);
    tl_buffer_printf(b, "<tr><th scope=\"row\"><a href=\"%strial.html#", up);
    tl_site_url(b, id);
    tl_buffer_add_string(b, "\">");
    tl_site_time(b, x->started_us);
    tl_buffer_add_string(b, "</a></th><td>");
    tl_site_mark(b, x->outcome);
    if (!f->case_name) {
        tl_buffer_add_string(b, "</td><td>");
        tl_site_case_link(w, b, up, x->case_name);
    }
    tl_buffer_add_string(b, "</td><td>");
    tl_add_escaped(b, unit);
    tl_buffer_add_string(b, "</td><td class=\"variant\">");
    add_variant(w, b, x->variant);
    if (!f->signature_id) {
        tl_buffer_add_string(b, "</td><td>");
        if (x->title)
            tl_site_failure_link(w, b, up, x->case_name, x->signature_id, x->title);
    }
    tl_buffer_add_string(b, "</td></tr>\n");
    free(unit);
    free(id);
}

int tl_site_newest_trials(struct tl_site *w, struct tl_buffer *b, const char *up, const struct tl_filter *f,
                          struct tl_error *e)
{
    struct tl_trial_lines lines;
    if (tl_query_trials(w->s, f, &lines, e))
        return -1;
    if (!lines.n) {
        tl_buffer_add_string(b, "<p>None.</p>\n");
        return 0;
    }
    const char *columns[] = {"started", "outcome", f->case_name ? "" : "case",
                             "unit",    "variant", f->signature_id ? "" : "failure",
                             NULL};
    tl_buffer_add_string(b, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Trials\">");
    tl_site_list(b, columns);
    for (size_t i = 0; i < lines.n; i++)
        add_trial(w, b, up, f, &lines.list[i]);
    tl_buffer_add_string(b, "</tbody></table></div>\n");
    tl_trial_lines_free(&lines);
    return 0;
}
