/* What a node hands on when it leaves, so that the values of the failure still flow.
 *
 * Types alone do not tell: of a minimum of two branches one operand carries the zero that the failure needs, and two Reshapes one
 * behind the other are each of another shape than what goes into them, although nothing is changed by both. So every value is
 * known by its elements as well, from the run that recorded it, and an output is best replaced by what is equal to it, wherever
 * that is made: an operand, else the earliest value of all. Where nothing is equal, an operand of the same type and shape is
 * taken, the earliest that there is, so that most of what leads to the others leaves as well; in the end anything of that type and
 * shape. */
#include "harness/campaign/reduce_graph.h"

#include "cases/npy.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "harness/base/hash.h"
#include "harness/search/bypass.h"

#include <stdlib.h>
#include <string.h>

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

static void add_value(struct tl_reduce_graph *g, const char *name, size_t maker)
{
    if (*name && tl_onnx_names_add(&g->places, name, g->n_values))
        *TL_GROW(g->values, g->n_values) = (struct tl_reduce_value){.name = name, .maker = maker};
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
        if (json_object_get(s->inputs, inputs[i]))
            add_value(g, inputs[i], TL_ONNX_NO_NAME);
    struct tl_onnx_use *uses = NULL;
    tl_onnx_uses(g->m, &uses, &n_uses);
    for (size_t i = 0; i < n_uses; i++) {
        size_t v = tl_onnx_names_get(&g->places, uses[i].name);
        if (v != TL_ONNX_NO_NAME && uses[i].node <= highest && place[uses[i].node])
            *TL_GROW(g->values[v].readers, g->values[v].n_readers) = place[uses[i].node] - 1;
    }
    free(uses);
    free(inputs);
    free(place);
    free(by_number);
    free(order);
    return g->n ? 0 : tl_fail(e, TL_ERROR_INPUT, "cannot reduce it", s->r->c->model_file, "it has no nodes");
}

/* --- types and contents -------------------------------------------------------------------------------------- */

static char *type_of(const struct tl_reduce_state *s, const char *name)
{
    const json_t *input = json_object_get(s->inputs, name), *shape = json_object_get(input, "shape");
    const char *dtype = json_string_value(json_object_get(input, "dtype"));
    char *dims = shape ? json_dumps(shape, JSON_COMPACT) : NULL;
    char *type = dtype && dims ? tl_format("%s%s", dtype, dims) : NULL;
    free(dims);
    return type;
}

static char *content_of(const struct tl_reduce_state *s, const char *name, const char *type)
{
    const char *npy = json_string_value(json_object_get(json_object_get(s->inputs, name), "npy"));
    struct tl_error ignored;
    struct tl_npy h;
    char id[TL_ID_SIZE], *content = NULL;
    if (!npy || !type || tl_npy_open(npy, &h, &ignored) || h.bytes > CONTENT_MOST)
        return NULL;
    void *data = tl_malloc((size_t)h.bytes + 1);
    if (!tl_npy_read(npy, &h, data, (size_t)h.bytes, &ignored)) {
        tl_content_id(data, (size_t)h.bytes, id);
        content = tl_format("%s %s", type, id);
    }
    free(data);
    return content;
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
        operands[i].depth = v ? depth_of(v) : TL_BYPASS_NONE;
    }
    /* Where nothing is known the first that is no constant. */
    for (size_t i = 1; !g->typed && i < node->n_inputs; i++)
        if (operands[i - 1].depth != TL_BYPASS_NONE)
            operands[i].depth = TL_BYPASS_NONE;
    size_t way = wanted ? tl_bypass_choose(wanted, operands, node->n_inputs) : TL_BYPASS_NONE;
    free(operands);
    return way == TL_BYPASS_NONE ? NULL : tl_reduce_graph_value(g, node->inputs[way]);
}

/* The first values of each type, or of each content: of inputs, and in the order in which they are made. */
static void index_firsts(const struct tl_reduce_graph *g, bool by_content, struct tl_onnx_names *firsts)
{
    for (int inputs = 1; inputs >= 0; inputs--)
        for (size_t i = 0; i < g->n_values; i++) {
            const char *key = by_content ? g->values[i].content : g->values[i].type;
            if (key && (g->values[i].maker == TL_ONNX_NO_NAME) == inputs)
                tl_onnx_names_add(firsts, key, i);
        }
}

static const struct tl_reduce_value *earliest(const struct tl_reduce_graph *g,
                                              const struct tl_onnx_names *firsts, const char *key,
                                              const struct tl_reduce_value *made)
{
    size_t at = key ? tl_onnx_names_get(firsts, key) : TL_ONNX_NO_NAME;
    return at != TL_ONNX_NO_NAME && depth_of(&g->values[at]) < depth_of(made) ? &g->values[at] : NULL;
}

void tl_reduce_graph_learn(const struct tl_reduce_state *s, struct tl_reduce_graph *g, bool typed)
{
    struct tl_onnx_names types = {0}, contents = {0};
    g->typed = typed;
    free(g->ways);
    g->ways = tl_calloc(g->n_values + 1, sizeof *g->ways);
    for (size_t i = 0; i < g->n_values; i++) {
        struct tl_reduce_value *v = &g->values[i];
        free(v->type);
        free(v->content);
        v->type = type_of(s, v->name);
        v->content = content_of(s, v->name, v->type);
    }
    index_firsts(g, false, &types);
    index_firsts(g, true, &contents);
    for (size_t i = 0; i < g->n_values; i++) {
        const struct tl_reduce_value *made = &g->values[i], *way = NULL;
        if (made->maker == TL_ONNX_NO_NAME)
            continue;
        way = g->typed ? operand(g, made, true) : NULL;
        way = way || !g->typed ? way : earliest(g, &contents, made->content, made);
        way = way ? way : operand(g, made, false);
        g->ways[i] = way || !g->typed ? way : earliest(g, &types, made->type, made);
    }
    tl_onnx_names_free(&types);
    tl_onnx_names_free(&contents);
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

size_t tl_reduce_graph_others(const struct tl_reduce_graph *g, const struct tl_reduce_value *made,
                              const struct tl_reduce_value **others, size_t most)
{
    const struct tl_reduce_value *way = g->ways[made - g->values];
    size_t n = 0, dtype = made->type ? strcspn(made->type, "[") : 0;
    const struct tl_onnx_node_facts *node = g->nodes[made->maker];
    for (size_t i = 0; i < node->n_inputs && n < most; i++) {
        const struct tl_reduce_value *v = tl_reduce_graph_value(g, node->inputs[i]);
        bool seen = !v || v == way || !same(v->type, made->type);
        for (size_t k = 0; k < n && !seen; k++)
            seen = others[k] == v;
        if (!seen)
            others[n++] = v;
    }
    /* Inputs first, then the others from the front, of the same kind of element. */
    for (int inputs = 1; inputs >= 0; inputs--)
        for (size_t i = 0; i < g->n_values && n < most && dtype; i++) {
            const struct tl_reduce_value *v = &g->values[i];
            bool seen = v == way || (v->maker == TL_ONNX_NO_NAME) != inputs || depth_of(v) >= depth_of(made) ||
                        !v->type || strncmp(v->type, made->type, dtype + 1) != 0;
            for (size_t k = 0; k < n && !seen; k++)
                seen = others[k] == v;
            if (!seen)
                others[n++] = v;
        }
    return n;
}
