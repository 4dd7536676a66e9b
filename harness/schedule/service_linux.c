/* A service of the user's systemd: trapline_NAME.service. The low line keeps it apart from those of suites, which are trapline-SUITE. */
#include "harness/schedule/internal.h"

#include "harness/base/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *path_of(const char *name, struct tl_error *e)
{
    char *directory = tl_config_home("systemd/user"),
         *path = directory ? tl_format("%s/trapline_%s.service", directory, name) : NULL;
    if (!path)
        tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for a service", "HOME",
                "neither XDG_CONFIG_HOME nor HOME is set to an absolute path");
    free(directory);
    return path;
}

static int tell_systemd(const char *path, const char *unit, struct tl_error *e)
{
    char *said = NULL;
    int rc = tl_systemctl("daemon-reload", NULL, NULL, &said);
    rc = rc ? rc : tl_systemctl("enable", NULL, unit, &said);
    rc = rc ? rc : tl_systemctl("restart", NULL, unit, &said); /* what runs may be an older one */
    if (rc)
        tl_fail(e, TL_ERROR_ENVIRONMENT, "the service is written, but not started", path,
                "%s. When your user's systemd can be reached: systemctl --user daemon-reload && systemctl "
                "--user enable --now %s",
                said, unit);
    free(said);
    return rc;
}

int tl_service_install(const struct tl_service *s, json_t **done, struct tl_error *e)
{
    struct tl_schedule_file f = {0};
    *done = NULL;
    if (tl_service_check(s, e) || !(f.path = path_of(s->name, e)))
        return -1;
    char *unit = tl_format("trapline_%s.service", s->name);
    int rc = tl_schedule_examine(&f, s->name, e);
    if (!rc) {
        f.text = tl_systemd_keeps(s);
        rc = tl_schedule_write(&f, 1, e) || tell_systemd(f.path, unit, e) ? -1 : 0;
    }
    if (!rc) {
        json_t *notes = json_array();
        if (!tl_systemd_lingers())
            json_array_append_new(notes, json_string("it runs only while you are logged in; `loginctl "
                                                     "enable-linger` lets it run at any time"));
        json_array_append_new(notes, json_sprintf("what it says: journalctl --user -u %s", unit));
        *done = json_pack("{s:s,s:[s],s:b,s:o}", "service", s->name, "files", f.path, "replaced",
                          f.before != NULL, "notes", notes);
    }
    free(unit);
    tl_schedule_files_free(&f, 1);
    return rc;
}

/* The link by which it is started with the manager, where systemctl could not remove it. */
static void remove_want(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *link = tl_format("%.*s/default.target.wants/%s", (int)(slash - path), path, slash + 1);
    struct stat st;
    if (!lstat(link, &st) && S_ISLNK(st.st_mode))
        unlink(link);
    free(link);
}

int tl_service_uninstall(const char *name, json_t **done, struct tl_error *e)
{
    struct tl_schedule_file f = {0};
    char *said = NULL, *later = NULL;
    *done = NULL;
    if (tl_schedule_suite_valid(name, e) || !(f.path = path_of(name, e)))
        return -1;
    char *unit = tl_format("trapline_%s.service", name);
    int rc = tl_schedule_examine(&f, name, e);
    if (!rc && !f.before)
        rc = tl_fail(e, TL_ERROR_INPUT, "no such service is installed", f.path, "there is no such file");
    if (!rc)
        tl_systemctl("disable", "--now", unit, &said);
    if (!rc && unlink(f.path))
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot remove a service", f.path, NULL);
    if (!rc) {
        json_t *notes = json_array();
        remove_want(f.path);
        tl_systemctl("daemon-reload", NULL, NULL, &later);
        if (said || later)
            json_array_append_new(notes,
                                  json_sprintf("systemd could not be told (%s); if it runs for this user, "
                                               "the service ends with: systemctl --user stop %s",
                                               said ? said : later, unit));
        *done = json_pack("{s:s,s:[s],s:o}", "service", name, "removed", f.path, "notes", notes);
    }
    free(said);
    free(later);
    free(unit);
    tl_schedule_files_free(&f, 1);
    return rc;
}
