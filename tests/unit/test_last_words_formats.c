/* What is found in the formats of particular tools: programs that test, Go, sanitizers, Python. */
#include "harness/base/buffer.h"
#include "harness/base/last_words.h"
#include "harness/verdict/normalise.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Programs that test: what failed, and no count of it. On stderr or on stdout. */
static const struct {
    const char *text, *cause;
} tested[] = {
    {"a.c:60: TINFO: Timeout per run is 30s\na.c:59: TPASS: it is set\na.c:66: TFAIL: not set as "
     "expected\n\nSummary:\npassed   1\n"
     "failed   1\nbroken   0\nskipped  0\nwarnings 0\n",
     "a.c: TFAIL: not set as expected"},
    {"a.c:12: TBROK: mmap(0,4096) failed: ENOMEM (12)\n\nSummary:\npassed   0\nfailed   0\nbroken   "
     "1\nwarnings 0\n",
     "a.c: TBROK: mmap(<n>) failed: ENOMEM (<n>)"},
    {"TAP version 13\n1..4\nok 1 - opens\nnot ok 2 - later # TODO\nnot ok 3 - reads the header\n#   Failed "
     "test 'reads the header'\n"
     "ok 4\n# Looks like you failed 1 test of 4.\n",
     "not ok <n> - reads the header"},
    {"1..3\nok 1 - opens\nBail out! the device is gone\n", "the device is gone"},
    {"[ RUN      ] Shape.Infers\n[  FAILED  ] Shape.Infers (0 ms)\n[  PASSED  ] 1 test.\n[  FAILED  ] 1 "
     "test, listed below:\n"
     "[  FAILED  ] Shape.Infers\n\n 1 FAILED TEST\n",
     "[ FAILED ] Shape.Infers"},
    {"1/2 Test #1: opens ......   Passed    0.00 sec\n2/2 Test #2: reads .....***Failed    0.00 sec\n\n50% "
     "tests passed, 1 tests failed "
     "out of 2\n\nTotal Test time (real) =   0.01 sec\n\nThe following tests FAILED:\n\t  2 - reads "
     "(Failed)\nErrors while running CTest\n",
     "reads .....***Failed"},
    {"running 2 tests\ntest opens ... ok\ntest reads ... FAILED\n\ntest result: FAILED. 1 passed; 1 failed; "
     "0 ignored\n",
     "test reads"},
    {"=== RUN   TestSum\n    sum_test.go:9: Sum(2) = 4, want 5\n--- FAIL: TestSum (0.00s)\nFAIL\nexit status "
     "1\nFAIL\texample.com/sum\t0.002s\n",
     "sum_test.go: Sum(<n>) = <n>, want <n> (TestSum)"},
    {"--- FAIL: TestSum (0.00s)\n    sum_test.go:9: Sum(2) = 4, want "
     "5\nFAIL\nFAIL\texample.com/sum\t0.002s\nFAIL\n",
     "sum_test.go: Sum(<n>) = <n>, want <n> (TestSum)"},
    {"PASS: opens\nFAIL: reads_header\n============\n# TOTAL: 2\n# PASS:  1\n# FAIL:  1\n# ERROR: 0\n",
     "FAIL: reads_header"},
    {"1/2 opens        OK              0.01s\n2/2 reads        FAIL            0.01s   exit status 1\n\nOk:  "
     "               1   \n"
     "Fail:               1   \nTimeout:            0   \n",
     "reads FAIL"},
    {"FAIL: test_sum (test_a.T)\n------\nTraceback (most recent call last):\n  File \"t.py\", line 4, in "
     "test_sum\n    self.f(2)\n"
     "AssertionError: sums differ\n\n------\nRan 2 tests in 0.000s\n\nFAILED (failures=1)\n",
     "AssertionError: sums differ"},
    {"error: cannot map the weights\nerrors 0\nwarnings 0\n0 errors, 0 warnings\n",
     "error: cannot map the weights"},
    {"stress-ng: fail:  [123] vm: detected bit errors\nstress-ng: info: [1] failed: 1: vm (1)\nstress-ng: "
     "info: [1] unsuccessful run "
     "completed in 1.0 secs\n",
     "vm: detected bit errors"},
};

Test(tests, what_failed_and_no_count_of_it)
{
    for (size_t i = 0; i < TL_COUNT(tested); i++)
        for (int of_out = 0; of_out < 2; of_out++) {
            const char *text = tested[i].text;
            char *m = of_out ? tl_find_complaint_of("", 0, text, strlen(text))
                             : tl_find_complaint_of(text, strlen(text), "", 0);
            char *normal = m ? tl_normalise_message(m) : NULL;
            cr_expect(normal && strstr(normal, tested[i].cause), "%s\nout %d: %s", text, of_out,
                      normal ? normal : "nothing");
            free(normal);
            free(m);
        }
    static const char *const errors[] = {"error: 5\n", "Error 1\n", "error: 0 is no rank\n",
                                         "failed to open 3 files\n"};
    for (size_t i = 0; i < TL_COUNT(errors); i++) {
        char *m = tl_find_complaint(errors[i], strlen(errors[i]), false);
        cr_expect(m && strlen(m) + 1 == strlen(errors[i]), "%s: %s", errors[i], m ? m : "nothing");
        free(m);
    }
}

/* A panic, and the function of the program that it came from. */
Test(go, the_function_at_fault)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"panic: the table is empty\n\ngoroutine 1 "
         "[running]:\nmain.check(...)\n\t/a/g2.go:2\nmain.main()\n\t/a/g2.go:3 +0x27\n",
         "panic: the table is empty in main.check"},
        {"panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: "
         "segmentation violation code=0x1 "
         "addr=0x0 pc=0x480fc0]\n\ngoroutine 1 [running]:\npanic({0x48bb40, "
         "0x521f40})\n\t/usr/lib/go-1.19/src/runtime/panic.go:987 +0x3ba\n"
         "runtime.sigpanic()\n\t/usr/lib/go-1.19/src/runtime/signal_unix.go:835 "
         "+0x2f6\nmain.(*table).put(0x0?)\n\t/a/g.go:4 +0x1\n"
         "main.main()\n\t/a/g.go:7\n",
         "panic: runtime error: invalid memory address or nil pointer dereference in main.(*table).put"},
        {"fatal error: concurrent map writes\n\ngoroutine 5 [running]:\nmain.f(0x1)\n\t/a/g4.go:3 "
         "+0x33\n\ngoroutine 1 [runnable]:\n"
         "main.other()\n\t/a/g4.go:9\n",
         "fatal error: concurrent map writes in main.f"},
        {"panic: strings: negative Repeat count\n\ngoroutine 1 [running]:\nstrings.Repeat({0x1?, 0x2?}, "
         "0x3?)\n"
         "\t/usr/local/go/src/strings/strings.go:5 "
         "+0x1\nexample.com/m/pad.Left(...)\n\t/home/u/m/pad/pad.go:5\n",
         "panic: strings: negative Repeat count in example.com/m/pad.Left"},
        {"SIGSEGV: segmentation violation\nPC=0x45 m=0 sigcode=1\nsignal arrived during cgo "
         "execution\n\ngoroutine 1 [syscall]:\n"
         "runtime.cgocall(0x4)\n\t/usr/lib/go/src/runtime/cgocall.go:158 "
         "+0x5c\nmain._Cfunc_crash()\n\t_cgo_gotypes.go:39 +0x45\n",
         "SIGSEGV: segmentation violation in main._Cfunc_crash"},
        {"panic: cut off\n\ngoroutine 1 [running]:\n", "panic: cut off"},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        char *m = tl_find_abort_message(rows[i].text, strlen(rows[i].text));
        cr_expect(m && !strcmp(m, rows[i].message), "%s\n got: %s", rows[i].text, m ? m : "nothing");
        free(m);
    }
}

/* Reports of sanitizers in what a process wrote that went on. */
Test(sanitizer, reports)
{
    static const struct {
        const char *text, *report; /* NULL: none */
    } rows[] = {
        {"x\n==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60\n    #0 0x1 in f a.c:1\n"
         "SUMMARY: AddressSanitizer: heap-buffer-overflow a.c:1 in f\nother\n",
         "AddressSanitizer: heap-buffer-overflow a.c:1 in f"},
        {"WARNING: ThreadSanitizer: data race (pid=4)\n  Write\nSUMMARY: ThreadSanitizer: data race a.c:7 in "
         "f\n"
         "==================\nWARNING: ThreadSanitizer: data race (pid=4)\nSUMMARY: ThreadSanitizer: data "
         "race a.c:9 in g\n",
         "ThreadSanitizer: data race a.c:7 in f"},
        {"==7==WARNING: MemorySanitizer: use-of-uninitialized-value\n",
         "MemorySanitizer: use-of-uninitialized-value"},
        {"a/b.c:9:78: runtime error: signed integer overflow\ndone\n",
         "a/b.c:9:78: runtime error: signed integer overflow"},
        {"ubsan: add-overflow by 0x55\n", "ubsan: add-overflow by 0x55"},
        {"==16933==LeakSanitizer has encountered a fatal error.\n", NULL},
        {"panic: runtime error: index out of range\n", NULL},
        {"a.py:3: runtime error: no\n:1:2: runtime error: no\n", NULL},
        {"built with AddressSanitizer: yes\nERROR: no AddressSanitizer: build it first\n", NULL},
        {"ubsan: all is well\n", NULL},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        char *report = tl_find_sanitizer_report(rows[i].text, strlen(rows[i].text));
        cr_assert(rows[i].report ? report && !strcmp(report, rows[i].report) : !report, "%s\n got: %s",
                  rows[i].text, report ? report : "(none)");
        free(report);
    }
}

/* Where Python was. */
Test(python, place)
{
    static const struct {
        const char *text, *place;
    } rows[] = {
        {"Fatal Python error: Aborted\n\nThread 0x1 (most recent call first):\n  File \"/a/t.py\", line 1 in "
         "wait\n\n"
         "Current thread 0x00007f (most recent call first):\n  File \"/a/p.py\", line 4 in leaf\n  File "
         "\"/a/p.py\", line 7 in up\n\n"
         "Extension modules: numpy (total: 1)\n",
         "leaf (p.py:4)"},
        {"Current thread 0x00007f [python3] (most recent call first):\n  File "
         "\"/usr/lib/python3.11/ctypes/__init__.py\", line 519 in "
         "string_at\n  File \"<frozen runpy>\", line 3 in run\n  File \"/a/p.py\", line 3 in leaf\n",
         "string_at (__init__.py:519) ← leaf (p.py:3)"},
        {"Current thread 0x1 (most recent call first):\n  File \"/usr/lib/python3.11/os.py\", line 5 in f\n",
         "f (os.py:5)"},
        {"Current thread 0x1 (most recent call first):\n  <no Python frame>\n", NULL},
        {"Traceback (most recent call last):\n  File \"/a/p.py\", line 4, in leaf\n", NULL},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        char *place = tl_find_python_place(rows[i].text, strlen(rows[i].text));
        cr_assert(rows[i].place ? place && !strcmp(place, rows[i].place) : !place, "%s\n got: %s",
                  rows[i].text, place ? place : "(none)");
        free(place);
    }
}
