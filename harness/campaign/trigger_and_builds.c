/* Which variant is tried on other builds, once it is known what the failure needs.
 *
 * The failing variant has values that have nothing to do with the failure, and other builds may not take the model for
 * one of them: an opset that they do not know, an operator. Then nothing is learned of them. The minimal variant has none, but
 * lies at the edge of every threshold, and the edge moves from build to build. So the minimal one is taken, with the axes of
 * the trigger as far away from the edge as the failing one has them. It has to fail there in the same way, and a failure that
 * shows now and then is left with the variant of which its rate is known.
 *
 * A reproducer is made of the minimal variant itself, so that is tried once on each of the builds as well. */
#include "harness/campaign/trigger_and_builds.h"

#include "db/finding_join.h"
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"
#include "harness/campaign/scan.h"
#include "harness/verdict/kind.h"

#include <stdlib.h>
#include <string.h>

static const char *id_of(const json_t *document)
{
    const char *id = json_string_value(json_object_get(document, "finding"));
    return id ? id : "";
}

/* Whether a unit before it is of the same runner and device: all builds of those are searched once. */
static bool is_searched(const char *const *texts, size_t at)
{
    struct tl_unit_name name = tl_unit_name_of(texts[at]);
    char *own = tl_unit_without_build(&name);
    bool found = false;
    for (size_t i = 0; i < at && !found; i++) {
        name = tl_unit_name_of(texts[i]);
        char *other = tl_unit_without_build(&name);
        found = !strcmp(own, other);
        free(other);
    }
    free(own);
    return found;
}

/* What was found on a unit's runner and device, if the failure showed: where it did not, another one would be found over
 * builds. NULL. */
static const json_t *found_on(const json_t *documents, const char *text)
{
    const struct tl_unit_name name = tl_unit_name_of(text);
    char *own = tl_unit_without_build(&name);
    const json_t *d, *found = NULL;
    size_t i;
    json_array_foreach(documents, i, d) {
        const char *unit = json_string_value(json_object_get(d, "unit"));
        const struct tl_unit_name of = tl_unit_name_of(unit ? unit : "");
        char *other = tl_unit_without_build(&of);
        if (!found && !strcmp(own, other) && json_is_true(json_object_get(d, "reproduced")))
            found = d;
        free(other);
    }
    free(own);
    return found;
}

static bool same_variant(const struct tl_case *c, const struct tl_variant *a, const struct tl_variant *b)
{
    return !memcmp(a->index, b->index, c->n_axes * sizeof *a->index);
}

/* *v is the caller's. */
static bool make_minimal(const struct tl_case *c, const json_t *found, struct tl_variant *v)
{
    const json_t *minimal = json_object_get(found, "minimal");
    struct tl_error ignored;
    return json_is_object(minimal) && !tl_variant_from_json(c, minimal, v, &ignored);
}

/* The minimal variant, with the axes of the trigger as in the failing one. *v is the caller's. */
static bool make_plain(const struct tl_case *c, const json_t *found, struct tl_variant *v)
{
    const json_t *minimal = json_object_get(found, "minimal"), *failing = json_object_get(found, "failing"),
                 *t;
    json_t *object = json_is_object(minimal) ? json_copy((json_t *)minimal) : json_null();
    struct tl_error ignored;
    size_t i;
    json_array_foreach(json_object_get(found, "trigger"), i, t) {
        const char *axis = json_string_value(json_object_get(t, "axis"));
        json_t *value = axis ? json_object_get(failing, axis) : NULL;
        if (value && json_is_object(object))
            json_object_set(object, axis, value);
    }
    bool made = json_is_object(object) && !tl_variant_from_json(c, object, v, &ignored);
    json_decref(object);
    char *why = made ? tl_variant_forbidden(c, v) : NULL;
    if (why)
        tl_variant_free(v);
    free(why);
    return made && !why;
}

static bool fails_always(const json_t *found)
{
    const json_t *rate = json_object_get(found, "rate");
    json_int_t failed = json_integer_value(json_array_get(rate, 0));
    return failed > 0 && failed == json_integer_value(json_array_get(rate, 1));
}

/* Whether the variant fails as it was found. */
static bool fails_so(const struct tl_campaign_isolation *s, const struct tl_variant *v, const json_t *found)
{
    const char *unit = json_string_value(json_object_get(found, "unit")),
               *kind = json_string_value(json_object_get(found, "failure_kind"));
    struct tl_error ignored;
    const struct tl_unit *u = unit ? tl_executor_unit(s->x, unit, &ignored) : NULL;
    struct tl_campaign_isolation one = *s;
    struct tl_driver_trial seen;
    struct tl_trial_record r;
    size_t at = 0, gravest;
    one.failing = *v;
    one.units = &u;
    one.n_units = 1;
    if (!u || !kind || tl_scan_run(&one, &at, 1, &seen, &gravest, &ignored) || gravest == SIZE_MAX ||
        tl_query_trial(tl_executor_store(s->x), seen.id, &r, &ignored))
        return false;
    char *own = tl_failure_kind(&r);
    bool so = own && !strcmp(own, kind);
    free(own);
    tl_trial_record_free(&r);
    return so;
}

static bool is_part_of(const json_t *documents, const json_t *over)
{
    const json_t *d;
    size_t i;
    json_array_foreach(documents, i, d) {
        if (*id_of(over) && !strcmp(id_of(json_object_get(d, "builds")), id_of(over)))
            return true;
    }
    return false;
}

static int join(struct tl_store *s, json_t *documents, const json_t *over, struct tl_error *e)
{
    json_t *d;
    size_t i;
    json_array_foreach(documents, i, d) {
        if (*id_of(d) && tl_finding_join(s, d, e))
            return -1;
    }
    json_array_foreach(over, i, d) {
        if (!is_part_of(documents, d))
            json_array_append(documents, d);
    }
    return 0;
}

int tl_isolation_run_over(const struct tl_campaign_isolation *s, const char *const *texts, size_t n,
                          json_t *documents, struct tl_error *e)
{
    int result = 0;
    for (size_t i = 0; i < n && !result && !tl_executor_interrupted(s->x) && !tl_isolation_out_of_time(s);
         i++) {
        struct tl_campaign_isolation over = *s;
        const json_t *trigger = is_searched(texts, i) ? NULL : found_on(documents, texts[i]);
        struct tl_variant plain, minimal;
        json_t *found;
        if (!trigger)
            continue;
        bool has_minimal = make_minimal(s->c, trigger, &minimal);
        bool made = fails_always(trigger) && make_plain(s->c, trigger, &plain);
        if (made && fails_so(s, &plain, trigger)) {
            over.failing = plain;
            over.stands_for = &s->failing;
        }
        if (has_minimal && !same_variant(s->c, &over.failing, &minimal))
            over.minimal = &minimal;
        over.over = texts[i];
        over.frontier = NULL;
        over.units = NULL;
        over.n_units = 0;
        result = tl_isolation_run(&over, &found, e);
        free(over.units);
        if (has_minimal)
            tl_variant_free(&minimal);
        if (made)
            tl_variant_free(&plain);
        struct tl_error later; /* the first one counts */
        if (join(tl_executor_store(s->x), documents, found, result ? &later : e))
            result = -1;
        json_decref(found);
    }
    return result;
}
