/* What came of a trial, from what was seen of it: every line of docs/outcomes.md, without any process. */
#include "harness/verdict/classify.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static int no_signals[65];

/* As of a runner that exited with status 0 after a result. */
static struct tl_seen passed(void)
{
    return (struct tl_seen){.protocol = true,
                            .executed = true,
                            .got_result = true,
                            .descendant_signals = no_signals,
                            .timeout_s = 60};
}

static struct tl_seen died(int signal)
{
    struct tl_seen s = passed();
    s.got_result = false;
    s.status = signal; /* WIFSIGNALED, WTERMSIG */
    return s;
}

static struct tl_seen exited(int code)
{
    struct tl_seen s = passed();
    s.got_result = false;
    s.status = code << 8;
    return s;
}

static struct tl_trial_record record;
static int decisive;

static enum tl_outcome outcome(const struct tl_seen *s)
{
    tl_trial_record_free(&record);
    record = (struct tl_trial_record){.phase = TL_PHASE_EXECUTE};
    decisive = tl_classify(s, &record);
    return record.outcome;
}

static json_t *parsed(const char *text)
{
    return json_loads(text, 0, NULL);
}

static void says(const char *part)
{
    cr_expect(record.message && strstr(record.message, part), "%s, got %s", part,
              record.message ? record.message : "-");
}

/* A hang is the deepest process all of whose parents only wait for a child. */
Test(classify, a_hang_is_not_its_waiters)
{
    static const struct {
        struct {
            int pid, parent;
            bool awaits;
        } processes[4]; /* the first is the trial's own; pid 0: no more */
        int pid;        /* what hangs */
    } trees[] = {
        {{{10, 1, false}}, 10},
        {{{10, 1, true}}, 10},
        {{{10, 1, true}, {11, 10, true}, {12, 11, false}}, 12},  /* a shell in a shell */
        {{{10, 1, true}, {11, 10, false}, {12, 11, false}}, 11}, /* it hangs itself, and has a helper */
        {{{10, 1, false}, {11, 10, false}}, 10},
        {{{10, 1, true}, {11, 10, false}, {12, 10, true}}, 11}, /* a pipeline: the one that reads waits */
        {{{10, 1, true}, {11, 10, true}, {12, 10, true}}, 12},
        {{{10, 1, true}, {12, 1, false}}, 10}, /* a daemon that has left the family */
        {{{10, 1, true}, {11, 10, true}, {3, 11, false}, {12, 10, false}}, 3}, /* pids have wrapped around */
    };
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
        for (int backwards = 0; backwards < 2; backwards++) {
            struct tl_capture c[4];
            struct tl_seen s = passed();
            s.end = TL_END_DEADLINE;
            s.captures = c;
            size_t n = 0;
            while (n < 4 && trees[i].processes[n].pid)
                n++;
            for (size_t k = 0; k < n; k++)
                c[backwards ? n - 1 - k : k] = (struct tl_capture){.kind = TL_CAPTURE_HANG,
                                                                   .pid = trees[i].processes[k].pid,
                                                                   .parent = trees[i].processes[k].parent,
                                                                   .awaits = trees[i].processes[k].awaits,
                                                                   .is_main = k == 0};
            s.n_captures = n;
            cr_assert_eq(outcome(&s), TL_OUTCOME_HANG);
            cr_expect(decisive >= 0 && c[decisive].pid == trees[i].pid, "tree %zu: %d", i, c[decisive].pid);
        }
    }
}

Test(classify, the_seven_signals_are_crashes_and_others_are_not)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGSYS};
    static const int errors[] = {SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ, SIGXCPU, SIGKILL};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        struct tl_seen s = died(crashes[i]);
        cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH, "signal %d", crashes[i]);
        cr_expect_eq(record.signal, crashes[i]);
    }
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct tl_seen s = died(errors[i]);
        cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR, "signal %d", errors[i]);
        cr_expect_str_eq(record.error_domain, "signal");
    }
}

Test(classify, three_ways_to_run_out_of_memory_and_one_that_is_not)
{
    struct tl_seen s = died(SIGKILL);
    s.memory_limit = 100 << 20;
    cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR, "a plain SIGKILL");
    s.cgroup_oom_kills = 1;
    cr_expect_eq(outcome(&s), TL_OUTCOME_OOM);
    says("oom_kill");
    s = died(SIGABRT);
    s.memory_limit = 100 << 20;
    s.data_at_crash = 95 << 20;
    cr_expect_eq(outcome(&s), TL_OUTCOME_OOM, "an allocation failed under the limit");
    s.data_at_crash = 50 << 20;
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH, "there was memory left");
    s.abort_message = "terminate called after throwing an instance of 'std::bad_alloc'";
    cr_expect_eq(outcome(&s), TL_OUTCOME_OOM, "it says so itself");
    s.abort_message = "Assertion `n > 0' failed";
    s.data_at_crash = 99 << 20;
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH, "it says something else");
    s = died(SIGABRT);
    s.abort_message = "out of memory";
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH, "no limit was set");
    s = passed();
    s.end = TL_END_MEMORY;
    cr_expect_eq(outcome(&s), TL_OUTCOME_OOM);
    cr_expect_eq(record.signal, 0);
}

Test(classify, null_writes_are_out_of_memory_only_near_the_limit_and_near_null)
{
    struct tl_capture c = {
        .kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .is_main = true, .has_address = true};
    struct tl_seen s = died(SIGSEGV);
    s.captures = &c;
    s.n_captures = 1;
    s.memory_limit = 100 << 20;
    s.data_at_crash = 99 << 20;
    cr_expect_eq(outcome(&s), TL_OUTCOME_OOM);
    c.fault_address = 0x7f0000000000;
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH);
    cr_expect_eq(decisive, 0);
}

Test(classify, wrappers_pass_on_how_their_descendant_died)
{
    int signals[65] = {0};
    struct tl_capture c = {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .fatal = true};
    struct tl_seen s = exited(128 + SIGSEGV);
    s.descendant_signals = signals;
    cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR, "nobody died");
    signals[SIGSEGV] = 1;
    s.captures = &c;
    s.n_captures = 1;
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH);
    cr_expect_eq(record.signal, SIGSEGV);
    cr_expect_eq(record.exit_status, 139);
    cr_expect_eq(decisive, 0);
    signals[SIGSEGV] = 0;
    signals[SIGABRT] = 1;
    cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR, "of another signal");
}

Test(classify, what_a_runner_says_and_how_it_leaves)
{
    struct tl_seen s = passed();
    cr_expect_eq(outcome(&s), TL_OUTCOME_PASS);
    cr_expect_eq(record.phase, TL_PHASE_DONE);
    s.status = 3 << 8;
    cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR, "a result, and then an exit status");
    says("exit status 3 after its result");
    s = exited(0);
    cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR, "silence is no pass");
    cr_expect_str_eq(record.error_domain, "protocol");
    s.protocol = false;
    cr_expect_eq(outcome(&s), TL_OUTCOME_PASS, "a program that speaks no protocol");
    s = exited(0);
    s.got_unsupported = true;
    cr_expect_eq(outcome(&s), TL_OUTCOME_UNSUPPORTED);
    s = passed();
    s.violation = "a second answer";
    cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR);
    says("a second answer");
    s = died(SIGSEGV);
    s.got_result = true;
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH, "a result does not excuse a crash");
    cr_expect_eq(record.phase, TL_PHASE_DONE);
    s = passed();
    s.end = TL_END_DEADLINE;
    cr_expect_eq(outcome(&s), TL_OUTCOME_HANG);
    says("its result had been sent");
    s.end = TL_END_CANCELLED;
    cr_expect_eq(outcome(&s), TL_OUTCOME_LOST);
}

Test(classify, results_that_are_not_finite_or_from_elsewhere)
{
    struct tl_seen s = passed();
    tl_trial_record_free(&record);
    record = (struct tl_trial_record){
        .result =
            parsed("{\"outputs\":[{\"name\":\"y\",\"finite\":true},{\"name\":\"z\",\"finite\":false}]}")};
    tl_classify(&s, &record);
    cr_expect_eq(record.outcome, TL_OUTCOME_WRONG);
    says("output z");
    tl_trial_record_free(&record);
    record = (struct tl_trial_record){.result = parsed("{\"outputs\":[]}"), .observed_device = strdup("cpu")};
    s.device_asked = "webgpu";
    tl_classify(&s, &record);
    cr_expect_eq(record.outcome, TL_OUTCOME_FALLBACK);
    tl_trial_record_free(&record);
    record = (struct tl_trial_record){.result = parsed("{\"outputs\":[]}")};
    tl_classify(&s, &record);
    cr_expect_eq(record.outcome, TL_OUTCOME_PASS, "a runtime that does not say where it ran is believed");
    tl_trial_record_free(&record);
}

Test(classify, the_first_stop_is_where_a_raised_signal_happened)
{
    struct tl_capture c[] = {
        {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .pid = 7, .tid = 7, .si_code = 1, .is_main = true},
        {.kind = TL_CAPTURE_SIGNAL,
         .signal = SIGSEGV,
         .pid = 7,
         .tid = 7,
         .si_code = -6,
         .sender_pid = 7,
         .is_main = true},
    };
    struct tl_seen s = died(SIGSEGV);
    s.captures = c;
    s.n_captures = 2;
    outcome(&s);
    cr_expect_eq(decisive, 0, "its handler raised it again");
    c[1].si_code = 2;
    outcome(&s);
    cr_expect_eq(decisive, 1, "the first one was survived, the second is a fault of its own");
}

Test(classify, a_capture_without_a_stack_was_too_late)
{
    struct tl_thread whole = {.n_frames = 3}, empty = {0};
    struct tl_capture c[] = {
        {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .pid = 7, .tid = 8, .si_code = 1, .is_main = true},
        {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .pid = 7, .tid = 9, .si_code = 1, .is_main = true},
    };
    struct tl_seen s = died(SIGSEGV);
    c[0].n_threads = c[1].n_threads = 1;
    c[0].threads = &whole;
    c[1].threads = &empty;
    s.captures = c;
    s.n_captures = 2;
    outcome(&s);
    cr_expect_eq(decisive, 0, "the other thread's fault was what it died of");
    c[1].threads = &whole;
    outcome(&s);
    cr_expect_eq(decisive, 1, "the first one was survived");
}
