#include "harness/campaign/levels.h"

#define LEVELS 5 /* of a range */

uint64_t tl_levels_count(const struct tl_axis *a)
{
    return a->kind == TL_AXIS_RANGE && a->count > LEVELS ? LEVELS : a->count;
}

uint64_t tl_levels_index(const struct tl_axis *a, uint64_t level)
{
    uint64_t last = a->count - (a->count != UINT64_MAX); /* all 2^64 values are counted as one less */
    if (tl_levels_count(a) == a->count)
        return level;
    return level == LEVELS - 1 ? last : (a->count - 1) / (LEVELS - 1) * level;
}
