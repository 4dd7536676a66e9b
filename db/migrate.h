/* Bringing a database to the newest schema. For the inside of db/ and its tests. */
#ifndef TL_MIGRATE_H
#define TL_MIGRATE_H

#include "harness/base/error.h"

#include <sqlite3.h>

#define TL_APPLICATION_ID 0x54724c44

/* Step i takes a database from version i to i + 1. Step 0 makes version 1 out of an empty file. */
struct tl_migration {
    const char *sql;
};
extern const struct tl_migration tl_migrations[];
extern const int tl_schema_version; /* number of steps */

/* Says what a file is: its version, 0 when it is empty (new). Refuses what is not trapline's, and what is
 * newer than `newest`. Writes nothing. */
int tl_migrate_version(sqlite3 *db, int newest, int *version, struct tl_error *e);

/* Applies the steps that are missing, in one transaction: all of them or none. */
int tl_migrate(sqlite3 *db, const struct tl_migration *steps, int n_steps, struct tl_error *e);

#endif
