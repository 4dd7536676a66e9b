/* Programs that live on faults, and are let go from being traced meanwhile: what they do then is seen all the same. */
#include "harness/base/buffer.h"
#include "harness/supervise/supervisor.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_STACK "without a stack" /* where nobody looked */

#ifdef __x86_64__
#define TRAP_SIGNAL SIGILL
#else
#define TRAP_SIGNAL SIGTRAP
#endif

struct way {
    const char *name;
    enum tl_outcome outcome;
    int signal;
    const char *function; /* in the title; NULL: not looked at */
    double timeout_s;
};

static const struct way ways[] = {
    {"passes", TL_OUTCOME_PASS, 0, NULL, 60},
    {"restores", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", 60},
    {"returns", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", 60},
    {"aborts", TL_OUTCOME_CRASH, SIGABRT, "gives_up", 60},
    {"traps", TL_OUTCOME_CRASH, TRAP_SIGNAL, "traps", 60},
    {"traps_untraced", TL_OUTCOME_CRASH, TRAP_SIGNAL, NO_STACK, 60},
    {"in_a_child", TL_OUTCOME_CRASH, SIGABRT, "in_a_child", 60},
    {"child_exits", TL_OUTCOME_PASS, 0, NULL, 60},
    {"executes", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", 60},
    {"thread_dies", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", 60},
    {"many_threads", TL_OUTCOME_PASS, 0, NULL, 60},
    {"many_threads_then_dies", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", 60},
    {"thread_exits", TL_OUTCOME_PASS, 0, NULL, 60},
    {"stopped", TL_OUTCOME_PASS, 0, NULL, 60},
    {"allocates", TL_OUTCOME_PASS, 0, NULL, 60},
    {"asks", TL_OUTCOME_PASS, 0, NULL, 60},
    {"hangs", TL_OUTCOME_HANG, 0, "computes_for_ever", 2},
};

struct asked {
    const struct way *way;
    bool step;
};

static void on_done(void *arg, struct tl_trial_record *r, bool *taken)
{
    const struct asked *a = arg;
    const char *title = r->signature.title ? r->signature.title : "-";
    const char *as = a->step ? "as a step" : "by itself";
    char inner[128];
    (void)taken;
    cr_expect_eq(r->outcome, a->way->outcome, "%s %s: %s, %s, %s", a->way->name, as,
                 tl_outcome_name(r->outcome), title, r->message ? r->message : "-");
    cr_expect_eq(r->signal, a->way->signal, "%s %s: signal %d", a->way->name, as, r->signal);
    if (!a->way->function)
        return;
    snprintf(inner, sizeof inner, "%.100s", title);
    char *caller = strstr(inner, " \xe2\x86\x90 main");
    if (caller)
        *caller = '\0';
    cr_expect(strstr(inner, a->way->function) && !strstr(inner, "probe"), "%s %s: %s", a->way->name, as,
              title);
    if (strcmp(a->way->function, NO_STACK))
        cr_expect(r->n_captures && (r->captures[0].fatal || r->outcome == TL_OUTCOME_HANG),
                  "%s %s: it died of the first capture", a->way->name, as);
}

static void submit(struct tl_supervisor *s, const struct asked *a, double timeout_s)
{
    struct tl_error e;
    const char *const itself[] = {STORM_PATH, a->way->name, NULL}, *const runner[] = {COMMAND_PATH, NULL};
    struct tl_trial_spec spec = {
        .argv = a->step ? runner : itself,
        .protocol = a->step,
        .phase = TL_PHASE_EXECUTE,
        .limits = {.timeout_s = timeout_s, .memory_mb = 1024},
    };
    if (a->step)
        spec.request = json_pack("{s:i,s:[{s:s,s:[s,s]}]}", "trial", 1, "steps", "phase", "execute", "argv",
                                 STORM_PATH, a->way->name);
    cr_assert_eq(tl_supervisor_submit(s, &spec, on_done, (void *)(uintptr_t)a, &e), 0, "%s", e.why);
    json_decref(spec.request);
}

static struct tl_supervisor *begin(uv_loop_t *loop, unsigned jobs, bool no_cgroup)
{
    struct tl_supervisor *s;
    struct tl_error e;
    const struct tl_supervisor_options options = {.jobs = jobs, .no_cgroup = no_cgroup};
    uv_loop_init(loop);
    cr_assert_eq(tl_supervisor_new(&s, loop, &options, &e), 0, "%s", e.why);
    return s;
}

static void end(struct tl_supervisor *s, uv_loop_t *loop)
{
    while (tl_supervisor_waiting(s) || tl_supervisor_in_flight(s))
        uv_run(loop, UV_RUN_ONCE);
    tl_supervisor_free(s);
    uv_loop_close(loop);
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a child is left");
}

static void run_all(bool step)
{
    static struct asked asked[TL_COUNT(ways)];
    uv_loop_t loop;
    struct tl_supervisor *s = begin(&loop, 2, false);
    for (size_t i = 0; i < TL_COUNT(ways); i++) {
        asked[i] = (struct asked){&ways[i], step};
        submit(s, &asked[i], ways[i].timeout_s);
    }
    end(s, &loop);
}

/* Whoever traced it is killed while it is let go. */
static void check_nothing_lives_on(bool step)
{
    static const struct way way = {"never_ends", TL_OUTCOME_HANG, 0, NULL, 60};
    const struct asked asked = {&way, step};
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t supervising = fork();
    if (!supervising) {
        uv_loop_t loop;
        struct tl_supervisor *s = begin(&loop, 1, true);
        submit(s, &asked, 60);
        end(s, &loop);
        _exit(0);
    }
    usleep(800000);
    kill(supervising, SIGKILL);
    int left = 0;
    for (int i = 0; i < 200 && left >= 0; i++) {
        while ((left = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        usleep(10000);
    }
    cr_expect_eq(left, -1, "something of it lives on");
}

Test(storm, supervisor_is_killed, .timeout = 60)
{
    check_nothing_lives_on(false);
    check_nothing_lives_on(true);
}

Test(storm, by_itself, .timeout = 120)
{
    run_all(false);
}

Test(storm, as_a_step, .timeout = 120)
{
    run_all(true);
}
