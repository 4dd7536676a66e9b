#include "harness/base/files.h"

#include "harness/base/buffer.h"
#include "harness/base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int tl_make_directories(const char *path, mode_t mode)
{
    char *copy = tl_strdup(path);
    int result = 0;
    for (char *at = copy + 1; result == 0; at++) {
        if (*at && *at != '/')
            continue;
        char was = *at;
        *at = '\0';
        if (mkdir(copy, mode) && errno != EEXIST)
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

int tl_make_parents(const char *path, mode_t mode)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    char *directory = tl_format("%.*s", (int)(slash - path), path);
    int result = tl_make_directories(directory, mode), err = errno;
    free(directory);
    errno = err;
    return result;
}

const char *tl_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

struct timespec tl_modified(const struct stat *st)
{
#ifdef __APPLE__
    return st->st_mtimespec;
#else
    return st->st_mtim;
#endif
}

struct timespec tl_changed(const struct stat *st)
{
#ifdef __APPLE__
    return st->st_ctimespec;
#else
    return st->st_ctim;
#endif
}

char *tl_file_state(const struct stat *st)
{
    struct timespec modified = tl_modified(st), changed = tl_changed(st);
    return tl_format("%llu %llu %lld %lld.%09ld %lld.%09ld", (unsigned long long)st->st_dev,
                     (unsigned long long)st->st_ino, (long long)st->st_size, (long long)modified.tv_sec,
                     (long)modified.tv_nsec, (long long)changed.tv_sec, (long)changed.tv_nsec);
}

int64_t tl_read_at(int fd, void *to, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(fd, (char *)to + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
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

int tl_copy_bytes(int from, int to, bool *reading)
{
    char block[1 << 16];
    for (;;) {
        ssize_t n = read(from, block, sizeof block);
        *reading = n < 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        errno = write_all(to, block, (size_t)n);
        if (errno)
            return -1;
    }
}

int tl_copy_file(const char *from, const char *to, mode_t mode)
{
    struct stat st;
    bool reading;
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK), out = -1, failed = -1;
    if (in >= 0 && !fstat(in, &st)) {
        errno = EINVAL;
        out = S_ISREG(st.st_mode) ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode) : -1;
    }
    if (out >= 0)
        failed = tl_copy_bytes(in, out, &reading);
    int err = errno;
    if (out >= 0 && close(out) && !failed) {
        failed = -1;
        err = errno;
    }
    if (in >= 0)
        close(in);
    if (out >= 0 && failed)
        unlink(to);
    errno = err;
    return failed;
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

int tl_keep_file(const char *path, const void *data, size_t size, mode_t mode, bool sync)
{
    struct stat st;
    size_t n = 0;
    bool may_be = !lstat(path, &st) && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
    char *there = may_be ? tl_read_file(path, size + 1, &n) : NULL;
    bool same = there && n == size && !memcmp(there, data, size);
    free(there);
    return same ? 0 : tl_replace_file(path, data, size, mode, sync);
}

char *tl_content_state(const struct stat *st)
{
    struct timespec modified = tl_modified(st);
    return tl_format("%lld bytes of %lld.%09ld", (long long)st->st_size, (long long)modified.tv_sec,
                     (long)modified.tv_nsec);
}

char *tl_interpreter_line(const char *path)
{
    char head[512];
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(head, 1, sizeof head - 1, f) : 0;
    if (f)
        fclose(f);
    head[n] = '\0';
    head[strcspn(head, "\r\n")] = '\0';
    return n > 2 && head[0] == '#' && head[1] == '!' ? tl_strdup(head + 2) : NULL;
}
