/* What all pages of a site share: head, navigation, foot, the beginnings of tables, and tables that go on in
 * further pages (NAME-2.html, …), for a page stays under a megabyte. */
#include "reports/site/page.h"

#include "harness/base/unit_name.h"
#include "reports/page/page.h"
#include "reports/site/files.h"
#include "reports/site/text.h"
#include "reports/site/words.h"

#include <stdlib.h>
#include <string.h>

void tl_site_head(const struct tl_site *w, struct tl_buffer *b, const struct tl_site_frame *f)
{
    static const struct {
        const char *name, *file, *text;
    } places[] = {{"index", "index.html", "Overview"},
                  {"failures", "failures.html", "Failures"},
                  {"findings", "findings.html", "Findings"},
                  {"nights", "nights.html", "Nights"},
                  {"trials", "trials.html", "Trials"}};
    tl_buffer_add_string(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                            "script-src file: http: https:; style-src file: http: https:; base-uri 'none'; "
                            "form-action 'none'\">\n"
                            "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    tl_add_escaped(b, f->title);
    tl_buffer_printf(b, " - trapline</title>\n<link rel=\"stylesheet\" href=\"%ssite.css\">\n", f->up);
    if (f->script)
        tl_buffer_printf(
            b, "<script src=\"%sdata/index.js\" defer></script>\n<script src=\"%ssite.js\" defer></script>\n",
            f->up, f->up);
    if (f->script && !strcmp(f->script, "trials"))
        tl_buffer_printf(b, "<script src=\"%ssearch.js\" defer></script>\n", f->up);
    tl_buffer_printf(
        b,
        "</head>\n<body data-up=\"%s\"%s%s%s>\n<a class=\"skip\" href=\"#main\">To the content</a>\n"
        "<header>\n<a class=\"brand\" href=\"%sindex.html\">trapline</a>\n<nav aria-label=\"Site\">\n",
        f->up, f->script ? " data-do=\"" : "", f->script ? f->script : "", f->script ? "\"" : "", f->up);
    for (size_t i = 0; i < TL_COUNT(places); i++)
        tl_buffer_printf(b, "<a href=\"%s%s\"%s>%s</a>\n", f->up, places[i].file,
                         f->section && !strcmp(f->section, places[i].name) ? " aria-current=\"page\"" : "",
                         places[i].text);
    tl_buffer_add_string(b, "</nav>\n</header>\n<main id=\"main\" tabindex=\"-1\">\n");
    (void)w;
}

int tl_site_page_end(struct tl_site *w, struct tl_buffer *b, const char *file, struct tl_error *e)
{
    tl_buffer_add_string(b, "</main>\n<footer>Made ");
    tl_site_time(b, w->now_us);
    tl_buffer_printf(b, " by trapline %s. All times are UTC.</footer>\n</body>\n</html>\n",
                     w->o->trapline ? w->o->trapline : "");
    int rc = tl_site_put(w, file, b->data, b->size, e) || tl_site_take_words(w, file, b->data, e) ? -1 : 0;
    tl_buffer_free(b);
    return rc;
}

void tl_site_filter(struct tl_buffer *b, const struct tl_site *w, bool units)
{
    tl_buffer_add_string(
        b,
        "<form class=\"filter\" role=\"search\" aria-label=\"Filter the table\" hidden>\n"
        "<label>Words <input type=\"search\" name=\"q\" autocomplete=\"off\" spellcheck=\"false\"></label>\n"
        "<label>Outcome <select name=\"outcome\"><option value=\"\">any</option>"
        "<option value=\"failure\">any failure</option>");
    for (int o = 0; o < TL_SITE_OUTCOMES; o++) {
        const char *name = tl_site_outcome_name(o);
        tl_buffer_printf(b, "<option value=\"%s\">%s</option>", name, name);
    }
    tl_buffer_add_string(b, "</select></label>\n");
    if (units) {
        tl_buffer_add_string(b, "<label>Unit <select name=\"unit\"><option value=\"\">all</option>");
        for (size_t i = 0; i < w->n_units && i < 500; i++) {
            tl_buffer_add_string(b, "<option>");
            tl_add_escaped(b, w->units[i].text);
            tl_buffer_add_string(b, "</option>");
        }
        tl_buffer_add_string(b, "</select></label>\n");
    }
    tl_buffer_add_string(
        b, "<button type=\"reset\">Clear</button>\n<output class=\"found\" aria-live=\"polite\"></output>\n"
           "</form>\n");
}

void tl_site_wide(struct tl_buffer *b, const char *by)
{
    tl_buffer_printf(b, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"%s\">", by);
}

void tl_site_list(struct tl_buffer *b, const char *const columns[])
{
    tl_buffer_add_string(b, "<table class=\"list\">\n<thead><tr>");
    for (; *columns; columns++)
        if (**columns == '#')
            tl_buffer_printf(b, "<th scope=\"col\" class=\"n\">%s</th>", *columns + 1);
        else if (**columns)
            tl_buffer_printf(b, "<th scope=\"col\">%s</th>", *columns);
    tl_buffer_add_string(b, "</tr></thead>\n<tbody>\n");
}

static void add_part(struct tl_buffer *b, const char *before, struct tl_unit_part part)
{
    char *text = tl_unit_part_text(part);
    if (text) {
        tl_buffer_add_string(b, before);
        tl_add_escaped(b, text);
    }
    free(text);
}

/* A unit in a head: runner, build and device on lines of their own. */
void tl_site_unit_head(struct tl_buffer *b, const char *unit)
{
    struct tl_unit_name name = tl_unit_name_of(unit);
    tl_buffer_add_string(b, "<th scope=\"col\" class=\"unit\"><span>");
    add_part(b, "", name.runner);
    add_part(b, "</span><b>@", name.build);
    tl_buffer_add_string(b, name.build.n ? "</b><span>" : "</span><span>");
    add_part(b, ":", name.device);
    add_part(b, "%", name.alias);
    tl_buffer_add_string(b, "</span></th>");
}

/* --- tables that go on ---------------------------------------------------------------------------------- */

static int put_page(struct tl_site_table *t, bool more, struct tl_error *e)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    struct tl_site_frame frame = t->frame;
    char *title = t->page > 1 ? tl_format("%s, page %zu", frame.title, t->page) : NULL,
         *name = t->page > 1 ? tl_format("%s-%zu.html", t->base, t->page) : tl_format("%s.html", t->base);
    const char *file = strrchr(t->base, '/');
    file = file ? file + 1 : t->base;
    if (title)
        frame.title = title;
    tl_site_head(t->w, &b, &frame);
    if (t->page == 1 && t->before.size)
        tl_buffer_add(&b, t->before.data, t->before.size);
    if (t->page > 1) {
        tl_buffer_add_string(&b, "<h1>");
        tl_add_escaped(&b, frame.title);
        tl_buffer_add_string(&b, "</h1>\n");
    }
    if (t->rows.size) {
        tl_site_filter(&b, t->w, t->filter_units);
        tl_buffer_add_string(&b, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"");
        tl_add_escaped(&b, t->label);
        tl_buffer_add_string(&b, "\">\n");
        tl_buffer_add(&b, t->head.data, t->head.size);
        tl_buffer_add(&b, t->rows.data, t->rows.size);
        tl_buffer_add_string(&b, "</tbody>\n</table>\n</div>\n");
    }
    if (more || t->page > 1) {
        tl_buffer_add_string(&b, "<nav class=\"pages\" aria-label=\"Pages of this table\">");
        if (t->page == 2)
            tl_buffer_printf(&b, "<a rel=\"prev\" href=\"%s.html\">Page 1</a>", file);
        else if (t->page > 2)
            tl_buffer_printf(&b, "<a rel=\"prev\" href=\"%s-%zu.html\">Page %zu</a>", file, t->page - 1,
                             t->page - 1);
        tl_buffer_printf(&b, "<span>Page %zu%s</span>", t->page, more ? "" : ", the last");
        if (more)
            tl_buffer_printf(&b, "<a rel=\"next\" href=\"%s-%zu.html\">Page %zu</a>", file, t->page + 1,
                             t->page + 1);
        tl_buffer_add_string(&b, "</nav>\n");
    }
    if (t->page == 1 && t->after.size)
        tl_buffer_add(&b, t->after.data, t->after.size);
    int rc = tl_site_page_end(t->w, &b, name, e);
    free(name);
    free(title);
    tl_buffer_clear(&t->rows);
    return rc;
}

int tl_site_table_row(struct tl_site_table *t, struct tl_error *e)
{
    t->page = t->page ? t->page : 1;
    if (t->rows.size < (t->most ? t->most : TL_SITE_ROWS))
        return 0;
    int rc = put_page(t, true, e);
    t->page++;
    return rc;
}

int tl_site_table_end(struct tl_site_table *t, struct tl_error *e)
{
    t->page = t->page ? t->page : 1;
    int rc = put_page(t, false, e);
    tl_buffer_free(&t->before);
    tl_buffer_free(&t->head);
    tl_buffer_free(&t->after);
    tl_buffer_free(&t->rows);
    return rc;
}
