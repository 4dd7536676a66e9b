#include "harness/fleet/link.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINK_FD 3
#define OPEN_MS 20000
#define BEHIND_MS 20 /* between two attempts to write what was not read */

static const char what_[] = "cannot reach the fleet";

struct tl_fleet_link {
    struct tl_frame_reader reader;
    struct tl_buffer out; /* that it has not read yet */
};

/* Two forks: what it becomes a child of is gone before anybody looks. Nothing but calls that are safe there, for this process may have
 * been in the middle of anything. */
static _Noreturn void become(const char *path, int fd)
{
    pid_t pid = setsid() < 0 ? -1 : fork();
    if (pid)
        _exit(pid < 0);
    if (fd == LINK_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, LINK_FD) < 0)
        _exit(1);
    char *argv[] = {(char *)path, NULL};
    execv(path, argv);
    _exit(1);
}

static int start(const char *path, int theirs, struct tl_error *e)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        become(path, theirs);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid < 0 || status)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, pid < 0 ? errno : EAGAIN, what_, path,
                             "its connection could not be started");
    return 0;
}

static int find_program(char **path, struct tl_error *e)
{
    *path = tl_fleet_link_program();
    if (*path && !access(*path, X_OK))
        return 0;
    free(*path);
    *path = NULL;
    return tl_fail(
        e, TL_ERROR_ENVIRONMENT, what_, "",
        "this build of trapline cannot: libnats was not there when it was built. `apt-get install "
        "nats-server libnats-dev` on Debian, `brew install nats-server cnats` with Homebrew; then build "
        "it anew (`meson setup --reconfigure`)");
}

/* Starts it. -1: nothing is there. */
static int begin(struct tl_fleet_link **out, struct tl_error *e)
{
    int fd[2];
    char *path;
    *out = NULL;
    if (find_program(&path, e))
        return -1;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd)) {
        free(path);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what_, "", NULL);
    }
    fcntl(fd[0], F_SETFD, FD_CLOEXEC);
    fcntl(fd[1], F_SETFD, FD_CLOEXEC);
    int result = start(path, fd[1], e);
    close(fd[1]);
    free(path);
    if (result) {
        close(fd[0]);
        return -1;
    }
    *out = tl_calloc(1, sizeof **out);
    (*out)->reader.fd = fd[0];
    (*out)->out = (struct tl_buffer)TL_BUFFER_INIT;
    return 0;
}

int tl_fleet_link_open(const struct tl_fleet_link_wish *wish, struct tl_fleet_link **link, struct tl_error *e)
{
    struct tl_frame_in f = {0};
    if (begin(link, e))
        return -1;
    int result = tl_fleet_link_send(*link,
                                    json_pack("{s:{s:s,s:s,s:s}}", "open", "url", wish->url, "key",
                                              wish->key_path, "role", tl_fleet_role_name(wish->role)),
                                    NULL, 0, e) ||
                         tl_fleet_link_answer(*link, "ready", OPEN_MS, &f, e)
                     ? -1
                     : 0;
    tl_frame_in_free(&f);
    if (result) {
        tl_fleet_link_close(*link);
        *link = NULL;
    }
    return result;
}

int tl_fleet_link_server(const char *what, const char *directory, const char *listen, const char *name,
                         json_t **done, struct tl_error *e)
{
    struct tl_fleet_link *link;
    struct tl_frame_in f = {0};
    *done = NULL;
    if (begin(&link, e))
        return -1;
    int result = tl_fleet_link_send(link,
                                    json_pack("{s:{s:s,s:s,s:s?,s:s?}}", "server", "do", what, "directory",
                                              directory, "listen", listen, "name", name),
                                    NULL, 0, e) ||
                         tl_fleet_link_answer(link, "done", OPEN_MS, &f, e)
                     ? -1
                     : 0;
    if (!result)
        *done = json_incref(json_object_get(f.head, "done"));
    tl_frame_in_free(&f);
    tl_fleet_link_close(link);
    return result;
}

static int ended(struct tl_error *e)
{
    int err = errno;
    return tl_fail_errno(
        e, TL_ERROR_ENVIRONMENT, err ? err : EPIPE, what_, "",
        "the process that held the connection has ended; the same command once more goes on");
}

int tl_fleet_link_send(struct tl_fleet_link *link, json_t *head, const void *body, size_t size,
                       struct tl_error *e)
{
    return tl_frame_add(&link->out, head, body, size) || tl_frame_flush(link->reader.fd, &link->out)
               ? ended(e)
               : 0;
}

int tl_fleet_link_next(struct tl_fleet_link *link, int wait_ms, struct tl_frame_in *f, struct tl_error *e)
{
    uint64_t since = tl_monotonic_ns();
    for (;;) {
        if (tl_frame_flush(link->reader.fd, &link->out))
            return ended(e);
        int64_t left = wait_ms - (int64_t)((tl_monotonic_ns() - since) / 1000000);
        bool behind = link->out.size && wait_ms;
        int wait = behind && (wait_ms < 0 || left > BEHIND_MS) ? BEHIND_MS
                   : wait_ms < 0                               ? -1
                   : left > 0                                  ? (int)left
                                                               : 0,
            result = tl_frame_next(&link->reader, wait, f);
        if (result < 0)
            return ended(e);
        if (result || !behind || (wait_ms >= 0 && left <= 0))
            return result;
    }
}

bool tl_fleet_link_is_behind(const struct tl_fleet_link *link)
{
    return link->out.size > 0;
}

int tl_fleet_link_answer(struct tl_fleet_link *link, const char *key, int wait_ms, struct tl_frame_in *f,
                         struct tl_error *e)
{
    int result = tl_fleet_link_next(link, wait_ms, f, e);
    if (result < 0)
        return -1;
    if (result == 0)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, what_, "", "no answer within %d s", wait_ms / 1000);
    if (json_object_get(f->head, key))
        return 0;
    tl_frame_take_error(json_object_get(f->head, "failed"), e);
    tl_frame_in_free(f);
    return -1;
}

int tl_fleet_link_fd(const struct tl_fleet_link *link)
{
    return link->reader.fd;
}

void tl_fleet_link_close(struct tl_fleet_link *link)
{
    if (!link)
        return;
    close(link->reader.fd);
    tl_frame_reader_free(&link->reader);
    tl_buffer_free(&link->out);
    free(link);
}
