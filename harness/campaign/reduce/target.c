/* What the difference is that is reduced, once the original has shown one; and what is said of it. */
#include "harness/campaign/reduce/difference.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OF_NOISE 10
static const char doing[] = "cannot reduce a difference";

#define BEFORE_MOST 8 /* values before an output whose difference is noise */

/* --- what the failure is ------------------------------------------------------------------------------------------ */

/* The output that differs most, of those that fail. */
static struct tl_reduce_gap worst_output(const struct tl_reduce_difference *d, const json_t *comparison,
                                         const char **name)
{
    struct tl_reduce_gap worst = tl_reduce_gap_in(d, comparison, NULL);
    const json_t *output;
    size_t i;
    *name = NULL;
    json_array_foreach(json_object_get(comparison, "outputs"), i, output) {
        struct tl_reduce_gap g = tl_reduce_gap_of(d, output);
        if (!*name && g.kind == worst.kind && g.far == worst.far && !(g.error < worst.error))
            *name = json_string_value(json_object_get(output, "name"));
    }
    return worst;
}

static bool is_noise(const struct tl_reduce_difference *d)
{
    return d->first.kind == TL_REDUCE_FINITE && isfinite(d->first.error) && d->noise > 0 &&
           d->first.error < OF_NOISE * d->noise;
}

/* What a value is made of; those that nodes make. */
static void add_sources(struct tl_onnx_model *m, const char *value, json_t *waiting)
{
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n = 0;
    uint32_t maker = tl_onnx_maker(m, value);
    tl_onnx_nodes(m, &nodes, &n);
    for (size_t i = 0; i < n && maker != TL_ONNX_NOWHERE; i++)
        for (size_t k = 0; nodes[i].number == maker && k < nodes[i].n_inputs; k++)
            if (*nodes[i].inputs[k] && tl_onnx_maker(m, nodes[i].inputs[k]) != TL_ONNX_NOWHERE)
                json_array_append_new(waiting, json_string(nodes[i].inputs[k]));
    free(nodes);
}

/* One of them, alone: it becomes the target where it differs by more than noise. */
static int look_before(struct tl_reduce_state *s, const char *value, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    json_t *comparison = NULL;
    double noise = -1;
    tl_onnx_edit_outputs(&k.edits, &value, 1);
    int result = tl_reduce_compare(s, &k, NULL, &comparison, e);
    struct tl_reduce_gap g = {.kind = TL_REDUCE_UNSEEN};
    if (!result && comparison)
        g = tl_reduce_gap_in(d, comparison, value);
    if (!result && g.kind == TL_REDUCE_FINITE && g.far)
        result = tl_reduce_noise(s, &k, value, &noise, e);
    if (!result && !s->stopped && g.far && g.kind != TL_REDUCE_UNSEEN &&
        (g.kind != TL_REDUCE_FINITE || (isfinite(g.error) && g.error >= OF_NOISE * noise))) {
        tl_reduce_gap_target(s, &g, value, noise);
        tl_reduce_take(&s->now, &k);
    }
    json_decref(comparison);
    tl_reduce_drop(&k);
    return result;
}

/* Where all that reaches an output may be rounding, such as behind a Sigmoid of large negative numbers, what it is made of may
 * differ by more than that. */
static int find_before(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    struct tl_onnx_model *m = tl_reduce_load(s, &s->now, e);
    json_t *waiting = json_array();
    int result = 0;
    if (!m)
        return -1;
    d->within_noise = json_pack("[s]", d->output);
    add_sources(m, d->output, waiting);
    for (size_t i = 0;
         i < json_array_size(waiting) && i < BEFORE_MOST && is_noise(d) && !result && !s->stopped; i++) {
        const char *value = json_string_value(json_array_get(waiting, i));
        result = look_before(s, value, e);
        if (is_noise(d))
            add_sources(m, value, waiting);
    }
    json_decref(waiting);
    tl_onnx_model_free(m);
    return result;
}

/* Of the output of a comparison that differs in form: what is expected of it and what it is; NULL. */
static const json_t *form_in(const json_t *comparison, const char *name)
{
    const json_t *output;
    size_t i;
    json_array_foreach(json_object_get(comparison, "outputs"), i, output) {
        const char *own = json_string_value(json_object_get(output, "name"));
        if (json_object_get(output, "how") && own && (!name || !strcmp(own, name)))
            return output;
    }
    return NULL;
}

/* It ended, and nothing that came out of it can be held against what is right. */
static int cannot_be_compared(const struct tl_reduce_state *s, const struct tl_trial_record *r,
                              struct tl_error *e)
{
    const json_t *comparison = json_object_get(r->result, "reference"), *output = form_in(comparison, NULL),
                 *worst = json_object_get(output, "worst");
    const char *name = json_string_value(json_object_get(output, "name")),
               *expected = json_string_value(json_object_get(worst, "expected")),
               *got = json_string_value(json_object_get(worst, "got")),
               *why = json_string_value(json_object_get(comparison, "why"));
    if (!output)
        return tl_fail(e, TL_ERROR_INPUT, doing, s->r->against, "%s",
                       why          ? why
                       : r->message ? r->message
                                    : "there is no output to compare");
    if (!expected || !got)
        return tl_fail(
            e, TL_ERROR_INPUT, doing, s->r->against,
            "of the two models one has the output %s, and the other one has not: values are matched by name",
            name);
    return tl_fail(
        e, TL_ERROR_INPUT, doing, s->r->against,
        "the output %s is %s there, and %s here: values of two types are not held against each other", name,
        expected, got);
}

int tl_reduce_difference_none(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    struct tl_trial_record r = {0};
    if (!*d->own_failure || s->stopped)
        return 0;
    if (tl_query_trial(tl_executor_store(s->r->x), d->own_failure, &r, e))
        return -1;
    if (r.outcome == TL_OUTCOME_WRONG || r.outcome == TL_OUTCOME_PASS ||
        (r.outcome == TL_OUTCOME_UNSUPPORTED && r.phase == TL_PHASE_CHECK)) {
        cannot_be_compared(s, &r, e);
        tl_trial_record_free(&r);
        return -1;
    }
    d->fails_itself = true;
    const char *title = r.signature.title ? r.signature.title : r.message;
    tl_fail(e, TL_ERROR_INPUT, doing, s->r->unit->text,
            "the model fails there by itself, before there are outputs to be compared (%s in %s%s%s%s%s), "
            "which is no difference; without --against and --first-difference that failure is reduced",
            tl_outcome_name(r.outcome), tl_phase_name(r.phase), r.signal ? ", " : "",
            r.signal ? tl_signal_name(r.signal) : "", title ? ": " : "", title ? title : "");
    tl_trial_record_free(&r);
    return -1;
}

int tl_reduce_difference_target(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    const json_t *comparison = json_object_get(s->target.result, "reference");
    const char *name;
    if (s->target.outcome != TL_OUTCOME_WRONG || !json_is_object(comparison)) {
        d->why = "it fails in another way than by its outputs; without --against that is reduced";
        s->failed = 0;
        return 0;
    }
    struct tl_reduce_gap g = worst_output(d, comparison, &name);
    tl_reduce_gap_target(s, &g, name, -1);
    if (tl_reduce_find_good(s, e) ||
        (!tl_reduce_gap_is_form(g.kind) && tl_reduce_noise(s, &s->now, name, &d->original_noise, e)))
        return -1;
    tl_reduce_gap_target(s, &g, name, d->original_noise);
    if (is_noise(d) && find_before(s, e))
        return -1;
    if (is_noise(d) && !s->stopped) {
        d->why = "it is no more than ten times what good configurations differ by";
        s->failed = 0;
    }
    json_t *in_use = s->inputs;
    for (size_t i = 0; i < s->n_samples && s->failed && !s->stopped; i++) {
        enum tl_reduce_verdict v;
        s->inputs = s->samples[i];
        if (tl_reduce_try_one(s, &s->now, &v, e))
            return -1;
        d->samples_failed += v == TL_REDUCE_FAIL;
    }
    s->inputs = in_use;
    return 0;
}

/* --- what is said of it --------------------------------------------------------------------------------------------- */

static json_t *real_or_null(double v)
{
    return isfinite(v) && v >= 0 ? json_real(v) : json_null();
}

static json_t *with_json(const struct tl_reduce_difference *d)
{
    json_t *with = json_deep_copy(d->with);
    if (d->path)
        json_object_del(with, TL_REDUCE_MODEL_AXIS);
    return with;
}

static json_t *second_json(const struct tl_reduce_difference *d)
{
    if (!d->second.c)
        return json_null();
    json_t *values = tl_variant_object(d->second.c, &d->second.v), *with = json_object(), *value;
    const char *name;
    json_object_foreach(values, name, value)
        if (strcmp(name, TL_REDUCE_AXIS) != 0 && strcmp(name, TL_REDUCE_MODEL_AXIS) != 0)
            json_object_set(with, name, value);
    json_decref(values);
    return json_pack("{s:s,s:o}", "unit", d->second.unit->text, "with", with);
}

json_t *tl_reduce_difference_json(const struct tl_reduce_state *s)
{
    const struct tl_reduce_difference *d = s->difference;
    json_t *j = json_pack("{s:s,s:s,s:o,s:s?,s:f,s:o,s:s?}", "asked", d->asked, "unit", d->unit, "with",
                          with_json(d), "model", d->path ? tl_base_name(d->path) : NULL, "tolerance",
                          d->tolerance, "nothing", json_deep_copy(d->nothing), "why", d->why);
    json_object_set(j, "left_out", d->left_out);
    const struct tl_reduce_gap *g = &d->first;
    const json_t *comparison = json_object_get(s->target.result, "reference");
    const char *name = NULL;
    struct tl_reduce_gap original = *g;
    if (json_is_object(comparison))
        original = worst_output(d, comparison, &name);
    if (original.kind == TL_REDUCE_EQUAL && d->allowed) {
        original = tl_reduce_gap_of(d, d->allowed);
        name = json_string_value(json_object_get(d->allowed, "name"));
    }
    json_object_set_new(j, "kind", json_string(tl_reduce_kind_name(original.kind)));
    json_object_set_new(j, "output", name ? json_string(name) : json_null());
    json_object_set_new(j, "error", real_or_null(original.error));
    json_object_set_new(j, "absolute", real_or_null(original.absolute));
    if (tl_reduce_gap_is_form(original.kind)) {
        const json_t *worst = json_object_get(form_in(comparison, name), "worst");
        const json_t *expected = json_object_get(worst, "expected"), *got = json_object_get(worst, "got");
        json_object_set_new(j, "expected", expected ? json_deep_copy(expected) : json_null());
        json_object_set_new(j, "got", got ? json_deep_copy(got) : json_null());
    }
    json_object_set_new(j, "second", second_json(d));
    json_object_set_new(j, "noise", real_or_null(d->original_noise));
    json_object_set_new(j, "least", g->kind == TL_REDUCE_FINITE ? real_or_null(d->least) : json_null());
    if (d->within_noise)
        json_object_set(j, "within_noise", d->within_noise);
    if (s->n_samples)
        json_object_set_new(j, "samples",
                            json_pack("[I,I]", (json_int_t)d->samples_failed, (json_int_t)s->n_samples));
    json_object_update(j, d->where);
    return j;
}
