/* trapline: finds out exactly what makes a model crash a runtime. One file here for each command. */
#include "harness/cli/cli.h"
#include "harness/cli/run_for.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct tl_command *const commands[] = {
    &tl_command_run,     &tl_command_isolate, &tl_command_reduce, &tl_command_matrix, &tl_command_compare,
    &tl_command_nightly, &tl_command_list,    &tl_command_show,   &tl_command_report, &tl_command_import,
    &tl_command_builds,  &tl_command_devices, &tl_command_db,     &tl_command_doctor, NULL,
};

static void usage(FILE *f)
{
    fputs("usage: trapline COMMAND [OPTION]… [ARGUMENT]…\n\n"
          "Runs variants of a model in isolated processes, survives and records whatever they do.\n\n",
          f);
    for (size_t i = 0; commands[i]; i++)
        fprintf(f, "  %-9s %s\n", commands[i]->name, commands[i]->about);
    fputs("\n`trapline COMMAND --help` shows the options of a command. Start with `trapline doctor`.\n"
          "Exit status: 0 nothing failed, 1 a failure was found, 2 the command, case or data was wrong,\n"
          "3 trapline or its environment failed, 130 interrupted.\n",
          f);
}

/* Descriptors 0 to 2 that are closed are taken at once, lest what is printed lands in a file or a socket that
 * got their number. What is written to such a stdout fails, and is said. */
static void take_closed(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

/* With fewer a loop cannot even be made, or a stack not be read and nobody knows why. */
static bool enough_files(void)
{
    enum { LEAST = 64 };
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= LEAST)
        return true;
    fprintf(
        stderr,
        "trapline: the limit of open files is %llu, and at least %d are needed: raise it (ulimit -n 1024)\n",
        (unsigned long long)files.rlim_cur, LEAST);
    return false;
}

/* The first word that is a command: NULL when none is. */
static const char *command_among(int argc, char **argv)
{
    for (int a = 1; a < argc; a++)
        for (size_t i = 0; commands[i]; i++)
            if (!strcmp(argv[a], commands[i]->name))
                return argv[a];
    return NULL;
}

static int command(int argc, char **argv)
{
    take_closed();
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ,
           SIG_IGN); /* a file that may not grow is an error like a full disk; children have it as usual */
    const char *name = argc > 1 ? argv[1] : "";
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        if (argc > 2 && !strcmp(argv[2], "--json"))
            return tl_print_json(tl_options_document(commands));
        usage(stdout);
        return tl_finish_output(TL_EXIT_OK);
    }
    if (!strcmp(name, "--version")) {
        puts("trapline " TL_VERSION);
        return tl_finish_output(TL_EXIT_OK);
    }
    if (!*name) {
        usage(stderr);
        return TL_EXIT_INPUT;
    }
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, name))
            continue;
        struct tl_options o;
        if (!enough_files())
            return TL_EXIT_ENVIRONMENT;
        int status = tl_options_parse(commands[i], argc - 1, argv + 1, &o);
        if (status < 0)
            status = commands[i]->run(&o);
        tl_options_free(&o);
        return status;
    }
    if (*name == '-') {
        const char *command = command_among(argc, argv);
        return tl_usage_error(NULL,
                              "%s: expected a command first: options follow the command (trapline %s %s …)",
                              name, command ? command : "COMMAND", name);
    }
    return tl_usage_error(NULL, "%s: no such command", name);
}

int main(int argc, char **argv)
{
    return tl_run_for_no_answer(argc, argv, command(argc, argv));
}
