/* Lists. A list of trials is merged from one index range for each outcome, so that any combination of case,
 * unit and outcome walks no more rows than it returns (a few times over); pages go on after the last trial
 * shown, not by OFFSET. */
#include "db/query.h"
#include "db/imported.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/trial_row.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot list what is in the database";

#define DEFAULT_LIMIT 50

/* Named parameters: binding by name keeps the assembled statements simple. */
static void bind_named(sqlite3_stmt *st, const char *name, const char *text)
{
    int at = sqlite3_bind_parameter_index(st, name);
    if (at)
        tl_sql_bind(st, at, text);
}

static void bind_number(sqlite3_stmt *st, const char *name, int64_t v)
{
    int at = sqlite3_bind_parameter_index(st, name);
    if (at)
        sqlite3_bind_int64(st, at, v);
}

static int64_t limit_of(const struct tl_filter *f)
{
    return f->limit == 0 ? DEFAULT_LIMIT : f->limit > INT64_MAX ? INT64_MAX : (int64_t)f->limit;
}

static void bind_filter(sqlite3_stmt *st, const struct tl_filter *f)
{
    bind_named(st, ":case", f->case_name);
    bind_named(st, ":unit", f->unit);
    bind_named(st, ":signature", f->signature_id);
    bind_number(st, ":since", f->since_us);
    bind_number(st, ":limit", limit_of(f));
}

/* Place in the list of the trial that `after` names. */
static int find_after(struct tl_store *s, const char *id, int64_t *us, int64_t *n, struct tl_error *e)
{
    sqlite3_stmt *st = tl_sql_prepare(s->db, "SELECT started_us, n FROM trial WHERE id = ?", what_, e);
    if (!st)
        return -1;
    tl_sql_bind(st, 1, id);
    int rc = sqlite3_step(st);
    *us = sqlite3_column_int64(st, 0);
    *n = sqlite3_column_int64(st, 1);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        tl_sql_fail(e, s->db, rc, what_);
    else if (rc == SQLITE_DONE)
        tl_fail(e, TL_ERROR_INPUT, what_, id, "there is no trial of that id to go on after");
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? 0 : -1;
}

static void add_conditions(struct tl_buffer *sql, const struct tl_filter *f)
{
    if (f->case_name)
        tl_buffer_add_string(sql, " AND case_name = :case");
    if (f->unit)
        tl_buffer_add_string(sql, " AND unit = :unit");
    if (f->signature_id)
        tl_buffer_add_string(sql, " AND signature_id = :signature");
    if (f->own)
        tl_buffer_add_string(sql, " AND " TL_NOT_IMPORTED(""));
    if (f->since_us)
        tl_buffer_add_string(sql, " AND started_us >= :since");
    if (f->after)
        tl_buffer_add_string(sql, " AND (started_us, n) < (:after_us, :after_n)");
}

/* " AND COLUMN IN (…)" when some are asked for. */
static void add_outcomes(struct tl_buffer *sql, unsigned outcomes, const char *column)
{
    const char *glue = "";
    if (outcomes)
        tl_buffer_printf(sql, " AND %s IN (", column);
    for (int o = 0; o < TL_OUTCOME_COUNT; o++)
        if (outcomes & 1u << o) {
            tl_buffer_printf(sql, "%s'%s'", glue, tl_outcome_name((enum tl_outcome)o));
            glue = ",";
        }
    if (outcomes)
        tl_buffer_add_string(sql, ")");
}

/* The rows of the page as (started_us, n). */
static void add_page(struct tl_buffer *sql, const struct tl_filter *f)
{
    unsigned outcomes = f->outcomes ? f->outcomes : (1u << TL_OUTCOME_COUNT) - 1;
    const char *glue = "";
    if (f->signature_id) { /* one index holds them in order */
        tl_buffer_add_string(sql, "SELECT started_us, n FROM trial INDEXED BY trial_by_signature WHERE 1");
        add_outcomes(sql, f->outcomes, "outcome");
        add_conditions(sql, f);
        tl_buffer_add_string(sql, " ORDER BY started_us DESC, n DESC LIMIT :limit");
        return;
    }
    for (int o = 0; o < TL_OUTCOME_COUNT; o++) {
        if (!(outcomes & 1u << o))
            continue;
        const char *index = f->case_name ? (f->unit ? "trial_by_case_unit" : "trial_by_case")
                            : f->unit    ? "trial_by_unit"
                                         : "trial_by_outcome";
        tl_buffer_printf(
            sql, "%sSELECT * FROM (SELECT started_us, n FROM trial INDEXED BY %s WHERE outcome = '%s'", glue,
            index, tl_outcome_name((enum tl_outcome)o));
        add_conditions(sql, f);
        tl_buffer_add_string(sql, " ORDER BY started_us DESC, n DESC LIMIT :limit)");
        glue = " UNION ALL ";
    }
}

int tl_query_trials(struct tl_store *s, const struct tl_filter *f, struct tl_trial_lines *lines,
                    struct tl_error *e)
{
    *lines = (struct tl_trial_lines){0, NULL};
    int64_t after_us = 0, after_n = 0;
    if (f->after && find_after(s, f->after, &after_us, &after_n, e))
        return -1;
    struct tl_buffer sql = TL_BUFFER_INIT;
    struct tl_rows q;
    tl_buffer_add_string(&sql, "FROM (SELECT started_us AS us, n AS m FROM (");
    add_page(&sql, f);
    tl_buffer_add_string(&sql, ") ORDER BY us DESC, m DESC LIMIT :limit) CROSS JOIN trial ON trial.n = m");
    int failed = tl_trials_open(&q, s, tl_line_columns, NULL, sql.data, "ORDER BY us DESC, m DESC", what_, e);
    tl_buffer_free(&sql);
    if (failed)
        return -1;
    bind_filter(q.st, f);
    bind_number(q.st, ":after_us", after_us);
    bind_number(q.st, ":after_n", after_n);
    lines->list = tl_rows_all(&q, sizeof *lines->list, &lines->n);
    if (!tl_rows_close(&q, 0, e))
        return 0;
    tl_trial_lines_free(lines);
    return -1;
}

void tl_trial_lines_free(struct tl_trial_lines *lines)
{
    for (size_t i = 0; i < lines->n; i++) {
        free(lines->list[i].case_name);
        free(lines->list[i].unit);
        free(lines->list[i].variant);
        free(lines->list[i].title);
    }
    free(lines->list);
    *lines = (struct tl_trial_lines){0, NULL};
}

struct machine_name {
    char *name;
};

static const struct tl_column machine_columns[] = {TL_COLUMN(struct machine_name, name, "name"), {0}};

int tl_query_machine_names(struct tl_store *s, json_t **names, struct tl_error *e)
{
    struct tl_rows q;
    size_t n = 0;
    *names = NULL;
    if (tl_rows_open(&q, s, machine_columns,
                     "FROM (SELECT DISTINCT name FROM machine WHERE name <> '' ORDER BY name LIMIT 200)",
                     what_, e))
        return -1;
    struct machine_name *list = tl_rows_all(&q, sizeof *list, &n);
    *names = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(*names, json_string(list[i].name));
        free(list[i].name);
    }
    free(list);
    if (!tl_rows_close(&q, 0, e))
        return 0;
    json_decref(*names);
    *names = NULL;
    return -1;
}

static const struct tl_column runtime_columns[] = {
    TL_COLUMN(struct tl_runtime_use, sha256, "e.runtime_sha256"),
    TL_COLUMN(struct tl_runtime_use, last_us, "MAX(y.last_us)"),
    {0},
};

int tl_query_runtimes(struct tl_store *s, struct tl_runtime_uses *uses, struct tl_error *e)
{
    struct tl_rows q;
    *uses = (struct tl_runtime_uses){0};
    if (tl_rows_open(&q, s, runtime_columns,
                     "FROM summary y JOIN environment e ON e.id = y.environment_id "
                     "WHERE e.runtime_sha256 <> '' GROUP BY e.runtime_sha256",
                     what_, e))
        return -1;
    uses->list = tl_rows_all(&q, sizeof *uses->list, &uses->n);
    return tl_rows_close(&q, 0, e);
}

void tl_runtime_uses_free(struct tl_runtime_uses *uses)
{
    for (size_t i = 0; i < uses->n; i++)
        free(uses->list[i].sha256);
    free(uses->list);
    *uses = (struct tl_runtime_uses){0};
}

#define SUM_OUTCOME(o) TL_COLUMN(struct tl_sum, by_outcome[o], "o" #o)

static const struct tl_column sum_columns[] = {
    TL_COLUMN(struct tl_sum, name, "k"),
    TL_COLUMN(struct tl_sum, title, "g.title"),
    TL_COLUMN(struct tl_sum, coarse_id, "g.coarse_id"),
    TL_COLUMN(struct tl_sum, outcome, "g.outcome"),
    TL_COLUMN(struct tl_sum, phase, "g.phase"),
    TL_COLUMN_SIGNAL_OF(struct tl_sum, signal, "g."),
    TL_COLUMN(struct tl_sum, trials, "trials"),
    TL_COLUMN_AS(struct tl_sum, cases, TL_COLUMN_INTEGER, "cases"),
    TL_COLUMN_AS(struct tl_sum, units, TL_COLUMN_INTEGER, "units"),
    TL_COLUMN(struct tl_sum, first_us, "first_us"),
    TL_COLUMN(struct tl_sum, last_us, "last_us"),
    SUM_OUTCOME(0),
    SUM_OUTCOME(1),
    SUM_OUTCOME(2),
    SUM_OUTCOME(3),
    SUM_OUTCOME(4),
    SUM_OUTCOME(5),
    SUM_OUTCOME(6),
    SUM_OUTCOME(7),
    SUM_OUTCOME(8),
    {0},
};
_Static_assert(TL_OUTCOME_COUNT == 9, "a sum has a column for each outcome");

int tl_query_sums(struct tl_store *s, enum tl_sum_by by, const struct tl_filter *f, struct tl_sums *sums,
                  struct tl_error *e)
{
    static const char *const keys[] = {"case_name", "unit", "signature_id"};
    *sums = (struct tl_sums){0, NULL};
    struct tl_buffer sql = TL_BUFFER_INIT;
    struct tl_rows q;
    tl_buffer_printf(&sql,
                     "FROM (SELECT %s AS k, sum(trials) AS trials, count(DISTINCT case_name) AS cases, "
                     "count(DISTINCT unit) AS units, min(first_us) AS first_us, max(last_us) AS last_us",
                     keys[by]);
    for (int o = 0; o < TL_OUTCOME_COUNT; o++)
        tl_buffer_printf(&sql, ", sum(iif(outcome = '%s', trials, 0)) AS o%d",
                         tl_outcome_name((enum tl_outcome)o), o);
    tl_buffer_printf(&sql, " FROM tally WHERE %s <> ''", keys[by]);
    if (f->case_name)
        tl_buffer_add_string(&sql, " AND case_name = :case");
    if (f->unit)
        tl_buffer_add_string(&sql, " AND unit = :unit");
    if (f->signature_id)
        tl_buffer_add_string(&sql, " AND signature_id = :signature");
    if (f->since_us)
        tl_buffer_add_string(&sql, " AND last_us >= :since");
    add_outcomes(&sql, f->outcomes, "outcome");
    tl_buffer_printf(&sql,
                     " GROUP BY k ORDER BY last_us DESC, k LIMIT :limit) LEFT JOIN signature g ON g.id = %s "
                     "ORDER BY last_us DESC, k",
                     by == TL_SUM_SIGNATURE ? "k" : "NULL");
    int failed = tl_rows_open(&q, s, sum_columns, sql.data, what_, e);
    tl_buffer_free(&sql);
    if (failed)
        return -1;
    bind_filter(q.st, f);
    sums->list = tl_rows_all(&q, sizeof *sums->list, &sums->n);
    if (!tl_rows_close(&q, 0, e))
        return 0;
    tl_sums_free(sums);
    return -1;
}

void tl_sums_free(struct tl_sums *sums)
{
    for (size_t i = 0; i < sums->n; i++) {
        free(sums->list[i].name);
        free(sums->list[i].title);
        free(sums->list[i].coarse_id);
    }
    free(sums->list);
    *sums = (struct tl_sums){0, NULL};
}

static const struct tl_column cell_columns[] = {
    TL_COLUMN(struct tl_cell, case_name, "c.name"),
    TL_COLUMN(struct tl_cell, unit, "m.unit"),
    TL_COLUMN(struct tl_cell, variant, "v.json"),
    TL_COLUMN(struct tl_cell, case_hash, "m.case_hash"),
    TL_COLUMN(struct tl_cell, variant_hash, "m.variant_hash"),
    TL_COLUMN(struct tl_cell, environment_id, "m.environment_id"),
    TL_COLUMN(struct tl_cell, signature_id, "m.signature_id"),
    TL_COLUMN(struct tl_cell, title, "g.title"),
    TL_COLUMN(struct tl_cell, coarse_id, "g.coarse_id"),
    TL_COLUMN(struct tl_cell, outcome, "m.outcome"),
    TL_COLUMN(struct tl_cell, trials, "m.trials"),
    TL_COLUMN(struct tl_cell, fresh, "m.fresh"),
    TL_COLUMN(struct tl_cell, first_us, "m.first_us"),
    TL_COLUMN(struct tl_cell, last_us, "m.last_us"),
    {0},
};

int tl_query_cells(struct tl_store *s, const char *case_hash, const struct tl_filter *f,
                   struct tl_cells *cells, struct tl_error *e)
{
    *cells = (struct tl_cells){0, NULL};
    struct tl_buffer sql = TL_BUFFER_INIT;
    struct tl_rows q;
    tl_buffer_add_string(&sql,
                         "FROM summary m JOIN case_file c ON c.hash = m.case_hash LEFT JOIN variant v ON "
                         "v.hash = m.variant_hash LEFT JOIN signature g ON g.id = m.signature_id WHERE "
                         "m.case_hash ");
    tl_buffer_add_string(&sql, case_hash      ? "= :hash"
                               : f->case_name ? "IN (SELECT hash FROM case_file WHERE name = :case)"
                                              : "IS NOT NULL");
    if (f->unit)
        tl_buffer_add_string(&sql, " AND m.unit = :unit");
    if (f->signature_id)
        tl_buffer_add_string(&sql, " AND m.signature_id = :signature");
    if (f->since_us)
        tl_buffer_add_string(&sql, " AND m.last_us >= :since");
    add_outcomes(&sql, f->outcomes, "m.outcome");
    tl_buffer_add_string(&sql, " ORDER BY m.case_hash, m.variant_hash, m.unit, m.environment_id, m.outcome, "
                               "m.signature_id LIMIT :limit");
    int failed = tl_rows_open(&q, s, cell_columns, sql.data, what_, e);
    tl_buffer_free(&sql);
    if (failed)
        return -1;
    bind_filter(q.st, f);
    bind_named(q.st, ":hash", case_hash);
    cells->list = tl_rows_all(&q, sizeof *cells->list, &cells->n);
    if (!tl_rows_close(&q, 0, e))
        return 0;
    tl_cells_free(cells);
    return -1;
}

void tl_cells_free(struct tl_cells *cells)
{
    for (size_t i = 0; i < cells->n; i++) {
        free(cells->list[i].case_name);
        free(cells->list[i].unit);
        free(cells->list[i].variant);
        free(cells->list[i].title);
    }
    free(cells->list);
    *cells = (struct tl_cells){0, NULL};
}
