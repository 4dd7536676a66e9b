/* What a trial counted, as evidence about other values of an axis.
 *
 * A model that is run a thousand times and dies at the 147th says more than that a thousand are too many: with 147 it
 * would have died as well, and with 146 it would have passed. Where the case says that something which is counted is
 * what an axis sets ("axis" of a count), the search is told so with the trial, and makes of it what can be made
 * (harness/search/counted.c). Here it is read from the record what was counted, and when it tells something: a trial
 * that failed before anything was counted, or after all that was to be, failed of something else. */
#include "harness/campaign/driver_impl.h"

static const struct tl_count *counter_of_axis(const struct tl_expect *x)
{
    for (size_t i = 0; i < x->n_count; i++)
        if (x->count[i].axis)
            return &x->count[i];
    return NULL;
}

/* The value of the axis at a place of it. */
static int64_t value_at(const struct tl_driver *d, uint64_t place)
{
    return tl_axis_value(&d->c->axes[d->counted_axis], place).integer;
}

void tl_driver_counted_find(struct tl_driver *d)
{
    d->counted = counter_of_axis(&d->c->expect);
    for (size_t i = 0; i < d->c->n_steps && !d->counted; i++)
        d->counted = counter_of_axis(&d->c->steps[i].expect);
    if (d->units || d->frontier || (d->counted && !tl_case_axis(d->c, d->counted->axis, &d->counted_axis)))
        d->counted = NULL;
    /* More of it has to be further from the baseline. */
    if (d->counted && value_at(d, 0) >= value_at(d, d->c->axes[d->counted_axis].count - 1))
        d->counted = NULL;
}

void tl_driver_counted_note(struct tl_driver *d, const uint64_t *index, const struct tl_trial_record *r,
                            struct tl_driver_trial *t)
{
    if (!d->counted)
        return;
    const json_t *value = json_object_get(json_object_get(r->result, "counts"), d->counted->name);
    bool failed = t->standing != TL_STANDING_EXPECTED && tl_outcome_is_failure(r->outcome);
    int64_t count = json_integer_value(value);
    if (failed && json_is_integer(value) && d->counted->finished && count < INT64_MAX)
        count++;
    if (r->outcome == TL_OUTCOME_LOST || (!failed && r->outcome != TL_OUTCOME_PASS) ||
        (failed && (!json_is_integer(value) || count < 1 || count > value_at(d, index[d->counted_axis]))))
        return;
    t->counted = true;
    t->count = failed ? count : 0;
    d->n_counts++;
}

void tl_driver_counted_tell(struct tl_driver *d, uint64_t request, const struct tl_driver_trial *t)
{
    if (!t->counted)
        return;
    /* The first place whose value is not below what was counted. */
    uint64_t low = 0, high = d->c->axes[d->counted_axis].count - 1;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (value_at(d, mid) >= t->count)
            high = mid;
        else
            low = mid + 1;
    }
    tl_search_counted(d->search, request, low);
}
