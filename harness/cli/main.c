/* trapline: finds out exactly what makes a model crash a runtime. One file here for each command; commands.c has the list. */
#include "harness/base/style.h"
#include "harness/base/visible_stream.h"
#include "harness/cli/cli.h"
#include "harness/cli/config.h"
#include "harness/cli/follow_up.h"
#include "harness/cli/last.h"
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

/* Descriptors 0 to 2 that are closed are taken at once, lest what is printed lands in a file or a socket that
 * got their number. What is written to such a stdout fails, and is said. */
static void take_closed(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

static FILE *plain_out, *plain_err; /* what stdout and stderr were; NULL: what they are */

/* Texts of runners, models, databases and file names are printed by every command, and not all of them were made by who reads them:
 * whatever a terminal would obey is seen there, and not obeyed. */
static void show_safely(void)
{
    FILE *out = tl_visible_stream(STDOUT_FILENO), *err = tl_visible_stream(STDERR_FILENO);
    if (!out || !err)
        return;
    setvbuf(out, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
    setvbuf(err, NULL, _IOLBF, BUFSIZ);
    plain_out = stdout;
    plain_err = stderr;
    stdout = out;
    stderr = err;
    tl_style_use_marks();
}

static void show_no_more(void)
{
    FILE *out = stdout, *err = stderr;
    if (!plain_out)
        return;
    stdout = plain_out;
    stderr = plain_err;
    fclose(out);
    fclose(err);
}

/* Whoever calls abort() in this process has no memory left, had a call fail that cannot fail, or found a fault of ours: a buffer,
 * libuv, jansson, libc. That is said; children are killed as their tracer ends, and their intents are on disk. Who wants a core
 * has it. */
static void cannot_go_on(int number)
{
    static const char text[] = "trapline: stopped by abort(): the memory is used up, the system refused what "
                               "must not be refused, or "
                               "trapline has a fault. What is stored stays; `trapline db check` looks at it, "
                               "and the same command once "
                               "more stores trials that ran as lost\n";
    struct rlimit core;
    ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
    (void)n;
    if (!getrlimit(RLIMIT_CORE, &core) && core.rlim_cur) {
        signal(number, SIG_DFL);
        return; /* to abort(), which ends the process then */
    }
    _exit(TL_EXIT_ENVIRONMENT);
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

static int command(int argc, char **argv)
{
    take_closed();
    signal(SIGABRT, cannot_go_on);
    show_safely();
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ,
           SIG_IGN); /* a file that may not grow is an error like a full disk; children have it as usual */
    int at = tl_command_place(argc, argv);
    if (at >= argc)
        return tl_command_none(argc, argv);
    char *name = argv[at];
    const struct tl_command *c = tl_command_named(name);
    if (!c)
        return tl_command_unknown(name);
    if (!enough_files() || (!c->about_itself && !tl_cli_late_libraries()))
        return TL_EXIT_ENVIRONMENT;
    /* Options before the command are like those behind it: the command stands for the program's name. */
    memmove(argv + 1, argv, (size_t)at * sizeof *argv);
    argv[1] = name;
    struct tl_options o;
    struct tl_config config = {0};
    int status = tl_options_parse(c, argc - 1, argv + 1, &o);
    if (status < 0 && !c->about_itself)
        status = tl_config_load(&config, &o);
    if (status < 0) {
        if (!c->about_itself)
            tl_config_apply(&config, &o);
        tl_cli_follow_up_options(&o);
        tl_cli_last_commands(tl_commands);
        status = c->run(&o);
        tl_cli_follow_up_options(NULL);
    }
    tl_options_free(&o);
    tl_config_free(&config);
    return status;
}

int main(int argc, char **argv)
{
    int status = tl_run_for_no_answer(argc, argv, command(argc, argv));
    show_no_more();
    return status;
}
