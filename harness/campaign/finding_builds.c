/* What builds did, as members of a finding's document: the ranges that a search over builds found, what each build that
 * was tried does, and whether the newest one that is here still fails.
 *
 * A build beside a range does something, and a reader of a report wants to know what: it passes, refuses the model, or
 * dies of the same signal with other words. So each build that was tried is told with what one trial of it showed. How
 * that compares with the failure that is reported is left to the report: it may be another finding that is joined with
 * this one (db/finding_join.h), whose words come from another build. */
#include "harness/campaign/finding_parts.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"
#include "harness/builds/builds.h"
#include "harness/campaign/processes.h"
#include "harness/executor/unit_list.h"
#include "harness/verdict/kind.h"
#include "harness/verdict/normalise.h"

#include <stdlib.h>
#include <string.h>

static json_t *text_or_null(const char *text)
{
    json_t *j = text && *text ? json_string(text) : NULL;
    return j ? j : json_null();
}

void tl_finding_add_kind(const struct tl_trial_record *t, json_t *j)
{
    char *kind = tl_failure_kind(t), *words = t->message ? tl_normalise_message(t->message) : NULL;
    json_object_set_new(j, "failure_kind", text_or_null(kind));
    json_object_set_new(j, "failure_words", text_or_null(words));
    json_object_set_new(j, "error_code", text_or_null(t->error_code));
    free(kind);
    free(words);
}

/* What one trial showed. */
static void add_shown(const struct tl_driver *d, const struct tl_trial_record *t, json_t *j)
{
    json_object_set_new(j, "outcome", json_string(tl_outcome_name(t->outcome)));
    json_object_set_new(j, "phase", json_string(tl_phase_name(t->phase)));
    json_object_set_new(j, "signal", text_or_null(t->signal ? tl_signal_name(t->signal) : NULL));
    json_object_set_new(j, "message", text_or_null(t->message));
    json_object_set_new(j, "title", text_or_null(t->signature.title));
    json_object_set_new(j, "trial", text_or_null(t->id));
    if (t->outcome != TL_OUTCOME_PASS &&
        tl_expected_of_record(d->c->expected, t, NULL) == TL_STANDING_EXPECTED)
        json_object_set_new(j, "as_expected", json_true());
    tl_finding_add_kind(t, j);
}

/* --- over builds ---------------------------------------------------------------------------------------- */

/* The trial that shows what a build does: one that failed as the finding says before any other. *failed of *runs are
 * all of its trials that said something. *before: it is the one that was run before the search, of which it is not said
 * whether it failed so. NULL: it was not tried. */
static const char *trial_of(const struct tl_driver *d, const struct tl_search_result *r, size_t build,
                            json_int_t *failed, json_int_t *runs, bool *before)
{
    const char *found = NULL;
    bool matches = false;
    *failed = *runs = 0;
    *before = false;
    for (size_t i = 0; i < r->n_path && i < d->n_trials; i++) {
        const struct tl_search_step *s = &r->path[i];
        bool match = s->outcome == TL_SEARCH_MATCH;
        if (s->index[0] != build || s->purpose == TL_SEARCH_JUDGE || !d->trials[i].told)
            continue;
        *failed += match;
        *runs += match || s->outcome == TL_SEARCH_OTHER || s->outcome == TL_SEARCH_PASS;
        if (!found || !matches) {
            found = d->trials[i].id;
            matches = match;
        }
    }
    if (found || !d->scanned || !d->scanned[build].told)
        return found;
    const struct tl_driver_trial *seen = &d->scanned[build];
    *before = true;
    *runs = seen->outcome != TL_OUTCOME_UNSUPPORTED && seen->outcome != TL_OUTCOME_LOST;
    return seen->id;
}

static json_t *tried_json(const struct tl_driver *d, const struct tl_search_result *r)
{
    json_t *list = json_array();
    struct tl_trial_record shown;
    struct tl_error unused;
    bool is_shown = d->shown.told && !tl_query_trial(tl_executor_store(d->x), d->shown.id, &shown, &unused);
    for (size_t i = 0; i < d->n_units; i++) {
        json_int_t failed, runs;
        bool before;
        const char *id = trial_of(d, r, i, &failed, &runs, &before);
        struct tl_trial_record t;
        struct tl_error gone;
        if (!id || tl_query_trial(tl_executor_store(d->x), id, &t, &gone))
            continue;
        if (before && is_shown)
            failed = tl_failure_same_kind(&shown, &t);
        json_t *j = json_pack("{s:s,s:I,s:I}", "build", d->units[i]->build, "failed", failed, "runs", runs);
        add_shown(d, &t, j);
        if (!t.fresh && !before)
            json_object_set_new(j, "in_child", json_true());
        tl_trial_record_free(&t);
        json_array_append_new(list, j);
    }
    if (is_shown)
        tl_trial_record_free(&shown);
    return list;
}

void tl_finding_add_builds(const struct tl_driver *d, const struct tl_search_result *r, json_t *document)
{
    json_t *list = json_array(), *unsupported = json_array(), *ranges = json_array();
    for (size_t i = 0; i < d->n_units; i++)
        json_array_append_new(list, json_string(d->units[i]->build));
    for (size_t i = 0; i < r->n_unsupported_builds; i++)
        json_array_append_new(unsupported, json_string(d->units[r->unsupported_builds[i]]->build));
    for (size_t i = 0; i < r->n_ranges; i++) {
        const struct tl_search_build_range *g = &r->ranges[i];
        const size_t at[] = {g->good_before, g->first_bad, g->last_bad, g->fixed};
        static const char *const names[] = {"good_before", "first_bad", "last_bad", "fixed"};
        json_t *j = json_pack("{s:f,s:f}", "confidence_before", g->confidence_before, "confidence_after",
                              g->confidence_after);
        for (size_t k = 0; k < 4; k++)
            json_object_set_new(j, names[k],
                                at[k] == SIZE_MAX ? json_null() : json_string(d->units[at[k]]->build));
        json_array_append_new(ranges, j);
    }
    json_object_set_new(document, "builds",
                        json_pack("{s:o,s:o,s:o,s:o}", "list", list, "unsupported", unsupported, "ranges",
                                  ranges, "tried", tried_json(d, r)));
}

/* --- the newest build ------------------------------------------------------------------------------------ */

/* The newest build of the runner that is here, as a unit. NULL: none is. */
static char *newest_unit(const struct tl_unit *u, char **version)
{
    struct tl_builds builds;
    struct tl_error ignored;
    char *text = NULL;
    if (tl_builds_installed(u->runner, &builds, &ignored))
        return NULL;
    if (builds.n) {
        *version = tl_strdup(builds.list[builds.n - 1].version);
        text = tl_unit_name_text(u->runner, *version, u->device, u->alias);
    }
    tl_builds_free(&builds);
    return text;
}

struct tried {
    const struct tl_driver *d;
    json_t *document;
    const char *kind; /* of a failure that counts; NULL: whatever was seen does */
    bool ended, passed;
    char *why;
};

static void on_tried(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct tried *t = arg;
    (void)cached;
    if (failure || r->outcome == TL_OUTCOME_LOST) {
        t->why = tl_strdup(failure ? failure->why : r->message);
        return;
    }
    char *kind = t->kind ? tl_failure_kind(r) : NULL;
    if (!t->kind || (kind && !strcmp(kind, t->kind))) {
        add_shown(t->d, r, t->document);
        if (t->kind)
            json_object_set_new(t->document, "in_child", json_true());
    }
    t->ended = true;
    t->passed = r->outcome == TL_OUTCOME_PASS;
    free(kind);
}

/* One trial of the variant there, and where that passes one in a child of a fork server (driver.c). *why, the caller's:
 * what kept it from being tried. kind: of the failure; NULL: it is not known. */
static void try_once(const struct tl_driver *d, const uint64_t *index, const char *unit, const char *kind,
                     json_t *newest, char **why)
{
    const struct tl_variant v = {(uint64_t *)index};
    struct tl_error e;
    struct tried t = {.d = d, .document = newest};
    const struct tl_unit *u = tl_executor_unit(d->x, unit, &e);
    if (u && !u->usable) {
        *why = tl_strdup(u->why);
        return;
    }
    struct tl_request q = {.c = d->c, .variant = &v, .unit = u, .fresh = true, .use_cache = !d->no_cache};
    if (!u || tl_executor_submit(d->x, &q, on_tried, &t, &e) || tl_executor_finish(d->x, &e))
        *why = t.ended ? NULL : tl_strdup(e.why);
    else
        *why = t.why ? tl_strdup(t.why) : t.ended ? NULL : tl_strdup("it was stopped");
    if (!*why && t.passed && kind && !d->fresh_alone && tl_processes_forked(u)) {
        q.fresh = false;
        t.kind = kind;
        if (!tl_executor_submit(d->x, &q, on_tried, &t, &e))
            tl_executor_finish(d->x, &e);
    }
    free(t.why);
}

void tl_finding_add_minimal(const struct tl_driver *d, const struct tl_variant *minimal, json_t *document)
{
    json_t *tried = json_object_get(json_object_get(document, "builds"), "tried"), *j;
    const char *kind = json_string_value(json_object_get(document, "failure_kind"));
    size_t i;
    json_array_foreach(tried, i, j) {
        const char *build = json_string_value(json_object_get(j, "build"));
        for (size_t u = 0; u < d->n_units && !tl_executor_interrupted(d->x); u++) {
            if (!build || strcmp(d->units[u]->build, build) != 0)
                continue;
            json_t *shown = json_object();
            char *why = NULL;
            try_once(d, minimal->index, d->units[u]->text, kind, shown, &why);
            if (json_object_size(shown))
                json_object_set(j, "minimal", shown);
            json_decref(shown);
            free(why);
        }
    }
}

/* What a search over builds has seen of it. */
static bool add_known(const struct tl_driver *d, const char *version, const json_t *document, json_t *newest)
{
    const json_t *tried = json_object_get(json_object_get(document, "builds"), "tried"), *j;
    size_t i;
    (void)d;
    json_array_foreach(tried, i, j) {
        const char *build = json_string_value(json_object_get(j, "build"));
        if (build && !strcmp(build, version))
            json_object_update_missing(newest, (json_t *)j);
    }
    return json_object_get(newest, "outcome") != NULL;
}

static bool is_own(const struct tl_unit *u, const char *version)
{
    const char *own = json_string_value(json_object_get(u->build_object, "version"));
    return u->build && own && !strcmp(own, version);
}

void tl_finding_add_newest(const struct tl_driver *d, bool may_run, json_t *document)
{
    const struct tl_search_result *r = tl_search_result(d->search);
    const struct tl_unit *u = d->units ? d->units[d->n_units - 1] : d->unit;
    char *version = NULL, *why = NULL, *unit;
    if (!r->reproduced)
        return;
    unit = newest_unit(u, &version);
    json_t *newest = json_pack("{s:s?,s:s?,s:s}", "build", version, "unit", unit, "variant",
                               d->units || d->frontier || !r->minimal ? "failing" : "minimal");
    const uint64_t *index = d->units || d->frontier || !r->minimal ? d->failing->index : r->minimal;
    if (!unit)
        why = tl_strdup("no other build of it is installed");
    else if (!d->units && is_own(u, version))
        json_object_set_new(newest, "own", json_true());
    else if (d->units && add_known(d, version, document, newest))
        ;
    else if (!may_run)
        why = tl_strdup("the search ended before it");
    else
        try_once(d, index, unit, json_string_value(json_object_get(document, "failure_kind")), newest, &why);
    if (why)
        json_object_set_new(newest, "not_tried", text_or_null(why));
    json_object_set_new(document, "newest", newest);
    free(version);
    free(unit);
    free(why);
}
