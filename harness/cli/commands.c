/* The list of commands; which one a command line names, and what is said when it names none. And those two that are about
 * the others: `trapline help` and `trapline version`. */
#include "harness/cli/cli.h"

#include "cases/suggest.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

const struct tl_command *const tl_commands[] = {
    &tl_command_init,    &tl_command_run,
    &tl_command_isolate, &tl_command_reduce,
    &tl_command_matrix,  &tl_command_compare,
    &tl_command_nightly, &tl_command_known,
    &tl_command_list,    &tl_command_show,
    &tl_command_report,  &tl_command_import,
    &tl_command_builds,  &tl_command_devices,
    &tl_command_db,      &tl_command_fleet,
    &tl_command_worker,  &tl_command_config,
    &tl_command_doctor,  &tl_command_help,
    &tl_command_version, NULL,
};

const struct tl_command *tl_command_named(const char *name)
{
    for (size_t i = 0; tl_commands[i]; i++)
        if (!strcmp(tl_commands[i]->name, name))
            return tl_commands[i];
    return NULL;
}

/* Whether the letters of a word stand in a name in their order, the first one at its beginning: "iso", "rn", "nght". */
static bool shortens(const char *word, const char *name)
{
    if (*word != *name)
        return false;
    while (*word && *name)
        word += *name++ == *word;
    return !*word;
}

/* The one command that the word is short for; otherwise the one that is a slip away. */
static const char *meant(const char *word)
{
    const char *names[TL_COUNT(tl_commands)], *one = NULL;
    size_t n = 0, fitting = 0;
    for (; tl_commands[n]; n++) {
        names[n] = tl_commands[n]->name;
        if (shortens(word, names[n])) {
            fitting++;
            one = names[n];
        }
    }
    return fitting == 1 ? one : tl_suggest(word, names, n);
}

int tl_command_unknown(const char *name)
{
    const char *suggested = meant(name);
    return suggested ? tl_usage_error(NULL, "%s: no such command; did you mean %s?", name, suggested)
                     : tl_usage_error(NULL, "%s: no such command", name);
}

int tl_command_place(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || !argv[i][1])
            return i;
        if (tl_options_value_follows(argv[i]))
            i++;
    }
    return argc;
}

static void usage(FILE *f)
{
    fputs("usage: trapline COMMAND [OPTION]… [ARGUMENT]…\n\n"
          "Runs variants of a model in isolated processes, survives and records whatever they do.\n\n",
          f);
    for (size_t i = 0; tl_commands[i]; i++)
        fprintf(f, "  %-9s %s\n", tl_commands[i]->name, tl_commands[i]->about);
    fputs("\n`trapline help COMMAND` shows the options of a command. Start with `trapline doctor`.\n"
          "Exit status: 0 nothing failed, 1 a failure was found, 2 the command, case or data was wrong,\n"
          "3 trapline or its environment failed, 130 interrupted.\n",
          f);
}

int tl_command_none(int argc, char **argv)
{
    bool help = false, version = false, json = false;
    for (int i = 1; i < argc; i++) {
        help = help || !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h");
        version = version || !strcmp(argv[i], "--version") || !strcmp(argv[i], "-V");
        json = json || !strcmp(argv[i], "--json");
    }
    if (version)
        return tl_cli_print_version(json);
    if (help && json)
        return tl_print_json(tl_options_document(tl_commands));
    if (help) {
        usage(stdout);
        return tl_finish_output(TL_EXIT_OK);
    }
    static const struct tl_command none = {.name = "", .options = ""};
    struct tl_options o;
    int status = tl_options_parse(&none, argc, argv, &o); /* says what is wrong with an option */
    tl_options_free(&o);
    if (status >= 0)
        return status;
    usage(stderr);
    return TL_EXIT_INPUT;
}

static int help(struct tl_options *o)
{
    const struct tl_command *found[] = {NULL, NULL};
    if (o->n_args > 1)
        return tl_usage_error(&tl_command_help, "one command was expected");
    if (o->n_args && !(found[0] = tl_command_named(o->args[0])))
        return tl_command_unknown(o->args[0]);
    if (o->json)
        return tl_print_json(tl_options_document(found[0] ? found : tl_commands));
    if (found[0])
        tl_options_help(found[0]);
    else
        usage(stdout);
    return tl_finish_output(TL_EXIT_OK);
}

static int version(struct tl_options *o)
{
    return o->n_args ? tl_usage_error(&tl_command_version, "no argument was expected")
                     : tl_cli_print_version(o->json);
}

const struct tl_command tl_command_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .about = "list the commands, or the options of one",
    .options = "",
    .about_itself = true,
    .run = help,
};

const struct tl_command tl_command_version = {
    .name = "version",
    .arguments = "",
    .about = "say which version of trapline this is",
    .options = "",
    .about_itself = true,
    .run = version,
};
