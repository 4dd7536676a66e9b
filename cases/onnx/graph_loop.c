/* Loop has as inputs the number of iterations, a condition, and the values that it carries from one to the next; its body has
 * the number of the iteration in the place of the first, and makes the condition before the values. Scan has carried values
 * first, then those that it goes through along an axis, and ends when they do. What else a body makes is stacked along an axis
 * from one iteration to the next: of a single one that axis has size 1. */
#include "cases/onnx/graph_loop.h"
#include "cases/onnx/graph_cut.h"
#include "cases/onnx/graph_index.h"
#include "cases/onnx/graph_splice.h"
#include "cases/onnx/graph_sweep.h"

#include <string.h>

struct loop {
    struct tl_onnx_body body;
    size_t at;
    tl_onnx_node_pb *node;
    tl_onnx_graph_pb *inner;
    bool scan;
    size_t n_carried; /* values */
    size_t n_scanned; /* of Scan: inputs that it goes through */
};

static int find_loop(struct tl_onnx_editing *x, const json_t *number, struct loop *l)
{
    *l = (struct loop){0};
    if (tl_onnx_edit_node(x, number, &l->body, &l->at))
        return -1;
    l->node = (*l->body.nodes)[l->at];
    uint32_t n = tl_onnx_node_number(l->node);
    const tl_onnx_attribute_pb *a = tl_onnx_attribute(l->node, "body");
    l->scan = tl_onnx_is(l->node, "Scan");
    if ((!l->scan && !tl_onnx_is(l->node, "Loop")) || !a || !a->g)
        return tl_onnx_edit_fail(x, "node %u is no Loop and no Scan with a body", n);
    l->inner = a->g;
    if (l->scan && tl_onnx_opset(x->m, "") < 9)
        return tl_onnx_edit_fail(
            x, "node %u is a Scan of opset 8, which goes through batches; that is not supported", n);
    if (l->scan) {
        int64_t scanned = tl_onnx_int(l->node, "num_scan_inputs", 0);
        if (scanned < 1 || (uint64_t)scanned > l->node->n_input)
            return tl_onnx_edit_fail(x, "node %u does not say what it goes through", n);
        l->n_scanned = (size_t)scanned;
        l->n_carried = l->node->n_input - l->n_scanned;
    } else
        l->n_carried = l->node->n_input > 2 ? l->node->n_input - 2 : 0;
    size_t inputs = l->scan ? l->n_carried + l->n_scanned : l->n_carried + 2;
    size_t outputs = l->node->n_output + !l->scan;
    if (!l->node->n_input || l->inner->n_input != inputs || l->inner->n_output < outputs ||
        l->node->n_output < l->n_carried)
        return tl_onnx_edit_fail(x, "the body of node %u has not the inputs and outputs that the node needs",
                                 n);
    return 0;
}

static int64_t list_value(const tl_onnx_node_pb *n, const char *name, size_t i)
{
    const tl_onnx_attribute_pb *a = tl_onnx_attribute(n, name);
    return a && i < a->n_ints ? a->ints[i] : 0;
}

struct added {
    tl_onnx_node_pb **nodes;
    size_t n;
};

static char *add_integers(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, struct added *list,
                          const char *base, size_t n, const int64_t *values)
{
    char *name = tl_onnx_fresh(x->m, taken, base);
    list->nodes[list->n++] = tl_onnx_constant_node(x->m, name, tl_onnx_integers(x->m, NULL, n, values));
    return name;
}

/* A Slice, in the form that the model's opset has. */
static char *add_slice(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, struct added *list, char *data,
                       int64_t from, int64_t to, int64_t axis)
{
    bool as_inputs = tl_onnx_opset(x->m, "") >= 10;
    tl_onnx_node_pb *n = tl_onnx_new_node(x->m, NULL, "Slice", as_inputs ? 4 : 1, 1);
    n->input[0] = data;
    n->output[0] = tl_onnx_fresh(x->m, taken, data);
    if (as_inputs) {
        n->input[1] = add_integers(x, taken, list, "starts", 1, &from);
        n->input[2] = add_integers(x, taken, list, "ends", 1, &to);
        n->input[3] = add_integers(x, taken, list, "axes", 1, &axis);
    } else {
        tl_onnx_set_ints(x->m, n, "starts", 1, &from);
        tl_onnx_set_ints(x->m, n, "ends", 1, &to);
        tl_onnx_set_ints(x->m, n, "axes", 1, &axis);
    }
    list->nodes[list->n++] = n;
    return n->output[0];
}

static int set_trips(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, const json_t *one)
{
    struct loop l;
    uint32_t count;
    if (!json_is_array(one) || json_array_size(one) != 2)
        return tl_onnx_edit_form(x, "[NODE, COUNT]");
    if (find_loop(x, json_array_get(one, 0), &l) || tl_onnx_edit_number(x, json_array_get(one, 1), &count))
        return -1;
    int64_t n = count;
    struct added list = {tl_arena_alloc(x->m->arena, 4 * l.n_scanned + 1, sizeof *list.nodes), 0};
    if (!l.scan)
        l.node->input[0] = add_integers(x, taken, &list, "trips", 0, &n);
    for (size_t i = 0; i < l.n_scanned; i++) {
        bool back = list_value(l.node, "scan_input_directions", i) == 1;
        char **input = &l.node->input[l.n_carried + i];
        if (back && !n)
            return tl_onnx_edit_fail(x, "a Scan that goes backwards cannot be given no iteration");
        *input = add_slice(x, taken, &list, *input, back ? -n : 0, back ? INT64_MAX : n,
                           list_value(l.node, "scan_input_axes", i));
    }
    tl_onnx_insert(x->m, l.body, l.at, 0, list.n, list.nodes);
    return 0;
}

int tl_onnx_loop_trips(struct tl_onnx_editing *x, const json_t *list)
{
    int rc = tl_onnx_edit_each(x, list, "a list of [NODE, COUNT]", set_trips);
    if (rc == 0)
        tl_onnx_sweep(x->m);
    return rc;
}

/* --- one iteration --- */

static tl_onnx_tensor_pb *truth(struct tl_onnx_model *m)
{
    tl_onnx_tensor_pb *t = tl_onnx_new_tensor(m, NULL);
    t->has_data_type = 1;
    t->data_type = TL_DTYPE_BOOL;
    t->has_raw_data = 1;
    t->raw_data.len = 1;
    t->raw_data.data = tl_arena_alloc(m->arena, 1, 1);
    t->raw_data.data[0] = 1;
    return t;
}

static int carried(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, struct added *list,
                   const json_t *state, char *initial, char **name)
{
    tl_onnx_tensor_pb *t;
    *name = initial;
    if (!state || json_is_null(state))
        return 0;
    *name = tl_onnx_fresh(x->m, taken, *initial ? initial : "state");
    if (tl_onnx_edit_tensor(x, state, *name, &t))
        return -1;
    list->nodes[list->n++] = tl_onnx_constant_node(x->m, *name, t);
    return 0;
}

static char *element(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, struct added *list,
                     const struct loop *l, size_t i, int64_t index)
{
    int64_t place = list_value(l->node, "scan_input_directions", i) == 1 ? -1 - index : index;
    tl_onnx_node_pb *n = tl_onnx_new_node(x->m, NULL, "Gather", 2, 1);
    n->input[0] = l->node->input[l->n_carried + i];
    n->input[1] = add_integers(x, taken, list, "index", 0, &place);
    n->output[0] = tl_onnx_fresh(x->m, taken, n->input[0]);
    tl_onnx_set_int(x->m, n, "axis", list_value(l->node, "scan_input_axes", i));
    list->nodes[list->n++] = n;
    return n->output[0];
}

static int bind_inputs(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, const struct loop *l,
                       const json_t *state, int64_t index, struct tl_onnx_bound *bound, struct added *list)
{
    size_t n = 0, first = l->scan ? 0 : 2;
    if (!l->scan) {
        char *condition = tl_onnx_fresh(x->m, taken, "condition");
        bound[n++].outside = add_integers(x, taken, list, "iteration", 0, &index);
        list->nodes[list->n++] = tl_onnx_constant_node(x->m, condition, truth(x->m));
        bound[n++].outside = condition;
    }
    for (size_t i = 0; i < l->n_carried; i++)
        if (carried(x, taken, list, json_array_get(state, i), l->node->input[first + i], &bound[n++].outside))
            return -1;
    for (size_t i = 0; i < l->n_scanned; i++)
        bound[n++].outside = element(x, taken, list, l, i, index);
    for (size_t i = 0; i < n; i++)
        bound[i].inside = l->inner->input[i]->name;
    return 0;
}

static int iterate(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, const json_t *one)
{
    struct loop l;
    uint32_t index;
    const json_t *state = json_object_get(one, "state");
    if (find_loop(x, json_object_get(one, "node"), &l) ||
        tl_onnx_edit_number(x, json_object_get(one, "index"), &index))
        return -1;
    if (state && (!json_is_array(state) || json_array_size(state) != l.n_carried))
        return tl_onnx_edit_fail(x, "the state is a list of %zu tensors or nulls", l.n_carried);
    size_t n_bound = l.inner->n_input, n_results = l.node->n_output;
    struct tl_onnx_bound *bound = tl_arena_alloc(x->m->arena, n_bound + 1, sizeof *bound);
    struct tl_onnx_result *results = tl_arena_alloc(x->m->arena, n_results + 1, sizeof *results);
    struct added list = {tl_arena_alloc(x->m->arena, 2 + l.n_carried + 2 * l.n_scanned, sizeof *list.nodes),
                         0};
    if (bind_inputs(x, taken, &l, state, index, bound, &list))
        return -1;
    for (size_t i = 0; i < n_results; i++) {
        results[i] = (struct tl_onnx_result){.inside = l.inner->output[i + !l.scan]->name,
                                             .outside = l.node->output[i]};
        results[i].stacked = i >= l.n_carried;
        results[i].axis =
            results[i].stacked && l.scan ? list_value(l.node, "scan_output_axes", i - l.n_carried) : 0;
    }
    tl_onnx_insert(x->m, l.body, l.at, 0, list.n, list.nodes);
    const struct tl_onnx_piece piece = {.nodes = l.inner->node,
                                        .n_nodes = l.inner->n_node,
                                        .graph = l.inner,
                                        .bound = bound,
                                        .n_bound = n_bound,
                                        .results = results,
                                        .n_results = n_results};
    return tl_onnx_splice(x, taken, l.body, l.at + list.n, &piece);
}

int tl_onnx_loop_iteration(struct tl_onnx_editing *x, const json_t *list)
{
    int rc = tl_onnx_edit_each(x, list, "a list of {node, index, state}", iterate);
    if (rc == 0) {
        tl_onnx_show_unread(x->m);
        tl_onnx_sweep(x->m);
    }
    return rc;
}

/* --- fewer values --- */

/* Which of n places a list names; NULL when it is none of them. */
static const bool *places(struct tl_onnx_editing *x, const json_t *list, size_t n)
{
    bool *marked = tl_arena_alloc(x->m->arena, n + 1, sizeof *marked);
    if (list && !json_is_array(list)) {
        tl_onnx_edit_form(x, "a list of places");
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        uint32_t place;
        if (tl_onnx_edit_number(x, json_array_get(list, i), &place))
            return NULL;
        if (place >= n) {
            tl_onnx_edit_fail(x, "there is no place %u of %zu", place, n);
            return NULL;
        }
        marked[place] = true;
    }
    return marked;
}

static bool is_read(struct tl_onnx_body body, const char *name)
{
    struct tl_onnx_index *index = tl_onnx_index_new(body);
    size_t v = *name ? tl_onnx_names_get(&index->names, name) : TL_ONNX_NO_NAME;
    bool read = v != TL_ONNX_NO_NAME && (index->values[v].n_readers || index->values[v].graph_output);
    tl_onnx_index_free(index);
    return read;
}

static bool is_made(tl_onnx_graph_pb *g, const char *name)
{
    struct tl_onnx_index *index = tl_onnx_index_new(tl_onnx_body_of_graph(g));
    size_t v = tl_onnx_names_get(&index->names, name);
    bool made = v != TL_ONNX_NO_NAME && (index->values[v].producer != TL_ONNX_NO_NAME ||
                                         index->values[v].input || index->values[v].initializer);
    tl_onnx_index_free(index);
    return made;
}

/* Marked ones of the places from `first` on leave a list of pointers. */
#define LEAVE(list, n, first, marked, n_marked) ((n) = leave((void **)(list), n, first, marked, n_marked))
static size_t leave(void **list, size_t n, size_t first, const bool *marked, size_t n_marked)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (i < first || i >= first + n_marked || !marked[i - first])
            list[kept++] = list[i];
    return kept;
}

static void leave_numbers(const tl_onnx_node_pb *n, const char *attribute, const bool *marked,
                          size_t n_marked)
{
    const tl_onnx_attribute_pb *of = tl_onnx_attribute(n, attribute);
    for (size_t i = 0; of && i < n->n_attribute; i++) {
        tl_onnx_attribute_pb *a = n->attribute[i];
        size_t kept = 0;
        for (size_t k = 0; a == of && k < a->n_ints; k++)
            if (k >= n_marked || !marked[k])
                a->ints[kept++] = a->ints[k];
        a->n_ints = a == of ? kept : a->n_ints;
    }
}

/* The body reads the value that a state begins with, where it read the state. What it hands out may not come from outside. */
static int settle(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, const struct loop *l,
                  const bool *carried)
{
    struct tl_onnx_renames reads = {0};
    const size_t first = l->scan ? 0 : 2;
    int rc = 0;
    for (size_t i = 0; i < l->n_carried && rc == 0; i++) {
        if (!carried[i])
            continue;
        char *begins = l->node->input[first + i], *state = l->inner->input[first + i]->name;
        if (!*begins || (strcmp(begins, state) != 0 && is_made(l->inner, begins)))
            rc = tl_onnx_edit_fail(x, "the body of node %u cannot read what state %zu begins with",
                                   tl_onnx_node_number(l->node), i);
        else
            tl_onnx_renames_add(&reads, state, begins);
    }
    if (rc == 0)
        tl_onnx_rename_reads(l->inner->node, l->inner->n_node, &reads);
    for (size_t i = 0; i < l->inner->n_output && rc == 0; i++) {
        char *begins = tl_onnx_renamed(&reads, l->inner->output[i]->name);
        if (!begins)
            continue;
        tl_onnx_node_pb *identity = tl_onnx_new_node(x->m, NULL, "Identity", 1, 1);
        identity->input[0] = begins;
        identity->output[0] = tl_onnx_fresh(x->m, taken, l->inner->output[i]->name);
        l->inner->output[i]->name = identity->output[0];
        tl_onnx_insert(x->m, tl_onnx_body_of_graph(l->inner), l->inner->n_node, 0, 1, &identity);
    }
    tl_onnx_renames_end(&reads);
    return rc;
}

static int narrow(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, const json_t *one)
{
    struct loop l;
    if (find_loop(x, json_object_get(one, "node"), &l))
        return -1;
    const uint32_t number = tl_onnx_node_number(l.node);
    const size_t n_stacked = l.node->n_output - l.n_carried, first = l.scan ? 0 : 2;
    const bool *carried = places(x, json_object_get(one, "carried"), l.n_carried);
    const bool *stacked = carried ? places(x, json_object_get(one, "stacked"), n_stacked) : NULL;
    const bool *scanned = stacked ? places(x, json_object_get(one, "scanned"), l.n_scanned) : NULL;
    size_t outputs = 0, through = 0;
    if (!scanned)
        return -1;
    for (size_t i = 0; i < l.node->n_output; i++) {
        bool leaves = i < l.n_carried ? carried[i] : stacked[i - l.n_carried];
        outputs += !leaves;
        if (leaves && is_read(l.body, l.node->output[i]))
            return tl_onnx_edit_fail(x, "output %zu of node %u is read", i, number);
    }
    for (size_t i = 0; i < l.n_scanned; i++) {
        through += !scanned[i];
        if (scanned[i] && is_read(tl_onnx_body_of_graph(l.inner), l.inner->input[l.n_carried + i]->name))
            return tl_onnx_edit_fail(x, "the body of node %u reads what it goes through", number);
    }
    if (!outputs || (l.scan && !through))
        return tl_onnx_edit_fail(x, "nothing would be left of node %u", number);
    if (settle(x, taken, &l, carried))
        return -1;
    /* From the back, so that places in front stay what they are. */
    LEAVE(l.node->input, l.node->n_input, first + l.n_carried, scanned, l.n_scanned);
    LEAVE(l.node->input, l.node->n_input, first, carried, l.n_carried);
    LEAVE(l.inner->input, l.inner->n_input, first + l.n_carried, scanned, l.n_scanned);
    LEAVE(l.inner->input, l.inner->n_input, first, carried, l.n_carried);
    LEAVE(l.node->output, l.node->n_output, l.n_carried, stacked, n_stacked);
    LEAVE(l.node->output, l.node->n_output, 0, carried, l.n_carried);
    LEAVE(l.inner->output, l.inner->n_output, !l.scan + l.n_carried, stacked, n_stacked);
    LEAVE(l.inner->output, l.inner->n_output, !l.scan, carried, l.n_carried);
    leave_numbers(l.node, "scan_input_axes", scanned, l.n_scanned);
    leave_numbers(l.node, "scan_input_directions", scanned, l.n_scanned);
    leave_numbers(l.node, "scan_output_axes", stacked, n_stacked);
    leave_numbers(l.node, "scan_output_directions", stacked, n_stacked);
    for (size_t i = 0; l.scan && i < l.node->n_attribute; i++)
        if (!strcmp(l.node->attribute[i]->name, "num_scan_inputs"))
            l.node->attribute[i]->i = (int64_t)through;
    return 0;
}

int tl_onnx_loop_narrow(struct tl_onnx_editing *x, const json_t *list)
{
    int rc = tl_onnx_edit_each(x, list, "a list of {node, carried, stacked, scanned}", narrow);
    if (rc == 0)
        tl_onnx_sweep(x->m);
    return rc;
}
