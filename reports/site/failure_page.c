/* A page for each failure: where it was seen, in which builds, since when, its findings, and a stack; and the list of
 * them. */
#include "db/query.h"
#include "harness/base/frame_text.h"
#include "harness/base/plural.h"
#include "harness/base/version.h"
#include "reports/finding/page.h"
#include "reports/page/page.h"
#include "reports/site/failures.h"
#include "reports/site/files.h"
#include "reports/site/known.h"
#include "reports/site/links.h"
#include "reports/site/outcomes.h"
#include "reports/site/page.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define NEWEST 20
#define FRAMES_MOST 60
#define BUILDS_MOST 40 /* named in a row */

/* --- where a failure was seen --------------------------------------------------------------------------- */

static void add_build(const struct tl_site *w, struct tl_buffer *b, const struct tl_site_seen *p)
{
    tl_buffer_add_string(b, "<span class=\"build\">");
    tl_site_html(w, b, p->runtime_version ? p->runtime_version : "unknown", 60);
    if (p->os_build && (!p->runtime_version || strcmp(p->os_build, p->runtime_version))) {
        tl_buffer_add_string(b, " on ");
        tl_site_html(w, b, p->os_build, 60);
    }
    tl_buffer_add_string(b, "</span> ");
}

static int by_unit_and_build(const void *a, const void *b)
{
    const struct tl_site_seen *x = *(const struct tl_site_seen *const *)a,
                              *y = *(const struct tl_site_seen *const *)b;
    int order = strcmp(x->unit, y->unit);
    order = order ? order
                  : tl_version_compare(x->runtime_version ? x->runtime_version : "",
                                       y->runtime_version ? y->runtime_version : "");
    return order ? order : strcmp(x->os_build ? x->os_build : "", y->os_build ? y->os_build : "");
}

/* The link to the trials of a failure, on a unit or NULL. */
static void add_trials_link(const struct tl_site *w, struct tl_buffer *b, const struct tl_site_failure *f,
                            const char *unit)
{
    char *name = tl_site_clean_exact(w, f->case_name, strlen(f->case_name), 120);
    tl_buffer_add_string(b, "<a href=\"../trials.html#case=");
    tl_site_url(b, name);
    if (unit) {
        tl_buffer_add_string(b, "&amp;unit=");
        tl_site_url(b, unit);
    }
    tl_buffer_add_string(b, "&amp;failure=");
    tl_site_url(b, f->page);
    tl_buffer_add_string(b, "\">");
    free(name);
}

/* A row for each unit, its builds in it. */
static void add_units(const struct tl_site *w, struct tl_buffer *b, const struct tl_site_failure *f)
{
    static const char *const columns[] = {
        "unit", "runtime and OS build", "#trials", "first seen", "last seen", NULL};
    const struct tl_site_seen **list = NULL;
    size_t n = 0, before = b->size;
    for (size_t i = 0; i < f->n; i++) {
        const struct tl_site_signature *s = &w->failures->signatures[f->signatures[i]];
        for (size_t k = s->first; k < s->first + s->n; k++)
            *TL_GROW(list, n) = &w->failures->seen[k];
    }
    if (n)
        qsort(list, n, sizeof(struct tl_site_seen *), by_unit_and_build);
    tl_buffer_add_string(b, "<h2 id=\"where\">Where</h2>\n");
    tl_site_wide(b, "where");
    tl_site_list(b, columns);
    for (size_t i = 0, end; i < n && b->size - before < TL_SITE_ROWS; i = end) {
        char *unit = tl_site_clean_exact(w, list[i]->unit, strlen(list[i]->unit), 120);
        uint64_t trials = 0;
        int64_t first = list[i]->first_us, last = 0;
        size_t builds = 0;
        tl_buffer_add_string(b, "<tr><th scope=\"row\">");
        tl_add_escaped(b, unit);
        tl_buffer_add_string(b, "</th><td>");
        for (end = i; end < n && !strcmp(list[end]->unit, list[i]->unit); end++) {
            const struct tl_site_seen *p = list[end];
            bool same = end > i && !by_unit_and_build(&list[end - 1], &list[end]);
            if (!same && builds < BUILDS_MOST)
                add_build(w, b, p);
            else if (!same && builds == BUILDS_MOST)
                tl_buffer_add_string(b, "…");
            builds += !same;
            trials += p->trials;
            first = p->first_us < first ? p->first_us : first;
            last = p->last_us > last ? p->last_us : last;
        }
        tl_buffer_add_string(b, "</td><td class=\"n\" data-l=\"trials\">");
        add_trials_link(w, b, f, unit);
        tl_buffer_printf(b, "%llu</a></td><td data-l=\"first seen\">", (unsigned long long)trials);
        tl_site_time(b, first);
        tl_buffer_add_string(b, "</td><td data-l=\"last seen\">");
        tl_site_time(b, last);
        tl_buffer_add_string(b, "</td></tr>\n");
        free(unit);
    }
    tl_buffer_add_string(b, "</tbody></table></div>\n");
    if (b->size - before >= TL_SITE_ROWS)
        tl_buffer_add_string(b, "<p>It was seen on more units than are listed here.</p>\n");
    free(list);
}

/* The signatures of a failure that has several. */
static void add_places(const struct tl_site *w, struct tl_buffer *b, const struct tl_site_failure *f)
{
    static const char *const columns[] = {"place",      "outcome",   "signature", "#trials",
                                          "first seen", "last seen", NULL};
    size_t before = b->size, i;
    if (f->n < 2)
        return;
    tl_buffer_printf(b,
                     "<h2 id=\"places\">Places</h2>\n<p class=\"quiet\">It shows at %zu places: where a "
                     "failure shows changes from build to build, and sometimes with the variant.</p>\n",
                     f->n);
    tl_site_wide(b, "places");
    tl_site_list(b, columns);
    for (i = 0; i < f->n && b->size - before < TL_SITE_PART; i++) {
        const struct tl_site_signature *s = &w->failures->signatures[f->signatures[i]];
        tl_buffer_add_string(b, "<tr><th scope=\"row\">");
        tl_site_html(w, b, s->title && *s->title ? s->title : s->id, 240);
        tl_buffer_add_string(b, "</th><td>");
        tl_site_mark(b, s->outcome);
        tl_buffer_add_string(b, "</td><td data-l=\"signature\"><code>");
        tl_site_html(w, b, s->id, 64);
        tl_buffer_printf(b,
                         "</code></td><td class=\"n\" data-l=\"trials\">%llu</td><td data-l=\"first seen\">",
                         (unsigned long long)s->trials);
        tl_site_time(b, s->first_us);
        tl_buffer_add_string(b, "</td><td data-l=\"last seen\">");
        tl_site_time(b, s->last_us);
        tl_buffer_add_string(b, "</td></tr>\n");
    }
    tl_buffer_add_string(b, "</tbody></table></div>\n");
    if (i < f->n)
        tl_buffer_printf(b, "<p>And %zu place%s more.</p>\n", f->n - i, tl_plural(f->n - i));
}

/* The stack of the thread that took the signal, in the newest trial. */
static void add_stack(struct tl_site *w, struct tl_buffer *b, const struct tl_trial_record *r)
{
    const struct tl_capture *c = r->n_captures ? &r->captures[0] : NULL;
    const struct tl_thread *t = c && c->n_threads ? &c->threads[0] : NULL;
    if (!t || !t->n_frames)
        return;
    tl_buffer_add_string(
        b,
        "<h2 id=\"stack\">Stack</h2>\n<p class=\"quiet\">Of the newest trial; its page has all threads.</p>\n"
        "<pre tabindex=\"0\" role=\"region\" aria-labelledby=\"stack\">");
    for (size_t i = 0; i < t->n_frames && i < FRAMES_MOST; i++) {
        char *gap = tl_frames_left_out(t, i), *text = tl_frame_text(c, t, i);
        tl_buffer_printf(b, "%s%s#%-2zu ", gap ? gap : "", gap ? "\n" : "", tl_frame_number(t, i));
        tl_site_html(w, b, text, 400);
        tl_buffer_add_string(b, "\n");
        free(gap);
        free(text);
    }
    if (t->n_frames > FRAMES_MOST)
        tl_buffer_printf(b, "… %zu frame%s more …\n", t->n_frames - FRAMES_MOST,
                         tl_plural(t->n_frames - FRAMES_MOST));
    tl_buffer_add_string(b, "</pre>\n");
}

static int add_example(struct tl_site *w, struct tl_buffer *b, const struct tl_site_failure *f,
                       struct tl_error *e)
{
    struct tl_filter filter = {
        .case_name = f->case_name, .signature_id = tl_site_failure_newest(w, f)->id, .limit = NEWEST};
    struct tl_trial_lines lines;
    tl_buffer_printf(b, "<h2>Newest trials%s</h2>\n", f->n > 1 ? " at the place seen last" : "");
    if (tl_site_newest_trials(w, b, "../", &filter, e))
        return -1;
    tl_buffer_add_string(b, "<p>");
    add_trials_link(w, b, f, NULL);
    tl_buffer_printf(b, "All %llu trial%s of this failure</a></p>\n", (unsigned long long)f->trials,
                     tl_plural(f->trials));
    filter.limit = 1;
    if (tl_query_trials(w->s, &filter, &lines, e))
        return -1;
    struct tl_trial_record r;
    struct tl_error damaged; /* then there is no stack to show */
    if (lines.n && !tl_query_trial(w->s, lines.list[0].id, &r, &damaged)) {
        if (r.message) {
            tl_buffer_add_string(b, "<h2 id=\"message\">Message</h2>\n<pre tabindex=\"0\" role=\"region\" "
                                    "aria-labelledby=\"message\">");
            tl_site_html(w, b, r.message, 2000);
            tl_buffer_add_string(b, "</pre>\n");
        }
        add_stack(w, b, &r);
        tl_trial_record_free(&r);
    }
    tl_trial_lines_free(&lines);
    return 0;
}

static int write_failure(struct tl_site *w, const struct tl_site_failure *f, struct tl_error *e)
{
    const struct tl_site_signature *s = tl_site_failure_newest(w, f);
    const char *raw = tl_site_failure_title(w, f);
    struct tl_buffer b = TL_BUFFER_INIT;
    char *title = tl_site_clean(w, raw, strlen(raw), 300),
         *name = tl_site_clean_exact(w, f->case_name, strlen(f->case_name), 120),
         *both = tl_format("%s, of %s", title, name); /* for where it does not stand beside its case */
    tl_site_head(w, &b, &(struct tl_site_frame){both, "failures", "../", "table"});
    free(both);
    free(name);
    tl_buffer_add_string(&b, "<p class=\"where\"><a href=\"../index.html\">Overview</a> / <a "
                             "href=\"../failures.html\">Failures</a></p>\n<h1>");
    tl_add_escaped(&b, title);
    free(title);
    tl_buffer_add_string(&b, "</h1>\n<dl class=\"facts\"><div><dt>case</dt><dd>");
    tl_site_case_link(w, &b, "../", f->case_name);
    tl_buffer_add_string(&b, "</dd></div><div><dt>outcome</dt><dd>");
    tl_site_mark(&b, s->outcome);
    tl_buffer_printf(&b, "</dd></div><div><dt>phase</dt><dd>%s</dd></div>", tl_phase_name(s->phase));
    if (s->signal)
        tl_buffer_printf(&b, "<div><dt>signal</dt><dd>%s</dd></div>", tl_signal_name(s->signal));
    tl_buffer_printf(&b,
                     "<div><dt>trials</dt><dd>%llu</dd></div><div><dt>units</dt><dd>%zu</dd></div>"
                     "<div><dt>builds</dt><dd>%zu</dd></div><div><dt>first seen</dt><dd>",
                     (unsigned long long)f->trials, f->n_units, f->n_builds);
    tl_site_time(&b, f->first_us);
    tl_buffer_add_string(&b, "</dd></div><div><dt>last seen</dt><dd>");
    tl_site_time(&b, f->last_us);
    if (f->n == 1) {
        tl_buffer_add_string(&b, "</dd></div><div><dt>signature</dt><dd><code>");
        tl_site_html(w, &b, s->id, 64);
        tl_buffer_add_string(&b, "</code>");
    }
    char *known = tl_site_known(w, f, true);
    if (known) {
        tl_buffer_add_string(&b, "</dd></div><div><dt>known</dt><dd>");
        tl_site_add_known(w, &b, f);
    }
    free(known);
    tl_buffer_add_string(&b, "</dd></div></dl>\n");
    tl_site_findings_of(w, &b, "../", f->case_name, f);
    add_units(w, &b, f);
    add_places(w, &b, f);
    char *file = tl_format("failure/%s.html", f->page);
    int rc = add_example(w, &b, f, e);
    if (rc)
        tl_buffer_free(&b);
    else
        rc = tl_site_page_end(w, &b, file, e);
    free(file);
    return rc;
}

/* --- the list ------------------------------------------------------------------------------------------- */

void tl_site_failures_head(struct tl_buffer *b)
{
    static const char *const columns[] = {"outcome", "failure", "case",       "phase",     "#trials",
                                          "#units",  "#builds", "first seen", "last seen", NULL};
    tl_site_list(b, columns);
}

void tl_site_failures_row(const struct tl_site *w, struct tl_buffer *b, const struct tl_site_failure *f)
{
    const struct tl_site_signature *s = tl_site_failure_newest(w, f);
    tl_buffer_printf(b, "<tr data-o=\"%c\"><td>", tl_site_letter(s->outcome));
    tl_site_mark(b, s->outcome);
    tl_buffer_add_string(b, "</td><th scope=\"row\">");
    tl_site_failure_link(w, b, "", f->case_name, s->id, tl_site_failure_title(w, f));
    char *known = tl_site_known(w, f, true);
    if (known) {
        tl_buffer_add_string(b, " <span class=\"quiet\">");
        tl_add_escaped(b, known);
        tl_buffer_add_string(b, "</span>");
    }
    free(known);
    tl_buffer_add_string(b, "</th><td>");
    tl_site_case_link(w, b, "", f->case_name);
    tl_buffer_printf(b,
                     "</td><td>%s%s%s</td><td class=\"n\" data-l=\"trials\">%llu</td><td class=\"n\" "
                     "data-l=\"units\">%zu</td><td class=\"n\" data-l=\"builds\">%zu</td><td "
                     "data-l=\"first seen\">",
                     tl_phase_name(s->phase), s->signal ? ", " : "",
                     s->signal ? tl_signal_name(s->signal) : "", (unsigned long long)f->trials, f->n_units,
                     f->n_builds);
    tl_site_time(b, f->first_us);
    tl_buffer_add_string(b, "</td><td data-l=\"last seen\">");
    tl_site_time(b, f->last_us);
    tl_buffer_add_string(b, "</td></tr>\n");
}

static int write_list(struct tl_site *w, struct tl_error *e)
{
    const struct tl_site_failures *f = w->failures;
    struct tl_site_table t = {.w = w,
                              .base = "failures",
                              .frame = {"Failures", "failures", "", "table"},
                              .label = "Failures",
                              .most = TL_SITE_LIST};
    tl_buffer_add_string(
        &t.before,
        "<h1>Failures</h1>\n<p class=\"quiet\">Trials of a case that end in the same way, in the same phase, "
        "of the same cause are one failure, on whichever unit and in whichever build. Newest first.</p>\n");
    if (!f->n)
        tl_buffer_add_string(&t.before, "<p>No trial has failed.</p>\n");
    if (f->n > TL_SITE_PAGES_MOST)
        tl_buffer_printf(
            &t.before, "<p>The newest %d have a page; <code>trapline list signatures</code> lists all.</p>\n",
            TL_SITE_PAGES_MOST);
    tl_site_failures_head(&t.head);
    for (size_t i = 0; i < f->n && i < TL_SITE_PAGES_MOST; i++) {
        if (tl_site_table_row(&t, e))
            return -1;
        tl_site_failures_row(w, &t.rows, &f->list[i]);
    }
    return tl_site_table_end(&t, e);
}

int tl_site_write_failures(struct tl_site *w, struct tl_error *e)
{
    const struct tl_site_failures *f = w->failures;
    if (write_list(w, e))
        return -1;
    for (size_t i = 0; i < f->n && f->list[i].page; i++)
        if (tl_site_tell(w, "writing failures", i, f->n, e) || write_failure(w, &f->list[i], e))
            return -1;
    return 0;
}
