/* The two ends of a stream of output, its beginning and its end, kept in bounded memory at the speed it
 * comes. */
#ifndef TL_OUTPUT_ENDS_H
#define TL_OUTPUT_ENDS_H

#include "harness/base/notable.h"
#include "harness/base/record.h"

#define TL_OUTPUT_HEAD 65536 /* bytes kept of the beginning */
#define TL_OUTPUT_TAIL 65536 /* bytes kept of the end */

/* Nothing was kept yet when all is zero. */
struct tl_output_ends {
    char *head;
    size_t head_size, head_capacity;
    char *tail; /* a ring once tail_size has reached TL_OUTPUT_TAIL: the oldest byte is at tail_at */
    size_t tail_size, tail_capacity, tail_at;
    uint64_t total;
    struct tl_notable middle; /* of what fell out of the tail */
};

void tl_output_ends_feed(struct tl_output_ends *ends, const void *bytes, size_t size);

/* Moves what was kept into *o (which is overwritten and owns it) and empties ends. When bytes were dropped,
 * the tail starts at the beginning of a line, or of a character where no line begins near. */
void tl_output_ends_take(struct tl_output_ends *ends, struct tl_output *o);

void tl_output_ends_free(struct tl_output_ends *ends);

#endif
