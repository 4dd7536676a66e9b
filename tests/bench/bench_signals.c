/* A program that handles 20000 faults, as virtual machines and sanitizers do, as a trial and by itself, in turns: what
 * it costs to be traced once no capture of them is wanted. Then 200000 of them. */
#include "harness/base/clock.h"
#include "harness/base/quantile.h"
#include "harness/supervise/supervisor.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 9
#define FEW "20000"
#define MANY "200000"
#define WANTED 2.0

static sigjmp_buf back;

static void on_fault(int n)
{
    (void)n;
    siglongjmp(back, 1);
}

static int handle_faults(int n)
{
    volatile uintptr_t nowhere = 0;
    signal(SIGSEGV, on_fault);
    for (volatile int i = 0; i < n; i++)
        if (sigsetjmp(back, 1) == 0)
            *(volatile int *)nowhere = 1;
    return 0;
}

static void on_done(void *arg, struct tl_trial_record *r, bool *taken)
{
    bool *ended = arg;
    (void)taken;
    if (r->outcome != TL_OUTCOME_PASS) {
        fprintf(stderr, "bench_signals: %s: %s\n", tl_outcome_name(r->outcome), r->message ? r->message : "");
        exit(1);
    }
    *ended = true;
}

static double alone(char **argv)
{
    uint64_t start = tl_monotonic_ns();
    pid_t pid = fork();
    if (!pid) {
        execv(argv[0], argv);
        _exit(1);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
        exit(1);
    return (double)(tl_monotonic_ns() - start) * 1e-6;
}

static double supervised(uv_loop_t *loop, struct tl_supervisor *s, char **argv)
{
    struct tl_error e;
    bool ended = false;
    struct tl_trial_spec spec = {
        .argv = (const char *const *)argv, .limits = tl_limits_default, .phase = TL_PHASE_EXECUTE};
    uint64_t start = tl_monotonic_ns();
    if (tl_supervisor_submit(s, &spec, on_done, &ended, &e))
        exit(1);
    while (!ended)
        uv_run(loop, UV_RUN_ONCE);
    return (double)(tl_monotonic_ns() - start) * 1e-6;
}

static void compare(uv_loop_t *loop, struct tl_supervisor *s, char *number)
{
    double a[ROUNDS], b[ROUNDS], n = atof(number);
    char self[] = "/proc/self/exe", path[4096];
    ssize_t length = readlink(self, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    char *argv[] = {path, number, NULL};
    for (int i = 0; i < ROUNDS; i++) {
        a[i] = supervised(loop, s, argv);
        b[i] = alone(argv);
    }
    tl_sort(a, ROUNDS);
    tl_sort(b, ROUNDS);
    double ratio = a[ROUNDS / 2] / b[ROUNDS / 2];
    printf("a program that handles %s faults\n", number);
    printf("  supervised    minimum %7.1f ms, median %7.1f ms, %.1f us for each\n", a[0], a[ROUNDS / 2],
           a[ROUNDS / 2] * 1e3 / n);
    printf("  by itself     minimum %7.1f ms, median %7.1f ms, %.1f us for each\n", b[0], b[ROUNDS / 2],
           b[ROUNDS / 2] * 1e3 / n);
    printf("  ratio         minimum %.2f, median %.2f (at most %g wanted)%s\n", a[0] / b[0], ratio, WANTED,
           ratio <= WANTED ? "" : "  MISSED");
}

int main(int argc, char **argv)
{
    uv_loop_t loop;
    struct tl_supervisor *s;
    struct tl_error e;
    struct tl_supervisor_options options = {.jobs = 1};
    if (argc > 1)
        return handle_faults(atoi(argv[1]));
    uv_loop_init(&loop);
    if (tl_supervisor_new(&s, &loop, &options, &e)) {
        fprintf(stderr, "bench_signals: %s: %s\n", e.what, e.why);
        return 1;
    }
    compare(&loop, s, FEW);
    compare(&loop, s, MANY);
    tl_supervisor_free(s);
    uv_loop_close(&loop);
    return 0;
}
