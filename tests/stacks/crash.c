/* Ways to end, for stacks that are compared: crash MODE. What is inlined, from this file and from another one, stands
 * in the stack where a debugger finds it. */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __clang__
#define APART __attribute__((noinline))
#else
#define APART __attribute__((noinline, noclone))
#endif

int other_step(volatile int *p, int n);
int other_apart(volatile int *p, int n);

static volatile int sink;

/* Inlined where it is optimised. */
static inline int store(volatile int *p, int n)
{
    *p = n;
    return n;
}

static int between(volatile int *p, int n)
{
    return store(p, n * 3) + 1;
}

APART static int innermost(volatile int *p, int n)
{
    sink += n;
    n = between(p, n);
    sink += n;
    return n;
}

APART static int middle(volatile int *p, int n)
{
    n = innermost(p, n + 1);
    sink += n;
    return n;
}

APART int outer(volatile int *p, int n)
{
    n = middle(p, n + 1);
    sink += n;
    return n;
}

APART static int through_other(volatile int *p, int n)
{
    n = other_step(p, n);
    sink += n;
    return n;
}

APART static int compare(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    sink += x - y;
    sink += outer(NULL, x);
    return x - y;
}

APART static void sort_them(void)
{
    int list[] = {3, 1, 2};
    qsort(list, 3, sizeof *list, compare);
    sink += list[0];
}

APART static int recurse(int depth)
{
    int n = depth ? recurse(depth - 1) : outer(NULL, depth);
    sink += n;
    return n + 1;
}

static void on_signal(int signal)
{
    sink += outer(NULL, signal);
}

APART static void handled(void)
{
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    sink++;
}

APART static void failed_check(int n)
{
    assert(n == 77);
    sink++;
}

static jmp_buf back;

APART static void jumps(void)
{
    sink++;
    longjmp(back, 1);
}

APART static void after_jump(void)
{
    if (!setjmp(back))
        jumps();
    sink += outer(NULL, 1);
}

APART static void calls_nothing(void)
{
    int (*volatile nothing)(int) = NULL;
    sink += nothing(1);
    sink++;
}

static pthread_barrier_t all_there;
static int pipe_ends[2];

APART static void reads(void)
{
    char c;
    pthread_barrier_wait(&all_there);
    sink += (int)read(pipe_ends[0], &c, 1);
}

APART static void sleeps(void)
{
    pthread_barrier_wait(&all_there);
    sink += (int)sleep(100);
}

static void *reader(void *arg)
{
    reads();
    return arg;
}

static void *sleeper(void *arg)
{
    sleeps();
    return arg;
}

static void *crasher(void *arg)
{
    pthread_barrier_wait(&all_there);
    usleep(300000); /* for the others to sleep in their calls */
    sink += outer(NULL, 1);
    return arg;
}

APART static void threads(void)
{
    pthread_t t[3];
    if (pipe(pipe_ends))
        return;
    pthread_barrier_init(&all_there, NULL, 3);
    pthread_create(&t[0], NULL, reader, NULL);
    pthread_create(&t[1], NULL, sleeper, NULL);
    pthread_create(&t[2], NULL, crasher, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (!strcmp(mode, "inlined"))
        sink += outer(NULL, argc);
    else if (!strcmp(mode, "other"))
        sink += through_other(NULL, argc);
    else if (!strcmp(mode, "apart"))
        sink += other_apart(NULL, argc);
    else if (!strcmp(mode, "callback"))
        sort_them();
    else if (!strcmp(mode, "recursion"))
        sink += recurse(20);
    else if (!strcmp(mode, "handler"))
        handled();
    else if (!strcmp(mode, "assert"))
        failed_check(argc);
    else if (!strcmp(mode, "longjmp"))
        after_jump();
    else if (!strcmp(mode, "null"))
        calls_nothing();
    else if (!strcmp(mode, "threads"))
        threads();
    return 99;
}
