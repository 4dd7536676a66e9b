#include "db/ran_on.h"

#include "db/group.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/values.h"
#include "harness/base/buffer.h"

#include <string.h>

static const char what_[] = "cannot store where a trial ran";

int tl_ran_on_put(struct tl_store *s, const char *trial_id, const struct tl_ran_on *r, struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    return TL_RUN(s,
                  "INSERT OR IGNORE INTO ran_on(trial_id, machine, delivered, job_id, session_id) "
                  "VALUES(?,?,?,?,?)",
                  what_, e, TL_TEXT(trial_id), TL_TEXT(r->machine), TL_INTEGER(r->delivered),
                  TL_ID(r->job_id), TL_ID(r->session_id))
               ? tl_store_undo(s)
               : 0;
}

int tl_ran_on_job(struct tl_store *s, const char *job_id, bool *known, struct tl_error *e)
{
    sqlite3_stmt *st =
        tl_store_statement(s, TL_ST_RAN_ON_JOB, "SELECT 1 FROM ran_on WHERE job_id = ?", what_, e);
    *known = false;
    if (!st)
        return -1;
    TL_BIND(s, st, TL_TEXT(job_id));
    int rc = sqlite3_step(st);
    *known = rc == SQLITE_ROW;
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, what_);
}

/* --- kinds ---------------------------------------------------------------------------------------------- */

int tl_kind_put(struct tl_store *s, const char *kind, const struct tl_environment *v, struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    return TL_RUN(s,
                  "INSERT OR IGNORE INTO environment(id, os_build, driver, device, runner, runner_version, "
                  "runtime_path, runtime_sha256, runtime_version, versions) VALUES(?,?,?,?,?,?,?,?,?,?)",
                  what_, e, TL_TEXT(kind), TL_TEXT(v->os_build), TL_TEXT(v->driver), TL_TEXT(v->device),
                  TL_TEXT(v->runner), TL_TEXT(v->runner_version), TL_TEXT(v->runtime_path),
                  TL_TEXT(v->runtime_sha256), TL_TEXT(v->runtime_version), TL_TEXT(v->versions))
               ? tl_store_undo(s)
               : 0;
}

int tl_kind_put_machine(struct tl_store *s, const char *id, const char *kind, const char *machine,
                        struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    return TL_RUN(
               s,
               "INSERT OR IGNORE INTO environment(id, kind, on_machine, os_build, driver, device, runner, "
               "runner_version, runtime_path, runtime_sha256, runtime_version, versions) SELECT ?1, ?2, ?3, "
               "os_build, driver, device, runner, runner_version, runtime_path, runtime_sha256, "
               "runtime_version, versions FROM environment WHERE id = ?2",
               what_, e, TL_TEXT(id), TL_TEXT(kind), TL_TEXT(machine))
               ? tl_store_undo(s)
               : 0;
}

int tl_kind_has(struct tl_store *s, const char *kind, const char *environment_id, struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    return TL_RUN(s, "UPDATE environment SET kind = ?1 WHERE id = ?2 AND kind IS NOT ?1", what_, e,
                  TL_TEXT(kind), TL_TEXT(environment_id))
               ? tl_store_undo(s)
               : 0;
}

bool tl_kind_is(struct tl_store *s, const char *wanted, const char *environment_id)
{
    struct tl_error ignored;
    if (!strcmp(wanted, environment_id))
        return true;
    sqlite3_stmt *st = tl_store_statement(s, TL_ST_KIND_IS,
                                          "SELECT 1 FROM environment WHERE id = ?1 AND kind = ifnull((SELECT "
                                          "kind FROM environment WHERE id = ?2 "
                                          "AND on_machine IS NOT NULL), ?2)",
                                          what_, &ignored);
    if (!st)
        return false;
    TL_BIND(s, st, TL_TEXT(environment_id), TL_TEXT(wanted));
    bool is = sqlite3_step(st) == SQLITE_ROW;
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return is;
}
