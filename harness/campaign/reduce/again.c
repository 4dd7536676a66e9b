/* The few nodes that are left, once values, sizes and types are what they become. What was needed before may be needed no more: a
 * Cast of what is a float by now hands on what goes into it, a Transpose of one element changes nothing, and of zeros many nodes
 * make zeros. So each node is taken away alone once more, and the runtime judges: what reads it gets one of its operands, or
 * another value that is made before it and holds the same, or is of the same type. For that the values are recorded anew. In the
 * model that may be fed with recorded values what it makes becomes an input, too. One that nobody reads leaves with its outputs.
 * What ends one node earlier is tried as well. */
#include "harness/campaign/reduce/graph.h"
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MOST 20
#define WAYS_MOST 4    /* that are tried of one node */
#define TRIALS_MOST 80 /* of all */

/* The one output of a node that is read, or that is an output of the model; false: there are none, or more. */
static bool only_output(const struct tl_reduce_graph *g, size_t node, uint32_t *output)
{
    const struct tl_onnx_node_facts *facts = g->nodes[node];
    size_t n = 0;
    for (size_t i = 0; i < facts->n_outputs; i++) {
        const struct tl_reduce_value *v = tl_reduce_graph_value(g, facts->outputs[i]);
        if (v && v->n_readers) {
            *output = (uint32_t)i;
            n++;
        }
    }
    return n == 1;
}

static bool is_made_by(const struct tl_onnx_node_facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->n_outputs; i++)
        if (!strcmp(facts->outputs[i], name))
            return true;
    return false;
}

/* A node that nobody reads stays for outputs of the model alone: without those it leaves, and what leads to it does. *tried: it is
 * such a node, and there are other outputs. */
static int without_outputs(struct tl_reduce_state *s, const struct tl_reduce_graph *g, size_t node,
                           struct tl_reduce_candidate *k, bool *tried, bool *left, bool *needed,
                           struct tl_error *e)
{
    const struct tl_onnx_node_facts *facts = g->nodes[node];
    const char **outputs = NULL;
    size_t n = 0, kept = 0;
    int result = 0;
    bool read = false;
    for (size_t i = 0; i < facts->n_outputs && !read; i++) {
        const struct tl_reduce_value *v = tl_reduce_graph_value(g, facts->outputs[i]);
        read = v && v->n_readers;
    }
    tl_onnx_outputs(g->m, &outputs, &n);
    for (size_t i = 0; i < n; i++)
        if (!is_made_by(facts, outputs[i]))
            outputs[kept++] = outputs[i];
    *tried = !read && kept && kept < n;
    if (*tried) {
        struct tl_reduce_candidate less = tl_reduce_copy(k);
        enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
        tl_reduce_tell(s, facts->op_type);
        tl_onnx_edit_outputs(&less.edits, outputs, kept);
        result = tl_reduce_try(s, &less, &verdict, e);
        *left = !result && verdict == TL_REDUCE_FAIL;
        *needed = verdict == TL_REDUCE_PASS || verdict == TL_REDUCE_OTHER;
        if (*left)
            tl_reduce_take(k, &less);
        tl_reduce_drop(&less);
    }
    free(outputs);
    return result;
}

/* Takes one node away; *needed stays false where nothing that was tried is a model. */
struct leaving {
    struct tl_reduce_state *s;
    const struct tl_reduce_graph *g;
    size_t node;
    struct tl_reduce_candidate *k; /* becomes what fails */
    struct tl_reduce_values *v;
    bool left, needed;
};

static int attempt(struct leaving *x, struct tl_reduce_candidate *less, struct tl_error *e)
{
    enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
    tl_reduce_tell(x->s, x->g->nodes[x->node]->op_type);
    int result = tl_reduce_try(x->s, less, &verdict, e);
    x->left = !result && verdict == TL_REDUCE_FAIL;
    x->needed = x->needed || verdict == TL_REDUCE_PASS || verdict == TL_REDUCE_OTHER;
    if (x->left)
        tl_reduce_take(x->k, less);
    return result;
}

/* What it may hand on: its operands, then what is equal, or of the same type. How many. */
static size_t ways_of(const struct tl_reduce_graph *g, const struct tl_onnx_node_facts *facts,
                      const struct tl_reduce_value *made, const struct tl_reduce_value *ways[WAYS_MOST])
{
    const struct tl_reduce_value *list[WAYS_MOST * 2], *others[WAYS_MOST];
    size_t n = 0, n_list = 0,
           n_others = g->ways && made->type ? tl_reduce_graph_others(g, made, others, WAYS_MOST - 1) : 0;
    for (size_t i = 0; i < facts->n_inputs && n_list < 2; i++) {
        const struct tl_reduce_value *v = tl_reduce_graph_value(g, facts->inputs[i]);
        if (v && v->fixed == made->fixed) /* a session computes what is fixed, and a run the rest */
            list[n_list++] = v;
    }
    if (g->ways && g->ways[made - g->values])
        list[n_list++] = g->ways[made - g->values];
    for (size_t i = 0; i < n_others; i++)
        list[n_list++] = others[i];
    for (size_t i = 0; i < n_list && n < WAYS_MOST; i++) {
        bool there = false;
        for (size_t at = 0; at < n; at++)
            there = there || ways[at] == list[i];
        if (!there)
            ways[n++] = list[i];
    }
    return n;
}

static int by_another_value(struct leaving *x, struct tl_error *e)
{
    const struct tl_onnx_node_facts *facts = x->g->nodes[x->node];
    const struct tl_reduce_value *ways[WAYS_MOST];
    uint32_t output = 0;
    int result = 0;
    if (!only_output(x->g, x->node, &output))
        return 0;
    size_t n = ways_of(x->g, facts, tl_reduce_graph_value(x->g, facts->outputs[output]), ways);
    for (size_t i = 0; i < n && !x->left && !result && !x->s->stopped; i++) {
        const struct tl_onnx_way way = {.node = facts->number, .from = ways[i]->name, .output = output};
        struct tl_reduce_candidate less = tl_reduce_copy(x->k);
        tl_onnx_edit_bypass(&less.edits, &way, 1);
        result = attempt(x, &less, e);
        tl_reduce_drop(&less);
    }
    return result;
}

/* An input that was recorded becomes zeros or ones, where it fails with those as well. */
static int fill_input(struct leaving *x, const char *name, struct tl_error *e)
{
    const json_t *now = tl_reduce_input_now(x->s, x->k, name), *dim;
    struct tl_reduce_tensor t = {.name = tl_strdup(name), .elements = 1, .random = true, .with = -1};
    int result = 0;
    size_t i;
    for (i = 0; i < x->v->n; i++) /* else it was made of nothing of the original's */
        t.random = t.random && !tl_reduce_values_keeps(&x->v->list[i]);
    t.type = (int)tl_dtype_parse(json_string_value(json_object_get(now, "dtype")));
    t.is_float = tl_dtype_is_float((enum tl_dtype)t.type);
    json_array_foreach(json_object_get(now, "shape"), i, dim) {
        t.dims[t.rank] = t.now[t.rank] = json_integer_value(dim);
        t.elements *= (uint64_t)t.dims[t.rank++];
    }
    for (int f = tl_reduce_first_fill(x->s); f < 2 && t.with < 0 && !result && !x->s->stopped; f++) {
        struct tl_reduce_candidate filled = tl_reduce_copy(x->k);
        enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
        tl_reduce_set_input(&filled, name,
                            json_pack("{s:s,s:O,s:O,s:{s:o}}", "name", name, "dtype",
                                      json_object_get(now, "dtype"), "shape", json_object_get(now, "shape"),
                                      "fill", "constant",
                                      t.type == TL_DTYPE_BOOL ? json_boolean(f) : json_integer(f)));
        result = tl_reduce_try(x->s, &filled, &verdict, e);
        if (!result && verdict == TL_REDUCE_FAIL) {
            t.with = f;
            t.random = false;
            tl_reduce_take(x->k, &filled);
            now = NULL;
        }
        tl_reduce_drop(&filled);
    }
    *TL_GROW(x->v->list, x->v->n) = t;
    return result;
}

/* What it makes is an input, with the values that were recorded. */
static int by_an_input(struct leaving *x, struct tl_error *e)
{
    const struct tl_onnx_node_facts *facts = x->g->nodes[x->node];
    const char **names = tl_calloc(facts->n_outputs + 1, sizeof *names);
    struct tl_reduce_candidate less = tl_reduce_copy(x->k);
    size_t n = 0;
    for (size_t i = 0; i < facts->n_outputs; i++) {
        const struct tl_reduce_value *v = tl_reduce_graph_value(x->g, facts->outputs[i]);
        if (v && v->n_readers)
            names[n++] = v->name;
    }
    int result = 0;
    if (n && n <= TL_RANK_MAX && tl_reduce_begin_at(x->s, &less, names, n)) {
        for (size_t i = 0; i < n; i++)
            tl_reduce_set_input(&less, names[i], json_deep_copy(json_object_get(x->s->inputs, names[i])));
        result = attempt(x, &less, e);
        x->s->recorded = x->s->recorded || x->left;
    }
    for (size_t i = 0; i < n && x->left && !result && !x->s->stopped; i++)
        result = fill_input(x, names[i], e);
    tl_reduce_drop(&less);
    free(names);
    return result;
}

static int without_last(struct leaving *x, struct tl_error *e)
{
    struct tl_reduce_candidate less = tl_reduce_copy(x->k);
    tl_onnx_edit_prefix(&less.edits, x->node, NULL, 0);
    int result = attempt(x, &less, e);
    x->needed = true; /* it is where the failure ends */
    tl_reduce_drop(&less);
    return result;
}

static int without(struct leaving *x, struct tl_error *e)
{
    bool hangs;
    x->left = x->needed = false;
    int result = without_outputs(x->s, x->g, x->node, x->k, &hangs, &x->left, &x->needed, e);
    if (result || hangs)
        return result;
    if (x->node + 1 == x->g->n)
        return without_last(x, e);
    result = by_another_value(x, e);
    if (!result && !x->left && !x->v->second && x->s->begins != TL_REDUCE_BEGIN_CONSTANT && x->g->ways &&
        !x->s->stopped)
        result = by_an_input(x, e);
    return result;
}

/* Values of the nodes before the last, as they are by now, in the place of what was recorded of the original; a list of inputs that
 * is the caller's again afterwards. Nothing is learnt where they are not all known. */
static int learn(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, struct tl_reduce_graph *g,
                 struct tl_error *e)
{
    const char **names = tl_calloc(g->n_values + 1, sizeof *names);
    size_t n = 0;
    bool all = false;
    json_object_update(s->inputs, k->instead);
    for (size_t i = 0; i < g->n_values; i++) {
        const struct tl_reduce_value *v = &g->values[i];
        if (v->maker == TL_ONNX_NO_NAME)
            continue;
        json_object_del(s->inputs, v->name);
        if (v->maker + 1 < g->n)
            names[n++] = v->name;
    }
    tl_reduce_tell(s, "recording");
    int result = n ? tl_reduce_record(s, k, names, n, &all, e) : 0;
    if (!result && all)
        tl_reduce_graph_learn(s, g, true);
    free(names);
    return result;
}

/* What left with the nodes keeps nothing any more. */
static void forget(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                   struct tl_reduce_values *v)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_weight *weights = NULL;
    struct tl_onnx_node_facts *nodes = NULL;
    json_t *inputs = tl_reduce_inputs(s, k), *name;
    size_t n = 0, n_nodes = 0, kept = 0, at;
    if (m) {
        tl_onnx_weights(m, &weights, &n);
        tl_onnx_nodes(m, &nodes, &n_nodes);
    }
    for (size_t i = 0; i < v->n && m; i++) {
        const struct tl_reduce_tensor *t = &v->list[i];
        bool there =
            (t->weight || t->attribute) && t->number == UINT32_MAX; /* of the model that is right, or a
                                                                                function */
        for (size_t x = 0; x < n && t->weight; x++)
            there = there || weights[x].number == t->number;
        for (size_t x = 0; x < n_nodes && t->attribute; x++)
            there = there || nodes[x].number == t->number;
        json_array_foreach(inputs, at, name)
            there = there || (!t->weight && !t->attribute && !strcmp(json_string_value(name), t->name));
        if (!there)
            tl_reduce_values_forget(&v->list[i]);
        else
            v->list[kept++] = v->list[i];
    }
    v->n = m ? kept : v->n;
    json_decref(inputs);
    free(weights);
    free(nodes);
    tl_onnx_model_free(m);
}

int tl_reduce_needs_all(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, bool *needed,
                        struct tl_error *e)
{
    struct tl_reduce_graph g;
    struct tl_reduce_candidate less = tl_reduce_copy(k);
    int result = tl_reduce_graph_read(s, k, &g, e);
    struct leaving x = {.s = s, .g = &g, .k = &less};
    for (x.node = !result && g.n <= NODES_MOST ? g.n - 1 : 0;
         x.node-- > 0 && !x.left && !result && !s->stopped;)
        result = by_another_value(&x, e);
    *needed = !x.left;
    tl_reduce_graph_free(&g);
    tl_reduce_drop(&less);
    return result;
}

/* The model that is fed from the original's inputs keeps the nodes that these need, as they show where the failure comes from: what
 * needs fewer of them with other values is the smaller model already. It is only no longer called the least. */
static int still_needed(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                        struct tl_reduce_values *v, struct tl_error *e)
{
    bool needed = true;
    tl_reduce_step(s, "nodes again");
    int result = tl_reduce_needs_all(s, k, &needed, e);
    v->open = !needed || tl_reduce_main_nodes(s, k) > NODES_MOST;
    return result;
}

static bool is_over(const struct tl_reduce_state *s)
{
    return s->stopped || json_integer_value(json_object_get(s->step, "trials")) >= TRIALS_MOST;
}

int tl_reduce_again(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                    struct tl_error *e)
{
    const bool shown = v->second || !s->recorded ? s->structural_minimal : s->model_minimal;
    json_t *before = s->inputs;
    if (v->second && shown)
        return s->difference ? 0 : still_needed(s, k, v, e);
    bool more = (!shown || !tl_reduce_same(k, &v->base)) && !s->difference, begun = false;
    int result = 0;
    while (more && !result && !s->stopped) {
        struct tl_reduce_graph g;
        bool all = true;
        more = false;
        if (tl_reduce_graph_read(s, k, &g, e)) {
            tl_reduce_graph_free(&g);
            return -1;
        }
        const bool few = g.n > 1 && g.n <= NODES_MOST;
        if (few && !begun)
            tl_reduce_step(s, "nodes again");
        begun = begun || few;
        if (few && !s->n_samples) {
            s->inputs = json_copy(before);
            result = learn(s, k, &g, e);
        }
        struct leaving x = {.s = s, .g = &g, .k = k, .v = v};
        for (x.node = few ? g.n : 0; x.node-- > 0 && !more && !result && !is_over(s);) {
            result = without(&x, e);
            more = x.left;
            all = all && x.needed;
        }
        v->fewer = v->fewer || more;
        v->shown = v->fewer && !more && !result &&
                   ((few && all && !is_over(s) && g.n == g.n_all) || (g.n == 1 && g.n_all == 1));
        v->open = !more && (few ? is_over(s) : g.n > 1);
        if (s->inputs != before)
            json_decref(s->inputs);
        s->inputs = before;
        tl_reduce_graph_free(&g);
    }
    if (v->fewer && !result)
        forget(s, k, v);
    return result;
}
