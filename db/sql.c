#include "db/sql.h"
#include "db/store.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* SQLite itself says the same of a wait that was stopped and of one that was too long. */
static _Thread_local const sqlite3 *stopped_in;

void tl_sql_wait_stopped(sqlite3 *db, bool stopped)
{
    stopped_in = stopped ? db : stopped_in == db ? NULL : stopped_in;
}

bool tl_sql_cannot_lock(int err)
{
    return err == ENOLCK || err == EIO || err == ENOSYS || err == EOPNOTSUPP;
}

static int last_error_of(sqlite3 *db, const char *schema, int which)
{
    sqlite3_file *file = NULL;
    int err = 0;
    if (!sqlite3_file_control(db, schema, which, &file) && file && file->pMethods)
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &err);
    return err;
}

int tl_sql_unreadable(sqlite3 *db)
{
    static const char *const schemas[] = {"main", "o"}; /* the own one, and one that is merged */
    static const int which[] = {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER};
    for (size_t i = 0; i < TL_COUNT(schemas); i++)
        for (size_t k = 0; k < TL_COUNT(which); k++) {
            int err = last_error_of(db, schemas[i], which[k]);
            if (err == EIO || err == ENXIO || err == ESTALE) /* others are of locks, say */
                return err;
        }
    return 0;
}

/* SQLite makes this code of a page that cannot be read as well, and keeps no reason; the file that is open remembers it. 0: it is
 * damaged. */
static int why_unreadable(sqlite3 *db, int err)
{
    const int known = db ? tl_sql_unreadable(db) : 0;
    return known || (err != EIO && err != ENXIO) ? known : err;
}

int tl_sql_read_through(const char *path)
{
    char part[65536];
    sqlite3 *db = NULL;
    sqlite3_file *file = NULL;
    struct tl_error ignored;
    sqlite3_int64 size = 0;
    int err = 0;
    if (!tl_sql_open_immutable(path, &db, "", &ignored) &&
        !sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) && file && file->pMethods &&
        !file->pMethods->xFileSize(file, &size))
        for (sqlite3_int64 at = 0; at < size && !err; at += (int)sizeof part) {
            int rc = file->pMethods->xRead(file, part, sizeof part, at);
            if (rc && rc != SQLITE_IOERR_SHORT_READ)
                err = tl_sql_unreadable(db);
        }
    sqlite3_close(db);
    return err;
}

int tl_sql_fail(struct tl_error *e, sqlite3 *db, int rc, const char *what)
{
    const char *path = db ? sqlite3_db_filename(db, "main") : NULL;
    const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    int err = errno, known = db ? sqlite3_system_errno(db) : 0;
    const int unreadable = (rc & 0xff) == SQLITE_CORRUPT ? why_unreadable(db, err) : 0;
    if (known) /* SQLite forgets it on some paths; callers clear errno before they call */
        err = known;
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return tl_fail(
            e, TL_ERROR_ENVIRONMENT, what, path,
            "the disk is full. What was stored before is safe; free some space, or use another database "
            "with --db");
    case SQLITE_IOERR:
        if (err == ENOSPC || err == EFBIG || err == EDQUOT)
            return tl_fail_errno(
                e, TL_ERROR_ENVIRONMENT, err, what, path,
                "there is no room to write. What was stored before is safe; free some space or raise "
                "the limit");
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err ? err : EIO, what, path,
                             "reading or writing the file failed (%s). What was stored before is safe", text);
    case SQLITE_CORRUPT:
        if (unreadable)
            return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, unreadable, what, path,
                                 "reading the file failed. What was stored before is safe");
        return tl_fail(e, TL_ERROR_INPUT, what, path,
                       "the file is damaged or cut short (%s). Nothing was changed; " TL_STORE_CHECK_ADVICE
                       "`sqlite3 FILE .recover` may save the rest",
                       text);
    case SQLITE_NOTADB:
        return tl_fail(e, TL_ERROR_INPUT, what, path,
                       "the file is not a database of trapline. Nothing was changed");
    case SQLITE_READONLY:
        return tl_fail(
            e, TL_ERROR_ENVIRONMENT, what, path,
            "the file, its directory or the file system is read-only, or they belong to another user");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        if (tl_sql_cannot_lock(err))
            return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, what, path,
                                 "the file cannot be locked. What was stored before is safe");
        if (db && db == stopped_in)
            return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", path,
                           "another process was writing to the database, and was waited for");
        return tl_fail(e, TL_ERROR_ENVIRONMENT, what, path,
                       "another program keeps the database locked; try again later");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        if (err)
            return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, what, path, "it cannot be opened");
        return tl_fail(e, TL_ERROR_ENVIRONMENT, what, path, "it cannot be opened (%s)", text);
    default:
        return tl_fail(e, TL_ERROR_ENVIRONMENT, what, path, "%s (SQLite error %d)", text, rc);
    }
}

void tl_sql_secure(sqlite3 *db)
{
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, 5000);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
}

char *tl_sql_uri(const char *path, const char *query)
{
    struct tl_buffer uri = TL_BUFFER_INIT;
    tl_buffer_add_string(&uri, "file:");
    for (const char *c = path; *c; c++)
        if (*c == '?' || *c == '#' || *c == '%')
            tl_buffer_printf(&uri, "%%%02x", (unsigned char)*c);
        else
            tl_buffer_add(&uri, c, 1);
    tl_buffer_printf(&uri, "?%s", query);
    return tl_buffer_take(&uri);
}

int tl_sql_open_immutable(const char *path, sqlite3 **db, const char *what, struct tl_error *e)
{
    char *uri = tl_sql_uri(path, "immutable=1");
    int rc = sqlite3_open_v2(uri, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    free(uri);
    return rc == SQLITE_OK ? 0 : tl_sql_fail(e, *db, rc, what);
}

bool tl_sql_log_left(const char *path)
{
    struct stat st;
    char *log = tl_format("%s-wal", path);
    bool left = stat(log, &st) == 0 && st.st_size > 0;
    free(log);
    return left;
}

bool tl_sql_begins_id(const char *text)
{
    size_t n = strspn(text, "0123456789abcdefABCDEF-");
    return n && n < TL_UUID_SIZE && !text[n];
}

int tl_sql_document(sqlite3 *db, const char *table, const char *id, char **text, size_t *n, const char *what,
                    struct tl_error *e)
{
    /* 'g' comes after every hexadecimal digit. */
    char *sql =
        tl_format("SELECT document FROM %s WHERE id >= ?1 AND id < ?1 || 'g' AND document IS NOT NULL "
                  "ORDER BY id LIMIT 2",
                  table);
    sqlite3_stmt *st = tl_sql_prepare(db, sql, what, e);
    int rc;
    free(sql);
    *text = NULL;
    *n = 0;
    if (!st)
        return -1;
    tl_sql_bind(st, 1, id);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        if ((*n)++ == 0)
            *text = tl_sql_dup(st, 0);
    int result = rc == SQLITE_DONE ? 0 : tl_sql_fail(e, db, rc, what);
    sqlite3_finalize(st);
    if (result) {
        free(*text);
        *text = NULL;
    }
    return result;
}

int tl_sql_exec(sqlite3 *db, const char *sql, const char *what, struct tl_error *e)
{
    errno = 0;
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : tl_sql_fail(e, db, sqlite3_extended_errcode(db), what);
}

static int first_row(sqlite3 *db, const char *sql, sqlite3_stmt **st, int *rc)
{
    errno = 0;
    *rc = sqlite3_prepare_v2(db, sql, -1, st, NULL);
    if (*rc == SQLITE_OK)
        *rc = sqlite3_step(*st);
    return *rc == SQLITE_ROW || *rc == SQLITE_DONE ? 0 : -1;
}

int tl_sql_int(sqlite3 *db, const char *sql, int64_t *value, const char *what, struct tl_error *e)
{
    sqlite3_stmt *st;
    int rc, failed = first_row(db, sql, &st, &rc);
    *value = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
    if (failed)
        tl_sql_fail(e, db, sqlite3_extended_errcode(db), what);
    sqlite3_finalize(st);
    return failed;
}

int tl_sql_text(sqlite3 *db, const char *sql, char **value, const char *what, struct tl_error *e)
{
    sqlite3_stmt *st;
    int rc, failed = first_row(db, sql, &st, &rc);
    *value = rc == SQLITE_ROW ? tl_sql_dup(st, 0) : NULL;
    if (failed)
        tl_sql_fail(e, db, sqlite3_extended_errcode(db), what);
    sqlite3_finalize(st);
    return failed;
}

sqlite3_stmt *tl_sql_prepare(sqlite3 *db, const char *sql, const char *what, struct tl_error *e)
{
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK)
        return st;
    tl_sql_fail(e, db, rc, what);
    return NULL;
}

enum tl_outcome tl_sql_outcome(sqlite3_stmt *st, int column)
{
    const char *name = (const char *)sqlite3_column_text(st, column);
    int o = name ? tl_outcome_parse(name) : -1;
    return o < 0 ? TL_OUTCOME_LOST : (enum tl_outcome)o;
}

enum tl_phase tl_sql_phase(sqlite3_stmt *st, int column)
{
    const char *name = (const char *)sqlite3_column_text(st, column);
    int p = name ? tl_phase_parse(name) : -1;
    return p < 0 ? TL_PHASE_START : (enum tl_phase)p;
}

void tl_sql_bind(sqlite3_stmt *st, int at, const char *text)
{
    if (text)
        sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(st, at);
}

char *tl_sql_dup(sqlite3_stmt *st, int column)
{
    return tl_strdup((const char *)sqlite3_column_text(st, column));
}

void tl_sql_copy(sqlite3_stmt *st, int column, char *to, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(st, column);
    snprintf(to, size, "%s", text ? text : "");
}
