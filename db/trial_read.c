/* Rows become a record again. Text that does not parse (damage, or a file somebody made) leaves its part of
 * the record empty: what can be shown is shown. */
#include "db/group.h"
#include "db/query.h"
#include "db/sql.h"
#include "db/system_report.h"
#include "db/trial_row.h"
#include "db/values.h"
#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot read the trial";

#define CANDIDATES 8

/* Turns the beginning of an id into the id of the one trial that begins so. */
static int find_id(struct tl_store *s, const char *prefix, char id[TL_UUID_SIZE], struct tl_error *e)
{
    static const char unknown[] = "cannot find the trial";
    size_t n = strlen(prefix);
    char lower[TL_UUID_SIZE], end[TL_UUID_SIZE + 1];
    if (n == 0 || n >= TL_UUID_SIZE)
        return tl_fail(e, TL_ERROR_INPUT, unknown, prefix, "an id has 1 to %d characters", TL_UUID_SIZE - 1);
    for (size_t i = 0; i <= n; i++)
        lower[i] = prefix[i] >= 'A' && prefix[i] <= 'F' ? (char)(prefix[i] + 32) : prefix[i];
    snprintf(end, sizeof end, "%s~", lower); /* sorts after every digit */
    struct candidate {
        char id[TL_UUID_SIZE];
        const char *case_name, *unit, *outcome;
    } c;
    static const struct tl_column columns[] = {
        TL_COLUMN(struct candidate, id, "id"),
        TL_COLUMN(struct candidate, case_name, "case_name"),
        TL_COLUMN(struct candidate, unit, "unit"),
        TL_COLUMN(struct candidate, outcome, "outcome"),
        {0},
    };
    struct tl_rows q;
    if (tl_rows_open_kept(&q, s, TL_ST_READ_ID, columns,
                          "FROM trial WHERE id >= ? AND id < ? ORDER BY id LIMIT ?", what_, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(lower), TL_TEXT(end), TL_INTEGER(CANDIDATES + 1));
    struct tl_buffer list = TL_BUFFER_INIT;
    int found = 0;
    while (tl_rows_next(&q, &c)) {
        if (found++ == 0)
            memcpy(id, c.id, sizeof c.id);
        if (found <= CANDIDATES)
            tl_buffer_printf(&list, "%s%s (%s on %s, %s)", found > 1 ? ", " : "", c.id, c.case_name, c.unit,
                             c.outcome);
        else
            tl_buffer_add_string(&list, " and more");
    }
    int failed = tl_rows_close(&q, 0, e);
    if (!failed && found == 0)
        failed = tl_fail(e, TL_ERROR_INPUT, unknown, prefix,
                         "no trial in %s has an id that begins so; `trapline list trials` shows the ids",
                         tl_store_path(s));
    else if (!failed && found > 1)
        failed = tl_fail(e, TL_ERROR_INPUT, unknown, prefix, "several begin so: %s", list.data);
    tl_buffer_free(&list);
    return failed;
}

static int load_row(struct tl_store *s, const char *id, struct tl_trial_record *r, struct tl_error *e)
{
    struct tl_rows q;
    if (tl_trials_open_kept(&q, s, TL_ST_READ_TRIAL, tl_record_columns, NULL, "FROM trial",
                            "WHERE trial.id = ?", what_, e))
        return -1;
    tl_sql_bind(q.st, 1, id);
    bool gone = !tl_rows_next(&q, r);
    if (tl_rows_close(&q, 0, e))
        return -1;
    return gone ? tl_fail(e, TL_ERROR_INPUT, what_, id, "it is gone") : 0;
}

static int load_outputs(struct tl_store *s, struct tl_trial_record *r, struct tl_error *e)
{
    struct tl_rows q;
    struct tl_output_row row;
    if (tl_rows_open_kept(&q, s, TL_ST_READ_OUTPUT, tl_output_columns,
                          "FROM output WHERE trial_id = ? ORDER BY stream", what_, e))
        return -1;
    tl_sql_bind(q.st, 1, r->id);
    while (tl_rows_next(&q, &row))
        tl_output_take(s, &row, &r->out, &r->err);
    return tl_rows_close(&q, 0, e);
}

/* Fills the modules of a capture from its set and its load addresses. */
static int load_modules(struct tl_store *s, const char *set, const char *bases, struct tl_capture *c,
                        struct tl_error *e)
{
    struct set_row {
        char *modules;
    } row = {NULL};
    static const struct tl_column set_columns[] = {
        TL_COLUMN_AS(struct set_row, modules, TL_COLUMN_PACKED, "modules"),
        {0},
    };
    static const struct tl_column module_columns[] = {
        TL_COLUMN_AS(struct tl_module, build_id, TL_COLUMN_ARRAY, "build_id"),
        TL_COLUMN(struct tl_module, path, "path"),
        {0},
    };
    struct tl_rows q;
    if (tl_rows_open_kept(&q, s, TL_ST_READ_MODULE_SET, set_columns, "FROM module_set WHERE id = ?", what_,
                          e))
        return -1;
    tl_sql_bind(q.st, 1, set);
    tl_rows_next(&q, &row);
    json_t *list = row.modules ? json_loads(row.modules, 0, NULL) : NULL,
           *base = bases ? json_loads(bases, 0, NULL) : NULL, *m;
    free(row.modules);
    if (tl_rows_close(&q, 0, e) ||
        tl_rows_open_kept(&q, s, TL_ST_READ_MODULE, module_columns, "FROM module WHERE id = ?", what_, e)) {
        json_decref(list);
        json_decref(base);
        return -1;
    }
    c->n_modules = json_array_size(list);
    c->modules = c->n_modules ? tl_calloc(c->n_modules, sizeof *c->modules) : NULL;
    size_t i;
    json_array_foreach(list, i, m) {
        struct tl_module *to = &c->modules[i];
        tl_sql_bind(q.st, 1, json_string_value(json_array_get(m, 0)));
        tl_rows_next(&q, to);
        sqlite3_reset(q.st);
        to->base = (uint64_t)json_integer_value(json_array_get(base, i));
        to->start = to->base + (uint64_t)json_integer_value(json_array_get(m, 1));
        to->end = to->base + (uint64_t)json_integer_value(json_array_get(m, 2));
        if (q.rc != SQLITE_ROW && q.rc != SQLITE_DONE)
            break;
    }
    json_decref(list);
    json_decref(base);
    return tl_rows_close(&q, 0, e);
}

static int load_threads(struct tl_store *s, const char *id, int64_t capture, struct tl_capture *c,
                        struct tl_error *e)
{
    struct tl_rows q;
    if (tl_rows_open_kept(
            &q, s, TL_ST_READ_THREAD, tl_thread_columns,
            "FROM thread LEFT JOIN stack ON stack.id = stack_id WHERE trial_id = ? AND capture = ? "
            "ORDER BY thread",
            what_, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(id), TL_INTEGER(capture));
    struct tl_thread_row *rows = tl_rows_all(&q, sizeof *rows, &c->n_threads);
    c->threads = tl_calloc(c->n_threads + 1, sizeof *c->threads);
    for (size_t i = 0; i < c->n_threads; i++) {
        c->threads[i] = rows[i].t;
        if (tl_unpack_frames(rows[i].frames, c, &c->threads[i]) == 0)
            tl_unpack_symbols(rows[i].symbols, &c->threads[i]);
        free(rows[i].frames);
        free(rows[i].symbols);
    }
    free(rows);
    return tl_rows_close(&q, 0, e);
}

static int load_pids(struct tl_store *s, struct tl_trial_record *r, struct tl_error *e)
{
    struct pids_row {
        json_t *pids;
    } row = {NULL};
    static const struct tl_column columns[] = {
        TL_COLUMN_AS(struct pids_row, pids, TL_COLUMN_JSON, "pids"),
        {0},
    };
    struct tl_rows q;
    if (tl_rows_open_kept(&q, s, TL_ST_READ_PIDS, columns, "FROM trial WHERE id = ?", what_, e))
        return -1;
    tl_sql_bind(q.st, 1, r->id);
    tl_rows_next(&q, &row);
    for (size_t i = 0; i < json_array_size(row.pids); i++)
        tl_trial_record_joined(r, (int)json_integer_value(json_array_get(row.pids, i)));
    json_decref(row.pids);
    return tl_rows_close(&q, 0, e);
}

static int load_captures(struct tl_store *s, struct tl_trial_record *r, struct tl_error *e)
{
    struct tl_rows q;
    struct tl_capture_row row = {0};
    int failed = 0;
    if (tl_rows_open_kept(&q, s, TL_ST_READ_CAPTURE, tl_capture_columns,
                          "FROM capture WHERE trial_id = ? ORDER BY capture", what_, e))
        return -1;
    tl_sql_bind(q.st, 1, r->id);
    while (!failed && tl_rows_next(&q, &row)) {
        struct tl_capture *c = TL_GROW(r->captures, r->n_captures);
        *c = row.c;
        c->kind = row.kind && strcmp(row.kind, "hang") == 0 ? TL_CAPTURE_HANG : TL_CAPTURE_SIGNAL;
        tl_unpack_registers(row.registers, c);
        tl_unpack_fault(row.fault, c);
        failed = row.set ? load_modules(s, row.set, row.bases, c, e) : 0;
        free(row.bases);
        if (!failed)
            failed = load_threads(s, r->id, row.number, c, e);
    }
    return tl_rows_close(&q, failed, e);
}

int tl_query_trial(struct tl_store *s, const char *id, struct tl_trial_record *r, struct tl_error *e)
{
    memset(r, 0, sizeof *r);
    char whole[TL_UUID_SIZE];
    if (find_id(s, id, whole, e) == 0 && load_row(s, whole, r, e) == 0 && load_outputs(s, r, e) == 0 &&
        load_captures(s, r, e) == 0 && load_pids(s, r, e) == 0 && tl_query_reports(s, r, e) == 0)
        return 0;
    tl_trial_record_free(r);
    return -1;
}

int tl_query_case_json(struct tl_store *s, const char *case_hash, char **json, struct tl_error *e)
{
    static const char what[] = "cannot read the case";
    struct case_row {
        char *json;
    } row = {NULL};
    static const struct tl_column columns[] = {
        TL_COLUMN_AS(struct case_row, json, TL_COLUMN_PACKED, "json"),
        {0},
    };
    struct tl_rows q;
    *json = NULL;
    if (tl_rows_open(&q, s, columns, "FROM case_file WHERE hash = ?", what_, e))
        return -1;
    tl_sql_bind(q.st, 1, case_hash);
    bool known = tl_rows_next(&q, &row), damaged = q.damaged;
    if (tl_rows_close(&q, 0, e))
        return -1;
    if (!known)
        return tl_fail(e, TL_ERROR_INPUT, what, case_hash, "the database does not know it");
    if (damaged)
        return tl_fail(e, TL_ERROR_INPUT, what, case_hash, "its text in the database is damaged");
    *json = row.json;
    return 0;
}

int tl_query_environment_of(struct tl_store *s, const char *session_id, const char *environment_id,
                            const char *trial_id, json_t **environment, struct tl_error *e)
{
    /* A row of columns of which the names are the keys; machine_… are those of the object "machine". A trial that a machine
     * of a fleet ran belongs to the session that asked for it, which tells nothing of that machine: n is the session there, or none. */
    sqlite3_stmt *st = tl_store_statement(
        s, TL_ST_READ_ENVIRONMENT,
        "SELECT m.name AS machine_name, m.arch AS machine_arch, m.cpu AS machine_cpu, m.cores AS "
        "machine_cores, "
        "m.memory AS machine_memory, m.processor AS machine_processor, n.os AS os, "
        "ifnull(n.os_build, v.os_build) AS os_build, n.kernel AS kernel, n.trapline AS trapline, asks.id AS "
        "session, r.machine AS ran_on, r.delivered AS delivered, r.session_id AS ran_in, v.runner AS runner, "
        "v.runner_version AS runner_version, v.device AS "
        "device, "
        "v.driver AS driver, v.runtime_path AS runtime_path, v.runtime_sha256 AS runtime_sha256, "
        "v.runtime_version AS runtime_version, v.versions AS versions FROM (SELECT 1) LEFT JOIN session asks "
        "ON asks.id = ?1 LEFT JOIN environment v ON v.id = ?2 LEFT JOIN ran_on r ON r.trial_id = ?3 LEFT "
        "JOIN session "
        "n ON n.id = coalesce(r.session_id, asks.id) AND ifnull(v.machine_id = n.machine_id, true) LEFT JOIN "
        "machine m ON m.id = COALESCE(v.machine_id, "
        "n.machine_id)",
        what_, e);
    static const char of_machine[] = "machine_";
    const size_t n = sizeof of_machine - 1;
    *environment = NULL;
    if (!st)
        return -1;
    TL_BIND(s, st, TL_TEXT(session_id), TL_TEXT(environment_id), TL_TEXT(trial_id));
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW) {
        tl_sql_fail(e, s->db, rc, what_);
        sqlite3_reset(st);
        return -1;
    }
    json_t *all = json_object(), *machine = json_object();
    for (int i = 0; i < sqlite3_column_count(st); i++) {
        const char *name = sqlite3_column_name(st, i);
        bool inner = !strncmp(name, of_machine, n);
        json_t *value = sqlite3_column_type(st, i) == SQLITE_INTEGER
                            ? json_integer(sqlite3_column_int64(st, i))
                            : json_string((const char *)sqlite3_column_text(st, i));
        if (value && (!strcmp(name, "versions") || !strcmp(name, "machine_processor"))) {
            json_t *object =
                json_loads(json_string_value(value), 0, NULL); /* as text it would be of no use */
            json_decref(value);
            value = object;
        }
        if (value) /* NULL, and what is not UTF-8, is unknown */
            json_object_set_new(inner ? machine : all, inner ? name + n : name, value);
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    json_object_set_new(all, "machine", machine);
    *environment = all;
    return 0;
}

int tl_query_environment(struct tl_store *s, const char *trial_id, json_t **environment, struct tl_error *e)
{
    struct tl_rows q;
    struct tl_trial_row t = {0};
    *environment = NULL;
    if (tl_trials_open_kept(&q, s, TL_ST_READ_PLACE, tl_row_columns, "session_id environment_id",
                            "FROM trial", "WHERE id = ?", what_, e))
        return -1;
    tl_sql_bind(q.st, 1, trial_id);
    int failed = tl_rows_next(&q, &t)
                     ? tl_query_environment_of(s, t.session_id, t.environment_id, trial_id, environment, e)
                     : 0;
    return tl_rows_close(&q, failed, e);
}
