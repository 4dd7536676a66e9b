/* What is told of the elements that matter is told when nothing changes the model any more: sizes and small values are looked for
 * after it was found which these are, and a size may be an element itself (of a shape). So what the files hold in the end is read
 * from them; what differs from what was there is a number that was chosen, and none of the original's. */
#include "harness/campaign/reduce/values.h"

#include "cases/element.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/tensor_pb.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define READ_MOST (UINT64_C(64) << 20) /* bytes of a tensor that is read */
#define TOLD_MOST 16                   /* elements whose values are told */

/* A tensor of the result. */
struct last {
    size_t rank;
    int64_t dims[TL_RANK_MAX];
    uint64_t elements;
    const struct tl_element_type *type;
    const unsigned char *data; /* NULL: too large */
    struct tl_reduce_elements input;
    struct tl_tensor_pb tensor;
    uint8_t *bytes;
};

static void release(struct last *x)
{
    tl_reduce_elements_free(&x->input);
    tl_tensor_pb_free(&x->tensor);
    free(x->bytes);
}

static void count(struct last *x)
{
    x->elements = 1;
    for (size_t d = 0; d < x->rank; d++)
        x->elements *= (uint64_t)x->dims[d];
}

/* False: it is no longer there, or cannot be read. */
static bool read_input(const struct tl_reduce_state *s, const json_t *input, struct last *x)
{
    struct tl_error ignored;
    if (!input || tl_reduce_elements(s, input, &x->input, &ignored))
        return false;
    x->rank = x->input.rank;
    memcpy(x->dims, x->input.dims, sizeof x->dims);
    x->type = tl_element_type_number((int)x->input.dtype);
    x->data = (const unsigned char *)x->input.data;
    count(x);
    return x->type && x->type->size;
}

static bool read_weight(const struct tl_reduce_state *s, struct tl_onnx_model *m,
                        const struct tl_reduce_tensor *t, struct last *x)
{
    struct tl_onnx_weight *weights = NULL;
    struct tl_error ignored;
    size_t n = 0, size;
    char why[256];
    bool found = false;
    tl_onnx_weights(m, &weights, &n);
    for (size_t i = 0; i < n && !found; i++) {
        const struct tl_onnx_weight *w = &weights[i];
        found = w->number == t->number && w->rank <= TL_RANK_MAX;
        if (!found)
            continue;
        x->rank = w->rank;
        memcpy(x->dims, w->dims, w->rank * sizeof *x->dims);
        x->type = tl_element_type_number(w->type);
        count(x);
        if (w->bytes <= READ_MOST &&
            !tl_onnx_weight_read(m, t->number, s->directory, &x->bytes, &size, &ignored) &&
            !tl_tensor_pb_read(x->bytes, size, &x->tensor, why, sizeof why))
            x->data = x->tensor.data;
    }
    free(weights);
    return found && x->type && x->type->size;
}

static bool same_shape(const struct tl_reduce_tensor *t, const struct last *x)
{
    return t->rank == x->rank && (!t->rank || !memcmp(t->dims, x->dims, t->rank * sizeof *t->dims));
}

static bool is_among(const json_t *list, const json_t *value)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
        if (json_equal(one, value))
            return true;
    return false;
}

static void mark(struct tl_reduce_tensor *t, size_t n, size_t i)
{
    if (!t->chosen)
        t->chosen = tl_calloc(n + 1, sizeof *t->chosen);
    t->chosen[i] = true;
}

/* Each of them is where it was followed to. */
static void take_values(struct tl_reduce_tensor *t, const struct last *x)
{
    const size_t n = json_array_size(t->values);
    for (size_t i = 0; i < n; i++) {
        uint64_t flat = 0;
        for (size_t d = 0; d < t->rank; d++)
            flat = flat * (uint64_t)x->dims[d] + (uint64_t)t->at[i * t->rank + d];
        json_t *now =
                   flat < x->elements ? tl_reduce_number_json(x->type, x->data + flat * x->type->size) : NULL,
               *then = json_array_get(t->values, i);
        bool same = !now || (json_is_number(now) && json_is_number(then)
                                 ? json_number_value(now) - json_number_value(then) == 0
                                 : json_equal(now, then));
        if (!same) {
            mark(t, n, i);
            json_array_set(t->values, i, now);
        }
        json_decref(now);
    }
}

/* All of the few that the files hold: which of them matter is not known, or nobody looked. */
static void take_all(struct tl_reduce_tensor *t, const struct last *x)
{
    json_t *before = t->values;
    free(t->chosen);
    t->chosen = NULL;
    t->values = json_array();
    for (uint64_t i = 0; i < x->elements; i++) {
        json_t *now = tl_reduce_number_json(x->type, x->data + i * x->type->size);
        if (before && !is_among(before, now))
            mark(t, (size_t)x->elements, (size_t)i);
        json_array_append_new(t->values, now);
    }
    json_decref(before);
    free(t->keep);
    t->keep = tl_calloc(3, sizeof *t->keep);
    t->keep[1] = x->elements - 1;
    t->n_keep = x->elements ? 1 : 0;
    t->n_kept = x->elements;
    t->with = -1;
    t->minimal = false;
}

static void take_shape(struct tl_reduce_tensor *t, const struct last *x)
{
    t->rank = x->rank;
    memcpy(t->dims, x->dims, sizeof t->dims);
    t->elements = x->elements;
}

static void settle(struct tl_reduce_tensor *t, const struct last *x)
{
    const bool few = x->data && x->elements <= TOLD_MOST, told = json_array_size(t->values) > 0,
               followed = t->at && told && t->n_kept == json_array_size(t->values) && t->rank == x->rank;
    if (followed && x->data) {
        take_values(t, x);
    } else if (same_shape(t, x) ? t->with < 0 && !told && few : few) {
        take_shape(t, x);
        take_all(t, x);
    } else if (t->with < 0 && !same_shape(t, x)) {
        take_shape(t, x);
    }
}

void tl_reduce_values_settle(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                             struct tl_reduce_values *v)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    for (size_t i = 0; m && i < v->n; i++) {
        struct tl_reduce_tensor *t = &v->list[i];
        struct last x = {0};
        if (t->attribute || (t->with >= 0 && !t->n_keep))
            continue;
        if (t->weight ? read_weight(s, m, t, &x) : read_input(s, tl_reduce_input_now(s, k, t->name), &x)) {
            t->left = x.elements;
            if (!t->random)
                settle(t, &x);
        }
        release(&x);
    }
    if (m)
        tl_reduce_texts_settle(m, v);
    if (m && tl_reduce_makes_another(s, k, "strip", json_true()))
        *TL_GROW(v->list, v->n) = (struct tl_reduce_tensor){.name = tl_strdup("documentation and metadata"),
                                                            .weight = true,
                                                            .fixed = true,
                                                            .number = UINT32_MAX,
                                                            .with = -1};
    tl_onnx_model_free(m);
}
