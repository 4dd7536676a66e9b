/* The part of a bundle that is for commands: those of the case as repro.sh, which needs no trapline. Of a case that is not
 * there any more, what its trials were sent. */
#include "reports/bundle/parts.h"

#include "cases/onnx_external.h"
#include "harness/base/files.h"
#include "reports/bundle/script.h"
#include "reports/commands.h"
#include "reports/finding/words.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *variant_words(const json_t *variant)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_words_variant(&b, variant);
    return tl_inline_plain(tl_buffer_take(&b));
}

struct side {
    struct tl_variant variant;
    bool known;
    char *about, *model, *inputs;
    char *made; /* where the model was here; NULL */
};

/* A model that is a file of the case, and the data files beside it that it names. */
static int copy_file_model(struct tl_bundle *b, const char *path, const char *place, struct tl_error *e)
{
    struct stat st;
    if (stat(path, &st)) {
        tl_bundle_leave_out(b, tl_format("the model %s: it is gone", path));
        return 0;
    }
    if (S_ISDIR(st.st_mode))
        return tl_bundle_copy_tree(b, path, place, "of the model", e);
    json_t *beside = tl_onnx_external(path), *unused;
    const char *name;
    int rc = tl_bundle_copy_file(b, path, place, "the model", e);
    json_object_foreach(beside, name, unused) {
        char *from = tl_format("%.*s%s", (int)(tl_base_name(path) - path), path, name),
             *to = tl_format("model/%s", name);
        rc = rc ? rc : tl_bundle_copy_file(b, from, to, "data of the model", e);
        free(to);
        free(from);
    }
    json_decref(beside);
    return rc;
}

/* What the generator of the case made for a trial, as the trial was told of it. other: the side that was copied before, which
 * may have the same. */
static int copy_made(struct tl_bundle *b, const json_t *request, const char *where, const struct side *other,
                     struct side *own, struct tl_script_side *side, struct tl_error *e)
{
    const char *made = tl_member_text(request, "model"), *list = tl_member_text(request, "inputs");
    const struct tl_case *c = b->o->c;
    struct stat st;
    int rc = 0;
    bool same = other && other->made && made && !strcmp(other->made, made);
    where = same ? "" : where;
    own->made = tl_strdup(made);
    own->model = c->generate.n ? tl_format("%smade/model%s", where, c->suffix ? c->suffix : "") : NULL;
    if (c->model_file) {
        own->model = tl_format("model/%s", tl_base_name(c->model_file));
        rc = other ? 0 : copy_file_model(b, c->model_file, own->model, e);
    }
    own->inputs = c->inputs ? tl_strdup("inputs.json") : list ? tl_format("%smade/inputs", where) : NULL;
    if (made && c->generate.n && !stat(made, &st)) {
        if (!same && S_ISDIR(st.st_mode))
            rc = tl_bundle_copy_tree(b, made, own->model, "of the model that the case's generator made", e);
        else if (!same)
            rc = tl_bundle_copy_file(b, made, own->model, "the model that the case's generator made", e);
        side->model_here = rc == 0;
    }
    if (rc == 0 && !same && list && !c->inputs && !access(list, R_OK))
        rc = tl_bundle_copy_file(b, list, own->inputs, "the inputs that the case's generator made", e);
    side->model = own->model;
    side->inputs = own->inputs;
    return rc;
}

/* The list of inputs of the case, with the files of the bundle. */
static int write_inputs(struct tl_bundle *b, struct tl_error *e)
{
    json_t *list = json_deep_copy(b->o->c->inputs), *input;
    size_t i;
    json_array_foreach(list, i, input) {
        const char *npy = tl_member_text(input, "npy");
        char *place = npy ? tl_layout_relative(&b->layout, npy) : NULL;
        if (place)
            json_object_set_new(input, "npy", json_string(place));
        free(place);
    }
    int rc = list ? tl_bundle_write_json(b, "inputs.json", list, "the inputs of the case", e) : 0;
    json_decref(list);
    return rc;
}

static int fill_side(struct tl_bundle *b, const struct tl_trial_record *r, const char *report_key,
                     const char *where, const struct side *other, struct side *side,
                     struct tl_script_side *to, struct tl_error *e)
{
    json_t *variant = r && r->variant ? json_loads(r->variant, 0, NULL) : NULL,
           *request = r && r->request ? json_loads(r->request, 0, NULL) : NULL;
    struct tl_error unknown; /* a case that was changed since has other axes */
    int rc = 0;
    side->known = variant && !tl_variant_from_json(b->o->c, variant, &side->variant, &unknown);
    side->about = variant_words(json_object_get(json_object_get(b->report, report_key), "variant"));
    to->variant = side->known ? &side->variant : NULL;
    to->about = side->about;
    if (side->known)
        rc = copy_made(b, request, where, other, side, to, e);
    json_decref(request);
    json_decref(variant);
    return rc;
}

static void free_side(struct side *side)
{
    if (side->known)
        tl_variant_free(&side->variant);
    free(side->about);
    free(side->model);
    free(side->inputs);
    free(side->made);
}

/* Names of people are taken out of the commands where they stand in paths only, as in every value. */
static char *without_paths(const struct tl_bundle *b, char *text)
{
    char *redacted = b->source->keep_paths ? NULL : tl_redact_paths(&b->redaction, text);
    if (!redacted)
        return text;
    free(text);
    return redacted;
}

/* Its outcome is of what ran before there was a model. */
static bool generator_failed(const struct tl_bundle *b)
{
    const struct tl_trial_record *r = b->source->failing;
    json_t *request = r && r->request ? json_loads(r->request, 0, NULL) : NULL;
    bool steps = json_array_size(json_object_get(request, "steps"));
    json_decref(request);
    return r && b->o->c->generate.n && r->phase == TL_PHASE_GENERATE && !steps;
}

/* Whether a program that was built with a sanitizer is what failed. */
static bool is_sanitized(const struct tl_trial_record *r)
{
    static const char *const libraries[] = {"libasan.", "libhwasan.", "liblsan.",    "libmsan.",
                                            "libtsan.", "libubsan.",  "libclang_rt."};
    for (size_t i = 0; i < r->n_captures; i++)
        for (size_t m = 0; m < r->captures[i].n_modules; m++)
            for (size_t k = 0; k < TL_COUNT(libraries); k++)
                if (!strncmp(tl_base_name(r->captures[i].modules[m].path), libraries[k],
                             strlen(libraries[k])))
                    return true;
    return (r->err.tail && memmem(r->err.tail, r->err.tail_size, "Sanitizer:", 10)) ||
           (r->err.head && memmem(r->err.head, r->err.head_size, "Sanitizer:", 10));
}

static int write_script(struct tl_bundle *b, bool generator_only, struct tl_error *e)
{
    const struct tl_report_source *source = b->source;
    struct side failing = {0}, control = {0};
    json_t *links = tl_bundle_links(b);
    char *summary = tl_inline_plain(tl_words_summary(json_object_get(b->report, "finding")));
    struct tl_script s = {
        .c = b->o->c,
        .layout = &b->layout,
        .files = b->o->files,
        .links = links,
        .title = tl_member_text(b->report, "title"),
        .summary = summary,
        .lends = json_is_object(json_object_get(json_object_get(b->report, "finding"), "reduction")),
        .generator_only = generator_only,
        .deadlines = source->failing->outcome == TL_OUTCOME_HANG,
        .apart = source->failing->n_captures && !source->failing->captures[0].si_code,
        .sanitized = is_sanitized(source->failing),
        .memory = source->failing->outcome == TL_OUTCOME_OOM};
    int rc = fill_side(b, source->failing, "failing_trial", "", NULL, &failing, &s.failing, e);
    if (rc == 0)
        rc = fill_side(b, source->control, "control_trial", "control/", &failing, &control, &s.control, e);
    if (rc == 0)
        rc = write_inputs(b, e);
    json_t *needs = NULL;
    char *text = rc == 0 ? without_paths(b, tl_script_text(&s, &needs)) : NULL;
    if (rc == 0)
        rc = tl_bundle_write_script(b, text, needs, "runs the commands of the case alone", e);
    json_decref(needs);
    json_decref(links);
    free(text);
    free(summary);
    free_side(&failing);
    free_side(&control);
    return rc;
}

/* What the trials were sent, where the case itself is gone. */
static int write_sent(struct tl_bundle *b, bool ort, struct tl_error *e)
{
    const json_t *trials[] = {json_object_get(b->report, "failing_trial"),
                              json_object_get(b->report, "control_trial")};
    char *lines[2] = {tl_steps_commands(trials[0], false), tl_steps_commands(trials[1], false)};
    bool steps = lines[0];
    for (size_t i = 0; i < 2; i++)
        lines[i] = steps ? lines[i] : tl_runner_command(trials[i]);
    /* Each finds nothing that the other made. */
    char *text = tl_format(
        "#!/bin/sh\n# %s\n\n# the minimal variant, which fails\n%s%s\n# the neighbour that "
        "passed\n%s%s",
        steps ? "The commands of the case as its trials were sent them, with the paths of the "
                "machine of then ({case_dir}: where the case file was); run them in an empty directory."
              : "These run the runner alone; its messages go to stdout.",
        steps ? "mkdir failing && cd failing || exit 2\n" : "", lines[0] ? lines[0] : "# unknown\n",
        steps ? "mkdir ../control && cd ../control || exit 2\n" : "", lines[1] ? lines[1] : "# unknown\n");
    int rc = tl_bundle_write_text(b, "commands.sh", text,
                                  steps ? "the commands of the case, as its trials were sent them"
                                        : "the command lines of the runner alone",
                                  e);
    tl_bundle_leave_out(
        b, tl_strdup(ort ? "repro.c and repro.py: there is no model for them to run; see commands.sh"
                         : "a reproducer: the case is not where it was measured, or is another one by now; "
                           "commands.sh has what its trials were sent"));
    free(text);
    free(lines[0]);
    free(lines[1]);
    return rc;
}

int tl_bundle_write_commands(struct tl_bundle *b, bool ort, struct tl_error *e)
{
    if (json_is_false(json_object_get(b->source->finding, "reproduced"))) {
        tl_bundle_leave_out(
            b, tl_strdup(
                   "a reproducer: no trial failed as was asked for, so there is nothing that it could show"));
        return 0;
    }
    bool here = b->o->c && b->source->failing, generator_only = here && generator_failed(b);
    if (here && (generator_only || b->o->c->model_kind == TL_MODEL_STEPS))
        return write_script(b, generator_only, e);
    if (here && !ort)
        return tl_bundle_write_runner(b, e);
    return write_sent(b, ort, e);
}
