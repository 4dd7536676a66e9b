/* Scratch directories.
 *
 * Theory of operation. A supervisor makes one directory and below it one for each trial. It holds a lock on
 * it (flock), which the kernel drops with the process, however that ends. The pid in its name tells the next
 * supervisor which directories may be left over; a pid can belong to another process by now, or to one of
 * another pid namespace that shares /tmp, so it is the lock that decides whether one is removed. Trials leave
 * anything there: trees without permissions, of any depth, links (harness/base/tree.c), mounts, which are taken away where
 * that is allowed and never entered. What cannot be removed, such as a file that its file system protects, is tried again
 * now and then, at the end, and by the next supervisor; it is said at the end, and by each of those.
 *
 * Most trials leave theirs as they found it, and it is given to the next one then as it is: a file system makes and
 * removes directories, and renames them, at a cost that is seen in a trial's, ext4 in its journal and with word to the
 * device of every block that is free again. Hence they are numbered, and do not have the names of their trials.
 * Whatever is done to a directory or in it changes its ctime, which no call can put back.
 * Within one tick of the kernel's clock that may be the same still, so the rest is compared as well. */
#include "harness/supervise/scratch.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LEFT_MOST 256 /* that are tried again one by one */
#define AGAIN_NS UINT64_C(2000000000)

char *tl_scratch_root_new(const char *parent, int *lock, char **left, struct tl_error *e)
{
    const char *tmp = parent ? parent : getenv("TMPDIR");
    if (!tmp || !*tmp)
        tmp = "/tmp";
    char *real = realpath(tmp, NULL);
    if (!real) {
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot use the directory for scratch files", tmp,
                      "name another one with TMPDIR");
        return NULL;
    }
    struct tl_staging root;
    if (tl_staging_begin(&root, real, "trapline-"))
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a scratch directory", real,
                      "name another place with TMPDIR, or free some space");
    free(real);
    *lock = root.lock;
    *left = root.left;
    return root.path;
}

void tl_scratch_remove(struct tl_scratch_left *left, const char *path)
{
    if (!tl_staging_remove(path))
        return;
    if (left->n == LEFT_MOST) /* the rest goes with the directory that they are all in */
        return;
    *TL_GROW(left->paths, left->n) = tl_strdup(path);
    left->next_ns = tl_monotonic_ns() + AGAIN_NS;
}

void tl_scratch_try_again(struct tl_scratch_left *left)
{
    size_t kept = 0;
    if (!left->n || tl_monotonic_ns() < left->next_ns)
        return;
    for (size_t i = 0; i < left->n; i++)
        if (tl_staging_remove(left->paths[i]))
            left->paths[kept++] = left->paths[i];
        else
            free(left->paths[i]);
    left->n = kept;
    left->next_ns = tl_monotonic_ns() + AGAIN_NS;
}

char *tl_scratch_root_end(const char *root, struct tl_scratch_left *left)
{
    for (size_t i = 0; i < left->n; i++)
        free(left->paths[i]);
    free(left->paths);
    *left = (struct tl_scratch_left){NULL, 0, 0};
    return tl_staging_remove(root) ? tl_staging_left_text(root, errno) : NULL;
}

char *tl_scratch_unusable(const char *directory)
{
    static char block[1 << 20]; /* a compiler needs as much, too */
    struct tl_staging s = {NULL, -1};
    char *real = realpath(directory, NULL), *why = NULL;
    if (!real || tl_staging_begin(&s, real, "trapline-")) {
        why = tl_strdup(strerror(errno));
    } else {
        char *file = tl_format("%s/room", s.path);
        if (tl_write_new_file(file, block, sizeof block, 0600, true))
            why = tl_strdup(strerror(errno));
        free(file);
    }
    tl_staging_end(&s);
    free(real);
    return why;
}

int tl_scratch_take(struct tl_scratch *spare, const char *root, const char *name, struct tl_scratch *s)
{
    free(s->path);
    *s = *spare;
    *spare = (struct tl_scratch){NULL};
    if (s->path)
        return 0;
    s->path = tl_format("%s/%s", root, name);
    return mkdir(s->path, 0700) || lstat(s->path, &s->made) ? -1 : 0;
}

/* Takes fd. */
static bool is_empty(int fd)
{
    DIR *d = fdopendir(fd);
    size_t n = 0;
    errno = 0;
    while (d && n < 3 && readdir(d))
        n++;
    bool read = !errno;
    if (d)
        closedir(d);
    else
        close(fd);
    return d && n == 2 && read;
}

static bool is_as_made(const char *path, const struct stat *made)
{
    struct stat now;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool same = fd >= 0 && !fstat(fd, &now) && now.st_dev == made->st_dev && now.st_ino == made->st_ino &&
                now.st_mode == made->st_mode && now.st_uid == made->st_uid && now.st_gid == made->st_gid &&
                now.st_size == made->st_size;
    if (same) {
        struct timespec after = tl_changed(&now), before = tl_changed(made);
        same = after.tv_sec == before.tv_sec && after.tv_nsec == before.tv_nsec;
    }
    if (fd >= 0 && !same)
        close(fd);
    return same && is_empty(fd);
}

void tl_scratch_leave(struct tl_scratch *spare, struct tl_scratch_left *left, struct tl_scratch *s, bool sure)
{
    if (!spare->path && sure && is_as_made(s->path, &s->made)) {
        *spare = *s;
    } else {
        tl_scratch_remove(left, s->path);
        free(s->path);
    }
    *s = (struct tl_scratch){NULL};
}

bool tl_scratch_is_over(const char *path, uint64_t limit)
{
    return path && limit && tl_tree_bytes(path, limit) >= limit;
}

void tl_scratch_look(const char *path, bool *full, bool *own)
{
    struct statvfs room;
    if (*full || !path || statvfs(path, &room) || (room.f_bavail && (room.f_favail || !room.f_files)))
        return;
    *full = true;
    *own = tl_scratch_is_over(path, (uint64_t)room.f_blocks * room.f_frsize / 2);
}
