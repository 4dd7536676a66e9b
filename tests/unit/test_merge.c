#include "db/finding.h"
#include "db/merge.h"
#include "db/migrate.h"
#include "db/night.h"
#include "db/query.h"
#include "db/store_impl.h"
#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64];
static struct tl_error error;

static void setup(void)
{
    strcpy(directory, "/tmp/tl-join-XXXXXX");
    cr_assert(mkdtemp(directory));
}

static void teardown(void)
{
    DIR *d = opendir(directory);
    for (struct dirent *x; d && (x = readdir(d));) {
        char *name = tl_format("%s/%s", directory, x->d_name);
        unlink(name);
        free(name);
    }
    if (d)
        closedir(d);
    rmdir(directory);
}

TestSuite(merge, .init = setup, .fini = teardown, .timeout = 60);

#define OK(call) cr_assert_eq((call), 0, "%s (%s): %s", error.what, error.where, error.why)

/* The path of a database of the test: static, for the life of the test. */
static const char *at(const char *name)
{
    static char paths[16][160];
    static size_t next;
    char *p = paths[next++ % 16];
    snprintf(p, sizeof paths[0], "%s/%s.db", directory, name);
    return p;
}

static struct tl_store *open_store(const char *name)
{
    struct tl_store *s = NULL;
    OK(tl_store_open(at(name), TL_STORE_WRITE, &s, &error));
    return s;
}

static void close_store(struct tl_store *s)
{
    OK(tl_store_close(s, &error));
}

static void say(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "check: %s\n", text);
}

static void sound(struct tl_store *s)
{
    size_t wrong;
    OK(tl_store_check(s, say, NULL, &wrong, &error));
    cr_assert_eq(wrong, 0);
}

static int64_t count(struct tl_store *s, const char *sql)
{
    sqlite3_stmt *st;
    cr_assert_eq(sqlite3_prepare_v2(s->db, sql, -1, &st, NULL), SQLITE_OK, "%s", sqlite3_errmsg(s->db));
    cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

/* Runs SQL on a file as any program could. */
static void sql(const char *path, const char *text)
{
    sqlite3 *db;
    char *said = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, text, NULL, NULL, &said);
    cr_assert_null(said, "%s", said);
    sqlite3_close(db);
}

/* Everything in a database that does not belong to the file itself, as one text. */
static char *dump(const char *path)
{
    static const char tables[] = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'meta' AND "
                                 "name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    sqlite3 *db;
    sqlite3_stmt *names, *rows;
    struct tl_buffer b = TL_BUFFER_INIT;
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, tables, -1, &names, NULL), SQLITE_OK);
    while (sqlite3_step(names) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(names, 0);
        bool trial = !strcmp(table, "trial");
        char *query = tl_format("SELECT * FROM %s LIMIT 0", table);
        cr_assert_eq(sqlite3_prepare_v2(db, query, -1, &rows, NULL), SQLITE_OK);
        int columns = sqlite3_column_count(rows);
        sqlite3_finalize(rows);
        free(query);
        struct tl_buffer q = TL_BUFFER_INIT;
        tl_buffer_printf(&q, "SELECT * FROM %s ORDER BY ", table);
        for (int i = trial; i < columns; i++)
            tl_buffer_printf(&q, "%s%d", i == trial ? "" : ", ", i + 1);
        query = tl_buffer_take(&q);
        cr_assert_eq(sqlite3_prepare_v2(db, query, -1, &rows, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
        free(query);
        while (sqlite3_step(rows) == SQLITE_ROW) {
            tl_buffer_printf(&b, "%s", table);
            for (int i = trial; i < sqlite3_column_count(rows); i++) { /* not the local number of a trial */
                tl_buffer_printf(&b, "|%d:", sqlite3_column_type(rows, i));
                const void *bytes = sqlite3_column_blob(rows, i);
                tl_buffer_add(&b, bytes ? bytes : "", (size_t)sqlite3_column_bytes(rows, i));
            }
            tl_buffer_add_string(&b, "\n");
        }
        sqlite3_finalize(rows);
    }
    sqlite3_finalize(names);
    sqlite3_close(db);
    char id[TL_ID_SIZE];
    tl_content_id(b.data, b.size, id);
    char *text = tl_format("%s %zu bytes", id, b.size);
    tl_buffer_free(&b);
    return text;
}

static void same_dump(const char *a, const char *b)
{
    char *x = dump(a), *y = dump(b);
    cr_assert_str_eq(x, y);
    free(x);
    free(y);
}

/* A crash of a variant. symbols: with names of functions. */
static struct tl_trial_record crashed(int variant, bool symbols)
{
    struct tl_trial_record r;
    memset(&r, 0, sizeof r);
    tl_uuid7(r.id);
    r.started_us = 1700000000000000 + variant;
    r.case_name = tl_strdup("case");
    tl_content_id("case", 4, r.case_hash);
    r.variant = tl_format("{\"n\":%d}", variant % 3);
    tl_content_id(r.variant, strlen(r.variant), r.variant_hash);
    r.unit = tl_strdup("selftest:cpu");
    tl_content_id("environment", 11, r.environment_id);
    r.outcome = TL_OUTCOME_CRASH;
    r.phase = TL_PHASE_EXECUTE;
    r.signal = SIGSEGV;
    r.exit_status = -1;
    r.message = tl_strdup("it is \xff broken");
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        r.phase_seconds[i] = i < 3 ? i / 3.0 : -1;
    r.out.head = tl_strdup("out");
    r.out.head_size = 3;
    r.out.total = 3;
    tl_content_id("signature", 9, r.signature.id);
    tl_content_id("coarse", 6, r.signature.coarse_id);
    r.signature.title = tl_strdup("f < g");
    r.signature.coarse_title = tl_strdup("f");
    r.n_captures = 1;
    r.captures = tl_calloc(1, sizeof *r.captures);
    struct tl_capture *c = &r.captures[0];
    *c = (struct tl_capture){.pid = 1, .tid = 1, .is_main = true, .fatal = true, .signal = SIGSEGV};
    c->exe = tl_strdup("/bin/x");
    c->n_modules = 1;
    c->modules = tl_calloc(1, sizeof *c->modules);
    c->modules[0] = (struct tl_module){tl_strdup("/bin/x"), "00ff", 0x1000, 0x1000, 0x2000};
    c->n_threads = 1;
    c->threads = tl_calloc(1, sizeof *c->threads);
    struct tl_thread *t = c->threads;
    t->pid = t->tid = 1;
    t->crashed = true;
    t->n_frames = 20;
    t->frames = tl_calloc(20, sizeof *t->frames);
    if (symbols)
        t->symbols = tl_calloc(20, sizeof *t->symbols);
    for (size_t i = 0; i < 20; i++) {
        t->frames[i] = (struct tl_frame){0, i ? 0 : TL_FRAME_FIRST, 16 * i, 16 * i};
        if (symbols) {
            t->symbols[i].n = 1;
            t->symbols[i].symbols = tl_calloc(1, sizeof(struct tl_symbol));
            t->symbols[i].symbols[0].function = tl_format("function_%zu", i);
        }
    }
    tl_stack_id(c->modules, t, t->stack_id);
    return r;
}

static void add(struct tl_store *s, const struct tl_trial_record *r)
{
    OK(tl_store_trial(s, r, &error));
}

static void session(struct tl_store *s, const char *machine)
{
    const struct tl_machine m = {.name = machine, .arch = "x86_64", .cpu = "c", .cores = 2, .os = "Linux"};
    OK(tl_store_session_begin(s, &m, "1", "test", NULL, &error));
}

static void find(struct tl_store *s, const char *id, bool complete, int created, const char *more)
{
    json_t *j = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:i,s:s}", "finding", id, "kind", "isolation", "case",
                          "case", "case_hash", "c", "unit", "selftest:cpu", "complete", complete,
                          "created_us", created, "more", more);
    OK(tl_finding_put(s, j, &error));
    json_decref(j);
}

/* A night, that ended or was cut short. */
static void night(struct tl_store *s, const char *machine, bool ended)
{
    struct tl_night n;
    bool resumed;
    OK(tl_night_begin(s, "suite", machine, "00112233445566778899aabbccddeeff", "boot", &n, &resumed, &error));
    cr_assert_not(resumed);
    double seconds[] = {0.5, 1};
    struct tl_night_cell cell = {.case_name = (char *)"case",
                                 .unit = (char *)"selftest:cpu",
                                 .runner_device = (char *)"selftest:cpu",
                                 .class = "passing",
                                 .passed = 2,
                                 .failures = json_array(),
                                 .environment = json_object(),
                                 .n_seconds = 2,
                                 .seconds = seconds,
                                 .since = json_pack("{s:s}", "unit", "r@1:d"),
                                 .since_nights = 1,
                                 .since_failed = 7};
    json_t *document = json_pack("{s:s}", "night", n.id);
    if (ended)
        OK(tl_night_end(s, &n, &cell, 1, document, &error));
    json_decref(document);
    json_decref(cell.failures);
    json_decref(cell.environment);
    json_decref(cell.since);
    tl_night_free(&n);
}

#define FINDING "01a1fa60-af69-7000-a0d3-ae9b27a73d52"
#define SHARED 3 /* trials that two machines both have */

/* Two machines: trials of their own, some that both have, stacks that only one of them has symbols for, a
 * trial that is lost on one of them, a case of which one knows the document, an isolation that went on. */
static void make_two(struct tl_trial_record *lost)
{
    struct tl_store *a = open_store("a"), *b = open_store("b");
    for (int i = 0; i < SHARED; i++) {
        struct tl_trial_record r = crashed(i, i % 2);
        add(a, &r);
        add(b, &r);
        tl_trial_record_free(&r);
    }
    *lost = crashed(50, false);
    struct tl_trial_record other = crashed(50, false);
    memcpy(other.id, lost->id, sizeof other.id);
    other.outcome = TL_OUTCOME_LOST;
    tl_content_id("lost", 4, other.signature.id);
    add(a, &other);
    add(b, lost);
    tl_trial_record_free(&other);
    session(a, "alpha");
    session(b, "beta");
    night(a, "alpha", false);
    night(b, "beta", true);
    for (int i = SHARED; i < 40; i++) {
        struct tl_trial_record r = crashed(i, i % 2);
        add(i % 2 ? a : b, &r);
        tl_trial_record_free(&r);
    }
    OK(tl_store_put_case(b, "00112233445566778899aabbccddeeff", "second", "{\"name\":\"second\"}", &error));
    struct tl_trial_record r = crashed(60, false);
    snprintf(r.case_hash, sizeof r.case_hash, "00112233445566778899aabbccddeeff");
    free(r.case_name);
    r.case_name = tl_strdup("second");
    add(a, &r);
    tl_trial_record_free(&r);
    find(a, FINDING, false, 10, "a");
    find(b, FINDING, true, 5, "b");
    find(b, "01a1fa60-af69-7000-a0d3-ae9b27a73d53", true, 5, "only b");
    close_store(a);
    close_store(b);
}

static struct tl_merged merge(const char *to, const char *from)
{
    struct tl_merged m;
    struct tl_store *s = open_store(to);
    OK(tl_store_merge(s, at(from), NULL, &m, &error));
    sound(s);
    close_store(s);
    return m;
}

Test(merge, both_orders_and_twice)
{
    struct tl_trial_record lost, r;
    make_two(&lost);
    struct tl_merged m = merge("ab", "a");
    cr_assert_eq(m.trials, SHARED + 1 + 19 + 1);
    m = merge("ab", "b");
    cr_assert_eq(m.known, SHARED);
    cr_assert_eq(m.regained, 1);
    cr_assert_eq(m.trials, 18);
    cr_assert_eq(m.findings, 2);
    merge("ba", "b");
    m = merge("ba", "a");
    cr_assert_eq(m.regained, 0);
    cr_assert_eq(m.known, SHARED + 1);
    cr_assert_eq(m.findings, 0);
    same_dump(at("ab"), at("ba"));

    char *before = dump(at("ab"));
    static const char *const again[] = {"a", "b", "ba", "ab"};
    for (size_t i = 0; i < 4; i++) {
        m = merge("ab", again[i]);
        cr_assert_eq(m.trials + m.regained + m.findings, 0, "%s", again[i]);
        char *after = dump(at("ab"));
        cr_assert_str_eq(before, after, "%s", again[i]);
        free(after);
    }
    free(before);

    /* Into one of the two, either way. */
    merge("a", "b");
    merge("b", "a");
    same_dump(at("a"), at("b"));
    same_dump(at("a"), at("ab"));

    struct tl_store *s = open_store("ab");
    OK(tl_query_trial(s, lost.id, &r, &error));
    cr_assert_eq(r.outcome, TL_OUTCOME_CRASH);
    cr_assert_not_null(r.captures[0].threads[0].symbols, "one machine had symbols for this stack");
    tl_trial_record_free(&r);
    cr_assert_eq(count(s, "SELECT count(*) FROM trial"), 42);
    cr_assert_eq(count(s, "SELECT count(*) FROM machine"), 2);
    cr_assert_eq(count(s, "SELECT sum(trials) FROM summary"), 42);
    cr_assert_eq(count(s, "SELECT count(*) FROM case_file WHERE json IS NULL AND name = 'second'"), 0);
    json_t *finding;
    OK(tl_finding_load(s, FINDING, &finding, &error));
    cr_assert_str_eq(json_string_value(json_object_get(finding, "more")), "b", "the complete one stays");
    json_decref(finding);
    struct tl_cached *list;
    size_t n;
    OK(tl_store_cached(s, lost.case_hash, lost.variant_hash, lost.unit, lost.environment_id, 100, &list, &n,
                       &error));
    cr_assert_gt(n, 10, "what another machine knows is known");
    free(list);
    close_store(s);
    tl_trial_record_free(&lost);
}

Test(merge, three_in_every_order)
{
    struct tl_trial_record lost;
    make_two(&lost);
    struct tl_store *s = open_store("c");
    /* The same loss, noticed at another time. */
    free(lost.message);
    lost.message = tl_strdup("a loss");
    lost.outcome = TL_OUTCOME_LOST;
    add(s, &lost);
    session(s, "gamma");
    struct tl_trial_record r = crashed(7, true);
    add(s, &r);
    tl_trial_record_free(&r);
    find(s, FINDING, true, 9, "c");
    close_store(s);
    static const char *const orders[] = {"abc", "acb", "bac", "bca", "cab", "cba"};
    for (size_t i = 0; i < 6; i++) {
        for (const char *c = orders[i]; *c; c++)
            merge(orders[i], (char[]){*c, '\0'});
        same_dump(at(orders[0]), at(orders[i]));
    }
    tl_trial_record_free(&lost);
}

static void refused(struct tl_store *s, const char *from, const char *why)
{
    struct tl_merged m;
    char *before = dump(s->path);
    cr_assert_eq(tl_store_merge(s, at(from), NULL, &m, &error), -1, "%s", from);
    cr_assert_eq(error.kind, TL_ERROR_INPUT, "%s: %s", from, error.why);
    cr_assert(strstr(error.why, why), "%s: %s", from, error.why);
    cr_assert(!strstr(error.where, "-work-"), "%s", error.where);
    char *after = dump(s->path);
    cr_assert_str_eq(before, after);
    free(before);
    free(after);
    cr_assert_eq(m.trials, 0);
}

static void broken(const char *name, const char *text)
{
    struct tl_store *s = open_store(name);
    session(s, "delta");
    struct tl_trial_record r = crashed(1, true);
    add(s, &r);
    tl_trial_record_free(&r);
    close_store(s);
    sql(at(name), text);
}

Test(merge, what_is_not_trapline_s_is_refused)
{
    struct tl_store *s = open_store("t");
    struct tl_trial_record r = crashed(2, true);
    add(s, &r);
    OK(tl_store_flush(s, &error));
    tl_trial_record_free(&r);

    refused(s, "none", "cannot be read");
    sql(at("foreign"), "CREATE TABLE t(a); PRAGMA user_version = 1");
    refused(s, "foreign", "another program");
    sql(at("empty"), "VACUUM");
    refused(s, "empty", "empty");
    FILE *f = fopen(at("text"), "w");
    fputs("this is no database, but long enough to be looked at for a while: ............................\n",
          f);
    fclose(f);
    refused(s, "text", "not a database");
    broken("newer", "PRAGMA user_version = 1000");
    refused(s, "newer", "newer trapline");
    broken("view", "ALTER TABLE output RENAME TO o2; CREATE VIEW output AS SELECT * FROM o2");
    refused(s, "view", "views");
    broken("trigger", "CREATE TRIGGER z AFTER INSERT ON trial BEGIN DELETE FROM trial; END");
    refused(s, "trigger", "views");
    broken("column", "ALTER TABLE trial ADD COLUMN more TEXT");
    refused(s, "column", "tables");
    broken("table", "CREATE TABLE more(a)");
    refused(s, "table", "tables");
    broken("id", "PRAGMA foreign_keys = OFF; UPDATE trial SET id = 'x''y'");
    refused(s, "id", "trials in it");
    broken("outcome", "UPDATE trial SET outcome = 'fine'");
    refused(s, "outcome", "trials in it");
    broken("fresh", "UPDATE trial SET fresh = 9223372036854775807");
    refused(s, "fresh", "trials in it");
    broken("night",
           "INSERT INTO night SELECT '" FINDING "', 's', 'm', 9223372036854775807, 'p', 1, NULL, NULL");
    refused(s, "night", "nights in it");
    broken("clock",
           "INSERT INTO night SELECT '" FINDING "', 's', 'm', 1, 'p', 9223372036854775807, NULL, NULL");
    refused(s, "clock", "nights in it");
    broken("anew", "INSERT INTO anew VALUES(1, 9223372036854775807)");
    refused(s, "anew", "run anew");
    broken("missing", "PRAGMA foreign_keys = OFF; DELETE FROM variant");
    refused(s, "missing", "not there");

    /* A page of the middle, overwritten. */
    broken("damaged", "PRAGMA journal_mode = DELETE");
    f = fopen(at("damaged"), "r+");
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    for (long page = 8; (page + 1) * 4096 <= size && page < 16; page++) {
        fseek(f, page * 4096, SEEK_SET);
        for (int i = 0; i < 4096; i++)
            putc(0xa5, f);
    }
    fclose(f);
    refused(s, "damaged", "damaged");

    DIR *d = opendir(directory);
    for (struct dirent *x; (x = readdir(d));)
        cr_assert(!strstr(x->d_name, "-work-"), "%s is left", x->d_name);
    closedir(d);
    sound(s);
    close_store(s);
}

/* In a file that is damaged an id may be any other one: what has it then is content that nothing refers to. */
Test(merge, what_nothing_refers_to_stays_away)
{
#define ID "'00112233445566778899aabbccddeeff'"
    broken("stray",
           "INSERT INTO stack SELECT " ID ", n_frames, omitted_at, omitted, truncated, frames, symbols "
           "FROM stack; INSERT INTO module_set SELECT " ID ", modules FROM module_set; "
           "INSERT INTO signature SELECT " ID ", outcome, phase, signal, title, coarse_id, "
           "coarse_title, signal_name FROM signature; "
           "INSERT INTO system_report(id, bug_type, kind, pid, parent, responsible, launched_us, "
           "captured_us) VALUES(" ID ", 309, 'crash', 0, 0, 0, 0, 0)");
#undef ID
    struct tl_merged m = merge("t", "stray");
    cr_assert_eq(m.trials, 1);
    m = merge("t", "stray");
    cr_assert_eq(m.known, 1);
}

/* What a trial refers to here stays, and what it refers to there does not come in. */
Test(merge, a_trial_that_is_here_brings_nothing_in)
{
    struct tl_store *s = open_store("t"), *other = open_store("other");
    struct tl_trial_record r = crashed(1, true), changed = crashed(1, false);
    memcpy(changed.id, r.id, sizeof changed.id);
    tl_content_id("another", 7, changed.signature.id);
    tl_content_id("stack", 5, changed.captures[0].threads[0].stack_id);
    changed.captures[0].modules[0].build_id[0] = '1';
    add(s, &r);
    add(other, &changed);
    tl_trial_record_free(&r);
    tl_trial_record_free(&changed);
    close_store(s);
    close_store(other);
    struct tl_merged m = merge("t", "other");
    cr_assert_eq(m.known, 1);
    cr_assert_eq(m.trials, 0);
}

/* An index that says something else than its table is seen by no quick check. */
Test(merge, an_index_is_not_believed)
{
    broken("t2", "DELETE FROM thread; DELETE FROM capture; DELETE FROM output; DELETE FROM stack; "
                 "DELETE FROM module_set; PRAGMA journal_mode = DELETE");
    sqlite3 *db;
    sqlite3_stmt *st;
    cr_assert_eq(sqlite3_open(at("t2"), &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, "SELECT rootpage, id FROM sqlite_schema, trial WHERE name = 'trial'",
                                    -1, &st, NULL),
                 SQLITE_OK);
    cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
    long page = sqlite3_column_int(st, 0);
    char id[TL_UUID_SIZE], bytes[4096];
    snprintf(id, sizeof id, "%s", (const char *)sqlite3_column_text(st, 1));
    sqlite3_finalize(st);
    sqlite3_close(db);
    FILE *f = fopen(at("t2"), "r+");
    fseek(f, (page - 1) * (long)sizeof bytes, SEEK_SET);
    cr_assert_eq(fread(bytes, 1, sizeof bytes, f), sizeof bytes);
    char *place = memmem(bytes, sizeof bytes, id, strlen(id));
    cr_assert(place);
    fseek(f, (page - 1) * (long)sizeof bytes + (place - bytes), SEEK_SET);
    putc(*place == '0' ? '1' : '0', f);
    fclose(f);
    struct tl_merged m = merge("t", "t2");
    cr_assert_eq(m.trials, 1);
    m = merge("t", "t2");
    cr_assert_eq(m.known, 1);
}

/* Brought back to the first schema. */
static void older(const char *name)
{
    broken(name,
           "DROP TABLE finding; DROP TABLE night_cell; DROP TABLE night_session; DROP TABLE night; "
           "ALTER TABLE trial DROP COLUMN signal_name; ALTER TABLE capture DROP COLUMN signal_name; "
           "ALTER TABLE signature DROP COLUMN signal_name; DROP TABLE set_aside; "
           "DROP TABLE ran_on; DROP INDEX environment_by_kind; ALTER TABLE environment DROP COLUMN kind; "
           "ALTER TABLE environment DROP COLUMN on_machine; "
           "DROP TABLE asked; DROP TABLE known_place; DROP TABLE known; DROP TABLE case_place; DROP TABLE "
           "started_finding; DROP TABLE started; DROP TABLE "
           "processes; DROP TABLE anew; DROP TABLE report_of_trial; DROP TABLE system_report; "
           "ALTER TABLE trial DROP COLUMN pids; "
           "ALTER TABLE environment DROP COLUMN content_sha256; "
           "ALTER TABLE environment DROP COLUMN versions; ALTER TABLE machine DROP COLUMN processor; "
           "ALTER TABLE capture DROP COLUMN fault; PRAGMA user_version = 1");
}

Test(merge, an_older_schema_is_brought_up_to_date_in_a_copy)
{
    older("old");
    struct tl_merged m = merge("new", "old");
    cr_assert_eq(m.trials, 1);
    sqlite3 *db;
    sqlite3_stmt *st;
    cr_assert_eq(sqlite3_open(at("old"), &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
    cr_assert_eq(sqlite3_column_int(st, 0), 1, "the old one is left as it was");
    sqlite3_finalize(st);
    sqlite3_close(db);
}

/* What there is no room for is the copy, and not the other database. */
Test(merge, a_full_disk_is_not_the_fault_of_the_other_one)
{
    struct tl_merged m;
    struct rlimit before, most;
    older("old");
    struct tl_store *s = open_store("new");
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    most = before;
    most.rlim_cur = 65536; /* more than is shared beside a database that is read */
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &most), 0);
    int result = tl_store_merge(s, at("old"), NULL, &m, &error);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    cr_assert_eq(result, -1);
    cr_expect_eq(error.kind, TL_ERROR_ENVIRONMENT);
    cr_expect(strstr(error.why, "there is no room to write"), "%s", error.why);
    cr_expect_str_eq(error.where, directory);
    OK(tl_store_merge(s, at("old"), NULL, &m, &error));
    cr_expect_eq(m.trials, 1);
    /* What is wrong with it is its own. */
    broken("odd", "UPDATE trial SET outcome = 'odd'");
    cr_assert_eq(tl_store_merge(s, at("odd"), NULL, &m, &error), -1);
    cr_expect_eq(error.kind, TL_ERROR_INPUT);
    cr_expect_str_eq(error.where, at("odd"));
    close_store(s);
}

static __attribute__((format(printf, 2, 0))) bool stop_at(void *arg, const char *format, va_list values)
{
    char line[256];
    vsnprintf(line, sizeof line, format, values);
    return !strncmp(line, arg, strlen(arg));
}

Test(merge, can_be_stopped)
{
    struct tl_trial_record lost;
    make_two(&lost);
    struct tl_store *s = open_store("a");
    char *before = dump(at("a"));
    static const char *const moments[] = {"reading", "checking", "merging", "adding up"};
    for (size_t i = 0; i < 4; i++) {
        struct tl_merged m;
        const struct tl_watch watch = {stop_at, (void *)moments[i]};
        cr_assert_eq(tl_store_merge(s, at("b"), &watch, &m, &error), -1);
        cr_assert_eq(error.kind, TL_ERROR_INTERRUPTED, "%s: %s", moments[i], error.why);
        char *after = dump(at("a"));
        cr_assert_str_eq(before, after);
        free(after);
    }
    free(before);
    struct tl_merged m;
    OK(tl_store_merge(s, at("b"), NULL, &m, &error));
    cr_assert_eq(m.regained, 1);
    sound(s);
    close_store(s);
    tl_trial_record_free(&lost);
}

static bool any_work(void)
{
    bool found = false;
    DIR *d = opendir(directory);
    for (struct dirent *x; (x = readdir(d));)
        found = found || strstr(x->d_name, "-work-");
    closedir(d);
    return found;
}

static __attribute__((format(printf, 2, 0))) bool die_at(void *arg, const char *format, va_list values)
{
    if (stop_at(arg, format, values))
        raise(SIGKILL);
    return false;
}

/* The process that ends like that at this moment of a merge of b into a, or of compacting a. */
static void killed_at(const char *moment)
{
    const struct tl_watch watch = {die_at, (void *)moment};
    struct tl_merged m;
    struct tl_compacted c;
    struct tl_store *s;
    int status;
    pid_t child = fork();
    if (child == 0) {
        tl_store_open(at("a"), TL_STORE_WRITE, &s, &error);
        tl_store_merge(s, at("b"), &watch, &m, &error);
        tl_store_compact(s, &watch, &c, &error);
        _exit(0);
    }
    waitpid(child, &status, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "it did not come to %s", moment);
}

Test(merge, what_a_killed_one_leaves_the_next_removes)
{
    struct tl_trial_record lost;
    make_two(&lost);
    tl_trial_record_free(&lost);
    char *before = dump(at("a"));
    static const char *const moments[] = {"checking", "merging", "adding up"};
    for (size_t i = 0; i < TL_COUNT(moments); i++) {
        killed_at(moments[i]);
        cr_assert(any_work(), "it was removed by what was killed at %s", moments[i]);
        struct tl_store *s = open_store("a");
        cr_assert(!any_work(), "something is left of what was killed at %s", moments[i]);
        sound(s);
        close_store(s);
        char *after = dump(at("a"));
        cr_assert_str_eq(before, after, "%s", moments[i]);
        free(after);
    }
    free(before);
}

/* SQLite's own count of what it has: the cache, and nothing that grows with the database. */
Test(merge, in_little_memory)
{
    struct tl_store *s = open_store("t");
    struct tl_trial_record r = crashed(1, true);
    add(s, &r);
    tl_trial_record_free(&r);
    close_store(s);
    sql(at("t"), "WITH RECURSIVE k(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM k WHERE i < 1600) "
                 "INSERT INTO output SELECT trial.id, i, 1, 0, randomblob(30000), NULL FROM k, trial");
    s = open_store("t");
    struct tl_compacted c;
    sqlite3_memory_highwater(1);
    OK(tl_store_compact(s, NULL, &c, &error));
    cr_assert_gt(c.after, 45000000);
    cr_assert_lt(sqlite3_memory_highwater(1), 35000000);
    close_store(s);
    s = open_store("u");
    struct tl_merged m;
    OK(tl_store_merge(s, at("t"), NULL, &m, &error));
    cr_assert_eq(m.trials, 1);
    cr_assert_lt(sqlite3_memory_highwater(1), 35000000);
    close_store(s);
}

Test(merge, while_the_other_is_being_written)
{
    struct tl_trial_record lost, r = crashed(90, false);
    make_two(&lost);
    struct tl_store *s = open_store("t"), *b = open_store("b");
    struct tl_merged m;
    add(b, &r); /* in an open group: not to be seen yet */
    OK(tl_store_merge(s, at("b"), NULL, &m, &error));
    uint64_t seen = m.trials;
    OK(tl_store_flush(b, &error));
    OK(tl_store_merge(s, at("b"), NULL, &m, &error));
    cr_assert_eq(m.trials, 1);
    cr_assert_eq(m.known, seen);
    close_store(s);
    close_store(b);
    tl_trial_record_free(&r);
    tl_trial_record_free(&lost);
}

/* Those that are there, without the database itself. */
static size_t files_beside(const char *name)
{
    char begins[32];
    size_t n = 0;
    snprintf(begins, sizeof begins, "%s.db-", name);
    DIR *d = opendir(directory);
    for (struct dirent *x; (x = readdir(d));)
        n += !strncmp(x->d_name, begins, strlen(begins)) && strcmp(x->d_name + strlen(begins), "intent") != 0;
    closedir(d);
    return n;
}

Test(merge, nothing_is_left_beside_the_other_one)
{
    struct tl_trial_record lost;
    make_two(&lost);
    cr_assert_eq(files_beside("b"), 0);
    merge("t", "b");
    cr_assert_eq(files_beside("b"), 0);
    tl_trial_record_free(&lost);
}

struct writing {
    const char *moment;
    int number; /* of the trial */
    unsigned times;
};

static __attribute__((format(printf, 2, 0))) bool write_at(void *arg, const char *format, va_list values)
{
    struct writing *w = arg;
    if (w->times || !stop_at((void *)(uintptr_t)w->moment, format, values))
        return false;
    struct tl_trial_record r = crashed(w->number, false);
    struct tl_store *b = open_store("b");
    add(b, &r);
    close_store(b);
    tl_trial_record_free(&r);
    w->times++;
    return false;
}

/* Nobody had it open, and it is read without what lets others know of it. */
Test(merge, somebody_writes_to_the_other_one_meanwhile)
{
    static const char *const moments[] = {"checking", "merging", "adding up"};
    struct tl_trial_record lost;
    make_two(&lost);
    int64_t before = (int64_t)merge("all", "b").trials;
    for (size_t i = 0; i < TL_COUNT(moments); i++) {
        struct writing w = {moments[i], 90 + (int)i, 0};
        const struct tl_watch watch = {write_at, &w};
        struct tl_merged m;
        struct tl_store *s = open_store("t");
        OK(tl_store_merge(s, at("b"), &watch, &m, &error));
        cr_assert_eq(w.times, 1, "%s", moments[i]);
        sound(s);
        before++;
        cr_assert_eq(count(s, "SELECT count(*) FROM trial"), before, "%s", moments[i]);
        close_store(s);
        unlink(at("t"));
        close_store(open_store("b")); /* which takes away what it was read with the second time */
        cr_assert_eq(files_beside("b"), 0);
    }
    tl_trial_record_free(&lost);
}

Test(merge, compact_gives_back_what_is_not_needed)
{
    struct tl_store *s = open_store("t");
    for (int i = 0; i < 300; i++) {
        struct tl_trial_record r = crashed(i, true);
        free(r.out.head);
        r.out.head = tl_malloc(2001);
        for (int k = 0; k < 2000; k++)
            r.out.head[k] = (char)(rand() % 255 + 1);
        r.out.head[2000] = '\0';
        r.out.head_size = r.out.total = 2000;
        add(s, &r);
        tl_trial_record_free(&r);
    }
    close_store(s);
    sql(at("t"), "DELETE FROM output; INSERT INTO stack VALUES('00', 0, 0, 0, 0, '[]', NULL)");
    char *before = dump(at("t"));
    s = open_store("t");
    struct tl_compacted c;
    OK(tl_store_compact(s, NULL, &c, &error));
    cr_assert_eq(c.rows, 1);
    cr_assert_lt(c.after, c.before - 400000);
    sound(s);
    OK(tl_store_compact(s, NULL, &c, &error));
    cr_assert_eq(c.rows, 0);
    struct tl_trial_record r = crashed(1, true);
    add(s, &r); /* it still works */
    sound(s);
    close_store(s);
    tl_trial_record_free(&r);
    char *after = dump(at("t"));
    cr_assert_str_neq(before, after);
    free(before);
    free(after);
}
