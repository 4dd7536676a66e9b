/* The nightly run as a timer of the user's systemd: trapline-SUITE.timer, which starts
 * trapline-SUITE.service. */
#include "harness/schedule/internal.h"

#include "harness/base/clock.h"
#include "harness/base/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SERVICE, TIMER, N_FILES };
static const char *const suffixes[] = {".service", ".timer", NULL};

/* Where systemd looks for units of the user. NULL after filling e. */
static char *unit_directory(struct tl_error *e)
{
    char *directory = tl_config_home("systemd/user");
    if (!directory)
        tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for a schedule", "HOME",
                "neither XDG_CONFIG_HOME nor HOME is set to an absolute path");
    return directory;
}

static int examine(const char *directory, const char *suite, struct tl_schedule_file files[N_FILES],
                   struct tl_error *e)
{
    for (int i = 0; i < N_FILES; i++)
        files[i].path = tl_format("%s/trapline-%s%s", directory, suite, suffixes[i]);
    /* Both in any case: what is there is wanted even where the other is not trapline's. */
    int service = tl_schedule_examine(&files[SERVICE], suite, e);
    int timer = tl_schedule_examine(&files[TIMER], suite, service ? NULL : e);
    return service || timer ? -1 : 0;
}

static json_t *names_of(const struct tl_schedule_file files[N_FILES], bool only_there)
{
    json_t *list = json_array();
    for (int i = 0; i < N_FILES; i++)
        if (!only_there || files[i].before)
            json_array_append_new(list, json_string(files[i].path));
    return list;
}

/* Where it does not matter whether it works. */
static void systemctl_if_possible(const char *verb, const char *option, const char *unit)
{
    char *said;
    tl_systemctl(verb, option, unit, &said);
    free(said);
}

/* What is known of the timer and the service of a suite; NULL, and *said is why. */
static char *show(const char *suite, char **said)
{
    char *timer = tl_format("trapline-%s.timer", suite), *service = tl_format("trapline-%s.service", suite);
    const char *argv[] = {"systemctl",
                          "--user",
                          "show",
                          "--property=Id,LoadState,UnitFileState,ActiveState,Result,LastTriggerUSec,"
                          "NextElapseUSecRealtime,ExecMainCode,ExecMainStatus,ExecMainStartTimestamp",
                          timer,
                          service,
                          NULL};
    struct tl_buffer out = TL_BUFFER_INIT;
    int rc = tl_schedule_ask(argv, &out, said);
    if (!rc && !out.size) {
        rc = -1;
        *said = tl_strdup("systemctl said nothing");
    }
    free(timer);
    free(service);
    if (!rc)
        return tl_buffer_take(&out);
    tl_buffer_free(&out);
    return NULL;
}

/* When the timer starts its service next; null when that is not known. */
static json_t *next_of(const char *timer)
{
    char *text = tl_systemd_value(timer, "NextElapseUSecRealtime");
    int64_t us = tl_systemd_time_us(text);
    free(text);
    return us < 0 ? json_null() : json_integer(us);
}

static json_t *shown_next(const char *suite)
{
    char *said = NULL, *shown = show(suite, &said), *id = tl_format("trapline-%s.timer", suite);
    char *timer = shown ? tl_systemd_part(shown, id) : NULL;
    json_t *next = next_of(timer);
    free(timer);
    free(id);
    free(shown);
    free(said);
    return next;
}

/* The user's systemd ends with the user's last session, unless the user lingers. */
static void note_linger(json_t *notes)
{
    if (!tl_systemd_lingers())
        json_array_append_new(notes,
                              json_string("it runs only while you are logged in, and makes up for a missed "
                                          "night at the next login; `loginctl enable-linger` lets it run at "
                                          "any time"));
}

static int tell_systemd(const char *suite, const char *directory, struct tl_error *e)
{
    char *timer = tl_format("trapline-%s.timer", suite), *said;
    int rc = tl_systemctl("daemon-reload", NULL, NULL, &said);
    if (!rc)
        rc = tl_systemctl("enable", "--now", timer, &said);
    if (rc)
        tl_fail(e, TL_ERROR_ENVIRONMENT, "the nightly run is written, but its timer is not started",
                directory,
                "trapline-%s.service and %s are there; %s. When your user's systemd can be reached: "
                "systemctl --user "
                "daemon-reload && systemctl --user enable --now %s",
                suite, timer, said, timer);
    free(said);
    free(timer);
    return rc;
}

static int check_program(const char *program, struct tl_error *e)
{
    if (!strpbrk(program, "\"'\\"))
        return 0;
    return tl_fail(e, TL_ERROR_INPUT, "cannot schedule a nightly run", program,
                   "systemd starts no program whose path holds a quote or a backslash");
}

int tl_schedule_install(const struct tl_schedule *s, json_t **done, struct tl_error *e)
{
    struct tl_schedule_file files[N_FILES] = {0};
    *done = NULL;
    if (tl_schedule_check(s, e) || check_program(s->program, e))
        return -1;
    char *directory = unit_directory(e);
    if (!directory)
        return -1;
    int rc = examine(directory, s->suite, files, e);
    if (!rc) {
        files[SERVICE].text = tl_systemd_service(s);
        files[TIMER].text = tl_systemd_timer(s);
        rc = tl_schedule_write(files, N_FILES, e);
    }
    if (!rc)
        rc = tell_systemd(s->suite, directory, e);
    if (!rc) {
        json_t *notes = json_array();
        note_linger(notes);
        *done = json_pack("{s:s,s:s,s:s,s:o,s:b,s:o,s:o}", "suite", s->suite, "path", s->path, "at", s->at,
                          "files", names_of(files, false), "replaced",
                          files[SERVICE].before || files[TIMER].before, "next_us", shown_next(s->suite),
                          "notes", notes);
    }
    tl_schedule_files_free(files, N_FILES);
    free(directory);
    return rc;
}

/* The link by which the timer is started with the manager, where systemctl could not remove it. */
static void remove_want(const char *directory, const char *timer)
{
    char *link = tl_format("%s/timers.target.wants/%s", directory, timer);
    struct stat st;
    if (!lstat(link, &st) && S_ISLNK(st.st_mode))
        unlink(link);
    free(link);
}

static int remove_files(const char *suite, const char *directory, struct tl_schedule_file files[N_FILES],
                        json_t **done, struct tl_error *e)
{
    char *timer = tl_format("trapline-%s.timer", suite), *service = tl_format("trapline-%s.service", suite);
    char *said = NULL, *later = NULL;
    int err = 0;
    if (files[TIMER].before && !tl_systemctl("disable", "--now", timer, &said)) {
        /* When it ran last is forgotten, lest it is made up for as soon as it is installed again. */
        systemctl_if_possible("clean", "--what=state", timer);
        systemctl_if_possible("reset-failed", NULL, service);
    }
    /* The timer goes first: it alone starts the service. */
    for (int i = N_FILES - 1; i >= 0 && !err; i--)
        if (files[i].before && unlink(files[i].path))
            err = errno;
    if (err) {
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot remove the nightly run", directory,
                      "its files could not be removed");
    } else {
        json_t *notes = json_array();
        remove_want(directory, timer);
        tl_systemctl("daemon-reload", NULL, NULL, &later);
        if (said || later)
            json_array_append_new(
                notes, json_sprintf("systemd could not be told (%s); if it runs for this user, its "
                                    "timer ends with: systemctl --user stop %s",
                                    said ? said : later, timer));
        *done = json_pack("{s:s,s:o,s:o}", "suite", suite, "removed", names_of(files, true), "notes", notes);
    }
    free(later);
    free(said);
    free(service);
    free(timer);
    return err ? -1 : 0;
}

int tl_schedule_uninstall(const char *suite, json_t **done, struct tl_error *e)
{
    struct tl_schedule_file files[N_FILES] = {0};
    *done = NULL;
    if (tl_schedule_suite_valid(suite, e))
        return -1;
    char *directory = unit_directory(e);
    if (!directory)
        return -1;
    int rc = examine(directory, suite, files, e);
    if (!rc && !files[SERVICE].before && !files[TIMER].before) {
        char **installed = tl_schedule_list(directory, "trapline-", suffixes);
        rc = tl_schedule_absent(suite, installed, e);
        tl_schedule_list_free(installed);
    }
    if (!rc)
        rc = remove_files(suite, directory, files, done, e);
    tl_schedule_files_free(files, N_FILES);
    free(directory);
    return rc;
}

static json_t *said_is(const char *part, const char *name, const char *value)
{
    char *text = tl_systemd_value(part, name);
    json_t *j = text ? json_boolean(!strcmp(text, value)) : json_null();
    free(text);
    return j;
}

/* What only systemd knows. */
static void add_state(json_t *j, const char *suite, const char *shown)
{
    char *timer_id = tl_format("trapline-%s.timer", suite),
         *service_id = tl_format("trapline-%s.service", suite);
    char *timer = tl_systemd_part(shown, timer_id), *service = tl_systemd_part(shown, service_id);
    json_object_set_new(j, "enabled", said_is(timer, "UnitFileState", "enabled"));
    json_object_set_new(j, "active", said_is(timer, "ActiveState", "active"));
    json_object_set_new(j, "running", said_is(service, "ActiveState", "activating"));
    json_object_set_new(j, "last", tl_systemd_last(service, timer));
    json_object_set_new(j, "next_us", next_of(timer));
    free(timer);
    free(service);
    free(timer_id);
    free(service_id);
}

static json_t *status_of(const char *suite, const char *directory, char **unknown)
{
    struct tl_schedule_file files[N_FILES] = {0};
    struct tl_error e = {0};
    json_t *j = json_pack("{s:s}", "suite", suite);
    int rc = examine(directory, suite, files, &e);
    json_t *mark = tl_schedule_read_mark(files[SERVICE].before ? files[SERVICE].before : files[TIMER].before);
    char *calendar = files[TIMER].before ? tl_systemd_value(files[TIMER].before, "OnCalendar") : NULL;
    char *at = calendar ? tl_systemd_at(calendar) : NULL; /* also when somebody changed it */
    json_object_set(j, "path", json_object_get(mark, "path"));
    json_object_set_new(j, "at", at ? json_string(at) : json_null());
    json_object_set(j, "command", json_object_get(mark, "command"));
    json_object_set_new(j, "files", names_of(files, true));
    char *shown = *unknown ? NULL : show(suite, unknown);
    if (shown) {
        add_state(j, suite, shown);
    } else {
        static const char *const names[] = {"enabled", "active", "running", "last", "next_us"};
        for (size_t i = 0; i < TL_COUNT(names); i++)
            json_object_set_new(j, names[i], json_null());
        json_object_set_new(j, "unknown", json_string(*unknown));
    }
    for (int i = 0; i < N_FILES && !rc; i++)
        if (!files[i].before)
            json_object_set_new(j, "problem", json_sprintf("%s is missing", files[i].path));
    if (rc)
        json_object_set_new(j, "problem", json_sprintf("%s: %s: %s", e.what, e.where, e.why));
    free(shown);
    free(at);
    free(calendar);
    json_decref(mark);
    tl_schedule_files_free(files, N_FILES);
    return j;
}

int tl_schedule_status(json_t **list, struct tl_error *e)
{
    *list = NULL;
    char *directory = unit_directory(e), *unknown = NULL;
    if (!directory)
        return -1;
    char **suites = tl_schedule_list(directory, "trapline-", suffixes);
    *list = json_array();
    for (char **suite = suites; *suite; suite++)
        json_array_append_new(*list, status_of(*suite, directory, &unknown));
    tl_schedule_list_free(suites);
    free(unknown);
    free(directory);
    return 0;
}
