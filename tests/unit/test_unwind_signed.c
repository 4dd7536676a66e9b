/* Stacks whose return addresses carry a code that authenticates them: programs that were compiled with -mbranch-protection=standard, on
 * a processor of arm64 that has the instructions. Elsewhere they are skipped; TRAPLINE_REQUIRE_POINTER_CODES makes that a failure. */
#include "tests/unit/unwind_fixture.h"

#include "harness/stack/registers.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/uio.h>

static const char *const forms[] = {"signed_o0", "signed_o2", "signed_debug_frame"};
#define FORMS (sizeof forms / sizeof forms[0])

static void setup(void)
{
    if (!(getauxval(AT_HWCAP) & HWCAP_PACA)) {
        cr_assert(!getenv("TRAPLINE_REQUIRE_POINTER_CODES"), "this processor authenticates no pointers");
        cr_skip_test("this processor authenticates no pointers");
    }
    unwind_setup();
}

TestSuite(unwind_signed, .init = setup, .fini = unwind_teardown, .timeout = 60);

/* That there is something to strip at all: the saved return address of the caller has bits that the kernel says are none of an
 * address. */
Test(unwind_signed, addresses_are_signed)
{
    char path[512];
    snprintf(path, sizeof path, "%s/crash_signed_o0", TARGETS);
    const char *argv[] = {path, "abort", NULL};
    struct traced t;
    struct tl_error e;
    struct tl_regs regs;
    cr_assert_eq(traced_start(&t, argv, TRACED_CRASH), 0);
    cr_assert_eq(tl_regs_get(t.pid, &regs, &e), 0);
    uint64_t mask = tl_regs_authentication(t.pid), at = regs.r[TL_REG_FP];
    cr_assert_neq(mask, 0);
    cr_assert_eq(mask & 0x0000ffffffffffffu, 0, "%#llx", (unsigned long long)mask);
    int is_signed = 0, n = 0;
    for (uint64_t record[2] = {0}; at && n < 20; n++, at = record[0]) {
        struct iovec to = {record, sizeof record}, from = {(void *)(uintptr_t)at, sizeof record};
        if (process_vm_readv(t.pid, &to, 1, &from, 1, 0) != sizeof record)
            break;
        is_signed += (record[1] & mask) != 0;
    }
    traced_end(&t);
    /* A code of zero is one, too; of four it is not likely. */
    cr_assert_geq(is_signed, 1, "none of %d return addresses", n);
}

Test(unwind_signed, plain_chain_in_every_form)
{
    for (size_t i = 0; i < FORMS; i++) {
        struct tl_capture c;
        capture(forms[i], "null", &c);
        EXPECT(&c, 0, "write_null", REST);
        for (size_t k = 1; k < c.threads[0].n_frames; k++) {
            cr_assert_eq(c.threads[0].frames[k].flags, 0, "%s %zu", forms[i], k);
            cr_assert_neq(c.threads[0].frames[k].module, TL_NO_MODULE, "%s %zu", forms[i], k);
        }
        cr_assert(!c.threads[0].truncated);
        tl_capture_free(&c);
    }
}

/* The code differs from run to run, and the stack does not. */
Test(unwind_signed, same_stack_id)
{
    struct tl_capture a, b;
    capture("signed_o2", "deep-100", &a);
    capture("signed_o2", "deep-100", &b);
    cr_assert_str_eq(a.threads[0].stack_id, b.threads[0].stack_id);
    tl_capture_free(&a);
    tl_capture_free(&b);
    capture("signed_stripped", "null", &a);
    capture("signed_o2", "null", &b);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(a.threads[0].frames[i].offset, b.threads[0].frames[i].offset);
        cr_assert_eq(a.threads[0].frames[i].start, b.threads[0].frames[i].start);
    }
    tl_capture_free(&a);
    tl_capture_free(&b);
}

Test(unwind_signed, signals_threads_and_code_without_a_file)
{
    for (size_t i = 0; i < FORMS; i++) {
        struct tl_capture c;
        capture(forms[i], "signal", &c);
        EXPECT(&c, 0, "write_null", "handler", "...", "signal_raise", REST);
        tl_capture_free(&c);
        capture(forms[i], "jit-frame", &c);
        EXPECT(&c, 0, "?", "jit", REST);
        tl_capture_free(&c);
        capture(forms[i], "call-null", &c);
        EXPECT(&c, 0, "?", "call_null", REST);
        tl_capture_free(&c);
        capture(forms[i], "threads-3", &c);
        cr_assert_eq(c.n_threads, 4);
        EXPECT(&c, 0, "write_null", "threads", REST);
        for (size_t k = 1; k < c.n_threads; k++)
            EXPECT(&c, k, "...", "wait_deep", "wait_deep", "...", "waiter", "start_thread");
        tl_capture_free(&c);
    }
}

Test(unwind_signed, frame_pointers_alone)
{
    struct tl_capture c;
    capture("signed_no_tables", "null", &c);
    EXPECT(&c, 0, "write_null", REST);
    tl_capture_free(&c);
}

/* A return address that was overwritten does not authenticate: the function that was to return dies. */
Test(unwind_signed, smashed_return_address)
{
    for (size_t i = 0; i < FORMS; i++) {
        struct tl_capture c;
        capture(forms[i], "smash", &c);
        EXPECT(&c, 0, "...", "middle", "outer", "main");
        tl_capture_free(&c);
    }
}
