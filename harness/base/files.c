#include "harness/base/files.h"

#include "harness/base/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

int tl_make_directories(const char *path)
{
    char *copy = tl_strdup(path);
    int result = 0;
    for (char *at = copy + 1; result == 0; at++) {
        if (*at && *at != '/')
            continue;
        char was = *at;
        *at = '\0';
        if (mkdir(copy, 0700) && errno != EEXIST)
            result = -1;
        *at = was;
        if (!was)
            break;
    }
    int err = errno;
    free(copy);
    errno = err;
    return result;
}
