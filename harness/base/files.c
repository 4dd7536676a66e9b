#include "harness/base/files.h"

#include "harness/base/buffer.h"
#include "harness/base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

char *tl_file_state(const struct stat *st)
{
    return tl_format("%llu %llu %lld %lld.%09ld %lld.%09ld", (unsigned long long)st->st_dev,
                     (unsigned long long)st->st_ino, (long long)st->st_size, (long long)st->st_mtim.tv_sec,
                     (long)st->st_mtim.tv_nsec, (long long)st->st_ctim.tv_sec, (long)st->st_ctim.tv_nsec);
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

int tl_write_new_file(const char *path, const void *data, size_t size, mode_t mode, bool sync)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return -1;
    int err = write_all(fd, data, size);
    if (!err && sync && fsync(fd))
        err = errno;
    if (close(fd) && !err)
        err = errno;
    if (err)
        unlink(path);
    errno = err;
    return err ? -1 : 0;
}

int tl_replace_file(const char *path, const void *data, size_t size, mode_t mode, bool sync)
{
    char unique[TL_UUID_SIZE];
    tl_uuid7(unique);
    char *part = tl_format("%s.%s", path, unique);
    int result = tl_write_new_file(part, data, size, mode, sync);
    if (!result && rename(part, path)) {
        int err = errno;
        unlink(part);
        errno = err;
        result = -1;
    }
    int err = errno;
    free(part);
    errno = err;
    return result;
}
