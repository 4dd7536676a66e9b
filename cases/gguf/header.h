/* What stands at the beginning of a GGUF file: how much of what is in it. Nothing of it is trusted. */
#ifndef TL_GGUF_HEADER_H
#define TL_GGUF_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_GGUF_MAGIC "GGUF"

struct tl_gguf_header {
    uint32_t version;
    bool big_endian;
    uint64_t tensors, entries; /* of metadata */
    char architecture[64];     /* general.architecture, "" where it is not said; fit to be shown */
    char name[128];            /* general.name, likewise */
    uint64_t blocks; /* of layers: the highest N of a tensor "blk.N.…" and one more; 0: there are none */
    bool complete;   /* all that its header says stands in these bytes */
};

/* size: of the bytes that are here, of `whole` that the file has. -1 with why filled, which says at which byte: it is no GGUF
 * file, cut off, or says what cannot be. */
int tl_gguf_read(const void *bytes, size_t size, uint64_t whole, struct tl_gguf_header *h, char *why,
                 size_t why_size);

#endif
