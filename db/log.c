/* How much of the log is valid stands in the index of the log, which is memory that all who use the database share: the number of
 * its pages, and a salt that is another one whenever the log is begun anew. Both are SQLite's documented format (walformat.html).
 * Each page in the log has a head with the salt of the log. So a log is whole when it is as long as its pages, and the salt
 * stands before each. Others may begin it anew, or cut it off rightly, at any moment; the index says so first. What does not fit
 * is therefore believed only where the index is the same before and afterwards.
 *
 * Both are had from SQLite itself, which has them open: a file of its own that is opened beside and closed again would take the
 * locks of this process with it. */
#include "db/log.h"

#include "harness/base/buffer.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COPIED_AT 4000       /* pages in the log */
#define LOOKED_AT_AGAIN 1000 /* pages more: a reader may keep it from being copied, and it grows */

const char *const tl_log_ends[2] = {"-wal", "-shm"};

enum {
    INDEX_PART = 32768, /* the size by which the index is asked for */
    LOG_HEAD = 32,
    PAGE_HEAD = 24,
    SALT_SIZE = 8,
    SALT_AT = 16, /* in the head of the log */
    PAGE_SALT_AT = 8,
    TURNS = 4,
};

struct log_index {
    uint32_t version, unused, changes;
    uint8_t is_there, big_endian;
    uint16_t page_size;
    uint32_t pages, pages_of_file, sum[2];
    uint8_t salt[SALT_SIZE];
    uint32_t own_sum[2];
};
_Static_assert(sizeof(struct log_index) == 48, "as SQLite has it");

/* It stands there twice, for who reads it while it is written. */
static bool read_index(sqlite3_file *file, struct log_index *to)
{
    struct log_index both[2];
    void volatile *shared = NULL;
    for (int turn = 0; turn < TURNS; turn++) {
        if (file->pMethods->xShmMap(file, 0, INDEX_PART, 0, &shared) || !shared)
            return false;
        memcpy(both, (const void *)(uintptr_t)shared, sizeof both);
        if (!memcmp(&both[0], &both[1], sizeof both[0])) {
            *to = both[0];
            return to->is_there && to->pages;
        }
    }
    return false;
}

/* 1: the salt stands there; 0: it does not; -1: that could not be read. */
static int has_salt(sqlite3_file *log, int64_t at, const uint8_t *salt)
{
    uint8_t found[SALT_SIZE];
    int rc = log->pMethods->xRead(log, found, sizeof found, at);
    if (rc)
        return rc == SQLITE_IOERR_SHORT_READ ? 0 : -1;
    return !memcmp(found, salt, sizeof found);
}

static bool is_cut(sqlite3_file *log, const struct log_index *x, bool closely)
{
    const int64_t page = PAGE_HEAD + ((x->page_size & 0xfe00) | (int64_t)(x->page_size & 1) << 16);
    sqlite3_int64 size;
    if (log->pMethods->xFileSize(log, &size))
        return false;
    if (size < LOG_HEAD + page * x->pages)
        return true;
    int found = closely ? has_salt(log, SALT_AT, x->salt) : 1;
    for (uint32_t i = 0; closely && i < x->pages && found == 1; i++)
        found = has_salt(log, LOG_HEAD + page * i + PAGE_SALT_AT, x->salt);
    return found == 0;
}

static bool was_cut(struct tl_store *s, bool closely)
{
    sqlite3_file *file = NULL, *log = NULL;
    struct log_index before, after;
    if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) ||
        sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) || !file || !log ||
        !file->pMethods || file->pMethods->iVersion < 2 || !log->pMethods)
        return false;
    for (int turn = 0; turn < TURNS; turn++) {
        if (!read_index(file, &before) || !is_cut(log, &before, closely))
            return false;
        if (read_index(file, &after) && !memcmp(&before, &after, sizeof after))
            return true;
    }
    return false; /* it is begun anew again and again */
}

/* The index is removed as the log is: who opens the database then shares no locks with this process any more. */
static bool was_removed(const struct tl_store *s)
{
    for (size_t i = 0; i < TL_COUNT(s->logs); i++) {
        struct stat st;
        char *name = s->logs[i].inode ? tl_format("%s%s", s->path, tl_log_ends[i]) : NULL;
        bool gone =
            name && (lstat(name, &st) ? errno == ENOENT || errno == ENOTDIR
                                      : st.st_ino != s->logs[i].inode || st.st_dev != s->logs[i].device);
        free(name);
        if (gone)
            return true;
    }
    return false;
}

static void copy_at_close(struct tl_store *s, bool yes)
{
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !yes, NULL);
}

enum tl_log_state tl_log_look(struct tl_store *s, bool closely)
{
    if (s->mode != TL_STORE_WRITE || !s->logs[0].inode || s->log == TL_LOG_CUT)
        return s->log;
    const enum tl_log_state now = was_cut(s, closely)                          ? TL_LOG_CUT
                                  : s->log == TL_LOG_REMOVED || was_removed(s) ? TL_LOG_REMOVED
                                                                               : TL_LOG_WHOLE;
    if (now != s->log)
        copy_at_close(s, false);
    s->log = now;
    return now;
}

void tl_log_let_copy(struct tl_store *s)
{
    copy_at_close(s, true);
}

static int on_commit(void *store, sqlite3 *db, const char *name, int pages)
{
    struct tl_store *s = store;
    const unsigned n = pages < 0 ? 0 : (unsigned)pages;
    if (n < COPIED_AT)
        return SQLITE_OK;
    const bool closely = n < s->log_looked_at || n - s->log_looked_at >= LOOKED_AT_AGAIN;
    if (closely)
        s->log_looked_at = n;
    if (tl_log_look(s, closely) == TL_LOG_WHOLE)
        sqlite3_wal_checkpoint(db, name); /* what fails is tried again by the next commit */
    return SQLITE_OK;
}

void tl_log_guard(struct tl_store *s)
{
    sqlite3_wal_hook(s->db, on_commit, s);
}
