/* Which trials failed for a limit of their case, memory or disk, from what was seen of them. */
#include "tests/unit/classify_fixture.h"

#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

Test(limits, three_ways_to_run_out_of_memory_and_one_that_is_not)
{
    struct seen s = died(SIGKILL);
    s.facts.memory_limit = 100 << 20;
    cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR, "a plain SIGKILL");
    s.facts.cgroup_oom_kills = 1;
    cr_expect_eq(outcome(&s), TL_OUTCOME_OOM);
    says("oom_kill");
    s = died(SIGABRT);
    s.facts.memory_limit = 100 << 20;
    s.facts.data_at_crash = 95 << 20;
    cr_expect_eq(outcome(&s), TL_OUTCOME_OOM, "an allocation failed under the limit");
    s.facts.data_at_crash = 50 << 20;
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH, "there was memory left");
    s.said = "terminate called after throwing an instance of 'std::bad_alloc'";
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH, "it says so itself, and words alone are no evidence");
    s.facts.refused_bytes = 60 << 20;
    s.facts.data_when_refused = 50 << 20;
    cr_expect_eq(outcome(&s), TL_OUTCOME_OOM, "an allocation was refused");
    says("limit of 100 MiB was reached: an allocation of 60 MiB was refused with 50 MiB in use: terminate");
    cr_expect_str_eq(record.signature.title, "out of memory: the limit of 100 MiB was reached");
    s.facts.refused_bytes = 0;
    s.said = "Assertion `n > 0' failed";
    s.facts.data_at_crash = 99 << 20;
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH, "it says something else");
    s = died(SIGABRT);
    s.said = "fatal error: out of memory";
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH, "no limit was set");
    s = passed();
    s.facts.end = TL_END_MEMORY;
    cr_expect_eq(outcome(&s), TL_OUTCOME_OOM);
    cr_expect_eq(record.signal, 0);
}

/* What a device has of memory no limit of the case bounds, however much of it is spoken of. */
Test(limits, memory_of_a_device_is_another)
{
    static const struct {
        const char *words;
        enum tl_outcome outcome;
    } said[] = {
        {"RuntimeError: MPS backend out of memory (MPS allocated: 18.13 GB, max allowed: 18.13 GB)",
         TL_OUTCOME_ERROR},
        {"CUDA out of memory. Tried to allocate 20.00 GiB (GPU 0; 15.78 GiB total capacity)",
         TL_OUTCOME_ERROR},
        {"error: failed to allocate 8.00 GiB of device memory", TL_OUTCOME_ERROR},
        {"error: Unable to allocate 18.13 GiB for an array", TL_OUTCOME_OOM},
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct seen s = exited(1);
        s.facts.memory_limit = UINT64_C(4096) << 20;
        s.said = said[i].words;
        cr_expect_eq(outcome(&s), said[i].outcome, "%s", said[i].words);
    }
    forget();
}

/* A failure that is an exit or an error, in words that speak of memory. */
Test(limits, out_of_memory_by_words_and_evidence)
{
    static const char *const words[] = {"MemoryError", "RangeError: Array buffer allocation failed",
                                        "error: malloc failed", "what(): std::bad_alloc"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        for (int evidence = 0; evidence < 2; evidence++) {
            struct seen s = passed();
            s.facts.got_result = false;
            s.facts.got_error = true;
            s.facts.memory_limit = 100 << 20;
            s.facts.refused_bytes = evidence * 200 << 20;
            cr_expect_eq(outcome_of(&s, (struct tl_trial_record){.error_domain = strdup("step"),
                                                                 .error_code = strdup("exit 1"),
                                                                 .message = strdup(words[i])}),
                         evidence ? TL_OUTCOME_OOM : TL_OUTCOME_ERROR, "%s", words[i]);
            says(words[i]);
        }
    }
    static const struct {
        const char *said;
        enum tl_outcome outcome;
    } amounts[] = {
        {"MemoryError: Unable to allocate 3.73 GiB for an array", TL_OUTCOME_OOM},
        {"MemoryError: Unable to allocate 80 MiB for an array", TL_OUTCOME_OOM}, /* 30 were in use */
        {"MemoryError: Unable to allocate 60.0 MiB for an array", TL_OUTCOME_ERROR},
        {"Error: memory allocation of 400000000 bytes failed", TL_OUTCOME_OOM},
        {"Error: Failed to allocate memory for requested buffer of size 20971520000", TL_OUTCOME_OOM},
        {"Error: failed to allocate tensor 4294967296", TL_OUTCOME_ERROR},
        {"Error: out of memory", TL_OUTCOME_ERROR},
    };
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++) {
        struct seen s = exited(1);
        s.facts.memory_limit = 100 << 20;
        s.said = amounts[i].said;
        cr_expect_eq(outcome_of(&s, (struct tl_trial_record){.peak_rss = 30 << 20}), amounts[i].outcome, "%s",
                     amounts[i].said);
    }
}

/* A failure without a word, when the limit had refused the last allocation. */
Test(limits, out_of_memory_by_evidence_alone)
{
    static const struct {
        const char *said;
        bool left_refused;
        enum tl_outcome outcome;
    } exits[] = {{"", true, TL_OUTCOME_OOM},
                 {"loading model\n", true, TL_OUTCOME_OOM},
                 {"", false, TL_OUTCOME_ERROR},
                 {"error: bad shape\n", true, TL_OUTCOME_ERROR},
                 {"the model cannot be read\n", true, TL_OUTCOME_ERROR}};
    for (size_t i = 0; i < TL_COUNT(exits); i++)
        for (int of_step = 0; of_step < 2; of_step++) {
            struct seen s = exited(of_step ? 0 : 9);
            s.facts.executed = true;
            s.facts.got_result = false;
            s.facts.got_error = of_step;
            s.facts.memory_limit = 100 << 20;
            s.facts.refused_bytes = 80 << 20;
            s.facts.data_when_refused = 30 << 20;
            s.facts.left_refused = exits[i].left_refused;
            s.said = exits[i].said;
            struct tl_trial_record r = {0};
            if (of_step)
                r = (struct tl_trial_record){.error_domain = strdup("step"),
                                             .error_code = strdup("exit 9"),
                                             .message =
                                                 strdup("step 1 exited with status 9; 0 was expected")};
            cr_expect_eq(outcome_of(&s, r), exits[i].outcome, "%s", exits[i].said);
            if (exits[i].outcome == TL_OUTCOME_OOM)
                says("an allocation of 80 MiB was refused with 30 MiB in use");
        }
}

/* A kill for the limit is the limit's, whatever became of the rest. */
Test(limits, the_kernel_killed_a_worker)
{
    for (int i = 0; i < 4; i++) {
        struct seen s = i == 0 ? passed() : exited(i == 1 ? 1 : 137);
        s.facts.memory_limit = 64 << 20;
        s.facts.cgroup_oom_kills = 1;
        s.facts.killed = "worker";
        if (i == 3)
            s.facts.end = TL_END_DEADLINE;
        cr_expect_eq(outcome(&s), TL_OUTCOME_OOM, "%d", i);
        says("limit of 64 MiB was reached: the kernel killed worker");
        cr_expect_eq(record.signal, SIGKILL);
        s.facts.disk_over = true; /* files in memory */
        cr_expect_eq(outcome(&s), TL_OUTCOME_ERROR, "%d", i);
        cr_expect_str_eq(record.error_code, "disk");
    }
}

Test(limits, there_is_no_room_for_a_file)
{
    static const struct {
        const char *said;
        bool over, full, own;
        enum tl_outcome outcome;
        const char *message;
    } rows[] = {
        {"OSError: [Errno 27] File too large", true, false, false, TL_OUTCOME_ERROR,
         "limits.disk_mb (10 MiB)"},
        {"error: No space left on device", false, true, true, TL_OUTCOME_ERROR, "it filled the file system"},
        {"error: No space left on device", false, true, false, TL_OUTCOME_LOST, "is full: free some space"},
        {"error: No space left on device", false, false, false, TL_OUTCOME_ERROR,
         "error: No space left on device"},
        {"error: bad shape", true, true, true, TL_OUTCOME_ERROR, "error: bad shape"}};
    for (size_t i = 0; i < TL_COUNT(rows); i++)
        for (int died_of_it = 0; died_of_it < 2; died_of_it++) {
            struct seen s = died_of_it ? died(SIGABRT) : exited(1);
            s.facts.executed = true;
            s.facts.memory_limit = 64 << 20;
            s.facts.disk_limit = 10 << 20;
            s.facts.disk_over = rows[i].over;
            s.facts.full_scratch = rows[i].full ? "/tmp/x" : NULL;
            s.facts.filled_scratch = rows[i].own;
            s.said = rows[i].said;
            bool none = !strcmp(rows[i].message, rows[i].said);
            cr_expect_eq(outcome(&s), died_of_it && none ? TL_OUTCOME_CRASH : rows[i].outcome, "%zu", i);
            if (!died_of_it || !none)
                says(rows[i].message);
        }
}

Test(limits, null_writes_are_out_of_memory_only_near_the_limit_and_near_null)
{
    struct tl_capture c = {
        .kind = TL_CAPTURE_SIGNAL, .signal = SIGSEGV, .is_main = true, .has_address = true};
    struct seen s = died(SIGSEGV);
    s.captures = &c;
    s.n_captures = 1;
    s.facts.memory_limit = 100 << 20;
    s.facts.data_at_crash = 99 << 20;
    cr_expect_eq(outcome(&s), TL_OUTCOME_OOM);
    c.fault_address = 0x7f0000000000;
    cr_expect_eq(outcome(&s), TL_OUTCOME_CRASH);
    cr_expect_eq(decisive, 0);
}
