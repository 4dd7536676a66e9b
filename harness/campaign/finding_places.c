/* Where in the code a failure shows, and what else was met, as members of a finding's document. */
#include "harness/campaign/finding_parts.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/campaign/driver_impl.h"
#include "harness/campaign/judge.h"
#include "harness/verdict/common_frame.h"
#include "harness/verdict/kind.h"

#include <stdlib.h>
#include <string.h>

/* A signature that was met, with the first variant that showed it, and what a trial that did says of it. */
static json_t *met_json(const struct tl_driver *d, const struct tl_search_result *r, const char *signature,
                        const uint64_t *index, uint32_t seen)
{
    const char *trial = NULL;
    for (size_t k = 0; k < r->n_path && k < d->n_trials && !trial; k++)
        if (d->trials[k].told && r->path[k].signature && !strcmp(r->path[k].signature, signature))
            trial = d->trials[k].id;
    json_t *j = json_pack("{s:s,s:o,s:o,s:I}", "signature", signature, "variant",
                          d->units ? json_pack("{s:s}", "build", d->units[index[0]]->text)
                                   : tl_finding_variant(d->c, index),
                          "trial", tl_finding_id(trial), "seen", (json_int_t)seen);
    struct tl_trial_record t;
    struct tl_error ignored;
    if (trial && !tl_query_trial(tl_executor_store(d->x), trial, &t, &ignored)) {
        json_object_set_new(j, "title", json_string(t.signature.title ? t.signature.title : ""));
        json_object_set_new(j, "outcome", json_string(tl_outcome_name(t.outcome)));
        json_object_set_new(j, "phase", json_string(tl_phase_name(t.phase)));
        json_object_set_new(j, "signal", t.signal ? json_string(tl_signal_name(t.signal)) : json_null());
        tl_trial_record_free(&t);
    }
    return j;
}

static const char *relation_name(enum tl_search_relation relation)
{
    switch (relation) {
    case TL_RELATION_SAME:
        return "same";
    case TL_RELATION_OTHER:
        return "other";
    default:
        return "unknown";
    }
}

/* Whether it is the failure that was isolated, and what says so. What the search did not have to know was not
 * asked for; its stack may tell all the same. */
static void add_relation(const struct tl_driver *d, const struct tl_search_result *r, const char *signature,
                         enum tl_search_relation relation, json_t *j)
{
    static const char *const names[] = {
        [TL_JUDGED_BY_STACK] = "stack", [TL_JUDGED_BY_WORDS] = "words", [TL_JUDGED_BY_BUILDS] = "builds"};
    const struct tl_driver_judgement *judged = d->units ? NULL : tl_driver_judgement(d, signature);
    const struct tl_driver_signature *s = tl_driver_signature(d, signature),
                                     *own = r->signature ? tl_driver_signature(d, r->signature) : NULL;
    const char *by = judged && judged->relation == relation ? names[judged->by] : NULL;
    if (!by && relation == TL_RELATION_OPEN && s && own) {
        enum tl_judged_by without_builds;
        if (tl_judge_without_builds(&own->record, &s->record, &without_builds) == TL_RELATION_SAME) {
            relation = TL_RELATION_SAME;
            by = names[without_builds];
        }
    }
    if (!by && relation == TL_RELATION_SAME)
        by = !strcmp(signature, r->signature) ? "signature" : "variant";
    if (!by && relation == TL_RELATION_OTHER)
        by = "values";
    json_object_set_new(j, "relation", json_string(relation_name(relation)));
    json_object_set_new(j, "judged_by", by ? json_string(by) : json_null());
    if (!judged || judged->by != TL_JUDGED_BY_BUILDS || judged->relation != relation)
        return;
    json_t *trials = json_array();
    for (size_t i = 0; i < TL_COUNT(judged->trials); i++)
        json_array_append_new(trials, json_string(judged->trials[i]));
    json_object_set_new(j, "builds",
                        json_pack("{s:s,s:s,s:o}", "fails_on", judged->bad->build, "passes_on",
                                  judged->good->build, "trials", trials));
}

/* The innermost frame that all places have in common, and how far it is from the fault of each. */
static void add_common_frame(const struct tl_driver *d, json_t *places, json_t *document)
{
    size_t n = json_array_size(places), *distance = tl_calloc(n, sizeof *distance), nearest = SIZE_MAX;
    const struct tl_trial_record **records = tl_calloc(n, sizeof(const struct tl_trial_record *));
    bool known = n > 1 && !d->units;
    for (size_t i = 0; i < n; i++) {
        const char *id = json_string_value(json_object_get(json_array_get(places, i), "signature"));
        const struct tl_driver_signature *s = tl_driver_signature(d, id);
        known = known && s;
        records[i] = s ? &s->record : NULL;
    }
    char *frame = known ? tl_failure_common_frame(records, n, distance) : NULL;
    for (size_t i = 0; i < n && frame; i++) {
        nearest = distance[i] < nearest ? distance[i] : nearest;
        json_object_set_new(json_array_get(places, i), "distance", json_integer((json_int_t)distance[i]));
    }
    json_object_set_new(document, "common_frame",
                        frame ? json_pack("{s:s,s:I}", "frame", frame, "distance", (json_int_t)nearest)
                              : json_null());
    free(frame);
    free(records);
    free(distance);
}

void tl_finding_add_places(const struct tl_driver *d, const struct tl_search_result *r, json_t *document)
{
    json_t *others = json_array(), *places = json_array();
    for (size_t i = 0; i < r->n_others; i++) {
        const struct tl_search_other *o = &r->others[i];
        json_t *j = met_json(d, r, o->signature, o->index, o->seen);
        if (o->relation == TL_RELATION_OTHER)
            add_relation(d, r, o->signature, o->relation, j);
        json_array_append_new(others, j);
    }
    for (size_t i = 0; i < r->n_places; i++) {
        const struct tl_search_place *p = &r->places[i];
        if (!p->seen)
            continue;
        json_t *j = met_json(d, r, p->signature, p->index, p->seen);
        add_relation(d, r, p->signature, p->relation, j);
        json_array_append_new(places, j);
    }
    add_common_frame(d, places, document);
    json_object_set_new(document, "others", others);
    json_object_set_new(document, "places", places);
}
