/* One run of a variant, from its request to its answer. */
#include "harness/campaign/reduce/run.h"

#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/campaign/reduce/lend.h"

#include <stdlib.h>
#include <string.h>

#define TIMES_LONGEST 20
#define SECONDS_LEAST 10.0 /* a busy machine takes some for what takes no time else */
#define SECONDS_FEW 2.0    /* … where some variants never ended: many more may not */
#define HANGS_SOME 2

void tl_reduce_note_other(struct tl_reduce_state *s, const char *signature, enum tl_outcome outcome,
                          const char *title, const char *trial)
{
    json_t *other;
    size_t i;
    s->crashed = s->crashed || (outcome == TL_OUTCOME_CRASH && s->target.outcome != TL_OUTCOME_CRASH);
    json_array_foreach(s->others, i, other)
        if (!strcmp(json_string_value(json_object_get(other, "signature")), signature)) {
            json_object_set_new(other, "trials",
                                json_integer(json_integer_value(json_object_get(other, "trials")) + 1));
            return;
        }
    json_array_append_new(s->others, json_pack("{s:s,s:s,s:s,s:s,s:i}", "signature", signature, "outcome",
                                               tl_outcome_name(outcome), "title", title ? title : "", "trial",
                                               trial, "trials", 1));
}

static void give_back(struct tl_reduce_answer *a)
{
    if (a->lent)
        tl_remove_tree(a->lent);
    free(a->lent);
    a->lent = NULL;
}

static void judge(struct tl_reduce_answer *a, const struct tl_trial_record *r)
{
    struct tl_reduce_state *s = a->s;
    a->judged = true;
    memcpy(a->id, r->id, sizeof a->id);
    a->stopped = r->outcome == TL_OUTCOME_LOST;
    a->phase = r->phase;
    a->outcome = r->outcome;
    a->signal = r->signal;
    a->seconds = r->wall_seconds;
    a->verdict = s->judge(s, r);
    a->untried =
        !a->comparison && (r->outcome == TL_OUTCOME_UNSUPPORTED ||
                           (s->judged && a->verdict == TL_REDUCE_INVALID && !*s->target.id && !a->stopped));
}

static void on_ended(void *arg, const struct tl_trial_record *r)
{
    struct tl_reduce_answer *a = arg;
    if (!a->s) /* nobody waits for it any more */
        return;
    judge(a, r);
    if (!a->stopped)
        a->keeping->put(a);
}

static void on_trial(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct tl_reduce_answer *a = arg;
    give_back(a);
    if (!a->s) /* likewise */
        return;
    a->ended = true;
    a->cached = cached;
    a->stopped = failure && failure->kind == TL_ERROR_INTERRUPTED;
    a->failed = failure && !a->stopped;
    if (failure) {
        a->error = *failure;
        return;
    }
    if (!a->judged)
        judge(a, r);
    if (a->verdict == TL_REDUCE_FAIL && !a->elsewhere)
        memcpy(a->s->failed_as, r->signature.id, sizeof a->s->failed_as);
    a->s->n_hung += r->outcome == TL_OUTCOME_HANG;
    double *longest = a->elsewhere ? &a->s->longest_elsewhere : &a->s->longest;
    if ((a->elsewhere ? r->outcome != TL_OUTCOME_HANG : a->verdict == TL_REDUCE_FAIL) &&
        r->wall_seconds > *longest)
        *longest = r->wall_seconds;
    if (a->comparison) {
        *a->comparison = json_deep_copy(json_object_get(r->result, "reference"));
        return;
    }
    if (a->untried)
        tl_fail(&a->error, TL_ERROR_INPUT, "the model cannot be tried", r->unit, "%s%s",
                r->message ? r->message : "its runner does not say why",
                a->s->judged ? " (statuses 125, 126 and 127 say that a command could not judge)" : "");
    if (a->verdict == TL_REDUCE_OTHER) {
        memcpy(a->other.signature, r->signature.id, sizeof a->other.signature);
        a->other.outcome = r->outcome;
        a->other.title = tl_strdup(r->signature.title);
    }
}

void tl_reduce_answer_release(struct tl_reduce_answer *a)
{
    free(a->other.title);
    a->other.title = NULL;
}

static bool is_elsewhere(const struct tl_reduce_state *s, const struct tl_reduce_run *one)
{
    return one->c || one->unit != s->r->unit;
}

/* Variants may never end where the original fails soon. Those are not waited for as long as the user would wait for a model: what
 * takes many times as long as whatever failed does not come to the failure any more; elsewhere, as long as whatever ended there.
 * 0: there is no such limit. */
static double timeout_of(const struct tl_reduce_state *s, const struct tl_reduce_run *one)
{
    const bool elsewhere = is_elsewhere(s, one), hangs = s->n_hung >= HANGS_SOME;
    double longest = elsewhere ? s->longest_elsewhere : s->longest;
    if (one->keep) /* what is recorded may run on where the failure ends it */
        longest = !hangs ? 0 : s->longest > s->longest_elsewhere ? s->longest : s->longest_elsewhere;
    if (s->judged || s->difference || s->target.outcome == TL_OUTCOME_HANG || !*s->target.id ||
        !one->number || ((elsewhere || one->keep) && longest <= 0))
        return 0;
    const double most = TIMES_LONGEST * longest, least = hangs && !one->keep ? SECONDS_FEW : SECONDS_LEAST;
    return most > least ? most : least;
}

int tl_reduce_run_begin(struct tl_reduce_state *s, const struct tl_reduce_run *one,
                        struct tl_reduce_answer *a, struct tl_error *e)
{
    const struct tl_reduction *r = s->r;
    const struct tl_case *c = one->c ? one->c : one->unit == r->recorder ? r->recording : r->c;
    const struct tl_reduce_files *f = one->files;
    *a = (struct tl_reduce_answer){.s = s,
                                   .comparison = one->comparison,
                                   .elsewhere = is_elsewhere(s, one),
                                   .keeping = one->keep,
                                   .records = one->keep != NULL};
    char *copy = NULL;
    if (s->lends && one->unit == r->unit && !one->other_model && f->model && f->directory) {
        if (!(a->lent = tl_reduce_lend(f, ++s->n_lent, e)))
            return -1;
        copy = tl_format("%s/model.onnx", a->lent);
    }
    struct tl_variant v = tl_variant_copy(c, one->c ? one->variant : r->failing);
    size_t axis = 0;
    tl_case_axis(c, TL_REDUCE_AXIS, &axis);
    v.index[axis] = one->number;
    const struct tl_request request = {.c = c,
                                       .variant = &v,
                                       .unit = one->unit,
                                       .fresh = r->fresh || s->fresh || one->fresh,
                                       .use_cache = !r->no_cache && !one->anew,
                                       .keep_outputs = one->keep ? one->keep->making : NULL,
                                       .ended = one->keep ? on_ended : NULL,
                                       .repeat = one->repeat,
                                       .timeout_s = timeout_of(s, one),
                                       .model = copy               ? copy
                                                : one->other_model ? f->reference
                                                                   : f->model,
                                       .inputs = f->inputs,
                                       .reference_model = f->reference,
                                       .reference_inputs = f->reference_inputs,
                                       .reference_place = f->expected};
    int result = tl_executor_submit(r->x, &request, on_trial, a, e);
    if (result)
        give_back(a);
    tl_variant_free(&v);
    free(copy);
    return result;
}

int tl_reduce_run_take(struct tl_reduce_state *s, struct tl_reduce_answer *a, struct tl_error *e)
{
    struct tl_executor *x = s->r->x;
    uint64_t since = tl_awake_ns();
    int result = 0;
    while (!result && !a->ended) {
        result = tl_executor_step(x, e);
        tl_executor_tell_wait(x, since);
        if (!a->ended && tl_executor_interrupted(x) && !tl_executor_in_flight(x))
            break;
    }
    if (!result && (!a->ended || (a->stopped && tl_executor_interrupted(x))))
        return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", s->r->unit->text, "the same command goes on");
    if (!result && a->failed) {
        *e = a->error;
        return -1;
    }
    if (!result && a->ended && !a->stopped) {
        s->n_cached += a->cached;
        s->n_run += !a->cached;
        s->lasted += a->records ? 0 : a->seconds;
        s->n_lasted += !a->records;
        s->n_passed += a->verdict == TL_REDUCE_PASS && !a->elsewhere;
        json_object_set_new(s->step, "trials",
                            json_integer(json_integer_value(json_object_get(s->step, "trials")) + 1));
        if (a->verdict == TL_REDUCE_OTHER && !a->comparison && !a->elsewhere && !a->records)
            tl_reduce_note_other(s, a->other.signature, a->other.outcome, a->other.title, a->id);
    }
    return result;
}

bool tl_reduce_is_spent(const struct tl_reduce_state *s)
{
    const struct tl_reduction *r = s->r;
    /* The executor looks at the clock while trials run; what is done between them takes time as well. */
    return s->stopped || (r->max_trials && s->n_run >= r->max_trials) || tl_executor_out_of_time(r->x) ||
           (r->max_seconds && tl_awake_ns() >= r->started_ns + r->max_seconds * 1000000000ull);
}
