/* Values that fail are seldom all from a threshold on: kernels are chosen by whether a size is even or a
 * multiple of four, and bugs with them. Where every value of an axis was tried the set that fails is known,
 * and here are the words for it. They are said only when they are true of every value that was tried, passes
 * included, and of at least three that fail: of two values anything can be said. */
#include "reports/finding/values.h"

#include "reports/finding/axes.h"
#include "reports/finding/members.h"
#include "reports/finding/words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MODULUS_MOST 64
#define PATTERN_LEAST 3  /* values that fail */
#define CONDITION_MOST 8 /* parts of a set in a condition */

struct tried {
    double place; /* in the order of the axis, simplest first */
    size_t at;    /* in the list, where the axis is not known */
    const json_t *value;
    bool fails;
};

static int by_place(const void *a, const void *b)
{
    const struct tried *x = a, *y = b;
    return x->place != y->place ? (x->place > y->place) - (x->place < y->place)
                                : (x->at > y->at) - (x->at < y->at);
}

/* Both lists, in the order of the axis. */
static struct tried *sorted(const json_t *axis, const json_t *fails, const json_t *passes, size_t *n)
{
    struct tried *list = tl_calloc(json_array_size(fails) + json_array_size(passes) + 1, sizeof *list);
    const json_t *v;
    size_t i;
    *n = 0;
    json_array_foreach(fails, i, v)
        list[(*n)++] = (struct tried){tl_axis_place(axis, v), i, v, true};
    json_array_foreach(passes, i, v)
        list[(*n)++] = (struct tried){tl_axis_place(axis, v), i, v, false};
    qsort(list, *n, sizeof *list, by_place);
    return list;
}

static void add_value(struct tl_buffer *b, const json_t *value)
{
    struct tl_buffer inline_text = TL_BUFFER_INIT;
    tl_inline_value(&inline_text, value);
    char *text = tl_inline_plain(tl_buffer_take(&inline_text));
    tl_buffer_add_string(b, *text ? text : "\"\"");
    free(text);
}

void tl_words_set(struct tl_buffer *b, const json_t *axis, const json_t *values, size_t most)
{
    size_t n, parts = 0;
    struct tried *list = sorted(axis, values, NULL, &n);
    bool range = json_is_array(json_object_get(axis, "range"));
    tl_buffer_add_string(b, n == 1 ? "" : "{");
    for (size_t i = 0, last; i < n; i = last + 1) {
        last = i;
        while (range && last + 1 < n && list[last + 1].place <= list[last].place + 1)
            last++;
        last = last < i + 2 ? i : last; /* two neighbours are two values */
        if (parts++ == most) {
            tl_buffer_add_string(b, ", …");
            break;
        }
        tl_buffer_add_string(b, i ? ", " : "");
        add_value(b, list[i].value);
        if (last > i) {
            tl_buffer_add_string(b, " to ");
            add_value(b, list[last].value);
        }
    }
    tl_buffer_add_string(b, n == 1 ? "" : "}");
    free(list);
}

static json_int_t remainder_of(const json_t *value, json_int_t modulus)
{
    json_int_t r = json_integer_value(value) % modulus;
    return r < 0 ? r + modulus : r;
}

/* Whether from the first value that fails to the last exactly those with this remainder do. */
static bool fits(const struct tried *list, size_t first, size_t last, json_int_t modulus)
{
    json_int_t r = remainder_of(list[first].value, modulus);
    for (size_t i = first; i <= last; i++)
        if (list[i].fails != (remainder_of(list[i].value, modulus) == r))
            return false;
    return true;
}

/* "from 4 on", "from 4 to 8": to where values of this class (of every class: modulus 1) fail. */
static void add_bounds(struct tl_buffer *b, const struct tried *list, size_t n, size_t first, size_t last,
                       json_int_t modulus)
{
    json_int_t r = remainder_of(list[first].value, modulus);
    bool above = false;
    for (size_t i = last + 1; i < n; i++)
        above |= remainder_of(list[i].value, modulus) == r;
    tl_buffer_add_string(b, "from ");
    add_value(b, list[first].value);
    tl_buffer_add_string(b, above ? " to " : " on");
    if (above)
        add_value(b, list[last].value);
}

static void add_class(struct tl_buffer *b, json_int_t modulus, json_int_t r)
{
    if (modulus == 2)
        tl_buffer_add_string(b, r ? "odd, " : "even, ");
    else if (modulus > 2)
        tl_buffer_printf(b, "a multiple of %lld, ", (long long)modulus);
}

bool tl_words_pattern(struct tl_buffer *b, const json_t *axis, const json_t *fails, const json_t *passes)
{
    size_t n, first = SIZE_MAX, last = 0;
    struct tried *list = sorted(axis, fails, passes, &n);
    bool said = false, integers = json_array_size(fails) >= PATTERN_LEAST;
    for (size_t i = 0; i < n; i++) {
        integers = integers && json_is_integer(list[i].value) && list[i].place >= 0;
        if (list[i].fails) {
            first = first == SIZE_MAX ? i : first;
            last = i;
        }
    }
    for (json_int_t m = 1; integers && first < last && m <= MODULUS_MOST && !said; m++) {
        json_int_t r = remainder_of(list[first].value, m);
        if (!fits(list, first, last, m) || (m > 2 && r))
            continue;
        add_class(b, m, r);
        add_bounds(b, list, n, first, last, m);
        said = true;
    }
    free(list);
    return said;
}

/* Values of a choice, and of an ordered axis of which every value was tried, are all the ones that fail. */
static bool is_set(const json_t *axis, const json_t *entry)
{
    const char *kind = tl_member_text(axis, "kind");
    return tl_member_true(entry, "set") || (kind && !tl_axis_is_ordered(axis)) ||
           (!json_object_get(entry, "up_to") && !json_object_get(entry, "threshold") &&
            json_is_array(json_object_get(axis, "values")) &&
            json_array_size(json_object_get(entry, "fails_with")) +
                    json_array_size(json_object_get(entry, "passes_with")) >=
                json_array_size(json_object_get(axis, "values")));
}

/* {"step", "from", "to"}, as the search found it. */
static bool add_known_pattern(struct tl_buffer *b, const json_t *pattern)
{
    const json_t *from = json_object_get(pattern, "from"), *to = json_object_get(pattern, "to");
    json_int_t step = tl_member_integer(pattern, "step");
    if (step < 2 || !json_is_integer(from))
        return false;
    if (step == 2 || remainder_of(from, step) == 0)
        add_class(b, step, remainder_of(from, step));
    else
        tl_buffer_printf(b, "every %lldth, ", (long long)step);
    tl_buffer_add_string(b, "from ");
    add_value(b, from);
    tl_buffer_add_string(b, json_is_integer(to) ? " to " : " on");
    if (json_is_integer(to))
        add_value(b, to);
    return true;
}

/* A title has commas between its conditions, and no room. */
static void add_pattern(struct tl_buffer *b, const char *pattern, bool brief)
{
    if (!brief) {
        tl_buffer_printf(b, " (%s)", pattern);
        return;
    }
    for (const char *p = pattern; *p; p++)
        if (*p != ',')
            tl_buffer_add(b, p, 1);
}

static void add_set(struct tl_buffer *b, const json_t *axis, const json_t *entry, bool brief)
{
    struct tl_buffer pattern = TL_BUFFER_INIT;
    const json_t *fails = json_object_get(entry, "fails_with");
    bool has = tl_member_true(entry, "set") &&
               (add_known_pattern(&pattern, json_object_get(entry, "pattern")) ||
                tl_words_pattern(&pattern, axis, fails, json_object_get(entry, "passes_with")));
    if (!has || !brief) {
        tl_buffer_add_string(b, " in ");
        tl_words_set(b, axis, fails, CONDITION_MOST);
    } else {
        tl_buffer_add_string(b, " ");
    }
    if (has)
        add_pattern(b, pattern.data, brief);
    tl_buffer_free(&pattern);
}

bool tl_words_fails_at_baseline(const json_t *f, const json_t *entry)
{
    const json_t *baseline = json_object_get(json_object_get(f, "baseline"), tl_member_or(entry, "axis", ""));
    return baseline && !json_equal(baseline, json_object_get(entry, "value")) &&
           tl_list_holds(json_object_get(entry, "fails_with"), baseline);
}

const json_t *tl_words_up_to(const json_t *f, const json_t *entry)
{
    const json_t *up_to = json_object_get(entry, "up_to"),
                 *baseline = json_object_get(json_object_get(f, "baseline"), tl_member_or(entry, "axis", ""));
    return up_to && !json_equal(up_to, baseline) ? up_to : NULL;
}

bool tl_words_is_set(const json_t *f, const json_t *entry)
{
    return is_set(tl_axis_named(f, tl_member_or(entry, "axis", ""), NULL), entry) &&
           json_array_size(json_object_get(entry, "fails_with")) > 1 && !tl_words_fails_at_baseline(f, entry);
}

int tl_words_direction(const json_t *axis)
{
    const json_t *range = json_object_get(axis, "range"), *values = json_object_get(axis, "values");
    const json_t *first = json_array_get(range ? range : values, 0),
                 *last =
                     range ? json_array_get(range, 1) : json_array_get(values, json_array_size(values) - 1);
    if (!json_is_number(first) || !json_is_number(last))
        return 0;
    return json_number_value(last) > json_number_value(first) ? 1 : -1;
}

static bool is_last(const json_t *axis, const json_t *value)
{
    const json_t *range = json_object_get(axis, "range"), *values = json_object_get(axis, "values");
    return json_equal(range ? json_array_get(range, 1) : json_array_get(values, json_array_size(values) - 1),
                      value);
}

bool tl_words_is_threshold(const json_t *f, const json_t *entry)
{
    const json_t *axis = tl_axis_named(f, tl_member_or(entry, "axis", ""), NULL);
    return tl_axis_is_ordered(axis) && json_object_get(entry, "threshold") &&
           !json_object_get(entry, "non_monotone") && !json_is_object(json_object_get(entry, "band")) &&
           !is_last(axis, json_object_get(entry, "value"));
}

/* "index ≥ 2364"; "layout from packed on" where values are no numbers. */
static void add_threshold(struct tl_buffer *b, const json_t *axis, const json_t *value)
{
    int direction = tl_words_direction(axis);
    tl_buffer_add_string(b, direction > 0 ? " ≥ " : direction ? " ≤ " : " from ");
    add_value(b, value);
    tl_buffer_add_string(b, direction ? "" : " on");
}

void tl_words_condition(struct tl_buffer *b, const json_t *f, const json_t *entry, bool brief)
{
    const char *name = tl_member_or(entry, "axis", "unknown");
    const json_t *axis = tl_axis_named(f, name, NULL), *up_to = tl_words_up_to(f, entry),
                 *band = json_object_get(entry, "band"),
                 *never = json_object_get(json_object_get(band, "never"), "value");
    tl_inline_text(b, name);
    if (up_to) {
        tl_buffer_add_string(b, " up to ");
        add_value(b, up_to);
    } else if (tl_words_is_set(f, entry)) {
        add_set(b, axis, entry, brief);
    } else if (tl_words_is_threshold(f, entry)) {
        add_threshold(b, axis, json_object_get(entry, "value"));
    } else {
        tl_buffer_add_string(b, "=");
        add_value(b, json_object_get(entry, "value"));
    }
    if (!brief && json_is_object(band)) {
        int direction = tl_words_direction(axis);
        tl_buffer_add_string(b, !never          ? " (with simpler values at times"
                                : direction > 0 ? " (above "
                                : direction     ? " (below "
                                                : " (never with ");
        if (never)
            add_value(b, never);
        tl_buffer_add_string(b, never && direction ? " at times)" : ")");
    }
}
