/* Theory of operation. A model that fails is made smaller by lists of edits, each kept only when a trial of what it makes failed
 * in the same way; the order is that in which most is won with the fewest trials:
 *
 *   constants    nodes Constant become initializers: they are half of the nodes of some models
 *   end          the shortest prefix that fails, by bisection along the order in which nodes run (search/prefix.h)
 *   outputs      only what its last node makes, and what that needs
 *   begin        what goes into the last node is recorded from a run of the part before, and the node tried alone with it: the
 *                usual answer
 *   inside       an If becomes the branch that ran, a loop one iteration, a call what is in the function; then from `end` anew
 *   between      where the last node does not fail alone: which of the nodes before it are needed, as a set (search/subset.h)
 *   structural   the same without recorded values, fed with the original's inputs
 *   states       what a loop that stays carries and makes, as a set
 *   bodies       the same of what is in bodies that could not be opened, where it stands
 *   values …     weights, inputs, sizes, attributes, versions, names
 *
 * Each trial goes through the executor, and is known by the number that its edits and inputs make: what ended is not run again
 * by the same command, whatever stopped it. Where the original fails in some of its runs only, what did not fail is run again so
 * often that a failure of that rate is missed in one of a thousand variants.
 *
 * Two models come of it. `model` is the smallest, and may be fed with recorded values; `now` is fed from the original's inputs
 * only. Often they are the same. */
#include "harness/campaign/reduce/difference.h"
#include "harness/campaign/reduce/judge.h"

#include "cases/onnx/graph_names.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/graph_texts.h"
#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_MOST ((size_t)1 << 31)
#define LEVELS_MOST 1000 /* bodies in bodies */
#define AGAIN_MOST 3
#define NAMES_MOST 20000 /* that are looked for in messages */

static int longest_first(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    size_t n = strlen(*x), m = strlen(*y);
    return n != m ? (n < m) - (n > m) : strcmp(*x, *y);
}

/* Of nodes, values and functions, and what `rename` and `texts` call them: texts of the owner stand in messages as names do. */
static void learn_names(struct tl_reduce_state *s, struct tl_onnx_model *m)
{
    struct tl_onnx_node_facts *nodes;
    size_t n, count = 0;
    const char **list = NULL;
    tl_onnx_nodes(m, &nodes, &n);
    for (size_t i = 0; i < n && count < NAMES_MOST; i++) {
        if (nodes[i].name && *nodes[i].name)
            *TL_GROW(list, count) = nodes[i].name;
        if (nodes[i].function && *nodes[i].function)
            *TL_GROW(list, count) = nodes[i].function;
        for (size_t k = 0; k < nodes[i].n_outputs; k++)
            if (*nodes[i].outputs[k])
                *TL_GROW(list, count) = nodes[i].outputs[k];
        for (size_t k = 0; k < nodes[i].n_inputs; k++)
            if (*nodes[i].inputs[k])
                *TL_GROW(list, count) = nodes[i].inputs[k];
    }
    char **texts = NULL, *made[80];
    size_t n_texts = 0;
    tl_onnx_texts(m, &texts, &n_texts);
    for (size_t i = 0; i < n_texts && count < NAMES_MOST; i++)
        *TL_GROW(list, count) = texts[i];
    for (size_t i = 0; i < TL_COUNT(made); i++) {
        made[i] = tl_format("%c%zu", "vnsF"[i % 4], i / 4 + 1);
        *TL_GROW(list, count) = made[i];
    }
    qsort(list, count, sizeof *list, longest_first);
    for (size_t i = 0; i < count; i++)
        if (!i || strcmp(list[i], list[i - 1]) != 0)
            json_array_append_new(s->names, json_string(list[i]));
    for (size_t i = 0; i < TL_COUNT(made); i++)
        free(made[i]);
    tl_onnx_texts_free(texts, n_texts);
    free(list);
    free(nodes);
}

static int begin(struct tl_reduce_state *s, struct tl_error *e)
{
    const char *path = s->r->c->model_file;
    struct tl_onnx_model *m;
    s->directory = tl_format("%.*s", (int)(tl_base_name(path) - path), path);
    s->made = tl_reduce_made_new();
    s->inputs = json_object();
    s->tried = json_object();
    s->asked = json_object();
    s->names = json_array();
    s->steps = json_array();
    s->others = json_array();
    s->repeats = 1;
    if (!(s->bytes = tl_read_file(path, MODEL_MOST, &s->size)))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", path, NULL);
    if (tl_onnx_model_read(s->bytes, s->size, path, &m, e))
        return -1;
    const char **outputs = NULL;
    size_t n_outputs = 0;
    tl_onnx_outputs(m, &outputs, &n_outputs);
    free(outputs);
    if (!n_outputs) {
        tl_onnx_model_free(m);
        return tl_fail(
            e, TL_ERROR_INPUT, "cannot reduce it", path,
            "the graph of the model has no outputs, so that nothing is to be computed: name at least one");
    }
    tl_onnx_edits_begin(&s->now.edits, m);
    learn_names(s, m);
    tl_reduce_judged_begin(s);
    s->nodes = s->nodes_before = tl_reduce_count(s, &s->now);
    s->weights = s->weights_before = tl_reduce_bytes(s, &s->now);
    int result = tl_reduce_given(s, e) || tl_reduce_work_begin(s, e) || tl_reduce_say_changed(s, e) ? -1 : 0;
    if (!result)
        tl_reduce_add_declared(s, m);
    tl_onnx_model_free(m);
    if (!result && s->difference)
        result = tl_reduce_samples_read(s, e) || tl_reduce_other_read(s, e) ? -1 : 0;
    return result;
}

static void end(struct tl_reduce_state *s)
{
    tl_staging_end(&s->staging);
    tl_reduce_made_free(s->made);
    tl_reduce_drop(&s->now);
    tl_reduce_drop(&s->model);
    tl_trial_record_free(&s->target);
    for (size_t i = 0; i < s->n_samples; i++)
        json_decref(s->samples[i]);
    if (!s->n_samples) /* else it is one of them */
        json_decref(s->inputs);
    free(s->samples);
    tl_case_free(s->control.c);
    tl_reduce_newest_end(s);
    tl_reduce_cause_end(s);
    tl_case_free(s->roomy);
    json_decref(s->tried);
    json_decref(s->asked);
    json_decref(s->tried_before);
    json_decref(s->names);
    json_decref(s->steps);
    json_decref(s->others);
    json_decref(s->said);
    json_decref(s->otherwise);
    json_decref(s->processes);
    free(s->bytes);
    free(s->directory);
    free(s->work);
}

/* Nodes between, and then where what is left ends and begins, as long as that takes more away: nodes that failed by themselves
 * may have hidden that before. */
static int between(struct tl_reduce_state *s, bool alone, struct tl_error *e)
{
    size_t before = tl_reduce_count(s, &s->now);
    int result = tl_reduce_between(s, alone, e);
    for (int again = 0; again < AGAIN_MOST && !result && !s->stopped && !s->difference; again++) {
        size_t now = tl_reduce_count(s, &s->now);
        struct tl_reduce_candidate model = tl_reduce_copy(&s->model);
        const bool recorded = s->recorded, shown[] = {s->model_minimal, s->structural_minimal};
        bool more = now > 1 && now < before && !(recorded ? shown[0] : shown[1]);
        if (more && !(result = tl_reduce_end(s, e)))
            more = tl_reduce_count(s, &s->now) < now;
        if (more && !result && !s->stopped) {
            tl_reduce_drop(&s->model);
            s->recorded = alone = false;
            result =
                tl_reduce_alone(s, &alone, e) || (!s->stopped && tl_reduce_between(s, alone, e)) ? -1 : 0;
        }
        /* What there was is not lost where that was not ended, or found nothing smaller. */
        if (!s->model.edits.list && model.edits.list &&
            tl_reduce_count(s, &model) < tl_reduce_count(s, &s->now)) {
            tl_reduce_take(&s->model, &model);
            s->recorded = recorded;
            s->model_minimal = shown[0];
        }
        if (!more) {
            s->model_minimal = shown[0];
            s->structural_minimal = shown[1];
        }
        before = now;
        tl_reduce_drop(&model);
        if (!more)
            break;
    }
    return result;
}

/* Nor is what is left the least while the model that ends one node earlier fails as well. */
static int between_to_the_end(struct tl_reduce_state *s, bool alone, struct tl_error *e)
{
    bool ends = true;
    int result = between(s, alone, e);
    while (ends && !result && !s->stopped) {
        result = tl_reduce_end_earlier(s, &ends, e);
        if (!ends || result || s->stopped)
            break;
        struct tl_reduce_candidate model = tl_reduce_copy(&s->model);
        const bool recorded = s->recorded, shown = s->model_minimal;
        tl_reduce_drop(&s->model);
        s->recorded = alone = false;
        result = tl_reduce_alone(s, &alone, e) || (!s->stopped && between(s, alone, e)) ? -1 : 0;
        if (!s->model.edits.list && model.edits.list && !s->difference &&
            tl_reduce_count(s, &model) < tl_reduce_count(s, &s->now)) {
            tl_reduce_take(&s->model, &model);
            s->recorded = recorded;
            s->model_minimal = shown;
        }
        tl_reduce_drop(&model);
    }
    s->structural_minimal = s->structural_minimal && !s->stopped;
    return result;
}

/* A runtime runs what leads to no output as well, and may die of it there. Where the failure is gone without that, it stays. */
static int look_at_unread(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = s->difference ? NULL : tl_reduce_load(s, &s->now, &ignored);
    struct tl_reduce_candidate without = tl_reduce_copy(&s->now);
    const char **outputs = NULL;
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    size_t n = 0;
    int result = 0;
    if (m)
        tl_onnx_outputs(m, &outputs, &n);
    if (n)
        tl_onnx_edit_outputs(&without.edits, outputs, n);
    size_t left = n ? tl_reduce_count(s, &without) : 0;
    if (left && left < s->nodes) {
        tl_reduce_step(s, "unread");
        tl_reduce_tell(s, "");
        result = tl_reduce_try(s, &without, &v, e);
    }
    if (!result && v == TL_REDUCE_FAIL)
        tl_reduce_take(&s->now, &without);
    else if (!result && (v == TL_REDUCE_PASS || v == TL_REDUCE_OTHER))
        tl_onnx_edits_add(&s->now.edits, "unread", json_true());
    s->nodes = tl_reduce_count(s, &s->now);
    tl_reduce_drop(&without);
    free(outputs);
    tl_onnx_model_free(m);
    return result;
}

/* What loops that stay hand on, and what is in bodies that stay. */
static int inside(struct tl_reduce_state *s, struct tl_reduce_candidate *k, bool *minimal, struct tl_error *e)
{
    int result = tl_reduce_states(s, k, minimal, e);
    return !result && !s->stopped ? tl_reduce_bodies(s, k, minimal, e) : result;
}

/* Until nothing is left to be opened. */
static int cut(struct tl_reduce_state *s, struct tl_error *e)
{
    bool alone = false, opened = true;
    int result = tl_reduce_tell_types(s, e) || (!s->stopped && tl_reduce_bulk(s, e)) ||
                         (!s->stopped && tl_reduce_fold(s, e)) || (!s->stopped && look_at_unread(s, e))
                     ? -1
                     : 0;
    if (!result && !s->stopped && !s->difference)
        result = tl_reduce_outputs(s, e);
    for (int level = 0; level < LEVELS_MOST && opened && !result && !s->stopped; level++) {
        tl_reduce_drop(&s->model);
        s->recorded = opened = false;
        result = (s->difference ? tl_reduce_locate(s, e) : tl_reduce_end(s, e)) ||
                         (!level && tl_reduce_newest_at_end(s, e)) ||
                         (!s->stopped && tl_reduce_alone(s, &alone, e))
                     ? -1
                     : 0;
        if (!result && !s->stopped)
            result = tl_reduce_open(s, &opened, e);
    }
    if (!result && !s->stopped)
        result = between_to_the_end(s, alone, e);
    if (!result && !s->stopped && s->model.edits.list)
        result = inside(s, &s->model, &s->model_minimal, e);
    if (!result && !s->stopped)
        result = inside(s, &s->now, &s->structural_minimal, e);
    s->nodes = tl_reduce_count(s, s->model.edits.list ? &s->model : &s->now);
    return result;
}

static int cut_anew(struct tl_reduce_state *s, struct tl_reduce_candidate *whole, struct tl_error *e)
{
    struct tl_reduce_candidate now = tl_reduce_copy(whole);
    tl_reduce_drop(&s->model);
    tl_reduce_take(&s->now, &now);
    tl_reduce_drop(&now);
    s->recorded = s->fed = s->model_minimal = s->structural_minimal = false;
    s->begins = TL_REDUCE_BEGIN_FIXED;
    s->nodes = s->nodes_before;
    return cut(s, e);
}

/* The nodes that are left have to do on the newest build what the original does there: else each variant has to. */
static int cut_as_newest(struct tl_reduce_state *s, struct tl_reduce_candidate *whole, struct tl_error *e)
{
    bool agrees = true;
    int result = cut(s, e);
    if (!result && s->model.edits.list)
        result = tl_reduce_newest_agrees(s, &s->model, &agrees, e);
    if (!result && agrees)
        result = tl_reduce_newest_agrees(s, &s->now, &agrees, e);
    if (result || agrees || s->stopped)
        return result;
    tl_reduce_newest_follow(s, true);
    return cut_anew(s, s->newest.end.edits.list ? &s->newest.end : whole, e);
}

/* What is left has to fail for the optimiser for which the original does: else each variant has to. */
static int cut_as_cause(struct tl_reduce_state *s, struct tl_reduce_candidate *whole, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    const struct tl_reduce_gap first = d ? d->first : (struct tl_reduce_gap){0};
    const double noise = d ? d->noise : 0;
    char *output = d ? tl_strdup(d->output) : NULL;
    bool agrees = true;
    int result = cut_as_newest(s, whole, e) || tl_reduce_cause(s, &agrees, e) ? -1 : 0;
    if (!result && !agrees && !s->stopped) {
        tl_reduce_cause_follow(s, true);
        if (d) { /* where it begins is looked for anew, too */
            tl_reduce_gap_target(s, &first, output, noise);
            json_decref(d->where);
            d->where = NULL;
        }
        result = cut_anew(s, whole, e);
    }
    free(output);
    return result;
}

/* What is left has to fail in a process of its own where the original does: else each variant has to. */
static int cut_surely(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_candidate whole = tl_reduce_copy(&s->now);
    int result = cut_as_cause(s, &whole, e);
    if (!result)
        result = tl_reduce_look_for_room(s, &whole, e);
    if (!result)
        result = tl_reduce_surely_begin(s, s->model.edits.list ? &s->model : &s->now, e);
    if (!result && s->asks && s->recorded)
        result = tl_reduce_surely_begin(s, &s->now, e);
    bool again = !result && !s->stopped && !s->asks && tl_reduce_may_be_an_edge(s);
    if (again)
        result = tl_reduce_surely_begin(s, &whole, e);
    if (again && !result && !s->stopped && s->asks) {
        tl_reduce_sure(s, true);
        result = cut_anew(s, &whole, e);
    } else if (again) {
        s->asks = false;
    }
    tl_reduce_drop(&whole);
    return result;
}

static json_t *not_reproduced(const struct tl_reduce_state *s)
{
    json_t *d = json_pack("{s:i,s:s,s:s,s:b,s:[I,I],s:n,s:b}", "reduction", 1, "case", s->r->c->name, "unit",
                          s->r->unit->text, "reproduced", 0, "rate", (json_int_t)0, (json_int_t)s->runs,
                          "finding", "complete", !s->stopped);
    if (s->difference)
        json_object_set_new(d, "difference", tl_reduce_difference_json(s));
    return d;
}

/* Where a difference begins, and no more. */
static int first_difference(struct tl_reduce_state *s, json_t **document, struct tl_error *e)
{
    if (tl_reduce_fold(s, e) || (!s->stopped && tl_reduce_locate(s, e)))
        return -1;
    tl_reduce_step(s, NULL);
    *document = json_pack("{s:i,s:s,s:s,s:b,s:[I,I],s:n,s:b,s:s,s:I,s:I,s:O,s:o}", "reduction", 1, "case",
                          s->r->c->name, "unit", s->r->unit->text, "reproduced", 1, "rate",
                          (json_int_t)s->failed, (json_int_t)s->runs, "finding", "complete", !s->stopped,
                          "outcome", tl_outcome_name(s->target.outcome), "trials",
                          (json_int_t)(s->n_run + s->n_cached), "cached", (json_int_t)s->n_cached, "steps",
                          s->steps, "difference", tl_reduce_difference_json(s));
    return 0;
}

/* With each sample, until one fails. */
static int run_original(struct tl_reduce_state *s, struct tl_error *e)
{
    int result = s->n_samples ? 0 : tl_reduce_original(s, e);
    for (size_t i = 0; i < s->n_samples && !s->failed && !s->stopped && !result; i++) {
        s->inputs = s->samples[i];
        s->runs = 0;
        result = tl_reduce_original(s, e);
    }
    if (result || !s->difference)
        return result;
    return s->failed ? tl_reduce_difference_target(s, e) : tl_reduce_difference_none(s, e);
}

/* The same from the beginning, in another way. */
static int run_again(struct tl_reduction *r, uint64_t n_run, json_t **document, struct tl_error *e)
{
    if (r->max_trials)
        r->max_trials = r->max_trials > n_run ? r->max_trials - n_run : 1;
    return tl_reduce_run_one(r, NULL, document, e);
}

/* Where memory is filled: then what hangs on it fails each time. */
static int run_filled(const struct tl_reduction *r, const char *byte, uint64_t n_run, json_t **document,
                      struct tl_error *e)
{
    struct tl_reduction filled = *r;
    struct tl_case *c = tl_reduce_case_filled(r->c, byte);
    if (!c)
        return tl_fail(e, TL_ERROR_INPUT, "cannot reduce it", r->c->path,
                       "its case cannot have " TL_REDUCE_FILLING " in its environment");
    filled.c = c;
    filled.filled = filled.fresh = true; /* what a process had in memory before it was forked is its own */
    int result = run_again(&filled, n_run, document, e);
    tl_case_free(c);
    return result;
}

int tl_reduce_run_one(const struct tl_reduction *r, struct tl_reduce_difference *difference,
                      json_t **document, struct tl_error *e)
{
    struct tl_reduce_state s = {.r = r, .difference = difference, .staging = {NULL, -1}};
    *document = NULL;
    tl_executor_deadline(r->x, r->max_seconds ? r->started_ns + r->max_seconds * 1000000000ull : 0);
    int result = begin(&s, e);
    if (!result) {
        tl_reduce_step(&s, "original");
        tl_reduce_tell(&s, "");
        result = run_original(&s, e) || tl_reduce_look_at_memory(&s, e) ||
                         (!s.fill && s.failed && (tl_reduce_control(&s, e) || tl_reduce_newest(&s, e)))
                     ? -1
                     : 0;
    }
    if (!result && s.fill) {
        const char *byte = s.fill;
        const uint64_t n_run = s.n_run;
        tl_reduce_ahead_end(&s);
        end(&s);
        return run_filled(r, byte, n_run, document, e);
    }
    if (!result && !s.failed)
        *document = not_reproduced(&s);
    else if (!result && r->first_difference)
        result = first_difference(&s, document, e);
    else if (!result)
        result = cut_surely(&s, e);
    if (!result && s.crashed && !s.stopped && !r->longer && !s.difference && !s.judged) {
        struct tl_reduction longer = *r;
        const uint64_t n_run = s.n_run;
        longer.longer = true;
        tl_reduce_ahead_end(&s);
        end(&s);
        return run_again(&longer, n_run, document, e);
    }
    if (!result && s.failed && !r->first_difference)
        result = tl_reduce_result(&s, document, e);
    tl_reduce_ahead_end(&s);
    tl_executor_deadline(r->x, 0);
    if (!result && !s.stopped && r->work) {
        free(*r->work);
        *r->work = tl_strdup(s.work);
    }
    if (result && s.failed && tl_executor_interrupted(r->x)) {
        struct tl_error ignored;
        json_decref(*document);
        *document = NULL;
        if (tl_reduce_so_far(&s, document, &ignored))
            *document = NULL; /* what stopped it is said all the same */
    }
    end(&s);
    return result;
}
