/* Lines that may say why a program failed, kept from the middle of a long stream. */
#ifndef TL_NOTABLE_H
#define TL_NOTABLE_H

#include <stddef.h>
#include <stdint.h>

#define TL_NOTABLE_KEPT 8192 /* bytes of them: the last ones */
#define TL_NOTABLE_LINE 1024 /* bytes of each line */

/* Nothing was seen yet when all is zero. */
struct tl_notable {
    char *kept; /* lines with their ends, or NULL */
    size_t size;
    char line[TL_NOTABLE_LINE]; /* the one that has not ended yet */
    size_t line_size;
    unsigned following; /* lines to keep whatever they say */
    uint64_t seen;
};

/* Looks at the bytes that follow those before. Only the first 64 MiB of a stream are looked at. */
void tl_notable_feed(struct tl_notable *n, const char *bytes, size_t size);
void tl_notable_free(struct tl_notable *n);

#endif
