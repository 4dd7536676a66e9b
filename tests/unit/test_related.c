/* When two crashes in code without names are one failure. */

#include "harness/base/buffer.h"
#include "harness/base/reporting.h"
#include "harness/verdict/own_words.h"
#include "harness/verdict/related.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#define FRAMES 6

struct crash {
    struct tl_module module;
    struct tl_frame frames[FRAMES];
    struct tl_frame_symbols symbols[FRAMES];
    struct tl_thread thread;
    struct tl_capture capture;
    struct tl_trial_record record;
};

/* A crash whose functions start at these places, innermost first; 0 ends the list. */
static void make(struct crash *c, const uint64_t *starts)
{
    memset(c, 0, sizeof *c);
    c->module = (struct tl_module){.path = (char *)"/lib/libruntime.so", .build_id = "aa"};
    for (; c->thread.n_frames < FRAMES && starts[c->thread.n_frames]; c->thread.n_frames++)
        c->frames[c->thread.n_frames] = (struct tl_frame){.start = starts[c->thread.n_frames], .offset = 1};
    c->thread.frames = c->frames;
    c->capture = (struct tl_capture){.kind = TL_CAPTURE_SIGNAL, .signal = 11, .n_modules = 1, .n_threads = 1};
    c->capture.modules = &c->module;
    c->capture.threads = &c->thread;
    c->record = (struct tl_trial_record){
        .outcome = TL_OUTCOME_CRASH, .phase = TL_PHASE_EXECUTE, .signal = 11, .n_captures = 1};
    c->record.captures = &c->capture;
}

static bool related(struct crash *a, struct crash *b)
{
    bool forth = tl_failure_related(&a->record, &b->record),
         back = tl_failure_related(&b->record, &a->record);
    cr_expect_eq(forth, back, "it must not matter which was first");
    return forth;
}

Test(related, one_in_a_function_the_other_in_what_it_called)
{
    struct crash kernel, packing;
    make(&kernel, (uint64_t[]){0x99f0, 0x9b60, 0x2670, 0x9bb0, 0});
    make(&packing, (uint64_t[]){0x80a0, 0x8a70, 0x99f0, 0x9b60, 0x2670, 0});
    cr_expect(related(&kernel, &packing));
    cr_expect(related(&kernel, &kernel));
}

Test(related, not_when_they_only_share_their_callers)
{
    struct crash a, b;
    make(&a, (uint64_t[]){0x1000, 0x9b60, 0x2670, 0x9bb0, 0});
    make(&b, (uint64_t[]){0x2000, 0x9b60, 0x2670, 0x9bb0, 0});
    cr_expect_not(related(&a, &b), "two functions that the same one called");
    make(&b, (uint64_t[]){0x2000, 0x1000, 0x7777, 0x2670, 0});
    cr_expect_not(related(&a, &b), "the same function, but reached in another way");
    make(&b, (uint64_t[]){0x1000, 0x9b60, 0});
    cr_expect_not(related(&a, &b), "too little is known of one of them");
}

Test(related, not_when_anything_else_tells_them_apart)
{
    struct crash a, b;
    const uint64_t starts[] = {0x99f0, 0x9b60, 0x2670, 0x9bb0, 0},
                   deeper[] = {0x80a0, 0x99f0, 0x9b60, 0x2670, 0};
    make(&a, starts);
    make(&b, deeper);
    cr_assert(related(&a, &b));
    b.record.signal = 8;
    cr_expect_not(related(&a, &b), "another signal");
    b.record.signal = 11;
    b.record.phase = TL_PHASE_COMPILE;
    cr_expect_not(related(&a, &b), "another phase");
    b.record.phase = TL_PHASE_EXECUTE;
    b.record.message = (char *)"Assertion `n > 0' failed";
    cr_expect_not(related(&a, &b), "a message tells them apart");
    b.record.message = NULL;
    strcpy(b.module.build_id, "bb");
    cr_expect_not(related(&a, &b), "another build: its places mean something else");
    strcpy(b.module.build_id, "aa");
    struct tl_symbol name = {.function = (char *)"pack"};
    b.symbols[0] = (struct tl_frame_symbols){1, &name};
    b.thread.symbols = b.symbols;
    cr_expect_not(related(&a, &b), "functions with names are told apart by them");
}

static void make_hang(struct crash *c, const uint64_t *offsets)
{
    make(c, (uint64_t[]){0});
    for (; c->thread.n_frames < FRAMES && offsets[c->thread.n_frames]; c->thread.n_frames++)
        c->frames[c->thread.n_frames] = (struct tl_frame){.offset = offsets[c->thread.n_frames]};
    c->capture.kind = TL_CAPTURE_HANG;
    c->record.outcome = TL_OUTCOME_HANG;
    c->record.message = (char *)"phase execute took longer than 2 s";
}

Test(related, hangs_below_the_same_calls)
{
    struct crash a, b;
    make_hang(&a, (uint64_t[]){0x11, 0x22, 0x700, 0x800, 0x900, 0});
    make_hang(&b, (uint64_t[]){0x33, 0x700, 0x800, 0x900, 0});
    cr_expect(related(&a, &b));
    b.record.phase = TL_PHASE_COMPILE;
    cr_expect_not(related(&a, &b), "another phase");
    b.record.phase = TL_PHASE_EXECUTE;
    b.frames[2].offset = 0x801;
    cr_expect_not(related(&a, &b), "called from another place");
    make_hang(&b, (uint64_t[]){0x33, 0x700, 0x800, 0x900, 0});
    a.capture.exe = b.capture.exe = a.module.path;
    cr_expect_not(related(&a, &b), "all of it is the runner, which is the same in every trial");
}

Test(related, hangs_in_a_served_child_and_in_a_process_of_its_own)
{
    struct crash a, b;
    struct tl_module modules[2];
    make_hang(&a, (uint64_t[]){0x11, 0x700, 0x800, 0x900, 0x50, 0x60, 0});
    make_hang(&b, (uint64_t[]){0x700, 0x800, 0x900, 0x50, 0x51, 0x60, 0});
    modules[0] = a.module;
    modules[1] = a.module;
    modules[1].path = a.capture.exe = b.capture.exe = (char *)"/usr/libexec/trapline/runner";
    a.capture.modules = b.capture.modules = modules;
    a.capture.n_modules = b.capture.n_modules = 2;
    for (size_t i = 4; i < a.thread.n_frames; i++)
        a.frames[i].module = 1;
    for (size_t i = 3; i < b.thread.n_frames; i++)
        b.frames[i].module = 1;
    cr_expect(related(&a, &b), "the runner's own calls differ");
    b.frames[2].offset = 0x901;
    cr_expect_not(related(&a, &b), "the runtime's outermost one differs");
}

Test(related, a_missing_stack_is_unknown)
{
    struct crash known, bare;
    make(&known, (uint64_t[]){0x99f0, 0x9b60, 0x2670, 0});
    make(&bare, (uint64_t[]){0});
    cr_expect(tl_failure_is_bare(&bare.record) && !tl_failure_is_bare(&known.record));
    cr_expect(related(&known, &bare));
    cr_expect(related(&bare, &bare));
    known.record.message = (char *)"error: said before the fault";
    cr_expect(related(&known, &bare), "of a fault, what stood on stderr is no reason");
    bare.record.n_captures = 0;
    cr_expect(related(&known, &bare));
    bare.record.phase = TL_PHASE_LOAD;
    cr_expect_not(related(&known, &bare), "another phase");
    bare.record.phase = known.record.phase;
    bare.record.signal = 7;
    cr_expect_not(related(&known, &bare), "another signal");
    bare.record.signal = known.record.signal = 6;
    cr_expect(related(&known, &bare), "abort() without a reason is unknown, too");
    bare.record.message = (char *)"Assertion `n' failed";
    cr_expect_not(related(&known, &bare), "an abort is known by its message");
    bare.record.message = (char *)"Aborted";
    cr_expect(related(&known, &bare), "which is none");
    bare.record.outcome = TL_OUTCOME_ERROR;
    cr_expect_not(tl_failure_is_bare(&bare.record));
}

/* A trial whose report of the system came too late beside one whose report came: by the signals of traps, too, and whatever a
 * shell said of the death. */
Test(related, a_late_report_is_no_other_failure)
{
    static const struct {
        int signal;
        const char *said;
    } deaths[] = {
        {SIGTRAP, NULL},           {SIGTRAP, "Trace/BPT trap: 5"},     {SIGILL, "Illegal instruction: 4"},
        {SIGABRT, NULL},           {SIGABRT, "Abort trap: 6"},         {SIGABRT, "abort() called"},
        {SIGBUS, "Bus error: 10"}, {SIGSEGV, "Segmentation fault: 11"}};
    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
        struct crash known, bare;
        make(&known, (uint64_t[]){0x99f0, 0x9b60, 0x2670, 0});
        make(&bare, (uint64_t[]){0});
        bare.record.n_captures = 0;
        known.record.signal = bare.record.signal = deaths[i].signal;
        bare.record.message = (char *)deaths[i].said;
        cr_expect(tl_failure_is_bare(&bare.record), "%zu", i);
        cr_expect(related(&known, &bare), "%zu", i);
        known.record.message = (char *)"Fatal error: the report has a message, too";
        cr_expect(related(&known, &bare), "%zu", i);
    }
}

static enum tl_words_say say(int signal, const char *a, const char *b)
{
    struct tl_trial_record x = {.outcome = TL_OUTCOME_CRASH, .signal = signal, .message = (char *)a},
                           y = {.outcome = TL_OUTCOME_CRASH, .signal = signal, .message = (char *)b};
    enum tl_words_say forth = tl_failure_compare_words(&x, &y), back = tl_failure_compare_words(&y, &x);
    cr_expect_eq(forth, back, "it must not matter which was first");
    return forth;
}

#define VERIFIED " (/x/MPSGraphExecutable.mm:975: failed assertion `original module failed verification')"

/* Where a check that everything goes through ends a process, its stack tells nothing, and its last words neither. */
Test(related, processes_that_ended_themselves_say_why)
{
    static const struct {
        const char *a, *b;
        enum tl_words_say say;
    } rows[] = {
        {"perm tensor length must equal input tensor rank, 4 != 8" VERIFIED,
         "'mps.dequantize' op operand #2 must be tensor of quantized values, but got "
         "'tensor<1xf16>'" VERIFIED,
         TL_WORDS_SAY_OTHER},
        {"'mps.add' op operand #2 must be tensor of quantized values, but got 'tensor<1xf16>'" VERIFIED,
         "'mps.add' op operand #1 must be tensor of quantized values, but got 'tensor<4xf32>'" VERIFIED,
         TL_WORDS_SAY_SAME},
        {"GGML_ASSERT(n_dims <= 4) failed", "GGML_ASSERT(src->type == GGML_TYPE_F16 && dst) failed",
         TL_WORDS_SAY_OTHER},
        {"/s/graph.cc:12: int ns::Graph::Build(int): Assertion `n > 0' failed.",
         "/s/graph.cc:20: int ns::Graph::Build(int): Assertion `output.size() == input.size()' failed.",
         TL_WORDS_SAY_SAME},
        {"Assertion failed: (rank == 4), function reshape, file a.mm, line 3.",
         "Assertion failed: (buffer != nil), function reshape, file a.mm, line 9.", TL_WORDS_SAY_SAME},
        {"free(): invalid pointer", "malloc(): corrupted top size", TL_WORDS_SAY_NOTHING},
        {"std::bad_alloc", "GGML_ASSERT(n_dims <= 4) failed", TL_WORDS_SAY_NOTHING},
        {"Aborted", "GGML_ASSERT(n_dims <= 4) failed", TL_WORDS_SAY_NOTHING},
        {NULL, "GGML_ASSERT(n_dims <= 4) failed", TL_WORDS_SAY_NOTHING},
        {"shape mismatch in the first input", "shape mismatch of one output", TL_WORDS_SAY_OTHER},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++)
        cr_expect_eq(say(SIGABRT, rows[i].a, rows[i].b), rows[i].say, "%s, and %s", rows[i].a, rows[i].b);
    cr_expect_eq(say(SIGSEGV, rows[0].a, rows[0].b), TL_WORDS_SAY_NOTHING,
                 "what stood on stderr before a fault");
}

Test(related, functions_that_only_report)
{
    static const char
        *const reporting[] = {"MTLReportFailure",
                              "ggml_abort",
                              "__assert_rtn",
                              "objc_exception_throw",
                              "std::terminate",
                              "c10::detail::torchCheckFail",
                              "absl::lts_20240116::log_internal::LogMessageFatal::~LogMessageFatal"},
               *const others[] = {"MTLReport", "ggml_compute_forward", "assert_rtn",
                                  "start",     "std::vector::at",      "absl::lts_20240116::Mutex::Lock",
                                  ""};
    for (size_t i = 0; i < TL_COUNT(reporting); i++)
        cr_expect(tl_is_reporting_function(reporting[i]), "%s", reporting[i]);
    for (size_t i = 0; i < TL_COUNT(others); i++)
        cr_expect_not(tl_is_reporting_function(others[i]), "%s", others[i]);
    cr_expect_not(tl_is_reporting_function(NULL));
}
