/* Crashes in processes of many threads.
 *
 * main.c calls these and they call main.c, which selftest.h explains. */
#include "runners/selftest/selftest.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <signal.h>

static volatile int *volatile nowhere;
static pthread_barrier_t barrier;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static volatile pid_t waiting_tid;

static void *crash(void *unused)
{
    return (void *)(intptr_t)*nowhere;
}

static void *wait_at_barrier(void *unused)
{
    waiting_tid = (pid_t)syscall(SYS_gettid);
    pthread_barrier_wait(&barrier);
    pthread_mutex_lock(&mutex);
    for (;;)
        pthread_cond_wait(&never, &mutex);
    return NULL;
}

static void *crash_at_barrier(void *unused)
{
    pthread_barrier_wait(&barrier);
    return crash(NULL);
}

/* Starts n threads that meet this one at the barrier. Returns 0, or -1 after an error was sent. */
static int start(const struct tl_selftest *t, int64_t n, void *(*entry)(void *))
{
    pthread_barrier_init(&barrier, NULL, (unsigned)n + 1);
    for (int64_t i = 0; i < n; i++) {
        pthread_t thread;
        int err = pthread_create(&thread, NULL, entry, NULL);
        if (err) {
            tl_run_error(t->run, "selftest", "thread", "cannot start thread %lld: errno %d", (long long)i,
                         err);
            return -1;
        }
    }
    pthread_barrier_wait(&barrier);
    return 0;
}

int tl_selftest_crash_in_thread(const struct tl_selftest *t)
{
    pthread_t thread;
    if (!pthread_create(&thread, NULL, crash, NULL))
        pthread_join(thread, NULL);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_crash_among_threads(const struct tl_selftest *t)
{
    if (start(t, tl_selftest_count(t, 16), wait_at_barrier))
        return TL_SELFTEST_OVER;
    return *nowhere;
}

int tl_selftest_abort_other_thread(const struct tl_selftest *t)
{
    if (start(t, 1, wait_at_barrier))
        return TL_SELFTEST_OVER;
    syscall(SYS_tgkill, getpid(), waiting_tid, SIGABRT);
    tl_selftest_nap(5);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_crash_all_threads(const struct tl_selftest *t)
{
    if (!start(t, tl_selftest_count(t, 8), crash_at_barrier))
        tl_selftest_nap(5);
    return TL_SELFTEST_OVER;
}

static void *wait_for_ever(void *unused)
{
    tl_selftest_nap(0);
    return NULL;
}

int tl_selftest_many_threads(const struct tl_selftest *t)
{
    int64_t most = tl_selftest_count(t, 20000), n = 0;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    pthread_t thread;
    while (n < most && !pthread_create(&thread, &small, wait_for_ever, NULL))
        n++;
    abort();
}

static void *exec_and_crash(void *unused)
{
    tl_selftest_exec("null_read");
    return NULL;
}

int tl_selftest_exec_thread_crash(const struct tl_selftest *t)
{
    pthread_t thread;
    if (!pthread_create(&thread, NULL, exec_and_crash, NULL))
        pthread_join(thread, NULL);
    tl_run_error(t->run, "selftest", "exec", "no thread could exec");
    return TL_SELFTEST_OVER;
}
