/* Checks the commands of a case, and what is looked for in what they, or a runner, write.
 *
 * What may stand in a text hangs on where it stands: {model} where something makes one, an axis everywhere. */
#include "cases/check.h"
#include "cases/suggest.h"
#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGV_MAX 4096
#define STEPS_MAX 256
#define TEXTS_MAX 1024
#define TEXT_SIZE_MAX 65536

/* One text of a command being checked. */
struct command_text {
    struct tl_check *ck;
    const struct tl_json_place *at;
    bool has_model, has_outputs, has_inputs; /* whether {model}, {outputs}, {inputs} mean something here */
    bool in_steps;                           /* {NAME.npy} means something */
    bool uses_model;                         /* set when {model} is in it */
};

static bool is_input_file(const char *name, size_t size)
{
    return size > 4 && !memcmp(name + size - 4, ".npy", 4);
}

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
    if (t->in_steps && tl_case_input_file(json_object_get(ck->c->document, "inputs"), name, size))
        return;
    bool known = (!strcmp(word, "model") && t->has_model) || (!strcmp(word, "outputs") && t->has_outputs) ||
                 (!strcmp(word, "inputs") && t->has_inputs) || !strcmp(word, "scratch") ||
                 !strcmp(word, "case_dir") || tl_case_axis(ck->c, word, NULL) ||
                 tl_case_axis_of_file(ck->c, word);
    t->uses_model |= !strcmp(word, "model");
    ck->writes_outputs |= t->has_outputs && !strcmp(word, "outputs");
    tl_check_elements_fit(ck, t->at, word);
    if (known)
        return;
    if (!strcmp(word, "model")) {
        tl_note(ck, t->at,
                "{model} means nothing here: the steps themselves make the model, unless there is a "
                "\"generate\" or a \"file\"");
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
    if (t->in_steps && is_input_file(name, size)) {
        tl_note(
            ck, t->at,
            "{%s} means nothing here: it is the file of an input, and the case has none with that name and "
            "\"npy\"",
            word);
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

/* A text with placeholders, at least `least` bytes. NULL after a mistake. */
static const char *check_text(struct tl_check *ck, const struct tl_json_place *at, size_t least,
                              struct command_text *t)
{
    const char *s = json_string_value(at->value);
    size_t size = json_string_length(at->value);
    if (!s || size > TEXT_SIZE_MAX || size < least)
        return NULL;
    t->at = at;
    tl_placeholders(s, check_placeholder, t);
    return tl_arena_string(ck->arena, s);
}

static size_t check_texts(struct tl_check *ck, const struct tl_json_place *at, const char *of,
                          struct command_text *t, const char ***out)
{
    if (!tl_check_list(ck, at, 0, TEXTS_MAX, of))
        return 0;
    size_t n = 0;
    *out = tl_arena_alloc(ck->arena, json_array_size(at->value) + 1, sizeof **out);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        (*out)[n] = check_text(ck, &it, 1, t);
        if (!(*out)[n])
            tl_note_found(ck, &it, "expected a non-empty string");
        else
            n++;
    }
    return n;
}

/* How many words a list of arguments has, with those that hang on conditions. A document nests at most 64 deep. */
static size_t count_words(const json_t *list)
{
    const json_t *v;
    size_t i, n = 0;
    json_array_foreach(list, i, v)
        n += json_is_object(v) ? count_words(json_object_get(v, "argv")) : 1;
    return n;
}

/* The program of a command. A relative path of one is made relative to the case. */
static void check_program(struct tl_check *ck, const struct tl_json_place *at, struct command_text *t,
                          struct tl_argv *argv)
{
    const char *s =
        check_text(ck, at, 1, t); /* only the program has to have a name: an argument may be empty */
    if (!s) {
        tl_note_found(ck, at, "expected a non-empty string%s",
                      json_is_object(at->value) ? ": the program itself is always there" : "");
        return;
    }
    char *local = strchr(s, '/') && s[0] != '/' && s[0] != '{' ? tl_format("{case_dir}/%s", s) : NULL;
    argv->words[argv->n++].text = local ? tl_arena_string(ck->arena, local) : s;
    free(local);
}

/* Arguments: strings, and objects that hold further ones and say when they are there. */
static void check_arguments(struct tl_check *ck, const struct tl_json_place *at, bool of_program,
                            const struct tl_word_condition *when, struct command_text *t,
                            struct tl_argv *argv)
{
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        struct tl_key keys[2];
        if (of_program && it.index == 0) {
            check_program(ck, &it, t, argv);
            continue;
        }
        if (!json_is_object(it.value)) {
            const char *s = check_text(ck, &it, 0, t);
            if (s)
                argv->words[argv->n++] = (struct tl_word){s, when};
            else
                tl_note_found(ck, &it, "expected a string, or an object with \"when\" and \"argv\"");
            continue;
        }
        if (!tl_check_keys(ck, &it, &tl_keys_word, keys, "an object with \"when\" and \"argv\""))
            continue;
        struct tl_word_condition *inner = tl_arena_alloc(ck->arena, 1, sizeof *inner);
        inner->outer = when;
        if (keys[0].at.value)
            tl_check_combination(ck, &keys[0].at, false, &inner->that);
        if (tl_check_list(ck, &keys[1].at, 1, ARGV_MAX, "arguments"))
            check_arguments(ck, &keys[1].at, false, inner, t, argv);
    }
}

static void check_argv(struct tl_check *ck, const struct tl_json_place *at, struct command_text *t,
                       struct tl_argv *argv)
{
    if (!tl_check_list(ck, at, 1, ARGV_MAX, "arguments"))
        return;
    size_t n = count_words(at->value);
    if (n > ARGV_MAX) {
        tl_note(ck, at, "expected at most %d arguments, with those that hang on conditions", ARGV_MAX);
        return;
    }
    argv->words = tl_arena_alloc(ck->arena, n + 1, sizeof *argv->words);
    check_arguments(ck, at, true, NULL, t, argv);
}

/* The patterns of files that are counted may hold placeholders, too. counts: an object, or a list of them. */
static void check_globs(struct tl_check *ck, const struct tl_json_place *counts,
                        const struct command_text *of)
{
    struct command_text t = *of;
    if (json_is_array(counts->value)) {
        for (struct tl_json_place it = tl_first(ck, counts); it.value; tl_next(ck, &it))
            if (json_is_object(it.value))
                check_globs(ck, &it, of);
        return;
    }
    for (struct tl_json_place k = tl_first(ck, counts); json_is_object(counts->value) && k.value;
         tl_next(ck, &k))
        if (json_is_string(k.value) && !strcmp(k.key, "glob")) {
            t.at = &k;
            tl_placeholders(json_string_value(k.value), check_placeholder, &t);
        }
}

/* runner: of a case without steps, whose runner's exit status and files are a matter of the protocol. */
static void check_expect(struct tl_check *ck, const struct tl_json_place *at, bool runner,
                         struct command_text *t, struct tl_expect *x)
{
    struct tl_key keys[6] = {0}; /* a runner has no last two */
    const char *expected = runner ? "an object of \"text\", \"no_text\", \"fallback\" and \"count\""
                                  : "an object of \"exit_status\", \"text\", \"no_text\", \"files\", "
                                    "\"fallback\" and \"count\"";
    if (!at->value ||
        !tl_check_keys(ck, at, runner ? &tl_keys_runner_expect : &tl_keys_expect, keys, expected))
        return;
    const struct tl_json_place *status = &keys[4].at;
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
    x->n_text = check_texts(ck, &keys[0].at, "texts", t, &x->text);
    x->n_no_text = check_texts(ck, &keys[1].at, "texts", t, &x->no_text);
    x->n_fallback = check_texts(ck, &keys[2].at, "texts", t, &x->fallback);
    x->n_files = check_texts(ck, &keys[5].at, "paths", t, &x->files);
    tl_check_bounds(ck, &keys[3].at, x);
    check_globs(ck, &keys[3].at, t);
}

/* What a step is done for: shown beside it, and nothing else. */
static const char *check_about(struct tl_check *ck, const struct tl_json_place *at, struct command_text *t)
{
    const char *s = tl_check_string(ck, at, 1, 256);
    return s ? check_text(ck, at, 1, t) : NULL;
}

static void check_step(struct tl_check *ck, const struct tl_json_place *at, struct command_text *t,
                       struct tl_step *step)
{
    enum { PHASE, ARGV, EXPECT, TIMEOUT, TRACE, MARKER, COUNT, PLATFORM, ARCHITECTURE, N };
    struct tl_key keys[N];
    if (!tl_check_keys(ck, at, &tl_keys_step, keys, "a step: an object with \"phase\" and \"argv\""))
        return;
    if (keys[PHASE].at.value)
        step->phase = tl_check_phase(ck, &keys[PHASE].at, json_string_value(keys[PHASE].at.value));
    if (step->phase < 0)
        step->phase = 0;
    check_argv(ck, &keys[ARGV].at, t, &step->argv);
    tl_check_counts(ck, &keys[COUNT].at, &step->expect);
    check_globs(ck, &keys[COUNT].at, t);
    check_expect(ck, &keys[EXPECT].at, false, t, &step->expect);
    step->n_markers = tl_check_markers(ck, &keys[MARKER].at, &step->markers);
    step->platform = check_about(ck, &keys[PLATFORM].at, t);
    step->architecture = check_about(ck, &keys[ARCHITECTURE].at, t);
    tl_check_number(ck, &keys[TIMEOUT].at, 0, TL_CHECK_WEEK_S, false, &step->timeout_s);
    if (keys[TRACE].at.value && !json_is_boolean(keys[TRACE].at.value))
        tl_note_found(ck, &keys[TRACE].at, "expected true or false");
    step->untraced = json_is_false(keys[TRACE].at.value);
}

static void check_steps(struct tl_check *ck, const struct tl_json_place *at, bool has_model, bool has_inputs)
{
    struct command_text t = {.ck = ck, .in_steps = true, .has_model = has_model, .has_inputs = has_inputs};
    if (!tl_check_list(ck, at, 1, STEPS_MAX, "steps"))
        return;
    ck->c->steps = tl_arena_alloc(ck->arena, json_array_size(at->value), sizeof *ck->c->steps);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it))
        check_step(ck, &it, &t, &ck->c->steps[ck->c->n_steps++]);
}

static void on_inputs(void *arg, const char *name, size_t size, bool bad)
{
    bool *found = arg;
    *found |= !bad && size == 6 && !strncmp(name, "inputs", size);
}

/* Returns whether it writes a list of inputs. */
static bool check_generate(struct tl_check *ck, const struct tl_json_place *at)
{
    struct command_text t = {.ck = ck, .has_model = true, .has_outputs = true, .has_inputs = true};
    size_t before = ck->n_noted;
    bool inputs = false;
    check_argv(ck, at, &t, &ck->c->generate);
    if (!t.uses_model && ck->n_noted == before)
        tl_note(ck, at,
                "expected {model} in one of the arguments: the path where the generator leaves the model");
    for (size_t i = 0; i < ck->c->generate.n; i++)
        tl_placeholders(ck->c->generate.words[i].text, on_inputs, &inputs);
    return inputs;
}

void tl_check_commands(struct tl_check *ck, const struct tl_json_place *model, bool has_inputs)
{
    if (!json_is_object(model->value))
        return;
    bool has_model = json_object_get(model->value, "generate") || json_object_get(model->value, "file"),
         inputs = has_inputs;
    for (int steps = 0; steps < 2; steps++) /* the generator may make inputs for the steps */
        for (struct tl_json_place it = tl_first(ck, model); it.value; tl_next(ck, &it)) {
            if (!steps && !strcmp(it.key, "generate"))
                inputs |= check_generate(ck, &it);
            else if (steps && !strcmp(it.key, "steps"))
                check_steps(ck, &it, has_model, inputs);
        }
}

void tl_check_runner(struct tl_check *ck, const struct tl_json_place *expect,
                     const struct tl_json_place *marker, const struct tl_json_place *count)
{
    const struct tl_json_place *const all[] = {expect, marker, count};
    struct tl_case *c = ck->c;
    struct command_text t = {.ck = ck};
    if (c->model_kind == TL_MODEL_STEPS) {
        for (size_t i = 0; i < TL_COUNT(all); i++)
            if (all[i]->value)
                tl_note(ck, all[i], "expected none here: in a case of steps it belongs to a step");
        return;
    }
    tl_check_counts(ck, count, &c->expect);
    check_globs(ck, count, &t);
    check_expect(ck, expect, true, &t, &c->expect);
    c->n_markers = tl_check_markers(ck, marker, &c->markers);
}
