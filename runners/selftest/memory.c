/* Memory: too much of it, and its corruption.
 *
 * main.c calls these and they call main.c, which selftest.h explains. */
#include "runners/selftest/selftest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MIB (1 << 20)
#define MOST_MIB 8192 /* a machine without limits survives this, or has less and says so itself */

static int no_limit(const struct tl_selftest *t, int64_t mib)
{
    tl_run_error(t->run, "selftest", "no-limit", "nothing stopped it: %lld MiB could be had", (long long)mib);
    return TL_SELFTEST_OVER;
}

/* Volatile, or a compiler may see that the memory is never read and not allocate it. */
static char *volatile allocated;

/* Allocates and touches; stops where malloc gives NULL. */
static int64_t touch_by_malloc(int64_t mib)
{
    int64_t n = 0;
    for (; n < mib && (allocated = malloc(MIB)); n++)
        memset(allocated, (int)n | 1, MIB);
    return n;
}

static int64_t touch_by_mmap(int64_t mib, int flags)
{
    for (int64_t n = 0; n < mib; n++) {
        char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return n;
        memset(p, 1, MIB);
    }
    return mib;
}

int tl_selftest_malloc_abort(const struct tl_selftest *t)
{
    int64_t most = tl_selftest_count(t, MOST_MIB);
    if (touch_by_malloc(most) == most)
        return no_limit(t, most);
    abort();
}

int tl_selftest_malloc_error(const struct tl_selftest *t)
{
    int64_t most = tl_selftest_count(t, MOST_MIB), n = touch_by_malloc(most);
    if (n == most)
        return no_limit(t, most);
    tl_run_error(t->run, "selftest", "memory", "no memory after %lld MiB", (long long)n);
    return TL_SELFTEST_OVER;
}

int tl_selftest_malloc_null_write(const struct tl_selftest *t)
{
    int64_t most = tl_selftest_count(t, MOST_MIB);
    if (touch_by_malloc(most) == most)
        return no_limit(t, most);
    return tl_selftest_null_write(t);
}

int tl_selftest_bad_alloc_message(const struct tl_selftest *t)
{
    int64_t most = tl_selftest_count(t, MOST_MIB);
    if (touch_by_malloc(most) == most)
        return no_limit(t, most);
    fputs("terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n",
          stderr);
    abort();
}

int tl_selftest_mmap_shared(const struct tl_selftest *t)
{
    int64_t most = tl_selftest_count(t, MOST_MIB);
    if (touch_by_mmap(most, MAP_SHARED) == most)
        return no_limit(t, most);
    abort();
}

int tl_selftest_touch_until_killed(const struct tl_selftest *t)
{
    int64_t most = tl_selftest_count(t, MOST_MIB);
    if (touch_by_mmap(most, MAP_PRIVATE) == most)
        return no_limit(t, most);
    abort();
}

int tl_selftest_double_free(const struct tl_selftest *t)
{
    void *volatile p = malloc(64);
    free(p);
    free(p);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_heap_corruption(const struct tl_selftest *t)
{
    char *volatile first = malloc(2000), *volatile second = malloc(2000);
    volatile char *p = first;
    for (volatile int i = 0; i < 2032; i++)
        p[i] = 'A';
    free(second);
    free(first);
    return TL_SELFTEST_GO_ON;
}
