/* The model that is right, where a model is held against another one: float32 against quantised, the one of yesterday against
 * that of today.
 *
 * What is done to the one is done to the other. Where both have the same nodes and weights in the same order, edits mean the
 * same in both. Else only those are made of which it can be told by name: which values are inputs and outputs, what fills
 * weights of the same name; a variant of any other kind is none that can be tried. Where the nodes are the same and values have
 * other names, as two exports give them, those of the other model become those of this one when it is read. */
#include "harness/campaign/reduce/difference.h"
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_alike.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_MOST ((size_t)1 << 31)

static bool same_names(char *const *a, size_t n, char *const *b, size_t m)
{
    bool same = n == m;
    for (size_t i = 0; i < n && same; i++)
        same = !strcmp(a[i], b[i]);
    return same;
}

static bool same_nodes(struct tl_onnx_model *a, struct tl_onnx_model *b)
{
    struct tl_onnx_node_facts *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    tl_onnx_nodes(a, &x, &n);
    tl_onnx_nodes(b, &y, &m);
    bool same = n == m;
    for (size_t i = 0; i < n && same; i++)
        same = x[i].number == y[i].number && x[i].parent == y[i].parent &&
               !strcmp(x[i].op_type, y[i].op_type) && !strcmp(x[i].domain, y[i].domain) &&
               same_names(x[i].inputs, x[i].n_inputs, y[i].inputs, y[i].n_inputs) &&
               same_names(x[i].outputs, x[i].n_outputs, y[i].outputs, y[i].n_outputs);
    free(x);
    free(y);
    return same;
}

static bool same_weights(struct tl_onnx_model *a, struct tl_onnx_model *b)
{
    struct tl_onnx_weight *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    tl_onnx_weights(a, &x, &n);
    tl_onnx_weights(b, &y, &m);
    bool same = n == m;
    for (size_t i = 0; i < n && same; i++)
        same = x[i].number == y[i].number && x[i].node == y[i].node &&
               !strcmp(x[i].name ? x[i].name : "", y[i].name ? y[i].name : "");
    free(x);
    free(y);
    return same;
}

static const struct tl_onnx_weight *weight_by_name(const struct tl_onnx_weight *list, size_t n,
                                                   const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].name && !strcmp(list[i].name, name))
            return &list[i];
    return NULL;
}

/* What fills a weight fills both, or the two are none that can be held against each other. */
static void pair_weights(struct tl_reduce_difference *d, struct tl_onnx_model *own,
                         struct tl_onnx_model *other)
{
    struct tl_onnx_weight *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    tl_onnx_weights(own, &x, &n);
    tl_onnx_weights(other, &y, &m);
    for (size_t i = 0; i < n; i++) {
        const struct tl_onnx_weight *w = x[i].name && *x[i].name ? weight_by_name(y, m, x[i].name) : NULL;
        if (w && w->rank == x[i].rank && (!w->rank || !memcmp(w->dims, x[i].dims, w->rank * sizeof *w->dims)))
            json_object_set_new(d->paired, x[i].name, json_true());
    }
    free(x);
    free(y);
}

static void note_values(struct tl_reduce_difference *d, struct tl_onnx_model *other)
{
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n = 0;
    tl_onnx_nodes(other, &nodes, &n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < nodes[i].n_outputs && nodes[i].parent == TL_ONNX_NOWHERE; k++)
            if (*nodes[i].outputs[k])
                json_object_set_new(d->makes, nodes[i].outputs[k], json_true());
    free(nodes);
}

bool tl_reduce_other_graph(const struct tl_reduce_state *s)
{
    return s->difference && s->difference->path && !s->difference->same_graph;
}

bool tl_reduce_in_both(const struct tl_reduce_state *s, const char *value)
{
    return !tl_reduce_other_graph(s) || json_object_get(s->difference->makes, value);
}

bool tl_reduce_weight_in_both(const struct tl_reduce_state *s, const char *name)
{
    return !tl_reduce_other_graph(s) || json_object_get(s->difference->paired, name);
}

void tl_reduce_known_in_both(const struct tl_reduce_state *s, struct tl_onnx_model *m,
                             const char *const *names, size_t n, const char ***list, size_t *n_list)
{
    struct tl_onnx_node_facts *nodes = NULL;
    json_t *met = json_object();
    const char **waiting = NULL;
    size_t n_nodes = 0, n_waiting = 0;
    *list = NULL;
    *n_list = 0;
    tl_onnx_nodes(m, &nodes, &n_nodes);
    for (size_t i = 0; i < n; i++)
        *TL_GROW(waiting, n_waiting) = names[i];
    for (size_t at = 0; at < n_waiting; at++) {
        const char *name = waiting[at];
        uint32_t maker = tl_onnx_maker(m, name);
        if (!*name || json_object_get(met, name))
            continue;
        json_object_set_new(met, name, json_true());
        if (maker != TL_ONNX_NOWHERE && !tl_reduce_in_both(s, name)) {
            for (size_t i = 0; i < n_nodes; i++)
                for (size_t k = 0; nodes[i].number == maker && k < nodes[i].n_inputs; k++)
                    *TL_GROW(waiting, n_waiting) = nodes[i].inputs[k];
        } else if (maker != TL_ONNX_NOWHERE || at < n || json_object_get(s->inputs, name)) {
            *TL_GROW(*list, *n_list) = name;
        }
    }
    free(waiting);
    free(nodes);
    json_decref(met);
}

int tl_reduce_other_read(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    struct tl_onnx_model *own = NULL, *other = NULL;
    if (!d->path)
        return 0;
    free(d->bytes);
    free(d->directory);
    d->directory = tl_format("%.*s", (int)(tl_base_name(d->path) - d->path), d->path);
    if (!(d->bytes = tl_read_file(d->path, MODEL_MOST, &d->size)))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", d->path, NULL);
    if (tl_onnx_model_read(d->bytes, d->size, d->path, &other, e))
        return -1;
    int result = tl_onnx_model_read(s->bytes, s->size, s->r->c->model_file, &own, e);
    d->renamed = false;
    if (!result) {
        if (!same_nodes(own, other))
            d->renamed = tl_onnx_take_names(other, own);
        json_decref(d->paired);
        json_decref(d->makes);
        d->paired = json_object();
        d->makes = json_object();
        d->same_graph = same_nodes(own, other) && same_weights(own, other);
        pair_weights(d, own, other);
        note_values(d, other);
    }
    tl_onnx_model_free(own);
    tl_onnx_model_free(other);
    return result;
}

/* What stands in one of them alone is filled in neither: else it would be one thing here and another one there. The values of the
 * other one are handed over as well. */
void tl_reduce_other_values(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                            struct tl_reduce_values *v)
{
    struct tl_error ignored;
    struct tl_onnx_model *other = tl_reduce_other_graph(s) ? tl_reduce_other_load(s, k, &ignored) : NULL;
    struct tl_onnx_weight *list = NULL;
    size_t n = 0;
    for (size_t i = 0; i < v->n && tl_reduce_other_graph(s); i++)
        v->list[i].fixed = v->list[i].fixed || v->list[i].attribute ||
                           (v->list[i].weight && !tl_reduce_weight_in_both(s, v->list[i].name));
    if (other)
        tl_onnx_weights(other, &list, &n);
    for (size_t x = 0; x < n; x++) {
        const char *name = list[x].name ? list[x].name : "";
        if (!list[x].elements || tl_reduce_weight_in_both(s, name))
            continue;
        struct tl_reduce_tensor *t = TL_GROW(v->list, v->n);
        *t = (struct tl_reduce_tensor){.name = tl_format("%s of %s", name, tl_base_name(s->difference->path)),
                                       .weight = true,
                                       .fixed = true,
                                       .number = UINT32_MAX,
                                       .type = list[x].type,
                                       .with = -1};
        if (list[x].rank <= TL_RANK_MAX) { /* all of it is kept, which is told as of the model's own */
            t->rank = list[x].rank;
            memcpy(t->dims, list[x].dims, t->rank * sizeof *t->dims);
            t->elements = list[x].elements;
        }
    }
    free(list);
    tl_onnx_model_free(other);
}

/* "0-4,7" of the one model as that of the other. A new string; NULL where one of them has not its like: the one model would have
 * other values there, and the other one its own. */
static char *set_by_names(const struct tl_reduce_difference *d, const char *set,
                          const struct tl_onnx_weight *own, size_t n_own, const struct tl_onnx_weight *other,
                          size_t n_other)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (const char *at = set; at && *at;) {
        char *end;
        unsigned long first = strtoul(at, &end, 10), last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        for (size_t i = 0; i < n_own; i++) {
            if (own[i].number < first || own[i].number > last)
                continue;
            const struct tl_onnx_weight *w = own[i].name && json_object_get(d->paired, own[i].name)
                                                 ? weight_by_name(other, n_other, own[i].name)
                                                 : NULL;
            if (!w) {
                tl_buffer_free(&b);
                return NULL;
            }
            tl_buffer_printf(&b, "%s%u", b.size ? "," : "", w->number);
        }
        at = *end == ',' ? end + 1 : NULL;
    }
    return b.data ? tl_buffer_take(&b) : tl_strdup("");
}

/* The edits as the other model has them; false: one of them cannot be said of it. */
static bool translate(const struct tl_reduce_state *s, struct tl_onnx_edits *edits,
                      struct tl_onnx_model *other)
{
    static const char *const kept[] = {"outputs", "expose", "begin", "fold", "opset", "ir", "strip", "fill"};
    struct tl_onnx_model *own = NULL;
    struct tl_onnx_weight *x = NULL, *y = NULL;
    struct tl_error ignored;
    size_t n = 0, m = 0, i;
    json_t *edit;
    bool known = true;
    if (tl_onnx_model_read(s->bytes, s->size, s->r->c->model_file, &own, &ignored))
        return false;
    tl_onnx_weights(own, &x, &n);
    tl_onnx_weights(other, &y, &m);
    for (i = 0; i < json_array_size(edits->list) && known; i++) {
        edit = json_array_get(edits->list, i);
        const char *kind = json_object_iter_key(json_object_iter(edit));
        bool found = false;
        for (size_t k = 0; k < TL_COUNT(kept) && kind && !found; k++)
            found = !strcmp(kept[k], kind);
        /* Values are matched by name. */
        const char *renamed =
            kind && !strcmp(kind, "rename") ? json_string_value(json_object_get(edit, kind)) : NULL;
        found = found || (renamed && (!strcmp(renamed, "graphs") || !strcmp(renamed, "nodes")));
        known = found;
        json_t *fill = json_object_get(edit, "fill");
        const char *set = json_string_value(json_object_get(fill, "tensors"));
        char *named = set ? set_by_names(s->difference, set, x, n, y, m) : NULL;
        known = known && (!set || named);
        if (named)
            json_object_set_new(fill, "tensors", json_string(named));
        free(named);
    }
    free(x);
    free(y);
    tl_onnx_model_free(own);
    return known;
}

struct tl_onnx_model *tl_reduce_other_load(const struct tl_reduce_state *s,
                                           const struct tl_reduce_candidate *k, struct tl_error *e)
{
    const struct tl_reduce_difference *d = s->difference;
    const struct tl_onnx_sources sources = {.directory = d->directory};
    struct tl_onnx_model *m;
    struct tl_onnx_edits edits, fresh;
    struct tl_onnx_model *own = NULL;
    if (tl_onnx_model_read(d->bytes, d->size, d->path, &m, e))
        return NULL;
    if (d->renamed && !tl_onnx_model_read(s->bytes, s->size, s->r->c->model_file, &own, e)) {
        tl_onnx_take_names(m, own);
        tl_onnx_model_free(own);
    }
    tl_onnx_edits_begin(&fresh, m);
    tl_onnx_edits_copy(&edits, &k->edits);
    memcpy(edits.original, fresh.original, sizeof edits.original);
    tl_onnx_edits_free(&fresh);
    bool failed = !d->same_graph && !translate(s, &edits, m);
    if (failed)
        tl_fail(e, TL_ERROR_INPUT, "cannot change the model alike", d->path, "its nodes are other ones");
    failed = failed || tl_onnx_edits_apply(&edits, m, &sources, e);
    tl_onnx_edits_free(&edits);
    if (failed)
        tl_onnx_model_free(m);
    return failed ? NULL : m;
}
