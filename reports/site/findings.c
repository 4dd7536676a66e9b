/* Findings: a list of them, the report of each as a page, and the pictures of frontiers. */
#include "reports/finding/answers.h"
#include "reports/finding/finding.h"
#include "reports/finding/page.h"
#include "reports/finding/title.h"
#include "reports/finding/words.h"
#include "reports/frontier_svg.h"
#include "reports/site/failures.h"
#include "reports/site/files.h"
#include "reports/site/links.h"
#include "reports/site/page.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define DRAWN_MOST 3       /* frontiers on the page of a case */
#define REPORT_MOST 450000 /* bytes of a report that is a page here */

static bool is(const json_t *o, const char *name, const char *value)
{
    const char *text = tl_member_text(o, name);
    return text && !strcmp(text, value);
}

static char *page_of(const json_t *finding)
{
    const char *id = tl_member_text(finding, "finding");
    return tl_site_slug(id ? id : "");
}

/* Its title in a link, as the report has it. */
static void add_link(const struct tl_site *w, struct tl_buffer *b, const char *up, const json_t *finding)
{
    char *page = page_of(finding), *title = tl_report_title(finding);
    tl_buffer_printf(b, "<a href=\"%sfinding/%s.html\">", up, page);
    tl_site_html(w, b, title, 300);
    tl_buffer_add_string(b, "</a>");
    free(title);
    free(page);
}

const json_t *tl_site_finding(const struct tl_site *w, const char *id)
{
    const json_t *f;
    size_t i;
    json_array_foreach(w->findings, i, f) {
        if (is(f, "finding", id))
            return f;
    }
    return NULL;
}

/* Whether this failure is what was isolated, or shows where that does. */
static bool is_of_failure(const struct tl_site *w, const json_t *f, const struct tl_site_failure *failure)
{
    const char *name = tl_member_text(f, "case");
    const json_t *place;
    size_t i;
    json_array_foreach(json_object_get(f, "places"), i, place) {
        if (tl_site_failure_of(w, name, tl_member_text(place, "signature")) == failure)
            return true;
    }
    return tl_site_failure_of(w, name, tl_member_text(json_object_get(f, "signature"), "id")) == failure;
}

static const char *state_of(const json_t *f)
{
    bool complete = tl_member_true(f, "complete");
    if (!tl_member_true(f, "reproduced"))
        return "did not fail";
    if (tl_words_may_be_two(f))
        return complete ? "complete, may be two bugs" : "incomplete, may be two bugs";
    return complete ? "complete" : "incomplete";
}

static void add_rows(const struct tl_site *w, struct tl_buffer *b, const char *up, const json_t *f,
                     bool with_case)
{
    const char *unit = tl_member_text(f, "unit"), *kind = tl_member_text(f, "kind");
    tl_buffer_add_string(b, "<tr><td>");
    tl_site_time(b, tl_member_integer(f, "created_us"));
    tl_buffer_add_string(b, "</td><th scope=\"row\">");
    add_link(w, b, up, f);
    tl_buffer_add_string(b, "</th>");
    if (with_case) {
        tl_buffer_add_string(b, "<td>");
        tl_site_case_link(w, b, up, tl_member_text(f, "case"));
        tl_buffer_add_string(b, "</td>");
    }
    char *clean = tl_site_clean_exact(w, unit ? unit : "", unit ? strlen(unit) : 0, 120);
    tl_buffer_add_string(b, "<td>");
    tl_add_escaped(b, clean);
    free(clean);
    tl_buffer_add_string(b, "</td><td>");
    tl_site_html(w, b, kind, 40);
    tl_buffer_printf(b, "</td><td>%s</td></tr>\n", state_of(f));
}

static void add_head(struct tl_buffer *b, bool with_case)
{
    const char *columns[] = {"found", "finding", with_case ? "case" : "", "unit", "kind", "state", NULL};
    tl_site_list(b, columns);
}

void tl_site_newest_findings(const struct tl_site *w, struct tl_buffer *b, size_t most)
{
    const json_t *f;
    size_t i;
    if (!json_array_size(w->findings))
        return;
    tl_buffer_add_string(b,
                         "<section aria-labelledby=\"findings\"><h2 id=\"findings\">Newest findings</h2>\n");
    tl_site_wide(b, "findings");
    add_head(b, true);
    json_array_foreach(w->findings, i, f) {
        if (i < most)
            add_rows(w, b, "", f, true);
    }
    tl_buffer_add_string(
        b, "</tbody></table></div>\n<p><a href=\"findings.html\">All findings</a></p></section>\n");
}

void tl_site_findings_of(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *case_name,
                         const struct tl_site_failure *failure)
{
    const json_t *f;
    size_t i, n = 0, drawn = 0, before = b->size;
    json_array_foreach(w->findings, i, f) {
        if (!is(f, "case", case_name) || (failure && !is_of_failure(w, f, failure)) ||
            b->size - before > TL_SITE_PART)
            continue;
        if (!n++) {
            tl_buffer_add_string(b,
                                 "<section aria-labelledby=\"findings\"><h2 id=\"findings\">Findings</h2>\n");
            tl_site_wide(b, "findings");
            add_head(b, false);
        }
        add_rows(w, b, up, f, false);
    }
    if (!n)
        return;
    tl_buffer_add_string(b, "</tbody></table></div>\n");
    tl_buffer_add_string(b, failure ? "" : "<div class=\"frontiers\">\n");
    json_array_foreach(w->findings, i, f) {
        if (failure || !is(f, "case", case_name) || !is(f, "kind", "frontier") || drawn == DRAWN_MOST)
            continue;
        /* The list has no paths: those of the few that are drawn are read again. */
        struct tl_report_sources r;
        struct tl_error gone;
        const char *id = tl_member_text(f, "finding");
        if (id && !tl_report_load(w->s, id, &r, &gone)) {
            char *svg = tl_frontier_svg(r.finding);
            if (svg && strlen(svg) < TL_SITE_PART / 2) {
                tl_buffer_printf(b,
                                 "<figure>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" "
                                 "aria-label=\"Frontier\">\n%s</div>\n<figcaption>",
                                 svg);
                add_link(w, b, up, f);
                tl_buffer_add_string(
                    b, ": rings pass, dots and all that is filled fail.</figcaption>\n</figure>\n");
                drawn++;
            }
            free(svg);
        }
        tl_report_release(&r);
    }
    tl_buffer_add_string(b, failure ? "</section>\n" : "</div>\n</section>\n");
}

/* What else there is about it, before its report. */
static void add_links(const struct tl_site *w, struct tl_buffer *b, const json_t *f)
{
    static const struct {
        const char *name, *text;
    } evidence[] = {{"trial", "the trial that stands for it"}, {"control", "a trial that passed next to it"}};
    const json_t *signature = json_object_get(f, "signature");
    tl_buffer_add_string(b, "<p class=\"where\"><a href=\"../index.html\">Overview</a> / <a "
                            "href=\"../findings.html\">Findings</a></p>\n"
                            "<p>Case ");
    tl_site_case_link(w, b, "../", tl_member_text(f, "case"));
    if (tl_member_text(signature, "id")) {
        tl_buffer_add_string(b, "; failure ");
        tl_site_failure_link(w, b, "../", tl_member_text(f, "case"), tl_member_text(signature, "id"),
                             tl_member_text(signature, "title"));
    }
    for (size_t i = 0; i < TL_COUNT(evidence); i++) {
        const char *id = tl_member_text(json_object_get(f, "evidence"), evidence[i].name);
        if (!id)
            continue;
        char *clean = tl_site_clean(w, id, strlen(id), 64);
        tl_buffer_add_string(b, "; <a href=\"../trial.html#");
        tl_site_url(b, clean);
        tl_buffer_printf(b, "\">%s</a>", evidence[i].text);
        free(clean);
    }
    tl_buffer_add_string(b, ".</p>\n");
}

/* The text of a report is what the report of the command has, kept within what a file may hold. */
static int write_finding(struct tl_site *w, const json_t *listed, struct tl_error *e)
{
    const char *id = tl_member_text(listed, "finding");
    struct tl_report_sources r;
    struct tl_error damaged;
    char *page_name = page_of(listed), *file = tl_format("finding/%s.html", page_name),
         *title = tl_report_title(listed), *clean = tl_site_clean(w, title, strlen(title), 300);
    struct tl_buffer b = TL_BUFFER_INIT, blocks = TL_BUFFER_INIT;
    tl_site_head(w, &b, &(struct tl_site_frame){clean, "findings", "../", "times"});
    tl_buffer_add_string(&b, "<div class=\"report\">\n");
    add_links(w, &b, listed);
    if (!tl_report_load(w->s, id ? id : "", &r, &damaged)) {
        struct tl_report_source source = {.finding = r.finding,
                                          .failing = r.has_failing ? &r.failing : NULL,
                                          .control = r.has_control ? &r.control : NULL,
                                          .elsewhere = r.elsewhere,
                                          .keep_paths = w->o->keep_paths,
                                          .redaction = &w->redaction};
        json_t *report = tl_report_new(&source), *page = tl_report_page(report, TL_EXTENT_FULL);
        tl_page_html_blocks(&blocks, page);
        json_decref(page);
        json_decref(report);
    } else {
        tl_buffer_add_string(&blocks, "<p>The document of this finding cannot be read.</p>\n");
    }
    if (blocks.size > REPORT_MOST) {
        tl_buffer_clear(&blocks);
        tl_buffer_add_string(&blocks, "<p>The report is too long for a page here; <code>trapline report ");
        tl_site_html(w, &blocks, id, 64);
        tl_buffer_add_string(&blocks, "</code> writes it.</p>\n");
    }
    tl_buffer_add(&b, blocks.data, blocks.size);
    tl_buffer_add_string(&b, "</div>\n");
    int rc = tl_site_page_end(w, &b, file, e);
    tl_report_release(&r);
    tl_buffer_free(&blocks);
    free(clean);
    free(title);
    free(file);
    free(page_name);
    return rc;
}

int tl_site_write_findings(struct tl_site *w, struct tl_error *e)
{
    struct tl_site_table t = {.w = w,
                              .base = "findings",
                              .frame = {"Findings", "findings", "", "table"},
                              .label = "Findings",
                              .most = TL_SITE_LIST};
    const json_t *f;
    size_t i;
    tl_buffer_add_string(&t.before,
                         "<h1>Findings</h1>\n<p class=\"quiet\">What isolations found, newest first.</p>\n");
    if (!json_array_size(w->findings))
        tl_buffer_add_string(&t.before,
                             "<p>There is none yet: <code>trapline isolate CASE</code> makes one.</p>\n");
    add_head(&t.head, true);
    json_array_foreach(w->findings, i, f) {
        if (tl_site_tell(w, "writing findings", i, json_array_size(w->findings), e) ||
            write_finding(w, f, e) || tl_site_table_row(&t, e))
            return -1;
        add_rows(w, &t.rows, "", f, true);
    }
    return tl_site_table_end(&t, e);
}
