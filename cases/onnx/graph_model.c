#include "cases/onnx/graph_model.h"
#include "harness/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE ((size_t)256 << 10)

struct tl_onnx_model *tl_onnx_model_new(const char *name)
{
    struct tl_onnx_model *m = tl_calloc(1, sizeof *m);
    m->arena = tl_arena_new();
    m->name = tl_strdup(name);
    return m;
}

void tl_onnx_model_free(struct tl_onnx_model *m)
{
    if (!m)
        return;
    while (m->blocks) {
        struct tl_onnx_block *b = m->blocks;
        m->blocks = b->next;
        free(b);
    }
    free(m->parts);
    tl_arena_free(m->arena);
    free(m->name);
    free(m);
}

void *tl_onnx_alloc(struct tl_onnx_model *m, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    if (bytes < LARGE)
        return tl_arena_alloc(m->arena, bytes, 1);
    struct tl_onnx_block *b = calloc(1, sizeof *b + bytes);
    if (!b)
        return NULL;
    b->next = m->blocks;
    m->blocks = b;
    return b->bytes;
}

char *tl_onnx_text(struct tl_onnx_model *m, const char *s)
{
    return tl_arena_string(m->arena, s);
}

char *tl_onnx_text_format(struct tl_onnx_model *m, const char *format, ...)
{
    char *s;
    va_list ap;
    va_start(ap, format);
    if (vasprintf(&s, format, ap) < 0)
        abort();
    va_end(ap);
    char *copy = tl_arena_string(m->arena, s);
    free(s);
    return copy;
}

uint32_t tl_onnx_node_number(const tl_onnx_node_pb *n)
{
    return ((const struct tl_onnx_node_part *)n)->number;
}

uint32_t tl_onnx_tensor_number(const tl_onnx_tensor_pb *t)
{
    return ((const struct tl_onnx_tensor_part *)t)->number;
}

/* --- made --- */

tl_onnx_node_pb *tl_onnx_new_node(struct tl_onnx_model *m, const char *domain, const char *op,
                                  size_t n_inputs, size_t n_outputs)
{
    struct tl_onnx_node_part *n = tl_arena_alloc(m->arena, 1, sizeof *n);
    onnx__node_proto__init(&n->pb);
    n->number = n->origin = m->n_nodes++;
    n->name = "";
    n->pb.op_type = tl_onnx_text(m, op);
    n->pb.domain = domain && *domain ? tl_onnx_text(m, domain) : NULL;
    n->pb.n_input = n_inputs;
    n->pb.n_output = n_outputs;
    n->pb.input = tl_arena_alloc(m->arena, n_inputs + 1, sizeof *n->pb.input);
    n->pb.output = tl_arena_alloc(m->arena, n_outputs + 1, sizeof *n->pb.output);
    return &n->pb;
}

tl_onnx_attribute_pb *tl_onnx_new_attribute(struct tl_onnx_model *m, tl_onnx_node_pb *n, const char *name,
                                            int type)
{
    tl_onnx_attribute_pb *a = tl_arena_alloc(m->arena, 1, sizeof *a);
    onnx__attribute_proto__init(a);
    a->name = tl_onnx_text(m, name);
    a->has_type = 1;
    a->type = (Onnx__AttributeProto__AttributeType)type;
    *TL_ONNX_ADD(m, n->n_attribute, n->attribute) = a;
    return a;
}

void tl_onnx_set_int(struct tl_onnx_model *m, tl_onnx_node_pb *n, const char *name, int64_t value)
{
    tl_onnx_attribute_pb *a = tl_onnx_new_attribute(m, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    a->has_i = 1;
    a->i = value;
}

void tl_onnx_set_ints(struct tl_onnx_model *m, tl_onnx_node_pb *n, const char *name, size_t count,
                      const int64_t *values)
{
    tl_onnx_attribute_pb *a = tl_onnx_new_attribute(m, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    a->n_ints = count;
    a->ints = tl_arena_alloc(m->arena, count + 1, sizeof *a->ints);
    memcpy(a->ints, values, count * sizeof *values);
}

tl_onnx_tensor_pb *tl_onnx_new_tensor(struct tl_onnx_model *m, const char *name)
{
    struct tl_onnx_tensor_part *t = tl_arena_alloc(m->arena, 1, sizeof *t);
    onnx__tensor_proto__init(&t->pb);
    t->number = m->n_tensors++;
    t->pb.name = tl_onnx_text(m, name);
    return &t->pb;
}

tl_onnx_tensor_pb *tl_onnx_integers(struct tl_onnx_model *m, const char *name, size_t n,
                                    const int64_t *values)
{
    tl_onnx_tensor_pb *t = tl_onnx_new_tensor(m, name);
    size_t bytes = (n ? n : 1) * sizeof *values;
    t->has_data_type = 1;
    t->data_type = 7; /* int64 */
    t->n_dims = n ? 1 : 0;
    t->dims = tl_arena_alloc(m->arena, 1, sizeof *t->dims);
    t->dims[0] = (int64_t)n;
    t->has_raw_data = 1;
    t->raw_data.len = bytes;
    t->raw_data.data = memcpy(tl_arena_alloc(m->arena, 1, bytes), values, bytes);
    return t;
}

tl_onnx_value_pb *tl_onnx_new_value(struct tl_onnx_model *m, const char *name)
{
    tl_onnx_value_pb *v = tl_arena_alloc(m->arena, 1, sizeof *v);
    onnx__value_info_proto__init(v);
    v->name = tl_onnx_text(m, name);
    return v;
}

/* --- copied --- */

static void *same(struct tl_onnx_model *m, const void *p, size_t n, size_t size)
{
    return n ? memcpy(tl_arena_alloc(m->arena, n, size), p, n * size) : NULL;
}

static tl_onnx_graph_pb *copy_graph(struct tl_onnx_model *m, const tl_onnx_graph_pb *g);

/* What a message holds is shared with the copy as long as no edit changes it in place: edits change the names of a node, its
 * list of attributes, and what hangs below bodies. */
static tl_onnx_tensor_pb *copy_tensor(struct tl_onnx_model *m, const tl_onnx_tensor_pb *t)
{
    struct tl_onnx_tensor_part *c = tl_arena_alloc(m->arena, 1, sizeof *c);
    c->pb = *t;
    c->number = m->n_tensors++;
    return &c->pb;
}

tl_onnx_attribute_pb *tl_onnx_copy_attribute(struct tl_onnx_model *m, const tl_onnx_attribute_pb *a)
{
    tl_onnx_attribute_pb *c = same(m, a, 1, sizeof *a);
    if (a->t)
        c->t = copy_tensor(m, a->t);
    if (a->g)
        c->g = copy_graph(m, a->g);
    c->graphs = same(m, a->graphs, a->n_graphs, sizeof *a->graphs);
    for (size_t i = 0; i < a->n_graphs; i++)
        c->graphs[i] = copy_graph(m, a->graphs[i]);
    return c;
}

/* Bodies are as deep as the reader lets them be. */
tl_onnx_node_pb *tl_onnx_copy_node(struct tl_onnx_model *m, const tl_onnx_node_pb *n)
{
    const struct tl_onnx_node_part *part = (const struct tl_onnx_node_part *)n;
    struct tl_onnx_node_part *c = tl_arena_alloc(m->arena, 1, sizeof *c);
    *c = *part;
    c->number = m->n_nodes++;
    c->pb.input = same(m, n->input, n->n_input, sizeof *n->input);
    c->pb.output = same(m, n->output, n->n_output, sizeof *n->output);
    c->pb.attribute = same(m, n->attribute, n->n_attribute, sizeof *n->attribute);
    for (size_t i = 0; i < n->n_attribute; i++)
        c->pb.attribute[i] = tl_onnx_copy_attribute(m, n->attribute[i]);
    return &c->pb;
}

static tl_onnx_value_pb **copy_values(struct tl_onnx_model *m, tl_onnx_value_pb *const *list, size_t n)
{
    tl_onnx_value_pb **copies = same(m, list, n, sizeof *list);
    for (size_t i = 0; i < n; i++)
        copies[i] = same(m, list[i], 1, sizeof **list);
    return copies;
}

static tl_onnx_graph_pb *copy_graph(struct tl_onnx_model *m, const tl_onnx_graph_pb *g)
{
    tl_onnx_graph_pb *c = same(m, g, 1, sizeof *g);
    c->node = same(m, g->node, g->n_node, sizeof *g->node);
    for (size_t i = 0; i < g->n_node; i++)
        c->node[i] = tl_onnx_copy_node(m, g->node[i]);
    c->initializer = same(m, g->initializer, g->n_initializer, sizeof *g->initializer);
    for (size_t i = 0; i < g->n_initializer; i++)
        c->initializer[i] = copy_tensor(m, g->initializer[i]);
    c->sparse_initializer =
        same(m, g->sparse_initializer, g->n_sparse_initializer, sizeof *g->sparse_initializer);
    for (size_t i = 0; i < g->n_sparse_initializer; i++) {
        c->sparse_initializer[i] = same(m, g->sparse_initializer[i], 1, sizeof **g->sparse_initializer);
        c->sparse_initializer[i]->values =
            same(m, g->sparse_initializer[i]->values, 1, sizeof *g->sparse_initializer[i]->values);
    }
    c->input = copy_values(m, g->input, g->n_input);
    c->output = copy_values(m, g->output, g->n_output);
    c->value_info = copy_values(m, g->value_info, g->n_value_info);
    return c;
}

/* --- found --- */

tl_onnx_attribute_pb *tl_onnx_attribute(const tl_onnx_node_pb *n, const char *name)
{
    for (size_t i = 0; i < n->n_attribute; i++)
        if (n->attribute[i]->name && !strcmp(n->attribute[i]->name, name))
            return n->attribute[i];
    return NULL;
}

int64_t tl_onnx_int(const tl_onnx_node_pb *n, const char *name, int64_t absent)
{
    const tl_onnx_attribute_pb *a = tl_onnx_attribute(n, name);
    return a && a->has_i ? a->i : absent;
}

bool tl_onnx_standard_domain(const char *domain)
{
    return !domain || !*domain || !strcmp(domain, "ai.onnx");
}

bool tl_onnx_is(const tl_onnx_node_pb *n, const char *op)
{
    return tl_onnx_standard_domain(n->domain) && n->op_type && !strcmp(n->op_type, op);
}

Onnx__OperatorSetIdProto *tl_onnx_import_of(const struct tl_onnx_model *m, const char *domain)
{
    for (size_t i = 0; i < m->pb->n_opset_import; i++) {
        Onnx__OperatorSetIdProto *o = m->pb->opset_import[i];
        bool standard = tl_onnx_standard_domain(domain);
        if (standard ? tl_onnx_standard_domain(o->domain) : o->domain && !strcmp(o->domain, domain))
            return o;
    }
    return NULL;
}

int64_t tl_onnx_opset(const struct tl_onnx_model *m, const char *domain)
{
    const Onnx__OperatorSetIdProto *o = tl_onnx_import_of(m, domain);
    return o ? o->version : 0;
}

tl_onnx_graph_pb *tl_onnx_next_body(const tl_onnx_node_pb *n, size_t *at)
{
    size_t left = *at;
    for (size_t i = 0; i < n->n_attribute; i++) {
        const tl_onnx_attribute_pb *a = n->attribute[i];
        size_t own = a->n_graphs + (a->g != NULL);
        if (left >= own) {
            left -= own;
            continue;
        }
        (*at)++;
        return left < a->n_graphs ? a->graphs[left] : a->g;
    }
    return NULL;
}

struct tl_onnx_body tl_onnx_body_of_graph(tl_onnx_graph_pb *g)
{
    return (struct tl_onnx_body){g, NULL, &g->n_node, &g->node};
}

struct tl_onnx_body tl_onnx_body_of_function(tl_onnx_function_pb *f)
{
    return (struct tl_onnx_body){NULL, f, &f->n_node, &f->node};
}

static int each_below_attribute(const tl_onnx_attribute_pb *a, tl_onnx_visit visit, void *arg)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->n_graphs; i++)
        rc = tl_onnx_each_below(tl_onnx_body_of_graph(a->graphs[i]), visit, arg);
    return rc || !a->g ? rc : tl_onnx_each_below(tl_onnx_body_of_graph(a->g), visit, arg);
}

int tl_onnx_each_below(struct tl_onnx_body body, tl_onnx_visit visit, void *arg)
{
    int rc = visit(arg, body);
    for (size_t i = 0; rc == 0 && body.function && i < body.function->n_attribute_proto; i++)
        rc = each_below_attribute(body.function->attribute_proto[i], visit, arg);
    for (size_t i = 0; rc == 0 && i < *body.n; i++) {
        size_t at = 0;
        for (tl_onnx_graph_pb *g; rc == 0 && (g = tl_onnx_next_body((*body.nodes)[i], &at));)
            rc = tl_onnx_each_below(tl_onnx_body_of_graph(g), visit, arg);
    }
    return rc;
}

int tl_onnx_each_body(struct tl_onnx_model *m, tl_onnx_visit visit, void *arg)
{
    int rc = tl_onnx_each_below(tl_onnx_body_of_graph(m->pb->graph), visit, arg);
    for (size_t i = 0; rc == 0 && i < m->pb->n_functions; i++)
        rc = tl_onnx_each_below(tl_onnx_body_of_function(m->pb->functions[i]), visit, arg);
    return rc;
}

struct search {
    uint32_t number;
    struct tl_onnx_body *body;
    size_t *at;
};

static int look(void *arg, struct tl_onnx_body body)
{
    const struct search *s = arg;
    for (size_t i = 0; i < *body.n; i++)
        if (tl_onnx_node_number((*body.nodes)[i]) == s->number) {
            *s->body = body;
            *s->at = i;
            return 1;
        }
    return 0;
}

bool tl_onnx_find_node(struct tl_onnx_model *m, uint32_t number, struct tl_onnx_body *body, size_t *at)
{
    struct search s = {number, body, at};
    return tl_onnx_each_body(m, look, &s) == 1;
}

struct tensors {
    tl_onnx_visit_tensor visit;
    void *arg;
};

static int visit_tensors(void *arg, struct tl_onnx_body body)
{
    const struct tensors *t = arg;
    int rc = 0;
    for (size_t i = 0; rc == 0 && body.graph && i < body.graph->n_initializer; i++)
        rc = t->visit(t->arg, body, NULL, body.graph->initializer[i]);
    for (size_t i = 0; rc == 0 && i < *body.n; i++) {
        tl_onnx_node_pb *n = (*body.nodes)[i];
        for (size_t k = 0; rc == 0 && k < n->n_attribute; k++)
            if (n->attribute[k]->t)
                rc = t->visit(t->arg, body, n, n->attribute[k]->t);
    }
    return rc;
}

int tl_onnx_each_tensor(struct tl_onnx_model *m, tl_onnx_visit_tensor visit, void *arg)
{
    struct tensors t = {visit, arg};
    return tl_onnx_each_body(m, visit_tensors, &t);
}

/* --- changed --- */

void *tl_onnx_longer(struct tl_onnx_model *m, void *const *list, size_t n, size_t more)
{
    void **longer = tl_arena_alloc(m->arena, n + more, sizeof *longer);
    if (n)
        memcpy(longer, list, n * sizeof *longer);
    return longer;
}

void tl_onnx_insert(struct tl_onnx_model *m, struct tl_onnx_body body, size_t at, size_t replaced, size_t n,
                    tl_onnx_node_pb *const *nodes)
{
    size_t old = *body.n, behind = old - at - replaced;
    tl_onnx_node_pb **list = tl_arena_alloc(m->arena, old - replaced + n + 1, sizeof *list);
    if (at)
        memcpy(list, *body.nodes, at * sizeof *list);
    if (n)
        memcpy(list + at, nodes, n * sizeof *list);
    if (behind)
        memcpy(list + at + n, *body.nodes + at + replaced, behind * sizeof *list);
    *body.nodes = list;
    *body.n = old - replaced + n;
}

void tl_onnx_add_initializer(struct tl_onnx_model *m, tl_onnx_graph_pb *g, tl_onnx_tensor_pb *t)
{
    *TL_ONNX_ADD(m, g->n_initializer, g->initializer) = t;
}
