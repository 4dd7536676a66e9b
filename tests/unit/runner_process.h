/* A runner under test: its process, its socket and its output. */
#ifndef TL_TEST_RUNNER_PROCESS_H
#define TL_TEST_RUNNER_PROCESS_H

#include <jansson.h>
#include <sys/types.h>

struct runner_process {
    pid_t pid;
    int channel, out, err; /* our ends */
    char line[70000];      /* what was read of the channel and not yet taken */
    size_t have;
};

/* Starts argv with a socket on fd 3, or without one when channel is false, and no other descriptor above 2.
 */
void runner_start(struct runner_process *r, const char *const *argv, int channel);
void runner_send(struct runner_process *r, const char *text); /* as it is, without a newline of its own */
/* {"fork":1} with n new descriptors (a socket, then pipes), whose other ends are in *child. */
void runner_send_fork(struct runner_process *r, int n, struct runner_process *child);
json_t *runner_next(struct runner_process *r); /* the next message; NULL at the end. Waits 10 s at most */
char *runner_read_all(int fd);                 /* to its end; a new string */
int runner_wait(struct runner_process *r);     /* the wait status; closes everything */
const char *runner_text(const json_t *j, const char *path); /* "error.code" of an object, or "" */

#endif
