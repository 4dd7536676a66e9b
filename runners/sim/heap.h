/* A scratch heap as runtimes have them: a fixed size, an alignment, first fit. It holds no memory, only
 * places. */
#ifndef TL_SIM_HEAP_H
#define TL_SIM_HEAP_H

#include <stddef.h>
#include <stdint.h>

#define TL_SIM_HEAP_BLOCKS 64 /* in use at a time */

struct tl_sim_block {
    uint64_t offset, size;
};
struct tl_sim_heap {
    uint64_t total, alignment; /* bytes; the alignment is a power of two */
    uint64_t peak;             /* highest end of a block so far */
    size_t n;
    struct tl_sim_block blocks[TL_SIM_HEAP_BLOCKS]; /* by offset */
};

/* The first place that is large enough. 0 with its offset; -1 when there is none, *offset being where the
 * block would have had to begin, behind everything that is in use. */
int tl_sim_heap_allocate(struct tl_sim_heap *h, uint64_t size, uint64_t *offset);
void tl_sim_heap_release(struct tl_sim_heap *h, uint64_t offset);

#endif
