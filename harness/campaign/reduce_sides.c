/* Where variants are run when a difference is reduced: on the unit that is at fault, on what is right, and on a second
 * configuration that is right as well, which tells how far apart two that are good may be.
 *
 * Each side has a case of its own, made of that of the reduction: axes that it sets have its one value there. The second one
 * is the reference with another level of optimisation, else another build that is installed; it is good where it is closer to
 * the reference than a tenth of the difference. */
#include "harness/campaign/reduce_difference.h"

#include "cases/load.h"
#include "harness/base/buffer.h"
#include "harness/builds/builds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BUILDS_MOST 4 /* that are asked whether they are good */

static const char doing[] = "cannot reduce a difference";

static void set_axis(json_t *axes, const char *name, const json_t *value)
{
    json_t *axis = json_pack("{s:s,s:[O]}", "name", name, "choices", (json_t *)(uintptr_t)value), *old;
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
        json_object_set(values, name, value);
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

static bool lists_axis(const struct tl_unit *u, const char *name)
{
    const json_t *axis;
    size_t i;
    json_array_foreach(u->axes, i, axis)
        if (json_is_string(axis) && !strcmp(json_string_value(axis), name))
            return true;
    return false;
}

/* One that may be the second: where it is good it is taken. */
static int ask(struct tl_reduce_state *s, const struct tl_unit *unit, const json_t *with, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    struct tl_reduce_side side;
    struct tl_error unfit;
    json_t *reference = tl_reduce_reference_json(d), *comparison = NULL;
    int result = 0;
    bool good = false;
    if (!unit || !unit->usable || unit->build_missing ||
        tl_reduce_side_make(s->r, unit, with, reference, &side, &unfit)) {
        json_decref(reference);
        return 0;
    }
    side.other_model = d->path != NULL;
    result = tl_reduce_compare(s, &s->now, &side, &comparison, e);
    if (!result && comparison) {
        struct tl_reduce_gap g = tl_reduce_gap_in(d, comparison, NULL);
        good = g.kind == TL_REDUCE_EQUAL ||
               (g.kind == TL_REDUCE_FINITE &&
                (d->first.kind != TL_REDUCE_FINITE ||
                 (isfinite(g.error) ? g.error < 0.1 * d->first.error : g.absolute < 0.1 * d->first.absolute)));
    }
    if (good) {
        struct tl_reduce_gap g = tl_reduce_gap_in(d, comparison, d->output);
        d->second = side;
        d->noise = isfinite(g.error) ? g.error : 0;
    } else {
        tl_reduce_side_free(&side);
    }
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
    for (size_t i = 0; i < TL_COUNT(levels) && lists_axis(unit, "optimization") && !d->second.c && !result &&
                       !s->stopped;
         i++) {
        if (json_is_integer(own) && json_integer_value(own) == levels[i])
            continue;
        json_t *with = d->with ? json_deep_copy(d->with) : json_object();
        json_object_set_new(with, "optimization", json_integer(levels[i]));
        result = ask(s, unit, with, e);
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
            result = ask(s, tl_executor_unit(s->r->x, text, &ignored), d->with, e);
        }
        free(text);
    }
    tl_builds_free(&builds);
    return result;
}

int tl_reduce_find_second(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    d->noise = -1;
    if (ask_levels(s, e) || (!d->second.c && ask_builds(s, e)))
        return -1;
    struct tl_reduce_gap first = d->first;
    d->original_noise = d->noise;
    tl_reduce_gap_target(s, &first, d->output, d->noise);
    return 0;
}
