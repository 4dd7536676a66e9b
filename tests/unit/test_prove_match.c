/* Whether a run of a reproducer is the failure that it was written for, or another one that ends in the same way. */
#include "harness/campaign/prove_match.h"

#include "harness/base/buffer.h"
#include "harness/verdict/signature.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES 4

struct crash {
    struct tl_module modules[2];
    struct tl_frame frames[FRAMES];
    struct tl_thread thread;
    struct tl_capture capture;
    struct tl_trial_record record;
};

/* A death in functions of a runtime, innermost first, below the program that called it. Without any it left no stack. */
static void make(struct crash *c, const char *program, int signal, const uint64_t *starts,
                 const char *message, const char *out)
{
    memset(c, 0, sizeof *c);
    c->modules[0] = (struct tl_module){.path = (char *)"/lib/libruntime.so", .build_id = "aa"};
    c->modules[1] = (struct tl_module){.path = (char *)program, .build_id = "bb"};
    for (size_t i = 0; starts && i + 1 < FRAMES && starts[i]; i++)
        c->frames[c->thread.n_frames++] = (struct tl_frame){.start = starts[i], .offset = starts[i] + 1};
    if (starts)
        c->frames[c->thread.n_frames++] = (struct tl_frame){.module = 1, .start = 0x10, .offset = 0x20};
    c->thread.frames = c->frames;
    c->thread.crashed = true;
    c->capture =
        (struct tl_capture){.signal = signal, .n_modules = 2, .n_threads = 1, .exe = (char *)program};
    c->capture.modules = c->modules;
    c->capture.threads = &c->thread;
    c->record = (struct tl_trial_record){.outcome = TL_OUTCOME_CRASH,
                                         .phase = TL_PHASE_COMPILE,
                                         .signal = signal,
                                         .exit_status = -1,
                                         .message = tl_strdup(message),
                                         .captures = &c->capture,
                                         .n_captures = 1};
    c->record.out = (struct tl_output){.head = (char *)out, .head_size = out ? strlen(out) : 0};
    tl_signature_make(&c->record);
}

static void release(struct crash *c)
{
    free(c->record.message);
    free(c->record.signature.title);
    free(c->record.signature.coarse_title);
}

#define DIED "RESULT: died in load, if no line follows\nRESULT: died in compile, if no line follows\n"

struct row {
    int signal;
    const uint64_t *starts, *starts_now;
    const char *message, *message_now, *out;
    int same; /* a tl_proof_by; -1: another failure */
};

static void check(const struct row *row)
{
    struct crash as, now;
    enum tl_proof_by by = TL_PROOF_BY_END;
    make(&as, "/opt/runner", row->signal, row->starts, row->message, NULL);
    make(&now, "/tmp/a.out", row->signal, row->starts_now, row->message_now, row->out);
    now.record.phase = TL_PHASE_EXECUTE; /* of a program that no protocol tells of */
    const struct tl_proof_expected x = {.outcome = TL_OUTCOME_CRASH,
                                        .signal = row->signal,
                                        .exit_status = -1,
                                        .as = &as.record,
                                        .tells_phase = true};
    bool same = tl_prove_match(&x, &now.record, &by);
    cr_expect_eq(same, row->same >= 0, "%s beside %s", as.record.signature.title, now.record.signature.title);
    if (same && row->same >= 0)
        cr_expect_eq((int)by, row->same, "%s: by %d", as.record.signature.title, (int)by);
    release(&as);
    release(&now);
}

static const uint64_t here[] = {0x1000, 0x2000, 0x3000, 0}, elsewhere[] = {0x7000, 0x8000, 0x9000, 0},
                      sibling[] = {0x1100, 0x2000, 0x3000, 0};

Test(prove_match, faults)
{
    const struct row rows[] = {
        {SIGSEGV, here, here, NULL, NULL, DIED, TL_PROOF_BY_STACK},
        {SIGSEGV, here, sibling, NULL, NULL, DIED, TL_PROOF_BY_STACK},
        {SIGSEGV, here, elsewhere, NULL, NULL, DIED, -1},
        /* It died as it loaded the library. */
        {SIGSEGV, here, here, NULL, NULL, "RESULT: died in load, if no line follows\n", -1},
        {SIGSEGV, here, here, NULL, NULL, NULL, -1},
        {SIGSEGV, here, here, NULL, NULL, DIED "RESULT: died in execute, if no line follows\n", -1},
        {SIGSEGV, here, here, NULL, NULL, "RESULT: died in compiler, if no line follows\n", -1},
        /* What stands on stderr is from before. */
        {SIGSEGV, here, here, "a warning", "another warning", DIED, TL_PROOF_BY_STACK},
        {SIGSEGV, NULL, here, NULL, NULL, DIED, TL_PROOF_BY_SIGNAL},
        {SIGSEGV, here, NULL, NULL, NULL, DIED, TL_PROOF_BY_SIGNAL},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++)
        check(&rows[i]);
}

Test(prove_match, aborts)
{
    const struct row rows[] = {
        {SIGABRT, here, elsewhere, "check failed: n > 0", "check failed: n > 0", DIED, TL_PROOF_BY_MESSAGE},
        {SIGABRT, here, here, "check failed: n > 0", "out of range", DIED, -1},
        {SIGABRT, here, here, "check failed: n > 0", NULL, DIED, TL_PROOF_BY_STACK},
        {SIGABRT, here, elsewhere, NULL, NULL, DIED, -1},
        {SIGABRT, NULL, NULL, "check failed: n > 0", "check failed: n > 0", DIED, TL_PROOF_BY_MESSAGE},
        {SIGABRT, NULL, NULL, "check failed: n > 0", "out of range", DIED, -1},
        {SIGABRT, NULL, NULL, "check failed: n > 0", NULL, DIED, TL_PROOF_BY_SIGNAL},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++)
        check(&rows[i]);
}

/* One failure may show at several places, which the finding lists. */
Test(prove_match, places)
{
    struct crash as, now;
    make(&as, "/opt/runner", SIGSEGV, here, NULL, NULL);
    make(&now, "/tmp/a.out", SIGSEGV, elsewhere, NULL, NULL);
    const char *const titles[] = {"something else", now.record.signature.title, NULL};
    struct tl_proof_expected x = {TL_OUTCOME_CRASH, .signal = SIGSEGV, .as = &as.record, .titles = titles};
    enum tl_proof_by by = TL_PROOF_BY_END;
    cr_expect(tl_prove_match(&x, &now.record, &by));
    x.titles = NULL;
    cr_expect_not(tl_prove_match(&x, &now.record, &by));
    release(&as);
    release(&now);
}

/* A refusal has its phase and words, a wrong result its line. */
Test(prove_match, refusals_and_results)
{
    struct tl_trial_record as = {.outcome = TL_OUTCOME_ERROR,
                                 .phase = TL_PHASE_COMPILE,
                                 .message = (char *)"No op 12"},
                           now = {.outcome = TL_OUTCOME_ERROR, .exit_status = 1};
    const struct {
        enum tl_outcome outcome;
        const char *out;
        bool same;
    } rows[] = {{TL_OUTCOME_ERROR, "RESULT: refused in compile (session), code 1: No op 12\n", true},
                {TL_OUTCOME_ERROR, "RESULT: refused in compile (session), code 1: No file\n", false},
                {TL_OUTCOME_ERROR, "RESULT: refused in execute (run), code 1: No op 12\n", false},
                {TL_OUTCOME_ERROR, "No op 12\n", false},
                {TL_OUTCOME_WRONG, "RESULT: wrong: output y: expected 1, got 2\n", true},
                {TL_OUTCOME_WRONG, "RESULT: refused in compile (session), code 1: No op 12\n", false}};
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        enum tl_proof_by by = TL_PROOF_BY_END;
        as.outcome = rows[i].outcome;
        now.out = (struct tl_output){.head = (char *)rows[i].out, .head_size = strlen(rows[i].out)};
        const struct tl_proof_expected x = {as.outcome, .as = &as, .tells_phase = true};
        cr_expect_eq(tl_prove_match(&x, &now, &by), rows[i].same, "row %zu", i);
    }
}
