/* Stored trials as answers.
 *
 * A trial is stored under what is known to matter: case, variant, unit, environment. Something may matter that no key
 * names: a program behind a wrapper, a module that a script reads, a service. A command whose answer rests on stored
 * trials therefore first runs one of those that failed and one of those that passed again, those by which the
 * answer stands or falls. When they end as before, the answer stands, and asking again has cost two trials. When
 * they do not, they are repeated until it is known whether that is a change or the luck of a flaky failure
 * (harness/search/stale.h). After a change all older trials of the case on that unit on this machine are set aside,
 * for what has changed is hardly a matter of one variant, and no environment names it; and the command begins anew,
 * with what is true now. Only trials from before the command are ever set aside: those of its own that contradict one
 * another are a flaky failure, and trials like any others.
 *
 * Trials of a fork server's children and those of processes of their own are not compared with each other: they may
 * differ for other reasons (processes.h). And children of one server are one trial for as long as they end alike, since
 * they have its address layout. Of a stored child it is not known which server it had; once one that is tried
 * again has ended otherwise, each further one is of a server of its own. Two trials end alike when outcome, phase and
 * signal are the same, and of an error its signature too; where exactly a process crashed may differ from run to
 * run. */
#include "harness/campaign/stored.h"

#include "db/set_aside.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/time_text.h"
#include "harness/campaign/processes.h"
#include "harness/search/stale.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_AT 200 /* trials of a cell, the newest */

static bool ends_alike(const struct tl_cached *a, const struct tl_cached *b)
{
    return a->outcome == b->outcome && a->phase == b->phase && a->signal == b->signal &&
           (a->outcome != TL_OUTCOME_ERROR || !strcmp(a->signature_id, b->signature_id));
}

/* Of one kind of process. *change: the first trial after a change. Children that started at servers_us or later are two
 * of each server, the second of which counts. */
static enum tl_stale judge(const struct tl_cached *list, size_t n, bool fresh, int64_t since_us,
                           int64_t servers_us, const struct tl_cached **change)
{
    const struct tl_cached **kept = tl_calloc(n + 1, sizeof(const struct tl_cached *));
    unsigned *outcomes = tl_calloc(n + 1, sizeof *outcomes);
    size_t used = 0, new = 0, own_children = 0, at;
    for (size_t i = n; i-- > 0;) { /* the oldest first */
        if (list[i].fresh != fresh || list[i].outcome == TL_OUTCOME_LOST)
            continue;
        bool own = !fresh && list[i].started_us >= servers_us;
        if ((own && own_children++ % 2 == 0) ||
            (!fresh && !own && used && ends_alike(kept[used - 1], &list[i])))
            continue;
        unsigned like = 0;
        while (like < used && !ends_alike(kept[like], &list[i]))
            like++;
        new += list[i].started_us >= since_us;
        kept[used] = &list[i];
        outcomes[used++] = like;
    }
    enum tl_stale s = new &&new < used ? tl_stale_judge(outcomes, used, new, &at) : TL_STALE_NONE;
    *change = s == TL_STALE_SURE ? kept[at] : NULL;
    free(outcomes);
    free(kept);
    return s;
}

static int set_aside(struct tl_executor *x, const struct tl_stored_cell *cell, const char *environment,
                     int64_t before_us, const char *because, struct tl_stored_aside *aside,
                     bool *contradicted, struct tl_error *e)
{
    if (tl_store_set_aside(tl_executor_store(x), cell->c->name, cell->c->hash, cell->unit->text, environment,
                           before_us, because, &aside->trials, e))
        return -1;
    snprintf(aside->because, sizeof aside->because, "%s", because);
    aside->known_us = tl_wall_us();
    *contradicted = true;
    return 0;
}

/* Another process may have found out meanwhile that older trials are no answer: what rests on them here, neither. */
static int by_others(struct tl_executor *x, const struct tl_stored_cell *cell, int64_t since_us,
                     struct tl_stored_aside *aside, bool *contradicted, struct tl_error *e)
{
    char because[TL_UUID_SIZE];
    int64_t at_us;
    if (aside->known_us > since_us)
        since_us = aside->known_us;
    if (tl_store_set_aside_since(tl_executor_store(x), cell->c->hash, cell->unit->text, since_us, &at_us,
                                 because, e))
        return -1;
    if (at_us) {
        *contradicted = true;
        aside->known_us = at_us;
        memcpy(aside->because, because, sizeof because);
    }
    return 0;
}

bool tl_stored_confirmed(const struct tl_cached *list, size_t n, int64_t since_us)
{
    const struct tl_cached *first = NULL;
    size_t older = 0, newer = 0;
    for (size_t i = 0; i < n; i++) {
        if (!list[i].fresh || list[i].outcome == TL_OUTCOME_LOST)
            continue;
        first = first ? first : &list[i];
        if (!ends_alike(first, &list[i]))
            return false;
        *(list[i].started_us < since_us ? &older : &newer) += 1;
    }
    return older && newer;
}

/* Judges both kinds of process; *open: one more trial of that kind is wanted. */
static int look(struct tl_executor *x, const struct tl_stored_cell *cell, int64_t since_us,
                int64_t servers_us, bool open[2], struct tl_stored_aside *aside, bool *contradicted,
                struct tl_error *e)
{
    char environment[TL_ID_SIZE], hash[TL_ID_SIZE];
    struct tl_cached *list;
    size_t n;
    int result = 0;
    tl_variant_hash(cell->c, cell->variant, hash);
    if (tl_executor_environment(x, cell->c, cell->variant, cell->unit, environment, e) ||
        tl_store_cached(tl_executor_store(x), cell->c->hash, hash, cell->unit->text, environment, LOOK_AT,
                        &list, &n, e))
        return -1;
    for (int fresh = 0; fresh < 2 && !result; fresh++) {
        const struct tl_cached *change;
        enum tl_stale s = judge(list, n, fresh, since_us, servers_us, &change);
        open[fresh] = s == TL_STALE_OPEN;
        if (s == TL_STALE_SURE) {
            int64_t before_us = change->started_us < since_us ? change->started_us : since_us;
            result = set_aside(x, cell, environment, before_us, change->id, aside, contradicted, e);
        }
    }
    free(list);
    return result || *contradicted ? result : by_others(x, cell, since_us, aside, contradicted, e);
}

int tl_stored_settle(struct tl_executor *x, const struct tl_stored_cell *cell, int64_t since_us,
                     struct tl_stored_aside *aside, bool *contradicted, struct tl_error *e)
{
    bool open[2];
    return look(x, cell, since_us, INT64_MAX, open, aside, contradicted, e);
}

struct tried {
    bool ended, fresh;
    enum tl_outcome outcome;
    char id[TL_UUID_SIZE], environment_id[TL_ID_SIZE];
    struct tl_error failure;
};

static void on_tried(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct tried *t = arg;
    (void)cached;
    t->ended = !failure;
    if (failure)
        t->failure = *failure;
    t->fresh = r->fresh;
    t->outcome = r->outcome;
    memcpy(t->id, r->id, sizeof t->id);
    memcpy(t->environment_id, r->environment_id, sizeof t->environment_id);
}

int tl_stored_try(struct tl_executor *x, const struct tl_stored_cell *cell, bool fresh, int64_t since_us,
                  struct tl_stored_aside *aside, bool *contradicted, struct tl_error *e)
{
    const struct tl_request q = {.c = cell->c, .variant = cell->variant, .unit = cell->unit, .fresh = fresh};
    int64_t servers_us = INT64_MAX;
    bool open[2] = {true, true}, found = false;
    for (int i = 0; i < TL_STALE_MOST && !found; i++) {
        struct tried t = {0};
        if (i == 1)
            servers_us = tl_wall_us();
        if ((i && !fresh && tl_processes_new_server(x, cell, e)) ||
            tl_executor_submit(x, &q, on_tried, &t, e) || tl_executor_finish(x, e))
            return -1;
        if (!t.ended && t.failure.kind == TL_ERROR_INPUT) { /* what it takes is not here any more */
            *e = t.failure;
            return -1;
        }
        if (!t.ended || t.outcome == TL_OUTCOME_LOST || tl_executor_interrupted(x))
            return 0;
        if (cell->unit->kind && /* what stands for all machines of its kind */
            tl_executor_environment(x, cell->c, cell->variant, cell->unit, t.environment_id, e))
            return -1;
        if (t.outcome == TL_OUTCOME_UNSUPPORTED) /* it cannot be tried any more, which is no matter of luck */
            return set_aside(x, cell, t.environment_id, since_us, t.id, aside, contradicted, e);
        if (look(x, cell, since_us, servers_us, open, aside, &found, e))
            return -1;
        if (!open[t.fresh])
            break;
    }
    *contradicted = *contradicted || found;
    return 0;
}

/* --- what is said of it --------------------------------------------------------------------------------- */

void tl_stored_seen(struct tl_stored_span *span, int64_t started_us)
{
    if (!span->oldest_us || started_us < span->oldest_us)
        span->oldest_us = started_us;
    if (started_us > span->newest_us)
        span->newest_us = started_us;
}

void tl_stored_add_json(json_t *document, const struct tl_stored_span *span,
                        const struct tl_stored_aside *aside)
{
    if (span->newest_us) {
        char *oldest = tl_time_format(span->oldest_us, TL_TIME_ISO),
             *newest = tl_time_format(span->newest_us, TL_TIME_ISO);
        json_object_set_new(document, "cached_from", json_pack("[s,s]", oldest, newest));
        free(oldest);
        free(newest);
    }
    if (aside->trials)
        json_object_set_new(
            document, "set_aside",
            json_pack("{s:I,s:s}", "trials", (json_int_t)aside->trials, "because", aside->because));
}
