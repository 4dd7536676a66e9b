/* Messages of the protocol: lines taken from a stream in bounded memory, one line parsed hard, one line
 * sent. */
#ifndef TL_MESSAGE_H
#define TL_MESSAGE_H

#include "harness/base/buffer.h"
#include "harness/base/error.h"
#include "harness/base/record.h"

#include <jansson.h>

enum tl_message_kind {
    TL_MESSAGE_PHASE,       /* {"phase": NAME}, {"phase": NAME, "timeout_s": SECONDS, "operator": …} */
    TL_MESSAGE_RESULT,      /* {"result": {…}}, {"result": {"file": NAME}} */
    TL_MESSAGE_ERROR,       /* {"error": {"domain", "code", "message"}} */
    TL_MESSAGE_UNSUPPORTED, /* {"unsupported": WHY} */
    TL_MESSAGE_DIED,        /* {"died": {"signal", "message", "report", "pid"}}: on another machine */
    TL_MESSAGE_LOST,        /* {"lost": WHY} */
    TL_MESSAGE_DESCRIPTION, /* {"name", "version", "devices", "axes", "serve"} */
    TL_MESSAGE_SERVING,     /* {"serving": 1} */
    TL_MESSAGE_FORKED,      /* {"forked": PID} */
    TL_MESSAGE_COUNTS,      /* {"counts": {NAME: INTEGER}} */
    TL_MESSAGE_OPERATOR,    /* {"operator": {"name", "type"}}, {"operator": null} */
};

/* One message. Owns everything in it; tl_message_free releases it. */
struct tl_message {
    enum tl_message_kind kind;
    enum tl_phase phase; /* PHASE */
    double timeout_s;    /* PHASE: a deadline of its own; 0 for none */
    json_t *
        object; /* RESULT: the result object; DESCRIPTION: the whole answer; COUNTS; PHASE, OPERATOR: the operator
                          * that begins, {"name", "type"}, or NULL */
    char *file; /* RESULT: the file that holds the object, which is NULL until it is read; DIED: the report */
    char *domain, *code; /* ERROR; an integer code as decimal text */
    char *text;          /* ERROR, DIED: the message; UNSUPPORTED, LOST: why */
    int signal;          /* DIED */
    int pid;             /* FORKED; DIED: what it was there, 0 when not told */
};

/* Parses one line without its newline. When it is not a message, *e says what was found and what was expected
 * (kind TL_ERROR_INPUT) and *m is empty. */
int tl_message_parse(const char *line, size_t size, struct tl_message *m, struct tl_error *e);
/* Reads the result that is in m->file, in the scratch directory of the trial, and checks it as one that came as a
 * message. -1 with *e: the file is not there, or is something else than a plain file with a result. */
int tl_message_read_result(const char *scratch, struct tl_message *m, struct tl_error *e);
void tl_message_free(struct tl_message *m); /* its contents, not m itself */

/* A stream cut into lines. All zero is an empty reader; it never holds more than one line of TL_MESSAGE_MAX
 * bytes. A line that is longer is dropped up to its newline and reported once as TL_LINE_TOO_LONG. */
struct tl_line_reader {
    struct tl_buffer held; /* the beginning of a line whose end has not come yet */
    bool given;            /* held was handed out and is to be forgotten at the next call */
    bool dropping;         /* inside a line that was too long */
};

enum tl_line {
    TL_LINE_NONE,     /* the bytes are used up */
    TL_LINE_COMPLETE, /* a line, without "\n" or "\r\n" */
    TL_LINE_TOO_LONG,
};

/* Takes bytes from *data (moving it on, and *size down) until a line is complete. The line is valid until the
 * next call for this reader and as long as *data is. Call again until TL_LINE_NONE. */
enum tl_line tl_line_next(struct tl_line_reader *r, const char **data, size_t *size, const char **line,
                          size_t *length);

/* At the end of the stream: the last line when it had no newline, else TL_LINE_NONE. */
enum tl_line tl_line_end(struct tl_line_reader *r, const char **line, size_t *length);
void tl_line_reader_free(struct tl_line_reader *r);

/* Sends one message over a socket, with n_fds (at most 3) descriptors attached to its first byte. -1 with
 * errno (EMSGSIZE: too long). */
int tl_send_line(int fd, const json_t *message, const int *fds, size_t n_fds);

#endif
