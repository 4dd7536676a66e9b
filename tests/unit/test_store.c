/* Records that go into a database and come back: trials, stacks, lists, what was running. */
#include "tests/unit/store_fixture.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/hash.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(store, .init = store_setup, .fini = store_teardown);

Test(store, a_full_record_comes_back_as_it_was)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char session[TL_UUID_SIZE];
    OK(tl_store_session_begin(s, &machine, "0.1", "run x", session, &error));
    struct tl_trial_record a = crashed(1), b;
    const struct tl_trial_record *list[] = {&a};
    OK(tl_store_begin(s, list, 1, &error));
    OK(tl_store_trial(s, &a, &error));
    cr_assert_neq(tl_store_due_ns(s), 0);
    OK(tl_query_trial(s, a.id, &b, &error)); /* the writer sees its open group */
    same_record(&a, &b);
    tl_trial_record_free(&b);
    close_store(s);

    s = open_store(TL_STORE_READ);
    cr_assert_eq(tl_store_recovered(s), 0);
    OK(tl_query_trial(s, a.id, &b, &error));
    same_record(&a, &b);
    cr_assert_eq(
        count(s, "SELECT count(*) FROM session WHERE ended_us >= started_us AND machine_id IS NOT NULL"), 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM trial JOIN session ON session.id = session_id"), 1);
    check(s);
    close_store(s);
    tl_trial_record_free(&a);
    tl_trial_record_free(&b);
}

Test(store, what_repeats_is_stored_once)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    for (int i = 0; i < 3; i++) {
        struct tl_trial_record a = crashed(i);
        OK(tl_store_trial(s, &a, &error));
        tl_trial_record_free(&a);
        if (i == 1) { /* also by another process, which remembers nothing */
            close_store(s);
            s = open_store(TL_STORE_WRITE);
        }
    }
    OK(tl_store_flush(s, &error));
    cr_assert_eq(count(s, "SELECT count(*) FROM thread"), 12);
    cr_assert_eq(count(s, "SELECT count(*) FROM stack"), 2);
    cr_assert_eq(count(s, "SELECT count(*) FROM module"), 3);
    cr_assert_eq(count(s, "SELECT count(*) FROM module_set"), 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM signature"), 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM case_file"), 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM variant"), 3);
    check(s);
    close_store(s);
}

Test(store, storing_again_changes_nothing)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record a = crashed(1);
    for (int i = 0; i < 3; i++)
        OK(tl_store_trial(s, &a, &error));
    OK(tl_store_flush(s, &error));
    cr_assert_eq(count(s, "SELECT trials FROM summary"), 1);
    cr_assert_eq(count(s, "SELECT trials FROM tally"), 1);
    OK(tl_store_put_case(s, a.case_hash, "kv-write", "{\"name\":\"kv-write\"}", &error));
    OK(tl_store_put_case(s, a.case_hash, "kv-write", "{\"other\":1}", &error));
    OK(tl_store_put_variant(s, a.variant_hash, a.variant, &error));
    char *json;
    OK(tl_query_case_json(s, a.case_hash, &json, &error));
    cr_assert_str_eq(json, "{\"name\":\"kv-write\"}",
                     "the name alone was known, then the text, and it stays");
    free(json);
    check(s);
    close_store(s);
    tl_trial_record_free(&a);
}

Test(store, symbols_found_later_are_added)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record bare = asked(1), a = crashed(2), b;
    bare.n_captures = 1;
    bare.captures = tl_calloc(1, sizeof *bare.captures);
    struct tl_capture *c = &bare.captures[0];
    c->n_modules = 2;
    c->modules = tl_calloc(2, sizeof *c->modules);
    c->modules[0] = (struct tl_module){tl_strdup("/bin/runner"), "0123abcd", 0x5000, 0x5000, 0x9000};
    c->modules[1] = (struct tl_module){tl_strdup("/lib/a \"b\" \xff.so"), "", 0, 0, 0};
    c->n_threads = 1;
    c->threads = tl_calloc(1, sizeof *c->threads);
    c->threads[0] = make_thread(c->modules, 1, 12, 0x4000);
    struct tl_frame_symbols *symbols = c->threads[0].symbols;
    c->threads[0].symbols = NULL;
    OK(tl_store_trial(s, &bare, &error));
    OK(tl_query_trial(s, bare.id, &b, &error));
    cr_assert_null(b.captures[0].threads[0].symbols);
    tl_trial_record_free(&b);
    OK(tl_store_trial(s, &a, &error));
    OK(tl_query_trial(s, bare.id, &b, &error));
    cr_assert_str_eq(b.captures[0].threads[0].symbols[3].symbols[1].function, "function_3");
    tl_trial_record_free(&b);
    c->threads[0].symbols = symbols;
    close_store(s);
    tl_trial_record_free(&bare);
    tl_trial_record_free(&a);
}

Test(store, groups_and_what_a_reader_sees)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_store *reader = open_store(TL_STORE_READ);
    for (int i = 0; i < TL_STORE_GROUP; i++) {
        cr_assert_eq(count(reader, "SELECT count(*) FROM trial"), 0);
        struct tl_trial_record a = asked(i);
        OK(tl_store_trial(s, &a, &error));
        tl_trial_record_free(&a);
    }
    cr_assert_eq(tl_store_due_ns(s), 0, "the group was full and went out");
    cr_assert_eq(count(reader, "SELECT count(*) FROM trial"), TL_STORE_GROUP);
    struct tl_trial_record a = asked(0);
    cr_assert_eq(tl_store_trial(reader, &a, &error), -1);
    cr_assert(strstr(error.why, "opened for reading"));
    tl_trial_record_free(&a);
    close_store(reader);
    close_store(s);
}

Test(store, earlier_trials_are_found_by_what_was_asked)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_environment v = {
        .runner = "sim", .runner_version = "1", .runtime_sha256 = "abc", .device = "cpu"};
    char environment[TL_ID_SIZE];
    OK(tl_store_put_environment(s, &v, environment, &error));
    v.runtime_path = "/elsewhere";
    char again[TL_ID_SIZE];
    tl_environment_id(&v, again);
    cr_assert_str_eq(environment, again, "where the runtime lies does not count");
    struct tl_trial_record a = crashed(1), b = asked(1), other = asked(2);
    memcpy(a.environment_id, environment, sizeof environment);
    memcpy(b.environment_id, environment, sizeof environment);
    b.started_us = a.started_us + 10;
    OK(tl_store_trial(s, &a, &error));
    OK(tl_store_trial(s, &b, &error));
    OK(tl_store_trial(s, &other, &error));
    struct tl_cached *list;
    size_t n;
    OK(tl_store_cached(s, a.case_hash, a.variant_hash, a.unit, environment, 10, &list, &n, &error));
    cr_assert_eq(n, 2);
    cr_assert_str_eq(list[0].id, b.id);
    cr_assert_str_eq(list[1].id, a.id);
    cr_assert_eq(list[0].outcome, TL_OUTCOME_PASS);
    cr_assert_eq(list[1].outcome, TL_OUTCOME_CRASH);
    cr_assert_eq(list[1].signal, SIGSEGV);
    cr_assert_str_eq(list[1].signature_id, a.signature.id);
    cr_assert(list[1].fresh && !list[0].fresh);
    free(list);
    OK(tl_store_cached(s, a.case_hash, a.variant_hash, a.unit, "another", 10, &list, &n, &error));
    cr_assert_eq(n, 0);
    OK(tl_store_cached(s, a.case_hash, a.variant_hash, "sim@3:cpu", environment, 10, &list, &n, &error));
    cr_assert_eq(n, 0);
    check(s);
    close_store(s);
    tl_trial_record_free(&a);
    tl_trial_record_free(&b);
    tl_trial_record_free(&other);
}

Test(store, a_record_that_makes_no_sense_is_refused_and_the_group_goes_on)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record a = crashed(1), b = crashed(2);
    OK(tl_store_trial(s, &a, &error));
    b.captures[0].threads[1].frames[2].module = 3;
    cr_assert_eq(tl_store_trial(s, &b, &error), -1);
    b.captures[0].threads[1].frames[2].module = 0;
    b.id[3] = '\0';
    cr_assert_eq(tl_store_trial(s, &b, &error), -1);
    OK(tl_store_flush(s, &error));
    cr_assert_eq(count(s, "SELECT count(*) FROM trial"), 1);
    check(s);
    close_store(s);
    tl_trial_record_free(&a);
    tl_trial_record_free(&b);
}

/* Lists. */

Test(store, lists_filter_and_page)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char ids[40][TL_UUID_SIZE];
    for (int i = 0; i < 40; i++) {
        struct tl_trial_record a = i % 4 ? asked(i) : crashed(i);
        a.started_us = 1000 + i / 2; /* two of each started in the same microsecond */
        if (i % 2) {
            free(a.unit);
            a.unit = tl_strdup("onnxruntime@1.22.0:cpu");
        }
        if (i >= 30) {
            free(a.case_name);
            a.case_name = tl_strdup("other");
            tl_content_id("other", 5, a.case_hash);
        }
        memcpy(ids[i], a.id, sizeof ids[i]);
        OK(tl_store_trial(s, &a, &error));
        tl_trial_record_free(&a);
    }
    struct tl_filter f = {.limit = 7};
    struct tl_trial_lines l;
    int at = 40;
    do {
        OK(tl_query_trials(s, &f, &l, &error));
        for (size_t i = 0; i < l.n; i++)
            cr_assert_str_eq(l.list[i].id, ids[--at]);
        f.after = l.n ? ids[at] : NULL;
        size_t n = l.n;
        tl_trial_lines_free(&l);
        if (n < 7)
            break;
    } while (1);
    cr_assert_eq(at, 0);

    f = (struct tl_filter){.case_name = "kv-write", .unit = "sim@2:cpu", .outcomes = 1u << TL_OUTCOME_CRASH};
    OK(tl_query_trials(s, &f, &l, &error));
    cr_assert_eq(l.n, 8);
    cr_assert_str_eq(l.list[0].id, ids[28]);
    cr_assert_str_eq(l.list[0].title, "function_1 < function_2");
    cr_assert_str_eq(l.list[0].variant, "{\"layers\":28}");
    tl_trial_lines_free(&l);
    f = (struct tl_filter){.unit = "onnxruntime@1.22.0:cpu", .since_us = 1010};
    OK(tl_query_trials(s, &f, &l, &error));
    cr_assert_eq(l.n, 10);
    tl_trial_lines_free(&l);
    f = (struct tl_filter){.case_name = "other"};
    OK(tl_query_trials(s, &f, &l, &error));
    cr_assert_eq(l.n, 10);
    char signature[TL_ID_SIZE];
    tl_content_id("signature", 9, signature);
    tl_trial_lines_free(&l);
    f = (struct tl_filter){.signature_id = signature, .case_name = "other"};
    OK(tl_query_trials(s, &f, &l, &error));
    cr_assert_eq(l.n, 2);
    tl_trial_lines_free(&l);
    f = (struct tl_filter){.after = "00000000"};
    cr_assert_eq(tl_query_trials(s, &f, &l, &error), -1);
    cr_assert_eq(error.kind, TL_ERROR_INPUT);

    struct tl_sums sums;
    f = (struct tl_filter){0};
    OK(tl_query_sums(s, TL_SUM_CASE, &f, &sums, &error));
    cr_assert_eq(sums.n, 2);
    cr_assert_str_eq(sums.list[0].name, "other");
    cr_assert_eq(sums.list[0].trials, 10);
    cr_assert_eq(sums.list[1].trials, 30);
    cr_assert_eq(sums.list[1].by_outcome[TL_OUTCOME_CRASH], 8);
    cr_assert_eq(sums.list[1].by_outcome[TL_OUTCOME_PASS], 22);
    cr_assert_eq(sums.list[1].first_us, 1000);
    cr_assert_eq(sums.list[1].last_us, 1014);
    tl_sums_free(&sums);
    OK(tl_query_sums(s, TL_SUM_UNIT, &f, &sums, &error));
    cr_assert_eq(sums.n, 2);
    cr_assert_eq(sums.list[0].cases, 2);
    tl_sums_free(&sums);
    OK(tl_query_sums(s, TL_SUM_SIGNATURE, &f, &sums, &error));
    cr_assert_eq(sums.n, 1);
    cr_assert_eq(sums.list[0].trials, 10);
    cr_assert_str_eq(sums.list[0].title, "function_1 < function_2");
    cr_assert_eq(sums.list[0].signal, SIGSEGV);
    tl_sums_free(&sums);

    struct tl_cells cells;
    f = (struct tl_filter){.case_name = "kv-write", .outcomes = 1u << TL_OUTCOME_CRASH};
    OK(tl_query_cells(s, NULL, &f, &cells, &error));
    cr_assert_eq(cells.n, 8);
    cr_assert_eq(cells.list[0].trials, 1);
    cr_assert_str_eq(cells.list[0].signature_id, signature);
    tl_cells_free(&cells);
    check(s);
    close_store(s);
}

Test(store, an_id_may_be_shortened)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record a = asked(1), b = asked(2), r;
    strcpy(a.id, "01890000-aaaa-7000-8000-000000000001");
    strcpy(b.id, "01890000-bbbb-7000-8000-000000000002");
    OK(tl_store_trial(s, &a, &error));
    OK(tl_store_trial(s, &b, &error));
    OK(tl_query_trial(s, "01890000-B", &r, &error));
    cr_assert_str_eq(r.id, b.id);
    tl_trial_record_free(&r);
    cr_assert_eq(tl_query_trial(s, "0189", &r, &error), -1);
    cr_assert_eq(error.kind, TL_ERROR_INPUT);
    cr_assert(strstr(error.why, a.id) && strstr(error.why, b.id), "%s", error.why);
    cr_assert_eq(tl_query_trial(s, "02", &r, &error), -1);
    cr_assert(strstr(error.why, "no trial"), "%s", error.why);
    cr_assert_eq(tl_query_trial(s, "", &r, &error), -1);
    cr_assert_eq(tl_query_trial(s, "%' OR 1 --", &r, &error), -1);
    cr_assert_eq(tl_query_trial(s, "01890000-aaaa-7000-8000-0000000000010000", &r, &error), -1);
    close_store(s);
    tl_trial_record_free(&a);
    tl_trial_record_free(&b);
}

/* What was announced and has no outcome. */

static void announce(struct tl_store *s, struct tl_trial_record *r)
{
    const struct tl_trial_record *list[] = {r};
    OK(tl_store_begin(s, list, 1, &error));
}

Test(store, what_was_running_is_recorded_as_lost_once)
{
    struct tl_trial_record done = crashed(1), running = asked(2), r;
    pid_t pid = fork();
    if (pid == 0) {
        struct tl_store *s = open_store(TL_STORE_WRITE);
        if (tl_store_session_begin(s, &machine, "0.1", "run", NULL, NULL))
            _exit(1);
        announce(s, &done);
        announce(s, &running);
        _exit(tl_store_trial(s, &done, NULL) || tl_store_flush(s, NULL) ? 1 : 0); /* and never closes */
    }
    int status;
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0);
    struct tl_store *s = open_store(TL_STORE_WRITE);
    cr_assert_eq(tl_store_recovered(s), 1);
    OK(tl_query_trial(s, running.id, &r, &error));
    cr_assert_eq(r.outcome, TL_OUTCOME_LOST);
    cr_assert_eq(r.phase, TL_PHASE_START);
    cr_assert_eq(r.started_us, running.started_us);
    cr_assert_str_eq(r.variant, running.variant);
    cr_assert_str_eq(r.case_name, running.case_name);
    cr_assert_str_eq(r.environment_id, running.environment_id);
    cr_assert(strstr(r.message, "went down"), "%s", r.message);
    tl_trial_record_free(&r);
    OK(tl_query_trial(s, done.id, &r, &error));
    cr_assert_eq(r.outcome, TL_OUTCOME_CRASH);
    tl_trial_record_free(&r);
    cr_assert_eq(count(s, "SELECT count(DISTINCT session_id) FROM trial"), 1,
                 "it belongs to the session that ran it");
    check(s);
    close_store(s);
    s = open_store(TL_STORE_WRITE);
    cr_assert_eq(tl_store_recovered(s), 0);
    cr_assert_eq(count(s, "SELECT count(*) FROM trial"), 2);
    close_store(s);
    tl_trial_record_free(&done);
    tl_trial_record_free(&running);
}

/* Two databases of different machines, merged as schema.sql says they can be. */
Test(store, two_databases_can_be_merged)
{
    char other[128];
    snprintf(other, sizeof other, "%s/u.db", directory);
    struct tl_trial_record a = crashed(1), b = crashed(2), r;
    struct tl_store *s = open_store(TL_STORE_WRITE), *t;
    OK(tl_store_open(other, TL_STORE_WRITE, &t, &error));
    OK(tl_store_trial(s, &a, &error));
    OK(tl_store_trial(t, &b, &error));
    close_store(t);
    close_store(s);
    char *text = tl_format("PRAGMA foreign_keys = ON; ATTACH '%s' AS o; BEGIN;"
                           "INSERT OR IGNORE INTO case_file SELECT * FROM o.case_file; INSERT OR IGNORE INTO "
                           "variant SELECT * FROM o.variant;"
                           "INSERT OR IGNORE INTO environment SELECT * FROM o.environment; INSERT OR IGNORE "
                           "INTO unit SELECT * FROM o.unit;"
                           "INSERT OR IGNORE INTO signature SELECT * FROM o.signature; INSERT OR IGNORE INTO "
                           "module SELECT * FROM o.module;"
                           "INSERT OR IGNORE INTO module_set SELECT * FROM o.module_set; INSERT OR IGNORE "
                           "INTO stack SELECT * FROM o.stack;"
                           "INSERT OR IGNORE INTO trial SELECT NULL, id, started_us, case_name, unit, "
                           "outcome, phase, signal, fresh, "
                           "signature_id, cell, case_hash, variant_hash, environment_id, session_id, "
                           "observed_device, exit_status, wall_s, "
                           "user_s, system_s, start_s, generate_s, load_s, compile_s, execute_s, check_s, "
                           "done_s, peak_rss, error_domain, "
                           "error_code, message, command, request, result, signal_name, pids FROM o.trial;"
                           "INSERT OR IGNORE INTO output SELECT * FROM o.output; INSERT OR IGNORE INTO "
                           "capture SELECT * FROM o.capture;"
                           "INSERT OR IGNORE INTO thread SELECT * FROM o.thread;"
                           "DELETE FROM summary; INSERT INTO summary SELECT case_hash, variant_hash, unit, "
                           "ifnull(environment_id, ''), outcome, "
                           "ifnull(signature_id, ''), count(*), sum(fresh), min(started_us), max(started_us) "
                           "FROM trial GROUP BY 1,2,3,4,5,6;"
                           "DELETE FROM tally; INSERT INTO tally SELECT case_name, case_hash, unit, outcome, "
                           "ifnull(signature_id, ''), "
                           "count(*), min(started_us), max(started_us) FROM trial GROUP BY 1,2,3,4,5; COMMIT",
                           other);
    sql(text);
    free(text);
    s = open_store(TL_STORE_READ);
    OK(tl_query_trial(s, b.id, &r, &error));
    same_record(&b, &r);
    check(s);
    close_store(s);
    tl_trial_record_free(&r);
    tl_trial_record_free(&a);
    tl_trial_record_free(&b);
    unlink(other);
    strcat(other, "-intent");
    unlink(other);
}

Test(store, the_machine_describes_itself)
{
    struct tl_machine_text m, again;
    tl_machine_read(&m);
    tl_machine_read(&again);
    cr_assert_str_eq(m.id, again.id);
    cr_assert_gt(m.machine.cores, 0);
    cr_assert_gt(m.machine.memory, 1 << 20);
    cr_assert(m.machine.arch[0] && m.machine.kernel[0] && m.machine.os[0]);
    char boot[TL_UUID_SIZE];
    tl_machine_boot(boot);
    cr_assert_eq(strlen(boot), TL_UUID_SIZE - 1);
    int64_t booted = tl_machine_booted_us(), now = (int64_t)time(NULL) * 1000000;
    cr_assert(booted > 1000000000000000 && booted <= now + 2000000, "%lld", (long long)booted);
    struct tl_store *s = open_store(TL_STORE_WRITE);
    OK(tl_store_session_begin(s, &m.machine, "0.1", "run", NULL, &error));
    cr_assert_eq(count(s, "SELECT cores FROM machine"), m.machine.cores);
    close_store(s);
}
