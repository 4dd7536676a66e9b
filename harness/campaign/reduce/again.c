/* The few nodes that are left, once types and sizes are what they become: a Cast of what is a float by now hands on what goes into
 * it. Each node is taken away alone once more, what reads it gets one of its operands, and the runtime judges. One that nobody reads
 * leaves with its outputs. */
#include "harness/campaign/reduce/graph.h"
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MOST 12
#define OPERANDS_MOST 2 /* that are tried of one node */

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

static int without(struct tl_reduce_state *s, const struct tl_reduce_graph *g, size_t node,
                   struct tl_reduce_candidate *k, bool *left, bool *needed, struct tl_error *e)
{
    const struct tl_onnx_node_facts *facts = g->nodes[node];
    uint32_t output;
    int result, tried = 0;
    bool hangs;
    *left = *needed = false;
    result = without_outputs(s, g, node, k, &hangs, left, needed, e);
    if (result || hangs || node + 1 == g->n || !only_output(g, node, &output))
        return result;
    const struct tl_reduce_value *made = tl_reduce_graph_value(g, facts->outputs[output]);
    for (size_t i = 0; i < facts->n_inputs && tried < OPERANDS_MOST && !*left && !result && !s->stopped;
         i++) {
        const struct tl_reduce_value *v = tl_reduce_graph_value(g, facts->inputs[i]);
        if (!v || v->fixed != made->fixed) /* a session computes what is fixed, and a run the rest */
            continue;
        const struct tl_onnx_way way = {.node = facts->number, .from = v->name, .output = output};
        struct tl_reduce_candidate more = tl_reduce_copy(k);
        enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
        tried++;
        tl_reduce_tell(s, facts->op_type);
        tl_onnx_edit_bypass(&more.edits, &way, 1);
        result = tl_reduce_try(s, &more, &verdict, e);
        *left = !result && verdict == TL_REDUCE_FAIL;
        *needed = *needed || verdict == TL_REDUCE_PASS || verdict == TL_REDUCE_OTHER;
        if (*left)
            tl_reduce_take(k, &more);
        tl_reduce_drop(&more);
    }
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
        bool there = t->weight && t->number == UINT32_MAX; /* of the model that is right */
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

int tl_reduce_again(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                    struct tl_error *e)
{
    const bool shown = v->second || !s->recorded ? s->structural_minimal : s->model_minimal;
    bool more = !shown && !s->difference, begun = false, any = false;
    int result = 0;
    while (more && !result && !s->stopped) {
        struct tl_reduce_graph g;
        bool all = true;
        more = false;
        if (tl_reduce_graph_read(s, k, &g, e)) {
            tl_reduce_graph_free(&g);
            return -1;
        }
        if (g.n > 1 && g.n <= NODES_MOST && !begun)
            tl_reduce_step(s, "nodes again");
        begun = g.n > 1 && g.n <= NODES_MOST;
        for (size_t i = begun ? g.n : 0; i-- > 0 && !more && !result && !s->stopped;) {
            bool needed = false;
            result = without(s, &g, i, k, &more, &needed, e);
            all = all && (needed || i + 1 == g.n);
        }
        any = any || more;
        v->shown = any && !more && all && begun && g.n == g.n_all && !result && !s->stopped;
        v->shown = v->shown || (any && g.n == 1 && g.n_all == 1 && !result);
        tl_reduce_graph_free(&g);
    }
    if (any && !result)
        forget(s, k, v);
    return result;
}
