/* What came of a trial, from what was seen of it: every line of docs/outcomes.md, without any process. */
#include "tests/unit/classify_fixture.h"

#include "harness/base/buffer.h"
#include "harness/verdict/generator.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* A hang is the deepest process all of whose parents only wait for a child. */
/* The last words of what aborts, but not what a driver says of a child that died of the same. */
Test(classify, what_is_said_of_a_death_elsewhere)
{
    static const struct {
        const char *said, *title; /* title: NULL for one by the stack alone */
    } ends[] = {
        {"App terminated due to signal 5.\n", "signal 5"},
        {"App terminated due to signal 6.\n", NULL},
        {"error: tool crashed (Aborted)\n", NULL},
        {"Error: command buffer exited with error status.\n\tInternal Error (0000000e:Internal Error)\n",
         "Internal Error"},
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct seen s = died(SIGABRT);
        s.said = ends[i].said;
        cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH);
        bool there = record.signature.title &&
                     strstr(record.signature.title, ends[i].title ? ends[i].title : "signal 6");
        cr_expect(ends[i].title ? there : !there, "%s: %s", ends[i].said, record.signature.title);
    }
    forget();
}

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
            struct seen s = passed();
            s.facts.end = TL_END_DEADLINE;
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
        struct seen s = died(crashes[i]);
        cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH, "signal %d", crashes[i]);
        cr_expect_eq(record.signal, crashes[i]);
    }
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct seen s = died(errors[i]);
        cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR, "signal %d", errors[i]);
        cr_expect_str_eq(record.error_domain, "signal");
    }
}

Test(classify, a_step_that_was_not_traced)
{
    static const struct {
        int signal;
        bool untraced;
        enum tl_outcome outcome;
    } rows[] = {{SIGSEGV, true, TL_OUTCOME_CRASH}, {SIGABRT, true, TL_OUTCOME_CRASH},
                {SIGTERM, true, TL_OUTCOME_ERROR}, {SIGSEGV, false, TL_OUTCOME_ERROR},
                {0, true, TL_OUTCOME_ERROR},       {999, true, TL_OUTCOME_ERROR}};
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        struct seen s = exited(0);
        char code[24];
        snprintf(code, sizeof code, "signal %d", rows[i].signal);
        s.facts.executed = s.facts.got_error = true;
        s.facts.got_result = false;
        s.facts.untraced = rows[i].untraced;
        cr_expect_eq(outcome_of(&s, (struct tl_trial_record){.error_domain = strdup("step"),
                                                             .error_code = strdup(code),
                                                             .message = strdup("step 1 was ended")}),
                     rows[i].outcome, "%s", code);
        if (rows[i].outcome == TL_OUTCOME_CRASH) {
            says("not traced, as the case asks");
            cr_expect(strstr(record.signature.title, "without a stack"), "%s", record.signature.title);
        }
    }
}

Test(classify, a_death_that_was_passed_on)
{
    struct tl_capture c[2] = {{.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .fatal = true, .pid = 5},
                              {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .fatal = true, .pid = 6}};
    struct seen s = passed();
    s.facts.got_result = false;
    s.facts.got_error = true;
    s.captures = c;
    s.n_captures = 2;
    s.facts.passed_on = (struct tl_passed_on){5, SIGSEGV, -1};
#define OF_STEP(m)                                                                                           \
    ((struct tl_trial_record){                                                                               \
        .error_domain = strdup("step"), .error_code = strdup("exit 4"), .message = strdup(m)})
    cr_expect_eq(outcome_of(&s, OF_STEP("no output")), TL_OUTCOME_CRASH);
    cr_expect_eq(decisive, 0, "that of the process that died");
    cr_expect_eq(record.signal, SIGSEGV);
    cr_expect_null(record.error_domain);
    s.facts.passed_on.exit_status = 4;
    cr_expect_eq(outcome_of(&s, OF_STEP("no output")), TL_OUTCOME_ERROR, "it handled its fault");
    cr_expect_eq(outcome_of(&s, OF_STEP("internal compiler error: Segmentation fault")), TL_OUTCOME_CRASH);
    s.facts.passed_on = (struct tl_passed_on){5, SIGKILL, -1};
    cr_expect_eq(outcome_of(&s, OF_STEP("killed")), TL_OUTCOME_ERROR, "somebody's own business");
    s.facts.passed_on = (struct tl_passed_on){5, SIGSEGV, -1};
    cr_expect_eq(outcome_of(&s, (struct tl_trial_record){.error_domain = strdup("runtime"),
                                                         .message = strdup("refused")}),
                 TL_OUTCOME_ERROR, "a runner that says something else knows better");
    s = exited(3);
    s.captures = c;
    s.n_captures = 2;
    s.facts.passed_on = (struct tl_passed_on){6, SIGSEGV, -1};
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH);
    cr_expect_eq(decisive, 1);
}

Test(classify, wrappers_pass_on_how_their_descendant_died)
{
    int signals[65] = {0};
    struct tl_capture c = {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .fatal = true};
    struct seen s = exited(128 + SIGSEGV);
    s.facts.descendant_signals = signals;
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
    struct seen s = passed();
    cr_expect_eq(outcome(&s), TL_OUTCOME_PASS);
    cr_expect_eq(record.phase, TL_PHASE_DONE);
    s.facts.status = 3 << 8;
    cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR, "a result, and then an exit status");
    says("exit status 3 after its result");
    s = exited(0);
    cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR, "silence is no pass");
    cr_expect_str_eq(record.error_domain, "protocol");
    s.facts.protocol = false;
    cr_expect_eq(outcome(&s), TL_OUTCOME_PASS, "a program that speaks no protocol");
    s = exited(0);
    s.facts.got_unsupported = true;
    cr_expect_eq(outcome(&s), TL_OUTCOME_UNSUPPORTED);
    s = passed();
    s.facts.violation = "a second answer";
    cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR);
    says("a second answer");
    s = died(SIGSEGV);
    s.facts.got_result = true;
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH, "a result does not excuse a crash");
    cr_expect_eq(record.phase, TL_PHASE_DONE);
    s = passed();
    s.facts.end = TL_END_DEADLINE;
    cr_expect_eq(outcome(&s), TL_OUTCOME_HANG);
    says("its result had been sent");
    s.facts.end = TL_END_CANCELLED;
    cr_expect_eq(outcome(&s), TL_OUTCOME_LOST);
}

Test(classify, results_that_are_not_finite_or_from_elsewhere)
{
    struct seen s = passed();
    json_t *result =
        parsed("{\"outputs\":[{\"name\":\"y\",\"finite\":true},{\"name\":\"z\",\"finite\":false}]}");
    cr_expect_eq(outcome_of(&s, (struct tl_trial_record){.result = result}), TL_OUTCOME_WRONG);
    says("output z");
    result = parsed("{\"outputs\":[]}");
    s.facts.device_asked = "webgpu";
    cr_expect_eq(outcome_of(&s, (struct tl_trial_record){.result = result, .observed_device = strdup("cpu")}),
                 TL_OUTCOME_FALLBACK);
    result = parsed("{\"outputs\":[]}");
    cr_expect_eq(outcome_of(&s, (struct tl_trial_record){.result = result}), TL_OUTCOME_PASS,
                 "a runtime that does not say where it ran is believed");
    forget();
}

/* A generator that exited with a status after it wrote that to stderr. */
static enum tl_outcome generator(int status, const char *said)
{
    struct seen s = exited(status);
    s.facts.protocol = s.facts.got_result = false;
    s.said = said;
    outcome(&s);
    tl_verdict_of_generator(&record);
    cr_expect_eq(record.phase, TL_PHASE_GENERATE);
    return record.outcome;
}

Test(classify, a_generator_that_refuses_is_no_failure)
{
    cr_expect_eq(generator(77, "no such operator\n"), TL_OUTCOME_UNSUPPORTED);
    cr_expect_str_eq(record.signature.id, "");
    says("the generator refused: no such operator");
    cr_expect_eq(generator(77, ""), TL_OUTCOME_UNSUPPORTED);
    says("the generator refused: exit status 77, which gives no reason");
    cr_expect_eq(generator(1, "no such operator\n"), TL_OUTCOME_ERROR, "any other failure is one");
    says("no such operator");
    cr_expect_str_eq(record.error_domain, "generator");
    cr_expect_str_eq(record.error_code, "exit 1");
    cr_expect_str_neq(record.signature.id, "");
    struct seen s = died(SIGSEGV);
    outcome(&s);
    tl_verdict_of_generator(&record);
    cr_expect_eq(record.outcome, TL_OUTCOME_CRASH, "one that crashes is a failure in its phase");
    cr_expect_eq(record.phase, TL_PHASE_GENERATE);
    forget();
}

Test(classify, what_a_generator_lacks)
{
    static const struct {
        int status;
        const char *said;
        bool lacks;
    } all[] = {
        {1,
         "Traceback (most recent call last):\n  File \"m.py\", line 1\nModuleNotFoundError: No module named "
         "'torch'\n",
         true},
        {1, "ImportError: libcudart.so.12: cannot open shared object file\n", true},
        {1, "/usr/bin/python3: No module named coremltools\n", true},
        {2, "python3: can't open file '/x/make.py': [Errno 2] No such file or directory\n", true},
        {1,
         "node:internal/modules/cjs/loader:1080\nError: Cannot find module '/x/make.js'\n    at "
         "Module\n\nNode.js v18\n",
         true},
        {1, "make.rb:1:in `require': cannot load such file -- onnx (LoadError)\n", true},
        {1, "ruby: No such file or directory -- make.rb (LoadError)\n", true},
        {2, "Can't locate Foo.pm in @INC (you may need to install the Foo module)\n", true},
        {1, "Error in library(onnx) : there is no package called 'onnx'\nExecution halted\n", true},
        {1, "lua: make.lua:1: module 'torch' not found:\n\tno field\n", true},
        {1, "ERROR: LoadError: ArgumentError: Package ONNX not found in current path.\n", true},
        {2, "sh: 0: cannot open make.sh: No such file\n", true},
        {1, "  | ModuleNotFoundError: No module named 'x'\n  +-----\n", true},
        {127, "sh: 1: nosuch: not found\n", true},
        {126, "", true},
        {1, "./make.sh: line 3: protoc: command not found\n", true},
        {1, "make.zsh:3: command not found: protoc\n", true},
        {2,
         "make: tools.mk: No such file or directory\nmake: *** No rule to make target 'tools.mk'.  Stop.\n",
         true},
        {101, "error: no such command: `onnx`\n", true},
        {1, "dyld[77]: Library not loaded: @rpath/libonnx.dylib\n", true},
        {1, "ERROR: No matching distribution found for torch==9\n", true},
        {1, "  x No solution found when resolving script dependencies:\n", true},
        {1, "error: the target was not found\n", false},
        {1, "error: tensor x: not found\n", false},
        {1, "ValueError: it lacks ModuleNotFoundError: of all things\n", false},
        {3, "error: the operator cannot be made\n", false},
        {0, "ModuleNotFoundError: No module named 'optional'\n", false},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct seen s = exited(all[i].status);
        s.facts.protocol = s.facts.got_result = false;
        s.said = all[i].said;
        outcome(&s);
        char *lacks = tl_generator_lacks(&record);
        cr_expect_eq(lacks != NULL, all[i].lacks, "%s", all[i].said);
        free(lacks);
    }
    forget();
}

Test(classify, outputs_beside_those_of_a_reference)
{
#define BESIDE "{\"unit\":\"reference:cpu\",\"tolerance\":0.02,\"output\":\"y\","
    static const struct {
        const char *found, *message;
        enum tl_outcome outcome;
    } comparisons[] = {
        {"{\"unit\":\"reference:cpu\",\"tolerance\":0.02,\"max_error\":0.001,\"equal\":true}", NULL,
         TL_OUTCOME_PASS},
        {BESIDE "\"max_error\":0.5,\"max_absolute\":1.0,\"equal\":false,\"how\":\"differs\",\"worst\":{"
                "\"output\":\"y\","
                "\"index\":[0,3],\"expected\":2.0,\"got\":1.0,\"absolute\":1.0,\"relative\":0.5}}",
         "not what reference:cpu says: output y differs at [0,3]: 1.0, expected 2.0 (absolute error 1, "
         "relative 0.5); "
         "the largest error is 0.5 of the largest magnitude, the tolerance 0.02",
         TL_OUTCOME_WRONG},
        {BESIDE "\"max_error\":null,\"max_absolute\":1e-12,\"equal\":false,\"how\":\"differs\",\"worst\":{"
                "\"index\":[0],"
                "\"expected\":0.0,\"got\":1e-12,\"absolute\":1e-12,\"relative\":null}}",
         "not what reference:cpu says: output y differs at [0]: 1e-12, expected 0.0 (absolute error 1e-12); "
         "0 is "
         "expected everywhere, to which no error is relative: give atol",
         TL_OUTCOME_WRONG},
        {"{\"unit\":\"the expected outputs\",\"rtol\":0.1,\"atol\":0.0,\"output\":\"y\",\"max_error\":null,"
         "\"max_absolute\":null,\"equal\":false,\"how\":\"not "
         "finite\",\"worst\":{\"index\":[],\"expected\":0.0,"
         "\"got\":\"nan\",\"absolute\":null,\"relative\":null}}",
         "not what the expected outputs say: output y is not finite: \"nan\", expected 0.0; rtol is 0.1, "
         "atol 0",
         TL_OUTCOME_WRONG},
        {BESIDE "\"equal\":false,\"max_error\":null,\"how\":\"missing\"}",
         "not what reference:cpu says: output y is missing", TL_OUTCOME_WRONG},
        {"{\"unit\":\"reference:cpu\",\"equal\":null,\"max_error\":0.0,\"why\":\"no values were sent\"}",
         "not judged: no values were sent", TL_OUTCOME_UNSUPPORTED},
        {NULL, "not judged: nothing to read", TL_OUTCOME_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        struct seen s = passed();
        json_t *found = comparisons[i].found ? parsed(comparisons[i].found) : NULL;
        cr_assert_eq(outcome_of(&s, (struct tl_trial_record){.result = parsed("{\"outputs\":[]}")}),
                     TL_OUTCOME_PASS);
        tl_verdict_of_comparison(found, found ? NULL : "nothing to read", &record);
        cr_expect_eq(record.outcome, comparisons[i].outcome);
        cr_expect_eq(tl_outcome_is_not_judged(record.outcome, record.phase),
                     record.outcome == TL_OUTCOME_UNSUPPORTED);
        if (comparisons[i].message)
            cr_expect_str_eq(record.message, comparisons[i].message, "%s", record.message);
        else
            cr_expect_null(record.message);
        cr_expect_eq(*record.signature.id != '\0', record.outcome == TL_OUTCOME_WRONG);
        cr_expect_eq(json_object_get(record.result, "reference"), found);
    }
    forget();
}

/* What is not finite may be right where there is a reference to say so. */
Test(classify, a_result_that_is_not_finite)
{
    for (int i = 0; i < 2; i++) {
        struct seen s = passed();
        s.facts.has_reference = i;
        json_t *result = parsed("{\"outputs\":[{\"name\":\"y\",\"finite\":false}]}");
        cr_expect_eq(outcome_of(&s, (struct tl_trial_record){.result = result}),
                     i ? TL_OUTCOME_PASS : TL_OUTCOME_WRONG);
    }
    forget();
}

Test(classify, what_became_of_a_model_on_another_machine)
{
    struct seen s = exited(0);
    s.facts.elsewhere = s.facts.got_died = true;
    s.facts.died_signal = SIGABRT;
    s.said = "loc(x): error: MLIR pass manager failed\nApp terminated due to signal 6.\n";
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH);
    cr_expect_eq(record.signal, SIGABRT);
    says("MLIR pass manager failed");
    s.facts.end = TL_END_DEADLINE; /* while its report was waited for */
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH);
    s.facts.died_signal = SIGKILL;
    s.said = NULL;
    cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR);
    cr_expect_str_eq(record.error_code, "SIGKILL");
    s.facts.end = TL_END_CANCELLED;
    cr_expect_eq(outcome(&s), TL_OUTCOME_LOST);

    s = exited(0);
    s.facts.elsewhere = s.facts.got_lost = true;
    cr_expect_eq(outcome_of(&s, (struct tl_trial_record){.message = strdup("unplugged")}), TL_OUTCOME_LOST);
    says("unplugged");
    cr_expect(tl_verdict_is_given(&record));
    s.facts.end = TL_END_DEADLINE;
    cr_expect_eq(outcome(&s), TL_OUTCOME_LOST);

    /* Of a hang the stacks here are those of who waits for it. */
    struct tl_capture c = {.kind = TL_CAPTURE_HANG, .is_main = true};
    s = exited(0);
    s.facts.elsewhere = true;
    s.facts.end = TL_END_DEADLINE;
    s.captures = &c;
    s.n_captures = 1;
    cr_expect_eq(outcome(&s), TL_OUTCOME_HANG);
    cr_expect_eq(record.n_captures, 0);
    says("whose stacks are not seen");
    forget();
}

Test(classify, trials_that_never_ran)
{
    forget();
    tl_verdict_unsupported(TL_PHASE_START, strdup("the case forbids it"), &record);
    cr_expect_eq(record.outcome, TL_OUTCOME_UNSUPPORTED);
    cr_expect(tl_verdict_is_given(&record));
    forget();
    tl_verdict_not_run(strdup("stopped before it ran"), &record);
    cr_expect_eq(record.outcome, TL_OUTCOME_LOST);
    cr_expect(!tl_verdict_is_given(&record));
    forget();
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
    struct seen s = died(SIGSEGV);
    s.captures = c;
    s.n_captures = 2;
    outcome(&s);
    cr_expect_eq(decisive, 0, "its handler raised it again");
    c[1].si_code = 2;
    outcome(&s);
    cr_expect_eq(decisive, 1, "the first one was survived, the second is a fault of its own");
    c[1].si_code = 0;
    outcome(&s);
    cr_expect_eq(decisive, 0, "kill() has the code 0");
    c[1].reported = true;
    outcome(&s);
    cr_expect_eq(decisive, 1, "in a report 0 stands for a code that nobody gave");
}

Test(classify, a_capture_without_a_stack_was_too_late)
{
    struct tl_frame frames[3] = {
        {.module = TL_NO_MODULE}, {.module = TL_NO_MODULE}, {.module = TL_NO_MODULE}};
    struct tl_thread whole = {.n_frames = 3, .frames = frames}, empty = {0};
    struct tl_capture c[] = {
        {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .pid = 7, .tid = 8, .si_code = 1, .is_main = true},
        {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .pid = 7, .tid = 9, .si_code = 1, .is_main = true},
    };
    struct seen s = died(SIGSEGV);
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

/* A stack of n frames at places of its own, from `place` on; frame `interrupted`, when it is not 0, was interrupted
 * by a signal at another place. */
static struct tl_thread stack_at(int tid, uint64_t place, struct tl_frame *frames, size_t interrupted,
                                 uint64_t by_signal_at)
{
    for (size_t i = 0; i < 3; i++)
        frames[i] = (struct tl_frame){.module = TL_NO_MODULE, .offset = place + i};
    if (interrupted)
        frames[interrupted] = (struct tl_frame){TL_NO_MODULE, TL_FRAME_SIGNAL, by_signal_at, 0};
    return (struct tl_thread){.tid = tid, .n_frames = 3, .frames = frames};
}

Test(classify, a_handled_signal_is_no_death)
{
    struct tl_frame frames[3][3];
    struct tl_thread probe = stack_at(7, 0x100, frames[0], 0, 0), real = stack_at(7, 0x200, frames[1], 0, 0);
    struct tl_capture c[] = {
        {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .pid = 7, .tid = 7, .si_code = 1, .is_main = true},
        {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .pid = 7, .tid = 7, .si_code = 1, .is_main = true},
    };
    struct seen s = died(SIGSEGV);
    c[0].n_threads = c[1].n_threads = 1;
    c[0].threads = &probe;
    c[1].threads = &real;
    s.captures = c;
    s.n_captures = 2;
    c[0].action = TL_ACTION_DEFAULT;
    c[1].action = TL_ACTION_HANDLED;
    outcome(&s);
    cr_expect_eq(decisive, 0, "the later one was handled");
    c[1].action = TL_ACTION_DEFAULT;
    outcome(&s);
    cr_expect_eq(decisive, 0, "nothing handled the first one: the process was dead by the second");
    c[0].action = c[1].action = TL_ACTION_HANDLED;
    c[0].n_threads = c[1].n_threads = 0; /* the record frees them */
    c[0].threads = c[1].threads = NULL;
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH);
    cr_expect_eq(record.n_captures, 0);
    cr_expect_str_eq(record.signature.title, "SIGSEGV without a stack", "no stack is better than another's");
}

Test(classify, a_signal_is_raised_again_where_its_handler_runs)
{
    struct tl_frame frames[3][3];
    struct tl_thread first = stack_at(7, 0x100, frames[0], 0, 0),
                     raised = stack_at(7, 0x200, frames[1], 1, 0x100),
                     elsewhere = stack_at(7, 0x200, frames[2], 1, 0x900);
    struct tl_capture c[] = {
        {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .pid = 7, .tid = 7, .si_code = 1, .is_main = true},
        {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .pid = 7, .tid = 7, .si_code = -6, .is_main = true},
    };
    struct seen s = died(SIGSEGV);
    c[1].sender_pid = 7;
    c[0].action = TL_ACTION_HANDLED;
    c[1].action = TL_ACTION_DEFAULT;
    c[0].n_threads = c[1].n_threads = 1;
    c[0].threads = &first;
    c[1].threads = &raised;
    s.captures = c;
    s.n_captures = 2;
    outcome(&s);
    cr_expect_eq(decisive, 0, "its handler raised it");
    cr_expect(record.captures[0].fatal);
    c[1].threads = &elsewhere;
    outcome(&s);
    cr_expect_eq(decisive, 1, "the first one was handled long ago");
}

Test(classify, a_signal_in_hand_counts_more_than_an_exit_status)
{
    struct tl_capture c[] = {
        {.kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .pid = 8, .tid = 9, .si_code = 1, .fatal = true}};
    struct seen s = passed();
    s.captures = c;
    s.n_captures = 1;
    c[0].action = TL_ACTION_DEFAULT;
    cr_expect_eq(outcome(&s), TL_OUTCOME_PASS,
                 "a child's crash after which all goes on is none of the trial's");
    s.facts.in_hand = (struct tl_passed_on){8, SIGSEGV, -1};
    s.facts.in_hand_phase = TL_PHASE_COMPILE;
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH);
    cr_expect_eq(record.signal, SIGSEGV);
    cr_expect_eq(record.phase, TL_PHASE_COMPILE);
    cr_expect_eq(decisive, 0);
}
