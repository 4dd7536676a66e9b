/* By /proc: what its processes have open, in every table of descriptors that there is among their threads, and what they have
 * mapped. What was removed is told by its number of names, and that it was in the scratch directory by the path by which the
 * kernel still knows it; of one whose path is longer than the kernel tells, by the file system that it is on.
 *
 * What is under way in a socket, with no descriptor at either end, is not seen. */
#include "harness/supervise/held_files.h"

#include "harness/base/buffer.h"
#include "harness/base/tree.h"
#include "harness/supervise/trace.h"
#include "harness/supervise/trial.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DELETED " (deleted)"

struct look {
    const char *scratch;
    size_t n; /* of its path */
    dev_t dev;
    bool mapped; /* it is what is mapped that is looked at */
    uint64_t bytes, enough;
    struct tl_inode_set seen;
};

static bool is_below(const struct look *l, const char *path)
{
    return !strncmp(path, l->scratch, l->n) && path[l->n] == '/';
}

static void add(struct look *l, const struct stat *st)
{
    if (S_ISREG(st->st_mode) && !st->st_nlink && tl_inode_set_add(&l->seen, st->st_dev, st->st_ino))
        l->bytes += (uint64_t)st->st_blocks * 512;
}

static void look_at_descriptors(struct look *l, const char *directory)
{
    DIR *d = opendir(directory);
    for (struct dirent *x; d && l->bytes < l->enough && (x = readdir(d));) {
        char path[PATH_MAX];
        struct stat st;
        if (x->d_name[0] == '.')
            continue;
        ssize_t n = readlinkat(dirfd(d), x->d_name, path, sizeof path - 1);
        if (n < 0 && errno != ENAMETOOLONG)
            continue;
        if (n >= 0)
            path[n] = '\0';
        if ((n < 0 || is_below(l, path)) && !fstatat(dirfd(d), x->d_name, &st, 0) &&
            (n >= 0 || st.st_dev == l->dev))
            add(l, &st);
    }
    if (d)
        closedir(d);
}

/* A line of maps or smaps: "FROM-TO perms offset dev inode path (deleted)". */
static bool is_removed_mapping(const struct look *l, const char *line, size_t length, char range[48],
                               dev_t *dev, ino_t *ino)
{
    unsigned major_number, minor_number;
    unsigned long from, to, inode;
    int at = 0;
    const size_t end = strlen(DELETED);
    if (length <= end || strcmp(line + length - end, DELETED) ||
        sscanf(line, "%lx-%lx %*s %*x %x:%x %lu %n", &from, &to, &major_number, &minor_number, &inode, &at) !=
            5 ||
        !at || !is_below(l, line + at))
        return false;
    snprintf(range, 48, "%lx-%lx", from, to);
    *dev = makedev(major_number, minor_number);
    *ino = (ino_t)inode;
    return true;
}

/* What a mapped file is like only they can read who may do everything. Of another one no more is told than what the
 * processes have of it in memory, each its part: "Pss:" of smaps, which is slow. False: there is such a one. */
static bool look_at_mappings(struct look *l, pid_t pid, bool slowly)
{
    char path[96], *line = NULL, range[48];
    size_t room = 0;
    bool counts = false, denied = false;
    dev_t dev;
    ino_t ino;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, slowly ? "smaps" : "maps");
    FILE *f = fopen(path, "re");
    for (ssize_t n; f && l->bytes < l->enough && (n = getline(&line, &room, f)) > 0;) {
        struct stat st;
        unsigned long kib;
        if (line[n - 1] == '\n')
            line[--n] = '\0';
        if (is_removed_mapping(l, line, (size_t)n, range, &dev, &ino)) {
            snprintf(path, sizeof path, "/proc/%d/map_files/%s", (int)pid, range);
            if (!slowly && !stat(path, &st))
                add(l, &st);
            else
                denied = true;
            counts = !tl_inode_set_has(&l->seen, dev, ino);
        } else if (slowly && counts && sscanf(line, "Pss: %lu", &kib) == 1) {
            l->bytes += (uint64_t)kib << 10;
            counts = false;
        }
    }
    free(line);
    if (f)
        fclose(f);
    return !denied;
}

/* Threads share their descriptors, but need not. */
static void look_at_tables(struct look *l, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    for (struct dirent *x; d && l->bytes < l->enough && (x = readdir(d));) {
        int tid = atoi(x->d_name);
        if (tid <= 0 || (tid != pid && !syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0)))
            continue;
        char descriptors[64];
        snprintf(descriptors, sizeof descriptors, "/proc/%d/task/%d/fd", (int)pid, tid);
        look_at_descriptors(l, descriptors);
    }
    if (d)
        closedir(d);
}

static void look_at(void *arg, pid_t pid)
{
    struct look *l = arg;
    if (!l->mapped)
        look_at_tables(l, pid);
    else if (!look_at_mappings(l, pid, false))
        look_at_mappings(l, pid, true);
}

uint64_t tl_held_files_bytes(const struct tl_trial *t, uint64_t enough)
{
    struct stat st;
    if (!t->scratch.path || stat(t->scratch.path, &st))
        return 0;
    struct look l = {
        .scratch = t->scratch.path, .n = strlen(t->scratch.path), .dev = st.st_dev, .enough = enough};
    for (int i = 0; i < 2; i++, l.mapped = true) {
        for (const struct tl_process *p = t->processes; p; p = p->next)
            if (!p->gone)
                look_at(&l, p->pid);
        if (t->slot && t->slot->cgroup.used && !t->leaving)
            tl_cgroup_members(&t->slot->cgroup, look_at, &l); /* also what is not traced */
    }
    tl_inode_set_free(&l.seen);
    return l.bytes;
}
