/* Where the file of a database is: by which of its names it is written to, and whether it is still there. For the inside of
 * db/.
 *
 * Beside the file, and found by its name, lies the log of what is committed and not in the file yet. So two things would lose
 * trials, or damage the file, and SQLite notices neither: that a file with several names (hard links) is written to by two of
 * them at once, each with a log of its own; and that the file is moved or removed under those who write. */
#ifndef TL_PLACE_H
#define TL_PLACE_H

#include "db/store_impl.h"

/* Says to others by which name this process writes to the database. Fails when another process does so by another name;
 * that a file has other names is no matter. Where the file system has no locks nothing is said. Until tl_place_leave, which comes
 * after the connection is closed. */
int tl_place_take(struct tl_store *s, struct tl_error *e);
void tl_place_leave(struct tl_store *s);

/* Remembers which files are the log of this connection and what belongs to it: for tl_place_check, which removes no other one. To
 * be called when they are there, which is when something was read. */
void tl_place_know_logs(struct tl_store *s);

/* Fails when the file is not any more where it was opened, when its log is not (log.h), and, looked at every few seconds, when one of
 * the two holds something else (readback.h).
 * The first time, everything that is committed is saved in a new
 * database beside the old path, NAME.rescued-TIME, which the error names. Outside of the open group. */
int tl_place_check(struct tl_store *s, struct tl_error *e);
/* The same, and what it holds is looked at now. */
int tl_place_check_last(struct tl_store *s, struct tl_error *e);

#endif
