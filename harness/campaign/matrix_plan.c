/* From the command line to the units and variants of a matrix. */
#include "harness/campaign/matrix.h"

#include "harness/base/buffer.h"
#include "harness/campaign/levels.h"
#include "harness/search/covering.h"

#include <stdlib.h>
#include <string.h>

#define VALUES_MOST 4096 /* values of one axis */

int tl_matrix_plan_units(struct tl_matrix *m, const char *const *units, size_t n, struct tl_error *e)
{
    for (size_t i = 0; i < n; i++)
        if (tl_unit_list_add(&m->names, units[i], e))
            return -1;
    m->n_units = m->names.n;
    return 0;
}

/* --- values --------------------------------------------------------------------------------------------- */

struct values {
    size_t n;
    uint64_t *list; /* indices, in the order in which they were named */
};

static void add_value(struct values *v, uint64_t index)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->list[i] == index)
            return;
    *TL_GROW(v->list, v->n) = index;
}

static int add_span(struct values *v, const struct tl_axis *a, uint64_t from, uint64_t to, const char *text,
                    struct tl_error *e)
{
    uint64_t low = from < to ? from : to, high = from < to ? to : from;
    if (high - low >= VALUES_MOST)
        return tl_fail(e, TL_ERROR_INPUT, "too many values", text,
                       "at most %d values of axis %s can be tried at once; name some of them", VALUES_MOST,
                       a->name);
    for (uint64_t i = 0; i <= high - low; i++)
        add_value(v, from <= to ? from + i : from - i);
    return 0;
}

/* One part of a list: a value; A..B along an ordered axis; * for all values. */
static int add_part(struct values *v, const struct tl_axis *a, const char *part, struct tl_error *e)
{
    uint64_t index, last;
    struct tl_error ignored;
    if (!tl_axis_parse(a, part, &index, e)) {
        add_value(v, index);
        return 0;
    }
    if (!strcmp(part, "*"))
        return add_span(v, a, 0, a->count - (a->count != UINT64_MAX), part, e);
    const char *dots = strstr(part, "..");
    if (!dots || a->kind == TL_AXIS_CHOICES)
        return -1;
    char *from = tl_format("%.*s", (int)(dots - part), part);
    int result = tl_axis_parse(a, from, &index, &ignored) || tl_axis_parse(a, dots + 2, &last, &ignored)
                     ? -1 /* what was said of the whole holds */
                     : add_span(v, a, index, last, part, e);
    free(from);
    return result;
}

/* "V1,V2": the whole may be a value that holds a comma. */
static int add_values(struct values *v, const struct tl_axis *a, const char *text, struct tl_error *e)
{
    uint64_t index;
    if (!tl_axis_parse(a, text, &index, e)) {
        add_value(v, index);
        return 0;
    }
    char *list = tl_strdup(text), *rest = list;
    int result = 0;
    for (char *part; !result && (part = strsep(&rest, ","));)
        result = add_part(v, a, part, e);
    free(list);
    return result;
}

static int named_values(const struct tl_matrix *m, const struct tl_case *c, struct values *values,
                        struct tl_error *e)
{
    for (size_t i = 0; i < m->n_sets; i++) {
        const char *text = m->sets[i], *equals = strchr(text, '=');
        if (!equals)
            return tl_fail(e, TL_ERROR_INPUT, "not an assignment", text, "AXIS=V1,V2 was expected");
        char *name = tl_format("%.*s", (int)(equals - text), text);
        size_t at;
        const struct tl_axis *a = tl_case_axis(c, name, &at);
        free(name);
        if (a && add_values(&values[at], a, equals + 1, e))
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

struct choice { /* of values, for one case */
    const struct tl_case *c;
    const struct values *values; /* one for each axis */
};

static void choose(const struct choice *h, const uint64_t *index, struct tl_variant *v)
{
    for (size_t i = 0; i < h->c->n_axes; i++)
        v->index[i] = h->values[i].list[index[i]];
}

static bool may_not(void *context, const uint64_t *index)
{
    const struct choice *h = context;
    struct tl_variant v = tl_variant_baseline(h->c);
    choose(h, index, &v);
    char *why = tl_variant_forbidden(h->c, &v);
    free(why);
    tl_variant_free(&v);
    return why != NULL;
}

static int take_pairs(struct tl_matrix_case *k, const struct choice *h, struct tl_error *e)
{
    const struct tl_case *c = k->c;
    struct tl_search_axis *axes = tl_calloc(c->n_axes, sizeof *axes);
    for (size_t i = 0; i < c->n_axes; i++)
        axes[i] = (struct tl_search_axis){.count = h->values[i].n, .name = c->axes[i].name};
    const struct tl_search_space space = {c->n_axes, axes, may_not, (void *)h};
    struct tl_covering found;
    int result = tl_covering_pairs(&space, 1, &found);
    free(axes);
    if (result)
        return tl_fail(e, TL_ERROR_INPUT, "too many values", c->path,
                       "their pairs cannot be covered; name fewer values with -s AXIS=V1,V2");
    k->rows = tl_calloc(found.n_rows + 1, sizeof *k->rows);
    for (size_t i = 0; i < found.n_rows; i++) {
        k->rows[i] = tl_variant_baseline(c);
        choose(h, found.rows[i], &k->rows[i]);
    }
    k->n_rows = found.n_rows;
    k->impossible = found.impossible;
    tl_covering_free(&found);
    return 0;
}

static int take_product(struct tl_matrix_case *k, const struct choice *h, struct tl_error *e)
{
    const struct tl_case *c = k->c;
    size_t n = 1;
    for (size_t i = 0; i < c->n_axes; i++)
        if (__builtin_mul_overflow(n, h->values[i].n, &n) || n > TL_MATRIX_MOST)
            return tl_fail(e, TL_ERROR_INPUT, "too many variants", c->path,
                           "a matrix has at most %d; with --pairs a few of them hold every pair of values",
                           TL_MATRIX_MOST);
    k->rows = tl_calloc(n, sizeof *k->rows);
    uint64_t *index = tl_calloc(c->n_axes + 1, sizeof *index);
    for (size_t i = 0; i < n; i++) {
        struct tl_variant v = tl_variant_baseline(c);
        choose(h, index, &v);
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
            if (++index[a] < h->values[a].n)
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
    struct values *values = tl_calloc(c->n_axes + 1, sizeof *values);
    size_t several = 0;
    int result = named_values(m, c, values, e);
    k->varied = tl_calloc(c->n_axes + 1, sizeof *k->varied);
    for (size_t i = 0; i < c->n_axes && !result; i++) {
        uint64_t count = c->axes[i].count;
        bool all = m->wishes.pairs && !m->n_sets;
        uint64_t levels = tl_levels_count(&c->axes[i]);
        if (all && levels < count)
            for (uint64_t l = 0; l < levels; l++)
                add_value(&values[i], tl_levels_index(&c->axes[i], l));
        else if (all)
            result = add_span(&values[i], &c->axes[i], 0, count - 1, c->axes[i].name, e);
        if (!values[i].n)
            add_value(&values[i], 0); /* the baseline */
        k->varied[i] = values[i].n > 1;
        several += k->varied[i];
    }
    const struct choice h = {c, values};
    if (!result)
        result = m->wishes.pairs && several > 2 ? take_pairs(k, &h, e) : take_product(k, &h, e);
    for (size_t i = 0; i < c->n_axes; i++)
        free(values[i].list);
    free(values);
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
