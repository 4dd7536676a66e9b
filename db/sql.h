/* SQLite, with errors in trapline's terms. For the inside of db/ only. */
#ifndef TL_SQL_H
#define TL_SQL_H

#include "harness/base/error.h"
#include "harness/base/record.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a lock was refused with this errno for another reason than that somebody has it. */
bool tl_sql_cannot_lock(int err);
/* Fills *e from the last error of db (rc is its result code), in words that say what to do next. Returns -1. */
int tl_sql_fail(struct tl_error *e, sqlite3 *db, int rc, const char *what);

/* Why a file of this connection, or its log, could not be read lately (errno): of a page that cannot be had SQLite says that it is
 * damaged, and what it looks through it goes on with. 0: it could be read. */
int tl_sql_unreadable(sqlite3 *db);
/* The same of a whole file, which is read once more: of one that could not be opened nothing remembers why. By SQLite, for the locks
 * that this process may have on it. */
int tl_sql_read_through(const char *path);

/* Whether somebody asked to stop while this connection waited for a lock: what then fails for the lock (of this thread, and until
 * the connection waits for another one) fails with TL_ERROR_INTERRUPTED. Of busy handlers. */
void tl_sql_wait_stopped(sqlite3 *db, bool stopped);

/* A connection to a file that may come from somebody else: its schema is not trusted, and nothing can be
 * written to it but by SQL (SQLITE_DBCONFIG_DEFENSIVE). Waits five seconds for a lock. */
void tl_sql_secure(sqlite3 *db);
/* The name of a file as a URI of SQLite's, with "immutable=1" or the like: a new string. */
char *tl_sql_uri(const char *path, const char *query);
/* Opens a file of which nobody is a writer, as on read-only media: without the shared memory (-shm) that
 * SQLite wants to make beside a database in WAL mode. *db is to be closed in any case. */
int tl_sql_open_immutable(const char *path, sqlite3 **db, const char *what, struct tl_error *e);
/* Whether the write-ahead log beside a database holds something, which an immutable connection would not see.
 */
bool tl_sql_log_left(const char *path);

/* Whether text can be the beginning of an id: hexadecimal digits and dashes, no more than a UUID has. */
bool tl_sql_begins_id(const char *text);
/* Documents of a table whose ids begin like that: the first as a new string (NULL for none), and how many there are,
 * 0, 1 or 2. */
int tl_sql_document(sqlite3 *db, const char *table, const char *id, char **text, size_t *n, const char *what,
                    struct tl_error *e);

/* Runs statements whose rows nobody wants. */
int tl_sql_exec(sqlite3 *db, const char *sql, const char *what, struct tl_error *e);
/* The integer in the first column of the first row; 0 when there is no row. */
int tl_sql_int(sqlite3 *db, const char *sql, int64_t *value, const char *what, struct tl_error *e);
/* The text there, a new string; NULL when there is no row. */
int tl_sql_text(sqlite3 *db, const char *sql, char **value, const char *what, struct tl_error *e);

/* A prepared statement, to be finalized; NULL with *e filled. */
sqlite3_stmt *tl_sql_prepare(sqlite3 *db, const char *sql, const char *what, struct tl_error *e);

/* Binding that a NULL string makes NULL. The string must live until the statement is reset. */
void tl_sql_bind(sqlite3_stmt *st, int at, const char *text);
/* A column as a new string; NULL for NULL. */
char *tl_sql_dup(sqlite3_stmt *st, int column);
/* Columns that hold the name of an outcome or a phase; what is none is read as lost, or as start. */
enum tl_outcome tl_sql_outcome(sqlite3_stmt *st, int column);
enum tl_phase tl_sql_phase(sqlite3_stmt *st, int column);
/* Copies a text column into a fixed array, cut to its size; "" for NULL. */
void tl_sql_copy(sqlite3_stmt *st, int column, char *to, size_t size);

#endif
