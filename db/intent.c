/* Theory of operation
 *
 * The file is SLOTS slots of 512 bytes, written with zeros once, so that a later write changes data blocks
 * only and a data sync (RWF_DSYNC) needs no journal commit. Slot 0 is the header: a nonce and the database it
 * belongs to. An intent takes as many slots in a row as it needs: a head (magic, nonce, size, checksum) and
 * its strings.
 *
 * An intent is written, with the sync in the same call, before its child is let go. It is never erased. Its
 * slots may be written over once the outcome is committed with a full sync; until then nothing else touches
 * them. After a crash every intent whose checksum and nonce are right is handed to the store, which adds a
 * lost trial unless the trial is there. Stale intents (outcome committed, slots not yet reused) are therefore
 * harmless, and so is going down in the middle of a recovery. A torn intent fails its checksum: its child
 * never ran. Then a new nonce makes everything in the file stale with the write of one sector. That write
 * happens only when nothing is live, so that even a torn header loses nothing.
 *
 * The nonce is random and part of every head: no text inside an intent can pass for one.
 *
 * Each process that writes has a log of its own: the first that nobody has locked, of DB-intent, DB-intent-1 and so
 * on. A log that can be locked has no writer, so whatever stands in it was running when its writer went down; the
 * next writer to come takes care of all of them. All but the first are removed when they are not needed any more.
 *
 * The lock is a POSIX record lock. It is not inherited by fork, so a child that outlives the supervisor does
 * not keep the log locked; but a process does not exclude itself, so a list of open logs does that. */
#include "db/intent.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SLOT 512
#define SLOTS 4096 /* 2 MiB: some thousand intents of usual size */
#define FILE_MAGIC "TLINTENT"
#define INTENT_MAGIC 0x746e6954u
#define FORMAT 1

struct file_header {
    char magic[8];
    uint32_t format, slot, slots, reserved;
    char nonce[TL_ID_SIZE];
    char database[TL_UUID_SIZE];
    char checksum[TL_ID_SIZE]; /* of everything before it */
};

struct head {
    uint32_t magic;
    uint32_t size; /* of the strings that follow */
    int64_t started_us;
    char nonce[TL_ID_SIZE];
    char checksum[TL_ID_SIZE]; /* of head and strings, this field being zero */
};

struct live {
    char id[TL_UUID_SIZE];
    unsigned first, count;
    bool finished;
};

struct tl_intent_log {
    int fd;
    char *path, *base; /* base: of the first one, by which all are known */
    unsigned number;
    struct file_header header;
    bool no_dsync; /* pwritev2 with RWF_DSYNC is not to be had here */
    unsigned next; /* where the search for free slots starts */
    size_t n_live, room;
    struct live *live;
    unsigned char used[SLOTS];
    struct tl_intent_log *other; /* list of logs this process has open */
};

static struct tl_intent_log *open_logs; /* that this process has locked; it is one thread where it writes */

#define N_STRINGS 8

static int sync_data(int fd)
{
#ifdef __APPLE__
    return fcntl(fd, F_FULLFSYNC) == 0 ? 0 : fsync(fd); /* fsync alone does not reach the medium there */
#else
    return fdatasync(fd);
#endif
}

static int write_all(int fd, const char *data, size_t size, off_t at)
{
    while (size) {
        ssize_t n = pwrite(fd, data, size, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = EIO;
            return -1;
        }
        data += n;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Writes and syncs, in one system call where there is one. */
static int write_durably(struct tl_intent_log *log, const char *data, size_t size, off_t at)
{
#ifdef RWF_DSYNC
    if (!log->no_dsync) {
        struct iovec v = {(void *)data, size};
        ssize_t n;
        do
            n = pwritev2(log->fd, &v, 1, at, RWF_DSYNC);
        while (n < 0 && errno == EINTR);
        if (n == (ssize_t)size)
            return 0;
        if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
            log->no_dsync = true;
        else if (n < 0)
            return -1;
    }
#endif
    return write_all(log->fd, data, size, at) || sync_data(log->fd) ? -1 : 0;
}

static void make_nonce(char nonce[TL_ID_SIZE])
{
    char uuid[TL_UUID_SIZE];
    tl_uuid7(uuid); /* time, and 62 random bits */
    tl_content_id(uuid, sizeof uuid, nonce);
}

static int write_header(struct tl_intent_log *log, const char *database_id)
{
    struct file_header h;
    memset(&h, 0, sizeof h);
    memcpy(h.magic, FILE_MAGIC, sizeof h.magic);
    h.format = FORMAT;
    h.slot = SLOT;
    h.slots = SLOTS;
    make_nonce(h.nonce);
    snprintf(h.database, sizeof h.database, "%s", database_id);
    tl_content_id(&h, offsetof(struct file_header, checksum), h.checksum);
    char sector[SLOT] = {0};
    memcpy(sector, &h, sizeof h);
    if (write_durably(log, sector, sizeof sector, 0))
        return -1;
    log->header = h;
    return 0;
}

static bool header_is_good(const struct file_header *h)
{
    char checksum[TL_ID_SIZE];
    tl_content_id(h, offsetof(struct file_header, checksum), checksum);
    return memcmp(checksum, h->checksum, sizeof checksum) == 0 && h->format == FORMAT && h->slot == SLOT &&
           h->slots == SLOTS && memchr(h->nonce, 0, sizeof h->nonce) &&
           memchr(h->database, 0, sizeof h->database);
}

static void sync_directory(const char *path)
{
    char *directory = tl_strdup(path);
    char *slash = strrchr(directory, '/');
    if (slash)
        *(slash == directory ? slash + 1 : slash) = '\0';
    int fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    if (fd < 0)
        return; /* some file systems do not allow it, and none that matter need it */
    fsync(fd);
    close(fd);
}

static const char cannot_open[] = "cannot open the intent log";
static const char cannot_write[] = "cannot write the intent log";

/* Makes the file whole: zeros to its full size, then a header. An interrupted making starts over. */
static int initialise(struct tl_intent_log *log, struct tl_error *e)
{
    static const char zeros[SLOT * 128];
    for (off_t at = 0; at < (off_t)SLOT * SLOTS; at += (off_t)sizeof zeros)
        if (write_all(log->fd, zeros, sizeof zeros, at))
            goto failed;
    if (ftruncate(log->fd, (off_t)SLOT * SLOTS) || fsync(log->fd) || write_header(log, ""))
        goto failed;
    sync_directory(log->path);
    return 0;
failed:
    return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make the intent log", log->path,
                         "it needs %d KiB on the disk of the database", SLOT * SLOTS / 1024);
}

/* Locks the whole file for this process; *held_by is who else has it (0: nobody, or it is not told). */
static int take_lock(const struct tl_intent_log *log, pid_t *held_by, struct tl_error *e)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *held_by = 0;
    int rc;
    do
        rc = fcntl(log->fd, F_SETLK, &lock);
    while (rc && errno == EINTR);
    if (rc == 0)
        return 0;
    if (errno != EAGAIN && errno != EACCES)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_open, log->path, "it cannot be locked");
    if (fcntl(log->fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
        *held_by = lock.l_pid;
    return 1;
}

/* 1 when the path still leads to the file that is open, 0 when not: whoever ends removes what is not the first log. */
static int is_at_its_path(const struct tl_intent_log *log, struct tl_error *e)
{
    struct stat here, there;
    if (fstat(log->fd, &here))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_open, log->path, "fstat");
    if (lstat(log->path, &there))
        return errno == ENOENT
                   ? 0
                   : tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_open, log->path, "lstat");
    return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/* Reads the header; a file that is none yet, or was not finished, is made whole. */
static int take_over(struct tl_intent_log *log, struct tl_error *e)
{
    struct stat st;
    struct file_header h;
    static const char none[sizeof h.magic];
    memset(&h, 0, sizeof h);
    if (fstat(log->fd, &st))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_open, log->path, "fstat");
    ssize_t n = pread(log->fd, &h, sizeof h, 0);
    if (n < 0)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_open, log->path, "it cannot be read");
    if (memcmp(h.magic, none, sizeof none) && memcmp(h.magic, FILE_MAGIC, sizeof none))
        return tl_fail(e, TL_ERROR_INPUT, cannot_open, log->path,
                       "this file was not made by trapline. Move it away: its name is needed for the log of "
                       "the database");
    if (n == (ssize_t)sizeof h && header_is_good(&h) && st.st_size >= (off_t)SLOT * SLOTS) {
        log->header = h;
        return 0;
    }
    return initialise(log, e);
}

static char *path_of(const char *path, unsigned number)
{
    return number ? tl_format("%s-%u", path, number) : tl_strdup(path);
}

static void release(struct tl_intent_log *log)
{
    for (struct tl_intent_log **o = &open_logs; *o; o = &(*o)->other)
        if (*o == log) {
            *o = log->other;
            break;
        }
    if (log->fd >= 0)
        close(log->fd);
    free(log->path);
    free(log->base);
    free(log->live);
    free(log);
}

/* The log of that number, locked; made when it is not there and `make`. NULL with 1 in *result: somebody else has it,
 * or it is not there; with -1: it cannot be had, and *e says why. */
static struct tl_intent_log *lock_one(const char *path, unsigned number, bool make, int *result,
                                      pid_t *held_by, struct tl_error *e)
{
    for (;;) {
        struct stat st;
        struct tl_intent_log *log = tl_calloc(1, sizeof *log);
        log->path = path_of(path, number);
        log->base = tl_strdup(path);
        log->number = number;
        log->next = 1;
        log->fd = -1;
        *held_by = 0;
        if (lstat(log->path, &st) == 0 && !S_ISREG(st.st_mode)) {
            *result = tl_fail(e, TL_ERROR_INPUT, cannot_open, log->path, "it is not a regular file");
        } else {
            log->fd =
                open(log->path, O_RDWR | (make ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
            if (log->fd < 0 && errno == ENOENT && !make)
                *result = 1;
            else if (log->fd < 0)
                *result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_open, log->path,
                                        "the directory of the database must be writable");
            else
                *result = take_lock(log, held_by, e);
        }
        int there = *result ? 0 : is_at_its_path(log, e);
        if (there < 0)
            *result = -1;
        if (there > 0) {
            *result = take_over(log, e);
            if (*result == 0) {
                log->other = open_logs;
                open_logs = log;
                return log;
            }
        } else if (*result == 0) {
            release(log); /* it was removed between the opening and the lock */
            continue;
        }
        release(log);
        return NULL;
    }
}

int tl_intent_open(const char *path, struct tl_intent_log **result, struct tl_error *e)
{
    /* Closing a second descriptor of a file would drop the lock of the first: each is opened once. */
    for (struct tl_intent_log *o = open_logs; o; o = o->other)
        if (!strcmp(o->base, path))
            return tl_fail(e, TL_ERROR_ENVIRONMENT, "the database is in use", path,
                           "this process has it open for writing already");
    for (unsigned i = 0; i < TL_INTENT_LOGS; i++) {
        pid_t held_by;
        int got;
        struct tl_intent_log *log = lock_one(path, i, true, &got, &held_by, e);
        if (!log && got < 0)
            return -1;
        if (!log)
            continue;
        *result = log;
        return 0;
    }
    return tl_fail(e, TL_ERROR_ENVIRONMENT, "the database is in use", path,
                   "%d processes are writing to it, and there is no room for one more. Wait for one to end, "
                   "or use another database with --db",
                   TL_INTENT_LOGS);
}

void tl_intent_close(struct tl_intent_log *log)
{
    if (!log)
        return;
    if (log->number && !log->n_live)
        unlink(log->path); /* while it is locked: who waits for it looks whether it is still there */
    release(log);
}

int tl_intent_left(const struct tl_intent_log *own, tl_intent_log_left found, void *arg, struct tl_error *e)
{
    for (unsigned i = 0; i < TL_INTENT_LOGS; i++) {
        pid_t held_by;
        int got;
        if (i == own->number)
            continue;
        struct tl_intent_log *log = lock_one(own->base, i, false, &got, &held_by, e);
        if (!log && got < 0)
            return -1;
        if (!log)
            continue;
        got = found(arg, log, e);
        if (got == 0 && i)
            unlink(log->path);
        release(log);
        if (got)
            return -1;
    }
    return 0;
}

/* Whether this process has locked it: to open and close it once more would drop the lock. */
static bool is_open(const char *base, unsigned number)
{
    const struct tl_intent_log *o = open_logs;
    while (o && (o->number != number || strcmp(o->base, base) != 0))
        o = o->other;
    return o != NULL;
}

pid_t tl_intent_another(const struct tl_intent_log *own)
{
    for (unsigned i = 0; i < TL_INTENT_LOGS; i++) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (is_open(own->base, i))
            continue;
        char *path = path_of(own->base, i);
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        free(path);
        if (fd < 0)
            continue;
        bool held = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
        close(fd);
        if (held)
            return lock.l_pid > 0 ? lock.l_pid : 1;
    }
    return 0;
}

static unsigned slots_for(size_t size)
{
    return (unsigned)((sizeof(struct head) + size + SLOT - 1) / SLOT);
}

/* Appends an intent, padded to whole slots. */
static void encode(struct tl_buffer *b, const struct tl_intent *i, const char *nonce)
{
    const char *strings[N_STRINGS] = {i->id,           i->case_name, i->case_hash,      i->variant,
                                      i->variant_hash, i->unit,      i->environment_id, i->session_id};
    struct head h;
    memset(&h, 0, sizeof h);
    size_t start = b->size;
    tl_buffer_add(b, &h, sizeof h);
    for (size_t k = 0; k < N_STRINGS; k++) {
        const char *s = strings[k] ? strings[k] : "";
        tl_buffer_add(b, s, strlen(s) + 1);
    }
    h.magic = INTENT_MAGIC;
    h.size = (uint32_t)(b->size - start - sizeof h);
    h.started_us = i->started_us;
    memcpy(h.nonce, nonce, sizeof h.nonce);
    memcpy(b->data + start, &h, sizeof h);
    tl_content_id(b->data + start, b->size - start, h.checksum);
    memcpy(b->data + start, &h, sizeof h);
    static const char zeros[SLOT];
    size_t over = (b->size - start) % SLOT;
    if (over)
        tl_buffer_add(b, zeros, SLOT - over);
}

/* Reads the intent that starts at data, when there is a whole one of this nonce. Returns its slots, else 0.
 */
static unsigned decode(char *data, size_t size, const char *nonce, struct tl_intent *i)
{
    struct head h;
    if (size < sizeof h)
        return 0;
    memcpy(&h, data, sizeof h);
    if (h.magic != INTENT_MAGIC || h.size > TL_INTENT_MAX + N_STRINGS || h.size > size - sizeof h ||
        memcmp(h.nonce, nonce, sizeof h.nonce))
        return 0;
    char stored[TL_ID_SIZE], checksum[TL_ID_SIZE];
    memcpy(stored, h.checksum, sizeof stored);
    memset(h.checksum, 0, sizeof h.checksum);
    memcpy(data, &h, sizeof h);
    tl_content_id(data, sizeof h + h.size, checksum);
    if (memcmp(stored, checksum, sizeof checksum))
        return 0;
    const char *strings[N_STRINGS];
    const char *at = data + sizeof h, *end = at + h.size;
    for (size_t k = 0; k < N_STRINGS; k++) {
        const char *nul = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
        if (!nul)
            return 0;
        strings[k] = at;
        at = nul + 1;
    }
    *i = (struct tl_intent){h.started_us, strings[0], strings[1], strings[2], strings[3],
                            strings[4],   strings[5], strings[6], strings[7]};
    return slots_for(h.size);
}

int tl_intent_scan(struct tl_intent_log *log, const char *database_id, tl_intent_found found, void *arg,
                   struct tl_error *e)
{
    if (strcmp(log->header.database, database_id))
        return 0; /* the database beside which it was made is gone */
    size_t size = (size_t)SLOT * SLOTS, got = 0;
    char *data = tl_malloc(size);
    while (got < size) {
        ssize_t n = pread(log->fd, data + got, size - got, (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(data);
            return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot read the intent log", log->path,
                                 "read");
        }
        if (n == 0)
            break;
        got += (size_t)n;
    }
    int rc = 0;
    for (size_t slot = 1; rc == 0 && slot * SLOT < got;) {
        struct tl_intent i;
        unsigned n = decode(data + slot * SLOT, got - slot * SLOT, log->header.nonce, &i);
        if (n)
            rc = found(arg, &i, e);
        slot += n ? n : 1;
    }
    free(data);
    return rc;
}

int tl_intent_reset(struct tl_intent_log *log, const char *database_id, struct tl_error *e)
{
    if (write_header(log, database_id))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_write, log->path, "header");
    log->n_live = 0;
    log->next = 1;
    memset(log->used, 0, sizeof log->used);
    return 0;
}

/* First of `count` free slots in a row, or 0. */
static unsigned find_room(const struct tl_intent_log *log, unsigned count)
{
    for (int pass = 0; pass < 2; pass++) {
        unsigned run = 0;
        for (unsigned i = pass ? 1 : log->next; i < SLOTS; i++) {
            run = log->used[i] ? 0 : run + 1;
            if (run == count)
                return i + 1 - count;
        }
    }
    return 0;
}

static void add_live(struct tl_intent_log *log, const char *id, unsigned first, unsigned count)
{
    if (log->n_live == log->room) {
        log->room = log->room ? 2 * log->room : 64;
        log->live = tl_realloc(log->live, log->room, sizeof *log->live);
    }
    struct live *l = &log->live[log->n_live++];
    snprintf(l->id, sizeof l->id, "%s", id ? id : "");
    l->first = first;
    l->count = count;
    l->finished = false;
    memset(log->used + first, 1, count);
    log->next = first + count < SLOTS ? first + count : 1;
}

static void drop_live(struct tl_intent_log *log, size_t i)
{
    memset(log->used + log->live[i].first, 0, log->live[i].count);
    log->live[i] = log->live[--log->n_live];
}

int tl_intent_write(struct tl_intent_log *log, const struct tl_intent *intents, size_t n, struct tl_error *e)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t before = log->n_live, at = 0, i = 0;
    int rc = 0;
    for (; i < n && b.size / SLOT < SLOTS; i++) {
        size_t start = b.size;
        encode(&b, &intents[i], log->header.nonce);
        if (b.size - start > TL_INTENT_MAX) {
            rc = tl_fail(e, TL_ERROR_INPUT, "cannot record that a trial is about to run", intents[i].id,
                         "its variant and names take more than %d KiB", TL_INTENT_MAX / 1024);
            goto out;
        }
    }
    /* Usually all fit into one run and go out with one call; else it is one write each and one sync. */
    unsigned first = find_room(log, (unsigned)(b.size / SLOT));
    for (i = 0; i < n; i++) {
        struct head h = {0};
        if (at < b.size)
            memcpy(&h, b.data + at, sizeof h);
        unsigned count = slots_for(h.size);
        unsigned place = first ? first + (unsigned)(at / SLOT) : at < b.size ? find_room(log, count) : 0;
        if (!place) {
            rc = tl_fail(e, TL_ERROR_ENVIRONMENT, cannot_write, log->path,
                         "%zu trials are in flight and there is no room for %zu more; use fewer jobs", before,
                         n);
            goto out;
        }
        add_live(log, intents[i].id, place, count);
        if (!first && write_all(log->fd, b.data + at, (size_t)count * SLOT, (off_t)place * SLOT))
            goto failed;
        at += (size_t)count * SLOT;
    }
    if (n && (first ? write_durably(log, b.data, b.size, (off_t)first * SLOT) : sync_data(log->fd)))
        goto failed;
    goto out;
failed:
    rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_write, log->path, "nothing was started");
out:
    while (rc && log->n_live > before)
        drop_live(log, log->n_live - 1);
    tl_buffer_free(&b);
    return rc;
}

void tl_intent_finish(struct tl_intent_log *log, const char *id)
{
    for (size_t i = 0; i < log->n_live; i++)
        if (strcmp(log->live[i].id, id) == 0)
            log->live[i].finished = true;
}

void tl_intent_committed(struct tl_intent_log *log)
{
    for (size_t i = log->n_live; i-- > 0;)
        if (log->live[i].finished)
            drop_live(log, i);
}

void tl_intent_rolled_back(struct tl_intent_log *log)
{
    for (size_t i = 0; i < log->n_live; i++)
        log->live[i].finished = false;
}

size_t tl_intent_live(const struct tl_intent_log *log)
{
    return log->n_live;
}
