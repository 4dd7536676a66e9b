#include "db/finding.h"

#include "db/sql.h"
#include "db/started.h"
#include "db/values.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char cannot_put[] = "cannot store a finding";
static const char cannot_load[] = "cannot read a finding";

static const char *text_of(const json_t *document, const char *key)
{
    return json_string_value(json_object_get(document, key));
}

/* One of before a kind of its own was known is told by what is in it. */
static bool is_reduction(const json_t *document)
{
    const char *kind = text_of(document, "kind");
    return json_is_object(json_object_get(document, "reduction")) && kind &&
           (!strcmp(kind, "isolation") || !strcmp(kind, "reduction"));
}

bool tl_finding_is_of_trigger(const json_t *document)
{
    const char *kind = text_of(document, "kind");
    return (kind && !strcmp(kind, "isolation")) || is_reduction(document);
}

static json_t *with_kind(json_t *document)
{
    if (is_reduction(document))
        json_object_set_new(document, "kind", json_string("reduction"));
    return document;
}

int tl_finding_put(struct tl_store *s, const json_t *document, struct tl_error *e)
{
    if (tl_store_flush(s, e) || tl_started_finding(s, text_of(document, "finding"), e))
        return -1;
    char *text = json_dumps(document, JSON_COMPACT);
    /* A commit of its own, in full synchronous mode: durable when it returns. */
    int result = TL_RUN(
        s,
        "INSERT OR REPLACE INTO finding(id, kind, case_name, case_hash, unit, environment_id, signature_id, "
        "complete, created_us, document) VALUES(?,?,?,?,?,?,?,?,?,?)",
        cannot_put, e, TL_TEXT(text_of(document, "finding")),
        TL_TEXT(tl_finding_is_of_trigger(document) ? "isolation" : text_of(document, "kind")),
        TL_TEXT(text_of(document, "case")), TL_TEXT(text_of(document, "case_hash")),
        TL_TEXT(text_of(document, "unit")), TL_ID(text_of(document, "environment_id")),
        TL_ID(text_of(json_object_get(document, "signature"), "id")),
        TL_INTEGER(json_is_true(json_object_get(document, "complete"))),
        TL_INTEGER(json_integer_value(json_object_get(document, "created_us"))), TL_TEXT(text));
    free(text);
    return result;
}

int tl_finding_load(struct tl_store *s, const char *id, json_t **document, struct tl_error *e)
{
    char *text;
    size_t n;
    *document = NULL;
    if (!tl_sql_begins_id(id))
        return tl_fail(e, TL_ERROR_INPUT, "no such finding", id,
                       "the id of a finding, or the beginning of one, was expected; `trapline list findings` "
                       "shows those in %s",
                       tl_store_path(s));
    if (tl_sql_document(s->db, "finding", id, &text, &n, cannot_load, e))
        return -1;
    if (n == 1)
        *document = with_kind(json_loads(text, 0, NULL));
    free(text);
    if (n != 1)
        return tl_fail(e, TL_ERROR_INPUT, n ? "several findings begin like that" : "no such finding", id,
                       n ? "%s: give more of the id"
                         : "there is none in %s; `trapline list findings` shows those that are there",
                       tl_store_path(s));
    return *document ? 0
                     : tl_fail(e, TL_ERROR_INPUT, cannot_load, id,
                               "its document is damaged; run `trapline db check`");
}

int tl_finding_list(struct tl_store *s, const struct tl_filter *f, json_t **list, struct tl_error *e)
{
    static const char sql[] =
        "SELECT document FROM finding WHERE (?1 IS NULL OR case_name = ?1) AND (?2 IS NULL OR unit = ?2) AND "
        "(?3 IS NULL OR signature_id = ?3) AND created_us >= ?4 AND (?5 IS NULL OR id < ?5) ORDER BY id DESC "
        "LIMIT ?6";
    static const char what[] = "cannot list findings";
    sqlite3_stmt *st = tl_sql_prepare(s->db, sql, what, e);
    int rc;
    if (!st)
        return -1;
    TL_BIND(s, st, TL_TEXT(f->case_name), TL_TEXT(f->unit), TL_TEXT(f->signature_id), TL_INTEGER(f->since_us),
            TL_TEXT(f->after), TL_INTEGER(f->limit ? f->limit : 50));
    *list = json_array();
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        json_t *document = with_kind(json_loads((const char *)sqlite3_column_text(st, 0), 0, NULL));
        json_object_del(document, "path");
        if (document)
            json_array_append_new(*list, document);
    }
    int result = rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, what);
    sqlite3_finalize(st);
    if (result) {
        json_decref(*list);
        *list = NULL;
    }
    return result;
}

bool tl_finding_tells(const json_t *document, const json_t *step, const json_t *variant, bool *fails)
{
    const char *axis = json_string_value(json_object_get(json_object_get(document, "inferred"), "axis"));
    const json_t *counted = json_object_get(step, "counted"), *own = json_object_get(step, "variant"), *value;
    const char *name;
    if (!axis || !counted || json_object_size(own) != json_object_size(variant))
        return false;
    const json_t *asked = json_object_get(variant, axis), *ran = json_object_get(own, axis);
    if (!json_is_integer(asked) || !json_is_integer(ran) || json_equal(asked, ran))
        return false;
    json_object_foreach((json_t *)own, name, value) {
        if (strcmp(name, axis) != 0 && !json_equal(value, json_object_get(variant, name)))
            return false;
    }
    *fails = json_is_integer(counted) && json_integer_value(asked) >= json_integer_value(counted);
    /* One that passed tells nothing of what is beyond it. */
    return json_is_integer(counted) || json_integer_value(asked) < json_integer_value(ran);
}
