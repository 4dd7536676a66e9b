/* Programs that die, or do not, in ways that are hard to tell from one another: dying NAME. test_dying.c says what is
 * right of each. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

static sigjmp_buf back;

NOINLINE static void probe(volatile int *p)
{
    *p = 1;
}

NOINLINE static void real_fault(volatile int *p)
{
    *p = 2;
}

NOINLINE static long forbidden_call(void)
{
    long r = syscall(SYS_getppid);
    __asm__ volatile("" ::: "memory"); /* no tail call */
    return r;
}

NOINLINE static void gives_up(void)
{
    abort();
}

NOINLINE static void raises(void)
{
    raise(SIGSEGV);
    __asm__ volatile("" ::: "memory");
}

/* --- handlers --- */

static void on_probe(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

static void restores(int number)
{
    signal(number, SIG_DFL);
}

static void raises_again(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

static void kills_itself(int number)
{
    signal(number, SIG_DFL);
    kill(getpid(), number);
}

static void exits(int number)
{
    _exit(number);
}

/* Lives on faults that it handles. */
static void live_on(int times)
{
    signal(SIGSEGV, on_probe);
    for (volatile int i = 0; i < times; i++)
        if (!sigsetjmp(back, 1))
            probe((int *)8);
}

/* After faults that it lived on, one that it does not. */
static void fault_after(int times, void (*handler)(int))
{
    live_on(times);
    signal(SIGSEGV, handler);
    real_fault((int *)16);
}

static void handled_few(void)
{
    fault_after(2, SIG_DFL);
}

static void handled(void)
{
    fault_after(900, SIG_DFL);
}

static void handled_restored(void)
{
    fault_after(9, restores);
}

static void handled_raised(void)
{
    fault_after(2, raises_again);
}

static void handled_raised_late(void)
{
    fault_after(9, kills_itself);
}

static void raised_elsewhere(void)
{
    live_on(2);
    signal(SIGSEGV, SIG_DFL);
    raises();
}

static void blocked(void)
{
    sigset_t set;
    live_on(9);
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    sigprocmask(SIG_BLOCK, &set, NULL);
    real_fault((int *)16);
}

static void ignored(void)
{
    fault_after(9, SIG_IGN);
}

static void survived(void)
{
    live_on(900);
    _exit(0);
}

/* One that lives on signals may run where it could before, and so may what it makes. */
static void roams(void)
{
    cpu_set_t before, now;
    int status = 0;
    sched_getaffinity(0, sizeof before, &before);
    live_on(900);
    pid_t pid = fork();
    if (!pid)
        _exit(sched_getaffinity(0, sizeof now, &now) || !CPU_EQUAL(&before, &now));
    waitpid(pid, &status, 0);
    sched_getaffinity(0, sizeof now, &now);
    bool own = CPU_EQUAL(&before, &now);
    live_on(900);
    usleep(300000);
    sched_getaffinity(0, sizeof now, &now);
    _exit(status || !own || !CPU_EQUAL(&before, &now));
}

static void still(void)
{
    live_on(200);
    for (;;)
        pause();
}

static void handler_exits(void)
{
    fault_after(9, exits);
}

static void says_so(int number)
{
    _exit(128 + number);
}

static void handler_says_so(void)
{
    fault_after(2, says_so);
}

static void handler_says_so_late(void)
{
    fault_after(9, says_so);
}

/* --- children --- */

static void many_children(void)
{
    for (int i = 0; i < 30; i++) {
        if (!fork())
            gives_up();
        wait(NULL);
    }
    real_fault((int *)16);
}

static void child(void)
{
    if (!fork())
        real_fault((int *)16);
    wait(NULL);
    _exit(0);
}

/* Workers see the end of the pipe when their leader is gone. */
static void leader(void)
{
    int ends[2];
    char c;
    if (pipe(ends))
        _exit(1);
    for (int i = 0; i < 4; i++)
        if (!fork()) {
            close(ends[1]);
            if (read(ends[0], &c, 1) == 0)
                abort();
        }
    gives_up();
}

static void leader_is_told(void)
{
    for (int i = 0; i < 4; i++)
        if (!fork()) {
            prctl(PR_SET_PDEATHSIG, SIGABRT);
            for (;;)
                pause();
        }
    usleep(20000);
    gives_up();
}

/* The one that fails is a sibling of those that notice; their parent only tells that something failed. */
static void siblings(void)
{
    int ends[2], status, bad = 0;
    char c;
    if (pipe(ends))
        _exit(1);
    for (int i = 0; i < 4; i++)
        if (!fork()) {
            close(ends[1]);
            if (read(ends[0], &c, 1) == 0)
                probe((int *)8);
        }
    if (!fork())
        real_fault((int *)16);
    close(ends[1]);
    while (wait(&status) > 0)
        bad |= status;
    _exit(bad ? 1 : 0);
}

static void one_after_the_other(void)
{
    int status;
    if (!fork())
        probe((int *)8);
    wait(&status);
    if (!fork())
        real_fault((int *)16);
    wait(&status);
    _exit(128 + WTERMSIG(status));
}

/* --- killed without a stop --- */

static void filter(unsigned action)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog all = {4, program};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all);
}

static void *idle(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void *forbidden(void *unused)
{
    forbidden_call();
    return unused;
}

static pthread_t thread(void *(*f)(void *))
{
    pthread_t t;
    if (pthread_create(&t, NULL, f, NULL))
        _exit(1);
    return t;
}

static void filtered(void)
{
    filter(SECCOMP_RET_KILL_PROCESS);
    forbidden_call();
}

static void filtered_after_handling(void)
{
    signal(SIGSYS, on_probe);
    live_on(3);
    filter(SECCOMP_RET_KILL_PROCESS);
    forbidden_call();
}

static void filtered_among_threads(void)
{
    for (int i = 0; i < 3; i++)
        thread(idle);
    filter(SECCOMP_RET_KILL_PROCESS);
    thread(forbidden);
    idle(NULL);
}

static void filtered_thread(void)
{
    filter(SECCOMP_RET_KILL_THREAD);
    pthread_join(thread(forbidden), NULL);
    _exit(0);
}

/* --- threads --- */

static volatile pid_t worker;

static void *worker_faults(void *unused)
{
    worker = gettid();
    real_fault((int *)16);
    return unused;
}

/* The main thread exits as soon as it sees that the worker stands at its fault. */
static void exits_meanwhile(void)
{
    char path[64], text[512];
    thread(worker_faults);
    while (!worker)
        ;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)worker);
    for (;;) {
        int fd = open(path, O_RDONLY);
        ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        close(fd);
        text[n < 0 ? 0 : n] = '\0';
        if (strstr(text, ") t ") || !n)
            _exit(0);
    }
}

static int deeper(volatile char *p, int n)
{
    volatile char b[512];
    b[n & 511] = *p;
    return deeper((char *)b, n + 1) + b[3];
}

static void *overflows(void *unused)
{
    static char stack[1 << 16];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = restores, .sa_flags = SA_ONSTACK};
    volatile char c = 0;
    sigaltstack(&alternate, NULL);
    sigaction(SIGSEGV, &action, NULL);
    deeper(&c, 0);
    return unused;
}

static void overflow(void)
{
    pthread_join(thread(overflows), NULL);
}

static void *faults_later(void *unused)
{
    usleep(50000);
    real_fault((int *)16);
    return unused;
}

static void main_thread_gone(void)
{
    thread(faults_later);
    pthread_exit(NULL);
}

/* --- the first process of a pid namespace --- */

static void as_first(void (*f)(void))
{
    int status;
    pid_t pid = unshare(CLONE_NEWPID) ? -1 : fork();
    if (!pid) {
        f();
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        _exit(77);
    _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void fault(void)
{
    real_fault((int *)16);
}

static void sends_itself_signals(void)
{
    kill(getpid(), SIGSEGV);
    raise(SIGTRAP);
}

static void in_a_thread(void)
{
    thread(idle);
    thread(faults_later);
    idle(NULL);
}

static void first_faults(void)
{
    as_first(fault);
}

static void first_lives_on_faults(void)
{
    as_first(handled);
}

static void first_faults_in_a_thread(void)
{
    as_first(in_a_thread);
}

static void first_is_sent_signals(void)
{
    as_first(sends_itself_signals);
}

#define WAY(name)                                                                                            \
    {                                                                                                        \
#name, name                                                                                          \
    }

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } ways[] = {
        WAY(handled_few),
        WAY(handled),
        WAY(handled_restored),
        WAY(handled_raised),
        WAY(handled_raised_late),
        WAY(raised_elsewhere),
        WAY(blocked),
        WAY(ignored),
        WAY(survived),
        WAY(roams),
        WAY(still),
        WAY(handler_exits),
        WAY(handler_says_so),
        WAY(handler_says_so_late),
        WAY(many_children),
        WAY(child),
        WAY(leader),
        WAY(leader_is_told),
        WAY(siblings),
        WAY(one_after_the_other),
        WAY(filtered),
        WAY(filtered_after_handling),
        WAY(filtered_among_threads),
        WAY(filtered_thread),
        WAY(exits_meanwhile),
        WAY(overflow),
        WAY(main_thread_gone),
        WAY(first_faults),
        WAY(first_lives_on_faults),
        WAY(first_faults_in_a_thread),
        WAY(first_is_sent_signals),
    };
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++)
        if (!strcmp(argv[1], ways[i].name))
            ways[i].run();
    return 99;
}
