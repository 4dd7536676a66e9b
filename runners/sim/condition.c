/* Conditions are evaluated as they stand in the JSON, once they have been checked; the check bounds their
 * depth, and so the recursion. */
#include "runners/sim/condition.h"

#include "harness/base/buffer.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 16
#define MISTAKES_MOST 20

enum relation { IS, IS_NOT, IN, AT_LEAST, AT_MOST, MORE_THAN, LESS_THAN };
static const char *const operators[] = {"is",      "is_not",    "in",       "at_least",
                                        "at_most", "more_than", "less_than"};
#define N_OPERATORS TL_COUNT(operators)

void tl_sim_mistake(struct tl_sim_mistakes *m, const char *path, const char *format, ...)
{
    if (m->n++ >= MISTAKES_MOST)
        return;
    va_list ap;
    va_start(ap, format);
    char *text = NULL;
    if (vasprintf(&text, format, ap) < 0)
        abort();
    va_end(ap);
    tl_buffer_printf(&m->text, "%s%s: %s", m->n > 1 ? "; " : "", path, text);
    free(text);
}

/* --- checking ------------------------------------------------------------------------------------------- */

static int operator_of(const char *key)
{
    for (size_t i = 0; i < N_OPERATORS; i++)
        if (!strcmp(operators[i], key))
            return (int)i;
    return -1;
}

static bool check_quantity(const char *name, const char *path, bool has_heap, struct tl_sim_mistakes *m)
{
    const struct tl_sim_quantity *q = name ? tl_sim_quantity_find(name) : NULL;
    if (!q)
        tl_sim_mistake(m, path, "expected a quantity (trapline-sim --list), not %s",
                       name ? name : "another type");
    else if (q->of_heap && !has_heap)
        tl_sim_mistake(m, path, "%s needs the profile to have a \"heap\"", name);
    return q;
}

/* A value that is compared with an axis (NULL: with a quantity). */
static void check_value(const json_t *v, const struct tl_family_axis *axis, const char *path, bool has_heap,
                        struct tl_sim_mistakes *m)
{
    if (axis && axis->type == TL_VALUE_BOOLEAN) {
        if (!json_is_boolean(v))
            tl_sim_mistake(m, path, "expected true or false, as %s has", axis->name);
    } else if (axis && axis->type == TL_VALUE_STRING) {
        const char *text = json_string_value(v);
        for (const char *const *known = axis->values; text && known && *known; known++)
            if (!strcmp(*known, text))
                return;
        if (!text || axis->values)
            tl_sim_mistake(m, path, "%s is no value of %s", text ? text : "this", axis->name);
    } else if (json_is_object(v) && json_object_size(v) == 1) {
        char *at = tl_format("%s.quantity", path);
        check_quantity(json_string_value(json_object_get(v, "quantity")), at, has_heap, m);
        free(at);
    } else if (!json_is_integer(v)) {
        tl_sim_mistake(m, path, "expected an integer or {\"quantity\": NAME}");
    }
}

static void check_comparison(const json_t *c, const char *path, bool has_heap, struct tl_sim_mistakes *m)
{
    const json_t *axis_name = json_object_get(c, "axis"), *quantity = json_object_get(c, "quantity");
    const struct tl_family_axis *axis = NULL;
    const char *key;
    json_t *v, *item;
    size_t i, n = 0;
    if (axis_name) {
        const char *name = json_string_value(axis_name);
        char *at = tl_format("%s.axis", path);
        axis = name ? tl_sim_axis_find(name) : NULL;
        if (!axis)
            tl_sim_mistake(m, at, "expected an axis of the decoder family or of the runtime, not %s",
                           name ? name : "another type");
        free(at);
    } else {
        char *at = tl_format("%s.quantity", path);
        check_quantity(json_string_value(quantity), at, has_heap, m);
        free(at);
    }
    json_object_foreach((json_t *)c, key, v) {
        if (!strcmp(key, axis_name ? "axis" : "quantity"))
            continue;
        int op = operator_of(key);
        char *at = tl_format("%s.%s", path, key);
        if (op < 0)
            tl_sim_mistake(m, at, "expected is, is_not, in, at_least, at_most, more_than or less_than");
        else if (op >= AT_LEAST && axis && axis->type != TL_VALUE_INTEGER)
            tl_sim_mistake(m, at, "%s has no order: expected is, is_not or in", axis->name);
        else if (op == IN && !json_array_size(v))
            tl_sim_mistake(m, at, "expected a list of values");
        else if (axis || !axis_name) /* an unknown axis has been reported */
            n++;
        if (op == IN) {
            json_array_foreach(v, i, item) {
                char *place = tl_format("%s[%zu]", at, i);
                if (axis || !axis_name)
                    check_value(item, axis, place, has_heap, m);
                free(place);
            }
        } else if (op >= 0 && (axis || !axis_name)) {
            check_value(v, axis, at, has_heap, m);
        }
        free(at);
    }
    if (!n && !m->n)
        tl_sim_mistake(m, path, "expected something to compare with: is, in, at_least, …");
}

static void check(const json_t *c, const char *path, int depth, bool has_heap, struct tl_sim_mistakes *m)
{
    static const char *const keys[] = {"all", "any", "not", "axis", "quantity"};
    const char *which = NULL;
    size_t n = 0, i;
    json_t *item;
    for (i = 0; i < TL_COUNT(keys); i++)
        if (json_object_get(c, keys[i])) {
            which = keys[i];
            n++;
        }
    if (n != 1) {
        tl_sim_mistake(m, path, "expected an object with exactly one of all, any, not, axis and quantity");
        return;
    }
    if (depth == DEPTH_MOST) {
        tl_sim_mistake(m, path, "expected at most %d conditions inside each other", DEPTH_MOST);
        return;
    }
    if (!strcmp(which, "axis") || !strcmp(which, "quantity")) {
        check_comparison(c, path, has_heap, m);
        return;
    }
    const json_t *inner = json_object_get(c, which);
    char *at = tl_format("%s.%s", path, which);
    if (json_object_size(c) != 1)
        tl_sim_mistake(m, path, "expected nothing beside %s", which);
    if (!strcmp(which, "not"))
        check(inner, at, depth + 1, has_heap, m);
    else if (!json_array_size(inner))
        tl_sim_mistake(m, at, "expected a list of conditions");
    else
        json_array_foreach(inner, i, item) {
            char *place = tl_format("%s[%zu]", at, i);
            check(item, place, depth + 1, has_heap, m);
            free(place);
        }
    free(at);
}

void tl_sim_condition_check(const json_t *condition, const char *path, bool has_heap,
                            struct tl_sim_mistakes *m)
{
    check(condition, path, 0, has_heap, m);
}

/* --- evaluating ----------------------------------------------------------------------------------------- */

static int64_t number(const json_t *v, const struct tl_sim_model *model)
{
    const json_t *name = json_object_get(v, "quantity");
    return name                 ? tl_sim_quantity_find(json_string_value(name))->value(model)
           : json_is_boolean(v) ? json_is_true(v)
                                : json_integer_value(v);
}

static bool equal(const struct tl_value *left, const json_t *v, const struct tl_sim_model *model)
{
    if (left->type == TL_VALUE_STRING)
        return !strcmp(left->string, json_string_value(v));
    return left->integer == number(v, model);
}

static bool compare(const struct tl_value *left, enum relation op, const json_t *v,
                    const struct tl_sim_model *model)
{
    size_t i;
    json_t *item;
    switch (op) {
    case IS:
        return equal(left, v, model);
    case IS_NOT:
        return !equal(left, v, model);
    case IN:
        json_array_foreach((json_t *)v, i, item)
            if (equal(left, item, model))
                return true;
        return false;
    case AT_LEAST:
        return left->integer >= number(v, model);
    case AT_MOST:
        return left->integer <= number(v, model);
    case MORE_THAN:
        return left->integer > number(v, model);
    case LESS_THAN:
        return left->integer < number(v, model);
    }
    return false;
}

static bool comparison_holds(const json_t *c, const struct tl_sim_model *model)
{
    const char *axis = json_string_value(json_object_get(c, "axis")), *key;
    struct tl_value left = {.type = TL_VALUE_INTEGER};
    json_t *v;
    if (axis)
        left = tl_sim_axis_value(model, tl_sim_axis_find(axis));
    else
        left.integer = tl_sim_quantity_find(json_string_value(json_object_get(c, "quantity")))->value(model);
    json_object_foreach((json_t *)c, key, v) {
        int op = operator_of(key);
        if (op >= 0 && !compare(&left, (enum relation)op, v, model))
            return false;
    }
    return true;
}

bool tl_sim_condition_holds(const json_t *c, const struct tl_sim_model *model)
{
    size_t i;
    json_t *item;
    const json_t *all = json_object_get(c, "all"), *any = json_object_get(c, "any"),
                 *negated = json_object_get(c, "not");
    if (!c)
        return true;
    if (negated)
        return !tl_sim_condition_holds(negated, model);
    if (!all && !any)
        return comparison_holds(c, model);
    json_array_foreach((json_t *)(all ? all : any), i, item)
        if (tl_sim_condition_holds(item, model) != (all != NULL))
            return !all;
    return all != NULL;
}
