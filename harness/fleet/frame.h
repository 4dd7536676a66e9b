/* What goes over the socket between trapline and the process that holds the connection (harness/fleet/link/): a JSON object and bytes
 * that belong to it.
 *
 * A frame is two lengths (32 bits, little-endian), of the object's text and of the bytes, and both. Either side may be killed at any
 * moment: the other one sees the end of the stream. */
#ifndef TL_FLEET_FRAME_H
#define TL_FLEET_FRAME_H

#include "harness/base/buffer.h"
#include "harness/base/error.h"

#include <jansson.h>
#include <stdbool.h>

#define TL_FRAME_HEAD_MOST (64u << 20) /* what a thousand machines say of themselves is one */
#define TL_FRAME_BODY_MOST (64u << 20)

struct tl_frame_in {
    json_t *head;
    char *body; /* NUL-terminated */
    size_t size;
};
void tl_frame_in_free(struct tl_frame_in *f);

/* Writes one, and waits as long as the other side does not read. The reference is taken. -1 with errno. */
int tl_frame_send(int fd, json_t *head, const void *body, size_t size);
/* Adds one to what is to be written; and writes as much of that as the other side takes now. */
int tl_frame_add(struct tl_buffer *out, json_t *head, const void *body, size_t size);
int tl_frame_flush(int fd, struct tl_buffer *out);

struct tl_frame_reader {
    int fd;
    struct tl_buffer b; /* what was read and is no whole frame yet */
};
/* The next frame: 1, *f is the caller's; 0: none within wait_ms (-1: waits for one); -1: the stream is at its end, or is none of these,
 * with errno 0 or what failed. */
int tl_frame_next(struct tl_frame_reader *r, int wait_ms, struct tl_frame_in *f);
void tl_frame_reader_free(struct tl_frame_reader *r);

/* An error as an object, and back. */
json_t *tl_frame_error(const struct tl_error *e);
void tl_frame_take_error(const json_t *j, struct tl_error *e);

#endif
