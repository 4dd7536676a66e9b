/* Who started what, and where cases were: what `last` stands for. */
#include "db/finding.h"
#include "db/merge.h"
#include "db/started.h"
#include "harness/base/buffer.h"
#include "store_fixture.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(started, .init = store_setup, .fini = store_teardown, .timeout = 60);

/* A session of its own: of that command, or of nobody (NULL), with a trial and, where it is named, a finding about it. */
static void session(const char *command, int variant, const char *finding, char trial[TL_UUID_SIZE])
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    OK(tl_store_session_begin(s, &machine, "0.1", "x", NULL, &error));
    if (command)
        OK(tl_started_session(s, command, &error));
    struct tl_trial_record r = variant < 0 ? asked(-variant) : crashed(variant);
    if (variant < 0)
        r.outcome = TL_OUTCOME_PASS;
    memcpy(trial, r.id, TL_UUID_SIZE);
    OK(tl_store_trial(s, &r, &error));
    if (finding) {
        json_t *j = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:i,s:{s:s}}", "finding", finding, "kind",
                              "isolation", "case", "case", "case_hash", "c", "unit", "u", "complete", 1,
                              "created_us", 1, "signature", "id", r.signature.id);
        OK(tl_finding_put(s, j, &error));
        json_decref(j);
    }
    check(s);
    close_store(s);
    tl_trial_record_free(&r);
}

static char *last(unsigned kinds, const char *command, const char *outcome)
{
    static char found[TL_UUID_SIZE];
    struct tl_store *s = open_store(TL_STORE_READ);
    struct tl_started x;
    OK(tl_started_last(s, &(struct tl_started_wish){kinds, command, outcome}, &x, &error));
    memcpy(found, x.id, sizeof found);
    close_store(s);
    return found;
}

#define BOTH (TL_STARTED_TRIAL | TL_STARTED_FINDING)
#define F1 "01a00000-0000-7000-8000-000000000001"
#define F2 "01a00000-0000-7000-8000-000000000002"

Test(started, the_newest_of_each_kind)
{
    char a[TL_UUID_SIZE], b[TL_UUID_SIZE], c[TL_UUID_SIZE], d[TL_UUID_SIZE];
    session(NULL, 9, NULL, d);
    cr_assert_str_eq(last(BOTH, NULL, NULL), "", "a night is nobody's");
    session("run", 1, NULL, a);
    cr_assert_str_eq(last(BOTH, NULL, NULL), a);
    session("isolate", 2, F1, b);
    cr_expect_str_eq(last(BOTH, NULL, NULL), F1, "what the trials were run for");
    cr_expect_str_eq(last(TL_STARTED_TRIAL, NULL, NULL), b);
    cr_expect_str_eq(last(TL_STARTED_FINDING, NULL, "crash"), F1);
    cr_expect_str_eq(last(TL_STARTED_FINDING, NULL, "hang"), "");
    session("run", -3, NULL, c);
    session(NULL, 4, F2, d);
    cr_expect_str_eq(last(BOTH, NULL, NULL), c);
    cr_expect_str_eq(last(BOTH, NULL, "crash"), F1, "the newest session in which something crashed");
    cr_expect_str_eq(last(TL_STARTED_TRIAL, NULL, "crash"), b);
    cr_expect_str_eq(last(BOTH, "isolate", NULL), F1);
    cr_expect_str_eq(last(BOTH, "run", "crash"), a);
    cr_expect_str_eq(last(BOTH, "matrix", NULL), "");
    cr_expect_eq(strlen(last(TL_STARTED_SIGNATURE, NULL, NULL)), TL_ID_SIZE - 1);
    cr_expect_eq(strlen(last(TL_STARTED_SESSION, "run", NULL)), TL_UUID_SIZE - 1);
}

Test(started, a_command_that_found_nothing_is_behind_the_last_finding)
{
    char a[TL_UUID_SIZE], command[TL_STARTED_COMMAND];
    struct tl_started x;
    session("isolate", 1, F1, a);
    session("run", 2, NULL, a);
    struct tl_store *s = open_store(TL_STORE_READ);
    OK(tl_started_last(s, &(struct tl_started_wish){.kinds = TL_STARTED_FINDING}, &x, &error));
    OK(tl_started_in_vain(s, x.session, command, &error));
    cr_expect_str_eq(command, "", "it is the newest that was to find something");
    close_store(s);
    session("reduce", 3, NULL, a);
    s = open_store(TL_STORE_READ);
    OK(tl_started_in_vain(s, x.session, command, &error));
    cr_expect_str_eq(command, "reduce");
    close_store(s);
}

Test(started, what_another_user_started_is_not_mine)
{
    char a[TL_UUID_SIZE];
    session("run", 1, NULL, a);
    sql("UPDATE started SET uid = uid + 1");
    cr_assert_str_eq(last(BOTH, NULL, NULL), "");
}

Test(started, a_merge_brings_no_marks)
{
    char a[TL_UUID_SIZE], b[TL_UUID_SIZE], *other = tl_format("%s/other.db", directory);
    struct tl_merged merged;
    session("isolate", 1, F1, a);
    cr_assert_eq(rename(path, other), 0);
    session("run", 2, NULL, b);
    struct tl_store *s = open_store(TL_STORE_WRITE);
    OK(tl_store_merge(s, other, NULL, &merged, &error));
    cr_assert_eq(merged.trials, 1);
    check(s);
    close_store(s);
    cr_assert_str_eq(last(BOTH, NULL, NULL), b);
    cr_assert_str_eq(last(TL_STARTED_FINDING, NULL, NULL), "");
    unlink(other);
    free(other);
}

Test(started, where_a_case_is)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char *where;
    OK(tl_store_put_case(s, "00112233445566778899aabbccddeeff", "kv", "{}", &error));
    OK(tl_started_case_path(s, "00112233445566778899aabbccddeeff", &where, &error));
    cr_assert_null(where);
    static const char *const paths[] = {"/a/kv.json", "/b/kv.json"};
    for (size_t i = 0; i < TL_COUNT(paths); i++) {
        OK(tl_started_case_place(s, "00112233445566778899aabbccddeeff", paths[i], &error));
        OK(tl_store_flush(s, &error));
        OK(tl_started_case_path(s, "00112233445566778899aabbccddeeff", &where, &error));
        cr_assert_str_eq(where, paths[i]);
        free(where);
    }
    close_store(s);
}
