/* openat(2): there are no bind mounts, and everything else that is mounted has a device of its own. */
#include "harness/base/open_here.h"

#include <fcntl.h>
#include <sys/stat.h>

int tl_open_here(int directory, const char *name)
{
    return openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int tl_chmod_here(int directory, const char *name, mode_t mode)
{
    return fchmodat(directory, name, mode, AT_SYMLINK_NOFOLLOW);
}
