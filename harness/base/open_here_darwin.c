/* openat(2): there are no bind mounts, and everything else that is mounted has a device of its own. */
#include "harness/base/open_here.h"

#include <fcntl.h>

int tl_open_here(int directory, const char *name)
{
    return openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}
