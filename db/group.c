#include "db/group.h"

#include "db/log.h"
#include "db/place.h"
#include "db/readback.h"
#include "db/sql.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define OTHERS_NS 1000000000
#define TELL_AFTER_MS 2000

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
    errno = 0; /* tl_store_busy and tl_sql_fail judge it */
    int rc = sqlite3_step(st);
    int failed = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : tl_sql_fail(e, s->db, rc, what);
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

/* Which of the others it is costs some calls to find out: once a second is soon enough. */
static bool others_write(struct tl_store *s)
{
    uint64_t now = tl_monotonic_ns();
    if (!s->another_ns || now - s->another_ns > OTHERS_NS) {
        s->another = tl_intent_another(s->intents);
        s->another_ns = now;
    }
    return s->another;
}

/* Another connection may have removed what is known here to be there (db/merge.c sweeps). */
static int look_for_changes(struct tl_store *s, struct tl_error *e)
{
    sqlite3_stmt *st = tl_store_statement(s, TL_ST_VERSION, "PRAGMA data_version", cannot_write, e);
    if (!st)
        return -1;
    errno = 0;
    int rc = sqlite3_step(st);
    int64_t version = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    if (rc != SQLITE_ROW)
        return tl_sql_fail(e, s->db, rc, cannot_write);
    if (version != s->data_version)
        tl_store_forget(s);
    s->data_version = version;
    return 0;
}

/* Sleeps; true when a signal came that asks to stop. Whoever handles it, a loop of events for one, is told when this
 * returns, and could not act before the wait is over. */
static bool sleep_or_stop(long ns)
{
    struct timespec pause = {0, ns};
    sigset_t stops, before, pending;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stops, &before);
    nanosleep(&pause, NULL);
    bool stop = !sigpending(&pending) && (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return stop;
}

int tl_store_busy(void *arg, int turn)
{
    struct tl_store *s = arg;
    if (tl_sql_cannot_lock(errno)) /* SQLite takes every lock that it does not get for another's */
        return 0;
    uint64_t now = tl_monotonic_ns();
    if (turn == 0) {
        s->waited_ns = now;
        s->stopped = false;
        tl_sql_wait_stopped(s->db, false);
    }
    uint64_t waited_ms = (now - s->waited_ns) / 1000000;
    if (waited_ms > (s->gave_up      ? TELL_AFTER_MS
                     : s->watch.line ? TL_STORE_WAIT_MS
                                     : TL_STORE_WAIT_UNTOLD_MS)) {
        tl_sql_wait_stopped(s->db, s->gave_up);
        return 0;
    }
    if (waited_ms > TELL_AFTER_MS) {
        char who[48] = "another program";
        if (s->intents && others_write(s) && s->another > 1)
            snprintf(who, sizeof who, "process %ld", (long)s->another);
        s->stopped =
            tl_watch_line(s->watch.line ? &s->watch : NULL, "waiting for %s, which writes to %s: %.0f s", who,
                          s->path, (double)waited_ms / 1000);
    }
    /* Whoever asks often is next: no time to ask is anybody's alone. What takes a moment is not given up. */
    if (!s->stopped)
        s->stopped = sleep_or_stop((1 + (turn < 16 ? turn : 16) / 4) * 500000l) && waited_ms > TELL_AFTER_MS;
    s->gave_up = s->gave_up || s->stopped;
    tl_sql_wait_stopped(s->db, s->stopped);
    errno = 0; /* the next refusal need not come from a system call */
    return !s->stopped;
}

static int begin(struct tl_store *s, struct tl_error *e)
{
    sqlite3_stmt *st = tl_store_statement(s, TL_ST_BEGIN, "BEGIN IMMEDIATE", cannot_write, e);
    return st ? tl_store_step(s, st, cannot_write, e) : -1;
}

int tl_store_group(struct tl_store *s, struct tl_error *e)
{
    if (s->in_group)
        return 0;
    if (s->mode != TL_STORE_WRITE)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, cannot_write, s->path, "it was opened for reading");
    bool shared = others_write(s);
    /* What is known is stored even where the file is gone: with the commit that is noticed, and all of it is saved. A log that was
     * cut takes no more, and what is under way is lost. */
    if (((s->moved || tl_log_look(s, false) == TL_LOG_CUT) && tl_place_check(s, e)) || begin(s, e))
        return -1;
    s->in_group = true;
    s->group = 0;
    s->group_most = shared ? 1 : TL_STORE_GROUP;
    s->group_due = tl_monotonic_ns() + (shared ? 0 : TL_STORE_GROUP_NS);
    return look_for_changes(s, e) ? tl_store_undo(s) : 0;
}

int tl_store_undo(struct tl_store *s)
{
    if (!sqlite3_get_autocommit(s->db)) /* SQLite may have rolled back by itself */
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    s->in_group = false;
    s->group = 0;
    tl_store_forget(s);
    tl_intent_rolled_back(s->intents);
    tl_readback_undone(s);
    return -1;
}

int tl_store_failed(struct tl_store *s, struct tl_error *e)
{
    if (!s->rescuing && tl_log_look(s, true) == TL_LOG_CUT)
        (void)tl_place_check(s, e);
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
    (void)tl_log_look(s, false); /* before what is written hides where it was cut off */
    if (!st || tl_store_step(s, st, cannot_write, e)) {
        tl_store_undo(s);
        return tl_store_failed(s, e);
    }
    s->in_group = false;
    s->group = 0;
    tl_intent_committed(s->intents);
    tl_readback_committed(s);
    return tl_place_check(s, e);
}
