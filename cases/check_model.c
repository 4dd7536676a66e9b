/* Checks the model of a case, the commands in it, and its inputs.
 *
 * The model comes in two steps. Its kind is needed first, because the axes are checked against the family;
 * its commands are checked once the axes are known, because {AXIS} may stand in them. */
#include "cases/check.h"
#include "cases/inputs.h"
#include "cases/suggest.h"
#include "harness/base/buffer.h"
#include "harness/base/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ARGV_MAX 4096
#define STEPS_MAX 256
#define TEXTS_MAX 1024
#define TEXT_SIZE_MAX 65536

/* One text of a command being checked. */
struct command_text {
    struct tl_check *ck;
    const struct tl_json_place *at;
    bool has_model, has_inputs; /* whether {model} (and {outputs}), {inputs} mean something here */
    bool uses_model;            /* set when {model} is in it */
};

static void check_placeholder(void *arg, const char *name, size_t size, bool bad)
{
    struct command_text *t = arg;
    struct tl_check *ck = t->ck;
    char word[80];
    snprintf(word, sizeof word, "%.*s", (int)(size < 79 ? size : 79), name);
    if (bad) {
        tl_note_placeholder(ck, t->at);
        return;
    }
    bool known = ((!strcmp(word, "model") || !strcmp(word, "outputs")) && t->has_model) ||
                 (!strcmp(word, "inputs") && t->has_inputs) || !strcmp(word, "scratch") ||
                 !strcmp(word, "case_dir") || tl_case_axis(ck->c, word, NULL);
    t->uses_model |= !strcmp(word, "model");
    ck->writes_outputs |= t->has_model && !strcmp(word, "outputs");
    if (known)
        return;
    if (!strcmp(word, "model")) {
        tl_note(ck, t->at, "{model} means nothing here: the steps themselves make the model");
        return;
    }
    if (!strcmp(word, "outputs")) {
        tl_note(ck, t->at, "{outputs} means nothing here: only a generator writes expected outputs");
        return;
    }
    if (!strcmp(word, "inputs")) {
        tl_note(ck, t->at, "{inputs} means nothing here: the case has no \"inputs\"");
        return;
    }
    const char *suggested = tl_suggest_axis(ck->c, NULL, word, false);
    static const char *const others[] = {"model", "inputs", "outputs", "scratch", "case_dir"};
    if (!suggested)
        suggested = tl_suggest(word, others, TL_COUNT(others));
    if (suggested)
        tl_note(ck, t->at, "unknown placeholder {%s}; did you mean {%s}?", word, suggested);
    else
        tl_note(
            ck, t->at,
            "unknown placeholder {%s}; expected an axis of the case, {model}, {inputs}, {outputs}, {scratch} "
            "or {case_dir}; write {{ for a brace",
            word);
}

/* A list of texts with placeholders. Relative paths of programs are made relative to the case. */
static size_t check_texts(struct tl_check *ck, const struct tl_json_place *at, const char *of, size_t most,
                          bool argv, struct command_text *t, const char ***out)
{
    if (!tl_check_list(ck, at, argv, most, of))
        return 0;
    size_t n = 0;
    *out = tl_arena_alloc(ck->arena, json_array_size(at->value) + 1, sizeof **out);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        const char *s = json_string_value(it.value);
        size_t size = json_string_length(it.value);
        /* Only the program has to have a name: an argument may be empty. */
        if (!s || size > TEXT_SIZE_MAX || (size == 0 && (!argv || it.index == 0))) {
            tl_note_found(ck, &it, "expected a%s string", argv && it.index ? "" : " non-empty");
            continue;
        }
        t->at = &it;
        tl_placeholders(s, check_placeholder, t);
        char *local = argv && it.index == 0 && strchr(s, '/') && s[0] != '/' && s[0] != '{'
                          ? tl_format("{case_dir}/%s", s)
                          : NULL;
        (*out)[n++] = tl_arena_string(ck->arena, local ? local : s);
        free(local);
    }
    return n;
}

/* The patterns of files that are counted may hold placeholders, too. */
static void check_globs(struct tl_check *ck, const struct tl_json_place *counts,
                        const struct command_text *of)
{
    struct command_text t = *of;
    for (struct tl_json_place it = tl_first(ck, counts); json_is_array(counts->value) && it.value;
         tl_next(ck, &it))
        for (struct tl_json_place k = tl_first(ck, &it); json_is_object(it.value) && k.value; tl_next(ck, &k))
            if (json_is_string(k.value) && !strcmp(k.key, "glob")) {
                t.at = &k;
                tl_placeholders(json_string_value(k.value), check_placeholder, &t);
            }
}

static void check_expect(struct tl_check *ck, const struct tl_json_place *at, struct command_text *t,
                         struct tl_expect *x)
{
    struct tl_key keys[] = {{"exit_status"}, {"text"}, {"no_text"}, {"files"}, {"fallback"}, {"count"}};
    if (!at->value || !tl_check_keys(ck, at, keys, 6,
                                     "an object of \"exit_status\", \"text\", \"no_text\", \"files\", "
                                     "\"fallback\" and \"count\""))
        return;
    const struct tl_json_place *status = &keys[0].at;
    if (status->value) {
        int64_t v = json_integer_value(status->value);
        const char *s = json_string_value(status->value);
        if (s && !strcmp(s, "any"))
            x->exit_status = -1;
        else if (json_is_integer(status->value) && v >= 0 && v <= 255)
            x->exit_status = (int)v;
        else
            tl_note_found(ck, status, "expected an exit status from 0 to 255, or \"any\"");
    }
    x->n_text = check_texts(ck, &keys[1].at, "texts", TEXTS_MAX, false, t, &x->text);
    x->n_no_text = check_texts(ck, &keys[2].at, "texts", TEXTS_MAX, false, t, &x->no_text);
    x->n_files = check_texts(ck, &keys[3].at, "paths", TEXTS_MAX, false, t, &x->files);
    x->n_fallback = check_texts(ck, &keys[4].at, "texts", TEXTS_MAX, false, t, &x->fallback);
    tl_check_counts(ck, &keys[5].at, x);
    check_globs(ck, &keys[5].at, t);
}

static void check_phase(struct tl_check *ck, const struct tl_json_place *at, struct tl_step *step)
{
    static const struct {
        const char *name;
        enum tl_phase phase;
    } phases[] = {{"generate", TL_PHASE_GENERATE},
                  {"load", TL_PHASE_LOAD},
                  {"compile", TL_PHASE_COMPILE},
                  {"execute", TL_PHASE_EXECUTE},
                  {"check", TL_PHASE_CHECK}};
    const char *s = json_string_value(at->value);
    for (size_t i = 0; s && i < TL_COUNT(phases); i++)
        if (!strcmp(phases[i].name, s)) {
            step->phase = (int)phases[i].phase;
            return;
        }
    if (at->value)
        tl_note_found(ck, at, "expected a phase: generate, load, compile, execute or check");
}

static void check_step(struct tl_check *ck, const struct tl_json_place *at, struct command_text *t,
                       struct tl_step *step)
{
    struct tl_key keys[] = {{"phase", true}, {"argv", true}, {"expect"}, {"timeout_s"}, {"trace"}};
    if (!tl_check_keys(ck, at, keys, TL_COUNT(keys), "a step: an object with \"phase\" and \"argv\""))
        return;
    check_phase(ck, &keys[0].at, step);
    step->n_argv = check_texts(ck, &keys[1].at, "arguments", ARGV_MAX, true, t, &step->argv);
    check_expect(ck, &keys[2].at, t, &step->expect);
    tl_check_number(ck, &keys[3].at, 0, TL_CHECK_WEEK_S, false, &step->timeout_s);
    if (keys[4].at.value && !json_is_boolean(keys[4].at.value))
        tl_note_found(ck, &keys[4].at, "expected true or false");
    step->untraced = json_is_false(keys[4].at.value);
}

static void check_steps(struct tl_check *ck, const struct tl_json_place *at, bool has_inputs)
{
    struct command_text t = {.ck = ck, .has_inputs = has_inputs};
    if (!tl_check_list(ck, at, 1, STEPS_MAX, "steps"))
        return;
    ck->c->steps = tl_arena_alloc(ck->arena, json_array_size(at->value), sizeof *ck->c->steps);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it))
        check_step(ck, &it, &t, &ck->c->steps[ck->c->n_steps++]);
}

static void check_generate(struct tl_check *ck, const struct tl_json_place *at)
{
    struct command_text t = {.ck = ck, .has_model = true, .has_inputs = true};
    size_t before = ck->n_noted;
    ck->c->n_generate = check_texts(ck, at, "arguments", ARGV_MAX, true, &t, &ck->c->generate);
    if (!t.uses_model && ck->n_noted == before)
        tl_note(ck, at,
                "expected {model} in one of the arguments: the path where the generator leaves the model");
}

void tl_check_commands(struct tl_check *ck, const struct tl_json_place *model, bool has_inputs)
{
    for (struct tl_json_place it = tl_first(ck, model); json_is_object(model->value) && it.value;
         tl_next(ck, &it)) {
        if (!strcmp(it.key, "generate"))
            check_generate(ck, &it);
        else if (!strcmp(it.key, "steps"))
            check_steps(ck, &it, has_inputs);
    }
}

static void check_family(struct tl_check *ck, const struct tl_json_place *at)
{
    ck->c->model_kind = TL_MODEL_FAMILY;
    const char *name = tl_check_string(ck, at, 1, 128);
    if (!name)
        return;
    ck->family = tl_family_find(name);
    ck->c->family = tl_arena_string(ck->arena, name);
    if (ck->family)
        return;
    size_t n;
    const struct tl_family *const *all = tl_families(&n);
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < n; i++)
        tl_buffer_printf(&b, "%s%s", i ? ", " : "", all[i]->name);
    tl_note_found(ck, at, "expected a family that is built in (%s)", b.data);
    tl_buffer_free(&b);
}

static void check_file(struct tl_check *ck, const struct tl_json_place *at)
{
    ck->c->model_kind = TL_MODEL_FILE;
    const char *name = tl_check_string(ck, at, 1, 4096);
    if (!name)
        return;
    char *path = *name == '/' ? tl_strdup(name) : tl_format("%s/%s", ck->c->directory, name);
    struct stat st;
    if (stat(path, &st)) /* a model may be a directory, as Core ML packages are */
        tl_note(ck, at, "expected the path of a model: %.512s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        tl_note(ck, at, "expected the path of a model: %.512s is neither a file nor a directory", path);
    ck->c->model_file = tl_arena_string(ck->arena, path);
    free(path);
}

void tl_check_model(struct tl_check *ck, const struct tl_json_place *at)
{
    struct tl_key keys[] = {{"family"}, {"generate"}, {"file"}, {"steps"}};
    if (!tl_check_keys(ck, at, keys, 4,
                       "a model: an object with one of \"family\", \"generate\", \"file\" and \"steps\""))
        return;
    size_t found = 0;
    for (size_t i = 0; i < 4; i++)
        found += keys[i].at.value != NULL;
    if (found > 1 || json_object_size(at->value) == 0)
        tl_note(ck, at,
                "expected exactly one of the keys \"family\", \"generate\", \"file\" and \"steps\", found %s",
                found ? "several" : "none");
    if (keys[0].at.value)
        check_family(ck, &keys[0].at);
    if (keys[2].at.value)
        check_file(ck, &keys[2].at);
    if (keys[1].at.value)
        ck->c->model_kind = TL_MODEL_GENERATE;
    if (keys[3].at.value)
        ck->c->model_kind = TL_MODEL_STEPS;
}

struct inputs_check {
    struct tl_check *ck;
    const struct tl_json_place *list;
};

static int dimension_axis(void *arg, const char *name, int64_t *least, int64_t *most, char *why, size_t size)
{
    const struct inputs_check *x = arg;
    const struct tl_case *c = x->ck->c;
    const struct tl_axis *a = tl_case_axis(c, name, NULL);
    *least = *most = 1;
    if (!a) {
        const char *suggested = tl_suggest_axis(c, NULL, name, false);
        snprintf(why, size, "the case has no axis %.64s%s%s%s", name, suggested ? "; did you mean {" : "",
                 suggested ? suggested : "", suggested ? "}?" : "");
        return -1;
    }
    if (a->count == 0) /* was reported */
        return 0;
    if (tl_axis_value(a, 0).type != TL_VALUE_INTEGER) {
        snprintf(why, size, "expected an axis with integers; %.64s has none", name);
        return -1;
    }
    if (a->kind == TL_AXIS_RANGE) {
        *least = a->first < a->last ? a->first : a->last;
        *most = a->first < a->last ? a->last : a->first;
        return 0;
    }
    *least = INT64_MAX;
    *most = INT64_MIN;
    for (uint64_t i = 0; i < a->count; i++) {
        int64_t v = a->values[i].integer;
        *least = v < *least ? v : *least;
        *most = v > *most ? v : *most;
    }
    return 0;
}

/* The place below up that key or element names; up itself when there is none. */
static struct tl_json_place below(const struct tl_check *ck, const struct tl_json_place *up, const char *key,
                                  long element)
{
    for (struct tl_json_place it = tl_first(ck, up); it.value; tl_next(ck, &it))
        if (key ? it.key && !strcmp(it.key, key) : !it.key && it.index == (size_t)element)
            return it;
    return *up;
}

static void note_input(void *arg, const struct tl_inputs_place *where, const char *expected)
{
    struct inputs_check *x = arg;
    struct tl_json_place chain[5] = {*x->list};
    size_t n = 0;
    const char *keys[] = {NULL, where->key, where->subkey, NULL};
    const long elements[] = {where->input, -1, -1, where->element};
    for (size_t i = 0; i < 4; i++) {
        if (!keys[i] && elements[i] < 0)
            continue;
        chain[n + 1] = below(x->ck, &chain[n], keys[i], elements[i]);
        n++;
    }
    if (where->value)
        tl_note_found(x->ck, &chain[n], "%s", expected);
    else
        tl_note(x->ck, &chain[n], "%s", expected);
}

void tl_check_inputs(struct tl_check *ck, const struct tl_json_place *at)
{
    if (ck->c->model_kind == TL_MODEL_FAMILY && ck->family)
        tl_note(ck, at, "family %s makes its own inputs; expected none here", ck->family->name);
    struct inputs_check x = {ck, at};
    tl_inputs_check(at->value, ck->c->directory, dimension_axis, note_input, &x);
    if (!json_is_array(at->value))
        return;
    /* What runners get: the same list, with paths that mean the same everywhere. */
    ck->c->inputs = json_deep_copy(at->value);
    for (size_t i = 0; i < json_array_size(ck->c->inputs); i++) {
        json_t *input = json_array_get(ck->c->inputs, i);
        const char *npy = json_string_value(json_object_get(input, "npy"));
        if (!npy || *npy == '/')
            continue;
        char *path = tl_format("%s/%s", ck->c->directory, npy);
        json_object_set_new(input, "npy", json_string(path));
        free(path);
    }
}
