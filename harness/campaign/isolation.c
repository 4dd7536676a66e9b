#include "harness/campaign/isolation.h"

#include "db/finding.h"
#include "harness/base/clock.h"

#include "harness/base/buffer.h"
#include "harness/campaign/finding_document.h"

#include <stdlib.h>
#include <string.h>

bool tl_isolate_out_of_time(const struct tl_isolate *s)
{
    return s->o->max_seconds && tl_monotonic_ns() - s->started_ns > s->o->max_seconds * 1000000000ull;
}

static void show_progress(struct tl_isolate *s, const struct tl_hunt *h)
{
    const struct tl_search_result *r = tl_search_result(h->search);
    tl_watch_line(s->watch, "%s: %s; %llu trials, at most %llu more, %.0f s",
                  (h->units ? h->units[0] : h->unit)->runner, h->doing, (unsigned long long)r->trials,
                  (unsigned long long)tl_search_left(h->search), tl_seconds_since(s->started_ns));
}

/* Drives all hunts side by side to their end, the user's patience or the budget. */
int tl_isolate_drive(struct tl_isolate *s, struct tl_error *e)
{
    for (;;) {
        size_t open = 0;
        for (size_t i = 0; i < s->n_hunts; i++) {
            struct tl_hunt *h = &s->hunts[i];
            if (tl_hunt_done(h))
                continue;
            if (tl_executor_interrupted(s->x) || tl_isolate_out_of_time(s))
                tl_search_stop(h->search, tl_isolate_out_of_time(s) ? TL_NOTE_BUDGET : TL_NOTE_STOPPED);
            else if (tl_hunt_feed(h, e))
                return -1;
            if (tl_hunt_done(h))
                continue;
            show_progress(s, h);
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

/* The gravest outcome wins when several builds fail in different ways and nobody said which is meant. */
static int gravity(enum tl_outcome o)
{
    static const enum tl_outcome order[] = {TL_OUTCOME_FALLBACK, TL_OUTCOME_ERROR, TL_OUTCOME_WRONG,
                                            TL_OUTCOME_HANG,     TL_OUTCOME_OOM,   TL_OUTCOME_CRASH};
    for (int i = 0; i < 6; i++)
        if (order[i] == o)
            return i + 1;
    return 0;
}

struct scanned {
    size_t at;
    struct tl_scan *scan;
};
static void on_scanned(void *arg, const struct tl_trial_record *r, bool cached,
                       const struct tl_error *failure)
{
    struct scanned *one = arg;
    (void)cached;
    if (failure && failure->kind != TL_ERROR_INTERRUPTED) {
        one->scan->failed = true;
        one->scan->failure = *failure;
    } else if (!failure) {
        one->scan->outcome[one->at] = r->outcome;
        memcpy(one->scan->coarse[one->at], r->signature.coarse_id, TL_ID_SIZE);
        memcpy(one->scan->signature[one->at], r->signature.id, TL_ID_SIZE);
        memcpy(one->scan->trial[one->at], r->id, TL_UUID_SIZE);
    }
    free(one);
}

/* Runs the failing variant once on units[at[i]] for each i, in processes of their own, and says which of them
 * shows the gravest failure: SIZE_MAX when none fails. */
int tl_isolate_scan(struct tl_isolate *s, const size_t *at, size_t n, struct tl_scan *scan, size_t *gravest,
                    struct tl_error *e)
{
    int result = 0;
    *gravest = SIZE_MAX;
    for (size_t i = 0; i < n && !result; i++) {
        struct scanned *one = tl_malloc(sizeof *one);
        *one = (struct scanned){i, scan};
        struct tl_request q = {.c = s->c,
                               .variant = &s->failing,
                               .unit = s->units[at[i]],
                               .fresh = true,
                               .use_cache = !s->o->no_cache};
        for (size_t k = 0; k < i; k++)
            q.repeat += at[k] == at[i];
        result = tl_executor_submit(s->x, &q, on_scanned, one, e);
        if (result)
            free(one);
        else if (i == 0) /* alone, in case it takes the machine down */
            result = tl_executor_finish(s->x, e);
    }
    if (!result)
        result = tl_executor_finish(s->x, e);
    if (!result && scan->failed) {
        *e = scan->failure;
        result = -1;
    }
    for (size_t i = 0; i < n && !result; i++)
        if (gravity(scan->outcome[i]) &&
            (*gravest == SIZE_MAX || gravity(scan->outcome[i]) >= gravity(scan->outcome[*gravest])))
            *gravest = i;
    return result;
}

/* A variant that fails in several ways: a crash is meant rather than wrong numbers, unless the user says
 * otherwise. Where some runs give wrong numbers, others may crash: both come of memory that is read where it
 * should not be. So wrong numbers are looked at longer, until a crash in half of the runs would have been
 * seen. */
int tl_isolate_signature(struct tl_isolate *s, size_t unit, struct tl_hunt_trial *shows, struct tl_error *e)
{
    enum { FEW = 3, MANY = 8 };
    struct tl_scan *scan = tl_calloc(1, sizeof *scan);
    uint64_t budget = s->o->max_trials ? s->o->max_trials : MANY;
    size_t at[MANY], best;
    s->hunts[unit].started_ns = tl_monotonic_ns();
    for (size_t i = 0; i < MANY; i++)
        at[i] = unit;
    int result = tl_isolate_scan(s, at, budget < FEW ? budget : FEW, scan, &best, e);
    if (!result && best != SIZE_MAX && scan->outcome[best] == TL_OUTCOME_WRONG && budget > FEW)
        result = tl_isolate_scan(s, at, budget < MANY ? budget : MANY, scan, &best, e);
    *shows = (struct tl_hunt_trial){0};
    if (!result && best != SIZE_MAX) {
        memcpy(shows->signature_id, scan->signature[best], TL_ID_SIZE);
        memcpy(shows->id, scan->trial[best], TL_UUID_SIZE);
    }
    free(scan);
    return result;
}

int tl_isolate_start(struct tl_isolate *s, size_t i, const struct tl_hunt_trial *shows,
                     const size_t *frontier, struct tl_error *e)
{
    struct tl_hunt *h = &s->hunts[i];
    const struct tl_search_options options = {
        .seed = 1,
        .width = s->units[i]->slots ? s->units[i]->slots : tl_executor_jobs(s->x),
        .exhaustive = s->o->exhaustive,
        .signature = *shows->signature_id ? shows->signature_id : NULL,
    };
    if (frontier
            ? tl_hunt_frontier(h, s->x, s->c, s->units[i], &s->failing, frontier[0], frontier[1], &options, e)
            : tl_hunt_isolate(h, s->x, s->c, s->units[i], &s->failing, &options, e))
        return -1;
    return options.signature ? tl_hunt_know(h, shows->id, shows->signature_id, e) : 0;
}

int tl_isolate_run(struct tl_executor *x, struct tl_case *c, const struct tl_unit *unit,
                   const struct tl_variant *failing, const struct tl_options *o, const struct tl_watch *watch,
                   json_t **document, struct tl_error *e)
{
    struct tl_hunt hunt = {.max_trials = o->max_trials};
    struct tl_isolate s = {.o = o,
                           .x = x,
                           .c = c,
                           .failing = *failing,
                           .units = &unit,
                           .n_units = 1,
                           .hunts = &hunt,
                           .n_hunts = 1,
                           .watch = watch,
                           .started_ns = tl_monotonic_ns()};
    struct tl_hunt_trial shows;
    *document = NULL;
    int result = tl_isolate_signature(&s, 0, &shows, e);
    if (!result && !tl_executor_interrupted(x)) {
        result = tl_isolate_start(&s, 0, &shows, NULL, e) || tl_isolate_drive(&s, e) ? -1 : 0;
        *document = result ? NULL : tl_finding_document(&hunt, "isolation", failing, e);
        if (!result && (!*document || tl_finding_put(tl_executor_store(x), *document, e)))
            result = -1;
    }
    tl_hunt_free(&hunt);
    if (result) {
        json_decref(*document);
        *document = NULL;
    }
    return result;
}
