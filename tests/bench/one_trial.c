#include "tests/bench/one_trial.h"

#include "harness/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int tl_bench_nothing(void *unused)
{
    (void)unused;
    return 0;
}

static void on_done(void *arg, struct tl_trial_record *r, bool *taken)
{
    bool *ended = arg;
    (void)taken;
    if (r->outcome != TL_OUTCOME_PASS) {
        fprintf(stderr, "bench: %s: %s\n", tl_outcome_name(r->outcome), r->message ? r->message : "");
        exit(1);
    }
    *ended = true;
}

static double since_us(uint64_t start)
{
    return (double)(tl_monotonic_ns() - start) * 1e-3;
}

double tl_bench_trial_us(uv_loop_t *loop, struct tl_supervisor *s, const struct tl_trial_spec *spec)
{
    struct tl_error e;
    bool ended = false;
    uint64_t start = tl_monotonic_ns();
    if (tl_supervisor_submit(s, spec, on_done, &ended, &e)) {
        fprintf(stderr, "bench: %s: %s\n", e.what, e.why);
        exit(1);
    }
    while (!ended)
        uv_run(loop, UV_RUN_ONCE);
    return since_us(start);
}

double tl_bench_bare_us(void)
{
    uint64_t start = tl_monotonic_ns();
    pid_t pid = fork();
    if (!pid)
        _exit(0);
    int status;
    /* By pid: the supervisor's own children are not to be taken from it. */
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        exit(1);
    return since_us(start);
}
