/* Numbers that trials tell (cases/metrics.h), by the values of axes: the "metrics" of a finding's document.
 *
 * One axis changes at a time: what is counted for a value of an axis are the trials of variants that have it and are
 * else the variant that the finding is about (the minimal one, F of a boundary, of one that has none F), so that a table says
 * what that axis does and not what went along with it. Over builds that axis is the build. An axis has a table when
 * numbers of two of its values are known and it matters: to the failure, as it is in its trigger, or to the metric, which
 * then differs by more than it does within one value, and by more than a tenth. */
#include "harness/campaign/finding_parts.h"

#include "cases/metrics.h"
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOISE 0.1 /* of a metric: a speed that was measured once or twice differs by as much for no reason */
#define VALUES_MOST 64 /* of an axis; with more of them every so many of them stand in the table */

struct sample {
    size_t metric, axis; /* axis SIZE_MAX: of the variant that the finding is about */
    uint64_t value;
    double number;
    bool failed;
};
struct samples {
    size_t n;
    struct sample *list;
};

/* Where a variant differs from the one that the finding is about, and in how many axes. */
static size_t differences(const struct tl_driver *d, const uint64_t *about, const uint64_t *index,
                          size_t *axis)
{
    size_t n = 0;
    for (size_t i = 0; i < d->c->n_axes; i++)
        if (about[i] != index[i]) {
            *axis = i;
            n++;
        }
    return n;
}

static int add_trial(const struct tl_driver *d, const char *trial, size_t axis, uint64_t value,
                     struct samples *s, struct tl_error *e)
{
    struct tl_trial_record r;
    if (tl_query_trial(tl_executor_store(d->x), trial, &r, e))
        return -1;
    json_t *metrics = tl_metrics_of(d->c, &r);
    for (size_t m = 0; metrics && m < d->c->n_metrics; m++) {
        const json_t *number = json_object_get(metrics, d->c->metrics[m].name);
        if (!number)
            continue;
        struct sample *one = TL_GROW(s->list, s->n);
        *one = (struct sample){m, axis, value, json_number_value(number), tl_outcome_is_failure(r.outcome)};
    }
    json_decref(metrics);
    tl_trial_record_free(&r);
    return 0;
}

static int collect(const struct tl_driver *d, const struct tl_search_result *r, struct samples *s,
                   struct tl_error *e)
{
    const uint64_t *about = d->frontier || !r->minimal ? d->failing->index : r->minimal;
    for (size_t i = 0; i < r->n_path && i < d->n_trials; i++) {
        const struct tl_search_step *step = &r->path[i];
        size_t axis = SIZE_MAX;
        if (step->purpose == TL_SEARCH_JUDGE || !d->trials[i].told)
            continue;
        if (d->units)
            axis = 0;
        else if (differences(d, about, step->index, &axis) > 1)
            continue;
        if (add_trial(d, d->trials[i].id, axis, axis == SIZE_MAX ? 0 : step->index[axis], s, e))
            return -1;
    }
    return 0;
}

/* A row of a table: the numbers of those samples; NULL when there are none. */
static json_t *row_of(const struct samples *s, size_t metric, size_t axis, uint64_t value)
{
    double *numbers = tl_calloc(s->n + 1, sizeof *numbers);
    json_int_t n = 0, failed = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct sample *one = &s->list[i];
        if (one->metric != metric || one->axis != axis || one->value != value)
            continue;
        numbers[n++] = one->number;
        failed += one->failed;
    }
    tl_sort(numbers, (size_t)n);
    json_t *row = n ? json_pack("{s:I,s:I,s:f,s:f,s:f}", "trials", n, "failed", failed, "median",
                                tl_median(numbers, (size_t)n), "min", numbers[0], "max", numbers[n - 1])
                    : NULL;
    free(numbers);
    return row;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The values of an axis of which numbers are known, that of the finding's own variant among them. */
static size_t values_of(const struct tl_driver *d, const struct samples *s, size_t metric, size_t axis,
                        uint64_t own, uint64_t *values)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i].metric == metric &&
            (s->list[i].axis == axis || (!d->units && s->list[i].axis == SIZE_MAX)))
            values[n++] = s->list[i].axis == SIZE_MAX ? own : s->list[i].value;
    qsort(values, n, sizeof *values, by_value);
    for (size_t i = 0; i < n; i++)
        if (!kept || values[kept - 1] != values[i])
            values[kept++] = values[i];
    return kept;
}

/* The table of a metric along an axis; NULL when it would have one row. */
static json_t *table_of(const struct tl_driver *d, const struct samples *s, size_t metric, size_t axis,
                        uint64_t own)
{
    uint64_t *values = tl_calloc(s->n + 1, sizeof *values);
    size_t n = values_of(d, s, metric, axis, own, values), step = (n + VALUES_MOST - 1) / VALUES_MOST;
    json_t *rows = json_array();
    for (size_t i = 0; n > 1 && i < n; i++) {
        if (i % step && i + 1 < n)
            continue;
        bool is_own = !d->units && values[i] == own;
        json_t *row = row_of(s, metric, is_own ? SIZE_MAX : axis, is_own ? 0 : values[i]);
        json_object_set_new(row, "value",
                            d->units ? json_string(d->units[values[i]]->build)
                                     : tl_finding_value(d->c, axis, values[i]));
        json_array_append_new(rows, row);
    }
    free(values);
    json_t *table =
        json_array_size(rows)
            ? json_pack("{s:s,s:O}", "axis", d->units ? "build" : d->c->axes[axis].name, "values", rows)
            : NULL;
    json_decref(rows);
    return table;
}

static bool is_in_trigger(const struct tl_search_result *r, size_t axis)
{
    for (size_t i = 0; i < r->n_triggers; i++)
        if (r->triggers[i].axis == axis)
            return true;
    return false;
}

static double number_in(const json_t *row, const char *member)
{
    return json_number_value(json_object_get(row, member));
}

/* Whether the medians of a table differ by more than noise. */
static bool varies(const json_t *table)
{
    const json_t *rows = json_object_get(table, "values"), *row;
    double least = INFINITY, most = -INFINITY, spread = 0;
    size_t i;
    json_array_foreach(rows, i, row) {
        least = fmin(least, number_in(row, "median"));
        most = fmax(most, number_in(row, "median"));
        spread = fmax(spread, number_in(row, "max") - number_in(row, "min"));
    }
    return most - least > fmax(spread, NOISE * fmax(fabs(most), fabs(least)));
}

static json_t *metric_json(const struct tl_driver *d, const struct tl_search_result *r,
                           const struct samples *s, size_t metric)
{
    const struct tl_metric *m = &d->c->metrics[metric];
    const uint64_t *about = d->frontier || !r->minimal ? d->failing->index : r->minimal;
    json_t *tables = json_array(), *own = d->units ? NULL : row_of(s, metric, SIZE_MAX, 0);
    for (size_t axis = 0; axis < (d->units ? 1 : d->c->n_axes); axis++) {
        json_t *table = table_of(d, s, metric, axis, d->units ? 0 : about[axis]);
        if (table && (d->units || is_in_trigger(r, axis) || varies(table)))
            json_array_append_new(tables, table);
        else
            json_decref(table);
    }
    json_t *j = json_pack("{s:s,s:o}", "name", m->name, "by", tables);
    if (m->unit)
        json_object_set_new(j, "unit", json_string(m->unit));
    if (own)
        json_object_set_new(j, "minimal", own);
    if (own || json_array_size(tables))
        return j;
    json_decref(j);
    return NULL;
}

int tl_finding_add_metrics(const struct tl_driver *d, const struct tl_search_result *r, json_t *document,
                           struct tl_error *e)
{
    struct samples s = {0};
    if (!d->c->n_metrics)
        return 0;
    json_t *list = json_array();
    int result = collect(d, r, &s, e);
    for (size_t m = 0; !result && m < d->c->n_metrics; m++) {
        json_t *j = metric_json(d, r, &s, m);
        if (j)
            json_array_append_new(list, j);
    }
    json_object_set_new(document, "metrics", list);
    free(s.list);
    return result;
}
