/* What a trial may use: a case says it, the supervisor holds the trial to it. */
#ifndef TL_LIMITS_H
#define TL_LIMITS_H

#include <stdint.h>

struct tl_limits {
    double timeout_s;   /* wall clock, for each phase */
    uint64_t memory_mb; /* 0: none */
    uint64_t processes; /* 0: none */
    uint64_t disk_mb;   /* of the scratch directory; also the largest file; 0: none */
};
extern const struct tl_limits tl_limits_default; /* 60 s, 4096 MiB, 512 processes, 4096 MiB */

/* Bytes at which the processes of a trial are killed for its memory limit: above what RLIMIT_DATA gives, so
 * that an allocation fails first and the process can say where. The kill is for what that limit does not
 * count (shared memory, page cache, many processes). */
uint64_t tl_limits_kill_bytes(const struct tl_limits *limits);

/* The most bytes that an allocation may ask for so that the limit is the reason when it is refused. A larger one
 * is a size that was computed wrongly: no machine would grant it. */
uint64_t tl_limits_most_wanted(uint64_t limit_bytes);

#endif
