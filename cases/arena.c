/* Memory comes in blocks, each of which is handed out from its beginning; what does not fit in the newest
 * block gets a new one, as large as it needs to be. */
#include "cases/arena.h"
#include "harness/base/buffer.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)64 << 10)

struct block {
    struct block *next;
    size_t size, used;
    alignas(max_align_t) char data[];
};

struct tl_arena {
    struct block *blocks;
};

struct tl_arena *tl_arena_new(void)
{
    return tl_calloc(1, sizeof(struct tl_arena));
}

void *tl_arena_alloc(struct tl_arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2)
        abort();
    bytes = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct block *b = a->blocks;
    if (!b || b->size - b->used < bytes) {
        size_t room = bytes > BLOCK_SIZE ? bytes : BLOCK_SIZE;
        b = tl_calloc(1, sizeof *b + room);
        b->size = room;
        b->next = a->blocks;
        a->blocks = b;
    }
    void *p = b->data + b->used;
    b->used += bytes;
    return p;
}

char *tl_arena_string(struct tl_arena *a, const char *s)
{
    if (!s)
        return NULL;
    size_t n = strlen(s) + 1;
    return memcpy(tl_arena_alloc(a, n, 1), s, n);
}

void tl_arena_free(struct tl_arena *a)
{
    while (a && a->blocks) {
        struct block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    free(a);
}
