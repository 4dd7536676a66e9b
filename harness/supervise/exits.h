/* Processes that are about to exit. Linux only. */
#ifndef TL_EXITS_H
#define TL_EXITS_H

#include "harness/supervise/trace.h"

bool tl_exits_is_one(const struct tl_tracee *t); /* whether that is what t has stopped at */
void tl_exits_stopped(struct tl_supervisor *s, struct tl_tracee *t);

#endif
