#include "tests/unit/runner_process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void limit_wait(int fd)
{
    struct timeval t = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
}

void runner_start(struct runner_process *r, const char *const *argv, int channel)
{
    int s[2], out[2], err[2];
    r->have = 0;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(err, O_CLOEXEC), 0);
    r->pid = fork();
    cr_assert_geq(r->pid, 0);
    if (r->pid == 0) {
        /* Out of the way of 0 to 3 first. */
        int high = fcntl(s[1], F_DUPFD, 100), high_out = fcntl(out[1], F_DUPFD, 100),
            high_err = fcntl(err[1], F_DUPFD, 100);
        dup2(open("/dev/null", O_RDONLY), 0);
        dup2(high_out, 1);
        dup2(high_err, 2);
        if (channel)
            dup2(high, 3);
        else
            close(3);
        close_range(channel ? 4 : 3, ~0u, 0);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(s[1]);
    close(out[1]);
    close(err[1]);
    limit_wait(s[0]);
    r->channel = s[0];
    r->out = out[0];
    r->err = err[0];
}

void runner_send(struct runner_process *r, const char *text)
{
    size_t size = strlen(text);
    while (size) {
        ssize_t n = send(r->channel, text, size, MSG_NOSIGNAL);
        if (n < 0)
            return; /* it has gone; what it said is still to be read */
        text += n;
        size -= (size_t)n;
    }
}

void runner_send_fork(struct runner_process *r, int n, struct runner_process *child)
{
    int s[2], out[2], err[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(err, O_CLOEXEC), 0);
    int fds[5] = {s[1], out[1], err[1], s[1], s[1]};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof fds)];
    } control = {0};
    struct iovec v = {.iov_base = "{\"fork\":1}\n", .iov_len = 11};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (n) {
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)n * sizeof(int));
    }
    cr_assert_eq(sendmsg(r->channel, &m, MSG_NOSIGNAL), 11);
    close(s[1]);
    close(out[1]);
    close(err[1]);
    limit_wait(s[0]);
    child->pid = 0;
    child->channel = s[0];
    child->out = out[0];
    child->err = err[0];
    child->have = 0;
}

json_t *runner_next(struct runner_process *r)
{
    for (;;) {
        char *newline = memchr(r->line, '\n', r->have);
        if (newline) {
            size_t size = (size_t)(newline - r->line);
            json_error_t e;
            json_t *j = json_loadb(r->line, size, 0, &e);
            cr_assert(j, "not JSON: %.*s: %s", (int)(size < 200 ? size : 200), r->line, e.text);
            r->have -= size + 1;
            memmove(r->line, newline + 1, r->have);
            return j;
        }
        cr_assert_lt(r->have, 65536, "a message is too long");
        ssize_t n = recv(r->channel, r->line + r->have, sizeof r->line - r->have, 0);
        if (n <= 0) {
            /* Reset: it went without having read all that it was sent. */
            cr_assert(n == 0 || errno == ECONNRESET, "nothing came");
            cr_assert_eq(r->have, 0, "a line without its end: %.*s", (int)r->have, r->line);
            return NULL;
        }
        r->have += (size_t)n;
    }
}

char *runner_read_all(int fd)
{
    size_t size = 0, room = 65536;
    char *text = malloc(room + 1);
    ssize_t n;
    while (text && size < room && (n = read(fd, text + size, room - size)) > 0)
        size += (size_t)n;
    cr_assert(text);
    text[size] = '\0';
    return text;
}

int runner_wait(struct runner_process *r)
{
    int status = -1;
    close(r->channel);
    if (r->pid)
        waitpid(r->pid, &status, 0);
    close(r->out);
    close(r->err);
    return status;
}

const char *runner_text(const json_t *j, const char *path)
{
    char name[64];
    while (*path) {
        size_t n = strcspn(path, ".");
        cr_assert_lt(n, sizeof name);
        memcpy(name, path, n);
        name[n] = '\0';
        j = json_object_get(j, name);
        path += n + (path[n] == '.');
    }
    const char *s = json_string_value(j);
    return s ? s : "";
}
