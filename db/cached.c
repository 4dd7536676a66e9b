#include "db/cached.h"

#include "db/group.h"
#include "db/sql.h"
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

int tl_store_cached(struct tl_store *s, const char *case_hash, const char *variant_hash, const char *unit,
                    const char *environment_id, size_t most, struct tl_cached **list, size_t *n,
                    struct tl_error *e)
{
    static const char what[] = "cannot look up earlier trials";
    static const char sql[] = "SELECT id, started_us, outcome, phase, signal, signature_id, fresh FROM trial "
                              "WHERE cell = ? AND variant_hash = ? AND case_hash = ? AND unit = ? "
                              "AND ifnull(environment_id, '') = ? ORDER BY started_us DESC, n DESC LIMIT ?";
    *list = NULL;
    *n = 0;
    sqlite3_stmt *st = tl_store_statement(s, TL_ST_CACHED, sql, what, e);
    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, tl_store_cell(case_hash, variant_hash, unit, environment_id));
    tl_sql_bind(st, 2, variant_hash);
    tl_sql_bind(st, 3, case_hash);
    tl_sql_bind(st, 4, unit);
    tl_sql_bind(st, 5, environment_id ? environment_id : "");
    sqlite3_bind_int64(st, 6, most > INT64_MAX ? INT64_MAX : (int64_t)most);
    size_t room = 0;
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        if (*n == room) {
            room = room ? 2 * room : 16;
            *list = tl_realloc(*list, room, sizeof **list);
        }
        struct tl_cached *c = &(*list)[(*n)++];
        int outcome = tl_outcome_parse((const char *)sqlite3_column_text(st, 2));
        int phase = tl_phase_parse((const char *)sqlite3_column_text(st, 3));
        memset(c, 0, sizeof *c);
        tl_sql_copy(st, 0, c->id, sizeof c->id);
        c->started_us = sqlite3_column_int64(st, 1);
        c->outcome = outcome < 0 ? TL_OUTCOME_LOST : (enum tl_outcome)outcome;
        c->phase = phase < 0 ? TL_PHASE_START : (enum tl_phase)phase;
        c->signal = sqlite3_column_int(st, 4);
        tl_sql_copy(st, 5, c->signature_id, sizeof c->signature_id);
        c->fresh = sqlite3_column_int(st, 6);
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    if (rc == SQLITE_DONE)
        return 0;
    free(*list);
    *list = NULL;
    *n = 0;
    return tl_sql_fail(e, s->db, rc, what);
}
