/* Stored trials are used by an isolation at most once each, oldest first: a request that must be fresh takes
 * one that was, another one takes one that was forked by a server if there is any. An isolation that was
 * interrupted therefore asks the same questions again and gets the same answers, up to where it stopped. A
 * trial that was lost with the machine is not run again; one that was lost with its supervisor only is. */
#include "harness/campaign/driver.h"

#include "db/query.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/verdict/related.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORED_MOST 4096 /* stored trials of one variant that are looked at */

struct tl_hunt_use {
    char variant_hash[TL_ID_SIZE];
    const struct tl_unit *unit;
    struct tl_cached *list; /* newest first */
    bool *used;
    size_t n;
};

/* A signature that was seen, the failure it belongs to (the first signature of it), and one trial that showed
 * it. */
struct tl_hunt_face {
    char id[TL_ID_SIZE], failure[TL_ID_SIZE];
    struct tl_trial_record record; /* what tl_failure_related looks at */
    bool bare;                     /* nothing is known of it that would tell it from another */
    bool known_as;                 /* bare, and taken for a failure that is known */
};

struct errand {
    struct tl_hunt *h;
    uint64_t request;
    bool wants_fresh;
};

static bool is_forbidden(void *context, const uint64_t *index)
{
    const struct tl_hunt *h = context;
    const struct tl_variant v = {(uint64_t *)index};
    char *why = tl_variant_forbidden(h->c, &v);
    free(why);
    return why != NULL;
}

static void set_up(struct tl_hunt *h, struct tl_executor *x, const struct tl_case *c)
{
    h->x = x;
    h->c = c;
    h->started_ns = h->started_ns ? h->started_ns : tl_monotonic_ns();
    h->started_us = tl_executor_started_us(x);
    h->axes = tl_calloc(c->n_axes, sizeof *h->axes);
    for (size_t i = 0; i < c->n_axes; i++)
        h->axes[i] = (struct tl_search_axis){
            .ordered = c->axes[i].kind != TL_AXIS_CHOICES,
            .count = c->axes[i].count,
            .name = c->axes[i].name,
        };
    h->space = (struct tl_search_space){c->n_axes, h->axes, is_forbidden, h};
}

static int no_search(const struct tl_hunt *h, struct tl_error *e)
{
    return h->search ? 0
                     : tl_fail(e, TL_ERROR_INPUT, "cannot search", h->c->path,
                               "the case has no axis along which the failing variant could be made simpler");
}

int tl_hunt_isolate(struct tl_hunt *h, struct tl_executor *x, const struct tl_case *c,
                    const struct tl_unit *unit, const struct tl_variant *failing,
                    const struct tl_search_options *options, struct tl_error *e)
{
    set_up(h, x, c);
    h->unit = unit;
    h->search = tl_search_isolate(&h->space, failing->index, options);
    return no_search(h, e);
}

int tl_hunt_frontier(struct tl_hunt *h, struct tl_executor *x, const struct tl_case *c,
                     const struct tl_unit *unit, const struct tl_variant *failing, size_t a, size_t b,
                     const struct tl_search_options *options, struct tl_error *e)
{
    set_up(h, x, c);
    h->unit = unit;
    h->is_frontier = true;
    h->frontier[0] = a;
    h->frontier[1] = b;
    h->search = tl_search_frontier(&h->space, failing->index, a, b, options);
    return no_search(h, e);
}

int tl_hunt_builds(struct tl_hunt *h, struct tl_executor *x, const struct tl_case *c,
                   const struct tl_unit **units, size_t n_units, const struct tl_variant *variant,
                   const struct tl_search_options *options, struct tl_error *e)
{
    set_up(h, x, c);
    h->units = units;
    h->n_units = n_units;
    h->variant = variant;
    h->coarse = true;
    h->search = tl_search_builds(n_units, options);
    return no_search(h, e);
}

/* Seconds since 1970 at which this machine was started; 0 when that cannot be known. */
static int64_t boot_time_us(void)
{
    char *text = tl_read_file("/proc/stat", 1 << 22, NULL);
    const char *line = text ? strstr(text, "\nbtime ") : NULL;
    int64_t us = line ? strtoll(line + 7, NULL, 10) * 1000000 : 0;
    free(text);
    return us;
}

static struct tl_hunt_use *stored(struct tl_hunt *h, const struct tl_unit *u, const struct tl_variant *v)
{
    char hash[TL_ID_SIZE];
    struct tl_error ignored;
    tl_variant_hash(h->c, v, hash);
    for (size_t i = 0; i < h->n_uses; i++)
        if (h->uses[i].unit == u && !strcmp(h->uses[i].variant_hash, hash))
            return &h->uses[i];
    h->uses = tl_realloc(h->uses, h->n_uses + 1, sizeof *h->uses);
    struct tl_hunt_use *use = &h->uses[h->n_uses++];
    *use = (struct tl_hunt_use){.unit = u};
    memcpy(use->variant_hash, hash, sizeof hash);
    char environment[TL_ID_SIZE];
    if (tl_executor_environment(h->x, h->c, v, u, environment, &ignored) ||
        tl_store_cached(tl_executor_store(h->x), h->c->hash, hash, u->text, environment, STORED_MOST,
                        &use->list, &use->n, &ignored)) {
        use->list = NULL;
        use->n = 0;
    }
    use->used = tl_calloc(use->n, sizeof *use->used);
    return use;
}

/* A stored trial that answers the request; NULL when it has to be run. */
static const struct tl_cached *take_stored(struct tl_hunt *h, const struct tl_unit *u,
                                           const struct tl_variant *v, bool fresh)
{
    struct tl_hunt_use *use = stored(h, u, v);
    int64_t boot = boot_time_us();
    for (int pass = fresh; pass < 2; pass++) /* 0: forked by a server; 1: fresh */
        for (size_t i = use->n; i-- > 0;) {
            const struct tl_cached *t = &use->list[i];
            bool with_machine = t->outcome == TL_OUTCOME_LOST && boot && t->started_us < boot;
            if (use->used[i] || (t->outcome == TL_OUTCOME_LOST && !with_machine) ||
                (!with_machine && (int)t->fresh != pass) || (h->no_cache && t->started_us < h->started_us))
                continue;
            use->used[i] = true;
            return t;
        }
    return NULL;
}

static void tell(struct tl_hunt *h, uint64_t request, const struct tl_hunt_trial *t)
{
    while (h->n_trials <= request) {
        if (h->n_trials == h->capacity) {
            h->capacity = h->capacity ? h->capacity * 2 : 64;
            h->trials = tl_realloc(h->trials, h->capacity, sizeof *h->trials);
        }
        h->trials[h->n_trials++] = (struct tl_hunt_trial){0};
    }
    h->trials[request] = *t;
    h->trials[request].told = true;
    enum tl_search_told told = t->outcome == TL_OUTCOME_PASS          ? TL_TOLD_PASS
                               : t->outcome == TL_OUTCOME_UNSUPPORTED ? TL_TOLD_UNSUPPORTED
                               : t->outcome == TL_OUTCOME_LOST        ? TL_TOLD_LOST
                                                                      : TL_TOLD_FAIL;
    tl_search_tell(h->search, request, told, h->coarse ? t->coarse_id : t->signature_id);
}

/* The failure that a signature belongs to: itself, unless a failure that was seen before is related. */
static int failure_of(struct tl_hunt *h, const char *trial, const char *signature, char failure[TL_ID_SIZE],
                      struct tl_error *e)
{
    memcpy(failure, signature, TL_ID_SIZE);
    if (!*signature)
        return 0;
    for (size_t i = 0; i < h->n_faces; i++)
        if (!strcmp(h->faces[i].id, signature)) {
            memcpy(failure, h->faces[i].failure, TL_ID_SIZE);
            h->bare_trials += h->faces[i].bare;
            return 0;
        }
    struct tl_trial_record r;
    if (tl_query_trial(tl_executor_store(h->x), trial, &r, e))
        return -1;
    bool bare = tl_failure_is_bare(&r), known_as = false;
    for (size_t i = 0; i < h->n_faces; i++) {
        struct tl_hunt_face *f = &h->faces[i];
        /* One that is bare is taken for a single known failure: two others are not one by way of it. */
        if ((f->bare && !bare && f->known_as) || !tl_failure_related(&f->record, &r))
            continue;
        memcpy(failure, f->failure, TL_ID_SIZE);
        known_as = bare && (!f->bare || f->known_as);
        f->known_as |= f->bare && !bare;
        break;
    }
    h->bare_trials += bare;
    h->faces = tl_realloc(h->faces, h->n_faces + 1, sizeof *h->faces);
    struct tl_hunt_face *f = &h->faces[h->n_faces++];
    f->record = r;
    f->bare = bare;
    f->known_as = known_as;
    memcpy(f->id, signature, TL_ID_SIZE);
    memcpy(f->failure, failure, TL_ID_SIZE);
    return 0;
}

int tl_hunt_know(struct tl_hunt *h, const char *trial, const char *signature, struct tl_error *e)
{
    char failure[TL_ID_SIZE];
    return failure_of(h, trial, signature, failure, e);
}

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct errand *errand = arg;
    struct tl_hunt *h = errand->h;
    (void)cached;
    h->in_flight--;
    if (failure && !h->failed && failure->kind != TL_ERROR_INTERRUPTED) {
        h->failed = true;
        h->failure = *failure;
    } else if (!failure && !tl_executor_interrupted(h->x)) {
        struct tl_hunt_trial t = {.outcome = r->outcome, .fresh = r->fresh};
        memcpy(t.id, r->id, sizeof t.id);
        memcpy(t.coarse_id, r->signature.coarse_id, sizeof t.coarse_id);
        if (failure_of(h, r->id, r->signature.id, t.signature_id, &h->failure))
            h->failed = true;
        else
            tell(h, errand->request, &t);
    }
    free(errand);
}

static int coarse_of(struct tl_hunt *h, struct tl_hunt_trial *t, struct tl_error *e)
{
    struct tl_trial_record r;
    if (!h->coarse || !*t->signature_id)
        return 0;
    if (tl_query_trial(tl_executor_store(h->x), t->id, &r, e))
        return -1;
    memcpy(t->coarse_id, r.signature.coarse_id, sizeof t->coarse_id);
    tl_trial_record_free(&r);
    return 0;
}

static int feed_one(struct tl_hunt *h, const struct tl_search_request *q, struct tl_error *e)
{
    const struct tl_variant asked = {(uint64_t *)q->index};
    const struct tl_variant *v = h->units ? h->variant : &asked;
    const struct tl_unit *u = h->units ? h->units[q->index[0]] : h->unit;
    /* Children of one fork server share its address layout: a failure that depends on that shows in all of
     * them or in none. Where rates matter every run is a process of its own. */
    bool fresh = q->fresh || h->all_fresh || q->purpose == TL_SEARCH_REPRODUCE ||
                 q->purpose == TL_SEARCH_BAND || tl_search_result(h->search)->flaky;
    snprintf(h->doing, sizeof h->doing, "%s%s%s", q->text, h->units ? ": " : "", h->units ? u->text : "");
    const struct tl_cached *known = take_stored(h, u, v, fresh);
    if (known) {
        struct tl_hunt_trial t = {.outcome = known->outcome, .fresh = known->fresh, .cached = true};
        memcpy(t.id, known->id, sizeof t.id);
        if (failure_of(h, known->id, known->signature_id, t.signature_id, e) || coarse_of(h, &t, e))
            return -1;
        if (known->started_us < h->started_us)
            h->n_cached++;
        else
            h->n_run++;
        tell(h, q->id, &t);
        return 0;
    }
    struct errand *errand = tl_malloc(sizeof *errand);
    *errand = (struct errand){h, q->id, fresh};
    struct tl_request request = {.c = h->c, .variant = v, .unit = u, .fresh = fresh};
    if (tl_executor_submit(h->x, &request, on_done, errand, e)) {
        free(errand);
        return -1;
    }
    h->in_flight++;
    h->n_run++;
    return 0;
}

int tl_hunt_feed(struct tl_hunt *h, struct tl_error *e)
{
    struct tl_search_request q[16];
    if (h->failed) {
        *e = h->failure;
        return -1;
    }
    for (size_t n; !tl_search_done(h->search) && (n = tl_search_ask(h->search, q, sizeof q / sizeof q[0]));)
        for (size_t i = 0; i < n; i++) {
            /* What is known already costs nothing: the same command again gets further. */
            if (h->max_trials && h->n_run >= h->max_trials) {
                tl_search_stop(h->search, TL_NOTE_BUDGET);
                return 0;
            }
            if (feed_one(h, &q[i], e))
                return -1;
        }
    return 0;
}

bool tl_hunt_done(const struct tl_hunt *h)
{
    return tl_search_done(h->search) && !h->in_flight;
}

void tl_hunt_free(struct tl_hunt *h)
{
    if (h->search)
        tl_search_free(h->search);
    for (size_t i = 0; i < h->n_uses; i++) {
        free(h->uses[i].list);
        free(h->uses[i].used);
    }
    for (size_t i = 0; i < h->n_faces; i++)
        tl_trial_record_free(&h->faces[i].record);
    free(h->faces);
    free(h->uses);
    free(h->trials);
    free(h->axes);
    *h = (struct tl_hunt){0};
}
