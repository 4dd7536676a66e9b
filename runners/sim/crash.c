/* A crash has to look like one of a runtime: it happens in a function whose name says what was being done, in
 * a library of its own, with callers of the library above it. So each place to crash in is a function that is
 * not inlined, the instruction that crashes is (it would be the innermost frame otherwise), and a write that
 * differs keeps the compiler from making one function of all. */
#include "runners/sim/crash.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static volatile int *volatile nowhere;
static volatile int zero, quotient;
extern const char *volatile tl_simulated_where;
const char *volatile tl_simulated_where; /* which function it was; keeps them from being merged into one */

/* Part of the function that crashes, so that this is the innermost frame. */
static inline __attribute__((always_inline)) void die(int signal)
{
    if (signal == SIGSEGV)
        *nowhere = 1;
    if (signal == SIGBUS) { /* behind the end of a file */
        FILE *empty = tmpfile();
        void *page = empty ? mmap(NULL, 1, PROT_READ, MAP_SHARED, fileno(empty), 0) : MAP_FAILED;
        if (page != MAP_FAILED)
            quotient = *(volatile const char *)page;
    }
    if (signal == SIGFPE)
        quotient = 1 / zero;
#if defined __x86_64__ || defined __i386__
    if (signal == SIGILL)
        __asm__ volatile("ud2");
    if (signal == SIGTRAP)
        __asm__ volatile("int3");
#elif defined __aarch64__
    if (signal == SIGILL)
        __asm__ volatile(".inst 0");
    if (signal == SIGTRAP)
        __asm__ volatile("brk #1");
#endif
    if (signal != SIGABRT)
        raise(signal);
    abort();
}

#define SITE(name, about)                                                                                    \
    void tl_simulated_##name(int signal);                                                                    \
    __attribute__((noinline)) void tl_simulated_##name(int signal)                                           \
    {                                                                                                        \
        tl_simulated_where = #name;                                                                          \
        die(signal);                                                                                         \
    }
TL_SIM_SITES(SITE)

static void (*const sites[])(int signal) = {
#define ENTRY(name, about) tl_simulated_##name,
    TL_SIM_SITES(ENTRY)
#undef ENTRY
};

struct crash {
    int site, signal;
    const char *thread;
};

void *tl_simulated_runtime(void *argument);
__attribute__((noinline)) void *tl_simulated_runtime(void *argument)
{
    const struct crash *c = argument;
#ifdef __linux__
    char name[16] = ""; /* all that Linux keeps of a thread's name */
    if (c->thread) {
        strncpy(name, c->thread, sizeof name - 1);
        pthread_setname_np(pthread_self(), name);
    }
#else
    if (c->thread)
        pthread_setname_np(c->thread);
#endif
    sites[c->site](c->signal);
    __asm__ volatile("" ::: "memory"); /* the call above is none of the last, which leave no frame */
    return NULL;
}

void tl_sim_crash(int site, int signal, const char *thread)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT};
    struct crash c = {site, signal, thread};
    pthread_t t;
    /* A sanitizer's handlers, where the rest is built with one, would turn the crash into an exit. */
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        (void)sigaction(signals[i], &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    if (!thread || pthread_create(&t, NULL, tl_simulated_runtime, &c))
        tl_simulated_runtime(&c);
    else
        pthread_join(t, NULL);
    abort();
}
