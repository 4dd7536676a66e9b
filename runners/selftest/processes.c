/* Trials of more than one process.
 *
 * main.c calls these and they call main.c, which selftest.h explains. */
#include "runners/selftest/selftest.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int no_fork(const struct tl_selftest *t)
{
    tl_run_error(t->run, "selftest", "fork", "cannot fork: errno %d", errno);
    return TL_SELFTEST_OVER;
}

/* Forks; the child does `act` and leaves. Waits for it and stores its wait status. */
static int with_child(const struct tl_selftest *t, void (*act)(const struct tl_selftest *), int *status)
{
    fflush(stdout);
    fflush(stderr);
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0) {
        act(t);
        _exit(0);
    }
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
    return 0;
}

static void crash(const struct tl_selftest *t)
{
    tl_selftest_null_read(t);
}

static void exec_and_crash(const struct tl_selftest *t)
{
    tl_selftest_exec("null_read");
}

/* The child's part of a double fork: a grandchild in a session of its own, whose parent goes away. */
static void daemonise(const struct tl_selftest *t, void (*act)(const struct tl_selftest *))
{
    setsid();
    if (fork() == 0)
        act(t);
    _exit(0);
}

static void crash_soon(const struct tl_selftest *t)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* its parent is gone by then */
    crash(t);
}

static void linger(const struct tl_selftest *t)
{
    tl_selftest_nap(t->seconds);
}

static void daemon_crashes(const struct tl_selftest *t)
{
    daemonise(t, crash_soon);
}

static void daemon_stays(const struct tl_selftest *t)
{
    daemonise(t, linger);
}

int tl_selftest_grandchild_crash(const struct tl_selftest *t)
{
    int status;
    return with_child(t, crash, &status) ? no_fork(t) : TL_SELFTEST_GO_ON;
}

int tl_selftest_grandchild_exec_crash(const struct tl_selftest *t)
{
    int status;
    return with_child(t, exec_and_crash, &status) ? no_fork(t) : TL_SELFTEST_GO_ON;
}

int tl_selftest_daemon_crash(const struct tl_selftest *t)
{
    int status;
    if (with_child(t, daemon_crashes, &status))
        return no_fork(t);
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL); /* it crashes while the trial goes on */
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_daemon_lingers(const struct tl_selftest *t)
{
    int status;
    return with_child(t, daemon_stays, &status) ? no_fork(t) : TL_SELFTEST_GO_ON;
}

static int wrap(const struct tl_selftest *t, void (*act)(const struct tl_selftest *))
{
    int status;
    if (with_child(t, act, &status))
        return no_fork(t);
    tl_selftest_leave(t, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

int tl_selftest_wrapper(const struct tl_selftest *t)
{
    return wrap(t, crash);
}

int tl_selftest_wrapper_exec(const struct tl_selftest *t)
{
    return wrap(t, exec_and_crash);
}

int tl_selftest_wrapper_lies(const struct tl_selftest *t)
{
    tl_selftest_leave(t, 128 + 11);
}

int tl_selftest_exec_crash(const struct tl_selftest *t)
{
    tl_selftest_exec("null_read");
    return TL_SELFTEST_OVER;
}

int tl_selftest_fork_bomb(const struct tl_selftest *t)
{
    /* Bounded in number and time: the machine of whoever tries it by hand must survive. */
    int64_t most = tl_selftest_count(t, 4096), seconds = t->seconds ? t->seconds : 30;
    _Atomic int64_t *made =
        mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += seconds;
    pid_t first = getpid();
    if (made == MAP_FAILED)
        return no_fork(t);
    do {
        if (atomic_fetch_add(made, 1) >= most || fork() < 0)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < end.tv_sec);
    if (getpid() != first)
        _exit(0);
    return TL_SELFTEST_GO_ON;
}
