/* One rate for one variant.
 *
 * The search counts for its own ends: fresh runs here, runs of a purpose there, one that it expects and was not told.
 * Readers compare figures, and two for one variant make them doubt both. So every figure of a document that is about
 * one variant is counted anew from the document's path, which holds each trial that said something: how often it failed
 * in the way that is isolated, of all that ended in any way. What no trial told is no run. */
#include "harness/campaign/finding_parts.h"

#include <stdbool.h>
#include <string.h>

struct runs {
    json_int_t failed, passed, runs;
    bool inferred; /* there are answers that no trial of its own gave */
};

static struct runs runs_of(const json_t *path, const json_t *variant)
{
    struct runs r = {0};
    const json_t *step;
    size_t i;
    json_array_foreach(path, i, step) {
        const char *outcome = json_string_value(json_object_get(step, "outcome"));
        if (!outcome || !json_equal(json_object_get(step, "variant"), variant))
            continue;
        if (json_is_true(json_object_get(step, "inferred"))) {
            r.inferred = true;
            continue;
        }
        r.failed += !strcmp(outcome, "match");
        r.passed += !strcmp(outcome, "pass");
        r.runs += !strcmp(outcome, "match") || !strcmp(outcome, "pass") || !strcmp(outcome, "other");
    }
    return r;
}

static void set_value_rate(json_t *rate, const json_t *path, const json_t *minimal, const char *axis)
{
    double low, high;
    if (!json_is_object(rate))
        return;
    json_t *variant = json_copy((json_t *)minimal);
    json_object_set(variant, axis, json_object_get(rate, "value"));
    struct runs r = runs_of(path, variant);
    json_decref(variant);
    if (!r.runs || r.inferred) /* a band that was told by what others counted is as wide as that says */
        return;
    tl_wilson((uint64_t)r.failed, (uint64_t)r.runs, TL_FINDING_CONFIDENCE, &low, &high);
    json_object_set_new(rate, "failed", json_integer(r.failed));
    json_object_set_new(rate, "runs", json_integer(r.runs));
    json_object_set_new(rate, "interval", json_pack("[f,f]", low, high));
}

static void count_bands(const json_t *triggers, const json_t *path, const json_t *minimal)
{
    json_t *t, *sample;
    size_t i, k;
    json_array_foreach(triggers, i, t) {
        json_t *band = json_object_get(t, "band");
        const char *axis = json_string_value(json_object_get(t, "axis"));
        if (!json_is_object(band) || !axis)
            continue;
        set_value_rate(json_object_get(band, "never"), path, minimal, axis);
        set_value_rate(json_object_get(band, "always"), path, minimal, axis);
        json_array_foreach(json_object_get(band, "samples"), k, sample) {
            set_value_rate(sample, path, minimal, axis);
        }
    }
}

static void count_answer(json_t *answer, const json_t *path)
{
    const json_t *minimal = json_object_get(answer, "minimal");
    if (!json_is_object(minimal))
        return;
    struct runs r = runs_of(path, minimal);
    if (r.runs)
        json_object_set_new(answer, "rate", json_pack("[I,I]", r.failed, r.runs));
    count_bands(json_object_get(answer, "trigger"), path, minimal);
}

void tl_finding_count_by_path(json_t *document)
{
    const json_t *path = json_object_get(document, "path"), *minimal = json_object_get(document, "minimal");
    json_t *cause, *pair;
    size_t i;
    if (!json_is_object(minimal))
        return;
    count_bands(json_object_get(document, "trigger"), path, minimal);
    count_answer(json_object_get(document, "strict"), path);
    json_array_foreach(json_object_get(document, "or"), i, cause) {
        count_answer(cause, path);
    }
    json_array_foreach(json_object_get(document, "decisive"), i, pair) {
        struct runs fails = runs_of(path, json_object_get(pair, "fails")),
                    passes = runs_of(path, json_object_get(pair, "passes"));
        if (fails.runs)
            json_object_set_new(pair, "n_fails", json_integer(fails.failed));
        if (passes.runs)
            json_object_set_new(pair, "n_passes", json_integer(passes.passed));
    }
}
