/* Forked children and fresh processes.
 *
 * A fork server loads the runtime once, and each trial is a child that it forks: fast, and nearly always the same as
 * a process of its own. Not always. A child has the address layout and the heap of its server, and a read beyond the
 * end of something finds zeros in all of them and something else in a fresh process; a runtime may count on threads
 * that a fork does not copy. A matrix of such a case would say "pass" where every user sees a failure, and a search
 * would see a failure that comes and goes with the kind of process, and take it for a flaky one.
 *
 * So wherever both kinds were run, how often they failed is compared by the Bayes factor of harness/search/change.h: how
 * much better two rates explain it than one. From TL_CHANGE_ODDS (500) on they differ. Four passes against four
 * failures are 1250 to 1, three against three 280; a flaky failure mixes both outcomes in both kinds, and of one with
 * a rate of a half that showed in all of three fresh processes and in no child so far, the next children show it. What
 * looks different and does not reach 500 gets more trials, alternately, MORE at most of each kind.
 *
 * Where they differ the fresh process is right, for that is what people run: from then on all trials of the case on
 * that unit in that environment are fresh ones. What was found is kept in the database, also that there is no
 * difference, so that it costs its trials once. */
#include "harness/campaign/processes.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/search/change.h"

#include <stdlib.h>
#include <string.h>

#define LOOKS 10 /* odds for a difference from which on more trials are run */
#define MORE 8   /* trials of a kind that are run at most */
#define LOOK_AT 200

bool tl_processes_forked(const struct tl_unit *u)
{
    return u->usable && u->can_serve;
}

static double odds(const uint64_t failed[2], const uint64_t runs[2])
{
    return runs[0] && runs[1] ? tl_change_odds((struct tl_change_count){failed[0], runs[0]},
                                               (struct tl_change_count){failed[1], runs[1]})
                              : 0;
}

bool tl_processes_look(const uint64_t failed[2], const uint64_t runs[2])
{
    return odds(failed, runs) >= LOOKS;
}

int tl_processes_known(struct tl_executor *x, const struct tl_stored_cell *cell, struct tl_processes *p,
                       bool *known, struct tl_error *e)
{
    char environment[TL_ID_SIZE];
    *known = false;
    *p = (struct tl_processes){0};
    if (!tl_processes_forked(cell->unit))
        return 0;
    return tl_executor_environment(x, cell->c, cell->variant, cell->unit, environment, e) ||
                   tl_store_processes(tl_executor_store(x), cell->c->hash, cell->unit->text, environment, p,
                                      known, e)
               ? -1
               : 0;
}

/* Index 0: forked; 1: fresh. */
struct counts {
    uint64_t failed[2], runs[2], tried[2];
    enum tl_outcome last;
};

static int count_stored(struct tl_executor *x, const struct tl_stored_cell *cell, const char *hash,
                        const char *environment, struct counts *k, struct tl_error *e)
{
    struct tl_cached *list;
    size_t n;
    if (tl_store_cached(tl_executor_store(x), cell->c->hash, hash, cell->unit->text, environment, LOOK_AT,
                        &list, &n, e))
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (list[i].outcome == TL_OUTCOME_LOST)
            continue;
        k->runs[list[i].fresh]++;
        k->failed[list[i].fresh] += tl_outcome_is_failure(list[i].outcome);
    }
    free(list);
    return 0;
}

static void on_tried(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct counts *k = arg;
    (void)cached;
    k->last = failure ? TL_OUTCOME_LOST : r->outcome;
    if (k->last == TL_OUTCOME_LOST || k->last == TL_OUTCOME_UNSUPPORTED)
        return;
    k->runs[r->fresh]++;
    k->failed[r->fresh] += tl_outcome_is_failure(r->outcome);
}

int tl_processes_try(struct tl_executor *x, const struct tl_stored_cell *cell, struct tl_processes *p,
                     struct tl_error *e)
{
    char environment[TL_ID_SIZE], hash[TL_ID_SIZE];
    struct counts k = {0};
    *p = (struct tl_processes){0};
    tl_variant_hash(cell->c, cell->variant, hash);
    if (tl_executor_environment(x, cell->c, cell->variant, cell->unit, environment, e) ||
        count_stored(x, cell, hash, environment, &k, e))
        return -1;
    for (;;) {
        double now = odds(k.failed, k.runs);
        bool both = k.runs[0] && k.runs[1];
        if (both && (now < LOOKS || now >= TL_CHANGE_ODDS))
            break;
        int fresh = k.runs[1] <= k.runs[0];
        if (k.tried[fresh] == MORE)
            fresh = !fresh;
        if (k.tried[fresh]++ == MORE)
            break;
        const struct tl_request q = {
            .c = cell->c, .variant = cell->variant, .unit = cell->unit, .fresh = fresh != 0};
        if (tl_executor_submit(x, &q, on_tried, &k, e) || tl_executor_finish(x, e))
            return -1;
        if (tl_executor_interrupted(x) || k.last == TL_OUTCOME_LOST || k.last == TL_OUTCOME_UNSUPPORTED)
            return 0;
        if (!fresh && !k.runs[0]) /* its server does not serve: there is only one kind */
            return 0;
    }
    *p = (struct tl_processes){.differ = odds(k.failed, k.runs) >= TL_CHANGE_ODDS,
                               .forked_failed = k.failed[0],
                               .forked = k.runs[0],
                               .fresh_failed = k.failed[1],
                               .fresh = k.runs[1],
                               .seen_us = tl_wall_us()};
    memcpy(p->variant_hash, hash, sizeof p->variant_hash);
    return tl_store_put_processes(tl_executor_store(x), cell->c->hash, cell->unit->text, environment, p, e);
}

size_t tl_processes_worth(const struct tl_case *c, const struct tl_variant *v)
{
    size_t worth = 0;
    for (size_t i = 0; i < c->n_axes; i++)
        worth += c->has_failing ? v->index[i] == c->failing.index[i] : v->index[i] != 0;
    return worth;
}

json_t *tl_processes_json(const struct tl_processes *p)
{
    return json_pack("{s:[I,I],s:[I,I]}", "forked", (json_int_t)p->forked_failed, (json_int_t)p->forked,
                     "fresh", (json_int_t)p->fresh_failed, (json_int_t)p->fresh);
}

char *tl_processes_text(const struct tl_processes *p)
{
    return tl_format("fails in %llu of %llu fresh processes and in %llu of %llu children of a fork server",
                     (unsigned long long)p->fresh_failed, (unsigned long long)p->fresh,
                     (unsigned long long)p->forked_failed, (unsigned long long)p->forked);
}
