/* Where the outputs of references are kept, and how files that a runner left are copied.
 *
 * A runner may leave anything under the name of an output: a link to a file of somebody's, a device, a pipe that
 * nobody writes to. Only a plain file of a plain name, in the very directory that the runner was given, is read. */
#include "harness/executor/reference.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/left_file.h"
#include "harness/base/paths.h"
#include "harness/executor/kept.h"
#include "harness/executor/values.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *tl_reference_place(const char *case_hash, const char *variant_hash, const char *environment_id,
                         struct tl_error *e)
{
    char *home = tl_cache_home("references");
    if (!home) {
        tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for reference outputs", "", "set HOME or XDG_CACHE_HOME");
        return NULL;
    }
    char *key = tl_format("outputs 2 %s %s %s", case_hash, variant_hash, environment_id), id[TL_ID_SIZE];
    tl_content_id(key, strlen(key), id);
    char *place = tl_format("%s/%s", home, id);
    free(key);
    free(home);
    return place;
}

bool tl_reference_known(const char *place)
{
    char *list = tl_format("%s/result.json", place);
    bool known = !access(list, R_OK);
    free(list);
    return known;
}

/* A file that has no other name is taken as it is. The trial is over, so nobody writes it any more; of a name that leads to
 * something else, or to a file that somebody else has too, the copy below decides. */
static bool take_file(int directory, const char *name, const char *to)
{
    struct stat st;
    if (linkat(directory, name, AT_FDCWD, to, 0))
        return false;
    if (!lstat(to, &st) && S_ISREG(st.st_mode) && st.st_nlink == 2 && (st.st_mode & 0600) == 0600)
        return true;
    unlink(to);
    return false;
}

static int copy_file(int directory, const char *name, const char *to, struct tl_error *e)
{
    uint64_t size;
    if (take_file(directory, name, to))
        return 0;
    int in = tl_open_left_file(directory, name, "cannot read an output", &size, e);
    if (in < 0)
        return -1;
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool reading;
    int failed = out < 0 || tl_copy_bytes(in, out, &reading), err = errno;
    close(in);
    if (out >= 0 && close(out) && !failed) {
        err = errno;
        failed = -1;
    }
    return failed ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot copy an output", to,
                                  "free some space, or look at its permissions")
                  : 0;
}

/* The files of a result that is copied are those that can be: what is no file of an output stays away, and who
 * reads the copy finds that it is not there. */
int tl_outputs_copy(const char *from, const char *to, const json_t *result, struct tl_error *e)
{
    const json_t *output;
    size_t i;
    if (tl_make_directories(to, 0700))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory for outputs", to, NULL);
    int directory = open(from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the outputs of a trial", from, NULL);
    int failed = 0;
    json_array_foreach(json_object_get(result, "outputs"), i, output) {
        const char *file = json_string_value(json_object_get(output, "npy"));
        if (failed || !tl_is_plain_name(file))
            continue;
        char *target = tl_format("%s/%s", to, file);
        struct tl_error why;
        failed = copy_file(directory, file, target, &why) && why.kind != TL_ERROR_INPUT;
        free(target);
        if (failed)
            *e = why;
    }
    close(directory);
    if (failed)
        return -1;
    char *list = tl_format("%s/result.json", to);
    failed = json_dump_file(result, list, JSON_INDENT(1) | JSON_SORT_KEYS);
    if (failed)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", list, "free some space");
    free(list);
    return failed ? -1 : 0;
}

int tl_reference_keep(const char *place, const char *directory, const json_t *result, bool cached,
                      struct tl_error *e)
{
    char *making = tl_kept_making(place);
    int failed = tl_outputs_copy(directory, making, result, e);
    if (!failed && (cached ? tl_kept_put(making, place) : rename(making, place)) &&
        (cached || !tl_reference_known(place)))
        failed = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot keep reference outputs", place,
                               "free some space, or set XDG_CACHE_HOME to another place");
    tl_remove_tree(making); /* gone already, unless another process was first */
    free(making);
    return failed;
}
