#include "harness/base/left_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool tl_is_plain_name(const char *name)
{
    return name && *name && *name != '.' && strlen(name) <= 255 && !strchr(name, '/');
}

int tl_open_left_file(int directory, const char *name, const char *what, uint64_t *size, struct tl_error *e)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 && errno == ELOOP)
        return tl_fail(e, TL_ERROR_INPUT, what, name, "it is a link; a runner writes its files itself");
    if (fd < 0)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, what, name, NULL);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return tl_fail(e, TL_ERROR_INPUT, what, name, "it is not a regular file");
    }
    *size = (uint64_t)st.st_size;
    return fd;
}
