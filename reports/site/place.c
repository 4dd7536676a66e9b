/* Where a site is put together, and how it becomes the target.
 *
 * Somebody may be reading the older site, and anything may end this program. So a site is written to a
 * directory beside the target, ".NAME.trapline-PID-XXXXXX", on the same file system, and becomes the target
 * in one step of the kernel where there is one:
 *
 *   the target                     how
 *   is not there, or is empty      rename(2), which takes the place of an empty directory too
 *   is an older site               both change places: renameat2(2) with RENAME_EXCHANGE on Linux, and
 *                                  renamex_np(2) with RENAME_SWAP on macOS (base/exchange_OS.c)
 *   the same, on a file system     two renames, between which the target is not there and the older site
 *   that cannot (NFS, for one)     is NAME.older-PID: the one way that is not whole
 *
 * rename alone cannot replace an older site: it refuses a directory that is not empty. The target is looked
 * at again before, since somebody else may have filled it meanwhile, and the older site is removed after.
 *
 * A directory that was left behind, or an older site that was being removed, is removed by the next one that
 * writes to the same target (base/staging.h), or by the next command that writes to a database (base/staging_note.h). */
#include "reports/site/place.h"

#include "harness/base/buffer.h"
#include "harness/base/durable.h"
#include "harness/base/files.h"
#include "harness/base/staging_note.h"
#include "reports/site/site.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "data/site.json" /* what tells that a directory is a site of ours */

static const char doing[] = "cannot write the site";

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

int tl_site_stage(const char *target, struct tl_staging *stage, struct tl_error *e)
{
    char *path = tidy(target), *directory, *name;
    split(path, &directory, &name);
    char *prefix = tl_format(".%s.trapline-", name);
    *stage = (struct tl_staging){NULL, -1};
    int rc = check_target(path, e);
    if (!rc && tl_staging_begin_noted(stage, directory, prefix))
        rc = no_place(path, errno, e);
    static const char *const folders[] = {"case", "failure", "finding", "night", "data"};
    for (size_t i = 0; !rc && i < TL_COUNT(folders); i++) {
        char *folder = tl_format("%s/%s", stage->path, folders[i]);
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

int tl_site_publish(const char *target, struct tl_staging *stage, struct tl_error *e)
{
    char *path = tidy(target);
    struct stat st;
    mode_t mask = umask(0);
    umask(mask);
    /* It may have been filled by somebody else meanwhile. */
    int rc = check_target(path, e);
    if (!rc && chmod(stage->path, 0777 & ~mask))
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, stage->path, "it cannot be made ready");
    if (!rc && (lstat(path, &st) || is_empty(path) == 1)) {
        if (tl_place_durably(stage->path, path))
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, path, "it cannot be renamed");
    } else if (!rc && tl_staging_replace(stage, path)) {
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, path, "the older site cannot be replaced");
    }
    tl_staging_end_noted(stage); /* after an exchange this is the older site */
    free(path);
    return rc;
}
