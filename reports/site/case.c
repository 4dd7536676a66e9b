/* A page for each case: its builds over time, findings, and every variant on every unit.
 *
 * A case can have more variants than anybody reads: up to ROWS_MOST are shown, those with failures before the
 * others. The rest is said, and is in the list of trials. */
#include "reports/site/case.h"

#include "db/query.h"
#include "db/site.h"
#include "harness/base/plural.h"
#include "reports/finding/page.h"
#include "reports/page/page.h"
#include "reports/site/expected.h"
#include "reports/site/files.h"
#include "reports/site/links.h"
#include "reports/site/outcomes.h"
#include "reports/site/page.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MOST 3000
#define COLUMNS_MOST 8 /* of axes; a variant with more is text */
#define NEWEST 10

static void free_row(struct tl_site_variant *r)
{
    json_decref(r->variant);
    free(r->text);
    free(r->cells);
}

/* The row of a variant, or a new one. NULL: there is no room. */
static struct tl_site_variant *row_of(struct tl_site_matrix *m, const struct tl_site_cell *c, bool failed)
{
    const char *hash = c->variant_hash ? c->variant_hash : "";
    json_t *known = json_object_get(m->by_hash, hash);
    if (known)
        return &m->rows[json_integer_value(known)];
    m->n_variants++;
    size_t at = m->n;
    if (m->n == ROWS_MOST) {
        if (!failed)
            return NULL;
        while (m->replace < m->n && m->rows[m->replace].failed) /* one that only passed gives way */
            m->replace++;
        if (m->replace == m->n)
            return NULL;
        at = m->replace++;
        json_object_del(m->by_hash, m->rows[at].hash);
        free_row(&m->rows[at]);
    } else {
        m->rows = tl_realloc(m->rows, ++m->n, sizeof *m->rows);
    }
    struct tl_site_variant *r = &m->rows[at];
    *r = (struct tl_site_variant){.matrix = m, .cells = tl_calloc(m->c->n + 1, sizeof *r->cells)};
    snprintf(r->hash, sizeof r->hash, "%s", hash);
    const char *variant = c->variant ? c->variant : "{}";
    r->text = tl_site_clean_exact(m->w, variant, strlen(variant), 2000);
    r->variant = json_loads(r->text, 0, NULL);
    json_object_set_new_nocheck(m->by_hash, hash, json_integer((json_int_t)at));
    return r;
}

/* What the variant of a cell is to its case. Cells of a variant come one after the other. */
static enum tl_site_role role_of(struct tl_site_matrix *m, const struct tl_site_cell *c)
{
    const char *hash = c->variant_hash ? c->variant_hash : "", *in = c->case_hash ? c->case_hash : "";
    if (!*hash || strcmp(m->known, hash) != 0 || strcmp(m->known_in, in) != 0) {
        json_t *variant = json_loads(c->variant ? c->variant : "{}", 0, NULL);
        m->role = tl_site_role_of(tl_site_document_of(m->w, c), variant);
        json_decref(variant);
        snprintf(m->known, sizeof m->known, "%s", hash);
        snprintf(m->known_in, sizeof m->known_in, "%s", in);
    }
    return m->role;
}

static int add_cell(void *arg, const struct tl_site_cell *found, struct tl_error *e)
{
    struct tl_site_matrix *m = arg;
    const struct tl_site_cell *c = found;
    size_t unit = tl_site_unit_of(m->w, c->unit), column = SIZE_MAX;
    enum tl_site_role role = role_of(m, c);
    const char *hash = c->variant_hash ? c->variant_hash : "";
    int shown = tl_site_shown(m->w, c);
    (void)e;
    for (size_t i = 0; i < m->c->n; i++)
        if (m->w->tallies[m->c->first + i].unit == unit)
            column = i;
    tl_site_trend_add(m, c, shown, role);
    if (column != SIZE_MAX)
        tl_site_roles_add(&m->w->tallies[m->c->first + column].roles, role, hash, shown, c->trials);
    m->reduced += role == TL_SITE_REDUCTION ? c->trials : 0;
    bool is_row = column != SIZE_MAX && role != TL_SITE_REDUCTION;
    struct tl_site_variant *r = is_row ? row_of(m, c, tl_site_is_failure(shown)) : NULL;
    if (r) {
        r->role = role;
        r->cells[column].by_outcome[shown] += c->trials;
        r->failed += tl_site_is_failure(shown) ? c->trials : 0;
    }
    return 0;
}

/* --- axes ----------------------------------------------------------------------------------------------- */

static int compare_values(const struct tl_site_axis *a, const json_t *x, const json_t *y)
{
    const json_t *v;
    size_t i, px = SIZE_MAX, py = SIZE_MAX;
    if (!x || !y)
        return x ? 1 : y ? -1 : 0;
    json_array_foreach(a->values, i, v) {
        px = px == SIZE_MAX && json_equal(v, x) ? i : px;
        py = py == SIZE_MAX && json_equal(v, y) ? i : py;
    }
    if (px != py)
        return px < py ? -1 : 1;
    if (json_is_number(x) && json_is_number(y)) {
        double dx = json_number_value(x), dy = json_number_value(y);
        return dx < dy ? -1 : dx > dy;
    }
    if (json_is_string(x) && json_is_string(y))
        return strcmp(json_string_value(x), json_string_value(y));
    return (int)json_typeof(x) - (int)json_typeof(y);
}

/* The axes of all rows, in the order of the case where it is known. None when a variant has no axes that
 * could be told apart: variants are shown as the text that they are then. */
static void read_axes(struct tl_site_matrix *m, const json_t *document)
{
    size_t i, k;
    const json_t *declared;
    const char *name;
    json_t *value;
    json_array_foreach(json_object_get(document, "axes"), i, declared) {
        name = json_string_value(json_object_get(declared, "name"));
        const json_t *choices = json_object_get(declared, "choices"),
                     *ordered = json_object_get(declared, "ordered");
        if (name && m->n_axes < TL_SITE_AXES_MOST)
            m->axes[m->n_axes++] = (struct tl_site_axis){name, choices ? choices : ordered, false};
    }
    for (i = 0; i < m->n; i++) {
        if (!json_is_object(m->rows[i].variant)) {
            m->n_axes = 0;
            return;
        }
        json_object_foreach(m->rows[i].variant, name, value) {
            for (k = 0; k < m->n_axes && strcmp(m->axes[k].name, name);)
                k++;
            if (k == m->n_axes && k < TL_SITE_AXES_MOST)
                m->axes[m->n_axes++] = (struct tl_site_axis){name, NULL, false};
        }
    }
    for (k = 0; k < m->n_axes; k++) {
        const json_t *first = m->n ? json_object_get(m->rows[0].variant, m->axes[k].name) : NULL;
        for (i = 1; i < m->n; i++) {
            value = json_object_get(m->rows[i].variant, m->axes[k].name);
            m->axes[k].varies |= (first || value) && !json_equal(first, value);
        }
        m->n_columns += m->axes[k].varies;
    }
    if (m->n_columns > COLUMNS_MOST)
        m->n_columns = 0;
}

static int by_axes(const void *a, const void *b)
{
    const struct tl_site_variant *x = a, *y = b;
    const struct tl_site_matrix *m = x->matrix;
    for (size_t i = 0; i < m->n_axes; i++) {
        int order = compare_values(&m->axes[i], json_object_get(x->variant, m->axes[i].name),
                                   json_object_get(y->variant, m->axes[i].name));
        if (order)
            return order;
    }
    return strcmp(x->hash, y->hash);
}

/* --- the page ------------------------------------------------------------------------------------------- */

/* What a row is to the case, beside the first of its values. */
static void add_role(struct tl_buffer *b, const struct tl_site_variant *r, bool *first)
{
    if (*first && *tl_site_role_name(r->role))
        tl_buffer_printf(b, " <span class=\"tag\">%s</span>", tl_site_role_name(r->role));
    *first = false;
}

static void add_row(const struct tl_site_matrix *m, struct tl_buffer *b, const struct tl_site_variant *r)
{
    struct tl_buffer link = TL_BUFFER_INIT;
    bool first = true;
    tl_buffer_add_string(b, "<tr>");
    for (size_t k = 0; k < m->n_axes; k++)
        if (m->axes[k].varies && m->n_columns) {
            tl_buffer_add_string(b, "<th scope=\"row\">");
            tl_add_value(b, json_object_get(r->variant, m->axes[k].name));
            add_role(b, r, &first);
            tl_buffer_add_string(b, "</th>");
        }
    if (!m->n_columns) {
        tl_buffer_add_string(b, "<th scope=\"row\">");
        tl_add_escaped(b, r->text);
        add_role(b, r, &first);
        tl_buffer_add_string(b, "</th>");
    }
    for (size_t i = 0; i < m->c->n; i++) {
        tl_buffer_clear(&link);
        tl_buffer_add_string(&link, "../trials.html#case=");
        tl_site_url(&link, m->c->text);
        tl_buffer_add_string(&link, "&amp;unit=");
        tl_site_url(&link, m->w->units[m->w->tallies[m->c->first + i].unit].text);
        tl_buffer_printf(&link, "&amp;v=%.*s", TL_SITE_HASH, r->hash);
        tl_site_cell(b, r->cells[i].by_outcome, link.data);
    }
    tl_buffer_add_string(b, "</tr>\n");
    tl_buffer_free(&link);
}

/* Failures of the case that were seen last, as a table of trials. */
static int add_newest(const struct tl_site_matrix *m, struct tl_buffer *b, struct tl_error *e)
{
    struct tl_filter f = {.case_name = m->c->name, .limit = NEWEST};
    for (int o = 0; o < TL_OUTCOME_COUNT; o++)
        if (tl_outcome_is_failure((enum tl_outcome)o))
            f.outcomes |= 1u << o;
    tl_buffer_add_string(
        b, "<section aria-labelledby=\"newest\"><h2 id=\"newest\">Newest trials that failed</h2>\n");
    int rc = tl_site_newest_trials(m->w, b, "../", &f, e);
    char all[40];
    snprintf(all, sizeof all, "All %llu", (unsigned long long)m->c->trials);
    tl_buffer_add_string(b, "<p><a href=\"../trials.html#case=");
    tl_site_url(b, m->c->text);
    tl_buffer_printf(b, "\">%s trial%s of this case</a></p></section>\n", m->c->trials == 1 ? "The" : all,
                     tl_plural(m->c->trials));
    return rc;
}

static void add_constant(const struct tl_site_matrix *m, struct tl_buffer *b)
{
    bool any = false;
    for (size_t k = 0; k < m->n_axes; k++) {
        const json_t *value = m->n ? json_object_get(m->rows[0].variant, m->axes[k].name) : NULL;
        if (m->axes[k].varies || !value)
            continue;
        tl_buffer_add_string(b, any ? ", <code>" : "<p>In every variant: <code>");
        tl_add_setting(b, m->axes[k].name, value);
        tl_buffer_add_string(b, "</code>");
        any = true;
    }
    tl_buffer_add_string(b, any ? ".</p>\n" : "");
}

static json_t *read_case(struct tl_site *w, struct tl_site_case *c)
{
    struct tl_filter f = {.case_name = c->name, .limit = 1};
    struct tl_cells cells;
    struct tl_error gone; /* without it axes stand in the order of the variants */
    char *text = NULL;
    if (tl_query_cells(w->s, NULL, &f, &cells, &gone))
        return NULL;
    if (cells.n)
        tl_query_case_json(w->s, cells.list[0].case_hash, &text, &gone);
    tl_cells_free(&cells);
    json_t *j = text ? json_loads(text, 0, NULL) : NULL, *clean = NULL;
    free(text);
    if (j && !w->o->keep_paths) {
        clean = tl_redact_json(&w->redaction, j);
        json_decref(j);
    }
    return clean ? clean : j;
}

static int write_case(struct tl_site *w, struct tl_site_case *c, struct tl_error *e)
{
    struct tl_site_matrix m = {.w = w, .c = c, .by_hash = json_object()};
    char *base = tl_format("case/%s", c->page);
    struct tl_site_table t = {.w = w,
                              .base = base,
                              .frame = {c->text, NULL, "../", "table"},
                              .label = "Variants by units",
                              .filter_units = true};
    int rc = tl_site_cells(w->s, c->name, add_cell, &m, e);
    json_t *document = rc ? NULL : read_case(w, c);
    if (!rc) {
        read_axes(&m, document);
        if (m.n)
            qsort(m.rows, m.n, sizeof *m.rows, by_axes);
    }
    struct tl_buffer *b = &t.before;
    tl_buffer_add_string(b, "<p class=\"where\"><a href=\"../index.html\">Overview</a> / case</p>\n<h1>");
    tl_add_escaped(b, c->text);
    tl_buffer_add_string(b, "</h1>\n");
    if (json_is_string(json_object_get(document, "title"))) {
        tl_buffer_add_string(b, "<p class=\"lead\">");
        tl_site_html(w, b, json_string_value(json_object_get(document, "title")), 500);
        tl_buffer_add_string(b, "</p>\n");
    }
    tl_site_trend_write(&m, b);
    tl_site_findings_of(w, b, "../", c->name, NULL);
    tl_buffer_printf(
        b, "<h2>Variants by units</h2>\n<p class=\"quiet\">%zu variant%s. A cell leads to its trials.</p>\n",
        m.n_variants, tl_plural(m.n_variants));
    if (m.n_variants > m.n)
        tl_buffer_printf(b,
                         "<p>%zu of them are shown, those that failed before the others; the list of trials "
                         "has all.</p>\n",
                         m.n);
    if (m.reduced)
        tl_buffer_printf(
            b,
            "<p class=\"quiet\">Reductions of the model tried others in %llu trial%s: they stand in the "
            "finding and in the list of trials, and are no variants of the case.</p>\n",
            (unsigned long long)m.reduced, tl_plural(m.reduced));
    add_constant(&m, b);
    tl_site_legend(b);
    tl_buffer_add_string(&t.head, "<table class=\"matrix\">\n<thead><tr>");
    for (size_t k = 0; k < m.n_axes && m.n_columns; k++)
        if (m.axes[k].varies) {
            tl_buffer_add_string(&t.head, "<th scope=\"col\">");
            tl_add_escaped(&t.head, m.axes[k].name);
            tl_buffer_add_string(&t.head, "</th>");
        }
    if (!m.n_columns)
        tl_buffer_add_string(&t.head, "<th scope=\"col\">variant</th>");
    for (size_t i = 0; i < c->n; i++)
        tl_site_unit_head(&t.head, w->units[w->tallies[c->first + i].unit].text);
    tl_buffer_add_string(&t.head, "</tr></thead>\n<tbody>\n");
    rc = rc || add_newest(&m, &t.after, e) ? -1 : 0;
    for (size_t i = 0; !rc && i < m.n; i++) {
        rc = tl_site_table_row(&t, e);
        add_row(&m, &t.rows, &m.rows[i]);
    }
    if (tl_site_table_end(&t, rc ? NULL : e))
        rc = -1;
    for (size_t i = 0; i < m.n; i++)
        free_row(&m.rows[i]);
    free(m.rows);
    json_decref(m.by_hash);
    json_decref(document);
    tl_site_trend_free(&m);
    free(base);
    return rc;
}

static int by_column(const void *a, const void *b)
{
    const struct tl_site_tally *x = a, *y = b;
    return x->unit < y->unit ? -1 : x->unit > y->unit;
}

int tl_site_write_cases(struct tl_site *w, struct tl_error *e)
{
    for (size_t i = 0; i < w->n_cases; i++) {
        struct tl_site_case *c = &w->cases[i];
        qsort(&w->tallies[c->first], c->n, sizeof *w->tallies, by_column); /* columns as on the overview */
        if (tl_site_tell(w, "writing cases", i, w->n_cases, e) || write_case(w, c, e))
            return -1;
    }
    return 0;
}
