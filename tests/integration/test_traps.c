/* Every way to end a trial, by a real process that really ends so: one at a time and eight at a time, in
 * processes of their own and as children of fork servers. */
#include "tests/integration/expected.h"
#include "tests/integration/trials.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static char wrong[65536];

static void complain(const struct expected *x, const struct tl_trial_record *r, const char *what)
{
    size_t n = strlen(wrong);
    snprintf(wrong + n, sizeof wrong - n, "%s%s: %s; got %s in %s, signal %d, message %s, title %s\n",
             x->behaviour, r->fresh ? "" : " (served)", what, tl_outcome_name(r->outcome),
             tl_phase_name(r->phase), r->signal, r->message ? r->message : "-",
             r->signature.title ? r->signature.title : "-");
}

static void judge(const struct expected *x, const struct tl_trial_record *r)
{
    if (r->outcome != x->outcome)
        complain(x, r, "outcome");
    else if (r->phase != x->phase)
        complain(x, r, "phase");
    else if (x->signal != ANY_SIGNAL && r->signal != x->signal)
        complain(x, r, "signal");
    else if (x->function && (!r->n_captures || !trials_stack_has(&r->captures[0], x->function)))
        complain(x, r, "stack");
    else if (x->message && !(r->message && strstr(r->message, x->message)) &&
             !(r->signature.title && strstr(r->signature.title, x->message)))
        complain(x, r, "message");
    else if (tl_outcome_is_failure(r->outcome) != (*r->signature.id != '\0'))
        complain(x, r, "signature");
    else if (x->outcome == TL_OUTCOME_CRASH && !r->n_captures)
        complain(x, r, "capture");
    else if (x->outcome == TL_OUTCOME_HANG && (!r->n_captures || r->captures[0].kind != TL_CAPTURE_HANG))
        complain(x, r, "stacks of the hang");
}

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    (void)cached;
    cr_assert(!failure, "%s", failure ? failure->why : "");
    judge(arg, r);
}

/* Only what hangs is to reach its deadline. What fills its memory or writes without end takes minutes on a machine that
 * does ten other things, eight at a time under sanitizers. */
#define HANG_DEADLINE_S 3
#define DEADLINE_S 400

static void run_those_that(bool hang, unsigned jobs, bool fresh, bool no_cgroup)
{
    struct trials t;
    trials_begin(&t, jobs, hang ? HANG_DEADLINE_S : DEADLINE_S, no_cgroup);
    for (size_t i = 0; i < N_EXPECTED; i++) {
        struct expected x = expected[i];
        if ((x.outcome == TL_OUTCOME_HANG) != hang || (!fresh && x.not_served))
            continue;
        char *assignments;
        cr_assert(asprintf(&assignments, "behaviour=%s", x.behaviour) > 0);
        trials_submit(&t, assignments, fresh, on_done, (void *)&expected[i]);
        free(assignments);
    }
    trials_finish(&t);
    cr_expect_eq(trials_processes_left(), fresh ? 0 : trials_processes_left(), "processes are left");
    trials_end(&t);
    cr_expect_eq(trials_processes_left(), 0, "processes are left");
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a child is left");
}

static void run_all(unsigned jobs, bool fresh, bool no_cgroup)
{
    run_those_that(false, jobs, fresh, no_cgroup);
    run_those_that(true, jobs, fresh, no_cgroup);
    cr_expect_str_empty(wrong, "\n%s", wrong);
}

/* Under sanitizers that is the same code once more as eight at a time. */
#if !defined(__SANITIZE_ADDRESS__)
Test(traps, one_at_a_time, .timeout = 900)
{
    run_all(1, true, false);
}
#endif

Test(traps, eight_at_a_time, .timeout = 900)
{
    run_all(8, true, false);
}

Test(traps, eight_at_a_time_served, .timeout = 900)
{
    run_all(8, false, false);
}

Test(traps, without_cgroups, .timeout = 900)
{
    run_all(8, true, true);
}

Test(traps, every_behaviour_has_an_expectation)
{
    struct trials t;
    trials_begin(&t, 1, DEADLINE_S, false);
    const struct tl_axis *a = tl_case_axis(t.c, "behaviour", NULL);
    for (uint64_t i = 0; i < a->count; i++) {
        const char *name = tl_axis_value(a, i).string;
        size_t n = strlen(name);
        bool found = false;
        for (size_t k = 0; k < N_EXPECTED; k++)
            found |= !strncmp(expected[k].behaviour, name, n) &&
                     (!expected[k].behaviour[n] || expected[k].behaviour[n] == ' ');
        cr_expect(found, "%s is not in the table", name);
    }
    trials_end(&t);
}
