#include "db/known.h"

#include "db/group.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/values.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <stdlib.h>
#include <string.h>

static const char cannot_read[] = "cannot read which failures are known";
static const char cannot_put[] = "cannot store a failure that is known";

void tl_known_free(struct tl_known *k)
{
    free(k->case_name);
    free(k->outcome);
    free(k->phase);
    free(k->signal);
    free(k->title);
    free(k->name);
    free(k->url);
    free(k->note);
    free(k->status);
    free(k->until);
    json_decref(k->causes);
    json_decref(k->places);
    *k = (struct tl_known){0};
}

void tl_known_list_free(struct tl_known_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        tl_known_free(&l->list[i]);
    free(l->list);
    *l = (struct tl_known_list){0};
}

/* --- which places are one failure ----------------------------------------------------------------------- */

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

/* The coarse ids of a finding's failure and of the places that were judged to be the same, as the keys of an object. */
static json_t *places_of(struct tl_store *s, json_t *map, const json_t *finding)
{
    json_t *places = json_object(), *place;
    const char *id = json_string_value(json_object_get(json_object_get(finding, "signature"), "id"));
    size_t i;
    if (!json_is_true(json_object_get(finding, "reproduced")) || !id)
        return places;
    json_object_set_new(places, coarse_of(s, map, id), json_true());
    json_array_foreach(json_object_get(finding, "places"), i, place) {
        const char *relation = json_string_value(json_object_get(place, "relation"));
        id = json_string_value(json_object_get(place, "signature"));
        if (id && relation && !strcmp(relation, "same"))
            json_object_set_new(places, coarse_of(s, map, id), json_true());
    }
    return places;
}

static bool share(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)a, key, value)
        if (json_object_get(b, key))
            return true;
    return false;
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

struct gathering {
    struct tl_store *s;
    json_t *map, *groups; /* of each finding the places that are one */
};

static void gather(void *arg, const json_t *finding)
{
    struct gathering *g = arg;
    json_t *places = places_of(g->s, g->map, finding);
    if (json_object_size(places) > 1)
        json_array_append_new(g->groups, places);
    else
        json_decref(places);
}

/* Adds to the places of the failures of one case what findings join to them, until nothing more is. */
static int join_places(struct tl_store *s, struct tl_known *list, size_t n, struct tl_error *e)
{
    struct gathering g = {s, json_object(), json_array()};
    int result = each_finding(s, list->case_name, gather, &g, e);
    bool more = !result;
    while (more) {
        json_t *group;
        size_t k;
        more = false;
        for (size_t i = 0; i < n; i++)
            json_array_foreach(g.groups, k, group) {
                size_t before = json_object_size(list[i].places);
                if (share(list[i].places, group))
                    json_object_update(list[i].places, group);
                more = more || json_object_size(list[i].places) > before;
            }
    }
    json_decref(g.map);
    json_decref(g.groups);
    return result;
}

/* --- reading -------------------------------------------------------------------------------------------- */

static const struct tl_column columns[] = {
    TL_COLUMN(struct tl_known, id, "id"),
    TL_COLUMN(struct tl_known, coarse_id, "coarse_id"),
    TL_COLUMN(struct tl_known, case_name, "case_name"),
    TL_COLUMN(struct tl_known, outcome, "outcome"),
    TL_COLUMN(struct tl_known, phase, "phase"),
    TL_COLUMN(struct tl_known, signal, "signal"),
    TL_COLUMN(struct tl_known, title, "title"),
    TL_COLUMN(struct tl_known, name, "name"),
    TL_COLUMN(struct tl_known, url, "url"),
    TL_COLUMN(struct tl_known, note, "note"),
    TL_COLUMN(struct tl_known, status, "status"),
    TL_COLUMN(struct tl_known, until, "until"),
    TL_COLUMN_AS(struct tl_known, causes, TL_COLUMN_JSON, "causes"),
    TL_COLUMN(struct tl_known, since_us, "since_us"),
    TL_COLUMN(struct tl_known, changed_us, "changed_us"),
    TL_COLUMN(struct tl_known, removed, "removed"),
    {0},
};

int tl_known_load(struct tl_store *s, const char *case_name, struct tl_known_list *l, struct tl_error *e)
{
    struct tl_rows q;
    *l = (struct tl_known_list){0};
    if (tl_rows_open(&q, s, columns,
                     "FROM known WHERE removed = 0 AND (?1 IS NULL OR case_name = ?1) "
                     "ORDER BY case_name, since_us, id",
                     cannot_read, e))
        return -1;
    TL_BIND(s, q.st, TL_TEXT(case_name));
    l->list = tl_rows_all(&q, sizeof *l->list, &l->n);
    int result = tl_rows_close(&q, 0, e);
    for (size_t i = 0; i < l->n; i++)
        l->list[i].places = json_pack("{s:b}", l->list[i].coarse_id, 1);
    for (size_t i = 0, n; i < l->n && !result; i += n) {
        for (n = 1; i + n < l->n && !strcmp(l->list[i + n].case_name, l->list[i].case_name);)
            n++;
        result = join_places(s, &l->list[i], n, e);
    }
    if (result)
        tl_known_list_free(l);
    return result;
}

/* Whether a variant holds a trigger: none of its axes is at the baseline. */
static bool holds(const json_t *causes, const json_t *variant)
{
    json_t *cause, *baseline;
    const char *axis;
    size_t i;
    if (!json_array_size(causes) || !variant)
        return true;
    json_array_foreach(causes, i, cause) {
        bool all = true;
        json_object_foreach(cause, axis, baseline)
            all = all && !json_equal(json_object_get(variant, axis), baseline);
        if (all)
            return true;
    }
    return false;
}

const struct tl_known *tl_known_of(const struct tl_known_list *l, const char *case_name,
                                   const char *coarse_id, const json_t *variant)
{
    for (size_t i = 0; i < l->n && coarse_id && *coarse_id; i++)
        if (!strcmp(l->list[i].case_name, case_name) && json_object_get(l->list[i].places, coarse_id) &&
            holds(l->list[i].causes, variant))
            return &l->list[i];
    return NULL;
}

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

json_t *tl_known_json(const struct tl_known *k)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s?,s:s,s:s?,s:s?,s:s?,s:s,s:s?,s:I}", "id", k->id, "case",
                     k->case_name, "signature", k->coarse_id, "outcome", k->outcome, "phase", k->phase,
                     "signal", or_null(k->signal), "title", k->title, "as", or_null(k->name), "url",
                     or_null(k->url), "note", or_null(k->note), "status", k->status, "until",
                     or_null(k->until), "since_us", (json_int_t)k->since_us);
}

/* --- which failure it is -------------------------------------------------------------------------------- */

struct named {
    char coarse_id[TL_ID_SIZE];
    char *title, *case_name;
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
};

/* 'g' comes after every hexadecimal digit. */
#define BEGINS(column) column " >= ?1 AND " column " < ?1 || 'g'"
#define COARSE "CASE WHEN ifnull(g.coarse_id, '') = '' THEN g.id ELSE g.coarse_id END"

/* One row for each failure and case in which a signature was seen that is called so. */
static struct named *find_named(struct tl_store *s, const char *signature, size_t *n, struct tl_error *e)
{
    static const struct tl_column named_columns[] = {
        TL_COLUMN(struct named, coarse_id, COARSE),
        TL_COLUMN(struct named, title, "g.title"),
        TL_COLUMN(struct named, case_name, "t.case_name"),
        TL_COLUMN(struct named, outcome, "g.outcome"),
        TL_COLUMN(struct named, phase, "g.phase"),
        TL_COLUMN_SIGNAL_OF(struct named, signal, "g."),
        {0},
    };
    struct tl_rows q;
    *n = 0;
    if (tl_rows_open(&q, s, named_columns,
                     "FROM signature g JOIN trial t ON t.signature_id = g.id WHERE (" BEGINS(
                         "g.id") ") OR (" BEGINS("g.coarse_id") ") GROUP BY t.case_name, " COARSE
                                                                " ORDER BY t.case_name LIMIT 50",
                     cannot_read, e))
        return NULL;
    TL_BIND(s, q.st, TL_TEXT(signature));
    struct named *list = tl_rows_all(&q, sizeof *list, n);
    if (tl_rows_close(&q, 0, e)) {
        for (size_t i = 0; i < *n; i++) {
            free(list[i].title);
            free(list[i].case_name);
        }
        free(list);
        return NULL;
    }
    return list ? list : tl_calloc(1, sizeof *list);
}

static char *names_of(const struct named *list, size_t n)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < n; i++)
        if (!i || strcmp(list[i].case_name, list[i - 1].case_name) != 0)
            tl_buffer_printf(&b, "%s%s", b.size ? ", " : "", list[i].case_name);
    return tl_buffer_take(&b);
}

/* Which of them is meant. */
static const struct named *choose(struct tl_store *s, const struct named *list, size_t n,
                                  const char *signature, const char *case_name, struct tl_error *e)
{
    static const char what[] = "which failure is known";
    const struct named *chosen = NULL;
    char *cases = names_of(list, n);
    size_t fitting = 0;
    bool one = true;
    for (size_t i = 0; i < n; i++) {
        one = one && !strcmp(list[i].coarse_id, list[0].coarse_id);
        if (!case_name || !strcmp(list[i].case_name, case_name)) {
            chosen = &list[i];
            fitting++;
        }
    }
    if (!n)
        tl_fail(e, TL_ERROR_INPUT, what, signature,
                "no failure in %s has such a signature; `trapline list signatures` shows them",
                tl_store_path(s));
    else if (!one)
        tl_fail(e, TL_ERROR_INPUT, what, signature, "several failures begin like that: give more of the id");
    else if (!fitting)
        tl_fail(e, TL_ERROR_INPUT, what, signature, "it was not seen in case %s, but in %s", case_name,
                cases);
    else if (fitting > 1)
        tl_fail(e, TL_ERROR_INPUT, what, signature,
                "it was seen in several cases: name one with --case, of %s", cases);
    free(cases);
    return fitting == 1 && one ? chosen : NULL;
}

struct triggers {
    struct tl_store *s;
    json_t *map, *causes;
    const char *coarse_id;
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
    json_array_append_new(t->causes, cause);
}

static void add_triggers(void *arg, const json_t *finding)
{
    struct triggers *t = arg;
    json_t *places = places_of(t->s, t->map, finding), *other;
    const json_t *baseline = json_object_get(finding, "baseline");
    size_t i;
    if (json_object_get(places, t->coarse_id)) {
        add_cause(t, baseline, json_object_get(finding, "trigger"));
        json_array_foreach(json_object_get(finding, "or"), i, other)
            add_cause(t, baseline, json_object_get(other, "trigger"));
    }
    json_decref(places);
}

/* Whether every variant of the case that is known to fail like that holds one of the triggers. */
static int all_hold(struct tl_store *s, const struct tl_known *k, bool *all, struct tl_error *e)
{
    int rc;
    sqlite3_stmt *st = tl_sql_prepare(
        s->db,
        "SELECT DISTINCT v.json FROM signature g JOIN trial t ON t.signature_id = g.id JOIN variant v ON "
        "v.hash = t.variant_hash WHERE (g.coarse_id = ?1 OR g.id = ?1) AND t.case_name = ?2",
        cannot_read, e);
    if (!st)
        return -1;
    TL_BIND(s, st, TL_TEXT(k->coarse_id), TL_TEXT(k->case_name));
    *all = true;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW && *all) {
        json_t *variant = json_loads((const char *)sqlite3_column_text(st, 0), 0, NULL);
        *all = holds(k->causes, variant);
        json_decref(variant);
    }
    int result = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : tl_sql_fail(e, s->db, rc, cannot_read);
    sqlite3_finalize(st);
    return result;
}

static int find_causes(struct tl_store *s, struct tl_known *k, struct tl_error *e)
{
    struct triggers t = {s, json_object(), json_array(), k->coarse_id, false};
    bool all = true;
    int result = each_finding(s, k->case_name, add_triggers, &t, e);
    json_decref(t.map);
    k->causes = t.causes;
    if (!result && json_array_size(t.causes))
        result = all_hold(s, k, &all, e);
    if (t.anywhere || !all)
        json_array_clear(k->causes);
    return result;
}

int tl_known_failure(struct tl_store *s, const char *signature, const char *case_name, struct tl_known *k,
                     struct tl_error *e)
{
    size_t n;
    *k = (struct tl_known){0};
    if (!tl_sql_begins_id(signature) || !*signature)
        return tl_fail(e, TL_ERROR_INPUT, "which failure is known", signature,
                       "the id of a signature, a trial or a finding, or the beginning of one, was expected");
    struct named *list = find_named(s, signature, &n, e);
    if (!list)
        return -1;
    const struct named *chosen = choose(s, list, n, signature, case_name, e);
    int result = chosen ? 0 : -1;
    if (chosen) {
        snprintf(k->coarse_id, sizeof k->coarse_id, "%s", chosen->coarse_id);
        k->case_name = tl_strdup(chosen->case_name);
        k->title = tl_strdup(chosen->title);
        k->outcome = tl_strdup(tl_outcome_name(chosen->outcome));
        k->phase = tl_strdup(tl_phase_name(chosen->phase));
        k->signal = tl_strdup(chosen->signal ? tl_signal_name(chosen->signal) : "");
        result = find_causes(s, k, e);
    }
    for (size_t i = 0; i < n; i++) {
        free(list[i].title);
        free(list[i].case_name);
    }
    free(list);
    return result;
}

/* --- writing -------------------------------------------------------------------------------------------- */

/* What was said of it and taken back stands there as well, perhaps by a clock that is ahead: what is said now is later. */
#define LATER "max(?15, 1 + ifnull((SELECT changed_us FROM known WHERE id = ?1), 0))"

static int put(struct tl_store *s, struct tl_known *k, struct tl_error *e)
{
    char *key = tl_format("%s%c%s", k->case_name, '\n', k->coarse_id),
         *causes = json_dumps(k->causes, JSON_COMPACT | JSON_SORT_KEYS);
    int64_t now = tl_wall_us();
    tl_content_id(key, strlen(key), k->id);
    if (k->changed_us < now)
        k->changed_us = now;
    else if (k->changed_us < INT64_MAX)
        k->changed_us++;
    int result =
        TL_RUN(s, "INSERT OR REPLACE INTO known VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?," LATER ",?)", cannot_put,
               e, TL_TEXT(k->id), TL_TEXT(k->case_name), TL_TEXT(k->coarse_id), TL_TEXT(k->outcome),
               TL_TEXT(k->phase), TL_TEXT(k->signal), TL_TEXT(k->title), TL_TEXT(causes ? causes : "[]"),
               TL_TEXT(k->name), TL_TEXT(k->url), TL_TEXT(k->note), TL_TEXT(k->status), TL_TEXT(k->until),
               TL_INTEGER(k->since_us), TL_INTEGER(k->changed_us), TL_INTEGER(k->removed));
    free(key);
    free(causes);
    return result ? -1 : 0;
}

int tl_known_begin(struct tl_store *s, struct tl_error *e)
{
    return tl_store_group(s, e);
}

int tl_known_put_all(struct tl_store *s, struct tl_known *const *list, size_t n, struct tl_error *e)
{
    if (tl_store_group(s, e))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (put(s, list[i], e))
            return tl_store_undo(s);
    return tl_store_flush(s, e);
}

int tl_known_put(struct tl_store *s, struct tl_known *k, struct tl_error *e)
{
    return tl_known_put_all(s, &k, 1, e);
}
