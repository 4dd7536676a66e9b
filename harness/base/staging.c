#include "harness/base/staging.h"

#include "harness/base/buffer.h"
#include "harness/base/durable.h"
#include "harness/base/files.h"
#include "harness/base/unmount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LETTERS "XXXXXX"
#define YOUNG_S 60

/* The process that a name tells of; 0 when it is no name of ours. */
static pid_t owner(const char *name, const char *prefix)
{
    int pid, used = 0;
    size_t n = strlen(prefix);
    bool ours = !strncmp(name, prefix, n) && sscanf(name + n, "%d-%n", &pid, &used) == 1 && used && pid > 0 &&
                strlen(name + n + used) == sizeof LETTERS - 1;
    return ours ? (pid_t)pid : 0;
}

static bool is_abandoned(int fd, pid_t pid)
{
    struct stat st;
    bool gone = kill(pid, 0) && errno == ESRCH;
    return !fstat(fd, &st) && st.st_uid == geteuid() && (gone || st.st_mtime + YOUNG_S < time(NULL)) &&
           !flock(fd, LOCK_EX | LOCK_NB);
}

char *tl_staging_left_text(const char *path, int why)
{
    return tl_format(
        "what was left in %s cannot be removed: %s; it is tried again whenever such a directory is made "
        "beside it",
        path, strerror(why));
}

int tl_staging_remove(const char *path)
{
    int result = tl_remove_tree(path), err = errno;
    if (result && tl_unmount_below(path)) {
        result = tl_remove_tree(path);
        err = errno;
    }
    errno = err;
    return result;
}

char *tl_staging_sweep(const char *directory, const char *prefix)
{
    char *left = NULL;
    DIR *d = opendir(directory);
    for (struct dirent *x; d && (x = readdir(d));) {
        pid_t pid = owner(x->d_name, prefix);
        if (!pid || pid == getpid())
            continue;
        int fd = openat(dirfd(d), x->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && is_abandoned(fd, pid)) {
            char *path = tl_format("%s/%s", directory, x->d_name);
            if (tl_staging_remove(path) && !left) /* the others after it */
                left = tl_staging_left_text(path, errno);
            free(path);
        }
        if (fd >= 0)
            close(fd);
    }
    if (d)
        closedir(d);
    return left;
}

int tl_staging_begin(struct tl_staging *s, const char *directory, const char *prefix)
{
    char *left = tl_staging_sweep(directory, prefix);
    *s = (struct tl_staging){tl_format("%s/%s%d-" LETTERS, directory, prefix, (int)getpid()), -1, left, NULL};
    int err = mkdtemp(s->path) ? 0 : errno;
    if (!err && (s->lock = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        err = errno;
        rmdir(s->path);
    }
    if (!err) {
        flock(s->lock, LOCK_EX | LOCK_NB); /* where a file system has no locks, nothing is swept either */
        return 0;
    }
    free(s->path);
    free(s->left);
    s->path = s->left = NULL;
    errno = err;
    return -1;
}

void tl_staging_end(struct tl_staging *s)
{
    if (s->path)
        tl_remove_tree(s->path);
    if (s->path && s->lock >= 0)
        close(s->lock);
    free(s->path);
    free(s->left);
    *s = (struct tl_staging){NULL, -1, NULL, NULL};
}

int tl_staging_replace(struct tl_staging *s, const char *path)
{
    if (tl_sync_tree(s->path))
        return -1;
    if (!tl_exchange_paths(s->path, path)) { /* what is left is the older one */
        (void)tl_sync_parent(path);
        return 0;
    }
    char *aside = tl_format("%s.older-%d", path, (int)getpid());
    int result = rename(path, aside);
    if (!result && (result = rename(s->path, path))) {
        int why = errno;
        rename(aside, path);
        errno = why;
    } else if (!result) {
        (void)tl_sync_parent(path);
        tl_remove_tree(aside);
    }
    free(aside);
    return result;
}
