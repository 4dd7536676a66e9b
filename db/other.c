/* The other database is attached as it is, read-only: its owner may be writing, and it may be on media that cannot be
 * written. One transaction from the first check to the last row sees one state of it. It is copied only when it is of an
 * older schema, to be brought to the newest one.
 *
 * Nothing of it is believed: it must have the columns that this schema has, no views, triggers or virtual tables that would
 * run while it is read, and rows whose ids and words are trapline's. All of that but the columns is looked at in that
 * transaction; and rows of other columns would fail to be read. */
#include "db/other.h"

#include "db/migrate.h"
#include "db/sql.h"
#include "db/values.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char what_[] = "cannot merge databases";

#define COPY_PAGES 2000 /* between two lines that are told */

/* --- opening -------------------------------------------------------------------------------------------- */

static void secure(sqlite3 *db)
{
    tl_sql_secure(db);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
}

static int open_as(const char *uri, sqlite3 **db, int *version, struct tl_error *e)
{
    errno = 0;
    int rc = sqlite3_open_v2(uri, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    if (rc != SQLITE_OK)
        return tl_sql_fail(e, *db, rc, what_);
    secure(*db);
    return tl_migrate_version(*db, tl_schema_version, version, e);
}

/* Whether nobody has it open: whoever has made what lies beside it then, and whoever was killed left it there. */
static bool is_alone(const char *path)
{
    static const char *const ends[] = {"-wal", "-shm", "-journal"};
    bool alone = true;
    for (size_t i = 0; i < TL_COUNT(ends) && alone; i++) {
        struct stat st;
        char *beside = tl_format("%s%s", path, ends[i]);
        alone = lstat(beside, &st) && errno == ENOENT;
        free(beside);
    }
    return alone;
}

bool tl_other_changed(const struct tl_other *o)
{
    struct stat now;
    if (!o->alone)
        return false;
    if (stat(o->path, &now))
        return true;
    char *then = tl_file_state(&o->before), *is = tl_file_state(&now);
    bool changed = strcmp(then, is) != 0;
    free(then);
    free(is);
    return changed;
}

/* Opens for reading, also where SQLite cannot make its shared memory beside the file (then there is no writer). *uri: how
 * that was, a new string; it and *db are released by the caller in any case. */
static int open_source(struct tl_other *o, sqlite3 **db, char **uri, int *version, struct tl_error *e)
{
    const char *path = o->path;
    struct stat st;
    *db = NULL;
    *uri = NULL;
    if (stat(path, &st) || access(path, R_OK))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, what_, path, "it cannot be read");
    if (!S_ISREG(st.st_mode))
        return tl_fail(e, TL_ERROR_INPUT, what_, path, "it is not a regular file");
    char *real = realpath(path, NULL);
    if (!real)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, what_, path, "it cannot be read");
    o->before = st; /* as it was before it was found to be alone */
    o->alone = o->alone && is_alone(real);
    *uri = tl_sql_uri(real, o->alone ? "immutable=1" : "mode=ro");
    int result = open_as(*uri, db, version, e), rc = sqlite3_errcode(*db) & 0xff;
    if (result && !o->alone && (rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY) && !tl_sql_log_left(real)) {
        sqlite3_close(*db);
        free(*uri);
        *uri = tl_sql_uri(real, "immutable=1");
        result = open_as(*uri, db, version, e);
    }
    free(real);
    return result;
}

static bool is_stopped(const struct tl_other *o)
{
    return tl_watch_line(o->watch, "reading %s", o->path);
}

/* Errors name the file by the path that the user gave. Those of the own disk name what the directory of the work is in, for that
 * one is gone when they are read. */
static int of_file(const struct tl_other *o, bool own, struct tl_error *e)
{
    ptrdiff_t n = tl_base_name(o->directory) - o->directory;
    if (e && e->kind == TL_ERROR_ENVIRONMENT && own)
        snprintf(e->where, sizeof e->where, "%.*s", (int)(n > 1 ? n - 1 : n), o->directory);
    else if (e && e->kind != TL_ERROR_INTERRUPTED)
        snprintf(e->where, sizeof e->where, "%s", o->path);
    return -1;
}

/* The other one is only read: what is written is a copy of it, or what does not fit into memory. */
static bool is_of_writing(int rc)
{
    return (rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_CANTOPEN || rc == SQLITE_IOERR_WRITE ||
           rc == SQLITE_IOERR_TRUNCATE || rc == SQLITE_IOERR_FSYNC;
}

static int copy(const struct tl_other *o, sqlite3 *from, sqlite3 *to, struct tl_error *e)
{
    errno = 0;
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (!b) {
        tl_sql_fail(e, to, sqlite3_errcode(to), what_);
        return of_file(o, true, e);
    }
    int rc = SQLITE_OK;
    bool stop = false;
    while ((rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED) && !(stop = is_stopped(o))) {
        rc = sqlite3_backup_step(b, COPY_PAGES);
        if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
            sqlite3_sleep(20);
    }
    sqlite3_backup_finish(b);
    if (stop)
        return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", "", "nothing was changed");
    if (rc == SQLITE_DONE)
        return 0;
    tl_sql_fail(e, to, rc, what_);
    return of_file(o, is_of_writing(rc), e);
}

/* Copies the database to `name` and brings the copy to the newest schema. */
static int make_copy(const struct tl_other *o, sqlite3 *from, const char *name, struct tl_error *e)
{
    sqlite3 *to = NULL;
    errno = 0;
    int rc = sqlite3_open_v2(name, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    int result = rc == SQLITE_OK ? copy(o, from, to, e) : -1;
    if (rc != SQLITE_OK) {
        tl_sql_fail(e, to, rc, what_);
        of_file(o, true, e);
    } else if (!result) {
        secure(to);
        /* No log beside the copy, and no sync: it is gone when this process ends. */
        if (tl_sql_exec(to, "PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE", what_, e) ||
            tl_migrate(to, tl_migrations, tl_schema_version, e))
            result = of_file(o, true, e);
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
    "'execute', 'check', 'done') OR fresh NOT IN (0, 1)" /* which is added up */
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
/* What is counted on from here: the number of the next night, and the end of one that ended as it began. */
#define NOT_OF_A_NIGHT                                                                                       \
    "typeof(n) <> 'integer' OR NOT n BETWEEN 1 AND 4294967295 OR typeof(started_us) <> 'integer' OR NOT "    \
    "started_us BETWEEN 0 AND " LAST_US
/* Of the table itself: an index of a file that is damaged may have other ids. */
#define ROWS(table, wrong) "SELECT count(*) FROM " table " NOT INDEXED WHERE " wrong
#define ROWS_OF(query, wrong) "SELECT count(*) FROM " query " WHERE " wrong

/* clang-format off */
/* Each counts what is wrong. */
struct condition {
    const char *sql, *why;
};
static const struct condition schema = {
    ROWS("o.sqlite_schema", "type IN ('view', 'trigger') OR sql LIKE 'CREATE VIRTUAL%'"),
    "it holds views, triggers or virtual tables, which no trapline makes",
};
static const struct condition columns = {
    "SELECT " MISSING("main", "o") " + " MISSING("o", "main"),
    "its tables are not those of this schema",
};
static const struct condition rows[] = {
    {ROWS("o.trial", NOT_UUID " OR " NOT_OF_A_TRIAL),
     "trials in it have ids or outcomes that trapline does not write"},
    {ROWS_OF("(SELECT hash AS id FROM o.case_file NOT INDEXED)", NOT_HASH),
     "cases in it have ids that trapline does not write"},
    {ROWS_OF("(SELECT because AS id, * FROM o.set_aside)", NOT_UUID " OR typeof(set_aside_us) <> 'integer'"),
     "trials in it are set aside for reasons that trapline does not write"},
    {ROWS("o.anew", "typeof(since_us) <> 'integer' OR NOT since_us BETWEEN 0 AND " LAST_US),
     "what it says was run anew is not what trapline writes"},
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
    {ROWS("o.night", NOT_UUID " OR NOT (document IS NULL OR json_valid(document)) OR " NOT_OF_A_NIGHT),
     "nights in it are not what trapline writes"},
    {ROWS("o.known", NOT_HASH " OR " NOT_KNOWN),
     "what it says of failures that are known is not what trapline writes"},
    {ROWS_OF("(SELECT known_id AS id, * FROM o.known_place)", NOT_HASH " OR " NOT_OF_A_PLACE),
     "what it says of places of failures that are known is not what trapline writes"},
    {ROWS("o.night_cell", NOT_OF_A_CELL),
     "nights in it saw what trapline does not write"},
};
/* clang-format on */

/* That what was asked of the attached one failed. */
static int of_attached(struct tl_store *s, const struct tl_other *o, struct tl_error *e)
{
    return of_file(o, o->copied || is_of_writing(sqlite3_extended_errcode(s->db)), e);
}

static int holds(struct tl_store *s, const struct tl_other *o, const struct condition *c, struct tl_error *e)
{
    int64_t wrong;
    if (tl_sql_int(s->db, c->sql, &wrong, what_, e))
        return of_attached(s, o, e);
    return wrong ? tl_fail(e, TL_ERROR_INPUT, what_, o->path, "%s. Nothing was changed", c->why) : 0;
}

int tl_other_check(struct tl_store *s, const struct tl_other *o, struct tl_error *e)
{
    char *answer = NULL;
    int result = holds(s, o, &schema, e);
    if (!result && tl_sql_text(s->db, "PRAGMA o.quick_check(1)", &answer, what_, e))
        result = of_attached(s, o, e);
    const int unreadable = result ? 0 : tl_sql_unreadable(s->db);
    if (unreadable)
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, unreadable, what_, o->path,
                               "reading the file failed. Nothing was changed");
    if (!result && (!answer || strcmp(answer, "ok")))
        result = tl_fail(e, TL_ERROR_INPUT, what_, o->path,
                         "the file is damaged (%s); `trapline db check --db %s` lists what is wrong. Nothing "
                         "was changed",
                         answer ? answer : "no answer", o->path);
    free(answer);
    for (size_t i = 0; i < TL_COUNT(rows) && !result; i++)
        result = holds(s, o, &rows[i], e);
    return result;
}

/* --- attaching ------------------------------------------------------------------------------------------ */

/* What fails to be attached is closed again, and whether it is damaged or could not be read is not told any more. Once more it is
 * told by what becomes of it, or by the file itself. */
static int attach(struct tl_store *s, const char *uri, const char *path, struct tl_error *e)
{
    if (!TL_RUN(s, "ATTACH ? AS o", what_, e, TL_TEXT(uri)))
        return 0;
    if ((sqlite3_errcode(s->db) & 0xff) != SQLITE_CORRUPT)
        return -1;
    if (!TL_RUN(s, "ATTACH ? AS o", what_, e, TL_TEXT(uri)))
        return 0;
    const int unreadable = tl_sql_read_through(path);
    return unreadable ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, unreadable, what_, path,
                                      "reading the file failed. Nothing was changed")
                      : -1;
}

int tl_other_attach(struct tl_store *s, const char *path, const char *directory, bool alone,
                    const struct tl_watch *watch, struct tl_other *o, struct tl_error *e)
{
    sqlite3 *from;
    char *uri;
    int version;
    *o = (struct tl_other){.path = path, .directory = directory, .alone = alone, .watch = watch};
    int result = open_source(o, &from, &uri, &version, e) ? of_file(o, false, e) : 0;
    if (!result && is_stopped(o))
        result = tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", "", "nothing was changed");
    if (!result && version == 0)
        result = tl_fail(e, TL_ERROR_INPUT, what_, path, "it is empty: no trial was stored there");
    if (!result && version < tl_schema_version) {
        char *name = tl_format("%s/copy.db", directory);
        o->copied = true;
        unlink(name); /* of the first time */
        result = make_copy(o, from, name, e);
        free(uri);
        uri = tl_sql_uri(name, "mode=ro");
        free(name);
    }
    sqlite3_close(from);
    if (!result && attach(s, uri, path, e))
        result = of_file(o, o->copied, e);
    free(uri);
    if (result)
        return -1;
    if (!holds(s, o, &schema, e) && !holds(s, o, &columns, e))
        return 0;
    tl_other_detach(s);
    return -1;
}

void tl_other_detach(struct tl_store *s)
{
    sqlite3_exec(s->db, "DETACH o", NULL, NULL, NULL);
}
