/* For tests: a program that is started under trace and stopped where it crashes. */
#ifndef TL_TRACED_H
#define TL_TRACED_H

#include "harness/base/record.h"
#include "harness/stack/unwind.h"

#include <sys/types.h>

struct traced {
    pid_t pid;
    int signal;      /* it is stopped by */
    pid_t tids[256]; /* stopped threads, the one with the signal first */
    size_t n;
    size_t n_stopped; /* the first so many */
};

enum traced_until { TRACED_CRASH, TRACED_CLONE };

/* Runs argv until a fatal signal (all threads are stopped then) or, with TRACED_CLONE, until it has made a
 * thread, which is stopped at its first instruction (and comes first). 0, or -1 when it ended otherwise. */
int traced_start(struct traced *t, const char *const *argv, enum traced_until until);
void traced_end(struct traced *t); /* kills it */

/* All threads of t into *c. 0 or -1. */
int traced_capture(struct traced *t, struct tl_unwinder *u, struct tl_capture *c, struct tl_error *e);

#endif
