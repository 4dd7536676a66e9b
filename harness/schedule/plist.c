/* What launchd reads (launchd.plist(5)) and what `launchctl print` says. Written from documentation.
 *
 * A Mac that nobody uses goes to sleep in the middle of a night. caffeinate(8) keeps it awake for as long as the
 * program that it starts runs: -i against the sleep of an idle machine, -m of its disk, -s of the whole machine, which
 * the system heeds on mains power only. What passes all the same (a lid that is closed) is taken out of what budgets
 * and durations count (harness/base/awake.h). It is named by its path, which macOS protects, so that PATH does not
 * decide which program that is. */
#include "harness/schedule/internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void add_text(struct tl_buffer *b, const char *element, const char *text, size_t size)
{
    tl_buffer_printf(b, "<%s>", element);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '&')
            tl_buffer_add_string(b, "&amp;");
        else if (text[i] == '<')
            tl_buffer_add_string(b, "&lt;");
        else if (text[i] == '>')
            tl_buffer_add_string(b, "&gt;");
        else
            tl_buffer_add(b, text + i, 1);
    }
    tl_buffer_printf(b, "</%s>", element);
}

static void add_string(struct tl_buffer *b, const char *indent, const char *text)
{
    tl_buffer_add_string(b, indent);
    add_text(b, "string", text, strlen(text));
    tl_buffer_add_string(b, "\n");
}

static void add_pair(struct tl_buffer *b, const char *key, const char *value)
{
    tl_buffer_printf(b, "\t<key>%s</key>\n", key);
    add_string(b, "\t", value);
}

static const char *const awake[] = {"/usr/bin/caffeinate", "-i", "-m", "-s", NULL};

/* Up to the command and its environment; before: what starts it, or NULL. */
static void begin(struct tl_buffer *b, const char *mark, const char *label, const char *const *before,
                  const char *const *argv, const char *const *environment)
{
    tl_buffer_printf(b,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
                     "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
                     "<!-- %s -->\n"
                     "<plist version=\"1.0\">\n<dict>\n",
                     mark);
    add_pair(b, "Label", label);
    tl_buffer_add_string(b, "\t<key>ProgramArguments</key>\n\t<array>\n");
    for (size_t i = 0; before && before[i]; i++)
        add_string(b, "\t\t", before[i]);
    for (size_t i = 0; argv[i]; i++)
        add_string(b, "\t\t", argv[i]);
    tl_buffer_add_string(b, "\t</array>\n\t<key>EnvironmentVariables</key>\n\t<dict>\n");
    for (const char *const *at = environment; at && *at; at++) {
        size_t n = strcspn(*at, "=");
        tl_buffer_add_string(b, "\t\t");
        add_text(b, "key", *at, n);
        tl_buffer_add_string(b, "\n");
        add_string(b, "\t\t", (*at)[n] ? *at + n + 1 : "");
    }
    tl_buffer_add_string(b, "\t</dict>\n");
}

static char *end(struct tl_buffer *b, const char *log)
{
    add_pair(b, "StandardOutPath", log);
    add_pair(b, "StandardErrorPath", log);
    tl_buffer_add_string(b, "</dict>\n</plist>\n");
    return tl_buffer_take(b);
}

/* Not through caffeinate: launchd would tell that to end, and not what it started, whose trial would be lost. */
char *tl_launchd_keeps(const struct tl_service *s, const char *label, const char *log)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char *mark = tl_service_mark(s);
    begin(&b, mark, label, NULL, s->argv, s->environment);
    tl_buffer_add_string(
        &b, "\t<key>RunAtLoad</key>\n\t<true/>\n"
            "\t<key>KeepAlive</key>\n\t<dict>\n\t\t<key>SuccessfulExit</key>\n\t\t<false/>\n\t</dict>\n"
            "\t<key>ThrottleInterval</key>\n\t<integer>10</integer>\n"
            "\t<key>ExitTimeOut</key>\n\t<integer>3600</integer>\n");
    free(mark);
    return end(&b, log);
}

char *tl_launchd_plist(const struct tl_schedule *s, const char *label, const char *log)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char **argv = tl_schedule_command(s);
    char *mark = tl_schedule_mark(s);
    int hour = 0, minute = 0;
    tl_schedule_time(s->at, &hour, &minute, NULL);
    begin(&b, mark, label, awake, argv, s->environment);
    tl_buffer_printf(&b,
                     "\t<key>StartCalendarInterval</key>\n\t<dict>\n"
                     "\t\t<key>Hour</key>\n\t\t<integer>%d</integer>\n"
                     "\t\t<key>Minute</key>\n\t\t<integer>%d</integer>\n\t</dict>\n"
                     "\t<key>Nice</key>\n\t<integer>10</integer>\n",
                     hour, minute);
    free(mark);
    free(argv);
    return end(&b, log);
}

/* The value of a line "NAME = VALUE" at the outermost level of what launchctl prints, which has one tab
 * before it; new, NULL: none. */
static char *printed_value(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = text; at && *at;) {
        size_t length = strcspn(at, "\n");
        if (*at == '\t' && !strncmp(at + 1, name, n) && !strncmp(at + 1 + n, " = ", 3))
            return tl_format("%.*s", (int)(length - n - 4), at + n + 4);
        at += length + (at[length] == '\n');
    }
    return NULL;
}

json_t *tl_launchd_last(const char *printed, bool *running)
{
    char *state = printed_value(printed, "state"), *code = printed_value(printed, "last exit code");
    char *terminated = printed_value(printed, "last terminating signal");
    json_t *last = NULL;
    *running = state && !strcmp(state, "running");
    /* When it was started launchd does not say. */
    if (terminated) { /* "Killed: 9" */
        last = json_pack("{s:n,s:s,s:s}", "started_us", "result", "signal", "signal", terminated);
    } else if (code && isdigit((unsigned char)*code)) { /* "1", "78: EX_CONFIG"; "(never exited)" */
        long status = strtol(code, NULL, 10);
        last = json_pack("{s:n,s:s,s:I}", "started_us", "result", status <= 1 ? "success" : "exit-code",
                         "exit_status", (json_int_t)status);
    }
    free(state);
    free(code);
    free(terminated);
    return last ? last : json_null();
}
