#include "db/asked.h"

#include "db/group.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/trial_write.h"
#include "db/values.h"

#include <stdlib.h>

static const char cannot_note[] = "cannot note what was asked of a fleet";

int tl_asked_put(struct tl_store *s, const struct tl_asked *a, struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    return TL_RUN(s, "INSERT OR IGNORE INTO asked VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)", cannot_note, e,
                  TL_TEXT(a->job_id), TL_TEXT(a->trial_id), TL_TEXT(s->session_id), TL_TEXT(a->case_name),
                  TL_TEXT(a->case_hash), TL_TEXT(a->variant), TL_TEXT(a->variant_hash), TL_TEXT(a->unit),
                  TL_TEXT(a->kind), TL_TEXT(a->device), TL_INTEGER(a->asked_us), TL_PACKED(a->job),
                  TL_TEXT(a->stands_for), TL_TEXT(a->machine))
               ? tl_store_undo(s)
               : 0;
}

int tl_asked_done(struct tl_store *s, const char *job_id, struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    return TL_RUN(s, "DELETE FROM asked WHERE job_id = ?", cannot_note, e, TL_TEXT(job_id)) ? tl_store_undo(s)
                                                                                            : 0;
}

int tl_asked_each(struct tl_store *s, const char *job_id, tl_asked_found found, void *arg, size_t *n,
                  struct tl_error *e)
{
    static const struct tl_column columns[] = {
        TL_COLUMN(struct tl_asked, job_id, "job_id"),
        TL_COLUMN(struct tl_asked, trial_id, "trial_id"),
        TL_COLUMN(struct tl_asked, session_id, "session_id"),
        TL_COLUMN(struct tl_asked, case_name, "case_name"),
        TL_COLUMN(struct tl_asked, case_hash, "case_hash"),
        TL_COLUMN(struct tl_asked, variant, "variant"),
        TL_COLUMN(struct tl_asked, variant_hash, "variant_hash"),
        TL_COLUMN(struct tl_asked, unit, "unit"),
        TL_COLUMN(struct tl_asked, kind, "kind"),
        TL_COLUMN(struct tl_asked, device, "device"),
        TL_COLUMN(struct tl_asked, asked_us, "asked_us"),
        TL_COLUMN(struct tl_asked, stands_for, "stands_for"),
        TL_COLUMN(struct tl_asked, machine, "machine"),
        TL_COLUMN_AS(struct tl_asked, job, TL_COLUMN_PACKED, "job"),
        {0},
    };
    struct tl_rows q;
    struct tl_asked a = {0};
    size_t count = 0;
    if (tl_rows_open(&q, s, columns, "FROM asked WHERE ?1 IS NULL OR job_id = ?1 ORDER BY asked_us, job_id",
                     "cannot read what was asked of a fleet", e))
        return -1;
    tl_sql_bind(q.st, 1, job_id);
    int stop = 0;
    while (!stop && tl_rows_next(&q, &a)) {
        count++;
        stop = found ? found(arg, &a, e) : 0;
        free(a.job);
        a.job = NULL;
    }
    if (n)
        *n = count;
    return tl_rows_close(&q, stop, e);
}

int tl_asked_answer(struct tl_store *s, const char *job_id, const char *session_id,
                    const struct tl_trial_record *r, struct tl_error *e)
{
    bool added;
    return tl_asked_done(s, job_id, e) || tl_store_insert(s, r, session_id, &added, e) ? -1 : 0;
}
