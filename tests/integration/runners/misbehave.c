/* Misbehaves in the way that its argument says (misbehave.h). It handles the faults before the one that matters at
 * functions called handled_place_N, and does what matters in one called fatal_place_N, so that a stack tells which
 * of them it is of. Whatever it survives ends with status 0. */
#include "tests/integration/runners/misbehave_places.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *program, *plan_text;

static _Thread_local sigjmp_buf survived, handled;
static _Thread_local volatile sig_atomic_t can_survive;
static volatile sig_atomic_t returns;
static atomic_int about_to_fault, finished;
static volatile int zero;
/* --- handlers ------------------------------------------------------------------------------------------- */

static void unblock(int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

SEPARATE static void fault_in_handler(void)
{
    *(volatile int *)(uintptr_t)zero = 1;
}

static void on_crash(int n)
{
    switch (plan.handler) {
    case TL_default_and_return:
        signal(n, SIG_DFL);
        break;
    case TL_gives_up:
        if (++returns > 3)
            signal(n, SIG_DFL);
        break;
    case TL_raise_again:
        signal(n, SIG_DFL);
        raise(n);
        break;
    case TL_kill_again:
        signal(n, SIG_DFL);
        unblock(n);
        kill(getpid(), n);
        break;
    case TL_jump_out:
        if (can_survive)
            siglongjmp(survived, 1);
        _exit(5);
    case TL_exit_from_handler:
        _exit(6);
    case TL_exit_well:
        _exit(0);
    case TL_fault_again:
        fault_in_handler();
        break;
    case TL_abort_in_handler:
        signal(SIGABRT, SIG_DFL);
        abort();
    default: /* once: SA_RESETHAND has put the default back */
        break;
    }
}

static void install(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t set;
    sigemptyset(&set);
    bool blocks = plan.handler == TL_blocked || plan.handler == TL_blocked_and_ignored;
    if (plan.handler == TL_ignored || plan.handler == TL_blocked_and_ignored)
        action.sa_handler = SIG_IGN;
    else if (plan.handler != TL_none && !blocks)
        action.sa_handler = on_crash;
    action.sa_flags =
        (plan.stack == TL_alternate ? SA_ONSTACK : 0) | (plan.handler == TL_once ? SA_RESETHAND : 0);
    for (size_t i = 0; i < N_CRASH_SIGNALS; i++) {
        sigaction(crash_signals[i], &action, NULL);
        sigaddset(&set, crash_signals[i]);
    }
    if (blocks)
        pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void use_alternate_stack(void)
{
    stack_t stack = {.ss_size = 65536};
    stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL))
        exit(CANNOT);
}

static void on_handled(int n)
{
    (void)n;
    siglongjmp(handled, 1);
}

/* Faults that it lives with, as virtual machines do. */
static void handle_faults(int n)
{
    struct sigaction action = {.sa_handler = on_handled};
    sigaction(SIGSEGV, &action, NULL);
    for (volatile int i = 0; i < n; i++)
        if (sigsetjmp(handled, 1) == 0)
            fault_at_place(plan.place + 1 + i % 3);
    signal(SIGSEGV, SIG_DFL);
}

static volatile sig_atomic_t lives_on_faults;

static void on_another_kind(int n)
{
    if (lives_on_faults)
        siglongjmp(handled, 1);
    signal(n, SIG_DFL);
}

static void undefined_instruction(void)
{
#ifdef __x86_64__
    __asm__ volatile("ud2");
#else
    __asm__ volatile("udf #0");
#endif
}

static void live_on_faults(int n)
{
    struct sigaction action = {.sa_handler = on_another_kind, .sa_flags = SA_NODEFER};
    sigaction(SIGILL, &action, NULL);
    lives_on_faults = 1;
    for (volatile int i = 0; i < n; i++)
        if (sigsetjmp(handled, 0) == 0)
            undefined_instruction();
    lives_on_faults = 0;
}

/* What comes before: it changes what counts for all threads, so it is done once. */
static void prepare(void)
{
    if (plan.moment == TL_after_1_fault)
        handle_faults(1);
    else if (plan.moment == TL_after_4_faults)
        handle_faults(4);
    else if (plan.moment == TL_after_30_faults)
        handle_faults(30);
    else if (plan.moment == TL_after_3000_faults)
        handle_faults(3000);
    install();
    if (plan.moment == TL_among_faults)
        live_on_faults(3000);
}

/* --- moments -------------------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* Exits well so long after another thread goes to its place. */
static void *exit_beside(void *unused)
{
    (void)unused;
    int64_t delay = plan.moment == TL_exit_after_1ms     ? 1000000
                    : plan.moment == TL_exit_after_100us ? 100000
                                                         : 0;
    while (!about_to_fault)
        ;
    for (int64_t end = now_ns() + delay; now_ns() < end;)
        ;
    _exit(0);
}

static bool exits_beside(void)
{
    return plan.moment == TL_exit_beside || plan.moment == TL_exit_after_100us ||
           plan.moment == TL_exit_after_1ms;
}

static pthread_t start(void *(*run)(void *))
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    if (pthread_create(&thread, &attributes, run, NULL))
        _exit(CANNOT);
    pthread_attr_destroy(&attributes);
    return thread;
}

static int compare(const void *a, const void *b)
{
    go_to_place();
    return (a > b) - (a < b);
}

static void on_user_signal(int n)
{
    (void)n;
    go_to_place();
}

static void approach(void)
{
    int pair[2] = {2, 1};
    switch (plan.moment) {
    case TL_after_output:
        for (int i = 0; i < 50; i++) {
            printf("layer %d of 50 is done\n", i);
            fprintf(stderr, "[info] layer %d of 50\n", i);
        }
        fflush(stdout);
        go_to_place();
        break;
    case TL_after_sleep:
        usleep(3000);
        go_to_place();
        break;
    case TL_in_atexit:
        atexit(go_to_place);
        exit(0);
    case TL_in_callback:
        qsort(pair, 2, sizeof *pair, compare);
        break;
    case TL_in_handler:
        signal(SIGUSR1, on_user_signal);
        raise(SIGUSR1);
        break;
    default:
        about_to_fault = 1;
        go_to_place();
    }
}

/* All of what the thread does that goes to the place. */
static void act(bool prepares)
{
    if (plan.stack == TL_alternate)
        use_alternate_stack();
    if (prepares)
        prepare();
    if (sigsetjmp(survived, 1) == 0) {
        can_survive = 1;
        approach();
    }
    can_survive = 0;
    finished = 1;
}

/* --- threads -------------------------------------------------------------------------------------------- */

static sem_t second_ended;
static pthread_barrier_t both;

static void *idle(void *unused)
{
    wait_until_killed();
    return unused;
}

static void *work(void *unused)
{
    act(true);
    return unused;
}

/* The main thread's end takes a while, which depends on who looks on. */
static void wait_for_end_of_main(void)
{
    char line[256];
    const char *after = NULL;
    while (!after || after[1] != ' ' || after[2] != 'Z') {
        int fd = open("/proc/self/stat", O_RDONLY);
        ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
        close(fd);
        line[n > 0 ? n : 0] = '\0';
        after = strrchr(line, ')');
        usleep(100);
    }
}

static void *work_and_exit(void *unused)
{
    wait_for_end_of_main();
    act(true);
    exit(0);
    return unused;
}

static void *work_together(void *unused)
{
    pthread_barrier_wait(&both);
    act(false);
    return unused;
}

static void *nothing(void *unused)
{
    return unused;
}

static void *churn(void *unused)
{
    while (!finished)
        pthread_join(start(nothing), NULL);
    return unused;
}

static void *second(void *unused)
{
    usleep(500);
    act(true);
    sem_post(&second_ended);
    return unused;
}

static void *first(void *unused)
{
    pthread_detach(start(second));
    return unused;
}

static void act_in_threads(void)
{
    pthread_t a, b;
    bool main_exits = exits_beside() && (plan.threads == TL_worker || plan.threads == TL_worker_beside_busy);
    if (exits_beside() && !main_exits)
        start(exit_beside);
    switch (plan.threads) {
    case TL_alone:
        act(true);
        break;
    case TL_beside_idle:
        for (int i = 0; i < 3; i++)
            start(idle);
        act(true);
        break;
    case TL_worker:
    case TL_worker_beside_busy:
        a = start(work);
        if (main_exits)
            exit_beside(NULL);
        while (plan.threads == TL_worker_beside_busy && !finished && pthread_tryjoin_np(a, NULL))
            ;
        if (plan.threads == TL_worker)
            pthread_join(a, NULL);
        break;
    case TL_main_gone:
        start(work_and_exit);
        pthread_exit(NULL);
    case TL_two_at_once:
        prepare();
        pthread_barrier_init(&both, NULL, 2);
        a = start(work_together);
        b = start(work_together);
        pthread_join(a, NULL);
        pthread_join(b, NULL);
        break;
    case TL_beside_churn:
        a = start(churn);
        b = start(churn);
        act(true);
        pthread_join(a, NULL);
        pthread_join(b, NULL);
        break;
    case TL_second_generation:
        sem_init(&second_ended, 0, 0);
        pthread_join(start(first), NULL);
        while (sem_wait(&second_ended))
            ;
        break;
    }
}

/* --- processes ------------------------------------------------------------------------------------------ */

static void set_limit(int which, rlim_t value)
{
    struct rlimit limit = {value, value};
    setrlimit(which, &limit);
}

/* Those that are the supervisor's to set are not set here. */
static void set_limits(void)
{
    if (plan.limit == TL_descriptors)
        set_limit(RLIMIT_NOFILE, 24);
    else if (plan.limit == TL_small_stack)
        set_limit(RLIMIT_STACK, 256 << 10);
    else if (plan.limit == TL_address_space)
        set_limit(RLIMIT_AS, 512 << 20);
}

/* Status 0 unless something else ends it. */
__attribute__((noreturn)) static void act_and_exit(void)
{
    set_limits();
    act_in_threads();
    fflush(NULL);
    _exit(0);
}

static int status_of_child(void (*run)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    int status;
    if (pid < 0)
        exit(CANNOT);
    if (pid == 0) {
        run();
        _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            exit(CANNOT);
    return status;
}

SEPARATE static void child_place(void)
{
    abort();
}

static void act_in_session(void)
{
    setsid();
    act_and_exit();
}

/* As shells do. */
static void exit_like(int status)
{
    exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void act_in_grandchild(void)
{
    exit_like(status_of_child(act_and_exit));
}

static void *execute(void *unused)
{
    char text[256];
    const char *rest = strchr(strchr(plan_text, '/') + 1, '/');
    snprintf(text, sizeof text, "%.*s/self%s", (int)(strchr(plan_text, '/') - plan_text), plan_text, rest);
    execl(program, program, text, NULL);
    exit(CANNOT);
    return unused;
}

static void act_in_process(void)
{
    int status;
    switch (plan.process) {
    case TL_self:
        act_and_exit();
    case TL_child_ignored:
        status_of_child(act_and_exit);
        exit(0);
    case TL_child_128:
        exit_like(status_of_child(act_and_exit));
        break;
    case TL_child_fails:
        status = status_of_child(act_and_exit);
        exit(WIFSIGNALED(status) ? STATUS_OF_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status));
    case TL_child_again:
        status = status_of_child(act_and_exit);
        if (WIFSIGNALED(status))
            raise(WTERMSIG(status));
        exit_like(status);
        break;
    case TL_grandchild_128:
        exit_like(status_of_child(act_in_grandchild));
        break;
    case TL_session_128:
        exit_like(status_of_child(act_in_session));
        break;
    case TL_init_128:
        if (unshare(CLONE_NEWPID))
            exit(CANNOT);
        exit_like(status_of_child(act_and_exit));
        break;
    case TL_executed:
        handle_faults(1);
        execute(NULL);
        break;
    case TL_executed_by_thread:
        start(execute);
        wait_until_killed();
        break;
    case TL_after_children:
        for (int i = 0; i < 26; i++)
            status_of_child(child_place);
        act_and_exit();
    }
}

/* --- the plan ------------------------------------------------------------------------------------------- */

static int index_of(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; name && i < n; i++)
        if (!strcmp(names[i], name))
            return (int)i;
    fprintf(stderr, "misbehave: no such thing: %s\n", name ? name : "(nothing)");
    exit(CANNOT);
}

#define READ(list, member)                                                                                   \
    do {                                                                                                     \
        static const char *const names[] = {list(AS_NAME)};                                                  \
        plan.member = index_of(names, sizeof names / sizeof *names, strtok_r(NULL, "/", &rest));             \
    } while (0)

static void read_plan(const char *text)
{
    static const char *const behaviours[] = {BEHAVIOURS(AS_NAME)};
    char *copy = strdup(text), *rest = NULL;
    plan.behaviour = index_of(behaviours, sizeof behaviours / sizeof *behaviours, strtok_r(copy, "/", &rest));
    READ(PROCESSES, process);
    READ(THREADS, threads);
    READ(MOMENTS, moment);
    READ(HANDLERS, handler);
    READ(STACKS, stack);
    READ(LIMITS, limit);
    const char *place = strtok_r(NULL, "/", &rest);
    plan.place = place ? atoi(place) % PLACES : 0;
    free(copy);
}

__attribute__((constructor)) static void before_main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: misbehave BEHAVIOUR/PROCESS/THREADS/MOMENT/HANDLER/STACK/LIMIT/PLACE\n");
        exit(CANNOT);
    }
    program = argv[0];
    plan_text = argv[1];
    main_thread = pthread_self();
    read_plan(plan_text);
    if (plan.moment == TL_in_constructor)
        act_in_process();
}

int main(void)
{
    act_in_process();
    return 0;
}
