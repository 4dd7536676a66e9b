/* The open group: trials that were stored and are not durable yet, and the statements that store them. For
 * the inside of db/.
 *
 * A group is one transaction of SQLite, BEGIN IMMEDIATE … COMMIT. A commit in WAL mode with synchronous =
 * FULL costs a sync of the disk, some milliseconds, as much as a short trial takes; a group pays it once for
 * up to TL_STORE_GROUP trials. What has no commit yet is not lost with the process, for the intent log has
 * it. */
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

/* Whether an id of a kind (one letter) was inserted before by this process; remembers it. */
bool tl_store_known(struct tl_store *s, char kind, const char *id);
/* Forgets all of them: after rows may have gone. */
void tl_store_forget(struct tl_store *s);

#endif
