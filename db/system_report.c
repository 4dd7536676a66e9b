#include "db/system_report.h"

#include "db/group.h"
#include "db/imported.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/trial_row.h"
#include "db/values.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot store a report";
static const char cannot_read[] = "cannot read the reports of the system";

#define LOOK_BACK_US                                                                                         \
    (INT64_C(7) * 86400 * 1000000) /* a trial that runs longer than a week is not looked for */

/* ---- which are known ---- */

int tl_query_report_places(struct tl_store *s, const char *id, bool *known, struct tl_report_place **list,
                           size_t *n, struct tl_error *e)
{
    struct place_row {
        char trial_id[TL_UUID_SIZE];
        const char *relation;
    } row;
    static const struct tl_column columns[] = {
        TL_COLUMN(struct place_row, trial_id, "ifnull(trial_id, '')"),
        TL_COLUMN(struct place_row, relation, "relation"),
        {0},
    };
    struct tl_rows q;
    *known = false;
    *list = NULL;
    *n = 0;
    if (tl_rows_open(
            &q, s, columns,
            "FROM system_report LEFT JOIN report_of_trial ON report_id = id WHERE id = ? ORDER BY trial_id",
            cannot_read, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(id));
    while (tl_rows_next(&q, &row)) {
        int relation = tl_report_relation_parse(row.relation);
        *known = true;
        if (!row.trial_id[0])
            continue;
        struct tl_report_place *p = TL_GROW(*list, *n);
        memcpy(p->trial_id, row.trial_id, sizeof row.trial_id);
        p->relation = relation < 0 ? TL_REPORT_NOTE : (enum tl_report_relation)relation;
    }
    return tl_rows_close(&q, 0, e);
}

/* ---- which trials ran then ---- */

/* Of a trial that the next start found lost nobody knows when it ended: it was before another session of its machine
 * began. */
static const char then[] =
    "FROM trial LEFT JOIN session ON session.id = trial.session_id LEFT JOIN environment ON environment.id = "
    "trial.environment_id WHERE trial.outcome IN ('pass', 'crash', "
    "'hang', "
    "'oom', 'error', 'wrong', 'fallback', 'unsupported', 'lost') AND trial.started_us BETWEEN ?1 AND ?2 "
    "AND " TL_NOT_IMPORTED("trial.") " AND (trial.started_us + CAST(trial.wall_s * 1e6 AS INTEGER) >= ?3 OR "
                                     "(trial.outcome = 'lost' AND trial.command IS NULL AND NOT EXISTS "
                                     "(SELECT 1 FROM session z WHERE z.machine_id IS session.machine_id AND "
                                     "z.started_us > trial.started_us AND z.started_us <= ?3))) "
                                     "ORDER BY trial.started_us, trial.n";

int tl_query_trials_then(struct tl_store *s, int64_t us, int64_t slack_us, tl_trial_then_found found,
                         void *arg, struct tl_error *e)
{
    static const struct tl_column columns[] = {
        TL_COLUMN(struct tl_trial_then, id, "trial.id"),
        TL_COLUMN(struct tl_trial_then, started_us, "trial.started_us"),
        TL_COLUMN(struct tl_trial_then, ended_us, "trial.started_us + CAST(trial.wall_s * 1e6 AS INTEGER)"),
        TL_COLUMN(struct tl_trial_then, outcome, "trial.outcome"),
        TL_COLUMN(struct tl_trial_then, os_build,
                  "ifnull(nullif(environment.os_build, ''), session.os_build)"),
        TL_COLUMN(
            struct tl_trial_then, pids,
            "ifnull(trial.pids, (SELECT json_group_array(pid) FROM capture WHERE trial_id = trial.id))"),
        TL_COLUMN(struct tl_trial_then, case_name, "trial.case_name"),
        TL_COLUMN(struct tl_trial_then, unit, "trial.unit"),
        {0},
    };
    struct tl_rows q;
    struct tl_trial_then t = {0};
    int stop = 0;
    if (tl_rows_open(&q, s, columns, then, cannot_read, e))
        return -1;
    TL_BIND(s, q.st, TL_INTEGER(us - LOOK_BACK_US), TL_INTEGER(us + slack_us), TL_INTEGER(us - slack_us));
    while (!stop && tl_rows_next(&q, &t)) {
        stop = found(arg, &t, e);
        free(t.pids);
    }
    return tl_rows_close(&q, stop, e);
}

/* ---- storing and reading ---- */

static int put(struct tl_store *s, const struct tl_system_report *r, const char *trial_id, struct tl_error *e)
{
    if (TL_RUN(
            s,
            "INSERT OR IGNORE INTO system_report(id, bug_type, kind, incident, process, pid, parent, "
            "responsible, "
            "launched_us, captured_us, os, os_build, model, cpu, exception, subtype, codes, queue, reason, "
            "termination, title, name, text) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            what_, e, TL_TEXT(r->id), TL_INTEGER(r->bug_type), TL_TEXT(r->kind ? r->kind : ""),
            TL_TEXT(r->incident), TL_TEXT(r->process), TL_INTEGER(r->pid), TL_INTEGER(r->parent),
            TL_INTEGER(r->responsible), TL_INTEGER(r->launched_us), TL_INTEGER(r->captured_us),
            TL_TEXT(r->os), TL_TEXT(r->os_build), TL_TEXT(r->model), TL_TEXT(r->cpu), TL_TEXT(r->exception),
            TL_TEXT(r->subtype), TL_TEXT(r->codes), TL_TEXT(r->queue), TL_TEXT(r->reason),
            TL_TEXT(r->termination), TL_TEXT(r->title), TL_TEXT(r->name), TL_PACKED(r->text)))
        return -1;
    return TL_RUN(s, "INSERT OR IGNORE INTO report_of_trial(report_id, trial_id, relation) VALUES(?,?,?)",
                  what_, e, TL_TEXT(r->id), TL_TEXT(trial_id), TL_TEXT(tl_report_relation_name(r->relation)));
}

int tl_store_report(struct tl_store *s, const struct tl_system_report *r, const char *trial_id,
                    struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    return put(s, r, trial_id, e) ? tl_store_undo(s) : 0;
}

int tl_store_put_reports(struct tl_store *s, const struct tl_trial_record *r, struct tl_error *e)
{
    for (size_t i = 0; i < r->n_reports; i++)
        if (put(s, &r->reports[i], r->id, e))
            return -1;
    return 0;
}

struct report_row {
    struct tl_system_report r; /* without relation and text */
    const char *relation;
    char *text;
};

#define REPORT_COLUMN(field) TL_COLUMN(struct report_row, r.field, #field)

int tl_query_reports(struct tl_store *s, struct tl_trial_record *r, struct tl_error *e)
{
    static const struct tl_column columns[] = {
        REPORT_COLUMN(id),
        REPORT_COLUMN(bug_type),
        REPORT_COLUMN(kind),
        REPORT_COLUMN(incident),
        REPORT_COLUMN(process),
        REPORT_COLUMN(pid),
        REPORT_COLUMN(parent),
        REPORT_COLUMN(responsible),
        REPORT_COLUMN(launched_us),
        REPORT_COLUMN(captured_us),
        REPORT_COLUMN(os),
        REPORT_COLUMN(os_build),
        REPORT_COLUMN(model),
        REPORT_COLUMN(cpu),
        REPORT_COLUMN(exception),
        REPORT_COLUMN(subtype),
        REPORT_COLUMN(codes),
        REPORT_COLUMN(queue),
        REPORT_COLUMN(reason),
        REPORT_COLUMN(termination),
        REPORT_COLUMN(title),
        REPORT_COLUMN(name),
        TL_COLUMN(struct report_row, relation, "relation"),
        TL_COLUMN_AS(struct report_row, text, TL_COLUMN_PACKED, "text"),
        {0},
    };
    struct tl_rows q;
    struct report_row row = {0};
    if (tl_rows_open_kept(
            &q, s, TL_ST_READ_REPORT, columns,
            "FROM report_of_trial JOIN system_report ON id = report_id WHERE trial_id = ? ORDER BY "
            "relation NOT IN ('imported', 'own'), relation = 'note', captured_us, id",
            cannot_read, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(r->id));
    while (tl_rows_next(&q, &row)) {
        int relation = tl_report_relation_parse(row.relation);
        row.r.relation = relation < 0 ? TL_REPORT_NOTE : (enum tl_report_relation)relation;
        row.r.text = row.text;
        row.r.size = row.text ? strlen(row.text) : 0;
        *TL_GROW(r->reports, r->n_reports) = row.r;
    }
    return tl_rows_close(&q, 0, e);
}

/* ---- the same failure ---- */

#define NEWEST(column)                                                                                       \
    "(SELECT " column                                                                                        \
    " FROM trial WHERE signature_id = g.id AND " TL_NOT_IMPORTED("") " ORDER BY started_us DESC LIMIT 1)"

int tl_query_same_failures(struct tl_store *s, const struct tl_trial_record *r, struct tl_same_failures *same,
                           struct tl_error *e)
{
    static const struct tl_column columns[] = {
        TL_COLUMN(struct tl_same_failure, id, "g.id"),
        TL_COLUMN(struct tl_same_failure, phase, "g.phase"),
        TL_COLUMN(struct tl_same_failure, title, "g.title"),
        TL_COLUMN(struct tl_same_failure, coarse, "g.title <> ?3"),
        TL_COLUMN(struct tl_same_failure, trials, "sum(y.trials) AS trials"),
        TL_COLUMN(struct tl_same_failure, case_name, NEWEST("case_name")),
        TL_COLUMN(struct tl_same_failure, unit, NEWEST("unit")),
        TL_COLUMN(struct tl_same_failure, trial_id, NEWEST("id")),
        {0},
    };
    struct tl_rows q;
    *same = (struct tl_same_failures){0, NULL};
    if (tl_rows_open(
            &q, s, columns,
            "FROM signature g JOIN tally y ON y.signature_id = g.id WHERE g.outcome = ?1 AND "
            "ifnull(g.signal_name, iif(g.signal, g.signal, '')) IN (?2, ?5) AND (g.title = ?3 OR "
            "g.coarse_title = ?4) "
            "AND " TL_NOT_IMPORTED("y.") " GROUP BY g.id ORDER BY g.title <> ?3, trials DESC, g.id LIMIT 8",
            cannot_read, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(tl_outcome_name(r->outcome)),
            TL_TEXT(r->signal ? tl_signal_name(r->signal) : ""), TL_TEXT(r->signature.title),
            TL_TEXT(r->signature.coarse_title), TL_INTEGER(r->signal));
    same->list = tl_rows_all(&q, sizeof *same->list, &same->n);
    if (!tl_rows_close(&q, 0, e))
        return 0;
    tl_same_failures_free(same);
    return -1;
}

void tl_same_failures_free(struct tl_same_failures *same)
{
    for (size_t i = 0; i < same->n; i++) {
        free(same->list[i].title);
        free(same->list[i].case_name);
        free(same->list[i].unit);
    }
    free(same->list);
    *same = (struct tl_same_failures){0, NULL};
}
