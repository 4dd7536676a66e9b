/* The database of every trial that was run (schema.sql says what is in it).
 *
 * A database may have several processes that write to it and any number of readers, who are never blocked. A writer
 * announces a trial with tl_store_begin before its child runs (durable when it returns) and stores it with
 * tl_store_trial. Stored trials become durable in groups: when the group is full, when tl_store_flush is called, or at
 * tl_store_close; while others write, each trial is a group. A writer that went down in between loses nothing: the
 * next one finds what was announced and records it as lost.
 *
 * One thread. Functions return 0, or -1 with *e filled. */
#ifndef TL_STORE_H
#define TL_STORE_H

#include "db/machine.h"
#include "harness/base/error.h"
#include "harness/base/record.h"
#include "harness/base/watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_store;

enum tl_store_mode {
    TL_STORE_READ,  /* never changes the database; it must exist; works on read-only media */
    TL_STORE_WRITE, /* makes it when there is none */
};

/* What every mistake says of a damaged file, ahead of the rest of the advice; `db check` itself has it left out. */
#define TL_STORE_CHECK_ADVICE "`trapline db check` lists what is wrong, and "

#define TL_STORE_GROUP 32             /* trials in a group */
#define TL_STORE_GROUP_NS 100000000   /* age at which a group is due */
#define TL_STORE_WAIT_MS 600000       /* how long to wait for what another process writes */
#define TL_STORE_WAIT_UNTOLD_MS 10000 /* likewise, where nobody is told that it is waited for */

/* $XDG_STATE_HOME/trapline/trapline.db, or below ~/.local/state. The caller's to free; NULL with *e filled
 * when there is no home directory. */
char *tl_store_default_path(struct tl_error *e);
/* The absolute path of what stands beside a database under its name: DATABASE-WHAT. path as for tl_store_open in writing. The
 * caller's to free; NULL with *e filled. */
char *tl_store_beside(const char *path, const char *what, struct tl_error *e);

/* path NULL: the default one, whose directories are made for writing. */
int tl_store_open(const char *path, enum tl_store_mode mode, struct tl_store **store, struct tl_error *e);
/* Likewise. The watcher (copied; NULL: nobody) is told, now and later, when another process has been waited for for two
 * seconds, and may end the waiting: what was to be written fails with TL_ERROR_INTERRUPTED then. */
int tl_store_open_watched(const char *path, enum tl_store_mode mode, const struct tl_watch *watch,
                          struct tl_store **store, struct tl_error *e);
/* Flushes, ends the session and releases the store in any case; -1 when the flush failed. NULL is fine. */
int tl_store_close(struct tl_store *s, struct tl_error *e);
const char *tl_store_database_id(const struct tl_store *s); /* a UUID, from when it was made */
const char *tl_store_path(const struct tl_store *s);
/* Trials that were running when an earlier writer went down and that this open recorded as lost. */
size_t tl_store_recovered(const struct tl_store *s);

/* Starts a session: trials stored from now on belong to it. Durable when it returns. id may be NULL. */
int tl_store_session_begin(struct tl_store *s, const struct tl_machine *m, const char *trapline_version,
                           const char *command, char id[TL_UUID_SIZE], struct tl_error *e);
int tl_store_session_end(struct tl_store *s, struct tl_error *e);

/* Content that trials refer to. Storing it again does nothing. A trial whose case, variant or environment was
 * not stored before refers to what its record tells. They belong to the open group. */
int tl_store_put_case(struct tl_store *s, const char *hash, const char *name, const char *json,
                      struct tl_error *e);
int tl_store_put_variant(struct tl_store *s, const char *hash, const char *json, struct tl_error *e);
/* A machine and its id. */
int tl_store_put_machine(struct tl_store *s, const struct tl_machine *m, char id[TL_ID_SIZE],
                         struct tl_error *e);
int tl_store_put_environment(struct tl_store *s, const struct tl_environment *v, char id[TL_ID_SIZE],
                             struct tl_error *e);

/* What was stored before since_us of the variant of a record, on its unit and in its environment, is no answer
 * any more (tl_store_cached): it was run anew on purpose. It stays in the database. Belongs to the open group. */
int tl_store_anew(struct tl_store *s, const struct tl_trial_record *r, int64_t since_us, struct tl_error *e);

/* Announces trials whose children are about to run: id, started_us, case, variant, unit and environment of
 * each record. One sync for all of them. */
int tl_store_begin(struct tl_store *s, const struct tl_trial_record *const *records, size_t n,
                   struct tl_error *e);

/* Takes back the announcement of a trial that will not be stored, because it says nothing. Should this writer be
 * killed later, the next one may still find it, and record it as lost. An id that was not announced is fine. */
void tl_store_withdraw(struct tl_store *s, const char *id);

/* Adds a finished trial to the open group, which is committed when it is full. The record stays the caller's.
 * A trial that is there already is left as it is. When it fails the whole open group is undone, and its
 * trials will be recorded as lost by the next writer (those that were announced). */
int tl_store_trial(struct tl_store *s, const struct tl_trial_record *r, struct tl_error *e);
/* When the open group should be flushed, in tl_monotonic_ns terms; 0 when nothing waits. */
uint64_t tl_store_due_ns(const struct tl_store *s);
int tl_store_flush(struct tl_store *s, struct tl_error *e);

/* What is known of a variant on a unit in an environment since it was run anew (tl_store_anew): up to `most` trials,
 * newest first, those of the open group included. Left out are those that are set aside (db/set_aside.h), and what
 * could not be tried: that may be otherwise by now, and costs little to find out. The list is the caller's to free. */
struct tl_cached {
    char id[TL_UUID_SIZE];
    int64_t started_us;
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
    char signature_id[TL_ID_SIZE]; /* "" for none */
    bool fresh;
    bool stopped; /* of a lost one: trapline stopped it and went on itself */
};
int tl_store_cached(struct tl_store *s, const char *case_hash, const char *variant_hash, const char *unit,
                    const char *environment_id, size_t most, struct tl_cached **list, size_t *n,
                    struct tl_error *e);

/* What is read between the two is one moment of the database, whoever writes to it meanwhile. */
int tl_store_read_begin(struct tl_store *s, struct tl_error *e);
void tl_store_read_end(struct tl_store *s);

/* Looks for damage: SQLite's own integrity check, references to rows that are not there, rows nothing refers
 * to, and sums that do not add up. Calls found once for each thing that is wrong (at most 100 of a kind);
 * *wrong is their number. Returns -1 only when the check itself could not be made. */
typedef void (*tl_store_found)(void *arg, const char *text);
int tl_store_check(struct tl_store *s, tl_store_found found, void *arg, size_t *wrong, struct tl_error *e);

#endif
