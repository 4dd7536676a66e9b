/* Which variants next to the minimal one are a way around the failure.
 *
 * What lies directly below a threshold passes, and is no advice: a threshold that was measured on one machine moves with
 * the allocator, the stack, the build, and whoever lives one step below it falls over the next day. A search knows such
 * neighbours best, for it looks for them. A way around is a value that was seen to pass and is far from all that were seen to
 * fail: another choice, or of an ordered axis a value that is a quarter away at least, of itself or of the axis. */
#include "reports/finding/edges.h"

#include "reports/finding/axes.h"
#include "reports/finding/rows.h"
#include "reports/finding/words.h"

#include <math.h>
#include <string.h>

#define AWAY 0.25
#define PASSES_LEAST 2 /* of what is offered: one run may have met another state of memory */

static bool is_of(const json_t *row, const char *axis)
{
    const char *name = tl_member_text(row, "axis");
    return name && !strcmp(name, axis);
}

static bool is_choice(const json_t *axis)
{
    return !tl_axis_is_ordered(axis);
}

/* How many steps an axis has from its first value to its last one. */
static double span(const json_t *axis)
{
    const json_t *range = json_object_get(axis, "range");
    size_t n = json_array_size(json_object_get(axis, "values"));
    return range ? tl_axis_place(axis, json_array_get(range, 1)) : n ? (double)n - 1 : 0;
}

/* How far two values are apart: relative to the larger one of two numbers, or to all steps that the axis has. Neighbours of
 * a range, and values of a list that are no numbers, are not; a list of two is a choice. */
static double apart(const json_t *axis, const json_t *a, const json_t *b)
{
    double steps = fabs(tl_axis_place(axis, a) - tl_axis_place(axis, b)), all = span(axis),
           of_axis = steps >= 2 && all > 0 ? steps / all : 0;
    if (!json_is_number(a) || !json_is_number(b))
        return all == 1 ? AWAY : of_axis;
    double x = json_number_value(a), y = json_number_value(b), most = fmax(fabs(x), fabs(y));
    if (json_is_array(json_object_get(axis, "range")) && steps < 2)
        return 0;
    return fmax(of_axis, most > 0 ? fabs(x - y) / most : 0);
}

/* Takes b where it is nearer to the value than *nearest is. */
static void take_nearer(const json_t *axis, const json_t *value, const json_t *b, const json_t **nearest)
{
    if (b && (!*nearest || apart(axis, value, b) < apart(axis, value, *nearest)))
        *nearest = b;
}

const json_t *tl_row_nearest_failing(const json_t *f, const json_t *rows, const json_t *row)
{
    const char *name = tl_member_or(row, "axis", "");
    const json_t *axis = tl_axis_named(f, name, NULL), *value = json_object_get(row, "value"), *other, *t, *v,
                 *nearest = NULL;
    size_t i, k;
    take_nearer(axis, value, json_object_get(json_object_get(f, "minimal"), name), &nearest);
    json_array_foreach(rows, i, other) {
        if (is_of(other, name) && (tl_member_integer(other, "match") || tl_member_integer(other, "other")))
            take_nearer(axis, value, json_object_get(other, "value"), &nearest);
    }
    json_array_foreach(json_object_get(f, "trigger"), i, t) {
        if (!is_of(t, name))
            continue;
        json_array_foreach(json_object_get(t, "fails_with"), k, v) {
            take_nearer(axis, value, v, &nearest);
        }
    }
    return nearest;
}

/* The value from which on a band of an axis was seen to fail is not known: only the last one that never did. */
static bool is_edge_of_band(const json_t *f, const json_t *axis, const char *name, const json_t *value)
{
    const json_t *t, *never;
    size_t i;
    json_array_foreach(json_object_get(f, "trigger"), i, t) {
        never = json_object_get(json_object_get(json_object_get(t, "band"), "never"), "value");
        if (never && is_of(t, name))
            return tl_axis_place(axis, value) >= tl_axis_place(axis, never);
    }
    return false;
}

bool tl_row_is_away(const json_t *f, const json_t *rows, const json_t *row)
{
    const char *name = tl_member_or(row, "axis", "");
    const json_t *axis = tl_axis_named(f, name, NULL), *nearest;
    if (!axis || is_choice(axis))
        return true;
    if (is_edge_of_band(f, axis, name, json_object_get(row, "value")))
        return false;
    nearest = tl_row_nearest_failing(f, rows, row);
    return !nearest || apart(axis, json_object_get(row, "value"), nearest) >= AWAY;
}

static double distance(const json_t *f, const json_t *rows, const json_t *row)
{
    const json_t *axis = tl_axis_named(f, tl_member_or(row, "axis", ""), NULL),
                 *nearest = tl_row_nearest_failing(f, rows, row);
    return nearest ? fabs(tl_axis_place(axis, json_object_get(row, "value")) - tl_axis_place(axis, nearest))
                   : 0;
}

/* Of the passing rows of one ordered axis the farthest, or without one that is away the nearest. */
static void add_ordered(const json_t *f, const json_t *rows, const char *name, json_t *around, json_t *edges)
{
    json_t *row, *farthest = NULL, *nearest = NULL;
    size_t i;
    bool once = false; /* something that is away passed, and too seldom */
    json_array_foreach(rows, i, row) {
        if (!is_of(row, name) || !tl_words_row_passes(f, row))
            continue;
        if (tl_row_is_away(f, rows, row)) {
            if (tl_row_passes(row) < PASSES_LEAST)
                once = true;
            else if (!farthest || distance(f, rows, row) > distance(f, rows, farthest))
                farthest = row;
        } else if (!nearest || distance(f, rows, row) < distance(f, rows, nearest)) {
            nearest = row;
        }
    }
    if (farthest)
        json_array_append(around, farthest);
    else if (nearest && !once)
        json_array_append(edges, nearest);
}

void tl_rows_around(const json_t *f, const json_t *rows, json_t **around, json_t **edges)
{
    const json_t *axis;
    json_t *row;
    size_t i, k;
    *around = json_array();
    *edges = json_array();
    json_array_foreach(json_object_get(f, "axes"), i, axis) {
        const char *name = tl_member_text(axis, "name");
        if (!name)
            continue;
        if (!is_choice(axis)) {
            add_ordered(f, rows, name, *around, *edges);
            continue;
        }
        json_array_foreach(rows, k, row) {
            if (is_of(row, name) && tl_words_row_passes(f, row) && tl_row_passes(row) >= PASSES_LEAST)
                json_array_append(*around, row);
        }
    }
}
