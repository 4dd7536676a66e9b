/* A tiny library to crash in after its file has been deleted. */
int selftest_victim_crash(void);

static volatile int *volatile nowhere;

int selftest_victim_crash(void)
{
    return *nowhere + 1;
}
