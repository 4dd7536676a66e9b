#include "db/set_aside.h"

#include "db/group.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/values.h"
#include "harness/base/clock.h"

#include <string.h>

static const char cannot_set_aside[] = "cannot set earlier trials aside";
static const char cannot_read[] = "cannot look up how trials differ";
static const char cannot_keep[] = "cannot keep how processes differ";

/* A trial that was lost is no answer anyway, and one that is set aside stays so for its first reason. Where the environment stands for a kind
 * of machine, or for one of a kind (ran_on.h), these are meant. */
static const char setting_aside[] =
    "INSERT OR IGNORE INTO set_aside(trial_id, set_aside_us, because) SELECT t.id, ?5, ?6 FROM trial t "
    "LEFT JOIN environment v ON v.id = t.environment_id "
    "WHERE t.case_name = ?1 AND t.unit = ?3 AND t.outcome <> 'lost' AND t.case_hash = ?2 AND "
    "(v.kind = ?4 OR EXISTS (SELECT 1 FROM environment k JOIN ran_on r ON r.trial_id = t.id AND r.machine = "
    "k.on_machine WHERE k.id = ?4 AND k.kind = v.kind) OR (v.machine_id IS (SELECT machine_id FROM "
    "environment "
    "WHERE id = ?4) AND NOT EXISTS (SELECT 1 FROM environment WHERE kind = ?4 OR (id = ?4 AND on_machine IS "
    "NOT "
    "NULL)))) AND t.started_us < ?7 AND t.id <> ?6";

static const char forgetting[] = "DELETE FROM processes WHERE case_hash = ?1 AND unit = ?2 AND "
                                 "environment_id IN (SELECT id FROM environment "
                                 "WHERE machine_id IS (SELECT machine_id FROM environment WHERE id = ?3))";

int tl_store_set_aside(struct tl_store *s, const char *case_name, const char *case_hash, const char *unit,
                       const char *environment_id, int64_t before_us, const char *because, size_t *n,
                       struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    if (TL_RUN(s, setting_aside, cannot_set_aside, e, TL_TEXT(case_name), TL_TEXT(case_hash), TL_TEXT(unit),
               TL_TEXT(environment_id), TL_INTEGER(tl_wall_us()), TL_TEXT(because), TL_INTEGER(before_us)))
        return tl_store_undo(s);
    *n += (size_t)sqlite3_changes(s->db);
    if (TL_RUN(s, forgetting, cannot_set_aside, e, TL_TEXT(case_hash), TL_TEXT(unit),
               TL_TEXT(environment_id)))
        return tl_store_undo(s);
    return tl_store_flush(s, e);
}

int tl_store_set_aside_since(struct tl_store *s, const char *case_hash, const char *unit, int64_t since_us,
                             int64_t *at_us, char because[TL_UUID_SIZE], struct tl_error *e)
{
    struct row {
        int64_t at_us;
        char because[TL_UUID_SIZE];
    } row = {0};
    static const struct tl_column columns[] = {
        TL_COLUMN(struct row, at_us, "a.set_aside_us"),
        TL_COLUMN(struct row, because, "a.because"),
        {0},
    };
    struct tl_rows q;
    if (tl_rows_open(&q, s, columns,
                     "FROM set_aside a JOIN trial t ON t.id = a.trial_id "
                     "WHERE t.case_hash = ? AND t.unit = ? AND a.set_aside_us > ? "
                     "ORDER BY a.set_aside_us DESC LIMIT 1",
                     cannot_read, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(case_hash), TL_TEXT(unit), TL_INTEGER(since_us));
    bool any = tl_rows_next(&q, &row);
    *at_us = any ? row.at_us : 0;
    memcpy(because, row.because, sizeof row.because);
    return tl_rows_close(&q, 0, e);
}

int tl_store_processes(struct tl_store *s, const char *case_hash, const char *unit,
                       const char *environment_id, struct tl_processes *p, bool *known, struct tl_error *e)
{
    static const struct tl_column columns[] = {
        TL_COLUMN(struct tl_processes, differ, "differ"),
        TL_COLUMN(struct tl_processes, variant_hash, "variant_hash"),
        TL_COLUMN(struct tl_processes, forked_failed, "forked_failed"),
        TL_COLUMN(struct tl_processes, forked, "forked"),
        TL_COLUMN(struct tl_processes, fresh_failed, "fresh_failed"),
        TL_COLUMN(struct tl_processes, fresh, "fresh"),
        TL_COLUMN(struct tl_processes, seen_us, "seen_us"),
        {0},
    };
    struct tl_rows q;
    if (tl_rows_open(&q, s, columns, "FROM processes WHERE case_hash = ? AND unit = ? AND environment_id = ?",
                     cannot_read, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(case_hash), TL_TEXT(unit), TL_TEXT(environment_id));
    *p = (struct tl_processes){0};
    *known = tl_rows_next(&q, p);
    return tl_rows_close(&q, 0, e);
}

int tl_store_put_processes(struct tl_store *s, const char *case_hash, const char *unit,
                           const char *environment_id, const struct tl_processes *p, struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    if (TL_RUN(s, "INSERT OR REPLACE INTO processes VALUES(?,?,?,?,?,?,?,?,?,?)", cannot_keep, e,
               TL_TEXT(case_hash), TL_TEXT(unit), TL_TEXT(environment_id), TL_INTEGER(p->differ),
               TL_TEXT(p->variant_hash), TL_INTEGER(p->forked_failed), TL_INTEGER(p->forked),
               TL_INTEGER(p->fresh_failed), TL_INTEGER(p->fresh), TL_INTEGER(p->seen_us)))
        return tl_store_undo(s);
    return tl_store_flush(s, e);
}
