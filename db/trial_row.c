#include "db/trial_row.h"

#include "db/pack.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* The columns of a line of a list; a row and a record have them too. */
#define LINE_COLUMNS(of)                                                                                     \
    TL_COLUMN(of, id, "trial.id"), TL_COLUMN(of, started_us, "trial.started_us"),                            \
        TL_COLUMN(of, case_name, "trial.case_name"), TL_COLUMN(of, unit, "trial.unit"),                      \
        TL_COLUMN(of, variant, "variant.json"), TL_COLUMN(of, outcome, "trial.outcome"),                     \
        TL_COLUMN(of, phase, "trial.phase"), TL_COLUMN_SIGNAL_OF(of, signal, "trial."),                      \
        TL_COLUMN(of, fresh, "trial.fresh"), TL_COLUMN(of, wall_seconds, "trial.wall_s"),                    \
        TL_COLUMN(of, set_aside, "(SELECT because FROM set_aside WHERE trial_id = trial.id)")

/* The columns of a record that are rows of trial and variant; a row has them too. */
#define RECORD_COLUMNS(of)                                                                                   \
    LINE_COLUMNS(of), TL_COLUMN(of, case_hash, "trial.case_hash"),                                           \
        TL_COLUMN(of, variant_hash, "trial.variant_hash"),                                                   \
        TL_COLUMN(of, environment_id, "trial.environment_id"),                                               \
        TL_COLUMN(of, observed_device, "trial.observed_device"),                                             \
        TL_COLUMN(of, error_domain, "trial.error_domain"), TL_COLUMN(of, error_code, "trial.error_code"),    \
        TL_COLUMN(of, message, "trial.message"), TL_COLUMN(of, exit_status, "trial.exit_status"),            \
        TL_COLUMN(of, user_seconds, "trial.user_s"), TL_COLUMN(of, system_seconds, "trial.system_s"),        \
        TL_COLUMN(of, peak_rss, "trial.peak_rss"),                                                           \
        TL_COLUMN(of, phase_seconds[TL_PHASE_START], "trial.start_s"),                                       \
        TL_COLUMN(of, phase_seconds[TL_PHASE_GENERATE], "trial.generate_s"),                                 \
        TL_COLUMN(of, phase_seconds[TL_PHASE_LOAD], "trial.load_s"),                                         \
        TL_COLUMN(of, phase_seconds[TL_PHASE_COMPILE], "trial.compile_s"),                                   \
        TL_COLUMN(of, phase_seconds[TL_PHASE_EXECUTE], "trial.execute_s"),                                   \
        TL_COLUMN(of, phase_seconds[TL_PHASE_CHECK], "trial.check_s"),                                       \
        TL_COLUMN(of, phase_seconds[TL_PHASE_DONE], "trial.done_s"),                                         \
        TL_COLUMN_AS(of, command, TL_COLUMN_PACKED, "trial.command"),                                        \
        TL_COLUMN_AS(of, request, TL_COLUMN_PACKED, "trial.request")

const struct tl_column tl_line_columns[] = {
    LINE_COLUMNS(struct tl_trial_line),
    TL_COLUMN(struct tl_trial_line, signature_id, "trial.signature_id"),
    TL_COLUMN(struct tl_trial_line, title, "signature.title"),
    {0},
};

const struct tl_column tl_record_columns[] = {
    RECORD_COLUMNS(struct tl_trial_record),
    TL_COLUMN_AS(struct tl_trial_record, result, TL_COLUMN_JSON, "trial.result"),
    TL_COLUMN(struct tl_trial_record, signature.id, "signature.id"),
    TL_COLUMN(struct tl_trial_record, signature.title, "signature.title"),
    TL_COLUMN(struct tl_trial_record, signature.coarse_id, "signature.coarse_id"),
    TL_COLUMN(struct tl_trial_record, signature.coarse_title, "signature.coarse_title"),
    {0},
};

#define MACHINE_ID "coalesce(environment.machine_id, session.machine_id)"

const struct tl_column tl_row_columns[] = {
    RECORD_COLUMNS(struct tl_trial_row),
    TL_COLUMN_AS(struct tl_trial_row, result, TL_COLUMN_PACKED, "trial.result"),
    TL_COLUMN(struct tl_trial_row, session_id, "trial.session_id"),
    TL_COLUMN(struct tl_trial_row, signature_id, "trial.signature_id"),
    TL_COLUMN(struct tl_trial_row, title, "signature.title"),
    TL_COLUMN(struct tl_trial_row, coarse_id, "signature.coarse_id"),
    TL_COLUMN(struct tl_trial_row, coarse_title, "signature.coarse_title"),
    TL_COLUMN(struct tl_trial_row, machine_id, MACHINE_ID),
    TL_COLUMN(struct tl_trial_row, machine_name, "(SELECT name FROM machine WHERE id = " MACHINE_ID ")"),
    TL_COLUMN(struct tl_trial_row, runtime_version, "environment.runtime_version"),
    TL_COLUMN(struct tl_trial_row, versions, "environment.versions"),
    TL_COLUMN(struct tl_trial_row, os_build, "environment.os_build"),
    TL_COLUMN(struct tl_trial_row, boot, "night_session.boot"),
    /* Nobody writes the command of a trial that the next start finds lost. */
    TL_COLUMN(struct tl_trial_row, stopped, "trial.command IS NOT NULL"),
    TL_COLUMN(struct tl_trial_row, seconds,
              "ifnull(trial.load_s, 0) + ifnull(trial.compile_s, 0) + ifnull(trial.execute_s, 0) + "
              "ifnull(trial.check_s, 0)"),
    {0},
};

/* What stands before the dot in a column says what it needs. Each is joined by its key: no row becomes two.
 */
static const struct {
    const char *prefix, *sql;
} joins[] = {
    {"variant.", " LEFT JOIN variant ON variant.hash = trial.variant_hash"},
    {"signature.", " LEFT JOIN signature ON signature.id = trial.signature_id"},
    {"environment.", " LEFT JOIN environment ON environment.id = trial.environment_id"},
    {"session.", " LEFT JOIN session ON session.id = trial.session_id"},
    {"night_session.", " LEFT JOIN night_session ON night_session.session_id = trial.session_id"},
};

static int prepare(struct tl_rows *q, const char *from, const char *rest, struct tl_error *e)
{
    struct tl_buffer sql = TL_BUFFER_INIT;
    tl_buffer_add_string(&sql, from);
    for (size_t i = 0; i < TL_COUNT(joins); i++)
        if (tl_rows_need(q, joins[i].prefix))
            tl_buffer_add_string(&sql, joins[i].sql);
    tl_buffer_printf(&sql, " %s", rest);
    int failed = tl_rows_prepare(q, sql.data, e);
    tl_buffer_free(&sql);
    return failed;
}

int tl_trials_open(struct tl_rows *q, struct tl_store *s, const struct tl_column *columns, const char *chosen,
                   const char *from, const char *rest, const char *what, struct tl_error *e)
{
    return tl_rows_choose(q, s, columns, chosen, what, e) || prepare(q, from, rest, e) ? -1 : 0;
}

int tl_trials_open_kept(struct tl_rows *q, struct tl_store *s, enum tl_statement which,
                        const struct tl_column *columns, const char *chosen, const char *from,
                        const char *rest, const char *what, struct tl_error *e)
{
    if (tl_rows_choose(q, s, columns, chosen, what, e))
        return -1;
    return tl_rows_kept(q, which) || !prepare(q, from, rest, e) ? tl_rows_keep(q, which) : -1;
}

int tl_trial_rows_each(struct tl_rows *q, tl_trial_row_found found, void *arg, struct tl_error *e)
{
    struct tl_trial_row t = {0};
    int stop = 0;
    while (!stop && tl_rows_next(q, &t)) {
        stop = found(arg, &t, e);
        tl_trial_row_free(&t);
    }
    return tl_rows_close(q, stop, e);
}

void tl_trial_row_free(struct tl_trial_row *t)
{
    free(t->command);
    free(t->request);
    free(t->result);
}

const struct tl_column tl_output_columns[] = {
    TL_COLUMN(struct tl_output_row, trial_id, "trial_id"),
    TL_COLUMN(struct tl_output_row, stream, "stream"),
    TL_COLUMN(struct tl_output_row, packed, "packed"),
    TL_COLUMN(struct tl_output_row, total, "total"),
    TL_COLUMN(struct tl_output_row, head, "head"),
    TL_COLUMN(struct tl_output_row, tail, "tail"),
    {0},
};

void tl_output_take(struct tl_store *s, const struct tl_output_row *row, struct tl_output *out,
                    struct tl_output *err)
{
    struct tl_output *o = row->stream == 1 ? out : err;
    if ((row->stream != 1 && row->stream != 2) || o->head || o->tail)
        return;
    o->total = row->total;
    tl_unpack(&s->packer, &row->head, row->packed & 1, &o->head, &o->head_size);
    tl_unpack(&s->packer, &row->tail, row->packed >> 1 & 1, &o->tail, &o->tail_size);
}

const struct tl_column tl_capture_columns[] = {
    TL_COLUMN(struct tl_capture_row, trial_id, "trial_id"),
    TL_COLUMN(struct tl_capture_row, number, "capture"),
    TL_COLUMN(struct tl_capture_row, kind, "kind"),
    TL_COLUMN(struct tl_capture_row, c.pid, "pid"),
    TL_COLUMN(struct tl_capture_row, c.tid, "tid"),
    TL_COLUMN(struct tl_capture_row, c.exe, "exe"),
    TL_COLUMN(struct tl_capture_row, c.is_main, "is_main"),
    TL_COLUMN(struct tl_capture_row, c.fatal, "fatal"),
    TL_COLUMN_SIGNAL_OF(struct tl_capture_row, c.signal, ""),
    TL_COLUMN(struct tl_capture_row, c.si_code, "si_code"),
    TL_COLUMN(struct tl_capture_row, c.sender_pid, "si_pid"),
    TL_COLUMN(struct tl_capture_row, c.has_address, "fault_address IS NOT NULL"),
    TL_COLUMN(struct tl_capture_row, c.fault_address, "fault_address"),
    TL_COLUMN(struct tl_capture_row, registers, "registers"),
    TL_COLUMN(struct tl_capture_row, fault, "fault"),
    TL_COLUMN(struct tl_capture_row, set, "module_set_id"),
    TL_COLUMN_AS(struct tl_capture_row, bases, TL_COLUMN_PACKED, "bases"),
    TL_COLUMN(struct tl_capture_row, c.capture_ns, "capture_ns"),
    {0},
};

const struct tl_column tl_thread_columns[] = {
    TL_COLUMN(struct tl_thread_row, trial_id, "trial_id"),
    TL_COLUMN(struct tl_thread_row, capture, "capture"),
    TL_COLUMN(struct tl_thread_row, t.pid, "pid"),
    TL_COLUMN(struct tl_thread_row, t.tid, "tid"),
    TL_COLUMN_AS(struct tl_thread_row, t.name, TL_COLUMN_ARRAY, "name"),
    TL_COLUMN(struct tl_thread_row, t.crashed, "crashed"),
    TL_COLUMN(struct tl_thread_row, t.on_cpu, "on_cpu"),
    TL_COLUMN(struct tl_thread_row, t.state, "state"),
    TL_COLUMN(struct tl_thread_row, t.stack_id, "stack_id"),
    TL_COLUMN_AS(struct tl_thread_row, t.omitted_at, TL_COLUMN_INTEGER, "omitted_at"),
    TL_COLUMN(struct tl_thread_row, t.omitted, "omitted"),
    TL_COLUMN(struct tl_thread_row, t.truncated, "truncated"),
    TL_COLUMN_AS(struct tl_thread_row, frames, TL_COLUMN_PACKED, "frames"),
    TL_COLUMN_AS(struct tl_thread_row, symbols, TL_COLUMN_PACKED, "symbols"),
    {0},
};

struct tl_capture *tl_capture_take(struct tl_capture_row *row, struct tl_capture **list, size_t *n)
{
    struct tl_capture *c = TL_GROW(*list, *n);
    *c = row->c;
    c->kind = row->kind && strcmp(row->kind, "hang") == 0 ? TL_CAPTURE_HANG : TL_CAPTURE_SIGNAL;
    row->c.exe = NULL;
    tl_unpack_fault(row->fault, c);
    return c;
}
