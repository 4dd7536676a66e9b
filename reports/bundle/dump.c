/* What the runner writes down of a trial: model, options and inputs; and what its outputs are to be.
 *
 * A side is written at a place of its own first, and becomes a part of the bundle when all of it is there: it may turn out
 * that another variant shows the failure better. */
#include "reports/bundle/ort.h"

#include "harness/base/files.h"
#include "harness/base/program.h"
#include "reports/finding/words.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
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

static char *variant_words(struct tl_bundle *b, const char *variant)
{
    struct tl_buffer words = TL_BUFFER_INIT;
    json_t *parsed = json_loads(variant ? variant : "{}", 0, NULL),
           *shown = json_pack("{s:O?}", "variant", parsed);
    if (!b->source->keep_paths) {
        json_t *redacted = tl_redact_json(&b->redaction, shown);
        json_decref(shown);
        shown = redacted;
    }
    tl_words_variant(&words, json_object_get(shown, "variant"));
    json_decref(shown);
    json_decref(parsed);
    return tl_inline_plain(tl_buffer_take(&words));
}

/* Expected outputs, where what fails is what it answered. */
static void write_expected(struct tl_bundle_ort *o, struct tl_bundle_side *s)
{
    const struct tl_bundle_options *options = o->b->o;
    struct tl_error e;
    const json_t *reference = json_object_get(options->case_document, "reference");
    if (!o->b->source->failing || o->b->source->failing->outcome != TL_OUTCOME_WRONG || !reference)
        return;
    if (!options->expected) {
        s->unknown = tl_strdup("they were not asked for");
        return;
    }
    if (!s->trial) { /* what a reduction found beside it has values, or nodes, of its own */
        s->unknown = tl_strdup("nothing was computed of the neighbour that passed");
        return;
    }
    char *directory = tl_format("%s/expected", s->place);
    json_t *variant = json_loads(s->trial->variant ? s->trial->variant : "{}", 0, NULL), *list = NULL, *x;
    size_t i;
    if (mkdir(directory, 0777) == 0 && options->expected(options->arg, variant, directory, &list, &e))
        s->unknown =
            tl_format("%s: %s: %s", e.what, *e.where == '/' ? tl_base_name(e.where) : e.where, e.why);
    json_array_foreach(list, i, x)
        json_object_set_new(x, "npy", json_sprintf("expected/%s", tl_member_text(x, "npy")));
    if (!json_array_size(list)) {
        s->unknown = s->unknown ? s->unknown : tl_strdup("the reference left none");
        tl_remove_tree(directory);
    }
    s->expected = list;
    json_decref(variant);
    free(directory);
}

void tl_bundle_side_free(struct tl_bundle_side *s)
{
    if (s->place)
        tl_remove_tree(s->place);
    if (s->has_own)
        tl_trial_record_free(&s->own);
    json_decref(s->options);
    json_decref(s->inputs);
    json_decref(s->expected);
    json_decref(s->names);
    free(s->place);
    free(s->about);
    free(s->lacks);
    free(s->unknown);
    *s = (struct tl_bundle_side){.where = s->where, .whose = s->whose, .must_pass = s->must_pass};
}

static const json_t *neighbour_of(const struct tl_bundle_ort *o)
{
    return json_object_get(json_object_get(o->b->source->finding, "reduction"), "neighbour");
}

/* A reduction found what passes with other values, or without a node, and no axis of the case says so: it is the failing trial
 * with the model and the inputs that stand in neighbour/ beside its own. NULL where there are none. list: the path that the list of its inputs gets. */
static json_t *neighbour_request(const struct tl_bundle_ort *o, const char *list)
{
    const struct tl_trial_record *failing = o->failing.trial;
    json_t *request = json_is_object(neighbour_of(o)) && failing && failing->request
                          ? json_loads(failing->request, 0, NULL)
                          : NULL,
           *inputs = json_deep_copy(json_object_get(neighbour_of(o), "inputs")), *input;
    const char *model = tl_member_text(request, "model"), *slash = model ? strrchr(model, '/') : NULL;
    char *beside = slash ? tl_format("%.*s/neighbour", (int)(slash - model), model) : NULL,
         *other = beside ? tl_format("%s/model.onnx", beside) : NULL;
    size_t i;
    bool there = other && access(other, R_OK) == 0;
    json_array_foreach(inputs, i, input) {
        const char *npy = tl_member_text(input, "npy");
        char *path = there && npy ? tl_format("%s/%s", beside, npy) : NULL;
        there = there && (!npy || access(path, R_OK) == 0);
        if (path)
            json_object_set_new(input, "npy", json_string(path));
        free(path);
    }
    if (there) {
        json_object_set_new(request, "model", json_string(other));
        if (json_is_array(inputs) && !json_dump_file(inputs, list, 0))
            json_object_set_new(request, "inputs", json_string(list));
        else
            json_object_del(request, "inputs");
    } else {
        json_decref(request);
        request = NULL;
    }
    json_decref(inputs);
    free(other);
    free(beside);
    return request;
}

void tl_bundle_side_write(struct tl_bundle_ort *o, struct tl_bundle_side *s)
{
    const struct tl_trial_record *r = s->trial;
    json_t *request = r && r->request ? json_loads(r->request, 0, NULL) : NULL;
    char *list = tl_format("%s/.neighbour.json", o->b->stage);
    if (!r && s->must_pass && (request = neighbour_request(o, list)))
        r = o->failing.trial;
    s->place = tl_format("%s/.%s-XXXXXX", o->b->stage, s->must_pass ? "control" : "failing");
    bool made = mkdtemp(s->place) != NULL;
    if (!r)
        s->lacks = tl_strdup("no trial of it is known");
    else if (!request)
        s->lacks = tl_strdup("the request of its trial is not known");
    else if (!o->b->o->runner_path)
        s->lacks = tl_strdup("the runner is not installed here");
    else if (!made)
        s->lacks = tl_format("%s cannot be made: %s", s->place, strerror(errno));
    else
        s->lacks = run_runner(o->b, request, s->place);
    char *model = tl_format("%s/model.onnx", s->place);
    s->model = access(model, R_OK) == 0;
    s->inputs = tl_bundle_read_json(s->place, "inputs.json");
    s->options = s->model ? tl_bundle_read_json(s->place, "options.json") : NULL;
    s->model = s->options != NULL;
    s->about = !s->trial && r ? tl_format("what passes next to it: %s",
                                          tl_member_or(neighbour_of(o), "with", "a neighbour"))
                              : variant_words(o->b, r ? r->variant : NULL);
    if (s->model)
        write_expected(o, s);
    json_decref(request);
    unlink(list);
    free(list);
    free(model);
}

int tl_bundle_side_put(struct tl_bundle_ort *o, struct tl_bundle_side *s, struct tl_error *e)
{
    char *to = tl_format("%s/%s", o->b->stage, s->where);
    int rc = 0;
    if (*s->where)
        mkdir(to, 0777);
    s->names = json_array();
    DIR *d = opendir(s->place);
    for (struct dirent *x; rc == 0 && d && (x = readdir(d));) {
        if (!strcmp(x->d_name, ".") || !strcmp(x->d_name, ".."))
            continue;
        char *old = tl_format("%s/%s", s->place, x->d_name), *new = tl_format("%s%s", to, x->d_name);
        rc = rename(old, new)
                 ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write the bundle", new, NULL)
                 : 0;
        json_array_append_new(s->names, json_string_nocheck(x->d_name));
        free(old);
        free(new);
    }
    if (d)
        closedir(d);
    tl_remove_tree(s->place);
    free(to);
    return rc;
}

void tl_bundle_side_take_back(struct tl_bundle_ort *o, struct tl_bundle_side *s)
{
    const json_t *name;
    size_t i;
    json_array_foreach(s->names, i, name) {
        char *path = tl_format("%s/%s%s", o->b->stage, s->where, json_string_value(name));
        tl_remove_tree(path);
        free(path);
    }
    json_decref(s->names);
    s->names = NULL;
}

static void list_tensor(const struct tl_bundle_ort *o, const struct tl_bundle_side *s, const json_t *tensor,
                        const char *name, const char *what)
{
    const char *npy = tl_member_text(tensor, "npy");
    if (npy)
        tl_bundle_have_made(o->b, tl_format("%s%s", s->where, npy),
                            tl_format("%s %s of %s", what, name ? name : "", s->whose));
}

static void list_inputs(const struct tl_bundle_ort *o, const struct tl_bundle_side *s)
{
    const json_t *input, *item;
    size_t i, k;
    json_array_foreach(s->inputs, i, input) {
        list_tensor(o, s, input, tl_member_text(input, "name"), "input");
        json_array_foreach(json_object_get(input, "sequence"), k, item)
            list_tensor(o, s, item, tl_member_text(input, "name"), "a tensor of input");
    }
    if (s->inputs)
        tl_bundle_have_made(o->b, tl_format("%sinputs.json", s->where),
                            tl_strdup("names, types and shapes of the inputs"));
}

void tl_bundle_side_list(struct tl_bundle_ort *o, const struct tl_bundle_side *s)
{
    const json_t *weights, *x;
    size_t i;
    if (s->model) {
        tl_bundle_have_made(o->b, tl_format("%smodel.onnx", s->where),
                            tl_format("the model of %s", s->whose));
        tl_bundle_have_made(o->b, tl_format("%soptions.json", s->where),
                            tl_format("session options of %s", s->whose));
    }
    json_array_foreach(json_object_get(s->options, "external"), i, weights) {
        const char *file = json_string_value(weights);
        if (file && !strchr(file, '/'))
            tl_bundle_have_made(o->b, tl_format("%s%s", s->where, file), tl_strdup("weights of that model"));
    }
    list_inputs(o, s);
    json_array_foreach(s->expected, i, x)
        list_tensor(o, s, x, tl_member_text(x, "name"), "expected output");
    if (!s->model || !s->inputs)
        tl_bundle_leave_out(o->b, tl_format("the %s of %s: %s", s->model ? "inputs" : "model", s->whose,
                                            s->lacks ? s->lacks : "unknown"));
    if (s->unknown)
        tl_bundle_leave_out(o->b, tl_format("the expected outputs of %s: %s", s->whose, s->unknown));
}
