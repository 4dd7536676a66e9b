/* What it costs to hold a trial, in each of the ways in which it is held: a child that does nothing, forked, and a trial of a
 * fork server, with all of the supervisor's plumbing and tracing; and the bare fork + _exit + wait of the same process
 * beside each. In turns of a few, since two supervisors cannot be at once. One trial at a time: the cost of one. */
#include "harness/base/quantile.h"
#include "tests/bench/one_trial.h"

#include <stdio.h>

#define ROUNDS 16
#define TURNS 40
#define WARM_UP 5

static const struct {
    const char *name;
    struct tl_supervisor_options options;
    bool served;
} ways[] = {
    {"cgroup", {.jobs = 1}, false},
    {"scope of signals", {.jobs = 1, .no_cgroup = true, .warden = TL_WARDEN_SCOPE}, false},
    {"pid namespace", {.jobs = 1, .no_cgroup = true, .warden = TL_WARDEN_NAMESPACE}, false},
    {"sandbox, network", {.jobs = 1, .sandbox = {.wanted = true, .network = true}}, false},
    {"sandbox", {.jobs = 1, .sandbox = {.wanted = true}}, false},
    {"server, cgroup", {.jobs = 1}, true},
    {"server, sandbox", {.jobs = 1, .sandbox = {.wanted = true}}, true},
};
#define N_WAYS (sizeof ways / sizeof *ways)

static const char *runner;

static double supervised(uv_loop_t *loop, struct tl_supervisor *s, bool served)
{
    const char *const argv[] = {runner, NULL};
    struct tl_trial_spec spec = {.limits = tl_limits_default, .phase = TL_PHASE_EXECUTE};
    if (served) {
        spec.argv = argv;
        spec.protocol = true;
        spec.server_key = "bench";
        spec.request = json_pack("{s:i,s:s,s:{}}", "trial", 1, "device", "cpu", "variant");
        spec.server_request = json_pack("{s:i,s:s}", "serve", 1, "device", "cpu");
    } else {
        spec.entry = tl_bench_nothing;
    }
    double us = tl_bench_trial_us(loop, s, &spec);
    json_decref(spec.request);
    json_decref(spec.server_request);
    return us;
}

static double samples[N_WAYS][ROUNDS * TURNS], bares[N_WAYS][ROUNDS * TURNS];
static bool absent[N_WAYS];

static void turn(size_t way, int round)
{
    struct tl_supervisor *s;
    struct tl_error e;
    uv_loop_t loop;
    uv_loop_init(&loop);
    if (tl_supervisor_new(&s, &loop, &ways[way].options, &e)) {
        if (!absent[way])
            fprintf(stderr, "bench_sandbox: %s: %s: %s\n", ways[way].name, e.what, e.why);
        absent[way] = true;
        uv_loop_close(&loop);
        return;
    }
    for (int i = -WARM_UP; i < TURNS; i++) {
        double x = supervised(&loop, s, ways[way].served), y = tl_bench_bare_us();
        if (i >= 0) {
            samples[way][round * TURNS + i] = x;
            bares[way][round * TURNS + i] = y;
        }
    }
    tl_supervisor_free(s);
    uv_loop_close(&loop);
}

int main(int argc, char **argv)
{
    const size_t n = ROUNDS * TURNS;
    runner = argc > 1 ? argv[1] : NULL;
    for (int round = 0; round < ROUNDS; round++)
        for (size_t way = 0; way < N_WAYS; way++)
            if (!ways[way].served || runner)
                turn(way, round);
    printf("a trial held by      minimum, median us   bare fork: minimum, median us   ratios\n");
    for (size_t way = 0; way < N_WAYS; way++) {
        if (absent[way] || !samples[way][0])
            continue;
        tl_sort(samples[way], n);
        tl_sort(bares[way], n);
        printf("%-18s %10.0f %10.0f %18.0f %12.0f %10.2f %.2f\n", ways[way].name, samples[way][0],
               samples[way][n / 2], bares[way][0], bares[way][n / 2], samples[way][0] / bares[way][0],
               samples[way][n / 2] / bares[way][n / 2]);
    }
    return 0;
}
