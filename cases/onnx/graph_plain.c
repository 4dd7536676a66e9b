#include "cases/onnx/graph_plain.h"
#include "cases/onnx/graph_rename.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* --- attributes --- */

static void drop_attribute(tl_onnx_node_pb *n, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < n->n_attribute; i++)
        if (strcmp(n->attribute[i]->name, name) != 0)
            n->attribute[kept++] = n->attribute[i];
    n->n_attribute = kept;
}

static ProtobufCBinaryData bytes_of(struct tl_onnx_model *m, const json_t *text)
{
    return (ProtobufCBinaryData){json_string_length(text),
                                 (uint8_t *)tl_onnx_text(m, json_string_value(text))};
}

/* Elements of a list are all of the kind of the first. */
static int set_list(struct tl_onnx_editing *x, tl_onnx_attribute_pb *a, const json_t *list)
{
    const json_t *first = json_array_get(list, 0);
    size_t n = json_array_size(list);
    a->ints = tl_arena_alloc(x->m->arena, n + 1, sizeof *a->ints);
    a->floats = tl_arena_alloc(x->m->arena, n + 1, sizeof *a->floats);
    a->strings = tl_arena_alloc(x->m->arena, n + 1, sizeof *a->strings);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        if (json_is_integer(first) && json_is_integer(v))
            a->ints[a->n_ints++] = json_integer_value(v);
        else if (json_is_real(first) && json_is_number(v))
            a->floats[a->n_floats++] = (float)json_number_value(v);
        else if (json_is_string(first) && json_is_string(v))
            a->strings[a->n_strings++] = bytes_of(x->m, v);
        else
            return tl_onnx_edit_form(x, "a list of whole numbers, of numbers or of texts");
    }
    a->type = a->n_floats    ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS
              : a->n_strings ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS
                             : ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
    return 0;
}

static int set_attribute(struct tl_onnx_editing *x, tl_onnx_node_pb *n, const char *name, const json_t *value)
{
    drop_attribute(n, name);
    if (json_is_null(value))
        return 0;
    tl_onnx_attribute_pb *a =
        tl_onnx_new_attribute(x->m, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (json_is_integer(value)) {
        a->has_i = 1;
        a->i = json_integer_value(value);
    } else if (json_is_real(value)) {
        a->has_f = 1;
        a->f = (float)json_real_value(value);
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    } else if (json_is_string(value)) {
        a->has_s = 1;
        a->s = bytes_of(x->m, value);
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
    } else if (json_is_array(value))
        return set_list(x, a, value);
    else
        return tl_onnx_edit_form(x, "null, a number, a text or a list of them");
    return 0;
}

int tl_onnx_plain_attribute(struct tl_onnx_editing *x, const json_t *list)
{
    if (!json_array_size(list))
        return tl_onnx_edit_form(x, "a list of [NODE, NAME, VALUE]");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *name = json_string_value(json_array_get(one, 1));
        struct tl_onnx_body body;
        size_t at;
        if (!name || !*name || json_array_size(one) != 3)
            return tl_onnx_edit_form(x, "[NODE, NAME, VALUE]");
        if (tl_onnx_edit_node(x, json_array_get(one, 0), &body, &at) ||
            set_attribute(x, (*body.nodes)[at], name, json_array_get(one, 2)))
            return -1;
    }
    return 0;
}

/* --- versions --- */

static int set_version(struct tl_onnx_editing *x, Onnx__OperatorSetIdProto **list, size_t n,
                       const char *domain, int64_t version, bool *found)
{
    for (size_t i = 0; i < n; i++) {
        bool standard = tl_onnx_standard_domain(domain) && tl_onnx_standard_domain(list[i]->domain);
        if (!standard && (!list[i]->domain || strcmp(list[i]->domain, domain) != 0))
            continue;
        list[i]->has_version = 1;
        list[i]->version = version;
        *found = true;
    }
    return 0;
}

int tl_onnx_plain_opset(struct tl_onnx_editing *x, const json_t *value)
{
    const char *domain = json_string_value(json_object_get(value, "domain"));
    json_int_t version = json_integer_value(json_object_get(value, "version"));
    bool found = false;
    if (!domain || version < 1)
        return tl_onnx_edit_form(x, "domain: a text, version: a whole number from 1 on");
    set_version(x, x->m->pb->opset_import, x->m->pb->n_opset_import, domain, version, &found);
    if (!found)
        return tl_onnx_edit_fail(x, "the model imports no operators of the domain %.100s",
                                 *domain ? domain : "ai.onnx");
    for (size_t i = 0; i < x->m->pb->n_functions; i++)
        set_version(x, x->m->pb->functions[i]->opset_import, x->m->pb->functions[i]->n_opset_import, domain,
                    version, &found);
    return 0;
}

int tl_onnx_plain_ir(struct tl_onnx_editing *x, const json_t *value)
{
    uint32_t version;
    if (tl_onnx_edit_number(x, value, &version))
        return -1;
    x->m->pb->has_ir_version = 1;
    x->m->pb->ir_version = version;
    return 0;
}

/* --- names --- */

/* Every name is new in the whole model, so that no name of a body can be meant by one around it. */
struct naming {
    struct tl_onnx_model *m;
    struct tl_onnx_names kept;    /* inputs and outputs of the main graph */
    struct tl_onnx_names extents; /* the symbolic ones of shapes */
    bool all;
    bool keeps_nodes, keeps_values, keeps_graphs;
    unsigned nodes, values;
};

static void rename_extents(struct naming *x, Onnx__TensorShapeProto *shape)
{
    for (size_t i = 0; shape && i < shape->n_dim; i++) {
        Onnx__TensorShapeProto__Dimension *d = shape->dim[i];
        if (d->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM || !*d->dim_param)
            continue;
        tl_onnx_names_add(&x->extents, d->dim_param, x->extents.n + 1);
        d->dim_param =
            tl_onnx_text_format(x->m, "d%u", (unsigned)tl_onnx_names_get(&x->extents, d->dim_param));
    }
}

static void rename_type(struct naming *x, Onnx__TypeProto *t)
{
    while (t && x->all)
        switch (t->value_case) {
        case ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE:
            rename_extents(x, t->tensor_type->shape);
            return;
        case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE:
            rename_extents(x, t->sparse_tensor_type->shape);
            return;
        case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
            t = t->sequence_type->elem_type;
            break;
        case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
            t = t->optional_type->elem_type;
            break;
        case ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
            t = t->map_type->value_type;
            break;
        default:
            return;
        }
}

static void rename_types(struct naming *x, tl_onnx_attribute_pb *a)
{
    rename_type(x, a->tp);
    for (size_t i = 0; i < a->n_type_protos; i++)
        rename_type(x, a->type_protos[i]);
}

struct names_scope {
    const struct names_scope *outer;
    struct tl_onnx_renames map;
};

static char *meant(const struct names_scope *s, char *name)
{
    for (; s && name && *name; s = s->outer) {
        char *to = tl_onnx_renamed(&s->map, name);
        if (to)
            return to;
    }
    return name;
}

static void define(struct naming *x, struct names_scope *s, char *name, bool keep)
{
    if (!name || !*name || tl_onnx_renamed(&s->map, name))
        return;
    char *to = name;
    while (!keep && !x->keeps_values) {
        to = tl_onnx_text_format(x->m, "v%u", ++x->values);
        if (tl_onnx_names_get(&x->kept, to) == TL_ONNX_NO_NAME)
            break;
    }
    tl_onnx_renames_add(&s->map, name, to);
}

static void define_all(struct naming *x, struct names_scope *s, struct tl_onnx_body body)
{
    const tl_onnx_graph_pb *g = body.graph;
    bool main = g == x->m->pb->graph;
#define KEPT(name) (main && (name) && tl_onnx_names_get(&x->kept, name) != TL_ONNX_NO_NAME)
    for (size_t i = 0; g && i < g->n_input; i++)
        define(x, s, g->input[i]->name, KEPT(g->input[i]->name));
    for (size_t i = 0; body.function && i < body.function->n_input; i++)
        define(x, s, body.function->input[i], false);
    for (size_t i = 0; g && i < g->n_initializer; i++)
        define(x, s, g->initializer[i]->name, KEPT(g->initializer[i]->name));
    for (size_t i = 0; g && i < g->n_sparse_initializer; i++)
        define(x, s, g->sparse_initializer[i]->values->name, KEPT(g->sparse_initializer[i]->values->name));
    for (size_t i = 0; i < *body.n; i++)
        for (size_t k = 0; k < (*body.nodes)[i]->n_output; k++)
            define(x, s, (*body.nodes)[i]->output[k], KEPT((*body.nodes)[i]->output[k]));
#undef KEPT
}

static void rename_list(const struct names_scope *s, char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        names[i] = meant(s, names[i]);
}

static void rename_values(struct naming *x, const struct names_scope *s, tl_onnx_value_pb *const *values,
                          size_t n)
{
    for (size_t i = 0; i < n; i++) {
        values[i]->name = meant(s, values[i]->name);
        rename_type(x, values[i]->type);
    }
}

static void rename_graph(struct naming *x, const struct names_scope *s, tl_onnx_graph_pb *g)
{
    rename_values(x, s, g->input, g->n_input);
    rename_values(x, s, g->output, g->n_output);
    rename_values(x, s, g->value_info, g->n_value_info);
    for (size_t i = 0; i < g->n_initializer; i++)
        g->initializer[i]->name = meant(s, g->initializer[i]->name);
    for (size_t i = 0; i < g->n_sparse_initializer; i++)
        g->sparse_initializer[i]->values->name = meant(s, g->sparse_initializer[i]->values->name);
    for (size_t i = 0; i < g->n_quantization_annotation; i++) {
        Onnx__TensorAnnotation *a = g->quantization_annotation[i];
        a->tensor_name = meant(s, a->tensor_name);
        for (size_t k = 0; k < a->n_quant_parameter_tensor_names; k++)
            a->quant_parameter_tensor_names[k]->value = meant(s, a->quant_parameter_tensor_names[k]->value);
    }
}

static void rename_body(struct naming *x, const struct names_scope *outer, struct tl_onnx_body body)
{
    struct names_scope s = {.outer = outer};
    define_all(x, &s, body);
    for (size_t i = 0; i < *body.n; i++) {
        tl_onnx_node_pb *n = (*body.nodes)[i];
        if (!x->keeps_nodes)
            n->name = tl_onnx_text_format(x->m, "n%u", ++x->nodes);
        rename_list(&s, n->input, n->n_input);
        rename_list(&s, n->output, n->n_output);
        for (size_t k = 0; k < n->n_attribute; k++)
            rename_types(x, n->attribute[k]);
        size_t at = 0;
        for (tl_onnx_graph_pb *g; (g = tl_onnx_next_body(n, &at));)
            rename_body(x, &s, tl_onnx_body_of_graph(g));
    }
    if (body.graph) {
        rename_graph(x, &s, body.graph);
        if (!x->keeps_graphs)
            body.graph->name = tl_onnx_text(x->m, "g");
    } else {
        rename_list(&s, body.function->input, body.function->n_input);
        rename_list(&s, body.function->output, body.function->n_output);
        rename_values(x, &s, body.function->value_info, body.function->n_value_info);
    }
    tl_onnx_renames_end(&s.map);
}

int tl_onnx_plain_rename(struct tl_onnx_editing *x, const json_t *value)
{
    struct naming naming = {.m = x->m};
    tl_onnx_graph_pb *g = x->m->pb->graph;
    const char *kind = json_string_value(value);
    const bool graphs = kind && !strcmp(kind, "graphs"), nodes = kind && !strcmp(kind, "nodes"),
               values = kind && !strcmp(kind, "values"), functions = kind && !strcmp(kind, "functions");
    bool all = graphs || nodes || values || functions || (kind && !strcmp(kind, "all"));
    if (!all && !json_is_true(value))
        return tl_onnx_edit_form(x, "true, \"all\", \"graphs\", \"nodes\", \"values\" or \"functions\"");
    naming.keeps_graphs = nodes || values || functions;
    naming.keeps_nodes = graphs || values || functions;
    naming.keeps_values = graphs || nodes || functions;
    naming.all = all && !naming.keeps_values;
    for (size_t i = 0; !all && i < g->n_input; i++)
        tl_onnx_names_add(&naming.kept, g->input[i]->name, i);
    for (size_t i = 0; !all && i < g->n_output; i++)
        tl_onnx_names_add(&naming.kept, g->output[i]->name, i);
    if (all && !graphs && !nodes && !values)
        tl_onnx_rename_functions(x->m);
    rename_body(&naming, NULL, tl_onnx_body_of_graph(g));
    for (size_t i = 0; i < x->m->pb->n_functions; i++)
        rename_body(&naming, NULL, tl_onnx_body_of_function(x->m->pb->functions[i]));
    tl_onnx_names_free(&naming.kept);
    tl_onnx_names_free(&naming.extents);
    return 0;
}
