/* The fork server of a runner.
 *
 * Theory of operation. Loading a runtime takes longer than most trials, and it is the same each time. So one
 * process loads it once, and each trial is a fork of that process. Two processes matter here:
 *
 *   server  It has loaded the runtime (runner->load), listens on its own fd 3, and never runs a trial.
 *   child   It was forked for one trial. Its fd 3 is the trial's socket, and nothing distinguishes it from
 *           a runner that was exec'd but that it leaves with _exit.
 *
 * The supervisor sends the line {"fork":1}; with it come the child's trial socket, stdout and stderr. The
 * server forks and answers {"forked":PID}. The child is a copy of a process that has run no trial, so no
 * trial can see what another one did; only which pages of code are mapped is handed on (prefault.h). It
 * leaves with _exit because exit() would run the destructors of a runtime whose threads exist only in the
 * server, which hangs.
 *
 * fork() is glibc's and not the bare system call: runtimes register pthread_atfork handlers. */
#include "runners/serve.h"
#include "runners/channel.h"
#include "runners/prefault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const bool tl_serve_possible = true;

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n && i < TL_CHANNEL_FDS; i++)
        close(fds[i]);
}

/* Descriptors 0 to 2 must be taken, or one that is received could land there and be overwritten. */
static void fill_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

static void reap(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

/* The child's descriptors: 0 /dev/null, 1 and 2 output, 3 the trial's socket in place of the server's. */
static int take_descriptors(const int *fds)
{
    static const int targets[TL_CHANNEL_FDS] = {TL_PROTOCOL_FD, STDOUT_FILENO, STDERR_FILENO};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0)
        return -1;
    close(null);
    for (size_t i = 0; i < TL_CHANNEL_FDS; i++) {
        if (dup2(fds[i], targets[i]) < 0)
            return -1;
        close(fds[i]);
    }
    return 0;
}

/* The end of each child would stop this process, which is traced, until the supervisor comes round to it.
 * Children are waited for before the next fork, not by signal. */
static void hold_child_signals(bool hold)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* What every child is forked with. */
struct server {
    const struct tl_runner *runner;
    tl_serve_trial trial;
    void *state;
    struct tl_prefault *prefault;
};

static void child(const struct server *s, const int *fds)
{
    setsid();
    hold_child_signals(false);
    if (take_descriptors(fds))
        _exit(3);
    int status = s->trial(s->runner, s->state);
    fflush(stdout);
    fflush(stderr);
    tl_prefault_record(s->prefault);
    _exit(status);
}

static int serve_fork(struct server *s, const int *fds)
{
    /* What is buffered here would be written by every child again. */
    fflush(stdout);
    fflush(stderr);
    reap();
    tl_prefault_apply(&s->prefault);
    pid_t pid = fork();
    if (pid == 0)
        child(s, fds);
    if (pid < 0) {
        tl_channel_error("server", "fork", "cannot fork: %s", strerror(errno));
        return 0;
    }
    return tl_channel_send(json_pack("{s:i}", "forked", (int)pid));
}

static bool is_fork(const char *line, size_t size)
{
    json_t *request = json_loadb(line, size, 0, NULL);
    const json_t *v = json_object_get(request, "fork");
    bool yes = json_is_true(v) || (json_is_integer(v) && json_integer_value(v) == 1);
    json_decref(request);
    return yes;
}

int tl_serve(const struct tl_runner *runner, const json_t *request, tl_serve_trial trial)
{
    if (!runner->can_serve || !runner->load) {
        tl_channel_error("protocol", "cannot-serve", "%s cannot serve", runner->name);
        return 0;
    }
    fill_standard_descriptors();
    char why[1024] = "";
    struct server s = {.runner = runner, .trial = trial};
    if (runner->load(request, &s.state, why, sizeof why)) {
        tl_channel_error(runner->name, "load", "%s", why);
        return 0;
    }
    hold_child_signals(true);
    tl_channel_send(json_pack("{s:i}", "serving", 1));
    s.prefault = tl_prefault_new();
    int fds[TL_CHANNEL_FDS];
    size_t n_fds;
    char line[1024];
    ssize_t n;
    while ((n = tl_channel_read_line(TL_PROTOCOL_FD, line, sizeof line, fds, &n_fds)) > 0) {
        int r = 0;
        if (!is_fork(line, (size_t)n))
            tl_channel_error("protocol", "request", "a fork server takes only {\"fork\":1}");
        else if (n_fds != TL_CHANNEL_FDS)
            tl_channel_error("protocol", "descriptors", "a fork request carries %d descriptors, not %zu",
                             TL_CHANNEL_FDS, n_fds);
        else
            r = serve_fork(&s, fds);
        close_all(fds, n_fds);
        if (r)
            break;
    }
    reap();
    /* Leave as the children do: what the runtime would tear down here goes with the process. */
    fflush(stdout);
    fflush(stderr);
    _exit(n < 0 ? 2 : 0);
}
