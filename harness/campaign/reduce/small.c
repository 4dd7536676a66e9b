/* The last values of the original that a model holds: each of a few elements becomes 0, 1 or another number that says little,
 * whole ones the smallest that fails. Where that is no threshold of the model (surely.c), one well beyond it. */
#include "harness/campaign/reduce/values.h"

#include "harness/base/buffer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MOST 8 /* of one tensor */
#define TRIALS_MOST 60
#define TIMES_EDGE 10
#define MOST_POWER 1e5 /* that a half float holds, too */

static json_int_t magnitude(json_int_t v)
{
    return v > 0 ? v : v < -INT64_MAX ? INT64_MAX : -v;
}

static uint64_t flat_of(const struct tl_reduce_tensor *t, uint64_t element)
{
    uint64_t flat = 0;
    for (size_t d = 0; d < t->rank; d++)
        flat = flat * (uint64_t)t->now[d] + (uint64_t)t->at[element * t->rank + d];
    return flat;
}

/* The candidate in which one element is another number. */
static struct tl_reduce_candidate with_value(const struct tl_reduce_state *s,
                                             const struct tl_reduce_candidate *k,
                                             const struct tl_reduce_tensor *t, uint64_t element,
                                             json_t *value)
{
    struct tl_reduce_candidate more = tl_reduce_copy(k);
    uint64_t flat = flat_of(t, element);
    const json_t *now = t->weight ? NULL : tl_reduce_input_now(s, k, t->name);
    if (t->weight) {
        tl_onnx_edits_add(&more.edits, "element",
                          json_pack("[[I,I,O]]", (json_int_t)t->number, (json_int_t)flat, value));
    } else if (now) {
        json_t *from = json_deep_copy(now);
        json_object_del(from, "recorded");
        json_object_del(from, "tainted");
        tl_reduce_set_input(&more, t->name,
                            json_pack("{s:s,s:O,s:O,s:o,s:[[I,O]]}", "name", t->name, "dtype",
                                      json_object_get(now, "dtype"), "shape", json_object_get(now, "shape"),
                                      "from", from, "set", (json_int_t)flat, value));
    }
    return more;
}

static void set_value(struct tl_reduce_tensor *t, uint64_t element, json_t *value, bool chosen)
{
    if (!t->chosen)
        t->chosen = tl_calloc(json_array_size(t->values) + 1, sizeof *t->chosen);
    t->chosen[element] = chosen;
    json_array_set(t->values, element, value);
}

/* One element is another number, which is taken over. chosen: it says nothing of what was there. */
static int try_value(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_tensor *t,
                     uint64_t element, json_t *value, bool chosen, enum tl_reduce_verdict *verdict,
                     struct tl_error *e)
{
    struct tl_reduce_candidate more = with_value(s, k, t, element, value);
    int result = tl_reduce_try(s, &more, verdict, e);
    if (!result && *verdict == TL_REDUCE_FAIL) {
        set_value(t, element, value, chosen);
        tl_reduce_take(k, &more);
    }
    json_decref(value);
    tl_reduce_drop(&more);
    return result;
}

static json_int_t most_of(const struct tl_reduce_tensor *t)
{
    return t->type == TL_DTYPE_INT64 ? INT64_MAX : t->type == TL_DTYPE_INT32 ? INT32_MAX : INT8_MAX;
}

/* The least power of ten that is well beyond an edge, and fails in other processes as well, up to the next one after what was there
 * before; else that. */
static int beyond(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_tensor *t,
                  uint64_t element, json_int_t edge, json_int_t was, struct tl_error *e)
{
    const bool negative = was < 0;
    const json_int_t beyond_edge = edge < INT64_MAX / TIMES_EDGE ? edge * TIMES_EDGE : edge,
                     last = magnitude(was) > beyond_edge ? magnitude(was) : beyond_edge;
    json_t *before = json_integer(was);
    bool found = false;
    int result = 0;
    for (json_int_t to = TIMES_EDGE;
         to / TIMES_EDGE < last && to <= most_of(t) && !found && !result && !s->stopped; to *= TIMES_EDGE) {
        struct tl_reduce_candidate old = tl_reduce_copy(k);
        enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
        if (to / TIMES_EDGE >= edge && to != magnitude(was))
            result = try_value(s, k, t, element, json_integer(negative ? -to : to), true, &verdict, e);
        if (!result && verdict == TL_REDUCE_FAIL)
            result = tl_reduce_holds_up(s, k, &found, e);
        if (verdict == TL_REDUCE_FAIL && !found) {
            set_value(t, element, before, false);
            tl_reduce_take(k, &old);
        }
        tl_reduce_drop(&old);
        if (to > INT64_MAX / TIMES_EDGE)
            break;
    }
    json_decref(before);
    return result;
}

static int whole(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_tensor *t,
                 uint64_t element, json_int_t v, struct tl_error *e)
{
    const json_int_t sign = v < 0 ? -1 : 1;
    json_int_t passes = -1, fails = magnitude(v);
    struct tl_reduce_candidate whole = tl_reduce_copy(k);
    enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
    bool is = true;
    int result = 0;
    for (json_int_t to = 0; to < 3 && to < fails && !result && !s->stopped && verdict != TL_REDUCE_FAIL;
         to++) {
        result = try_value(s, k, t, element, json_integer(sign * to), true, &verdict, e);
        passes = to;
        fails = !result && verdict == TL_REDUCE_FAIL ? to : fails;
    }
    bool searched = passes >= 0 && verdict != TL_REDUCE_FAIL;
    while (fails > passes + 1 && searched && !result && !s->stopped) {
        json_int_t to = passes + (fails - passes) / 2;
        result = try_value(s, k, t, element, json_integer(sign * to), true, &verdict, e);
        if (!result && verdict == TL_REDUCE_FAIL)
            fails = to;
        else
            passes = to;
    }
    if (searched && !result && fails < magnitude(v)) {
        json_t *below = json_integer(sign * passes);
        struct tl_reduce_candidate passing = with_value(s, k, t, element, below);
        result = tl_reduce_is_threshold(s, k, &passing, &is, e);
        tl_reduce_drop(&passing);
        json_decref(below);
    }
    if (!result && !is) {
        json_t *was = json_integer(v);
        set_value(t, element, was, false);
        tl_reduce_take(k, &whole);
        result = beyond(s, k, t, element, fails, v, e);
        json_decref(was);
    }
    tl_reduce_drop(&whole);
    return result;
}

/* So many digits that count. */
static double rounded(double v, int digits)
{
    char text[64];
    snprintf(text, sizeof text, "%.*e", digits - 1, v);
    return strtod(text, NULL);
}

static int real(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_tensor *t,
                uint64_t element, double v, struct tl_error *e)
{
    const double sign = v < 0 ? -1 : 1, power = fabs(v) > 0 ? pow(10, ceil(log10(fabs(v)))) : 1;
    const double simple[] = {0, sign, power < MOST_POWER ? sign * power : sign, rounded(v, 1), rounded(v, 2)};
    enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
    int result = 0;
    for (size_t i = 0; i < TL_COUNT(simple) && !result && !s->stopped && verdict != TL_REDUCE_FAIL; i++) {
        if (simple[i] - v == 0)
            break;
        result = try_value(s, k, t, element, json_real(simple[i]), i < 3, &verdict, e);
    }
    return result;
}

/* What became what the others are does not matter any more. */
static void drop_filled(struct tl_reduce_tensor *t)
{
    uint64_t *left = tl_calloc((size_t)t->n_kept * 2 + 1, sizeof *left), kept = 0, element = 0;
    json_t *values = json_array();
    for (size_t i = 0; i < t->n_keep; i++)
        for (uint64_t x = t->keep[2 * i]; x <= t->keep[2 * i + 1]; x++, element++) {
            json_t *value = json_array_get(t->values, element);
            if (t->chosen[element] && json_number_value(value) - t->with == 0)
                continue;
            left[2 * kept] = left[2 * kept + 1] = x;
            memmove(t->at + kept * t->rank, t->at + element * t->rank, t->rank * sizeof *t->at);
            t->chosen[kept++] = t->chosen[element];
            json_array_append(values, value);
        }
    free(t->keep);
    json_decref(t->values);
    t->keep = left;
    t->n_keep = t->n_kept = kept;
    t->values = values;
}

int tl_reduce_small(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                    struct tl_error *e)
{
    bool begun = false;
    int result = 0;
    for (size_t i = 0; i < v->n && !result && !s->stopped && !s->control.silent; i++) {
        struct tl_reduce_tensor *t = &v->list[i];
        uint64_t n = json_array_size(t->values);
        if (!t->at || t->attribute || (t->with >= 0 && !t->n_keep) || !n || n > ELEMENTS_MOST ||
            n != t->n_kept)
            continue;
        if (!begun)
            tl_reduce_step(s, "small values");
        begun = true;
        for (uint64_t x = 0; x < n && !result && !s->stopped; x++) {
            const json_t *value = json_array_get(t->values, x);
            bool over = json_integer_value(json_object_get(s->step, "trials")) > TRIALS_MOST;
            char more[160];
            snprintf(more, sizeof more, "%.100s", t->name);
            tl_reduce_tell(s, more);
            if (!over && json_is_integer(value))
                result = whole(s, k, t, x, json_integer_value(value), e);
            else if (!over && json_is_real(value))
                result = real(s, k, t, x, json_real_value(value), e);
        }
        if (t->chosen && (t->with == 0 || t->with == 1))
            drop_filled(t);
    }
    return result;
}
