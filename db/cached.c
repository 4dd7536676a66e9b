#include "db/cached.h"

#include "db/imported.h"
#include "db/rows.h"
#include "db/values.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

int64_t tl_store_cell(const char *case_hash, const char *variant_hash, const char *unit,
                      const char *environment_id)
{
    const char *parts[] = {case_hash, variant_hash, unit, environment_id};
    struct tl_buffer b = TL_BUFFER_INIT;
    for (int i = 0; i < 4; i++)
        tl_buffer_add(&b, parts[i] ? parts[i] : "", parts[i] ? strlen(parts[i]) + 1 : 1);
    char id[TL_ID_SIZE];
    tl_content_id(b.data, b.size, id);
    tl_buffer_free(&b);
    id[16] = '\0';
    return (int64_t)(strtoull(id, NULL, 16) >> 1);
}

static const struct tl_column columns[] = {
    TL_COLUMN(struct tl_cached, id, "id"),
    TL_COLUMN(struct tl_cached, started_us, "started_us"),
    TL_COLUMN(struct tl_cached, outcome, "outcome"),
    TL_COLUMN(struct tl_cached, phase, "phase"),
    TL_COLUMN_SIGNAL_OF(struct tl_cached, signal, ""),
    TL_COLUMN(struct tl_cached, signature_id, "signature_id"),
    TL_COLUMN(struct tl_cached, fresh, "fresh"),
    /* Nobody writes the command of a trial that the next start finds lost. */
    TL_COLUMN(struct tl_cached, stopped, "command IS NOT NULL"),
    {0},
};

int tl_store_cached(struct tl_store *s, const char *case_hash, const char *variant_hash, const char *unit,
                    const char *environment_id, size_t most, struct tl_cached **list, size_t *n,
                    struct tl_error *e)
{
    struct tl_rows q;
    *list = NULL;
    *n = 0;
    if (tl_rows_open_kept(
            &q, s, TL_ST_CACHED, columns,
            "FROM trial WHERE cell = ? AND variant_hash = ? AND case_hash = ? AND unit = ? AND "
            "ifnull(environment_id, '') = ? AND outcome <> 'unsupported' AND " TL_NOT_IMPORTED(
                "") " AND NOT EXISTS "
                    "(SELECT 1 FROM set_aside WHERE trial_id = trial.id) "
                    "AND started_us >= ifnull((SELECT since_us FROM anew WHERE anew.cell = trial.cell), 0) "
                    "ORDER BY started_us DESC, n DESC LIMIT ?",
            "cannot look up earlier trials", e))
        return -1;
    TL_BIND(s, q.st, TL_INTEGER(tl_store_cell(case_hash, variant_hash, unit, environment_id)),
            TL_TEXT(variant_hash), TL_TEXT(case_hash), TL_TEXT(unit),
            TL_TEXT(environment_id ? environment_id : ""),
            TL_INTEGER(most > INT64_MAX ? INT64_MAX : (int64_t)most));
    *list = tl_rows_all(&q, sizeof **list, n);
    if (!tl_rows_close(&q, 0, e))
        return 0;
    free(*list);
    *list = NULL;
    *n = 0;
    return -1;
}
