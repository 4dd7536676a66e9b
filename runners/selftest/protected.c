/* Built with -fstack-protector-all: what a hardened runtime does when its stack is overwritten. */
#include "runners/selftest/selftest.h"

static volatile int room = 16;

__attribute__((noinline)) static int overrun(void)
{
    volatile char local[16];
    volatile char *p = local;
    for (int i = 0; i < room + 24; i++)
        p[i] = 'A';
    return p[0];
}

int tl_selftest_stack_smash_detected(const struct tl_selftest *t)
{
    return overrun() ? TL_SELFTEST_OVER : TL_SELFTEST_GO_ON;
}
