/* The few nodes that are left, looked at once more: each is taken away alone, with other values in the place of what it makes than
 * those that the search had it hand on. They may be of another shape, such as an input of the model behind which only nodes
 * stand that take any; the runtime judges. The last nodes first: what they need leaves with them. */
#include "harness/campaign/reduce/graph.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

#define NODES_MOST 40 /* more are not few */
#define WAYS_MOST 3   /* for one node */

/* What is read of a node comes from the others with this number. False: there are not so many. */
static bool hand_on(const struct tl_reduce_graph *g, size_t node, size_t number,
                    struct tl_reduce_candidate *k)
{
    const struct tl_onnx_node_facts *facts = g->nodes[node];
    struct tl_onnx_way *list = NULL;
    size_t n = 0;
    bool known = true;
    for (size_t i = 0; i < facts->n_outputs && known; i++) {
        const struct tl_reduce_value *others[WAYS_MOST], *v = tl_reduce_graph_value(g, facts->outputs[i]);
        if (!v || !v->n_readers)
            continue;
        known = number < tl_reduce_graph_others(g, v, others, WAYS_MOST);
        if (known)
            *TL_GROW(list, n) = (struct tl_onnx_way){
                .node = facts->number, .from = others[number]->name, .output = (uint32_t)i};
    }
    if (known && n)
        tl_onnx_edit_bypass(&k->edits, list, n);
    free(list);
    return known && n;
}

/* Whether the search before tried to take it away: all that is read of it can be handed on. */
static bool was_tried(const struct tl_reduce_graph *g, size_t node)
{
    for (size_t i = 0; i < g->nodes[node]->n_outputs; i++) {
        const struct tl_reduce_value *v = tl_reduce_graph_value(g, g->nodes[node]->outputs[i]);
        if (v && v->n_readers && !g->ways[v - g->values])
            return false;
    }
    return true;
}

int tl_reduce_look(struct tl_reduce_state *s, bool *minimal, struct tl_error *e)
{
    struct tl_reduce_graph g;
    bool searched = *minimal, shown = true;
    if (tl_reduce_graph_read(s, &s->now, &g, e))
        return -1;
    tl_reduce_graph_learn(s, &g, true);
    bool few = g.n <= NODES_MOST;
    int result = few && g.n > 1 ? tl_reduce_stay_valid(s, &s->now, e) : 0;
    for (size_t i = few ? g.n - 1 : 0; i-- > 0 && !result && !s->stopped;) {
        bool left = false, passed = was_tried(&g, i) && searched;
        for (size_t way = 0; way < WAYS_MOST && !left && !result && !s->stopped; way++) {
            struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
            enum tl_reduce_verdict v = TL_REDUCE_INVALID;
            if (hand_on(&g, i, way, &k)) {
                tl_reduce_tell(s, "one node by another value");
                result = tl_reduce_try(s, &k, &v, e);
            }
            passed = passed || v == TL_REDUCE_PASS || v == TL_REDUCE_OTHER;
            if (!result && (left = v == TL_REDUCE_FAIL))
                tl_reduce_take(&s->now, &k);
            tl_reduce_drop(&k);
        }
        shown = shown && (left || passed);
        if (left && !result) {
            size_t before = g.n;
            tl_reduce_graph_free(&g);
            if ((result = tl_reduce_graph_read(s, &s->now, &g, e)))
                break;
            tl_reduce_graph_learn(s, &g, true);
            /* Nodes in front of it may have left with it, and others may hand on more now. */
            i = i > before - g.n + 1 ? i - (before - g.n) + 1 : (g.n > 1 ? g.n - 1 : 0);
            i = i < g.n ? i : g.n - 1;
            shown = true;
        }
    }
    tl_reduce_stay_valid_end(s);
    tl_reduce_graph_free(&g);
    s->nodes = tl_reduce_count(s, &s->now);
    *minimal = few && !s->stopped && !result && (shown || searched);
    return result;
}
