/* Theory of operation. A finding of a trigger and one over builds are two rows, each as its search left it: nothing of
 * them is written again, so databases are merged as before, and either may come first, on another day or from another
 * machine. They are joined when they are read.
 *
 * Two rows are of one failure when case (by content), runner and device agree, and the kind of failure: places and
 * wording move from build to build. Several may be. A search on the same machine is preferred, then one that began with
 * the same failing variant, then the newest. */
#include "db/finding_join.h"

#include "db/finding.h"
#include "db/sql.h"
#include "db/values.h"
#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"

#include <stdlib.h>
#include <string.h>

static const char what[] = "cannot look for the other half of a finding";

static const char *text_of(const json_t *document, const char *key)
{
    const char *text = json_string_value(json_object_get(document, key));
    return text ? text : "";
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
    return !strcmp(text_of(a, key), text_of(b, key));
}

static bool same_runner_and_device(const json_t *a, const json_t *b)
{
    const struct tl_unit_name x = tl_unit_name_of(text_of(a, "unit")),
                              y = tl_unit_name_of(text_of(b, "unit"));
    char *of_a = tl_unit_without_build(&x), *of_b = tl_unit_without_build(&y);
    bool same = !strcmp(of_a, of_b);
    free(of_a);
    free(of_b);
    return same;
}

/* Documents of earlier versions do not say of which kind their failure is. */
static bool same_kind(const json_t *a, const json_t *b)
{
    const char *x = text_of(a, "failure_kind"), *y = text_of(b, "failure_kind");
    if (*x && *y)
        return !strcmp(x, y);
    if (!same_text(a, b, "outcome") || !same_text(a, b, "phase") || !same_text(a, b, "signal"))
        return false;
    bool by_signal = *text_of(a, "signal");
    return by_signal ||
           same_text(json_object_get(a, "signature"), json_object_get(b, "signature"), "coarse_id");
}

bool tl_finding_is_same(const json_t *a, const json_t *b)
{
    return json_is_true(json_object_get(a, "reproduced")) && json_is_true(json_object_get(b, "reproduced")) &&
           same_text(a, b, "case") && same_text(a, b, "case_hash") && same_runner_and_device(a, b) &&
           same_kind(a, b);
}

static bool same_machine(const json_t *a, const json_t *b)
{
    static const char *const keys[] = {"os", "machine", "cpu"};
    const json_t *x = json_object_get(a, "environment"), *y = json_object_get(b, "environment");
    for (size_t i = 0; i < TL_COUNT(keys); i++)
        if (!same_text(x, y, keys[i]))
            return false;
    return true;
}

/* The failing variant that a search was asked about: over builds it may have taken another one for it. */
static const json_t *began_with(const json_t *document)
{
    const json_t *asked = json_object_get(document, "stands_for");
    return asked ? asked : json_object_get(document, "failing");
}

/* How well another search fits; 0: it is of another failure. */
static int fitness(const json_t *document, const json_t *other)
{
    if (!tl_finding_is_same(document, other))
        return 0;
    return 1 + 2 * same_machine(document, other) + json_equal(began_with(document), began_with(other));
}

/* *other, the caller's: the best of the findings of that kind; NULL when there is none. */
static int find_other(struct tl_store *s, const json_t *document, const char *kind, json_t **other,
                      struct tl_error *e)
{
    static const char sql[] =
        "SELECT document FROM finding WHERE case_name = ?1 AND case_hash = ?2 AND kind = ?3 ORDER BY id DESC";
    enum { BEST = 4 };
    sqlite3_stmt *st = tl_sql_prepare(s->db, sql, what, e);
    int rc, best = 0;
    *other = NULL;
    if (!st)
        return -1;
    TL_BIND(s, st, TL_TEXT(text_of(document, "case")), TL_TEXT(text_of(document, "case_hash")),
            TL_TEXT(kind));
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        json_t *found = json_loads((const char *)sqlite3_column_text(st, 0), 0, NULL);
        int fits = found ? fitness(document, found) : 0;
        if (fits > best) {
            json_decref(*other);
            *other = json_incref(found);
            best = fits;
        }
        json_decref(found);
        if (best == BEST)
            break;
    }
    int result = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : tl_sql_fail(e, s->db, rc, what);
    sqlite3_finalize(st);
    return result;
}

/* What is known over builds, into the document of a trigger. */
static void add_builds(json_t *document, const json_t *over)
{
    static const char *const also[] = {"finding", "unit", "path", "rate", "newest", "created_us"};
    json_t *builds = json_copy(json_object_get(over, "builds"));
    for (size_t i = 0; i < TL_COUNT(also); i++)
        if (json_object_get(over, also[i]))
            json_object_set(builds, also[i], json_object_get(over, also[i]));
    json_object_set(builds, "variant", json_object_get(over, "failing"));
    if (!same_machine(document, over))
        json_object_set(builds, "environment", json_object_get(over, "environment"));
    json_object_set_new(document, "builds", builds);
}

/* The trigger, into the document of a search over builds. */
static void add_trigger(json_t *document, const json_t *isolation)
{
    static const char *const of_it[] = {
        "minimal", "trigger",     "joint",    "strict",      "or",       "needs", "local_needs",
        "reset",   "independent", "decisive", "generalises", "not_held", "also",  "generalises_strict",
    };
    static const char *const about_it[] = {"finding", "unit", "rate", "match", "complete", "created_us"};
    json_t *trigger = json_object();
    for (size_t i = 0; i < TL_COUNT(of_it); i++)
        if (json_object_get(isolation, of_it[i]))
            json_object_set(document, of_it[i], json_object_get(isolation, of_it[i]));
    for (size_t i = 0; i < TL_COUNT(about_it); i++)
        if (json_object_get(isolation, about_it[i]))
            json_object_set(trigger, about_it[i], json_object_get(isolation, about_it[i]));
    json_object_set_new(document, "isolation", trigger);
}

int tl_finding_join(struct tl_store *s, json_t *document, struct tl_error *e)
{
    bool over = !strcmp(text_of(document, "kind"), "builds");
    json_t *other;
    if (!json_is_true(json_object_get(document, "reproduced")) ||
        (!over && !tl_finding_is_of_trigger(document)))
        return 0;
    if (find_other(s, document, over ? "isolation" : "builds", &other, e))
        return -1;
    if (other && over)
        add_trigger(document, other);
    else if (other)
        add_builds(document, other);
    json_decref(other);
    return 0;
}

int tl_finding_load_joined(struct tl_store *s, const char *id, json_t **document, struct tl_error *e)
{
    json_t *isolation = NULL;
    if (tl_finding_load(s, id, document, e))
        return -1;
    int result = 0;
    if (strcmp(text_of(*document, "kind"), "builds") != 0) {
        result = tl_finding_join(s, *document, e);
    } else if (json_is_true(json_object_get(*document, "reproduced"))) {
        result = find_other(s, *document, "isolation", &isolation, e);
        if (isolation) {
            add_builds(isolation, *document);
            json_decref(*document);
            *document = isolation;
        }
    }
    if (result) {
        json_decref(*document);
        *document = NULL;
    }
    return result;
}
