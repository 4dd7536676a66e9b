/* A size stands at many places of a model: dimensions of inputs and weights, elements of tensors that are shapes, attributes. Which
 * of them belong together only the operators say; whoever calls this has an idea, and the runtime judges.
 *
 * Where a weight or an input keeps values of the original, what stays along the axis is chosen so that the elements which have
 * to keep theirs are among it, and at the same place in all tensors whose size changes together: they are often read as pairs. */
#include "harness/campaign/reduce/resize.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/model_inputs.h"
#include "harness/base/buffer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHAPE_MOST 16 /* elements of an input that may be a shape */
#define STAYS_MOST                                                                                           \
    (INT64_C(1) << 24) /* places along an axis of which some are chosen: a model can say any size */

void tl_reduce_places_free(struct tl_reduce_places *all)
{
    for (size_t i = 0; i < all->n; i++) {
        free(all->list[i].name);
        free(all->list[i].symbol);
    }
    free(all->list);
    *all = (struct tl_reduce_places){0};
}

/* --- what there is -------------------------------------------------------------------------------------------- */

static void add(struct tl_reduce_places *all, enum tl_reduce_place_kind kind, const char *name,
                uint32_t number, size_t at, int64_t size, const char *symbol)
{
    *TL_GROW(all->list, all->n) = (struct tl_reduce_place){.kind = kind,
                                                           .name = tl_strdup(name),
                                                           .number = number,
                                                           .at = (uint32_t)at,
                                                           .size = size,
                                                           .factor = 1,
                                                           .symbol = tl_strdup(symbol)};
}

static bool is_whole(enum tl_dtype type)
{
    return type == TL_DTYPE_INT64 || type == TL_DTYPE_INT32;
}

static void add_given(const struct tl_reduce_state *s, const json_t *input, const char *name,
                      struct tl_reduce_places *all)
{
    struct tl_reduce_elements t;
    struct tl_error ignored;
    const json_t *shape = json_object_get(input, "shape");
    enum tl_dtype type = tl_dtype_parse(json_string_value(json_object_get(input, "dtype")));
    if (!is_whole(type) || json_array_size(shape) > 1 ||
        json_integer_value(json_array_get(shape, 0)) > SHAPE_MOST || json_object_get(input, "fill"))
        return;
    if (!tl_reduce_elements(s, input, &t, &ignored))
        for (uint64_t i = 0; i < t.elements; i++)
            add(all, TL_REDUCE_GIVEN, name, 0, (size_t)i, (int64_t)tl_element_value(type, t.data, i), NULL);
    tl_reduce_elements_free(&t);
}

static void add_inputs(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                       struct tl_onnx_model *m, struct tl_reduce_places *all)
{
    struct tl_onnx_inputs declared = {0};
    struct tl_error ignored;
    uint8_t *bytes = NULL;
    size_t size, d;
    char why[256];
    if (!tl_onnx_model_write(m, &bytes, &size, &ignored) &&
        !tl_onnx_inputs_read(bytes, size, &declared, why, sizeof why))
        for (size_t i = 0; i < declared.n; i++) {
            const struct tl_onnx_input *x = &declared.list[i];
            const json_t *input = tl_reduce_input_now(s, k, x->name), *dim;
            if (!input)
                continue;
            json_array_foreach(json_object_get(input, "shape"), d, dim) {
                bool open = d >= x->rank || x->dims[d] < 0;
                add(all, open ? TL_REDUCE_FED : TL_REDUCE_INPUT, x->name, 0, d, json_integer_value(dim),
                    open && d < x->rank ? x->symbols[d] : NULL);
            }
            add_given(s, input, x->name, all);
        }
    tl_onnx_inputs_free(&declared);
    free(bytes);
}

/* Elements and attributes that say one of the sizes which stand there by then. */
static void add_numbers(struct tl_onnx_model *m, int64_t size, struct tl_reduce_places *all)
{
    json_t *places = tl_onnx_places_of_size(m, size), *one;
    size_t i;
    json_array_foreach(json_object_get(places, "elements"), i, one)
        add(all, TL_REDUCE_ELEMENT, NULL, (uint32_t)json_integer_value(json_array_get(one, 0)),
            (size_t)json_integer_value(json_array_get(one, 1)), size, NULL);
    json_array_foreach(json_object_get(places, "attributes"), i, one)
        add(all, TL_REDUCE_ATTRIBUTE, json_string_value(json_array_get(one, 1)),
            (uint32_t)json_integer_value(json_array_get(one, 0)),
            (size_t)json_integer_value(json_array_get(one, 2)), size, NULL);
    json_decref(places);
}

void tl_reduce_places(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                      struct tl_reduce_places *all)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_weight *weights = NULL;
    size_t n = 0;
    *all = (struct tl_reduce_places){0};
    if (!m)
        return;
    add_inputs(s, k, m, all);
    tl_onnx_weights(m, &weights, &n);
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < weights[i].rank; d++) {
            add(all, TL_REDUCE_TENSOR, NULL, weights[i].number, d, weights[i].dims[d], NULL);
            all->list[all->n - 1].of_shape = weights[i].rank == 1 &&
                                             is_whole((enum tl_dtype)weights[i].type) &&
                                             weights[i].dims[d] <= SHAPE_MOST;
        }
    /* What is the size of nothing may still be a part of one: heads of a hidden size. */
    int64_t most = 0;
    for (size_t i = 0; i < all->n; i++)
        most = all->list[i].size > most ? all->list[i].size : most;
    int64_t *sizes = NULL;
    size_t n_sizes = 0, dimensions = all->n;
    for (size_t i = 0; i < dimensions; i++)
        *TL_GROW(sizes, n_sizes) = all->list[i].size;
    for (int64_t part = 2; part <= most && part <= 256; part++)
        *TL_GROW(sizes, n_sizes) = part;
    for (size_t i = 0; i < n_sizes; i++) {
        bool before = sizes[i] < 2;
        for (size_t j = 0; j < i && !before; j++)
            before = sizes[j] == sizes[i];
        if (!before)
            add_numbers(m, sizes[i], all);
    }
    free(sizes);
    free(weights);
    tl_onnx_model_free(m);
}

/* --- what stays ----------------------------------------------------------------------------------------------- */

static int64_t becomes(const struct tl_reduce_place *p, int64_t to)
{
    return p->square ? to * to : to * p->factor;
}

static bool same_size(const struct tl_reduce_place *a, const struct tl_reduce_place *b)
{
    return a->size == b->size && a->factor == b->factor && a->square == b->square;
}

static const struct tl_reduce_tensor *tensor_of(const struct tl_reduce_values *v,
                                                const struct tl_reduce_place *p)
{
    for (size_t i = 0; i < v->n; i++) {
        const struct tl_reduce_tensor *t = &v->list[i];
        if (t->attribute)
            continue;
        if (t->weight ? p->kind == TL_REDUCE_TENSOR && t->number == p->number
                      : (p->kind == TL_REDUCE_INPUT || p->kind == TL_REDUCE_FED) && !strcmp(t->name, p->name))
            return t;
    }
    return NULL;
}

/* Which places of an axis stay, of those that change with p: *n flags, the caller's; NULL: the first ones. */
static bool *stays(const struct tl_reduce_values *v, const struct tl_reduce_places *chosen,
                   const struct tl_reduce_place *p, int64_t to, bool first)
{
    int64_t size = p->size, wanted = becomes(p, to), marked = 0;
    if (first || wanted >= size || size > STAYS_MOST)
        return NULL;
    bool *flags = tl_calloc((size_t)size + 1, sizeof *flags);
    for (size_t i = 0; i < chosen->n; i++) {
        const struct tl_reduce_tensor *t =
            same_size(&chosen->list[i], p) ? tensor_of(v, &chosen->list[i]) : NULL;
        for (uint64_t k = 0; t && t->at && t->n_keep && k < t->n_kept; k++) {
            int64_t at = t->at[k * t->rank + chosen->list[i].at];
            if (at < size && !flags[at] && marked < wanted) {
                flags[at] = true;
                marked++;
            }
        }
    }
    if (!marked) {
        free(flags);
        return NULL;
    }
    for (int64_t i = 0; i < size && marked < wanted; i++)
        if (!flags[i]) {
            flags[i] = true;
            marked++;
        }
    return flags;
}

static bool are_first(const bool *flags, int64_t n)
{
    for (int64_t i = 0; flags && i < n; i++)
        if (!flags[i])
            return false;
    return true;
}

static char *set_of(const bool *flags, int64_t size, int64_t to)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!flags)
        return to > 1 ? tl_format("0-%" PRId64, to - 1) : tl_strdup("0");
    for (int64_t i = 0; i < size; i++) {
        int64_t last = i;
        if (!flags[i])
            continue;
        while (last + 1 < size && flags[last + 1])
            last++;
        tl_buffer_printf(&b, last > i ? "%s%" PRId64 "-%" PRId64 : "%s%" PRId64, b.size ? "," : "", i, last);
        i = last;
    }
    return tl_buffer_take(&b);
}

/* --- the variant ---------------------------------------------------------------------------------------------- */

static json_t *changed_input(const json_t *input, const struct tl_reduce_place *p, int64_t to,
                             const bool *flags)
{
    json_t *other, *from;
    if (p->kind == TL_REDUCE_GIVEN || !json_object_get(input, "fill")) {
        from = json_deep_copy(input);
        json_object_del(from, "recorded");
        json_object_del(from, "tainted");
        other = json_pack("{s:O,s:O,s:o,s:o}", "name", json_object_get(input, "name"), "dtype",
                          json_object_get(input, "dtype"), "shape",
                          json_deep_copy(json_object_get(input, "shape")), "from", from);
    } else {
        other = json_deep_copy(input);
    }
    if (p->kind == TL_REDUCE_GIVEN) {
        json_object_set_new(other, "set", json_pack("[[I,I]]", (json_int_t)p->at, (json_int_t)to));
        return other;
    }
    json_array_set_new(json_object_get(other, "shape"), p->at, json_integer(to));
    if (json_object_get(other, "from")) {
        char *set = set_of(flags, p->size, to);
        json_object_set_new(other, "picks", json_pack("[[I,s]]", (json_int_t)p->at, set));
        free(set);
    }
    return other;
}

static json_t *edit_of(const struct tl_reduce_places *chosen, const struct tl_reduce_place *p, int64_t to,
                       const bool *flags)
{
    json_t *inputs = json_array(), *tensors = json_array(), *elements = json_array(),
           *attributes = json_array();
    for (size_t i = 0; i < chosen->n; i++) {
        const struct tl_reduce_place *x = &chosen->list[i];
        json_int_t number = x->number, at = x->at;
        if (!same_size(x, p))
            continue;
        if (x->kind == TL_REDUCE_INPUT)
            json_array_append_new(inputs, json_pack("[s,I]", x->name, at));
        else if (x->kind == TL_REDUCE_TENSOR)
            json_array_append_new(tensors, json_pack("[I,I]", number, at));
        else if (x->kind == TL_REDUCE_ELEMENT)
            json_array_append_new(elements, json_pack("[I,I]", number, at));
        else if (x->kind == TL_REDUCE_ATTRIBUTE)
            json_array_append_new(attributes, json_pack("[I,s,I]", number, x->name, at));
    }
    json_t *edit = json_pack("{s:I,s:o,s:o,s:o,s:o}", "to", (json_int_t)becomes(p, to), "inputs", inputs,
                             "tensors", tensors, "elements", elements, "attributes", attributes);
    if (!are_first(flags, becomes(p, to))) {
        char *set = set_of(flags, p->size, becomes(p, to));
        json_object_set_new(edit, "take", json_string(set));
        free(set);
    }
    return edit;
}

static bool is_said(const struct tl_reduce_place *p)
{
    return p->kind != TL_REDUCE_FED && p->kind != TL_REDUCE_GIVEN;
}

void tl_reduce_resize(const struct tl_reduce_state *s, struct tl_reduce_candidate *k,
                      const struct tl_reduce_values *v, const struct tl_reduce_places *chosen, int64_t to,
                      bool first, bool *differs)
{
    *differs = false;
    for (size_t i = 0; i < chosen->n; i++) {
        const struct tl_reduce_place *p = &chosen->list[i];
        int64_t size = becomes(p, to);
        bool *flags = stays(v, chosen, p, to, first), done = !is_said(p);
        *differs = *differs || !are_first(flags, size);
        for (size_t j = 0; j < i && !done; j++)
            done = is_said(&chosen->list[j]) && same_size(&chosen->list[j], p);
        if (!done)
            tl_onnx_edits_add(&k->edits, "dimension", edit_of(chosen, p, to, flags));
        const json_t *input =
            p->kind == TL_REDUCE_INPUT || p->kind == TL_REDUCE_FED || p->kind == TL_REDUCE_GIVEN
                ? tl_reduce_input_now(s, k, p->name)
                : NULL;
        if (input)
            tl_reduce_set_input(k, p->name, changed_input(input, p, size, flags));
        free(flags);
    }
}

/* Along one axis; an element that does not stay is no longer followed. */
static void move(struct tl_reduce_tensor *t, uint32_t axis, const bool *flags, int64_t to)
{
    uint64_t kept = 0;
    for (uint64_t k = 0; t->at && k < t->n_kept; k++) {
        int64_t *from = t->at + k * t->rank, place = from[axis], before = 0;
        if (flags ? !flags[place] : place >= to)
            continue;
        for (int64_t i = 0; flags && i < place; i++)
            before += flags[i];
        memmove(t->at + kept * t->rank, from, t->rank * sizeof *from);
        t->at[kept++ * t->rank + axis] = flags ? before : place;
    }
    if (t->at && kept < t->n_kept) {
        free(t->at); /* it fails without some of them: which are needed by now is not known */
        t->at = NULL;
    }
    t->now[axis] = to;
}

void tl_reduce_follow(struct tl_reduce_values *v, const struct tl_reduce_places *chosen, int64_t to,
                      bool first)
{
    bool **flags = tl_calloc(chosen->n + 1, sizeof *flags);
    for (size_t i = 0; i < chosen->n; i++) /* of all, before the first of them is moved */
        flags[i] = stays(v, chosen, &chosen->list[i], to, first);
    for (size_t i = 0; i < chosen->n; i++) {
        const struct tl_reduce_place *p = &chosen->list[i];
        const struct tl_reduce_tensor *t = tensor_of(v, p);
        if (t)
            move(&v->list[t - v->list], p->at, flags[i], becomes(p, to));
        free(flags[i]);
    }
    free(flags);
}
