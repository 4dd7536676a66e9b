/* Processes that the kernel shields from signals because they are traced. Linux only. */
#ifndef TL_SHIELD_H
#define TL_SHIELD_H

#include "harness/supervise/trace.h"

/* Whether the default action of a signal is not taken in t, which is in its signal-delivery-stop. */
bool tl_shield_is_there(const struct tl_tracee *t);
bool tl_shield_stays(
    const struct tl_tracee *t); /* at a SIGSTOP: whether it would do nothing if nobody traced it */

/* Lets t, which stands at a fault, die of it as it would if nobody traced it. Returns 0 when it will. */
int tl_shield_drop(struct tl_tracee *t);

void tl_shield_free(struct tl_process *p); /* of a process that is gone */

#endif
