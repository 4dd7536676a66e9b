#include "harness/base/limits.h"

#include <uv.h>

/* Those of a case that names none. */
const struct tl_limits tl_limits_default = {
    .timeout_s = 60, .memory_mb = 4096, .processes = 512, .disk_mb = 4096};

uint64_t tl_limits_kill_bytes(const struct tl_limits *limits)
{
    return (limits->memory_mb << 20) / 8 * 9 + (64 << 20);
}

uint64_t tl_limits_most_wanted(uint64_t limit_bytes)
{
    enum { TIMES_THE_LIMIT = 64 };
    static _Atomic uint64_t all; /* asked once: it is read from a file */
    if (!all)
        all = uv_get_total_memory();
    uint64_t machine = all, many = limit_bytes * TIMES_THE_LIMIT;
    return machine > many ? machine : many;
}
