/* Programs some of whose calls are told to us although nobody traces them. Linux only. */
#ifndef TL_GUARD_H
#define TL_GUARD_H

#include "harness/supervise/trace.h"

/* Lays a guard on the process of t, which stands at a signal that it handles. The signal has been delivered then, and t
 * stands at the beginning of its handler. Returns 0 when the guard is there; -1: t goes on, or is handled already. */
int tl_guard_lay(struct tl_tracee *t, int signal);

/* Whether a call would be told; those that are about memory alone are not counted. */
bool tl_guard_heeds(uint64_t call);

void tl_guard_free(struct tl_trial *t); /* of a trial that has no process any more */

#endif
