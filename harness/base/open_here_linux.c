/* openat2(2), which tells mounts, also those of one file system below itself; openat(2) where a kernel or a filter does not
 * have it. */
#include "harness/base/open_here.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int tl_open_here(int directory, const char *name)
{
    const struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
    };
    int fd = (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        fd = openat(directory, name, (int)how.flags);
    return fd;
}

/* Not every C library has fchmodat with AT_SYMLINK_NOFOLLOW; those that have it do this. */
int tl_chmod_here(int directory, const char *name, mode_t mode)
{
    char path[64];
    int fd = openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int result = chmod(path, mode), err = errno;
    close(fd);
    errno = err;
    return result;
}
