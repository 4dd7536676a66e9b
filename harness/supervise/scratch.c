/* Scratch directories.
 *
 * Theory of operation. A supervisor makes one directory and below it one for each trial. It holds a lock on
 * it (flock), which the kernel drops with the process, however that ends. The pid in its name tells the next
 * supervisor which directories may be left over; a pid can belong to another process by now, or to one of
 * another pid namespace that shares /tmp, so it is the lock that decides whether one is removed. Trials leave
 * anything there: trees without permissions, links, mounts. fts walks them without following links
 * (FTS_PHYSICAL), without entering other file systems (FTS_XDEV) and without recursion. */
#include "harness/supervise/scratch.h"

#include "harness/base/buffer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* One fts stream over one path; FTS_PHYSICAL: links are never followed; FTS_XDEV: nor mounts entered. */
static FTS *walk(const char *path)
{
    char *copy = tl_strdup(path);
    char *paths[] = {copy, NULL};
    FTS *f = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    int err = errno;
    free(copy);
    errno = err;
    return f;
}

int tl_scratch_remove(const char *path)
{
    if (!rmdir(path) || errno == ENOENT)
        return 0;
    FTS *f = walk(path);
    if (!f)
        return -1;
    for (FTSENT *x; (x = fts_read(f));) {
        switch (x->fts_info) {
        case FTS_D: /* on the way in: a directory that was made unreadable can still be emptied */
            if ((x->fts_statp->st_mode & S_IRWXU) != S_IRWXU)
                chmod(x->fts_accpath, S_IRWXU);
            break;
        case FTS_DNR: /* could not be read before the chmod: once more */
            if (x->fts_number++ == 0 && !chmod(x->fts_accpath, S_IRWXU))
                fts_set(f, x, FTS_AGAIN);
            break;
        case FTS_DP:
            rmdir(x->fts_accpath);
            break;
        default:
            unlink(x->fts_accpath);
            break;
        }
    }
    fts_close(f);
    return rmdir(path) && errno != ENOENT ? -1 : 0;
}

uint64_t tl_scratch_bytes(const char *path, uint64_t enough)
{
    uint64_t total = 0;
    FTS *f = walk(path);
    for (FTSENT *x; f && total < enough && (x = fts_read(f));)
        if (x->fts_info == FTS_F)
            total += (uint64_t)x->fts_statp->st_blocks * 512;
    if (f)
        fts_close(f);
    return total;
}

/* A supervisor that was killed leaves its directory; its pid is in the name. */
static void remove_stale(const char *parent)
{
    DIR *d = opendir(parent);
    if (!d)
        return;
    for (struct dirent *x; (x = readdir(d));) {
        int pid, used = 0;
        if (sscanf(x->d_name, "trapline-%d-%n", &pid, &used) != 1 || !used || pid == getpid() ||
            strlen(x->d_name + used) != 6 || !kill(pid, 0) || errno != ESRCH)
            continue;
        char *path = tl_format("%s/%s", parent, x->d_name);
        struct stat st;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && !fstat(fd, &st) && st.st_uid == geteuid() && !flock(fd, LOCK_EX | LOCK_NB))
            tl_scratch_remove(path);
        if (fd >= 0)
            close(fd);
        free(path);
    }
    closedir(d);
}

char *tl_scratch_root_new(const char *parent, int *lock, struct tl_error *e)
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
    remove_stale(real);
    char *path = tl_format("%s/trapline-%d-XXXXXX", real, (int)getpid());
    free(real);
    if (!mkdtemp(path)) {
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a scratch directory", path,
                      "name another place with TMPDIR, or free some space");
        free(path);
        return NULL;
    }
    *lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock >= 0)
        flock(*lock, LOCK_EX);
    return path;
}
