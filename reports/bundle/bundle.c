/* A directory with which the failure can be shown to somebody who has no trapline.
 *
 *   report.md report.html report.json    the report
 *   case.json                            the minimal case of the finding
 *   environment.json                     where it was measured
 *   model.onnx options.json inputs/ …    of the minimal variant, and in control/ of the neighbour that passed
 *   repro.c repro.py                     run either of them
 *   reports/ control-reports/            what the system wrote about their trials: crash reports of macOS
 *   repro.sh                             instead of those, where there is no such model: the commands of
 *                                        the case, or the runner alone (trial.py, trial.json)
 *   files/ made/ model/                  what they need: scripts and data of the case, and the model
 *
 * It is put together in a directory beside the target, which then becomes the target by rename or goes into
 * an archive. Model and inputs come from the runner, which is asked to write them down instead of running
 * them. What could not be had is a sentence in the report, never a failure: a bundle without a model is still
 * worth sending. */
#include "reports/bundle/bundle.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "reports/bundle/minimal_case.h"
#include "reports/bundle/parts.h"
#include "reports/bundle/place.h"
#include "reports/finding/reduction_values.h"
#include "reports/graph_svg.h"
#include "reports/members.h"
#include "reports/system_reports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char doing[] = "cannot write the bundle";

/* The model of another runtime than ONNX Runtime, as runner.c places it. */
static void name_model(const struct tl_bundle *b, json_t *model)
{
    const char *file = tl_member_text(model, "file");
    char *const names[] = {tl_format("model/%s", tl_base_name(file)), tl_layout_relative(&b->layout, file)};
    bool found = false;
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        char *path = names[i] ? tl_format("%s/%s", b->stage, names[i]) : NULL;
        if (path && !found && !access(path, F_OK))
            found = !json_object_set_new(model, "file", json_string(names[i]));
        free(path);
    }
    for (size_t i = 0; i < TL_COUNT(names); i++)
        free(names[i]);
}

static int write_case(struct tl_bundle *b, bool has_model, struct tl_error *e)
{
    if (!b->o->case_document) {
        tl_bundle_leave_out(b, tl_strdup("the case file: its text is not in the database"));
        return 0;
    }
    json_t *minimal = tl_minimal_case(b->o->case_document, b->source->finding);
    json_t *model = json_object_get(minimal, "model");
    tl_bundle_case_files(b, minimal);
    if (tl_member_text(model, "file") && has_model && !strchr(tl_member_text(model, "file"), '{'))
        json_object_set_new(model, "file", json_string("model.onnx"));
    else if (!tl_member_text(model, "family") && !b->layout.case_at)
        tl_bundle_leave_out(
            b,
            tl_strdup("the programs and files that case.json names; their paths are those of the machine on "
                      "which it was measured"));
    else if (tl_member_text(model, "file"))
        name_model(b, model);
    tl_bundle_place_case(b, minimal);
    if (!b->source->keep_paths) {
        json_t *redacted = tl_redact_json(&b->redaction, minimal);
        json_decref(minimal);
        minimal = redacted;
    }
    int rc = tl_bundle_write_json(b, "case.json", minimal,
                                  "the case file, with only the values that matter to this finding", e);
    json_decref(minimal);
    return rc;
}

/* The graphs that are left of a model, which the report shows. */
static int write_pictures(struct tl_bundle *b, struct tl_error *e)
{
    static const char *const pictures[][3] = {
        {"graph", TL_REDUCTION_PICTURE, "the graph that is left of the model"},
        {"structural_graph", TL_REDUCTION_STRUCTURAL_PICTURE,
         "the graph that is fed with the original's inputs"}};
    const json_t *reduction = json_object_get(json_object_get(b->report, "finding"), "reduction");
    int rc = 0;
    for (size_t i = 0; i < TL_COUNT(pictures) && rc == 0; i++) {
        char *svg = tl_graph_svg(json_object_get(reduction, pictures[i][0]), true);
        rc = svg ? tl_bundle_write_text(b, pictures[i][1], svg, pictures[i][2], e) : 0;
        free(svg);
    }
    return rc;
}

static int write_reports(struct tl_bundle *b, struct tl_error *e)
{
    if (write_pictures(b, e))
        return -1;
    tl_bundle_have(b, "report.md", "this report");
    tl_bundle_have(b, "report.html", "the whole report, to be looked at in a browser");
    tl_bundle_have(b, "report.json", "everything this report is made from");
    char *markdown = tl_report_markdown(b->report, TL_EXTENT_PAGE),
         *html = tl_report_html(b->report, TL_EXTENT_FULL);
    int rc = tl_bundle_write_text(b, "report.md", markdown, NULL, e);
    if (rc == 0)
        rc = tl_bundle_write_text(b, "report.html", html, NULL, e);
    if (rc == 0)
        rc = tl_bundle_write_json(b, "report.json", b->report, NULL, e);
    free(markdown);
    free(html);
    return rc;
}

static void on_report_written(void *arg, const char *name, const char *about)
{
    tl_bundle_have(arg, name, about);
}

/* What the system wrote about the trials of both sides. */
static int write_system_reports(struct tl_bundle *b, struct tl_error *e)
{
    static const char *const folders[] = {"reports", "control-reports"};
    const struct tl_trial_record *const trials[] = {b->source->failing, b->source->control};
    for (size_t i = 0; i < TL_COUNT(trials); i++)
        if (trials[i] && tl_system_reports_write(trials[i], b->source->keep_paths ? NULL : &b->redaction,
                                                 b->stage, folders[i], on_report_written, b))
            return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, folders[i], "the disk may be full");
    return 0;
}

static bool is_onnxruntime(const json_t *finding)
{
    const char *runner = tl_member_text(finding, "runner"), *slash = runner ? strrchr(runner, '/') : NULL;
    runner = slash ? slash + 1 : runner;
    return runner && (!strcmp(runner, "onnxruntime") || !strcmp(runner, "trapline-onnxruntime"));
}

static int fill(struct tl_bundle *b, struct tl_error *e)
{
    json_object_set_new(
        b->report, "bundle",
        json_pack("{s:O,s:O,s:O}", "files", b->files, "left_out", b->left_out, "proved", b->proved));
    if (b->source->beside)
        json_object_set(json_object_get(b->report, "bundle"), "beside",
                        (json_t *)(uintptr_t)b->source->beside);
    bool ort = is_onnxruntime(b->source->finding), model = false;
    const json_t *environment = json_object_get(json_object_get(b->report, "finding"), "environment");
    int rc = ort ? tl_bundle_write_onnxruntime(b, &model, e) : 0;
    if (rc == 0)
        rc = tl_bundle_write_files(b, e);
    char *unit = tl_unit_in_bundle(b, tl_member_or(b->source->finding, "unit", ""));
    if (unit)
        json_object_set_new(json_object_get(b->report, "bundle"), "unit", json_string(unit));
    free(unit);
    if (rc == 0 && !model)
        rc = tl_bundle_write_commands(b, ort, e);
    if (rc == 0)
        rc = tl_bundle_write_structural(b, e);
    if (rc == 0)
        rc = write_case(b, model, e);
    if (rc == 0)
        rc = tl_bundle_write_json(b, "environment.json", environment, "where it was measured", e);
    if (rc == 0)
        rc = write_system_reports(b, e);
    if (rc == 0 && tl_member_text(json_object_get(b->report, "bundle"), "script"))
        rc = tl_bundle_prove_script(b, e);
    tl_bundle_measure(b);
    /* What is handed over has the last word. */
    tl_reduction_take_back(json_object_get(json_object_get(b->report, "finding"), "reduction"), b->proved);
    return rc == 0 ? write_reports(b, e) : -1;
}

int tl_bundle_write(const struct tl_report_source *source, const struct tl_bundle_options *o,
                    json_t **written, struct tl_error *e)
{
    struct tl_bundle b = {
        .source = source, .o = o, .files = json_array(), .left_out = json_array(), .proved = json_array()};
    struct tl_bundle_place place;
    *written = NULL;
    tl_redaction_init(&b.redaction);
    tl_report_learn_places(source, &b.redaction);
    int rc = tl_bundle_place_begin(&place, o->target, o->force, e);
    if (rc == 0) {
        b.stage = place.stage.path;
        b.report = tl_report_new(source);
        rc = fill(&b, e);
        tl_bundle_measure(&b); /* of the reports, too: they say nothing of their own size */
        rc = tl_bundle_place_end(&place, rc, b.files,
                                 (int64_t)(tl_member_integer(source->finding, "created_us") / 1000000), e);
    }
    if (rc == 0)
        *written = json_incref(json_object_get(b.report, "bundle"));
    json_decref(b.files);
    json_decref(b.left_out);
    json_decref(b.proved);
    json_decref(b.without_here);
    json_decref(b.inputs);
    json_decref(b.expected);
    json_decref(b.report);
    tl_layout_free(&b.layout);
    tl_redaction_free(&b.redaction);
    return rc;
}
