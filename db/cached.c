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

/* Of one environment; machine: of a fleet, that ran them; NULL: any. */
static int cached_in(struct tl_store *s, const char *case_hash, const char *variant_hash, const char *unit,
                     const char *environment_id, const char *machine, size_t most, struct tl_cached **list,
                     size_t *n, struct tl_error *e)
{
    struct tl_rows q;
    *list = NULL;
    *n = 0;
    if (tl_rows_open_kept(
            &q, s, TL_ST_CACHED, columns,
            "FROM trial WHERE cell = ?1 AND variant_hash = ?2 AND case_hash = ?3 AND unit = ?4 AND "
            "ifnull(environment_id, '') = ?5 AND outcome <> 'unsupported' AND " TL_NOT_IMPORTED(
                "") " AND NOT EXISTS "
                    "(SELECT 1 FROM set_aside WHERE trial_id = trial.id) "
                    "AND (?6 IS NULL OR EXISTS (SELECT 1 FROM ran_on WHERE trial_id = trial.id AND machine = "
                    "?6)) "
                    "AND started_us >= ifnull((SELECT since_us FROM anew WHERE anew.cell = trial.cell), 0) "
                    "ORDER BY started_us DESC, n DESC LIMIT ?7",
            "cannot look up earlier trials", e))
        return -1;
    TL_BIND(s, q.st, TL_INTEGER(tl_store_cell(case_hash, variant_hash, unit, environment_id)),
            TL_TEXT(variant_hash), TL_TEXT(case_hash), TL_TEXT(unit),
            TL_TEXT(environment_id ? environment_id : ""), TL_TEXT(machine),
            TL_INTEGER(most > INT64_MAX ? INT64_MAX : (int64_t)most));
    *list = tl_rows_all(&q, sizeof **list, n);
    if (!tl_rows_close(&q, 0, e))
        return 0;
    free(*list);
    *list = NULL;
    *n = 0;
    return -1;
}

struct environment_row {
    char id[TL_ID_SIZE];
    char *machine;
};

static const struct tl_column environment_columns[] = {
    TL_COLUMN(struct environment_row, id, "id"),
    TL_COLUMN(struct environment_row, machine, "machine"),
    {0},
};

/* Those that one stands for (ran_on.h). */
static const char of_kind[] =
    "FROM (SELECT id, NULL AS machine FROM environment WHERE kind = ?1 AND on_machine IS NULL UNION ALL "
    "SELECT v.id, k.on_machine FROM environment k JOIN environment v ON v.kind = k.kind AND v.on_machine IS "
    "NULL "
    "WHERE k.id = ?1 AND k.on_machine IS NOT NULL)";

static int newest_first(const void *a, const void *b)
{
    const struct tl_cached *x = a, *y = b;
    return x->started_us != y->started_us ? (x->started_us < y->started_us) - (x->started_us > y->started_us)
                                          : strcmp(y->id, x->id);
}

/* Those of one environment more; of all of them the newest. */
static void add_cached(struct tl_cached **list, size_t *n, size_t most, struct tl_cached *more, size_t n_more)
{
    if (!n_more)
        return;
    *list = tl_realloc(*list, *n + n_more, sizeof **list);
    memcpy(*list + *n, more, n_more * sizeof *more);
    *n += n_more;
    qsort(*list, *n, sizeof **list, newest_first);
    *n = *n < most ? *n : most;
}

int tl_store_cached(struct tl_store *s, const char *case_hash, const char *variant_hash, const char *unit,
                    const char *environment_id, size_t most, struct tl_cached **list, size_t *n,
                    struct tl_error *e)
{
    struct tl_rows q;
    size_t n_kinds = 0;
    if (cached_in(s, case_hash, variant_hash, unit, environment_id, NULL, most, list, n, e))
        return -1;
    if (!environment_id || !*environment_id)
        return 0;
    if (tl_rows_open_kept(&q, s, TL_ST_KINDS, environment_columns, of_kind, "cannot look up earlier trials",
                          e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(environment_id));
    struct environment_row *kinds = tl_rows_all(&q, sizeof *kinds, &n_kinds);
    int result = tl_rows_close(&q, 0, e);
    for (size_t i = 0; i < n_kinds && !result; i++) {
        struct tl_cached *more;
        size_t n_more;
        result = cached_in(s, case_hash, variant_hash, unit, kinds[i].id, kinds[i].machine, most, &more,
                           &n_more, e);
        if (!result)
            add_cached(list, n, most, more, n_more);
        free(more);
    }
    for (size_t i = 0; i < n_kinds; i++)
        free(kinds[i].machine);
    free(kinds);
    return result;
}
