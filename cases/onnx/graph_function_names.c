/* Functions of a model under new names: they are F1, F2 … of domains local1, local2 …, and their attributes a1, a2 … A domain that has
 * operators as well keeps its name, as it is the runtime's, and so does a function that stands for one of ONNX's own. */
#include "cases/onnx/graph_functions.h"
#include "cases/onnx/graph_plain.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

struct function_names {
    struct tl_onnx_model *m;
    struct tl_onnx_functions functions;
    struct tl_onnx_names domains;       /* of functions alone */
    struct tl_onnx_renames *attributes; /* of each function */
};

static int note_operators(void *arg, struct tl_onnx_body body)
{
    struct function_names *x = arg;
    for (size_t i = 0; i < *body.n; i++) {
        const tl_onnx_node_pb *n = (*body.nodes)[i];
        if (!tl_onnx_standard_domain(n->domain) && tl_onnx_functions_of(&x->functions, n) == TL_ONNX_NO_NAME)
            tl_onnx_names_add(&x->domains, n->domain, 0);
    }
    return 0;
}

/* 0: it is the runtime's, too. */
static char *new_domain(const struct function_names *x, char *domain)
{
    size_t number = tl_onnx_standard_domain(domain) ? 0 : tl_onnx_names_get(&x->domains, domain);
    return !number || number == TL_ONNX_NO_NAME ? domain : tl_onnx_text_format(x->m, "local%zu", number);
}

static int rename_calls(void *arg, struct tl_onnx_body body)
{
    struct function_names *x = arg;
    for (size_t i = 0; i < *body.n; i++) {
        tl_onnx_node_pb *n = (*body.nodes)[i];
        size_t callee = tl_onnx_functions_of(&x->functions, n);
        if (callee == TL_ONNX_NO_NAME || tl_onnx_standard_domain(n->domain))
            continue;
        n->op_type = tl_onnx_text_format(x->m, "F%zu", callee + 1);
        n->domain = new_domain(x, n->domain);
        n->overload = NULL;
        for (size_t k = 0; k < n->n_attribute; k++) {
            char *to =
                n->attribute[k]->name ? tl_onnx_renamed(&x->attributes[callee], n->attribute[k]->name) : NULL;
            n->attribute[k]->name = to ? to : n->attribute[k]->name;
        }
    }
    return 0;
}

static int rename_references(void *arg, struct tl_onnx_body body)
{
    const struct tl_onnx_renames *attributes = arg;
    for (size_t i = 0; i < *body.n; i++) {
        tl_onnx_node_pb *n = (*body.nodes)[i];
        for (size_t k = 0; k < n->n_attribute; k++) {
            char *from = n->attribute[k]->ref_attr_name,
                 *to = from ? tl_onnx_renamed(attributes, from) : NULL;
            n->attribute[k]->ref_attr_name = to ? to : from;
        }
    }
    return 0;
}

static void name_attributes(struct function_names *x, size_t at)
{
    tl_onnx_function_pb *f = x->m->pb->functions[at];
    struct tl_onnx_renames *names = &x->attributes[at];
    unsigned n = 0;
    for (size_t i = 0; i < f->n_attribute; i++)
        if (!tl_onnx_renamed(names, f->attribute[i]))
            tl_onnx_renames_add(names, f->attribute[i], tl_onnx_text_format(x->m, "a%u", ++n));
    for (size_t i = 0; i < f->n_attribute_proto; i++)
        if (f->attribute_proto[i]->name && !tl_onnx_renamed(names, f->attribute_proto[i]->name))
            tl_onnx_renames_add(names, f->attribute_proto[i]->name, tl_onnx_text_format(x->m, "a%u", ++n));
}

static void rename_function(struct function_names *x, size_t at)
{
    tl_onnx_function_pb *f = x->m->pb->functions[at];
    const struct tl_onnx_renames *names = &x->attributes[at];
    if (tl_onnx_standard_domain(f->domain))
        return;
    tl_onnx_each_below(tl_onnx_body_of_function(f), rename_references, &x->attributes[at]);
    for (size_t i = 0; i < f->n_attribute; i++)
        f->attribute[i] = tl_onnx_renamed(names, f->attribute[i]);
    for (size_t i = 0; i < f->n_attribute_proto; i++)
        if (f->attribute_proto[i]->name)
            f->attribute_proto[i]->name = tl_onnx_renamed(names, f->attribute_proto[i]->name);
    f->name = tl_onnx_text_format(x->m, "F%zu", at + 1);
    f->domain = new_domain(x, f->domain);
    f->overload = NULL;
}

static void rename_imports(const struct function_names *x, Onnx__OperatorSetIdProto **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        list[i]->domain = new_domain(x, list[i]->domain);
}

void tl_onnx_rename_functions(struct tl_onnx_model *m)
{
    Onnx__ModelProto *pb = m->pb;
    struct function_names x = {.m = m};
    size_t n = 0;
    if (!pb->n_functions)
        return;
    tl_onnx_functions_begin(&x.functions, m);
    x.attributes = tl_calloc(pb->n_functions + 1, sizeof *x.attributes);
    tl_onnx_each_body(m, note_operators, &x);
    for (size_t i = 0; i < pb->n_functions; i++) {
        const char *domain = pb->functions[i]->domain;
        if (!tl_onnx_standard_domain(domain) && tl_onnx_names_add(&x.domains, domain, n + 1))
            n++;
        if (!tl_onnx_standard_domain(domain))
            name_attributes(&x, i);
    }
    tl_onnx_each_body(m, rename_calls, &x);
    for (size_t i = 0; i < pb->n_functions; i++) {
        rename_imports(&x, pb->functions[i]->opset_import, pb->functions[i]->n_opset_import);
        rename_function(&x, i);
    }
    rename_imports(&x, pb->opset_import, pb->n_opset_import);
    for (size_t i = 0; i < pb->n_functions; i++)
        tl_onnx_renames_end(&x.attributes[i]);
    free(x.attributes);
    tl_onnx_names_free(&x.domains);
    tl_onnx_functions_end(&x.functions);
}
