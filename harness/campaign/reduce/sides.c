/* Where variants are run when a difference is reduced: on the unit that is at fault, on what is right, and on others that
 * are right as well, which tell how far apart two that are good may be.
 *
 * Each side has a case of its own, made of that of the reduction: axes that it sets have its one value there. The second one
 * is the reference with another level of optimisation, else another build that is installed; it is good where it is closer to
 * the reference than a tenth of the difference. That two of them agree to the last bit says little where they compute the same
 * in the same order. So a third one is the reference itself with inputs whose last digits are others: what rounding comes to
 * in this model. */
#include "harness/campaign/reduce/difference.h"

#include "cases/load.h"
#include "harness/base/buffer.h"
#include "harness/builds/builds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL_DEFAULT 99 /* of "optimization", where nobody sets it */
#define BUILDS_MOST 4    /* that are asked whether they are good */

#define ROUNDED_AXIS "rounding" /* of inputs: their own, or others */

static const char doing[] = "cannot reduce a difference";

/* value: the one that it has, or a list of those that it may have. */
static void set_axis(json_t *axes, const char *name, json_t *value)
{
    json_t *axis =
               json_pack(json_is_array(value) ? "{s:s,s:O}" : "{s:s,s:[O]}", "name", name, "choices", value),
           *old;
    size_t i;
    json_array_foreach(axes, i, old) {
        const char *own = json_string_value(json_object_get(old, "name"));
        if (own && !strcmp(own, name)) {
            json_array_set_new(axes, i, axis);
            return;
        }
    }
    json_array_append_new(axes, axis);
}

int tl_reduce_side_make(const struct tl_reduction *r, const struct tl_unit *unit, const json_t *with,
                        const json_t *reference, struct tl_reduce_side *side, struct tl_error *e)
{
    json_t *document = json_deep_copy(r->c->document), *values = tl_variant_object(r->c, r->failing),
           *axes = json_object_get(document, "axes"), *value;
    struct tl_mistakes mistakes = {0};
    const char *name;
    *side = (struct tl_reduce_side){.unit = unit};
    json_object_foreach((json_t *)(uintptr_t)with, name, value) {
        set_axis(axes, name, value);
        json_object_set(values, name, json_is_array(value) ? json_array_get(value, 0) : value);
    }
    json_object_del(document, "failing");
    json_object_del(document, "expected");
    json_object_del(document, "reference");
    if (reference)
        json_object_set(document, "reference", (json_t *)(uintptr_t)reference);
    char *text = json_dumps(document, JSON_INDENT(1));
    int result = tl_case_parse(text, strlen(text), r->c->model_file, &side->c, &mistakes, e);
    if (result && mistakes.n)
        tl_fail(e, TL_ERROR_INPUT, doing, r->against, "%s: %s", mistakes.list[0].path,
                mistakes.list[0].expected);
    if (!result && tl_variant_from_json(side->c, values, &side->v, e)) {
        tl_case_free(side->c);
        side->c = NULL;
        result = -1;
    }
    tl_mistakes_free(&mistakes);
    free(text);
    json_decref(values);
    json_decref(document);
    return result;
}

void tl_reduce_side_free(struct tl_reduce_side *side)
{
    if (side->c) {
        tl_variant_free(&side->v);
        tl_case_free(side->c);
    }
    *side = (struct tl_reduce_side){0};
}

json_t *tl_reduce_reference_json(const struct tl_reduce_difference *d)
{
    json_t *j = json_pack("{s:s,s:f}", "unit", d->unit, "tolerance", d->tolerance);
    if (json_object_size(d->with))
        json_object_set(j, "with", d->with);
    return j;
}

/* One that may be the second: where it is good it is taken. */
static int ask(struct tl_reduce_state *s, const struct tl_unit *unit, const json_t *with,
               const json_t *of_reference, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    struct tl_reduce_side side;
    struct tl_error unfit;
    json_t *reference = tl_reduce_reference_json(d), *comparison = NULL;
    int result = 0;
    bool good = false;
    if (json_object_size(of_reference))
        json_object_set(reference, "with", (json_t *)(uintptr_t)of_reference);
    if (!unit || !unit->usable || unit->build_missing ||
        tl_reduce_side_make(s->r, unit, with, reference, &side, &unfit)) {
        json_decref(reference);
        return 0;
    }
    side.other_model = d->path != NULL;
    result = tl_reduce_compare(s, &s->now, &side, &comparison, e);
    if (!result && comparison) {
        struct tl_reduce_gap g = tl_reduce_gap_in(d, comparison, NULL);
        good =
            g.kind == TL_REDUCE_EQUAL ||
            (g.kind == TL_REDUCE_FINITE &&
             (d->first.kind != TL_REDUCE_FINITE ||
              (isfinite(g.error) ? g.error < 0.1 * d->first.error : g.absolute < 0.1 * d->first.absolute)));
    }
    if (good)
        d->second = side;
    else
        tl_reduce_side_free(&side);
    json_decref(comparison);
    json_decref(reference);
    return result;
}

static int ask_levels(struct tl_reduce_state *s, struct tl_error *e)
{
    static const int levels[] = {0, 1, 2};
    const struct tl_reduce_difference *d = s->difference;
    const struct tl_unit *unit = d->reference.unit;
    json_t *values = tl_variant_object(d->reference.c, &d->reference.v);
    const json_t *own = json_object_get(values, "optimization");
    int result = 0;
    for (size_t i = 0; i < TL_COUNT(levels) && tl_reduce_takes(unit, "optimization") && !d->second.c &&
                       !result && !s->stopped;
         i++) {
        if (json_is_integer(own) && json_integer_value(own) == levels[i])
            continue;
        json_t *with = d->with ? json_deep_copy(d->with) : json_object();
        json_t *of_reference = json_deep_copy(with);
        json_object_set_new(of_reference, "optimization",
                            json_integer(json_is_integer(own) ? json_integer_value(own) : LEVEL_DEFAULT));
        json_object_set_new(with, "optimization", json_integer(levels[i]));
        result = ask(s, unit, with, of_reference, e);
        json_decref(of_reference);
        json_decref(with);
    }
    json_decref(values);
    return result;
}

static int ask_builds(struct tl_reduce_state *s, struct tl_error *e)
{
    const struct tl_reduce_difference *d = s->difference;
    const struct tl_unit *unit = d->reference.unit;
    struct tl_builds builds = {0};
    struct tl_error ignored;
    int result = 0, tried = 0;
    if (strchr(unit->runner, '/') || tl_builds_installed(unit->runner, &builds, &ignored))
        return 0;
    for (size_t i = builds.n; i-- > 0 && !d->second.c && !result && !s->stopped && tried < BUILDS_MOST;) {
        char *text = tl_format("%s@%s:%s", unit->runner, builds.list[i].version, unit->device);
        if (strcmp(text, unit->text) != 0 && (d->path || strcmp(text, s->r->unit->text) != 0)) {
            tried++;
            result = ask(s, tl_executor_unit(s->r->x, text, &ignored), d->with, d->with, e);
        }
        free(text);
    }
    tl_builds_free(&builds);
    return result;
}

/* The reference itself, with inputs whose last digits are others: what rounding comes to in this model. */
static int make_rounded(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    json_t *reference = tl_reduce_reference_json(d),
           *with = d->with ? json_deep_copy(d->with) : json_object(), *of_reference = json_deep_copy(d->with);
    json_object_set_new(with, ROUNDED_AXIS, json_pack("[s,s]", "others", "own"));
    json_object_set_new(of_reference, ROUNDED_AXIS, json_string("own"));
    json_object_set_new(reference, "with", of_reference);
    int result = tl_reduce_side_make(s->r, d->reference.unit, with, reference, &d->rounded, e);
    d->rounded.other_model = d->path != NULL;
    d->rounded.rounded = true;
    json_decref(with);
    json_decref(reference);
    return result;
}

int tl_reduce_find_good(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    if (ask_levels(s, e) || (!d->second.c && ask_builds(s, e)) || make_rounded(s, e))
        return -1;
    return 0;
}

static int measure(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                   const struct tl_reduce_side *side, const char *output, double *noise, struct tl_error *e)
{
    json_t *comparison = NULL;
    if (!side->c || s->stopped)
        return 0;
    int result = tl_reduce_compare(s, k, side, &comparison, e);
    if (!result && comparison) {
        struct tl_reduce_gap g = tl_reduce_gap_in(s->difference, comparison, output);
        double own = g.kind == TL_REDUCE_FINITE && isfinite(g.error) ? g.error : 0;
        *noise = own > *noise ? own : *noise;
    }
    json_decref(comparison);
    return result;
}

int tl_reduce_noise(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, const char *output,
                    double *noise, struct tl_error *e)
{
    const struct tl_reduce_difference *d = s->difference;
    *noise = -1;
    return measure(s, k, &d->second, output, noise, e) || measure(s, k, &d->rounded, output, noise, e) ? -1
                                                                                                       : 0;
}
