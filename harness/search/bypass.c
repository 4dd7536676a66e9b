#include "harness/search/bypass.h"

#include <string.h>

size_t tl_bypass_choose(const char *type, const struct tl_bypass_operand *operands, size_t n)
{
    size_t best = TL_BYPASS_NONE;
    for (size_t i = 0; type && i < n; i++)
        if (operands[i].type && operands[i].depth != TL_BYPASS_NONE && !strcmp(operands[i].type, type) &&
            (best == TL_BYPASS_NONE || operands[i].depth < operands[best].depth))
            best = i;
    return best;
}
