/* Where a site is put together, and how it becomes the target.
 *
 * Somebody may be reading the older site, and anything may end this program. So a site is written to a
 * directory beside the target, ".NAME.trapline-XXXXXX", on the same file system, and becomes the target in
 * one step of the kernel where there is one:
 *
 *   the target                     how
 *   is not there, or is empty      rename(2), which takes the place of an empty directory too
 *   is an older site               both change places: renameat2(2) with RENAME_EXCHANGE on Linux, and
 *                                  renamex_np(2) with RENAME_SWAP on macOS (exchange_OS.c)
 *   the same, on a file system     two renames, between which the target is not there and the older site
 *   that cannot (NFS, for one)     is NAME.older-PID: the one way that is not whole
 *
 * rename alone cannot replace an older site: it refuses a directory that is not empty. The target is looked
 * at again before, since somebody else may have filled it meanwhile, and the older site is removed after.
 *
 * A directory that was left behind is removed by the next one that writes to the same target. What tells it
 * from one in use is a lock on the file .lock in it, which the kernel releases with the process; where there
 * is no such file (an older site that was being removed) its mark or its age tells. */
#include "reports/site/place.h"

#include "harness/base/buffer.h"
#include "reports/site/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARK "data/site.json" /* what tells that a directory is a site of ours */
#define SUFFIX 6              /* X of mkdtemp */

static const char doing[] = "cannot write the site";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    remove(path);
    return 0;
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Without slashes at its end. Of a symbolic link what it leads to: that is what changes places, and the link
 * stays. */
static char *tidy(const char *target)
{
    char *path = tl_strdup(target), *there;
    struct stat st;
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
        path[n - 1] = '\0';
    if (lstat(path, &st) || !S_ISLNK(st.st_mode) || !(there = realpath(path, NULL)))
        return path;
    free(path);
    return there;
}

/* Directory and name of a path; both the caller's. */
static void split(const char *path, char **directory, char **name)
{
    char *a = tl_strdup(path), *b = tl_strdup(path);
    *directory = tl_strdup(dirname(a));
    *name = tl_strdup(basename(b));
    free(a);
    free(b);
}

/* 1: it is empty; 0: it is not; -1: it cannot be read. */
static int is_empty(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *entry;
    int empty = d ? 1 : -1;
    while (d && (entry = readdir(d)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            empty = 0;
    if (d)
        closedir(d);
    return empty;
}

static bool is_site(const char *path)
{
    char *mark = tl_format("%s/" MARK, path);
    json_t *j = json_load_file(mark, 0, NULL);
    bool ours = json_integer_value(json_object_get(j, "trapline_site")) > 0;
    json_decref(j);
    free(mark);
    return ours;
}

static int check_target(const char *path, struct tl_error *e)
{
    struct stat st;
    if (!*path)
        return tl_fail(e, TL_ERROR_INPUT, doing, "--site", "the name of a directory was expected");
    if (lstat(path, &st))
        return errno == ENOENT ? 0
                               : tl_fail_errno(e, TL_ERROR_INPUT, errno, doing, path, "it cannot be read");
    if (!S_ISDIR(st.st_mode))
        return tl_fail(e, TL_ERROR_INPUT, doing, path, "it is there and no directory; nothing was changed");
    int empty = is_empty(path);
    if (empty < 0)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, doing, path, "it cannot be read");
    if (!empty && !is_site(path))
        return tl_fail(
            e, TL_ERROR_INPUT, doing, path,
            "the directory is not empty and not a site of trapline; nothing was changed. Name one that "
            "does not exist, or a site that is to be replaced");
    return 0;
}

static int no_place(const char *path, int err, struct tl_error *e)
{
    return tl_fail_errno(e, err == ENOENT || err == ENOTDIR ? TL_ERROR_INPUT : TL_ERROR_ENVIRONMENT, err,
                         doing, path, "the directory that it is to be in cannot be written");
}

int tl_site_check(const char *target, struct tl_error *e)
{
    char *path = tidy(target), *directory, *name;
    split(path, &directory, &name);
    int result = check_target(path, e);
    if (!result && access(directory, W_OK | X_OK))
        result = no_place(path, errno, e);
    free(directory);
    free(name);
    free(path);
    return result;
}

static bool is_old(const char *path)
{
    struct stat st;
    return is_site(path) || (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_mtime + 60 < time(NULL));
}

/* Directories that an earlier one left behind. */
static void sweep(const char *directory, const char *prefix)
{
    DIR *d = opendir(directory);
    struct dirent *entry;
    size_t n = strlen(prefix);
    while (d && (entry = readdir(d))) {
        if (strncmp(entry->d_name, prefix, n) || strlen(entry->d_name) != n + SUFFIX)
            continue;
        char *path = tl_format("%s/%s", directory, entry->d_name), *lock = tl_format("%s/.lock", path);
        int fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        /* Without a lock it is an older site that was being removed, unless another one is just being begun.
         */
        if (fd < 0 ? errno == ENOENT && is_old(path) : flock(fd, LOCK_EX | LOCK_NB) == 0)
            remove_tree(path);
        if (fd >= 0)
            close(fd);
        free(lock);
        free(path);
    }
    if (d)
        closedir(d);
}

int tl_site_stage(const char *target, char **stage, int *lock, struct tl_error *e)
{
    char *path = tidy(target), *directory, *name;
    split(path, &directory, &name);
    char *prefix = tl_format(".%s.trapline-", name);
    *stage = NULL;
    *lock = -1;
    int rc = check_target(path, e);
    if (!rc) {
        sweep(directory, prefix);
        *stage = tl_format("%s/%sXXXXXX", directory, prefix);
        if (!mkdtemp(*stage)) {
            rc = no_place(path, errno, e);
            free(*stage);
            *stage = NULL;
        }
    }
    if (!rc) {
        char *file = tl_format("%s/.lock", *stage);
        *lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (*lock < 0 || flock(*lock, LOCK_EX | LOCK_NB))
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, file, "it cannot be locked");
        free(file);
    }
    static const char *const folders[] = {"case", "signature", "finding", "data"};
    for (size_t i = 0; !rc && i < sizeof folders / sizeof *folders; i++) {
        char *folder = tl_format("%s/%s", *stage, folders[i]);
        if (mkdir(folder, 0777))
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, folder, "the disk may be full");
        free(folder);
    }
    free(prefix);
    free(directory);
    free(name);
    free(path);
    return rc;
}

/* For file systems that cannot: between the two steps the older site has another name. */
static int replace(const char *stage, const char *path, struct tl_error *e)
{
    char *aside = tl_format("%s.older-%d", path, (int)getpid());
    int rc = 0;
    if (rename(path, aside)) {
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, path,
                           "the older site cannot be moved out of the way");
    } else if (rename(stage, path)) {
        int err = errno;
        rename(aside, path);
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, doing, path, "it cannot be renamed");
    } else {
        remove_tree(aside);
    }
    free(aside);
    return rc;
}

int tl_site_publish(const char *target, const char *stage, int lock, struct tl_error *e)
{
    char *path = tidy(target), *file = tl_format("%s/.lock", stage);
    struct stat st;
    mode_t mask = umask(0);
    umask(mask);
    /* It may have been filled by somebody else meanwhile. */
    int rc = check_target(path, e);
    if (!rc && (chmod(stage, 0777 & ~mask) || unlink(file)))
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, stage, "it cannot be made ready");
    if (!rc && (lstat(path, &st) || is_empty(path) == 1)) {
        if (rename(stage, path))
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, path, "it cannot be renamed");
    } else if (!rc && tl_site_exchange(stage, path) == 0) {
        remove_tree(stage); /* the older site now */
    } else if (!rc) {
        rc = replace(stage, path, e);
    }
    if (rc)
        remove_tree(stage);
    close(lock);
    free(file);
    free(path);
    return rc;
}

void tl_site_discard(const char *stage, int lock)
{
    if (stage)
        remove_tree(stage);
    if (lock >= 0)
        close(lock);
}
