/* Whether what differs is the difference that is reduced.
 *
 * It is when it is of the same kind, and as large as a tenth of the first one and as ten times the noise that was measured
 * between two configurations that are both good. So a search does not slide from a difference into rounding, nor from
 * numbers that are wrong to a NaN. Outputs of another shape or type, or another number of them, are the largest difference there is
 * between two runs of one model: kinds of their own, which have no error. Between two models another type may be what was meant, as
 * half floats are, and says nothing. Errors are those of a comparison: relative to the largest magnitude that is expected. Where
 * zeros are expected there is no such error, and the difference itself is held against the first one. */
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/campaign/reduce/difference.h"
#include "harness/executor/closeness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OF_FIRST 0.1
#define OF_NOISE 10

static double number_of(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : INFINITY;
}

const char *tl_reduce_kind_name(enum tl_reduce_kind kind)
{
    static const char *const names[] = {"none",
                                        "numbers",
                                        "NaN",
                                        "infinity",
                                        "a number where none is expected",
                                        "shape",
                                        "number of axes",
                                        "type",
                                        "unexpected output",
                                        "missing output",
                                        "cannot be compared"};
    return names[kind];
}

bool tl_reduce_gap_is_form(enum tl_reduce_kind kind)
{
    return kind >= TL_REDUCE_SHAPE && kind <= TL_REDUCE_MISSING;
}

static enum tl_reduce_kind form_of(const char *how, const json_t *worst)
{
    if (!strcmp(how, TL_DIFFERS_SHAPE))
        return json_array_size(json_object_get(worst, "expected")) ==
                       json_array_size(json_object_get(worst, "got"))
                   ? TL_REDUCE_SHAPE
                   : TL_REDUCE_RANK;
    return !strcmp(how, TL_DIFFERS_TYPE)         ? TL_REDUCE_TYPE
           : !strcmp(how, TL_DIFFERS_UNEXPECTED) ? TL_REDUCE_EXCESS
                                                 : TL_REDUCE_MISSING;
}

struct tl_reduce_gap tl_reduce_gap_of(const struct tl_reduce_difference *d, const json_t *output)
{
    const char *how = json_string_value(json_object_get(output, "how")),
               *got = json_string_value(json_object_get(json_object_get(output, "worst"), "got"));
    struct tl_reduce_gap g = {.far = how != NULL,
                              .error = number_of(json_object_get(output, "error")),
                              .absolute = number_of(json_object_get(output, "absolute"))};
    if (!how)
        g.kind = g.error > 0 ? TL_REDUCE_FINITE : TL_REDUCE_EQUAL;
    else if (!strcmp(how, TL_DIFFERS_NOT_FINITE))
        g.kind = got && strstr(got, "inf") ? TL_REDUCE_INFINITE : TL_REDUCE_NAN;
    else if (!strcmp(how, TL_DIFFERS_VALUES) || !strcmp(how, TL_DIFFERS_ALL_ZERO))
        g.kind = isfinite(g.absolute) ? TL_REDUCE_FINITE : TL_REDUCE_UNEXPECTED;
    else
        g.kind = form_of(how, json_object_get(output, "worst"));
    /* Two models may be of other types on purpose: values of these say nothing of each other. */
    if (d->path && tl_reduce_gap_is_form(g.kind) && g.kind >= TL_REDUCE_TYPE)
        g.kind = TL_REDUCE_UNSEEN;
    return g;
}

bool tl_reduce_gap_fails(const struct tl_reduce_difference *d, const struct tl_reduce_gap *g)
{
    if (g->kind == TL_REDUCE_UNSEEN)
        return false;
    if (d->first.kind == TL_REDUCE_EQUAL) /* the first one is not known yet */
        return g->far;
    if (g->kind != d->first.kind)
        return false;
    if (g->kind != TL_REDUCE_FINITE)
        return true;
    return isfinite(g->error) ? g->error >= d->least : g->absolute >= d->least_absolute;
}

static bool is_larger(const struct tl_reduce_difference *d, const struct tl_reduce_gap *a,
                      const struct tl_reduce_gap *b)
{
    bool x = tl_reduce_gap_fails(d, a), y = tl_reduce_gap_fails(d, b);
    if (x != y)
        return x;
    return a->kind != b->kind ? a->kind > b->kind
                              : a->error > b->error || (a->error == b->error && a->absolute > b->absolute);
}

struct tl_reduce_gap tl_reduce_gap_in(const struct tl_reduce_difference *d, const json_t *comparison,
                                      const char *name)
{
    struct tl_reduce_gap worst = {.kind = TL_REDUCE_EQUAL};
    const json_t *output;
    size_t i;
    bool any = false;
    json_array_foreach(json_object_get(comparison, "outputs"), i, output) {
        const char *own = json_string_value(json_object_get(output, "name"));
        if (name && (!own || strcmp(own, name) != 0))
            continue;
        struct tl_reduce_gap g = tl_reduce_gap_of(d, output);
        if (!any || is_larger(d, &g, &worst))
            worst = g;
        any = true;
    }
    if (name && !any)
        worst = (struct tl_reduce_gap){.kind = TL_REDUCE_UNSEEN, .error = INFINITY, .absolute = INFINITY};
    return worst;
}

void tl_reduce_gap_target(struct tl_reduce_state *s, const struct tl_reduce_gap *g, const char *output,
                          double noise)
{
    struct tl_reduce_difference *d = s->difference;
    char *own = tl_strdup(output);
    d->first = *g;
    d->noise = noise;
    d->least = OF_FIRST * g->error;
    d->least_absolute = OF_FIRST * g->absolute;
    if (noise > 0 && OF_NOISE * noise > d->least)
        d->least = OF_NOISE * noise;
    free(d->output);
    d->output = own;
    json_object_clear(s->tried);
    s->target_number++;
}

enum tl_reduce_verdict tl_reduce_gap_verdict(const struct tl_reduce_state *s, const struct tl_trial_record *r)
{
    const struct tl_reduce_difference *d = s->difference;
    if (r->outcome != TL_OUTCOME_PASS && r->outcome != TL_OUTCOME_WRONG)
        return r->outcome == TL_OUTCOME_UNSUPPORTED || r->outcome == TL_OUTCOME_LOST ||
                       r->outcome == TL_OUTCOME_ERROR
                   ? TL_REDUCE_INVALID
                   : TL_REDUCE_OTHER;
    const json_t *comparison = json_object_get(r->result, "reference");
    if (!json_is_object(comparison))
        return r->outcome == TL_OUTCOME_PASS ? TL_REDUCE_PASS : TL_REDUCE_OTHER;
    struct tl_reduce_gap g = tl_reduce_gap_in(d, comparison, NULL);
    if (tl_reduce_gap_fails(d, &g))
        return TL_REDUCE_FAIL;
    return g.kind > TL_REDUCE_FINITE ? TL_REDUCE_OTHER : TL_REDUCE_PASS;
}

int tl_reduce_difference_allowed(struct tl_reduce_state *s, const char *trial, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    struct tl_trial_record r = {0};
    json_t *output;
    size_t i;
    if (tl_query_trial(tl_executor_store(s->r->x), trial, &r, e))
        return -1;
    json_array_foreach(json_object_get(json_object_get(r.result, "reference"), "outputs"), i, output) {
        const struct tl_reduce_gap g = tl_reduce_gap_of(d, output),
                                   most = d->allowed ? tl_reduce_gap_of(d, d->allowed)
                                                     : (struct tl_reduce_gap){0};
        if (g.kind != TL_REDUCE_FINITE || (d->allowed && !(g.error > most.error)))
            continue;
        json_decref(d->allowed);
        d->allowed = json_incref(output);
    }
    tl_trial_record_free(&r);
    return 0;
}
