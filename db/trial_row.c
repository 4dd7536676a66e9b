#include "db/trial_row.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

/* The columns of a line of a list; a row and a record have them too. */
#define LINE_COLUMNS(of)                                                                                     \
    TL_COLUMN(of, id, "trial.id"), TL_COLUMN(of, started_us, "trial.started_us"),                            \
        TL_COLUMN(of, case_name, "trial.case_name"), TL_COLUMN(of, unit, "trial.unit"),                      \
        TL_COLUMN(of, variant, "variant.json"), TL_COLUMN(of, outcome, "trial.outcome"),                     \
        TL_COLUMN(of, phase, "trial.phase"), TL_COLUMN(of, signal, "trial.signal"),                          \
        TL_COLUMN(of, fresh, "trial.fresh"), TL_COLUMN(of, wall_seconds, "trial.wall_s")

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

static const struct tl_column line_columns[] = {
    LINE_COLUMNS(struct tl_trial_line),
    TL_COLUMN(struct tl_trial_line, signature_id, "trial.signature_id"),
    TL_COLUMN(struct tl_trial_line, title, "signature.title"),
};

static const struct tl_column record_columns[] = {
    RECORD_COLUMNS(struct tl_trial_record),
    TL_COLUMN_AS(struct tl_trial_record, result, TL_COLUMN_JSON, "trial.result"),
    TL_COLUMN(struct tl_trial_record, signature.id, "signature.id"),
    TL_COLUMN(struct tl_trial_record, signature.title, "signature.title"),
    TL_COLUMN(struct tl_trial_record, signature.coarse_id, "signature.coarse_id"),
    TL_COLUMN(struct tl_trial_record, signature.coarse_title, "signature.coarse_title"),
};

#define MACHINE_ID "coalesce(environment.machine_id, session.machine_id)"

static const struct tl_column row_columns[] = {
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
    TL_COLUMN(struct tl_trial_row, os_build, "environment.os_build"),
    TL_COLUMN(struct tl_trial_row, boot, "night_session.boot"),
    /* Nobody writes the command of a trial that the next start finds lost. */
    TL_COLUMN(struct tl_trial_row, stopped, "trial.command IS NOT NULL"),
    TL_COLUMN(struct tl_trial_row, seconds,
              "ifnull(trial.load_s, 0) + ifnull(trial.compile_s, 0) + ifnull(trial.execute_s, 0) + "
              "ifnull(trial.check_s, 0)"),
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

static int open_trials(struct tl_rows *q, const char *from, const char *rest, struct tl_error *e)
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

int tl_trial_rows_open(struct tl_rows *q, struct tl_store *s, const char *chosen, const char *from,
                       const char *rest, const char *what, struct tl_error *e)
{
    return TL_ROWS_CHOOSE(q, s, row_columns, chosen, what, e) || open_trials(q, from, rest, e) ? -1 : 0;
}

int tl_trial_records_open(struct tl_rows *q, struct tl_store *s, const char *from, const char *rest,
                          const char *what, struct tl_error *e)
{
    return TL_ROWS_CHOOSE(q, s, record_columns, NULL, what, e) || open_trials(q, from, rest, e) ? -1 : 0;
}

int tl_trial_lines_open(struct tl_rows *q, struct tl_store *s, const char *from, const char *rest,
                        const char *what, struct tl_error *e)
{
    return TL_ROWS_CHOOSE(q, s, line_columns, NULL, what, e) || open_trials(q, from, rest, e) ? -1 : 0;
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

static const struct tl_column output_columns[] = {
    TL_COLUMN(struct tl_output_row, trial_id, "trial_id"), TL_COLUMN(struct tl_output_row, stream, "stream"),
    TL_COLUMN(struct tl_output_row, packed, "packed"),     TL_COLUMN(struct tl_output_row, total, "total"),
    TL_COLUMN(struct tl_output_row, head, "head"),         TL_COLUMN(struct tl_output_row, tail, "tail"),
};

int tl_output_rows_open(struct tl_rows *q, struct tl_store *s, const char *rest, const char *what,
                        struct tl_error *e)
{
    return TL_ROWS_OPEN(q, s, output_columns, rest, what, e);
}

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
