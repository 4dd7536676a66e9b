/* Weights and inputs: values of their owner's become zeros, ones or random ones of the same statistics wherever it fails all the
 * same.
 *
 * All at once first, which is the usual answer; then the floats, as whole numbers often are shapes and indices. Where neither
 * fails the failure depends on values: the tensors that have to keep theirs are minimised as a set (search/subset.h), for each
 * of the three fills in turn, as some need the others not to be zero. Then elements of each that is left (reduce_elements.c).
 * Random values that make it fail are nobody's; but which of them do it is looked for in the same way, for it is the answer to
 * what the failure depends on.
 *
 * What the tensors are is kept apart from the candidate, which is made of it anew for each trial: so one choice is always one
 * list of edits, and what was tried once is known. */
#include "harness/campaign/reduce_values.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/search/subset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BULK (UINT64_C(256) << 20) /* bytes of weights */

const char *const tl_reduce_fills[3] = {"zeros", "ones", "random"};

bool tl_reduce_values_keeps(const struct tl_reduce_tensor *t)
{
    return !t->random && (t->with < 0 || t->n_keep);
}

void tl_reduce_values_free(struct tl_reduce_values *v)
{
    for (size_t i = 0; i < v->n; i++) {
        free(v->list[i].name);
        free(v->list[i].keep);
        free(v->list[i].at);
        json_decref(v->list[i].values);
    }
    free(v->list);
    json_decref(v->sizes);
    json_decref(v->versions);
    tl_reduce_drop(&v->base);
    *v = (struct tl_reduce_values){0};
}

/* --- what there is -------------------------------------------------------------------------------------------- */

/* Weights that an edit before has filled hold nothing of the original any more. */
static bool is_filled(const struct tl_reduce_candidate *k, uint32_t number)
{
    const json_t *edit;
    size_t i;
    json_array_foreach(k->edits.list, i, edit) {
        const json_t *fill = json_object_get(edit, "fill");
        const char *at = json_string_value(json_object_get(fill, "tensors"));
        for (; at && *at && !json_object_get(fill, "keep"); at += strcspn(at, ","), at += *at == ',') {
            char *end;
            unsigned long first = strtoul(at, &end, 10), last = first;
            if (*end == '-')
                last = strtoul(end + 1, NULL, 10);
            if (number >= first && number <= last)
                return true;
        }
    }
    return false;
}

static uint64_t count_of(size_t rank, const int64_t *dims)
{
    uint64_t n = 1;
    for (size_t i = 0; i < rank; i++)
        n *= (uint64_t)dims[i];
    return n;
}

static void add_weights(const struct tl_reduce_candidate *k, struct tl_onnx_model *m,
                        struct tl_reduce_values *v)
{
    struct tl_onnx_weight *weights = NULL;
    size_t n = 0;
    tl_onnx_weights(m, &weights, &n);
    for (size_t i = 0; i < n; i++) {
        const struct tl_onnx_weight *w = &weights[i];
        struct tl_reduce_tensor t = {.weight = true,
                                     .number = w->number,
                                     .type = w->type,
                                     .rank = w->rank,
                                     .elements = w->elements,
                                     .is_float = tl_dtype_is_float((enum tl_dtype)w->type),
                                     .with = -1};
        if (!w->elements || w->rank > TL_RANK_MAX || is_filled(k, w->number))
            continue;
        t.name = tl_strdup(w->name ? w->name : "");
        if (w->rank)
            memcpy(t.dims, w->dims, w->rank * sizeof *w->dims);
        *TL_GROW(v->list, v->n) = t;
    }
    free(weights);
}

static void add_inputs(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                       struct tl_reduce_values *v)
{
    json_t *names = tl_reduce_inputs(s, k), *name;
    size_t i, d;
    json_array_foreach(names, i, name) {
        const json_t *input = tl_reduce_input_now(s, k, json_string_value(name)),
                     *shape = json_object_get(input, "shape"), *dim;
        const char *dtype = json_string_value(json_object_get(input, "dtype"));
        enum tl_dtype type = dtype ? tl_dtype_parse(dtype) : TL_DTYPE_NONE;
        struct tl_reduce_tensor t = {.type = (int)type, .is_float = tl_dtype_is_float(type), .with = -1};
        if (type == TL_DTYPE_NONE || json_array_size(shape) > TL_RANK_MAX)
            continue;
        json_array_foreach(shape, d, dim)
            t.dims[t.rank++] = json_integer_value(dim);
        t.elements = count_of(t.rank, t.dims);
        t.name = tl_strdup(json_string_value(name));
        *TL_GROW(v->list, v->n) = t;
    }
    json_decref(names);
}

void tl_reduce_values_read(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                           struct tl_reduce_values *v)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    *v = (struct tl_reduce_values){.second = v->second,
                                   .base = tl_reduce_copy(k),
                                   .sizes = json_array(),
                                   .versions = json_object(),
                                   .began_ns = tl_awake_ns()};
    if (m)
        add_weights(k, m, v);
    tl_onnx_model_free(m);
    add_inputs(s, k, v);
    for (size_t i = 0; i < v->n; i++)
        memcpy(v->list[i].now, v->list[i].dims, sizeof v->list[i].now);
}

/* --- a candidate of it ---------------------------------------------------------------------------------------- */

static char *set_text(const uint64_t *pairs, size_t n)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < n; i++) {
        tl_buffer_printf(&b, "%s%" PRIu64, i ? "," : "", pairs[2 * i]);
        if (pairs[2 * i + 1] > pairs[2 * i])
            tl_buffer_printf(&b, "-%" PRIu64, pairs[2 * i + 1]);
    }
    return b.data ? tl_buffer_take(&b) : tl_strdup("");
}

/* An input that is made of another one. */
static json_t *made_of(const json_t *before, const struct tl_reduce_tensor *t, const char *with)
{
    json_t *from = json_deep_copy(before);
    json_object_del(from, "recorded");
    json_object_del(from, "tainted");
    return json_pack("{s:s,s:O,s:O,s:o,s:s,s:i}", "name", t->name, "dtype", json_object_get(before, "dtype"),
                     "shape", json_object_get(before, "shape"), "from", from, "with", with, "seed", 1);
}

/* An input of the same type and shape. */
static json_t *filled(const json_t *before, const struct tl_reduce_tensor *t)
{
    bool one = t->with == 1;
    json_t *input = json_pack("{s:s,s:O,s:O}", "name", t->name, "dtype", json_object_get(before, "dtype"),
                              "shape", json_object_get(before, "shape"));
    if (t->with < 2 && !t->n_keep) {
        json_object_set_new(
            input, "fill",
            json_pack("{s:o}", "constant", t->type == TL_DTYPE_BOOL ? json_boolean(one) : json_integer(one)));
        return input;
    }
    json_decref(input);
    input = made_of(before, t, tl_reduce_fills[t->with]);
    if (t->n_keep) {
        char *keep = set_text(t->keep, t->n_keep);
        json_object_set_new(input, "keep", json_string(keep));
        free(keep);
    }
    return input;
}

struct tl_reduce_candidate tl_reduce_values_make(const struct tl_reduce_state *s,
                                                 const struct tl_reduce_values *v)
{
    struct tl_reduce_candidate k = tl_reduce_copy(&v->base);
    uint32_t *numbers = tl_calloc(v->n + 1, sizeof *numbers);
    size_t n_random = 0;
    for (size_t i = 0; i < v->n; i++)
        if (v->list[i].weight && v->list[i].random)
            numbers[n_random++] = v->list[i].number;
    if (n_random)
        tl_onnx_edit_fill(&k.edits, numbers, n_random, tl_reduce_fills[2], 1, NULL, 0);
    for (int f = 0; f < (int)TL_COUNT(tl_reduce_fills); f++) {
        size_t n = 0;
        for (size_t i = 0; i < v->n; i++)
            if (v->list[i].weight && v->list[i].with == f && !v->list[i].n_keep)
                numbers[n++] = v->list[i].number;
        if (n)
            tl_onnx_edit_fill(&k.edits, numbers, n, tl_reduce_fills[f], 1, NULL, 0);
    }
    for (size_t i = 0; i < v->n; i++) {
        const struct tl_reduce_tensor *t = &v->list[i];
        if (!t->weight && t->random)
            tl_reduce_set_input(&k, t->name,
                                made_of(tl_reduce_input_now(s, &k, t->name), t, tl_reduce_fills[2]));
        if (t->with < 0)
            continue;
        if (!t->weight)
            tl_reduce_set_input(&k, t->name, filled(tl_reduce_input_now(s, &k, t->name), t));
        else if (t->n_keep)
            tl_onnx_edit_fill(&k.edits, &t->number, 1, tl_reduce_fills[t->with], 1, t->keep, t->n_keep);
    }
    free(numbers);
    return k;
}

const json_t *tl_reduce_input_now(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                                  const char *name)
{
    const json_t *own = json_object_get(k->instead, name);
    return own ? own : json_object_get(s->inputs, name);
}

void tl_reduce_set_input(struct tl_reduce_candidate *k, const char *name, json_t *input)
{
    k->instead = k->instead ? k->instead : json_object();
    json_object_set_new(k->instead, name, input);
}

/* --- all at once, then as a set -------------------------------------------------------------------------------- */

enum tl_subset_outcome tl_reduce_subset_outcome(enum tl_reduce_verdict v)
{
    switch (v) {
    case TL_REDUCE_FAIL:
        return TL_SUBSET_FAIL;
    case TL_REDUCE_PASS:
        return TL_SUBSET_PASS;
    case TL_REDUCE_OTHER:
        return TL_SUBSET_OTHER;
    default:
        return TL_SUBSET_INVALID;
    }
}

/* Those that are chosen and not replaced yet become this; kept: those of them that do not. */
static int try_fill(struct tl_reduce_state *s, struct tl_reduce_values *v, size_t *chosen, size_t n,
                    const bool *kept, int with, enum tl_reduce_verdict *verdict, struct tl_error *e)
{
    for (size_t i = 0; i < n; i++)
        v->list[chosen[i]].with = kept && kept[i] ? -1 : with;
    struct tl_reduce_candidate k = tl_reduce_values_make(s, v);
    int result = tl_reduce_try(s, &k, verdict, e);
    tl_reduce_drop(&k);
    for (size_t i = 0; i < n; i++)
        v->list[chosen[i]].with = -1;
    return result;
}

enum which { ALL, FLOATS, OTHERS, RANDOM };

static size_t choose(const struct tl_reduce_values *v, enum which which, size_t *chosen)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        if (v->list[i].with < 0 && (which == RANDOM) == v->list[i].random &&
            (which == ALL || which == RANDOM || (which == FLOATS) == v->list[i].is_float))
            chosen[n++] = i;
    return n;
}

static int together(struct tl_reduce_state *s, struct tl_reduce_values *v, enum which which, size_t *chosen,
                    struct tl_error *e)
{
    size_t n = choose(v, which, chosen);
    bool failed = false;
    int result = 0;
    for (int f = 0; n && f < (int)TL_COUNT(tl_reduce_fills) && !failed && !result && !s->stopped; f++) {
        enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
        result = try_fill(s, v, chosen, n, NULL, f, &verdict, e);
        failed = !result && verdict == TL_REDUCE_FAIL;
        for (size_t i = 0; failed && i < n; i++)
            v->list[chosen[i]].with = f;
    }
    return result;
}

/* The smallest set of them that has to keep its values while the others become this. */
static int as_a_set(struct tl_reduce_state *s, struct tl_reduce_values *v, enum which which, int with,
                    size_t *chosen, struct tl_error *e)
{
    size_t n = choose(v, which, chosen);
    if (!n)
        return 0;
    bool *kept = tl_calloc(n + 1, sizeof *kept);
    double *weights = tl_calloc(n + 1, sizeof *weights);
    for (size_t i = 0; i < n; i++)
        weights[i] = (double)v->list[chosen[i]].elements;
    const struct tl_subset_options options = {.n = n, .rate = 1, .weights = weights, .seed = 1};
    struct tl_subset *set = tl_subset_new(&options);
    struct tl_subset_test test;
    int result = 0;
    while (!result && !s->stopped && tl_subset_next(set, &test) == TL_SUBSET_TEST) {
        enum tl_reduce_verdict verdict = TL_REDUCE_FAIL; /* with all of them it is the model before */
        char more[80];
        memset(kept, 0, n * sizeof *kept);
        for (size_t r = 0; r < test.n_ranges; r++)
            for (size_t i = test.ranges[r].first; i <= test.ranges[r].last; i++)
                kept[i] = true;
        snprintf(more, sizeof more, "%zu of %zu tensors kept", test.kept, n);
        tl_reduce_tell(s, more);
        if (test.kept < n)
            result = try_fill(s, v, chosen, n, kept, with, &verdict, e);
        if (!result && !s->stopped)
            tl_subset_tell(set, test.id, tl_reduce_subset_outcome(verdict));
    }
    const struct tl_subset_result *r = tl_subset_result(set);
    memset(kept, 0, n * sizeof *kept);
    for (size_t i = 0; i < r->n_ranges; i++)
        for (size_t x = r->ranges[i].first; x <= r->ranges[i].last; x++)
            kept[x] = true;
    for (size_t i = 0; i < n && !result && r->kept < n; i++)
        v->list[chosen[i]].with = kept[i] ? -1 : with;
    tl_subset_free(set);
    free(weights);
    free(kept);
    return result;
}

static size_t left_of(const struct tl_reduce_values *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += v->list[i].with < 0;
    return n;
}

int tl_reduce_data(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                   struct tl_error *e)
{
    tl_reduce_step(s, "values");
    tl_reduce_tell(s, "");
    tl_reduce_values_read(s, k, v);
    size_t *chosen = tl_calloc(v->n + 1, sizeof *chosen);
    int result = 0;
    for (int which = ALL; which <= FLOATS && !result && !s->stopped; which++)
        result = together(s, v, (enum which)which, chosen, e);
    for (int which = FLOATS; which <= OTHERS && left_of(v) && !result; which++)
        for (int f = 0; f < (int)TL_COUNT(tl_reduce_fills) && !result && !s->stopped; f++)
            result = as_a_set(s, v, (enum which)which, f, chosen, e);
    /* Of random values it is known as little which of them matter. */
    for (size_t i = 0; i < v->n; i++) {
        struct tl_reduce_tensor *t = &v->list[i];
        if (t->with == 2) {
            t->random = true;
            t->with = -1;
        }
    }
    for (int f = 0; f < 2 && !result && !s->stopped; f++)
        result = as_a_set(s, v, RANDOM, f, chosen, e);
    if (left_of(v) && !result && !s->stopped)
        tl_reduce_step(s, "elements");
    for (size_t i = 0; i < v->n && !result && !s->stopped; i++)
        if (v->list[i].with < 0)
            result = tl_reduce_elements_of(s, v, &v->list[i], e);
    struct tl_reduce_candidate smaller = tl_reduce_values_make(s, v);
    tl_reduce_take(k, &smaller);
    free(chosen);
    return result;
}

/* --- before any cut --------------------------------------------------------------------------------------------- */

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
