/* A page for each nightly run, and the list of them: what the first page says of the newest stays to be read here when
 * others have come after it. */
#include "db/night.h"
#include "reports/members.h"
#include "reports/night.h"
#include "reports/page/page.h"
#include "reports/site/changes.h"
#include "reports/site/files.h"
#include "reports/site/page.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define CHANGES_MOST 150000 /* bytes */
#define REPORT_MOST 300000  /* bytes of what stands below the changes */

static char *page_of(const json_t *night)
{
    const char *id = tl_member_text(night, "night");
    return tl_site_slug(id ? id : "");
}

/* What a night came to, in a word. An arrow, so that it is not the colour alone that tells. */
static void add_news(struct tl_buffer *b, const json_t *night)
{
    const json_t *changes = json_object_get(night, "changes"), *entry;
    size_t i, worse = 0;
    json_array_foreach(changes, i, entry)
        worse += tl_night_is_worse(tl_member_text(entry, "class"));
    bool better = json_array_size(changes) || tl_night_closed(night),
         first = !json_is_object(json_object_get(night, "previous"));
    tl_buffer_printf(b, "<span class=\"o %s\">%s</span>",
                     worse    ? "crash"
                     : better ? "pass"
                              : "unsupported",
                     worse                      ? "<b aria-hidden=\"true\">▲</b> worse"
                     : better                   ? "<b aria-hidden=\"true\">▼</b> better"
                     : first                    ? "first run"
                     : tl_night_has_news(night) ? "other news"
                                                : "unchanged");
}

static void add_row(struct tl_site_table *t, const json_t *night, const char *page)
{
    struct tl_buffer *b = &t->rows;
    char *counts = tl_night_counts(night);
    tl_buffer_printf(b, "<tr><th scope=\"row\"><a href=\"night/%s.html\">", page);
    tl_site_time(b, tl_member_integer(night, "started_us"));
    tl_buffer_add_string(b, "</a></th><td>");
    tl_site_html(t->w, b, tl_member_text(night, "suite"), 120);
    tl_buffer_printf(b, "</td><td class=\"n\" data-l=\"run\">%lld</td><td>",
                     (long long)tl_member_integer(night, "n"));
    tl_site_html(t->w, b, tl_member_text(night, "machine"), 120);
    tl_buffer_add_string(b, "</td><td>");
    tl_site_html(t->w, b, tl_member_text(night, "os_build"), 60);
    tl_buffer_add_string(b, "</td><td>");
    add_news(b, night);
    tl_buffer_add_string(b, "</td><td>");
    tl_add_escaped(b, counts);
    tl_buffer_printf(b, "</td><td class=\"n\" data-l=\"trials\">%lld</td></tr>\n",
                     (long long)tl_member_integer(night, "trials"));
    free(counts);
}

/* What the command's report has below the changes; without the list of all that was run where that is too long. */
static void add_rest(struct tl_buffer *b, const json_t *night)
{
    struct tl_buffer blocks = TL_BUFFER_INIT;
    for (int cells = 1; cells >= 0; cells--) {
        json_t *page = tl_night_page(night, false, cells);
        tl_page_html_blocks(&blocks, page);
        json_decref(page);
        if (blocks.size <= REPORT_MOST)
            break;
        tl_buffer_clear(&blocks);
    }
    tl_buffer_add_string(b, "<div class=\"report\">\n");
    if (blocks.size)
        tl_buffer_add(b, blocks.data, blocks.size);
    else
        tl_buffer_add_string(
            b, "<p>The rest is too long for a page here; <code>trapline report</code> with the id "
               "of this run writes it.</p>\n");
    tl_buffer_add_string(b, "</div>\n");
    tl_buffer_free(&blocks);
}

static int write_night(struct tl_site *w, const json_t *night, const char *page, struct tl_error *e)
{
    const char *suite = tl_member_text(night, "suite"), *id = tl_member_text(night, "night");
    char *text =
             tl_format("Run %lld of %s", (long long)tl_member_integer(night, "n"), suite ? suite : "unknown"),
         *title = tl_site_clean(w, text, strlen(text), 200), *file = tl_format("night/%s.html", page);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_site_head(w, &b, &(struct tl_site_frame){title, "nights", "../", "table"});
    tl_buffer_add_string(&b, "<p class=\"where\"><a href=\"../index.html\">Overview</a> / <a "
                             "href=\"../nights.html\">Nights</a></p>\n<h1>");
    tl_add_escaped(&b, title);
    tl_buffer_add_string(&b, "</h1>\n");
    tl_site_night_facts(&b, night);
    if (json_array_size(json_object_get(night, "changes")) || tl_night_closed(night)) {
        tl_buffer_add_string(&b, "<h2 id=\"changes\">What changed</h2>\n");
        tl_site_night_changes(w, &b, "../", "changes", night, CHANGES_MOST);
    }
    add_rest(&b, night);
    tl_buffer_add_string(&b, "<p class=\"quiet\">Its id is <code>");
    tl_site_html(w, &b, id, 64);
    tl_buffer_add_string(&b, "</code>.</p>\n");
    int rc = tl_site_page_end(w, &b, file, e);
    free(file);
    free(title);
    free(text);
    return rc;
}

static int add_night(void *arg, json_t *night, struct tl_error *e)
{
    struct tl_site_table *t = arg;
    struct tl_site *w = t->w;
    if (tl_site_tell(w, "writing nights", w->r->nights++, 0, e) || tl_site_table_row(t, e))
        return -1;
    json_t *shown = w->o->keep_paths ? json_incref(night) : tl_redact_json(&w->redaction, night);
    char *page = page_of(shown);
    add_row(t, shown, page);
    int rc = write_night(w, shown, page, e);
    free(page);
    json_decref(shown);
    return rc;
}

int tl_site_write_nights(struct tl_site *w, struct tl_error *e)
{
    static const char *const columns[] = {"started", "suite",  "#run",    "machine", "OS build",
                                          "changes", "in all", "#trials", NULL};
    struct tl_site_table t = {.w = w,
                              .base = "nights",
                              .frame = {"Nights", "nights", "", "table"},
                              .label = "Nightly runs",
                              .most = TL_SITE_LIST};
    tl_buffer_add_string(&t.before,
                         "<h1>Nights</h1>\n<p class=\"quiet\">What <code>trapline nightly</code> ran, "
                         "newest first.</p>\n");
    tl_site_list(&t.head, columns);
    int rc = tl_night_each(w->s, TL_SITE_PAGES_MOST, add_night, &t, e);
    if (!w->r->nights)
        tl_buffer_add_string(
            &t.before, "<p>There is none yet: <code>trapline nightly SUITE.json</code> makes them.</p>\n");
    return tl_site_table_end(&t, rc ? NULL : e) || rc ? -1 : 0;
}
