/* One rate for one variant.
 *
 * The search counts for its own ends: fresh runs here, runs of a purpose there, one that it expects and was not told.
 * Readers compare figures, and two for one variant make them doubt both. So every figure of a document that is about
 * one variant is counted anew from the document's path, which holds each trial that said something: how often it failed
 * in the way that is isolated, of all that ended in any way. A trial that counted what an axis sets is one of each
 * variant that it tells of. */
#include "db/finding.h"
#include "harness/campaign/finding_parts.h"

#include <stdbool.h>
#include <string.h>

struct runs {
    json_int_t failed, passed, runs;
};

static struct runs runs_of(const json_t *document, const json_t *variant)
{
    struct runs r = {0};
    const json_t *step;
    size_t i;
    json_array_foreach(json_object_get(document, "path"), i, step) {
        const char *outcome = json_string_value(json_object_get(step, "outcome"));
        bool fails = true;
        if (!outcome || (!json_equal(json_object_get(step, "variant"), variant) &&
                         !tl_finding_tells(document, step, variant, &fails)))
            continue;
        outcome = fails ? outcome : "pass";
        r.failed += !strcmp(outcome, "match");
        r.passed += !strcmp(outcome, "pass");
        r.runs += !strcmp(outcome, "match") || !strcmp(outcome, "pass") || !strcmp(outcome, "other");
    }
    return r;
}

static void set_value_rate(json_t *rate, const json_t *document, const json_t *minimal, const char *axis)
{
    double low, high;
    if (!json_is_object(rate))
        return;
    json_t *variant = json_copy((json_t *)minimal);
    json_object_set(variant, axis, json_object_get(rate, "value"));
    struct runs r = runs_of(document, variant);
    json_decref(variant);
    if (!r.runs)
        return;
    tl_wilson((uint64_t)r.failed, (uint64_t)r.runs, TL_FINDING_CONFIDENCE, &low, &high);
    json_object_set_new(rate, "failed", json_integer(r.failed));
    json_object_set_new(rate, "runs", json_integer(r.runs));
    json_object_set_new(rate, "interval", json_pack("[f,f]", low, high));
}

static void count_bands(const json_t *triggers, const json_t *document, const json_t *minimal)
{
    json_t *t, *sample;
    size_t i, k;
    json_array_foreach(triggers, i, t) {
        json_t *band = json_object_get(t, "band");
        const char *axis = json_string_value(json_object_get(t, "axis"));
        if (!json_is_object(band) || !axis)
            continue;
        set_value_rate(json_object_get(band, "never"), document, minimal, axis);
        set_value_rate(json_object_get(band, "always"), document, minimal, axis);
        json_array_foreach(json_object_get(band, "samples"), k, sample) {
            set_value_rate(sample, document, minimal, axis);
        }
    }
}

static void count_answer(json_t *answer, const json_t *document)
{
    const json_t *minimal = json_object_get(answer, "minimal");
    if (!json_is_object(minimal))
        return;
    struct runs r = runs_of(document, minimal);
    if (r.runs)
        json_object_set_new(answer, "rate", json_pack("[I,I]", r.failed, r.runs));
    count_bands(json_object_get(answer, "trigger"), document, minimal);
}

void tl_finding_count_by_path(json_t *document)
{
    const json_t *minimal = json_object_get(document, "minimal");
    json_t *cause, *pair;
    size_t i;
    if (!json_is_object(minimal))
        return;
    count_bands(json_object_get(document, "trigger"), document, minimal);
    struct runs m = runs_of(document, minimal);
    if (m.runs && json_object_get(document, "inferred")) {
        double low, high;
        tl_wilson((uint64_t)m.failed, (uint64_t)m.runs, TL_FINDING_CONFIDENCE, &low, &high);
        json_object_set_new(document, "rate", json_pack("[I,I]", m.failed, m.runs));
        json_object_set_new(document, "rate_interval", json_pack("[f,f]", low, high));
    }
    count_answer(json_object_get(document, "strict"), document);
    json_array_foreach(json_object_get(document, "or"), i, cause) {
        count_answer(cause, document);
    }
    json_array_foreach(json_object_get(document, "decisive"), i, pair) {
        struct runs fails = runs_of(document, json_object_get(pair, "fails")),
                    passes = runs_of(document, json_object_get(pair, "passes"));
        if (fails.runs)
            json_object_set_new(pair, "n_fails", json_integer(fails.failed));
        if (passes.runs)
            json_object_set_new(pair, "n_passes", json_integer(passes.passed));
    }
}
