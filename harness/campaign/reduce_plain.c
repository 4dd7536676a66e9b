/* What stands beside the nodes: attributes go to their defaults, the opset to the oldest that fails, half floats to floats,
 * documentation and metadata away, and names to n1, v1. */
#include "harness/campaign/reduce_parts.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MOST 20

/* Takes over what one more edit makes, where it fails. */
static int one_more(struct tl_reduce_state *s, struct tl_reduce_candidate *k, const char *kind, json_t *value,
                    bool *failed, struct tl_error *e)
{
    struct tl_reduce_candidate more = tl_reduce_copy(k);
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    tl_onnx_edits_add(&more.edits, kind, value);
    int result = s->stopped ? 0 : tl_reduce_try(s, &more, &v, e);
    *failed = !result && v == TL_REDUCE_FAIL;
    if (*failed)
        tl_reduce_take(k, &more);
    tl_reduce_drop(&more);
    return result;
}

static int attributes(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_error *e)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n = 0;
    int result = 0;
    if (m)
        tl_onnx_nodes(m, &nodes, &n);
    for (size_t i = 0; i < n && n <= NODES_MOST && !result; i++) {
        const char **names = NULL;
        size_t n_names = 0;
        if (strcmp(nodes[i].op_type, "Constant") != 0)
            tl_onnx_attributes(m, nodes[i].number, &names, &n_names);
        for (size_t a = 0; a < n_names && !result && !s->stopped; a++) {
            bool failed;
            result = one_more(s, k, "attribute",
                              json_pack("[[I,s,n]]", (json_int_t)nodes[i].number, names[a]), &failed, e);
        }
        free(names);
    }
    free(nodes);
    tl_onnx_model_free(m);
    return result;
}

static int oldest_opset(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_error *e)
{
    static const int versions[] = {7, 9, 11, 13, 15, 17, 19, 21};
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    json_t *opsets = m ? tl_onnx_opsets(m) : NULL;
    json_int_t now = json_integer_value(json_object_get(opsets, "ai.onnx"));
    bool failed = false;
    int result = 0;
    json_decref(opsets);
    tl_onnx_model_free(m);
    for (size_t i = 0; i < TL_COUNT(versions) && versions[i] < now && !failed && !result && !s->stopped; i++)
        result =
            one_more(s, k, "opset", json_pack("{s:s,s:i}", "domain", "", "version", versions[i]), &failed, e);
    return result;
}

static bool has_halves(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    json_t *names = tl_reduce_inputs(s, k), *name;
    bool any = false;
    size_t i;
    json_array_foreach(names, i, name) {
        const char *dtype =
            json_string_value(json_object_get(json_object_get(s->inputs, json_string_value(name)), "dtype"));
        any = any || (dtype && !strcmp(dtype, "float16"));
    }
    json_decref(names);
    return any;
}

/* Inputs are then floats, too: recorded values stay what they are, and with those it cannot be tried. */
static int floats(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_error *e)
{
    struct tl_reduce_candidate more = tl_reduce_copy(k);
    json_t *names = tl_reduce_inputs(s, k), *name;
    bool failed = false, can = true;
    size_t i;
    json_array_foreach(names, i, name) {
        const char *text = json_string_value(name);
        const json_t *own = json_object_get(more.instead, text),
                     *input = own ? own : json_object_get(s->inputs, text);
        const char *dtype = json_string_value(json_object_get(input, "dtype"));
        if (!dtype || strcmp(dtype, "float16") != 0)
            continue;
        can = can && json_object_get(input, "fill");
        json_t *wide = json_deep_copy(input);
        json_object_set_new(wide, "dtype", json_string("float32"));
        more.instead = more.instead ? more.instead : json_object();
        json_object_set_new(more.instead, text, wide);
    }
    json_decref(names);
    int result = can ? one_more(s, &more, "float32", json_integer(TL_DTYPE_FLOAT16), &failed, e) : 0;
    if (failed)
        tl_reduce_take(k, &more);
    tl_reduce_drop(&more);
    return result;
}

/* New names; inputs are told by their place. */
static int names(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_error *e)
{
    struct tl_reduce_candidate more = tl_reduce_copy(k);
    enum tl_reduce_verdict v;
    int result = 0;
    tl_onnx_edits_add(&more.edits, "rename", json_string("all"));
    json_t *before = tl_reduce_inputs(s, k), *after = tl_reduce_inputs(s, &more), *name;
    size_t i;
    if (json_array_size(before) == json_array_size(after)) {
        json_t *renamed = json_object();
        json_array_foreach(after, i, name) {
            const char *old = json_string_value(json_array_get(before, i));
            const json_t *older = json_object_get(k->renamed, old);
            json_object_set_new(renamed, json_string_value(name),
                                json_string(older ? json_string_value(older) : old));
        }
        json_decref(more.renamed);
        more.renamed = renamed;
        result = tl_reduce_try(s, &more, &v, e);
        if (!result && v == TL_REDUCE_FAIL)
            tl_reduce_take(k, &more);
    }
    json_decref(before);
    json_decref(after);
    tl_reduce_drop(&more);
    return result;
}

int tl_reduce_plain(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_error *e)
{
    bool failed;
    tl_reduce_step(s, "attributes");
    tl_reduce_tell(s, "");
    if (attributes(s, k, e))
        return -1;
    tl_reduce_step(s, "types and versions");
    tl_reduce_tell(s, "");
    if ((has_halves(s, k) && floats(s, k, e)) || oldest_opset(s, k, e))
        return -1;
    tl_reduce_step(s, "names");
    tl_reduce_tell(s, "");
    if (one_more(s, k, "strip", json_true(), &failed, e))
        return -1;
    return s->r->keep_names || s->named || s->stopped ? 0 : names(s, k, e);
}
