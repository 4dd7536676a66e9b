/* Selections of trials for `compare`, and what the sides can be. A selection is one walk through a table, in its own order, and
 * nothing is joined: to sort a million trials, or to look up what each refers to, would take several times as long. */
#include "db/compare.h"

#include "db/imported.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/trial_row.h"
#include "db/values.h"
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

struct row {
    struct tl_comparable t;
    struct tl_bytes result;
};

static const struct tl_column comparable_columns[] = {
    TL_COLUMN(struct row, t.n, "n"),
    TL_COLUMN(struct row, t.case_name, "case_name"),
    TL_COLUMN(struct row, t.case_hash, "case_hash"),
    TL_COLUMN(struct row, t.variant_hash, "variant_hash"),
    TL_COLUMN(struct row, t.unit, "unit"),
    TL_COLUMN(struct row, t.environment_id, "environment_id"),
    TL_COLUMN(struct row, t.session_id, "session_id"),
    TL_COLUMN(struct row, t.signature_id, "signature_id"),
    TL_COLUMN(struct row, t.message, "message"),
    TL_COLUMN(struct row, t.outcome, "outcome"),
    TL_COLUMN(struct row, t.phase, "phase"),
    TL_COLUMN_SIGNAL_OF(struct row, t.signal, ""),
    TL_COLUMN(struct row, t.fresh, "fresh"),
    TL_COLUMN(struct row, t.wall_seconds, "wall_s"),
    TL_COLUMN(struct row, t.peak_rss, "peak_rss"),
    TL_COLUMN(struct row, result, "result"),
    {0},
};

int tl_query_comparable(struct tl_store *s, const struct tl_filter *f, const struct tl_compare_only *only,
                        tl_comparable_found found, void *arg, struct tl_error *e)
{
    struct tl_buffer sql = TL_BUFFER_INIT;
    struct tl_rows q;
    tl_buffer_add_string(&sql, "FROM trial WHERE outcome <> 'lost' AND " TL_NOT_IMPORTED(
                                   "") " AND NOT EXISTS (SELECT 1 FROM set_aside WHERE trial_id = trial.id)");
    add_selection(&sql, f, only);
    int stop = tl_rows_open(&q, s, comparable_columns, sql.data, what_, e);
    tl_buffer_free(&sql);
    if (stop)
        return -1;
    bind_selection(q.st, f, only);
    struct row r = {0};
    while (!stop && tl_rows_next(&q, &r)) {
        r.t.result = r.result.data;
        r.t.result_size = r.result.size;
        r.t.packed = r.result.is_blob;
        stop = found(arg, &r.t, e);
    }
    return tl_rows_close(&q, stop, e);
}

int tl_query_referred(struct tl_store *s, int64_t n, tl_trial_row_found found, void *arg, struct tl_error *e)
{
    struct tl_rows q;
    if (tl_trials_open_kept(
            &q, s, TL_ST_READ_REFERRED, tl_row_columns,
            "variant unit title coarse_id machine_id machine_name runtime_version versions os_build",
            "FROM trial", "WHERE trial.n = ?", what_, e))
        return -1;
    TL_BIND(s, q.st, TL_INTEGER(n));
    return tl_trial_rows_each(&q, found, arg, e);
}

int tl_comparable_result(struct tl_store *s, const struct tl_comparable *t, char **text)
{
    const struct tl_bytes bytes = {t->result, t->result_size, t->packed};
    return tl_unpack(&s->packer, &bytes, TL_PACKED_BLOB, text, NULL);
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
