/* Ways to hang.
 *
 * main.c calls these and they call main.c, which selftest.h explains. */
#include "runners/selftest/selftest.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t exit_nap;

/* Spins for a time; 0: for ever. */
static void spin(int64_t seconds)
{
    struct timespec now, start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while (!seconds || now.tv_sec - start.tv_sec < seconds);
}

static void *spin_thread(void *argument)
{
    spin(((const struct tl_selftest *)argument)->seconds);
    return NULL;
}

static void *nap_thread(void *argument)
{
    tl_selftest_nap(((const struct tl_selftest *)argument)->seconds);
    return NULL;
}

int tl_selftest_hang_sleep(const struct tl_selftest *t)
{
    tl_selftest_nap(t->seconds);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_hang_spin(const struct tl_selftest *t)
{
    spin(t->seconds);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_hang_spin_threads(const struct tl_selftest *t)
{
    int64_t n = tl_selftest_count(t, 8);
    for (int64_t i = 1; i < n; i++) {
        pthread_t thread;
        if (!pthread_create(&thread, NULL, spin_thread, (void *)(uintptr_t)t))
            pthread_detach(thread);
    }
    spin(t->seconds);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_hang_ignoring(const struct tl_selftest *t)
{
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_IGN);
    tl_selftest_nap(t->seconds);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_hang_blocking(const struct tl_selftest *t)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    spin(t->seconds);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_hang_join(const struct tl_selftest *t)
{
    pthread_t thread;
    if (!pthread_create(&thread, NULL, nap_thread, (void *)(uintptr_t)t))
        pthread_join(thread, NULL);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_hang_stopped(const struct tl_selftest *t)
{
    raise(SIGSTOP);
    return TL_SELFTEST_GO_ON;
}

static pthread_mutex_t locks[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_barrier_t both_hold_one;

static void *lock_in_order(void *argument)
{
    size_t first = (size_t)(uintptr_t)argument;
    pthread_mutex_lock(&locks[first]);
    pthread_barrier_wait(&both_hold_one);
    pthread_mutex_lock(&locks[1 - first]);
    return NULL;
}

int tl_selftest_hang_deadlock(const struct tl_selftest *t)
{
    pthread_t thread;
    pthread_barrier_init(&both_hold_one, NULL, 2);
    if (!pthread_create(&thread, NULL, lock_in_order, (void *)1))
        lock_in_order((void *)0);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_hang_pipe(const struct tl_selftest *t)
{
    int ends[2];
    char byte;
    if (!pipe(ends) && read(ends[0], &byte, 1) < 0)
        return TL_SELFTEST_OVER;
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_hang_grandchild(const struct tl_selftest *t)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        tl_selftest_nap(t->seconds);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    return TL_SELFTEST_GO_ON;
}

static void nap_at_exit(void)
{
    tl_selftest_nap(exit_nap);
}

int tl_selftest_hang_at_exit(const struct tl_selftest *t)
{
    if (!t->run->forked) {
        exit_nap = t->seconds;
        atexit(nap_at_exit);
        return TL_SELFTEST_GO_ON;
    }
    /* A forked child leaves with _exit, which runs nothing. */
    tl_run_result(t->run, tl_selftest_result_of(t, 0));
    tl_selftest_nap(t->seconds);
    return TL_SELFTEST_OVER;
}
