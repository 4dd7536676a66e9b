/* The optimiser that makes the original fail, and so has to be the one for which what is left fails.
 *
 * A smaller model may fail in the way of the original and for a reason of its own: another optimiser rounds where the first one did,
 * and what is accused is innocent. So where a difference, wrong outputs, an error, a hang or an oom shows with optimisation only, it is
 * looked for once the nodes are found. They are few, so that a trial of them is quick: which optimisers they need, and then whether the
 * original does without the same. Where it does not, its own are searched, and the nodes are searched anew, with variants that are each
 * cured by what cures the original. What a later pass comes to has to be, too. Of a failure that takes several optimisers any one of
 * the original's will do.
 *
 * A crash is a fault of the node that dies, and what fails in some of its runs only tells nothing here. */
#include "harness/campaign/reduce/difference.h"

#include <string.h>

/* Whether one is cured by what cures the original. */
static int is_cured(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, bool *cured,
                    struct tl_error *e)
{
    json_t *set;
    size_t i;
    *cured = false;
    json_array_foreach(s->cause.sets, i, set) {
        enum tl_reduce_verdict v;
        if (tl_reduce_gone_without(s, k, set, tl_reduce_optimised(s), &v, e))
            return -1;
        *cured = v == TL_REDUCE_PASS || (s->cause.otherwise && v == TL_REDUCE_OTHER);
        if (*cured || s->stopped)
            break;
    }
    return 0;
}

static bool applies(const struct tl_reduce_state *s)
{
    const enum tl_outcome is = s->target.outcome;
    if (s->judged || s->stopped || s->cause.says || s->cause.original || !s->failed || s->failed < s->runs ||
        s->n_samples || s->r->filled || !tl_reduce_optimised(s))
        return false;
    if (s->difference || is == TL_OUTCOME_WRONG)
        return true;
    /* Of these it was looked at before. */
    return (is == TL_OUTCOME_ERROR || is == TL_OUTCOME_HANG || is == TL_OUTCOME_OOM) && s->control.known;
}

/* Whether the original fails with optimisation only. */
static int look_at_original(struct tl_reduce_state *s, const struct tl_reduce_candidate *none, bool *only,
                            struct tl_error *e)
{
    enum tl_reduce_verdict v = s->control.passes ? TL_REDUCE_PASS : TL_REDUCE_OTHER;
    const bool known = !s->difference && s->target.outcome != TL_OUTCOME_WRONG;
    if (!known && tl_reduce_gone_without(s, none, NULL, 0, &v, e))
        return -1;
    s->cause.otherwise = v == TL_REDUCE_OTHER && !s->difference;
    *only = v == TL_REDUCE_PASS || s->cause.otherwise;
    if (v == TL_REDUCE_FAIL)
        s->cause.original =
            json_pack("{s:I,s:n,s:[],s:b,s:[],s:s}", "level", tl_reduce_optimised(s), "passes_at", "names",
                      "minimal", 0, "or", "why", "it does not pass at a lower level either");
    return 0;
}

/* Which optimisers the original needs: those of what is left, or else its own. */
static int find(struct tl_reduce_state *s, const struct tl_reduce_candidate *none,
                const struct tl_reduce_candidate *k, struct tl_error *e)
{
    if (tl_reduce_optimiser_of(s, k, NULL, NULL, &s->cause.of_model, e))
        return -1;
    json_t *names = json_object_get(s->cause.of_model, "names");
    if (s->stopped ||
        tl_reduce_optimiser_of(s, none, json_array_size(names) ? names : NULL, NULL, &s->cause.original, e))
        return s->stopped ? 0 : -1;
    names = json_object_get(s->cause.original, "names");
    s->cause.says = json_array_size(names) && !s->stopped;
    if (!s->cause.says)
        return 0;
    s->cause.sets = json_pack("[O]", names);
    json_array_extend(s->cause.sets, json_object_get(s->cause.original, "or"));
    return 0;
}

int tl_reduce_cause(struct tl_reduce_state *s, bool *agrees, struct tl_error *e)
{
    const struct tl_reduce_candidate *k = s->model.edits.list ? &s->model : &s->now;
    struct tl_reduce_candidate none;
    bool only = false, shows = false;
    uint64_t number = 0;
    *agrees = true;
    if (!applies(s) || tl_reduce_number(s, k, &number, e) || !number)
        return 0;
    if (tl_reduce_original_shown(s, &none, &shows, e))
        return -1;
    int result = 0;
    if (shows) {
        tl_reduce_step(s, "optimiser");
        tl_reduce_tell(s, "");
        result = look_at_original(s, &none, &only, e);
    }
    if (!result && only && !s->stopped)
        result = find(s, &none, k, e);
    if (!result && s->cause.says &&
        !json_equal(json_object_get(s->cause.of_model, "names"), json_object_get(s->cause.original, "names")))
        result = tl_reduce_cause_agrees(s, k, agrees, e);
    if (!result && *agrees && s->model.edits.list)
        result = tl_reduce_cause_agrees(s, &s->now, agrees, e);
    tl_reduce_drop(&none);
    return result;
}

int tl_reduce_cause_agrees(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, bool *agrees,
                           struct tl_error *e)
{
    bool cured;
    *agrees = true;
    if (!s->cause.says || s->cause.each.follow || s->stopped)
        return 0;
    if (is_cured(s, k, &cured, e))
        return -1;
    *agrees = cured || s->stopped;
    s->cause.followed = s->cause.followed || !*agrees;
    return 0;
}

static int follow_cause(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                        enum tl_reduce_verdict *v, struct tl_error *e)
{
    bool cured;
    if (is_cured(s, k, &cured, e))
        return -1;
    if (s->stopped)
        *v = TL_REDUCE_STOPPED;
    else if (!cured)
        *v = TL_REDUCE_OTHER;
    return 0;
}

void tl_reduce_cause_follow(struct tl_reduce_state *s, bool follow)
{
    tl_reduce_hold_to(s, &s->cause.each, follow ? follow_cause : NULL);
}

void tl_reduce_cause_end(struct tl_reduce_state *s)
{
    json_decref(s->cause.original);
    json_decref(s->cause.of_model);
    json_decref(s->cause.sets);
    json_decref(s->cause.each.tried);
}
