/* Scratch directories.
 *
 * Theory of operation. A supervisor makes one directory and below it one for each trial. It holds a lock on
 * it (flock), which the kernel drops with the process, however that ends. The pid in its name tells the next
 * supervisor which directories may be left over; a pid can belong to another process by now, or to one of
 * another pid namespace that shares /tmp, so it is the lock that decides whether one is removed. Trials leave
 * anything there: trees without permissions, links, mounts. fts walks them without following links
 * (FTS_PHYSICAL), without entering other file systems (FTS_XDEV) and without recursion. */
#include "harness/supervise/scratch.h"

#include "harness/base/files.h"
#include "harness/base/staging.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>

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
    struct tl_staging root;
    if (tl_staging_begin(&root, real, "trapline-"))
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a scratch directory", real,
                      "name another place with TMPDIR, or free some space");
    free(real);
    *lock = root.lock;
    return root.path;
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
