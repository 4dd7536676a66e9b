/* Something small to crash in: a library, and with victim_main.c an executable. */
int selftest_victim_crash(void);

static volatile int *volatile nowhere;

/* Static, so that a stripped file has no name for it. */
__attribute__((noinline)) static int fault(int value)
{
    return *nowhere + value;
}

int selftest_victim_crash(void)
{
    return fault(2) + 1;
}
