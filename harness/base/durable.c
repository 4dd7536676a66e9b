/* Many files are written first and then synced one by one: by then most of them are on the disk. */
#include "harness/base/durable.h"

#include "harness/base/buffer.h"
#include "harness/base/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is written cannot be kept; that a file system does not sync at all, or no directories, is its own affair. */
static int sync_one(int fd)
{
#ifdef F_BARRIERFSYNC
    if (!fcntl(fd, F_BARRIERFSYNC)) /* fsync alone orders nothing there */
        return 0;
#endif
    return fsync(fd) && (errno == EIO || errno == ENOSPC || errno == EDQUOT) ? -1 : 0;
}

struct sync {
    bool begin;
    int error;
};

static int open_entry(int directory, const char *name, const struct stat *st)
{
    int kind = S_ISDIR(st->st_mode) ? O_DIRECTORY : 0;
    return openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | kind);
}

/* What its owner may not read, it cannot be asked to write either: that is left to the system. */
static bool sync_entry(void *arg, int directory, const char *name, const char *path, const struct stat *st)
{
    struct sync *s = arg;
    (void)path;
    if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
        return false;
    int fd = open_entry(directory, name, st);
    if (fd < 0 && errno == EACCES)
        return false;
    int failed = fd < 0;
#ifdef SYNC_FILE_RANGE_WRITE
    if (!failed && s->begin)
        (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
    failed = failed || (!s->begin && sync_one(fd));
    if (failed)
        s->error = errno;
    if (fd >= 0)
        close(fd);
    return failed;
}

int tl_sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result = fd < 0 || sync_one(fd) ? -1 : 0, err = errno;
    if (fd >= 0)
        close(fd);
    errno = err;
    return result;
}

int tl_sync_tree(const char *path)
{
    struct sync s = {.begin = true};
    for (int i = 0; i < 2; i++, s.begin = false)
        if (tl_tree_each(path, sync_entry, &s) || s.error) {
            errno = s.error ? s.error : errno;
            return -1;
        }
    return tl_sync_file(path);
}

int tl_sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *above = !slash ? tl_strdup(".") : tl_format("%.*s", slash == path ? 1 : (int)(slash - path), path);
    int result = tl_sync_file(above), err = errno;
    free(above);
    errno = err;
    return result;
}

int tl_place_durably(const char *from, const char *to)
{
    if (tl_sync_tree(from) || rename(from, to))
        return -1;
    (void)tl_sync_parent(to); /* it has its name, whatever the disk makes of that */
    return 0;
}
