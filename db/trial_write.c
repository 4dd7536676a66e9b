/* A record becomes rows.
 *
 * What repeats from trial to trial is addressed by its content: the key of a case, a variant, a signature, a
 * list of modules or a stack is the hash of what it says, in terms that hold in every process and on every
 * machine. A stack is its frames as (build-id of the module, offset in it), not as addresses, so that a crash
 * that happens a thousand times stores one stack and a thousand keys, and two databases are merged by taking
 * rows of both (merge.c). Such a row is never changed, but for what could not be known when it was first
 * stored: the text of a case, the symbols of a stack, what an environment is. That is what ON CONFLICT DO
 * UPDATE … WHERE … IS NULL fills in.
 *
 * A row goes in after those that it refers to: foreign keys hold at every moment, not only at the commit. */
#include "db/trial_write.h"

#include "db/cached.h"
#include "db/group.h"
#include "db/place.h"
#include "db/readback.h"
#include "db/rows.h"
#include "db/sums.h"
#include "db/system_report.h"
#include "db/values.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot store the trial";
static const char cannot_write[] = "cannot write to the database";

/* One text for each enum tl_statement that is executed here. */
static const char *const texts[TL_ST_COUNT] = {
    [TL_ST_CASE] = "INSERT INTO case_file(hash, name, json) VALUES(?,?,?) "
                   /* What a case expects is no part of its hash: the newest document counts. */
                   "ON CONFLICT DO UPDATE SET json = excluded.json WHERE excluded.json IS NOT NULL AND "
                   "json IS NOT excluded.json",
    [TL_ST_VARIANT] = "INSERT OR IGNORE INTO variant(hash, json) VALUES(?,?)",
    [TL_ST_UNIT] = "INSERT OR IGNORE INTO unit(name) VALUES(?)",
    [TL_ST_ENVIRONMENT] =
        "INSERT INTO environment(id, machine_id, os_build, driver, device, runner, runner_version, "
        "runtime_path, runtime_sha256, runtime_version, content_sha256, versions) "
        "VALUES(?,(SELECT id FROM machine WHERE id = ?),?,?,?,?,?,?,?,?,?,?) "
        "ON CONFLICT DO UPDATE SET machine_id = excluded.machine_id, os_build = excluded.os_build, "
        "driver = excluded.driver, device = excluded.device, runner = excluded.runner, "
        "runner_version = excluded.runner_version, runtime_path = excluded.runtime_path, "
        "runtime_sha256 = excluded.runtime_sha256, runtime_version = excluded.runtime_version, "
        "content_sha256 = excluded.content_sha256, versions = excluded.versions "
        "WHERE runner IS NULL AND excluded.runner IS NOT NULL",
    [TL_ST_ANEW] = "INSERT INTO anew(cell, since_us) VALUES(?,?) ON CONFLICT DO UPDATE SET since_us = "
                   "max(since_us, excluded.since_us)",
    [TL_ST_SESSION] = "INSERT OR IGNORE INTO session(id) VALUES(?)",
    [TL_ST_SIGNATURE] =
        "INSERT OR IGNORE INTO signature(id, outcome, phase, signal, title, coarse_id, coarse_title, "
        "signal_name) VALUES(?,?,?,?,?,?,?,?)",
    [TL_ST_TRIAL] =
        "INSERT OR IGNORE INTO trial(id, started_us, case_name, unit, outcome, phase, signal, fresh, "
        "signature_id, cell, case_hash, variant_hash, environment_id, session_id, observed_device, "
        "exit_status, wall_s, user_s, system_s, "
        "start_s, generate_s, load_s, compile_s, execute_s, check_s, done_s, "
        "peak_rss, error_domain, error_code, message, command, request, result, signal_name, pids) "
        "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [TL_ST_OUTPUT] = "INSERT INTO output(trial_id, stream, total, packed, head, tail) VALUES(?,?,?,?,?,?)",
    [TL_ST_MODULE] = "INSERT OR IGNORE INTO module(id, build_id, path) VALUES(?,?,?)",
    [TL_ST_MODULE_SET] = "INSERT OR IGNORE INTO module_set(id, modules) VALUES(?,?)",
    [TL_ST_STACK] = "INSERT INTO stack(id, n_frames, omitted_at, omitted, truncated, frames, symbols) "
                    "VALUES(?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET symbols = excluded.symbols "
                    "WHERE symbols IS NULL AND excluded.symbols IS NOT NULL",
    [TL_ST_CAPTURE] =
        "INSERT INTO capture(trial_id, capture, kind, pid, tid, exe, is_main, fatal, signal, si_code, "
        "si_pid, fault_address, registers, module_set_id, bases, capture_ns, signal_name, fault) "
        "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [TL_ST_THREAD] =
        "INSERT INTO thread(trial_id, capture, thread, pid, tid, name, crashed, on_cpu, state, stack_id) "
        "VALUES(?,?,?,?,?,?,?,?,?,?)",
    [TL_ST_SUMMARY] =
        "INSERT INTO summary(case_hash, variant_hash, unit, environment_id, outcome, signature_id, "
        "trials, fresh, first_us, last_us) VALUES(?1,?2,?3,?4,?5,?6,1,?7,?8,?8) "
        "ON CONFLICT DO UPDATE SET trials = trials + 1, fresh = fresh + excluded.fresh, "
        "first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us)",
    [TL_ST_TALLY] =
        "INSERT INTO tally(case_name, case_hash, unit, outcome, signature_id, trials, first_us, last_us) "
        "VALUES(?1,?2,?3,?4,?5,1,?6,?6) ON CONFLICT DO UPDATE SET trials = trials + 1, "
        "first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us)",
};

#define INSERT(s, which, e, ...) tl_values_run_kept(s, which, texts[which], TL_VALUES(__VA_ARGS__), what_, e)

static int insert_case(struct tl_store *s, const char *hash, const char *name, const char *json,
                       struct tl_error *e)
{
    if (tl_store_known(s, json ? 'C' : 'c', hash))
        return 0;
    return INSERT(s, TL_ST_CASE, e, TL_TEXT(hash), TL_TEXT(name ? name : ""), TL_PACKED(json));
}

static int insert_variant(struct tl_store *s, const char *hash, const char *json, struct tl_error *e)
{
    if (tl_store_known(s, 'v', hash))
        return 0;
    return INSERT(s, TL_ST_VARIANT, e, TL_TEXT(hash), TL_TEXT(json ? json : "{}"));
}

/* v NULL: known by its id only. */
static int insert_environment(struct tl_store *s, const char *id, const struct tl_environment *v,
                              struct tl_error *e)
{
    static const struct tl_environment unknown;
    if (tl_store_known(s, v ? 'E' : 'e', id))
        return 0;
    v = v ? v : &unknown;
    return INSERT(s, TL_ST_ENVIRONMENT, e, TL_TEXT(id), TL_TEXT(v->machine_id), TL_TEXT(v->os_build),
                  TL_TEXT(v->driver), TL_TEXT(v->device), TL_TEXT(v->runner), TL_TEXT(v->runner_version),
                  TL_TEXT(v->runtime_path), TL_TEXT(v->runtime_sha256), TL_TEXT(v->runtime_version),
                  TL_TEXT(v->content_sha256), TL_TEXT(v->versions));
}

/* A row that is its id and nothing else. */
static int insert_name(struct tl_store *s, enum tl_statement which, char kind, const char *name,
                       struct tl_error *e)
{
    return tl_store_known(s, kind, name) ? 0 : INSERT(s, which, e, TL_TEXT(name));
}

/* A signal by its name; NULL for none. */
#define TL_SIGNAL(number) TL_TEXT((number) ? tl_signal_name(number) : NULL)

static int insert_signature(struct tl_store *s, const struct tl_trial_record *r, struct tl_error *e)
{
    const struct tl_signature *g = &r->signature;
    if (!g->id[0] || tl_store_known(s, 'g', g->id))
        return 0;
    return INSERT(s, TL_ST_SIGNATURE, e, TL_TEXT(g->id), TL_TEXT(tl_outcome_name(r->outcome)),
                  TL_TEXT(tl_phase_name(r->phase)), TL_INTEGER(r->signal), TL_TEXT(g->title ? g->title : ""),
                  TL_ID(g->coarse_id), TL_TEXT(g->coarse_title), TL_SIGNAL(r->signal));
}

/* A new string; NULL where none is known. */
static char *pids_text(const struct tl_trial_record *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < r->n_pids; i++)
        tl_buffer_printf(&b, "%s%d", i ? "," : "[", r->pids[i]);
    if (!b.size)
        return NULL;
    tl_buffer_add_string(&b, "]");
    return tl_buffer_take(&b);
}

static int insert_trial_row(struct tl_store *s, const struct tl_trial_record *r, const char *session_id,
                            struct tl_error *e)
{
    const char *unit = r->unit ? r->unit : "";
    const double *phase = r->phase_seconds;
    char *result = r->result ? json_dumps(r->result, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    char *pids = pids_text(r);
    int rc = INSERT(
        s, TL_ST_TRIAL, e, TL_TEXT(r->id), TL_INTEGER(r->started_us),
        TL_TEXT(r->case_name ? r->case_name : ""), TL_TEXT(unit), TL_TEXT(tl_outcome_name(r->outcome)),
        TL_TEXT(tl_phase_name(r->phase)), TL_INTEGER(r->signal), TL_INTEGER(r->fresh), TL_ID(r->signature.id),
        TL_INTEGER(tl_store_cell(r->case_hash, r->variant_hash, unit, r->environment_id)),
        TL_TEXT(r->case_hash), TL_TEXT(r->variant_hash), TL_ID(r->environment_id), TL_ID(session_id),
        TL_TEXT(r->observed_device), TL_INTEGER(r->exit_status), TL_REAL(r->wall_seconds),
        TL_REAL(r->user_seconds), TL_REAL(r->system_seconds), TL_SECONDS(phase[TL_PHASE_START]),
        TL_SECONDS(phase[TL_PHASE_GENERATE]), TL_SECONDS(phase[TL_PHASE_LOAD]),
        TL_SECONDS(phase[TL_PHASE_COMPILE]), TL_SECONDS(phase[TL_PHASE_EXECUTE]),
        TL_SECONDS(phase[TL_PHASE_CHECK]), TL_SECONDS(phase[TL_PHASE_DONE]), TL_INTEGER(r->peak_rss),
        TL_TEXT(r->error_domain), TL_TEXT(r->error_code), TL_TEXT(r->message), TL_PACKED(r->command),
        TL_PACKED(r->request), TL_PACKED(result), TL_SIGNAL(r->signal), TL_TEXT(pids));
    free(pids);
    free(result);
    return rc;
}

static int insert_output(struct tl_store *s, const char *id, int stream, const struct tl_output *o,
                         struct tl_error *e)
{
    if (!o->total && !o->head_size && !o->tail_size)
        return 0;
    sqlite3_stmt *st = tl_store_statement(s, TL_ST_OUTPUT, texts[TL_ST_OUTPUT], what_, e);
    if (!st)
        return -1;
    int packed = tl_pack_bytes(&s->packer, st, 5, o->head_size ? o->head : NULL, o->head_size) ? 1 : 0;
    packed |= tl_pack_bytes(&s->packer, st, 6, o->tail_size ? o->tail : NULL, o->tail_size) ? 2 : 0;
    TL_BIND(s, st, TL_TEXT(id), TL_INTEGER(stream), TL_INTEGER(o->total), TL_INTEGER(packed));
    return tl_store_step(s, st, what_, e);
}

static int insert_modules(struct tl_store *s, const struct tl_capture *c, const char *set, struct tl_error *e)
{
    if (tl_store_known(s, 'm', set))
        return 0;
    for (size_t i = 0; i < c->n_modules; i++) {
        const struct tl_module *m = &c->modules[i];
        char id[TL_ID_SIZE];
        tl_module_id(m, id);
        if (!tl_store_known(s, 'o', id) &&
            INSERT(s, TL_ST_MODULE, e, TL_TEXT(id), TL_TEXT(m->build_id), TL_TEXT(m->path ? m->path : "")))
            return -1;
    }
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_pack_modules(&b, c);
    int rc = INSERT(s, TL_ST_MODULE_SET, e, TL_TEXT(set), TL_PACKED(b.data));
    tl_buffer_free(&b);
    return rc;
}

static int insert_stack(struct tl_store *s, const struct tl_capture *c, const struct tl_thread *t,
                        const char *id, struct tl_error *e)
{
    if (tl_store_known(s, t->symbols ? 'S' : 's', id))
        return 0;
    struct tl_buffer frames = TL_BUFFER_INIT, symbols = TL_BUFFER_INIT;
    tl_pack_frames(&frames, c, t);
    if (t->symbols)
        tl_pack_symbols(&symbols, t);
    int rc = INSERT(s, TL_ST_STACK, e, TL_TEXT(id), TL_INTEGER(t->n_frames),
                    TL_INTEGER(t->omitted ? t->omitted_at : 0), TL_INTEGER(t->omitted),
                    TL_INTEGER(t->truncated), TL_PACKED(frames.data), TL_PACKED(symbols.data));
    tl_buffer_free(&frames);
    tl_buffer_free(&symbols);
    return rc;
}

static int insert_thread(struct tl_store *s, const struct tl_trial_record *r, size_t capture, size_t thread,
                         struct tl_error *e)
{
    const struct tl_capture *c = &r->captures[capture];
    const struct tl_thread *t = &c->threads[thread];
    char id[TL_ID_SIZE] = "";
    if (t->n_frames) {
        if (t->stack_id[0])
            memcpy(id, t->stack_id, sizeof id);
        else
            tl_stack_id(c->modules, t, id);
        if (insert_stack(s, c, t, id, e))
            return -1;
    }
    return INSERT(s, TL_ST_THREAD, e, TL_TEXT(r->id), TL_INTEGER(capture), TL_INTEGER(thread),
                  TL_INTEGER(t->pid), TL_INTEGER(t->tid), TL_TEXT(t->name), TL_INTEGER(t->crashed),
                  TL_INTEGER(t->on_cpu), TL_TEXT(t->state), TL_ID(id));
}

static int insert_capture(struct tl_store *s, const struct tl_trial_record *r, size_t at, struct tl_error *e)
{
    const struct tl_capture *c = &r->captures[at];
    char set[TL_ID_SIZE] = "";
    if (c->n_modules) {
        tl_module_set_id(c, set);
        if (insert_modules(s, c, set, e))
            return -1;
    }
    struct tl_buffer registers = TL_BUFFER_INIT, bases = TL_BUFFER_INIT;
    char *fault = tl_pack_fault(c);
    if (c->n_registers)
        tl_pack_registers(&registers, c);
    if (c->n_modules)
        tl_pack_bases(&bases, c);
    int rc = INSERT(s, TL_ST_CAPTURE, e, TL_TEXT(r->id), TL_INTEGER(at),
                    TL_TEXT(c->kind == TL_CAPTURE_HANG ? "hang" : "signal"), TL_INTEGER(c->pid),
                    TL_INTEGER(c->tid), TL_TEXT(c->exe), TL_INTEGER(c->is_main), TL_INTEGER(c->fatal),
                    TL_INTEGER(c->signal), TL_INTEGER(c->si_code), TL_INTEGER(c->sender_pid),
                    TL_INTEGER_IF(c->has_address, c->fault_address), TL_TEXT(registers.data), TL_ID(set),
                    TL_PACKED(bases.data), TL_INTEGER(c->capture_ns), TL_SIGNAL(c->signal), TL_TEXT(fault));
    free(fault);
    tl_buffer_free(&registers);
    tl_buffer_free(&bases);
    for (size_t i = 0; rc == 0 && i < c->n_threads; i++)
        rc = insert_thread(s, r, at, i, e);
    return rc;
}

static int add_to_sums(struct tl_store *s, const struct tl_trial_record *r, struct tl_error *e)
{
    const char *unit = r->unit ? r->unit : "", *outcome = tl_outcome_name(r->outcome);
    return INSERT(s, TL_ST_SUMMARY, e, TL_TEXT(r->case_hash), TL_TEXT(r->variant_hash), TL_TEXT(unit),
                  TL_TEXT(r->environment_id), TL_TEXT(outcome), TL_TEXT(r->signature.id),
                  TL_INTEGER(r->fresh), TL_INTEGER(r->started_us)) ||
                   INSERT(s, TL_ST_TALLY, e, TL_TEXT(r->case_name ? r->case_name : ""), TL_TEXT(r->case_hash),
                          TL_TEXT(unit), TL_TEXT(outcome), TL_TEXT(r->signature.id),
                          TL_INTEGER(r->started_us))
               ? -1
               : 0;
}

/* A record that makes no sense is refused before anything of the group is touched. */
static int check_record(const struct tl_trial_record *r, struct tl_error *e)
{
    if (strlen(r->id) != TL_UUID_SIZE - 1)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, what_, r->id, "its id is not a UUID");
    for (size_t i = 0; i < r->n_captures; i++) {
        const struct tl_capture *c = &r->captures[i];
        for (size_t k = 0; k < c->n_threads; k++)
            for (size_t f = 0; f < c->threads[k].n_frames; f++)
                if (c->threads[k].frames[f].module != TL_NO_MODULE &&
                    c->threads[k].frames[f].module >= c->n_modules)
                    return tl_fail(e, TL_ERROR_ENVIRONMENT, what_, r->id,
                                   "frame %zu of thread %zu is in module %u of %zu", f, k,
                                   c->threads[k].frames[f].module, c->n_modules);
    }
    return 0;
}

static int insert_all(struct tl_store *s, const struct tl_trial_record *r, const char *session_id,
                      bool *added, struct tl_error *e)
{
    if (insert_case(s, r->case_hash, r->case_name, NULL, e) ||
        insert_variant(s, r->variant_hash, r->variant, e) ||
        insert_name(s, TL_ST_UNIT, 'u', r->unit ? r->unit : "", e) ||
        (r->environment_id[0] && insert_environment(s, r->environment_id, NULL, e)) ||
        (session_id && session_id[0] && insert_name(s, TL_ST_SESSION, 'n', session_id, e)) ||
        insert_signature(s, r, e) || insert_trial_row(s, r, session_id, e))
        return -1;
    if (sqlite3_changes(s->db) == 0)
        return 0; /* it is there already */
    *added = true;
    if (insert_output(s, r->id, 1, &r->out, e) || insert_output(s, r->id, 2, &r->err, e))
        return -1;
    for (size_t i = 0; i < r->n_captures; i++)
        if (insert_capture(s, r, i, e))
            return -1;
    return tl_store_put_reports(s, r, e) || add_to_sums(s, r, e) ? -1 : 0;
}

/* The sums of a case anew, from its trials. */
static int recount(struct tl_store *s, const char *case_hash, struct tl_error *e)
{
    static const char *const steps[] = {
        "DELETE FROM summary WHERE case_hash = ?1",
        "INSERT INTO summary " TL_SUMMARY_OF("WHERE case_hash = ?1"),
        "DELETE FROM tally WHERE case_hash = ?1",
        "INSERT INTO tally " TL_TALLY_OF("WHERE case_hash = ?1"),
        /* ?1 is named for the sake of the bindings alone. */
        ("DELETE FROM signature WHERE ?1 <> '' AND NOT EXISTS "
         "(SELECT 1 FROM trial WHERE signature_id = signature.id)"),
    };
    for (size_t i = 0; i < TL_COUNT(steps); i++)
        if (TL_RUN(s, steps[i], what_, e, TL_TEXT(case_hash)))
            return -1;
    return 0;
}

static int complete(struct tl_store *s, const struct tl_trial_record *r, struct tl_error *e)
{
    if (TL_RUN(s, "DELETE FROM thread WHERE trial_id = ?", what_, e, TL_TEXT(r->id)) ||
        TL_RUN(s, "DELETE FROM capture WHERE trial_id = ?", what_, e, TL_TEXT(r->id)) ||
        insert_signature(s, r, e) ||
        TL_RUN(s,
               "UPDATE trial SET outcome = ?, error_domain = ?, error_code = ?, message = ?, signature_id = "
               "? WHERE "
               "id = ?",
               what_, e, TL_TEXT(tl_outcome_name(r->outcome)), TL_TEXT(r->error_domain),
               TL_TEXT(r->error_code), TL_TEXT(r->message), TL_ID(r->signature.id), TL_TEXT(r->id)))
        return -1;
    for (size_t i = 0; i < r->n_captures; i++)
        if (insert_capture(s, r, i, e))
            return -1;
    return recount(s, r->case_hash, e);
}

int tl_store_completed(struct tl_store *s, const struct tl_trial_record *r, struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    tl_store_forget(s); /* rows may be swept */
    if (check_record(r, e) || complete(s, r, e))
        return tl_store_undo(s);
    tl_store_forget(s);
    return 0;
}

int tl_store_insert(struct tl_store *s, const struct tl_trial_record *r, const char *session_id, bool *added,
                    struct tl_error *e)
{
    *added = false;
    if (check_record(r, e))
        return -1;
    return insert_all(s, r, session_id, added, e) ? tl_store_undo(s) : 0;
}

int tl_store_imported(struct tl_store *s, const struct tl_trial_record *r, struct tl_error *e)
{
    bool added;
    return tl_store_group(s, e) || tl_store_insert(s, r, NULL, &added, e) ? -1 : 0;
}

int tl_store_put_case(struct tl_store *s, const char *hash, const char *name, const char *json,
                      struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    return insert_case(s, hash, name, json, e) ? tl_store_undo(s) : 0;
}

int tl_store_put_variant(struct tl_store *s, const char *hash, const char *json, struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    return insert_variant(s, hash, json, e) ? tl_store_undo(s) : 0;
}

int tl_store_put_environment(struct tl_store *s, const struct tl_environment *v, char id[TL_ID_SIZE],
                             struct tl_error *e)
{
    tl_environment_id(v, id);
    if (tl_store_group(s, e))
        return -1;
    return insert_environment(s, id, v, e) ? tl_store_undo(s) : 0;
}

struct environment_row {
    char id[TL_ID_SIZE];
};

/* What another machine of its kind had come to is no answer any more either. */
static int anew_of_kind(struct tl_store *s, const struct tl_trial_record *r, int64_t since_us,
                        struct tl_error *e)
{
    static const struct tl_column columns[] = {TL_COLUMN(struct environment_row, id, "other.id"), {0}};
    struct tl_rows q;
    size_t n = 0;
    if (tl_rows_open_kept(
            &q, s, TL_ST_ANEW_KIND, columns,
            "FROM environment own JOIN environment other ON other.kind = own.kind AND other.id <> "
            "own.id WHERE own.id = ?",
            cannot_write, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(r->environment_id));
    struct environment_row *others = tl_rows_all(&q, sizeof *others, &n);
    int result = tl_rows_close(&q, 0, e);
    for (size_t i = 0; i < n && !result; i++) {
        int64_t cell = tl_store_cell(r->case_hash, r->variant_hash, r->unit, others[i].id);
        result = INSERT(s, TL_ST_ANEW, e, TL_INTEGER(cell), TL_INTEGER(since_us));
    }
    free(others);
    return result;
}

int tl_store_anew(struct tl_store *s, const struct tl_trial_record *r, int64_t since_us, struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    int64_t cell = tl_store_cell(r->case_hash, r->variant_hash, r->unit, r->environment_id);
    return INSERT(s, TL_ST_ANEW, e, TL_INTEGER(cell), TL_INTEGER(since_us)) || anew_of_kind(s, r, since_us, e)
               ? tl_store_undo(s)
               : 0;
}

int tl_store_begin(struct tl_store *s, const struct tl_trial_record *const *records, size_t n,
                   struct tl_error *e)
{
    if (s->mode != TL_STORE_WRITE)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, cannot_write, s->path, "it was opened for reading");
    if (!s->in_group && tl_place_check(s, e))
        return -1;
    struct tl_intent *list = tl_calloc(n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++) {
        const struct tl_trial_record *r = records[i];
        list[i] = (struct tl_intent){r->started_us,   r->id,   r->case_name,      r->case_hash, r->variant,
                                     r->variant_hash, r->unit, r->environment_id, s->session_id};
    }
    int rc = tl_intent_write(s->intents, list, n, e);
    free(list);
    return rc;
}

void tl_store_withdraw(struct tl_store *s, const char *id)
{
    if (!tl_store_group(s, NULL)) /* its place is free with the next commit */
        tl_intent_finish(s->intents, id);
}

int tl_store_trial(struct tl_store *s, const struct tl_trial_record *r, struct tl_error *e)
{
    bool added;
    if (tl_store_group(s, e))
        return -1;
    if (tl_store_insert(s, r, s->session_id, &added, e))
        return tl_store_failed(s, e);
    tl_intent_finish(s->intents, r->id);
    tl_readback_written(s, r->id);
    return ++s->group >= s->group_most ? tl_store_flush(s, e) : 0;
}
