/* A cell against the nights before: is its failure new, fixed, flakier?
 *
 * Theory of operation. What a cell is compared with is everything that was seen since the last change (of the nights
 * that nightly_past.c lists). Counts are carried from night to night with each cell, so that no number of
 * nights is too many. A failure that shows now and then is thereby compared with all the times it showed
 * and did not, and not with one night's luck; a change that is said begins a new count, and is not said
 * again the next night.
 *
 * Outcomes are counts of failures in trials, before and now, and a change is a Bayes factor of 500
 * (harness/search/change.c). Failures are of two gravities. A clean error is a refusal: a crash that has become one
 * is fixed, and an error that has become a crash is a new failure. So crashes, hangs and wrong results are compared
 * first, and then those together with refusals. Where a cell fails as often as before, it is asked of each of its
 * failures whether it shows more often among them than before, by its outcome and by the part of its signature that
 * can be compared from build to build. What the factor leaves open wants more trials tonight, in processes of their
 * own, until it decides or the thirty that are worth it are used up.
 *
 * "Now" is tonight, and where that decides nothing the last two nights, three, and so on up to ten: a failure
 * that begins to show in one trial of ten is sure only after several nights, and until then the nights that
 * have it must not count as what was before. Nine more ways to be wrong want a factor of 2,000. Where one of them
 * reaches 20 the suspicion is followed up by more trials tonight.
 *
 * What has just changed is most likely to be another. In the first five nights of a build (or of an OS) a cell that
 * passes is tried twelve times in each, so that a failure that shows in one trial of ten shows at all (with a chance
 * of 99.8 % in sixty); and one that failed now and then, up to thirty times, so that it can be seen to be gone. That
 * costs at most thirty seconds for each cell. */
#include "harness/campaign/nightly_past.h"

#include "harness/base/buffer.h"
#include "harness/base/quantile.h"
#include "harness/search/change.h"

#include <stdlib.h>
#include <string.h>

#define KINDS_MOST 32    /* of failures since the last change */
#define WINDOW_MOST 10   /* nights, with tonight, that are compared with those before them */
#define WINDOW_ODDS 2000 /* for a change, when it is more than tonight */
#define FOLLOW_ODDS 20   /* from which a suspicion is followed up */
#define NEW_NIGHTS 5     /* a build is new */
#define NEW_TRIALS 12    /* of what passes on it, in each of those nights */
#define NEW_COSTS_S 30.0 /* for each cell */

const char *const tl_class_names[TL_CLASS_COUNT] = {
    [TL_CLASS_NEW] = "new-failure",
    [TL_CLASS_CHANGED] = "changed-signature",
    [TL_CLASS_FLAKIER] = "flakier",
    [TL_CLASS_UNSUPPORTED] = "unsupported",
    [TL_CLASS_SLOWER] = "slower",
    [TL_CLASS_HUNGRIER] = "hungrier",
    [TL_CLASS_EXPIRED] = "known-no-longer",
    [TL_CLASS_FIXED] = "fixed",
    [TL_CLASS_STEADIER] = "steadier",
    [TL_CLASS_FASTER] = "faster",
    [TL_CLASS_LEANER] = "leaner",
    [TL_CLASS_STILL] = "still-failing",
    [TL_CLASS_KNOWN] = "known-failure",
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

/* --- what it is compared with --------------------------------------------------------------------------- */

/* What was seen since the last change. */
struct pool {
    const struct tl_nightly_past *past;
    size_t window;                            /* nights of the past that count as now; 0: tonight alone */
    uint64_t passed, failed, refused, nights; /* before them */
};

/* The cell whose sums are what was before; NULL: nothing. */
static const struct tl_night_cell *before_window(const struct pool *p)
{
    return p->window < p->past->n ? p->past->list[p->window] : NULL;
}

/* Whether the sums of two nights begin with the same night. */
static bool one_count(const struct tl_night_cell *a, const struct tl_night_cell *b)
{
    const char *x = json_string_value(json_object_get(a->since, "night")),
               *y = json_string_value(json_object_get(b->since, "night"));
    return x && y && !strcmp(x, y);
}

/* False: there are not so many nights since the last change. */
static bool set_window(struct pool *p, size_t nights)
{
    const struct tl_nightly_past *past = p->past;
    if (nights && (nights >= past->n || !one_count(past->list[0], past->list[nights])))
        return false;
    p->window = nights;
    const struct tl_night_cell *b = before_window(p);
    p->passed = b ? b->since_passed : 0;
    p->failed = b ? b->since_failed : 0;
    p->refused = b ? b->since_refused : 0;
    p->nights = b ? b->since_nights : 0;
    return true;
}

/* The newest with a verdict. */
static const struct tl_night_cell *newest(const struct pool *p)
{
    for (size_t i = p->window; i < p->past->n; i++)
        if (p->past->list[i]->passed + p->past->list[i]->failed + p->past->list[i]->refused > 0)
            return p->past->list[i];
    return before_window(p);
}

struct seen {
    uint64_t passed, failed, refused;
};

static struct seen now_of(const struct tl_nightly_cell *c, const struct pool *p)
{
    struct seen s = {c->passed, c->failed, c->refused};
    for (size_t i = 0; i < p->window; i++) {
        s.passed += p->past->list[i]->passed;
        s.failed += p->past->list[i]->failed;
        s.refused += p->past->list[i]->refused;
    }
    return s;
}

static bool same_kind(const json_t *f, const char *outcome, const char *coarse)
{
    const char *o = json_string_value(json_object_get(f, "outcome")),
               *k = json_string_value(json_object_get(f, "coarse"));
    return o && k && !strcmp(o, outcome) && !strcmp(k, coarse);
}

/* How often a failure was seen before. */
static uint64_t count_kind(const struct pool *p, const struct tl_nightly_kind *kind)
{
    const struct tl_night_cell *b = before_window(p);
    const json_t *failures = b ? json_object_get(b->since, "failures") : NULL, *f;
    uint64_t n = 0;
    size_t i;
    json_array_foreach(failures, i, f)
        if (same_kind(f, tl_outcome_name(kind->outcome), kind->coarse))
            n += (uint64_t)json_integer_value(json_object_get(f, "trials"));
    return n;
}

/* --- outcomes ------------------------------------------------------------------------------------------- */

static void say(struct tl_nightly_cell *c, const struct pool *p, const char *what,
                struct tl_change_count before, struct tl_change_count now)
{
    double odds = tl_change_odds(before, now);
    char *when = p->window ? tl_format("in the last %zu nights", p->window + 1) : tl_strdup("now");
    free(c->evidence);
    c->evidence =
        tl_format("%s in %llu of %llu trials before and in %llu of %llu %s; odds for a change %s%.3g to 1",
                  what, (unsigned long long)before.k, (unsigned long long)before.n, (unsigned long long)now.k,
                  (unsigned long long)now.n, when, odds > 1e6 ? "more than " : "", odds > 1e6 ? 1e6 : odds);
    free(when);
}

/* A failure that was never seen before is new, whatever else was seen. */
static bool is_unseen(const struct tl_nightly_cell *c, const struct pool *p)
{
    return c->n_kinds && !count_kind(p, &c->kinds[0]);
}

static enum tl_class more_often(const struct tl_nightly_cell *c, const struct pool *p, uint64_t before)
{
    return !before || is_unseen(c, p) ? TL_CLASS_NEW : TL_CLASS_FLAKIER;
}

/* Compares how often something was seen. True when that decides the class, or wants more trials. */
static bool compare(struct tl_nightly_cell *c, const struct pool *p, const char *what,
                    struct tl_change_count before, struct tl_change_count now)
{
    switch (tl_change_judge(before, now, c->added)) {
    case TL_CHANGE_MORE_OFTEN:
        c->class = more_often(c, p, before.k);
        say(c, p, what, before, now);
        return true;
    case TL_CHANGE_LESS_OFTEN:
        c->class = now.k ? TL_CLASS_STEADIER : TL_CLASS_FIXED;
        say(c, p, what, before, now);
        return true;
    case TL_CHANGE_OPEN:
        c->wants_more = true;
        c->class = TL_CLASS_UNCLEAR; /* should it not come to more trials */
        say(c, p, what, before, now);
        return true;
    case TL_CHANGE_UNCLEAR:
        c->class = TL_CLASS_UNCLEAR;
        say(c, p, what, before, now);
        return false;
    case TL_CHANGE_NONE:
        break;
    }
    return false;
}

/* The same over several nights, of which tonight is to be one that shows it. True when that decides. */
static bool compare_nights(struct tl_nightly_cell *c, const struct pool *p, const char *what,
                           struct tl_change_count before, struct tl_change_count now, bool tonight)
{
    double odds = tl_change_odds(before, now);
    bool more = (double)now.k * (double)before.n > (double)before.k * (double)now.n;
    if (odds < FOLLOW_ODDS || (more && !tonight))
        return false;
    if (odds < WINDOW_ODDS || (more ? now.k : now.n - now.k) < TL_CHANGE_SEEN) {
        c->wants_more = c->wants_more || c->added < TL_CHANGE_MORE;
        return false;
    }
    c->class = more ? more_often(c, p, before.k) : now.k ? TL_CLASS_STEADIER : TL_CLASS_FIXED;
    say(c, p, what, before, now);
    return true;
}

/* By both gravities. */
static bool compare_counts(struct tl_nightly_cell *c, const struct pool *p)
{
    struct seen now = now_of(c, p);
    uint64_t n = now.passed + now.failed + now.refused, past = p->passed + p->failed + p->refused;
    const struct tl_change_count failed_before = {p->failed, past}, failed = {now.failed, n},
                                 bad_before = {p->failed + p->refused, past},
                                 bad = {now.failed + now.refused, n};
    static const char both[] = "failed or refused";
    if (!p->window)
        return compare(c, p, "failed", failed_before, failed) || compare(c, p, both, bad_before, bad);
    return compare_nights(c, p, "failed", failed_before, failed, c->failed > 0) ||
           compare_nights(c, p, both, bad_before, bad, c->failed + c->refused > 0);
}

/* It fails as often as before: in the same way? */
static void compare_kinds(struct tl_nightly_cell *c, const struct pool *p)
{
    const uint64_t was_bad = p->failed + p->refused, bad = c->failed + c->refused;
    for (size_t k = 0; k < c->n_kinds && was_bad; k++) {
        const struct tl_change_count before = {count_kind(p, &c->kinds[k]), was_bad},
                                     now = {c->kinds[k].n, bad};
        enum tl_change other = tl_change_judge(before, now, c->added);
        if (other == TL_CHANGE_MORE_OFTEN) {
            c->class = TL_CLASS_CHANGED;
            say(c, p, "this failure was seen", before, now);
            return;
        }
        c->wants_more = c->wants_more || (other == TL_CHANGE_OPEN && !before.k);
    }
}

/* Whether a cell that shows no failure is tried more often, as the build is new. */
static bool wants_watch(const struct tl_nightly_cell *c, const struct pool *p)
{
    bool fresh, flaky = p->failed + p->refused > 0;
    const struct tl_samples *s = tl_nightly_seconds(c, &fresh);
    uint64_t wanted = flaky ? c->nightly->suite->repeat + TL_CHANGE_MORE : NEW_TRIALS;
    if (c->failed + c->refused > 0 || c->passed >= wanted || !p->passed || !s->n)
        return false;
    double cost = (double)(c->passed + 1 - c->nightly->suite->repeat) * tl_median(s->list, s->n);
    size_t nights = tl_nightly_of_build(c, p->past);
    return cost <= NEW_COSTS_S && nights && nights <= NEW_NIGHTS;
}

/* A failure that has changed and shows now and then is tried on: a rate that was measured until it was high enough is
 * too high, and the next nights are compared with it. */
static void know_rate(struct tl_nightly_cell *c)
{
    uint64_t bad = c->failed + c->refused;
    c->wants_more = c->wants_more || (tl_nightly_outcome_changed(c->class) && bad > 0 && c->passed > 0 &&
                                      c->added < TL_CHANGE_MORE);
}

static void judge_outcome(struct tl_nightly_cell *c, struct pool *p)
{
    uint64_t now = c->passed + c->failed + c->refused, past = p->passed + p->failed + p->refused,
             bad = c->failed + c->refused;
    if (!now) {
        const struct tl_night_cell *last = p->past->n ? p->past->list[0] : NULL;
        bool could = last && last->passed + last->failed + last->refused > 0;
        c->class = c->untried       ? TL_CLASS_UNTRIED
                   : c->unsupported ? (could ? TL_CLASS_UNSUPPORTED : TL_CLASS_NOT_SUPPORTED)
                   : c->lost        ? TL_CLASS_LOST
                                    : TL_CLASS_NOT_RUN;
        return;
    }
    c->class = bad ? TL_CLASS_STILL : TL_CLASS_PASS;
    if (!past) {
        c->class = bad ? TL_CLASS_FIRST_FAILURE : TL_CLASS_FIRST;
        return;
    }
    if (compare_counts(c, p)) {
        know_rate(c);
        return;
    }
    for (size_t nights = 1; nights < WINDOW_MOST && set_window(p, nights); nights++)
        if (compare_counts(c, p))
            return;
    set_window(p, 0);
    compare_kinds(c, p);
    c->wants_watch = !tl_nightly_outcome_changed(c->class) && !c->wants_more && wants_watch(c, p);
}

/* --- what it was compared with -------------------------------------------------------------------------- */

static json_t *before_json(const struct tl_nightly_cell *c, const struct pool *p)
{
    const struct tl_night_cell *i = newest(p), *b = before_window(p);
    const json_t *since = b ? b->since : NULL;
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
    if (i->passed && !i->n_seconds) /* what is no pass and right has no time */
        json_object_set_new(j, "as_expected", json_integer((json_int_t)p->passed));
    json_object_set(j, "since_night", json_object_get(since, "night"));
    json_object_set(j, "since_n", json_object_get(since, "n"));
    json_object_set(j, "since_us", json_object_get(since, "started_us"));
    json_object_set(j, "since_unit", json_object_get(since, "unit"));
    json_object_set_new(j, "seconds", json_real(c->was_seconds));
    json_object_set_new(j, "memory", json_real(c->was_memory));
    return j;
}

/* --- what the next night is compared with --------------------------------------------------------------- */

/* Adds so many trials of a failure to those of a list. */
static void add_kind(json_t *failures, const char *outcome, const char *coarse, json_int_t trials)
{
    json_t *f, *found = NULL;
    size_t i;
    json_array_foreach(failures, i, f)
        if (same_kind(f, outcome, coarse))
            found = f;
    if (found)
        json_object_set_new(found, "trials",
                            json_integer(json_integer_value(json_object_get(found, "trials")) + trials));
    else if (json_array_size(failures) < KINDS_MOST)
        json_array_append_new(
            failures, json_pack("{s:s,s:s,s:I}", "outcome", outcome, "coarse", coarse, "trials", trials));
}

/* Those of tonight, and of the nights that count as now. */
static void add_kinds(json_t *failures, const struct tl_nightly_cell *c, const struct pool *p, size_t nights)
{
    for (size_t k = 0; k < c->n_kinds; k++)
        add_kind(failures, tl_outcome_name(c->kinds[k].outcome), c->kinds[k].coarse,
                 (json_int_t)c->kinds[k].n);
    for (size_t i = 0; i < nights; i++) {
        const json_t *f;
        size_t at;
        json_array_foreach(p->past->list[i]->failures, at, f) {
            const char *outcome = json_string_value(json_object_get(f, "outcome")),
                       *coarse = json_string_value(json_object_get(f, "coarse"));
            if (outcome && coarse)
                add_kind(failures, outcome, coarse, json_integer_value(json_object_get(f, "trials")));
        }
    }
}

/* The night from which on a new count goes. */
static json_t *since_night(const struct tl_nightly_cell *c, const struct pool *p)
{
    const struct tl_night *night = &c->nightly->night;
    const struct tl_night_cell *first = p->window ? p->past->list[p->window - 1] : NULL;
    return json_pack("{s:s,s:I,s:I,s:s,s:[]}", "night", first ? first->night_id : night->id, "n",
                     (json_int_t)(first ? first->n : night->n), "started_us",
                     (json_int_t)(first ? first->started_us : night->started_us), "unit",
                     first ? first->unit : c->unit->text, "failures");
}

/* A change begins a new count, and so does the first verdict of all; else this night is added to what was. */
static void carry(struct tl_nightly_cell *c, const struct pool *p)
{
    bool verdict = c->passed + c->failed + c->refused > 0, had = p->passed + p->failed + p->refused > 0,
         anew = !had || tl_nightly_outcome_changed(c->class);
    struct seen now = now_of(c, p);
    json_decref(c->since);
    c->since = anew ? since_night(c, p) : json_deep_copy(p->past->list[0]->since);
    if (!json_is_array(json_object_get(c->since, "failures")))
        json_object_set_new(c->since, "failures", json_array());
    add_kinds(json_object_get(c->since, "failures"), c, p, p->window);
    c->since_nights = (anew ? p->window : p->nights) + verdict;
    c->since_passed = (anew ? 0 : p->passed) + now.passed;
    c->since_failed = (anew ? 0 : p->failed) + now.failed;
    c->since_refused = (anew ? 0 : p->refused) + now.refused;
}

void tl_nightly_judge(struct tl_nightly_cell *c)
{
    struct tl_nightly_past past;
    tl_nightly_past(c, &past);
    struct pool p = {.past = &past};
    set_window(&p, 0);
    c->judged = true;
    c->wants_more = c->wants_times = c->wants_watch = false;
    free(c->evidence);
    c->evidence = NULL;
    judge_outcome(c, &p);
    tl_nightly_measure(c, &past);
    json_decref(c->before);
    c->before = before_json(c, &p);
    free(c->continues);
    c->continues = past.n ? tl_strdup(past.list[0]->unit) : NULL;
    carry(c, &p);
}
