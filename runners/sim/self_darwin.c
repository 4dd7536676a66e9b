/* The running executable's directory on macOS, whose loader knows its path. */
#include "runners/sim/profile.h"

#include <mach-o/dyld.h>
#include <stdlib.h>
#include <string.h>

int tl_sim_own_directory(char *path, size_t size)
{
    uint32_t room = (uint32_t)size;
    if (_NSGetExecutablePath(path, &room))
        return -1;
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return slash ? 0 : -1;
}
