/* What can be wrong with a database, as queries: SQLite's own checks of pages and of foreign keys, content
 * that nothing refers to, and sums that are not those of the trials. Damage that stops one of them is a
 * finding as well, and the others go on. */
#include "db/sql.h"
#include "db/store_impl.h"
#include "db/sums.h"
#include "harness/base/buffer.h"

#include <stdlib.h>

static const char what_[] = "cannot check the database";

/* Rows that are in the one and not in the other: what is said of them, by the columns of the one. */
#define DIFFERENCE(saying, one, other)                                                                       \
    "SELECT " saying " || ' on ' || unit || ': ' || outcome FROM (" one " EXCEPT " other ") LIMIT 100"

/* Every row of the query is something wrong: its first column says what. */
static const char *const checks[] = {
    "SELECT 'SQLite: ' || integrity_check FROM pragma_integrity_check(100) WHERE integrity_check <> 'ok'",
    "SELECT 'row ' || ifnull(rowid, '?') || ' of ' || \"table\" || ' refers to a row of ' || parent || "
    "' that is not there' FROM pragma_foreign_key_check LIMIT 100",
    "SELECT 'no thread has stack ' || id FROM stack WHERE id NOT IN "
    "(SELECT stack_id FROM thread WHERE stack_id IS NOT NULL) LIMIT 100",
    "SELECT 'no capture has module set ' || id FROM module_set WHERE id NOT IN "
    "(SELECT module_set_id FROM capture WHERE module_set_id IS NOT NULL) LIMIT 100",
    "SELECT 'no trial has signature ' || id FROM signature g WHERE NOT EXISTS "
    "(SELECT 1 FROM trial WHERE signature_id = g.id) LIMIT 100",
    "SELECT 'no trial has report ' || id FROM system_report WHERE id NOT IN "
    "(SELECT report_id FROM report_of_trial) LIMIT 100",
    DIFFERENCE("'summary is wrong for case ' || case_hash", TL_SUMMARY_OF(""), "SELECT * FROM summary"),
    DIFFERENCE("'summary has a row too many for case ' || case_hash", "SELECT * FROM summary",
               TL_SUMMARY_OF("")),
    DIFFERENCE("'tally is wrong for case ' || case_name", TL_TALLY_OF(""), "SELECT * FROM tally"),
    DIFFERENCE("'tally has a row too many for case ' || case_name", "SELECT * FROM tally", TL_TALLY_OF("")),
};

/* Whether a check can be made again with what it sorts in memory: it had no room for it elsewhere, and has said nothing yet. */
static bool lacks_room(int rc, size_t said)
{
    return !said &&
           ((rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_IOERR);
}

/* Runs one check, and counts what it says: but where a page cannot be read it says that it is damaged, and so does what follows. */
static int run(struct tl_store *s, const char *sql, tl_store_found found, void *arg, size_t *said)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    *said = 0;
    if (rc == SQLITE_OK)
        while ((rc = sqlite3_step(st)) == SQLITE_ROW && !tl_sql_unreadable(s->db)) {
            const char *text = (const char *)sqlite3_column_text(st, 0);
            ++*said;
            if (found)
                found(arg, text ? text : "something that cannot be told");
        }
    sqlite3_finalize(st);
    return rc;
}

static int run_all(struct tl_store *s, tl_store_found found, void *arg, size_t *wrong, struct tl_error *e)
{
    bool in_memory = false;
    for (size_t i = 0; i < TL_COUNT(checks); i++) {
        size_t said;
        int rc = run(s, checks[i], found, arg, &said);
        if (!in_memory && lacks_room(rc, said)) {
            in_memory = true;
            sqlite3_exec(s->db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
            rc = run(s, checks[i], found, arg, &said);
        }
        *wrong += said;
        const int unreadable = tl_sql_unreadable(s->db);
        if (unreadable)
            return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, unreadable, what_, s->path,
                                 "reading the file failed, and whether it is damaged is not known. Look at "
                                 "the disk, or copy the file to another one and check that");
        if ((rc & 0xff) == SQLITE_CORRUPT) { /* damage that stops a check is a finding too */
            char *text = tl_format("SQLite: check %zu met a page that cannot be read", i + 1);
            ++*wrong;
            if (found)
                found(arg, text);
            free(text);
        } else if (rc != SQLITE_DONE) {
            return tl_sql_fail(e, s->db, rc, what_);
        }
    }
    return 0;
}

int tl_store_check(struct tl_store *s, tl_store_found found, void *arg, size_t *wrong, struct tl_error *e)
{
    *wrong = 0;
    if (s->in_group && tl_store_flush(s, e))
        return -1;
    /* Sums are sorted: in files that SQLite unlinks when it has opened them, where the system has files that are temporary, and
     * not in memory. The directory of the database need not be one that can be written. */
    sqlite3_exec(s->db, "PRAGMA temp_store = FILE", NULL, NULL, NULL);
    int result = run_all(s, found, arg, wrong, e);
    sqlite3_exec(s->db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
    return result;
}
