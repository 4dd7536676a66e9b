/* Selections of trials for `compare`: which ones, in which order, and what the sides can be. */
#include "db/compare.h"

#include "db/imported.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/trial_row.h"
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

int tl_query_comparable(struct tl_store *s, const struct tl_filter *f, const struct tl_compare_only *only,
                        tl_trial_row_found found, void *arg, struct tl_error *e)
{
    static const char wanted[] =
        "id case_name case_hash variant_hash variant unit machine_id machine_name session_id runtime_version "
        "versions "
        "os_build outcome phase signal signature_id title coarse_id wall_seconds peak_rss result fresh";
    struct tl_buffer sql = TL_BUFFER_INIT;
    struct tl_rows q;
    /* Row numbers are sorted, not rows: results may be long. The limit makes SQLite keep the order. */
    tl_buffer_add_string(&sql,
                         "FROM (SELECT n AS number FROM trial WHERE outcome <> 'lost' AND " TL_NOT_IMPORTED(
                             "") " AND NOT EXISTS (SELECT 1 FROM set_aside WHERE trial_id = trial.id)");
    add_selection(&sql, f, only);
    tl_buffer_add_string(
        &sql, " ORDER BY case_name, case_hash, variant_hash, unit, started_us, n LIMIT 9000000000000000000) "
              "CROSS JOIN trial ON trial.n = number");
    int stop = tl_trials_open(&q, s, tl_row_columns, wanted, sql.data, "", what_, e);
    tl_buffer_free(&sql);
    if (stop)
        return -1;
    bind_selection(q.st, f, only);
    struct tl_trial_row t = {0};
    while (!stop && tl_rows_next(&q, &t)) {
        stop = q.damaged ? tl_fail(e, TL_ERROR_INPUT, what_, t.id,
                                   "the result of this trial is damaged; run `trapline db check`")
                         : found(arg, &t, e);
        tl_trial_row_free(&t);
    }
    return tl_rows_close(&q, stop, e);
}

static int query_sides(struct tl_store *s, const char *name, const char *started, const char *rest,
                       struct tl_compare_sides *sides, struct tl_error *e)
{
    const struct tl_column columns[] = {
        TL_COLUMN(struct tl_compare_side, id, "id"),
        TL_COLUMN(struct tl_compare_side, name, name),
        TL_COLUMN(struct tl_compare_side, started_us, started),
        {0},
    };
    *sides = (struct tl_compare_sides){0, NULL};
    struct tl_rows q;
    if (tl_rows_open(&q, s, columns, rest, what_, e))
        return -1;
    sides->list = tl_rows_all(&q, sizeof *sides->list, &sides->n);
    if (!tl_rows_close(&q, 0, e))
        return 0;
    tl_compare_sides_free(sides);
    return -1;
}

int tl_query_machines(struct tl_store *s, struct tl_compare_sides *sides, struct tl_error *e)
{
    return query_sides(s, "name", "0", "FROM machine ORDER BY name, id", sides, e);
}

int tl_query_sessions(struct tl_store *s, struct tl_compare_sides *sides, struct tl_error *e)
{
    return query_sides(s, "command", "started_us",
                       "FROM session z WHERE EXISTS (SELECT 1 FROM trial WHERE session_id = z.id) "
                       "ORDER BY started_us DESC, id DESC",
                       sides, e);
}

void tl_compare_sides_free(struct tl_compare_sides *sides)
{
    for (size_t i = 0; i < sides->n; i++)
        free(sides->list[i].name);
    free(sides->list);
    *sides = (struct tl_compare_sides){0, NULL};
}
