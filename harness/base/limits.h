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

#endif
