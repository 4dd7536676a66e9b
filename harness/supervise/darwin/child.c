/* A child of the supervisor on macOS. Written from documentation; it has not been run on a Mac.
 *
 * fork without exec is unsafe there once Objective-C, CoreFoundation or Metal has been loaded, so a child is
 * made by posix_spawn, in its own session, suspended before its first instruction: that is its gate, which
 * SIGCONT opens. It has the fds of a child on every system (0 /dev/null, 1 and 2 pipes, 3 the protocol
 * socket) and no other (POSIX_SPAWN_CLOEXEC_DEFAULT). A program that cannot be executed fails here and not in
 * the child.
 *
 * posix_spawn sets no resource limits, so ours are lowered around the call, the soft ones only, because a
 * hard one could not be raised again. Memory is not among them: macOS enforces neither RLIMIT_DATA nor
 * RLIMIT_AS, and the watch over memory does it. */
#include "harness/supervise/child.h"
#include "harness/supervise/trace.h"

#include "runners/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* addchdir_np is deprecated in favour of POSIX's addchdir from macOS 26 on, which older ones lack. */
#pragma clang diagnostic ignored "-Wdeprecated-declarations"

const bool tl_child_can_fork = false;

void tl_streams_close(struct tl_streams *s)
{
    int fds[] = {s->protocol, s->out, s->err};
    for (size_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    *s = (struct tl_streams){-1, -1, -1};
}

/* There is no pipe2. Nobody else forks here between the two calls: the program is one thread, and posix_spawn
 * closes whatever it is not told to keep. */
static void on_exec_close(const int fds[2])
{
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
}

int tl_streams_make(struct tl_streams *ours, struct tl_streams *theirs, bool protocol, struct tl_error *e)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, talk[2] = {-1, -1};
    bool made = !pipe(out) && !pipe(err) && (!protocol || !socketpair(AF_UNIX, SOCK_STREAM, 0, talk));
    int why = errno;
    *ours = (struct tl_streams){talk[0], out[0], err[0]};
    *theirs = (struct tl_streams){talk[1], out[1], err[1]};
    if (!made) {
        tl_streams_close(ours);
        tl_streams_close(theirs);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, why, "cannot make the pipes of a trial", "",
                             "raise the limit of open files (ulimit -n) or lower -j");
    }
    on_exec_close(out);
    on_exec_close(err);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    if (protocol) {
        int on = 1, room = 2 * TL_MESSAGE_MAX; /* of 8 KiB at first, and a message is sent in one piece */
        on_exec_close(talk);
        fcntl(talk[0], F_SETFL, O_NONBLOCK);
        setsockopt(talk[0], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
        for (int i = 0; i < 2; i++) {
            setsockopt(talk[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
            setsockopt(talk[i], SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        }
    }
    return 0;
}

void tl_child_limits(pid_t pid, const struct tl_limits *limits)
{
    (void)pid; /* another process's limits cannot be set; a child gets its own when it is made */
    (void)limits;
}

uint64_t tl_child_first_bytes(void)
{
    return tl_process_peak_bytes(getpid());
}

uint64_t tl_child_peak_bytes(const struct rusage *usage)
{
    return (uint64_t)usage->ru_maxrss; /* bytes, where Linux counts KiB */
}

struct kept_limits {
    struct rlimit core, file;
};

static void lower(int which, rlim_t value, struct rlimit *kept)
{
    if (getrlimit(which, kept))
        return;
    struct rlimit want = {value < kept->rlim_max ? value : kept->rlim_max, kept->rlim_max};
    setrlimit(which, &want);
}

static void lower_limits(const struct tl_limits *limits, struct kept_limits *kept)
{
    rlim_t largest = limits->disk_mb && limits->disk_mb < (uint64_t)RLIM_INFINITY >> 20
                         ? (rlim_t)limits->disk_mb << 20
                         : (rlim_t)RLIM_INFINITY;
    lower(RLIMIT_CORE, 0, &kept->core);
    lower(RLIMIT_FSIZE, largest, &kept->file);
}

static void restore_limits(const struct kept_limits *kept)
{
    setrlimit(RLIMIT_CORE, &kept->core);
    setrlimit(RLIMIT_FSIZE, &kept->file);
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(attributes, &none);
    if (!rc)
        rc = posix_spawnattr_setsigdefault(attributes, &all);
    if (!rc)
        rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                      POSIX_SPAWN_SETSID | POSIX_SPAWN_CLOEXEC_DEFAULT |
                                                      POSIX_SPAWN_START_SUSPENDED);
    return rc;
}

static int set_actions(posix_spawn_file_actions_t *actions, const struct tl_child_request *r,
                       const struct tl_streams *theirs)
{
    int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(actions, theirs->out, 1);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(actions, theirs->err, 2);
    if (!rc && r->protocol)
        rc = posix_spawn_file_actions_adddup2(actions, theirs->protocol, TL_PROTOCOL_FD);
    if (!rc && r->directory)
        rc = posix_spawn_file_actions_addchdir_np(actions, r->directory);
    return rc;
}

static int spawn(const struct tl_child_request *r, const struct tl_streams *theirs, pid_t *pid)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    struct kept_limits kept;
    int rc = posix_spawnattr_init(&attributes);
    if (rc)
        return rc;
    rc = posix_spawn_file_actions_init(&actions);
    if (rc) {
        posix_spawnattr_destroy(&attributes);
        return rc;
    }
    rc = set_attributes(&attributes);
    if (!rc)
        rc = set_actions(&actions, r, theirs);
    if (!rc) {
        lower_limits(&r->limits, &kept);
        rc = posix_spawn(pid, r->argv[0], &actions, &attributes, r->argv, r->env);
        restore_limits(&kept);
    }
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

/* Out of the way of 0..3: the actions of a spawn are done one after the other, and any of the three may be
 * one of those when trapline was started without its standard streams. */
static void move_up(int *fd)
{
    int higher = *fd >= 0 && *fd <= TL_PROTOCOL_FD ? fcntl(*fd, F_DUPFD_CLOEXEC, 10) : -1;
    if (higher >= 0) {
        close(*fd);
        *fd = higher;
    }
}

int tl_child_spawn(const struct tl_child_request *r, pid_t *pid, int *gate, struct tl_streams *ours,
                   struct tl_error *e)
{
    struct tl_streams theirs;
    *gate = -1;
    if (!r->argv)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot start a trial", "",
                       "a function of trapline itself cannot be run in a child on macOS");
    if (tl_streams_make(ours, &theirs, r->protocol, e))
        return -1;
    move_up(&theirs.protocol);
    move_up(&theirs.out);
    move_up(&theirs.err);
    int rc = spawn(r, &theirs, pid);
    tl_streams_close(&theirs);
    if (rc) {
        tl_streams_close(ours);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, rc, "cannot start a trial", r->argv[0],
                             rc == EAGAIN ? "lower -j, or end other processes of this user" : "posix_spawn");
    }
    return 0;
}

int tl_child_release(pid_t pid, int gate, bool go)
{
    (void)gate;
    return go ? kill(pid, SIGCONT) : 0;
}
