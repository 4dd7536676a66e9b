/* The same model with other values, which may pass where it fails. */
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static bool fill_weights(const struct tl_reduce_state *s, struct tl_reduce_candidate *k, const char *with)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_weight *weights = NULL;
    size_t n = 0, filled = 0;
    if (m)
        tl_onnx_weights(m, &weights, &n);
    uint32_t *numbers = tl_calloc(n + 1, sizeof *numbers);
    for (size_t i = 0; i < n; i++)
        if (weights[i].bytes)
            numbers[filled++] = weights[i].number;
    if (filled)
        tl_onnx_edit_fill(&k->edits, numbers, filled, with, 1, NULL, 0);
    free(numbers);
    free(weights);
    tl_onnx_model_free(m);
    return filled > 0;
}

/* The same model with other inputs, then with other weights, too, then with other weights alone. False: it has neither. */
bool tl_reduce_beside(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k, size_t turn,
                      struct tl_reduce_candidate *other)
{
    json_t *names = s->takes_inputs && turn < 4 ? tl_reduce_inputs(s, k) : json_array(), *name;
    size_t i, n = 0;
    *other = tl_reduce_copy(k);
    json_array_foreach(names, i, name) {
        const json_t *before = json_object_get(k->renamed, json_string_value(name));
        const char *known = before ? json_string_value(before) : json_string_value(name);
        const json_t *own = json_object_get(k->instead, known),
                     *input = own ? own : json_object_get(s->inputs, known);
        if (!input)
            continue;
        bool boolean = !strcmp(json_string_value(json_object_get(input, "dtype")), "bool");
        json_t *filled = json_pack("{s:s,s:O,s:O}", "name", known, "dtype", json_object_get(input, "dtype"),
                                   "shape", json_object_get(input, "shape"));
        json_object_set_new(filled, "fill",
                            turn == 1
                                ? json_pack("{s:i}", "random", 1)
                                : json_pack("{s:o}", "constant",
                                            boolean ? json_boolean(turn != 2) : json_integer(turn != 2)));
        other->instead = other->instead ? other->instead : json_object();
        json_object_set_new(other->instead, known, filled);
        n++;
    }
    json_decref(names);
    if (turn >= 3)
        n += fill_weights(s, other, turn == 3 ? "ones" : "zeros");
    return n > 0;
}
