#include "db/night.h"

#include "db/group.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/trial_row.h"
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

/* Steps a statement that returns no rows, and releases it. */
static int finish(struct tl_store *s, sqlite3_stmt *st, const char *what, struct tl_error *e)
{
    int rc = sqlite3_step(st), result = rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, what);
    sqlite3_finalize(st);
    return result;
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
    tl_sql_bind(q.st, 1, night->suite);
    tl_sql_bind(q.st, 2, night->machine_id);
    tl_sql_bind(q.st, 3, plan);
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
    sqlite3_stmt *st = tl_sql_prepare(
        s->db, "INSERT INTO night(id, suite, machine_id, n, plan, started_us) VALUES(?,?,?,?,?,?)",
        cannot_begin, e);
    if (!st)
        return -1;
    tl_uuid7(night->id);
    night->n++;
    night->started_us = tl_wall_us();
    tl_sql_bind(st, 1, night->id);
    tl_sql_bind(st, 2, night->suite);
    tl_sql_bind(st, 3, night->machine_id);
    sqlite3_bind_int64(st, 4, night->n);
    tl_sql_bind(st, 5, plan);
    sqlite3_bind_int64(st, 6, night->started_us);
    return finish(s, st, cannot_begin, e);
}

int tl_night_begin(struct tl_store *s, const char *suite, const char *machine_id, const char plan[TL_ID_SIZE],
                   const char *boot, struct tl_night *night, bool *resumed, struct tl_error *e)
{
    *night = (struct tl_night){.suite = tl_strdup(suite)};
    *resumed = false;
    snprintf(night->machine_id, sizeof night->machine_id, "%s", machine_id);
    if (tl_store_flush(s, e) || tl_store_group(s, e))
        return -1;
    if (newest(s, plan, night, resumed, e) || (!*resumed && insert_night(s, night, plan, e)))
        return tl_store_undo(s);
    sqlite3_stmt *st = tl_sql_prepare(
        s->db, "INSERT INTO night_session(session_id, night_id, boot) VALUES(?,?,?)", cannot_begin, e);
    if (!st)
        return tl_store_undo(s);
    tl_sql_bind(st, 1, s->session_id);
    tl_sql_bind(st, 2, night->id);
    tl_sql_bind_id(st, 3, boot);
    return finish(s, st, cannot_begin, e) ? tl_store_undo(s) : tl_store_flush(s, e);
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

static int insert_cell(struct tl_store *s, sqlite3_stmt *st, const struct tl_night *night,
                       const struct tl_night_cell *c, struct tl_error *e)
{
    char *failures = json_dumps(c->failures, JSON_COMPACT),
         *environment = json_dumps(c->environment, JSON_COMPACT | JSON_SORT_KEYS),
         *since = json_dumps(c->since, JSON_COMPACT), *seconds = numbers_text(c->seconds, c->n_seconds),
         *memory = numbers_text(c->memory, c->n_memory);
    /* In the order of the columns in insert_cells. */
    const char *const texts[] = {night->id,    night->suite,     night->machine_id,
                                 c->case_name, c->case_hash,     c->variant_hash,
                                 c->unit,      c->runner_device, c->continues,
                                 c->class,     failures,         seconds,
                                 memory,       environment,      since};
    const uint64_t numbers[] = {(uint64_t)night->n, c->changed,      c->passed,       c->failed,
                                c->refused,         c->unsupported,  c->lost,         c->fresh,
                                c->since_nights,    c->since_passed, c->since_failed, c->since_refused};
    for (int i = 0; i < 15; i++)
        tl_sql_bind(st, i + 1, texts[i]);
    for (int i = 0; i < 12; i++)
        sqlite3_bind_int64(st, 16 + i, (int64_t)numbers[i]);
    int result = tl_store_step(s, st, cannot_end, e);
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
    sqlite3_stmt *st = tl_sql_prepare(s->db, "DELETE FROM night_cell WHERE night_id = ?", cannot_end, e);
    if (!st)
        return -1;
    tl_sql_bind(st, 1, night->id);
    if (finish(s, st, cannot_end, e))
        return -1;
    st = tl_sql_prepare(
        s->db,
        "INSERT INTO night_cell(night_id, suite, machine_id, case_name, case_hash, variant_hash, unit, lane, "
        "continues, class, failures, seconds, memory, environment, since, "
        "n, changed, passed, failed, refused, unsupported, lost, fresh, "
        "since_nights, since_passed, since_failed, since_refused) "
        "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        cannot_end, e);
    int result = st ? 0 : -1;
    for (size_t i = 0; i < n && !result; i++)
        result = insert_cell(s, st, night, &cells[i], e);
    sqlite3_finalize(st);
    return result;
}

/* In meta, which stays with this file when databases are merged: it is this machine that has to notify. The
 * key is stored, and keeps the word of the version that wrote it. */
#define NOT_NOTIFIED "'untold night of ' || "

static int mark_not_notified(struct tl_store *s, const struct tl_night *night, struct tl_error *e)
{
    sqlite3_stmt *st = tl_sql_prepare(
        s->db, "INSERT OR REPLACE INTO meta(key, value) VALUES(" NOT_NOTIFIED "?, ?)", cannot_end, e);
    if (!st)
        return -1;
    tl_sql_bind(st, 1, night->suite);
    tl_sql_bind(st, 2, night->id);
    return finish(s, st, cannot_end, e);
}

int tl_night_not_notified(struct tl_store *s, const char *suite, const char *machine_id,
                          const char plan[TL_ID_SIZE], char id[TL_UUID_SIZE], struct tl_error *e)
{
    sqlite3_stmt *st =
        tl_sql_prepare(s->db,
                       "SELECT n.id FROM meta JOIN night n ON n.id = value WHERE key = " NOT_NOTIFIED
                       "?1 AND n.suite = ?1 AND n.machine_id = ?2 AND n.plan = ?3 AND n.document IS NOT NULL",
                       cannot_begin, e);
    *id = '\0';
    if (!st)
        return -1;
    tl_sql_bind(st, 1, suite);
    tl_sql_bind(st, 2, machine_id);
    tl_sql_bind(st, 3, plan);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        tl_sql_copy(st, 0, id, TL_UUID_SIZE);
    int result = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, cannot_begin);
    sqlite3_finalize(st);
    return result;
}

int tl_night_notified(struct tl_store *s, const char *suite, struct tl_error *e)
{
    sqlite3_stmt *st = tl_sql_prepare(s->db, "DELETE FROM meta WHERE key = " NOT_NOTIFIED "?", cannot_end, e);
    if (!st)
        return -1;
    tl_sql_bind(st, 1, suite);
    return finish(s, st, cannot_end, e);
}

int tl_night_end(struct tl_store *s, struct tl_night *night, const struct tl_night_cell *cells, size_t n,
                 const json_t *document, struct tl_error *e)
{
    if (tl_store_flush(s, e) || tl_store_group(s, e))
        return -1;
    int64_t ended_us = tl_wall_us();
    if (ended_us <= night->started_us) /* the clock was set back meanwhile */
        ended_us = night->started_us + 1;
    sqlite3_stmt *st =
        tl_sql_prepare(s->db, "UPDATE night SET ended_us = ?, document = ? WHERE id = ?", cannot_end, e);
    char *text = json_dumps(document, JSON_COMPACT);
    int result = -1;
    if (st) {
        sqlite3_bind_int64(st, 1, ended_us);
        tl_sql_bind(st, 2, text);
        tl_sql_bind(st, 3, night->id);
        result = finish(s, st, cannot_end, e);
    }
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
                       "night_session WHERE night_id = ?) ORDER BY trial.started_us, trial.n",
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
    json_array_foreach(list, i, v) numbers[i] = json_number_value(v);
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
    const char *const texts[] = {case_name,    variant_hash,      runner_device, case_hash,
                                 night->suite, night->machine_id, night->id};
    for (int i = 0; i < 7; i++)
        tl_sql_bind(q.st, i + 1, texts[i]);
    sqlite3_bind_int64(q.st, 8, night->n);
    sqlite3_bind_int64(q.st, 9, (int64_t)most);
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

int tl_night_list(struct tl_store *s, const char *suite, const char *machine_id, const char *case_name,
                  size_t limit, json_t **list, struct tl_error *e)
{
    *list = NULL;
    sqlite3_stmt *st =
        tl_sql_prepare(s->db,
                       "SELECT (SELECT document FROM night WHERE id = o.id) FROM " NIGHTS_IN_ORDER
                       " o WHERE ended AND (?1 IS NULL OR suite = ?1) AND (?2 IS NULL OR machine_id = ?2) "
                       "AND (?3 IS NULL OR "
                       "EXISTS (SELECT 1 FROM night_cell WHERE night_id = o.id AND case_name = ?3)) "
                       "ORDER BY at DESC, suite, machine_id, n DESC, id DESC LIMIT ?4",
                       cannot_read, e);
    if (!st)
        return -1;
    tl_sql_bind(st, 1, suite);
    tl_sql_bind(st, 2, machine_id);
    tl_sql_bind(st, 3, case_name);
    sqlite3_bind_int64(st, 4, limit ? (int64_t)limit : -1);
    return add_documents(s, st, list, e);
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
    *document = NULL;
    if (!tl_sql_begins_id(id))
        return 0;
    sqlite3_stmt *st = tl_sql_prepare(
        s->db,
        "SELECT document FROM night WHERE id >= ?1 AND id < ?1 || 'g' AND document IS NOT NULL LIMIT 2",
        cannot_read, e);
    if (!st)
        return -1;
    tl_sql_bind(st, 1, id);
    size_t n = 0;
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        if (n++ == 0)
            *document = first_document(st);
    int result = rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, cannot_read);
    sqlite3_finalize(st);
    if (!result && n > 1)
        result = tl_fail(e, TL_ERROR_INPUT, "several nights begin like that", id, "give more of the id");
    if (result) {
        json_decref(*document);
        *document = NULL;
    }
    return result;
}

/* One variant of a case in one night. */
struct history_row {
    const char *night, *suite, *machine, *unit, *class, *variant;
    int64_t n, started_us;
    int changed;
    int64_t counts[5];
};

static const char *const counted[] = {"passed", "failed", "refused", "unsupported", "lost"};

static const struct tl_column history_columns[] = {
    TL_COLUMN(struct history_row, night, "n.id"),
    TL_COLUMN(struct history_row, n, "n.n"),
    TL_COLUMN(struct history_row, suite, "n.suite"),
    TL_COLUMN(struct history_row, machine, "m.name"),
    TL_COLUMN(struct history_row, started_us, "n.started_us"),
    TL_COLUMN(struct history_row, unit, "c.unit"),
    TL_COLUMN(struct history_row, class, "c.class"),
    TL_COLUMN(struct history_row, changed, "c.changed"),
    TL_COLUMN(struct history_row, counts[0], "c.passed"),
    TL_COLUMN(struct history_row, counts[1], "c.failed"),
    TL_COLUMN(struct history_row, counts[2], "c.refused"),
    TL_COLUMN(struct history_row, counts[3], "c.unsupported"),
    TL_COLUMN(struct history_row, counts[4], "c.lost"),
    TL_COLUMN(struct history_row, variant, "v.json"),
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
    tl_sql_bind(q.st, 1, case_name);
    struct history_row r;
    json_t *night = NULL;
    *list = json_array();
    while (tl_rows_next(&q, &r)) {
        if (!night || strcmp(json_string_value(json_object_get(night, "night")), r.night)) {
            night = json_pack("{s:s,s:I,s:s,s:s?,s:I,s:[]}", "night", r.night, "n", (json_int_t)r.n, "suite",
                              r.suite, "machine", r.machine, "started_us", (json_int_t)r.started_us, "cells");
            json_array_append_new(*list, night);
        }
        json_t *cell = json_pack("{s:s,s:s,s:i,s:o}", "unit", r.unit, "class", r.class, "changed", r.changed,
                                 "variant", document_of(r.variant, json_object()));
        for (size_t i = 0; i < TL_COUNT(counted); i++)
            json_object_set_new(cell, counted[i], json_integer(r.counts[i]));
        json_array_append_new(json_object_get(night, "cells"), cell);
    }
    if (!tl_rows_close(&q, 0, e))
        return 0;
    json_decref(*list);
    *list = NULL;
    return -1;
}
