#include "cases/onnx/graph_rename.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static void take(struct tl_onnx_taken *t, const char *name)
{
    if (!name || !*name)
        return;
    size_t i = tl_onnx_names_get(&t->names, name);
    if (i != TL_ONNX_NO_NAME) {
        t->count[i]++;
        return;
    }
    if (t->n == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : 64;
        t->count = tl_realloc(t->count, t->capacity, sizeof *t->count);
    }
    t->count[t->n] = 1;
    tl_onnx_names_add(&t->names, name, t->n++);
}

/* An input with an initializer is one value. */
static int take_all(void *arg, struct tl_onnx_body body)
{
    struct tl_onnx_taken *t = arg;
    const tl_onnx_graph_pb *g = body.graph;
    struct tl_onnx_names inputs = {0};
    for (size_t i = 0; g && i < g->n_input; i++) {
        take(t, g->input[i]->name);
        tl_onnx_names_add(&inputs, g->input[i]->name, i);
    }
    for (size_t i = 0; g && i < g->n_initializer; i++)
        if (tl_onnx_names_get(&inputs, g->initializer[i]->name) == TL_ONNX_NO_NAME)
            take(t, g->initializer[i]->name);
    for (size_t i = 0; g && i < g->n_sparse_initializer; i++)
        take(t, g->sparse_initializer[i]->values->name);
    for (size_t i = 0; body.function && i < body.function->n_input; i++)
        take(t, body.function->input[i]);
    for (size_t i = 0; i < *body.n; i++)
        for (size_t k = 0; k < (*body.nodes)[i]->n_output; k++)
            take(t, (*body.nodes)[i]->output[k]);
    tl_onnx_names_free(&inputs);
    return 0;
}

void tl_onnx_taken_begin(struct tl_onnx_taken *t, struct tl_onnx_model *m)
{
    *t = (struct tl_onnx_taken){0};
    tl_onnx_each_body(m, take_all, t);
}

void tl_onnx_taken_end(struct tl_onnx_taken *t)
{
    tl_onnx_names_free(&t->names);
    free(t->count);
}

uint32_t tl_onnx_taken_count(const struct tl_onnx_taken *t, const char *name)
{
    size_t i = tl_onnx_names_get(&t->names, name);
    return i == TL_ONNX_NO_NAME ? 0 : t->count[i];
}

char *tl_onnx_fresh(struct tl_onnx_model *m, struct tl_onnx_taken *t, const char *base)
{
    char *name = NULL;
    for (unsigned i = 1; !name; i++) {
        char *tried = tl_format("%s_%u", base, i);
        if (!tl_onnx_taken_count(t, tried))
            name = tl_onnx_text(m, tried);
        free(tried);
    }
    take(t, name);
    return name;
}

void tl_onnx_renames_add(struct tl_onnx_renames *r, const char *from, char *to)
{
    if (!tl_onnx_names_add(&r->from, from, r->n))
        return;
    if (r->n == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 16;
        r->to = tl_realloc(r->to, r->capacity, sizeof *r->to);
    }
    r->to[r->n++] = to;
}

void tl_onnx_renames_end(struct tl_onnx_renames *r)
{
    tl_onnx_names_free(&r->from);
    free(r->to);
    *r = (struct tl_onnx_renames){0};
}

char *tl_onnx_renamed(const struct tl_onnx_renames *r, const char *name)
{
    size_t i = tl_onnx_names_get(&r->from, name);
    return i == TL_ONNX_NO_NAME ? NULL : r->to[i];
}

/* Names that a body makes itself, on top of those that bodies around it make: what is renamed outside is not meant by them. */
struct inside {
    const struct inside *outer;
    struct tl_onnx_names names;
};

static char *outside_name(const struct tl_onnx_renames *r, const struct inside *s, const char *name)
{
    for (; s; s = s->outer)
        if (tl_onnx_names_get(&s->names, name) != TL_ONNX_NO_NAME)
            return NULL;
    return tl_onnx_renamed(r, name);
}

static void rename_nodes(tl_onnx_node_pb *const *nodes, size_t n, const struct tl_onnx_renames *r,
                         const struct inside *s);

static void rename_body(tl_onnx_graph_pb *g, const struct tl_onnx_renames *r, const struct inside *outer)
{
    struct inside s = {.outer = outer};
    for (size_t i = 0; i < g->n_input; i++)
        tl_onnx_names_add(&s.names, g->input[i]->name, 0);
    for (size_t i = 0; i < g->n_initializer; i++)
        tl_onnx_names_add(&s.names, g->initializer[i]->name, 0);
    for (size_t i = 0; i < g->n_node; i++)
        for (size_t k = 0; k < g->node[i]->n_output; k++)
            tl_onnx_names_add(&s.names, g->node[i]->output[k], 0);
    rename_nodes(g->node, g->n_node, r, &s);
    for (size_t i = 0; i < g->n_output; i++) {
        char *to = outside_name(r, &s, g->output[i]->name);
        if (to)
            g->output[i]->name = to;
    }
    tl_onnx_names_free(&s.names);
}

static void rename_nodes(tl_onnx_node_pb *const *nodes, size_t n, const struct tl_onnx_renames *r,
                         const struct inside *s)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < nodes[i]->n_input; k++) {
            char *to = outside_name(r, s, nodes[i]->input[k]);
            if (to)
                nodes[i]->input[k] = to;
        }
        size_t at = 0;
        for (tl_onnx_graph_pb *g; (g = tl_onnx_next_body(nodes[i], &at));)
            rename_body(g, r, s);
    }
}

void tl_onnx_rename_reads(tl_onnx_node_pb *const *nodes, size_t n, const struct tl_onnx_renames *r)
{
    rename_nodes(nodes, n, r, NULL);
}
