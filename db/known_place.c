/* Places of failures that are known in libraries without symbols.
 *
 * Theory of operation. Of a crash in code without names what can be compared across builds is no more than outcome, phase,
 * signal and the name of the library ("blind" here): a division by zero in any kernel of a case is the same. In one build the
 * offsets of its functions tell places apart, and so a failure that is known keeps them: which signature it had in which build,
 * told by the content of the library, and which variant showed it. What is seen later is it
 *
 *   - at one of these places of this build, or at one that a finding judged to be the same;
 *   - in a build in which a variant that showed it was not seen before, when that variant fails in this way there. Whoever
 *     looks on (a night) stores the place, and it is one of them from then on;
 *   - where the variant showed several places in this build already: it fails where it happens to, and its place tells nothing;
 *   - in a build of which no place is stored, also when another variant fails in this way, unless that one is known to fail
 *     elsewhere in a build of which places are: this is by the kind of failure alone, and whoever says so says that, too.
 *
 * Anything else of its kind is another failure. What left no stack has no place at all: there it is the variant alone that
 * tells. */
#include "db/group.h"
#include "db/known_impl.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/values.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <stdlib.h>
#include <string.h>

static const char cannot_read[] = "cannot read where failures are known";
static const char cannot_put[] = "cannot store where a failure is known";

#define CONTENT_OF(environment)                                                                              \
    "CASE WHEN ifnull(e.runtime_sha256, '') = '' THEN ifnull(" environment ", '') ELSE e.runtime_sha256 END"

/* --- the places ----------------------------------------------------------------------------------------- */

/* The object that is a member of another, made where it is not there yet. */
static json_t *within(json_t *object, const char *key)
{
    json_t *found = json_object_get(object, key);
    if (found)
        return found;
    json_object_set_new(object, key, json_object());
    return json_object_get(object, key);
}

struct place_row {
    char known_id[TL_ID_SIZE], signature_id[TL_ID_SIZE], variant_hash[TL_ID_SIZE];
    const char *build;
};

static void add_place(struct tl_known *k, const struct place_row *p)
{
    json_object_set_new(within(within(k->at, p->build), p->signature_id), p->variant_hash, json_true());
    json_object_set_new(k->variants, p->variant_hash, json_true());
}

int tl_known_load_places(struct tl_store *s, struct tl_known_list *l, struct tl_error *e)
{
    static const struct tl_column columns[] = {
        TL_COLUMN(struct place_row, known_id, "known_id"),
        TL_COLUMN(struct place_row, build, "build"),
        TL_COLUMN(struct place_row, signature_id, "signature_id"),
        TL_COLUMN(struct place_row, variant_hash, "variant_hash"),
        {0},
    };
    struct tl_rows q;
    struct place_row p;
    for (size_t i = 0; i < l->n; i++) {
        l->list[i].at = json_object();
        l->list[i].variants = json_object();
        l->list[i].others = json_object();
        l->list[i].same = json_object();
    }
    if (tl_rows_open(&q, s, columns, "FROM known_place WHERE removed = 0", cannot_read, e))
        return -1;
    while (tl_rows_next(&q, &p))
        for (size_t i = 0; i < l->n; i++)
            if (!strcmp(l->list[i].id, p.known_id))
                add_place(&l->list[i], &p);
    return tl_rows_close(&q, 0, e);
}

/* The variants of the case that fail in this way, and in a build of which there are places at none of them. */
static int load_others(struct tl_store *s, struct tl_known *k, struct tl_error *e)
{
    static const struct tl_column columns[] = {
        TL_COLUMN(struct place_row, build, CONTENT_OF("s.environment_id")),
        TL_COLUMN(struct place_row, signature_id, "s.signature_id"),
        TL_COLUMN(struct place_row, variant_hash, "s.variant_hash"),
        {0},
    };
    struct tl_rows q;
    struct place_row p;
    const char *key;
    json_t *here = json_object(), *value;
    int result = tl_rows_open(
        &q, s, columns,
        "FROM case_file f JOIN summary s ON s.case_hash = f.hash JOIN signature g ON g.id = s.signature_id "
        "LEFT JOIN environment e ON e.id = s.environment_id WHERE f.name = ?1 AND g.coarse_id = ?2",
        cannot_read, e);
    if (!result) {
        TL_BIND(s, q.st, TL_TEXT(k->case_name), TL_TEXT(k->coarse_id));
        while (tl_rows_next(&q, &p)) {
            const json_t *places = json_object_get(k->at, p.build);
            if (json_object_get(places, p.signature_id) || json_object_get(k->same, p.signature_id))
                json_object_set_new(here, p.variant_hash, json_true());
            else if (places)
                json_object_set_new(k->others, p.variant_hash, json_true());
        }
        result = tl_rows_close(&q, 0, e);
    }
    json_object_foreach(here, key, value)
        json_object_del(k->others, key);
    json_decref(here);
    return result;
}

int tl_known_load_others(struct tl_store *s, struct tl_known_list *l, struct tl_error *e)
{
    for (size_t i = 0; i < l->n; i++)
        if (tl_known_is_blind(l, l->list[i].coarse_id) && json_object_size(l->list[i].at) &&
            load_others(s, &l->list[i], e))
            return -1;
    return 0;
}

/* --- is it the one? ------------------------------------------------------------------------------------- */

/* Places of a build that a variant has shown. */
static size_t shown_by(const json_t *places, const char *variant_hash)
{
    const char *signature;
    json_t *variants;
    size_t n = 0;
    json_object_foreach((json_t *)places, signature, variants)
        n += json_object_get(variants, variant_hash) != NULL;
    return n;
}

static enum tl_known_by judge_blind(const struct tl_known *k, const struct tl_known_seen *x, bool bare)
{
    bool build = x->build && *x->build, place = x->signature_id && *x->signature_id && !bare;
    const char *variant = x->variant_hash ? x->variant_hash : "", *any;
    const json_t *here = build ? json_object_get(k->at, x->build) : NULL;
    json_t *other;
    if (place && (json_object_get(k->same, x->signature_id) || json_object_get(here, x->signature_id)))
        return TL_KNOWN_BY_PLACE;
    if (place && !build)
        json_object_foreach(k->at, any, other)
            if (json_object_get(other, x->signature_id))
                return TL_KNOWN_BY_PLACE;
    if (json_object_get(k->variants, variant)) {
        size_t n = shown_by(here, variant);
        return bare || n != 1 ? TL_KNOWN_BY_VARIANT : place ? TL_KNOWN_ELSEWHERE : TL_KNOWN_BY_VARIANT;
    }
    if (json_object_size(here) || json_object_get(k->others, variant) ||
        (bare && json_object_size(k->variants)))
        return TL_KNOWN_ELSEWHERE;
    return TL_KNOWN_BY_KIND;
}

enum tl_known_by tl_known_judge(const struct tl_known_list *l, const struct tl_known *k,
                                const struct tl_known_seen *x)
{
    if (!x->coarse_id || !*x->coarse_id || strcmp(k->case_name, x->case_name) != 0 ||
        !tl_known_holds(k->causes, x->variant))
        return TL_KNOWN_NOT;
    if (!tl_known_is_blind(l, x->coarse_id))
        return json_object_get(k->places, x->coarse_id) ? TL_KNOWN_BY_NAME : TL_KNOWN_NOT;
    if (strcmp(k->coarse_id, x->coarse_id) != 0)
        return x->signature_id && json_object_get(k->same, x->signature_id) ? TL_KNOWN_BY_PLACE
                                                                            : TL_KNOWN_NOT;
    return judge_blind(k, x, tl_known_is_bare(l, x->coarse_id));
}

const struct tl_known *tl_known_of(const struct tl_known_list *l, const struct tl_known_seen *x,
                                   enum tl_known_by *by)
{
    const struct tl_known *found = NULL;
    *by = TL_KNOWN_NOT;
    for (size_t i = 0; i < l->n; i++) {
        enum tl_known_by one = tl_known_judge(l, &l->list[i], x);
        if (one > *by) {
            *by = one;
            found = &l->list[i];
        }
    }
    return found;
}

/* Whether what was read of a failure is what is known, at one of its places. */
static bool is_same(const struct tl_known_list *l, const struct tl_known *known, const struct tl_known *k)
{
    json_t *place;
    size_t i;
    struct tl_known_seen x = {.case_name = k->case_name, .coarse_id = k->coarse_id};
    if (!json_array_size(k->adding))
        return tl_known_judge(l, known, &x) == TL_KNOWN_BY_NAME;
    json_array_foreach(k->adding, i, place) {
        x.build = json_string_value(json_array_get(place, 0));
        x.signature_id = json_string_value(json_array_get(place, 1));
        x.variant_hash = json_string_value(json_array_get(place, 2));
        if (tl_known_judge(l, known, &x) >= TL_KNOWN_BY_VARIANT)
            return true;
    }
    return false;
}

struct tl_known *tl_known_same(struct tl_known_list *l, const struct tl_known *k, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (is_same(l, &l->list[i], k))
            return &l->list[i];
    for (size_t i = 0; i < l->n && name && *name; i++)
        if (!strcmp(l->list[i].name, name) && !strcmp(l->list[i].case_name, k->case_name) &&
            !strcmp(l->list[i].coarse_id, k->coarse_id))
            return &l->list[i];
    return NULL;
}

json_t *tl_known_say(const struct tl_known_list *l, const struct tl_known_seen *x)
{
    enum tl_known_by by;
    const struct tl_known *k = tl_known_of(l, x, &by);
    return k && by > TL_KNOWN_ELSEWHERE ? tl_known_json_by(k, by) : NULL;
}

/* --- storing -------------------------------------------------------------------------------------------- */

/* Where a failure was seen that is called so, and where else the variants were that showed it there. */
#define SEEN_PLACES                                                                                          \
    "SELECT " CONTENT_OF("t.environment_id") " AS build, t.signature_id AS id, t.variant_hash AS variant, "  \
                                             "count(*) AS trials, g.id >= ?3 AND g.id < ?3 || 'g' OR "       \
                                             "g.coarse_id >= ?3 AND g.coarse_id < ?3 || 'g' AS "             \
                                             "meant FROM signature g JOIN trial t ON t.signature_id = g.id " \
                                             "LEFT JOIN environment e ON e.id = "                            \
                                             "t.environment_id WHERE t.case_name = ?1 AND g.coarse_id = ?2 " \
                                             "GROUP BY build, t.signature_id, t.variant_hash"

static int find_variant(struct tl_store *s, struct tl_known *k, struct tl_error *e)
{
    const char *hash = json_string_value(json_array_get(json_array_get(k->adding, 0), 2));
    sqlite3_stmt *st =
        hash ? tl_sql_prepare(s->db, "SELECT json FROM variant WHERE hash = ?", cannot_read, e) : NULL;
    if (!st)
        return hash ? -1 : 0;
    tl_sql_bind(st, 1, hash);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        k->shown = json_loads((const char *)sqlite3_column_text(st, 0), 0, NULL);
    int result = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, cannot_read);
    sqlite3_finalize(st);
    return result;
}

int tl_known_find_places(struct tl_store *s, struct tl_known *k, const char *signature, struct tl_error *e)
{
    static const struct tl_column columns[] = {
        TL_COLUMN(struct place_row, build, "a.build"),
        TL_COLUMN(struct place_row, signature_id, "a.id"),
        TL_COLUMN(struct place_row, variant_hash, "a.variant"),
        {0},
    };
    struct tl_rows q;
    struct place_row p;
    struct tl_known_list l = {0};
    k->adding = json_array();
    int result = tl_known_load_blind(s, &l, e);
    bool blind = tl_known_is_blind(&l, k->coarse_id);
    tl_known_list_free(&l);
    if (result || !blind)
        return result;
    if (tl_rows_open(
            &q, s, columns,
            "FROM (" SEEN_PLACES ") a WHERE a.build <> '' AND (a.meant OR (a.build, a.variant) IN (SELECT "
            "build, variant FROM (" SEEN_PLACES ") WHERE meant)) ORDER BY a.meant DESC, a.trials DESC, "
            "a.build, a.id, a.variant LIMIT 10000",
            cannot_read, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(k->case_name), TL_TEXT(k->coarse_id), TL_TEXT(signature));
    while (tl_rows_next(&q, &p))
        json_array_append_new(k->adding, json_pack("[s,s,s]", p.build, p.signature_id, p.variant_hash));
    return tl_rows_close(&q, 0, e) || find_variant(s, k, e) ? -1 : 0;
}

/* What is said of a place is later than what stood there, whatever the clocks say. */
#define PUT_PLACE                                                                                            \
    "INSERT INTO known_place VALUES(?1, ?2, ?3, ?4, ?5, 0) ON CONFLICT DO UPDATE SET removed = 0, "          \
    "changed_us = max(excluded.changed_us, changed_us + 1) WHERE removed <> 0"

int tl_known_put_places(struct tl_store *s, const struct tl_known *k, struct tl_error *e)
{
    json_t *place;
    size_t i;
    if (k->removed)
        return TL_RUN(s,
                      "UPDATE known_place SET removed = 1, changed_us = max(?2, changed_us + 1) WHERE "
                      "known_id = ?1 AND removed = 0",
                      cannot_put, e, TL_TEXT(k->id), TL_INTEGER(k->changed_us));
    json_array_foreach(k->adding, i, place)
        if (TL_RUN(s, PUT_PLACE, cannot_put, e, TL_TEXT(k->id),
                   TL_TEXT(json_string_value(json_array_get(place, 0))),
                   TL_TEXT(json_string_value(json_array_get(place, 1))),
                   TL_TEXT(json_string_value(json_array_get(place, 2))), TL_INTEGER(k->changed_us)))
            return -1;
    return 0;
}

int tl_known_add_place(struct tl_store *s, const char *known_id, const struct tl_known_seen *x,
                       struct tl_error *e)
{
    if (!x->build || !*x->build || !x->signature_id || !*x->signature_id || !x->variant_hash)
        return 0;
    if (tl_store_group(s, e))
        return -1;
    if (TL_RUN(s,
               "INSERT INTO known_place SELECT ?1, ?2, ?3, ?4, ?5, 0 WHERE EXISTS(SELECT 1 FROM known WHERE "
               "id = "
               "?1 AND removed = 0) ON CONFLICT DO NOTHING",
               cannot_put, e, TL_TEXT(known_id), TL_TEXT(x->build), TL_TEXT(x->signature_id),
               TL_TEXT(x->variant_hash), TL_INTEGER(tl_wall_us())))
        return tl_store_undo(s);
    return tl_store_flush(s, e);
}

int tl_known_build_of(struct tl_store *s, const char *environment_id, char **build, struct tl_error *e)
{
    int rc;
    *build = NULL;
    if (!environment_id || !*environment_id)
        return 0;
    sqlite3_stmt *st = tl_sql_prepare(
        s->db, "SELECT " CONTENT_OF("?1") " FROM (SELECT 1) LEFT JOIN environment e ON e.id = ?1",
        cannot_read, e);
    if (!st)
        return -1;
    tl_sql_bind(st, 1, environment_id);
    if ((rc = sqlite3_step(st)) == SQLITE_ROW)
        *build = tl_sql_dup(st, 0);
    int result = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, cannot_read);
    sqlite3_finalize(st);
    return result;
}
