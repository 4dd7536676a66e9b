/* The model that is right, where a model is held against another one: float32 against quantised, the one of yesterday against
 * that of today.
 *
 * What is done to the one is done to the other. Where both have the same nodes and weights in the same order, edits mean the
 * same in both. Else only those are made of which it can be told by name: which values are inputs and outputs, what fills
 * weights of the same name; a variant of any other kind is none that can be tried. */
#include "harness/campaign/reduce_difference.h"
#include "harness/campaign/reduce_values.h"

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
    if (!result)
        d->same_graph = same_nodes(own, other) && same_weights(own, other);
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
    struct tl_onnx_model *other = s->difference && s->difference->path && !s->difference->same_graph
                                      ? tl_reduce_other_load(s, k, &ignored)
                                      : NULL;
    struct tl_onnx_weight *list = NULL;
    size_t n = 0, n_own = v->n;
    if (!other)
        return;
    tl_onnx_weights(other, &list, &n);
    for (size_t i = 0; i < n_own; i++) {
        bool both = !v->list[i].weight && !v->list[i].attribute;
        for (size_t x = 0; x < n && !both && v->list[i].weight; x++)
            both = list[x].name && !strcmp(list[x].name, v->list[i].name);
        v->list[i].fixed = v->list[i].fixed || !both;
    }
    for (size_t x = 0; x < n; x++) {
        bool both = !list[x].elements;
        for (size_t i = 0; i < n_own && !both; i++)
            both = v->list[i].weight && list[x].name && !strcmp(list[x].name, v->list[i].name);
        if (!both)
            *TL_GROW(v->list, v->n) =
                (struct tl_reduce_tensor){.name = tl_format("%s of %s", list[x].name ? list[x].name : "",
                                                            tl_base_name(s->difference->path)),
                                          .weight = true,
                                          .fixed = true,
                                          .number = UINT32_MAX,
                                          .with = -1};
    }
    free(list);
    tl_onnx_model_free(other);
}

static uint32_t number_by_name(const struct tl_onnx_weight *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].name && !strcmp(list[i].name, name))
            return list[i].number;
    return UINT32_MAX;
}

/* "0-4,7" of the one model as that of the other. A new string, "" where none of them has its like. */
static char *set_by_names(const char *set, const struct tl_onnx_weight *own, size_t n_own,
                          const struct tl_onnx_weight *other, size_t n_other)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (const char *at = set; at && *at;) {
        char *end;
        unsigned long first = strtoul(at, &end, 10), last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        for (size_t i = 0; i < n_own; i++) {
            if (own[i].number < first || own[i].number > last || !own[i].name || !*own[i].name)
                continue;
            uint32_t number = number_by_name(other, n_other, own[i].name);
            if (number != UINT32_MAX)
                tl_buffer_printf(&b, "%s%u", b.size ? "," : "", number);
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
    for (i = 0; i < json_array_size(edits->list) && known;) {
        edit = json_array_get(edits->list, i);
        const char *kind = json_object_iter_key(json_object_iter(edit));
        bool found = false;
        for (size_t k = 0; k < TL_COUNT(kept) && kind && !found; k++)
            found = !strcmp(kept[k], kind);
        known = found;
        json_t *fill = json_object_get(edit, "fill");
        const char *set = json_string_value(json_object_get(fill, "tensors"));
        char *named = set ? set_by_names(set, x, n, y, m) : NULL;
        if (named && *named)
            json_object_set_new(fill, "tensors", json_string(named));
        if (named && !*named)
            json_array_remove(edits->list, i);
        else
            i++;
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
    if (tl_onnx_model_read(d->bytes, d->size, d->path, &m, e))
        return NULL;
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
