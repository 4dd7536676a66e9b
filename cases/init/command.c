/* A case of a command line that fails. Words that are files come along, an output goes where a trial may write, and what can be
 * left out or made smaller is an axis: a flag is there or not, a number is smaller, another option is there with its value or
 * not. Which words belong together cannot be known for sure: an option that is taken away from its value makes the command
 * refuse, which is another failure than the one that is looked for, and so costs a trial and no truth. */
#include "cases/init/init.h"

#include "cases/init/config.h"
#include "cases/init/words.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/places.h"
#include "harness/base/program.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM_MOST ((off_t)64 << 20)

/* A program of the working directory that looks for no libraries beside itself. It is taken along, and a report of the case
 * with it; whatever else stands around it is not. */
static bool stands_alone(const char *real, off_t size)
{
    char *here = realpath(".", NULL);
    size_t n = here ? strlen(here) : 0, read = 0;
    char *bytes = n && !strncmp(real, here, n) && real[n] == '/' && size <= PROGRAM_MOST
                      ? tl_read_file(real, (size_t)PROGRAM_MOST, &read)
                      : NULL;
    bool alone = bytes && !memmem(bytes, read, "$ORIGIN", 7) && !memmem(bytes, read, "@rpath", 6) &&
                 !memmem(bytes, read, "@loader_path", 12) && !memmem(bytes, read, "@executable_path", 16);
    free(bytes);
    free(here);
    return alone;
}

/* Whether a file is a script of Python that cannot be started by itself. */
static bool is_script_of_python(const char *path)
{
    size_t n = strlen(path);
    return n > 3 && !strcmp(path + n - 3, ".py") && access(path, X_OK);
}

/* The program as the case names it, and the file in which it is, which is looked at for names of others. */
static int add_program(struct tl_init *p, const char *word, json_t *argv, char **program, struct tl_error *e)
{
    struct stat st;
    *program = NULL;
    if (!*word)
        return tl_fail(e, TL_ERROR_INPUT, "no program", "--", "the command's first word is empty");
    if (!strchr(word, '/')) {
        char *found = tl_program_find(".", word, e);
        if (!found)
            return stat(word, &st) ? -1
                                   : tl_fail(e, TL_ERROR_INPUT, "no such program", word,
                                             "it is a file here and not in PATH: write %s%s",
                                             is_script_of_python(word) ? "python3 " : "./", word);
        p->program = tl_strdup(word);
        free(found);
        json_array_append_new(argv, json_string(word));
        return 0;
    }
    char *real = realpath(word, NULL);
    if (!real || stat(real, &st) || !S_ISREG(st.st_mode) || access(real, X_OK)) {
        int err = real && errno ? errno : ENOENT;
        free(real);
        return tl_fail_errno(e, TL_ERROR_INPUT, err, "no such program", word,
                             "a file that can be executed was expected");
    }
    char *interpreter = tl_interpreter_line(real), *made;
    bool file;
    if (interpreter ||
        stands_alone(real, st.st_size)) { /* a script; a program with libraries around it stays where it is */
        made = tl_init_word(p, real, &file);
        p->script = interpreter ? tl_strdup(real) : NULL;
    } else {
        json_t *text = json_string(real);
        p->not_text = p->not_text || !text;
        json_decref(text);
        made = tl_init_escape(real);
        if (!tl_place_is_of_system(real))
            tl_init_note(p, "the program stays where it is, %s", real);
    }
    json_array_append_new(argv, json_string(made));
    *program = real;
    free(made);
    free(interpreter);
    return 0;
}

/* The one model of ONNX that the command is given is the case's model, so that it can be reduced with the command as the judge. */
static void take_model(struct tl_init *p, json_t *argv)
{
    const char *only = NULL;
    size_t n = 0;
    for (size_t i = 0; i < p->n_files; i++) {
        const char *dot = strrchr(p->files[i].to, '.');
        if (dot && !strcmp(dot, ".onnx")) {
            only = p->files[i].to;
            n++;
        }
    }
    if (n != 1 || strpbrk(only, "{}"))
        return;
    char *word = tl_format("{case_dir}/%s", only);
    tl_init_replace_words(argv, word, "{model}");
    json_t *model = json_object_get(p->document, "model"),
           *steps = json_incref(json_object_get(model, "steps"));
    json_object_clear(model);
    json_object_set_new(model, "file", json_string(only));
    json_object_set_new(model, "steps", steps);
    free(word);
}

/* An option that names a configuration whose values vary is always there. */
static void keep_configs(struct tl_init *p)
{
    const json_t *file;
    size_t i, k;
    json_t *optional = tl_init_optional(p), *axis, *word;
    json_array_foreach(p->written, i, file) {
        char *name = tl_init_escape(json_string_value(json_object_get(file, "name"))),
             *path = tl_format("{scratch}/%s", name);
        json_array_foreach(optional, k, axis) {
            const char *is = NULL;
            size_t at;
            json_array_foreach(p->argv, at, word)
                if (json_object_get(json_object_get(word, "when"), json_string_value(axis))) {
                    char *text = json_dumps(json_object_get(word, "argv"), 0);
                    is = strstr(text, path) ? json_string_value(axis) : is;
                    free(text);
                }
            if (is)
                tl_init_require(p, is);
        }
        free(path);
        free(name);
    }
    json_decref(optional);
}

int tl_init_of_command(struct tl_init *p, const struct tl_init_words *w, const char *directory,
                       struct tl_error *e)
{
    struct tl_init_guesses g = {.axes = json_array(),
                                .failing = json_object(),
                                .files = json_array(),
                                .argv = json_array(),
                                .given = w->n_axes > 0};
    char *program = NULL;
    bool file, script;
    size_t first = tl_init_wrapped(w->argv, w->n, &script);
    int result = w->n ? tl_init_check_words(w, e)
                      : tl_fail(e, TL_ERROR_INPUT, "no command", "--",
                                "behind it a command was expected: PROGRAM ARGUMENT…");
    if (!result) {
        p->name = tl_init_name(w->argv[script ? first : 0]);
        p->directory = directory ? tl_strdup(directory) : tl_format("%s-case", p->name);
        result =
            tl_init_given_axes(w, g.axes, g.failing, e) || add_program(p, w->argv[0], g.argv, &program, e)
                ? -1
                : 0;
    }
    if (!result) {
        for (size_t i = 1; i < first; i++) {
            char *word = g.given ? tl_init_placeholders(w->argv[i], g.axes) : tl_init_escape(w->argv[i]);
            json_array_append_new(g.argv, json_string(word));
            free(word);
        }
        if (script) {
            char *word = tl_init_word(p, w->argv[first], &file);
            json_array_append_new(g.argv, json_string(word));
            free(word);
            free(p->script);
            p->script = realpath(w->argv[first], NULL);
            first++;
        }
        tl_init_add_words(p, w->argv + first, w->n - first, &g);
        tl_init_add_needs(p, program);
        tl_init_vary_configs(p, &g);
        json_t *expect = json_object();
        if (json_array_size(g.files))
            json_object_set(expect, "files", g.files);
        json_t *step = json_pack("{s:s,s:O}", "phase", "execute", "argv", g.argv);
        if (json_object_size(expect))
            json_object_set(step, "expect", expect);
        json_decref(expect);
        p->document =
            json_pack("{s:i,s:s,s:{s:[o]},s:O,s:{s:i,s:i}}", "trapline", 1, "name", p->name, "model", "steps",
                      step, "axes", g.axes, "limits", "timeout_s", 600, "memory_mb", 16384);
        if (json_object_size(g.failing))
            json_object_set(p->document, "failing", g.failing);
        p->argv = json_incref(g.argv);
        if (p->written)
            json_object_set(p->document, "files", p->written);
        take_model(p, g.argv);
        keep_configs(p);
        tl_init_put_in_scratch(p);
        if (p->not_text || json_array_size(g.axes) > 128)
            result =
                tl_fail(e, TL_ERROR_INPUT, "cannot make a case of the command", w->argv[0],
                        p->not_text ? "the path of a file that it names is not UTF-8, which a case has to be"
                                    : "it has more than 128 options; say with --axis which ones matter");
    }
    free(program);
    json_decref(g.axes);
    json_decref(g.failing);
    json_decref(g.files);
    json_decref(g.argv);
    return result;
}
