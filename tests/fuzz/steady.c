/* Makes the same of the same in every process: what a program draws anew each time would be other bytes that a target compares
 * its input with, and so other inputs, and a run could not be had again from its seed. Every target has this in it; for it
 * run.sh calls clock_gettime another name. */
#include <jansson.h>
#include <openssl/rand.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <time.h>

#undef clock_gettime
int clock_gettime(clockid_t clock, struct timespec *t);
int tl_fuzz_clock_gettime(clockid_t clock, struct timespec *t);

#define BEGINNING 1800000000
#define STEP 1000000 /* ns */

/* The order in which an object's members are looked at, and what SQLite draws: names, and numbers of logs. */
static __attribute__((constructor)) void begin(void)
{
    json_object_seed(1);
    sqlite3_initialize();
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, NULL);
}

/* In the place of libcrypto's: nobody's secret is made here. */
int RAND_bytes(unsigned char *bytes, int n)
{
    static _Thread_local unsigned long long state = 1;
    for (int i = 0; i < n; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        bytes[i] = (unsigned char)(state >> 56);
    }
    return 1;
}

/* The wall clock goes on by a step whenever somebody looks at it. Others tell how long something takes, and stay. */
int tl_fuzz_clock_gettime(clockid_t clock, struct timespec *t)
{
    static atomic_llong now;
    if (clock != CLOCK_REALTIME)
        return clock_gettime(clock, t);
    long long ns = (atomic_fetch_add(&now, 1) + 1) * STEP;
    *t = (struct timespec){BEGINNING + ns / 1000000000, ns % 1000000000};
    return 0;
}
