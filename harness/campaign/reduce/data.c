/* Weights and inputs: values of their owner's become zeros, ones or random ones of the same statistics wherever it fails all the
 * same.
 *
 * All at once first, which is the usual answer; then the floats, as whole numbers often are shapes and indices. Where neither
 * fails the failure depends on values: the tensors that have to keep theirs are minimised as a set (search/subset.h), for each
 * of the three fills in turn, as some need the others not to be zero. Then elements of each that is left (elements.c).
 * Random values that make it fail are nobody's; but which of them do it is looked for in the same way, for it is the answer to
 * what the failure depends on. */
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "harness/search/subset.h"

#include <stdlib.h>
#include <string.h>

#define TRIALS_MOST 300  /* for the set of tensors */
#define SECONDS_MOST 600 /* … */

#define SHOWN_MOST 4               /* inputs that become something else one by one */
#define BULK (UINT64_C(256) << 20) /* bytes of weights */

/* --- all at once, then as a set -------------------------------------------------------------------------------- */

/* Those that are chosen and not replaced yet become this; kept: those of them that do not. */
static int try_fill(struct tl_reduce_state *s, struct tl_reduce_values *v, size_t *chosen, size_t n,
                    const bool *kept, int with, enum tl_reduce_verdict *verdict, struct tl_error *e)
{
    for (size_t i = 0; i < n; i++)
        v->list[chosen[i]].with = kept && kept[i] ? -1 : with;
    struct tl_reduce_candidate k = tl_reduce_values_make(s, v);
    int result = tl_reduce_try(s, &k, verdict, e);
    tl_reduce_drop(&k);
    for (size_t i = 0; i < n; i++)
        v->list[chosen[i]].with = -1;
    return result;
}

enum which { ALL, FLOATS, OTHERS, RANDOM };

static size_t choose(const struct tl_reduce_values *v, enum which which, size_t *chosen)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        if (v->list[i].with < 0 && !v->list[i].fixed && (which == RANDOM) == v->list[i].random &&
            (which == ALL || which == RANDOM || (which == FLOATS) == v->list[i].is_float))
            chosen[n++] = i;
    return n;
}

static void fill_all(struct tl_reduce_values *v, const size_t *chosen, size_t n, int with)
{
    for (size_t i = 0; i < n; i++)
        v->list[chosen[i]].with = with;
}

static int together(struct tl_reduce_state *s, struct tl_reduce_values *v, enum which which, size_t *chosen,
                    struct tl_error *e)
{
    size_t n = choose(v, which, chosen);
    bool failed = false;
    int result = 0;
    for (int f = tl_reduce_first_fill(s);
         n && f < (int)TL_COUNT(tl_reduce_fills) && !failed && !result && !s->stopped; f++) {
        enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
        result = try_fill(s, v, chosen, n, NULL, f, &verdict, e);
        failed = !result && verdict == TL_REDUCE_FAIL;
        if (failed)
            fill_all(v, chosen, n, f);
    }
    return result;
}

/* The model that is fed from the original's inputs shows what makes the values of the failure: of a node that makes a zero of
 * whatever goes into it nothing is seen where zeros go into it. So where they hide a node, inputs become something else with which
 * it is needed. */
struct showing {
    struct tl_reduce_state *s;
    struct tl_reduce_values *v;
    bool shows;
};

/* Whether it fails with what these become, and then needs each node; else they are what they were. */
static int try_showing(struct showing *x, const size_t *chosen, size_t n, int with, struct tl_error *e)
{
    enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
    int *before = tl_calloc(n + 1, sizeof *before);
    for (size_t i = 0; i < n; i++)
        before[i] = x->v->list[chosen[i]].with;
    fill_all(x->v, chosen, n, with);
    struct tl_reduce_candidate k = tl_reduce_values_make(x->s, x->v);
    int result = tl_reduce_try(x->s, &k, &verdict, e);
    if (!result && verdict == TL_REDUCE_FAIL)
        result = tl_reduce_needs_all(x->s, &k, &x->shows, e);
    for (size_t i = 0; i < n && !x->shows; i++)
        x->v->list[chosen[i]].with = before[i];
    tl_reduce_drop(&k);
    free(before);
    return result;
}

/* Those that were filled: inputs, or weights, too. */
static size_t filled_ones(const struct tl_reduce_values *v, bool weights, size_t *chosen)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        if (v->list[i].with >= 0 && !v->list[i].n_keep &&
            (weights || (!v->list[i].weight && !v->list[i].attribute)))
            chosen[n++] = i;
    return n;
}

/* All inputs at once, then each of a few, then weights as well. */
static int show_all(struct tl_reduce_state *s, struct tl_reduce_values *v, size_t *chosen, struct tl_error *e)
{
    struct showing x = {.s = s, .v = v};
    struct tl_reduce_candidate k = tl_reduce_values_make(s, v);
    int result = tl_reduce_needs_all(s, &k, &x.shows, e);
    tl_reduce_drop(&k);
    size_t n = filled_ones(v, false, chosen);
    for (int f = 1; n && f < (int)TL_COUNT(tl_reduce_fills) && !x.shows && !result && !s->stopped; f++)
        result = try_showing(&x, chosen, n, f, e);
    for (size_t i = 0; n > 1 && n <= SHOWN_MOST && i < n && !x.shows && !result && !s->stopped; i++)
        result = try_showing(&x, chosen + i, 1, 1, e);
    n = filled_ones(v, true, chosen);
    for (int f = 1; n && f < (int)TL_COUNT(tl_reduce_fills) && !x.shows && !result && !s->stopped; f++)
        result = try_showing(&x, chosen, n, f, e);
    return result;
}

static bool is_over(const struct tl_reduce_state *s, const struct tl_reduce_values *v)
{
    return s->stopped || json_integer_value(json_object_get(s->step, "trials")) >= TRIALS_MOST ||
           s->lasted - v->began > SECONDS_MOST;
}

/* The smallest set of them that has to keep its values while the others become this. */
static int as_a_set(struct tl_reduce_state *s, struct tl_reduce_values *v, enum which which, int with,
                    size_t *chosen, struct tl_error *e)
{
    size_t n = choose(v, which, chosen);
    if (!n || is_over(s, v))
        return 0;
    bool *kept = tl_calloc(n + 1, sizeof *kept);
    double *weights = tl_calloc(n + 1, sizeof *weights);
    for (size_t i = 0; i < n; i++)
        weights[i] = (double)v->list[chosen[i]].elements;
    const struct tl_subset_options options = {.n = n, .rate = 1, .weights = weights, .seed = 1};
    struct tl_subset *set = tl_subset_new(&options);
    struct tl_subset_test test;
    int result = 0;
    while (!result && !is_over(s, v) && tl_subset_next(set, &test) == TL_SUBSET_TEST) {
        enum tl_reduce_verdict verdict = TL_REDUCE_FAIL; /* with all of them it is the model before */
        char more[80];
        memset(kept, 0, n * sizeof *kept);
        for (size_t r = 0; r < test.n_ranges; r++)
            for (size_t i = test.ranges[r].first; i <= test.ranges[r].last; i++)
                kept[i] = true;
        snprintf(more, sizeof more, "%zu of %zu tensors kept", test.kept, n);
        tl_reduce_tell(s, more);
        if (test.kept < n)
            result = try_fill(s, v, chosen, n, kept, with, &verdict, e);
        if (!result && !s->stopped)
            tl_subset_tell(set, test.id, tl_reduce_subset_outcome(verdict));
    }
    const struct tl_subset_result *r = tl_subset_result(set);
    memset(kept, 0, n * sizeof *kept);
    for (size_t i = 0; i < r->n_ranges; i++)
        for (size_t x = r->ranges[i].first; x <= r->ranges[i].last; x++)
            kept[x] = true;
    for (size_t i = 0; i < n && !result && r->kept < n; i++)
        v->list[chosen[i]].with = kept[i] ? -1 : with;
    tl_subset_free(set);
    free(weights);
    free(kept);
    return result;
}

static size_t left_of(const struct tl_reduce_values *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += v->list[i].with < 0 && !v->list[i].fixed;
    return n;
}

int tl_reduce_data(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                   struct tl_error *e)
{
    tl_reduce_step(s, "values");
    tl_reduce_tell(s, "");
    tl_reduce_values_read(s, k, v);
    size_t *chosen = tl_calloc(v->n + 1, sizeof *chosen);
    int result = 0;
    for (int which = ALL; which <= FLOATS && !result && !s->stopped; which++)
        result = together(s, v, (enum which)which, chosen, e);
    for (int which = FLOATS; which <= OTHERS && left_of(v) && !result; which++)
        for (int f = tl_reduce_first_fill(s); f < (int)TL_COUNT(tl_reduce_fills) && !result && !s->stopped;
             f++)
            result = as_a_set(s, v, (enum which)which, f, chosen, e);
    if (v->second && !s->difference && !result && !s->stopped)
        result = show_all(s, v, chosen, e);
    /* Of random values it is known as little which of them matter. */
    for (size_t i = 0; i < v->n && !s->control.silent; i++) {
        struct tl_reduce_tensor *t = &v->list[i];
        if (t->with == 2) {
            t->random = t->elements > 1; /* the mean of one is that one */
            t->with = -1;
        }
    }
    for (int f = tl_reduce_first_fill(s); f < 2 && !result && !s->stopped; f++)
        result = as_a_set(s, v, RANDOM, f, chosen, e);
    if (left_of(v) && !result && !s->stopped)
        tl_reduce_step(s, "elements");
    for (size_t i = 0; i < v->n && !result && !s->stopped; i++)
        if (v->list[i].with < 0 && !v->list[i].fixed)
            result = tl_reduce_elements_of(s, v, &v->list[i], e);
    struct tl_reduce_candidate smaller = tl_reduce_values_make(s, v);
    tl_reduce_take(k, &smaller);
    free(chosen);
    return result;
}

/* --- before any cut --------------------------------------------------------------------------------------------- */

int tl_reduce_bulk(struct tl_reduce_state *s, struct tl_error *e)
{
    static const char *const cheap[] = {"zeros", "ones"};
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, &s->now, &ignored);
    struct tl_onnx_weight *weights = NULL;
    size_t n = 0, filled = 0;
    uint64_t bytes = 0;
    bool failed = false;
    int result = 0;
    if (m)
        tl_onnx_weights(m, &weights, &n);
    uint32_t *numbers = tl_calloc(n + 1, sizeof *numbers);
    for (size_t i = 0; i < n; i++) {
        bytes += weights[i].bytes;
        if (tl_dtype_is_float((enum tl_dtype)weights[i].type) &&
            tl_reduce_weight_in_both(s, weights[i].name ? weights[i].name : ""))
            numbers[filled++] = weights[i].number;
    }
    if (bytes > BULK && filled) {
        tl_reduce_step(s, "all weights at once");
        tl_reduce_tell(s, "");
    }
    for (size_t f = s->control.silent ? TL_COUNT(cheap) : 0;
         f < TL_COUNT(cheap) && bytes > BULK && filled && !failed && !result && !s->stopped; f++) {
        struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
        enum tl_reduce_verdict v;
        tl_onnx_edit_fill(&k.edits, numbers, filled, cheap[f], 1, NULL, 0);
        result = tl_reduce_try(s, &k, &v, e);
        failed = !result && v == TL_REDUCE_FAIL;
        if (failed)
            tl_reduce_take(&s->now, &k);
        tl_reduce_drop(&k);
    }
    free(numbers);
    free(weights);
    tl_onnx_model_free(m);
    return result;
}
