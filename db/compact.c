/* A database into a smaller file. SQLite writes all of it anew into a file that has no name (work.h), and from there into the
 * log, in one transaction: whenever the process is killed, the database is as it was before or as it is after. */
#include "db/group.h"
#include "db/merge.h"
#include "db/sql.h"
#include "db/sweep.h"
#include "db/work.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <sys/stat.h>

static const char what_[] = "cannot compact the database";

#define TURN_STEPS 200000 /* of SQLite's machine, between two lines that are told */

const char *const tl_sweeping[TL_SWEEPING] = {
    "DELETE FROM main.stack WHERE id NOT IN (SELECT stack_id FROM main.thread WHERE stack_id IS NOT NULL)",
    "DELETE FROM main.module_set WHERE id NOT IN (SELECT module_set_id FROM main.capture WHERE module_set_id "
    "IS NOT NULL)",
    "DELETE FROM main.signature WHERE NOT EXISTS (SELECT 1 FROM main.trial WHERE signature_id = "
    "signature.id)",
    "DELETE FROM main.system_report WHERE id NOT IN (SELECT report_id FROM main.report_of_trial)",
};

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

struct compaction {
    const struct tl_watch *watch;
    const char *path, *doing;
    bool stopped;
};

static int on_turn(void *arg)
{
    struct compaction *c = arg;
    c->stopped = c->stopped || tl_watch_line(c->watch, "%s %s", c->doing, c->path);
    return c->stopped;
}

static int sweep(sqlite3 *db, struct tl_error *e)
{
    int result = tl_sql_exec(db, "BEGIN IMMEDIATE", what_, e);
    for (size_t i = 0; i < TL_SWEEPING && !result; i++)
        result = tl_sql_exec(db, tl_sweeping[i], what_, e);
    if (!result)
        result = tl_sql_exec(db, "COMMIT", what_, e);
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

int tl_store_compact(struct tl_store *s, const struct tl_watch *watch, struct tl_compacted *c,
                     struct tl_error *e)
{
    struct compaction turn = {.watch = watch, .path = s->path, .doing = "sweeping"};
    struct tl_work work;
    *c = (struct tl_compacted){.before = size_of(s)};
    if (s->mode != TL_STORE_WRITE)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, what_, s->path, "it was opened for reading");
    if (tl_store_flush(s, e) || tl_work_begin(s, &work, what_, e))
        return -1;
    sqlite3_progress_handler(s->db, TURN_STEPS, on_turn, &turn);
    int64_t before = sqlite3_total_changes64(s->db);
    int result = sweep(s->db, e);
    c->rows = (uint64_t)(sqlite3_total_changes64(s->db) - before);
    turn.doing = "writing the file anew";
    if (!result)
        result = tl_sql_exec(s->db, "VACUUM", what_, e);
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    /* A reader keeps the log from being cut off; then it is done the next time. */
    if (!result)
        result = tl_sql_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", what_, e);
    if (turn.stopped)
        result = tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", s->path, "the database is as it was, and sound");
    tl_work_end(&work);
    tl_store_forget(s);
    c->after = size_of(s);
    return result;
}
