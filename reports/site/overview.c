/* The first page: what changed, then units across and cases down, then the newest failures and findings. */
#include "db/query.h"
#include "harness/base/plural.h"
#include "reports/finding/page.h"
#include "reports/page/page.h"
#include "reports/site/links.h"
#include "reports/site/outcomes.h"
#include "reports/site/page.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define NEWEST 12 /* failures and findings on the first page */

static void add_numbers(const struct tl_site *w, struct tl_buffer *b)
{
    const struct {
        uint64_t n;
        const char *one, *many, *file;
    } numbers[] = {{w->r->trials, "trial", "trials", "trials.html"},
                   {w->r->cases, "case", "cases", "#cases"},
                   {w->r->units, "unit", "units", "#cases"},
                   {w->r->signatures, "failure", "failures", "signatures.html"},
                   {w->r->findings, "finding", "findings", "findings.html"}};
    tl_buffer_add_string(b, "<ul class=\"numbers\">");
    for (size_t i = 0; i < TL_COUNT(numbers); i++) {
        char *text = tl_site_number(numbers[i].n);
        tl_buffer_printf(b, "<li><a href=\"%s\"><b>%s</b> %s</a></li>", numbers[i].file, text,
                         tl_one_or_many(numbers[i].n, numbers[i].one, numbers[i].many));
        free(text);
    }
    tl_buffer_add_string(b, "</ul>\n");
}

/* Failures that were seen first most recently. */
static int add_failures(struct tl_site *w, struct tl_buffer *b, struct tl_error *e)
{
    struct tl_sums sums;
    struct tl_filter f = {.limit = TL_SITE_PAGES_MOST};
    if (tl_query_sums(w->s, TL_SUM_SIGNATURE, &f, &sums, e))
        return -1;
    if (sums.n) {
        static const char *const columns[] = {"first seen", "outcome",   "failure", "phase",
                                              "#trials",    "last seen", NULL};
        tl_buffer_add_string(
            b,
            "<section aria-labelledby=\"newest\"><h2 id=\"newest\">Failures seen first most recently</h2>\n");
        tl_site_wide(b, "newest");
        tl_site_list(b, columns);
    }
    bool *shown = tl_calloc(sums.n + 1, sizeof *shown);
    for (size_t k = 0; k < NEWEST && k < sums.n; k++) {
        size_t newest = SIZE_MAX;
        for (size_t i = 0; i < sums.n; i++)
            if (!shown[i] && (newest == SIZE_MAX || sums.list[i].first_us > sums.list[newest].first_us))
                newest = i;
        const struct tl_sum *x = &sums.list[newest];
        shown[newest] = true;
        tl_buffer_add_string(b, "<tr><td data-l=\"first seen\">");
        tl_site_time(b, x->first_us);
        tl_buffer_add_string(b, "</td><td>");
        tl_site_mark(b, x->outcome);
        tl_buffer_add_string(b, "</td><th scope=\"row\">");
        tl_site_signature_link(w, b, "", x->name, x->title);
        tl_buffer_printf(
            b, "</th><td>%s%s%s</td><td class=\"n\" data-l=\"trials\">%llu</td><td data-l=\"last seen\">",
            tl_phase_name(x->phase), x->signal ? ", " : "", x->signal ? tl_signal_name(x->signal) : "",
            (unsigned long long)x->trials);
        tl_site_time(b, x->last_us);
        tl_buffer_add_string(b, "</td></tr>\n");
    }
    if (sums.n)
        tl_buffer_add_string(
            b, "</tbody></table></div>\n<p><a href=\"signatures.html\">All failures</a></p></section>\n");
    free(shown);
    tl_sums_free(&sums);
    return 0;
}

static void add_row(const struct tl_site *w, struct tl_site_table *t, const struct tl_site_case *c)
{
    struct tl_buffer *b = &t->rows;
    tl_buffer_printf(b, "<tr><th scope=\"row\"><a href=\"case/%s.html\">", c->page);
    tl_add_escaped(b, c->text);
    tl_buffer_add_string(b, "</a></th>");
    struct tl_buffer link = TL_BUFFER_INIT;
    for (size_t u = 0; u < w->n_units; u++) {
        static const uint64_t none[TL_OUTCOME_COUNT];
        const uint64_t *by_outcome = none;
        for (size_t i = c->first; i < c->first + c->n; i++)
            if (w->tallies[i].unit == u)
                by_outcome = w->tallies[i].by_outcome;
        tl_buffer_clear(&link);
        tl_buffer_add_string(&link, "trials.html#case=");
        tl_site_url(&link, c->text);
        tl_buffer_add_string(&link, "&amp;unit=");
        tl_site_url(&link, w->units[u].text);
        tl_site_cell(b, by_outcome, link.data);
    }
    tl_buffer_free(&link);
    tl_buffer_add_string(b, "</tr>\n");
}

int tl_site_write_overview(struct tl_site *w, struct tl_error *e)
{
    struct tl_site_table t = {.w = w,
                              .base = "index",
                              .frame = {"Overview", "index", "", "table"},
                              .filter_units = true,
                              .label = "Cases by units"};
    struct tl_buffer *b = &t.before;
    tl_buffer_add_string(b, "<h1 class=\"vh\">Overview</h1>\n");
    add_numbers(w, b);
    if (tl_site_changes(w, b, e))
        return -1;
    tl_buffer_add_string(b,
                         "<h2 id=\"cases\">Cases by units</h2>\n<p class=\"quiet\">Every trial there is, ");
    tl_site_time(b, w->first_us);
    tl_buffer_add_string(b, " to ");
    tl_site_time(b, w->last_us);
    tl_buffer_add_string(
        b, ". The letter is the most frequent failure; 3/40: three of forty trials failed.</p>\n");
    tl_site_legend(b);
    tl_buffer_add_string(&t.head, "<table class=\"matrix\">\n<thead><tr><th scope=\"col\">case</th>");
    for (size_t u = 0; u < w->n_units; u++)
        tl_site_unit_head(&t.head, w->units[u].text);
    tl_buffer_add_string(&t.head, "</tr></thead>\n<tbody>\n");
    if (add_failures(w, &t.after, e))
        return -1;
    tl_site_newest_findings(w, &t.after, NEWEST);
    for (size_t i = 0; i < w->n_cases; i++) {
        if (tl_site_table_row(&t, e))
            return -1;
        add_row(w, &t, &w->cases[i]);
    }
    return tl_site_table_end(&t, e);
}
