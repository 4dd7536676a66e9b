/* Lines of JSON on a socket, below runners/protocol.h. Internal to the runner library and the selftest
 * runner. */
#ifndef TL_CHANNEL_H
#define TL_CHANNEL_H

#include "runners/protocol.h"

#include <stdarg.h>

#define TL_CHANNEL_FDS 3 /* a fork request carries this many descriptors */

/* Where messages go: fd 3, or stdout when a trial is run by hand. */
void tl_channel_use(int fd);
int tl_channel_fd(void);

/* Reads exactly one line of at most size - 1 bytes, newline removed, and no byte more: what follows on the
 * socket is left there. Descriptors that came with the line are stored in fds, close-on-exec, *n_fds of them;
 * any above TL_CHANNEL_FDS are closed but counted. fds may be NULL: all are then closed. Returns its length,
 * 0 at the end of the stream, -1 with errno set (EMSGSIZE: the line is too long). An empty line is skipped.
 */
ssize_t tl_channel_read_line(int fd, char *line, size_t size, int *fds, size_t *n_fds);

/* Writes all bytes, through EINTR, EAGAIN and short writes, as one piece among threads. Returns 0, or -1 with
 * errno set (EPIPE when nobody listens any more; no SIGPIPE is raised on a socket). */
int tl_channel_write(const void *data, size_t size);

/* Sends one message and releases it: flushes stdout and stderr, then writes the object as a line. Returns 0,
 * or -1 with errno set; EMSGSIZE when it is longer than TL_MESSAGE_MAX (nothing was sent). NULL is an error:
 * EINVAL. */
int tl_channel_send(json_t *message);

/* {"error":{"domain","code","message"}} */
void tl_channel_send_error(const char *domain, const char *code, const char *message, va_list ap)
    __attribute__((format(printf, 3, 0)));
void tl_channel_error(const char *domain, const char *code, const char *message, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads and does the one trial of a forked child, whose request comes on fd 3 (protocol.c, which hands it to
 * the fork server). The value is the exit status. */
int tl_protocol_trial(const struct tl_runner *runner, void *state);

#endif
