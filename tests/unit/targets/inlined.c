/* Calls that are inlined, for lines and inlined frames. The line numbers are what the test checks. */
static volatile int *volatile nowhere;

static inline __attribute__((always_inline)) void deepest(int value)
{
    *nowhere = value; /* line 6 */
}

static inline __attribute__((always_inline)) void between(int value)
{
    deepest(value + 1); /* line 11 */
}

__attribute__((noinline)) static void visible(int value)
{
    between(value * 2); /* line 16 */
    __asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
    (void)argv;
    visible(argc); /* line 23 */
    __asm__ volatile("" ::: "memory");
    return 0;
}
