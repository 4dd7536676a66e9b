/* What a search says of its minimal variant, as members of a finding's document: trigger, bands, needs. */
#include "harness/campaign/finding_parts.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

json_t *tl_finding_variant(const struct tl_case *c, const uint64_t *index)
{
    const struct tl_variant v = {(uint64_t *)index};
    char *text = tl_variant_json(c, &v);
    json_t *j = json_loads(text, 0, NULL);
    free(text);
    return j;
}

json_t *tl_finding_value(const struct tl_case *c, size_t axis, uint64_t index)
{
    return tl_value_json(tl_axis_value(&c->axes[axis], index));
}

#define ELEMENTS_MOST 4096 /* that are named; of more, which nobody reads, the value says the places */

/* Of a set, which elements are in it. */
void tl_finding_add_elements(const struct tl_case *c, size_t axis, uint64_t index, json_t *j)
{
    const struct tl_axis *a = &c->axes[axis];
    if (a->kind != TL_AXIS_SUBSET)
        return;
    const struct tl_elements *all = tl_axis_sets_elements(a->sets);
    const struct tl_element_set *set = tl_axis_sets_get(a->sets, index);
    if (tl_element_set_count(set) <= ELEMENTS_MOST)
        json_object_set_new(j, "elements", tl_element_set_json(all, set));
    json_object_set_new(j, "of", json_integer((json_int_t)all->n));
}

static json_t *values_json(const struct tl_case *c, size_t axis, const uint64_t *list, size_t n)
{
    json_t *j = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(j, tl_finding_value(c, axis, list[i]));
    return j;
}

static json_t *rate_json(const struct tl_case *c, size_t axis, const struct tl_search_rate *r)
{
    double low, high;
    tl_wilson(r->failed, r->runs, TL_FINDING_CONFIDENCE, &low, &high);
    return json_pack("{s:o,s:I,s:I,s:[f,f]}", "value", tl_finding_value(c, axis, r->value), "failed",
                     (json_int_t)r->failed, "runs", (json_int_t)r->runs, "interval", low, high);
}

static json_t *band_json(const struct tl_case *c, size_t axis, const struct tl_search_band *b)
{
    json_t *samples = json_array();
    for (size_t i = 0; i < b->n_samples; i++)
        json_array_append_new(samples, rate_json(c, axis, &b->samples[i]));
    return json_pack("{s:b,s:b,s:o,s:o,s:o}", "uneven", (int)b->uneven, "moves", (int)b->moves, "never",
                     b->has_never ? rate_json(c, axis, &b->never) : json_null(), "always",
                     rate_json(c, axis, &b->always), "samples", samples);
}

/* A set of at least three values at equal distances has a short name: even and at least 4. */
static void add_pattern(const struct tl_case *c, const struct tl_search_trigger *t, json_t *j)
{
    const uint64_t *v = t->fails_with, step = t->n_fails > 2 ? v[1] - v[0] : 0;
    bool regular = step > 1;
    for (size_t i = 1; i < t->n_fails; i++)
        regular = regular && v[i] - v[i - 1] == step;
    if (!regular)
        return;
    uint64_t last = v[t->n_fails - 1];
    bool to_the_end = step > c->axes[t->axis].count - 1 - last;
    json_object_set_new(j, "pattern",
                        json_pack("{s:I,s:o,s:o}", "step", (json_int_t)step, "from",
                                  tl_finding_value(c, t->axis, v[0]), "to",
                                  to_the_end ? json_null() : tl_finding_value(c, t->axis, last)));
}

json_t *tl_finding_triggers(const struct tl_case *c, const struct tl_search_trigger *triggers, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct tl_search_trigger *t = &triggers[i];
        json_t *j = json_pack("{s:s,s:o,s:o,s:o}", "axis", c->axes[t->axis].name, "value",
                              tl_finding_value(c, t->axis, t->value), "fails_with",
                              values_json(c, t->axis, t->fails_with, t->n_fails), "passes_with",
                              values_json(c, t->axis, t->passes_with, t->n_passes));
        tl_finding_add_elements(c, t->axis, t->value, j);
        if (t->n_open) {
            json_t *open = json_object();
            tl_finding_add_elements(c, t->axis, t->open, open);
            json_object_set_new(open, "value", tl_finding_value(c, t->axis, t->open));
            json_object_set_new(open, "n", json_integer((json_int_t)t->n_open));
            json_object_set_new(j, "not_shown", open);
        }
        if (t->n_rarer)
            json_object_set_new(j, "rarer_with", values_json(c, t->axis, t->rarer_with, t->n_rarer));
        if (t->n_other)
            json_object_set_new(j, "other_with", values_json(c, t->axis, t->other_with, t->n_other));
        if (t->n_unsupported)
            json_object_set_new(j, "unsupported_with",
                                values_json(c, t->axis, t->unsupported_with, t->n_unsupported));
        if (t->band.is_band)
            json_object_set_new(j, "band", band_json(c, t->axis, &t->band));
        else if (t->threshold)
            json_object_set_new(j, "threshold", tl_finding_value(c, t->axis, t->value));
        if (t->non_monotone)
            json_object_set_new(j, "non_monotone", tl_finding_value(c, t->axis, t->counterexample));
        if (t->every)
            json_object_set_new(j, "every", json_true());
        if (t->set)
            json_object_set_new(j, "set", json_true());
        if (c->axes[t->axis].kind == TL_AXIS_RANGE && t->set)
            add_pattern(c, t, j);
        if (t->gap)
            json_object_set_new(j, "gap", json_true());
        if (t->unresolved)
            json_object_set_new(j, "unresolved", json_true());
        if (t->masked)
            json_object_set_new(j, "masked", json_true());
        json_array_append_new(list, j);
    }
    return list;
}

json_t *tl_finding_answer(const struct tl_case *c, const struct tl_search_answer *a)
{
    json_t *j = json_pack("{s:[i,i],s:o,s:o}", "rate", a->rate[0], a->rate[1], "minimal",
                          tl_finding_variant(c, a->minimal), "trigger",
                          tl_finding_triggers(c, a->triggers, a->n_triggers));
    if (a->elsewhere)
        json_object_set_new(j, "signature", json_string(a->elsewhere));
    return j;
}

/* Values that have to stay as they are in the minimal variant: of each entry at least one. */
json_t *tl_finding_needs(const struct tl_case *c, const struct tl_search_need *needs, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *any_of = json_array();
        for (size_t k = 0; k < needs[i].n; k++) {
            const struct tl_search_need_axis *x = &needs[i].any_of[k];
            json_t *j = json_pack("{s:s,s:o,s:o,s:o}", "axis", c->axes[x->axis].name, "value",
                                  tl_finding_value(c, x->axis, x->value), "fails_with",
                                  values_json(c, x->axis, x->fails_with, x->n_fails), "passes_with",
                                  values_json(c, x->axis, x->passes_with, x->n_passes));
            if (x->has_up_to)
                json_object_set_new(j, "up_to", tl_finding_value(c, x->axis, x->up_to));
            json_array_append_new(any_of, j);
        }
        json_array_append_new(list, json_pack("{s:o}", "any_of", any_of));
    }
    return list;
}

json_t *tl_finding_id(const char *id)
{
    return id ? json_string(id) : json_null();
}
