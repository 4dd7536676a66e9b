/* macOS: stacks are taken by the system (crash reports) and by /usr/bin/sample, never by unwinding another
 * process here. Only what the supervisor holds exists. Written from documentation; it has not been run on a
 * Mac. */
#include "harness/base/buffer.h"
#include "harness/stack/unwind.h"

#include <stdlib.h>

struct tl_unwinder {
    char unused;
};

struct tl_unwinder *tl_unwinder_new(void)
{
    return tl_calloc(1, sizeof(struct tl_unwinder));
}

void tl_unwinder_free(struct tl_unwinder *u)
{
    free(u);
}
