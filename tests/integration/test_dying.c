/* Which capture is the death: programs that really die so, as the trial's own process and as a step. */
#include "harness/base/buffer.h"
#include "harness/supervise/supervisor.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_STACK "without a stack" /* that of another place is worse */

struct way {
    const char *name;
    enum tl_outcome outcome;
    int signal;
    const char *function; /* in the title, before what called it; NULL: not looked at */
    bool namespace;       /* needs one of its own */
    bool step_only;
};

static const struct way ways[] = {
    {"handled_few", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, false},
    {"handled", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, false},
    {"handled_restored", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, false},
    {"handled_raised", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, false},
    {"handled_raised_late", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, false},
    {"raised_elsewhere", TL_OUTCOME_CRASH, SIGSEGV, "raises", false, false},
    {"blocked", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, false},
    {"ignored", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, false},
    {"survived", TL_OUTCOME_PASS, 0, NULL, false, false},
    {"roams", TL_OUTCOME_PASS, 0, NULL, false, false},
    {"handler_exits", TL_OUTCOME_ERROR, 0, NULL, false, false},
    {"handler_says_so", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, true},
    {"handler_says_so_late", TL_OUTCOME_CRASH, SIGSEGV, NO_STACK, false, true},
    {"many_children", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, false},
    {"child", TL_OUTCOME_PASS, 0, NULL, false, false},
    {"leader", TL_OUTCOME_CRASH, SIGABRT, "gives_up", false, false},
    {"leader_is_told", TL_OUTCOME_CRASH, SIGABRT, "gives_up", false, false},
    {"siblings", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, true},
    {"one_after_the_other", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, true},
    {"filtered", TL_OUTCOME_CRASH, SIGSYS, "forbidden_call", false, false},
    {"filtered_after_handling", TL_OUTCOME_CRASH, SIGSYS, "forbidden_call", false, false},
    {"filtered_among_threads", TL_OUTCOME_CRASH, SIGSYS, "forbidden_call", false, false},
    {"filtered_thread", TL_OUTCOME_PASS, 0, NULL, false, false},
    {"exits_meanwhile", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, false},
    {"overflow", TL_OUTCOME_CRASH, SIGSEGV, "deeper", false, false},
    {"main_thread_gone", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", false, false},
    {"first_faults", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", true, false},
    {"first_lives_on_faults", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", true, false},
    {"first_faults_in_a_thread", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", true, false},
    {"first_is_sent_signals", TL_OUTCOME_PASS, 0, NULL, true, false},
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

static bool can_have_namespaces(void)
{
    int status;
    pid_t pid = fork();
    if (!pid)
        _exit(unshare(CLONE_NEWPID) ? 1 : 0);
    return waitpid(pid, &status, 0) == pid && !status;
}

static void submit(struct tl_supervisor *s, const struct asked *a, double timeout_s)
{
    struct tl_error e;
    const char *const itself[] = {DYING_PATH, a->way->name, NULL}, *const runner[] = {COMMAND_PATH, NULL};
    struct tl_trial_spec spec = {
        .argv = a->step ? runner : itself,
        .protocol = a->step,
        .phase = TL_PHASE_EXECUTE,
        .limits = {.timeout_s = timeout_s},
    };
    if (a->step)
        spec.request = json_pack("{s:i,s:[{s:s,s:[s,s]}]}", "trial", 1, "steps", "phase", "execute", "argv",
                                 DYING_PATH, a->way->name);
    cr_assert_eq(tl_supervisor_submit(s, &spec, on_done, (void *)(uintptr_t)a, &e), 0, "%s", e.why);
    json_decref(spec.request);
}

static struct tl_supervisor *begin(uv_loop_t *loop, unsigned jobs)
{
    struct tl_supervisor *s;
    struct tl_error e;
    const struct tl_supervisor_options options = {.jobs = jobs};
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
    struct tl_supervisor *s = begin(&loop, 2);
    bool namespaces = can_have_namespaces();
    for (size_t i = 0; i < TL_COUNT(ways); i++) {
        asked[i] = (struct asked){&ways[i], step};
        if ((namespaces || !ways[i].namespace) && (step || !ways[i].step_only))
            submit(s, &asked[i], 60);
    }
    end(s, &loop);
}

/* Nothing but the deadline ends these: the stops before it are over, and no other trial stops meanwhile. */
Test(dying, still_after_many_stops, .timeout = 120)
{
    static const struct way way = {"still", TL_OUTCOME_HANG, 0, NULL, false, false};
    static const struct asked asked = {&way, false};
    uv_loop_t loop;
    struct tl_supervisor *s = begin(&loop, 1);
    for (int i = 0; i < 12; i++)
        submit(s, &asked, 0.2);
    end(s, &loop);
}

Test(dying, by_itself, .timeout = 120)
{
    run_all(false);
}

Test(dying, as_a_step, .timeout = 120)
{
    run_all(true);
}
