/* A program that is made to crash or to stop in one of many ways, each under a chain of calls whose names a
 * test knows: main, outer, middle, inner, and what the mode does below. Usage: crash MODE */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A function of its own that is never inlined; the barrier keeps the call before it from becoming a jump. */
#if defined(__clang__)
#define FUNCTION __attribute__((noinline, used)) static
#else
#define FUNCTION __attribute__((noinline, noclone, used)) static
#endif
#define BARRIER __asm__ volatile("" ::: "memory")

static const char *mode;
static volatile int sink;
static int *volatile null_pointer;

static void die(const char *why)
{
    fprintf(stderr, "crash: %s: %s\n", why, strerror(errno));
    _exit(99);
}

FUNCTION void write_null(void)
{
    *null_pointer = 1;
    BARRIER;
}

FUNCTION void call_null(void)
{
    void (*volatile f)(void) = NULL;
    f();
    BARRIER;
}

FUNCTION void call_wild(void)
{
    void (*volatile f)(void) = (void (*)(void))0x6162636465; /* canonical, not mapped */
    f();
    BARRIER;
}

FUNCTION void call_data(void)
{
    static char data[64];
    void (*volatile f)(void) = (void (*)(void))(uintptr_t)data; /* mapped, not executable */
    f();
    BARRIER;
}

/* Overwrites its own return address and what is saved beside it. Without -fstack-protector nothing notices.
 */
FUNCTION void smash(volatile char *to, int n)
{
    char with = strcmp(mode, "smash-zero") ? 'A' : 0;
    for (int i = 0; i < n; i++)
        to[i] = with;
    BARRIER;
}

FUNCTION void smash_return(void)
{
    /* A buffer that is written over its end: through what was saved above it and the return address, and no
     * further. On arm64 what a function saves is below its buffers, and is written to alone. */
    volatile char buffer[16];
    volatile char *frame = __builtin_frame_address(0), *from = buffer < frame ? buffer : frame;
    smash(from, (int)(frame + 16 - from));
    BARRIER;
}

FUNCTION void smash_low(void)
{
    /* The frame address is where the saved frame pointer is: 16 bytes up are the return address. */
    char *volatile frame = __builtin_frame_address(0);
    static const uint64_t wild[2] = {0x1122334455, 0x1122334455};
    memcpy(frame, wild, sizeof wild);
    BARRIER;
}

FUNCTION int overflow(int depth)
{
    volatile char local[128];
    local[depth % 128] = (char)depth;
    int r = overflow(depth + 1) + local[depth % 128];
    BARRIER;
    return r;
}

FUNCTION void handler(int signal)
{
    sink = signal;
    write_null();
    BARRIER;
}

FUNCTION void signal_raise(void)
{
    struct sigaction a = {.sa_handler = handler};
    sigaction(SIGUSR1, &a, NULL);
    raise(SIGUSR1);
    BARRIER;
}

/* A fault in the middle of code, handled on another stack, where the handler faults. */
FUNCTION void signal_alternate(void)
{
    stack_t s = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    struct sigaction a = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    if (!s.ss_sp || sigaltstack(&s, NULL) || sigaction(SIGFPE, &a, NULL))
        die("sigaltstack");
#if defined(__x86_64__)
    volatile int zero = 0;
    sink = 7 / zero;
#else
    raise(SIGFPE);
#endif
    BARRIER;
}

/* A wild call that a handler sees first: pc at the interruption is no code. */
FUNCTION void signal_wild(void)
{
    struct sigaction a = {.sa_handler = handler};
    sigaction(SIGSEGV, &a, NULL);
    call_wild();
    BARRIER;
}

FUNCTION void jit(int with_frame)
{
#if defined(__x86_64__)
    static const unsigned char bare[] = {0x31, 0xc0, 0x89, 0x00}; /* xor %eax,%eax; mov %eax,(%rax) */
    /* push %rbp; mov %rsp,%rbp; sub $32,%rsp; xor %eax,%eax; mov %eax,(%rax) */
    static const unsigned char framed[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83,
                                           0xec, 0x20, 0x31, 0xc0, 0x89, 0x00};
#else
    static const unsigned char bare[] = {0x00, 0x00, 0x80, 0xd2,
                                         0x00, 0x00, 0x00, 0xf9}; /* mov x0,#0; str x0,[x0] */
    static const unsigned char framed[] = {0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91,
                                           0x00, 0x00, 0x80, 0xd2, 0x00, 0x00, 0x00, 0xf9};
#endif
    char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED)
        die("mmap");
    memcpy(code, with_frame ? framed : bare, with_frame ? sizeof framed : sizeof bare);
    __builtin___clear_cache(code, code + 4096);
    if (mprotect(code, 4096, PROT_READ | PROT_EXEC))
        die("mprotect");
    void (*volatile f)(void) = (void (*)(void))(uintptr_t)code;
    f();
    BARRIER;
}

FUNCTION void vdso(void)
{
    struct timespec *volatile bad = (struct timespec *)8;
    clock_gettime(CLOCK_MONOTONIC, bad);
    BARRIER;
}

static pthread_barrier_t all;

FUNCTION void wait_deep(int depth)
{
    if (depth) {
        wait_deep(depth - 1);
    } else {
        pthread_barrier_wait(&all);
        for (;;)
            pause();
    }
    BARRIER;
}

static void *waiter(void *depth)
{
    wait_deep((int)(long)depth);
    return NULL;
}

FUNCTION void threads(int n)
{
    pthread_barrier_init(&all, NULL, (unsigned)n + 1);
    for (int i = 0; i < n; i++) {
        pthread_t t;
        if (pthread_create(&t, NULL, waiter, (void *)(long)20))
            die("pthread_create");
    }
    pthread_barrier_wait(&all);
    usleep(20000);
    write_null();
    BARRIER;
}

static void *idle(void *arg)
{
    pause();
    return arg;
}

FUNCTION void new_thread(void)
{
    pthread_t t;
    if (pthread_create(&t, NULL, idle, NULL))
        die("pthread_create");
    pthread_join(t, NULL);
    BARRIER;
}

FUNCTION void mappings(void)
{
    /* Pages that differ in protection do not merge. */
    for (int i = 0; i < 5000; i++)
        if (mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
            die("mmap");
    write_null();
    BARRIER;
}

FUNCTION void deep(int depth)
{
    if (depth)
        deep(depth - 1);
    else
        write_null();
    BARRIER;
}

/* The stack pointer itself is wild: nothing can be unwound. */
FUNCTION void no_stack(void)
{
#if defined(__x86_64__)
    __asm__ volatile("mov $0x1000, %%rsp; mov %%eax, 0" ::: "memory");
#else
    __asm__ volatile("mov x9, #0x1000; mov sp, x9; mov x10, #0; str x9, [x10]" ::: "memory", "x9", "x10");
#endif
}

FUNCTION void fill_with_noise(volatile uint64_t *at)
{
    uint64_t x = 88172645463325252u;
    for (int i = 0; i < 64; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        at[i] = x;
    }
    BARRIER;
}

/* The stack from the saved registers on turns to noise, return addresses and all, and variables where they are above. */
FUNCTION void noise(void)
{
    fill_with_noise(__builtin_frame_address(0));
    write_null();
    BARRIER;
}

FUNCTION void inner(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } plain[] = {
        {"null", write_null},
        {"call-null", call_null},
        {"call-wild", call_wild},
        {"call-data", call_data},
        {"smash", smash_return},
        {"smash-zero", smash_return},
        {"smash-low", smash_low},
        {"signal", signal_raise},
        {"signal-alternate", signal_alternate},
        {"signal-wild", signal_wild},
        {"vdso", vdso},
        {"new-thread", new_thread},
        {"mappings", mappings},
        {"abort", abort},
        {"no-stack", no_stack},
        {"noise", noise},
    };
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (!strcmp(mode, plain[i].name))
            plain[i].run();
    if (!strcmp(mode, "overflow")) {
        /* Enough for thousands of frames, which a processor that is emulated leaves in the time that a stack may take. */
        setrlimit(RLIMIT_STACK, &(struct rlimit){1 << 20, RLIM_INFINITY});
        sink = overflow(0);
    }
    if (!strcmp(mode, "jit") || !strcmp(mode, "jit-frame"))
        jit(!strcmp(mode, "jit-frame"));
    if (!strncmp(mode, "threads-", 8))
        threads(atoi(mode + 8));
    if (!strncmp(mode, "deep-", 5))
        deep(atoi(mode + 5));
    BARRIER;
}

FUNCTION void middle(void)
{
    inner();
    BARRIER;
}

FUNCTION void outer(void)
{
    middle();
    BARRIER;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    mode = argv[1];
    outer();
    fprintf(stderr, "crash: %s did not\n", mode);
    return 3;
}
