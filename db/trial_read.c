/* Rows become a record again. Text that does not parse (damage, or a file somebody made) leaves its part of
 * the record empty: what can be shown is shown. */
#include "db/query.h"
#include "db/sql.h"
#include "db/store_impl.h"
#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot read the trial";

static int prepare(struct tl_store *s, const char *sql, const char *id, sqlite3_stmt **st, struct tl_error *e)
{
    int rc = sqlite3_prepare_v2(s->db, sql, -1, st, NULL);
    if (rc != SQLITE_OK)
        return tl_sql_fail(e, s->db, rc, what_);
    tl_sql_bind(*st, 1, id);
    return 0;
}

/* Ends a loop over rows. */
static int finish(struct tl_store *s, sqlite3_stmt *st, int rc, struct tl_error *e)
{
    int failed = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : tl_sql_fail(e, s->db, rc, what_);
    sqlite3_finalize(st);
    return failed;
}

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
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(
        s->db, "SELECT id, case_name, unit, outcome FROM trial WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        -1, &st, NULL);
    if (rc != SQLITE_OK)
        return tl_sql_fail(e, s->db, rc, what_);
    tl_sql_bind(st, 1, lower);
    tl_sql_bind(st, 2, end);
    sqlite3_bind_int(st, 3, CANDIDATES + 1);
    struct tl_buffer list = TL_BUFFER_INIT;
    int found = 0;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW && found <= CANDIDATES) {
        if (found++ == 0)
            tl_sql_copy(st, 0, id, TL_UUID_SIZE);
        if (found <= CANDIDATES)
            tl_buffer_printf(&list, "%s%s (%s on %s, %s)", found > 1 ? ", " : "", sqlite3_column_text(st, 0),
                             sqlite3_column_text(st, 1), sqlite3_column_text(st, 2),
                             sqlite3_column_text(st, 3));
        else
            tl_buffer_add_string(&list, " and more");
    }
    int failed = rc == SQLITE_ROW ? finish(s, st, SQLITE_DONE, e) : finish(s, st, rc, e);
    if (!failed && found == 0)
        failed = tl_fail(e, TL_ERROR_INPUT, unknown, prefix,
                         "no trial has an id that begins so; `trapline list trials` shows the ids");
    else if (!failed && found > 1)
        failed = tl_fail(e, TL_ERROR_INPUT, unknown, prefix, "several begin so: %s", list.data);
    tl_buffer_free(&list);
    return failed;
}

static int load_row(struct tl_store *s, const char *id, struct tl_trial_record *r, struct tl_error *e)
{
    sqlite3_stmt *st;
    if (prepare(
            s,
            "SELECT t.id, started_us, case_name, case_hash, v.json, variant_hash, unit, environment_id, "
            "command, "
            "request, fresh, t.outcome, t.phase, observed_device, error_domain, error_code, message, "
            "t.signal, "
            "exit_status, wall_s, user_s, system_s, peak_rss, result, g.id, g.coarse_id, g.title, "
            "g.coarse_title, "
            "start_s, generate_s, load_s, compile_s, execute_s, check_s, done_s FROM trial t "
            "LEFT JOIN variant v ON v.hash = t.variant_hash LEFT JOIN signature g ON g.id = t.signature_id "
            "WHERE t.id = ?",
            id, &st, e))
        return -1;
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW) {
        sqlite3_finalize(st);
        return rc == SQLITE_DONE ? tl_fail(e, TL_ERROR_INPUT, what_, id, "it is gone")
                                 : tl_sql_fail(e, s->db, rc, what_);
    }
    tl_sql_copy(st, 0, r->id, sizeof r->id);
    r->started_us = sqlite3_column_int64(st, 1);
    r->case_name = tl_sql_dup(st, 2);
    tl_sql_copy(st, 3, r->case_hash, sizeof r->case_hash);
    r->variant = tl_sql_dup(st, 4);
    tl_sql_copy(st, 5, r->variant_hash, sizeof r->variant_hash);
    r->unit = tl_sql_dup(st, 6);
    tl_sql_copy(st, 7, r->environment_id, sizeof r->environment_id);
    tl_unpack(&s->packer, st, 8, -1, &r->command, NULL);
    tl_unpack(&s->packer, st, 9, -1, &r->request, NULL);
    r->fresh = sqlite3_column_int(st, 10);
    int outcome = tl_outcome_parse((const char *)sqlite3_column_text(st, 11));
    int phase = tl_phase_parse((const char *)sqlite3_column_text(st, 12));
    r->outcome = outcome < 0 ? TL_OUTCOME_LOST : (enum tl_outcome)outcome;
    r->phase = phase < 0 ? TL_PHASE_START : (enum tl_phase)phase;
    r->observed_device = tl_sql_dup(st, 13);
    r->error_domain = tl_sql_dup(st, 14);
    r->error_code = tl_sql_dup(st, 15);
    r->message = tl_sql_dup(st, 16);
    r->signal = sqlite3_column_int(st, 17);
    r->exit_status = sqlite3_column_int(st, 18);
    r->wall_seconds = sqlite3_column_double(st, 19);
    r->user_seconds = sqlite3_column_double(st, 20);
    r->system_seconds = sqlite3_column_double(st, 21);
    r->peak_rss = (uint64_t)sqlite3_column_int64(st, 22);
    tl_unpack(&s->packer, st, 23, -1, &r->result, NULL);
    tl_sql_copy(st, 24, r->signature.id, sizeof r->signature.id);
    tl_sql_copy(st, 25, r->signature.coarse_id, sizeof r->signature.coarse_id);
    r->signature.title = tl_sql_dup(st, 26);
    r->signature.coarse_title = tl_sql_dup(st, 27);
    for (int p = 0; p < TL_PHASE_COUNT; p++)
        r->phase_seconds[p] =
            sqlite3_column_type(st, 28 + p) == SQLITE_NULL ? -1 : sqlite3_column_double(st, 28 + p);
    sqlite3_finalize(st);
    return 0;
}

static int load_outputs(struct tl_store *s, struct tl_trial_record *r, struct tl_error *e)
{
    sqlite3_stmt *st;
    if (prepare(s, "SELECT stream, total, packed, head, tail FROM output WHERE trial_id = ? ORDER BY stream",
                r->id, &st, e))
        return -1;
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        int stream = sqlite3_column_int(st, 0), packed = sqlite3_column_int(st, 2);
        if (stream != 1 && stream != 2)
            continue;
        struct tl_output *o = stream == 1 ? &r->out : &r->err;
        free(o->head);
        free(o->tail);
        o->total = (uint64_t)sqlite3_column_int64(st, 1);
        tl_unpack(&s->packer, st, 3, packed & 1, &o->head, &o->head_size);
        tl_unpack(&s->packer, st, 4, packed >> 1 & 1, &o->tail, &o->tail_size);
    }
    return finish(s, st, rc, e);
}

/* Fills the modules of a capture from its set and its load addresses. */
static int load_modules(struct tl_store *s, const char *set, const char *bases, struct tl_capture *c,
                        struct tl_error *e)
{
    sqlite3_stmt *st;
    char *text = NULL;
    if (prepare(s, "SELECT modules FROM module_set WHERE id = ?", set, &st, e))
        return -1;
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        tl_unpack(&s->packer, st, 0, -1, &text, NULL);
    if (finish(s, st, rc, e))
        return -1;
    json_t *list = text ? json_loads(text, 0, NULL) : NULL, *base = bases ? json_loads(bases, 0, NULL) : NULL,
           *m;
    free(text);
    if (prepare(s, "SELECT build_id, path FROM module WHERE id = ?", NULL, &st, e)) {
        json_decref(list);
        json_decref(base);
        return -1;
    }
    c->n_modules = json_array_size(list);
    c->modules = c->n_modules ? tl_calloc(c->n_modules, sizeof *c->modules) : NULL;
    size_t i;
    rc = SQLITE_DONE;
    json_array_foreach(list, i, m)
    {
        struct tl_module *to = &c->modules[i];
        tl_sql_bind(st, 1, json_string_value(json_array_get(m, 0)));
        rc = sqlite3_step(st);
        if (rc == SQLITE_ROW) {
            tl_sql_copy(st, 0, to->build_id, sizeof to->build_id);
            to->path = tl_sql_dup(st, 1);
        }
        sqlite3_reset(st);
        to->base = (uint64_t)json_integer_value(json_array_get(base, i));
        to->start = to->base + (uint64_t)json_integer_value(json_array_get(m, 1));
        to->end = to->base + (uint64_t)json_integer_value(json_array_get(m, 2));
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            break;
    }
    json_decref(list);
    json_decref(base);
    return finish(s, st, rc, e);
}

static int load_threads(struct tl_store *s, const char *id, size_t capture, struct tl_capture *c,
                        struct tl_error *e)
{
    sqlite3_stmt *st;
    if (prepare(s,
                "SELECT pid, tid, name, crashed, on_cpu, state, stack_id, omitted_at, omitted, truncated, "
                "frames, symbols "
                "FROM thread LEFT JOIN stack ON stack.id = stack_id WHERE trial_id = ? AND capture = ? ORDER "
                "BY thread",
                id, &st, e))
        return -1;
    sqlite3_bind_int64(st, 2, (int64_t)capture);
    size_t room = 0;
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        if (c->n_threads == room) {
            room = room ? 2 * room : 16;
            c->threads = tl_realloc(c->threads, room, sizeof *c->threads);
        }
        struct tl_thread *t = &c->threads[c->n_threads++];
        char *frames, *symbols;
        memset(t, 0, sizeof *t);
        t->pid = sqlite3_column_int(st, 0);
        t->tid = sqlite3_column_int(st, 1);
        tl_sql_copy(st, 2, t->name, sizeof t->name);
        t->crashed = sqlite3_column_int(st, 3);
        t->on_cpu = sqlite3_column_int(st, 4);
        t->state = tl_sql_dup(st, 5);
        tl_sql_copy(st, 6, t->stack_id, sizeof t->stack_id);
        t->omitted_at = (size_t)sqlite3_column_int64(st, 7);
        t->omitted = (uint64_t)sqlite3_column_int64(st, 8);
        t->truncated = sqlite3_column_int(st, 9);
        tl_unpack(&s->packer, st, 10, -1, &frames, NULL);
        tl_unpack(&s->packer, st, 11, -1, &symbols, NULL);
        if (tl_unpack_frames(frames, c, t) == 0)
            tl_unpack_symbols(symbols, t);
        free(frames);
        free(symbols);
    }
    return finish(s, st, rc, e);
}

static int load_captures(struct tl_store *s, struct tl_trial_record *r, struct tl_error *e)
{
    sqlite3_stmt *st;
    if (prepare(
            s,
            "SELECT kind, pid, tid, exe, is_main, fatal, signal, si_code, si_pid, fault_address, registers, "
            "module_set_id, bases, capture_ns, capture FROM capture WHERE trial_id = ? ORDER BY capture",
            r->id, &st, e))
        return -1;
    size_t room = 0;
    int rc, failed = 0;
    while (!failed && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        if (r->n_captures == room) {
            room = room ? 2 * room : 4;
            r->captures = tl_realloc(r->captures, room, sizeof *r->captures);
        }
        struct tl_capture *c = &r->captures[r->n_captures++];
        memset(c, 0, sizeof *c);
        const char *kind = (const char *)sqlite3_column_text(st, 0);
        c->kind = kind && strcmp(kind, "hang") == 0 ? TL_CAPTURE_HANG : TL_CAPTURE_SIGNAL;
        c->pid = sqlite3_column_int(st, 1);
        c->tid = sqlite3_column_int(st, 2);
        c->exe = tl_sql_dup(st, 3);
        c->is_main = sqlite3_column_int(st, 4);
        c->fatal = sqlite3_column_int(st, 5);
        c->signal = sqlite3_column_int(st, 6);
        c->si_code = sqlite3_column_int(st, 7);
        c->sender_pid = sqlite3_column_int(st, 8);
        c->has_address = sqlite3_column_type(st, 9) != SQLITE_NULL;
        c->fault_address = (uint64_t)sqlite3_column_int64(st, 9);
        tl_unpack_registers((const char *)sqlite3_column_text(st, 10), c);
        c->capture_ns = (uint64_t)sqlite3_column_int64(st, 13);
        size_t number = (size_t)sqlite3_column_int64(st, 14);
        const char *set = (const char *)sqlite3_column_text(st, 11);
        char *bases;
        tl_unpack(&s->packer, st, 12, -1, &bases, NULL);
        if (set)
            failed = load_modules(s, set, bases, c, e);
        free(bases);
        if (!failed)
            failed = load_threads(s, r->id, number, c, e);
    }
    if (failed) {
        sqlite3_finalize(st);
        return -1;
    }
    return finish(s, st, rc, e);
}

int tl_query_trial(struct tl_store *s, const char *id, struct tl_trial_record *r, struct tl_error *e)
{
    memset(r, 0, sizeof *r);
    char whole[TL_UUID_SIZE];
    if (find_id(s, id, whole, e) == 0 && load_row(s, whole, r, e) == 0 && load_outputs(s, r, e) == 0 &&
        load_captures(s, r, e) == 0)
        return 0;
    tl_trial_record_free(r);
    return -1;
}

int tl_query_case_json(struct tl_store *s, const char *case_hash, char **json, struct tl_error *e)
{
    static const char what[] = "cannot read the case";
    *json = NULL;
    sqlite3_stmt *st;
    if (prepare(s, "SELECT json FROM case_file WHERE hash = ?", case_hash, &st, e))
        return -1;
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW && tl_unpack(&s->packer, st, 0, -1, json, NULL)) {
        sqlite3_finalize(st);
        return tl_fail(e, TL_ERROR_INPUT, what, case_hash, "its text in the database is damaged");
    }
    if (rc == SQLITE_DONE) {
        sqlite3_finalize(st);
        return tl_fail(e, TL_ERROR_INPUT, what, case_hash, "the database does not know it");
    }
    return finish(s, st, rc, e);
}

int tl_query_environment_of(struct tl_store *s, const char *session_id, const char *environment_id,
                            json_t **environment, struct tl_error *e)
{
    static const char sql[] =
        "SELECT m.name AS m_name, m.arch AS m_arch, m.cpu AS m_cpu, m.cores AS m_cores, m.memory AS "
        "m_memory, n.os, "
        "n.os_build, n.kernel, n.trapline, n.id AS session, v.runner, v.runner_version, v.device, v.driver, "
        "v.runtime_path, v.runtime_sha256, v.runtime_version FROM (SELECT 1) LEFT JOIN session n ON n.id = "
        "?1 LEFT JOIN "
        "environment v ON v.id = ?2 LEFT JOIN machine m ON m.id = n.machine_id";
    *environment = NULL;
    sqlite3_stmt *st;
    if (prepare(s, sql, session_id, &st, e))
        return -1;
    tl_sql_bind(st, 2, environment_id);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        json_t *all = json_object(), *machine = json_object();
        for (int i = 0; i < sqlite3_column_count(st); i++) {
            const char *name = sqlite3_column_name(st, i);
            bool of_machine = !strncmp(name, "m_", 2);
            json_t *value = sqlite3_column_type(st, i) == SQLITE_INTEGER
                                ? json_integer(sqlite3_column_int64(st, i))
                                : json_string((const char *)sqlite3_column_text(st, i));
            if (value) /* NULL, and what is not UTF-8, is unknown */
                json_object_set_new(of_machine ? machine : all, of_machine ? name + 2 : name, value);
        }
        json_object_set_new(all, "machine", machine);
        *environment = all;
    }
    return finish(s, st, rc, e);
}

int tl_query_environment(struct tl_store *s, const char *trial_id, json_t **environment, struct tl_error *e)
{
    sqlite3_stmt *st;
    *environment = NULL;
    if (prepare(s, "SELECT session_id, environment_id FROM trial WHERE id = ?", trial_id, &st, e))
        return -1;
    int rc = sqlite3_step(st);
    char *session = rc == SQLITE_ROW ? tl_sql_dup(st, 0) : NULL,
         *place = rc == SQLITE_ROW ? tl_sql_dup(st, 1) : NULL;
    int result = finish(s, st, rc, e);
    if (!result && rc == SQLITE_ROW)
        result = tl_query_environment_of(s, session, place, environment, e);
    free(session);
    free(place);
    return result;
}
