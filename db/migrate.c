/* Versions of the schema.
 *
 * SQLite keeps two integers for the program in the header of a file. application_id says that a database is
 * trapline's, user_version how many steps it has had. Step 0 makes version 1 of an empty file (schema.sql);
 * each later step takes a database from version i to i + 1. A step that was released is never changed, also
 * not in a comment within a statement, for SQLite stores the text of CREATE; what is to be different is a
 * step more.
 *
 * All steps that are missing are one transaction: a database is of one version or of another, whatever
 * happens. The version is read again when the transaction holds the write lock, for another process may have
 * been faster. Readers do not migrate, and refuse an older version; a merge migrates its copy of the other
 * database. */
#include "db/migrate.h"
#include "db/sql.h"
#include "harness/base/buffer.h"
#include "harness/base/hash.h"

#include <stdio.h>

extern const char tl_schema_sql[], tl_findings_sql[], tl_nights_sql[], tl_signals_sql[], tl_identity_sql[],
    tl_set_aside_sql[], tl_system_reports_sql[], tl_machine_sql[], tl_started_sql[], tl_known_sql[],
    tl_known_places_sql[], tl_asked_sql[], tl_ran_on_sql[];

const struct tl_migration tl_migrations[] = {
    {tl_schema_sql},       {tl_findings_sql},       {tl_nights_sql},  {tl_signals_sql}, {tl_identity_sql},
    {tl_set_aside_sql},    {tl_system_reports_sql}, {tl_machine_sql}, {tl_started_sql}, {tl_known_sql},
    {tl_known_places_sql}, {tl_asked_sql},          {tl_ran_on_sql},
};
const int tl_schema_version = TL_COUNT(tl_migrations);

static const char cannot_open[] = "cannot open the database";

int tl_migrate_version(sqlite3 *db, int newest, int *version, struct tl_error *e)
{
    int64_t application, user, objects;
    if (tl_sql_int(db, "PRAGMA application_id", &application, cannot_open, e) ||
        tl_sql_int(db, "PRAGMA user_version", &user, cannot_open, e) ||
        tl_sql_int(db, "SELECT count(*) FROM sqlite_schema", &objects, cannot_open, e))
        return -1;
    const char *path = sqlite3_db_filename(db, "main");
    *version = 0;
    if (application == 0 && user == 0 && objects == 0)
        return 0;
    if (application != TL_APPLICATION_ID)
        return tl_fail(
            e, TL_ERROR_INPUT, cannot_open, path,
            "it is a database of another program. Nothing was changed; name another file with --db");
    if (user > newest)
        return tl_fail(
            e, TL_ERROR_INPUT, cannot_open, path,
            "a newer trapline made it (schema %lld, this one knows %d). Nothing was changed; use the newer "
            "trapline, or another database with --db",
            (long long)user, newest);
    if (user < 1)
        return tl_fail(e, TL_ERROR_INPUT, cannot_open, path, "its schema version %lld makes no sense",
                       (long long)user);
    *version = (int)user;
    return 0;
}

int tl_migrate(sqlite3 *db, const struct tl_migration *steps, int n_steps, struct tl_error *e)
{
    static const char what[] = "cannot bring the database to the newest schema";
    int version;
    if (tl_sql_exec(db, "BEGIN IMMEDIATE", what, e))
        return -1;
    if (tl_migrate_version(db, n_steps, &version, e)) /* again, now that nobody else can change it */
        goto failed;
    if (version == 0) {
        char id[TL_UUID_SIZE], sql[128];
        tl_uuid7(id);
        snprintf(sql, sizeof sql, "INSERT INTO meta(key, value) VALUES('database', '%s')", id);
        if (tl_sql_exec(db, steps[0].sql, what, e) || tl_sql_exec(db, sql, what, e))
            goto failed;
        version = 1;
    }
    for (; version < n_steps; version++)
        if (tl_sql_exec(db, steps[version].sql, what, e))
            goto failed;
    char set[64];
    snprintf(set, sizeof set, "PRAGMA user_version = %d", n_steps);
    if (tl_sql_exec(db, set, what, e) || tl_sql_exec(db, "COMMIT", what, e))
        goto failed;
    return 0;
failed:
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}
