/* The part of a bundle that is for ONNX Runtime: model, options and inputs as the runner wrote them down, and programs that
 * run them. */
#include "reports/bundle_parts.h"

#include "harness/base/program.h"
#include "reports/finding_words.h"
#include "reports/members.h"
#include "reports/repro.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DUMP_SECONDS 300

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
static char *run_runner(const struct tl_bundle *b, json_t *request, const char *directory)
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
static void list_dump(struct tl_bundle *b, bool model, const json_t *options, const json_t *inputs,
                      const char *where, const char *whose)
{
    const json_t *weights, *input;
    size_t i;
    if (model) {
        tl_bundle_have_made(b, tl_format("%smodel.onnx", where), tl_format("the model of %s", whose));
        tl_bundle_have_made(b, tl_format("%soptions.json", where), tl_format("session options of %s", whose));
    }
    json_array_foreach(json_object_get(options, "external"), i, weights) {
        const char *file = json_string_value(weights);
        if (file && !strchr(file, '/'))
            tl_bundle_have_made(b, tl_format("%s%s", where, file), tl_strdup("weights of that model"));
    }
    json_array_foreach(inputs, i, input)
        tl_bundle_have_made(b, tl_format("%s%s", where, tl_member_text(input, "npy")),
                            tl_format("input %s of %s", tl_member_text(input, "name"), whose));
    if (inputs)
        tl_bundle_have_made(b, tl_format("%sinputs.json", where),
                            tl_strdup("names, types and shapes of the inputs"));
}

bool tl_bundle_dump(struct tl_bundle *b, const struct tl_trial_record *r, const char *where,
                    const char *whose)
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
    json_t *inputs = tl_bundle_read_json(directory, "inputs.json"),
           *options = tl_bundle_read_json(directory, "options.json");
    list_dump(b, there, options, inputs, where, whose);
    if (!there || !inputs)
        tl_bundle_leave_out(b, tl_format("the %s of %s: %s", there ? "inputs" : "model", whose, why));
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

int tl_bundle_write_repro(struct tl_bundle *b, bool has_control, struct tl_error *e)
{
    const json_t *finding = json_object_get(b->report, "finding");
    const char *title = tl_member_text(b->report, "title"),
               *version = tl_member_text(json_object_get(finding, "build"), "version");
    char *control_directory = tl_format("%s/control", b->stage);
    json_t *options = tl_bundle_read_json(b->stage, "options.json"),
           *inputs = tl_bundle_read_json(b->stage, "inputs.json"),
           *control_options = has_control ? tl_bundle_read_json(control_directory, "options.json") : NULL,
           *control_inputs = has_control ? tl_bundle_read_json(control_directory, "inputs.json") : NULL;
    char *about = variant_words(json_object_get(json_object_get(b->report, "failing_trial"), "variant")),
         *control_about =
             variant_words(json_object_get(json_object_get(b->report, "control_trial"), "variant"));
    struct tl_repro_side failing = {"", about, options, inputs},
                         control = {"control/", control_about, control_options, control_inputs};
    char *summary = tl_inline_plain(tl_words_summary(finding)),
         *c = tl_repro_c(title, summary, &failing, &control),
         *python = tl_repro_python(title, summary, version, &failing, &control);
    int rc = tl_bundle_write_text(b, "repro.c", c,
                                  "runs the model with ONNX Runtime's library and nothing else", e);
    if (rc == 0)
        rc = tl_bundle_write_text(b, "repro.py", python, "the same with onnxruntime and numpy", e);
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
