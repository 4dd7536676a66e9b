/* The minimal case of a finding: its case file, of which every axis keeps only the values that the answer is about:
 * those of the minimal variant, its decisive neighbours, what it needs, other triggers, and a set that fails with
 * what passes between. Isolating it anew takes few trials and finds the same. */

#include "reports/bundle/minimal_case.h"

#include "reports/finding/axes.h"
#include "reports/finding/members.h"
#include "reports/page/page.h"

#include <stdlib.h>
#include <string.h>

static bool is_named(const json_t *text, const char *name)
{
    return json_is_string(text) && !strcmp(json_string_value(text), name);
}

static void keep(json_t *kept, const json_t *value)
{
    if (value && !tl_list_holds(kept, value))
        json_array_append(kept, (json_t *)value);
}

static void keep_all(json_t *kept, const json_t *entry, const char *list)
{
    const json_t *v;
    size_t i;
    json_array_foreach(json_object_get(entry, list), i, v)
        keep(kept, v);
}

/* Values of an axis in the entries of a trigger or of a need, each with the nearest that passes. Of a set all. */
static void keep_entries(json_t *kept, const json_t *entries, const char *name)
{
    const json_t *t;
    size_t i;
    json_array_foreach(entries, i, t) {
        if (strcmp(tl_member_or(t, "axis", ""), name) != 0)
            continue;
        keep(kept, json_object_get(t, "value"));
        if (tl_member_true(t, "set")) {
            keep_all(kept, t, "fails_with");
            keep_all(kept, t, "passes_with");
        } else {
            keep(kept, json_object_get(t, "up_to"));
            keep(kept, json_array_get(json_object_get(t, "passes_with"), 0));
        }
    }
}

/* Orders values as the axis has them: there are few. */
static json_t *in_order(json_t *values, const json_t *axis)
{
    json_t *sorted = json_array(), *v;
    size_t i;
    json_array_foreach(values, i, v) {
        size_t k = json_array_size(sorted);
        while (k && tl_axis_place(axis, json_array_get(sorted, k - 1)) > tl_axis_place(axis, v))
            k--;
        json_array_insert(sorted, k, v);
    }
    json_decref(values);
    return sorted;
}

/* The values an axis keeps, simplest first. */
static json_t *kept_values(const json_t *finding, const char *name, const json_t *value)
{
    json_t *kept = json_array();
    const json_t *pair, *x;
    size_t i;
    json_array_foreach(json_object_get(finding, "decisive"), i, pair) {
        const char *axis = tl_member_text(pair, "axis");
        if (axis && !strcmp(axis, name))
            keep(kept, json_object_get(json_object_get(pair, "passes"), axis));
    }
    keep(kept, value);
    keep_entries(kept, json_object_get(finding, "trigger"), name);
    json_array_foreach(json_object_get(finding, "needs"), i, x)
        keep_entries(kept, json_object_get(x, "any_of"), name);
    json_array_foreach(json_object_get(finding, "or"), i, x)
        if (!json_equal(json_object_get(json_object_get(x, "minimal"), name), value)) {
            keep(kept, json_object_get(json_object_get(x, "minimal"), name));
            keep_entries(kept, json_object_get(x, "trigger"), name);
        }
    return in_order(kept, tl_axis_named(finding, name, NULL));
}

/* A combination of values, without those that are gone; NULL when it cannot come up any more. */
static json_t *kept_combination(const json_t *combination, const json_t *values)
{
    json_t *left = json_object(), *v, *terms;
    const char *axis;
    size_t i;
    json_object_foreach((json_t *)combination, axis, terms) {
        const json_t *kept = json_object_get(values, axis);
        if (!kept) { /* all values of it are left, or it is an axis of the family's */
            json_object_set(left, axis, terms);
            continue;
        }
        json_t *both = json_array();
        if (json_is_array(terms)) {
            json_array_foreach(terms, i, v)
                if (tl_list_holds(kept, v))
                    json_array_append(both, v);
        } else if (tl_list_holds(kept, terms)) {
            json_array_append(both, terms);
        }
        if (!json_array_size(both)) {
            json_decref(both);
            json_decref(left);
            return NULL;
        }
        json_object_set_new(left, axis, both);
    }
    return left;
}

/* Whether what hangs on a condition can still come up; the condition loses the values that are gone. */
static bool keep_conditional(json_t *object, const json_t *values)
{
    const json_t *when = json_object_get(object, "when");
    json_t *left = when ? kept_combination(when, values) : NULL;
    if (left)
        json_object_set_new(object, "when", left);
    return !when || left;
}

/* A list of arguments, or of what is expected: what cannot come up any more is left out. A case nests at most 64
 * deep. */
static void keep_conditionals(json_t *list, const json_t *values)
{
    for (size_t i = json_array_size(list); i-- > 0;) {
        json_t *one = json_array_get(list, i);
        if (!keep_conditional(one, values))
            json_array_remove(list, i);
        else
            keep_conditionals(json_object_get(one, "argv"), values);
    }
}

static void keep_all_conditionals(json_t *c, const json_t *values)
{
    json_t *model = json_object_get(c, "model"), *expected = json_object_get(c, "expected"), *step;
    size_t i;
    keep_conditionals(json_object_get(model, "generate"), values);
    json_array_foreach(json_object_get(model, "steps"), i, step)
        keep_conditionals(json_object_get(step, "argv"), values);
    keep_conditionals(expected, values);
    if ((json_is_array(expected) && !json_array_size(expected)) || !keep_conditional(expected, values))
        json_object_del(c, "expected");
}

/* What is said of the axis, and of the values that are left. */
static void keep_about(const json_t *axis, const json_t *kept, json_t *to)
{
    json_t *said = json_object(), *value;
    size_t i;
    json_array_foreach(kept, i, value) {
        char *word = tl_value_word(value);
        json_object_set(said, word, json_object_get(json_object_get(axis, "about_values"), word));
        free(word);
    }
    json_object_set(to, "about", json_object_get(axis, "about"));
    if (json_object_size(said))
        json_object_set(to, "about_values", said);
    json_decref(said);
}

json_t *tl_minimal_case(const json_t *document, const json_t *finding)
{
    const json_t *variant = tl_report_variant(finding), *axis, *forbid,
                 *frontier = json_object_get(finding, "frontier");
    json_t *c = json_deep_copy(document), *axes = json_array(), *values = json_object(),
           *failing = json_object();
    size_t i;
    json_array_foreach(json_object_get(document, "axes"), i, axis) {
        const char *name = tl_member_text(axis, "name");
        const json_t *value = name ? json_object_get(variant, name) : NULL;
        bool drawn = name && (is_named(json_object_get(frontier, "a"), name) ||
                              is_named(json_object_get(frontier, "b"), name));
        if (!value || drawn) { /* the boundary is over all values of its axes */
            if (drawn)
                json_object_set(failing, name, (json_t *)value);
            json_array_append(axes, (json_t *)axis);
            continue;
        }
        if (json_object_get(axis, "subset")) { /* its commands are given a list: it stays what it is */
            json_array_append(axes, (json_t *)axis);
            json_object_set(failing, name, (json_t *)value);
            continue;
        }
        bool choices = json_is_array(json_object_get(axis, "choices"));
        json_t *kept = kept_values(finding, name, value);
        json_array_append_new(axes,
                              json_pack("{s:s,s:O}", "name", name, choices ? "choices" : "ordered", kept));
        keep_about(axis, kept, json_array_get(axes, json_array_size(axes) - 1));
        json_object_set_new(values, name, kept);
        json_object_set(failing, name, (json_t *)value);
    }
    json_object_set_new(c, "axes", axes);
    json_object_set_new(c, "failing", failing);
    if (json_is_array(json_object_get(document, "forbid"))) {
        json_t *list = json_array();
        json_array_foreach(json_object_get(document, "forbid"), i, forbid) {
            json_t *left = kept_combination(forbid, values);
            if (left)
                json_array_append_new(list, left);
        }
        if (json_array_size(list))
            json_object_set(c, "forbid", list);
        else
            json_object_del(c, "forbid");
        json_decref(list);
    }
    keep_all_conditionals(c, values);
    json_decref(values);
    return c;
}
