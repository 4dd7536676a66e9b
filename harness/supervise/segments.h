/* System V segments, semaphores and queues that a trial has left. Linux only. */
#ifndef TL_SEGMENTS_H
#define TL_SEGMENTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Removes those that were made since then (wall clock, microseconds since 1970) and that one of these processes
 * has made (segments) or used last (semaphores, queues: the kernel does not keep who made them). They are to have ended: what is of
 * a number that a living process has stays, for it may be another one's. */
void tl_segments_remove(const pid_t *pids, size_t n, int64_t since_us);

#endif
