/* The last values of the original that a model holds: each of a few elements becomes 0, 1 or another number that says little,
 * whole ones the smallest that fails. */
#include "harness/campaign/reduce/values.h"

#include "harness/base/buffer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MOST 8 /* of one tensor */
#define TRIALS_MOST 60

static uint64_t flat_of(const struct tl_reduce_tensor *t, uint64_t element)
{
    uint64_t flat = 0;
    for (size_t d = 0; d < t->rank; d++)
        flat = flat * (uint64_t)t->now[d] + (uint64_t)t->at[element * t->rank + d];
    return flat;
}

/* One element is another number, which is taken over. */
static int try_value(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_tensor *t,
                     uint64_t element, json_t *value, enum tl_reduce_verdict *verdict, struct tl_error *e)
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
    int result = tl_reduce_try(s, &more, verdict, e);
    if (!result && *verdict == TL_REDUCE_FAIL) {
        json_array_set(t->values, element, value);
        tl_reduce_take(k, &more);
    }
    json_decref(value);
    tl_reduce_drop(&more);
    return result;
}

static int whole(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_tensor *t,
                 uint64_t element, json_int_t v, struct tl_error *e)
{
    const json_int_t sign = v < 0 ? -1 : 1;
    json_int_t passes = -1, fails = v < 0 ? -v : v;
    enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
    int result = 0;
    for (json_int_t to = 0; to < 3 && to < fails && !result && !s->stopped && verdict != TL_REDUCE_FAIL;
         to++) {
        result = try_value(s, k, t, element, json_integer(sign * to), &verdict, e);
        passes = to;
        fails = !result && verdict == TL_REDUCE_FAIL ? to : fails;
    }
    while (fails > passes + 1 && passes >= 0 && verdict != TL_REDUCE_FAIL && !result && !s->stopped) {
        json_int_t to = passes + (fails - passes) / 2;
        result = try_value(s, k, t, element, json_integer(sign * to), &verdict, e);
        if (!result && verdict == TL_REDUCE_FAIL)
            fails = to;
        else
            passes = to;
        verdict = TL_REDUCE_INVALID;
    }
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
    const double simple[] = {0, v < 0 ? -1 : 1, rounded(v, 1), rounded(v, 2)};
    enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
    int result = 0;
    for (size_t i = 0; i < TL_COUNT(simple) && !result && !s->stopped && verdict != TL_REDUCE_FAIL; i++) {
        if (simple[i] - v == 0)
            break;
        result = try_value(s, k, t, element, json_real(simple[i]), &verdict, e);
    }
    return result;
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
    }
    return result;
}
