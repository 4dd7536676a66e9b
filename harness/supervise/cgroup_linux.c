/* cgroups, in version 2, and in version 1 where its controllers are still in use.
 *
 * Theory of operation. A cgroup is a directory in a file system that the kernel makes up; writing a pid into
 * its cgroup.procs puts a process there, and what that forks stays with it. So one write holds a whole trial,
 * whatever it starts:
 *
 *   memory.max         bytes for all of its processes together, page cache and shared memory included. Above
 *                      it the kernel kills one of them and counts that in memory.events (oom_kill).
 *   pids.max           processes and threads together. RLIMIT_NPROC counts all of a user's, and does nothing
 *                      for root.
 *   cgroup.kill        "1" sends SIGKILL to all at once, also to what forks faster than it can be killed one
 *                      by one.
 *
 * The first two are files of controllers, and a controller is to be had in a cgroup only if the
 * cgroup.subtree_control of every directory above names it. A cgroup that hands controllers on may hold no
 * processes itself (but for the root): that is the rule of no internal processes. It is why trapline, alone
 * in its cgroup, first steps into a leaf below it (enable_v2).
 *
 * Version 1 has a tree for each controller, with other names (memory.limit_in_bytes, memory.oom_control) and
 * without cgroup.kill. On a hybrid machine some controllers are there and a version 2 tree without them is
 * beside it; each thing is then done in the tree that has it. */
#include "harness/supervise/cgroup.h"

#include "harness/base/buffer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REMOVALS_MOST 200
#define REMOVAL_US 2000 /* between two tries to remove a directory */

struct tl_cgroup_root {
    char *unified; /* our directory in the v2 tree */
    char *pids;    /* in the v1 tree of that controller; NULL when it is v2's or not to be had */
    char *memory;
    bool v2_pids, v2_memory, has_kill;
};

static int write_file(const char *dir, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, strlen(text));
    int err = errno;
    close(fd);
    errno = err;
    return n < 0 ? -1 : 0;
}

static char *read_small(const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return tl_read_file(path, 1 << 20, NULL);
}

/* The value of "name N" in a flat keyed file. */
static uint64_t keyed_value(const char *dir, const char *file, const char *key)
{
    char *text = read_small(dir, file);
    uint64_t value = 0;
    size_t n = strlen(key);
    for (char *line = text; line && *line;) {
        if (!strncmp(line, key, n) && line[n] == ' ')
            value = strtoull(line + n + 1, NULL, 10);
        line = strchr(line, '\n');
        if (line)
            line++;
    }
    free(text);
    return value;
}

static bool has_word(const char *list, const char *word, const char *separators)
{
    size_t n = strlen(word);
    for (const char *p = list; p && (p = strstr(p, word)); p += n)
        if ((p == list || strchr(separators, p[-1])) && (!p[n] || strchr(separators, p[n])))
            return true;
    return false;
}

/* Our own path in a hierarchy, from /proc/self/cgroup: controller is NULL for v2. */
static char *own_path(const char *controller)
{
    char *text = tl_read_file("/proc/self/cgroup", 1 << 16, NULL);
    char *found = NULL;
    for (char *save, *line = text ? strtok_r(text, "\n", &save) : NULL; line && !found;
         line = strtok_r(NULL, "\n", &save)) {
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        controllers++;
        if (controller ? has_word(controllers, controller, ",") : !*controllers)
            found = tl_strdup(path);
    }
    free(text);
    return found;
}

/* The directory in which we are, in the tree of a v1 controller, or of v2 (controller NULL). */
static char *own_directory(const char *controller)
{
    char *path = own_path(controller);
    char *text = path ? tl_read_file("/proc/self/mountinfo", 1 << 20, NULL) : NULL;
    char *found = NULL;
    for (char *save, *line = text ? strtok_r(text, "\n", &save) : NULL; line && !found;
         line = strtok_r(NULL, "\n", &save)) {
        char *dash = strstr(line, " - ");
        char root[256], mount[256], type[32], options[512];
        if (!dash || sscanf(line, "%*s %*s %*s %255s %255s", root, mount) != 2 ||
            sscanf(dash + 3, "%31s %*s %511s", type, options) != 2)
            continue;
        if (strcmp(type, controller ? "cgroup" : "cgroup2") ||
            (controller && !has_word(options, controller, ",")))
            continue;
        const char *below = path;
        size_t n = strlen(root);
        if (strcmp(root, "/") && !strncmp(path, root, n) && (path[n] == '/' || !path[n]))
            below = path + n;
        char *dir = tl_format("%s%s", mount, strcmp(below, "/") ? below : "");
        if (!access(dir, W_OK))
            found = dir;
        else
            free(dir);
    }
    free(text);
    free(path);
    return found;
}

static void remove_slots(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));)
        if (!strncmp(e->d_name, "slot-", 5) || !strcmp(e->d_name, "supervisor"))
            unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    closedir(d);
}

/* A supervisor that was killed leaves empty directories behind: the next one removes them. */
static void remove_stale(const char *parent)
{
    DIR *d = opendir(parent);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        int pid;
        if (sscanf(e->d_name, "trapline-%d", &pid) != 1 || pid == getpid() || !kill(pid, 0) || errno != ESRCH)
            continue;
        char *dir = tl_format("%s/%s", parent, e->d_name);
        write_file(dir, "cgroup.kill", "1");
        remove_slots(dir);
        rmdir(dir);
        free(dir);
    }
    closedir(d);
}

static char *make_below(const char *parent)
{
    remove_stale(parent);
    char *dir = tl_format("%s/trapline-%d", parent, (int)getpid());
    if (!mkdir(dir, 0755) || errno == EEXIST)
        return dir;
    free(dir);
    return NULL;
}

/* Controllers of v2 reach our slots only when every directory above hands them down. A directory that holds
 * processes cannot (but for the root), so when we are alone in ours we first step into a leaf. */
static void enable_v2(struct tl_cgroup_root *r, const char *parent)
{
    char *available = read_small(parent, "cgroup.controllers");
    bool pids = has_word(available, "pids", " \n"), memory = has_word(available, "memory", " \n");
    free(available);
    if (!pids && !memory)
        return;
    char wanted[24];
    snprintf(wanted, sizeof wanted, "%s%s", pids ? "+pids " : "", memory ? "+memory" : "");
    if (write_file(parent, "cgroup.subtree_control", wanted) && errno == EBUSY) {
        char *members = read_small(parent, "cgroup.procs");
        char own[24];
        snprintf(own, sizeof own, "%d\n", (int)getpid());
        if (members && !strcmp(members, own)) {
            char *leaf = tl_format("%s/supervisor", r->unified);
            if (!mkdir(leaf, 0755) && !write_file(leaf, "cgroup.procs", "0"))
                write_file(parent, "cgroup.subtree_control", wanted);
            free(leaf);
        }
        free(members);
    }
    /* With a process in the leaf below it, r->unified itself holds none and can hand on. */
    write_file(r->unified, "cgroup.subtree_control", wanted);
    char *handed = read_small(r->unified, "cgroup.subtree_control");
    r->v2_pids = has_word(handed, "pids", " \n");
    r->v2_memory = has_word(handed, "memory", " \n");
    free(handed);
}

struct tl_cgroup_root *tl_cgroup_root_new(char *why, size_t why_size)
{
    struct tl_cgroup_root *r = tl_calloc(1, sizeof *r);
    char *parent = own_directory(NULL);
    if (parent) {
        r->unified = make_below(parent);
        if (r->unified) {
            char *file = tl_format("%s/cgroup.kill", r->unified);
            r->has_kill = !access(file, W_OK);
            free(file);
            enable_v2(r, parent);
        }
    }
    free(parent);
    if (!r->v2_pids && (parent = own_directory("pids"))) {
        r->pids = make_below(parent);
        free(parent);
    }
    if (!r->v2_memory && (parent = own_directory("memory"))) {
        r->memory = make_below(parent);
        free(parent);
    }
    if (r->unified || r->pids || r->memory)
        return r;
    snprintf(why, why_size,
             "no cgroup can be written by this user; run as root, or under "
             "`systemd-run --user --scope -p Delegate=yes`");
    tl_cgroup_root_free(r);
    return NULL;
}

void tl_cgroup_root_free(struct tl_cgroup_root *r)
{
    if (!r)
        return;
    char *dirs[] = {r->unified, r->pids, r->memory};
    for (size_t i = 0; i < 3; i++)
        if (dirs[i]) {
            char *leaf = tl_format("%s/supervisor", dirs[i]);
            if (!access(leaf, F_OK)) { /* step back out, so that the directories can go */
                char *parent = tl_strdup(dirs[i]);
                *strrchr(parent, '/') = '\0';
                write_file(dirs[i], "cgroup.subtree_control", "-pids -memory");
                write_file(parent, "cgroup.subtree_control", "-pids -memory");
                write_file(parent, "cgroup.procs", "0");
                free(parent);
            }
            free(leaf);
            remove_slots(dirs[i]);
            rmdir(dirs[i]);
            free(dirs[i]);
        }
    free(r);
}

const char *tl_cgroup_root_path(const struct tl_cgroup_root *r)
{
    return r->unified ? r->unified : r->pids ? r->pids : r->memory;
}

bool tl_cgroup_root_has(const struct tl_cgroup_root *r, const char *what)
{
    if (!strcmp(what, "kill"))
        return r->has_kill;
    if (!strcmp(what, "pids"))
        return r->v2_pids || r->pids;
    return r->v2_memory || r->memory;
}

static char *make_slot(const char *root, unsigned slot, int *procs)
{
    if (!root)
        return NULL;
    char *dir = tl_format("%s/slot-%u", root, slot);
    if (mkdir(dir, 0755) && errno != EEXIST) {
        free(dir);
        return NULL;
    }
    char *file = tl_format("%s/cgroup.procs", dir);
    *procs = open(file, O_RDWR | O_CLOEXEC);
    free(file);
    return dir;
}

int tl_cgroup_open(struct tl_cgroup_root *r, unsigned slot, struct tl_cgroup *c, struct tl_error *e)
{
    *c = (struct tl_cgroup){.procs = {-1, -1, -1}};
    char *unified = make_slot(r->unified, slot, &c->procs[0]);
    c->pids_dir = make_slot(r->pids, slot, &c->procs[1]);
    c->memory_dir = make_slot(r->memory, slot, &c->procs[2]);
    c->v1_pids = c->pids_dir != NULL;
    c->v1_memory = c->memory_dir != NULL;
    if (unified && r->v2_pids)
        c->pids_dir = tl_strdup(unified);
    if (unified && r->v2_memory)
        c->memory_dir = tl_strdup(unified);
    c->kill = -1;
    if (r->has_kill && unified) {
        char *file = tl_format("%s/cgroup.kill", unified);
        c->kill = open(file, O_WRONLY | O_CLOEXEC);
        free(file);
    }
    if (c->kill >= 0)
        c->kill_dir = unified;
    else
        free(unified);
    c->used = true;
    if (c->procs[0] < 0 && c->procs[1] < 0 && c->procs[2] < 0) {
        tl_cgroup_close(c);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a cgroup", tl_cgroup_root_path(r),
                             "no directory for slot %u", slot);
    }
    return 0;
}

void tl_cgroup_limit(struct tl_cgroup *c, const struct tl_limits *limits)
{
    if (!c->used)
        return;
    char text[32];
    /* The tracer counts processes; this also bounds threads, which a runtime may rightly have by the hundred.
     */
    uint64_t tasks = limits->processes ? limits->processes + 4096 : 0;
    if (c->pids_dir && tasks != c->pids_set) {
        snprintf(text, sizeof text, tasks ? "%llu" : "max", (unsigned long long)tasks);
        if (!write_file(c->pids_dir, "pids.max", text))
            c->pids_set = tasks;
    }
    if (c->memory_dir && limits->memory_mb != c->memory_set) {
        uint64_t bytes = tl_limits_kill_bytes(limits);
        const char *file = c->v1_memory ? "memory.limit_in_bytes" : "memory.max";
        snprintf(text, sizeof text,
                 limits->memory_mb ? "%llu"
                 : c->v1_memory    ? "-1"
                                   : "max",
                 (unsigned long long)bytes);
        if (!write_file(c->memory_dir, file, text)) {
            c->memory_set = limits->memory_mb;
            if (!c->v1_memory) /* swap would turn a clear limit into a slow one */
                write_file(c->memory_dir, "memory.swap.max", limits->memory_mb ? "0" : "max");
        }
    }
}

int tl_cgroup_join(const struct tl_cgroup *c)
{
    int result = 0;
    for (size_t i = 0; i < 3; i++)
        if (c->used && c->procs[i] >= 0 && pwrite(c->procs[i], "0", 1, 0) < 0)
            result = -1;
    return result;
}

void tl_cgroup_kill(struct tl_cgroup *c)
{
    if (c->used && c->kill_dir && pwrite(c->kill, "1", 1, 0) < 0)
        return; /* what is in it is looked for all the same */
}

bool tl_cgroup_has(const struct tl_cgroup_root *r, pid_t pid)
{
    char path[64], ours[64];
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
    snprintf(ours, sizeof ours, "/trapline-%d/slot-", (int)getpid());
    char *text = r ? tl_read_file(path, 1 << 16, NULL) : NULL;
    bool has = text && strstr(text, ours);
    free(text);
    return has;
}

void tl_cgroup_members(const struct tl_cgroup *c, void (*found)(void *arg, pid_t pid), void *arg)
{
    char text[4096 + 1]; /* what does not go in is seen the next time */
    ssize_t n = -1;
    for (size_t i = 0; i < 3 && c->used && n < 0; i++)
        if (c->procs[i] >= 0)
            n = pread(c->procs[i], text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    for (char *at = text, *end; *at; at = end + 1) {
        long pid = strtol(at, &end, 10);
        if (end == at || *end != '\n')
            break;
        found(arg, (pid_t)pid);
    }
}

uint64_t tl_cgroup_oom_kills(const struct tl_cgroup *c)
{
    if (!c->used || !c->memory_dir)
        return 0;
    return c->v1_memory ? keyed_value(c->memory_dir, "memory.oom_control", "oom_kill")
                        : keyed_value(c->memory_dir, "memory.events", "oom_kill");
}

void tl_cgroup_close(struct tl_cgroup *c)
{
    if (!c->used)
        return;
    tl_cgroup_kill(c);
    for (size_t i = 0; i < 3; i++)
        if (c->procs[i] >= 0)
            close(c->procs[i]);
    if (c->kill >= 0)
        close(c->kill);
    char *dirs[] = {c->kill_dir, c->pids_dir, c->memory_dir};
    for (size_t i = 0; i < 3; i++)
        if (dirs[i]) {
            for (int tries = 0; rmdir(dirs[i]) && errno == EBUSY && tries < REMOVALS_MOST; tries++)
                usleep(REMOVAL_US); /* what was killed takes its time to go */
            free(dirs[i]);
        }
    *c = (struct tl_cgroup){.procs = {-1, -1, -1}};
}
