/* Takes an isolation from its units to stored findings.
 *
 * Which failure is meant is found before a search begins: the one that the user named, or the gravest that
 * the failing variant shows in a few runs. Searches on several units then go on side by side, each with a
 * driver of its own; the executor gives each as many trials at a time as its device allows. A search that
 * runs out of time or is stopped says so in its finding, which is stored all the same. */
#include "harness/campaign/isolation.h"

#include "db/finding.h"
#include "db/query.h"
#include "harness/base/clock.h"

#include "harness/base/buffer.h"
#include "harness/campaign/finding_document.h"
#include "harness/campaign/over_builds.h"
#include "harness/campaign/scan.h"
#include "harness/executor/unit_list.h"

#include <stdlib.h>
#include <string.h>

bool tl_isolation_out_of_time(const struct tl_campaign_isolation *s)
{
    return s->wishes.max_seconds && tl_monotonic_ns() - s->started_ns > s->wishes.max_seconds * 1000000000ull;
}

static void show_progress(struct tl_campaign_isolation *s, const struct tl_driver *d)
{
    const struct tl_search_result *r = tl_search_result(d->search);
    tl_watch_line(s->watch, "%s: %s; %llu trials, at most %llu more, %.0f s",
                  (d->units ? d->units[0] : d->unit)->runner, d->doing, (unsigned long long)r->trials,
                  (unsigned long long)tl_search_left(d->search), tl_seconds_since(s->started_ns));
}

/* Drives all searches side by side to their end, the user's patience or the budget. */
static int drive(struct tl_campaign_isolation *s, struct tl_error *e)
{
    for (;;) {
        size_t open = 0;
        for (size_t i = 0; i < s->n_drivers; i++) {
            struct tl_driver *d = &s->drivers[i];
            if (tl_driver_done(d))
                continue;
            if (tl_executor_interrupted(s->x) || tl_isolation_out_of_time(s))
                tl_search_stop(d->search, tl_isolation_out_of_time(s) ? TL_NOTE_BUDGET : TL_NOTE_STOPPED);
            else if (tl_driver_feed(d, e))
                return -1;
            if (tl_driver_done(d))
                continue;
            show_progress(s, d);
            open++;
        }
        if (!open)
            return 0;
        if (tl_executor_interrupted(s->x) && !tl_executor_in_flight(s->x))
            return 0;
        if (tl_executor_step(s->x, e))
            return -1;
    }
}

/* The failure that is meant, by the beginning of its id, and a trial that shows it. */
static int find_signature(struct tl_campaign_isolation *s, struct tl_driver_trial *shows, struct tl_error *e)
{
    struct tl_filter all = {.case_name = s->c->name, .limit = 100000};
    struct tl_trial_lines lines;
    if (tl_query_trials(tl_executor_store(s->x), &all, &lines, e))
        return -1;
    *shows = (struct tl_driver_trial){0};
    for (size_t i = 0; i < lines.n && !*shows->id; i++)
        if (*lines.list[i].signature_id &&
            !strncmp(lines.list[i].signature_id, s->signature, strlen(s->signature))) {
            memcpy(shows->id, lines.list[i].id, TL_UUID_SIZE);
            memcpy(shows->signature_id, lines.list[i].signature_id, TL_ID_SIZE);
        }
    tl_trial_lines_free(&lines);
    return *shows->id
               ? 0
               : tl_fail(e, TL_ERROR_INPUT, "no such signature", s->signature,
                         "no trial of case %s has it; `trapline list signatures` shows those that are known",
                         s->c->name);
}

/* A variant that fails in several ways: a crash is meant rather than wrong numbers, unless the user says
 * otherwise. Where some runs give wrong numbers, others may crash: both come of memory that is read where it
 * should not be. So wrong numbers are looked at longer, until a crash in half of the runs would have been
 * seen. */
static int gravest_signature(struct tl_campaign_isolation *s, size_t unit, struct tl_driver_trial *shows,
                             struct tl_error *e)
{
    enum { FEW = 3, MANY = 8 };
    struct tl_driver_trial seen[MANY];
    uint64_t budget = s->wishes.max_trials ? s->wishes.max_trials : MANY;
    size_t at[MANY], best;
    s->drivers[unit].started_ns = tl_monotonic_ns();
    for (size_t i = 0; i < MANY; i++)
        at[i] = unit;
    int result = tl_scan_run(s, at, budget < FEW ? budget : FEW, seen, &best, e);
    if (!result && best != SIZE_MAX && seen[best].outcome == TL_OUTCOME_WRONG && budget > FEW)
        result = tl_scan_run(s, at, budget < MANY ? budget : MANY, seen, &best, e);
    *shows = !result && best != SIZE_MAX ? seen[best] : (struct tl_driver_trial){0};
    return result;
}

static int start_one(struct tl_campaign_isolation *s, size_t i, struct tl_error *e)
{
    struct tl_driver *d = &s->drivers[i];
    struct tl_driver_trial shows;
    if (s->signature ? find_signature(s, &shows, e) : gravest_signature(s, i, &shows, e))
        return -1;
    if (tl_executor_interrupted(s->x))
        return 0;
    const struct tl_search_options options = {
        .seed = 1,
        .width = s->units[i]->slots ? s->units[i]->slots : tl_executor_jobs(s->x),
        .exhaustive = s->wishes.exhaustive,
        .signature = *shows.signature_id ? shows.signature_id : NULL,
        .widen = !s->wishes.strict,
        .judge = true,
        .needs = true,
        .causes = true,
        .every_value = true,
    };
    d->unit = s->units[i];
    d->frontier = s->frontier;
    if (tl_driver_start(d, &options, e))
        return -1;
    return options.signature ? tl_driver_know(d, shows.id, shows.signature_id, e) : 0;
}

/* A driver that was interrupted before it began has no search. */
static int start(struct tl_campaign_isolation *s, struct tl_error *e)
{
    s->n_drivers = s->over ? 1 : s->n_units;
    s->drivers = tl_calloc(s->n_drivers, sizeof *s->drivers);
    for (size_t i = 0; i < s->n_drivers; i++)
        s->drivers[i] = (struct tl_driver){
            .x = s->x,
            .c = s->c,
            .failing = &s->failing,
            .no_cache = s->wishes.no_cache,
            .max_trials = s->wishes.max_trials,
            .all_fresh = s->wishes.fresh || s->over, /* each build's runs are its confirmation */
        };
    if (s->over)
        return tl_over_builds_start(s, e);
    for (size_t i = 0; i < s->n_drivers && !tl_executor_interrupted(s->x); i++)
        if (start_one(s, i, e))
            return -1;
    return 0;
}

/* Stores what was found. */
static int conclude(struct tl_campaign_isolation *s, json_t *documents, struct tl_error *e)
{
    for (size_t i = 0; i < s->n_drivers; i++) {
        json_t *document = tl_finding_document(&s->drivers[i], e);
        /* What could not be judged is no finding: not that it failed, and not that it did not. */
        bool judged = !json_is_false(json_object_get(document, "judged"));
        if (document && !judged)
            json_object_set_new(document, "finding", json_null());
        if (!document || (judged && tl_finding_put(tl_executor_store(s->x), document, e))) {
            json_decref(document);
            return -1;
        }
        json_array_append_new(documents, document);
    }
    return 0;
}

int tl_isolation_run(struct tl_campaign_isolation *s, json_t **documents, struct tl_error *e)
{
    *documents = json_array();
    int result = start(s, e);
    bool begun = !result && s->n_drivers && s->drivers[s->n_drivers - 1].search;
    if (begun)
        result = drive(s, e) || conclude(s, *documents, e) ? -1 : 0;
    for (size_t i = 0; i < s->n_drivers; i++)
        tl_driver_free(&s->drivers[i]);
    free(s->drivers);
    s->drivers = NULL;
    s->n_drivers = 0;
    return result;
}

int tl_isolation_units(struct tl_campaign_isolation *s, const char *const *texts, size_t n,
                       struct tl_error *e)
{
    s->units = tl_calloc(n, sizeof *s->units);
    for (; s->n_units < n; s->n_units++) {
        struct tl_unit_list names = {0};
        int result = tl_unit_list_add(&names, texts[s->n_units], e);
        if (!result && names.n > 1)
            result =
                tl_fail(e, TL_ERROR_INPUT, "an isolation takes one build", texts[s->n_units],
                        "it names %zu that are here, %s to %s; `--over build` finds those between which the "
                        "failure came or went, `trapline matrix` sets them side by side",
                        names.n, names.list[0], names.list[names.n - 1]);
        if (!result && !(s->units[s->n_units] = tl_executor_unit(s->x, names.list[0], e)))
            result = -1;
        tl_unit_list_free(&names);
        if (result)
            return -1;
    }
    return 0;
}
