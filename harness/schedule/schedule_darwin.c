/* The nightly run as a launchd agent of the user: org.trapline.nightly.SUITE.
 *
 * Written from documentation (launchd.plist(5), launchctl(1)); it has not been run on a Mac. It uses nothing
 * but POSIX, so that the tests can run it anywhere against a program that answers in launchctl's place. */
#include "harness/schedule/internal.h"

#include "harness/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "org.trapline.nightly."
#define LOG_PREFIX "nightly-"
static const char *const suffixes[] = {".plist", NULL};

static json_t *next_of(const char *at)
{
    int hour, minute;
    if (tl_schedule_time(at, &hour, &minute, NULL))
        return json_null();
    return json_integer(tl_schedule_next_us(hour, minute, tl_wall_us()));
}

int tl_schedule_install(const struct tl_schedule *s, json_t **done, struct tl_error *e)
{
    struct tl_agent a = {0};
    char *said = NULL;
    *done = NULL;
    if (tl_schedule_check(s, e))
        return -1;
    const char *user = tl_agent_home(e);
    if (!user)
        return -1;
    tl_agent_name(&a, user, PREFIX, s->suite, LOG_PREFIX);
    int rc = tl_agent_write(&a, s->suite, tl_launchd_plist(s, a.label, a.log), e);
    if (!rc && tl_agent_load(&a, &said))
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
    tl_agent_free(&a);
    return rc;
}

static char *agents_directory(const char *user)
{
    return tl_format("%s/Library/LaunchAgents", user);
}

static int remove_agent(const struct tl_agent *a, const char *suite, json_t **done, struct tl_error *e)
{
    json_t *notes = tl_agent_unload(a);
    if (unlink(a->file.path)) {
        int err = errno;
        json_decref(notes);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot remove the nightly run", a->file.path,
                             "its file could not be removed");
    }
    *done = json_pack("{s:s,s:[s],s:o}", "suite", suite, "removed", a->file.path, "notes", notes);
    return 0;
}

int tl_schedule_uninstall(const char *suite, json_t **done, struct tl_error *e)
{
    struct tl_agent a = {0};
    const char *user;
    *done = NULL;
    if (tl_schedule_suite_valid(suite, e) || !(user = tl_agent_home(e)))
        return -1;
    tl_agent_name(&a, user, PREFIX, suite, LOG_PREFIX);
    int rc = tl_schedule_examine(&a.file, suite, e);
    if (!rc && !a.file.before) {
        char *directory = agents_directory(user), **installed = tl_schedule_list(directory, PREFIX, suffixes);
        rc = tl_schedule_absent(suite, installed, e);
        tl_schedule_list_free(installed);
        free(directory);
    }
    if (!rc)
        rc = remove_agent(&a, suite, done, e);
    tl_agent_free(&a);
    return rc;
}

static json_t *status_of(const char *suite, const char *user)
{
    struct tl_agent a = {0};
    char *said = NULL;
    struct tl_buffer out = TL_BUFFER_INIT;
    tl_agent_name(&a, user, PREFIX, suite, LOG_PREFIX);
    tl_schedule_examine(&a.file, suite, NULL);
    json_t *mark = tl_schedule_read_mark(a.file.before);
    json_t *j = json_pack("{s:s,s:O?,s:O?,s:O?,s:[s]}", "suite", suite, "path", json_object_get(mark, "path"),
                          "at", json_object_get(mark, "at"), "command", json_object_get(mark, "command"),
                          "files", a.file.path);
    bool running = false, asked = !tl_launchctl("print", a.target, NULL, &out, &said);
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
    tl_agent_free(&a);
    return j;
}

int tl_schedule_status(json_t **list, struct tl_error *e)
{
    *list = NULL;
    const char *user = tl_agent_home(e);
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
