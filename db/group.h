/* The open group: trials that were stored and are not durable yet, and the statements that store them. For
 * the inside of db/.
 *
 * A group is one transaction, BEGIN IMMEDIATE … COMMIT. The sync at the end of a commit takes several times
 * as long as the inserts of a trial (tests/bench/bench_store.c measures both), and a group pays for it once
 * for up to TL_STORE_GROUP trials, or for those of TL_STORE_GROUP_NS. It is all or nothing: when one insert
 * fails, the whole group is rolled back, and its trials are live intents again, which the next writer records
 * as lost. IMMEDIATE takes the write lock at the beginning, so that a group cannot fail in the middle because
 * somebody else writes. Queries of the same connection see what is in it.
 *
 * Other processes wait for as long as a group is open. So each trial is a group of its own while there are any. */
#ifndef TL_GROUP_H
#define TL_GROUP_H

#include "db/store_impl.h"

/* The statement of that slot, prepared from sql at its first use, reset and without bindings; it stays the
 * store's. NULL with *e filled. */
sqlite3_stmt *tl_store_statement(struct tl_store *s, enum tl_statement which, const char *sql,
                                 const char *what, struct tl_error *e);
/* Steps a statement that returns no rows and resets it. */
int tl_store_step(struct tl_store *s, sqlite3_stmt *st, const char *what, struct tl_error *e);

/* Opens the group when none is open. Any failure after this must go through tl_store_undo. */
int tl_store_group(struct tl_store *s, struct tl_error *e);
/* Rolls the open group back. Returns -1, so that a caller can return it. */
int tl_store_undo(struct tl_store *s);
/* After that: where what failed may have failed because the log was cut off, that is said instead, and what can be is saved.
 * Returns -1, likewise. */
int tl_store_failed(struct tl_store *s, struct tl_error *e);

/* Whether content of a kind (one letter) and of this id was inserted before by this process; remembers it.
 * The same few cases, modules and stacks come with every trial, and SQLite would look each of them up again.
 */
bool tl_store_known(struct tl_store *s, char kind, const char *id);
/* Forgets all of it: rows may be gone, by a rollback or a sweep. */
void tl_store_forget(struct tl_store *s);

/* SQLite's busy handler of a store that writes: waits, and says so after a while. */
int tl_store_busy(void *store, int turn);

#endif
