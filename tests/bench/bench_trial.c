/* A trial of a child that does nothing, forked, with all of the supervisor's plumbing and tracing, against
 * the bare fork + _exit + wait of the same process, in turns. One trial at a time: this is the cost of one,
 * not throughput. */
#include "harness/base/quantile.h"
#include "tests/bench/one_trial.h"

#include <stdio.h>
#include <string.h>

#define ROUNDS 2000
#define WARM_UP 200

int main(int argc, char **argv)
{
    static double a[ROUNDS], b[ROUNDS];
    uv_loop_t loop;
    struct tl_supervisor *s;
    struct tl_error e;
    struct tl_supervisor_options options = {.jobs = 1,
                                            .no_cgroup = argc > 1 && !strcmp(argv[1], "--no-cgroup")};
    const struct tl_trial_spec nothing = {
        .entry = tl_bench_nothing, .limits = tl_limits_default, .phase = TL_PHASE_EXECUTE};
    uv_loop_init(&loop);
    if (tl_supervisor_new(&s, &loop, &options, &e)) {
        fprintf(stderr, "bench_trial: %s: %s\n", e.what, e.why);
        return 1;
    }
    for (int i = -WARM_UP; i < ROUNDS; i++) {
        double x = tl_bench_trial_us(&loop, s, &nothing), y = tl_bench_bare_us();
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
