/* Where the model ends. The last node makes what is judged, and every search before kept it: so the model that ends one node earlier
 * is tried as well, or nothing that is left is the least. What fails there may be less than what goes into one node, so the whole
 * search is done once more with it. */
#include "harness/campaign/reduce/difference.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define OF_NOISE 10

int tl_reduce_end_at(struct tl_reduce_state *s, const char *value, const struct tl_reduce_gap *gap,
                     double noise, bool *ends, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    struct tl_reduce_gap before = d->first;
    double noise_before = d->noise;
    char *output = tl_strdup(d->output);
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    tl_onnx_edit_outputs(&k.edits, &value, 1);
    tl_reduce_gap_target(s, gap, value, noise);
    int result = tl_reduce_try(s, &k, &v, e);
    *ends = !result && v == TL_REDUCE_FAIL;
    if (*ends)
        tl_reduce_take(&s->now, &k);
    else
        tl_reduce_gap_target(s, &before, output, noise_before);
    tl_reduce_drop(&k);
    free(output);
    return result;
}

int tl_reduce_only_final(struct tl_reduce_state *s, struct tl_error *e)
{
    const struct tl_reduce_difference *d = s->difference;
    struct tl_onnx_model *m = tl_reduce_load(s, &s->now, e);
    const char **names = NULL, *final = d->output;
    size_t n = 0;
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    int result = 0;
    if (!m)
        return -1;
    tl_onnx_outputs(m, &names, &n);
    if (n > 1) {
        struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
        tl_onnx_edit_outputs(&k.edits, &final, 1);
        result = tl_reduce_try(s, &k, &v, e);
        if (!result && v == TL_REDUCE_FAIL)
            tl_reduce_take(&s->now, &k);
        tl_reduce_drop(&k);
    }
    free(names);
    tl_onnx_model_free(m);
    return result;
}

/* What is left where the last node is taken away: what it reads of other nodes, and outputs that others make. Of the model, the
 * caller's. */
static size_t ends_without_last(struct tl_onnx_model *m, const char ***names)
{
    uint32_t *order = NULL;
    const char **outputs = NULL, **needed = NULL;
    size_t n = 0, n_needed = 0, n_order = 0, n_outputs = 0;
    tl_onnx_order(m, &order, &n_order);
    tl_onnx_outputs(m, &outputs, &n_outputs);
    const uint32_t last = n_order > 1 ? order[n_order - 1] : TL_ONNX_NOWHERE;
    if (n_order > 1)
        tl_onnx_needed(m, n_order - 1, &needed, &n_needed);
    *names = tl_calloc(n_needed + n_outputs + 1, sizeof **names);
    for (size_t i = 0; i < n_needed + n_outputs && n_order > 1; i++) {
        const char *name = i < n_needed ? needed[i] : outputs[i - n_needed];
        const uint32_t maker = tl_onnx_maker(m, name);
        bool there = maker == TL_ONNX_NOWHERE || maker == last;
        for (size_t k = 0; k < n && !there; k++)
            there = !strcmp((*names)[k], name);
        if (!there)
            (*names)[n++] = name;
    }
    free(needed);
    free(outputs);
    free(order);
    return n;
}

/* Of a difference: the value is what differs from now on, where it does so beyond the noise. */
static int end_at_difference(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                             const char *value, bool *ends, struct tl_error *e)
{
    json_t *comparison = NULL;
    double noise = -1;
    int result = tl_reduce_compare(s, k, NULL, &comparison, e);
    *ends = false;
    if (!result && comparison && !s->stopped) {
        const struct tl_reduce_gap g = tl_reduce_gap_in(s->difference, comparison, value);
        bool far = tl_reduce_gap_fails(s->difference, &g);
        if (far && g.kind == TL_REDUCE_FINITE)
            result = tl_reduce_noise(s, k, value, &noise, e);
        if (far && !result && !s->stopped && !(noise > 0 && g.error < OF_NOISE * noise))
            result = tl_reduce_end_at(s, value, &g, noise, ends, e);
    }
    json_decref(comparison);
    return result;
}

/* The same of the one with recorded values, which is no further searched. */
static int recorded_earlier(struct tl_reduce_state *s, struct tl_error *e)
{
    bool ends = s->model.edits.list != NULL;
    int result = 0;
    while (ends && !result && !s->stopped) {
        struct tl_onnx_model *m = tl_reduce_load(s, &s->model, e);
        const char **names = NULL;
        enum tl_reduce_verdict v = TL_REDUCE_INVALID;
        struct tl_reduce_candidate k = tl_reduce_copy(&s->model);
        if (!m) {
            tl_reduce_drop(&k);
            return -1;
        }
        size_t n = ends_without_last(m, &names);
        if (n) {
            tl_reduce_tell(s, "without the last node");
            tl_onnx_edit_outputs(&k.edits, names, n);
            result = tl_reduce_try(s, &k, &v, e);
        }
        ends = n && !result && v == TL_REDUCE_FAIL;
        if (ends)
            s->model_minimal = false;
        ends = ends && !s->difference; /* of which the value is known that differs */
        if (ends)
            tl_reduce_take(&s->model, &k);
        tl_reduce_drop(&k);
        free(names);
        tl_onnx_model_free(m);
    }
    return result;
}

int tl_reduce_end_earlier(struct tl_reduce_state *s, bool *ends, struct tl_error *e)
{
    struct tl_onnx_model *m = tl_reduce_load(s, &s->now, e);
    const char **names = NULL;
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    int result = 0;
    *ends = false;
    if (!m)
        return -1;
    size_t n = ends_without_last(m, &names);
    if (n) {
        tl_reduce_tell(s, "without the last node");
        struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
        tl_onnx_edit_outputs(&k.edits, names, n);
        result = tl_reduce_try(s, &k, &v, e);
        bool fails = !result && !s->stopped && v == TL_REDUCE_FAIL;
        for (size_t i = 0; i < n && fails && !*ends && !result && !s->stopped; i++) {
            struct tl_reduce_candidate one = tl_reduce_copy(&s->now);
            tl_onnx_edit_outputs(&one.edits, &names[i], 1);
            if (s->difference)
                result = end_at_difference(s, &one, names[i], ends, e);
            else if (n > 1 && !(result = tl_reduce_try(s, &one, &v, e)) && (*ends = v == TL_REDUCE_FAIL))
                tl_reduce_take(&s->now, &one);
            tl_reduce_drop(&one);
        }
        if (fails && !*ends && !result && !s->stopped && !s->difference) {
            tl_reduce_take(&s->now, &k);
            *ends = true;
        }
        /* It fails without that node, but no part of it does so by itself: what there is is not the least. */
        if (fails && !*ends)
            s->structural_minimal = false;
        tl_reduce_drop(&k);
    }
    free(names);
    tl_onnx_model_free(m);
    if (!result && !*ends && !s->stopped)
        result = recorded_earlier(s, e);
    s->nodes = tl_reduce_count(s, s->model.edits.list ? &s->model : &s->now);
    return result;
}
