/* Trees of directories: measured, and removed.
 *
 * Theory of operation. What is below a directory was made by a program that may mean harm: thousands of directories
 * inside one another, whose path no call takes, links out of the tree, modes that shut their owner out, mounts. So there
 * are no paths: from the directory that it is in, a walk goes down by the name of an entry and up by "..", where it must
 * find the directory that it came from, by device and inode. It holds one descriptor, whatever the depth, and for each
 * level the names of the directories that it still has to look at; it calls nothing that calls itself.
 *
 * Links are not followed, and mounts not entered. A bind mount has the device of what it shows, which may be somebody's
 * home directory: tl_open_here refuses it where the system can; and a directory is entered to be emptied only after rmdir
 * said that it is not empty, for a place where something is mounted is busy instead. */
#include "harness/base/tree.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/open_here.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSES_MOST 64 /* over one directory, to which somebody may go on adding */

struct level {
    dev_t dev;
    ino_t ino;
    struct tl_buffer names; /* of directories in it that are still to be looked at, each with its NUL */
    size_t at;              /* of the one that the walk is in, or goes to next */
    unsigned passes;
    bool stuck;  /* something in it could not be removed */
    bool opened; /* its mode was changed so that it could be read, from: */
    mode_t mode;
};

struct walk {
    int fd; /* of the directory that the walk is in */
    struct level *levels;
    size_t n, n_opened;
    dev_t dev;
    bool removes;
    tl_tree_visit visit; /* NULL: it measures, or removes */
    void *arg;
    bool stopped; /* by its visitor */
    int error;    /* the first that kept something from being removed, or the walk from going on; 0 */
    uint64_t bytes, enough;
    struct tl_inode_set seen; /* files with several names */
};

static void keep_error(struct walk *w, int error)
{
    w->error = w->error ? w->error : error;
}

/* --- files with several names ---------------------------------------------------------------------------- */

static size_t slot_of(const struct tl_inode_set *s, dev_t dev, ino_t ino)
{
    size_t at = (size_t)((uint64_t)ino * 0x9E3779B97F4A7C15u ^ (uint64_t)dev) & (s->room - 1);
    while (s->list[at].used && (s->list[at].dev != dev || s->list[at].ino != ino))
        at = (at + 1) & (s->room - 1);
    return at;
}

bool tl_inode_set_add(struct tl_inode_set *s, dev_t dev, ino_t ino)
{
    if (s->n * 2 >= s->room) {
        struct tl_inode_set larger = {.room = s->room ? s->room * 2 : 64};
        larger.list = tl_calloc(larger.room, sizeof *larger.list);
        for (size_t i = 0; i < s->room; i++)
            if (s->list[i].used)
                larger.list[slot_of(&larger, s->list[i].dev, s->list[i].ino)] = s->list[i];
        larger.n = s->n;
        free(s->list);
        *s = larger;
    }
    size_t at = slot_of(s, dev, ino);
    if (s->list[at].used)
        return false;
    s->list[at].used = true;
    s->list[at].dev = dev;
    s->list[at].ino = ino;
    s->n++;
    return true;
}

bool tl_inode_set_has(const struct tl_inode_set *s, dev_t dev, ino_t ino)
{
    return s->room && s->list[slot_of(s, dev, ino)].used;
}

void tl_inode_set_free(struct tl_inode_set *s)
{
    free(s->list);
    *s = (struct tl_inode_set){0};
}

/* --- one directory --------------------------------------------------------------------------------------- */

static struct level *top_of(struct walk *w)
{
    return &w->levels[w->n - 1];
}

static void add_name(struct walk *w, const char *name)
{
    tl_buffer_add(&top_of(w)->names, name, strlen(name) + 1);
}

/* From the top to an entry of the directory that the walk is in; the caller's. */
static char *path_of(const struct walk *w, const char *name)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i + 1 < w->n; i++)
        tl_buffer_printf(&b, "%s/", w->levels[i].names.data + w->levels[i].at);
    tl_buffer_add_string(&b, name);
    return tl_buffer_take(&b);
}

static void look_at(struct walk *w, const char *name)
{
    struct stat st;
    if (fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW)) {
        if (errno != ENOENT) /* somebody was quicker */
            keep_error(w, errno);
        return;
    }
    if (S_ISDIR(st.st_mode) && st.st_dev != w->dev)
        return;
    if (w->visit) {
        char *path = path_of(w, name);
        w->stopped = w->visit(w->arg, w->fd, name, path, &st);
        free(path);
    }
    if (S_ISDIR(st.st_mode))
        add_name(w, name);
    else if (st.st_nlink > 1 && !tl_inode_set_add(&w->seen, st.st_dev, st.st_ino))
        return;
    w->bytes += (uint64_t)st.st_blocks * 512;
}

static void remove_entry(struct walk *w, const struct dirent *x)
{
    bool directory = x->d_type == DT_DIR;
    if (!directory && unlinkat(w->fd, x->d_name, 0) && errno != ENOENT) {
        int why = errno;
        struct stat st;
        directory = !fstatat(w->fd, x->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
        if (!directory) {
            keep_error(w, why);
            top_of(w)->stuck = true;
        }
    }
    if (!directory || !unlinkat(w->fd, x->d_name, AT_REMOVEDIR) || errno == ENOENT)
        return;
    if (errno == ENOTEMPTY || errno == EEXIST) {
        add_name(w, x->d_name);
        return;
    }
    keep_error(w, errno);
    top_of(w)->stuck = true;
}

static void read_directory(struct walk *w)
{
    int fd = fcntl(w->fd, F_DUPFD_CLOEXEC, 0);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        keep_error(w, errno);
        top_of(w)->stuck = true;
        if (fd >= 0)
            close(fd);
        return;
    }
    rewinddir(d);
    errno = 0;
    for (struct dirent *x; !w->stopped && w->bytes < w->enough && (x = readdir(d)); errno = 0) {
        if (!strcmp(x->d_name, ".") || !strcmp(x->d_name, ".."))
            continue;
        if (w->removes)
            remove_entry(w, x);
        else
            look_at(w, x->d_name);
    }
    if (errno) {
        keep_error(w, errno);
        top_of(w)->stuck = true;
    }
    closedir(d);
}

/* --- down and up ----------------------------------------------------------------------------------------- */

/* Goes into a directory that was opened; takes fd. was: the mode that it had before it was opened; NULL: it was not changed. */
static void enter(struct walk *w, int fd, const struct stat *st, const mode_t *was)
{
    struct level *l = TL_GROW(w->levels, w->n);
    *l = (struct level){.dev = st->st_dev, .ino = st->st_ino, .names = TL_BUFFER_INIT};
    l->opened = was != NULL;
    l->mode = was ? *was : 0;
    w->n_opened += l->opened;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = fd;
    if (w->removes && (st->st_mode & S_IRWXU) != S_IRWXU)
        (void)fchmod(fd, S_IRWXU);
    read_directory(w);
}

/* A directory that its owner shut itself out of is opened, for as long as the walk is in it. */
static bool open_shut(const struct walk *w, const char *name, mode_t *was)
{
    struct stat st;
    if (fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode))
        return false;
    *was = st.st_mode & 07777;
    return !tl_chmod_here(w->fd, name, *was | S_IRWXU);
}

static bool is_shut(const struct stat *st)
{
    return geteuid() && st->st_uid == geteuid() && !(st->st_mode & S_IXUSR);
}

static int go_down(struct walk *w, const char *name)
{
    mode_t was = 0;
    bool opened = false;
    struct stat st;
    int fd = tl_open_here(w->fd, name), err = fd < 0 || fstat(fd, &st) ? errno : 0;
    if ((err == EACCES || (!err && is_shut(&st))) && open_shut(w, name, &was)) {
        opened = true;
        if (fd >= 0)
            close(fd);
        fd = tl_open_here(w->fd, name);
        err = fd < 0 || fstat(fd, &st) ? errno : 0;
    }
    if (!err && st.st_dev != w->dev)
        err = EXDEV;
    if (err) {
        if (err != ENOENT)
            keep_error(w, err);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    enter(w, fd, &st, opened ? &was : NULL);
    return 0;
}

/* To the directory that the walk came from, which must be the one that it was. -1: the walk is over. */
static int go_up(struct walk *w)
{
    struct level left = *top_of(w);
    struct stat st;
    int fd = openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct level *above = &w->levels[w->n - 2];
    if (left.opened && !w->removes)
        (void)fchmod(w->fd, left.mode);
    if (fd < 0 || fstat(fd, &st) || st.st_dev != above->dev || st.st_ino != above->ino) {
        keep_error(w, fd < 0 ? errno : ESTALE);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    close(w->fd);
    w->fd = fd;
    w->n_opened -= left.opened;
    tl_buffer_free(&w->levels[--w->n].names);
    return 0;
}

/* The directory that the walk has come up from, of which everything was looked at once. */
static void leave(struct walk *w, const struct level *left)
{
    struct level *l = top_of(w);
    const char *name = l->names.data + l->at;
    bool again = false;
    if (w->removes && unlinkat(w->fd, name, AT_REMOVEDIR) && errno != ENOENT) {
        /* A file system need not show every entry to one who removes entries meanwhile. */
        again = (errno == ENOTEMPTY || errno == EEXIST) && !left->stuck && ++l->passes < PASSES_MOST;
        if (!again) {
            keep_error(w, errno);
            l->stuck = true;
        }
    }
    if (!again) {
        l->passes = 0;
        l->at += strlen(name) + 1;
    }
}

/* Takes fd. */
static void walk_tree(struct walk *w, int fd)
{
    struct stat st;
    int result = fstat(fd, &st);
    w->fd = -1;
    w->dev = st.st_dev;
    if (result) {
        keep_error(w, errno);
        close(fd);
        return;
    }
    enter(w, fd, &st, NULL);
    while (!result && !w->stopped && w->bytes < w->enough) {
        struct level *l = top_of(w);
        if (l->at < l->names.size) {
            const char *name = l->names.data + l->at;
            if (go_down(w, name)) {
                top_of(w)->stuck = true;
                top_of(w)->at += strlen(name) + 1;
            }
        } else if (w->n > 1) {
            struct level left = *l;
            result = go_up(w);
            if (!result)
                leave(w, &left);
        } else {
            break;
        }
    }
    while (!w->removes && w->n_opened && !go_up(w))
        ; /* modes are put back also where the counting stops */
    if (w->fd >= 0)
        close(w->fd);
    while (w->n)
        tl_buffer_free(&w->levels[--w->n].names);
    free(w->levels);
    tl_inode_set_free(&w->seen);
}

/* --- public ---------------------------------------------------------------------------------------------- */

static int open_tree(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int tl_remove_tree(const char *path)
{
    for (unsigned pass = 0; rmdir(path) && errno != ENOENT; pass++) {
        int why = errno;
        if (why == ENOTDIR)
            return unlink(path) && errno != ENOENT ? -1 : 0;
        if (why == EBUSY || pass == PASSES_MOST || (pass && why != ENOTEMPTY && why != EEXIST))
            return -1;
        int fd = open_tree(path);
        if (fd < 0 && errno == EACCES && !tl_chmod_here(AT_FDCWD, path, S_IRWXU))
            fd = open_tree(path);
        if (fd < 0)
            return -1;
        struct walk w = {.removes = true, .enough = UINT64_MAX};
        walk_tree(&w, fd);
        if (w.error) {
            errno = w.error;
            return -1;
        }
    }
    return 0;
}

uint64_t tl_tree_bytes(const char *path, uint64_t enough)
{
    struct walk w = {.enough = enough};
    struct stat st;
    int fd = -1;
    bool shut = !lstat(path, &st) && S_ISDIR(st.st_mode) && (is_shut(&st) || (fd = open_tree(path)) < 0) &&
                !tl_chmod_here(AT_FDCWD, path, (st.st_mode & 07777) | S_IRWXU);
    if (fd < 0)
        fd = open_tree(path);
    if (fd >= 0)
        walk_tree(&w, fd);
    if (shut)
        (void)tl_chmod_here(AT_FDCWD, path, st.st_mode & 07777);
    return w.bytes;
}

int tl_tree_each(const char *path, tl_tree_visit visit, void *arg)
{
    struct walk w = {.enough = UINT64_MAX, .visit = visit, .arg = arg};
    int fd = open_tree(path);
    if (fd < 0)
        return -1;
    walk_tree(&w, fd);
    errno = w.error;
    return w.error ? -1 : 0;
}
