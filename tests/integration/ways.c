#include "ways.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Only what hangs is to reach its deadline, also on a machine that does thirty other things. */
#define NEVER_S 400

struct asked {
    const struct way *way;
    bool step;
};

static void on_done(void *arg, struct tl_trial_record *r, bool *taken)
{
    const struct way *way = ((struct asked *)arg)->way;
    const char *title = r->signature.title ? r->signature.title : "-";
    const char *as = ((struct asked *)arg)->step ? "as a step" : "by itself";
    char inner[128];
    (void)taken;
    free(arg);
    cr_expect_eq(r->outcome, way->outcome, "%s %s: %s, %s, %s", way->name, as, tl_outcome_name(r->outcome),
                 title, r->message ? r->message : "-");
    cr_expect_eq(r->signal, way->signal, "%s %s: signal %d", way->name, as, r->signal);
    if (!way->function)
        return;
    snprintf(inner, sizeof inner, "%.100s", title);
    char *caller = strstr(inner, " \xe2\x86\x90 main");
    if (caller)
        *caller = '\0';
    cr_expect(strstr(inner, way->function) && !strstr(inner, "probe"), "%s %s: %s", way->name, as, title);
    if (strcmp(way->function, NO_STACK))
        cr_expect(r->n_captures && (r->captures[0].fatal || r->outcome == TL_OUTCOME_HANG),
                  "%s %s: it died of the first capture", way->name, as);
}

void ways_submit(struct ways *w, const struct way *way, bool step, double timeout_s)
{
    struct tl_error e;
    const char *const itself[] = {w->program, way->name, NULL}, *const runner[] = {w->runner, NULL};
    struct asked *asked = malloc(sizeof *asked);
    struct tl_trial_spec spec = {
        .argv = step ? runner : itself,
        .protocol = step,
        .phase = TL_PHASE_EXECUTE,
        .limits = {.timeout_s = timeout_s, .memory_mb = w->memory_mb},
    };
    cr_assert(asked);
    *asked = (struct asked){way, step};
    if (step)
        spec.request = json_pack("{s:i,s:[{s:s,s:[s,s]}]}", "trial", 1, "steps", "phase", "execute", "argv",
                                 w->program, way->name);
    cr_assert_eq(tl_supervisor_submit(w->supervisor, &spec, on_done, asked, &e), 0, "%s", e.why);
    json_decref(spec.request);
}

void ways_begin(struct ways *w, unsigned jobs)
{
    struct tl_error e;
    const struct tl_supervisor_options options = {.jobs = jobs, .no_cgroup = w->no_cgroup};
    uv_loop_init(&w->loop);
    cr_assert_eq(tl_supervisor_new(&w->supervisor, &w->loop, &options, &e), 0, "%s", e.why);
}

void ways_end(struct ways *w)
{
    while (tl_supervisor_waiting(w->supervisor) || tl_supervisor_in_flight(w->supervisor))
        uv_run(&w->loop, UV_RUN_ONCE);
    tl_supervisor_free(w->supervisor);
    uv_loop_close(&w->loop);
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a child is left");
}

static bool can_have_namespaces(void)
{
    int status;
    pid_t pid = fork();
    if (!pid)
        _exit(unshare(CLONE_NEWPID) ? 1 : 0);
    return waitpid(pid, &status, 0) == pid && !status;
}

void ways_run(struct ways *w, const struct way *ways, size_t n, bool step)
{
    unsigned where = (can_have_namespaces() ? IN_A_NAMESPACE : 0) | (step ? AS_A_STEP : 0);
    const char *slower = getenv("TRAPLINE_TESTS_SLOWER");
    /* What it does before it hangs is to be over. */
    double hang_s = slower && atof(slower) > 1 ? 2 * atof(slower) : 2;
    ways_begin(w, 2);
    for (size_t i = 0; i < n; i++)
        if (!(ways[i].only & ~where))
            ways_submit(w, &ways[i], step, ways[i].outcome == TL_OUTCOME_HANG ? hang_s : NEVER_S);
    ways_end(w);
}
