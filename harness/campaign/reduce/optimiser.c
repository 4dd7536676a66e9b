/* Which optimiser of the runtime is needed for the failure: where it is gone at a lower level of optimisation, the fewest
 * optimisers without which it is gone at the level at which it fails.
 *
 * A runtime that can leave optimisers out is told which by an entry of its session's configuration, a set of names. What is
 * searched is the smallest set with which the model passes; the empty one is known to fail. That is the search for the smallest
 * part (harness/search/subset.h) with "it passes" in the place of "it fails".
 *
 * The names are those that the runtime's log has in a trial at that level, which the runner tells as counts, with how often each
 * changed the graph. What changed nothing is rarely needed, so those that did are tried first. Of a session that dies while it
 * is made the log ends before the optimiser that kills it: the names of the others are those of a model of one node, as a build
 * has the same for each model. The answer has a name only when the runtime, told to leave it out, passes.
 *
 * A rule-based transformer of ONNX Runtime holds rules that are not in its log. Where one is needed, its rules are searched in
 * the same way, by names that are known: a name that the build does not have changes nothing. */
#include "harness/campaign/reduce/difference.h"
#include "harness/campaign/reduce/parts.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/executor/unit_about.h"
#include "harness/search/subset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TELL "tell_optimizers"
#define COUNTED "optimizer:" /* what the names of the counts begin with (runners/onnxruntime/optimizers.h) */
#define RULES_OF "_RuleBasedTransformer"
#define LEVEL_DEFAULT 99
#define MORE_MOST 8 /* sets beside the first */

/* RewriteRule names of ONNX Runtime 1.18.0 to 1.30.0: GenerateRewriteRules of its graph_transformer_utils.cc has the classes, and
 * the header of each its name. */
static const char *const rules[] = {
    "CastChainElimination", "CastElimination",      "ClipQuantRewrite",   "ConvAddFusion",
    "ConvBNFusion",         "ConvMulFusion",        "DivMulFusion",       "EliminateDropout",
    "EliminateIdentity",    "EliminateSlice",       "ExpandElimination",  "FuseReluClip",
    "GemmSumFusion",        "GemmTransposeFusion",  "LabelEncoderFusion", "MatMul_BatchNormalization_Fusion",
    "NoopElimination",      "NotWhereFusion",       "Pad_Fusion",         "PreShapeNodeElimination",
    "ReluQuantRewrite",     "UnsqueezeElimination",
};

#define SINCE "ONNX Runtime can leave some out from 1.18.0 on"

static const char ended_early[] = "the search was ended early";

/* One node Identity of a constant, without an input: a session of it can be made wherever one can. */
static const unsigned char one_node[] = {8,   7,   58,  45,  10,  16,  10,  1,   120, 18, 1,   121, 34, 8,
                                         73,  100, 101, 110, 116, 105, 116, 121, 18,  1,  103, 42,  11, 16,
                                         1,   66,  1,   120, 74,  4,   0,   0,   128, 63, 98,  9,   10, 1,
                                         121, 18,  4,   10,  2,   8,   1,   66,  4,   10, 0,   16,  12};

struct search {
    struct tl_reduce_state *s;
    const struct tl_reduce_candidate *k; /* the model */
    struct tl_case *logged;              /* with the axes of the level, and of telling */
    json_int_t level;                    /* at which it fails */
    bool
        otherwise; /* it passes at no lower level, and fails in another way there: that is what counts as gone */
    struct tl_case *c;   /* with the axis of the set, too, once the names are known */
    json_t *names;       /* of all optimisers of this build at that level */
    json_t *changed;     /* that changed the graph */
    bool made;           /* a session was: no optimiser died */
    json_t *first;       /* to be tried first: those, and those that a death came before */
    const json_t *known; /* an answer before, whose names are tried first; NULL */
};

static json_t *rule_names(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < TL_COUNT(rules); i++)
        json_array_append_new(list, json_string(rules[i]));
    return list;
}

/* What is in a, and not in b. */
static json_t *without(const json_t *a, const json_t *b)
{
    json_t *list = json_array(), *one, *other;
    size_t i, k;
    json_array_foreach(a, i, one) {
        bool in = false;
        json_array_foreach(b, k, other)
            in = in || json_equal(one, other);
        if (!in)
            json_array_append(list, one);
    }
    return list;
}

/* --- cases and trials ---------------------------------------------------------------------------------------------- */

int tl_reduce_case_with(const struct tl_reduce_state *s, const json_t *elements, struct tl_case **c,
                        struct tl_error *e)
{
    static const json_int_t levels[] = {99, 0, 1, 2};
    struct tl_mistakes mistakes = {0};
    json_t *document = json_deep_copy(s->r->c->document), *axes = json_object_get(document, "axes"), *axis,
           *choices = json_array();
    size_t i;
    for (i = json_array_size(axes); i-- > 0;) {
        axis = json_array_get(axes, i);
        const char *name = json_string_value(json_object_get(axis, "name"));
        if (name && !strcmp(name, TL_REDUCE_LEVEL))
            json_array_remove(axes, i);
    }
    for (i = 0; i < TL_COUNT(levels); i++)
        json_array_append_new(choices, json_integer(levels[i]));
    json_array_append_new(axes, json_pack("{s:s,s:o}", "name", TL_REDUCE_LEVEL, "choices", choices));
    json_array_append_new(axes, json_pack("{s:s,s:[b,b]}", "name", TELL, "choices", 0, 1));
    if (elements)
        json_array_append_new(axes, json_pack("{s:s,s:O}", "name", TL_REDUCE_OPTIMISERS, "subset", elements));
    char *text = json_dumps(document, JSON_INDENT(1));
    int result = tl_case_parse(text, strlen(text), s->r->c->path, c, &mistakes, e);
    if (result && mistakes.n)
        tl_fail(e, TL_ERROR_ENVIRONMENT, "the case of a search for optimisers is wrong", s->r->c->path,
                "%s: %s", mistakes.list[0].path, mistakes.list[0].expected);
    tl_mistakes_free(&mistakes);
    free(text);
    json_decref(document);
    return result;
}

/* One trial, or as many as it takes to believe a pass. disabled: NULL for none; id: TL_UUID_SIZE of the last trial. */
static int try_with(struct search *x, json_int_t level, bool tell, json_t *disabled, const char *tiny,
                    const char *no_inputs, enum tl_reduce_verdict *v, char *id, struct tl_error *e)
{
    const struct tl_case *c = disabled ? x->c : x->logged;
    json_t *values = tl_variant_object(x->s->r->c, x->s->r->failing);
    struct tl_variant variant;
    json_object_set_new(values, TL_REDUCE_LEVEL, json_integer(level));
    json_object_set_new(values, TELL, json_boolean(tell));
    if (disabled)
        json_object_set(values, TL_REDUCE_OPTIMISERS, disabled);
    int result = tl_variant_from_json(c, values, &variant, e);
    json_decref(values);
    if (result)
        return -1;
    const struct tl_reduce_other other = {
        .c = c, .variant = &variant, .k = tiny ? NULL : x->k, .model = tiny, .inputs = no_inputs};
    result = tl_reduce_try_on(x->s, &other, v, id, e);
    tl_variant_free(&variant);
    return result;
}

/* Whether a model without something does not fail so any more. */
static bool is_gone(const struct search *x, enum tl_reduce_verdict v)
{
    return v == TL_REDUCE_PASS || (x->otherwise && v == TL_REDUCE_OTHER);
}

static int passes_without(struct search *x, json_t *disabled, bool *passes, struct tl_error *e)
{
    enum tl_reduce_verdict v;
    char id[TL_UUID_SIZE];
    int result = try_with(x, x->level, false, disabled, NULL, NULL, &v, id, e);
    *passes = !result && is_gone(x, v);
    return result;
}

/* --- names ----------------------------------------------------------------------------------------------------------- */

/* Of a trial: NAME -> how often it changed the graph. A new reference, never NULL. */
static json_t *told_in(const struct tl_reduce_state *s, const char *id, bool *made)
{
    struct tl_trial_record r = {0};
    struct tl_error ignored;
    json_t *told = json_object(), *value;
    const char *name;
    *made = false;
    if (tl_query_trial(tl_executor_store(s->r->x), id, &r, &ignored))
        return told;
    json_object_foreach(json_object_get(r.result, "counts"), name, value)
        if (!strncmp(name, COUNTED, strlen(COUNTED)))
            json_object_set(told, name + strlen(COUNTED), value);
    *made = r.phase > TL_PHASE_COMPILE;
    tl_trial_record_free(&r);
    return told;
}

static int told_of_one_node(struct search *x, json_t **told, struct tl_error *e)
{
    const char *place = x->s->staging.path;
    char *model = tl_format("%s/one-node.onnx", place), *inputs = tl_format("%s/one-node.json", place),
         id[TL_UUID_SIZE];
    enum tl_reduce_verdict v = TL_REDUCE_STOPPED;
    bool made;
    *told = NULL;
    int result = tl_replace_file(model, (const char *)one_node, sizeof one_node, 0600, false) ||
                         tl_replace_file(inputs, "[]", 2, 0600, false)
                     ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", model,
                                     "free some space, or set XDG_CACHE_HOME to another place")
                     : try_with(x, x->level, true, NULL, model, inputs, &v, id, e);
    if (!result && v != TL_REDUCE_STOPPED)
        *told = told_in(x->s, id, &made);
    free(inputs);
    free(model);
    return result;
}

/* Fills names, changed and first. They stay empty where nothing is told. */
static int learn_names(struct search *x, struct tl_error *e)
{
    enum tl_reduce_verdict v;
    char id[TL_UUID_SIZE];
    bool made = false;
    json_t *told = NULL, *all = NULL, *count;
    const char *name;
    tl_reduce_tell(x->s, "which there are");
    int result = try_with(x, x->level, true, NULL, NULL, NULL, &v, id, e);
    if (!result && v != TL_REDUCE_STOPPED)
        told = told_in(x->s, id, &made);
    if (told && !made)
        result = told_of_one_node(x, &all, e);
    json_object_foreach(told, name, count) {
        json_array_append_new(x->names, json_string(name));
        if (json_integer_value(count) > 0)
            json_array_append_new(x->changed, json_string(name));
    }
    x->made = made;
    json_array_extend(x->first, x->changed);
    json_object_foreach(all, name, count)
        if (!json_object_get(told, name)) {
            json_array_append_new(x->names, json_string(name));
            json_array_append_new(x->first, json_string(name));
        }
    json_decref(all);
    json_decref(told);
    return result;
}

/* --- the search ------------------------------------------------------------------------------------------------------- */

/* Of elements without which, and without the fixed ones, it passes, the fewest. */
static int fewest(struct search *x, const json_t *fixed, const json_t *elements, json_t **found,
                  bool *minimal, struct tl_error *e)
{
    size_t n = json_array_size(elements);
    const struct tl_subset_options options = {
        .n = n, .rate = 1, .empty_passes = !json_array_size(fixed), .seed = 1};
    struct tl_subset *set = tl_subset_new(&options);
    struct tl_subset_test test;
    int result = 0;
    while (!result && !x->s->stopped && tl_subset_next(set, &test) == TL_SUBSET_TEST) {
        bool passes = true; /* all of them were tried */
        if (test.kept < n) {
            json_t *disabled = json_array();
            json_array_extend(disabled, (json_t *)(uintptr_t)fixed);
            for (size_t i = 0; i < test.n_ranges; i++)
                for (size_t k = test.ranges[i].first; k <= test.ranges[i].last; k++)
                    json_array_append(disabled, json_array_get(elements, k));
            char *more = tl_format("%zu left out", json_array_size(disabled));
            tl_reduce_tell(x->s, more);
            free(more);
            result = passes_without(x, disabled, &passes, e);
            json_decref(disabled);
        }
        if (!result && !x->s->stopped)
            tl_subset_tell(set, test.id, passes ? TL_SUBSET_FAIL : TL_SUBSET_PASS);
    }
    const struct tl_subset_result *r = tl_subset_result(set);
    *minimal = r->done && r->minimal && !x->s->stopped;
    *found = json_array();
    for (size_t i = 0; i < r->n_ranges; i++)
        for (size_t k = r->ranges[i].first; k <= r->ranges[i].last; k++)
            json_array_append(*found, json_array_get(elements, k));
    tl_subset_free(set);
    return result;
}

/* In the place of a transformer that holds rules, those of them that are needed. */
static int narrow_to_rules(struct search *x, json_t **found, bool *minimal, bool *by_rules,
                           struct tl_error *e)
{
    json_t *fixed = json_array(), *all = rule_names(), *one, *needed = NULL;
    bool passes = false;
    size_t i, size = strlen(RULES_OF);
    json_array_foreach(*found, i, one) {
        size_t n = json_string_length(one);
        if (n < size || strcmp(json_string_value(one) + n - size, RULES_OF) != 0)
            json_array_append(fixed, one);
    }
    int result = 0;
    *by_rules = json_array_size(fixed) < json_array_size(*found);
    if (*by_rules && !x->s->stopped) {
        json_t *disabled = json_copy(fixed);
        json_array_extend(disabled, all);
        result = passes_without(x, disabled, &passes, e);
        json_decref(disabled);
    }
    if (!result && passes)
        result = fewest(x, fixed, all, &needed, minimal, e);
    if (needed && json_array_size(needed)) {
        json_array_extend(fixed, needed);
        json_decref(*found);
        *found = json_incref(fixed);
    }
    json_decref(needed);
    json_decref(all);
    json_decref(fixed);
    return result;
}

/* All optimisers left out: whether it passes, and whether the build did leave them out. */
static int without_all(struct search *x, bool *passes, bool *obeyed, struct tl_error *e)
{
    enum tl_reduce_verdict v;
    char id[TL_UUID_SIZE];
    bool made;
    int result = try_with(x, x->level, true, x->names, NULL, NULL, &v, id, e);
    *passes = !result && is_gone(x, v);
    *obeyed = true;
    if (!result && v == TL_REDUCE_FAIL) {
        json_t *told = told_in(x->s, id, &made);
        *obeyed = json_object_size(told) < json_array_size(x->names);
        json_decref(told);
    }
    return result;
}

/* Others without which it passes as well, none of them in two sets: a failure that takes several optimisers goes away without
 * any one of those. used: what is in a set already. */
static int find_more(struct search *x, json_t *used, json_t *sets, struct tl_error *e)
{
    bool passes = true, minimal = false, by_rules = false;
    for (int i = 0; i < MORE_MOST && passes && !x->s->stopped; i++) {
        json_t *rest = without(x->names, used), *found = NULL;
        passes = json_array_size(rest) > 0;
        int result = passes ? passes_without(x, rest, &passes, e) : 0;
        passes = passes && !x->s->stopped;
        if (!result && passes)
            result = fewest(x, NULL, rest, &found, &minimal, e);
        passes = passes && json_array_size(found);
        if (!result && passes && !x->s->stopped) {
            json_array_extend(used, found);
            result = narrow_to_rules(x, &found, &minimal, &by_rules, e);
        }
        if (!result && passes && minimal && !x->s->stopped)
            json_array_append(sets, found);
        json_decref(found);
        json_decref(rest);
        if (result)
            return -1;
    }
    return 0;
}

static json_t *nothing(json_int_t level, const char *why)
{
    return json_pack("{s:I,s:n,s:[],s:b,s:[],s:s}", "level", level, "passes_at", "names", "minimal", 0, "or",
                     "why", why);
}

/* The first level below the failing one at which it passes, beginning with none at all, or else fails in another way than by what
 * it is; -1: there is none. */
static int passing_level(struct search *x, int *level, struct tl_error *e)
{
    static const int levels[] = {0, 1, 2};
    int other = -1;
    *level = -1;
    for (size_t i = 0; i < TL_COUNT(levels) && levels[i] < x->level && *level < 0 && !x->s->stopped; i++) {
        enum tl_reduce_verdict v;
        char id[TL_UUID_SIZE];
        if (try_with(x, levels[i], false, NULL, NULL, NULL, &v, id, e))
            return -1;
        if (v == TL_REDUCE_PASS)
            *level = levels[i];
        if (v == TL_REDUCE_OTHER && other < 0 && !x->s->difference)
            other = levels[i];
        if (v == TL_REDUCE_FAIL)
            break; /* what it takes is there without an optimiser */
    }
    x->otherwise = *level < 0 && other >= 0;
    *level = x->otherwise ? other : *level;
    return 0;
}

static bool is_told(const struct tl_reduce_state *s, const json_t *set)
{
    const char *message = s->target.message, *title = s->target.signature.title;
    const json_t *name;
    size_t i;
    json_array_foreach(set, i, name)
        if ((message && strstr(message, json_string_value(name))) ||
            (title && strstr(title, json_string_value(name))))
            return true;
    return false;
}

/* Of several sets the one that the failure's own words name comes first. */
static void put_first(const struct tl_reduce_state *s, json_t **found, json_t *more)
{
    for (size_t i = 0; i < json_array_size(more) && !is_told(s, *found); i++)
        if (is_told(s, json_array_get(more, i))) {
            json_t *told = json_incref(json_array_get(more, i));
            json_array_set_new(more, i, *found);
            *found = told;
        }
}

/* Which are tried first: those that changed the graph, where it passes without them. */
static int choose(struct search *x, const json_t **some, bool *obeyed, struct tl_error *e)
{
    bool passes = false;
    size_t n = json_array_size(x->first);
    *some = NULL;
    *obeyed = true;
    if (x->known && passes_without(x, json_object_get(x->known, "names"), &passes, e))
        return -1;
    if (passes) {
        *some = json_object_get(x->known, "names");
        return 0;
    }
    x->known = NULL;
    if (n && n < json_array_size(x->names) && passes_without(x, x->first, &passes, e))
        return -1;
    if (passes)
        *some = x->first;
    else if (!x->s->stopped && without_all(x, &passes, obeyed, e))
        return -1;
    else if (passes)
        *some = x->names;
    return 0;
}

/* The case with the set of all that may be left out. */
static int make_case_of_names(struct search *x, struct tl_error *e)
{
    json_t *rule_list = rule_names(), *others = without(rule_list, x->names), *elements = json_copy(x->names);
    json_array_extend(elements, others);
    int result = tl_reduce_case_with(x->s, elements, &x->c, e);
    json_decref(elements);
    json_decref(others);
    json_decref(rule_list);
    return result;
}

static bool has_any(const json_t *list, const json_t *of)
{
    json_t *one, *other;
    size_t i, k;
    json_array_foreach(list, i, one)
        json_array_foreach(of, k, other)
            if (json_equal(one, other))
                return true;
    return false;
}

/* What is known of one model at the level at which it fails; it passes at a lower one. */
static int search_names(struct search *x, json_t **answer, struct tl_error *e)
{
    const json_t *some;
    json_t *found = NULL, *used = NULL, *own = NULL, *more = json_array();
    bool obeyed, minimal = false, by_rules = false, chance = false;
    int result = make_case_of_names(x, e) || choose(x, &some, &obeyed, e) ? -1 : 0;
    if (!result && some && !x->s->stopped) {
        result = fewest(x, NULL, some, &found, &minimal, e);
        used = json_copy(x->known ? json_object_get(x->known, "used") : found);
    }
    if (!result && found && !x->s->stopped)
        result = narrow_to_rules(x, &found, &minimal, &by_rules, e);
    /* One that ran, and changed nothing, is no cause: then it is chance, such as what is in memory. */
    if (!result && found && x->made && !x->known && !x->s->stopped && !has_any(x->changed, used)) {
        json_decref(found);
        found = NULL;
        chance = true;
    }
    own = json_copy(used);
    if (!result && found && !x->s->stopped)
        result = find_more(x, used, more, e);
    if (!result && found)
        put_first(x->s, &found, more);
    for (size_t i = json_array_size(more); i-- > 0;)
        if (json_equal(json_array_get(more, i), found))
            json_array_remove(more, i);
    if (!result && found)
        *answer = json_pack("{s:I,s:n,s:O,s:b,s:O,s:n,s:O}", "level", x->level, "passes_at", "names", found,
                            "minimal", minimal && !x->s->stopped, "or", more, "why", "used", own);
    else if (!result)
        *answer = nothing(x->level,
                          x->s->stopped ? ended_early
                          : chance ? "it passes without some that changed nothing: it hangs on something else"
                          : obeyed ? "it does not pass without those optimisers either that can be left out"
                                   : "this build leaves none out: " SINCE);
    json_decref(more);
    json_decref(own);
    json_decref(used);
    json_decref(found);
    return result;
}

static int search(struct search *x, json_t **answer, struct tl_error *e)
{
    int level;
    if (passing_level(x, &level, e))
        return -1;
    if (x->s->stopped || level < 0) {
        *answer = nothing(x->level, x->s->stopped ? ended_early : "it does not pass at a lower level either");
        return 0;
    }
    if (learn_names(x, e))
        return -1;
    if (x->s->stopped || !json_array_size(x->names))
        *answer =
            nothing(x->level, x->s->stopped ? ended_early : "the runtime's log names no optimiser: " SINCE);
    else if (search_names(x, answer, e))
        return -1;
    json_object_set_new(*answer, x->otherwise ? "fails_otherwise_at" : "passes_at", json_integer(level));
    json_object_set_new(*answer, "optimisers", json_integer((json_int_t)json_array_size(x->names)));
    json_object_set(*answer, "changed", x->changed);
    return 0;
}

static void end(struct search *x)
{
    tl_case_free(x->c);
    tl_case_free(x->logged);
    json_decref(x->names);
    json_decref(x->changed);
    json_decref(x->first);
}

int tl_reduce_optimiser_of(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, json_t *same,
                           const json_t *known, json_t **answer, struct tl_error *e)
{
    const json_int_t level = tl_reduce_optimised(s);
    struct search x = {.s = s,
                       .k = k,
                       .level = level,
                       .known = json_array_size(json_object_get(known, "names")) ? known : NULL,
                       .names = json_array(),
                       .changed = json_array(),
                       .first = json_array()};
    bool passes = false;
    *answer = NULL;
    int result = tl_reduce_case_with(s, NULL, &x.logged, e);
    /* What cures the one cures the other, mostly. */
    if (!result && json_array_size(same)) {
        result = tl_reduce_case_with(s, same, &x.c, e) || passes_without(&x, same, &passes, e) ? -1 : 0;
        tl_case_free(x.c);
        x.c = NULL;
        if (!result && passes)
            *answer = json_pack("{s:I,s:O}", "level", level, "names", same);
    }
    if (!result && !passes)
        result = search(&x, answer, e);
    end(&x);
    return result;
}

/* --- all of it -------------------------------------------------------------------------------------------------------- */

bool tl_reduce_takes(const struct tl_unit *u, const char *name)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(u->axes, i, entry)
        if (tl_unit_axis_is(entry, name))
            return true;
    return false;
}

/* A difference that is reduced may be that of a value on the way: what comes of it at the end may be less, or within the noise,
 * so that value is an output of the original, too. False: it is not there. */
static bool shows_failure(const struct tl_reduce_state *s, struct tl_onnx_model *m,
                          struct tl_reduce_candidate *k)
{
    const char *value = s->difference ? s->difference->output : NULL, **names = NULL;
    size_t n = 0;
    bool is_output = false;
    if (!value)
        return true;
    tl_onnx_outputs(m, &names, &n);
    for (size_t i = 0; i < n && !is_output; i++)
        is_output = !strcmp(names[i], value);
    bool shows = is_output || tl_onnx_maker(m, value) != TL_ONNX_NOWHERE;
    if (shows && !is_output)
        tl_onnx_edit_expose(&k->edits, &value, 1);
    free(names);
    return shows;
}

json_int_t tl_reduce_optimised(const struct tl_reduce_state *s)
{
    const struct tl_unit *u = s->r->unit;
    json_t *values = tl_variant_object(s->r->c, s->r->failing),
           *level = json_object_get(values, TL_REDUCE_LEVEL);
    json_int_t at = json_is_integer(level) ? json_integer_value(level) : LEVEL_DEFAULT;
    bool asked = json_object_get(values, TL_REDUCE_OPTIMISERS) || json_object_get(values, TELL);
    json_decref(values);
    return asked || at <= 0 || !tl_reduce_takes(u, TL_REDUCE_LEVEL) || !tl_reduce_takes(u, TELL) ||
                   !tl_reduce_takes(u, TL_REDUCE_OPTIMISERS)
               ? 0
               : at;
}

int tl_reduce_original_shown(struct tl_reduce_state *s, struct tl_reduce_candidate *none, bool *shows,
                             struct tl_error *e)
{
    struct tl_onnx_model *m;
    *none = (struct tl_reduce_candidate){0};
    *shows = false;
    if (tl_onnx_model_read(s->bytes, s->size, s->r->c->model_file, &m, e))
        return -1;
    tl_onnx_edits_begin(&none->edits, m);
    *shows = shows_failure(s, m, none);
    tl_onnx_model_free(m);
    return 0;
}

int tl_reduce_gone_without(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, json_t *set,
                           json_int_t level, enum tl_reduce_verdict *v, struct tl_error *e)
{
    struct search x = {.s = s, .k = k};
    char id[TL_UUID_SIZE];
    int result = tl_reduce_case_with(s, NULL, &x.logged, e) ||
                         (set && tl_reduce_case_with(s, set, &x.c, e)) ||
                         try_with(&x, level, false, set, NULL, NULL, v, id, e)
                     ? -1
                     : 0;
    end(&x);
    return result;
}

int tl_reduce_optimiser(struct tl_reduce_state *s, json_t **found, struct tl_error *e)
{
    json_t *original = json_incref(s->cause.original);
    const json_t *known = json_object_get(original, "used") ? original : s->cause.of_model;
    struct tl_reduce_candidate none = {0};
    uint64_t number = 0;
    bool shows;
    *found = NULL;
    if (s->stopped || !tl_reduce_optimised(s)) {
        json_decref(original);
        return 0;
    }
    tl_reduce_step(s, "optimiser");
    tl_reduce_tell(s, "");
    if (tl_reduce_optimiser_of(s, &s->model, NULL, known, found, e) ||
        tl_reduce_number(s, &s->model, &number, e))
        goto failed;
    if (number && !s->stopped && !original) { /* it is another model than the original */
        if (tl_reduce_original_shown(s, &none, &shows, e))
            goto failed;
        json_t *in_use = s->inputs; /* what is left may fail with another sample than the original */
        int result =
            shows && (tl_reduce_samples_choose(s, &none, e) ||
                      tl_reduce_optimiser_of(s, &none, json_object_get(*found, "names"), NULL, &original, e))
                ? -1
                : 0;
        s->inputs = in_use;
        tl_reduce_drop(&none);
        if (result)
            goto failed;
    }
    /* The answer is that of the original where what is left of it passes nowhere. */
    json_t *of_model = json_object_get(*found, "names");
    json_object_set_new(*found, "of", json_string("model"));
    if (!json_array_size(of_model) && json_array_size(json_object_get(original, "names"))) {
        json_t *model = *found;
        *found = json_deep_copy(original);
        json_decref(original);
        original = NULL;
        json_object_set_new(*found, "of", json_string("original"));
        json_object_set_new(*found, "model", model);
    }
    json_object_set_new(*found, "trials", json_incref(json_object_get(s->step, "trials")));
    json_object_set_new(*found, "original", original && number ? json_copy(original) : json_null());
    json_object_del(json_object_get(*found, "original"), "used");
    json_object_del(json_object_get(*found, "model"), "used");
    json_object_del(*found, "used");
    if (s->cause.says)
        json_object_set_new(*found, "followed", json_boolean(s->cause.followed));
    json_decref(original);
    return 0;
failed:
    json_decref(original);
    json_decref(*found);
    *found = NULL;
    return -1;
}
