/* Failures that somebody has judged: which failure it is, what belongs to it, and what a merge makes of two. */
#include "db/finding.h"
#include "db/known.h"
#include "db/merge.h"
#include "harness/base/buffer.h"
#include "store_fixture.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(known, .init = store_setup, .fini = store_teardown, .timeout = 60);

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ACROSS "ccccccccccccccccccccccccccccccc"

/* A trial of a case that fails at a place of a build: places with the same second digit are one across builds. */
static void trial(struct tl_store *s, const char *case_name, const char *variant, const char *place)
{
    struct tl_trial_record r = crashed(1);
    free(r.case_name);
    free(r.variant);
    r.case_name = tl_strdup(case_name);
    r.variant = tl_strdup(variant);
    tl_content_id(variant, strlen(variant), r.variant_hash);
    tl_content_id(case_name, strlen(case_name), r.case_hash);
    snprintf(r.signature.id, sizeof r.signature.id, A "%s", place);
    snprintf(r.signature.coarse_id, sizeof r.signature.coarse_id, ACROSS "%s", place + 1);
    OK(tl_store_trial(s, &r, &error));
    tl_trial_record_free(&r);
}

/* An isolation: of the first place, the second one being the same failure or not. */
static void finding(struct tl_store *s, const char *id, const char *trigger, const char *relation)
{
    json_t *t = json_loads(trigger, 0, NULL);
    cr_assert(t);
    json_t *j =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:i,s:{s:s},s:{s:i,s:s},s:o,s:[{s:s,s:s}]}", "finding", id,
                  "kind", "isolation", "case", "one", "case_hash", "c", "unit", "u", "complete", 1,
                  "reproduced", 1, "created_us", 1, "signature", "id", A "11", "baseline", "layers", 1,
                  "begin", "none", "trigger", t, "places", "signature", A "22", "relation", relation);
    cr_assert(j);
    OK(tl_finding_put(s, j, &error));
    json_decref(j);
}

static struct tl_known known(struct tl_store *s, const char *signature, const char *case_name)
{
    struct tl_known k;
    OK(tl_known_failure(s, signature, case_name, &k, &error));
    k.name = tl_strdup("FB1");
    k.url = tl_strdup("");
    k.note = tl_strdup("");
    k.status = tl_strdup("filed");
    k.until = tl_strdup("fixed");
    k.since_us = 5;
    return k;
}

static bool is_known(struct tl_store *s, const char *case_name, const char *coarse, const char *variant)
{
    struct tl_known_list l;
    json_t *v = variant ? json_loads(variant, 0, NULL) : NULL;
    OK(tl_known_load(s, NULL, &l, &error));
    const struct tl_known_seen seen = {.case_name = case_name, .coarse_id = coarse, .variant = v};
    enum tl_known_by by;
    bool is = tl_known_of(&l, &seen, &by) != NULL;
    json_decref(v);
    tl_known_list_free(&l);
    return is;
}

#define FAILING "{\"begin\":\"tensor\",\"layers\":48}"
#define BASELINE "{\"begin\":\"none\",\"layers\":1}"
#define TRIGGER "[{\"axis\":\"begin\",\"value\":\"tensor\"}]"

Test(known, is_a_case_and_a_failure_in_any_build)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    trial(s, "one", FAILING, "11");
    trial(s, "one", FAILING, "21"); /* another build: the same across builds */
    trial(s, "one", FAILING, "33");
    trial(s, "two", FAILING, "11");
    struct tl_known k, none;
    cr_expect_eq(tl_known_failure(s, A "11", NULL, &none, &error), -1, "it was seen in two cases");
    cr_expect(strstr(error.why, "one, two"), "%s", error.why);
    tl_known_free(&none);
    cr_expect_eq(tl_known_failure(s, "aaaa", "one", &none, &error), -1, "several begin like that");
    cr_expect(strstr(error.why, "more of the id"), "%s", error.why);
    tl_known_free(&none);
    cr_expect_eq(tl_known_failure(s, "0123", "one", &none, &error), -1);
    tl_known_free(&none);
    cr_expect_eq(tl_known_failure(s, A "33", "two", &none, &error), -1);
    cr_expect(strstr(error.why, "but in one"), "%s", error.why);
    tl_known_free(&none);
    k = known(s, A "21", "one");
    OK(tl_known_put(s, &k, &error));
    cr_expect(is_known(s, "one", ACROSS "1", BASELINE), "no finding tells what it needs");
    cr_expect_not(is_known(s, "one", ACROSS "3", FAILING), "another failure, however alike in kind");
    cr_expect_not(is_known(s, "one", "", FAILING), "what nothing is known of");
    cr_expect_not(is_known(s, "two", ACROSS "1", FAILING));
    k.removed = true;
    OK(tl_known_put(s, &k, &error));
    cr_expect_not(is_known(s, "one", ACROSS "1", FAILING));
    tl_known_free(&k);
    check(s);
    close_store(s);
}

Test(known, is_also_where_a_finding_says_it_is_the_same)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    trial(s, "one", FAILING, "11");
    trial(s, "one", FAILING, "22");
    struct tl_known k = known(s, ACROSS "1", "one");
    OK(tl_known_put(s, &k, &error));
    finding(s, "01a00000-0000-7000-8000-000000000001", TRIGGER, "unknown");
    cr_expect_not(is_known(s, "one", ACROSS "2", FAILING), "whether it is the same is not known");
    finding(s, "01a00000-0000-7000-8000-000000000002", TRIGGER, "same");
    cr_expect(is_known(s, "one", ACROSS "2", FAILING));
    cr_expect(is_known(s, "one", ACROSS "1", BASELINE), "said before there was a finding");
    tl_known_free(&k);

    k = known(s, ACROSS "1", "one"); /* said again */
    OK(tl_known_put(s, &k, &error));
    cr_expect_not(is_known(s, "one", ACROSS "1", BASELINE), "without its trigger it fails in a new way");
    cr_expect(is_known(s, "one", ACROSS "1", "{\"begin\":\"tensor\",\"layers\":1}"));
    cr_expect(is_known(s, "one", ACROSS "1", NULL));
    tl_known_free(&k);

    trial(s, "one", BASELINE, "11");
    k = known(s, ACROSS "1", "one");
    OK(tl_known_put(s, &k, &error));
    cr_expect(is_known(s, "one", ACROSS "1", BASELINE), "it was seen there when it was said");
    tl_known_free(&k);
    close_store(s);
}

static char *said(const char *database, const char *id)
{
    struct tl_store *s;
    struct tl_known_list l;
    char *text = NULL;
    OK(tl_store_open(database, TL_STORE_READ, &s, &error));
    OK(tl_known_load(s, NULL, &l, &error));
    for (size_t i = 0; i < l.n; i++)
        if (!strcmp(l.list[i].id, id))
            text = tl_format("%s %s", l.list[i].name, l.list[i].note);
    tl_known_list_free(&l);
    OK(tl_store_close(s, &error));
    return text ? text : tl_strdup("none");
}

static void run_sql(const char *database, const char *text)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(database, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(known, of_two_databases_what_was_said_last_holds)
{
    char *other = tl_format("%s/other.db", directory);
    struct tl_store *s = open_store(TL_STORE_WRITE), *o;
    struct tl_merged m;
    trial(s, "one", FAILING, "11");
    struct tl_known k = known(s, ACROSS "1", "one");
    OK(tl_known_put(s, &k, &error));
    OK(tl_store_open(other, TL_STORE_WRITE, &o, &error));
    free(k.note);
    k.note = tl_strdup("seen by others too");
    OK(tl_known_put(o, &k, &error));
    OK(tl_store_close(o, &error));
    OK(tl_store_merge(s, other, NULL, &m, &error));
    close_store(s);
    char *text = said(path, k.id);
    cr_expect_str_eq(text, "FB1 seen by others too");
    free(text);

    s = open_store(TL_STORE_WRITE);
    k.removed = true;
    OK(tl_known_put(s, &k, &error));
    OK(tl_store_merge(s, other, NULL, &m, &error));
    close_store(s);
    text = said(path, k.id);
    cr_expect_str_eq(text, "none", "what is removed does not come back");
    free(text);
    OK(tl_store_open(other, TL_STORE_WRITE, &o, &error));
    OK(tl_store_merge(o, path, NULL, &m, &error));
    OK(tl_store_close(o, &error));
    text = said(other, k.id);
    cr_expect_str_eq(text, "none");
    free(text);

    /* Said anew, where what was taken back was so by a clock that is ahead. */
    s = open_store(TL_STORE_WRITE);
    k.changed_us += INT64_C(3600000000);
    OK(tl_known_put(s, &k, &error));
    struct tl_known anew = known(s, ACROSS "1", "one");
    OK(tl_known_put(s, &anew, &error));
    tl_known_free(&anew);
    OK(tl_store_merge(s, other, NULL, &m, &error));
    close_store(s);
    OK(tl_store_open(other, TL_STORE_WRITE, &o, &error));
    OK(tl_store_merge(o, path, NULL, &m, &error));
    OK(tl_store_close(o, &error));
    text = said(other, k.id);
    cr_expect_str_eq(text, "FB1 ", "what was said last holds, whatever the clocks say");
    free(text);

    /* Of somebody else's database nothing is taken that would write to the terminal. */
    OK(tl_store_open(other, TL_STORE_WRITE, &o, &error));
    free(k.note);
    k.note = tl_strdup("\033[31mred");
    OK(tl_known_put(o, &k, &error));
    OK(tl_store_close(o, &error));
    static const char *const wrong[] = {
        "note = 'as it is'", /* what the line above stored */
        "note = CAST(x'610062' AS TEXT)",
        "note = 'a' || char(155) || '2J'", /* CSI in one character */
        "note = x'6161'",
        "note = 'n', title = char(27) || '[2J'",
        "title = 't', changed_us = 9223372036854775807",
        "changed_us = -1",
    };
    for (size_t i = 0; i < TL_COUNT(wrong); i++) {
        if (i) {
            char *sql = tl_format("UPDATE known SET %s", wrong[i]);
            run_sql(other, sql);
            free(sql);
        }
        s = open_store(TL_STORE_WRITE);
        cr_expect_eq(tl_store_merge(s, other, NULL, &m, &error), -1, "%s", wrong[i]);
        cr_expect(strstr(error.why, "failures that are known"), "%s: %s", wrong[i], error.why);
        close_store(s);
    }
    run_sql(other, "UPDATE known SET changed_us = 1");
    s = open_store(TL_STORE_WRITE);
    OK(tl_store_merge(s, other, NULL, &m, &error));
    close_store(s);
    tl_known_free(&k);
    free(other);
}
