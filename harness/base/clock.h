/* Clocks: durations are taken from the monotonic one, points in time from the wall clock. */
#ifndef TL_CLOCK_H
#define TL_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of the monotonic clock, from an unspecified start. */
static inline uint64_t tl_monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Nanoseconds of a processor that this thread has had. */
static inline uint64_t tl_thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Seconds since a point of the monotonic clock. */
static inline double tl_seconds_since(uint64_t started_ns)
{
    return (double)(tl_monotonic_ns() - started_ns) * 1e-9;
}

/* Microseconds since 1970-01-01 UTC. */
static inline int64_t tl_wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

#endif
