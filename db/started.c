#include "db/started.h"

#include "db/group.h"
#include "db/sql.h"
#include "db/store_impl.h"
#include "db/values.h"
#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char cannot_mark[] = "cannot note who started it";
static const char cannot_find[] = "cannot find what was started last";

int tl_started_session(struct tl_store *s, const char *command, struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    int result = TL_RUN(s, "INSERT OR IGNORE INTO started VALUES(?,?,?)", cannot_mark, e,
                        TL_TEXT(s->session_id), TL_INTEGER(getuid()), TL_TEXT(command));
    return result ? tl_store_undo(s) : tl_store_flush(s, e);
}

int tl_started_finding(struct tl_store *s, const char *finding_id, struct tl_error *e)
{
    return TL_RUN(
        s, "INSERT OR REPLACE INTO started_finding SELECT ?, session_id FROM started WHERE session_id = ?",
        cannot_mark, e, TL_TEXT(finding_id), TL_TEXT(s->session_id));
}

/* Sessions are gone through from the newest on (their ids are ordered by time), and of each what belongs to it, until
 * something fits. */
/* What a report runs, to confirm it or to try it again, nobody asked for but who names the command; nor what a first case (init) is
 * looked at with. */
#define OF_USER                                                                                              \
    "WHERE z.uid = ?1 AND CASE WHEN ?2 IS NULL THEN z.command NOT IN ('report', 'init') ELSE z.command = "   \
    "?2 END "
#define NEWEST "ORDER BY z.session_id DESC, t.n DESC LIMIT 1"
#define TRIALS "FROM started z CROSS JOIN trial t ON t.session_id = z.session_id "

static const struct {
    enum tl_started_kind kind;
    const char *sql;
} queries[] = {
    {TL_STARTED_FINDING,
     "SELECT z.session_id, f.id FROM started z CROSS JOIN started_finding x ON x.session_id = z.session_id "
     "CROSS JOIN finding f ON f.id = x.finding_id LEFT JOIN signature g ON g.id = f.signature_id " OF_USER
     "AND (?3 IS NULL OR g.outcome = ?3) ORDER BY z.session_id DESC, f.created_us DESC, f.id DESC LIMIT 1"},
    {TL_STARTED_TRIAL,
     "SELECT z.session_id, t.id " TRIALS OF_USER "AND (?3 IS NULL OR t.outcome = ?3) " NEWEST},
    {TL_STARTED_SIGNATURE, "SELECT z.session_id, t.signature_id " TRIALS OF_USER
                           "AND t.signature_id IS NOT NULL AND (?3 IS NULL OR t.outcome = ?3) " NEWEST},
    {TL_STARTED_SESSION, "SELECT z.session_id, z.session_id " TRIALS OF_USER
                         "AND (?3 IS NULL OR t.outcome = ?3) ORDER BY z.session_id DESC LIMIT 1"},
};

/* The newest of a kind; session "" when there is none. */
static int newest(struct tl_store *s, const char *sql, const struct tl_started_wish *wish,
                  char session[TL_UUID_SIZE], char id[TL_UUID_SIZE], struct tl_error *e)
{
    sqlite3_stmt *st = tl_sql_prepare(s->db, sql, cannot_find, e);
    if (!st)
        return -1;
    TL_BIND(s, st, TL_INTEGER(getuid()), TL_TEXT(wish->command), TL_TEXT(wish->outcome));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        snprintf(session, TL_UUID_SIZE, "%s", (const char *)sqlite3_column_text(st, 0));
        snprintf(id, TL_UUID_SIZE, "%s", (const char *)sqlite3_column_text(st, 1));
    }
    int result = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, cannot_find);
    sqlite3_finalize(st);
    return result;
}

int tl_started_last(struct tl_store *s, const struct tl_started_wish *wish, struct tl_started *found,
                    struct tl_error *e)
{
    char best[TL_UUID_SIZE] = "";
    *found = (struct tl_started){0};
    for (size_t i = 0; i < TL_COUNT(queries); i++) {
        char session[TL_UUID_SIZE] = "", id[TL_UUID_SIZE] = "";
        if (!(wish->kinds & queries[i].kind))
            continue;
        if (newest(s, queries[i].sql, wish, session, id, e))
            return -1;
        if (strcmp(session, best) > 0) { /* of equal ones the finding, which comes first here */
            found->kind = queries[i].kind;
            memcpy(found->id, id, sizeof id);
            memcpy(found->session, session, sizeof session);
            memcpy(best, session, sizeof session);
        }
    }
    return 0;
}

int tl_started_in_vain(struct tl_store *s, const char *after, char command[TL_STARTED_COMMAND],
                       struct tl_error *e)
{
    *command = '\0';
    sqlite3_stmt *st = tl_sql_prepare(s->db,
                                      "SELECT z.command FROM started z WHERE z.uid = ? AND z.session_id > ? "
                                      "AND z.command IN ('isolate', 'reduce') "
                                      "ORDER BY z.session_id DESC LIMIT 1",
                                      cannot_find, e);
    if (!st)
        return -1;
    TL_BIND(s, st, TL_INTEGER(getuid()), TL_TEXT(after));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        snprintf(command, TL_STARTED_COMMAND, "%s", (const char *)sqlite3_column_text(st, 0));
    int result = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, cannot_find);
    sqlite3_finalize(st);
    return result;
}

int tl_started_case_place(struct tl_store *s, const char *case_hash, const char *path, struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    int result = TL_RUN(s,
                        "INSERT INTO case_place VALUES(?,?) ON CONFLICT DO UPDATE SET path = excluded.path "
                        "WHERE path <> excluded.path",
                        "cannot note where a case is", e, TL_TEXT(case_hash), TL_TEXT(path));
    return result ? tl_store_undo(s) : 0;
}

int tl_started_case_path(struct tl_store *s, const char *case_hash, char **path, struct tl_error *e)
{
    static const char what[] = "cannot find where a case is";
    *path = NULL;
    sqlite3_stmt *st = tl_sql_prepare(s->db, "SELECT path FROM case_place WHERE case_hash = ?", what, e);
    if (!st)
        return -1;
    tl_sql_bind(st, 1, case_hash);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *path = tl_sql_dup(st, 0);
    int result = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, what);
    sqlite3_finalize(st);
    return result;
}

int tl_started_case_paths(struct tl_store *s, char ***paths, struct tl_error *e)
{
    static const char what[] = "cannot find where cases are";
    size_t n = 0;
    char **list = NULL;
    sqlite3_stmt *st = tl_sql_prepare(s->db, "SELECT DISTINCT path FROM case_place ORDER BY path", what, e);
    if (!st)
        return -1;
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        *TL_GROW(list, n) = tl_sql_dup(st, 0);
    *TL_GROW(list, n) = NULL;
    int result = rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, what);
    sqlite3_finalize(st);
    if (result)
        tl_strings_free(list);
    else
        *paths = list;
    return result;
}
