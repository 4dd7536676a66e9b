#include "cases/expected.h"

#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"
#include "harness/base/version.h"

#include <stdlib.h>
#include <string.h>

static bool axis_holds(const json_t *values, const json_t *value)
{
    const json_t *one;
    size_t i;
    if (!json_is_array(values))
        return json_equal(values, value);
    json_array_foreach(values, i, one)
        if (json_equal(one, value))
            return true;
    return false;
}

/* One version, or A..B: as far as they are written out, so that 1.22 stands for every 1.22.x. */
static bool build_in(const char *part, const char *build)
{
    const char *dots = strstr(part, "..");
    if (!dots)
        return !strcmp(part, build) ||
               (tl_version_valid(part) && tl_version_parts(part) < 3 && tl_version_valid(build) &&
                tl_version_compare_prefix(build, part) == 0);
    char *from = tl_format("%.*s", (int)(dots - part), part);
    bool in = tl_version_valid(build) && (!*from || tl_version_compare_prefix(build, from) >= 0) &&
              (!dots[2] || tl_version_compare_prefix(build, dots + 2) <= 0);
    free(from);
    return in;
}

/* Whether a unit is one that a text names: RUNNER[@BUILDS]:DEVICE[%ALIAS], without builds any build. */
static bool unit_holds(const char *text, const char *unit)
{
    struct tl_unit_name wanted, name;
    if (!strcmp(text, unit))
        return true;
    if (tl_unit_name_parse(text, &wanted) || tl_unit_name_parse(unit, &name) ||
        !tl_unit_part_is(wanted.runner, name.runner) || !tl_unit_part_is(wanted.device, name.device) ||
        !tl_unit_part_is(wanted.alias, name.alias))
        return false;
    if (!wanted.build.n)
        return true;
    if (!name.build.n)
        return false;
    char *builds = tl_unit_part_text(wanted.build), *rest = builds, *build = tl_unit_part_text(name.build);
    bool any = false;
    for (char *part; !any && (part = strsep(&rest, ","));)
        any = build_in(part, build);
    free(builds);
    free(build);
    return any;
}

static bool entry_holds(const json_t *entry, const json_t *variant, const char *unit)
{
    const char *axis, *text = json_string_value(json_object_get(entry, "unit"));
    json_t *values;
    if (text && !unit_holds(text, unit))
        return false;
    json_object_foreach(json_object_get(entry, "when"), axis, values)
        if (!axis_holds(values, json_object_get(variant, axis)))
            return false;
    return true;
}

static char *words_of(const char *outcome, const char *message)
{
    return message ? tl_format("%s \"%s\"", outcome, message) : tl_strdup(outcome);
}

enum tl_standing tl_expected_standing(const json_t *expected, const json_t *variant, const char *unit,
                                      enum tl_outcome outcome, const char *const texts[2], char **what)
{
    bool list = json_is_array(expected);
    size_t n = list ? json_array_size(expected) : json_is_object(expected);
    if (what)
        *what = NULL;
    for (size_t i = 0; i < n; i++) {
        const json_t *entry = list ? json_array_get(expected, i) : expected;
        const char *name = json_string_value(json_object_get(entry, "outcome")),
                   *message = json_string_value(json_object_get(entry, "message"));
        if (!name || !entry_holds(entry, variant, unit))
            continue;
        if (what)
            *what = words_of(name, message);
        bool said = !message;
        for (size_t k = 0; k < 2 && !said; k++)
            said = texts[k] && strstr(texts[k], message);
        return said && outcome == (enum tl_outcome)tl_outcome_parse(name) ? TL_STANDING_EXPECTED
                                                                          : TL_STANDING_OTHER;
    }
    return TL_STANDING_NONE;
}

enum tl_standing tl_expected_of_record(const json_t *expected, const struct tl_trial_record *r, char **what)
{
    if (what)
        *what = NULL;
    if (!expected)
        return TL_STANDING_NONE;
    const char *const texts[2] = {r->message, r->signature.title};
    json_t *variant = json_loads(r->variant ? r->variant : "{}", 0, NULL);
    enum tl_standing s = tl_expected_standing(expected, variant, r->unit, r->outcome, texts, what);
    json_decref(variant);
    return s;
}

bool tl_standing_is_failure(enum tl_standing standing, enum tl_outcome outcome)
{
    if (standing == TL_STANDING_EXPECTED)
        return false;
    return tl_outcome_is_failure(outcome) || (standing == TL_STANDING_OTHER && outcome == TL_OUTCOME_PASS);
}
