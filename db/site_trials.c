/* Every trial with its outputs and captures: four cursors over tables that are all ordered by the trial's id
 * walk side by side, so that each row is read once and nothing is looked up. */
#include "db/site.h"

#include "db/sql.h"
#include "db/store_impl.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot read the trials for a site";

enum table { TRIAL, OUTPUT, CAPTURE, THREAD, TABLES };

static const char *const sql[TABLES] = {
    [TRIAL] =
        "SELECT t.id, t.case_name, t.unit, v.json, t.environment_id, t.session_id, t.signature_id, g.title, "
        "g.coarse_title, t.observed_device, t.error_domain, t.error_code, t.message, t.outcome, t.phase, "
        "t.started_us, "
        "t.signal, t.exit_status, t.fresh, t.wall_s, t.user_s, t.system_s, t.peak_rss, t.command, t.start_s, "
        "t.generate_s, "
        "t.load_s, t.compile_s, t.execute_s, t.check_s, t.done_s FROM trial t LEFT JOIN variant v ON v.hash "
        "= "
        "t.variant_hash LEFT JOIN signature g ON g.id = t.signature_id ORDER BY t.id",
    [OUTPUT] = "SELECT trial_id, stream, total, packed, head, tail FROM output ORDER BY trial_id, stream",
    [CAPTURE] = "SELECT trial_id, capture, kind, exe, pid, signal, si_code, fatal, fault_address FROM "
                "capture ORDER BY "
                "trial_id, capture",
    [THREAD] = "SELECT trial_id, capture, tid, crashed, name, state, stack_id FROM thread ORDER BY trial_id, "
               "capture, "
               "thread",
};

struct walk {
    struct tl_store *s;
    sqlite3_stmt *st[TABLES];
    int rc[TABLES]; /* SQLITE_ROW while there is a row */
};

static const char *text(sqlite3_stmt *st, int column)
{
    return (const char *)sqlite3_column_text(st, column);
}

static int advance(struct walk *w, enum table t)
{
    return w->rc[t] = sqlite3_step(w->st[t]);
}

/* Whether the cursor stands on a row of this trial; rows of trials that are not there are passed over. */
static bool belongs(struct walk *w, enum table t, const char *id)
{
    while (w->rc[t] == SQLITE_ROW) {
        const char *mine = text(w->st[t], 0);
        int order = strcmp(mine ? mine : "", id);
        if (order >= 0)
            return order == 0;
        advance(w, t);
    }
    return false;
}

static void take_outputs(struct walk *w, struct tl_site_trial *r)
{
    for (; belongs(w, OUTPUT, r->id); advance(w, OUTPUT)) {
        sqlite3_stmt *st = w->st[OUTPUT];
        int stream = sqlite3_column_int(st, 1), packed = sqlite3_column_int(st, 3);
        struct tl_output *o = stream == 1 ? &r->out : &r->err;
        if ((stream != 1 && stream != 2) || o->head || o->tail)
            continue;
        o->total = (uint64_t)sqlite3_column_int64(st, 2);
        tl_unpack(&w->s->packer, st, 4, packed & 1, &o->head, &o->head_size);
        tl_unpack(&w->s->packer, st, 5, packed >> 1 & 1, &o->tail, &o->tail_size);
    }
}

static void take_threads(struct walk *w, const char *id, int64_t capture, struct tl_site_capture *c)
{
    for (; belongs(w, THREAD, id); advance(w, THREAD)) {
        sqlite3_stmt *st = w->st[THREAD];
        int64_t of = sqlite3_column_int64(st, 1);
        if (of > capture)
            return;
        if (of < capture)
            continue;
        c->threads = tl_realloc(c->threads, c->n_threads + 1, sizeof *c->threads);
        c->threads[c->n_threads++] = (struct tl_site_thread){.tid = sqlite3_column_int(st, 2),
                                                             .crashed = sqlite3_column_int(st, 3),
                                                             .name = tl_sql_dup(st, 4),
                                                             .state = tl_sql_dup(st, 5),
                                                             .stack_id = tl_sql_dup(st, 6)};
    }
}

static void take_captures(struct walk *w, struct tl_site_trial *r)
{
    for (; belongs(w, CAPTURE, r->id); advance(w, CAPTURE)) {
        sqlite3_stmt *st = w->st[CAPTURE];
        r->captures = tl_realloc(r->captures, r->n_captures + 1, sizeof *r->captures);
        struct tl_site_capture *c = &r->captures[r->n_captures++];
        *c = (struct tl_site_capture){.kind = tl_sql_dup(st, 2),
                                      .exe = tl_sql_dup(st, 3),
                                      .pid = sqlite3_column_int(st, 4),
                                      .signal = sqlite3_column_int(st, 5),
                                      .si_code = sqlite3_column_int(st, 6),
                                      .fatal = sqlite3_column_int(st, 7),
                                      .has_address = sqlite3_column_type(st, 8) != SQLITE_NULL,
                                      .fault_address = (uint64_t)sqlite3_column_int64(st, 8)};
        take_threads(w, r->id, sqlite3_column_int64(st, 1), c);
    }
}

static void release(struct tl_site_trial *r)
{
    for (size_t i = 0; i < r->n_captures; i++) {
        struct tl_site_capture *c = &r->captures[i];
        for (size_t k = 0; k < c->n_threads; k++) {
            free(c->threads[k].name);
            free(c->threads[k].state);
            free(c->threads[k].stack_id);
        }
        free(c->threads);
        free(c->kind);
        free(c->exe);
    }
    free(r->captures);
    free(r->out.head);
    free(r->out.tail);
    free(r->err.head);
    free(r->err.tail);
}

static int report(struct walk *w, tl_site_trial_found found, void *arg, struct tl_error *e)
{
    sqlite3_stmt *st = w->st[TRIAL];
    const char *outcome = text(st, 13), *phase = text(st, 14);
    int o = outcome ? tl_outcome_parse(outcome) : -1, p = phase ? tl_phase_parse(phase) : -1;
    char *command;
    tl_unpack(&w->s->packer, st, 23, -1, &command, NULL);
    struct tl_site_trial r = {
        .id = text(st, 0),
        .case_name = text(st, 1),
        .unit = text(st, 2),
        .variant = text(st, 3),
        .environment_id = text(st, 4),
        .session_id = text(st, 5),
        .signature_id = text(st, 6),
        .title = text(st, 7),
        .coarse_title = text(st, 8),
        .observed_device = text(st, 9),
        .error_domain = text(st, 10),
        .error_code = text(st, 11),
        .message = text(st, 12),
        .command = command,
        .outcome = o < 0 ? TL_OUTCOME_LOST : (enum tl_outcome)o,
        .phase = p < 0 ? TL_PHASE_START : (enum tl_phase)p,
        .started_us = sqlite3_column_int64(st, 15),
        .signal = sqlite3_column_int(st, 16),
        .exit_status = sqlite3_column_int(st, 17),
        .fresh = sqlite3_column_int(st, 18),
        .wall_seconds = sqlite3_column_double(st, 19),
        .user_seconds = sqlite3_column_double(st, 20),
        .system_seconds = sqlite3_column_double(st, 21),
        .peak_rss = (uint64_t)sqlite3_column_int64(st, 22),
    };
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        r.phase_seconds[i] =
            sqlite3_column_type(st, 24 + i) == SQLITE_NULL ? -1 : sqlite3_column_double(st, 24 + i);
    take_outputs(w, &r);
    take_captures(w, &r);
    int stop = found(arg, &r, e);
    release(&r);
    free(command);
    return stop;
}

int tl_site_trials(struct tl_store *s, tl_site_trial_found found, void *arg, struct tl_error *e)
{
    struct walk w = {.s = s};
    int failed = 0, stop = 0;
    for (int t = 0; t < TABLES && !failed; t++) {
        int rc = sqlite3_prepare_v2(s->db, sql[t], -1, &w.st[t], NULL);
        failed = rc == SQLITE_OK ? 0 : tl_sql_fail(e, s->db, rc, what_);
    }
    for (int t = 0; t < TABLES && !failed; t++)
        advance(&w, (enum table)t);
    for (; !failed && !stop && w.rc[TRIAL] == SQLITE_ROW; advance(&w, TRIAL))
        stop = text(w.st[TRIAL], 0) ? report(&w, found, arg, e) : 0;
    for (int t = 0; t < TABLES && !failed && !stop; t++)
        if (w.rc[t] != SQLITE_ROW && w.rc[t] != SQLITE_DONE)
            failed = tl_sql_fail(e, s->db, w.rc[t], what_);
    for (int t = 0; t < TABLES; t++)
        sqlite3_finalize(w.st[t]);
    return failed || stop ? -1 : 0;
}
