/* What stands beside the nodes: operands that may be left out, attributes at their defaults, types that are usual ones,
 * documentation, metadata and what nothing needs away, and names that are n1, v1. */
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/model_inputs.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MOST 20

static uint8_t *written(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k, size_t *size)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    uint8_t *bytes = NULL;
    *size = 0;
    if (m && tl_onnx_model_write(m, &bytes, size, &ignored))
        bytes = NULL;
    tl_onnx_model_free(m);
    return bytes;
}

bool tl_reduce_makes_another(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                             const char *kind, json_t *value)
{
    struct tl_reduce_candidate more = tl_reduce_copy(k);
    size_t n, m;
    tl_onnx_edits_add(&more.edits, kind, value);
    uint8_t *before = written(s, k, &n), *after = written(s, &more, &m);
    bool other = before && after && (n != m || memcmp(before, after, n) != 0);
    free(before);
    free(after);
    tl_reduce_drop(&more);
    return other;
}

/* --- operands ----------------------------------------------------------------------------------------------------- */

/* All operands of these have to be there. */
static bool needs_all(const struct tl_onnx_node_facts *n)
{
    static const char *const operators[] = {
        "Add", "And", "Div",   "Equal", "Gather", "GatherND", "Greater", "Less", "MatMul", "Mod",
        "Mul", "Or",  "PRelu", "Pow",   "Expand", "Reshape",  "Sub",     "Tile", "Where",  "Xor"};
    return n->n_inputs < 2 || (!*n->domain && tl_is_one_of(n->op_type, operators, TL_COUNT(operators)));
}

int tl_reduce_optional(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_error *e)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n = 0;
    bool begun = false;
    int result = 0;
    if (m)
        tl_onnx_nodes(m, &nodes, &n);
    for (size_t i = 0; i < n && n <= NODES_MOST && !result; i++) {
        for (size_t at = needs_all(&nodes[i]) ? 0 : nodes[i].n_inputs; at-- > 0 && !result && !s->stopped;) {
            enum tl_reduce_verdict verdict;
            if (!*nodes[i].inputs[at])
                continue;
            if (!begun)
                tl_reduce_step(s, "operands");
            begun = true;
            tl_reduce_tell(s, nodes[i].op_type);
            result = tl_reduce_one_more(
                s, k, "omit", json_pack("[[I,I]]", (json_int_t)nodes[i].number, (json_int_t)at), &verdict, e);
        }
    }
    free(nodes);
    tl_onnx_model_free(m);
    return result;
}

/* --- attributes --------------------------------------------------------------------------------------------------- */

/* All of a part of the list at once; where that does not fail, each half of it. */
static int to_defaults(struct tl_reduce_state *s, struct tl_reduce_candidate *k, const json_t *list,
                       size_t from, size_t n, struct tl_error *e)
{
    enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
    json_t *part = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append(part, json_array_get(list, from + i));
    int result = n ? tl_reduce_one_more(s, k, "attribute", json_incref(part), &verdict, e) : 0;
    json_decref(part);
    if (result || n < 2 || verdict == TL_REDUCE_FAIL || s->stopped)
        return result;
    return to_defaults(s, k, list, from, n / 2, e) || to_defaults(s, k, list, from + n / 2, n - n / 2, e) ? -1
                                                                                                          : 0;
}

static int attributes(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_error *e)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n = 0;
    json_t *list = json_array();
    if (m)
        tl_onnx_nodes(m, &nodes, &n);
    for (size_t i = 0; i < n && n <= NODES_MOST; i++) {
        const char **names = NULL;
        size_t n_names = 0;
        if (strcmp(nodes[i].op_type, "Constant") != 0)
            tl_onnx_attributes(m, nodes[i].number, &names, &n_names);
        for (size_t a = 0; a < n_names; a++)
            json_array_append_new(list, json_pack("[I,s,n]", (json_int_t)nodes[i].number, names[a]));
        free(names);
    }
    free(nodes);
    tl_onnx_model_free(m);
    int result = to_defaults(s, k, list, 0, json_array_size(list), e);
    json_decref(list);
    return result;
}

/* --- types -------------------------------------------------------------------------------------------------------- */

/* Inputs are given in the types that the model has them in. */
static void follow_types(const struct tl_reduce_state *s, struct tl_reduce_candidate *k)
{
    struct tl_onnx_inputs declared = {0};
    size_t size;
    char why[256];
    uint8_t *bytes = written(s, k, &size);
    if (bytes && !tl_onnx_inputs_read(bytes, size, &declared, why, sizeof why))
        for (size_t i = 0; i < declared.n; i++) {
            const char *type = tl_dtype_name((enum tl_dtype)declared.list[i].dtype),
                       *name = declared.list[i].name;
            const json_t *input = tl_reduce_input_now(s, k, name);
            const char *now = json_string_value(json_object_get(input, "dtype"));
            if (!type || !now || !strcmp(type, now))
                continue;
            json_t *other = json_deep_copy(input);
            if (!json_object_get(input, "fill")) {
                json_object_del(other, "recorded");
                json_object_del(other, "tainted");
                other = json_pack("{s:s,s:O,s:o}", "name", name, "shape", json_object_get(input, "shape"),
                                  "from", other);
            }
            json_object_set_new(other, "dtype", json_string(type));
            tl_reduce_set_input(k, name, other);
        }
    tl_onnx_inputs_free(&declared);
    free(bytes);
}

static int types(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_error *e)
{
    static const int floats[] = {TL_DTYPE_FLOAT16, TL_DTYPE_BFLOAT16, TL_DTYPE_FLOAT64, 0};
    int result = 0;
    for (size_t i = 0; i < TL_COUNT(floats) && !result && !s->stopped; i++) {
        const char *kind = floats[i] ? "float32" : "int32";
        struct tl_reduce_candidate more = tl_reduce_copy(k);
        enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
        json_t *value = floats[i] ? json_integer(floats[i]) : json_true();
        if (tl_reduce_makes_another(s, k, kind, json_incref(value))) {
            tl_onnx_edits_add(&more.edits, kind, json_incref(value));
            follow_types(s, &more);
            result = tl_reduce_try(s, &more, &verdict, e);
        }
        if (!result && verdict == TL_REDUCE_FAIL)
            tl_reduce_take(k, &more);
        json_decref(value);
        tl_reduce_drop(&more);
    }
    return result;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* New names of one kind, or all; inputs are told by their place. */
static int rename_kind(struct tl_reduce_state *s, struct tl_reduce_candidate *k, const char *kind,
                       bool *fails, struct tl_error *e)
{
    struct tl_reduce_candidate more = tl_reduce_copy(k);
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    int result = 0;
    tl_onnx_edits_add(&more.edits, "rename", json_string(kind));
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
    }
    *fails = !result && v == TL_REDUCE_FAIL;
    if (*fails)
        tl_reduce_take(k, &more);
    json_decref(before);
    json_decref(after);
    tl_reduce_drop(&more);
    return result;
}

/* All of them; where the failure hangs on names of one kind, the others. */
static int names(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_error *e)
{
    static const char *const kinds[] = {"graphs", "nodes", "values", "functions"};
    bool fails = false, ignored;
    int result = rename_kind(s, k, "all", &fails, e);
    for (size_t i = 0; i < TL_COUNT(kinds) && !fails && !result && !s->stopped; i++)
        if (tl_reduce_makes_another(s, k, "rename", json_string(kinds[i])))
            result = rename_kind(s, k, kinds[i], &ignored, e);
    return result;
}

int tl_reduce_plain(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                    struct tl_error *e)
{
    enum tl_reduce_verdict verdict;
    if (tl_reduce_in_files(s, k, v, e)) /* what was too large before its sizes were smaller */
        return -1;
    if (s->stopped)
        return 0;
    tl_reduce_step(s, "attributes");
    tl_reduce_tell(s, "");
    if (attributes(s, k, e))
        return -1;
    tl_reduce_step(s, "types and versions");
    tl_reduce_tell(s, "");
    if (types(s, k, e) || (!s->stopped && tl_reduce_versions(s, k, v, e)) ||
        (!s->stopped && tl_reduce_again(s, k, v, e)) || (!s->stopped && tl_reduce_texts(s, k, v, e)))
        return -1;
    tl_reduce_step(s, "names");
    tl_reduce_tell(s, "");
    if (!s->stopped && tl_reduce_makes_another(s, k, "unused", json_true()) &&
        tl_reduce_one_more(s, k, "unused", json_true(), &verdict, e))
        return -1;
    if (!s->stopped && tl_reduce_makes_another(s, k, "strip", json_true()) &&
        tl_reduce_one_more(s, k, "strip", json_true(), &verdict, e))
        return -1;
    if (!s->stopped && tl_reduce_declare(s, k, TL_REDUCE_FAIL, e))
        return -1;
    return s->r->keep_names || s->named || s->stopped ? 0 : names(s, k, e);
}
