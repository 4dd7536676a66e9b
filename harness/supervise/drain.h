/* Keeps the beginning and the end of a stream of output, in bounded memory, at the speed it comes. */
#ifndef TL_DRAIN_H
#define TL_DRAIN_H

#include "harness/base/record.h"

#define TL_DRAIN_HEAD 65536 /* bytes kept of the beginning */
#define TL_DRAIN_TAIL 65536 /* bytes kept of the end */

/* All zero is an empty drain. */
struct tl_drain {
    char *head;
    size_t head_size, head_capacity;
    char *tail; /* a ring once tail_size has reached TL_DRAIN_TAIL: the oldest byte is at tail_at */
    size_t tail_size, tail_capacity, tail_at;
    uint64_t total;
};

void tl_drain_feed(struct tl_drain *d, const void *bytes, size_t size);

/* Moves what was kept into *o (which is overwritten and owns it) and empties d. When bytes were dropped, the
 * tail starts at the beginning of a line, or of a character where no line begins near. */
void tl_drain_take(struct tl_drain *d, struct tl_output *o);

void tl_drain_free(struct tl_drain *d);

#endif
