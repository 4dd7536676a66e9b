/* Reports of a system in the database: what becomes of each, and that each is there once. */
#include "tests/unit/import_fixture.h"

#include "db/imported.h"
#include "db/query.h"
#include "db/store_impl.h"
#include "harness/base/buffer.h"
#include "harness/executor/import_match.h"
#include "harness/verdict/report.h"
#include "harness/verdict/signature.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

TestSuite(import, .init = import_setup, .fini = import_teardown, .timeout = 60);

/* ---- each kind ---- */

Test(import, a_crash_becomes_a_trial)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct answers x = fixture(s, "fault.ips");
    cr_assert(x.n == 1 && x.counts[TL_IMPORT_ADDED] == 1 && x.n_trials == 1);
    struct tl_trial_record r = read_trial(s, x.trial);
    cr_assert_str_eq(r.case_name, "imported");
    cr_assert_str_eq(r.case_hash, TL_IMPORTED_HASH);
    cr_assert_eq(r.outcome, TL_OUTCOME_CRASH);
    cr_assert_eq(r.signal, SIGSEGV);
    cr_assert_eq(r.started_us, BEGAN);
    cr_assert_float_eq(r.wall_seconds, 29.75, 1e-9);
    cr_assert_str_eq(r.signature.title, "inv::SliceUpdate::eval ← libinv.dylib!+0x7530 ← inv::run");
    cr_assert_eq(r.n_captures, 1);
    cr_assert_eq(r.captures[0].n_threads, 2);
    const struct tl_system_report *p = tl_trial_imported(&r);
    cr_assert_not_null(p);
    cr_assert_str_eq(p->incident, "11111111-2222-3333-4444-555555555555");
    cr_assert_str_eq(p->exception, "EXC_BAD_ACCESS");
    cr_assert_str_eq(p->subtype, "KERN_INVALID_ADDRESS at 0x0000000000000008");
    cr_assert_str_eq(p->codes, "0x0000000000000001, 0x0000000000000008");
    cr_assert_str_eq(p->queue, "com.invented.Graph.execution_queue");
    cr_assert_str_eq(p->os_build, "31B77");
    cr_assert_str_eq(p->model, "Mac99,1");
    cr_assert_str_eq(p->name, "fault.ips");
    cr_assert(p->size > 3000 && strstr(p->text, "\"modelCode\" : \"Mac99,1\""));
    cr_assert_eq(p->bug_type, 309);
    tl_trial_record_free(&r);
    check(s);
    close_store(s);
}

Test(import, twice_adds_none)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct answers first = fixture(s, "fault.ips"), again = fixture(s, "fault.ips");
    cr_assert_eq(again.counts[TL_IMPORT_KNOWN], 1);
    cr_assert_str_eq(again.trial, first.trial);
    /* Known by its incident, not by its bytes. */
    again = changed(s, "fault.ips", "Mac99,1", "Mac99,2");
    cr_assert_eq(again.counts[TL_IMPORT_KNOWN], 1);
    again = changed(s, "fault.ips", "11111111-2222", "11111111-2223");
    cr_assert_eq(again.counts[TL_IMPORT_ADDED], 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM trial"), 2);
    cr_assert_eq(count(s, "SELECT count(*) FROM system_report"), 2);
    check(s);
    close_store(s);
}

Test(import, every_kind)
{
    static const struct {
        const char *name;
        enum tl_outcome outcome;
        int signal;
        const char *title;
    } kinds[] = {
        {"reason.ips", TL_OUTCOME_CRASH, SIGABRT,
         "*** Terminating app due to uncaught exception 'NSInvalidArgumentException', reason: 'perm has <n> "
         "entries, rank is <n>'"},
        {"trap.ips", TL_OUTCOME_CRASH, SIGTRAP, "Slice.swift: Fatal error: begin is out of range"},
        {"jump.ips", TL_OUTCOME_CRASH, SIGSEGV, "jump to a wild address from call_kernel"},
        {"watchdog.ips", TL_OUTCOME_HANG, SIGKILL, "waiting in INVGraphWait"},
        {"jetsam_ended.ips", TL_OUTCOME_OOM, SIGKILL, "out of memory"},
        {"loader.ips", TL_OUTCOME_UNSUPPORTED, SIGABRT, ""},
        {"service.ips", TL_OUTCOME_CRASH, SIGSEGV, "INVCompileProcedure ← main"},
    };
    struct tl_store *s = open_store(TL_STORE_WRITE);
    for (size_t i = 0; i < TL_COUNT(kinds); i++) {
        struct answers x = fixture(s, kinds[i].name);
        cr_assert_eq(x.counts[TL_IMPORT_ADDED], 1, "%s: %s", kinds[i].name, x.why);
        cr_assert_eq(x.outcome, kinds[i].outcome, "%s: %s", kinds[i].name, tl_outcome_name(x.outcome));
        cr_assert_eq(x.signal, kinds[i].signal);
        cr_assert_str_eq(x.title, kinds[i].title, "%s: %s", kinds[i].name, x.title);
    }
    struct answers x = fixture(s, "several.ips");
    cr_assert(x.n == 3 && x.counts[TL_IMPORT_ADDED] == 2 && x.counts[TL_IMPORT_REFUSED] == 1);
    cr_assert(strstr(x.why, "999"), "%s", x.why);
    check(s);
    close_store(s);
}

static int commits_left;

static int on_commit(void *arg)
{
    (void)arg;
    return commits_left-- <= 0;
}

/* What cannot be committed, because the disk is full for instance, was not said to be imported. */
Test(import, what_is_told_is_stored)
{
    static const char *const names[] = {"fault.ips", "trap.ips", "jump.ips", "watchdog.ips"};
    for (int most = 0; most < 4; most++) {
        struct tl_store *s = open_store(TL_STORE_WRITE);
        struct answers x = {0};
        int64_t before = count(s, "SELECT count(*) FROM trial");
        for (size_t i = 0; i < TL_COUNT(names); i++) {
            char *command =
                tl_format("sed s/-5555/-555%d/ %s/%s >%s/%zu.ips", most, FIXTURES, names[i], folder, i);
            cr_assert_eq(system(command), 0);
            free(command);
        }
        commits_left = most;
        sqlite3_commit_hook(s->db, on_commit, NULL);
        cr_assert_eq(tl_import(s, folder, NULL, on_told, &x, &error), -1);
        sqlite3_commit_hook(s->db, NULL, NULL);
        size_t told = x.counts[TL_IMPORT_ADDED];
        cr_assert_eq(told, x.n - x.counts[TL_IMPORT_KNOWN]);
        cr_assert_leq(told, (size_t)most);
        cr_assert_eq((int64_t)told, count(s, "SELECT count(*) FROM trial") - before);
        close_store(s);
    }
}

Test(import, folder)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char *command = tl_format(
        "cp %s/fault.ips %s/a.ips && mkdir %s/Retired && cp %s/trap.ips %s/Retired && cp %s/a.ips "
        "%s/.hidden.ips && echo text >%s/notes.txt && mkfifo %s/pipe.ips && ln -s a.ips %s/link.ips "
        "&& : >%s/empty.ips && echo 'Process: x [1]' >%s/old.crash",
        FIXTURES, folder, folder, FIXTURES, folder, folder, folder, folder, folder, folder, folder, folder);
    cr_assert_eq(system(command), 0);
    free(command);
    struct answers x = import(s, folder);
    cr_assert_eq(x.counts[TL_IMPORT_ADDED], 2);
    cr_assert_eq(x.counts[TL_IMPORT_REFUSED], 4, "%zu: notes.txt, pipe.ips, empty.ips, old.crash",
                 x.counts[TL_IMPORT_REFUSED]);
    char *nothing = tl_format("%s/nothing", folder);
    cr_assert_eq(tl_import(s, nothing, NULL, on_told, &x, &error), -1);
    cr_assert_eq(error.kind, TL_ERROR_INPUT);
    cr_assert_eq(tl_import(s, "", NULL, on_told, &x, &error), -1);
    free(nothing);
    check(s);
    close_store(s);
}

/* ---- trials of one's own ---- */

Test(import, of_a_process_of_a_trial)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char a[TL_UUID_SIZE], b[TL_UUID_SIZE];
    own(s, &mac, TL_OUTCOME_ERROR, 0, 4000, 4242, a);
    own(s, &mac, TL_OUTCOME_PASS, 0, 4100, 4101, b);
    struct answers x = fixture(s, "fault.ips");
    cr_assert_eq(x.counts[TL_IMPORT_ATTACHED], 1);
    cr_assert_str_eq(x.trial, a);
    cr_assert(!x.completed, "an error is no crash without a stack");
    struct tl_trial_record r = read_trial(s, a);
    cr_assert_eq(r.n_reports, 1);
    cr_assert_eq(r.reports[0].relation, TL_REPORT_OWN);
    cr_assert_eq(r.n_captures, 0);
    cr_assert_eq(r.n_pids, 2);
    cr_assert_null(tl_trial_imported(&r));
    tl_trial_record_free(&r);
    cr_assert_eq(count(s, "SELECT count(*) FROM trial"), 2);
    x = fixture(s, "fault.ips");
    cr_assert_eq(x.counts[TL_IMPORT_KNOWN], 1);
    /* A child of a process of the trial, and the same on another build, and later. */
    x = changed(s, "reason.ips", "\"parentPid\": 41", "\"parentPid\": 4101");
    cr_assert_eq(x.counts[TL_IMPORT_ATTACHED], 1);
    cr_assert_str_eq(x.trial, b);
    x = changed(s, "trap.ips", "\"pid\":88", "\"pid\":4100,\"osVersion\":{\"build\":\"99Z1\"}");
    cr_assert_eq(x.counts[TL_IMPORT_ADDED], 1);
    cr_assert(strstr(x.why, b) && strstr(x.why, "99Z1"), "%s", x.why);
    check(s);
    close_store(s);
}

/* The report came too late for the trial, which has no stack: it gets one, and the signature that it would have had. */
Test(import, completes_a_trial_without_a_stack)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char a[TL_UUID_SIZE], other[TL_UUID_SIZE];
    own(s, &mac, TL_OUTCOME_CRASH, SIGSEGV, 4242, 0, a);
    own(s, &mac, TL_OUTCOME_CRASH, SIGSEGV, 4300, 0, other);
    struct tl_trial_record before = read_trial(s, a);
    cr_assert_str_eq(before.signature.title, "SIGSEGV without a stack");
    struct answers x = fixture(s, "fault.ips");
    cr_assert(x.counts[TL_IMPORT_ATTACHED] == 1 && x.completed);
    struct tl_trial_record r = read_trial(s, a);
    cr_assert_eq(r.n_captures, 1);
    cr_assert_str_eq(r.signature.title, "inv::SliceUpdate::eval ← libinv.dylib!+0x7530 ← inv::run");
    cr_assert_eq(r.phase, TL_PHASE_EXECUTE);
    cr_assert_eq(count(s, "SELECT count(*) FROM tally"), 2, "the sums follow");
    check(s);
    tl_trial_record_free(&r);
    tl_trial_record_free(&before);
    close_store(s);
}

Test(import, of_another_signal_or_launch_completes_nothing)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char a[TL_UUID_SIZE];
    own(s, &mac, TL_OUTCOME_CRASH, SIGABRT, 4242, 66, a);
    struct answers x = fixture(s, "fault.ips");
    cr_assert(x.counts[TL_IMPORT_ATTACHED] == 1 && !x.completed);
    x = fixture(s, "loader.ips");
    cr_assert(x.counts[TL_IMPORT_ATTACHED] == 1 && !x.completed);
    struct tl_trial_record r = read_trial(s, a);
    cr_assert_eq(r.outcome, TL_OUTCOME_CRASH);
    cr_assert_eq(r.n_captures, 0);
    cr_assert_eq(r.n_reports, 2);
    tl_trial_record_free(&r);
    close_store(s);
}

/* Of a trial that somebody killed jetsam says who it was. */
Test(import, jetsam_explains_a_kill)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char other[TL_UUID_SIZE];
    struct tl_trial_record r = asked(1);
    OK(tl_store_session_begin(s, &phone_host, "0", "run", NULL, &error));
    r.started_us = BEGAN;
    r.wall_seconds = SECONDS;
    r.outcome = TL_OUTCOME_ERROR;
    r.phase = TL_PHASE_EXECUTE;
    r.signal = SIGKILL;
    r.error_domain = tl_strdup("signal");
    r.error_code = tl_strdup("SIGKILL");
    r.message = tl_strdup("killed by SIGKILL");
    tl_trial_record_joined(&r, 96);
    tl_signature_make(&r);
    OK(tl_store_trial(s, &r, &error));
    OK(tl_store_session_end(s, &error));
    own(s, &phone_host, TL_OUTCOME_PASS, 0, 97, 0, other);
    struct answers x = fixture(s, "jetsam_ended.ips");
    cr_assert_eq(x.counts[TL_IMPORT_ATTACHED], 1);
    cr_assert_str_eq(x.trial, r.id);
    struct tl_trial_record after = read_trial(s, r.id);
    cr_assert_eq(after.outcome, TL_OUTCOME_OOM);
    cr_assert_null(after.error_domain);
    cr_assert_str_eq(after.signature.title, "out of memory");
    cr_assert(strstr(after.message, "per-process-limit"), "%s", after.message);
    cr_assert_eq(after.phase, TL_PHASE_EXECUTE);
    tl_trial_record_free(&after);
    tl_trial_record_free(&r);
    check(s);
    close_store(s);
}

Test(import, of_a_service_while_trials_ran)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char a[TL_UUID_SIZE], b[TL_UUID_SIZE], elsewhere[TL_UUID_SIZE];
    own(s, &mac, TL_OUTCOME_ERROR, 0, 4000, 4001, a);
    own(s, &mac, TL_OUTCOME_PASS, 0, 4100, 4101, b);
    own(s, &phone_host, TL_OUTCOME_PASS, 0, 4200, 4201, elsewhere);
    struct answers x = fixture(s, "service.ips");
    cr_assert(x.counts[TL_IMPORT_HELPER] == 1 && x.n_trials == 2);
    struct tl_trial_record r = read_trial(s, a);
    cr_assert_eq(r.reports[0].relation, TL_REPORT_HELPER);
    cr_assert_str_eq(r.reports[0].process, "ANECompilerService");
    cr_assert_str_eq(r.reports[0].title, "SIGSEGV in INVCompileProcedure ← main");
    tl_trial_record_free(&r);
    r = read_trial(s, elsewhere);
    cr_assert_eq(r.n_reports, 0);
    tl_trial_record_free(&r);
    cr_assert_eq(count(s, "SELECT count(*) FROM trial WHERE case_name = 'imported'"), 0);
    check(s);
    close_store(s);
}

Test(import, notes)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct answers x = fixture(s, "panic.ips");
    cr_assert_eq(x.counts[TL_IMPORT_UNRELATED], 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM system_report"), 0);
    char a[TL_UUID_SIZE], b[TL_UUID_SIZE], elsewhere[TL_UUID_SIZE];
    own(s, &mac, TL_OUTCOME_ERROR, 0, 4000, 4001, a);
    own(s, &mac, TL_OUTCOME_PASS, 0, 4100, 4101, b);
    own(s, &phone_host, TL_OUTCOME_PASS, 0, 4200, 4201, elsewhere);
    x = fixture(s, "gpu.ips");
    cr_assert(x.counts[TL_IMPORT_NOTED] == 1 && x.n_trials == 2);
    x = fixture(s, "panic.ips");
    cr_assert(x.counts[TL_IMPORT_NOTED] == 1 && x.n_trials == 2);
    /* What is of one process is no matter of the others. */
    x = changed(s, "gpu.ips", "\"284\"", "\"385\"");
    cr_assert_eq(x.counts[TL_IMPORT_KNOWN], 1);
    x = changed(s, "gpu.ips", "\"284\", \"os_version\": \"macOS 31.1 (31B77)\", \"incident_id\": \"f",
                "\"385\", \"os_version\": \"macOS 31.1 (31B77)\", \"incident_id\": \"0");
    cr_assert_eq(x.counts[TL_IMPORT_UNRELATED], 1, "%s", x.why);
    struct tl_trial_record r = read_trial(s, b);
    cr_assert_eq(r.n_reports, 2);
    cr_assert_eq(r.reports[0].relation, TL_REPORT_NOTE);
    cr_assert_eq(r.outcome, TL_OUTCOME_PASS);
    tl_trial_record_free(&r);
    check(s);
    close_store(s);
}

/* A trial that the machine took down with it has no end; one that the next session found lost before that has. */
Test(import, panic_of_a_lost_trial)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char id[TL_UUID_SIZE];
    for (int i = 0; i < 2; i++) {
        struct tl_trial_record r = asked(i);
        OK(tl_store_session_begin(s, &mac, "0", "run", NULL, &error));
        char *session = tl_format("UPDATE session SET started_us = %lld WHERE id = '%s'",
                                  (long long)(BEGAN - (2 - i) * 1000000), s->session_id);
        r.started_us = BEGAN - (2 - i) * 1000000;
        r.outcome = TL_OUTCOME_LOST;
        memcpy(id, r.id, sizeof id);
        OK(tl_store_trial(s, &r, &error));
        OK(tl_store_session_end(s, &error));
        cr_assert_eq(sqlite3_exec(s->db, session, NULL, NULL, NULL), SQLITE_OK);
        free(session);
        tl_trial_record_free(&r);
    }
    struct answers x = fixture(s, "panic.ips");
    cr_assert(x.counts[TL_IMPORT_NOTED] == 1 && x.n_trials == 1, "%zu", x.n_trials);
    cr_assert_str_eq(x.trial, id);
    close_store(s);
}

/* ---- the same failure ---- */

/* A trial of one's own with the stack of a fixture, in a phase and with words on stderr. */
static void own_with_stack(struct tl_store *s, const char *name, enum tl_phase phase, const char *message)
{
    struct answers x = fixture(s, name);
    struct tl_trial_record r = read_trial(s, x.trial);
    tl_uuid7(r.id);
    free(r.case_name);
    r.case_name = tl_strdup("kv-write");
    tl_content_id("case", 4, r.case_hash);
    for (size_t i = 0; i < r.n_reports; i++)
        tl_system_report_free(&r.reports[i]);
    r.n_reports = 0;
    free(r.unit);
    r.unit = tl_strdup("command:host");
    r.started_us = 1;
    r.phase = phase;
    if (message) {
        free(r.message);
        r.message = tl_strdup(message);
    }
    tl_signature_make(&r);
    OK(tl_store_trial(s, &r, &error));
    OK(tl_store_flush(s, &error));
    tl_trial_record_free(&r);
    cr_assert_eq(
        sqlite3_exec(
            s->db,
            "DELETE FROM report_of_trial; DELETE FROM thread WHERE trial_id IN (SELECT id FROM trial WHERE "
            "case_name = 'imported'); DELETE FROM capture WHERE trial_id IN (SELECT id FROM trial WHERE "
            "case_name = 'imported'); DELETE FROM trial WHERE case_name = 'imported'; DELETE FROM "
            "system_report; DELETE FROM tally WHERE case_name = 'imported'; DELETE FROM summary WHERE "
            "case_hash NOT IN (SELECT case_hash FROM trial); DELETE FROM signature WHERE id NOT IN "
            "(SELECT signature_id FROM trial)",
            NULL, NULL, NULL),
        SQLITE_OK, "%s", sqlite3_errmsg(s->db));
    tl_store_close(s, NULL);
}

Test(import, takes_the_phase_of_the_same_failure)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    own_with_stack(s, "fault.ips", TL_PHASE_COMPILE, NULL);
    s = open_store(TL_STORE_WRITE);
    struct answers x = fixture(s, "fault.ips");
    struct tl_trial_record r = read_trial(s, x.trial);
    cr_assert_eq(r.phase, TL_PHASE_COMPILE);
    cr_assert_eq(count(s, "SELECT count(*) FROM signature"), 1, "it is one failure");
    struct tl_import_matches m;
    OK(tl_import_match(s, &r, &m, &error));
    cr_assert(m.n == 1 && m.list[0].how == TL_IMPORT_SAME && m.list[0].trials == 1);
    cr_assert_str_eq(m.list[0].case_name, "kv-write");
    tl_import_matches_free(&m);
    /* As one that was imported before any trial of one's own failed so. */
    tl_verdict_set_phase(TL_PHASE_START, &r);
    OK(tl_import_match(s, &r, &m, &error));
    cr_assert(m.n == 1 && m.list[0].how == TL_IMPORT_SAME && m.list[0].phase == TL_PHASE_COMPILE);
    tl_import_matches_free(&m);
    tl_trial_record_free(&r);
    check(s);
    close_store(s);
}

/* What stands on stderr is in no report: the stack tells that it is the same. */
Test(import, finds_the_same_stack_behind_a_message)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    own_with_stack(s, "service.ips", TL_PHASE_EXECUTE, NULL); /* another failure */
    s = open_store(TL_STORE_WRITE);
    own_with_stack(s, "exception.ips", TL_PHASE_COMPILE, "failed assertion `rank == 4'");
    s = open_store(TL_STORE_WRITE);
    struct answers x = changed(s, "exception.ips",
                               ",\"libc++abi.dylib\":[\"terminating due to uncaught exception of type "
                               "NSException\"],\"CoreFoundation\":[\"*** "
                               "Terminating app due to uncaught exception 'NSInvalidArgumentException', "
                               "reason: 'shape [1, 2] does not "
                               "fit'\"]",
                               "");
    cr_assert_eq(x.counts[TL_IMPORT_ADDED], 1);
    struct tl_trial_record r = read_trial(s, x.trial);
    struct tl_import_matches m;
    OK(tl_import_match(s, &r, &m, &error));
    cr_assert_eq(m.n, 1);
    cr_assert_eq(m.list[0].how, TL_IMPORT_STACK);
    cr_assert(strstr(m.list[0].title, "rank =="), "%s", m.list[0].title);
    cr_assert_eq(r.phase, TL_PHASE_COMPILE);
    tl_import_matches_free(&m);
    tl_trial_record_free(&r);
    close_store(s);
}

/* A failure of which only the signal is known matches nothing. */
Test(import, no_stack_is_unknown)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char a[TL_UUID_SIZE];
    own(s, &mac, TL_OUTCOME_CRASH, SIGSEGV, 4300, 0, a);
    struct tl_trial_record r = read_trial(s, a);
    struct tl_import_matches m;
    OK(tl_import_match(s, &r, &m, &error));
    cr_assert_eq(m.n, 0);
    tl_trial_record_free(&r);
    close_store(s);
}
