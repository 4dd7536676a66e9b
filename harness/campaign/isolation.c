/* Takes an isolation from its units to stored findings.
 *
 * Which failure is meant is found before a search begins: the one that the user named, or the gravest that
 * the failing variant shows in a few runs. Searches on several units then go on side by side, each with a
 * driver of its own; the executor gives each as many trials at a time as its device allows. A search that
 * runs out of time or is stopped says so in its finding, which is stored all the same.
 *
 * Before anything is concluded it is tried whether the stored trials that it rests on still hold (guard.h); when they
 * do not, everything begins anew. What trials of this command say against one another is no reason for that: it is
 * what a flaky failure does, and the search has its ways with those. It always comes to an answer. */
#include "harness/campaign/isolation.h"

#include "db/finding.h"
#include "db/finding_join.h"
#include "db/query.h"
#include "harness/base/awake.h"

#include "harness/base/buffer.h"
#include "harness/campaign/absent.h"
#include "harness/campaign/changed.h"
#include "harness/campaign/finding_document.h"
#include "harness/campaign/finding_parts.h"
#include "harness/campaign/guard.h"
#include "harness/campaign/isolation_say.h"
#include "harness/campaign/over_builds.h"
#include "harness/campaign/scan.h"
#include "harness/campaign/suspects.h"
#include "harness/executor/unit_list.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 8 /* times that it is begun at most; each begins without trials that those before it had */

/* Drives all searches side by side to their end, the user's patience or the budget. *again: one of them has to be done
 * in fresh processes. */
static int drive(struct tl_campaign_isolation *s, bool *again, struct tl_error *e)
{
    for (;;) {
        size_t open = 0;
        for (size_t i = 0; i < s->n_drivers; i++) {
            struct tl_driver *d = &s->drivers[i];
            if (d->search && d->in_doubt && !d->in_flight && !tl_executor_interrupted(s->x) &&
                !tl_isolation_out_of_time(s)) {
                bool anew = false;
                if (tl_guard_doubt(d, &anew, e))
                    return -1;
                *again = anew && !s->last;
                if (*again)
                    return tl_executor_finish(s->x, e);
            }
            if (!d->search || tl_driver_done(d))
                continue;
            bool late = tl_isolation_out_of_time(s);
            if (tl_executor_interrupted(s->x) && !late)
                tl_search_stop(d->search, TL_NOTE_STOPPED);
            else if (late ? tl_driver_out_of_time(d, e) : tl_driver_feed(d, e))
                return -1;
            if (tl_driver_done(d))
                continue;
            tl_isolation_say_progress(s, d);
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
    struct tl_filter all = {.case_name = s->c->name, .own = true, .limit = 100000};
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

/* Whether what was seen is what the case expects, or passes where it expects something else: then there is
 * nothing to search for, and the driver says so. */
static bool nothing_to_search(struct tl_campaign_isolation *s, struct tl_driver *d,
                              const struct tl_driver_trial *seen, size_t n)
{
    size_t expected = 0, other = 0, ended = 0;
    for (size_t i = 0; i < n; i++) {
        ended += seen[i].told;
        expected += seen[i].told && seen[i].standing == TL_STANDING_EXPECTED;
        other += seen[i].told && seen[i].standing == TL_STANDING_OTHER && seen[i].outcome == TL_OUTCOME_PASS;
    }
    if (!ended || (expected < ended && other < ended))
        return false;
    struct tl_trial_record r;
    struct tl_error ignored;
    char *what = NULL;
    if (!tl_query_trial(tl_executor_store(s->x), seen[0].id, &r, &ignored)) {
        tl_expected_of_record(s->c->expected, &r, &what);
        tl_trial_record_free(&r);
    }
    d->nothing =
        json_pack("{s:n,s:s,s:s,s:b,s:s,s:s?,s:b,s:[i,i]}", "finding", "case", s->c->name, "unit",
                  d->unit->text, "reproduced", 0, "outcome", tl_outcome_name(seen[0].outcome), "expected",
                  what, "as_expected", expected == ended, "rate", (int)ended, (int)ended);
    d->nothing_stored = tl_uuid7_ms(seen[0].id) * 1000 < tl_executor_started_us(s->x);
    free(what);
    return true;
}

/* A variant that fails in several ways: a crash is meant rather than wrong numbers, unless the user says
 * otherwise. Where some runs give wrong numbers, others may crash: both come of memory that is read where it
 * should not be. So wrong numbers are looked at longer, until a crash in half of the runs would have been
 * seen. A quick search has one run, and asks for more itself where that does not fail. */
static int gravest_signature(struct tl_campaign_isolation *s, size_t unit, struct tl_driver_trial *shows,
                             struct tl_error *e)
{
    enum { FEW = 3, MANY = 8 };
    struct tl_driver_trial seen[MANY];
    uint64_t budget = s->wishes.max_trials ? s->wishes.max_trials : MANY;
    size_t at[MANY], best;
    s->drivers[unit].started_ns = tl_awake_ns();
    for (size_t i = 0; i < MANY; i++)
        at[i] = unit;
    bool quick = s->wishes.effort == TL_EFFORT_QUICK;
    size_t few = quick ? 1 : budget < FEW ? budget : FEW;
    int result = tl_scan_run(s, at, few, seen, &best, e);
    if (!result && best == SIZE_MAX && s->c->expected && nothing_to_search(s, &s->drivers[unit], seen, few))
        ;
    else if (!result && best != SIZE_MAX && seen[best].outcome == TL_OUTCOME_WRONG && budget > FEW && !quick)
        result = tl_scan_run(s, at, budget < MANY ? budget : MANY, seen, &best, e);
    *shows = !result && best != SIZE_MAX ? seen[best] : (struct tl_driver_trial){0};
    return result;
}

/* A thorough search excludes more: passes of every neighbour, and of F and M rates, of random variants shares that are a
 * third of those that the search excludes by default. */
static struct tl_search_options options_of(const struct tl_campaign_isolation *s, const struct tl_driver *d)
{
    struct tl_search_options o = {
        .seed = 1,
        .width = d->unit->slots ? d->unit->slots : tl_executor_jobs(s->x),
        .exhaustive = s->wishes.exhaustive,
        .widen = !s->wishes.strict,
        .judge = true,
        .needs = true,
        .causes = true,
        .every_value = true,
        .quick = d->quick,
        .suspects = d->suspects,
        .n_suspects = d->n_suspects,
    };
    if (d->thorough) {
        o.reproduce_runs = 5;
        o.reproduce_most = 44;
        o.confirm_runs = 20;
        o.neighbour_runs = 5;
        o.generalise_runs = 32;
    }
    return o;
}

static int start_one(struct tl_campaign_isolation *s, size_t i, struct tl_error *e)
{
    struct tl_driver *d = &s->drivers[i];
    struct tl_driver_trial shows;
    d->unit = s->units[i];
    if (s->signature ? find_signature(s, &shows, e) : gravest_signature(s, i, &shows, e))
        return -1;
    if (tl_executor_interrupted(s->x) || d->nothing)
        return 0;
    if (!s->signature && *shows.id && tl_absent_check(s, d->unit, shows.id, e))
        return -1;
    d->frontier = s->frontier;
    if (!s->frontier && tl_suspects_find(s, d->unit, d->suspects, &d->n_suspects, d->suspects_from, e))
        return -1;
    struct tl_search_options options = options_of(s, d);
    options.signature = *shows.signature_id ? shows.signature_id : NULL;
    if (!d->quick && tl_guard_processes(s, d, s->signature || *shows.signature_id, e))
        return -1;
    if (tl_executor_interrupted(s->x))
        return 0;
    if (tl_driver_start(d, &options, e))
        return -1;
    tl_isolation_say_cost(s, d, shows.id);
    return options.signature ? tl_driver_know(d, shows.id, shows.signature_id, e) : 0;
}

/* A driver that was interrupted before it began has no search. */
static int start(struct tl_campaign_isolation *s, struct tl_error *e)
{
    /* Builds and boundaries are as many as there are, and end. */
    bool by_default = !s->wishes.max_trials && !s->over && !s->frontier;
    s->n_drivers = s->over ? 1 : s->n_units;
    s->drivers = tl_calloc(s->n_drivers, sizeof *s->drivers);
    for (size_t i = 0; i < s->n_drivers; i++)
        s->drivers[i] = (struct tl_driver){
            .x = s->x,
            .c = s->c,
            .failing = &s->failing,
            .no_cache = s->wishes.no_cache,
            .stored_holds = s->wishes.stored_holds,
            .aside = s->asides[i],
            .processes = s->processes[i],
            .max_trials = by_default ? TL_ISOLATION_TRIALS : s->wishes.max_trials,
            .default_budget = by_default,
            /* Over builds each build's runs are its confirmation, and of a quick search every run is one. */
            .all_fresh = s->wishes.fresh || s->over || s->wishes.effort == TL_EFFORT_QUICK,
            .quick = s->wishes.effort == TL_EFFORT_QUICK && !s->over,
            .thorough = s->wishes.effort == TL_EFFORT_THOROUGH && !s->over,
            .fresh_alone = s->wishes.fresh,
        };
    if (s->over)
        return tl_over_builds_start(s, e);
    for (size_t i = 0; i < s->n_drivers && !tl_executor_interrupted(s->x); i++)
        if (start_one(s, i, e))
            return -1;
    return 0;
}

/* Whether one more trial may be run, to see what the newest build does. */
static bool may_run(const struct tl_campaign_isolation *s, const struct tl_driver *d)
{
    return !d->quick && !tl_executor_interrupted(s->x) && !tl_isolation_out_of_time(s) &&
           (!d->max_trials || d->n_run < d->max_trials);
}

/* Stores what was found, and joins it with what is known of the same failure (db/finding_join.h). */
static int conclude(struct tl_campaign_isolation *s, json_t *documents, struct tl_error *e)
{
    for (size_t i = 0; i < s->n_drivers; i++) {
        if (s->drivers[i].nothing) {
            json_array_append(documents, s->drivers[i].nothing);
            continue;
        }
        if (!s->drivers[i].search)
            continue; /* it was interrupted before it began */
        json_t *document = tl_finding_document(&s->drivers[i], e);
        bool untried = !s->over && tl_search_has_note(tl_search_result(s->drivers[i].search),
                                                      TL_NOTE_FAILING_UNSUPPORTED),
             judged = !json_is_false(json_object_get(document, "judged"));
        if (document && (untried || !judged)) {
            json_object_set_new(document, "finding", json_null()); /* nothing was tried: that finds nothing */
            json_array_append_new(documents, document);
            continue;
        }
        if (document && s->stands_for)
            json_object_set_new(document, "stands_for", tl_finding_variant(s->c, s->stands_for->index));
        if (document && s->minimal && may_run(s, &s->drivers[i]))
            tl_finding_add_minimal(&s->drivers[i], s->minimal, document);
        if (document)
            tl_finding_add_newest(&s->drivers[i], may_run(s, &s->drivers[i]), document);
        if (!document || tl_finding_put(tl_executor_store(s->x), document, e) ||
            tl_finding_join(tl_executor_store(s->x), document, e)) {
            json_decref(document);
            return -1;
        }
        json_array_append_new(documents, document);
    }
    return 0;
}

/* After a failure: what still runs is stopped, for it would be told to drivers that are gone. */
static void abandon(struct tl_campaign_isolation *s)
{
    struct tl_error ignored;
    tl_executor_deadline(s->x, tl_awake_ns());
    tl_executor_finish(s->x, &ignored);
    tl_executor_deadline(s->x, 0);
}

static void release(struct tl_campaign_isolation *s)
{
    for (size_t i = 0; i < s->n_drivers; i++) {
        s->asides[i] = s->drivers[i].aside;
        s->processes[i] = s->drivers[i].processes;
        tl_driver_free(&s->drivers[i]);
    }
    free(s->drivers);
    s->drivers = NULL;
    s->n_drivers = 0;
}

/* Once; *again: it has to be done anew. */
static int run_once(struct tl_campaign_isolation *s, json_t *documents, bool *again, struct tl_error *e)
{
    if (start(s, e))
        return -1;
    if (!s->n_drivers || !(s->drivers[s->n_drivers - 1].search || s->drivers[s->n_drivers - 1].nothing))
        return 0;
    if (drive(s, again, e) || (!*again && !s->last && tl_guard_isolation(s, again, e)))
        return -1;
    *again = *again && !tl_executor_interrupted(s->x);
    return *again ? 0 : conclude(s, documents, e);
}

/* Says why what is stored of the case is not used, where that is so. */
static void say_changed(const struct tl_campaign_isolation *s)
{
    for (size_t i = 0; i < s->n_units && s->announce && !s->wishes.no_cache; i++) {
        uint64_t n;
        char *why, *what = tl_format("of %s on %s", s->c->name, s->units[i]->text);
        tl_changed_of_case(s->x, s->c, &s->failing, s->units[i], &n, &why);
        tl_changed_warn(s->x, n, what, why);
        free(what);
    }
}

int tl_isolation_run(struct tl_campaign_isolation *s, json_t **documents, struct tl_error *e)
{
    bool again = true;
    int result = 0;
    *documents = json_array();
    tl_executor_deadline(s->x, tl_isolation_deadline(s));
    say_changed(s);
    s->asides = tl_calloc(s->n_units + 1, sizeof *s->asides);
    s->processes = tl_calloc(s->n_units + 1, sizeof *s->processes);
    for (int round = 0; round < ROUNDS && again && !result; round++) {
        again = false;
        s->last = round + 1 == ROUNDS;
        result = run_once(s, *documents, &again, e);
        if (result)
            abandon(s);
        release(s);
    }
    if (s->wishes.max_seconds && !result)
        tl_executor_deadline(s->x, 0);
    free(s->asides);
    free(s->processes);
    s->asides = NULL;
    s->processes = NULL;
    return result;
}

int tl_isolation_units(struct tl_campaign_isolation *s, const struct tl_unit_list *names, struct tl_error *e)
{
    s->units = tl_calloc(names->n + 1, sizeof *s->units);
    int result = tl_executor_units(s->x, (const char *const *)names->list, names->n, s->units, e) ||
                         tl_units_check_builds(s->units, names->n, e)
                     ? -1
                     : 0;
    for (size_t i = 0; i < names->n && !result; i++)
        if (!s->units[i]->usable)
            result = tl_fail(e, TL_ERROR_INPUT, "nothing can be tried here", s->units[i]->text, "%s",
                             s->units[i]->why ? s->units[i]->why : "its runner does not say why");
    s->n_units = result ? 0 : names->n;
    return result;
}
