/* Programs that handle faults by the ten thousand, and what they do then: storm NAME. test_storm.c says what is right. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

static _Thread_local sigjmp_buf back;
static _Thread_local volatile unsigned handled;
static volatile uintptr_t nowhere = 16;
static unsigned faults = 20000;

NOINLINE static void probe(void)
{
    *(volatile int *)nowhere = 1;
}

NOINLINE static void real_fault(void)
{
    *(volatile int *)nowhere = 2;
}

NOINLINE static void gives_up(void)
{
    abort();
}

NOINLINE static void traps(void)
{
    __builtin_trap();
}

static int is_traced(void)
{
    char line[256];
    int traced = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "TracerPid:", 10))
            traced = atoi(line + 10);
    if (f)
        fclose(f);
    return traced;
}

NOINLINE static void computes_for_ever(void)
{
    for (volatile unsigned i = 0;; i++)
        ;
}

static void on_probe(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (signal != SIGSEGV || (uintptr_t)info->si_addr != nowhere || info->si_code != SEGV_MAPERR)
        _exit(9);
    handled++;
    siglongjmp(back, 1);
}

static void handle(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_sigaction = handler;
    a.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &a, NULL);
}

static void storm(unsigned n)
{
    unsigned before = handled;
    for (volatile unsigned i = 0; i < n; i++)
        if (!sigsetjmp(back, 0))
            probe();
    if (handled - before != n)
        _exit(10);
}

static void *storms(void *unused)
{
    storm(faults);
    return unused;
}

static atomic_bool main_has_stormed;

/* The signal's action is that of all threads: another one that still lived on faults could be the one that dies. */
static void *storms_and_dies(void *unused)
{
    storm(faults);
    while (!main_has_stormed)
        usleep(1000);
    signal(SIGSEGV, SIG_DFL);
    real_fault();
    return unused;
}

static void restores(void)
{
    signal(SIGSEGV, SIG_DFL);
    real_fault();
}

static void restore_and_return(int signal_number, siginfo_t *info, void *context)
{
    if (handled < faults)
        on_probe(signal_number, info, context);
    signal(SIGSEGV, SIG_DFL);
}

static void returns(void)
{
    handle(restore_and_return);
    handled = 0;
    storm(faults);
    real_fault();
}

static void traps_untraced(void)
{
    for (int i = 0; i < 10; i++) {
        if (!is_traced())
            traps();
        storm(faults / 10);
    }
}

static void in_a_child(void)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        signal(SIGSEGV, SIG_DFL);
        real_fault();
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
        _exit(11);
    raise(SIGABRT);
}

static void child_storms(void)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        storm(faults);
        restores();
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
        _exit(11);
    _exit(128 + WTERMSIG(status));
}

static void child_exits(void)
{
    for (int i = 0; i < 3; i++) {
        int status;
        pid_t pid = fork();
        if (!pid) {
            storm(faults);
            _exit(5);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 5)
            _exit(11);
    }
}

static void executes(void)
{
    char *const argv[] = {"storm", "dies", NULL};
    execv("/proc/self/exe", argv);
    _exit(12);
}

static void thread_dies(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, storms_and_dies, NULL);
    storm(faults);
    main_has_stormed = true;
    pthread_join(thread, NULL);
}

static void many_threads(void)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        if (pthread_create(&threads[i], NULL, storms, NULL))
            _exit(13);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
}

static void many_threads_then_dies(void)
{
    many_threads();
    restores();
}

static void *exits(void *unused)
{
    storm(faults / 4);
    exit(0);
    return unused;
}

static void thread_exits(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, exits, NULL);
    for (;;)
        storm(100);
}

static void stopped(void)
{
    pid_t pid = fork();
    if (!pid) {
        storm(5 * faults);
        _exit(0);
    }
    usleep(60000);
    kill(pid, SIGSTOP);
    int status;
    if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
        _exit(14);
    usleep(20000);
    kill(pid, SIGCONT);
    if (waitpid(pid, &status, 0) != pid || status)
        _exit(15);
}

static void allocates(void)
{
    for (int i = 0; i < 20; i++) {
        storm(faults / 10);
        void *p = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        void *q = mmap(NULL, 1ull << 36, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                       -1, 0);
        if (p == MAP_FAILED || q == MAP_FAILED)
            _exit(16);
        memset(p, 1, 8 << 20);
        munmap(p, 8 << 20);
        munmap(q, 1ull << 36);
    }
}

static void asks(void)
{
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "SigBlk:", 7) && strtoull(line + 7, NULL, 16))
            _exit(17);
    if (f)
        fclose(f);
    for (int fd = 4; fd < 64; fd++) /* the runner of steps may have passed one on */
        if (fcntl(fd, F_GETFD) >= 0)
            _exit(18);
}

static void hangs(void)
{
    computes_for_ever();
}

static void never_ends(void)
{
    for (;;)
        storm(faults);
}

static void passes(void)
{
}

static const struct {
    const char *name;
    void (*then)(void);
} ways[] = {
    {"passes", passes},
    {"restores", restores},
    {"returns", returns},
    {"aborts", gives_up},
    {"traps", traps},
    {"traps_untraced", traps_untraced},
    {"in_a_child", in_a_child},
    {"child_storms", child_storms},
    {"child_exits", child_exits},
    {"executes", executes},
    {"thread_dies", thread_dies},
    {"many_threads", many_threads},
    {"many_threads_then_dies", many_threads_then_dies},
    {"thread_exits", thread_exits},
    {"stopped", stopped},
    {"allocates", allocates},
    {"asks", asks},
    {"hangs", hangs},
    {"never_ends", never_ends},
};

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "", *slower = getenv("TRAPLINE_TESTS_SLOWER");
    /* A thread is let go after a thousand. */
    if (slower && atoi(slower) > 1)
        faults = atoi(slower) < 10 ? faults / (unsigned)atoi(slower) : faults / 10;
    if (!strcmp(name, "dies"))
        real_fault();
    handle(on_probe);
    storm(faults);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (!strcmp(name, ways[i].name)) {
            ways[i].then();
            return 0;
        }
    return 2;
}
