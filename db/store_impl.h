/* The inside of a store, shared by the files of db/ only. */
#ifndef TL_STORE_IMPL_H
#define TL_STORE_IMPL_H

#include "db/intent.h"
#include "db/pack.h"
#include "db/store.h"

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
    TL_ST_BEGIN,
    TL_ST_COMMIT,
    TL_ST_COUNT
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
    unsigned group; /* trials in it */
    uint64_t group_due;
    /* What is surely there and need not be inserted again: a table that forgets on collision, so it never
     * grows. */
    char (*known)[TL_ID_SIZE + 1];
};

/* The prepared statement, reset and without bindings; NULL with *e filled. */
sqlite3_stmt *tl_store_statement(struct tl_store *s, enum tl_statement which, const char *what,
                                 struct tl_error *e);
/* Steps a statement that returns no rows and resets it. */
int tl_store_step(struct tl_store *s, sqlite3_stmt *st, const char *what, struct tl_error *e);

/* Opens the group when none is open. Any failure after this must go through tl_store_undo. */
int tl_store_group(struct tl_store *s, struct tl_error *e);
/* Rolls the open group back. Returns -1, so that a caller can return it. */
int tl_store_undo(struct tl_store *s);

/* Inserts a record and all it refers to into the open group; *added is false when it was there. */
int tl_store_insert(struct tl_store *s, const struct tl_trial_record *r, const char *session_id, bool *added,
                    struct tl_error *e);
int tl_store_insert_environment(struct tl_store *s, const char *id, const struct tl_environment *v,
                                struct tl_error *e);

/* Whether an id of a kind (one letter) was inserted before by this process; remembers it. */
bool tl_store_known(struct tl_store *s, char kind, const char *id);

#endif
