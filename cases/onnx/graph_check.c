#include "cases/onnx/graph_check.h"
#include "cases/onnx/graph_elements.h"
#include "cases/onnx/graph_functions.h"
#include "cases/onnx/graph_index.h"
#include "cases/onnx/graph_names.h"
#include "cases/onnx/graph_wire.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MOST 80

/* The number of a name is the place of the node that makes it, and this where no node does. */
#define NO_NODE ((size_t)-2)

struct scope {
    struct scope *outer;
    struct tl_onnx_names names;
    size_t at;     /* the node that is looked at */
    bool unsorted; /* a node reads what one behind it makes */
};

struct check {
    struct tl_onnx_model *m;
    const void *bytes;
    size_t size;
    struct tl_buffer path;
    bool function; /* inside of one */
    struct tl_error *error;
};

static int wrong(struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int wrong(struct check *c, const char *format, ...)
{
    char why[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(why, sizeof why, format, ap);
    va_end(ap);
    size_t offset = tl_onnx_wire_offset(c->bytes, c->size, &onnx__model_proto__descriptor, c->path.data);
    size_t n = tl_utf8_cut(c->path.data, 300);
    return tl_fail(c->error, TL_ERROR_INPUT, "cannot read the model", c->m->name, "at byte %zu (%.*s%s): %s",
                   offset, (int)n, c->path.data, c->path.data[n] ? " …" : "", why);
}

/* A name for a message: cut, and without what a terminal would act on. */
static const char *shown(const char *name, char buffer[NAME_MOST * 4])
{
    char *clean = tl_clean_text(name, strlen(name), false);
    size_t n = tl_utf8_cut(clean, NAME_MOST);
    snprintf(buffer, NAME_MOST * 4, "%.*s%s", (int)n, clean, clean[n] ? "…" : "");
    free(clean);
    return buffer;
}

static size_t enter(struct check *c, const char *field, size_t index)
{
    size_t mark = c->path.size;
    tl_buffer_printf(&c->path, index == (size_t)-1 ? "%s%s" : "%s%s[%zu]", mark ? "." : "", field, index);
    return mark;
}

static void leave(struct check *c, size_t mark)
{
    c->path.size = mark;
    c->path.data[mark] = '\0';
}

static int check_tensor(struct check *c, const tl_onnx_tensor_pb *t, const char *field, size_t index)
{
    char *why = tl_onnx_check_tensor(t);
    if (!why)
        return 0;
    enter(c, field, index);
    wrong(c, "%s", why);
    free(why);
    return -1;
}

static int check_sparse(struct check *c, const Onnx__SparseTensorProto *s, const char *field, size_t index)
{
    size_t mark = enter(c, field, index);
    if ((s->values && check_tensor(c, s->values, "values", (size_t)-1)) ||
        (s->indices && check_tensor(c, s->indices, "indices", (size_t)-1)))
        return -1;
    leave(c, mark);
    return 0;
}

static int check_graph(struct check *c, tl_onnx_graph_pb *g, struct scope *outer);

static const char *content_of(int type, const tl_onnx_attribute_pb *a)
{
    switch (type) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
        return a->t ? NULL : "tensor";
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH:
        return a->g ? NULL : "graph";
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__SPARSE_TENSOR:
        return a->sparse_tensor ? NULL : "sparse tensor";
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TYPE_PROTO:
        return a->tp ? NULL : "type";
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT: /* 0 may be left out, but not for something else */
        return a->has_f || a->has_s || a->t || a->g || a->n_ints || a->n_floats ? "number" : NULL;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        return a->has_i || a->has_s || a->t || a->g || a->n_ints || a->n_floats ? "number" : NULL;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
        return a->has_i || a->has_f || a->t || a->g || a->n_ints || a->n_floats ? "text" : NULL;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
        return a->t || a->g || a->n_graphs || a->n_tensors ? "list" : NULL;
    default:
        return NULL;
    }
}

static int check_attribute(struct check *c, const tl_onnx_attribute_pb *a, struct scope *s)
{
    if (!a->name || !*a->name)
        return wrong(c, "an attribute has no name");
    bool reference = a->ref_attr_name && *a->ref_attr_name;
    if (reference && !c->function)
        return wrong(c, "an attribute refers to one of a function, and is in none");
    const char *missing = reference ? NULL : content_of(a->type, a);
    if (missing)
        return wrong(c, "an attribute is a %s by its type, and holds something else or nothing", missing);
    if (a->t && check_tensor(c, a->t, "t", (size_t)-1))
        return -1;
    for (size_t i = 0; i < a->n_tensors; i++)
        if (check_tensor(c, a->tensors[i], "tensors", i))
            return -1;
    if (a->sparse_tensor && check_sparse(c, a->sparse_tensor, "sparse_tensor", (size_t)-1))
        return -1;
    for (size_t i = 0; i < a->n_sparse_tensors; i++)
        if (check_sparse(c, a->sparse_tensors[i], "sparse_tensors", i))
            return -1;
    for (size_t i = 0; i < a->n_graphs; i++) {
        size_t mark = enter(c, "graphs", i);
        if (check_graph(c, a->graphs[i], s))
            return -1;
        leave(c, mark);
    }
    if (a->g) {
        enter(c, "g", (size_t)-1);
        return check_graph(c, a->g, s);
    }
    return 0;
}

static int find_name(struct check *c, struct scope *s, const char *name, const char *field, size_t index)
{
    char buffer[NAME_MOST * 4];
    for (struct scope *at = s; at; at = at->outer) {
        size_t number = tl_onnx_names_get(&at->names, name);
        if (number == TL_ONNX_NO_NAME)
            continue;
        at->unsorted |= number != NO_NODE && number >= at->at;
        return 0;
    }
    enter(c, field, index);
    return wrong(c, "there is no value with the name %s", shown(name, buffer));
}

static int check_node(struct check *c, const tl_onnx_node_pb *n, struct scope *s)
{
    struct tl_onnx_names attributes = {0};
    int rc = 0;
    if (!n->op_type || !*n->op_type)
        return wrong(c, "a node does not say which operator it is");
    for (size_t i = 0; i < n->n_input; i++)
        if (*n->input[i] && find_name(c, s, n->input[i], "input", i))
            return -1;
    for (size_t i = 0; rc == 0 && i < n->n_attribute; i++) {
        size_t mark = enter(c, "attribute", i);
        rc = check_attribute(c, n->attribute[i], s);
        if (rc == 0 && !tl_onnx_names_add(&attributes, n->attribute[i]->name, i))
            rc = wrong(c, "a node has two attributes of one name");
        if (rc == 0)
            leave(c, mark);
    }
    tl_onnx_names_free(&attributes);
    return rc;
}

static int define(struct check *c, struct scope *s, const char *name, size_t number, const char *field,
                  size_t index, bool again)
{
    char buffer[NAME_MOST * 4];
    if (!name || !*name) {
        enter(c, field, index);
        return wrong(c, "a value has no name");
    }
    if (tl_onnx_names_add(&s->names, name, number) || again)
        return 0;
    enter(c, field, index);
    return wrong(c, "a second value has the name %s", shown(name, buffer));
}

static int define_outputs(struct check *c, struct scope *s, tl_onnx_node_pb *const *nodes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t mark = enter(c, "node", i);
        for (size_t k = 0; k < nodes[i]->n_output; k++)
            if (*nodes[i]->output[k] && define(c, s, nodes[i]->output[k], i, "output", k, false))
                return -1;
        leave(c, mark);
    }
    return 0;
}

/* An initializer may have the name of an input: then it is that input's default. */
static int define_initializers(struct check *c, struct scope *s, const tl_onnx_graph_pb *g)
{
    struct scope own = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < g->n_initializer; i++) {
        rc = define(c, &own, g->initializer[i]->name, NO_NODE, "initializer", i, false);
        if (rc == 0)
            rc = define(c, s, g->initializer[i]->name, NO_NODE, "initializer", i, true);
        if (rc == 0)
            rc = check_tensor(c, g->initializer[i], "initializer", i);
    }
    for (size_t i = 0; rc == 0 && i < g->n_sparse_initializer; i++) {
        const tl_onnx_tensor_pb *values = g->sparse_initializer[i]->values;
        rc = define(c, &own, values ? values->name : NULL, NO_NODE, "sparse_initializer", i, false);
        if (rc == 0)
            rc = define(c, s, values->name, NO_NODE, "sparse_initializer", i, true);
        if (rc == 0)
            rc = check_sparse(c, g->sparse_initializer[i], "sparse_initializer", i);
    }
    tl_onnx_names_free(&own.names);
    return rc;
}

static int check_nodes(struct check *c, struct scope *s, struct tl_onnx_body body)
{
    if (define_outputs(c, s, *body.nodes, *body.n))
        return -1;
    for (s->at = 0; s->at < *body.n; s->at++) {
        size_t mark = enter(c, "node", s->at);
        if (check_node(c, (*body.nodes)[s->at], s))
            return -1;
        leave(c, mark);
    }
    if (!s->unsorted)
        return 0;
    struct tl_onnx_index *x = tl_onnx_index_new(body);
    size_t cycle = x->cycle;
    tl_onnx_index_free(x);
    if (cycle == TL_ONNX_NO_NAME)
        return 0;
    enter(c, "node", cycle);
    return wrong(c, "a node needs what is made of its own output: a cycle");
}

static int check_graph_in(struct check *c, tl_onnx_graph_pb *g, struct scope *s)
{
    for (size_t i = 0; i < g->n_output; i++)
        if (!g->output[i]->name) {
            enter(c, "output", i);
            return wrong(c, "an output has no name");
        }
    for (size_t i = 0; i < g->n_input; i++)
        if (define(c, s, g->input[i]->name, NO_NODE, "input", i, false))
            return -1;
    if (define_initializers(c, s, g) || check_nodes(c, s, tl_onnx_body_of_graph(g)))
        return -1;
    for (size_t i = 0; i < g->n_output; i++)
        if (find_name(c, s, g->output[i]->name, "output", i))
            return -1;
    return 0;
}

static int check_graph(struct check *c, tl_onnx_graph_pb *g, struct scope *outer)
{
    struct scope s = {.outer = outer};
    int rc = check_graph_in(c, g, &s);
    tl_onnx_names_free(&s.names);
    return rc;
}

static int check_function(struct check *c, tl_onnx_function_pb *f)
{
    struct scope s = {0};
    int rc = f->name && *f->name ? 0 : wrong(c, "a function has no name");
    for (size_t i = 0; rc == 0 && i < f->n_input; i++)
        rc = define(c, &s, f->input[i], NO_NODE, "input", i, false);
    for (size_t i = 0; rc == 0 && i < f->n_attribute_proto; i++) {
        size_t mark = enter(c, "attribute_proto", i);
        rc = check_attribute(c, f->attribute_proto[i], NULL);
        if (rc == 0)
            leave(c, mark);
    }
    if (rc == 0)
        rc = check_nodes(c, &s, tl_onnx_body_of_function(f));
    for (size_t i = 0; rc == 0 && i < f->n_output; i++)
        rc = find_name(c, &s, f->output[i], "output", i);
    tl_onnx_names_free(&s.names);
    return rc;
}

static int check_functions(struct check *c)
{
    struct tl_onnx_functions functions;
    size_t bad;
    int rc = 0;
    c->function = true;
    for (size_t i = 0; i < c->m->pb->n_functions; i++) {
        size_t mark = enter(c, "functions", i);
        if (check_function(c, c->m->pb->functions[i]))
            return -1;
        leave(c, mark);
    }
    tl_onnx_functions_begin(&functions, c->m);
    if (functions.twice != TL_ONNX_NO_NAME) {
        enter(c, "functions", functions.twice);
        rc = wrong(c, "a second function has this name");
    } else if ((bad = tl_onnx_functions_cycle(&functions)) != TL_ONNX_NO_NAME) {
        enter(c, "functions", bad);
        rc = wrong(c, "a function calls itself, directly or by others");
    }
    tl_onnx_functions_end(&functions);
    return rc;
}

int tl_onnx_check(struct tl_onnx_model *m, const void *bytes, size_t size, struct tl_error *e)
{
    struct check c = {.m = m, .bytes = bytes, .size = size, .error = e};
    tl_buffer_add_string(&c.path, "");
    size_t mark = enter(&c, "graph", (size_t)-1);
    int rc = check_graph(&c, m->pb->graph, NULL);
    if (rc == 0) {
        leave(&c, mark);
        rc = check_functions(&c);
    }
    tl_buffer_free(&c.path);
    return rc;
}
