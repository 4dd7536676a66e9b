/* A body of a node may read values of the graphs around it, which nobody lists: they are the names that are read in it, or in
 * a body within, and not made there. */
#include "cases/onnx/graph_index.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

struct uses {
    int (*use)(void *arg, const char *name);
    void *arg;
    const struct tl_onnx_names *inside; /* of the innermost graph */
    struct uses *outer;
};

static int use_outside(void *arg, const char *name)
{
    struct uses *u = arg;
    if (tl_onnx_names_get(u->inside, name) != TL_ONNX_NO_NAME)
        return 0;
    return u->use(u->arg, name);
}

static int each_outside(const tl_onnx_graph_pb *g, int (*use)(void *arg, const char *name), void *arg)
{
    struct tl_onnx_names inside = {0};
    struct uses u = {.use = use, .arg = arg, .inside = &inside};
    int rc = 0;
    for (size_t i = 0; i < g->n_input; i++)
        tl_onnx_names_add(&inside, g->input[i]->name, 0);
    for (size_t i = 0; i < g->n_initializer; i++)
        tl_onnx_names_add(&inside, g->initializer[i]->name, 0);
    for (size_t i = 0; i < g->n_sparse_initializer; i++)
        tl_onnx_names_add(&inside, g->sparse_initializer[i]->values->name, 0);
    for (size_t i = 0; i < g->n_node; i++)
        for (size_t k = 0; k < g->node[i]->n_output; k++)
            tl_onnx_names_add(&inside, g->node[i]->output[k], 0);
    for (size_t i = 0; rc == 0 && i < g->n_node; i++)
        rc = tl_onnx_each_use(g->node[i], use_outside, &u);
    for (size_t i = 0; rc == 0 && i < g->n_output; i++)
        rc = use_outside(&u, g->output[i]->name);
    tl_onnx_names_free(&inside);
    return rc;
}

int tl_onnx_each_use(const tl_onnx_node_pb *n, int (*use)(void *arg, const char *name), void *arg)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n->n_input; i++)
        if (*n->input[i])
            rc = use(arg, n->input[i]);
    size_t at = 0;
    for (tl_onnx_graph_pb *g; rc == 0 && (g = tl_onnx_next_body(n, &at));)
        rc = each_outside(g, use, arg);
    return rc;
}

/* --- the index --- */

struct building {
    struct tl_onnx_index *x;
    size_t capacity;
    size_t node;
    size_t *last; /* of each value: the node that was noted as its last reader, plus one */
    size_t n_found, found_capacity, *found; /* uses of the node */
};

static size_t value_of(struct building *b, const char *name)
{
    struct tl_onnx_index *x = b->x;
    size_t v = tl_onnx_names_get(&x->names, name);
    if (v != TL_ONNX_NO_NAME)
        return v;
    if (x->n_values == b->capacity) {
        b->capacity = b->capacity ? b->capacity * 2 : 64;
        x->values = tl_realloc(x->values, b->capacity, sizeof *x->values);
        b->last = tl_realloc(b->last, b->capacity, sizeof *b->last);
    }
    v = x->n_values++;
    x->values[v] = (struct tl_onnx_indexed_value){.name = name, .producer = TL_ONNX_NO_NAME};
    b->last[v] = 0;
    tl_onnx_names_add(&x->names, name, v);
    return v;
}

static int note_use(void *arg, const char *name)
{
    struct building *b = arg;
    size_t v = value_of(b, name);
    if (b->last[v] == b->node + 1)
        return 0;
    b->last[v] = b->node + 1;
    b->x->values[v].n_readers++;
    if (b->n_found == b->found_capacity) {
        b->found_capacity = b->found_capacity ? b->found_capacity * 2 : 64;
        b->found = tl_realloc(b->found, b->found_capacity, sizeof *b->found);
    }
    b->found[b->n_found++] = v;
    return 0;
}

static void note_nodes(struct building *b, struct tl_onnx_body body)
{
    struct tl_onnx_index *x = b->x;
    for (size_t i = 0; i < x->n_nodes; i++)
        for (size_t k = 0; k < (*body.nodes)[i]->n_output; k++) {
            const char *name = (*body.nodes)[i]->output[k];
            size_t v = *name ? value_of(b, name) : TL_ONNX_NO_NAME;
            if (v != TL_ONNX_NO_NAME) {
                x->values[v].producer = i;
                x->values[v].output = k;
                x->values[v].constant = tl_onnx_is((*body.nodes)[i], "Constant");
            }
        }
    for (size_t i = 0; i < x->n_nodes; i++) {
        b->node = i;
        b->n_found = 0;
        tl_onnx_each_use((*body.nodes)[i], note_use, b);
        x->n_uses[i] = b->n_found;
        x->uses[i] = tl_arena_alloc(x->arena, b->n_found + 1, sizeof **x->uses);
        if (b->n_found)
            memcpy(x->uses[i], b->found, b->n_found * sizeof *b->found);
    }
}

static struct tl_onnx_indexed_value *value_at(struct building *b, const char *name)
{
    size_t v = value_of(b, name);
    return &b->x->values[v];
}

static void note_ends(struct building *b, struct tl_onnx_body body)
{
    const tl_onnx_graph_pb *g = body.graph;
    for (size_t i = 0; g && i < g->n_input; i++)
        value_at(b, g->input[i]->name)->input = true;
    for (size_t i = 0; g && i < g->n_initializer; i++)
        value_at(b, g->initializer[i]->name)->initializer = true;
    for (size_t i = 0; g && i < g->n_sparse_initializer; i++)
        value_at(b, g->sparse_initializer[i]->values->name)->initializer = true;
    for (size_t i = 0; g && i < g->n_output; i++)
        value_at(b, g->output[i]->name)->graph_output = true;
    for (size_t i = 0; body.function && i < body.function->n_input; i++)
        value_at(b, body.function->input[i])->input = true;
    for (size_t i = 0; body.function && i < body.function->n_output; i++)
        value_at(b, body.function->output[i])->graph_output = true;
}

static void list_readers(struct tl_onnx_index *x)
{
    for (size_t v = 0; v < x->n_values; v++) {
        struct tl_onnx_indexed_value *value = &x->values[v];
        value->readers = tl_arena_alloc(x->arena, value->n_readers + 1, sizeof *value->readers);
        value->n_readers = 0;
    }
    for (size_t i = 0; i < x->n_nodes; i++)
        for (size_t k = 0; k < x->n_uses[i]; k++) {
            struct tl_onnx_indexed_value *value = &x->values[x->uses[i][k]];
            value->readers[value->n_readers++] = i;
        }
}

static bool sorted(const struct tl_onnx_index *x)
{
    for (size_t i = 0; i < x->n_nodes; i++)
        for (size_t k = 0; k < x->n_uses[i]; k++) {
            size_t p = x->values[x->uses[i][k]].producer;
            if (p != TL_ONNX_NO_NAME && p >= i)
                return false;
        }
    return true;
}

/* Depth first from each node in turn, what it needs before it; the stack is a list. */
static void order_nodes(struct tl_onnx_index *x)
{
    enum { UNSEEN, OPEN, DONE };
    size_t n = 0, depth = 0;
    char *state = tl_calloc(x->n_nodes + 1, 1);
    size_t *stack = tl_calloc(x->n_nodes + 1, sizeof *stack), *next = tl_calloc(x->n_nodes + 1, sizeof *next);
    for (size_t i = 0; i < x->n_nodes; i++) {
        if (state[i] == UNSEEN) {
            state[i] = OPEN;
            stack[depth++] = i;
        }
        while (depth) {
            size_t top = stack[depth - 1];
            if (next[top] == x->n_uses[top]) {
                state[top] = DONE;
                x->order[n++] = top;
                depth--;
                continue;
            }
            size_t p = x->values[x->uses[top][next[top]++]].producer;
            if (p == TL_ONNX_NO_NAME || state[p] == DONE)
                continue;
            if (state[p] == OPEN) {
                x->cycle = p;
                continue;
            }
            state[p] = OPEN;
            stack[depth++] = p;
        }
    }
    free(state);
    free(stack);
    free(next);
}

struct tl_onnx_index *tl_onnx_index_new(struct tl_onnx_body body)
{
    struct tl_onnx_index *x = tl_calloc(1, sizeof *x);
    struct building b = {.x = x};
    x->arena = tl_arena_new();
    x->cycle = TL_ONNX_NO_NAME;
    x->n_nodes = *body.n;
    x->n_uses = tl_calloc(x->n_nodes + 1, sizeof *x->n_uses);
    x->uses = tl_calloc(x->n_nodes + 1, sizeof *x->uses);
    x->order = tl_calloc(x->n_nodes + 1, sizeof *x->order);
    note_ends(&b, body);
    note_nodes(&b, body);
    list_readers(x);
    if (sorted(x))
        for (size_t i = 0; i < x->n_nodes; i++)
            x->order[i] = i;
    else
        order_nodes(x);
    free(b.last);
    free(b.found);
    return x;
}

void tl_onnx_index_free(struct tl_onnx_index *x)
{
    if (!x)
        return;
    tl_onnx_names_free(&x->names);
    tl_arena_free(x->arena);
    free(x->values);
    free(x->n_uses);
    free(x->uses);
    free(x->order);
    free(x);
}

/* Backwards through the order each node comes after all that read what it makes. */
void tl_onnx_index_ancestors(const struct tl_onnx_index *x, bool *values, bool *nodes)
{
    for (size_t v = 0; v < x->n_values; v++)
        if (values[v] && x->values[v].producer != TL_ONNX_NO_NAME)
            nodes[x->values[v].producer] = true;
    for (size_t i = x->n_nodes; i-- > 0;) {
        size_t node = x->order[i];
        for (size_t k = 0; nodes[node] && k < x->n_uses[node]; k++) {
            size_t v = x->uses[node][k];
            values[v] = true;
            if (x->values[v].producer != TL_ONNX_NO_NAME)
                nodes[x->values[v].producer] = true;
        }
    }
}
