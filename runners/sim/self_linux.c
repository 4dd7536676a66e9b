/* The running executable's directory on Linux, whose /proc has a link to the file. */
#include "runners/sim/profile.h"

#include <string.h>
#include <unistd.h>

int tl_sim_own_directory(char *path, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", path, size);
    if (n <= 0 || (size_t)n >= size)
        return -1;
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return slash ? 0 : -1;
}
