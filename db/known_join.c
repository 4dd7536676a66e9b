/* What findings say of failures that are known: which places are one failure, and with which triggers it shows. */
#include "db/known_impl.h"
#include "db/sql.h"
#include "db/values.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char cannot_read[] = "cannot read which failures are known";

/* The coarse id of a signature in a map that is filled as it is asked. */
static const char *coarse_of(struct tl_store *s, json_t *map, const char *signature)
{
    const char *found = json_string_value(json_object_get(map, signature));
    if (found)
        return found;
    struct tl_error ignored;
    char *coarse = NULL;
    sqlite3_stmt *st =
        tl_sql_prepare(s->db, "SELECT coarse_id FROM signature WHERE id = ?", cannot_read, &ignored);
    if (st) {
        tl_sql_bind(st, 1, signature);
        if (sqlite3_step(st) == SQLITE_ROW)
            coarse = tl_sql_dup(st, 0);
        sqlite3_finalize(st);
    }
    json_object_set_new(map, signature, json_string(coarse && *coarse ? coarse : signature));
    free(coarse);
    return json_string_value(json_object_get(map, signature));
}

/* Calls found for each finding of a case until there are no more. */
static int each_finding(struct tl_store *s, const char *case_name,
                        void (*found)(void *arg, const json_t *finding), void *arg, struct tl_error *e)
{
    int rc;
    sqlite3_stmt *st = tl_sql_prepare(
        s->db, "SELECT document FROM finding WHERE case_name = ? AND kind = 'isolation' ORDER BY id",
        cannot_read, e);
    if (!st)
        return -1;
    tl_sql_bind(st, 1, case_name);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        json_t *finding = json_loads((const char *)sqlite3_column_text(st, 0), 0, NULL);
        if (finding)
            found(arg, finding);
        json_decref(finding);
    }
    int result = rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, cannot_read);
    sqlite3_finalize(st);
    return result;
}

/* --- which places are one failure ----------------------------------------------------------------------- */

struct gathering {
    struct tl_store *s;
    const struct tl_known_list *l;
    json_t *map, *groups; /* groups: of each finding the places that are one */
};

/* A place as it is compared: its coarse id, or, where that is no place (known_place.c), its signature behind a sign. */
#define EXACTLY '='
static void add_key(const struct gathering *g, json_t *places, const char *signature)
{
    const char *coarse = coarse_of(g->s, g->map, signature);
    char *exact = tl_format("%c%s", EXACTLY, signature);
    json_object_set_new(places, tl_known_is_blind(g->l, coarse) ? exact : coarse, json_true());
    free(exact);
}

/* A finding's failure and the places that were judged to be the same, as the keys of an object. */
static json_t *places_of(const struct gathering *g, const json_t *finding)
{
    json_t *places = json_object(), *place;
    const char *id = json_string_value(json_object_get(json_object_get(finding, "signature"), "id"));
    size_t i;
    if (!json_is_true(json_object_get(finding, "reproduced")) || !id)
        return places;
    add_key(g, places, id);
    json_array_foreach(json_object_get(finding, "places"), i, place) {
        const char *relation = json_string_value(json_object_get(place, "relation"));
        id = json_string_value(json_object_get(place, "signature"));
        if (id && relation && !strcmp(relation, "same"))
            add_key(g, places, id);
    }
    return places;
}

/* Whether what is known was seen at a place of one build. */
static bool is_at(const struct tl_known *k, const char *signature)
{
    const char *build;
    json_t *there, *place;
    size_t i;
    if (json_object_get(k->same, signature))
        return true;
    json_object_foreach(k->at, build, there)
        if (json_object_get(there, signature))
            return true;
    json_array_foreach(k->adding, i, place)
        if (!strcmp(json_string_value(json_array_get(place, 1)), signature))
            return true;
    return false;
}

/* Whether what is known is at a place of a group. */
static bool is_in(const struct tl_known *k, const json_t *group)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)group, key, value)
        if (*key == EXACTLY ? is_at(k, key + 1) : json_object_get(k->places, key) != NULL)
            return true;
    return false;
}

static void add_group(struct tl_known *k, const json_t *group)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)group, key, value)
        json_object_set_new(*key == EXACTLY ? k->same : k->places, key + (*key == EXACTLY), json_true());
}

static void gather(void *arg, const json_t *finding)
{
    struct gathering *g = arg;
    json_t *places = places_of(g, finding);
    if (json_object_size(places) > 1)
        json_array_append_new(g->groups, places);
    else
        json_decref(places);
}

/* Adds to the places of the failures of one case what findings join to them, until nothing more is. */
static int join_places(struct tl_store *s, const struct tl_known_list *l, struct tl_known *list, size_t n,
                       struct tl_error *e)
{
    struct gathering g = {s, l, json_object(), json_array()};
    int result = each_finding(s, list->case_name, gather, &g, e);
    bool more = !result;
    while (more) {
        json_t *group;
        size_t k;
        more = false;
        for (size_t i = 0; i < n; i++)
            json_array_foreach(g.groups, k, group) {
                size_t before = json_object_size(list[i].places) + json_object_size(list[i].same);
                if (is_in(&list[i], group))
                    add_group(&list[i], group);
                more = more || json_object_size(list[i].places) + json_object_size(list[i].same) > before;
            }
    }
    json_decref(g.map);
    json_decref(g.groups);
    return result;
}

int tl_known_join(struct tl_store *s, struct tl_known_list *l, struct tl_error *e)
{
    for (size_t i = 0, n; i < l->n; i += n) {
        for (n = 1; i + n < l->n && !strcmp(l->list[i + n].case_name, l->list[i].case_name);)
            n++;
        if (join_places(s, l, &l->list[i], n, e))
            return -1;
    }
    return 0;
}

/* --- with which triggers -------------------------------------------------------------------------------- */

struct triggers {
    struct gathering g;
    struct tl_known *k;
    bool anywhere; /* one of them fails at its baseline */
};

static void add_cause(struct triggers *t, const json_t *baseline, const json_t *trigger)
{
    json_t *cause = json_object(), *one;
    size_t i;
    json_array_foreach(trigger, i, one) {
        const char *axis = json_string_value(json_object_get(one, "axis"));
        json_t *value = axis ? json_object_get(baseline, axis) : NULL;
        if (value)
            json_object_set(cause, axis, value);
        else
            t->anywhere = true;
    }
    t->anywhere = t->anywhere || !json_object_size(cause);
    json_array_append_new(t->k->causes, cause);
}

static void add_triggers(void *arg, const json_t *finding)
{
    struct triggers *t = arg;
    json_t *places = places_of(&t->g, finding), *other;
    const json_t *baseline = json_object_get(finding, "baseline");
    size_t i;
    if (is_in(t->k, places)) {
        add_cause(t, baseline, json_object_get(finding, "trigger"));
        json_array_foreach(json_object_get(finding, "or"), i, other)
            add_cause(t, baseline, json_object_get(other, "trigger"));
    }
    json_decref(places);
}

/* Whether a signature is one of this failure: all of its kind are, where they can be compared across builds. */
static bool is_one(const struct tl_known *k, const char *signature)
{
    return !json_array_size(k->adding) || (signature && is_at(k, signature));
}

/* Whether every variant of the case that is known to fail like that holds one of the triggers. */
static int all_hold(struct tl_store *s, const struct tl_known *k, bool *all, struct tl_error *e)
{
    int rc;
    sqlite3_stmt *st =
        tl_sql_prepare(s->db,
                       "SELECT DISTINCT v.json, g.id FROM signature g JOIN trial t ON t.signature_id = g.id "
                       "JOIN variant v ON "
                       "v.hash = t.variant_hash WHERE (g.coarse_id = ?1 OR g.id = ?1) AND t.case_name = ?2",
                       cannot_read, e);
    if (!st)
        return -1;
    TL_BIND(s, st, TL_TEXT(k->coarse_id), TL_TEXT(k->case_name));
    *all = true;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW && *all) {
        json_t *variant = json_loads((const char *)sqlite3_column_text(st, 0), 0, NULL);
        *all = !is_one(k, (const char *)sqlite3_column_text(st, 1)) || tl_known_holds(k->causes, variant);
        json_decref(variant);
    }
    int result = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : tl_sql_fail(e, s->db, rc, cannot_read);
    sqlite3_finalize(st);
    return result;
}

int tl_known_find_causes(struct tl_store *s, struct tl_known *k, struct tl_error *e)
{
    struct tl_known_list l = {0};
    struct triggers t = {{s, &l, json_object(), NULL}, k, false};
    bool all = true;
    k->causes = json_array();
    int result = tl_known_load_blind(s, &l, e) || each_finding(s, k->case_name, add_triggers, &t, e) ? -1 : 0;
    json_decref(t.g.map);
    tl_known_list_free(&l);
    if (!result && json_array_size(k->causes))
        result = all_hold(s, k, &all, e);
    if (t.anywhere || !all)
        json_array_clear(k->causes);
    return result;
}
