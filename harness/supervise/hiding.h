/* Programs that would hide a child from the tracer. Linux only. */
#ifndef TL_HIDING_H
#define TL_HIDING_H

#include "harness/supervise/trace.h"

void tl_hiding_prevent(const struct tl_tracee *t); /* t has stopped at a call that a filter stops */

#endif
