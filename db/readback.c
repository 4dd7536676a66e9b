#include "db/readback.h"

#include <stdio.h>
#include <string.h>

/* 1: it is there; 0: it is not; -1: that could not be found out. */
static int has(sqlite3 *db, const char *sql, const char *value)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(st, 1, value, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    sqlite3_finalize(st);
    switch (rc) {
    case SQLITE_ROW:
        return 1;
    case SQLITE_DONE:    /* no such row */
    case SQLITE_ERROR:   /* no such table */
    case SQLITE_CORRUPT: /* no such page */
    case SQLITE_NOTADB:
        return 0;
    default:
        return -1;
    }
}

void tl_readback_written(struct tl_store *s, const char *trial)
{
    snprintf(s->written_trial, sizeof s->written_trial, "%s", trial);
}

void tl_readback_committed(struct tl_store *s)
{
    if (!s->written_trial[0])
        return;
    memcpy(s->last_trial, s->written_trial, sizeof s->last_trial);
    if (!s->first_trial[0])
        memcpy(s->first_trial, s->written_trial, sizeof s->first_trial);
    s->written_trial[0] = '\0';
}

void tl_readback_undone(struct tl_store *s)
{
    s->written_trial[0] = '\0';
}

bool tl_readback_fails(const struct tl_store *s)
{
    sqlite3 *db = NULL;
    static const char trial[] = "SELECT 1 FROM trial WHERE id = ?1";
    bool fails = false;
    if (!sqlite3_open_v2(s->path, &db, SQLITE_OPEN_READONLY, NULL))
        fails = !has(db, "SELECT 1 FROM meta WHERE key = 'database' AND value = ?1", s->database_id) ||
                (s->first_trial[0] && (!has(db, trial, s->first_trial) || !has(db, trial, s->last_trial)));
    sqlite3_close(db);
    return fails;
}
