/* What a trial counted, as evidence about other values of an axis.
 *
 * A model that is run a thousand times and dies at the 147th says more than that a thousand are too many: with 147 it
 * would have died as well, and with 146 it would have passed. Where the case says that something which is counted is
 * what an axis sets ("axis" of a count), each trial thus answers for every value below its own. (For a value above,
 * one that failed would answer and one that passed would not: all such answers would be failures.) A band over a
 * thousand values, which takes hundreds of trials to measure, is measured by as many as one value of it needs.
 *
 * Only what looks for a threshold is answered so; what reproduces and confirms is always run. For one value each trial
 * is used once, as a trial of its own would be. Trials of different values are then no more independent than they are
 * of each other: all values see the same runs, so that the curve of rates is monotone by itself. A further trial is
 * run with F's value, which tells of all values below. */
#include "harness/campaign/driver_impl.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

struct tl_driver_counted {
    uint64_t *index;
    struct tl_driver_trial trial;
    bool failed;
    int64_t count; /* at which it failed */
};

static const struct tl_count *counter_of_axis(const struct tl_expect *x)
{
    for (size_t i = 0; i < x->n_count; i++)
        if (x->count[i].axis)
            return &x->count[i];
    return NULL;
}

void tl_driver_counted_find(struct tl_driver *d)
{
    d->counted = counter_of_axis(&d->c->expect);
    for (size_t i = 0; i < d->c->n_steps && !d->counted; i++)
        d->counted = counter_of_axis(&d->c->steps[i].expect);
    if (d->units || d->frontier || (d->counted && !tl_case_axis(d->c, d->counted->axis, &d->counted_axis)))
        d->counted = NULL;
}

void tl_driver_counted_free(struct tl_driver *d)
{
    for (size_t i = 0; i < d->n_counts; i++)
        free(d->counts[i].index);
    free(d->counts);
    d->counts = NULL;
    d->n_counts = 0;
}

/* The value of the axis at a place of it. */
static int64_t value_at(const struct tl_driver *d, uint64_t place)
{
    return tl_axis_value(&d->c->axes[d->counted_axis], place).integer;
}

static uint64_t *copy_of(const struct tl_driver *d, const uint64_t *index)
{
    uint64_t *copy = tl_calloc(d->c->n_axes, sizeof *copy);
    memcpy(copy, index, d->c->n_axes * sizeof *copy);
    return copy;
}

void tl_driver_counted_add(struct tl_driver *d, const uint64_t *index, const struct tl_trial_record *r,
                           const struct tl_driver_trial *t)
{
    if (!d->counted)
        return;
    const json_t *value = json_object_get(json_object_get(r->result, "counts"), d->counted->name);
    bool failed = t->standing != TL_STANDING_EXPECTED && tl_outcome_is_failure(r->outcome);
    int64_t count = json_integer_value(value);
    if (failed && json_is_integer(value) && d->counted->finished && count < INT64_MAX)
        count++;
    /* One that failed before anything was counted, or after all that was to be, failed of something else. */
    if (r->outcome == TL_OUTCOME_LOST || (!failed && r->outcome != TL_OUTCOME_PASS) ||
        (failed && (!json_is_integer(value) || count < 1 || count > value_at(d, index[d->counted_axis]))))
        return;
    struct tl_driver_counted *k = TL_GROW(d->counts, d->n_counts);
    *k =
        (struct tl_driver_counted){.index = copy_of(d, index), .trial = *t, .failed = failed, .count = count};
}

bool tl_driver_may_infer(const struct tl_driver *d, const struct tl_search_request *q)
{
    return d->counted && !q->fresh && (q->purpose == TL_SEARCH_THRESHOLD || q->purpose == TL_SEARCH_BAND) &&
           q->index[d->counted_axis] < d->failing->index[d->counted_axis];
}

/* Whether two variants differ in nothing but the axis. */
static bool beside(const struct tl_driver *d, const uint64_t *a, const uint64_t *b)
{
    for (size_t i = 0; i < d->c->n_axes; i++)
        if (i != d->counted_axis && a[i] != b[i])
            return false;
    return true;
}

bool tl_driver_infer(struct tl_driver *d, size_t use, const struct tl_search_request *q, bool fresh,
                     struct tl_driver_trial *t)
{
    struct tl_driver_use *u = &d->uses[use];
    uint64_t place = q->index[d->counted_axis];
    int64_t value = value_at(d, place);
    while (u->inferred < d->n_counts) {
        const struct tl_driver_counted *k = &d->counts[u->inferred++];
        uint64_t own = k->index[d->counted_axis];
        if (own <= place || !beside(d, k->index, q->index) || (fresh && !k->trial.fresh))
            continue;
        bool fails = k->failed && k->count <= value;
        *t = (struct tl_driver_trial){.outcome = TL_OUTCOME_PASS, .fresh = k->trial.fresh};
        if (fails)
            *t = k->trial;
        t->inferred = true;
        t->told = t->cached = false;
        *t->id = '\0';
        return true;
    }
    return false;
}

uint64_t *tl_driver_carrier(const struct tl_driver *d, const struct tl_search_request *q)
{
    for (size_t i = 0; i < d->n_counts; i++) {
        if (!d->counts[i].failed || !beside(d, d->counts[i].index, q->index))
            continue;
        uint64_t *carrier = copy_of(d, q->index);
        carrier[d->counted_axis] = d->failing->index[d->counted_axis];
        return carrier;
    }
    return NULL;
}
