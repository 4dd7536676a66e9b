/* Opening and closing a database; sessions.
 *
 * A database is one file of SQLite in WAL mode. Beside it lie, while it is open and after a crash, -wal (the
 * write-ahead log: pages that are committed and not in the file yet) and -shm (an index of the log, in memory
 * that processes share), and always -intent, which is trapline's own (intent.c).
 *
 * WAL mode is chosen for its readers. A reader sees the last commit of the moment in which it began; it
 * neither waits for the writer nor makes it wait, so that `list` answers while a night runs. The price is
 * that SQLite wants to make -shm beside the file even to read. On read-only media it cannot, but there nobody
 * writes either: the file is opened as immutable then, unless a log was left over, which an immutable
 * connection would not see.
 *
 * Several processes may write, in turns, for SQLite lets one at a time. An intent whose outcome is missing says
 * "lost" only if nobody can still be running it, so each writer has an intent log of its own, and holds the lock on
 * it for as long as it is open.
 *
 * A trial becomes durable in four steps, and in each of them a power cut leaves either an intent or an
 * outcome:
 *
 *   1. Its intent is written and synced (tl_store_begin). Only then its child is let go.
 *   2. Its outcome is inserted into the open group, a transaction (tl_store_trial; group.h).
 *   3. The group is committed. With synchronous = FULL a commit ends with a sync of the log.
 *   4. The place of the intent is free.
 *
 * The next writer hands intents without an outcome, of all writers that are gone, to recover.c, before anything else
 * is written.
 *
 * The log is copied into the file by the commit that makes it longer than 4000 pages (16 MiB), if it is whole (log.h). A reader who
 * still needs its pages keeps it from being started anew, and it grows; once it was, what is over 64 MiB is
 * cut off. The cache of a writer is small, for the system caches the file as well. */
#include "db/store.h"
#include "db/group.h"
#include "db/log.h"
#include "db/migrate.h"
#include "db/place.h"
#include "db/recover.h"
#include "db/sql.h"
#include "db/values.h"
#include "db/work.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OLDER_TURNS 10

static const char cannot_open[] = "cannot open the database";
static const char cannot_write[] = "cannot write to the database";

char *tl_store_default_path(struct tl_error *e)
{
    char *path = tl_state_home("trapline.db");
    if (!path)
        tl_fail(e, TL_ERROR_ENVIRONMENT, cannot_open, "HOME",
                "there is no home directory to keep it in; name a file with --db");
    return path;
}

/* The one absolute name of the file, so that every way to name it leads to the same lock. */
static char *resolve(const char *path, enum tl_store_mode mode, struct tl_error *e)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode)) {
            tl_fail(e, TL_ERROR_INPUT, cannot_open, path, "it is a directory; name a file");
            return NULL;
        }
        if (!S_ISREG(st.st_mode)) {
            tl_fail(e, TL_ERROR_INPUT, cannot_open, path, "it is not a regular file");
            return NULL;
        }
        char *real = realpath(path, NULL);
        if (!real)
            tl_fail_errno(e, TL_ERROR_INPUT, errno, cannot_open, path, "realpath");
        return real;
    }
    if (errno != ENOENT) {
        tl_fail_errno(e, TL_ERROR_INPUT, errno, cannot_open, path, "%s", "");
        return NULL;
    }
    if (mode == TL_STORE_READ) {
        tl_fail(e, TL_ERROR_INPUT, cannot_open, path,
                "there is none yet. `trapline run CASE` makes it; another one is named with --db");
        return NULL;
    }
    char *directory = tl_strdup(path);
    char *slash = strrchr(directory, '/');
    const char *base = slash ? path + (slash - directory) + 1 : path;
    if (slash)
        slash[slash == directory] = '\0';
    char *real = realpath(slash ? directory : ".", NULL), *whole = NULL;
    if (!base[0])
        tl_fail(e, TL_ERROR_INPUT, cannot_open, path, "name a file, not a directory");
    else if (!real)
        tl_fail_errno(e, TL_ERROR_INPUT, errno, cannot_open, path,
                      "make its directory first, or name another file with --db");
    else
        whole = tl_format("%s/%s", strcmp(real, "/") ? real : "", base);
    free(real);
    free(directory);
    return whole;
}

/* Where a database is to be written: the directories of the default one are made. */
static char *place_to_write(const char *path, struct tl_error *e)
{
    char *chosen = path ? tl_strdup(path) : tl_store_default_path(e), *real = NULL;
    if (chosen && !path && tl_make_parents(chosen, 0777))
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make the directory of the database", chosen,
                      "mkdir");
    else if (chosen)
        real = resolve(chosen, TL_STORE_WRITE, e);
    free(chosen);
    return real;
}

char *tl_store_beside(const char *path, const char *what, struct tl_error *e)
{
    char *real = place_to_write(path, e), *beside = real ? tl_format("%s-%s", real, what) : NULL;
    free(real);
    return beside;
}

/* When no log is left over there is nothing in it to miss, and a file on read-only media, or on a full disk, is read as it is. */
static int open_immutable(struct tl_store *s, struct tl_error *e)
{
    if (tl_sql_log_left(s->path))
        return tl_fail(
            e, TL_ERROR_ENVIRONMENT, cannot_open, s->path,
            "its directory is read-only and its write-ahead log holds trials that are not in the file yet. "
            "Copy the file and the one ending in -wal to a place that can be written");
    sqlite3_close(s->db);
    return tl_sql_open_immutable(s->path, &s->db, cannot_open, e);
}

static int configure(struct tl_store *s, struct tl_error *e)
{
    tl_sql_secure(s->db);
    return tl_sql_exec(s->db,
                       "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;",
                       cannot_open, e);
}

static int open_reading(struct tl_store *s, struct tl_error *e)
{
    if (access(s->path, R_OK))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, cannot_open, s->path, "it cannot be read");
    int rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READONLY, NULL);
    if (rc != SQLITE_OK)
        return tl_sql_fail(e, s->db, rc, cannot_open);
    int version;
    if (configure(s, e) || tl_migrate_version(s->db, tl_schema_version, &version, e)) {
        /* What readers share is a file beside it, for which there is no place, or no room. */
        bool full = sqlite3_extended_errcode(s->db) == SQLITE_IOERR_SHMSIZE;
        rc = sqlite3_errcode(s->db) & 0xff;
        if ((rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY && !full) || (full && tl_sql_log_left(s->path)))
            return -1;
        if (open_immutable(s, e) || configure(s, e) ||
            tl_migrate_version(s->db, tl_schema_version, &version, e))
            return -1;
    }
    if (version == 0)
        return tl_fail(e, TL_ERROR_INPUT, cannot_open, s->path, "it is empty: no trial was stored yet");
    if (version < tl_schema_version)
        return tl_fail(
            e, TL_ERROR_INPUT, cannot_open, s->path,
            "an older trapline made it (schema %d of %d). Any command that writes, such as `trapline run`, "
            "brings it up to date",
            version, tl_schema_version);
    return 0;
}

/* Said here because SQLite tells neither the file nor the reason. */
static int check_directory(const char *path, struct tl_error *e)
{
    const char *slash = strrchr(path, '/');
    char *directory = tl_format("%.*s", (int)(slash - path + (slash == path)), path);
    int refused = access(directory, W_OK | X_OK), err = errno;
    free(directory);
    return refused ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, cannot_open, path,
                                   "its directory cannot be written; name another file with --db")
                   : 0;
}

/* SQLite does not wait for another connection that does the same to a new file at this moment. */
static int use_log(struct tl_store *s, struct tl_error *e)
{
    for (int turn = 0;; turn++) {
        errno = 0;
        int rc = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            return 0;
        if (((rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_LOCKED) || !tl_store_busy(s, turn))
            return tl_sql_fail(e, s->db, sqlite3_extended_errcode(s->db), cannot_open);
    }
}

/* Takes an intent log. Whoever writes to a schema that changes would fail in the middle, so an older database is taken
 * alone: of several who come at once all but one step back. */
static int take_log(struct tl_store *s, struct tl_error *e)
{
    int result = 0, version = 0;
    pid_t other = 0;
    char *log = tl_format("%s-intent", s->path);
    for (int turn = 0; !result && !s->intents && turn < OLDER_TURNS; turn++) {
        result =
            tl_intent_open(log, &s->intents, e) || tl_migrate_version(s->db, tl_schema_version, &version, e)
                ? -1
                : 0;
        other = !result && version && version < tl_schema_version ? tl_intent_another(s->intents) : 0;
        if (other) {
            struct timespec pause = {0, (50 + (getpid() * 37 + turn * 61) % 200) * 1000000l};
            tl_intent_close(s->intents);
            s->intents = NULL;
            nanosleep(&pause, NULL);
        }
    }
    free(log);
    return result || s->intents ? result
                                : tl_fail(e, TL_ERROR_ENVIRONMENT, "the database is in use", s->path,
                                          "an older trapline made it (schema %d of %d), and process %ld is "
                                          "writing to it. Wait for "
                                          "that to end: then it is brought up to date",
                                          version, tl_schema_version, (long)other);
}

static int open_writing(struct tl_store *s, struct tl_error *e)
{
    if (access(s->path, F_OK) && check_directory(s->path, e))
        return -1;
    if (access(s->path, F_OK) == 0 && access(s->path, R_OK | W_OK))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_open, s->path, "it cannot be written");
    /* The path is absolute, and so no URI; a merge attaches another one by its URI. */
    int rc =
        sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, NULL);
    if (rc != SQLITE_OK)
        return tl_sql_fail(e, s->db, sqlite3_extended_errcode(s->db), cannot_open);
    int version;
    /* What it is comes first: nothing is made beside a file that is not ours. */
    if (configure(s, e) || tl_migrate_version(s->db, tl_schema_version, &version, e))
        return -1;
    sqlite3_busy_handler(s->db, tl_store_busy, s);
    if (sqlite3_db_readonly(s->db, "main") == 1)
        return tl_sql_fail(e, s->db, SQLITE_READONLY, cannot_open);
    char *id = NULL;
    if (tl_place_take(s, e) || take_log(s, e) || use_log(s, e) ||
        tl_sql_exec(s->db,
                    "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864; "
                    "PRAGMA cache_size = -4096;",
                    cannot_open, e))
        return -1;
    /* Also when the version is right, for another writer may have been at it meanwhile. */
    if (tl_migrate_version(s->db, tl_schema_version, &version, e) ||
        (version < tl_schema_version && tl_migrate(s->db, tl_migrations, tl_schema_version, e)) ||
        tl_sql_text(s->db, "SELECT value FROM meta WHERE key = 'database'", &id, cannot_open, e))
        return -1;
    snprintf(s->database_id, sizeof s->database_id, "%s", id ? id : "");
    free(id);
    tl_place_know_logs(s);
    tl_log_guard(s);
    tl_work_sweep(s->path);
    s->lose = tl_store_lose;
    return tl_store_recover(s, e);
}

int tl_store_open(const char *path, enum tl_store_mode mode, struct tl_store **store, struct tl_error *e)
{
    return tl_store_open_watched(path, mode, NULL, store, e);
}

int tl_store_open_watched(const char *path, enum tl_store_mode mode, const struct tl_watch *watch,
                          struct tl_store **store, struct tl_error *e)
{
    *store = NULL;
    struct tl_store *s = tl_calloc(1, sizeof *s);
    s->mode = mode;
    s->watch = watch ? *watch : (struct tl_watch){0};
    if (mode == TL_STORE_WRITE) {
        s->path = place_to_write(path, e);
    } else {
        char *chosen = path ? tl_strdup(path) : tl_store_default_path(e);
        s->path = chosen ? resolve(chosen, mode, e) : NULL;
        free(chosen);
    }
    if (!s->path || (mode == TL_STORE_READ ? open_reading(s, e) : open_writing(s, e)))
        goto failed;
    *store = s;
    return 0;
failed:
    if (s->in_group)
        tl_store_undo(s);
    s->database_id[0] = '\0'; /* what could not be recovered now stays in the intent log */
    tl_store_close(s, NULL);
    return -1;
}

int tl_store_close(struct tl_store *s, struct tl_error *e)
{
    if (!s)
        return 0;
    int rc = 0;
    if (s->session_id[0])
        rc = tl_store_session_end(s, e);
    else if (s->in_group)
        rc = tl_store_flush(s, e);
    /* What SQLite copies into the file as it is closed is looked at before; and where the log was cut, that is why all else failed. */
    if (s->database_id[0] && (!rc || tl_log_look(s, true) == TL_LOG_CUT) && tl_place_check_last(s, e))
        rc = -1;
    for (size_t i = 0; i < TL_ST_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    tl_sql_wait_stopped(s->db, false);
    sqlite3_close(s->db);
    tl_place_leave(s);
    /* Nothing is live: make what the log still holds stale. If that fails it is known to be stale by its
     * outcomes. */
    if (s->intents && s->database_id[0] && tl_intent_live(s->intents) == 0)
        tl_intent_reset(s->intents, s->database_id, NULL);
    tl_intent_close(s->intents);
    tl_packer_free(&s->packer);
    free(s->known);
    free(s->moved);
    free(s->path);
    free(s);
    return rc;
}

const char *tl_store_database_id(const struct tl_store *s)
{
    return s->database_id;
}

const char *tl_store_path(const struct tl_store *s)
{
    return s->path;
}

size_t tl_store_recovered(const struct tl_store *s)
{
    return s->recovered;
}

int tl_store_read_begin(struct tl_store *s, struct tl_error *e)
{
    return tl_sql_exec(s->db, "BEGIN", "cannot read the database", e);
}

void tl_store_read_end(struct tl_store *s)
{
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static int insert_session(struct tl_store *s, const struct tl_machine *m, const char *version,
                          const char *command, const char *id, struct tl_error *e)
{
    char machine[TL_ID_SIZE];
    tl_machine_id(m, machine);
    return TL_RUN(
               s,
               "INSERT INTO machine(id, name, arch, cpu, cores, memory, processor) VALUES(?,?,?,?,?,?,?) "
               /* One that was known before does not tell of its processor, and a hypervisor may show another. */
               "ON CONFLICT DO UPDATE SET processor = excluded.processor WHERE excluded.processor IS NOT "
               "NULL",
               cannot_write, e, TL_TEXT(machine), TL_TEXT(m->name), TL_TEXT(m->arch), TL_TEXT(m->cpu),
               TL_INTEGER(m->cores), TL_INTEGER(m->memory), TL_TEXT(m->processor)) ||
                   TL_RUN(s, "INSERT INTO session VALUES(?,?,?,?,?,?,?,?,NULL)", cannot_write, e, TL_TEXT(id),
                          TL_TEXT(machine), TL_TEXT(m->os), TL_TEXT(m->os_build), TL_TEXT(m->kernel),
                          TL_TEXT(version), TL_TEXT(command), TL_INTEGER(tl_wall_us()))
               ? -1
               : 0;
}

int tl_store_session_begin(struct tl_store *s, const struct tl_machine *m, const char *trapline_version,
                           const char *command, char id[TL_UUID_SIZE], struct tl_error *e)
{
    char uuid[TL_UUID_SIZE];
    tl_uuid7(uuid);
    if (tl_store_flush(s, e) || tl_store_group(s, e))
        return -1;
    if (insert_session(s, m, trapline_version, command, uuid, e))
        return tl_store_undo(s);
    if (tl_store_flush(s, e))
        return -1;
    memcpy(s->session_id, uuid, sizeof uuid);
    if (id)
        memcpy(id, uuid, sizeof uuid);
    return 0;
}

int tl_store_session_end(struct tl_store *s, struct tl_error *e)
{
    if (!s->session_id[0])
        return tl_store_flush(s, e);
    char id[TL_UUID_SIZE];
    int64_t ended_us = tl_wall_us();
    memcpy(id, s->session_id, sizeof id);
    s->session_id[0] = '\0';
    if (tl_store_flush(s, e) || tl_store_group(s, e))
        return -1;
    if (TL_RUN(s, "UPDATE session SET ended_us = ? WHERE id = ?", cannot_write, e, TL_INTEGER(ended_us),
               TL_TEXT(id)))
        return tl_store_undo(s);
    return tl_store_flush(s, e);
}
