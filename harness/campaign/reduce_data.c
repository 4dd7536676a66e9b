/* Weights and inputs: values of their owner's become zeros, ones or random ones wherever it fails all the same. All at once
 * first, which is the usual answer; then the floats alone, as whole numbers often are shapes and indices; then each by itself. */
#include "harness/campaign/reduce_parts.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define ALONE_MOST 64 /* tensors that are tried each by itself */
#define NODES_MOST 20 /* … of a model of no more nodes */

#define BULK (UINT64_C(256) << 20) /* bytes of weights */

static const char *const fills[] = {"zeros", "ones", "random"};

struct item {
    char *name;
    bool weight, is_float;
    uint32_t number; /* of a weight */
    enum tl_dtype dtype;
    bool replaced;
};

struct items {
    size_t n;
    struct item *list;
};

static void release(struct items *all)
{
    for (size_t i = 0; i < all->n; i++)
        free(all->list[i].name);
    free(all->list);
}

static void read_items(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                       struct items *all)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_weight *weights = NULL;
    size_t n = 0, i;
    *all = (struct items){0};
    if (m)
        tl_onnx_weights(m, &weights, &n);
    for (i = 0; i < n; i++)
        if (weights[i].bytes)
            *TL_GROW(all->list, all->n) =
                (struct item){.name = tl_strdup(weights[i].name ? weights[i].name : ""),
                              .weight = true,
                              .number = weights[i].number,
                              .dtype = (enum tl_dtype)weights[i].type,
                              .is_float = tl_dtype_is_float((enum tl_dtype)weights[i].type)};
    free(weights);
    tl_onnx_model_free(m);
    json_t *names = s->takes_inputs ? tl_reduce_inputs(s, k) : json_array(), *name;
    json_array_foreach(names, i, name) {
        const json_t *input = json_object_get(s->inputs, json_string_value(name));
        const char *dtype = json_string_value(json_object_get(input, "dtype"));
        enum tl_dtype t = dtype ? tl_dtype_parse(dtype) : TL_DTYPE_NONE;
        if (t != TL_DTYPE_NONE)
            *TL_GROW(all->list, all->n) = (struct item){
                .name = tl_strdup(json_string_value(name)), .dtype = t, .is_float = tl_dtype_is_float(t)};
    }
    json_decref(names);
}

/* An input of the same type and shape. */
static json_t *filled(const struct tl_reduce_state *s, const struct item *x, const char *with)
{
    const json_t *before = json_object_get(s->inputs, x->name);
    bool random = !strcmp(with, "random"), one = !strcmp(with, "ones");
    json_t *fill = random ? json_pack("{s:i}", "random", 1)
                          : json_pack("{s:o}", "constant",
                                      x->dtype == TL_DTYPE_BOOL ? json_boolean(one) : json_integer(one));
    return json_pack("{s:s,s:O,s:O,s:o}", "name", x->name, "dtype", json_object_get(before, "dtype"), "shape",
                     json_object_get(before, "shape"), "fill", fill);
}

/* Tries a fill for those that are chosen, and takes it over where it fails. */
static int try_fill(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct items *all,
                    const bool *chosen, const char *with, bool *failed, struct tl_error *e)
{
    struct tl_reduce_candidate filling = tl_reduce_copy(k);
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    uint32_t *numbers = tl_calloc(all->n + 1, sizeof *numbers);
    size_t n = 0, any = 0;
    for (size_t i = 0; i < all->n; i++) {
        any += chosen[i];
        if (chosen[i] && all->list[i].weight) {
            numbers[n++] = all->list[i].number;
        } else if (chosen[i]) {
            filling.instead = filling.instead ? filling.instead : json_object();
            json_object_set_new(filling.instead, all->list[i].name, filled(s, &all->list[i], with));
        }
    }
    if (n)
        tl_onnx_edit_fill(&filling.edits, numbers, n, with, 1, NULL, 0);
    free(numbers);
    int result = any ? tl_reduce_try(s, &filling, &v, e) : 0;
    *failed = !result && v == TL_REDUCE_FAIL;
    for (size_t i = 0; *failed && i < all->n; i++)
        all->list[i].replaced = all->list[i].replaced || chosen[i];
    if (*failed)
        tl_reduce_take(k, &filling);
    tl_reduce_drop(&filling);
    return result;
}

enum which { ALL, FLOATS, WEIGHTS, INPUTS, N_WHICH };

static bool is_of(const struct item *x, enum which which)
{
    return !x->replaced && (which == ALL || (which == FLOATS && x->is_float) ||
                            (which == WEIGHTS && x->weight) || (which == INPUTS && !x->weight));
}

static int together(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct items *all,
                    enum which which, bool *chosen, struct tl_error *e)
{
    size_t n = 0, left = 0;
    bool failed = false;
    int result = 0;
    for (size_t i = 0; i < all->n; i++) {
        chosen[i] = is_of(&all->list[i], which);
        n += chosen[i];
        left += !all->list[i].replaced;
    }
    if (!n || (which != ALL && (n == left || n == 1)))
        return 0;
    for (size_t f = 0; f < TL_COUNT(fills) && !failed && !result && !s->stopped; f++)
        result = try_fill(s, k, all, chosen, fills[f], &failed, e);
    return result;
}

int tl_reduce_data(struct tl_reduce_state *s, struct tl_reduce_candidate *k, json_t **left,
                   struct tl_error *e)
{
    struct items all;
    int result = 0;
    tl_reduce_step(s, "values");
    tl_reduce_tell(s, "");
    read_items(s, k, &all);
    bool *chosen = tl_calloc(all.n + 1, sizeof *chosen);
    for (int which = ALL; which < N_WHICH && !result && !s->stopped; which++)
        result = together(s, k, &all, which, chosen, e);
    bool small = tl_reduce_count(s, k) <= NODES_MOST;
    for (size_t i = 0; small && i < all.n && i < ALONE_MOST && !result && !s->stopped; i++) {
        bool failed = false;
        for (size_t f = 0; f < TL_COUNT(fills) && !failed && !result && !s->stopped && !all.list[i].replaced;
             f++) {
            memset(chosen, 0, all.n * sizeof *chosen);
            chosen[i] = true;
            result = try_fill(s, k, &all, chosen, fills[f], &failed, e);
        }
    }
    *left = json_array();
    for (size_t i = 0; i < all.n; i++)
        if (!all.list[i].replaced)
            json_array_append_new(*left, json_string(all.list[i].name));
    free(chosen);
    release(&all);
    return result;
}

int tl_reduce_bulk(struct tl_reduce_state *s, struct tl_error *e)
{
    static const char *const cheap[] = {"zeros", "ones"};
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, &s->now, &ignored);
    struct tl_onnx_weight *weights = NULL;
    size_t n = 0, filled = 0;
    uint64_t bytes = 0;
    bool failed = false;
    int result = 0;
    if (m)
        tl_onnx_weights(m, &weights, &n);
    uint32_t *numbers = tl_calloc(n + 1, sizeof *numbers);
    for (size_t i = 0; i < n; i++) {
        bytes += weights[i].bytes;
        if (tl_dtype_is_float((enum tl_dtype)weights[i].type))
            numbers[filled++] = weights[i].number;
    }
    if (bytes > BULK && filled) {
        tl_reduce_step(s, "all weights at once");
        tl_reduce_tell(s, "");
    }
    for (size_t f = 0; f < TL_COUNT(cheap) && bytes > BULK && filled && !failed && !result && !s->stopped;
         f++) {
        struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
        enum tl_reduce_verdict v;
        tl_onnx_edit_fill(&k.edits, numbers, filled, cheap[f], 1, NULL, 0);
        result = tl_reduce_try(s, &k, &v, e);
        failed = !result && v == TL_REDUCE_FAIL;
        if (failed)
            tl_reduce_take(&s->now, &k);
        tl_reduce_drop(&k);
    }
    free(numbers);
    free(weights);
    tl_onnx_model_free(m);
    return result;
}
