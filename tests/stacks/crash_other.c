/* What link-time optimisation inlines into another file. */
static volatile int other_sink;

static int other_store(volatile int *p, int n)
{
    other_sink += n;
    *p = n;
    return n;
}

int other_step(volatile int *p, int n)
{
    other_sink++;
    return other_store(p, n + 3) * 2;
}

__attribute__((noinline)) int other_apart(volatile int *p, int n)
{
    n = other_step(p, n);
    other_sink += n;
    return n;
}
