/* Theory of operation. The step is a child in a session of its own (apart.h): what it sends to its process group
 * reaches neither the runner nor the step before it. Its stdout and stderr are pipes that are read here and passed
 * on. It has ended when it has been waited for, and not when its pipes are closed: a process that it left behind may
 * hold them for ever. SIGCHLD is blocked except inside pselect(), so that the end of the child cannot slip in before the
 * wait. A pipe that is closed-on-exec tells a program that could not be started from one that exits with the
 * same status. */
#include "runners/command/step.h"
#include "harness/base/program.h"
#include "runners/command/apart.h"
#include "runners/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_MOST 64 /* times TL_WINDOW_CHUNK: 4 MiB */
/* The clock of a deadline is looked at this often, and counts at most that much from look to look. */
#define TURN_MS 1000
#define TURN_MOST_MS 2000
/* What is counted is told this often at most. When its time is over the step is killed with this runner, and what was
 * not told by then is lost. */
#define TELL_MS 200

static void on_child(int signal)
{
    /* Only here to make pselect() return. */
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Passes everything on; what nobody reads any more is dropped. */
static void pass_on(int to, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(to, data, size);
        if (n >= 0) {
            data += n;
            size -= (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            poll(&(struct pollfd){.fd = to, .events = POLLOUT}, 1, -1);
        } else if (errno != EINTR) {
            return;
        }
    }
}

/* One stream of the step. */
struct stream {
    int from, to; /* from: -1 at its end */
    struct tl_window window;
    struct tl_counted_lines lines;
    struct tl_complaint *end;
};

/* Reads once. Returns whether there was anything. */
static bool drain(struct stream *s, struct tl_texts *texts, struct tl_counters *counters)
{
    char chunk[TL_WINDOW_CHUNK];
    if (s->from < 0)
        return false;
    ssize_t n = read(s->from, chunk, sizeof chunk);
    if (n > 0) {
        pass_on(s->to, chunk, (size_t)n);
        tl_window_feed(&s->window, texts, chunk, (size_t)n);
        tl_counted_lines_feed(&s->lines, counters, chunk, (size_t)n);
        tl_complaint_feed(s->end, chunk, (size_t)n);
        return true;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(s->from);
        s->from = -1;
    }
    return false;
}

/* What a child needs of its parent. */
struct inheritance {
    char *const *argv;
    const sigset_t *mask;
    int out, err, told;
    bool untraced;
    pid_t parent;
};

static void run_child(void *argument)
{
    const struct inheritance *i = argument;
    int null = open("/dev/null", O_RDONLY);
    struct sigaction usual = {.sa_handler = SIG_DFL};
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(i->out, STDOUT_FILENO) < 0 ||
        dup2(i->err, STDERR_FILENO) < 0)
        _exit(126);
#ifdef PR_SET_PDEATHSIG
    /* When the supervisor goes, what it traces goes with it: this runner, but not this step. */
    if (i->untraced && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != i->parent))
        _exit(126);
#endif
    /* The step has no business with the supervisor. */
    if (null > TL_PROTOCOL_FD)
        close(null);
    if (i->told != TL_PROTOCOL_FD)
        close(TL_PROTOCOL_FD);
    sigaction(SIGCHLD, &usual, NULL);
    sigaction(SIGPIPE, &usual, NULL);
    sigprocmask(SIG_SETMASK, i->mask, NULL);
    execvp(i->argv[0], i->argv);
    int why = errno;
    if (write(i->told, &why, sizeof why) < 0)
        _exit(126);
    _exit(127);
}

/* Waits for output or the end of the child, at most until the deadline. */
static void wait_for_more(const struct stream *streams, int64_t left_ms, const sigset_t *mask)
{
    fd_set set;
    FD_ZERO(&set);
    int most = -1;
    for (size_t i = 0; i < 2; i++) {
        if (streams[i].from < 0)
            continue;
        FD_SET(streams[i].from, &set);
        most = streams[i].from > most ? streams[i].from : most;
    }
    struct timespec t = {.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000};
    pselect(most + 1, &set, NULL, NULL, left_ms < 0 ? NULL : &t, mask);
}

/* Tells what is counted when it has changed and was not told just now. Returns in how many milliseconds it wants to
 * be called again; -1: not at all. */
static int64_t tell(const struct tl_step_run *how, int64_t now, int64_t *told)
{
    if (!how->told || !how->counters->changed)
        return -1;
    if (now - *told < TELL_MS)
        return TELL_MS - (now - *told);
    how->told(how->arg);
    *told = now;
    return -1;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Reads and waits until the child has ended and what it wrote has been read. Returns its wait status. */
static int attend(pid_t pid, const struct tl_step_run *how, struct stream *streams, const sigset_t *mask,
                  bool *timed_out)
{
    struct tl_texts *texts = how->texts;
    struct tl_counters *counters = how->counters;
    int64_t left = how->timeout_s > 0 ? (int64_t)(how->timeout_s * 1000) : -1, turn = now_ms(), told = turn;
    for (;;) {
        int status;
        pid_t ended = waitpid(pid, &status, WNOHANG);
        for (size_t i = 0; i < 2; i++)
            drain(&streams[i], texts, counters);
        if (ended == pid) {
            /* As much as a pipe can hold, and no more: a process that it left behind may write for ever. */
            for (int n = 0; n < 2; n++) {
                for (int i = 0; i < DRAIN_MOST && drain(&streams[n], texts, counters); i++)
                    ;
            }
            return status;
        }
        int64_t now = now_ms(), took = now - turn;
        turn = now;
        if (left >= 0) {
            /* A longer one was none of its own: it was stopped, or the whole machine. */
            took = took < TURN_MOST_MS ? took : TURN_MOST_MS;
            left = left > took ? left - took : 0;
        }
        if (left == 0) {
            *timed_out = true;
            kill(pid, SIGKILL);
            left = -1;
        }
        int64_t wait = left < 0 || left < TURN_MS ? left : TURN_MS;
        wait_for_more(streams, sooner(wait, tell(how, now, &told)), mask);
    }
}

int tl_step_run(const struct tl_step_run *how, struct tl_step_end *end)
{
    struct tl_texts *texts = how->texts;
    struct tl_counters *counters = how->counters;
    memset(end, 0, sizeof *end);
    end->exit_status = -1;
    int out[2] = {-1, -1}, err[2] = {-1, -1}, told[2] = {-1, -1};
    struct stream streams[2] = {{.from = -1, .to = STDOUT_FILENO, .end = &end->out},
                                {.from = -1, .to = STDERR_FILENO, .end = &end->err}};
    pid_t pid = -1;
    struct sigaction wake = {.sa_handler = on_child};
    sigset_t chld, before;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigaction(SIGCHLD, &wake, NULL);
    sigprocmask(SIG_BLOCK, &chld, &before);
    sigdelset(&before, SIGCHLD);
    if (!tl_pipe(out) && !tl_pipe(err) && !tl_pipe(told) && !tl_window_init(&streams[0].window, texts) &&
        !tl_window_init(&streams[1].window, texts) && !tl_counted_lines_init(&streams[0].lines) &&
        !tl_counted_lines_init(&streams[1].lines))
        pid = tl_apart_fork(
            run_child,
            &(struct inheritance){how->argv, &before, out[1], err[1], told[1], how->untraced, getpid()},
            how->untraced);
    int failed = errno;
    for (size_t i = 0; i < 3; i++) {
        int write_end = (int[]){out[1], err[1], told[1]}[i];
        if (write_end >= 0)
            close(write_end);
    }
    streams[0].from = out[0];
    streams[1].from = err[0];
    if (pid > 0) {
        int why = 0;
        ssize_t n;
        do
            n = read(told[0], &why, sizeof why); /* ends when the program has been started */
        while (n < 0 && errno == EINTR);
        end->exec_errno = n == sizeof why ? why : 0;
        for (size_t i = 0; i < 2; i++)
            fcntl(streams[i].from, F_SETFL, O_NONBLOCK);
        int status = attend(pid, how, streams, &before, &end->timed_out);
        end->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }
    if (told[0] >= 0)
        close(told[0]);
    for (size_t i = 0; i < 2; i++) {
        if (streams[i].from >= 0)
            close(streams[i].from);
        tl_window_free(&streams[i].window);
        tl_counted_lines_end(&streams[i].lines, counters);
        tl_complaint_end(streams[i].end);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = failed;
    return pid > 0 ? 0 : -1;
}
