/* Many nodes may go at once, and the input of one may be the output of another that goes: names are followed to one that
 * stays. What is handed on may be any value that the graph makes before the node, too, or its input. Where the output is one of the main graph, that graph has the other value as its output; where it is one of a body or
 * a function, whose outputs have an order and may not come from outside, an Identity makes it. */
#include "cases/onnx/graph_bypass.h"
#include "cases/onnx/graph_cut.h"
#include "cases/onnx/graph_index.h"
#include "cases/onnx/graph_rename.h"
#include "cases/onnx/graph_sweep.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

struct place {
    struct tl_onnx_body body;
    tl_onnx_node_pb *node; /* NULL: there is none of this number */
    size_t at;             /* in the body */
};

static int note_places(void *arg, struct tl_onnx_body body)
{
    struct place *places = arg;
    for (size_t i = 0; i < *body.n; i++)
        places[tl_onnx_node_number((*body.nodes)[i])] = (struct place){body, (*body.nodes)[i], i};
    return 0;
}

struct group {
    struct tl_onnx_body body;
    struct tl_onnx_renames renames;
    struct tl_onnx_index *index; /* where something is named: of the body before this edit */
    size_t *rank;                /* of its nodes, in that order */
};

/* Each step goes to what is made earlier, in an order in which the nodes can run: so no way leads round in a circle. */
static int check_earlier(struct tl_onnx_editing *x, const struct place *p, struct group *g, const char *name)
{
    if (!g->index) {
        g->index = tl_onnx_index_new(p->body);
        g->rank = tl_calloc(g->index->n_nodes + 1, sizeof *g->rank);
        for (size_t i = 0; i < g->index->n_nodes; i++)
            g->rank[g->index->order[i]] = i;
    }
    size_t v = tl_onnx_names_get(&g->index->names, name);
    size_t maker = v == TL_ONNX_NO_NAME ? TL_ONNX_NO_NAME : g->index->values[v].producer;
    if (v == TL_ONNX_NO_NAME || (maker != TL_ONNX_NO_NAME && g->rank[maker] >= g->rank[p->at]))
        return tl_onnx_edit_fail(x, "there is no value with the name %.100s before node %u", name,
                                 tl_onnx_node_number(p->node));
    return 0;
}

static int add_way(struct tl_onnx_editing *x, const json_t *one, const struct place *places,
                   struct group **groups, size_t *n_groups)
{
    uint32_t v[3] = {0};
    const json_t *from = json_array_get(one, 1);
    if (!json_is_array(one) || json_array_size(one) != 3)
        return tl_onnx_edit_form(x, "[NODE, INPUT, OUTPUT]");
    for (size_t i = 0; i < 3; i++)
        if (!(i == 1 && json_is_string(from)) && tl_onnx_edit_number(x, json_array_get(one, i), &v[i]))
            return -1;
    const struct place *p = v[0] < x->m->n_nodes && places[v[0]].node ? &places[v[0]] : NULL;
    if (!p)
        return tl_onnx_edit_fail(x, "there is no node with the number %u (any more)", v[0]);
    bool named = json_is_string(from);
    if ((!named && (v[1] >= p->node->n_input || !*p->node->input[v[1]])) || v[2] >= p->node->n_output ||
        !*p->node->output[v[2]])
        return tl_onnx_edit_fail(x, "node %u has no input %u or no output %u", v[0], v[1], v[2]);
    size_t i = 0;
    while (i < *n_groups && (*groups)[i].body.nodes != p->body.nodes)
        i++;
    if (i == *n_groups)
        *TL_GROW(*groups, *n_groups) = (struct group){.body = p->body};
    char *to = named ? tl_onnx_text(x->m, json_string_value(from)) : p->node->input[v[1]];
    if (named && check_earlier(x, p, &(*groups)[i], to))
        return -1;
    tl_onnx_renames_add(&(*groups)[i].renames, p->node->output[v[2]], to);
    return 0;
}

/* Each name becomes one that is not renamed itself. There is no way round in a circle: each step goes to what is made earlier. */
static void follow(struct tl_onnx_renames *r)
{
    for (size_t i = 0; i < r->n; i++)
        for (char *to; (to = tl_onnx_renamed(r, r->to[i]));)
            r->to[i] = to;
}

static void rename_outputs(struct tl_onnx_model *m, const struct tl_onnx_renames *r)
{
    tl_onnx_graph_pb *g = m->pb->graph;
    struct tl_onnx_names seen = {0};
    size_t n = 0;
    for (size_t i = 0; i < g->n_output; i++)
        if (!tl_onnx_renamed(r, g->output[i]->name))
            tl_onnx_names_add(&seen, g->output[i]->name, i);
    for (size_t i = 0; i < g->n_output; i++) {
        char *to = tl_onnx_renamed(r, g->output[i]->name);
        if (to && !tl_onnx_names_add(&seen, to, i))
            continue;
        g->output[n++] = to ? tl_onnx_output_value(m, to) : g->output[i];
    }
    g->n_output = n;
    tl_onnx_names_free(&seen);
}

static void keep_output(struct tl_onnx_model *m, struct tl_onnx_body body, const struct tl_onnx_renames *r,
                        struct tl_onnx_taken *taken, const char *name)
{
    char *to = tl_onnx_renamed(r, name);
    for (size_t i = 0; to && i < *body.n; i++)
        for (size_t k = 0; k < (*body.nodes)[i]->n_output; k++) {
            tl_onnx_node_pb *made = (*body.nodes)[i];
            if (strcmp(made->output[k], name) != 0)
                continue;
            tl_onnx_node_pb *identity = tl_onnx_new_node(m, NULL, "Identity", 1, 1);
            identity->input[0] = to;
            identity->output[0] = made->output[k];
            made->output[k] = tl_onnx_fresh(m, taken, name);
            tl_onnx_insert(m, body, *body.n, 0, 1, &identity);
            return;
        }
}

static void apply(struct tl_onnx_model *m, struct group *g, struct tl_onnx_taken *taken)
{
    follow(&g->renames);
    tl_onnx_rename_reads(*g->body.nodes, *g->body.n, &g->renames);
    if (g->body.graph == m->pb->graph) {
        rename_outputs(m, &g->renames);
        return;
    }
    for (size_t i = 0; g->body.graph && i < g->body.graph->n_output; i++)
        keep_output(m, g->body, &g->renames, taken, g->body.graph->output[i]->name);
    for (size_t i = 0; g->body.function && i < g->body.function->n_output; i++)
        keep_output(m, g->body, &g->renames, taken, g->body.function->output[i]);
}

int tl_onnx_bypass(struct tl_onnx_editing *x, const json_t *list)
{
    struct place *places = tl_calloc((size_t)x->m->n_nodes + 1, sizeof *places);
    struct group *groups = NULL;
    struct tl_onnx_taken taken;
    size_t n = 0;
    int rc = json_array_size(list) ? 0 : tl_onnx_edit_form(x, "a list of [NODE, INPUT, OUTPUT]");
    tl_onnx_each_body(x->m, note_places, places);
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++)
        rc = add_way(x, json_array_get(list, i), places, &groups, &n);
    tl_onnx_taken_begin(&taken, x->m);
    for (size_t i = 0; i < n; i++) {
        if (rc == 0)
            apply(x->m, &groups[i], &taken);
        tl_onnx_renames_end(&groups[i].renames);
        tl_onnx_index_free(groups[i].index);
        free(groups[i].rank);
    }
    tl_onnx_taken_end(&taken);
    free(groups);
    free(places);
    if (rc == 0)
        tl_onnx_sweep(x->m);
    return rc;
}
