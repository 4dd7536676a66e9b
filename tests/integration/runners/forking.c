/* A runner with a fork server in which what a case meets depends on the kind of process: the variant's axis `only`
 * says in which of them it crashes ("forked", "fresh", "both"), from n = `from` (5) on; `chance` is that of a failure in
 * percent. */
#include "runners/protocol.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static int describe(const json_t *build, json_t *devices, json_t *axes)
{
    (void)build;
    (void)axes;
    return json_array_append_new(devices, json_pack("{s:s,s:b,s:s}", "name", "cpu", "usable", 1, "why", ""));
}

static int trial(struct tl_run *run, void *state)
{
    const char *only = tl_run_string(run, "only", "none");
    uint32_t drawn = 0;
    (void)state;
    bool meant = !strcmp(only, "both") || !strcmp(only, run->forked ? "forked" : "fresh");
    tl_run_phase(run, "execute");
    if (getentropy(&drawn, sizeof drawn) == 0 && drawn % 100 < (uint32_t)tl_run_integer(run, "chance", 100) &&
        meant && tl_run_integer(run, "n", 1) >= tl_run_integer(run, "from", 5))
        abort();
    tl_run_result(run, json_pack("{s:[]}", "outputs"));
    return 0;
}

static int load(const json_t *request, void **state, char *why, size_t why_size)
{
    (void)request;
    (void)state;
    (void)why;
    (void)why_size;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct tl_runner runner = {.name = "forking",
                                            .version = "1",
                                            .describe = describe,
                                            .trial = trial,
                                            .load = load,
                                            .can_serve = true};
    return tl_runner_main(argc, argv, &runner);
}
