/* A trial ends, whatever the kernel tells of its processes: here somebody else is told of an end, and we are not. */
#include "harness/base/clock.h"
#include "harness/supervise/supervisor_impl.h"
#include "harness/supervise/trace.h"
#include "harness/supervise/trial.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

struct thief {
    struct tl_supervisor *supervisor;
    bool of_main;
    unsigned stolen;
    enum tl_outcome outcome;
    unsigned ended;
};

static void on_done(void *arg, struct tl_trial_record *r, bool *taken)
{
    struct thief *thief = arg;
    (void)taken;
    thief->outcome = r->outcome;
    thief->ended++;
}

/* Kills a process and takes all that wait4 has to tell of it. */
static void steal(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
        ptrace(PTRACE_CONT, pid, 0, 0);
}

static void on_time(uv_timer_t *timer)
{
    struct thief *thief = timer->data;
    struct tl_trial *trial = thief->supervisor->flying;
    if (thief->stolen || !trial || !trial->executed || trial->n_processes < 2)
        return;
    for (struct tl_process *p = trial->processes; p && !thief->stolen; p = p->next)
        if (p->is_main == thief->of_main) {
            thief->stolen++;
            steal(p->pid);
        }
    uv_timer_stop(timer);
}

static void run(struct thief *thief, const char *script)
{
    uv_loop_t loop;
    uv_timer_t timer;
    struct tl_error e;
    const struct tl_supervisor_options options = {.jobs = 1};
    const char *const command[] = {"/bin/sh", "-c", script, NULL};
    const struct tl_trial_spec spec = {
        .argv = command, .phase = TL_PHASE_EXECUTE, .limits = {.timeout_s = 1}};
    uv_loop_init(&loop);
    cr_assert_eq(tl_supervisor_new(&thief->supervisor, &loop, &options, &e), 0, "%s", e.why);
    uv_timer_init(&loop, &timer);
    timer.data = thief;
    uv_timer_start(&timer, on_time, 20, 20);
    cr_assert_eq(tl_supervisor_submit(thief->supervisor, &spec, on_done, thief, &e), 0, "%s", e.why);
    uint64_t since = tl_monotonic_ns();
    while (tl_supervisor_waiting(thief->supervisor) || tl_supervisor_in_flight(thief->supervisor)) {
        cr_assert_lt(tl_monotonic_ns() - since, 20000000000u, "the trial does not end");
        uv_run(&loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    tl_supervisor_free(thief->supervisor);
    uv_loop_close(&loop);
    cr_expect_eq(thief->stolen, 1);
    cr_expect_eq(thief->ended, 1);
}

Test(overdue, end_of_a_child, .timeout = 60)
{
    struct thief thief = {.of_main = false};
    run(&thief, "sleep 100 & sleep 0.3; exit 0");
    cr_expect_eq(thief.outcome, TL_OUTCOME_PASS, "%s", tl_outcome_name(thief.outcome));
}

Test(overdue, end_of_the_first_process, .timeout = 60)
{
    struct thief thief = {.of_main = true};
    run(&thief, "sleep 100 & wait");
    cr_expect_eq(thief.outcome, TL_OUTCOME_HANG, "%s", tl_outcome_name(thief.outcome));
}
