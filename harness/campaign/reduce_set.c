/* The nodes in between, as a set (harness/search/subset.h): those before the last one, which always stays.
 *
 * The set is minimised in two ways, for two models. In the one that is fed from the original's inputs only a node leaves by
 * handing an operand of the same type and shape to those that read its output; nodes for which there is none leave only where
 * nothing needs them any more. In the other one, which is searched where the last node does not fail alone, what the nodes
 * that left had made becomes inputs, with the values that were recorded: that is always a model of the right types. */
#include "harness/campaign/reduce_parts.h"

#include "cases/onnx/graph_names.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "harness/search/bypass.h"
#include "harness/search/subset.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS_MOST 100 /* of branches in branches */

struct value {
    const char *name;
    size_t maker; /* place of a node, or TL_ONNX_NO_NAME: an input */
    size_t n_readers;
    size_t *readers; /* places of nodes */
    char *type;      /* and shape, as recorded; NULL */
};

/* The model before this pass, as a graph of places in its order. */
struct graph {
    struct tl_onnx_model *m;
    size_t n;                       /* nodes of the main graph */
    struct tl_onnx_node_facts *all; /* those in bodies, too */
    const struct tl_onnx_node_facts **nodes;
    size_t n_values;
    struct value *values;
    struct tl_onnx_names places; /* of values */
    /* What each bypass would be: of the outputs of node i, ways[i][k] is an input, or it cannot leave so. */
    bool *leaves;
    size_t n_elements, *elements; /* places of the nodes that may leave in this search */
    bool *kept;                   /* of all nodes */
    bool
        typed; /* types and shapes are known; else the first operand that is no constant is tried, and the runtime judges */
};

static void release(struct graph *g)
{
    for (size_t i = 0; i < g->n_values; i++) {
        free(g->values[i].readers);
        free(g->values[i].type);
    }
    free(g->values);
    tl_onnx_names_free(&g->places);
    free(g->elements);
    free(g->leaves);
    free(g->kept);
    free(g->nodes);
    free(g->all);
    tl_onnx_model_free(g->m);
}

static char *type_of(const struct tl_reduce_state *s, const char *name)
{
    const json_t *input = json_object_get(s->inputs, name), *shape = json_object_get(input, "shape");
    const char *dtype = json_string_value(json_object_get(input, "dtype"));
    char *dims = shape ? json_dumps(shape, JSON_COMPACT) : NULL;
    char *type = dtype && dims ? tl_format("%s%s", dtype, dims) : NULL;
    free(dims);
    return type;
}

static void add_value(struct graph *g, const char *name, size_t maker)
{
    if (*name && tl_onnx_names_add(&g->places, name, g->n_values))
        *TL_GROW(g->values, g->n_values) = (struct value){.name = name, .maker = maker};
}

static bool names_input(const json_t *inputs, const char *name)
{
    const json_t *input;
    size_t i;
    json_array_foreach(inputs, i, input)
        if (!strcmp(json_string_value(input), name))
            return true;
    return false;
}

static int read_graph(const struct tl_reduce_state *s, struct graph *g, struct tl_error *e)
{
    uint32_t *order = NULL;
    size_t n_all = 0;
    *g = (struct graph){0};
    if (!(g->m = tl_reduce_load(s, &s->now, e)))
        return -1;
    tl_onnx_nodes(g->m, &g->all, &n_all);
    tl_onnx_order(g->m, &order, &g->n);
    g->nodes = tl_calloc(g->n + 1, sizeof *g->nodes);
    g->leaves = tl_calloc(g->n + 1, sizeof *g->leaves);
    g->kept = tl_calloc(g->n + 1, sizeof *g->kept);
    g->elements = tl_calloc(g->n + 1, sizeof *g->elements);
    uint32_t highest = 0;
    for (size_t i = 0; i < n_all; i++)
        highest = g->all[i].number > highest ? g->all[i].number : highest;
    const struct tl_onnx_node_facts **by_number = tl_calloc((size_t)highest + 2, sizeof *by_number);
    size_t *place = tl_calloc((size_t)highest + 2, sizeof *place);
    for (size_t i = 0; i < n_all; i++)
        by_number[g->all[i].number] = &g->all[i];
    for (size_t i = 0; i < g->n; i++) {
        g->nodes[i] = by_number[order[i]];
        place[order[i]] = i + 1;
    }
    json_t *inputs = tl_reduce_inputs(s, &s->now); /* those of strings are in no list of values */
    for (size_t i = 0; i < g->n; i++)
        for (size_t k = 0; k < g->nodes[i]->n_outputs; k++)
            add_value(g, g->nodes[i]->outputs[k], i);
    for (size_t i = 0; i < g->n; i++)
        for (size_t k = 0; k < g->nodes[i]->n_inputs; k++)
            if (json_object_get(s->inputs, g->nodes[i]->inputs[k]) ||
                names_input(inputs, g->nodes[i]->inputs[k]))
                add_value(g, g->nodes[i]->inputs[k], TL_ONNX_NO_NAME);
    json_decref(inputs);
    for (size_t i = 0; i < g->n_values; i++) {
        struct value *v = &g->values[i];
        uint32_t *readers = NULL;
        size_t n = 0;
        tl_onnx_readers(g->m, v->name, &readers, &n);
        v->readers = tl_calloc(n + 1, sizeof *v->readers);
        for (size_t k = 0; k < n; k++)
            if (readers[k] <= highest && place[readers[k]])
                v->readers[v->n_readers++] = place[readers[k]] - 1;
        free(readers);
    }
    free(place);
    free(by_number);
    free(order);
    return g->n ? 0 : tl_fail(e, TL_ERROR_INPUT, "cannot reduce it", s->r->c->model_file, "it has no nodes");
}

static void learn_types(const struct tl_reduce_state *s, struct graph *g)
{
    for (size_t i = 0; i < g->n_values; i++) {
        free(g->values[i].type);
        g->values[i].type = type_of(s, g->values[i].name);
    }
}

static const struct value *value_of(const struct graph *g, const char *name)
{
    size_t at = *name ? tl_onnx_names_get(&g->places, name) : TL_ONNX_NO_NAME;
    return at == TL_ONNX_NO_NAME ? NULL : &g->values[at];
}

/* The input that is handed on for an output, or TL_BYPASS_NONE. */
static size_t way_of(const struct graph *g, size_t node, size_t output)
{
    const struct tl_onnx_node_facts *facts = g->nodes[node];
    const struct value *made = value_of(g, facts->outputs[output]);
    struct tl_bypass_operand *operands = tl_calloc(facts->n_inputs + 1, sizeof *operands);
    for (size_t i = 0; i < facts->n_inputs; i++) {
        const struct value *v = value_of(g, facts->inputs[i]);
        operands[i].type = !v ? NULL : g->typed ? v->type : "";
        operands[i].depth = !v ? TL_BYPASS_NONE : v->maker == TL_ONNX_NO_NAME ? 0 : v->maker + 1;
    }
    for (size_t i = 1; !g->typed && i < facts->n_inputs; i++)
        if (operands[i - 1].depth != TL_BYPASS_NONE)
            operands[i].depth = TL_BYPASS_NONE;
    size_t way =
        made ? tl_bypass_choose(g->typed ? made->type : "", operands, facts->n_inputs) : TL_BYPASS_NONE;
    free(operands);
    return way;
}

static void find_elements(struct graph *g, bool by_bypass)
{
    g->n_elements = 0;
    for (size_t i = 0; i + 1 < g->n; i++) {
        bool leaves = true;
        for (size_t k = 0; by_bypass && leaves && k < g->nodes[i]->n_outputs; k++) {
            const struct value *v = value_of(g, g->nodes[i]->outputs[k]);
            leaves = !v || !v->n_readers || way_of(g, i, k) != TL_BYPASS_NONE;
        }
        g->leaves[i] = leaves;
        if (leaves)
            g->elements[g->n_elements++] = i;
    }
}

/* What stands for a value when nodes have left: what the first kept one of those that it is handed on from makes. NULL: an
 * input, or nothing. */
static const struct value *kept_for(const struct graph *g, const struct value *v)
{
    while (v && v->maker != TL_ONNX_NO_NAME && !g->kept[v->maker]) {
        const struct tl_onnx_node_facts *facts = g->nodes[v->maker];
        size_t way = TL_BYPASS_NONE;
        for (size_t o = 0; o < facts->n_outputs; o++)
            if (!strcmp(facts->outputs[o], v->name))
                way = way_of(g, v->maker, o);
        v = way == TL_BYPASS_NONE ? NULL : value_of(g, facts->inputs[way]);
    }
    return v && v->maker != TL_ONNX_NO_NAME ? v : NULL;
}

/* The outputs of the model hold their nodes: of a node that leaves, what it hands on is the output. */
static void move_outputs(const struct graph *g, struct tl_reduce_candidate *k)
{
    const char **old = NULL, **names;
    size_t n_old = 0, n = 0;
    bool moved = false;
    tl_onnx_outputs(g->m, &old, &n_old);
    names = tl_calloc(n_old + 1, sizeof *names);
    for (size_t i = 0; i < n_old; i++) {
        const struct value *own = value_of(g, old[i]), *v = kept_for(g, own);
        bool there = false;
        moved = moved || v != own;
        for (size_t at = 0; v && at < n; at++)
            there = there || !strcmp(names[at], v->name);
        if (v && !there)
            names[n++] = v->name;
    }
    if (moved && n)
        tl_onnx_edit_outputs(&k->edits, names, n);
    free(names);
    free(old);
}

static bool bypass_others(const struct graph *g, struct tl_reduce_candidate *k)
{
    struct tl_onnx_way *list = NULL;
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        for (size_t o = 0; !g->kept[i] && o < g->nodes[i]->n_outputs; o++) {
            const struct value *v = value_of(g, g->nodes[i]->outputs[o]);
            if (v && v->n_readers)
                *TL_GROW(list, n) = (struct tl_onnx_way){
                    .node = g->nodes[i]->number, .input = (uint32_t)way_of(g, i, o), .output = (uint32_t)o};
        }
    if (n)
        tl_onnx_edit_bypass(&k->edits, list, n);
    move_outputs(g, k);
    free(list);
    return true;
}

/* What the last node makes, and what kept nodes make for none that is kept: else they would leave with those that read it. */
static void keep_ends(const struct graph *g, struct tl_reduce_candidate *k)
{
    const char **names = tl_calloc(g->n_values + 1, sizeof *names);
    size_t n = 0;
    bool others = false;
    for (size_t i = 0; i < g->n_values; i++) {
        const struct value *v = &g->values[i];
        bool read = false, last = v->maker == g->n - 1;
        for (size_t r = 0; r < v->n_readers && !read; r++)
            read = g->kept[v->readers[r]];
        if (v->maker == TL_ONNX_NO_NAME || !g->kept[v->maker] || (read && !last))
            continue;
        others = others || !last;
        names[n++] = v->name;
    }
    if (others)
        tl_onnx_edit_outputs(&k->edits, names, n);
    free(names);
}

static bool begin_at_others(const struct tl_reduce_state *s, const struct graph *g,
                            struct tl_reduce_candidate *k)
{
    const char **names = tl_calloc(g->n_values + 1, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < g->n_values; i++) {
        const struct value *v = &g->values[i];
        bool read = false;
        for (size_t r = 0; r < v->n_readers && !read; r++)
            read = g->kept[v->readers[r]];
        if (read && v->maker != TL_ONNX_NO_NAME && !g->kept[v->maker])
            names[n++] = v->name;
    }
    keep_ends(g, k);
    bool known = tl_reduce_begin_at(s, k, names, n);
    free(names);
    return known;
}

/* Which elements of a test are kept; all that are none are. */
static void keep(struct graph *g, const struct tl_subset_range *ranges, size_t n)
{
    for (size_t i = 0; i < g->n; i++)
        g->kept[i] = true;
    for (size_t i = 0; i < g->n_elements; i++)
        g->kept[g->elements[i]] = false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = ranges[i].first; k <= ranges[i].last && k < g->n_elements; k++)
            g->kept[g->elements[k]] = true;
}

static enum tl_subset_outcome outcome_of(enum tl_reduce_verdict v)
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

/* Minimises the elements; the smallest part that failed becomes *to. *minimal: each of its nodes was taken away alone. */
static int search(struct tl_reduce_state *s, struct graph *g, bool by_bypass, bool empty_passes,
                  struct tl_reduce_candidate *to, bool *minimal, size_t *kept, struct tl_error *e)
{
    const struct tl_subset_options options = {
        .n = g->n_elements, .rate = 1, .empty_passes = empty_passes, .seed = 1};
    struct tl_subset *set = tl_subset_new(&options);
    struct tl_subset_test test;
    int result = 0;
    while (!result && !s->stopped && tl_subset_next(set, &test) == TL_SUBSET_TEST) {
        enum tl_reduce_verdict v = TL_REDUCE_INVALID;
        struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
        char more[80];
        keep(g, test.ranges, test.n_ranges);
        snprintf(more, sizeof more, "%zu kept, %zu open", test.kept, tl_subset_undecided(set));
        tl_reduce_tell(s, more);
        if (test.kept == g->n_elements)
            v = TL_REDUCE_FAIL; /* that is the model before */
        else if (by_bypass ? bypass_others(g, &k) : begin_at_others(s, g, &k))
            result = tl_reduce_try(s, &k, &v, e);
        if (!result && !s->stopped)
            tl_subset_tell(set, test.id, outcome_of(v));
        tl_reduce_drop(&k);
    }
    const struct tl_subset_result *r = tl_subset_result(set);
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    *minimal = r->done && r->minimal && !s->stopped;
    *kept = r->kept;
    if (r->kept < g->n_elements && !result) {
        keep(g, r->ranges, r->n_ranges);
        if (by_bypass ? bypass_others(g, &k) : begin_at_others(s, g, &k))
            tl_reduce_take(to, &k);
    }
    tl_reduce_drop(&k);
    tl_subset_free(set);
    return result;
}

/* All values of the nodes before the last, which have to be known for what leaves and for what becomes an input. */
static int record_all(struct tl_reduce_state *s, struct graph *g, bool *all, struct tl_error *e)
{
    const char **names = tl_calloc(g->n_values + 1, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < g->n_values; i++)
        if (g->values[i].maker != TL_ONNX_NO_NAME && g->values[i].maker + 1 < g->n)
            names[n++] = g->values[i].name;
    tl_reduce_tell(s, "recording");
    int result = tl_reduce_record(s, &s->now, names, n, all, e);
    learn_types(s, g);
    free(names);
    return result;
}

/* Of the main graph. */
static size_t nodes_of(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    uint32_t *order = NULL;
    size_t n = 0;
    if (m)
        tl_onnx_order(m, &order, &n);
    free(order);
    tl_onnx_model_free(m);
    return n;
}

/* Every If of the main graph becomes the branch that ran, by its recorded condition; as often as there are some in those.
 * *all: every value is known of what is left. */
static int open_branches(struct tl_reduce_state *s, struct graph *g, bool *all, struct tl_error *e)
{
    int result = 0;
    bool opened = true;
    for (int level = 0; level < LEVELS_MOST && opened && *all && !result && !s->stopped; level++) {
        struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
        enum tl_reduce_verdict v = TL_REDUCE_INVALID;
        json_t *list = json_array();
        for (size_t i = 0; i < g->n; i++)
            if (!strcmp(g->nodes[i]->op_type, "If") && !*g->nodes[i]->domain && g->nodes[i]->n_inputs)
                json_array_append_new(list, json_pack("[I,i]", (json_int_t)g->nodes[i]->number,
                                                      (int)tl_reduce_condition(s, g->nodes[i]->inputs[0])));
        opened = json_array_size(list) > 0;
        if (opened) {
            tl_onnx_edits_add(&k.edits, "branch", list);
            result = tl_reduce_try(s, &k, &v, e);
        } else {
            json_decref(list);
        }
        opened = opened && !result && v == TL_REDUCE_FAIL;
        if (opened) {
            tl_reduce_take(&s->now, &k);
            release(g);
            result = read_graph(s, g, e) || record_all(s, g, all, e) ? -1 : 0;
        }
        tl_reduce_drop(&k);
    }
    return result;
}

int tl_reduce_between(struct tl_reduce_state *s, bool alone, struct tl_error *e)
{
    struct graph g;
    struct tl_reduce_candidate smaller = {0};
    size_t kept = 0, before;
    bool all = false, shown;
    s->structural_minimal = s->model_minimal = true;
    if (read_graph(s, &g, e))
        return -1;
    if (g.n == 1) {
        release(&g);
        return 0;
    }
    tl_reduce_step(s, "between");
    int result = record_all(s, &g, &all, e);
    if (!result && all)
        result = open_branches(s, &g, &all, e);
    g.typed = all;
    /* The one with recorded values first: where it is small, the other one often is, too. */
    if (!result && !alone && all && !s->stopped) {
        s->model_minimal = false;
        find_elements(&g, false);
        result = search(s, &g, false, true, &s->model, &s->model_minimal, &kept, e);
        s->recorded = s->model.edits.list != NULL;
    }
    if (!result && !s->stopped) {
        tl_reduce_step(s, "structural");
        s->structural_minimal = false;
        find_elements(&g, true);
        if (g.n_elements)
            result = search(s, &g, true, false, &smaller, &s->structural_minimal, &kept, e);
    }
    if (smaller.edits.list)
        tl_reduce_take(&s->now, &smaller);
    /* Whether a node that hands nothing on is needed was not tried. */
    s->structural_minimal = s->structural_minimal && nodes_of(s, &s->now) <= kept + 1;
    tl_reduce_drop(&smaller);
    /* What takes as many nodes as the smallest one with recorded values, of which each was taken away alone. */
    before = s->model.edits.list ? nodes_of(s, &s->model) : g.n;
    shown = (alone || all) && s->model_minimal && !s->stopped;
    s->structural_minimal = s->structural_minimal || (shown && nodes_of(s, &s->now) == before);
    release(&g);
    /* No recorded values are needed where they make nothing smaller. */
    if (s->recorded && tl_reduce_count(s, &s->now) <= tl_reduce_count(s, &s->model)) {
        tl_reduce_drop(&s->model);
        s->recorded = false;
    }
    s->nodes = tl_reduce_count(s, s->model.edits.list ? &s->model : &s->now);
    s->structural_minimal = s->structural_minimal && !s->stopped;
    s->model_minimal = s->model_minimal && !s->stopped;
    return result;
}
