/* The time in which this process was awake: what budgets and durations are measured by. A machine that slept, or a
 * process that was stopped, used none of it up (awake.c has the theory). */
#ifndef TL_AWAKE_H
#define TL_AWAKE_H

#include <stdint.h>

#define TL_AWAKE_GAP_NS 2000000000u /* the most that is counted of a gap in which nothing was computed */

struct tl_awake {
    uint64_t seen_ns;     /* of the monotonic clock at the last look; 0: there was none */
    uint64_t computed_ns; /* of the processor, at the last look */
    uint64_t now_ns;      /* what has counted */
};

/* A look, when the monotonic clock and that of the processor show this. Returns the time of being awake. */
uint64_t tl_awake_look(struct tl_awake *a, uint64_t monotonic_ns, uint64_t computed_ns);

/* Nanoseconds in which this process was awake, from an unspecified start. It is asked by the one thread that runs
 * commands; whoever waits in a loop asks more often than every TL_AWAKE_GAP_NS. */
uint64_t tl_awake_ns(void);
/* Seconds since a point of that clock. */
double tl_awake_since(uint64_t started_ns);

#endif
