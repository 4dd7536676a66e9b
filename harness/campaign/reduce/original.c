/* What the original does: how it fails, how often, and in which processes.
 *
 * Runs of one model may come to several things. What reads or writes where it should not finds there what the process has: one run
 * dies of it, another one hands on numbers that are wrong, is refused, or passes. Children of one fork server have one layout of
 * memory, and so all of them may do the same. What is meant is the gravest of these failures, as `isolate` has it. So
 *
 *   few runs       are as all later ones are
 *   own processes  have the next ones, where those were children: of wrong numbers, and of what is refused while it runs, as many
 *                  as show a crash that comes in every third. A hang, want of memory or what takes long is not looked at again
 *   many runs      follow where these did not come to the same, down to the bits of the outputs; they are of the kind of
 *                  process in which the failure shows more often, and from then on each trial is of that kind
 *
 * Where a variant crashes later, and what is reduced is no crash, all of it is done again with many runs: they may show that the
 * original crashes, too.
 *
 * A failure that shows in less than a tenth of the runs is met by a search too rarely: then the one that shows most often is
 * meant. What else came of the runs is counted, and said. */
#include "harness/campaign/reduce/difference.h"
#include "harness/campaign/reduce/run.h"

#include "db/query.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_RUNS 3
#define SHOWING_RUNS 7 /* in own processes: a crash in a third of them is missed once in 17 times */
#define PASS_RUNS 10   /* of both kinds */
#define MIXED_RUNS 20
#define RATE_LEAST 0.1
#define RATE_ENOUGH 0.3 /* in processes of their own: about 20 runs of a variant tell */
#define REPEATS_MOST 40 /* a failure in a tenth of the runs is then missed once in seventy times */

struct seen {
    struct tl_trial_record record;
    bool own, fails;
};

struct sample {
    struct tl_reduce_state *s;
    const struct tl_reduce_files *files;
    uint64_t number;
    struct seen *list;
    size_t n;
    unsigned of[2]; /* runs as they are usually; and in processes of their own, where usual ones are not */
    bool served;    /* usual ones are children of a fork server */
};

/* --- runs --------------------------------------------------------------------------------------------------------- */

static void in_own_processes(struct tl_reduce_state *s, bool own)
{
    s->target_number += own != s->fresh; /* what was begun ahead was of the other kind */
    s->fresh = own;
}

static bool any_fails(const struct sample *x)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->list[i].fails)
            return true;
    return false;
}

/* One more. What cannot be tried at all is an error, unless it failed before. */
static int run_once(struct sample *x, bool own, unsigned most, struct tl_error *e)
{
    struct tl_reduce_state *s = x->s;
    struct tl_reduce_answer *a;
    if (tl_reduce_is_spent(s) && x->n) {
        s->stopped = true;
        return 0;
    }
    in_own_processes(s, own);
    const struct tl_reduce_run one = {
        .unit = s->r->unit, .number = x->number, .files = x->files, .repeat = x->of[own]};
    /* The first is alone: should it take the machine down, no other one is lost. */
    if (tl_reduce_run_asked(s, &one, x->n ? most : 0, &a, e))
        return -1;
    if (a->stopped) {
        s->stopped = true;
        return 0;
    }
    if (a->untried && !any_fails(x)) {
        *e = a->error;
        return -1;
    }
    if (s->difference && (a->verdict == TL_REDUCE_OTHER || a->verdict == TL_REDUCE_INVALID))
        memcpy(s->difference->own_failure, a->id, sizeof a->id);
    if (s->difference && a->verdict == TL_REDUCE_PASS && tl_reduce_difference_allowed(s, a->id, e))
        return -1;
    struct seen *one_seen = TL_GROW(x->list, x->n);
    *one_seen = (struct seen){.own = own, .fails = a->verdict == TL_REDUCE_FAIL};
    x->of[own]++;
    return tl_query_trial(tl_executor_store(s->r->x), a->id, &one_seen->record, e);
}

/* Until there are so many of a kind. Of a budget most is left to the search. */
static int run_until(struct sample *x, bool own, unsigned most, struct tl_error *e)
{
    const uint64_t budget = x->s->r->max_trials;
    int result = 0;
    while (!result && !x->s->stopped && x->of[own] < most &&
           (!budget || x->n < FIRST_RUNS || x->n < budget / 3))
        result = run_once(x, own, most, e);
    return result;
}

/* --- what they came to ----------------------------------------------------------------------------------------------- */

static bool same_outputs(const json_t *a, const json_t *b)
{
    const json_t *x = json_object_get(a, "outputs"), *y = json_object_get(b, "outputs"), *output;
    size_t i;
    if (json_array_size(x) != json_array_size(y))
        return false;
    json_array_foreach(x, i, output) {
        const json_t *hash = json_object_get(output, "hash"),
                     *other = json_object_get(json_array_get(y, i), "hash");
        if (hash && other && !json_equal(hash, other))
            return false;
    }
    return true;
}

/* Whether one failed as another one did. */
static bool is_like(const struct sample *x, size_t which, size_t i)
{
    return x->list[i].fails &&
           (x->s->difference || tl_reduce_same_failure(x->s, &x->list[which].record, &x->list[i].record));
}

/* Whether all of them came to the same, as far as can be told. */
static bool are_alike(const struct sample *x)
{
    const struct tl_trial_record *a = &x->list[0].record;
    for (size_t i = 1; i < x->n; i++) {
        const struct tl_trial_record *b = &x->list[i].record;
        if (x->list[i].fails != x->list[0].fails || a->outcome != b->outcome || a->phase != b->phase ||
            a->signal != b->signal || !same_outputs(a->result, b->result) ||
            (x->list[i].fails && !is_like(x, 0, i)))
            return false;
    }
    return true;
}

static bool takes_long(const struct sample *x)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->list[i].record.wall_seconds > TL_REDUCE_SECONDS_LONG)
            return true;
    return false;
}

/* Nothing else can show, or not soon. */
static bool is_settled(const struct sample *x)
{
    const enum tl_outcome is = x->list[0].record.outcome;
    if ((is != TL_OUTCOME_CRASH || (x->served && !takes_long(x))) && is != TL_OUTCOME_HANG &&
        is != TL_OUTCOME_OOM)
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (!is_like(x, 0, i))
            return false;
    return true;
}

static bool any_is(const struct sample *x, enum tl_outcome outcome)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->list[i].record.outcome == outcome)
            return true;
    return false;
}

/* So many of each kind failed as this one did. */
static void count_like(const struct sample *x, size_t which, unsigned failed[2])
{
    failed[0] = failed[1] = 0;
    for (size_t i = 0; i < x->n; i++)
        if (is_like(x, which, i))
            failed[x->list[i].own]++;
}

static double rate_of(const struct sample *x, const unsigned failed[2], bool own)
{
    return x->of[own] ? (double)failed[own] / x->of[own] : 0;
}

/* Whether each trial is to have a process of its own. Children that all do the same may do so by chance, unless such processes do,
 * too; where it hardly ever shows in those, children find it sooner. */
static bool prefers_own(const struct sample *x, const unsigned failed[2])
{
    const double forked = rate_of(x, failed, false), own = rate_of(x, failed, true);
    return x->served && own > 0 && (forked < 1 || own < 1) && (own >= RATE_ENOUGH || own >= forked);
}

/* The one that is meant: of those that show often enough the gravest, of those the most frequent. SIZE_MAX: none fails. */
static size_t choose(const struct sample *x, unsigned failed[2])
{
    size_t best = SIZE_MAX;
    int gravest = -1;
    failed[0] = failed[1] = 0;
    for (size_t i = 0; i < x->n; i++) {
        unsigned of[2];
        if (!x->list[i].fails)
            continue;
        count_like(x, i, of);
        bool often = rate_of(x, of, false) >= RATE_LEAST || rate_of(x, of, true) >= RATE_LEAST;
        int gravity = often ? tl_outcome_gravity(x->list[i].record.outcome) : 0;
        if (gravity > gravest || (gravity == gravest && of[0] + of[1] > failed[0] + failed[1])) {
            best = i;
            gravest = gravity;
            memcpy(failed, of, sizeof of);
        }
    }
    return best;
}

/* --- what is done ---------------------------------------------------------------------------------------------------- */

/* Of a difference each run is held against what is right: what it is otherwise is no difference. */
static int look_at_difference(struct sample *x, struct tl_error *e)
{
    size_t failed = 0;
    int result = run_until(x, false, FIRST_RUNS, e);
    for (size_t i = 0; i < x->n; i++)
        failed += x->list[i].fails;
    return !result && failed < x->n ? run_until(x, false, failed ? MIXED_RUNS : PASS_RUNS, e) : result;
}

/* So many runs in processes of their own, after the first ones. */
static unsigned runs_that_show(const struct sample *x)
{
    const enum tl_phase at = x->list[x->n - 1].record.phase;
    if (!any_fails(x))
        return PASS_RUNS - (x->served ? FIRST_RUNS : 0);
    if (takes_long(x) || any_is(x, TL_OUTCOME_CRASH) || (any_is(x, TL_OUTCOME_ERROR) && !x->served) ||
        at < TL_PHASE_EXECUTE)
        return takes_long(x) ? 0 : FIRST_RUNS;
    return SHOWING_RUNS;
}

static int look(struct sample *x, struct tl_error *e)
{
    unsigned failed[2];
    if (run_until(x, false, FIRST_RUNS, e))
        return -1;
    if (x->s->stopped || is_settled(x))
        return 0;
    const bool own = x->served;
    if (run_until(x, own, x->s->r->longer ? MIXED_RUNS : runs_that_show(x), e))
        return -1;
    if (x->s->stopped || are_alike(x))
        return 0;
    if (own && any_fails(x) && run_until(x, own, SHOWING_RUNS, e))
        return -1;
    if (x->s->stopped || choose(x, failed) == SIZE_MAX)
        return 0;
    return run_until(x, prefers_own(x, failed), MIXED_RUNS, e);
}

/* So many runs that a failure of this rate is missed in one of a thousand variants. */
static unsigned repeats_of(unsigned failed, unsigned runs)
{
    double miss = 1.0, rest = 1.0 - (double)failed / runs;
    unsigned n = 0;
    for (; miss > 0.001 && n < REPEATS_MOST; n++)
        miss *= rest;
    return n ? n : 1;
}

/* What came of the runs that did not fail as the one that is meant; those of one kind are counted. */
static void note_others(const struct sample *x, size_t meant, bool of_own)
{
    struct tl_reduce_state *s = x->s;
    for (size_t i = 0; i < x->n; i++) {
        const struct tl_trial_record *r = &x->list[i].record;
        if (is_like(x, meant, i)) {
            s->longest = r->wall_seconds > s->longest ? r->wall_seconds : s->longest;
            continue;
        }
        if (x->list[i].fails)
            tl_reduce_note_other(s, r->signature.id, r->outcome, r->signature.title, r->id);
        if (x->list[i].own != of_own)
            continue;
        const char *name = tl_outcome_name(r->outcome);
        json_object_set_new(s->otherwise, name,
                            json_integer(json_integer_value(json_object_get(s->otherwise, name)) + 1));
    }
}

static int conclude(struct sample *x, struct tl_error *e)
{
    struct tl_reduce_state *s = x->s;
    unsigned failed[2];
    size_t meant = choose(x, failed);
    in_own_processes(s, prefers_own(x, failed));
    s->repeats = x->n ? repeats_of(failed[s->fresh], x->of[s->fresh]) : 1;
    /* How often it fails is said of processes of their own, in which everybody else runs it. */
    const bool own = x->served && failed[1] && failed[1] < x->of[1];
    s->runs = x->of[own || s->fresh];
    s->failed = failed[own || s->fresh];
    if (meant == SIZE_MAX) {
        s->runs = x->of[0] + x->of[1];
        s->repeats = 1;
        return 0;
    }
    s->longest = 0;
    s->otherwise = json_object();
    note_others(x, meant, own || s->fresh);
    if (x->of[0] && x->of[1])
        s->processes = json_pack("{s:[i,i],s:[i,i]}", "forked", (int)failed[0], (int)x->of[0], "fresh",
                                 (int)failed[1], (int)x->of[1]);
    s->target_number++; /* what was judged before was not held against this failure */
    return tl_query_trial(tl_executor_store(s->r->x), x->list[meant].record.id, &s->target, e);
}

int tl_reduce_original(struct tl_reduce_state *s, struct tl_error *e)
{
    struct sample x = {.s = s, .served = s->r->unit->can_serve && !s->r->fresh};
    s->judge = tl_reduce_verdict_of;
    if (tl_reduce_number(s, &s->now, &x.number, e))
        return -1;
    int result = tl_reduce_ahead_files(s, &s->now, x.number, &x.files, e);
    if (result > 0)
        result = tl_fail(e, TL_ERROR_INPUT, "cannot reduce it", s->r->c->model_file,
                         "an input is not given, and cannot be made; name it with --inputs NAME=FILE.npy");
    if (!result)
        result = s->difference ? look_at_difference(&x, e) : look(&x, e);
    if (!result)
        result = conclude(&x, e);
    tl_reduce_ahead_give_back(s, x.number);
    for (size_t i = 0; i < x.n; i++)
        tl_trial_record_free(&x.list[i].record);
    free(x.list);
    return result;
}
