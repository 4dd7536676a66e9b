/* A directory with which the failure can be shown to somebody who has no trapline.
 *
 *   report.md report.html report.json    the report
 *   case.json                            the minimal case of the finding
 *   environment.json                     where it was measured
 *   model.onnx options.json inputs/ …    of the minimal variant, and in control/ of the neighbour that passed
 *   repro.c repro.py                     run either of them
 *   reports/ control-reports/            what the system wrote about their trials: crash reports of macOS
 *   commands.sh                          instead of those, where there is no such model: the commands of
 *                                        the case, or the runner alone
 *
 * It is put together in a directory beside the target, which then becomes the target by rename or goes into
 * an archive. Model and inputs come from the runner, which is asked to write them down instead of running
 * them. What could not be had is a sentence in the report, never a failure: a bundle without a model is still
 * worth sending. */
#include "reports/bundle.h"

#include "harness/base/files.h"
#include "harness/base/program.h"
#include "reports/bundle_place.h"
#include "reports/commands.h"
#include "reports/finding_words.h"
#include "reports/json_text.h"
#include "reports/minimal_case.h"
#include "reports/redact.h"
#include "reports/repro.h"
#include "reports/system_reports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DUMP_SECONDS 300
#define JSON_MOST (64u << 20)

static const char doing[] = "cannot write the bundle";

struct bundle {
    const struct tl_report_source *source;
    const struct tl_bundle_options *o;
    const char *stage; /* the directory it is put together in */
    json_t *report;
    json_t *files;    /* [{"name","about"}] */
    json_t *left_out; /* sentences */
    struct tl_redaction redaction;
};

static void leave_out(struct bundle *b, char *sentence)
{
    char *text = b->source->keep_paths ? tl_strdup(sentence) : tl_redact(&b->redaction, sentence);
    json_array_append_new(b->left_out, tl_string_json(text));
    free(text);
    free(sentence);
}

static void have(struct bundle *b, const char *name, const char *about)
{
    json_array_append_new(b->files, json_pack("{s:s,s:s}", "name", name, "about", about));
}

/* The same for a file whose name and words are made; both are taken over. */
static void have_made(struct bundle *b, char *name, char *about)
{
    have(b, name, about);
    free(name);
    free(about);
}

static int write_text(struct bundle *b, const char *name, const char *text, const char *about,
                      struct tl_error *e)
{
    char *path = tl_format("%s/%s", b->stage, name);
    int rc = tl_replace_file(path, text, strlen(text), 0666, false);
    if (rc)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, path, "the disk may be full");
    if (rc == 0 && about)
        have(b, name, about);
    free(path);
    return rc;
}

static int write_json(struct bundle *b, const char *name, const json_t *document, const char *about,
                      struct tl_error *e)
{
    char *text = json_dumps(document, JSON_INDENT(2));
    char *line = tl_format("%s\n", text ? text : "null");
    int rc = write_text(b, name, line, about, e);
    free(line);
    free(text);
    return rc;
}

static json_t *read_json(const char *directory, const char *name)
{
    size_t size;
    char *path = tl_format("%s/%s", directory, name), *text = tl_read_file(path, JSON_MOST, &size);
    json_t *j = text ? json_loadb(text, size, 0, NULL) : NULL;
    free(text);
    free(path);
    return j;
}

/* Why the runner did not do it, from the last of its messages. */
static char *why_not(const struct tl_buffer *messages, int status)
{
    char *why = NULL;
    for (char *rest = messages->data, *line; rest && (line = strsep(&rest, "\n"));) {
        json_t *m = json_loads(line, 0, NULL);
        const char *said = tl_member_text(json_object_get(m, "error"), "message");
        said = said ? said : tl_member_text(m, "unsupported");
        if (said) {
            free(why);
            why = tl_strdup(said);
        }
        json_decref(m);
    }
    if (!why && status != -1 && WIFSIGNALED(status))
        why = tl_format("the runner died of %s", tl_signal_name(WTERMSIG(status)));
    return why ? why : tl_strdup("the runner could not be run");
}

/* Lets the runner write a trial's files down instead of running it. Returns why it may not have done it, for
 * what turns out to be missing; the caller's. */
static char *run_runner(const struct bundle *b, json_t *request, const char *directory)
{
    json_object_del(request, "id");
    json_object_del(request, "scratch");
    json_object_del(request, "outputs");
    json_object_set_new(request, "dump", json_string(directory));
    if (b->o->build_object)
        json_object_set(request, "build", (json_t *)b->o->build_object);
    char *text = json_dumps(request, JSON_COMPACT);
    const char *argv[] = {b->o->runner_path, "--trial", text, NULL};
    struct tl_buffer messages = TL_BUFFER_INIT, said = TL_BUFFER_INIT;
    struct tl_program p = {
        .argv = argv, .out = &messages, .err = &said, .timeout_s = DUMP_SECONDS, .status = -1};
    struct tl_error gone; /* that it did not start, or not end, is in its status */
    tl_program_run(&p, &gone);
    char *why = why_not(&messages, p.status);
    tl_buffer_free(&messages);
    tl_buffer_free(&said);
    free(text);
    return why;
}

/* What a dump consists of: the model with its options and weights, and the inputs. */
static void list_dump(struct bundle *b, bool model, const json_t *options, const json_t *inputs,
                      const char *where, const char *whose)
{
    const json_t *weights, *input;
    size_t i;
    if (model) {
        have_made(b, tl_format("%smodel.onnx", where), tl_format("the model of %s", whose));
        have_made(b, tl_format("%soptions.json", where), tl_format("session options of %s", whose));
    }
    json_array_foreach(json_object_get(options, "external"), i, weights) {
        const char *file = json_string_value(weights);
        if (file && !strchr(file, '/'))
            have_made(b, tl_format("%s%s", where, file), tl_strdup("weights of that model"));
    }
    json_array_foreach(inputs, i, input)
        have_made(b, tl_format("%s%s", where, tl_member_text(input, "npy")),
                  tl_format("input %s of %s", tl_member_text(input, "name"), whose));
    if (inputs)
        have_made(b, tl_format("%sinputs.json", where), tl_strdup("names, types and shapes of the inputs"));
}

/* Model, inputs and options of a trial into STAGE/WHERE ("" or "control/"). Whether there is a model is in
 * the result; everything that is missing is said. */
static bool dump(struct bundle *b, const struct tl_trial_record *r, const char *where, const char *whose)
{
    json_t *request = r && r->request ? json_loads(r->request, 0, NULL) : NULL;
    char *directory = tl_format("%s/%s", b->stage, where), *model = tl_format("%smodel.onnx", directory),
         *why;
    mkdir(directory, 0777);
    if (!r)
        why = tl_strdup("no trial of it is known");
    else if (!request)
        why = tl_strdup("the request of its trial is not known");
    else if (!b->o->runner_path)
        why = tl_strdup("the runner is not installed here");
    else
        why = run_runner(b, request, directory);
    bool there = access(model, R_OK) == 0;
    json_t *inputs = read_json(directory, "inputs.json"), *options = read_json(directory, "options.json");
    list_dump(b, there, options, inputs, where, whose);
    if (!there || !inputs)
        leave_out(b, tl_format("the %s of %s: %s", there ? "inputs" : "model", whose, why));
    if (!there && *where)
        rmdir(directory); /* of the control; the stage itself stays, though it may be empty as yet */
    json_decref(options);
    json_decref(inputs);
    json_decref(request);
    free(why);
    free(model);
    free(directory);
    return there;
}

static char *variant_words(const json_t *variant)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_words_variant(&b, variant);
    return tl_inline_plain(tl_buffer_take(&b));
}

static int write_repro(struct bundle *b, bool has_control, struct tl_error *e)
{
    const json_t *finding = json_object_get(b->report, "finding");
    const char *title = tl_member_text(b->report, "title"),
               *version = tl_member_text(json_object_get(finding, "build"), "version");
    char *control_directory = tl_format("%s/control", b->stage);
    json_t *options = read_json(b->stage, "options.json"), *inputs = read_json(b->stage, "inputs.json"),
           *control_options = has_control ? read_json(control_directory, "options.json") : NULL,
           *control_inputs = has_control ? read_json(control_directory, "inputs.json") : NULL;
    char *about = variant_words(json_object_get(json_object_get(b->report, "failing_trial"), "variant")),
         *control_about =
             variant_words(json_object_get(json_object_get(b->report, "control_trial"), "variant"));
    struct tl_repro_side failing = {"", about, options, inputs},
                         control = {"control/", control_about, control_options, control_inputs};
    char *summary = tl_inline_plain(tl_words_summary(finding)),
         *c = tl_repro_c(title, summary, &failing, &control),
         *python = tl_repro_python(title, summary, version, &failing, &control);
    int rc = write_text(b, "repro.c", c, "runs the model with ONNX Runtime's library and nothing else", e);
    if (rc == 0)
        rc = write_text(b, "repro.py", python, "the same with onnxruntime and numpy", e);
    json_object_set_new(json_object_get(b->report, "bundle"), "repro", json_true());
    free(c);
    free(python);
    free(summary);
    free(about);
    free(control_about);
    free(control_directory);
    json_decref(options);
    json_decref(inputs);
    json_decref(control_options);
    json_decref(control_inputs);
    return rc;
}

static int write_commands(struct bundle *b, bool ort, struct tl_error *e)
{
    const json_t *trials[] = {json_object_get(b->report, "failing_trial"),
                              json_object_get(b->report, "control_trial")};
    char *lines[2] = {tl_steps_commands(trials[0]), tl_steps_commands(trials[1])};
    bool steps = lines[0];
    for (size_t i = 0; i < 2; i++)
        lines[i] = steps ? lines[i] : tl_runner_command(trials[i]);
    char *head = steps ? tl_strdup("# The commands of the case and nothing of trapline; run them in an empty "
                                   "directory.\n")
                       : tl_format("# There is no reproducer without trapline for this finding: %s.\n"
                                   "# These run the runner alone; its messages go to stdout.\n",
                                   ort ? "no model of the minimal variant could be written down"
                                       : "its runner is part of what is tested");
    /* Each finds nothing that the other made. */
    char *text = tl_format(
        "#!/bin/sh\n%s\n# the minimal variant, which fails\n%s%s\n# the neighbour that "
        "passed\n%s%s",
        head, steps ? "mkdir failing && cd failing || exit 2\n" : "", lines[0] ? lines[0] : "# unknown\n",
        steps ? "mkdir ../control && cd ../control || exit 2\n" : "", lines[1] ? lines[1] : "# unknown\n");
    int rc =
        write_text(b, "commands.sh", text,
                   steps ? "the commands of the case alone" : "the command lines of the runner alone", e);
    leave_out(b, tl_format("repro.c and repro.py: %s; see commands.sh",
                           ort ? "there is no model for them to run"
                               : "this runner does not run a model in ONNX Runtime"));
    free(text);
    free(head);
    free(lines[0]);
    free(lines[1]);
    return rc;
}

static int write_case(struct bundle *b, bool has_model, struct tl_error *e)
{
    if (!b->o->case_document) {
        leave_out(b, tl_strdup("the case file: its text is not in the database"));
        return 0;
    }
    json_t *minimal = tl_minimal_case(b->o->case_document, b->source->finding);
    json_t *model = json_object_get(minimal, "model");
    if (tl_member_text(model, "file") && has_model && !strchr(tl_member_text(model, "file"), '{'))
        json_object_set_new(model, "file", json_string("model.onnx"));
    else if (!tl_member_text(model, "family"))
        leave_out(
            b,
            tl_strdup("the programs and files that case.json names; their paths are those of the machine on "
                      "which it was measured"));
    if (!b->source->keep_paths) {
        json_t *redacted = tl_redact_json(&b->redaction, minimal);
        json_decref(minimal);
        minimal = redacted;
    }
    int rc = write_json(b, "case.json", minimal,
                        "the case file, with only the values that matter to this finding", e);
    json_decref(minimal);
    return rc;
}

static int write_reports(struct bundle *b, struct tl_error *e)
{
    have(b, "report.md", "this report");
    have(b, "report.html", "this report, to be looked at in a browser");
    have(b, "report.json", "everything this report is made from");
    char *markdown = tl_report_markdown(b->report), *html = tl_report_html(b->report);
    int rc = write_text(b, "report.md", markdown, NULL, e);
    if (rc == 0)
        rc = write_text(b, "report.html", html, NULL, e);
    if (rc == 0)
        rc = write_json(b, "report.json", b->report, NULL, e);
    free(markdown);
    free(html);
    return rc;
}

static void on_report_written(void *arg, const char *name, const char *about)
{
    have(arg, name, about);
}

/* What the system wrote about the trials of both sides. */
static int write_system_reports(struct bundle *b, struct tl_error *e)
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

static int fill(struct bundle *b, struct tl_error *e)
{
    json_object_set_new(b->report, "bundle",
                        json_pack("{s:O,s:O}", "files", b->files, "left_out", b->left_out));
    bool ort = is_onnxruntime(b->source->finding), model = false, control = false;
    if (ort) {
        model = dump(b, b->source->failing, "", "the minimal variant");
        control = dump(b, b->source->control, "control/", "the neighbour that passed");
    }
    const json_t *environment = json_object_get(json_object_get(b->report, "finding"), "environment");
    int rc = model ? write_repro(b, control, e) : write_commands(b, ort, e);
    if (rc == 0)
        rc = write_case(b, model, e);
    if (rc == 0)
        rc = write_json(b, "environment.json", environment, "where it was measured", e);
    if (rc == 0)
        rc = write_system_reports(b, e);
    return rc == 0 ? write_reports(b, e) : -1;
}

int tl_bundle_write(const struct tl_report_source *source, const struct tl_bundle_options *o,
                    json_t **left_out, struct tl_error *e)
{
    struct bundle b = {.source = source, .o = o, .files = json_array(), .left_out = json_array()};
    struct tl_bundle_place place;
    *left_out = NULL;
    tl_redaction_init(&b.redaction);
    int rc = tl_bundle_place_begin(&place, o->target, e);
    if (rc == 0) {
        b.stage = place.stage.path;
        b.report = tl_report_new(source);
        rc = tl_bundle_place_end(&place, fill(&b, e), b.files,
                                 (int64_t)(tl_member_integer(source->finding, "created_us") / 1000000), e);
    }
    if (rc == 0)
        *left_out = json_incref(b.left_out);
    json_decref(b.files);
    json_decref(b.left_out);
    json_decref(b.report);
    tl_redaction_free(&b.redaction);
    return rc;
}
