/* First fit: blocks in use are kept by their offset, and the first gap that is large enough is taken. */
#include "runners/sim/heap.h"

#include <string.h>

static uint64_t align(const struct tl_sim_heap *h, uint64_t n)
{
    return (n + h->alignment - 1) & ~(h->alignment - 1);
}

int tl_sim_heap_allocate(struct tl_sim_heap *h, uint64_t size, uint64_t *offset)
{
    uint64_t at = 0;
    size_t i = 0;
    while (i < h->n && (h->blocks[i].offset < at || h->blocks[i].offset - at < size)) {
        at = align(h, h->blocks[i].offset + h->blocks[i].size);
        i++;
    }
    *offset = at;
    if (size > h->total || at > h->total - size || h->n == TL_SIM_HEAP_BLOCKS)
        return -1;
    memmove(&h->blocks[i + 1], &h->blocks[i], (h->n - i) * sizeof h->blocks[0]);
    h->blocks[i] = (struct tl_sim_block){at, size};
    h->n++;
    if (at + size > h->peak)
        h->peak = at + size;
    return 0;
}

void tl_sim_heap_release(struct tl_sim_heap *h, uint64_t offset)
{
    for (size_t i = 0; i < h->n; i++) {
        if (h->blocks[i].offset != offset)
            continue;
        h->n--;
        memmove(&h->blocks[i], &h->blocks[i + 1], (h->n - i) * sizeof h->blocks[0]);
        return;
    }
}
