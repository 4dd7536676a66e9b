/* A piece brings names of its own into a graph that may have the same ones, at other places of the model too. Which name is
 * meant where something is read goes by scopes, from the inside out:
 *
 *   a body of a node of the piece:  what is made there, under its old or a new name
 *   the piece:                      its inputs are what they are bound to; its outputs have the names of the node that goes;
 *                                   everything else keeps its name where nothing else has it
 *   around it:                      unchanged
 *
 * An output that the piece does not make itself, or that comes twice, is made by an Identity. */
#include "cases/onnx/graph_splice.h"
#include "harness/base/buffer.h"

#include <string.h>

struct scope {
    const struct scope *outer;
    struct tl_onnx_renames map;
};

struct splicing {
    struct tl_onnx_editing *x;
    struct tl_onnx_taken *taken;
    bool copied;
};

static char *meant(const struct scope *s, char *name)
{
    for (; s; s = s->outer) {
        char *to = tl_onnx_renamed(&s->map, name);
        if (to)
            return to;
    }
    return name;
}

static void define(struct splicing *p, struct scope *s, char *name)
{
    if (!name || !*name || tl_onnx_renamed(&s->map, name))
        return;
    bool own = tl_onnx_taken_count(p->taken, name) <= (p->copied ? 0u : 1u);
    tl_onnx_renames_add(&s->map, name, own ? name : tl_onnx_fresh(p->x->m, p->taken, name));
}

static void define_graph(struct splicing *p, struct scope *s, const tl_onnx_graph_pb *g)
{
    for (size_t i = 0; i < g->n_initializer; i++)
        define(p, s, g->initializer[i]->name);
    for (size_t i = 0; i < g->n_sparse_initializer; i++)
        define(p, s, g->sparse_initializer[i]->values->name);
}

static void define_nodes(struct splicing *p, struct scope *s, tl_onnx_node_pb *const *nodes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < nodes[i]->n_output; k++)
            define(p, s, nodes[i]->output[k]);
}

static void rename_graph(const struct scope *s, tl_onnx_graph_pb *g)
{
    for (size_t i = 0; i < g->n_initializer; i++)
        g->initializer[i]->name = meant(s, g->initializer[i]->name);
    for (size_t i = 0; i < g->n_sparse_initializer; i++)
        g->sparse_initializer[i]->values->name = meant(s, g->sparse_initializer[i]->values->name);
    for (size_t i = 0; i < g->n_value_info; i++)
        if (g->value_info[i]->name)
            g->value_info[i]->name = meant(s, g->value_info[i]->name);
}

static void rename_nodes(struct splicing *p, const struct scope *s, tl_onnx_node_pb *const *nodes, size_t n);

static void rename_body(struct splicing *p, const struct scope *outer, tl_onnx_graph_pb *g)
{
    struct scope s = {.outer = outer};
    for (size_t i = 0; i < g->n_input; i++)
        define(p, &s, g->input[i]->name);
    define_graph(p, &s, g);
    define_nodes(p, &s, g->node, g->n_node);
    rename_graph(&s, g);
    rename_nodes(p, &s, g->node, g->n_node);
    for (size_t i = 0; i < g->n_input; i++)
        g->input[i]->name = meant(&s, g->input[i]->name);
    for (size_t i = 0; i < g->n_output; i++)
        g->output[i]->name = meant(&s, g->output[i]->name);
    tl_onnx_renames_end(&s.map);
}

static void rename_nodes(struct splicing *p, const struct scope *s, tl_onnx_node_pb *const *nodes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < nodes[i]->n_input; k++)
            nodes[i]->input[k] = meant(s, nodes[i]->input[k]);
        for (size_t k = 0; k < nodes[i]->n_output; k++)
            nodes[i]->output[k] = meant(s, nodes[i]->output[k]);
        size_t at = 0;
        for (tl_onnx_graph_pb *g; (g = tl_onnx_next_body(nodes[i], &at));)
            rename_body(p, s, g);
    }
}

static bool makes(const struct tl_onnx_piece *piece, const char *name)
{
    for (size_t i = 0; i < piece->n_nodes; i++)
        for (size_t k = 0; k < piece->nodes[i]->n_output; k++)
            if (!strcmp(piece->nodes[i]->output[k], name))
                return true;
    return false;
}

/* Inputs and outputs have the names of outside. What cannot has its result noted as one that a node is to make. */
static void bind(struct scope *s, const struct tl_onnx_piece *piece, bool *by_node)
{
    for (size_t i = 0; i < piece->n_bound; i++)
        tl_onnx_renames_add(&s->map, piece->bound[i].inside, piece->bound[i].outside);
    for (size_t i = 0; i < piece->n_results; i++) {
        const struct tl_onnx_result *r = &piece->results[i];
        by_node[i] =
            *r->outside && (r->stacked || tl_onnx_renamed(&s->map, r->inside) || !makes(piece, r->inside));
        if (*r->outside && !by_node[i])
            tl_onnx_renames_add(&s->map, r->inside, r->outside);
    }
}

static tl_onnx_node_pb *result_node(struct tl_onnx_model *m, const struct scope *s,
                                    const struct tl_onnx_result *r, const char *axes)
{
    size_t n_inputs = r->stacked && axes ? 2 : 1;
    tl_onnx_node_pb *n = tl_onnx_new_node(m, NULL, r->stacked ? "Unsqueeze" : "Identity", n_inputs, 1);
    n->input[0] = meant(s, tl_onnx_text(m, r->inside));
    n->output[0] = r->outside;
    if (n_inputs == 2)
        n->input[1] = tl_onnx_text(m, axes);
    else if (r->stacked)
        tl_onnx_set_ints(m, n, "axes", 1, &r->axis);
    return n;
}

struct list {
    tl_onnx_node_pb **nodes;
    size_t n;
};

static void add_results(struct splicing *p, const struct scope *s, const struct tl_onnx_piece *piece,
                        const bool *by_node, struct list *list)
{
    struct tl_onnx_model *m = p->x->m;
    bool as_input = tl_onnx_opset(m, "") >= 13;
    for (size_t i = 0; i < piece->n_results; i++) {
        const struct tl_onnx_result *r = &piece->results[i];
        if (!by_node[i])
            continue;
        const char *axes = r->stacked && as_input ? tl_onnx_fresh(m, p->taken, "axes") : NULL;
        if (axes)
            list->nodes[list->n++] = tl_onnx_constant_node(m, axes, tl_onnx_integers(m, NULL, 1, &r->axis));
        list->nodes[list->n++] = result_node(m, s, r, axes);
    }
}

/* Initializers go where the nodes go: those of a function's nodes become nodes, for a function has none; so do those of a model
 * of the first versions of the format, where an initializer had to be an input. */
static int add_graph(struct splicing *p, struct tl_onnx_body body, tl_onnx_graph_pb *from, struct list *list)
{
    struct tl_onnx_model *m = p->x->m;
    bool stay = body.graph && m->pb->ir_version >= 4;
    if (from->n_sparse_initializer && !body.graph)
        return tl_onnx_edit_fail(p->x, "a sparse initializer cannot be moved into a function");
    for (size_t i = 0; !stay && i < from->n_initializer; i++)
        list->nodes[list->n++] = tl_onnx_constant_node(m, from->initializer[i]->name, from->initializer[i]);
    if (stay && from->n_initializer) {
        body.graph->initializer = tl_onnx_longer(m, (void *const *)body.graph->initializer,
                                                 body.graph->n_initializer, from->n_initializer);
        memcpy(body.graph->initializer + body.graph->n_initializer, from->initializer,
               from->n_initializer * sizeof *from->initializer);
        body.graph->n_initializer += from->n_initializer;
    }
    for (size_t i = 0; i < from->n_sparse_initializer; i++)
        *TL_ONNX_ADD(m, body.graph->n_sparse_initializer, body.graph->sparse_initializer) =
            from->sparse_initializer[i];
    if (body.graph && from->n_value_info) {
        body.graph->value_info = tl_onnx_longer(m, (void *const *)body.graph->value_info,
                                                body.graph->n_value_info, from->n_value_info);
        memcpy(body.graph->value_info + body.graph->n_value_info, from->value_info,
               from->n_value_info * sizeof *from->value_info);
        body.graph->n_value_info += from->n_value_info;
    }
    return 0;
}

int tl_onnx_splice(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, struct tl_onnx_body body,
                   size_t at, const struct tl_onnx_piece *piece)
{
    struct splicing p = {x, taken, piece->graph == NULL};
    struct scope s = {0};
    size_t most = piece->n_nodes + 2 * piece->n_results + (piece->graph ? piece->graph->n_initializer : 0);
    bool *by_node = tl_arena_alloc(x->m->arena, piece->n_results + 1, sizeof *by_node);
    struct list list = {tl_arena_alloc(x->m->arena, most + 1, sizeof *list.nodes), 0};
    bind(&s, piece, by_node);
    if (piece->graph)
        define_graph(&p, &s, piece->graph);
    define_nodes(&p, &s, piece->nodes, piece->n_nodes);
    if (piece->graph)
        rename_graph(&s, piece->graph);
    rename_nodes(&p, &s, piece->nodes, piece->n_nodes);
    int rc = piece->graph ? add_graph(&p, body, piece->graph, &list) : 0;
    if (piece->n_nodes)
        memcpy(list.nodes + list.n, piece->nodes, piece->n_nodes * sizeof *list.nodes);
    list.n += piece->n_nodes;
    add_results(&p, &s, piece, by_node, &list);
    tl_onnx_renames_end(&s.map);
    if (rc == 0)
        tl_onnx_insert(x->m, body, at, 1, list.n, list.nodes);
    return rc;
}
