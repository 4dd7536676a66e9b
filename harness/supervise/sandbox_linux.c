/* Theory of operation. A sandbox is made by the warden of a trial (warden_linux.c), which is the first process of
 * namespaces of users (for who is not root), mounts, processes, System V segments and, unless the network is asked for,
 * of the network. What is made in them is found out here, once for a supervisor: between fork and exec nobody can look
 * around.
 *
 *   the disk       All of it can be read as before and none of it written, but the scratch directory. That keeps what
 *                  the user would start later (a shell's configuration, a program in ~/bin) as it is, and builds and
 *                  models in trapline's cache. No file system in memory takes the place of the disk: what is written
 *                  to one would count as memory, and be taken for `oom`.
 *   hidden         The database, and every socket of a file on which somebody listens: a user bus, tmux, an agent of ssh
 *                  start processes or use keys for who asks. /run, which is full of them, is empty but for what
 *                  programs read there (names of hosts, drivers, the list of devices).
 *   /dev           The nodes that programs need, and those of accelerators; terminals of its own, none of which is
 *                  anybody else's; memory of its own in /dev/shm.
 *   /proc          Its own processes. What is below /proc/sys cannot be written, nor /sys: both take root's word also
 *                  where root has no capabilities.
 *   sockets        Abstract ones are the network's: cut off with it; where the network is wanted a scope of Landlock
 *                  does it (Linux 6.12).
 *   privileges     None, and none to be gained: no capabilities, no_new_privs, nothing set-user-ID.
 *
 * What is listened on later than the supervisor was made is seen. No system call is denied by a filter: a signal of a
 * filter (SIGSYS) would be taken for a crash of the program. */
#include "harness/supervise/sandbox_impl.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/names.h"
#include "harness/base/paths.h"
#include "harness/base/signal_scope.h"
#include "harness/base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKETS_MOST 4096 /* that are hidden one by one */

/* By the beginnings of their names where '*' ends them. */
static const char *const devices[] = {
    "null",    "zero",        "full",        "random",   "urandom",  "tty",     "dri",      "nvidia*",
    "kfd",     "dxg",         "accel",       "accel*",   "apex_*",   "mali*",   "kgsl-3d0", "dma_heap",
    "neuron*", "habanalabs*", "tenstorrent", "davinci*", "hisi_hdc", "udmabuf", "dma_buf*"};

static const char *const run[] = {"/run/systemd/resolve/stub-resolv.conf",
                                  "/run/systemd/resolve/resolv.conf",
                                  "/run/resolvconf/resolv.conf",
                                  "/run/NetworkManager/resolv.conf",
                                  "/run/netconfig/resolv.conf",
                                  "/run/opengl-driver",
                                  "/run/opengl-driver-32",
                                  "/run/current-system",
                                  "/run/udev"};

static void add(struct tl_paths *p, const char *path)
{
    struct stat st;
    if (lstat(path, &st) || S_ISLNK(st.st_mode))
        return;
    *TL_GROW(p->list, p->n) = (struct tl_path){tl_strdup(path), S_ISDIR(st.st_mode)};
}

static void free_paths(struct tl_paths *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->list[i].path);
    free(p->list);
}

static bool is_below(const char *path, const char *directory)
{
    size_t n = strlen(directory);
    return !strncmp(path, directory, n) && (!path[n] || path[n] == '/' || (n && directory[n - 1] == '/'));
}

static bool is_device(const char *name)
{
    for (size_t i = 0; i < TL_COUNT(devices); i++) {
        size_t n = strlen(devices[i]);
        bool begins = devices[i][n - 1] == '*';
        if (begins ? !strncmp(name, devices[i], n - 1) : !strcmp(name, devices[i]))
            return true;
    }
    return false;
}

static int find_devices(struct tl_sandbox *s, struct tl_error *e)
{
    struct tl_names names;
    if (tl_names_read("/dev", &names))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a sandbox", "/dev",
                             "it is listed for the devices that trials are to have");
    for (size_t i = 0; i < names.n; i++) {
        char *path = tl_format("/dev/%s", names.list[i]);
        if (is_device(names.list[i]))
            add(&s->devices, path);
        free(path);
    }
    tl_names_free(&names);
    return 0;
}

/* The files of the database, and its directory where nothing else is in it. */
static int hide_database(struct tl_sandbox *s, const char *database, struct tl_error *e)
{
    char *real = realpath(database, NULL), *slash = real ? strrchr(real, '/') : NULL;
    if (!slash || slash == real) {
        free(real);
        return 0;
    }
    char *directory = tl_format("%.*s", (int)(slash - real), real);
    struct tl_names names;
    bool alone = true;
    int result = tl_names_read(directory, &names);
    if (result)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a sandbox", directory,
                      "it is listed for the files of the database, which trials are not to see");
    for (size_t i = 0; i < names.n; i++) {
        char *path = tl_format("%s/%s", directory, names.list[i]);
        if (!strncmp(names.list[i], slash + 1, strlen(slash + 1)))
            add(&s->hidden, path);
        else
            alone = false;
        free(path);
    }
    tl_names_free(&names);
    if (alone)
        add(&s->hidden, directory);
    free(directory);
    free(real);
    return result;
}

/* Those that have a name in the file system, as the kernel lists them. */
static void hide_sockets(struct tl_sandbox *s, const char *scratch_root)
{
    char *text = tl_read_file("/proc/net/unix", 16u << 20, NULL), *save = NULL;
    size_t n = 0;
    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line && n < SOCKETS_MOST;
         line = strtok_r(NULL, "\n", &save)) {
        const char *path = strchr(line, '/');
        if (!path || path[-1] != ' ' || is_below(path, "/run") || is_below(path, "/var/run") ||
            is_below(path, "/dev") || is_below(path, "/proc") || is_below(path, scratch_root))
            continue;
        add(&s->hidden, path);
        n++;
    }
    free(text);
}

static int find_user(struct tl_sandbox *s, const char *name, struct tl_error *e)
{
    if (geteuid() != 0)
        return tl_fail(e, TL_ERROR_INPUT, "cannot run trials as another user", name,
                       "only root can: run trapline as root, or without --user");
    errno = 0;
    const struct passwd *p = getpwnam(name);
    if (!p)
        return tl_fail(e, TL_ERROR_INPUT, "there is no such user", name,
                       "--user takes the name of one of this machine, for example nobody");
    s->other = true;
    s->user = p->pw_uid;
    s->group = p->pw_gid;
    return 0;
}

struct tl_sandbox *tl_sandbox_new(const struct tl_sandbox_wish *wish, const char *scratch_root,
                                  struct tl_error *e)
{
    const char *why;
    if (!tl_warden_can_have_namespaces(&why)) {
        tl_fail(e, TL_ERROR_ENVIRONMENT, "there can be no sandbox here", why,
                "it needs namespaces, which this system forbids this user: `trapline doctor` says what it "
                "allows; without --sandbox trials are run");
        return NULL;
    }
    struct tl_sandbox *s = tl_calloc(1, sizeof *s);
    s->scope = -1;
    s->network = wish->network;
    if (wish->user && find_user(s, wish->user, e)) {
        tl_sandbox_free(s);
        return NULL;
    }
    if (find_devices(s, e) || (wish->database && hide_database(s, wish->database, e))) {
        tl_sandbox_free(s);
        return NULL;
    }
    for (size_t i = 0; i < TL_COUNT(run); i++)
        add(&s->run, run[i]);
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char *state = tl_state_home("");
    if (runtime && *runtime == '/' && !is_below(runtime, "/run") && !is_below(scratch_root, runtime))
        add(&s->hidden, runtime);
    if (state && !is_below(scratch_root, state)) {
        state[strlen(state) - 1] = '\0';
        add(&s->hidden, state);
    }
    free(state);
    hide_sockets(s, scratch_root);
    /* Who is another user has to come through to its own. */
    if (s->other)
        chmod(scratch_root, 0711);
    s->scope = tl_signal_scope_open(true);
    return s;
}

void tl_sandbox_free(struct tl_sandbox *s)
{
    if (!s)
        return;
    free_paths(&s->devices);
    free_paths(&s->run);
    free_paths(&s->hidden);
    if (s->scope >= 0)
        close(s->scope);
    free(s);
}

static int furnish(void *argument, const char **what)
{
    return tl_sandbox_furnish(argument, what);
}

__attribute__((noreturn)) static void leave(void *argument)
{
    const struct tl_sandbox_place *p = argument;
    _exit(tl_sandbox_enter(p->sandbox) ? 1 : 0);
}

bool tl_sandbox_try(const char *scratch_root, char *why, size_t size)
{
    const struct tl_sandbox_wish wish = {.wanted = true};
    struct tl_error e = {0};
    struct tl_warden w;
    pid_t pid;
    sigset_t all, before;
    struct tl_sandbox *s = tl_sandbox_new(&wish, scratch_root, &e);
    struct tl_sandbox_place place = {.sandbox = s, .scratch = scratch_root};
    const struct tl_warden_work work = {.furnish = furnish, .run = leave, .argument = &place};
    bool made = false;
    if (s) {
        tl_sandbox_want(s, &w);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        made = !tl_warden_fork(&w, &work, &pid, &e);
        if (made) {
            tl_warden_end(&w);
            while (waitpid(w.pid, NULL, __WALL) < 0 && errno == EINTR)
                ;
            tl_warden_forget(&w);
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    snprintf(why, size, "%s", made ? "" : e.where);
    tl_sandbox_free(s);
    return made;
}

void tl_sandbox_want(const struct tl_sandbox *s, struct tl_warden *w)
{
    *w = (struct tl_warden){.kind = TL_WARDEN_NAMESPACE, .line = -1};
    w->more = CLONE_NEWIPC | (s->network ? 0 : CLONE_NEWNET);
}

int tl_sandbox_scope(const struct tl_sandbox *s)
{
    return s->scope;
}

struct giving {
    const struct tl_sandbox *s;
    char *path; /* from the top, of what could not be given; NULL */
    int error;
};

/* Links themselves, and not what they lead to. */
static bool give(void *arg, int directory, const char *name, const char *path, const struct stat *st)
{
    struct giving *g = arg;
    (void)st;
    if (!fchownat(directory, name, g->s->user, g->s->group, AT_SYMLINK_NOFOLLOW) || errno == ENOENT)
        return false;
    g->error = errno;
    g->path = tl_strdup(path);
    return true;
}

/* What is made in trapline's cache lies in directories of its own that nobody else may enter. */
static void let_through(const char *directory)
{
    char *cache = tl_cache_home(""), *path = tl_strdup(directory), *slash;
    struct stat st;
    if (cache)
        cache[strlen(cache) - 1] = '\0';
    while (cache && (slash = strrchr(path, '/')) && (*slash = '\0', is_below(path, cache)))
        if (!stat(path, &st))
            chmod(path, (st.st_mode & 07777) | 0011);
    free(path);
    free(cache);
}

int tl_sandbox_give(const struct tl_sandbox *s, const char *directory, struct tl_error *e)
{
    struct giving g = {.s = s};
    if (!s->other)
        return 0;
    let_through(directory);
    if (lchown(directory, s->user, s->group) || tl_tree_each(directory, give, &g))
        g.error = g.error ? g.error : errno;
    char *where = g.path ? tl_format("%s/%s", directory, g.path) : tl_strdup(directory);
    if (g.error)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, g.error, "cannot give a directory to the user of a trial",
                      where, "name another place with TMPDIR");
    free(where);
    free(g.path);
    return g.error ? -1 : 0;
}

int tl_sandbox_enter(const struct tl_sandbox *s)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL); /* not the user's */
    /* The calls themselves: the C library's would tell all threads of ours. */
    if (s->other && (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, s->group, s->group, s->group)))
        return -1;
    for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    if (s->other && syscall(SYS_setresuid, s->user, s->user, s->user))
        return -1;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return syscall(SYS_capset, &head, none) ? -1 : 0;
}
