/* One trial of a reduction, and whether it fails in the same way: with the same signature, or as `isolate` judges it where no
 * build tells. Names of nodes and values in a message are no part of a failure, as a variant has others. */
#include "harness/campaign/reduce_parts.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/campaign/judge.h"
#include "harness/campaign/reduce_difference.h"
#include "harness/verdict/kind.h"
#include "harness/verdict/related.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_RUNS 3    /* of the original */
#define REPEATS_MOST 40 /* a failure in a tenth of the runs is then missed once in seventy times */
#define TOLD_ANYWHERE 5 /* letters of a name that is one within a word, too: runtimes make names of names */
#define NAMED_MOST (1 << 16) /* bytes of a message in which names are looked for */

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c < 0;
}

/* A node with bodies quotes what went wrong in one of them, level by level. The failure is the innermost one, wherever it stands. */
static char *innermost(char *message)
{
    static const char quoting[] = "Non-zero status code returned while running ";
    char *last = NULL;
    for (char *at = message; at && (at = strstr(at, quoting)); at++)
        last = at;
    if (last)
        memmove(message, last, strlen(last) + 1);
    return message;
}

/* A message without the names of nodes and values: the variant has others than the original, or other ones are in it. */
static char *without_names(const struct tl_reduce_state *s, const char *message)
{
    if (!message || strlen(message) > NAMED_MOST)
        return tl_strdup(message);
    char *text = tl_strdup(message);
    json_t *name;
    size_t i;
    json_array_foreach(s->names, i, name) {
        const char *word = json_string_value(name);
        size_t n = json_string_length(name);
        for (char *at = text; (at = strstr(at, word)); at++)
            if (n >= TOLD_ANYWHERE || ((at == text || !is_word(at[-1]) || !is_word(*word)) &&
                                       (!is_word(at[n]) || !is_word(word[n - 1])))) {
                *at = '*';
                memmove(at + 1, at + n, strlen(at + n) + 1);
            }
    }
    /* A node that has no name is called '', and n1 where names are new ones. */
    struct tl_buffer b = TL_BUFFER_INIT;
    for (const char *at = text; *at; at++) {
        tl_buffer_add(&b, at, 1);
        if (at[0] == '\'' && at[1] == '\'')
            tl_buffer_add_string(&b, "*");
    }
    free(text);
    return b.data ? tl_buffer_take(&b) : tl_strdup("");
}

static bool is_same(const struct tl_reduce_state *s, const struct tl_trial_record *r)
{
    struct tl_trial_record a = s->target, b = *r;
    enum tl_judged_by by;
    if (a.outcome != b.outcome || a.phase != b.phase || a.signal != b.signal)
        return false;
    if (!strcmp(a.signature.id, b.signature.id))
        return true;
    a.message = innermost(without_names(s, a.message));
    b.message = innermost(without_names(s, b.message));
    bool same = a.outcome == TL_OUTCOME_ERROR || a.outcome == TL_OUTCOME_WRONG
                    ? tl_failure_same_kind(&a, &b)
                    : tl_failure_related(&a, &b) || tl_judge_without_builds(&a, &b, &by) == TL_RELATION_SAME;
    free(a.message);
    free(b.message);
    return same;
}

static enum tl_reduce_verdict verdict_of(struct tl_reduce_state *s, const struct tl_trial_record *r)
{
    if (s->difference)
        return tl_reduce_gap_verdict(s, r);
    enum tl_reduce_verdict judged;
    if (tl_reduce_judged_verdict(s, r, &judged))
        return judged;
    if (r->outcome == TL_OUTCOME_PASS)
        return TL_REDUCE_PASS;
    if (r->outcome == TL_OUTCOME_UNSUPPORTED || r->outcome == TL_OUTCOME_LOST)
        return TL_REDUCE_INVALID;
    if (!*s->target.id || is_same(s, r))
        return TL_REDUCE_FAIL; /* the first failure of the original is the one that is meant */
    /* What the runtime refuses is no smaller model of the failure, and no other failure either. */
    if (r->outcome == TL_OUTCOME_ERROR && s->target.outcome != TL_OUTCOME_ERROR)
        return TL_REDUCE_INVALID;
    return TL_REDUCE_OTHER;
}

static void note_other(struct tl_reduce_state *s, const struct tl_trial_record *r)
{
    json_t *other;
    size_t i;
    json_array_foreach(s->others, i, other)
        if (!strcmp(json_string_value(json_object_get(other, "signature")), r->signature.id)) {
            json_object_set_new(other, "trials",
                                json_integer(json_integer_value(json_object_get(other, "trials")) + 1));
            return;
        }
    json_array_append_new(s->others, json_pack("{s:s,s:s,s:s,s:s,s:i}", "signature", r->signature.id,
                                               "outcome", tl_outcome_name(r->outcome), "title",
                                               r->signature.title ? r->signature.title : "", "trial", r->id,
                                               "trials", 1));
}

struct answer {
    struct tl_reduce_state *s;
    bool ended, cached, stopped, failed, untried;
    enum tl_reduce_verdict verdict;
    char id[TL_UUID_SIZE];
    struct tl_error error;
    json_t **comparison; /* where it is to be left; NULL */
};

static void on_trial(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct answer *a = arg;
    a->ended = true;
    a->cached = cached;
    a->stopped = failure && failure->kind == TL_ERROR_INTERRUPTED;
    a->failed = failure && !a->stopped;
    if (failure) {
        a->error = *failure;
        return;
    }
    memcpy(a->id, r->id, sizeof a->id);
    a->stopped = r->outcome == TL_OUTCOME_LOST;
    a->verdict = verdict_of(a->s, r);
    if (a->comparison) {
        *a->comparison = json_deep_copy(json_object_get(r->result, "reference"));
        return;
    }
    a->untried = r->outcome == TL_OUTCOME_UNSUPPORTED ||
                 (a->s->judged && a->verdict == TL_REDUCE_INVALID && !*a->s->target.id && !a->stopped);
    if (a->untried)
        tl_fail(&a->error, TL_ERROR_INPUT, "the model cannot be tried", r->unit, "%s%s",
                r->message ? r->message : "its runner does not say why",
                a->s->judged ? " (statuses 125, 126 and 127 say that a command could not judge)" : "");
    if (a->verdict == TL_REDUCE_OTHER)
        note_other(a->s, r);
}

struct one {
    const struct tl_unit *unit;
    uint64_t number;
    const struct tl_reduce_files *files;
    const char *keep;
    unsigned repeat;
    bool anew;
    const struct tl_reduce_side *side; /* NULL: the unit that is at fault */
    json_t **comparison;               /* where what came of it is left; NULL */
};

static int run(struct tl_reduce_state *s, const struct one *one, struct answer *a, struct tl_error *e)
{
    const struct tl_reduction *r = s->r;
    const struct tl_case *c = one->side ? one->side->c : one->unit == r->recorder ? r->recording : r->c;
    const struct tl_reduce_files *f = one->files;
    struct tl_variant v = tl_variant_copy(c, one->side ? &one->side->v : r->failing);
    size_t axis = 0;
    tl_case_axis(c, TL_REDUCE_AXIS, &axis);
    v.index[axis] = one->number;
    const struct tl_request request = {.c = c,
                                       .variant = &v,
                                       .unit = one->unit,
                                       .fresh = r->fresh,
                                       .use_cache = !r->no_cache && !one->anew,
                                       .keep_outputs = one->keep,
                                       .repeat = one->repeat,
                                       .model = one->side && one->side->other_model ? f->reference : f->model,
                                       .inputs = f->inputs,
                                       .reference_model = f->reference,
                                       .reference_inputs = f->reference_inputs,
                                       .reference_place = f->expected};
    *a = (struct answer){.s = s, .comparison = one->comparison};
    int result = tl_executor_submit(r->x, &request, on_trial, a, e);
    while (!result && !a->ended) {
        result = tl_executor_step(r->x, e);
        if (!a->ended && tl_executor_interrupted(r->x) && !tl_executor_in_flight(r->x))
            break;
    }
    tl_variant_free(&v);
    if (!result && (!a->ended || (a->stopped && tl_executor_interrupted(r->x))))
        return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", one->unit->text, "the same command goes on");
    if (!result && a->failed) {
        *e = a->error;
        return -1;
    }
    if (!result && a->ended && !a->stopped) {
        s->n_cached += a->cached;
        s->n_run += !a->cached;
        json_object_set_new(s->step, "trials",
                            json_integer(json_integer_value(json_object_get(s->step, "trials")) + 1));
    }
    return result;
}

static bool is_spent(const struct tl_reduce_state *s)
{
    return s->stopped || (s->r->max_trials && s->n_run >= s->r->max_trials) ||
           tl_executor_out_of_time(s->r->x);
}

static void count_rejected(struct tl_reduce_state *s, enum tl_reduce_verdict v)
{
    const char *name = v == TL_REDUCE_OTHER ? "rejected" : v == TL_REDUCE_INVALID ? "invalid" : NULL;
    if (name)
        json_object_set_new(s->step, name,
                            json_integer(json_integer_value(json_object_get(s->step, name)) + 1));
}

int tl_reduce_try_one(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                      enum tl_reduce_verdict *v, struct tl_error *e)
{
    uint64_t number;
    struct tl_reduce_files files = {0};
    struct answer a;
    char key[24];
    *v = TL_REDUCE_INVALID;
    if (is_spent(s)) {
        s->stopped = true;
        *v = TL_REDUCE_STOPPED;
        return 0;
    }
    if (tl_reduce_number(s, k, &number, e))
        return -1;
    snprintf(key, sizeof key, "%llu", (unsigned long long)number);
    const json_t *known = json_object_get(s->tried, key);
    if (known) {
        *v = (enum tl_reduce_verdict)json_integer_value(known);
        return 0;
    }
    int result = tl_reduce_make_files(s, k, number, &files, e);
    for (unsigned i = 0; !result && i < s->repeats && *v != TL_REDUCE_FAIL && *v != TL_REDUCE_STOPPED; i++) {
        const struct one one = {.unit = s->r->unit, .number = number, .files = &files, .repeat = i};
        if (i && is_spent(s))
            a = (struct answer){.stopped = true};
        else
            result = run(s, &one, &a, e);
        if (!result && (!i || a.stopped || a.verdict == TL_REDUCE_FAIL || *v == TL_REDUCE_INVALID))
            *v = a.stopped ? TL_REDUCE_STOPPED : a.verdict;
    }
    tl_reduce_remove_files(&files);
    if (result < 0)
        return -1;
    s->stopped = s->stopped || *v == TL_REDUCE_STOPPED;
    if (*v != TL_REDUCE_STOPPED)
        json_object_set_new(s->tried, key, json_integer(*v));
    count_rejected(s, *v);
    return 0;
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
    struct answer a = {0};
    uint64_t number;
    *comparison = NULL;
    if (is_spent(s)) {
        s->stopped = true;
        return 0;
    }
    if (tl_reduce_number(s, k, &number, e))
        return -1;
    int result = tl_reduce_make_files(s, k, number, &files, e);
    if (!result && side && side->rounded)
        result = tl_reduce_round_inputs(s, &files, e);
    if (!result) {
        const struct one one = {.unit = side ? side->unit : s->r->unit,
                                .number = number,
                                .files = &files,
                                .side = side,
                                .comparison = comparison};
        result = run(s, &one, &a, e);
    }
    if (!result && a.ended && a.stopped)
        s->stopped = true;
    if (result > 0 || (!result && !a.stopped && a.verdict == TL_REDUCE_INVALID))
        json_object_set_new(s->step, "invalid",
                            json_integer(json_integer_value(json_object_get(s->step, "invalid")) + 1));
    tl_reduce_remove_files(&files);
    return result < 0 ? -1 : 0;
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

int tl_reduce_original(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_files files = {0};
    uint64_t number = 0;
    int result = tl_reduce_number(s, &s->now, &number, e);
    result = result ? result : tl_reduce_make_files(s, &s->now, number, &files, e);
    if (result > 0)
        result = tl_fail(e, TL_ERROR_INPUT, "cannot reduce it", s->r->c->model_file,
                         "an input is not given, and cannot be made; name it with --inputs NAME=FILE.npy");
    /* One that does not always fail is looked at longer. */
    for (unsigned i = 0, most = FIRST_RUNS; !result && i < most; i++) {
        struct answer a;
        const struct one one = {.unit = s->r->unit, .number = number, .files = &files, .repeat = i};
        if (is_spent(s) && i) {
            s->stopped = true;
            break;
        }
        if ((result = run(s, &one, &a, e)))
            break;
        if (a.stopped) {
            s->stopped = true;
            break;
        }
        if (a.untried) {
            *e = a.error;
            result = -1;
            break;
        }
        s->runs++;
        if (a.verdict == TL_REDUCE_FAIL) {
            s->failed++;
            if (!*s->target.id)
                result = tl_query_trial(tl_executor_store(s->r->x), a.id, &s->target, e);
        }
        if (i + 1 == FIRST_RUNS && s->failed < s->runs)
            most = s->failed ? 20 : 10;
    }
    s->repeats = s->failed ? repeats_of(s->failed, s->runs) : 1;
    tl_reduce_remove_files(&files);
    return result;
}

int tl_reduce_keep_outputs(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                           const struct tl_unit *unit, const char *directory, bool *kept, struct tl_error *e)
{
    struct tl_reduce_files files = {0};
    struct answer a = {0};
    uint64_t number;
    *kept = false;
    if (is_spent(s)) {
        s->stopped = true;
        return 0;
    }
    if (tl_reduce_number(s, k, &number, e))
        return -1;
    char *making = tl_format("%s.making", directory), *made = NULL;
    tl_remove_tree(making);
    int result = tl_reduce_make_files(s, k, number, &files, e);
    if (!result) {
        const struct one one = {.unit = s->difference ? s->difference->reference.unit : unit,
                                .number = number,
                                .files = &files,
                                .side = s->difference ? &s->difference->reference : NULL,
                                .keep = making,
                                .anew = true};
        result = run(s, &one, &a, e);
    }
    if (!result && a.ended && !a.stopped) {
        made = tl_format("%s/%s", making, a.id);
        *kept = !rename(made, directory);
    }
    s->stopped = s->stopped || a.stopped;
    tl_remove_tree(making);
    tl_reduce_remove_files(&files);
    free(made);
    free(making);
    return result < 0 ? -1 : 0;
}
