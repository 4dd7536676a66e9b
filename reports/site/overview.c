/* The first page: what changed, then units across and cases down, then the newest failures and findings. */
#include "db/site.h"
#include "harness/base/plural.h"
#include "reports/finding/page.h"
#include "reports/page/page.h"
#include "reports/site/failures.h"
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
                   {w->r->failures, "failure", "failures", "failures.html"},
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

/* Whether nothing of it failed: trapline stopped the trials, as when a budget was used up. */
static bool was_stopped(const struct tl_site *w, const struct tl_site_failure *f)
{
    const struct tl_site_signature *x = tl_site_failure_newest(w, f);
    struct tl_error gone;
    bool lost = true;
    return x->outcome == TL_OUTCOME_LOST && !tl_site_was_lost(w->s, f->case_name, x->id, &lost, &gone) &&
           !lost;
}

/* Failures that were seen first most recently. */
static void add_failures(const struct tl_site *w, struct tl_buffer *b)
{
    const struct tl_site_failures *f = w->failures;
    bool *shown = tl_calloc(f->n + 1, sizeof *shown);
    for (size_t i = 0; i < f->n; i++)
        shown[i] = was_stopped(w, &f->list[i]);
    if (f->n) {
        tl_buffer_add_string(
            b,
            "<section aria-labelledby=\"newest\"><h2 id=\"newest\">Failures seen first most recently</h2>\n");
        tl_site_wide(b, "newest");
        tl_site_failures_head(b);
    }
    for (size_t k = 0; k < NEWEST && k < f->n; k++) {
        size_t newest = SIZE_MAX;
        for (size_t i = 0; i < f->n; i++)
            if (!shown[i] && (newest == SIZE_MAX || f->list[i].first_us > f->list[newest].first_us))
                newest = i;
        if (newest == SIZE_MAX)
            break;
        shown[newest] = true;
        tl_site_failures_row(w, b, &f->list[newest]);
    }
    if (f->n)
        tl_buffer_add_string(
            b, "</tbody></table></div>\n<p><a href=\"failures.html\">All failures</a></p></section>\n");
    free(shown);
}

static void add_row(const struct tl_site *w, struct tl_site_table *t, const struct tl_site_case *c)
{
    struct tl_buffer *b = &t->rows;
    tl_buffer_printf(b, "<tr><th scope=\"row\"><a href=\"case/%s.html\">", c->page);
    tl_add_escaped(b, c->text);
    tl_buffer_add_string(b, "</a></th>");
    struct tl_buffer link = TL_BUFFER_INIT;
    for (size_t u = 0; u < w->n_units; u++) {
        static const struct tl_site_roles none;
        const struct tl_site_roles *roles = &none;
        for (size_t i = c->first; i < c->first + c->n; i++)
            if (w->tallies[i].unit == u)
                roles = &w->tallies[i].roles;
        tl_buffer_clear(&link);
        tl_buffer_add_string(&link, "trials.html#case=");
        tl_site_url(&link, c->text);
        tl_buffer_add_string(&link, "&amp;unit=");
        tl_site_url(&link, w->units[u].text);
        tl_site_roles_cell(b, roles, link.data);
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
        b, ". The letter is the most frequent failure. Of the failing variant of a case and of its baseline "
           "trials are counted, 3/40: three of forty failed; of the others variants, of which some trial "
           "failed.</p>\n");
    tl_site_legend(b);
    tl_buffer_add_string(&t.head, "<table class=\"matrix\">\n<thead><tr><th scope=\"col\">case</th>");
    for (size_t u = 0; u < w->n_units; u++)
        tl_site_unit_head(&t.head, w->units[u].text);
    tl_buffer_add_string(&t.head, "</tr></thead>\n<tbody>\n");
    add_failures(w, &t.after);
    tl_site_newest_findings(w, &t.after, NEWEST);
    for (size_t i = 0; i < w->n_cases; i++) {
        if (tl_site_table_row(&t, e))
            return -1;
        add_row(w, &t, &w->cases[i]);
    }
    return tl_site_table_end(&t, e);
}
