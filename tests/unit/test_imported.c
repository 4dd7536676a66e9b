/* That no trial that was made of a report counts as something that trapline measured, and that databases share it. */
#include "tests/unit/import_fixture.h"

#include "db/compare.h"
#include "db/imported.h"
#include "db/merge.h"
#include "db/night.h"
#include "db/query.h"
#include "db/site.h"
#include "db/store_impl.h"
#include "db/system_report.h"
#include "harness/base/buffer.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

TestSuite(imported, .init = import_setup, .fini = import_teardown, .timeout = 60);

static int count_rows(void *arg, const struct tl_trial_row *t, struct tl_error *e)
{
    (void)t;
    (void)e;
    ++*(size_t *)arg;
    return 0;
}

static int count_sums(void *arg, const struct tl_site_sum *x, struct tl_error *e)
{
    (void)e;
    *(size_t *)arg += x->trials;
    return 0;
}

static int count_cells(void *arg, const struct tl_site_cell *x, struct tl_error *e)
{
    (void)e;
    *(size_t *)arg += x->trials;
    return 0;
}

static int count_comparable(void *arg, const struct tl_comparable *t, struct tl_error *e)
{
    (void)t;
    (void)e;
    ++*(size_t *)arg;
    return 0;
}

static int count_then(void *arg, const struct tl_trial_then *t, struct tl_error *e)
{
    (void)t;
    (void)e;
    ++*(size_t *)arg;
    return 0;
}

/* Wherever trials are counted to say how something behaves; even a case of one's own that has the name of theirs. */
Test(imported, counts_in_no_rate)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct answers x = fixture(s, "fault.ips");
    struct tl_trial_record r = read_trial(s, x.trial);
    struct tl_cached *cached;
    size_t n, found = 0;
    OK(tl_store_cached(s, r.case_hash, r.variant_hash, r.unit, r.environment_id, 100, &cached, &n, &error));
    cr_assert_eq(n, 0);
    free(cached);
    const struct tl_compare_only all = {0};
    const struct tl_filter any = {.limit = 100}, mine = {.own = true, .limit = 100},
                           by_name = {.case_name = "imported"};
    OK(tl_query_comparable(s, &any, &all, count_comparable, &found, &error));
    OK(tl_query_comparable(s, &by_name, &all, count_comparable, &found, &error));
    OK(tl_site_sums(s, count_sums, &found, &error));
    OK(tl_site_cells(s, "imported", count_cells, &found, &error));
    OK(tl_site_lines(s, count_rows, &found, &error));
    OK(tl_query_trials_then(s, BEGAN + 1000000, 1000000, count_then, &found, &error));
    cr_assert_eq(found, 0);
    struct tl_trial_lines lines;
    OK(tl_query_trials(s, &mine, &lines, &error));
    cr_assert_eq(lines.n, 0);
    tl_trial_lines_free(&lines);
    struct tl_compare_sides sides;
    OK(tl_query_sessions(s, &sides, &error));
    cr_assert_eq(sides.n, 0, "it is of no session");
    tl_compare_sides_free(&sides);
    OK(tl_query_machines(s, &sides, &error));
    cr_assert_eq(sides.n, 0, "and of no machine");
    tl_compare_sides_free(&sides);
    /* In lists it is there. */
    OK(tl_query_trials(s, &any, &lines, &error));
    cr_assert_eq(lines.n, 1);
    tl_trial_lines_free(&lines);
    struct tl_sums sums;
    OK(tl_query_sums(s, TL_SUM_SIGNATURE, &any, &sums, &error));
    cr_assert_eq(sums.n, 1);
    tl_sums_free(&sums);
    tl_trial_record_free(&r);
    close_store(s);
}

/* Not even one that somebody moves into the session of a night. */
Test(imported, counts_in_no_night)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char a[TL_UUID_SIZE];
    own(s, &mac, TL_OUTCOME_CRASH, SIGSEGV, 4300, 0, a);
    fixture(s, "fault.ips");
    struct tl_night night = {0};
    close_store(s);
    sql("INSERT INTO machine(id) VALUES('m') ON CONFLICT DO NOTHING;"
        "INSERT INTO night(id, suite, machine_id, n, plan, started_us) VALUES('night', 's', 'm', 1, '', 0);"
        "INSERT INTO night_session(session_id, night_id) SELECT id, 'night' FROM session;"
        "UPDATE trial SET session_id = (SELECT id FROM session)");
    s = open_store(TL_STORE_WRITE);
    snprintf(night.id, sizeof night.id, "night");
    size_t found = 0;
    OK(tl_night_trials(s, &night, count_rows, &found, &error));
    cr_assert_eq(found, 1);
    close_store(s);
}

/* The id of a trial is that of its report: two databases that imported the same file have the same trial. */
Test(imported, merges_into_one)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    fixture(s, "fault.ips");
    close_store(s);
    char *other = tl_format("%s/other.db", folder);
    struct tl_merged merged;
    OK(tl_store_open(other, TL_STORE_WRITE, &s, &error));
    fixture(s, "fault.ips");
    fixture(s, "trap.ips");
    close_store(s);
    s = open_store(TL_STORE_WRITE);
    OK(tl_store_merge(s, other, NULL, &merged, &error));
    cr_assert_eq(merged.trials, 1);
    cr_assert_eq(merged.known, 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM system_report"), 2);
    cr_assert_eq(count(s, "SELECT count(*) FROM report_of_trial"), 2);
    struct answers x = fixture(s, "trap.ips");
    cr_assert_eq(x.counts[TL_IMPORT_KNOWN], 1);
    OK(tl_store_merge(s, other, NULL, &merged, &error));
    cr_assert_eq(merged.trials, 0);
    check(s);
    close_store(s);
    free(other);
}

/* A trial that a report completed in one of two databases is complete in both, whichever is merged into the other. */
Test(imported, completed_in_one_of_two)
{
    char id[TL_UUID_SIZE], *copy = tl_format("%s/copy.db", folder),
                           *command = tl_format("cp %s %s", path, copy);
    struct tl_store *s = open_store(TL_STORE_WRITE);
    own(s, &mac, TL_OUTCOME_CRASH, SIGSEGV, 4242, 0, id);
    close_store(s);
    cr_assert_eq(system(command), 0);
    s = open_store(TL_STORE_WRITE);
    struct answers x = fixture(s, "fault.ips");
    cr_assert(x.completed);
    struct tl_merged merged;
    OK(tl_store_merge(s, copy, NULL, &merged, &error));
    cr_assert(merged.trials == 0 && merged.regained == 0);
    check(s);
    close_store(s);
    OK(tl_store_open(copy, TL_STORE_WRITE, &s, &error));
    OK(tl_store_merge(s, path, NULL, &merged, &error));
    cr_assert_eq(merged.regained, 1);
    struct tl_trial_record r = read_trial(s, id);
    cr_assert_eq(r.n_captures, 1);
    cr_assert_eq(r.n_reports, 1);
    cr_assert_str_eq(r.signature.title, "inv::SliceUpdate::eval ← libinv.dylib!+0x7530 ← inv::run");
    tl_trial_record_free(&r);
    OK(tl_store_merge(s, path, NULL, &merged, &error));
    cr_assert_eq(merged.regained, 0);
    check(s);
    close_store(s);
    free(command);
    free(copy);
}

Test(imported, hash_is_of_its_text)
{
    char id[TL_ID_SIZE];
    tl_content_id(TL_IMPORTED_HASH_OF, strlen(TL_IMPORTED_HASH_OF), id);
    cr_assert_str_eq(id, TL_IMPORTED_HASH);
}
