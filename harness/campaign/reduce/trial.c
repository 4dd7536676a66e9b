/* One trial of a reduction, and whether it fails in the same way: with the same signature, or as `isolate` judges it where no
 * build tells. Names of nodes and values in a message are no part of a failure, as a variant has others. */
#include "harness/campaign/reduce/run.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/campaign/judge.h"
#include "harness/campaign/reduce/difference.h"
#include "harness/executor/kept.h"
#include "harness/verdict/kind.h"
#include "harness/verdict/related.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HAS_NAN = 1, HAS_INFINITY = 2 };

/* Which values that are not finite a runner tells of. */
static unsigned not_finite(const struct tl_trial_record *r)
{
    const json_t *output;
    size_t i;
    unsigned has = 0;
    json_array_foreach(json_object_get(r->result, "outputs"), i, output) {
        const json_t *told = json_object_get(output, "not_finite");
        has |= json_integer_value(json_object_get(told, "nan")) > 0 ? HAS_NAN : 0;
        has |= json_integer_value(json_object_get(told, "inf")) > 0 ? HAS_INFINITY : 0;
    }
    return has;
}

/* A NaN is another failure than an infinity, which may be right. Where the original has both, either may be what is at fault. */
static bool is_same_number(const struct tl_trial_record *target, const struct tl_trial_record *r)
{
    unsigned wanted = not_finite(target), has = not_finite(r);
    if (!wanted || !has || wanted == (HAS_NAN | HAS_INFINITY))
        return true;
    return wanted == HAS_NAN ? (has & HAS_NAN) : has == HAS_INFINITY;
}

bool tl_reduce_same_failure(const struct tl_reduce_state *s, const struct tl_trial_record *target,
                            const struct tl_trial_record *r)
{
    struct tl_trial_record a = *target, b = *r;
    enum tl_judged_by by;
    if (a.outcome != b.outcome || a.phase != b.phase || a.signal != b.signal ||
        (a.outcome == TL_OUTCOME_WRONG && !is_same_number(&a, &b)))
        return false;
    if (!strcmp(a.signature.id, b.signature.id))
        return true;
    a.message = tl_reduce_bare_message(s, a.message);
    b.message = tl_reduce_bare_message(s, b.message);
    bool same = a.outcome == TL_OUTCOME_ERROR || a.outcome == TL_OUTCOME_WRONG
                    ? tl_failure_same_kind(&a, &b)
                    : tl_failure_related(&a, &b) || tl_judge_without_builds(&a, &b, &by) == TL_RELATION_SAME;
    free(a.message);
    free(b.message);
    return same;
}

enum tl_reduce_verdict tl_reduce_verdict_of(struct tl_reduce_state *s, const struct tl_trial_record *r)
{
    if (s->difference)
        return tl_reduce_gap_verdict(s, r);
    enum tl_reduce_verdict judged;
    if (tl_reduce_judged_verdict(s, r, &judged))
        return judged;
    if (r->outcome == TL_OUTCOME_PASS) {
        tl_reduce_said_pass(s, r);
        return TL_REDUCE_PASS;
    }
    if (r->outcome == TL_OUTCOME_UNSUPPORTED || r->outcome == TL_OUTCOME_LOST)
        return TL_REDUCE_INVALID;
    if (!*s->target.id || tl_reduce_same_failure(s, &s->target, r))
        return TL_REDUCE_FAIL; /* the first failure of the original is the one that is meant */
    /* What the runtime refuses is no smaller model of the failure, and no other failure either. */
    if (r->outcome == TL_OUTCOME_ERROR && s->target.outcome != TL_OUTCOME_ERROR)
        return TL_REDUCE_INVALID;
    return TL_REDUCE_OTHER;
}

static void count_rejected(struct tl_reduce_state *s, enum tl_reduce_verdict v)
{
    const char *name = v == TL_REDUCE_OTHER ? "rejected" : v == TL_REDUCE_INVALID ? "invalid" : NULL;
    if (name)
        json_object_set_new(s->step, name,
                            json_integer(json_integer_value(json_object_get(s->step, name)) + 1));
}

int tl_reduce_run_asked(struct tl_reduce_state *s, const struct tl_reduce_run *one, unsigned repeats,
                        struct tl_reduce_answer **a, struct tl_error *e)
{
    return tl_reduce_ahead_run(s, one, a, e) || tl_reduce_ahead_fill(s, one, repeats, e) ||
                   tl_reduce_run_take(s, *a, e)
               ? -1
               : 0;
}

/* What a runtime refuses before it runs it is refused each time, whatever lies in memory. */
static bool is_refused(const struct tl_reduce_state *s, const struct tl_reduce_answer *a)
{
    return a->verdict == TL_REDUCE_INVALID && !a->stopped && !s->judged && a->outcome == TL_OUTCOME_ERROR &&
           a->phase < TL_PHASE_EXECUTE && s->target.phase >= TL_PHASE_EXECUTE;
}

void tl_reduce_hold_to(struct tl_reduce_state *s, struct tl_reduce_condition *c, tl_reduce_follower follow)
{
    if (!follow == !c->follow)
        return;
    json_t *tried = s->tried;
    s->tried = follow ? json_object() : c->tried;
    c->tried = follow ? tried : NULL;
    if (!follow)
        json_decref(tried);
    s->target_number++; /* what was begun ahead was no such run */
    c->follow = follow;
}

static int try_one(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, enum tl_reduce_verdict *v,
                   struct tl_error *e)
{
    static const struct tl_reduce_answer none = {.stopped = true};
    uint64_t number;
    const struct tl_reduce_files *files;
    struct tl_reduce_answer *answer = NULL;
    char key[24];
    *v = TL_REDUCE_INVALID;
    if (tl_reduce_is_spent(s)) {
        s->stopped = true;
        *v = TL_REDUCE_STOPPED;
        return 0;
    }
    if (tl_reduce_number(s, k, &number, e))
        return -1;
    snprintf(key, sizeof key, "%llu", (unsigned long long)number);
    const json_t *known = json_object_get(s->tried, key);
    if (known) {
        *v = (enum tl_reduce_verdict)json_integer_value(json_array_get(known, 0));
        s->reached = (enum tl_phase)json_integer_value(json_array_get(known, 1));
        return 0;
    }
    s->making = true;
    int result = tl_reduce_ahead_files(s, k, number, &files, e);
    s->making = false;
    if (result < 0 && e->kind == TL_ERROR_INTERRUPTED) {
        tl_reduce_ahead_give_back(s, number);
        if (tl_executor_interrupted(s->r->x))
            return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", s->r->unit->text, "the same command goes on");
        s->stopped = true;
        *v = TL_REDUCE_STOPPED;
        return 0;
    }
    /* The first that fails is enough, or all of them have to. */
    const unsigned most = s->sure ? tl_reduce_sure_runs(s) : s->repeats;
    for (unsigned i = 0;
         !result && i < most && *v != TL_REDUCE_STOPPED && (!i || (*v == TL_REDUCE_FAIL) == s->sure); i++) {
        const struct tl_reduce_run one = {
            .unit = s->r->unit, .number = number, .files = files, .fresh = s->sure, .repeat = i};
        const struct tl_reduce_answer *a = &none;
        if (!i || !tl_reduce_is_spent(s)) {
            result = tl_reduce_run_asked(s, &one, most, &answer, e);
            a = answer;
        }
        /* One that passes now and fails in another way then does not pass. */
        if (!result && (!i || s->sure || a->stopped || a->verdict == TL_REDUCE_FAIL ||
                        *v == TL_REDUCE_INVALID || a->verdict == TL_REDUCE_OTHER))
            *v = a->stopped ? TL_REDUCE_STOPPED : a->verdict;
        if (!result && is_refused(s, a))
            break;
    }
    if (!result && s->sure && *v == TL_REDUCE_FAIL)
        result = tl_reduce_fails_with_room(s, number, files, v, e);
    s->reached = answer ? answer->phase : TL_PHASE_START;
    tl_reduce_ahead_give_back(s, number);
    if (result < 0 || (s->follow && *v == TL_REDUCE_FAIL && s->follow(s, k, v, e)) ||
        (s->newest.each.follow && *v == TL_REDUCE_FAIL && s->newest.each.follow(s, k, v, e)) ||
        (s->cause.each.follow && *v == TL_REDUCE_FAIL && s->cause.each.follow(s, k, v, e)))
        return -1;
    tl_reduce_look_at_types(s, k, v);
    s->stopped = s->stopped || *v == TL_REDUCE_STOPPED;
    if (*v != TL_REDUCE_STOPPED)
        json_object_set_new(s->tried, key, json_pack("[i,i]", (int)*v, (int)s->reached));
    count_rejected(s, *v);
    return 0;
}

int tl_reduce_try_one(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                      enum tl_reduce_verdict *v, struct tl_error *e)
{
    int result = try_one(s, k, v, e);
    /* The guesses were for this trial, whether it was run or known: who made them may be gone at the next. */
    tl_reduce_guesses(s, NULL, NULL);
    return result;
}

/* Each sample of the inputs judges: it fails where it does with one. */
int tl_reduce_try(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, enum tl_reduce_verdict *v,
                  struct tl_error *e)
{
    json_t *in_use = s->inputs;
    int result = s->n_samples ? 0 : tl_reduce_try_one(s, k, v, e);
    for (size_t i = 0; i < s->n_samples && !result; i++) {
        enum tl_reduce_verdict one;
        s->inputs = s->samples[i];
        result = tl_reduce_try_one(s, k, &one, e);
        if (!i || (*v == TL_REDUCE_PASS && one != TL_REDUCE_PASS) || one == TL_REDUCE_FAIL ||
            one == TL_REDUCE_STOPPED)
            *v = one;
        if (*v == TL_REDUCE_FAIL || *v == TL_REDUCE_STOPPED)
            break;
    }
    s->inputs = in_use;
    return result;
}

int tl_reduce_compare(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                      const struct tl_reduce_side *side, json_t **comparison, struct tl_error *e)
{
    struct tl_reduce_files files = {0};
    struct tl_reduce_answer a = {0};
    uint64_t number;
    *comparison = NULL;
    if (tl_reduce_is_spent(s)) {
        s->stopped = true;
        return 0;
    }
    if (tl_reduce_number(s, k, &number, e))
        return -1;
    int result = tl_reduce_make_files(s, k, number, &files, e);
    if (!result && side && side->rounded)
        result = tl_reduce_round_inputs(s, &files, e);
    if (!result) {
        const struct tl_reduce_run one = {.unit = side ? side->unit : s->r->unit,
                                          .number = number,
                                          .files = &files,
                                          .c = side ? side->c : NULL,
                                          .variant = side ? &side->v : NULL,
                                          .other_model = side && side->other_model,
                                          /* What is random is alike in all children of one process. */
                                          .fresh = side && side->rounded,
                                          .comparison = comparison};
        result = tl_reduce_run_begin(s, &one, &a, e) || tl_reduce_run_take(s, &a, e) ? -1 : 0;
    }
    if (!result && a.ended && a.stopped)
        s->stopped = true;
    if (result > 0 || (!result && !a.stopped && a.verdict == TL_REDUCE_INVALID))
        json_object_set_new(s->step, "invalid",
                            json_integer(json_integer_value(json_object_get(s->step, "invalid")) + 1));
    tl_reduce_answer_release(&a);
    tl_reduce_remove_files(&files);
    return result < 0 ? -1 : 0;
}

int tl_reduce_try_on(struct tl_reduce_state *s, const struct tl_reduce_other *other,
                     enum tl_reduce_verdict *v, char id[TL_UUID_SIZE], struct tl_error *e)
{
    struct tl_reduce_files files = {0};
    struct tl_reduce_answer a = {0};
    const struct tl_reduce_files given = {.model = (char *)other->model, .inputs = (char *)other->inputs};
    uint64_t number = 1; /* of another model: no list of edits has it */
    *v = TL_REDUCE_STOPPED;
    if (other->k && tl_reduce_number(s, other->k, &number, e))
        return -1;
    int result = other->k ? tl_reduce_make_files(s, other->k, number, &files, e) : 0;
    const unsigned runs = !other->k || other->once ? 1 : other->runs > s->repeats ? other->runs : s->repeats;
    for (unsigned i = 0; !result && i < runs && !(i && *v == TL_REDUCE_FAIL); i++) {
        const struct tl_reduce_run one = {.unit = other->unit ? other->unit : s->r->unit,
                                          .c = other->c,
                                          .variant = other->variant,
                                          .number = number,
                                          .files = other->k ? &files : &given,
                                          .repeat = i};
        *v = TL_REDUCE_STOPPED;
        if (tl_reduce_is_spent(s)) {
            s->stopped = true;
            break;
        }
        tl_reduce_answer_release(&a);
        result = tl_reduce_ahead_settle(s, &one, e) || tl_reduce_run_begin(s, &one, &a, e) ||
                         tl_reduce_run_take(s, &a, e)
                     ? -1
                     : 0;
        if (!result && !a.stopped)
            *v = a.verdict;
        if (!result && a.stopped)
            break;
        if (other->alike)
            *other->alike = a.outcome == s->target.outcome && a.signal == s->target.signal;
        memcpy(id, a.id, TL_UUID_SIZE);
    }
    s->stopped = s->stopped || a.stopped;
    tl_reduce_answer_release(&a);
    tl_reduce_remove_files(&files);
    if (result > 0)
        *v = TL_REDUCE_INVALID;
    return result < 0 ? -1 : 0;
}

#define PASSED "passed" /* beside what was recorded: that run did */

void tl_reduce_count_known(struct tl_reduce_state *s, bool passed)
{
    s->n_cached++;
    s->n_passed += passed;
    json_object_set_new(s->step, "trials",
                        json_integer(json_integer_value(json_object_get(s->step, "trials")) + 1));
}

bool tl_reduce_kept_passed(const char *directory)
{
    char *path = tl_format("%s/" PASSED, directory);
    bool passed = !access(path, F_OK);
    free(path);
    return passed;
}

/* The file that says that such a run ended and left nothing, so that it is not run again; NULL: not what the reduction keeps. */
static char *left_nothing(const struct tl_reduce_state *s, const char *directory, const struct tl_unit *unit)
{
    char id[TL_ID_SIZE];
    if (strncmp(directory, s->work, strlen(s->work)) != 0)
        return NULL;
    tl_content_id(unit->text, strlen(unit->text), id);
    return tl_format("%s.nothing-%s", directory, id);
}

/* Whether it is what the same command takes when it goes on. */
static bool is_value(const struct tl_reduce_state *s, const char *directory)
{
    size_t n = strlen(s->work);
    return !strncmp(directory, s->work, n) && !strncmp(directory + n, "/values/", 8);
}

bool tl_reduce_has_value(const char *directory)
{
    char *list = tl_format("%s/result.json", directory);
    bool has = !access(list, R_OK) && tl_kept_is_whole(directory, NULL);
    free(list);
    return has;
}

static void put_left(const struct tl_reduce_answer *a)
{
    struct tl_reduce_keeping *k = a->keeping;
    char *made = tl_format("%s/%s", k->making, a->id);
    if (a->verdict == TL_REDUCE_PASS && !a->elsewhere) {
        char *passed = tl_format("%s/" PASSED, made);
        (void)tl_write_new_file(passed, "", 0, 0600, false);
        free(passed);
    }
    k->kept = !(k->is_value ? tl_kept_put(made, k->directory) : rename(made, k->directory));
    k->kept = k->kept || !access(k->directory, F_OK); /* somebody else was first */
    if (!k->kept && k->nothing && !a->untried)
        (void)tl_write_new_file(k->nothing, "", 0, 0600, false);
    free(made);
}

int tl_reduce_keep_outputs(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                           const struct tl_unit *unit, const char *directory, bool *kept, struct tl_error *e)
{
    struct tl_reduce_files files = {0};
    struct tl_reduce_answer a = {0};
    uint64_t number;
    *kept = false;
    if (tl_reduce_is_spent(s)) {
        s->stopped = true;
        return 0;
    }
    if (tl_reduce_number(s, k, &number, e))
        return -1;
    const struct tl_reduce_side *right = s->difference ? &s->difference->reference : NULL;
    char *nothing = left_nothing(s, directory, right ? right->unit : unit);
    if (nothing && !s->r->no_cache && !access(nothing, F_OK)) {
        tl_reduce_count_known(s, false);
        free(nothing);
        return 0;
    }
    char *making = tl_format("%s.making", directory);
    struct tl_reduce_keeping keeping = {.put = put_left,
                                        .making = making,
                                        .directory = directory,
                                        .nothing = nothing,
                                        .is_value = is_value(s, directory)};
    tl_remove_tree(making);
    int result = tl_reduce_make_files(s, k, number, &files, e);
    if (!result) {
        const struct tl_reduce_run one = {.unit = right ? right->unit : unit,
                                          .number = number,
                                          .files = &files,
                                          .c = right ? right->c : NULL,
                                          .variant = right ? &right->v : NULL,
                                          .other_model = right && right->other_model,
                                          .keep = &keeping,
                                          .anew = true};
        result = tl_reduce_run_begin(s, &one, &a, e) || tl_reduce_run_take(s, &a, e) ? -1 : 0;
    }
    *kept = !result && a.ended && !a.stopped && keeping.kept;
    s->stopped = s->stopped || a.stopped;
    tl_reduce_answer_release(&a);
    tl_remove_tree(making);
    tl_reduce_remove_files(&files);
    free(making);
    free(nothing);
    return result < 0 ? -1 : 0;
}
