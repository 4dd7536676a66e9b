/* The sets of a trial's variant, as its programs get them.
 *
 * A runner is sent the elements themselves, as a list; a long list is in a file, and the request has {"file": PATH}. A
 * command has the list where it says {AXIS} and such a file's path where it says {AXIS@}. A file is named by its content,
 * so that the same set is the same word of a command in every trial; it is written before a trial wants it, and goes
 * when it was wanted by none for a day. */
#include "harness/executor/executor_impl.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LIST_MAX 4096 /* bytes of a list in a request, which has 64 KiB for everything */
#define KEPT_S 86400

static void remove_old(const char *directory)
{
    DIR *d = opendir(directory);
    for (struct dirent *x; d && (x = readdir(d));) {
        struct stat st;
        if (!fstatat(dirfd(d), x->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
            time(NULL) - st.st_mtime > KEPT_S)
            unlinkat(dirfd(d), x->d_name, 0);
    }
    if (d)
        closedir(d);
}

/* One that is there is wanted again: it is kept for another day. */
static int write_file(const char *directory, const char *path, const char *text, struct tl_error *e)
{
    if (utimensat(AT_FDCWD, path, NULL, 0))
        remove_old(directory);
    if (!tl_make_parents(path, 0700) && !tl_keep_file(path, text, strlen(text), 0600, false))
        return 0;
    return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write the elements of a set", path,
                         "free some space, or set XDG_CACHE_HOME to another place");
}

int tl_job_write_elements(struct tl_job *j, struct tl_error *e)
{
    const struct tl_case *c = j->c;
    int result = 0;
    for (size_t i = 0; i < c->n_axes && !result; i++) {
        if (c->axes[i].kind != TL_AXIS_SUBSET)
            continue;
        if (!j->elements && !(j->elements = tl_cache_home(TL_CASE_ELEMENTS)))
            return tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for the elements of a set", c->axes[i].name,
                           "set HOME or XDG_CACHE_HOME to a directory that can be written");
        char *text = tl_case_elements(c, &j->variant, i),
             *path = tl_case_elements_file(c, &j->variant, i, j->elements);
        if (strlen(text) > LIST_MAX || tl_case_has_elements_file(c, i))
            result = write_file(j->elements, path, text, e);
        free(text);
        free(path);
    }
    return result;
}

json_t *tl_job_variant(const struct tl_job *j)
{
    const struct tl_case *c = j->c;
    json_t *variant = tl_variant_object(c, &j->variant);
    for (size_t i = 0; i < c->n_axes; i++) {
        if (c->axes[i].kind != TL_AXIS_SUBSET)
            continue;
        char *text = tl_case_elements(c, &j->variant, i),
             *path = tl_case_elements_file(c, &j->variant, i, j->elements);
        json_object_set_new(variant, c->axes[i].name,
                            strlen(text) > LIST_MAX ? json_pack("{s:s}", "file", path)
                                                    : json_loads(text, 0, NULL));
        free(text);
        free(path);
    }
    return variant;
}
