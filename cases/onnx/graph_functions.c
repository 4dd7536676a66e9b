#include "cases/onnx/graph_functions.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static char *key_of(const char *domain, const char *name, const char *overload)
{
    return tl_format("%s\x1f%s\x1f%s", tl_onnx_standard_domain(domain) ? "" : domain, name ? name : "",
                     overload ? overload : "");
}

void tl_onnx_functions_begin(struct tl_onnx_functions *f, struct tl_onnx_model *m)
{
    *f = (struct tl_onnx_functions){.model = m, .n = m->pb->n_functions, .twice = TL_ONNX_NO_NAME};
    f->keys = tl_calloc(f->n + 1, sizeof *f->keys);
    for (size_t i = 0; i < f->n; i++) {
        const tl_onnx_function_pb *x = m->pb->functions[i];
        f->keys[i] = key_of(x->domain, x->name, x->overload);
        if (!tl_onnx_names_add(&f->names, f->keys[i], i) && f->twice == TL_ONNX_NO_NAME)
            f->twice = i;
    }
}

void tl_onnx_functions_end(struct tl_onnx_functions *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->keys[i]);
    free(f->keys);
    tl_onnx_names_free(&f->names);
}

size_t tl_onnx_functions_of(const struct tl_onnx_functions *f, const tl_onnx_node_pb *n)
{
    if (!f->n)
        return TL_ONNX_NO_NAME;
    char *key = key_of(n->domain, n->op_type, n->overload);
    size_t i = tl_onnx_names_get(&f->names, key);
    free(key);
    return i;
}

/* Calls from one function or graph, each noted. */
struct calls {
    const struct tl_onnx_functions *f;
    size_t n, *list;
    size_t capacity;
};

static int note_calls(void *arg, struct tl_onnx_body body)
{
    struct calls *c = arg;
    for (size_t i = 0; i < *body.n; i++) {
        size_t callee = tl_onnx_functions_of(c->f, (*body.nodes)[i]);
        if (callee == TL_ONNX_NO_NAME)
            continue;
        if (c->n == c->capacity) {
            c->capacity = c->capacity ? c->capacity * 2 : 16;
            c->list = tl_realloc(c->list, c->capacity, sizeof *c->list);
        }
        c->list[c->n++] = callee;
    }
    return 0;
}

/* Functions that nobody calls leave, then those that only such ones called; who stays calls itself. */
size_t tl_onnx_functions_cycle(const struct tl_onnx_functions *f)
{
    struct calls *calls = tl_calloc(f->n + 1, sizeof *calls);
    size_t *callers = tl_calloc(f->n + 1, sizeof *callers), *ready = tl_calloc(f->n + 1, sizeof *ready);
    size_t n_ready = 0, left = f->n, found = TL_ONNX_NO_NAME;
    for (size_t i = 0; i < f->n; i++) {
        calls[i].f = f;
        tl_onnx_each_below(tl_onnx_body_of_function(f->model->pb->functions[i]), note_calls, &calls[i]);
        for (size_t k = 0; k < calls[i].n; k++)
            callers[calls[i].list[k]]++;
    }
    for (size_t i = 0; i < f->n; i++)
        if (!callers[i])
            ready[n_ready++] = i;
    while (n_ready) {
        size_t i = ready[--n_ready];
        left--;
        for (size_t k = 0; k < calls[i].n; k++)
            if (--callers[calls[i].list[k]] == 0)
                ready[n_ready++] = calls[i].list[k];
    }
    for (size_t i = 0; left && i < f->n && found == TL_ONNX_NO_NAME; i++)
        if (callers[i])
            found = i;
    for (size_t i = 0; i < f->n; i++)
        free(calls[i].list);
    free(calls);
    free(callers);
    free(ready);
    return found;
}

void tl_onnx_drop_functions(struct tl_onnx_model *m)
{
    struct tl_onnx_functions f;
    struct calls c = {.f = &f};
    size_t kept = 0;
    if (!m->pb->n_functions)
        return;
    tl_onnx_functions_begin(&f, m);
    bool *called = tl_calloc(f.n + 1, sizeof *called);
    tl_onnx_each_below(tl_onnx_body_of_graph(m->pb->graph), note_calls, &c);
    for (size_t done = 0; done < c.n; done++) {
        size_t i = c.list[done];
        if (called[i])
            continue;
        called[i] = true;
        tl_onnx_each_below(tl_onnx_body_of_function(m->pb->functions[i]), note_calls, &c);
    }
    for (size_t i = 0; i < f.n; i++)
        if (called[i])
            m->pb->functions[kept++] = m->pb->functions[i];
    m->pb->n_functions = kept;
    free(called);
    free(c.list);
    tl_onnx_functions_end(&f);
}
