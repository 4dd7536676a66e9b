/* Built with -g and without .eh_frame: its frames are described in .debug_frame only, and without frame
 * pointers. */
#include "runners/selftest/selftest.h"

static volatile int *volatile nowhere;

__attribute__((noinline)) static int fault(int value)
{
    volatile int local[32];
    local[value & 31] = value;
    return *nowhere + local[0];
}

__attribute__((noinline)) static int middle(int value)
{
    volatile int local[8];
    local[value & 7] = fault(value + 1);
    return local[0] + 1;
}

int tl_selftest_bare_fault(void)
{
    return middle(1) + 1;
}
