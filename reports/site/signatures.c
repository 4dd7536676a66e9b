/* A page for each failure: where it was seen, in which builds, since when, its findings, and a stack. */
#include "db/query.h"
#include "db/site.h"
#include "harness/base/frame_text.h"
#include "harness/base/plural.h"
#include "reports/finding/page.h"
#include "reports/page/page.h"
#include "reports/site/files.h"
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

/* Where a signature stands in the list of sums, to find it by its id. */
struct keyed {
    const char *id;
    size_t at;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct keyed *)a)->id, ((const struct keyed *)b)->id);
}

static const char *const places_columns[] = {
    "case", "unit", "runtime and OS build", "#trials", "first seen", "last seen", NULL};

/* Rows of one signature, made while the scan goes over its places: one for each case and unit. */
struct places {
    struct tl_site *w;
    const struct tl_sums *sums;
    const struct keyed *keys; /* places in sums, ordered by id */
    char id[TL_ID_SIZE];      /* of the open one; "" for none */
    struct tl_buffer rows;    /* of the table */
    char *case_name, *unit;   /* of the open row */
    struct tl_buffer builds;
    size_t n_builds;
    uint64_t trials;
    int64_t first_us, last_us;
    uint64_t done;
};

static void end_row(struct places *p)
{
    struct tl_buffer *b = &p->rows;
    if (!p->case_name || b->size > TL_SITE_ROWS)
        return;
    tl_buffer_add_string(b, "<tr><th scope=\"row\">");
    tl_site_case_link(p->w, b, "../", p->case_name);
    char *unit = tl_site_clean_exact(p->w, p->unit, strlen(p->unit), 120),
         *name = tl_site_clean_exact(p->w, p->case_name, strlen(p->case_name), 120);
    tl_buffer_add_string(b, "</th><td>");
    tl_add_escaped(b, unit);
    tl_buffer_add_string(b, "</td><td>");
    tl_buffer_add(b, p->builds.data, p->builds.size);
    tl_buffer_add_string(b, "</td><td class=\"n\" data-l=\"trials\"><a href=\"../trials.html#case=");
    tl_site_url(b, name);
    tl_buffer_add_string(b, "&amp;unit=");
    tl_site_url(b, unit);
    tl_buffer_add_string(b, "&amp;signature=");
    tl_site_url(b, p->id);
    tl_buffer_printf(b, "\">%llu</a></td><td data-l=\"first seen\">", (unsigned long long)p->trials);
    tl_site_time(b, p->first_us);
    tl_buffer_add_string(b, "</td><td data-l=\"last seen\">");
    tl_site_time(b, p->last_us);
    tl_buffer_add_string(b, "</td></tr>\n");
    free(unit);
    free(name);
}

static void begin_row(struct places *p, const struct tl_site_place *x)
{
    free(p->case_name);
    free(p->unit);
    p->case_name = x ? tl_strdup(x->case_name ? x->case_name : "") : NULL;
    p->unit = x ? tl_strdup(x->unit ? x->unit : "") : NULL;
    p->trials = 0;
    p->first_us = p->last_us = 0;
    p->n_builds = 0;
    tl_buffer_clear(&p->builds);
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

static int add_example(struct tl_site *w, struct tl_buffer *b, const struct tl_sum *x, struct tl_error *e)
{
    struct tl_filter f = {.signature_id = x->name, .limit = NEWEST};
    struct tl_trial_lines lines;
    tl_buffer_add_string(b, "<h2>Newest trials</h2>\n");
    if (tl_site_newest_trials(w, b, "../", &f, e))
        return -1;
    f.limit = 1;
    if (tl_query_trials(w->s, &f, &lines, e))
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

static const struct tl_sum *sum_of(const struct places *p, const char *id)
{
    const struct keyed key = {id, 0}, *k = bsearch(&key, p->keys, p->sums->n, sizeof key, by_id);
    return k ? &p->sums->list[k->at] : NULL;
}

static int end_signature(struct places *p, struct tl_error *e)
{
    struct tl_site *w = p->w;
    const struct tl_sum *x = *p->id ? sum_of(p, p->id) : NULL;
    end_row(p);
    begin_row(p, NULL);
    if (!x) {
        tl_buffer_clear(&p->rows);
        return 0;
    }
    struct tl_buffer b = TL_BUFFER_INIT;
    char *title = tl_site_clean(w, x->title && *x->title ? x->title : x->name,
                                strlen(x->title && *x->title ? x->title : x->name), 300);
    tl_site_head(w, &b, &(struct tl_site_frame){title, "signatures", "../", "times"});
    tl_buffer_add_string(&b, "<p class=\"where\"><a href=\"../index.html\">Overview</a> / <a "
                             "href=\"../signatures.html\">Failures</a></p>\n<h1>");
    tl_add_escaped(&b, title);
    free(title);
    tl_buffer_add_string(&b, "</h1>\n<dl class=\"facts\"><div><dt>outcome</dt><dd>");
    tl_site_mark(&b, x->outcome);
    tl_buffer_printf(&b, "</dd></div><div><dt>phase</dt><dd>%s</dd></div>", tl_phase_name(x->phase));
    if (x->signal)
        tl_buffer_printf(&b, "<div><dt>signal</dt><dd>%s</dd></div>", tl_signal_name(x->signal));
    tl_buffer_printf(&b,
                     "<div><dt>trials</dt><dd>%llu</dd></div><div><dt>cases</dt><dd>%zu</dd></div>"
                     "<div><dt>units</dt><dd>%zu</dd></div><div><dt>first seen</dt><dd>",
                     (unsigned long long)x->trials, x->cases, x->units);
    tl_site_time(&b, x->first_us);
    tl_buffer_add_string(&b, "</dd></div><div><dt>last seen</dt><dd>");
    tl_site_time(&b, x->last_us);
    tl_buffer_add_string(&b, "</dd></div><div><dt>signature</dt><dd><code>");
    tl_site_html(w, &b, x->name, 64);
    tl_buffer_add_string(&b, "</code></dd></div></dl>\n");
    tl_site_findings_of(w, &b, "../", NULL, x->name);
    tl_buffer_add_string(&b, "<h2 id=\"where\">Where</h2>\n");
    tl_site_wide(&b, "where");
    tl_site_list(&b, places_columns);
    tl_buffer_add(&b, p->rows.data, p->rows.size);
    tl_buffer_add_string(&b, "</tbody></table></div>\n");
    if (p->rows.size > TL_SITE_ROWS)
        tl_buffer_add_string(&b, "<p>It was seen in more places than are listed here.</p>\n");
    tl_buffer_clear(&p->rows);
    char *slug = tl_site_slug(x->name), *file = tl_format("signature/%s.html", slug);
    int rc = add_example(w, &b, x, e);
    if (rc)
        tl_buffer_free(&b);
    else
        rc = tl_site_page_end(w, &b, file, e);
    free(file);
    free(slug);
    return rc;
}

static int add_place(void *arg, const struct tl_site_place *x, struct tl_error *e)
{
    struct places *p = arg;
    const char *id = x->signature_id ? x->signature_id : "";
    if (strncmp(p->id, id, sizeof p->id - 1)) {
        if (end_signature(p, e))
            return -1;
        snprintf(p->id, sizeof p->id, "%s", id);
        if (tl_site_tell(p->w, "writing failures", p->done++, p->sums->n, e))
            return -1;
    }
    if (!p->case_name || strcmp(p->case_name, x->case_name ? x->case_name : "") ||
        strcmp(p->unit, x->unit ? x->unit : "")) {
        end_row(p);
        begin_row(p, x);
    }
    if (p->n_builds++ < BUILDS_MOST) {
        struct tl_buffer one = TL_BUFFER_INIT;
        tl_buffer_add_string(&one, "<span class=\"build\">");
        tl_site_html(p->w, &one, x->runtime_version ? x->runtime_version : "unknown", 60);
        if (x->os_build && (!x->runtime_version || strcmp(x->os_build, x->runtime_version))) {
            tl_buffer_add_string(&one, " on ");
            tl_site_html(p->w, &one, x->os_build, 60);
        }
        tl_buffer_add_string(&one, "</span> ");
        tl_buffer_add(&p->builds, one.data, one.size);
        tl_buffer_free(&one);
    } else if (p->n_builds == BUILDS_MOST + 1) {
        tl_buffer_add_string(&p->builds, "…");
    }
    p->trials += x->trials;
    p->first_us = !p->first_us || x->first_us < p->first_us ? x->first_us : p->first_us;
    p->last_us = x->last_us > p->last_us ? x->last_us : p->last_us;
    return 0;
}

/* --- the list ------------------------------------------------------------------------------------------- */

static int write_list(struct tl_site *w, const struct tl_sums *sums, struct tl_error *e)
{
    static const char *const columns[] = {"outcome", "failure",    "phase",     "#trials", "#cases",
                                          "#units",  "first seen", "last seen", NULL};
    struct tl_site_table t = {
        .w = w, .base = "signatures", .frame = {"Failures", "signatures", "", "table"}, .label = "Failures"};
    tl_buffer_add_string(
        &t.before,
        "<h1>Failures</h1>\n<p class=\"quiet\">Two trials that end in the same way, in the same phase, of "
        "the same cause are one failure. Newest first.</p>\n");
    if (!sums->n)
        tl_buffer_add_string(&t.before, "<p>No trial has failed.</p>\n");
    if (sums->n == TL_SITE_PAGES_MOST)
        tl_buffer_printf(
            &t.before, "<p>The newest %d have a page; <code>trapline list signatures</code> lists all.</p>\n",
            TL_SITE_PAGES_MOST);
    tl_site_list(&t.head, columns);
    for (size_t i = 0; i < sums->n; i++) {
        const struct tl_sum *x = &sums->list[i];
        struct tl_buffer *b = &t.rows;
        if (tl_site_table_row(&t, e))
            return -1;
        tl_buffer_printf(b, "<tr data-o=\"%c\"><td>", tl_site_letter(x->outcome));
        tl_site_mark(b, x->outcome);
        tl_buffer_add_string(b, "</td><th scope=\"row\">");
        tl_site_signature_link(w, b, "", x->name, x->title);
        tl_buffer_printf(
            b,
            "</th><td>%s%s%s</td><td class=\"n\" data-l=\"trials\">%llu</td><td class=\"n\" "
            "data-l=\"cases\">%zu</td><td class=\"n\" data-l=\"units\">%zu</td><td data-l=\"first seen\">",
            tl_phase_name(x->phase), x->signal ? ", " : "", x->signal ? tl_signal_name(x->signal) : "",
            (unsigned long long)x->trials, x->cases, x->units);
        tl_site_time(b, x->first_us);
        tl_buffer_add_string(b, "</td><td data-l=\"last seen\">");
        tl_site_time(b, x->last_us);
        tl_buffer_add_string(b, "</td></tr>\n");
    }
    return tl_site_table_end(&t, e);
}

int tl_site_write_signatures(struct tl_site *w, struct tl_error *e)
{
    struct tl_sums sums;
    struct tl_filter f = {.limit = TL_SITE_PAGES_MOST};
    if (tl_query_sums(w->s, TL_SUM_SIGNATURE, &f, &sums, e))
        return -1;
    struct keyed *keys = tl_calloc(sums.n + 1, sizeof *keys);
    for (size_t i = 0; i < sums.n; i++)
        keys[i] = (struct keyed){sums.list[i].name, i};
    qsort(keys, sums.n, sizeof *keys, by_id);
    struct places p = {.w = w, .sums = &sums, .keys = keys};
    int rc =
        write_list(w, &sums, e) || tl_site_places(w->s, add_place, &p, e) || end_signature(&p, e) ? -1 : 0;
    begin_row(&p, NULL);
    tl_buffer_free(&p.rows);
    tl_buffer_free(&p.builds);
    tl_sums_free(&sums);
    free(keys);
    return rc;
}
