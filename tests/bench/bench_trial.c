/* A trial of a child that does nothing, forked, with all of the supervisor's plumbing and tracing, against
 * the bare fork + _exit + wait of the same process, in turns. One trial at a time: this is the cost of one,
 * not throughput. */
#include "harness/base/clock.h"
#include "harness/base/quantile.h"
#include "harness/supervise/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 2000
#define WARM_UP 200

static int do_nothing(void *unused)
{
    (void)unused;
    return 0;
}

static void on_done(void *arg, struct tl_trial_record *r, bool *taken)
{
    bool *ended = arg;
    (void)taken;
    if (r->outcome != TL_OUTCOME_PASS) {
        fprintf(stderr, "bench_trial: %s: %s\n", tl_outcome_name(r->outcome), r->message ? r->message : "");
        exit(1);
    }
    *ended = true;
}

static double bare(void)
{
    uint64_t start = tl_monotonic_ns();
    pid_t pid = fork();
    if (!pid)
        _exit(0);
    int status;
    /* By pid: the supervisor's own children are not to be taken from it. */
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        exit(1);
    return (double)(tl_monotonic_ns() - start) * 1e-3;
}

static double supervised(uv_loop_t *loop, struct tl_supervisor *s)
{
    struct tl_error e;
    bool ended = false;
    struct tl_trial_spec spec = {.entry = do_nothing, .limits = tl_limits_default, .phase = TL_PHASE_EXECUTE};
    uint64_t start = tl_monotonic_ns();
    if (tl_supervisor_submit(s, &spec, on_done, &ended, &e))
        exit(1);
    while (!ended)
        uv_run(loop, UV_RUN_ONCE);
    return (double)(tl_monotonic_ns() - start) * 1e-3;
}

int main(int argc, char **argv)
{
    static double a[ROUNDS], b[ROUNDS];
    uv_loop_t loop;
    struct tl_supervisor *s;
    struct tl_error e;
    struct tl_supervisor_options options = {.jobs = 1,
                                            .no_cgroup = argc > 1 && !strcmp(argv[1], "--no-cgroup")};
    uv_loop_init(&loop);
    if (tl_supervisor_new(&s, &loop, &options, &e)) {
        fprintf(stderr, "bench_trial: %s: %s\n", e.what, e.why);
        return 1;
    }
    for (int i = -WARM_UP; i < ROUNDS; i++) {
        double x = supervised(&loop, s), y = bare();
        if (i >= 0) {
            a[i] = x;
            b[i] = y;
        }
    }
    struct tl_isolation isolation;
    tl_supervisor_isolation(s, &isolation);
    tl_supervisor_free(s);
    uv_loop_close(&loop);
    tl_sort(a, ROUNDS);
    tl_sort(b, ROUNDS);
    double ratio = a[ROUNDS / 2] / b[ROUNDS / 2];
    printf("trial of a child that does nothing, cgroup: %s\n", *isolation.cgroup ? isolation.cgroup : "none");
    printf("  supervised    minimum %6.1f us, median %6.1f us\n", a[0], a[ROUNDS / 2]);
    printf("  bare fork     minimum %6.1f us, median %6.1f us\n", b[0], b[ROUNDS / 2]);
    printf("  ratio         minimum %.2f, median %.2f (at most 1.75 wanted)%s\n", a[0] / b[0], ratio,
           ratio <= 1.75 ? "" : "  MISSED");
    return 0;
}
