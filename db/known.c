#include "db/known.h"

#include "db/group.h"
#include "db/known_impl.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/values.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <stdlib.h>
#include <string.h>

static const char cannot_read[] = "cannot read which failures are known";
static const char cannot_put[] = "cannot store a failure that is known";

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
    int result =
        tl_rows_close(&q, 0, e) || tl_known_load_blind(s, l, e) || tl_known_load_places(s, l, e) ? -1 : 0;
    for (size_t i = 0; i < l->n; i++)
        l->list[i].places = json_pack("{s:b}", l->list[i].coarse_id, 1);
    if (!result)
        result = tl_known_join(s, l, e) || tl_known_load_others(s, l, e) ? -1 : 0;
    if (result)
        tl_known_list_free(l);
    return result;
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
        k->places = json_pack("{s:b}", k->coarse_id, 1);
        result = tl_known_find_places(s, k, signature, e) || tl_known_find_causes(s, k, e) ? -1 : 0;
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
    const char *place = json_string_value(json_array_get(json_array_get(k->adding, 0), 1));
    char *key =
             tl_format("%s%c%s%s%s", k->case_name, '\n', k->coarse_id, place ? "\n" : "", place ? place : ""),
         *causes = json_dumps(k->causes, JSON_COMPACT | JSON_SORT_KEYS);
    int64_t now = tl_wall_us();
    if (!*k->id) /* of several that have no place across builds each has its own */
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
    return result || tl_known_put_places(s, k, e) ? -1 : 0;
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
