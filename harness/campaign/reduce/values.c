/* Which values of the original a model still holds, and the candidate that comes of replacing some of them.
 *
 * What the tensors are is kept apart from the candidate, which is made of it anew for each trial: so one choice is always one
 * list of edits, and what was tried once is known. */
#include "harness/campaign/reduce/values.h"

#include "cases/inputs.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/graph_texts.h"
#include "harness/base/buffer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MOST 65536 /* numbers of an attribute, which stand in the list of edits */

const char *const tl_reduce_fills[3] = {"zeros", "ones", "random"};

bool tl_reduce_values_chosen(const struct tl_reduce_tensor *t)
{
    uint64_t n = t->chosen ? json_array_size(t->values) : 0;
    bool all = n && n == (t->with < 0 ? t->elements : t->n_kept);
    for (uint64_t i = 0; i < n && all; i++)
        all = t->chosen[i];
    return all;
}

bool tl_reduce_values_keeps(const struct tl_reduce_tensor *t)
{
    return !t->random && !t->named && (t->with < 0 || t->n_keep) && !tl_reduce_values_chosen(t);
}

static void *copy_of(const void *bytes, size_t size)
{
    return bytes ? memcpy(tl_malloc(size + 1), bytes, size) : NULL;
}

struct tl_reduce_values tl_reduce_values_copy(const struct tl_reduce_values *v)
{
    struct tl_reduce_values c = *v;
    c.list = v->n ? copy_of(v->list, v->n * sizeof *v->list) : NULL;
    for (size_t i = 0; i < v->n; i++) {
        struct tl_reduce_tensor *t = &c.list[i];
        t->name = tl_strdup(t->name);
        t->keep = copy_of(t->keep, 2 * t->n_keep * sizeof *t->keep);
        t->attribute = tl_strdup(t->attribute);
        t->numbers = t->numbers ? copy_of(t->numbers, (size_t)t->elements * sizeof *t->numbers) : NULL;
        t->at = copy_of(t->at, (size_t)t->n_kept * t->rank * sizeof *t->at);
        t->chosen = copy_of(t->chosen, json_array_size(t->values) * sizeof *t->chosen);
        t->values = json_copy(t->values);
    }
    c.beside = tl_reduce_copy(&v->beside);
    c.in_files = json_deep_copy(v->in_files);
    c.sizes = json_deep_copy(v->sizes);
    c.versions = json_deep_copy(v->versions);
    c.base = tl_reduce_copy(&v->base);
    return c;
}

void tl_reduce_values_forget(struct tl_reduce_tensor *t)
{
    free(t->name);
    free(t->keep);
    free(t->attribute);
    free(t->numbers);
    free(t->at);
    free(t->chosen);
    json_decref(t->values);
}

void tl_reduce_values_free(struct tl_reduce_values *v)
{
    for (size_t i = 0; i < v->n; i++)
        tl_reduce_values_forget(&v->list[i]);
    free(v->list);
    json_decref(v->in_files);
    json_decref(v->sizes);
    json_decref(v->versions);
    tl_reduce_drop(&v->base);
    tl_reduce_drop(&v->beside);
    *v = (struct tl_reduce_values){0};
}

/* Of zeros every runtime makes values that are not finite, rightly: 0 / 0, 1 / 0. Where no other one says what is right of them,
 * they show nothing; and where one refuses all, ones may as well be what they fail of. */
int tl_reduce_first_fill(const struct tl_reduce_state *s)
{
    if (s->control.silent)
        return 2;
    return s->target.outcome == TL_OUTCOME_WRONG && !s->difference && !s->judged && !s->control.passes;
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

/* Those that JSON can say. */
static bool are_finite(const struct tl_onnx_float_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (!isfinite(list->values[i]))
            return false;
    return true;
}

static void add_attributes(struct tl_onnx_model *m, struct tl_reduce_values *v)
{
    struct tl_onnx_float_list *lists = NULL;
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n = 0, n_nodes = 0;
    tl_onnx_float_lists(m, &lists, &n);
    tl_onnx_nodes(m, &nodes, &n_nodes);
    for (size_t i = 0; i < n; i++) {
        const char *made = "";
        for (size_t k = 0; k < n_nodes; k++)
            if (nodes[k].number == lists[i].node && nodes[k].n_outputs)
                made = nodes[k].outputs[0];

        struct tl_reduce_tensor *t = TL_GROW(v->list, v->n);
        *t = (struct tl_reduce_tensor){.name = tl_format("%s of %s", lists[i].name, made),
                                       .number = lists[i].node,
                                       .attribute = tl_strdup(lists[i].name),
                                       .numbers = tl_malloc((lists[i].n + 1) * sizeof(float)),
                                       .type = TL_DTYPE_FLOAT32,
                                       .is_float = true,
                                       .fixed = lists[i].n > LIST_MOST || !are_finite(&lists[i]),
                                       .rank = 1,
                                       .dims = {(int64_t)lists[i].n},
                                       .elements = lists[i].n,
                                       .with = -1};
        memcpy(t->numbers, lists[i].values, lists[i].n * sizeof(float));
    }
    free(nodes);
    free(lists);
}

/* Of attributes: nothing fills them, but others may take their place (texts.c). */
static void add_texts(struct tl_onnx_model *m, struct tl_reduce_values *v)
{
    struct tl_onnx_text_place *places = NULL;
    size_t n = 0;
    tl_onnx_text_places(m, &places, &n);
    for (size_t i = 0; i < n; i++) {
        const struct tl_onnx_text_place *p = &places[i];
        if (tl_onnx_text_is_of_attribute(p))
            *TL_GROW(v->list, v->n) =
                (struct tl_reduce_tensor){.name = tl_format("%s of %s", p->attribute, p->of),
                                          .number = p->node,
                                          .attribute = tl_strdup(p->attribute),
                                          .fixed = true,
                                          .rank = 1,
                                          .dims = {(int64_t)p->elements},
                                          .elements = p->elements,
                                          .n_kept = p->owned,
                                          .with = -1};
    }
    free(places);
}

static void add_unnumbered(struct tl_onnx_model *m, struct tl_reduce_values *v)
{
    const char **names = NULL;
    size_t n = 0;
    tl_onnx_unnumbered(m, &names, &n);
    for (size_t i = 0; i < n; i++)
        *TL_GROW(v->list, v->n) = (struct tl_reduce_tensor){.name = tl_strdup(names[i] ? names[i] : ""),
                                                            .weight = true,
                                                            .fixed = true,
                                                            .number = UINT32_MAX,
                                                            .with = -1};
    free(names);
}

static void add_inputs(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                       struct tl_reduce_values *v)
{
    json_t *names = s->takes_inputs ? tl_reduce_inputs(s, k) : json_array(), *name;
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
                                   .in_files = v->in_files,
                                   .base = tl_reduce_copy(k),
                                   .sizes = json_array(),
                                   .versions = json_object(),
                                   .began = s->lasted};
    if (m) {
        add_weights(k, m, v);
        add_attributes(m, v);
        add_texts(m, v);
        add_unnumbered(m, v);
        tl_reduce_other_values(s, k, v);
    }
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

/* Between the least and the greatest, and both of them. */
static float random_number(const struct tl_reduce_tensor *t, uint64_t i)
{
    float least = t->numbers[0], most = t->numbers[0];
    for (uint64_t k = 0; k < t->elements; k++) {
        least = t->numbers[k] < least ? t->numbers[k] : least;
        most = t->numbers[k] > most ? t->numbers[k] : most;
    }
    double drawn = (double)(tl_random_bits(t->number + 1, i) >> 11) * 0x1p-53;
    return i < 2 ? (i ? most : least) : (float)((1 - drawn) * (double)least + drawn * (double)most);
}

/* The numbers of an attribute. */
static void add_numbers(struct tl_reduce_candidate *k, const struct tl_reduce_tensor *t)
{
    json_t *numbers = json_array();
    size_t range = 0;
    for (uint64_t i = 0; i < t->elements; i++) {
        while (range < t->n_keep && t->keep[2 * range + 1] < i)
            range++;
        bool own = t->with < 0 || (range < t->n_keep && t->keep[2 * range] <= i);
        float before = t->random ? random_number(t, i) : t->numbers[i];
        float other = t->with == 2 ? random_number(t, i) : (float)t->with;
        json_array_append_new(numbers, json_real((double)(own ? before : other)));
    }
    tl_onnx_edits_add(&k->edits, "attribute",
                      json_pack("[[I,s,o]]", (json_int_t)t->number, t->attribute, numbers));
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
        if (t->attribute) {
            if (t->with >= 0 || t->random)
                add_numbers(&k, t);
            continue;
        }
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

/* --- what the passes share ---------------------------------------------------------------------------------------- */

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

int tl_reduce_least(struct tl_reduce_state *s, struct tl_reduce_candidate *k, size_t n, tl_reduce_leave leave,
                    const void *arg, bool *minimal, struct tl_error *e)
{
    const struct tl_subset_options options = {.n = n, .rate = 1, .seed = 1};
    struct tl_subset *set = tl_subset_new(&options);
    struct tl_subset_test test;
    struct tl_reduce_candidate least = {0};
    size_t n_least = n;
    int result = 0;
    while (!result && !s->stopped && tl_subset_next(set, &test) == TL_SUBSET_TEST) {
        struct tl_reduce_candidate smaller = tl_reduce_copy(k);
        enum tl_reduce_verdict v = TL_REDUCE_INVALID;
        char more[80];
        snprintf(more, sizeof more, "%zu kept, %zu open", test.kept, tl_subset_undecided(set));
        tl_reduce_tell(s, more);
        if (test.kept == n)
            v = TL_REDUCE_FAIL; /* that is the model before */
        else if (leave(arg, test.ranges, test.n_ranges, &smaller))
            result = tl_reduce_try(s, &smaller, &v, e);
        if (!result && !s->stopped)
            tl_subset_tell(set, test.id, tl_reduce_subset_outcome(v));
        if (!result && v == TL_REDUCE_FAIL && test.kept < n_least) {
            n_least = test.kept;
            tl_reduce_take(&least, &smaller);
        }
        tl_reduce_drop(&smaller);
    }
    const struct tl_subset_result *r = tl_subset_result(set);
    *minimal = r->done && r->minimal && !s->stopped;
    if (least.edits.list && r->kept == n_least && !result)
        tl_reduce_take(k, &least);
    tl_reduce_drop(&least);
    tl_subset_free(set);
    return result;
}

int tl_reduce_one_more(struct tl_reduce_state *s, struct tl_reduce_candidate *k, const char *kind,
                       json_t *value, enum tl_reduce_verdict *verdict, struct tl_error *e)
{
    struct tl_reduce_candidate more = tl_reduce_copy(k);
    *verdict = TL_REDUCE_INVALID;
    tl_onnx_edits_add(&more.edits, kind, value);
    int result = s->stopped ? 0 : tl_reduce_try(s, &more, verdict, e);
    if (!result && *verdict == TL_REDUCE_FAIL)
        tl_reduce_take(k, &more);
    tl_reduce_drop(&more);
    return result;
}
