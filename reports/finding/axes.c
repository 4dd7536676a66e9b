/* A finding's document names axes and their values; here is how far a value is from the simplest one, by
 * which rows are ordered and drawings scaled. */
#include "reports/finding/axes.h"

#include "reports/members.h"

#include <math.h>
#include <string.h>

const json_t *tl_report_variant(const json_t *finding)
{
    const json_t *minimal = json_object_get(finding, "minimal"),
                 *failing = json_object_get(finding, "failing");
    return json_is_object(minimal) ? minimal : json_is_object(failing) ? failing : NULL;
}

const json_t *tl_axis_named(const json_t *finding, const char *name, size_t *at)
{
    const json_t *axis;
    size_t i;
    json_array_foreach(json_object_get(finding, "axes"), i, axis) {
        if (!name || strcmp(tl_member_or(axis, "name", ""), name))
            continue;
        if (at)
            *at = i;
        return axis;
    }
    return NULL;
}

double tl_axis_place(const json_t *axis, const json_t *value)
{
    const json_t *v, *range = json_object_get(axis, "range");
    size_t i;
    json_array_foreach(json_object_get(axis, "values"), i, v) {
        if (json_equal(v, value))
            return (double)i;
    }
    /* A range may fall: its simplest value is the one it begins with. */
    return json_array_size(range) == 2 && json_is_number(value)
               ? fabs(json_number_value(value) - json_number_value(json_array_get(range, 0)))
               : -1;
}

bool tl_axis_is_ordered(const json_t *axis)
{
    const char *kind = tl_member_or(axis, "kind", "");
    return !strcmp(kind, "range") || !strcmp(kind, "ordered");
}
