#include "harness/supervise/drain.h"

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

void tl_drain_feed(struct tl_drain *d, const void *bytes, size_t size)
{
    const char *p = bytes;
    d->total += size;
    if (size && d->head_size < TL_DRAIN_HEAD) {
        size_t n = TL_DRAIN_HEAD - d->head_size;
        if (n > size)
            n = size;
        append(&d->head, &d->head_size, &d->head_capacity, TL_DRAIN_HEAD, p, n);
        p += n;
        size -= n;
    }
    if (size > TL_DRAIN_TAIL) { /* everything older would be overwritten */
        p += size - TL_DRAIN_TAIL;
        size = TL_DRAIN_TAIL;
    }
    if (size && d->tail_size < TL_DRAIN_TAIL) {
        size_t n = TL_DRAIN_TAIL - d->tail_size;
        if (n > size)
            n = size;
        append(&d->tail, &d->tail_size, &d->tail_capacity, TL_DRAIN_TAIL, p, n);
        p += n;
        size -= n;
    }
    while (size) {
        size_t n = TL_DRAIN_TAIL - d->tail_at;
        if (n > size)
            n = size;
        memcpy(d->tail + d->tail_at, p, n);
        d->tail_at = (d->tail_at + n) % TL_DRAIN_TAIL;
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

void tl_drain_take(struct tl_drain *d, struct tl_output *o)
{
    *o = (struct tl_output){.head = d->head, .head_size = d->head_size, .total = d->total};
    if (!o->head)
        o->head = tl_strdup("");
    o->head[o->head_size] = '\0';
    d->head = NULL;
    if (d->tail_size) {
        char *tail = tl_malloc(d->tail_size + 1);
        memcpy(tail, d->tail + d->tail_at, d->tail_size - d->tail_at);
        memcpy(tail + d->tail_size - d->tail_at, d->tail, d->tail_at);
        size_t skip = d->total > d->head_size + d->tail_size ? ragged(tail, d->tail_size) : 0;
        o->tail_size = d->tail_size - skip;
        memmove(tail, tail + skip, o->tail_size);
        tail[o->tail_size] = '\0';
        o->tail = tail;
    }
    tl_drain_free(d);
}

void tl_drain_free(struct tl_drain *d)
{
    free(d->head);
    free(d->tail);
    *d = (struct tl_drain){0};
}
