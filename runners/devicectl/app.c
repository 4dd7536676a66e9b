/* What comes over the console is what the app, the runtime in it, and devicectl write, on two streams. A message of the
 * app is a line with TL_APP_MARK in it; what stands before the mark in the same line was written by somebody else and
 * has no newline yet. devicectl's words of the end may stand behind such a piece, too, and count only
 * as the end of their stream: anybody may write them. */
#include "runners/devicectl/app.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "runners/protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MOST 8
#define LAUNCH_S 60.0

const char *tl_app_signal_name(int number)
{
    enum { SIGNALS = 32 };
    static const char *const names[SIGNALS] = {
        NULL,      "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGEMT",
        "SIGFPE",  "SIGKILL", "SIGBUS",    "SIGSEGV", "SIGSYS",   "SIGPIPE", "SIGALRM", "SIGTERM",
        "SIGURG",  "SIGSTOP", "SIGTSTP",   "SIGCONT", "SIGCHLD",  "SIGTTIN", "SIGTTOU", "SIGIO",
        "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGINFO", "SIGUSR1", "SIGUSR2"};
    if (number < 1 || number >= SIGNALS)
        return "SIG of another number";
    return names[number];
}

int tl_app_signal_in(const char *line)
{
    static const char words[] = "App terminated due to signal ";
    const char *from = NULL;
    for (const char *at = line; (at = strstr(at, words)); at = from)
        from = at + sizeof words - 1;
    if (!from)
        return 0;
    char *end;
    long n = strtol(from, &end, 10);
    end += *end == '.';
    return end > from && !*end && n > 0 && n < 128 ? (int)n : 0;
}

static void hello(struct tl_app *app, const json_t *told)
{
    const json_t *pid = json_object_get(told, "pid"), *now = json_object_get(told, "now_us");
    const char *process = json_string_value(json_object_get(told, "process"));
    if (!json_is_integer(pid) || !json_is_integer(now) || !process || app->pid)
        return;
    json_int_t n = json_integer_value(pid);
    app->pid = n > 0 && n < (1 << 30) ? (int)n : 0;
    app->its_time_us = json_integer_value(now);
    app->told_ns = tl_monotonic_ns();
    app->process = tl_strdup(process);
}

static void on_message(struct tl_app *app, const char *text)
{
    json_t *message = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    json_t *clean = message ? tl_hide_json(&app->tool->hidden, message) : NULL;
    const json_t *told = json_object_get(clean, "app");
    if (told)
        hello(app, told);
    else if (json_is_object(clean))
        app->on_message(app, clean);
    else
        fprintf(stderr, "trapline-devicectl: a message of the app is no JSON: %.200s\n", text);
    json_decref(clean);
    json_decref(message);
}

/* A message begins on a line of its own, which leaves an empty one when the line before had its end. */
static void pass_on(struct tl_app *app, int stream, const char *words, bool before_a_message)
{
    FILE *to = stream == 1 ? stdout : stderr;
    bool held = app->blank[stream - 1];
    app->blank[stream - 1] = !*words && !before_a_message;
    if (held && (*words || !before_a_message))
        putc('\n', to);
    if (*words)
        fprintf(to, "%s\n", words);
}

static void on_line(struct tl_console *c, int stream, const char *line)
{
    struct tl_app *app = c->arg;
    const char *mark = strstr(line, TL_APP_MARK);
    char *before = mark ? tl_format("%.*s", (int)(mark - line), line) : NULL,
         *words = tl_hide(&app->tool->hidden, before ? before : line);
    int signal = mark ? 0 : tl_app_signal_in(words);
    if (signal || stream == app->signal_stream)
        app->signal = *words || mark ? signal : app->signal;
    if (signal)
        app->signal_stream = stream;
    if (!app->launched && (mark || !strncmp(words, "Launched application with ", 26))) {
        c->launched = app->launched = true;
        if (app->on_launched)
            app->on_launched(app);
    }
    pass_on(app, stream, words, mark != NULL);
    if (*words && stream == 2) {
        free(app->complaint);
        app->complaint = tl_strdup(words);
    }
    if (mark)
        on_message(app, mark + sizeof TL_APP_MARK - 1);
    free(before);
    free(words);
}

/* NAME: VALUE as DEVICECTL_CHILD_NAME=VALUE, which devicectl sets as NAME for the app. */
static char **environment_of(const json_t *settings)
{
    const char *name;
    json_t *value;
    size_t n = 0;
    char **list = tl_calloc(json_object_size(settings) + 1, sizeof *list);
    json_object_foreach((json_t *)settings, name, value)
        if (json_is_string(value))
            list[n++] = tl_format("DEVICECTL_CHILD_%s=%s", name, json_string_value(value));
    return list;
}

int tl_app_run(struct tl_app *app, const char *const *arguments, struct tl_error *e)
{
    const struct tl_tool *t = app->tool;
    const char *argv[ARGUMENTS_MOST + 12] = {
        t->xcrun,   "devicectl", "device",  "process", "launch", "--console", "--terminate-existing",
        "--device", t->udid,     t->bundle, "--"};
    size_t n = 11;
    for (size_t i = 0; i < ARGUMENTS_MOST && arguments[i]; i++)
        argv[n++] = arguments[i];
    char **environment = environment_of(app->environment);
    app->console = (struct tl_console){.argv = argv,
                                       .environment = (const char *const *)environment,
                                       .patience_s = LAUNCH_S,
                                       .most_s = app->most_s,
                                       .on_line = on_line,
                                       .arg = app};
    int result = tl_console_run(&app->console, e);
    tl_strings_free(environment);
    fflush(stdout);
    fflush(stderr);
    return result;
}

void tl_app_free(struct tl_app *app)
{
    free(app->process);
    free(app->complaint);
    app->process = app->complaint = NULL;
}
