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

/* Bytes of memory that the machine has; 0 when it does not tell. */
uint64_t tl_machine_memory(void);

#endif
