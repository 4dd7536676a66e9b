#include "reports/bundle/place.h"

#include "harness/base/buffer.h"
#include "harness/base/durable.h"
#include "harness/base/files.h"
#include "harness/base/staging_note.h"
#include "reports/bundle/archive.h"
#include "reports/members.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_MOST (64u << 20)

static const char doing[] = "cannot write the bundle";

static bool is_free(const char *path)
{
    DIR *d = opendir(path);
    bool empty = true;
    if (!d)
        return access(path, F_OK) != 0;
    for (const struct dirent *entry; empty && (entry = readdir(d));)
        empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
    closedir(d);
    return empty;
}

static bool is_listed(const json_t *files, const char *name)
{
    const json_t *file;
    size_t i;
    json_array_foreach(files, i, file)
        if (!strcmp(tl_member_or(file, "name", ""), name))
            return true;
    return false;
}

/* A result of a reduction stands in the same directory, and says which files it has. */
static bool is_of_reduction(const json_t *names, const char *name)
{
    const json_t *one;
    size_t i;
    json_array_foreach(names, i, one)
        if (json_is_string(one) && !strcmp(json_string_value(one), name))
            return true;
    return false;
}

/* A file that somebody put into the directory of a bundle; NULL for none. The caller's. */
static char *find_added(const char *path, const json_t *files)
{
    char *top = tl_strdup(path), *added = NULL, *list = tl_format("%s/reduce.json", path);
    json_t *reduced = json_load_file(list, 0, NULL);
    const json_t *names = json_object_get(reduced, "files");
    char *const roots[] = {top, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *f; fts && !added && (f = fts_read(fts));) {
        const char *name = f->fts_path + strlen(top);
        if (!strcmp(f->fts_name, "__pycache__")) /* of a script that was run there */
            fts_set(fts, f, FTS_SKIP);
        else if (f->fts_info != FTS_D && f->fts_info != FTS_DP && !is_listed(files, name + (*name == '/')) &&
                 !is_of_reduction(names, name + (*name == '/')))
            added = tl_strdup(f->fts_path);
    }
    if (fts)
        fts_close(fts);
    json_decref(reduced);
    free(list);
    free(top);
    return added;
}

/* What tells that it is a bundle of ours: its report says what is in it. *added is what it does not speak of; NULL for
 * nothing, the caller's. */
static bool is_bundle(const char *path, bool archive, char **added)
{
    size_t size = 0;
    char *name = tl_format("%s/report.json", path),
         *text = archive ? tl_archive_member(path, "report.json", REPORT_MOST, &size)
                         : tl_read_file(name, REPORT_MOST, &size);
    json_t *report = text ? json_loadb(text, size, 0, NULL) : NULL;
    const json_t *bundle = json_object_get(report, "bundle");
    bool is = tl_member_integer(report, "report") > 0 && json_is_object(bundle);
    *added = is && !archive ? find_added(path, json_object_get(bundle, "files")) : NULL;
    json_decref(report);
    free(text);
    free(name);
    return is;
}

/* Whether something else stands at the target that is not to be replaced. */
static int check_target(const struct tl_bundle_place *p, struct tl_error *e)
{
    const char *path = p->archive ? p->given : p->target;
    struct stat st;
    char *added = NULL;
    if (p->archive ? access(path, F_OK) != 0 : is_free(path))
        return 0;
    if (!p->force)
        return tl_fail(
            e, TL_ERROR_INPUT, doing, path,
            "it is there already: a %s that is not there%s was expected; --force replaces a bundle",
            p->archive ? "file" : "directory", p->archive ? "" : ", or is empty,");
    if (lstat(path, &st) || (p->archive ? !S_ISREG(st.st_mode) : !S_ISDIR(st.st_mode)) ||
        !is_bundle(path, p->archive, &added))
        return tl_fail(
            e, TL_ERROR_INPUT, doing, path,
            "it is there and no bundle of trapline, which --force would replace; nothing was changed");
    int rc = added ? tl_fail(e, TL_ERROR_INPUT, doing, added,
                             "it is in the bundle that --force would replace, and is not of it: move it away "
                             "first. Nothing was changed")
                   : 0;
    free(added);
    return rc;
}

/* The directory that a link leads to is what is put there, and not the link, which whoever made it wants to stay. */
static int follow_link(struct tl_bundle_place *p, struct tl_error *e)
{
    struct stat st;
    if (lstat(p->target, &st) || !S_ISLNK(st.st_mode))
        return 0;
    char *real = realpath(p->target, NULL);
    if (!real || stat(real, &st) || !S_ISDIR(st.st_mode)) {
        free(real);
        return tl_fail(
            e, TL_ERROR_INPUT, doing, p->target,
            "it is a symbolic link that leads to no directory: a directory that is not there, or is "
            "empty, was expected");
    }
    free(p->target);
    p->target = real;
    return 0;
}

/* A directory that nothing can be put in the place of, as it is complete at once or not there at all. */
static int check_replaceable(const struct tl_bundle_place *p, const char *above, struct tl_error *e)
{
    struct stat own, here, parent;
    if (stat(p->target, &own) || !S_ISDIR(own.st_mode))
        return 0;
    if (!stat(".", &here) && own.st_dev == here.st_dev && own.st_ino == here.st_ino)
        return tl_fail(
            e, TL_ERROR_INPUT, doing, p->target,
            "it is the working directory, which would be another one then: name a directory in it");
    if (!stat(above, &parent) && own.st_dev != parent.st_dev)
        return tl_fail(e, TL_ERROR_INPUT, doing, p->target,
                       "a file system is mounted there, which cannot be replaced: name a directory in it");
    return 0;
}

static void release(struct tl_bundle_place *p)
{
    tl_staging_end_noted(&p->stage);
    free(p->target);
    free(p->name);
    *p = (struct tl_bundle_place){.stage = {NULL, -1}};
}

int tl_bundle_place_begin(struct tl_bundle_place *p, const char *target, bool force, struct tl_error *e)
{
    size_t stem;
    *p = (struct tl_bundle_place){.given = target, .force = force, .stage = {NULL, -1}};
    p->archive = tl_archive_name(target, &stem);
    while (!p->archive && stem > 1 && target[stem - 1] == '/')
        stem--;
    p->target = tl_format("%.*s", (int)stem, target);
    if (!p->archive && follow_link(p, e)) {
        release(p);
        return -1;
    }
    char *copy = tl_strdup(p->target), *beside = tl_strdup(p->target);
    p->name = tl_strdup(basename(copy));
    char *prefix = tl_format(".%s.trapline-", p->name);
    const char *directory = dirname(beside);
    int rc = check_target(p, e) || (!p->archive && check_replaceable(p, directory, e)) ? -1 : 0;
    if (rc == 0 && tl_staging_begin_noted(&p->stage, directory, prefix))
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, directory,
                           "a directory cannot be made there");
    else if (rc == 0)
        chmod(p->stage.path, 0755);
    free(prefix);
    free(beside);
    free(copy);
    if (rc)
        release(p);
    return rc;
}

int tl_bundle_place_end(struct tl_bundle_place *p, int failed, const json_t *files, int64_t when_s,
                        struct tl_error *e)
{
    int rc = failed;
    if (rc == 0) /* somebody else may have put something there meanwhile */
        rc = check_target(p, e);
    if (rc == 0 && p->archive)
        rc = tl_archive_write(p->given, p->stage.path, p->name, files, when_s, e);
    else if (rc == 0 && (is_free(p->target) ? tl_place_durably(p->stage.path, p->target)
                                            : tl_staging_replace(&p->stage, p->target)) != 0)
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, p->target, "it cannot be put there");
    release(p);
    return rc;
}
