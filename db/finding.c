#include "db/finding.h"

#include "db/sql.h"
#include "db/store_impl.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char cannot_put[] = "cannot store a finding";
static const char cannot_load[] = "cannot read a finding";

static const char *text_of(const json_t *document, const char *key)
{
    return json_string_value(json_object_get(document, key));
}

int tl_finding_put(struct tl_store *s, const json_t *document, struct tl_error *e)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO finding(id, kind, case_name, case_hash, unit, environment_id, "
        "signature_id, complete, created_us, document) VALUES(?,?,?,?,?,?,?,?,?,?)";
    if (tl_store_flush(s, e))
        return -1;
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return tl_sql_fail(e, s->db, rc, cannot_put);
    char *text = json_dumps(document, JSON_COMPACT);
    tl_sql_bind(st, 1, text_of(document, "finding"));
    tl_sql_bind(st, 2, text_of(document, "kind"));
    tl_sql_bind(st, 3, text_of(document, "case"));
    tl_sql_bind(st, 4, text_of(document, "case_hash"));
    tl_sql_bind(st, 5, text_of(document, "unit"));
    tl_sql_bind_id(st, 6, text_of(document, "environment_id"));
    tl_sql_bind_id(st, 7, text_of(json_object_get(document, "signature"), "id"));
    sqlite3_bind_int(st, 8, json_is_true(json_object_get(document, "complete")));
    sqlite3_bind_int64(st, 9, json_integer_value(json_object_get(document, "created_us")));
    tl_sql_bind(st, 10, text);
    rc = sqlite3_step(st); /* a commit of its own, in full synchronous mode: durable when it returns */
    sqlite3_finalize(st);
    free(text);
    return rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, cannot_put);
}

int tl_finding_load(struct tl_store *s, const char *id, json_t **document, struct tl_error *e)
{
    static const char sql[] = "SELECT document, id FROM finding WHERE id >= ?1 AND id < ?2 LIMIT 2";
    if (!tl_sql_begins_id(id))
        return tl_fail(e, TL_ERROR_INPUT, "no such finding", id,
                       "the id of a finding, or the beginning of one, was expected; `trapline list findings` "
                       "shows them");
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return tl_sql_fail(e, s->db, rc, cannot_load);
    char *end = tl_format("%sg", id); /* after every hexadecimal digit */
    tl_sql_bind(st, 1, id);
    tl_sql_bind(st, 2, end);
    char *first = NULL;
    size_t n = 0;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        if (n++ == 0)
            first = tl_sql_dup(st, 0);
    int result = rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, cannot_load);
    sqlite3_finalize(st);
    free(end);
    if (!result && n != 1)
        result = tl_fail(e, TL_ERROR_INPUT, n ? "several findings begin like that" : "no such finding", id,
                         n ? "give more of the id" : "`trapline list findings` shows those that are there");
    *document = result ? NULL : json_loads(first, 0, NULL);
    if (!result && !*document)
        result =
            tl_fail(e, TL_ERROR_INPUT, cannot_load, id, "its document is damaged; run `trapline db check`");
    free(first);
    return result;
}

int tl_finding_list(struct tl_store *s, const struct tl_filter *f, json_t **list, struct tl_error *e)
{
    static const char sql[] =
        "SELECT document FROM finding WHERE (?1 IS NULL OR case_name = ?1) AND (?2 IS NULL OR unit = ?2) AND "
        "(?3 IS NULL OR signature_id = ?3) AND created_us >= ?4 AND (?5 IS NULL OR id < ?5) ORDER BY id DESC "
        "LIMIT ?6";
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return tl_sql_fail(e, s->db, rc, "cannot list findings");
    tl_sql_bind(st, 1, f->case_name);
    tl_sql_bind(st, 2, f->unit);
    tl_sql_bind(st, 3, f->signature_id);
    sqlite3_bind_int64(st, 4, f->since_us);
    tl_sql_bind(st, 5, f->after);
    sqlite3_bind_int64(st, 6, f->limit ? (int64_t)f->limit : 50);
    *list = json_array();
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        json_t *document = json_loads((const char *)sqlite3_column_text(st, 0), 0, NULL);
        json_object_del(document, "path");
        if (document)
            json_array_append_new(*list, document);
    }
    int result = rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, "cannot list findings");
    sqlite3_finalize(st);
    if (result) {
        json_decref(*list);
        *list = NULL;
    }
    return result;
}
