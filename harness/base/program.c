/* One helper program, run to its end.
 *
 * Up to three pipes, none of which may block trapline: `in` is written without blocking, `out` and `err` are
 * read when poll says so. The end of the program shows as the end of its output; where that is not collected,
 * or there is a deadline, it is also asked for every few milliseconds, since SIGCHLD is not ours to take. */
#include "harness/base/program.h"

#include "harness/base/awake.h"
#include "harness/base/clock.h"
#include "harness/base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define OUT_MOST (32u << 20)
#define ERR_MOST (64u << 10)
#define ASK_MS 10 /* how often it is asked for its end */
#define AWAKE_MS 500
/* How long what a program left behind with a pipe of ours is listened to after its end: while it says nothing, and at all. */
#define QUIET_NS 500000000u
#define LISTEN_NS 10000000000u
#define LISTEN_BYTES (1u << 20) /* no pipe holds more of the program's own */

enum { IN, OUT, ERR, N_PIPES };

struct run {
    struct tl_program *p;
    pid_t pid;
    int ours[N_PIPES], theirs[N_PIPES]; /* -1: there is no such pipe, or not any more */
    size_t written;
    uint64_t end_ns; /* 0: no deadline */
    bool reaped;
    bool emptied;                 /* all that it wrote itself was read */
    size_t after_end;             /* bytes that were read since it ended */
    uint64_t heard_ns, reaped_ns; /* when something was read of it last, or it ended */
};

int tl_pipe(int fd[2])
{
#ifdef __linux__
    return pipe2(fd, O_CLOEXEC);
#else
    if (pipe(fd) != 0)
        return -1;
    fcntl(fd[0], F_SETFD, FD_CLOEXEC);
    fcntl(fd[1], F_SETFD, FD_CLOEXEC);
    return 0;
#endif
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_all(int fd[N_PIPES])
{
    for (int i = 0; i < N_PIPES; i++)
        close_end(&fd[i]);
}

static int make_pipes(struct run *r)
{
    const bool wanted[N_PIPES] = {r->p->input != NULL, r->p->out != NULL, r->p->err != NULL};
    for (int i = 0; i < N_PIPES; i++) {
        int fd[2];
        if (!wanted[i])
            continue;
        if (tl_pipe(fd))
            return -1;
        r->ours[i] = fd[i == IN];
        r->theirs[i] = fd[i != IN];
    }
    if (r->ours[IN] >= 0)
        fcntl(r->ours[IN], F_SETFL, O_NONBLOCK);
    return 0;
}

const char *tl_environment_value(const char *const *settings, const char *name)
{
    size_t n = strlen(name);
    for (; settings && *settings; settings++)
        if (!strncmp(*settings, name, n) && (*settings)[n] == '=')
            return *settings + n + 1;
    return getenv(name);
}

char **tl_environment(const char *const *settings)
{
    size_t n = 0, more = 0, used = 0;
    while (environ[n])
        n++;
    while (settings && settings[more])
        more++;
    char **list = tl_calloc(n + more + 1, sizeof *list);
    for (size_t i = 0; i < n; i++) {
        bool replaced = false;
        for (size_t k = 0; k < more && !replaced; k++)
            replaced = !strncmp(environ[i], settings[k], strcspn(settings[k], "=") + 1);
        if (!replaced)
            list[used++] = environ[i];
    }
    if (more)
        memcpy(list + used, settings, more * sizeof *list);
    return list;
}

static int set_actions(posix_spawn_file_actions_t *actions, const struct run *r)
{
    int rc = 0;
    if (r->p->directory)
        rc = posix_spawn_file_actions_addchdir_np(actions, r->p->directory);
    if (!rc && r->theirs[IN] >= 0)
        rc = posix_spawn_file_actions_adddup2(actions, r->theirs[IN], STDIN_FILENO);
    else if (!rc)
        rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(actions, r->theirs[OUT] >= 0 ? r->theirs[OUT] : STDERR_FILENO,
                                              STDOUT_FILENO);
    if (!rc && r->theirs[ERR] >= 0)
        rc = posix_spawn_file_actions_adddup2(actions, r->theirs[ERR], STDERR_FILENO);
    return rc;
}

static int start(struct run *r)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc)
        return rc;
    rc = posix_spawnattr_init(&attributes);
    if (rc) {
        posix_spawn_file_actions_destroy(&actions);
        return rc;
    }
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    sigaddset(&defaults, SIGCHLD);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    /* A group of its own is for killing all of it; without a deadline a Ctrl-C is to reach it. */
    posix_spawnattr_setflags(&attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                  (r->p->timeout_s > 0 ? POSIX_SPAWN_SETPGROUP : 0)));
    rc = set_actions(&actions, r);
    if (!rc) {
        /* posix_spawnp wants char *const *, but does not write through it. */
        char *const *list;
        memcpy(&list, &r->p->argv, sizeof list);
        char **environment = tl_environment(r->p->environment);
        rc = posix_spawnp(&r->pid, list[0], &actions, &attributes, list, environment);
        free(environment);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* write() that never raises SIGPIPE, whatever the process does about that signal. */
static ssize_t write_quietly(int fd, const void *data, size_t size)
{
    sigset_t pipe_only, before, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    ssize_t n = write(fd, data, size);
    int err = errno;
    if (n < 0 && err == EPIPE && !sigismember(&pending, SIGPIPE)) {
        int taken;
        sigpending(&pending);
        if (sigismember(&pending, SIGPIPE)) /* not so where it is ignored */
            sigwait(&pipe_only, &taken);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = err;
    return n;
}

static void feed(struct run *r)
{
    size_t left = strlen(r->p->input + r->written);
    ssize_t n = left ? write_quietly(r->ours[IN], r->p->input + r->written, left) : 0;
    if (n > 0)
        r->written += (size_t)n;
    if (n < 0 ? errno != EAGAIN && errno != EINTR : (size_t)n == left)
        close_end(&r->ours[IN]);
}

static void collect(struct run *r, int i)
{
    char chunk[16384];
    ssize_t n = read(r->ours[i], chunk, sizeof chunk);
    if (n < 0 && errno == EINTR)
        return;
    if (n > 0 && r->reaped)
        r->after_end += (size_t)n;
    if (n <= 0) {
        close_end(&r->ours[i]);
    } else if (i == OUT) {
        if (r->p->out->size < OUT_MOST)
            tl_buffer_add(r->p->out, chunk, (size_t)n);
    } else {
        tl_buffer_add(r->p->err, chunk, (size_t)n);
        if (r->p->err->size > 2 * ERR_MOST)
            tl_buffer_drop_front(r->p->err, r->p->err->size - ERR_MOST);
    }
}

/* 0, or an errno: of waitpid, or ETIMEDOUT. */
static int attend(struct run *r)
{
    for (;;) {
        bool output = r->ours[OUT] >= 0 || r->ours[ERR] >= 0;
        bool ask = r->end_ns || r->ours[IN] >= 0;
        tl_awake_ns(); /* what a program takes is time in which this one was awake, too */
        if (!r->reaped) {
            pid_t got = waitpid(r->pid, &r->p->status, ask || output ? WNOHANG : 0);
            if (got < 0 && errno != EINTR)
                return errno;
            r->reaped = got == r->pid;
            r->heard_ns = r->reaped_ns = tl_monotonic_ns();
        }
        uint64_t now = tl_monotonic_ns();
        /* A process that it left may keep its output open for as long as it likes: what is said then is not the program's. */
        if (r->reaped && (!output || r->after_end > LISTEN_BYTES ||
                          (r->emptied && (now - r->heard_ns > QUIET_NS || now - r->reaped_ns > LISTEN_NS))))
            return 0;
        if (r->end_ns && now >= r->end_ns)
            return ETIMEDOUT;
        if (!output && !ask)
            continue;
        struct pollfd fds[N_PIPES];
        for (int i = 0; i < N_PIPES; i++)
            fds[i] = (struct pollfd){r->ours[i], i == IN ? POLLOUT : POLLIN, 0};
        if (poll(fds, N_PIPES, ask || r->reaped ? ASK_MS : AWAKE_MS) < 0)
            continue; /* interrupted */
        if (fds[OUT].revents || fds[ERR].revents)
            r->heard_ns = tl_monotonic_ns();
        else
            r->emptied = r->reaped;
        if (fds[IN].revents)
            feed(r);
        if (fds[OUT].revents)
            collect(r, OUT);
        if (fds[ERR].revents)
            collect(r, ERR);
    }
}

static void kill_all(struct run *r)
{
    kill(-r->pid, SIGKILL);
    while (!r->reaped && waitpid(r->pid, &r->p->status, 0) < 0 && errno == EINTR)
        continue;
}

int tl_program_run(struct tl_program *p, struct tl_error *e)
{
    static const char doing[] = "cannot start a program";
    struct run r = {.p = p, .pid = -1, .ours = {-1, -1, -1}, .theirs = {-1, -1, -1}};
    int rc = make_pipes(&r) ? errno : 0;
    if (rc) {
        close_all(r.ours);
        close_all(r.theirs);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, rc, doing, p->argv[0], "no pipe");
    }
    rc = start(&r);
    close_all(r.theirs);
    if (rc) {
        close_all(r.ours);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, rc, doing, p->argv[0], "it could not be run%s",
                             rc == ENOENT ? "; is it installed and in PATH?" : "");
    }
    if (p->timeout_s > 0)
        r.end_ns = tl_monotonic_ns() + (uint64_t)(p->timeout_s * 1e9);
    rc = attend(&r);
    if (rc == ETIMEDOUT)
        kill_all(&r);
    close_all(r.ours);
    if (rc == ETIMEDOUT)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "a program did not end", p->argv[0],
                       "it was killed after %g s", p->timeout_s);
    if (rc)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, rc, "cannot wait for a program", p->argv[0],
                             "its exit status is lost");
    return 0;
}

static bool is_program(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* The name matters to programs that go by argv[0]: a link is kept, but absolute. */
static char *absolute(char *path)
{
    char *real = is_program(path) ? realpath(path, NULL) : NULL;
    if (real && *path == '/') {
        free(real);
        return path;
    }
    free(path);
    return real;
}

char *tl_program_find(const char *directory, const char *name, struct tl_error *e)
{
    return tl_program_find_in(getenv("PATH"), directory, name, e);
}

char *tl_program_find_in(const char *list, const char *directory, const char *name, struct tl_error *e)
{
    if (strchr(name, '/')) {
        char *path = *name == '/' ? tl_strdup(name) : tl_format("%s/%s", directory, name);
        errno = 0;
        if (is_program(path))
            return path;
        /* A directory may be executed: no call fails for it. */
        tl_fail_errno(e, TL_ERROR_INPUT, errno ? errno : EACCES, "no such program", path,
                      "an executable file was expected (chmod +x?)");
        free(path);
        return NULL;
    }
    list = list ? list : "/usr/bin:/bin";
    for (char *found = NULL, *at; *name && (at = tl_next_directory(&list)); free(at)) {
        found = absolute(tl_format("%s/%s", *at ? at : ".", name));
        if (found) {
            free(at);
            return found;
        }
    }
    tl_fail(e, TL_ERROR_INPUT, "no such program", name,
            "it is not in PATH; install it or name it with its path");
    return NULL;
}
