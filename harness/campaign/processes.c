/* Forked children and fresh processes.
 *
 * A fork server loads the runtime once, and each trial is a child that it forks: fast, and nearly always the same as
 * a process of its own. Not always. A runtime may count on threads that a fork does not copy, or on what the server
 * has set up once for all. A matrix of such a case would say "pass" where every user sees a failure, and a search
 * would see a failure that comes and goes with the kind of process, and take it for a flaky one.
 *
 * Another failure looks the same and is none of the kind. A read beyond the end of something finds what happens to be
 * there, and where things are is drawn anew for every process that is started, but not for one that is forked: a child
 * has the address layout and the heap of its server. Then all children of one server do the same, and it says
 * nothing of the next server: as evidence, a thousand children of one server are one trial. Such a failure is flaky,
 * and in fresh processes it is seen to be. So only children of different servers are counted as different trials.
 *
 * That makes two steps. What is stored does not say which server a child had, so all children of a variant that are
 * stored count as one trial (and where they did not agree, as one of each outcome). If that looks different from the
 * fresh processes, by the Bayes factor of harness/search/change.h (how much better two rates explain it than one), it
 * is worth some trials. It proves nothing: of a failure that hangs on the layout many variants look different, and the
 * one that is looked at was chosen for it. So it is tried with new trials, and with these alone: a child of a server
 * that is started for it and a fresh process, alternately, MORE at most of each kind, and up to MOST while it still
 * looks different. That child is the second one of its server: the first has the heap of a process that has just
 * begun, and what is read without having been written is zero there, and is not in all those that come after it. From
 * odds of TL_CHANGE_MIXED (1,500) on, as for what is known to fail now and then, they differ; four failures against
 * five passes are 2,500 to 1, and where both kinds fail in one of two, that happens once in 256 times. When the new
 * trials speak against a difference it ends at once.
 *
 * Where they differ the fresh process is right, for that is what people run; and where either kind does now one thing
 * and now another, a search or a table must not take the luck of one server for what the case does. In both cases all
 * trials of the case on that unit are fresh ones. What was found is kept in the database, also that there is no
 * difference, so that it costs its trials once. It is a matter of the runner and its runtime, so it is kept for the
 * unit as it is, whatever the variant. */
#include "harness/campaign/processes.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/search/change.h"

#include <stdlib.h>
#include <string.h>

#define LOOKS 10 /* odds for a difference from which on more trials are run */
#define LEAST 2  /* new trials of a kind that are run at least, once it looks different */
#define MORE 8   /* … and at most, unless it looks different still: */
#define MOST 16
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

/* Children of which it is not known which servers they had: one of each outcome. */
static double odds_seen(const uint64_t failed[2], const uint64_t runs[2])
{
    uint64_t some_failed = failed[0] > 0, some_passed = failed[0] < runs[0];
    return odds((const uint64_t[2]){some_failed, failed[1]},
                (const uint64_t[2]){some_failed + some_passed, runs[1]});
}

bool tl_processes_look(const uint64_t failed[2], const uint64_t runs[2])
{
    return odds_seen(failed, runs) >= LOOKS;
}

int tl_processes_known(struct tl_executor *x, const struct tl_stored_cell *cell, struct tl_processes *p,
                       bool *known, struct tl_error *e)
{
    *known = false;
    *p = (struct tl_processes){0};
    if (!tl_processes_forked(cell->unit))
        return 0;
    return tl_store_processes(tl_executor_store(x), cell->c->hash, cell->unit->text,
                              cell->unit->environment_id, p, known, e);
}

/* Index 0: forked; 1: fresh. */
struct counts {
    uint64_t failed[2], runs[2];
};

static void count(struct counts *k, enum tl_outcome outcome, bool fresh)
{
    k->runs[fresh]++;
    k->failed[fresh] += tl_outcome_is_failure(outcome);
}

static int count_stored(struct tl_executor *x, const struct tl_stored_cell *cell, const char *hash,
                        struct counts *k, struct tl_error *e)
{
    char environment[TL_ID_SIZE];
    struct tl_cached *list;
    size_t n;
    if (tl_executor_environment(x, cell->c, cell->variant, cell->unit, environment, e) ||
        tl_store_cached(tl_executor_store(x), cell->c->hash, hash, cell->unit->text, environment, LOOK_AT,
                        &list, &n, e))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (list[i].outcome != TL_OUTCOME_LOST)
            count(k, list[i].outcome, list[i].fresh);
    free(list);
    return 0;
}

static void on_first(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    (void)arg, (void)r, (void)cached, (void)failure;
}

int tl_processes_new_server(struct tl_executor *x, const struct tl_stored_cell *cell, struct tl_error *e)
{
    const struct tl_request first = {
        .c = cell->c, .variant = cell->variant, .unit = cell->unit, .new_server = true};
    if (!tl_processes_forked(cell->unit))
        return 0;
    return tl_executor_submit(x, &first, on_first, NULL, e) || tl_executor_finish(x, e) ? -1 : 0;
}

struct tried {
    bool fresh;
    enum tl_outcome outcome;
};

static void on_tried(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct tried *t = arg;
    (void)cached;
    *t = (struct tried){r->fresh, failure ? TL_OUTCOME_LOST : r->outcome};
}

/* Runs the variant once more. *ended: false when that says nothing, and nothing more can be said: it was interrupted,
 * it cannot be tried, or no server serves it, so that there is one kind of process only. */
static int try_once(struct tl_executor *x, const struct tl_stored_cell *cell, bool fresh, struct counts *k,
                    bool *ended, struct tl_error *e)
{
    struct tried t = {0};
    const struct tl_request q = {.c = cell->c, .variant = cell->variant, .unit = cell->unit, .fresh = fresh};
    if ((!fresh && tl_processes_new_server(x, cell, e)) || tl_executor_submit(x, &q, on_tried, &t, e) ||
        tl_executor_finish(x, e))
        return -1;
    *ended = !tl_executor_interrupted(x) && t.outcome != TL_OUTCOME_LOST &&
             t.outcome != TL_OUTCOME_UNSUPPORTED && t.fresh == fresh;
    if (*ended)
        count(k, t.outcome, fresh);
    return 0;
}

/* New trials alone, until they speak for a difference or against it. */
static int settle(struct tl_executor *x, const struct tl_stored_cell *cell, struct counts *k, bool *ended,
                  struct tl_error *e)
{
    *k = (struct counts){0};
    for (;;) {
        double now = odds(k->failed, k->runs);
        bool least = k->runs[0] >= LEAST && k->runs[1] >= LEAST;
        uint64_t most = now >= LOOKS ? MOST : MORE;
        if (now >= TL_CHANGE_MIXED || k->runs[1] >= most || (least && k->runs[0] == k->runs[1] && now < 1))
            return 0;
        if (try_once(x, cell, k->runs[1] < k->runs[0], k, ended, e))
            return -1;
        if (!*ended)
            return 0;
    }
}

int tl_processes_try(struct tl_executor *x, const struct tl_stored_cell *cell, struct tl_processes *p,
                     struct tl_error *e)
{
    char hash[TL_ID_SIZE];
    struct counts k = {0};
    bool ended = true, differ = false;
    *p = (struct tl_processes){0};
    tl_variant_hash(cell->c, cell->variant, hash);
    if (count_stored(x, cell, hash, &k, e))
        return -1;
    for (int fresh = 0; fresh < 2 && ended; fresh++)
        if (!k.runs[fresh] && try_once(x, cell, fresh, &k, &ended, e))
            return -1;
    if (ended && tl_processes_look(k.failed, k.runs)) {
        if (settle(x, cell, &k, &ended, e))
            return -1;
        differ = odds(k.failed, k.runs) >= TL_CHANGE_MIXED;
    }
    if (!ended)
        return 0;
    *p = (struct tl_processes){.differ = differ,
                               .forked_failed = k.failed[0],
                               .forked = k.runs[0],
                               .fresh_failed = k.failed[1],
                               .fresh = k.runs[1],
                               .seen_us = tl_wall_us()};
    memcpy(p->variant_hash, hash, sizeof p->variant_hash);
    return tl_store_put_processes(tl_executor_store(x), cell->c->hash, cell->unit->text,
                                  cell->unit->environment_id, p, e);
}

static bool is_mixed(uint64_t failed, uint64_t runs)
{
    return failed > 0 && failed < runs;
}

bool tl_processes_need_fresh(const struct tl_processes *p)
{
    return p->differ || is_mixed(p->forked_failed, p->forked) || is_mixed(p->fresh_failed, p->fresh);
}

bool tl_processes_tell(const struct tl_processes *p)
{
    return p->differ || (p->forked && p->fresh &&
                         is_mixed(p->forked_failed, p->forked) != is_mixed(p->fresh_failed, p->fresh));
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
    return tl_format("fails in %llu of %llu fresh processes and in %llu of %llu forked children, each of "
                     "another server",
                     (unsigned long long)p->fresh_failed, (unsigned long long)p->fresh,
                     (unsigned long long)p->forked_failed, (unsigned long long)p->forked);
}
