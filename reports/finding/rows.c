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

/* places: {AXIS=VALUE: the place of its row}, as there may be as many rows as trials. */
static json_t *find_row(json_t *rows, json_t *places, const char *axis, const json_t *value)
{
    char *word = axis ? json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT) : NULL,
         *key = tl_format("%s=%s", axis ? axis : "", word ? word : "");
    const json_t *place = json_object_get(places, key);
    json_t *row = place ? json_array_get(rows, (size_t)json_integer_value(place)) : NULL;
    if (!row)
        json_object_set_new_nocheck(places, key, json_integer((json_int_t)json_array_size(rows)));
    free(word);
    free(key);
    if (row)
        return row;
    row = json_pack("{s:s?,s:o}", "axis", axis, "value", value ? json_incref((json_t *)value) : json_null());
    json_array_append_new(rows, row);
    return row;
}

/* Where a row belongs: by axis in the order of the case (the minimal variant comes first), then by value, simplest first. */
struct rank {
    size_t group, at; /* at: where it was */
    double place;
};

static struct rank rank(const json_t *finding, const json_t *row, size_t at)
{
    size_t group = 0;
    const json_t *axis = tl_axis_named(finding, tl_member_text(row, "axis"), &group);
    return (struct rank){axis ? group + 1 : 0, at,
                         axis ? tl_axis_place(axis, json_object_get(row, "value")) : 0};
}

static int by_rank(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* A search of thousands of trials has as many rows. */
static json_t *sorted(const json_t *finding, const json_t *rows)
{
    size_t n = json_array_size(rows), i;
    struct rank *ranks = tl_calloc(n + 1, sizeof *ranks);
    const json_t *row;
    json_t *list = json_array();
    json_array_foreach(rows, i, row)
        ranks[i] = rank(finding, row, i);
    qsort(ranks, n, sizeof *ranks, by_rank);
    for (i = 0; i < n; i++)
        json_array_append(list, json_array_get(rows, ranks[i].at));
    free(ranks);
    return list;
}

/* Over builds: one row for each build that was tried, oldest first. A variant of the path names a unit. */
static json_t *build_rows(const json_t *finding)
{
    const json_t *list = json_object_get(json_object_get(finding, "builds"), "list"), *build, *step;
    json_t *rows = json_array(), *places = json_object();
    size_t i, k;
    json_array_foreach(list, i, build) {
        char *part = tl_format("@%s:", json_is_string(build) ? json_string_value(build) : "?");
        json_array_foreach(json_object_get(finding, "path"), k, step) {
            const json_t *unit = json_object_get(json_object_get(step, "variant"), "build");
            const char *outcome = tl_member_text(step, "outcome");
            if (!json_is_string(unit) || !strstr(json_string_value(unit), part) || !outcome)
                continue;
            json_t *row = find_row(rows, places, "build", build);
            json_object_set_new(row, outcome, json_integer(tl_member_integer(row, outcome) + 1));
        }
        free(part);
    }
    json_decref(places);
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
    json_t *rows = json_array(), *places;
    if (!json_is_object(minimal))
        return rows;
    places = json_object();
    find_row(rows, places, NULL, NULL);
    json_array_foreach(json_object_get(finding, "path"), i, step) {
        const char *axis = NULL, *outcome = tl_member_text(step, "outcome");
        const json_t *variant = json_object_get(step, "variant");
        size_t n = differences(minimal, variant, &axis);
        if (n > 1 || !outcome || tl_member_true(step, "inferred") || (n && tl_finding_unread(finding, axis)))
            continue;
        json_t *row = find_row(rows, places, n ? axis : NULL, n ? json_object_get(variant, axis) : NULL);
        json_object_set_new(row, outcome, json_integer(tl_member_integer(row, outcome) + 1));
    }
    json_decref(places);
    add_counted(finding, rows, minimal);
    json_t *list = sorted(finding, rows);
    json_decref(rows);
    return list;
}
