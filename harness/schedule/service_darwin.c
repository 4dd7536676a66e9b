/* A service as a launchd agent of the user: org.trapline.NAME.
 *
 * Written from documentation (launchd.plist(5), launchctl(1)); it has not been run on a Mac. It uses nothing
 * but POSIX, so that the tests can run it anywhere against a program that answers in launchctl's place. */
#include "harness/schedule/internal.h"

#include "harness/base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct agent {
    char *label, *domain, *target; /* gui/UID, gui/UID/LABEL */
    char *logs, *log;
    struct tl_schedule_file file;
};

static int name_agent(struct agent *a, const char *name, struct tl_error *e)
{
    const char *user = getenv("HOME");
    if (!user || *user != '/')
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for a service", "HOME",
                       "it is not set to an absolute path");
    a->label = tl_format("org.trapline.%s", name);
    a->domain = tl_format("gui/%lu", (unsigned long)getuid());
    a->target = tl_format("%s/%s", a->domain, a->label);
    a->logs = tl_format("%s/Library/Logs/trapline", user);
    a->log = tl_format("%s/%s.log", a->logs, name);
    a->file.path = tl_format("%s/Library/LaunchAgents/%s.plist", user, a->label);
    return 0;
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

static int launchctl(const char *verb, const char *first, const char *second, char **said)
{
    const char *argv[] = {"launchctl", verb, first, second, NULL};
    return tl_schedule_ask(argv, NULL, said);
}

/* bootout returns before the agent is gone, and a worker ends after its trial: bootstrap is tried for some seconds. */
static int load(const struct agent *a, char **said)
{
    char *ignored = NULL;
    bool was_loaded = !launchctl("print", a->target, NULL, &ignored);
    free(ignored);
    if (was_loaded) {
        launchctl("bootout", a->target, NULL, &ignored);
        free(ignored);
    }
    launchctl("enable", a->target, NULL, &ignored); /* a disabled agent cannot be loaded */
    free(ignored);
    int rc = launchctl("bootstrap", a->domain, a->file.path, said);
    for (int i = 0; rc && was_loaded && i < 10; i++) {
        const struct timespec pause = {.tv_nsec = 300000000};
        nanosleep(&pause, NULL);
        free(*said);
        rc = launchctl("bootstrap", a->domain, a->file.path, said);
    }
    return rc;
}

static int write_agent(struct agent *a, const struct tl_service *s, struct tl_error *e)
{
    if (tl_schedule_examine(&a->file, s->name, e))
        return -1;
    if (tl_make_directories(a->logs, 0700))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", a->logs,
                             "what the service prints would go there");
    a->file.text = tl_launchd_keeps(s, a->label, a->log);
    return tl_schedule_write(&a->file, 1, e);
}

int tl_service_install(const struct tl_service *s, json_t **done, struct tl_error *e)
{
    struct agent a = {0};
    char *said = NULL;
    *done = NULL;
    int rc = tl_service_check(s, e) || name_agent(&a, s->name, e) || write_agent(&a, s, e) ? -1 : 0;
    if (!rc && load(&a, &said))
        rc = tl_fail(e, TL_ERROR_ENVIRONMENT, "the service is written, but not loaded", a.file.path,
                     "%s. When you are logged in at the screen: launchctl bootstrap %s %s", said, a.domain,
                     a.file.path);
    if (!rc)
        *done = json_pack(
            "{s:s,s:[s],s:b,s:[o]}", "service", s->name, "files", a.file.path, "replaced",
            a.file.before != NULL, "notes",
            json_sprintf("what it prints goes to %s; it runs only while you are logged in, and "
                         "not while the Mac sleeps: `sudo pmset -c sleep 0` keeps it awake on mains "
                         "power",
                         a.log));
    free(said);
    free_agent(&a);
    return rc;
}

int tl_service_uninstall(const char *name, json_t **done, struct tl_error *e)
{
    struct agent a = {0};
    char *said = NULL, *ignored = NULL;
    *done = NULL;
    if (tl_schedule_suite_valid(name, e))
        return -1;
    int rc = name_agent(&a, name, e) || tl_schedule_examine(&a.file, name, e) ? -1 : 0;
    if (!rc && !a.file.before)
        rc = tl_fail(e, TL_ERROR_INPUT, "no such service is installed", a.file.path, "there is no such file");
    if (!rc && !launchctl("print", a.target, NULL, &ignored))
        launchctl("bootout", a.target, NULL, &said);
    if (!rc && unlink(a.file.path))
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot remove a service", a.file.path, NULL);
    if (!rc) {
        json_t *notes = json_array();
        if (said)
            json_array_append_new(notes,
                                  json_sprintf("launchd could not be told (%s); it forgets it at the next "
                                               "login, or with: launchctl bootout %s",
                                               said, a.target));
        *done = json_pack("{s:s,s:[s],s:o}", "service", name, "removed", a.file.path, "notes", notes);
    }
    free(ignored);
    free(said);
    free_agent(&a);
    return rc;
}
