/* The nightly run as a launchd agent of the user: org.trapline.nightly.SUITE.
 *
 * Written from documentation (launchd.plist(5), launchctl(1)); it has not been run on a Mac. It uses nothing
 * but POSIX, so that the tests can run it anywhere against a program that answers in launchctl's place. */
#include "harness/schedule/internal.h"

#include "harness/base/clock.h"
#include "harness/base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "org.trapline.nightly."
static const char *const suffixes[] = {".plist", NULL};

/* The names of what belongs to a suite; all new. */
struct agent {
    char *label, *domain, *target; /* gui/UID, gui/UID/LABEL */
    char *logs, *log;
    struct tl_schedule_file file;
};

static const char *home(struct tl_error *e)
{
    const char *user = getenv("HOME");
    if (user && *user == '/')
        return user;
    tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for a schedule", "HOME", "it is not set to an absolute path");
    return NULL;
}

static void name_agent(struct agent *a, const char *user, const char *suite)
{
    a->label = tl_format(PREFIX "%s", suite);
    a->domain = tl_format("gui/%lu", (unsigned long)getuid());
    a->target = tl_format("%s/%s", a->domain, a->label);
    a->logs = tl_format("%s/Library/Logs/trapline", user);
    a->log = tl_format("%s/nightly-%s.log", a->logs, suite);
    a->file.path = tl_format("%s/Library/LaunchAgents/%s.plist", user, a->label);
}

static void free_agent(struct agent *a)
{
    free(a->label);
    free(a->domain);
    free(a->target);
    free(a->logs);
    free(a->log);
    tl_schedule_files_free(&a->file, 1);
}

/* `second` may be NULL, and so may out. */
static int launchctl(const char *verb, const char *first, const char *second, struct tl_buffer *out,
                     char **said)
{
    const char *argv[] = {"launchctl", verb, first, second, NULL};
    return tl_schedule_ask(argv, out, said);
}

static bool is_loaded(const struct agent *a)
{
    char *said;
    int rc = launchctl("print", a->target, NULL, NULL, &said);
    free(said);
    return !rc;
}

/* bootout returns before the agent is gone, and until then bootstrap fails: it is tried for some seconds. */
static int load(const struct agent *a, char **said)
{
    bool was_loaded = is_loaded(a);
    char *ignored;
    if (was_loaded) {
        launchctl("bootout", a->target, NULL, NULL, &ignored);
        free(ignored);
    }
    launchctl("enable", a->target, NULL, NULL, &ignored); /* a disabled agent cannot be loaded */
    free(ignored);
    int rc = launchctl("bootstrap", a->domain, a->file.path, NULL, said);
    for (int i = 0; rc && was_loaded && i < 10; i++) {
        const struct timespec pause = {.tv_nsec = 300000000};
        nanosleep(&pause, NULL);
        free(*said);
        rc = launchctl("bootstrap", a->domain, a->file.path, NULL, said);
    }
    return rc;
}

static json_t *next_of(const char *at)
{
    int hour, minute;
    if (tl_schedule_time(at, &hour, &minute, NULL))
        return json_null();
    return json_integer(tl_schedule_next_us(hour, minute, tl_wall_us()));
}

static int write_agent(struct agent *a, const struct tl_schedule *s, struct tl_error *e)
{
    if (tl_schedule_examine(&a->file, s->suite, e))
        return -1;
    if (tl_make_directories(a->logs, 0700))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", a->logs,
                             "what the nightly run prints would go there");
    a->file.text = tl_launchd_plist(s, a->label, a->log);
    return tl_schedule_write(&a->file, 1, e);
}

int tl_schedule_install(const struct tl_schedule *s, json_t **done, struct tl_error *e)
{
    struct agent a = {0};
    char *said = NULL;
    *done = NULL;
    if (tl_schedule_check(s, e))
        return -1;
    const char *user = home(e);
    if (!user)
        return -1;
    name_agent(&a, user, s->suite);
    int rc = write_agent(&a, s, e);
    if (!rc && load(&a, &said))
        rc = tl_fail(e, TL_ERROR_ENVIRONMENT, "the nightly run is written, but not loaded", a.file.path,
                     "%s. When you are logged in at the screen: launchctl bootstrap %s %s", said, a.domain,
                     a.file.path);
    if (!rc)
        *done = json_pack("{s:s,s:s,s:s,s:[s],s:b,s:o,s:[o]}", "suite", s->suite, "path", s->path, "at",
                          s->at, "files", a.file.path, "replaced", a.file.before != NULL, "next_us",
                          next_of(s->at), "notes",
                          json_sprintf("what it prints goes to %s; it runs only while you are logged in, "
                                       "keeps the Mac awake meanwhile (caffeinate; with the lid open and, "
                                       "for a Mac that sleeps on battery, on mains power), and makes up for "
                                       "a night that began while the Mac slept",
                                       a.log));
    free(said);
    free_agent(&a);
    return rc;
}

static char *agents_directory(const char *user)
{
    return tl_format("%s/Library/LaunchAgents", user);
}

static int remove_agent(struct agent *a, const char *suite, json_t **done, struct tl_error *e)
{
    char *said = NULL;
    if (is_loaded(a))
        launchctl("bootout", a->target, NULL, NULL, &said);
    if (unlink(a->file.path)) {
        int err = errno;
        free(said);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot remove the nightly run", a->file.path,
                             "its file could not be removed");
    }
    json_t *notes = json_array();
    if (said)
        json_array_append_new(notes,
                              json_sprintf("launchd could not be told (%s); it forgets it at the next login, "
                                           "or with: launchctl bootout %s",
                                           said, a->target));
    *done = json_pack("{s:s,s:[s],s:o}", "suite", suite, "removed", a->file.path, "notes", notes);
    free(said);
    return 0;
}

int tl_schedule_uninstall(const char *suite, json_t **done, struct tl_error *e)
{
    struct agent a = {0};
    const char *user;
    *done = NULL;
    if (tl_schedule_suite_valid(suite, e) || !(user = home(e)))
        return -1;
    name_agent(&a, user, suite);
    int rc = tl_schedule_examine(&a.file, suite, e);
    if (!rc && !a.file.before) {
        char *directory = agents_directory(user), **installed = tl_schedule_list(directory, PREFIX, suffixes);
        rc = tl_schedule_absent(suite, installed, e);
        tl_schedule_list_free(installed);
        free(directory);
    }
    if (!rc)
        rc = remove_agent(&a, suite, done, e);
    free_agent(&a);
    return rc;
}

static json_t *status_of(const char *suite, const char *user)
{
    struct agent a = {0};
    char *said = NULL;
    struct tl_buffer out = TL_BUFFER_INIT;
    name_agent(&a, user, suite);
    tl_schedule_examine(&a.file, suite, NULL);
    json_t *mark = tl_schedule_read_mark(a.file.before);
    json_t *j = json_pack("{s:s,s:O?,s:O?,s:O?,s:[s]}", "suite", suite, "path", json_object_get(mark, "path"),
                          "at", json_object_get(mark, "at"), "command", json_object_get(mark, "command"),
                          "files", a.file.path);
    bool running = false, asked = !launchctl("print", a.target, NULL, &out, &said);
    /* launchctl ends with 113 and "Could not find service" for an agent that is not loaded. */
    bool absent = said && strstr(said, "Could not find service");
    json_t *last = asked ? tl_launchd_last(out.data, &running) : json_null();
    json_object_set_new(j, "enabled", asked || absent ? json_boolean(asked) : json_null());
    json_object_set_new(j, "active", asked || absent ? json_boolean(asked) : json_null());
    json_object_set_new(j, "running", asked || absent ? json_boolean(running) : json_null());
    json_object_set_new(j, "last", last);
    json_object_set_new(j, "next_us",
                        asked ? next_of(json_string_value(json_object_get(mark, "at"))) : json_null());
    if (!asked && !absent)
        json_object_set_new(j, "unknown", json_string(said));
    json_decref(mark);
    tl_buffer_free(&out);
    free(said);
    free_agent(&a);
    return j;
}

int tl_schedule_status(json_t **list, struct tl_error *e)
{
    *list = NULL;
    const char *user = home(e);
    if (!user)
        return -1;
    char *directory = agents_directory(user), **suites = tl_schedule_list(directory, PREFIX, suffixes);
    *list = json_array();
    for (char **suite = suites; *suite; suite++)
        json_array_append_new(*list, status_of(*suite, user));
    tl_schedule_list_free(suites);
    free(directory);
    return 0;
}
