/* Gives a search its trials: from the database where they are known, from the executor where they are not.
 *
 * Theory of operation. A search (harness/search) asks for variants and is told what came of them; it knows
 * neither trials nor time. Three things are decided here for it.
 *
 * What is known already. A stored trial answers a request when case, variant, unit and environment are
 * those of the request. Each is used at most once in an isolation, the oldest first; a request that must be
 * fresh takes one that was a process of its own, another one takes a fork server's child as long as there
 * is any. An isolation that was interrupted therefore asks the same questions again and gets the same
 * answers, up to where it stopped. A trial that was lost when the machine went down is an answer too, since
 * running it again could take the machine down again (it is older than the boot); one that was lost with
 * its supervisor only, or that was stopped because the time was used up, is run again. With no_cache only
 * what this run itself has stored is used.
 *
 * Which failures are one. The search calls two failures the same when the texts that it is told are equal.
 * A wild address takes the same bug to signatures that differ by a few frames (harness/verdict/related.h),
 * so a failure is told by the first of its signatures that was seen: of each signature one record is kept,
 * with which later ones are compared. tl_driver_know makes the failure that is meant the first of all. Over
 * builds offsets and lines move, and the part of the signature that can be compared from build to build is
 * told instead.
 *
 * Doubt. A variant that fails in one kind of process and passes in the other puts the search in doubt; so does a child
 * that passes where the trigger, confirmed in fresh processes, says failure; and so does the first trial that has to be
 * run after stored ones were used: nothing more is fed until it is settled whether the processes differ, and whether
 * what is stored still holds (guard.h).
 *
 * What counts as confirmed. The children of one fork server share its address layout: a failure that
 * depends on it shows in all of them or in none, and a hundred of them are one observation. Whatever
 * reproduces, confirms, or measures a rate is therefore a process of its own, and so is everything once the
 * failure turned out to be flaky; over builds every run is.
 *
 * Over builds. What lies beside a piece of memory that a runtime reads wrongly changes from build to build, in the one kind
 * of process and in the other: a build on which a fresh process passes by luck is none that is mended. So where one passes
 * a child of a fork server is tried as well, and what is told is the failure, if either shows one. */
#include "harness/campaign/driver.h"

#include "harness/campaign/driver_impl.h"
#include "harness/campaign/judge.h"

#include "db/query.h"

#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/campaign/processes.h"
#include "harness/verdict/kind.h"
#include "harness/verdict/related.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOUBTS 16 /* variants by which it is tried whether processes differ; most cost one trial */

struct tl_driver_call {
    struct tl_driver *d;
    struct tl_search_request request;
    size_t use; /* of its variant */
    bool fresh; /* whether it has to be a process of its own */
    struct tl_driver_trial
        instead; /* what is told should this one not fail, if told: it passed in a fresh process */
};

static bool is_forbidden(void *context, const uint64_t *index)
{
    const struct tl_driver *d = context;
    const struct tl_variant v = {(uint64_t *)index};
    char *why = tl_variant_forbidden(d->c, &v);
    free(why);
    return why != NULL;
}

static uint64_t part(void *context, size_t axis, const struct tl_subset_range *ranges, size_t n)
{
    const struct tl_driver *d = context;
    struct tl_element_set set = {0};
    for (size_t i = 0; i < n; i++)
        tl_element_set_add(&set, ranges[i].first, ranges[i].last);
    return tl_axis_sets_number(d->c->axes[axis].sets, &set);
}

static struct tl_subset_range *ranges_of(void *context, size_t axis, uint64_t index, size_t *n)
{
    const struct tl_driver *d = context;
    const struct tl_element_set *set = tl_axis_sets_get(d->c->axes[axis].sets, index);
    struct tl_subset_range *ranges = tl_calloc(set->n_ranges + 1, sizeof *ranges);
    *n = set->n_ranges;
    for (size_t i = 0; i < *n; i++)
        ranges[i] = (struct tl_subset_range){set->ranges[i].first, set->ranges[i].last};
    return ranges;
}

int tl_driver_start(struct tl_driver *d, const struct tl_search_options *options, struct tl_error *e)
{
    const struct tl_case *c = d->c;
    d->started_ns = d->started_ns ? d->started_ns : tl_awake_ns();
    d->started_us = tl_executor_started_us(d->x);
    d->axes = tl_calloc(c->n_axes, sizeof *d->axes);
    for (size_t i = 0; i < c->n_axes; i++)
        d->axes[i] = (struct tl_search_axis){
            .ordered = c->axes[i].kind == TL_AXIS_RANGE || c->axes[i].kind == TL_AXIS_ORDERED,
            .set = c->axes[i].kind == TL_AXIS_SUBSET,
            .count = c->axes[i].count,
            .name = c->axes[i].name,
        };
    tl_driver_counted_find(d);
    struct tl_search_options with = *options;
    with.counted = d->counted != NULL;
    with.counted_axis = d->counted ? d->counted_axis : 0;
    d->space = (struct tl_search_space){c->n_axes, d->axes, is_forbidden, d, part, ranges_of};
    if (d->units)
        d->search = tl_search_builds(d->n_units, &with);
    else if (d->frontier)
        d->search = tl_search_frontier(&d->space, d->failing->index, d->frontier[0], d->frontier[1], &with);
    else
        d->search = tl_search_isolate(&d->space, d->failing->index, &with);
    return d->search ? 0
                     : tl_fail(e, TL_ERROR_INPUT, "cannot search", c->path,
                               "the case has no axis along which the failing variant could be made simpler");
}

static enum tl_search_told told_of(enum tl_outcome outcome)
{
    switch (outcome) {
    case TL_OUTCOME_PASS:
        return TL_TOLD_PASS;
    case TL_OUTCOME_UNSUPPORTED:
        return TL_TOLD_UNSUPPORTED;
    case TL_OUTCOME_LOST:
        return TL_TOLD_LOST;
    default:
        return TL_TOLD_FAIL;
    }
}

const char *tl_driver_kind(const struct tl_driver *d, const char *signature)
{
    const struct tl_driver_signature *s = tl_driver_signature(d, signature);
    return s ? s->kind : NULL;
}

static void tell(struct tl_driver *d, uint64_t request, const struct tl_driver_trial *t)
{
    while (d->n_trials <= request) {
        if (d->n_trials == d->capacity) {
            d->capacity = d->capacity ? d->capacity * 2 : 64;
            d->trials = tl_realloc(d->trials, d->capacity, sizeof *d->trials);
        }
        d->trials[d->n_trials++] = (struct tl_driver_trial){0};
    }
    d->trials[request] = *t;
    tl_driver_counted_tell(d, request, t);
    /* What the case expects is no failure to look for. */
    enum tl_search_told told = t->standing == TL_STANDING_EXPECTED ? TL_TOLD_PASS : told_of(t->outcome);
    const struct tl_search_failure failure = {
        .signature = d->units ? t->coarse_id : t->signature_id,
        .kind = tl_driver_kind(d, t->signature_id),
    };
    if (told == TL_TOLD_FAIL)
        tl_search_tell_failure(d->search, request, &failure);
    else
        tl_search_tell(d->search, request, told, NULL);
}

static bool shows_failure(const struct tl_driver_trial *t)
{
    return t->standing != TL_STANDING_EXPECTED && told_of(t->outcome) == TL_TOLD_FAIL;
}

/* Whether a trial shows a failure of the kind that is searched for, as far as that is known. */
static bool shows_this(const struct tl_driver *d, const struct tl_driver_trial *t)
{
    const char *own = tl_driver_kind(d, d->shown.signature_id), *kind = tl_driver_kind(d, t->signature_id);
    return shows_failure(t) && (!own || !kind || !strcmp(own, kind));
}

/* Tells what came of a trial, unless a child is to be tried before. */
static void answer(const struct tl_driver_call *call, const struct tl_driver_trial *t)
{
    struct tl_driver *d = call->d;
    const struct tl_search_request *q = &call->request;
    if (call->instead.told) {
        tell(d, q->id, shows_this(d, t) ? t : &call->instead);
        return;
    }
    if (!d->units || d->fresh_alone || !t->fresh || shows_failure(t) || told_of(t->outcome) != TL_TOLD_PASS ||
        !tl_processes_forked(d->units[q->index[0]])) {
        tell(d, q->id, t);
        return;
    }
    struct tl_driver_call *child = tl_malloc(sizeof *child);
    *child = *call;
    child->fresh = false;
    child->instead = *t;
    d->twice[q->purpose]++;
    *TL_GROW(d->children, d->n_children) = child;
}

/* The failure that a signature belongs to: itself, unless a failure that was seen before is related. */
static int failure_of(struct tl_driver *d, const char *trial, const char *signature, char failure[TL_ID_SIZE],
                      struct tl_error *e)
{
    memcpy(failure, signature, TL_ID_SIZE);
    if (!*signature)
        return 0;
    for (size_t i = 0; i < d->n_signatures; i++)
        if (!strcmp(d->signatures[i].id, signature)) {
            memcpy(failure, d->signatures[i].failure, TL_ID_SIZE);
            d->bare_trials += d->signatures[i].bare;
            return 0;
        }
    struct tl_trial_record r;
    if (tl_query_trial(tl_executor_store(d->x), trial, &r, e))
        return -1;
    bool bare = tl_failure_is_bare(&r), known_as = false;
    for (size_t i = 0; i < d->n_signatures; i++) {
        struct tl_driver_signature *s = &d->signatures[i];
        /* One that is bare is taken for a single known failure: two others are not one by way of it. */
        if ((s->bare && !bare && s->known_as) || !tl_failure_related(&s->record, &r))
            continue;
        memcpy(failure, s->failure, TL_ID_SIZE);
        known_as = bare && (!s->bare || s->known_as);
        s->known_as |= s->bare && !bare;
        break;
    }
    d->bare_trials += bare;
    struct tl_driver_signature *f = TL_GROW(d->signatures, d->n_signatures);
    f->kind = NULL;
    f->record = r;
    /* One without a message is of the kind that was seen first. */
    for (size_t i = 0; i + 1 < d->n_signatures && !f->kind; i++)
        if (tl_failure_same_kind(&d->signatures[i].record, &r))
            f->kind = tl_strdup(d->signatures[i].kind);
    f->kind = f->kind ? f->kind : tl_failure_kind(&r);
    f->bare = bare;
    f->known_as = known_as;
    memcpy(f->id, signature, TL_ID_SIZE);
    memcpy(f->failure, failure, TL_ID_SIZE);
    return 0;
}

int tl_driver_know(struct tl_driver *d, const char *trial, const char *signature, struct tl_error *e)
{
    char failure[TL_ID_SIZE];
    return failure_of(d, trial, signature, failure, e);
}

/* Counts a trial of a variant by its kind of process. A child that passes with the trigger held, where what was
 * confirmed in fresh processes says failure, is a reason to try as well. */
static void count_process(struct tl_driver *d, size_t use, const struct tl_search_request *q,
                          enum tl_outcome outcome, bool fresh)
{
    struct tl_driver_use *u = &d->uses[use];
    if (outcome == TL_OUTCOME_LOST || outcome == TL_OUTCOME_UNSUPPORTED || d->units)
        return;
    bool surprise = outcome == TL_OUTCOME_PASS && !fresh && tl_processes_forked(d->unit) &&
                    (q->purpose == TL_SEARCH_NEED || q->purpose == TL_SEARCH_HOLD);
    u->runs[fresh]++;
    u->failed[fresh] += tl_outcome_is_failure(outcome);
    if (u->settled || d->in_doubt || d->all_fresh || d->all_forked || d->doubts == DOUBTS ||
        (!surprise && !tl_processes_look(u->failed, u->runs)))
        return;
    u->settled = true;
    d->doubts++;
    d->in_doubt = TL_DOUBT_PROCESSES;
    d->doubt = (struct tl_variant){(uint64_t *)q->index};
    d->doubt_unit = d->unit;
}

struct tl_driver_trial tl_driver_trial_of(const struct tl_case *c, const struct tl_trial_record *r)
{
    struct tl_driver_trial t = {
        .outcome = r->outcome,
        .standing = tl_expected_of_record(c->expected, r, NULL),
        .fresh = r->fresh,
        .told = true,
    };
    memcpy(t.id, r->id, sizeof t.id);
    memcpy(t.signature_id, r->signature.id, sizeof t.signature_id);
    memcpy(t.coarse_id, r->signature.coarse_id, sizeof t.coarse_id);
    return t;
}

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct tl_driver_call *call = arg;
    struct tl_driver *d = call->d;
    (void)cached;
    d->in_flight--;
    if (!failure && !tl_executor_interrupted(d->x) &&
        !(r->outcome == TL_OUTCOME_LOST && tl_executor_out_of_time(d->x))) {
        struct tl_driver_trial t = tl_driver_trial_of(d->c, r);
        if (failure_of(d, r->id, r->signature.id, t.signature_id, &d->failure)) {
            d->failed = true;
        } else {
            tl_driver_counted_note(d, call->request.index, r, &t);
            answer(call, &t);
        }
        count_process(d, call->use, &call->request, r->outcome, r->fresh);
    }
    if (failure && failure->kind == TL_ERROR_INPUT && !d->failed) { /* it can never be told */
        d->failed = true;
        d->failure = *failure;
    }
    free(call);
}

/* What only the whole record of a stored trial tells. */
static int complete_stored(struct tl_driver *d, const uint64_t *index, struct tl_driver_trial *t,
                           struct tl_error *e)
{
    struct tl_trial_record r;
    if (!d->c->expected && !d->counted && (!d->units || !*t->signature_id))
        return 0;
    if (tl_query_trial(tl_executor_store(d->x), t->id, &r, e))
        return -1;
    t->standing = tl_expected_of_record(d->c->expected, &r, NULL);
    if (d->units)
        memcpy(t->coarse_id, r.signature.coarse_id, sizeof t->coarse_id);
    tl_driver_counted_note(d, index, &r, t);
    tl_trial_record_free(&r);
    return 0;
}

/* Has a trial of a request run. Takes the call, also when it fails. */
static int run(struct tl_driver_call *call, struct tl_error *e)
{
    struct tl_driver *d = call->d;
    const struct tl_search_request *q = &call->request;
    const struct tl_variant asked = {(uint64_t *)q->index};
    struct tl_request request = {.c = d->c,
                                 .variant = d->units ? d->failing : &asked,
                                 .unit = d->units ? d->units[q->index[0]] : d->unit,
                                 .fresh = call->fresh};
    if (tl_executor_submit(d->x, &request, on_done, call, e)) {
        free(call);
        return -1;
    }
    d->in_flight++;
    d->n_run++;
    return 0;
}

/* Answers a call from a stored trial. */
static int use_stored(const struct tl_driver_call *call, const struct tl_cached *known, struct tl_error *e)
{
    struct tl_driver *d = call->d;
    const struct tl_search_request *q = &call->request;
    struct tl_driver_trial t = {.outcome = known->outcome,
                                .fresh = known->fresh,
                                .told = true,
                                .cached = known->started_us < d->started_us};
    memcpy(t.id, known->id, sizeof t.id);
    if (failure_of(d, known->id, known->signature_id, t.signature_id, e) ||
        complete_stored(d, q->index, &t, e))
        return -1;
    tl_driver_count_stored(d, known);
    answer(call, &t);
    count_process(d, call->use, q, t.outcome, t.fresh);
    return 0;
}

/* Has those tried in a child that passed in a process of their own. */
static int feed_children(struct tl_driver *d, struct tl_error *e)
{
    int result = 0;
    while (d->n_children && !d->in_doubt && !result) {
        struct tl_driver_call *call = d->children[--d->n_children];
        const struct tl_cached *known =
            tl_driver_take_forked(d, d->units[call->request.index[0]], d->failing);
        if (!known && !d->no_time && !(d->max_trials && d->n_run >= d->max_trials)) {
            result = run(call, e);
            continue;
        }
        if (known) {
            result = use_stored(call, known, e);
        } else {
            d->twice[call->request.purpose]--;
            tell(d, call->request.id, &call->instead);
        }
        free(call);
    }
    return result;
}

static int feed_one(struct tl_driver *d, const struct tl_search_request *q, struct tl_error *e)
{
    if (q->purpose == TL_SEARCH_JUDGE && d->no_time) {
        tl_search_stop(d->search, TL_NOTE_BUDGET);
        return 0;
    }
    if (q->purpose == TL_SEARCH_JUDGE) {
        tl_driver_judge(d, q);
        return 0;
    }
    const struct tl_variant asked = {(uint64_t *)q->index};
    const struct tl_variant *v = d->units ? d->failing : &asked;
    const struct tl_unit *u = d->units ? d->units[q->index[0]] : d->unit;
    /* Children of one fork server share its address layout: a failure that depends on that shows in all of
     * them or in none. Where rates matter every run is a process of its own. */
    bool fresh = !d->all_forked && (q->fresh || d->all_fresh || q->purpose == TL_SEARCH_REPRODUCE ||
                                    q->purpose == TL_SEARCH_BAND || tl_search_result(d->search)->flaky);
    snprintf(d->doing, sizeof d->doing, "%s%s%s", q->text, d->units ? ": " : "", d->units ? u->text : "");
    const struct tl_cached *known = tl_driver_take_stored(d, u, v, fresh);
    size_t use = (size_t)(tl_driver_use(d, u, v) - d->uses);
    struct tl_driver_call asked_for = {.d = d, .request = *q, .use = use, .fresh = fresh};
    if (known)
        return use_stored(&asked_for, known, e);
    if (d->no_time) {
        tl_search_stop(d->search, TL_NOTE_BUDGET);
        return 0;
    }
    /* Half of it would be from before a change, should there have been one. */
    if (d->n_cached && !d->checked && !d->no_cache && !d->stored_holds && !d->in_doubt) {
        d->checked = true;
        d->in_doubt = TL_DOUBT_STORED;
        d->doubt = *d->failing;
        d->doubt_unit = !d->units ? d->unit : d->units[d->shown.told ? d->shown_at : q->index[0]];
    }
    if (d->in_doubt == TL_DOUBT_STORED) {
        d->held[d->n_held++] = *q;
        return 0;
    }
    struct tl_driver_call *call = tl_malloc(sizeof *call);
    *call = asked_for;
    return run(call, e);
}

/* Those that were held first. */
static size_t next_requests(struct tl_driver *d, struct tl_search_request *q, size_t most)
{
    size_t n = d->n_held;
    if (!n)
        return tl_search_ask(d->search, q, most);
    memcpy(q, d->held, n * sizeof *q);
    d->n_held = 0;
    return n;
}

/* Takes requests of the search until it has none for now. */
static int feed_all(struct tl_driver *d, struct tl_error *e)
{
    struct tl_search_request q[16];
    for (size_t n; !d->in_doubt && !tl_search_done(d->search) && (n = next_requests(d, q, TL_COUNT(q)));)
        for (size_t i = 0; i < n; i++) {
            /* What is known already costs nothing: the same command again gets further. */
            if (d->max_trials && d->n_run >= d->max_trials) {
                tl_search_stop(d->search, TL_NOTE_BUDGET);
                return 0;
            }
            if (feed_one(d, &q[i], e))
                return -1;
        }
    return 0;
}

int tl_driver_feed(struct tl_driver *d, struct tl_error *e)
{
    bool judged = true;
    if (d->failed) {
        *e = d->failure;
        return -1;
    }
    while (judged || (d->n_children && !d->in_doubt))
        if (feed_children(d, e) || feed_all(d, e) || (!d->in_doubt && tl_driver_judge_step(d, &judged, e)))
            return -1;
        else if (d->in_doubt)
            return 0;
    return 0;
}

int tl_driver_out_of_time(struct tl_driver *d, struct tl_error *e)
{
    d->no_time = true;
    if (tl_driver_feed(d, e))
        return -1;
    tl_search_stop(d->search, TL_NOTE_BUDGET);
    return 0;
}

bool tl_driver_done(const struct tl_driver *d)
{
    return tl_search_done(d->search) && !d->in_flight;
}

void tl_driver_free(struct tl_driver *d)
{
    tl_driver_judge_free(d);
    if (d->search)
        tl_search_free(d->search);
    for (size_t i = 0; i < d->n_uses; i++) {
        free(d->uses[i].list);
        free(d->uses[i].used);
    }
    for (size_t i = 0; i < d->n_signatures; i++) {
        tl_trial_record_free(&d->signatures[i].record);
        free(d->signatures[i].kind);
    }
    for (size_t i = 0; i < d->n_children; i++)
        free(d->children[i]);
    json_decref(d->nothing);
    free(d->children);
    free(d->signatures);
    free(d->uses);
    free(d->trials);
    free(d->scanned);
    free(d->axes);
    *d = (struct tl_driver){0};
}
