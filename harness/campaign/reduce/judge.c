/* A command that judges: a compiler, a script, the runner of somebody else. Its words come from a command line and become the one
 * step of a case whose model is the file, so that it is run as steps are: in a session of its own, traced, with limits and
 * without a shell. What a reader of the case needs to run it again stands in it: no path of it hangs on where trapline was
 * started. */
#include "harness/campaign/reduce/judge.h"

#include "cases/case.h"
#include "cases/inputs.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/paths.h"
#include "harness/base/program.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char doing[] = "not a command that can judge";

/* --- words ----------------------------------------------------------------------------------------------- */

/* The length of what stands in braces where it may be a name of something; 0: they are braces, as in `awk '{ print }'`. */
static size_t name_in_braces(const char *at)
{
    size_t n = strcspn(at + 1, "{}");
    if (*at != '{' || at[1 + n] != '}')
        return 0;
    for (size_t i = 0; i < n; i++)
        if (isspace((unsigned char)at[1 + i]) || strchr("'\"`$;,\\()[]", at[1 + i]))
            return 0;
    return n;
}

/* A word of the user's as a text of a case: a name in braces is a placeholder, any other brace is one. */
static char *quoted(const char *word)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    while (*word) {
        bool twice = *word && word[0] == word[1] && strchr("{}", *word);
        size_t n = twice ? 2 : *word == '{' ? name_in_braces(word) : 0;
        if (twice || n) {
            size_t size = twice ? 2 : n + 2;
            tl_buffer_add(&b, word, size);
            word += size;
        } else {
            tl_buffer_printf(&b, strchr("{}", *word) ? "%c%c" : "%c", *word, *word);
            word++;
        }
    }
    return tl_buffer_take(&b);
}

/* A text in which nothing is a placeholder. */
static char *escaped(const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (; *text; text++)
        tl_buffer_printf(&b, strchr("{}", *text) ? "%c%c" : "%c", *text, *text);
    return tl_buffer_take(&b);
}

/* A path from the working directory on that leads to something, in a word by itself or behind the '=' of an option. The steps of
 * a case run in a directory of their own. */
static char *made_absolute(const char *word)
{
    const char *equals = *word == '-' ? strchr(word, '=') : NULL, *path = equals ? equals + 1 : word;
    char *real = NULL, *made = NULL;
    bool may = *path && *path != '/' && *path != '-' && strpbrk(path, "/.") && !strpbrk(path, "{}");
    if (may && !access(path, F_OK) && (real = realpath(".", NULL)))
        made =
            tl_format("%.*s%s/%s", (int)(path - word), word, real, path + (strncmp(path, "./", 2) ? 0 : 2));
    free(real);
    return made ? made : tl_strdup(word);
}

static void note_model(void *arg, const char *name, size_t size, bool bad)
{
    bool *found = arg;
    *found = *found || (!bad && size == 5 && !memcmp(name, "model", 5));
}

static void note_inputs(void *arg, const char *name, size_t size, bool bad)
{
    bool *found = arg;
    *found = *found || (!bad && ((size == 6 && !memcmp(name, "inputs", 6)) ||
                                 (size > 4 && !memcmp(name + size - 4, ".npy", 4))));
}

static void note_files(void *arg, const char *name, size_t size, bool bad)
{
    bool *found = arg;
    *found = *found || (!bad && size > 4 && !memcmp(name + size - 4, ".npy", 4));
}

static bool has(const json_t *words, tl_placeholder_found note)
{
    const json_t *word;
    size_t i;
    bool found = false;
    json_array_foreach(words, i, word)
        if (json_is_string(word))
            tl_placeholders(json_string_value(word), note, &found);
    return found;
}

bool tl_reduce_judge_wants_inputs(const struct tl_reduce_judge *judge)
{
    bool found = false;
    for (size_t i = 0; i < judge->n; i++)
        tl_placeholders(judge->argv[i], note_inputs, &found);
    return found;
}

static bool any_step(const struct tl_case *c, tl_placeholder_found note)
{
    bool found = false;
    for (size_t i = 0; i < c->n_steps; i++)
        for (size_t k = 0; k < c->steps[i].argv.n; k++)
            tl_placeholders(c->steps[i].argv.words[k].text, note, &found);
    return found;
}

bool tl_reduce_takes_inputs(const struct tl_case *c)
{
    return c->model_kind != TL_MODEL_STEPS || any_step(c, note_inputs);
}

bool tl_reduce_names_inputs(const struct tl_case *c)
{
    return any_step(c, note_files);
}

static json_t *words_of(const struct tl_reduce_judge *judge, struct tl_error *e)
{
    json_t *words = json_array();
    for (size_t i = 0; i < judge->n; i++) {
        char *absolute = made_absolute(judge->argv[i]), *word = quoted(absolute);
        json_t *j = json_string(word);
        if (j)
            json_array_append_new(words, j);
        free(word);
        free(absolute);
        if (!j) {
            json_decref(words);
            tl_fail(e, TL_ERROR_INPUT, doing, "--", "word %zu of the command is no UTF-8", i + 1);
            return NULL;
        }
    }
    const char *program = json_string_value(json_array_get(words, 0));
    char *found = NULL, *here = realpath(".", NULL);
    if (!has(words, note_model))
        tl_fail(
            e, TL_ERROR_INPUT, doing, judge->n ? judge->argv[0] : "--",
            "{model} was expected in one of its words: it becomes the path of the model that is tried, as in "
            "`-- %.200s {model}`",
            judge->n ? judge->argv[0] : "compiler");
    else if (!strchr(program, '{') && !(found = tl_program_find(here ? here : ".", program, e)))
        e->kind = TL_ERROR_INPUT;
    bool good = has(words, note_model) && (found || strchr(program, '{'));
    free(found);
    free(here);
    if (!good) {
        json_decref(words);
        return NULL;
    }
    return words;
}

/* --- inputs as files -------------------------------------------------------------------------------------- */

static int write_file(const struct tl_input *input, const char *path, struct tl_error *e)
{
    char *making = tl_format("%s.new", path);
    int result = tl_reduce_write_input(input, making, e);
    if (!result && rename(making, path))
        result =
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write an input", path, TL_REDUCE_NO_DISK);
    free(making);
    return result;
}

/* Every input of the list is a file from now on, in a directory that is named by what is in it. */
static int make_files(json_t *list, const char *state, const char *directory, const json_t *variant,
                      struct tl_error *e)
{
    struct tl_input *inputs = NULL;
    size_t n = 0;
    char id[TL_ID_SIZE];
    json_t *of = json_pack("{s:O,s:O}", "list", list, "variant", (json_t *)(uintptr_t)variant);
    char *text = json_dumps(of, JSON_COMPACT | JSON_SORT_KEYS);
    tl_content_id(text, strlen(text), id);
    char *below = tl_format("%s/inputs/%s", state, id);
    int result = tl_inputs_parse(list, directory, variant, &inputs, &n, e);
    if (!result && tl_make_directories(below, 0700))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", below,
                               TL_REDUCE_NO_DISK);
    for (size_t i = 0; !result && i < n; i++) {
        json_t *input = json_array_get(list, i), *shape = json_array();
        if (inputs[i].npy) {
            json_object_set_new(input, "npy", json_string(inputs[i].npy));
            json_decref(shape);
            continue;
        }
        for (size_t d = 0; d < inputs[i].rank; d++)
            json_array_append_new(shape, json_integer(inputs[i].dims[d]));
        char *path = tl_format("%s/%zu.npy", below, i);
        result = write_file(&inputs[i], path, e);
        json_object_set_new(input, "shape", shape);
        json_object_set_new(input, "npy", json_string(path));
        json_object_del(input, "fill");
        json_object_del(input, "data");
        free(path);
    }
    tl_inputs_free(inputs, n);
    json_decref(of);
    free(below);
    free(text);
    return result;
}

/* --- the step --------------------------------------------------------------------------------------------- */

int tl_reduce_judge_add(const struct tl_reduce_wanted *w, json_t *document, const char *directory,
                        const json_t *variant, struct tl_error *e)
{
    const struct tl_reduce_judge *judge = w->judge;
    json_t *words = words_of(judge, e), *list = json_object_get(document, "inputs");
    if (!words)
        return -1;
    if (has(words, note_files) && list && make_files(list, w->state, directory, variant, e)) {
        json_decref(words);
        return -1;
    }
    json_t *step = json_pack("{s:s,s:o}", "phase", "execute", "argv", words);
    if (judge->failure_text) {
        char *text = escaped(judge->failure_text);
        json_object_set_new(step, "expect", json_pack("{s:[s]}", "no_text", text));
        free(text);
    }
    json_object_set_new(json_object_get(document, "model"), "steps", json_pack("[o]", step));
    return 0;
}

int tl_reduce_judge_mistakes(const struct tl_reduce_judge *judge, struct tl_mistakes *m, struct tl_error *e)
{
    static const char place[] = "$.model.steps[0].argv[";
    for (size_t i = 0; i < m->n; i++) {
        const char *path = m->list[i].path;
        size_t word =
            strncmp(path, place, sizeof place - 1) ? judge->n : strtoul(path + sizeof place - 1, NULL, 10);
        if (word >= judge->n)
            continue;
        tl_fail(e, TL_ERROR_INPUT, doing, judge->argv[word], "%s", m->list[i].expected);
        tl_mistakes_free(m);
        return -1;
    }
    return 0;
}
