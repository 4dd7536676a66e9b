/* Whether the write-ahead log of a database that is written to is still what was written. For the inside of db/.
 *
 * The log has what is committed and not in the file yet. SQLite believes that nobody else touches it: one that is cut off grows
 * on behind a hole, and what is read from the hole, or copied from there into the file, is nothing but zeros; one that is removed
 * goes on without a name, and is gone with the process, while others begin a new one. Neither is noticed by SQLite, by the name
 * of the database, or by the rows that were written last. */
#ifndef TL_LOG_H
#define TL_LOG_H

#include "db/store_impl.h"

/* What the names of the log and of its index end with, behind that of the database. */
extern const char *const tl_log_ends[2];

/* Copies the log into the file when it is long enough, as SQLite does by itself, but looks at it before. */
void tl_log_guard(struct tl_store *s);
/* What is known of it, and looked at now: its names and its length; with `closely` each of its pages as well, which takes as
 * many reads. Once it is not whole it stays so, and is not copied into the file when the connection is closed. */
enum tl_log_state tl_log_look(struct tl_store *s, bool closely);
/* The log has what nobody else has, and nothing better can be done with it: let SQLite copy it into the file. */
void tl_log_let_copy(struct tl_store *s);

#endif
