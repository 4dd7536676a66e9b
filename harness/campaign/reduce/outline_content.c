/* What weights and inputs of a model that is left hold, looked at in that model: an edit that takes slices, changes a size or a
 * type leaves other values than those it found. Of large ones what was done to them has to tell. */
#include "harness/campaign/reduce/outline.h"
#include "harness/campaign/reduce/values.h"

#include "cases/element.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/tensor_pb.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MOST 4096 /* that are looked at */
#define NAMED_MOST 4       /* numbers that are named */

/* The numbers of a tensor; NULL: there are too many, or they are none. A new reference. */
static json_t *numbers(const struct tl_element_type *type, const unsigned char *data, uint64_t n)
{
    json_t *list = json_array();
    if (!type || !type->size || !data || n > ELEMENTS_MOST)
        n = 0;
    for (uint64_t i = 0; i < n; i++) {
        json_t *one = tl_reduce_number_json(type, data + i * type->size);
        json_array_append_new(list, one ? one : json_null());
    }
    if (n)
        return list;
    json_decref(list);
    return NULL;
}

char *tl_reduce_number_text(const json_t *number)
{
    char *text = json_is_string(number) ? tl_strdup(json_string_value(number))
                                        : json_dumps(number, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    return text ? text : tl_strdup("?");
}

static json_t *numbers_of_weight(const struct tl_reduce_state *s, struct tl_onnx_model *m, uint32_t number)
{
    struct tl_onnx_weight *weights = NULL;
    struct tl_tensor_pb t = {0};
    struct tl_error ignored;
    size_t n = 0, size;
    char why[256];
    uint8_t *bytes = NULL;
    json_t *list = NULL;
    bool few = false;
    tl_onnx_weights(m, &weights, &n);
    for (size_t i = 0; i < n; i++)
        few = few || (weights[i].number == number && weights[i].elements <= ELEMENTS_MOST);
    if (few && !tl_onnx_weight_read(m, number, s->directory, &bytes, &size, &ignored) &&
        !tl_tensor_pb_read(bytes, size, &t, why, sizeof why)) {
        list = numbers(t.type, t.data, t.elements);
        tl_tensor_pb_free(&t);
    }
    free(bytes);
    free(weights);
    return list;
}

static double number_of(const json_t *value)
{
    return json_is_boolean(value) ? (double)json_is_true(value) : json_number_value(value);
}

static bool all_are(const json_t *list, double number)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
        if ((!json_is_number(one) && !json_is_boolean(one)) || number_of(one) != number)
            return false;
    return true;
}

/* Whether each of them is a number of the other list; of as many, the one at its place. */
static bool are_of(const json_t *list, const json_t *other)
{
    const json_t *one, *there;
    size_t i, k;
    bool same = json_array_size(list) == json_array_size(other);
    json_array_foreach(list, i, one) {
        bool found = same && json_equal(one, json_array_get(other, i));
        json_array_foreach(other, k, there)
            found = found || (!same && json_equal(one, there));
        if (!found)
            return false;
    }
    return true;
}

/* What it holds, in words, where it is neither the original's nor what the edits say of it. */
static void say_numbers(json_t *value, const json_t *list)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *one;
    size_t i;
    if (all_are(list, 0) || all_are(list, 1)) {
        json_object_set_new(value, "filled", json_string(all_are(list, 0) ? "zeros" : "ones"));
        return;
    }
    json_array_foreach(list, i, one) {
        char *text = i < NAMED_MOST ? tl_reduce_number_text(one) : NULL;
        if (text)
            tl_buffer_printf(&b, "%s%.24s", i ? ", " : "= ", text);
        free(text);
    }
    if (json_array_size(list) > NAMED_MOST)
        tl_buffer_add_string(&b, ", …");
    json_object_set_new(value, "holds", json_string(b.data));
    tl_buffer_free(&b);
}

void tl_reduce_outline_weight(const struct tl_reduce_state *s, struct tl_onnx_model *original,
                              struct tl_onnx_model *m, uint32_t number, json_t *weight)
{
    json_t *now = numbers_of_weight(s, m, number), *before = numbers_of_weight(s, original, number);
    if (now && before && !are_of(now, before)) {
        json_object_del(weight, "owner");
        say_numbers(weight, now);
    }
    json_decref(now);
    json_decref(before);
}

void tl_reduce_outline_input(const struct tl_reduce_state *s, const json_t *instead, bool recorded,
                             json_t *input)
{
    const json_t *fill = json_object_get(instead, "fill"), *constant = json_object_get(fill, "constant"),
                 *with = json_object_get(instead, "with"), *keep = json_object_get(instead, "keep");
    struct tl_reduce_elements t = {0};
    struct tl_error ignored;
    if (json_object_get(fill, "random") ||
        (!keep && json_is_string(with) && !strcmp(json_string_value(with), "random"))) {
        json_object_set_new(input, "filled", json_string("random values"));
        return;
    }
    if (constant && !json_object_get(instead, "set")) {
        bool one = json_is_true(constant) || number_of(constant) == 1;
        json_object_set_new(input, "filled", json_string(one ? "ones" : "zeros"));
        return;
    }
    json_t *now =
        tl_reduce_elements(s, instead, &t, &ignored)
            ? NULL
            : numbers(tl_element_type_number((int)t.dtype), (const unsigned char *)t.data, t.elements);
    if (now && (all_are(now, 0) || all_are(now, 1) || !tl_reduce_holds(instead)))
        say_numbers(input, now);
    else if (recorded && tl_reduce_holds(instead))
        json_object_set_new(input, "recorded", json_true());
    else if (!tl_reduce_holds(instead) && json_is_string(with))
        json_object_set(input, "filled", (json_t *)(uintptr_t)with);
    else if (now && json_array_size(now) <=
                        NAMED_MOST) /* what was given has other elements, or others beside these */
        say_numbers(input, now);
    else
        json_object_set_new(input, "holds", json_string("a part of what was given"));
    json_decref(now);
    tl_reduce_elements_free(&t);
}
