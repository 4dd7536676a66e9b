/* What trapline doctor asks macOS for. Written from documentation (defaults(1)); not run on a Mac. What is said of the
 * answers is decided in doctor_rules.c. */
#include "harness/cli/doctor_system.h"

#include "harness/base/buffer.h"
#include "harness/base/program.h"
#include "harness/schedule/schedule.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool tl_doctor_is_macos(void)
{
    return true;
}

bool tl_doctor_has_selftest(void)
{
    return false;
}

/* NULL: it was never set, or cannot be asked for. */
static char *dialog_type(void)
{
    static const char *const argv[] = {"/usr/bin/defaults", "read", "com.apple.CrashReporter", "DialogType",
                                       NULL};
    struct tl_buffer out = TL_BUFFER_INIT, err = TL_BUFFER_INIT;
    struct tl_program p = {.argv = argv, .out = &out, .err = &err, .timeout_s = 10};
    struct tl_error ignored;
    bool set = !tl_program_run(&p, &ignored) && WIFEXITED(p.status) && !WEXITSTATUS(p.status) && out.size;
    char *type = set ? tl_strdup(out.data) : NULL;
    tl_buffer_free(&out);
    tl_buffer_free(&err);
    return type;
}

/* The database of permissions is what macOS shows to nobody without Full Disk Access. */
static enum tl_doctor_access disk_access(const char *home)
{
    char *path = tl_format("%s/Library/Application Support/com.apple.TCC/TCC.db", home);
    int fd = open(path, O_RDONLY | O_CLOEXEC), err = errno;
    free(path);
    if (fd >= 0) {
        close(fd);
        return TL_ACCESS_YES;
    }
    return err == EPERM || err == EACCES ? TL_ACCESS_NO : TL_ACCESS_UNKNOWN;
}

/* Why a directory cannot be listed; NULL: it can, or is not there yet, as before the first report. */
static const char *why_unreadable(const char *directory)
{
    DIR *d = opendir(directory);
    if (d) {
        closedir(d);
        return NULL;
    }
    return errno == ENOENT ? NULL : strerror(errno);
}

void tl_doctor_system(void (*say)(void *arg, const char *check, struct tl_doctor_answer *answer), void *arg)
{
    const char *home = getenv("HOME");
    struct tl_error ignored;
    char *type = dialog_type(), *program = tl_schedule_program(&ignored),
         *reports = tl_format("%s/Library/Logs/DiagnosticReports", home ? home : "");
    struct tl_doctor_answer dialogs = tl_doctor_dialogs(type),
                            access = tl_doctor_disk_access(home ? disk_access(home) : TL_ACCESS_UNKNOWN,
                                                           reports, why_unreadable(reports),
                                                           program ? program : "trapline");
    say(arg, "dialogs", &dialogs);
    say(arg, "disk access", &access);
    free(reports);
    free(program);
    free(type);
}
