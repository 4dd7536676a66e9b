/* Crash reports of macOS and iOS. The fixtures have the shape of real ones and invented content. */
#include "harness/crash_report/ips.h"

#include "harness/base/buffer.h"
#include "harness/verdict/classify.h"
#include "harness/verdict/signature.h"

#include "harness/verdict/fault.h"
#include "harness/verdict/instruction.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define LAUNCHED INT64_C(1927876800500000) /* 2031-02-03 09:20:00.5 UTC */
#define CAPTURED INT64_C(1927876830250000) /* 2031-02-03 09:20:30.25 UTC */

static char *fixture(const char *name, size_t *size)
{
    char *path = tl_format("%s/%s", FIXTURES, name);
    char *text = tl_read_file(path, TL_IPS_MOST, size);
    cr_assert_not_null(text, "%s", path);
    free(path);
    return text;
}

static struct tl_ips load(const char *name)
{
    size_t n;
    char *text = fixture(name, &n);
    struct tl_ips ips;
    struct tl_error e = {0};
    cr_assert_eq(tl_ips_parse(text, n, &ips, &e), 0, "%s: %s %s", name, e.where, e.why);
    free(text);
    return ips;
}

static bool has_line(const struct tl_ips *ips, const char *library, const char *text)
{
    for (size_t i = 0; i < ips->report.n_lines; i++)
        if (!strcmp(ips->report.lines[i].library, library) && !strcmp(ips->report.lines[i].text, text))
            return true;
    return false;
}

static struct tl_output on_stderr(const char *text)
{
    return (struct tl_output){.head = tl_strdup(text), .head_size = strlen(text)};
}

/* What comes of a process that died of a signal, and of which there is a report. */
static void verdict(struct tl_ips *ips, int signal, struct tl_trial_record *r)
{
    static const int no_descendants[65];
    const struct tl_process_facts facts = {
        .status = signal, .executed = true, .descendant_signals = no_descendants, .report = &ips->report};
    tl_verdict_of_process(&facts, r);
}

/* The title that a crash gets from a report alone. */
static void title_is(struct tl_ips *ips, const char *title)
{
    struct tl_trial_record r = {.phase = TL_PHASE_EXECUTE};
    verdict(ips, ips->report.signal, &r);
    cr_assert_str_eq(r.signature.title, title, "got: %s", r.signature.title);
    tl_trial_record_free(&r);
}

Test(ips, fault)
{
    struct tl_ips ips = load("fault.ips");
    cr_assert(ips.crash && !ips.report.launch_failure);
    cr_assert_eq(ips.pid, 4242);
    cr_assert_str_eq(ips.process, "Python");
    cr_assert_str_eq(ips.os, "macOS 31.1");
    cr_assert_str_eq(ips.os_build, "31B77");
    cr_assert_str_eq(ips.model, "Mac99,1");
    cr_assert_str_eq(ips.incident, "11111111-2222-3333-4444-555555555555");
    cr_assert_eq(ips.captured_us, CAPTURED);
    cr_assert_eq(ips.launched_us, LAUNCHED);
    cr_assert_eq(ips.report.signal, SIGSEGV);
    cr_assert_str_eq(ips.exception, "EXC_BAD_ACCESS");
    cr_assert_str_eq(ips.report.termination, "SIGNAL 11: Segmentation fault: 11");
    cr_assert_str_eq(ips.queue, "com.invented.Graph.execution_queue");
    cr_assert_eq(ips.report.n_lines, 0);
    cr_assert(!ips.report.has_reasons);

    const struct tl_capture *c = &ips.report.capture;
    cr_assert_str_eq(c->exe, "/opt/python/bin/python3");
    cr_assert(c->has_address && c->fault_address == 8);
    cr_assert_eq(c->n_modules, 4);
    cr_assert_str_eq(c->modules[0].build_id, "2f5ccac7cf4f3f8786897c673e90e595");
    cr_assert_str_eq(c->modules[3].build_id, "");
    cr_assert_eq(c->n_threads, 2);
    cr_assert_eq(c->tid, 71);
    const struct tl_thread *t = &c->threads[0];
    cr_assert(t->crashed && t->tid == 71 && !c->threads[1].crashed);
    cr_assert_str_eq(t->name, "worker");
    cr_assert_eq(t->n_frames, 5, "%zu: calls inlined at a frame are not frames", t->n_frames);
    cr_assert_eq(t->symbols[0].n, 3);
    cr_assert(t->symbols[0].symbols[0].inlined && t->symbols[0].symbols[1].inlined &&
              !t->symbols[0].symbols[2].inlined);
    cr_assert_str_eq(t->symbols[0].symbols[2].file, "slice_update.cpp");
    cr_assert_eq(t->symbols[0].symbols[2].line, 367);
    cr_assert_eq(t->frames[0].offset, 20100);
    cr_assert_eq(t->frames[0].start, 20000);
    cr_assert_eq(t->symbols[1].n, 0, "a deduplicated symbol is no name");
    cr_assert_eq(t->frames[1].start, 30000);
    cr_assert_eq(t->frames[3].module, TL_NO_MODULE);
    cr_assert_eq(t->frames[3].offset, 4428941380);
    title_is(&ips, "inv::SliceUpdate::eval ← libinv.dylib!+0x7530 ← inv::run");
    tl_ips_free(&ips);
}

Test(ips, registers_of_64_bits)
{
    struct tl_ips ips = load("fault.ips");
    const struct tl_capture *c = &ips.report.capture;
    uint64_t x1 = 0, x2 = 0, sp = 0;
    for (size_t i = 0; i < c->n_registers; i++) {
        x1 = strcmp(c->registers[i].name, "x1") ? x1 : c->registers[i].value;
        x2 = strcmp(c->registers[i].name, "x2") ? x2 : c->registers[i].value;
        sp = strcmp(c->registers[i].name, "sp") ? sp : c->registers[i].value;
    }
    cr_assert_eq(x1, UINT64_MAX);
    cr_assert_eq(x2, UINT64_C(1) << 63);
    cr_assert_eq(sp, 6095486672);
    tl_ips_free(&ips);
}

/* A report that tells of code: a body with these members beside what every crash has. */
static struct tl_fault *fault_of(const char *members, const char *state, struct tl_trial_record *r)
{
    static const char form[] =
        "{\"bug_type\":\"309\",\"incident_id\":\"i\"}\n{\"pid\":7,\"procName\":\"p\",\"captureTime\":\"2031-"
        "02-03 "
        "10:20:30.2500 "
        "+0100\",\"faultingThread\":0,%s,\"threads\":[{\"id\":1,\"triggered\":true,%s,\"frames\":[]}],"
        "\"usedImages\":[]}";
    char *text = tl_format(form, members, state);
    struct tl_ips ips;
    struct tl_error e = {0};
    cr_assert_eq(tl_ips_parse(text, strlen(text), &ips, &e), 0, "%s: %s", e.why, text);
    free(text);
    *r = (struct tl_trial_record){.phase = TL_PHASE_EXECUTE};
    verdict(&ips, ips.report.signal, r);
    tl_verdict_faults(r);
    tl_ips_free(&ips);
    return r->n_captures ? r->captures[0].fault : NULL;
}

#define ACCESS "\"exception\":{\"type\":\"EXC_BAD_ACCESS\",\"signal\":\"SIGSEGV\",\"rawCodes\":[1,8]}"
#define ARM_STATE                                                                                            \
    "\"threadState\":{\"x\":[{\"value\":0}],\"esr\":{\"value\":2449473542},\"pc\":{\"value\":4385295640}}"

Test(ips, code_at_the_fault)
{
    struct tl_trial_record r;
    /* ldr x8, [x0, #8] */
    struct tl_fault *f = fault_of("\"cpuType\":\"ARM-64\"," ACCESS
                                  ",\"instructionByteStream\":{\"beforePC\":\"AAAA\",\"atPC\":\"CARA+Q==\"}",
                                  ARM_STATE, &r);
    cr_assert_not_null(f);
    cr_assert_str_eq(f->arch, "aarch64");
    cr_assert(f->pc == 4385295640 && f->n_code == 4 && f->code[0] == 0x08 && f->code[3] == 0xf9);
    cr_assert_str_eq(f->did, tl_instruction_readable()
                                 ? "read of 8 bytes at 0x8 (x0 + 0x8, x0 = 0): near null"
                                 : "read at 0x8: near null");
    tl_trial_record_free(&r);
    /* Of x86-64 the bytes are a list in the thread. mov eax, dword ptr [rax + 8] */
    f = fault_of("\"cpuType\":\"X86-64\"," ACCESS,
                 "\"threadState\":{\"rax\":{\"value\":0},\"rip\":{\"value\":4096}},"
                 "\"instructionState\":{\"instructionStream\":{\"bytes\":[144,139,64,8],\"offset\":1}}",
                 &r);
    cr_assert(f && f->n_code == 3 && f->code[0] == 0x8b);
    cr_assert_str_eq(f->did, tl_instruction_readable()
                                 ? "read of 4 bytes at 0x8 (rax + 0x8, rax = 0): near null"
                                 : "access at 0x8: near null");
    tl_trial_record_free(&r);
}

Test(ips, code_that_is_none)
{
    static const char *const members[] = {
        /* Of an abort the place of the code says nothing. */
        "\"cpuType\":\"ARM-64\",\"exception\":{\"type\":\"EXC_CRASH\",\"signal\":\"SIGABRT\"}",
        ("\"cpuType\":\"PPC\"," ACCESS),
        ACCESS,
    };
    struct tl_trial_record r;
    for (size_t i = 0; i < TL_COUNT(members); i++) {
        cr_assert_null(fault_of(members[i], ARM_STATE, &r), "%s", members[i]);
        tl_trial_record_free(&r);
    }
    static const char *const streams[] = {"\"\"", "\"====\"", "\"C\"",           "\"????\"",
                                          "7",    "[1,2]",    "\"CARA\\u0000\"", "\"A===\""};
    for (size_t i = 0; i < TL_COUNT(streams); i++) {
        char *more = tl_format("\"cpuType\":\"ARM-64\"," ACCESS ",\"instructionByteStream\":{\"atPC\":%s}",
                               streams[i]);
        struct tl_fault *f = fault_of(more, ARM_STATE, &r);
        cr_assert(f && f->n_code < 4, "%s", streams[i]);
        cr_assert_str_eq(f->did, "read at 0x8: near null", "the processor itself tells which it was");
        tl_trial_record_free(&r);
        free(more);
    }
}

Test(ips, thrown_exception)
{
    struct tl_ips ips = load("exception.ips");
    cr_assert_eq(ips.report.signal, SIGABRT);
    cr_assert(has_line(&ips, "libsystem_c.dylib", "abort() called"));
    cr_assert_eq(ips.captured_us - ips.launched_us, 1);
    cr_assert(ips.report.capture.reported && !tl_capture_was_sent(&ips.report.capture),
              "it does not tell who sent the signal");
    cr_assert_eq(ips.report.capture.n_threads, 2);
    cr_assert_str_eq(ips.report.capture.threads[0].name, "last exception");
    cr_assert(ips.report.capture.threads[0].crashed && !ips.report.capture.threads[1].crashed);
    struct tl_trial_record r = {.phase = TL_PHASE_EXECUTE};
    verdict(&ips, SIGABRT, &r);
    cr_assert_str_eq(r.message,
                     "*** Terminating app due to uncaught exception 'NSInvalidArgumentException', reason: "
                     "'shape [1, 2] does not fit'");
    free(r.message);
    r.message = NULL;
    tl_signature_make(&r);
    cr_assert_str_eq(r.signature.title, "-[INVGraph compile:] ← inv_compile");
    tl_trial_record_free(&r);
    tl_ips_free(&ips);
}

Test(ips, trap)
{
    struct tl_ips ips = load("trap.ips");
    cr_assert_eq(ips.report.signal, SIGTRAP);
    cr_assert_eq(ips.report.capture.has_address, false);
    cr_assert_null(ips.model);
    title_is(&ips, "Slice.swift: Fatal error: begin is out of range");
    tl_ips_free(&ips);
}

Test(ips, jump)
{
    struct tl_ips ips = load("jump.ips");
    cr_assert_eq(ips.report.capture.threads[0].tid, 5,
                 "the triggered thread is first without faultingThread");
    cr_assert(ips.report.capture.threads[0].frames[0].flags & TL_FRAME_WILD);
    title_is(&ips, "jump to a wild address from call_kernel");
    tl_ips_free(&ips);
}

Test(ips, launch_failure_is_unsupported)
{
    struct tl_ips ips = load("loader.ips");
    cr_assert(ips.report.launch_failure);
    struct tl_trial_record r = {.err = on_stderr("libc++abi: terminating")};
    verdict(&ips, SIGABRT, &r);
    cr_assert_str_eq(r.signature.id, "");
    cr_assert_eq(r.outcome, TL_OUTCOME_UNSUPPORTED);
    cr_assert_str_eq(r.message,
                     "DYLD 1: Library missing; Library not loaded: @rpath/libinv.dylib; Referenced from: "
                     "/opt/runner");
    tl_trial_record_free(&r);
    tl_ips_free(&ips);
}

Test(ips, only_309_is_a_crash)
{
    struct tl_ips ips = load("jetsam.ips");
    cr_assert(!ips.crash);
    cr_assert_eq(ips.bug_type, 298);
    cr_assert(!tl_ips_matches(&ips, 77, 0, INT64_MAX - 2000000));
    struct tl_trial_record r = {.phase = TL_PHASE_EXECUTE};
    verdict(&ips, SIGSEGV, &r);
    cr_assert_eq(r.n_captures, 0);
    cr_assert_eq(r.outcome, TL_OUTCOME_CRASH);
    tl_trial_record_free(&r);
    tl_ips_free(&ips);
}

Test(ips, the_report_comes_first_and_keeps_what_the_record_knows)
{
    struct tl_ips ips = load("trap.ips");
    struct tl_trial_record r = {.err = on_stderr("Fatal error: said on stderr")};
    r.captures = tl_calloc(1, sizeof *r.captures);
    r.captures[0].pid = 1234;
    r.n_captures = 1;
    verdict(&ips, SIGILL, &r);
    cr_assert_eq(r.n_captures, 2);
    cr_assert_eq(r.captures[0].pid, 88);
    cr_assert_eq(r.captures[1].pid, 1234);
    cr_assert_eq(r.signal, SIGILL);
    cr_assert_str_eq(r.message, "Fatal error: said on stderr");
    tl_trial_record_free(&r);
    tl_ips_free(&ips);
}

Test(ips, matches_pid_and_time)
{
    struct tl_ips ips = load("fault.ips");
    int64_t second = 1000000;
    cr_assert(tl_ips_matches(&ips, 4242, LAUNCHED, CAPTURED + second / 10));
    cr_assert(tl_ips_matches(&ips, 4242, LAUNCHED, CAPTURED - second / 10),
              "clocks are read at different moments");
    cr_assert(!tl_ips_matches(&ips, 4243, LAUNCHED, CAPTURED + second));
    cr_assert(!tl_ips_matches(&ips, 4242, CAPTURED + 5 * second, CAPTURED + 9 * second),
              "an older process of that pid");
    cr_assert(!tl_ips_matches(&ips, 4242, LAUNCHED - 90 * second, LAUNCHED - 60 * second), "a younger one");
    ips.captured_us = 0;
    cr_assert(!tl_ips_matches(&ips, 4242, 0, INT64_MAX / 2));
    tl_ips_free(&ips);
}

/* ---- hostile ---- */

Test(ips, not_a_report)
{
    static const char *const texts[] = {"",
                                        "\n",
                                        "hello\n{}\n",
                                        "{}\n{}\n",
                                        "[]\n{}",
                                        "{\"bug_type\":\"309\"}",
                                        "{\"bug_type\":\"309\"}\n",
                                        "{\"bug_type\":\"309\"}\n[]",
                                        "{\"bug_type\":\"309\"}\n{\"pid\":",
                                        "{\"bug_type\":\"309\"}\nnull"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct tl_ips ips;
        struct tl_error e = {0};
        cr_assert_eq(tl_ips_parse(texts[i], strlen(texts[i]), &ips, &e), -1, "%s", texts[i]);
        cr_assert_eq(e.kind, TL_ERROR_INPUT);
        cr_assert(*e.why);
        cr_assert_null(ips.report.capture.threads);
    }
}

Test(ips, fields_of_other_types_are_as_good_as_absent)
{
    static const char *const bodies[] = {
        "{}",
        "{\"pid\":\"x\",\"procName\":3,\"osVersion\":[],\"captureTime\":\"yesterday\",\"exception\":\"no\","
        "\"asi\":[1],"
        "\"termination\":7,\"faultingThread\":-1,\"threads\":{},\"usedImages\":3,\"lastExceptionBacktrace\":"
        "\"x\"}",
        "{\"faultingThread\":99999,\"threads\":[1,null,{\"frames\":[1,{\"imageIndex\":-1},{\"imageIndex\":5},"
        "{\"imageIndex\":0,\"imageOffset\":-4,\"symbol\":\"\",\"symbolLocation\":9}]}],\"usedImages\":[null,{"
        "\"base\":"
        "\"99999999999999999999999\",\"size\":18446744073709551615,\"uuid\":\"zz\",\"path\":\"\"}]}",
        "{\"threads\":[{\"triggered\":true,\"frames\":[{\"inline\":true},{\"inline\":true}],\"threadState\":{"
        "\"x\":3,"
        "\"r\":{\"value\":[]}}}],\"exception\":{\"rawCodes\":[],\"type\":\"EXC_BAD_ACCESS\",\"signal\":"
        "\"SIGNONSENSE\"}}",
        "{\"pid\":99999999999999999999,\"captureTime\":\"2031-99-03 09:20:30\"}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char *text = tl_format("{\"bug_type\":\"309\"}\n%s", bodies[i]);
        struct tl_ips ips;
        struct tl_error e = {0};
        cr_assert_eq(tl_ips_parse(text, strlen(text), &ips, &e), 0, "%s: %s", text, e.why);
        cr_assert_eq(ips.report.signal, 0);
        cr_assert_eq(ips.pid, 0);
        cr_assert_eq(ips.captured_us, 0);
        struct tl_trial_record r = {.phase = TL_PHASE_EXECUTE};
        verdict(&ips, SIGSEGV, &r);
        cr_assert_not_null(r.signature.title);
        tl_trial_record_free(&r);
        tl_ips_free(&ips);
        free(text);
    }
}

Test(ips, cut_anywhere)
{
    size_t n;
    char *text = fixture("fault.ips", &n);
    for (size_t cut = 0; cut < n; cut++) {
        char *part = tl_malloc(cut);
        memcpy(part, text, cut); /* exactly as long as it is, for the sanitizers */
        struct tl_ips ips;
        struct tl_error e = {0};
        if (tl_ips_parse(part, cut, &ips, &e) == 0)
            tl_ips_free(&ips);
        free(part);
    }
    free(text);
}

Test(ips, very_deep_stack_keeps_both_ends)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(
        &b, "{\"bug_type\":\"309\"}\n{\"exception\":{\"type\":\"EXC_BAD_ACCESS\",\"signal\":\"SIGSEGV\","
            "\"rawCodes\":[2,6095486600]},\"faultingThread\":0,\"usedImages\":[{\"path\":\"/l.dylib\"}],"
            "\"threads\":[{\"id\":1,\"threadState\":{\"sp\":{\"value\":6095486672}},\"frames\":[");
    for (int i = 0; i < 2000; i++)
        tl_buffer_printf(&b, "%s{\"imageIndex\":0,\"imageOffset\":%d,\"symbol\":\"%s\"}", i ? "," : "", i,
                         i % 2 ? "walk" : "visit");
    tl_buffer_add_string(&b, "]}]}");
    struct tl_ips ips;
    struct tl_error e = {0};
    cr_assert_eq(tl_ips_parse(b.data, b.size, &ips, &e), 0, "%s", e.why);
    tl_buffer_free(&b);
    const struct tl_thread *t = &ips.report.capture.threads[0];
    cr_assert_eq(t->n_frames, 320);
    cr_assert_eq(t->omitted, 1680);
    cr_assert_eq(t->omitted_at, 256);
    cr_assert_eq(t->frames[319].offset, 1999);
    title_is(&ips, "stack overflow in visit ↔ walk");
    tl_ips_free(&ips);
}
