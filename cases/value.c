/* Values, and the axes that they lie on.
 *
 * An axis gives each of its values an index, the simplest first, and searches work on these integers alone. A
 * range lists none of its values: value and index differ by its first end. That difference is taken in
 * unsigned arithmetic, because a range may have all 2^64 integers, whose span no signed integer holds. */
#include "cases/value.h"
#include "cases/suggest.h"
#include "harness/base/buffer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LISTED_MAX 24 /* values of an axis that a message lists */

int tl_value_of_json(const json_t *j, struct tl_value *v)
{
    *v = (struct tl_value){0};
    if (json_is_string(j)) {
        v->type = TL_VALUE_STRING;
        v->string = json_string_value(j);
    } else if (json_is_integer(j)) {
        v->type = TL_VALUE_INTEGER;
        v->integer = json_integer_value(j);
    } else if (json_is_boolean(j)) {
        v->type = TL_VALUE_BOOLEAN;
        v->integer = json_is_true(j);
    } else {
        return -1;
    }
    return 0;
}

json_t *tl_value_json(struct tl_value v)
{
    switch (v.type) {
    case TL_VALUE_STRING:
        return json_string(v.string);
    case TL_VALUE_INTEGER:
        return json_integer(v.integer);
    case TL_VALUE_BOOLEAN:
        return json_boolean(v.integer);
    }
    return NULL;
}

bool tl_value_equal(struct tl_value a, struct tl_value b)
{
    if (a.type != b.type)
        return false;
    return a.type == TL_VALUE_STRING ? !strcmp(a.string, b.string) : a.integer == b.integer;
}

char *tl_value_text(struct tl_value v)
{
    if (v.type == TL_VALUE_INTEGER)
        return tl_format("%" PRId64, v.integer);
    return tl_strdup(v.type == TL_VALUE_STRING ? v.string : v.integer ? "true" : "false");
}

struct tl_value tl_axis_value(const struct tl_axis *a, uint64_t index)
{
    if (a->kind == TL_AXIS_SUBSET)
        return (struct tl_value){TL_VALUE_STRING, 0, tl_axis_sets_text(a->sets, index)};
    if (a->kind != TL_AXIS_RANGE)
        return a->values[index];
    uint64_t v = a->first <= a->last ? (uint64_t)a->first + index : (uint64_t)a->first - index;
    return (struct tl_value){TL_VALUE_INTEGER, (int64_t)v, NULL};
}

static int parse_set(const struct tl_axis *a, const char *text, uint64_t *index, struct tl_error *e)
{
    struct tl_element_set set;
    if (tl_element_set_parse(tl_axis_sets_elements(a->sets), text, &set, e))
        return -1;
    *index = tl_axis_sets_number(a->sets, &set);
    return 0;
}

int tl_axis_index(const struct tl_axis *a, struct tl_value v, uint64_t *index)
{
    if (a->kind == TL_AXIS_RANGE) {
        bool up = a->first <= a->last;
        int64_t least = up ? a->first : a->last, most = up ? a->last : a->first;
        if (v.type != TL_VALUE_INTEGER || v.integer < least || v.integer > most)
            return -1;
        *index = up ? (uint64_t)v.integer - (uint64_t)a->first : (uint64_t)a->first - (uint64_t)v.integer;
        return 0;
    }
    struct tl_error unused;
    if (a->kind == TL_AXIS_SUBSET)
        return v.type == TL_VALUE_STRING ? parse_set(a, v.string, index, &unused) : -1;
    for (uint64_t i = 0; i < a->count; i++)
        if (tl_value_equal(a->values[i], v)) {
            *index = i;
            return 0;
        }
    return -1;
}

int tl_axis_index_of_json(const struct tl_axis *a, const json_t *j, uint64_t *index)
{
    struct tl_value v;
    struct tl_element_set set;
    struct tl_error unused;
    size_t wrong;
    if (a->kind != TL_AXIS_SUBSET || !json_is_array(j))
        return tl_value_of_json(j, &v) || tl_axis_index(a, v, index) ? -1 : 0;
    if (tl_element_set_of_json(tl_axis_sets_elements(a->sets), j, &set, &wrong, &unused))
        return -1;
    *index = tl_axis_sets_number(a->sets, &set);
    return 0;
}

static char *subset_text(const struct tl_elements *all)
{
    const char *kind = all->ordered ? "a sequence" : "a set";
    if (!all->names)
        return tl_format("none, all, or %s of numbers from 0 to %zu as in 0+2..3", kind, all->n - 1);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_printf(&b, "none, all, or %s of elements with \"+\" between them: ", kind);
    for (size_t i = 0; i < all->n && i < LISTED_MAX; i++)
        tl_buffer_printf(&b, "%s%.200s", i ? ", " : "", all->names[i]);
    if (all->n > LISTED_MAX)
        tl_buffer_printf(&b, ", … (%zu elements)", all->n);
    return tl_buffer_take(&b);
}

char *tl_axis_values_text(const struct tl_axis *a)
{
    if (a->kind == TL_AXIS_RANGE)
        return a->first <= a->last
                   ? tl_format("an integer from %" PRId64 " to %" PRId64, a->first, a->last)
                   : tl_format("an integer from %" PRId64 " down to %" PRId64, a->first, a->last);
    if (a->kind == TL_AXIS_SUBSET)
        return subset_text(tl_axis_sets_elements(a->sets));
    struct tl_buffer b = TL_BUFFER_INIT;
    for (uint64_t i = 0; i < a->count && i < LISTED_MAX; i++) {
        char *text = tl_value_text(a->values[i]);
        tl_buffer_printf(&b, "%s%s", i == 0 ? (a->count > 1 ? "one of " : "") : ", ", text);
        free(text);
    }
    if (a->count > LISTED_MAX)
        tl_buffer_printf(&b, ", … (%" PRIu64 " values)", a->count);
    return tl_buffer_take(&b);
}

/* An integer in decimal as tl_value_text writes it: nothing before or after it, no '+', no leading zeros. */
static bool parse_integer(const char *s, int64_t *v)
{
    bool minus = *s == '-';
    s += minus;
    if (*s < '0' || *s > '9' || (*s == '0' && (s[1] || minus)))
        return false;
    int64_t n = 0;
    for (; *s; s++)
        if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, minus ? '0' - *s : *s - '0', &n))
            return false;
    *v = n;
    return true;
}

int tl_axis_parse(const struct tl_axis *a, const char *text, uint64_t *index, struct tl_error *e)
{
    struct tl_value v = {TL_VALUE_INTEGER, 0, NULL};
    if (a->kind == TL_AXIS_RANGE && parse_integer(text, &v.integer) && tl_axis_index(a, v, index) == 0)
        return 0;
    if (a->kind == TL_AXIS_SUBSET) {
        struct tl_error why;
        if (!parse_set(a, text, index, &why))
            return 0;
        return tl_fail(e, TL_ERROR_INPUT, "not a value of the axis", a->name, "%s", why.why);
    }
    const char *suggested = NULL;
    if (a->kind != TL_AXIS_RANGE) {
        for (uint64_t i = 0; i < a->count; i++) {
            char *known = tl_value_text(a->values[i]);
            bool same = !strcmp(known, text);
            free(known);
            if (same) {
                *index = i;
                return 0;
            }
            if (!suggested && a->values[i].type == TL_VALUE_STRING)
                suggested = tl_suggest(text, &a->values[i].string, 1);
        }
    }
    char *values = tl_axis_values_text(a);
    tl_fail(e, TL_ERROR_INPUT, "not a value of the axis", a->name, "expected %s%s%s%s, found \"%.200s\"",
            values, suggested ? " (did you mean \"" : "", suggested ? suggested : "", suggested ? "\"?)" : "",
            text);
    free(values);
    return -1;
}
