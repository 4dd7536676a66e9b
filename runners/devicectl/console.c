/* Two pipes, read when poll says so. SIGTERM is looked at several times a second; no harm comes of one that slips in
 * between. Asked to stop, the program is sent SIGTERM, which it passes on to the app, and SIGKILL, it and its group, when
 * it is still there some seconds later. Its end is that it has been waited for, and not that its pipes are closed: a
 * process that it left behind may hold them for ever. */
#include "runners/devicectl/console.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURN_MS 50
#define STOP_S 2.0             /* from SIGTERM to SIGKILL */
#define LINE_MOST (256u << 10) /* of a line that has not ended yet */

static volatile sig_atomic_t stop_asked;

static void on_stop(int signal)
{
    (void)signal;
    stop_asked = 1;
}

void tl_console_catch_stop(void)
{
    struct sigaction action = {.sa_handler = on_stop};
    sigaction(SIGTERM, &action, NULL);
}

bool tl_console_stop_asked(void)
{
    return stop_asked;
}

void tl_console_wait(double seconds)
{
    for (uint64_t end = tl_monotonic_ns() + (uint64_t)(seconds * 1e9);
         !stop_asked && tl_monotonic_ns() < end;)
        poll(NULL, 0, TURN_MS);
}

struct running {
    struct tl_console *c;
    pid_t pid;
    int from[2]; /* stdout, stderr; -1 at its end */
    struct tl_buffer line[2];
    uint64_t started_ns, stopped_ns;
    bool reaped;
};

static int spawn(struct running *r, const int theirs[2])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    if (posix_spawn_file_actions_init(&actions))
        return ENOMEM;
    if (posix_spawnattr_init(&attributes)) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGTERM);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
    int rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    for (int i = 0; i < 2 && !rc; i++)
        rc = posix_spawn_file_actions_adddup2(&actions, theirs[i], i + 1);
    char **environment = tl_environment(r->c->environment);
    char *const *argv;
    memcpy(&argv, &r->c->argv, sizeof argv); /* posix_spawn does not write through it */
    rc = rc ? rc : posix_spawn(&r->pid, argv[0], &actions, &attributes, argv, environment);
    free(environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static void give(struct running *r, int i, size_t n)
{
    struct tl_buffer *b = &r->line[i];
    char *line = tl_format("%.*s", (int)n, b->data);
    size_t length = strlen(line);
    if (length && line[length - 1] == '\r')
        line[length - 1] = '\0';
    r->c->on_line(r->c, i + 1, line);
    free(line);
}

static void take(struct running *r, int i)
{
    char chunk[16384];
    struct tl_buffer *b = &r->line[i];
    ssize_t n = read(r->from[i], chunk, sizeof chunk);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        if (b->size)
            give(r, i, b->size);
        tl_buffer_clear(b);
        close(r->from[i]);
        r->from[i] = -1;
        return;
    }
    for (ssize_t k = 0; k < n; k++) /* a NUL would hide what follows it */
        chunk[k] = chunk[k] ? chunk[k] : '?';
    tl_buffer_add(b, chunk, (size_t)n);
    for (char *end; b->size && ((end = memchr(b->data, '\n', b->size)) || b->size > LINE_MOST);) {
        size_t length = end ? (size_t)(end - b->data) : b->size;
        give(r, i, length);
        tl_buffer_drop_front(b, end ? length + 1 : length);
    }
}

static void look_at_time(struct running *r)
{
    struct tl_console *c = r->c;
    uint64_t now = tl_monotonic_ns();
    double spent = (double)(now - r->started_ns) * 1e-9;
    bool slow = c->patience_s > 0 && !c->launched && spent > c->patience_s;
    if (!r->stopped_ns && (stop_asked || slow || (c->most_s > 0 && spent > c->most_s))) {
        c->stopped = true;
        c->too_slow = slow && !stop_asked;
        r->stopped_ns = now;
        kill(r->pid, SIGTERM);
    }
    if (r->stopped_ns && !c->had_to_be_killed && (double)(now - r->stopped_ns) * 1e-9 > STOP_S) {
        c->had_to_be_killed = true;
        kill(-r->pid, SIGKILL);
    }
}

static void attend(struct running *r)
{
    for (int after = 0; !r->reaped || after < 4;) {
        struct pollfd fds[2] = {{r->from[0], POLLIN, 0}, {r->from[1], POLLIN, 0}};
        int ready = poll(fds, 2, TURN_MS);
        for (int i = 0; i < 2; i++)
            if (ready > 0 && fds[i].revents)
                take(r, i);
        if (r->reaped && (ready <= 0 || (r->from[0] < 0 && r->from[1] < 0)))
            after++;
        if (!r->reaped) {
            look_at_time(r);
            r->reaped = waitpid(r->pid, &r->c->status, WNOHANG) == r->pid;
        }
    }
}

int tl_console_run(struct tl_console *c, struct tl_error *e)
{
    struct running r = {.c = c, .from = {-1, -1}, .started_ns = tl_monotonic_ns()};
    int theirs[2] = {-1, -1}, rc = 0;
    for (int i = 0; i < 2 && !rc; i++) {
        int ends[2];
        rc = tl_pipe(ends) ? errno : 0;
        if (!rc) {
            r.from[i] = ends[0];
            theirs[i] = ends[1];
        }
    }
    rc = rc ? rc : spawn(&r, theirs);
    for (int i = 0; i < 2; i++)
        if (theirs[i] >= 0)
            close(theirs[i]);
    if (!rc)
        attend(&r);
    for (int i = 0; i < 2; i++) {
        if (r.from[i] >= 0)
            close(r.from[i]);
        if (!rc && r.line[i].size)
            give(&r, i, r.line[i].size);
        tl_buffer_free(&r.line[i]);
    }
    return rc ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, rc, "cannot start a program", c->argv[0], NULL) : 0;
}
