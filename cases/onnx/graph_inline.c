/* A function has attributes without values: a node in it, or in a body of such a node, refers to one by name and gets what the
 * call says, else what the function has as its default, else none. */
#include "cases/onnx/graph_inline.h"
#include "cases/onnx/graph_cut.h"
#include "cases/onnx/graph_functions.h"
#include "cases/onnx/graph_splice.h"
#include "cases/onnx/graph_sweep.h"
#include "cases/onnx/graph_wire.h"

#include <string.h>

#define NODES_MOST 1000000 /* of a model: functions that call functions can mean more than fits anywhere */
#define DEPTH_MOST (TL_ONNX_DEPTH_MAX / 3)

struct call {
    struct tl_onnx_model *m;
    const tl_onnx_node_pb *node;
    const tl_onnx_function_pb *function;
};

static const tl_onnx_attribute_pb *referred(const struct call *c, const char *name)
{
    const tl_onnx_attribute_pb *a = tl_onnx_attribute(c->node, name);
    for (size_t i = 0; !a && i < c->function->n_attribute_proto; i++)
        if (c->function->attribute_proto[i]->name && !strcmp(c->function->attribute_proto[i]->name, name))
            a = c->function->attribute_proto[i];
    return a;
}

static void resolve(const struct call *c, tl_onnx_node_pb *n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n->n_attribute; i++) {
        tl_onnx_attribute_pb *a = n->attribute[i];
        if (a->ref_attr_name && *a->ref_attr_name) {
            const tl_onnx_attribute_pb *value = referred(c, a->ref_attr_name);
            if (!value)
                continue;
            a = tl_onnx_copy_attribute(c->m, value);
            a->name = n->attribute[i]->name;
        }
        n->attribute[kept++] = a;
    }
    n->n_attribute = kept;
    size_t at = 0;
    for (tl_onnx_graph_pb *g; (g = tl_onnx_next_body(n, &at));)
        for (size_t i = 0; i < g->n_node; i++)
            resolve(c, g->node[i]);
}

/* The model has to import what the function imports, and a node has no version of its own: of two the newer one, or the older.
 * Whether its operators mean in that one what they meant is for the runtime to say. */
static void import(struct tl_onnx_editing *x, const tl_onnx_function_pb *f, bool older)
{
    for (size_t i = 0; i < f->n_opset_import; i++) {
        Onnx__OperatorSetIdProto *o = f->opset_import[i], *own = tl_onnx_import_of(x->m, o->domain);
        if (!own) {
            own = tl_arena_alloc(x->m->arena, 1, sizeof *own);
            *own = *o;
            *TL_ONNX_ADD(x->m, x->m->pb->n_opset_import, x->m->pb->opset_import) = own;
        } else if (older ? o->version < own->version : o->version > own->version) {
            own->has_version = 1;
            own->version = o->version;
        }
    }
}

/* Bodies within bodies at most, from this list of nodes on. */
static size_t depth_below(struct tl_onnx_body body)
{
    size_t most = 0;
    for (size_t i = 0; i < *body.n; i++) {
        size_t at = 0;
        for (tl_onnx_graph_pb *g; (g = tl_onnx_next_body((*body.nodes)[i], &at));) {
            size_t depth = 1 + depth_below(tl_onnx_body_of_graph(g));
            most = depth > most ? depth : most;
        }
    }
    return most;
}

static size_t depth_of(const struct tl_onnx_model *m)
{
    size_t most = depth_below(tl_onnx_body_of_graph(m->pb->graph));
    for (size_t i = 0; i < m->pb->n_functions; i++) {
        size_t depth = depth_below(tl_onnx_body_of_function(m->pb->functions[i]));
        most = depth > most ? depth : most;
    }
    return most;
}

/* A call in a body, of a function with bodies, makes the model deeper. *most is what it can be at most. */
static int check_depth(struct tl_onnx_editing *x, tl_onnx_function_pb *f, size_t *most)
{
    size_t more = depth_below(tl_onnx_body_of_function(f));
    if (*most + more > DEPTH_MOST)
        *most = depth_of(x->m);
    *most += more;
    return *most <= DEPTH_MOST
               ? 0
               : tl_onnx_edit_fail(x, "bodies would stand in bodies more than %d deep", DEPTH_MOST);
}

static int inline_one(struct tl_onnx_editing *x, struct tl_onnx_taken *taken,
                      const struct tl_onnx_functions *functions, const json_t *number, bool older,
                      size_t *depth, const tl_onnx_node_pb **last)
{
    struct tl_onnx_body body;
    size_t at;
    if (tl_onnx_edit_node(x, number, &body, &at))
        return -1;
    tl_onnx_node_pb *n = (*body.nodes)[at];
    size_t i = tl_onnx_functions_of(functions, n);
    if (i == TL_ONNX_NO_NAME)
        return tl_onnx_edit_fail(x, "node %u calls no function of the model", tl_onnx_node_number(n));
    tl_onnx_function_pb *f = x->m->pb->functions[i];
    const struct call call = {x->m, n, f};
    if (check_depth(x, f, depth))
        return -1;
    import(x, f, older);
    if (n->n_output > f->n_output || n->n_input > f->n_input)
        return tl_onnx_edit_fail(x, "node %u has more inputs or outputs than its function",
                                 tl_onnx_node_number(n));
    if (x->m->n_nodes + f->n_node > NODES_MOST)
        return tl_onnx_edit_fail(x, "the model would have more than %d nodes", NODES_MOST);
    tl_onnx_node_pb **nodes = tl_arena_alloc(x->m->arena, f->n_node + 1, sizeof *nodes);
    struct tl_onnx_bound *bound = tl_arena_alloc(x->m->arena, f->n_input + 1, sizeof *bound);
    struct tl_onnx_result *results = tl_arena_alloc(x->m->arena, n->n_output + 1, sizeof *results);
    for (size_t k = 0; k < f->n_node; k++) {
        nodes[k] = tl_onnx_copy_node(x->m, f->node[k]);
        resolve(&call, nodes[k]);
    }
    *last = f->n_node ? nodes[f->n_node - 1] : NULL;
    for (size_t k = 0; k < f->n_input; k++)
        bound[k] = (struct tl_onnx_bound){f->input[k], k < n->n_input ? n->input[k] : tl_onnx_text(x->m, "")};
    for (size_t k = 0; k < n->n_output; k++)
        results[k] = (struct tl_onnx_result){.inside = f->output[k], .outside = n->output[k]};
    const struct tl_onnx_piece piece = {.nodes = nodes,
                                        .n_nodes = f->n_node,
                                        .bound = bound,
                                        .n_bound = f->n_input,
                                        .results = results,
                                        .n_results = n->n_output};
    return tl_onnx_splice(x, taken, body, at, &piece);
}

static int inline_levels(struct tl_onnx_editing *x, struct tl_onnx_taken *taken,
                         const struct tl_onnx_functions *functions, const json_t *entry, size_t *depth)
{
    const json_t *node = json_is_object(entry) ? json_object_get(entry, "node") : entry,
                 *levels = json_is_object(entry) ? json_object_get(entry, "levels") : NULL;
    const tl_onnx_node_pb *last = NULL;
    const bool older = json_is_true(json_object_get(entry, "older"));
    if (json_is_object(entry) && (!json_is_integer(levels) || json_integer_value(levels) < 1))
        return tl_onnx_edit_form(x, "how many levels, at least 1");
    int rc = inline_one(x, taken, functions, node, older, depth, &last);
    for (json_int_t i = 1; levels && i < json_integer_value(levels) && rc == 0 && last &&
                           tl_onnx_functions_of(functions, last) != TL_ONNX_NO_NAME;
         i++) {
        json_t *number = json_integer(tl_onnx_node_number(last));
        rc = inline_one(x, taken, functions, number, older, depth, &last);
        json_decref(number);
    }
    return rc;
}

int tl_onnx_inline(struct tl_onnx_editing *x, const json_t *list)
{
    struct tl_onnx_functions functions;
    struct tl_onnx_taken taken;
    size_t depth = depth_of(x->m);
    int rc = json_array_size(list) ? 0 : tl_onnx_edit_form(x, "a list of nodes");
    tl_onnx_functions_begin(&functions, x->m);
    tl_onnx_taken_begin(&taken, x->m);
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++)
        rc = inline_levels(x, &taken, &functions, json_array_get(list, i), &depth);
    tl_onnx_taken_end(&taken);
    tl_onnx_functions_end(&functions);
    if (rc == 0) {
        tl_onnx_show_unread(x->m);
        tl_onnx_sweep(x->m);
    }
    return rc;
}
