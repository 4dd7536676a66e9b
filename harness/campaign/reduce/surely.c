/* Whether what is kept fails as surely as what was there before.
 *
 * Variants run in children of one process, which has memory of its own beside theirs, and one run of each is believed. Of a failure
 * that hangs on what lies where in memory (an index far outside), on a deadline or on a limit of memory, the smallest size or
 * value that fails is then no threshold of the model: it is the edge of what that one process could reach, and a process of its own
 * has another one. So
 *
 *   what a pass comes to     has to fail in processes of its own; else the pass is done again, with variants that have to do so
 *                            one by one
 *   the same, with room      has to fail as well where the heap is larger than it needs: what lies near its end is then in it
 *   a threshold              has to be one there as well; else something well beyond it is taken (small.c, sizes.c)
 *   the nodes that are left  have to fail so, too; else all of the search is done again in that way
 *
 * as long as what was there before does. */
#include "harness/campaign/reduce/run.h"
#include "harness/campaign/reduce/values.h"

#include "harness/base/buffer.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_IN_HEAP "33554432"

static bool has_own_processes(const struct tl_reduce_state *s)
{
    return s->sure || s->fresh || s->r->fresh || !s->r->unit->can_serve;
}

static bool is_of_memory(const struct tl_reduce_state *s)
{
    const struct tl_trial_record *t = &s->target;
    return s->of_memory || (t->outcome == TL_OUTCOME_CRASH && (t->signal == SIGSEGV || t->signal == SIGBUS));
}

enum which { FAILS, FAILS_ONCE, PASSES };

/* So many runs in processes of their own, as long as each fails, or each passes; and one with room, too.
 * They are run when no trial is left, too: what is handed over hangs on them. */
static int run_fresh(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, unsigned runs,
                     enum which which, bool *all, struct tl_error *e)
{
    struct tl_reduce_files files = {0};
    uint64_t number;
    *all = false;
    if (tl_reduce_number(s, k, &number, e))
        return -1;
    if (s->stopped)
        tl_executor_deadline(s->r->x, 0);
    int result = tl_reduce_make_files(s, k, number, &files, e);
    const unsigned most = runs + (which != FAILS_ONCE && s->roomy);
    *all = !result;
    for (unsigned i = 0; i < most && *all && !result; i++) {
        enum tl_reduce_verdict v;
        result = tl_reduce_run_once(s, i < runs ? NULL : s->roomy, number, &files, i < runs ? i : 0, &v, e);
        *all = !result && v == (which == PASSES ? TL_REDUCE_PASS : TL_REDUCE_FAIL);
    }
    tl_reduce_remove_files(&files);
    return result < 0 ? -1 : 0;
}

/* The case with the C library's heap so much larger than what is in use. */
static struct tl_case *case_with_room(const struct tl_reduce_state *s, const char *bytes)
{
    json_t *more =
        json_pack("{s:s,s:s}", "MALLOC_TOP_PAD_", bytes, "MALLOC_MMAP_THRESHOLD_", LARGEST_IN_HEAP);
    struct tl_case *c = tl_reduce_case_in(s->r->c, more);
    json_decref(more);
    return c;
}

static void begin_step(struct tl_reduce_state *s)
{
    static const char name[] = "fresh processes";
    const char *now = json_string_value(json_object_get(s->step, "step"));
    if (!now || strcmp(now, name) != 0)
        tl_reduce_step(s, name);
    tl_reduce_tell(s, "");
}

int tl_reduce_look_for_room(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                            struct tl_error *e)
{
    static const char *const sizes[] = {"16777216", "1048576"};
    struct tl_reduce_files files = {0};
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    uint64_t number;
    if (!is_of_memory(s) || s->stopped || s->judged || !tl_reduce_may_be_an_edge(s))
        return 0;
    begin_step(s);
    if (tl_reduce_number(s, k, &number, e))
        return -1;
    int result = tl_reduce_make_files(s, k, number, &files, e);
    for (size_t i = 0; i < TL_COUNT(sizes) && !result && !s->roomy && !s->stopped; i++) {
        struct tl_case *c = case_with_room(s, sizes[i]);
        if (c)
            result = tl_reduce_run_once(s, c, number, &files, 0, &v, e);
        if (!result && v == TL_REDUCE_FAIL)
            s->roomy = c;
        else
            tl_case_free(c);
    }
    tl_reduce_remove_files(&files);
    return result < 0 ? -1 : 0;
}

bool tl_reduce_may_be_an_edge(const struct tl_reduce_state *s)
{
    /* What is refused is so by words; a difference is held against the noise; of what does not always fail no run tells. */
    return !s->difference && s->failed == s->runs && s->target.outcome != TL_OUTCOME_ERROR;
}

int tl_reduce_holds_up(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, bool *holds,
                       struct tl_error *e)
{
    *holds = true;
    return s->asks && !s->sure ? run_fresh(s, k, tl_reduce_sure_runs(s), FAILS, holds, e) : 0;
}

int tl_reduce_is_threshold(struct tl_reduce_state *s, const struct tl_reduce_candidate *fails,
                           const struct tl_reduce_candidate *passes, bool *is, struct tl_error *e)
{
    const struct tl_trial_record *t = &s->target;
    bool same = has_own_processes(s) && !s->roomy, also = false;
    /* Where what was there before does not fail in each process, no number of one process is one of the model. */
    *is = !s->asks && !tl_reduce_may_be_an_edge(s);
    /* A limit says nothing of the model, nor does what is in memory, and processes that are alike have one edge. */
    if (*is || !s->asks || s->of_memory || s->stopped || t->outcome == TL_OUTCOME_HANG ||
        t->outcome == TL_OUTCOME_OOM || (same && is_of_memory(s)))
        return 0;
    if (same) {
        *is = true;
        return 0;
    }
    int result = run_fresh(s, fails, tl_reduce_sure_runs(s), FAILS, is, e);
    if (!result && *is && !s->stopped)
        result = run_fresh(s, passes, 1, FAILS_ONCE, &also, e);
    *is = *is && !also;
    return result;
}

int tl_reduce_passes_surely(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, bool *passes,
                            struct tl_error *e)
{
    *passes = true;
    /* Where a process of its own ran it already, another one may have other things in memory. */
    return tl_reduce_may_be_an_edge(s) && (!has_own_processes(s) || is_of_memory(s))
               ? run_fresh(s, k, tl_reduce_sure_runs(s), PASSES, passes, e)
               : 0;
}

int tl_reduce_surely_begin(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, struct tl_error *e)
{
    s->asks = s->sure;
    if (s->sure || s->stopped || !tl_reduce_may_be_an_edge(s))
        return 0;
    begin_step(s);
    return run_fresh(s, k, tl_reduce_sure_runs(s), FAILS, &s->asks, e);
}

void tl_reduce_sure(struct tl_reduce_state *s, bool sure)
{
    json_t *tried = s->tried;
    s->tried = s->tried_before ? s->tried_before : json_object();
    s->tried_before = tried;
    s->target_number++; /* what was begun ahead was no such run */
    s->sure = sure;
}

int tl_reduce_surely(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                     tl_reduce_pass pass, struct tl_error *e)
{
    if (s->stopped)
        return 0;
    if ((!s->asks || s->sure) && (!s->newest.says || s->newest.each.follow) &&
        (!s->cause.says || s->cause.each.follow))
        return pass(s, k, v, e);
    struct tl_reduce_candidate before = tl_reduce_copy(k);
    struct tl_reduce_values old = tl_reduce_values_copy(v);
    const bool recorded = s->recorded;
    bool holds = true, agrees = true, same = true;
    int result = pass(s, k, v, e);
    if (!result && !tl_reduce_same(&before, k))
        result = tl_reduce_holds_up(s, k, &holds, e) || tl_reduce_newest_agrees(s, k, &agrees, e) ||
                         tl_reduce_cause_agrees(s, k, &same, e)
                     ? -1
                     : 0;
    if (!result && !(holds && agrees && same)) {
        s->recorded = recorded;
        tl_reduce_take(k, &before);
        tl_reduce_values_free(v);
        *v = old;
        old = (struct tl_reduce_values){0};
    }
    if (!result && !(holds && agrees && same) && !s->stopped) {
        const bool sure = s->sure;
        if (s->asks && !sure)
            tl_reduce_sure(s, true);
        const bool newest = !agrees && !s->newest.each.follow, cause = !same && !s->cause.each.follow;
        if (newest)
            tl_reduce_newest_follow(s, true);
        if (cause)
            tl_reduce_cause_follow(s, true);
        result = pass(s, k, v, e);
        if (cause)
            tl_reduce_cause_follow(s, false);
        if (newest)
            tl_reduce_newest_follow(s, false);
        if (s->asks && !sure)
            tl_reduce_sure(s, false);
    }
    tl_reduce_values_free(&old);
    tl_reduce_drop(&before);
    return result;
}
