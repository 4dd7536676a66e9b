/* The inside of a store, shared by the files of db/ only. */
#ifndef TL_STORE_IMPL_H
#define TL_STORE_IMPL_H

#include "db/intent.h"
#include "db/pack.h"
#include "db/store.h"
#include "harness/base/watch.h"

#include <sqlite3.h>

enum tl_statement {
    TL_ST_CASE,
    TL_ST_VARIANT,
    TL_ST_UNIT,
    TL_ST_ENVIRONMENT,
    TL_ST_SESSION,
    TL_ST_SIGNATURE,
    TL_ST_TRIAL,
    TL_ST_OUTPUT,
    TL_ST_MODULE,
    TL_ST_MODULE_SET,
    TL_ST_STACK,
    TL_ST_CAPTURE,
    TL_ST_THREAD,
    TL_ST_SUMMARY,
    TL_ST_TALLY,
    TL_ST_CACHED,
    TL_ST_READ_ID,
    TL_ST_READ_TRIAL,
    TL_ST_READ_OUTPUT,
    TL_ST_READ_MODULE_SET,
    TL_ST_READ_MODULE,
    TL_ST_READ_THREAD,
    TL_ST_READ_PIDS,
    TL_ST_READ_CAPTURE,
    TL_ST_READ_REPORT,
    TL_ST_READ_REFERRED,
    TL_ST_READ_PLACE,
    TL_ST_READ_ENVIRONMENT,
    TL_ST_PLACE,
    TL_ST_OWN_SESSION,
    TL_ST_NIGHT_CELL,
    TL_ST_ANEW,
    TL_ST_ANEW_KIND,
    TL_ST_KINDS,
    TL_ST_KIND_IS,
    TL_ST_RAN_ON_JOB,
    TL_ST_BEGIN,
    TL_ST_COMMIT,
    TL_ST_VERSION,
    TL_ST_COUNT
};

/* Of the write-ahead log (log.h). */
enum tl_log_state {
    TL_LOG_WHOLE,
    TL_LOG_REMOVED, /* it has its names no more, and is all there */
    TL_LOG_CUT,     /* what is committed is not in it any more */
};

#define TL_KNOWN 8192 /* content ids remembered as being in the database; a power of two */

struct tl_store {
    sqlite3 *db;
    char *path;
    enum tl_store_mode mode;
    struct tl_intent_log *intents; /* NULL when reading */
    char database_id[TL_UUID_SIZE];
    char session_id[TL_UUID_SIZE]; /* "" outside a session */
    size_t recovered;
    sqlite3_stmt *statements[TL_ST_COUNT];
    struct tl_packer packer;
    bool in_group;
    unsigned group, group_most; /* trials in it, and with how many it is full */
    uint64_t group_due;
    /* Others who write to it: */
    pid_t another;         /* one of them, when last looked; 0: none */
    uint64_t another_ns;   /* when that was */
    int64_t data_version;  /* changes when another connection commits */
    uint64_t waited_ns;    /* since when the database is waited for */
    struct tl_watch watch; /* is told that it is waited for */
    bool stopped;          /* the watcher wants no more waiting */
    bool gave_up;          /* it was stopped once: nothing is waited for long any more */
    /* Where its file is (place.h): */
    dev_t device; /* of the lock by name */
    ino_t inode;  /* 0: it has not taken it */
    struct {
        dev_t device;
        ino_t inode; /* 0: not known */
    } logs[2];       /* what lies beside it: tl_log_ends */
    enum tl_log_state log;
    unsigned log_looked_at; /* how many pages it had when each was looked at last */
    char *moved;            /* the file is not there any more, and this is what became of what was in it */
    int (*lose)(struct tl_store *s, struct tl_error *e); /* stores what is under way as lost (recover.h) */
    bool rescuing;                                       /* that is being done, and the file is gone */
    const char *happened;                                /* and why, in words */
    /* Of this store (readback.h); "" before: the first and the last one that is committed, and the last one that was written. */
    char first_trial[TL_UUID_SIZE], last_trial[TL_UUID_SIZE], written_trial[TL_UUID_SIZE];
    uint64_t read_back_ns; /* when that was looked for last */
    /* What is surely there and need not be inserted again: a table that forgets on collision, so it never
     * grows. */
    char (*known)[TL_ID_SIZE + 1];
};

#endif
