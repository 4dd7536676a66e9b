/* Theory of operation. A difference is reduced as a crash is: a variant is kept when it fails in the same way. What is added:
 *
 *   - each variant is run twice, on the unit that is at fault and on what is right, with the same inputs, and the outputs are
 *     compared as those of any case with a reference are. Values that were recorded are those of what is right. So a node is
 *     accused only where it differs although both sides are given the same values.
 *   - how far from each other two configurations are that are both good is measured (sides.c). What differs no more than
 *     ten times as far is no failure (gap.c).
 *   - where execution stops at a crash, a wrong value goes on to the end. So the shortest prefix is not looked for, but the
 *     first value that differs (locate.c).
 *
 * Where a unit is held against itself and nothing differs (it is wrong without optimisation, too), that is said, and the other
 * builds of its runtime are asked, the newest first, up to the first that says the same. */
#include "harness/campaign/reduce/difference.h"
#include "harness/campaign/reduce/read.h"

#include "cases/tolerance.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/unit_name.h"
#include "harness/builds/builds.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* UNIT|same[,AXIS=VALUE]… A comma before no assignment belongs to what stands before it: lists of builds have some. */
static int parse_unit(const struct tl_reduction *r, struct tl_reduce_difference *d, struct tl_error *e)
{
    char *text = tl_strdup(r->against), *first = text;
    int result = 0;
    for (char *at; (at = strrchr(text, ',')) && !result;) {
        char *equals = strchr(at, '=');
        if (!equals || equals == at + 1) {
            result =
                tl_fail(e, TL_ERROR_INPUT, option, r->against,
                        "expected UNIT, UNIT,AXIS=VALUE or `same,AXIS=VALUE`: `%s` is no assignment", at + 1);
            break;
        }
        *equals = *at = '\0';
        if (!json_object_get(d->with, at + 1))
            json_object_set_new(d->with, at + 1, tl_reduce_value_of(equals + 1));
    }
    bool same = !strcmp(first, "same") || !strcmp(first, r->unit->text);
    d->unit = same ? tl_strdup(r->unit->text) : whole_name(first);
    if (!result && same && !json_object_size(d->with))
        result =
            tl_fail(e, TL_ERROR_INPUT, option, r->against,
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
    d->left_out = json_array();
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
    json_decref(d->left_out);
    json_decref(d->within_noise);
    json_decref(d->allowed);
    json_decref(d->paired);
    json_decref(d->makes);
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
    tl_reduce_side_free(&d->reference);
    tl_reduce_side_free(&d->second);
    tl_reduce_side_free(&d->rounded);
    d->first = (struct tl_reduce_gap){0};
    d->original_noise = -1;
    json_decref(d->within_noise);
    json_decref(d->allowed);
    d->within_noise = d->allowed = NULL;
    d->why = NULL;
}

/* One of them. Nobody named it: where it cannot be compared with it is left out, and what was found before stays. */
static int with_other_build(const struct tl_reduction *r, struct tl_reduce_difference *d, const char *text,
                            json_t **document, struct tl_error *e)
{
    json_t *found_now = NULL, *known = json_copy(d->nothing);
    const json_t *before = json_object_get(*document, "difference");
    tl_watch_line(r->watch, "reduce: no difference to %s; against %s", d->unit, text);
    json_array_append_new(
        d->nothing,
        json_pack("{s:O,s:O,s:O,s:O,s:O}", "unit", json_object_get(before, "unit"), "with",
                  json_object_get(before, "with"), "output", json_object_get(before, "output"), "error",
                  json_object_get(before, "error"), "absolute", json_object_get(before, "absolute")));
    forget(d);
    free(d->unit);
    d->unit = tl_strdup(text);
    int result = with_reference(r, d, &found_now, e);
    if (result && e->kind == TL_ERROR_INPUT && !tl_executor_interrupted(r->x)) {
        json_array_append_new(d->left_out,
                              json_pack("{s:s,s:O,s:s}", "unit", text, "with", d->with, "why", e->why));
        json_object_set(json_object_get(*document, "difference"), "left_out", d->left_out);
        json_decref(d->nothing);
        d->nothing = known;
        return 0;
    }
    json_decref(known);
    json_decref(*document);
    *document = found_now;
    return result;
}

/* Whether the build that was asked last can be compared with, and says what the unit says. */
static bool agrees(const json_t *document, const char *text)
{
    const json_t *d = json_object_get(document, "difference");
    const char *unit = json_string_value(json_object_get(d, "unit"));
    return !found(document) && unit && !strcmp(unit, text) && !json_is_string(json_object_get(d, "why")) &&
           json_is_true(json_object_get(document, "complete"));
}

/* The unit itself shows nothing: other builds of its runtime, the newest first, up to the first that says the same. What is mended
 * once is right in all that come later: an older one that differs from that is likelier to be wrong than both. */
static int with_other_builds(const struct tl_reduction *r, struct tl_reduce_difference *d, json_t **document,
                             struct tl_error *e)
{
    struct tl_builds builds = {0};
    struct tl_error ignored;
    int result = 0;
    bool agreed = false;
    json_t *unasked = json_array();
    if (d->path || strcmp(d->unit, r->unit->text) != 0 || strchr(r->unit->runner, '/') ||
        tl_builds_installed(r->unit->runner, &builds, &ignored)) {
        json_decref(unasked);
        return 0;
    }
    for (size_t i = builds.n;
         i-- > 0 && !result && !found(*document) && json_is_true(json_object_get(*document, "complete"));) {
        char *text = tl_format("%s@%s:%s", r->unit->runner, builds.list[i].version, r->unit->device);
        const struct tl_unit *unit =
            strcmp(text, r->unit->text) != 0 ? tl_executor_unit(r->x, text, &ignored) : NULL;
        bool usable = unit && unit->usable && !unit->build_missing;
        if (usable && agreed) {
            json_array_append_new(unasked, json_string(text));
        } else if (usable) {
            result = with_other_build(r, d, text, document, e);
            agreed = !result && agrees(*document, text);
        }
        free(text);
    }
    if (json_array_size(unasked) && *document)
        json_object_set(json_object_get(*document, "difference"), "unasked", unasked);
    json_decref(unasked);
    tl_builds_free(&builds);
    return result;
}

/* A case has a reference, whatever its failure is: one that is no difference is reduced as it is. */
static int without_reference(const struct tl_reduction *r, json_t **document, struct tl_error *e)
{
    struct tl_reduce_side own = {0};
    if (tl_reduce_side_make(r, r->unit, NULL, NULL, &own, e))
        return -1;
    struct tl_reduction alone = *r;
    alone.c = own.c;
    alone.failing = &own.v;
    alone.against = NULL;
    int result = tl_reduce_run_one(&alone, NULL, document, e);
    tl_reduce_side_free(&own);
    return result;
}

static int run_against(const struct tl_reduction *r, json_t **document, struct tl_error *e)
{
    struct tl_reduce_difference d = {0};
    *document = NULL;
    int result = parse(r, &d, e) || with_reference(r, &d, document, e) ? -1 : 0;
    if (result && d.fails_itself && r->against_of_case && !r->first_difference)
        result = without_reference(r, document, e);
    else if (!result && *document && !found(*document))
        result = with_other_builds(r, &d, document, e);
    release(&d);
    return result;
}

int tl_reduce_run(const struct tl_reduction *r, json_t **document, struct tl_error *e)
{
    return r->against ? run_against(r, document, e) : tl_reduce_run_one(r, NULL, document, e);
}
