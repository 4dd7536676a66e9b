#include "db/compare.h"

#include "db/sql.h"
#include "db/store_impl.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot compare what is in the database";

/* " AND column IN (?, …)": bound by bind_list. */
static void add_list(struct tl_buffer *sql, const char *column, size_t n)
{
    if (!n)
        return;
    tl_buffer_printf(sql, " AND %s IN (", column);
    for (size_t i = 0; i < n; i++)
        tl_buffer_add_string(sql, i ? ", ?" : "?");
    tl_buffer_add_string(sql, ")");
}

static void add_selection(struct tl_buffer *sql, const struct tl_filter *f,
                          const struct tl_compare_only *only)
{
    add_list(sql, "unit", only->n_units);
    add_list(sql, "session_id", only->n_sessions);
    if (f->case_name)
        tl_buffer_add_string(sql, " AND case_name = ?");
    if (f->unit)
        tl_buffer_add_string(sql, " AND unit = ?");
    if (f->signature_id)
        tl_buffer_add_string(sql, " AND signature_id = ?");
    if (f->since_us)
        tl_buffer_printf(sql, " AND started_us >= %lld", (long long)f->since_us);
    const char *glue = " AND outcome IN (";
    for (int o = 0; f->outcomes && o < TL_OUTCOME_COUNT; o++)
        if (f->outcomes & 1u << o) {
            tl_buffer_printf(sql, "%s'%s'", glue, tl_outcome_name((enum tl_outcome)o));
            glue = ", ";
        }
    if (f->outcomes)
        tl_buffer_add_string(sql, ")");
}

static void bind_selection(sqlite3_stmt *st, const struct tl_filter *f, const struct tl_compare_only *only)
{
    int at = 1;
    for (size_t i = 0; i < only->n_units; i++)
        tl_sql_bind(st, at++, only->units[i]);
    for (size_t i = 0; i < only->n_sessions; i++)
        tl_sql_bind(st, at++, only->sessions[i]);
    if (f->case_name)
        tl_sql_bind(st, at++, f->case_name);
    if (f->unit)
        tl_sql_bind(st, at++, f->unit);
    if (f->signature_id)
        tl_sql_bind(st, at++, f->signature_id);
}

static const char *text(sqlite3_stmt *st, int column)
{
    return (const char *)sqlite3_column_text(st, column);
}

static int report(struct tl_store *s, sqlite3_stmt *st, tl_compare_found found, void *arg, struct tl_error *e)
{
    char *result;
    if (tl_unpack(&s->packer, st, 19, -1, &result, NULL))
        return tl_fail(e, TL_ERROR_INPUT, what_, text(st, 0),
                       "the result of this trial is damaged; run `trapline db check`");
    const struct tl_comparable t = {
        .id = text(st, 0),
        .case_name = text(st, 1),
        .case_hash = text(st, 2),
        .variant_hash = text(st, 3),
        .variant = text(st, 4),
        .unit = text(st, 5),
        .machine_id = text(st, 6),
        .machine_name = text(st, 7),
        .session_id = text(st, 8),
        .runtime_version = text(st, 9),
        .os_build = text(st, 10),
        .outcome = tl_sql_outcome(st, 11),
        .phase = tl_sql_phase(st, 12),
        .signal = sqlite3_column_int(st, 13),
        .signature_id = text(st, 14),
        .title = text(st, 15),
        .coarse_id = text(st, 16),
        .wall_seconds = sqlite3_column_double(st, 17),
        .peak_rss = (uint64_t)sqlite3_column_int64(st, 18),
        .fresh = sqlite3_column_int(st, 20),
        .result = result,
    };
    int stop = found(arg, &t, e);
    free(result);
    return stop;
}

int tl_query_comparable(struct tl_store *s, const struct tl_filter *f, const struct tl_compare_only *only,
                        tl_compare_found found, void *arg, struct tl_error *e)
{
    struct tl_buffer sql = TL_BUFFER_INIT;
    /* Row numbers are sorted, not rows: results may be long. The limit makes SQLite keep the order. */
    tl_buffer_add_string(
        &sql,
        "SELECT t.id, t.case_name, t.case_hash, t.variant_hash, v.json, t.unit, "
        "coalesce(n.machine_id, z.machine_id), m.name, t.session_id, n.runtime_version, n.os_build, "
        "t.outcome, t.phase, t.signal, t.signature_id, g.title, g.coarse_id, t.wall_s, t.peak_rss, t.result, "
        "t.fresh "
        "FROM (SELECT n AS number FROM trial WHERE outcome <> 'lost'");
    add_selection(&sql, f, only);
    tl_buffer_add_string(
        &sql, " ORDER BY case_name, case_hash, variant_hash, unit, started_us, n LIMIT 9000000000000000000) "
              "CROSS JOIN trial t ON t.n = number LEFT JOIN variant v ON v.hash = t.variant_hash "
              "LEFT JOIN environment n ON n.id = t.environment_id LEFT JOIN session z ON z.id = t.session_id "
              "LEFT JOIN machine m ON m.id = coalesce(n.machine_id, z.machine_id) "
              "LEFT JOIN signature g ON g.id = t.signature_id");
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(s->db, sql.data, -1, &st, NULL), stop = 0;
    tl_buffer_free(&sql);
    if (rc != SQLITE_OK)
        return tl_sql_fail(e, s->db, rc, what_);
    bind_selection(st, f, only);
    while (!stop && (rc = sqlite3_step(st)) == SQLITE_ROW)
        stop = report(s, st, found, arg, e);
    sqlite3_finalize(st);
    return stop ? -1 : rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, what_);
}

static int query_sides(struct tl_store *s, const char *sql, struct tl_compare_sides *sides,
                       struct tl_error *e)
{
    *sides = (struct tl_compare_sides){0, NULL};
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return tl_sql_fail(e, s->db, rc, what_);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        sides->list = tl_realloc(sides->list, sides->n + 1, sizeof *sides->list);
        struct tl_compare_side *x = &sides->list[sides->n++];
        memset(x, 0, sizeof *x);
        tl_sql_copy(st, 0, x->id, sizeof x->id);
        x->name = tl_sql_dup(st, 1);
        x->started_us = sqlite3_column_int64(st, 2);
    }
    sqlite3_finalize(st);
    if (rc == SQLITE_DONE)
        return 0;
    tl_compare_sides_free(sides);
    return tl_sql_fail(e, s->db, rc, what_);
}

int tl_query_machines(struct tl_store *s, struct tl_compare_sides *sides, struct tl_error *e)
{
    return query_sides(s, "SELECT id, name, 0 FROM machine ORDER BY name, id", sides, e);
}

int tl_query_sessions(struct tl_store *s, struct tl_compare_sides *sides, struct tl_error *e)
{
    return query_sides(s,
                       "SELECT id, command, started_us FROM session z WHERE EXISTS (SELECT 1 FROM trial "
                       "WHERE session_id = z.id) ORDER BY started_us DESC, id DESC",
                       sides, e);
}

void tl_compare_sides_free(struct tl_compare_sides *sides)
{
    for (size_t i = 0; i < sides->n; i++)
        free(sides->list[i].name);
    free(sides->list);
    *sides = (struct tl_compare_sides){0, NULL};
}
