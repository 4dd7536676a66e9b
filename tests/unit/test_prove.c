/* Programs that show a failure: what is seen of them beside what is expected. sh is a program like any other. */
#include "harness/campaign/prove.h"

#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct tl_proof prove(const char *script, unsigned runs, const struct tl_proof_expected *expected)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL}, *const environment[] = {"HOME={scratch}",
                                                                                        NULL};
    const struct tl_proof_request q = {.argv = argv,
                                       .environment = environment,
                                       .limits = {.timeout_s = 20},
                                       .runs = runs,
                                       .expected = *expected};
    struct tl_proof p;
    struct tl_error e;
    cr_assert_eq(tl_prove(&q, &p, &e), 0, "%s: %s", e.what, e.why);
    cr_assert_eq(p.runs, runs);
    return p;
}

Test(prove, a_death_by_signal)
{
    const struct tl_proof_expected x = {TL_OUTCOME_CRASH, SIGSEGV, -1, NULL};
    struct tl_proof p = prove("echo 'RESULT: died in execute'; echo more; kill -SEGV $$", 3, &x);
    cr_assert_eq(p.as_expected, 3);
    cr_assert_eq(p.outcome, TL_OUTCOME_CRASH);
    cr_assert_eq(p.signal, SIGSEGV);
    cr_assert_eq(p.exit_status, -1);
    cr_assert_str_eq(p.line, "RESULT: died in execute");
    tl_proof_free(&p);

    /* A script whose program dies ends with a status that tells it. */
    p = prove("sh -c 'kill -SEGV $$'", 1, &x);
    cr_assert_eq(p.as_expected, 1);
    tl_proof_free(&p);

    p = prove("kill -ABRT $$", 2, &x);
    cr_assert_eq(p.as_expected, 0);
    cr_assert_eq(p.outcome, TL_OUTCOME_CRASH);
    cr_assert_eq(p.signal, SIGABRT);
    tl_proof_free(&p);
}

Test(prove, a_status_and_words)
{
    const char *const words[] = {"Missing", "of node", NULL};
    const struct tl_proof_expected refused = {TL_OUTCOME_ERROR, 0, 1, words},
                                   wrong = {TL_OUTCOME_WRONG, 0, 3, NULL},
                                   pass = {TL_OUTCOME_PASS, 0, 0, NULL};
    struct tl_proof p = prove("echo Missing; echo of node 7 >&2; exit 1", 1, &refused);
    cr_assert_eq(p.as_expected, 1);
    cr_assert_eq(p.outcome, TL_OUTCOME_ERROR);
    cr_assert_eq(p.exit_status, 1);
    cr_assert_str_eq(p.line, "Missing");
    tl_proof_free(&p);
    p = prove("echo Missing; exit 1", 1, &refused);
    cr_assert_eq(p.as_expected, 0);
    tl_proof_free(&p);
    p = prove("echo Missing of node; exit 3", 1, &refused);
    cr_assert_eq(p.as_expected, 0);
    tl_proof_free(&p);

    p = prove("exit 3", 1, &wrong);
    cr_assert_eq(p.as_expected, 1);
    cr_assert_eq(p.outcome, TL_OUTCOME_WRONG);
    cr_assert_null(p.line);
    tl_proof_free(&p);

    p = prove("exit 0", 1, &pass);
    cr_assert_eq(p.as_expected, 1);
    tl_proof_free(&p);
    p = prove("exit 1", 1, &pass);
    cr_assert_eq(p.as_expected, 0);
    cr_assert_eq(p.outcome, TL_OUTCOME_ERROR);
    tl_proof_free(&p);
}

Test(prove, some_runs_of_several)
{
    char template[] = "/tmp/trapline-prove-XXXXXX";
    cr_assert_not_null(mkdtemp(template));
    char *script =
        tl_format("pwd; echo $HOME; test -e %s/seen && exit 7; : > %s/seen; exit 0", template, template);
    const struct tl_proof_expected x = {TL_OUTCOME_PASS, 0, 0, NULL};
    struct tl_proof p = prove(script, 3, &x);
    cr_assert_eq(p.as_expected, 1);
    cr_assert_eq(p.exit_status, 7, "the first that is not as expected is shown");
    cr_assert_neq(strcmp(p.line, getenv("HOME") ? getenv("HOME") : ""), 0, "its home is elsewhere");
    tl_proof_free(&p);

    /* The line is of a run that was as expected, whichever that was; of none only where none was. */
    static const struct {
        int passes, runs;
        const char *line;
    } lines[] = {{1, 3, "RESULT: run 1"}, {3, 3, "RESULT: run 3"}, {9, 2, "RESULT: run 1"}};
    for (size_t i = 0; i < TL_COUNT(lines); i++) {
        char *numbered =
            tl_format("n=$(cat %s/n 2>/dev/null); n=$((${n:-0} + 1)); echo $n > %s/n; echo RESULT: run $n; "
                      "test $n = %d",
                      template, template, lines[i].passes);
        char *count = tl_format("%s/n", template);
        p = prove(numbered, (unsigned)lines[i].runs, &x);
        cr_expect_str_eq(p.line, lines[i].line);
        cr_expect_eq(p.exit_status, 1, "that of one that was not");
        tl_proof_free(&p);
        unlink(count);
        free(count);
        free(numbered);
    }

    const char *const argv[] = {"/bin/sh", "-c", "exit 1", NULL};
    struct tl_proof_request q = {
        .argv = argv, .limits = {.timeout_s = 20}, .runs = 5, .until_other = true, .expected = x};
    struct tl_error e;
    cr_assert_eq(tl_prove(&q, &p, &e), 0);
    cr_assert_eq(p.runs, 1, "it stops there");
    tl_proof_free(&p);

    const struct tl_proof_expected hang = {TL_OUTCOME_HANG, 0, -1, NULL};
    const char *const waits[] = {"/bin/sleep", "60", NULL};
    q = (struct tl_proof_request){.argv = waits, .limits = {.timeout_s = 0.2}, .runs = 1, .expected = hang};
    cr_assert_eq(tl_prove(&q, &p, &e), 0);
    cr_assert_eq(p.as_expected, 1);
    cr_assert_eq(p.outcome, TL_OUTCOME_HANG);
    json_t *j = tl_proof_json(&p, "repro.c", "failing", waits);
    cr_assert_str_eq(json_string_value(json_object_get(j, "outcome")), "hang");
    cr_assert_eq(json_integer_value(json_object_get(j, "as_reported")), 1);
    cr_assert(json_is_null(json_object_get(j, "exit_status")));
    cr_assert_eq(json_array_size(json_object_get(j, "command")), 2);
    json_decref(j);
    tl_proof_free(&p);
    unlink(tl_format("%s/seen", template));
    rmdir(template);
    free(script);
}

/* Another error may end with the same status: what was written last tells them apart. */
Test(prove, last_words_of_a_short_error)
{
    char said[] = "step\nFAIL: 7 of 12\n", nothing[] = "";
    struct tl_trial_record as = {.outcome = TL_OUTCOME_ERROR,
                                 .err = {.head = said, .head_size = sizeof said - 1}};
    struct tl_proof_expected x = {TL_OUTCOME_ERROR, 0, 1, NULL, &as};
    x.ends_alike = true;
    struct tl_proof p = prove("echo 'step 1 of 1 (execute, x)' >&2; echo 'FAIL: 8 of 12' >&2; exit 1", 1, &x);
    cr_assert_eq(p.as_expected, 1);
    tl_proof_free(&p);
    p = prove("echo 'step 1 of 1 (execute, x)' >&2; echo 'No module named m' >&2; exit 1", 1, &x);
    cr_assert_eq(p.as_expected, 0);
    tl_proof_free(&p);
    as.err.head = nothing;
    as.err.head_size = 0;
    p = prove("echo 'step 1 of 1 (execute, x)' >&2; echo 'repro.sh: kept x' >&2; echo RESULT: it did; exit 1",
              1, &x);
    cr_assert_eq(p.as_expected, 1);
    tl_proof_free(&p);
    p = prove("echo 'step 1 of 1 (execute, x)' >&2; echo 'x: not found' >&2; exit 1", 1, &x);
    cr_assert_eq(p.as_expected, 0);
    tl_proof_free(&p);
}
