#include "db/group.h"

#include "db/sql.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <string.h>

static const char cannot_write[] = "cannot write to the database";

sqlite3_stmt *tl_store_statement(struct tl_store *s, enum tl_statement which, const char *sql,
                                 const char *what, struct tl_error *e)
{
    sqlite3_stmt **st = &s->statements[which];
    if (!*st) {
        int rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL);
        if (rc != SQLITE_OK) {
            tl_sql_fail(e, s->db, rc, what);
            return NULL;
        }
    }
    return *st;
}

int tl_store_step(struct tl_store *s, sqlite3_stmt *st, const char *what, struct tl_error *e)
{
    int rc = sqlite3_step(st),
        failed = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : tl_sql_fail(e, s->db, rc, what);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st); /* so that nothing of the caller's is referred to any longer */
    return failed;
}

bool tl_store_known(struct tl_store *s, char kind, const char *id)
{
    size_t n = strlen(id);
    if (n >= TL_ID_SIZE)
        return false;
    if (!s->known)
        s->known = tl_calloc(TL_KNOWN, sizeof *s->known);
    uint32_t h = 2166136261u ^ (unsigned char)kind;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)id[i]) * 16777619u;
    char *slot = s->known[(h ^ h >> 16) % TL_KNOWN];
    if (slot[0] == kind && strcmp(slot + 1, id) == 0)
        return true;
    slot[0] = kind;
    memcpy(slot + 1, id, n + 1);
    return false;
}

void tl_store_forget(struct tl_store *s)
{
    if (s->known)
        memset(s->known, 0, TL_KNOWN * sizeof *s->known);
}

int tl_store_group(struct tl_store *s, struct tl_error *e)
{
    if (s->in_group)
        return 0;
    if (s->mode != TL_STORE_WRITE)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, cannot_write, s->path, "it was opened for reading");
    sqlite3_stmt *st = tl_store_statement(s, TL_ST_BEGIN, "BEGIN IMMEDIATE", cannot_write, e);
    if (!st || tl_store_step(s, st, cannot_write, e))
        return -1;
    s->in_group = true;
    s->group = 0;
    s->group_due = tl_monotonic_ns() + TL_STORE_GROUP_NS;
    return 0;
}

int tl_store_undo(struct tl_store *s)
{
    if (!sqlite3_get_autocommit(s->db)) /* SQLite may have rolled back by itself */
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    s->in_group = false;
    s->group = 0;
    tl_store_forget(s);
    tl_intent_rolled_back(s->intents);
    return -1;
}

uint64_t tl_store_due_ns(const struct tl_store *s)
{
    return s->in_group ? s->group_due : 0;
}

int tl_store_flush(struct tl_store *s, struct tl_error *e)
{
    if (!s->in_group)
        return 0;
    sqlite3_stmt *st = tl_store_statement(s, TL_ST_COMMIT, "COMMIT", cannot_write, e);
    if (!st || tl_store_step(s, st, cannot_write, e))
        return tl_store_undo(s);
    s->in_group = false;
    s->group = 0;
    tl_intent_committed(s->intents);
    return 0;
}
