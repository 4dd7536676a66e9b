/* What stands in bodies that could not be opened: a loop that fails only as a loop, such as one that never ends, stays a loop, and
 * few of its nodes matter. They are minimised as a set where they stand. Nothing was recorded of them: a node hands on the operand
 * that it changes, which is the first of most, and the runtime judges whether that is a model. */
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "harness/search/subset.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MOST 2000

/* The input that an output hands on; false: there is none. */
static bool way_of(struct tl_onnx_model *m, const struct tl_onnx_node_facts *node, size_t output,
                   uint32_t *input)
{
    bool own = !*node->domain;
    size_t first = own && !strcmp(node->op_type, "Where") ? 1 : 0;
    if (own && node->n_bodies) {
        bool loop = !strcmp(node->op_type, "Loop");
        if (output >= tl_onnx_carried(m, node->number))
            return false;
        first = output + (loop ? 2 : 0);
    }
    *input = (uint32_t)first;
    return first < node->n_inputs && *node->inputs[first];
}

static size_t find_elements(struct tl_onnx_model *m, const struct tl_onnx_node_facts *nodes, size_t n,
                            const struct tl_onnx_node_facts **elements)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t input;
        bool leaves = nodes[i].parent != TL_ONNX_NOWHERE && !nodes[i].function;
        for (size_t o = 0; o < nodes[i].n_outputs && leaves; o++)
            leaves = !*nodes[i].outputs[o] || way_of(m, &nodes[i], o, &input);
        if (leaves)
            elements[found++] = &nodes[i];
    }
    return found;
}

struct bodies {
    struct tl_onnx_model *m;
    const struct tl_onnx_node_facts **elements;
    size_t n;
};

/* All elements that are in none of the ranges leave. */
static bool leave(const void *arg, const struct tl_subset_range *ranges, size_t n_ranges,
                  struct tl_reduce_candidate *k)
{
    const struct bodies *b = arg;
    const struct tl_onnx_node_facts **elements = b->elements;
    struct tl_onnx_way *list = NULL;
    size_t n_ways = 0, range = 0;
    for (size_t i = 0; i < b->n; i++) {
        while (range < n_ranges && ranges[range].last < i)
            range++;
        bool kept = range < n_ranges && ranges[range].first <= i;
        for (size_t o = 0; o < elements[i]->n_outputs && !kept; o++) {
            struct tl_onnx_way way = {.node = elements[i]->number, .output = (uint32_t)o};
            if (*elements[i]->outputs[o] && way_of(b->m, elements[i], o, &way.input))
                *TL_GROW(list, n_ways) = way;
        }
    }
    if (n_ways)
        tl_onnx_edit_bypass(&k->edits, list, n_ways);
    free(list);
    return true;
}

int tl_reduce_bodies(struct tl_reduce_state *s, struct tl_reduce_candidate *k, bool *minimal,
                     struct tl_error *e)
{
    struct tl_onnx_model *m = tl_reduce_load(s, k, e);
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n = 0, inside = 0;
    bool shown = false;
    int result = 0;
    if (!m)
        return -1;
    tl_onnx_nodes(m, &nodes, &n);
    const struct tl_onnx_node_facts **elements = tl_calloc(n + 1, sizeof *elements);
    for (size_t i = 0; i < n; i++)
        inside += nodes[i].parent != TL_ONNX_NOWHERE || nodes[i].function;
    size_t found = find_elements(m, nodes, n, elements);
    if (found && found <= NODES_MOST && !s->stopped) {
        tl_reduce_step(s, "bodies");
        const struct bodies b = {m, elements, found};
        result = tl_reduce_least(s, k, found, leave, &b, &shown, e);
    }
    /* Those for which there is no way were not tried. */
    *minimal = *minimal && (!inside || (shown && found == inside));
    free(elements);
    free(nodes);
    tl_onnx_model_free(m);
    s->nodes = tl_reduce_count(s, k);
    return result;
}
