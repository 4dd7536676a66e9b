/* What the last nightly run saw change: of each suite on each machine the newest run. */
#include "reports/site/changes.h"
#include "db/night.h"
#include "harness/base/plural.h"
#include "reports/finding/title.h"
#include "reports/finding/words.h"
#include "reports/night.h"
#include "reports/site/links.h"
#include "reports/site/page.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_MOST 6       /* suites and machines */
#define CHANGES_MOST 25000 /* bytes of those of one run */

static void add_inline(struct tl_buffer *b, char *text)
{
    if (text)
        tl_inline_html(b, text);
    free(text);
}

static void add_settings(struct tl_buffer *b, const json_t *entry)
{
    const json_t *settings = json_object_get(entry, "settings");
    struct tl_buffer text = TL_BUFFER_INIT;
    if (json_object_size(settings))
        tl_words_variant(&text, settings);
    else
        tl_buffer_add_string(&text, "baseline");
    tl_inline_html(b, text.data);
    tl_buffer_free(&text);
}

/* The isolation of it where there is one, and the trial that shows it. */
static void add_more(const struct tl_site *w, struct tl_buffer *b, const char *up, const json_t *entry)
{
    const char *finding = tl_member_text(json_object_get(entry, "isolation"), "finding"),
               *trial = tl_member_text(json_array_get(json_object_get(entry, "failures"), 0), "trial");
    add_inline(b, tl_night_trigger(entry));
    char *known = tl_night_known(entry);
    if (known) {
        tl_buffer_add_string(b, " <span class=\"quiet\">");
        add_inline(b, known);
        tl_buffer_add_string(b, "</span>");
    }
    const json_t *found = finding ? tl_site_finding(w, finding) : NULL;
    if (found) {
        char *page = tl_site_slug(finding), *title = tl_report_title(found);
        tl_buffer_printf(b, " <a href=\"%sfinding/%s.html\">", up, page);
        tl_site_html(w, b, title, 300);
        tl_buffer_add_string(b, "</a>");
        free(title);
        free(page);
    }
    if (trial) {
        tl_buffer_printf(b, " <a href=\"%strial.html#", up);
        tl_site_url(b, trial);
        tl_buffer_add_string(b, "\">trial</a>");
    }
}

static void add_change(const struct tl_site *w, struct tl_buffer *b, const char *up, const json_t *entry,
                       bool closed)
{
    const char *class = tl_member_text(entry, "class"), *unit = tl_member_text(entry, "unit");
    bool bad = tl_night_is_worse(class);
    char *words = tl_night_class_words(class);
    /* An arrow, so that it is not the colour alone that tells. */
    tl_buffer_printf(b, "<tr><td><span class=\"o %s\"><b aria-hidden=\"true\">%s</b> ",
                     bad ? "crash" : "pass", bad ? "▲" : "▼");
    tl_add_escaped(b, closed ? "known failure closed" : words);
    free(words);
    tl_buffer_add_string(b, "</span></td><th scope=\"row\">");
    tl_site_case_link(w, b, up, tl_member_text(entry, "case"));
    tl_buffer_add_string(b, "</th><td>");
    tl_add_escaped(b, unit);
    tl_buffer_add_string(b, "</td><td>");
    add_settings(b, entry);
    tl_buffer_add_string(b, "</td><td data-l=\"was\">");
    add_inline(b, tl_night_was(entry));
    tl_buffer_add_string(b, "</td><td data-l=\"now\">");
    add_inline(b, tl_night_now(entry));
    tl_buffer_add_string(b, "</td><td>");
    add_more(w, b, up, entry);
    tl_buffer_add_string(b, "</td></tr>\n");
}

void tl_site_night_facts(struct tl_buffer *b, const json_t *night)
{
    const json_t *previous = json_object_get(night, "previous");
    char *counts = tl_night_counts(night), *news = tl_night_news(night);
    if (*news) {
        tl_buffer_add_string(b, "<p>News: ");
        tl_add_escaped(b, news);
        tl_buffer_add_string(b, ".</p>\n");
    }
    free(news);
    tl_buffer_printf(b, "<p class=\"quiet\">Run %lld, ", (long long)tl_member_integer(night, "n"));
    tl_site_time(b, tl_member_integer(night, "started_us"));
    if (tl_member_text(night, "os_build")) {
        tl_buffer_add_string(b, ", on ");
        tl_add_escaped(b, tl_member_text(night, "os"));
        tl_buffer_add_string(b, " ");
        tl_add_escaped(b, tl_member_text(night, "os_build"));
    }
    if (json_is_object(previous)) {
        tl_buffer_printf(b, "; compared with run %lld, ", (long long)tl_member_integer(previous, "n"));
        tl_site_time(b, tl_member_integer(previous, "started_us"));
        tl_buffer_add_string(b, ", and those before it");
    } else {
        tl_buffer_add_string(b, "; there is no earlier run to compare with");
    }
    tl_buffer_printf(b, ". In all: %s.%s</p>\n", counts,
                     tl_member_true(night, "complete") ? ""
                                                       : " The budget was used up before all of it was run.");
    free(counts);
}

void tl_site_night_changes(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *by,
                           const json_t *night, size_t most)
{
    static const char *const columns[] = {"what", "case", "unit", "variant", "was", "now", "more", NULL};
    const json_t *const lists[] = {json_object_get(night, "changes"), json_object_get(night, "closed")};
    const json_t *entry;
    size_t i, n = json_array_size(lists[0]) + json_array_size(lists[1]), shown = 0, before = b->size;
    if (!n)
        return;
    tl_site_wide(b, by);
    tl_site_list(b, columns);
    for (size_t k = 0; k < TL_COUNT(lists); k++)
        json_array_foreach(lists[k], i, entry) {
            if (b->size - before < most) {
                add_change(w, b, up, entry, k == 1);
                shown++;
            }
        }
    tl_buffer_add_string(b, "</tbody></table></div>\n");
    if (n > shown)
        tl_buffer_printf(b, "<p>And %zu change%s more.</p>\n", n - shown, tl_plural(n - shown));
}

static void add_night(const struct tl_site *w, struct tl_buffer *b, const json_t *night, size_t number)
{
    const char *suite = tl_member_text(night, "suite"), *night_id = tl_member_text(night, "night");
    char *id = tl_format("night-%zu", number), *page = tl_site_slug(night_id ? night_id : "");
    tl_buffer_printf(b, "<section aria-labelledby=\"%s\"><h2 id=\"%s\">%s <code>", id, id,
                     !json_is_object(json_object_get(night, "previous")) ? "First run of"
                     : tl_night_has_news(night)                          ? "What changed in"
                                                                         : "Nothing changed in");
    tl_add_escaped(b, suite ? suite : "unknown");
    tl_buffer_add_string(b, "</code></h2>\n");
    tl_site_night_facts(b, night);
    tl_site_night_changes(w, b, "", id, night, CHANGES_MOST);
    tl_buffer_printf(b,
                     "<p><a href=\"night/%s.html\">All of this run</a>, <a href=\"nights.html\">earlier "
                     "runs</a></p></section>\n",
                     page);
    free(page);
    free(id);
}

int tl_site_changes(struct tl_site *w, struct tl_buffer *b, struct tl_error *e)
{
    json_t *nights, *night;
    size_t i;
    if (tl_night_newest(w->s, SHOWN_MOST, &nights, e))
        return -1;
    json_array_foreach(nights, i, night) {
        json_object_del(night, "cells");
        json_t *shown_night = w->o->keep_paths ? json_incref(night) : tl_redact_json(&w->redaction, night);
        add_night(w, b, shown_night, i + 1);
        json_decref(shown_night);
    }
    if (!json_array_size(nights))
        tl_buffer_add_string(b,
                             "<p class=\"quiet\">What changes from one nightly run to the next comes here: "
                             "<code>trapline nightly SUITE.json</code> makes them. There is none yet.</p>\n");
    json_decref(nights);
    return 0;
}
