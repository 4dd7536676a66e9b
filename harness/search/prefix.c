#include "harness/search/prefix.h"

void tl_prefix_begin(struct tl_prefix *p, size_t n)
{
    *p = (struct tl_prefix){.passes = 0, .fails = n};
}

bool tl_prefix_next(const struct tl_prefix *p, size_t *length)
{
    if (p->fails <= p->passes + 1)
        return false;
    *length = p->passes + (p->fails - p->passes) / 2;
    return true;
}

void tl_prefix_tell(struct tl_prefix *p, size_t length, bool fails)
{
    if (fails && length < p->fails)
        p->fails = length;
    else if (!fails && length > p->passes && length < p->fails)
        p->passes = length;
}

unsigned tl_prefix_left(const struct tl_prefix *p)
{
    unsigned left = 0;
    for (size_t open = p->fails > p->passes ? p->fails - p->passes - 1 : 0; open; open /= 2)
        left++;
    return left;
}
