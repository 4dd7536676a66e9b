/* Theory of operation. Messages are lines on a stream socket, in both directions.
 *
 * Reading. A fork request is a line whose first byte carries descriptors (SCM_RIGHTS), and several lines may
 * wait on the socket. The kernel hands descriptors over with the read that takes their byte, so reading ahead
 * would take those of a line that is not yet being read, and they could not be told apart. So a line is first
 * looked at with MSG_PEEK and then taken up to its newline exactly. A last line without its newline was cut
 * off when its writer died; it is not a line.
 *
 * Writing. Any thread may send, so a line is written under a lock, whole. What a program printed before it
 * sent a message comes before it: stdout and stderr are flushed first. The socket may be one that does not
 * block (it is the supervisor's business) and may be full: then there is a wait, not an error. A supervisor
 * that has gone is EPIPE and not SIGPIPE, which would look like a crash of the runner. By hand the channel is
 * stdout, which send() does not take: the first ENOTSOCK turns to write(). */
#include "runners/channel.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

#define ERROR_TEXT_MOST 8192 /* escaped at worst six times as long, which still fits in a message */
#define ERROR_NAME_MOST 256
#define RECEIVED_MOST 32 /* descriptors that one message can bring us before the kernel drops the rest */

static int channel = TL_PROTOCOL_FD;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void tl_channel_use(int fd)
{
    channel = fd;
}

int tl_channel_fd(void)
{
    return channel;
}

/* Waits until fd is ready for events. */
static int wait_ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    while (poll(&p, 1, -1) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return 0;
}

static void keep_descriptors(struct msghdr *m, int *fds, size_t *n_fds)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (fds && *n_fds < TL_CHANNEL_FDS)
                fds[*n_fds] = fd;
            else
                close(fd);
            (*n_fds)++;
        }
    }
}

/* recv() of `size` bytes with the descriptors that come along. */
static ssize_t take(int fd, char *to, size_t size, int *fds, size_t *n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(RECEIVED_MOST * sizeof(int))];
    } control;
    struct iovec v = {.iov_base = to, .iov_len = size};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    if (n > 0)
        keep_descriptors(&m, fds, n_fds);
    return n;
}

static ssize_t read_line(int fd, char *line, size_t size, int *fds, size_t *n_fds)
{
    size_t have = 0;
    for (;;) {
        if (have == size) {
            errno = EMSGSIZE;
            return -1;
        }
        ssize_t n = recv(fd, line + have, size - have, MSG_PEEK);
        bool ended = false;
        if (n > 0) {
            const char *newline = memchr(line + have, '\n', (size_t)n);
            size_t want = newline ? (size_t)(newline - (line + have)) + 1 : (size_t)n;
            n = take(fd, line + have, want, fds, n_fds);
            ended = n > 0 && newline && (size_t)n == want;
        }
        if (n == 0)
            return 0; /* a line without its newline was cut off and cannot be trusted */
        if (n < 0) {
            if (errno == EINTR || ((errno == EAGAIN || errno == EWOULDBLOCK) && !wait_ready(fd, POLLIN)))
                continue;
            return -1;
        }
        have += (size_t)n;
        if (!ended)
            continue;
        line[--have] = '\0';
        if (have && line[have - 1] == '\r')
            line[--have] = '\0';
        if (have)
            return (ssize_t)have;
    }
}

ssize_t tl_channel_read_line(int fd, char *line, size_t size, int *fds, size_t *n_fds)
{
    size_t none = 0, *n = n_fds ? n_fds : &none;
    *n = 0;
    ssize_t result = read_line(fd, line, size, fds, n);
    if (result > 0)
        return result;
    /* What came with a line that was cut off is nobody's. */
    int why = errno;
    for (size_t i = 0; fds && i < *n && i < TL_CHANNEL_FDS; i++)
        close(fds[i]);
    *n = 0;
    errno = why;
    return result;
}

int tl_channel_write(const void *data, size_t size)
{
    const char *p = data;
    bool socket = true;
    int failed = 0;
    pthread_mutex_lock(&lock);
    while (size && !failed) {
        ssize_t n = socket ? send(channel, p, size, MSG_NOSIGNAL) : write(channel, p, size);
        if (n >= 0) {
            p += n;
            size -= (size_t)n;
        } else if (socket && errno == ENOTSOCK) {
            socket = false;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (wait_ready(channel, POLLOUT))
                failed = errno;
        } else if (errno != EINTR) {
            failed = errno;
        }
    }
    pthread_mutex_unlock(&lock);
    errno = failed;
    return failed ? -1 : 0;
}

int tl_channel_send(json_t *message)
{
    fflush(stdout);
    fflush(stderr);
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(message);
    if (!text) {
        errno = EINVAL;
        return -1;
    }
    size_t size = strlen(text);
    int r = -1, err = EMSGSIZE;
    if (size < TL_MESSAGE_MAX) {
        text[size] = '\n'; /* the place of the NUL: one write for the whole line */
        r = tl_channel_write(text, size + 1);
        err = errno;
    }
    free(text);
    errno = err;
    return r;
}

/* The length of the UTF-8 character at s, of which n > 0 bytes are there; 0 when it is none. This is not
 * harness/base's decoder: a runner is a program of others, and what it links of trapline is this library
 * alone, which links nothing of the harness. */
static size_t character(const unsigned char *s, size_t n)
{
    size_t size = 4;
    if (s[0] < 0x80)
        size = 1;
    else if (s[0] < 0xc2 || s[0] > 0xf4) /* a byte that goes on, or one that begins no character */
        size = 0;
    else if (s[0] < 0xe0)
        size = 2;
    else if (s[0] < 0xf0)
        size = 3;
    if (size > n)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Not the shortest form, a surrogate, or beyond U+10FFFF. */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return size;
}

json_t *tl_json_text(const char *text, size_t size, size_t most)
{
    static const char replacement[] = "\xef\xbf\xbd", cut[] = " [shortened]";
    /* A byte becomes at most three. */
    size_t room = (size < most ? size : most) * 3 + sizeof cut;
    char *to = malloc(room);
    if (!to)
        return NULL;
    size_t used = 0, i = 0;
    while (i < size) {
        size_t n = character((const unsigned char *)text + i, size - i);
        bool valid = n && text[i]; /* a NUL would end the text for whoever reads it */
        size_t add = valid ? n : sizeof replacement - 1;
        if (used + add > most) {
            memcpy(to + used, cut, sizeof cut - 1);
            used += sizeof cut - 1;
            break;
        }
        memcpy(to + used, valid ? text + i : replacement, add);
        used += add;
        i += valid ? n : 1;
    }
    json_t *j = json_stringn(to, used);
    free(to);
    return j;
}

/* A runtime's own domain may be empty, and a message that says none is not understood. */
void tl_channel_send_error(const char *domain, const char *code, const char *message, va_list ap)
{
    char text[ERROR_TEXT_MOST + 64];
    int n = vsnprintf(text, sizeof text, message, ap);
    size_t size = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    domain = *domain ? domain : "unknown";
    tl_channel_send(json_pack("{s:{s:o,s:o,s:o}}", "error", "domain",
                              tl_json_text(domain, strlen(domain), ERROR_NAME_MOST), "code",
                              tl_json_text(code, strlen(code), ERROR_NAME_MOST), "message",
                              tl_json_text(text, size, ERROR_TEXT_MOST)));
}

void tl_channel_error(const char *domain, const char *code, const char *message, ...)
{
    va_list ap;
    va_start(ap, message);
    tl_channel_send_error(domain, code, message, ap);
    va_end(ap);
}
