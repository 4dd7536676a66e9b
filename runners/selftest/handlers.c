/* Processes that meddle with their own signals.
 *
 * main.c calls these and they call main.c, which selftest.h explains. */
#include "runners/selftest/selftest.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sigjmp_buf escape;
static volatile int *volatile nowhere;

static void handle(int signal, void (*handler)(int), int flags)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = handler;
    a.sa_flags = flags;
    sigaction(signal, &a, NULL);
}

static void jump_out(int signal)
{
    siglongjmp(escape, 1);
}

static void raise_again(int signal)
{
    handle(signal, SIG_DFL, 0);
    raise(signal); /* blocked until this handler returns */
}

static void leave_with_1(int signal)
{
    _exit(1);
}

static void mask(int how, int signal)
{
    sigset_t set;
    if (signal) {
        sigemptyset(&set);
        sigaddset(&set, signal);
    } else {
        sigfillset(&set);
    }
    pthread_sigmask(how, &set, NULL);
}

int tl_selftest_handler_recovers(const struct tl_selftest *t)
{
    handle(SIGSEGV, jump_out, 0);
    if (!sigsetjmp(escape, 1))
        *nowhere = 1;
    handle(SIGSEGV, SIG_DFL, 0);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_handler_reraises(const struct tl_selftest *t)
{
    handle(SIGSEGV, raise_again, 0);
    *nowhere = 1;
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_handler_exits(const struct tl_selftest *t)
{
    handle(SIGSEGV, leave_with_1, 0);
    *nowhere = 1;
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_handler_alternate_stack(const struct tl_selftest *t)
{
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&stack, NULL);
    handle(SIGSEGV, raise_again, SA_ONSTACK);
    struct tl_selftest endless = {t->run, 0, 0};
    return tl_selftest_stack_overflow(&endless);
}

int tl_selftest_abort_ignored(const struct tl_selftest *t)
{
    handle(SIGABRT, SIG_IGN, 0);
    abort();
}

int tl_selftest_abort_blocked(const struct tl_selftest *t)
{
    mask(SIG_BLOCK, SIGABRT);
    abort();
}

int tl_selftest_raise_masked(const struct tl_selftest *t)
{
    mask(SIG_BLOCK, SIGABRT);
    raise(SIGABRT);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_fault_while_blocked(const struct tl_selftest *t)
{
    mask(SIG_BLOCK, 0);
    *nowhere = 1;
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_fault_while_ignored(const struct tl_selftest *t)
{
    handle(SIGSEGV, SIG_IGN, 0);
    *nowhere = 1;
    return TL_SELFTEST_GO_ON;
}
