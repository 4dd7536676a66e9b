/* One helper program, run to its end, its output collected. */
#include "harness/builds/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define OUT_MOST (32u << 20)
#define ERR_MOST (64u << 10)

static int pipe_cloexec(int fd[2])
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

static int start(const char *const *argv, const char *directory, int out, int err, pid_t *pid)
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
    sigaddset(&defaults, SIGCHLD);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    rc = posix_spawn_file_actions_addchdir_np(&actions, directory);
    if (!rc)
        rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(&actions, out, 1);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(&actions, err, 2);
    if (!rc) {
        /* posix_spawnp wants char *const *, but does not write through it. */
        char *const *list;
        memcpy(&list, &argv, sizeof list);
        rc = posix_spawnp(pid, argv[0], &actions, &attributes, list, environ);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static void drain(int out_fd, int err_fd, struct tl_buffer *out, struct tl_buffer *err)
{
    struct pollfd fds[2] = {{out_fd, POLLIN, 0}, {err_fd, POLLIN, 0}};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        for (int i = 0; i < 2; i++) {
            char chunk[16384];
            if (fds[i].fd < 0 || !fds[i].revents)
                continue;
            ssize_t n = read(fds[i].fd, chunk, sizeof chunk);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0) {
                fds[i].fd = -1;
            } else if (i == 0) {
                if (out->size < OUT_MOST)
                    tl_buffer_add(out, chunk, (size_t)n);
            } else {
                tl_buffer_add(err, chunk, (size_t)n);
                if (err->size > 2 * ERR_MOST)
                    tl_buffer_drop_front(err, err->size - ERR_MOST);
            }
        }
    }
}

int tl_child_run(const char *const *argv, const char *directory, struct tl_buffer *out, struct tl_buffer *err,
                 int *status, struct tl_error *e)
{
    int o[2], r[2];
    pid_t pid = -1;
    if (pipe_cloexec(o) != 0)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot start a program", argv[0], "no pipe");
    if (pipe_cloexec(r) != 0) {
        int saved = errno;
        close(o[0]);
        close(o[1]);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, saved, "cannot start a program", argv[0], "no pipe");
    }
    int rc = start(argv, directory, o[1], r[1], &pid);
    close(o[1]);
    close(r[1]);
    if (rc == 0)
        drain(o[0], r[0], out, err);
    close(o[0]);
    close(r[0]);
    if (rc)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, rc, "cannot start a program", argv[0],
                             "it could not be run%s", rc == ENOENT ? "; is it installed and in PATH?" : "");
    while (waitpid(pid, status, 0) < 0) {
        if (errno != EINTR)
            return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot wait for a program", argv[0],
                                 "its exit status is lost");
    }
    return 0;
}
