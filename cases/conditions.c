#include "cases/conditions.h"

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

bool tl_conditions_hold(const json_t *entry, const json_t *variant, const char *unit)
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
