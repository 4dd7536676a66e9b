/* Identity is a UUID or the hash of the content, so rows of two databases are either the same or have nothing
 * to do with each other. Where the same row may be known better in one of the two (a stack with symbols, a
 * case of which the other knows the name only), each column takes the greater value, NULL being the least:
 * whoever is merged first, the result is the same. Some things change after they were written, and each has
 * a rule of its own that does not depend on the order either:
 *
 *   - A trial that is lost here may have an outcome there, when a database was copied while it ran. An
 *     outcome beats a loss. One that a report of the system completed beats itself without.
 *   - A finding is replaced while its isolation goes on. The complete one wins, then the later one.
 *   - A night has no document and no cells until it ended; the one that ended wins.
 *   - A trial that is set aside in one of the two is set aside, for the earlier reason. That the processes of a case
 *     differ beats that they do not, and then the later word counts.
 *   - What is known of failures, and where, is what was said of it last; what is taken back stays as such.
 *   - A report of a system belongs to the trials to which it belongs in either of the two.
 *   - summary and tally are sums of trials, and are added up for the trials that came in.
 *
 * The other database is copied first, by SQLite's backup: a snapshot, although its owner may be writing, from
 * media that may be read-only, that can be brought to the newest schema. Nothing of the copy is believed: it
 * must have the columns that this schema has, no views, triggers or virtual tables that would run while it is
 * read, and rows whose ids and words are trapline's. Foreign keys hold at every moment, as always. */
#include "db/merge.h"

#include "db/group.h"
#include "db/migrate.h"
#include "db/sql.h"
#include "db/sums.h"
#include "db/values.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char what_[] = "cannot merge databases";
static const char compacting[] = "cannot compact the database";

#define TURN_STEPS 200000 /* of SQLite's machine, between two lines that are told */
#define COPY_PAGES 2000   /* of a backup, likewise */

struct merge {
    struct tl_store *s;
    const char *path; /* of the other database; of this one when it is compacted */
    const struct tl_watch *watch;
    const char *doing;
    bool stopped;
};

static int on_turn(void *arg)
{
    struct merge *m = arg;
    m->stopped = m->stopped || tl_watch_line(m->watch, "%s %s", m->doing, m->path);
    return m->stopped;
}

static int stopped(struct tl_error *e)
{
    return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", "", "nothing was changed");
}

static int exec(struct merge *m, const char *sql, struct tl_error *e)
{
    int result = on_turn(m) ? -1 : tl_sql_exec(m->s->db, sql, what_, e);
    if (result && (sqlite3_errcode(m->s->db) & 0xff) == SQLITE_CONSTRAINT)
        tl_fail(e, TL_ERROR_INPUT, what_, m->path,
                "rows in it refer to rows that are not there, or lack what they must have (%s). Nothing was "
                "changed",
                sqlite3_errmsg(m->s->db));
    return m->stopped ? stopped(e) : result;
}

static int number(struct merge *m, const char *sql, int64_t *value, struct tl_error *e)
{
    int result = on_turn(m) ? -1 : tl_sql_int(m->s->db, sql, value, what_, e);
    return m->stopped ? stopped(e) : result;
}

/* --- the copy ------------------------------------------------------------------------------------------- */

static void secure(sqlite3 *db)
{
    tl_sql_secure(db);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
}

/* Opens for reading, also where SQLite cannot make its shared memory beside the file (then there is no
 * writer). */
static int open_source(const char *path, sqlite3 **db, int *version, struct tl_error *e)
{
    struct stat st;
    *db = NULL;
    if (stat(path, &st) || access(path, R_OK))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, what_, path, "it cannot be read");
    if (!S_ISREG(st.st_mode))
        return tl_fail(e, TL_ERROR_INPUT, what_, path, "it is not a regular file");
    int rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READONLY, NULL);
    if (rc != SQLITE_OK)
        return tl_sql_fail(e, *db, rc, what_);
    secure(*db);
    if (!tl_migrate_version(*db, tl_schema_version, version, e))
        return 0;
    rc = sqlite3_errcode(*db) & 0xff;
    if ((rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY) || tl_sql_log_left(path))
        return -1;
    sqlite3_close(*db);
    if (tl_sql_open_immutable(path, db, what_, e))
        return -1;
    secure(*db);
    return tl_migrate_version(*db, tl_schema_version, version, e);
}

static int copy(struct merge *m, sqlite3 *from, sqlite3 *to, struct tl_error *e)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (!b)
        return tl_sql_fail(e, to, sqlite3_errcode(to), what_);
    int rc = SQLITE_OK;
    while ((rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED) && !on_turn(m)) {
        rc = sqlite3_backup_step(b, COPY_PAGES);
        if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
            sqlite3_sleep(20);
    }
    sqlite3_backup_finish(b);
    if (m->stopped)
        return stopped(e);
    return rc == SQLITE_DONE ? 0 : tl_sql_fail(e, to, rc, what_);
}

/* Copies the database at `path` to `name` and brings the copy to the newest schema. */
static int make_copy(struct merge *m, const char *path, const char *name, struct tl_error *e)
{
    sqlite3 *from, *to = NULL;
    int version, result = open_source(path, &from, &version, e);
    m->doing = "reading";
    if (!result && version == 0)
        result = tl_fail(e, TL_ERROR_INPUT, what_, path, "it is empty: no trial was stored there");
    if (!result) {
        int rc = sqlite3_open_v2(name, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
        result = rc != SQLITE_OK ? tl_sql_fail(e, to, rc, what_) : copy(m, from, to, e);
    }
    sqlite3_close(from);
    if (!result) {
        secure(to);
        /* No log beside the copy, and no sync: it is gone when this process ends. */
        result = tl_sql_exec(to, "PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE", what_, e) ||
                         (version < tl_schema_version && tl_migrate(to, tl_migrations, tl_schema_version, e))
                     ? -1
                     : 0;
    }
    sqlite3_close(to);
    return result;
}

/* --- is it what trapline writes? ------------------------------------------------------------------------ */

/* Every column of every table, so that two schemas can be subtracted. */
#define COLUMNS(schema)                                                                                      \
    "SELECT t.name, c.name, c.type, c.\"notnull\", c.pk FROM " schema ".sqlite_schema t, "                   \
    "pragma_table_info(t.name, '" schema "') c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' "     \
    "ESCAPE '\\'"
#define MISSING(from, in) "(SELECT count(*) FROM (" COLUMNS(from) " EXCEPT " COLUMNS(in) "))"

/* What the rows of a table are that are wrong. */
#define NOT_UUID "typeof(id) <> 'text' OR length(id) <> 36 OR id GLOB '*[^0-9a-f-]*'"
#define NOT_HASH "typeof(id) <> 'text' OR length(id) <> 32 OR id GLOB '*[^0-9a-f]*'"
#define NOT_OF_A_TRIAL                                                                                       \
    "typeof(started_us) <> 'integer' OR outcome NOT IN ('pass', 'crash', 'hang', 'oom', 'error', 'wrong', "  \
    "'fallback', 'unsupported', 'lost') OR phase NOT IN ('start', 'generate', 'load', 'compile', "           \
    "'execute', 'check', 'done')"
#define NOT_OF_A_CELL                                                                                        \
    "NOT (json_valid(failures) AND json_valid(seconds) AND json_valid(memory) AND json_valid(since) AND "    \
    "json_valid(environment))"
/* A text that is shown to people: each by itself, as GLOB ends at a NUL; C0 and C1 controls move a terminal. */
#define NOT_SHOWN(text)                                                                                      \
    "typeof(" text ") <> 'text' OR instr(" text ", char(0)) > 0 OR " text " GLOB '*[' || char(1) || '-' || " \
    "char(31) || char(127) || '-' || char(159) || ']*'"
/* The end of the year 9999: what is said here afterwards is later than it. */
#define LAST_US "253402300799999999"
/* clang-format off */
#define NOT_KNOWN                                                                                            \
    "status NOT IN ('known', 'filed', 'wontfix') OR removed NOT IN (0, 1) OR typeof(since_us + changed_us) " \
    "<> 'integer' OR NOT changed_us BETWEEN 0 AND " LAST_US " OR NOT json_valid(causes) OR "                 \
    NOT_SHOWN("case_name") " OR " NOT_SHOWN("coarse_id") " OR " NOT_SHOWN("outcome") " OR "                  \
    NOT_SHOWN("phase") " OR " NOT_SHOWN("signal") " OR " NOT_SHOWN("title") " OR " NOT_SHOWN("name") " OR "  \
    NOT_SHOWN("url") " OR " NOT_SHOWN("note") " OR " NOT_SHOWN("until")
/* clang-format on */
#define NOT_OF_A_PLACE                                                                                       \
    "removed NOT IN (0, 1) OR typeof(changed_us) <> 'integer' OR NOT changed_us BETWEEN 0 AND " LAST_US      \
    " OR " NOT_SHOWN("build") " OR " NOT_SHOWN("signature_id") " OR " NOT_SHOWN("variant_hash")
#define ROWS(table, wrong) "SELECT count(*) FROM " table " WHERE " wrong

/* clang-format off */
/* Each counts what is wrong. */
static const struct {
    const char *sql, *why;
} conditions[] = {
    {ROWS("o.sqlite_schema", "type IN ('view', 'trigger') OR sql LIKE 'CREATE VIRTUAL%'"),
     "it holds views, triggers or virtual tables, which no trapline makes"},
    {"SELECT " MISSING("main", "o") " + " MISSING("o", "main"),
     "its tables are not those of this schema"},
    {ROWS("o.trial", NOT_UUID " OR " NOT_OF_A_TRIAL),
     "trials in it have ids or outcomes that trapline does not write"},
    {ROWS("(SELECT hash AS id FROM o.case_file)", NOT_HASH),
     "cases in it have ids that trapline does not write"},
    {ROWS("(SELECT because AS id, * FROM o.set_aside)", NOT_UUID " OR typeof(set_aside_us) <> 'integer'"),
     "trials in it are set aside for reasons that trapline does not write"},
    {ROWS("o.processes", "typeof(case_hash) <> 'text' OR typeof(seen_us) <> 'integer' OR differ NOT IN (0, 1) OR "
                         "typeof(forked_failed + forked + fresh_failed + fresh) <> 'integer'"),
     "what it says of processes is not what trapline writes"},
    {ROWS("o.system_report", NOT_HASH " OR typeof(bug_type + pid + parent + responsible + launched_us + "
                             "captured_us) <> 'integer'"),
     "reports of a system in it are not what trapline writes"},
    {ROWS("o.report_of_trial", "relation NOT IN ('imported', 'own', 'helper', 'note')"),
     "reports of a system in it belong to trials in a way that trapline does not know"},
    {ROWS("o.signature", NOT_HASH),
     "signatures in it have ids that trapline does not write"},
    {ROWS("o.stack", NOT_HASH),
     "stacks in it have ids that trapline does not write"},
    {ROWS("o.finding", NOT_UUID " OR NOT json_valid(document)"),
     "findings in it are not what trapline writes"},
    {ROWS("o.night", NOT_UUID " OR (document IS NOT NULL AND NOT json_valid(document))"),
     "nights in it are not what trapline writes"},
    {ROWS("o.known", NOT_HASH " OR " NOT_KNOWN),
     "what it says of failures that are known is not what trapline writes"},
    {ROWS("(SELECT known_id AS id, * FROM o.known_place)", NOT_HASH " OR " NOT_OF_A_PLACE),
     "what it says of places of failures that are known is not what trapline writes"},
    {ROWS("o.night_cell", NOT_OF_A_CELL),
     "nights in it saw what trapline does not write"},
};
/* clang-format on */

static int check_copy(struct merge *m, const char *path, struct tl_error *e)
{
    char *answer = NULL;
    m->doing = "checking";
    int result =
        on_turn(m) ? stopped(e) : tl_sql_text(m->s->db, "PRAGMA o.quick_check(1)", &answer, what_, e);
    if (!result && (!answer || strcmp(answer, "ok")))
        result = tl_fail(e, TL_ERROR_INPUT, what_, path,
                         "the file is damaged (%s); `trapline db check --db %s` lists what is wrong. Nothing "
                         "was changed",
                         answer ? answer : "no answer", path);
    free(answer);
    for (size_t i = 0; i < TL_COUNT(conditions) && !result; i++) {
        int64_t wrong;
        result = number(m, conditions[i].sql, &wrong, e);
        if (!result && wrong)
            result = tl_fail(e, TL_ERROR_INPUT, what_, path, "%s. Nothing was changed", conditions[i].why);
    }
    return result;
}

/* --- the rows ------------------------------------------------------------------------------------------- */

/* Columns of a table but `without`, in order and with commas between. */
static char *columns_of(struct merge *m, const char *table, const char *without, struct tl_error *e)
{
    char *list = NULL;
    char *sql = tl_format("SELECT group_concat(name, ', ') FROM pragma_table_info('%s') WHERE name <> '%s'",
                          table, without);
    tl_sql_text(m->s->db, sql, &list, what_, e);
    free(sql);
    return list;
}

/* Content: each column of a row that is in both takes the greater value. Of two texts for the symbols of a
 * stack the longer one says more. */
static int merge_content(struct merge *m, const char *table, const char *key, struct tl_error *e)
{
    char *others = columns_of(m, table, key, e), *copied = tl_strdup(others), *save = NULL;
    if (!others && !strcmp(table, "unit")) /* nothing but the key */
        return exec(m, "INSERT OR IGNORE INTO main.unit(name) SELECT name FROM o.unit", e);
    if (!others)
        return -1;
    struct tl_buffer sql = TL_BUFFER_INIT;
    const char *glue = "";
    tl_buffer_printf(&sql,
                     "INSERT INTO main.%s(%s, %s) SELECT %s, %s FROM o.%s WHERE true ON CONFLICT(%s) DO "
                     "UPDATE SET ",
                     table, key, others, key, others, table, key);
    for (char *c = strtok_r(copied, ", ", &save); c; c = strtok_r(NULL, ", ", &save)) {
        if (!strcmp(c, "symbols"))
            tl_buffer_printf(&sql,
                             "%s%s = CASE WHEN %s IS NULL OR (length(excluded.%s), excluded.%s) > "
                             "(length(%s), %s) THEN excluded.%s ELSE %s END",
                             glue, c, c, c, c, c, c, c, c);
        else
            tl_buffer_printf(&sql,
                             "%s%s = CASE WHEN %s IS NULL OR excluded.%s > %s THEN excluded.%s ELSE %s END",
                             glue, c, c, c, c, c, c);
        glue = ", ";
    }
    int result = exec(m, sql.data, e);
    tl_buffer_free(&sql);
    free(copied);
    free(others);
    return result;
}

static const struct {
    const char *table, *key;
} contents[] = {
    /* What is referred to comes first. */
    {"machine", "id"},    {"session", "id"},       {"environment", "id"}, {"case_file", "hash"},
    {"variant", "hash"},  {"unit", "name"},        {"signature", "id"},   {"module", "id"},
    {"module_set", "id"}, {"stack", "id"},         {"night", "id"},       {"night_session", "session_id"},
    {"anew", "cell"},     {"system_report", "id"},
};

/* Trials that come in: those that are not here, and those of which more is known there. */
static const char *const choosing[] = {
    "CREATE TEMP TABLE IF NOT EXISTS regained(id TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TEMP TABLE IF NOT EXISTS added(id TEXT PRIMARY KEY) WITHOUT ROWID",
    "DELETE FROM temp.regained",
    "DELETE FROM temp.added",
    /* Two losses of one trial differ in when they were noticed: the lesser text stays. And a report of the system completed
     * a trial there (tl_store_completed), and not here. */
    ("INSERT INTO temp.regained SELECT t.id FROM main.trial t JOIN o.trial x ON x.id = t.id "
     "WHERE (t.outcome = 'lost' AND (x.outcome <> 'lost' OR ifnull(x.message, '') < ifnull(t.message, ''))) "
     "OR (x.outcome <> 'lost' AND x.signature_id IS NOT t.signature_id "
     "AND EXISTS (SELECT 1 FROM o.report_of_trial WHERE trial_id = t.id AND relation = 'own') "
     "AND NOT EXISTS (SELECT 1 FROM main.report_of_trial WHERE trial_id = t.id AND relation = 'own'))"),
    "DELETE FROM main.thread WHERE trial_id IN (SELECT id FROM temp.regained)",
    "DELETE FROM main.capture WHERE trial_id IN (SELECT id FROM temp.regained)",
    "DELETE FROM main.output WHERE trial_id IN (SELECT id FROM temp.regained)",
    "DELETE FROM main.trial WHERE id IN (SELECT id FROM temp.regained)",
    "INSERT INTO temp.added SELECT id FROM o.trial EXCEPT SELECT id FROM main.trial",
};

static int merge_trials(struct merge *m, struct tl_error *e)
{
    char *list = columns_of(m, "trial", "n", e);
    if (!list)
        return -1;
    char *sql = tl_format("INSERT INTO main.trial(%s) SELECT %s FROM o.trial WHERE id IN (SELECT id FROM "
                          "temp.added) ORDER BY started_us, n",
                          list, list);
    int result = exec(m, sql, e);
    free(sql);
    free(list);
    static const char *const belongings[] = {"output", "capture", "thread"};
    for (size_t i = 0; i < 3 && !result; i++) {
        sql =
            tl_format("INSERT INTO main.%s SELECT * FROM o.%s WHERE trial_id IN (SELECT id FROM temp.added)",
                      belongings[i], belongings[i]);
        result = exec(m, sql, e);
        free(sql);
    }
    return result;
}

static const char *const findings =
    "INSERT INTO main.finding SELECT * FROM o.finding WHERE true ON CONFLICT(id) DO UPDATE SET "
    "(kind, case_name, case_hash, unit, environment_id, signature_id, complete, created_us, document) = "
    "(excluded.kind, excluded.case_name, excluded.case_hash, excluded.unit, excluded.environment_id, "
    "excluded.signature_id, excluded.complete, excluded.created_us, excluded.document) "
    "WHERE (excluded.complete, excluded.created_us, excluded.document) > (complete, created_us, document)";

/* Cells are stored with the end of their night, all at once, and are the same wherever it ended. */
static const char *const night_cells = "INSERT OR IGNORE INTO main.night_cell SELECT * FROM o.night_cell";

#define KNOWN_OF(row)                                                                                        \
    row "removed, " row "since_us, " row "status, " row "until, " row "name, " row "url, " row "note, " row  \
        "title, " row "causes, " row "outcome, " row "phase, " row "signal"
#define KNOWN_SET "(changed_us, " KNOWN_OF("") ") = (excluded.changed_us, " KNOWN_OF("excluded.") ")"

static const char *const answering[] = {
    "INSERT INTO main.set_aside SELECT * FROM o.set_aside WHERE true ON CONFLICT(trial_id) DO UPDATE SET "
    "(set_aside_us, because) = (excluded.set_aside_us, excluded.because) "
    "WHERE (excluded.set_aside_us, excluded.because) < (set_aside_us, because)",
    "INSERT INTO main.processes SELECT * FROM o.processes WHERE true ON CONFLICT DO UPDATE SET "
    "(differ, variant_hash, forked_failed, forked, fresh_failed, fresh, seen_us) = (excluded.differ, "
    "excluded.variant_hash, excluded.forked_failed, excluded.forked, excluded.fresh_failed, excluded.fresh, "
    "excluded.seen_us) WHERE (excluded.differ, excluded.seen_us, excluded.variant_hash, excluded.forked, "
    "excluded.fresh, excluded.forked_failed, excluded.fresh_failed) > "
    "(differ, seen_us, variant_hash, forked, fresh, forked_failed, fresh_failed)",
    "INSERT OR IGNORE INTO main.report_of_trial SELECT * FROM o.report_of_trial",
    /* What was said last of a failure holds, all of it. */
    "INSERT INTO main.known SELECT * FROM o.known WHERE true ON CONFLICT(id) DO UPDATE SET " KNOWN_SET
    " WHERE (excluded.changed_us, " KNOWN_OF("excluded.") ") > (changed_us, " KNOWN_OF("") ")",
    "INSERT INTO main.known_place SELECT * FROM o.known_place WHERE true ON CONFLICT DO UPDATE SET "
    "(changed_us, "
    "removed) = (excluded.changed_us, excluded.removed) WHERE (excluded.changed_us, excluded.removed) > "
    "(changed_us, removed)",
};

#define OF_ADDED "WHERE id IN (SELECT id FROM temp.added)"

static const char *const adding[] = {
    "INSERT INTO main.summary " TL_SUMMARY_OF(
        OF_ADDED) " ON CONFLICT DO UPDATE SET trials = trials + excluded.trials, fresh = fresh + "
                  "excluded.fresh, "
                  "first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us)",
    "INSERT INTO main.tally " TL_TALLY_OF(
        OF_ADDED) " ON CONFLICT DO UPDATE SET trials = trials + excluded.trials, "
                  "first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us)",
};

/* When trials were replaced: all sums anew. */
static const char *const recounting[] = {
    "DELETE FROM main.summary",
    "INSERT INTO main.summary " TL_SUMMARY_OF(""),
    "DELETE FROM main.tally",
    "INSERT INTO main.tally " TL_TALLY_OF(""),
};

/* Content that no trial has: of losses that were replaced. */
static const char *const sweeping[] = {
    "DELETE FROM main.stack WHERE id NOT IN (SELECT stack_id FROM main.thread WHERE stack_id IS NOT NULL)",
    "DELETE FROM main.module_set WHERE id NOT IN (SELECT module_set_id FROM main.capture WHERE module_set_id "
    "IS NOT NULL)",
    "DELETE FROM main.signature WHERE NOT EXISTS (SELECT 1 FROM main.trial WHERE signature_id = "
    "signature.id)",
    "DELETE FROM main.system_report WHERE id NOT IN (SELECT report_id FROM main.report_of_trial)",
};

static int run_all(struct merge *m, const char *const *list, size_t n, struct tl_error *e)
{
    for (size_t i = 0; i < n; i++)
        if (exec(m, list[i], e))
            return -1;
    return 0;
}
#define RUN(m, list, e) run_all(m, list, TL_COUNT(list), e)

static int merge_rows(struct merge *m, struct tl_merged *r, struct tl_error *e)
{
    int64_t added, regained, there, other;
    m->doing = "merging";
    if (RUN(m, choosing, e) || number(m, "SELECT count(*) FROM temp.added", &added, e) ||
        number(m, "SELECT count(*) FROM temp.regained", &regained, e) ||
        number(m, "SELECT count(*) FROM o.trial", &there, e) ||
        number(m,
               "SELECT count(*) FROM o.trial x JOIN main.trial t ON t.id = x.id WHERE x.outcome = 'lost' OR "
               "x.signature_id IS NOT t.signature_id",
               &other, e))
        return -1;
    for (size_t i = 0; i < TL_COUNT(contents); i++)
        if (merge_content(m, contents[i].table, contents[i].key, e))
            return -1;
    if (merge_trials(m, e) || exec(m, findings, e))
        return -1;
    r->findings = (uint64_t)sqlite3_changes64(m->s->db);
    if (exec(m, night_cells, e) || RUN(m, answering, e))
        return -1;
    m->doing = "adding up";
    if (regained ? RUN(m, recounting, e) : added ? RUN(m, adding, e) : 0)
        return -1;
    if ((regained || other) && RUN(m, sweeping, e))
        return -1;
    r->trials = (uint64_t)(added - regained);
    r->regained = (uint64_t)regained;
    r->known = (uint64_t)(there - added);
    return 0;
}

static int merge_copy(struct merge *m, const char *path, const char *name, struct tl_merged *r,
                      struct tl_error *e)
{
    sqlite3 *db = m->s->db;
    if (TL_RUN(m->s, "ATTACH ? AS o", what_, e, TL_TEXT(name)))
        return -1;
    sqlite3_progress_handler(db, TURN_STEPS, on_turn, m);
    int result = check_copy(m, path, e) || tl_sql_exec(db, "BEGIN IMMEDIATE", what_, e) ||
                         merge_rows(m, r, e) || tl_sql_exec(db, "COMMIT", what_, e)
                     ? -1
                     : 0;
    sqlite3_progress_handler(db, 0, NULL, NULL);
    if (m->stopped)
        result = stopped(e);
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_exec(db, "DETACH o", NULL, NULL, NULL);
    tl_store_forget(m->s); /* rows may have been swept */
    return result;
}

int tl_store_merge(struct tl_store *s, const char *path, const struct tl_watch *watch,
                   struct tl_merged *merged, struct tl_error *e)
{
    struct merge m = {.s = s, .path = path, .watch = watch, .doing = "reading"};
    *merged = (struct tl_merged){0};
    if (s->mode != TL_STORE_WRITE)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, what_, s->path, "it was opened for reading");
    if (tl_store_flush(s, e))
        return -1;
    char *name = tl_format("%s-merge-XXXXXX", s->path);
    int fd = mkstemp(name);
    int result = fd < 0 ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what_, name,
                                        "a copy of the other database is made here, and cannot be")
                        : 0;
    if (fd >= 0)
        close(fd);
    if (!result)
        result = make_copy(&m, path, name, e) || merge_copy(&m, path, name, merged, e) ? -1 : 0;
    if (fd >= 0) {
        static const char *const ends[] = {"", "-journal", "-wal", "-shm"};
        for (size_t i = 0; i < TL_COUNT(ends); i++) {
            char *file = tl_format("%s%s", name, ends[i]);
            unlink(file);
            free(file);
        }
    }
    /* Errors name the copy where SQLite made them; it is gone, and the user knows the other name. */
    if (result && e && !strncmp(e->where, name, strlen(name)))
        snprintf(e->where, sizeof e->where, "%s", path);
    free(name);
    return result;
}

/* --- compacting ----------------------------------------------------------------------------------------- */

static uint64_t size_of(const struct tl_store *s)
{
    static const char *const ends[] = {"", "-wal"};
    uint64_t size = 0;
    for (size_t i = 0; i < 2; i++) {
        struct stat st;
        char *file = tl_format("%s%s", s->path, ends[i]);
        if (!stat(file, &st))
            size += (uint64_t)st.st_size;
        free(file);
    }
    return size;
}

int tl_store_compact(struct tl_store *s, const struct tl_watch *watch, struct tl_compacted *c,
                     struct tl_error *e)
{
    struct merge m = {.s = s, .path = tl_store_path(s), .watch = watch, .doing = "sweeping"};
    *c = (struct tl_compacted){.before = size_of(s)};
    if (s->mode != TL_STORE_WRITE)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, compacting, s->path, "it was opened for reading");
    if (tl_store_flush(s, e))
        return -1;
    sqlite3_progress_handler(s->db, TURN_STEPS, on_turn, &m);
    int64_t before = sqlite3_total_changes64(s->db);
    int result = tl_sql_exec(s->db, "BEGIN IMMEDIATE", compacting, e) || RUN(&m, sweeping, e) ||
                         tl_sql_exec(s->db, "COMMIT", compacting, e)
                     ? -1
                     : 0;
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    c->rows = (uint64_t)(sqlite3_total_changes64(s->db) - before);
    m.doing = "writing the file anew";
    /* A reader keeps the log from being cut off; then it is done the next time. */
    if (!result)
        result = tl_sql_exec(s->db, "VACUUM", compacting, e);
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    if (!result)
        result = tl_sql_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", compacting, e);
    if (m.stopped)
        result = tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", s->path, "the database is as it was, and sound");
    tl_store_forget(s);
    c->after = size_of(s);
    return result;
}
