/* Faults and fatal signals. Pointers are volatile so that the compiler cannot see what is wrong with them. */
#include "runners/selftest/selftest.h"

#undef NDEBUG /* the assertion below is what is wanted */
#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WILD 0x0000141414141410 /* canonical, and never mapped in practice */

static volatile int *volatile nowhere;
static volatile int *volatile wild = (volatile int *)WILD;
static void (*volatile call_nowhere)(void);
static void (*volatile call_wild)(void) = (void (*)(void))WILD;

static int not_reached(const struct tl_selftest *t)
{
    tl_run_error(t->run, "selftest", "survived", "this should have been fatal");
    return TL_SELFTEST_OVER;
}

int tl_selftest_null_read(const struct tl_selftest *t)
{
    int value = *nowhere;
    return value + not_reached(t);
}

int tl_selftest_operator_crash(const struct tl_selftest *t)
{
    tl_run_operator(t->run, "first", "Conv");
    tl_run_operator(t->run, "second", "Softmax");
    int value = *nowhere;
    return value + not_reached(t);
}

int tl_selftest_null_write(const struct tl_selftest *t)
{
    *nowhere = 1;
    return not_reached(t);
}

int tl_selftest_wild_read(const struct tl_selftest *t)
{
    int value = *wild;
    return value + not_reached(t);
}

int tl_selftest_wild_write(const struct tl_selftest *t)
{
    *wild = 1;
    return not_reached(t);
}

int tl_selftest_readonly_write(const struct tl_selftest *t)
{
    volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *page = 1;
    return not_reached(t);
}

int tl_selftest_null_jump(const struct tl_selftest *t)
{
    call_nowhere();
    return not_reached(t);
}

int tl_selftest_wild_jump(const struct tl_selftest *t)
{
    call_wild();
    return not_reached(t);
}

int tl_selftest_data_jump(const struct tl_selftest *t)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void (*volatile call)(void) = (void (*)(void))(uintptr_t)page;
    call();
    return not_reached(t);
}

int tl_selftest_bus_error(const struct tl_selftest *t)
{
    FILE *empty = tmpfile();
    volatile char *page = empty ? mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(empty), 0) : MAP_FAILED;
    if (page == MAP_FAILED) {
        tl_run_error(t->run, "selftest", "bus", "cannot map an empty file: errno %d", errno);
        return TL_SELFTEST_OVER;
    }
    char value = *page;
    return value + not_reached(t);
}

int tl_selftest_illegal_instruction(const struct tl_selftest *t)
{
#if defined __x86_64__ || defined __i386__
    __asm__ volatile("ud2");
#elif defined __aarch64__
    __asm__ volatile("udf #0");
#else
    raise(SIGILL);
#endif
    return not_reached(t);
}

int tl_selftest_builtin_trap(const struct tl_selftest *t)
{
    __builtin_trap();
}

int tl_selftest_breakpoint(const struct tl_selftest *t)
{
#if defined __x86_64__ || defined __i386__
    __asm__ volatile("int3");
#elif defined __aarch64__
    __asm__ volatile("brk #0");
#else
    raise(SIGTRAP);
#endif
    return not_reached(t);
}

int tl_selftest_divide_by_zero(const struct tl_selftest *t)
{
#if defined __x86_64__ || defined __i386__
    volatile int one = 1, zero = 0;
    one = one / zero;
#else
    raise(SIGFPE);
#endif
    return not_reached(t);
}

int tl_selftest_abort(const struct tl_selftest *t)
{
    abort();
}

int tl_selftest_bad_syscall(const struct tl_selftest *t)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof rules / sizeof rules[0], .filter = rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        tl_run_error(t->run, "selftest", "seccomp", "no filter can be set here: errno %d", errno);
        return TL_SELFTEST_OVER;
    }
    syscall(SYS_getpriority, 0, 0);
    return not_reached(t);
}

int tl_selftest_assert_failure(const struct tl_selftest *t)
{
    volatile int dimensions = 7;
    assert(dimensions == 4 && "a tensor of four dimensions");
    return not_reached(t);
}

int tl_selftest_terminate_message(const struct tl_selftest *t)
{
    fputs("terminate called after throwing an instance of 'std::runtime_error'\n"
          "  what():  a tensor has 7 dimensions where 4 were expected\n",
          stderr);
    abort();
}

static int send_itself(const struct tl_selftest *t, int signal)
{
    kill(getpid(), signal);
    /* Another thread may be the one that takes it. */
    nanosleep(&(struct timespec){.tv_sec = 5}, NULL);
    return not_reached(t);
}

#define RAISE_AND_KILL(name, signal)                                                                         \
    int tl_selftest_raise_##name(const struct tl_selftest *t)                                                \
    {                                                                                                        \
        raise(signal);                                                                                       \
        return not_reached(t);                                                                               \
    }                                                                                                        \
    int tl_selftest_kill_##name(const struct tl_selftest *t)                                                 \
    {                                                                                                        \
        return send_itself(t, signal);                                                                       \
    }
RAISE_AND_KILL(segv, SIGSEGV)
RAISE_AND_KILL(bus, SIGBUS)
RAISE_AND_KILL(ill, SIGILL)
RAISE_AND_KILL(trap, SIGTRAP)
RAISE_AND_KILL(fpe, SIGFPE)
RAISE_AND_KILL(abrt, SIGABRT)
RAISE_AND_KILL(sys, SIGSYS)

int tl_selftest_sigkill(const struct tl_selftest *t)
{
    return send_itself(t, SIGKILL);
}

int tl_selftest_sigterm(const struct tl_selftest *t)
{
    return send_itself(t, SIGTERM);
}
