/* Theory of operation. A night goes on over the sleep of a laptop, the pause of a virtual machine, a ^Z. Some systems
 * count that time on their monotonic clock and some do not, and none says it of a stopped process. So what was slept
 * through is told from gaps: as long as anything runs, this clock is looked at several times a second, and a gap
 * between two looks is counted up to TL_AWAKE_GAP_NS. More of it counts only where the process computed for longer
 * than that (a large file is hashed, a stack symbolised): the processor's clock stands still in sleep. */
#include "harness/base/awake.h"

#include "harness/base/clock.h"

#include <time.h>

static struct tl_awake process;

uint64_t tl_awake_look(struct tl_awake *a, uint64_t monotonic_ns, uint64_t computed_ns)
{
    uint64_t gap = a->seen_ns && monotonic_ns > a->seen_ns ? monotonic_ns - a->seen_ns : 0;
    if (gap > TL_AWAKE_GAP_NS) {
        uint64_t computed = computed_ns > a->computed_ns ? computed_ns - a->computed_ns : 0,
                 most = computed + TL_AWAKE_GAP_NS;
        gap = gap < most ? gap : most;
    }
    a->seen_ns = monotonic_ns;
    a->computed_ns = computed_ns;
    return a->now_ns += gap;
}

uint64_t tl_awake_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    if (!process.seen_ns)
        process.now_ns = 1; /* 0 stands for no point in time */
    return tl_awake_look(&process, tl_monotonic_ns(), (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
}

double tl_awake_since(uint64_t started_ns)
{
    return (double)(tl_awake_ns() - started_ns) * 1e-9;
}
