/* The trials of a night: first `repeat` of every cell, then more of those that look changed until that is
 * decided.
 *
 * A trial that was running when the machine went down may have been the reason, and its cell is not tried
 * again this night. When only trapline was killed (the machine has not been booted since) it is run again,
 * after all of which fewer were lost, up to LOST_MOST times: something about it may be what kills trapline. */
#include "harness/campaign/nightly.h"

#include "cases/expected.h"
#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/search/change.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOST_MOST 12

/* --- what was seen -------------------------------------------------------------------------------------- */

static void add_sample(struct tl_samples *s, double v)
{
    if (s->n == TL_NIGHTLY_TIMES)
        return;
    size_t i = s->n++;
    for (; i > 0 && s->list[i - 1] > v; i--)
        s->list[i] = s->list[i - 1];
    s->list[i] = v;
}

/* A pass where a failure is right has no title of its own: it gets one of what was expected. */
static void add_kind(struct tl_nightly_cell *c, const struct tl_trial_row *t, const char *expected)
{
    const char *coarse = t->coarse_id && *t->coarse_id ? t->coarse_id
                         : t->signature_id             ? t->signature_id
                                                       : "";
    size_t i = 0;
    while (i < c->n_kinds && (c->kinds[i].outcome != t->outcome || strcmp(c->kinds[i].coarse, coarse)))
        i++;
    if (i == c->n_kinds) {
        struct tl_nightly_kind *k = TL_GROW(c->kinds, c->n_kinds);
        *k = (struct tl_nightly_kind){
            .outcome = t->outcome, .phase = t->phase, .signal = t->signal, .places = json_object()};
        snprintf(k->coarse, sizeof k->coarse, "%s", coarse);
        snprintf(k->trial, sizeof k->trial, "%s", t->id);
        k->title = t->outcome == TL_OUTCOME_PASS ? tl_format("%s was expected", expected)
                                                 : tl_strdup(t->title ? t->title : t->message);
    }
    if (t->signature_id && *t->signature_id && !json_object_get(c->kinds[i].places, t->signature_id))
        json_object_set_new(c->kinds[i].places, t->signature_id, json_string(t->id));
    c->kinds[i].n++;
    for (; i > 0 && c->kinds[i - 1].n < c->kinds[i].n; i--) { /* the most frequent first */
        struct tl_nightly_kind swap = c->kinds[i];
        c->kinds[i] = c->kinds[i - 1];
        c->kinds[i - 1] = swap;
    }
}

/* Counts a trial as what it is worth by what its case expects; false when the case says nothing of it. */
static bool saw_expected(struct tl_nightly_cell *c, const struct tl_trial_row *t)
{
    const char *const texts[2] = {t->message, t->title};
    json_t *variant = c->c->expected ? json_loads(c->variant_json, 0, NULL) : NULL;
    char *what;
    enum tl_standing standing =
        tl_expected_standing(c->c->expected, variant, c->unit->text, t->outcome, texts, &what);
    bool counted = false;
    if (t->outcome == TL_OUTCOME_PASS && standing == TL_STANDING_OTHER) {
        c->failed++;
        add_kind(c, t, what);
        counted = true;
    } else if (t->outcome != TL_OUTCOME_PASS && standing == TL_STANDING_EXPECTED) {
        c->passed++; /* its time is none of a pass */
        c->as_expected++;
        counted = true;
    }
    json_decref(variant);
    free(what);
    return counted;
}

void tl_nightly_saw(struct tl_nightly_cell *c, const struct tl_trial_row *t, const char *boot)
{
    if (c->processes.differ && !t->fresh && t->outcome != TL_OUTCOME_LOST &&
        t->outcome != TL_OUTCOME_UNSUPPORTED)
        return; /* of before that was known */
    if (t->environment_id)
        snprintf(c->environment, sizeof c->environment, "%s", t->environment_id);
    if (saw_expected(c, t))
        return;
    switch (t->outcome) {
    case TL_OUTCOME_PASS:
        c->passed++;
        add_sample(&c->seconds[t->fresh], t->seconds);
        add_sample(&c->memory[t->fresh], (double)t->peak_rss);
        return;
    case TL_OUTCOME_UNSUPPORTED:
        c->unsupported++;
        free(c->why);
        c->why = tl_strdup(t->message);
        return;
    case TL_OUTCOME_LOST:
        if (t->stopped)
            return;
        c->lost++;
        c->went_down += t->boot && *boot && strcmp(t->boot, boot) != 0;
        snprintf(c->lost_trial, sizeof c->lost_trial, "%s", t->id);
        return;
    default:
        c->failed += !tl_outcome_is_refusal(t->outcome, t->signal);
        c->refused += tl_outcome_is_refusal(t->outcome, t->signal);
        add_kind(c, t, NULL);
    }
}

static int by_identity(const void *a, const void *b)
{
    const struct tl_nightly_cell *const *x = a, *const *y = b;
    int d = strcmp((*x)->variant_hash, (*y)->variant_hash);
    d = d ? d : strcmp((*x)->c->hash, (*y)->c->hash);
    return d ? d : strcmp((*x)->unit->text, (*y)->unit->text);
}

struct recall {
    struct tl_nightly *n;
    struct tl_nightly_cell **sorted;
};

/* The cell of a trial; NULL when it is none of this night's plan. */
static struct tl_nightly_cell *find(const struct recall *r, const struct tl_trial_row *t)
{
    struct tl_case c = {0};
    const struct tl_unit u = {.text = (char *)t->unit};
    struct tl_nightly_cell key = {.c = &c, .unit = &u}, *at = &key, **found;
    snprintf(c.hash, sizeof c.hash, "%s", t->case_hash);
    snprintf(key.variant_hash, sizeof key.variant_hash, "%s", t->variant_hash);
    found = bsearch(&at, r->sorted, r->n->n_cells, sizeof *r->sorted, by_identity);
    return found ? *found : NULL;
}

static int on_recalled(void *arg, const struct tl_trial_row *t, struct tl_error *e)
{
    const struct recall *r = arg;
    struct tl_nightly_cell *c = find(r, t);
    char now[TL_ID_SIZE];
    if (!c)
        return 0;
    if (tl_executor_environment(r->n->x, c->c, &c->variant, c->unit, now, e))
        return -1;
    /* What was replaced since is tried again; what the machine went down with is not. */
    if (t->outcome == TL_OUTCOME_LOST ||
        (t->environment_id && tl_executor_environment_is(r->n->x, now, t->environment_id)))
        tl_nightly_saw(c, t, r->n->boot);
    return 0;
}

int tl_nightly_recall(struct tl_nightly *n, struct tl_error *e)
{
    struct recall r = {n, tl_calloc(n->n_cells + 1, sizeof *r.sorted)};
    for (size_t i = 0; i < n->n_cells; i++)
        r.sorted[i] = &n->cells[i];
    qsort(r.sorted, n->n_cells, sizeof *r.sorted, by_identity);
    int result = tl_night_trials(tl_executor_store(n->x), &n->night, on_recalled, &r, e);
    free(r.sorted);
    return result;
}

/* Something that it takes is missing: that is no verdict, and it is not tried again tonight. Takes the text. */
static void could_not(struct tl_nightly_cell *c, char *why)
{
    c->untried++;
    free(c->why);
    c->why = why;
}

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct tl_nightly_cell *c = arg;
    struct tl_nightly *n = c->nightly;
    (void)cached;
    c->pending--;
    if (failure) {
        if (failure->kind == TL_ERROR_INPUT)
            could_not(c, tl_error_text(failure));
        return;
    }
    uint64_t bad = c->failed + c->refused;
    double seconds = 0;
    for (int p = TL_PHASE_LOAD; p <= TL_PHASE_CHECK; p++)
        seconds += r->phase_seconds[p] > 0 ? r->phase_seconds[p] : 0;
    const struct tl_trial_row t = {
        .id = r->id,
        .environment_id = r->environment_id,
        .signature_id = r->signature.id,
        .coarse_id = r->signature.coarse_id,
        .title = r->signature.title,
        .message = r->message,
        .outcome = r->outcome,
        .phase = r->phase,
        .signal = r->signal,
        .fresh = r->fresh,
        .stopped = true,
        .seconds = seconds,
        .peak_rss = r->peak_rss,
    };
    tl_nightly_saw(c, &t, n->boot);
    n->ended++;
    n->not_passed += c->failed + c->refused > bad;
}

/* --- running -------------------------------------------------------------------------------------------- */

void tl_nightly_deadline(struct tl_nightly *n)
{
    double budget = n->suite->budget_s;
    tl_executor_deadline(n->x, budget > 0 ? n->started_ns + (uint64_t)(budget * 1e9) : 0);
}

static bool may_run(const struct tl_nightly_cell *c)
{
    return !c->went_down && c->lost < LOST_MOST && !c->unsupported && !c->untried;
}

static uint64_t verdicts(const struct tl_nightly_cell *c)
{
    return c->passed + c->failed + c->refused;
}

static int submit(struct tl_nightly_cell *c, bool fresh, struct tl_error *e)
{
    const struct tl_request q = {
        .c = c->c, .variant = &c->variant, .unit = c->unit, .fresh = fresh || c->processes.differ};
    c->pending++;
    if (!tl_executor_submit(c->nightly->x, &q, on_done, c, e))
        return 0;
    c->pending--;
    if (e->kind != TL_ERROR_INPUT)
        return -1;
    could_not(c, tl_error_text(e));
    return 0;
}

static int step(struct tl_nightly *n, const char *doing, struct tl_error *e)
{
    double left = tl_nightly_left(n);
    char budget[48] = "";
    if (!isinf(left))
        snprintf(budget, sizeof budget, ", budget %.0f s", left > 0 ? left : 0);
    if (tl_executor_step(n->x, e))
        return -1;
    tl_watch_line(n->watch, "nightly %s: %s; %llu of %llu trials, %zu in flight, %llu not passed, %.0f s%s",
                  n->suite->name, doing, (unsigned long long)n->ended, (unsigned long long)n->total,
                  tl_executor_in_flight(n->x), (unsigned long long)n->not_passed,
                  tl_awake_since(n->started_ns), budget);
    return 0;
}

static bool stop(struct tl_nightly *n)
{
    n->over_budget = n->over_budget || tl_nightly_left(n) <= 0 || tl_executor_out_of_time(n->x);
    return n->over_budget || tl_executor_interrupted(n->x);
}

/* Round by round, so that a budget that is used up has seen as much of every cell: those of which so many trials were
 * lost. */
static int run_rounds(struct tl_nightly *n, uint64_t lost, struct tl_error *e)
{
    size_t most = (size_t)tl_executor_jobs(n->x) * 2;
    for (uint64_t round = 0; round < n->suite->repeat; round++)
        for (size_t i = 0; i < n->n_cells; i++) {
            struct tl_nightly_cell *c = &n->cells[i];
            if (!may_run(c) || c->lost != lost || verdicts(c) + c->pending > round)
                continue;
            while (tl_executor_pending(n->x) >= most && !stop(n))
                if (step(n, c->c->name, e))
                    return -1;
            if (stop(n))
                return 0;
            if (c->unit->usable) {
                if (submit(c, false, e))
                    return -1;
                continue;
            }
            if (c->unit->build_missing) {
                could_not(c, tl_strdup(c->unit->build_missing));
            } else {
                c->unsupported++;
                free(c->why);
                c->why = tl_strdup(c->unit->why);
            }
            n->total -= n->suite->repeat;
        }
    while (tl_executor_pending(n->x) && !stop(n))
        if (step(n, "waiting for the last", e))
            return -1;
    return 0;
}

/* The more trials of a cell were lost, the later it comes: were the same cells first each time, something that kills
 * trapline again and again would use up all that they may lose. */
static int run_repeats(struct tl_nightly *n, struct tl_error *e)
{
    for (uint64_t lost = 0; lost < LOST_MOST; lost++)
        if (run_rounds(n, lost, e))
            return -1;
    return 0;
}

/* One that would tell something: in a process of its own for an outcome, of the same kind for the rest. */
static bool wants_trial(const struct tl_nightly_cell *c, bool watch)
{
    return (c->wants_more || c->wants_times || (watch && c->wants_watch)) && may_run(c);
}

static int decide_cell(struct tl_nightly_cell *c, bool watch, struct tl_error *e)
{
    static const char doing[] = "deciding what looks changed";
    struct tl_nightly *n = c->nightly;
    size_t most = (size_t)tl_executor_jobs(n->x);
    for (tl_nightly_judge(c); wants_trial(c, watch) && !stop(n); tl_nightly_judge(c)) {
        n->total++;
        c->added += c->wants_more || c->wants_times;
        if (submit(c, c->wants_more, e))
            return -1;
        while (tl_executor_pending(n->x) >= most && !stop(n))
            if (step(n, doing, e))
                return -1;
    }
    while (c->pending && !stop(n))
        if (step(n, doing, e))
            return -1;
    if (!c->pending)
        tl_nightly_judge(c);
    return 0;
}

/* More trials, first of what looks changed, then of what could have. All are judged first, for each is seen beside the
 * others. */
static int decide(struct tl_nightly *n, struct tl_error *e)
{
    for (size_t i = 0; i < n->n_cells; i++) {
        struct tl_nightly_cell *c = &n->cells[i];
        if (tl_nightly_remember(c, e))
            return -1;
        /* Trials beyond `repeat` were made to decide it, before this process went on with the night. */
        c->added = verdicts(c) > n->suite->repeat ? verdicts(c) - n->suite->repeat : 0;
        tl_nightly_judge(c);
    }
    for (int watch = 0; watch < 2; watch++)
        for (size_t i = 0; i < n->n_cells; i++)
            if (wants_trial(&n->cells[i], watch) && decide_cell(&n->cells[i], watch, e))
                return -1;
    return 0;
}

int tl_nightly_run(struct tl_nightly *n, struct tl_error *e)
{
    tl_nightly_deadline(n);
    for (size_t i = 0; i < n->n_cells; i++) {
        uint64_t seen = verdicts(&n->cells[i]);
        n->total += seen < n->suite->repeat ? n->suite->repeat - seen : 0;
    }
    bool again = false;
    int result = run_repeats(n, e) ||
                         (!tl_executor_pending(n->x) && !stop(n) && tl_nightly_processes(n, &again, e)) ||
                         (again && run_repeats(n, e)) || decide(n, e)
                     ? -1
                     : 0;
    if (!result && tl_executor_pending(n->x)) /* the budget is used up, or it was interrupted */
        result = tl_executor_finish(n->x, e);
    for (size_t i = 0; i < n->n_cells && !result && !tl_executor_interrupted(n->x); i++)
        if (!n->cells[i].judged || n->over_budget) {
            result = tl_nightly_remember(&n->cells[i], e);
            tl_nightly_judge(&n->cells[i]);
        }
    if (!result && !tl_executor_interrupted(n->x))
        result = tl_nightly_settle(n, e);
    return result;
}
