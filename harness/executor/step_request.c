/* What the runner of steps is sent, with the values of the variant filled in, and what is looked for in what any other
 * runner writes. Only {scratch} is left, which is not known before the trial begins. */
#include "harness/executor/executor_impl.h"

#include "harness/base/buffer.h"
#include "harness/base/program.h"

#include <stdlib.h>
#include <string.h>

/* What stands for the placeholders of a step. list: of inputs, where it is not that of the case. */
static struct tl_placeholder_paths paths_of(const struct tl_job *j, const char *inputs, const json_t *list)
{
    const char *model = j->generated.model ? j->generated.model : j->model ? j->model : j->c->model_file;
    return (struct tl_placeholder_paths){
        .model = model, .inputs = inputs, .scratch = "{scratch}", .elements = j->elements, .list = list};
}

static json_t *filled(const struct tl_job *j, const char *text, const struct tl_placeholder_paths *paths)
{
    char *word = tl_case_fill(j->c, &j->variant, text, paths);
    json_t *s = json_string(word);
    free(word);
    return s;
}

static json_t *texts_of(const struct tl_job *j, size_t n, const char *const *list,
                        const struct tl_placeholder_paths *paths)
{
    json_t *to = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(to, filled(j, list[i], paths));
    return to;
}

/* What is counted. Braces of a regular expression are its own. */
static json_t *counts_of(const struct tl_job *j, const struct tl_expect *x,
                         const struct tl_placeholder_paths *paths)
{
    static const char *const keys[] = {
        [TL_COUNT_GLOB] = "glob", [TL_COUNT_REGEX] = "regex", [TL_COUNT_NUMBER] = "number"};
    json_t *list = json_array();
    for (size_t i = 0; i < x->n_count; i++) {
        const struct tl_count *k = &x->count[i];
        json_t *one =
            json_pack("{s:s,s:o}", "name", k->name, keys[k->kind],
                      k->kind == TL_COUNT_GLOB ? filled(j, k->pattern, paths) : json_string(k->pattern));
        if (k->bounded) {
            json_object_set_new(one, "min", json_integer((json_int_t)k->min));
            json_object_set_new(one, "max", json_integer((json_int_t)k->max));
        }
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *expect_of(const struct tl_job *j, const struct tl_expect *x,
                         const struct tl_placeholder_paths *paths)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "text", texts_of(j, x->n_text, x->text, paths), "no_text",
                     texts_of(j, x->n_no_text, x->no_text, paths), "files",
                     texts_of(j, x->n_files, x->files, paths), "fallback",
                     texts_of(j, x->n_fallback, x->fallback, paths), "count", counts_of(j, x, paths));
}

static json_t *markers_of(size_t n, const struct tl_marker *markers)
{
    json_t *all = json_object();
    for (size_t i = 0; i < n; i++) {
        const char *phase = tl_phase_name((enum tl_phase)markers[i].phase);
        json_t *list = json_object_get(all, phase);
        if (!list)
            json_object_set_new(all, phase, list = json_array());
        json_array_append_new(list, json_string(markers[i].pattern));
    }
    return all;
}

/* The words of a step, its program found; NULL when it cannot be. *named: it as the case has it, where PATH was searched for
 * it: a reader's is somewhere else. */
static json_t *argv_of(const struct tl_job *j, const struct tl_step *s,
                       const struct tl_placeholder_paths *paths, json_t **named, struct tl_error *e)
{
    char **words = tl_case_command(j->c, &j->variant, &s->argv, paths);
    const char *path = tl_environment_value((const char *const *)j->settings, "PATH");
    bool made = !strncmp(words[0], "{scratch}/", 10); /* by an earlier step: its runner will see */
    char *program = made ? tl_strdup(words[0]) : tl_program_find_in(path, j->c->directory, words[0], e);
    json_t *argv = program ? json_array() : NULL;
    for (size_t i = 0; argv && words[i]; i++)
        json_array_append_new(argv, json_string(i ? words[i] : program));
    *named = argv && !strchr(words[0], '/') ? json_string(words[0]) : NULL;
    free(program);
    tl_strings_free(words);
    return argv;
}

json_t *tl_step_requests(const struct tl_job *j, const char *inputs, struct tl_error *e)
{
    const struct tl_case *c = j->c;
    json_t *steps = json_array(), *list = j->inputs ? json_load_file(j->inputs, 0, NULL) : NULL;
    const struct tl_placeholder_paths paths = paths_of(j, inputs, list);
    for (size_t i = 0; i < c->n_steps; i++) {
        const struct tl_step *s = &c->steps[i];
        json_t *named, *argv = argv_of(j, s, &paths, &named, e);
        if (!argv) {
            json_decref(steps);
            json_decref(list);
            return NULL;
        }
        json_t *expect = expect_of(j, &s->expect, &paths);
        json_object_set_new(expect, "exit_status",
                            s->expect.exit_status < 0 ? json_string("any")
                                                      : json_integer(s->expect.exit_status));
        json_t *step = json_pack("{s:s,s:o,s:o}", "phase", tl_phase_name((enum tl_phase)s->phase), "argv",
                                 argv, "expect", expect);
        if (named)
            json_object_set_new(step, "program", named);
        if (s->n_markers)
            json_object_set_new(step, "phase_marker", markers_of(s->n_markers, s->markers));
        if (s->platform)
            json_object_set_new(step, "platform", filled(j, s->platform, &paths));
        if (s->architecture)
            json_object_set_new(step, "architecture", filled(j, s->architecture, &paths));
        if (s->timeout_s > 0)
            json_object_set_new(step, "timeout_s", json_real(s->timeout_s));
        if (s->untraced)
            json_object_set_new(step, "trace", json_false());
        json_array_append_new(steps, step);
    }
    json_decref(list);
    return steps;
}

json_t *tl_generator_request(const struct tl_job *j)
{
    const struct tl_generated *g = &j->generated;
    const struct tl_placeholder_paths paths = {.model = g->model,
                                               .inputs = g->inputs,
                                               .outputs = g->outputs,
                                               .scratch = "{scratch}",
                                               .elements = j->elements};
    char **words = tl_case_command(j->c, &j->variant, &j->c->generate, &paths);
    json_t *argv = json_array();
    for (size_t i = 0; words[i]; i++)
        json_array_append_new(argv, json_string(i || !strchr(words[0], '/') ? words[i] : g->argv[0]));
    tl_strings_free(words);
    return argv;
}

json_t *tl_watch_request(const struct tl_job *j)
{
    const struct tl_case *c = j->c;
    const struct tl_placeholder_paths paths = paths_of(j, NULL, NULL);
    const struct tl_expect *x = &c->expect;
    if (c->model_kind == TL_MODEL_STEPS ||
        !(c->n_markers || x->n_count || x->n_text || x->n_no_text || x->n_fallback))
        return NULL;
    return json_pack("{s:o,s:o}", "phase_marker", markers_of(c->n_markers, c->markers), "expect",
                     expect_of(j, x, &paths));
}
