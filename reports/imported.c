#include "reports/imported.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/text_file.h"
#include "harness/base/utf8.h"
#include "reports/bundle/place.h"
#include "reports/finding/finding.h"
#include "reports/finding/sections.h"
#include "reports/finding/title.h"
#include "reports/finding/title_failure.h"
#include "reports/finding/title_message.h"
#include "reports/json_text.h"
#include "reports/junit.h"
#include "reports/members.h"
#include "reports/redact/redact.h"
#include "reports/system_reports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char doing[] = "cannot write the bundle";

/* What stands in a finding's document and is known of a trial that nobody looked into. */
static json_t *as_finding(const struct tl_trial_record *r, const json_t *trial)
{
    const struct tl_system_report *from = tl_trial_imported(r);
    json_t *signature = json_pack("{s:s,s:o,s:s,s:o}", "id", r->signature.id, "title",
                                  tl_string_json(r->signature.title), "coarse_id", r->signature.coarse_id,
                                  "coarse_title", tl_string_json(r->signature.coarse_title));
    json_t *environment =
        json_pack("{s:o,s:o,s:o,s:o}", "os", tl_string_json(from ? from->os : NULL), "os_build",
                  tl_string_json(from ? from->os_build : NULL), "model",
                  tl_string_json(from ? from->model : NULL), "cpu", tl_string_json(from ? from->cpu : NULL));
    json_t *f = json_pack("{s:o,s:o,s:{s:s}}", "signature", signature, "environment", environment, "evidence",
                          "trial", r->id);
    static const char *const same[] = {"outcome", "phase", "signal", "exit_status", "message", "unit"};
    for (size_t i = 0; i < TL_COUNT(same); i++)
        json_object_set(f, same[i], json_object_get(trial, same[i]));
    json_object_set_new(f, "case", tl_string_json(r->case_name));
    if (r->phase == TL_PHASE_START) /* a report does not tell it */
        json_object_del(f, "phase");
    return f;
}

/* "Python on Mac16,5, macOS 26.3 (25D125)", with as many of these parts as leave room for what happened. */
static char *make_where(const struct tl_system_report *from)
{
    const char *parts[] = {from ? from->model : NULL, from ? from->os : NULL, from ? from->os_build : NULL},
               *joints[] = {" on ", ", ", " "};
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_inline_text(&b, from && from->process ? from->process : "a process");
    for (size_t i = 0; i < TL_COUNT(parts); i++)
        if (parts[i] &&
            tl_title_characters(b.data) + tl_title_characters(parts[i]) + 4 <= TL_TITLE_MOST / 2) {
            tl_buffer_add_string(&b, joints[i]);
            tl_inline_text(&b, parts[i]);
        }
    char *where = tl_title_fit(b.data, TL_TITLE_MOST / 2);
    tl_buffer_free(&b);
    return where;
}

static char *make_title(const struct tl_trial_record *r, const json_t *finding)
{
    struct tl_title_failure failure;
    char *where = make_where(tl_trial_imported(r));
    tl_title_failure_find(finding, &failure);
    char *what = tl_title_failure_text(&failure, TL_TITLE_MOST - tl_title_characters(where) - strlen(": "),
                                       false),
         *title = tl_format("%s: %s", where, what), *clean = tl_clean_text(title, strlen(title), false);
    tl_title_failure_free(&failure);
    free(where);
    free(what);
    free(title);
    return clean;
}

static json_t *make(const struct tl_imported_source *s, struct tl_redaction *redaction)
{
    json_t *trial = tl_report_trial(s->trial), *finding = as_finding(s->trial, trial);
    char *title = make_title(s->trial, finding);
    json_t *report = json_pack("{s:i,s:s,s:o,s:O?}", "report", 1, "title", title, "finding", finding,
                               "matches", s->matches);
    free(title);
    json_object_set_new(report, "failing_trial", trial);
    if (!redaction)
        return report;
    tl_redaction_add_hosts(redaction, s->hosts);
    tl_system_reports_learn(s->trial, redaction);
    json_t *redacted = tl_redact_json(redaction, report);
    json_decref(report);
    return redacted;
}

json_t *tl_imported_report(const struct tl_imported_source *s)
{
    struct tl_redaction r = {0};
    if (!s->keep_paths)
        tl_redaction_init(&r);
    json_t *report = make(s, s->keep_paths ? NULL : &r);
    tl_redaction_free(&r);
    return report;
}

/* ---- the page ---- */

static void add_environment(const struct tl_sections *r)
{
    static const char *const head[] = {"field", "value"};
    static const struct {
        const char *name, *key;
    } fields[] = {{"OS", "os"}, {"OS build", "os_build"}, {"Machine", "model"}, {"CPU", "cpu"}};
    const json_t *environment = json_object_get(r->finding, "environment");
    json_t *rows = tl_page_table(r->page, 2, head);
    for (size_t i = 0; i < TL_COUNT(fields); i++) {
        struct tl_buffer value = TL_BUFFER_INIT;
        if (!*tl_member_or(environment, fields[i].key, ""))
            continue;
        tl_inline_text(&value, tl_member_text(environment, fields[i].key));
        char *cells[] = {tl_strdup(fields[i].name), tl_buffer_take(&value)};
        tl_page_row(rows, false, 2, cells);
    }
}

static void add_reports(const struct tl_sections *r)
{
    static const char *const head[] = {"field", "value"};
    const json_t *j, *row;
    size_t i, k;
    json_array_foreach(json_object_get(r->failing, "reports"), i, j) {
        char *heading = tl_system_report_heading(j);
        struct tl_buffer text = TL_BUFFER_INIT;
        tl_inline_text(&text, heading);
        tl_page_heading(r->page, 2, text.data);
        tl_buffer_free(&text);
        free(heading);
        json_t *list = tl_system_report_rows(j), *rows = tl_page_table(r->page, 2, head);
        json_array_foreach(list, k, row) {
            struct tl_buffer value = TL_BUFFER_INIT;
            tl_inline_text(&value, json_string_value(json_array_get(row, 1)));
            char *cells[] = {tl_strdup(json_string_value(json_array_get(row, 0))), tl_buffer_take(&value)};
            tl_page_row(rows, false, 2, cells);
        }
        json_decref(list);
    }
}

static void add_matches(const struct tl_sections *r, const json_t *matches)
{
    static const char *const head[] = {"agrees", "case", "unit", "trials", "signature", "title"};
    static const char *const names[] = {"how", "case", "unit", NULL, "signature", "title"};
    const json_t *m;
    size_t i;
    tl_page_heading(r->page, 2, "Seen in trials of one's own");
    if (!json_array_size(matches)) {
        tl_page_words(r->page, "No trial in this database failed in the same way.");
        return;
    }
    json_t *rows = tl_page_table(r->page, TL_COUNT(head), head);
    json_array_foreach(matches, i, m) {
        char *cells[TL_COUNT(names)];
        for (size_t k = 0; k < TL_COUNT(names); k++) {
            struct tl_buffer b = TL_BUFFER_INIT;
            tl_inline_text(&b, names[k] ? tl_member_or(m, names[k], "unknown") : "");
            cells[k] =
                names[k] ? tl_buffer_take(&b) : tl_format("%lld", (long long)tl_member_integer(m, "trials"));
            if (!names[k])
                tl_buffer_free(&b);
        }
        tl_page_row(rows, false, TL_COUNT(cells), cells);
    }
}

static void add_attached(const struct tl_sections *r)
{
    const json_t *file;
    size_t i;
    if (!json_array_size(json_object_get(r->bundle, "files")))
        return;
    tl_page_heading(r->page, 2, "Attached");
    json_array_foreach(json_object_get(r->bundle, "files"), i, file) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_inline_code(&b, tl_member_text(file, "name"));
        tl_buffer_add_string(&b, ": ");
        tl_inline_text(&b, tl_member_text(file, "about"));
        tl_page_item(r->page, tl_buffer_take(&b));
    }
}

static json_t *page_of(const json_t *report, enum tl_extent extent)
{
    const struct tl_sections r = {.page = json_array(),
                                  .finding = json_object_get(report, "finding"),
                                  .failing = json_object_get(report, "failing_trial"),
                                  .bundle = json_object_get(report, "bundle"),
                                  .extent = extent};
    tl_page_heading(r.page, 1, tl_member_or(report, "title", "unknown"));
    tl_page_words(
        r.page,
        "Made from a report that the system wrote. Trapline did not run this: how often it happens, and "
        "what triggers it, is not known from here.");
    tl_section_failure(&r);
    tl_section_message(&r);
    tl_section_stacks(&r);
    tl_section_machine(&r);
    add_environment(&r);
    if (extent != TL_EXTENT_SHORT)
        add_reports(&r);
    add_matches(&r, json_object_get(report, "matches"));
    add_attached(&r);
    return r.page;
}

char *tl_imported_markdown(const json_t *report, enum tl_extent extent)
{
    json_t *page = page_of(report, extent);
    char *text = tl_page_markdown_within(page, extent == TL_EXTENT_SHORT ? TL_EXTENT_WIDTH : 0);
    json_decref(page);
    return text;
}

char *tl_imported_html(const json_t *report, enum tl_extent extent)
{
    json_t *page = page_of(report, extent);
    char *text = tl_page_html(page, tl_member_or(report, "title", "trapline"));
    json_decref(page);
    return text;
}

char *tl_imported_junit(const json_t *report)
{
    const json_t *f = json_object_get(report, "finding"), *trial = json_object_get(report, "failing_trial");
    struct tl_buffer body = TL_BUFFER_INIT;
    struct tl_junit j;
    struct tl_junit_test t = {
        .case_name = tl_member_text(f, "case"),
        .unit = tl_member_text(f, "unit"),
        .result = TL_JUNIT_FAILURE,
        .type = tl_member_or(f, "outcome", "crash"),
        .message = tl_member_text(report, "title"),
        .seconds = json_number_value(json_object_get(trial, "wall_s")),
    };
    tl_junit_add_trial(&body, tl_member_text(f, "message"), trial);
    t.body = body.data;
    tl_junit_begin(&j);
    tl_junit_suite(&j, tl_member_or(f, "case", "imported"), tl_member_integer(trial, "started_us"), 0);
    tl_junit_property(&j, "trial", tl_member_text(trial, "id"));
    tl_junit_property(&j, "imported", "true");
    tl_junit_property(&j, "unit", tl_member_text(f, "unit"));
    tl_junit_environment(&j, json_object_get(f, "environment"));
    tl_junit_test(&j, &t);
    tl_buffer_free(&body);
    return tl_junit_end(&j);
}

/* ---- the bundle ---- */

static void have(void *arg, const char *name, const char *about)
{
    json_array_append_new(arg, json_pack("{s:s,s:s}", "name", name, "about", about));
}

static int write_text(const char *directory, const char *name, const char *text, struct tl_error *e)
{
    char *path = tl_format("%s/%s", directory, name);
    int rc = tl_replace_text(path, text, false);
    if (rc)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, path, "the disk may be full");
    free(path);
    return rc;
}

static int write_formats(const char *directory, const json_t *report, struct tl_error *e)
{
    char *markdown = tl_imported_markdown(report, TL_EXTENT_PAGE),
         *html = tl_imported_html(report, TL_EXTENT_PAGE), *json = json_dumps(report, JSON_INDENT(2));
    int rc = write_text(directory, "report.md", markdown, e);
    if (rc == 0)
        rc = write_text(directory, "report.html", html, e);
    if (rc == 0)
        rc = write_text(directory, "report.json", json, e);
    free(markdown);
    free(html);
    free(json);
    return rc;
}

static void measure(const char *directory, json_t *files)
{
    json_t *file;
    size_t i;
    json_array_foreach(files, i, file) {
        char *path = tl_format("%s/%s", directory, tl_member_or(file, "name", ""));
        struct stat st;
        if (!stat(path, &st))
            json_object_set_new(file, "size", json_integer((json_int_t)st.st_size));
        free(path);
    }
}

int tl_imported_bundle(const struct tl_imported_source *s, const char *target, bool force, json_t **written,
                       struct tl_error *e)
{
    struct tl_bundle_place place;
    struct tl_redaction r = {0};
    if (tl_bundle_place_begin(&place, target, force, e))
        return -1;
    if (!s->keep_paths)
        tl_redaction_init(&r);
    json_t *report = make(s, s->keep_paths ? NULL : &r), *files = json_array();
    json_object_set_new(report, "bundle", json_pack("{s:O}", "files", files));
    have(files, "report.md", "this report");
    have(files, "report.html", "this report, to be looked at in a browser");
    have(files, "report.json", "everything this report is made from");
    int rc = 0;
    if (tl_system_reports_write(s->trial, s->keep_paths ? NULL : &r, place.stage.path, "reports", have,
                                files))
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, place.stage.path, "the disk may be full");
    if (rc == 0)
        rc = write_formats(place.stage.path, report, e);
    measure(place.stage.path, files);
    rc = tl_bundle_place_end(&place, rc, files, s->trial->started_us / 1000000, e);
    if (rc == 0)
        *written = json_incref(files);
    json_decref(report);
    json_decref(files);
    tl_redaction_free(&r);
    return rc;
}
