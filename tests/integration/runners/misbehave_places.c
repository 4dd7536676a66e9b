/* What a program that misbehaves does at its places: functions called handled_place_N and fatal_place_N. */
#include "tests/integration/runners/misbehave_places.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

extern void __stack_chk_fail(void);
extern void __assert_fail(const char *, const char *, unsigned, const char *);

struct plan plan;
pthread_t main_thread;
static volatile int zero;

/* --- what the places need ------------------------------------------------------------------------------- */

static void *gone_file(void)
{
    int fd = memfd_create("gone", 0);
    if (fd < 0 || ftruncate(fd, 4096))
        exit(CANNOT);
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED || ftruncate(fd, 0))
        exit(CANNOT);
    return p;
}

static void forbid_a_call(unsigned action)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
        exit(CANNOT);
}

static char *volatile block;

/* Takes all the memory that it can have. The last block is the NULL of the first refusal. */
static void take_all_memory(void)
{
    for (int i = 0; (block = malloc(1 << 20)); i++) {
        if (i == 1024) /* there is no limit */
            exit(CANNOT);
        memset(block, 1, 1 << 20);
    }
}

static void all_descriptors(void)
{
    for (int i = 0; open("/dev/null", O_RDONLY) >= 0; i++)
        if (i == 4096)
            exit(CANNOT);
}

static void too_large_a_file(void)
{
    static char bytes[1 << 16];
    int fd = open("large", O_CREAT | O_TRUNC | O_WRONLY, 0600);
    for (int i = 0; fd >= 0 && i < 64 && write(fd, bytes, sizeof bytes) > 0; i++)
        ;
    close(fd);
    unlink("large");
}

static void flood(void)
{
    static char bytes[1 << 15];
    memset(bytes, 'x', sizeof bytes);
    for (size_t i = 99; i < sizeof bytes; i += 100)
        bytes[i] = '\n';
    for (int i = 0; i < 64; i++)
        if (write(1, bytes, sizeof bytes) < 0 || write(2, bytes, sizeof bytes) < 0)
            return;
}

static void start_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGSEGV};
    struct itimerspec soon = {.it_value.tv_nsec = 1000000};
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &soon, NULL))
        exit(CANNOT);
}

/* A child that is sent SIGABRT when its parent ends. */
static void child_with_death_signal(void)
{
    int ready[2];
    char c;
    if (pipe(ready))
        exit(CANNOT);
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < N_CRASH_SIGNALS; i++)
            signal(crash_signals[i], SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGABRT);
        if (write(ready[1], "", 1) != 1)
            _exit(CANNOT);
        for (;;)
            pause();
    }
    if (pid < 0 || read(ready[0], &c, 1) != 1)
        exit(CANNOT);
    close(ready[0]);
    close(ready[1]);
}

static void leave_an_orphan(void)
{
    if (fork() == 0) {
        setsid();
        for (;;)
            pause();
    }
}

void wait_until_killed(void)
{
    for (;;)
        pause();
}

static void wait_in_vfork(void)
{
    if (vfork() == 0) {
        wait_until_killed();
        _exit(0);
    }
}

/* --- places --------------------------------------------------------------------------------------------- */

/* In line, so that the place is where it happens. */
static inline __attribute__((always_inline)) void misbehave(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    void (*volatile nowhere)(void) = NULL;
    union sigval none = {0};
    char *volatile p;
    switch (plan.behaviour) {
    case TL_null_write:
        *(volatile int *)(uintptr_t)zero = 1;
        break;
    case TL_null_call:
        nowhere();
        break;
    case TL_wild_read:
        (void)*(volatile int *)((uintptr_t)zero + 0x5555000000000000);
        break;
    case TL_stack_overflow: /* by the place itself */
        break;
    case TL_undefined_instruction:
#ifdef __x86_64__
        __asm__ volatile("ud2");
#else
        __asm__ volatile("udf #0");
#endif
        break;
    case TL_breakpoint:
#ifdef __x86_64__
        __asm__ volatile("int3");
#else
        __asm__ volatile("brk #0");
#endif
        break;
    case TL_divide_by_zero:
        zero = 1 / zero;
        break;
    case TL_bus_error:
        p = gone_file();
        *(volatile char *)p = 1;
        break;
    case TL_abort:
        abort();
        break;
    case TL_assertion:
        __assert_fail("it holds", "misbehave.c", 1, "fatal_place");
        break;
    case TL_double_free:
        p = malloc(24);
        free(p);
        free(p);
        break;
    case TL_smashed_stack:
        __stack_chk_fail();
        break;
    case TL_raise_segv:
        raise(SIGSEGV);
        break;
    case TL_raise_bus:
        raise(SIGBUS);
        break;
    case TL_raise_ill:
        raise(SIGILL);
        break;
    case TL_raise_fpe:
        raise(SIGFPE);
        break;
    case TL_raise_trap:
        raise(SIGTRAP);
        break;
    case TL_raise_abrt:
        raise(SIGABRT);
        break;
    case TL_raise_sys:
        raise(SIGSYS);
        break;
    case TL_send_to_thread:
        syscall(SYS_tgkill, getpid(), gettid(), SIGSEGV);
        break;
    case TL_raise_term:
        raise(SIGTERM);
        break;
    case TL_raise_pipe:
        raise(SIGPIPE);
        break;
    case TL_raise_realtime:
        raise(SIGRTMIN + 3);
        break;
    case TL_raise_kill:
        raise(SIGKILL);
        break;
    case TL_send_to_process:
        kill(getpid(), SIGBUS);
        break;
    case TL_queue_to_process:
        sigqueue(getpid(), SIGFPE, none);
        break;
    case TL_send_by_timer:
        start_timer();
        usleep(50000);
        break;
    case TL_send_to_main_thread:
        pthread_kill(main_thread, SIGSEGV);
        break;
    case TL_send_segv_to_group:
        kill(0, SIGSEGV);
        break;
    case TL_send_abrt_to_group:
        killpg(getpgrp(), SIGABRT);
        break;
    case TL_seccomp_kill_process:
        forbid_a_call(SECCOMP_RET_KILL_PROCESS);
        syscall(SYS_getppid);
        break;
    case TL_seccomp_kill_thread:
        forbid_a_call(SECCOMP_RET_KILL_THREAD);
        syscall(SYS_getppid);
        break;
    case TL_seccomp_trap:
        forbid_a_call(SECCOMP_RET_TRAP);
        syscall(SYS_getppid);
        break;
    case TL_exit_0:
        exit(0);
    case TL_exit_3:
        exit(3);
    case TL_exit_at_once:
        _exit(4);
    case TL_end_with_words:
        fprintf(stderr, "error: the 3rd dimension of the input is 7, not 8\n");
        exit(1);
    case TL_memory_then_abort:
        take_all_memory();
        abort();
        break;
    case TL_memory_then_write:
        take_all_memory();
        *(volatile char *)block = 1;
        break;
    case TL_memory_then_exit:
        take_all_memory();
        exit(1);
    case TL_memory_then_words:
        take_all_memory();
        fprintf(stderr, "error: out of memory\n");
        exit(1);
    case TL_descriptors_then_abort:
        all_descriptors();
        abort();
        break;
    case TL_descriptors_then_words:
        all_descriptors();
        fprintf(stderr, "error: cannot open the model: Too many open files\n");
        exit(1);
    case TL_file_too_large:
        too_large_a_file();
        break;
    case TL_flood_then_abort:
        flood();
        abort();
        break;
    case TL_death_signal:
        child_with_death_signal();
        *(volatile int *)(uintptr_t)zero = 1;
        break;
    case TL_orphan_left:
        leave_an_orphan();
        break;
    case TL_hang_pause:
        wait_until_killed();
        break;
    case TL_hang_spin:
        while (!zero)
            ;
        break;
    case TL_hang_lock:
        pthread_mutex_lock(&lock);
        pthread_mutex_lock(&lock);
        break;
    case TL_hang_stopped:
        raise(SIGSTOP);
        break;
    case TL_hang_vfork:
        wait_in_vfork();
        break;
    }
}

/* Recursion as such would be warned of. What is behind the call keeps it from being a jump. */
#define DEFINE_PLACE(n)                                                                                      \
    SEPARATE static void handled_place_##n(void)                                                             \
    {                                                                                                        \
        *(volatile int *)(uintptr_t)zero = 1;                                                                \
    }                                                                                                        \
    SEPARATE static void fatal_place_##n(volatile char *under)                                               \
    {                                                                                                        \
        volatile char room[400];                                                                             \
        room[0] = under ? under[0] : 0;                                                                      \
        if (plan.behaviour == TL_stack_overflow)                                                             \
            fatal_place_##n(room);                                                                           \
        else                                                                                                 \
            misbehave();                                                                                     \
        room[1] = 0;                                                                                         \
    }
DEFINE_PLACE(0)
DEFINE_PLACE(1)
DEFINE_PLACE(2)
DEFINE_PLACE(3)
DEFINE_PLACE(4)
DEFINE_PLACE(5)
DEFINE_PLACE(6)
DEFINE_PLACE(7)

static void (*const handled_places[PLACES])(void) = {
    handled_place_0, handled_place_1, handled_place_2, handled_place_3,
    handled_place_4, handled_place_5, handled_place_6, handled_place_7,
};
static void (*const fatal_places[PLACES])(volatile char *) = {
    fatal_place_0, fatal_place_1, fatal_place_2, fatal_place_3,
    fatal_place_4, fatal_place_5, fatal_place_6, fatal_place_7,
};

void go_to_place(void)
{
    fatal_places[plan.place](NULL);
}

void fault_at_place(int place)
{
    handled_places[place % PLACES]();
}
