/* trapline init: a first case that runs, of a model, a command line, a script or a crash report. */
#include "harness/cli/init.h"

#include "harness/base/buffer.h"
#include "harness/base/file_kind.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is typed of a file that is a program, and no model: "./tool", "python3 script.py"; the caller's. NULL: it is none. */
static char *as_command(const char *path)
{
    size_t n = strlen(path);
    enum tl_file_kind kind;
    if (tl_file_kind(path, &kind) || kind == TL_FILE_EMPTY)
        return NULL;
    char *word = tl_cli_init_typed(path), *made = NULL;
    if ((kind == TL_FILE_SCRIPT || kind == TL_FILE_PROGRAM) && !access(path, X_OK))
        made = tl_format("%s%s", strchr(path, '/') ? "" : "./", word);
    else if (tl_file_kind_is_text(kind) && n > 3 && !strcmp(path + n - 3, ".py"))
        made = tl_format("python3 %s", word);
    free(word);
    return made;
}

/* What is not there is refused by name. -1 to go on. */
static int check(const struct tl_options *o)
{
    if (o->runner && strcmp(o->runner, "python") != 0)
        return tl_usage_error(&tl_command_init, "--runner %s: python was expected", o->runner);
    if (o->words && !o->n_words && !o->runner)
        return tl_usage_error(
            &tl_command_init,
            "behind -- a command was expected, as in `-- my-compiler --block=64 in.onnx -o out`");
    if (o->n_args && o->words && !o->runner)
        return tl_usage_error(&tl_command_init, "%s: a model or a command was expected, and not both",
                              o->args[0]);
    char *command = o->n_args && !o->words && !o->runner ? as_command(o->args[0]) : NULL;
    if (command) {
        int status = tl_usage_error(&tl_command_init, "%s is a program: trapline init -- %s%s", o->args[0],
                                    command, o->n_args > 1 ? " ARGUMENT…" : "");
        free(command);
        return status;
    }
    if (o->n_args > 1)
        return tl_usage_error(&tl_command_init,
                              "%s: one file was expected; a command with its arguments stands behind --: "
                              "`trapline init -- %s %s …`",
                              o->args[1], o->args[0], o->args[1]);
    if (!o->n_args && !o->n_words)
        return tl_usage_error(&tl_command_init,
                              o->runner
                                  ? "a Python script was expected: --runner python SCRIPT.py [-- ARGUMENT…]"
                                  : "a model, a crash report, or -- and a command was expected");
    if (o->n_axes && !o->words)
        return tl_usage_error(&tl_command_init,
                              "--axis goes with a command: `--axis block=16,32,64 -- tool --block={block}`");
    if (o->n_inputs && (o->words || o->runner))
        return tl_usage_error(&tl_command_init,
                              "--inputs goes with a model: `trapline init model.onnx --inputs image.npy`");
    if (o->n_units > 1)
        return tl_usage_error(&tl_command_init, "one -u UNIT was expected");
    return -1;
}

/* The file that a runner in Python imports: beside the runners, or in the folder of what they share. */
static char *python_library(struct tl_error *e)
{
    static const char *const below[] = {"python/trapline.py", "trapline.py", "../python/trapline.py"};
    char *directories = tl_runner_directories(), *one, *found = NULL;
    const char *list = directories;
    while (!found && (one = tl_next_directory(&list))) {
        for (size_t i = 0; i < TL_COUNT(below) && !found; i++) {
            char *path = tl_format("%s/%s", one, below[i]);
            found = realpath(path, NULL);
            free(path);
        }
        free(one);
    }
    if (!directories)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a runner", "trapline.py",
                      "the runners that come with trapline cannot be listed");
    else if (!found)
        tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot make a runner", "trapline.py",
                "it is not in %s; it comes with trapline, in share/trapline/runners/python", directories);
    free(directories);
    return found;
}

static int plan_python(struct tl_init *p, const struct tl_options *o, struct tl_error *e)
{
    char *library = python_library(e);
    const char **argv = tl_calloc((size_t)(o->n_args + o->n_words) + 1, sizeof *argv);
    size_t n = 0;
    for (int i = 0; i < o->n_args; i++)
        argv[n++] = o->args[i];
    for (int i = 0; i < o->n_words; i++)
        argv[n++] = o->words[i];
    const struct tl_init_words w = {.argv = argv, .n = n, .axes = o->axes, .n_axes = o->n_axes};
    int result = library ? tl_init_of_python(p, &w, library, o->out, e) : -1;
    free(argv);
    free(library);
    return result;
}

/* Its version, where it tells one: a program that was changed is then another one. */
static void add_version(struct tl_init *p)
{
    const char *argv[] = {p->program, "--version", NULL};
    struct tl_buffer out = TL_BUFFER_INIT, err = TL_BUFFER_INIT;
    struct tl_program run = {.argv = argv, .out = &out, .err = &err, .timeout_s = 5};
    struct tl_error ignored;
    if (!p->program || tl_program_run(&run, &ignored) || !WIFEXITED(run.status) || WEXITSTATUS(run.status) ||
        !(out.size + err.size)) {
        tl_buffer_free(&out);
        tl_buffer_free(&err);
        return;
    }
    json_object_set_new(
        p->document, "versions",
        json_pack("[{s:s,s:[s,s]}]", "name", tl_base_name(p->program), "argv", p->program, "--version"));
    tl_buffer_free(&out);
    tl_buffer_free(&err);
}

static int init(struct tl_options *o)
{
    struct tl_init p = {0};
    struct tl_error e;
    enum tl_file_kind kind = TL_FILE_EMPTY;
    int status = check(o), result = 0;
    if (status >= 0)
        return tl_finish_output(status);
    if (o->runner) {
        result = plan_python(&p, o, &e);
    } else if (o->words) {
        const struct tl_init_words w = {.argv = (const char *const *)o->words,
                                        .n = (size_t)o->n_words,
                                        .axes = o->axes,
                                        .n_axes = o->n_axes};
        result = tl_init_of_command(&p, &w, o->out, &e);
    } else if (!tl_file_kind(o->args[0], &kind) && tl_file_kind_is_text(kind)) {
        status = tl_cli_init_of_report(&p, &tl_command_init, o, o->args[0]);
    } else {
        result = tl_init_of_model(&p, o->args[0], o->out, &e) || tl_init_feed(&p, o->inputs, o->n_inputs, &e)
                     ? -1
                     : 0;
    }
    if (status < 0 && !result) {
        add_version(&p);
        status = tl_cli_init_run(&p, &tl_command_init, o);
    } else if (result) {
        status = tl_print_error(&e);
    }
    tl_init_free(&p);
    return tl_finish_output(status);
}

const struct tl_command tl_command_init = {
    .name = "init",
    .arguments = "MODEL|REPORT|-- ARGV…  [-u UNIT] [-o DIR] [--inputs [NAME=]FILE.npy|DIR]… [--axis "
                 "NAME=V1,V2]… [--runner python]",
    .about = "a first case, of a model, a command line or a crash report",
    .options = "unit out inputs axis runner no-cgroup sandbox network user",
    .takes_words = true,
    .run = init,
};
