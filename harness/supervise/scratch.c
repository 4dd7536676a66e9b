#include "harness/supervise/scratch.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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
            tl_remove_tree(path);
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
