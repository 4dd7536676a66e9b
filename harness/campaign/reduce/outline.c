/* What is left of the model as a graph to be drawn: the outline of it (cases/onnx/graph_outline.h), in which each node and value
 * says what it is in the original, inputs say where their values come from, and the node where the failure ends is marked.
 *
 * Types and shapes are what the model declares; where it says none, what a run of the original had, as long as no type and no size
 * was changed since, else what one of the model itself had. */
#include "harness/campaign/reduce/outline.h"

#include "cases/onnx/graph_outline.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <stdlib.h>
#include <string.h>

#define MODEL_MOST ((size_t)1 << 31)
#define HELD_SHOWN 4   /* numbers that are named in the picture */
#define NODES_MOST 400 /* of a model that is not minimal: the last ones */

struct names {
    const struct tl_reduce_state *s;
    const struct tl_reduce_candidate *k;
    const struct tl_onnx_node_facts *before, *now;
    size_t n_before, n_now;
    const struct tl_onnx_weight *weights; /* of the original */
    size_t n_weights;
    json_t *nodes;  /* NUMBER -> {"original"?, "original_output"?} */
    json_t *values; /* NAME now -> NAME in the original */
    json_t *types;  /* NAME now -> what it is in a run of what is left */
    bool resized, retyped;
    struct tl_onnx_model *original, *m;
};

/* What a value was before names were changed. */
static const char *known_name(const struct names *x, const char *name)
{
    const char *value = json_string_value(json_object_get(x->values, name)),
               *input = json_string_value(json_object_get(x->k->renamed, name));
    return input ? input : value ? value : name;
}

static int by_number(const void *a, const void *b)
{
    const struct tl_onnx_node_facts *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static void learn_names(struct names *x, struct tl_onnx_node_facts *before)
{
    qsort(before, x->n_before, sizeof *before, by_number);
    for (size_t i = 0; i < x->n_now; i++) {
        const struct tl_onnx_node_facts *n = &x->now[i], key = {.number = n->origin};
        const struct tl_onnx_node_facts *old =
            x->n_before ? bsearch(&key, before, x->n_before, sizeof *before, by_number) : NULL;
        char number[24];
        snprintf(number, sizeof number, "%u", n->number);
        json_t *facts = json_object();
        if (n->original_name && *n->original_name)
            json_object_set_new(facts, "original", json_string(n->original_name));
        if (old && old->n_outputs)
            json_object_set_new(facts, "original_output", json_string(old->outputs[0]));
        json_object_set_new(x->nodes, number, facts);
        for (size_t k = 0; old && k < n->n_outputs && k < old->n_outputs; k++)
            if (*n->outputs[k] && *old->outputs[k])
                json_object_set_new(x->values, n->outputs[k], json_string(old->outputs[k]));
    }
}

static bool tells_sizes(const json_t *shape)
{
    const json_t *size;
    size_t i;
    json_array_foreach(shape, i, size)
        if (!json_is_integer(size))
            return false;
    return json_is_array(shape);
}

/* Type and shape of a value that the model does not declare, as a run had them. */
static void add_known_type(const struct names *x, json_t *value, const char *name)
{
    const json_t *own = json_object_get(x->types, name),
                 *before = json_object_get(x->s->inputs, known_name(x, name)),
                 *dtype = own          ? json_object_get(own, "type")
                          : x->retyped ? NULL
                                       : json_object_get(before, "dtype"),
                 *shape = own          ? json_object_get(own, "shape")
                          : x->resized ? NULL
                                       : json_object_get(before, "shape");
    if (!json_object_get(value, "type") && json_is_string(dtype))
        json_object_set_new(value, "type", json_copy((json_t *)(uintptr_t)dtype));
    if ((!json_object_get(value, "shape") || (own && !tells_sizes(json_object_get(value, "shape")))) &&
        json_is_array(shape))
        json_object_set_new(value, "shape", json_deep_copy(shape));
}

/* What the model leaves open of an input is what it is fed with. */
static void add_fed_shape(json_t *input, const json_t *fed)
{
    json_t *shape = json_object_get(input, "shape"), *size;
    size_t i;
    if (!json_is_array(fed) || (json_is_array(shape) && json_array_size(shape) != json_array_size(fed)))
        return;
    if (!json_is_array(shape))
        json_object_set_new(input, "shape", json_deep_copy(fed));
    else
        json_array_foreach(shape, i, size)
            if (json_is_null(size))
                json_array_set(shape, i, json_array_get(fed, i));
}

/* Where the values of an input come from. */
static void add_source(const struct names *x, json_t *input)
{
    const char *name = json_string_value(json_object_get(input, "name")), *known = known_name(x, name);
    const json_t *instead = json_object_get(x->k->instead, known),
                 *own = json_object_get(x->s->inputs, known),
                 *fed = json_object_get(instead ? instead : own, "dtype");
    const bool recorded = json_is_true(json_object_get(own, "recorded"));
    if (strcmp(known, name) != 0)
        json_object_set_new(input, "original", json_string(known));
    add_fed_shape(input, json_object_get(instead ? instead : own, "shape"));
    if (!json_object_get(input, "type") && json_is_string(fed))
        json_object_set_new(input, "type", json_copy((json_t *)(uintptr_t)fed));
    if (instead)
        tl_reduce_outline_input(x->s, instead, recorded, input);
    else if (recorded)
        json_object_set_new(input, "recorded", json_true());
}

/* Whether a number is in "0-4,7". */
static bool is_in_set(const char *set, json_int_t number)
{
    while (set && *set) {
        char *end;
        long long first = strtoll(set, &end, 10), last = *end == '-' ? strtoll(end + 1, &end, 10) : first;
        if (number >= first && number <= last)
            return true;
        if (end == set || *end != ',')
            return false;
        set = end + 1;
    }
    return false;
}

/* What a weight was filled with; else it holds the values of the original, if it is one of that. */
static void add_weight_source(const struct names *x, json_t *weight)
{
    json_int_t number = json_integer_value(json_object_get(weight, "number"));
    bool known = json_object_get(weight, "number") != NULL;
    const json_t *edit, *with = NULL;
    size_t i;
    json_object_del(weight, "number");
    json_array_foreach(x->k->edits.list, i, edit) {
        const json_t *fill = json_object_get(edit, "fill");
        if (!known || !is_in_set(json_string_value(json_object_get(fill, "tensors")), number))
            continue;
        if (!json_object_get(
                fill,
                "keep")) /* which leaves what was there, the original's or what an edit before it made */
            with = json_object_get(fill, "with");
    }
    if (json_is_string(with))
        json_object_set_new(weight, "filled", json_copy((json_t *)(uintptr_t)with));
    else if (known) {
        json_object_set_new(weight, "owner", json_true());
        tl_reduce_outline_weight(x->s, x->original, x->m, (uint32_t)number, weight);
    }
    for (i = 0; known && i < x->n_weights; i++)
        if (x->weights[i].number == (uint32_t)number && x->weights[i].name && *x->weights[i].name &&
            strcmp(x->weights[i].name, json_string_value(json_object_get(weight, "name"))) != 0)
            json_object_set_new(weight, "original", json_string(x->weights[i].name));
}

static void add_facts(const struct names *x, json_t *graph, bool main_graph)
{
    json_t *node, *body, *name, *input, *weight, *values = json_object_get(graph, "values");
    size_t i, k;
    json_array_foreach(json_object_get(graph, "weights"), i, weight)
        add_weight_source(x, weight);
    if (main_graph)
        json_array_foreach(json_object_get(graph, "inputs"), i, input)
            add_source(x, input);
    json_array_foreach(json_object_get(graph, "nodes"), i, node) {
        char number[24];
        snprintf(number, sizeof number, "%lld",
                 (long long)json_integer_value(json_object_get(node, "number")));
        json_object_update(node, json_object_get(x->nodes, number));
        json_object_del(node, "number");
        json_array_foreach(json_object_get(node, "outputs"), k, name) {
            const char *text = json_string_value(name);
            json_t *value = json_object_get(values, text);
            if (!*text)
                continue;
            if (!value) {
                value = json_object();
                json_object_set_new(values, text, value);
            }
            json_object_del(value, "name");
            add_known_type(x, value, text);
            if (strcmp(text, known_name(x, text)) != 0)
                json_object_set_new(value, "original", json_string(known_name(x, text)));
        }
        json_array_foreach(json_object_get(node, "bodies"), k, body)
            add_facts(x, body, false);
    }
}

static void collect_used(const json_t *graph, json_t *used)
{
    const json_t *node, *body, *name;
    size_t i, k;
    json_array_foreach(json_object_get(graph, "nodes"), i, node) {
        json_array_foreach(json_object_get(node, "inputs"), k, name)
            json_object_set_new(used, json_string_value(name), json_true());
        json_array_foreach(json_object_get(node, "outputs"), k, name)
            json_object_set_new(used, json_string_value(name), json_true());
        json_array_foreach(json_object_get(node, "bodies"), k, body)
            collect_used(body, used);
    }
    json_array_foreach(json_object_get(graph, "outputs"), i, name)
        json_object_set_new(used, json_string_value(json_object_get(name, "name")), json_true());
}

/* Weights and declarations that nothing drawn has need of. */
static void drop_unused(json_t *graph)
{
    static const char *const lists[] = {"weights", "inputs"};
    json_t *used = json_object(), *value;
    const char *name;
    void *next;
    collect_used(graph, used);
    for (size_t l = 0; l < TL_COUNT(lists); l++) {
        json_t *list = json_object_get(graph, lists[l]);
        for (size_t i = json_array_size(list); i-- > 0;)
            if (!json_object_get(used, json_string_value(json_object_get(json_array_get(list, i), "name"))))
                json_array_remove(list, i);
    }
    json_object_foreach_safe(json_object_get(graph, "values"), next, name, value)
        if (!json_object_get(used, name))
            json_object_del(json_object_get(graph, "values"), name);
    json_decref(used);
}

/* The prefix that was found ends with the node at which the failure does. */
static bool knows_the_end(const struct tl_reduce_state *s, const json_t *nodes)
{
    const json_t *step;
    size_t i;
    if (json_array_size(nodes) == 1)
        return true;
    json_array_foreach(s->steps, i, step)
        if (!strcmp(json_string_value(json_object_get(step, "step")), "outputs"))
            return true;
    return false;
}

json_t *tl_reduce_outline(struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_error ignored;
    struct tl_onnx_model *original = NULL, *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_node_facts *before = NULL, *now = NULL;
    struct tl_onnx_weight *weights = NULL;
    struct names x = {.s = s,
                      .k = k,
                      .nodes = json_object(),
                      .values = json_object(),
                      .resized = tl_reduce_resized(k),
                      .retyped = tl_reduce_retyped(k)};
    json_t *graph = NULL;
    if (tl_reduce_outline_types(s, k, &x.types, &ignored))
        x.types = NULL; /* what is not known is not said */
    if (m && !tl_onnx_model_read(s->bytes, s->size, s->r->c->model_file, &original, &ignored)) {
        tl_onnx_nodes(original, &before, &x.n_before);
        tl_onnx_nodes(m, &now, &x.n_now);
        tl_onnx_weights(original, &weights, &x.n_weights);
        x.weights = weights;
        x.original = original;
        x.m = m;
        x.before = before;
        x.now = now;
        learn_names(&x, before);
        graph = tl_onnx_outline(m, NODES_MOST);
        add_facts(&x, graph, true);
        drop_unused(graph);
        json_t *nodes = json_object_get(graph, "nodes");
        if (knows_the_end(s, nodes))
            json_object_set_new(json_array_get(nodes, json_array_size(nodes) - 1), "marked", json_true());
    }
    json_decref(x.nodes);
    json_decref(x.values);
    json_decref(x.types);
    free(weights);
    free(before);
    free(now);
    tl_onnx_model_free(original);
    tl_onnx_model_free(m);
    return graph ? graph : json_null();
}

/* "1, 0" */
static char *numbers_text(const json_t *values)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *value;
    size_t i;
    json_array_foreach(values, i, value) {
        char *text = tl_reduce_number_text(value);
        tl_buffer_printf(&b, "%s%.24s", i ? ", " : "", text);
        free(text);
    }
    return b.data ? tl_buffer_take(&b) : NULL;
}

/* Where it says how many elements there are: as the files have it, where that is known. */
static const char *left_or_all(const json_t *kept)
{
    return json_object_get(kept, "left") ? "left" : "elements";
}

/* What one holds of which some elements matter, where these are none of the original's. */
static void add_holds(json_t *value, const json_t *kept)
{
    const json_t *values = json_object_get(kept, "values");
    const json_int_t n = json_integer_value(json_object_get(kept, "kept")),
                     left = json_integer_value(json_object_get(kept, left_or_all(kept)));
    const char *others = left > n ? json_string_value(json_object_get(kept, "others")) : NULL;
    if (!json_is_true(json_object_get(kept, "owner")))
        json_object_del(value, "owner");
    char *numbers = json_array_size(values) == (size_t)n && n <= HELD_SHOWN ? numbers_text(values) : NULL;
    if (json_is_true(json_object_get(kept, "owner")) || !n || (!others && n != left))
        ;
    else if (!others && numbers)
        json_object_set_new(value, "holds", json_sprintf("= %s", numbers));
    else if (others)
        json_object_set_new(value, "holds",
                            json_sprintf("%s but for %lld element%s%s%s", others, (long long)n,
                                         n == 1 ? "" : "s", numbers ? ": " : "", numbers ? numbers : ""));
    free(numbers);
}

void tl_reduce_outline_values(json_t *graph, const json_t *kept_values)
{
    static const char *const lists[][2] = {{"inputs", "input"}, {"weights", "weight"}};
    json_t *value;
    const json_t *kept;
    size_t i, k;
    for (size_t l = 0; l < TL_COUNT(lists); l++)
        json_array_foreach(json_object_get(graph, lists[l][0]), i, value) {
            const char *original = json_string_value(json_object_get(value, "original")),
                       *name = original ? original : json_string_value(json_object_get(value, "name"));
            json_array_foreach(kept_values, k, kept) {
                const char *kind = json_string_value(json_object_get(kept, "kind")),
                           *whose = json_string_value(json_object_get(kept, "name"));
                if (name && kind && whose && !strcmp(kind, lists[l][1]) && !strcmp(name, whose))
                    add_holds(value, kept);
            }
        }
}

static void add_files(json_t *graph, const struct tl_onnx_weight *weights, size_t n)
{
    json_t *one, *body;
    size_t i, k;
    json_array_foreach(json_object_get(graph, "weights"), i, one)
        for (k = 0; k < n; k++)
            if (weights[k].location && weights[k].name &&
                !strcmp(weights[k].name, json_string_value(json_object_get(one, "name"))))
                json_object_set_new(one, "file", json_string(weights[k].location));
    json_array_foreach(json_object_get(graph, "nodes"), i, one)
        json_array_foreach(json_object_get(one, "bodies"), k, body)
            add_files(body, weights, n);
}

void tl_reduce_outline_files(json_t *graph, const char *directory, const char *name)
{
    char *path = tl_format("%s/%s", directory, name);
    struct tl_onnx_model *m = NULL;
    struct tl_onnx_weight *weights = NULL;
    struct tl_error ignored;
    size_t size, n = 0;
    char *bytes = json_is_object(graph) ? tl_read_file(path, MODEL_MOST, &size) : NULL;
    if (bytes && !tl_onnx_model_read(bytes, size, path, &m, &ignored))
        tl_onnx_weights(m, &weights, &n);
    add_files(graph, weights, n);
    free(weights);
    tl_onnx_model_free(m);
    free(bytes);
    free(path);
}
