/* What trials change of the data that counts is found out when their command ends (content_walk.c). One that is killed says
 * nothing: so what it had seen stands in a file beside the table of hashes while its trials run, locked as long as it lives, and
 * touched now and then. The next command of the same case finds files that nobody holds, and looks in their place: what changed
 * until they were touched last is of their trials, what changed later is somebody else's, and counts. */
#include "harness/executor/content.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/paths.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEAT_NS UINT64_C(200000000)
#define LATE_S 1 /* a busy process is not always in time to touch its file */
#define SESSION_MOST (64u << 20)

static char *beginning_of(const struct tl_content *x)
{
    char id[TL_ID_SIZE];
    tl_content_id(x->key, strlen(x->key), id);
    return tl_format("session-%s-", id);
}

/* Locked, and still what stands there: between opening and locking its owner may have put a new one in its place, which it
 * holds. */
static bool is_left(const char *path, int fd, struct stat *st)
{
    struct stat there;
    return !flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, st) && !stat(path, &there) &&
           there.st_ino == st->st_ino && there.st_dev == st->st_dev;
}

static json_t *read_left(int fd, const struct stat *st)
{
    if (st->st_size <= 0 || (uint64_t)st->st_size > SESSION_MOST)
        return NULL;
    char *text = tl_calloc((size_t)st->st_size, 1);
    int64_t size = tl_read_at(fd, text, (size_t)st->st_size, 0);
    json_t *left = size > 0 ? json_loadb(text, (size_t)size, 0, NULL) : NULL;
    free(text);
    return left;
}

/* What a process left that is gone. */
static void adopt(struct tl_content *x, int fd, const struct stat *st)
{
    json_t *left = read_left(fd, st), *states = json_object_get(left, "states"),
           *roots = json_object_get(left, "roots"), *own[] = {x->states, x->roots};
    if (json_is_object(states) && json_is_object(roots)) {
        const json_t *began = json_object_get(left, "began");
        struct timespec until = tl_modified(st), from = {0};
        until.tv_sec += LATE_S;
        from.tv_sec = (time_t)json_integer_value(json_array_get(began, 0));
        from.tv_nsec = (long)json_integer_value(json_array_get(began, 1));
        *TL_GROW(x->session.earlier, x->session.n_earlier) = (struct tl_content_span){from, until};
        x->states = states;
        x->roots = roots;
        tl_content_close_data(x, &until);
        tl_known_hashes_save(&x->table); /* this process may be killed as well */
        x->states = own[0];
        x->roots = own[1];
    }
    json_decref(left);
}

void tl_content_session_adopt(struct tl_content *x)
{
    char *directory = tl_cache_home("hashes"), *beginning = beginning_of(x);
    struct stat st;
    DIR *d = directory ? opendir(directory) : NULL;
    for (struct dirent *one; d && (one = readdir(d));) {
        if (strncmp(one->d_name, beginning, strlen(beginning)) != 0)
            continue;
        char *path = tl_format("%s/%s", directory, one->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && is_left(path, fd, &st)) {
            adopt(x, fd, &st);
            unlink(path);
        }
        if (fd >= 0)
            close(fd);
        free(path);
    }
    if (d)
        closedir(d);
    free(beginning);
    free(directory);
}

/* Under its name only when it is locked and whole. */
static int write_session(const char *path, const char *text)
{
    char *making = tl_format("%s.new~", path);
    int fd = open(making, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t size = strlen(text);
    if (fd >= 0 &&
        (flock(fd, LOCK_EX | LOCK_NB) || write(fd, text, size) != (ssize_t)size || rename(making, path))) {
        close(fd);
        unlink(making);
        fd = -1;
    }
    free(making);
    return fd;
}

/* That it cannot be kept costs trials that are run again after a kill, and nothing else. */
void tl_content_session_keep(struct tl_content *x)
{
    struct tl_content_session *s = &x->session;
    if (!s->running) {
        s->running = true;
        clock_gettime(CLOCK_REALTIME, &s->began);
    }
    if (!x->is_open || !s->unsaved)
        return;
    char *directory = tl_cache_home("hashes"), *beginning = beginning_of(x);
    if (directory &&
        !s->path) { /* containers and machines that share the directory have the same process ids */
        char own[TL_UUID_SIZE];
        tl_uuid7(own);
        s->path = tl_format("%s/%s%s", directory, beginning, own);
        s->fd = -1;
        tl_make_parents(s->path, 0700);
    }
    json_t *all = json_pack("{s:O,s:O,s:[I,I]}", "roots", x->roots, "states", x->states, "began",
                            (json_int_t)s->began.tv_sec, (json_int_t)s->began.tv_nsec);
    tl_known_hashes_save(&x->table);
    char *text = s->path ? json_dumps(all, JSON_COMPACT) : NULL;
    int fd = text ? write_session(s->path, text) : -1;
    if (fd >= 0) {
        if (s->fd >= 0)
            close(s->fd);
        s->fd = fd;
        s->unsaved = false;
    }
    json_decref(all);
    free(text);
    free(beginning);
    free(directory);
}

void tl_content_session_beat(struct tl_content *x)
{
    uint64_t now = tl_monotonic_ns();
    if (!x->session.path || x->session.fd < 0 || now - x->session.beat_ns < BEAT_NS)
        return;
    x->session.beat_ns = now;
    futimens(x->session.fd, NULL);
}

void tl_content_session_end(struct tl_content *x)
{
    free(x->session.earlier);
    x->session.earlier = NULL;
    x->session.n_earlier = 0;
    if (!x->session.path)
        return;
    unlink(x->session.path);
    if (x->session.fd >= 0)
        close(x->session.fd);
    free(x->session.path);
    x->session.path = NULL;
}
