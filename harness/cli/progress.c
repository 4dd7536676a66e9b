/* The live line of work that takes long, and Ctrl-C for the commands that run no trials. Commands that run
 * trials leave the signals to executor.c, which has a loop to wake; the others catch them here, and their
 * work is told to stop the next time that it tells its watcher a line. */
#include "harness/cli/cli.h"

#include "harness/base/awake.h"
#include "harness/base/style.h"
#include "harness/base/utf8.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static bool shown; /* a live line is on the terminal; there is one at a time, whoever told it */

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

void tl_cli_catch_interrupts(void)
{
    const struct sigaction stop = {.sa_handler = on_signal};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
}

bool tl_cli_interrupted(void)
{
    return interrupted;
}

/* The window may be resized while work goes on, so its width is asked for anew with every line. */
__attribute__((format(printf, 2, 0))) static bool show(void *arg, const char *format, va_list values)
{
    struct tl_cli_progress *p = arg;
    uint64_t now = tl_awake_ns(), pause = p->live ? 100000000ull : 10000000000ull;
    if (p->quiet || now - (p->last_ns ? p->last_ns : p->started_ns) < pause)
        return interrupted;
    p->last_ns = now;
    struct winsize w;
    int width = p->live && !ioctl(STDERR_FILENO, TIOCGWINSZ, &w) && w.ws_col > 20 ? w.ws_col - 1 : 79;
    char text[512];
    vsnprintf(text, sizeof text, format, values);
    char *line = tl_one_line(text);
    shown = shown || p->live;
    if (p->live)
        fprintf(stderr, "%s%.*s", tl_style(TL_STYLE_ERASE_LINE), width, line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
    free(line);
    return interrupted;
}

/* What was written over is gone; what is said stays above the next line. */
__attribute__((format(printf, 2, 0))) static void say(void *arg, const char *format, va_list values)
{
    const struct tl_cli_progress *p = arg;
    char *text = NULL;
    if (p->quiet || vasprintf(&text, format, values) < 0)
        return;
    char *line = tl_one_line(text);
    tl_cli_progress_clear();
    fprintf(stderr, "%s\n", line);
    fflush(stderr);
    free(line);
    free(text);
}

void tl_cli_progress_begin(struct tl_cli_progress *p, const struct tl_options *o)
{
    const char *term = getenv("TERM");
    *p = (struct tl_cli_progress){
        .watch = {show, p, say}, .quiet = o->quiet || (o->json && !o->verbose), .started_ns = tl_awake_ns()};
    p->live = isatty(STDERR_FILENO) && !(term && !strcmp(term, "dumb"));
}

void tl_cli_progress_clear(void)
{
    if (shown) {
        fputs(tl_style(TL_STYLE_ERASE_LINE), stderr);
        fflush(stderr);
    }
    shown = false;
}
