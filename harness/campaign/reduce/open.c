/* What is inside a node: an If becomes the branch that ran, a Loop or Scan runs as few times as will do and then once, a call of a
 * function becomes what is in it. The last node of the model is opened, as that is where the failure ends; the passes before
 * then begin anew with what was in it. Others are where the smallest model is searched that is fed from the original's inputs. */
#include "harness/campaign/reduce/graph.h"

#include "cases/npy.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/tensor_pb.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIPS_MOST 65536
#define LEVELS_MOST 65536 /* of calls in calls */

/* Takes over the candidate where it fails. */
static int keep_if_failing(struct tl_reduce_state *s, struct tl_reduce_candidate *k, bool *failed,
                           struct tl_error *e)
{
    enum tl_reduce_verdict v;
    int result = tl_reduce_try(s, k, &v, e);
    *failed = !result && v == TL_REDUCE_FAIL;
    if (*failed)
        tl_reduce_take(&s->now, k);
    tl_reduce_drop(k);
    return result;
}

/* What a condition was when it ran; true where that was not recorded. */
bool tl_reduce_condition(const struct tl_reduce_state *s, const char *name)
{
    const char *npy = json_string_value(json_object_get(json_object_get(s->inputs, name), "npy"));
    struct tl_error ignored;
    struct tl_npy h;
    uint8_t value = 1;
    if (npy && !tl_npy_open(npy, &h, &ignored) && h.bytes == 1 && tl_npy_read(npy, &h, &value, 1, &ignored))
        value = 1;
    return value;
}

/* Nodes Constant of a body or function become initializers, as those of the model did. */
static void fold(const struct tl_reduce_state *s, struct tl_reduce_candidate *k)
{
    if (s->folds)
        tl_onnx_edit_fold(&k->edits, true);
}

static int open_if(struct tl_reduce_state *s, const struct tl_onnx_node_facts *node, bool *opened,
                   struct tl_error *e)
{
    bool first = node->n_inputs ? tl_reduce_condition(s, node->inputs[0]) : true;
    int result = 0;
    for (int turn = 0; turn < 2 && !result && !*opened && !s->stopped; turn++) {
        struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
        tl_onnx_edit_branch(&k.edits, node->number, turn ? !first : first);
        fold(s, &k);
        result = keep_if_failing(s, &k, opened, e);
    }
    return result;
}

/* Whether the last node of a candidate calls a function of the model. */
static bool ends_in_call(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_node_facts *nodes = NULL;
    uint32_t *order = NULL;
    size_t n = 0, n_order = 0;
    bool ends = false;
    if (m) {
        tl_onnx_nodes(m, &nodes, &n);
        tl_onnx_order(m, &order, &n_order);
    }
    for (size_t i = 0; i < n && n_order; i++)
        if (nodes[i].number == order[n_order - 1])
            ends = tl_reduce_is_call(nodes, n, &nodes[i]);
    free(order);
    free(nodes);
    tl_onnx_model_free(m);
    return ends;
}

/* The model with a call opened; older: of two versions of an operator set that model and function import the older one stays. */
static struct tl_reduce_candidate with_call_open(const struct tl_reduce_state *s,
                                                 const struct tl_onnx_node_facts *node, uint32_t levels,
                                                 bool older)
{
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    if (older)
        tl_onnx_edits_add(&k.edits, "inline",
                          json_pack("[{s:I,s:I,s:b}]", "node", (json_int_t)node->number, "levels",
                                    (json_int_t)levels, "older", 1));
    else if (levels > 1)
        tl_onnx_edit_inline_levels(&k.edits, node->number, levels);
    else
        tl_onnx_edit_inline(&k.edits, &node->number, 1);
    fold(s, &k);
    return k;
}

static json_t *imports(const struct tl_reduce_state *s, const struct tl_onnx_node_facts *node, bool older)
{
    struct tl_error ignored;
    struct tl_reduce_candidate k = with_call_open(s, node, 1, older);
    struct tl_onnx_model *m = tl_reduce_load(s, &k, &ignored);
    json_t *list = m ? tl_onnx_opsets(m) : json_null();
    tl_onnx_model_free(m);
    tl_reduce_drop(&k);
    return list;
}

static int open_call_with(struct tl_reduce_state *s, const struct tl_onnx_node_facts *node, bool older,
                          bool *opened, struct tl_error *e)
{
    uint32_t fails = 0, more = 1, fewer = LEVELS_MOST;
    struct tl_reduce_candidate k = with_call_open(s, node, 1, older), best = {0};
    int result = 0;
    if (!ends_in_call(s, &k))
        return keep_if_failing(s, &k, opened, e);
    tl_reduce_drop(&k);
    /* Calls within calls: twice as many levels as long as it fails, and then the most with which it does. */
    while (fails + 1 < fewer && !result && !s->stopped) {
        enum tl_reduce_verdict v;
        char text[40];
        k = with_call_open(s, node, more, older);
        snprintf(text, sizeof text, "%u levels of calls", more);
        tl_reduce_tell(s, text);
        result = tl_reduce_try(s, &k, &v, e);
        if (!result && v == TL_REDUCE_FAIL) {
            fails = more;
            fewer = ends_in_call(s, &k) ? fewer : fails + 1;
            tl_reduce_take(&best, &k);
        } else {
            fewer = more;
        }
        tl_reduce_drop(&k);
        more = fewer == LEVELS_MOST && fails < LEVELS_MOST / 2 ? fails * 2 : fails + (fewer - fails) / 2;
    }
    *opened = fails && !result && !s->stopped;
    if (fails && !result)
        tl_reduce_take(&s->now, &best);
    tl_reduce_drop(&best);
    return result;
}

/* A function may import another version of an operator set than the model does. */
static int open_call(struct tl_reduce_state *s, const struct tl_onnx_node_facts *node, bool *opened,
                     struct tl_error *e)
{
    int result = open_call_with(s, node, false, opened, e);
    if (result || *opened || s->stopped)
        return result;
    json_t *newer = imports(s, node, false), *older = imports(s, node, true);
    if (!json_equal(newer, older))
        result = open_call_with(s, node, true, opened, e);
    json_decref(newer);
    json_decref(older);
    return result;
}

static int try_trips(struct tl_reduce_state *s, uint32_t node, int64_t count, enum tl_reduce_verdict *v,
                     struct tl_error *e)
{
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    tl_onnx_edit_trips(&k.edits, node, count);
    int result = tl_reduce_try(s, &k, v, e);
    tl_reduce_drop(&k);
    return result;
}

static bool is_in(const struct tl_onnx_weight *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].name && !strcmp(list[i].name, name))
            return true;
    return false;
}

/* A tensor of the model as lists of inputs have it, in a file of the reduction; NULL: it is of a type that no input has. */
static json_t *weight_of(const struct tl_reduce_state *s, struct tl_onnx_model *m,
                         const struct tl_onnx_weight *w)
{
    struct tl_error ignored;
    struct tl_tensor_pb t;
    uint8_t *bytes = NULL;
    size_t size;
    char why[256], id[TL_ID_SIZE];
    if (w->bytes > TL_REDUCE_VALUE_MOST ||
        tl_onnx_weight_read(m, w->number, s->directory, &bytes, &size, &ignored))
        return NULL;
    tl_content_id(bytes, size, id);
    json_t *made = NULL;
    bool read = !tl_tensor_pb_read(bytes, size, &t, why, sizeof why);
    enum tl_dtype dtype = (enum tl_dtype)w->type;
    char *path = tl_format("%s/values/%s.npy", s->work, id);
    free(bytes);
    if (read && tl_dtype_name(dtype) && t.data && !tl_make_parents(path, 0700) &&
        !tl_npy_write(path, dtype, t.rank, t.dims, t.data, &ignored)) {
        json_t *shape = json_array();
        for (size_t i = 0; i < t.rank; i++)
            json_array_append_new(shape, json_integer(t.dims[i]));
        made = json_pack("{s:s,s:s,s:o,s:s,s:b}", "name", w->name, "dtype", tl_dtype_name(dtype), "shape",
                         shape, "npy", path, "recorded", 1);
    }
    if (read)
        tl_tensor_pb_free(&t);
    free(path);
    return made;
}

/* A tensor of the model becomes known as an input. False: it is of a type that no input has. */
static bool know_tensor(struct tl_reduce_state *s, struct tl_onnx_model *m, const struct tl_onnx_weight *w)
{
    json_t *input = weight_of(s, m, w);
    return input && !json_object_set_new(s->inputs, w->name, input);
}

/* What an edit made constants becomes inputs with these values: what hangs on constants alone is computed when the session is
 * made, and would fail there. False: there is none. */
static bool feed_constants(struct tl_reduce_state *s, struct tl_reduce_candidate *k)
{
    struct tl_error ignored;
    struct tl_onnx_model *before = tl_reduce_load(s, &s->now, &ignored), *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_weight *old = NULL, *list = NULL;
    size_t n_old = 0, n = 0, n_names = 0;
    if (before)
        tl_onnx_weights(before, &old, &n_old);
    if (m)
        tl_onnx_weights(m, &list, &n);
    const char **names = tl_calloc(n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++)
        if (list[i].name && *list[i].name && !is_in(old, n_old, list[i].name) && know_tensor(s, m, &list[i]))
            names[n_names++] = list[i].name;
    bool any = n_names && tl_reduce_begin_at(s, k, names, n_names);
    free(names);
    free(list);
    free(old);
    tl_onnx_model_free(before);
    tl_onnx_model_free(m);
    return any;
}

/* One iteration with its state as inputs: of the shapes that it had, and of any shape, as a state that grows has. */
static int fed_iteration(struct tl_reduce_state *s, const struct tl_reduce_candidate *constant, bool *opened,
                         bool *fed, struct tl_error *e)
{
    static const enum tl_reduce_beginning ways[] = {TL_REDUCE_BEGIN_FIXED, TL_REDUCE_BEGIN_OPEN};
    const enum tl_reduce_beginning before = s->begins;
    int result = 0;
    for (size_t i = 0; i < TL_COUNT(ways) && !result && !*opened && !s->stopped; i++) {
        struct tl_reduce_candidate k = tl_reduce_copy(constant);
        s->begins = ways[i];
        if (feed_constants(s, &k)) {
            *fed = true;
            result = keep_if_failing(s, &k, opened, e);
        } else {
            tl_reduce_drop(&k);
        }
    }
    s->begins = before;
    return result;
}

/* One iteration, with the state that the ones before it left: they are run by themselves, and the node's first outputs are
 * that. */
static int one_iteration(struct tl_reduce_state *s, const struct tl_onnx_node_facts *node, size_t states,
                         int64_t count, bool *opened, struct tl_error *e)
{
    bool all = true, fed_state = false;
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now), before = tl_reduce_copy(&s->now);
    json_t *state = json_array();
    int result = 0;
    const char **names = tl_calloc(states + 1, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < states && i < node->n_outputs; i++)
        if (*node->outputs[i])
            names[n++] = node->outputs[i];
    if (count > 1) {
        tl_onnx_edit_trips(&before.edits, node->number, count - 1);
        for (size_t i = 0; i < n; i++)
            json_object_del(s->inputs, names[i]);
        result = n ? tl_reduce_record(s, &before, names, n, &all, e) : 0;
    }
    for (size_t i = 0; i < states; i++) {
        const char *name = i < node->n_outputs ? node->outputs[i] : "";
        json_t *tensor = count > 1 && *name ? tl_reduce_recorded_tensor(s, &k, name) : NULL;
        fed_state = fed_state || tensor;
        json_array_append_new(state, tensor ? tensor : json_null());
    }
    for (size_t i = 0; i < n; i++) /* they are what the loop made so far, and not its outputs */
        json_object_del(s->inputs, names[i]);
    if (!result && all && !s->stopped) {
        tl_onnx_edits_add(&k.edits, "iteration",
                          json_pack("[{s:I,s:I,s:O}]", "node", (json_int_t)node->number, "index",
                                    (json_int_t)(count - 1), "state", state));
        fold(s, &k);
        struct tl_reduce_candidate constant = tl_reduce_copy(&k);
        result = keep_if_failing(s, &k, opened, e);
        if (!result && !*opened && !s->stopped)
            result = fed_iteration(s, &constant, opened, &fed_state, e);
        s->fed = s->fed || (*opened && fed_state);
        tl_reduce_drop(&constant);
    }
    json_decref(state);
    free(names);
    tl_reduce_drop(&k);
    tl_reduce_drop(&before);
    return result;
}

static int open_loop(struct tl_reduce_state *s, const struct tl_onnx_node_facts *node, size_t states,
                     bool *opened, struct tl_error *e)
{
    int64_t passes = 0, fails = 0;
    int result = 0;
    for (int64_t count = 1; !fails && count <= TRIPS_MOST && !result && !s->stopped; count *= 2) {
        enum tl_reduce_verdict v;
        result = try_trips(s, node->number, count, &v, e);
        if (!result && v == TL_REDUCE_FAIL)
            fails = count;
        else if (!result && v == TL_REDUCE_INVALID)
            break;
        else
            passes = count;
    }
    while (fails > passes + 1 && !result && !s->stopped) {
        enum tl_reduce_verdict v;
        int64_t count = passes + (fails - passes) / 2;
        result = try_trips(s, node->number, count, &v, e);
        if (!result && v == TL_REDUCE_FAIL)
            fails = count;
        else
            passes = count;
    }
    if (!result && fails && !s->stopped)
        json_object_set_new(s->step, "trips", json_integer(fails));
    return !result && fails && !s->stopped ? one_iteration(s, node, states, fails, opened, e) : result;
}

bool tl_reduce_is_call(const struct tl_onnx_node_facts *nodes, size_t n,
                       const struct tl_onnx_node_facts *node)
{
    for (size_t i = 0; i < n && *node->domain; i++)
        if (nodes[i].function && !strcmp(nodes[i].function, node->op_type))
            return true;
    return false;
}

/* The first iteration, where nodes behind the loop take what a later one made out of what was stacked: they hand on what the first
 * one makes. */
static int first_iteration(struct tl_reduce_state *s, const struct tl_reduce_graph *g,
                           const struct tl_onnx_node_facts *node, size_t states, bool *opened,
                           struct tl_error *e)
{
    struct tl_onnx_way *list = NULL;
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    size_t n = 0;
    for (size_t i = states; i < node->n_outputs; i++) {
        const struct tl_reduce_value *v = tl_reduce_graph_value(g, node->outputs[i]);
        for (size_t r = 0; v && r < v->n_readers; r++) {
            const struct tl_onnx_node_facts *reader = g->nodes[v->readers[r]];
            if (v->readers[r] + 1 < g->n && reader->n_outputs == 1 && reader->n_inputs &&
                !strcmp(reader->inputs[0], v->name))
                *TL_GROW(list, n) = (struct tl_onnx_way){.node = reader->number};
        }
    }
    tl_onnx_edits_add(&k.edits, "iteration",
                      json_pack("[{s:I,s:i}]", "node", (json_int_t)node->number, "index", 0));
    if (n)
        tl_onnx_edit_bypass(&k.edits, list, n);
    fold(s, &k);
    free(list);
    if (n)
        return keep_if_failing(s, &k, opened, e);
    tl_reduce_drop(&k);
    return 0;
}

int tl_reduce_open_node(struct tl_reduce_state *s, const struct tl_reduce_graph *g, size_t place,
                        bool *opened, struct tl_error *e)
{
    const struct tl_onnx_node_facts *node = g->nodes[place];
    size_t states = tl_onnx_carried(g->m, node->number);
    bool known = !*node->domain && node->n_bodies;
    *opened = false;
    if (!known && !tl_reduce_is_call(g->all, g->n_all, node))
        return 0;
    tl_reduce_tell(s, node->op_type);
    if (!known)
        return open_call(s, node, opened, e);
    if (!strcmp(node->op_type, "If"))
        return open_if(s, node, opened, e);
    int result = open_loop(s, node, states, opened, e);
    if (!result && !*opened && !s->stopped && place + 1 < g->n)
        result = first_iteration(s, g, node, states, opened, e);
    return result;
}

int tl_reduce_open(struct tl_reduce_state *s, bool *opened, struct tl_error *e)
{
    struct tl_error ignored;
    struct tl_reduce_graph g;
    int result = 0;
    *opened = false;
    if (tl_reduce_graph_read(s, &s->now, &g, &ignored)) {
        tl_reduce_graph_free(&g);
        return 0;
    }
    const struct tl_onnx_node_facts *last = g.nodes[g.n - 1];
    if ((!*last->domain && last->n_bodies) || tl_reduce_is_call(g.all, g.n_all, last)) {
        tl_reduce_step(s, "inside");
        json_object_set_new(s->step, "of", json_string(last->op_type));
        result = tl_reduce_open_node(s, &g, g.n - 1, opened, e);
    }
    tl_reduce_graph_free(&g);
    s->nodes = tl_reduce_count(s, s->model.edits.list && !*opened ? &s->model : &s->now);
    return result;
}
