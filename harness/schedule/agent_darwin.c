/* Agents of launchd: what a nightly run and a service have in common.
 *
 * Written from documentation (launchd.plist(5), launchctl(1)); it has not been run on a Mac. It uses nothing
 * but POSIX, so that the tests can run it anywhere against a program that answers in launchctl's place. */
#include "harness/schedule/internal.h"

#include "harness/base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

const char *tl_agent_home(struct tl_error *e)
{
    const char *user = getenv("HOME");
    if (user && *user == '/')
        return user;
    tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for an agent of launchd", "HOME",
            "it is not set to an absolute path");
    return NULL;
}

void tl_agent_name(struct tl_agent *a, const char *user, const char *prefix, const char *name,
                   const char *log_prefix)
{
    a->label = tl_format("%s%s", prefix, name);
    a->domain = tl_format("gui/%lu", (unsigned long)getuid());
    a->target = tl_format("%s/%s", a->domain, a->label);
    a->logs = tl_format("%s/Library/Logs/trapline", user);
    a->log = tl_format("%s/%s%s.log", a->logs, log_prefix, name);
    a->file.path = tl_format("%s/Library/LaunchAgents/%s.plist", user, a->label);
}

void tl_agent_free(struct tl_agent *a)
{
    free(a->label);
    free(a->domain);
    free(a->target);
    free(a->logs);
    free(a->log);
    tl_schedule_files_free(&a->file, 1);
}

int tl_agent_write(struct tl_agent *a, const char *name, char *text, struct tl_error *e)
{
    a->file.text = text;
    if (tl_schedule_examine(&a->file, name, e))
        return -1;
    if (tl_make_directories(a->logs, 0700))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", a->logs,
                             "what trapline prints there would go into it");
    return tl_schedule_write(&a->file, 1, e);
}

int tl_launchctl(const char *verb, const char *first, const char *second, struct tl_buffer *out, char **said)
{
    const char *argv[] = {"launchctl", verb, first, second, NULL};
    return tl_schedule_ask(argv, out, said);
}

bool tl_agent_is_loaded(const struct tl_agent *a)
{
    char *said;
    int rc = tl_launchctl("print", a->target, NULL, NULL, &said);
    free(said);
    return !rc;
}

/* bootout returns before the agent is gone, which may go on with a trial, and until then bootstrap fails: it is tried for some seconds. */
int tl_agent_load(const struct tl_agent *a, char **said)
{
    bool was_loaded = tl_agent_is_loaded(a);
    char *ignored;
    if (was_loaded) {
        tl_launchctl("bootout", a->target, NULL, NULL, &ignored);
        free(ignored);
    }
    tl_launchctl("enable", a->target, NULL, NULL, &ignored); /* a disabled agent cannot be loaded */
    free(ignored);
    int rc = tl_launchctl("bootstrap", a->domain, a->file.path, NULL, said);
    for (int i = 0; rc && was_loaded && i < 10; i++) {
        const struct timespec pause = {.tv_nsec = 300000000};
        nanosleep(&pause, NULL);
        free(*said);
        rc = tl_launchctl("bootstrap", a->domain, a->file.path, NULL, said);
    }
    return rc;
}

json_t *tl_agent_unload(const struct tl_agent *a)
{
    char *said = NULL;
    json_t *notes = json_array();
    if (tl_agent_is_loaded(a))
        tl_launchctl("bootout", a->target, NULL, NULL, &said);
    if (said)
        json_array_append_new(notes,
                              json_sprintf("launchd could not be told (%s); it forgets it at the next login, "
                                           "or with: launchctl bootout %s",
                                           said, a->target));
    free(said);
    return notes;
}
