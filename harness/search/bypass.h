/* Which operand a node hands on when it leaves a graph: one of the same type and shape as what it makes. Pure. */
#ifndef TL_BYPASS_H
#define TL_BYPASS_H

#include <stddef.h>
#include <stdint.h>

#define TL_BYPASS_NONE SIZE_MAX

struct tl_bypass_operand {
    const char *type; /* and shape, as one text; NULL: not known */
    size_t depth; /* how far from the inputs it is made; TL_BYPASS_NONE: it holds a constant, and is no way */
};

/* The operand, or TL_BYPASS_NONE. Of several that fit the one that is made the earliest, so that most of what leads to the
 * others leaves as well. */
size_t tl_bypass_choose(const char *type, const struct tl_bypass_operand *operands, size_t n);

#endif
