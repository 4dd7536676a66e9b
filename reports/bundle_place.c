#include "reports/bundle_place.h"

#include "harness/base/buffer.h"
#include "reports/bundle_archive.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static void release(struct tl_bundle_place *p)
{
    tl_staging_end(&p->stage);
    free(p->target);
    free(p->name);
    *p = (struct tl_bundle_place){.stage = {NULL, -1}};
}

int tl_bundle_place_begin(struct tl_bundle_place *p, const char *target, struct tl_error *e)
{
    size_t stem;
    *p = (struct tl_bundle_place){.given = target, .stage = {NULL, -1}};
    p->archive = tl_archive_name(target, &stem);
    while (!p->archive && stem > 1 && target[stem - 1] == '/')
        stem--;
    p->target = tl_format("%.*s", (int)stem, target);
    char *copy = tl_strdup(p->target), *beside = tl_strdup(p->target);
    p->name = tl_strdup(basename(copy));
    char *prefix = tl_format(".%s.trapline-", p->name);
    const char *directory = dirname(beside);
    int rc = 0;
    if (!p->archive && !is_free(p->target))
        rc = tl_fail(e, TL_ERROR_INPUT, doing, p->target,
                     "it is there already: a directory that is not there, or is empty, "
                     "was expected");
    else if (p->archive && access(target, F_OK) == 0)
        rc = tl_fail(e, TL_ERROR_INPUT, doing, target, "it is there already");
    else if (tl_staging_begin(&p->stage, directory, prefix))
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, directory,
                           "a directory cannot be made there");
    else
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
    if (rc == 0 && p->archive)
        rc = tl_archive_write(p->given, p->stage.path, p->name, files, when_s, e);
    else if (rc == 0 && rename(p->stage.path, p->target) != 0)
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, p->target, "it cannot be put there");
    release(p);
    return rc;
}
