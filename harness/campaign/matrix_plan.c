/* Makes the rows of a matrix from words: variants from AXIS=V1,V2, all combinations of them or, with pairs, a few that hold every pair of values. */
#include "harness/campaign/matrix.h"

#include "harness/base/buffer.h"
#include "harness/campaign/choice.h"

#include <stdlib.h>
#include <string.h>

#define VALUES_MOST 4096 /* values of one axis */

/* --- values --------------------------------------------------------------------------------------------- */

static int add_span(struct tl_choice *h, size_t axis, uint64_t from, uint64_t to, const char *text,
                    struct tl_error *e)
{
    const struct tl_axis *a = &h->c->axes[axis];
    uint64_t low = from < to ? from : to, high = from < to ? to : from;
    if (high - low >= VALUES_MOST)
        return tl_fail(e, TL_ERROR_INPUT, "too many values", text,
                       "at most %d values of axis %s can be tried at once; name some of them", VALUES_MOST,
                       a->name);
    for (uint64_t i = 0; i <= high - low; i++)
        tl_choice_add(h, axis, from <= to ? from + i : from - i);
    return 0;
}

/* One part of a list: a value; A..B along an ordered axis; * for all values. */
static int add_part(struct tl_choice *h, size_t axis, const char *part, struct tl_error *e)
{
    const struct tl_axis *a = &h->c->axes[axis];
    uint64_t index, last;
    struct tl_error ignored;
    if (!tl_axis_parse(a, part, &index, e)) {
        tl_choice_add(h, axis, index);
        return 0;
    }
    if (!strcmp(part, "*"))
        return add_span(h, axis, 0, a->count - (a->count != UINT64_MAX), part, e);
    const char *dots = strstr(part, "..");
    if (!dots || a->kind == TL_AXIS_CHOICES || a->kind == TL_AXIS_SUBSET)
        return -1;
    char *from = tl_format("%.*s", (int)(dots - part), part);
    int result = tl_axis_parse(a, from, &index, &ignored) || tl_axis_parse(a, dots + 2, &last, &ignored)
                     ? -1 /* what was said of the whole holds */
                     : add_span(h, axis, index, last, part, e);
    free(from);
    return result;
}

/* "V1,V2": the whole may be a value that holds a comma. */
static int add_values(struct tl_choice *h, size_t axis, const char *text, struct tl_error *e)
{
    uint64_t index;
    if (!tl_axis_parse(&h->c->axes[axis], text, &index, e)) {
        tl_choice_add(h, axis, index);
        return 0;
    }
    char *list = tl_strdup(text), *rest = list;
    int result = 0;
    for (char *part; !result && (part = strsep(&rest, ","));)
        result = add_part(h, axis, part, e);
    free(list);
    return result;
}

static int named_values(const struct tl_matrix *m, struct tl_choice *h, struct tl_error *e)
{
    for (size_t i = 0; i < m->n_sets; i++) {
        const char *text = m->sets[i], *equals = strchr(text, '=');
        if (!equals)
            return tl_fail(e, TL_ERROR_INPUT, "not an assignment", text, "AXIS=V1,V2 was expected");
        char *name = tl_format("%.*s", (int)(equals - text), text);
        size_t at;
        const struct tl_axis *a = tl_case_axis(h->c, name, &at);
        free(name);
        if (a && add_values(h, at, equals + 1, e))
            return -1;
    }
    return 0;
}

/* An axis must be one of some case at least; cases without it are run as they are. */
static int check_axes(const struct tl_matrix *m, struct tl_error *e)
{
    for (size_t i = 0; i < m->n_sets; i++) {
        const char *text = m->sets[i], *equals = strchr(text, '=');
        char *name = tl_format("%.*s", equals ? (int)(equals - text) : (int)strlen(text), text);
        bool known = false;
        size_t at;
        for (size_t k = 0; k < m->n_cases; k++)
            known = known || tl_case_axis(m->cases[k].c, name, &at);
        struct tl_buffer axes = TL_BUFFER_INIT;
        tl_buffer_add_string(&axes, "");
        for (size_t k = 0; k < m->cases[0].c->n_axes; k++)
            tl_buffer_printf(&axes, "%s%s", k ? ", " : "", m->cases[0].c->axes[k].name);
        int result = known ? 0
                           : tl_fail(e, TL_ERROR_INPUT, "no such axis", name,
                                     m->n_cases > 1 ? "no case has it; the axes of the first are %s"
                                                    : "the axes of the case are %s",
                                     axes.data);
        tl_buffer_free(&axes);
        free(name);
        if (result)
            return -1;
    }
    return 0;
}

/* --- variants ------------------------------------------------------------------------------------------- */

static int take_product(struct tl_matrix_case *k, const struct tl_choice *h, struct tl_error *e)
{
    const struct tl_case *c = k->c;
    size_t n = 1;
    for (size_t i = 0; i < c->n_axes; i++)
        if (__builtin_mul_overflow(n, h->axes[i].n, &n) || n > TL_MATRIX_MOST)
            return tl_fail(e, TL_ERROR_INPUT, "too many variants", c->path,
                           "a matrix has at most %d; with --pairs a few of them hold every pair of values",
                           TL_MATRIX_MOST);
    k->rows = tl_calloc(n, sizeof *k->rows);
    uint64_t *index = tl_calloc(c->n_axes + 1, sizeof *index);
    for (size_t i = 0; i < n; i++) {
        struct tl_variant v = tl_choice_variant(h, index);
        char *why = tl_variant_forbidden(c, &v);
        if (!why) {
            k->rows[k->n_rows++] = v;
        } else {
            tl_variant_free(&v);
            if (k->n_forbidden++)
                free(why);
            else
                k->forbidden = why;
        }
        for (size_t a = c->n_axes; a-- > 0;) { /* the last axis turns fastest */
            if (++index[a] < h->axes[a].n)
                break;
            index[a] = 0;
        }
    }
    free(index);
    return 0;
}

static int plan_case(struct tl_matrix *m, struct tl_matrix_case *k, struct tl_error *e)
{
    const struct tl_case *c = k->c;
    struct tl_choice h;
    size_t several = 0;
    tl_choice_begin(&h, c);
    int result = named_values(m, &h, e);
    k->varied = tl_calloc(c->n_axes + 1, sizeof *k->varied);
    for (size_t i = 0; i < c->n_axes && !result; i++) {
        if (!m->wishes.pairs || m->n_sets)
            ; /* those that are named */
        else if (tl_choice_is_spread(&c->axes[i]))
            tl_choice_add_spread(&h, i);
        else
            result = add_span(&h, i, 0, c->axes[i].count - 1, c->axes[i].name, e);
        if (!h.axes[i].n)
            tl_choice_add(&h, i, 0); /* the baseline */
        k->varied[i] = h.axes[i].n > 1;
        several += k->varied[i];
    }
    if (!result && !(m->wishes.pairs && several > 2))
        result = take_product(k, &h, e);
    else if (!result && tl_choice_pairs(&h, &k->rows, &k->n_rows, &k->impossible))
        result = tl_fail(e, TL_ERROR_INPUT, "too many values", c->path,
                         "their pairs cannot be covered; name fewer values with -s AXIS=V1,V2");
    tl_choice_free(&h);
    return result;
}

int tl_matrix_plan_rows(struct tl_matrix *m, struct tl_error *e)
{
    if (check_axes(m, e))
        return -1;
    for (size_t i = 0; i < m->n_cases; i++) {
        struct tl_matrix_case *k = &m->cases[i];
        if (plan_case(m, k, e))
            return -1;
        size_t n;
        if (__builtin_mul_overflow(k->n_rows, m->n_units, &n) ||
            __builtin_mul_overflow(n, (size_t)m->wishes.repeat, &n) || n > TL_MATRIX_MOST ||
            m->total + n > TL_MATRIX_MOST)
            return tl_fail(e, TL_ERROR_INPUT, "too many trials", k->c->path,
                           "a matrix has at most %d; with --pairs a few variants hold every pair of values",
                           TL_MATRIX_MOST);
        k->trials = tl_calloc(n + 1, sizeof *k->trials);
        m->total += n;
    }
    return 0;
}

struct tl_matrix_trial *tl_matrix_trials(const struct tl_matrix *m, const struct tl_matrix_case *k,
                                         size_t row, size_t unit)
{
    return &k->trials[(row * m->n_units + unit) * (size_t)m->wishes.repeat];
}
