/* Theory of operation. A difference is reduced as a crash is: a variant is kept when it fails in the same way. What is added:
 *
 *   - each variant is run twice, on the unit that is at fault and on what is right, with the same inputs, and the outputs are
 *     compared as those of any case with a reference are. Values that were recorded are those of what is right. So a node is
 *     accused only where it differs although both sides are given the same values.
 *   - how far from each other two configurations are that are both good is measured (reduce_sides.c). What differs no more than
 *     ten times as far is no failure (reduce_gap.c).
 *   - where execution stops at a crash, a wrong value goes on to the end. So the shortest prefix is not looked for, but the
 *     first value that differs (reduce_locate.c).
 *
 * Where a unit is held against itself and nothing differs (it is wrong without optimisation, too), that is said, and the other
 * builds of its runtime are asked, the newest first. */
#include "harness/campaign/reduce_difference.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/tolerance.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/unit_name.h"
#include "harness/builds/builds.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OF_NOISE 10
#define BEFORE_MOST 8 /* values before an output whose difference is noise */

static const char option[] = "--against";

/* --- what is asked for ------------------------------------------------------------------------------------------ */

/* A path of a runner is relative to where the command is given, and in a case to where the case is. */
static char *whole_name(const char *text)
{
    struct tl_unit_name name;
    if (tl_unit_name_parse(text, &name) || !memchr(name.runner.at, '/', name.runner.n) ||
        *name.runner.at == '/')
        return tl_strdup(text);
    char *runner = tl_unit_part_text(name.runner), *real = realpath(runner, NULL),
         *build = tl_unit_part_text(name.build), *device = tl_unit_part_text(name.device),
         *alias = tl_unit_part_text(name.alias),
         *whole = real ? tl_unit_name_text(real, build, device, alias) : tl_strdup(text);
    free(runner);
    free(real);
    free(build);
    free(device);
    free(alias);
    return whole;
}

static json_t *value_of(const char *text)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (*text && !*end && !errno)
        return json_integer(n);
    return !strcmp(text, "true") || !strcmp(text, "false") ? json_boolean(*text == 't') : json_string(text);
}

/* UNIT|same[,AXIS=VALUE]… A comma before no assignment belongs to what stands before it: lists of builds have some. */
static int parse_unit(const struct tl_reduction *r, struct tl_reduce_difference *d, struct tl_error *e)
{
    char *text = tl_strdup(r->against), *first = text;
    int result = 0;
    for (char *at; (at = strrchr(text, ',')) && !result;) {
        char *equals = strchr(at, '=');
        if (!equals || equals == at + 1) {
            result = tl_fail(e, TL_ERROR_INPUT, option, r->against,
                             "expected UNIT, UNIT,AXIS=VALUE or `same,AXIS=VALUE`: `%s` is no assignment",
                             at + 1);
            break;
        }
        *equals = *at = '\0';
        if (!json_object_get(d->with, at + 1))
            json_object_set_new(d->with, at + 1, value_of(equals + 1));
    }
    bool same = !strcmp(first, "same") || !strcmp(first, r->unit->text);
    d->unit = same ? tl_strdup(r->unit->text) : whole_name(first);
    if (!result && same && !json_object_size(d->with))
        result = tl_fail(e, TL_ERROR_INPUT, option, r->against,
                         "it is the unit of -u itself; `same,optimization=0` was expected, say, or another unit");
    free(text);
    return result;
}

static int parse(const struct tl_reduction *r, struct tl_reduce_difference *d, struct tl_error *e)
{
    struct stat st;
    char *end;
    d->asked = r->against;
    d->with = json_object();
    d->nothing = json_array();
    d->original_noise = -1;
    d->tolerance = TL_TOLERANCE_DEFAULT;
    d->has_tolerance = r->tolerance != NULL;
    if (r->tolerance) {
        d->tolerance = strtod(r->tolerance, &end);
        if (!*r->tolerance || *end || !(d->tolerance >= 0 && d->tolerance <= 1e9))
            return tl_fail(e, TL_ERROR_INPUT, "--tolerance", r->tolerance,
                           "expected a number of at least 0, for example 0.01");
    }
    if (stat(r->against, &st) || !S_ISREG(st.st_mode))
        return parse_unit(r, d, e);
    if (!(d->path = realpath(r->against, NULL)))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", r->against, NULL);
    d->unit = tl_strdup(r->unit->text);
    size_t size;
    char id[TL_ID_SIZE], *bytes = tl_read_file(d->path, (size_t)INT32_MAX, &size);
    if (!bytes)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", d->path, NULL);
    tl_content_id(bytes, size, id);
    free(bytes);
    json_object_set_new(d->with, TL_REDUCE_MODEL_AXIS, json_sprintf("%s %.12s", tl_base_name(d->path), id));
    return 0;
}

static void release(struct tl_reduce_difference *d)
{
    tl_reduce_side_free(&d->reference);
    tl_reduce_side_free(&d->second);
    tl_reduce_side_free(&d->rounded);
    free(d->unit);
    free(d->path);
    free(d->bytes);
    free(d->directory);
    free(d->output);
    json_decref(d->with);
    json_decref(d->nothing);
    json_decref(d->within_noise);
    json_decref(d->where);
}

/* --- one reference ---------------------------------------------------------------------------------------------- */

static int with_reference(const struct tl_reduction *r, struct tl_reduce_difference *d, json_t **document,
                          struct tl_error *e)
{
    const struct tl_unit *unit = tl_executor_unit(r->x, d->unit, e);
    struct tl_reduce_side own = {0};
    if (!unit || tl_units_check_builds(&unit, 1, e))
        return -1;
    if (!unit->usable)
        return tl_fail(e, TL_ERROR_INPUT, option, unit->text, "%s",
                       unit->why ? unit->why : "nothing can be tried there, and its runner does not say why");
    json_t *reference = tl_reduce_reference_json(d),
           *axes = d->path ? json_pack("{s:[s,O]}", TL_REDUCE_MODEL_AXIS, "no",
                                   json_object_get(d->with, TL_REDUCE_MODEL_AXIS))
                       : NULL;
    int result = tl_reduce_side_make(r, r->unit, axes, reference, &own, e) ||
                         tl_reduce_side_make(r, unit, d->with, NULL, &d->reference, e)
                     ? -1
                     : 0;
    d->reference.other_model = d->path != NULL;
    if (!result) {
        struct tl_reduction same = *r;
        same.c = own.c;
        same.failing = &own.v;
        result = tl_reduce_run_one(&same, d, document, e);
    }
    tl_reduce_side_free(&own);
    json_decref(axes);
    json_decref(reference);
    return result;
}

static bool found(const json_t *document)
{
    return json_is_true(json_object_get(document, "reproduced"));
}

static void forget(struct tl_reduce_difference *d)
{
    json_array_append_new(d->nothing, json_pack("{s:s,s:O}", "unit", d->unit, "with", d->with));
    tl_reduce_side_free(&d->reference);
    tl_reduce_side_free(&d->second);
    tl_reduce_side_free(&d->rounded);
    d->first = (struct tl_reduce_gap){0};
    d->original_noise = -1;
    json_decref(d->within_noise);
    d->within_noise = NULL;
    d->why = NULL;
}

/* The unit itself shows nothing: other builds of its runtime, the newest first. */
static int with_other_builds(const struct tl_reduction *r, struct tl_reduce_difference *d, json_t **document,
                             struct tl_error *e)
{
    struct tl_builds builds = {0};
    struct tl_error ignored;
    int result = 0;
    if (d->path || strcmp(d->unit, r->unit->text) != 0 || strchr(r->unit->runner, '/') ||
        tl_builds_installed(r->unit->runner, &builds, &ignored))
        return 0;
    for (size_t i = builds.n; i-- > 0 && !result && !found(*document) &&
                              json_is_true(json_object_get(*document, "complete"));) {
        char *text = tl_format("%s@%s:%s", r->unit->runner, builds.list[i].version, r->unit->device);
        const struct tl_unit *unit =
            strcmp(text, r->unit->text) != 0 ? tl_executor_unit(r->x, text, &ignored) : NULL;
        if (unit && unit->usable && !unit->build_missing) {
            tl_watch_line(r->watch, "reduce: no difference to %s; against %s", d->unit, text);
            forget(d);
            free(d->unit);
            d->unit = tl_strdup(text);
            json_decref(*document);
            *document = NULL;
            result = with_reference(r, d, document, e);
        }
        free(text);
    }
    tl_builds_free(&builds);
    return result;
}

int tl_reduce_run_against(const struct tl_reduction *r, json_t **document, struct tl_error *e)
{
    struct tl_reduce_difference d = {0};
    *document = NULL;
    int result = parse(r, &d, e) || with_reference(r, &d, document, e) ? -1 : 0;
    if (!result && *document && !found(*document))
        result = with_other_builds(r, &d, document, e);
    release(&d);
    return result;
}

/* --- what the failure is ------------------------------------------------------------------------------------------ */

/* The output that differs most, of those that fail. */
static struct tl_reduce_gap worst_output(const struct tl_reduce_difference *d, const json_t *comparison,
                                         const char **name)
{
    struct tl_reduce_gap worst = tl_reduce_gap_in(d, comparison, NULL);
    const json_t *output;
    size_t i;
    *name = NULL;
    json_array_foreach(json_object_get(comparison, "outputs"), i, output) {
        struct tl_reduce_gap g = tl_reduce_gap_of(output);
        if (!*name && g.kind == worst.kind && g.far == worst.far && !(g.error < worst.error))
            *name = json_string_value(json_object_get(output, "name"));
    }
    return worst;
}

static bool is_noise(const struct tl_reduce_difference *d)
{
    return d->first.kind == TL_REDUCE_FINITE && isfinite(d->first.error) && d->noise > 0 &&
           d->first.error < OF_NOISE * d->noise;
}

/* What a value is made of; those that nodes make. */
static void add_sources(struct tl_onnx_model *m, const char *value, json_t *waiting)
{
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n = 0;
    uint32_t maker = tl_onnx_maker(m, value);
    tl_onnx_nodes(m, &nodes, &n);
    for (size_t i = 0; i < n && maker != TL_ONNX_NOWHERE; i++)
        for (size_t k = 0; nodes[i].number == maker && k < nodes[i].n_inputs; k++)
            if (*nodes[i].inputs[k] && tl_onnx_maker(m, nodes[i].inputs[k]) != TL_ONNX_NOWHERE)
                json_array_append_new(waiting, json_string(nodes[i].inputs[k]));
    free(nodes);
}

/* One of them, alone: it becomes the target where it differs by more than noise. */
static int look_before(struct tl_reduce_state *s, const char *value, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    json_t *comparison = NULL;
    double noise = -1;
    tl_onnx_edit_outputs(&k.edits, &value, 1);
    int result = tl_reduce_compare(s, &k, NULL, &comparison, e);
    struct tl_reduce_gap g = {.kind = TL_REDUCE_FORM};
    if (!result && comparison)
        g = tl_reduce_gap_in(d, comparison, value);
    if (!result && g.kind == TL_REDUCE_FINITE && g.far)
        result = tl_reduce_noise(s, &k, value, &noise, e);
    if (!result && !s->stopped && g.far && g.kind != TL_REDUCE_FORM &&
        (g.kind != TL_REDUCE_FINITE || (isfinite(g.error) && g.error >= OF_NOISE * noise))) {
        tl_reduce_gap_target(s, &g, value, noise);
        tl_reduce_take(&s->now, &k);
    }
    json_decref(comparison);
    tl_reduce_drop(&k);
    return result;
}

/* Where all that reaches an output may be rounding, such as behind a Sigmoid of large negative numbers, what it is made of may
 * differ by more than that. */
static int find_before(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    struct tl_onnx_model *m = tl_reduce_load(s, &s->now, e);
    json_t *waiting = json_array();
    int result = 0;
    if (!m)
        return -1;
    d->within_noise = json_pack("[s]", d->output);
    add_sources(m, d->output, waiting);
    for (size_t i = 0; i < json_array_size(waiting) && i < BEFORE_MOST && is_noise(d) && !result && !s->stopped;
         i++) {
        const char *value = json_string_value(json_array_get(waiting, i));
        result = look_before(s, value, e);
        if (is_noise(d))
            add_sources(m, value, waiting);
    }
    json_decref(waiting);
    tl_onnx_model_free(m);
    return result;
}

int tl_reduce_difference_target(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    const json_t *comparison = json_object_get(s->target.result, "reference");
    const char *name;
    if (s->target.outcome != TL_OUTCOME_WRONG || !json_is_object(comparison)) {
        d->why = "it fails in another way than by its outputs; without --against that is reduced";
        s->failed = 0;
        return 0;
    }
    struct tl_reduce_gap g = worst_output(d, comparison, &name);
    if (g.kind == TL_REDUCE_FORM) {
        d->why = "the outputs are not of the same names, types and shapes, so that they cannot be compared";
        s->failed = 0;
        return 0;
    }
    tl_reduce_gap_target(s, &g, name, -1);
    if (tl_reduce_find_good(s, e) || tl_reduce_noise(s, &s->now, name, &d->original_noise, e))
        return -1;
    tl_reduce_gap_target(s, &g, name, d->original_noise);
    if (is_noise(d) && find_before(s, e))
        return -1;
    if (is_noise(d) && !s->stopped) {
        d->why = "it is no more than ten times what good configurations differ by";
        s->failed = 0;
    }
    json_t *in_use = s->inputs;
    for (size_t i = 0; i < s->n_samples && s->failed && !s->stopped; i++) {
        enum tl_reduce_verdict v;
        s->inputs = s->samples[i];
        if (tl_reduce_try_one(s, &s->now, &v, e))
            return -1;
        d->samples_failed += v == TL_REDUCE_FAIL;
    }
    s->inputs = in_use;
    return 0;
}

/* --- what is said of it --------------------------------------------------------------------------------------------- */

static json_t *real_or_null(double v)
{
    return isfinite(v) && v >= 0 ? json_real(v) : json_null();
}

static json_t *with_json(const struct tl_reduce_difference *d)
{
    json_t *with = json_deep_copy(d->with);
    if (d->path)
        json_object_del(with, TL_REDUCE_MODEL_AXIS);
    return with;
}

static json_t *second_json(const struct tl_reduce_difference *d)
{
    if (!d->second.c)
        return json_null();
    json_t *values = tl_variant_object(d->second.c, &d->second.v), *with = json_object(), *value;
    const char *name;
    json_object_foreach(values, name, value)
        if (strcmp(name, TL_REDUCE_AXIS) != 0 && strcmp(name, TL_REDUCE_MODEL_AXIS) != 0)
            json_object_set(with, name, value);
    json_decref(values);
    return json_pack("{s:s,s:o}", "unit", d->second.unit->text, "with", with);
}

json_t *tl_reduce_difference_json(const struct tl_reduce_state *s)
{
    const struct tl_reduce_difference *d = s->difference;
    json_t *j = json_pack("{s:s,s:s,s:o,s:s?,s:f,s:O,s:s?}", "asked", d->asked, "unit", d->unit, "with",
                          with_json(d), "model", d->path ? tl_base_name(d->path) : NULL, "tolerance",
                          d->tolerance, "nothing", d->nothing, "why", d->why);
    const struct tl_reduce_gap *g = &d->first;
    const json_t *comparison = json_object_get(s->target.result, "reference");
    const char *name = NULL;
    struct tl_reduce_gap original = *g;
    if (json_is_object(comparison))
        original = worst_output(d, comparison, &name);
    json_object_set_new(j, "kind", json_string(tl_reduce_kind_name(original.kind)));
    json_object_set_new(j, "output", name ? json_string(name) : json_null());
    json_object_set_new(j, "error", real_or_null(original.error));
    json_object_set_new(j, "absolute", real_or_null(original.absolute));
    json_object_set_new(j, "second", second_json(d));
    json_object_set_new(j, "noise", real_or_null(d->original_noise));
    json_object_set_new(j, "least", g->kind == TL_REDUCE_FINITE ? real_or_null(d->least) : json_null());
    if (d->within_noise)
        json_object_set(j, "within_noise", d->within_noise);
    if (s->n_samples)
        json_object_set_new(j, "samples",
                            json_pack("[I,I]", (json_int_t)d->samples_failed, (json_int_t)s->n_samples));
    json_object_update(j, d->where);
    return j;
}
