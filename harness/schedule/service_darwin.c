/* A service as a launchd agent of the user: org.trapline.NAME.
 *
 * Written from documentation (launchd.plist(5), launchctl(1)); it has not been run on a Mac. It uses nothing
 * but POSIX, so that the tests can run it anywhere against a program that answers in launchctl's place. */
#include "harness/schedule/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define PREFIX "org.trapline."

static int name_agent(struct tl_agent *a, const char *name, struct tl_error *e)
{
    const char *user = tl_agent_home(e);
    if (!user)
        return -1;
    tl_agent_name(a, user, PREFIX, name, "");
    return 0;
}

int tl_service_install(const struct tl_service *s, json_t **done, struct tl_error *e)
{
    struct tl_agent a = {0};
    char *said = NULL;
    *done = NULL;
    int rc = tl_service_check(s, e) || name_agent(&a, s->name, e) ||
                     tl_agent_write(&a, s->name, tl_launchd_keeps(s, a.label, a.log), e)
                 ? -1
                 : 0;
    if (!rc && tl_agent_load(&a, &said))
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
    tl_agent_free(&a);
    return rc;
}

int tl_service_uninstall(const char *name, json_t **done, struct tl_error *e)
{
    struct tl_agent a = {0};
    *done = NULL;
    if (tl_schedule_suite_valid(name, e))
        return -1;
    int rc = name_agent(&a, name, e) || tl_schedule_examine(&a.file, name, e) ? -1 : 0;
    if (!rc && !a.file.before)
        rc = tl_fail(e, TL_ERROR_INPUT, "no such service is installed", a.file.path, "there is no such file");
    json_t *notes = rc ? NULL : tl_agent_unload(&a);
    if (!rc && unlink(a.file.path))
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot remove a service", a.file.path, NULL);
    if (!rc)
        *done = json_pack("{s:s,s:[s],s:O}", "service", name, "removed", a.file.path, "notes", notes);
    json_decref(notes);
    tl_agent_free(&a);
    return rc;
}
