/* What systemd reads (systemd.syntax(7), systemd.service(5), systemd.timer(5)) and what `systemctl show`
 * says.
 *
 * A line of a unit file is taken apart by systemd in this order, and each step needs its own escape:
 *   1. words and quotes, C escapes in them:  \ and "  are written \\ and \"
 *   2. specifiers such as %h:                %        is written %%
 *   3. variables, only in the arguments of a command and not in its program:  $  is written $$
 */
#include "harness/schedule/internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void tl_systemd_quote(struct tl_buffer *b, const char *text, bool dollar)
{
    tl_buffer_add_string(b, "\"");
    for (const char *c = text; *c; c++) {
        if (*c == '\t')
            tl_buffer_add_string(b, "\\t");
        else if (*c == '\\' || *c == '"')
            tl_buffer_printf(b, "\\%c", *c);
        else if (*c == '%' || (*c == '$' && dollar))
            tl_buffer_printf(b, "%c%c", *c, *c);
        else
            tl_buffer_add(b, c, 1);
    }
    tl_buffer_add_string(b, "\"");
}

static void add_command(struct tl_buffer *b, const char *const *argv)
{
    tl_buffer_add_string(b, "ExecStart=");
    for (size_t i = 0; argv[i]; i++) {
        if (i)
            tl_buffer_add_string(b, " ");
        tl_systemd_quote(b, argv[i], i > 0);
    }
    tl_buffer_add_string(b, "\n");
}

static void add_environment(struct tl_buffer *b, const char *const *environment)
{
    for (const char *const *at = environment; at && *at; at++) {
        tl_buffer_add_string(b, "Environment=");
        tl_systemd_quote(b, *at, false);
        tl_buffer_add_string(b, "\n");
    }
}

char *tl_systemd_keeps(const struct tl_service *s)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char *mark = tl_service_mark(s);
    tl_buffer_printf(&b,
                     "# %s\n"
                     "# Written by trapline with --install, which writes it anew; --uninstall removes it.\n"
                     "# What is to stay is better put into a drop-in (systemctl --user edit).\n\n"
                     "[Unit]\nDescription=trapline: %s\n"
                     "# However long what it needs is away.\nStartLimitIntervalSec=0\n\n"
                     "[Service]\n",
                     mark, s->about);
    add_command(&b, s->argv);
    add_environment(&b, s->environment);
    tl_buffer_add_string(&b, "Restart=on-failure\n"
                             "RestartSec=10\n"
                             "# What was given to it is wrong: it would be the next time.\n"
                             "RestartPreventExitStatus=2\n"
                             "# It ends after what runs; only then what serves it does.\n"
                             "KillMode=mixed\n"
                             "TimeoutStopSec=3600\n"
                             "# Trials get cgroups of their own; one that runs out of memory is an outcome.\n"
                             "Delegate=yes\n"
                             "OOMPolicy=continue\n\n"
                             "[Install]\nWantedBy=default.target\n");
    free(mark);
    return tl_buffer_take(&b);
}

static void head(struct tl_buffer *b, const struct tl_schedule *s)
{
    char *mark = tl_schedule_mark(s);
    tl_buffer_printf(b,
                     "# %s\n"
                     "# Written by `trapline nightly --install`, which writes it anew. `trapline nightly "
                     "--uninstall` removes it.\n"
                     "# What is to stay is better put into a drop-in (systemctl --user edit).\n\n",
                     mark);
    free(mark);
}

char *tl_systemd_service(const struct tl_schedule *s)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char **argv = tl_schedule_command(s);
    head(&b, s);
    tl_buffer_printf(&b, "[Unit]\nDescription=trapline nightly: %s\n\n[Service]\nType=oneshot\n", s->suite);
    add_command(&b, argv);
    add_environment(&b, s->environment);
    tl_buffer_add_string(&b, "# 1: a regression was found, which is what it is for.\n"
                             "SuccessExitStatus=1\n"
                             "Nice=10\n"
                             "# The night takes as long as the budget of the suite says.\n"
                             "TimeoutStartSec=infinity\n"
                             "# Trials get cgroups of their own; one that runs out of memory is an outcome.\n"
                             "Delegate=yes\n"
                             "OOMPolicy=continue\n");
    free(argv);
    return tl_buffer_take(&b);
}

char *tl_systemd_timer(const struct tl_schedule *s)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    head(&b, s);
    tl_buffer_printf(&b,
                     "[Unit]\nDescription=trapline nightly: %s\n\n"
                     "[Timer]\nOnCalendar=*-*-* %s:00\n"
                     "# A night that was missed is made up for when the machine is up again.\n"
                     "Persistent=true\n"
                     "AccuracySec=30s\n"
                     "Unit=trapline-%s.service\n\n"
                     "[Install]\nWantedBy=timers.target\n",
                     s->suite, s->at, s->suite);
    return tl_buffer_take(&b);
}

char *tl_systemd_value(const char *text, const char *name)
{
    size_t n = strlen(name);
    char *value = NULL;
    for (const char *at = text; at && *at;) {
        size_t length = strcspn(at, "\n");
        if (!strncmp(at, name, n) && at[n] == '=') {
            free(value);
            value = tl_format("%.*s", (int)(length - n - 1), at + n + 1);
        }
        at += length + (at[length] == '\n');
    }
    return value;
}

char *tl_systemd_part(const char *shown, const char *id)
{
    for (const char *at = shown; at && *at;) {
        const char *end = strstr(at, "\n\n");
        char *part = end ? tl_format("%.*s", (int)(end + 1 - at), at) : tl_strdup(at);
        char *its = tl_systemd_value(part, "Id");
        bool found = its && !strcmp(its, id);
        free(its);
        if (found)
            return part;
        free(part);
        if (!end)
            break;
        at = end + 2;
    }
    return NULL;
}

int64_t tl_systemd_time_us(const char *text)
{
    struct tm t = {0};
    char zone[8] = "";
    const char *digits = text ? strpbrk(text, "0123456789") : NULL;
    if (!digits || sscanf(digits, "%d-%d-%d %d:%d:%d %7s", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour,
                          &t.tm_min, &t.tm_sec, zone) != 7)
        return -1;
    if (strcmp(zone, "UTC") || t.tm_year < 1970 || t.tm_mon < 1 || t.tm_mon > 12)
        return -1;
    t.tm_year -= 1900;
    t.tm_mon--;
    return (int64_t)timegm(&t) * 1000000;
}

char *tl_systemd_at(const char *calendar)
{
    static const char days[] = "*-*-* ";
    size_t n = sizeof days - 1;
    if (!strncmp(calendar, days, n) && strlen(calendar) == n + 8 && !strcmp(calendar + n + 5, ":00")) {
        char *at = tl_format("%.5s", calendar + n);
        if (!tl_schedule_time(at, NULL, NULL, NULL))
            return at;
        free(at);
    }
    return tl_strdup(calendar);
}

static int64_t time_in(const char *part, const char *name)
{
    char *text = tl_systemd_value(part, name);
    int64_t us = tl_systemd_time_us(text);
    free(text);
    return us;
}

static long number_in(const char *part, const char *name)
{
    char *text = tl_systemd_value(part, name);
    long n = text ? strtol(text, NULL, 10) : 0;
    free(text);
    return n;
}

json_t *tl_systemd_last(const char *service, const char *timer)
{
    int64_t started = time_in(service, "ExecMainStartTimestamp"),
            triggered = time_in(timer, "LastTriggerUSec");
    if (started < 0 && triggered < 0)
        return json_null();
    json_t *last = json_pack("{s:I}", "started_us", (json_int_t)(started >= 0 ? started : triggered));
    if (started < 0) { /* the manager was started since, and remembers no more of it */
        json_object_set_new(last, "result", json_null());
        return last;
    }
    char *state = tl_systemd_value(service, "ActiveState"), *result = tl_systemd_value(service, "Result");
    long code = number_in(service, "ExecMainCode"), status = number_in(service, "ExecMainStatus");
    bool running = state && (!strcmp(state, "activating") || !strcmp(state, "active"));
    json_object_set_new(last, "result", running ? json_null() : json_string(result ? result : ""));
    if (!running && code == CLD_EXITED)
        json_object_set_new(last, "exit_status", json_integer(status));
    else if (!running && code)
        json_object_set_new(last, "signal", json_integer(status));
    free(state);
    free(result);
    return last;
}
