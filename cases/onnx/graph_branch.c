#include "cases/onnx/graph_branch.h"
#include "cases/onnx/graph_cut.h"
#include "cases/onnx/graph_splice.h"
#include "cases/onnx/graph_sweep.h"

static int one_branch(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, const json_t *one)
{
    struct tl_onnx_body body;
    size_t at;
    uint32_t then;
    if (!json_is_array(one) || json_array_size(one) != 2)
        return tl_onnx_edit_form(x, "[NODE, 0 or 1]");
    if (tl_onnx_edit_node(x, json_array_get(one, 0), &body, &at) ||
        tl_onnx_edit_number(x, json_array_get(one, 1), &then))
        return -1;
    const tl_onnx_node_pb *n = (*body.nodes)[at];
    const tl_onnx_attribute_pb *a = tl_onnx_attribute(n, then ? "then_branch" : "else_branch");
    if (!tl_onnx_is(n, "If") || !a || !a->g)
        return tl_onnx_edit_fail(x, "node %u is no If with this branch", tl_onnx_node_number(n));
    if (a->g->n_output < n->n_output)
        return tl_onnx_edit_fail(x, "the branch of node %u has %zu outputs, and the node %zu",
                                 tl_onnx_node_number(n), a->g->n_output, n->n_output);
    struct tl_onnx_result *results = tl_arena_alloc(x->m->arena, n->n_output + 1, sizeof *results);
    for (size_t i = 0; i < n->n_output; i++)
        results[i] = (struct tl_onnx_result){.inside = a->g->output[i]->name, .outside = n->output[i]};
    const struct tl_onnx_piece piece = {.nodes = a->g->node,
                                        .n_nodes = a->g->n_node,
                                        .graph = a->g,
                                        .results = results,
                                        .n_results = n->n_output};
    return tl_onnx_splice(x, taken, body, at, &piece);
}

int tl_onnx_branch(struct tl_onnx_editing *x, const json_t *list)
{
    int rc = tl_onnx_edit_each(x, list, "a list of [NODE, 0 or 1]", one_branch);
    if (rc == 0) {
        tl_onnx_show_unread(x->m);
        tl_onnx_sweep(x->m);
    }
    return rc;
}
