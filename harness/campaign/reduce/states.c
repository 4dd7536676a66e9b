/* What a Loop or Scan that stays hands on: states that it carries from one iteration to the next, and what it makes in each of
 * them. A decoder carries dozens, of which one matters. A state is one piece in four places (operand and output of the node, input
 * and output of the body), so no search for nodes takes it away. They are minimised as a set; what they need in the body leaves with
 * them. Behind that a Scan need not go through what its body reads no more. */
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "harness/search/subset.h"

#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MOST 2000

struct element {
    const struct tl_onnx_node_facts *node;
    size_t output, carried; /* of the node; how many of them are states */
    bool read;              /* by other nodes: those read what the state begins with */
    bool shown;             /* an output of the model */
};

struct states {
    struct tl_onnx_model *m;
    struct tl_onnx_node_facts *nodes;
    size_t n_nodes;
    struct element *elements;
    size_t n;
};

static void release(struct states *t)
{
    free(t->elements);
    free(t->nodes);
    tl_onnx_model_free(t->m);
    *t = (struct states){0};
}

static bool is_loop(const struct tl_onnx_node_facts *node)
{
    return !*node->domain && node->n_bodies &&
           (!strcmp(node->op_type, "Loop") || !strcmp(node->op_type, "Scan"));
}

static bool is_among(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* Of a node of the main graph: elsewhere outputs have an order that a node around them knows. */
static void add_elements(struct states *t, const struct tl_onnx_node_facts *node, bool outputs_stay)
{
    const char **outputs = NULL;
    size_t n_outputs = 0, carried = tl_onnx_carried(t->m, node->number);
    tl_onnx_outputs(t->m, &outputs, &n_outputs);
    for (size_t i = 0; i < node->n_outputs && t->n < ELEMENTS_MOST; i++) {
        struct element el = {.node = node, .output = i, .carried = carried};
        uint32_t *readers = NULL;
        size_t n = 0;
        if (*node->outputs[i])
            tl_onnx_readers(t->m, node->outputs[i], &readers, &n);
        el.read = n != 0;
        el.shown = is_among(node->outputs[i], outputs, n_outputs);
        free(readers);
        if (!(el.read && i >= carried) && !(el.shown && outputs_stay))
            *TL_GROW(t->elements, t->n) = el;
    }
    free(outputs);
}

static int find(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, struct states *t,
                struct tl_error *e)
{
    *t = (struct states){.m = tl_reduce_load(s, k, e)};
    if (!t->m)
        return -1;
    tl_onnx_nodes(t->m, &t->nodes, &t->n_nodes);
    for (size_t i = 0; i < t->n_nodes; i++)
        if (is_loop(&t->nodes[i]) && t->nodes[i].parent == TL_ONNX_NOWHERE && !t->nodes[i].function)
            add_elements(t, &t->nodes[i], s->difference != NULL);
    return 0;
}

static bool is_kept(const struct tl_subset_range *ranges, size_t n, size_t i)
{
    for (size_t k = 0; k < n; k++)
        if (ranges[k].first <= i && i <= ranges[k].last)
            return true;
    return false;
}

/* Outputs of the model that stay; false: none does. */
static bool without_outputs(const struct states *t, const struct tl_subset_range *ranges, size_t n,
                            struct tl_reduce_candidate *k)
{
    const char **outputs = NULL;
    size_t n_outputs = 0, kept = 0;
    bool fewer = false;
    tl_onnx_outputs(t->m, &outputs, &n_outputs);
    for (size_t o = 0; o < n_outputs; o++) {
        bool leaves = false;
        for (size_t i = 0; i < t->n && !leaves; i++)
            leaves = !is_kept(ranges, n, i) && t->elements[i].shown &&
                     !strcmp(t->elements[i].node->outputs[t->elements[i].output], outputs[o]);
        fewer = fewer || leaves;
        if (!leaves)
            outputs[kept++] = outputs[o];
    }
    if (fewer && kept)
        tl_onnx_edit_outputs(&k->edits, outputs, kept);
    free(outputs);
    return kept != 0;
}

/* All elements that are in none of the ranges leave. False: that cannot be tried. */
static bool leave(const void *arg, const struct tl_subset_range *ranges, size_t n,
                  struct tl_reduce_candidate *k)
{
    const struct states *t = arg;
    struct tl_onnx_way *ways = NULL;
    size_t n_ways = 0;
    json_t *list = json_array(), *one = NULL;
    bool known = without_outputs(t, ranges, n, k);
    for (size_t i = 0; i < t->n && known; i++) {
        const struct element *el = &t->elements[i];
        if (i && t->elements[i - 1].node != el->node)
            one = NULL;
        if (is_kept(ranges, n, i))
            continue;
        if (!one)
            json_array_append_new(list, one = json_pack("{s:I,s:[],s:[]}", "node",
                                                        (json_int_t)el->node->number, "carried", "stacked"));
        bool state = el->output < el->carried;
        json_array_append_new(json_object_get(one, state ? "carried" : "stacked"),
                              json_integer((json_int_t)(state ? el->output : el->output - el->carried)));
        if (el->read)
            *TL_GROW(ways, n_ways) = (struct tl_onnx_way){
                .node = el->node->number,
                .input = (uint32_t)(el->output + (strcmp(el->node->op_type, "Loop") ? 0 : 2)),
                .output = (uint32_t)el->output};
    }
    if (n_ways)
        tl_onnx_edit_bypass(&k->edits, ways, n_ways);
    known = known && json_array_size(list);
    if (known)
        tl_onnx_edits_add(&k->edits, "narrow", list);
    else
        json_decref(list);
    free(ways);
    return known;
}

/* What the body of a Scan reads no more. One that is read is refused by the edit. */
static int narrow_scans(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_error *e)
{
    struct states t;
    int result = find(s, k, &t, e);
    for (size_t i = 0; i < t.n_nodes && !result && !s->stopped; i++) {
        const struct tl_onnx_node_facts *node = &t.nodes[i];
        if (!is_loop(node) || strcmp(node->op_type, "Scan") != 0 || node->function)
            continue;
        const size_t carried = tl_onnx_carried(t.m, node->number);
        for (size_t place = node->n_inputs - carried; place-- > 0 && !result && !s->stopped;) {
            struct tl_reduce_candidate smaller = tl_reduce_copy(k);
            struct tl_error refused;
            enum tl_reduce_verdict v = TL_REDUCE_INVALID;
            tl_onnx_edits_add(
                &smaller.edits, "narrow",
                json_pack("[{s:I,s:[I]}]", "node", (json_int_t)node->number, "scanned", (json_int_t)place));
            struct tl_onnx_model *m = tl_reduce_load(s, &smaller, &refused);
            if (m)
                result = tl_reduce_try(s, &smaller, &v, e);
            if (m && !result && v == TL_REDUCE_FAIL)
                tl_reduce_take(k, &smaller);
            tl_onnx_model_free(m);
            tl_reduce_drop(&smaller);
        }
    }
    release(&t);
    return result;
}

int tl_reduce_states(struct tl_reduce_state *s, struct tl_reduce_candidate *k, bool *minimal,
                     struct tl_error *e)
{
    struct states t;
    bool shown = true;
    int result = find(s, k, &t, e);
    if (!result && t.n && !s->stopped && !tl_reduce_other_graph(s)) {
        tl_reduce_step(s, "states");
        result = tl_reduce_least(s, k, t.n, leave, &t, &shown, e);
        if (!result && !s->stopped)
            result = narrow_scans(s, k, e);
    } else {
        shown = !t.n;
    }
    *minimal = *minimal && shown && !s->stopped;
    release(&t);
    return result;
}
