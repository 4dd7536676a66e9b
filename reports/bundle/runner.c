/* A runner alone: what its trials were sent, and a program that sends it (templates/trial.py). A runner that is a script is in
 * the bundle, and so are those of trapline that are no more than a program and its data; others a reader has to have. */
#include "reports/bundle/parts.h"

#include "harness/base/files.h"
#include "harness/base/limits.h"
#include "reports/bundle/script.h"
#include "reports/finding/words.h"
#include "reports/json_text.h"
#include "reports/members.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const char tl_trial_py_text[];

/* --- what the trials were sent -------------------------------------------------------------------------- */

/* Where a file of the case already is in the bundle; NULL: it is not there. A model that is a script looks for what stands
 * around it, so it is run where that is. */
static char *place_of_case(const struct tl_bundle *b, const char *path)
{
    char *place = tl_layout_place(&b->layout, path),
         *there = place ? tl_format("%s/%s", b->stage, place) : NULL;
    if (there && access(there, F_OK)) {
        free(place);
        place = NULL;
    }
    free(there);
    return place;
}

/* A model and a list of inputs, copied; their places. */
static int copy_model(struct tl_bundle *b, json_t *request, const char *where, struct tl_error *e)
{
    static const char *const members[] = {"model", "inputs"};
    int rc = 0;
    for (size_t i = 0; i < TL_COUNT(members) && rc == 0; i++) {
        const char *path = tl_member_text(request, members[i]);
        struct stat st;
        if (!path)
            continue;
        char *there = place_of_case(b, path),
             *place = there ? there : tl_format("%smodel/%s", where, i ? "inputs.json" : tl_base_name(path)),
             *told = tl_format("{bundle}/%s", place);
        if (there)
            ;
        else if (stat(path, &st))
            tl_bundle_leave_out(b, tl_format("the %s %s: it is gone", members[i], path));
        else if (S_ISDIR(st.st_mode))
            rc = tl_bundle_copy_tree(b, path, place, "of the model", e);
        else
            rc = tl_bundle_copy_file(b, path, place, i ? "the list of inputs" : "the model", e);
        json_object_set_new(request, members[i], json_string(told));
        free(told);
        free(place);
    }
    return rc;
}

/* Every path in it as it is in the bundle. */
static json_t *placed(const struct tl_bundle *b, const json_t *j, int depth)
{
    const char *key;
    json_t *value, *to;
    size_t i;
    if (depth > 64)
        return json_null();
    if (json_is_string(j)) {
        char *text = tl_layout_word(&b->layout, json_string_value(j), "{bundle}/", "{home}");
        to = json_string(text);
        free(text);
        return to;
    }
    if (json_is_array(j)) {
        to = json_array();
        json_array_foreach(j, i, value)
            json_array_append_new(to, placed(b, value, depth + 1));
        return to;
    }
    if (json_is_object(j)) {
        to = json_object();
        json_object_foreach((json_t *)j, key, value)
            json_object_set_new(to, key, placed(b, value, depth + 1));
        return to;
    }
    return json_incref((json_t *)j);
}

/* What an output has to be, as far as it is known: the place at which it is farthest from the reference. */
static json_t *expected_of(const struct tl_trial_record *r)
{
    const json_t *found = json_object_get(r->result, "reference"), *worst = json_object_get(found, "worst"),
                 *right = json_object_get(worst, "expected"), *index = json_object_get(worst, "index");
    const char *output = tl_member_text(worst, "output");
    output = output ? output : tl_member_text(found, "output");
    if (!output)
        return NULL;
    json_t *expected = json_pack("{s:s}", "output", output), *how = json_object_get(found, "how");
    if (how)
        json_object_set(expected, "how", how);
    if (json_is_number(right) && json_is_array(index)) {
        double value = json_number_value(right),
               whole = json_number_value(json_object_get(found, "tolerance")),
               rtol = json_number_value(json_object_get(found, "rtol")),
               atol = json_number_value(json_object_get(found, "atol")),
               relative = json_number_value(json_object_get(found, "max_error")),
               absolute = json_number_value(json_object_get(found, "max_absolute")),
               magnitude = relative > 0 && absolute > 0 ? absolute / relative : fabs(value);
        bool elementwise = json_object_get(found, "rtol") || json_object_get(found, "atol");
        json_object_set(expected, "index", (json_t *)index);
        json_object_set(expected, "expected", (json_t *)right);
        json_object_set_new(expected, "bound",
                            json_real(elementwise ? atol + rtol * fabs(value) : whole * magnitude));
    }
    return expected;
}

/* Who has no such device has to name one of his own. */
static void leave_out_device(struct tl_bundle *b, const json_t *sent)
{
    const char *alias = tl_member_text(sent, "on");
    if (alias)
        tl_bundle_leave_out(
            b,
            tl_format(
                "the device: repro.sh needs one that is known as %s (trapline devices add %s UDID), with the "
                "app of the runner on it",
                alias, alias));
}

static int add_trial(struct tl_bundle *b, const struct tl_trial_record *r, const char *side,
                     const char *where, json_t *trials, struct tl_error *e)
{
    json_t *sent = r && r->request ? json_loads(r->request, 0, NULL) : NULL;
    if (!json_is_object(sent)) {
        json_decref(sent);
        return 0;
    }
    json_object_del(sent, "id");
    json_object_del(sent, "scratch");
    if (json_object_get(sent, "outputs"))
        json_object_set_new(sent, "outputs", json_true());
    int rc = copy_model(b, sent, where, e);
    json_t *request = placed(b, sent, 0), *trial = json_pack("{s:o}", "request", request),
           *expected = expected_of(r);
    if (expected)
        json_object_set_new(trial, "expected", expected);
    if (b->source->failing->outcome == TL_OUTCOME_HANG)
        json_object_set_new(trial, "timeout_s", json_real(b->o->c->limits.timeout_s));
    json_object_set_new(trials, side, trial);
    if (!*where)
        leave_out_device(b, sent);
    if (!*where && tl_member_text(json_object_get(sent, "build"), "path"))
        tl_bundle_leave_out(
            b, tl_strdup("the build: trial.json names it by its place here, to be changed to where it "
                         "is with you"));
    json_decref(sent);
    return rc;
}

/* --- the runner itself ---------------------------------------------------------------------------------- */

static bool is_script(const char *path)
{
    char head[2] = "";
    FILE *f = fopen(path, "re");
    bool is = f && fread(head, 1, 2, f) == 2 && head[0] == '#' && head[1] == '!';
    if (f)
        fclose(f);
    return is;
}

static char *directory_of(const char *path)
{
    return tl_format("%.*s", (int)(tl_base_name(path) - path), path);
}

/* Its own libraries stand beside it. */
static int copy_libraries(struct tl_bundle *b, const char *directory, const char *name, struct tl_error *e)
{
    DIR *d = opendir(directory);
    int rc = 0;
    char *wanted = tl_format("lib%s-", name);
    for (struct dirent *x; d && rc == 0 && (x = readdir(d));) {
        if (strncmp(x->d_name, wanted, strlen(wanted)) != 0 || !strstr(x->d_name, ".so"))
            continue;
        char *from = tl_format("%s%s", directory, x->d_name), *to = tl_format("runner/%s", x->d_name);
        struct stat st;
        if (!stat(from, &st) && S_ISREG(st.st_mode))
            rc = tl_bundle_copy_file(b, from, to, "of the runner", e);
        free(to);
        free(from);
    }
    if (d)
        closedir(d);
    free(wanted);
    return rc;
}

/* The profile of a simulated runtime. */
static int copy_profile(struct tl_bundle *b, const char *directory, struct tl_error *e)
{
    const json_t *build = json_object_get(b->source->finding, "build");
    const char *version = tl_member_text(build, "version"), *set = getenv("TRAPLINE_PROFILES");
    char *const places[] = {set ? tl_format("%.*s/", (int)strcspn(set, ":"), set) : NULL,
                            tl_format("%sprofiles/", directory),
                            tl_format("%s../../../share/trapline/profiles/", directory)};
    bool found = false;
    int rc = 0;
    for (size_t i = 0; i < TL_COUNT(places); i++) {
        char *from =
            places[i] && version && !strchr(version, '/') ? tl_format("%s%s.json", places[i], version) : NULL;
        if (from && !found && !access(from, R_OK)) {
            char *to = tl_format("runner/profiles/%s.json", version);
            rc = tl_bundle_copy_file(b, from, to, "the profile of the simulated runtime", e);
            found = true;
            free(to);
        }
        free(from);
        free(places[i]);
    }
    return rc;
}

/* Its place in the bundle, or its name; *here tells which. */
static char *place_runner(struct tl_bundle *b, bool *here, int *rc, struct tl_error *e)
{
    static const char *const plain[] = {"trapline-sim", "trapline-selftest", "trapline-reference"};
    const char *path = b->o->runner_path, *name = path ? tl_base_name(path) : NULL;
    char *place = path ? tl_layout_place(&b->layout, path) : NULL, *in_stage = NULL;
    *here = false;
    *rc = 0;
    if (place && is_script(path)) {
        in_stage = tl_format("%s/%s", b->stage, place);
        *here = !access(in_stage, X_OK);
    }
    free(in_stage);
    if (!*here && name && tl_is_one_of(name, plain, TL_COUNT(plain))) {
        char *directory = directory_of(path);
        free(place);
        place = tl_format("runner/%s", name);
        *rc = tl_bundle_copy_file(b, path, place, "the runner, a program of trapline for this system", e);
        if (*rc == 0)
            *rc = copy_libraries(b, directory, name + strlen("trapline-"), e);
        if (*rc == 0)
            *rc = copy_profile(b, directory, e);
        *here = *rc == 0;
        free(directory);
    }
    if (*here)
        return place;
    free(place);
    const char *slash = strrchr(tl_member_or(b->source->finding, "runner", "runner"), '/'),
               *runner = slash ? slash + 1 : tl_member_or(b->source->finding, "runner", "runner");
    /* On a phone it is another program that is run: that which reaches it. */
    char *wanted = name ? tl_strdup(name) : tl_format("%s%s", slash ? "" : "trapline-", runner);
    b->runner_elsewhere = path;
    tl_bundle_leave_out(b, tl_format("the runner: repro.sh needs %s", wanted));
    return wanted;
}

static char *variant_words(const json_t *variant)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_words_variant(&b, variant);
    return tl_inline_plain(tl_buffer_take(&b));
}

int tl_bundle_write_runner(struct tl_bundle *b, struct tl_error *e)
{
    const struct tl_trial_record *sides[] = {b->source->failing, b->source->control};
    json_t *trials = json_object(), *links = tl_bundle_links(b);
    struct tl_variant variants[2] = {{0}, {0}};
    char *about[2], *summary = tl_inline_plain(tl_words_summary(json_object_get(b->report, "finding")));
    bool here = false;
    int rc = 0;
    struct tl_script s = {.c = b->o->c,
                          .layout = &b->layout,
                          .files = b->o->files,
                          .links = links,
                          .title = tl_member_text(b->report, "title"),
                          .summary = summary,
                          .memory = b->source->failing->outcome == TL_OUTCOME_OOM};
    struct tl_script_side *to[] = {&s.failing, &s.control};
    static const char *const names[] = {"failing", "control"}, *const places[] = {"", "control/"},
                             *const keys[] = {"failing_trial", "control_trial"};
    char *runner = place_runner(b, &here, &rc, e);
    s.runner = runner;
    s.runner_here = here;
    for (size_t i = 0; i < 2; i++) {
        json_t *variant = sides[i] && sides[i]->variant ? json_loads(sides[i]->variant, 0, NULL) : NULL;
        struct tl_error unknown;
        if (rc == 0)
            rc = add_trial(b, sides[i], names[i], places[i], trials, e);
        about[i] = variant_words(json_object_get(json_object_get(b->report, keys[i]), "variant"));
        to[i]->about = about[i];
        if (json_object_get(trials, names[i]) && variant &&
            !tl_variant_from_json(b->o->c, variant, &variants[i], &unknown))
            to[i]->variant = &variants[i];
        json_decref(variant);
    }
    if (rc == 0 && !b->source->keep_paths) {
        json_t *redacted = tl_redact_json(&b->redaction, trials);
        json_decref(trials);
        trials = redacted;
    }
    if (rc == 0)
        rc = tl_bundle_write_json(b, "trial.json", trials, "what the runner is sent", e);
    if (rc == 0)
        rc = tl_bundle_write_text(b, "trial.py", tl_trial_py_text, "sends it, and looks at what comes back",
                                  e);
    json_t *needs = NULL;
    char *text = rc == 0 ? tl_script_text(&s, &needs) : NULL;
    if (rc == 0)
        rc = tl_bundle_write_script(b, text, needs, "runs the runner alone", e);
    json_decref(needs);
    json_decref(links);
    free(text);
    free(runner);
    free(summary);
    for (size_t i = 0; i < 2; i++) {
        free(about[i]);
        if (variants[i].index)
            tl_variant_free(&variants[i]);
    }
    json_decref(trials);
    return rc;
}
