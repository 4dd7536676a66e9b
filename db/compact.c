/* A database into a smaller file. SQLite writes all of it anew into a file that has no name (work.h), and from there into the
 * log, in one transaction: whenever the process is killed, the database is as it was before or as it is after. */
#include "db/group.h"
#include "db/merge.h"
#include "db/place.h"
#include "db/sql.h"
#include "db/sweep.h"
#include "db/work.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <sys/stat.h>

static const char what_[] = "cannot compact the database";

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

static int sweep(sqlite3 *db, struct tl_error *e)
{
    int result = tl_sql_exec(db, "BEGIN IMMEDIATE", what_, e) || tl_content_sweep(db, what_, e) ||
                         tl_sql_exec(db, "COMMIT", what_, e)
                     ? -1
                     : 0;
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

int tl_store_compact(struct tl_store *s, const struct tl_watch *watch, struct tl_compacted *c,
                     struct tl_error *e)
{
    struct tl_work work;
    *c = (struct tl_compacted){.before = size_of(s)};
    if (s->mode != TL_STORE_WRITE)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, what_, s->path, "it was opened for reading");
    if (tl_store_flush(s, e) || tl_work_begin(s, &work, what_, e))
        return -1;
    tl_work_watch(&work, watch, "sweeping", s->path);
    int64_t before = sqlite3_total_changes64(s->db);
    int result = sweep(s->db, e);
    c->rows = (uint64_t)(sqlite3_total_changes64(s->db) - before);
    work.doing = "writing the file anew";
    if (!result)
        result = tl_sql_exec(s->db, "VACUUM", what_, e);
    tl_work_unwatch(&work);
    /* A reader keeps the log from being cut off; then it is done the next time. */
    if (!result)
        result =
            tl_place_check_last(s, e) ? -1 : tl_sql_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", what_, e);
    if (work.stopped)
        result = tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", s->path, "the database is as it was, and sound");
    tl_work_end(&work);
    tl_store_forget(s);
    c->after = size_of(s);
    return result;
}
