/* What became of a known failure, in a sentence to be pasted. */
#include "reports/finding/retest.h"
#include "reports/page/page.h"
#include "tests/unit/spoil.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static json_t *entry(const char *verdict, json_int_t passed, json_int_t failed, json_int_t refused)
{
    return json_pack(
        "{s:{s:s,s:s,s:s,s:s,s:s,s:s},s:I,s:I,s:I,s:[],s:{s:[{s:s,s:s,s:s,s:s}],s:I,s:I,s:I},s:{s:i,s:s},"
        "s:{s:{s:i,s:s},s:i,s:i,s:i,s:[]}}",
        "retest", "verdict", verdict, "name", "onnxruntime", "build", "1.30.0", "os", "Debian 12", "kernel",
        "6.1", "was", "1.22.0", "passed", passed, "failed", failed, "refused", refused, "failures", "before",
        "failures", "outcome", "crash", "signal", "SIGSEGV", "phase", "execute", "title", "f <- g", "passed",
        (json_int_t)0, "failed", (json_int_t)5, "refused", (json_int_t)0, "variant", "n", 4, "mode", "b",
        "control", "variant", "n", 3, "mode", "b", "passed", 3, "failed", 0, "refused", 0, "failures");
}

static void add_failure(json_t *e, const char *outcome, const char *signal, const char *title,
                        json_int_t same)
{
    json_array_append_new(json_object_get(e, "failures"),
                          json_pack("{s:s,s:s?,s:s,s:s,s:b}", "outcome", outcome, "signal", signal, "phase",
                                    "execute", "title", title, "same", (int)(same > 0)));
    json_object_set_new(e, "same", json_integer(same));
}

static void says(const json_t *e, const char *os, const char *expected)
{
    char *text = tl_inline_plain(tl_retest_sentence(e, os));
    cr_expect_str_eq(text, expected);
    free(text);
}

Test(retest, every_verdict_is_a_sentence)
{
    json_t *e = entry("still-fails", 0, 3, 0);
    add_failure(e, "crash", "SIGSEGV", "f <- g", 3);
    says(e, NULL,
         "Fails as before on onnxruntime 1.30.0, Debian 12, kernel 6.1: SIGSEGV in 3 of 3 runs, as with "
         "1.22.0; the control "
         "(n=3) passed in 3 of 3.");
    json_object_del(e, "control");
    json_object_del(json_object_get(e, "retest"), "was");
    says(e, NULL, "Fails as before on onnxruntime 1.30.0, Debian 12, kernel 6.1: SIGSEGV in 3 of 3 runs.");
    cr_expect(tl_retest_fails(e));
    json_decref(e);

    e = entry("passes", 3, 0, 0);
    says(e, NULL,
         "No longer fails on onnxruntime 1.30.0, Debian 12, kernel 6.1: passed in 3 of 3 runs; with 1.22.0 "
         "it was SIGSEGV in "
         "execute, f <- g; the control (n=3) passed in 3 of 3.");
    cr_expect_not(tl_retest_fails(e));
    json_decref(e);

    e = entry("clean-error", 0, 0, 3);
    add_failure(e, "error", NULL, "INVALID_GRAPH: no", 0);
    says(e, NULL,
         "No longer fails as reported on onnxruntime 1.30.0, Debian 12, kernel 6.1, but is refused: error in "
         "execute, INVALID_GRAPH: no in 3 of 3 runs; with 1.22.0 it was SIGSEGV in execute, f <- g; the "
         "control (n=3) "
         "passed in 3 of 3.");
    json_decref(e);

    e = entry("fails-otherwise", 1, 2, 0);
    add_failure(e, "crash", "SIGABRT", "assert", 0);
    says(e, NULL,
         "Fails in another way on onnxruntime 1.30.0, Debian 12, kernel 6.1: SIGABRT in execute, assert in 2 "
         "of 3 runs; with "
         "1.22.0 it was SIGSEGV in execute, f <- g; the control (n=3) passed in 3 of 3.");
    json_decref(e);

    e = entry("not-seen", 3, 0, 0);
    json_object_set_new(json_object_get(e, "before"), "passed", json_integer(15));
    says(e, NULL,
         "Did not show on onnxruntime 1.30.0, Debian 12, kernel 6.1: passed in 3 of 3 runs; with 1.22.0 it "
         "was SIGSEGV in "
         "execute, f <- g in 5 of 20 runs, which is too rare to say that it is gone; the control (n=3) "
         "passed in 3 of "
         "3.");
    json_decref(e);

    e = entry("not-tried", 0, 0, 0);
    json_object_set_new(e, "why", json_string("there is no\nGPU"));
    json_object_set_new(json_object_get(e, "control"), "passed", json_integer(0));
    says(e, NULL,
         "Could not be tried on onnxruntime 1.30.0, Debian 12, kernel 6.1: there is no GPU; with 1.22.0 it "
         "was SIGSEGV in "
         "execute, f <- g; the control (n=3) could not be tried.");
    json_decref(e);

    /* A control that fails is no control. */
    e = entry("passes", 3, 0, 0);
    json_object_set_new(json_object_get(e, "control"), "passed", json_integer(1));
    json_object_set_new(json_object_get(e, "control"), "failed", json_integer(2));
    json_array_append_new(json_object_get(json_object_get(e, "control"), "failures"),
                          json_pack("{s:s,s:s}", "outcome", "hang", "phase", "load"));
    char *text = tl_retest_sentence(e, NULL);
    cr_expect_not_null(strstr(text, ") failed too, in 2 of 3: hang in load."), "%s", text);
    free(text);
    json_decref(e);
}

/* The same words of a night, where the OS is that of all. */
Test(retest, a_build_of_the_system_is_said_with_its_name)
{
    json_t *e =
        json_pack("{s:{s:s,s:s,s:s,s:s},s:i,s:i,s:i,s:[{s:s,s:s,s:s}],s:{}}", "retest", "verdict",
                  "still-fails", "what", "os", "build", "26A5416b", "was", "26A5353q", "passed", 0, "failed",
                  3, "refused", 0, "failures", "outcome", "hang", "phase", "compile", "title", "x", "before");
    says(e, "macOS 27.0",
         "Fails as before on macOS 27.0 build 26A5416b: no end within the time limit in 3 of 3 runs, as with "
         "26A5353q.");
    says(e, NULL,
         "Fails as before on build 26A5416b: no end within the time limit in 3 of 3 runs, as with 26A5353q.");
    json_decref(e);
}

static void use(json_t *whole)
{
    free(tl_retest_sentence(whole, "OS"));
    free(tl_retest_build(whole));
    free(tl_retest_verdict(whole));
}

Test(retest, any_document_makes_one)
{
    static const char *const verdicts[] = {
        "still-fails", "still-refused", "fails-otherwise", "clean-error", "passes",
        "as-expected", "not-seen",      "not-tried",       "not-judged",  "?"};
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        json_t *e = entry(verdicts[i], 1, 1, 1);
        add_failure(e, "crash", "SIGSEGV", "f", 1);
        spoil(e, e, 3, use);
        json_decref(e);
    }
    json_t *empty = json_object();
    use(empty);
    json_decref(empty);
}
