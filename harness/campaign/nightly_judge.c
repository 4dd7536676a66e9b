/* A cell against the nights before: is its failure new, fixed, flakier, is it slower?
 *
 * Theory of operation. What a cell is compared with is everything that was seen since the last change: the
 * last run on the same runner and device, on the same build if that night had it and else on the nearest
 * one (an older one rather than a newer one), and from there back, night by night, to the last one that
 * said that something changed. Counts are carried from night to night with each cell, so that no number of
 * nights is too many. A failure that shows now and then is thereby compared with all the times it showed
 * and did not, and not with one night's luck; a change that is said begins a new count, and is not said
 * again the next night.
 *
 * Outcomes are counts of failures in trials, before and now, and a change is a Bayes factor of 500
 * (harness/search/change.c). Failures are of two gravities. A clean error is a refusal: a crash that has
 * become one is fixed, and an error that has become a crash is a new failure. So crashes, hangs and wrong
 * results are compared first, and then those together with refusals. Where a cell fails as often as before,
 * it is asked whether its most frequent failure was among those before, by its outcome and by the part of
 * its signature that can be compared from build to build. What the factor leaves open wants more trials
 * tonight, in processes of their own, until it decides or the thirty that are worth it are used up.
 *
 * Times and memory are of trials that passed, and a fork server's child, which has loaded nothing itself,
 * is compared with such children only. With thousands of cells a night one test in a hundred is no news,
 * and a machine that is busy for an hour shifts whole nights. So a change needs four things: the rank-sum
 * test at 0.002, a median that is half as much again (a quarter for memory), a difference that somebody
 * would notice, and a median beyond that of every single night it is compared with, of which there are
 * twenty at most. What is that large and not yet sure by the test wants more trials, unless one of them
 * takes long. */
#include "harness/campaign/nightly.h"

#include "harness/base/buffer.h"
#include "harness/base/quantile.h"
#include "harness/base/version.h"
#include "harness/search/change.h"

#include <stdlib.h>
#include <string.h>

#define HISTORY_NIGHTS 20 /* earlier nights whose times are looked at; counts are carried along */
#define TIMES_MOST 400
#define KINDS_MOST 32 /* of failures since the last change */
#define TIMES_MORE 10 /* trials added at most for a time */

/* From where on a time or a size is another one, besides the rank sum. */
#define SLOWER_RATIO 1.5
#define SLOWER_LEAST_S 0.02
#define SLOWER_COSTS_S 2 /* a trial that takes longer is not repeated for its time */
#define HUNGRIER_RATIO 1.25
#define HUNGRIER_LEAST 8388608.0

const char *const tl_class_names[TL_CLASS_COUNT] = {
    [TL_CLASS_NEW] = "new-failure",
    [TL_CLASS_CHANGED] = "changed-signature",
    [TL_CLASS_FLAKIER] = "flakier",
    [TL_CLASS_UNSUPPORTED] = "unsupported",
    [TL_CLASS_SLOWER] = "slower",
    [TL_CLASS_HUNGRIER] = "hungrier",
    [TL_CLASS_FIXED] = "fixed",
    [TL_CLASS_STEADIER] = "steadier",
    [TL_CLASS_FASTER] = "faster",
    [TL_CLASS_LEANER] = "leaner",
    [TL_CLASS_STILL] = "still-failing",
    [TL_CLASS_UNCLEAR] = "unclear",
    [TL_CLASS_FIRST_FAILURE] = "first-failing",
    [TL_CLASS_FIRST] = "first-passing",
    [TL_CLASS_PASS] = "passing",
    [TL_CLASS_NOT_SUPPORTED] = "not-supported",
    [TL_CLASS_UNTRIED] = "could-not-be-tried",
    [TL_CLASS_LOST] = "lost",
    [TL_CLASS_NOT_RUN] = "not-run",
};

bool tl_nightly_outcome_changed(enum tl_class what)
{
    return what == TL_CLASS_NEW || what == TL_CLASS_CHANGED || what == TL_CLASS_FLAKIER ||
           what == TL_CLASS_FIXED || what == TL_CLASS_STEADIER;
}

int tl_nightly_remember(struct tl_nightly_cell *c, struct tl_error *e)
{
    struct tl_nightly *n = c->nightly;
    size_t of_builds = 1; /* cells that a night has of it */
    for (size_t i = 0; i < n->names.n; i++)
        of_builds += n->units[i] != c->unit && !strcmp(n->units[i]->runner, c->unit->runner) &&
                     !strcmp(n->units[i]->device, c->unit->device);
    tl_night_cells_free(&c->history);
    return tl_night_history(tl_executor_store(n->x), &n->night, c->c->name, c->c->hash, c->variant_hash,
                            c->runner_device, HISTORY_NIGHTS * of_builds, &c->history, e);
}

/* --- the history that counts ---------------------------------------------------------------------------- */

static char *build_of(const char *unit)
{
    struct tl_unit u;
    struct tl_error ignored;
    char *build = tl_unit_parse(unit, &u, &ignored) ? NULL : tl_strdup(u.build);
    tl_unit_free(&u);
    return build;
}

/* Of the cells of the newest night: that of the same unit, else of the nearest older build, else of the
 * nearest. */
static const struct tl_night_cell *predecessor(const struct tl_nightly_cell *c)
{
    const struct tl_night_cells *h = &c->history;
    const struct tl_night_cell *best = NULL;
    char *mine = build_of(c->unit->text), *best_build = NULL;
    for (size_t i = 0; i < h->n && !strcmp(h->list[i].night_id, h->list[0].night_id); i++) {
        const struct tl_night_cell *one = &h->list[i];
        if (!strcmp(one->unit, c->unit->text)) {
            best = one;
            break;
        }
        char *build = build_of(one->unit);
        bool older = mine && build && tl_version_compare(build, mine) < 0,
             best_older = mine && best_build && tl_version_compare(best_build, mine) < 0,
             nearer =
                 best_build && build &&
                 (tl_version_compare(build, best_build) > 0) == older; /* older ones: the newest of them */
        if (!best || (older && !best_older) || (older == best_older && nearer)) {
            best = one;
            free(best_build);
            best_build = build;
        } else {
            free(build);
        }
    }
    free(best_build);
    free(mine);
    return best;
}

/* The cell that an earlier cell continues. */
static const struct tl_night_cell *before(const struct tl_night_cells *h, const struct tl_night_cell *cell)
{
    if (!cell->continues)
        return NULL;
    for (const struct tl_night_cell *i = cell + 1; i < h->list + h->n; i++)
        if (strcmp(i->night_id, cell->night_id) != 0 && !strcmp(i->unit, cell->continues))
            return i;
    return NULL;
}

/* What was seen since the last change. */
struct pool {
    const struct tl_night_cell *last;   /* the cell that this one goes on from; NULL: none */
    const struct tl_night_cell *newest; /* the newest with a verdict, else last */
    uint64_t passed, failed, refused, nights;
    uint64_t of_kind; /* failures of the kind that is most frequent now */
    size_t n_seconds, n_memory;
    double seconds[TIMES_MOST], memory[TIMES_MOST];
    double slowest, hungriest, fastest, leanest; /* medians of single nights */
};

static void pool_samples(const double *list, size_t n, double *to, size_t *n_to, double *most, double *least)
{
    double median = tl_median(list, n);
    if (!n)
        return;
    if (!*n_to || median > *most)
        *most = median;
    if (!*n_to || median < *least)
        *least = median;
    for (size_t i = 0; i < n && *n_to < TIMES_MOST; i++)
        to[(*n_to)++] = list[i];
}

static bool same_kind(const json_t *f, const char *outcome, const char *coarse)
{
    const char *o = json_string_value(json_object_get(f, "outcome")),
               *k = json_string_value(json_object_get(f, "coarse"));
    return o && k && !strcmp(o, outcome) && !strcmp(k, coarse);
}

static uint64_t count_kind(const json_t *failures, const struct tl_nightly_kind *kind)
{
    const json_t *f;
    uint64_t n = 0;
    size_t i;
    json_array_foreach(failures, i, f)
        if (same_kind(f, tl_outcome_name(kind->outcome), kind->coarse))
            n += (uint64_t)json_integer_value(json_object_get(f, "trials"));
    return n;
}

static void collect(const struct tl_nightly_cell *c, struct pool *p)
{
    bool time = true, memory = true, fresh;
    tl_nightly_seconds(c, &fresh);
    *p = (struct pool){.last = predecessor(c)};
    if (!p->last)
        return;
    p->passed = p->last->since_passed;
    p->failed = p->last->since_failed;
    p->refused = p->last->since_refused;
    p->nights = p->last->since_nights;
    if (c->n_kinds)
        p->of_kind = count_kind(json_object_get(p->last->since, "failures"), &c->kinds[0]);
    for (const struct tl_night_cell *i = p->last; i; i = before(&c->history, i)) {
        if (!p->newest && i->passed + i->failed + i->refused > 0)
            p->newest = i;
        if (time && i->fresh == fresh)
            pool_samples(i->seconds, i->n_seconds, p->seconds, &p->n_seconds, &p->slowest, &p->fastest);
        if (memory && i->fresh == fresh)
            pool_samples(i->memory, i->n_memory, p->memory, &p->n_memory, &p->hungriest, &p->leanest);
        time = time && !(i->changed & TL_NIGHT_TIME);
        memory = memory && !(i->changed & TL_NIGHT_MEMORY);
    }
    p->newest = p->newest ? p->newest : p->last;
    tl_sort(p->seconds, p->n_seconds);
    tl_sort(p->memory, p->n_memory);
}

/* --- outcomes ------------------------------------------------------------------------------------------- */

static void say(struct tl_nightly_cell *c, const char *what, struct tl_change_count before,
                struct tl_change_count now)
{
    double odds = tl_change_odds(before, now);
    free(c->evidence);
    c->evidence =
        tl_format("%s in %llu of %llu trials before and in %llu of %llu now; odds for a change %s%.3g to 1",
                  what, (unsigned long long)before.k, (unsigned long long)before.n, (unsigned long long)now.k,
                  (unsigned long long)now.n, odds > 1e6 ? "more than " : "", odds > 1e6 ? 1e6 : odds);
}

/* Compares how often something was seen. True when that decides the class, or wants more trials. */
static bool compare(struct tl_nightly_cell *c, const char *what, struct tl_change_count before,
                    struct tl_change_count now)
{
    switch (tl_change_judge(before, now, c->added)) {
    case TL_CHANGE_MORE_OFTEN:
        c->class = before.k ? TL_CLASS_FLAKIER : TL_CLASS_NEW;
        say(c, what, before, now);
        return true;
    case TL_CHANGE_LESS_OFTEN:
        c->class = now.k ? TL_CLASS_STEADIER : TL_CLASS_FIXED;
        say(c, what, before, now);
        return true;
    case TL_CHANGE_OPEN:
        c->wants_more = true;
        c->class = TL_CLASS_UNCLEAR; /* should it not come to more trials */
        say(c, what, before, now);
        return true;
    case TL_CHANGE_UNCLEAR:
        c->class = TL_CLASS_UNCLEAR;
        say(c, what, before, now);
        return false;
    case TL_CHANGE_NONE:
        break;
    }
    return false;
}

static void judge_outcome(struct tl_nightly_cell *c, const struct pool *p)
{
    uint64_t now = c->passed + c->failed + c->refused, past = p->passed + p->failed + p->refused,
             bad = c->failed + c->refused, was_bad = p->failed + p->refused;
    if (!now) {
        bool could = p->last && p->last->passed + p->last->failed + p->last->refused > 0;
        c->class = c->untried       ? TL_CLASS_UNTRIED
                   : c->unsupported ? (could ? TL_CLASS_UNSUPPORTED : TL_CLASS_NOT_SUPPORTED)
                   : c->lost      ? TL_CLASS_LOST
                                  : TL_CLASS_NOT_RUN;
        return;
    }
    c->class = bad ? TL_CLASS_STILL : TL_CLASS_PASS;
    if (!past) {
        c->class = bad ? TL_CLASS_FIRST_FAILURE : TL_CLASS_FIRST;
        return;
    }
    if (compare(c, "failed", (struct tl_change_count){p->failed, past},
                (struct tl_change_count){c->failed, now}) ||
        compare(c, "failed or refused", (struct tl_change_count){was_bad, past},
                (struct tl_change_count){bad, now}))
        return;
    /* It fails as often as before: in the same way? */
    if (!bad || !was_bad || p->of_kind)
        return;
    const struct tl_change_count none = {0, was_bad}, mine = {c->kinds[0].n, bad};
    enum tl_change other = tl_change_judge(none, mine, c->added);
    if (other == TL_CHANGE_MORE_OFTEN) {
        c->class = TL_CLASS_CHANGED;
        say(c, "this failure was seen", none, mine);
    } else if (other == TL_CHANGE_OPEN) {
        c->wants_more = true;
    }
}

/* --- times and memory ----------------------------------------------------------------------------------- */

const struct tl_samples *tl_nightly_seconds(const struct tl_nightly_cell *c, bool *fresh)
{
    *fresh = c->seconds[0].n == 0; /* where a fork server serves, its children are what is compared */
    return &c->seconds[*fresh];
}

/* now is as far above before as a change is, by every measure but the rank sum. */
static bool far_above(double now, double median, double most, double ratio, double least)
{
    return now > most && now > ratio * median && now - median > least;
}

static void judge_times(struct tl_nightly_cell *c, const struct pool *p)
{
    bool fresh;
    const struct tl_samples *s = tl_nightly_seconds(c, &fresh), *m = &c->memory[fresh];
    double now = tl_median(s->list, s->n), was = tl_median(p->seconds, p->n_seconds),
           size = tl_median(m->list, m->n), had = tl_median(p->memory, p->n_memory);
    c->slower = c->faster = c->hungrier = c->leaner = false;
    if (s->n < TL_CHANGE_LEAST || p->n_seconds < TL_CHANGE_LEAST)
        return;
    bool up = far_above(now, was, p->slowest, SLOWER_RATIO, SLOWER_LEAST_S),
         down = now < p->fastest && far_above(was, now, now, SLOWER_RATIO, SLOWER_LEAST_S),
         more = far_above(size, had, p->hungriest, HUNGRIER_RATIO, HUNGRIER_LEAST),
         less = size < p->leanest && far_above(had, size, size, HUNGRIER_RATIO, HUNGRIER_LEAST);
    bool time_sure = tl_change_rank_sum(p->seconds, p->n_seconds, s->list, s->n, down) <= TL_CHANGE_LEVEL,
         size_sure = tl_change_rank_sum(p->memory, p->n_memory, m->list, m->n, less) <= TL_CHANGE_LEVEL;
    c->slower = up && time_sure;
    c->faster = down && time_sure;
    c->hungrier = more && size_sure;
    c->leaner = less && size_sure;
    bool open = ((up || down) && !time_sure) || ((more || less) && !size_sure);
    c->wants_times = open && c->added < TIMES_MORE && now < SLOWER_COSTS_S;
}

/* --- what it was compared with -------------------------------------------------------------------------- */

static json_t *before_json(const struct pool *p)
{
    const struct tl_night_cell *i = p->newest;
    const json_t *since = p->last ? p->last->since : NULL;
    json_t *j = json_object();
    if (!i || p->passed + p->failed + p->refused == 0) {
        json_decref(j);
        return NULL;
    }
    json_object_set_new(j, "unit", json_string(i->unit));
    json_object_set_new(j, "night", json_string(i->night_id));
    json_object_set_new(j, "n", json_integer(i->n));
    json_object_set_new(j, "started_us", json_integer(i->started_us));
    json_object_set(j, "failures", i->failures);
    json_object_set(j, "environment", i->environment);
    json_object_set_new(j, "nights", json_integer((json_int_t)p->nights));
    json_object_set_new(j, "passed", json_integer((json_int_t)p->passed));
    json_object_set_new(j, "failed", json_integer((json_int_t)p->failed));
    json_object_set_new(j, "refused", json_integer((json_int_t)p->refused));
    json_object_set(j, "since_night", json_object_get(since, "night"));
    json_object_set(j, "since_n", json_object_get(since, "n"));
    json_object_set(j, "since_us", json_object_get(since, "started_us"));
    json_object_set(j, "since_unit", json_object_get(since, "unit"));
    json_object_set_new(j, "seconds", json_real(tl_median(p->seconds, p->n_seconds)));
    json_object_set_new(j, "memory", json_real(tl_median(p->memory, p->n_memory)));
    return j;
}

/* --- what the next night is compared with --------------------------------------------------------------- */

/* Adds the failures of this night to those of a list. */
static void add_kinds(json_t *failures, const struct tl_nightly_cell *c)
{
    for (size_t k = 0; k < c->n_kinds; k++) {
        const struct tl_nightly_kind *kind = &c->kinds[k];
        json_t *f, *found = NULL;
        size_t i;
        json_array_foreach(failures, i, f)
            if (same_kind(f, tl_outcome_name(kind->outcome), kind->coarse))
                found = f;
        if (found)
            json_object_set_new(
                found, "trials",
                json_integer(json_integer_value(json_object_get(found, "trials")) + (json_int_t)kind->n));
        else if (json_array_size(failures) < KINDS_MOST)
            json_array_append_new(failures,
                                  json_pack("{s:s,s:s,s:I}", "outcome", tl_outcome_name(kind->outcome),
                                            "coarse", kind->coarse, "trials", (json_int_t)kind->n));
    }
}

/* A change begins a new count, and so does the first verdict of all; else this night is added to what was. */
static void carry(struct tl_nightly_cell *c, const struct pool *p)
{
    bool verdict = c->passed + c->failed + c->refused > 0, had = p->passed + p->failed + p->refused > 0,
         anew = !had || tl_nightly_outcome_changed(c->class);
    json_decref(c->since);
    c->since = !anew ? json_deep_copy(p->last->since)
                     : json_pack("{s:s,s:I,s:I,s:s,s:[]}", "night", c->nightly->night.id, "n",
                                 (json_int_t)c->nightly->night.n, "started_us",
                                 (json_int_t)c->nightly->night.started_us, "unit", c->unit->text, "failures");
    if (!json_is_array(json_object_get(c->since, "failures")))
        json_object_set_new(c->since, "failures", json_array());
    add_kinds(json_object_get(c->since, "failures"), c);
    c->since_nights = (anew ? 0 : p->nights) + verdict;
    c->since_passed = (anew ? 0 : p->passed) + c->passed;
    c->since_failed = (anew ? 0 : p->failed) + c->failed;
    c->since_refused = (anew ? 0 : p->refused) + c->refused;
}

void tl_nightly_judge(struct tl_nightly_cell *c)
{
    struct pool *p = tl_malloc(sizeof *p);
    collect(c, p);
    c->judged = true;
    c->wants_more = c->wants_times = false;
    free(c->evidence);
    c->evidence = NULL;
    judge_outcome(c, p);
    judge_times(c, p);
    json_decref(c->before);
    c->before = before_json(p);
    free(c->continues);
    c->continues = p->last ? tl_strdup(p->last->unit) : NULL;
    carry(c, p);
    free(p);
}
