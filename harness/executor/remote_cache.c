#include "harness/executor/remote_cache.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1 << 20)

static const char *const kinds[] = {TL_REMOTE_CACHE_CASES, TL_REMOTE_CACHE_FILES};

struct kept {
    const char *kind;
    char *name;
    struct timespec used;
};

int tl_remote_cache_open(struct tl_remote_cache *c, uint64_t most, struct tl_error *e)
{
    static const char what[] = "no place for what comes from a fleet";
    *c = (struct tl_remote_cache){.top = tl_cache_home("fleet"), .lock = -1, .most = most};
    if (!c->top)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, what, "", "set HOME or XDG_CACHE_HOME");
    char *lock = tl_format("%s/lock", c->top), *used = tl_format("%s/used", c->top);
    int result = 0;
    if (tl_make_directories(used, 0700) || (c->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0 ||
        flock(c->lock, LOCK_SH))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what, lock, NULL);
    free(lock);
    free(used);
    return result;
}

void tl_remote_cache_close(struct tl_remote_cache *c)
{
    if (c->top && c->lock >= 0)
        close(c->lock);
    free(c->top);
    c->top = NULL;
}

static char *mark_of(const struct tl_remote_cache *c, const char *kind, const char *name)
{
    return tl_format("%s/used/%s-%s", c->top, kind, name);
}

void tl_remote_cache_used(const struct tl_remote_cache *c, const char *kind, const char *name)
{
    char *mark = mark_of(c, kind, name);
    int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)futimens(fd, NULL); /* else it goes earlier than it should */
        close(fd);
    }
    free(mark);
}

static struct timespec used_at(const struct tl_remote_cache *c, const char *kind, const char *name)
{
    char *mark = mark_of(c, kind, name), *itself = tl_format("%s/%s/%s", c->top, kind, name);
    struct stat st = {0};
    if (lstat(mark, &st))
        (void)lstat(itself, &st); /* of no time at all it goes first */
    free(mark);
    free(itself);
    return tl_modified(&st);
}

static int by_use(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    return x->used.tv_nsec < y->used.tv_nsec ? -1 : x->used.tv_nsec > y->used.tv_nsec;
}

/* All that may go, the longest unused first. */
static struct kept *list_idle(const struct tl_remote_cache *c, tl_remote_cache_busy busy, void *arg,
                              size_t *n)
{
    struct kept *list = NULL;
    *n = 0;
    for (size_t k = 0; k < TL_COUNT(kinds); k++) {
        char *path = tl_format("%s/%s", c->top, kinds[k]);
        DIR *d = opendir(path);
        for (struct dirent *x; d && (x = readdir(d));)
            if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0 &&
                !busy(arg, kinds[k], x->d_name))
                *TL_GROW(list, *n) =
                    (struct kept){kinds[k], tl_strdup(x->d_name), used_at(c, kinds[k], x->d_name)};
        if (d)
            closedir(d);
        free(path);
    }
    if (*n)
        qsort(list, *n, sizeof *list, by_use);
    return list;
}

static void remove_kept(const struct tl_remote_cache *c, const struct kept *k)
{
    char *path = tl_format("%s/%s/%s", c->top, k->kind, k->name), *mark = mark_of(c, k->kind, k->name);
    tl_remove_tree(path);
    unlink(mark);
    free(path);
    free(mark);
}

int tl_remote_cache_make_room(const struct tl_remote_cache *c, uint64_t bytes, tl_remote_cache_busy busy,
                              void *arg, struct tl_error *e)
{
    uint64_t has = tl_tree_bytes(c->top, UINT64_MAX);
    if (bytes > c->most)
        return tl_fail(e, TL_ERROR_INPUT, "this worker keeps no files of that size", "",
                       "the files of a job have %llu MiB, and its cache %llu MiB at most; `trapline worker "
                       "--cache-gb` makes it larger",
                       (unsigned long long)(bytes / MIB), (unsigned long long)(c->most / MIB));
    if (has <= c->most - bytes || flock(c->lock, LOCK_EX | LOCK_NB)) {
        (void)flock(c->lock, LOCK_SH); /* a lock that could not be had alone may be gone */
        return 0;
    }
    size_t n;
    struct kept *list = list_idle(c, busy, arg, &n);
    for (size_t i = 0; i < n; i++) {
        if (has > c->most - bytes) {
            remove_kept(c, &list[i]);
            has = tl_tree_bytes(c->top, UINT64_MAX);
        }
        free(list[i].name);
    }
    free(list);
    (void)flock(c->lock, LOCK_SH);
    return 0;
}
