/* macOS: the stacks of a report of the system come with their names; there is nothing to add. Not run on a
 * Mac. */
#include "harness/base/buffer.h"
#include "harness/stack/symbolise.h"

#include <stdlib.h>

struct tl_symboliser {
    char unused;
};

struct tl_symboliser *tl_symboliser_new(void)
{
    return tl_calloc(1, sizeof(struct tl_symboliser));
}

void tl_symboliser_free(struct tl_symboliser *s)
{
    free(s);
}

void tl_symbolise(struct tl_symboliser *s, struct tl_capture *c)
{
    (void)s;
    (void)c;
}
