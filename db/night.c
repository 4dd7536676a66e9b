#include "db/night.h"

#include "db/group.h"
#include "db/imported.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/trial_row.h"
#include "db/values.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <stdlib.h>
#include <string.h>

static const char cannot_begin[] = "cannot begin a night";
static const char cannot_end[] = "cannot store a night";
static const char cannot_read[] = "cannot read nights";

void tl_night_free(struct tl_night *n)
{
    free(n->suite);
    *n = (struct tl_night){0};
}

void tl_night_cell_free(struct tl_night_cell *c)
{
    free(c->case_name);
    free(c->unit);
    free(c->runner_device);
    free(c->continues);
    free(c->seconds);
    free(c->memory);
    free(c->loaded);
    json_decref(c->failures);
    json_decref(c->environment);
    json_decref(c->since);
    *c = (struct tl_night_cell){0};
}

void tl_night_cells_free(struct tl_night_cells *l)
{
    for (size_t i = 0; i < l->n; i++)
        tl_night_cell_free(&l->list[i]);
    free(l->list);
    *l = (struct tl_night_cells){0, NULL};
}

/* --- beginning and ending ------------------------------------------------------------------------------- */

struct newest_row {
    char id[TL_UUID_SIZE];
    int64_t n, started_us;
    bool resumable;
};

/* The newest night of the suite here: its id, n and started_us when it may be gone on with; only n otherwise.
 */
static int newest(struct tl_store *s, const char *plan, struct tl_night *night, bool *resumed,
                  struct tl_error *e)
{
    static const struct tl_column columns[] = {
        TL_COLUMN(struct newest_row, id, "id"),
        TL_COLUMN(struct newest_row, n, "n"),
        TL_COLUMN(struct newest_row, started_us, "started_us"),
        TL_COLUMN(struct newest_row, resumable, "ended_us IS NULL AND plan = ?3"),
        {0},
    };
    struct tl_rows q;
    struct newest_row r = {.n = 0};
    if (tl_rows_open(&q, s, columns,
                     "FROM night WHERE suite = ?1 AND machine_id = ?2 ORDER BY n DESC, id DESC LIMIT 1",
                     cannot_begin, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(night->suite), TL_TEXT(night->machine_id), TL_TEXT(plan));
    tl_rows_next(&q, &r);
    night->n = r.n;
    *resumed = r.resumable;
    if (r.resumable) {
        memcpy(night->id, r.id, sizeof r.id);
        night->started_us = r.started_us;
    }
    return tl_rows_close(&q, 0, e);
}

static int insert_night(struct tl_store *s, struct tl_night *night, const char *plan, struct tl_error *e)
{
    tl_uuid7(night->id);
    night->n++;
    night->started_us = tl_wall_us();
    return TL_RUN(s, "INSERT INTO night(id, suite, machine_id, n, plan, started_us) VALUES(?,?,?,?,?,?)",
                  cannot_begin, e, TL_TEXT(night->id), TL_TEXT(night->suite), TL_TEXT(night->machine_id),
                  TL_INTEGER(night->n), TL_TEXT(plan), TL_INTEGER(night->started_us));
}

int tl_night_begin(struct tl_store *s, const char *suite, const char *machine_id, const char plan[TL_ID_SIZE],
                   const char *boot, struct tl_night *night, bool *resumed, struct tl_error *e)
{
    *night = (struct tl_night){.suite = tl_strdup(suite)};
    *resumed = false;
    snprintf(night->machine_id, sizeof night->machine_id, "%s", machine_id);
    if (tl_store_flush(s, e) || tl_store_group(s, e))
        return -1;
    if (newest(s, plan, night, resumed, e) || (!*resumed && insert_night(s, night, plan, e)) ||
        TL_RUN(s, "INSERT INTO night_session(session_id, night_id, boot) VALUES(?,?,?)", cannot_begin, e,
               TL_TEXT(s->session_id), TL_TEXT(night->id), TL_ID(boot)))
        return tl_store_undo(s);
    return tl_store_flush(s, e);
}

static char *numbers_text(const double *list, size_t n)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "[");
    for (size_t i = 0; i < n; i++)
        tl_buffer_printf(&b, "%s%.9g", i ? "," : "", list[i]);
    tl_buffer_add_string(&b, "]");
    return tl_buffer_take(&b);
}

static int insert_cell(struct tl_store *s, const struct tl_night *night, const struct tl_night_cell *c,
                       struct tl_error *e)
{
    static const char sql[] = "INSERT INTO night_cell(night_id, suite, machine_id, n, case_name, case_hash, "
                              "variant_hash, unit, lane, "
                              "continues, changed, class, passed, failed, refused, unsupported, lost, fresh, "
                              "failures, seconds, memory, environment, "
                              "since, since_nights, since_passed, since_failed, since_refused) "
                              "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
    char *failures = json_dumps(c->failures, JSON_COMPACT),
         *environment = json_dumps(c->environment, JSON_COMPACT | JSON_SORT_KEYS),
         *since = json_dumps(c->since, JSON_COMPACT), *seconds = numbers_text(c->seconds, c->n_seconds),
         *memory = numbers_text(c->memory, c->n_memory);
    int result = tl_values_run_kept(
        s, TL_ST_NIGHT_CELL, sql,
        TL_VALUES(TL_TEXT(night->id), TL_TEXT(night->suite), TL_TEXT(night->machine_id), TL_INTEGER(night->n),
                  TL_TEXT(c->case_name), TL_TEXT(c->case_hash), TL_TEXT(c->variant_hash), TL_TEXT(c->unit),
                  TL_TEXT(c->runner_device), TL_TEXT(c->continues), TL_INTEGER(c->changed), TL_TEXT(c->class),
                  TL_INTEGER(c->passed), TL_INTEGER(c->failed), TL_INTEGER(c->refused),
                  TL_INTEGER(c->unsupported), TL_INTEGER(c->lost), TL_INTEGER(c->fresh), TL_TEXT(failures),
                  TL_TEXT(seconds), TL_TEXT(memory), TL_TEXT(environment), TL_TEXT(since),
                  TL_INTEGER(c->since_nights), TL_INTEGER(c->since_passed), TL_INTEGER(c->since_failed),
                  TL_INTEGER(c->since_refused)),
        cannot_end, e);
    free(failures);
    free(environment);
    free(since);
    free(seconds);
    free(memory);
    return result;
}

static int insert_cells(struct tl_store *s, const struct tl_night *night, const struct tl_night_cell *cells,
                        size_t n, struct tl_error *e)
{
    int result = TL_RUN(s, "DELETE FROM night_cell WHERE night_id = ?", cannot_end, e, TL_TEXT(night->id));
    for (size_t i = 0; i < n && !result; i++)
        result = insert_cell(s, night, &cells[i], e);
    return result;
}

/* In meta, which stays with this file when databases are merged: it is this machine that has to notify. The
 * key is stored, and keeps the word of the version that wrote it. */
#define NOT_NOTIFIED "'untold night of ' || "
/* Likewise of one of which everybody was notified, and of which not all could be written. */
#define NOT_WRITTEN "'unwritten night of ' || "

static int mark_not_notified(struct tl_store *s, const struct tl_night *night, struct tl_error *e)
{
    return TL_RUN(s, "INSERT OR REPLACE INTO meta(key, value) VALUES(" NOT_NOTIFIED "?, ?)", cannot_end, e,
                  TL_TEXT(night->suite), TL_TEXT(night->id));
}

int tl_night_not_notified(struct tl_store *s, const char *suite, const char *machine_id,
                          const char plan[TL_ID_SIZE], char id[TL_UUID_SIZE], bool *notified,
                          struct tl_error *e)
{
    sqlite3_stmt *st =
        tl_sql_prepare(s->db,
                       "SELECT n.id, key <> " NOT_NOTIFIED
                       "?1 FROM meta JOIN night n ON n.id = value WHERE key IN (" NOT_NOTIFIED
                       "?1, " NOT_WRITTEN "?1) AND n.suite = ?1 AND n.machine_id = ?2 AND n.plan = ?3 AND "
                       "n.document IS NOT NULL ORDER BY n.n DESC, 2 LIMIT 1",
                       cannot_begin, e);
    *id = '\0';
    *notified = false;
    if (!st)
        return -1;
    TL_BIND(s, st, TL_TEXT(suite), TL_TEXT(machine_id), TL_TEXT(plan));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        tl_sql_copy(st, 0, id, TL_UUID_SIZE);
    *notified = rc == SQLITE_ROW && sqlite3_column_int(st, 1);
    int result = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, cannot_begin);
    sqlite3_finalize(st);
    return result;
}

int tl_night_notified(struct tl_store *s, const char *suite, const char *unwritten, struct tl_error *e)
{
    if (tl_store_flush(s, e) || tl_store_group(s, e))
        return -1;
    if (TL_RUN(s, "DELETE FROM meta WHERE key IN (" NOT_NOTIFIED "?1, " NOT_WRITTEN "?1)", cannot_end, e,
               TL_TEXT(suite)) ||
        (unwritten && TL_RUN(s, "INSERT INTO meta(key, value) VALUES(" NOT_WRITTEN "?1, ?2)", cannot_end, e,
                             TL_TEXT(suite), TL_TEXT(unwritten))))
        return tl_store_undo(s);
    return tl_store_flush(s, e);
}

int tl_night_end(struct tl_store *s, struct tl_night *night, const struct tl_night_cell *cells, size_t n,
                 const json_t *document, struct tl_error *e)
{
    if (tl_store_flush(s, e) || tl_store_group(s, e))
        return -1;
    int64_t ended_us = tl_wall_us();
    if (ended_us <= night->started_us) /* the clock was set back meanwhile */
        ended_us = night->started_us + 1;
    char *text = json_dumps(document, JSON_COMPACT);
    int result = TL_RUN(s, "UPDATE night SET ended_us = ?, document = ? WHERE id = ?", cannot_end, e,
                        TL_INTEGER(ended_us), TL_TEXT(text), TL_TEXT(night->id));
    free(text);
    if (result || insert_cells(s, night, cells, n, e) || mark_not_notified(s, night, e))
        return tl_store_undo(s);
    if (tl_store_flush(s, e))
        return -1;
    night->ended_us = ended_us;
    night->complete = true;
    return 0;
}

/* --- reading -------------------------------------------------------------------------------------------- */

int tl_night_trials(struct tl_store *s, const struct tl_night *night, tl_trial_row_found found, void *arg,
                    struct tl_error *e)
{
    struct tl_rows q;
    if (tl_store_flush(s, e) ||
        tl_trials_open(&q, s, tl_row_columns,
                       "id case_hash variant_hash unit environment_id signature_id coarse_id title message "
                       "boot outcome phase started_us signal fresh peak_rss seconds stopped",
                       "FROM trial",
                       "WHERE trial.session_id IN (SELECT session_id FROM "
                       "night_session WHERE night_id = ?) AND " TL_NOT_IMPORTED(
                           "trial.") " ORDER BY trial.started_us, trial.n",
                       cannot_read, e))
        return -1;
    tl_sql_bind(q.st, 1, night->id);
    return tl_trial_rows_each(&q, found, arg, e);
}

static double *numbers_of(const char *text, size_t *n)
{
    json_t *list = json_loads(text ? text : "[]", 0, NULL), *v;
    double *numbers = tl_calloc(json_array_size(list) + 1, sizeof *numbers);
    size_t i;
    *n = json_array_size(list);
    json_array_foreach(list, i, v)
        numbers[i] = json_number_value(v);
    json_decref(list);
    return numbers;
}

static json_t *document_of(const char *text, json_t *otherwise) /* takes it */
{
    json_t *j = json_loads(text ? text : "", 0, NULL);
    if (!j || json_typeof(j) != json_typeof(otherwise)) {
        json_decref(j);
        return otherwise;
    }
    json_decref(otherwise);
    return j;
}

struct cell_row {
    struct tl_night_cell c;
    const char *failures, *seconds, *memory, *environment, *since;
};

static const struct tl_column cell_columns[] = {
    TL_COLUMN(struct cell_row, c.case_name, "c.case_name"),
    TL_COLUMN(struct cell_row, c.case_hash, "c.case_hash"),
    TL_COLUMN(struct cell_row, c.variant_hash, "c.variant_hash"),
    TL_COLUMN(struct cell_row, c.unit, "c.unit"),
    TL_COLUMN(struct cell_row, c.runner_device, "c.lane"),
    TL_COLUMN(struct cell_row, c.continues, "c.continues"),
    TL_COLUMN_AS(struct cell_row, c.changed, TL_COLUMN_INTEGER, "c.changed"),
    TL_COLUMN(struct cell_row, c.loaded, "c.class"),
    TL_COLUMN(struct cell_row, c.passed, "c.passed"),
    TL_COLUMN(struct cell_row, c.failed, "c.failed"),
    TL_COLUMN(struct cell_row, c.refused, "c.refused"),
    TL_COLUMN(struct cell_row, c.unsupported, "c.unsupported"),
    TL_COLUMN(struct cell_row, c.lost, "c.lost"),
    TL_COLUMN(struct cell_row, c.fresh, "c.fresh"),
    TL_COLUMN(struct cell_row, failures, "c.failures"),
    TL_COLUMN(struct cell_row, seconds, "c.seconds"),
    TL_COLUMN(struct cell_row, memory, "c.memory"),
    TL_COLUMN(struct cell_row, environment, "c.environment"),
    TL_COLUMN(struct cell_row, c.night_id, "c.night_id"),
    TL_COLUMN(struct cell_row, c.n, "c.n"),
    TL_COLUMN(struct cell_row, c.started_us, "n.started_us"),
    TL_COLUMN(struct cell_row, since, "c.since"),
    TL_COLUMN(struct cell_row, c.since_nights, "c.since_nights"),
    TL_COLUMN(struct cell_row, c.since_passed, "c.since_passed"),
    TL_COLUMN(struct cell_row, c.since_failed, "c.since_failed"),
    TL_COLUMN(struct cell_row, c.since_refused, "c.since_refused"),
    {0},
};

static struct tl_night_cell cell_of(const struct cell_row *row)
{
    struct tl_night_cell c = row->c;
    c.class = c.loaded;
    c.failures = document_of(row->failures, json_array());
    c.environment = document_of(row->environment, json_object());
    c.since = document_of(row->since, json_object());
    c.seconds = numbers_of(row->seconds, &c.n_seconds);
    c.memory = numbers_of(row->memory, &c.n_memory);
    return c;
}

int tl_night_history(struct tl_store *s, const struct tl_night *night, const char *case_name,
                     const char *case_hash, const char *variant_hash, const char *runner_device, size_t most,
                     struct tl_night_cells *cells, struct tl_error *e)
{
    *cells = (struct tl_night_cells){0, NULL};
    struct tl_rows q;
    if (tl_rows_open(
            &q, s, cell_columns,
            "FROM night_cell c INDEXED BY night_cell_history CROSS JOIN night n ON n.id = c.night_id "
            "WHERE c.case_name = ?1 AND c.variant_hash = ?2 AND c.lane = ?3 AND c.case_hash = ?4 AND "
            "c.suite = ?5 AND c.machine_id = ?6 AND c.night_id <> ?7 AND c.n <= ?8 ORDER BY c.n DESC "
            "LIMIT ?9",
            cannot_read, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(case_name), TL_TEXT(variant_hash), TL_TEXT(runner_device), TL_TEXT(case_hash),
            TL_TEXT(night->suite), TL_TEXT(night->machine_id), TL_TEXT(night->id), TL_INTEGER(night->n),
            TL_INTEGER(most));
    struct cell_row row = {0};
    while (tl_rows_next(&q, &row)) {
        *TL_GROW(cells->list, cells->n) = cell_of(&row);
    }
    if (!tl_rows_close(&q, 0, e))
        return 0;
    tl_night_cells_free(cells);
    return -1;
}

/* Nights of a suite on a machine in the order of their count, whatever the clock did; those of several by
 * their time, which for this never goes back. */
#define NIGHTS_IN_ORDER                                                                                      \
    "(SELECT id, suite, machine_id, n, document IS NOT NULL AS ended, max(started_us) OVER (PARTITION BY "   \
    "suite, machine_id ORDER BY n, id) AS at FROM night)"

/* Of a query whose only column is the document. */
static json_t *first_document(sqlite3_stmt *st)
{
    return document_of((const char *)sqlite3_column_text(st, 0), json_object());
}

static int add_documents(struct tl_store *s, sqlite3_stmt *st, json_t **list, struct tl_error *e)
{
    int rc;
    *list = json_array();
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        json_array_append_new(*list, first_document(st));
    sqlite3_finalize(st);
    if (rc == SQLITE_DONE)
        return 0;
    json_decref(*list);
    *list = NULL;
    return tl_sql_fail(e, s->db, rc, cannot_read);
}

static sqlite3_stmt *prepare_list(struct tl_store *s, const char *suite, const char *machine_id,
                                  const char *case_name, size_t limit, struct tl_error *e)
{
    sqlite3_stmt *st =
        tl_sql_prepare(s->db,
                       "SELECT (SELECT document FROM night WHERE id = o.id) FROM " NIGHTS_IN_ORDER
                       " o WHERE ended AND (?1 IS NULL OR suite = ?1) AND (?2 IS NULL OR machine_id = ?2) "
                       "AND (?3 IS NULL OR "
                       "EXISTS (SELECT 1 FROM night_cell WHERE night_id = o.id AND case_name = ?3)) "
                       "ORDER BY at DESC, suite, machine_id, n DESC, id DESC LIMIT ?4",
                       cannot_read, e);
    if (st)
        TL_BIND(s, st, TL_TEXT(suite), TL_TEXT(machine_id), TL_TEXT(case_name),
                TL_INTEGER(limit ? (int64_t)limit : -1));
    return st;
}

int tl_night_list(struct tl_store *s, const char *suite, const char *machine_id, const char *case_name,
                  size_t limit, json_t **list, struct tl_error *e)
{
    *list = NULL;
    sqlite3_stmt *st = prepare_list(s, suite, machine_id, case_name, limit, e);
    return st ? add_documents(s, st, list, e) : -1;
}

int tl_night_each(struct tl_store *s, size_t limit, tl_night_found found, void *arg, struct tl_error *e)
{
    int rc = SQLITE_DONE, stop = 0;
    sqlite3_stmt *st = prepare_list(s, NULL, NULL, NULL, limit, e);
    if (!st)
        return -1;
    while (!stop && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        json_t *night = first_document(st);
        stop = found(arg, night, e);
        json_decref(night);
    }
    sqlite3_finalize(st);
    return stop ? -1 : rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, cannot_read);
}

int tl_night_newest(struct tl_store *s, size_t limit, json_t **list, struct tl_error *e)
{
    *list = NULL;
    sqlite3_stmt *st = tl_sql_prepare(
        s->db,
        "SELECT document FROM night o WHERE document IS NOT NULL AND NOT EXISTS (SELECT 1 FROM night WHERE "
        "suite = o.suite AND machine_id = o.machine_id AND document IS NOT NULL AND (n, id) > (o.n, o.id)) "
        "ORDER BY started_us DESC, id DESC LIMIT ?",
        cannot_read, e);
    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, limit ? (int64_t)limit : -1);
    return add_documents(s, st, list, e);
}

int tl_night_load(struct tl_store *s, const char *id, json_t **document, struct tl_error *e)
{
    char *text;
    size_t n;
    *document = NULL;
    if (!tl_sql_begins_id(id))
        return 0;
    if (tl_sql_document(s->db, "night", id, &text, &n, cannot_read, e))
        return -1;
    if (n == 1)
        *document = document_of(text, json_object());
    free(text);
    return n > 1 ? tl_fail(e, TL_ERROR_INPUT, "several nights begin like that", id, "give more of the id")
                 : 0;
}

/* One variant of a case in one night: the objects of both, which SQLite makes. */
struct history_row {
    const char *id, *night, *cell;
};

static const struct tl_column history_columns[] = {
    TL_COLUMN(struct history_row, id, "n.id"),
    TL_COLUMN(struct history_row, night,
              "json_object('night', n.id, 'n', n.n, 'suite', n.suite, 'machine', m.name, 'started_us', "
              "n.started_us, 'cells', json_array())"),
    TL_COLUMN(
        struct history_row, cell,
        "json_object('unit', c.unit, 'class', c.class, 'changed', c.changed, 'variant', "
        "json(iif(json_valid(v.json), v.json, '{}')), 'passed', c.passed, 'failed', c.failed, 'refused', "
        "c.refused, 'unsupported', c.unsupported, 'lost', c.lost)"),
    {0},
};

int tl_night_case_history(struct tl_store *s, const char *case_name, json_t **list, struct tl_error *e)
{
    *list = NULL;
    struct tl_rows q;
    if (tl_rows_open(
            &q, s, history_columns,
            "FROM night_cell c JOIN night n ON n.id = c.night_id JOIN " NIGHTS_IN_ORDER
            " o ON o.id = n.id LEFT JOIN machine m ON m.id = n.machine_id LEFT JOIN variant v ON "
            "v.hash = c.variant_hash WHERE c.case_name = ? ORDER BY o.at, n.suite, n.machine_id, n.n, "
            "n.id, c.unit, v.json",
            cannot_read, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(case_name));
    struct history_row r;
    char id[TL_UUID_SIZE] = "";
    *list = json_array();
    while (tl_rows_next(&q, &r)) {
        if (strcmp(id, r.id))
            json_array_append_new(*list, document_of(r.night, json_object()));
        snprintf(id, sizeof id, "%s", r.id);
        json_t *night = json_array_get(*list, json_array_size(*list) - 1);
        json_array_append_new(json_object_get(night, "cells"), document_of(r.cell, json_object()));
    }
    if (!tl_rows_close(&q, 0, e))
        return 0;
    json_decref(*list);
    *list = NULL;
    return -1;
}
