/* Theory of operation. The first TL_OUTPUT_HEAD bytes are kept as they come. What follows goes into a block
 * that grows to TL_OUTPUT_TAIL bytes and is a ring from then on, in which the newest bytes replace the
 * oldest. What is replaced is looked at once more, for lines that say why the program failed (notable.h). After
 * a while of that a stream of any length is taken at the speed of memcpy, and never costs more than both. */
#include "harness/supervise/output_ends.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 4096
#define LINE_SEARCH 4096 /* how far into the tail a line may begin before the tail starts inside one */

/* Appends to a block that grows by doubling up to `most`; the caller has made sure that it fits. */
static void append(char **block, size_t *size, size_t *capacity, size_t most, const char *bytes, size_t n)
{
    if (*size + n > *capacity) {
        size_t c = *capacity ? *capacity : FIRST_CAPACITY;
        while (c < *size + n)
            c *= 2;
        if (c > most)
            c = most;
        *block = tl_realloc(*block, c + 1, 1); /* room for the NUL */
        *capacity = c;
    }
    memcpy(*block + *size, bytes, n);
    *size += n;
}

/* The whole tail is about to be replaced. */
static void drop_tail(struct tl_output_ends *ends)
{
    if (ends->tail_size)
        tl_notable_feed(&ends->middle, ends->tail + ends->tail_at, ends->tail_size - ends->tail_at);
    if (ends->tail_at)
        tl_notable_feed(&ends->middle, ends->tail, ends->tail_at);
    ends->tail_size = ends->tail_at = 0;
}

void tl_output_ends_feed(struct tl_output_ends *ends, const void *bytes, size_t size)
{
    const char *p = bytes;
    ends->total += size;
    if (size && ends->head_size < TL_OUTPUT_HEAD) {
        size_t n = TL_OUTPUT_HEAD - ends->head_size;
        if (n > size)
            n = size;
        append(&ends->head, &ends->head_size, &ends->head_capacity, TL_OUTPUT_HEAD, p, n);
        p += n;
        size -= n;
    }
    if (size > TL_OUTPUT_TAIL) { /* everything older would be overwritten */
        drop_tail(ends);
        tl_notable_feed(&ends->middle, p, size - TL_OUTPUT_TAIL);
        p += size - TL_OUTPUT_TAIL;
        size = TL_OUTPUT_TAIL;
    }
    if (size && ends->tail_size < TL_OUTPUT_TAIL) {
        size_t n = TL_OUTPUT_TAIL - ends->tail_size;
        if (n > size)
            n = size;
        append(&ends->tail, &ends->tail_size, &ends->tail_capacity, TL_OUTPUT_TAIL, p, n);
        p += n;
        size -= n;
    }
    while (size) {
        size_t n = TL_OUTPUT_TAIL - ends->tail_at;
        if (n > size)
            n = size;
        tl_notable_feed(&ends->middle, ends->tail + ends->tail_at, n);
        memcpy(ends->tail + ends->tail_at, p, n);
        ends->tail_at = (ends->tail_at + n) % TL_OUTPUT_TAIL;
        p += n;
        size -= n;
    }
}

/* How many bytes of a tail whose beginning is missing are not the beginning of anything. */
static size_t ragged(const char *tail, size_t size)
{
    size_t near = size < LINE_SEARCH ? size : LINE_SEARCH;
    const char *newline = memchr(tail, '\n', near);
    if (newline && (size_t)(newline - tail) + 1 < size)
        return (size_t)(newline - tail) + 1;
    size_t n = 0;
    while (n < size && n < 3 && ((unsigned char)tail[n] & 0xC0) == 0x80)
        n++;
    return n;
}

void tl_output_ends_take(struct tl_output_ends *ends, struct tl_output *o)
{
    *o = (struct tl_output){.head = ends->head, .head_size = ends->head_size, .total = ends->total};
    if (!o->head)
        o->head = tl_strdup("");
    o->head[o->head_size] = '\0';
    ends->head = NULL;
    if (ends->tail_size) {
        char *tail = tl_malloc(ends->tail_size + 1);
        memcpy(tail, ends->tail + ends->tail_at, ends->tail_size - ends->tail_at);
        memcpy(tail + ends->tail_size - ends->tail_at, ends->tail, ends->tail_at);
        size_t skip = ends->total > ends->head_size + ends->tail_size ? ragged(tail, ends->tail_size) : 0;
        o->tail_size = ends->tail_size - skip;
        memmove(tail, tail + skip, o->tail_size);
        tail[o->tail_size] = '\0';
        o->tail = tail;
    }
    o->notable = ends->middle.kept;
    o->notable_size = ends->middle.size;
    ends->middle.kept = NULL;
    tl_output_ends_free(ends);
}

void tl_output_ends_free(struct tl_output_ends *ends)
{
    free(ends->head);
    free(ends->tail);
    tl_notable_free(&ends->middle);
    *ends = (struct tl_output_ends){0};
}
