/* What a node hands on when it leaves, so that the values of the failure still flow.
 *
 * Types alone do not tell: of a minimum of two branches one operand carries the zero that the failure needs, and two Reshapes one
 * behind the other are each of another shape than what goes into them, although nothing is changed by both. So every value is
 * known by its elements as well, from the run that recorded it, and an output is best replaced by what is equal to it, wherever
 * that is made: an operand, else the value that was made last. Where nothing is equal, an operand of the same type and shape is
 * taken, the earliest that there is, so that most of what leads to the others leaves as well; in the end anything of that type and
 * shape. */
#include "harness/campaign/reduce/graph.h"

#include "cases/npy.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/tensor_pb.h"
#include "harness/base/buffer.h"
#include "harness/base/hash.h"
#include "harness/search/bypass.h"

#include <stdlib.h>
#include <string.h>

#define WEIGHT_MOST 65536                 /* bytes of a tensor of the model that is handed on */
#define CONTENT_MOST ((uint64_t)64 << 20) /* bytes of a value that is compared by its elements */

void tl_reduce_graph_free(struct tl_reduce_graph *g)
{
    for (size_t i = 0; i < g->n_values; i++) {
        free(g->values[i].readers);
        free(g->values[i].type);
        free(g->values[i].content);
    }
    free(g->values);
    free(g->ways);
    tl_onnx_names_free(&g->places);
    free(g->nodes);
    free(g->all);
    tl_onnx_model_free(g->m);
    *g = (struct tl_reduce_graph){0};
}

/* --- types and contents -------------------------------------------------------------------------------------- */

static char *type_text(const char *dtype, const json_t *shape)
{
    char *dims = shape ? json_dumps(shape, JSON_COMPACT) : NULL;
    char *type = dtype && dims ? tl_format("%s%s", dtype, dims) : NULL;
    free(dims);
    return type;
}

static char *content_text(const char *type, const void *data, size_t size)
{
    char id[TL_ID_SIZE];
    tl_content_id(data, size, id);
    return tl_format("%s %s", type, id);
}

static char *content_of(const json_t *input, const char *type)
{
    const char *npy = json_string_value(json_object_get(input, "npy"));
    struct tl_error ignored;
    struct tl_npy h;
    char *content = NULL;
    if (!npy || !type || tl_npy_open(npy, &h, &ignored) || h.bytes > CONTENT_MOST)
        return NULL;
    void *data = tl_malloc((size_t)h.bytes + 1);
    if (!tl_npy_read(npy, &h, data, (size_t)h.bytes, &ignored))
        content = content_text(type, data, (size_t)h.bytes);
    free(data);
    return content;
}

/* --- the graph -------------------------------------------------------------------------------------------------- */

static void add_value(struct tl_reduce_graph *g, const char *name, size_t maker)
{
    if (*name && tl_onnx_names_add(&g->places, name, g->n_values))
        *TL_GROW(g->values, g->n_values) = (struct tl_reduce_value){.name = name, .maker = maker};
}

/* Tensors of the model are values as well, the small ones with their elements. */
static void add_weights(const struct tl_reduce_state *s, struct tl_reduce_graph *g)
{
    struct tl_onnx_weight *list = NULL;
    size_t n = 0;
    tl_onnx_weights(g->m, &list, &n);
    for (size_t i = 0; i < n; i++) {
        size_t before = g->n_values, size = 0;
        struct tl_error ignored;
        struct tl_tensor_pb t;
        uint8_t *bytes = NULL;
        char why[256];
        const char *dtype = tl_dtype_name((enum tl_dtype)list[i].type);
        if (list[i].node != TL_ONNX_NOWHERE || !list[i].name)
            continue;
        add_value(g, list[i].name, TL_ONNX_NO_NAME);
        if (g->n_values == before)
            continue;
        struct tl_reduce_value *v = &g->values[before];
        v->fixed = true;
        if (!dtype || !list[i].bytes || list[i].bytes > WEIGHT_MOST ||
            tl_onnx_weight_read(g->m, list[i].number, s->directory, &bytes, &size, &ignored))
            continue;
        if (!tl_tensor_pb_read(bytes, size, &t, why, sizeof why)) {
            json_t *shape = json_array();
            for (size_t d = 0; d < t.rank; d++)
                json_array_append_new(shape, json_integer(t.dims[d]));
            v->type = type_text(dtype, shape);
            v->content = t.data ? content_text(v->type, t.data, (size_t)t.elements * t.type->size) : NULL;
            json_decref(shape);
            tl_tensor_pb_free(&t);
        }
        free(bytes);
    }
    free(list);
}

/* Inputs are not fixed, and so is nothing that hangs on one. */
static void find_fixed(struct tl_reduce_graph *g)
{
    bool *moves = tl_calloc(g->n + 1, sizeof *moves); /* nodes that read something that is not */
    for (size_t i = 0; i < g->n_values; i++)
        for (size_t r = 0;
             g->values[i].maker == TL_ONNX_NO_NAME && !g->values[i].fixed && r < g->values[i].n_readers; r++)
            moves[g->values[i].readers[r]] = true;
    for (size_t i = 0; i < g->n; i++)
        for (size_t o = 0; o < g->nodes[i]->n_outputs; o++) {
            size_t at = *g->nodes[i]->outputs[o] ? tl_onnx_names_get(&g->places, g->nodes[i]->outputs[o])
                                                 : TL_ONNX_NO_NAME;
            if (at == TL_ONNX_NO_NAME)
                continue;
            g->values[at].fixed = !moves[i];
            for (size_t r = 0; moves[i] && r < g->values[at].n_readers; r++)
                moves[g->values[at].readers[r]] = true;
        }
    free(moves);
}

int tl_reduce_graph_read(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                         struct tl_reduce_graph *g, struct tl_error *e)
{
    uint32_t *order = NULL;
    *g = (struct tl_reduce_graph){0};
    if (!(g->m = tl_reduce_load(s, k, e)))
        return -1;
    tl_onnx_nodes(g->m, &g->all, &g->n_all);
    tl_onnx_order(g->m, &order, &g->n);
    g->nodes = tl_calloc(g->n + 1, sizeof *g->nodes);
    uint32_t highest = 0;
    for (size_t i = 0; i < g->n_all; i++)
        highest = g->all[i].number > highest ? g->all[i].number : highest;
    const struct tl_onnx_node_facts **by_number = tl_calloc((size_t)highest + 2, sizeof *by_number);
    size_t *place = tl_calloc((size_t)highest + 2, sizeof *place);
    for (size_t i = 0; i < g->n_all; i++)
        by_number[g->all[i].number] = &g->all[i];
    for (size_t i = 0; i < g->n; i++) {
        g->nodes[i] = by_number[order[i]];
        place[order[i]] = i + 1;
    }
    for (size_t i = 0; i < g->n; i++)
        for (size_t o = 0; o < g->nodes[i]->n_outputs; o++)
            add_value(g, g->nodes[i]->outputs[o], i);
    const char **inputs = NULL;
    size_t n_inputs = 0, n_uses = 0;
    tl_onnx_inputs(g->m, &inputs, &n_inputs);
    for (size_t i = 0; i < n_inputs; i++)
        add_value(g, inputs[i], TL_ONNX_NO_NAME);
    add_weights(s, g);
    struct tl_onnx_use *uses = NULL;
    tl_onnx_uses(g->m, &uses, &n_uses);
    for (size_t i = 0; i < n_uses; i++) {
        size_t v = tl_onnx_names_get(&g->places, uses[i].name);
        if (v != TL_ONNX_NO_NAME && uses[i].node <= highest && place[uses[i].node])
            *TL_GROW(g->values[v].readers, g->values[v].n_readers) = place[uses[i].node] - 1;
    }
    free(uses);
    free(inputs);
    find_fixed(g);
    free(place);
    free(by_number);
    free(order);
    return g->n ? 0 : tl_fail(e, TL_ERROR_INPUT, "cannot reduce it", s->r->c->model_file, "it has no nodes");
}

const struct tl_reduce_value *tl_reduce_graph_value(const struct tl_reduce_graph *g, const char *name)
{
    size_t at = *name ? tl_onnx_names_get(&g->places, name) : TL_ONNX_NO_NAME;
    return at == TL_ONNX_NO_NAME ? NULL : &g->values[at];
}

/* --- ways ----------------------------------------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

static size_t depth_of(const struct tl_reduce_value *v)
{
    return v->maker == TL_ONNX_NO_NAME ? 0 : v->maker + 1;
}

/* What is fixed is computed, and fails, when the session is made, and the rest when it runs: none becomes the other. A tensor of
 * the model is handed on only where it is equal, or where no values are known that could tell. */
static bool may_follow(const struct tl_reduce_graph *g, const struct tl_reduce_value *made,
                       const struct tl_reduce_value *v, bool equal)
{
    return made->fixed == v->fixed && (equal || !g->typed || !v->fixed || v->maker != TL_ONNX_NO_NAME);
}

/* An operand of the maker that has the same content (or only type), the earliest; else NULL. */
static const struct tl_reduce_value *operand(const struct tl_reduce_graph *g,
                                             const struct tl_reduce_value *made, bool equal)
{
    const struct tl_onnx_node_facts *node = g->nodes[made->maker];
    struct tl_bypass_operand *operands = tl_calloc(node->n_inputs + 1, sizeof *operands);
    const char *wanted = !g->typed ? "" : equal ? made->content : made->type;
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct tl_reduce_value *v = tl_reduce_graph_value(g, node->inputs[i]);
        operands[i].type = !v ? NULL : !g->typed ? "" : equal ? v->content : v->type;
        operands[i].depth = v && may_follow(g, made, v, equal) ? depth_of(v) : TL_BYPASS_NONE;
    }
    /* Where nothing is known the first that may be. */
    for (size_t i = 1; !g->typed && i < node->n_inputs; i++)
        if (operands[i - 1].depth != TL_BYPASS_NONE)
            operands[i].depth = TL_BYPASS_NONE;
    size_t way = wanted ? tl_bypass_choose(wanted, operands, node->n_inputs) : TL_BYPASS_NONE;
    free(operands);
    return way == TL_BYPASS_NONE ? NULL : tl_reduce_graph_value(g, node->inputs[way]);
}

/* What was made last of each type or content, while the graph is gone through in its order. */
struct seen {
    struct tl_onnx_names keys;
    size_t *values; /* for each key */
};

static const struct tl_reduce_value *look_up(const struct tl_reduce_graph *g, const struct seen *seen,
                                             const char *key)
{
    size_t at = key ? tl_onnx_names_get(&seen->keys, key) : TL_ONNX_NO_NAME;
    return at == TL_ONNX_NO_NAME ? NULL : &g->values[seen->values[at]];
}

static void note(struct seen *seen, const char *key, size_t value, bool latest)
{
    size_t n = seen->keys.n, at = key ? tl_onnx_names_get(&seen->keys, key) : 0;
    if (!key || (at != TL_ONNX_NO_NAME && !latest))
        return;
    if (at == TL_ONNX_NO_NAME) {
        at = n;
        seen->values = tl_realloc(seen->values, n + 1, sizeof *seen->values);
        tl_onnx_names_add(&seen->keys, key, at);
    }
    seen->values[at] = value;
}

struct ways {
    struct seen types[2], contents[2]; /* of what is not fixed, and of what is */
};

static void note_value(const struct tl_reduce_graph *g, struct ways *w, size_t i)
{
    const struct tl_reduce_value *v = &g->values[i];
    note(&w->contents[v->fixed], v->content, i, true);
    if (may_follow(g, v, v, false))
        note(&w->types[v->fixed], v->type, i, false);
}

/* Equal elements first: of an operand, else those that were made last, which are the same on their way most likely. */
static const struct tl_reduce_value *way_of(const struct tl_reduce_graph *g, const struct ways *w,
                                            const struct tl_reduce_value *made)
{
    const struct tl_reduce_value *way = g->typed ? operand(g, made, true) : NULL;
    way = way || !g->typed ? way : look_up(g, &w->contents[made->fixed], made->content);
    way = way ? way : operand(g, made, false);
    return way || !g->typed ? way : look_up(g, &w->types[made->fixed], made->type);
}

void tl_reduce_graph_learn(const struct tl_reduce_state *s, struct tl_reduce_graph *g, bool typed)
{
    struct ways w = {0};
    g->typed = typed;
    free(g->ways);
    g->ways = tl_calloc(g->n_values + 1, sizeof *g->ways);
    for (size_t i = 0; i < g->n_values; i++) {
        struct tl_reduce_value *v = &g->values[i];
        const json_t *input = json_object_get(s->inputs, v->name);
        if (v->fixed && v->maker == TL_ONNX_NO_NAME)
            continue;
        free(v->type);
        free(v->content);
        v->type =
            type_text(json_string_value(json_object_get(input, "dtype")), json_object_get(input, "shape"));
        v->content = content_of(input, v->type);
    }
    for (size_t i = 0; i < g->n_values; i++)
        if (g->values[i].maker == TL_ONNX_NO_NAME)
            note_value(g, &w, i);
    for (size_t i = 0, end; i < g->n_values; i = end) { /* what one node makes */
        for (end = i; end < g->n_values && g->values[end].maker == g->values[i].maker; end++)
            if (g->values[end].maker != TL_ONNX_NO_NAME)
                g->ways[end] = way_of(g, &w, &g->values[end]);
        for (size_t k = i; k < end; k++)
            if (g->values[k].maker != TL_ONNX_NO_NAME)
                note_value(g, &w, k);
    }
    for (int fixed = 0; fixed < 2; fixed++) {
        tl_onnx_names_free(&w.types[fixed].keys);
        tl_onnx_names_free(&w.contents[fixed].keys);
        free(w.types[fixed].values);
        free(w.contents[fixed].values);
    }
}

bool tl_reduce_graph_neutral(const struct tl_reduce_graph *g, size_t node)
{
    const struct tl_onnx_node_facts *facts = g->nodes[node];
    for (size_t i = 0; i < facts->n_outputs; i++) {
        const struct tl_reduce_value *v = tl_reduce_graph_value(g, facts->outputs[i]);
        const struct tl_reduce_value *way = v ? g->ways[v - g->values] : NULL;
        if (v && v->n_readers && !(way && same(way->content, v->content)))
            return false;
    }
    return true;
}

struct others {
    const struct tl_reduce_value **list;
    size_t n, most;
    const struct tl_reduce_value *made, *way;
};

static void add_other(struct others *o, const struct tl_reduce_value *v)
{
    bool seen = !v || v == o->way || depth_of(v) >= depth_of(o->made) || o->n == o->most;
    for (size_t i = 0; i < o->n && !seen; i++)
        seen = o->list[i] == v;
    if (!seen)
        o->list[o->n++] = v;
}

size_t tl_reduce_graph_others(const struct tl_reduce_graph *g, const struct tl_reduce_value *made,
                              const struct tl_reduce_value **others, size_t most)
{
    struct others o = {others, 0, most, made, g->ways[made - g->values]};
    const struct tl_onnx_node_facts *node = g->nodes[made->maker];
    size_t dtype = made->type ? strcspn(made->type, "[") : 0;
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct tl_reduce_value *v = tl_reduce_graph_value(g, node->inputs[i]);
        if (v && (made->type ? same(v->type, made->type)
                             : v->fixed == made->fixed)) /* of what is not known any operand may do */
            add_other(&o, v);
    }
    for (size_t i = 0; i < g->n_values; i++)
        if (g->values[i].maker == TL_ONNX_NO_NAME && g->values[i].fixed &&
            same(g->values[i].content, made->content))
            add_other(&o, &g->values[i]);
    /* Inputs first, then the others from the front, of the same kind of element. */
    for (int inputs = 1; inputs >= 0 && dtype; inputs--)
        for (size_t i = 0; i < g->n_values; i++) {
            const struct tl_reduce_value *v = &g->values[i];
            if (!v->fixed && (v->maker == TL_ONNX_NO_NAME) == inputs && v->type &&
                !strncmp(v->type, made->type, dtype + 1))
                add_other(&o, v);
        }
    return o.n;
}
