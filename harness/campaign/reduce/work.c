/* What is kept of a reduction while it goes on, so that the same command can go on with it: its directory beside the database that
 * has its trials, which no other reduction writes to. What was recorded of a run of the model is its owner's data, and goes when the result has been handed over, which has
 * copies of what it is fed with. */
#include "harness/campaign/reduce/parts.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE_MOST 64 /* reductions of one model at the same time */
#define CLAIM_TURNS 10

/* Whether a directory is this process's alone, from now on until it ends: somebody may read the result there after the reduction
 * itself is over. Where a file system has no locks it is everybody's. */
static bool claim(const char *directory)
{
    static json_t *claimed;
    if (json_object_get(claimed, directory))
        return true;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), taken = -1;
    for (int i = 0; i < CLAIM_TURNS && fd >= 0 && taken; i++) {
        taken = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
        if (taken) /* one that was killed may still be ending */
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    if (fd >= 0 && taken) {
        close(fd);
        return false;
    }
    claimed = claimed ? claimed : json_object();
    json_object_set_new_nocheck(claimed, directory, json_integer(fd));
    return true;
}

/* What is kept of a reduction. One that goes on at the same time has another directory: each writes to its own. */
static int make_work(struct tl_reduce_state *s, const char *id, struct tl_error *e)
{
    for (unsigned i = 1; i <= AT_ONCE_MOST; i++) {
        s->work = i > 1 ? tl_format("%s/%s-%u", s->r->state, id, i) : tl_format("%s/%s", s->r->state, id);
        if (tl_make_directories(s->work, 0700))
            return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", s->work,
                                 TL_REDUCE_NO_DISK);
        if (i == AT_ONCE_MOST || claim(s->work))
            return 0;
        free(s->work);
        s->work = NULL;
    }
    return 0;
}

int tl_reduce_work_begin(struct tl_reduce_state *s, struct tl_error *e)
{
    char id[TL_ID_SIZE], *variant = tl_variant_json(s->r->c, s->r->failing),
                         *what = tl_format("%s\n%s\n%s", s->r->c->hash, s->r->unit->text, variant);
    tl_content_id(what, strlen(what), id);
    char *variants = tl_cache_home("reduce");
    free(what);
    free(variant);
    int result = make_work(s, id, e);
    if (!result && !variants)
        result =
            tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for a reduction", "", "set HOME, or XDG_CACHE_HOME");
    else if (!result &&
             (tl_make_directories(variants, 0700) || tl_staging_begin(&s->staging, variants, "reduce-")))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", variants,
                               "free some space, or set XDG_CACHE_HOME to another place");
    free(variants);
    return result;
}

/* That a run ended and left nothing is no value. */
static bool is_mark(const char *name)
{
    return strstr(name, ".nothing-") != NULL;
}

static void remove_values(const char *directory)
{
    DIR *d = opendir(directory);
    for (struct dirent *one; d && (one = readdir(d));) {
        if (!strcmp(one->d_name, ".") || !strcmp(one->d_name, "..") || is_mark(one->d_name))
            continue;
        char *path = tl_format("%s/%s", directory, one->d_name);
        tl_remove_tree(path);
        free(path);
    }
    if (d)
        closedir(d);
    rmdir(directory); /* where no mark is left in it */
}

void tl_reduce_forget(const char *work)
{
    static const char *const parts[] = {"so-far", "data", "data-reference"};
    for (size_t i = 0; i < TL_COUNT(parts); i++) {
        char *path = tl_format("%s/%s", work, parts[i]);
        tl_remove_tree(path);
        free(path);
    }
    char *values = tl_format("%s/values", work);
    remove_values(values);
    free(values);
}
