/* Judges whether a failure with another signature is the one that is isolated.
 *
 * One bug shows at many places in the code, and two bugs may show in one model. Outcomes alone do not tell these
 * apart (harness/search/headline.c), and stacks only do where they share a function. What tells most is time: a
 * bug comes with one build and goes with another, and all of its places with it. So where a build is known that
 * fails as the isolated failure does, and one beside it that does not (its *edge*), the variant that shows the
 * other signature is run on both sides, twice each. If it fails on the one and not on the other, it is the same
 * bug; if it does anything else, it is another one.
 *
 * Where the edge is. All builds of the unit's runner that are here stand in a row. What the database knows of the
 * failing variant on them counts first. Where that shows no edge, and the failing variant takes ten seconds at
 * most, it is run on the newest build, or else on the oldest, and then between: a bisection, at most a handful of
 * trials. Nothing is ever fetched. Failures are compared by their kind (harness/verdict/kind.h), as places and
 * wording move from build to build. A build that passes is the good side of an edge. One that refuses the model
 * is so only when it is newer, where that is how many bugs are fixed; an older one may merely not know the model
 * yet. And so is one on which the failing variant shows the very signature that is to be judged: what is isolated
 * is mended there, and what it hid comes to light.
 *
 * Builds do not judge a failure that shows in a part of the runs only: four runs say nothing then.
 *
 * Where builds do not tell, two processes that ended themselves tell by what they said (verdict/own_words.c): a check that
 * everything goes through is on the stacks of all failures that it finds. Of others two stacks that share the faulting
 * function or its caller are one bug. Otherwise it is not known, and the search says so.
 *
 * As in the search itself, everything is computed anew from what is known at each step; what is missing is
 * submitted, and the step comes again when it is told. */
#include "harness/campaign/judge.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"
#include "harness/campaign/driver_impl.h"
#include "harness/executor/unit_list.h"
#include "harness/verdict/kind.h"
#include "harness/verdict/own_words.h"

#include <stdlib.h>
#include <string.h>

#define CHEAP_SECONDS 10
#define MOST_BUILDS 64
#define TWICE 2

/* What one run of a variant on a build shows of the failure that is isolated. */
enum shows { SHOWS_NOTHING, SHOWS_FAILURE, SHOWS_ANOTHER, SHOWS_PASS, SHOWS_REFUSAL };

/* One run for a judgement. */
struct probe {
    struct tl_driver *d;
    uint64_t *index;
    size_t build;
    unsigned repeat;
    bool told;
    enum shows shows;
    char trial[TL_UUID_SIZE];
};

/* A request that is not answered yet. */
struct asked {
    uint64_t id;
    char signature[TL_ID_SIZE];
    uint64_t *index;
    uint32_t trials;
};

struct tl_driver_judge {
    bool listed;
    size_t n_builds, own; /* builds that are here, oldest first; the unit's, SIZE_MAX: not among them */
    const struct tl_unit **units; /* NULL: it cannot be used */
    size_t n_probes;
    struct probe **probes;
    size_t n_asked;
    struct asked *asked;
    size_t n_judged;
    struct tl_driver_judgement *judged;
};

static struct tl_driver_judge *state(struct tl_driver *d)
{
    if (!d->judge) {
        d->judge = tl_calloc(1, sizeof *d->judge);
        d->judge->own = SIZE_MAX;
    }
    return d->judge;
}

static uint64_t *copy_of(const struct tl_driver *d, const uint64_t *index)
{
    uint64_t *copy = tl_calloc(d->c->n_axes, sizeof *copy);
    if (d->c->n_axes)
        memcpy(copy, index, d->c->n_axes * sizeof *copy);
    return copy;
}

static const struct tl_trial_record *isolated(const struct tl_driver *d)
{
    const char *target = tl_search_result(d->search)->signature;
    const struct tl_driver_signature *s = target ? tl_driver_signature(d, target) : NULL;
    return s ? &s->record : NULL;
}

static enum shows shows_of(const struct tl_driver *d, const struct tl_trial_record *r)
{
    const struct tl_trial_record *target = isolated(d);
    if (!target || r->outcome == TL_OUTCOME_LOST || r->outcome == TL_OUTCOME_UNSUPPORTED)
        return SHOWS_NOTHING;
    if (r->outcome == TL_OUTCOME_PASS ||
        tl_expected_of_record(d->c->expected, r, NULL) == TL_STANDING_EXPECTED)
        return SHOWS_PASS;
    if (tl_failure_same_kind(target, r)) {
        const struct tl_driver_signature *s = tl_driver_signature(d, r->signature.id);
        return s && strcmp(s->failure, tl_search_result(d->search)->signature) != 0 ? SHOWS_ANOTHER
                                                                                    : SHOWS_FAILURE;
    }
    return r->outcome == TL_OUTCOME_ERROR ? SHOWS_REFUSAL : SHOWS_NOTHING;
}

/* ---- trials ---- */

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct probe *p = arg;
    (void)cached;
    p->d->in_flight--;
    p->told = true;
    if (failure)
        return;
    memcpy(p->trial, r->id, sizeof p->trial);
    p->shows = shows_of(p->d, r);
}

static int run(struct tl_driver *d, struct probe *p, struct tl_error *e)
{
    const struct tl_unit *u = d->judge->units[p->build];
    const struct tl_variant v = {p->index};
    const struct tl_cached *known = tl_driver_take_stored(d, u, &v, true);
    if (known) {
        struct tl_trial_record r;
        if (tl_query_trial(tl_executor_store(d->x), known->id, &r, e))
            return -1;
        p->told = true;
        memcpy(p->trial, r.id, sizeof p->trial);
        p->shows = shows_of(d, &r);
        tl_trial_record_free(&r);
        tl_driver_count_stored(d, known);
        return 0;
    }
    struct tl_request request = {.c = d->c, .variant = &v, .unit = u, .fresh = true};
    if (tl_executor_submit(d->x, &request, on_done, p, e))
        return -1;
    d->in_flight++;
    d->n_run++;
    return 0;
}

/* A run of a variant on a build: *p is NULL while it is not told. A build that cannot be used shows nothing. */
static int want(struct tl_driver *d, const uint64_t *index, size_t build, unsigned repeat, struct asked *a,
                const struct probe **p, struct tl_error *e)
{
    struct tl_driver_judge *j = d->judge;
    size_t bytes = d->c->n_axes * sizeof *index;
    *p = NULL;
    for (size_t i = 0; i < j->n_probes; i++) {
        const struct probe *known = j->probes[i];
        if (known->build == build && known->repeat == repeat &&
            (!bytes || !memcmp(known->index, index, bytes))) {
            *p = known->told ? known : NULL;
            return 0;
        }
    }
    struct probe *q = tl_calloc(1, sizeof *q);
    *q = (struct probe){.d = d, .index = copy_of(d, index), .build = build, .repeat = repeat};
    *TL_GROW(j->probes, j->n_probes) = q;
    q->told = !j->units[build] || (d->max_trials && d->n_run >= d->max_trials);
    if (!q->told) {
        a->trials++;
        if (run(d, q, e))
            return -1;
    }
    *p = q->told ? q : NULL;
    return 0;
}

/* ---- builds ---- */

static void list_builds(struct tl_driver *d)
{
    struct tl_driver_judge *j = d->judge;
    struct tl_unit_list names = {0};
    struct tl_error ignored;
    if (j->listed)
        return;
    j->listed = true;
    char *all =
        d->unit->build ? tl_unit_name_text(d->unit->runner, NULL, d->unit->device, d->unit->alias) : NULL;
    size_t none;
    if (all && !tl_executor_builds(d->x, all, &names, &none, &ignored) && names.n <= MOST_BUILDS) {
        j->n_builds = names.n;
        j->units = tl_calloc(names.n, sizeof *j->units);
        for (size_t i = 0; i < names.n; i++) {
            if (!strcmp(names.list[i], d->unit->text))
                j->own = i;
            j->units[i] = strcmp(names.list[i], d->unit->text) != 0
                              ? tl_executor_unit(d->x, names.list[i], &ignored)
                              : d->unit;
            if (j->units[i] && (!j->units[i]->usable || j->units[i]->build_missing))
                j->units[i] = NULL;
        }
    }
    tl_unit_list_free(&names);
    free(all);
}

/* What the database says of the failing variant on a build. */
static enum shows stored_shows(struct tl_driver *d, size_t build)
{
    size_t n;
    const struct tl_cached *list = tl_driver_stored(d, d->judge->units[build], d->failing, &n);
    enum shows shows = SHOWS_NOTHING;
    for (size_t i = 0; i < n && shows != SHOWS_FAILURE; i++) {
        struct tl_trial_record r;
        struct tl_error ignored;
        if (d->no_cache && list[i].started_us < d->started_us)
            continue;
        if (list[i].outcome == TL_OUTCOME_PASS) {
            shows = SHOWS_PASS;
        } else if (!tl_query_trial(tl_executor_store(d->x), list[i].id, &r, &ignored)) {
            enum shows one = shows_of(d, &r);
            shows = one == SHOWS_NOTHING ? shows : one;
            tl_trial_record_free(&r);
        }
    }
    return shows;
}

enum side { SIDE_OPEN, SIDE_PENDING, SIDE_NEITHER, SIDE_BAD, SIDE_GOOD };

/* On which side of the edge a build is, as far as it is known; with a trial, where that may be run. */
static int side_of(struct tl_driver *d, size_t build, bool may_run, struct asked *a, enum side *side,
                   struct tl_error *e)
{
    struct tl_driver_judge *j = d->judge;
    enum shows shows = SHOWS_NOTHING;
    *side = SIDE_BAD;
    if (build == j->own)
        return 0;
    *side = SIDE_NEITHER;
    if (!j->units[build])
        return 0;
    shows = stored_shows(d, build);
    const struct probe *p = NULL;
    if (shows == SHOWS_NOTHING && may_run) {
        if (want(d, d->failing->index, build, 0, a, &p, e))
            return -1;
        shows = p ? p->shows : shows;
    }
    if (shows == SHOWS_NOTHING)
        *side = !may_run ? SIDE_OPEN : p ? SIDE_NEITHER : SIDE_PENDING;
    else if (shows == SHOWS_FAILURE)
        *side = SIDE_BAD;
    else if (shows == SHOWS_PASS || shows == SHOWS_ANOTHER || build > j->own)
        *side = SIDE_GOOD;
    return 0;
}

struct edge {
    bool pending, found;
    size_t bad, good;
};

/* The edge on one side of the unit's build. step is 1 to the newer builds and -1 to the older ones, modulo
 * SIZE_MAX + 1. */
static int find_edge(struct tl_driver *d, size_t step, bool may_run, struct asked *a, struct edge *edge,
                     struct tl_error *e)
{
    struct tl_driver_judge *j = d->judge;
    size_t row[MOST_BUILDS], n = 0;
    enum side side;
    *edge = (struct edge){0};
    for (size_t i = j->own; i < j->n_builds; i += step)
        row[n++] = i;
    /* The furthest build that tells; without trials, the closest that is known to be good. */
    size_t low = 0, high = n;
    for (size_t i = n; i-- > 1;) {
        if (side_of(d, row[i], may_run, a, &side, e))
            return -1;
        edge->pending = edge->pending || side == SIDE_PENDING;
        if (side == SIDE_PENDING || (may_run && side == SIDE_BAD))
            return 0;
        high = side == SIDE_GOOD ? i : high;
        if (may_run && side == SIDE_GOOD)
            break;
    }
    if (high == n)
        return 0;
    for (size_t i = 1; i < high && !may_run; i++) {
        if (side_of(d, row[i], false, a, &side, e))
            return -1;
        low = side == SIDE_BAD ? i : low;
    }
    while (may_run && high - low > 1) {
        size_t mid = low + (high - low) / 2, at = mid;
        do { /* one that cannot be tried says nothing: the next one above it */
            if (side_of(d, row[at], true, a, &side, e))
                return -1;
        } while (side == SIDE_NEITHER && ++at < high);
        if (side == SIDE_PENDING) {
            edge->pending = true;
            return 0;
        }
        if (at == high)
            high = mid;
        else if (side == SIDE_GOOD)
            high = at;
        else
            low = at;
    }
    /* What was left out in between is no good side. */
    while (high < n && may_run && (side_of(d, row[high], true, a, &side, e) || side != SIDE_GOOD))
        high++;
    *edge = (struct edge){.found = high < n, .bad = row[low], .good = high < n ? row[high] : 0};
    return 0;
}

static int edge_of(struct tl_driver *d, struct asked *a, struct edge *edge, struct tl_error *e)
{
    const struct tl_trial_record *target = isolated(d);
    bool cheap = target && target->wall_seconds <= CHEAP_SECONDS;
    list_builds(d);
    *edge = (struct edge){0};
    if (d->judge->own == SIZE_MAX || tl_search_result(d->search)->flaky)
        return 0;
    for (int may_run = 0; may_run < (cheap ? 2 : 1); may_run++)
        for (int newer = 1; newer >= 0 && !edge->found && !edge->pending; newer--)
            if (find_edge(d, newer ? 1 : SIZE_MAX, may_run, a, edge, e))
                return -1;
    return 0;
}

/* ---- judgements ---- */

/* The relation of what was asked for, by the edge. *pending: it is not told yet. */
static int by_builds(struct tl_driver *d, struct asked *a, const struct edge *edge,
                     struct tl_driver_judgement *judgement, bool *pending, struct tl_error *e)
{
    unsigned bad = 0, good = 0, unclear = 0;
    bool newer = edge->good > d->judge->own;
    *pending = false;
    for (unsigned i = 0; i < 2 * TWICE; i++) {
        bool on_bad = i < TWICE;
        const struct probe *p;
        if (want(d, a->index, on_bad ? edge->bad : edge->good, i % TWICE, a, &p, e))
            return -1;
        *pending = *pending || !p;
        if (!p)
            continue;
        memcpy(judgement->trials[i], p->trial, sizeof p->trial);
        *(on_bad ? &bad : &good) += p->shows == SHOWS_FAILURE || p->shows == SHOWS_ANOTHER;
        unclear += p->shows == SHOWS_NOTHING || (!on_bad && !newer && p->shows == SHOWS_REFUSAL);
    }
    judgement->bad = d->judge->units[edge->bad];
    judgement->good = d->judge->units[edge->good];
    judgement->by = TL_JUDGED_BY_BUILDS;
    if (unclear || bad == 1 || good == 1)
        judgement->relation = TL_RELATION_UNKNOWN;
    else
        judgement->relation = bad == TWICE && !good ? TL_RELATION_SAME : TL_RELATION_OTHER;
    return 0;
}

enum tl_search_relation tl_judge_without_builds(const struct tl_trial_record *a,
                                                const struct tl_trial_record *b, enum tl_judged_by *by)
{
    enum tl_words_say say = tl_failure_compare_words(a, b);
    *by = TL_JUDGED_BY_WORDS;
    if (say != TL_WORDS_SAY_NOTHING)
        return say == TL_WORDS_SAY_SAME ? TL_RELATION_SAME : TL_RELATION_OTHER;
    bool same = tl_failure_shares_place(a, b);
    *by = same ? TL_JUDGED_BY_STACK : TL_JUDGED_BY_NOTHING;
    return same ? TL_RELATION_SAME : TL_RELATION_UNKNOWN;
}

static void by_trials(const struct tl_driver *d, struct tl_driver_judgement *judgement)
{
    const struct tl_trial_record *target = isolated(d);
    const struct tl_driver_signature *s = tl_driver_signature(d, judgement->signature);
    judgement->by = TL_JUDGED_BY_NOTHING;
    judgement->relation = TL_RELATION_UNKNOWN;
    if (target && s)
        judgement->relation = tl_judge_without_builds(target, &s->record, &judgement->by);
}

/* Answers one request, if that can be done now. */
static int answer(struct tl_driver *d, struct asked *a, bool *told, struct tl_error *e)
{
    struct tl_driver_judgement judgement = {.relation = TL_RELATION_UNKNOWN};
    struct edge edge;
    bool pending = false;
    *told = false;
    memcpy(judgement.signature, a->signature, sizeof a->signature);
    if (edge_of(d, a, &edge, e) || (edge.found && by_builds(d, a, &edge, &judgement, &pending, e)))
        return -1;
    if (edge.pending || pending)
        return 0;
    if (judgement.relation == TL_RELATION_UNKNOWN)
        by_trials(d, &judgement);
    *TL_GROW(d->judge->judged, d->judge->n_judged) = judgement;
    tl_search_tell_judgement(d->search, a->id, judgement.relation, a->trials);
    *told = true;
    return 0;
}

void tl_driver_judge(struct tl_driver *d, const struct tl_search_request *q)
{
    struct tl_driver_judge *j = state(d);
    struct asked a = {.id = q->id, .index = copy_of(d, q->index)};
    size_t n = strlen(q->signature);
    memcpy(a.signature, q->signature, n < TL_ID_SIZE ? n : TL_ID_SIZE - 1);
    *TL_GROW(j->asked, j->n_asked) = a;
}

int tl_driver_judge_step(struct tl_driver *d, bool *told, struct tl_error *e)
{
    struct tl_driver_judge *j = d->judge;
    *told = false;
    for (size_t i = 0; j && i < j->n_asked;) {
        bool done;
        if (answer(d, &j->asked[i], &done, e))
            return -1;
        *told = *told || done;
        if (!done) {
            i++;
            continue;
        }
        free(j->asked[i].index);
        j->asked[i] = j->asked[--j->n_asked];
    }
    return 0;
}

const struct tl_driver_judgement *tl_driver_judgement(const struct tl_driver *d, const char *signature)
{
    for (size_t i = 0; d->judge && i < d->judge->n_judged; i++)
        if (!strcmp(d->judge->judged[i].signature, signature))
            return &d->judge->judged[i];
    return NULL;
}

void tl_driver_judge_free(struct tl_driver *d)
{
    struct tl_driver_judge *j = d->judge;
    if (!j)
        return;
    for (size_t i = 0; i < j->n_probes; i++) {
        free(j->probes[i]->index);
        free(j->probes[i]);
    }
    for (size_t i = 0; i < j->n_asked; i++)
        free(j->asked[i].index);
    free(j->probes);
    free(j->asked);
    free(j->judged);
    free(j->units);
    free(j);
    d->judge = NULL;
}
