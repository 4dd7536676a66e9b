/* What was measured next to the minimal variant, one axis at a time, counted from the path of the search. */
#include "reports/finding/rows.h"

#include "db/finding.h"
#include "harness/base/buffer.h"
#include "reports/finding/axes.h"
#include "reports/finding/members.h"
#include "reports/members.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The axis in which two variants differ, and how many such axes there are. */
static size_t differences(const json_t *a, const json_t *b, const char **axis)
{
    size_t n = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)a, name, value) {
        if (!json_equal(value, json_object_get(b, name))) {
            *axis = name;
            n++;
        }
    }
    return json_object_size(a) == json_object_size(b) ? n : SIZE_MAX;
}

const json_t *tl_report_row(const json_t *rows, const char *axis, const json_t *value)
{
    const json_t *row;
    size_t i;
    json_array_foreach(rows, i, row) {
        const char *name = tl_member_text(row, "axis");
        if ((!name && !axis) ||
            (name && axis && !strcmp(name, axis) && json_equal(json_object_get(row, "value"), value)))
            return row;
    }
    return NULL;
}

json_int_t tl_row_passes(const json_t *row)
{
    return tl_member_integer(row, "match") || tl_member_integer(row, "other")
               ? 0
               : tl_member_integer(row, "pass");
}

static json_t *find_row(json_t *rows, const char *axis, const json_t *value)
{
    json_t *row = (json_t *)tl_report_row(rows, axis, value);
    if (row)
        return row;
    row = json_pack("{s:s?,s:o}", "axis", axis, "value", value ? json_incref((json_t *)value) : json_null());
    json_array_append_new(rows, row);
    return row;
}

/* Where a row belongs: by axis in the order of the case (*group; the minimal variant comes first), then by
 * value, simplest first. */
static double rank(const json_t *finding, const json_t *row, size_t *group)
{
    const json_t *axis = tl_axis_named(finding, tl_member_text(row, "axis"), group);
    *group = axis ? *group + 1 : 0;
    return axis ? tl_axis_place(axis, json_object_get(row, "value")) : 0;
}

/* Over builds: one row for each build that was tried, oldest first. A variant of the path names a unit. */
static json_t *build_rows(const json_t *finding)
{
    const json_t *list = json_object_get(json_object_get(finding, "builds"), "list"), *build, *step;
    json_t *rows = json_array();
    size_t i, k;
    json_array_foreach(list, i, build) {
        char *part = tl_format("@%s:", json_is_string(build) ? json_string_value(build) : "?");
        json_array_foreach(json_object_get(finding, "path"), k, step) {
            const json_t *unit = json_object_get(json_object_get(step, "variant"), "build");
            const char *outcome = tl_member_text(step, "outcome");
            if (!json_is_string(unit) || !strstr(json_string_value(unit), part) || !outcome)
                continue;
            json_t *row = find_row(rows, "build", build);
            json_object_set_new(row, outcome, json_integer(tl_member_integer(row, outcome) + 1));
        }
        free(part);
    }
    return rows;
}

/* To each row of a value what trials of others counted: a row's figures are those of all that tell of it. */
static void add_counted(const json_t *finding, json_t *rows, const json_t *minimal)
{
    const char *counted = tl_member_text(json_object_get(finding, "inferred"), "axis");
    const json_t *step;
    json_t *row;
    size_t i, k;
    json_array_foreach(rows, i, row) {
        const char *axis = tl_member_text(row, "axis");
        if (!counted || (axis && strcmp(axis, counted) != 0))
            continue;
        json_t *variant = json_copy((json_t *)minimal);
        if (axis)
            json_object_set(variant, axis, json_object_get(row, "value"));
        json_array_foreach(json_object_get(finding, "path"), k, step) {
            bool fails;
            if (!tl_finding_tells(finding, step, variant, &fails))
                continue;
            const char *outcome = fails ? tl_member_text(step, "outcome") : "pass";
            json_object_set_new(row, outcome, json_integer(tl_member_integer(row, outcome) + 1));
        }
        json_decref(variant);
    }
}

json_t *tl_report_rows(const json_t *finding)
{
    const json_t *minimal = json_object_get(finding, "minimal"), *step;
    size_t i;
    if (tl_finding_over_builds(finding))
        return build_rows(finding);
    json_t *rows = json_array();
    if (!json_is_object(minimal))
        return rows;
    find_row(rows, NULL, NULL);
    json_array_foreach(json_object_get(finding, "path"), i, step) {
        const char *axis = NULL, *outcome = tl_member_text(step, "outcome");
        const json_t *variant = json_object_get(step, "variant");
        size_t n = differences(minimal, variant, &axis);
        if (n > 1 || !outcome || tl_member_true(step, "inferred") || (n && tl_finding_unread(finding, axis)))
            continue;
        json_t *row = find_row(rows, n ? axis : NULL, n ? json_object_get(variant, axis) : NULL);
        json_object_set_new(row, outcome, json_integer(tl_member_integer(row, outcome) + 1));
    }
    add_counted(finding, rows, minimal);
    /* Insertion sort: there are few. */
    json_t *sorted = json_array(), *row;
    json_array_foreach(rows, i, row) {
        size_t group, other, k = json_array_size(sorted);
        double r = rank(finding, row, &group);
        for (; k; k--) {
            double o = rank(finding, json_array_get(sorted, k - 1), &other);
            if (other < group || (other == group && o <= r))
                break;
        }
        json_array_insert(sorted, k, row);
    }
    json_decref(rows);
    return sorted;
}
