/* Locks of the system's are on ranges of bytes, which need not be in the file. Each name of a file has a byte of its own, far
 * behind its end and behind the bytes that SQLite locks; whoever writes by that name shares the lock on it. Locked bytes of others
 * then tell of other names. The names are told apart by their directories and last parts: a directory may be mounted twice, and
 * the log is the same then.
 *
 * The locks are those of an open file, not of a process: what SQLite closes does not drop them. What is closed here would drop
 * those of SQLite, if another connection of this process has the file open; so the descriptors are kept until the end. */
#include "db/place.h"

#include "db/log.h"
#include "db/readback.h"
#include "db/sql.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/plural.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef F_OFD_SETLK

#define NAMES (INT64_C(1) << 32)      /* bytes that stand for names */
#define FIRST_NAME (INT64_C(1) << 61) /* the first of them */

struct kept {
    dev_t device;
    ino_t inode;
    int fd;
    unsigned taken; /* by how many stores */
    struct kept *next;
};

static struct kept *all_kept; /* of this process, which has one thread where it writes */

static struct kept *keep(const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return NULL;
    for (struct kept *k = all_kept; k; k = k->next)
        if (k->device == st.st_dev && k->inode == st.st_ino)
            return k;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return NULL;
    struct kept *k = tl_calloc(1, sizeof *k);
    k->device = st.st_dev;
    k->inode = st.st_ino;
    k->fd = fd;
    k->next = all_kept;
    all_kept = k;
    return k;
}

static int64_t byte_of_name(const char *path)
{
    struct stat st = {0};
    char *directory = tl_strdup(path);
    char *slash = strrchr(directory, '/');
    slash[slash == directory] = '\0';
    if (stat(directory, &st))
        st = (struct stat){0};
    free(directory);
    char id[TL_ID_SIZE], *name = tl_format("%llu %llu %s", (unsigned long long)st.st_dev,
                                           (unsigned long long)st.st_ino, tl_base_name(path));
    tl_content_id(name, strlen(name), id);
    free(name);
    return (int64_t)strtoull(id + strlen(id) - 8, NULL, 16);
}

/* Whether somebody else has locked one of those bytes. */
static bool is_taken(int fd, int64_t first, int64_t n)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)(FIRST_NAME + first), .l_len = (off_t)n};
    return n && !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

int tl_place_take(struct tl_store *s, struct tl_error *e)
{
    struct kept *k = keep(s->path);
    if (!k)
        return 0;
    int64_t own = byte_of_name(s->path);
    struct flock lock = {
        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = (off_t)(FIRST_NAME + own), .l_len = 1};
    if (fcntl(k->fd, F_OFD_SETLK, &lock))
        return 0;
    k->taken++;
    s->inode = k->inode;
    s->device = k->device;
    if (!is_taken(k->fd, 0, own) && !is_taken(k->fd, own + 1, NAMES - own - 1))
        return 0;
    tl_place_leave(s);
    return tl_fail(
        e, TL_ERROR_ENVIRONMENT, "the database is in use", s->path,
        "the file has several names (hard links), and another process writes to it by another one; written "
        "to by two "
        "names at once it would be damaged. Use that name, wait for it to end, or copy the file (cp)");
}

void tl_place_leave(struct tl_store *s)
{
    struct flock lock = {
        .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = (off_t)FIRST_NAME, .l_len = NAMES};
    for (struct kept *k = all_kept; k && s->inode; k = k->next)
        if (k->device == s->device && k->inode == s->inode && !--k->taken)
            fcntl(k->fd, F_OFD_SETLK, &lock);
    s->inode = 0;
}

#else

int tl_place_take(struct tl_store *s, struct tl_error *e)
{
    (void)s;
    (void)e;
    return 0;
}

void tl_place_leave(struct tl_store *s)
{
    (void)s;
}

#endif

#define READ_BACK_NS UINT64_C(5000000000) /* from one reading back to the next */

static const char is_gone[] = "the database was moved or removed while it was written to",
                  is_other[] = "the database was written over by another program while it was written to",
                  log_removed[] = "the write-ahead log of the database was removed while it was written to",
                  log_cut[] = "the write-ahead log of the database was cut off or written over while it was "
                              "written to";

/* What could be saved of a database. */
struct saved {
    int64_t trials;
    bool some; /* and not all that was stored */
};

/* What is left of a file that was written over may be in pages that are known still, and may not fit together. */
static int check_saved(const struct tl_store *s, sqlite3 *copy, struct tl_error *e)
{
    char *found = NULL, *id = NULL;
    int result = tl_sql_text(copy, "PRAGMA quick_check(1)", &found, "cannot save the database", e) ||
                         tl_sql_text(copy, "SELECT value FROM meta WHERE key = 'database'", &id,
                                     "cannot save the database", e)
                     ? -1
                     : 0;
    if (!result && (!found || strcmp(found, "ok") != 0 || !id || strcmp(id, s->database_id) != 0))
        result = tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot save the database", s->path,
                         "what is left of it does not fit together");
    free(found);
    free(id);
    return result;
}

/* A copy of all that a connection sees, in a new file of which nobody else knows. */
static int copy(struct tl_store *s, sqlite3 *from, const char *to, int64_t *trials, struct tl_error *e)
{
    sqlite3 *copy = NULL;
    errno = 0;
    int rc = sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    sqlite3_backup *b = rc ? NULL : sqlite3_backup_init(copy, "main", from, "main");
    int result;
    if (b) {
        rc = sqlite3_backup_step(b, -1);
        sqlite3_backup_finish(b);
        result = rc == SQLITE_DONE ? 0 : tl_sql_fail(e, copy, rc, "cannot save the database");
    } else {
        result = tl_sql_fail(e, copy, rc ? rc : sqlite3_errcode(copy), "cannot save the database");
    }
    if (!result)
        result = check_saved(s, copy, e);
    if (!result)
        result = tl_sql_int(copy, "SELECT count(*) FROM trial", trials, "cannot save the database", e);
    sqlite3_close(copy);
    return result;
}

/* Of all that is committed; where pages of the log are neither there nor known any more, of what the file itself has. */
static int save(struct tl_store *s, const char *to, struct saved *r, struct tl_error *e)
{
    sqlite3 *file = NULL;
    r->some = false;
    if (!copy(s, s->db, to, &r->trials, e))
        return 0;
    if (s->log != TL_LOG_CUT || truncate(to, 0))
        return -1;
    r->some = true;
    int result = tl_sql_open_immutable(s->path, &file, "cannot save the database", e) ||
                         copy(s, file, to, &r->trials, e)
                     ? -1
                     : 0;
    sqlite3_close(file);
    return result;
}

/* A file that was not there, empty, for SQLite to fill. NULL with errno. */
static char *make_new(const char *base)
{
    struct tm tm;
    time_t now = time(NULL);
    gmtime_r(&now, &tm);
    char when[32];
    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm);
    for (int i = 1; i < 100; i++) {
        char *path =
            i > 1 ? tl_format("%s.rescued-%s-%d", base, when, i) : tl_format("%s.rescued-%s", base, when);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd >= 0) {
            close(fd);
            return path;
        }
        free(path);
        if (errno != EEXIST)
            return NULL;
    }
    return NULL;
}

/* Beside the database; where its directory is gone too, where a database is when nobody names one, and in the working
 * directory. */
static char *rescue(struct tl_store *s, struct saved *r, struct tl_error *e)
{
    char *usual = tl_state_home(tl_base_name(s->path));
    const char *const bases[] = {s->path, usual, tl_base_name(s->path)};
    char *saved = NULL;
    s->rescuing = true;
    if (s->lose && s->intents)
        (void)s->lose(s, NULL); /* as much as can be */
    s->rescuing = false;
    *e = (struct tl_error){0};
    for (size_t i = 0; i < sizeof bases / sizeof *bases && !saved; i++) {
        errno = 0;
        if (bases[i] == usual && usual)
            tl_make_parents(usual, 0700);
        saved = bases[i] ? make_new(bases[i]) : NULL;
        if (saved && save(s, saved, r, e)) {
            unlink(saved);
            free(saved);
            saved = NULL;
        } else if (!saved && !*e->what) {
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot save the database", bases[i], NULL);
        }
    }
    free(usual);
    char *real = saved ? realpath(saved, NULL) : NULL; /* whatever the working directory is called by now */
    if (real) {
        free(saved);
        saved = real;
    }
    return saved;
}

/* A path that cannot be looked at tells nothing of the file, which is open: it is asked again with the next commit. */
static bool has_moved(struct tl_store *s)
{
    struct stat st;
    int moved = 0;
    if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) || !moved)
        return false;
    return !stat(s->path, &st) || errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
}

void tl_place_know_logs(struct tl_store *s)
{
    for (size_t i = 0; i < TL_COUNT(tl_log_ends); i++) {
        struct stat st = {0};
        char *log = tl_format("%s%s", s->path, tl_log_ends[i]);
        s->logs[i].inode = lstat(log, &st) ? 0 : st.st_ino;
        s->logs[i].device = st.st_dev;
        free(log);
    }
    s->read_back_ns = tl_monotonic_ns();
    if (has_moved(s)) /* they may be those of a new file of this name */
        memset(s->logs, 0, sizeof s->logs);
}

/* The log that was left where the file is no more would be taken for that of a new file of this name. What somebody else has
 * put there since is another file, and stays. */
static void take_logs_away(const struct tl_store *s)
{
    struct stat st;
    if (!lstat(s->path, &st) || errno != ENOENT)
        return;
    for (size_t i = 0; i < TL_COUNT(tl_log_ends); i++) {
        char *log = tl_format("%s%s", s->path, tl_log_ends[i]);
        if (s->logs[i].inode && !lstat(log, &st) && st.st_ino == s->logs[i].inode &&
            st.st_dev == s->logs[i].device)
            unlink(log);
        free(log);
    }
}

/* What the file and the log hold is looked at from time to time, and when the store is closed. NULL: nothing happened. */
static const char *what_happened(struct tl_store *s)
{
    static const char *const of_log[] = {
        [TL_LOG_WHOLE] = NULL, [TL_LOG_REMOVED] = log_removed, [TL_LOG_CUT] = log_cut};
    uint64_t now = tl_monotonic_ns();
    bool due = s->mode == TL_STORE_WRITE && !s->in_group && now - s->read_back_ns >= READ_BACK_NS;
    if (has_moved(s))
        return is_gone;
    if (due)
        s->read_back_ns = now;
    enum tl_log_state log = tl_log_look(s, due);
    if (log != TL_LOG_WHOLE)
        return of_log[log];
    return due && s->last_trial[0] && tl_readback_fails(s) ? is_other : NULL;
}

static bool is_of_log(const struct tl_store *s)
{
    return s->happened == log_removed || s->happened == log_cut;
}

/* That nothing more is run, and what there is to do about it. */
static char *advice_where_saved(const struct tl_store *s, const char *saved, const struct saved *r)
{
    const unsigned long long n = (unsigned long long)r->trials;
    const char *plural = tl_plural(n);
    if (!is_of_log(s))
        return tl_format("nothing more is run. Everything that was stored, %llu trial%s, is in %s: move "
                         "it back to go on with it, or merge it into another database (db merge)",
                         n, plural, saved);
    /* In the place of the old file it would be taken together with what is left of that one's log. */
    if (r->some)
        return tl_format("nothing more is run. What was stored last was in the log alone; what the file had, "
                         "%llu trial%s, is in %s: name it with --db to go on with it, and what is missing is "
                         "run again",
                         n, plural, saved);
    return tl_format("nothing more is run. Everything that was stored, %llu trial%s, is in %s: name it with "
                     "--db to go on with it, or merge it into another database (db merge)",
                     n, plural, saved);
}

static char *advice_where_lost(const struct tl_store *s, const struct tl_error *why)
{
    return tl_format("nothing more is run, and what was stored since could not be saved beside: %s: %s. %s",
                     why->where, why->why,
                     s->happened == is_gone
                         ? "Start the command again with --db in a directory that can be written"
                         : "Bring the file back from a copy, or remove it, and start the command again: what "
                           "is not stored is run again");
}

int tl_place_check(struct tl_store *s, struct tl_error *e)
{
    if (s->rescuing)
        return 0;
    if (!s->moved) {
        s->happened = what_happened(s);
        if (!s->happened)
            return 0;
        struct tl_error why;
        struct saved r = {0};
        char *saved = rescue(s, &r, &why);
        const bool by_log = is_of_log(s);
        if (saved && !by_log)
            take_logs_away(s);
        if (s->log == TL_LOG_REMOVED && !(saved && by_log)) /* moved with the file, or nowhere else */
            tl_log_let_copy(s);
        s->moved = saved ? advice_where_saved(s, saved, &r) : advice_where_lost(s, &why);
        free(saved);
    }
    return tl_fail(e, TL_ERROR_ENVIRONMENT, s->happened, s->path, "%s", s->moved);
}

int tl_place_check_last(struct tl_store *s, struct tl_error *e)
{
    s->read_back_ns = 0;
    return tl_place_check(s, e);
}
