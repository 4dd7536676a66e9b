/* Answers of searches are tried before they are given.
 *
 * A search is told stored trials where there are any (driver.h), so its answer may be one of last month. Whether it
 * still holds is asked once the answer is known, for only then it is known which trials decide: one of the failing
 * variant that is named, and one of a variant that passes and differs from it in one axis. Where no trial of them was
 * run by this command, each is run again (stored.h); and where stored and new trials of one variant met, they are
 * compared. After a contradiction the older trials are set aside and the search begins anew, which costs nothing but
 * the trials that are missing now.
 *
 * The other thing that a search must not be misled by is the kind of process. What it must be sure of it runs in fresh
 * processes, and the rest in children of a fork server: so where they differ, it meets a variant that does one thing in
 * the one and another in the other. That is settled when it is seen (processes.h), and then the search does itself
 * again in fresh processes, and says so. A failing variant that does not fail in fresh processes is tried in a child,
 * lest a failure that only shows there is said not to exist: then all of the search is about children. */
#include "harness/campaign/guard.h"

#include "harness/base/buffer.h"
#include "harness/campaign/driver_impl.h"
#include "harness/campaign/processes.h"

#include <string.h>

#define ENOUGH 50 /* trials of a budget of which some may be spent on the kinds of process */

/* The cell of a step of the path. */
static struct tl_stored_cell cell_of(const struct tl_driver *d, const uint64_t *index, struct tl_variant *v)
{
    *v = (struct tl_variant){(uint64_t *)index};
    return (struct tl_stored_cell){d->c, d->units ? d->failing : v, d->units ? d->units[*index] : d->unit};
}

static bool same(const struct tl_driver *d, const uint64_t *a, const uint64_t *b)
{
    return !memcmp(a, b, (d->units ? 1 : d->c->n_axes) * sizeof *a);
}

static bool has_trial(const struct tl_driver *d, const struct tl_search_result *r, size_t i)
{
    return i < d->n_trials && d->trials[i].told && *d->trials[i].id && r->path[i].purpose != TL_SEARCH_JUDGE;
}

/* The step by which a variant is tried again: of those with that outcome, a fresh one if there is any; SIZE_MAX when
 * all there is was run by this command. index NULL: any variant. */
static size_t step_of(const struct tl_driver *d, const struct tl_search_result *r, const uint64_t *index,
                      enum tl_search_outcome outcome)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < r->n_path; i++) {
        if (!has_trial(d, r, i) || (index && !same(d, r->path[i].index, index)))
            continue;
        if (!d->trials[i].cached && (index || r->path[i].outcome == outcome))
            return SIZE_MAX; /* it was just run, and is compared with what is stored of it */
        if (r->path[i].outcome == outcome && (found == SIZE_MAX || d->trials[i].fresh))
            found = i;
    }
    return found;
}

/* The variant that the answer says fails, and one that it says passes; NULL: there is none. */
static void choose(const struct tl_driver *d, const struct tl_search_result *r, uint64_t *at,
                   const uint64_t **fails, const uint64_t **passes)
{
    *fails = r->reproduced ? (d->frontier ? d->failing->index : r->minimal) : NULL;
    *passes = NULL;
    if (d->units && r->n_ranges) {
        const struct tl_search_build_range *g = &r->ranges[r->n_ranges - 1];
        at[0] = g->last_bad;
        at[1] = g->fixed != SIZE_MAX ? g->fixed : g->good_before;
        *fails = &at[0];
        *passes = at[1] != SIZE_MAX ? &at[1] : NULL;
    } else if (r->n_decisive) {
        *passes = r->decisive[0].passes;
    }
}

static int try_again(struct tl_driver *d, const struct tl_search_result *r, size_t step, bool *again,
                     struct tl_error *e)
{
    struct tl_variant v;
    const struct tl_stored_cell cell = cell_of(d, r->path[step].index, &v);
    return tl_stored_try(d->x, &cell, d->trials[step].fresh || d->all_fresh, d->started_us, &d->aside, again,
                         e);
}

/* Where the search was told both stored and new trials of a variant. */
static int settle(struct tl_driver *d, const struct tl_search_result *r, bool *again, struct tl_error *e)
{
    for (size_t i = 0; i < r->n_path && !*again; i++) {
        if (!has_trial(d, r, i) || d->trials[i].cached)
            continue;
        bool met = false, first = true;
        for (size_t k = 0; k < r->n_path && first; k++)
            if (has_trial(d, r, k) && r->path[k].index == r->path[i].index) {
                met = met || d->trials[k].cached;
                first = k >= i || d->trials[k].cached;
            }
        struct tl_variant v;
        const struct tl_stored_cell cell = cell_of(d, r->path[i].index, &v);
        if (first && (met || d->no_cache) &&
            tl_stored_settle(d->x, &cell, d->started_us, &d->aside, again, e))
            return -1;
    }
    return 0;
}

static int guard(struct tl_driver *d, bool *again, struct tl_error *e)
{
    const struct tl_search_result *r = tl_search_result(d->search);
    const uint64_t *fails, *passes;
    uint64_t at[2];
    size_t step;
    bool unheeded = false;
    if (settle(d, r, d->no_cache ? &unheeded : again, e))
        return -1;
    if (*again || d->no_cache || d->stored_holds || !d->n_cached)
        return 0;
    choose(d, r, at, &fails, &passes);
    if (fails && (step = step_of(d, r, fails, TL_SEARCH_MATCH)) != SIZE_MAX &&
        try_again(d, r, step, again, e))
        return -1;
    if (*again || tl_executor_interrupted(d->x))
        return 0;
    /* What never failed stands or falls with the failing variant, which passed. */
    if (!r->reproduced && !d->units)
        passes = d->failing->index;
    step = step_of(d, r, passes, TL_SEARCH_PASS);
    return step != SIZE_MAX && try_again(d, r, step, again, e) ? -1 : 0;
}

/* Nothing is searched for where all is as the case expects: that is tried by the failing variant. */
static int guard_nothing(struct tl_driver *d, bool *again, struct tl_error *e)
{
    const struct tl_stored_cell cell = {d->c, d->failing, d->unit};
    return d->nothing_stored && !d->no_cache && !d->stored_holds &&
                   tl_stored_try(d->x, &cell, true, tl_executor_started_us(d->x), &d->aside, again, e)
               ? -1
               : 0;
}

int tl_guard_isolation(struct tl_campaign_isolation *s, bool *again, struct tl_error *e)
{
    *again = false;
    for (size_t i = 0; i < s->n_drivers; i++)
        if (s->drivers[i].nothing && guard_nothing(&s->drivers[i], again, e))
            return -1;
    for (size_t i = 0; i < s->n_drivers; i++)
        if (s->drivers[i].search && !tl_executor_interrupted(s->x) && !tl_isolation_out_of_time(s)) {
            bool anew = false;
            if (guard(&s->drivers[i], &anew, e))
                return -1;
            *again = *again || anew;
        }
    return 0;
}

/* --- kinds of process ----------------------------------------------------------------------------------- */

/* shown: the failing variant failed in fresh processes. */
static void choose_kind(struct tl_driver *d, const struct tl_processes *p, bool shown)
{
    char hash[TL_ID_SIZE];
    tl_variant_hash(d->c, d->failing, hash);
    d->processes = *p;
    d->all_forked = !shown && !d->all_fresh && !strcmp(p->variant_hash, hash) && p->forked_failed > 0 &&
                    p->fresh_failed == 0;
    d->all_fresh = d->all_fresh || (tl_processes_need_fresh(p) && !d->all_forked);
}

int tl_guard_processes(struct tl_campaign_isolation *s, struct tl_driver *d, bool shown, struct tl_error *e)
{
    const struct tl_stored_cell cell = {d->c, d->failing, d->unit};
    struct tl_processes p;
    bool known;
    if (tl_processes_need_fresh(&d->processes)) { /* found out before it was begun anew */
        choose_kind(d, &d->processes, shown);
        return 0;
    }
    if (!tl_processes_forked(d->unit))
        return 0;
    if (tl_processes_known(d->x, &cell, &p, &known, e))
        return -1;
    /* All of it would be run in fresh processes anyway, or hardly anything may be run. */
    bool tried = !known && !shown && !d->all_fresh &&
                 (!s->wishes.max_trials || s->wishes.max_trials >= ENOUGH) && !tl_isolation_out_of_time(s);
    if (tried && tl_processes_try(d->x, &cell, &p, e))
        return -1;
    if (known || tried)
        choose_kind(d, &p, shown);
    return 0;
}

int tl_guard_doubt(struct tl_driver *d, bool *again, struct tl_error *e)
{
    struct tl_processes p;
    const struct tl_stored_cell cell = {d->c, &d->doubt, d->doubt_unit};
    enum tl_driver_doubt what = d->in_doubt;
    d->in_doubt = TL_DOUBT_NONE;
    if (what == TL_DOUBT_STORED) {
        size_t n;
        tl_driver_use_again(d, cell.unit, cell.variant);
        const struct tl_cached *list = tl_driver_stored(d, cell.unit, cell.variant, &n);
        /* It was run for this command already, before there was a search. */
        if (tl_stored_confirmed(list, n, d->started_us))
            return 0;
        if (tl_stored_try(d->x, &cell, true, d->started_us, &d->aside, again, e))
            return -1;
        tl_driver_use_again(d, cell.unit, cell.variant); /* what was run for that answers, too */
        return 0;
    }
    if (tl_processes_try(d->x, &cell, &p, e))
        return -1;
    *again = tl_processes_need_fresh(&p);
    if (*again)
        d->processes = p;
    return 0;
}
